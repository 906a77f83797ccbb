// SPDX-License-Identifier: GPL-2.0
/*
 * test_irt.c - the Interrupt Remapping Table: default and given routes,
 * statuses, counters, and what is refused.
 */
#include "machine.h"
#include "tap.h"

static struct kvm_irq_routing_entry pin_entry(u32 gsi, u32 chip, u32 pin)
{
	struct kvm_irq_routing_entry e = {
		.gsi = gsi, .type = KVM_IRQ_ROUTING_IRQCHIP,
		.u.irqchip = { .irqchip = chip, .pin = pin },
	};

	return e;
}

static struct kvm_irq_routing_entry msi_entry(u32 gsi, u32 addr, u32 data)
{
	struct kvm_irq_routing_entry e = {
		.gsi = gsi, .type = KVM_IRQ_ROUTING_MSI,
		.u.msi = { .address_lo = addr, .data = data },
	};

	return e;
}

static int set(struct machine *m, const struct kvm_irq_routing_entry *e,
	       u32 nr)
{
	struct osp_irt_table *old = NULL;
	int r = osp_irt_set(&m->irt, e, nr, &old);

	osp_irt_retire(&m->irt, old);
	return r;
}

static int raise(struct machine *m, u32 gsi, bool level)
{
	return osp_irt_raise(&m->irt, gsi, 0, level, false);
}

static struct osp_irt_entry *row(struct machine *m, u32 gsi)
{
	return osp_irt_entry(m->irt.table, gsi);
}

static void route_pin(struct machine *m, u32 pin, u32 low)
{
	osp_ioapic_write(&m->ioapic, 0, 0x10 + 2 * pin);
	osp_ioapic_write(&m->ioapic, 0x10, low);
}

static void test_default(void)
{
	struct machine *m = machine_new(1);
	u32 gsi;

	OK(!osp_irt_entry(m->irt.table, 64), "entries up to 63 are there");
	IS(row(m, 24)->route, 0, "of which the 25th is empty");
	for (gsi = 0; gsi < 24; gsi++)
		IS(osp_irt_gsi_pin(&m->irt, gsi, 2), gsi, "I/O APIC pin of GSI %u", gsi);
	for (gsi = 0; gsi < 16; gsi++)
		IS(osp_irt_gsi_pin(&m->irt, gsi, gsi / 8), gsi % 8, "PIC pin of GSI %u", gsi);
	IS(osp_irt_gsi_pin(&m->irt, 16, 0), -1, "GSI 16 is not on the PIC");
	IS(osp_irt_pin_gsi(&m->irt, 1, 4), 12, "slave pin 4 is GSI 12");
	IS(osp_irt_pin_gsi(&m->irt, 2, 23), 23, "I/O APIC pin 23 is GSI 23");
	IS(raise(m, 4, true), 1, "raised on the PIC, masked on the I/O APIC");
	OK(m->pic.output, "INTR");
	IS(m->ioapic.irr, BIT(4), "and at the I/O APIC's pin");
	IS(raise(m, 4, true), 1, "a line that is up is no edge, no loss");
	IS(raise(m, 24, true), -1, "no such entry");
	IS(raise(m, 0xffffffff, true), -1, "by far");
	IS(raise(m, 20, true), -1, "masked");
	IS(atomic64_read(&row(m, 20)->dropped), 1, "and counted as dropped");
	machine_free(m);
}

static void test_pins_status(void)
{
	struct machine *m = machine_new(1);

	enable(&m->cpu[0].apic);
	osp_pic_write(&m->pic, 0x21, 0xff);
	IS(raise(m, 4, true), -1, "masked on both: ignored");
	raise(m, 4, false);
	route_pin(m, 4, 0x44);
	IS(raise(m, 4, true), 1, "one CPU");
	IS(raise(m, 4, true), 0, "coalesced");
	IS(raise(m, 4, false), 1, "lowering is always done");
	IS(atomic64_read(&row(m, 4)->delivered), 1, "delivered: 1");
	IS(atomic64_read(&row(m, 4)->coalesced), 1, "coalesced: 1");
	IS(atomic64_read(&row(m, 4)->dropped), 1, "dropped: 1");
	osp_pic_write(&m->pic, 0x21, 0);
	IS(raise(m, 4, true), 1, "the edge is pending in the PIC: I/O APIC only");
	machine_free(m);
}

