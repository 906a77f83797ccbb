// SPDX-License-Identifier: GPL-2.0
/*
 * vmx/guest.c - a guest's architectural state, as the VMCS holds it.
 *
 * RIP, RSP and RFLAGS are in regs.h.  Of CR0 and CR4 the guest owns most bits, so that
 * it changes them without an exit; the host owns those that decide about
 * paging mode and VMX, and the guest reads them from a shadow (SDM 3C 25.6.6).
 *
 * All functions need the vCPU's VMCS loaded, thus preemption off, and the
 * vCPU's mutex.  None sleeps.  SDM 3C 25.4 (guest-state area), 27.3.1.
 */
#include <asm/msr-index.h>
#include <asm/processor-flags.h>
#include <asm/tlbflush.h>
#include <asm/vmx.h>

#include "../ospite.h"
#include "cap.h"
#include "ops.h"

/* CR0 bits that a guest may change without an exit. */
#define CR0_GUEST_OWNED \
	(X86_CR0_MP | X86_CR0_EM | X86_CR0_TS | X86_CR0_WP | X86_CR0_AM)

/* CR0 bits that are never set for real: caching is the host's affair. */
#define CR0_NEVER	(X86_CR0_NW | X86_CR0_CD)

/**
 * osp_vmx_cr0() - CR0 as the guest would read it
 * @vcpu: the vCPU
 */
u64 osp_vmx_cr0(struct osp_vcpu *vcpu)
{
	if (!(vcpu->cached & OSP_CACHED_CR0)) {
		vcpu->cr0 = (vmread(GUEST_CR0) & CR0_GUEST_OWNED) |
			    (vmread(CR0_SHADOW) & ~CR0_GUEST_OWNED);
		vcpu->cached |= OSP_CACHED_CR0;
	}
	return vcpu->cr0;
}

/**
 * osp_vmx_cr4() - CR4 as the guest would read it
 * @vcpu: the vCPU
 */
u64 osp_vmx_cr4(struct osp_vcpu *vcpu)
{
	if (!(vcpu->cached & OSP_CACHED_CR4)) {
		vcpu->cr4 = (vmread(GUEST_CR4) & vcpu->cr4_guest_owned) |
			    (vmread(CR4_SHADOW) & ~vcpu->cr4_guest_owned);
		vcpu->cached |= OSP_CACHED_CR4;
	}
	return vcpu->cr4;
}

/* IA-32e mode is EFER.LME with CR0.PG; three places must agree on it. */
static void update_long_mode(struct osp_vcpu *vcpu, bool paging)
{
	u32 entry = osp_vmx_cap.entry;

	if (paging && (vcpu->efer & EFER_LME)) {
		vcpu->efer |= EFER_LMA;
		entry |= VM_ENTRY_IA32E_MODE;
	} else {
		vcpu->efer &= ~EFER_LMA;
	}
	vmwrite(ENTRY_CONTROLS, entry);
	vmwrite(GUEST_EFER, vcpu->efer);
}

/**
 * osp_vmx_set_cr0() - change the guest's CR0
 * @vcpu: the vCPU
 * @cr0: new value, valid by SDM 3A 2.5
 *
 * Updates EFER.LMA.  What the CPU has cached of the guest's translations is
 * dropped at the next entry if paging begins or ends.
 */
void osp_vmx_set_cr0(struct osp_vcpu *vcpu, u64 cr0)
{
	u64 changed = osp_vmx_cr0(vcpu) ^ cr0;
	/* Unrestricted guest: PE and PG are as the guest wants them. */
	u64 must = osp_vmx_cap.cr0_fixed0 & ~(X86_CR0_PE | X86_CR0_PG);

	vcpu->cr0 = cr0;
	vcpu->cached |= OSP_CACHED_CR0;
	vmwrite(CR0_SHADOW, cr0);
	vmwrite(GUEST_CR0, (cr0 & ~CR0_NEVER) | must);
	update_long_mode(vcpu, cr0 & X86_CR0_PG);
	if (changed & X86_CR0_PG)
		osp_request(vcpu, OSP_REQ_TLB);
}

/**
 * osp_vmx_set_cr3() - change the guest's CR3
 * @vcpu: the vCPU
 * @cr3: new value
 */
void osp_vmx_set_cr3(struct osp_vcpu *vcpu, u64 cr3)
{
	vmwrite(GUEST_CR3, cr3);
	osp_request(vcpu, OSP_REQ_TLB);
}

/* Does such a MOV to CR4 invalidate the TLB (SDM 3A 4.10.4.1)? */
static bool cr4_flushes(u64 old, u64 new)
{
	u64 changed = old ^ new;

	return changed & (X86_CR4_PGE | X86_CR4_PAE) ||
	       changed & old & X86_CR4_PCIDE ||
	       changed & new & X86_CR4_SMEP;
}

