/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ring.h - a vCPU's dirty ring (ring.c).
 */
#ifndef OSP_MMU_RING_H
#define OSP_MMU_RING_H

#include <linux/kvm.h>
#include <linux/types.h>

struct osp_mmu;
struct page;

/**
 * struct osp_ring - the pages that a vCPU has written, in the order it did.
 * @entries: shared with userspace, which may write anything there; NULL: no ring.
 * @size: how many entries, a power of 2.
 * @soft_limit: with so many in use the vCPU has to leave the guest.
 * @pushed: entries ever filled; changed by the vCPU's thread only.
 * @reset: entries ever given back; under the VM's lock.
 * @requests: where @full is set when the soft limit is reached.
 * @full: number of a bit.
 */
struct osp_ring {
	struct kvm_dirty_gfn *entries;
	u32 size;
	u32 soft_limit;
	u32 pushed;
	u32 reset;
	unsigned long *requests;
	unsigned int full;
};

/* ring.c */
int osp_ring_alloc(struct osp_ring *ring, const struct osp_mmu *mmu,
		   unsigned long *requests, unsigned int full);
void osp_ring_free(struct osp_ring *ring);
void osp_ring_push(struct osp_ring *ring, u32 slot, u64 offset);
bool osp_ring_is_soft_full(const struct osp_ring *ring);
struct page *osp_ring_page(const struct osp_ring *ring, unsigned long index);
unsigned int osp_ring_reset(struct osp_mmu *mmu, struct osp_ring *ring);
long osp_mmu_set_ring_size(struct osp_mmu *mmu, u64 bytes);
bool osp_mmu_ring_has_page(const struct osp_mmu *mmu, unsigned long pgoff);

/* The value of KVM_CAP_DIRTY_LOG_RING: the largest ring, in bytes. */
#define OSP_RING_MAX_BYTES	(65536 * sizeof(struct kvm_dirty_gfn))

#endif /* OSP_MMU_RING_H */
