// SPDX-License-Identifier: GPL-2.0
/*
 * machine.c - the machine of machine.h.
 */
#include "machine.h"

/* ---- what the local APICs ask of it ---- */

static void cpu_kick(void *ctx)
{
	((struct cpu *)ctx)->kicks++;
}

static void cpu_eoi(void *ctx, u8 vector)
{
	struct cpu *cpu = ctx;
	struct osp_ioapic *io = &cpu->m->ioapic;
	u32 pins = osp_ioapic_eoi_pins(io, vector);

	cpu->eois++;
	cpu->eoi_vector = vector;
	if (osp_lapic_broadcasts_eoi(&cpu->apic, vector))
		osp_ioapic_eoi(io, pins);
}

static void cpu_enabled(void *ctx)
{
	((struct cpu *)ctx)->enables++;
}

static u64 cpu_now(void *ctx)
{
	return ((struct cpu *)ctx)->m->now;
}

static u64 cpu_tsc(void *ctx)
{
	struct machine *m = ((struct cpu *)ctx)->m;

	return m->now * m->tsc_mul + m->tsc_offset;
}

static void cpu_arm(void *ctx, u64 expires)
{
	struct cpu *cpu = ctx;

	cpu->timer = expires ? expires : 1;
	cpu->arms++;
}

static void cpu_cancel(void *ctx)
{
	struct cpu *cpu = ctx;

	cpu->timer = 0;
	cpu->cancels++;
}

static const struct osp_lapic_ops cpu_ops = {
	.kick		= cpu_kick,
	.posted		= cpu_kick,
	.eoi		= cpu_eoi,
	.enabled	= cpu_enabled,
	.now_ns		= cpu_now,
	.guest_tsc	= cpu_tsc,
	.timer_arm	= cpu_arm,
	.timer_cancel	= cpu_cancel,
};

/* ---- and the table of requests ---- */

static int machine_pin(void *ctx, u32 chip, u32 pin, u32 source, bool level,
		       bool line_status)
{
	struct machine *m = ctx;

	if (chip == KVM_IRQCHIP_IOAPIC)
		return osp_ioapic_set_irq(&m->ioapic, pin, source, level,
					  line_status);
	return osp_pic_set_irq(&m->pic, pin + 8 * chip, source, level);
}

static int machine_apic(void *ctx, const struct osp_apic_msg *msg,
			bool *coalesced)
{
	return osp_apic_bus_deliver(&((struct machine *)ctx)->bus, NULL, msg,
				    coalesced);
}

static void machine_eventfd(void *ctx, void *target)
{
	struct machine *m = ctx;

	m->signals++;
	m->signalled = target;
}

static void machine_release(void *ctx, void *target)
{
	struct machine *m = ctx;

	m->releases++;
	m->released = target;
}

static void machine_trace(void *ctx, int gsi, u64 route, int status,
			  bool coalesced)
{
	struct machine *m = ctx;

	m->traces++;
	m->traced_gsi = gsi;
	m->traced_coalesced = coalesced;
}

static const struct osp_irt_ops machine_irt_ops = {
	.pin		= machine_pin,
	.apic		= machine_apic,
	.eventfd	= machine_eventfd,
	.release	= machine_release,
	.trace		= machine_trace,
};

/* ---- life ---- */

struct osp_lapic *machine_add(struct machine *m, u32 slot, u32 id)
{
	struct cpu *cpu = &m->cpu[slot];

	cpu->m = m;
	cpu->present = true;
	osp_lapic_init(&cpu->apic, cpu->page, id, id == 0, &m->bus, &cpu_ops,
		       cpu);
	osp_lapic_set_cpuid(&cpu->apic, true, true, 40);
	cpu->apic.timer.tsc_khz = m->tsc_mul * 1000000;
	if (osp_apic_bus_add(&m->bus, &cpu->apic))
		abort();
	return &cpu->apic;
}

struct machine *machine_new(u32 cpus)
{
	static struct machine the_machine;
	struct machine *m = &the_machine;
	u32 i;

	memset(m, 0, sizeof(*m));
	m->now = 1000000000;
	m->tsc_mul = 2;
	osp_ioapic_init(&m->ioapic, &m->bus);
	for (i = 0; i < cpus; i++)
		machine_add(m, i, i);
	osp_pic_init(&m->pic);
	osp_pit_init(&m->pit, KVM_PIT_SPEAKER_DUMMY, m->now);
	osp_irt_init(&m->irt, &machine_irt_ops, m, true);
	if (osp_irt_set_default(&m->irt))
		abort();
	return m;
}

void machine_free(struct machine *m)
{
	osp_irt_destroy(&m->irt);
	osp_apic_bus_destroy(&m->bus);
}

void machine_run(struct machine *m, u64 ns)
{
	u64 end = m->now + ns, next;
	struct cpu *first;
	u32 i;

	for (;;) {
		first = NULL;
		for (i = 0; i < MACHINE_CPUS; i++)
			if (m->cpu[i].timer && m->cpu[i].timer <= end &&
			    (!first || m->cpu[i].timer < first->timer))
				first = &m->cpu[i];
		if (!first)
			break;
		m->now = max(m->now, first->timer);
		first->timer = 0;
		next = osp_lapic_timer_fired(&first->apic);
		if (next)
			first->timer = next;
	}
	m->now = end;
}

/* ---- shorthands ---- */

u32 rd(struct osp_lapic *apic, u32 offset)
{
	return osp_lapic_read(apic, offset, 4);
}

void wr(struct osp_lapic *apic, u32 offset, u32 val)
{
	osp_lapic_write(apic, offset, 4, val);
}

void enable(struct osp_lapic *apic)
{
	if (osp_lapic_x2apic(apic))
		osp_lapic_wrmsr(apic, 0x80f, 0x1ff);
	else
		wr(apic, OSP_APIC_SVR, 0x1ff);
}

void to_x2apic(struct osp_lapic *apic)
{
	osp_lapic_set_base(apic, apic->base | OSP_APIC_BASE_EXTD, false);
}

int take(struct osp_lapic *apic)
{
	int vector = osp_lapic_pending(apic);

	if (vector >= 0)
		osp_lapic_ack(apic, vector);
	return vector;
}
