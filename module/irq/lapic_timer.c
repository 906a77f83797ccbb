// SPDX-License-Identifier: GPL-2.0
/*
 * lapic_timer.c - the local APIC's timer: one-shot, periodic, TSC deadline.
 *
 * Owns struct osp_lapic_timer.  What wakes it up is behind the APIC's ops:
 * an hrtimer in the kernel.  osp_lapic_timer_fired() runs in hard irq
 * context, beside the thread that owns the vCPU and writes everything else
 * here; that thread first cancels, and so waits for it, whenever @armed.
 * After @armed was cleared by the callback the callback touches nothing more.
 * No locks are taken.
 *
 * A deadline is kept by the guest's TSC, not by the clock that wakes us up:
 * called too early, the timer waits on, so that no interrupt is early however
 * the two clocks drift.
 *
 * With @at_entry a deadline needs no clock while the vCPU runs: who enters the
 * guest asks osp_lapic_deadline_left() first, and lets the CPU's own timer end
 * the stay by then.  A vCPU that does not run but could needs none either; only
 * one that sleeps does, and its thread has its own.
 *
 * SDM 3A 11.5.4.
 */
#include "lapic.h"

#define OSP_LVT_TIMER_MODE(lvt)	(((lvt) >> 17) & 3)

/*
 * A guest's periodic timer costs the host an interrupt a period even while
 * the guest sleeps, and no scheduler bounds it: at most 5,000 a second, as KVM.
 */
#define OSP_TIMER_MIN_PERIOD_NS	200000ULL

/* Longest wait in TSC ticks, so that ns fit in 63 bits at any frequency. */
#define OSP_TIMER_MAX_WAIT	BIT_ULL(42)

/* ---- arming ---- */

void osp_lapic_timer_stop(struct osp_lapic *apic)
{
	struct osp_lapic_timer *t = &apic->timer;

	if (!READ_ONCE(t->armed))
		return;
	apic->ops->timer_cancel(apic->ctx);
	WRITE_ONCE(t->armed, false);
}

static void osp_lapic_timer_arm(struct osp_lapic *apic, u64 expires_ns)
{
	WRITE_ONCE(apic->timer.armed, true);
	apic->ops->timer_arm(apic->ctx, expires_ns);
}

/* When the guest's TSC will reach the deadline, or 0: it has. */
static u64 osp_lapic_deadline_ns(struct osp_lapic *apic, u64 deadline)
{
	u64 tsc = apic->ops->guest_tsc(apic->ctx);
	u64 left;

	if (tsc >= deadline)
		return 0;
	left = min_t(u64, deadline - tsc, OSP_TIMER_MAX_WAIT);
	return apic->ops->now_ns(apic->ctx) + 1 +
	       mul_u64_u32_div(left, 1000000, apic->timer.tsc_khz);
}

/* The owner sees that the deadline has come. */
static void osp_lapic_deadline_now(struct osp_lapic *apic)
{
	u32 lvt = osp_lapic_reg(apic, OSP_APIC_LVT_TIMER);

	apic->timer.deadline = 0;
	if (!(lvt & OSP_LVT_MASKED))
		osp_lapic_self(apic, lvt, false);
}

u64 osp_lapic_deadline_left(struct osp_lapic *apic)
{
	u64 tsc = apic->ops->guest_tsc(apic->ctx);

	if (tsc < apic->timer.deadline)
		return apic->timer.deadline - tsc;
	osp_lapic_deadline_now(apic);
	return 0;
}

static void osp_lapic_timer_arm_deadline(struct osp_lapic *apic)
{
	struct osp_lapic_timer *t = &apic->timer;
	u64 expires;

	if (!t->deadline || !t->tsc_khz)
		return;
	if (t->at_entry) {
		/* Past already: the interrupt is there when this returns. */
		osp_lapic_deadline_left(apic);
		return;
	}
	expires = osp_lapic_deadline_ns(apic, t->deadline);
	if (expires)
		osp_lapic_timer_arm(apic, expires);
	else
		osp_lapic_deadline_now(apic);
}

