// SPDX-License-Identifier: GPL-2.0
/*
 * dirty.c - the dirty log: which pages of a slot have been written.
 *
 * Implements KVM_MEM_LOG_DIRTY_PAGES, KVM_GET_DIRTY_LOG, KVM_CLEAR_DIRTY_LOG and
 * KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2.  Owns the slots' bitmaps; how a page is
 * made clean in the EPT, and how a write to it is noticed, is protect.c.  With
 * dirty rings (ring.c) there are no bitmaps, and marks go to the ring of the
 * vCPU that wrote.
 *
 * A mark is set after the write that it tells of, or after the entry that allows
 * it.  It is taken before the page is made clean, which is followed by a flush
 * before userspace learns of it.  So a write that userspace's copy of the page
 * misses has its mark still to be taken.
 *
 * slots_sem is held for write when logging begins and ends, for read while
 * marks are taken.  Bits are set under RCU, taken by atomic operations.
 */
#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "internal.h"
#include "ring.h"

/**
 * struct osp_log - a slot's bitmap.
 * @rcu: frees it after the last who may set a bit.
 * @bits: a bit for each frame of the slot, 1: written.
 */
struct osp_log {
	struct rcu_head rcu;
	unsigned long bits[];
};

/* How many words of a bitmap are dealt with at a time, on the stack. */
#define BATCH_WORDS	64
#define BATCH_FRAMES	(BATCH_WORDS * BITS_PER_LONG)

static bool initially_set(const struct osp_mmu *mmu)
{
	return mmu->manual_protect & KVM_DIRTY_LOG_INITIALLY_SET &&
	       !mmu->ring_size;
}

/**
 * osp_log_alloc() - make the bitmap of a slot that is to log.
 * @mmu: whose; slots_sem is held for write.
 * @slot: its flags say whether it is; nobody else knows it yet.
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int osp_log_alloc(struct osp_mmu *mmu, struct osp_slot *slot)
{
	size_t words = BITS_TO_LONGS(slot->npages);
	struct osp_log *log;

	if (!osp_slot_logs(slot) || mmu->ring_size)
		return 0;
	log = kvzalloc(struct_size(log, bits, words), GFP_KERNEL_ACCOUNT);
	if (!log)
		return -ENOMEM;
	if (initially_set(mmu))
		bitmap_set(log->bits, 0, slot->npages);
	slot->log = log;
	return 0;
}

/**
 * osp_log_free() - free the bitmap of a slot that nobody knows.
 * @slot: may have none.
 */
void osp_log_free(struct osp_slot *slot)
{
	kvfree(slot->log);
	slot->log = NULL;
}

/* slots_sem is held for write.  From now on faults and writes are logged. */
static void count_logged(struct osp_mmu *mmu)
{
	WRITE_ONCE(mmu->protects, true);
	WRITE_ONCE(mmu->nr_logged, mmu->nr_logged + 1);
}

static void discount_logged(struct osp_mmu *mmu)
{
	WRITE_ONCE(mmu->nr_logged, mmu->nr_logged - 1);
}

/**
 * osp_log_begin() - a slot is about to be published.
 * @mmu: whose; slots_sem is held for write.
 * @slot: whose flags say whether it logs; nothing of it is mapped.
 */
void osp_log_begin(struct osp_mmu *mmu, struct osp_slot *slot)
{
	if (osp_slot_logs(slot))
		count_logged(mmu);
}

/**
 * osp_log_end() - a slot is not published any more, and nothing of it is mapped.
 * @mmu: whose; slots_sem is held for write.
 * @slot: the slot.
 */
void osp_log_end(struct osp_mmu *mmu, const struct osp_slot *slot)
{
	if (osp_slot_logs(slot))
		discount_logged(mmu);
}

/**
 * osp_log_release() - free the bitmap of a slot that has been published once.
 * @slot: may have none.
 */
