// SPDX-License-Identifier: GPL-2.0
/*
 * cases_device.c - devices: what waits for userspace, what is written when, and
 * what must not be touched.
 */
#include "cases.h"

/* MOV from and to a device, in all sizes. */
void test_device_mov(void)
{
	unsigned int size, i;

	for (i = 0; i < 4; i++) {
		static const u8 loads[4][3] = {
			{ 0x90, 0x8a, 0x07 }, { 0x66, 0x8b, 0x07 },
			{ 0x90, 0x8b, 0x07 }, { 0x48, 0x8b, 0x07 },
		};
		unsigned int skip = loads[i][0] == 0x90;
		u64 val = 0x8877665544332211;

		size = 1 << i;
		start(OSP_INSN_LONG, false);
		put_code(loads[i] + skip, 3 - skip);
		memcpy(device + 0x20, &val, 8);
		m.gpr[DI] = DEVICE + 0x20;
		run_ok(3 - skip);
		expect_eq(m.pending, 1);
		expect_eq(m.nr_events, 1);
		expect_eq(m.events[0].kind, EVENT_READ);
		expect_eq(m.events[0].addr, DEVICE + 0x20);
		expect_eq(m.events[0].len, size);
		expect_eq(m.gpr[AX], val & (~0ULL >> (64 - 8 * size)));

		code_page[1 - skip] &= ~2;	/* the store */
		m.cpu.rip = CODE;
		m.gpr[AX] = ~val;
		m.nr_events = 0;
		run_ok(3 - skip);
		expect_eq(m.nr_events, 1);
		expect_eq(m.events[0].kind, EVENT_WRITE);
		expect_eq(m.events[0].len, size);
		expect_eq(load(device + 0x20, size),
			  ~val & (~0ULL >> (64 - 8 * size)));
		expect_eq(m.pending, 1);
	}
}

/*
 * Which instructions are simple MOVs; that these do what they should is checked
 * with each instruction that a machine executes.
 */
void test_simple(void)
{
	static const struct {
		u8 code[12];
		u8 len, simple;
		enum osp_insn_mode mode;
	} cases[] = {
		{ { 0x89, 0x07 }, 2, 1, OSP_INSN_LONG },
		{ { 0x8a, 0x27 }, 2, 1, OSP_INSN_LONG },	/* AH */
		{ { 0x40, 0x88, 0x3f }, 3, 1, OSP_INSN_LONG },	/* DIL */
		{ { 0x66, 0xc7, 0x07, 0x34, 0x12 }, 5, 1, OSP_INSN_LONG },
		{ { 0x48, 0x0f, 0xbe, 0x07 }, 4, 1, OSP_INSN_LONG },
		{ { 0x8b, 0x44, 0x9f, 0xfc }, 4, 1, OSP_INSN_LONG },
		{ { 0xa1, 0x00, 0x80 }, 9, 1, OSP_INSN_LONG },	/* an offset */
		{ { 0x8b, 0x07 }, 2, 0, OSP_INSN_PROTECTED },
		{ { 0x67, 0x8b, 0x07 }, 3, 0, OSP_INSN_LONG },	/* EDI */
		{ { 0x64, 0x8b, 0x07 }, 3, 0, OSP_INSN_LONG },	/* FS */
		{ { 0xf3, 0x8b, 0x07 }, 3, 0, OSP_INSN_LONG },
		{ { 0x8b, 0x27 }, 2, 0, OSP_INSN_LONG },	/* ESP */
		{ { 0x8b, 0x04, 0x24 }, 3, 0, OSP_INSN_LONG },	/* (RSP) */
		{ { 0x88, 0x24, 0x24 }, 3, 0, OSP_INSN_LONG },	/* AH, (RSP) */
		{ { 0x01, 0x07 }, 2, 0, OSP_INSN_LONG },	/* ADD */
		{ { 0x0f, 0x44, 0x07 }, 3, 0, OSP_INSN_LONG },	/* CMOV */
		{ { 0x8c, 0x07 }, 2, 0, OSP_INSN_LONG },	/* MOV from ES */
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		start(cases[i].mode, true);
		put_code(cases[i].code, cases[i].len);
		m.gpr[DI] = DEVICE + 0x20;
		m.gpr[SP] = RAM + 0x20;
		m.gpr[BX] = 2;
		run_ok(cases[i].len);
		expect_eq(m.simple, cases[i].simple);
	}
}

