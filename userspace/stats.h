/* SPDX-License-Identifier: GPL-2.0 */
/*
 * stats.h - what --stats counts: why vCPUs came out to userspace.
 */
#ifndef OSPITE_STATS_H
#define OSPITE_STATS_H

#include "vm.h"

/**
 * struct stats - counters that all vCPUs share, updated with relaxed atomics
 * @start: time stamp counter at power-on
 * @in: reads of each port
 * @out: writes of each port
 * @irq: changes of each interrupt line
 */
struct stats {
	u64 start;
	u32 in[65536];
	u32 out[65536];
	u32 irq[24];
};

int stats_create(struct vm *vm);
void stats_destroy(struct vm *vm);
void stats_print(const struct vm *vm);

static inline void stats_count(u32 *counter, u32 n)
{
	__atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

static inline void stats_irq(struct vm *vm, unsigned int gsi)
{
	if (vm->stats && gsi < ARRAY_SIZE(vm->stats->irq))
		stats_count(&vm->stats->irq[gsi], 1);
}

#endif /* OSPITE_STATS_H */
