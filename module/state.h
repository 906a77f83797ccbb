/* SPDX-License-Identifier: GPL-2.0 */
/*
 * state.h - bodies of the vCPU's state ioctls that state.c only calls.
 *
 * @data is a copy of the ioctl's structure, zero for KVM_GET_*.  They return 0
 * or a negative errno; the caller holds vcpu->mutex and has the vCPU loaded.
 */
#ifndef OSP_STATE_H
#define OSP_STATE_H

struct osp_vcpu;

/* xstate.c */
int osp_get_fpu(struct osp_vcpu *vcpu, void *data);
int osp_set_fpu(struct osp_vcpu *vcpu, void *data);
int osp_get_xsave(struct osp_vcpu *vcpu, void *data);
int osp_set_xsave(struct osp_vcpu *vcpu, void *data);

/* vcpu_events.c */
int osp_get_vcpu_events(struct osp_vcpu *vcpu, void *data);
int osp_set_vcpu_events(struct osp_vcpu *vcpu, void *data);
int osp_get_debugregs(struct osp_vcpu *vcpu, void *data);
int osp_set_debugregs(struct osp_vcpu *vcpu, void *data);
int osp_ioctl_interrupt(struct osp_vcpu *vcpu, void *data);
int osp_ioctl_nmi(struct osp_vcpu *vcpu, void *data);
int osp_accepted_interrupt(const struct osp_vcpu *vcpu);
void osp_accept_interrupt(struct osp_vcpu *vcpu, u8 vector);

/* translate.c */
int osp_translate(struct osp_vcpu *vcpu, void *data);

#endif /* OSP_STATE_H */
