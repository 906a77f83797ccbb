// SPDX-License-Identifier: GPL-2.0
/*
 * protect.c - write access for the dirty log's sake: take it away, and give it
 * back with the log being told.
 *
 * A page of a slot that logs is either in the log or can't be written unseen.
 * Unseen means: the leaf has OSP_EPT_W, and, on a CPU with page-modification
 * logging (SDM 3C 29.3.6), OSP_EPT_D too.  So a page is made clean by clearing
 * OSP_EPT_W, or there OSP_EPT_D of a small page.  Large pages stay as they are
 * for reads; they always lose OSP_EPT_W, as a dirty flag would stand for all
 * that they map.  The first write to a part splits one: a table of 512 entries
 * is made from the leaf, without asking the host again.
 *
 * All under mmu->lock held for read, with atomic operations on the entries, so
 * that it goes on beside other faults.  The order is what keeps writes from
 * being lost.  Here OSP_EPT_W is set first and the page marked then; dirty.c
 * takes the mark first and clears OSP_EPT_W then.  So an entry with OSP_EPT_W has
 * its mark, or will have it before the fault is over; if the mark was taken in
 * between, all writes by that entry are older than the flush that follows.
 */
#include <linux/bitops.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>

#include "internal.h"

static bool protect_leaf(const struct osp_mmu *mmu, u64 *entry, int level)
{
	u64 bit = level == 1 && mmu->ops->pml ? OSP_EPT_D : OSP_EPT_W;

	if (!(READ_ONCE(*entry) & bit))
		return false;
	clear_bit(ilog2(bit), (unsigned long *)entry);
	return true;
}

/* How many frames from @gfn on are answered for by what a look-up found. */
static u64 room_at(u64 gfn, int level)
{
	u64 span = osp_level_pages(max(level, 2));

	return span - (gfn & (span - 1));
}

/**
 * osp_protect_mask() - make some of 64 frames clean.
 * @mmu: whose; mmu->lock is held.
 * @gfn: the frame of bit 0.
 * @mask: which ones.
 *
 * Return: whether a flush has to follow.
 */
bool osp_protect_mask(struct osp_mmu *mmu, u64 gfn, unsigned long mask)
{
	bool changed = false;

	while (mask) {
		unsigned int first = __ffs(mask), end;
		int level;
		u64 *entry = osp_ept_lookup(mmu, gfn + first, &level);

		if (!entry)
			break;
		end = min_t(u64, first + room_at(gfn + first, level),
			    BITS_PER_LONG);
		if (level > 1) {
			changed |= protect_leaf(mmu, entry, level);
			mask &= ~GENMASK(end - 1, first);
			continue;
		}
		for (; mask && __ffs(mask) < end; mask &= mask - 1)
			changed |= protect_leaf(mmu, &entry[__ffs(mask) - first],
						1);
	}
	return changed;
}

static bool protect_frames(struct osp_mmu *mmu, u64 gfn, u64 end)
{
	bool changed = false;

	while (gfn < end) {
		int level;
		u64 *entry = osp_ept_lookup(mmu, gfn, &level);
		u64 next;

		if (!entry)
			break;
		next = min(gfn + room_at(gfn, level), end);
		if (level > 1)
			changed |= protect_leaf(mmu, entry, level);
		else
			for (; gfn < next; gfn++, entry++)
				changed |= protect_leaf(mmu, entry, 1);
		gfn = next;
	}
	return changed;
}

/* How many frames are protected before others get the lock. */
#define PROTECT_BATCH	(64 * OSP_EPT_ENTRIES)

/**
 * osp_protect_range() - make a range clean.
 * @mmu: whose.
 * @gfn: first frame.
 * @end: the frame after the last.
 *
 * When it returns, no CPU writes there unseen.
 *
 * Context: may sleep; mmu->lock not held.
 */
void osp_protect_range(struct osp_mmu *mmu, u64 gfn, u64 end)
{
	bool changed = false;
	u64 next;

	for (; gfn < end; gfn = next) {
		next = min(gfn + PROTECT_BATCH, end);
		read_lock(&mmu->lock);
		changed |= protect_frames(mmu, gfn, next);
		read_unlock(&mmu->lock);
		cond_resched();
	}
	if (changed)
		osp_ept_flush(mmu);
}

/**
 * osp_allow_table() - logging is over: give write access back to small pages.
 * @mmu: whose; mmu->lock is held.
 * @table: of level 1; all its frames are in one slot.
 *
 * Nothing is to be flushed: a CPU that has cached less finds out by a fault.
 */
void osp_allow_table(struct osp_mmu *mmu, u64 *table)
{
	unsigned int i;

	for (i = 0; i < OSP_EPT_ENTRIES; i++) {
		u64 old = READ_ONCE(table[i]);

		while ((old & OSP_EPT_HOST_W) &&
		       (old & (OSP_EPT_W | OSP_EPT_D)) !=
		       (OSP_EPT_W | OSP_EPT_D) &&
		       !try_cmpxchg64(&table[i], &old,
				      old | OSP_EPT_W | OSP_EPT_D))
			;
	}
}

