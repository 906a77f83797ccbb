// SPDX-License-Identifier: GPL-2.0
/*
 * exits_cpu.c - the exits that privileged instructions make: CPUID, control and
 * debug registers, XSETBV, and those which a guest may not have at all.
 *
 * SDM 3A 2.5 (control registers), 3B 17.2 (debug registers), 3C 25.1.
 */
#include "lib/abi.h"
#include "lib/apic.h"
#include "lib/guest.h"

#define GP 13
#define UD 6
#define DB 1

/* ---- CPUID ---- */

static void cpuid_guest(void)
{
	u32 r[4];

	cpuid(0x40000010, 0, r);
	g_value("own-leaf-eax", r[0], 0x11111111);
	g_value("own-leaf-ebx", r[1], 0x22222222);
	g_value("own-leaf-ecx", r[2], 0x33333333);
	g_value("own-leaf-edx", r[3], 0x44444444);
	cpuid(0x40000010, 7, r);
	g_value("index-ignored", r[0], 0x11111111);
	cpuid(0x40000011, 3, r);
	g_value("indexed-leaf", r[0], 0x55);
	cpuid(0x40000011, 4, r);
	g_value("indexed-leaf-absent", r[0] | r[1] | r[2] | r[3], 0);
	cpuid(1, 0, r);
	g_value("apic-id", r[1] >> 24, 5);
	g_value("osxsave-off", r[2] >> 27 & 1, 0);
	g_value("apic", r[3] >> 9 & 1, 1);
	g_value("vmx", r[2] >> 5 & 1, 0);
	WRITE_CR(4, READ_CR(4) | BIT(18));
	g_fault("cr4-osxsave", NOFAULT);
	cpuid(1, 0, r);
	g_value("osxsave-on", r[2] >> 27 & 1, 1);
	WRITE_CR(4, READ_CR(4) & ~BIT(18));
	cpuid(1, 0, r);
	g_value("osxsave-off-again", r[2] >> 27 & 1, 0);
	wrmsr(0x1b, 0xfee00100);
	g_fault("apic-base-disable", NOFAULT);
	cpuid(1, 0, r);
	g_value("apic-off", r[3] >> 9 & 1, 0);
	wrmsr(0x1b, 0xfee00900);
	cpuid(1, 0, r);
	g_value("apic-on", r[3] >> 9 & 1, 1);
}

/* Beyond the highest basic leaf Intel answers with that leaf's data. */
static void cpuid_range_guest(void)
{
	u32 max[4], last[4], r[4];

	cpuid(0, 0, max);
	cpuid(max[0], 0, last);
	cpuid(max[0] + 0x1000, 0, r);
	g_value("beyond-basic-eax", r[0] == last[0], 1);
	g_value("beyond-basic-ebx", r[1] == last[1], 1);
	cpuid(0x80000000, 0, max);
	cpuid(max[0] + 0x1000, 0, r);
	g_value("beyond-extended-eax", r[0] == last[0], 1);
	g_value("extended-ebx", max[1], 0);
}

static struct kvm_cpuid_entry2 *add_leaf(struct kvm_cpuid2 *c, u32 leaf)
{
	struct kvm_cpuid_entry2 *e = &c->entries[c->nent++];

	memset(e, 0, sizeof(*e));
	e->function = leaf;
	return e;
}

static struct vcpu *cpuid_vcpu(struct vm *vm)
{
	struct vcpu *v = vcpu_raw(vm, 0);
	struct kvm_cpuid2 *c = supported_cpuid(vm->dev);
	struct kvm_cpuid_entry2 *e;

	e = cpuid_entry(c, 1, 0);
	e->ebx = (e->ebx & 0xffffff) | 5 << 24;
	e->ecx &= ~BIT(31);
	e = cpuid_entry(c, 0x80000000, 0);
	e->ebx = 0;
	e->ecx = 0;
	e->edx = 0;
	e = add_leaf(c, 0x40000010);
	e->eax = 0x11111111;
	e->ebx = 0x22222222;
	e->ecx = 0x33333333;
	e->edx = 0x44444444;
	e = add_leaf(c, 0x40000011);
	e->index = 3;
	e->flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
	e->eax = 0x55;
	MUST(ioctl(v->fd, KVM_SET_CPUID2, c));
	return v;
}

