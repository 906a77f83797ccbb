// SPDX-License-Identifier: GPL-2.0
/*
 * rtc.c - the PC's clock and its battery-backed bytes: an MC146818 at ports
 * 0x70 and 0x71, GSI 8.
 *
 * The clock runs with the host's, in UTC, with the offset that the guest has
 * set.  Nothing is counted: registers are computed when they are read, flags
 * from the time that went by since, and the event loop ticks us only while an
 * interrupt is enabled and due.
 *
 * Follows the data sheet of the Motorola MC146818A; the century is register
 * 0x32, as the FADT says.
 */
#include <time.h>

#include "dev.h"

#define RTC_PORT_INDEX	0x70
#define RTC_PORT_DATA	0x71
#define RTC_GSI		8

#define REG_SECONDS	0x00
#define REG_SECONDS_ALARM 0x01
#define REG_MINUTES	0x02
#define REG_MINUTES_ALARM 0x03
#define REG_HOURS	0x04
#define   HOURS_PM		BIT(7)
#define REG_HOURS_ALARM	0x05
#define REG_WEEKDAY	0x06
#define REG_DAY		0x07
#define REG_MONTH	0x08
#define REG_YEAR	0x09
#define REG_A		0x0a
#define   A_UIP			BIT(7)	/* update in progress */
#define   A_RATE		0x0f
#define   A_DEFAULT		0x26	/* 32.768 kHz, 1024 Hz */
#define REG_B		0x0b
#define   B_SET			BIT(7)	/* hold the clock */
#define   B_PIE			BIT(6)
#define   B_AIE			BIT(5)
#define   B_UIE			BIT(4)
#define   B_BINARY		BIT(2)
#define   B_24H			BIT(1)
#define REG_C		0x0c
#define   C_IRQF		BIT(7)
#define   C_PF			BIT(6)	/* periodic */
#define   C_AF			BIT(5)	/* alarm */
#define   C_UF			BIT(4)	/* update ended */
#define REG_D		0x0d
#define   D_VALID		BIT(7)
#define REG_CENTURY	0x32

#define ALARM_ANY	0xc0	/* an alarm byte that matches everything */
#define UIP_NS		244000	/* the update is announced so long before */
#define DAY		86400

struct rtc {
	struct device dev;
	u8 index;
	u8 reg[128];		/* alarms, A, B, and the plain bytes */
	u8 flags;		/* C_PF, C_AF, C_UF */
	bool line;
	int64_t offset;		/* guest minus host, seconds */
	struct tm held;		/* the time while B_SET holds the clock */
	u64 seen;		/* guest ns up to which flags are right */
};

static u64 guest_ns(const struct rtc *r)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (u64)(ts.tv_sec + r->offset) * NSEC_PER_SEC + ts.tv_nsec;
}

static u8 encode(const struct rtc *r, unsigned int value)
{
	if (r->reg[REG_B] & B_BINARY)
		return value;
	return (value / 10 % 10) << 4 | value % 10;
}

static unsigned int decode(const struct rtc *r, u8 byte)
{
	if (r->reg[REG_B] & B_BINARY)
		return byte;
	return (byte >> 4) * 10 + (byte & 0x0f);
}

static u8 encode_hour(const struct rtc *r, unsigned int hour)
{
	if (r->reg[REG_B] & B_24H)
		return encode(r, hour);
	return encode(r, hour % 12 ? hour % 12 : 12) |
	       (hour >= 12 ? HOURS_PM : 0);
}

static unsigned int decode_hour(const struct rtc *r, u8 byte)
{
	if (r->reg[REG_B] & B_24H)
		return decode(r, byte);
	return decode(r, byte & ~HOURS_PM) % 12 + (byte & HOURS_PM ? 12 : 0);
}

static void get_time(const struct rtc *r, struct tm *tm)
{
	time_t now = guest_ns(r) / NSEC_PER_SEC;

	if (r->reg[REG_B] & B_SET)
		*tm = r->held;
	else
		gmtime_r(&now, tm);
}

static void set_time(struct rtc *r, struct tm *tm)
{
	if (r->reg[REG_B] & B_SET) {
		r->held = *tm;
		return;
	}
	r->offset += timegm(tm) - (time_t)(guest_ns(r) / NSEC_PER_SEC);
	r->seen = guest_ns(r);
}

