// SPDX-License-Identifier: GPL-2.0
/*
 * mmu.c - the beginning and the end of a VM's memory.
 *
 * Owns struct osp_mmu as a whole; what it is made of is owned by slots.c,
 * table.c and notifier.c.
 */
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/sched.h>

#include "internal.h"

/* EPT pointer (SDM 3C table 25-9). */
#define EPTP_WB		6ULL		/* memory type of the tables */
#define EPTP_WALK_SHIFT	3		/* page-walk length less one */
#define EPTP_AD		BIT_ULL(6)	/* accessed and dirty flags */

static u64 make_eptp(const struct osp_mmu *mmu)
{
	u64 eptp = virt_to_phys(mmu->root) | EPTP_WB |
		   (OSP_EPT_LEVELS - 1) << EPTP_WALK_SHIFT;

	return mmu->ops->ept_ad ? eptp | EPTP_AD : eptp;
}

/**
 * osp_mmu_init() - begin with no memory, in the current address space.
 * @mmu: zeroed.
 * @ops: what the VM lends; has to live as long as @mmu.
 *
 * Context: process context of the owner, may sleep.
 * Return: 0, -ENOMEM, or -EINTR if a signal is pending.
 */
int osp_mmu_init(struct osp_mmu *mmu, const struct osp_mmu_ops *ops)
{
	int ret;

	mmu->ops = ops;
	mmu->mm = current->mm;
	rwlock_init(&mmu->lock);
	init_rwsem(&mmu->slots_sem);
	init_waitqueue_head(&mmu->changed);
	xa_init(&mmu->ids);
	seqcount_latch_init(&mmu->gfns_seq);
	mmu->gfns[0] = RB_ROOT;
	mmu->gfns[1] = RB_ROOT;
	mmu->hvas = RB_ROOT_CACHED;
	osp_collapse_init(mmu);
	mmu->root = osp_ept_new_root(mmu);
	if (!mmu->root)
		return -ENOMEM;
	mmu->eptp = make_eptp(mmu);

	ret = osp_notifier_register(mmu);
	if (ret) {
		osp_ept_free_root(mmu, mmu->root);
		mmu->root = NULL;
	}
	return ret;
}

/**
 * osp_mmu_destroy() - end a VM's memory.
 * @mmu: osp_mmu_init() succeeded; no vCPU is left, no CPU has its EPT pointer
 *	in a loaded VMCS.
 *
 * The memory of @mmu itself stays in use until ops->freed() is called, which
 * saves waiting for the notifier's grace period.
 *
 * Context: process context of any task, may sleep.
 */
void osp_mmu_destroy(struct osp_mmu *mmu)
{
	u64 *root = mmu->root;

	osp_collapse_stop(mmu);
	/* From here on the notifier finds nothing to do. */
	write_lock(&mmu->lock);
	mmu->root = NULL;
	mmu->hvas = RB_ROOT_CACHED;
	write_unlock(&mmu->lock);

	osp_ept_free_root(mmu, root);
	osp_slots_destroy(mmu);
	mmu_notifier_put(&mmu->notifier);
}
