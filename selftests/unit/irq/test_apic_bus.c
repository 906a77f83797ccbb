// SPDX-License-Identifier: GPL-2.0
/*
 * test_apic_bus.c - which local APICs a message reaches.
 * SDM 3A 11.6; 11.12.9, 11.12.10 for x2APIC destinations.
 */
#include "machine.h"
#include "tap.h"

#define VEC	0x50

/* Bitmap of CPU slots that now have VEC pending; takes it from them. */
static u32 reached(struct machine *m)
{
	u32 i, map = 0;

	for (i = 0; i < MACHINE_CPUS; i++) {
		if (!m->cpu[i].present || take(&m->cpu[i].apic) != VEC)
			continue;
		osp_lapic_eoi(&m->cpu[i].apic);
		map |= BIT(i);
	}
	return map;
}

static int msi(struct machine *m, u8 mode, u32 dest, bool logical)
{
	struct osp_apic_msg msg = {
		.dest = dest, .vector = VEC, .mode = mode,
		.logical = logical, .assert = true,
	};

	return osp_apic_bus_deliver(&m->bus, NULL, &msg, NULL);
}

/* An IPI by ICR of CPU @from, in the format of its mode. */
static void ipi(struct machine *m, u32 from, u32 low, u32 dest)
{
	struct osp_lapic *a = &m->cpu[from].apic;

	if (osp_lapic_x2apic(a)) {
		osp_lapic_wrmsr(a, 0x830, (u64)dest << 32 | low | VEC);
	} else {
		wr(a, 0x310, dest << 24);
		wr(a, 0x300, low | VEC);
	}
}

static struct machine *all_enabled(u32 cpus, bool x2apic)
{
	struct machine *m = machine_new(cpus);
	u32 i;

	for (i = 0; i < cpus; i++) {
		if (x2apic)
			to_x2apic(&m->cpu[i].apic);
		enable(&m->cpu[i].apic);
	}
	return m;
}

static void test_physical(void)
{
	struct machine *m = all_enabled(4, false);

	IS(msi(m, 0, 2, false), 1, "physical destination 2");
	IS(reached(m), BIT(2), "is APIC 2");
	IS(msi(m, 0, 7, false), 0, "7 is no one");
	IS(reached(m), 0, "no one");
	IS(msi(m, 0, 0xff, false), 4, "FFH is everyone");
	IS(reached(m), 0xf, "everyone");
	wr(&m->cpu[3].apic, 0x20, 9 << 24);
	IS(msi(m, 0, 9, false), 1, "a moved ID is found");
	IS(reached(m), BIT(3), "where it went");
	IS(msi(m, 0, 3, false), 0, "and not where it was");
	IS(msi(m, 0, 1, false), 1, "others as before");
	reached(m);
	wr(&m->cpu[2].apic, 0xf0, 0xff);
	IS(msi(m, 0, 2, false), 0, "software-disabled: addressed, not accepted");
	osp_lapic_set_base(&m->cpu[1].apic, 0xfee00000, false);
	IS(msi(m, 0, 1, false), 0, "disabled: not there");
	IS(msi(m, 0, 0xff, false), 2, "a broadcast reaches the rest");
	IS(reached(m), BIT(0) | BIT(3), "the rest");
	machine_free(m);
}

static void test_logical_flat(void)
{
	struct machine *m = all_enabled(4, false);
	u32 i;

	IS(msi(m, 0, 0x0f, true), 0, "LDR 0 belongs to no logical destination");
	for (i = 0; i < 4; i++)
		wr(&m->cpu[i].apic, 0xd0, 1 << (24 + i));
	IS(msi(m, 0, 0x5, true), 2, "flat: a bit per APIC");
	IS(reached(m), 0x5, "both");
	IS(msi(m, 0, 0xf0, true), 0, "other bits: no one");
	IS(msi(m, 0, 0xff, true), 4, "all bits: everyone");
	reached(m);
	wr(&m->cpu[0].apic, 0xe0, 0x5fffffff);
	IS(msi(m, 0, 0x1, true), 0, "an undefined model matches nothing");
	machine_free(m);
}

static void test_logical_cluster(void)
{
	struct machine *m = all_enabled(4, false);
	u32 i;

	for (i = 0; i < 4; i++) {
		wr(&m->cpu[i].apic, 0xe0, 0x0fffffff);
		wr(&m->cpu[i].apic, 0xd0,
		   ((i / 2) << 4 | 1 << (i % 2)) << 24);
	}
	IS(msi(m, 0, 0x03, true), 2, "cluster 0, both");
	IS(reached(m), 0x3, "CPUs 0 and 1");
	IS(msi(m, 0, 0x12, true), 1, "cluster 1, second");
	IS(reached(m), BIT(3), "CPU 3");
	IS(msi(m, 0, 0x2f, true), 0, "cluster 2: no one");
	machine_free(m);
}

