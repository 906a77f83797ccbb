// SPDX-License-Identifier: GPL-2.0
/*
 * table.c - the extended page table as a data structure: find an entry, fill
 * it in, empty a range, age a range (SDM 3C 29.3).
 *
 * Owns the tables' pages.  Entries are filled in under mmu->lock held for
 * read, by compare-exchange, so faults of different vCPUs go on in parallel;
 * entries are emptied and tables unlinked with the lock held for write.  What
 * a CPU may still see through its caches is freed after a flush, never before.
 */
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/sched.h>

#include "internal.h"

static unsigned int level_index(u64 gfn, int level)
{
	return (gfn >> ((level - 1) * OSP_EPT_BITS)) & (OSP_EPT_ENTRIES - 1);
}

static bool is_present(u64 entry)
{
	return entry & OSP_EPT_RWX;
}

static bool is_leaf(u64 entry, int level)
{
	return level == 1 || (entry & OSP_EPT_LEAF);
}

static u64 *child_of(u64 entry)
{
	return phys_to_virt(entry & OSP_EPT_ADDR);
}

/* Charged to the VM's owner, and shown as SecPageTables in /proc/meminfo. */
static struct page *alloc_table(struct osp_mmu *mmu)
{
	struct page *page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);

	if (!page)
		return NULL;
	mod_lruvec_page_state(page, NR_SECONDARY_PAGETABLE, 1);
	atomic_long_inc(&mmu->nr_tables);
	return page;
}

static void free_table(struct osp_mmu *mmu, struct page *page)
{
	mod_lruvec_page_state(page, NR_SECONDARY_PAGETABLE, -1);
	atomic_long_dec(&mmu->nr_tables);
	__free_page(page);
}

/* Free a table and all below it; at most OSP_EPT_LEVELS deep. */
static void free_tree(struct osp_mmu *mmu, u64 *table, int level,
		      bool may_sleep)
{
	unsigned int i;

	for (i = 0; level > 1 && i < OSP_EPT_ENTRIES; i++)
		if (is_present(table[i]) && !is_leaf(table[i], level))
			free_tree(mmu, child_of(table[i]), level - 1,
				  may_sleep);
	if (level > 1 && may_sleep)
		cond_resched();
	free_table(mmu, virt_to_page(table));
}

/**
 * osp_ept_new_root() - make an empty EPT.
 * @mmu: whose.
 *
 * Context: may sleep.
 * Return: its top-level table, or NULL without memory.
 */
u64 *osp_ept_new_root(struct osp_mmu *mmu)
{
	struct page *page = alloc_table(mmu);

	return page ? page_address(page) : NULL;
}

/**
 * osp_ept_free_root() - free an EPT that no CPU uses any more.
 * @mmu: whose.
 * @root: what osp_ept_new_root() gave.
 *
 * Context: may sleep.
 */
void osp_ept_free_root(struct osp_mmu *mmu, u64 *root)
{
	free_tree(mmu, root, OSP_EPT_LEVELS, true);
}

/**
 * osp_stash_fill() - allocate a table for a mapping to take.
 * @mmu: whose.
 * @stash: where to; it is empty.
 *
 * One at a time: to allocate and clear one costs more than a fault does, and
 * most mappings lack none, or the lowest one only.  Whoever needs another comes
 * again, as what it has taken is linked already.
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int osp_stash_fill(struct osp_mmu *mmu, struct osp_stash *stash)
{
	struct page *page = alloc_table(mmu);

	if (!page)
		return -ENOMEM;
	list_add(&page->lru, &stash->tables);
	return 0;
}

/**
 * osp_stash_drain() - give back the tables that were not needed.
 * @mmu: whose.
 * @stash: empty afterwards.
 */
void osp_stash_drain(struct osp_mmu *mmu, struct osp_stash *stash)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, &stash->tables, lru) {
		list_del(&page->lru);
		free_table(mmu, page);
	}
}

/**
 * osp_stash_take() - take a table out.
 * @stash: where from.
 *
 * Return: a zeroed page, or NULL if there is none.
 */
struct page *osp_stash_take(struct osp_stash *stash)
{
	struct page *page = list_first_entry_or_null(&stash->tables,
						     struct page, lru);

	if (page)
		list_del(&page->lru);
	return page;
}

/*
 * Link a table from the stash into an empty entry, unless another vCPU has
 * just done so.  Returns the entry's value, or 0 if the stash is empty.
 */
static u64 link_table(u64 *entry, struct osp_stash *stash)
{
	struct page *page;
	u64 old = 0, new;

	if (list_empty(&stash->tables))
		return 0;
	page = list_first_entry(&stash->tables, struct page, lru);
	new = page_to_phys(page) | OSP_EPT_RWX;
	if (!try_cmpxchg64(entry, &old, new))
		return old;
	list_del(&page->lru);
	return new;
}

/*
 * The entry for a frame at level @last, or the one of a higher level at which
 * the tables end.  *@at becomes its level.
 */