void osp_log_release(struct osp_slot *slot)
{
	struct osp_log *log = slot->log;

	WRITE_ONCE(slot->log, NULL);
	if (log)
		kvfree_rcu(log, rcu);
}

/**
 * osp_log_carry() - a slot takes over what another has in its log.
 * @from: the other; nothing is added to its log any more.
 * @to: not published yet; frames that are in both lead to the same memory.
 */
void osp_log_carry(const struct osp_slot *from, struct osp_slot *to)
{
	unsigned long first, end, bit;
	u64 from_end = from->base_gfn + from->npages;

	if (!from->log || !to->log)
		return;
	first = max(from->base_gfn, to->base_gfn) - from->base_gfn;
	end = min(from_end, to->base_gfn + to->npages) - from->base_gfn;
	for (bit = find_next_bit(from->log->bits, end, first); bit < end;
	     bit = find_next_bit(from->log->bits, end, bit + 1))
		__set_bit(from->base_gfn + bit - to->base_gfn, to->log->bits);
}

/*
 * Faults that know of the slot as it was are told that it has changed: whoever
 * has a page of it in hand begins again.
 */
static void set_log(struct osp_mmu *mmu, struct osp_slot *slot, u32 flags,
		    struct osp_log *log)
{
	write_lock(&mmu->lock);
	WRITE_ONCE(slot->log, log);
	WRITE_ONCE(slot->flags, flags);
	mmu->seq++;
	write_unlock(&mmu->lock);
}

/* What CPUs keep in logs of their own comes into the bitmap. */
static void drain(struct osp_mmu *mmu)
{
	if (mmu->ops->pml)
		mmu->ops->drain(mmu);
}

static int start_log(struct osp_mmu *mmu, struct osp_slot *slot, u32 flags)
{
	struct osp_slot made = { .flags = flags, .npages = slot->npages };

	if (osp_log_alloc(mmu, &made))
		return -ENOMEM;
	/* What CPUs have logged till now is of no interest. */
	drain(mmu);
	count_logged(mmu);
	set_log(mmu, slot, flags, made.log);
	/* What is in the log already need not be noticed. */
	if (!initially_set(mmu))
		osp_protect_range(mmu, slot->base_gfn,
				  slot->base_gfn + slot->npages);
	return 0;
}

static void stop_log(struct osp_mmu *mmu, struct osp_slot *slot, u32 flags)
{
	struct osp_log *log = slot->log;

	set_log(mmu, slot, flags, NULL);
	discount_logged(mmu);
	if (log)
		kvfree_rcu(log, rcu);
	osp_collapse_slot(mmu, slot);
}

/**
 * osp_log_change() - KVM_MEM_LOG_DIRTY_PAGES of a published slot changes.
 * @mmu: whose; slots_sem is held for write.
 * @slot: the slot.
 * @flags: its new flags.
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int osp_log_change(struct osp_mmu *mmu, struct osp_slot *slot, u32 flags)
{
	if (flags & KVM_MEM_LOG_DIRTY_PAGES)
		return start_log(mmu, slot, flags);
	stop_log(mmu, slot, flags);
	return 0;
}

/**
 * osp_log_mark() - a page of a slot has been, or can now be, written.
 * @mmu: whose.
 * @slot: the slot.
 * @gfn: the frame, of @slot.
 *
 * Context: under RCU, or with slots_sem held; in the vCPU's thread; any.
 */
void osp_log_mark(struct osp_mmu *mmu, const struct osp_slot *slot, u64 gfn)
{
	struct osp_log *log;
	struct osp_ring *ring;

	if (!osp_slot_logs(slot))
		return;
	log = READ_ONCE(slot->log);
	/* Never without the barrier, even if the bit is set already. */
	if (log) {
		set_bit(gfn - slot->base_gfn, log->bits);
		return;
	}
	ring = mmu->ops->ring(mmu);
	if (ring)
		osp_ring_push(ring, slot->id, gfn - slot->base_gfn);
}

