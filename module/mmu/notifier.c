// SPDX-License-Identifier: GPL-2.0
/*
 * notifier.c - what the host does to the memory behind a VM (MMU notifier).
 *
 * The host may swap a page out, migrate it, merge it, make it copy-on-write or
 * unmap it at any time.  Before it touches its own page tables it announces
 * the range (invalidate_range_start) and afterwards it says so
 * (invalidate_range_end).  In between, nothing in the range may be mapped for
 * the guest; at the start, what is mapped is taken out, so the page is out of
 * every CPU's reach before the host lets go of it.  Faults look host pages up
 * with no lock held and prove with osp_invalidated(), under mmu->lock, that no
 * announcement came in between.
 *
 * Callbacks run in whatever task touches the owner's address space, in process
 * context; they take mmu->lock only.
 */
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/wait.h>
#include <linux/wait_bit.h>

#include "internal.h"

/* Memory that exists, counting what waits for its notifier's end. */
static atomic_t nr_alive = ATOMIC_INIT(0);

static struct osp_mmu *mmu_of(struct mmu_notifier *notifier)
{
	return container_of(notifier, struct osp_mmu, notifier);
}

/**
 * osp_invalidated() - did the host, or a change of slots, overtake a fault?
 * @mmu: mmu->lock is held.
 * @seq: mmu->seq as read before the slot and the host page were looked up.
 * @hva: first host virtual address that was looked up.
 * @end: the address after the last.
 *
 * Return: true if the fault must not use what it found.
 */
bool osp_invalidated(const struct osp_mmu *mmu, unsigned long seq,
		     unsigned long hva, unsigned long end)
{
	if (mmu->seq != seq)
		return true;
	return mmu->invalidating && hva < mmu->inval_end &&
	       end > mmu->inval_start;
}

/* The frames that a slot has behind a range of host virtual addresses. */
static void slot_frames(const struct osp_slot *slot, unsigned long start,
			unsigned long last, u64 *gfn, u64 *end)
{
	unsigned long base = slot->hva_node.start;

	start = max(start, base);
	last = min(last, slot->hva_node.last);
	*gfn = slot->base_gfn + ((start - base) >> PAGE_SHIFT);
	*end = slot->base_gfn + ((last - base) >> PAGE_SHIFT) + 1;
}

#define for_each_slot_at(slot, mmu, start, last)			\
	for (struct interval_tree_node *_node =				\
		interval_tree_iter_first(&(mmu)->hvas, start, last);	\
	     _node &&							\
	     (slot = container_of(_node, struct osp_slot, hva_node));	\
	     _node = interval_tree_iter_next(_node, start, last))

/* Returns false if it stopped early; @zap then begins again at the start. */
static bool zap_slots_at(struct osp_zap *zap, unsigned long start,
			 unsigned long last)
{
	struct osp_slot *slot;

	for_each_slot_at(slot, zap->mmu, start, last) {
		slot_frames(slot, start, last, &zap->gfn, &zap->end);
		if (!osp_ept_zap(zap))
			return false;
	}
	return true;
}

/*
 * Take a range of host memory out of the guest's reach.  When it has to let go
 * of the lock it begins at the first slot again, as slots may have changed; it
 * gets to its end, as what was emptied can't be filled before the invalidation
 * ends, and skipping what is empty is quick.
 */
static void zap_hvas(struct osp_zap *zap, unsigned long start,
		     unsigned long last)
{
	struct osp_mmu *mmu = zap->mmu;

	while (!zap_slots_at(zap, start, last)) {
		write_unlock(&mmu->lock);
		cond_resched();
		write_lock(&mmu->lock);
	}
}

/**
 * osp_faults_bar() - from here on nothing in a range gets mapped.
 * @mmu: mmu->lock is held for write.
 * @start: first host virtual address.
 * @end: the address after the last.
 *
 * May be nested; each call is to be followed by osp_faults_allow().
 */
void osp_faults_bar(struct osp_mmu *mmu, unsigned long start, unsigned long end)
{
	if (!mmu->invalidating++) {
		mmu->inval_start = start;
		mmu->inval_end = end;
	} else {
		mmu->inval_start = min(mmu->inval_start, start);
		mmu->inval_end = max(mmu->inval_end, end);
	}
}

/**
 * osp_faults_allow() - end what osp_faults_bar() began.
 * @mmu: mmu->lock is not held.
 *
 * Faults that were under way begin again, and those that waited go on.
 */
void osp_faults_allow(struct osp_mmu *mmu)
{
	write_lock(&mmu->lock);
	mmu->seq++;
	mmu->invalidating--;
	write_unlock(&mmu->lock);
	if (wq_has_sleeper(&mmu->changed))
		wake_up_all(&mmu->changed);
}

