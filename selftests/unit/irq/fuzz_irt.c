// SPDX-License-Identifier: GPL-2.0
/*
 * fuzz_irt.c - random routing tables and requests through them.
 */
#include "machine.h"

static void must(bool cond)
{
	if (!cond)
		abort();
}

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
}

static void check_pins(struct osp_irt *irt)
{
	u32 chip, pin;
	int gsi;

	for (chip = 0; chip < KVM_NR_IRQCHIPS; chip++)
		for (pin = 0; pin < KVM_IOAPIC_NUM_PINS; pin++) {
			gsi = osp_irt_pin_gsi(irt, chip, pin);
			must(gsi < 0 || osp_irt_gsi_pin(irt, gsi, chip) == pin);
		}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct kvm_irq_routing_entry e[64];
	struct machine *m = machine_new(3);
	struct osp_irt_table *old = NULL;
	u32 n = 0, i;

	for (i = 0; i < 3; i++)
		enable(&m->cpu[i].apic);
	for (; size >= 12 && n < ARRAY_SIZE(e); size -= 12, data += 12)
		make(&e[n++], data);
	if (!osp_irt_set(&m->irt, e, n, &old)) {
		osp_free(old);
		check_pins(&m->irt);
		for (i = 0; i < n; i++)
			must(e[i].gsi < m->irt.table->nr);
	}
	for (i = 0; i < n; i++) {
		int r = osp_irt_raise(&m->irt, e[i].gsi, i & 7, i & 8, i & 16);

		must(r >= -1 && r <= 2 + 3);
	}
	for (; size >= 2; size -= 2, data += 2)
		osp_irt_raise(&m->irt, data[0] | data[1] << 8, 0,
			      data[1] & 0x80, false);
	machine_free(m);
	return 0;
}
