// SPDX-License-Identifier: GPL-2.0
/*
 * irqfd.c - eventfds whose signals are interrupt requests: KVM_IRQFD.
 *
 * A signal calls irqfd_wake() under the eventfd's wait-queue lock, interrupts
 * off, and from there the request goes through the Interrupt Remapping Table
 * at once: all that it can lead to may be done in any context, so no signal
 * waits for a thread, and none is lost between two.
 *
 * One with KVM_IRQFD_FLAG_RESAMPLE is a level: its signal raises the line of
 * its request, and the guest's EOI lowers it and signals a second eventfd, for
 * the owner to look at its device again.  All of one request share a line.
 *
 * Owns struct osp_irqfds and its irqfds.  An irqfd is ended by who makes it
 * inactive, under osp_irqfds.lock: a deassignment, the end of the VM, or the
 * eventfd's release, which comes under its wait-queue lock and so leaves the
 * rest to a work item.
 */
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/poll.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include "../host.h"
#include "irqchip_priv.h"

/* The guest's EOI looks at all that resample. */
#define MAX_RESAMPLING	1024

/**
 * struct irqfd - an eventfd that is an interrupt request
 * @chip:	whose
 * @gsi:	the request
 * @active:	in osp_irqfds.active; under its lock
 * @link:	there, or in the list of whoever ends it
 * @ctx:	what is signalled
 * @resample:	what is signalled at the interrupt's end, or NULL
 * @resample_link: in osp_irqfds.resampling
 * @wait:	in the queue of @ctx
 * @table:	how it came there
 */
struct irqfd {
	struct osp_irqchip *chip;
	u32 gsi;
	bool active;
	struct list_head link;
	struct eventfd_ctx *ctx;
	struct eventfd_ctx *resample;
	struct list_head resample_link;
	wait_queue_entry_t wait;
	poll_table table;
};

/* ---- a signal ---- */

static void irqfd_raise(struct irqfd *irqfd)
{
	struct osp_irt *irt = &irqfd->chip->irt;

	if (irqfd->resample)
		osp_irt_raise(irt, irqfd->gsi, OSP_IRQ_SOURCE_RESAMPLE, true,
			      false);
	else
		osp_irt_pulse(irt, irqfd->gsi, OSP_IRQ_SOURCE_USER);
}

/* The eventfd is being released, and its wait-queue lock held. */
static void irqfd_closed(struct irqfd *irqfd)
{
	struct osp_irqfds *f = &irqfd->chip->irqfds;

	spin_lock(&f->lock);
	if (irqfd->active) {
		irqfd->active = false;
		list_move(&irqfd->link, &f->dying);
		schedule_work(&f->reap);
	}
	spin_unlock(&f->lock);
}

static int irqfd_wake(wait_queue_entry_t *wait, unsigned int mode, int sync,
		      void *key)
{
	struct irqfd *irqfd = container_of(wait, struct irqfd, wait);
	__poll_t events = key_to_poll(key);
	u64 count;

	if (events & EPOLLIN) {
		eventfd_ctx_do_read(irqfd->ctx, &count);
		irqfd_raise(irqfd);
	}
	if (events & EPOLLHUP)
		irqfd_closed(irqfd);
	/* Taken: nobody else is to be woken for it. */
	return !!(events & EPOLLIN);
}

static void irqfd_queue(struct file *file, wait_queue_head_t *head,
			poll_table *table)
{
	struct irqfd *irqfd = container_of(table, struct irqfd, table);

	add_wait_queue_priority(head, &irqfd->wait);
}

/* ---- the end of an interrupt ---- */

bool osp_irqfds_wants_ack(struct osp_irqfds *f, u32 gsi)
{
	struct irqfd *irqfd;

	list_for_each_entry_rcu(irqfd, &f->resampling, resample_link,
				lockdep_is_held(&f->mutex))
		if (irqfd->gsi == gsi)
			return true;
	return false;
}

