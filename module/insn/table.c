// SPDX-License-Identifier: GPL-2.0
/*
 * table.c - the opcodes: what is emulated, how it is encoded, what it does.
 *
 * One row an opcode, in the maps of SDM 2 appendix A: one-byte, two-byte (0f)
 * and the few of 0f 38.  What has no row is not emulated.  Only instructions
 * that can have a memory operand are here; that they are handled with register
 * operands too is for code that changes between the exit and the fetch.
 * Constant; no locks.
 */
#include "internal.h"

#define ROW(fn, fl, a)	{ .exec = osp_insn_##fn, .flags = (fl), .arg = (a) }
#define SUB(rows, fl)	{ .sub = (rows), .flags = (fl) }
#define PREFIX		{ .flags = ROW_PREFIX }

/* Byte form, then word, doubleword and quadword form, of an r/m instruction. */
#define PAIR(op, fn, fl, a) \
	[(op)] = ROW(fn, ROW_MODRM | ROW_BYTE | (fl), a), \
	[(op) + 1] = ROW(fn, ROW_MODRM | (fl), a)

/* The four forms of ADD and its like that have an r/m operand. */
#define ALU_FORMS(op, fl, a) \
	PAIR(op, alu_to_rm, fl, a), \
	PAIR((op) + 2, alu_to_reg, (fl) & ~ROW_LOCK, a)

/* Opcodes 80, 81, 83: an operation with an immediate; the eight of a group. */
#define ALU_GROUP(fl) { \
	[0] = ROW(alu_to_rm, (fl) | ROW_LOCK, ALU_ADD), \
	[1] = ROW(alu_to_rm, (fl) | ROW_LOCK, ALU_OR), \
	[2] = ROW(alu_to_rm, (fl) | ROW_LOCK, ALU_ADC), \
	[3] = ROW(alu_to_rm, (fl) | ROW_LOCK, ALU_SBB), \
	[4] = ROW(alu_to_rm, (fl) | ROW_LOCK, ALU_AND), \
	[5] = ROW(alu_to_rm, (fl) | ROW_LOCK, ALU_SUB), \
	[6] = ROW(alu_to_rm, (fl) | ROW_LOCK, ALU_XOR), \
	[7] = ROW(alu_to_rm, (fl) | ROW_NOWRITE, ALU_CMP), \
}

static const struct osp_insn_row alu_byte[8] =
	ALU_GROUP(ROW_MODRM | ROW_BYTE | ROW_IMM8);

static const struct osp_insn_row alu_wide[8] = ALU_GROUP(ROW_MODRM | ROW_IMMZ);

static const struct osp_insn_row alu_short[8] = ALU_GROUP(ROW_MODRM | ROW_IMM8);

/* Opcode 82 is 80 again, outside 64-bit mode. */
static const struct osp_insn_row alu_alias[8] =
	ALU_GROUP(ROW_MODRM | ROW_BYTE | ROW_IMM8 | ROW_LEGACY);

/* Opcodes f6 and f7: TEST twice, NOT, NEG; the rest multiplies and divides. */
#define UNARY_GROUP(fl, imm) { \
	[0] = ROW(alu_to_rm, (fl) | (imm) | ROW_NOWRITE, ALU_AND), \
	[1] = ROW(alu_to_rm, (fl) | (imm) | ROW_NOWRITE, ALU_AND), \
	[2] = ROW(alu_to_rm, (fl) | ROW_LOCK, ALU_NOT), \
	[3] = ROW(alu_to_rm, (fl) | ROW_LOCK, ALU_NEG), \
}

static const struct osp_insn_row unary_byte[8] =
	UNARY_GROUP(ROW_MODRM | ROW_BYTE, ROW_IMM8);

static const struct osp_insn_row unary_wide[8] =
	UNARY_GROUP(ROW_MODRM, ROW_IMMZ);

static const struct osp_insn_row inc_byte[8] = {
	[0] = ROW(alu_to_rm, ROW_MODRM | ROW_BYTE | ROW_LOCK, ALU_INC),
	[1] = ROW(alu_to_rm, ROW_MODRM | ROW_BYTE | ROW_LOCK, ALU_DEC),
};

