// SPDX-License-Identifier: GPL-2.0
/*
 * hostmap.c - what the owner's address space maps, as the EPT may map it.
 *
 * The host's page tables have the CPU's format, so they are walked as the CPU
 * does, without locks and without taking references to pages: interrupts are
 * off, so no table is freed meanwhile (as for get_user_pages_fast()), and
 * whoever changes an entry that we read announces it to our MMU notifier, so
 * the caller finds out under mmu->lock that what was read is no longer true.
 *
 * The guest gets no more than the host itself would give userspace without a
 * fault: write access only where the host's entry is writable and dirty
 * already.  The host loses no write then: it finds the page dirty, and before
 * it cleans the page it takes the guest's access away.
 */
#include <linux/mm.h>
#include <linux/mmu_context.h>
#include <linux/pgtable.h>
#include <linux/sched/signal.h>

#include "internal.h"

#define HOST_BITS	9	/* of the address, that a level decodes */
#define HOST_ENTRIES	BIT(HOST_BITS)

static unsigned int host_shift(int level)
{
	return PAGE_SHIFT + (level - 1) * HOST_BITS;
}

/* Size of what an entry of a level maps. */
static unsigned long host_size(int level)
{
	return 1UL << host_shift(level);
}

/*
 * The entry for an address, or NULL without a table for it.  Interrupts are
 * off.  *@level becomes that of the entry, 1 for 4 KiB, where it may be absent.
 */
static __always_inline const u64 *
host_entry(struct mm_struct *mm, unsigned long hva, int *level)
{
	const u64 *table = (const u64 *)mm->pgd;
	int at;

	/* Unrolled, shifts and masks are constants. */
#pragma GCC unroll 4
	for (at = 5; at > 1; at--) {
		const u64 *entry = &table[hva >> host_shift(at) &
					  (HOST_ENTRIES - 1)];
		u64 value;

		if (at == 5 && !pgtable_l5_enabled())
			continue;
		value = READ_ONCE(*entry);
		if (!(value & _PAGE_PRESENT))
			return NULL;
		if (value & _PAGE_PSE) {
			*level = at;
			return entry;
		}
		table = __va(value & PTE_PFN_MASK);
	}
	/* Neighbours of an entry that is not present may well be. */
	*level = 1;
	return &table[hva >> PAGE_SHIFT & (HOST_ENTRIES - 1)];
}

/*
 * The rights and the memory type that the EPT may give; without the address.
 * Anything but plain write-back memory is uncached: a device's, perhaps.
 */
static u64 rights_of(u64 entry, u64 pat)
{
	u64 leaf = OSP_EPT_R | OSP_EPT_X;

	if ((entry & (_PAGE_RW | _PAGE_DIRTY)) == (_PAGE_RW | _PAGE_DIRTY))
		leaf |= OSP_EPT_W | OSP_EPT_HOST_W;
	if (!(entry & (_PAGE_PWT | _PAGE_PCD | pat)))
		leaf |= OSP_EPT_MT_WB | OSP_EPT_IPAT;
	return leaf;
}

static bool is_user_page(u64 entry)
{
	return !(~entry & (_PAGE_PRESENT | _PAGE_USER));
}

static u64 leaf_4k(u64 entry)
{
	if (!is_user_page(entry))
		return 0;
	return (entry & PTE_PFN_MASK) | rights_of(entry, _PAGE_PAT);
}

/* A part of @size bytes of what a host entry above level 1 maps. */
static u64 leaf_part(u64 entry, int level, unsigned long hva,
		     unsigned long size)
{
	unsigned long inside = hva & (host_size(level) - 1) & -size;

	if (!is_user_page(entry))
		return 0;
	return ((entry & PTE_PFN_MASK & -host_size(level)) + inside) |
	       rights_of(entry, _PAGE_PAT_LARGE);
}

/**
 * osp_host_leaf() - what the EPT may map for an address, by what the host has
 *	mapped now.
 * @mm: the owner's address space, current.
 * @hva: the host virtual address.
 * @level: the highest level that the leaf may have, 1 to OSP_EPT_MAX_LEAF;
 *	becomes the one it has: lower if the host's entry maps less.
 *
 * The answer is true only as long as the MMU notifier does not say otherwise,
 * which the caller checks under mmu->lock.
 *
 * Context: process context with interrupts on; @mm is not going away.
 * Return: a leaf of the EPT for all the memory around @hva that an entry of
 * *@level maps, without flags; 0 if the host has nothing there.
 */
