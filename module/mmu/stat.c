// SPDX-License-Identifier: GPL-2.0
/*
 * stat.c - how a VM's memory is mapped at the moment, for debugfs.c.
 *
 * Nothing is counted while the guest runs: who asks has the EPT looked through.
 * That goes on under mmu->lock held for read, a gigabyte at a time, so that
 * faults go on beside it and the notifier never waits for long.
 */
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/sched.h>

#include "internal.h"

static u64 *table_of(u64 entry)
{
	return phys_to_virt(entry & OSP_EPT_ADDR);
}

/* The leaves of a table of level 2 or 1, and of all below it. */
static void count_table(const u64 *table, int level, u64 *leaves)
{
	unsigned int i;

	for (i = 0; i < OSP_EPT_ENTRIES; i++) {
		u64 entry = READ_ONCE(table[i]);

		if (!(entry & OSP_EPT_RWX))
			continue;
		if (level == 1 || entry & OSP_EPT_LEAF)
			leaves[level - 1]++;
		else
			count_table(table_of(entry), level - 1, leaves);
	}
}

/*
 * One entry of level 3.  Returns how many frames to go on by: all that the top
 * table's entry stands for if there is no table.
 */
static u64 count_gigabyte(struct osp_mmu *mmu, u64 gfn, u64 *leaves)
{
	unsigned int top = gfn / osp_level_pages(OSP_EPT_LEVELS);
	unsigned int i = gfn / osp_level_pages(3) % OSP_EPT_ENTRIES;
	u64 entry = READ_ONCE(mmu->root[top]);

	if (!(entry & OSP_EPT_RWX))
		return osp_level_pages(OSP_EPT_LEVELS);
	entry = READ_ONCE(table_of(entry)[i]);
	if (entry & OSP_EPT_LEAF)
		leaves[2]++;
	else if (entry & OSP_EPT_RWX)
		count_table(table_of(entry), 2, leaves);
	return osp_level_pages(3);
}

/**
 * osp_mmu_leaves() - how many entries of the EPT map memory, by their size
 * @mmu: the VM's memory; not being destroyed.
 * @leaves: to be filled: entries that map 4 KiB, 2 MiB, 1 GiB.  Of one moment
 *	only as long as nothing changes.
 *
 * Context: process context, may sleep.
 */
void osp_mmu_leaves(struct osp_mmu *mmu, u64 leaves[OSP_EPT_MAX_LEAF])
{
	u64 gfn = 0;

	memset(leaves, 0, OSP_EPT_MAX_LEAF * sizeof(*leaves));
	while (gfn < OSP_EPT_END) {
		read_lock(&mmu->lock);
		gfn += count_gigabyte(mmu, gfn, leaves);
		read_unlock(&mmu->lock);
		cond_resched();
	}
}
