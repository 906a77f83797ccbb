// SPDX-License-Identifier: GPL-2.0
/*
 * lapic.c - the local APIC: its life, what it accepts and hands to its CPU.
 *
 * See lapic.h for who may touch what; no locks are taken.  The registers as
 * the guest writes them are in lapic_regs.c, the timer in lapic_timer.c.
 *
 * SDM 3A 11.4 (enabling, states), 11.5.3 (errors), 11.8 (handling
 * interrupts), 11.12 (x2APIC).
 */
#include "lapic.h"
#include "apic_bus.h"

#define OSP_APIC_VERSION_XEON	0x14U		/* integrated, P4 and later */
#define OSP_VERSION_DIRECTED	BIT(24)		/* can suppress EOI broadcasts */

#define OSP_NR_LVT_BASIC	6		/* all but CMCI */

/* ---- the three 256-bit registers: eight words, 16 bytes apart ---- */

static u32 osp_lapic_word(u32 reg, u8 vector)
{
	return reg + (vector >> 5) * 0x10;
}

static bool osp_lapic_test_vector(const struct osp_lapic *apic, u32 reg,
				  u8 vector)
{
	return osp_lapic_reg(apic, osp_lapic_word(reg, vector)) &
	       BIT(vector & 31);
}

/* TMR is written by whoever sends: atomically, and only when it changes. */
static void osp_lapic_set_tmr(struct osp_lapic *apic, u8 vector, bool level)
{
	unsigned long *word;

	if (osp_lapic_test_vector(apic, OSP_APIC_TMR, vector) == level)
		return;
	word = (unsigned long *)(apic->regs +
				 osp_lapic_word(OSP_APIC_TMR, vector));
	if (level)
		set_bit(vector & 31, word);
	else
		clear_bit(vector & 31, word);
}

/* ---- life ---- */

static void osp_lapic_set_version(struct osp_lapic *apic)
{
	u32 version = OSP_APIC_VERSION_XEON | (apic->nr_lvt - 1) << 16;

	if (apic->directed_eoi && apic->x2apic_cpuid)
		version |= OSP_VERSION_DIRECTED;
	osp_lapic_set_reg(apic, OSP_APIC_VERSION, version);
}

void osp_lapic_set_x2apic_id(struct osp_lapic *apic)
{
	osp_lapic_set_reg(apic, OSP_APIC_ID, apic->id);
	osp_lapic_set_reg(apic, OSP_APIC_LDR,
			  (apic->id >> 4) << 16 | BIT(apic->id & 0xf));
}

void osp_lapic_set_xapic_id(struct osp_lapic *apic, u8 id)
{
	osp_lapic_set_reg(apic, OSP_APIC_ID, (u32)id << 24);
	if (id != (u8)apic->id)
		WRITE_ONCE(apic->bus->ids_moved, true);
}

static void osp_lapic_mask_lvts(struct osp_lapic *apic)
{
	u32 reg;

	for (reg = OSP_APIC_LVT_TIMER; reg <= OSP_APIC_LVT_ERROR; reg += 0x10)
		osp_lapic_set_reg(apic, reg, OSP_LVT_MASKED);
	if (apic->nr_lvt > OSP_NR_LVT_BASIC)
		osp_lapic_set_reg(apic, OSP_APIC_LVT_CMCI, OSP_LVT_MASKED);
}

static void osp_lapic_clear_vectors(struct osp_lapic *apic)
{
	u32 i;

	for (i = 0; i < 0x80; i += 0x10) {
		osp_lapic_set_reg(apic, OSP_APIC_IRR + i, 0);
		osp_lapic_set_reg(apic, OSP_APIC_ISR + i, 0);
		osp_lapic_set_reg(apic, OSP_APIC_TMR + i, 0);
	}
	for (i = 0; i < ARRAY_SIZE(apic->pi.pir); i++)
		xchg(&apic->pi.pir[i], 0);
	clear_bit(OSP_PI_ON, &apic->pi.control);
	apic->irr_words = 0;
	apic->isr_words = 0;
	apic->rescan = true;
}

