// SPDX-License-Identifier: GPL-2.0
/*
 * test_ioapic.c - the I/O APIC with two local APICs behind it.
 * 82093AA data sheet; KVM's status values for KVM_IRQ_LINE_STATUS.
 */
#include "machine.h"
#include "tap.h"

static u32 reg(struct machine *m, u32 index)
{
	osp_ioapic_write(&m->ioapic, 0, index);
	return osp_ioapic_read(&m->ioapic, 0x10);
}

static void set(struct machine *m, u32 index, u32 val)
{
	osp_ioapic_write(&m->ioapic, 0, index);
	osp_ioapic_write(&m->ioapic, 0x10, val);
}

static void route(struct machine *m, u32 pin, u32 low, u8 dest)
{
	set(m, 0x11 + 2 * pin, (u32)dest << 24);
	set(m, 0x10 + 2 * pin, low);
}

static int line(struct machine *m, u32 pin, bool level)
{
	return osp_ioapic_set_irq(&m->ioapic, pin, 0, level, false);
}

static struct machine *fresh(void)
{
	struct machine *m = machine_new(2);

	enable(&m->cpu[0].apic);
	enable(&m->cpu[1].apic);
	return m;
}

static void test_registers(void)
{
	struct machine *m = fresh();
	u32 pin;

	IS(reg(m, 0), 0, "ID");
	IS(reg(m, 1), 0x170011, "version: 11H, 24 entries");
	for (pin = 0; pin < 24; pin++)
		IS(reg(m, 0x10 + 2 * pin), 0x10000, "entry %u is masked", pin);
	set(m, 0, 0xffffffff);
	IS(reg(m, 0), 0x0f000000, "ID: four bits");
	IS(reg(m, 2), 0x0f000000, "arbitration ID follows");
	set(m, 1, 0);
	IS(reg(m, 1), 0x170011, "the version is read-only");
	set(m, 0x10, 0xffffffff);
	IS(reg(m, 0x10), 0xffffafff, "status and remote IRR are read-only");
	set(m, 0x11, 0xab000000);
	IS(reg(m, 0x11), 0xab000000, "destination");
	IS(reg(m, 0x40), 0xffffffff, "beyond the table");
	IS(osp_ioapic_read(&m->ioapic, 0), 0x40, "the selector reads back");
	osp_ioapic_write(&m->ioapic, 0, 0x123);
	IS(osp_ioapic_read(&m->ioapic, 0), 0x23, "it has eight bits");
	IS(osp_ioapic_read(&m->ioapic, 0x40), 0, "no EOI register in 11H");
	machine_free(m);
}

static void test_edge(void)
{
	struct machine *m = fresh();
	struct osp_lapic *a = &m->cpu[1].apic;

	IS(line(m, 4, true), -1, "masked");
	line(m, 4, false);
	route(m, 4, 0x34, 1);
	IS(take(a), -1, "an edge while masked is lost");
	IS(line(m, 4, true), 1, "delivered to one");
	IS(line(m, 4, true), 0, "still high: coalesced");
	IS(take(a), 0x34, "its vector, on its CPU");
	IS(line(m, 4, false), 1, "lowered");
	IS(line(m, 4, true), 1, "next edge, in service: delivered");
	osp_lapic_eoi(a);
	IS(take(a), 0x34, "after EOI");
	IS(reg(m, 0x18) & 0x4000, 0, "edges set no remote IRR");
	IS(line(m, 5, true), -1, "another pin is still masked");
	machine_free(m);
}

static void test_level(void)
{
	struct machine *m = fresh();
	struct osp_lapic *a = &m->cpu[0].apic;

	route(m, 10, 0x8060, 0);
	IS(line(m, 10, true), 1, "delivered");
	OK(reg(m, 0x24) & 0x4000, "remote IRR set");
	IS(line(m, 10, true), -1, "until EOI no more");
	IS(take(a), 0x60, "taken");
	osp_lapic_eoi(a);
	IS(m->cpu[0].eois, 1, "EOI was broadcast");
	IS(take(a), 0x60, "line still high: again");
	line(m, 10, false);
	osp_lapic_eoi(a);
	IS(take(a), -1, "line low: not again");
	OK(!(reg(m, 0x24) & 0x4000), "remote IRR clear");
	machine_free(m);
}