/**
 * osp_vmx_set_cr4() - change the guest's CR4
 * @vcpu: the vCPU
 * @cr4: new value, valid for its CPUID
 *
 * VMXE is what the processor asks for in VMX operation, MCE what keeps the
 * host informed of machine checks; the guest sees its own in the shadow.
 */
void osp_vmx_set_cr4(struct osp_vcpu *vcpu, u64 cr4)
{
	if (cr4_flushes(osp_vmx_cr4(vcpu), cr4))
		osp_request(vcpu, OSP_REQ_TLB);
	vcpu->cr4 = cr4;
	vcpu->cached |= OSP_CACHED_CR4;
	vmwrite(CR4_SHADOW, cr4);
	vmwrite(GUEST_CR4, cr4 | osp_vmx_cap.cr4_fixed0 |
		(cr4_read_shadow() & X86_CR4_MCE));
}

/**
 * osp_vmx_set_efer() - change the guest's EFER
 * @vcpu: the vCPU
 * @efer: new value; LMA is computed
 */
void osp_vmx_set_efer(struct osp_vcpu *vcpu, u64 efer)
{
	vcpu->efer = efer;
	update_long_mode(vcpu, vmread(CR0_SHADOW) & X86_CR0_PG);
}

/**
 * osp_vmx_dr7() - the guest's DR7
 * @vcpu: the vCPU
 */
u64 osp_vmx_dr7(struct osp_vcpu *vcpu)
{
	return vmread(GUEST_DR7);
}

/**
 * osp_vmx_set_dr7() - change the guest's DR7
 * @vcpu: the vCPU
 * @dr7: new value; the bits that are fixed are set here
 */
void osp_vmx_set_dr7(struct osp_vcpu *vcpu, u64 dr7)
{
	vmwrite(GUEST_DR7, (dr7 & 0xffff2bff) | 0x400);
	/* With a breakpoint enabled the guest needs its DR0-3 at every entry. */
	if ((dr7 & 0xff) && !vcpu->db_live) {
		vcpu->db_live = true;
		osp_vmx_set_controls(vcpu);
	}
}

/**
 * osp_vmx_pdpte() - one of the PDPTE registers of PAE paging
 * @vcpu: the vCPU
 * @index: 0 to 3
 */
u64 osp_vmx_pdpte(struct osp_vcpu *vcpu, unsigned int index)
{
	return osp_vmread(VMCS_GUEST_PDPTE0 + 2 * index);
}

/**
 * osp_vmx_set_pdpte() - change one of the PDPTE registers
 * @vcpu: the vCPU
 * @index: 0 to 3
 * @pdpte: new value, valid by SDM 3A 4.4.1
 */
void osp_vmx_set_pdpte(struct osp_vcpu *vcpu, unsigned int index, u64 pdpte)
{
	osp_vmwrite(VMCS_GUEST_PDPTE0 + 2 * index, pdpte);
}

/* Access rights (SDM 3C table 25-2) */
#define SEG_TYPE		0x000f
#define SEG_S		BIT(4)
#define SEG_DPL_SHIFT	5
#define SEG_P		BIT(7)
#define SEG_AVL		BIT(12)
#define SEG_L		BIT(13)
#define SEG_DB		BIT(14)
#define SEG_G		BIT(15)
#define SEG_UNUSABLE	BIT(16)

/**
 * osp_vmx_segment_raw() - a segment register as the VMCS holds it
 * @vcpu: the vCPU
 * @sreg: ES to GS, LDTR or TR, in the order of their encoding
 * @base: linear base
 * @limit: last offset
 * @access: access rights
 * @selector: visible part
 */
void osp_vmx_segment_raw(struct osp_vcpu *vcpu, int sreg, u64 *base,
			 u32 *limit, u32 *access, u16 *selector)
{
	*base = osp_vmread(VMCS_GUEST_ES_BASE + 2 * sreg);
	*limit = osp_vmread(VMCS_GUEST_ES_LIMIT + 2 * sreg);
	*access = osp_vmread(VMCS_GUEST_ES_ACCESS + 2 * sreg);
	*selector = osp_vmread(VMCS_GUEST_ES_SELECTOR + 2 * sreg);
}

/**
 * osp_vmx_segment() - a segment register in KVM's form
 * @vcpu: the vCPU
 * @sreg: ES to GS, LDTR or TR, in the order of their encoding
 * @seg: result
 */