static u8 read_time(const struct rtc *r, u8 reg)
{
	struct tm tm;

	get_time(r, &tm);
	switch (reg) {
	case REG_SECONDS:
		return encode(r, tm.tm_sec);
	case REG_MINUTES:
		return encode(r, tm.tm_min);
	case REG_HOURS:
		return encode_hour(r, tm.tm_hour);
	case REG_WEEKDAY:
		return encode(r, tm.tm_wday + 1);
	case REG_DAY:
		return encode(r, tm.tm_mday);
	case REG_MONTH:
		return encode(r, tm.tm_mon + 1);
	case REG_YEAR:
		return encode(r, tm.tm_year % 100);
	default:
		return encode(r, (tm.tm_year + 1900) / 100);
	}
}

static void write_time(struct rtc *r, u8 reg, u8 byte)
{
	unsigned int value = decode(r, byte);
	struct tm tm;

	get_time(r, &tm);
	switch (reg) {
	case REG_SECONDS:
		tm.tm_sec = value;
		break;
	case REG_MINUTES:
		tm.tm_min = value;
		break;
	case REG_HOURS:
		tm.tm_hour = decode_hour(r, byte);
		break;
	case REG_DAY:
		tm.tm_mday = value;
		break;
	case REG_MONTH:
		tm.tm_mon = (int)value - 1;
		break;
	case REG_YEAR:
		tm.tm_year += (int)value - tm.tm_year % 100;
		break;
	case REG_CENTURY:
		tm.tm_year = (int)value * 100 - 1900 + tm.tm_year % 100;
		break;
	}
	set_time(r, &tm);
}

static bool alarm_matches(u8 alarm, unsigned int want, unsigned int value)
{
	return (alarm & ALARM_ANY) == ALARM_ANY || want == value;
}

/*
 * The first second after @from at which the alarm matches; 0 if none does.
 * Whole hours and minutes that can't match are stepped over.
 */
static u64 next_alarm(const struct rtc *r, u64 from)
{
	const u8 *reg = r->reg;
	u64 t = from + 1, end = from + 1 + DAY;

	while (t < end) {
		if (!alarm_matches(reg[REG_HOURS_ALARM],
				   decode_hour(r, reg[REG_HOURS_ALARM]),
				   t / 3600 % 24))
			t = (t / 3600 + 1) * 3600;
		else if (!alarm_matches(reg[REG_MINUTES_ALARM],
					decode(r, reg[REG_MINUTES_ALARM]),
					t / 60 % 60))
			t = (t / 60 + 1) * 60;
		else if (!alarm_matches(reg[REG_SECONDS_ALARM],
					decode(r, reg[REG_SECONDS_ALARM]),
					t % 60))
			t++;
		else
			return t;
	}
	return 0;
}

/* Length of the periodic interrupt's period; 0 if it is off. */
static u64 period_ns(const struct rtc *r)
{
	unsigned int rate = r->reg[REG_A] & A_RATE;

	if (!rate)
		return 0;
	if (rate < 3)
		rate += 7;	/* the data sheet's table: 1 is 8, 2 is 9 */
	return NSEC_PER_SEC * (1U << (rate - 1)) / 32768;
}

/* Set the flags of what happened since we last looked. */
static void catch_up(struct rtc *r)
{
	u64 now = guest_ns(r), alarm, period = period_ns(r);
	u64 from = r->seen / NSEC_PER_SEC;

	if (now <= r->seen)
		return;
	if (period && now / period != r->seen / period)
		r->flags |= C_PF;
	if (now / NSEC_PER_SEC != from && !(r->reg[REG_B] & B_SET)) {
		r->flags |= C_UF;
		alarm = next_alarm(r, from);
		if (alarm && alarm <= now / NSEC_PER_SEC)
			r->flags |= C_AF;
	}
	r->seen = now;
}

/* Enables and flags have the same bits. */
static u8 pending(const struct rtc *r)
{
	return r->flags & r->reg[REG_B] & (C_PF | C_AF | C_UF);
}

/* When the next enabled interrupt is due, in guest ns. */
static u64 next_event(const struct rtc *r)
{
	u64 next = NEVER, alarm, period = period_ns(r);
	u8 b = r->reg[REG_B];

	if ((b & B_PIE) && period)
		next = (r->seen / period + 1) * period;
	if ((b & B_UIE) && !(b & B_SET)) {
		alarm = (r->seen / NSEC_PER_SEC + 1) * NSEC_PER_SEC;
		next = alarm < next ? alarm : next;
	}
	if ((b & B_AIE) && !(b & B_SET)) {
		alarm = next_alarm(r, r->seen / NSEC_PER_SEC) * NSEC_PER_SEC;
		next = alarm && alarm < next ? alarm : next;
	}
	return next;
}

