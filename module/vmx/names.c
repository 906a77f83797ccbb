// SPDX-License-Identifier: GPL-2.0
/*
 * vmx/names.c - words for the numbers of VMX: VMCS fields, exit reasons and
 * VM-instruction errors.
 *
 * Plain logic, read-only tables; takes no lock.  SDM 3D, appendices B and C,
 * and 31.4 for the VM-instruction error numbers.
 */
#include "names.h"

/**
 * osp_vmcs_field_name() - the name of a VMCS field
 * @encoding: the field's encoding (SDM 3D, appendix B)
 *
 * Context: any.
 * Return: the name as it stands in the table of vmcs.h, or "?".
 */
const char *osp_vmcs_field_name(u32 encoding)
{
	switch (encoding) {
#define OSP_FIELD_NAME(encoding, type, name) case encoding: return #name;
	OSP_VMCS_FIELDS(OSP_FIELD_NAME)
#undef OSP_FIELD_NAME
	default:
		return "?";
	}
}

static const char * const instruction_errors[] = {
	[1] = "VMCALL executed in VMX root operation",
	[2] = "VMCLEAR with invalid physical address",
	[3] = "VMCLEAR with VMXON pointer",
	[4] = "VMLAUNCH with non-clear VMCS",
	[5] = "VMRESUME with non-launched VMCS",
	[6] = "VMRESUME after VMXOFF",
	[7] = "VM entry with invalid control fields",
	[8] = "VM entry with invalid host-state fields",
	[9] = "VMPTRLD with invalid physical address",
	[10] = "VMPTRLD with VMXON pointer",
	[11] = "VMPTRLD with incorrect VMCS revision identifier",
	[12] = "VMREAD/VMWRITE of an unsupported VMCS component",
	[13] = "VMWRITE to a read-only VMCS component",
	[15] = "VMXON executed in VMX root operation",
	[16] = "VM entry with invalid executive-VMCS pointer",
	[17] = "VM entry with non-launched executive VMCS",
	[18] = "VM entry with executive-VMCS pointer not VMXON pointer",
	[19] = "VMCALL with non-clear VMCS",
	[20] = "VMCALL with invalid VM-exit control fields",
	[22] = "VMCALL with incorrect MSEG revision identifier",
	[23] = "VMXOFF under dual-monitor treatment",
	[24] = "VMCALL with invalid SMM-monitor features",
	[25] = "VM entry with invalid VM-execution control fields in executive VMCS",
	[26] = "VM entry with events blocked by MOV SS",
	[28] = "invalid operand to INVEPT/INVVPID",
};

/**
 * osp_instruction_error() - a VM-instruction error number in words
 * @error: the VM-instruction error field (SDM 3C 31.4)
 *
 * Context: any.
 * Return: the words, or "unknown error".
 */
const char *osp_instruction_error(u32 error)
{
	if (error < ARRAY_SIZE(instruction_errors) && instruction_errors[error])
		return instruction_errors[error];
	return "unknown error";
}

static const char * const exit_names[OSP_NR_EXIT_REASONS] = {
#define OSP_EXIT_NAME(number, name) [number] = #name,
	OSP_EXIT_REASONS(OSP_EXIT_NAME)
#undef OSP_EXIT_NAME
};

/**
 * osp_exit_name() - the name of a basic exit reason
 * @reason: bits 15:0 of the exit reason (SDM 3D, appendix C)
 *
 * Context: any.
 * Return: the name, or NULL for a number that has none.
 */
const char *osp_exit_name(u32 reason)
{
	return reason < OSP_NR_EXIT_REASONS ? exit_names[reason] : NULL;
}
