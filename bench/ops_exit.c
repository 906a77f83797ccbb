// SPDX-License-Identifier: GPL-2.0
/*
 * ops_exit.c - operations that a guest program repeats and times itself.
 *
 * A batch of iterations is timed by RDTSC inside the guest, so that entering
 * and leaving KVM_RUN is no part of it (unless the operation itself exits to
 * userspace).  The loop's own cost, measured beforehand, is subtracted.  The
 * first batch warms up, and is not counted.
 */
#include <stddef.h>
#include <stdlib.h>

#include "bench.h"
#include "guest.h"
#include "vm.h"

#define EMPTY_ITERATIONS	1000

/* Ticks of one iteration that does nothing. */
static int measure_empty(struct vm *vm, double *ticks)
{
	if (vm_start(vm, guest_empty, 0) < 0 ||
	    vm_batch(vm, EMPTY_ITERATIONS, 0) < 0 ||
	    vm_batch(vm, EMPTY_ITERATIONS, 0) < 0)
		return -1;
	*ticks = (double)vm_mail(vm, MAIL_TICKS) / EMPTY_ITERATIONS;
	return 0;
}

/*
 * The iterations to be traced, each alone between two markers, and a sample
 * for each.  A marker without its partner would turn all later windows inside
 * out, so the program ends there.
 */
static int run_marked(struct vm *vm, struct samples *samples)
{
	int i;

	for (i = 0; i < MARK_WINDOWS; i++) {
		if (vm_batch(vm, 1, 1) < 0) {
			complain("a traced operation failed; no trace of later rows");
			exit(1);
		}
		samples_add(samples, 0);
	}
	return 0;
}

static int run_batches(struct vm *vm, const struct row *row,
		       unsigned int field, double loop,
		       struct samples *samples)
{
	unsigned int i;

	for (i = 0; i < row->batches; i++) {
		if (vm_batch(vm, row->iterations, 0) < 0)
			return -1;
		samples_add(samples, (double)vm_mail(vm, field) /
				     row->iterations - loop);
	}
	return 0;
}

/* Time @row's program in @vm by the mailbox's @field, less @loop. */
static int run_program(const struct bench *bench, struct vm *vm,
		       const struct row *row, unsigned int field, double loop,
		       struct samples *samples)
{
	if (vm_start(vm, row->program, row->arg) < 0 ||
	    vm_batch(vm, row->iterations, 0) < 0)
		return -1;
	if (bench->mark)
		return run_marked(vm, samples);
	return run_batches(vm, row, field, loop, samples);
}

/* The cost of an iteration in a VM that is there. */
int measure_in(const struct bench *bench, struct vm *vm, const struct row *row,
	       struct samples *samples)
{
	double loop = 0;

	if (measure_empty(vm, &loop) < 0)
		return -1;
	return run_program(bench, vm, row, MAIL_TICKS, loop, samples);
}

/* The cost of an iteration. */
int measure_loop(const struct bench *bench, const struct row *row,
		 struct samples *samples)
{
	struct vm vm;
	int ret;

	ret = vm_open(&vm, bench->dev, NULL);
	if (!ret)
		ret = measure_in(bench, &vm, row, samples);
	vm_close(&vm);
	return ret;
}

/* What the program itself measured and summed up in MAIL_LATENCY. */
int measure_latency(const struct bench *bench, const struct row *row,
		    struct samples *samples)
{
	struct vm vm;
	int ret;

	ret = vm_open(&vm, bench->dev, NULL);
	if (!ret)
		ret = run_program(bench, &vm, row, MAIL_LATENCY, 0, samples);
	vm_close(&vm);
	return ret;
}

/* Pages that a row touches: in all batches, to warm up, and between markers. */
static size_t pages_of(const struct row *row)
{
	return (size_t)row->iterations * (row->batches + 1) + MARK_WINDOWS;
}

/* The VM is open if @ret is 0, and has its fresh memory. */
static int touch(const struct bench *bench, const struct row *row,
		 struct samples *samples, struct vm *vm, int ret)
{
	double loop = 0;

	if (!ret)
		ret = measure_empty(vm, &loop);
	if (!ret)
		ret = run_program(bench, vm, row, MAIL_TICKS, loop, samples);
	vm_close(vm);
	return ret;
}

static int touch_small(const struct bench *bench, const struct row *row,
		       struct samples *samples, int populate)
{
	struct vm vm;
	int ret = vm_open(&vm, bench->dev, NULL);

	if (!ret)
		ret = vm_add_fresh(&vm, pages_of(row) * 4096, populate);
	return touch(bench, row, samples, &vm, ret);
}

/* The first touch of pages that the host has no memory for yet. */
int measure_touch(const struct bench *bench, const struct row *row,
		  struct samples *samples)
{
	return touch_small(bench, row, samples, 0);
}

/* The first touch of pages that the host holds in memory. */
int measure_touch_populated(const struct bench *bench, const struct row *row,
			    struct samples *samples)
{
	return touch_small(bench, row, samples, 1);
}

/* The same, of pages without neighbours that could be mapped with them. */
int measure_touch_apart(const struct bench *bench, const struct row *row,
			struct samples *samples)
{
	size_t size = pages_of(row) * 0x10000, at;
	struct vm vm;
	int ret = vm_open(&vm, bench->dev, NULL);

	if (!ret)
		ret = vm_add_fresh(&vm, size, 0);
	for (at = 0; !ret && at < size; at += 0x10000)
		((char *)vm.fresh)[at] = 1;
	return touch(bench, row, samples, &vm, ret);
}

/* The first touch of 2 MiB that the host has in one page. */
int measure_touch_huge(const struct bench *bench, const struct row *row,
		       struct samples *samples)
{
	size_t page = 0x200000, size = pages_of(row) * page, at;
	struct vm vm;
	int ret = vm_open(&vm, bench->dev, NULL);

	if (!ret)
		ret = vm_add_huge(&vm, size, page);
	/* The guest's memory begins somewhere in the first 2 MiB. */
	for (at = page - 1; !ret && at < size; at += page)
		((char *)vm.fresh)[at] = 1;
	return touch(bench, row, samples, &vm, ret);
}
