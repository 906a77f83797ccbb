/* SPDX-License-Identifier: GPL-2.0 */
/*
 * emulation.h - one emulation of an instruction: what mmio.c, which drives it,
 * shares with access.c and pio.c, which are its callbacks.
 */
#ifndef OSP_EMULATION_H
#define OSP_EMULATION_H

#include "ospite.h"
#include "mmu/walk.h"

/**
 * struct osp_emulation - one emulation, from the decoder to its end
 * @cpu: the emulator's; first, so that a callback finds the rest
 * @vcpu: of which it is an instruction
 * @walk: what a translation depends on
 * @walk_ready: @walk is filled in
 * @error: negative errno, after OSP_INSN_ERROR
 */
struct osp_emulation {
	struct osp_insn_cpu cpu;
	struct osp_vcpu *vcpu;
	struct osp_walk_cpu walk;
	bool walk_ready;
	int error;
};

static inline struct osp_emulation *osp_emulation_of(struct osp_insn_cpu *cpu)
{
	return container_of(cpu, struct osp_emulation, cpu);
}

/* access.c */
extern const struct osp_insn_ops osp_emulation_ops;
void osp_remember_violation(struct osp_vcpu *vcpu, u64 gpa);

/* pio.c: ports, for INS and OUTS */
enum osp_insn_status osp_emulated_in(struct osp_insn_cpu *cpu, u16 port,
				     unsigned int size, void *buf,
				     unsigned int *count);
enum osp_insn_status osp_emulated_out(struct osp_insn_cpu *cpu, u16 port,
				      unsigned int size, const void *buf,
				      unsigned int *count);

#endif /* OSP_EMULATION_H */
