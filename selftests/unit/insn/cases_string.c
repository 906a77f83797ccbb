// SPDX-License-Identifier: GPL-2.0
/*
 * cases_string.c - string instructions, their repetition, and ports.
 */
#include "cases.h"

/* Each iteration is committed, and can be the last for now. */
void test_rep(void)
{
	struct osp_insn insn;
	unsigned int i;

	start(OSP_INSN_LONG, false);
	CODE_BYTES(0xf3, 0xa4);			/* rep movsb */
	memcpy(ram, "device", 6);
	m.gpr[SI] = RAM;
	m.gpr[DI] = DEVICE;
	m.gpr[CX] = 6;
	m.cpu.rflags |= RF;
	expect_eq(osp_insn_decode(&m.cpu, &insn), OSP_INSN_OK);
	for (i = 1; i < 6; i++) {
		expect_eq(machine_step(&m, &insn), OSP_INSN_AGAIN);
		expect_eq(m.cpu.rip, CODE);
		expect_eq(m.gpr[CX], 6 - i);
		expect_eq(m.gpr[SI], RAM + i);
		expect_eq(m.gpr[DI], DEVICE + i);
		expect(m.cpu.rflags & RF);
	}
	expect_eq(machine_step(&m, &insn), OSP_INSN_OK);
	expect_eq(m.cpu.rip, CODE + 2);
	expect_eq(m.gpr[CX], 0);
	expect(!(m.cpu.rflags & RF));
	expect(!memcmp(device, "device", 6));
	expect_eq(m.nr_events, 6);

	/* Nothing to do: nothing is accessed. */
	start(OSP_INSN_LONG, false);
	CODE_BYTES(0xf3, 0xa4);
	m.gpr[SI] = m.gpr[DI] = BEYOND;
	run_ok(2);
}

/* Downwards, 16-bit addresses that wrap around, and upper parts that stay. */
void test_rep_addresses(void)
{
	start(OSP_INSN_LONG, false);
	CODE_BYTES(0xf3, 0xab);			/* rep stosl */
	m.cpu.rflags |= DF;
	m.gpr[DI] = DEVICE + 12;
	m.gpr[CX] = 3;
	m.gpr[AX] = 0x1122334455667788;
	run_ok(2);
	expect_eq(m.gpr[DI], DEVICE);
	expect_eq(m.nr_events, 3);
	expect_eq(m.events[0].addr, DEVICE + 12);
	expect_eq(m.events[2].addr, DEVICE + 4);
	expect_eq(m.events[2].val, 0x55667788);

	start(OSP_INSN_PROTECTED, false);
	CODE_BYTES(0xf3, 0xaa);			/* rep stosb */
	m.sregs[OSP_INSN_ES].base = DEVICE - 0xfffe;
	m.sregs[OSP_INSN_ES].limit = U32_MAX;
	m.gpr[DI] = 0x7777fffe;
	m.gpr[CX] = 0x99990002;
	run_ok(2);
	expect_eq(m.nr_events, 2);
	expect_eq(m.gpr[DI], 0x77770000);
	expect_eq(m.gpr[CX], 0x99990000);
}

/* REPE and REPNE end by the flag or by the count. */
void test_rep_compare(void)
{
	start(OSP_INSN_LONG, false);
	CODE_BYTES(0xf2, 0xae);			/* repne scasb */
	memcpy(device, "abcdef", 7);
	m.gpr[DI] = DEVICE;
	m.gpr[CX] = 100;
	m.gpr[AX] = 'd';
	run_ok(2);
	expect_eq(m.gpr[CX], 96);
	expect_eq(m.gpr[DI], DEVICE + 4);
	expect(m.cpu.rflags & ZF);
	expect_eq(m.pending, 4);

	start(OSP_INSN_LONG, false);
	CODE_BYTES(0xf3, 0xa6);			/* repe cmpsb */
	memcpy(device, "abcdef", 7);
	memcpy(ram, "abcxef", 7);
	m.gpr[DI] = DEVICE;
	m.gpr[SI] = RAM;
	m.gpr[CX] = 6;
	run_ok(2);
	expect_eq(m.gpr[CX], 2);
	expect(!(m.cpu.rflags & ZF));

	start(OSP_INSN_LONG, false);
	CODE_BYTES(0xf3, 0xa6);
	m.gpr[DI] = DEVICE;
	m.gpr[SI] = RAM;
	m.gpr[CX] = 3;
	run_ok(2);
	expect_eq(m.gpr[CX], 0);
	expect(m.cpu.rflags & ZF);
}

