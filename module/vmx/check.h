/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vmx/check.h - which rule a VMCS breaks that the processor refused to enter.
 *
 * Plain logic: it also compiles in userspace.
 */
#ifndef OSP_VMX_CHECK_H
#define OSP_VMX_CHECK_H

#include "vmcs.h"

/* The groups of controls that have a capability MSR (SDM 3D A.3 to A.5). */
enum osp_control_group {
	OSP_CONTROLS_PIN, OSP_CONTROLS_PROC, OSP_CONTROLS_PROC2,
	OSP_CONTROLS_EXIT, OSP_CONTROLS_ENTRY, OSP_NR_CONTROLS
};

/**
 * struct osp_vmcs_view - a VMCS that was refused, and the CPU that refused it
 * @read: the value of a field of it; zero for one that the CPU does not have
 * @allowed: for each group of controls its capability MSR: the lower half has the
 *	bits that must be 1, the upper half those that may be
 * @cr0_fixed0: bits of CR0 that must be 1 in VMX operation
 * @cr0_fixed1: bits of CR0 that may be 1
 * @cr4_fixed0: the same for CR4
 * @cr4_fixed1: the same for CR4
 * @phys_bits: width of physical addresses, 32 to 52
 * @virt_bits: width of linear addresses, 48 or 57
 */
struct osp_vmcs_view {
	u64 (*read)(const struct osp_vmcs_view *view, u32 field);
	u64 allowed[OSP_NR_CONTROLS];
	u64 cr0_fixed0, cr0_fixed1;
	u64 cr4_fixed0, cr4_fixed1;
	u8 phys_bits, virt_bits;
};

/**
 * struct osp_broken_rule - the first rule that was found broken
 * @section: of the SDM, volume 3C; NULL: none was found
 * @rule: what should be, in words
 * @field: the field that offends
 * @value: what is in it
 */
struct osp_broken_rule {
	const char *section;
	const char *rule;
	u32 field;
	u64 value;
};

/**
 * enum osp_rules - the three sets of rules, in the order of their checking
 * @OSP_RULES_CONTROLS: VM-instruction error 7 (SDM 3C 27.2.1)
 * @OSP_RULES_HOST: VM-instruction error 8 (SDM 3C 27.2.2 to 27.2.4)
 * @OSP_RULES_GUEST: exit reason 33 (SDM 3C 27.3.1)
 */
enum osp_rules {
	OSP_RULES_CONTROLS,
	OSP_RULES_HOST,
	OSP_RULES_GUEST,
};

bool osp_find_broken_rule(const struct osp_vmcs_view *view,
			  enum osp_rules rules, struct osp_broken_rule *broken);

/**
 * struct osp_check - a search for a broken rule
 * @view: the VMCS
 * @broken: the result so far
 * @section: that of the rules that are being looked at
 */
struct osp_check {
	const struct osp_vmcs_view *view;
	struct osp_broken_rule *broken;
	const char *section;
};

/**
 * struct osp_check_section - the rules of one section of the SDM
 * @section: its number in volume 3C
 * @check: calls osp_rule() for each of them
 */
struct osp_check_section {
	const char *section;
	void (*check)(struct osp_check *c);
};

/* check_guest.c; ends with an empty row. */
extern const struct osp_check_section osp_guest_rules[];

#define OSP_FIELD(c, name)	((c)->view->read((c)->view, VMCS_##name))

/* One rule: remembered if it does not hold and none before it was broken. */
static inline void osp_rule(struct osp_check *c, u32 field, bool holds,
			    const char *rule)
{
	if (holds || c->broken->section)
		return;
	c->broken->section = c->section;
	c->broken->rule = rule;
	c->broken->field = field;
	c->broken->value = c->view->read(c->view, field);
}

/* Are the upper bits of a linear address all as the highest that the CPU has? */
static inline bool osp_is_canonical(const struct osp_check *c, u64 address)
{
	unsigned int unused = 64 - c->view->virt_bits;

	return (u64)((s64)(address << unused) >> unused) == address;
}

