// SPDX-License-Identifier: GPL-2.0
/*
 * slots.c - memory slots: which guest-physical addresses are memory, and where
 * in the owner's address space that memory lies.
 *
 * Implements KVM_SET_USER_MEMORY_REGION; changes of several slots at once are
 * made by regions.c.  Owns the slots and three indexes of them: by guest frame
 * (a latched red-black tree: two copies, of which readers use the one that is
 * not being changed, under RCU, without waiting), by host virtual address (an
 * interval tree, as several slots may share memory), and by id.  All changes
 * are made with slots_sem held for write.  None of the trees allocates memory,
 * so taking a slot away can't fail.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "internal.h"

/* KVM's own limit of a slot's size. */
#define SLOT_MAX_PAGES	((1UL << 31) - 1)

#define SLOT_FLAGS	(KVM_MEM_READONLY | KVM_MEM_LOG_DIRTY_PAGES)

/*
 * The tree by guest frame.  A change is made to one copy while readers use the
 * other, then to the other.  A reader that was so slow that its copy changed
 * under it looks again; it is safe meanwhile, as slots are freed after a grace
 * period of RCU, and a new node's links are NULL before it is linked.
 */
static __always_inline struct osp_slot *slot_at(struct rb_node *node, int copy)
{
	return container_of(node - copy, struct osp_slot, gfn_node[0]);
}

/**
 * osp_slot_link() - put a slot into one tree by frame.
 * @root: the tree.
 * @slot: overlaps none that is in it.
 * @copy: which of its two nodes the tree is made of.
 */
void osp_slot_link(struct rb_root *root, struct osp_slot *slot, int copy)
{
	struct rb_node **link = &root->rb_node;
	struct rb_node *parent = NULL;

	while (*link) {
		parent = *link;
		link = slot->base_gfn < slot_at(parent, copy)->base_gfn ?
		       &parent->rb_left : &parent->rb_right;
	}
	slot->gfn_node[copy].rb_left = NULL;
	slot->gfn_node[copy].rb_right = NULL;
	/* Readers come as soon as the slot is linked. */
	smp_wmb();
	rb_link_node(&slot->gfn_node[copy], parent, link);
	rb_insert_color(&slot->gfn_node[copy], root);
}

/**
 * osp_slot_insert() - let the slot be found by frame.
 * @mmu: whose; slots_sem is held for write.
 * @slot: overlaps no other.
 */
void osp_slot_insert(struct osp_mmu *mmu, struct osp_slot *slot)
{
	raw_write_seqcount_latch(&mmu->gfns_seq);
	osp_slot_link(&mmu->gfns[0], slot, 0);
	raw_write_seqcount_latch(&mmu->gfns_seq);
	osp_slot_link(&mmu->gfns[1], slot, 1);
}

/**
 * osp_slot_erase() - let the slot no longer be found by frame.
 * @mmu: whose; slots_sem is held for write.
 * @slot: is found so far.
 */
void osp_slot_erase(struct osp_mmu *mmu, struct osp_slot *slot)
{
	raw_write_seqcount_latch(&mmu->gfns_seq);
	rb_erase(&slot->gfn_node[0], &mmu->gfns[0]);
	raw_write_seqcount_latch(&mmu->gfns_seq);
	rb_erase(&slot->gfn_node[1], &mmu->gfns[1]);
}

static __always_inline struct osp_slot *
find_in_copy(struct osp_mmu *mmu, int copy, u64 first, u64 last)
{
	struct rb_node *node = READ_ONCE(mmu->gfns[copy].rb_node);

	while (node) {
		struct osp_slot *slot = slot_at(node, copy);

		if (last < slot->base_gfn)
			node = READ_ONCE(node->rb_left);
		else if (first >= slot->base_gfn + slot->npages)
			node = READ_ONCE(node->rb_right);
		else
			return slot;
	}
	return NULL;
}

/**
 * osp_slot_next_in() - the slot with the lowest frames of those in a range.
 * @root: a tree of slots' first nodes that does not change meanwhile.
 * @first: the range's first frame.
 * @last: its last.
 *
 * Return: the slot or NULL; to go on, ask for what is beyond it.
 */
struct osp_slot *osp_slot_next_in(struct rb_root *root, u64 first, u64 last)
{
	struct rb_node *node = root->rb_node;
	struct osp_slot *found = NULL;

