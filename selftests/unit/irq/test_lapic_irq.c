// SPDX-License-Identifier: GPL-2.0
/*
 * test_lapic_irq.c - how interrupts and other events go through the local APIC:
 * posted, in IRR and ISR, by priority; taken by the owner, or by a CPU that delivers
 * from the page.  SDM 3A chapter 11, 3C chapter 30; KVM for what the SDM leaves open.
 */
#include "machine.h"
#include "tap.h"

/* ---- priorities ---- */

static void test_priorities(void)
{
	struct machine *m = machine_new(1);
	struct osp_lapic *a = &m->cpu[0].apic;

	enable(a);
	osp_lapic_deliver(a, OSP_APIC_FIXED, 0x31, true, false);
	osp_lapic_deliver(a, OSP_APIC_FIXED, 0x72, true, false);
	osp_lapic_deliver(a, OSP_APIC_FIXED, 0x7f, true, false);
	osp_lapic_deliver(a, OSP_APIC_FIXED, 0xe0, true, false);
	IS(osp_lapic_pending(a), 0xe0, "the highest first");
	wr(a, 0x80, 0xe0);
	IS(osp_lapic_pending(a), -1, "TPR holds its own class back");
	wr(a, 0x80, 0xdf);
	IS(osp_lapic_pending(a), 0xe0, "but not the next");
	wr(a, 0x80, 0);
	IS(take(a), 0xe0, "taken");
	IS(rd(a, 0xa0), 0xe0, "PPR is its class");
	IS(rd(a, 0x170), 1, "ISR bit E0H");
	IS(rd(a, 0x270), 0, "IRR bit E0H gone");
	IS(osp_lapic_pending(a), -1, "lower ones wait");
	osp_lapic_deliver(a, OSP_APIC_FIXED, 0xef, true, false);
	IS(osp_lapic_pending(a), -1, "the same class too");
	osp_lapic_deliver(a, OSP_APIC_FIXED, 0xf0, true, false);
	IS(take(a), 0xf0, "a higher class nests");
	wr(a, 0xb0, 0);
	IS(rd(a, 0xa0), 0xe0, "EOI ends the highest");
	wr(a, 0xb0, 0);
	IS(take(a), 0xef, "then the next");
	wr(a, 0x80, 0xf5);
	IS(rd(a, 0xa0), 0xf5, "PPR is all of TPR where that is higher");
	wr(a, 0x80, 0xe3);
	IS(rd(a, 0xa0), 0xe3, "also at equal class");
	wr(a, 0x80, 0);
	wr(a, 0xb0, 0);
	IS(take(a), 0x7f, "7FH before 72H");
	wr(a, 0xb0, 0);
	IS(take(a), 0x72, "then 72H");
	wr(a, 0xb0, 0);
	IS(take(a), 0x31, "and 31H last");
	wr(a, 0xb0, 0);
	IS(rd(a, 0xa0), 0, "PPR back to 0");
	wr(a, 0xb0, 0);
	IS(rd(a, 0xa0), 0, "an EOI without interrupt does nothing");
	machine_free(m);
}

static void test_cr8(void)
{
	struct machine *m = machine_new(1);
	struct osp_lapic *a = &m->cpu[0].apic;

	wr(a, 0x80, 0x5c);
	IS(osp_lapic_get_cr8(a), 5, "CR8 is TPR 7:4");
	osp_lapic_set_cr8(a, 9);
	IS(rd(a, 0x80), 0x90, "MOV to CR8 clears TPR 3:0");
	IS(rd(a, 0xa0), 0x90, "and moves PPR");
	/* With a TPR shadow the CPU writes the page by itself. */
	enable(a);
	osp_lapic_deliver(a, OSP_APIC_FIXED, 0x95, true, false);
	IS(osp_lapic_pending(a), -1, "held back");
	osp_lapic_set_reg(a, OSP_APIC_TPR, 0x80);
	IS(osp_lapic_pending(a), 0x95, "a TPR the CPU lowered counts at once");
	machine_free(m);
}

/* ---- delivery ---- */

