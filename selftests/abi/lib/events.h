/* SPDX-License-Identifier: GPL-2.0 */
/*
 * events.h - eventfds, interrupt routes and lines, and the Interrupt Remapping
 * Table, for the tests that use them.
 */
#ifndef ABI_EVENTS_H
#define ABI_EVENTS_H

#include <linux/ospite.h>

#include "abi.h"

int event_new(u64 count);
u64 event_take(int fd);
void event_add(int fd, u64 n);

int irqfd(struct vm *vm, int fd, u32 gsi, u32 flags, int resamplefd);
int ioevent(struct vm *vm, int fd, u64 addr, u32 len, u32 flags, u64 match);

#define ROUTE_PIN(g, c, p) {						\
	.gsi = (g), .type = KVM_IRQ_ROUTING_IRQCHIP,			\
	.u.irqchip = { .irqchip = (c), .pin = (p) } }
#define ROUTE_MSI(g, dest, d) {						\
	.gsi = (g), .type = KVM_IRQ_ROUTING_MSI,			\
	.u.msi = { .address_lo = 0xfee00000u | (dest) << 12, .data = (d) } }

int set_routes(struct vm *vm, const struct kvm_irq_routing_entry *e, u32 nr);
void irq_line(struct vm *vm, u32 gsi, u32 level);
void sync_to(struct vcpu *v, u32 want);

struct vm *irt_vm(void);
struct ospite_irt_entry irt_message(u32 gsi, u32 dest, u8 vector);
int irt_set(struct vm *vm, const struct ospite_irt_entry *e);
u32 irt_get(struct vm *vm, struct ospite_irt_entry **entries);
struct ospite_irt_entry irt_find(struct vm *vm, u32 gsi);

#endif
