// SPDX-License-Identifier: GPL-2.0
/*
 * vmx/setup.c - a vCPU's VMCS from its allocation to its release: controls,
 * constant host state, MSR bitmap.
 *
 * Policy in two places: set_controls() says which instructions of the guest
 * end in a VM exit, open_msrs which MSRs it touches without one.  Everything
 * starts denied.  Owns a VPID, the MSR bitmap and the virtual-APIC page of
 * each vCPU.  SDM 3C 25.5 to 25.8.
 */
#include <linux/gfp.h>
#include <linux/idr.h>
#include <asm/desc.h>
#include <asm/msr.h>
#include <asm/pgtable.h>
#include <asm/segment.h>
#include <asm/tlbflush.h>
#include <asm/traps.h>
#include <asm/vmx.h>

#include "../ospite.h"
#include "cap.h"
#include "ops.h"

/* The exit label in enter.S. */
extern const char osp_vmx_exit_entry[];

static DEFINE_IDA(vpids);

struct open_msr {
	u32 msr;
	bool read, write;
};

/*
 * Open to the guest: what the VM entry and exit switch by themselves, or what
 * the host does not need and is switched by hand (KERNEL_GS_BASE).  The TSC is
 * read with the guest's offset.
 */
static const struct open_msr open_msrs[] = {
	{ MSR_FS_BASE, true, true },
	{ MSR_GS_BASE, true, true },
	{ MSR_KERNEL_GS_BASE, true, true },
	{ MSR_IA32_SYSENTER_CS, true, true },
	{ MSR_IA32_SYSENTER_ESP, true, true },
	{ MSR_IA32_SYSENTER_EIP, true, true },
	{ MSR_IA32_TSC, true, false },
};

/**
 * osp_vmx_pass_msr() - let the guest touch an MSR without an exit, or not
 * @vcpu: the vCPU
 * @msr: its index, in one of the two ranges of the bitmap
 * @read: RDMSR does not exit
 * @write: WRMSR does not exit
 *
 * The page has four bitmaps: reads of low MSRs, of high ones (from C0000000H),
 * then writes (SDM 3C 25.6.9).
 */
void osp_vmx_pass_msr(struct osp_vcpu *vcpu, u32 msr, bool read, bool write)
{
	unsigned int bit = (msr & 0x1fff) + (msr >= 0xc0000000 ? 0x2000 : 0);

	__assign_bit(bit, vcpu->msr_bitmap, !read);
	__assign_bit(bit + 0x4000, vcpu->msr_bitmap, !write);
}

static void set_msr_bitmap(struct osp_vcpu *vcpu)
{
	bool spec_ctrl = osp_has(vcpu, OSP_GUEST_SPEC_CTRL);
	int i;

	memset(vcpu->msr_bitmap, 0xff, PAGE_SIZE);
	for (i = 0; i < ARRAY_SIZE(open_msrs); i++)
		osp_vmx_pass_msr(vcpu, open_msrs[i].msr, open_msrs[i].read,
				 open_msrs[i].write);
	/* switch.c saves and restores SPEC_CTRL around each stay. */
	osp_vmx_pass_msr(vcpu, MSR_IA32_SPEC_CTRL, spec_ctrl, spec_ctrl);
	osp_vmx_pass_msr(vcpu, MSR_IA32_PRED_CMD, false, spec_ctrl);
	osp_apicv_pass_msrs(vcpu);
}

static u32 pin_controls(struct osp_vcpu *vcpu)
{
	u32 pin = osp_vmx_cap.pin;

	/* They are delivered as virtual interrupts, or not at all. */
	if (!vcpu->virtual_delivery)
		pin &= ~PIN_BASED_POSTED_INTR;
	return pin;
}

static u32 proc_controls(struct osp_vcpu *vcpu)
{
	u32 proc = osp_vmx_cap.proc;

	/* CR8: the CPU keeps it in the APIC page, or userspace has the APIC. */
	if (!vcpu->lapic)
		proc &= ~CPU_BASED_TPR_SHADOW;
	if (proc & CPU_BASED_TPR_SHADOW)
		proc &= ~(CPU_BASED_CR8_LOAD_EXITING |
			  CPU_BASED_CR8_STORE_EXITING);
	if (vcpu->db_live)
		proc &= ~CPU_BASED_MOV_DR_EXITING;
	if (vcpu->irq_window)
		proc |= CPU_BASED_INTR_WINDOW_EXITING;
	if (vcpu->nmi_window)
		proc |= CPU_BASED_NMI_WINDOW_EXITING;
	return proc;
}