static void test_level_masking(void)
{
	struct machine *m = fresh();
	struct osp_lapic *a = &m->cpu[0].apic;

	route(m, 10, 0x18060, 0);
	IS(line(m, 10, true), -1, "masked level");
	route(m, 10, 0x8060, 0);
	IS(take(a), 0x60, "comes when unmasked");
	route(m, 10, 0x18060, 0);
	osp_lapic_eoi(a);
	IS(take(a), -1, "masked again: not after EOI");
	OK(!(reg(m, 0x24) & 0x4000), "but remote IRR is clear");
	route(m, 10, 0x8060, 0);
	IS(take(a), 0x60, "unmasked: again");
	OK(reg(m, 0x24) & 0x4000, "remote IRR");
	route(m, 10, 0x0060, 0);
	OK(!(reg(m, 0x24) & 0x4000), "switching to edge clears it");
	machine_free(m);
}

static void test_sources(void)
{
	struct machine *m = fresh();
	struct osp_lapic *a = &m->cpu[0].apic;
	struct osp_ioapic *io = &m->ioapic;

	route(m, 11, 0x8061, 0);
	osp_ioapic_set_irq(io, 11, 0, true, false);
	osp_ioapic_set_irq(io, 11, 1, true, false);
	take(a);
	osp_ioapic_set_irq(io, 11, 0, false, false);
	osp_lapic_eoi(a);
	IS(take(a), 0x61, "one of two sources still holds the line");
	osp_ioapic_set_irq(io, 11, 1, false, false);
	osp_lapic_eoi(a);
	IS(take(a), -1, "both are gone");
	machine_free(m);
}

static void test_modes(void)
{
	struct machine *m = fresh();

	route(m, 3, 0x0433, 1);
	line(m, 3, true);
	OK(osp_lapic_take_event(&m->cpu[1].apic, OSP_LAPIC_EV_NMI), "NMI");
	line(m, 3, false);
	route(m, 3, 0x0533, 1);
	line(m, 3, true);
	OK(osp_lapic_take_event(&m->cpu[1].apic, OSP_LAPIC_EV_INIT), "INIT");
	line(m, 3, false);
	route(m, 3, 0x0733, 0);
	IS(line(m, 3, true), 0, "ExtINT without a PIC is taken by nobody");
	line(m, 3, false);
	m->bus.pic = true;
	IS(line(m, 3, true), 1, "ExtINT with one");
	OK(osp_lapic_extint_sent(&m->cpu[0].apic), "which has the vector");
	line(m, 3, false);
	route(m, 3, 0x0033, 0xff);
	IS(line(m, 3, true), 2, "everyone");
	line(m, 3, false);
	route(m, 3, 0x0033, 5);
	IS(line(m, 3, true), 0, "no such APIC");
	line(m, 3, false);
	wr(&m->cpu[0].apic, 0xd0, 1 << 24);
	wr(&m->cpu[1].apic, 0xd0, 2 << 24);
	take(&m->cpu[0].apic);
	take(&m->cpu[1].apic);
	osp_lapic_eoi(&m->cpu[0].apic);
	osp_lapic_eoi(&m->cpu[1].apic);
	route(m, 3, 0x0834, 2);
	line(m, 3, true);
	IS(take(&m->cpu[1].apic), 0x34, "logical destination");
	IS(take(&m->cpu[0].apic), -1, "only that");
	machine_free(m);
}

static void test_directed_eoi(void)
{
	struct machine *m = fresh();
	struct osp_lapic *a = &m->cpu[0].apic;

	osp_lapic_set_directed_eoi(a, true);
	wr(a, 0xf0, 0x11ff);
	route(m, 10, 0x8060, 0);
	line(m, 10, true);
	take(a);
	osp_lapic_eoi(a);
	OK(reg(m, 0x24) & 0x4000, "no broadcast: remote IRR stays");
	machine_free(m);
}