CASE(cpuid_policy)
{
	struct vm *vm = vm_new(VM_IRQCHIP);

	run_guest(cpuid_vcpu(vm), cpuid_guest);
}

CASE(cpuid_out_of_range)
{
	struct vm *vm = vm_new(0);

	run_guest(cpuid_vcpu(vm), cpuid_range_guest);
}

/* ---- CR0 ---- */

static void cr0_guest(void)
{
	u64 cr0 = READ_CR(0), got;

	g_value("initial", cr0, 0x80010031);
	WRITE_CR(0, cr0 & ~BIT(31));
	g_fault_err("pg-off-in-64bit", GP, 0);
	WRITE_CR(0, cr0 & ~BIT(0));
	g_fault_err("pg-without-pe", GP, 0);
	WRITE_CR(0, cr0 | BIT(29));
	g_fault_err("nw-without-cd", GP, 0);
	WRITE_CR(0, cr0 | BIT(32));
	g_fault_err("bit-32", GP, 0);
	g_value("unchanged", READ_CR(0), cr0);
	WRITE_CR(0, cr0 | BIT(30) | BIT(29));
	g_value("cd-nw", READ_CR(0), cr0 | BIT(30) | BIT(29));
	WRITE_CR(0, cr0);
	WRITE_CR(0, cr0 | BIT(10) | BIT(28));
	g_value("reserved-ignored", READ_CR(0), cr0);
	WRITE_CR(0, cr0 & ~BIT(4));
	g_value("et-stays", READ_CR(0), cr0);
	WRITE_CR(0, cr0 & ~BIT(5));
	g_value("ne-clear", READ_CR(0), cr0 & ~BIT(5));
	WRITE_CR(0, cr0);
	WRITE_CR(0, cr0 & ~BIT(16));
	g_value("wp-clear", READ_CR(0), cr0 & ~BIT(16));
	WRITE_CR(0, cr0 | BIT(18));
	g_value("am-set", READ_CR(0), cr0 | BIT(18));
	WRITE_CR(0, cr0 | BIT(3) | BIT(1));
	g_value("ts-mp", READ_CR(0), cr0 | BIT(3) | BIT(1));
	G_INSN("clts");
	g_value("clts", READ_CR(0), cr0 | BIT(1));
	G_TRY("lmsw %w0", : : "r"(8) : "memory");
	g_value("lmsw-ts-keeps-pe", READ_CR(0), (cr0 & ~0xeul) | BIT(3));
	G_TRY("lmsw %w0", : : "r"(0xfff0 | 7) : "memory");
	g_value("lmsw-low-4-bits", READ_CR(0), (cr0 & ~0xful) | 7);
	G_TRY("smsw %0", : "=r"(got) : : "memory");
	g_value("smsw", got & 0xffff, ((cr0 & ~0xful) | 7) & 0xffff);
	WRITE_CR(0, cr0);
	G_INSN(".byte 0x0f, 0x20, 0xc8");	/* mov %cr1, %rax */
	g_fault("read-cr1", UD);
	G_INSN(".byte 0x0f, 0x22, 0xe8");	/* mov %rax, %cr5 */
	g_fault("write-cr5", UD);
}

CASE(cr0)
{
	struct vm *vm = vm_new(0);

	run_guest(vcpu_new(vm, 0), cr0_guest);
}

/* ---- CR3 ---- */

static void cr3_guest(void)
{
	u32 r[4];

	cpuid(0x80000008, 0, r);
	g_value("initial", READ_CR(3), GPA_PML4);
	WRITE_CR(3, GPA_PML4 | 0x18);
	g_value("pwt-pcd", READ_CR(3), GPA_PML4 | 0x18);
	WRITE_CR(3, GPA_PML4 | 0xfe7);
	g_fault("low-bits", NOFAULT);
	WRITE_CR(3, GPA_PML4 | 1ull << (r[0] & 0xff));
	g_fault_err("beyond-maxphyaddr", GP, 0);
	WRITE_CR(3, GPA_PML4 | BIT(51));
	g_fault_err("bit-51", GP, 0);
	WRITE_CR(3, GPA_PML4 | BIT(63));
	g_fault_err("bit-63-without-pcide", GP, 0);
	WRITE_CR(3, GPA_PML4);
	g_value("final", READ_CR(3), GPA_PML4);
}

