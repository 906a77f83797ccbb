/* SPDX-License-Identifier: GPL-2.0 */
/*
 * term.h - the user's terminal as the guest's serial console.
 */
#ifndef OSPITE_TERM_H
#define OSPITE_TERM_H

#include "types.h"

/* What term_read() found the user to want, beside input for the guest. */
enum term_event {
	TERM_INPUT,	/* nothing but the bytes returned */
	TERM_QUIT,	/* Ctrl-A x */
	TERM_EOF,	/* standard input has ended */
};

int term_raw(void);
int term_adopt(const int fds[3]);
void term_restore(void);
void term_suspend(void);
void term_resume(void);
bool term_is_raw(void);
bool term_is_tty(void);

enum term_event term_read(u8 *buf, size_t *len);

bool term_put(u8 byte, const bool *leave);
bool term_pending(void);
bool term_flush(void);
void term_drain(void);

#endif /* OSPITE_TERM_H */
