// SPDX-License-Identifier: GPL-2.0
/*
 * report.c - from samples to lines, and how the program speaks of failures.
 *
 * A row's figure is the median of its samples: a batch in which the host's
 * timer ticked falls out.  Least and greatest are kept beside it.
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "bench.h"

static volatile sig_atomic_t time_is_up;

void samples_add(struct samples *samples, double value)
{
	if (samples->count < MAX_SAMPLES)
		samples->value[samples->count++] = value;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts the samples too: value[0] is the least afterwards. */
static double median(struct samples *samples)
{
	qsort(samples->value, samples->count, sizeof(double), compare);
	return samples->value[samples->count / 2];
}

/* One object a line, which survives kernel messages between the lines. */
void report_json(const char *dev, const struct row *row,
		 struct samples *samples)
{
	double middle = median(samples);

	printf("{\"dev\":\"%s\",\"row\":\"%s\",\"title\":\"%s\",",
	       dev, row->name, row->title);
	printf("\"unit\":\"%s\",\"target\":%u,\"detail\":\"%s\",",
	       row->unit, row->target, samples->detail);
	printf("\"value\":%.1f,\"min\":%.1f,\"max\":%.1f,\"samples\":%u}\n",
	       middle, samples->value[0], samples->value[samples->count - 1],
	       samples->count);
	fflush(stdout);
}

void report_line(const struct row *row, struct samples *samples)
{
	double middle = median(samples);

	printf("%-44s %10.0f %-6s (%.0f to %.0f)%s%s\n", row->title, middle,
	       row->unit, samples->value[0],
	       samples->value[samples->count - 1],
	       samples->detail[0] ? "  " : "", samples->detail);
	fflush(stdout);
}

void complain(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "osp-bench: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

/* Say that @what failed, with errno's reason.  Returns -1. */
int failed(const char *what)
{
	int error = errno;

	if (error == EINTR && time_is_up)
		complain("%s: the guest did not finish within the time limit",
			 what);
	else
		complain("%s: %s", what, strerror(error));
	return -1;
}

int out_of_time(void)
{
	return time_is_up;
}

static void on_alarm(int signal)
{
	(void)signal;
	time_is_up = 1;
}

/*
 * From now on, the row may take @seconds.  The signal comes again and again
 * after that, as the first may arrive just before KVM_RUN.
 */
void set_time_limit(unsigned int seconds)
{
	struct sigaction action = { .sa_handler = on_alarm };
	struct itimerval limit = {
		.it_value.tv_sec = seconds,
		.it_interval.tv_usec = 100000,
	};

	time_is_up = 0;
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &limit, NULL);
}
