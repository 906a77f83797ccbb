// SPDX-License-Identifier: GPL-2.0
/*
 * test_lapic.c - the local APIC alone: reset, registers, modes, priorities,
 * errors, state.  SDM 3A chapter 11; KVM for what the SDM leaves open.
 */
#include "machine.h"
#include "tap.h"

/* ---- reset ---- */

static void test_reset(void)
{
	struct machine *m = machine_new(2);
	struct osp_lapic *bsp = &m->cpu[0].apic, *ap = &m->cpu[1].apic;
	u32 reg;

	IS(bsp->base, 0xfee00900, "base of the BSP after reset");
	IS(ap->base, 0xfee00800, "base of an AP after reset");
	IS(rd(bsp, 0x20), 0, "ID of APIC 0");
	IS(rd(ap, 0x20), 1 << 24, "ID of APIC 1");
	IS(rd(bsp, 0x30), 0x50014, "version register");
	IS(rd(bsp, 0x80), 0, "TPR");
	IS(rd(bsp, 0xa0), 0, "PPR");
	IS(rd(bsp, 0xd0), 0, "LDR");
	IS(rd(bsp, 0xe0), 0xffffffff, "DFR");
	IS(rd(bsp, 0xf0), 0xff, "SVR: disabled, vector FFH");
	for (reg = 0x320; reg <= 0x370; reg += 0x10)
		if (reg != 0x350)
			IS(rd(bsp, reg), 0x10000, "LVT %#x masked", reg);
	IS(rd(bsp, 0x350), 0x700, "LINT0 of the BSP in ExtINT mode, as KVM");
	IS(rd(ap, 0x350), 0x10000, "LINT0 of an AP masked");
	OK(osp_lapic_accepts_extint(bsp), "the BSP takes the PIC's interrupts");
	OK(!osp_lapic_accepts_extint(ap), "an AP does not");
	IS(rd(bsp, 0x380), 0, "initial count");
	IS(rd(bsp, 0x390), 0, "current count");
	IS(rd(bsp, 0x3e0), 0, "divide configuration");
	IS(osp_lapic_pending(bsp), -1, "nothing pending");
	machine_free(m);
}

static void test_init_keeps(void)
{
	struct machine *m = machine_new(2);
	struct osp_lapic *a = &m->cpu[1].apic;
	u64 val;

	enable(a);
	wr(a, 0x20, 0x77000000);
	wr(a, 0x80, 0x30);
	osp_lapic_deliver(a, OSP_APIC_FIXED, 0x55, true, false);
	osp_lapic_reset(a, true);
	IS(rd(a, 0x20), 0x77000000, "INIT keeps the APIC ID");
	IS(rd(a, 0x80), 0, "INIT clears TPR");
	IS(osp_lapic_pending(a), -1, "INIT clears what was posted");
	to_x2apic(a);
	osp_lapic_reset(a, true);
	OK(osp_lapic_x2apic(a), "INIT stays in x2APIC mode");
	IS(osp_lapic_rdmsr(a, 0x80d, &val), 0, "LDR readable");
	IS(val, 0x2, "INIT keeps the x2APIC LDR");
	osp_lapic_reset(a, false);
	IS(a->base, 0xfee00800, "RESET goes back to xAPIC mode");
	IS(rd(a, 0x20), 1 << 24, "RESET restores the ID");
	machine_free(m);
}

/* ---- IA32_APIC_BASE ---- */

