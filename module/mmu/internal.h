/* SPDX-License-Identifier: GPL-2.0 */
/*
 * internal.h - what the files of module/mmu/ share with each other only:
 * the slot, and the extended page table as a data structure.
 *
 * Frame numbers (gfn) are guest-physical addresses shifted right by 12.
 */
#ifndef OSP_MMU_INTERNAL_H
#define OSP_MMU_INTERNAL_H

#include <linux/list.h>

#include "mmu.h"

/**
 * struct osp_slot - a range of guest-physical memory; but for its dirty log,
 *	constant once published.
 * @gfn_node: in the two copies of osp_mmu.gfns.
 * @hva_node: in osp_mmu.hvas: first and last host virtual address.
 * @base_gfn: first guest frame.
 * @npages: number of frames, not zero.
 * @id: KVM's slot number.
 * @flags: KVM_MEM_*; KVM_MEM_LOG_DIRTY_PAGES comes and goes with mmu->lock held
 *	for write, as @log does.
 * @log: the bitmap of pages written, or NULL (dirty.c); read under RCU.
 * @loose: the frame from which on collapse.c has work to do.
 * @rcu: frees it after the last look-up that may have seen it.
 */
struct osp_slot {
	struct rb_node gfn_node[2];
	struct interval_tree_node hva_node;
	u64 base_gfn;
	u64 npages;
	u32 id;
	u32 flags;
	struct osp_log *log;
	u64 loose;
	struct rcu_head rcu;
};

static inline unsigned long osp_slot_hva(const struct osp_slot *slot, u64 gfn)
{
	return slot->hva_node.start + ((gfn - slot->base_gfn) << PAGE_SHIFT);
}

/* slots.c */
struct osp_slot *osp_slot_find(struct osp_mmu *mmu, u64 gfn);
int osp_slot_check(const struct kvm_userspace_memory_region *region);
bool osp_slot_in_reach(struct osp_mmu *mmu, u64 last);
struct osp_slot *osp_slot_new(const struct kvm_userspace_memory_region *region);
void osp_slot_link(struct rb_root *root, struct osp_slot *slot, int copy);
struct osp_slot *osp_slot_next_in(struct rb_root *root, u64 first, u64 last);
void osp_slot_insert(struct osp_mmu *mmu, struct osp_slot *slot);
void osp_slot_erase(struct osp_mmu *mmu, struct osp_slot *slot);
void osp_slots_changed(struct osp_mmu *mmu);
void osp_slots_destroy(struct osp_mmu *mmu);

/*
 * table.c.  Level 4 is the top table, level 1 the one whose entries map
 * 4 KiB.
 */
#define OSP_EPT_LEVELS		4
#define OSP_EPT_BITS		9	/* of the address, that a level decodes */
#define OSP_EPT_ENTRIES		BIT(OSP_EPT_BITS)
#define OSP_EPT_HUGE_PAGES	OSP_EPT_ENTRIES	/* frames in a leaf of level 2 */
/* First frame that the top table can't reach. */
#define OSP_EPT_END		BIT_ULL(OSP_EPT_LEVELS * OSP_EPT_BITS)

/* Frames that an entry of a level stands for. */
static inline u64 osp_level_pages(int level)
{
	return 1ULL << ((level - 1) * OSP_EPT_BITS);
}

/* An entry (SDM 3C tables 29-1 to 29-7). */
#define OSP_EPT_R		BIT_ULL(0)
#define OSP_EPT_W		BIT_ULL(1)
#define OSP_EPT_X		BIT_ULL(2)
#define OSP_EPT_RWX		(OSP_EPT_R | OSP_EPT_W | OSP_EPT_X)
#define OSP_EPT_MT_UC		(0ULL << 3)	/* memory type, in a leaf */
#define OSP_EPT_MT_WB		(6ULL << 3)
#define OSP_EPT_IPAT		BIT_ULL(6)	/* the guest's PAT is ignored */
#define OSP_EPT_LEAF		BIT_ULL(7)	/* above level 1: maps a page */
#define OSP_EPT_A		BIT_ULL(8)
#define OSP_EPT_D		BIT_ULL(9)
#define OSP_EPT_ADDR		GENMASK_ULL(51, 12)
/*
 * Ours, in a leaf: the host has the page writable, so that OSP_EPT_W may be set
 * if only the dirty log is told.  Wherever OSP_EPT_W is, it is too.
 */
