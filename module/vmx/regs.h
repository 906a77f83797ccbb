/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vmx/regs.h - the guest's RIP, RSP and RFLAGS.
 *
 * They are in the VMCS; each is read from there at most once an exit, and
 * written back before the next entry only if it was changed.  Inline, since
 * almost every exit needs them.  The VMCS is loaded, the vCPU's mutex held.
 */
#ifndef OSP_VMX_REGS_H
#define OSP_VMX_REGS_H

#include <asm/processor-flags.h>

#include "ops.h"

/**
 * osp_vmx_rip() - the guest's RIP
 * @vcpu: the vCPU
 */
static __always_inline u64 osp_vmx_rip(struct osp_vcpu *vcpu)
{
	if (!(vcpu->cached & OSP_CACHED_RIP)) {
		vcpu->rip = vmread(GUEST_RIP);
		vcpu->cached |= OSP_CACHED_RIP;
	}
	return vcpu->rip;
}

/**
 * osp_vmx_set_rip() - change the guest's RIP
 * @vcpu: the vCPU
 * @rip: new value
 */
static __always_inline void osp_vmx_set_rip(struct osp_vcpu *vcpu, u64 rip)
{
	vcpu->rip = rip;
	vcpu->cached |= OSP_CACHED_RIP;
	vcpu->dirty |= OSP_CACHED_RIP;
}

/**
 * osp_vmx_rsp() - the guest's RSP
 * @vcpu: the vCPU
 */
static __always_inline u64 osp_vmx_rsp(struct osp_vcpu *vcpu)
{
	if (!(vcpu->cached & OSP_CACHED_RSP)) {
		vcpu->gpr[OSP_RSP] = vmread(GUEST_RSP);
		vcpu->cached |= OSP_CACHED_RSP;
	}
	return vcpu->gpr[OSP_RSP];
}

/**
 * osp_vmx_set_rsp() - change the guest's RSP
 * @vcpu: the vCPU
 * @rsp: new value
 */
static __always_inline void osp_vmx_set_rsp(struct osp_vcpu *vcpu, u64 rsp)
{
	vcpu->gpr[OSP_RSP] = rsp;
	vcpu->cached |= OSP_CACHED_RSP;
	vcpu->dirty |= OSP_CACHED_RSP;
}

/**
 * osp_vmx_rflags() - the guest's RFLAGS
 * @vcpu: the vCPU
 */
static __always_inline u64 osp_vmx_rflags(struct osp_vcpu *vcpu)
{
	if (!(vcpu->cached & OSP_CACHED_RFLAGS)) {
		vcpu->rflags = vmread(GUEST_RFLAGS);
		vcpu->cached |= OSP_CACHED_RFLAGS;
	}
	return vcpu->rflags;
}

/**
 * osp_vmx_set_rflags() - change the guest's RFLAGS
 * @vcpu: the vCPU
 * @rflags: new value; bit 1 is set in any case
 */
static __always_inline void osp_vmx_set_rflags(struct osp_vcpu *vcpu, u64 rflags)
{
	vcpu->rflags = rflags | X86_EFLAGS_FIXED;
	vcpu->cached |= OSP_CACHED_RFLAGS;
	vcpu->dirty |= OSP_CACHED_RFLAGS;
}

/**
 * osp_vmx_write_regs() - bring the VMCS up to date before an entry
 * @vcpu: the vCPU
 */
static __always_inline void osp_vmx_write_regs(struct osp_vcpu *vcpu)
{
	u8 dirty = vcpu->dirty;

	if (!dirty)
		return;
	if (dirty & OSP_CACHED_RIP)
		vmwrite(GUEST_RIP, vcpu->rip);
	if (unlikely(dirty & OSP_CACHED_RSP))
		vmwrite(GUEST_RSP, vcpu->gpr[OSP_RSP]);
	if (unlikely(dirty & OSP_CACHED_RFLAGS))
		vmwrite(GUEST_RFLAGS, vcpu->rflags);
	vcpu->dirty = 0;
}

#endif /* OSP_VMX_REGS_H */
