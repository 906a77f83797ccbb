// SPDX-License-Identifier: GPL-2.0
/*
 * vmx/check_guest.c - the rules for guest state in a VMCS.
 *
 * See check.c.  Rules about state that Ospite never has loaded at an entry (CET,
 * BNDCFGS, RTIT_CTL, PKRS, performance counters) are left out.  Plain logic,
 * takes no lock.  SDM 3C 27.3.1.
 */
#include "check.h"

#define CR0_PE		BIT(0)
#define CR0_WP		BIT(16)
#define CR0_PG		BIT(31)
#define CR4_PAE		BIT(5)
#define CR4_PCIDE	BIT(17)
#define CR4_CET		BIT(23)
#define DEBUGCTL_BTF	BIT(1)
#define DEBUGCTL_BITS	0xffc7ULL	/* LBR, BTF, bus lock; TR to RTM */
#define RFLAGS_1	BIT(1)
#define RFLAGS_TF	BIT(8)
#define RFLAGS_IF	BIT(9)
#define RFLAGS_VM	BIT(17)
#define RFLAGS_RESERVED	(GENMASK_ULL(63, 22) | BIT(15) | BIT(5) | BIT(3))

/* Access rights (SDM 3C table 25-2) */
#define SEG_TYPE		0xf
#define SEG_ACCESSED	BIT(0)
#define SEG_READABLE	BIT(1)	/* of code */
#define SEG_CODE		BIT(3)
#define SEG_S		BIT(4)
#define SEG_DPL(ar)	((ar) >> 5 & 3)
#define SEG_P		BIT(7)
#define SEG_L		BIT(13)
#define SEG_DB		BIT(14)
#define SEG_G		BIT(15)
#define SEG_UNUSABLE	BIT(16)
#define SEG_RESERVED	(GENMASK(31, 17) | GENMASK(11, 8))
#define SEG_VM86		0xf3

/* Interruptibility (SDM 3C table 25-3) and activity (25.4.2) */
#define BLOCKED_STI	BIT(0)
#define BLOCKED_MOV_SS	BIT(1)
#define BLOCKED_SMI	BIT(2)
#define BLOCKED_NMI	BIT(3)
#define BLOCKED_BITS	0x1f

enum { ACTIVITY_ACTIVE, ACTIVITY_HLT, ACTIVITY_SHUTDOWN, ACTIVITY_WAIT_SIPI };

/* Pending debug exceptions (SDM 3C table 25-4) */
#define PENDING_BS	BIT(14)
#define PENDING_BITS	0x1700fULL

/* Segment registers in the order of their fields. */
enum { ES, CS, SS, DS, FS, GS, LDTR, TR, NR_SEGMENTS };

/* A segment register, and what all rules about it have to know. */
struct segment {
	int sreg;
	u16 selector;
	u64 base;
	u32 limit, ar;
	bool usable;
};

#define FIELD_OF(part, sreg)	(VMCS_GUEST_ES_##part + 2 * (sreg))

static void read_segment(const struct osp_check *c, int sreg, struct segment *s)
{
	const struct osp_vmcs_view *v = c->view;

	s->sreg = sreg;
	s->selector = v->read(v, FIELD_OF(SELECTOR, sreg));
	s->base = v->read(v, FIELD_OF(BASE, sreg));
	s->limit = v->read(v, FIELD_OF(LIMIT, sreg));
	s->ar = v->read(v, FIELD_OF(ACCESS, sreg));
	s->usable = !(s->ar & SEG_UNUSABLE);
}

static bool is_ia32e(const struct osp_check *c)
{
	return OSP_FIELD(c, ENTRY_CONTROLS) & OSP_ENTRY_IA32E;
}

static bool is_vm86(const struct osp_check *c)
{
	return OSP_FIELD(c, GUEST_RFLAGS) & RFLAGS_VM;
}

static bool is_unrestricted(const struct osp_check *c)
{
	return osp_proc2(c) & OSP_PROC2_UNRESTRICTED;
}