static void test_base(void)
{
	struct machine *m = machine_new(1);
	struct osp_lapic *a = &m->cpu[0].apic;
	const u64 def = 0xfee00900;

	IS(osp_lapic_set_base(a, def | 1, false), -EINVAL, "bit 0 reserved");
	IS(osp_lapic_set_base(a, def | 0x200, false), -EINVAL, "bit 9 reserved");
	IS(osp_lapic_set_base(a, def | 1ULL << 40, false), -EINVAL,
	   "address above MAXPHYADDR");
	IS(osp_lapic_set_base(a, def | 1ULL << 39, false), 0,
	   "highest address bit");
	IS(osp_lapic_set_base(a, 0xfee00500, false), -EINVAL,
	   "EXTD without EN is invalid");
	IS(osp_lapic_set_base(a, def | 0x400, false), 0, "xAPIC to x2APIC");
	IS(osp_lapic_set_base(a, def, false), -EINVAL, "x2APIC to xAPIC");
	IS(osp_lapic_set_base(a, 0xfee00100, false), 0, "x2APIC to disabled");
	IS(osp_lapic_set_base(a, def | 0x400, false), -EINVAL,
	   "disabled to x2APIC");
	IS(osp_lapic_set_base(a, def, false), 0, "disabled to xAPIC");
	osp_lapic_set_base(a, def | 0x400, false);
	IS(osp_lapic_set_base(a, def, true), 0,
	   "userspace may go from x2APIC to xAPIC");
	osp_lapic_set_cpuid(a, false, false, 36);
	IS(osp_lapic_set_base(a, def | 0x400, true), -EINVAL,
	   "no x2APIC in CPUID: EXTD reserved");
	machine_free(m);
}

static void test_disabled(void)
{
	struct machine *m = machine_new(1);
	struct osp_lapic *a = &m->cpu[0].apic;

	enable(a);
	osp_lapic_deliver(a, OSP_APIC_FIXED, 0x40, true, false);
	osp_lapic_set_base(a, 0xfee00100, false);
	IS(osp_lapic_pending(a), -1, "disabled: nothing is delivered");
	IS(osp_lapic_deliver(a, OSP_APIC_FIXED, 0x41, true, false), 0,
	   "disabled: nothing is accepted");
	IS(osp_lapic_read(a, 0x20, 4), -1, "disabled: the page reads as ones");
	OK(osp_lapic_accepts_extint(a), "disabled: INTR goes to the CPU");
	machine_free(m);
}

/* ---- the xAPIC page ---- */

static void test_page(void)
{
	struct machine *m = machine_new(1);
	struct osp_lapic *a = &m->cpu[0].apic;

	wr(a, 0xf0, 0xffffffff);
	IS(rd(a, 0xf0), 0x3ff, "SVR: bit 12 is not there without directed EOI");
	wr(a, 0xd0, 0xffffffff);
	IS(rd(a, 0xd0), 0xff000000, "LDR: bits 31:24");
	wr(a, 0xe0, 0);
	IS(rd(a, 0xe0), 0x0fffffff, "DFR: bits 31:28");
	wr(a, 0x20, 0xab123456);
	IS(rd(a, 0x20), 0xab000000, "ID: bits 31:24");
	wr(a, 0x310, 0xffffffff);
	IS(rd(a, 0x310), 0xff000000, "ICR high: bits 31:24");
	wr(a, 0x3e0, 0xffffffff);
	IS(rd(a, 0x3e0), 0xb, "divide configuration: bits 3, 1, 0");
	wr(a, 0x30, 0);
	IS(rd(a, 0x30), 0x50014, "the version is read-only");
	wr(a, 0x320, 0xffffffff);
	IS(rd(a, 0x320), 0x710ff, "LVT timer's bits");
	wr(a, 0x330, 0xffffffff);
	IS(rd(a, 0x330), 0x117ff, "LVT thermal's bits");
	wr(a, 0x350, 0xffffffff);
	IS(rd(a, 0x350), 0x1f7ff, "LINT0's bits");
	wr(a, 0x370, 0xffffffff);
	IS(rd(a, 0x370), 0x110ff, "LVT error's bits");
	wr(a, 0x80, 0x12345678);
	IS(rd(a, 0x80), 0x78, "TPR: bits 7:0");
	IS(rd(a, 0x90), 0, "arbitration priority reads as 0");
	machine_free(m);
}