void osp_vmx_segment(struct osp_vcpu *vcpu, int sreg, struct kvm_segment *seg)
{
	u32 access;

	osp_vmx_segment_raw(vcpu, sreg, &seg->base, &seg->limit, &access,
			    &seg->selector);
	seg->unusable = !!(access & SEG_UNUSABLE);
	seg->type = access & SEG_TYPE;
	seg->s = !!(access & SEG_S);
	seg->dpl = (access >> SEG_DPL_SHIFT) & 3;
	/* KVM: an unusable segment is not present, whatever the bit says. */
	seg->present = !seg->unusable;
	seg->avl = !!(access & SEG_AVL);
	seg->l = !!(access & SEG_L);
	seg->db = !!(access & SEG_DB);
	seg->g = !!(access & SEG_G);
	seg->padding = 0;
}

/**
 * osp_vmx_set_segment() - change a segment register
 * @vcpu: the vCPU
 * @sreg: ES to GS, LDTR or TR, in the order of their encoding
 * @seg: new value; what the processor would not accept fails the VM entry
 */
void osp_vmx_set_segment(struct osp_vcpu *vcpu, int sreg,
			 const struct kvm_segment *seg)
{
	u32 access = SEG_UNUSABLE;

	if (!seg->unusable && seg->present)
		access = (seg->type & SEG_TYPE) | (seg->s & 1) << 4 |
			 (seg->dpl & 3) << SEG_DPL_SHIFT | SEG_P |
			 (seg->avl & 1) << 12 | (seg->l & 1) << 13 |
			 (seg->db & 1) << 14 | (seg->g & 1) << 15;
	/*
	 * A usable data or code segment has been accessed, or it could not have
	 * been loaded; userspace often forgets the bit (SDM 3C 27.3.1.2).
	 */
	if (access != SEG_UNUSABLE && sreg != OSP_SREG_LDTR)
		access |= 1;
	osp_vmwrite(VMCS_GUEST_ES_BASE + 2 * sreg, seg->base);
	osp_vmwrite(VMCS_GUEST_ES_LIMIT + 2 * sreg, seg->limit);
	osp_vmwrite(VMCS_GUEST_ES_ACCESS + 2 * sreg, access);
	osp_vmwrite(VMCS_GUEST_ES_SELECTOR + 2 * sreg, seg->selector);
	vcpu->cached &= ~(OSP_CACHED_CS | OSP_CACHED_SS);
}

/**
 * osp_vmx_dtable() - GDTR or IDTR
 * @vcpu: the vCPU
 * @idt: IDTR, else GDTR
 * @table: result
 */
void osp_vmx_dtable(struct osp_vcpu *vcpu, bool idt, struct kvm_dtable *table)
{
	memset(table, 0, sizeof(*table));
	table->base = idt ? vmread(GUEST_IDTR_BASE) : vmread(GUEST_GDTR_BASE);
	table->limit = idt ? vmread(GUEST_IDTR_LIMIT) : vmread(GUEST_GDTR_LIMIT);
}

/**
 * osp_vmx_set_dtable() - change GDTR or IDTR
 * @vcpu: the vCPU
 * @idt: IDTR, else GDTR
 * @table: new value
 */
void osp_vmx_set_dtable(struct osp_vcpu *vcpu, bool idt,
			const struct kvm_dtable *table)
{
	if (idt) {
		vmwrite(GUEST_IDTR_BASE, table->base);
		vmwrite(GUEST_IDTR_LIMIT, table->limit);
	} else {
		vmwrite(GUEST_GDTR_BASE, table->base);
		vmwrite(GUEST_GDTR_LIMIT, table->limit);
	}
}

/**
 * osp_vmx_cpl() - the guest's current privilege level
 * @vcpu: the vCPU
 *
 * It is SS.DPL in every mode, virtual-8086 included (SDM 3C 25.4.1).
 */
int osp_vmx_cpl(struct osp_vcpu *vcpu)
{
	if (!(vcpu->cached & OSP_CACHED_SS)) {
		vcpu->ss_access = vmread(GUEST_SS_ACCESS);
		vcpu->cached |= OSP_CACHED_SS;
	}
	return (vcpu->ss_access >> SEG_DPL_SHIFT) & 3;
}

/**
 * osp_vmx_msr() - an MSR of the guest that lives in the VMCS
 * @vcpu: the vCPU
 * @msr: its index
 * @value: result
 *
 * Return: whether it is one of those.
 */
bool osp_vmx_msr(struct osp_vcpu *vcpu, u32 msr, u64 *value)
{
	switch (msr) {
	case MSR_IA32_SYSENTER_CS:
		*value = vmread(GUEST_SYSENTER_CS);
		return true;
	case MSR_IA32_SYSENTER_ESP:
		*value = vmread(GUEST_SYSENTER_ESP);
		return true;
	case MSR_IA32_SYSENTER_EIP:
		*value = vmread(GUEST_SYSENTER_EIP);
		return true;
	case MSR_FS_BASE:
		*value = vmread(GUEST_FS_BASE);
		return true;
	case MSR_GS_BASE:
		*value = vmread(GUEST_GS_BASE);
		return true;
	case MSR_IA32_CR_PAT:
		*value = vmread(GUEST_PAT);
		return true;
	case MSR_IA32_DEBUGCTLMSR:
		*value = vmread(GUEST_DEBUGCTL);
		return true;
	default:
		return false;
	}
}

