// SPDX-License-Identifier: GPL-2.0
/*
 * ring.c - dirty rings (KVM_CAP_DIRTY_LOG_RING, KVM_RESET_DIRTY_RINGS): the dirty
 * log as a queue of each vCPU, for guests whose bitmaps would be mostly empty.
 *
 * Owns the rings' memory.  The vCPU's thread pushes, without a lock, as nobody
 * else does.  Userspace takes an entry by setting KVM_DIRTY_GFN_F_RESET in it; a
 * reset, under the VM's lock, makes those pages clean and gives the entries back.
 *
 * Userspace can write to the ring whatever it likes.  How full the ring is, and
 * where it begins, is known to the kernel alone; what an entry says when it comes
 * back is checked, and at worst makes a page clean that userspace has not seen.
 */
#include <linux/bitops.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/vmalloc.h>

#include "internal.h"
#include "ring.h"

/*
 * Room left above the soft limit: what a vCPU may still write before it looks,
 * which is one exit's work, and what its CPU may have logged by then.
 */
#define RESERVED	64

static u32 reserved_of(const struct osp_mmu *mmu)
{
	return RESERVED + (mmu->ops->pml ? OSP_PML_ENTRIES : 0);
}

/**
 * osp_mmu_set_ring_size() - KVM_ENABLE_CAP of KVM_CAP_DIRTY_LOG_RING.
 * @mmu: the VM's memory; there are no vCPUs.
 * @bytes: of each vCPU's ring; a power of 2.
 *
 * Context: under the VM's lock.
 * Return: 0; -EINVAL if it is too small or has been set before; -E2BIG.
 */
long osp_mmu_set_ring_size(struct osp_mmu *mmu, u64 bytes)
{
	u32 size = bytes;	/* as KVM takes it */

	if (!is_power_of_2(size) || size < PAGE_SIZE ||
	    size < reserved_of(mmu) * sizeof(struct kvm_dirty_gfn))
		return -EINVAL;
	if (size > OSP_RING_MAX_BYTES)
		return -E2BIG;
	if (mmu->ring_size)
		return -EINVAL;
	down_write(&mmu->slots_sem);
	mmu->ring_size = size / sizeof(struct kvm_dirty_gfn);
	up_write(&mmu->slots_sem);
	return 0;
}

/**
 * osp_ring_alloc() - make a vCPU's ring, if the VM's vCPUs have one.
 * @ring: zeroed.
 * @mmu: the VM's memory.
 * @requests: where to set a bit when the soft limit is reached.
 * @full: number of the bit.
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int osp_ring_alloc(struct osp_ring *ring, const struct osp_mmu *mmu,
		   unsigned long *requests, unsigned int full)
{
	if (!mmu->ring_size)
		return 0;
	ring->size = mmu->ring_size;
	ring->soft_limit = ring->size - reserved_of(mmu);
	ring->requests = requests;
	ring->full = full;
	ring->entries = __vmalloc(ring->size * sizeof(*ring->entries),
				  GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	return ring->entries ? 0 : -ENOMEM;
}

/**
 * osp_ring_free() - undo osp_ring_alloc().
 * @ring: may have no memory; nobody pushes, and userspace's mapping holds
 *	references to the pages.
 */
void osp_ring_free(struct osp_ring *ring)
{
	vfree(ring->entries);
	ring->entries = NULL;
}

static u32 ring_used(const struct osp_ring *ring)
{
	return READ_ONCE(ring->pushed) - READ_ONCE(ring->reset);
}

/**
 * osp_ring_is_soft_full() - has the vCPU to wait for userspace?
 * @ring: its ring.
 */
bool osp_ring_is_soft_full(const struct osp_ring *ring)
{
	return ring_used(ring) >= ring->soft_limit;
}

static struct kvm_dirty_gfn *entry_at(const struct osp_ring *ring, u32 index)
{
	return &ring->entries[index & (ring->size - 1)];
}

/**
 * osp_ring_push() - a page has been written.
 * @ring: the vCPU's, maybe none.
 * @slot: id of the slot.
 * @offset: the page's number in the slot.
 *
 * There is room: a vCPU looks at the soft limit before each VM entry.
 *
 * Context: the vCPU's thread; any.
 */
