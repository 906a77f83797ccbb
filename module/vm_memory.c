// SPDX-License-Identifier: GPL-2.0
/*
 * vm_memory.c - the VM's ioctls about its memory: slots and dirty logs.
 *
 * Each copies its argument in and leaves the rest to mmu/, which has its own
 * locks.  Owns nothing.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "ospite.h"
#include "vm_ioctls.h"

static long set_memory(struct osp_vm *vm, void __user *arg)
{
	struct kvm_userspace_memory_region region;

	if (copy_from_user(&region, arg, sizeof(region)))
		return -EFAULT;
	return osp_mmu_set_region(&vm->mmu, &region);
}

static long change_regions(struct osp_vm *vm,
			   const struct ospite_memory_regions *head,
			   struct ospite_memory_regions __user *user,
			   u32 *failed)
{
	struct kvm_userspace_memory_region *regions;
	long r;

	if (head->nr > OSP_NR_MEMSLOTS || head->flags || head->pad ||
	    head->reserved[0] || head->reserved[1])
		return -EINVAL;
	if (!head->nr)
		return 0;
	regions = vmemdup_user(user->regions,
			       array_size(sizeof(*regions), head->nr));
	if (IS_ERR(regions))
		return PTR_ERR(regions);
	r = osp_mmu_set_regions(&vm->mmu, regions, head->nr, failed);
	kvfree(regions);
	return r;
}

static long set_memory_list(struct osp_vm *vm, void __user *arg)
{
	struct ospite_memory_regions __user *user = arg;
	struct ospite_memory_regions head;
	u32 failed = OSPITE_NO_REGION;
	long r;

	if (copy_from_user(&head, user, sizeof(head)))
		return -EFAULT;
	r = change_regions(vm, &head, user, &failed);
	if (r && put_user(failed, &user->failed))
		r = -EFAULT;
	return r;
}

static long get_dirty_log(struct osp_vm *vm, void __user *arg)
{
	struct kvm_dirty_log log;

	if (copy_from_user(&log, arg, sizeof(log)))
		return -EFAULT;
	return osp_mmu_get_dirty_log(&vm->mmu, &log);
}

static long clear_dirty_log(struct osp_vm *vm, void __user *arg)
{
	struct kvm_clear_dirty_log log;

	if (copy_from_user(&log, arg, sizeof(log)))
		return -EFAULT;
	return osp_mmu_clear_dirty_log(&vm->mmu, &log);
}

static long reset_dirty_rings(struct osp_vm *vm, void __user *arg)
{
	struct osp_vcpu *vcpu;
	unsigned long i;
	long n = 0;

	if (!vm->mmu.ring_size)
		return -EINVAL;
	mutex_lock(&vm->lock);
	xa_for_each(&vm->vcpus, i, vcpu)
		n += osp_ring_reset(&vm->mmu, &vcpu->ring);
	mutex_unlock(&vm->lock);
	return n;
}

/*
 * With unrestricted guests no TSS or page table of ours is needed in guest
 * memory; the addresses are checked and forgotten.
 */
static long set_tss_addr(struct osp_vm *vm, void __user *arg)
{
	return (unsigned long)arg > (u32)(-3 * PAGE_SIZE) ? -EINVAL : 0;
}

static long set_identity_map_addr(struct osp_vm *vm, void __user *arg)
{
	u64 addr;

	if (copy_from_user(&addr, arg, sizeof(addr)))
		return -EFAULT;
	return vm->nr_vcpus ? -EINVAL : 0;
}

/* KVM_SET_NR_MMU_PAGES: KVM's smallest allowance */
#define MIN_MMU_PAGES	64

/* A bound for shadow pages, which there are none of: EPT needs no such choice. */
static long set_nr_mmu_pages(struct osp_vm *vm, void __user *arg)
{
	return (unsigned long)arg < MIN_MMU_PAGES ? -EINVAL : 0;
}

const struct osp_vm_ioctl osp_vm_memory_ioctls[] = {
	{ KVM_SET_USER_MEMORY_REGION, set_memory },
	{ OSPITE_SET_MEMORY_REGIONS, set_memory_list },
	{ KVM_GET_DIRTY_LOG, get_dirty_log },
	{ KVM_CLEAR_DIRTY_LOG, clear_dirty_log },
	{ KVM_RESET_DIRTY_RINGS, reset_dirty_rings },
	{ KVM_SET_TSS_ADDR, set_tss_addr },
	{ KVM_SET_IDENTITY_MAP_ADDR, set_identity_map_addr },
	{ KVM_SET_NR_MMU_PAGES, set_nr_mmu_pages },
	{ }
};
