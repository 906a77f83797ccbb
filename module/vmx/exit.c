// SPDX-License-Identifier: GPL-2.0
/*
 * vmx/exit.c - why the guest left, and what is done about it.
 *
 * One table, a row per basic exit reason (SDM 3D, appendix C).  A row has up
 * to two functions.  The first runs within the section, interrupts off, and
 * must not sleep; what it finishes costs no more than itself.  The second runs
 * with interrupts on, as any code of the kernel.  Both return
 *
 *   1			handled, the guest goes on
 *   OSP_EXIT_SKIP	the same, after the instruction that made the exit
 *   0			userspace has to do something: @run says what
 *   -errno		KVM_RUN fails with it
 *
 * and the first may also return OSP_EXIT_SLOW: let the second do it.
 */
#include <linux/mm.h>
#include <asm/debugreg.h>
#include <asm/trapnr.h>
#include <asm/vmx.h>

#include "../ospite.h"
#include "bochs.h"
#include "cap.h"
#include "exit.h"
#include "ops.h"

static int do_cpuid(struct osp_vcpu *vcpu)
{
	osp_cpuid(vcpu);
	return OSP_EXIT_SKIP;
}

static int inject_gp(struct osp_vcpu *vcpu)
{
	osp_queue_exception_error(vcpu, X86_TRAP_GP, 0);
	return 1;
}

static int inject_ud(struct osp_vcpu *vcpu)
{
	osp_queue_exception(vcpu, X86_TRAP_UD);
	return 1;
}

static int do_rdmsr(struct osp_vcpu *vcpu)
{
	u64 value;

	if (osp_rdmsr(vcpu, (u32)vcpu->gpr[OSP_RCX], &value, false))
		return inject_gp(vcpu);
	vcpu->gpr[OSP_RAX] = (u32)value;
	vcpu->gpr[OSP_RDX] = value >> 32;
	return OSP_EXIT_SKIP;
}

static u64 written_value(const struct osp_vcpu *vcpu)
{
	return (u32)vcpu->gpr[OSP_RAX] | vcpu->gpr[OSP_RDX] << 32;
}

static int write_msr(struct osp_vcpu *vcpu)
{
	u64 value = written_value(vcpu);

	if (osp_wrmsr(vcpu, (u32)vcpu->gpr[OSP_RCX], value, false))
		return inject_gp(vcpu);
	return OSP_EXIT_SKIP;
}

static bool is_x2apic(const struct osp_vcpu *vcpu, u32 msr)
{
	return msr - OSP_X2APIC_MSR_FIRST <=
	       OSP_X2APIC_MSR_LAST - OSP_X2APIC_MSR_FIRST && vcpu->lapic;
}

/* IPIs and timers: what a guest writes most, so msr.c is not asked. */
static int write_x2apic(struct osp_vcpu *vcpu, u32 msr)
{
	if (osp_lapic_wrmsr(vcpu->lapic, msr, written_value(vcpu)))
		return inject_gp(vcpu);
	osp_request(vcpu, OSP_REQ_EVENT);
	return OSP_EXIT_SKIP;
}

static int do_wrmsr(struct osp_vcpu *vcpu)
{
	u32 msr = vcpu->gpr[OSP_RCX];

	if (is_x2apic(vcpu, msr))
		return write_x2apic(vcpu, msr);
	/* Another mode of the APIC may change the EPT, which sleeps. */
	if (unlikely(msr == MSR_IA32_APICBASE) &&
	    written_value(vcpu) != osp_apic_base(vcpu))
		return OSP_EXIT_SLOW;
	return write_msr(vcpu);
}

/*
 * The outer loop sleeps or, if userspace has the local APIC, returns to it.
 */
static int do_hlt(struct osp_vcpu *vcpu)
{
	osp_skip_instruction(vcpu);
	vcpu->halted = true;
	return OSP_EXIT_SLOW;
}

/* There is nothing to write back: guest memory is always cached coherently. */
static int do_nothing(struct osp_vcpu *vcpu)
{
	return OSP_EXIT_SKIP;
}

static int do_io(struct osp_vcpu *vcpu)
{
	/* SDM 3C table 28-5 */
	u64 q = vmread(EXIT_QUALIFICATION);

	vcpu->qualification = q;
	if (unlikely(q & BIT(4)))
		return OSP_EXIT_SLOW;
	return q & BIT(3) ? osp_port_in(vcpu, q >> 16, (q & 7) + 1) :
			    osp_port_out(vcpu, q >> 16, (q & 7) + 1);
}