static void test_storm(void)
{
	struct machine *m = fresh();
	struct osp_lapic *a = &m->cpu[0].apic;
	u32 n = 0;

	route(m, 10, 0x8060, 0);
	line(m, 10, true);
	while (n < 100000 && take(a) >= 0) {
		osp_lapic_eoi(a);
		n++;
	}
	IS(n, 10000, "a storm is held back");
	IS(m->ioapic.delayed, BIT(10), "and marked");
	osp_ioapic_retry(&m->ioapic);
	IS(take(a), 0x60, "it goes on later");
	IS(m->ioapic.delayed, 0, "mark gone");
	line(m, 10, false);
	osp_lapic_eoi(a);
	machine_free(m);
}

static void test_rtc(void)
{
	struct machine *m = fresh();
	struct osp_lapic *a = &m->cpu[0].apic;
	struct osp_ioapic *io = &m->ioapic;

	route(m, 8, 0x38, 0);
	IS(osp_ioapic_set_irq(io, 8, 0, true, true), 1, "RTC tick");
	osp_ioapic_set_irq(io, 8, 0, false, true);
	IS(osp_ioapic_set_irq(io, 8, 0, true, true), 0,
	   "until its EOI the next are coalesced");
	osp_ioapic_set_irq(io, 8, 0, false, true);
	IS(take(a), 0x38, "taken");
	IS(osp_ioapic_set_irq(io, 8, 0, true, true), 0, "still");
	osp_ioapic_set_irq(io, 8, 0, false, true);
	osp_lapic_eoi(a);
	IS(osp_ioapic_set_irq(io, 8, 0, true, true), 1, "then delivered");
	osp_ioapic_set_irq(io, 8, 0, false, true);
	IS(osp_ioapic_set_irq(io, 8, 0, true, false), 1,
	   "who does not ask for a status is not held back");
	machine_free(m);
}

static void test_watch(void)
{
	struct machine *m = fresh();
	struct osp_lapic *a = &m->cpu[0].apic;
	u32 gen = m->bus.eoi_watch_gen;

	route(m, 4, 0x34, 0);
	OK(!test_bit(0x34, m->bus.eoi_watch), "edges are not watched");
	route(m, 5, 0x8035, 0);
	OK(test_bit(0x35, m->bus.eoi_watch), "levels are");
	OK(m->bus.eoi_watch_gen != gen, "and the change is counted");
	m->ioapic.notify = BIT(4);
	osp_ioapic_update_watch(&m->ioapic);
	OK(test_bit(0x34, m->bus.eoi_watch), "edges with a listener too");
	line(m, 4, true);
	take(a);
	osp_lapic_eoi(a);
	IS(m->cpu[0].eoi_vector, 0x34, "it hears the EOI");
	IS(osp_ioapic_eoi_pins(&m->ioapic, 0x34), BIT(4), "of its pin");
	machine_free(m);
}

static void test_state(void)
{
	struct machine *m = fresh();
	struct kvm_ioapic_state s, t;

	osp_ioapic_get_state(&m->ioapic, &s);
	IS(s.base_address, 0xfec00000, "base");
	IS(s.ioregsel, 0, "selector");
	IS(s.irr, 0, "no requests");
	route(m, 4, 0x34, 0);
	route(m, 10, 0x18060, 1);
	line(m, 4, true);
	line(m, 10, true);
	osp_ioapic_get_state(&m->ioapic, &s);
	IS(s.irr, BIT(10), "a delivered edge is not pending, a masked level is");
	IS(s.redirtbl[4].fields.vector, 0x34, "vector in KVM's layout");
	IS(s.redirtbl[10].fields.mask, 1, "mask in KVM's layout");
	IS(s.redirtbl[10].fields.dest_id, 1, "destination in KVM's layout");
	s.redirtbl[10].fields.mask = 0;
	osp_ioapic_set_state(&m->ioapic, &s);
	IS(take(&m->cpu[1].apic), 0x60, "what was pending is sent on restore");
	osp_ioapic_get_state(&m->ioapic, &t);
	s.redirtbl[10].fields.remote_irr = 1;
	OK(!memcmp(&s, &t, sizeof(s)), "all else comes back");
	machine_free(m);
}

int main(void)
{
	test_registers();
	test_edge();
	test_level();
	test_level_masking();
	test_sources();
	test_modes();
	test_directed_eoi();
	test_storm();
	test_rtc();
	test_watch();
	test_state();
	return END();
}