void osp_lapic_reset(struct osp_lapic *apic, bool init)
{
	osp_lapic_timer_stop(apic);
	if (!init) {
		WRITE_ONCE(apic->base, OSP_APIC_BASE_DEFAULT |
			   OSP_APIC_BASE_EN |
			   (apic->bsp ? OSP_APIC_BASE_BSP : 0));
		osp_lapic_set_xapic_id(apic, apic->id);
	}
	osp_lapic_set_version(apic);
	osp_lapic_mask_lvts(apic);
	osp_lapic_timer_lvt_changed(apic);
	if (apic->bsp)
		osp_lapic_set_reg(apic, OSP_APIC_LVT_LINT0,
				  OSP_APIC_EXTINT << 8);
	osp_lapic_set_reg(apic, OSP_APIC_DFR, ~0U);
	osp_lapic_set_reg(apic, OSP_APIC_SVR, 0xff);
	osp_lapic_set_reg(apic, OSP_APIC_TPR, 0);
	if (!osp_lapic_x2apic(apic))
		osp_lapic_set_reg(apic, OSP_APIC_LDR, 0);
	osp_lapic_set_reg(apic, OSP_APIC_ESR, 0);
	xchg(&apic->esr_raised, 0);
	osp_lapic_set_reg(apic, OSP_APIC_ICR, 0);
	osp_lapic_set_reg(apic, OSP_APIC_ICR + 4, 0);
	if (!osp_lapic_x2apic(apic))
		osp_lapic_set_reg(apic, OSP_APIC_ICR2, 0);
	osp_lapic_set_tmict(apic, 0);
	osp_lapic_set_reg(apic, OSP_APIC_TDCR, 0);
	osp_lapic_timer_set_divide(apic);
	osp_lapic_clear_vectors(apic);
	clear_bit(OSP_LAPIC_EV_EXTINT, &apic->events);
	osp_lapic_update_ppr(apic);
}

void osp_lapic_init(struct osp_lapic *apic, void *regs, u32 id, bool bsp,
		    struct osp_apic_bus *bus, const struct osp_lapic_ops *ops,
		    void *ctx)
{
	memset(apic, 0, sizeof(*apic));
	apic->regs = regs;
	apic->id = id;
	apic->bsp = bsp;
	apic->bus = bus;
	apic->ops = ops;
	apic->ctx = ctx;
	apic->nr_lvt = OSP_NR_LVT_BASIC;
	apic->timer.divide = 2;
	osp_lapic_set_cpuid(apic, false, false, 36);
	osp_lapic_reset(apic, false);
}

void osp_lapic_set_cpuid(struct osp_lapic *apic, bool x2apic,
			 bool tsc_deadline, u8 maxphyaddr)
{
	apic->x2apic_cpuid = x2apic;
	apic->tsc_deadline_cpuid = tsc_deadline;
	/* Bits 7:0 and 9, what lies beyond physical memory, and EXTD without x2APIC. */
	apic->base_reserved = ~GENMASK_ULL(maxphyaddr - 1, 0) | 0x2ff |
			      (x2apic ? 0 : OSP_APIC_BASE_EXTD);
	osp_lapic_set_version(apic);
}

void osp_lapic_set_directed_eoi(struct osp_lapic *apic, bool on)
{
	apic->directed_eoi = on;
	osp_lapic_set_version(apic);
}

void osp_lapic_set_cmci(struct osp_lapic *apic, bool on)
{
	apic->nr_lvt = OSP_NR_LVT_BASIC + on;
	if (on)
		osp_lapic_set_reg(apic, OSP_APIC_LVT_CMCI, OSP_LVT_MASKED);
	osp_lapic_set_version(apic);
}

/* The transitions of SDM 3A figure 11-27 that a guest may not make. */
static bool osp_lapic_base_refused(u64 old, u64 new)
{
	u64 mode = OSP_APIC_BASE_EN | OSP_APIC_BASE_EXTD;

	if ((old & mode) == mode)
		return (new & mode) == OSP_APIC_BASE_EN;
	return !(old & OSP_APIC_BASE_EN) && (new & OSP_APIC_BASE_EXTD);
}

int osp_lapic_set_base(struct osp_lapic *apic, u64 base, bool host)
{
	u64 old = apic->base;

	if (base & apic->base_reserved)
		return -EINVAL;
	if ((base & OSP_APIC_BASE_EXTD) && !(base & OSP_APIC_BASE_EN))
		return -EINVAL;
	if (!host && osp_lapic_base_refused(old, base))
		return -EINVAL;

	WRITE_ONCE(apic->base, base);
	if (!((old ^ base) & (OSP_APIC_BASE_EN | OSP_APIC_BASE_EXTD)))
		return 0;
	if (base & OSP_APIC_BASE_EXTD)
		osp_lapic_set_x2apic_id(apic);
	else if (base & OSP_APIC_BASE_EN)
		osp_lapic_set_xapic_id(apic, apic->id);
	else
		osp_lapic_timer_stop(apic);
	return 0;
}

