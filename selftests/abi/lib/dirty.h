/* SPDX-License-Identifier: GPL-2.0 */
/*
 * dirty.h - guests that write pages, for the tests of dirty logs and rings.
 */
#ifndef ABI_DIRTY_H
#define ABI_DIRTY_H

#include <pthread.h>

#include "abi.h"

#define PAGE		0x1000ull
#define DIRTY_GPA	0x20000000ull	/* of slot 1, whose pages they write */
#define DIRTY_INPUT	40		/* see dirty_input() */

void *dirty_ram(struct vm *vm, u64 pages, bool huge);
void dirty_prepare(struct vcpu *v, u64 first, u64 step, u64 count, bool write);
void dirty_write(struct vcpu *v, u64 first, u64 step, u64 count);
void dirty_read(struct vcpu *v, u64 first, u64 step, u64 count);
void dirty_input(struct vcpu *v);
u64 dirty_wrong(struct vcpu *v, const void *ram, u64 pages);

/**
 * struct dirty_runner - a vCPU that writes all over the memory until it is stopped
 * @v: the vCPU
 * @thread: that runs it
 */
struct dirty_runner {
	struct vcpu *v;
	pthread_t thread;
};

void dirty_run(struct dirty_runner *r, struct vcpu *v, u64 seed, u64 pages);
void dirty_wait(struct dirty_runner *r, u64 writes);
void dirty_stop(struct dirty_runner *r);

#endif
