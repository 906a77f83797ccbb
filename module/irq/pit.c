// SPDX-License-Identifier: GPL-2.0
/*
 * pit.c - the 8254 interval timer and the speaker port.
 *
 * Owns struct osp_pit.  Takes no locks and reads no clock: see pit.h.
 *
 * A counter is not stepped; it is computed from the time since its count was
 * loaded, on demand.  Channel 0's ticks are the multiples of its period from
 * that same time, so that they never drift.
 *
 * Intel 8254 data sheet (231164).  A new count takes effect at once, not at
 * the end of the current period; GATE of channels 0 and 1 is tied high.
 */
#include "pit.h"

/* Control word: 8254 figure 7. */
#define OSP_PIT_CW_CHANNEL(cw)	((cw) >> 6)
#define OSP_PIT_CW_ACCESS(cw)	(((cw) >> 4) & 3)
#define OSP_PIT_CW_MODE(cw)	(((cw) >> 1) & 7)
#define OSP_PIT_CW_BCD		BIT(0)
#define OSP_PIT_READ_BACK	3	/* as channel */
#define   OSP_PIT_RB_NO_COUNT	  BIT(5)
#define   OSP_PIT_RB_NO_STATUS	  BIT(4)
#define   OSP_PIT_RB_CHANNEL(n)	  BIT(1 + (n))

/* Status byte. */
#define OSP_PIT_STATUS_OUT	BIT(7)
#define OSP_PIT_STATUS_NULL	BIT(6)

/* Access modes; WORD1 is the second half of a word, in read and write state. */
enum { OSP_PIT_LATCH, OSP_PIT_LSB, OSP_PIT_MSB, OSP_PIT_WORD0, OSP_PIT_WORD1 };

#define OSP_PIT_NO_MODE		0xff	/* before the first control word */

/* Port 61h. */
#define OSP_SPEAKER_GATE2	BIT(0)
#define OSP_SPEAKER_DATA	BIT(1)
#define OSP_SPEAKER_REFRESH	BIT(4)
#define OSP_SPEAKER_OUT2	BIT(5)

#define OSP_NSEC_PER_SEC	1000000000U

/* Missed ticks that are made up for: at most this long ago. */
#define OSP_PIT_CATCH_UP_NS	OSP_NSEC_PER_SEC

/* ---- time ---- */

static u64 osp_pit_to_ns(u64 counts)
{
	/* Rounded up: at that time the count has really been reached. */
	return mul_u64_u32_div(counts, OSP_NSEC_PER_SEC, OSP_PIT_HZ) + 1;
}

static u64 osp_pit_elapsed_ns(const struct osp_pit_channel *c, u64 now_ns)
{
	u64 start = c->s.count_load_time;

	if (!c->running)
		return c->held_ns;
	return now_ns > start ? now_ns - start : 0;
}

/* Input clocks since the count was loaded. */
static u64 osp_pit_clocks(const struct osp_pit_channel *c, u64 now_ns)
{
	return mul_u64_u32_div(osp_pit_elapsed_ns(c, now_ns), OSP_PIT_HZ,
			       OSP_NSEC_PER_SEC);
}

static void osp_pit_stop(struct osp_pit_channel *c, u64 now_ns)
{
	c->held_ns = osp_pit_elapsed_ns(c, now_ns);
	c->running = false;
}

static void osp_pit_start(struct osp_pit_channel *c, u64 now_ns)
{
	c->s.count_load_time = now_ns - c->held_ns;
	c->running = true;
}

/* ---- counters ---- */

static u32 osp_pit_from_bcd(u32 v)
{
	return (v & 0xf) + (v >> 4 & 0xf) * 10 + (v >> 8 & 0xf) * 100 +
	       (v >> 12 & 0xf) * 1000;
}

static u32 osp_pit_to_bcd(u32 v)
{
	return v % 10 | (v / 10 % 10) << 4 | (v / 100 % 10) << 8 |
	       (v / 1000 % 10) << 12;
}

/* The initial count; 0, as userspace may set it, counts as the largest. */
static u32 osp_pit_initial(const struct osp_pit_channel *c)
{
	return c->s.count ? c->s.count : 0x10000;
}

/* Square wave, in counts: the two halves go down by two, see 8254 mode 3. */
static u32 osp_pit_square(u32 n, u32 phase)
{
	u32 high = (n + 1) / 2;

	if (phase >= high)
		phase -= high;
	return (n & ~1U) - 2 * phase;
}

/* What the counting element shows now. */
static u16 osp_pit_count(const struct osp_pit_channel *c, u64 now_ns)
{
	u64 clocks = osp_pit_clocks(c, now_ns);
	u32 n = osp_pit_initial(c), wrap = c->s.bcd ? 10000 : 0x10000;
	u32 count;

	switch (c->s.mode) {
	case 2:
		count = n - clocks % n;
		break;
	case 3:
		count = osp_pit_square(n, clocks % n);
		break;
	default:
		/* Past zero it goes on from the top. */
		count = (n % wrap + wrap - clocks % wrap) % wrap;
		break;
	}
	return c->s.bcd ? osp_pit_to_bcd(count) : count;
}

