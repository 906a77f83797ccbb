// SPDX-License-Identifier: GPL-2.0
/*
 * cases_address.c - modes, segments, limits, canonical and aligned addresses.
 */
#include "cases.h"

/* Real mode: limits of 64 KiB, faults without error codes. */
void test_real_mode(void)
{
	start(OSP_INSN_REAL, false);
	CODE_BYTES(0x89, 0x05);			/* mov %ax,(%di) */
	m.sregs[OSP_INSN_DS].base = DEVICE - 0xffff;
	m.gpr[DI] = 0xabcdffff;
	run_fault(13, false, 0);
	m.gpr[DI] = 0xffffffff;
	CODE_BYTES(0x88, 0x05);			/* mov %al,(%di) */
	run_ok(2);
	expect_eq(m.events[0].addr, DEVICE);

	/* The stack segment, by base register and by prefix. */
	start(OSP_INSN_REAL, false);
	CODE_BYTES(0x89, 0x46, 0x01);		/* mov %ax,1(%bp) */
	m.gpr[BP] = 0xfffe;
	run_fault(12, false, 0);
	CODE_BYTES(0x36, 0x89, 0x05);		/* mov %ax,%ss:(%di) */
	m.gpr[DI] = 0xffff;
	run_fault(12, false, 0);
	CODE_BYTES(0x3e, 0x89, 0x46, 0x01);	/* mov %ax,%ds:1(%bp) */
	run_fault(13, false, 0);

	/* Sums of base, index and displacement wrap around at 64 KiB. */
	start(OSP_INSN_REAL, false);
	CODE_BYTES(0x89, 0x40, 0x10);		/* mov %ax,0x10(%bx,%si) */
	m.gpr[BX] = 0x18000;
	m.gpr[SI] = DEVICE + 0x8000 - 0x10;
	m.gpr[AX] = 0x4321;
	run_ok(3);
	expect_eq(m.events[0].addr, DEVICE);
	expect_eq(m.events[0].val, 0x4321);

	/* "Unreal" mode: a limit left over from protected mode. */
	start(OSP_INSN_REAL, false);
	CODE_BYTES(0x67, 0x66, 0x89, 0x07);	/* mov %eax,(%edi) */
	m.gpr[DI] = 0x20000;
	m.sregs[OSP_INSN_DS].base = DEVICE - 0x20000 + (1ULL << 32);
	run_fault(13, false, 0);
	m.sregs[OSP_INSN_DS].limit = U32_MAX;
	run_ok(4);
	expect_eq(m.events[0].addr, DEVICE);
}

/* Types, limits and unusable segments of protected mode. */
void test_segments(void)
{
	start(OSP_INSN_PROTECTED, true);
	CODE_BYTES(0x89, 0x07);
	m.gpr[DI] = RAM;
	m.sregs[OSP_INSN_DS].ar = 0x91;		/* read-only */
	run_fault(13, true, 0);
	m.sregs[OSP_INSN_DS].ar = 0x9b;		/* code */
	run_fault(13, true, 0);
	m.sregs[OSP_INSN_DS].ar = 0x93 | OSP_INSN_AR_UNUSABLE;
	run_fault(13, true, 0);
	CODE_BYTES(0x8b, 0x07);
	m.sregs[OSP_INSN_DS].ar = 0x99;		/* execute-only */
	run_fault(13, true, 0);
	m.sregs[OSP_INSN_DS].ar = 0x9b;
	run_ok(2);

	/* Expand-down: above the limit, up to 64 KiB or 4 GiB. */
	start(OSP_INSN_PROTECTED, true);
	CODE_BYTES(0x8b, 0x07);
	m.sregs[OSP_INSN_DS].ar = 0x97;
	m.sregs[OSP_INSN_DS].limit = RAM - 1;
	m.gpr[DI] = RAM - 1;
	run_fault(13, true, 0);
	m.gpr[DI] = RAM;
	run_ok(2);
	m.cpu.rip = CODE;
	m.gpr[DI] = 0xfffd;
	run_fault(13, true, 0);
	m.sregs[OSP_INSN_DS].ar |= OSP_INSN_AR_DB;
	run_fault(14, true, 0);

	/* An operand at the end of the 4 GiB, and around it. */
	start(OSP_INSN_PROTECTED, true);
	CODE_BYTES(0x8b, 0x07);
	m.gpr[DI] = 0xfffffffc;
	run_fault(14, true, 0);
	start(OSP_INSN_PROTECTED, true);
	CODE_BYTES(0x8b, 0x07);
	m.sregs[OSP_INSN_DS].base = 0x1000;
	m.gpr[DI] = 0xffffeffe;
	expect_eq(machine_run(&m), OSP_INSN_UNHANDLED);
}

/* 64-bit mode: canonical addresses, and only FS and GS have a base. */
void test_long_addresses(void)
{
	start(OSP_INSN_LONG, false);
	m.sregs[OSP_INSN_DS].base = 0x123456;
	m.sregs[OSP_INSN_DS].limit = 0;
	m.sregs[OSP_INSN_DS].ar = OSP_INSN_AR_UNUSABLE;
	CODE_BYTES(0x3e, 0x89, 0x07);
	m.gpr[DI] = DEVICE;
	run_ok(3);
	expect_eq(m.events[0].addr, DEVICE);

	CODE_BYTES(0x65, 0x3e, 0x89, 0x47, 0xf0); /* mov %eax,%gs:-16(%rdi) */
	m.cpu.rip = CODE;
	m.gpr[DI] = 0x30;
	m.sregs[OSP_INSN_GS].base = DEVICE;
	run_ok(5);
	expect_eq(m.events[1].addr, DEVICE + 0x20);

	CODE_BYTES(0x89, 0x07);
	m.cpu.rip = CODE;
	m.gpr[DI] = 1ULL << 47;
	run_fault(13, true, 0);
	m.gpr[DI] = (1ULL << 47) - 2;
	run_fault(13, true, 0);
	m.gpr[DI] = ~0ULL << 47;
	run_fault(14, true, 2);
	m.gpr[DI] = 1ULL << 47;
	m.cpu.va_bits = 57;
	run_fault(14, true, 2);
	m.gpr[DI] = 1ULL << 56;
	run_fault(13, true, 0);
	CODE_BYTES(0x89, 0x45, 0x00);
	m.gpr[BP] = 1ULL << 56;
	run_fault(12, true, 0);

	/* RIP-relative, counted from the end, with an immediate behind. */
	start(OSP_INSN_LONG, false);
	CODE_BYTES(0xc7, 0x05, 0xf6, 0x6f, 0x00, 0x00, 1, 2, 3, 4);
	run_ok(10);
	expect_eq(m.events[0].addr, CODE + 10 + 0x6ff6);
	expect_eq(m.events[0].val, 0x04030201);
}

/* #AC: at CPL 3, with CR0.AM and RFLAGS.AC. */
void test_alignment(void)
{
	start(OSP_INSN_LONG, false);
	CODE_BYTES(0x89, 0x07);
	m.gpr[DI] = RAM + 2;
	m.cpu.rflags |= 1 << 18;
	m.cpu.align_check = true;
	run_ok(2);
	m.cpu.rip = CODE;
	m.cpu.cpl = 3;
	run_fault(17, true, 0);
	m.gpr[DI] = RAM + 4;
	run_ok(2);
	m.cpu.rip = CODE;
	m.gpr[DI] = RAM + 2;
	m.cpu.align_check = false;
	run_ok(2);
	m.cpu.rip = CODE;
	m.cpu.align_check = true;
	m.cpu.rflags &= ~(1 << 18);
	run_ok(2);
}
