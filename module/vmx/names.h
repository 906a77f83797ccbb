/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vmx/names.h - exit reasons (SDM 3D, appendix C) and words for VMX numbers.
 *
 * Plain logic: it also compiles in userspace.
 */
#ifndef OSP_VMX_NAMES_H
#define OSP_VMX_NAMES_H

#include "vmcs.h"

#define OSP_EXIT_REASONS(E)				\
	E(0, EXCEPTION_NMI)				\
	E(1, EXTERNAL_INTERRUPT)			\
	E(2, TRIPLE_FAULT)				\
	E(3, INIT_SIGNAL)				\
	E(4, SIPI_SIGNAL)				\
	E(5, IO_SMI)					\
	E(6, OTHER_SMI)					\
	E(7, INTERRUPT_WINDOW)				\
	E(8, NMI_WINDOW)				\
	E(9, TASK_SWITCH)				\
	E(10, CPUID)					\
	E(11, GETSEC)					\
	E(12, HLT)					\
	E(13, INVD)					\
	E(14, INVLPG)					\
	E(15, RDPMC)					\
	E(16, RDTSC)					\
	E(17, RSM)					\
	E(18, VMCALL)					\
	E(19, VMCLEAR)					\
	E(20, VMLAUNCH)					\
	E(21, VMPTRLD)					\
	E(22, VMPTRST)					\
	E(23, VMREAD)					\
	E(24, VMRESUME)					\
	E(25, VMWRITE)					\
	E(26, VMXOFF)					\
	E(27, VMXON)					\
	E(28, CR_ACCESS)				\
	E(29, DR_ACCESS)				\
	E(30, IO_INSTRUCTION)				\
	E(31, MSR_READ)					\
	E(32, MSR_WRITE)				\
	E(33, INVALID_GUEST_STATE)			\
	E(34, MSR_LOADING)				\
	E(36, MWAIT)					\
	E(37, MONITOR_TRAP_FLAG)			\
	E(39, MONITOR)					\
	E(40, PAUSE)					\
	E(41, MACHINE_CHECK_ON_ENTRY)			\
	E(43, TPR_BELOW_THRESHOLD)			\
	E(44, APIC_ACCESS)				\
	E(45, VIRTUALIZED_EOI)				\
	E(46, GDTR_IDTR)				\
	E(47, LDTR_TR)					\
	E(48, EPT_VIOLATION)				\
	E(49, EPT_MISCONFIGURATION)			\
	E(50, INVEPT)					\
	E(51, RDTSCP)					\
	E(52, PREEMPTION_TIMER)				\
	E(53, INVVPID)					\
	E(54, WBINVD)					\
	E(55, XSETBV)					\
	E(56, APIC_WRITE)				\
	E(57, RDRAND)					\
	E(58, INVPCID)					\
	E(59, VMFUNC)					\
	E(60, ENCLS)					\
	E(61, RDSEED)					\
	E(62, PML_FULL)					\
	E(63, XSAVES)					\
	E(64, XRSTORS)					\
	E(66, SPP_EVENT)				\
	E(67, UMWAIT)					\
	E(68, TPAUSE)					\
	E(74, BUS_LOCK)					\
	E(75, NOTIFY)

enum osp_exit_reason {
#define OSP_EXIT_ENUM(number, name) OSP_EXIT_##name = (number),
	OSP_EXIT_REASONS(OSP_EXIT_ENUM)
#undef OSP_EXIT_ENUM
	OSP_NR_EXIT_REASONS
};

const char *osp_instruction_error(u32 error);
const char *osp_exit_name(u32 reason);

#endif /* OSP_VMX_NAMES_H */