/* A page fault in the middle leaves what was done, and only that. */
void test_rep_fault(void)
{
	start(OSP_INSN_LONG, false);
	m.cpu.cpl = 3;
	CODE_BYTES(0xf3, 0x48, 0xab);		/* rep stosq */
	m.gpr[DI] = READ_ONLY - 16;
	m.gpr[CX] = 5;
	m.gpr[AX] = 1;
	run_fault(14, true, 7);
	expect_eq(m.cpu.fault.cr2, READ_ONLY);
	expect_eq(m.gpr[CX], 3);
	expect_eq(m.gpr[DI], READ_ONLY);
	expect_eq(load(ram + 2 * PAGE - 16, 8), 1);

	/* A crossing item is written whole or not at all. */
	start(OSP_INSN_LONG, false);
	CODE_BYTES(0x48, 0x89, 0x07);
	m.gpr[DI] = READ_ONLY - 4;
	m.gpr[AX] = ~0ULL;
	run_fault(14, true, 3);
	expect_eq(m.cpu.fault.cr2, READ_ONLY);
	expect_eq(load(ram + 2 * PAGE - 4, 4), 0);
}

/* INS: as many at once as count, page, buffer and port allow. */
void test_ins(void)
{
	start(OSP_INSN_LONG, false);
	CODE_BYTES(0xf3, 0x6c);			/* rep insb */
	m.gpr[DI] = RAM + PAGE - 100;
	m.gpr[CX] = 300;
	m.gpr[DX] = 0x12340080;
	run_ok(2);
	expect_eq(m.nr_events, 2);
	expect_eq(m.events[0].kind, EVENT_IN);
	expect_eq(m.events[0].addr, 0x80);
	expect_eq(m.events[0].count, 100);
	expect_eq(m.events[1].count, 200);
	expect_eq(m.gpr[DI], RAM + PAGE + 200);
	expect_eq(m.gpr[CX], 0);
	expect_eq(ram[PAGE - 100], 0);
	expect_eq(ram[PAGE + 199], 299 & 0xff);

	/* An item across the page border goes alone. */
	start(OSP_INSN_LONG, false);
	CODE_BYTES(0xf3, 0x6d);			/* rep insl */
	m.gpr[DI] = RAM + PAGE - 6;
	m.gpr[CX] = 4;
	run_ok(2);
	expect_eq(m.nr_events, 3);
	expect_eq(m.events[0].count, 1);
	expect_eq(m.events[1].count, 1);
	expect_eq(m.events[2].count, 2);
	expect_eq(load(ram + PAGE - 6, 8), 0x0706050403020100);

	/* The buffer, and what the port gives. */
	start(OSP_INSN_LONG, false);
	CODE_BYTES(0xf3, 0x66, 0x6d);		/* rep insw */
	m.cpu.io_len = 16;
	m.io_max = 5;
	m.gpr[DI] = RAM;
	m.gpr[CX] = 12;
	run_ok(3);
	expect_eq(m.nr_events, 3);
	expect_eq(m.events[0].len, 2);
	expect_eq(m.events[0].count, 5);
	expect_eq(m.events[2].count, 2);
	expect_eq(m.gpr[DI], RAM + 24);
}

/* INS one by one: without REP, downwards, at the end of a segment. */
void test_ins_single(void)
{
	start(OSP_INSN_LONG, false);
	CODE_BYTES(0x48, 0x6d);			/* insl: no 64-bit ports */
	m.gpr[DI] = RAM;
	m.gpr[CX] = 7;
	run_ok(2);
	expect_eq(m.events[0].len, 4);
	expect_eq(m.gpr[DI], RAM + 4);
	expect_eq(m.gpr[CX], 7);

	start(OSP_INSN_LONG, false);
	CODE_BYTES(0xf3, 0x6c);
	m.cpu.rflags |= DF;
	m.gpr[DI] = RAM + 2;
	m.gpr[CX] = 3;
	run_ok(2);
	expect_eq(m.nr_events, 3);
	expect_eq(load(ram, 3), 0x000102);
	expect_eq(m.gpr[DI], RAM - 1);

	/* The last one does not fit: the others are done first. */
	start(OSP_INSN_REAL, false);
	CODE_BYTES(0xf3, 0x6d);			/* rep insw */
	m.sregs[OSP_INSN_ES].limit = RAM + 4;
	m.gpr[DI] = RAM;
	m.gpr[CX] = 3;
	run_fault(13, false, 0);
	expect_eq(m.gpr[CX], 1);
	expect_eq(m.gpr[DI], RAM + 4);
	expect_eq(m.nr_events, 2);
}

/* Addresses of 16 bits that wrap around end a batch. */
static void ins_around(u8 limit_in_64k)
{
	start(OSP_INSN_PROTECTED, false);
	CODE_BYTES(0xf3, 0x6c);
	m.sregs[OSP_INSN_ES].base = RAM + PAGE / 2 - 0xfffe;
	m.sregs[OSP_INSN_ES].limit = limit_in_64k ? U16_MAX : U32_MAX;
	memset(ram, 0xee, sizeof(ram));
	m.gpr[DI] = 0xfffe;
	m.gpr[CX] = 2;
	run_ok(2);
	expect_eq(load(ram + PAGE / 2, 4), 0xeeee0100);
	expect_eq(m.gpr[DI], 0);
	expect_eq(m.events[0].count, 2);
}

