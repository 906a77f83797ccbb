// SPDX-License-Identifier: GPL-2.0
/*
 * alu.c - integer arithmetic and its flags.
 *
 * Results and RFLAGS as SDM volume 2 gives them for each instruction.  Where
 * it leaves a flag undefined, it gets what Intel's processors have put there
 * since the P6: AF is 0 after AND, OR, XOR and TEST, and BT and its family
 * change nothing but CF.  Pure functions; no locks.
 */
#include "internal.h"

/* PF is set if the low byte has an even number of ones. */
static bool even_parity(u64 val)
{
	/* Bit n of the constant: does n have an odd number of ones? */
	return !(0x6996 >> ((val ^ (val >> 4)) & 0xf) & 1);
}

/* The top bit of an operand, as a bool. */
static bool top_bit(u64 val, unsigned int size)
{
	return val >> (8 * size - 1) & 1;
}

/* SF, ZF and PF of a result. */
static u64 result_flags(u64 res, unsigned int size)
{
	u64 flags = 0;

	if (top_bit(res, size))
		flags |= FLAG_SF;
	if (!res)
		flags |= FLAG_ZF;
	if (even_parity(res))
		flags |= FLAG_PF;
	return flags;
}

/*
 * All six flags of an addition or subtraction.  Bit n of @carries is the carry
 * (or borrow) out of bit n, bit n of @overflows says whether a result that ends
 * with bit n would have overflowed.
 */
static u64 arith_flags(u64 res, u64 carries, u64 overflows, unsigned int size)
{
	u64 flags = result_flags(res, size);

	if (top_bit(carries, size))
		flags |= FLAG_CF;
	if (carries & BIT(3))
		flags |= FLAG_AF;
	if (top_bit(overflows, size))
		flags |= FLAG_OF;
	return flags;
}

static u64 add(u64 a, u64 b, bool carry, unsigned int size, u64 *flags)
{
	u64 res = (a + b + carry) & size_mask(size);

	*flags = arith_flags(res, (a & b) | ((a | b) & ~res),
			     (a ^ res) & (b ^ res), size);
	return res;
}

static u64 sub(u64 a, u64 b, bool borrow, unsigned int size, u64 *flags)
{
	u64 res = (a - b - borrow) & size_mask(size);

	*flags = arith_flags(res, (~a & b) | ((~a | b) & res),
			     (a ^ b) & (a ^ res), size);
	return res;
}

static u64 logic(u64 res, unsigned int size, u64 *flags)
{
	*flags = result_flags(res, size);
	return res;
}

/* BT, BTS, BTR, BTC: CF is the old bit, the other flags stay. */
static u64 bit_op(enum osp_insn_alu_op op, u64 a, u64 b, unsigned int size,
		  u64 *flags)
{
	u64 bit = 1ULL << (b & (8 * size - 1));

	*flags &= ~FLAG_CF;
	if (a & bit)
		*flags |= FLAG_CF;
	switch (op) {
	case ALU_BTS:
		return a | bit;
	case ALU_BTR:
		return a & ~bit;
	case ALU_BTC:
		return a ^ bit;
	default:
		return a;
	}
}

/* The operations that set all six flags. */
static u64 arith_op(enum osp_insn_alu_op op, u64 a, u64 b, unsigned int size,
		    bool carry, u64 *flags)
{
	switch (op) {
	case ALU_ADD:
		return add(a, b, false, size, flags);
	case ALU_ADC:
		return add(a, b, carry, size, flags);
	case ALU_SUB:
	case ALU_CMP:
		return sub(a, b, false, size, flags);
	case ALU_SBB:
		return sub(a, b, carry, size, flags);
	case ALU_NEG:
		return sub(0, a, false, size, flags);
	case ALU_INC:
		return add(a, 1, false, size, flags);
	case ALU_DEC:
		return sub(a, 1, false, size, flags);
	case ALU_OR:
		return logic(a | b, size, flags);
	case ALU_XOR:
		return logic(a ^ b, size, flags);
	default:
		return logic(a & b, size, flags);
	}
}

/**
 * osp_insn_alu() - compute
 * @op: what
 * @a: destination operand; bits beyond @size are ignored
 * @b: source operand, or bit number; unused by INC, DEC, NOT, NEG
 * @size: of the operands, 1, 2, 4 or 8 bytes
 * @flags: RFLAGS, updated
 *
 * Context: any.
 * Return: the result; of CMP and BT one that is not to be stored.
 */
u64 osp_insn_alu(enum osp_insn_alu_op op, u64 a, u64 b, unsigned int size,
		 u64 *flags)
{
	u64 mask = size_mask(size);
	u64 changes = FLAGS_ARITH;
	u64 new_flags = 0;
	u64 res;

	if (op == ALU_NOT)
		return ~a & mask;
	if (op >= ALU_BT && op <= ALU_BTC)
		return bit_op(op, a & mask, b, size, flags);
	res = arith_op(op, a & mask, b & mask, size, *flags & FLAG_CF,
		       &new_flags);
	if (op == ALU_INC || op == ALU_DEC)
		changes &= ~FLAG_CF;
	*flags = (*flags & ~changes) | (new_flags & changes);
	return res;
}

/**
 * osp_insn_condition() - evaluate a condition
 * @cc: the low four bits of the opcode of Jcc, SETcc, CMOVcc (SDM 1 B.1)
 * @flags: RFLAGS
 *
 * Context: any.
 * Return: whether it holds.
 */
bool osp_insn_condition(unsigned int cc, u64 flags)
{
	bool less = !(flags & FLAG_SF) != !(flags & FLAG_OF);
	bool holds;

	switch (cc >> 1 & 7) {
	case 0:
		holds = flags & FLAG_OF;
		break;
	case 1:
		holds = flags & FLAG_CF;
		break;
	case 2:
		holds = flags & FLAG_ZF;
		break;
	case 3:
		holds = flags & (FLAG_CF | FLAG_ZF);
		break;
	case 4:
		holds = flags & FLAG_SF;
		break;
	case 5:
		holds = flags & FLAG_PF;
		break;
	case 6:
		holds = less;
		break;
	default:
		holds = less || flags & FLAG_ZF;
		break;
	}
	return holds != (cc & 1);
}
