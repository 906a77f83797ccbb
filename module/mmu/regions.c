// SPDX-License-Identifier: GPL-2.0
/*
 * regions.c - many slots change at once, and no vCPU sees anything but the
 * slots as they were or as they are then.
 *
 * Implements OSPITE_SET_MEMORY_REGIONS.  All is checked and allocated first;
 * from then on nothing can fail:
 *
 *   - Faults are barred, as they are while the host takes a page away: what is
 *     mapped for the guest stays in use, but nothing is added.  slots_gen is
 *     odd, so that a fault which finds no slot waits, too.
 *   - What leads elsewhere afterwards is taken out of the EPT and flushed; from
 *     then on no vCPU sees any of the old, and none can see any of the new yet.
 *     What leads to the same memory with the same rights stays mapped.
 *   - The slots are exchanged in all indexes, and the faults go on.
 *
 * The kernel's own accesses to guest memory, and instructions being emulated,
 * hold slots_sem for read; a change holds it for write.
 */
#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "internal.h"

/**
 * struct pair - what an entry of the list does.
 * @old: the slot of this id that goes, or NULL.
 * @new: the slot of this id that comes, or NULL.
 */
struct pair {
	struct osp_slot *old;
	struct osp_slot *new;
};

/**
 * struct change - a list of changes being made.
 * @mmu: whose; slots_sem is held for write.
 * @regions: the list, as userspace gave it.
 * @nr: its length.
 * @pairs: the same for each entry.
 * @named: ids in the list.
 * @coming: the new slots by frame, by their first node, until they are
 *	inserted into the trees of @mmu.
 */
struct change {
	struct osp_mmu *mmu;
	const struct kvm_userspace_memory_region *regions;
	u32 nr;
	struct pair *pairs;
	unsigned long *named;
	struct rb_root coming;
};

static u64 last_gfn(const struct osp_slot *slot)
{
	return slot->base_gfn + slot->npages - 1;
}

/* Each entry for itself; takes note of the slots that go. */
static int check_entry(struct change *c, u32 i)
{
	const struct kvm_userspace_memory_region *region = &c->regions[i];
	int ret;

	ret = osp_slot_check(region);
	if (ret)
		return ret;
	if (__test_and_set_bit(region->slot, c->named))
		return -EINVAL;
	c->pairs[i].old = xa_load(&c->mmu->ids, region->slot);
	if (!region->memory_size)
		return c->pairs[i].old ? 0 : -EINVAL;
	return 0;
}

/* Does a slot that stays have a frame in common with a new one? */
static bool overlaps_staying(struct change *c, const struct osp_slot *new)
{
	struct rb_root *root = &c->mmu->gfns[0];
	u64 gfn = new->base_gfn;
	struct osp_slot *slot;

	while ((slot = osp_slot_next_in(root, gfn, last_gfn(new)))) {
		if (!test_bit(slot->id, c->named))
			return true;
		gfn = last_gfn(slot) + 1;
	}
	return false;
}

/* Make the new slot, and see whether its place is free. */
static int prepare_entry(struct change *c, u32 i)
{
	const struct kvm_userspace_memory_region *region = &c->regions[i];
	struct osp_slot *slot;

	if (!region->memory_size)
		return 0;
	slot = osp_slot_new(region);
	if (!slot)
		return -ENOMEM;
	c->pairs[i].new = slot;
	if (osp_log_alloc(c->mmu, slot))
		return -ENOMEM;
	if (osp_slot_next_in(&c->coming, slot->base_gfn, last_gfn(slot)) ||
	    overlaps_staying(c, slot))
		return -EEXIST;
	if (!osp_slot_in_reach(c->mmu, last_gfn(slot)))
		return -EINVAL;
	osp_slot_link(&c->coming, slot, 0);
	/* So that storing the slot there can't fail. */
	return xa_reserve(&c->mmu->ids, slot->id, GFP_KERNEL_ACCOUNT);
}

/* @failed stays as it is if memory is what lacks. */
static int for_entries(struct change *c, int (*step)(struct change *c, u32 i),
		       u32 *failed)
{
	int ret;
	u32 i;

	for (i = 0; i < c->nr; i++) {
		ret = step(c, i);
		if (ret) {
			if (ret != -ENOMEM)
				*failed = i;
			return ret;
		}
		cond_resched();
	}
	return 0;
}