static int invalidate_range_start(struct mmu_notifier *notifier,
				  const struct mmu_notifier_range *range)
{
	struct osp_mmu *mmu = mmu_of(notifier);
	struct osp_zap zap = {
		.mmu = mmu,
		.may_sleep = mmu_notifier_range_blockable(range),
		.freed = LIST_HEAD_INIT(zap.freed),
	};

	write_lock(&mmu->lock);
	osp_faults_bar(mmu, range->start, range->end);
	zap_hvas(&zap, range->start, range->end - 1);
	write_unlock(&mmu->lock);
	osp_zap_finish(&zap);
	return 0;
}

/*
 * Counted even where no slot lies in the range: one may have been made since
 * the start, and a fault on it found a page that the host was taking away.
 */
static void invalidate_range_end(struct mmu_notifier *notifier,
				 const struct mmu_notifier_range *range)
{
	osp_faults_allow(mmu_of(notifier));
}

static bool age_hvas(struct osp_mmu *mmu, unsigned long start,
		     unsigned long end, bool clear)
{
	struct osp_slot *slot;
	bool young = false;
	u64 gfn, gfn_end;

	read_lock(&mmu->lock);
	for_each_slot_at(slot, mmu, start, end - 1) {
		slot_frames(slot, start, end - 1, &gfn, &gfn_end);
		young |= osp_ept_age(mmu, gfn, gfn_end, clear);
	}
	read_unlock(&mmu->lock);
	return young;
}

/*
 * Without accessed flags, a page is young if it is mapped, and a new period
 * begins by unmapping it: the guest's next access is a fault.
 */
static bool unmap_young(struct osp_mmu *mmu, unsigned long start,
			unsigned long end)
{
	struct osp_zap zap = {
		.mmu = mmu,
		.freed = LIST_HEAD_INIT(zap.freed),
	};
	u64 zapped;

	write_lock(&mmu->lock);
	zapped = mmu->zapped;
	zap_hvas(&zap, start, end - 1);
	zapped = mmu->zapped - zapped;
	write_unlock(&mmu->lock);
	osp_zap_finish(&zap);
	return zapped;
}

static int clear_young(struct mmu_notifier *notifier, struct mm_struct *mm,
		       unsigned long start, unsigned long end)
{
	struct osp_mmu *mmu = mmu_of(notifier);

	return mmu->ops->ept_ad ? age_hvas(mmu, start, end, true) :
				  unmap_young(mmu, start, end);
}

static int test_young(struct mmu_notifier *notifier, struct mm_struct *mm,
		      unsigned long address)
{
	return age_hvas(mmu_of(notifier), address, address + 1, false);
}

/* The owner's address space ends, by exit or exec. */
static void release(struct mmu_notifier *notifier, struct mm_struct *mm)
{
	struct osp_mmu *mmu = mmu_of(notifier);

	write_lock(&mmu->lock);
	mmu->dead = true;
	write_unlock(&mmu->lock);
	osp_zap_gfns(mmu, 0, OSP_EPT_END);
}

/*
 * The notifier is out of use.  Called back from SRCU with bottom halves off,
 * so that osp_mmu_exit() can tell when this code has been left.
 */
static void free_notifier(struct mmu_notifier *notifier)
{
	struct osp_mmu *mmu = mmu_of(notifier);

	mmu->ops->freed(mmu);
	if (atomic_dec_and_test(&nr_alive))
		wake_up_var(&nr_alive);
}

/*
 * Linux 6.1 also tells of the page that KSM or copy-on-write puts in the place
 * of another (change_pte), within an invalidation that has emptied the entry
 * by then.  The next access is a fault anyway, and 6.12 has no such callback.
 */
static const struct mmu_notifier_ops notifier_ops = {
	.release = release,
	.clear_flush_young = clear_young,
	.clear_young = clear_young,
	.test_young = test_young,
	.invalidate_range_start = invalidate_range_start,
	.invalidate_range_end = invalidate_range_end,
	.free_notifier = free_notifier,
};

/**
 * osp_notifier_register() - be told what happens to the current address space.
 * @mmu: complete; callbacks may come before this returns.
 *
 * Context: process context of the owner, may sleep.
 * Return: 0, -ENOMEM, or -EINTR if a signal is pending.
 */
int osp_notifier_register(struct osp_mmu *mmu)
{
	int ret;

	mmu->notifier.ops = &notifier_ops;
	ret = mmu_notifier_register(&mmu->notifier, mmu->mm);
	if (!ret)
		atomic_inc(&nr_alive);
	return ret;
}

/**
 * osp_mmu_exit() - wait until the last VM's memory is really gone.
 *
 * For the module's exit: osp_mmu_destroy() does not wait for the callbacks
 * that may still be running.
 *
 * Context: may sleep.
 */
void osp_mmu_exit(void)
{
	wait_var_event(&nr_alive, !atomic_read(&nr_alive));
	/* The callback that woke us is a reader until it has returned. */
	synchronize_rcu();
}