void osp_irqfds_ack(struct osp_irqchip *chip, u32 gsi)
{
	struct irqfd *irqfd;

	/* First down, then told: a signal that follows raises it again. */
	osp_irt_raise(&chip->irt, gsi, OSP_IRQ_SOURCE_RESAMPLE, false, false);
	rcu_read_lock();
	list_for_each_entry_rcu(irqfd, &chip->irqfds.resampling, resample_link)
		if (irqfd->gsi == gsi)
			osp_host_eventfd_signal(irqfd->resample);
	rcu_read_unlock();
}

/* ---- ending ---- */

static void irqfd_free(struct irqfd *irqfd)
{
	if (!IS_ERR_OR_NULL(irqfd->resample))
		eventfd_ctx_put(irqfd->resample);
	if (!IS_ERR_OR_NULL(irqfd->ctx))
		eventfd_ctx_put(irqfd->ctx);
	kfree(irqfd);
}

/*
 * End the irqfds in @dead, which are inactive.  f->mutex is held.  Taking one
 * out of its wait queue waits for the signal that is being dealt with.
 */
static void end_all(struct osp_irqfds *f, struct list_head *dead)
{
	struct osp_irqchip *chip = container_of(f, struct osp_irqchip, irqfds);
	struct irqfd *irqfd, *next;
	bool resampled = false;
	u64 count;

	list_for_each_entry(irqfd, dead, link) {
		eventfd_ctx_remove_wait_queue(irqfd->ctx, &irqfd->wait, &count);
		if (!irqfd->resample)
			continue;
		list_del_rcu(&irqfd->resample_link);
		f->nr_resampling--;
		resampled = true;
	}
	if (resampled)
		synchronize_rcu_expedited();
	list_for_each_entry_safe(irqfd, next, dead, link) {
		if (irqfd->resample && !osp_irqfds_wants_ack(f, irqfd->gsi))
			osp_irt_raise(&chip->irt, irqfd->gsi,
				      OSP_IRQ_SOURCE_RESAMPLE, false, false);
		irqfd_free(irqfd);
	}
	if (resampled)
		osp_irqchip_update_listeners(chip);
}

static void reap(struct work_struct *work)
{
	struct osp_irqfds *f = container_of(work, struct osp_irqfds, reap);
	LIST_HEAD(dead);

	mutex_lock(&f->mutex);
	spin_lock_irq(&f->lock);
	list_splice_init(&f->dying, &dead);
	spin_unlock_irq(&f->lock);
	end_all(f, &dead);
	mutex_unlock(&f->mutex);
}

/* End those of @ctx and @gsi; with @ctx NULL, all. */
static void deactivate(struct osp_irqfds *f, const struct eventfd_ctx *ctx,
		       u32 gsi)
{
	struct irqfd *irqfd, *next;
	LIST_HEAD(dead);

	mutex_lock(&f->mutex);
	spin_lock_irq(&f->lock);
	list_for_each_entry_safe(irqfd, next, &f->active, link) {
		if (ctx && (irqfd->ctx != ctx || irqfd->gsi != gsi))
			continue;
		irqfd->active = false;
		list_move(&irqfd->link, &dead);
	}
	spin_unlock_irq(&f->lock);
	end_all(f, &dead);
	mutex_unlock(&f->mutex);
	/* Those whose eventfd was closed a moment ago have an end too. */
	flush_work(&f->reap);
}

void osp_irqfds_stop(struct osp_irqfds *f)
{
	deactivate(f, NULL, 0);
}

static int deassign(struct osp_irqchip *chip, const struct kvm_irqfd *args)
{
	struct eventfd_ctx *ctx = eventfd_ctx_fdget(args->fd);

	if (IS_ERR(ctx))
		return PTR_ERR(ctx);
	if (chip)
		deactivate(&chip->irqfds, ctx, args->gsi);
	eventfd_ctx_put(ctx);
	return 0;
}

/* ---- assigning ---- */

