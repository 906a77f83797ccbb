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
 * marks are taken, a part at a time: not while userspace's bitmap is touched,
 * for which the host may have to bring pages in.  Bits are set under RCU, taken
 * by atomic operations.
 */
#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
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

/**
 * struct part - a part of a bitmap that userspace gets, or has cleared.
 * @mmu: whose.
 * @id: the slot's.
 * @npages: the slot's, when the ioctl began.
 * @at: the part's first word.
 * @count: how many words.
 * @changed: a flush has to follow.
 * @words: the part.
 */
struct part {
	struct osp_mmu *mmu;
	u32 id;
	u64 npages;
	unsigned long at;
	unsigned int count;
	bool changed;
	unsigned long words[BATCH_WORDS];
};

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
	osp_slots_changed(mmu);
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

/*
 * Begin: what has been written until now is in the log.  @log says which part of
 * the slot is to be cleared, NULL: it is only asked for.  Returns 0, -ENOENT or
 * -EINVAL.
 */
static int begin(struct part *p, const struct kvm_clear_dirty_log *log)
{
	struct osp_slot *slot;
	int ret = -ENOENT;

	if (down_read_killable(&p->mmu->slots_sem))
		return -EINTR;
	slot = logged_slot(p->mmu, p->id);
	if (slot)
		ret = !log || range_is_ok(slot, log) ? 0 : -EINVAL;
	if (!ret) {
		p->npages = slot->npages;
		drain(p->mmu);
	}
	up_read(&p->mmu->slots_sem);
	return ret;
}

/*
 * Take the marks of a part, as far as @wanted its words say, and make the pages
 * clean.  The words become what was taken.
 */
static void take_marks(struct part *p, struct osp_slot *slot, bool wanted)
{
	unsigned long *bits = slot->log->bits + p->at, mask;
	u64 gfn = slot->base_gfn + p->at * BITS_PER_LONG;
	unsigned long *word = p->words;
	unsigned int i;

	read_lock(&p->mmu->lock);
	for (i = 0; i < p->count; i++, word++, gfn += BITS_PER_LONG) {
		mask = wanted ? *word : ~0UL;
		*word = 0;
		if (!(READ_ONCE(bits[i]) & mask))
			continue;
		*word = mask & atomic_long_fetch_andnot(mask,
						(atomic_long_t *)&bits[i]);
		p->changed |= osp_protect_mask(p->mmu, gfn, *word);
	}
	read_unlock(&p->mmu->lock);
}

/* Give back what could not be told. */
static void put_marks(struct part *p, struct osp_slot *slot)
{
	unsigned int i;

	for (i = 0; i < p->count; i++)
		if (p->words[i])
			atomic_long_or(p->words[i],
				(atomic_long_t *)&slot->log->bits[p->at + i]);
}

static void look_at_marks(struct part *p, struct osp_slot *slot)
{
	memcpy(p->words, slot->log->bits + p->at, p->count * sizeof(long));
}

static void take_all(struct part *p, struct osp_slot *slot)
{
	take_marks(p, slot, false);
}

static void take_wanted(struct part *p, struct osp_slot *slot)
{
	take_marks(p, slot, true);
}

/*
 * Do a step with the slot held.  -ENOENT: it went, or became another, since the
 * ioctl began.
 */
static int with_slot(struct part *p,
		     void (*step)(struct part *p, struct osp_slot *slot))
{
	struct osp_slot *slot;
	int ret = -ENOENT;

	down_read(&p->mmu->slots_sem);
	slot = logged_slot(p->mmu, p->id);
	if (slot && slot->npages == p->npages) {
		step(p, slot);
		ret = 0;
	}
	up_read(&p->mmu->slots_sem);
	return ret;
}

/* Part by part.  What could be told before an error has been told. */
static int copy_log(struct part *p, unsigned long __user *user)
{
	unsigned long end = BITS_TO_LONGS(p->npages);
	bool manual = p->mmu->manual_protect;
	int ret;

	for (p->at = 0; p->at < end; p->at += p->count) {
		p->count = min_t(unsigned long, end - p->at, BATCH_WORDS);
		ret = with_slot(p, manual ? look_at_marks : take_all);
		if (ret)
			return ret;
		if (copy_to_user(user + p->at, p->words,
				 p->count * sizeof(long))) {
			if (!manual)
				with_slot(p, put_marks);
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
 * there is no such slot or it doesn't log; -EFAULT; -EINTR if the thread is
 * killed.
 */
long osp_mmu_get_dirty_log(struct osp_mmu *mmu, const struct kvm_dirty_log *log)
{
	struct part p = { .mmu = mmu, .id = log->slot };
	long ret;

	ret = check_log_args(mmu, log->slot);
	if (!ret)
		ret = begin(&p, NULL);
	if (!ret)
		ret = copy_log(&p, log->dirty_bitmap);
	if (p.changed)
		osp_ept_flush(mmu);
	return ret;
}

static int clear_log(struct part *p, const struct kvm_clear_dirty_log *log)
{
	unsigned long __user *user = log->dirty_bitmap;
	unsigned long first = log->first_page / BITS_PER_LONG;
	unsigned long total = BITS_TO_LONGS((u64)log->num_pages), at;
	int ret;

	/* All of it can be read, or nothing is cleared. */
	if (fault_in_readable((char __user *)user, total * sizeof(long)))
		return -EFAULT;
	for (at = 0; at < total; at += p->count) {
		p->at = first + at;
		p->count = min_t(unsigned long, total - at, BATCH_WORDS);
		if (copy_from_user(p->words, user + at,
				   p->count * sizeof(long)))
			return -EFAULT;
		ret = with_slot(p, take_wanted);
		if (ret)
			return ret;
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
 * bitmap can't be read, and nothing has been cleared (unless another thread
 * unmaps it meanwhile); -EINTR if the thread is killed.
 */
long osp_mmu_clear_dirty_log(struct osp_mmu *mmu,
			     const struct kvm_clear_dirty_log *log)
{
	struct part p = { .mmu = mmu, .id = log->slot };
	long ret;

	ret = check_log_args(mmu, log->slot);
	if (!ret && log->first_page % BITS_PER_LONG)
		ret = -EINVAL;
	if (!ret)
		ret = begin(&p, log);
	if (!ret)
		ret = clear_log(&p, log);
	if (p.changed)
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
