// SPDX-License-Identifier: GPL-2.0
/*
 * irqchip.c - the interrupt controllers of a VM, put together in the kernel.
 *
 * The controllers are plain logic; here they get their lock, their clocks
 * (hrtimers that fire in hard irq context) and their wires: lines and messages
 * come in by the Interrupt Remapping Table and end in the bus of local APICs,
 * the ends of interrupts go back to who waits for them.
 *
 * Owns struct osp_irqchip and struct osp_vapic; the lock and its rules are in
 * irqchip.h.  What happened under the lock and needs to be told (INTR rose,
 * pins saw their EOI) is told after it was dropped, in osp_irqchip_unlock().
 *
 * The bodies of ioctls are in irqchip_ioctl.c.
 */
#include <linux/err.h>
#include <linux/ktime.h>
#include <linux/slab.h>
#include "../trace.h"
#include "irqchip_priv.h"

/* How long a storming level interrupt is held back. */
#define OSP_STORM_DELAY		(HZ / 100 + 1)

/* ---- the bus, seen from here ---- */

/* INTR of the PIC rose: the first vCPU whose LINT0 takes it has to look. */
static void osp_irqchip_kick_extint(struct osp_irqchip *chip)
{
	struct osp_apic_table *table;
	struct osp_lapic *apic;
	u32 id;

	rcu_read_lock();
	table = rcu_dereference(chip->bus.table);
	for (id = 0; table && id < table->nr; id++) {
		apic = READ_ONCE(table->apic[id]);
		if (apic && osp_lapic_accepts_extint(apic)) {
			apic->ops->kick(apic->ctx);
			break;
		}
	}
	rcu_read_unlock();
}

/*
 * NMI watchdogs of old let the timer's interrupt come in by LINT0 in NMI mode;
 * it reaches every CPU that has it so.
 */
static void osp_irqchip_lint0_nmi(struct osp_irqchip *chip)
{
	struct osp_apic_table *table;
	struct osp_lapic *apic;
	u32 id, lvt;

	rcu_read_lock();
	table = rcu_dereference(chip->bus.table);
	for (id = 0; table && id < table->nr; id++) {
		apic = READ_ONCE(table->apic[id]);
		if (!apic)
			continue;
		lvt = osp_lapic_reg(apic, OSP_APIC_LVT_LINT0);
		if (OSP_LVT_MODE(lvt) == OSP_APIC_NMI)
			osp_lapic_local(apic, OSP_APIC_LVT_LINT0);
	}
	rcu_read_unlock();
}

/* ---- the lock, and what follows from holding it ---- */

static void osp_irqchip_pit_pulse(struct osp_irqchip *chip)
{
	osp_irt_pulse(&chip->irt, OSP_PIT_GSI, OSP_IRQ_SOURCE_PIT);
	osp_irqchip_lint0_nmi(chip);
}

/* A pin on which the PIT listens saw its EOI. */
static void osp_irqchip_pit_ack(struct osp_irqchip *chip)
{
	unsigned long flags = osp_irqchip_lock(chip);
	bool again = osp_pit_ack(&chip->pit);

	osp_irqchip_unlock(chip, flags);
	if (again)
		osp_irqchip_pit_pulse(chip);
}

static void osp_irqchip_arm_pit(struct osp_irqchip *chip)
{
	chip->pit.rearm = false;
	if (chip->pit.expires_ns && !chip->split)
		hrtimer_start(&chip->pit_timer,
			      ns_to_ktime(chip->pit.expires_ns),
			      HRTIMER_MODE_ABS_HARD);
	else
		/* A callback that waits for the lock finds nothing to do. */
		hrtimer_try_to_cancel(&chip->pit_timer);
}

/* The rare things that an operation may leave behind; still under the lock. */
static void osp_irqchip_settle(struct osp_irqchip *chip)
{
	if ((chip->pic.unmasked & chip->pit_listens.pic) ||
	    (chip->ioapic.unmasked & chip->pit_listens.ioapic))
		osp_pit_unmasked(&chip->pit);
	chip->pic.unmasked = 0;
	chip->ioapic.unmasked = 0;
	if (chip->pit.rearm)
		osp_irqchip_arm_pit(chip);
	if (chip->ioapic.delayed)
		schedule_delayed_work(&chip->storm, OSP_STORM_DELAY);
}

