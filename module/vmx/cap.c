// SPDX-License-Identifier: GPL-2.0
/*
 * vmx/cap.c - reading and negotiating the VMX capabilities.
 *
 * Each group of controls has an MSR that says which bits must be 0 and which
 * must be 1 (SDM 3D, appendix A).  Here they are set against two lists: what
 * Ospite can't do without, and what it uses when it is there.  A missing
 * required control is named in the log; the caller then refuses to make a
 * device.  Owns osp_vmx_cap; takes no locks.
 */
#define pr_fmt(fmt) "ospite: " fmt

#include <linux/errno.h>
#include <linux/moduleparam.h>
#include <linux/printk.h>
#include <linux/types.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/vmx.h>

#include "../host.h"
#include "cap.h"

struct osp_vmx_cap osp_vmx_cap __read_mostly;

/*
 * What the CPU can do for a guest's local APIC; each can be turned off, to see
 * what it is good for, or because a CPU does it wrong.
 */
static bool tpr_shadow = true;
module_param(tpr_shadow, bool, 0444);
MODULE_PARM_DESC(tpr_shadow, "CR8 without VM exits; off: all of APIC virtualization is (default: on)");

static bool apic_access = true;
module_param(apic_access, bool, 0444);
MODULE_PARM_DESC(apic_access, "virtualize accesses to the xAPIC page (default: on)");

static bool x2apic_mode = true;
module_param(x2apic_mode, bool, 0444);
MODULE_PARM_DESC(x2apic_mode, "virtualize accesses to x2APIC MSRs (default: on)");

static bool apic_registers = true;
module_param(apic_registers, bool, 0444);
MODULE_PARM_DESC(apic_registers, "read APIC registers without VM exits (default: on)");

static bool interrupt_delivery = true;
module_param(interrupt_delivery, bool, 0444);
MODULE_PARM_DESC(interrupt_delivery, "EOI, self-IPI and delivery without VM exits (default: on)");

static bool posted_interrupts = true;
module_param(posted_interrupts, bool, 0444);
MODULE_PARM_DESC(posted_interrupts, "interrupt a running guest without a VM exit (default: on)");

static bool preemption_timer = true;
module_param(preemption_timer, bool, 0444);
MODULE_PARM_DESC(preemption_timer, "the VMX preemption timer for TSC deadlines (default: on)");

struct control {
	u32 bit;
	const char *name;
};

static const struct control pin_required[] = {
	{ PIN_BASED_EXT_INTR_MASK, "external-interrupt exiting" },
	{ PIN_BASED_NMI_EXITING, "NMI exiting" },
	{ PIN_BASED_VIRTUAL_NMIS, "virtual NMIs" },
	{ PIN_BASED_VMX_PREEMPTION_TIMER, "activate VMX-preemption timer" },
	{ }
};

static const struct control proc_required[] = {
	{ CPU_BASED_HLT_EXITING, "HLT exiting" },
	{ CPU_BASED_USE_TSC_OFFSETTING, "use TSC offsetting" },
	{ CPU_BASED_MWAIT_EXITING, "MWAIT exiting" },
	{ CPU_BASED_MONITOR_EXITING, "MONITOR exiting" },
	{ CPU_BASED_RDPMC_EXITING, "RDPMC exiting" },
	{ CPU_BASED_MOV_DR_EXITING, "MOV-DR exiting" },
	{ CPU_BASED_CR8_LOAD_EXITING, "CR8-load exiting" },
	{ CPU_BASED_CR8_STORE_EXITING, "CR8-store exiting" },
	{ CPU_BASED_UNCOND_IO_EXITING, "unconditional I/O exiting" },
	{ CPU_BASED_USE_MSR_BITMAPS, "use MSR bitmaps" },
	{ CPU_BASED_ACTIVATE_SECONDARY_CONTROLS, "activate secondary controls" },
	{ }
};

static const struct control proc2_required[] = {
	{ SECONDARY_EXEC_ENABLE_EPT, "enable EPT" },
	{ SECONDARY_EXEC_ENABLE_VPID, "enable VPID" },
	{ SECONDARY_EXEC_UNRESTRICTED_GUEST, "unrestricted guest" },
	{ SECONDARY_EXEC_WBINVD_EXITING, "WBINVD exiting" },
	{ }
};

/* Each makes an instruction or a state component available to the guest. */
static const u32 proc2_wanted =
	SECONDARY_EXEC_ENABLE_RDTSCP | SECONDARY_EXEC_ENABLE_INVPCID |
	SECONDARY_EXEC_ENABLE_XSAVES;

static u32 proc2_wanted_apic(void)
{
	return (apic_access ? SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES : 0) |
	       (x2apic_mode ? SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE : 0) |
	       (apic_registers ? SECONDARY_EXEC_APIC_REGISTER_VIRT : 0) |
	       (interrupt_delivery ? SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY : 0);
}