static const struct osp_insn_row inc_wide[8] = {
	[0] = ROW(alu_to_rm, ROW_MODRM | ROW_LOCK, ALU_INC),
	[1] = ROW(alu_to_rm, ROW_MODRM | ROW_LOCK, ALU_DEC),
	[6] = ROW(push, ROW_MODRM | ROW_STACK, 0),
};

static const struct osp_insn_row pop_group[8] = {
	[0] = ROW(pop, ROW_MODRM | ROW_STACK, 0),
};

static const struct osp_insn_row mov_imm_byte[8] = {
	[0] = ROW(mov_to_rm, ROW_MODRM | ROW_BYTE | ROW_IMM8, 0),
};

static const struct osp_insn_row mov_imm_wide[8] = {
	[0] = ROW(mov_to_rm, ROW_MODRM | ROW_IMMZ, 0),
};

/*
 * The one-byte opcodes.  A row with .sub has only the flags that are needed to
 * choose from it.
 */
const struct osp_insn_row osp_insn_rows[256] = {
	ALU_FORMS(0x00, ROW_LOCK, ALU_ADD),
	ALU_FORMS(0x08, ROW_LOCK, ALU_OR),
	ALU_FORMS(0x10, ROW_LOCK, ALU_ADC),
	ALU_FORMS(0x18, ROW_LOCK, ALU_SBB),
	ALU_FORMS(0x20, ROW_LOCK, ALU_AND),
	ALU_FORMS(0x28, ROW_LOCK, ALU_SUB),
	ALU_FORMS(0x30, ROW_LOCK, ALU_XOR),
	ALU_FORMS(0x38, ROW_NOWRITE, ALU_CMP),

	[0x26] = PREFIX, [0x2e] = PREFIX, [0x36] = PREFIX, [0x3e] = PREFIX,
	[0x40 ... 0x4f] = PREFIX,
	[0x64 ... 0x67] = PREFIX,
	[0xf0] = PREFIX, [PREFIX_REPNE] = PREFIX, [PREFIX_REPE] = PREFIX,

	[0x63] = ROW(mov_to_reg, ROW_MODRM | ROW_LONG | ROW_SIGN, 4),
	[0x6c] = ROW(ins, ROW_BYTE, 0),
	[0x6d] = ROW(ins, ROW_PORT, 0),
	[0x6e] = ROW(outs, ROW_BYTE, 0),
	[0x6f] = ROW(outs, ROW_PORT, 0),

	[0x80] = SUB(alu_byte, ROW_MODRM | ROW_BY_REG),
	[0x81] = SUB(alu_wide, ROW_MODRM | ROW_BY_REG),
	[0x82] = SUB(alu_alias, ROW_MODRM | ROW_BY_REG),
	[0x83] = SUB(alu_short, ROW_MODRM | ROW_BY_REG),
	PAIR(0x84, alu_to_rm, ROW_NOWRITE, ALU_AND),
	PAIR(0x86, xchg, ROW_LOCK | ROW_ATOMIC, 0),
	PAIR(0x88, mov_to_rm, 0, 0),
	PAIR(0x8a, mov_to_reg, 0, 0),
	[0x8c] = ROW(mov_sreg, ROW_MODRM, 0),
	[0x8f] = SUB(pop_group, ROW_MODRM | ROW_BY_REG),

	[0xa0] = ROW(mov_to_reg, ROW_MOFFS | ROW_BYTE, 0),
	[0xa1] = ROW(mov_to_reg, ROW_MOFFS, 0),
	[0xa2] = ROW(mov_to_rm, ROW_MOFFS | ROW_BYTE, 0),
	[0xa3] = ROW(mov_to_rm, ROW_MOFFS, 0),
	[0xa4] = ROW(movs, ROW_BYTE, 0),
	[0xa5] = ROW(movs, 0, 0),
	[0xa6] = ROW(cmps, ROW_BYTE, 0),
	[0xa7] = ROW(cmps, 0, 0),
	[0xaa] = ROW(stos, ROW_BYTE, 0),
	[0xab] = ROW(stos, 0, 0),
	[0xac] = ROW(lods, ROW_BYTE, 0),
	[0xad] = ROW(lods, 0, 0),
	[0xae] = ROW(scas, ROW_BYTE, 0),
	[0xaf] = ROW(scas, 0, 0),

	[0xc6] = SUB(mov_imm_byte, ROW_MODRM | ROW_BY_REG),
	[0xc7] = SUB(mov_imm_wide, ROW_MODRM | ROW_BY_REG),

	[0xf6] = SUB(unary_byte, ROW_MODRM | ROW_BY_REG),
	[0xf7] = SUB(unary_wide, ROW_MODRM | ROW_BY_REG),
	[0xfe] = SUB(inc_byte, ROW_MODRM | ROW_BY_REG),
	[0xff] = SUB(inc_wide, ROW_MODRM | ROW_BY_REG),
};

