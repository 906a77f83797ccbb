// SPDX-License-Identifier: GPL-2.0
/*
 * test_lapic.c - the local APIC alone: reset, registers, modes, errors, state.
 * SDM 3A chapter 11; KVM for what the SDM leaves open.
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

	IS(m->cpu[0].enables, 0, "a reset says nothing of SVR");
	wr(a, 0xf0, 0xffffffff);
	IS(rd(a, 0xf0), 0x3ff, "SVR: bit 12 is not there without directed EOI");
	IS(m->cpu[0].enables, 1, "a write does");
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
	IS(m->cpu[0].enables, 1, "and said to have been written");
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
	IS(m->cpu[2].enables, 1, "and SVR is said to have been written");
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
	test_errors();
	test_written();
	test_state();
	test_copy();
	return END();
}
