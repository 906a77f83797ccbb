// SPDX-License-Identifier: GPL-2.0
/*
 * test_pit.c - the 8254 and the speaker port, against the data sheet.
 */
#include "machine.h"
#include "tap.h"

static struct osp_pit pit;
static u64 now;

static void out(u16 port, u8 val)
{
	osp_pit_write(&pit, port, val, now);
}

static u8 in(u16 port)
{
	return osp_pit_read(&pit, port, now);
}

static void fresh(void)
{
	now = 5000000000ULL;
	osp_pit_init(&pit, KVM_PIT_SPEAKER_DUMMY, now);
}

/* Let @n input clocks pass. */
static void clocks(u64 n)
{
	now += (n * 1000000000ULL + OSP_PIT_HZ - 1) / OSP_PIT_HZ;
}

static void program(u32 ch, u32 mode, u16 count)
{
	out(0x43, ch << 6 | 0x30 | mode << 1);
	out(0x40 + ch, count);
	out(0x40 + ch, count >> 8);
}

static u16 latch(u32 ch)
{
	u16 lsb;

	out(0x43, ch << 6);
	lsb = in(0x40 + ch);
	return lsb | in(0x40 + ch) << 8;
}

static u8 status(u32 ch)
{
	out(0x43, 0xe0 | 2 << ch);
	return in(0x40 + ch);
}

/* Ticks of channel 0 until @ns from now, acknowledged at once or not at all. */
static u32 run(u64 ns, bool ack)
{
	u64 end = now + ns;
	u32 n = 0;

	while (pit.expires_ns && pit.expires_ns <= end) {
		now = max(now, pit.expires_ns);
		n += osp_pit_tick(&pit, now);
		while (ack && osp_pit_ack(&pit))
			n++;
	}
	now = end;
	return n;
}

static void test_reset(void)
{
	struct kvm_pit_state2 s;
	u32 i;

	fresh();
	osp_pit_get_state(&pit, &s, now);
	for (i = 0; i < 3; i++) {
		IS(s.channels[i].mode, 0xff, "channel %u: no mode yet", i);
		IS(s.channels[i].count, 0x10000, "largest count");
		IS(s.channels[i].gate, i != 2, "GATE");
	}
	IS(s.flags, 0, "flags");
	IS(pit.expires_ns, 0, "no tick");
}

static void test_mode0(void)
{
	fresh();
	program(0, 0, 1000);
	IS(latch(0), 1000, "mode 0: loaded");
	clocks(400);
	IS(latch(0), 600, "counts down");
	IS(status(0) & 0x80, 0, "OUT low");
	clocks(600);
	IS(latch(0), 0, "zero");
	IS(status(0) & 0x80, 0x80, "OUT high");
	clocks(10);
	IS(latch(0), 0xfff6, "goes on from FFFFH");
	program(0, 0, 1000);
	IS(run(2000000, true), 1, "IRQ 0 once");
	program(0, 0, 1000);
	out(0x43, 0x30);
	IS(run(2000000, true), 0, "a control word stops it");
	IS(status(0), 0x40 | 0x30, "null count, OUT low, word access, mode 0");
}

static void test_mode2(void)
{
	u64 start;

	fresh();
	program(0, 2, 1193);
	IS(latch(0), 1193, "mode 2: loaded");
	clocks(1192);
	IS(latch(0), 1, "down to 1");
	IS(status(0) & 0x80, 0, "OUT low for the last clock");
	clocks(1);
	IS(latch(0), 1193, "and reloads");
	IS(status(0), 0x80 | 0x30 | 4, "OUT high; word access, mode 2");
	program(0, 2, 11932);
	start = now;
	IS(run(1000000000, true), 99, "99 whole periods in a second");
	IS(run(3599 * 1000000000ULL, true), 359994 - 99,
	   "and 359,994 in an hour: no drift");
	OK(pit.expires_ns > now && pit.expires_ns - now <= 10000153,
	   "the next is less than a period away");
	IS((pit.expires_ns - start) / 10, (359995ULL * 11932 *
	   1000000000 / OSP_PIT_HZ) / 10, "exactly when it is due");
}