static void test_msi(void)
{
	struct machine *m = machine_new(2);
	struct kvm_irq_routing_entry e[] = {
		msi_entry(30, 0xfee01000, 0x0045),
		msi_entry(31, 0xfee00000, 0x0446),
		msi_entry(32, 0xfee03004, 0x0047),
	};

	enable(&m->cpu[0].apic);
	enable(&m->cpu[1].apic);
	IS(set(m, e, 3), 0, "three messages");
	IS(raise(m, 4, true), -1, "the old ones are gone");
	IS(raise(m, 30, true), 1, "to APIC 1");
	IS(raise(m, 30, true), 1, "still pending there: KVM says delivered");
	IS(atomic64_read(&row(m, 30)->coalesced), 1, "we count it as coalesced");
	IS(raise(m, 30, false), -1, "lowering is nothing");
	IS(take(&m->cpu[1].apic), 0x45, "vector");
	IS(raise(m, 31, true), 1, "an NMI");
	OK(osp_lapic_take_event(&m->cpu[0].apic, OSP_LAPIC_EV_NMI), "is one");
	IS(raise(m, 32, true), 0, "logical 3: no LDR set");
	IS(atomic64_read(&row(m, 32)->dropped), 1, "dropped");
	wr(&m->cpu[0].apic, 0xd0, 1 << 24);
	wr(&m->cpu[1].apic, 0xd0, 2 << 24);
	IS(raise(m, 32, true), 2, "two CPUs");
	IS(osp_irt_msi(&m->irt, 0xfee01000, 0, 0x50), 1, "KVM_SIGNAL_MSI");
	wr(&m->cpu[1].apic, 0xf0, 0xff);
	IS(osp_irt_msi(&m->irt, 0xfee01000, 0, 0x51), 0, "not accepted");
	IS(osp_irt_msi(&m->irt, 0xfee09000, 0, 0x51), 0, "nobody there");
	machine_free(m);
}

/* KVM_X2APIC_API_USE_32BIT_IDS */
static void test_ids32(void)
{
	struct machine *m = machine_new(1);
	struct osp_lapic *high = machine_add(m, 1, 300);
	struct kvm_irq_routing_entry e[] = {
		msi_entry(30, 0xfee2c000, 0x0045),
		msi_entry(31, 0xfee2c000, 0x0046),
	};
	s8 pins[KVM_NR_IRQCHIPS];
	struct osp_apic_msg msg;
	enum osp_irt_kind kind;

	to_x2apic(high);
	enable(high);
	e[0].u.msi.address_hi = 0x100;
	e[1].u.msi.address_hi = 0x101;
	IS(set(m, e, 2), 0, "8-bit IDs: the high half is not looked at");
	IS(raise(m, 30, true), 0, "there is no APIC 44");
	osp_irt_route_decode(&m->irt, row(m, 30)->route, &kind, pins, &msg);
	IS(msg.dest, 44, "which the entry shows");
	IS(osp_irt_msi(&m->irt, 0xfee2c000, 0x100, 0x50), 0, "nor for a message");
	m->irt.ids32 = true;
	osp_irt_route_decode(&m->irt, row(m, 30)->route, &kind, pins, &msg);
	IS(msg.dest, 300, "32-bit IDs");
	IS(raise(m, 30, true), 1, "the same entry reaches APIC 300");
	IS(take(high), 0x45, "there it is");
	IS(raise(m, 31, true), -1, "bits 7:0 of the high half: not sent");
	IS(atomic64_read(&row(m, 31)->dropped), 1, "but counted");
	IS(osp_irt_msi(&m->irt, 0xfee2c000, 0x100, 0x50), 1, "a message");
	IS(osp_irt_msi(&m->irt, 0xfee2c000, 0x1ff, 0x50), -EINVAL, "refused");
	IS(set(m, e, 2), -EINVAL, "and so in a new table");
	IS(set(m, e, 1), 0, "which is good without it");
	machine_free(m);
}

static void test_refused(void)
{
	struct machine *m = machine_new(1);
	struct kvm_irq_routing_entry e[2];

	e[0] = pin_entry(4096, 2, 0);
	IS(set(m, e, 1), -EINVAL, "GSI 4096");
	e[0] = pin_entry(4095, 2, 0);
	IS(set(m, e, 1), 0, "GSI 4095");
	e[0] = pin_entry(0, 2, 24);
	IS(set(m, e, 1), -EINVAL, "I/O APIC pin 24");
	e[0] = pin_entry(0, 0, 8);
	IS(set(m, e, 1), -EINVAL, "PIC pin 8");
	e[0] = pin_entry(0, 3, 0);
	IS(set(m, e, 1), -EINVAL, "chip 3");
	e[0].type = 77;
	IS(set(m, e, 1), -EINVAL, "unknown type");
	e[0] = pin_entry(0, 2, 0);
	e[0].flags = 1;
	IS(set(m, e, 1), -EINVAL, "flags on a pin");
	e[0] = msi_entry(0, 0xfee00000, 0x40);
	e[0].flags = KVM_MSI_VALID_DEVID;
	IS(set(m, e, 1), 0, "device ID on a message is fine");
	e[0].flags = 2;
	IS(set(m, e, 1), -EINVAL, "other flags are not");
	e[0] = e[1] = pin_entry(3, 2, 3);
	IS(set(m, e, 2), -EINVAL, "the same chip twice");
	e[1] = pin_entry(3, 0, 3);
	IS(set(m, e, 2), 0, "two chips");
	e[1] = msi_entry(3, 0xfee00000, 0x40);
	IS(set(m, e, 2), -EINVAL, "a message beside a pin");
	e[0] = e[1];
	IS(set(m, e, 2), -EINVAL, "two messages");
	e[1] = pin_entry(3, 2, 3);
	IS(set(m, e, 2), -EINVAL, "a pin beside a message");
	IS(osp_irt_gsi_pin(&m->irt, 3, 0), 3, "nothing changed by what failed");
	IS(set(m, NULL, 0), 0, "an empty table");
	IS(raise(m, 3, true), -1, "ignores all");
	m->irt.pins = false;
	e[0] = pin_entry(3, 2, 3);
	IS(set(m, e, 1), -EINVAL, "split: there are no pins");
	machine_free(m);
}

