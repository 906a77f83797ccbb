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
 * entry is retargeted with one store (osp_irt_set_entry()) while interrupts
 * flow: a request goes by the old route or by the new one, and none is lost.
 * Requests are looked up without a lock.  Writers are serialized by the caller.
 */
#ifndef OSP_IRT_H
#define OSP_IRT_H

#include <linux/kvm.h>
#include "../plain.h"
#include "apic_msg.h"

/* Numbers of requests: KVM_CAP_IRQ_ROUTING. */
#define OSP_IRT_MAX		4096

/* Entries are allocated so many at a time, when one of them is first set. */
#define OSP_IRT_CHUNK		64

/* Where a request goes: bits 3:0 of a route. */
enum osp_irt_kind {
	OSP_IRT_NONE = 0,	/* no entry: the request is ignored */
	OSP_IRT_PINS,		/* pins of PIC and I/O APIC */
	OSP_IRT_APIC,		/* a message to local APICs */
	OSP_IRT_EVENTFD,	/* the target in the route is signalled */
	OSP_IRT_BLOCKED,	/* counted and dropped */
};

/**
 * struct osp_irt_entry - a row of the table
 * @route:	made by osp_irt_route_*(); written and read whole
 * @delivered:	requests that became a new interrupt
 * @coalesced:	requests that met the same one still pending
 * @dropped:	requests that were masked, refused or blocked
 */
struct osp_irt_entry {
	u64 route;
	atomic64_t delivered;
	atomic64_t coalesced;
	atomic64_t dropped;
};

struct osp_irt_chunk {
	struct osp_irt_entry entry[OSP_IRT_CHUNK];
};

/**
 * struct osp_irt_table - the entries of a VM
 * @pin_gsi:	the request whose entry names a pin, or -1
 * @chunk:	the entries; NULL where none was ever set
 */
struct osp_irt_table {
	s16 pin_gsi[KVM_NR_IRQCHIPS][KVM_IOAPIC_NUM_PINS];
	struct osp_irt_chunk *chunk[OSP_IRT_MAX / OSP_IRT_CHUNK];
};

/**
 * struct osp_irt_ops - where requests come out
 * @pin:	move the line of a pin; KVM_IRQCHIP_* and the pin within it
 * @apic:	send a message; returns as osp_apic_bus_deliver()
 * @eventfd:	signal the target of a route
 * @release:	no route has that target any more; may sleep
 * @trace:	a request was dealt with (@status as osp_irt_raise() returns
 *		it); called while someone listens
 *
 * Any context, but @release.
 */
struct osp_irt_ops {
	int (*pin)(void *ctx, u32 chip, u32 pin, u32 source, bool level,
		   bool line_status);
	int (*apic)(void *ctx, const struct osp_apic_msg *msg,
		    bool *coalesced);
	void (*eventfd)(void *ctx, void *target);
	void (*release)(void *ctx, void *target);
	void (*trace)(void *ctx, int gsi, u64 route, int status,
		      bool coalesced);
};

/**
 * struct osp_irt - the Interrupt Remapping Table of a VM
 * @table:	its entries; NULL until one is set
 * @ops:	where requests come out
 * @ctx:	handed to @ops
 * @pins:	PIC and I/O APIC are in the kernel
 * @ids32:	KVM_X2APIC_API_USE_32BIT_IDS: MSIs have destinations of 32 bits,
 *		in address_hi too; written once, from false to true
 */
