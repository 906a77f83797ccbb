// SPDX-License-Identifier: GPL-2.0
/*
 * test_lapic_timer.c - the local APIC's timer in its three modes.
 * SDM 3A 11.5.4.  A bus cycle is 1 ns; the machine's TSC runs at 2 GHz.
 */
#include "machine.h"
#include "tap.h"

static struct osp_lapic *fresh(struct machine **m)
{
	struct osp_lapic *a;

	*m = machine_new(1);
	a = &(*m)->cpu[0].apic;
	enable(a);
	return a;
}

/* Interrupts taken and ended within @ns, looked at every @step ns. */
static u32 count(struct machine *m, u64 ns, u64 step)
{
	struct osp_lapic *a = &m->cpu[0].apic;
	u32 n = 0;

	for (; ns; ns -= step) {
		machine_run(m, step);
		while (take(a) >= 0) {
			osp_lapic_eoi(a);
			n++;
		}
	}
	return n;
}

static void test_divide(void)
{
	static const u8 want[16] = { 2, 4, 8, 16, 2, 4, 8, 16,
				     32, 64, 128, 1, 32, 64, 128, 1 };
	struct machine *m;
	struct osp_lapic *a = fresh(&m);
	u32 i;

	for (i = 0; i < 16; i++) {
		wr(a, 0x3e0, i);
		IS(a->timer.divide, want[i], "divide configuration %#x", i);
	}
	machine_free(m);
}

static void test_oneshot(void)
{
	struct machine *m;
	struct osp_lapic *a = fresh(&m);

	wr(a, 0x3e0, 0xb);
	wr(a, 0x320, 0x40);
	wr(a, 0x380, 1000000);
	IS(rd(a, 0x390), 1000000, "the count starts at the initial one");
	machine_run(m, 400000);
	IS(rd(a, 0x390), 600000, "and goes down");
	IS(osp_lapic_pending(a), -1, "not yet");
	machine_run(m, 599999);
	IS(rd(a, 0x390), 1, "one left");
	machine_run(m, 1);
	IS(take(a), 0x40, "fired");
	IS(rd(a, 0x390), 0, "the count stays at 0");
	IS(rd(a, 0x380), 1000000, "the initial count stays");
	osp_lapic_eoi(a);
	IS(count(m, 5000000, 100000), 0, "once only");
	wr(a, 0x380, 1000);
	wr(a, 0x380, 0);
	IS(count(m, 10000, 1000), 0, "initial count 0 stops it");
	IS(rd(a, 0x390), 0, "and the current count is 0");
	machine_free(m);
}

static void test_masked(void)
{
	struct machine *m;
	struct osp_lapic *a = fresh(&m);

	wr(a, 0x3e0, 0xb);
	wr(a, 0x320, 0x10040);
	wr(a, 0x380, 1000000);
	machine_run(m, 500000);
	IS(rd(a, 0x390), 500000, "a masked timer counts");
	machine_run(m, 600000);
	IS(take(a), -1, "but does not interrupt");
	wr(a, 0x320, 0x40);
	IS(take(a), -1, "not when unmasked later either");
	machine_free(m);
}

static void test_periodic(void)
{
	struct machine *m;
	struct osp_lapic *a = fresh(&m);

	wr(a, 0x320, 0x20041);
	wr(a, 0x380, 500000);	/* divide by 2: 1 ms */
	IS(count(m, 10000000, 250000), 10, "ten in ten periods");
	machine_run(m, 300000);
	IS(rd(a, 0x390), 350000, "current count within the period");
	machine_run(m, 700000 + 4000000);
	IS(take(a), 0x41, "five periods without looking");
	osp_lapic_eoi(a);
	IS(take(a), -1, "are one interrupt");
	machine_run(m, 999999);
	IS(take(a), -1, "and the phase is kept:");
	machine_run(m, 1);
	IS(take(a), 0x41, "next exactly one period later");
	osp_lapic_eoi(a);

	/* The host itself was late: the timer callback comes 3.5 periods late. */
	m->cpu[0].timer = 0;
	m->now += 3500000;
	m->cpu[0].timer = osp_lapic_timer_fired(a);
	IS(take(a), 0x41, "late, but there");
	IS(m->cpu[0].timer - m->now, 500000, "catch-up: none, phase kept");
	osp_lapic_eoi(a);

	wr(a, 0x320, 0x41);
	IS(count(m, 5000000, 250000), 1, "switched to one-shot: one more");
	machine_free(m);
}

