// SPDX-License-Identifier: GPL-2.0
/*
 * arith.c - instructions that compute: ADD to CMP, TEST, INC, DEC, NOT, NEG,
 * and the bit tests.
 *
 * Operands come from operand.c, the result from alu.c; here is only which goes
 * where.  SDM 2, each under its name.  No locks.
 */
#include "internal.h"

/* r/m = r/m op src, with the r/m operand, if in memory, at @offset. */
static enum osp_insn_status alu_to_rm(struct osp_insn_cpu *cpu,
				      const struct osp_insn *insn, u64 offset)
{
	u64 res, flags = cpu->rflags;
	enum osp_insn_status status;
	struct osp_insn_rm rm;

	status = osp_insn_rm_begin(cpu, insn, offset, &rm);
	if (status)
		return status;
	res = osp_insn_alu(insn->row->arg, rm.val, osp_insn_source(cpu, insn),
			   insn->op_size, &flags);
	if (!(insn->row->flags & ROW_NOWRITE)) {
		status = osp_insn_rm_end(cpu, insn, &rm, res);
		if (status)
			return status;
	}
	cpu->rflags = flags;
	return osp_insn_done(cpu, insn);
}

/* Destination r/m, source a register, an immediate, or none. */
EXEC(alu_to_rm)
{
	return alu_to_rm(cpu, insn, osp_insn_offset(cpu, insn));
}

/* Destination a register, source r/m. */
EXEC(alu_to_reg)
{
	u64 src, res, flags = cpu->rflags;
	enum osp_insn_status status;

	status = osp_insn_load(cpu, insn, insn->op_size, &src);
	if (status)
		return status;
	res = osp_insn_alu(insn->row->arg,
			   osp_insn_reg(cpu, insn, insn->reg, insn->op_size),
			   src, insn->op_size, &flags);
	if (!(insn->row->flags & ROW_NOWRITE))
		osp_insn_set_reg(cpu, insn, insn->reg, insn->op_size, res);
	cpu->rflags = flags;
	return osp_insn_done(cpu, insn);
}

/*
 * BT, BTS, BTR, BTC with the bit number in a register.  It is signed and not
 * bounded by the size of a memory operand: the bit string goes on both ways.
 */
EXEC(bit_to_rm)
{
	u64 bit = sign_extend(osp_insn_source(cpu, insn), insn->op_size);
	u64 items = (u64)((s64)bit >> 3) & ~(u64)(insn->op_size - 1);
	u64 offset = osp_insn_offset(cpu, insn) + items;

	return alu_to_rm(cpu, insn, offset & size_mask(insn->addr_size));
}