struct osp_irt {
	struct osp_irt_table __rcu *table;
	const struct osp_irt_ops *ops;
	void *ctx;
	bool pins;
	bool ids32;
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
 * osp_irt_destroy() - free the table and release its targets
 * @irt:	nobody uses it any more; may be of zeroes
 */
void osp_irt_destroy(struct osp_irt *irt);

/**
 * osp_irt_copy() - a table that sends each request where another does
 * @irt:	has no table yet
 * @from:	its writers are kept away by the caller
 *
 * Counts begin anew.  Requests that lead out of the kernel are blocked, as what
 * they lead to belongs to the other's owner.
 * Context: may sleep.
 * Return: 0 or -ENOMEM; then osp_irt_destroy() frees what there is.
 */
int osp_irt_copy(struct osp_irt *irt, const struct osp_irt *from);

/**
 * osp_irt_set() - replace the table whole: KVM_SET_GSI_ROUTING
 * @irt:	the table's owner
 * @e:		the entries
 * @nr:		how many
 * @old:	the table replaced, or NULL; for osp_irt_retire() once no RCU
 *		reader can hold it
 *
 * Context: may sleep; writers serialized by the caller.
 * Return: 0; -EINVAL for a GSI of 4,096 or above, an unknown type, chip or
 * pin, flags that are not KVM's, or a GSI twice to the same chip or with
 * another entry beside a message, and with 32-bit IDs a message whose address_hi
 * has bits 7:0 set; -ENOMEM.  On error nothing has changed.
 */
int osp_irt_set(struct osp_irt *irt, const struct kvm_irq_routing_entry *e,
		u32 nr, struct osp_irt_table **old);

/**
 * osp_irt_retire() - free a table that was replaced
 * @irt:	the table's owner
 * @old:	from osp_irt_set(); no reader has it any more
 *
 * What it has counted is added to the entries of the same number, so that no
 * request is missing in the counts of the whole.
 * Context: may sleep; writers serialized by the caller.
 */
void osp_irt_retire(struct osp_irt *irt, struct osp_irt_table *old);

/**
 * osp_irt_set_entry() - send a request elsewhere from now on
 * @irt:	the table's owner
 * @gsi:	0 to OSP_IRT_MAX - 1
 * @route:	where to; its pins must exist
 * @old:	the route it had.  Its target, if it is an eventfd, is the caller's
 *		once no RCU reader can hold it
 *
 * The entry's counts go on.
 * Context: may sleep; writers serialized by the caller.
 * Return: 0; -EINVAL for another @gsi; -ENOMEM.  On error nothing has changed.
 */
int osp_irt_set_entry(struct osp_irt *irt, u32 gsi, u64 route, u64 *old);

/**
 * osp_irt_entry() - find an entry
 * @table:	under RCU, or as a writer; may be NULL
 * @gsi:	any number
 *
 * Return: the entry, which may still be OSP_IRT_NONE; or NULL.
 */
struct osp_irt_entry *osp_irt_entry(const struct osp_irt_table *table,
				    u32 gsi);

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
 * osp_irt_pulse() - an interrupt request that is an edge: up and down
 * @irt:	the table's owner
 * @gsi:	any number; one without entry is ignored
 * @source:	0 to 7, who asks
 *
 * Any context.
 * Return: as osp_irt_raise().
 */
int osp_irt_pulse(struct osp_irt *irt, u32 gsi, u32 source);

/**
 * osp_irt_msi() - a request without a number: KVM_SIGNAL_MSI
 * @irt:	the table's owner; any context
 * @address_lo:	SDM 3A 11.11.1
 * @address_hi:	of use with 32-bit IDs only: bits 31:8 of the destination
 * @data:	SDM 3A 11.11.2
 *
 * Return: as osp_irt_raise(); with 32-bit IDs -EINVAL for bits 7:0 of @address_hi.
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
 * osp_irt_route_eventfd() - a route out of the kernel
 * @target:	for ops->eventfd(); aligned to 16 bytes
 */
static inline u64 osp_irt_route_eventfd(void *target)
{
	return (u64)(unsigned long)target | OSP_IRT_EVENTFD;
}

/**
 * osp_irt_route_target() - the target of such a route
 * @route:	of an entry, read whole
 *
 * Return: the target; NULL if the route leads elsewhere.
 */
static inline void *osp_irt_route_target(u64 route)
{
	return (route & 15) == OSP_IRT_EVENTFD ?
	       (void *)(unsigned long)(route & ~15ULL) : NULL;
}

/**
 * osp_irt_route_decode() - what a route says
 * @irt:	the table's owner
 * @route:	of an entry, read whole
 * @kind:	set
 * @pins:	set; all -1 unless @kind is OSP_IRT_PINS
 * @msg:	set; of use if @kind is OSP_IRT_APIC
 */
void osp_irt_route_decode(const struct osp_irt *irt, u64 route,
			  enum osp_irt_kind *kind, s8 pins[KVM_NR_IRQCHIPS],
			  struct osp_apic_msg *msg);

#endif /* OSP_IRT_H */