static u32 proc2_controls(struct osp_vcpu *vcpu)
{
	u32 proc2 = (osp_vmx_cap.proc2 & ~OSP_APICV_CONTROLS) | vcpu->apicv;

	/* Without these the instruction raises #UD by itself. */
	if (!osp_has(vcpu, OSP_GUEST_RDTSCP))
		proc2 &= ~SECONDARY_EXEC_ENABLE_RDTSCP;
	if (!osp_has(vcpu, OSP_GUEST_INVPCID))
		proc2 &= ~SECONDARY_EXEC_ENABLE_INVPCID;
	if (!osp_has(vcpu, OSP_GUEST_XSAVES))
		proc2 &= ~SECONDARY_EXEC_ENABLE_XSAVES;
	return proc2;
}

/**
 * osp_vmx_set_controls() - write the primary controls after one has changed
 * @vcpu: the vCPU, loaded
 */
void osp_vmx_set_controls(struct osp_vcpu *vcpu)
{
	vmwrite(PROC_CONTROLS, proc_controls(vcpu));
}

/**
 * osp_vmx_set_modes() - write all controls after APIC virtualization has changed
 * @vcpu: the vCPU, loaded
 */
void osp_vmx_set_modes(struct osp_vcpu *vcpu)
{
	vmwrite(PIN_CONTROLS, pin_controls(vcpu));
	vmwrite(PROC_CONTROLS, proc_controls(vcpu));
	vmwrite(PROC2_CONTROLS, proc2_controls(vcpu));
	if (vcpu->tpr_threshold) {
		vcpu->tpr_threshold = 0;
		vmwrite(TPR_THRESHOLD, 0);
	}
}

/**
 * osp_vmx_set_intercepts() - follow the guest's CPUID in what exits
 * @vcpu: the vCPU, loaded
 *
 * Bits of CR4 that the guest's CPUID allows are its own; setting any other
 * must raise #GP and so has to exit.
 */
void osp_vmx_set_intercepts(struct osp_vcpu *vcpu)
{
	u64 cr4 = osp_vmx_cr4(vcpu);

	vcpu->cr4_guest_owned = vcpu->cr4_allowed &
				~(X86_CR4_VMXE | X86_CR4_SMXE | X86_CR4_MCE);
	vmwrite(CR4_MASK, ~vcpu->cr4_guest_owned);
	osp_vmx_set_cr4(vcpu, cr4);
	osp_vmx_set_controls(vcpu);
	vmwrite(PROC2_CONTROLS, proc2_controls(vcpu));
	set_msr_bitmap(vcpu);
}

/*
 * #DB and #AC exit because their delivery can raise them again without end,
 * and then nothing else would ever get the CPU (CVE-2015-8104, CVE-2015-5307).
 */
#define EXCEPTIONS	(BIT(X86_TRAP_DB) | BIT(X86_TRAP_AC) | BIT(X86_TRAP_MC))

static void set_controls(struct osp_vcpu *vcpu)
{
	vmwrite(PIN_CONTROLS, pin_controls(vcpu));
	vmwrite(EXIT_CONTROLS, osp_vmx_cap.exit);
	vmwrite(ENTRY_CONTROLS, osp_vmx_cap.entry);
	vmwrite(EXCEPTION_BITMAP, EXCEPTIONS);
	vmwrite(PF_ERROR_CODE_MASK, 0);
	vmwrite(PF_ERROR_CODE_MATCH, 0);
	vmwrite(CR3_TARGET_COUNT, 0);
	vmwrite(EXIT_MSR_STORE_COUNT, 0);
	vmwrite(EXIT_MSR_LOAD_COUNT, 0);
	vmwrite(ENTRY_MSR_LOAD_COUNT, 0);
	vmwrite(ENTRY_INTR_INFO, 0);
	vmwrite(CR0_MASK, ~(u64)(X86_CR0_MP | X86_CR0_EM | X86_CR0_TS |
				 X86_CR0_WP | X86_CR0_AM));
	vmwrite(CR4_MASK, ~vcpu->cr4_guest_owned);
	vmwrite(VMCS_LINK_POINTER, ~0ULL);
	vmwrite(VPID, vcpu->vpid);
	vmwrite(EPT_POINTER, osp_mmu_eptp(&vcpu->vm->mmu));
	vmwrite(MSR_BITMAP, __pa(vcpu->msr_bitmap));
	if (osp_vmx_cap.proc & CPU_BASED_TPR_SHADOW) {
		vmwrite(VIRTUAL_APIC_ADDR, __pa(vcpu->apic_page));
		vmwrite(TPR_THRESHOLD, 0);
	}
	if (osp_vmx_cap.proc2 & SECONDARY_EXEC_ENABLE_XSAVES)
		vmwrite(XSS_EXITING_BITMAP, 0);
	/* Never saved at exit, so that each stay starts with the whole of it. */
	osp_vmx_bound_stay(vcpu);
	osp_apicv_setup(vcpu);
	osp_ple_setup(vcpu);
	osp_pml_setup(vcpu);
	vmwrite(TSC_OFFSET, vcpu->tsc_offset);
	vmwrite(PROC_CONTROLS, proc_controls(vcpu));
	vmwrite(PROC2_CONTROLS, proc2_controls(vcpu));
}

