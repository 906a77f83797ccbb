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
bool osp_controller(struct osp_vcpu *vcpu, u64 gpa, unsigned int len,
		    bool write, void *data);

/**
 * osp_is_controller() - may an interrupt controller in the kernel be there?
 * @vcpu: the vCPU
 * @gpa: guest-physical address where there is no RAM
 */
static __always_inline bool osp_is_controller(const struct osp_vcpu *vcpu,
					      u64 gpa)
{
	if (!vcpu->lapic)
		return false;
	return gpa - OSP_IOAPIC_BASE < OSP_IOAPIC_SIZE ||
	       !((gpa ^ vcpu->lapic->base) & GENMASK_ULL(51, PAGE_SHIFT));
}

/* pio.c: ports, for INS and OUTS */
enum osp_insn_status osp_emulated_in(struct osp_insn_cpu *cpu, u16 port,
				     unsigned int size, void *buf,
				     unsigned int *count);
enum osp_insn_status osp_emulated_out(struct osp_insn_cpu *cpu, u16 port,
				      unsigned int size, const void *buf,
				      unsigned int *count);

#endif /* OSP_EMULATION_H */