void test_ins_wrap(void)
{
	ins_around(true);
	ins_around(false);

	/* Where it goes on is not mapped: nothing may have been read for it. */
	start(OSP_INSN_PROTECTED, false);
	CODE_BYTES(0xf3, 0x6c);
	m.sregs[OSP_INSN_ES].base = RAM + PAGE / 2 - 0xfffe;
	m.gpr[DI] = 0xfffe;
	m.gpr[CX] = 5;
	run_fault(14, true, 2);
	expect_eq(m.gpr[CX], 3);
	expect_eq(m.gpr[DI], 0);
	expect_eq(m.in_data, 2);
	expect_eq(m.cpu.fault.cr2, (u32)(RAM + PAGE / 2 - 0xfffe));
}

/* The destination is checked before the port is read and its data lost. */
void test_ins_fault(void)
{
	start(OSP_INSN_LONG, false);
	CODE_BYTES(0x6c);
	m.gpr[DI] = READ_ONLY;
	run_fault(14, true, 3);
	expect_eq(m.nr_events, 0);
}

/* Userspace has changed RCX when it answers: less, more, nothing is done. */
void test_ins_changed_count(void)
{
	struct osp_insn insn;

	start(OSP_INSN_LONG, false);
	CODE_BYTES(0xf3, 0x6c);
	m.gpr[DI] = RAM;
	m.gpr[CX] = 2;
	expect_eq(osp_insn_decode(&m.cpu, &insn), OSP_INSN_OK);
	expect_eq(osp_insn_execute(&m.cpu, &insn), OSP_INSN_PENDING);
	m.gpr[CX] = 0;
	m.waiting = false;
	expect_eq(osp_insn_execute(&m.cpu, &insn), OSP_INSN_OK);
	expect_eq(m.gpr[DI], RAM);
	expect_eq(m.cpu.rip, CODE + 2);
}

void test_outs(void)
{
	start(OSP_INSN_LONG, false);
	CODE_BYTES(0xf3, 0x6e);			/* rep outsb */
	memcpy(ram + PAGE - 3, "abcdef", 6);
	m.gpr[SI] = RAM + PAGE - 3;
	m.gpr[CX] = 6;
	m.gpr[DX] = 0x3f8;
	run_ok(2);
	expect_eq(m.nr_events, 2);
	expect_eq(m.events[0].kind, EVENT_OUT);
	expect_eq(m.events[0].addr, 0x3f8);
	expect_eq(m.events[0].count, 3);
	expect_eq(m.events[0].val, 0x636261);
	expect_eq(m.events[1].val, 0x666564);
	expect_eq(m.gpr[SI], RAM + PAGE + 3);

	/* A source that is read-only will do. */
	start(OSP_INSN_PROTECTED, true);
	CODE_BYTES(0xf3, 0x6e);
	m.sregs[OSP_INSN_DS].ar = 0x91;
	m.gpr[SI] = READ_ONLY;
	m.gpr[CX] = 4;
	run_ok(2);
	expect_eq(m.nr_events, 1);
	expect_eq(m.events[0].val, 0x11111111);

	/* The port takes fewer; and a segment override. */
	start(OSP_INSN_LONG, false);
	CODE_BYTES(0x64, 0xf3, 0x66, 0x6f);	/* rep outsw %fs:(%rsi) */
	m.sregs[OSP_INSN_FS].base = RAM;
	m.io_max = 2;
	m.gpr[SI] = 0x10;
	m.gpr[CX] = 3;
	ram[0x14] = 0x99;
	run_ok(4);
	expect_eq(m.nr_events, 2);
	expect_eq(m.events[0].count, 2);
	expect_eq(m.events[1].count, 1);
	expect_eq(m.events[1].val, 0x99);
}

/* Without an exit of its own, an I/O instruction needs IOPL. */
void test_io_permission(void)
{
	start(OSP_INSN_LONG, false);
	CODE_BYTES(0x6e);
	m.cpu.cpl = 3;
	m.gpr[SI] = RAM;
	run_fault(13, true, 0);
	m.cpu.rflags |= 3 << 12;
	run_ok(1);
	m.cpu.rflags &= ~(3 << 12);
	m.cpu.rip = CODE;
	m.cpu.io_checked = true;
	run_ok(1);

	start(OSP_INSN_VM86, false);
	CODE_BYTES(0x6e);
	m.cpu.rflags |= 3 << 12;
	m.gpr[SI] = RAM;
	run_fault(13, true, 0);
}
