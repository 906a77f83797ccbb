// SPDX-License-Identifier: GPL-2.0
/*
 * vcpu_events.c - what is to be delivered to a vCPU, and its debug registers,
 * as userspace reads and writes them.
 *
 * An exception that was raised but not delivered and one whose delivery a VM
 * exit cut short are one thing to KVM's API: "injected".  The other side of
 * vmx/event.c.  All is called under vcpu->mutex with the vCPU loaded.
 */
#include <linux/sched.h>
#include <asm/debugreg.h>
#include <asm/kvm.h>
#include <asm/trapnr.h>
#include <asm/vmx.h>

#include "ospite.h"
#include "state.h"

static u32 type_of(u32 info)
{
	return info & INTR_INFO_VALID_MASK ?
	       info & INTR_INFO_INTR_TYPE_MASK : INTR_INFO_INTR_TYPE_MASK;
}

static const struct osp_event *hard_exception(const struct osp_vcpu *vcpu)
{
	if (type_of(vcpu->exception.info) == INTR_TYPE_HARD_EXCEPTION)
		return &vcpu->exception;
	if (type_of(vcpu->event.info) == INTR_TYPE_HARD_EXCEPTION)
		return &vcpu->event;
	return NULL;
}

/**
 * osp_accepted_interrupt() - an interrupt that is on its way to the guest
 * @vcpu: the vCPU
 *
 * Return: its vector, which no controller remembers any more, or -1.
 */
int osp_accepted_interrupt(const struct osp_vcpu *vcpu)
{
	if (type_of(vcpu->event.info) == INTR_TYPE_EXT_INTR)
		return vcpu->event.info & INTR_INFO_VECTOR_MASK;
	/* With a local APIC it is not accepted yet: the PIC's own state has it. */
	return vcpu->lapic ? -1 : vcpu->user_irq;
}

/**
 * osp_accept_interrupt() - undo osp_accepted_interrupt() on another vCPU
 * @vcpu: the vCPU
 * @vector: what to deliver
 */
void osp_accept_interrupt(struct osp_vcpu *vcpu, u8 vector)
{
	if (vcpu->lapic)
		vcpu->event = (struct osp_event){
			.info = INTR_INFO_VALID_MASK | INTR_TYPE_EXT_INTR |
				vector,
		};
	else
		vcpu->user_irq = vector;
	osp_request(vcpu, OSP_REQ_EVENT);
}

/* An NMI on its way through the local APIC is here already. */
static void take_posted_nmi(struct osp_vcpu *vcpu)
{
	if (vcpu->lapic && osp_lapic_take_event(vcpu->lapic, OSP_LAPIC_EV_NMI))
		vcpu->nmi_pending = true;
}

/* KVM_X86_SHADOW_INT_* are the bits of the VMCS the other way round. */
static u8 shadow_of(u32 state)
{
	return (state & GUEST_INTR_STATE_STI ? KVM_X86_SHADOW_INT_STI : 0) |
	       (state & GUEST_INTR_STATE_MOV_SS ? KVM_X86_SHADOW_INT_MOV_SS : 0);
}

/**
 * osp_get_vcpu_events() - KVM_GET_VCPU_EVENTS
 * @vcpu: the vCPU
 * @data: struct kvm_vcpu_events
 *
 * Return: 0.
 */
