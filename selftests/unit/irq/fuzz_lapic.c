// SPDX-License-Identifier: GPL-2.0
/*
 * fuzz_lapic.c - random register accesses, messages and time on four local
 * APICs, and what must hold whatever a guest does.
 */
#include "fuzz.h"

#define CPUS	4

static bool any_word(struct osp_lapic *a, u32 reg, u32 word)
{
	return osp_lapic_reg(a, reg + word * 0x10);
}

static void check(struct machine *m, struct osp_lapic *a)
{
	u64 mode = a->base & (OSP_APIC_BASE_EN | OSP_APIC_BASE_EXTD);
	/* Before the next line moves it to IRR. */
	u64 illegal = a->pi.pir[0] & 0xffff;
	int vector = osp_lapic_pending(a), serving = osp_lapic_in_service(a);
	u32 i;

	must(mode != OSP_APIC_BASE_EXTD);
	must(!illegal);
	/* What is cached of IRR and ISR is never less than what is there. */
	for (i = 0; i < 8; i++) {
		must(!any_word(a, OSP_APIC_IRR, i) || (a->irr_words & BIT(i)));
		must(any_word(a, OSP_APIC_ISR, i) == !!(a->isr_words & BIT(i)));
	}
	must(vector < 0 || vector >= 16);
	must(vector < 0 || vector >> 4 > serving >> 4 || serving < 0);
	must(vector < 0 ||
	     vector >> 4 > (osp_lapic_reg(a, OSP_APIC_TPR) & 0xf0) >> 4);
	must(osp_lapic_get_cr8(a) <= 15);
	must(!(osp_lapic_reg(a, OSP_APIC_ICR) & OSP_ICR_BUSY));
	must(a->timer.mode <= OSP_TIMER_TSC_DEADLINE);
	must(a->timer.mode != OSP_TIMER_PERIODIC || !a->timer.period_ns ||
	     a->timer.period_ns >= 200000);
	must(!!((struct cpu *)a->ctx)->timer == a->timer.armed);
	must(m->bus.table->nr >= CPUS);
}

static void step(struct machine *m, struct osp_lapic *a, struct input *in)
{
	struct kvm_lapic_state s;
	u64 val;
	u32 reg;

	switch (next(in, 1) % 16) {
	case 0:
		/* Small values matter as much as large ones. */
		val = next(in, 4) >> (next(in, 1) & 31);
		wr(a, (next(in, 1) & 0x3f) << 4, val);
		break;
	case 1:
		rd(a, next(in, 2) & 0xfff);
		break;
	case 2:
		reg = 0x800 + next(in, 1) % 0x48;
		osp_lapic_wrmsr(a, reg, next(in, reg == 0x830 ? 8 : 4) >>
				(next(in, 1) & 31));
		break;
	case 3:
		osp_lapic_rdmsr(a, 0x800 + next(in, 1), &val);
		break;
	case 4:
		val = next(in, 2) & 0xd00;
		osp_lapic_set_base(a, 0xfee00000 | val, next(in, 1) & 1);
		break;
	case 5:
		val = next(in, 2);
		osp_lapic_deliver(a, val & 7, val >> 8, val & 8, val & 16);
		break;
	case 6:
		take(a);
		break;
	case 7:
		machine_run(m, next(in, 3));
		break;
	case 8:
		osp_lapic_set_tsc_deadline(a, next(in, 1) & 1 ? next(in, 8) :
			m->now * m->tsc_mul + next(in, 3));
		break;
	case 9:
		osp_lapic_get_state(a, &s, false);
		reg = (next(in, 1) & 0x3f) << 4;
		val = next(in, 4);
		if (reg != OSP_APIC_ICR)
			memcpy(s.regs + reg, &val, 4);
		osp_lapic_set_state(a, &s, false);
		break;
	case 10:
		osp_lapic_set_cr8(a, next(in, 1));
		break;
	case 11:
		osp_lapic_eoi(a);
		break;
	case 12:
		if (!(next(in, 1) & 7))
			osp_lapic_reset(a, next(in, 1) & 1);
		break;
	default:
		val = next(in, 1);
		osp_lapic_deliver(a, OSP_APIC_FIXED, val, true, val & 1);
		break;
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct input in = input_begin(data, size);
	struct machine *m = machine_new(CPUS);
	u32 i;

	m->bus.pic = true;
	for (i = 0; i < CPUS; i++)
		enable(&m->cpu[i].apic);
	while (input_more(&in)) {
		struct osp_lapic *a = &m->cpu[next(&in, 1) % CPUS].apic;

		step(m, a, &in);
		for (i = 0; i < CPUS; i++)
			check(m, &m->cpu[i].apic);
	}
	machine_free(m);
	return 0;
}
