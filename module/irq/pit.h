/* SPDX-License-Identifier: GPL-2.0 */
/*
 * pit.h - the 8254 interval timer and the speaker port.
 *
 * Owns struct osp_pit.  Takes no locks: the caller (irqchip.c) holds the
 * irqchip's spinlock around every call.  Time is a monotonic clock in ns that
 * comes in with each call, so that nothing here reads a clock.
 *
 * Intel 8254 data sheet (231164); port 61h as in the PIIX3.
 */
#ifndef OSP_PIT_H
#define OSP_PIT_H

#include <linux/kvm.h>
#include "../plain.h"

#define OSP_PIT_HZ		1193182U	/* 14.31818 MHz / 12 */
#define OSP_PIT_MIN_PERIOD_NS	200000ULL	/* as KVM's min_timer_period_us */

/**
 * struct osp_pit_channel - one counter
 * @s:		in the layout of KVM_GET_PIT2; s.count_load_time is the start
 *		of the count in ns, while @running
 * @running:	the counting element counts
 * @held_ns:	how far the count was, while not @running
 * @null_count:	the control word was written, the count not yet
 */
struct osp_pit_channel {
	struct kvm_pit_channel_state s;
	bool running;
	bool null_count;
	u64 held_ns;
};

/**
 * struct osp_pit - the timer chip
 * @ch:		the three counters
 * @flags:	KVM_PIT_FLAGS_*
 * @expires_ns:	next tick of channel 0; 0: none.  The caller keeps a timer
 *		armed for it, and calls osp_pit_tick() then
 * @speaker:	port 61h is ours too
 * @rearm:	@expires_ns changed since the caller last cleared this
 * @ticks:	periods of channel 0 since its count was loaded
 * @reinject:	ticks that the guest has not yet acknowledged are kept
 * @acked:	the guest acknowledged the last tick
 * @pending:	ticks to deliver, the one in flight included
 */
struct osp_pit {
	struct osp_pit_channel ch[3];
	u32 flags;
	bool speaker;
	bool rearm;
	bool reinject;
	bool acked;
	u32 pending;
	u64 expires_ns;
	u64 ticks;
};

/**
 * osp_pit_init() - power on
 * @pit:	cleared here; reinjects, as on KVM
 * @flags:	KVM_PIT_SPEAKER_DUMMY: port 61h is ours too
 * @now_ns:	the time
 */
void osp_pit_init(struct osp_pit *pit, u32 flags, u64 now_ns);

/**
 * osp_pit_read() - the guest reads a port
 * @pit:	the timer
 * @port:	40h to 43h, or 61h
 * @now_ns:	the time
 */
u8 osp_pit_read(struct osp_pit *pit, u16 port, u64 now_ns);

/**
 * osp_pit_write() - the guest writes a port
 * @pit:	the timer; see @rearm
 * @port:	as for osp_pit_read()
 * @val:	the byte
 * @now_ns:	the time
 */
void osp_pit_write(struct osp_pit *pit, u16 port, u8 val, u64 now_ns);

/**
 * osp_pit_tick() - the armed time has come
 * @pit:	the timer; @expires_ns is not 0
 * @now_ns:	the time, may be late by any number of periods
 *
 * Sets @expires_ns for the next one (0: none), never drifting.
 * Return: raise IRQ 0 (a pulse) now.
 */
bool osp_pit_tick(struct osp_pit *pit, u64 now_ns);

/**
 * osp_pit_ack() - the guest ended IRQ 0
 * @pit:	the timer
 *
 * Return: raise it again now: a tick was missed.
 */
bool osp_pit_ack(struct osp_pit *pit);

/**
 * osp_pit_unmasked() - IRQ 0 was unmasked: missed ticks are not made up for
 * @pit:	the timer
 */
void osp_pit_unmasked(struct osp_pit *pit);

/**
 * osp_pit_set_reinject() - KVM_REINJECT_CONTROL
 * @pit:	the timer
 * @on:		keep ticks until the guest has acknowledged the last
 */
void osp_pit_set_reinject(struct osp_pit *pit, bool on);

/**
 * osp_pit_get_state() - KVM_GET_PIT2
 * @pit:	the timer
 * @s:		filled whole
 * @now_ns:	the time
 */
void osp_pit_get_state(const struct osp_pit *pit, struct kvm_pit_state2 *s,
		       u64 now_ns);

/**
 * osp_pit_set_state() - KVM_SET_PIT2: all counters begin anew
 * @pit:	the timer; see @rearm
 * @s:		any content is safe
 * @now_ns:	the time
 */
void osp_pit_set_state(struct osp_pit *pit, const struct kvm_pit_state2 *s,
		       u64 now_ns);

#endif /* OSP_PIT_H */