static bool osp_pit_out(const struct osp_pit_channel *c, u64 now_ns)
{
	u64 clocks = osp_pit_clocks(c, now_ns);
	u32 n = osp_pit_initial(c);

	switch (c->s.mode) {
	case 0:
		return !c->null_count && clocks >= n;
	case 1:
		return !c->running || clocks >= n;
	case 2:
		return !c->running || clocks % n != n - 1;
	case 3:
		return !c->running || clocks % n < (n + 1) / 2;
	case 4:
	case 5:
		return !c->running || clocks != n;
	default:
		return true;
	}
}

/* ---- channel 0: IRQ 0 ---- */

static void osp_pit_set_timer(struct osp_pit *pit, u64 expires_ns)
{
	pit->expires_ns = expires_ns;
	pit->rearm = true;
}

static bool osp_pit_periodic(const struct osp_pit_channel *c)
{
	return c->s.mode == 2 || c->s.mode == 3;
}

static u64 osp_pit_period_ns(const struct osp_pit *pit)
{
	return max_t(u64, osp_pit_to_ns(osp_pit_initial(&pit->ch[0])),
		     OSP_PIT_MIN_PERIOD_NS);
}

/* When tick number @n is due, counted from the loading of the count. */
static u64 osp_pit_due(const struct osp_pit *pit, u64 n)
{
	const struct osp_pit_channel *c = &pit->ch[0];
	u64 start = c->s.count_load_time;

	if (osp_pit_period_ns(pit) == OSP_PIT_MIN_PERIOD_NS)
		return start + n * OSP_PIT_MIN_PERIOD_NS;
	return start + osp_pit_to_ns(n * osp_pit_initial(c));
}

static void osp_pit_reset_reinject(struct osp_pit *pit)
{
	pit->pending = 0;
	pit->acked = true;
}

static void osp_pit_restart_timer(struct osp_pit *pit)
{
	struct osp_pit_channel *c = &pit->ch[0];

	osp_pit_reset_reinject(pit);
	pit->ticks = 1;
	if ((pit->flags & KVM_PIT_FLAGS_HPET_LEGACY) || !c->running)
		osp_pit_set_timer(pit, 0);
	else if (osp_pit_periodic(c))
		osp_pit_set_timer(pit, osp_pit_due(pit, 1));
	else
		osp_pit_set_timer(pit, c->s.count_load_time +
				  osp_pit_to_ns(osp_pit_initial(c)));
}

/* Returns how many ticks are due, and moves on to the first that is not. */
static u64 osp_pit_due_ticks(struct osp_pit *pit, u64 now_ns)
{
	u64 period = osp_pit_period_ns(pit), n = 1;

	pit->ticks++;
	if (osp_pit_due(pit, pit->ticks) <= now_ns) {
		n += div64_u64(now_ns - osp_pit_due(pit, pit->ticks), period);
		pit->ticks += n - 1;
		/* The quotient may be short by one: the period was rounded up. */
		while (osp_pit_due(pit, pit->ticks) <= now_ns) {
			pit->ticks++;
			n++;
		}
	}
	return n;
}

bool osp_pit_tick(struct osp_pit *pit, u64 now_ns)
{
	u64 n = 1, most;

	if (osp_pit_periodic(&pit->ch[0])) {
		n = osp_pit_due_ticks(pit, now_ns);
		pit->expires_ns = osp_pit_due(pit, pit->ticks);
	} else {
		pit->expires_ns = 0;
	}
	if (!pit->reinject)
		return true;

	most = max_t(u64, div64_u64(OSP_PIT_CATCH_UP_NS,
				    osp_pit_period_ns(pit)), 1);
	pit->pending = min_t(u64, pit->pending + n, most);
	if (!pit->acked)
		return false;
	pit->acked = false;
	return true;
}

bool osp_pit_ack(struct osp_pit *pit)
{
	if (!pit->reinject)
		return false;
	if (pit->pending)
		pit->pending--;
	pit->acked = !pit->pending;
	return pit->pending;
}

void osp_pit_unmasked(struct osp_pit *pit)
{
	if (pit->reinject)
		osp_pit_reset_reinject(pit);
}

void osp_pit_set_reinject(struct osp_pit *pit, bool on)
{
	if (on && !pit->reinject)
		osp_pit_reset_reinject(pit);
	pit->reinject = on;
}

/* ---- count and gate ---- */

static bool osp_pit_by_trigger(const struct osp_pit_channel *c)
{
	return c->s.mode == 1 || c->s.mode == 5;
}