CASE(cr3)
{
	struct vm *vm = vm_new(0);

	run_guest(vcpu_new(vm, 0), cr3_guest);
}

/* ---- CR4 ---- */

struct cr4_bit {
	const char *name;
	u8 bit;
	u32 leaf;
	u8 reg, feature;
};

/* A bit may be set exactly if CPUID has the feature; leaf 0: never. */
static const struct cr4_bit cr4_bits[] = {
	{ "umip", 11, 7, 2, 2 },
	{ "la57", 12, 7, 2, 16 },
	{ "vmxe", 13, 0, 0, 0 },
	{ "smxe", 14, 0, 0, 0 },
	{ "bit-15", 15, 0, 0, 0 },
	{ "fsgsbase", 16, 7, 1, 0 },
	{ "pcide", 17, 1, 2, 17 },
	{ "osxsave", 18, 1, 2, 26 },
	{ "smep", 20, 7, 1, 7 },
	{ "smap", 21, 7, 1, 20 },
	{ "pke", 22, 7, 2, 3 },
	{ "bit-25", 25, 0, 0, 0 },
	{ "bit-31", 31, 0, 0, 0 },
	{ "bit-32", 32, 0, 0, 0 },
	{ "bit-63", 63, 0, 0, 0 },
};

static bool has(const struct cr4_bit *b)
{
	u32 r[4];

	if (!b->leaf || b->bit == 12)	/* LA57 cannot be set in 64-bit mode */
		return false;
	cpuid(b->leaf, 0, r);
	return r[b->reg] >> b->feature & 1;
}

static void cr4_guest(void)
{
	u64 cr4 = READ_CR(4);
	unsigned int i;

	g_value("initial", cr4, 0x620);
	for (i = 0; i < ARRAY_LEN(cr4_bits); i++) {
		const struct cr4_bit *b = &cr4_bits[i];

		/* The tests' pages are all user pages: no SMEP, no SMAP. */
		if (has(b) && (b->bit == 20 || b->bit == 21))
			continue;
		WRITE_CR(4, cr4 | 1ull << b->bit);
		if (!has(b)) {
			g_fault_err(b->name, GP, 0);
			g_value("  unchanged", READ_CR(4), cr4);
			continue;
		}
		g_value(b->name, READ_CR(4), cr4 | 1ull << b->bit);
		WRITE_CR(4, cr4);
	}
	WRITE_CR(4, cr4 & ~BIT(5));
	g_fault_err("pae-off-in-64bit", GP, 0);
	WRITE_CR(4, cr4 | 0x9f);
	g_value("vme-pvi-tsd-de-pse-pge", READ_CR(4), cr4 | 0x9f);
	WRITE_CR(4, cr4 | BIT(3));
	G_INSN("mov %%cr4, %%rax");
	READ_DR(4);
	g_fault("dr4-with-de", UD);
	WRITE_CR(4, cr4);
	READ_DR(4);
	g_fault("dr4-without-de", NOFAULT);
}

CASE(cr4)
{
	struct vm *vm = vm_new(0);

	run_guest(vcpu_new(vm, 0), cr4_guest);
}

static void u_rdtsc(u64 arg)
{
	G_TRY("rdtsc", : : : "rax", "rdx", "memory");
	g_fault(arg ? "ring3-rdtsc-with-tsd" : "ring3-rdtsc", arg ? GP : NOFAULT);
}

static void u_rdtscp(u64 arg)
{
	u32 r[4];

	cpuid(0x80000001, 0, r);
	G_TRY("rdtscp", : : : "rax", "rcx", "rdx", "memory");
	if (!(r[3] >> 27 & 1))
		g_fault("ring3-rdtscp", UD);
	else
		g_fault(arg ? "ring3-rdtscp-with-tsd" : "ring3-rdtscp",
			arg ? GP : NOFAULT);
}