/* As if it had never been asked for. */
static void give_up(struct change *c)
{
	u32 i;

	for (i = 0; i < c->nr; i++) {
		if (!c->pairs[i].new)
			continue;
		/* Only what is reserved; a slot stays. */
		xa_release(&c->mmu->ids, c->pairs[i].new->id);
		osp_log_free(c->pairs[i].new);
		kfree(c->pairs[i].new);
	}
}

static void zap_range(struct osp_zap *zap, u64 gfn, u64 end)
{
	if (gfn >= end)
		return;
	zap->gfn = gfn;
	zap->end = end;
	write_lock(&zap->mmu->lock);
	while (!osp_ept_zap(zap)) {
		write_unlock(&zap->mmu->lock);
		cond_resched();
		write_lock(&zap->mmu->lock);
	}
	write_unlock(&zap->mmu->lock);
}

/* Does a frame that is in both lead to the same memory? */
static bool same_memory(const struct osp_slot *a, const struct osp_slot *b)
{
	return osp_slot_hva(a, b->base_gfn) == b->hva_node.start;
}

/* With the same rights?  What a new log does not know of can't be written. */
static bool maps_alike(const struct osp_slot *a, const struct osp_slot *b)
{
	return a->flags == b->flags && !osp_slot_logs(b) && same_memory(a, b);
}

/* Take out what an old slot maps and no new one maps alike. */
static void zap_old(struct change *c, struct osp_zap *zap,
		    const struct osp_slot *old)
{
	u64 gfn = old->base_gfn, at = gfn, end = last_gfn(old) + 1;
	struct osp_slot *new;

	while ((new = osp_slot_next_in(&c->coming, at, end - 1))) {
		at = last_gfn(new) + 1;
		if (!maps_alike(old, new))
			continue;
		zap_range(zap, gfn, new->base_gfn);
		gfn = at;
		if (at >= end)
			break;
	}
	zap_range(zap, gfn, end);
}

/* The kernel's page is where no slot is (device.c). */
static void zap_device(struct change *c, struct osp_zap *zap)
{
	u64 gfn = c->mmu->device_gfn;

	if (gfn && osp_slot_next_in(&c->coming, gfn, gfn))
		zap_range(zap, gfn, gfn + 1);
}

/* When this returns no CPU has a translation that the change makes untrue. */
static void zap_changed(struct change *c)
{
	struct osp_zap zap = {
		.mmu = c->mmu, .may_sleep = true,
		.freed = LIST_HEAD_INIT(zap.freed),
	};
	u32 i;

	for (i = 0; i < c->nr; i++) {
		if (c->pairs[i].old)
			zap_old(c, &zap, c->pairs[i].old);
		cond_resched();
	}
	zap_device(c, &zap);
	osp_zap_finish(&zap);
}

/*
 * The new logs take over what the old ones have.  Nothing is added to those any
 * more: no vCPU can write to the slots, and none has anything in a log of its own,
 * as it had to leave the guest for the flush.
 */
static void carry_logs(struct change *c)
{
	struct osp_slot *old, *new;
	u64 at;
	u32 i;

	for (i = 0; i < c->nr; i++) {
		old = c->pairs[i].old;
		if (!old || !osp_slot_logs(old))
			continue;
		at = old->base_gfn;
		while ((new = osp_slot_next_in(&c->coming, at, last_gfn(old)))) {
			if (same_memory(old, new))
				osp_log_carry(old, new);
			at = last_gfn(new) + 1;
			if (at > last_gfn(old))
				break;
		}
	}
}

/*
 * The notifier has to find whatever is mapped, through the old slots or the
 * new ones: so the new come first, and the old go last.
 */
static void add_hvas(struct change *c)
{
	u32 i;

	for (i = 0; i < c->nr; i++) {
		struct osp_slot *new = c->pairs[i].new;

		if (!new)
			continue;
		write_lock(&c->mmu->lock);
		interval_tree_insert(&new->hva_node, &c->mmu->hvas);
		write_unlock(&c->mmu->lock);
		cond_resched();
	}
}

