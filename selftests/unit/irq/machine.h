/* SPDX-License-Identifier: GPL-2.0 */
/*
 * machine.h - a machine for the interrupt controllers to live in: a clock
 * that the test moves, local APICs whose kicks and EOIs are counted, and the
 * other chips wired to them as the kernel glue wires them.
 */
#ifndef MACHINE_H
#define MACHINE_H

#include "../../../module/irq/apic_bus.h"
#include "../../../module/irq/ioapic.h"
#include "../../../module/irq/irt.h"
#include "../../../module/irq/lapic.h"
#include "../../../module/irq/pic.h"
#include "../../../module/irq/pit.h"

#define MACHINE_CPUS	24

struct machine;

struct cpu {
	struct osp_lapic apic;
	u8 page[4096] __aligned(4096);
	struct machine *m;
	bool present;
	u64 timer;		/* armed for this time, 0: not */
	u32 arms, cancels;
	u32 kicks, eois, enables;
	u8 eoi_vector;
};

struct machine {
	u64 now;		/* ns */
	u64 tsc_offset;		/* TSC = now * tsc_mul + offset */
	u64 tsc_mul;
	struct osp_apic_bus bus;
	struct osp_ioapic ioapic;
	struct osp_pic pic;
	struct osp_pit pit;
	struct osp_irt irt;
	u32 signals;		/* of IRT entries to eventfds */
	void *signalled;
	u32 releases;		/* of such eventfds */
	void *released;
	u32 traces;		/* of requests through the IRT */
	int traced_gsi;
	bool traced_coalesced;
	struct cpu cpu[MACHINE_CPUS];
};

/* The machine (there is one at a time) anew: time 1 s, APICs 0 to @cpus - 1. */
struct machine *machine_new(u32 cpus);
void machine_free(struct machine *m);

/* One more CPU, in slot @slot, with APIC ID @id. Returns its local APIC. */
struct osp_lapic *machine_add(struct machine *m, u32 slot, u32 id);

/* Let time pass to @ns from now; APIC timers fire when they are due. */
void machine_run(struct machine *m, u64 ns);

/* xAPIC register access. */
u32 rd(struct osp_lapic *apic, u32 offset);
void wr(struct osp_lapic *apic, u32 offset, u32 val);

/* Software-enable it; switch it to x2APIC mode (CPUID says it may). */
void enable(struct osp_lapic *apic);
void to_x2apic(struct osp_lapic *apic);

/* Take the pending interrupt as a CPU would, or return -1. */
int take(struct osp_lapic *apic);

#endif /* MACHINE_H */
