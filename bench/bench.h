/* SPDX-License-Identifier: GPL-2.0 */
/*
 * bench.h - what the parts of osp-bench share: rows, samples, messages.
 *
 * A row is one line of the table: an operation, how it is measured, and what
 * is to be reached.  main.c holds all rows; ops_*.c say how a kind of row is
 * measured.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdint.h>
#include <x86intrin.h>

#define MAX_SAMPLES	64

/* Several measurements of one row, all of one unit. */
struct samples {
	unsigned int count;
	double value[MAX_SAMPLES];
	char detail[160];	/* in words; may be empty */
};

struct bench {
	const char *dev;
	int mark;		/* don't measure: run between markers */
};

struct row {
	const char *name;	/* for the command line and the JSON */
	const char *title;	/* for the table */
	const char *unit;
	unsigned int target;	/* at most this; 0: at most what KVM takes */
	int (*measure)(const struct bench *bench, const struct row *row,
		       struct samples *samples);
	/* For the rows that run a guest program: */
	const uint8_t *program;
	uint64_t arg;
	unsigned int iterations;	/* of a batch */
	unsigned int batches;
	unsigned int cpus;		/* of the host that it takes; 0: one */
	const uint8_t *other;		/* the second vCPU's program */
};

/* The windows between markers that a row produces with --mark. */
#define MARK_WINDOWS	3

/* What a kind of row returns for an operation that the device doesn't have. */
#define NOT_THERE	1

/* Kinds of rows (ops_*.c). */
int measure_loop(const struct bench *bench, const struct row *row,
		 struct samples *samples);
int measure_latency(const struct bench *bench, const struct row *row,
		    struct samples *samples);
int measure_touch(const struct bench *bench, const struct row *row,
		  struct samples *samples);
int measure_touch_populated(const struct bench *bench, const struct row *row,
			    struct samples *samples);
int measure_touch_apart(const struct bench *bench, const struct row *row,
			struct samples *samples);
int measure_touch_huge(const struct bench *bench, const struct row *row,
		       struct samples *samples);
int measure_dirty_round(const struct bench *bench, const struct row *row,
			struct samples *samples);
int measure_dirty_write(const struct bench *bench, const struct row *row,
			struct samples *samples);
int measure_kick_port(const struct bench *bench, const struct row *row,
		      struct samples *samples);
int measure_kick_memory(const struct bench *bench, const struct row *row,
			struct samples *samples);
int measure_kick_any(const struct bench *bench, const struct row *row,
		     struct samples *samples);
int measure_irqfd(const struct bench *bench, const struct row *row,
		  struct samples *samples);
int measure_lifecycle(const struct bench *bench, const struct row *row,
		      struct samples *samples);
int measure_slot_add(const struct bench *bench, const struct row *row,
		     struct samples *samples);
int measure_slot_remove(const struct bench *bench, const struct row *row,
			struct samples *samples);
int measure_memory(const struct bench *bench, const struct row *row,
		   struct samples *samples);

int measure_fork_ioctl(const struct bench *bench, const struct row *row,
		       struct samples *samples);
int measure_fork(const struct bench *bench, const struct row *row,
		 struct samples *samples);
int measure_spin(const struct bench *bench, const struct row *row,
		 struct samples *samples);
int measure_call(const struct bench *bench, const struct row *row,
		 struct samples *samples);
/* For those that prepare a VM before its program runs (ops_exit.c). */
struct vm;
int measure_in(const struct bench *bench, struct vm *vm, const struct row *row,
	       struct samples *samples);

/* boot.c */
int boot_command(const char *dev, const char *marker, char **command);

/* report.c */
void samples_add(struct samples *samples, double value);
void report_json(const char *dev, const struct row *row,
		 struct samples *samples);
void report_line(const struct row *row, struct samples *samples);
void __attribute__((format(printf, 1, 2))) complain(const char *format, ...);
int failed(const char *what);
int out_of_time(void);
void set_time_limit(unsigned int seconds);

/* The time-stamp counter, not before what precedes it is done. */
static inline uint64_t read_tsc(void)
{
	_mm_lfence();
	return __rdtsc();
}

/* A marker for the lab's emulator (Bochs' magic breakpoint), else a no-op. */
static inline void marker(void)
{
	asm volatile("xchg %%bx, %%bx" : : : "memory");
}

#endif /* BENCH_H */
