// SPDX-License-Identifier: GPL-2.0
/*
 * simple.c - find out whether an instruction is a simple MOV, and load its
 * register.  See simple.h.
 */
#include "internal.h"
#include "simple.h"

/* RSP is not with the other registers, but in the VMCS. */
static bool uses_rsp(const struct osp_insn *insn)
{
	return insn->base == REG_SP || insn->reg == REG_SP;
}

/**
 * osp_insn_simplify() - is it a simple MOV?
 * @cpu: the virtual CPU
 * @insn: an instruction of its, decoded
 * @s: filled in if it is
 *
 * Context: any.
 * Return: whether it is: without LOCK, a REP prefix, or the bases of FS and GS,
 * with addresses of 64 bits, and without RSP.
 */
bool osp_insn_simplify(const struct osp_insn_cpu *cpu,
		       const struct osp_insn *insn, struct osp_insn_simple *s)
{
	const struct osp_insn_row *row = insn->row;
	bool store = row->exec == osp_insn_mov_to_rm;
	bool number = row->flags & (ROW_IMM8 | ROW_IMMZ);

	if (cpu->mode != OSP_INSN_LONG || insn->mod == MOD_REGISTER ||
	    insn->addr_size != 8 || insn->lock || insn->rep ||
	    insn->seg >= OSP_INSN_FS)
		return false;
	if (!store && row->exec != osp_insn_mov_to_reg)
		return false;
	*s = (struct osp_insn_simple){
		.disp = insn->disp,
		.number = insn->imm,
		.len = insn->len,
		.size = insn->op_size,
		.reg_size = insn->op_size,
		.reg = number ? OSP_INSN_NO_REG : insn->reg,
		.base = insn->base,
		.index = insn->index,
		.scale = insn->scale,
		.rip_relative = insn->rip_relative,
		.store = store,
		.sign = row->flags & ROW_SIGN,
	};
	if (!store && row->arg)
		s->size = min_t(u8, s->size, row->arg);
	s->mask = size_mask(s->size);
	if (!number && is_high_byte(insn, insn->reg, insn->op_size)) {
		s->reg -= REG_SP;
		s->shift = 8;
		return insn->base != REG_SP;
	}
	return number ? insn->base != REG_SP : !uses_rsp(insn);
}

/**
 * osp_insn_simple_load() - complete a load
 * @s: the instruction
 * @gpr: the registers; one is changed
 * @val: what was read, in the low @s->size bytes; what is above does not count
 *
 * Context: any.
 */
void osp_insn_simple_load(const struct osp_insn_simple *s, u64 *gpr, u64 val)
{
	/* A register of 32 bits is loaded with all of its 64 (SDM 1 3.4.1.1). */
	u64 mask = size_mask(s->reg_size == 4 ? 8 : s->reg_size);

	val = s->sign ? sign_extend(val, s->size) : val & s->mask;
	val &= size_mask(s->reg_size);
	gpr[s->reg] = (gpr[s->reg] & ~(mask << s->shift)) | val << s->shift;
}