	while (node) {
		struct osp_slot *slot = slot_at(node, 0);

		if (first >= slot->base_gfn + slot->npages) {
			node = node->rb_right;
			continue;
		}
		if (last >= slot->base_gfn)
			found = slot;
		node = node->rb_left;
	}
	return found;
}

/* Any slot that has a frame in common with the range. */
static struct osp_slot *find_range(struct osp_mmu *mmu, u64 first, u64 last)
{
	struct osp_slot *slot;
	unsigned int seq;

	do {
		seq = raw_read_seqcount_latch(&mmu->gfns_seq);
		slot = find_in_copy(mmu, seq & 1, first, last);
	} while (raw_read_seqcount_latch_retry(&mmu->gfns_seq, seq));
	return slot;
}

/**
 * osp_slot_find() - the slot that a guest frame is in.
 * @mmu: whose.
 * @gfn: any frame number.
 *
 * Context: under RCU, or with mmu->slots_sem held.
 * Return: the slot or NULL.
 */
struct osp_slot *osp_slot_find(struct osp_mmu *mmu, u64 gfn)
{
	return find_range(mmu, gfn, gfn);
}

/**
 * osp_slots_changed() - what anybody has found out about the slots is stale.
 * @mmu: whose; slots_sem is held for write.
 *
 * Where a slot goes or gets other flags this comes after the change and before
 * mmu->seq says so: a fault that does not know the new gen is told by seq.
 */
void osp_slots_changed(struct osp_mmu *mmu)
{
	/* Pairs with readers of gen: the slots first. */
	smp_wmb();
	WRITE_ONCE(mmu->slots_gen, mmu->slots_gen + 2);
	/* Pairs with readers of seq, which comes last. */
	smp_wmb();
}

/*
 * Faults may use the slot as soon as it is in the tree by frame; from then on
 * the notifier has to find it by address.
 */
static void publish_slot(struct osp_mmu *mmu, struct osp_slot *slot)
{
	osp_log_begin(mmu, slot);
	write_lock(&mmu->lock);
	interval_tree_insert(&slot->hva_node, &mmu->hvas);
	write_unlock(&mmu->lock);
	osp_slot_insert(mmu, slot);
	if (mmu->device_gfn && mmu->device_gfn - slot->base_gfn < slot->npages)
		osp_zap_gfns(mmu, mmu->device_gfn, mmu->device_gfn + 1);
	mmu->nr_pages += slot->npages;
}

/*
 * When this returns no CPU reaches the slot's memory through this slot, and no
 * fault under way will map it again: whoever found the slot before it left the
 * tree finds seq changed when about to use what it found.
 */
static void retract_slot(struct osp_mmu *mmu, struct osp_slot *slot)
{
	osp_slot_erase(mmu, slot);
	osp_slots_changed(mmu);
	osp_zap_gfns(mmu, slot->base_gfn, slot->base_gfn + slot->npages);
	write_lock(&mmu->lock);
	interval_tree_remove(&slot->hva_node, &mmu->hvas);
	write_unlock(&mmu->lock);
	osp_log_end(mmu, slot);
	mmu->nr_pages -= slot->npages;
}

/**
 * osp_slot_new() - make a slot that is in no index yet.
 * @region: osp_slot_check() found it good; its size is not 0.
 *
 * Context: may sleep.
 * Return: the slot, to be freed by kfree_rcu() once it has been in an index; or
 * NULL without memory.
 */
struct osp_slot *osp_slot_new(const struct kvm_userspace_memory_region *region)
{
	struct osp_slot *slot = kzalloc(sizeof(*slot), GFP_KERNEL_ACCOUNT);

	if (!slot)
		return NULL;
	slot->base_gfn = region->guest_phys_addr >> PAGE_SHIFT;
	slot->npages = region->memory_size >> PAGE_SHIFT;
	slot->hva_node.start = region->userspace_addr;
	slot->hva_node.last = region->userspace_addr + region->memory_size - 1;
	slot->id = region->slot;
	slot->flags = region->flags;
	return slot;
}

/* Is any slot but @self in the way of the frames from @first to @last? */
static bool overlaps_other(struct osp_mmu *mmu, const struct osp_slot *self,
			   u64 first, u64 last)
{
	u64 self_last;

	if (!self)
		return find_range(mmu, first, last);

	self_last = self->base_gfn + self->npages - 1;
	if (last < self->base_gfn || first > self_last)
		return find_range(mmu, first, last);
	if (first < self->base_gfn &&
	    find_range(mmu, first, self->base_gfn - 1))
		return true;
	return last > self_last && find_range(mmu, self_last + 1, last);
}

