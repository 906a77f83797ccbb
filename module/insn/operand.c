// SPDX-License-Identifier: GPL-2.0
/*
 * operand.c - registers, effective addresses, segments and memory operands.
 *
 * How an operand's address is formed and what is checked on the way: SDM 1
 * 3.7 and 3.3.7 (canonical form), 3A 5.3 and 5.5 (limit and type).  What of it
 * fails becomes #SS(0) through the stack segment, else #GP(0).  Owns nothing;
 * no locks.
 */
#include "internal.h"

/**
 * osp_insn_raise() - make an exception the outcome of the instruction
 * @cpu: the virtual CPU; fault is filled in
 * @vector: which; those of them with an error code get 0
 *
 * Context: any.
 * Return: OSP_INSN_FAULT, for the caller to return.
 */
enum osp_insn_status osp_insn_raise(struct osp_insn_cpu *cpu, u8 vector)
{
	cpu->fault.vector = vector;
	cpu->fault.has_error = vector != VECTOR_UD &&
			       cpu->mode != OSP_INSN_REAL;
	cpu->fault.error = 0;
	cpu->fault.cr2 = 0;
	return OSP_INSN_FAULT;
}

/**
 * osp_insn_set_reg() - write a general register
 * @cpu: the virtual CPU
 * @insn: the instruction, whose REX prefix tells SPL from AH
 * @reg: number, 0 to 15
 * @size: 1, 2, 4 or 8 bytes; 4 clears the upper half, 1 and 2 leave the rest
 * @val: new value; bits beyond @size are ignored
 *
 * Context: any.
 */
void osp_insn_set_reg(struct osp_insn_cpu *cpu, const struct osp_insn *insn,
		      unsigned int reg, unsigned int size, u64 val)
{
	u64 mask = size_mask(size == 4 ? 8 : size);

	val &= size_mask(size);
	if (is_high_byte(insn, reg, size)) {
		reg -= REG_SP;
		mask <<= 8;
		val <<= 8;
	}
	cpu->gpr[reg] = (cpu->gpr[reg] & ~mask) | val;
}

/* A violation in a segment: the stack has an exception of its own. */
static noinline enum osp_insn_status
bad_address(struct osp_insn_cpu *cpu, enum osp_insn_sreg sreg)
{
	return osp_insn_raise(cpu, sreg == OSP_INSN_SS ? VECTOR_SS : VECTOR_GP);
}

/* Does the type of the segment allow the access?  (SDM 3A 5.5, table 3-1) */
static bool type_allows(const struct osp_insn_segment *seg, bool write)
{
	if (seg->ar & OSP_INSN_AR_CODE)
		return !write && seg->ar & OSP_INSN_AR_WRITE;
	return !write || seg->ar & OSP_INSN_AR_WRITE;
}

/* Are @len bytes at @offset within the limit?  (SDM 3A 5.3) */
static bool limit_allows(const struct osp_insn_segment *seg, u64 offset,
			 unsigned int len)
{
	u64 last = offset + len - 1;
	u64 top;

	if ((seg->ar & (OSP_INSN_AR_CODE | OSP_INSN_AR_EXPDOWN)) !=
	    OSP_INSN_AR_EXPDOWN)
		return last <= seg->limit;
	top = seg->ar & OSP_INSN_AR_DB ? U32_MAX : U16_MAX;
	return offset > seg->limit && last <= top;
}

/*
 * At CPL 3, is it an alignment check exception?  (SDM 3A 6.15)  What is longer
 * than 8 bytes either needs no alignment or has its own #GP.
 */
static bool misaligned(const struct osp_insn_cpu *cpu, u64 linear,
		       unsigned int len)
{
	return cpu->rflags & FLAG_AC && len <= 8 && linear & (len - 1);
}