static void check_control_registers(struct osp_check *c)
{
	const struct osp_vmcs_view *v = c->view;
	u64 cr0 = OSP_FIELD(c, GUEST_CR0), cr4 = OSP_FIELD(c, GUEST_CR4);
	u64 free = is_unrestricted(c) ? CR0_PE | CR0_PG : 0;
	bool ia32e = is_ia32e(c);

	osp_rule(c, VMCS_GUEST_CR0, !(cr0 & ~v->cr0_fixed1) &&
		 !(~cr0 & v->cr0_fixed0 & ~free),
		 "CR0 has what VMX operation demands");
	osp_rule(c, VMCS_GUEST_CR0, !(cr0 & CR0_PG) || (cr0 & CR0_PE),
		 "CR0.PG is set only with CR0.PE");
	osp_rule(c, VMCS_GUEST_CR4, !(cr4 & ~v->cr4_fixed1) &&
		 !(~cr4 & v->cr4_fixed0),
		 "CR4 has what VMX operation demands, and no bit that this CPU lacks");
	osp_rule(c, VMCS_GUEST_CR4, !(cr4 & CR4_CET) || (cr0 & CR0_WP),
		 "CR4.CET is set only with CR0.WP");
	osp_rule(c, VMCS_GUEST_CR0, !ia32e || (cr0 & CR0_PG),
		 "IA-32e mode has CR0.PG");
	osp_rule(c, VMCS_GUEST_CR4, !ia32e || (cr4 & CR4_PAE),
		 "IA-32e mode has CR4.PAE");
	osp_rule(c, VMCS_GUEST_CR4, ia32e || !(cr4 & CR4_PCIDE),
		 "CR4.PCIDE is set only in IA-32e mode");
	osp_rule(c, VMCS_GUEST_CR3, !(OSP_FIELD(c, GUEST_CR3) >> v->phys_bits),
		 "CR3 has no bit beyond the width of physical addresses");
}

static void check_msrs(struct osp_check *c)
{
	u32 entry = OSP_FIELD(c, ENTRY_CONTROLS);
	u64 efer = OSP_FIELD(c, GUEST_EFER);
	bool lma = efer & OSP_EFER_LMA, lme = efer & OSP_EFER_LME;

	if (entry & OSP_ENTRY_LOAD_DEBUG) {
		osp_rule(c, VMCS_GUEST_DEBUGCTL,
			 !(OSP_FIELD(c, GUEST_DEBUGCTL) & ~DEBUGCTL_BITS),
			 "reserved bits of IA32_DEBUGCTL are 0");
		osp_rule(c, VMCS_GUEST_DR7, !(OSP_FIELD(c, GUEST_DR7) >> 32),
			 "bits 63:32 of DR7 are 0");
	}
	osp_rule(c, VMCS_GUEST_SYSENTER_ESP,
		 osp_is_canonical(c, OSP_FIELD(c, GUEST_SYSENTER_ESP)),
		 "SYSENTER_ESP is canonical");
	osp_rule(c, VMCS_GUEST_SYSENTER_EIP,
		 osp_is_canonical(c, OSP_FIELD(c, GUEST_SYSENTER_EIP)),
		 "SYSENTER_EIP is canonical");
	osp_rule(c, VMCS_GUEST_PAT, !(entry & OSP_ENTRY_LOAD_PAT) ||
		 osp_is_pat(OSP_FIELD(c, GUEST_PAT)),
		 "the PAT has only memory types");
	if (!(entry & OSP_ENTRY_LOAD_EFER))
		return;
	osp_rule(c, VMCS_GUEST_EFER, !(efer & ~OSP_EFER_BITS),
		 "reserved bits of EFER are 0");
	osp_rule(c, VMCS_GUEST_EFER, lma == is_ia32e(c),
		 "EFER.LMA is the VM-entry control IA-32e mode guest");
	osp_rule(c, VMCS_GUEST_EFER, !(OSP_FIELD(c, GUEST_CR0) & CR0_PG) ||
		 lma == lme, "with CR0.PG, EFER.LMA is EFER.LME");
}

static void check_registers(struct osp_check *c)
{
	check_control_registers(c);
	check_msrs(c);
}

