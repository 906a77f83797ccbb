/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vmx/cap.h - what this machine's VMX can do, and what is made of it.
 */
#ifndef OSP_VMX_CAP_H
#define OSP_VMX_CAP_H

#include <linux/types.h>
#include <asm/vmx.h>

/* The secondary controls that virtualize a local APIC (SDM 3C chapter 30). */
#define OSP_APICV_CONTROLS \
	(SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES | \
	 SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE | \
	 SECONDARY_EXEC_APIC_REGISTER_VIRT | \
	 SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY)

/**
 * struct osp_vmx_cap - the VMX controls of this machine, read once
 * @revision: VMCS revision identifier (IA32_VMX_BASIC)
 * @pin: pin-based controls in use, required ones and what of the wanted exists
 * @proc: primary processor-based controls at rest (no window exiting)
 * @proc2: secondary processor-based controls at rest
 * @exit: VM-exit controls
 * @entry: VM-entry controls outside IA-32e mode
 * @ept_vpid: IA32_VMX_EPT_VPID_CAP
 * @cr0_fixed0: bits of CR0 that must be 1 in VMX operation
 * @cr0_fixed1: bits of CR0 that may be 1
 * @cr4_fixed0: the same for CR4
 * @cr4_fixed1: the same for CR4
 * @timer_shift: the VMX-preemption timer counts TSC >> timer_shift
 * @deadline_timer: it is used for the guest's TSC deadlines
 * @bochs: it is Bochs, whose virtual-interrupt delivery has flaws (bochs.c)
 *
 * Filled by osp_vmx_probe() before /dev/ospite exists, read-only afterwards.
 */
struct osp_vmx_cap {
	u32 revision;
	u32 pin;
	u32 proc;
	u32 proc2;
	u32 exit;
	u32 entry;
	u64 ept_vpid;
	u64 cr0_fixed0, cr0_fixed1;
	u64 cr4_fixed0, cr4_fixed1;
	u8 timer_shift;
	bool deadline_timer;
	bool bochs;
};

extern struct osp_vmx_cap osp_vmx_cap;

/* pml.c */
u32 osp_pml_wanted(u64 ept_vpid);

/* ple.c */
u32 osp_ple_wanted(void);

int osp_vmx_probe(void);
int osp_vmx_check_cpu(void);

#endif /* OSP_VMX_CAP_H */
