// SPDX-License-Identifier: GPL-2.0
/*
 * vmx/bochs.c - where Bochs delivers a guest's interrupts otherwise than a CPU.
 *
 * Two flaws of its virtual-interrupt delivery (2.7 and 3.0; SDM 3C 30.2.2), which no
 * other controls avoid but those that turn it off.  Called only on that machine
 * (osp_vmx_cap.bochs), by the vCPU's thread with its VMCS loaded.
 */
#include <asm/desc_defs.h>
#include <asm/processor-flags.h>
#include <asm/vmx.h>

#include "../mmu/walk.h"
#include "../ospite.h"
#include "bochs.h"
#include "ops.h"

/* What is in service, by the guest interrupt status (SDM 3C 25.4.2); 0: nothing. */
static u8 in_service(void)
{
	return vmread(GUEST_INTR_STATUS) >> 8;
}

/**
 * osp_bochs_forgotten() - what was being delivered when an exit cut it short?
 * @vcpu: the vCPU, whose interrupts the CPU delivers
 * @info: IDT-vectoring information, valid
 *
 * Bochs does not note an interrupt that it delivers by itself: the field then
 * holds some event before it.  What is delivered with RFLAGS.IF set while an
 * interrupt is in service, is that interrupt, but for handlers that are nested.
 *
 * Return: IDT-vectoring information as it should be.
 */
u32 osp_bochs_forgotten(struct osp_vcpu *vcpu, u32 info)
{
	u8 vector = in_service();

	if (!vector || !(osp_vmx_rflags(vcpu) & X86_EFLAGS_IF))
		return info;
	return INTR_INFO_VALID_MASK | INTR_TYPE_EXT_INTR | vector;
}

/* What an interrupt pushes in 64-bit mode (SDM 3A 6.14.2). */
struct frame {
	u64 rip, cs, rflags, rsp, ss;
};

/* @len bytes, a multiple of 8, from an address that is a multiple of 8. */
static bool peek(struct osp_vcpu *vcpu, u64 linear, void *to, unsigned int len)
{
	struct osp_walk_cpu walk = { };
	struct osp_walk_result result;
	bool ok = true;

	osp_prepare_walk(vcpu, &walk);
	osp_mmu_hold(&vcpu->vm->mmu);
	for (; ok && len; len -= 8, linear += 8, to += 8)
		ok = osp_walk(&walk, linear, OSP_WALK_PEEK, &result) == OSP_WALK_OK &&
		     !osp_gpa_read(&vcpu->vm->mmu, result.gpa, to, 8);
	osp_mmu_release(&vcpu->vm->mmu);
	return ok;
}

static bool handler_is(struct osp_vcpu *vcpu, u8 vector, u64 rip)
{
	gate_desc gate;

	return peek(vcpu, vmread(GUEST_IDTR_BASE) + vector * sizeof(gate), &gate,
		    sizeof(gate)) &&
	       gate_offset(&gate) == rip;
}

/**
 * osp_bochs_take_back() - undo a delivery that RFLAGS.IF should have held back
 * @vcpu: the vCPU, after an exit by an external interrupt
 *
 * If an interrupt of the host comes while one of the guest's waits for RFLAGS.IF,
 * Bochs delivers the latter all the same, and then exits for the former.  So
 * that exit comes at the first instruction of a handler whose frame has RFLAGS.IF
 * clear, which nothing else brings about: the frame says what to go back to.
 *
 * Only in 64-bit mode, without a change of privilege level: that is where kernels
 * have interrupts off.  Other guests have to live with the flaw.
 *
 * Context: may sleep.
 */
void osp_bochs_take_back(struct osp_vcpu *vcpu)
{
	u8 vector = in_service();
	struct frame frame;

	if (!vector || (osp_vmx_rflags(vcpu) & X86_EFLAGS_IF) ||
	    !(osp_vmx_cs_access(vcpu) & BIT(13)) ||
	    !peek(vcpu, osp_vmx_rsp(vcpu), &frame, sizeof(frame)) ||
	    (frame.rflags & (X86_EFLAGS_IF | X86_EFLAGS_FIXED)) != X86_EFLAGS_FIXED ||
	    frame.cs != vmread(GUEST_CS_SELECTOR) ||
	    !handler_is(vcpu, vector, osp_vmx_rip(vcpu)))
		return;
	osp_vmx_set_rip(vcpu, frame.rip);
	osp_vmx_set_rflags(vcpu, frame.rflags);
	osp_vmx_set_rsp(vcpu, frame.rsp);
	osp_lapic_unack(vcpu->lapic, vector);
	osp_request(vcpu, OSP_REQ_EVENT);
}