/* Does a physical address have no bit that the CPU has not, and low ones clear? */
static inline bool osp_is_physical(const struct osp_check *c, u64 address,
				   u64 align)
{
	return !(address >> c->view->phys_bits) && !(address & (align - 1));
}

/* Each byte of a PAT is a memory type (SDM 3A 12.12.2). */
static inline bool osp_is_pat(u64 pat)
{
	for (; pat; pat >>= 8)
		if ((pat & 0xff) > 7 || (pat & 0xfe) == 2)
			return false;
	return true;
}

/* Bits of EFER that are not reserved: SCE, LME, LMA, NXE. */
#define OSP_EFER_BITS		0xd01ULL
#define OSP_EFER_LME		BIT(8)
#define OSP_EFER_LMA		BIT(10)

/* Controls that rules depend on (SDM 3C 25.6 to 25.8). */
#define OSP_PIN_EXTERNAL	BIT(0)
#define OSP_PIN_NMI		BIT(3)
#define OSP_PIN_VIRTUAL_NMI	BIT(5)
#define OSP_PIN_TIMER		BIT(6)
#define OSP_PIN_POSTED		BIT(7)
#define OSP_PROC_TPR_SHADOW	BIT(21)
#define OSP_PROC_NMI_WINDOW	BIT(22)
#define OSP_PROC_IO_BITMAPS	BIT(25)
#define OSP_PROC_TRAP_FLAG	BIT(27)
#define OSP_PROC_MSR_BITMAPS	BIT(28)
#define OSP_PROC_SECONDARY	BIT(31)
#define OSP_PROC2_APIC_ACCESS	BIT(0)
#define OSP_PROC2_EPT		BIT(1)
#define OSP_PROC2_X2APIC	BIT(4)
#define OSP_PROC2_VPID		BIT(5)
#define OSP_PROC2_UNRESTRICTED	BIT(7)
#define OSP_PROC2_APIC_REGISTERS BIT(8)
#define OSP_PROC2_VIRTUAL_INTR	BIT(9)
#define OSP_PROC2_PML		BIT(17)
#define OSP_EXIT_HOST_64	BIT(9)
#define OSP_EXIT_ACK		BIT(15)
#define OSP_EXIT_LOAD_PAT	BIT(19)
#define OSP_EXIT_LOAD_EFER	BIT(21)
#define OSP_EXIT_SAVE_TIMER	BIT(22)
#define OSP_ENTRY_LOAD_DEBUG	BIT(2)
#define OSP_ENTRY_IA32E		BIT(9)
#define OSP_ENTRY_SMM		BIT(10)
#define OSP_ENTRY_LOAD_PAT	BIT(14)
#define OSP_ENTRY_LOAD_EFER	BIT(15)

/* The secondary controls, which only count if the primary ones say so. */
static inline u32 osp_proc2(const struct osp_check *c)
{
	return OSP_FIELD(c, PROC_CONTROLS) & OSP_PROC_SECONDARY ?
	       OSP_FIELD(c, PROC2_CONTROLS) : 0;
}

/* VM-entry interruption information (SDM 3C table 25-17). */
#define OSP_EVENT_VECTOR	0xff
#define OSP_EVENT_TYPE(info)	(((info) >> 8) & 7)
#define OSP_EVENT_ERROR		BIT(11)
#define OSP_EVENT_VALID		BIT(31)

enum {
	OSP_EVENT_EXTERNAL, OSP_EVENT_RESERVED, OSP_EVENT_NMI,
	OSP_EVENT_EXCEPTION, OSP_EVENT_SOFT_INTERRUPT,
	OSP_EVENT_PRIVILEGED_TRAP, OSP_EVENT_SOFT_EXCEPTION, OSP_EVENT_OTHER
};

#endif /* OSP_VMX_CHECK_H */