/**
 * osp_vmx_set_msr() - change an MSR of the guest that lives in the VMCS
 * @vcpu: the vCPU
 * @msr: its index
 * @value: new value, valid for the MSR
 *
 * Return: whether it is one of those.
 */
bool osp_vmx_set_msr(struct osp_vcpu *vcpu, u32 msr, u64 value)
{
	switch (msr) {
	case MSR_IA32_SYSENTER_CS:
		vmwrite(GUEST_SYSENTER_CS, value);
		return true;
	case MSR_IA32_SYSENTER_ESP:
		vmwrite(GUEST_SYSENTER_ESP, value);
		return true;
	case MSR_IA32_SYSENTER_EIP:
		vmwrite(GUEST_SYSENTER_EIP, value);
		return true;
	case MSR_FS_BASE:
		vmwrite(GUEST_FS_BASE, value);
		return true;
	case MSR_GS_BASE:
		vmwrite(GUEST_GS_BASE, value);
		return true;
	case MSR_IA32_CR_PAT:
		vmwrite(GUEST_PAT, value);
		return true;
	case MSR_IA32_DEBUGCTLMSR:
		vmwrite(GUEST_DEBUGCTL, value);
		return true;
	default:
		return false;
	}
}

/**
 * osp_vmx_interruptibility() - what keeps events from being delivered
 * @vcpu: the vCPU
 *
 * An instruction that was emulated has ended the shadow of an STI or MOV SS
 * before it.  That is made good here, when somebody asks, and not with each
 * instruction: a shadow that outlives its instruction by one can only delay
 * an event that is not there yet.
 *
 * Return: the interruptibility state (SDM 3C table 25-3).
 */
u32 osp_vmx_interruptibility(struct osp_vcpu *vcpu)
{
	u32 state = vmread(GUEST_INTERRUPTIBILITY);

	if (vcpu->shadow_stale) {
		vcpu->shadow_stale = false;
		if (state & (GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS)) {
			state &= ~(GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS);
			vmwrite(GUEST_INTERRUPTIBILITY, state);
		}
	}
	return state;
}

/**
 * osp_vmx_set_interruptibility() - change what keeps events away
 * @vcpu: the vCPU
 * @state: the interruptibility state
 */
void osp_vmx_set_interruptibility(struct osp_vcpu *vcpu, u32 state)
{
	vcpu->shadow_stale = false;
	vmwrite(GUEST_INTERRUPTIBILITY, state);
}

/**
 * osp_vmx_set_tsc_offset() - set the guest's TSC apart from the host's
 * @vcpu: the vCPU
 * @offset: added to the TSC by RDTSC, RDTSCP and RDMSR in the guest
 */
void osp_vmx_set_tsc_offset(struct osp_vcpu *vcpu, u64 offset)
{
	vcpu->tsc_offset = offset;
	vmwrite(TSC_OFFSET, offset);
}

/**
 * osp_vmx_flush_vpid() - drop what this CPU has cached of the guest's
 * translations
 * @vcpu: the vCPU
 */
void osp_vmx_flush_vpid(struct osp_vcpu *vcpu)
{
	vcpu->vpid_flushes++;
	osp_invvpid(OSP_INVVPID_SINGLE, vcpu->vpid);
}

/**
 * osp_vmx_qualification() - the exit qualification, for a trace
 */
u64 osp_vmx_qualification(void)
{
	return vmread(EXIT_QUALIFICATION);
}

/**
 * osp_vmx_linear_address() - the guest-linear address of an EPT violation
 *
 * Only where the exit qualification says that there is one (SDM 3C 28.2.1).
 */
u64 osp_vmx_linear_address(void)
{
	return vmread(GUEST_LINEAR_ADDRESS);
}

/**
 * osp_vmx_instruction_error() - why a VM entry failed as an instruction
 *
 * Return: the VM-instruction error field (SDM 3C 31.4).
 */
u32 osp_vmx_instruction_error(void)
{
	return vmread(INSTRUCTION_ERROR);
}

/**
 * osp_vmx_insn_length() - length of the instruction that made the exit
 *
 * Only for exits that define it (SDM 3C 28.2.5).
 */
u32 osp_vmx_insn_length(void)
{
	return vmread(EXIT_INSTR_LENGTH);
}
