// SPDX-License-Identifier: GPL-2.0
/*
 * device.c - a page of the kernel's in guest-physical memory, where no slot is.
 *
 * The guest's accesses go to it without a VM exit, and without the host's page
 * tables: the MMU notifier has nothing to do with it.  There is one such page,
 * of which only the address counts: the APIC-access page (vmx/apicv.c).
 *
 * slots_sem is held for read while the page is mapped, so that no slot comes
 * there meanwhile; a slot that comes later has it taken out (slots.c).
 */
#include <linux/mm.h>

#include "internal.h"

/* mmu->lock is held for read.  Returns -EAGAIN if the stash is to be filled. */
static int map_locked(struct osp_mmu *mmu, u64 gfn, u64 leaf,
		      struct osp_stash *stash)
{
	int level = 1;
	u64 *entry, old = 0;

	if (mmu->dead)
		return -EIO;
	entry = osp_ept_entry(mmu, gfn, &level, stash);
	if (!entry)
		return -EAGAIN;
	if (level > 1)
		return 0;
	/* Another vCPU may have been here first. */
	if (!try_cmpxchg64(entry, &old, leaf))
		return (old & OSP_EPT_ADDR) == (leaf & OSP_EPT_ADDR);
	return 1;
}

/* slots_sem is held. */
static int map_page(struct osp_mmu *mmu, u64 gfn, u64 leaf,
		    const atomic_t *barred)
{
	struct osp_stash stash = {
		.tables = LIST_HEAD_INIT(stash.tables),
	};
	int ret;

	do {
		read_lock(&mmu->lock);
		ret = atomic_read(barred) ? 0 :
		      map_locked(mmu, gfn, leaf, &stash);
		read_unlock(&mmu->lock);
	} while (ret == -EAGAIN && !(ret = osp_stash_fill(mmu, &stash)));
	osp_stash_drain(mmu, &stash);
	return ret;
}

/**
 * osp_mmu_map_page() - map the kernel's page
 * @mmu: the VM's memory.
 * @gpa: where to, in the range that the EPT can map; always the same.
 * @page: physical address of the page; it lives as long as the VM.
 * @barred: not while this is not zero.
 *
 * Whoever makes @barred non-zero calls osp_mmu_unmap_page() after that, and
 * then the page is not mapped until it is zero again.
 *
 * Context: process context of the owner, may sleep; not within
 * osp_mmu_hold().
 * Return: 1: it is mapped; 0: it is barred, or there is a slot; -EINTR, -EIO,
 * -ENOMEM.
 */
int osp_mmu_map_page(struct osp_mmu *mmu, u64 gpa, u64 page,
		     const atomic_t *barred)
{
	u64 gfn = gpa >> PAGE_SHIFT;
	int ret = 0;

	if (atomic_read(barred))
		return 0;
	if (down_read_interruptible(&mmu->slots_sem))
		return -EINTR;
	if (!osp_slot_find(mmu, gfn)) {
		mmu->device_gfn = gfn;
		ret = map_page(mmu, gfn, page | OSP_EPT_R | OSP_EPT_W |
			       OSP_EPT_MT_WB | OSP_EPT_IPAT | OSP_EPT_A |
			       OSP_EPT_D, barred);
	}
	up_read(&mmu->slots_sem);
	return ret;
}

/**
 * osp_mmu_unmap_page() - take the page out again; no vCPU reaches it afterwards
 * @mmu: the VM's memory.
 * @gpa: where it is, or may be.
 *
 * Context: may sleep.
 */
void osp_mmu_unmap_page(struct osp_mmu *mmu, u64 gpa)
{
	osp_zap_gfns(mmu, gpa >> PAGE_SHIFT, (gpa >> PAGE_SHIFT) + 1);
}
