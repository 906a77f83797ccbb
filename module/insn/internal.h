/* SPDX-License-Identifier: GPL-2.0 */
/*
 * internal.h - what the files of the instruction emulator share.
 *
 * The way of an instruction: decode.c reads its bytes and finds its row in
 * table.c; the row's exec function, in move.c, arith.c, exchange.c, string.c,
 * portio.c or sse.c, gets at its operands through operand.c, computes with
 * alu.c, and as its last step commits: registers, flags, RIP.
 */
#ifndef OSP_INSN_INTERNAL_H
#define OSP_INSN_INTERNAL_H

#include "insn.h"

/* General registers by their encoding. */
enum {
	REG_AX, REG_CX, REG_DX, REG_BX, REG_SP, REG_BP, REG_SI, REG_DI,
};

/* RFLAGS (SDM 1 3.4.3). */
#define FLAG_CF		BIT(0)
#define FLAG_PF		BIT(2)
#define FLAG_AF		BIT(4)
#define FLAG_ZF		BIT(6)
#define FLAG_SF		BIT(7)
#define FLAG_DF		BIT(10)
#define FLAG_OF		BIT(11)
#define FLAG_RF		BIT(16)
#define FLAG_AC		BIT(18)
#define FLAG_IOPL_SHIFT	12
#define FLAGS_ARITH	(FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | \
			 FLAG_OF)

/* Exceptions (SDM 3A 6.3.1). */
#define VECTOR_UD	6
#define VECTOR_SS	12
#define VECTOR_GP	13
#define VECTOR_AC	17

#define REX_W		BIT(3)
#define REX_R		BIT(2)
#define REX_X		BIT(1)
#define REX_B		BIT(0)

#define MOD_REGISTER	3

/* The prefixes that &osp_insn.rep can be. */
#define PREFIX_REPNE	0xf2
#define PREFIX_REPE	0xf3

/* The smallest page: what is on one can be translated in one step. */
#define INSN_PAGE_SIZE	4096

/* struct osp_insn_row.flags */
#define ROW_MODRM	BIT(0)	/* a ModRM byte follows */
#define ROW_BYTE	BIT(1)	/* the operand size is 8 bits */
#define ROW_IMM8	BIT(2)	/* an 8-bit immediate follows, sign-extended */
#define ROW_IMMZ	BIT(3)	/* one of operand size, at most 32 bits */
#define ROW_MOFFS	BIT(4)	/* an offset of address size follows */
#define ROW_LOCK	BIT(5)	/* LOCK is allowed with a memory operand */
#define ROW_NOWRITE	BIT(6)	/* the destination is only read */
#define ROW_SIGN	BIT(7)	/* the source is sign-extended */
#define ROW_STACK	BIT(8)	/* the operand size is 64 bits in 64-bit mode */
#define ROW_MEM		BIT(9)	/* #UD with a register operand */
#define ROW_LONG	BIT(10)	/* another instruction outside 64-bit mode */
#define ROW_LEGACY	BIT(11)	/* another instruction in 64-bit mode */
#define ROW_ALIGNED	BIT(12)	/* #GP if not aligned to the operand size */
#define ROW_BY_REG	BIT(13)	/* .sub has 8 rows, chosen by ModRM.reg */
#define ROW_BY_PREFIX	BIT(14)	/* .sub has 4, by the mandatory prefix */
#define ROW_ATOMIC	BIT(15)	/* locked without a LOCK prefix, too */
#define ROW_DWORD	BIT(16)	/* size 32 bits, or 64 with REX.W, never 16 */
#define ROW_PORT	BIT(17)	/* size 16 or 32 bits, never 64 */
#define ROW_PREFIX	BIT(18)	/* not an opcode but a prefix */

/* What most rows have none of is looked for together. */
#define ROW_SUB		(ROW_BY_REG | ROW_BY_PREFIX)
#define ROW_NUMBERS	(ROW_MOFFS | ROW_IMM8 | ROW_IMMZ)
#define ROW_SIZES	(ROW_BYTE | ROW_STACK | ROW_DWORD | ROW_PORT)
#define ROW_CHECKS	(ROW_MEM | ROW_LONG | ROW_LEGACY | ROW_ATOMIC)

