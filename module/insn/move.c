// SPDX-License-Identifier: GPL-2.0
/*
 * move.c - instructions that only move data: MOV, MOVZX, MOVSX, MOVSXD, MOVBE,
 * MOVNTI, CMOVcc, SETcc, PUSH and POP with a memory operand.
 *
 * SDM 2, each under its name.  No locks.
 */
#include "internal.h"

/* MOV, MOVNTI: to r/m, from a register or an immediate. */
EXEC(mov_to_rm)
{
	enum osp_insn_status status;

	status = osp_insn_store(cpu, insn, insn->op_size,
				osp_insn_source(cpu, insn));
	if (status)
		return status;
	return osp_insn_done(cpu, insn);
}

/* MOV, MOVZX, MOVSX, MOVSXD: to a register; the source may be shorter. */
EXEC(mov_to_reg)
{
	unsigned int size = insn->op_size;
	enum osp_insn_status status;
	u64 val;

	if (insn->row->arg)
		size = min_t(unsigned int, size, insn->row->arg);
	status = osp_insn_load(cpu, insn, size, &val);
	if (status)
		return status;
	if (insn->row->flags & ROW_SIGN)
		val = sign_extend(val, size);
	osp_insn_set_reg(cpu, insn, insn->reg, insn->op_size, val);
	return osp_insn_done(cpu, insn);
}

/* MOV from a segment register: 16 bits in memory, zero-extended otherwise. */
EXEC(mov_sreg)
{
	bool to_reg = insn->mod == MOD_REGISTER;
	unsigned int sreg = insn->reg & 7;
	struct osp_insn_segment seg;
	enum osp_insn_status status;

	if (sreg > OSP_INSN_GS)
		return osp_insn_raise(cpu, VECTOR_UD);
	cpu->ops->segment(cpu, sreg, &seg);
	status = osp_insn_store(cpu, insn, to_reg ? insn->op_size : 2,
				seg.selector);
	if (status)
		return status;
	return osp_insn_done(cpu, insn);
}

static u64 swap_bytes(u64 val, unsigned int size)
{
	return __builtin_bswap64(val) >> (64 - 8 * size);
}

/* MOVBE to memory */
EXEC(movbe_to_rm)
{
	enum osp_insn_status status;
	u64 val;

	if (!(cpu->features & OSP_INSN_HAS_MOVBE))
		return osp_insn_raise(cpu, VECTOR_UD);
	val = osp_insn_reg(cpu, insn, insn->reg, insn->op_size);
	status = osp_insn_store(cpu, insn, insn->op_size,
				swap_bytes(val, insn->op_size));
	if (status)
		return status;
	return osp_insn_done(cpu, insn);
}

/* MOVBE from memory */
EXEC(movbe_to_reg)
{
	enum osp_insn_status status;
	u64 val;

	if (!(cpu->features & OSP_INSN_HAS_MOVBE))
		return osp_insn_raise(cpu, VECTOR_UD);
	status = osp_insn_load(cpu, insn, insn->op_size, &val);
	if (status)
		return status;
	osp_insn_set_reg(cpu, insn, insn->reg, insn->op_size,
			 swap_bytes(val, insn->op_size));
	return osp_insn_done(cpu, insn);
}

/*
 * CMOVcc reads its source in any case, and a 32-bit one clears the upper half
 * of the destination in any case.
 */
EXEC(cmov)
{
	enum osp_insn_status status;
	u64 val;

	status = osp_insn_load(cpu, insn, insn->op_size, &val);
	if (status)
		return status;
	if (!osp_insn_condition(insn->opcode, cpu->rflags))
		val = osp_insn_reg(cpu, insn, insn->reg, insn->op_size);
	osp_insn_set_reg(cpu, insn, insn->reg, insn->op_size, val);
	return osp_insn_done(cpu, insn);
}

EXEC(setcc)
{
	enum osp_insn_status status;

	status = osp_insn_store(cpu, insn, 1,
				osp_insn_condition(insn->opcode, cpu->rflags));
	if (status)
		return status;
	return osp_insn_done(cpu, insn);
}

/* Width of the stack pointer in bytes (SDM 1 6.2.3) */
static unsigned int stack_size(struct osp_insn_cpu *cpu)
{
	struct osp_insn_segment ss;

	if (cpu->mode == OSP_INSN_LONG)
		return 8;
	cpu->ops->segment(cpu, OSP_INSN_SS, &ss);
	return ss.ar & OSP_INSN_AR_DB ? 4 : 2;
}

/* The value of rSP after @add more bytes, of which only the low part moves. */
static u64 moved_stack(const struct osp_insn_cpu *cpu, unsigned int size,
		       u64 add)
{
	u64 mask = size_mask(size);
	u64 rsp = cpu->gpr[REG_SP];

	return (rsp & ~mask) | ((rsp + add) & mask);
}

/* PUSH r/m */
EXEC(push)
{
	unsigned int width = stack_size(cpu);
	u64 rsp = moved_stack(cpu, width, -(u64)insn->op_size);
	enum osp_insn_status status;
	u64 val, linear;

	status = osp_insn_load(cpu, insn, insn->op_size, &val);
	if (status)
		return status;
	status = osp_insn_linear(cpu, OSP_INSN_SS, rsp & size_mask(width),
				 insn->op_size, true, &linear);
	if (status)
		return status;
	status = cpu->ops->write(cpu, linear, &val, insn->op_size);
	if (status)
		return status;
	cpu->gpr[REG_SP] = rsp;
	return osp_insn_done(cpu, insn);
}

/*
 * POP r/m.  An address that has rSP as its base is formed with the value after
 * the pop, so rSP moves first, and back if the store fails.
 */
EXEC(pop)
{
	unsigned int width = stack_size(cpu);
	u64 rsp = cpu->gpr[REG_SP];
	enum osp_insn_status status;
	u64 val = 0, linear;

	status = osp_insn_linear(cpu, OSP_INSN_SS, rsp & size_mask(width),
				 insn->op_size, false, &linear);
	if (status)
		return status;
	status = cpu->ops->read(cpu, linear, &val, insn->op_size, false);
	if (status)
		return status;
	cpu->gpr[REG_SP] = moved_stack(cpu, width, insn->op_size);
	status = osp_insn_store(cpu, insn, insn->op_size, val);
	if (status) {
		cpu->gpr[REG_SP] = rsp;
		return status;
	}
	return osp_insn_done(cpu, insn);
}