/* f->mutex is held.  Adds it to those that are active, unless it is there. */
static int activate(struct osp_irqfds *f, struct irqfd *new)
{
	struct irqfd *irqfd;
	int ret = 0;

	spin_lock_irq(&f->lock);
	list_for_each_entry(irqfd, &f->active, link)
		if (irqfd->ctx == new->ctx)
			ret = -EBUSY;
	if (!ret) {
		new->active = true;
		list_add_tail(&new->link, &f->active);
	}
	spin_unlock_irq(&f->lock);
	return ret;
}

/*
 * f->mutex and a reference on @file are held: nobody can end the irqfd before
 * it is in the wait queue.  A signal that was there before counts.
 */
static int attach(struct osp_irqfds *f, struct irqfd *irqfd, struct file *file)
{
	int ret;

	if (irqfd->resample && f->nr_resampling >= MAX_RESAMPLING)
		return -ENOSPC;
	ret = activate(f, irqfd);
	if (ret)
		return ret;
	if (irqfd->resample) {
		f->nr_resampling++;
		list_add_rcu(&irqfd->resample_link, &f->resampling);
		osp_irqchip_update_listeners(irqfd->chip);
	}
	init_waitqueue_func_entry(&irqfd->wait, irqfd_wake);
	init_poll_funcptr(&irqfd->table, irqfd_queue);
	if (vfs_poll(file, &irqfd->table) & EPOLLIN)
		irqfd_raise(irqfd);
	return 0;
}

static int assign_file(struct osp_irqchip *chip, const struct kvm_irqfd *args,
		       struct file *file)
{
	struct irqfd *irqfd = kzalloc(sizeof(*irqfd), GFP_KERNEL_ACCOUNT);
	int ret;

	if (!irqfd)
		return -ENOMEM;
	irqfd->chip = chip;
	irqfd->gsi = args->gsi;
	irqfd->ctx = eventfd_ctx_fileget(file);
	ret = PTR_ERR_OR_ZERO(irqfd->ctx);
	if (!ret && (args->flags & KVM_IRQFD_FLAG_RESAMPLE)) {
		irqfd->resample = eventfd_ctx_fdget(args->resamplefd);
		ret = PTR_ERR_OR_ZERO(irqfd->resample);
	}
	if (!ret) {
		mutex_lock(&chip->irqfds.mutex);
		ret = attach(&chip->irqfds, irqfd, file);
		mutex_unlock(&chip->irqfds.mutex);
	}
	if (ret)
		irqfd_free(irqfd);
	return ret;
}

static int assign(struct osp_irqchip *chip, const struct kvm_irqfd *args)
{
	struct file *file;
	int ret;

	if (!chip)
		return -EINVAL;
	/* Its end is seen by the controllers, which are elsewhere. */
	if ((args->flags & KVM_IRQFD_FLAG_RESAMPLE) && chip->split)
		return -EINVAL;
	file = fget(args->fd);
	if (!file)
		return -EBADF;
	ret = assign_file(chip, args, file);
	fput(file);
	return ret;
}

int osp_irqfd(struct osp_irqchip *chip, const struct kvm_irqfd *args)
{
	if (args->flags & ~(KVM_IRQFD_FLAG_DEASSIGN | KVM_IRQFD_FLAG_RESAMPLE))
		return -EINVAL;
	if (memchr_inv(args->pad, 0, sizeof(args->pad)))
		return -EINVAL;
	if (args->flags & KVM_IRQFD_FLAG_DEASSIGN)
		return deassign(chip, args);
	return assign(chip, args);
}

void osp_irqfds_init(struct osp_irqfds *f)
{
	mutex_init(&f->mutex);
	spin_lock_init(&f->lock);
	INIT_LIST_HEAD(&f->active);
	INIT_LIST_HEAD(&f->dying);
	INIT_LIST_HEAD(&f->resampling);
	INIT_WORK(&f->reap, reap);
}