static void check_vm86_segment(struct osp_check *c, const struct segment *s)
{
	osp_rule(c, FIELD_OF(BASE, s->sreg), s->base == (u64)s->selector << 4,
		 "in virtual-8086 mode a base is the selector times 16");
	osp_rule(c, FIELD_OF(LIMIT, s->sreg), s->limit == 0xffff,
		 "in virtual-8086 mode a limit is FFFFH");
	osp_rule(c, FIELD_OF(ACCESS, s->sreg), s->ar == SEG_VM86,
		 "in virtual-8086 mode the access rights are F3H");
}

static void check_selectors(struct osp_check *c, const struct segment *s)
{
	osp_rule(c, VMCS_GUEST_TR_SELECTOR, !(s[TR].selector & 4),
		 "TR's selector is of the GDT");
	osp_rule(c, VMCS_GUEST_LDTR_SELECTOR,
		 !s[LDTR].usable || !(s[LDTR].selector & 4),
		 "LDTR's selector is of the GDT");
	osp_rule(c, VMCS_GUEST_SS_SELECTOR, is_vm86(c) || is_unrestricted(c) ||
		 !((s[SS].selector ^ s[CS].selector) & 3),
		 "SS has the RPL of CS");
}

static void check_base(struct osp_check *c, const struct segment *s)
{
	u32 field = FIELD_OF(BASE, s->sreg);

	switch (s->sreg) {
	case CS:
		osp_rule(c, field, !(s->base >> 32), "bits 63:32 of CS's base are 0");
		break;
	case ES:
	case SS:
	case DS:
		osp_rule(c, field, !s->usable || !(s->base >> 32),
			 "bits 63:32 of the base of SS, DS and ES are 0");
		break;
	case LDTR:
		osp_rule(c, field, !s->usable || osp_is_canonical(c, s->base),
			 "LDTR's base is canonical");
		break;
	default:
		osp_rule(c, field, osp_is_canonical(c, s->base),
			 "the base of TR, FS and GS is canonical");
		break;
	}
}

/* The granularity bit says what the limit could have come from. */
static bool is_granular(const struct segment *s)
{
	if (s->ar & SEG_G)
		return (s->limit & 0xfff) == 0xfff;
	return !(s->limit >> 20);
}

static void check_cs(struct osp_check *c, const struct segment *s, u32 ss_ar)
{
	u32 type = s->ar & SEG_TYPE, dpl = SEG_DPL(s->ar);

	osp_rule(c, VMCS_GUEST_CS_ACCESS, (type & (SEG_CODE | SEG_ACCESSED)) ==
		 (SEG_CODE | SEG_ACCESSED) || (type == 3 && is_unrestricted(c)),
		 "CS is accessed code or, in an unrestricted guest, accessed writable data (type 3)");
	osp_rule(c, VMCS_GUEST_CS_ACCESS, s->ar & SEG_S,
		 "CS is no system segment (S is 1)");
	osp_rule(c, VMCS_GUEST_CS_ACCESS, type != 3 || !dpl,
		 "CS of type 3 has DPL 0");
	osp_rule(c, VMCS_GUEST_CS_ACCESS, (type != 9 && type != 11) ||
		 dpl == SEG_DPL(ss_ar), "CS that is not conforming has the DPL of SS");
	osp_rule(c, VMCS_GUEST_CS_ACCESS, (type != 13 && type != 15) ||
		 dpl <= SEG_DPL(ss_ar), "CS that is conforming has no DPL above that of SS");
	osp_rule(c, VMCS_GUEST_CS_ACCESS, !is_ia32e(c) || !(s->ar & SEG_L) ||
		 !(s->ar & SEG_DB), "CS has not both L and D in IA-32e mode");
}

