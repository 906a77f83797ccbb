/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vmx/vmcs.h - the one table of VMCS fields (SDM 3D, appendix B).
 *
 * A row is (encoding, type, name).  From it are made the enumeration VMCS_*,
 * the typed accessors vmread(NAME) and vmwrite(NAME, value), and the names
 * that traces and messages print.  The type must agree with the width that
 * the encoding itself states (bits 14:13, SDM 3D B: 0 is 16 bits, 1 is 64,
 * 2 is 32, 3 is natural width); a row where it does not fails to compile.
 *
 * The table is plain logic: it also compiles in userspace.
 */
#ifndef OSP_VMX_VMCS_H
#define OSP_VMX_VMCS_H

#include "../plain.h"

#define OSP_VMCS_FIELDS(F)					\
	/* 16-bit controls */					\
	F(0x0000, u16, VPID)					\
	F(0x0002, u16, POSTED_INTR_NV)				\
	F(0x0004, u16, EPTP_INDEX)				\
	/* 16-bit guest state */				\
	F(0x0800, u16, GUEST_ES_SELECTOR)			\
	F(0x0802, u16, GUEST_CS_SELECTOR)			\
	F(0x0804, u16, GUEST_SS_SELECTOR)			\
	F(0x0806, u16, GUEST_DS_SELECTOR)			\
	F(0x0808, u16, GUEST_FS_SELECTOR)			\
	F(0x080a, u16, GUEST_GS_SELECTOR)			\
	F(0x080c, u16, GUEST_LDTR_SELECTOR)			\
	F(0x080e, u16, GUEST_TR_SELECTOR)			\
	F(0x0810, u16, GUEST_INTR_STATUS)			\
	F(0x0812, u16, PML_INDEX)				\
	/* 16-bit host state */					\
	F(0x0c00, u16, HOST_ES_SELECTOR)			\
	F(0x0c02, u16, HOST_CS_SELECTOR)			\
	F(0x0c04, u16, HOST_SS_SELECTOR)			\
	F(0x0c06, u16, HOST_DS_SELECTOR)			\
	F(0x0c08, u16, HOST_FS_SELECTOR)			\
	F(0x0c0a, u16, HOST_GS_SELECTOR)			\
	F(0x0c0c, u16, HOST_TR_SELECTOR)			\
	/* 64-bit controls */					\
	F(0x2000, u64, IO_BITMAP_A)				\
	F(0x2002, u64, IO_BITMAP_B)				\
	F(0x2004, u64, MSR_BITMAP)				\
	F(0x2006, u64, EXIT_MSR_STORE_ADDR)			\
	F(0x2008, u64, EXIT_MSR_LOAD_ADDR)			\
	F(0x200a, u64, ENTRY_MSR_LOAD_ADDR)			\
	F(0x200c, u64, EXECUTIVE_VMCS_POINTER)			\
	F(0x200e, u64, PML_ADDRESS)				\
	F(0x2010, u64, TSC_OFFSET)				\
	F(0x2012, u64, VIRTUAL_APIC_ADDR)			\
	F(0x2014, u64, APIC_ACCESS_ADDR)			\
	F(0x2016, u64, POSTED_INTR_DESC_ADDR)			\
	F(0x2018, u64, VM_FUNCTION_CONTROLS)			\
	F(0x201a, u64, EPT_POINTER)				\
	F(0x201c, u64, EOI_EXIT_BITMAP0)			\
	F(0x201e, u64, EOI_EXIT_BITMAP1)			\
	F(0x2020, u64, EOI_EXIT_BITMAP2)			\
	F(0x2022, u64, EOI_EXIT_BITMAP3)			\
	F(0x2024, u64, EPTP_LIST_ADDR)				\
	F(0x2026, u64, VMREAD_BITMAP)				\
	F(0x2028, u64, VMWRITE_BITMAP)				\
	F(0x202a, u64, VIRT_EXCEPTION_INFO)			\
	F(0x202c, u64, XSS_EXITING_BITMAP)			\
	F(0x202e, u64, ENCLS_EXITING_BITMAP)			\
	F(0x2030, u64, SPP_TABLE_POINTER)			\
	F(0x2032, u64, TSC_MULTIPLIER)				\
	F(0x2034, u64, TERTIARY_CONTROLS)			\
	/* 64-bit read-only data */				\
	F(0x2400, u64, GUEST_PHYSICAL_ADDRESS)			\
	/* 64-bit guest state */				\
	F(0x2800, u64, VMCS_LINK_POINTER)			\
	F(0x2802, u64, GUEST_DEBUGCTL)				\
	F(0x2804, u64, GUEST_PAT)				\
	F(0x2806, u64, GUEST_EFER)				\
	F(0x2808, u64, GUEST_PERF_GLOBAL_CTRL)			\
	F(0x280a, u64, GUEST_PDPTE0)				\
	F(0x280c, u64, GUEST_PDPTE1)				\
	F(0x280e, u64, GUEST_PDPTE2)				\
	F(0x2810, u64, GUEST_PDPTE3)				\
	F(0x2812, u64, GUEST_BNDCFGS)				\
	F(0x2814, u64, GUEST_RTIT_CTL)				\
	F(0x2818, u64, GUEST_PKRS)				\
	/* 64-bit host state */					\
	F(0x2c00, u64, HOST_PAT)				\
	F(0x2c02, u64, HOST_EFER)				\
	F(0x2c04, u64, HOST_PERF_GLOBAL_CTRL)			\
	F(0x2c06, u64, HOST_PKRS)				\
	/* 32-bit controls */					\
	F(0x4000, u32, PIN_CONTROLS)				\
	F(0x4002, u32, PROC_CONTROLS)				\
	F(0x4004, u32, EXCEPTION_BITMAP)			\
	F(0x4006, u32, PF_ERROR_CODE_MASK)			\
	F(0x4008, u32, PF_ERROR_CODE_MATCH)			\
	F(0x400a, u32, CR3_TARGET_COUNT)			\
	F(0x400c, u32, EXIT_CONTROLS)				\
	F(0x400e, u32, EXIT_MSR_STORE_COUNT)			\
	F(0x4010, u32, EXIT_MSR_LOAD_COUNT)			\
	F(0x4012, u32, ENTRY_CONTROLS)				\
	F(0x4014, u32, ENTRY_MSR_LOAD_COUNT)			\
	F(0x4016, u32, ENTRY_INTR_INFO)				\
	F(0x4018, u32, ENTRY_EXCEPTION_ERROR)			\
	F(0x401a, u32, ENTRY_INSTR_LENGTH)			\
	F(0x401c, u32, TPR_THRESHOLD)				\
	F(0x401e, u32, PROC2_CONTROLS)				\
	F(0x4020, u32, PLE_GAP)					\
	F(0x4022, u32, PLE_WINDOW)				\
	/* 32-bit read-only data */				\
	F(0x4400, u32, INSTRUCTION_ERROR)			\
	F(0x4402, u32, EXIT_REASON)				\
	F(0x4404, u32, EXIT_INTR_INFO)				\
	F(0x4406, u32, EXIT_INTR_ERROR)				\
	F(0x4408, u32, IDT_VECTORING_INFO)			\
	F(0x440a, u32, IDT_VECTORING_ERROR)			\
	F(0x440c, u32, EXIT_INSTR_LENGTH)			\
	F(0x440e, u32, EXIT_INSTR_INFO)				\
	/* 32-bit guest state */				\
	F(0x4800, u32, GUEST_ES_LIMIT)				\
	F(0x4802, u32, GUEST_CS_LIMIT)				\
	F(0x4804, u32, GUEST_SS_LIMIT)				\
	F(0x4806, u32, GUEST_DS_LIMIT)				\
	F(0x4808, u32, GUEST_FS_LIMIT)				\
	F(0x480a, u32, GUEST_GS_LIMIT)				\
	F(0x480c, u32, GUEST_LDTR_LIMIT)			\
	F(0x480e, u32, GUEST_TR_LIMIT)				\
	F(0x4810, u32, GUEST_GDTR_LIMIT)			\
	F(0x4812, u32, GUEST_IDTR_LIMIT)			\
	F(0x4814, u32, GUEST_ES_ACCESS)				\
	F(0x4816, u32, GUEST_CS_ACCESS)				\
	F(0x4818, u32, GUEST_SS_ACCESS)				\
	F(0x481a, u32, GUEST_DS_ACCESS)				\
	F(0x481c, u32, GUEST_FS_ACCESS)				\
	F(0x481e, u32, GUEST_GS_ACCESS)				\
	F(0x4820, u32, GUEST_LDTR_ACCESS)			\
	F(0x4822, u32, GUEST_TR_ACCESS)				\
	F(0x4824, u32, GUEST_INTERRUPTIBILITY)			\
	F(0x4826, u32, GUEST_ACTIVITY)				\
	F(0x4828, u32, GUEST_SMBASE)				\
	F(0x482a, u32, GUEST_SYSENTER_CS)			\
	F(0x482e, u32, PREEMPTION_TIMER)			\
	/* 32-bit host state */					\
	F(0x4c00, u32, HOST_SYSENTER_CS)			\
	/* natural-width controls */				\
	F(0x6000, u64, CR0_MASK)				\
	F(0x6002, u64, CR4_MASK)				\
	F(0x6004, u64, CR0_SHADOW)				\
	F(0x6006, u64, CR4_SHADOW)				\
	/* natural-width read-only data */			\
	F(0x6400, u64, EXIT_QUALIFICATION)			\
	F(0x6402, u64, IO_RCX)					\
	F(0x6404, u64, IO_RSI)					\
	F(0x6406, u64, IO_RDI)					\
	F(0x6408, u64, IO_RIP)					\
	F(0x640a, u64, GUEST_LINEAR_ADDRESS)			\
	/* natural-width guest state */				\
	F(0x6800, u64, GUEST_CR0)				\
	F(0x6802, u64, GUEST_CR3)				\
	F(0x6804, u64, GUEST_CR4)				\
	F(0x6806, u64, GUEST_ES_BASE)				\
	F(0x6808, u64, GUEST_CS_BASE)				\
	F(0x680a, u64, GUEST_SS_BASE)				\
	F(0x680c, u64, GUEST_DS_BASE)				\
	F(0x680e, u64, GUEST_FS_BASE)				\
	F(0x6810, u64, GUEST_GS_BASE)				\
	F(0x6812, u64, GUEST_LDTR_BASE)				\
	F(0x6814, u64, GUEST_TR_BASE)				\
	F(0x6816, u64, GUEST_GDTR_BASE)				\
	F(0x6818, u64, GUEST_IDTR_BASE)				\
	F(0x681a, u64, GUEST_DR7)				\
	F(0x681c, u64, GUEST_RSP)				\
	F(0x681e, u64, GUEST_RIP)				\
	F(0x6820, u64, GUEST_RFLAGS)				\
	F(0x6822, u64, GUEST_PENDING_DEBUG)			\
	F(0x6824, u64, GUEST_SYSENTER_ESP)			\
	F(0x6826, u64, GUEST_SYSENTER_EIP)			\
	/* natural-width host state */				\
	F(0x6c00, u64, HOST_CR0)				\
	F(0x6c02, u64, HOST_CR3)				\
	F(0x6c04, u64, HOST_CR4)				\
	F(0x6c06, u64, HOST_FS_BASE)				\
	F(0x6c08, u64, HOST_GS_BASE)				\
	F(0x6c0a, u64, HOST_TR_BASE)				\
	F(0x6c0c, u64, HOST_GDTR_BASE)				\
	F(0x6c0e, u64, HOST_IDTR_BASE)				\
	F(0x6c10, u64, HOST_SYSENTER_ESP)			\
	F(0x6c12, u64, HOST_SYSENTER_EIP)			\
	F(0x6c14, u64, HOST_RSP)				\
	F(0x6c16, u64, HOST_RIP)

enum osp_vmcs_field {
#define OSP_FIELD_ENUM(encoding, type, name) VMCS_##name = (encoding),
	OSP_VMCS_FIELDS(OSP_FIELD_ENUM)
#undef OSP_FIELD_ENUM
};

/* Bits 14:13 of an encoding: the width of the field, in bytes. */
#define OSP_VMCS_WIDTH(encoding) \
	((((encoding) >> 13) & 3) == 0 ? 2 : (((encoding) >> 13) & 3) == 2 ? 4 : 8)

#define OSP_FIELD_CHECK(encoding, type, name) \
	static_assert(sizeof(type) == OSP_VMCS_WIDTH(encoding), #name);
OSP_VMCS_FIELDS(OSP_FIELD_CHECK)
#undef OSP_FIELD_CHECK

const char *osp_vmcs_field_name(u32 encoding);

#endif /* OSP_VMX_VMCS_H */
