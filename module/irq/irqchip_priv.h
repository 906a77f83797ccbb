/* SPDX-License-Identifier: GPL-2.0 */
/*
 * irqchip_priv.h - what irqchip.c and irqchip_ioctl.c share: the lock.
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

#endif /* OSP_IRQCHIP_PRIV_H */
