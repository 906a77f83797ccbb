// SPDX-License-Identifier: GPL-2.0
/*
 * portio.c - INS and OUTS, with and without REP.
 *
 * Unlike the other string instructions these do several iterations in a call,
 * since each visit to userspace is worth many: as many as fit the I/O buffer,
 * on one page, going upwards.  SDM 2, INS and OUTS; SDM 1 19.5 (permission).
 * No locks.
 */
#include "internal.h"

/*
 * The VM exit of an I/O instruction comes after the permission checks, so they
 * need not be made again.  But the instruction was fetched after the exit, and
 * another CPU may have written it since: then this is what keeps a program
 * from the ports.  The I/O permission bitmap is not consulted: whoever plays
 * this game loses.
 */
static bool io_allowed(const struct osp_insn_cpu *cpu)
{
	unsigned int iopl = cpu->rflags >> FLAG_IOPL_SHIFT & 3;

	if (cpu->io_checked)
		return true;
	return cpu->mode != OSP_INSN_VM86 && cpu->cpl <= iopl;
}

/*
 * How many items to do at once, from @offset in @sreg, which is @linear?  They
 * must be on one page, and the last as well within the segment as the first,
 * for which all else has been checked.
 */
static unsigned int batch(struct osp_insn_cpu *cpu, const struct osp_insn *insn,
			  enum osp_insn_sreg sreg, u64 offset, u64 linear)
{
	unsigned int size = insn->op_size;
	u64 count = osp_insn_address_reg(cpu, insn, REG_CX);
	u64 mask = size_mask(insn->addr_size);
	u64 last;

	if (!insn->rep || cpu->rflags & FLAG_DF)
		return 1;
	count = min_t(u64, count, cpu->io_len / size);
	count = min_t(u64, count, (INSN_PAGE_SIZE -
				   (linear & (INSN_PAGE_SIZE - 1))) / size);
	if (count <= 1)
		return 1;
	last = (offset + (count - 1) * size) & mask;
	if (last < offset ||
	    osp_insn_linear(cpu, sreg, last, size, false, &linear))
		return 1;
	return count;
}

EXEC(ins)
{
	u64 linear, offset = osp_insn_address_reg(cpu, insn, REG_DI);
	unsigned int count, size = insn->op_size;
	enum osp_insn_status status;

	if (osp_insn_rep_is_over(cpu, insn))
		return osp_insn_done(cpu, insn);
	if (!io_allowed(cpu))
		return osp_insn_raise(cpu, VECTOR_GP);
	status = osp_insn_linear(cpu, OSP_INSN_ES, offset, size, true, &linear);
	if (status)
		return status;
	count = batch(cpu, insn, OSP_INSN_ES, offset, linear);
	status = cpu->ops->probe_write(cpu, linear, count * size);
	if (status)
		return status;
	status = cpu->ops->in(cpu, cpu->gpr[REG_DX], size, cpu->io_buf, &count);
	if (status)
		return status;
	status = cpu->ops->write(cpu, linear, cpu->io_buf, count * size);
	if (status)
		return status;
	osp_insn_step(cpu, insn, REG_DI, count);
	return osp_insn_count(cpu, insn, count);
}

EXEC(outs)
{
	u64 linear, offset = osp_insn_address_reg(cpu, insn, REG_SI);
	unsigned int count, size = insn->op_size;
	enum osp_insn_status status;

	if (osp_insn_rep_is_over(cpu, insn))
		return osp_insn_done(cpu, insn);
	if (!io_allowed(cpu))
		return osp_insn_raise(cpu, VECTOR_GP);
	status = osp_insn_linear(cpu, insn->seg, offset, size, false, &linear);
	if (status)
		return status;
	count = batch(cpu, insn, insn->seg, offset, linear);
	status = cpu->ops->read(cpu, linear, cpu->io_buf, count * size, false);
	if (status)
		return status;
	status = cpu->ops->out(cpu, cpu->gpr[REG_DX], size, cpu->io_buf,
			       &count);
	if (status)
		return status;
	osp_insn_step(cpu, insn, REG_SI, count);
	return osp_insn_count(cpu, insn, count);
}
