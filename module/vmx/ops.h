/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vmx/ops.h - the VMX instructions, each checked.
 *
 * A VMX instruction can fail three ways: VMfailInvalid (CF), VMfailValid (ZF)
 * and #UD, the last after an emergency VMXOFF on the way to a crash kernel.
 * Every wrapper handles all three: a fault or failure is reported once, with
 * the name of the field or instruction, and the caller goes on (SDM 3C 31.2).
 */
#ifndef OSP_VMX_OPS_H
#define OSP_VMX_OPS_H

#include <linux/compiler.h>
#include <asm/asm.h>

#include "vmcs.h"

void osp_vmx_failed(const char *instruction, u64 operand);
void osp_vmread_failed(u32 field);
void osp_vmwrite_failed(u32 field, u64 value);

static __always_inline u64 osp_vmread(u32 field)
{
	u64 value;

	asm_goto_output("1: vmread %[field], %[value]\n\t"
			"jbe %l[failed]\n\t"
			_ASM_EXTABLE(1b, %l[failed])
			: [value] "=rm" (value)
			: [field] "r" ((u64)field) : "cc" : failed);
	return value;
failed:
	osp_vmread_failed(field);
	return 0;
}

static __always_inline void osp_vmwrite(u32 field, u64 value)
{
	asm goto("1: vmwrite %[value], %[field]\n\t"
		 "jbe %l[failed]\n\t"
		 _ASM_EXTABLE(1b, %l[failed])
		 : : [value] "rm" (value), [field] "r" ((u64)field)
		 : "cc" : failed);
	return;
failed:
	osp_vmwrite_failed(field, value);
}

/* Typed accessors, one pair a row of the table. */
#define OSP_FIELD_ACCESSORS(encoding, type, name)			\
	static __always_inline type vmread_##name(void)			\
	{								\
		return (type)osp_vmread(encoding);			\
	}								\
	static __always_inline void vmwrite_##name(type value)		\
	{								\
		osp_vmwrite(encoding, value);				\
	}
OSP_VMCS_FIELDS(OSP_FIELD_ACCESSORS)
#undef OSP_FIELD_ACCESSORS

/* The current VMCS of this CPU must be the one that is meant. */
#define vmread(name)		vmread_##name()
#define vmwrite(name, value)	vmwrite_##name(value)

/* VMX instructions with one memory operand: VMXON, VMCLEAR, VMPTRLD. */
#define OSP_VMX_MEM_OP(instruction)					\
static __always_inline int osp_##instruction(u64 physical)		\
{									\
	asm goto("1: " #instruction " %[operand]\n\t"			\
		 "jbe %l[failed]\n\t"					\
		 _ASM_EXTABLE(1b, %l[failed])				\
		 : : [operand] "m" (physical)				\
		 : "cc", "memory" : failed);				\
	return 0;							\
failed:									\
	osp_vmx_failed(#instruction, physical);				\
	return -EIO;							\
}

OSP_VMX_MEM_OP(vmxon)
OSP_VMX_MEM_OP(vmclear)
OSP_VMX_MEM_OP(vmptrld)

static __always_inline int osp_vmxoff(void)
{
	asm goto("1: vmxoff\n\t"
		 "jbe %l[failed]\n\t"
		 _ASM_EXTABLE(1b, %l[failed])
		 : : : "cc", "memory" : failed);
	return 0;
failed:
	return -EIO;
}

/* INVEPT and INVVPID types (SDM 3C 31.3). */
enum { OSP_INVEPT_SINGLE = 1, OSP_INVEPT_ALL = 2 };
enum { OSP_INVVPID_SINGLE = 1, OSP_INVVPID_ALL = 2 };

static __always_inline void osp_invept(u64 type, u64 eptp)
{
	struct { u64 eptp, reserved; } descriptor = { eptp, 0 };

	asm goto("1: invept %[descriptor], %[type]\n\t"
		 "jbe %l[failed]\n\t"
		 _ASM_EXTABLE(1b, %l[failed])
		 : : [descriptor] "m" (descriptor), [type] "r" (type)
		 : "cc", "memory" : failed);
	return;
failed:
	osp_vmx_failed("invept", eptp);
}

static __always_inline void osp_invvpid(u64 type, u16 vpid)
{
	struct { u64 vpid, linear; } descriptor = { vpid, 0 };

	asm goto("1: invvpid %[descriptor], %[type]\n\t"
		 "jbe %l[failed]\n\t"
		 _ASM_EXTABLE(1b, %l[failed])
		 : : [descriptor] "m" (descriptor), [type] "r" (type)
		 : "cc", "memory" : failed);
	return;
failed:
	osp_vmx_failed("invvpid", vpid);
}

#endif /* OSP_VMX_OPS_H */
