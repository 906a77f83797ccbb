// SPDX-License-Identifier: GPL-2.0
/*
 * tap.c - test results in the Test Anything Protocol.
 */
#include <stdarg.h>
#include "tap.h"

struct tap tap;

/**
 * tap_fail() - report what did not hold
 * @file: source file
 * @line: line in it
 * @fmt: message
 *
 * Only the first of a test are shown: a broken one has plenty.
 */
void tap_fail(const char *file, int line, const char *fmt, ...)
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

/**
 * tap_run() - run a test and print its result
 * @name: of the test
 * @test: the test
 */
void tap_run(const char *name, void (*test)(void))
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

/**
 * tap_end() - print the plan
 *
 * Return: exit status of the program.
 */
int tap_end(void)
{
	printf("1..%u\n", tap.tests);
	return tap.failed ? 1 : 0;
}
