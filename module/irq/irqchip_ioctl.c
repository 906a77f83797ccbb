// SPDX-License-Identifier: GPL-2.0
/*
 * irqchip_ioctl.c - the bodies of the ioctls about interrupt controllers.
 *
 * Arguments are kernel copies; what is refused, and with which errno, is as on
 * KVM, but that unknown flags and reserved fields are refused too.  Callers
 * hold the VM's mutex where irqchip.h says so; each body takes the irqchip's
 * lock as it needs it.  Owns nothing.
 */
#include <linux/ktime.h>
#include <linux/rcupdate.h>
#include "irqchip_priv.h"

/* ---- state of PIC and I/O APIC ---- */

static void copy_pic(struct osp_irqchip *chip, struct kvm_irqchip *c, bool set)
{
	if (set)
		osp_pic_set_state(&chip->pic, c->chip_id, &c->chip.pic);
	else
		osp_pic_get_state(&chip->pic, c->chip_id, &c->chip.pic);
}

static void copy_ioapic(struct osp_irqchip *chip, struct kvm_irqchip *c,
			bool set)
{
	if (set)
		osp_ioapic_set_state(&chip->ioapic, &c->chip.ioapic);
	else
		osp_ioapic_get_state(&chip->ioapic, &c->chip.ioapic);
}

int osp_irqchip_state(struct osp_irqchip *chip, struct kvm_irqchip *c, bool set)
{
	unsigned long flags;
	int ret = 0;

	if (chip->split)
		return -ENXIO;
	flags = osp_irqchip_lock(chip);
	switch (c->chip_id) {
	case KVM_IRQCHIP_PIC_MASTER:
	case KVM_IRQCHIP_PIC_SLAVE:
		copy_pic(chip, c, set);
		break;
	case KVM_IRQCHIP_IOAPIC:
		copy_ioapic(chip, c, set);
		break;
	default:
		ret = -EINVAL;
		break;
	}
	osp_irqchip_unlock(chip, flags);
	return ret;
}

/* ---- who hears of the end of interrupts ---- */

static void osp_irqchip_listen(struct osp_irqchip *chip, u32 gsi,
			       struct osp_listener *listener)
{
	int master = osp_irt_gsi_pin(&chip->irt, gsi, KVM_IRQCHIP_PIC_MASTER);
	int slave = osp_irt_gsi_pin(&chip->irt, gsi, KVM_IRQCHIP_PIC_SLAVE);
	int pin = osp_irt_gsi_pin(&chip->irt, gsi, KVM_IRQCHIP_IOAPIC);

	if (master >= 0)
		listener->pic |= BIT(master);
	if (slave >= 0)
		listener->pic |= BIT(8 + slave);
	if (pin >= 0)
		listener->ioapic |= BIT(pin);
}

/* An irqfd listens at the pins of its request, as far as they lead back to it. */
static void osp_irqchip_listen_fds(struct osp_irqchip *chip,
				   struct osp_listener *listener)
{
	u32 which, pin;
	int gsi;

	rcu_read_lock();
	for (which = 0; which < KVM_NR_IRQCHIPS; which++) {
		for (pin = 0; pin < KVM_IOAPIC_NUM_PINS; pin++) {
			gsi = osp_irt_pin_gsi(&chip->irt, which, pin);
			if (gsi < 0 || !osp_irqfds_wants_ack(&chip->irqfds, gsi))
				continue;
			if (which == KVM_IRQCHIP_IOAPIC)
				listener->ioapic |= BIT(pin);
			else
				listener->pic |= BIT(pin + 8 * which);
		}
	}
	rcu_read_unlock();
}