static void update_line(struct rtc *r)
{
	bool level = pending(r);
	u64 next = NEVER, now;

	if (level != r->line) {
		r->line = level;
		vm_irq_line(r->dev.vm, RTC_GSI, level);
	}
	/* While one interrupt waits to be taken, no other is of use. */
	if (!level)
		next = next_event(r);
	if (next != NEVER) {
		now = guest_ns(r);
		next = now_ns() + (next > now ? next - now : 0);
	}
	device_wants_tick(&r->dev, next);
}

static u8 read_reg(struct rtc *r)
{
	u8 value;

	switch (r->index) {
	case REG_SECONDS:
	case REG_MINUTES:
	case REG_HOURS:
	case REG_WEEKDAY ... REG_YEAR:
	case REG_CENTURY:
		return read_time(r, r->index);
	case REG_A:
		value = r->reg[REG_A];
		if (!(r->reg[REG_B] & B_SET) &&
		    guest_ns(r) % NSEC_PER_SEC >= NSEC_PER_SEC - UIP_NS)
			value |= A_UIP;
		return value;
	case REG_C:
		catch_up(r);
		value = r->flags | (pending(r) ? C_IRQF : 0);
		r->flags = 0;
		update_line(r);
		return value;
	case REG_D:
		return D_VALID;
	default:
		return r->reg[r->index];
	}
}

static void write_b(struct rtc *r, u8 value)
{
	struct tm tm;
	u8 changed;

	catch_up(r);
	get_time(r, &tm);
	if (value & B_SET)
		value &= ~B_UIE;	/* as the data sheet has it */
	changed = r->reg[REG_B] ^ value;
	r->reg[REG_B] = value;
	if (changed & B_SET)
		set_time(r, &tm);
	update_line(r);
}

static void write_reg(struct rtc *r, u8 value)
{
	switch (r->index) {
	case REG_SECONDS:
	case REG_MINUTES:
	case REG_HOURS:
	case REG_WEEKDAY ... REG_YEAR:
	case REG_CENTURY:
		write_time(r, r->index, value);
		break;
	case REG_A:
		catch_up(r);
		r->reg[REG_A] = value & ~A_UIP;
		update_line(r);
		break;
	case REG_B:
		write_b(r, value);
		break;
	case REG_C:
	case REG_D:
		break;		/* read only */
	case REG_SECONDS_ALARM:
	case REG_MINUTES_ALARM:
	case REG_HOURS_ALARM:
		catch_up(r);
		r->reg[r->index] = value;
		update_line(r);
		break;
	default:
		r->reg[r->index] = value;
	}
}

static u32 rtc_in(struct device *dev, u16 port, unsigned int size)
{
	struct rtc *r = (struct rtc *)dev;

	(void)size;
	return port == RTC_PORT_DATA ? ~0xffU | read_reg(r) : ~0U;
}

static void rtc_out(struct device *dev, u16 port, unsigned int size, u32 value)
{
	struct rtc *r = (struct rtc *)dev;

	(void)size;
	if (port == RTC_PORT_INDEX)
		r->index = value & 0x7f;	/* bit 7 masks the NMI */
	else
		write_reg(r, value);
}

static void rtc_tick(struct device *dev, u64 now)
{
	struct rtc *r = (struct rtc *)dev;

	(void)now;
	catch_up(r);
	update_line(r);
}

static void rtc_init(struct device *dev)
{
	struct rtc *r = (struct rtc *)dev;

	r->reg[REG_A] = A_DEFAULT;
	r->reg[REG_B] = B_24H;
	r->seen = guest_ns(r);
}

static const struct device_ops rtc_ops = {
	.name	= "rtc",
	.size	= sizeof(struct rtc),
	.ports	= { { RTC_PORT_INDEX, 2 } },
	.gsi	= RTC_GSI,
	.init	= rtc_init,
	.in	= rtc_in,
	.out	= rtc_out,
	.tick	= rtc_tick,
};

REGISTER_DEVICE(rtc_ops);
