/* SPDX-License-Identifier: GPL-2.0 */
/*
 * tap.h - test results in the Test Anything Protocol.
 *
 * A test is a function that uses expect() for what must hold; tap_run() makes
 * it one line of output, and tap_end() the plan and the exit status.
 */
#ifndef OSP_TAP_H
#define OSP_TAP_H

#include <stdbool.h>
#include <stdio.h>

/**
 * struct tap - how it goes
 * @tests: run
 * @failed: of those
 * @failures: of the present test
 * @skip: why the present test can't be done here
 */
struct tap {
	unsigned int tests, failed, failures;
	const char *skip;
};

extern struct tap tap;

void tap_fail(const char *file, int line, const char *fmt, ...)
	__attribute__((__format__(__printf__, 3, 4)));
void tap_run(const char *name, void (*test)(void));
int tap_end(void);

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

#define run(test)	tap_run(#test, test)

#endif /* OSP_TAP_H */