/* All from what there is now, under the lock: the last change is seen. */
void osp_irqchip_update_listeners(struct osp_irqchip *chip)
{
	struct osp_listener pit = { 0 }, fds = { 0 };
	unsigned long flags;

	if (chip->split)
		return;
	flags = osp_irqchip_lock(chip);
	if (chip->has_pit && chip->pit.reinject)
		osp_irqchip_listen(chip, OSP_PIT_GSI, &pit);
	osp_irqchip_listen_fds(chip, &fds);
	chip->pit_listens = pit;
	chip->fd_listens = fds;
	chip->ioapic.notify = pit.ioapic | fds.ioapic;
	osp_ioapic_update_watch(&chip->ioapic);
	osp_irqchip_unlock(chip, flags);
}

/* ---- PIT ---- */

int osp_irqchip_create_pit(struct osp_irqchip *chip,
			   const struct kvm_pit_config *config)
{
	unsigned long flags;

	if (config->flags & ~KVM_PIT_SPEAKER_DUMMY)
		return -EINVAL;
	if (chip->has_pit)
		return -EEXIST;
	flags = osp_irqchip_lock(chip);
	osp_pit_init(&chip->pit, config->flags, ktime_get_ns());
	WRITE_ONCE(chip->has_pit, true);
	osp_irqchip_unlock(chip, flags);
	osp_irqchip_update_listeners(chip);
	return 0;
}

int osp_irqchip_get_pit2(struct osp_irqchip *chip, struct kvm_pit_state2 *s)
{
	unsigned long flags;

	if (!chip->has_pit)
		return -ENXIO;
	flags = osp_irqchip_lock(chip);
	osp_pit_get_state(&chip->pit, s, ktime_get_ns());
	osp_irqchip_unlock(chip, flags);
	return 0;
}

int osp_irqchip_set_pit2(struct osp_irqchip *chip,
			 const struct kvm_pit_state2 *s)
{
	unsigned long flags;

	if (!chip->has_pit)
		return -ENXIO;
	if ((s->flags & ~(KVM_PIT_FLAGS_HPET_LEGACY |
			  KVM_PIT_FLAGS_SPEAKER_DATA_ON)) ||
	    memchr_inv(s->reserved, 0, sizeof(s->reserved)))
		return -EINVAL;
	flags = osp_irqchip_lock(chip);
	osp_pit_set_state(&chip->pit, s, ktime_get_ns());
	osp_irqchip_unlock(chip, flags);
	return 0;
}

int osp_irqchip_reinject(struct osp_irqchip *chip,
			 const struct kvm_reinject_control *c)
{
	unsigned long flags;

	if (!chip->has_pit)
		return -ENXIO;
	if (c->pit_reinject > 1 ||
	    memchr_inv(c->reserved, 0, sizeof(c->reserved)))
		return -EINVAL;
	flags = osp_irqchip_lock(chip);
	osp_pit_set_reinject(&chip->pit, c->pit_reinject);
	osp_irqchip_unlock(chip, flags);
	osp_irqchip_update_listeners(chip);
	return 0;
}

/* ---- routes and requests ---- */

/*
 * An interrupt that is on its way or in service when its route changes still
 * has its end, which userspace waits for.
 */
static bool osp_irqchip_vector_in_use(struct osp_irqchip *chip, u8 vector)
{
	u32 offset = vector / 32 * 16, bit = BIT(vector % 32), id;
	struct osp_apic_table *table;
	struct osp_lapic *apic;
	bool used = false;

	rcu_read_lock();
	table = rcu_dereference(chip->bus.table);
	for (id = 0; table && id < table->nr && !used; id++) {
		apic = READ_ONCE(table->apic[id]);
		used = apic && (test_bit(vector, apic->pi.pir) ||
				(osp_lapic_reg(apic, OSP_APIC_IRR + offset) & bit) ||
				(osp_lapic_reg(apic, OSP_APIC_ISR + offset) & bit));
	}
	rcu_read_unlock();
	return used;
}

/*
 * With the I/O APIC in userspace its pins are message routes; the ends of
 * level interrupts among them are what it wants to hear of.
 */
