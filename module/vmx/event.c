// SPDX-License-Identifier: GPL-2.0
/*
 * vmx/event.c - delivering exceptions, NMIs and interrupts to the guest.
 *
 * One event can be injected with a VM entry (SDM 3C 27.6).  In this order: an
 * exception that an emulated instruction raised, an event whose delivery a VM
 * exit cut short, an NMI, an interrupt.  For what has to wait, a window exit
 * is requested, or a TPR threshold set: nothing is polled.
 *
 * All functions run in the vCPU's thread with its VMCS loaded; they own the
 * members event, exception, nmi_pending and the window state of the vCPU.
 */
#include <asm/processor-flags.h>
#include <asm/trapnr.h>
#include <asm/vmx.h>

#include "../ospite.h"
#include "../trace.h"
#include "bochs.h"
#include "cap.h"
#include "ops.h"

#define DEBUG_BS	BIT(14)	/* pending debug exceptions: single step */

/* SDM 3A table 6-4: exceptions whose combination is a double fault. */
static bool is_contributory(u32 vector)
{
	return vector == X86_TRAP_DE ||
	       (vector >= X86_TRAP_TS && vector <= X86_TRAP_GP);
}

static bool is_exception(u32 info)
{
	return (info & INTR_INFO_VALID_MASK) &&
	       (info & INTR_INFO_INTR_TYPE_MASK) == INTR_TYPE_HARD_EXCEPTION;
}

/* @first was being delivered, or is to be, when @second happened. */
static bool makes_double_fault(u32 first, u32 second)
{
	if (first == X86_TRAP_PF)
		return second == X86_TRAP_PF || is_contributory(second);
	return is_contributory(first) && is_contributory(second);
}

static void queue_exception(struct osp_vcpu *vcpu, u8 vector, bool has_error,
			    u32 error)
{
	u32 info = INTR_INFO_VALID_MASK | INTR_TYPE_HARD_EXCEPTION | vector;
	u32 first = vcpu->exception.info ?: vcpu->event.info;

	osp_request(vcpu, OSP_REQ_EVENT);
	if (is_exception(first)) {
		first &= INTR_INFO_VECTOR_MASK;
		if (first == X86_TRAP_DF) {
			vcpu->triple_fault = true;
			return;
		}
		if (makes_double_fault(first, vector)) {
			info = INTR_INFO_VALID_MASK | INTR_TYPE_HARD_EXCEPTION |
			       X86_TRAP_DF;
			has_error = true;
			error = 0;
		}
		vcpu->event.info = 0;
	}
	/* In real mode there are no error codes (SDM 3C 27.2.1.3). */
	if (has_error && (vmread(GUEST_CR0) & X86_CR0_PE))
		info |= INTR_INFO_DELIVER_CODE_MASK;
	vcpu->exception = (struct osp_event){ .info = info, .error = error };
}

/**
 * osp_queue_exception() - raise an exception without error code
 * @vcpu: the vCPU
 * @vector: its number
 *
 * Faults only: the guest's RIP is that of the instruction.
 */
void osp_queue_exception(struct osp_vcpu *vcpu, u8 vector)
{
	queue_exception(vcpu, vector, false, 0);
}

/**
 * osp_queue_exception_error() - raise an exception with an error code
 * @vcpu: the vCPU
 * @vector: its number
 * @error: the error code, not pushed in real mode
 */
void osp_queue_exception_error(struct osp_vcpu *vcpu, u8 vector, u32 error)
{
	queue_exception(vcpu, vector, true, error);
}

/**
 * osp_event_requeue() - after an exit that may have cut a delivery short
 * @vcpu: the vCPU, just back from the guest
 *
 * SDM 3C 28.2.4.  The event is delivered anew with the next entry, to the
 * instruction that it had interrupted.
 */
void osp_event_requeue(struct osp_vcpu *vcpu)
{
	u32 info = vmread(IDT_VECTORING_INFO);
	struct osp_event *event = &vcpu->event;

	if (likely(!(info & INTR_INFO_VALID_MASK)))
		return;
	if (unlikely(osp_vmx_cap.bochs) && vcpu->virtual_delivery)
		info = osp_bochs_forgotten(vcpu, info);
	event->info = info & ~INTR_INFO_RESVD_BITS_MASK;
	if (info & INTR_INFO_DELIVER_CODE_MASK)
		event->error = vmread(IDT_VECTORING_ERROR);
	switch (info & INTR_INFO_INTR_TYPE_MASK) {
	case INTR_TYPE_SOFT_INTR:
	case INTR_TYPE_SOFT_EXCEPTION:
	case INTR_TYPE_PRIV_SW_EXCEPTION:
		event->length = vmread(EXIT_INSTR_LENGTH);
		break;
	case INTR_TYPE_NMI_INTR:
		/* Not delivered yet, so it does not block itself. */
		osp_vmx_set_interruptibility(vcpu,
				osp_vmx_interruptibility(vcpu) &
				~GUEST_INTR_STATE_NMI);
		break;
	}
	osp_request(vcpu, OSP_REQ_EVENT);
}

