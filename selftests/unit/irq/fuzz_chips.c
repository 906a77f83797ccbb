// SPDX-License-Identifier: GPL-2.0
/*
 * fuzz_chips.c - random port and window accesses, lines, states and time on
 * PIC, I/O APIC and PIT, and what must hold whatever a guest does.
 */
#include "fuzz.h"

static void pic_step(struct osp_pic *pic, struct input *in)
{
	static const u16 ports[] = { 0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1 };
	u8 op = next(in, 1);
	struct kvm_pic_state s;

	switch (op % 5) {
	case 0:
		osp_pic_write(pic, ports[op / 5 % 6], next(in, 1));
		break;
	case 1:
		osp_pic_read(pic, ports[op / 5 % 6]);
		break;
	case 2:
		osp_pic_set_irq(pic, op / 5 % 16, 0, next(in, 1) & 1);
		break;
	case 3:
		osp_pic_intack(pic);
		break;
	default:
		for (u32 i = 0; i < sizeof(s); i++)
			((u8 *)&s)[i] = next(in, 1);
		osp_pic_set_state(pic, op & 1, &s);
		break;
	}
	must(!pic->output || (pic->chip[0].irr & ~pic->chip[0].imr));
}

static void ioapic_step(struct machine *m, struct input *in)
{
	struct osp_ioapic *io = &m->ioapic;
	u8 op = next(in, 1);
	struct kvm_ioapic_state s;
	struct osp_lapic *a;
	u32 pin;

	switch (op % 5) {
	case 0:
		osp_ioapic_write(io, 0, next(in, 1));
		osp_ioapic_write(io, 0x10, next(in, 4));
		break;
	case 1:
		osp_ioapic_write(io, 0, next(in, 1));
		osp_ioapic_read(io, 0x10);
		break;
	case 2:
		osp_ioapic_set_irq(io, op / 5 % 24, 0, next(in, 1) & 1,
				   op & 0x80);
		break;
	case 3:
		a = &m->cpu[op & 1].apic;
		if (take(a) >= 0)
			osp_lapic_eoi(a);
		break;
	default:
		osp_ioapic_get_state(io, &s);
		s.irr = next(in, 4);
		s.redirtbl[op / 5 % 24].bits = next(in, 8);
		osp_ioapic_set_state(io, &s);
		break;
	}
	for (pin = 0; pin < 24; pin++) {
		u64 rte = io->rte[pin];

		must(!(rte & OSP_RTE_LEVEL) ||
		     test_bit(OSP_RTE_VECTOR(rte), m->bus.eoi_watch));
	}
	must(!(io->irr & ~0xffffffU));
}

static void pit_step(struct machine *m, struct input *in)
{
	struct osp_pit *pit = &m->pit;
	u8 op = next(in, 1);
	struct kvm_pit_state2 s;

	switch (op % 6) {
	case 0:
		osp_pit_write(pit, op & 0x80 ? 0x61 : 0x40 + (op / 6 & 3),
			      next(in, 1), m->now);
		break;
	case 1:
		osp_pit_read(pit, op & 0x80 ? 0x61 : 0x40 + (op / 6 & 3),
			     m->now);
		break;
	case 2:
		m->now += next(in, 4);
		break;
	case 3:
		if (!pit->expires_ns)
			break;
		m->now = max(m->now, pit->expires_ns);
		osp_pit_tick(pit, m->now);
		must(!pit->expires_ns || pit->expires_ns > m->now);
		break;
	case 4:
		osp_pit_ack(pit);
		break;
	default:
		for (u32 i = 0; i < sizeof(s); i++)
			((u8 *)&s)[i] = next(in, 1);
		osp_pit_set_state(pit, &s, m->now);
		break;
	}
	must(pit->pending <= 5000);
	must(pit->ch[0].s.count <= 0x10000);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct input in = input_begin(data, size);
	struct machine *m = machine_new(2);

	m->bus.pic = true;
	enable(&m->cpu[0].apic);
	enable(&m->cpu[1].apic);
	while (input_more(&in)) {
		switch (next(&in, 1) % 3) {
		case 0:
			pic_step(&m->pic, &in);
			break;
		case 1:
			ioapic_step(m, &in);
			break;
		default:
			pit_step(m, &in);
			break;
		}
	}
	machine_free(m);
	return 0;
}