#define OSP_EPT_HOST_W		BIT_ULL(52)

/**
 * struct osp_stash - zeroed tables for osp_ept_entry() to take.
 * @tables: linked through page.lru.
 *
 * Memory is allocated with no lock held, and used with mmu->lock held.
 */
struct osp_stash {
	struct list_head tables;
};

/**
 * struct osp_zap - a range of the EPT that is being emptied.
 * @mmu: whose.
 * @gfn: the first frame that is not done yet.
 * @end: the frame after the last.
 * @may_sleep: the caller can sleep and let go of mmu->lock.
 * @freed: tables unlinked so far; to be freed after a flush only.
 */
struct osp_zap {
	struct osp_mmu *mmu;
	u64 gfn;
	u64 end;
	bool may_sleep;
	struct list_head freed;
};

u64 *osp_ept_new_root(struct osp_mmu *mmu);
void osp_ept_free_root(struct osp_mmu *mmu, u64 *root);
int osp_stash_fill(struct osp_mmu *mmu, struct osp_stash *stash);
void osp_stash_drain(struct osp_mmu *mmu, struct osp_stash *stash);
u64 *osp_ept_entry(struct osp_mmu *mmu, u64 gfn, int *level,
		   struct osp_stash *stash);
u64 *osp_ept_lookup(struct osp_mmu *mmu, u64 gfn, int *level);
struct page *osp_stash_take(struct osp_stash *stash);
bool osp_ept_zap(struct osp_zap *zap);
void osp_ept_replace(struct osp_zap *zap, u64 gfn, int level, u64 leaf);
void osp_ept_flush(struct osp_mmu *mmu);
void osp_zap_finish(struct osp_zap *zap);
void osp_zap_gfns(struct osp_mmu *mmu, u64 gfn, u64 end);
bool osp_ept_age(struct osp_mmu *mmu, u64 gfn, u64 end, bool clear);

/* protect.c: write access, and what takes it away for the dirty log's sake */
bool osp_protect_mask(struct osp_mmu *mmu, u64 gfn, unsigned long mask);
void osp_protect_range(struct osp_mmu *mmu, u64 gfn, u64 end);
void osp_allow_table(struct osp_mmu *mmu, u64 *table);

/* collapse.c */
void osp_collapse_init(struct osp_mmu *mmu);
void osp_collapse_slot(struct osp_mmu *mmu, struct osp_slot *slot);
void osp_collapse_stop(struct osp_mmu *mmu);

/* dirty.c: the dirty log */
int osp_log_alloc(struct osp_mmu *mmu, struct osp_slot *slot);
void osp_log_free(struct osp_slot *slot);
void osp_log_begin(struct osp_mmu *mmu, struct osp_slot *slot);
int osp_log_change(struct osp_mmu *mmu, struct osp_slot *slot, u32 flags);
void osp_log_release(struct osp_slot *slot);
void osp_log_carry(const struct osp_slot *from, struct osp_slot *to);
void osp_log_end(struct osp_mmu *mmu, const struct osp_slot *slot);
void osp_log_mark(struct osp_mmu *mmu, const struct osp_slot *slot, u64 gfn);

static inline bool osp_slot_logs(const struct osp_slot *slot)
{
	return READ_ONCE(slot->flags) & KVM_MEM_LOG_DIRTY_PAGES;
}

/* hostmap.c */
u64 osp_host_leaf(struct mm_struct *mm, unsigned long hva, int *level);
void osp_host_leaves(struct mm_struct *mm, unsigned long hva,
		     unsigned int count, u64 *leaves);

/* How a page is brought in. */
#define OSP_FAULT_IN_WRITE	BIT(0)	/* break copy-on-write, make it dirty */
#define OSP_FAULT_IN_SIGNALS	BIT(1)	/* any signal ends the wait; without,
					 * one that kills does
					 */
int osp_host_fault_in(struct osp_mmu *mmu, u64 gen, unsigned long hva,
		      unsigned int how);

/* notifier.c */
int osp_notifier_register(struct osp_mmu *mmu);
void osp_faults_bar(struct osp_mmu *mmu, unsigned long start,
		    unsigned long end);
void osp_faults_allow(struct osp_mmu *mmu);
bool osp_invalidated(const struct osp_mmu *mmu, unsigned long seq,
		     unsigned long hva, unsigned long end);

#endif /* OSP_MMU_INTERNAL_H */