static int do_string_io(struct osp_vcpu *vcpu)
{
	return osp_string_io(vcpu);
}

static int do_vmcall(struct osp_vcpu *vcpu)
{
	/* No hypercall is offered; KVM's answer to an unknown one. */
	if (osp_vmx_cpl(vcpu))
		vcpu->gpr[OSP_RAX] = -EPERM;
	else
		vcpu->gpr[OSP_RAX] = -1000;	/* -KVM_ENOSYS */
	return OSP_EXIT_SKIP;
}

static int do_xsetbv(struct osp_vcpu *vcpu)
{
	u64 value = written_value(vcpu);

	if (!(osp_vmx_cr4(vcpu) & X86_CR4_OSXSAVE))
		return inject_ud(vcpu);
	if (osp_vmx_cpl(vcpu) || (u32)vcpu->gpr[OSP_RCX] ||
	    osp_set_xcr0(vcpu, value))
		return inject_gp(vcpu);
	return OSP_EXIT_SKIP;
}

static int do_interrupt_window(struct osp_vcpu *vcpu)
{
	osp_request(vcpu, OSP_REQ_EVENT);
	if (!osp_wants_window(vcpu))
		return 1;
	vcpu->run->exit_reason = KVM_EXIT_IRQ_WINDOW_OPEN;
	return 0;
}

static int do_event(struct osp_vcpu *vcpu)
{
	osp_request(vcpu, OSP_REQ_EVENT);
	return 1;
}

/* Back to the loop, which looks for signals and reschedules. */
static int do_leave(struct osp_vcpu *vcpu)
{
	return 1;
}

/* The interrupt itself has been taken when the section ended. */
static int do_external_interrupt(struct osp_vcpu *vcpu)
{
	if (unlikely(osp_vmx_cap.bochs) && vcpu->virtual_delivery)
		osp_bochs_take_back(vcpu);
	return 1;
}

/* DR7.GD: the next access to a debug register traps */
#define DR_GENERAL_DETECT	BIT(13)

/* Exit qualification of a #DB: B0-B3, BD, BS (SDM 3C table 28-1) */
#define DR6_HITS	0x600fULL

static int do_debug(struct osp_vcpu *vcpu, u32 info)
{
	u64 state = osp_vmx_interruptibility(vcpu);

	/* SDM 3C table 28-1; DR6 as the processor would have left it. */
	vcpu->dr6 &= ~(u64)DR_TRAP_BITS;
	vcpu->dr6 |= vmread(EXIT_QUALIFICATION) & DR6_HITS;
	vmwrite(GUEST_DR7, vmread(GUEST_DR7) & ~(u64)DR_GENERAL_DETECT);
	if ((info & INTR_INFO_INTR_TYPE_MASK) == INTR_TYPE_PRIV_SW_EXCEPTION)
		osp_skip_instruction(vcpu);
	else if ((state & (GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS)) &&
		 (osp_vmx_rflags(vcpu) & X86_EFLAGS_TF))
		/* What the entry demands of a state with TF and a shadow. */
		vmwrite(GUEST_PENDING_DEBUG, BIT(14));
	osp_queue_exception(vcpu, X86_TRAP_DB);
	return 1;
}

/* What is the host's: before anything else, with interrupts still off. */
static int do_host_exception(struct osp_vcpu *vcpu)
{
	u32 info = vmread(EXIT_INTR_INFO);

	osp_event_requeue(vcpu);
	if ((info & INTR_INFO_INTR_TYPE_MASK) == INTR_TYPE_NMI_INTR)
		osp_host_nmi();
	else if ((info & INTR_INFO_VECTOR_MASK) == X86_TRAP_MC)
		osp_host_machine_check();
	else
		return OSP_EXIT_SLOW;
	return 1;
}

/*
 * What is the guest's.  Its delivery may raise it again, and then no host
 * interrupt is seen between two exits: they are let in here.
 */
static int do_exception(struct osp_vcpu *vcpu)
{
	u32 info = vmread(EXIT_INTR_INFO);
	u32 vector = info & INTR_INFO_VECTOR_MASK;

	if ((info & INTR_INFO_UNBLOCK_NMI) && vector != X86_TRAP_DF)
		osp_event_reblock_nmi(vcpu);
	switch (vector) {
	case X86_TRAP_DB:
		return do_debug(vcpu, info);
	case X86_TRAP_AC:
		osp_queue_exception_error(vcpu, vector, vmread(EXIT_INTR_ERROR));
		return 1;
	default:
		return osp_internal_error(vcpu, KVM_INTERNAL_ERROR_SIMUL_EX, 2,
					  (u64)info, (u64)vmread(EXIT_INTR_ERROR));
	}
}