/* ---- one-shot and periodic ---- */

static void osp_lapic_timer_set_period(struct osp_lapic *apic)
{
	struct osp_lapic_timer *t = &apic->timer;
	u64 period = (u64)osp_lapic_reg(apic, OSP_APIC_TMICT) * t->divide;

	if (t->mode == OSP_TIMER_PERIODIC && period)
		period = max_t(u64, period, OSP_TIMER_MIN_PERIOD_NS);
	WRITE_ONCE(t->period_ns, period);
}

static void osp_lapic_timer_run(struct osp_lapic *apic, u64 first_ns)
{
	u64 expires = apic->ops->now_ns(apic->ctx) + first_ns;

	WRITE_ONCE(apic->timer.expires_ns, expires);
	osp_lapic_timer_arm(apic, expires);
}

void osp_lapic_set_tmict(struct osp_lapic *apic, u32 count)
{
	struct osp_lapic_timer *t = &apic->timer;

	if (t->mode == OSP_TIMER_TSC_DEADLINE) {
		/* The CPU may have written it into the page already. */
		osp_lapic_set_reg(apic, OSP_APIC_TMICT, 0);
		return;
	}
	osp_lapic_timer_stop(apic);
	osp_lapic_set_reg(apic, OSP_APIC_TMICT, count);
	osp_lapic_timer_set_period(apic);
	t->expires_ns = 0;
	if (t->period_ns)
		osp_lapic_timer_run(apic, t->period_ns);
}

void osp_lapic_timer_restore(struct osp_lapic *apic, u32 tmcct)
{
	struct osp_lapic_timer *t = &apic->timer;
	u64 first = (u64)tmcct * t->divide;

	if (t->mode == OSP_TIMER_TSC_DEADLINE) {
		osp_lapic_timer_arm_deadline(apic);
		return;
	}
	osp_lapic_timer_set_period(apic);
	t->expires_ns = 0;
	if (!t->period_ns)
		return;
	if (t->mode == OSP_TIMER_PERIODIC && !first)
		first = t->period_ns;
	/* A one-shot timer whose count is 0 has fired before it was saved. */
	if (first)
		osp_lapic_timer_run(apic, min_t(u64, first, t->period_ns));
}

u32 osp_lapic_timer_current(struct osp_lapic *apic)
{
	struct osp_lapic_timer *t = &apic->timer;
	u64 expires = READ_ONCE(t->expires_ns);
	u64 now;

	if (t->mode == OSP_TIMER_TSC_DEADLINE || !t->period_ns || !expires)
		return 0;
	now = apic->ops->now_ns(apic->ctx);
	if (now >= expires)
		return 0;
	return div64_u64(min_t(u64, expires - now, t->period_ns), t->divide);
}

/* ---- configuration ---- */

void osp_lapic_timer_lvt_changed(struct osp_lapic *apic)
{
	struct osp_lapic_timer *t = &apic->timer;
	u8 mode = OSP_LVT_TIMER_MODE(osp_lapic_reg(apic, OSP_APIC_LVT_TIMER));

	mode = min_t(u8, mode, OSP_TIMER_TSC_DEADLINE);	/* 3 is reserved */
	if (mode == t->mode)
		return;
	/* SDM 3A 11.5.4.1: a change to or from TSC deadline disarms. */
	if (mode == OSP_TIMER_TSC_DEADLINE || t->mode == OSP_TIMER_TSC_DEADLINE) {
		osp_lapic_timer_stop(apic);
		osp_lapic_set_reg(apic, OSP_APIC_TMICT, 0);
		t->period_ns = 0;
		t->expires_ns = 0;
		t->deadline = 0;
	}
	WRITE_ONCE(t->mode, mode);
	osp_lapic_timer_set_period(apic);
}