static const struct control exit_required[] = {
	{ VM_EXIT_HOST_ADDR_SPACE_SIZE, "host address-space size" },
	{ VM_EXIT_SAVE_DEBUG_CONTROLS, "save debug controls" },
	{ VM_EXIT_SAVE_IA32_PAT, "save IA32_PAT" },
	{ VM_EXIT_LOAD_IA32_PAT, "load IA32_PAT (exit)" },
	{ VM_EXIT_SAVE_IA32_EFER, "save IA32_EFER" },
	{ VM_EXIT_LOAD_IA32_EFER, "load IA32_EFER (exit)" },
	{ }
};

static const struct control entry_required[] = {
	{ VM_ENTRY_LOAD_DEBUG_CONTROLS, "load debug controls" },
	{ VM_ENTRY_LOAD_IA32_PAT, "load IA32_PAT (entry)" },
	{ VM_ENTRY_LOAD_IA32_EFER, "load IA32_EFER (entry)" },
	{ }
};

/* EPT and VPID capabilities (SDM 3D A.10), in one 64-bit register. */
static const struct {
	u64 bit;
	const char *name;
} ept_vpid_required[] = {
	{ VMX_EPT_PAGE_WALK_4_BIT, "EPT page walk of length 4" },
	{ BIT_ULL(14), "write-back EPT paging structures" },
	{ VMX_EPT_INVEPT_BIT, "INVEPT" },
	{ VMX_EPT_EXTENT_CONTEXT_BIT, "single-context INVEPT" },
	{ VMX_EPT_EXTENT_GLOBAL_BIT, "all-context INVEPT" },
	{ VMX_VPID_INVVPID_BIT << 32, "INVVPID" },
	{ VMX_VPID_EXTENT_SINGLE_CONTEXT_BIT << 32, "single-context INVVPID" },
	{ VMX_VPID_EXTENT_GLOBAL_CONTEXT_BIT << 32, "all-context INVVPID" },
};

/**
 * negotiate() - the value of one group of controls
 * @msr: its capability MSR: low half allowed-0, high half allowed-1
 * @group: what to call the group in a message
 * @required: what must be there, ended by an empty entry
 * @wanted: what is used if it is there
 * @value: result
 *
 * Return: 0, or -EOPNOTSUPP with each missing control named in the log.
 */
static int negotiate(u32 msr, const char *group, const struct control *required,
		     u32 wanted, u32 *value)
{
	u32 must_be_1, may_be_1;
	int err = 0;

	rdmsr(msr, must_be_1, may_be_1);
	for (; required->name; required++) {
		wanted |= required->bit;
		if (may_be_1 & required->bit)
			continue;
		pr_err("this CPU's VMX lacks a required %s control: %s\n",
		       group, required->name);
		err = -EOPNOTSUPP;
	}
	*value = must_be_1 | (wanted & may_be_1);
	return err;
}

static int negotiate_ept_vpid(struct osp_vmx_cap *cap)
{
	int i, err = 0;

	rdmsrl(MSR_IA32_VMX_EPT_VPID_CAP, cap->ept_vpid);
	for (i = 0; i < ARRAY_SIZE(ept_vpid_required); i++) {
		if (cap->ept_vpid & ept_vpid_required[i].bit)
			continue;
		pr_err("this CPU's VMX lacks a required capability: %s\n",
		       ept_vpid_required[i].name);
		err = -EOPNOTSUPP;
	}
	return err;
}

/*
 * What depends on a control that is not there, or was turned off, goes with it
 * (SDM 3C 27.2.1.1).
 */
static void drop_dependents(struct osp_vmx_cap *cap)
{
	if (!(cap->proc & CPU_BASED_TPR_SHADOW))
		cap->proc2 &= ~OSP_APICV_CONTROLS;
	if (!(cap->proc2 & SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY) ||
	    !(cap->exit & VM_EXIT_ACK_INTR_ON_EXIT) || !osp_host_can_post())
		cap->pin &= ~PIN_BASED_POSTED_INTR;
	if (!(cap->pin & PIN_BASED_POSTED_INTR))
		cap->exit &= ~VM_EXIT_ACK_INTR_ON_EXIT;
}

/*
 * With the TRUE_ MSRs (IA32_VMX_BASIC bit 55) CR3 exiting can be turned off;
 * unrestricted guests exist only on CPUs that have them.
 */