static void osp_pit_restart(struct osp_pit *pit, struct osp_pit_channel *c,
			    u64 now_ns)
{
	c->held_ns = 0;
	c->running = false;
	c->s.count_load_time = now_ns;
	if (c->s.mode <= 5 && c->s.gate && !osp_pit_by_trigger(c))
		osp_pit_start(c, now_ns);
	if (c == &pit->ch[0])
		osp_pit_restart_timer(pit);
}

static void osp_pit_load(struct osp_pit *pit, struct osp_pit_channel *c,
			 u32 val, u64 now_ns)
{
	if (c->s.bcd)
		val = osp_pit_from_bcd(val);
	if (!val)
		val = c->s.bcd ? 10000 : 0x10000;
	c->s.count = val;
	c->null_count = false;
	/* A shot in the air is not changed; the next trigger takes the count. */
	if (!osp_pit_by_trigger(c))
		osp_pit_restart(pit, c, now_ns);
}

static void osp_pit_set_gate(struct osp_pit *pit, struct osp_pit_channel *c,
			     bool gate, u64 now_ns)
{
	bool rising = gate && !c->s.gate, falling = !gate && c->s.gate;

	c->s.gate = gate;
	switch (c->s.mode) {
	case 0:
	case 4:
		if (rising)
			osp_pit_start(c, now_ns);
		else if (falling)
			osp_pit_stop(c, now_ns);
		break;
	case 1:
	case 5:
		if (rising) {
			c->held_ns = 0;
			osp_pit_start(c, now_ns);
		}
		break;
	case 2:
	case 3:
		if (rising)
			osp_pit_restart(pit, c, now_ns);
		else if (falling)
			c->running = false;
		break;
	default:
		break;
	}
}

/* ---- control word ---- */

static void osp_pit_latch_count(struct osp_pit_channel *c, u64 now_ns)
{
	if (c->s.count_latched)
		return;
	c->s.latched_count = osp_pit_count(c, now_ns);
	c->s.count_latched = c->s.rw_mode;
}

static void osp_pit_latch_status(struct osp_pit_channel *c, u64 now_ns)
{
	if (c->s.status_latched)
		return;
	c->s.status = (osp_pit_out(c, now_ns) ? OSP_PIT_STATUS_OUT : 0) |
		      (c->null_count ? OSP_PIT_STATUS_NULL : 0) |
		      c->s.rw_mode << 4 | (c->s.mode & 7) << 1 | c->s.bcd;
	c->s.status_latched = 1;
}

static void osp_pit_read_back(struct osp_pit *pit, u8 cw, u64 now_ns)
{
	u32 i;

	for (i = 0; i < 3; i++) {
		if (!(cw & OSP_PIT_RB_CHANNEL(i)))
			continue;
		if (!(cw & OSP_PIT_RB_NO_COUNT))
			osp_pit_latch_count(&pit->ch[i], now_ns);
		if (!(cw & OSP_PIT_RB_NO_STATUS))
			osp_pit_latch_status(&pit->ch[i], now_ns);
	}
}

static void osp_pit_control(struct osp_pit *pit, u8 cw, u64 now_ns)
{
	struct osp_pit_channel *c;
	u8 access = OSP_PIT_CW_ACCESS(cw);

	if (OSP_PIT_CW_CHANNEL(cw) == OSP_PIT_READ_BACK) {
		osp_pit_read_back(pit, cw, now_ns);
		return;
	}
	c = &pit->ch[OSP_PIT_CW_CHANNEL(cw)];
	if (access == OSP_PIT_LATCH) {
		osp_pit_latch_count(c, now_ns);
		return;
	}
	c->s.rw_mode = access;
	c->s.read_state = access;
	c->s.write_state = access;
	c->s.count_latched = 0;
	c->s.mode = OSP_PIT_CW_MODE(cw);
	if (c->s.mode > 5)	/* bit 2 of modes 2 and 3 is "don't care" */
		c->s.mode -= 4;
	c->s.bcd = cw & OSP_PIT_CW_BCD;
	/* Counting waits for the count; OUT takes its initial state. */
	c->null_count = true;
	osp_pit_stop(c, now_ns);
	if (c == &pit->ch[0])
		osp_pit_set_timer(pit, 0);
}

/* ---- ports ---- */

static void osp_pit_write_count(struct osp_pit *pit, struct osp_pit_channel *c,
				u8 val, u64 now_ns)
{
	switch (c->s.write_state) {
	case OSP_PIT_MSB:
		osp_pit_load(pit, c, val << 8, now_ns);
		break;
	case OSP_PIT_WORD0:
		c->s.write_latch = val;
		c->s.write_state = OSP_PIT_WORD1;
		break;
	case OSP_PIT_WORD1:
		c->s.write_state = OSP_PIT_WORD0;
		osp_pit_load(pit, c, c->s.write_latch | val << 8, now_ns);
		break;
	default:
		osp_pit_load(pit, c, val, now_ns);
		break;
	}
}