static __always_inline u64 *walk_tables(u64 *table, u64 gfn, int last, int *at)
{
	int level;

	/* Unrolled, shifts and masks are constants. */
#pragma GCC unroll 4
	for (level = OSP_EPT_LEVELS; level > 0; level--) {
		u64 *entry = &table[level_index(gfn, level)];
		u64 value;

		*at = level;
		if (level == last)
			return entry;
		value = READ_ONCE(*entry);
		if (!is_present(value) || is_leaf(value, level))
			return entry;
		table = child_of(value);
	}
	unreachable();
}

/* The rest of osp_ept_entry(): go on from an entry of level @at, above *@level. */
static noinline u64 *grow_tables(u64 *entry, int at, u64 gfn, int *level,
				 struct osp_stash *stash)
{
	while (at > *level) {
		u64 value = READ_ONCE(*entry);

		if (!is_present(value))
			value = link_table(entry, stash);
		if (!value)
			return NULL;
		if (is_leaf(value, at))
			break;
		entry = &child_of(value)[level_index(gfn, --at)];
	}
	*level = at;
	return entry;
}

/**
 * osp_ept_entry() - the entry that maps a frame at a level; tables above it
 *	are made as needed.
 * @mmu: whose; mmu->lock is held.
 * @gfn: the frame, below OSP_EPT_END.
 * @level: 1 to OSP_EPT_LEVELS; becomes that of the entry found, which is a
 *	higher one if a leaf is in the way.
 * @stash: tables to take from.
 *
 * Return: the entry, or NULL if the stash is empty: unlock, fill it, and try
 * again.
 */
u64 *osp_ept_entry(struct osp_mmu *mmu, u64 gfn, int *level,
		   struct osp_stash *stash)
{
	int at;
	u64 *entry = walk_tables(mmu->root, gfn, *level, &at);

	if (likely(at == *level))
		return entry;
	return grow_tables(entry, at, gfn, level, stash);
}

/**
 * osp_ept_lookup() - the entry at which a frame's translation ends.
 * @mmu: whose; mmu->lock is held.
 * @gfn: any frame number.
 * @level: result: where the entry is.
 *
 * Return: a leaf, or an empty entry; of level 1 with all its neighbours, which
 * may be present if it is not.  NULL if nothing can be mapped there.
 */
u64 *osp_ept_lookup(struct osp_mmu *mmu, u64 gfn, int *level)
{
	if (!mmu->root || gfn >= OSP_EPT_END)
		return NULL;
	return walk_tables(mmu->root, gfn, 1, level);
}

/* The CPU may go on using an unlinked table until it is flushed. */
static void replace_entry(struct osp_zap *zap, u64 *entry, int level, u64 new)
{
	u64 old = *entry;

	WRITE_ONCE(*entry, new);
	zap->mmu->zapped++;
	if (!is_leaf(old, level)) {
		struct page *page = virt_to_page(child_of(old));

		set_page_private(page, level - 1);
		list_add(&page->lru, &zap->freed);
	}
}

static bool zap_wants_break(struct osp_zap *zap)
{
	return zap->may_sleep &&
	       (need_resched() || rwlock_needbreak(&zap->mmu->lock));
}

/*
 * Empty what one table maps of the range.  A table that lies in the range as a
 * whole is unlinked as a whole.  Returns false if it stopped early, which it
 * does only after a table of level 1, so each call gets on.
 */
static bool zap_table(struct osp_zap *zap, u64 *table, int level)
{
	u64 pages = osp_level_pages(level);
	unsigned int i = level_index(zap->gfn, level);

	for (; i < OSP_EPT_ENTRIES && zap->gfn < zap->end; i++) {
		u64 base = zap->gfn & ~(pages - 1);
		u64 entry = READ_ONCE(table[i]);

		if (is_present(entry)) {
			bool whole = zap->gfn == base &&
				     zap->end - base >= pages;

			if (!whole && !is_leaf(entry, level)) {
				if (!zap_table(zap, child_of(entry), level - 1))
					return false;
				continue;
			}
			replace_entry(zap, &table[i], level, 0);
		}
		zap->gfn = base + pages;
	}
	return level > 1 || zap->gfn >= zap->end || !zap_wants_break(zap);
}

/**
 * osp_ept_zap() - empty a range of the EPT.
 * @zap: the range; zap->gfn advances.  mmu->lock is held for write.
 *
 * If it may sleep it returns early when someone waits for this CPU or for the
 * lock; let go of the lock, then call it again.
 *
 * Leaves above level 1 go as a whole even if only a part is in the range: they
 * are faulted in again.  Follow it by osp_zap_finish() without the lock.
 *
 * Return: whether the range is done.
 */
bool osp_ept_zap(struct osp_zap *zap)
{
	zap->end = min(zap->end, OSP_EPT_END);
	if (!zap->mmu->root || zap->gfn >= zap->end)
		return true;
	return zap_table(zap, zap->mmu->root, OSP_EPT_LEVELS);
}

