/* SPDX-License-Identifier: GPL-2.0 */
/*
 * mmu.h - guest-physical memory of one virtual machine: what vm, vcpu, vmx
 * and insn may use of module/mmu/.
 *
 * A virtual machine's memory is a set of slots (KVM_SET_USER_MEMORY_REGION):
 * ranges of guest-physical addresses, each backed by a range of the address
 * space of the process that owns the VM.  The CPU translates by an extended
 * page table (EPT, SDM 3C 29.3) that is filled on demand and emptied whenever
 * the host takes a page away (MMU notifier).  This folder depends on nothing
 * of the VM or the vCPUs: struct osp_mmu is embedded in the VM, which lends
 * it the operations in struct osp_mmu_ops.
 *
 * Locks, outermost first:
 *
 *   mmap_lock	the host's; not taken with slots_sem held.
 *   slots_sem	rw-semaphore.  Write: the set of slots changes.  Read: someone
 *		uses slots, or their host virtual addresses with page faults
 *		disabled.  Nobody waits with it held until the host has brought
 *		a page in: with userfaultfd userspace decides how long that
 *		takes, and may change slots meanwhile.
 *   lock	rwlock.  Read: EPT entries are installed, in parallel, each by
 *		a compare-exchange.  Write: entries or tables go away, and the
 *		notifier's counters change.  Taken in process context with
 *		interrupts on, from MMU notifiers too.
 *
 * A fault looks its slot up under RCU only, if it is not the one of the vCPU's
 * last fault (struct osp_slot_cache), finds the host page with no lock
 * of ours held, and then proves under lock that neither the slots nor the host
 * mapping changed meanwhile: seq is as it was, and no invalidation in flight
 * covers the address.  That is the whole protocol; pages behind the EPT are
 * not pinned.  A fault that finds no slot proves that by slots_gen.
 */
#ifndef OSP_MMU_H
#define OSP_MMU_H

#include <linux/interval_tree.h>
#include <linux/kvm.h>
#include <linux/mmu_notifier.h>
#include <linux/rbtree.h>
#include <linux/rwsem.h>
#include <linux/seqlock.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

/* The value of KVM_CAP_NR_MEMSLOTS; ids are 0 to this number less one. */
#define OSP_NR_MEMSLOTS		32764

/* Places in a CPU's page-modification log (SDM 3C 29.3.6). */
#define OSP_PML_ENTRIES		512

/* The highest level of the EPT whose entries map memory: 1 GiB each. */
#define OSP_EPT_MAX_LEAF	3

struct osp_mmu;
struct osp_ring;

/**
 * struct osp_mmu_ops - what the VM lends to its memory.
 * @flush: drop all translations that any CPU has cached for this VM's EPT:
 *	INVEPT single-context on each CPU that has run the VM; returns when all
 *	have done it.  A CPU that enters the guest after @flush was called must
 *	not use older translations either.  Called in process context with
 *	interrupts on and mmu->lock not held; must not sleep, as the host may be
 *	reclaiming memory, nor allocate.
 * @freed: the last act of osp_mmu_destroy(): nothing refers to the struct
 *	osp_mmu any more, its memory may go.  Called later, by another task, with
 *	bottom halves off (it must not sleep: kfree() and little else);
 *	possibly before osp_mmu_destroy() returns.  Not called for an
 *	osp_mmu_init() that failed.
 * @drain: have the page-modification logs of all vCPUs told to osp_log_written():
 *	when it returns, what any of them wrote before the call has been.  Context
 *	as of @flush, but with slots_sem held.  NULL without @pml.
 * @ring: the dirty ring of the vCPU that the current thread is in an ioctl of,
 *	if it has one, else NULL.  Called in any context of such a thread.
 * @pml: the CPU logs the pages whose dirty flag it sets (SDM 3C 29.3.6).
 * @ept_ad: this CPU has accessed and dirty flags for EPT (IA32_VMX_EPT_VPID_CAP
 *	bit 21).
 * @max_leaf: the highest level of the EPT whose entries may map memory: 1 for
 *	pages of 4 KiB only, 2 with 2 MiB (bit 16 of the same), 3 with 1 GiB
 *	(bit 17).
 * @phys_bits: MAXPHYADDR of the host CPU (CPUID 80000008H:EAX[7:0]).
 */