static void test_override(void)
{
	struct machine *m = machine_new(1);
	struct kvm_irq_routing_entry e[] = {
		pin_entry(0, 0, 0), pin_entry(0, 2, 2),
	};

	IS(set(m, e, 2), 0, "the timer on pin 2");
	IS(osp_irt_pin_gsi(&m->irt, 2, 2), 0, "pin 2 is GSI 0");
	IS(osp_irt_pin_gsi(&m->irt, 2, 0), -1, "pin 0 is nobody's");
	raise(m, 0, true);
	IS(m->ioapic.irr, BIT(2), "raised there");
	machine_free(m);
}

/* Returns the route that the entry had. */
static u64 route(struct machine *m, u32 gsi, u64 to)
{
	u64 old = ~0ULL;

	IS(osp_irt_set_entry(&m->irt, gsi, to, &old), 0, "entry %u set", gsi);
	return old;
}

static void test_entry(void)
{
	struct machine *m = machine_new(2);
	struct osp_apic_msg msg = { .dest = 1, .vector = 0x41, .assert = true };
	s8 pins[KVM_NR_IRQCHIPS];
	struct osp_apic_msg got;
	enum osp_irt_kind kind;
	const s8 five[] = { 5, -1, 5 };
	u64 *target = calloc(1, 16), old;

	enable(&m->cpu[0].apic);
	enable(&m->cpu[1].apic);
	IS(route(m, 5, osp_irt_route_apic(&msg)), osp_irt_route_pins(five), "was pins");
	IS(osp_irt_pin_gsi(&m->irt, 2, 5), -1, "which nobody names now");
	raise(m, 5, true);
	IS(take(&m->cpu[1].apic), 0x41, "one entry, set while running");
	msg.dest = 0;
	route(m, 5, osp_irt_route_apic(&msg));
	raise(m, 5, true);
	IS(take(&m->cpu[0].apic), 0x41, "retargeted to another CPU");
	route(m, 5, OSP_IRT_BLOCKED);
	IS(raise(m, 5, true), -1, "blocked");
	IS(atomic64_read(&row(m, 5)->dropped), 1, "and counted");
	IS(atomic64_read(&row(m, 5)->delivered), 2, "after two that arrived");
	IS(route(m, 5, osp_irt_route_eventfd(target)), OSP_IRT_BLOCKED, "blocked before");
	IS(raise(m, 5, true), 1, "to an eventfd");
	OK(m->signals == 1 && m->signalled == target, "its own");
	raise(m, 5, false);
	IS(m->signals, 1, "lowering does not signal");
	OK(osp_irt_route_target(route(m, 5, osp_irt_route_pins(five))) == target,
	   "the target is handed back");
	IS(osp_irt_pin_gsi(&m->irt, 2, 5), 5, "pins again");
	IS(m->releases, 0, "which releases nothing by itself");
	IS(route(m, 4095, osp_irt_route_apic(&msg)), 0, "the last entry");
	IS(raise(m, 4095, true), 1, "works");
	IS(osp_irt_set_entry(&m->irt, 4096, 0, &old), -EINVAL, "there is no other");

	msg = (struct osp_apic_msg) { .dest = 0xdeadbeef, .vector = 0xff,
		.mode = 7, .logical = true, .level = true, .assert = true,
		.lowest_hint = true };
	osp_irt_route_decode(&m->irt, osp_irt_route_apic(&msg), &kind, pins, &got);
	IS(kind, OSP_IRT_APIC, "decoded kind");
	OK(!memcmp(&msg, &got, sizeof(msg)), "a message survives its encoding");
	OK(pins[0] == -1 && pins[1] == -1 && pins[2] == -1, "and has no pins");
	machine_free(m);
	free(target);
}