/* What the parts of a large leaf are; the CPU may log each, so none is dirty. */
static void fill_split(const struct osp_mmu *mmu, u64 *table, u64 leaf,
		       int level)
{
	u64 part = leaf & ~(OSP_EPT_W | OSP_EPT_D);
	unsigned int i;

	if (level == 2) {
		part &= ~OSP_EPT_LEAF;
		if (mmu->ops->pml && (leaf & OSP_EPT_HOST_W))
			part |= OSP_EPT_W;
	}
	for (i = 0; i < OSP_EPT_ENTRIES; i++)
		table[i] = part + i * osp_level_pages(level - 1) * PAGE_SIZE;
}

/*
 * Replace a large leaf by a table that maps the same.  No flush: what CPUs have
 * cached of the leaf is as good.  Returns -EAGAIN if the stash is to be filled.
 */
static int split(struct osp_mmu *mmu, u64 *entry, int level,
		 struct osp_stash *stash)
{
	u64 old = READ_ONCE(*entry);
	struct page *page;

	page = stash ? osp_stash_take(stash) : NULL;
	if (!page)
		return -EAGAIN;
	fill_split(mmu, page_address(page), old, level);
	do {
		/* Only flags that the CPU sets may have changed. */
		if ((old & OSP_EPT_W) || !(old & OSP_EPT_LEAF)) {
			clear_page(page_address(page));
			list_add(&page->lru, &stash->tables);
			return 0;
		}
	} while (!try_cmpxchg64(entry, &old,
				page_to_phys(page) | OSP_EPT_RWX));
	return 0;
}

/* The page of level 1, or without a log of any level, becomes writable. */
static int allow(struct osp_mmu *mmu, const struct osp_slot *slot, u64 gfn,
		 u64 *entry)
{
	bool logs = osp_slot_logs(slot), cpu_tells = logs && mmu->ops->pml;
	u64 old = READ_ONCE(*entry), new;

	do {
		/* Another vCPU was here first. */
		if (old & OSP_EPT_W)
			return 1;
		new = old | OSP_EPT_W | OSP_EPT_A | OSP_EPT_D;
		if (cpu_tells)
			new &= ~OSP_EPT_D;
	} while (!try_cmpxchg64(entry, &old, new));
	if (logs && !cpu_tells)
		osp_log_mark(mmu, slot, gfn);
	return 1;
}

/*
 * mmu->lock is held for read.  Returns 1 if the CPU can write now, 0 if it is
 * not for the log's sake that it couldn't, -EAGAIN for a table.
 */
static int resolve(struct osp_mmu *mmu, u64 gfn, struct osp_stash *stash)
{
	struct osp_slot *slot = osp_slot_find(mmu, gfn);
	int level, ret;
	u64 *entry;

	if (!slot)
		return 0;
	for (;;) {
		entry = osp_ept_lookup(mmu, gfn, &level);
		if (!entry || !(READ_ONCE(*entry) & OSP_EPT_HOST_W))
			return 0;
		if (level == 1 || !osp_slot_logs(slot))
			return allow(mmu, slot, gfn, entry);
		if (READ_ONCE(*entry) & OSP_EPT_W)
			return 1;
		ret = split(mmu, entry, level, stash);
		if (ret)
			return ret;
	}
}

/**
 * osp_log_fault_fast() - a write to a page that is protected for the log's sake,
 *	if that can be settled at once.
 * @mmu: the VM's memory.
 * @gpa: the guest-physical address.
 *
 * Context: the vCPU's thread, any context; interrupts may be off.
 * Return: true if the CPU can write now; false if osp_ept_fault() has to see.
 */
bool osp_log_fault_fast(struct osp_mmu *mmu, u64 gpa)
{
	int ret;

	if (!READ_ONCE(mmu->protects) || !read_trylock(&mmu->lock))
		return false;
	rcu_read_lock();
	ret = resolve(mmu, gpa >> PAGE_SHIFT, NULL);
	rcu_read_unlock();
	read_unlock(&mmu->lock);
	return ret == 1;
}

/**
 * osp_log_fault() - the same, and a large page is split if need be.
 * @mmu: the VM's memory.
 * @gfn: the frame that the guest wrote to.
 *
 * Context: the vCPU's thread, may sleep; mmu->lock not held.
 * Return: 1: the CPU can write now; 0: it is protected for another reason, or
 * not mapped; -ENOMEM.
 */
int osp_log_fault(struct osp_mmu *mmu, u64 gfn)
{
	struct osp_stash stash = {
		.tables = LIST_HEAD_INIT(stash.tables),
	};
	int ret;

	do {
		read_lock(&mmu->lock);
		rcu_read_lock();
		ret = mmu->dead ? 0 : resolve(mmu, gfn, &stash);
		rcu_read_unlock();
		read_unlock(&mmu->lock);
	} while (ret == -EAGAIN && !(ret = osp_stash_fill(mmu, &stash)));
	if (!list_empty(&stash.tables))
		osp_stash_drain(mmu, &stash);
	return ret;
}
