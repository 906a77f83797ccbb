// SPDX-License-Identifier: GPL-2.0
/*
 * ept.c - EPT violations: give the guest the memory that it touched.
 *
 * A fault goes in three steps.  Look the slot up, under RCU (the common case)
 * or under slots_sem.  Get the host's page: first those that the host has
 * mapped already, with neighbours, by a walk of its page tables without locks;
 * only if there is none, let the host fault it in, which may sleep for as long
 * as the host likes.  Then fill in the EPT under mmu->lock, unless an
 * invalidation or a change of the slots overtook us; in that case begin again.
 * Once the entry is in place the page's reference is given back: the MMU
 * notifier takes the entry out before the page goes (notifier.c).
 *
 * A page mapped writable is marked dirty when it is mapped.  That is early
 * enough, and late enough: whenever the host cleans a page it announces an
 * invalidation, so the guest's next write is a new fault.
 *
 * Filling in an entry, or adding a right, needs no flush: an EPT violation
 * itself drops what the CPU cached for the address (SDM 3C 29.4.3.1), and CPUs
 * do not cache entries that are not present.
 */
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>

#include "../host.h"
#include "internal.h"

/*
 * How many frames a fault maps at most, all in one aligned group of so many:
 * those that the host has mapped already cost little beside another exit.
 */
#define FAULT_AROUND	16

/* Internal verdicts, beside OSP_FAULT_* and errors. */
#define FAULT_AGAIN	2	/* overtaken: begin again */
#define FAULT_ABSENT	3	/* the host has no such page mapped now */

/* How often a fault that was overtaken begins again before the guest does. */
#define FAULT_TRIES	4

/**
 * struct fault - an EPT violation that is being resolved.
 * @mmu: whose.
 * @gfn: the frame that the guest touched.
 * @write: the guest wrote.
 * @seq: mmu->seq before the slot was looked up.
 * @hva: host virtual address of the frame.
 * @count: how many frames from @gfn on may be mapped, at most FAULT_AROUND.
 * @writable: the slot is.
 */
struct fault {
	struct osp_mmu *mmu;
	u64 gfn;
	bool write;
	unsigned long seq;
	unsigned long hva;
	unsigned int count;
	bool writable;
};

/*
 * Copy out what the fault needs to know of the slot; the caller keeps it from
 * being freed meanwhile.  Returns 0, or OSP_FAULT_MMIO where no slot takes the
 * access.
 */
static int find_slot(struct fault *f)
{
	unsigned int group = FAULT_AROUND - f->gfn % FAULT_AROUND;
	struct osp_slot *slot;

	f->seq = READ_ONCE(f->mmu->seq);
	/* Pairs with the release of mmu->lock by whoever changes seq. */
	smp_rmb();
	slot = osp_slot_find(f->mmu, f->gfn);
	if (!slot)
		return OSP_FAULT_MMIO;
	f->writable = !(slot->flags & KVM_MEM_READONLY);
	if (f->write && !f->writable)
		return OSP_FAULT_MMIO;
	f->hva = osp_slot_hva(slot, f->gfn);
	f->count = min_t(u64, group, slot->base_gfn + slot->npages - f->gfn);
	return 0;
}

/* Memory of ours is write-back whatever the guest says; other is uncached. */
static u64 leaf_of(u64 pfn, bool ram, bool writable)
{
	u64 leaf = pfn << PAGE_SHIFT | OSP_EPT_R | OSP_EPT_X;

	leaf |= ram ? OSP_EPT_MT_WB | OSP_EPT_IPAT : OSP_EPT_MT_UC;
	return writable ? leaf | OSP_EPT_W : leaf;
}

/* Fill in one entry, or add rights to it.  -ESTALE: it maps another page. */
static int fill_entry(u64 *entry, u64 leaf)
{
	u64 old = READ_ONCE(*entry);

	do {
		if (old & OSP_EPT_RWX) {
			if ((old ^ leaf) & OSP_EPT_ADDR)
				return -ESTALE;
			/* Another vCPU was here first, or it was spurious. */
			if (!(leaf & ~old & OSP_EPT_W))
				return 0;
		}
	} while (!try_cmpxchg64(entry, &old, leaf | (old & (OSP_EPT_A |
							    OSP_EPT_D))));
	return 0;
}

/*
 * The entry of the frame that was touched is born accessed and, if written,
 * dirty: the CPU is about to set the flags anyway.  A neighbour is not; but
 * without flags for EPT, accessed stands for mapped (notifier.c).
 */
static int fill_entries(struct fault *f, const u64 *leaves, unsigned int n,
			u64 *entry)
{
	u64 born = OSP_EPT_A | (f->write ? OSP_EPT_D : 0);
	u64 around = f->mmu->ops->ept_ad ? 0 : OSP_EPT_A;
	unsigned int i;

	for (i = 1; i < n; i++)
		fill_entry(&entry[i], leaves[i] | around);
	return fill_entry(entry, leaves[0] | born);
}

/* Returns -EAGAIN if the stash is to be filled. */
static int map_locked(struct fault *f, const u64 *leaves, unsigned int n,
		      struct osp_stash *stash)
{
	struct osp_mmu *mmu = f->mmu;
	u64 *entry;

	lockdep_assert_held_read(&mmu->lock);
	if (mmu->dead)
		return -EIO;
	if (osp_invalidated(mmu, f->seq, f->hva, f->hva + PAGE_SIZE))
		return FAULT_AGAIN;
	if (n > 1 && osp_invalidated(mmu, f->seq, f->hva,
				     f->hva + n * PAGE_SIZE))
		n = 1;
	entry = osp_ept_entry(mmu, f->gfn, 1, stash);
	if (!entry)
		return -EAGAIN;
	return fill_entries(f, leaves, n, entry);
}