static int read_capabilities(struct osp_vmx_cap *cap)
{
	u64 basic, misc, ept_vpid = 0;
	int err;

	rdmsrl(MSR_IA32_VMX_BASIC, basic);
	if (!(basic & BIT_ULL(55))) {
		pr_err("this CPU's VMX has no TRUE capability MSRs\n");
		return -EOPNOTSUPP;
	}
	if (((basic >> 50) & 0xf) != 6) {
		pr_err("this CPU's VMX keeps the VMCS in other than write-back memory\n");
		return -EOPNOTSUPP;
	}
	cap->revision = basic & GENMASK(30, 0);

	err = negotiate(MSR_IA32_VMX_TRUE_PINBASED_CTLS, "pin-based",
			pin_required,
			posted_interrupts ? PIN_BASED_POSTED_INTR : 0,
			&cap->pin);
	err = negotiate(MSR_IA32_VMX_TRUE_PROCBASED_CTLS, "processor-based",
			proc_required, tpr_shadow ? CPU_BASED_TPR_SHADOW : 0,
			&cap->proc) ?: err;
	rdmsrl_safe(MSR_IA32_VMX_EPT_VPID_CAP, &ept_vpid);
	if (cap->proc & CPU_BASED_ACTIVATE_SECONDARY_CONTROLS)
		err = negotiate(MSR_IA32_VMX_PROCBASED_CTLS2, "secondary",
				proc2_required,
				proc2_wanted | proc2_wanted_apic() |
				osp_ple_wanted() | osp_pml_wanted(ept_vpid),
				&cap->proc2) ?: err;
	err = negotiate(MSR_IA32_VMX_TRUE_EXIT_CTLS, "VM-exit",
			exit_required, VM_EXIT_ACK_INTR_ON_EXIT,
			&cap->exit) ?: err;
	err = negotiate(MSR_IA32_VMX_TRUE_ENTRY_CTLS, "VM-entry",
			entry_required, 0, &cap->entry) ?: err;
	drop_dependents(cap);
	if (!err)
		err = negotiate_ept_vpid(cap);

	rdmsrl(MSR_IA32_VMX_CR0_FIXED0, cap->cr0_fixed0);
	rdmsrl(MSR_IA32_VMX_CR0_FIXED1, cap->cr0_fixed1);
	rdmsrl(MSR_IA32_VMX_CR4_FIXED0, cap->cr4_fixed0);
	rdmsrl(MSR_IA32_VMX_CR4_FIXED1, cap->cr4_fixed1);
	rdmsrl(MSR_IA32_VMX_MISC, misc);
	cap->timer_shift = misc & GENMASK(4, 0);
	cap->deadline_timer = preemption_timer;
	cap->bochs = osp_host_is_bochs();
	return err;
}

/*
 * Firmware decides in IA32_FEATURE_CONTROL whether VMXON works (SDM 3C 24.7).
 * Linux locks the register at boot in the right state if firmware left it
 * open, so that only the verdict is to be read here.
 */
static int check_feature_control(void)
{
	u64 control;

	if (rdmsrl_safe(MSR_IA32_FEAT_CTL, &control))
		return -EOPNOTSUPP;
	if (!(control & FEAT_CTL_LOCKED)) {
		control |= FEAT_CTL_LOCKED | FEAT_CTL_VMX_ENABLED_OUTSIDE_SMX;
		return wrmsrl_safe(MSR_IA32_FEAT_CTL, control) ? -EOPNOTSUPP : 0;
	}
	return control & FEAT_CTL_VMX_ENABLED_OUTSIDE_SMX ? 0 : -EOPNOTSUPP;
}

/**
 * osp_vmx_probe() - can this machine run virtual machines?
 *
 * Fills osp_vmx_cap from the CPU it runs on.
 *
 * Context: module load; may sleep.
 * Return: 0, or -EOPNOTSUPP with the reason in the log.
 */
int osp_vmx_probe(void)
{
	if (!boot_cpu_has(X86_FEATURE_VMX) && !(cpuid_ecx(1) & BIT(5))) {
		pr_err("this CPU has no VMX (not Intel VT-x, or hidden by an outer hypervisor)\n");
		return -EOPNOTSUPP;
	}
	if (check_feature_control()) {
		pr_err("VMX is locked off by firmware: turn on VT-x in the firmware's setup\n");
		return -EOPNOTSUPP;
	}
	return read_capabilities(&osp_vmx_cap);
}

/**
 * osp_vmx_check_cpu() - can this CPU do what the first one could?
 *
 * A CPU that comes online later could have been left by its firmware without
 * VMX.  Context: the CPU in question, preemption off.
 * Return: 0 or -EOPNOTSUPP.
 */
int osp_vmx_check_cpu(void)
{
	u64 basic;

	if (!this_cpu_has(X86_FEATURE_VMX) || check_feature_control())
		return -EOPNOTSUPP;
	rdmsrl(MSR_IA32_VMX_BASIC, basic);
	return (basic & GENMASK(30, 0)) == osp_vmx_cap.revision ? 0 : -EOPNOTSUPP;
}