static void test_post(void)
{
	struct machine *m = machine_new(1);
	struct cpu *cpu = &m->cpu[0];
	struct osp_lapic *a = &cpu->apic;

	IS(osp_lapic_deliver(a, OSP_APIC_FIXED, 0x30, true, false), 0,
	   "software-disabled: refused");
	IS(osp_lapic_deliver(a, OSP_APIC_NMI, 0, true, false), 1,
	   "but not NMI");
	OK(osp_lapic_take_event(a, OSP_LAPIC_EV_NMI), "it is pending");
	OK(!osp_lapic_take_event(a, OSP_LAPIC_EV_NMI), "once");
	enable(a);
	cpu->kicks = 0;
	IS(osp_lapic_deliver(a, OSP_APIC_FIXED, 0x30, true, false), 1, "new");
	IS(osp_lapic_deliver(a, OSP_APIC_FIXED, 0x30, true, false), 2,
	   "coalesced in PIR");
	IS(cpu->kicks, 1, "one kick until the vCPU looks");
	OK(osp_lapic_attention(a), "there is something to look at");
	IS(osp_lapic_pending(a), 0x30, "seen");
	OK(!osp_lapic_attention(a), "and seen");
	IS(osp_lapic_deliver(a, OSP_APIC_FIXED, 0x30, true, false), 2,
	   "coalesced in IRR");
	IS(cpu->kicks, 2, "kicked again");
	IS(take(a), 0x30, "taken");
	IS(osp_lapic_pending(a), -1, "as one");
	IS(osp_lapic_deliver(a, OSP_APIC_FIXED, 0x30, true, false), 1,
	   "in service: a new one queues behind");
	IS(osp_lapic_pending(a), -1, "and waits");
	wr(a, 0xb0, 0);
	IS(take(a), 0x30, "which comes after EOI");
	wr(a, 0xb0, 0);
	IS(take(a), -1, "and that was all");
	IS(osp_lapic_deliver(a, OSP_APIC_FIXED, 0x30, false, true), 0,
	   "a level de-assert is nothing");
	IS(osp_lapic_deliver(a, OSP_APIC_EXTINT, 0x30, true, false), 0,
	   "ExtINT without a PIC: nothing");
	IS(osp_lapic_deliver(a, OSP_APIC_REMOTE_READ, 0x30, true, false), 0,
	   "remote read is no more");
	IS(osp_lapic_deliver(a, OSP_APIC_SMI, 0, true, false), 1,
	   "SMI: accepted");
	IS(a->events, 0, "without effect");
	machine_free(m);
}

/* SDM 3A 11.11.2: the CPU asks the PIC for the vector, by a message or by LINT0. */
static void test_extint(void)
{
	struct machine *m = machine_new(1);
	struct osp_lapic *a = &m->cpu[0].apic;

	m->bus.pic = true;
	IS(osp_lapic_deliver(a, OSP_APIC_EXTINT, 0, true, false), 0,
	   "ExtINT to one that is software-disabled");
	enable(a);
	wr(a, 0x350, 0x10700);
	OK(!osp_lapic_accepts_extint(a), "LINT0 is masked");
	m->cpu[0].kicks = 0;
	IS(osp_lapic_deliver(a, OSP_APIC_EXTINT, 0, true, false), 1,
	   "ExtINT by a message");
	OK(osp_lapic_extint_sent(a), "asks for an INTA cycle all the same");
	IS(m->cpu[0].kicks, 1, "with a kick");
	IS(osp_lapic_deliver(a, OSP_APIC_EXTINT, 0, true, false), 2, "once");
	OK(osp_lapic_take_event(a, OSP_LAPIC_EV_EXTINT), "acknowledged");
	OK(!osp_lapic_extint_sent(a), "and over");
	wr(a, 0x300, 0x44700);
	OK(!osp_lapic_extint_sent(a), "an ICR can't send it");
	wr(a, 0x350, 0x700);
	OK(osp_lapic_accepts_extint(a), "LINT0 as ExtINT");
	IS(osp_lapic_local(a, OSP_APIC_LVT_LINT0), 0, "is a wire, no event");
	osp_lapic_deliver(a, OSP_APIC_EXTINT, 0, true, false);
	osp_lapic_reset(a, true);
	OK(!osp_lapic_extint_sent(a), "INIT forgets it");
	machine_free(m);
}

static void test_events(void)
{
	struct machine *m = machine_new(1);
	struct osp_lapic *a = &m->cpu[0].apic;

	osp_lapic_deliver(a, OSP_APIC_STARTUP, 0x9a, true, false);
	IS(a->sipi_vector, 0x9a, "SIPI's vector");
	IS(a->events, BIT(OSP_LAPIC_EV_SIPI), "SIPI pending");
	IS(osp_lapic_deliver(a, OSP_APIC_INIT, 0, false, true), 0,
	   "INIT level de-assert is ignored");
	IS(osp_lapic_deliver(a, OSP_APIC_INIT, 0, true, true), 1, "INIT");
	IS(a->events, BIT(OSP_LAPIC_EV_INIT), "INIT forgets an earlier SIPI");
	osp_lapic_deliver(a, OSP_APIC_STARTUP, 0x10, true, false);
	IS(a->events, BIT(OSP_LAPIC_EV_INIT) | BIT(OSP_LAPIC_EV_SIPI),
	   "a later one waits behind it");
	IS(m->cpu[0].kicks, 3, "each a kick");
	machine_free(m);
}