struct osp_mmu_ops {
	void (*flush)(struct osp_mmu *mmu);
	void (*freed)(struct osp_mmu *mmu);
	void (*drain)(struct osp_mmu *mmu);
	struct osp_ring *(*ring)(struct osp_mmu *mmu);
	bool pml;
	bool ept_ad;
	u8 max_leaf;
	u8 phys_bits;
};

/**
 * struct osp_mmu - the memory of one virtual machine.
 * @ops: see struct osp_mmu_ops.
 * @mm: the owner's address space (held by mmgrab); the only one in which
 *	host virtual addresses of this VM mean anything.
 * @lock: see above.
 * @seq: counts changes that make a translation found earlier doubtful.
 *	Written under @lock held for write.
 * @root: the EPT's top-level table; NULL when the VM is being destroyed.
 * @eptp: the EPT pointer, constant.
 * @dead: the owner's address space is gone; nothing can be mapped any more.
 * @invalidating: invalidations in flight (start seen, end not yet).
 * @inval_start: lowest host virtual address of the invalidations in flight.
 * @inval_end: their highest, exclusive.
 * @changed: faults that wait for the end of an invalidation.
 * @zapped: counts changes that need a flush.  Under @lock held for write.
 * @flushed: the value of @zapped that the last complete flush covered.
 * @flushes: how often all CPUs that had run the VM were flushed.
 * @nr_tables: pages that the EPT's tables occupy.
 * @slots_sem: see above.
 * @slots_gen: counts changes of the slots; odd while a list of changes is under
 *	way.  Under @slots_sem; read without.
 * @gfns: slots by guest frame number, two copies; read under RCU.
 * @gfns_seq: odd: readers use the second copy, as the first is changing.
 * @ids: slots by id.
 * @hvas: slots by host virtual address; under @lock.
 * @nr_pages: pages in all slots.  Under @slots_sem.
 * @device_gfn: the frame of device.c's page, or 0.  Written under @slots_sem
 *	held for read, always the same value.
 * @nr_logged: slots with KVM_MEM_LOG_DIRTY_PAGES.  Under @slots_sem.
 * @protects: one slot has had it, so that leaves may lack OSP_EPT_W for that
 *	reason.
 * @manual_protect: KVM_DIRTY_LOG_MANUAL_*, as userspace set them.
 * @ring_size: of each vCPU's dirty ring, in entries; 0 without.  Constant once
 *	there are vCPUs.
 * @collapse: puts small pages together after logging (collapse.c).
 * @notifier: tells what the host does with the pages behind.
 */
struct osp_mmu {
	const struct osp_mmu_ops *ops;
	struct mm_struct *mm;

	rwlock_t lock;
	unsigned long seq;
	u64 *root;
	u64 eptp;
	bool dead;
	unsigned long invalidating;
	unsigned long inval_start;
	unsigned long inval_end;
	wait_queue_head_t changed;
	u64 zapped;
	atomic64_t flushed;
	atomic_long_t flushes;
	atomic_long_t nr_tables;

	struct rw_semaphore slots_sem;
	u64 slots_gen;
	struct rb_root gfns[2];
	seqcount_latch_t gfns_seq;
	struct xarray ids;
	struct rb_root_cached hvas;
	unsigned long nr_pages;
	u64 device_gfn;

	unsigned int nr_logged;
	bool protects;
	u8 manual_protect;
	u32 ring_size;
	struct work_struct collapse;

	struct mmu_notifier notifier;
};

int osp_mmu_init(struct osp_mmu *mmu, const struct osp_mmu_ops *ops);
void osp_mmu_destroy(struct osp_mmu *mmu);
void osp_mmu_exit(void);

/**
 * osp_mmu_eptp() - the EPT pointer for the VMCS (SDM 3C 25.6.11).
 * @mmu: a VM's memory.
 *
 * Constant for the life of the VM.  After VMXON, and when a CPU runs this VM
 * for the first time, the CPU has to execute INVEPT for it: the page of its
 * top-level table may have served another VM before.
 */
static inline u64 osp_mmu_eptp(const struct osp_mmu *mmu)
{
	return mmu->eptp;
}

/* slots.c */
int osp_mmu_set_region(struct osp_mmu *mmu,
		       const struct kvm_userspace_memory_region *region);
int osp_mmu_regions(struct osp_mmu *mmu,
		    struct kvm_userspace_memory_region **regions, u32 *nr);
void osp_mmu_inherit(struct osp_mmu *mmu, const struct osp_mmu *from);