/**
 * osp_slot_in_reach() - can the EPT map all of a slot?
 * @mmu: whose.
 * @last: the slot's last frame.
 *
 * An access beyond the host's MAXPHYADDR is no EPT violation but a page fault
 * of the guest.
 */
bool osp_slot_in_reach(struct osp_mmu *mmu, u64 last)
{
	u64 end = 1ULL << (mmu->ops->phys_bits - PAGE_SHIFT);

	return last < min(end, OSP_EPT_END);
}

static int check_place(struct osp_mmu *mmu, const struct osp_slot *self,
		       const struct kvm_userspace_memory_region *region)
{
	u64 first = region->guest_phys_addr >> PAGE_SHIFT;
	u64 last = first + (region->memory_size >> PAGE_SHIFT) - 1;

	if (overlaps_other(mmu, self, first, last))
		return -EEXIST;
	return osp_slot_in_reach(mmu, last) ? 0 : -EINVAL;
}

static int create_slot(struct osp_mmu *mmu,
		       const struct kvm_userspace_memory_region *region)
{
	unsigned long npages = region->memory_size >> PAGE_SHIFT;
	struct osp_slot *slot;
	int ret;

	if (mmu->nr_pages + npages < mmu->nr_pages)
		return -EINVAL;
	ret = check_place(mmu, NULL, region);
	if (ret)
		return ret;
	slot = osp_slot_new(region);
	if (!slot)
		return -ENOMEM;
	ret = osp_log_alloc(mmu, slot);
	if (!ret)
		ret = xa_err(xa_store(&mmu->ids, slot->id, slot,
				      GFP_KERNEL_ACCOUNT));
	if (ret) {
		osp_log_free(slot);
		kfree(slot);
		return ret;
	}
	publish_slot(mmu, slot);
	return 0;
}

static void delete_slot(struct osp_mmu *mmu, struct osp_slot *slot)
{
	xa_erase(&mmu->ids, slot->id);
	retract_slot(mmu, slot);
	osp_log_release(slot);
	kfree_rcu(slot, rcu);
}

/* While a slot moves the guest sees neither its old nor its new place. */
static int move_slot(struct osp_mmu *mmu, struct osp_slot *old,
		     const struct kvm_userspace_memory_region *region)
{
	struct osp_slot *slot;
	int ret;

	ret = check_place(mmu, old, region);
	if (ret)
		return ret;
	slot = osp_slot_new(region);
	if (!slot)
		return -ENOMEM;
	if (!osp_slot_logs(old) && osp_log_alloc(mmu, slot)) {
		kfree(slot);
		return -ENOMEM;
	}
	if (osp_slot_logs(old) && osp_slot_logs(slot))
		slot->log = old->log;
	retract_slot(mmu, old);
	if (slot->log != old->log)
		osp_log_release(old);
	/* Replacing an entry allocates nothing, so it can't fail. */
	xa_store(&mmu->ids, slot->id, slot, GFP_KERNEL_ACCOUNT);
	publish_slot(mmu, slot);
	kfree_rcu(old, rcu);
	return 0;
}

static int modify_slot(struct osp_mmu *mmu, struct osp_slot *slot,
		       const struct kvm_userspace_memory_region *region)
{
	if (region->userspace_addr != slot->hva_node.start ||
	    region->memory_size >> PAGE_SHIFT != slot->npages ||
	    (region->flags ^ slot->flags) & ~KVM_MEM_LOG_DIRTY_PAGES)
		return -EINVAL;
	if (region->guest_phys_addr >> PAGE_SHIFT != slot->base_gfn)
		return move_slot(mmu, slot, region);
	if (region->flags == slot->flags)
		return 0;
	return osp_log_change(mmu, slot, region->flags);
}

/**
 * osp_slot_check() - the rules for a slot that need no look at any other.
 * @region: as userspace gave it; memory_size 0 asks for no slot.
 *
 * Return: 0 or -EINVAL.
 */