static void cr4_effects_guest(void)
{
	u64 cr4 = READ_CR(4);
	u32 r[4];

	guest_user(u_rdtsc, 0);
	guest_user(u_rdtscp, 0);
	WRITE_CR(4, cr4 | BIT(2));
	guest_user(u_rdtsc, 1);
	guest_user(u_rdtscp, 1);
	WRITE_CR(4, cr4);
	cpuid(7, 0, r);
	G_TRY("rdfsbase %%rax", : : : "rax", "memory");
	g_fault("rdfsbase-without-cr4", UD);
	if (r[1] & 1) {
		WRITE_CR(4, cr4 | BIT(16));
		G_TRY("rdfsbase %%rax", : : : "rax", "memory");
		g_fault("rdfsbase", NOFAULT);
		G_TRY("wrgsbase %0", : : "r"(0x800000000000) : "memory");
		g_fault_err("wrgsbase-non-canonical", GP, 0);
		WRITE_CR(4, cr4);
	}
	G_TRY("xgetbv", : : "c"(0) : "rax", "rdx", "memory");
	g_fault("xgetbv-without-osxsave", UD);
}

CASE(cr4_effects)
{
	struct vm *vm = vm_new(0);

	run_guest(vcpu_new(vm, 0), cr4_effects_guest);
}

static void pcid_guest(void)
{
	u64 cr4 = READ_CR(4);

	WRITE_CR(3, GPA_PML4 | 0x18);
	WRITE_CR(4, cr4 | BIT(17));
	g_fault_err("pcide-with-cr3-low-bits", GP, 0);
	WRITE_CR(3, GPA_PML4);
	WRITE_CR(4, cr4 | BIT(17));
	g_value("pcide", READ_CR(4), cr4 | BIT(17));
	WRITE_CR(3, GPA_PML4 | 5);
	g_value("pcid-5", READ_CR(3), GPA_PML4 | 5);
	WRITE_CR(3, GPA_PML4 | 6 | BIT(63));
	g_value("no-flush-bit-reads-0", READ_CR(3), GPA_PML4 | 6);
	WRITE_CR(0, READ_CR(0) & ~BIT(31));
	g_fault_err("pg-off-with-pcide", GP, 0);
	WRITE_CR(4, cr4);
	g_value("pcide-off", READ_CR(4), cr4);
	WRITE_CR(3, GPA_PML4);
}

CASE(pcid)
{
	struct vm *vm = vm_new(0);
	struct kvm_cpuid_entry2 *e = cpuid_entry(supported_cpuid(vm->dev), 1, 0);

	if (!(e->ecx >> 17 & 1))
		skip("PCID is not supported");
	run_guest(vcpu_new(vm, 0), pcid_guest);
}

/* ---- CR8 ---- */

static void cr8_guest(void)
{
	u64 i;

	for (i = 0; i < 16; i += 5) {
		WRITE_CR(8, i);
		g_value("cr8", READ_CR(8), i);
	}
	WRITE_CR(8, 16);
	g_fault_err("cr8-16", GP, 0);
	WRITE_CR(8, 1ull << 40);
	g_fault_err("cr8-bit-40", GP, 0);
	g_value("cr8-unchanged", READ_CR(8), 15);
	g_value("tpr", APIC(APIC_TPR), 0xf0);
	APIC(APIC_TPR) = 0x35;
	g_value("cr8-from-tpr", READ_CR(8), 3);
	WRITE_CR(8, 0);
	g_value("tpr-from-cr8", APIC(APIC_TPR), 0);
}

CASE(cr8_with_lapic)
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v = vcpu_new(vm, 0);

	run_guest(v, cr8_guest);
	EQ("run-cr8", v->run->cr8, 0);
}

static void cr8_user_guest(void)
{
	WRITE_CR(8, 7);
	guest_sync(1);
	g_value("from-userspace", READ_CR(8), 9);
	WRITE_CR(8, 2);
	g_value("lowered", READ_CR(8), 2);
}

/* Without a local APIC in the kernel, lowering CR8 is told to userspace. */
CASE(cr8_without_lapic)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	u32 val;

	mode_long(v, cr8_user_guest);
	vcpu_exit(v);
	SAME(is_sync(v, &val), true);
	EQ("cr8-out", v->run->cr8, 7);
	v->run->cr8 = 9;
	expect_exit(v, "lower", KVM_EXIT_SET_TPR);
	EQ("cr8-lowered", v->run->cr8, 2);
	run_done(v);
	check_log(vm);
}