/**
 * osp_log_written() - the CPU says that the guest has written to a frame.
 * @mmu: whose.
 * @gfn: any frame number.
 *
 * Context: the vCPU's thread; any.
 */
void osp_log_written(struct osp_mmu *mmu, u64 gfn)
{
	struct osp_slot *slot;

	rcu_read_lock();
	slot = osp_slot_find(mmu, gfn);
	if (slot)
		osp_log_mark(mmu, slot, gfn);
	rcu_read_unlock();
}

/* The slot that userspace asks about, with slots_sem held. */
static struct osp_slot *logged_slot(struct osp_mmu *mmu, u32 id)
{
	struct osp_slot *slot = xa_load(&mmu->ids, id);

	return slot && slot->log ? slot : NULL;
}

/*
 * Take the marks of some words, as far as @wanted says, and make the pages
 * clean.  @words: what was taken.  Returns whether a flush has to follow.
 */
static bool take_marks(struct osp_mmu *mmu, struct osp_slot *slot,
		       unsigned long first, unsigned int count,
		       unsigned long *words, bool wanted)
{
	unsigned long *bits = slot->log->bits + first, mask;
	u64 gfn = slot->base_gfn + first * BITS_PER_LONG;
	bool changed = false;
	unsigned int i;

	read_lock(&mmu->lock);
	for (i = 0; i < count; i++, gfn += BITS_PER_LONG) {
		mask = wanted ? words[i] : ~0UL;
		words[i] = 0;
		if (!(READ_ONCE(bits[i]) & mask))
			continue;
		words[i] = mask & atomic_long_fetch_andnot(mask,
						(atomic_long_t *)&bits[i]);
		changed |= osp_protect_mask(mmu, gfn, words[i]);
	}
	read_unlock(&mmu->lock);
	return changed;
}

/* Give back what could not be told. */
static void put_marks(struct osp_slot *slot, unsigned long first,
		      unsigned int count, const unsigned long *words)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		if (words[i])
			atomic_long_or(words[i],
				(atomic_long_t *)&slot->log->bits[first + i]);
}

/* Part by part; returns 0 or -EFAULT, and *@changed if a flush has to follow. */
static int copy_log(struct osp_mmu *mmu, struct osp_slot *slot,
		    unsigned long __user *user, bool *changed)
{
	unsigned long total = BITS_TO_LONGS(slot->npages), at;
	unsigned long words[BATCH_WORDS];
	unsigned int count;

	for (at = 0; at < total; at += count) {
		count = min_t(unsigned long, total - at, BATCH_WORDS);
		if (mmu->manual_protect)
			memcpy(words, slot->log->bits + at,
			       count * sizeof(long));
		else
			*changed |= take_marks(mmu, slot, at, count, words,
					       false);
		if (copy_to_user(user + at, words, count * sizeof(long))) {
			if (!mmu->manual_protect)
				put_marks(slot, at, count, words);
			return -EFAULT;
		}
		cond_resched();
	}
	return 0;
}

static int check_log_args(const struct osp_mmu *mmu, u32 slot)
{
	if (mmu->ring_size)
		return -ENXIO;
	return slot >= OSP_NR_MEMSLOTS ? -EINVAL : 0;
}

/**
 * osp_mmu_get_dirty_log() - KVM_GET_DIRTY_LOG.
 * @mmu: the VM's memory.
 * @log: the slot, and where its bitmap goes to: a multiple of 64 bits.
 *
 * Unless KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE is set, the pages are clean
 * afterwards.
 *
 * Context: process context of the owner, may sleep; not within
 * osp_mmu_hold().
 * Return: 0; -ENXIO with dirty rings; -EINVAL for a bad slot number; -ENOENT if
 * there is no such slot or it doesn't log; -EFAULT.
 */