/* regions.c */
int osp_mmu_set_regions(struct osp_mmu *mmu,
			const struct kvm_userspace_memory_region *regions,
			u32 nr, u32 *failed);

/*
 * ept.c: EPT violations.  The access of a fault is bits 2:0 of the exit
 * qualification (SDM 3C table 28-7).
 */
#define OSP_ACCESS_READ		BIT(0)
#define OSP_ACCESS_WRITE	BIT(1)
#define OSP_ACCESS_FETCH	BIT(2)

#define OSP_FAULT_FIXED		0
#define OSP_FAULT_MMIO		1

/**
 * struct osp_slot_cache - the memory slot that a vCPU's last EPT violation was in.
 * @gen: mmu->slots_gen when it was copied; of any other it says nothing.
 * @base_gfn: first guest frame.
 * @npages: number of frames; 0: of no slot.
 * @hva: host virtual address of the first.
 * @flags: KVM_MEM_*.
 *
 * All zero to begin with; the vCPU's thread alone uses it.
 */
struct osp_slot_cache {
	u64 gen;
	u64 base_gfn;
	u64 npages;
	unsigned long hva;
	u32 flags;
};

int osp_ept_fault(struct osp_mmu *mmu, struct osp_slot_cache *cache, u64 gpa,
		  unsigned int access);

/* stat.c: entries of each size, for whoever looks. */
void osp_mmu_leaves(struct osp_mmu *mmu, u64 leaves[OSP_EPT_MAX_LEAF]);

/* protect.c: a write to a page that is protected for the dirty log's sake */
bool osp_log_fault_fast(struct osp_mmu *mmu, u64 gpa);
int osp_log_fault(struct osp_mmu *mmu, u64 gfn);

/* dirty.c */
long osp_mmu_get_dirty_log(struct osp_mmu *mmu, const struct kvm_dirty_log *log);
long osp_mmu_clear_dirty_log(struct osp_mmu *mmu,
			     const struct kvm_clear_dirty_log *log);
long osp_mmu_manual_protect(struct osp_mmu *mmu, u64 flags);
void osp_log_written(struct osp_mmu *mmu, u64 gfn);

/**
 * osp_mmu_is_logging() - is there a slot whose dirty pages are logged?
 * @mmu: the VM's memory.
 */
static inline bool osp_mmu_is_logging(const struct osp_mmu *mmu)
{
	return READ_ONCE(mmu->nr_logged);
}

/* device.c: a page of the kernel's in guest-physical memory. */
int osp_mmu_map_page(struct osp_mmu *mmu, u64 gpa, u64 page,
		     const atomic_t *barred);
void osp_mmu_unmap_page(struct osp_mmu *mmu, u64 gpa);

/*
 * guest.c: guest-physical memory from the kernel, through the owner's address
 * space.  All between osp_mmu_hold() and osp_mmu_release(), which keep the
 * slots as they are, unless a page has to be brought in; a whole instruction is
 * emulated under one hold.  Do not nest holds, and do not call osp_ept_fault()
 * nor osp_mmu_set_region() within.
 */
void osp_mmu_hold(struct osp_mmu *mmu);
int osp_gpa_hva(struct osp_mmu *mmu, u64 gpa, unsigned int len,
		unsigned long *hva);
bool osp_gpa_is_ram(struct osp_mmu *mmu, u64 gpa, bool write);
int osp_gpa_read(struct osp_mmu *mmu, u64 gpa, void *buf, unsigned int len);
int osp_gpa_write(struct osp_mmu *mmu, u64 gpa, const void *buf,
		  unsigned int len);
int osp_gpa_cmpxchg(struct osp_mmu *mmu, u64 gpa, u64 *old, u64 new,
		    unsigned int len);

/**
 * osp_mmu_try_hold() - osp_mmu_hold() for who can't wait.
 * @mmu: the VM's memory.
 *
 * Context: any of the owner's; interrupts may be off.
 * Return: whether the slots are held; if not, they are just being changed.
 */
static inline bool osp_mmu_try_hold(struct osp_mmu *mmu)
{
	return down_read_trylock(&mmu->slots_sem);
}

/**
 * osp_mmu_release() - end what osp_mmu_hold() or osp_mmu_try_hold() began.
 * @mmu: the VM's memory.
 */
static inline void osp_mmu_release(struct osp_mmu *mmu)
{
	up_read(&mmu->slots_sem);
}

#endif /* OSP_MMU_H */