static void osp_irqchip_watch_routes(struct osp_irqchip *chip)
{
	struct osp_irt_table *table = rcu_dereference_protected(chip->irt.table,
								true);
	DECLARE_BITMAP(watch, 256) = { 0 };
	s8 pins[KVM_NR_IRQCHIPS];
	struct osp_irt_entry *e;
	struct osp_apic_msg msg;
	enum osp_irt_kind kind;
	u32 gsi, i;

	for (gsi = 0; gsi < chip->reserved_pins; gsi++) {
		e = osp_irt_entry(table, gsi);
		osp_irt_route_decode(&chip->irt, e ? e->route : 0, &kind, pins,
				     &msg);
		if (kind == OSP_IRT_APIC && msg.level)
			__set_bit(msg.vector, watch);
	}
	for_each_set_bit(i, chip->bus.eoi_watch, 256)
		if (osp_irqchip_vector_in_use(chip, i))
			__set_bit(i, watch);
	osp_apic_bus_watch_eois(&chip->bus, watch);
}

/* Routes have changed: so has whose ends matter. */
static void osp_irqchip_rerouted(struct osp_irqchip *chip)
{
	if (chip->split)
		osp_irqchip_watch_routes(chip);
	else
		osp_irqchip_update_listeners(chip);
}

int osp_irqchip_set_routing(struct osp_irqchip *chip,
			    const struct kvm_irq_routing_entry *e, u32 nr,
			    u32 flags)
{
	struct osp_irt_table *old;
	int ret;

	if (flags)
		return -EINVAL;
	ret = osp_irt_set(&chip->irt, e, nr, &old);
	if (ret)
		return ret;
	osp_irqchip_rerouted(chip);
	if (old)
		synchronize_rcu_expedited();
	osp_irt_retire(&chip->irt, old);
	return 0;
}

/* Lines that the route @old may have left up at pins that @new has not. */
static void osp_irqchip_drop_lines(struct osp_irqchip *chip, u64 old, u64 new)
{
	s8 pins[KVM_NR_IRQCHIPS], kept[KVM_NR_IRQCHIPS];
	struct osp_apic_msg msg;
	enum osp_irt_kind kind;
	u32 which;

	osp_irt_route_decode(&chip->irt, old, &kind, pins, &msg);
	osp_irt_route_decode(&chip->irt, new, &kind, kept, &msg);
	for (which = 0; which < KVM_NR_IRQCHIPS; which++) {
		if (pins[which] < 0 || pins[which] == kept[which])
			continue;
		chip->irt.ops->pin(chip, which, pins[which],
				   OSP_IRQ_SOURCE_USER, false, false);
		chip->irt.ops->pin(chip, which, pins[which],
				   OSP_IRQ_SOURCE_RESAMPLE, false, false);
	}
}

int osp_irqchip_set_entry(struct osp_irqchip *chip, u32 gsi, u64 route)
{
	void *target;
	u64 old;
	int ret = osp_irt_set_entry(&chip->irt, gsi, route, &old);

	if (ret)
		return ret;
	osp_irqchip_rerouted(chip);
	synchronize_rcu_expedited();
	osp_irqchip_drop_lines(chip, old, route);
	target = osp_irt_route_target(old);
	if (target)
		osp_irt_release(target);
	return 0;
}

void osp_irqchip_set_x2apic_api(struct osp_irqchip *chip, bool ids32,
				bool no_quirk)
{
	if (ids32)
		WRITE_ONCE(chip->irt.ids32, true);
	if (no_quirk)
		WRITE_ONCE(chip->bus.no_quirk, true);
}

int osp_irqchip_irq_line(struct osp_irqchip *chip, struct kvm_irq_level *l,
			 bool line_status)
{
	l->status = osp_irt_raise(&chip->irt, l->irq, OSP_IRQ_SOURCE_USER,
				  l->level, line_status);
	return 0;
}

int osp_irqchip_signal_msi(struct osp_irqchip *chip, const struct kvm_msi *msi)
{
	if (msi->flags & ~KVM_MSI_VALID_DEVID)
		return -EINVAL;
	return osp_irt_msi(&chip->irt, msi->address_lo, msi->address_hi,
			   msi->data);
}
