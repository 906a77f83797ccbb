// SPDX-License-Identifier: GPL-2.0
/*
 * irqchip_copy.c - interrupt controllers in the state of another VM's, clocks
 * included (fork.c).
 *
 * A clock of the original is stopped while its state is copied, so that no tick
 * is in flight: one that was counted but not yet delivered would be lost to the
 * copy, which would then wait for its EOI for ever.  It goes on with the time at
 * which it was to fire, and the copy's clock has the same.
 *
 * PIC, I/O APIC and PIT are copied before the local APICs: an interrupt that
 * comes in between is then in flight in a local APIC of the copy, which at worst
 * gets it twice, and not in flight at a pin that waits for its end.
 *
 * Takes the original's spinlock.  Owns nothing.
 */
#include <linux/err.h>
#include "irqchip_priv.h"

/* An irqfd that resamples would lower it at the EOI; the copy has none. */
static void osp_irqchip_drop_resampled(struct osp_irqchip *chip)
{
	u32 pin;

	for (pin = 0; pin < OSP_IOAPIC_PINS; pin++)
		if (chip->ioapic.sources[pin] & BIT(OSP_IRQ_SOURCE_RESAMPLE))
			osp_ioapic_set_irq(&chip->ioapic, pin,
					   OSP_IRQ_SOURCE_RESAMPLE, false,
					   false);
	for (pin = 0; pin < OSP_PIC_PINS; pin++)
		if (chip->pic.sources[pin] & BIT(OSP_IRQ_SOURCE_RESAMPLE))
			osp_pic_set_irq(&chip->pic, pin,
					OSP_IRQ_SOURCE_RESAMPLE, false);
}

static void osp_irqchip_copy_devices(struct osp_irqchip *chip,
				     struct osp_irqchip *from)
{
	unsigned long flags;

	hrtimer_cancel(&from->pit_timer);
	flags = osp_irqchip_lock(from);
	chip->pic = from->pic;
	chip->ioapic = from->ioapic;
	chip->ioapic.bus = &chip->bus;
	chip->pit = from->pit;
	chip->has_pit = from->has_pit;
	chip->pit_listens = from->pit_listens;
	from->pit.rearm = from->has_pit;
	osp_irqchip_unlock(from, flags);
	osp_irqchip_drop_resampled(chip);
	chip->ioapic.notify = chip->pit_listens.ioapic;
	osp_ioapic_update_watch(&chip->ioapic);
}

struct osp_irqchip *osp_irqchip_copy(struct osp_irqchip *from)
{
	struct osp_irqchip *chip = osp_irqchip_alloc(from->ops, from->split);

	if (!chip)
		return ERR_PTR(-ENOMEM);
	chip->reserved_pins = from->reserved_pins;
	chip->bus.ids_moved = READ_ONCE(from->bus.ids_moved);
	osp_irqchip_set_x2apic_api(chip, from->irt.ids32, from->bus.no_quirk);
	if (osp_irt_copy(&chip->irt, &from->irt)) {
		osp_irqchip_destroy(chip);
		return ERR_PTR(-ENOMEM);
	}
	if (from->split)
		memcpy(chip->bus.eoi_watch, from->bus.eoi_watch,
		       sizeof(chip->bus.eoi_watch));
	else
		osp_irqchip_copy_devices(chip, from);
	return chip;
}

/* What was left behind by the copy is settled when the lock is dropped. */
void osp_irqchip_start(struct osp_irqchip *chip)
{
	unsigned long flags = osp_irqchip_lock(chip);

	chip->pit.rearm = chip->has_pit;
	osp_irqchip_unlock(chip, flags);
}

void osp_vapic_copy(struct osp_vapic *v, struct osp_vapic *from)
{
	bool queued = hrtimer_cancel(&from->timer);

	osp_lapic_copy(&v->lapic, &from->lapic);
	v->lapic.timer.armed = queued;
	if (!queued)
		return;
	hrtimer_set_expires(&v->timer, hrtimer_get_expires(&from->timer));
	hrtimer_start_expires(&from->timer, HRTIMER_MODE_ABS_PINNED_HARD);
}

void osp_vapic_start(struct osp_vapic *v)
{
	if (v->lapic.timer.armed)
		hrtimer_start_expires(&v->timer, HRTIMER_MODE_ABS_PINNED_HARD);
}
