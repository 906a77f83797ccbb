// SPDX-License-Identifier: GPL-2.0
/*
 * ept.c - EPT violations: give the guest the memory that it touched.
 *
 * A fault goes in three steps.  Look the slot up, under RCU.  See what the host
 * has mapped there (hostmap.c), also for the neighbours; only if that is not
 * enough, let the host fault the page in, which may sleep for as long as the
 * host likes and so is done with no lock held, and then look again.  Then fill in
 * the EPT under mmu->lock, unless an invalidation or a change of the slots
 * overtook us; in that case begin again.  No reference to a page is
 * ever held: the MMU notifier takes the entry out before the page goes
 * (notifier.c).
 *
 * Filling in an entry, or adding a right, needs no flush: an EPT violation
 * itself drops what the CPU cached for the address (SDM 3C 29.4.3.1), and CPUs
 * do not cache entries that are not present.
 */
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/wait.h>

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
 * @seq: mmu->seq before the host's page tables were looked at.
 * @gen: mmu->slots_gen before the slot was looked up.
 * @slot: the slot that it is in.
 * @hva: host virtual address of the frame.
 * @first: the first frame to map; @gfn is one of them.
 * @count: how many, at most FAULT_AROUND.
 * @level: the level of the entry to map @gfn by.
 */
struct fault {
	struct osp_mmu *mmu;
	u64 gfn;
	bool write;
	unsigned long seq;
	u64 gen;
	struct osp_slot_cache *slot;
	unsigned long hva;
	u64 first;
	unsigned int count;
	int level;
};

static bool slot_logs(const struct fault *f)
{
	return f->slot->flags & KVM_MEM_LOG_DIRTY_PAGES;
}

static bool slot_is_writable(const struct fault *f)
{
	return !(f->slot->flags & KVM_MEM_READONLY);
}

static unsigned long hva_of(const struct fault *f, u64 gfn)
{
	return f->hva + (gfn - f->gfn) * PAGE_SIZE;
}

/* From here on, what is found out about the host counts for this fault. */
static void begin(struct fault *f)
{
	f->seq = READ_ONCE(f->mmu->seq);
	/* Pairs with osp_slots_changed(): who sees its seq sees its gen. */
	smp_rmb();
	f->gen = READ_ONCE(f->mmu->slots_gen);
	/*
	 * Pairs with the release of mmu->lock by whoever changes seq, and with
	 * the barriers of whoever changes slots_gen.
	 */
	smp_rmb();
}

/*
 * No slot takes the access; but if the slots are just being changed, that was
 * never so: some were gone already and others not there yet.
 */
static int not_memory(const struct fault *f)
{
	/* Pairs with the barriers of whoever changes slots_gen. */
	smp_rmb();
	if (f->gen & 1 || READ_ONCE(f->mmu->slots_gen) != f->gen)
		return FAULT_AGAIN;
	return OSP_FAULT_MMIO;
}

/*
 * The frames around the one that was touched: those of its group that are in
 * the slot, and whose entries are in one table of the host.
 */
static void choose_group(struct fault *f)
{
	u64 first = round_down(f->gfn, FAULT_AROUND);
	u64 end = first + FAULT_AROUND;
	u64 room = (f->hva & ~PMD_MASK) / PAGE_SIZE;

	first = max3(first, f->slot->base_gfn, f->gfn - min(room, f->gfn));
	end = min3(end, f->slot->base_gfn + f->slot->npages,
		   f->gfn - room + PTRS_PER_PTE);
	f->first = first;
	f->count = end - first;
}

/*
 * Is all that an entry of a level would map in the slot, and do guest and host
 * addresses agree in their place within it?
 */
static bool fits(const struct fault *f, int level)
{
	u64 pages = osp_level_pages(level);
	u64 first = round_down(f->gfn, pages);

	return !((f->hva / PAGE_SIZE ^ f->gfn) & (pages - 1)) &&
	       first >= f->slot->base_gfn &&
	       first + pages <= f->slot->base_gfn + f->slot->npages;
}