/* ---- debug registers ---- */

static void dr_guest(void)
{
	u64 dr6;

	g_value("dr6-initial", READ_DR(6), 0xffff0ff0);
	g_value("dr7-initial", READ_DR(7), 0x400);
	WRITE_DR(0, 0x1111111111111111);
	WRITE_DR(3, 0x3333333333333333);
	g_value("dr0", READ_DR(0), 0x1111111111111111);
	g_value("dr3", READ_DR(3), 0x3333333333333333);
	WRITE_DR(6, BIT(32));
	g_fault_err("dr6-bit-32", GP, 0);
	WRITE_DR(7, BIT(32));
	g_fault_err("dr7-bit-32", GP, 0);
	WRITE_DR(6, 0);
	dr6 = READ_DR(6);
	g_value("dr6-fixed-bits", dr6 & 0xfffe0ff0, 0xfffe0ff0);
	WRITE_DR(7, 0);
	g_value("dr7-fixed-bits", READ_DR(7), 0x400);
	WRITE_DR(6, 0xffff0ff0);
	WRITE_DR(7, 0x400 | BIT(13));
	READ_DR(0);
	g_fault("gd", DB);
	g_value("gd-dr6-bd", READ_DR(6) & BIT(13), BIT(13));
	g_value("gd-cleared", READ_DR(7), 0x400);
	WRITE_DR(6, 0xffff0ff0);
}

CASE(debug_registers)
{
	struct vm *vm = vm_new(0);

	run_guest(vcpu_new(vm, 0), dr_guest);
}

static volatile u64 watched;
static volatile u64 db_rip, db_hits;

static int db_hook(struct guest_trap *t)
{
	db_rip = t->rip;
	db_hits++;
	t->rflags |= BIT(16);		/* RF: step over an execution break */
	return 1;
}

static void break_guest(void)
{
	u64 at;

	g_hook[1] = db_hook;
	WRITE_DR(0, (uintptr_t)&watched);
	WRITE_DR(7, 0x400 | 2 | 0xdull << 16);	/* 4 bytes, writes */
	(void)watched;
	g_value("read-not-watched", db_hits, 0);
	watched = 1;
	g_value("write-watched", db_hits, 1);
	g_value("dr6-b0", READ_DR(6) & 0xf, 1);
	WRITE_DR(6, 0xffff0ff0);
	WRITE_DR(7, 0x400 | 2 | 0xfull << 16);	/* reads and writes */
	(void)watched;
	g_value("read-watched", db_hits, 2);
	WRITE_DR(7, 0x400);
	asm volatile("lea 1f(%%rip), %0; mov %0, %%db1; mov %1, %%db7\n"
		     "1: nop" : "=&r"(at) : "r"(0x400ull | 8));
	g_value("execution", db_hits, 3);
	g_value("execution-rip", db_rip, at);
	g_value("dr6-b1", READ_DR(6) & 0xe, 2);
	WRITE_DR(7, 0x400);
	g_hook[1] = NULL;
}

CASE(breakpoints)
{
	struct vm *vm = vm_new(0);

	run_guest(vcpu_new(vm, 0), break_guest);
}

static void u_dr(u64 arg)
{
	READ_DR(7);
	g_fault_err("ring3-read-dr7", GP, 0);
	WRITE_DR(0, 0);
	g_fault_err("ring3-write-dr0", GP, 0);
}

static void u_cr(u64 arg)
{
	G_TRY("mov %%cr3, %%rax", : : : "rax", "memory");
	g_fault_err("ring3-read-cr3", GP, 0);
	G_TRY("mov %%cr8, %%rax", : : : "rax", "memory");
	g_fault_err("ring3-read-cr8", GP, 0);
	G_INSN("clts");
	g_fault_err("ring3-clts", GP, 0);
	G_TRY("lmsw %w0", : : "r"(1) : "memory");
	g_fault_err("ring3-lmsw", GP, 0);
	G_INSN("wbinvd");
	g_fault_err("ring3-wbinvd", GP, 0);
	G_TRY("invlpg (%0)", : : "r"(0) : "memory");
	g_fault_err("ring3-invlpg", GP, 0);
	wrmsr(0x10, 0);
	g_fault_err("ring3-wrmsr", GP, 0);
	G_TRY("xsetbv", : : "c"(0), "a"(1), "d"(0) : "memory");
	g_any("ring3-xsetbv");
	G_TRY("rdpmc", : : "c"(0) : "rax", "rdx", "memory");
	g_fault_err("ring3-rdpmc", GP, 0);
	G_INSN("monitor");
	g_fault("ring3-monitor", UD);
	G_INSN("sti");
	g_fault_err("ring3-sti", GP, 0);
	G_INSN("ltr %%ax");
	g_fault_err("ring3-ltr", GP, 0);
}

