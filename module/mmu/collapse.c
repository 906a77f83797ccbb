// SPDX-License-Identifier: GPL-2.0
/*
 * collapse.c - put small pages together again after dirty logging, in the
 * background.
 *
 * When a slot ends to log, its large pages are split wherever the guest wrote,
 * and lack write access wherever it did not.  The guest can go on so, but pays
 * with TLB misses, memory for tables, and a fault for each page.  A work item of
 * the VM goes through the slot: where the host maps 2 MiB or 1 GiB by one entry, a leaf
 * takes the place of the table, which is freed after a flush; elsewhere the
 * small pages become writable at once.
 *
 * Holds slots_sem for read, for a part of a slot at a time; mmu->lock for write,
 * for a few tables at a time.  Ends with the VM (osp_collapse_stop()), and has
 * nothing to do once the owner's address space is gone.
 */
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/workqueue.h>

#include "internal.h"

/* The mark of slots that have work to be done, in mmu->ids. */
#define LOOSE		XA_MARK_0

/* How much is done with slots_sem held, and with mmu->lock, in frames. */
#define STEP_FRAMES	(512 * OSP_EPT_HUGE_PAGES)
#define LOCK_FRAMES	(8 * OSP_EPT_HUGE_PAGES)

/* The largest page that may lie in the slot around a frame. */
static int highest_level(const struct osp_mmu *mmu,
			 const struct osp_slot *slot, u64 gfn)
{
	unsigned long frame = osp_slot_hva(slot, gfn) / PAGE_SIZE;
	int level = mmu->ops->max_leaf;

	for (; level > 1; level--) {
		u64 pages = osp_level_pages(level);
		u64 base = round_down(gfn, pages);

		if (!((frame ^ gfn) & (pages - 1)) && base >= slot->base_gfn &&
		    base + pages <= slot->base_gfn + slot->npages)
			break;
	}
	return level;
}

/*
 * What the host has there now, if it is a large page.  mmu->lock is held, so that
 * the host takes nothing away meanwhile (notifier.c).
 */
static u64 host_leaf_of(struct osp_mmu *mmu, const struct osp_slot *slot,
			u64 gfn, int *level)
{
	unsigned long hva, size;
	u64 leaf;

	*level = highest_level(mmu, slot, gfn);
	size = osp_level_pages(*level) << PAGE_SHIFT;
	hva = round_down(osp_slot_hva(slot, gfn), size);
	if (*level == 1 || osp_invalidated(mmu, mmu->seq, hva, hva + size))
		return 0;
	leaf = osp_host_leaf(mmu->mm, osp_slot_hva(slot, gfn), level);
	if (*level == 1 || !leaf)
		return 0;
	if (slot->flags & KVM_MEM_READONLY)
		leaf &= ~(OSP_EPT_W | OSP_EPT_HOST_W);
	return leaf | OSP_EPT_A | OSP_EPT_D;
}

/* Are the 2 MiB around a frame all in the slot? */
static bool is_whole(const struct osp_slot *slot, u64 gfn)
{
	u64 base = round_down(gfn, OSP_EPT_HUGE_PAGES);

	return base >= slot->base_gfn &&
	       base + OSP_EPT_HUGE_PAGES <= slot->base_gfn + slot->npages;
}

/*
 * The table that maps the 2 MiB around @gfn, or the leaf in its place.  A table
 * that is not all this slot's is left to faults.
 */
static void collapse_one(struct osp_zap *zap, const struct osp_slot *slot,
			 u64 gfn)
{
	struct osp_mmu *mmu = zap->mmu;
	u64 *entry, leaf;
	int at, level;

	entry = osp_ept_lookup(mmu, gfn, &at);
	if (!entry || (at > 1 && !READ_ONCE(*entry)))
		return;
	leaf = host_leaf_of(mmu, slot, gfn, &level);
	if (leaf && level > at)
		osp_ept_replace(zap, gfn, level, leaf);
	else if (at > 1 && READ_ONCE(*entry) & OSP_EPT_HOST_W)
		set_mask_bits(entry, 0, OSP_EPT_W | OSP_EPT_D);
	else if (at == 1 && is_whole(slot, gfn))
		osp_allow_table(mmu, entry - gfn % OSP_EPT_ENTRIES);
}