/*
 * Exit qualification of an EPT violation (SDM 3C table 28-7): a write; a fetch; the
 * linear address is valid and is what was accessed, by itself and not on the way
 * to its translation; IRET has unblocked NMIs.
 */
#define EPT_WRITE		BIT(1)
#define EPT_FETCH		BIT(2)
#define EPT_LINEAR_ACCESS	(BIT(7) | BIT(8))
#define EPT_UNBLOCKED_NMI	BIT(12)

/* A write to a page that is protected for the dirty log's sake, settled? */
static noinline bool logged_write(struct osp_vcpu *vcpu)
{
	u64 q = vmread(EXIT_QUALIFICATION);

	return (q & (EPT_WRITE | EPT_UNBLOCKED_NMI)) == EPT_WRITE &&
	       osp_log_fault_fast(&vcpu->vm->mmu,
				  vmread(GUEST_PHYSICAL_ADDRESS));
}

/* An access to a device by an instruction that has made one before? */
static __always_inline int known_access(struct osp_vcpu *vcpu)
{
	u64 rip = osp_vmx_rip(vcpu), q;
	struct osp_known *known = osp_known_place(vcpu, rip);

	if (likely(known->rip != rip) || vcpu->event.info)
		return OSP_EXIT_SLOW;
	q = vmread(EXIT_QUALIFICATION);
	if ((q & (EPT_FETCH | EPT_LINEAR_ACCESS | EPT_UNBLOCKED_NMI)) !=
	    EPT_LINEAR_ACCESS)
		return OSP_EXIT_SLOW;
	return osp_known_access(vcpu, known, vmread(GUEST_PHYSICAL_ADDRESS));
}

static int do_fast_violation(struct osp_vcpu *vcpu)
{
	osp_event_requeue(vcpu);
	if (unlikely(READ_ONCE(vcpu->vm->mmu.protects)) && logged_write(vcpu))
		return 1;
	return known_access(vcpu);
}

static int do_ept_violation(struct osp_vcpu *vcpu)
{
	u64 q = vmread(EXIT_QUALIFICATION);
	u64 gpa = vmread(GUEST_PHYSICAL_ADDRESS);
	int r;

	vcpu->qualification = q;
	if (unlikely(q & EPT_UNBLOCKED_NMI))
		osp_event_reblock_nmi(vcpu);
	r = osp_ept_fault(&vcpu->vm->mmu, &vcpu->slot_cache, gpa, q & 7);
	if (likely(r == OSP_FAULT_FIXED))
		return 1;
	if (r == OSP_FAULT_MMIO) {
		r = osp_apicv_fault(vcpu, gpa);
		if (!r)
			return osp_mmio_exit(vcpu, gpa);
	}
	/* The loop deals with the signal. */
	return r == -EINTR ? 1 : r;
}

static int do_ept_misconfiguration(struct osp_vcpu *vcpu)
{
	return osp_internal_error(vcpu, KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON,
				  2, (u64)vcpu->exit_reason,
				  vmread(GUEST_PHYSICAL_ADDRESS));
}

/* Task switches are left to a VMM that never comes; no 64-bit guest makes any. */
static int do_task_switch(struct osp_vcpu *vcpu)
{
	return osp_internal_error(vcpu, KVM_INTERNAL_ERROR_EMULATION, 0);
}

static int do_cr_access(struct osp_vcpu *vcpu)
{
	return osp_cr_access(vcpu, vmread(EXIT_QUALIFICATION));
}

static int do_dr_access(struct osp_vcpu *vcpu)
{
	return osp_dr_access(vcpu, vmread(EXIT_QUALIFICATION));
}

static int do_machine_check_on_entry(struct osp_vcpu *vcpu)
{
	osp_host_machine_check();
	return 1;
}

/**
 * osp_take_acknowledged() - the exit acknowledged the host's interrupt: handle it
 *
 * Only posted interrupts need the CPU to do so; else it is pending still, and
 * comes when interrupts are on.
 *
 * Context: interrupts off, after an exit by an external interrupt.
 */
