// SPDX-License-Identifier: GPL-2.0
/*
 * cases_each.c - one plain line for each instruction, and the length of each
 * form of encoding.
 */
#include "cases.h"

/*
 * Instructions with the operand (%rdi), and with %rax and %rcx: what they do to
 * memory, RAX and flags.  Each is run in all modes: what has no REX prefix
 * means the same with the prefixes that bring sizes back to those of 64-bit
 * mode.
 */
struct op_case {
	const char *name;
	u8 len, code[8];
	u64 mem, rax, rcx, flags;
	u64 new_mem, new_rax, new_flags;
};

#define REX_CASE	0x40

static const struct op_case op_cases[] = {
	{ "mov %al,(%rdi)", 2, { 0x88, 0x07 },
	  0x1111, 0x1234, 0, ARITH, 0x1134, 0x1234, ARITH },
	{ "mov %ah,(%rdi)", 2, { 0x88, 0x27 },
	  0x1111, 0x1234, 0, ARITH, 0x1112, 0x1234, ARITH },
	{ "mov %spl,(%rdi)", 3, { 0x40, 0x88, 0x27 },
	  0x1111, 0x1234, 0, 0, 0x1100, 0x1234, 0 },
	{ "mov %ax,(%rdi)", 3, { 0x66, 0x89, 0x07 },
	  ~0ULL, 0x1234, 0, 0, ~0xffffULL | 0x1234, 0x1234, 0 },
	{ "mov %eax,(%rdi)", 2, { 0x89, 0x07 },
	  ~0ULL, 0x12345678, 0, 0, ~0ULL << 32 | 0x12345678, 0x12345678, 0 },
	{ "mov %rax,(%rdi)", 3, { 0x48, 0x89, 0x07 },
	  0, 0x123456789abcdef0, 0, 0,
	  0x123456789abcdef0, 0x123456789abcdef0, 0 },
	{ "mov (%rdi),%al", 2, { 0x8a, 0x07 },
	  0x99, 0x1234, 0, 0, 0x99, 0x1299, 0 },
	{ "mov (%rdi),%ah", 2, { 0x8a, 0x27 },
	  0x99, 0x1234, 0, 0, 0x99, 0x9934, 0 },
	{ "mov (%rdi),%ax", 3, { 0x66, 0x8b, 0x07 },
	  0x99aabb, 0x12345678, 0, 0, 0x99aabb, 0x1234aabb, 0 },
	{ "mov (%rdi),%eax", 2, { 0x8b, 0x07 },
	  0x89abcdef, ~0ULL, 0, 0, 0x89abcdef, 0x89abcdef, 0 },
	{ "mov (%rdi),%rax", 3, { 0x48, 0x8b, 0x07 },
	  0x0123456789abcdef, 0, 0, 0, 0x0123456789abcdef, 0x0123456789abcdef,
	  0 },
	{ "movb $0x55,(%rdi)", 3, { 0xc6, 0x07, 0x55 },
	  0xffff, 0, 0, 0, 0xff55, 0, 0 },
	{ "movw $0x5566,(%rdi)", 5, { 0x66, 0xc7, 0x07, 0x66, 0x55 },
	  ~0ULL, 0, 0, 0, ~0xffffULL | 0x5566, 0, 0 },
	{ "movl $0x80000001,(%rdi)", 6, { 0xc7, 0x07, 1, 0, 0, 0x80 },
	  ~0ULL, 0, 0, 0, 0xffffffff80000001, 0, 0 },
	{ "movq $-0x7fffffff,(%rdi)", 7, { 0x48, 0xc7, 0x07, 1, 0, 0, 0x80 },
	  0, 0, 0, 0, 0xffffffff80000001, 0, 0 },
	{ "movzbl (%rdi),%eax", 3, { 0x0f, 0xb6, 0x07 },
	  0xff80, ~0ULL, 0, 0, 0xff80, 0x80, 0 },
	{ "movzwl (%rdi),%eax", 3, { 0x0f, 0xb7, 0x07 },
	  0xff8000, ~0ULL, 0, 0, 0xff8000, 0x8000, 0 },
	{ "movsbl (%rdi),%eax", 3, { 0x0f, 0xbe, 0x07 },
	  0x80, 0, 0, 0, 0x80, 0xffffff80, 0 },
	{ "movsbw (%rdi),%ax", 4, { 0x66, 0x0f, 0xbe, 0x07 },
	  0x80, 0x12340000, 0, 0, 0x80, 0x1234ff80, 0 },
	{ "movswl (%rdi),%eax", 3, { 0x0f, 0xbf, 0x07 },
	  0x8000, 0, 0, 0, 0x8000, 0xffff8000, 0 },
	{ "movslq (%rdi),%rax", 3, { 0x48, 0x63, 0x07 },
	  0x80000000, 0, 0, 0, 0x80000000, 0xffffffff80000000, 0 },
	{ "movnti %eax,(%rdi)", 3, { 0x0f, 0xc3, 0x07 },
	  0, 0x12345678, 0, 0, 0x12345678, 0x12345678, 0 },
	{ "movbe %eax,(%rdi)", 4, { 0x0f, 0x38, 0xf1, 0x07 },
	  0, 0x12345678, 0, 0, 0x78563412, 0x12345678, 0 },
	{ "movbe (%rdi),%ax", 5, { 0x66, 0x0f, 0x38, 0xf0, 0x07 },
	  0x1234, 0, 0, 0, 0x1234, 0x3412, 0 },
	{ "add %al,(%rdi)", 2, { 0x00, 0x07 },
	  0xff, 1, 0, 0, 0, 1, CF | ZF | PF | AF },
	{ "add %eax,(%rdi)", 2, { 0x01, 0x07 },
	  0x7fffffff, 1, 0, CF, 0x80000000, 1, OF | SF | AF | PF },
	{ "add (%rdi),%eax", 2, { 0x03, 0x07 },
	  2, 3, 0, ARITH, 2, 5, PF },
	{ "or %eax,(%rdi)", 2, { 0x09, 0x07 },
	  0x0f, 0x80000000, 0, ARITH, 0x8000000f, 0x80000000, SF | PF },
	{ "or (%rdi),%al", 2, { 0x0a, 0x07 },
	  0x01, 0x02, 0, ARITH, 0x01, 0x03, PF },
	{ "adc %eax,(%rdi)", 2, { 0x11, 0x07 },
	  0xffffffff, 0, 0, CF, 0, 0, CF | ZF | PF | AF },
	{ "sbb %eax,(%rdi)", 2, { 0x19, 0x07 },
	  0, 0, 0, CF, 0xffffffff, 0, CF | SF | PF | AF },
	{ "and %eax,(%rdi)", 2, { 0x21, 0x07 },
	  0xf0f0, 0xff00, 0, ARITH, 0xf000, 0xff00, PF },
	{ "and (%rdi),%ax", 3, { 0x66, 0x23, 0x07 },
	  0xf0f0, 0x1234000f, 0, 0, 0xf0f0, 0x12340000, ZF | PF },
	{ "sub %eax,(%rdi)", 2, { 0x29, 0x07 },
	  0x80000000, 1, 0, 0, 0x7fffffff, 1, OF | PF | AF },
	{ "sub (%rdi),%eax", 2, { 0x2b, 0x07 },
	  1, 0, 0, 0, 1, 0xffffffff, CF | SF | PF | AF },
	{ "xor %eax,(%rdi)", 2, { 0x31, 0x07 },
	  0x5555, 0x5555, 0, ARITH, 0, 0x5555, ZF | PF },
	{ "cmp %eax,(%rdi)", 2, { 0x39, 0x07 },
	  1, 2, 0, 0, 1, 2, CF | SF | PF | AF },
	{ "cmp (%rdi),%eax", 2, { 0x3b, 0x07 },
	  1, 2, 0, ARITH, 1, 2, 0 },
	{ "addb $-1,(%rdi)", 3, { 0x80, 0x07, 0xff },
	  0x101, 0, 0, 0, 0x100, 0, CF | ZF | PF | AF },
	{ "orl $0x10000,(%rdi)", 6, { 0x81, 0x0f, 0, 0, 1, 0 },
	  0, 0, 0, ARITH, 0x10000, 0, PF },
	{ "andl $-16,(%rdi)", 3, { 0x83, 0x27, 0xf0 },
	  0xff, 0, 0, 0, 0xf0, 0, PF },
	{ "cmpw $0x1234,(%rdi)", 5, { 0x66, 0x81, 0x3f, 0x34, 0x12 },
	  0x991234, 0, 0, 0, 0x991234, 0, ZF | PF },
	{ "test %eax,(%rdi)", 2, { 0x85, 0x07 },
	  0x80000000, 0x80000000, 0, ARITH, 0x80000000, 0x80000000, SF | PF },
	{ "testb $1,(%rdi)", 3, { 0xf6, 0x07, 1 },
	  2, 0, 0, 0, 2, 0, ZF | PF },
	{ "testl $2,(%rdi)", 6, { 0xf7, 0x07, 2, 0, 0, 0 },
	  2, 0, 0, ARITH, 2, 0, 0 },
	{ "notl (%rdi)", 2, { 0xf7, 0x17 },
	  0xf0f0f0f0, 0, 0, ARITH, 0x0f0f0f0f, 0, ARITH },
	{ "negl (%rdi)", 2, { 0xf7, 0x1f },
	  1, 0, 0, 0, 0xffffffff, 0, CF | SF | PF | AF },
	{ "incb (%rdi)", 2, { 0xfe, 0x07 },
	  0x7f, 0, 0, CF, 0x80, 0, CF | OF | SF | AF },
	{ "decl (%rdi)", 2, { 0xff, 0x0f },
	  1, 0, 0, CF, 0, 0, CF | ZF | PF },
	{ "xchg %eax,(%rdi)", 2, { 0x87, 0x07 },
	  1, 2, 0, ARITH, 2, 1, ARITH },
	{ "xchg %ah,(%rdi)", 2, { 0x86, 0x27 },
	  0x11, 0x2200, 0, 0, 0x22, 0x1100, 0 },
	{ "xadd %eax,(%rdi)", 3, { 0x0f, 0xc1, 0x07 },
	  3, 5, 0, 0, 8, 3, 0 },
	{ "cmpxchg %ecx,(%rdi), equal", 3, { 0x0f, 0xb1, 0x0f },
	  7, 7, 9, 0, 9, 7, ZF | PF },
	{ "cmpxchg %ecx,(%rdi), not equal", 3, { 0x0f, 0xb1, 0x0f },
	  8, 7, 9, 0, 8, 8, CF | SF | PF | AF },
	{ "cmpxchg8b (%rdi), not equal", 3, { 0x0f, 0xc7, 0x0f },
	  0x0000000500000001, 7, 0, ZF | CF, 0x0000000500000001, 1, CF },
	{ "bt %ecx,(%rdi)", 3, { 0x0f, 0xa3, 0x0f },
	  2, 0, 1, 0, 2, 0, CF },
	{ "bts %ecx,(%rdi), in the next item", 3, { 0x0f, 0xab, 0x0f },
	  0, 0, 33, ARITH, 0x200000000, 0, ARITH & ~CF },
	{ "btr %ecx,(%rdi)", 3, { 0x0f, 0xb3, 0x0f },
	  0xff, 0, 7, 0, 0x7f, 0, CF },
	{ "btcl $35,(%rdi)", 4, { 0x0f, 0xba, 0x3f, 35 },
	  0, 0, 0, CF, 8, 0, 0 },
	{ "setb (%rdi)", 3, { 0x0f, 0x92, 0x07 },
	  0x1155, 0, 0, CF, 0x1101, 0, CF },
	{ "setg (%rdi)", 3, { 0x0f, 0x9f, 0x07 },
	  0x1155, 0, 0, SF, 0x1100, 0, SF },
	{ "cmovz (%rdi),%eax, true", 3, { 0x0f, 0x44, 0x07 },
	  5, 6, 0, ZF, 5, 5, ZF },
	{ "cmovz (%rdi),%eax, false", 3, { 0x0f, 0x44, 0x07 },
	  5, 0x600000006, 0, 0, 5, 6, 0 },
};