static void test_x2apic(void)
{
	struct machine *m = all_enabled(20, true);

	ipi(m, 0, 0x4000, 17);
	IS(reached(m), BIT(17), "physical, 32-bit ID");
	ipi(m, 0, 0x4000, 0xff);
	IS(reached(m), 0, "FFH is an ID like any other for IPIs");
	ipi(m, 0, 0x4000, 0xffffffff);
	IS(reached(m), 0xfffff, "FFFFFFFFH is everyone");
	ipi(m, 0, 0x4800, 0x0001000a);
	IS(reached(m), BIT(17) | BIT(19), "cluster 1, bits 1 and 3");
	ipi(m, 0, 0x4800, 0x00010010);
	IS(reached(m), 0, "an absent CPU of a cluster");
	ipi(m, 0, 0x4800, 0x00070001);
	IS(reached(m), 0, "an absent cluster");
	ipi(m, 5, 0x4800, 0xffffffff);
	IS(reached(m), 0xfffff, "logical FFFFFFFFH is everyone too");
	IS(msi(m, 0, 0xff, false), 20, "FFH of a device is everyone");
	reached(m);
	IS(msi(m, 0, 0x41, true), 2, "logical of a device: cluster 0");
	IS(reached(m), BIT(0) | BIT(6), "its members");
	machine_free(m);
}

/* KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK */
static void test_no_quirk(void)
{
	struct machine *m = all_enabled(10, true);

	IS(msi(m, 0, 0xffffffff, false), 0, "with the quirk no one");
	m->bus.no_quirk = true;
	IS(msi(m, 0, 0xffffffff, false), 10, "without it everyone");
	IS(reached(m), 0x3ff, "all ten");
	IS(msi(m, 0, 0xffffffff, true), 10, "logical as well");
	reached(m);
	IS(msi(m, 0, 0xff, false), 0, "FFH is an ID that none has");
	IS(msi(m, 0, 0xff, true), 8, "logical FFH is cluster 0, CPUs 0 to 7");
	IS(reached(m), 0xff, "those");
	machine_free(m);

	m = all_enabled(3, false);
	m->bus.no_quirk = true;
	IS(msi(m, 0, 0xff, false), 3, "to xAPICs FFH stays everyone");
	IS(reached(m), 7, "all three");
	IS(msi(m, 0, 0xffffffff, false), -1, "and FFFFFFFFH is no one");
	to_x2apic(&m->cpu[2].apic);
	enable(&m->cpu[2].apic);
	IS(msi(m, 0, 0xff, false), 2, "each by its own mode");
	IS(reached(m), 3, "the two xAPICs");
	IS(msi(m, 0, 0xffffffff, false), 1, "the x2APIC");
	IS(reached(m), 4, "alone");
	machine_free(m);

	m = machine_new(0);
	m->bus.no_quirk = true;
	IS(msi(m, 0, 0xff, false), -1, "FFH without any APIC");
	machine_free(m);
}

static void test_high_ids(void)
{
	struct machine *m = all_enabled(1, true);
	struct osp_lapic *a = machine_add(m, 1, 300);

	enable(a);
	ipi(m, 0, 0x4000, 300);
	IS(reached(m), BIT(1), "an ID above FFH in xAPIC mode, by full number");
	to_x2apic(a);
	ipi(m, 0, 0x4000, 300);
	IS(reached(m), BIT(1), "and in x2APIC mode");
	ipi(m, 0, 0x4800, (300 >> 4) << 16 | 1 << (300 & 15));
	IS(reached(m), BIT(1), "and by cluster");
	ipi(m, 1, 0x4000, 0);
	IS(reached(m), BIT(0), "and back");
	machine_free(m);
}

static void test_shorthands(void)
{
	struct machine *m = all_enabled(4, false);

	ipi(m, 2, 0x44000, 0);
	IS(reached(m), BIT(2), "self");
	ipi(m, 2, 0x84000, 0);
	IS(reached(m), 0xf, "all including self");
	ipi(m, 2, 0xc4000, 0);
	IS(reached(m), 0xb, "all excluding self");
	ipi(m, 2, 0xc4500, 0);
	IS(m->cpu[1].apic.events, BIT(OSP_LAPIC_EV_INIT), "INIT to the others");
	IS(m->cpu[2].apic.events, 0, "not to self");
	machine_free(m);
	m = all_enabled(4, true);
	m->cpu[1].kicks = 0;
	osp_lapic_wrmsr(&m->cpu[1].apic, 0x83f, VEC);
	IS(m->cpu[1].kicks, 0, "SELF IPI needs no kick");
	IS(reached(m), BIT(1), "and arrives");
	machine_free(m);
}

