/* SPDX-License-Identifier: GPL-2.0 */
/*
 * lapic.h - local APICs from the outside: KVM_GET_LAPIC, KVM_SET_LAPIC, and who
 * of vCPUs that never run has got a message.
 */
#ifndef ABI_LAPIC_H
#define ABI_LAPIC_H

#include "abi.h"

u32 *lapic_reg(struct kvm_lapic_state *s, u32 offset);
void lapic_get(struct vcpu *v, struct kvm_lapic_state *s);
void lapic_set(struct vcpu *v, const struct kvm_lapic_state *s);
void lapic_mode(struct vcpu *v, bool x2apic);
u32 lapics_reached(struct vcpu **v, u32 nr, u32 vector);
int lapic_msi(struct vm *vm, u32 low, u32 high, u32 data);

#endif
