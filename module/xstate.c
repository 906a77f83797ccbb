// SPDX-License-Identifier: GPL-2.0
/*
 * xstate.c - a vCPU's extended state (x87, SSE, AVX ..) as userspace sees it.
 *
 * The state is in the host kernel's format in vcpu->fpu, and not in registers
 * while these ioctls run.  PKRU is kept apart, as the guest changes it without
 * an exit.  SDM 1 13.4 (XSAVE area), 10.5.1 (FXSAVE area).
 */
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/types.h>
#include <asm/processor.h>

#include "ospite.h"
#include "cpuid.h"
#include "state.h"

static_assert(sizeof(struct kvm_xsave) == 4096);

/**
 * osp_get_xsave() - KVM_GET_XSAVE
 * @vcpu: the vCPU
 * @data: struct kvm_xsave: an XSAVE area in the standard format
 *
 * Return: 0.
 */
int osp_get_xsave(struct osp_vcpu *vcpu, void *data)
{
	osp_host_fpu_get(&vcpu->fpu, data, sizeof(struct kvm_xsave),
			 vcpu->xcr0_allowed | XFEATURE_MASK_FPSSE, vcpu->pkru);
	return 0;
}

/**
 * osp_set_xsave() - KVM_SET_XSAVE
 * @vcpu: the vCPU
 * @data: struct kvm_xsave
 *
 * Return: 0; -EINVAL for state that this machine does not have.
 */
int osp_set_xsave(struct osp_vcpu *vcpu, void *data)
{
	return osp_host_fpu_set(&vcpu->fpu, data, osp_cpuid_xcr0(),
				&vcpu->pkru);
}

/**
 * osp_get_fpu() - KVM_GET_FPU
 * @vcpu: the vCPU
 * @data: struct kvm_fpu
 *
 * Return: 0 or -ENOMEM.
 */
int osp_get_fpu(struct osp_vcpu *vcpu, void *data)
{
	struct kvm_xsave *area = kzalloc(sizeof(*area), GFP_KERNEL_ACCOUNT);
	const struct fxregs_state *fx = (void *)area;
	struct kvm_fpu *fpu = data;

	if (!area)
		return -ENOMEM;
	/* By way of the XSAVE area, where initial state is not left out. */
	osp_get_xsave(vcpu, area);
	memcpy(fpu->fpr, fx->st_space, sizeof(fpu->fpr));
	memcpy(fpu->xmm, fx->xmm_space, sizeof(fpu->xmm));
	fpu->fcw = fx->cwd;
	fpu->fsw = fx->swd;
	fpu->ftwx = fx->twd;
	fpu->last_opcode = fx->fop;
	fpu->last_ip = fx->rip;
	fpu->last_dp = fx->rdp;
	fpu->mxcsr = fx->mxcsr;
	kfree(area);
	return 0;
}

/**
 * osp_set_fpu() - KVM_SET_FPU
 * @vcpu: the vCPU
 * @data: struct kvm_fpu
 *
 * Clients of KVM, which ignores it, leave mxcsr 0, with which the first
 * inexact result of the guest would fault: 0 leaves it as it is.
 *
 * Return: 0; -EINVAL for reserved bits in mxcsr; -ENOMEM.
 */
int osp_set_fpu(struct osp_vcpu *vcpu, void *data)
{
	struct kvm_xsave *area = kzalloc(sizeof(*area), GFP_KERNEL_ACCOUNT);
	union fpregs_state *state = (void *)area;
	struct fxregs_state *fx = (void *)area;
	const struct kvm_fpu *fpu = data;
	int r;

	if (!area)
		return -ENOMEM;
	osp_get_xsave(vcpu, area);
	memcpy(fx->st_space, fpu->fpr, sizeof(fpu->fpr));
	memcpy(fx->xmm_space, fpu->xmm, sizeof(fpu->xmm));
	fx->cwd = fpu->fcw;
	fx->swd = fpu->fsw;
	fx->twd = fpu->ftwx;
	fx->fop = fpu->last_opcode;
	fx->rip = fpu->last_ip;
	fx->rdp = fpu->last_dp;
	if (fpu->mxcsr)
		fx->mxcsr = fpu->mxcsr;
	state->xsave.header.xfeatures |= XFEATURE_MASK_FPSSE;
	r = osp_set_xsave(vcpu, area);
	kfree(area);
	return r;
}
