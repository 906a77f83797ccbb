// SPDX-License-Identifier: GPL-2.0
/*
 * irt_ioctl.c - the Interrupt Remapping Table as its owner sees it: read whole,
 * changed entry by entry while the guest runs (OSPITE_GET_IRT,
 * OSPITE_SET_IRT_ENTRY of <linux/ospite.h>), and the eventfds that entries may
 * lead to.
 *
 * Owns struct target.  The VM's mutex is held in both ioctls, so that the table
 * stands still while it is read; requests go on meanwhile.
 */
#include <linux/eventfd.h>
#include <linux/jiffies.h>
#include <linux/log2.h>
#include <linux/ospite.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "../host.h"
#include "irqchip_priv.h"

/* ---- eventfds of entries ---- */

/**
 * struct target - an eventfd that an entry leads to
 * @ctx:	the eventfd
 * @later:	signals it where osp_irt_signal() can't
 * @last:	when that was done last, in jiffies
 *
 * A signal from within the wake-up of another eventfd, an irqfd's, would be
 * nested, which eventfds refuse.  It is left to a work item, at most one in a
 * jiffy: two eventfds that lead to each other keep no CPU busy.
 */
struct target {
	struct eventfd_ctx *ctx;
	struct delayed_work later;
	unsigned long last;
};

static void signal_later(struct work_struct *work)
{
	struct target *t = container_of(work, struct target, later.work);

	WRITE_ONCE(t->last, jiffies);
	osp_host_eventfd_signal(t->ctx);
}

void osp_irt_signal(void *target)
{
	struct target *t = target;

	if (likely(eventfd_signal_allowed()))
		osp_host_eventfd_signal(t->ctx);
	else
		schedule_delayed_work(&t->later,
				      time_before(READ_ONCE(t->last), jiffies) ?
				      0 : 1);
}

void osp_irt_release(void *target)
{
	struct target *t = target;

	cancel_delayed_work_sync(&t->later);
	eventfd_ctx_put(t->ctx);
	kfree(t);
}

/* A route is the address of its target and its kind: see osp_irt_route_*(). */
static struct target *make_target(int fd)
{
	struct eventfd_ctx *ctx = eventfd_ctx_fdget(fd);
	struct target *t;

	if (IS_ERR(ctx))
		return ERR_CAST(ctx);
	/* The kernel aligns what has the size of a power of two to that size. */
	t = kzalloc(roundup_pow_of_two(sizeof(*t)), GFP_KERNEL_ACCOUNT);
	if (!t) {
		eventfd_ctx_put(ctx);
		return ERR_PTR(-ENOMEM);
	}
	t->ctx = ctx;
	t->last = jiffies - 1;
	INIT_DELAYED_WORK(&t->later, signal_later);
	return t;
}

/* ---- reading ---- */

static_assert((int)OSPITE_IRT_PINS == (int)OSP_IRT_PINS &&
	      (int)OSPITE_IRT_APIC == (int)OSP_IRT_APIC &&
	      (int)OSPITE_IRT_EVENTFD == (int)OSP_IRT_EVENTFD &&
	      (int)OSPITE_IRT_BLOCKED == (int)OSP_IRT_BLOCKED);

static void describe(const struct osp_irt *irt, const struct osp_irt_entry *e,
		     u32 gsi, struct ospite_irt_entry *u)
{
	s8 pins[KVM_NR_IRQCHIPS];
	struct osp_apic_msg msg;
	enum osp_irt_kind kind;

	memset(u, 0, sizeof(*u));
	osp_irt_route_decode(irt, READ_ONCE(e->route), &kind, pins, &msg);
	u->gsi = gsi;
	u->kind = kind;
	u->delivered = atomic64_read(&e->delivered);
	u->coalesced = atomic64_read(&e->coalesced);
	u->dropped = atomic64_read(&e->dropped);
	if (kind == OSP_IRT_PINS)
		memcpy(u->pin, pins, sizeof(u->pin));
	if (kind == OSP_IRT_EVENTFD)
		u->eventfd = -1;
	if (kind != OSP_IRT_APIC)
		return;
	u->dest = msg.dest;
	u->vector = msg.vector;
	u->mode = msg.mode;
	u->flags = (msg.logical ? OSPITE_IRT_LOGICAL : 0) |
		   (msg.level ? OSPITE_IRT_LEVEL : 0) |
		   (msg.lowest_hint ? OSPITE_IRT_LOWEST : 0);
}

/* An entry that leads nowhere is shown if it once led somewhere. */
static bool worth_showing(const struct ospite_irt_entry *u)
{
	return u->kind || u->delivered || u->coalesced || u->dropped;
}

