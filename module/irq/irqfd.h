/* SPDX-License-Identifier: GPL-2.0 */
/*
 * irqfd.h - eventfds whose signals are interrupt requests: KVM_IRQFD.
 *
 * Owns struct osp_irqfds, a part of the irqchip, and all that hangs on it.
 *
 * Locks, outermost first: @mutex serializes all that adds and removes; then an
 * eventfd's own wait-queue lock (interrupts off), under which its signals come;
 * then @lock, which says who may end an irqfd.  The list of those that resample
 * is read under RCU.
 */
#ifndef OSP_IRQFD_H
#define OSP_IRQFD_H

#include <linux/kvm.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

struct osp_irqchip;

/**
 * struct osp_irqfds - the irqfds of a VM
 * @mutex:	see above
 * @lock:	see above
 * @active:	all that are assigned
 * @dying:	those whose eventfd was closed, for @reap
 * @resampling:	those of @active that are told of an interrupt's end; RCU
 * @nr_resampling: how many; under @mutex
 * @reap:	ends those in @dying
 */
struct osp_irqfds {
	struct mutex mutex;
	spinlock_t lock;
	struct list_head active;
	struct list_head dying;
	struct list_head resampling;
	unsigned int nr_resampling;
	struct work_struct reap;
};

/**
 * osp_irqfds_init() - prepare
 * @f:		part of an irqchip
 */
void osp_irqfds_init(struct osp_irqfds *f);

/**
 * osp_irqfds_stop() - end all; no request comes from an eventfd any more
 * @f:		the VM's
 *
 * Context: may sleep.
 */
void osp_irqfds_stop(struct osp_irqfds *f);

/**
 * osp_irqfd() - the body of KVM_IRQFD
 * @chip:	the VM's, or NULL if it has none
 * @args:	a kernel copy
 *
 * When a deassignment returns, no interrupt comes from that eventfd any more.
 * Context: may sleep.
 * Return: 0; -EINVAL for unknown flags, reserved fields, a descriptor that is
 * no eventfd, an assignment without controllers in the kernel, or a resampling
 * one with PIC and I/O APIC in userspace; -EBADF;
 * -EBUSY for an eventfd that is in use already; -ENOSPC for too many that
 * resample; -ENOMEM.
 */
int osp_irqfd(struct osp_irqchip *chip, const struct kvm_irqfd *args);

/**
 * osp_irqfds_ack() - the guest has ended an interrupt
 * @chip:	the VM's; its lock is not held
 * @gsi:	the request that it came from
 *
 * The line of those that resample falls, and their eventfds are signalled.
 * Any context.
 */
void osp_irqfds_ack(struct osp_irqchip *chip, u32 gsi);

/**
 * osp_irqfds_wants_ack() - does anyone resample?
 * @f:		the VM's; under RCU
 * @gsi:	the request
 */
bool osp_irqfds_wants_ack(struct osp_irqfds *f, u32 gsi);

#endif /* OSP_IRQFD_H */