/* Pins of a chip saw their EOI, and irqfds want to know of it. */
static void osp_irqchip_fd_ack(struct osp_irqchip *chip, u32 which, u32 pins)
{
	int gsi;

	for (; pins; pins &= pins - 1) {
		gsi = osp_irt_pin_gsi(&chip->irt, which, __ffs(pins));
		if (gsi >= 0)
			osp_irqfds_ack(chip, gsi);
	}
}

static noinline void osp_irqchip_pic_acked(struct osp_irqchip *chip, u16 pins,
					   u16 fd_pins)
{
	osp_irqchip_fd_ack(chip, KVM_IRQCHIP_PIC_MASTER, fd_pins & 0xff);
	osp_irqchip_fd_ack(chip, KVM_IRQCHIP_PIC_SLAVE, fd_pins >> 8);
	if (pins)
		osp_irqchip_pit_ack(chip);
}

static noinline void osp_irqchip_settle_unlock(struct osp_irqchip *chip,
					       unsigned long flags)
	__releases(&chip->lock)
{
	bool rose = chip->pic.rose;
	u16 acked = chip->pic.acked & chip->pit_listens.pic;
	u16 fd_acked = chip->pic.acked & chip->fd_listens.pic;

	chip->pic.rose = false;
	chip->pic.acked = 0;
	osp_irqchip_settle(chip);
	raw_spin_unlock_irqrestore(&chip->lock, flags);
	if (rose)
		osp_irqchip_kick_extint(chip);
	if (unlikely(acked | fd_acked))
		osp_irqchip_pic_acked(chip, acked, fd_acked);
}

/* Has what was done under the lock left nothing to be told? */
static __always_inline bool osp_irqchip_is_quiet(const struct osp_irqchip *chip)
{
	return !(chip->pic.rose | chip->pic.acked | chip->pic.unmasked |
		 chip->ioapic.unmasked | chip->ioapic.delayed |
		 chip->pit.rearm);
}

void osp_irqchip_unlock(struct osp_irqchip *chip, unsigned long flags)
	__releases(&chip->lock)
{
	if (likely(osp_irqchip_is_quiet(chip)))
		raw_spin_unlock_irqrestore(&chip->lock, flags);
	else
		osp_irqchip_settle_unlock(chip, flags);
}

/* ---- the table's wires ---- */

static int osp_irqchip_pin(void *ctx, u32 which, u32 pin, u32 source,
			   bool level, bool line_status)
{
	struct osp_irqchip *chip = ctx;
	unsigned long flags = osp_irqchip_lock(chip);
	int r;

	if (which == KVM_IRQCHIP_IOAPIC)
		r = osp_ioapic_set_irq(&chip->ioapic, pin, source, level,
				       line_status);
	else
		r = osp_pic_set_irq(&chip->pic, pin + 8 * which, source,
				    level);
	osp_irqchip_unlock(chip, flags);
	return r;
}

static int osp_irqchip_apic(void *ctx, const struct osp_apic_msg *msg,
			    bool *coalesced)
{
	struct osp_irqchip *chip = ctx;

	return osp_apic_bus_deliver(&chip->bus, NULL, msg, coalesced);
}

static void osp_irqchip_eventfd(void *ctx, void *target)
{
	osp_irt_signal(target);
}

static void osp_irqchip_release(void *ctx, void *target)
{
	osp_irt_release(target);
}

/* A pin's message is the I/O APIC's affair: what its entry says at this moment. */
static void osp_irqchip_trace(void *ctx, int gsi, u64 route, int status,
			      bool coalesced)
{
	struct osp_irqchip *chip = ctx;
	s8 pins[KVM_NR_IRQCHIPS];
	struct osp_apic_msg msg;
	enum osp_irt_kind kind;
	int vector = -1, vcpu = -1;
	u64 rte;

	osp_irt_route_decode(&chip->irt, route, &kind, pins, &msg);
	if (kind == OSP_IRT_APIC) {
		vector = msg.vector;
		vcpu = msg.logical || msg.dest == OSP_XAPIC_BROADCAST ? -1 :
		       (int)msg.dest;
	} else if (pins[KVM_IRQCHIP_IOAPIC] >= 0) {
		rte = READ_ONCE(chip->ioapic.rte[pins[KVM_IRQCHIP_IOAPIC]]);
		if (!(rte & OSP_RTE_MASKED)) {
			vector = OSP_RTE_VECTOR(rte);
			vcpu = rte & OSP_RTE_LOGICAL ? -1 :
			       (int)OSP_RTE_DEST(rte);
		}
	}
	trace_ospite_irq(gsi, kind, vcpu, vector, status, coalesced);
}