/**
 * osp_event_reblock_nmi() - an IRET had unblocked NMIs before it made the exit
 * @vcpu: the vCPU, after osp_event_requeue()
 *
 * The IRET is executed again, so they are blocked till then (SDM 3C 28.2.3).
 * Without meaning where the exit came from the delivery of an event.
 */
void osp_event_reblock_nmi(struct osp_vcpu *vcpu)
{
	if (vcpu->event.info)
		return;
	osp_vmx_set_interruptibility(vcpu, osp_vmx_interruptibility(vcpu) |
					   GUEST_INTR_STATE_NMI);
}

static void inject(struct osp_event *event)
{
	if (event->info & INTR_INFO_DELIVER_CODE_MASK)
		vmwrite(ENTRY_EXCEPTION_ERROR, event->error);
	if (event->length)
		vmwrite(ENTRY_INSTR_LENGTH, event->length);
	vmwrite(ENTRY_INTR_INFO, event->info);
	*event = (struct osp_event){ };
}

/*
 * A fault pushes RFLAGS with RF set, so that an instruction breakpoint does not
 * hit again on return (SDM 3B 18.3.1.1); an injected one pushes what is there.
 */
static void inject_exception(struct osp_vcpu *vcpu)
{
	u32 vector = vcpu->exception.info & INTR_INFO_VECTOR_MASK;

	if (vector != X86_TRAP_DB && vector != X86_TRAP_DF)
		osp_vmx_set_rflags(vcpu, osp_vmx_rflags(vcpu) | X86_EFLAGS_RF);
	inject(&vcpu->exception);
}

/**
 * osp_interrupt_open() - would the guest take an interrupt now?
 * @vcpu: the vCPU
 *
 * RFLAGS.IF is set and no STI or MOV SS is just before (SDM 3A 6.8.1).
 */
bool osp_interrupt_open(struct osp_vcpu *vcpu)
{
	return (osp_vmx_rflags(vcpu) & X86_EFLAGS_IF) &&
	       !(osp_vmx_interruptibility(vcpu) &
		 (GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS));
}

static bool nmi_open(struct osp_vcpu *vcpu)
{
	return !(osp_vmx_interruptibility(vcpu) &
		 (GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS |
		  GUEST_INTR_STATE_NMI));
}

static bool extint_pending(struct osp_vcpu *vcpu)
{
	if (unlikely(osp_lapic_extint_sent(vcpu->lapic)))
		return true;
	if (!osp_lapic_accepts_extint(vcpu->lapic))
		return false;
	if (unlikely(vcpu->vm->chip->split))
		return vcpu->user_irq >= 0;
	return osp_irqchip_extint_pending(vcpu->vm->chip);
}

/**
 * osp_interrupt_waiting() - is there an interrupt for the guest?
 * @vcpu: the vCPU
 *
 * One that its local APIC lets through, from the PIC, or from userspace; whether
 * the guest takes interrupts now is another question.
 */
bool osp_interrupt_waiting(struct osp_vcpu *vcpu)
{
	if (!vcpu->lapic)
		return vcpu->user_irq >= 0;
	return extint_pending(vcpu) || osp_lapic_pending(vcpu->lapic) >= 0;
}

/* One that the CPU does not deliver by itself. */
static bool must_inject(struct osp_vcpu *vcpu)
{
	return vcpu->virtual_delivery ? extint_pending(vcpu) :
					osp_interrupt_waiting(vcpu);
}

/*
 * The guest takes it for certain, so only ask when it can.  Returns -1 if what
 * must_inject() saw is gone: a line of the PIC can fall at any time.
 */
static int take_interrupt(struct osp_vcpu *vcpu)
{
	int vector;

	if (!vcpu->lapic || (vcpu->vm->chip->split && extint_pending(vcpu))) {
		vector = vcpu->user_irq;
		vcpu->user_irq = -1;
	} else if (extint_pending(vcpu)) {
		osp_lapic_take_event(vcpu->lapic, OSP_LAPIC_EV_EXTINT);
		vector = osp_irqchip_extint_ack(vcpu->vm->chip);
	} else if (vcpu->virtual_delivery) {
		vector = -1;
	} else {
		vector = osp_lapic_pending(vcpu->lapic);
		if (vector >= 0)
			osp_lapic_ack(vcpu->lapic, vector);
	}
	return vector;
}

static void inject_interrupt(struct osp_vcpu *vcpu)
{
	int vector = take_interrupt(vcpu);

	if (unlikely(vector < 0))
		return;
	trace_ospite_inject(vcpu->index, vector);
	vmwrite(ENTRY_INTR_INFO,
		INTR_INFO_VALID_MASK | INTR_TYPE_EXT_INTR | vector);
}

static void set_windows(struct osp_vcpu *vcpu, bool irq, bool nmi)
{
	if (irq == vcpu->irq_window && nmi == vcpu->nmi_window)
		return;
	vcpu->irq_window = irq;
	vcpu->nmi_window = nmi;
	osp_vmx_set_controls(vcpu);
	/* The shadow of an STI that is over must not keep the window shut. */
	if (vcpu->shadow_stale)
		osp_vmx_interruptibility(vcpu);
}