/**
 * osp_ept_replace() - a leaf takes the place of a table that maps the same.
 * @zap: where the table goes to; mmu->lock is held for write.
 * @gfn: a frame that it maps.
 * @level: of the leaf.
 * @leaf: its value.
 *
 * Follow it by osp_zap_finish() without the lock.
 */
void osp_ept_replace(struct osp_zap *zap, u64 gfn, int level, u64 leaf)
{
	struct osp_stash none = {
		.tables = LIST_HEAD_INIT(none.tables),
	};
	int at = level;
	u64 *entry = osp_ept_entry(zap->mmu, gfn, &at, &none);

	if (entry && at == level && is_present(*entry) &&
	    !is_leaf(*entry, level))
		replace_entry(zap, entry, level, leaf);
}

/**
 * osp_ept_flush() - no CPU has a translation cached that is older than the call.
 * @mmu: whose.
 *
 * Context: as of ops->flush().
 */
void osp_ept_flush(struct osp_mmu *mmu)
{
	/*
	 * A CPU that is not among those to flush yet puts itself there before
	 * it walks the EPT; it then has to see our changes.
	 */
	smp_mb();
	mmu->ops->flush(mmu);
	atomic_long_inc(&mmu->flushes);
}

/*
 * Return when no CPU has a translation cached that was zapped before the
 * call, by us or by another thread whose flush may still be under way.
 */
static void flush_zapped(struct osp_mmu *mmu)
{
	u64 zapped = READ_ONCE(mmu->zapped);
	s64 flushed = atomic64_read_acquire(&mmu->flushed);

	if ((u64)flushed >= zapped)
		return;
	osp_ept_flush(mmu);
	while ((u64)flushed < zapped &&
	       !atomic64_try_cmpxchg(&mmu->flushed, &flushed, zapped))
		;
}

/**
 * osp_zap_finish() - make sure that what was zapped is out of use, and free it.
 * @zap: what osp_ept_zap() worked on, once or more often.
 *
 * To be called even if this range had nothing to zap: another thread may have
 * zapped it just before and not flushed yet.
 *
 * Context: mmu->lock not held; sleeps only if @zap may.
 */
void osp_zap_finish(struct osp_zap *zap)
{
	struct page *page, *next;

	flush_zapped(zap->mmu);
	list_for_each_entry_safe(page, next, &zap->freed, lru) {
		int level = page_private(page);

		list_del(&page->lru);
		set_page_private(page, 0);
		free_tree(zap->mmu, page_address(page), level, zap->may_sleep);
	}
}

/**
 * osp_zap_gfns() - take a range of guest memory out of use, and tell faults
 *	under way that what they know of it is stale.
 * @mmu: whose.
 * @gfn: first frame.
 * @end: the frame after the last.
 *
 * Context: may sleep; mmu->lock not held.
 */
void osp_zap_gfns(struct osp_mmu *mmu, u64 gfn, u64 end)
{
	struct osp_zap zap = {
		.mmu = mmu, .gfn = gfn, .end = end, .may_sleep = true,
		.freed = LIST_HEAD_INIT(zap.freed),
	};

	write_lock(&mmu->lock);
	mmu->seq++;
	while (!osp_ept_zap(&zap)) {
		write_unlock(&mmu->lock);
		cond_resched();
		write_lock(&mmu->lock);
	}
	write_unlock(&mmu->lock);
	osp_zap_finish(&zap);
}

static bool age_table(u64 *table, int level, u64 gfn, u64 end, bool clear)
{
	u64 pages = osp_level_pages(level);
	unsigned int i = level_index(gfn, level);
	bool young = false;

	for (; i < OSP_EPT_ENTRIES && gfn < end; i++) {
		u64 entry = READ_ONCE(table[i]);

		if (is_present(entry) && !is_leaf(entry, level)) {
			young |= age_table(child_of(entry), level - 1, gfn,
					   end, clear);
		} else if (is_present(entry) && (entry & OSP_EPT_A)) {
			young = true;
			if (clear)
				clear_bit(ilog2(OSP_EPT_A),
					  (unsigned long *)&table[i]);
		}
		gfn = (gfn & ~(pages - 1)) + pages;
	}
	return young;
}

/**
 * osp_ept_age() - has the guest used a range since it was last asked?
 * @mmu: whose; mmu->lock is held, the CPU has accessed flags for EPT.
 * @gfn: first frame.
 * @end: the frame after the last.
 * @clear: start a new period.
 *
 * A CPU that has the translation cached sets the flag again only after its
 * next walk; ageing is a hint, and no flush is spent on it.
 *
 * Return: whether an accessed flag was set.
 */
bool osp_ept_age(struct osp_mmu *mmu, u64 gfn, u64 end, bool clear)
{
	end = min(end, OSP_EPT_END);
	if (!mmu->root || gfn >= end)
		return false;
	return age_table(mmu->root, OSP_EPT_LEVELS, gfn, end, clear);
}
