// SPDX-License-Identifier: GPL-2.0
/*
 * guest.c - access to guest-physical memory from the kernel.
 *
 * Always through the owner's address space (copy_from_user() and its like on
 * the slot's host virtual address), never through the kernel's direct map: so
 * the host's own rules for the page - copy-on-write, read-only, dirty, swapped
 * out - hold by themselves, and nothing has to be pinned.  What is read may
 * change at once: other vCPUs run.
 *
 * Takes slots_sem for read, over as many accesses as the caller likes.  They are
 * made with page faults disabled: if the host has to bring a page in, which may
 * take as long as userspace likes (userfaultfd), slots_sem is let go of, so that
 * nobody who changes the slots waits for that, nor anybody behind him.
 */
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/uaccess.h>

#include "internal.h"

/**
 * osp_mmu_hold() - keep the slots as they are while guest memory is used.
 * @mmu: the VM's memory.
 *
 * As they are for each access, that is: before osp_gpa_read(), osp_gpa_write()
 * and osp_gpa_cmpxchg() they may change, if a page has to be brought in.
 *
 * Context: process context of the owner, may sleep.  Not to be nested.
 */
void osp_mmu_hold(struct osp_mmu *mmu)
{
	down_read(&mmu->slots_sem);
}

/*
 * The host virtual address of guest memory, its slot, and how many of @len bytes
 * from there lie in the same slot.  Returns 0, -ENXIO if there is no memory for
 * this access, -EIO outside the owner's address space.
 */
static int find_memory(struct osp_mmu *mmu, u64 gpa, bool write,
		       unsigned int *len, unsigned long *hva,
		       const struct osp_slot **found)
{
	struct osp_slot *slot;
	u64 offset, room;

	lockdep_assert_held(&mmu->slots_sem);
	if (current->mm != mmu->mm)
		return -EIO;
	slot = osp_slot_find(mmu, gpa >> PAGE_SHIFT);
	if (!slot || (write && slot->flags & KVM_MEM_READONLY))
		return -ENXIO;
	offset = gpa - (slot->base_gfn << PAGE_SHIFT);
	room = (slot->npages << PAGE_SHIFT) - offset;
	*len = min_t(u64, *len, room);
	*hva = slot->hva_node.start + offset;
	*found = slot;
	return 0;
}

/* Some of it may have been written even if there was an error. */
static void mark_written(struct osp_mmu *mmu, const struct osp_slot *slot,
			 u64 gpa, unsigned int len)
{
	u64 gfn = gpa >> PAGE_SHIFT, last = (gpa + len - 1) >> PAGE_SHIFT;

	if (likely(!osp_slot_logs(slot)))
		return;
	for (; gfn <= last; gfn++)
		osp_log_mark(mmu, slot, gfn);
}

/**
 * osp_gpa_is_ram() - is there memory at a guest-physical address?
 * @mmu: the VM's memory, held.
 * @gpa: any address.
 * @write: memory that the guest can write.
 *
 * Return: false where an access is MMIO: outside of all slots, and a write to
 * a read-only slot.
 */
bool osp_gpa_is_ram(struct osp_mmu *mmu, u64 gpa, bool write)
{
	struct osp_slot *slot;

	lockdep_assert_held(&mmu->slots_sem);
	slot = osp_slot_find(mmu, gpa >> PAGE_SHIFT);
	return slot && !(write && slot->flags & KVM_MEM_READONLY);
}

/**
 * osp_gpa_hva() - where guest memory is in the owner's address space.
 * @mmu: the VM's memory, held.
 * @gpa: any address.
 * @len: bytes that have to be there in one piece.
 * @hva: result; means memory of the guest's for as long as the slots are the
 *	same, whose number is mmu->slots_gen.
 *
 * Context: any; interrupts may be off.
 * Return: 0; -ENXIO if there is no memory, or not in one piece; -EIO in a
 * foreign address space.
 */