/* The leaf for the frame, of the highest level that host and slot allow. */
static u64 host_leaf(struct fault *f)
{
	u64 leaf;

	for (f->level = f->mmu->ops->max_leaf; ; f->level--) {
		leaf = osp_host_leaf(f->mmu->mm, f->hva, &f->level);
		if (f->level == 1 || fits(f, f->level))
			return leaf;
	}
}

static bool is_in_slot(const struct fault *f)
{
	return f->gfn - f->slot->base_gfn < f->slot->npages;
}

/* Copy out what faults need to know of the slot, if there is one. */
static void read_slot(const struct fault *f)
{
	struct osp_slot_cache *to = f->slot;
	struct osp_slot *slot;

	rcu_read_lock();
	slot = osp_slot_find(f->mmu, f->gfn);
	to->npages = slot ? slot->npages : 0;
	if (slot) {
		to->gen = f->gen;
		to->base_gfn = slot->base_gfn;
		to->hva = slot->hva_node.start;
		to->flags = READ_ONCE(slot->flags);
	}
	rcu_read_unlock();
}

/* Returns 0, OSP_FAULT_MMIO where no slot takes the access, or FAULT_AGAIN. */
static int find_slot(struct fault *f)
{
	begin(f);
	if (f->slot->gen != f->gen || !is_in_slot(f))
		read_slot(f);
	if (!is_in_slot(f) || (f->write && !slot_is_writable(f)))
		return not_memory(f);
	f->hva = f->slot->hva + (f->gfn - f->slot->base_gfn) * PAGE_SIZE;
	return 0;
}

/*
 * Fill in one entry, or add rights to it.  -ESTALE: it maps something else.
 * @born: flags that it has from the beginning.
 */
static int fill_entry(u64 *entry, u64 leaf, u64 born)
{
	u64 old = READ_ONCE(*entry), new;

	do {
		if (old & OSP_EPT_RWX) {
			if ((old ^ leaf) & (OSP_EPT_ADDR | OSP_EPT_LEAF))
				return -ESTALE;
			/* Another vCPU was here first, or it was spurious. */
			if (!(leaf & ~old & (OSP_EPT_W | OSP_EPT_HOST_W)))
				return 0;
		}
		new = leaf | born | (old & OSP_EPT_A);
	} while (!try_cmpxchg64(entry, &old, new));
	return 0;
}

/*
 * Pages are born dirty, so that the CPU need not set the flag, nor log that it
 * does; only where it shall log it they are not (protect.c).
 */
static u64 born_flags(const struct fault *f)
{
	return slot_logs(f) && f->mmu->ops->pml ? 0 : OSP_EPT_D;
}

/*
 * The frame that was touched is born accessed, too.  Neighbours are not accessed
 * yet; but without flags for EPT, accessed stands for mapped (notifier.c).
 */
static int fill_group(const struct fault *f, const u64 *leaves, u64 *entry)
{
	u64 born = born_flags(f) | (f->mmu->ops->ept_ad ? 0 : OSP_EPT_A);
	unsigned int i, touched = f->gfn - f->first;

	for (i = 0; i < f->count; i++)
		if (leaves[i] && i != touched && !READ_ONCE(entry[i]))
			fill_entry(&entry[i], leaves[i], born);
	return fill_entry(&entry[touched], leaves[touched],
			  born_flags(f) | OSP_EPT_A);
}

/* A leaf of a higher level than asked for is there; is that enough? */
static int met_leaf(const struct fault *f, const u64 *entry)
{
	return f->write && !(READ_ONCE(*entry) & OSP_EPT_HOST_W) ? -ESTALE : 0;
}

/* Returns -EAGAIN if the stash is to be filled. */
static int map_group(struct fault *f, const u64 *leaves,
		     struct osp_stash *stash)
{
	struct osp_mmu *mmu = f->mmu;
	unsigned long hva = hva_of(f, f->first);
	int level = 1;
	u64 *entry;