void osp_ring_push(struct osp_ring *ring, u32 slot, u64 offset)
{
	struct kvm_dirty_gfn *entry;

	if (!ring->entries || ring_used(ring) >= ring->size)
		return;
	entry = entry_at(ring, ring->pushed);
	WRITE_ONCE(entry->slot, slot);
	WRITE_ONCE(entry->offset, offset);
	/* The entry is complete before userspace may take it. */
	smp_store_release(&entry->flags, KVM_DIRTY_GFN_F_DIRTY);
	WRITE_ONCE(ring->pushed, ring->pushed + 1);
	if (osp_ring_is_soft_full(ring))
		set_bit(ring->full, ring->requests);
}

/**
 * osp_mmu_ring_has_page() - does a page of a vCPU's mapping belong to its ring?
 * @mmu: the VM's memory.
 * @pgoff: the page, from the beginning of the vCPU's mapping.
 */
bool osp_mmu_ring_has_page(const struct osp_mmu *mmu, unsigned long pgoff)
{
	unsigned long bytes = mmu->ring_size * sizeof(struct kvm_dirty_gfn);

	return pgoff >= KVM_DIRTY_LOG_PAGE_OFFSET &&
	       pgoff - KVM_DIRTY_LOG_PAGE_OFFSET < bytes / PAGE_SIZE;
}

/**
 * osp_ring_page() - a page of a ring, to be mapped.
 * @ring: has memory.
 * @index: its number, from the beginning of the ring; in range.
 */
struct page *osp_ring_page(const struct osp_ring *ring, unsigned long index)
{
	return vmalloc_to_page((void *)ring->entries + index * PAGE_SIZE);
}

/**
 * struct run - frames that came back one near the other.
 * @slot: id of the slot.
 * @first: offset of the frame of bit 0.
 * @mask: which of them; 0: none yet.
 */
struct run {
	u32 slot;
	u64 first;
	unsigned long mask;
};

/* Can the frame be told by the same mask?  Then it is. */
static bool add_to_run(struct run *run, u32 slot, u64 offset)
{
	u64 down = run->first - offset;

	if (!run->mask || slot != run->slot)
		return false;
	if (offset - run->first < BITS_PER_LONG) {
		run->mask |= BIT(offset - run->first);
		return true;
	}
	if (down < BITS_PER_LONG && run->mask << down >> down == run->mask) {
		run->mask = run->mask << down | 1;
		run->first = offset;
		return true;
	}
	return false;
}

/* Make the frames of a run clean; userspace may have made them up. */
static bool clean_run(struct osp_mmu *mmu, const struct run *run)
{
	struct osp_slot *slot;
	bool changed;

	if (!run->mask)
		return false;
	slot = xa_load(&mmu->ids, run->slot);
	if (!slot || !osp_slot_logs(slot) || run->first >= slot->npages ||
	    __fls(run->mask) >= slot->npages - run->first)
		return false;
	read_lock(&mmu->lock);
	changed = osp_protect_mask(mmu, slot->base_gfn + run->first, run->mask);
	read_unlock(&mmu->lock);
	return changed;
}

/* Returns how many entries came back.  slots_sem is held. */
static unsigned int take_back(struct osp_mmu *mmu, struct osp_ring *ring,
			      bool *changed)
{
	u32 end = READ_ONCE(ring->pushed), taken = 0;
	struct run run = { };

	while (ring->reset != end) {
		struct kvm_dirty_gfn *entry = entry_at(ring, ring->reset);
		u32 slot;
		u64 offset;

		/* What userspace read there, and then gave back. */
		if (!(smp_load_acquire(&entry->flags) & KVM_DIRTY_GFN_F_RESET))
			break;
		slot = READ_ONCE(entry->slot);
		offset = READ_ONCE(entry->offset);
		WRITE_ONCE(entry->flags, 0);
		/* Free for the vCPU once it has been read. */
		smp_store_release(&ring->reset, ring->reset + 1);
		taken++;
		if (add_to_run(&run, slot, offset))
			continue;
		*changed |= clean_run(mmu, &run);
		run = (struct run){ slot, offset, 1 };
		cond_resched();
	}
	*changed |= clean_run(mmu, &run);
	return taken;
}

/**
 * osp_ring_reset() - make the pages that userspace has taken note of clean.
 * @mmu: the VM's memory.
 * @ring: of one of its vCPUs.
 *
 * Context: under the VM's lock, may sleep; not within osp_mmu_hold().
 * Return: how many entries the vCPU got back.
 */
unsigned int osp_ring_reset(struct osp_mmu *mmu, struct osp_ring *ring)
{
	bool changed = false;
	unsigned int taken;

	down_read(&mmu->slots_sem);
	taken = take_back(mmu, ring, &changed);
	up_read(&mmu->slots_sem);
	if (changed)
		osp_ept_flush(mmu);
	return taken;
}
