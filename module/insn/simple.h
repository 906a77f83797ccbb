/* SPDX-License-Identifier: GPL-2.0 */
/*
 * simple.h - the MOV by which drivers talk to devices, reduced to what it takes
 * to do it.
 *
 * Nine of ten accesses to a device are a MOV (or MOVZX, MOVSX) between memory
 * and one general register, or a number, in 64-bit mode.  Once decoded, such an
 * instruction needs none of the emulator: its operand's address is a sum, its
 * effect one register.  Who has decoded it before can do it from this alone,
 * if he knows that it is still the same instruction.
 *
 * Plain logic, no locks.  SDM 2, MOV, MOVZX, MOVSX; 2.2.1 for addresses.
 */
#ifndef OSP_INSN_SIMPLE_H
#define OSP_INSN_SIMPLE_H

#include "insn.h"

/**
 * struct osp_insn_simple - a MOV between memory and a register or a number
 * @disp: displacement
 * @number: what is stored, if @reg is OSP_INSN_NO_REG
 * @mask: the bits of a value of @size
 * @len: of the instruction, in bytes
 * @size: of the access, 1, 2, 4 or 8 bytes
 * @reg_size: of the register that is loaded
 * @reg: that is stored or loaded; never RSP
 * @shift: 8 for AH, CH, DH and BH, in the register of that number less 4; else 0
 * @base: of the address, or OSP_INSN_NO_REG; never RSP
 * @index: of the address, or OSP_INSN_NO_REG
 * @scale: shift of @index
 * @rip_relative: the address is relative to the next instruction
 * @store: to memory, else from there
 * @sign: what is loaded is sign-extended
 */
struct osp_insn_simple {
	u64 disp;
	u64 number;
	u64 mask;
	u8 len;
	u8 size;
	u8 reg_size;
	u8 reg;
	u8 shift;
	u8 base;
	u8 index;
	u8 scale;
	bool rip_relative;
	bool store;
	bool sign;
};

bool osp_insn_simplify(const struct osp_insn_cpu *cpu,
		       const struct osp_insn *insn, struct osp_insn_simple *s);

/**
 * osp_insn_simple_linear() - the linear address of the memory operand
 * @s: the instruction
 * @gpr: the registers
 * @rip: where it is
 *
 * Not checked to be canonical.
 */
static __always_inline u64
osp_insn_simple_linear(const struct osp_insn_simple *s, const u64 *gpr, u64 rip)
{
	u64 linear = s->disp;

	if (s->base != OSP_INSN_NO_REG)
		linear += gpr[s->base];
	if (s->index != OSP_INSN_NO_REG)
		linear += gpr[s->index] << s->scale;
	if (s->rip_relative)
		linear += rip + s->len;
	return linear;
}

/**
 * osp_insn_simple_value() - what a store stores
 * @s: the instruction
 * @gpr: the registers
 *
 * Return: the value, zero-extended.
 */
static __always_inline u64
osp_insn_simple_value(const struct osp_insn_simple *s, const u64 *gpr)
{
	u64 val = s->reg == OSP_INSN_NO_REG ? s->number :
					      gpr[s->reg] >> s->shift;

	return val & s->mask;
}

void osp_insn_simple_load(const struct osp_insn_simple *s, u64 *gpr, u64 val);

#endif /* OSP_INSN_SIMPLE_H */