/*
 * Map @n frames from f->gfn on, which share a table of level 1.  Returns 0,
 * FAULT_AGAIN or an error.
 */
static int map(struct fault *f, const u64 *leaves, unsigned int n)
{
	struct osp_stash stash = {
		.tables = LIST_HEAD_INIT(stash.tables),
	};
	struct osp_mmu *mmu = f->mmu;
	int ret;

	for (;;) {
		read_lock(&mmu->lock);
		ret = map_locked(f, leaves, n, &stash);
		read_unlock(&mmu->lock);
		if (ret != -EAGAIN)
			break;
		ret = osp_stash_fill(mmu, &stash);
		if (ret)
			break;
	}
	osp_stash_drain(mmu, &stash);
	/* No correct host brings this about; get over it all the same. */
	if (ret == -ESTALE) {
		osp_zap_gfns(mmu, f->gfn, f->gfn + 1);
		return FAULT_AGAIN;
	}
	return ret;
}

/* A page that the guest can write is dirty, see above. */
static void mark_dirty(struct page *page)
{
	if (!PageDirty(page) && !PageReserved(page))
		SetPageDirty(page);
}

/* Map pages that we hold references to, and give those back. */
static int map_pages(struct fault *f, struct page **pages, unsigned int n,
		     bool writable)
{
	u64 leaves[FAULT_AROUND];
	unsigned int i;
	int ret;

	for (i = 0; i < n; i++) {
		leaves[i] = leaf_of(page_to_pfn(pages[i]), true, writable);
		if (writable)
			mark_dirty(pages[i]);
	}
	ret = map(f, leaves, n);
	for (i = 0; i < n; i++)
		put_page(pages[i]);
	return ret;
}

/*
 * Map what the host has mapped already: writable if the host has it so, even
 * if the guest only reads, as it saves the fault of a later write.
 */
static int map_present(struct fault *f)
{
	struct page *pages[FAULT_AROUND];
	int n = 0;

	if (f->writable)
		n = get_user_pages_fast_only(f->hva, f->count, FOLL_WRITE,
					     pages);
	if (n > 0)
		return map_pages(f, pages, n, true);
	if (!f->write)
		n = get_user_pages_fast_only(f->hva, f->count, 0, pages);
	if (n > 0)
		return map_pages(f, pages, n, false);
	return FAULT_ABSENT;
}

/* Memory without struct page behind it, or that must not be referenced. */
static int map_pfn(struct fault *f)
{
	u64 pfn, leaf;
	bool writable;
	int ret;

	ret = osp_host_pfn(f->hva, f->write, &pfn, &writable);
	if (ret)
		return ret;
	leaf = leaf_of(pfn, page_is_ram(pfn), writable && f->writable);
	return map(f, &leaf, 1);
}

static int fault_error(struct fault *f, int error)
{
	if (error == -EHWPOISON)
		send_sig_mceerr(BUS_MCEERR_AR, (void __user *)f->hva,
				PAGE_SHIFT, current);
	return error == -ERESTARTSYS ? -EINTR : error;
}

/*
 * Let the host bring the page in.  slots_sem makes sure that the slot's memory
 * is not touched any more once its deletion has returned.
 */
static int map_absent(struct fault *f)
{
	struct page *page;
	int ret;

	down_read(&f->mmu->slots_sem);
	ret = find_slot(f);
	if (!ret) {
		ret = osp_host_page(f->hva, f->write, &page);
		if (!ret)
			ret = map_pages(f, &page, 1, f->write);
		else if (ret == -EFAULT)
			ret = map_pfn(f);
	}
	up_read(&f->mmu->slots_sem);
	return ret < 0 ? fault_error(f, ret) : ret;
}

static int fault_once(struct fault *f)
{
	int ret;

	rcu_read_lock();
	ret = find_slot(f);
	rcu_read_unlock();
	if (!ret)
		ret = map_present(f);
	if (ret == FAULT_ABSENT)
		ret = map_absent(f);
	return ret;
}

/**
 * osp_ept_fault() - resolve an EPT violation.
 * @mmu: the VM's memory.
 * @gpa: the guest-physical address, of the VMCS field.
 * @access: OSP_ACCESS_*, bits 2:0 of the exit qualification.
 *
 * Context: process context of the owner with preemption on, may sleep for as
 * long as the host needs for a page; not within osp_mmu_hold().
 * Return: OSP_FAULT_FIXED: enter the guest again (the fault may be repeated, if
 * the host changed the mapping meanwhile).  OSP_FAULT_MMIO: no memory takes
 * this access: none is there, or it is read-only and the guest wrote.
 * -EFAULT: the owner has nothing mapped there, or it may not be accessed so.
 * -EHWPOISON: the page is broken; SIGBUS has been sent to the current thread.
 * -EINTR: a signal ended the wait for the page.  -EIO: not the owner's address
 * space.  -ENOMEM.
 */
int osp_ept_fault(struct osp_mmu *mmu, u64 gpa, unsigned int access)
{
	struct fault f = {
		.mmu = mmu,
		.gfn = gpa >> PAGE_SHIFT,
		.write = access & OSP_ACCESS_WRITE,
	};
	int tries, ret;

	if (current->mm != mmu->mm)
		return -EIO;
	for (tries = 0; tries < FAULT_TRIES; tries++) {
		ret = fault_once(&f);
		if (ret != FAULT_AGAIN)
			return ret;
		cond_resched();
	}
	return OSP_FAULT_FIXED;
}