static u8 osp_pit_read_latched(struct osp_pit_channel *c)
{
	u8 state = c->s.count_latched;

	c->s.count_latched = state == OSP_PIT_WORD0 ? OSP_PIT_MSB : 0;
	return state == OSP_PIT_MSB ? c->s.latched_count >> 8 :
				      c->s.latched_count;
}

static u8 osp_pit_read_count(struct osp_pit_channel *c, u64 now_ns)
{
	u16 count;

	if (c->s.status_latched) {
		c->s.status_latched = 0;
		return c->s.status;
	}
	if (c->s.count_latched)
		return osp_pit_read_latched(c);
	count = osp_pit_count(c, now_ns);
	switch (c->s.read_state) {
	case OSP_PIT_MSB:
		return count >> 8;
	case OSP_PIT_WORD0:
		c->s.read_state = OSP_PIT_WORD1;
		return count;
	case OSP_PIT_WORD1:
		c->s.read_state = OSP_PIT_WORD0;
		return count >> 8;
	default:
		return count;
	}
}

static u8 osp_pit_read_speaker(struct osp_pit *pit, u64 now_ns)
{
	const struct osp_pit_channel *c = &pit->ch[2];

	/* The refresh request toggles every 15 us; 2^14 ns come close. */
	return (c->s.gate ? OSP_SPEAKER_GATE2 : 0) |
	       (pit->flags & KVM_PIT_FLAGS_SPEAKER_DATA_ON ? OSP_SPEAKER_DATA : 0) |
	       (now_ns >> 14 & 1 ? OSP_SPEAKER_REFRESH : 0) |
	       (osp_pit_out(c, now_ns) ? OSP_SPEAKER_OUT2 : 0);
}

u8 osp_pit_read(struct osp_pit *pit, u16 port, u64 now_ns)
{
	if (port == 0x61)
		return osp_pit_read_speaker(pit, now_ns);
	if ((port & 3) == 3)
		return 0;	/* the control word can't be read */
	return osp_pit_read_count(&pit->ch[port & 3], now_ns);
}

void osp_pit_write(struct osp_pit *pit, u16 port, u8 val, u64 now_ns)
{
	if (port == 0x61) {
		pit->flags &= ~KVM_PIT_FLAGS_SPEAKER_DATA_ON;
		if (val & OSP_SPEAKER_DATA)
			pit->flags |= KVM_PIT_FLAGS_SPEAKER_DATA_ON;
		osp_pit_set_gate(pit, &pit->ch[2], val & OSP_SPEAKER_GATE2,
				 now_ns);
	} else if ((port & 3) == 3) {
		osp_pit_control(pit, val, now_ns);
	} else {
		osp_pit_write_count(pit, &pit->ch[port & 3], val, now_ns);
	}
}

/* ---- life and state ---- */

void osp_pit_init(struct osp_pit *pit, u32 flags, u64 now_ns)
{
	u32 i;

	memset(pit, 0, sizeof(*pit));
	pit->speaker = flags & KVM_PIT_SPEAKER_DUMMY;
	pit->reinject = true;
	osp_pit_reset_reinject(pit);
	for (i = 0; i < 3; i++) {
		pit->ch[i].s.mode = OSP_PIT_NO_MODE;
		pit->ch[i].s.gate = i != 2;
		pit->ch[i].s.count = 0x10000;
		pit->ch[i].s.count_load_time = now_ns;
	}
}

void osp_pit_get_state(const struct osp_pit *pit, struct kvm_pit_state2 *s,
		       u64 now_ns)
{
	u32 i;

	memset(s, 0, sizeof(*s));
	s->flags = pit->flags;
	for (i = 0; i < 3; i++) {
		s->channels[i] = pit->ch[i].s;
		if (!pit->ch[i].running)
			s->channels[i].count_load_time =
				now_ns - pit->ch[i].held_ns;
	}
}

/* As on KVM all counters begin anew; what was counted so far is lost. */
void osp_pit_set_state(struct osp_pit *pit, const struct kvm_pit_state2 *s,
		       u64 now_ns)
{
	struct osp_pit_channel *c;
	u32 i;

	pit->flags = s->flags & (KVM_PIT_FLAGS_HPET_LEGACY |
				 KVM_PIT_FLAGS_SPEAKER_DATA_ON);
	for (i = 0; i < 3; i++) {
		c = &pit->ch[i];
		c->s = s->channels[i];
		c->s.gate = !!c->s.gate;
		c->s.bcd = !!c->s.bcd;
		c->s.count = min_t(u32, osp_pit_initial(c), 0x10000);
		c->null_count = false;
		osp_pit_restart(pit, c, now_ns);
	}
}