long osp_mmu_get_dirty_log(struct osp_mmu *mmu, const struct kvm_dirty_log *log)
{
	struct osp_slot *slot;
	bool changed = false;
	long ret;

	ret = check_log_args(mmu, log->slot);
	if (ret)
		return ret;
	if (down_read_killable(&mmu->slots_sem))
		return -EINTR;
	ret = -ENOENT;
	slot = logged_slot(mmu, log->slot);
	if (slot) {
		drain(mmu);
		ret = copy_log(mmu, slot, log->dirty_bitmap, &changed);
	}
	up_read(&mmu->slots_sem);
	if (changed)
		osp_ept_flush(mmu);
	return ret;
}

/* The range is in words of the bitmap, but that the last may be a part. */
static bool range_is_ok(const struct osp_slot *slot,
			const struct kvm_clear_dirty_log *log)
{
	u64 room;

	if (log->first_page > slot->npages)
		return false;
	room = slot->npages - log->first_page;
	return log->num_pages == room ||
	       (log->num_pages < room && !(log->num_pages % BITS_PER_LONG));
}

static int clear_log(struct osp_mmu *mmu, struct osp_slot *slot,
		     const struct kvm_clear_dirty_log *log, bool *changed)
{
	unsigned long __user *user = log->dirty_bitmap;
	unsigned long total = BITS_TO_LONGS((u64)log->num_pages), at;
	unsigned long first = log->first_page / BITS_PER_LONG;
	unsigned long words[BATCH_WORDS];
	unsigned int count;

	for (at = 0; at < total; at += count) {
		count = min_t(unsigned long, total - at, BATCH_WORDS);
		if (copy_from_user(words, user + at, count * sizeof(long)))
			return -EFAULT;
		*changed |= take_marks(mmu, slot, first + at, count, words,
				       true);
		cond_resched();
	}
	return 0;
}

/**
 * osp_mmu_clear_dirty_log() - KVM_CLEAR_DIRTY_LOG.
 * @mmu: the VM's memory.
 * @log: the slot, a range of it in multiples of 64 pages (the end may be the
 *	slot's), and a bitmap of the pages to make clean.
 *
 * Context: process context of the owner, may sleep; not within
 * osp_mmu_hold().
 * Return: 0; -ENXIO with dirty rings; -EINVAL for a bad slot number or range;
 * -ENOENT if there is no such slot or it doesn't log; -EFAULT: a part of the
 * bitmap could not be read; what precedes it has been cleared.
 */
long osp_mmu_clear_dirty_log(struct osp_mmu *mmu,
			     const struct kvm_clear_dirty_log *log)
{
	struct osp_slot *slot;
	bool changed = false;
	long ret;

	ret = check_log_args(mmu, log->slot);
	if (ret)
		return ret;
	if (log->first_page % BITS_PER_LONG)
		return -EINVAL;
	if (down_read_killable(&mmu->slots_sem))
		return -EINTR;
	ret = -ENOENT;
	slot = logged_slot(mmu, log->slot);
	if (slot) {
		ret = -EINVAL;
		if (range_is_ok(slot, log)) {
			drain(mmu);
			ret = clear_log(mmu, slot, log, &changed);
		}
	}
	up_read(&mmu->slots_sem);
	if (changed)
		osp_ept_flush(mmu);
	return ret;
}

/**
 * osp_mmu_manual_protect() - KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2.
 * @mmu: the VM's memory.
 * @flags: KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE, and KVM_DIRTY_LOG_INITIALLY_SET
 *	only with it; or 0.
 *
 * Context: may sleep.
 * Return: 0; -EINVAL for other flags.
 */
long osp_mmu_manual_protect(struct osp_mmu *mmu, u64 flags)
{
	u64 allowed = KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE;

	if (flags & KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE)
		allowed |= KVM_DIRTY_LOG_INITIALLY_SET;
	if (flags & ~allowed)
		return -EINVAL;
	down_write(&mmu->slots_sem);
	mmu->manual_protect = flags;
	up_write(&mmu->slots_sem);
	return 0;
}
