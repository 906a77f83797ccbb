// SPDX-License-Identifier: GPL-2.0
/*
 * cr.c - what values control registers may take, and what follows when they do.
 *
 * Here are the rules that make a MOV to CR or a WRMSR of IA32_EFER raise #GP;
 * vmx/guest.c puts values that passed into the VMCS.  All functions need the
 * vCPU loaded and its mutex.  SDM 3A 2.5, 4.1, 4.4.1, 2.2.1 (EFER); 1 13.3
 * (XCR0).
 */
#include <linux/types.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>
#include <asm/processor.h>

#include "ospite.h"
#include "mmu/walk.h"

#define CR0_DEFINED							\
	((u64)(X86_CR0_PE | X86_CR0_MP | X86_CR0_EM | X86_CR0_TS |	\
	       X86_CR0_ET | X86_CR0_NE | X86_CR0_WP | X86_CR0_AM |	\
	       X86_CR0_NW | X86_CR0_CD | X86_CR0_PG))

#define EFER_DEFINED	((u64)(EFER_SCE | EFER_LME | EFER_LMA | EFER_NX))

/* MOV to CR3 with PCIDs: keep the TLB's entries of the new one. */
#define CR3_NO_FLUSH	BIT_ULL(63)

/* CS.L: with EFER.LMA, the CPU is in 64-bit mode. */
static bool cs_l(struct osp_vcpu *vcpu)
{
	struct kvm_segment cs;

	osp_vmx_segment(vcpu, OSP_INSN_CS, &cs);
	return cs.l;
}

static bool pae_paging(struct osp_vcpu *vcpu, u64 cr0, u64 cr4)
{
	return (cr0 & X86_CR0_PG) && (cr4 & X86_CR4_PAE) &&
	       !(vcpu->efer & EFER_LME);
}

/**
 * osp_load_pdptes() - load the PDPTE registers of PAE paging
 * @vcpu: the vCPU
 * @cr3: where the four entries are
 *
 * SDM 3A 4.4.1.  If one is invalid none is loaded.
 *
 * Context: process context, may sleep.
 * Return: 0; 1 if #GP is due.
 */
int osp_load_pdptes(struct osp_vcpu *vcpu, u64 cr3)
{
	struct osp_walk_cpu cpu = { .phys_bits = vcpu->phys_bits };
	struct osp_mmu *mmu = &vcpu->vm->mmu;
	u64 pdpte[4];
	int i, err;

	osp_mmu_hold(mmu);
	err = osp_gpa_read(mmu, cr3 & 0xffffffe0, pdpte, sizeof(pdpte));
	osp_mmu_release(mmu);
	if (err)
		return 1;
	for (i = 0; i < ARRAY_SIZE(pdpte); i++)
		if (!osp_walk_pdpte_ok(&cpu, pdpte[i]))
			return 1;
	for (i = 0; i < ARRAY_SIZE(pdpte); i++)
		osp_vmx_set_pdpte(vcpu, i, pdpte[i]);
	return 0;
}

/**
 * osp_cr0_valid() - may CR0 have this value in some mode?
 * @cr0: the value
 */
bool osp_cr0_valid(u64 cr0)
{
	if (cr0 >> 32)
		return false;
	if ((cr0 & X86_CR0_NW) && !(cr0 & X86_CR0_CD))
		return false;
	return !(cr0 & X86_CR0_PG) || (cr0 & X86_CR0_PE);
}

/**
 * osp_set_cr0() - the guest writes CR0
 * @vcpu: the vCPU
 * @cr0: new value
 *
 * Context: process context, may sleep (PDPTEs).
 * Return: 0; 1 if #GP is due.
 */
int osp_set_cr0(struct osp_vcpu *vcpu, u64 cr0)
{
	u64 old = osp_vmx_cr0(vcpu), cr4 = osp_vmx_cr4(vcpu);
	bool turns_on = (cr0 & X86_CR0_PG) && !(old & X86_CR0_PG);

	if (!osp_cr0_valid(cr0))
		return 1;
	/* Reserved bits keep their value, and ET is always 1. */
	cr0 = (cr0 & CR0_DEFINED) | X86_CR0_ET;
	if (turns_on && (vcpu->efer & EFER_LME) &&
	    (!(cr4 & X86_CR4_PAE) || cs_l(vcpu)))
		return 1;
	if (!(cr0 & X86_CR0_PG) && (old & X86_CR0_PG)) {
		if (cr4 & X86_CR4_PCIDE)
			return 1;
		if ((vcpu->efer & EFER_LMA) && cs_l(vcpu))
			return 1;
	}
	if (pae_paging(vcpu, cr0, cr4) &&
	    ((cr0 ^ old) & (X86_CR0_PG | X86_CR0_CD | X86_CR0_NW)) &&
	    osp_load_pdptes(vcpu, osp_vmx_cr3(vcpu)))
		return 1;
	osp_vmx_set_cr0(vcpu, cr0);
	return 0;
}