/* ---- state in KVM's layout ---- */

/* In x2APIC mode userspace sees the ICR in two registers, as in xAPIC mode. */
void osp_lapic_get_state(struct osp_lapic *apic, struct kvm_lapic_state *s,
			 bool ids32)
{
	u32 tmcct = osp_lapic_timer_current(apic);
	u32 id, high;

	osp_lapic_sync(apic);
	osp_lapic_update_ppr(apic);
	memcpy(s->regs, apic->regs, sizeof(s->regs));
	memcpy(s->regs + OSP_APIC_TMCCT, &tmcct, 4);
	if (!osp_lapic_x2apic(apic))
		return;
	id = ids32 ? apic->id : apic->id << 24;
	high = osp_lapic_reg(apic, OSP_APIC_ICR + 4);
	memcpy(s->regs + OSP_APIC_ID, &id, 4);
	memcpy(s->regs + OSP_APIC_ICR2, &high, 4);
}

int osp_lapic_set_state(struct osp_lapic *apic,
			const struct kvm_lapic_state *s, bool ids32)
{
	u32 tmcct, id;

	memcpy(&tmcct, s->regs + OSP_APIC_TMCCT, 4);
	memcpy(&id, s->regs + OSP_APIC_ID, 4);
	if (ids32 && osp_lapic_x2apic(apic) && id != apic->id)
		return -EINVAL;
	osp_lapic_timer_stop(apic);
	osp_lapic_clear_vectors(apic);
	memcpy(apic->regs, s->regs, sizeof(s->regs));
	osp_lapic_set_reg(apic, OSP_APIC_TMCCT, 0);
	osp_lapic_set_version(apic);
	if (osp_lapic_x2apic(apic)) {
		osp_lapic_set_x2apic_id(apic);
		osp_lapic_set_reg(apic, OSP_APIC_ICR + 4,
				  osp_lapic_reg(apic, OSP_APIC_ICR2));
	} else {
		osp_lapic_set_xapic_id(apic,
				       osp_lapic_reg(apic, OSP_APIC_ID) >> 24);
	}
	osp_lapic_resync(apic);
	osp_lapic_timer_lvt_changed(apic);
	osp_lapic_timer_set_divide(apic);
	osp_lapic_timer_restore(apic, tmcct);
	apic->ops->enabled(apic->ctx);
	return 0;
}

/* What is posted to @from after it was synced came after the copy was taken. */
void osp_lapic_copy(struct osp_lapic *apic, struct osp_lapic *from)
{
	bool at_entry = apic->timer.at_entry;

	osp_lapic_sync(from);
	memcpy(apic->regs, from->regs, sizeof(struct kvm_lapic_state));
	apic->base = from->base;
	apic->base_reserved = from->base_reserved;
	apic->irr_words = from->irr_words;
	apic->isr_words = from->isr_words;
	apic->by_cpu = from->by_cpu;
	apic->raised = 0;
	apic->rescan = true;
	apic->x2apic_cpuid = from->x2apic_cpuid;
	apic->tsc_deadline_cpuid = from->tsc_deadline_cpuid;
	apic->directed_eoi = from->directed_eoi;
	apic->nr_lvt = from->nr_lvt;
	apic->events = READ_ONCE(from->events);
	apic->esr_raised = READ_ONCE(from->esr_raised);
	apic->sipi_vector = READ_ONCE(from->sipi_vector);
	apic->timer = from->timer;
	apic->timer.at_entry = at_entry;
}

/* ---- from the sender's side: any context ---- */

void osp_lapic_error(struct osp_lapic *apic, unsigned int bit)
{
	/* Already raised: also what ends an illegal vector in LVT error itself. */
	if (!test_and_set_bit(bit, &apic->esr_raised))
		osp_lapic_local(apic, OSP_APIC_LVT_ERROR);
}

static int osp_lapic_post(struct osp_lapic *apic, u8 vector, bool assert,
			  bool level)
{
	bool pending;

	if ((level && !assert) || !osp_lapic_hw_enabled(apic) ||
	    !osp_lapic_sw_enabled(apic))
		return 0;
	if (vector < 16) {
		osp_lapic_error(apic, OSP_ESR_RECV_ILLEGAL);
		return 0;
	}
	osp_lapic_set_tmr(apic, vector, level);
	pending = osp_lapic_test_vector(apic, OSP_APIC_IRR, vector);
	pending |= test_and_set_bit(vector, apic->pi.pir);
	if (!test_and_set_bit(OSP_PI_ON, &apic->pi.control))
		apic->ops->posted(apic->ctx);
	return pending ? 2 : 1;
}