/* The same instruction for a code segment of 16 bits. */
static unsigned int code_for_16(const struct op_case *c, u8 *code)
{
	const u8 *from = c->code;
	unsigned int len = c->len, at = 0;

	code[at++] = 0x67;
	if (c->code[0] == 0x0f && c->code[1] == 0xc3) {
		/* MOVNTI knows no operand size prefix. */
	} else if (*from == 0x66) {
		from++;
		len--;
	} else {
		code[at++] = 0x66;
	}
	memcpy(code + at, from, len);
	return at + len;
}

static void run_op(const struct op_case *c, enum osp_insn_mode mode, bool cs_d)
{
	unsigned int len = c->len, failures = tap.failures;
	u8 code[16];

	memcpy(code, c->code, c->len);
	if (mode != OSP_INSN_LONG && !cs_d)
		len = code_for_16(c, code);
	start(mode, cs_d);
	put_code(code, len);
	memcpy(ram + 16, &c->mem, 8);
	m.gpr[DI] = RAM + 16;
	m.gpr[AX] = c->rax;
	m.gpr[CX] = c->rcx;
	m.gpr[SP] = 0x7700;
	m.cpu.rflags = 2 | RF | c->flags;
	run_ok(len);
	expect_eq(load(ram + 16, 8), c->new_mem);
	expect_eq(m.gpr[AX], c->new_rax);
	expect_eq(m.cpu.rflags, 2 | c->new_flags);
	if (tap.failures > failures)
		printf("# in: %s, mode %d, %u bits\n", c->name, mode,
		       cs_d ? 32 : 16);
}