#define SSE		(ROW_MODRM | ROW_DWORD)
#define SSE_ROW(fn, a)	ROW(fn, SSE, a)
#define SSE_ALIGNED(fn)	ROW(fn, SSE | ROW_ALIGNED, 16)

/* MOVUPS, MOVUPD, MOVSS, MOVSD */
static const struct osp_insn_row sse_10[SUB_COUNT] = {
	[SUB_NONE] = SSE_ROW(sse_load, 16),
	[SUB_66] = SSE_ROW(sse_load, 16),
	[SUB_F3] = SSE_ROW(sse_load, 4),
	[SUB_F2] = SSE_ROW(sse_load, 8),
};

static const struct osp_insn_row sse_11[SUB_COUNT] = {
	[SUB_NONE] = SSE_ROW(sse_store, 16),
	[SUB_66] = SSE_ROW(sse_store, 16),
	[SUB_F3] = SSE_ROW(sse_store, 4),
	[SUB_F2] = SSE_ROW(sse_store, 8),
};

/* MOVAPS, MOVAPD; MOVNTPS, MOVNTPD */
static const struct osp_insn_row sse_28[SUB_COUNT] = {
	[SUB_NONE] = SSE_ALIGNED(sse_load),
	[SUB_66] = SSE_ALIGNED(sse_load),
};

static const struct osp_insn_row sse_29[SUB_COUNT] = {
	[SUB_NONE] = SSE_ALIGNED(sse_store),
	[SUB_66] = SSE_ALIGNED(sse_store),
};

/* MOVNTDQA */
static const struct osp_insn_row sse_38_2a[SUB_COUNT] = {
	[SUB_66] = SSE_ALIGNED(sse_load),
};

/* MOVD and MOVQ; of 7e with f3, MOVQ too, but a load */
static const struct osp_insn_row sse_6e[SUB_COUNT] = {
	[SUB_66] = SSE_ROW(sse_load, 0),
};

static const struct osp_insn_row sse_7e[SUB_COUNT] = {
	[SUB_66] = SSE_ROW(sse_store, 0),
	[SUB_F3] = SSE_ROW(sse_load, 8),
};

static const struct osp_insn_row sse_d6[SUB_COUNT] = {
	[SUB_66] = SSE_ROW(sse_store, 8),
};

/* MOVDQA, MOVDQU */
static const struct osp_insn_row sse_6f[SUB_COUNT] = {
	[SUB_66] = SSE_ALIGNED(sse_load),
	[SUB_F3] = SSE_ROW(sse_load, 16),
};

static const struct osp_insn_row sse_7f[SUB_COUNT] = {
	[SUB_66] = SSE_ALIGNED(sse_store),
	[SUB_F3] = SSE_ROW(sse_store, 16),
};

/* MOVNTDQ */
static const struct osp_insn_row sse_e7[SUB_COUNT] = {
	[SUB_66] = SSE_ALIGNED(sse_store),
};

static const struct osp_insn_row movnti[SUB_COUNT] = {
	[SUB_NONE] = ROW(mov_to_rm, ROW_MODRM | ROW_DWORD | ROW_MEM, 0),
};