/*
 * An interrupt that only TPR holds back becomes deliverable by a MOV to CR8,
 * which does not exit: let the CPU tell when TPR falls below the interrupt's
 * class (SDM 3C 30.1.2).
 */
static void set_tpr_threshold(struct osp_vcpu *vcpu)
{
	u32 threshold = 0;
	int vector;

	if (vcpu->lapic->irr_words) {
		vector = osp_lapic_top(vcpu->lapic, OSP_APIC_IRR);
		if (vector >= 0 && osp_lapic_get_cr8(vcpu->lapic) >= vector >> 4)
			threshold = vector >> 4;
	}
	if (threshold != vcpu->tpr_threshold) {
		vcpu->tpr_threshold = threshold;
		vmwrite(TPR_THRESHOLD, threshold);
	}
}

/*
 * Nothing is to be re-delivered: take what is pending, if the guest may.
 * Returns whether an interrupt still waits; @waits is whether one did before.
 */
static bool inject_pending(struct osp_vcpu *vcpu, bool waits)
{
	if (vcpu->nmi_pending && nmi_open(vcpu)) {
		vcpu->nmi_pending = false;
		vmwrite(ENTRY_INTR_INFO, INTR_INFO_VALID_MASK |
			INTR_TYPE_NMI_INTR | X86_TRAP_NMI);
	} else if (waits && osp_interrupt_open(vcpu)) {
		inject_interrupt(vcpu);
		return must_inject(vcpu);
	}
	return waits;
}

/**
 * osp_event_prepare() - decide what the next VM entry delivers
 * @vcpu: the vCPU; OSP_REQ_EVENT was set and is cleared
 *
 * Context: interrupts off, right before the entry.
 */
void osp_event_prepare(struct osp_vcpu *vcpu)
{
	bool waits = must_inject(vcpu);

	if (vcpu->lapic && READ_ONCE(vcpu->lapic->events) &&
	    osp_lapic_take_event(vcpu->lapic, OSP_LAPIC_EV_NMI))
		vcpu->nmi_pending = true;
	if (vcpu->exception.info)
		inject_exception(vcpu);
	else if (vcpu->event.info)
		inject(&vcpu->event);
	else
		waits = inject_pending(vcpu, waits);

	set_windows(vcpu, waits || osp_wants_window(vcpu), vcpu->nmi_pending);
	/* Its turn comes after the next exit, when this bit is looked at again. */
	if (unlikely(vcpu->event.info))
		osp_request(vcpu, OSP_REQ_EVENT);
	if (vcpu->lapic && osp_lapic_deadline_waits(vcpu->lapic))
		osp_request(vcpu, OSP_REQ_DEADLINE);
	if (vcpu->virtual_delivery)
		osp_apicv_prepare(vcpu);
	else if (vcpu->lapic && (osp_vmx_cap.proc & CPU_BASED_TPR_SHADOW))
		set_tpr_threshold(vcpu);
}

/**
 * osp_advance_uncommon() - what else the end of an emulated instruction may bring
 * @vcpu: the vCPU; RIP is that of the next instruction
 * @before: RIP of the one that ends
 *
 * RIP wraps at 4 GiB outside 64-bit mode, RF is cleared, a single-step trap is
 * due with TF.
 */
void osp_advance_uncommon(struct osp_vcpu *vcpu, u64 before)
{
	u64 rflags = osp_vmx_rflags(vcpu), rip = osp_vmx_rip(vcpu);

	if ((rip ^ before) >> 32 && !(vmread(GUEST_CS_ACCESS) & BIT(13)))
		osp_vmx_set_rip(vcpu, (u32)rip);
	if (rflags & X86_EFLAGS_RF)
		osp_vmx_set_rflags(vcpu, rflags & ~X86_EFLAGS_RF);
	if (!(rflags & X86_EFLAGS_TF))
		return;
	osp_vmx_interruptibility(vcpu);
	vmwrite(GUEST_PENDING_DEBUG, vmread(GUEST_PENDING_DEBUG) | DEBUG_BS);
}

/**
 * osp_advance() - complete an emulated instruction
 * @vcpu: the vCPU
 * @rip: where the next one is
 *
 * RIP wraps at 4 GiB outside 64-bit mode, RF is cleared, a set TF raises its
 * trap, and the shadow of an STI or MOV SS before it ends.
 */
void osp_advance(struct osp_vcpu *vcpu, u64 rip)
{
	osp_vmx_advance(vcpu, osp_vmx_rip(vcpu), rip);
}

/**
 * osp_skip_instruction() - complete the instruction that made the exit
 * @vcpu: the vCPU
 *
 * Only for exits that define the instruction length (SDM 3C 28.2.5).
 */
void osp_skip_instruction(struct osp_vcpu *vcpu)
{
	osp_vmx_skip_instruction(vcpu);
}
