// SPDX-License-Identifier: GPL-2.0
/*
 * vmx/features.c - which of the CPU's optional features are used.
 *
 * Each has a module parameter that turns it off, and a line here by the name of
 * that parameter.  What is there is in the capability MSRs (SDM 3D, appendix A),
 * what is used in osp_vmx_cap.  Nothing is owned, no locks are taken.
 */
#include <linux/kernel.h>
#include <linux/seq_file.h>
#include <asm/msr.h>
#include <asm/vmx.h>

#include "cap.h"
#include "vmx.h"

/**
 * struct feature - an optional feature
 * @name: of the module parameter
 * @msr: the capability MSR of the group of controls; allowed-1 bits above
 * @bit: the control
 * @used: the group's value in use
 */
struct feature {
	const char *name;
	u32 msr;
	u32 bit;
	const u32 *used;
};

static const struct feature features[] = {
	{ "tpr_shadow", MSR_IA32_VMX_TRUE_PROCBASED_CTLS,
	  CPU_BASED_TPR_SHADOW, &osp_vmx_cap.proc },
	{ "apic_access", MSR_IA32_VMX_PROCBASED_CTLS2,
	  SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES, &osp_vmx_cap.proc2 },
	{ "x2apic_mode", MSR_IA32_VMX_PROCBASED_CTLS2,
	  SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE, &osp_vmx_cap.proc2 },
	{ "apic_registers", MSR_IA32_VMX_PROCBASED_CTLS2,
	  SECONDARY_EXEC_APIC_REGISTER_VIRT, &osp_vmx_cap.proc2 },
	{ "interrupt_delivery", MSR_IA32_VMX_PROCBASED_CTLS2,
	  SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY, &osp_vmx_cap.proc2 },
	{ "posted_interrupts", MSR_IA32_VMX_TRUE_PINBASED_CTLS,
	  PIN_BASED_POSTED_INTR, &osp_vmx_cap.pin },
	{ "pml", MSR_IA32_VMX_PROCBASED_CTLS2,
	  SECONDARY_EXEC_ENABLE_PML, &osp_vmx_cap.proc2 },
	{ "ple_gap", MSR_IA32_VMX_PROCBASED_CTLS2,
	  SECONDARY_EXEC_PAUSE_LOOP_EXITING, &osp_vmx_cap.proc2 },
};

static bool is_there(const struct feature *f)
{
	u64 cap;

	rdmsrl(f->msr, cap);
	return cap >> 32 & f->bit;
}

/**
 * osp_vmx_show_features() - a line "PARAMETER STATE" for each feature
 * @file: where to
 *
 * STATE is "used", "absent", or "off": the CPU has it, but a parameter keeps it
 * from being used, its own or that of something that it needs.  The
 * preemption timer is never absent: what its parameter turns off is its use for
 * deadlines.
 *
 * Context: any.
 */
void osp_vmx_show_features(struct seq_file *file)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(features); i++)
		seq_printf(file, "%s %s\n", features[i].name,
			   *features[i].used & features[i].bit ? "used" :
			   is_there(&features[i]) ? "off" : "absent");
	seq_printf(file, "preemption_timer %s\n",
		   osp_vmx_cap.deadline_timer ? "used" : "off");
}