static void check_ss(struct osp_check *c, const struct segment *s, u32 cs_ar)
{
	u32 type = s->ar & SEG_TYPE, dpl = SEG_DPL(s->ar);

	osp_rule(c, VMCS_GUEST_SS_ACCESS, !s->usable || type == 3 || type == 7,
		 "SS is accessed writable data (type 3 or 7)");
	osp_rule(c, VMCS_GUEST_SS_ACCESS, is_unrestricted(c) ||
		 dpl == (s->selector & 3), "SS's DPL is its RPL");
	osp_rule(c, VMCS_GUEST_SS_ACCESS, !dpl || ((cs_ar & SEG_TYPE) != 3 &&
		 (OSP_FIELD(c, GUEST_CR0) & CR0_PE)),
		 "SS's DPL is 0 in real mode, or if CS's type is 3");
}

static void check_data(struct osp_check *c, const struct segment *s)
{
	u32 field = FIELD_OF(ACCESS, s->sreg), type = s->ar & SEG_TYPE;

	osp_rule(c, field, type & SEG_ACCESSED,
		 "DS, ES, FS and GS are accessed segments");
	osp_rule(c, field, !(type & SEG_CODE) || (type & SEG_READABLE),
		 "code in DS, ES, FS and GS is readable");
	osp_rule(c, field, is_unrestricted(c) || type > 11 ||
		 SEG_DPL(s->ar) >= (s->selector & 3u),
		 "DS, ES, FS and GS have no RPL above their DPL");
}

/* What holds for each segment that is used. */
static void check_common(struct osp_check *c, const struct segment *s)
{
	u32 field = FIELD_OF(ACCESS, s->sreg);

	osp_rule(c, field, s->sreg >= LDTR || (s->ar & SEG_S),
		 "a code or data segment is no system segment (S is 1)");
	osp_rule(c, field, s->ar & SEG_P, "a segment that is used is present");
	osp_rule(c, field, !(s->ar & SEG_RESERVED),
		 "reserved bits of access rights are 0");
	osp_rule(c, field, is_granular(s),
		 "G is 0 if a bit of the limit in 11:0 is 0, and 1 if one in 31:20 is 1");
}

static void check_tables(struct osp_check *c, const struct segment *tr,
			 const struct segment *ldtr)
{
	u32 type = tr->ar & SEG_TYPE;

	osp_rule(c, VMCS_GUEST_TR_ACCESS, type == 11 || (type == 3 && !is_ia32e(c)),
		 "TR is a busy TSS (type 11, or 3 outside IA-32e mode)");
	osp_rule(c, VMCS_GUEST_TR_ACCESS, !(tr->ar & SEG_S),
		 "TR is a system segment (S is 0)");
	osp_rule(c, VMCS_GUEST_TR_ACCESS, tr->usable, "TR is usable");
	check_common(c, tr);
	if (!ldtr->usable)
		return;
	osp_rule(c, VMCS_GUEST_LDTR_ACCESS, (ldtr->ar & SEG_TYPE) == 2,
		 "LDTR is an LDT (type 2)");
	osp_rule(c, VMCS_GUEST_LDTR_ACCESS, !(ldtr->ar & SEG_S),
		 "LDTR is a system segment (S is 0)");
	check_common(c, ldtr);
}

static void check_segments(struct osp_check *c)
{
	struct segment s[NR_SEGMENTS];
	int i;

	for (i = 0; i < NR_SEGMENTS; i++)
		read_segment(c, i, &s[i]);
	check_selectors(c, s);
	for (i = 0; i < NR_SEGMENTS; i++) {
		if (i < LDTR && is_vm86(c))
			check_vm86_segment(c, &s[i]);
		check_base(c, &s[i]);
	}
	if (!is_vm86(c)) {
		check_cs(c, &s[CS], s[SS].ar);
		check_ss(c, &s[SS], s[CS].ar);
		for (i = 0; i < LDTR; i++) {
			if (i != CS && !s[i].usable)
				continue;
			if (i != CS && i != SS)
				check_data(c, &s[i]);
			check_common(c, &s[i]);
		}
	}
	check_tables(c, &s[TR], &s[LDTR]);
}

