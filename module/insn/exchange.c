// SPDX-License-Identifier: GPL-2.0
/*
 * exchange.c - instructions that change both a register and r/m: XCHG, XADD,
 * CMPXCHG, CMPXCHG8B and CMPXCHG16B.
 *
 * SDM 2, each under its name.  No locks; what is atomic for the guest is so by
 * the cmpxchg callback.
 */
#include "internal.h"

EXEC(xchg)
{
	u64 val = osp_insn_source(cpu, insn);
	enum osp_insn_status status;
	struct osp_insn_rm rm;

	status = osp_insn_rm_begin(cpu, insn, osp_insn_offset(cpu, insn), &rm);
	if (status)
		return status;
	status = osp_insn_rm_end(cpu, insn, &rm, val);
	if (status)
		return status;
	osp_insn_set_reg(cpu, insn, insn->reg, insn->op_size, rm.val);
	return osp_insn_done(cpu, insn);
}

/*
 * XADD.  When both operands are the same register, the sum is what remains:
 * so for registers it is written last.
 */
EXEC(xadd)
{
	u64 sum, flags = cpu->rflags;
	enum osp_insn_status status;
	struct osp_insn_rm rm;

	status = osp_insn_rm_begin(cpu, insn, osp_insn_offset(cpu, insn), &rm);
	if (status)
		return status;
	sum = osp_insn_alu(ALU_ADD, rm.val, osp_insn_source(cpu, insn),
			   insn->op_size, &flags);
	if (insn->mod == MOD_REGISTER)
		osp_insn_set_reg(cpu, insn, insn->reg, insn->op_size, rm.val);
	status = osp_insn_rm_end(cpu, insn, &rm, sum);
	if (status)
		return status;
	if (insn->mod != MOD_REGISTER)
		osp_insn_set_reg(cpu, insn, insn->reg, insn->op_size, rm.val);
	cpu->rflags = flags;
	return osp_insn_done(cpu, insn);
}

/*
 * CMPXCHG writes memory in any case, if only with what was there; but a
 * register that is its destination stays as it is, upper half and all.
 */
EXEC(cmpxchg)
{
	u64 acc = osp_insn_reg(cpu, insn, REG_AX, insn->op_size);
	u64 flags = cpu->rflags;
	enum osp_insn_status status;
	struct osp_insn_rm rm;
	bool equal;

	status = osp_insn_rm_begin(cpu, insn, osp_insn_offset(cpu, insn), &rm);
	if (status)
		return status;
	equal = rm.val == acc;
	if (equal || insn->mod != MOD_REGISTER)
		status = osp_insn_rm_end(cpu, insn, &rm, equal ?
					 osp_insn_source(cpu, insn) : rm.val);
	if (status)
		return status;
	osp_insn_alu(ALU_CMP, acc, rm.val, insn->op_size, &flags);
	if (!equal)
		osp_insn_set_reg(cpu, insn, REG_AX, insn->op_size, rm.val);
	cpu->rflags = flags;
	return osp_insn_done(cpu, insn);
}

/*
 * The check that is CMPXCHG16B's own: alignment, which is needed even with
 * alignment checking off.
 */
static enum osp_insn_status pair_address(struct osp_insn_cpu *cpu,
					 const struct osp_insn *insn,
					 u64 *linear)
{
	unsigned int len = 2 * insn->op_size;
	enum osp_insn_status status;

	if (len == 16 && !(cpu->features & OSP_INSN_HAS_CX16))
		return osp_insn_raise(cpu, VECTOR_UD);
	status = osp_insn_linear(cpu, insn->seg, osp_insn_offset(cpu, insn),
				 len, true, linear);
	/* This #GP is found before a #SS for the address. */
	if (len == 16 && *linear & 15)
		return osp_insn_raise(cpu, VECTOR_GP);
	return status;
}

/* CMPXCHG8B, and with REX.W CMPXCHG16B: a pair of registers each way. */
EXEC(cmpxchg8b)
{
	unsigned int size = insn->op_size;
	enum osp_insn_status status;
	u8 old[16], val[16];
	u64 linear, lo = 0, hi = 0;
	bool equal;

	status = pair_address(cpu, insn, &linear);
	if (status)
		return status;
	status = cpu->ops->read(cpu, linear, old, 2 * size, true);
	if (status)
		return status;
	memcpy(&lo, old, size);
	memcpy(&hi, old + size, size);
	equal = lo == osp_insn_reg(cpu, insn, REG_AX, size) &&
		hi == osp_insn_reg(cpu, insn, REG_DX, size);
	memcpy(val, equal ? (u8 *)&cpu->gpr[REG_BX] : old, size);
	memcpy(val + size, equal ? (u8 *)&cpu->gpr[REG_CX] : old + size, size);
	status = osp_insn_replace(cpu, insn, linear, old, val, 2 * size);
	if (status)
		return status;
	if (!equal) {
		osp_insn_set_reg(cpu, insn, REG_AX, size, lo);
		osp_insn_set_reg(cpu, insn, REG_DX, size, hi);
	}
	cpu->rflags &= ~FLAG_ZF;
	if (equal)
		cpu->rflags |= FLAG_ZF;
	return osp_insn_done(cpu, insn);
}
