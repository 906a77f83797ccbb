// SPDX-License-Identifier: GPL-2.0
/*
 * vmx/failure.c - a VM entry failed: say why, to the log and to userspace.
 *
 * An entry fails in two ways: as an instruction (VMfailValid with an error number,
 * about controls and host state), or with an exit whose reason has bit 31 (about
 * guest state).  For both, the rules of the SDM are compared with the VMCS and
 * the first that is broken is named (check.c).  Nothing here runs before that.
 * SDM 3C 27.2, 27.3, 27.8, 31.4.
 */
#define pr_fmt(fmt) "ospite: " fmt

#include <linux/printk.h>
#include <linux/string.h>
#include <asm/msr.h>
#include <asm/processor.h>
#include <asm/vmx.h>

#include "../ospite.h"
#include "cap.h"
#include "check.h"
#include "ops.h"

/* VM-instruction errors that have rules behind them (SDM 3C 31.4) */
#define ERROR_CONTROLS		7
#define ERROR_HOST		8

/* A client that knows KVM's struct alone finds KVM's members. */
static_assert(offsetof(struct ospite_fail_entry, cpu) ==
	      offsetof(struct kvm_run, fail_entry.cpu) -
	      offsetof(struct kvm_run, fail_entry));
static_assert(sizeof(struct ospite_fail_entry) <=
	      sizeof_field(struct kvm_run, padding));

static const u32 capability_msr[OSP_NR_CONTROLS] = {
	[OSP_CONTROLS_PIN] = MSR_IA32_VMX_TRUE_PINBASED_CTLS,
	[OSP_CONTROLS_PROC] = MSR_IA32_VMX_TRUE_PROCBASED_CTLS,
	[OSP_CONTROLS_PROC2] = MSR_IA32_VMX_PROCBASED_CTLS2,
	[OSP_CONTROLS_EXIT] = MSR_IA32_VMX_TRUE_EXIT_CTLS,
	[OSP_CONTROLS_ENTRY] = MSR_IA32_VMX_TRUE_ENTRY_CTLS,
};

static u64 read_field(const struct osp_vmcs_view *view, u32 field)
{
	return osp_vmread(field);
}

/* The loaded VMCS, on this CPU. */
static bool broken_rule(enum osp_rules rules, struct osp_broken_rule *broken)
{
	struct osp_vmcs_view view = {
		.read = read_field,
		.cr0_fixed0 = osp_vmx_cap.cr0_fixed0,
		.cr0_fixed1 = osp_vmx_cap.cr0_fixed1,
		.cr4_fixed0 = osp_vmx_cap.cr4_fixed0,
		.cr4_fixed1 = osp_vmx_cap.cr4_fixed1,
		.phys_bits = boot_cpu_data.x86_phys_bits,
		.virt_bits = boot_cpu_data.x86_virt_bits,
	};
	int i;

	for (i = 0; i < OSP_NR_CONTROLS; i++)
		rdmsrl(capability_msr[i], view.allowed[i]);
	return osp_find_broken_rule(&view, rules, broken);
}

/* Into the run page and the log: first what failed, then the rule. */
static int report(struct osp_vcpu *vcpu, u32 reason, const char *what,
		  const struct osp_broken_rule *broken)
{
	struct ospite_fail_entry fail = {
		.hardware_entry_failure_reason = reason,
		.cpu = smp_processor_id(),
	};

	if (broken && broken->section)
		snprintf(fail.rule, sizeof(fail.rule),
			 "%s is %#llx, which breaks SDM 3C %s: %s",
			 osp_vmcs_field_name(broken->field), broken->value,
			 broken->section, broken->rule);
	else
		strscpy(fail.rule, what, sizeof(fail.rule));
	vcpu->run->exit_reason = KVM_EXIT_FAIL_ENTRY;
	/* The union whose member fail_entry is. */
	memcpy(vcpu->run->padding, &fail, sizeof(fail));
	pr_warn_ratelimited("vCPU %u: VM entry failed (%s): %s\n", vcpu->id,
			    what, fail.rule);
	return 0;
}

/**
 * osp_entry_refused() - VMLAUNCH or VMRESUME failed as an instruction
 * @vcpu: the vCPU, within a section
 *
 * Context: interrupts off.
 * Return: 0 for an exit to userspace; -EIO if VMX is gone, as the machine goes down.
 */
int osp_entry_refused(struct osp_vcpu *vcpu)
{
	struct osp_broken_rule broken = { };
	u32 error;

	if (osp_vmx_down())
		return -EIO;
	error = osp_vmx_instruction_error();
	if (error == ERROR_CONTROLS)
		broken_rule(OSP_RULES_CONTROLS, &broken);
	else if (error == ERROR_HOST)
		broken_rule(OSP_RULES_HOST, &broken);
	return report(vcpu, error, osp_instruction_error(error), &broken);
}

/**
 * osp_entry_failed() - the exit reason says that the entry failed
 * @vcpu: the vCPU, within a section
 *
 * Context: interrupts off.
 * Return: 0 for an exit to userspace; -ENOENT if it is no such reason.
 */
int osp_entry_failed(struct osp_vcpu *vcpu)
{
	struct osp_broken_rule broken = { };
	u32 reason = vcpu->exit_reason;

	if (!(reason & VMX_EXIT_REASONS_FAILED_VMENTRY))
		return -ENOENT;
	if ((u16)reason == OSP_EXIT_INVALID_GUEST_STATE)
		broken_rule(OSP_RULES_GUEST, &broken);
	return report(vcpu, reason, osp_exit_name((u16)reason) ?: "?", &broken);
}