u64 osp_host_leaf(struct mm_struct *mm, unsigned long hva, int *level)
{
	const u64 *entry;
	u64 leaf = 0;
	int at = 1;

	local_irq_disable();
	entry = host_entry(mm, hva, &at);
	*level = min(*level, at);
	if (entry && at == 1)
		leaf = leaf_4k(READ_ONCE(*entry));
	else if (entry)
		leaf = leaf_part(READ_ONCE(*entry), at, hva,
				 host_size(*level));
	local_irq_enable();
	return leaf && *level > 1 ? leaf | OSP_EPT_LEAF : leaf;
}

/**
 * osp_host_leaves() - osp_host_leaf() for several pages, with one walk.
 * @mm: the owner's address space, current.
 * @hva: the first page's host virtual address.
 * @count: how many pages, all in the same 2 MiB of host virtual addresses.
 * @leaves: a leaf of level 1 for each page, or 0.
 *
 * Context: as of osp_host_leaf().
 */
void osp_host_leaves(struct mm_struct *mm, unsigned long hva,
		     unsigned int count, u64 *leaves)
{
	const u64 *entry;
	unsigned int i;
	int level;

	local_irq_disable();
	entry = host_entry(mm, hva, &level);
	for (i = 0; i < count; i++) {
		if (!entry)
			leaves[i] = 0;
		else if (level == 1)
			leaves[i] = leaf_4k(READ_ONCE(entry[i]));
		else
			leaves[i] = leaf_part(READ_ONCE(*entry), level,
					      hva + i * PAGE_SIZE, PAGE_SIZE);
	}
	local_irq_enable();
}

/* May the current thread access what it has mapped there? */
static bool access_permitted(struct vm_area_struct *vma, bool write)
{
	return vma && vma->vm_flags & (write ? VM_WRITE : VM_READ) &&
	       arch_vma_access_permitted(vma, write, false, false);
}

/* A signal of the kind that ends the wait has come. */
static bool is_interrupted(unsigned int flags)
{
	return flags & FAULT_FLAG_INTERRUPTIBLE ? signal_pending(current) :
						  fatal_signal_pending(current);
}

/* mmap_lock is held for read, and is not afterwards. */
static int fault_in(unsigned long hva, unsigned int flags)
{
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma = vma_lookup(mm, hva);
	vm_fault_t fault;

	if (!access_permitted(vma, flags & FAULT_FLAG_WRITE)) {
		mmap_read_unlock(mm);
		return -EFAULT;
	}
	fault = handle_mm_fault(vma, hva, flags, NULL);
	if (fault & VM_FAULT_COMPLETED)
		return 0;
	/* It has let go of the lock and waited. */
	if (fault & VM_FAULT_RETRY)
		return is_interrupted(flags) ? -EINTR : 0;
	mmap_read_unlock(mm);
	return fault & VM_FAULT_ERROR ?
	       vm_fault_to_errno(fault, FOLL_HWPOISON) : 0;
}

/**
 * osp_host_fault_in() - have a page mapped in the owner's address space.
 * @mmu: the VM's memory; its owner's address space is the current one.
 * @gen: mmu->slots_gen before or while @hva was found in a slot.
 * @hva: any address in the page.
 * @how: OSP_FAULT_IN_*.
 *
 * What a page fault of userspace would do, and nothing if the slots have
 * changed since @gen.  Whoever changes them changes gen before he returns, and
 * has to take mmap_lock before he can put anything else in the memory's place;
 * so with gen looked at under mmap_lock only memory of a slot is touched, and
 * no lock of ours has to be held.
 *
 * The caller looks for the slot and the page again in any case: either may be
 * gone when this returns.
 *
 * Context: process context, may sleep for as long as the host likes; no lock
 * held.
 * Return: 0; -EFAULT if nothing is mapped, or not for this access; -EHWPOISON;
 * -EINTR; -ENOMEM.
 */
int osp_host_fault_in(struct osp_mmu *mmu, u64 gen, unsigned long hva,
		      unsigned int how)
{
	unsigned int flags = FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_KILLABLE;

	if (how & OSP_FAULT_IN_WRITE)
		flags |= FAULT_FLAG_WRITE;
	if (how & OSP_FAULT_IN_SIGNALS)
		flags |= FAULT_FLAG_INTERRUPTIBLE;
	if (mmap_read_lock_killable(mmu->mm))
		return -EINTR;
	if (READ_ONCE(mmu->slots_gen) != gen) {
		mmap_read_unlock(mmu->mm);
		return 0;
	}
	return fault_in(hva, flags);
}