static void test_lowest(void)
{
	struct machine *m = all_enabled(4, false);
	u32 i, map;

	for (i = 0; i < 4; i++)
		wr(&m->cpu[i].apic, 0xd0, 1 << (24 + i));
	IS(msi(m, 1, 0xf, true), 1, "lowest priority reaches one");
	map = reached(m);
	OK(map && !(map & (map - 1)), "just one");
	for (i = 0; i < 4; i++)
		wr(&m->cpu[i].apic, 0x80, i == 2 ? 0x10 : 0x20);
	msi(m, 1, 0xf, true);
	IS(reached(m), BIT(2), "the one of lowest priority");
	msi(m, 1, 0xb, true);
	OK(reached(m) & 0xb, "among those addressed");
	wr(&m->cpu[2].apic, 0xf0, 0xff);
	msi(m, 1, 0xf, true);
	map = reached(m);
	OK(map && !(map & BIT(2)), "never one that is software-disabled");
	IS(msi(m, 1, 0x4, true), 0, "if that is the only one: no one");
	IS(msi(m, 1, 0xff, false), 3, "physical FFH: everyone, as KVM");
	reached(m);
	{
		struct osp_apic_msg msg = { .dest = 0xb, .vector = VEC,
			.logical = true, .assert = true, .lowest_hint = true };

		IS(osp_apic_bus_deliver(&m->bus, NULL, &msg, NULL), 1,
		   "an MSI's redirection hint: any one");
	}
	machine_free(m);
}

static void test_lowest_spreads(void)
{
	struct machine *m = all_enabled(4, true);
	u32 vector, got[4] = { 0 }, i;

	for (vector = 0x40; vector < 0x50; vector++) {
		struct osp_apic_msg msg = { .dest = 0xf, .vector = vector,
			.mode = 1, .logical = true, .assert = true };

		osp_apic_bus_deliver(&m->bus, NULL, &msg, NULL);
		for (i = 0; i < 4; i++) {
			if (take(&m->cpu[i].apic) < 0)
				continue;
			osp_lapic_eoi(&m->cpu[i].apic);
			got[i]++;
		}
	}
	for (i = 0; i < 4; i++)
		IS(got[i], 4, "idle CPUs share the vectors: CPU %u", i);
	machine_free(m);
}

static void test_coalesced(void)
{
	struct machine *m = all_enabled(2, false);
	struct osp_apic_msg msg = { .dest = 0xff, .vector = VEC,
				    .assert = true };
	bool coalesced = true;

	osp_apic_bus_deliver(&m->bus, NULL, &msg, &coalesced);
	OK(!coalesced, "new");
	osp_apic_bus_deliver(&m->bus, NULL, &msg, &coalesced);
	OK(coalesced, "still pending everywhere");
	take(&m->cpu[1].apic);
	IS(osp_apic_bus_deliver(&m->bus, NULL, &msg, &coalesced), 2,
	   "both accept");
	OK(!coalesced, "new for one of them");
	machine_free(m);
}

static void test_table(void)
{
	struct machine *m = machine_new(1);
	struct osp_lapic *a = &m->cpu[0].apic, b;

	IS(osp_apic_bus_add(&m->bus, a), -EEXIST, "an ID twice");
	b = *a;
	b.id = OSP_APIC_MAX_IDS;
	IS(osp_apic_bus_add(&m->bus, &b), -EINVAL, "an ID too large");
	enable(a);
	osp_apic_bus_remove(&m->bus, a);
	IS(msi(m, 0, 0, false), 0, "removed: not found");
	IS(msi(m, 0, 0xff, false), -1, "a broadcast to nobody at all");
	IS(osp_apic_bus_add(&m->bus, a), 0, "and back");
	IS(msi(m, 0, 0, false), 1, "found");
	machine_free(m);
}

int main(void)
{
	test_physical();
	test_logical_flat();
	test_logical_cluster();
	test_x2apic();
	test_no_quirk();
	test_high_ids();
	test_shorthands();
	test_lowest();
	test_lowest_spreads();
	test_coalesced();
	test_table();
	return END();
}