/* An instruction that changes a device's register reads and writes it once. */
void test_device_rmw(void)
{
	start(OSP_INSN_LONG, false);
	CODE_BYTES(0x83, 0x0f, 0x80);		/* orl $-128,(%rdi) */
	device[0] = 0x12;
	m.gpr[DI] = DEVICE;
	run_ok(3);
	expect_eq(m.pending, 1);
	expect_eq(m.nr_events, 2);
	expect_eq(m.events[0].kind, EVENT_READ);
	expect_eq(m.events[1].kind, EVENT_WRITE);
	expect_eq(m.events[1].val, 0xffffff92);

	/* CMP and TEST only read. */
	start(OSP_INSN_LONG, false);
	CODE_BYTES(0x83, 0x3f, 0x12);
	device[0] = 0x12;
	m.gpr[DI] = DEVICE;
	run_ok(3);
	expect_eq(m.nr_events, 1);
	expect(m.cpu.rflags & ZF);
}

/* Two reads that both have to wait: the first answer is replayed. */
void test_device_twice(void)
{
	start(OSP_INSN_LONG, false);
	CODE_BYTES(0xa7);			/* cmpsl */
	device[0] = 5;
	device[0x100] = 5;
	m.gpr[SI] = DEVICE;
	m.gpr[DI] = DEVICE + 0x100;
	run_ok(1);
	expect_eq(m.pending, 2);
	expect_eq(m.nr_events, 2);
	expect(m.cpu.rflags & ZF);
	expect_eq(m.gpr[SI], DEVICE + 4);
	expect_eq(m.gpr[DI], DEVICE + 0x104);

	start(OSP_INSN_LONG, false);
	CODE_BYTES(0x48, 0xa5);			/* movsq */
	memset(device, 0x77, 8);
	m.gpr[SI] = DEVICE;
	m.gpr[DI] = DEVICE + 8;
	run_ok(2);
	expect_eq(m.pending, 1);
	expect_eq(m.nr_events, 2);
	expect_eq(load(device + 8, 8), 0x7777777777777777);
}

/* What will be written must fault as a write, before a device is read. */
void test_write_intent(void)
{
	start(OSP_INSN_LONG, false);
	m.regions[3].flags &= ~REGION_WRITE;
	CODE_BYTES(0x01, 0x07);			/* add %eax,(%rdi) */
	m.gpr[DI] = DEVICE;
	run_fault(14, true, 3);
	expect_eq(m.nr_events, 0);
	CODE_BYTES(0x39, 0x07);			/* cmp %eax,(%rdi) */
	run_ok(2);
	expect_eq(m.nr_events, 1);

	start(OSP_INSN_LONG, false);
	CODE_BYTES(0x0f, 0xb1, 0x0f);		/* cmpxchg that will fail */
	m.gpr[DI] = READ_ONLY;
	run_fault(14, true, 3);
}

/* LOCK and XCHG go through cmpxchg(), which may lose a race. */
void test_lock(void)
{
	struct osp_insn insn;

	start(OSP_INSN_LONG, false);
	CODE_BYTES(0xf0, 0xff, 0x07);		/* lock incl (%rdi) */
	m.gpr[DI] = RAM;
	m.lose_race = 1;
	expect_eq(osp_insn_decode(&m.cpu, &insn), OSP_INSN_OK);
	expect_eq(machine_step(&m, &insn), OSP_INSN_AGAIN);
	expect_eq(m.cpu.rip, CODE);
	expect_eq(ram[0], 0);
	expect_eq(machine_step(&m, &insn), OSP_INSN_OK);
	expect_eq(ram[0], 1);
	expect_eq(m.cmpxchgs, 2);

	CODE_BYTES(0x87, 0x07);			/* xchg %eax,(%rdi) */
	m.cpu.rip = CODE;
	run_ok(2);
	expect_eq(m.cmpxchgs, 3);
	CODE_BYTES(0xff, 0x07);
	m.cpu.rip = CODE;
	run_ok(2);
	expect_eq(m.cmpxchgs, 3);

	/* Without the callback, and on a device. */
	m.ops.cmpxchg = NULL;
	CODE_BYTES(0xf0, 0x48, 0x0f, 0xc7, 0x0f); /* lock cmpxchg16b (%rdi) */
	m.cpu.rip = CODE;
	m.gpr[DI] = DEVICE;
	m.gpr[AX] = 0;
	m.gpr[BX] = 0x11;
	m.gpr[CX] = 0x22;
	run_ok(5);
	expect(m.cpu.rflags & ZF);
	expect_eq(load(device, 8), 0x11);
	expect_eq(load(device + 8, 8), 0x22);
	expect_eq(m.events[1].len, 16);
}