static void ring3_guest(void)
{
	guest_user(u_dr, 0);
	guest_user(u_cr, 0);
}

CASE(ring3_privileged)
{
	struct vm *vm = vm_new(0);

	run_guest(vcpu_new(vm, 0), ring3_guest);
}

/* ---- XSETBV ---- */

static void xsetbv(u32 index, u64 val)
{
	G_TRY("xsetbv", : : "c"(index), "a"((u32)val), "d"((u32)(val >> 32))
	      : "memory");
}

static u64 xgetbv(u32 index)
{
	u32 lo = 0, hi = 0;

	G_TRY("xgetbv", : "+a"(lo), "+d"(hi) : "c"(index) : "memory");
	return (u64)hi << 32 | lo;
}

static void u_xsetbv(u64 arg)
{
	xsetbv(0, 1);
	g_fault_err("ring3", GP, 0);
}

static void xsetbv_guest(void)
{
	u32 r[4];

	xsetbv(0, 1);
	g_fault("without-osxsave", UD);
	WRITE_CR(4, READ_CR(4) | BIT(18));
	g_value("xcr0-initial", xgetbv(0), 1);
	cpuid(0xd, 0, r);
	xsetbv(0, 0);
	g_fault_err("without-x87", GP, 0);
	xsetbv(0, 2);
	g_fault_err("sse-without-x87", GP, 0);
	xsetbv(0, 5);
	g_fault_err("avx-without-sse", GP, 0);
	xsetbv(0, 3 | BIT_ULL(62));
	g_fault_err("bit-62", GP, 0);
	xsetbv(1, 1);
	g_fault_err("xcr1", GP, 0);
	xsetbv(0, 3 | 1 << 3);
	g_fault_err("bndregs-without-bndcsr", GP, 0);
	xsetbv(0, 3);
	g_value("sse", xgetbv(0), 3);
	xsetbv(0, 7);
	if (r[0] & 4)
		g_value("avx", xgetbv(0), 7);
	else
		g_fault_err("avx-unsupported", GP, 0);
	guest_user(u_xsetbv, 0);
	xsetbv(0, 1);
	g_value("x87", xgetbv(0), 1);
	WRITE_CR(4, READ_CR(4) & ~BIT(18));
}

CASE(xsetbv_rules)
{
	struct vm *vm = vm_new(0);
	struct kvm_cpuid_entry2 *e = cpuid_entry(supported_cpuid(vm->dev), 1, 0);

	if (!(e->ecx >> 26 & 1))
		skip("XSAVE is not supported");
	run_guest(vcpu_new(vm, 0), xsetbv_guest);
}

/* ---- the rest ---- */

static void vmx_guest(void)
{
	static u64 mem[2];

	G_TRY("vmxon %0", : : "m"(mem) : "memory");
	g_fault("vmxon", UD);
	G_INSN("vmxoff");
	g_fault("vmxoff", UD);
	G_TRY("vmptrld %0", : : "m"(mem) : "memory");
	g_fault("vmptrld", UD);
	G_TRY("vmptrst %0", : : "m"(mem) : "memory");
	g_fault("vmptrst", UD);
	G_TRY("vmclear %0", : : "m"(mem) : "memory");
	g_fault("vmclear", UD);
	G_TRY("vmread %%rax, %%rbx", : : "a"(0x4402) : "rbx", "memory");
	g_fault("vmread", UD);
	G_TRY("vmwrite %%rbx, %%rax", : : "a"(0x681e), "b"(0) : "memory");
	g_fault("vmwrite", UD);
	G_INSN("vmlaunch");
	g_fault("vmlaunch", UD);
	G_INSN("vmresume");
	g_fault("vmresume", UD);
	G_TRY("invept %0, %%rax", : : "m"(mem), "a"(1) : "memory");
	g_fault("invept", UD);
	G_TRY("invvpid %0, %%rax", : : "m"(mem), "a"(1) : "memory");
	g_fault("invvpid", UD);
	G_TRY("vmfunc", : : "a"(0), "c"(0) : "memory");
	g_fault("vmfunc", UD);
	G_TRY("getsec", : : "a"(0) : "rbx", "memory");
	g_fault("getsec", UD);
	G_INSN("rsm");
	g_fault("rsm", UD);
}