	if (osp_invalidated(mmu, f->seq, hva, hva + f->count * PAGE_SIZE))
		return FAULT_AGAIN;
	entry = osp_ept_entry(mmu, f->first, &level, stash);
	if (!entry)
		return -EAGAIN;
	if (level > 1)
		return met_leaf(f, entry);
	return fill_group(f, leaves, entry);
}

/* The same for one leaf of f->level, above level 1. */
static int map_huge(struct fault *f, u64 leaf, struct osp_stash *stash)
{
	unsigned long size = osp_level_pages(f->level) << PAGE_SHIFT;
	unsigned long hva = round_down(f->hva, size);
	int level = f->level;
	u64 *entry;

	if (osp_invalidated(f->mmu, f->seq, hva, hva + size))
		return FAULT_AGAIN;
	entry = osp_ept_entry(f->mmu, f->gfn, &level, stash);
	if (!entry)
		return -EAGAIN;
	if (level > f->level)
		return met_leaf(f, entry);
	return fill_entry(entry, leaf, born_flags(f) | OSP_EPT_A);
}

static int map_locked(struct fault *f, const u64 *leaves,
		      struct osp_stash *stash)
{
	struct osp_mmu *mmu = f->mmu;
	int ret;

	read_lock(&mmu->lock);
	if (mmu->dead)
		ret = -EIO;
	else if (f->level > 1)
		ret = map_huge(f, leaves[0], stash);
	else
		ret = map_group(f, leaves, stash);
	read_unlock(&mmu->lock);
	return ret;
}

/*
 * Map one huge leaf, or one for each frame of the group.  Returns 0,
 * FAULT_AGAIN or an error.
 */
static int map(struct fault *f, const u64 *leaves)
{
	struct osp_stash stash = {
		.tables = LIST_HEAD_INIT(stash.tables),
	};
	u64 pages, base;
	int ret;

	do {
		ret = map_locked(f, leaves, &stash);
	} while (ret == -EAGAIN && !(ret = osp_stash_fill(f->mmu, &stash)));
	if (!list_empty(&stash.tables))
		osp_stash_drain(f->mmu, &stash);
	/*
	 * What was mapped by small pages is now by a large one; or the notifier
	 * missed something, which no correct host brings about.
	 */
	if (ret == -ESTALE) {
		pages = osp_level_pages(max(f->level, 2));
		base = round_down(f->gfn, pages);
		osp_zap_gfns(f->mmu, base, base + pages);
		return FAULT_AGAIN;
	}
	return ret;
}

static bool is_enough(const struct fault *f, u64 leaf)
{
	return leaf & (f->write ? OSP_EPT_HOST_W : OSP_EPT_R);
}

/*
 * What the guest may get of a leaf.  Where writes are logged it gets write access
 * in a second step (osp_log_fault()), unless the CPU logs it page by page.
 */
static u64 allowed(const struct fault *f, u64 leaf)
{
	if (!slot_is_writable(f))
		return leaf & ~(OSP_EPT_W | OSP_EPT_HOST_W);
	if (slot_logs(f) && (f->level > 1 || !f->mmu->ops->pml))
		return leaf & ~OSP_EPT_W;
	return leaf;
}

/* With the neighbours of the frame that the host has mapped, too. */
static noinline int map_around(struct fault *f)
{
	u64 leaves[FAULT_AROUND];
	unsigned int i;

	choose_group(f);
	osp_host_leaves(f->mmu->mm, hva_of(f, f->first), f->count, leaves);
	for (i = 0; i < f->count; i++)
		leaves[i] = allowed(f, leaves[i]);
	/* It may have changed since we looked first. */
	if (!is_enough(f, leaves[f->gfn - f->first]))
		return FAULT_AGAIN;
	return map(f, leaves);
}

/*
 * Map what the host has mapped already: writable if the host has it so, even
 * if the guest only reads, as it saves the fault of a later write.
 */
static int map_present(struct fault *f, bool around)
{
	u64 leaf = allowed(f, host_leaf(f));

	if (!is_enough(f, leaf))
		return FAULT_ABSENT;
	if (around && f->level == 1)
		return map_around(f);
	f->first = f->gfn;
	f->count = 1;
	return map(f, &leaf);
}

