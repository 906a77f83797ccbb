/* SPDX-License-Identifier: GPL-2.0 */
/*
 * types.h - what the host side and every guest of the ABI tests agree on.
 *
 * The guest-physical memory map of the tests, the ports by which a guest talks
 * to its test, and the record in which a guest notes what an instruction did.
 * The same record is written by 32-bit and by 64-bit guests, so its layout is
 * free of pointers.  Plain constants only: guest32.c compiles freestanding.
 */
#ifndef ABI_TYPES_H
#define ABI_TYPES_H

#ifndef __ASSEMBLER__

#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t s32;
typedef int64_t s64;

#define BIT(n)		(1UL << (n))
#define BIT_ULL(n)	(1ULL << (n))

#endif /* __ASSEMBLER__ */

/* Guest-physical map.  RAM starts at 0; everything below is in slot 0. */
#define GPA_GDT		0x1000
#define GPA_IDT		0x2000		/* 64-bit IDT */
#define GPA_TSS		0x3000
#define GPA_PML4	0x4000
#define GPA_PDPT	0x5000
#define GPA_PD		0x6000		/* 0 to 1 GiB, 2 MiB pages */
#define GPA_PD3		0x7000		/* 3 to 4 GiB: where the APICs are */
#define GPA_CODE16	0x8000		/* real-mode blobs */
#define GPA_SHARED	0xf000		/* a page that tests use as they like */
#define GPA_CODE32	0x10000	/* 32-bit blob, 64 KiB */
#define GPA_STACKS	0x20000	/* 16 KiB per vCPU, top down from +16K */
#define STACK_SIZE	0x4000
#define GPA_LOG		0x60000	/* struct guest_log */
#define GPA_PT32	0x80000	/* page tables that 32-bit tests build */
#define GPA_FREE	0x200000	/* 2 MiB that no one else uses */
#define RAM_SIZE	0x800000	/* the program's image lies at 0x400000 */
#define GPA_MMIO	0x10000000	/* nothing is ever mapped here */

/* GDT of all protected modes; selectors. */
#define SEL_CS64	0x08
#define SEL_DS		0x10
#define SEL_UCS32	0x18
#define SEL_UDS		0x20
#define SEL_UCS64	0x28
#define SEL_TSS		0x30
#define SEL_CS32	0x40
#define SEL_CS16	0x48
#define SEL_DS16	0x50

/* Ports. */
#define PORT_DONE	0x5e0	/* the guest has finished */
#define PORT_PANIC	0x5e1	/* the guest took an unexpected exception */
#define PORT_SYNC	0x5e2	/* a rendezvous; the value is the test's own */

#ifndef __ASSEMBLER__

#define NOFAULT		(-1)

#define REC_VAL		1	/* val must be want */
#define REC_SHOW	2	/* val is shown, so it must match the oracle */
#define REC_ERR		4	/* err must be want_err */

/**
 * struct guest_rec - what one instruction of a guest did
 * @name: of the case, unique within its test
 * @vec: exception it raised, or NOFAULT
 * @want_vec: exception it must raise, or NOFAULT
 * @err: error code pushed
 * @want_err: error code expected
 * @val: result
 * @want: result expected
 * @flags: REC_*
 * @pad: zero
 */
struct guest_rec {
	char name[40];
	s32 vec;
	s32 want_vec;
	u32 err;
	u32 want_err;
	u64 val;
	u64 want;
	u32 flags;
	u32 pad;
};

#define LOG_MAX 700

/**
 * struct guest_log - all that a guest noted, at GPA_LOG
 * @nr: records written
 * @pad: zero
 * @rec: the records
 */
struct guest_log {
	u32 nr;
	u32 pad;
	struct guest_rec rec[LOG_MAX];
};

#endif /* __ASSEMBLER__ */

#endif