/* BT, BTS, BTR, BTC with an immediate */
static const struct osp_insn_row bit_group[8] = {
	[4] = ROW(alu_to_rm, ROW_MODRM | ROW_IMM8 | ROW_NOWRITE, ALU_BT),
	[5] = ROW(alu_to_rm, ROW_MODRM | ROW_IMM8 | ROW_LOCK, ALU_BTS),
	[6] = ROW(alu_to_rm, ROW_MODRM | ROW_IMM8 | ROW_LOCK, ALU_BTR),
	[7] = ROW(alu_to_rm, ROW_MODRM | ROW_IMM8 | ROW_LOCK, ALU_BTC),
};

static const struct osp_insn_row pair_group[8] = {
	[1] = ROW(cmpxchg8b, ROW_MODRM | ROW_DWORD | ROW_LOCK | ROW_MEM, 0),
};

#define BY_PREFIX(rows)	SUB(rows, ROW_MODRM | ROW_BY_PREFIX)

/* The two-byte opcodes, by their second byte. */
const struct osp_insn_row osp_insn_rows_0f[256] = {
	[0x10] = BY_PREFIX(sse_10),
	[0x11] = BY_PREFIX(sse_11),
	[0x28] = BY_PREFIX(sse_28),
	[0x29] = BY_PREFIX(sse_29),
	[0x2b] = BY_PREFIX(sse_29),
	[0x40 ... 0x4f] = ROW(cmov, ROW_MODRM, 0),
	[0x6e] = BY_PREFIX(sse_6e),
	[0x6f] = BY_PREFIX(sse_6f),
	[0x7e] = BY_PREFIX(sse_7e),
	[0x7f] = BY_PREFIX(sse_7f),
	[0x90 ... 0x9f] = ROW(setcc, ROW_MODRM | ROW_BYTE, 0),
	[0xa3] = ROW(bit_to_rm, ROW_MODRM | ROW_NOWRITE, ALU_BT),
	[0xab] = ROW(bit_to_rm, ROW_MODRM | ROW_LOCK, ALU_BTS),
	PAIR(0xb0, cmpxchg, ROW_LOCK, 0),
	[0xb3] = ROW(bit_to_rm, ROW_MODRM | ROW_LOCK, ALU_BTR),
	[0xb6] = ROW(mov_to_reg, ROW_MODRM, 1),
	[0xb7] = ROW(mov_to_reg, ROW_MODRM, 2),
	[0xba] = SUB(bit_group, ROW_MODRM | ROW_BY_REG),
	[0xbb] = ROW(bit_to_rm, ROW_MODRM | ROW_LOCK, ALU_BTC),
	[0xbe] = ROW(mov_to_reg, ROW_MODRM | ROW_SIGN, 1),
	[0xbf] = ROW(mov_to_reg, ROW_MODRM | ROW_SIGN, 2),
	PAIR(0xc0, xadd, ROW_LOCK, 0),
	[0xc3] = BY_PREFIX(movnti),
	[0xc7] = SUB(pair_group, ROW_MODRM | ROW_BY_REG),
	[0xd6] = BY_PREFIX(sse_d6),
	[0xe7] = BY_PREFIX(sse_e7),
};

static const struct osp_insn_row row_none;
static const struct osp_insn_row row_movntdqa = BY_PREFIX(sse_38_2a);
static const struct osp_insn_row row_movbe_load =
	ROW(movbe_to_reg, ROW_MODRM | ROW_MEM, 0);
static const struct osp_insn_row row_movbe_store =
	ROW(movbe_to_rm, ROW_MODRM | ROW_MEM, 0);

/**
 * osp_insn_row_0f38() - the three-byte opcodes 0f 38
 * @opcode: the third byte
 * @rep: REP prefix, or 0; with one MOVBE's opcodes are CRC32 and others
 *
 * Context: any.
 * Return: the row; never NULL.
 */
const struct osp_insn_row *osp_insn_row_0f38(u8 opcode, u8 rep)
{
	switch (opcode) {
	case 0x2a:
		return &row_movntdqa;
	case 0xf0:
		return rep ? &row_none : &row_movbe_load;
	case 0xf1:
		return rep ? &row_none : &row_movbe_store;
	default:
		return &row_none;
	}
}

enum osp_insn_status osp_insn_execute(struct osp_insn_cpu *cpu,
				      const struct osp_insn *insn)
{
	return insn->row->exec(cpu, insn);
}
