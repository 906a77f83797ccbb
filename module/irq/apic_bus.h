/* SPDX-License-Identifier: GPL-2.0 */
/*
 * apic_bus.h - all local APICs of a VM, and how a message finds its own.
 *
 * Owns the table of local APICs, by APIC ID, read under RCU; writers are
 * serialized by the caller (the VM's mutex).  Delivery takes no lock and may
 * be done in any context.
 *
 * SDM 3A 11.6.2 (destinations), 11.7 (lowest priority is in 11.6.2.4).
 */
#ifndef OSP_APIC_BUS_H
#define OSP_APIC_BUS_H

#include "../plain.h"
#include "apic_msg.h"

struct osp_lapic;

/* Largest APIC ID + 1: KVM's KVM_MAX_VCPU_IDS on x86. */
#define OSP_APIC_MAX_IDS	4096

struct osp_apic_table {
	struct rcu_head rcu;
	u32 nr;
	struct osp_lapic *apic[];
};

/**
 * struct osp_apic_bus - the local APICs of a VM
 * @table:	by x2APIC ID; NULL where there is no vCPU
 * @no_quirk:	KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK: to x2APICs, a device's
 *		message to FFH is for who has that ID; written once
 * @pic:	a PIC in the kernel supplies the vectors of ExtINT messages; never
 *		changes
 * @ids_moved:	a guest gave an APIC another xAPIC ID than its vCPU ID, so
 *		that physical destinations must be searched for
 * @eoi_watch:	vectors whose EOI somebody waits for (the EOI-exit bitmap)
 * @eoi_watch_gen: counts changes of @eoi_watch
 */
struct osp_apic_bus {
	struct osp_apic_table __rcu *table;
	bool no_quirk;
	bool pic;
	bool ids_moved;
	u32 eoi_watch_gen;
	DECLARE_BITMAP(eoi_watch, 256);
};

/**
 * osp_apic_bus_add() - a local APIC may be found from now on
 * @bus:	the bus
 * @apic:	the local APIC; found by its @id
 *
 * Context: may sleep; additions and removals serialized by the caller.
 * Return: 0, -EEXIST (that ID is there), -EINVAL (ID too large), -ENOMEM.
 */
int osp_apic_bus_add(struct osp_apic_bus *bus, struct osp_lapic *apic);

/**
 * osp_apic_bus_remove() - a local APIC is not found any more
 * @bus:	the bus
 * @apic:	the local APIC; RCU readers may still hold it
 *
 * Context: serialized with additions by the caller.
 */
void osp_apic_bus_remove(struct osp_apic_bus *bus, struct osp_lapic *apic);

/**
 * osp_apic_bus_destroy() - free the table
 * @bus:	nobody uses it any more
 */
void osp_apic_bus_destroy(struct osp_apic_bus *bus);

/**
 * osp_apic_bus_watch_eois() - change the vectors whose EOI somebody waits for
 * @bus:	the bus
 * @watch:	256 bits
 *
 * Each vCPU is told: it compares @eoi_watch_gen before it runs guest code again.
 * Context: any; writers serialized by the caller.
 */
void osp_apic_bus_watch_eois(struct osp_apic_bus *bus,
			     const unsigned long *watch);

/**
 * osp_apic_bus_deliver() - send a message to all APICs it is meant for
 * @bus:	the bus
 * @src:	the sending APIC, or NULL for I/O APIC and MSI
 * @msg:	the message
 * @coalesced:	if not NULL: set to whether every APIC that accepted already
 *		had that vector pending
 *
 * Any context.
 * Return: as KVM: how many accepted it; -1 for a broadcast that found no one.
 */
int osp_apic_bus_deliver(struct osp_apic_bus *bus, struct osp_lapic *src,
			 const struct osp_apic_msg *msg, bool *coalesced);

#endif /* OSP_APIC_BUS_H */