/* Index into a row's .sub with ROW_BY_PREFIX. */
enum { SUB_NONE, SUB_66, SUB_F3, SUB_F2, SUB_COUNT };

/**
 * struct osp_insn_row - a row of the opcode table
 * @exec: carries the instruction out; NULL: not emulated
 * @sub: the rows that opcodes with ROW_BY_REG or ROW_BY_PREFIX are split into
 * @flags: ROW_*
 * @arg: for @exec: the operation (enum osp_insn_alu_op) or a size in bytes
 */
struct osp_insn_row {
	union {
		enum osp_insn_status (*exec)(struct osp_insn_cpu *cpu,
					     const struct osp_insn *insn);
		const struct osp_insn_row *sub;
	};
	u32 flags;
	u8 arg;
};

/** enum osp_insn_alu_op - operations of the ALU; BT to BTC are in one piece */
enum osp_insn_alu_op {
	ALU_ADD, ALU_OR, ALU_ADC, ALU_SBB, ALU_AND, ALU_SUB, ALU_XOR, ALU_CMP,
	ALU_BT, ALU_BTS, ALU_BTR, ALU_BTC,
	ALU_INC, ALU_DEC, ALU_NOT, ALU_NEG,
};

/* alu.c */
u64 osp_insn_alu(enum osp_insn_alu_op op, u64 a, u64 b, unsigned int size,
		 u64 *flags);
bool osp_insn_condition(unsigned int cc, u64 flags);

/**
 * struct osp_insn_rm - the r/m operand of an instruction that changes it
 * @val: its value before
 * @linear: its address, if it is in memory
 */
struct osp_insn_rm {
	u64 val;
	u64 linear;
};

/* operand.c */
void osp_insn_set_reg(struct osp_insn_cpu *cpu, const struct osp_insn *insn,
		      unsigned int reg, unsigned int size, u64 val);
enum osp_insn_status osp_insn_raise(struct osp_insn_cpu *cpu, u8 vector);
enum osp_insn_status osp_insn_linear(struct osp_insn_cpu *cpu,
				     enum osp_insn_sreg sreg, u64 offset,
				     unsigned int len, bool write, u64 *linear);
enum osp_insn_status osp_insn_load(struct osp_insn_cpu *cpu,
				   const struct osp_insn *insn,
				   unsigned int size, u64 *val);
enum osp_insn_status osp_insn_store(struct osp_insn_cpu *cpu,
				    const struct osp_insn *insn,
				    unsigned int size, u64 val);
enum osp_insn_status osp_insn_rm_begin(struct osp_insn_cpu *cpu,
				       const struct osp_insn *insn, u64 offset,
				       struct osp_insn_rm *rm);
enum osp_insn_status osp_insn_rm_end(struct osp_insn_cpu *cpu,
				     const struct osp_insn *insn,
				     const struct osp_insn_rm *rm, u64 val);
enum osp_insn_status osp_insn_replace(struct osp_insn_cpu *cpu,
				      const struct osp_insn *insn, u64 linear,
				      const void *old, const void *val,
				      unsigned int len);

/* table.c */
extern const struct osp_insn_row osp_insn_rows[256];
extern const struct osp_insn_row osp_insn_rows_0f[256];
const struct osp_insn_row *osp_insn_row_0f38(u8 opcode, u8 rep);

/**
 * EXEC() - declare or define an exec function, one kind of row in table.c
 * @name: without the prefix
 *
 * It takes the &struct osp_insn_cpu @cpu and the decoded &struct osp_insn
 * @insn, carries it out, and returns as osp_insn_execute(), in its context.
 * The last step that can fail comes before the first that changes @cpu.
 */
#define EXEC(name) \
	enum osp_insn_status osp_insn_##name(struct osp_insn_cpu *cpu, \
					     const struct osp_insn *insn)

/* arith.c */
EXEC(alu_to_rm);
EXEC(alu_to_reg);
EXEC(bit_to_rm);

/* move.c */
EXEC(mov_to_rm);
EXEC(mov_to_reg);
EXEC(mov_sreg);
EXEC(movbe_to_rm);
EXEC(movbe_to_reg);
EXEC(cmov);
EXEC(setcc);
EXEC(push);
EXEC(pop);