static void test_sizes(void)
{
	struct machine *m = machine_new(1);
	struct osp_lapic *a = &m->cpu[0].apic;

	wr(a, 0x20, 0xab000000);
	IS(osp_lapic_read(a, 0x23, 1) & 0xff, 0xab, "a byte of a register");
	IS(osp_lapic_read(a, 0x22, 2) & 0xffff, 0xab00, "a word of it");
	IS(osp_lapic_read(a, 0x21, 4), 0, "across its end: 0");
	IS(osp_lapic_read(a, 0x20, 8), 0, "8 bytes: 0");
	IS(osp_lapic_read(a, 0x24, 4), 0, "beside it: 0");
	osp_lapic_write(a, 0x80, 1, 0x20);
	IS(rd(a, 0x80), 0, "a byte written is ignored");
	osp_lapic_write(a, 0x80, 8, 0x20);
	IS(rd(a, 0x80), 0, "8 bytes written are ignored");
	osp_lapic_write(a, 0x84, 4, 0x20);
	IS(rd(a, 0x80), 0, "a write beside a register is ignored");
	osp_lapic_write(a, 0x80, 4, 0x20);
	IS(rd(a, 0x80), 0x20, "4 bytes count");
	machine_free(m);
}

static void test_lvt_masks(void)
{
	struct machine *m = machine_new(1);
	struct osp_lapic *a = &m->cpu[0].apic;

	wr(a, 0x360, 0x400);
	IS(rd(a, 0x360), 0x10400, "software-disabled: an entry stays masked");
	enable(a);
	wr(a, 0x360, 0x400);
	IS(rd(a, 0x360), 0x400, "enabled: it can be unmasked");
	wr(a, 0xf0, 0xff);
	IS(rd(a, 0x360), 0x10400, "disabling masks all");
	IS(rd(a, 0x350), 0x10700, "LINT0 too");
	OK(!osp_lapic_accepts_extint(a), "so the PIC is cut off");
	wr(a, 0x2f0, 0x30);
	IS(osp_lapic_reg(a, 0x2f0), 0, "no CMCI entry unless MCG_CAP says so");
	osp_lapic_set_cmci(a, true);
	IS(rd(a, 0x30), 0x60014, "with CMCI seven entries");
	IS(rd(a, 0x2f0), 0x10000, "the new one masked");
	machine_free(m);
}

/* ---- x2APIC MSRs ---- */

static int rdmsr_fails(struct osp_lapic *a, u32 msr)
{
	u64 val;

	return osp_lapic_rdmsr(a, msr, &val) == -EINVAL;
}

static void test_x2apic_reads(void)
{
	static const u32 bad[] = { 0x800, 0x809, 0x80b, 0x80c, 0x80e, 0x82f,
				   0x831, 0x83a, 0x83d, 0x83f, 0x840, 0x8ff };
	static const u32 good[] = { 0x802, 0x803, 0x808, 0x80a, 0x80d, 0x80f,
				    0x810, 0x817, 0x818, 0x81f, 0x820, 0x827,
				    0x828, 0x830, 0x832, 0x837, 0x838, 0x839,
				    0x83e };
	struct machine *m = machine_new(20);
	struct osp_lapic *a = &m->cpu[19].apic;
	u64 val;
	u32 i;

	OK(rdmsr_fails(a, 0x802), "xAPIC mode: no MSRs");
	to_x2apic(a);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		OK(rdmsr_fails(a, bad[i]), "RDMSR %#x: #GP", bad[i]);
	for (i = 0; i < ARRAY_SIZE(good); i++)
		OK(!rdmsr_fails(a, good[i]), "RDMSR %#x", good[i]);
	osp_lapic_rdmsr(a, 0x802, &val);
	IS(val, 19, "x2APIC ID in all 32 bits");
	osp_lapic_rdmsr(a, 0x80d, &val);
	IS(val, 0x10008, "logical ID: cluster 1, bit 3");
	IS(osp_lapic_read(a, 0x20, 4), -1, "x2APIC mode: no page");
	wr(a, 0x80, 0x20);
	osp_lapic_rdmsr(a, 0x808, &val);
	IS(val, 0, "nor writes to it");
	machine_free(m);
}

