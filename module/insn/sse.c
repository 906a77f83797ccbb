// SPDX-License-Identifier: GPL-2.0
/*
 * sse.c - moves between XMM registers and memory.
 *
 * What memcpy() and frame buffer code use on device memory: MOVUPS, MOVAPS,
 * MOVDQU, MOVDQA, MOVSS, MOVSD, MOVD, MOVQ and the non-temporal ones.  Register
 * to register they never exit and are not emulated.  That SSE is enabled was
 * checked by the processor before the exit.  SDM 2; SDM 2 2.4 (alignment).
 */
#include "internal.h"

#define XMM_SIZE	16

/* Address of the operand; the size is in the row, or the operand size. */
static enum osp_insn_status sse_linear(struct osp_insn_cpu *cpu,
				       const struct osp_insn *insn,
				       unsigned int size, bool write,
				       u64 *linear)
{
	enum osp_insn_status status;

	if (insn->mod == MOD_REGISTER || !cpu->ops->xmm)
		return OSP_INSN_UNHANDLED;
	status = osp_insn_linear(cpu, insn->seg, osp_insn_offset(cpu, insn),
				 size, write, linear);
	/* This #GP is found before a #SS for the address. */
	if (insn->row->flags & ROW_ALIGNED && *linear & (size - 1))
		return osp_insn_raise(cpu, VECTOR_GP);
	return status;
}

/* To a register: what is beyond the operand becomes zero. */
EXEC(sse_load)
{
	unsigned int size = insn->row->arg ?: insn->op_size;
	u64 val[XMM_SIZE / sizeof(u64)] = { 0 };
	enum osp_insn_status status;
	u64 linear;

	status = sse_linear(cpu, insn, size, false, &linear);
	if (status)
		return status;
	status = cpu->ops->read(cpu, linear, val, size, false);
	if (status)
		return status;
	status = cpu->ops->xmm(cpu, insn->reg, val, true);
	if (status)
		return status;
	return osp_insn_done(cpu, insn);
}

EXEC(sse_store)
{
	unsigned int size = insn->row->arg ?: insn->op_size;
	u64 val[XMM_SIZE / sizeof(u64)];
	enum osp_insn_status status;
	u64 linear;

	status = sse_linear(cpu, insn, size, true, &linear);
	if (status)
		return status;
	status = cpu->ops->xmm(cpu, insn->reg, val, false);
	if (status)
		return status;
	status = cpu->ops->write(cpu, linear, val, size);
	if (status)
		return status;
	return osp_insn_done(cpu, insn);
}