/* exchange.c */
EXEC(xchg);
EXEC(xadd);
EXEC(cmpxchg);
EXEC(cmpxchg8b);

/* string.c */
EXEC(movs);
EXEC(cmps);
EXEC(stos);
EXEC(lods);
EXEC(scas);
u64 osp_insn_address_reg(const struct osp_insn_cpu *cpu,
			 const struct osp_insn *insn, unsigned int reg);
bool osp_insn_rep_is_over(const struct osp_insn_cpu *cpu,
			  const struct osp_insn *insn);
void osp_insn_step(struct osp_insn_cpu *cpu, const struct osp_insn *insn,
		   unsigned int reg, unsigned int count);
enum osp_insn_status osp_insn_count(struct osp_insn_cpu *cpu,
				    const struct osp_insn *insn,
				    unsigned int count);

/* portio.c */
EXEC(ins);
EXEC(outs);

/* sse.c */
EXEC(sse_load);
EXEC(sse_store);

/* All bits of an operand of @size (1, 2, 4, 8) bytes. */
static inline u64 size_mask(unsigned int size)
{
	return ~0ULL >> (64 - 8 * size);
}

/* The value of @size bytes in @val, sign-extended. */
static inline u64 sign_extend(u64 val, unsigned int size)
{
	unsigned int shift = 64 - 8 * size;

	return (u64)((s64)(val << shift) >> shift);
}

/* Is this 8-bit register AH, CH, DH or BH?  (SDM 1 3.7.2.1) */
static inline bool is_high_byte(const struct osp_insn *insn, unsigned int reg,
				unsigned int size)
{
	return size == 1 && !insn->rex && reg >= REG_SP;
}

/* Read a general register of @size bytes; zero-extended. */
static inline u64 osp_insn_reg(const struct osp_insn_cpu *cpu,
			       const struct osp_insn *insn, unsigned int reg,
			       unsigned int size)
{
	if (is_high_byte(insn, reg, size))
		return cpu->gpr[reg - REG_SP] >> 8 & 0xff;
	return cpu->gpr[reg] & size_mask(size);
}

/*
 * The source operand that is not r/m: the immediate if there is one, else the
 * register.  Has more in it than the operand size says; who takes it, cuts it.
 */
static inline u64 osp_insn_source(const struct osp_insn_cpu *cpu,
				  const struct osp_insn *insn)
{
	if (insn->row->flags & (ROW_IMM8 | ROW_IMMZ))
		return insn->imm;
	if (is_high_byte(insn, insn->reg, insn->op_size))
		return cpu->gpr[insn->reg - REG_SP] >> 8;
	return cpu->gpr[insn->reg];
}

/* The memory operand's offset in its segment, wrapped to the address size. */
static inline u64 osp_insn_offset(const struct osp_insn_cpu *cpu,
				  const struct osp_insn *insn)
{
	u64 offset = insn->disp;

	if (insn->base != OSP_INSN_NO_REG)
		offset += cpu->gpr[insn->base];
	if (insn->index != OSP_INSN_NO_REG)
		offset += cpu->gpr[insn->index] << insn->scale;
	if (insn->rip_relative)
		offset += cpu->rip + insn->len;
	if (likely(insn->addr_size == 8))
		return offset;
	return offset & size_mask(insn->addr_size);
}

/*
 * Are the addresses from @linear on valid in 64-bit mode, that is, are the
 * upper bits of each all the same?  (SDM 1 3.3.7.1)  Moved up by half of the
 * address space, the two valid areas become one at the bottom.
 */
static inline bool is_canonical(const struct osp_insn_cpu *cpu, u64 linear,
				unsigned int len)
{
	u64 first = linear + (1ULL << (cpu->va_bits - 1));

	return !((first | (first + len - 1)) >> cpu->va_bits);
}

/* The instruction is complete: the last step of each that succeeds. */
static inline enum osp_insn_status osp_insn_done(struct osp_insn_cpu *cpu,
						 const struct osp_insn *insn)
{
	cpu->rip += insn->len;
	if (cpu->mode != OSP_INSN_LONG)
		cpu->rip = (u32)cpu->rip;
	cpu->rflags &= ~FLAG_RF;
	return OSP_INSN_OK;
}

#endif /* OSP_INSN_INTERNAL_H */