int osp_get_vcpu_events(struct osp_vcpu *vcpu, void *data)
{
	u32 state = osp_vmx_interruptibility(vcpu);
	const struct osp_event *exception = hard_exception(vcpu);
	struct kvm_vcpu_events *events = data;
	int vector = osp_accepted_interrupt(vcpu);

	take_posted_nmi(vcpu);
	if (exception) {
		events->exception.injected = 1;
		events->exception.nr = exception->info & INTR_INFO_VECTOR_MASK;
		events->exception.has_error_code =
			!!(exception->info & INTR_INFO_DELIVER_CODE_MASK);
		events->exception.error_code = exception->error;
	}
	if (vector >= 0) {
		events->interrupt.injected = 1;
		events->interrupt.nr = vector;
	}
	events->interrupt.shadow = shadow_of(state);
	events->nmi.injected = type_of(vcpu->event.info) == INTR_TYPE_NMI_INTR;
	events->nmi.pending = vcpu->nmi_pending;
	events->nmi.masked = !!(state & GUEST_INTR_STATE_NMI);
	if (vcpu->lapic)
		events->smi.latched_init =
			test_bit(OSP_LAPIC_EV_INIT, &vcpu->lapic->events);
	events->flags = KVM_VCPUEVENT_VALID_NMI_PENDING |
			KVM_VCPUEVENT_VALID_SHADOW | KVM_VCPUEVENT_VALID_SMM;
	return 0;
}

#define KNOWN_FLAGS	(KVM_VCPUEVENT_VALID_NMI_PENDING |	\
			 KVM_VCPUEVENT_VALID_SIPI_VECTOR |	\
			 KVM_VCPUEVENT_VALID_SHADOW |		\
			 KVM_VCPUEVENT_VALID_SMM)

static bool valid_events(const struct kvm_vcpu_events *events)
{
	if (events->flags & ~KNOWN_FLAGS)
		return false;
	if (events->exception.injected &&
	    (events->exception.nr > 31 || events->exception.nr == X86_TRAP_NMI))
		return false;
	/* There is no system management mode. */
	return !(events->flags & KVM_VCPUEVENT_VALID_SMM) ||
	       (!events->smi.smm && !events->smi.pending);
}

static struct osp_event exception_of(const struct kvm_vcpu_events *events)
{
	struct osp_event event = { };

	if (!events->exception.injected)
		return event;
	event.info = INTR_INFO_VALID_MASK | INTR_TYPE_HARD_EXCEPTION |
		     events->exception.nr;
	/* #BP and #OF are software exceptions to the processor. */
	if (events->exception.nr == X86_TRAP_BP ||
	    events->exception.nr == X86_TRAP_OF) {
		event.info = INTR_INFO_VALID_MASK | INTR_TYPE_SOFT_EXCEPTION |
			     events->exception.nr;
		event.length = 1;
	}
	if (events->exception.has_error_code) {
		event.info |= INTR_INFO_DELIVER_CODE_MASK;
		event.error = events->exception.error_code;
	}
	return event;
}

static void set_interruptibility(struct osp_vcpu *vcpu,
				 const struct kvm_vcpu_events *events)
{
	u32 state = osp_vmx_interruptibility(vcpu) & ~GUEST_INTR_STATE_NMI;

	if (events->flags & KVM_VCPUEVENT_VALID_SHADOW) {
		state &= ~(GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS);
		if (events->interrupt.shadow & KVM_X86_SHADOW_INT_MOV_SS)
			state |= GUEST_INTR_STATE_MOV_SS;
		else if (events->interrupt.shadow & KVM_X86_SHADOW_INT_STI)
			state |= GUEST_INTR_STATE_STI;
	}
	if (events->nmi.masked)
		state |= GUEST_INTR_STATE_NMI;
	osp_vmx_set_interruptibility(vcpu, state);
}

static void set_lapic_events(struct osp_lapic *lapic,
			     const struct kvm_vcpu_events *events)
{
	if (events->flags & KVM_VCPUEVENT_VALID_SIPI_VECTOR)
		lapic->sipi_vector = events->sipi_vector;
	if (!(events->flags & KVM_VCPUEVENT_VALID_SMM))
		return;
	if (events->smi.latched_init)
		set_bit(OSP_LAPIC_EV_INIT, &lapic->events);
	else
		clear_bit(OSP_LAPIC_EV_INIT, &lapic->events);
}

