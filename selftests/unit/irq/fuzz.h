/* SPDX-License-Identifier: GPL-2.0 */
/*
 * fuzz.h - the fuzzers' input: a stream of numbers that begins with what the
 * fuzzer made and goes on pseudo-randomly from there, so that a run is long
 * enough to get somewhere however short its input is.  Repeatable.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include "machine.h"

#define FUZZ_STEPS	400

struct input {
	const u8 *p;
	size_t left;
	u64 state;
	u32 steps;
};

static inline struct input input_begin(const u8 *p, size_t size)
{
	struct input in = { p, size, 0x9e3779b97f4a7c15ULL, 0 };
	size_t i;

	for (i = 0; i < size; i++)
		in.state = (in.state ^ p[i]) * 0x100000001b3ULL;
	in.state |= 1;
	return in;
}

/* One more step, or the end of this run. */
static inline bool input_more(struct input *in)
{
	return in->steps++ < FUZZ_STEPS;
}

static inline u8 next_byte(struct input *in)
{
	if (in->left) {
		in->left--;
		return *in->p++;
	}
	in->state ^= in->state << 13;
	in->state ^= in->state >> 7;
	in->state ^= in->state << 17;
	return in->state >> 24;
}

static inline u64 next(struct input *in, u32 bytes)
{
	u64 val = 0;

	while (bytes--)
		val = val << 8 | next_byte(in);
	return val;
}

static inline void must(bool cond)
{
	if (!cond)
		abort();
}

#endif /* FUZZ_H */