CASE(vmx_instructions)
{
	struct vm *vm = vm_new(0);

	run_guest(vcpu_new(vm, 0), vmx_guest);
}

static void vmcall_guest(void)
{
	s64 ret;

	G_TRY("vmcall", : "=a"(ret) : "a"(0x1234567), "b"(0), "c"(0), "d"(0)
	      : "memory");
	g_value("unknown-hypercall", ret, -1000);	/* -KVM_ENOSYS */
}

CASE(vmcall)
{
	struct vm *vm = vm_new(0);

	run_guest(vcpu_new(vm, 0), vmcall_guest);
}

static void misc_guest(void)
{
	u64 a, b;
	u32 r[4];

	G_INSN("wbinvd");
	g_fault("wbinvd", NOFAULT);
	G_INSN("invd");
	g_fault("invd", NOFAULT);
	G_INSN("pause");
	g_fault("pause", NOFAULT);
	G_TRY("invlpg (%0)", : : "r"(0x200000) : "memory");
	g_fault("invlpg", NOFAULT);
	G_TRY("invlpg (%0)", : : "r"(0x800000000000) : "memory");
	g_fault("invlpg-non-canonical", NOFAULT);
	G_TRY("rdpmc", : : "c"(0x12345) : "rax", "rdx", "memory");
	g_fault_err("rdpmc", GP, 0);
	G_INSN("ud1 %%eax, %%eax");
	g_fault("ud1", UD);
	a = rdtsc();
	b = rdtsc();
	g_value("tsc-advances", b > a, 1);
	cpuid(7, 0, r);
	if (!(r[1] >> 10 & 1)) {
		G_TRY("invpcid %0, %%rax", : : "m"(a), "a"(0) : "memory");
		g_fault("invpcid-absent", UD);
	}
	cpuid(1, 0, r);
	if (!(r[2] >> 3 & 1)) {
		G_TRY("monitor", : : "a"(GPA_SHARED), "c"(0), "d"(0)
		      : "memory");
		g_any("monitor-absent");
		G_TRY("mwait", : : "a"(0), "c"(0) : "memory");
		g_any("mwait-absent");
	}
}

CASE(miscellaneous)
{
	struct vm *vm = vm_new(0);

	run_guest(vcpu_new(vm, 0), misc_guest);
}

static void invpcid_guest(void)
{
	static u64 desc[2];

	desc[1] = 0x1000;
	G_TRY("invpcid %0, %%rax", : : "m"(desc), "a"(2) : "memory");
	g_fault("all", NOFAULT);
	G_TRY("invpcid %0, %%rax", : : "m"(desc), "a"(4) : "memory");
	g_fault_err("type-4", GP, 0);
	desc[0] = 0x1000;
	G_TRY("invpcid %0, %%rax", : : "m"(desc), "a"(1) : "memory");
	g_fault_err("pcid-reserved", GP, 0);
	desc[0] = 0;
	desc[1] = 0x800000000000;
	G_TRY("invpcid %0, %%rax", : : "m"(desc), "a"(0) : "memory");
	g_fault_err("non-canonical", GP, 0);
}

CASE(invpcid)
{
	struct vm *vm = vm_new(0);
	struct kvm_cpuid_entry2 *e = cpuid_entry(supported_cpuid(vm->dev), 7, 0);

	if (!e || !(e->ebx >> 10 & 1))
		skip("INVPCID is not supported");
	run_guest(vcpu_new(vm, 0), invpcid_guest);
}