static const struct osp_irt_ops osp_irqchip_irt_ops = {
	.pin		= osp_irqchip_pin,
	.apic		= osp_irqchip_apic,
	.eventfd	= osp_irqchip_eventfd,
	.release	= osp_irqchip_release,
	.trace		= osp_irqchip_trace,
};

/* ---- a vCPU's local APIC ---- */

static void osp_vapic_kick(void *ctx)
{
	struct osp_vapic *v = ctx;

	v->chip->ops->kick(v->vcpu);
}

static void osp_vapic_posted(void *ctx)
{
	struct osp_vapic *v = ctx;

	v->chip->ops->posted(v->vcpu);
}

/*
 * The end of an interrupt that somebody waits for.  Those who listen are told
 * before the I/O APIC looks at the line again, so that they can lower it.
 */
static void osp_irqchip_eoi(struct osp_irqchip *chip, u8 vector, bool level)
{
	unsigned long flags = osp_irqchip_lock(chip);
	u32 pins = osp_ioapic_eoi_pins(&chip->ioapic, vector);

	osp_irqchip_unlock(chip, flags);
	if (pins & READ_ONCE(chip->pit_listens.ioapic))
		osp_irqchip_pit_ack(chip);
	osp_irqchip_fd_ack(chip, KVM_IRQCHIP_IOAPIC,
			   pins & READ_ONCE(chip->fd_listens.ioapic));
	if (!level)
		return;
	flags = osp_irqchip_lock(chip);
	osp_ioapic_eoi(&chip->ioapic, pins);
	osp_irqchip_unlock(chip, flags);
}

static void osp_vapic_eoi(void *ctx, u8 vector)
{
	struct osp_vapic *v = ctx;

	bool level = osp_lapic_broadcasts_eoi(&v->lapic, vector);

	if (!v->chip->split)
		osp_irqchip_eoi(v->chip, vector, level);
	else if (level)
		v->chip->ops->ioapic_eoi(v->vcpu, vector);
}

static void osp_vapic_enabled(void *ctx)
{
	struct osp_vapic *v = ctx;

	v->chip->ops->enabled(v->vcpu);
}

static u64 osp_vapic_now_ns(void *ctx)
{
	return ktime_get_ns();
}

static u64 osp_vapic_guest_tsc(void *ctx)
{
	struct osp_vapic *v = ctx;

	return v->chip->ops->guest_tsc(v->vcpu);
}

static void osp_vapic_timer_arm(void *ctx, u64 expires_ns)
{
	struct osp_vapic *v = ctx;

	hrtimer_start(&v->timer, ns_to_ktime(expires_ns),
		      HRTIMER_MODE_ABS_PINNED_HARD);
}

static void osp_vapic_timer_cancel(void *ctx)
{
	struct osp_vapic *v = ctx;

	hrtimer_cancel(&v->timer);
}

static const struct osp_lapic_ops osp_vapic_ops = {
	.kick		= osp_vapic_kick,
	.posted		= osp_vapic_posted,
	.eoi		= osp_vapic_eoi,
	.enabled	= osp_vapic_enabled,
	.now_ns		= osp_vapic_now_ns,
	.guest_tsc	= osp_vapic_guest_tsc,
	.timer_arm	= osp_vapic_timer_arm,
	.timer_cancel	= osp_vapic_timer_cancel,
};

static enum hrtimer_restart osp_vapic_timer_fn(struct hrtimer *timer)
{
	struct osp_vapic *v = container_of(timer, struct osp_vapic, timer);
	u64 next = osp_lapic_timer_fired(&v->lapic);

	if (!next)
		return HRTIMER_NORESTART;
	hrtimer_set_expires(timer, ns_to_ktime(next));
	return HRTIMER_RESTART;
}

void osp_vapic_init(struct osp_vapic *v, struct osp_irqchip *chip, void *regs,
		    u32 id, bool bsp, u32 tsc_khz, void *vcpu)
{
	v->chip = chip;
	v->vcpu = vcpu;
	hrtimer_init(&v->timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_PINNED_HARD);
	v->timer.function = osp_vapic_timer_fn;
	osp_lapic_init(&v->lapic, regs, id, bsp, &chip->bus, &osp_vapic_ops,
		       v);
	osp_lapic_set_directed_eoi(&v->lapic, chip->split);
	v->lapic.timer.tsc_khz = tsc_khz;
}

int osp_irqchip_register_lapic(struct osp_irqchip *chip, struct osp_vapic *v)
{
	return osp_apic_bus_add(&chip->bus, &v->lapic);
}

