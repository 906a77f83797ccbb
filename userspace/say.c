// SPDX-License-Identifier: GPL-2.0
/*
 * say.c - messages to the user, one line each, on standard error.
 *
 * Takes no locks; a line goes out in one write(2), so lines of several threads
 * do not mix.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "say.h"
#include "term.h"

static void say_line(const char *fmt, va_list ap)
{
	static const char prefix[] = "ospite: ";
	const char *eol = term_is_raw() ? "\r\n" : "\n";
	char line[4352];	/* a dead VM's registers are long */
	size_t len = sizeof(prefix) - 1;
	ssize_t ignored;
	int n;

	memcpy(line, prefix, len);
	n = vsnprintf(line + len, sizeof(line) - len - 2, fmt, ap);
	if (n < 0)
		return;
	len = strlen(line);
	memcpy(line + len, eol, strlen(eol));
	ignored = write(STDERR_FILENO, line, len + strlen(eol));
	(void)ignored;	/* there is nobody left to tell */
}

/**
 * say() - print one line, "ospite: " and the sentence
 * @fmt: printf format of the sentence, without a newline
 */
void say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say_line(fmt, ap);
	va_end(ap);
}

/**
 * say_fail() - say why something failed
 * @fmt: printf format of the sentence, without a newline
 *
 * Return: -1, always, so that a caller can write ``return say_fail(...)``.
 */
int say_fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say_line(fmt, ap);
	va_end(ap);
	return -1;
}
