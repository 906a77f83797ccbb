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
 * @flags:	KVM_PIT_FLAGS_*
 * @expires_ns:	next tick of channel 0; 0: none.  The caller keeps a timer
 *		armed for it, and calls osp_pit_tick() then
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

/* @flags: KVM_PIT_SPEAKER_DUMMY: port 61h is ours too. */
void osp_pit_init(struct osp_pit *pit, u32 flags, u64 now_ns);

/* Ports 40h to 43h, and 61h with the speaker; others must not be given. */
u8 osp_pit_read(struct osp_pit *pit, u16 port, u64 now_ns);
void osp_pit_write(struct osp_pit *pit, u16 port, u8 val, u64 now_ns);

/**
 * osp_pit_tick() - the armed time has come
 *
 * Sets @expires_ns for the next one (0: none), never drifting.
 * Return: raise IRQ 0 (a pulse) now.
 */
bool osp_pit_tick(struct osp_pit *pit, u64 now_ns);

/* The guest ended IRQ 0. Return: raise it again now (a tick was missed). */
bool osp_pit_ack(struct osp_pit *pit);

/* IRQ 0 was unmasked, so that missed ticks are not made up for. */
void osp_pit_unmasked(struct osp_pit *pit);

/* KVM_REINJECT_CONTROL. */
void osp_pit_set_reinject(struct osp_pit *pit, bool on);

/* KVM_GET_PIT2, KVM_SET_PIT2. */
void osp_pit_get_state(const struct osp_pit *pit, struct kvm_pit_state2 *s,
		       u64 now_ns);
void osp_pit_set_state(struct osp_pit *pit, const struct kvm_pit_state2 *s,
		       u64 now_ns);

#endif /* OSP_PIT_H */