void osp_irqchip_unregister_lapic(struct osp_irqchip *chip,
				  struct osp_vapic *v)
{
	osp_apic_bus_remove(&chip->bus, &v->lapic);
	synchronize_rcu();
}

void osp_vapic_exit(struct osp_vapic *v)
{
	if (v->chip)
		hrtimer_cancel(&v->timer);
}

void osp_vapic_migrate(struct osp_vapic *v)
{
	if (READ_ONCE(v->lapic.timer.armed) && hrtimer_cancel(&v->timer))
		hrtimer_start_expires(&v->timer, HRTIMER_MODE_ABS_PINNED_HARD);
}

/* ---- the guest's accesses; interrupts are off for those to ports ---- */

static noinline void osp_irqchip_write_pic(struct osp_irqchip *chip, u16 port,
					   u8 val)
{
	unsigned long flags;

	raw_spin_lock(&chip->lock);
	osp_pic_write(&chip->pic, port, val);
	if (likely(osp_irqchip_is_quiet(chip))) {
		raw_spin_unlock(&chip->lock);
	} else {
		local_save_flags(flags);
		osp_irqchip_settle_unlock(chip, flags);
	}
}

static u8 osp_irqchip_poll_pic(struct osp_irqchip *chip, u16 port)
{
	unsigned long flags = osp_irqchip_lock(chip);
	u8 val = osp_pic_read(&chip->pic, port);

	osp_irqchip_unlock(chip, flags);
	return val;
}

/*
 * All these chips are eight bits wide.  As on KVM a wider access to a PIC is
 * dropped and reads as 0, one to the PIT is its low byte.
 */
static bool osp_irqchip_has_pic(struct osp_irqchip *chip, u16 port, u32 size)
{
	return !chip->split && (port & 1) + size <= 2;
}

static bool osp_irqchip_in_pic(struct osp_irqchip *chip, u16 port, u32 size,
			       u32 *value)
{
	if (!osp_irqchip_has_pic(chip, port, size))
		return false;
	if (size != 1)
		*value = 0;
	else if (likely(!osp_pic_polled(&chip->pic, port)))
		/* One byte, read at once: no lock could make it newer. */
		*value = osp_pic_read(&chip->pic, port);
	else
		*value = osp_irqchip_poll_pic(chip, port);
	return true;
}

static bool osp_irqchip_has_pit(struct osp_irqchip *chip, u16 port, u32 size)
{
	return chip->has_pit && (port != 0x61 || chip->pit.speaker) &&
	       (port == 0x61 || (port & 3) + size <= 4);
}

static noinline bool osp_irqchip_out_pit(struct osp_irqchip *chip, u16 port,
					 u32 size, u8 val)
{
	unsigned long flags;

	if (!osp_irqchip_has_pit(chip, port, size))
		return false;
	flags = osp_irqchip_lock(chip);
	osp_pit_write(&chip->pit, port, val, ktime_get_ns());
	osp_irqchip_unlock(chip, flags);
	return true;
}

static noinline bool osp_irqchip_in_pit(struct osp_irqchip *chip, u16 port,
					u32 size, u32 *value)
{
	unsigned long flags;

	if (!osp_irqchip_has_pit(chip, port, size))
		return false;
	flags = osp_irqchip_lock(chip);
	*value = osp_pit_read(&chip->pit, port, ktime_get_ns());
	osp_irqchip_unlock(chip, flags);
	return true;
}

/* 20h, 21h, A0h, A1h; then the edge/level registers. */
static bool osp_irqchip_is_pic(u16 port)
{
	return (port & ~0x81) == 0x20 || (port & ~1) == 0x4d0;
}

static bool osp_irqchip_is_pit(u16 port)
{
	return (port & ~3) == 0x40 || port == 0x61;
}

bool osp_irqchip_out(struct osp_irqchip *chip, u16 port, u32 size, u32 value)
{
	if (osp_irqchip_is_pic(port)) {
		if (!osp_irqchip_has_pic(chip, port, size))
			return false;
		if (likely(size == 1))
			osp_irqchip_write_pic(chip, port, value);
		return true;
	}
	return osp_irqchip_is_pit(port) &&
	       osp_irqchip_out_pit(chip, port, size, value);
}

bool osp_irqchip_in(struct osp_irqchip *chip, u16 port, u32 size, u32 *value)
{
	if (osp_irqchip_is_pic(port))
		return osp_irqchip_in_pic(chip, port, size, value);
	return osp_irqchip_is_pit(port) &&
	       osp_irqchip_in_pit(chip, port, size, value);
}