int osp_irt_ioctl_get(struct osp_irqchip *chip, void __user *arg)
{
	struct osp_irt_table *table = rcu_dereference_protected(chip->irt.table,
								true);
	struct ospite_irt __user *user = arg;
	struct ospite_irt_entry u;
	struct osp_irt_entry *e;
	struct ospite_irt head;
	u32 gsi, nr = 0;

	if (copy_from_user(&head, user, sizeof(head)))
		return -EFAULT;
	if (head.flags || head.reserved)
		return -EINVAL;
	for (gsi = head.first; gsi < OSP_IRT_MAX; gsi++) {
		e = osp_irt_entry(table, gsi);
		if (!e)
			continue;
		describe(&chip->irt, e, gsi, &u);
		if (!worth_showing(&u))
			continue;
		if (nr == head.nr)
			break;
		if (copy_to_user(&user->entries[nr++], &u, sizeof(u)))
			return -EFAULT;
	}
	head.first = gsi;
	head.nr = nr;
	return copy_to_user(user, &head, sizeof(head)) ? -EFAULT : 0;
}

/* ---- changing ---- */

static int pins_route(const struct osp_irqchip *chip,
		      const struct ospite_irt_entry *u, u64 *route)
{
	s8 pins[KVM_NR_IRQCHIPS];
	u32 which, named = 0;

	if (chip->split)
		return -EINVAL;
	for (which = 0; which < KVM_NR_IRQCHIPS; which++) {
		pins[which] = u->pin[which];
		named += pins[which] >= 0;
		if (pins[which] < -1 ||
		    pins[which] >= (which == KVM_IRQCHIP_IOAPIC ?
				    KVM_IOAPIC_NUM_PINS : 8))
			return -EINVAL;
	}
	*route = osp_irt_route_pins(pins);
	return named ? 0 : -EINVAL;
}

static int apic_route(const struct osp_irqchip *chip,
		      const struct ospite_irt_entry *u, u64 *route)
{
	struct osp_apic_msg msg = {
		.dest = u->dest,
		.vector = u->vector,
		.mode = u->mode,
		.logical = u->flags & OSPITE_IRT_LOGICAL,
		.level = u->flags & OSPITE_IRT_LEVEL,
		.lowest_hint = u->flags & OSPITE_IRT_LOWEST,
		.assert = true,
	};

	if (u->flags & ~(OSPITE_IRT_LOGICAL | OSPITE_IRT_LEVEL |
			 OSPITE_IRT_LOWEST))
		return -EINVAL;
	switch (u->mode) {
	case OSP_APIC_FIXED:
	case OSP_APIC_LOWEST:
		/* SDM 3A 11.5.2: the first 16 are illegal. */
		if (u->vector < 16)
			return -EINVAL;
		break;
	case OSP_APIC_NMI:
	case OSP_APIC_INIT:
	case OSP_APIC_STARTUP:
		break;
	case OSP_APIC_EXTINT:
		/* The vector is the PIC's to supply. */
		if (chip->split)
			return -EINVAL;
		break;
	default:
		return -EINVAL;
	}
	*route = osp_irt_route_apic(&msg);
	return 0;
}

/* Fields that the kind of entry has no use for must be zero, and so the counts. */
static bool is_clean(const struct ospite_irt_entry *u)
{
	struct ospite_irt_entry clean = { .gsi = u->gsi, .kind = u->kind };

	switch (u->kind) {
	case OSPITE_IRT_PINS:
		memcpy(clean.pin, u->pin, sizeof(clean.pin));
		break;
	case OSPITE_IRT_APIC:
		clean.dest = u->dest;
		clean.vector = u->vector;
		clean.mode = u->mode;
		clean.flags = u->flags;
		break;
	case OSPITE_IRT_EVENTFD:
		clean.eventfd = u->eventfd;
		break;
	}
	return !memcmp(&clean, u, sizeof(clean));
}

static int make_route(const struct osp_irqchip *chip,
		      const struct ospite_irt_entry *u, u64 *route)
{
	struct target *t;

	if (u->gsi >= OSP_IRT_MAX || !is_clean(u))
		return -EINVAL;
	switch (u->kind) {
	case OSPITE_IRT_NONE:
	case OSPITE_IRT_BLOCKED:
		*route = u->kind;
		return 0;
	case OSPITE_IRT_PINS:
		return pins_route(chip, u, route);
	case OSPITE_IRT_APIC:
		return apic_route(chip, u, route);
	case OSPITE_IRT_EVENTFD:
		t = make_target(u->eventfd);
		*route = osp_irt_route_eventfd(t);
		return PTR_ERR_OR_ZERO(t);
	default:
		return -EINVAL;
	}
}

int osp_irt_ioctl_set(struct osp_irqchip *chip, const void __user *arg)
{
	struct ospite_irt_entry u;
	void *target;
	u64 route;
	int ret;

	BUILD_BUG_ON(sizeof(u) != 64);
	if (copy_from_user(&u, arg, sizeof(u)))
		return -EFAULT;
	ret = make_route(chip, &u, &route);
	if (ret)
		return ret;
	ret = osp_irqchip_set_entry(chip, u.gsi, route);
	target = osp_irt_route_target(route);
	if (ret && target)
		osp_irt_release(target);
	return ret;
}