static void test_x2apic_writes(void)
{
	static const struct {
		u32 msr;
		u64 val;
		int want;
	} t[] = {
		{ 0x802, 0, -EINVAL }, { 0x803, 0, -EINVAL },
		{ 0x80a, 0, -EINVAL }, { 0x80d, 0, -EINVAL },
		{ 0x80e, 0, -EINVAL }, { 0x810, 0, -EINVAL },
		{ 0x820, 0, -EINVAL }, { 0x831, 0, -EINVAL },
		{ 0x839, 0, -EINVAL }, { 0x840, 0, -EINVAL },
		{ 0x808, 0x100, -EINVAL }, { 0x808, 0x20, 0 },
		{ 0x80b, 1, -EINVAL }, { 0x80b, 0, 0 },
		{ 0x828, 1, -EINVAL }, { 0x828, 0, 0 },
		{ 0x83f, 0x100, -EINVAL }, { 0x83f, 0x30, 0 },
		{ 0x80f, 1ULL << 32, -EINVAL }, { 0x80f, 0x1ff, 0 },
		{ 0x838, 1ULL << 32, -EINVAL }, { 0x838, 5, 0 },
		{ 0x830, BIT(13), -EINVAL }, { 0x830, BIT(16), -EINVAL },
		{ 0x830, BIT(20), -EINVAL }, { 0x830, BIT(31), -EINVAL },
		{ 0x830, 0x5ULL << 32 | 0x4030, 0 },
		{ 0x832, 0x10020, 0 }, { 0x83e, 3, 0 },
	};
	struct machine *m = machine_new(1);
	struct osp_lapic *a = &m->cpu[0].apic;
	u64 val;
	u32 i;

	IS(osp_lapic_wrmsr(a, 0x808, 0), -EINVAL, "xAPIC mode: no MSRs");
	to_x2apic(a);
	for (i = 0; i < ARRAY_SIZE(t); i++)
		IS(osp_lapic_wrmsr(a, t[i].msr, t[i].val), t[i].want,
		   "WRMSR %#x, %#llx", t[i].msr, (unsigned long long)t[i].val);
	osp_lapic_rdmsr(a, 0x830, &val);
	IS(val, 0x5ULL << 32 | 0x4030, "ICR reads as one 64-bit register");
	osp_lapic_wrmsr(a, 0x830, 0x5ULL << 32 | 0x5030);
	osp_lapic_rdmsr(a, 0x830, &val);
	IS(val, 0x5ULL << 32 | 0x4030, "ICR is never busy");
	machine_free(m);
}

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

/* ---- errors ---- */

static void test_errors(void)
{
	struct machine *m = machine_new(1);
	struct osp_lapic *a = &m->cpu[0].apic;

	enable(a);
	wr(a, 0x370, 0x33);
	rd(a, 0x40);
	IS(rd(a, 0x280), 0, "ESR changes by a write only");
	IS(take(a), 0x33, "LVT error was raised");
	wr(a, 0xb0, 0);
	wr(a, 0x280, 0);
	IS(rd(a, 0x280), 0x80, "illegal register address");
	wr(a, 0x280, 0);
	IS(rd(a, 0x280), 0, "ESR is cleared by the next write");
	wr(a, 0x300, 0x4000f);
	wr(a, 0x280, 0);
	IS(rd(a, 0x280), 0x60, "vector 15 to self: sent and received illegal");
	IS(take(a), 0x33, "LVT error again");
	wr(a, 0xb0, 0);
	IS(osp_lapic_deliver(a, OSP_APIC_FIXED, 3, true, false), 0,
	   "vectors below 16 are refused");
	IS(rd(a, 0x200), 0, "and never in IRR");
	wr(a, 0x280, 0);
	IS(rd(a, 0x280), 0x40, "received illegal vector");
	wr(a, 0x370, 0x5);
	osp_lapic_deliver(a, OSP_APIC_FIXED, 3, true, false);
	wr(a, 0x280, 0);
	IS(rd(a, 0x280), 0x40, "LVT error's own vector illegal: no recursion");
	wr(a, 0x370, 0x10000);
	wr(a, 0x300, 0xc0003);
	wr(a, 0x280, 0);
	IS(rd(a, 0x280), 0x20, "sent illegal vector, to nobody");
	to_x2apic(a);
	osp_lapic_wrmsr(a, 0x83f, 7);
	osp_lapic_wrmsr(a, 0x828, 0);
	IS(osp_lapic_reg(a, 0x280), 0x60, "SELF IPI: sent and received illegal");
	osp_lapic_set_reg(a, 0x3f0, 7);
	osp_lapic_written(a, 0x3f0);
	osp_lapic_wrmsr(a, 0x828, 0);
	IS(osp_lapic_reg(a, 0x280), 0x60, "the same if the CPU wrote it");
	machine_free(m);
}