int osp_gpa_hva(struct osp_mmu *mmu, u64 gpa, unsigned int len,
		unsigned long *hva)
{
	const struct osp_slot *slot;
	unsigned int part = len;
	int ret = find_memory(mmu, gpa, false, &part, hva, &slot);

	return !ret && part < len ? -ENXIO : ret;
}

/* One access for each size that a CPU reads at once; others in any way. */
static int read_user(unsigned long hva, void *buf, unsigned int len)
{
	void __user *from = (void __user *)hva;

	switch (len) {
	case 1:
		return get_user(*(u8 *)buf, (u8 __user *)from);
	case 2:
		return get_user(*(u16 *)buf, (u16 __user *)from);
	case 4:
		return get_user(*(u32 *)buf, (u32 __user *)from);
	case 8:
		return get_user(*(u64 *)buf, (u64 __user *)from);
	default:
		return copy_from_user(buf, from, len) ? -EFAULT : 0;
	}
}

static int write_user(unsigned long hva, const void *buf, unsigned int len)
{
	void __user *to = (void __user *)hva;

	switch (len) {
	case 1:
		return put_user(*(const u8 *)buf, (u8 __user *)to);
	case 2:
		return put_user(*(const u16 *)buf, (u16 __user *)to);
	case 4:
		return put_user(*(const u32 *)buf, (u32 __user *)to);
	case 8:
		return put_user(*(const u64 *)buf, (u64 __user *)to);
	default:
		return copy_to_user(to, buf, len) ? -EFAULT : 0;
	}
}

/*
 * Let the host bring memory in, without slots_sem; the caller then looks it up
 * again.  Only a signal that kills ends the wait, as an instruction that is
 * being emulated may have done what can't be done twice.
 */
static int bring_in(struct osp_mmu *mmu, unsigned long hva, unsigned int len,
		    bool write)
{
	unsigned long page = hva & PAGE_MASK;
	u64 gen = mmu->slots_gen;
	int ret = 0;

	up_read(&mmu->slots_sem);
	for (; page < hva + len && !ret; page += PAGE_SIZE)
		ret = osp_host_fault_in(mmu, gen, page,
					write ? OSP_FAULT_IN_WRITE : 0);
	down_read(&mmu->slots_sem);
	return ret == -EHWPOISON ? -EFAULT : ret;
}

/* -EFAULT if the host has to bring in some of it first. */
static int access_user(unsigned long hva, void *buf, unsigned int len,
		       bool write)
{
	int ret;

	pagefault_disable();
	ret = write ? write_user(hva, buf, len) : read_user(hva, buf, len);
	pagefault_enable();
	return ret;
}

/* Slot by slot, as neighbours in one space need not be neighbours in the other. */
static __always_inline int transfer(struct osp_mmu *mmu, u64 gpa, void *buf,
				    unsigned int len, bool write)
{
	while (len) {
		const struct osp_slot *slot;
		unsigned int part = len;
		unsigned long hva;
		int ret;

		ret = find_memory(mmu, gpa, write, &part, &hva, &slot);
		if (ret)
			return ret;
		ret = access_user(hva, buf, part, write);
		if (write)
			mark_written(mmu, slot, gpa, part);
		if (unlikely(ret)) {
			ret = bring_in(mmu, hva, part, write);
			if (ret)
				return ret;
			continue;
		}
		gpa += part;
		buf += part;
		len -= part;
	}
	return 0;
}

/**
 * osp_gpa_read() - read guest memory.
 * @mmu: the VM's memory, held.
 * @gpa: from where; the range may cross pages and slots.
 * @buf: where to.
 * @len: how many bytes; 1, 2, 4 and 8 are read by one access.
 *
 * Context: process context of the owner, may sleep (on a page fault).
 * Return: 0; -ENXIO if a part lies outside of all slots; -EFAULT if the owner
 * has nothing mapped there; -EIO in a foreign address space; -ENOMEM; -EINTR if
 * the thread is killed.  After an error @buf may be filled in part.
 */