/* The same on every CPU and for every task; the rest is in switch.c. */
static void set_host_state(void)
{
	struct desc_ptr idt;
	u64 value;

	vmwrite(HOST_CR0, read_cr0() & ~X86_CR0_TS);
	vmwrite(HOST_CS_SELECTOR, __KERNEL_CS);
	vmwrite(HOST_SS_SELECTOR, __KERNEL_DS);
	vmwrite(HOST_DS_SELECTOR, 0);
	vmwrite(HOST_ES_SELECTOR, 0);
	vmwrite(HOST_FS_SELECTOR, 0);
	vmwrite(HOST_GS_SELECTOR, 0);
	vmwrite(HOST_TR_SELECTOR, GDT_ENTRY_TSS * 8);
	store_idt(&idt);
	vmwrite(HOST_IDTR_BASE, idt.address);
	rdmsrl(MSR_IA32_SYSENTER_CS, value);
	vmwrite(HOST_SYSENTER_CS, value);
	rdmsrl(MSR_IA32_SYSENTER_EIP, value);
	vmwrite(HOST_SYSENTER_EIP, value);
	rdmsrl(MSR_EFER, value);
	vmwrite(HOST_EFER, value);
	rdmsrl(MSR_IA32_CR_PAT, value);
	vmwrite(HOST_PAT, value);
	vmwrite(HOST_RIP, (u64)osp_vmx_exit_entry);
}

/**
 * osp_vmx_vcpu_init() - allocate a vCPU's VMCS and what belongs to it
 * @vcpu: the vCPU, with @vcpu->vm set
 *
 * Context: process context, may sleep.
 * Return: 0, -ENOMEM or -ENOSPC (65,535 vCPUs on the machine); what was
 * allocated is released by osp_vmx_vcpu_free().
 */
int osp_vmx_vcpu_init(struct osp_vcpu *vcpu)
{
	int vpid;

	vcpu->apic_page = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	vcpu->msr_bitmap = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!vcpu->apic_page || !vcpu->msr_bitmap)
		return -ENOMEM;
	/* VPID 0 is the host's (SDM 3C 29.1). */
	vpid = ida_alloc_range(&vpids, 1, U16_MAX, GFP_KERNEL);
	if (vpid < 0)
		return vpid;
	vcpu->vpid = vpid;
	if (osp_pml_alloc(vcpu))
		return -ENOMEM;
	return osp_vmcs_alloc(&vcpu->vmcs);
}

/**
 * osp_vmx_vcpu_free() - undo osp_vmx_vcpu_init(), also when it failed
 * @vcpu: the vCPU; it is loaded nowhere and will not run again
 */
void osp_vmx_vcpu_free(struct osp_vcpu *vcpu)
{
	osp_vmcs_free(&vcpu->vmcs);
	if (vcpu->vpid)
		ida_free(&vpids, vcpu->vpid);
	osp_pml_free(vcpu);
	free_page((unsigned long)vcpu->msr_bitmap);
	free_page((unsigned long)vcpu->apic_page);
}

/**
 * osp_vmx_reset_events() - forget what holds events back or is to be delivered
 * @vcpu: the vCPU, loaded; it is being reset
 */
void osp_vmx_reset_events(struct osp_vcpu *vcpu)
{
	vmwrite(GUEST_PENDING_DEBUG, 0);
	vmwrite(GUEST_ACTIVITY, GUEST_ACTIVITY_ACTIVE);
	vmwrite(ENTRY_INTR_INFO, 0);
	osp_vmx_set_interruptibility(vcpu, 0);
}

/**
 * osp_vmx_vcpu_setup() - write all that never changes, or only with CPUID
 * @vcpu: the vCPU, loaded for the first time
 *
 * But for the MSR bitmap, which osp_vmx_set_intercepts() makes, or
 * osp_vmx_write_state().
 */
void osp_vmx_vcpu_setup(struct osp_vcpu *vcpu)
{
	set_controls(vcpu);
	set_host_state();
	osp_vmx_reset_events(vcpu);
	vmwrite(GUEST_DEBUGCTL, 0);
	/* The reset value (SDM 3A 12.12.4). */
	vmwrite(GUEST_PAT, 0x0007040600070406ULL);
}

/**
 * osp_vmx_setup_exit() - release the VPID allocator's memory
 */
void osp_vmx_setup_exit(void)
{
	ida_destroy(&vpids);
}