void test_each_instruction(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(op_cases); i++) {
		const struct op_case *c = &op_cases[i];

		run_op(c, OSP_INSN_LONG, false);
		if ((c->code[0] & 0xf0) == REX_CASE)
			continue;
		run_op(c, OSP_INSN_PROTECTED, true);
		run_op(c, OSP_INSN_PROTECTED, false);
		run_op(c, OSP_INSN_REAL, false);
		run_op(c, OSP_INSN_REAL, true);
		run_op(c, OSP_INSN_VM86, false);
	}
}

/* How long instructions are, and what they are not. */
static const struct {
	enum osp_insn_mode mode;
	bool cs_d;
	enum osp_insn_status status;
	u8 len, code[16];
} length_cases[] = {
	{ OSP_INSN_LONG, 0, OSP_INSN_OK, 2, { 0x89, 0x07 } },
	{ OSP_INSN_LONG, 0, OSP_INSN_OK, 3, { 0x89, 0x47, 0x10 } },
	{ OSP_INSN_LONG, 0, OSP_INSN_OK, 6, { 0x89, 0x87, 1, 2, 3, 4 } },
	{ OSP_INSN_LONG, 0, OSP_INSN_OK, 6, { 0x89, 0x05, 1, 2, 3, 4 } },
	{ OSP_INSN_LONG, 0, OSP_INSN_OK, 3, { 0x89, 0x04, 0x24 } },
	{ OSP_INSN_LONG, 0, OSP_INSN_OK, 7, { 0x89, 0x04, 0x25, 1, 2, 3, 4 } },
	{ OSP_INSN_LONG, 0, OSP_INSN_OK, 4, { 0x89, 0x44, 0x24, 8 } },
	{ OSP_INSN_LONG, 0, OSP_INSN_OK, 7, { 0x89, 0x84, 0x24, 1, 2, 3, 4 } },
	{ OSP_INSN_LONG, 0, OSP_INSN_OK, 9, { 0xa1, 1, 2, 3, 4, 5, 6, 7, 8 } },
	{ OSP_INSN_LONG, 0, OSP_INSN_OK, 6, { 0x67, 0xa1, 1, 2, 3, 4 } },
	{ OSP_INSN_LONG, 0, OSP_INSN_OK, 11,
	  { 0x48, 0xc7, 0x80, 1, 2, 3, 4, 5, 6, 7, 8 } },
	{ OSP_INSN_LONG, 0, OSP_INSN_OK, 15,
	  { 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
	    0x66, 0x66, 0x89, 0x07 } },
	{ OSP_INSN_LONG, 0, OSP_INSN_FAULT, 15,
	  { 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
	    0x66, 0x66, 0x66, 0x89, 0x07 } },
	{ OSP_INSN_PROTECTED, 1, OSP_INSN_OK, 5, { 0xa1, 1, 2, 3, 4 } },
	{ OSP_INSN_PROTECTED, 1, OSP_INSN_OK, 4, { 0x67, 0xa1, 1, 2 } },
	{ OSP_INSN_PROTECTED, 1, OSP_INSN_OK, 6, { 0x89, 0x05, 1, 2, 3, 4 } },
	{ OSP_INSN_PROTECTED, 1, OSP_INSN_OK, 5, { 0x67, 0x89, 0x06, 1, 2 } },
	{ OSP_INSN_PROTECTED, 1, OSP_INSN_OK, 3, { 0x82, 0x07, 1 } },
	{ OSP_INSN_PROTECTED, 0, OSP_INSN_OK, 2, { 0x89, 0x07 } },
	{ OSP_INSN_PROTECTED, 0, OSP_INSN_OK, 4, { 0x89, 0x06, 1, 2 } },
	{ OSP_INSN_PROTECTED, 0, OSP_INSN_OK, 3, { 0x89, 0x46, 1 } },
	{ OSP_INSN_PROTECTED, 0, OSP_INSN_OK, 4, { 0x89, 0x86, 1, 2 } },
	{ OSP_INSN_PROTECTED, 0, OSP_INSN_OK, 4, { 0xc7, 0x07, 1, 2 } },
	{ OSP_INSN_PROTECTED, 0, OSP_INSN_OK, 7,
	  { 0x66, 0xc7, 0x07, 1, 2, 3, 4 } },
	{ OSP_INSN_REAL, 0, OSP_INSN_OK, 3, { 0xa1, 1, 2 } },
	/* INC and DEC outside 64-bit mode, ARPL, LDS, VEX and 82 within it. */
	{ OSP_INSN_PROTECTED, 1, OSP_INSN_UNHANDLED, 15, { 0x40, 0x89, 0x07 } },
	{ OSP_INSN_PROTECTED, 1, OSP_INSN_UNHANDLED, 15, { 0x63, 0x07 } },
	{ OSP_INSN_PROTECTED, 1, OSP_INSN_UNHANDLED, 15, { 0xc5, 0x07 } },
	{ OSP_INSN_LONG, 0, OSP_INSN_UNHANDLED, 15, { 0xc5, 0xf8, 0x10, 0x07 } },
	{ OSP_INSN_LONG, 0, OSP_INSN_UNHANDLED, 15, { 0x82, 0x07, 1 } },
	/* MUL, CALL, MMX, CRC32, CPUID: others' business. */
	{ OSP_INSN_LONG, 0, OSP_INSN_UNHANDLED, 15, { 0xf7, 0x27 } },
	{ OSP_INSN_LONG, 0, OSP_INSN_UNHANDLED, 15, { 0xff, 0x17 } },
	{ OSP_INSN_LONG, 0, OSP_INSN_UNHANDLED, 15, { 0x0f, 0x6f, 0x07 } },
	{ OSP_INSN_LONG, 0, OSP_INSN_UNHANDLED, 15,
	  { 0xf2, 0x0f, 0x38, 0xf0, 0x07 } },
	{ OSP_INSN_LONG, 0, OSP_INSN_UNHANDLED, 15, { 0x0f, 0xa2 } },
	/* LOCK where it is not allowed, registers where only memory is. */
	{ OSP_INSN_LONG, 0, OSP_INSN_OK, 3, { 0xf0, 0x01, 0x07 } },
	{ OSP_INSN_LONG, 0, OSP_INSN_OK, 3, { 0xf0, 0x87, 0x07 } },
	{ OSP_INSN_LONG, 0, OSP_INSN_FAULT, 15, { 0xf0, 0x01, 0xc7 } },
	{ OSP_INSN_LONG, 0, OSP_INSN_FAULT, 15, { 0xf0, 0x87, 0xc7 } },
	{ OSP_INSN_LONG, 0, OSP_INSN_FAULT, 15, { 0xf0, 0x03, 0x07 } },
	{ OSP_INSN_LONG, 0, OSP_INSN_FAULT, 15, { 0xf0, 0x39, 0x07 } },
	{ OSP_INSN_LONG, 0, OSP_INSN_FAULT, 15, { 0xf0, 0x89, 0x07 } },
	{ OSP_INSN_LONG, 0, OSP_INSN_FAULT, 15, { 0xf0, 0xa5 } },
	{ OSP_INSN_LONG, 0, OSP_INSN_FAULT, 15, { 0xf0, 0x0f, 0xba, 0x27, 1 } },
	{ OSP_INSN_LONG, 0, OSP_INSN_FAULT, 15, { 0x0f, 0xc3, 0xc7 } },
	{ OSP_INSN_LONG, 0, OSP_INSN_FAULT, 15, { 0x0f, 0xc7, 0xcf } },
};

