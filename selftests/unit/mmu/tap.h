/* SPDX-License-Identifier: GPL-2.0 */
/*
 * tap.h - results of these tests in the Test Anything Protocol.
 *
 * A test is a function; whatever it finds wrong it reports by fail() or by
 * expect(), and run() makes one line of output of it.
 */
#ifndef MMU_TAP_H
#define MMU_TAP_H

#include <stdio.h>

/* Diagnostics of one test; a broken one would write thousands. */
#define TAP_MAX_DIAGNOSTICS	20

static unsigned int tap_count, tap_failed, tap_complaints;

#define fail(...) do {							\
	if (tap_complaints++ < TAP_MAX_DIAGNOSTICS) {			\
		printf("# %s:%d: ", __FILE__, __LINE__);		\
		printf(__VA_ARGS__);					\
		printf("\n");						\
	}								\
} while (0)

#define expect(condition) do {						\
	if (!(condition))						\
		fail("this does not hold: %s", #condition);		\
} while (0)

#define expect_eq(got, want) do {					\
	unsigned long long got_ = (got), want_ = (want);		\
									\
	if (got_ != want_)						\
		fail("%s is %#llx, not %#llx", #got, got_, want_);	\
} while (0)

#define run(test) tap_run(#test, test)

static void tap_run(const char *name, void (*test)(void))
{
	tap_complaints = 0;
	test();
	tap_count++;
	if (tap_complaints)
		tap_failed++;
	printf("%s %u - %s\n", tap_complaints ? "not ok" : "ok", tap_count,
	       name);
	fflush(stdout);
}

/* The plan, and the exit status. */
static int tap_end(void)
{
	printf("1..%u\n", tap_count);
	return tap_failed != 0;
}

#endif /* MMU_TAP_H */
