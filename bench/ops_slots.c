// SPDX-License-Identifier: GPL-2.0
/*
 * ops_slots.c - what adding and removing a memory slot costs, beside how many.
 *
 * The slots that are there lie a page apart, all on the same page of host
 * memory; the one that comes and goes lies in the middle of them.  The vCPU has run
 * and is not running: nobody has anything of it mapped.
 */
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "bench.h"
#include "vm.h"

#define SLOT_PAGE	0x1000ULL
#define FIRST_SLOT	10
/* Above what the guest and the interrupt controllers use. */
#define FIRST_GPA	0x100000000ULL

/* What is there before: as many slots as the row says, at even pages. */
static int add_slots(struct vm *vm, uint64_t count, void *page)
{
	uint64_t i;

	for (i = 0; i < count; i++)
		if (vm_set_slot(vm, FIRST_SLOT + i,
				FIRST_GPA + 2 * i * SLOT_PAGE, SLOT_PAGE, page))
			return -1;
	return 0;
}

static int change_slot(struct vm *vm, uint64_t gpa, uint64_t size, void *page,
		       int mark, uint64_t *ticks)
{
	uint64_t start = read_tsc();
	int ret;

	if (mark)
		marker();
	ret = vm_set_slot(vm, FIRST_SLOT - 1, gpa, size, page);
	if (mark)
		marker();
	*ticks = read_tsc() - start;
	return ret;
}

/* One slot comes and goes; the first time is to warm up. */
static int change_slots(const struct bench *bench, const struct row *row,
			struct vm *vm, void *page, int adds,
			struct samples *samples)
{
	unsigned int i, batches = bench->mark ? MARK_WINDOWS : row->batches;
	uint64_t gpa = FIRST_GPA + (row->arg | 1) * SLOT_PAGE, ticks[2];
	int mark;

	for (i = 0; i <= batches; i++) {
		mark = bench->mark && i;
		if (change_slot(vm, gpa, SLOT_PAGE, page, mark && adds,
				&ticks[1]) ||
		    change_slot(vm, gpa, 0, page, mark && !adds, &ticks[0]))
			return -1;
		if (i)
			samples_add(samples, ticks[adds]);
	}
	return 0;
}

static int measure(const struct bench *bench, const struct row *row, int adds,
		   struct samples *samples)
{
	void *page = mmap(NULL, SLOT_PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct vm vm;
	int ret;

	if (page == MAP_FAILED)
		return failed("mmap");
	ret = vm_open(&vm, bench->dev, NULL);
	if (!ret)
		ret = vm_start(&vm, guest_empty, 0);
	if (!ret)
		ret = vm_batch(&vm, 1, 0);
	if (!ret)
		ret = add_slots(&vm, row->arg, page);
	if (!ret)
		ret = change_slots(bench, row, &vm, page, adds, samples);
	vm_close(&vm);
	munmap(page, SLOT_PAGE);
	return ret;
}

/* A slot is added, @row->arg of them being there. */
int measure_slot_add(const struct bench *bench, const struct row *row,
		     struct samples *samples)
{
	return measure(bench, row, 1, samples);
}

/* And removed. */
int measure_slot_remove(const struct bench *bench, const struct row *row,
			struct samples *samples)
{
	return measure(bench, row, 0, samples);
}