static void check_descriptor_tables(struct osp_check *c)
{
	osp_rule(c, VMCS_GUEST_GDTR_BASE,
		 osp_is_canonical(c, OSP_FIELD(c, GUEST_GDTR_BASE)),
		 "GDTR's base is canonical");
	osp_rule(c, VMCS_GUEST_IDTR_BASE,
		 osp_is_canonical(c, OSP_FIELD(c, GUEST_IDTR_BASE)),
		 "IDTR's base is canonical");
	osp_rule(c, VMCS_GUEST_GDTR_LIMIT, !(OSP_FIELD(c, GUEST_GDTR_LIMIT) >> 16),
		 "bits 31:16 of GDTR's limit are 0");
	osp_rule(c, VMCS_GUEST_IDTR_LIMIT, !(OSP_FIELD(c, GUEST_IDTR_LIMIT) >> 16),
		 "bits 31:16 of IDTR's limit are 0");
}

static bool external_interrupt(u32 info)
{
	return (info & OSP_EVENT_VALID) &&
	       OSP_EVENT_TYPE(info) == OSP_EVENT_EXTERNAL;
}

static void check_rip_rflags(struct osp_check *c)
{
	u64 rip = OSP_FIELD(c, GUEST_RIP), rflags = OSP_FIELD(c, GUEST_RFLAGS);
	bool in_64_bit = is_ia32e(c) && (OSP_FIELD(c, GUEST_CS_ACCESS) & SEG_L);

	osp_rule(c, VMCS_GUEST_RIP, in_64_bit || !(rip >> 32),
		 "bits 63:32 of RIP are 0 outside 64-bit mode");
	osp_rule(c, VMCS_GUEST_RIP, !in_64_bit ||
		 !(rip >> c->view->virt_bits) ||
		 !(~rip >> c->view->virt_bits),
		 "the bits of RIP beyond the width of linear addresses are all the same");
	osp_rule(c, VMCS_GUEST_RFLAGS, (rflags & RFLAGS_1) &&
		 !(rflags & RFLAGS_RESERVED),
		 "reserved bits of RFLAGS are 0, but bit 1, which is 1");
	osp_rule(c, VMCS_GUEST_RFLAGS, !(rflags & RFLAGS_VM) ||
		 (!is_ia32e(c) && (OSP_FIELD(c, GUEST_CR0) & CR0_PE)),
		 "RFLAGS.VM is 0 in IA-32e mode and in real mode");
	osp_rule(c, VMCS_GUEST_RFLAGS, (rflags & RFLAGS_IF) ||
		 !external_interrupt(OSP_FIELD(c, ENTRY_INTR_INFO)),
		 "RFLAGS.IF is 1 when an external interrupt is injected");
}

static void check_activity(struct osp_check *c)
{
	u32 activity = OSP_FIELD(c, GUEST_ACTIVITY);
	u32 blocked = OSP_FIELD(c, GUEST_INTERRUPTIBILITY);

	osp_rule(c, VMCS_GUEST_ACTIVITY, activity <= ACTIVITY_WAIT_SIPI,
		 "the activity state is one of the four");
	osp_rule(c, VMCS_GUEST_ACTIVITY, activity != ACTIVITY_HLT ||
		 !SEG_DPL(OSP_FIELD(c, GUEST_SS_ACCESS)),
		 "a guest that is halted has CPL 0");
	osp_rule(c, VMCS_GUEST_ACTIVITY, activity == ACTIVITY_ACTIVE ||
		 !(blocked & (BLOCKED_STI | BLOCKED_MOV_SS)),
		 "a guest is active that blocks events by STI or MOV SS");
	osp_rule(c, VMCS_GUEST_ACTIVITY, activity < ACTIVITY_SHUTDOWN ||
		 !(OSP_FIELD(c, ENTRY_INTR_INFO) & OSP_EVENT_VALID),
		 "nothing is injected into a guest that is shut down or waits for a SIPI");
}

