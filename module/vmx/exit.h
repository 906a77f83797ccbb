/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vmx/exit.h - the table of exit reasons, as the run loop sees it.
 */
#ifndef OSP_VMX_EXIT_H
#define OSP_VMX_EXIT_H

#include "names.h"

struct osp_vcpu;

/* What an exit's functions may also return: the first, to have the second called; */
#define OSP_EXIT_SLOW	2
/* both: the instruction is done, the guest goes on after it. */
#define OSP_EXIT_SKIP	3

/**
 * struct osp_exit_row - what is done about an exit reason
 * @fast: called with interrupts off, within the section; or NULL
 * @slow: called with interrupts on; or NULL
 * @delivers: the exit can happen while an event is delivered, which then has
 *	to be delivered anew; a @fast function sees to that itself
 *
 * Both return 1 to go on, OSP_EXIT_SKIP, 0 for userspace, or a negative errno.
 */
struct osp_exit_row {
	int (*fast)(struct osp_vcpu *vcpu);
	int (*slow)(struct osp_vcpu *vcpu);
	bool delivers;
};

extern const struct osp_exit_row osp_exit_table[OSP_NR_EXIT_REASONS];

void osp_take_acknowledged(void);
int osp_cr_access(struct osp_vcpu *vcpu, u64 qualification);
int osp_dr_access(struct osp_vcpu *vcpu, u64 qualification);

/* apicv.c */
int osp_apic_access(struct osp_vcpu *vcpu);
int osp_apic_write(struct osp_vcpu *vcpu);
int osp_virtualized_eoi(struct osp_vcpu *vcpu);
int osp_stay_over(struct osp_vcpu *vcpu);

/* pml.c */
int osp_pml_full(struct osp_vcpu *vcpu);
void osp_pml_drain(struct osp_vcpu *vcpu);

/* ple.c */
int osp_pause_exit(struct osp_vcpu *vcpu);

/* switch.c: a section is the time with interrupts off around VM entries. */
void osp_vmx_enter_section(struct osp_vcpu *vcpu);
void osp_vmx_leave_section(struct osp_vcpu *vcpu);
void osp_vmx_take_debug_registers(struct osp_vcpu *vcpu);

#endif /* OSP_VMX_EXIT_H */
