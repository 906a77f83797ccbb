// SPDX-License-Identifier: GPL-2.0
/*
 * mem.c - guest memory: one anonymous mapping, given to the hypervisor as one
 * or two memory slots.
 *
 * Below HOLE_START guest-physical address and offset are the same; what does
 * not fit there goes on at HOLE_END, so that the 32-bit hole is left to the
 * interrupt controllers and the like.  The mapping starts on a 2 MiB border:
 * then a huge page of the host backs a large page of the guest.
 *
 * Owns the mapping; takes no locks.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "say.h"
#include "vm.h"

#define HUGE_PAGE	(2 * MIB)

/**
 * ram_create() - reserve guest memory, all zero
 * @ram: filled in
 * @size: bytes, a multiple of the page size
 * @thp: ask for huge pages (else ask for none)
 *
 * No memory is taken until the guest, or the loader, touches it.
 *
 * Return: 0, or -1 after saying why.
 */
int ram_create(struct ram *ram, u64 size, bool thp)
{
	u8 *p, *aligned;

	p = mmap(NULL, size + HUGE_PAGE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return say_fail("%llu MiB of guest memory can't be reserved: %s (try a smaller --mem)",
				(unsigned long long)(size / MIB),
				strerror(errno));
	aligned = (u8 *)ALIGN_UP((uintptr_t)p, HUGE_PAGE);
	if (aligned > p)
		munmap(p, aligned - p);
	munmap(aligned + size, HUGE_PAGE - (aligned - p));

	ram->host = aligned;
	ram->size = size;
	ram->low = size < HOLE_START ? size : HOLE_START;
	/* Advice only: a kernel without huge pages refuses it, no harm done. */
	madvise(aligned, size, thp ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	madvise(aligned, size, MADV_DONTDUMP);
	return 0;
}

/**
 * ram_destroy() - give guest memory back
 * @ram: from ram_create(), or all zero
 */
void ram_destroy(struct ram *ram)
{
	if (ram->host)
		munmap(ram->host, ram->size);
	memset(ram, 0, sizeof(*ram));
}

/**
 * ram_at() - where a piece of guest memory is in our address space
 * @ram: guest memory
 * @gpa: guest-physical address of its first byte
 * @len: bytes
 *
 * Return: a pointer, or NULL unless all of it is RAM without a hole.
 */
void *ram_at(const struct ram *ram, u64 gpa, u64 len)
{
	u64 high = ram->size - ram->low;

	if (gpa < ram->low && len <= ram->low - gpa)
		return ram->host + gpa;
	if (gpa >= HOLE_END && gpa - HOLE_END < high &&
	    len <= high - (gpa - HOLE_END))
		return ram->host + ram->low + (gpa - HOLE_END);
	return NULL;
}

static int set_slot(struct vm *vm, u32 slot, u64 gpa, u64 size, u8 *host)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)host,
	};

	if (ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &region))
		return say_fail("%s: guest memory of %llu MiB at 0x%llx refused: %s (try a smaller --mem)",
				vm->cfg->dev, (unsigned long long)(size / MIB),
				(unsigned long long)gpa, strerror(errno));
	return 0;
}

/**
 * ram_register() - make guest memory known to the hypervisor
 * @vm: the VM, with its memory reserved
 *
 * Return: 0, or -1 after saying why.
 */
int ram_register(struct vm *vm)
{
	struct ram *ram = &vm->ram;

	if (set_slot(vm, 0, 0, ram->low, ram->host))
		return -1;
	if (ram->size == ram->low)
		return 0;
	return set_slot(vm, 1, HOLE_END, ram->size - ram->low,
			ram->host + ram->low);
}
