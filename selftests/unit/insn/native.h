/* SPDX-License-Identifier: GPL-2.0 */
/*
 * native.h - execute one instruction on the real processor.
 *
 * In 64-bit mode, or in any segments that a Linux process can have: those of
 * compatibility mode, and its own in the LDT.
 */
#ifndef OSP_NATIVE_H
#define OSP_NATIVE_H

#include "../../../module/plain.h"

/**
 * struct native_state - registers before or after (offsets known in native.S)
 * @gpr: in the order of their encoding
 * @rflags: flags
 * @xmm: SSE registers
 */
struct native_state {
	u64 gpr[16];
	u64 rflags;
	u64 unused;
	u8 xmm[16][16];
} __aligned(16);

/**
 * struct native_segments - selectors to run with outside 64-bit mode
 */
struct native_segments {
	u16 cs, ss, ds, es, gs;
};

/**
 * struct native_fault - how the instruction ended
 * @happened: by an exception; else the rest is not valid
 * @vector: its number
 * @error: its error code
 * @cr2: for #PF
 * @rip: where
 */
struct native_fault {
	bool happened;
	u8 vector;
	u32 error;
	u64 cr2;
	u64 rip;
};

extern struct native_state native_in, native_out;
extern struct native_fault native_fault;

void native_init(void);
void native_run_long(const void *code, void *end);
void native_run_legacy(const struct native_segments *segs, u32 eip, void *end,
		       bool cs_d);

/* native.S, for native.c */
extern u64 native_host_rsp, native_target[2];
extern u16 native_sregs[4];
extern char native_exit[], native_exit_fault[];
void native_enter_long(void);
void native_enter_legacy(void);

#endif /* OSP_NATIVE_H */