static int osp_lapic_post_event(struct osp_lapic *apic,
				enum osp_lapic_event ev)
{
	set_bit(ev, &apic->events);
	apic->ops->kick(apic->ctx);
	return 1;
}

/* The CPU asks the PIC for the vector; with the PIC in userspace nobody answers. */
static int osp_lapic_post_extint(struct osp_lapic *apic)
{
	bool pending;

	if (!apic->bus->pic || !osp_lapic_hw_enabled(apic) ||
	    !osp_lapic_sw_enabled(apic))
		return 0;
	pending = osp_lapic_extint_sent(apic);
	osp_lapic_post_event(apic, OSP_LAPIC_EV_EXTINT);
	return pending ? 2 : 1;
}

int osp_lapic_deliver(struct osp_lapic *apic, u8 mode, u8 vector, bool assert,
		      bool level)
{
	switch (mode) {
	case OSP_APIC_FIXED:
	case OSP_APIC_LOWEST:
		return osp_lapic_post(apic, vector, assert, level);
	case OSP_APIC_SMI:
		return 1;	/* there is no SMM: accepted and without effect */
	case OSP_APIC_NMI:
		return osp_lapic_post_event(apic, OSP_LAPIC_EV_NMI);
	case OSP_APIC_INIT:
		if (level && !assert)
			return 0;
		clear_bit(OSP_LAPIC_EV_SIPI, &apic->events);
		return osp_lapic_post_event(apic, OSP_LAPIC_EV_INIT);
	case OSP_APIC_STARTUP:
		WRITE_ONCE(apic->sipi_vector, vector);
		smp_wmb();	/* the vector before the event */
		return osp_lapic_post_event(apic, OSP_LAPIC_EV_SIPI);
	case OSP_APIC_EXTINT:
		return osp_lapic_post_extint(apic);
	default:
		return 0;
	}
}

int osp_lapic_local(struct osp_lapic *apic, u32 lvt_offset)
{
	u32 lvt = osp_lapic_reg(apic, lvt_offset);
	int r;

	if (!osp_lapic_hw_enabled(apic) || (lvt & OSP_LVT_MASKED))
		return 0;
	/* On LINT0 it is no event: osp_lapic_accepts_extint() looks at the line. */
	if (OSP_LVT_MODE(lvt) == OSP_APIC_EXTINT)
		return 0;
	r = osp_lapic_deliver(apic, OSP_LVT_MODE(lvt), lvt & 0xff, true,
			      lvt & OSP_LVT_LEVEL);
	/* SDM 3A 11.5.1: a counter's overflow masks its entry. */
	if (r && lvt_offset == OSP_APIC_LVT_PMC)
		osp_lapic_set_reg(apic, lvt_offset, lvt | OSP_LVT_MASKED);
	return r;
}

/* ---- from the CPU's side: the owner's thread ---- */

static void osp_lapic_add_irr(struct osp_lapic *apic, u32 word, u32 bits)
{
	u32 reg = OSP_APIC_IRR + word * 0x10;

	osp_lapic_set_reg(apic, reg, osp_lapic_reg(apic, reg) | bits);
	apic->irr_words |= BIT(word);
	apic->raised = max_t(u8, apic->raised, word * 32 + __fls(bits));
}

void osp_lapic_self(struct osp_lapic *apic, u8 vector, bool level)
{
	if (!osp_lapic_hw_enabled(apic) || !osp_lapic_sw_enabled(apic))
		return;
	if (unlikely(vector < 16)) {
		osp_lapic_error(apic, OSP_ESR_RECV_ILLEGAL);
		return;
	}
	osp_lapic_set_tmr(apic, vector, level);
	osp_lapic_add_irr(apic, vector >> 5, BIT(vector & 31));
}

void osp_lapic_sync(struct osp_lapic *apic)
{
	unsigned long bits;
	u32 i;

	/* Fully ordered: what is posted after this sets ON, and kicks, again. */
	if (!test_and_clear_bit(OSP_PI_ON, &apic->pi.control))
		return;
	for (i = 0; i < ARRAY_SIZE(apic->pi.pir); i++) {
		if (!READ_ONCE(apic->pi.pir[i]))
			continue;
		bits = xchg(&apic->pi.pir[i], 0);
		if ((u32)bits)
			osp_lapic_add_irr(apic, 2 * i, bits);
		if (bits >> 32)
			osp_lapic_add_irr(apic, 2 * i + 1, bits >> 32);
	}
}