static void check_interruptibility(struct osp_check *c)
{
	u32 blocked = OSP_FIELD(c, GUEST_INTERRUPTIBILITY);
	u32 info = OSP_FIELD(c, ENTRY_INTR_INFO);
	bool nmi = (info & OSP_EVENT_VALID) && OSP_EVENT_TYPE(info) == OSP_EVENT_NMI;
	const u32 field = VMCS_GUEST_INTERRUPTIBILITY;

	osp_rule(c, field, !(blocked & ~BLOCKED_BITS),
		 "reserved bits of the interruptibility state are 0");
	osp_rule(c, field, !(blocked & BLOCKED_STI) || !(blocked & BLOCKED_MOV_SS),
		 "events are not blocked by both STI and MOV SS");
	osp_rule(c, field, !(blocked & BLOCKED_STI) ||
		 (OSP_FIELD(c, GUEST_RFLAGS) & RFLAGS_IF),
		 "events are blocked by STI only if RFLAGS.IF is 1");
	osp_rule(c, field, !external_interrupt(info) ||
		 !(blocked & (BLOCKED_STI | BLOCKED_MOV_SS)),
		 "an external interrupt is not injected under the shadow of STI or MOV SS");
	osp_rule(c, field, !nmi || !(blocked & BLOCKED_MOV_SS),
		 "an NMI is not injected under the shadow of MOV SS");
	osp_rule(c, field, !(blocked & BLOCKED_SMI), "SMIs are blocked only in SMM");
	osp_rule(c, field, !nmi || !(blocked & BLOCKED_NMI) ||
		 !(OSP_FIELD(c, PIN_CONTROLS) & OSP_PIN_VIRTUAL_NMI),
		 "an NMI is not injected while NMIs are blocked");
}

static void check_pending_debug(struct osp_check *c)
{
	u64 pending = OSP_FIELD(c, GUEST_PENDING_DEBUG);
	bool held = (OSP_FIELD(c, GUEST_INTERRUPTIBILITY) &
		     (BLOCKED_STI | BLOCKED_MOV_SS)) ||
		    OSP_FIELD(c, GUEST_ACTIVITY) == ACTIVITY_HLT;
	bool step = (OSP_FIELD(c, GUEST_RFLAGS) & RFLAGS_TF) &&
		    !(OSP_FIELD(c, GUEST_DEBUGCTL) & DEBUGCTL_BTF);

	osp_rule(c, VMCS_GUEST_PENDING_DEBUG, !(pending & ~PENDING_BITS),
		 "reserved bits of the pending debug exceptions are 0");
	osp_rule(c, VMCS_GUEST_PENDING_DEBUG, !held ||
		 step == !!(pending & PENDING_BS),
		 "under a shadow, or halted, a single step is pending just if RFLAGS.TF asks for it");
}

static void check_other_state(struct osp_check *c)
{
	u64 link = OSP_FIELD(c, VMCS_LINK_POINTER);

	check_activity(c);
	check_interruptibility(c);
	check_pending_debug(c);
	osp_rule(c, VMCS_VMCS_LINK_POINTER,
		 link == ~0ULL || osp_is_physical(c, link, 4096),
		 "the VMCS link pointer is all ones or that of a page");
}

static void check_pdptes(struct osp_check *c)
{
	const u64 reserved = GENMASK_ULL(8, 5) | GENMASK_ULL(2, 1);
	u32 field;
	u64 pdpte;

	if (is_ia32e(c) || !(OSP_FIELD(c, GUEST_CR0) & CR0_PG) ||
	    !(OSP_FIELD(c, GUEST_CR4) & CR4_PAE) ||
	    !(osp_proc2(c) & OSP_PROC2_EPT))
		return;
	for (field = VMCS_GUEST_PDPTE0; field <= VMCS_GUEST_PDPTE3; field += 2) {
		pdpte = c->view->read(c->view, field);
		osp_rule(c, field, !(pdpte & 1) || !((pdpte & reserved) ||
			 pdpte >> c->view->phys_bits),
			 "reserved bits of a present PDPTE are 0");
	}
}

const struct osp_check_section osp_guest_rules[] = {
	{ "27.3.1.1", check_registers },
	{ "27.3.1.2", check_segments },
	{ "27.3.1.3", check_descriptor_tables },
	{ "27.3.1.4", check_rip_rflags },
	{ "27.3.1.5", check_other_state },
	{ "27.3.1.6", check_pdptes },
	{ }
};