static void test_mode3(void)
{
	fresh();
	program(2, 3, 100);
	out(0x61, 1);
	IS(latch(2), 100, "mode 3, even: loaded");
	clocks(1);
	IS(latch(2), 98, "by two");
	clocks(49);
	IS(latch(2), 100, "second half");
	IS(status(2) & 0x80, 0, "OUT low");
	clocks(50);
	IS(status(2) & 0x80, 0x80, "OUT high");
	program(2, 3, 101);
	IS(latch(2), 100, "odd: one less, which is even");
	clocks(50);
	IS(latch(2), 0, "to zero in the first half");
	IS(status(2) & 0x80, 0x80, "which is high for 51 clocks");
	clocks(1);
	IS(latch(2), 100, "second half");
	IS(status(2) & 0x80, 0, "low for 50");
	clocks(50);
	IS(status(2) & 0x80, 0x80, "and high again");
	program(0, 7, 1193);
	IS(status(0) & 0xe, 6, "mode 7 is mode 3");
	program(0, 6, 1193);
	IS(status(0) & 0xe, 4, "mode 6 is mode 2");
}

static void test_modes_145(void)
{
	fresh();
	program(2, 1, 100);
	IS(status(2) & 0x80, 0x80, "mode 1: OUT high until triggered");
	clocks(200);
	IS(status(2) & 0x80, 0x80, "still");
	out(0x61, 1);
	IS(status(2) & 0x80, 0, "triggered: low");
	clocks(60);
	IS(latch(2), 40, "counting");
	out(0x61, 0);
	out(0x61, 1);
	IS(latch(2), 100, "retriggered");
	clocks(100);
	IS(status(2) & 0x80, 0x80, "high when done");

	program(2, 4, 100);
	clocks(99);
	IS(status(2) & 0x80, 0x80, "mode 4: high");
	clocks(1);
	IS(status(2) & 0x80, 0, "a strobe of one clock");
	clocks(1);
	IS(status(2) & 0x80, 0x80, "and high");

	program(2, 5, 100);
	clocks(200);
	IS(status(2) & 0x80, 0x80, "mode 5: waits for its trigger");
	out(0x61, 0);
	out(0x61, 1);
	clocks(100);
	IS(status(2) & 0x80, 0, "strobe");
	program(0, 4, 1000);
	IS(run(2000000, true), 1, "mode 4 on channel 0 interrupts once");
	program(0, 5, 1000);
	IS(run(2000000, true), 0, "mode 5 never: no trigger");
}

static void test_gate(void)
{
	fresh();
	program(2, 0, 10000);
	clocks(500);
	IS(latch(2), 10000, "GATE low: no counting");
	out(0x61, 1);
	clocks(500);
	IS(latch(2), 9500, "GATE high: counting");
	out(0x61, 0);
	clocks(500);
	IS(latch(2), 9500, "held");
	out(0x61, 1);
	clocks(500);
	IS(latch(2), 9000, "goes on");
	IS(in(0x61) & 0x20, 0, "OUT2 low at port 61h");
	clocks(9000);
	IS(in(0x61) & 0x20, 0x20, "and high when done");
	program(2, 2, 1000);
	clocks(300);
	out(0x61, 0);
	OK(status(2) & 0x80, "mode 2, GATE low: OUT high");
	out(0x61, 1);
	IS(latch(2), 1000, "GATE rising reloads");
}

static void test_access(void)
{
	fresh();
	out(0x43, 0x14);	/* channel 0, LSB only, mode 2 */
	out(0x40, 100);
	clocks(1);
	IS(in(0x40), 99, "LSB only");
	IS(in(0x40), 99, "each read");
	out(0x43, 0x24);	/* MSB only */
	out(0x40, 0x12);
	IS(in(0x40), 0x12, "MSB only");
	program(0, 2, 0x1234);
	IS(in(0x40), 0x34, "word: LSB");
	IS(in(0x40), 0x12, "then MSB");
	out(0x43, 0x00);
	clocks(0x34);
	IS(in(0x40), 0x34, "latched: LSB of then");
	out(0x43, 0x00);
	IS(in(0x40), 0x12, "a second latch before it is read is ignored");
	out(0x43, 0xc2);	/* read-back: count and status of channel 0 */
	IS(in(0x40), 0x80 | 0x34, "status first");
	IS(in(0x40), 0x00, "then the count's LSB");
	IS(in(0x40), 0x12, "and MSB");
	out(0x43, 0xcc);	/* channels 1 and 2 */
	OK(pit.ch[1].s.status_latched && pit.ch[2].s.status_latched &&
	   !pit.ch[0].s.status_latched, "several channels at once");
	IS(in(0x43), 0, "the control word can't be read");
}