/* ---- registers the CPU wrote by itself ---- */

static void test_written(void)
{
	struct machine *m = machine_new(1);
	struct osp_lapic *a = &m->cpu[0].apic;

	osp_lapic_set_reg(a, 0xf0, 0xffffffff);
	osp_lapic_written(a, 0xf0);
	IS(rd(a, 0xf0), 0x3ff, "SVR is put right");
	osp_lapic_set_reg(a, 0x300, 0x44050);
	osp_lapic_written(a, 0x300);
	IS(take(a), 0x50, "a self-IPI through ICR");
	wr(a, 0xb0, 0);
	to_x2apic(a);
	osp_lapic_set_reg(a, 0x3f0, 0x51);
	osp_lapic_written(a, 0x3f0);
	IS(take(a), 0x51, "SELF IPI");
	/* Virtual-interrupt delivery: the CPU moved IRR to ISR. */
	osp_lapic_eoi(a);
	osp_lapic_deliver(a, OSP_APIC_FIXED, 0x60, true, false);
	IS(osp_lapic_pending(a), 0x60, "60H requested");
	osp_lapic_set_reg(a, 0x230, 0);
	osp_lapic_set_reg(a, 0x130, 1);
	IS(osp_lapic_pending(a), -1, "delivered by the CPU: not again");
	osp_lapic_resync(a);
	IS(osp_lapic_in_service(a), 0x60, "in service after resync");
	machine_free(m);
}

/* ---- state ---- */

static void put(struct kvm_lapic_state *s, u32 offset, u32 val)
{
	memcpy(s->regs + offset, &val, 4);
}

static u32 get(const struct kvm_lapic_state *s, u32 offset)
{
	u32 val;

	memcpy(&val, s->regs + offset, 4);
	return val;
}

