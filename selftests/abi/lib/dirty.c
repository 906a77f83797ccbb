// SPDX-License-Identifier: GPL-2.0
/*
 * dirty.c - guests that write pages, for the tests of dirty logs and rings.
 *
 * One kind writes or reads a series of pages and is through.  The other writes
 * words all over the memory until it is told to stop; each vCPU of a VM has its
 * own words of each page.
 */
#include <sched.h>

#include "dirty.h"
#include "guest.h"

#define WORDS	512	/* of a page */
#define VCPUS	2

/**
 * dirty_ram() - memory for slot 1, at DIRTY_GPA
 * @vm: the VM
 * @pages: how many
 * @huge: in large pages of the host, as far as it has them
 *
 * Return: where it is in the host; all zero, and mapped.
 */
void *dirty_ram(struct vm *vm, u64 pages, bool huge)
{
	u64 size = pages * PAGE, align = 0x200000;
	u8 *p = mmap(NULL, size + 2 * align, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	MUST(p == MAP_FAILED ? -1 : 0);
	p += -(uintptr_t)p & (align - 1);
	MUST(madvise(p, size + align, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE));
	memset(p, 0, size);
	MUST(vm_slot(vm, 1, 0, DIRTY_GPA, size, p));
	return p;
}

static volatile u64 s_first, s_step, s_count, s_write, s_value;

static void series_guest(void)
{
	volatile u64 *page = (u64 *)(DIRTY_GPA + s_first * PAGE);
	u64 i, n = s_count, step = s_step * WORDS, sum = 0;

	for (i = 0; i < n; i++, page += step) {
		if (s_write)
			*page = s_value;
		else
			sum += *page;
	}
	s_value += sum & 0;
}

#define PORT_DATA	0x5678

static void port_input_guest(void)
{
	u8 *to = (u8 *)(DIRTY_GPA + 3 * PAGE - DIRTY_INPUT / 2);
	u64 count = DIRTY_INPUT;

	asm volatile("rep insb" : "+D"(to), "+c"(count)
		     : "d"((u16)PORT_DATA) : "memory");
}

/**
 * dirty_input() - a guest reads DIRTY_INPUT bytes of 0x77 by REP INSB
 * @v: the vCPU, which starts anew
 *
 * One half goes to the end of page 2, the other to the start of page 3.
 */
void dirty_input(struct vcpu *v)
{
	mode_long(v, port_input_guest);
	while (vcpu_exit(v) == KVM_EXIT_IO && v->run->io.port == PORT_DATA)
		memset((u8 *)v->run + v->run->io.data_offset, 0x77,
		       v->run->io.count);
	CHECK(is_done(v), "exit %s\n", exit_name(v->run->exit_reason));
}

/**
 * dirty_prepare() - let a guest write or read one word of each of some pages
 * @v: the vCPU, which starts anew, and is still to be run
 * @first: number of the first page
 * @step: pages from one to the next
 * @count: how many
 * @write: write, or read
 */
void dirty_prepare(struct vcpu *v, u64 first, u64 step, u64 count, bool write)
{
	*GVAR(v->vm, s_first) = first;
	*GVAR(v->vm, s_step) = step;
	*GVAR(v->vm, s_count) = count;
	*GVAR(v->vm, s_write) = write;
	*GVAR(v->vm, s_value) += 1;
	mode_long(v, series_guest);
}

/** dirty_write() - dirty_prepare(), writing, and run it */
void dirty_write(struct vcpu *v, u64 first, u64 step, u64 count)
{
	dirty_prepare(v, first, step, count, true);
	run_done(v);
}

/** dirty_read() - dirty_prepare(), reading, and run it */
void dirty_read(struct vcpu *v, u64 first, u64 step, u64 count)
{
	dirty_prepare(v, first, step, count, false);
	run_done(v);
}

static volatile u64 w_wrong, w_pages;

static void sum_guest(void)
{
	volatile u64 *page = (u64 *)DIRTY_GPA;
	u64 i, n = w_pages, sum = 0;

	for (i = 0; i < n; i++, page += WORDS)
		sum = sum * 31 + *page;
	w_wrong = sum;
}

/**
 * dirty_wrong() - does the guest see what the host sees?
 * @v: the vCPU, which starts anew
 * @ram: slot 1
 * @pages: how many to look at
 *
 * Return: 0 if a sum over all pages is the same.
 */
u64 dirty_wrong(struct vcpu *v, const void *ram, u64 pages)
{
	const u64 *page = ram;
	u64 i, sum = 0;

	*GVAR(v->vm, w_pages) = pages;
	mode_long(v, sum_guest);
	run_done(v);
	for (i = 0; i < pages; i++, page += WORDS)
		sum = sum * 31 + *page;
	return sum ^ *GVAR(v->vm, w_wrong);
}

static volatile u64 r_pages, r_stop, r_writes[VCPUS];

/* Every 16th write is part of a scan, the others are anywhere. */
static void random_guest(u64 seed)
{
	u64 x = seed * 2654435761u + 12345, page, n = 0, pages = r_pages;

	sti();
	while (!r_stop) {
		x = x * 6364136223846793005ull + 1442695040888963407ull;
		page = (n & 15 ? x >> 33 : n >> 4) % pages;
		((volatile u64 *)(DIRTY_GPA + page * PAGE))
			[(x >> 20) % (WORDS / VCPUS) * VCPUS + seed] += x | 1;
		r_writes[seed] = ++n;
	}
}

static void *runner_thread(void *arg)
{
	struct vcpu *v = arg;

	/* Somebody empties the ring meanwhile. */
	while (vcpu_exit(v) == KVM_EXIT_DIRTY_RING_FULL)
		sched_yield();
	CHECK(is_done(v), "vCPU ended with exit %s\n",
	      exit_name(v->run->exit_reason));
	return NULL;
}

/**
 * dirty_run() - let a vCPU write all over the memory, in a thread
 * @r: to be filled in
 * @v: the vCPU
 * @seed: its number, below 2; no two of a VM have the same
 * @pages: how large the memory is
 */
void dirty_run(struct dirty_runner *r, struct vcpu *v, u64 seed, u64 pages)
{
	r->v = v;
	*GVAR(v->vm, r_pages) = pages;
	mode_long_arg(v, random_guest, seed);
	pthread_create(&r->thread, NULL, runner_thread, v);
}

/**
 * dirty_wait() - wait until it has gone on
 * @r: the vCPU
 * @writes: by so many
 */
void dirty_wait(struct dirty_runner *r, u64 writes)
{
	volatile u64 *n = GVAR(r->v->vm, r_writes[r->v->id]);
	u64 was = *n;

	while (*n < was + writes)
		sched_yield();
}

/**
 * dirty_stop() - stop all of the VM's, and wait for this one
 * @r: the vCPU
 */
void dirty_stop(struct dirty_runner *r)
{
	*GVAR(r->v->vm, r_stop) = 1;
	pthread_join(r->thread, NULL);
}
