/* SPDX-License-Identifier: GPL-2.0 */
/*
 * tap.h - test results in the Test Anything Protocol.
 *
 * A test is a function that uses expect() for what must hold; tap_run() makes
 * it one line of output, and tap_end() the plan and the exit status.
 */
#ifndef OSP_TAP_H
#define OSP_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

static struct {
	unsigned int tests, failed, failures;
	const char *skip;
} tap;

/* Report what did not hold; the first ones only, a broken test says plenty. */
static inline void tap_fail(const char *file, int line, const char *fmt, ...)
{
	va_list args;

	if (++tap.failures > 20)
		return;
	printf("# %s:%d: ", file, line);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n");
}

#define fail(...)	tap_fail(__FILE__, __LINE__, __VA_ARGS__)

#define expect(cond) do { \
	if (!(cond)) \
		fail("expected: %s", #cond); \
} while (0)

#define expect_eq(a, b) do { \
	unsigned long long a_ = (a), b_ = (b); \
	\
	if (a_ != b_) \
		fail("%s is %#llx, expected %s, %#llx", #a, a_, #b, b_); \
} while (0)

static inline void tap_run(const char *name, void (*test)(void))
{
	tap.failures = 0;
	tap.skip = NULL;
	test();
	tap.tests++;
	if (tap.failures)
		tap.failed++;
	printf("%sok %u - %s%s%s\n", tap.failures ? "not " : "", tap.tests,
	       name, tap.skip ? " # SKIP " : "", tap.skip ? tap.skip : "");
	fflush(stdout);
}

#define run(test)	tap_run(#test, test)

static inline int tap_end(void)
{
	printf("1..%u\n", tap.tests);
	return tap.failed ? 1 : 0;
}

#endif /* OSP_TAP_H */
