// SPDX-License-Identifier: GPL-2.0
/*
 * string.c - MOVS, CMPS, STOS, LODS, SCAS, and what a REP prefix does.
 *
 * One call does one iteration and commits it, so that an interrupt can be
 * taken before the next (SDM 2, REP/REPE/REPZ/REPNE/REPNZ).  The source is
 * DS:rSI, where DS can be overridden, the destination always ES:rDI.  No locks.
 */
#include "internal.h"

/**
 * osp_insn_address_reg() - rSI, rDI or rCX of a string instruction
 * @cpu: the virtual CPU
 * @insn: the instruction
 * @reg: REG_*
 *
 * Context: any.
 * Return: as much of it as the address size tells.
 */
u64 osp_insn_address_reg(const struct osp_insn_cpu *cpu,
			 const struct osp_insn *insn, unsigned int reg)
{
	return cpu->gpr[reg] & size_mask(insn->addr_size);
}

/**
 * osp_insn_rep_is_over() - is there nothing to do for a string instruction?
 * @cpu: the virtual CPU
 * @insn: the instruction
 *
 * Context: any.
 * Return: true if it has a REP prefix and rCX is 0.
 */
bool osp_insn_rep_is_over(const struct osp_insn_cpu *cpu,
			  const struct osp_insn *insn)
{
	return insn->rep && !osp_insn_address_reg(cpu, insn, REG_CX);
}

/**
 * osp_insn_step() - move rSI or rDI past the items done
 * @cpu: the virtual CPU
 * @insn: the instruction
 * @reg: REG_SI or REG_DI
 * @count: how many items
 *
 * Context: any.
 */
void osp_insn_step(struct osp_insn_cpu *cpu, const struct osp_insn *insn,
		   unsigned int reg, unsigned int count)
{
	u64 len = (u64)count * insn->op_size;

	if (cpu->rflags & FLAG_DF)
		len = -len;
	osp_insn_set_reg(cpu, insn, reg, insn->addr_size, cpu->gpr[reg] + len);
}

/**
 * osp_insn_count() - end a call: count the iterations down
 * @cpu: the virtual CPU
 * @insn: the instruction
 * @count: how many were done, at most rCX
 *
 * Context: any.
 * Return: AGAIN if it has a REP prefix and rCX is not yet 0, else OK.
 */
enum osp_insn_status osp_insn_count(struct osp_insn_cpu *cpu,
				    const struct osp_insn *insn,
				    unsigned int count)
{
	if (!insn->rep)
		return osp_insn_done(cpu, insn);
	osp_insn_set_reg(cpu, insn, REG_CX, insn->addr_size,
			 cpu->gpr[REG_CX] - count);
	if (osp_insn_rep_is_over(cpu, insn))
		return osp_insn_done(cpu, insn);
	return OSP_INSN_AGAIN;
}

/* REPE ends with ZF clear, REPNE with ZF set (CMPS and SCAS only). */
static enum osp_insn_status count_compared(struct osp_insn_cpu *cpu,
					   const struct osp_insn *insn)
{
	enum osp_insn_status status = osp_insn_count(cpu, insn, 1);
	bool equal = cpu->rflags & FLAG_ZF;

	if (status == OSP_INSN_AGAIN && equal != (insn->rep == PREFIX_REPE))
		return osp_insn_done(cpu, insn);
	return status;
}

/* Read the item at @sreg:@reg. */
static enum osp_insn_status read_item(struct osp_insn_cpu *cpu,
				      const struct osp_insn *insn,
				      enum osp_insn_sreg sreg,
				      unsigned int reg, u64 *val)
{
	enum osp_insn_status status;
	u64 linear;

	status = osp_insn_linear(cpu, sreg,
				 osp_insn_address_reg(cpu, insn, reg),
				 insn->op_size, false, &linear);
	if (status)
		return status;
	*val = 0;
	return cpu->ops->read(cpu, linear, val, insn->op_size, false);
}

/* Write the item at ES:rDI. */
static enum osp_insn_status write_item(struct osp_insn_cpu *cpu,
				       const struct osp_insn *insn, u64 val)
{
	enum osp_insn_status status;
	u64 linear;

	status = osp_insn_linear(cpu, OSP_INSN_ES,
				 osp_insn_address_reg(cpu, insn, REG_DI),
				 insn->op_size, true, &linear);
	if (status)
		return status;
	return cpu->ops->write(cpu, linear, &val, insn->op_size);
}

EXEC(movs)
{
	enum osp_insn_status status;
	u64 val;

	if (osp_insn_rep_is_over(cpu, insn))
		return osp_insn_done(cpu, insn);
	status = read_item(cpu, insn, insn->seg, REG_SI, &val);
	if (status)
		return status;
	status = write_item(cpu, insn, val);
	if (status)
		return status;
	osp_insn_step(cpu, insn, REG_SI, 1);
	osp_insn_step(cpu, insn, REG_DI, 1);
	return osp_insn_count(cpu, insn, 1);
}

EXEC(cmps)
{
	enum osp_insn_status status;
	u64 src, dst;

	if (osp_insn_rep_is_over(cpu, insn))
		return osp_insn_done(cpu, insn);
	/* In this order, as processors do. */
	status = read_item(cpu, insn, OSP_INSN_ES, REG_DI, &dst);
	if (status)
		return status;
	status = read_item(cpu, insn, insn->seg, REG_SI, &src);
	if (status)
		return status;
	osp_insn_alu(ALU_CMP, src, dst, insn->op_size, &cpu->rflags);
	osp_insn_step(cpu, insn, REG_SI, 1);
	osp_insn_step(cpu, insn, REG_DI, 1);
	return count_compared(cpu, insn);
}

EXEC(stos)
{
	enum osp_insn_status status;

	if (osp_insn_rep_is_over(cpu, insn))
		return osp_insn_done(cpu, insn);
	status = write_item(cpu, insn,
			    osp_insn_reg(cpu, insn, REG_AX, insn->op_size));
	if (status)
		return status;
	osp_insn_step(cpu, insn, REG_DI, 1);
	return osp_insn_count(cpu, insn, 1);
}

EXEC(lods)
{
	enum osp_insn_status status;
	u64 val;

	if (osp_insn_rep_is_over(cpu, insn))
		return osp_insn_done(cpu, insn);
	status = read_item(cpu, insn, insn->seg, REG_SI, &val);
	if (status)
		return status;
	osp_insn_set_reg(cpu, insn, REG_AX, insn->op_size, val);
	osp_insn_step(cpu, insn, REG_SI, 1);
	return osp_insn_count(cpu, insn, 1);
}

EXEC(scas)
{
	enum osp_insn_status status;
	u64 val;

	if (osp_insn_rep_is_over(cpu, insn))
		return osp_insn_done(cpu, insn);
	status = read_item(cpu, insn, OSP_INSN_ES, REG_DI, &val);
	if (status)
		return status;
	osp_insn_alu(ALU_CMP, osp_insn_reg(cpu, insn, REG_AX, insn->op_size),
		     val, insn->op_size, &cpu->rflags);
	osp_insn_step(cpu, insn, REG_DI, 1);
	return count_compared(cpu, insn);
}