static void drop_old(struct change *c)
{
	u32 i;

	for (i = 0; i < c->nr; i++) {
		struct osp_slot *old = c->pairs[i].old;

		if (!old)
			continue;
		write_lock(&c->mmu->lock);
		interval_tree_remove(&old->hva_node, &c->mmu->hvas);
		write_unlock(&c->mmu->lock);
		c->mmu->nr_pages -= old->npages;
		osp_log_end(c->mmu, old);
		osp_log_release(old);
		kfree_rcu(old, rcu);
		cond_resched();
	}
}

/* By frame and by id. */
static void exchange(struct change *c)
{
	struct osp_mmu *mmu = c->mmu;
	u32 i;

	for (i = 0; i < c->nr; i++) {
		if (c->pairs[i].old)
			osp_slot_erase(mmu, c->pairs[i].old);
		cond_resched();
	}
	for (i = 0; i < c->nr; i++) {
		struct osp_slot *new = c->pairs[i].new;

		cond_resched();
		if (!new) {
			xa_erase(&mmu->ids, c->regions[i].slot);
			continue;
		}
		osp_log_begin(mmu, new);
		osp_slot_insert(mmu, new);
		mmu->nr_pages += new->npages;
		xa_store(&mmu->ids, new->id, new, GFP_KERNEL_ACCOUNT);
	}
}

static void apply(struct change *c)
{
	struct osp_mmu *mmu = c->mmu;

	write_lock(&mmu->lock);
	osp_faults_bar(mmu, 0, ULONG_MAX);
	write_unlock(&mmu->lock);
	WRITE_ONCE(mmu->slots_gen, mmu->slots_gen + 1);
	/* Pairs with readers of slots_gen: odd before any change. */
	smp_wmb();
	add_hvas(c);
	zap_changed(c);
	carry_logs(c);
	exchange(c);
	drop_old(c);
	/* And even again after the last. */
	smp_wmb();
	WRITE_ONCE(mmu->slots_gen, mmu->slots_gen + 1);
	osp_faults_allow(mmu);
}

static int change_slots(struct change *c, u32 *failed)
{
	int ret;

	down_write(&c->mmu->slots_sem);
	ret = for_entries(c, check_entry, failed);
	if (!ret)
		ret = for_entries(c, prepare_entry, failed);
	if (ret)
		give_up(c);
	else
		apply(c);
	up_write(&c->mmu->slots_sem);
	return ret;
}

/**
 * osp_mmu_set_regions() - OSPITE_SET_MEMORY_REGIONS: make many changes at once.
 * @mmu: the VM's memory.
 * @regions: as userspace gave them; what the slot of each id is to be from now
 *	on, of any size and with any flags, or with memory_size 0 not to be.
 * @nr: how many; at most OSP_NR_MEMSLOTS.
 * @failed: after an error the index of the entry to blame for it, or as it was
 *	if there is none.
 *
 * All of it is done, or nothing.  A guest that runs meanwhile sees the slots
 * as they were and then, from one access on, as they are afterwards; vCPUs see
 * that in the same order as anything else in memory.
 *
 * Context: process context of the owner, may sleep; not within
 * osp_mmu_hold().
 * Return: 0; -EINVAL for an entry that KVM_SET_USER_MEMORY_REGION would call
 * so, but for changes of a slot, and for a second entry of the same id;
 * -EEXIST for one that overlaps an entry before it, or a slot that is not in
 * the list; -ENOMEM.
 */
int osp_mmu_set_regions(struct osp_mmu *mmu,
			const struct kvm_userspace_memory_region *regions,
			u32 nr, u32 *failed)
{
	struct change c = {
		.mmu = mmu, .regions = regions, .nr = nr, .coming = RB_ROOT,
	};
	int ret = -ENOMEM;

	c.named = bitmap_zalloc(OSP_NR_MEMSLOTS, GFP_KERNEL_ACCOUNT);
	c.pairs = kvcalloc(nr, sizeof(*c.pairs), GFP_KERNEL_ACCOUNT);
	if (c.named && c.pairs)
		ret = change_slots(&c, failed);
	kvfree(c.pairs);
	bitmap_free(c.named);
	return ret;
}