/* Whoever can't take the signal now is told by the error, not asked for ever. */
static int fault_error(struct fault *f, int error)
{
	if (error != -EHWPOISON)
		return error;
	send_sig_mceerr(BUS_MCEERR_AR, (void __user *)f->hva, PAGE_SHIFT,
			current);
	return signal_pending(current) ? -EINTR : error;
}

/*
 * Let the host bring the page in.  That takes its time, if userspace does it
 * (userfaultfd): it may change the slots before it does, but then, as whenever
 * the host replaces a page, @seq tells.
 */
static int map_absent(struct fault *f)
{
	unsigned int how = OSP_FAULT_IN_SIGNALS |
			   (f->write ? OSP_FAULT_IN_WRITE : 0);
	int ret;

	ret = osp_host_fault_in(f->mmu, f->gen, f->hva, how);
	return ret ? fault_error(f, ret) : map_present(f, false);
}

static int fault_once(struct fault *f)
{
	int ret;

	ret = find_slot(f);
	if (!ret)
		ret = map_present(f, true);
	return ret == FAULT_ABSENT ? map_absent(f) : ret;
}

/* Returns as osp_log_fault(). */
static int allow_write(const struct fault *f)
{
	if (!f->write || !READ_ONCE(f->mmu->protects))
		return 0;
	return osp_log_fault(f->mmu, f->gfn);
}

/* Perhaps the page is there, and only the log keeps the guest from writing. */
static int fault_with_log(struct fault *f)
{
	int ret = allow_write(f);

	if (ret)
		return min(ret, OSP_FAULT_FIXED);
	ret = fault_once(f);
	return ret ?: min(allow_write(f), OSP_FAULT_FIXED);
}

/*
 * Overtaken.  If the invalidation is still under way, wait for its end rather
 * than keep the CPU from the task that makes it.  Returns 0, or an error if a
 * signal came.
 */
static int await_change(struct fault *f)
{
	struct osp_mmu *mmu = f->mmu;

	return wait_event_interruptible(mmu->changed,
					READ_ONCE(mmu->seq) != f->seq ||
					!READ_ONCE(mmu->invalidating));
}

/**
 * osp_ept_fault() - resolve an EPT violation.
 * @mmu: the VM's memory.
 * @cache: the vCPU's.
 * @gpa: the guest-physical address, of the VMCS field.
 * @access: OSP_ACCESS_*, bits 2:0 of the exit qualification.
 *
 * Context: process context of the owner with preemption on, may sleep for as
 * long as the host needs for a page; not within osp_mmu_hold().
 * Return: OSP_FAULT_FIXED: enter the guest again (the fault may be repeated, if
 * the host changed the mapping meanwhile).  OSP_FAULT_MMIO: no memory takes
 * this access: none is there, or it is read-only and the guest wrote.
 * -EFAULT: the owner has nothing mapped there, or it may not be accessed so.
 * -EHWPOISON: the page is broken, and the current thread blocks the SIGBUS that
 * it has been sent.  -EINTR: a signal ended the wait for the page, or is that
 * SIGBUS.  -EIO: not the owner's address
 * space.  -ENOMEM.
 */
int osp_ept_fault(struct osp_mmu *mmu, struct osp_slot_cache *cache, u64 gpa,
		  unsigned int access)
{
	struct fault f = {
		.mmu = mmu,
		.gfn = gpa >> PAGE_SHIFT,
		.write = access & OSP_ACCESS_WRITE,
		.slot = cache,
	};
	int tries, ret;

	if (current->mm != mmu->mm)
		return -EIO;
	for (tries = 0; tries < FAULT_TRIES; tries++) {
		ret = fault_with_log(&f);
		if (ret != FAULT_AGAIN && ret != FAULT_ABSENT)
			return ret;
		if (ret == FAULT_AGAIN && await_change(&f))
			return -EINTR;
	}
	return OSP_FAULT_FIXED;
}