/* Instructions that the guest's CPUID does not have. */
void test_features(void)
{
	start(OSP_INSN_LONG, false);
	m.cpu.features = 0;
	m.gpr[DI] = RAM;
	CODE_BYTES(0x0f, 0x38, 0xf0, 0x07);
	run_fault(6, false, 0);
	CODE_BYTES(0x0f, 0x38, 0xf1, 0x07);
	run_fault(6, false, 0);
	CODE_BYTES(0x48, 0x0f, 0xc7, 0x0f);
	run_fault(6, false, 0);
	CODE_BYTES(0x0f, 0xc7, 0x0f);
	run_ok(3);
	m.cpu.rip = CODE;
	m.ops.xmm = NULL;
	CODE_BYTES(0x0f, 0x11, 0x07);
	expect_eq(machine_run(&m), OSP_INSN_UNHANDLED);
}

/* SSE moves from and to a device. */
void test_sse(void)
{
	unsigned int i;

	start(OSP_INSN_LONG, false);
	for (i = 0; i < 16; i++)
		device[0x40 + i] = i + 1;
	CODE_BYTES(0xf3, 0x44, 0x0f, 0x6f, 0x0f); /* movdqu (%rdi),%xmm9 */
	m.gpr[DI] = DEVICE + 0x40;
	run_ok(5);
	expect(!memcmp(m.xmm[9], device + 0x40, 16));
	expect_eq(m.events[0].len, 16);

	CODE_BYTES(0x66, 0x44, 0x0f, 0xe7, 0x4f, 0x10); /* movntdq */
	m.cpu.rip = CODE;
	run_ok(6);
	expect(!memcmp(device + 0x50, device + 0x40, 16));

	CODE_BYTES(0x66, 0x0f, 0x7f, 0x47, 0x08);	/* movdqa, unaligned */
	m.cpu.rip = CODE;
	run_fault(13, true, 0);

	CODE_BYTES(0xf3, 0x0f, 0x10, 0x0f);	/* movss (%rdi),%xmm1 */
	memset(m.xmm[1], 0xff, 16);
	run_ok(4);
	expect_eq(load(m.xmm[1], 8), 0x04030201);
	expect_eq(load(m.xmm[1] + 8, 8), 0);
}

/* PUSH and POP with a device as the operand, or as the stack. */
void test_stack(void)
{
	start(OSP_INSN_LONG, false);
	CODE_BYTES(0xff, 0x37);			/* push (%rdi) */
	device[0] = 0x5a;
	m.gpr[DI] = DEVICE;
	m.gpr[SP] = RAM + 0x100;
	run_ok(2);
	expect_eq(m.gpr[SP], RAM + 0xf8);
	expect_eq(load(ram + 0xf8, 8), 0x5a);

	/* The address is formed with RSP after the pop. */
	CODE_BYTES(0x8f, 0x04, 0x24);		/* pop (%rsp) */
	m.cpu.rip = CODE;
	run_ok(3);
	expect_eq(m.gpr[SP], RAM + 0x100);
	expect_eq(load(ram + 0x100, 8), 0x5a);

	/* A pop that can't be stored leaves RSP alone (see machine_step()). */
	CODE_BYTES(0x8f, 0x07);
	m.cpu.rip = CODE;
	m.gpr[DI] = READ_ONLY;
	run_fault(14, true, 3);

	/* Stacks of 16 and 32 bits. */
	start(OSP_INSN_PROTECTED, true);
	CODE_BYTES(0xff, 0x37);
	m.sregs[OSP_INSN_SS].ar = 0x93;
	m.gpr[DI] = DEVICE;
	m.gpr[SP] = 0x12340000 + RAM + 4;
	run_ok(2);
	expect_eq(m.gpr[SP], 0x12340000 + RAM);
	CODE_BYTES(0x66, 0xff, 0x37);
	m.cpu.rip = CODE;
	m.sregs[OSP_INSN_SS].ar |= OSP_INSN_AR_DB;
	m.gpr[SP] = RAM + 0x10;
	run_ok(3);
	expect_eq(m.gpr[SP], RAM + 0xe);

	/* They wrap around, too. */
	m.cpu.rip = CODE;
	m.sregs[OSP_INSN_SS].base = RAM + 2;
	m.gpr[SP] = 0;
	run_ok(3);
	expect_eq(m.gpr[SP], 0xfffffffe);

	/* What is pushed is written, what is popped is only read. */
	m.sregs[OSP_INSN_SS].ar = 0x91;
	m.cpu.rip = CODE;
	run_fault(12, true, 0);
	CODE_BYTES(0x8f, 0x07);
	m.gpr[SP] = 0x10;
	run_ok(2);
}