int osp_gpa_read(struct osp_mmu *mmu, u64 gpa, void *buf, unsigned int len)
{
	return transfer(mmu, gpa, buf, len, false);
}

/**
 * osp_gpa_write() - write guest memory.
 * @mmu: the VM's memory, held.
 * @gpa: where to; the range may cross pages and slots.
 * @buf: from where.
 * @len: how many bytes; 1, 2, 4 and 8 are written by one access.
 *
 * Context: process context of the owner, may sleep (on a page fault).
 * Return: 0; -ENXIO if a part lies outside of all slots or in a read-only one;
 * -EFAULT if the owner has nothing writable mapped there; -EIO in a foreign
 * address space; -ENOMEM; -EINTR if the thread is killed.  After an error a
 * part may have been written.
 */
int osp_gpa_write(struct osp_mmu *mmu, u64 gpa, const void *buf,
		  unsigned int len)
{
	return transfer(mmu, gpa, (void *)buf, len, true);
}

/* 0 if stored, 1 if it differed, -EFAULT.  The macro makes its own label. */
#define cmpxchg_user_as(type, hva, old, new)				\
({									\
	type _expected = *(old);					\
	int _ret = __try_cmpxchg_user((type __user *)(hva), &_expected,	\
				      (type)(new), efault_##type);	\
	if (_ret > 0)							\
		*(old) = _expected;					\
	_ret;								\
})

static int cmpxchg_user(unsigned long hva, u64 *old, u64 new, unsigned int len)
{
	switch (len) {
	case 1:
		return cmpxchg_user_as(u8, hva, old, new);
	case 2:
		return cmpxchg_user_as(u16, hva, old, new);
	case 4:
		return cmpxchg_user_as(u32, hva, old, new);
	case 8:
		return cmpxchg_user_as(u64, hva, old, new);
	default:
		return -EINVAL;
	}
}

/*
 * A locked access that crosses a cache line is not done as one: it would lock
 * the host's bus, or trap there.  The guest that does it gets no atomicity.
 */
static int split_cmpxchg(struct osp_mmu *mmu, u64 gpa, u64 *old, u64 new,
			 unsigned int len)
{
	u64 value = 0;
	int ret;

	ret = osp_gpa_read(mmu, gpa, &value, len);
	if (ret)
		return ret;
	if (value != *old) {
		*old = value;
		return 1;
	}
	return osp_gpa_write(mmu, gpa, &new, len);
}

/**
 * osp_gpa_cmpxchg() - compare-exchange guest memory, atomically for all CPUs.
 * @mmu: the VM's memory, held.
 * @gpa: where; atomic unless it crosses a 64-byte line.
 * @old: what is expected there, zero-extended; if it is not, what is.
 * @new: what to store.
 * @len: 1, 2, 4 or 8.
 *
 * Context: process context of the owner, may sleep (on a page fault).
 * Return: 0 if stored, 1 if it differed, or an error of osp_gpa_write(), or
 * -EINVAL for another length.
 */
int osp_gpa_cmpxchg(struct osp_mmu *mmu, u64 gpa, u64 *old, u64 new,
		    unsigned int len)
{
	const struct osp_slot *slot;
	unsigned int part = len;
	unsigned long hva;
	int ret;

	if ((gpa & (L1_CACHE_BYTES - 1)) + len > L1_CACHE_BYTES)
		return split_cmpxchg(mmu, gpa, old, new, len);
	do {
		ret = find_memory(mmu, gpa, true, &part, &hva, &slot);
		if (ret)
			return ret;
		pagefault_disable();
		ret = cmpxchg_user(hva, old, new, len);
		pagefault_enable();
	} while (ret == -EFAULT && !(ret = bring_in(mmu, hva, len, true)));
	if (!ret)
		mark_written(mmu, slot, gpa, len);
	return ret;
}
