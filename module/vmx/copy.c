// SPDX-License-Identifier: GPL-2.0
/*
 * vmx/copy.c - the guest's part of a VMCS as a whole, to be written into that of
 * another vCPU (fork.c).
 *
 * What is copied is the guest-state area (SDM 3C 25.4) as far as it is in use,
 * the shadows of CR0 and CR4, and what an entry would have injected.  Controls
 * follow from the members of struct osp_vcpu (setup.c), RVI and SVI from the
 * APIC page (apicv.c).  Owns nothing.
 */
#include <asm/page.h>

#include "../ospite.h"
#include "ops.h"

#define SEGMENT(name)							\
	VMCS_GUEST_##name##_SELECTOR, VMCS_GUEST_##name##_BASE,		\
	VMCS_GUEST_##name##_LIMIT, VMCS_GUEST_##name##_ACCESS

static const u16 fields[] = {
	SEGMENT(ES), SEGMENT(CS), SEGMENT(SS), SEGMENT(DS),
	SEGMENT(FS), SEGMENT(GS), SEGMENT(LDTR), SEGMENT(TR),
	VMCS_GUEST_GDTR_BASE, VMCS_GUEST_GDTR_LIMIT,
	VMCS_GUEST_IDTR_BASE, VMCS_GUEST_IDTR_LIMIT,
	VMCS_GUEST_CR0, VMCS_GUEST_CR3, VMCS_GUEST_CR4,
	VMCS_CR0_SHADOW, VMCS_CR4_SHADOW,
	VMCS_GUEST_PDPTE0, VMCS_GUEST_PDPTE1,
	VMCS_GUEST_PDPTE2, VMCS_GUEST_PDPTE3,
	VMCS_GUEST_DR7, VMCS_GUEST_DEBUGCTL, VMCS_GUEST_PENDING_DEBUG,
	VMCS_GUEST_RSP, VMCS_GUEST_RIP, VMCS_GUEST_RFLAGS,
	VMCS_GUEST_EFER, VMCS_GUEST_PAT, VMCS_GUEST_SYSENTER_CS,
	VMCS_GUEST_SYSENTER_ESP, VMCS_GUEST_SYSENTER_EIP,
	VMCS_GUEST_INTERRUPTIBILITY, VMCS_GUEST_ACTIVITY,
	/* IA-32e mode is there, and an event that waits for its entry. */
	VMCS_ENTRY_CONTROLS, VMCS_ENTRY_INTR_INFO,
	VMCS_ENTRY_EXCEPTION_ERROR, VMCS_ENTRY_INSTR_LENGTH,
};
static_assert(ARRAY_SIZE(fields) == OSP_VMX_STATE_FIELDS);

/**
 * osp_vmx_read_state() - take the guest's state out of a VMCS
 * @vcpu: the vCPU, loaded
 * @state: filled
 */
void osp_vmx_read_state(struct osp_vcpu *vcpu, struct osp_vmx_state *state)
{
	int i;

	osp_vmx_write_regs(vcpu);
	/* Ends a shadow that is over. */
	osp_vmx_interruptibility(vcpu);
	for (i = 0; i < OSP_VMX_STATE_FIELDS; i++)
		state->value[i] = osp_vmread(fields[i]);
}

/**
 * osp_vmx_write_state() - give a vCPU the state of another
 * @vcpu: the vCPU, loaded, after osp_vmx_vcpu_setup()
 * @state: from osp_vmx_read_state()
 * @from: the vCPU that it was taken from; @vcpu has its CPUID and APIC mode
 */
void osp_vmx_write_state(struct osp_vcpu *vcpu, const struct osp_vmx_state *state,
			 const struct osp_vcpu *from)
{
	int i;

	for (i = 0; i < OSP_VMX_STATE_FIELDS; i++)
		osp_vmwrite(fields[i], state->value[i]);
	vcpu->cached = 0;
	vcpu->dirty = 0;
	copy_page(vcpu->msr_bitmap, from->msr_bitmap);
}