static void test_period_limit(void)
{
	struct machine *m;
	struct osp_lapic *a = fresh(&m);

	wr(a, 0x320, 0x20041);
	wr(a, 0x380, 1);
	IS(a->timer.period_ns, 200000, "a period is at least 200 us");
	IS(count(m, 2000000, 50000), 10, "so ten in 2 ms");
	wr(a, 0x320, 0x41);
	wr(a, 0x380, 1);
	IS(a->timer.period_ns, 2, "one-shot is not bounded");
	machine_free(m);
}

static void test_divide_change(void)
{
	struct machine *m;
	struct osp_lapic *a = fresh(&m);

	wr(a, 0x3e0, 0xb);
	wr(a, 0x320, 0x42);
	wr(a, 0x380, 1000000);
	machine_run(m, 200000);
	wr(a, 0x3e0, 0x0);
	IS(rd(a, 0x390), 800000, "a new divisor leaves the count as it is");
	machine_run(m, 800000);
	IS(rd(a, 0x390), 400000, "from there at half the rate");
	machine_run(m, 800000);
	IS(take(a), 0x42, "fired accordingly");
	machine_free(m);
}

/* ---- TSC deadline ---- */

static u64 tsc(struct machine *m)
{
	return m->now * m->tsc_mul + m->tsc_offset;
}

static void test_deadline(void)
{
	struct machine *m;
	struct osp_lapic *a = fresh(&m);
	u64 at;

	osp_lapic_set_tsc_deadline(a, tsc(m) + 1000);
	IS(osp_lapic_get_tsc_deadline(a), 0, "ignored in another mode");
	IS(m->cpu[0].arms, 0, "not armed");
	wr(a, 0x320, 0x40043);
	wr(a, 0x380, 1000);
	IS(rd(a, 0x380), 0, "the initial count can't be written");
	at = tsc(m) + 2000000;
	osp_lapic_set_tsc_deadline(a, at);
	IS(osp_lapic_get_tsc_deadline(a), at, "armed");
	IS(rd(a, 0x390), 0, "the current count is 0");
	machine_run(m, 999999);
	IS(take(a), -1, "not before");
	machine_run(m, 2);
	IS(take(a), 0x43, "fired");
	osp_lapic_eoi(a);
	IS(osp_lapic_get_tsc_deadline(a), 0, "then it reads as 0");

	m->cpu[0].arms = 0;
	m->cpu[0].kicks = 0;
	osp_lapic_set_tsc_deadline(a, tsc(m) - 5);
	IS(take(a), 0x43, "in the past: at once");
	osp_lapic_eoi(a);
	IS(m->cpu[0].arms + m->cpu[0].kicks, 0, "without timer or kick");
	osp_lapic_set_tsc_deadline(a, tsc(m) + 100000);
	osp_lapic_set_tsc_deadline(a, 0);
	IS(count(m, 1000000, 100000), 0, "0 disarms");
	machine_free(m);
}

static void test_deadline_corners(void)
{
	struct machine *m;
	struct osp_lapic *a = fresh(&m);

	wr(a, 0x320, 0x40043);
	osp_lapic_set_tsc_deadline(a, ~0ULL);
	OK(m->cpu[0].timer > m->now, "the farthest deadline is in the future");
	machine_run(m, 3600ULL * 1000000000 * 24);
	IS(take(a), -1, "a day is not enough for it");
	osp_lapic_set_tsc_deadline(a, tsc(m) + 2000000);
	/* The guest moved its TSC back: woken up too early, it waits on. */
	m->tsc_offset -= 1000000;
	machine_run(m, 1100000);
	IS(take(a), -1, "TSC set back: not early");
	machine_run(m, 500000);
	IS(take(a), 0x43, "but in time");
	osp_lapic_eoi(a);
	osp_lapic_set_tsc_deadline(a, tsc(m) + 2000000);
	m->tsc_offset += 1900000;
	osp_lapic_tsc_changed(a, a->timer.tsc_khz);
	machine_run(m, 51000);
	IS(take(a), 0x43, "TSC set forth, and told: in time");
	osp_lapic_eoi(a);
	osp_lapic_set_tsc_deadline(a, tsc(m) + 2000000);
	wr(a, 0x320, 0x43);
	IS(osp_lapic_get_tsc_deadline(a), 0, "leaving the mode disarms");
	IS(m->cpu[0].timer, 0, "the host timer too");
	wr(a, 0x320, 0x40043);
	osp_lapic_set_tsc_deadline(a, tsc(m) + 2000);
	wr(a, 0x320, 0x50043);
	machine_run(m, 100000);
	IS(take(a), -1, "masked: nothing");
	osp_lapic_set_cpuid(a, true, false, 40);
	wr(a, 0x320, 0x60043);
	IS(rd(a, 0x320), 0x20043, "without the CPUID bit there is no such mode");
	machine_free(m);
}