void test_lengths(void)
{
	struct osp_insn insn;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(length_cases); i++) {
		unsigned int failures = tap.failures;

		start(length_cases[i].mode, length_cases[i].cs_d);
		put_code(length_cases[i].code, 16);
		expect_eq(osp_insn_decode(&m.cpu, &insn), length_cases[i].status);
		expect_eq(insn.len, length_cases[i].len);
		expect(!memcmp(insn.bytes, length_cases[i].code, insn.len));
		if (length_cases[i].status == OSP_INSN_FAULT)
			expect_eq(m.cpu.fault.vector, length_cases[i].code[0] ==
				  0x66 ? 13 : 6);
		if (tap.failures > failures)
			printf("# in: case %u\n", i);
	}
}

/* Instructions at the end of a page, of a segment, of the address space. */
void test_fetch(void)
{
	struct osp_insn insn;

	/* The second page is read only if needed. */
	start(OSP_INSN_LONG, false);
	m.cpu.rip = CODE + 2 * PAGE - 2;
	memcpy(code_page + 2 * PAGE - 2, "\x89\x07", 2);
	expect_eq(osp_insn_decode(&m.cpu, &insn), OSP_INSN_OK);
	expect_eq(insn.len, 2);
	expect_eq(m.fetches, 1);
	code_page[2 * PAGE - 1] = 0x47;
	expect_eq(osp_insn_decode(&m.cpu, &insn), OSP_INSN_FAULT);
	expect_eq(m.cpu.fault.vector, 14);
	expect_eq(m.cpu.fault.cr2, CODE + 2 * PAGE);
	expect_eq(m.cpu.fault.error, 0x10);

	start(OSP_INSN_LONG, false);
	m.cpu.rip = CODE + PAGE - 3;
	memcpy(code_page + PAGE - 3, "\xc7\x07\x01\x02\x03\x04", 6);
	expect_eq(osp_insn_decode(&m.cpu, &insn), OSP_INSN_OK);
	expect_eq(insn.len, 6);
	expect_eq(m.fetches, 2);

	/* Too long is too long, whatever else is wrong. */
	start(OSP_INSN_LONG, false);
	memset(code_page, 0xf0, 16);
	run_fault(13, true, 0);

	/* The limit of CS. */
	start(OSP_INSN_PROTECTED, true);
	CODE_BYTES(0x89, 0x47, 0x10);
	m.sregs[OSP_INSN_CS].limit = CODE + 2;
	expect_eq(osp_insn_decode(&m.cpu, &insn), OSP_INSN_OK);
	m.sregs[OSP_INSN_CS].limit = CODE + 1;
	run_fault(13, true, 0);
	m.sregs[OSP_INSN_CS].limit = CODE - 1;
	run_fault(13, true, 0);

	/* Segment base, and addresses that wrap around at 4 GiB. */
	start(OSP_INSN_PROTECTED, true);
	CODE_BYTES(0x89, 0x07);
	m.sregs[OSP_INSN_CS].base = 0xfffff000;
	m.gpr[DI] = RAM;
	m.cpu.rip = CODE + PAGE;
	expect_eq(machine_run(&m), OSP_INSN_OK);
	expect_eq(m.cpu.rip, CODE + PAGE + 2);

	/* Not canonical, with 48 bits and with 57. */
	start(OSP_INSN_LONG, false);
	m.cpu.rip = 1ULL << 47;
	run_fault(13, true, 0);
	m.cpu.va_bits = 57;
	run_fault(14, true, 0x10);
}