static void test_tmr_eoi(void)
{
	struct machine *m = machine_new(1);
	struct cpu *cpu = &m->cpu[0];
	struct osp_lapic *a = &cpu->apic;

	enable(a);
	set_bit(0x41, m->bus.eoi_watch);
	osp_lapic_deliver(a, OSP_APIC_FIXED, 0x41, true, true);
	osp_lapic_deliver(a, OSP_APIC_FIXED, 0x42, true, true);
	IS(rd(a, 0x1a0), 6, "TMR of level interrupts");
	IS(take(a), 0x42, "one that nobody watches");
	wr(a, 0xb0, 0);
	IS(cpu->eois, 0, "its EOI stays in the APIC");
	IS(take(a), 0x41, "one that is watched");
	OK(osp_lapic_broadcasts_eoi(a, 0x41), "would be broadcast");
	wr(a, 0xb0, 0);
	IS(cpu->eois, 1, "its EOI goes out");
	IS(cpu->eoi_vector, 0x41, "with its vector");
	osp_lapic_deliver(a, OSP_APIC_FIXED, 0x41, true, false);
	IS(rd(a, 0x1a0), 4, "an edge clears its TMR bit");
	OK(!osp_lapic_broadcasts_eoi(a, 0x41), "edges are not broadcast");
	osp_lapic_set_directed_eoi(a, true);
	IS(rd(a, 0x30), 0x1050014, "directed EOI in the version register");
	wr(a, 0xf0, 0x11ff);
	IS(rd(a, 0xf0), 0x11ff, "and its bit in SVR");
	OK(!osp_lapic_broadcasts_eoi(a, 0x42), "suppresses the broadcast");
	machine_free(m);
}

static void test_local(void)
{
	struct machine *m = machine_new(1);
	struct osp_lapic *a = &m->cpu[0].apic;

	enable(a);
	IS(osp_lapic_local(a, OSP_APIC_LVT_LINT1), 0, "masked: nothing");
	wr(a, 0x360, 0x400);
	IS(osp_lapic_local(a, OSP_APIC_LVT_LINT1), 1, "LINT1 as NMI");
	OK(osp_lapic_take_event(a, OSP_LAPIC_EV_NMI), "NMI is pending");
	wr(a, 0x340, 0x46);
	IS(osp_lapic_local(a, OSP_APIC_LVT_PMC), 1, "counter overflow");
	IS(take(a), 0x46, "by its vector");
	IS(rd(a, 0x340), 0x10046, "masks its entry");
	wr(a, 0x350, 0x8050);
	osp_lapic_local(a, OSP_APIC_LVT_LINT0);
	IS(take(a), 0x50, "a fixed level LINT0");
	IS(rd(a, 0x1a0), BIT(16), "with TMR set");
	machine_free(m);
}

/* ---- a CPU that delivers from the page: SDM 3C 30.2 ---- */

/* Virtual-interrupt delivery: from IRR to ISR, by RVI and SVI alone. */
static int cpu_delivers(struct osp_lapic *a, u8 *rvi, u8 *svi)
{
	u8 ppr = rd(a, 0x80), vector = *rvi;
	u32 reg = (vector >> 5) * 0x10, bit = 1u << (vector & 31);
	int top;

	if ((ppr & 0xf0) < (*svi & 0xf0))
		ppr = *svi & 0xf0;
	if ((vector & 0xf0) <= (ppr & 0xf0))
		return -1;
	osp_lapic_set_reg(a, 0x200 + reg, osp_lapic_reg(a, 0x200 + reg) & ~bit);
	osp_lapic_set_reg(a, 0x100 + reg, osp_lapic_reg(a, 0x100 + reg) | bit);
	*svi = vector;
	top = osp_lapic_top(a, 0x200);
	*rvi = top < 0 ? 0 : top;
	return vector;
}

/* What the owner of the VMCS does before an entry. */
static void tell_cpu(struct osp_lapic *a, u8 *rvi, u8 *svi)
{
	int top;

	osp_lapic_sync(a);
	if (a->rescan) {
		top = osp_lapic_top(a, 0x200);
		*rvi = top < 0 ? 0 : top;
		top = osp_lapic_top(a, 0x100);
		*svi = top < 0 ? 0 : top;
	} else if (a->raised > *rvi) {
		*rvi = a->raised;
	}
	a->raised = 0;
	a->rescan = false;
}