/* Returns whether the owner is alive. */
static bool collapse_range(struct osp_mmu *mmu, const struct osp_slot *slot,
			   u64 gfn, u64 end)
{
	struct osp_zap zap = {
		.mmu = mmu, .may_sleep = true,
		.freed = LIST_HEAD_INIT(zap.freed),
	};
	bool alive = true;
	u64 next;

	while (gfn < end && alive) {
		next = min(gfn + LOCK_FRAMES, end);
		write_lock(&mmu->lock);
		alive = !mmu->dead;
		for (; gfn < next && alive; gfn += OSP_EPT_HUGE_PAGES)
			collapse_one(&zap, slot, gfn);
		write_unlock(&mmu->lock);
		cond_resched();
	}
	if (!list_empty(&zap.freed))
		osp_zap_finish(&zap);
	return alive;
}

/* One part of one slot; returns whether there is more to be done. */
static bool step(struct osp_mmu *mmu)
{
	struct osp_slot *slot;
	unsigned long id = 0;
	u64 gfn, end, next;
	bool more;

	down_read(&mmu->slots_sem);
	slot = xa_find(&mmu->ids, &id, ULONG_MAX, LOOSE);
	more = slot;
	if (slot) {
		/* It may have been replaced since by another of the same id. */
		gfn = max(slot->loose, slot->base_gfn);
		end = slot->base_gfn + slot->npages;
		next = min(round_down(gfn, OSP_EPT_HUGE_PAGES) + STEP_FRAMES,
			   end);
		more = osp_slot_logs(slot) ||
		       collapse_range(mmu, slot, gfn, next);
		slot->loose = next;
		if (next == end || osp_slot_logs(slot))
			xa_clear_mark(&mmu->ids, id, LOOSE);
	}
	up_read(&mmu->slots_sem);
	return more;
}

/*
 * The owner's page tables are walked: as a thread of its address space, so that
 * interrupts that are off keep them from being freed (hostmap.c).  Only for a
 * step, as the owner's memory is not given back before.
 */
static bool step_as_owner(struct osp_mmu *mmu)
{
	bool more;

	if (!mmget_not_zero(mmu->mm))
		return false;
	kthread_use_mm(mmu->mm);
	more = step(mmu);
	kthread_unuse_mm(mmu->mm);
	mmput(mmu->mm);
	return more;
}

static void collapse_work(struct work_struct *work)
{
	struct osp_mmu *mmu = container_of(work, struct osp_mmu, collapse);

	while (step_as_owner(mmu))
		cond_resched();
}

/**
 * osp_collapse_init() - there is nothing to be done yet.
 * @mmu: whose.
 */
void osp_collapse_init(struct osp_mmu *mmu)
{
	INIT_WORK(&mmu->collapse, collapse_work);
}

/**
 * osp_collapse_slot() - a slot logs no more.
 * @mmu: whose; slots_sem is held for write.
 * @slot: in mmu->ids.
 */
void osp_collapse_slot(struct osp_mmu *mmu, struct osp_slot *slot)
{
	slot->loose = slot->base_gfn;
	xa_set_mark(&mmu->ids, slot->id, LOOSE);
	queue_work(system_unbound_wq, &mmu->collapse);
}

/**
 * osp_collapse_stop() - the VM ends.
 * @mmu: whose; nobody changes slots any more.
 *
 * Context: may sleep, for as long as one part takes.
 */
void osp_collapse_stop(struct osp_mmu *mmu)
{
	write_lock(&mmu->lock);
	mmu->dead = true;
	write_unlock(&mmu->lock);
	cancel_work_sync(&mmu->collapse);
}