/**
 * osp_set_vcpu_events() - KVM_SET_VCPU_EVENTS
 * @vcpu: the vCPU
 * @data: struct kvm_vcpu_events
 *
 * Return: 0; -EINVAL for an unknown flag, for an exception that is none, or
 * for system management mode.
 */
int osp_set_vcpu_events(struct osp_vcpu *vcpu, void *data)
{
	const struct kvm_vcpu_events *events = data;

	if (!valid_events(events))
		return -EINVAL;
	take_posted_nmi(vcpu);
	vcpu->exception = exception_of(events);
	vcpu->event.info = 0;
	if (!vcpu->lapic)
		vcpu->user_irq = -1;
	if (events->interrupt.injected && !events->interrupt.soft)
		osp_accept_interrupt(vcpu, events->interrupt.nr);
	if (events->nmi.injected)
		vcpu->event = (struct osp_event){
			.info = INTR_INFO_VALID_MASK | INTR_TYPE_NMI_INTR |
				X86_TRAP_NMI,
		};
	if (events->flags & KVM_VCPUEVENT_VALID_NMI_PENDING)
		vcpu->nmi_pending = events->nmi.pending;
	set_interruptibility(vcpu, events);
	if (vcpu->lapic)
		set_lapic_events(vcpu->lapic, events);
	osp_request(vcpu, OSP_REQ_EVENT);
	return 0;
}

/**
 * osp_ioctl_interrupt() - KVM_INTERRUPT
 * @vcpu: the vCPU
 * @data: struct kvm_interrupt
 *
 * With local APICs in the kernel, but not the PIC, it is the PIC's (ExtINT).
 *
 * Return: 0; -EINVAL for what is no vector; -ENXIO if the PIC is in the kernel;
 * -EEXIST if the one before still waits for LINT0 to let it in.
 */
int osp_ioctl_interrupt(struct osp_vcpu *vcpu, void *data)
{
	const struct kvm_interrupt *interrupt = data;

	if (interrupt->irq >= KVM_NR_INTERRUPTS)
		return -EINVAL;
	if (!osp_user_pic(vcpu))
		return -ENXIO;
	if (vcpu->lapic && vcpu->user_irq >= 0)
		return -EEXIST;
	vcpu->user_irq = interrupt->irq;
	osp_request(vcpu, OSP_REQ_EVENT);
	return 0;
}

/**
 * osp_ioctl_nmi() - KVM_NMI
 * @vcpu: the vCPU
 * @data: none
 *
 * Return: 0.
 */
int osp_ioctl_nmi(struct osp_vcpu *vcpu, void *data)
{
	vcpu->nmi_pending = true;
	osp_request(vcpu, OSP_REQ_EVENT);
	return 0;
}

/**
 * osp_get_debugregs() - KVM_GET_DEBUGREGS
 * @vcpu: the vCPU
 * @data: struct kvm_debugregs
 *
 * Return: 0.
 */
int osp_get_debugregs(struct osp_vcpu *vcpu, void *data)
{
	struct kvm_debugregs *regs = data;

	memcpy(regs->db, vcpu->db, sizeof(regs->db));
	regs->dr6 = vcpu->dr6;
	regs->dr7 = osp_vmx_dr7(vcpu);
	return 0;
}

/**
 * osp_set_debugregs() - KVM_SET_DEBUGREGS
 * @vcpu: the vCPU
 * @data: struct kvm_debugregs
 *
 * Return: 0; -EINVAL for flags, and for bits 63:32 of DR6 and DR7, which are
 * reserved.
 */
int osp_set_debugregs(struct osp_vcpu *vcpu, void *data)
{
	const struct kvm_debugregs *regs = data;

	if (regs->flags || regs->dr6 >> 32 || regs->dr7 >> 32)
		return -EINVAL;
	memcpy(vcpu->db, regs->db, sizeof(vcpu->db));
	vcpu->dr6 = (regs->dr6 & ~DR6_RESERVED) | DR6_RESERVED;
	osp_vmx_set_dr7(vcpu, regs->dr7);
	return 0;
}
