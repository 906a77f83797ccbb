// SPDX-License-Identifier: GPL-2.0
/*
 * lapic.c - local APICs from the outside: see lapic.h.
 */
#include "abi.h"
#include "apic.h"
#include "lapic.h"

/**
 * lapic_reg() - a register in the state of a local APIC
 * @s: the state
 * @offset: of the register
 */
u32 *lapic_reg(struct kvm_lapic_state *s, u32 offset)
{
	return (u32 *)(s->regs + offset);
}

/**
 * lapic_get() - the state of a vCPU's local APIC
 * @v: the vCPU
 * @s: filled
 */
void lapic_get(struct vcpu *v, struct kvm_lapic_state *s)
{
	MUST(ioctl(v->fd, KVM_GET_LAPIC, s));
}

/**
 * lapic_set() - replace it
 * @v: the vCPU
 * @s: the new state
 */
void lapic_set(struct vcpu *v, const struct kvm_lapic_state *s)
{
	MUST(ioctl(v->fd, KVM_SET_LAPIC, s));
}

/**
 * lapic_mode() - xAPIC or x2APIC mode, enabled in either
 * @v: the vCPU
 * @x2apic: x2APIC mode
 */
void lapic_mode(struct vcpu *v, bool x2apic)
{
	struct kvm_sregs sregs;

	get_sregs(v, &sregs);
	sregs.apic_base |= APIC_BASE_EN | (x2apic ? APIC_BASE_EXTD : 0);
	set_sregs(v, &sregs);
}

/**
 * lapics_reached() - who has an interrupt pending
 * @v: vCPUs that have not run since it was sent
 * @nr: how many, 32 at most
 * @vector: the interrupt's
 *
 * Return: a bit for each of @v.
 */
u32 lapics_reached(struct vcpu **v, u32 nr, u32 vector)
{
	struct kvm_lapic_state s;
	u32 map = 0, i;

	for (i = 0; i < nr; i++) {
		lapic_get(v[i], &s);
		if (*lapic_reg(&s, APIC_IRR(vector)) & BIT(vector % 32))
			map |= BIT(i);
	}
	return map;
}

/**
 * lapic_msi() - send a message: KVM_SIGNAL_MSI
 * @vm: the VM
 * @low: bits 19:0 of the address (SDM 3A 11.11.1)
 * @high: its upper half
 * @data: the data
 *
 * Return: what the ioctl returns.
 */
int lapic_msi(struct vm *vm, u32 low, u32 high, u32 data)
{
	struct kvm_msi m = {
		.address_lo = APIC_BASE_ADDR | low, .address_hi = high,
		.data = data,
	};

	return ioctl(vm->fd, KVM_SIGNAL_MSI, &m);
}