/**
 * osp_set_cr3() - the guest writes CR3
 * @vcpu: the vCPU
 * @cr3: new value
 *
 * Context: process context, may sleep (PDPTEs).
 * Return: 0; 1 if #GP is due.
 */
int osp_set_cr3(struct osp_vcpu *vcpu, u64 cr3)
{
	u64 cr4 = osp_vmx_cr4(vcpu);

	if (cr4 & X86_CR4_PCIDE)
		cr3 &= ~CR3_NO_FLUSH;
	if (vcpu->efer & EFER_LMA) {
		if (cr3 >> vcpu->phys_bits)
			return 1;
	} else if (pae_paging(vcpu, osp_vmx_cr0(vcpu), cr4) &&
		   osp_load_pdptes(vcpu, cr3)) {
		return 1;
	}
	osp_vmx_set_cr3(vcpu, cr3);
	return 0;
}

/**
 * osp_cr4_valid() - does the guest's CPUID allow this value of CR4?
 * @vcpu: the vCPU
 * @cr4: the value
 */
bool osp_cr4_valid(struct osp_vcpu *vcpu, u64 cr4)
{
	return !(cr4 & ~vcpu->cr4_allowed);
}

/**
 * osp_set_cr4() - the guest writes CR4
 * @vcpu: the vCPU
 * @cr4: new value
 *
 * Context: process context, may sleep (PDPTEs).
 * Return: 0; 1 if #GP is due.
 */
int osp_set_cr4(struct osp_vcpu *vcpu, u64 cr4)
{
	const u64 pdpte_bits = X86_CR4_PGE | X86_CR4_PSE | X86_CR4_PAE |
			       X86_CR4_SMEP;
	u64 old = osp_vmx_cr4(vcpu), cr3;

	if (!osp_cr4_valid(vcpu, cr4))
		return 1;
	if ((vcpu->efer & EFER_LMA) && !(cr4 & X86_CR4_PAE))
		return 1;
	cr3 = osp_vmx_cr3(vcpu);
	if ((cr4 & X86_CR4_PCIDE) && !(old & X86_CR4_PCIDE) &&
	    (!(vcpu->efer & EFER_LMA) || (cr3 & X86_CR3_PCID_MASK)))
		return 1;
	if (pae_paging(vcpu, osp_vmx_cr0(vcpu), cr4) &&
	    ((cr4 ^ old) & pdpte_bits) && osp_load_pdptes(vcpu, cr3))
		return 1;
	osp_vmx_set_cr4(vcpu, cr4);
	return 0;
}

/**
 * osp_efer_valid() - are there only defined bits in this value of IA32_EFER?
 * @efer: the value
 */
bool osp_efer_valid(u64 efer)
{
	return !(efer & ~EFER_DEFINED);
}

/**
 * osp_set_efer() - IA32_EFER is written
 * @vcpu: the vCPU
 * @efer: new value; LMA is kept as it is
 * @host: by userspace, which may give what the guest's CPUID does not allow
 *
 * Return: 0; 1 if #GP is due.
 */
int osp_set_efer(struct osp_vcpu *vcpu, u64 efer, bool host)
{
	if (!osp_efer_valid(efer))
		return 1;
	if (!host) {
		if ((efer & (EFER_LME | EFER_LMA)) && !osp_has(vcpu, OSP_GUEST_LM))
			return 1;
		if ((efer & EFER_NX) && !osp_has(vcpu, OSP_GUEST_NX))
			return 1;
		if ((osp_vmx_cr0(vcpu) & X86_CR0_PG) &&
		    ((efer ^ vcpu->efer) & EFER_LME))
			return 1;
	}
	osp_vmx_set_efer(vcpu, efer & ~(u64)EFER_LMA);
	return 0;
}

/**
 * osp_set_xcr0() - XCR0 is written
 * @vcpu: the vCPU
 * @xcr0: new value
 *
 * Context: not within the section, which loads it into the processor.
 * Return: 0; 1 if #GP is due.
 */
int osp_set_xcr0(struct osp_vcpu *vcpu, u64 xcr0)
{
	const u64 avx512 = XFEATURE_MASK_AVX512;

	if (!(xcr0 & XFEATURE_MASK_FP))
		return 1;
	if ((xcr0 & XFEATURE_MASK_YMM) && !(xcr0 & XFEATURE_MASK_SSE))
		return 1;
	if ((xcr0 & avx512) &&
	    (!(xcr0 & XFEATURE_MASK_YMM) || (xcr0 & avx512) != avx512))
		return 1;
	if (xcr0 & ~(vcpu->xcr0_allowed | XFEATURE_MASK_FP))
		return 1;
	vcpu->xcr0 = xcr0;
	return 0;
}
