// SPDX-License-Identifier: GPL-2.0
/*
 * stats.c - the table that --stats prints at the end: exits to userspace by
 * reason, by port and by interrupt line.
 *
 * Each exit to userspace is a world switch, a system call's return and the way
 * back: what is counted here is what a boot spends outside the guest.
 */
#include <stdio.h>
#include <stdlib.h>
#include <x86intrin.h>

#include "exit_names.h"
#include "say.h"
#include "stats.h"

/**
 * stats_create() - start counting
 * @vm: the VM
 *
 * Return: 0, or -1 after saying why.
 */
int stats_create(struct vm *vm)
{
	vm->stats = calloc(1, sizeof(*vm->stats));
	if (!vm->stats)
		return say_fail("out of memory for --stats");
	vm->stats->start = __rdtsc();
	return 0;
}

/**
 * stats_destroy() - free the counters
 * @vm: the VM, with or without counters
 */
void stats_destroy(struct vm *vm)
{
	free(vm->stats);
	vm->stats = NULL;
}

static void print_exits(const struct vm *vm)
{
	u64 total, all = 0;
	unsigned int cpu;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(vm->vcpus->exits); i++) {
		total = 0;
		for (cpu = 0; cpu < vm->cfg->cpus; cpu++)
			total += vm->vcpus[cpu].exits[i];
		all += total;
		if (total)
			fprintf(stderr, "  %-24s %10llu\n", exit_name(i),
				(unsigned long long)total);
	}
	fprintf(stderr, "  %-24s %10llu\n", "all exits to userspace",
		(unsigned long long)all);
}

/**
 * stats_print() - print the counters on standard error
 * @vm: the VM; its vCPU threads have ended
 */
void stats_print(const struct vm *vm)
{
	const struct stats *st = vm->stats;
	size_t i;

	if (!st)
		return;
	fprintf(stderr, "ospite: %llu TSC ticks from power-on to the end\n",
		(unsigned long long)(__rdtsc() - st->start));
	fprintf(stderr, "ospite: exits to userspace by reason:\n");
	print_exits(vm);
	fprintf(stderr, "ospite: by port:            reads     writes\n");
	for (i = 0; i < ARRAY_SIZE(st->in); i++)
		if (st->in[i] || st->out[i])
			fprintf(stderr, "  0x%04zx             %10u %10u\n", i,
				st->in[i], st->out[i]);
	fprintf(stderr, "ospite: interrupt line changes:\n");
	for (i = 0; i < ARRAY_SIZE(st->irq); i++)
		if (st->irq[i])
			fprintf(stderr, "  GSI %-2zu             %10u\n", i,
				st->irq[i]);
}