static void test_by_cpu(void)
{
	struct machine *m = machine_new(1);
	struct osp_lapic *a = &m->cpu[0].apic;
	u8 rvi = 0, svi = 0;

	enable(a);
	osp_lapic_deliver(a, OSP_APIC_FIXED, 0x31, true, false);
	IS(take(a), 0x31, "in service, by software");
	osp_lapic_deliver_by_cpu(a, true);
	tell_cpu(a, &rvi, &svi);
	IS(svi, 0x31, "SVI when the CPU takes over");
	IS(rvi, 0, "RVI");
	osp_lapic_deliver(a, OSP_APIC_FIXED, 0x41, true, false);
	osp_lapic_deliver(a, OSP_APIC_FIXED, 0x62, true, false);
	IS(osp_lapic_pending(a), 0x62, "what would end a HLT");
	tell_cpu(a, &rvi, &svi);
	IS(rvi, 0x62, "RVI is the highest that was posted");
	IS(cpu_delivers(a, &rvi, &svi), 0x62, "the CPU takes it");
	IS(rvi, 0x41, "and knows the next");
	IS(osp_lapic_in_service(a), 0x62, "in service");
	IS(osp_lapic_pending(a), -1, "the lower one waits");
	osp_lapic_self(a, 0x55, false);
	tell_cpu(a, &rvi, &svi);
	IS(rvi, 0x55, "one's own");
	IS(svi, 0x62, "leaves SVI alone");
	osp_lapic_self(a, 0x44, false);
	tell_cpu(a, &rvi, &svi);
	IS(rvi, 0x55, "a lower one leaves RVI alone");
	osp_lapic_eoi(a);
	tell_cpu(a, &rvi, &svi);
	IS(svi, 0x31, "an EOI that is emulated lowers SVI");
	IS(cpu_delivers(a, &rvi, &svi), 0x55, "and lets the next in");
	osp_lapic_deliver_by_cpu(a, false);
	osp_lapic_eoi(a);
	IS(take(a), 0x44, "software goes on where the CPU was");
	osp_lapic_eoi(a);
	IS(take(a), 0x41, "down");
	osp_lapic_eoi(a);
	IS(osp_lapic_in_service(a), 0x31, "to the first");
	osp_lapic_eoi(a);
	IS(osp_lapic_in_service(a), -1, "until nothing is left");
	machine_free(m);
}

static void test_reads_page(void)
{
	struct machine *m = machine_new(1);
	struct osp_lapic *a = &m->cpu[0].apic;

	to_x2apic(a);
	IS(osp_lapic_reads_page(a, 0x802), true, "ID is in the page");
	IS(osp_lapic_reads_page(a, 0x830), true, "ICR");
	IS(osp_lapic_reads_page(a, 0x839), false, "the current count is not");
	IS(osp_lapic_reads_page(a, 0x80b), false, "EOI raises #GP");
	IS(osp_lapic_reads_page(a, 0x80e), false, "as DFR does");
	IS(osp_lapic_reads_page(a, 0x831), false, "and ICR2");
	IS(osp_lapic_reads_page(a, 0x8ff), false, "and what is reserved");
	machine_free(m);
}

/* Bochs delivers what it should hold back; the module takes that back. */
static void test_unack(void)
{
	struct machine *m = machine_new(1);
	struct osp_lapic *apic = &m->cpu[0].apic;

	enable(apic);
	osp_lapic_deliver(apic, OSP_APIC_FIXED, 0x41, true, false);
	IS(osp_lapic_pending(apic), 0x41, "one in service");
	osp_lapic_ack(apic, 0x41);
	osp_lapic_deliver(apic, OSP_APIC_FIXED, 0x61, true, false);
	IS(osp_lapic_pending(apic), 0x61, "one above it");
	osp_lapic_ack(apic, 0x61);
	IS(rd(apic, 0xa0), 0x60, "... in service too");
	osp_lapic_unack(apic, 0x61);
	IS(osp_lapic_top(apic, OSP_APIC_ISR), 0x41, "taken back: the former alone");
	IS(rd(apic, 0xa0), 0x40, "... PPR is its class");
	OK(apic->rescan, "... the CPU's status is computed anew");
	IS(osp_lapic_pending(apic), 0x61, "... and the other waits again");
	machine_free(m);
}

int main(void)
{
	test_priorities();
	test_cr8();
	test_post();
	test_extint();
	test_events();
	test_tmr_eoi();
	test_local();
	test_by_cpu();
	test_reads_page();
	test_unack();
	return END();
}
