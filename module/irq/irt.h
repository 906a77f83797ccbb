/* SPDX-License-Identifier: GPL-2.0 */
/*
 * irt.h - the Interrupt Remapping Table of a VM.
 *
 * The one place where an interrupt request, by its number (GSI), is turned
 * into an interrupt: of one or several vCPUs, of a pin of PIC or I/O APIC, a
 * signal to an eventfd, or nothing.
 *
 * Owns struct osp_irt and its table.  A table is replaced whole under RCU by
 * osp_irt_set(); within it an entry's route is one 64-bit word, so that one
 * entry is retargeted with one store while interrupts flow, and a request is
 * looked up without a lock.  Writers are serialized by the caller.
 */
#ifndef OSP_IRT_H
#define OSP_IRT_H

#include <linux/kvm.h>
#include "../plain.h"
#include "apic_msg.h"

/* Numbers of requests: KVM_CAP_IRQ_ROUTING. */
#define OSP_IRT_MAX		4096

/* Where a request goes: bits 3:0 of a route. */
enum osp_irt_kind {
	OSP_IRT_NONE = 0,	/* no entry: the request is ignored */
	OSP_IRT_PINS,		/* pins of PIC and I/O APIC */
	OSP_IRT_APIC,		/* a message to local APICs */
	OSP_IRT_EVENTFD,	/* osp_irt_entry.target is signalled */
	OSP_IRT_BLOCKED,	/* counted and dropped */
};

/**
 * struct osp_irt_entry - a row of the table
 * @route:	made by osp_irt_route_*(); written and read whole
 * @target:	of OSP_IRT_EVENTFD
 * @delivered:	requests that became a new interrupt
 * @coalesced:	requests that met the same one still pending
 * @dropped:	requests that were masked, refused or blocked
 */
struct osp_irt_entry {
	u64 route;
	void *target;
	atomic64_t delivered;
	atomic64_t coalesced;
	atomic64_t dropped;
};

struct osp_irt_table {
	u32 nr;
	s16 pin_gsi[KVM_NR_IRQCHIPS][KVM_IOAPIC_NUM_PINS];
	struct osp_irt_entry entry[];
};

/**
 * struct osp_irt_ops - where requests come out
 * @pin:	move the line of a pin; KVM_IRQCHIP_* and the pin within it
 * @apic:	send a message; returns as osp_apic_bus_deliver()
 * @eventfd:	signal an entry's target
 *
 * Any context.
 */
struct osp_irt_ops {
	int (*pin)(void *ctx, u32 chip, u32 pin, u32 source, bool level,
		   bool line_status);
	int (*apic)(void *ctx, const struct osp_apic_msg *msg,
		    bool *coalesced);
	void (*eventfd)(void *ctx, void *target);
};

struct osp_irt {
	struct osp_irt_table __rcu *table;
	const struct osp_irt_ops *ops;
	void *ctx;
	bool pins;	/* PIC and I/O APIC are in the kernel */
};

/**
 * osp_irt_init() - prepare; until a table is set all requests are ignored
 * @irt:	cleared here
 * @ops:	where requests come out; all must be set
 * @ctx:	handed to @ops
 * @pins:	PIC and I/O APIC are in the kernel, so routes may name their pins
 */
void osp_irt_init(struct osp_irt *irt, const struct osp_irt_ops *ops,
		  void *ctx, bool pins);

/**
 * osp_irt_destroy() - free the table
 * @irt:	nobody uses it any more
 */
void osp_irt_destroy(struct osp_irt *irt);

/**
 * osp_irt_set() - replace the table whole: KVM_SET_GSI_ROUTING
 * @irt:	the table's owner
 * @e:		the entries
 * @nr:		how many
 * @old:	the table replaced; free it with osp_free() once no RCU reader
 *		can hold it
 *
 * Context: may sleep; writers serialized by the caller.
 * Return: 0; -EINVAL for a GSI of 4,096 or above, an unknown type, chip or
 * pin, flags that are not KVM's, or a GSI twice to the same chip or with
 * another entry beside a message; -ENOMEM.  On error nothing has changed.
 */
int osp_irt_set(struct osp_irt *irt, const struct kvm_irq_routing_entry *e,
		u32 nr, struct osp_irt_table **old);

/**
 * osp_irt_set_default() - the first table, of KVM_CREATE_IRQCHIP
 * @irt:	without a table yet
 *
 * GSI n goes to I/O APIC pin n, those up to 15 also to the PIC.
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int osp_irt_set_default(struct osp_irt *irt);

/**
 * osp_irt_raise() - an interrupt request
 * @irt:	the table's owner
 * @gsi:	any number; one without entry is ignored
 * @source:	0 to 7, who asks: a line is up while any source holds it
 * @level:	up or down; a message is sent when it goes up
 * @line_status: see osp_ioapic_set_irq()
 *
 * Any context.
 * Return: KVM's status: number of CPUs or pins reached, 0 coalesced, -1
 * ignored.
 */
int osp_irt_raise(struct osp_irt *irt, u32 gsi, u32 source, bool level,
		  bool line_status);

/**
 * osp_irt_msi() - a request without a number: KVM_SIGNAL_MSI
 * @irt:	the table's owner; any context
 * @address_lo:	SDM 3A 11.11.1
 * @address_hi:	ignored without KVM_CAP_X2APIC_API
 * @data:	SDM 3A 11.11.2
 *
 * Return: as osp_irt_raise().
 */
int osp_irt_msi(struct osp_irt *irt, u32 address_lo, u32 address_hi,
		u32 data);

/**
 * osp_irt_pin_gsi() - the request whose entry names a pin
 * @irt:	the table's owner; any context
 * @chip:	KVM_IRQCHIP_*
 * @pin:	within that chip
 *
 * Return: the GSI, of several the one set last, or -1.
 */
int osp_irt_pin_gsi(struct osp_irt *irt, u32 chip, u32 pin);

/**
 * osp_irt_gsi_pin() - the pin that a request's entry names
 * @irt:	the table's owner; any context
 * @gsi:	the request
 * @chip:	KVM_IRQCHIP_*
 *
 * Return: the pin within that chip, or -1.
 */
int osp_irt_gsi_pin(struct osp_irt *irt, u32 gsi, u32 chip);

/**
 * osp_irt_route_pins() - a route to pins
 * @pins:	per KVM_IRQCHIP_*, a pin or -1
 */
u64 osp_irt_route_pins(const s8 pins[KVM_NR_IRQCHIPS]);

/**
 * osp_irt_route_apic() - a route to local APICs
 * @msg:	what is sent; assert and shorthand are of no use
 */
u64 osp_irt_route_apic(const struct osp_apic_msg *msg);

/**
 * osp_irt_route_decode() - what a route says
 * @route:	of an entry, read whole
 * @kind:	set
 * @pins:	set; all -1 unless @kind is OSP_IRT_PINS
 * @msg:	set; of use if @kind is OSP_IRT_APIC
 */
void osp_irt_route_decode(u64 route, enum osp_irt_kind *kind,
			  s8 pins[KVM_NR_IRQCHIPS], struct osp_apic_msg *msg);

#endif /* OSP_IRT_H */