/* FS and GS in 64-bit mode have a base and nothing else. */
static noinline enum osp_insn_status
linear_based(struct osp_insn_cpu *cpu, enum osp_insn_sreg sreg, u64 offset,
	     unsigned int len, u64 *linear)
{
	struct osp_insn_segment seg;

	cpu->ops->segment(cpu, sreg, &seg);
	*linear = seg.base + offset;
	if (!is_canonical(cpu, *linear, len))
		return bad_address(cpu, sreg);
	return OSP_INSN_OK;
}

/* All other modes: base, limit and type. */
static noinline enum osp_insn_status
linear_legacy(struct osp_insn_cpu *cpu, enum osp_insn_sreg sreg, u64 offset,
	      unsigned int len, bool write, u64 *linear)
{
	struct osp_insn_segment seg;

	cpu->ops->segment(cpu, sreg, &seg);
	*linear = (u32)(seg.base + offset);
	if (seg.ar & OSP_INSN_AR_UNUSABLE || !limit_allows(&seg, offset, len) ||
	    (cpu->mode == OSP_INSN_PROTECTED && !type_allows(&seg, write)))
		return bad_address(cpu, sreg);
	return *linear + len - 1 > U32_MAX ? OSP_INSN_UNHANDLED : OSP_INSN_OK;
}

/* osp_insn_linear(), where it is called most. */
static __always_inline enum osp_insn_status
linear_of(struct osp_insn_cpu *cpu, enum osp_insn_sreg sreg, u64 offset,
	  unsigned int len, bool write, u64 *linear)
{
	enum osp_insn_status status = OSP_INSN_OK;

	if (likely(cpu->mode == OSP_INSN_LONG && sreg < OSP_INSN_FS)) {
		*linear = offset;
		if (unlikely(!is_canonical(cpu, offset, len)))
			return bad_address(cpu, sreg);
	} else if (cpu->mode == OSP_INSN_LONG) {
		status = linear_based(cpu, sreg, offset, len, linear);
	} else {
		status = linear_legacy(cpu, sreg, offset, len, write, linear);
	}
	if (unlikely(cpu->align_check && cpu->cpl == 3 && !status) &&
	    misaligned(cpu, *linear, len))
		return osp_insn_raise(cpu, VECTOR_AC);
	return status;
}

/**
 * osp_insn_linear() - check an access and form its linear address
 * @cpu: the virtual CPU
 * @sreg: segment
 * @offset: in the segment, wrapped around to the address size
 * @len: of the access, 1, 2, 4, 8 or 16 bytes
 * @write: it is one
 * @linear: output, also if the access fails
 *
 * Context: that of the segment callback.
 * Return: OK; FAULT with #GP, #SS or #AC; UNHANDLED for an operand that lies
 * partly at the end and partly at the start of the 4 GiB of legacy modes.
 */
enum osp_insn_status osp_insn_linear(struct osp_insn_cpu *cpu,
				     enum osp_insn_sreg sreg, u64 offset,
				     unsigned int len, bool write, u64 *linear)
{
	return linear_of(cpu, sreg, offset, len, write, linear);
}

/**
 * osp_insn_load() - read the r/m operand
 * @cpu: the virtual CPU
 * @insn: the instruction
 * @size: 1, 2, 4 or 8 bytes
 * @val: output, zero-extended
 *
 * Context: that of the callbacks.
 * Return: OK, or the status to end the instruction with.
 */
enum osp_insn_status osp_insn_load(struct osp_insn_cpu *cpu,
				   const struct osp_insn *insn,
				   unsigned int size, u64 *val)
{
	enum osp_insn_status status;
	u64 linear;

	if (insn->mod == MOD_REGISTER) {
		*val = osp_insn_reg(cpu, insn, insn->rm, size);
		return OSP_INSN_OK;
	}
	status = linear_of(cpu, insn->seg, osp_insn_offset(cpu, insn), size,
			   false, &linear);
	if (status)
		return status;
	*val = 0;
	return cpu->ops->read(cpu, linear, val, size, false);
}

