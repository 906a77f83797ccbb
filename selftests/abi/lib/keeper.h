/* SPDX-License-Identifier: GPL-2.0 */
/*
 * keeper.h - a guest that knows what each word of its memory has to be.
 *
 * It goes over the memory again and again, compares each word with what it
 * left there and leaves something else.  The host does what the case is about
 * meanwhile.  At the end both must agree on every byte.
 */
#ifndef ABI_KEEPER_H
#define ABI_KEEPER_H

#include "abi.h"

#define KEEPER_GPA	0x20000000ull

#define KEEP_LOSSY	1	/* a word may have become zero */
#define KEEP_RETRY	2	/* KVM_RUN may fail with EFAULT for a while */
#define KEEP_ALIKE	4	/* all pages have the same contents */

u64 keeper_word(u64 i, u64 version);
bool keeper_one_moment(const u64 *p, u64 words);
void keeper_fill(u64 *p, u64 pages, int flags);
void keeper_prepare(u64 *p, u64 pages, int flags);
void keeper_start(void);
void keeper_quiet(bool quiet);
void keeper_pause(bool on);
void keeper_wait(void);
u64 keeper_version(void);
void keeper_end(void);

#endif