static void test_state(void)
{
	struct machine *m = machine_new(4);
	struct osp_lapic *a = &m->cpu[3].apic, *b = &m->cpu[2].apic;
	struct kvm_lapic_state s, t;

	osp_lapic_get_state(a, &s, false);
	IS(get(&s, 0x20), 3 << 24, "xAPIC ID in bits 31:24");
	IS(get(&s, 0x30), 0x50014, "version");
	enable(a);
	osp_lapic_deliver(a, OSP_APIC_FIXED, 0x35, true, false);
	osp_lapic_deliver(a, OSP_APIC_FIXED, 0x80, true, true);
	take(a);
	wr(a, 0x80, 0x20);
	osp_lapic_deliver(a, OSP_APIC_FIXED, 0x91, true, false);
	osp_lapic_get_state(a, &s, false);
	IS(get(&s, 0x240), BIT(17), "what is posted is in IRR");
	put(&s, 0x30, 0x12345);
	put(&s, 0x20, 2 << 24);
	osp_lapic_set_state(b, &s, false);
	osp_lapic_get_state(b, &t, false);
	IS(get(&t, 0x30), 0x50014, "the version is not userspace's to choose");
	put(&s, 0x30, 0x50014);
	OK(!memcmp(&s, &t, sizeof(s)), "all else comes back as it was set");
	IS(osp_lapic_in_service(b), 0x80, "in service");
	IS(take(b), 0x91, "pending above it");
	osp_lapic_eoi(b);
	osp_lapic_eoi(b);
	IS(take(b), 0x35, "and below");

	to_x2apic(a);
	osp_lapic_wrmsr(a, 0x830, 0x1234ULL << 32 | 0x1b05);
	osp_lapic_get_state(a, &s, false);
	IS(get(&s, 0x20), 3 << 24, "x2APIC ID is shown in bits 31:24");
	IS(get(&s, 0x310), 0x1234, "ICR's high half in ICR2");
	IS(get(&s, 0xd0), 8, "x2APIC LDR");
	osp_lapic_get_state(a, &t, true);
	IS(get(&t, 0x20), 3, "32-bit IDs: as it is");
	put(&t, 0x80, 0x70);
	IS(osp_lapic_set_state(a, &t, true), 0, "and set");
	put(&t, 0x20, 3 << 24);
	put(&t, 0x80, 0);
	IS(osp_lapic_set_state(a, &t, true), -EINVAL, "another is refused");
	IS(osp_lapic_reg(a, 0x80), 0x70, "and nothing is changed");
	put(&s, 0x310, 0x4321);
	put(&s, 0xd0, 0);
	osp_lapic_set_state(a, &s, false);
	IS(*(u64 *)(a->regs + 0x300), 0x4321ULL << 32 | 0xb05,
	   "and comes back from there");
	IS(osp_lapic_reg(a, 0xd0), 8, "LDR follows from the ID");
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

/* ---- a fork's ---- */

static void test_copy(void)
{
	struct machine *m = machine_new(2);
	struct osp_lapic *from = &m->cpu[0].apic, *to = &m->cpu[1].apic;

	osp_lapic_set_cpuid(from, true, true, 39);
	enable(from);
	wr(from, 0x80, 0x20);
	wr(from, 0x3e0, 0xb);
	wr(from, 0x320, 0x20041);
	wr(from, 0x380, 1000000);
	osp_lapic_deliver(from, OSP_APIC_FIXED, 0x61, true, true);
	osp_lapic_deliver(from, OSP_APIC_FIXED, 0x72, true, false);
	IS(osp_lapic_pending(from), 0x72, "two wait");
	osp_lapic_ack(from, 0x72);
	/* Posted, and not in IRR yet. */
	osp_lapic_deliver(from, OSP_APIC_FIXED, 0x93, true, false);
	osp_lapic_deliver(from, OSP_APIC_NMI, 0, true, false);
	osp_lapic_copy(to, from);
	IS(osp_lapic_pending(from), 0x93, "what was posted stays");
	IS(osp_lapic_pending(to), 0x93, "... and is copied");
	IS(rd(to, 0x80), 0x20, "TPR");
	IS(osp_lapic_top(to, OSP_APIC_ISR), 0x72, "in service");
	IS(rd(to, 0x320), 0x20041, "the timer's entry");
	IS(to->timer.mode, OSP_TIMER_PERIODIC, "... its mode");
	IS(to->timer.expires_ns, from->timer.expires_ns, "... when it fires");
	OK(to->timer.armed, "... and that it is to be armed");
	OK(test_bit(OSP_LAPIC_EV_NMI, &to->events), "an NMI");
	IS(osp_lapic_set_base(to, 0xfee00d00, true), 0, "CPUID has x2APIC");
	osp_lapic_ack(to, 0x93);
	osp_lapic_eoi(to);
	osp_lapic_eoi(to);
	IS(osp_lapic_pending(to), 0x61, "the one below them comes last");
	IS(osp_lapic_pending(from), 0x93, "the original has all of it before it");
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
	test_reset();
	test_init_keeps();
	test_base();
	test_disabled();
	test_page();
	test_sizes();
	test_lvt_masks();
	test_x2apic_reads();
	test_x2apic_writes();
	test_priorities();
	test_cr8();
	test_post();
	test_extint();
	test_events();
	test_tmr_eoi();
	test_local();
	test_errors();
	test_written();
	test_state();
	test_by_cpu();
	test_reads_page();
	test_copy();
	test_unack();
	return END();
}