/**
 * osp_insn_store() - write the r/m operand, without having read it
 * @cpu: the virtual CPU
 * @insn: the instruction
 * @size: 1, 2, 4 or 8 bytes
 * @val: what to write; bits beyond @size are ignored
 *
 * Nothing that can fail may follow.
 *
 * Context: that of the callbacks.
 * Return: OK, or the status to end the instruction with.
 */
enum osp_insn_status osp_insn_store(struct osp_insn_cpu *cpu,
				    const struct osp_insn *insn,
				    unsigned int size, u64 val)
{
	enum osp_insn_status status;
	u64 linear;

	if (insn->mod == MOD_REGISTER) {
		osp_insn_set_reg(cpu, insn, insn->rm, size, val);
		return OSP_INSN_OK;
	}
	status = linear_of(cpu, insn->seg, osp_insn_offset(cpu, insn), size,
			   true, &linear);
	if (status)
		return status;
	return cpu->ops->write(cpu, linear, &val, size);
}

/**
 * osp_insn_rm_begin() - read the r/m operand of an instruction
 * @cpu: the virtual CPU
 * @insn: the instruction; its row tells whether it is going to be written
 * @offset: where, if it is in memory
 * @rm: output
 *
 * Context: that of the callbacks.
 * Return: OK, or the status to end the instruction with.
 */
enum osp_insn_status osp_insn_rm_begin(struct osp_insn_cpu *cpu,
				       const struct osp_insn *insn, u64 offset,
				       struct osp_insn_rm *rm)
{
	bool write = !(insn->row->flags & ROW_NOWRITE);
	enum osp_insn_status status;

	if (insn->mod == MOD_REGISTER) {
		rm->val = osp_insn_reg(cpu, insn, insn->rm, insn->op_size);
		return OSP_INSN_OK;
	}
	status = linear_of(cpu, insn->seg, offset, insn->op_size, write,
			   &rm->linear);
	if (status)
		return status;
	rm->val = 0;
	return cpu->ops->read(cpu, rm->linear, &rm->val, insn->op_size, write);
}

/**
 * osp_insn_rm_end() - write the r/m operand after osp_insn_rm_begin()
 * @cpu: the virtual CPU
 * @insn: the instruction
 * @rm: as filled in
 * @val: what to write; bits beyond the operand size are ignored
 *
 * Nothing that can fail may follow.
 *
 * Context: that of the callbacks.
 * Return: OK, or the status to end the instruction with: AGAIN if it is
 * atomic and another CPU was faster.
 */
enum osp_insn_status osp_insn_rm_end(struct osp_insn_cpu *cpu,
				     const struct osp_insn *insn,
				     const struct osp_insn_rm *rm, u64 val)
{
	if (insn->mod == MOD_REGISTER) {
		osp_insn_set_reg(cpu, insn, insn->rm, insn->op_size, val);
		return OSP_INSN_OK;
	}
	return osp_insn_replace(cpu, insn, rm->linear, &rm->val, &val,
				insn->op_size);
}

/**
 * osp_insn_replace() - write memory that was read with the intent to write it
 * @cpu: the virtual CPU
 * @insn: the instruction; with LOCK the write is atomic
 * @linear: where
 * @old: what was read
 * @val: what to write
 * @len: 1, 2, 4, 8 or 16 bytes
 *
 * Context: that of the callbacks.
 * Return: as osp_insn_rm_end().
 */
enum osp_insn_status osp_insn_replace(struct osp_insn_cpu *cpu,
				      const struct osp_insn *insn, u64 linear,
				      const void *old, const void *val,
				      unsigned int len)
{
	/* In parentheses, since the kernel has a macro of that name. */
	if (insn->lock && cpu->ops->cmpxchg)
		return (cpu->ops->cmpxchg)(cpu, linear, old, val, len);
	return cpu->ops->write(cpu, linear, val, len);
}
