/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vmx/regs.h - the guest's RIP, RSP, RFLAGS, and a few others that are asked for
 * often; and how an instruction ends.
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
 * osp_vmx_cr3() - the guest's CR3
 * @vcpu: the vCPU
 */
static __always_inline u64 osp_vmx_cr3(struct osp_vcpu *vcpu)
{
	return vmread(GUEST_CR3);
}

/**
 * osp_vmx_cs_access() - access rights of the guest's code segment
 * @vcpu: the vCPU
 *
 * Return: as in the VMCS (SDM 3C table 25-2).
 */
static __always_inline u32 osp_vmx_cs_access(struct osp_vcpu *vcpu)
{
	if (!(vcpu->cached & OSP_CACHED_CS)) {
		vcpu->cs_access = vmread(GUEST_CS_ACCESS);
		vcpu->cached |= OSP_CACHED_CS;
	}
	return vcpu->cs_access;
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

/**
 * osp_vmx_advance() - complete an emulated instruction
 * @vcpu: the vCPU
 * @before: its RIP
 * @rip: where the next one is
 *
 * The shadow of an STI or MOV SS before it has ended.  The VMCS need not say so
 * as long as there is nothing that it keeps away; what comes later looks at
 * @shadow_stale (osp_vmx_interruptibility()).  But with an interrupt that waits
 * for its window, or in IRR, the CPU would be an instruction late; if that is a
 * CLI the interrupt would not come at all.
 */
static __always_inline void osp_vmx_advance(struct osp_vcpu *vcpu, u64 before,
					    u64 rip)
{
	u64 rflags = osp_vmx_rflags(vcpu);

	osp_vmx_set_rip(vcpu, rip);
	vcpu->shadow_stale = true;
	if (unlikely(rflags & (X86_EFLAGS_TF | X86_EFLAGS_RF) ||
		     (rip ^ before) >> 32))
		osp_advance_uncommon(vcpu, before);
	if ((rflags & X86_EFLAGS_IF) &&
	    (vcpu->irq_window ||
	     (vcpu->virtual_delivery && osp_lapic_requested(vcpu->lapic))))
		osp_vmx_interruptibility(vcpu);
}

/**
 * osp_vmx_skip_instruction() - complete the instruction that made the exit
 * @vcpu: the vCPU
 *
 * Only for exits that define the instruction length (SDM 3C 28.2.5).
 */
static __always_inline void osp_vmx_skip_instruction(struct osp_vcpu *vcpu)
{
	u64 rip = osp_vmx_rip(vcpu);

	osp_vmx_advance(vcpu, rip, rip + vmread(EXIT_INSTR_LENGTH));
}

#endif /* OSP_VMX_REGS_H */