int osp_lapic_top(const struct osp_lapic *apic, u32 reg)
{
	u32 word, bits;

	for (word = 8; word--;) {
		bits = osp_lapic_reg(apic, reg + word * 0x10);
		if (bits)
			return word * 32 + __fls(bits);
	}
	return -1;
}

void osp_lapic_deliver_by_cpu(struct osp_lapic *apic, bool on)
{
	apic->by_cpu = on;
	apic->rescan = true;
	osp_lapic_resync(apic);
}

void osp_lapic_resync(struct osp_lapic *apic)
{
	u32 i;

	apic->irr_words = 0;
	apic->isr_words = 0;
	for (i = 0; i < 8; i++) {
		if (osp_lapic_reg(apic, OSP_APIC_IRR + i * 0x10))
			apic->irr_words |= BIT(i);
		if (osp_lapic_reg(apic, OSP_APIC_ISR + i * 0x10))
			apic->isr_words |= BIT(i);
	}
	osp_lapic_update_ppr(apic);
}

int osp_lapic_highest(struct osp_lapic *apic)
{
	u32 word, bits;
	int vector;

	if (!osp_lapic_hw_enabled(apic))
		return -1;
	if (apic->by_cpu) {
		vector = osp_lapic_top(apic, OSP_APIC_IRR);
		if (vector < 0 ||
		    (vector & 0xf0) <= (osp_lapic_update_ppr(apic) & 0xf0))
			return -1;
		return vector;
	}
	while (apic->irr_words) {
		word = __fls(apic->irr_words);
		bits = osp_lapic_reg(apic, OSP_APIC_IRR + word * 0x10);
		if (bits) {
			vector = word * 32 + __fls(bits);
			if ((vector & 0xf0) <= (osp_lapic_update_ppr(apic) & 0xf0))
				return -1;
			return vector;
		}
		apic->irr_words &= ~BIT(word);
	}
	return -1;
}

void osp_lapic_ack(struct osp_lapic *apic, u8 vector)
{
	u32 word = vector >> 5;
	u32 irr = OSP_APIC_IRR + word * 0x10, isr = OSP_APIC_ISR + word * 0x10;
	u32 left = osp_lapic_reg(apic, irr) & ~BIT(vector & 31);

	osp_lapic_set_reg(apic, irr, left);
	if (!left)
		apic->irr_words &= ~BIT(word);
	osp_lapic_set_reg(apic, isr,
			  osp_lapic_reg(apic, isr) | BIT(vector & 31));
	apic->isr_words |= BIT(word);
	osp_lapic_update_ppr(apic);
}

void osp_lapic_unack(struct osp_lapic *apic, u8 vector)
{
	u32 isr = osp_lapic_word(OSP_APIC_ISR, vector);
	u32 irr = osp_lapic_word(OSP_APIC_IRR, vector);

	osp_lapic_set_reg(apic, isr,
			  osp_lapic_reg(apic, isr) & ~BIT(vector & 31));
	osp_lapic_set_reg(apic, irr,
			  osp_lapic_reg(apic, irr) | BIT(vector & 31));
	apic->rescan = true;
	osp_lapic_resync(apic);
}

void osp_lapic_eoi(struct osp_lapic *apic)
{
	int vector = osp_lapic_in_service(apic);
	u32 isr, left;

	if (vector < 0)
		return;
	isr = osp_lapic_word(OSP_APIC_ISR, vector);
	left = osp_lapic_reg(apic, isr) & ~BIT(vector & 31);
	osp_lapic_set_reg(apic, isr, left);
	if (!left)
		apic->isr_words &= ~BIT(vector >> 5);
	apic->rescan = true;
	osp_lapic_update_ppr(apic);
	if (unlikely(test_bit(vector, apic->bus->eoi_watch)))
		apic->ops->eoi(apic->ctx, vector);
}

void osp_lapic_eoi_done(struct osp_lapic *apic, u8 vector)
{
	apic->ops->eoi(apic->ctx, vector);
}

bool osp_lapic_broadcasts_eoi(const struct osp_lapic *apic, u8 vector)
{
	return osp_lapic_test_vector(apic, OSP_APIC_TMR, vector) &&
	       !(osp_lapic_reg(apic, OSP_APIC_SVR) & OSP_SVR_NO_EOI_BCAST);
}
