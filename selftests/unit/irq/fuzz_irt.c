// SPDX-License-Identifier: GPL-2.0
/*
 * fuzz_irt.c - random routing tables and requests through them.
 */
#include "fuzz.h"

/* Each entry from 12 bytes of input, most of them near to valid ones. */
static void make(struct kvm_irq_routing_entry *e, const u8 *p)
{
	memset(e, 0, sizeof(*e));
	e->gsi = p[0] | (p[1] & 0x1f) << 8;
	e->type = p[2] % 4;
	e->flags = p[3] == 0xff ? p[4] : 0;
	if (e->type == KVM_IRQ_ROUTING_IRQCHIP) {
		e->u.irqchip.irqchip = p[5] % 4;
		e->u.irqchip.pin = p[6] % 26;
		return;
	}
	e->u.msi.address_lo = 0xfee00000 | p[7] << 12 | p[8];
	e->u.msi.data = p[9] | p[10] << 8;
	e->u.msi.address_hi = p[11] << 4;
}

static void check_pins(struct osp_irt *irt)
{
	u32 chip, pin, row;
	int gsi;

	for (chip = 0; chip < KVM_NR_IRQCHIPS; chip++) {
		for (pin = 0; pin < KVM_IOAPIC_NUM_PINS; pin++) {
			gsi = osp_irt_pin_gsi(irt, chip, pin);
			must(gsi < 0 || osp_irt_gsi_pin(irt, gsi, chip) == pin);
		}
		for (row = 0; row < OSP_IRT_MAX; row++) {
			int named = osp_irt_gsi_pin(irt, row, chip);

			must(named < 0 ||
			     osp_irt_pin_gsi(irt, chip, named) >= 0);
		}
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct input in = input_begin(data, size);
	struct kvm_irq_routing_entry e[64];
	struct machine *m = machine_new(3);
	struct osp_irt_table *old = NULL;
	u32 n = next(&in, 1) % ARRAY_SIZE(e), i, j;
	u8 bytes[12];

	for (i = 0; i < 3; i++)
		enable(&m->cpu[i].apic);
	m->irt.ids32 = n & 1;
	m->bus.no_quirk = n & 2;
	for (i = 0; i < n; i++) {
		for (j = 0; j < sizeof(bytes); j++)
			bytes[j] = next(&in, 1);
		/* One entry after the other, until one is refused. */
		make(&e[i], bytes);
		if (osp_irt_set(&m->irt, e, i + 1, &old))
			break;
		osp_irt_retire(&m->irt, old);
		check_pins(&m->irt);
		must(osp_irt_entry(m->irt.table, e[i].gsi)->route);
	}
	while (input_more(&in)) {
		u32 what = next(&in, 2);
		int r = osp_irt_raise(&m->irt, i ? e[what % i].gsi : what,
				      what >> 8 & 7, what & 0x800,
				      what & 0x1000);

		must(r >= -1 && r <= 2 + 3);
		/* Now and then an entry is sent elsewhere. */
		if (what & 0x8000) {
			s8 pins[] = { -1, what >> 4 & 7, what % 24 };
			u64 route;

			must(!osp_irt_set_entry(&m->irt, what & 0xfff,
						osp_irt_route_pins(pins), &route));
			check_pins(&m->irt);
		}
	}
	machine_free(m);
	return 0;
}