/* A request that is an edge goes up and down on pins, once to an APIC. */
static void test_pulse(void)
{
	struct machine *m = machine_new(1);
	struct osp_apic_msg msg = { .vector = 0x51, .assert = true };

	enable(&m->cpu[0].apic);
	route_pin(m, 20, 0x44);
	IS(osp_irt_pulse(&m->irt, 20, 0), 1, "an edge at a pin");
	IS(m->ioapic.irr & BIT(20), 0, "the line is low again");
	IS(take(&m->cpu[0].apic), 0x44, "it arrived");
	osp_lapic_eoi(&m->cpu[0].apic);
	IS(osp_irt_pulse(&m->irt, 20, 0), 1, "and once more");
	IS(take(&m->cpu[0].apic), 0x44, "it arrived");
	osp_lapic_eoi(&m->cpu[0].apic);
	IS(atomic64_read(&row(m, 20)->delivered), 2, "each counted once");
	route(m, 20, osp_irt_route_apic(&msg));
	m->traces = 0;
	IS(osp_irt_pulse(&m->irt, 20, 0), 1, "a message");
	IS(take(&m->cpu[0].apic), 0x51, "arrived");
	IS(osp_irt_pulse(&m->irt, 20, 0), 1, "another");
	OK(!m->traced_coalesced, "is new");
	IS(osp_irt_pulse(&m->irt, 20, 0), 1, "a third");
	OK(m->traced_coalesced, "is coalesced");
	IS(m->traces, 3, "each was traced");
	IS(m->traced_gsi, 20, "with its number");
	IS(osp_irt_pulse(&m->irt, 3000, 0), -1, "none without entry");
	IS(m->traces, 3, "leaves no trace");
	machine_free(m);
}

/* KVM_SET_GSI_ROUTING: counts go on, targets are released. */
static void test_replace(void)
{
	struct machine *m = machine_new(1);
	struct kvm_irq_routing_entry e = msi_entry(7, 0xfee00000, 0x45);
	u64 *target = calloc(1, 16), *last = calloc(1, 16);

	enable(&m->cpu[0].apic);
	IS(set(m, &e, 1), 0, "a table");
	raise(m, 7, true);
	IS(take(&m->cpu[0].apic), 0x45, "used");
	route(m, 8, osp_irt_route_eventfd(target));
	raise(m, 8, true);
	IS(set(m, &e, 1), 0, "another");
	OK(m->releases == 1 && m->released == target, "the eventfd is released");
	IS(atomic64_read(&row(m, 7)->delivered), 1, "counts go on");
	IS(atomic64_read(&row(m, 8)->delivered), 1, "of what went out too");
	route(m, 9, osp_irt_route_eventfd(last));
	osp_irt_destroy(&m->irt);
	OK(m->releases == 2 && m->released == last, "released at the end");
	machine_free(m);
	free(target);
	free(last);
}

/* A fork's table: the same but for what belongs to somebody else. */
static void test_copy(void)
{
	struct machine *m = machine_new(1);
	struct kvm_irq_routing_entry e[2] = {
		msi_entry(7, 0xfee00000, 0x45), pin_entry(200, 2, 9),
	};
	u64 *target = calloc(1, 16);
	struct osp_irt copy;

	enable(&m->cpu[0].apic);
	IS(set(m, e, 2), 0, "a table");
	route(m, 4095, osp_irt_route_eventfd(target));
	raise(m, 7, true);
	IS(take(&m->cpu[0].apic), 0x45, "used");
	osp_lapic_eoi(&m->cpu[0].apic);
	osp_irt_init(&copy, m->irt.ops, m, true);
	IS(osp_irt_copy(&copy, &m->irt), 0, "copied");
	IS(osp_irt_entry(copy.table, 7)->route, row(m, 7)->route, "a message");
	IS(osp_irt_entry(copy.table, 200)->route, row(m, 200)->route, "a pin");
	IS(osp_irt_pin_gsi(&copy, 2, 9), 200, "a pin's request");
	IS(osp_irt_entry(copy.table, 4095)->route, OSP_IRT_BLOCKED,
	   "an eventfd is not copied");
	OK(!osp_irt_entry(copy.table, 1000), "nor what is not there");
	IS(atomic64_read(&osp_irt_entry(copy.table, 7)->delivered), 0,
	   "counts begin anew");
	IS(osp_irt_raise(&copy, 7, 0, true, false), 1, "requests go by the copy");
	IS(take(&m->cpu[0].apic), 0x45, "... to where they went");
	IS(atomic64_read(&row(m, 7)->delivered), 1, "... and count there");
	osp_irt_destroy(&copy);
	IS(m->releases, 0, "the copy's end releases nothing");
	machine_free(m);
	free(target);
}

int main(void)
{
	test_default();
	test_pins_status();
	test_msi();
	test_ids32();
	test_refused();
	test_override();
	test_entry();
	test_pulse();
	test_replace();
	test_copy();
	return END();
}
