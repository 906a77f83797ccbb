/* SPDX-License-Identifier: GPL-2.0 */
/*
 * tap.h - test points in the Test Anything Protocol.
 *
 * IS(got, want, "what") and OK(cond, "what") are a point each; a failed one
 * says where it stands and both values.  END() prints the plan and is the
 * exit status of main().
 */
#ifndef TAP_H
#define TAP_H

#include <stdarg.h>
#include <stdio.h>

static int tap_points, tap_failed;

__attribute__((format(printf, 5, 6)))
static inline void tap_point(int ok, const char *file, int line,
			     const char *detail, const char *fmt, ...)
{
	va_list ap;

	printf("%sok %d - ", ok ? "" : "not ", ++tap_points);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	if (ok)
		return;
	tap_failed++;
	printf("# at %s:%d%s\n", file, line, detail);
}

#define OK(cond, ...) \
	tap_point(!!(cond), __FILE__, __LINE__, ": " #cond, __VA_ARGS__)

#define IS(got, want, ...) do { \
	long long got_ = (long long)(got), want_ = (long long)(want); \
	char detail_[96]; \
	snprintf(detail_, sizeof(detail_), ": got %#llx, want %#llx", \
		 got_, want_); \
	tap_point(got_ == want_, __FILE__, __LINE__, detail_, __VA_ARGS__); \
} while (0)

#define END() (printf("1..%d\n", tap_points), !!tap_failed)

#endif /* TAP_H */
