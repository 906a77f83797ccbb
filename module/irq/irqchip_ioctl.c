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

int osp_irqchip_get(struct osp_irqchip *chip, struct kvm_irqchip *c)
{
	unsigned long flags;
	int ret = 0;

	if (chip->split)
		return -ENXIO;
	flags = osp_irqchip_lock(chip);
	switch (c->chip_id) {
	case KVM_IRQCHIP_PIC_MASTER:
	case KVM_IRQCHIP_PIC_SLAVE:
		osp_pic_get_state(&chip->pic, c->chip_id, &c->chip.pic);
		break;
	case KVM_IRQCHIP_IOAPIC:
		osp_ioapic_get_state(&chip->ioapic, &c->chip.ioapic);
		break;
	default:
		ret = -EINVAL;
		break;
	}
	osp_irqchip_unlock(chip, flags);
	return ret;
}

int osp_irqchip_set(struct osp_irqchip *chip, const struct kvm_irqchip *c)
{
	unsigned long flags;
	int ret = 0;

	if (chip->split)
		return -ENXIO;
	flags = osp_irqchip_lock(chip);
	switch (c->chip_id) {
	case KVM_IRQCHIP_PIC_MASTER:
	case KVM_IRQCHIP_PIC_SLAVE:
		osp_pic_set_state(&chip->pic, c->chip_id, &c->chip.pic);
		break;
	case KVM_IRQCHIP_IOAPIC:
		osp_ioapic_set_state(&chip->ioapic, &c->chip.ioapic);
		break;
	default:
		ret = -EINVAL;
		break;
	}
	osp_irqchip_unlock(chip, flags);
	return ret;
}

/* ---- who hears of the PIT's pins ---- */

static void osp_irqchip_update_listeners(struct osp_irqchip *chip)
{
	int master = osp_irt_gsi_pin(&chip->irt, OSP_PIT_GSI,
				     KVM_IRQCHIP_PIC_MASTER);
	int slave = osp_irt_gsi_pin(&chip->irt, OSP_PIT_GSI,
				    KVM_IRQCHIP_PIC_SLAVE);
	int pin = osp_irt_gsi_pin(&chip->irt, OSP_PIT_GSI, KVM_IRQCHIP_IOAPIC);
	unsigned long flags = osp_irqchip_lock(chip);
	bool listen = chip->has_pit && chip->pit.reinject && !chip->split;

	chip->listen_pic = 0;
	chip->ioapic.notify = 0;
	if (listen && master >= 0)
		chip->listen_pic |= BIT(master);
	if (listen && slave >= 0)
		chip->listen_pic |= BIT(8 + slave);
	if (listen && pin >= 0)
		chip->ioapic.notify = BIT(pin);
	if (!chip->split)
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
 * With the I/O APIC in userspace its pins are message routes; the ends of
 * level interrupts among them are what it wants to hear of.
 */
static void osp_irqchip_watch_routes(struct osp_irqchip *chip)
{
	struct osp_irt_table *table;
	DECLARE_BITMAP(watch, 256) = { 0 };
	s8 pins[KVM_NR_IRQCHIPS];
	struct osp_apic_msg msg;
	enum osp_irt_kind kind;
	u32 gsi;

	rcu_read_lock();
	table = rcu_dereference(chip->irt.table);
	for (gsi = 0; gsi < table->nr && gsi < chip->reserved_pins; gsi++) {
		osp_irt_route_decode(READ_ONCE(table->entry[gsi].route), &kind,
				     pins, &msg);
		if (kind == OSP_IRT_APIC && msg.level)
			__set_bit(msg.vector, watch);
	}
	rcu_read_unlock();
	osp_apic_bus_watch_eois(&chip->bus, watch);
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
	if (chip->split)
		osp_irqchip_watch_routes(chip);
	else
		osp_irqchip_update_listeners(chip);
	if (old) {
		synchronize_rcu_expedited();
		osp_free(old);
	}
	return 0;
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
