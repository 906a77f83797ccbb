// SPDX-License-Identifier: GPL-2.0
/*
 * vmx/exit_cr.c - exits of accesses to control and debug registers.
 *
 * Few come here: of CR0 and CR4 the guest owns most bits, CR3 is its own, and
 * so are the debug registers from the first use on.  SDM 3C tables 28-3, 28-4.
 */
#include <asm/processor-flags.h>
#include <asm/trapnr.h>

#include "../ospite.h"
#include "exit.h"
#include "ops.h"

enum { CR_MOV_TO, CR_MOV_FROM, CR_CLTS, CR_LMSW };

static bool in_64bit_mode(struct osp_vcpu *vcpu)
{
	return (vcpu->efer & EFER_LMA) && (vmread(GUEST_CS_ACCESS) & BIT(13));
}

static u64 get_gpr(struct osp_vcpu *vcpu, unsigned int reg)
{
	u64 value = reg == OSP_RSP ? osp_vmx_rsp(vcpu) : vcpu->gpr[reg];

	return in_64bit_mode(vcpu) ? value : (u32)value;
}

static void set_gpr(struct osp_vcpu *vcpu, unsigned int reg, u64 value)
{
	if (!in_64bit_mode(vcpu))
		value = (u32)value;
	if (reg == OSP_RSP)
		osp_vmx_set_rsp(vcpu, value);
	else
		vcpu->gpr[reg] = value;
}

/* Returns 0, or 1 for #GP, or a negative errno. */
static int mov_to_cr(struct osp_vcpu *vcpu, unsigned int cr, u64 value)
{
	switch (cr) {
	case 0:
		return osp_set_cr0(vcpu, value);
	case 3:
		return osp_set_cr3(vcpu, value);
	case 4:
		return osp_set_cr4(vcpu, value);
	default:
		return osp_set_cr8(vcpu, value);
	}
}

/* Userspace has the local APIC, and may have waited for a lower priority. */
static int leave_for_cr8(struct osp_vcpu *vcpu, u64 before)
{
	if (vcpu->lapic || vcpu->cr8 >= before)
		return 1;
	vcpu->run->exit_reason = KVM_EXIT_SET_TPR;
	return 0;
}

static u64 mov_from_cr(struct osp_vcpu *vcpu, unsigned int cr)
{
	return cr == 3 ? osp_vmx_cr3(vcpu) : osp_cr8(vcpu);
}

/* LMSW sets PE but can't clear it, and touches only MP, EM and TS beside. */
static u64 lmsw(u64 cr0, u16 source)
{
	return (cr0 & ~0xeULL) | (source & 0xf);
}

/**
 * osp_cr_access() - handle an exit of a control-register access
 * @vcpu: the vCPU
 * @q: exit qualification (SDM 3C table 28-3)
 *
 * Context: may sleep (the PDPTEs are read from guest memory).
 * Return: as for each exit.
 */
int osp_cr_access(struct osp_vcpu *vcpu, u64 q)
{
	unsigned int cr = q & 0xf, reg = (q >> 8) & 0xf;
	u64 cr0, cr8 = vcpu->cr8;
	int gp = 0;

	switch ((q >> 4) & 3) {
	case CR_MOV_TO:
		gp = mov_to_cr(vcpu, cr, get_gpr(vcpu, reg));
		break;
	case CR_MOV_FROM:
		set_gpr(vcpu, reg, mov_from_cr(vcpu, cr));
		break;
	case CR_CLTS:
		gp = osp_set_cr0(vcpu, osp_vmx_cr0(vcpu) & ~(u64)X86_CR0_TS);
		break;
	case CR_LMSW:
		cr0 = osp_vmx_cr0(vcpu);
		gp = osp_set_cr0(vcpu, lmsw(cr0, q >> 16));
		break;
	}
	if (gp < 0)
		return gp;
	if (gp) {
		osp_queue_exception_error(vcpu, X86_TRAP_GP, 0);
		return 1;
	}
	osp_skip_instruction(vcpu);
	return cr == 8 ? leave_for_cr8(vcpu, cr8) : 1;
}

/**
 * osp_dr_access() - handle an exit of a debug-register access
 * @vcpu: the vCPU
 * @q: exit qualification (SDM 3C table 28-4)
 *
 * The registers become the guest's, and it does the access itself; when the
 * vCPU is next put away they are taken back, unless a breakpoint is enabled.
 *
 * Context: within the section.
 * Return: as for each exit.
 */
int osp_dr_access(struct osp_vcpu *vcpu, u64 q)
{
	osp_vmx_take_debug_registers(vcpu);
	return 1;
}