/* ---- state ---- */

static void test_restore(void)
{
	struct machine *m;
	struct osp_lapic *a = fresh(&m);
	struct kvm_lapic_state s;
	u32 tmcct;

	wr(a, 0x3e0, 0xb);
	wr(a, 0x320, 0x20044);
	wr(a, 0x380, 1000000);
	machine_run(m, 300000);
	osp_lapic_get_state(a, &s, false);
	memcpy(&tmcct, s.regs + 0x390, 4);
	IS(tmcct, 700000, "the current count is saved");
	machine_run(m, 5000000);
	osp_lapic_set_state(a, &s, false);
	IS(rd(a, 0x390), 700000, "and restored");
	machine_run(m, 700000);
	IS(take(a), 0x44, "fires when it would have");
	osp_lapic_eoi(a);
	machine_run(m, 1000000);
	IS(take(a), 0x44, "and periodically from there");
	osp_lapic_eoi(a);

	wr(a, 0x320, 0x44);
	wr(a, 0x380, 1000);
	machine_run(m, 2000);
	take(a);
	osp_lapic_eoi(a);
	osp_lapic_get_state(a, &s, false);
	osp_lapic_set_state(a, &s, false);
	IS(count(m, 100000, 1000), 0, "a one-shot that fired does not again");
	osp_lapic_reset(a, false);
	IS(m->cpu[0].timer, 0, "RESET stops it");
	machine_free(m);
}

/* Whoever enters the guest, or sleeps, looks at deadlines; there is no clock. */
static void test_deadline_at_entry(void)
{
	struct machine *m;
	struct osp_lapic *a = fresh(&m);

	wr(a, 0x320, 0x40043);
	a->timer.at_entry = true;
	m->cpu[0].arms = 0;
	IS(osp_lapic_deadline_waits(a), false, "nothing waits");
	osp_lapic_set_tsc_deadline(a, tsc(m) + 2000);
	IS(osp_lapic_deadline_waits(a), true, "a deadline waits");
	IS(m->cpu[0].arms, 0, "without a clock");
	IS(osp_lapic_deadline_left(a), 2000, "so many ticks");
	machine_run(m, 999);
	IS(osp_lapic_deadline_left(a), 2, "fewer");
	IS(take(a), -1, "not before");
	machine_run(m, 1);
	IS(osp_lapic_deadline_left(a), 0, "none left");
	IS(take(a), 0x43, "fired");
	osp_lapic_eoi(a);
	IS(osp_lapic_deadline_waits(a), false, "once");
	IS(osp_lapic_get_tsc_deadline(a), 0, "then it reads as 0");

	osp_lapic_set_tsc_deadline(a, tsc(m) + 2000);
	osp_lapic_set_tsc_deadline(a, tsc(m) + 8000);
	IS(osp_lapic_deadline_left(a), 8000, "a new one replaces it");
	m->tsc_offset += 9000;
	IS(osp_lapic_deadline_left(a), 0, "past by far");
	IS(take(a), 0x43, "... fires");
	osp_lapic_eoi(a);
	IS(m->cpu[0].arms, 0, "never a clock");
	osp_lapic_set_tsc_deadline(a, tsc(m) + 100);
	wr(a, 0x320, 0x43);
	IS(osp_lapic_deadline_waits(a), false, "another mode disarms");
	machine_free(m);
}

int main(void)
{
	test_divide();
	test_oneshot();
	test_masked();
	test_periodic();
	test_period_limit();
	test_divide_change();
	test_deadline();
	test_deadline_corners();
	test_deadline_at_entry();
	test_restore();
	return END();
}
