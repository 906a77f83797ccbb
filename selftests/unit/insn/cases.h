/* SPDX-License-Identifier: GPL-2.0 */
/*
 * cases.h - what the hand-written cases of the emulator share: one machine
 * with memory of each kind, and how an instruction is put into it and run.
 */
#ifndef OSP_CASES_H
#define OSP_CASES_H

#include "machine.h"
#include "tap.h"

#define CODE		0x1000UL
#define RAM		0x4000UL	/* two pages */
#define READ_ONLY	0x6000UL
#define DEVICE		0x8000UL
#define BEYOND		0xa000UL	/* nothing from here on */

#define CF		0x001
#define PF		0x004
#define AF		0x010
#define ZF		0x040
#define SF		0x080
#define DF		0x400
#define OF		0x800
#define RF		0x10000
#define ARITH		(CF | PF | AF | ZF | SF | OF)

enum { AX, CX, DX, BX, SP, BP, SI, DI };

extern struct machine m;
extern u8 code_page[2 * PAGE], ram[2 * PAGE], ro[PAGE], device[2 * PAGE];

void start(enum osp_insn_mode mode, bool cs_d);
void put_code(const void *code, unsigned int len);
u64 load(const u8 *memory, unsigned int len);
void run_ok(unsigned int len);
void run_fault(u8 vector, bool has_error, u32 error);

#define CODE_BYTES(...) put_code((const u8[]){ __VA_ARGS__ }, \
				 sizeof((const u8[]){ __VA_ARGS__ }))

/* cases_each.c */
void test_each_instruction(void);
void test_lengths(void);
void test_fetch(void);
void test_mov_sreg(void);
void test_host_errors(void);

/* cases_device.c */
void test_device_mov(void);
void test_simple(void);
void test_device_rmw(void);
void test_device_twice(void);
void test_write_intent(void);
void test_lock(void);
void test_features(void);
void test_sse(void);
void test_stack(void);

/* cases_string.c */
void test_rep(void);
void test_rep_addresses(void);
void test_rep_compare(void);
void test_rep_fault(void);
void test_ins(void);
void test_ins_single(void);
void test_ins_wrap(void);
void test_ins_fault(void);
void test_ins_changed_count(void);
void test_outs(void);
void test_io_permission(void);

/* cases_address.c */
void test_real_mode(void);
void test_segments(void);
void test_long_addresses(void);
void test_alignment(void);

#endif /* OSP_CASES_H */
