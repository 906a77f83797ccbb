/* SPDX-License-Identifier: GPL-2.0 */
/*
 * generate.h - random instructions, of those that are emulated, that mostly
 * hit the memory they are aimed at.
 */
#ifndef OSP_GENERATE_H
#define OSP_GENERATE_H

#include "../../../module/plain.h"

/**
 * struct setting - what an instruction is generated for
 * @is_long: 64-bit mode
 * @cs_d: the default size is 32 bits, outside 64-bit mode
 * @rip: where it will be
 * @base: linear address of each segment, in the order of their encoding
 * @targets: linear addresses: memory may be accessed from here
 * @targets_len: up to here
 */
struct setting {
	bool is_long, cs_d;
	u64 rip;
	u64 base[6];
	u64 targets;
	unsigned int targets_len;
};

/**
 * struct generated - an instruction and what to run it with
 * @code: its bytes
 * @len: how many
 * @gpr: registers, such that its operands are where they shall be
 * @rflags: flags
 */
struct generated {
	u8 code[32];
	unsigned int len;
	u64 gpr[16];
	u64 rflags;
};

void seed_random(u64 seed);
u64 random64(void);
unsigned int below(unsigned int n);

void generate(const struct setting *s, struct generated *g);

#endif /* OSP_GENERATE_H */
