/* SPDX-License-Identifier: GPL-2.0 */
/*
 * irqchip_priv.h - what the irqchip's own files share: the lock, who listens
 * to the end of interrupts, and where the table's requests leave the kernel.
 */
#ifndef OSP_IRQCHIP_PRIV_H
#define OSP_IRQCHIP_PRIV_H

#include "irqchip.h"

/* The request of the PIT's channel 0. */
#define OSP_PIT_GSI		0

/**
 * osp_irqchip_lock() - take the irqchip's spinlock, interrupts off
 * @chip:	the VM's
 *
 * Return: what osp_irqchip_unlock() needs.
 */
static __always_inline unsigned long osp_irqchip_lock(struct osp_irqchip *chip)
	__acquires(&chip->lock)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&chip->lock, flags);
	return flags;
}

/**
 * osp_irqchip_unlock() - drop it, and tell who is concerned what happened
 * @chip:	the VM's
 * @flags:	from osp_irqchip_lock()
 *
 * May kick vCPUs, arm timers and raise the PIT's interrupt again.
 */
void osp_irqchip_unlock(struct osp_irqchip *chip, unsigned long flags)
	__releases(&chip->lock);

/**
 * osp_irqchip_update_listeners() - find anew the pins whose EOI is listened to
 * @chip:	the VM's; routes, the PIT or irqfds have changed
 *
 * Context: any, but not under the irqchip's lock.
 */
void osp_irqchip_update_listeners(struct osp_irqchip *chip);

/**
 * osp_irqchip_alloc() - a chip without a table of routes
 * @ops:	the VM's
 * @split:	local APICs only
 *
 * Context: may sleep.
 * Return: the chip, or NULL without memory.
 */
struct osp_irqchip *osp_irqchip_alloc(const struct osp_irqchip_ops *ops,
				      bool split);

/**
 * osp_irt_signal() - signal the eventfd of an entry
 * @target:	from the entry's route
 *
 * Any context.
 */
void osp_irt_signal(void *target);

/**
 * osp_irt_release() - no entry has that eventfd any more
 * @target:	from the entry's route
 *
 * Context: may sleep.
 */
void osp_irt_release(void *target);

#endif /* OSP_IRQCHIP_PRIV_H */