int osp_slot_check(const struct kvm_userspace_memory_region *region)
{
	void __user *uaddr = (void __user *)(unsigned long)region->userspace_addr;

	if (region->flags & ~SLOT_FLAGS)
		return -EINVAL;
	/* Bits 31:16 choose an address space; there is only one. */
	if (region->slot >= OSP_NR_MEMSLOTS)
		return -EINVAL;
	if ((region->memory_size | region->guest_phys_addr |
	     region->userspace_addr) & ~PAGE_MASK)
		return -EINVAL;
	if (!access_ok(uaddr, region->memory_size))
		return -EINVAL;
	if (region->guest_phys_addr + region->memory_size <
	    region->guest_phys_addr)
		return -EINVAL;
	if (region->memory_size >> PAGE_SHIFT > SLOT_MAX_PAGES)
		return -EINVAL;
	return 0;
}

/**
 * osp_mmu_set_region() - KVM_SET_USER_MEMORY_REGION.
 * @mmu: the VM's memory.
 * @region: as userspace gave it; all of it is checked here.
 *
 * Creates the slot, moves it, has its dirty pages logged or no longer, or
 * deletes it (memory_size 0).  When it returns,
 * no CPU and no kernel code reaches the memory of a slot that was deleted or
 * moved away through its old place; nor is a page of what the owner then maps
 * there brought in for the slot's sake.  The guest may run meanwhile.
 *
 * Context: process context of the owner, may sleep; not within
 * osp_mmu_hold().
 * Return: 0; -EINVAL for unknown flags, a bad id, addresses or sizes that are
 * not multiples of the page size, wrap around or are out of reach, a change of
 * the size, host address or KVM_MEM_READONLY of a slot, and for deleting what
 * is not there; -EEXIST if it overlaps another slot; -ENOMEM.
 */
int osp_mmu_set_region(struct osp_mmu *mmu,
		       const struct kvm_userspace_memory_region *region)
{
	struct osp_slot *slot;
	int ret;

	ret = osp_slot_check(region);
	if (ret)
		return ret;

	down_write(&mmu->slots_sem);
	slot = xa_load(&mmu->ids, region->slot);
	if (region->memory_size && slot)
		ret = modify_slot(mmu, slot, region);
	else if (region->memory_size)
		ret = create_slot(mmu, region);
	else if (slot)
		delete_slot(mmu, slot);
	else
		ret = -EINVAL;
	osp_slots_changed(mmu);
	up_write(&mmu->slots_sem);
	return ret;
}

/**
 * osp_mmu_regions() - all slots of a VM, as they were set.
 * @mmu: the VM's memory.
 * @regions: set to an array in the order of slot numbers, for kvfree(); NULL if
 *	there are none.
 * @nr: set to its length.
 *
 * Context: process context of any task, may sleep.
 * Return: 0 or -ENOMEM.
 */
int osp_mmu_regions(struct osp_mmu *mmu,
		    struct kvm_userspace_memory_region **regions, u32 *nr)
{
	struct kvm_userspace_memory_region *region;
	struct osp_slot *slot;
	unsigned long id;

	*regions = NULL;
	*nr = 0;
	down_read(&mmu->slots_sem);
	xa_for_each(&mmu->ids, id, slot)
		++*nr;
	if (*nr)
		*regions = kvmalloc_array(*nr, sizeof(**regions),
					  GFP_KERNEL_ACCOUNT);
	region = *regions;
	if (region) {
		xa_for_each(&mmu->ids, id, slot)
			*region++ = (struct kvm_userspace_memory_region){
				.slot = slot->id,
				.flags = slot->flags,
				.guest_phys_addr = slot->base_gfn << PAGE_SHIFT,
				.memory_size = slot->npages << PAGE_SHIFT,
				.userspace_addr = slot->hva_node.start,
			};
	}
	up_read(&mmu->slots_sem);
	return *nr && !*regions ? -ENOMEM : 0;
}

/**
 * osp_mmu_inherit() - log dirty pages in the way that another VM would.
 * @mmu: new; there are neither slots nor vCPUs.
 * @from: the other VM's; it has vCPUs, or its VM's lock is held.
 */
void osp_mmu_inherit(struct osp_mmu *mmu, const struct osp_mmu *from)
{
	mmu->ring_size = READ_ONCE(from->ring_size);
	mmu->manual_protect = READ_ONCE(from->manual_protect);
}

/**
 * osp_slots_destroy() - free all slots of a VM that is gone.
 * @mmu: has no EPT any more, so neither faults nor notifiers look at slots.
 */
void osp_slots_destroy(struct osp_mmu *mmu)
{
	struct osp_slot *slot;
	unsigned long id;

	xa_for_each(&mmu->ids, id, slot) {
		osp_log_free(slot);
		kfree(slot);
	}
	xa_destroy(&mmu->ids);
}