/* MOV from a segment register: 16 bits to memory whatever the size. */
void test_mov_sreg(void)
{
	start(OSP_INSN_LONG, false);
	memset(ram, 0xff, 8);
	CODE_BYTES(0x48, 0x8c, 0x2f);		/* mov %gs,(%rdi) */
	m.sregs[OSP_INSN_GS].selector = 0x1234;
	m.gpr[DI] = RAM;
	run_ok(3);
	expect_eq(load(ram, 8), 0xffffffffffff1234);
	CODE_BYTES(0x8c, 0x37);
	m.cpu.rip = CODE;
	run_fault(6, false, 0);
}

static enum osp_insn_status failing_read(struct osp_insn_cpu *cpu, u64 linear,
					 void *buf, unsigned int len, bool rmw)
{
	return OSP_INSN_ERROR;
}

static enum osp_insn_status failing_write(struct osp_insn_cpu *cpu, u64 linear,
					  const void *buf, unsigned int len)
{
	return OSP_INSN_ERROR;
}

/*
 * The host's own failure comes through, from each instruction, and changes
 * nothing; machine_step() sees to the latter.
 */
void test_host_errors(void)
{
	unsigned int i, write;

	for (i = 0; i < ARRAY_SIZE(op_cases); i++) {
		for (write = 0; write < 2; write++) {
			bool reads, writes;

			start(OSP_INSN_LONG, false);
			put_code(op_cases[i].code, op_cases[i].len);
			m.gpr[DI] = DEVICE;
			expect_eq(machine_run(&m), OSP_INSN_OK);
			reads = m.events[0].kind == EVENT_READ;
			writes = m.events[m.nr_events - 1].kind == EVENT_WRITE;
			m.cpu.rip = CODE;
			if (write) {
				m.ops.write = failing_write;
				m.ops.cmpxchg = NULL;
			} else {
				m.ops.read = failing_read;
			}
			expect_eq(machine_run(&m), (write ? writes : reads) ?
				  OSP_INSN_ERROR : OSP_INSN_OK);
		}
	}
}
