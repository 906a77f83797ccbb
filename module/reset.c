// SPDX-License-Identifier: GPL-2.0
/*
 * reset.c - the state of a vCPU after RESET and after INIT.
 *
 * SDM 3A table 10-1, 10.1; where it leaves things open, as KVM does.
 */
#include <linux/sched.h>
#include <linux/types.h>
#include <asm/debugreg.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>
#include <asm/processor.h>

#include "ospite.h"

/* IA32_PAT after RESET (SDM 3A 12.12.4) */
#define PAT_RESET	0x0007040600070406ULL

/* What KVM says of the microcode. */
#define UCODE_REV	0x100000000ULL

/* DX after RESET tells the processor's signature; this one before any CPUID. */
#define DEFAULT_SIGNATURE	0x600

static void reset_segments(struct osp_vcpu *vcpu)
{
	struct kvm_segment seg = {
		.limit = 0xffff, .type = 3, .s = 1, .present = 1,
	};
	const struct kvm_dtable table = { .limit = 0xffff };
	int i;

	for (i = OSP_INSN_ES; i <= OSP_INSN_GS; i++)
		osp_vmx_set_segment(vcpu, i, &seg);
	seg.type = 11;
	seg.selector = 0xf000;
	seg.base = 0xffff0000;
	osp_vmx_set_segment(vcpu, OSP_INSN_CS, &seg);
	seg = (struct kvm_segment){ .limit = 0xffff, .type = 11, .present = 1 };
	osp_vmx_set_segment(vcpu, OSP_SREG_TR, &seg);
	seg.type = 2;
	osp_vmx_set_segment(vcpu, OSP_SREG_LDTR, &seg);
	osp_vmx_set_dtable(vcpu, false, &table);
	osp_vmx_set_dtable(vcpu, true, &table);
}

static void reset_gprs(struct osp_vcpu *vcpu)
{
	u32 signature = DEFAULT_SIGNATURE;

	/* RDX has the answer of CPUID.1:EAX (SDM 3A table 10-1). */
	if (vcpu->nr_cpuid) {
		vcpu->gpr[OSP_RAX] = 1;
		vcpu->gpr[OSP_RCX] = 0;
		osp_cpuid(vcpu);
		signature = vcpu->gpr[OSP_RAX];
	}
	memset(vcpu->gpr, 0, sizeof(vcpu->gpr));
	vcpu->gpr[OSP_RDX] = signature;
	osp_vmx_set_rsp(vcpu, 0);
	osp_vmx_set_rip(vcpu, 0xfff0);
	osp_vmx_set_rflags(vcpu, X86_EFLAGS_FIXED);
}

/* Paging goes off first, then what it depends on. */
static void reset_control_registers(struct osp_vcpu *vcpu, bool init)
{
	u64 cr0 = X86_CR0_NW | X86_CR0_CD;

	/* INIT leaves caching as it is. */
	if (init)
		cr0 &= osp_vmx_cr0(vcpu);
	osp_vmx_set_cr0(vcpu, cr0 | X86_CR0_ET);
	osp_vmx_set_efer(vcpu, 0);
	osp_vmx_set_cr4(vcpu, 0);
	osp_vmx_set_cr3(vcpu, 0);
	vcpu->cr2 = 0;
	osp_request(vcpu, OSP_REQ_TLB);
}

static void reset_events(struct osp_vcpu *vcpu)
{
	vcpu->event.info = 0;
	vcpu->exception.info = 0;
	vcpu->triple_fault = false;
	vcpu->nmi_pending = false;
	vcpu->user_irq = -1;
	vcpu->io.complete = NULL;
	osp_vmx_reset_events(vcpu);
	osp_request(vcpu, OSP_REQ_EVENT);
}

static void reset_debug_registers(struct osp_vcpu *vcpu)
{
	memset(vcpu->db, 0, sizeof(vcpu->db));
	vcpu->dr6 = DR6_RESERVED;
	osp_vmx_set_dr7(vcpu, 0);
}

static void reset_apic(struct osp_vcpu *vcpu, bool init)
{
	bool bsp = vcpu->id == vcpu->vm->bsp_id;

	vcpu->cr8 = 0;
	if (vcpu->lapic) {
		osp_lapic_reset(vcpu->lapic, init);
		osp_apicv_update(vcpu);
	} else if (!init)
		vcpu->apic_base = OSP_APIC_BASE_DEFAULT | OSP_APIC_BASE_EN |
				  (bsp ? OSP_APIC_BASE_BSP : 0);
}

/* INIT leaves the MSRs alone, but for EFER and SPEC_CTRL. */
static void reset_msrs(struct osp_vcpu *vcpu)
{
	osp_vmx_set_msr(vcpu, MSR_IA32_SYSENTER_CS, 0);
	osp_vmx_set_msr(vcpu, MSR_IA32_SYSENTER_ESP, 0);
	osp_vmx_set_msr(vcpu, MSR_IA32_SYSENTER_EIP, 0);
	osp_vmx_set_msr(vcpu, MSR_IA32_CR_PAT, PAT_RESET);
	osp_vmx_set_msr(vcpu, MSR_IA32_DEBUGCTLMSR, 0);
	vcpu->misc_enable = MSR_IA32_MISC_ENABLE_PEBS_UNAVAIL |
			    MSR_IA32_MISC_ENABLE_BTS_UNAVAIL;
	vcpu->ucode_rev = UCODE_REV;
	vcpu->arch_capabilities = osp_host_arch_capabilities();
	vcpu->xcr0 = XFEATURE_MASK_FP;
	vcpu->ia32_xss = 0;
}

/**
 * osp_vcpu_reset() - give a vCPU the state after RESET or INIT
 * @vcpu: the vCPU, loaded; for RESET all zero and never run
 * @init: INIT
 */
void osp_vcpu_reset(struct osp_vcpu *vcpu, bool init)
{
	reset_apic(vcpu, init);
	reset_events(vcpu);
	if (!init) {
		osp_vmx_set_cr4(vcpu, 0);
		osp_cpuid_apply(vcpu);
		reset_msrs(vcpu);
	}
	vcpu->spec_ctrl = 0;
	reset_debug_registers(vcpu);
	reset_control_registers(vcpu, init);
	reset_segments(vcpu);
	reset_gprs(vcpu);
}