static void test_bcd(void)
{
	fresh();
	out(0x43, 0x35);	/* mode 2, BCD */
	out(0x40, 0x00);
	out(0x40, 0x10);
	IS(latch(0), 0x1000, "BCD 1000");
	clocks(1);
	IS(latch(0), 0x0999, "999");
	out(0x40, 0);
	out(0x40, 0);
	IS(pit.ch[0].s.count, 10000, "BCD 0 is 10,000");
	program(0, 2, 0);
	IS(pit.ch[0].s.count, 0x10000, "binary 0 is 65,536");
	IS(run(10000000000ULL, true), 182, "18.2 Hz");
}

static void test_min_period(void)
{
	fresh();
	program(0, 2, 2);
	IS(run(1000000000, true), 5000, "at most 5,000 ticks a second");
	program(0, 2, 65535);
	OK(pit.expires_ns - now > 54000000, "longer ones as they are");
}

static void test_reinject(void)
{
	fresh();
	program(0, 2, 1193);
	IS(run(10000000, false), 1, "unacknowledged: one in flight");
	IS(pit.pending, 10, "the others wait");
	IS(osp_pit_ack(&pit), 1, "acknowledged: the next at once");
	IS(run(1000000, false), 0, "and none beside it");
	osp_pit_unmasked(&pit);
	IS(pit.pending, 0, "unmasking forgets them");
	IS(run(1000000, false), 1, "and starts afresh");
	IS(run(10000000000ULL, false), 0, "masked for ten seconds");
	OK(pit.pending <= 1000, "no more than a second's worth is kept");
	osp_pit_set_reinject(&pit, false);
	IS(run(10000000, false), 10, "without reinjection each tick is raised");
	IS(osp_pit_ack(&pit), 0, "and acknowledgements mean nothing");
	osp_pit_set_reinject(&pit, true);
	now = pit.expires_ns + 4000000;
	OK(osp_pit_tick(&pit, now), "the host was late by four periods");
	IS(pit.pending, 5, "all five are made up for");
	OK(pit.expires_ns > now, "in one call");
}

static void test_speaker(void)
{
	u8 a, b;

	fresh();
	out(0x61, 3);
	IS(in(0x61) & 3, 3, "GATE2 and speaker data read back");
	IS(pit.flags, KVM_PIT_FLAGS_SPEAKER_DATA_ON, "KVM's flag");
	out(0x61, 0);
	IS(in(0x61) & 3, 0, "off");
	a = in(0x61) & 0x10;
	now += 16384;
	b = in(0x61) & 0x10;
	OK(a != b, "the refresh bit toggles");
}

static void test_state(void)
{
	struct kvm_pit_state2 s, t;

	fresh();
	program(0, 2, 1193);
	out(0x61, 3);
	osp_pit_get_state(&pit, &s, now);
	IS(s.channels[0].mode, 2, "mode");
	IS(s.channels[0].count, 1193, "count");
	IS(s.channels[0].rw_mode, 3, "access mode");
	IS(s.flags, KVM_PIT_FLAGS_SPEAKER_DATA_ON, "flags");
	IS(s.channels[2].gate, 1, "gate");
	osp_pit_init(&pit, KVM_PIT_SPEAKER_DUMMY, now);
	osp_pit_set_state(&pit, &s, now);
	osp_pit_get_state(&pit, &t, now);
	OK(!memcmp(&s, &t, sizeof(s)), "comes back as it was set");
	IS(run(10000000, true), 10, "and ticks");
	s.flags |= KVM_PIT_FLAGS_HPET_LEGACY;
	osp_pit_set_state(&pit, &s, now);
	IS(run(10000000, true), 0, "the HPET's legacy mode silences it");
	s.flags = 0;
	s.channels[0].count = 0;
	s.channels[0].gate = 7;
	osp_pit_set_state(&pit, &s, now);
	OK(pit.expires_ns, "odd state from userspace: count 0 is the largest");
	s.channels[0].count = 0xffffffff;
	osp_pit_set_state(&pit, &s, now);
	IS(pit.ch[0].s.count, 0x10000, "and more is too");
}

int main(void)
{
	test_reset();
	test_mode0();
	test_mode2();
	test_mode3();
	test_modes_145();
	test_gate();
	test_access();
	test_bcd();
	test_min_period();
	test_reinject();
	test_speaker();
	test_state();
	return END();
}