void osp_take_acknowledged(void)
{
	if (osp_vmx_cap.exit & VM_EXIT_ACK_INTR_ON_EXIT)
		osp_host_interrupt(vmread(EXIT_INTR_INFO));
}

#define FAST(function)	{ .fast = function }
#define SLOW(function)	{ .slow = function }

/* What has no row is reported to userspace and ends the guest, not the host. */
const struct osp_exit_row osp_exit_table[OSP_NR_EXIT_REASONS] = {
	[OSP_EXIT_EXCEPTION_NMI]	= { .fast = do_host_exception,
					    .slow = do_exception },
	[OSP_EXIT_EXTERNAL_INTERRUPT]	= SLOW(do_external_interrupt),
	[OSP_EXIT_TRIPLE_FAULT]		= FAST(osp_triple_fault),
	[OSP_EXIT_INTERRUPT_WINDOW]	= FAST(do_interrupt_window),
	[OSP_EXIT_NMI_WINDOW]		= FAST(do_event),
	[OSP_EXIT_TASK_SWITCH]		= { .slow = do_task_switch, .delivers = true },
	[OSP_EXIT_CPUID]		= FAST(do_cpuid),
	[OSP_EXIT_GETSEC]		= FAST(inject_ud),
	[OSP_EXIT_HLT]			= { .fast = do_hlt, .slow = do_leave },
	[OSP_EXIT_INVD]			= FAST(do_nothing),
	[OSP_EXIT_RDPMC]		= FAST(inject_gp),
	[OSP_EXIT_VMCALL]		= FAST(do_vmcall),
	[OSP_EXIT_VMCLEAR]		= FAST(inject_ud),
	[OSP_EXIT_VMLAUNCH]		= FAST(inject_ud),
	[OSP_EXIT_VMPTRLD]		= FAST(inject_ud),
	[OSP_EXIT_VMPTRST]		= FAST(inject_ud),
	[OSP_EXIT_VMREAD]		= FAST(inject_ud),
	[OSP_EXIT_VMRESUME]		= FAST(inject_ud),
	[OSP_EXIT_VMWRITE]		= FAST(inject_ud),
	[OSP_EXIT_VMXOFF]		= FAST(inject_ud),
	[OSP_EXIT_VMXON]		= FAST(inject_ud),
	[OSP_EXIT_INVEPT]		= FAST(inject_ud),
	[OSP_EXIT_INVVPID]		= FAST(inject_ud),
	[OSP_EXIT_VMFUNC]		= FAST(inject_ud),
	[OSP_EXIT_ENCLS]		= FAST(inject_ud),
	[OSP_EXIT_CR_ACCESS]		= SLOW(do_cr_access),
	[OSP_EXIT_DR_ACCESS]		= FAST(do_dr_access),
	[OSP_EXIT_IO_INSTRUCTION]	= { .fast = do_io, .slow = do_string_io },
	[OSP_EXIT_MSR_READ]		= FAST(do_rdmsr),
	[OSP_EXIT_MSR_WRITE]		= { .fast = do_wrmsr, .slow = write_msr },
	[OSP_EXIT_MWAIT]		= FAST(do_nothing),
	[OSP_EXIT_MONITOR]		= FAST(do_nothing),
	[OSP_EXIT_PAUSE]		= SLOW(osp_pause_exit),
	[OSP_EXIT_MACHINE_CHECK_ON_ENTRY] = FAST(do_machine_check_on_entry),
	[OSP_EXIT_TPR_BELOW_THRESHOLD]	= FAST(do_event),
	[OSP_EXIT_APIC_ACCESS]		= { .slow = osp_apic_access, .delivers = true },
	[OSP_EXIT_VIRTUALIZED_EOI]	= FAST(osp_virtualized_eoi),
	[OSP_EXIT_EPT_VIOLATION]	= { .fast = do_fast_violation,
					    .slow = do_ept_violation },
	[OSP_EXIT_EPT_MISCONFIGURATION]	= { .slow = do_ept_misconfiguration,
					    .delivers = true },
	[OSP_EXIT_PREEMPTION_TIMER]	= { .fast = osp_stay_over, .slow = do_leave },
	[OSP_EXIT_WBINVD]		= FAST(do_nothing),
	[OSP_EXIT_PML_FULL]		= FAST(osp_pml_full),
	[OSP_EXIT_XSETBV]		= SLOW(do_xsetbv),
	[OSP_EXIT_APIC_WRITE]		= FAST(osp_apic_write),
};
