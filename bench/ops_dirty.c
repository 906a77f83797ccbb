// SPDX-License-Identifier: GPL-2.0
/*
 * ops_dirty.c - what it costs to log which pages a guest writes.
 *
 * The guest's memory is in large pages where the host has them.  Before anything
 * is counted it is all mapped, logging has begun, and each page has been written
 * and made clean once, as in a migration that has gone on for a while.
 */
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "bench.h"
#include "guest.h"
#include "vm.h"

#define GUEST_PAGE	4096
#define HUGE_SIZE	0x200000

struct logged {
	struct vm vm;
	uint64_t pages;
	void *bitmap;
};

static int get_log(struct logged *l)
{
	struct kvm_dirty_log log = { .slot = 1, .dirty_bitmap = l->bitmap };

	if (ioctl(l->vm.fd, KVM_GET_DIRTY_LOG, &log) < 0)
		return failed("KVM_GET_DIRTY_LOG");
	return 0;
}

static int start_log(struct logged *l)
{
	uint64_t mem = (uint64_t)l->vm.fresh;
	struct kvm_userspace_memory_region region = {
		.slot = 1,
		.flags = KVM_MEM_LOG_DIRTY_PAGES,
		.guest_phys_addr = GUEST_FRESH,
		.memory_size = l->pages * GUEST_PAGE,
		.userspace_addr = (mem + HUGE_SIZE - 1) & -HUGE_SIZE,
	};

	if (ioctl(l->vm.fd, KVM_SET_USER_MEMORY_REGION, &region) < 0)
		return failed("KVM_SET_USER_MEMORY_REGION");
	return 0;
}

/* Each page is written; a round ends with all of them being clean. */
static int write_all(struct logged *l)
{
	return vm_batch(&l->vm, l->pages, 0);
}

static int prepare(const struct bench *bench, const struct row *row,
		   struct logged *l)
{
	uint64_t size = l->pages * GUEST_PAGE;

	l->bitmap = calloc(l->pages / 64, 8);
	if (!l->bitmap)
		return failed("memory");
	if (vm_open(&l->vm, bench->dev, NULL) ||
	    vm_add_huge(&l->vm, size, HUGE_SIZE) ||
	    vm_start(&l->vm, row->program, row->arg) ||
	    write_all(l) || start_log(l))
		return -1;
	return write_all(l) || get_log(l) ? -1 : 0;
}

/* All pages are written, and the log is taken (to be traced, this alone): the host's clock. */
static int rounds(const struct bench *bench, const struct row *row,
		  struct logged *l, struct samples *samples)
{
	unsigned int i, batches = bench->mark ? MARK_WINDOWS : row->batches;

	for (i = 0; i < batches; i++) {
		uint64_t start = read_tsc();

		if (write_all(l))
			return -1;
		if (bench->mark)
			marker();
		if (get_log(l))
			return -1;
		if (bench->mark)
			marker();
		samples_add(samples, read_tsc() - start);
	}
	return 0;
}

/* One write to a clean page: the guest's clock. */
static int writes(const struct bench *bench, const struct row *row,
		  struct logged *l, struct samples *samples)
{
	unsigned int i, batches = bench->mark ? MARK_WINDOWS : row->batches;

	for (i = 0; i < batches; i++) {
		if (vm_batch(&l->vm, bench->mark ? 1 : l->pages, bench->mark))
			return -1;
		samples_add(samples, (double)vm_mail(&l->vm, MAIL_TICKS) /
				     l->pages);
		if (get_log(l))
			return -1;
	}
	return 0;
}

static int measure(const struct bench *bench, const struct row *row,
		   struct samples *samples,
		   int (*run)(const struct bench *bench, const struct row *row,
			      struct logged *l, struct samples *samples))
{
	struct logged l = { .pages = row->iterations };
	int ret;

	vm_init(&l.vm);
	ret = prepare(bench, row, &l);
	if (!ret)
		ret = run(bench, row, &l, samples);
	vm_close(&l.vm);
	free(l.bitmap);
	return ret;
}

/* A round of a migration. */
int measure_dirty_round(const struct bench *bench, const struct row *row,
			struct samples *samples)
{
	return measure(bench, row, samples, rounds);
}

/* A write to a page that is clean. */
int measure_dirty_write(const struct bench *bench, const struct row *row,
			struct samples *samples)
{
	return measure(bench, row, samples, writes);
}