/* The count goes on from where it is, at the new rate. */
void osp_lapic_timer_set_divide(struct osp_lapic *apic)
{
	u32 tdcr = osp_lapic_reg(apic, OSP_APIC_TDCR);
	/* Bits 3, 1, 0: 2, 4, ... 128, and 111 for 1: SDM 3A figure 11-10. */
	u32 shift = (((tdcr & 3) | (tdcr & 8) >> 1) + 1) & 7;
	struct osp_lapic_timer *t = &apic->timer;
	u8 old = t->divide;
	u64 now, left;

	if (old == 1 << shift)
		return;
	if (!READ_ONCE(t->armed) || t->mode == OSP_TIMER_TSC_DEADLINE) {
		t->divide = 1 << shift;
		osp_lapic_timer_set_period(apic);
		return;
	}
	osp_lapic_timer_stop(apic);
	now = apic->ops->now_ns(apic->ctx);
	left = t->expires_ns > now ? t->expires_ns - now : 0;
	t->divide = 1 << shift;
	osp_lapic_timer_set_period(apic);
	osp_lapic_timer_run(apic, mul_u64_u32_div(left, t->divide, old));
}

/* ---- TSC deadline ---- */

u64 osp_lapic_get_tsc_deadline(const struct osp_lapic *apic)
{
	if (!osp_lapic_hw_enabled(apic) ||
	    apic->timer.mode != OSP_TIMER_TSC_DEADLINE)
		return 0;
	return READ_ONCE(apic->timer.deadline);
}

void osp_lapic_set_tsc_deadline(struct osp_lapic *apic, u64 deadline)
{
	if (!osp_lapic_hw_enabled(apic) ||
	    apic->timer.mode != OSP_TIMER_TSC_DEADLINE)
		return;
	osp_lapic_timer_stop(apic);
	apic->timer.deadline = deadline;
	osp_lapic_timer_arm_deadline(apic);
}

void osp_lapic_tsc_changed(struct osp_lapic *apic, u32 tsc_khz)
{
	struct osp_lapic_timer *t = &apic->timer;

	if (t->mode != OSP_TIMER_TSC_DEADLINE) {
		t->tsc_khz = tsc_khz;
		return;
	}
	osp_lapic_timer_stop(apic);
	t->tsc_khz = tsc_khz;
	osp_lapic_timer_arm_deadline(apic);
}

/* ---- expiry: hard irq context ---- */

static u64 osp_lapic_deadline_fired(struct osp_lapic *apic)
{
	struct osp_lapic_timer *t = &apic->timer;
	u64 again = osp_lapic_deadline_ns(apic, t->deadline);

	if (again)
		return again;
	WRITE_ONCE(t->deadline, 0);
	osp_lapic_local(apic, OSP_APIC_LVT_TIMER);
	smp_wmb();	/* all of this before the owner may arm again */
	WRITE_ONCE(t->armed, false);
	return 0;
}

/*
 * The next period ends one period after this one was due, however late we
 * are; whole periods that were slept through are not made up for, since the
 * APIC could not have queued them either.
 */
static u64 osp_lapic_period_fired(struct osp_lapic *apic)
{
	struct osp_lapic_timer *t = &apic->timer;
	u64 period = READ_ONCE(t->period_ns);
	u64 now = apic->ops->now_ns(apic->ctx);
	u64 next = t->expires_ns + period;

	if (next <= now)
		next += (div64_u64(now - next, period) + 1) * period;
	WRITE_ONCE(t->expires_ns, next);
	osp_lapic_local(apic, OSP_APIC_LVT_TIMER);
	return next;
}

u64 osp_lapic_timer_fired(struct osp_lapic *apic)
{
	struct osp_lapic_timer *t = &apic->timer;
	u8 mode = READ_ONCE(t->mode);

	if (mode == OSP_TIMER_TSC_DEADLINE)
		return osp_lapic_deadline_fired(apic);
	if (mode == OSP_TIMER_PERIODIC && READ_ONCE(t->period_ns))
		return osp_lapic_period_fired(apic);
	WRITE_ONCE(t->expires_ns, 0);
	osp_lapic_local(apic, OSP_APIC_LVT_TIMER);
	smp_wmb();	/* as above */
	WRITE_ONCE(t->armed, false);
	return 0;
}