bool osp_irqchip_mmio(struct osp_irqchip *chip, u64 gpa, u32 len, bool write,
		      void *data)
{
	u64 offset = gpa - OSP_IOAPIC_BASE, val = 0;
	unsigned long flags;

	if (chip->split || gpa < OSP_IOAPIC_BASE || len > sizeof(val) ||
	    offset + len > OSP_IOAPIC_SIZE)
		return false;
	if (write)
		memcpy(&val, data, len);
	flags = osp_irqchip_lock(chip);
	if (write)
		osp_ioapic_write(&chip->ioapic, offset, val);
	else
		val = osp_ioapic_read(&chip->ioapic, offset);
	osp_irqchip_unlock(chip, flags);
	if (!write)
		memcpy(data, &val, len);
	return true;
}

u8 osp_irqchip_extint_ack(struct osp_irqchip *chip)
{
	unsigned long flags = osp_irqchip_lock(chip);
	u8 vector = osp_pic_intack(&chip->pic);

	osp_irqchip_unlock(chip, flags);
	return vector;
}

/* ---- life ---- */

/*
 * While this callback waited for the lock the timer may have been stopped
 * (nothing expires) or set anew (it is queued again): then it is not ours.
 */
static enum hrtimer_restart osp_irqchip_pit_fn(struct hrtimer *timer)
{
	struct osp_irqchip *chip = container_of(timer, struct osp_irqchip,
						pit_timer);
	unsigned long flags = osp_irqchip_lock(chip);
	enum hrtimer_restart restart = HRTIMER_NORESTART;
	bool pulse = false;

	if (chip->pit.expires_ns && !hrtimer_is_queued(timer)) {
		pulse = osp_pit_tick(&chip->pit, ktime_get_ns());
		if (chip->pit.expires_ns) {
			hrtimer_set_expires(timer,
					    ns_to_ktime(chip->pit.expires_ns));
			restart = HRTIMER_RESTART;
		}
	}
	osp_irqchip_unlock(chip, flags);
	if (pulse)
		osp_irqchip_pit_pulse(chip);
	return restart;
}

static void osp_irqchip_storm_fn(struct work_struct *work)
{
	struct osp_irqchip *chip = container_of(work, struct osp_irqchip,
						storm.work);
	unsigned long flags = osp_irqchip_lock(chip);

	osp_ioapic_retry(&chip->ioapic);
	osp_irqchip_unlock(chip, flags);
}

struct osp_irqchip *osp_irqchip_alloc(const struct osp_irqchip_ops *ops,
				      bool split)
{
	struct osp_irqchip *chip = kzalloc(sizeof(*chip), GFP_KERNEL_ACCOUNT);

	if (!chip)
		return NULL;
	chip->ops = ops;
	chip->split = split;
	chip->bus.pic = !split;
	raw_spin_lock_init(&chip->lock);
	osp_pic_init(&chip->pic);
	osp_ioapic_init(&chip->ioapic, &chip->bus);
	hrtimer_init(&chip->pit_timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_HARD);
	chip->pit_timer.function = osp_irqchip_pit_fn;
	INIT_DELAYED_WORK(&chip->storm, osp_irqchip_storm_fn);
	osp_irqfds_init(&chip->irqfds);
	osp_irt_init(&chip->irt, &osp_irqchip_irt_ops, chip, !split);
	return chip;
}

struct osp_irqchip *osp_irqchip_create(const struct osp_irqchip_ops *ops,
				       bool split, u32 reserved_pins)
{
	struct osp_irqchip *chip = osp_irqchip_alloc(ops, split);

	if (!chip)
		return ERR_PTR(-ENOMEM);
	chip->reserved_pins = reserved_pins;
	if (split) {
		memset(chip->bus.eoi_watch, 0, sizeof(chip->bus.eoi_watch));
	} else if (osp_irt_set_default(&chip->irt)) {
		kfree(chip);
		return ERR_PTR(-ENOMEM);
	}
	return chip;
}

void osp_irqchip_stop(struct osp_irqchip *chip)
{
	osp_irqfds_stop(&chip->irqfds);
	hrtimer_cancel(&chip->pit_timer);
	cancel_delayed_work_sync(&chip->storm);
}

void osp_irqchip_destroy(struct osp_irqchip *chip)
{
	osp_irt_destroy(&chip->irt);
	osp_apic_bus_destroy(&chip->bus);
	kfree(chip);
}
