/* SPDX-License-Identifier: GPL-2.0 */
/*
 * say.h - how the command speaks to its user.
 *
 * An error is one sentence: what failed, why, and in brackets the cure.  It is
 * said where it is found, by the function that knows; callers above only pass
 * the failure on.
 */
#ifndef OSPITE_SAY_H
#define OSPITE_SAY_H

/*
 * The exit statuses of "ospite run" (the man page has the same table).  The
 * other commands use 0, 1 and STATUS_SETUP.
 */
enum status {
	STATUS_OK	= 0,	/* the guest powered off */
	STATUS_SETUP	= 128,	/* bad option, or the VM could not be started */
	STATUS_CRASH	= 129,	/* the guest crashed: a triple fault */
	STATUS_VMERROR	= 130,	/* the hypervisor could not go on */
	STATUS_INTERNAL	= 131,	/* the command itself could not go on */
	STATUS_RESET	= 132,	/* the guest asked for a reset, --no-reboot */
	STATUS_ENDED	= 133,	/* ended from outside: Ctrl-A x, stop, signal */
};

void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int say_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif /* OSPITE_SAY_H */
