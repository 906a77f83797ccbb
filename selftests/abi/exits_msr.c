// SPDX-License-Identifier: GPL-2.0
/*
 * exits_msr.c - RDMSR and WRMSR by a guest: which MSRs there are, which values
 * they take, and that what they govern follows them.
 *
 * SDM 4 (the registers), 3A 9.8.1 (EFER), 10.4.4 (APIC_BASE), 11.11 (MTRRs),
 * 11.12 (PAT), 17.17 (TSC).
 */
#include "lib/abi.h"
#include "lib/apic.h"
#include "lib/guest.h"

#define GP 13
#define NONCANON 0x800000000000ull

#define MSR_TSC			0x10
#define MSR_APIC_BASE		0x1b
#define MSR_TSC_ADJUST		0x3b
#define MSR_MTRRCAP		0xfe
#define MSR_SYSENTER_CS		0x174
#define MSR_SYSENTER_ESP	0x175
#define MSR_SYSENTER_EIP	0x176
#define MSR_MISC_ENABLE		0x1a0
#define MSR_MTRR_BASE0		0x200
#define MSR_MTRR_MASK0		0x201
#define MSR_MTRR_FIX64K		0x250
#define MSR_PAT			0x277
#define MSR_MTRR_DEF		0x2ff
#define MSR_EFER		0xc0000080
#define MSR_STAR		0xc0000081
#define MSR_LSTAR		0xc0000082
#define MSR_CSTAR		0xc0000083
#define MSR_FMASK		0xc0000084
#define MSR_FS_BASE		0xc0000100
#define MSR_GS_BASE		0xc0000101
#define MSR_KERNEL_GS_BASE	0xc0000102
#define MSR_TSC_AUX		0xc0000103

static void round_trip(const char *name, u32 msr, u64 val)
{
	u64 old = rdmsr(msr);

	wrmsr(msr, val);
	if (g_vec == NOFAULT)
		g_value(name, rdmsr(msr), val);
	else
		g_fault(name, NOFAULT);
	wrmsr(msr, old);
	g_vec = NOFAULT;
}

static void refused(const char *name, u32 msr, u64 val)
{
	u64 old = rdmsr(msr);

	wrmsr(msr, val);
	g_fault_err(name, GP, 0);
	g_value("  unchanged", rdmsr(msr), old);
}

static void unknown_guest(void)
{
	static const u32 nowhere[] = {
		0x2, 0x9999, 0x12345678, 0x80000000, 0xc0000200, 0xc0011fff,
		0xdeadbeef, 0xffffffff,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(nowhere); i++) {
		rdmsr(nowhere[i]);
		g_fault_err("rdmsr-unknown", GP, 0);
		wrmsr(nowhere[i], 0);
		g_fault_err("wrmsr-unknown", GP, 0);
	}
}

CASE(unknown_msrs)
{
	struct vm *vm = vm_new(0);

	run_guest(vcpu_new(vm, 0), unknown_guest);
}

static void bases_guest(void)
{
	static volatile u64 cell;
	u64 got;

	round_trip("kernel-gs-base", MSR_KERNEL_GS_BASE, 0xffff812345678000);
	refused("kernel-gs-base-non-canonical", MSR_KERNEL_GS_BASE, NONCANON);
	round_trip("fs-base", MSR_FS_BASE, 0x7fff00001000);
	refused("fs-base-non-canonical", MSR_FS_BASE, NONCANON);
	refused("gs-base-non-canonical", MSR_GS_BASE, NONCANON);
	cell = 0x1234;
	wrmsr(MSR_FS_BASE, (uintptr_t)&cell - 8);
	asm volatile("mov %%fs:8, %0" : "=r"(got) : : "memory");
	g_value("fs-base-used", got, 0x1234);
	wrmsr(MSR_GS_BASE, 0x1000);
	wrmsr(MSR_KERNEL_GS_BASE, (uintptr_t)&cell - 16);
	asm volatile("swapgs; mov %%gs:16, %0" : "=r"(got) : : "memory");
	g_value("swapgs-used", got, 0x1234);
	g_value("swapgs-gs", rdmsr(MSR_GS_BASE), (uintptr_t)&cell - 16);
	g_value("swapgs-kernel-gs", rdmsr(MSR_KERNEL_GS_BASE), 0x1000);
	wrmsr(MSR_FS_BASE, 0);
	wrmsr(MSR_GS_BASE, 0);
}

CASE(segment_bases)
{
	struct vm *vm = vm_new(0);

	run_guest(vcpu_new(vm, 0), bases_guest);
}

/* Ring 3 calls in by SYSCALL; the entry notes RCX, R11 and returns. */
extern char syscall_entry[], syscall_from[], syscall_to[];
extern volatile u64 syscall_rcx, syscall_r11, syscall_cs, syscall_rflags;
asm(".globl syscall_entry, syscall_from, syscall_to\n"
    "syscall_entry:\n"
    "	mov %rcx, syscall_rcx\n"
    "	mov %r11, syscall_r11\n"
    "	mov %cs, %eax\n"
    "	mov %rax, syscall_cs\n"
    "	mov %rsp, %rdx\n"
    "	mov $0x2f000, %rsp\n"
    "	pushfq\n"
    "	pop syscall_rflags\n"
    "	mov %rdx, %rsp\n"
    "	mov $0x600d, %eax\n"
    "	sysretq\n"
    "syscall_from:\n"
    "	syscall\n"
    "syscall_to:\n"
    "	ret\n"
    ".bss\n"
    ".globl syscall_rcx, syscall_r11, syscall_cs, syscall_rflags\n"
    ".balign 8\n"
    "syscall_rcx: .quad 0\n"
    "syscall_r11: .quad 0\n"
    "syscall_cs: .quad 0\n"
    "syscall_rflags: .quad 0\n"
    ".text");

static void u_syscall(u64 arg)
{
	u64 ret, cs;

	asm volatile("call syscall_from; mov %%cs, %1" : "=a"(ret), "=r"(cs)
		     : : "rcx", "rdx", "r11", "memory");
	g_value("sysret-rax", ret, 0x600d);
	g_value("sysret-cs", cs & 0xffff, SEL_UCS64 | 3);
}

static void u_syscall_off(u64 arg)
{
	G_INSN("syscall");
	g_fault("syscall-without-sce", 6);
}

static void syscall_guest(void)
{
	round_trip("star", MSR_STAR, 0x0023001000000000);
	round_trip("lstar", MSR_LSTAR, 0xffffffff81000000);
	refused("lstar-non-canonical", MSR_LSTAR, NONCANON);
	round_trip("cstar", MSR_CSTAR, 0xffffffff81000010);
	refused("cstar-non-canonical", MSR_CSTAR, NONCANON);
	round_trip("fmask", MSR_FMASK, 0x47700);
	wrmsr(MSR_STAR, (u64)SEL_UCS32 << 48 | (u64)SEL_CS64 << 32);
	wrmsr(MSR_LSTAR, (uintptr_t)syscall_entry);
	wrmsr(MSR_FMASK, 0x600);
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | 1);
	guest_user(u_syscall, 0);
	g_value("syscall-rcx", syscall_rcx, (uintptr_t)syscall_to);
	g_value("syscall-r11-if", syscall_r11 & 0x200, 0x200);
	g_value("syscall-cs", syscall_cs, SEL_CS64);
	g_value("syscall-fmask", syscall_rflags & 0x600, 0);
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) & ~1ull);
	guest_user(u_syscall_off, 0);
}

CASE(syscall_msrs)
{
	struct vm *vm = vm_new(0);

	run_guest(vcpu_new(vm, 0), syscall_guest);
}

extern char sysenter_entry[], sysenter_from[], sysenter_to[];
asm(".globl sysenter_entry, sysenter_from, sysenter_to\n"
    "sysenter_entry:\n"
    "	mov %rsp, %rsi\n"
    "	mov %cs, %edi\n"
    "	mov $sysenter_to, %edx\n"
    "	mov %rbx, %rcx\n"
    "	rex.w sysexit\n"
    "sysenter_from:\n"
    "	mov %rsp, %rbx\n"
    "	sysenter\n"
    "sysenter_to:\n"
    "	ret\n");

static void u_sysenter(u64 arg)
{
	u64 rsp, cs;

	asm volatile("call sysenter_from" : "=S"(rsp), "=D"(cs)
		     : : "rax", "rbx", "rcx", "rdx", "memory");
	g_value("sysenter-rsp", rsp, 0x2f000);
	g_value("sysenter-cs", cs & 0xffff, SEL_CS64);
}

static void sysenter_guest(void)
{
	u64 *gdt = (u64 *)GPA_GDT;

	round_trip("sysenter-cs", MSR_SYSENTER_CS, 0x1234);
	round_trip("sysenter-esp", MSR_SYSENTER_ESP, 0xffff812345678000);
	round_trip("sysenter-eip", MSR_SYSENTER_EIP, 0xffffffff81000000);
	wrmsr(MSR_SYSENTER_ESP, NONCANON);
	g_any("sysenter-esp-non-canonical");
	wrmsr(MSR_SYSENTER_EIP, NONCANON);
	g_any("sysenter-eip-non-canonical");
	/* SYSEXIT to 64-bit code wants CS+32 and CS+40 for ring 3. */
	gdt[0x28 / 8] = 0x00affb000000ffff;
	gdt[0x30 / 8] = 0x00cff3000000ffff;
	wrmsr(MSR_SYSENTER_CS, SEL_CS64);
	wrmsr(MSR_SYSENTER_ESP, 0x2f000);
	wrmsr(MSR_SYSENTER_EIP, (uintptr_t)sysenter_entry);
	guest_user(u_sysenter, 0);
}

CASE(sysenter_msrs)
{
	struct vm *vm = vm_new(0);

	run_guest(vcpu_new(vm, 0), sysenter_guest);
}

static void efer_guest(void)
{
	u64 efer = rdmsr(MSR_EFER);

	g_value("initial", efer, 0xd01);
	wrmsr(MSR_EFER, efer & ~BIT(8));
	g_fault_err("lme-with-paging", GP, 0);
	wrmsr(MSR_EFER, efer | BIT(1));
	g_fault_err("bit-1", GP, 0);
	wrmsr(MSR_EFER, efer | BIT(12));
	g_fault_err("svme", GP, 0);
	wrmsr(MSR_EFER, efer | BIT_ULL(63));
	g_fault_err("bit-63", GP, 0);
	wrmsr(MSR_EFER, efer & ~BIT(10));
	g_any("lma-clear");
	g_value("lma-stays", rdmsr(MSR_EFER), efer);
	wrmsr(MSR_EFER, efer & ~1ull);
	g_value("sce-clear", rdmsr(MSR_EFER), efer & ~1ull);
	wrmsr(MSR_EFER, efer & ~BIT(11));
	g_value("nxe-clear", rdmsr(MSR_EFER), efer & ~BIT(11));
	/* With NXE clear, bit 63 of an entry is reserved. */
	((volatile u64 *)GPA_PDPT)[1] = GPA_PD | 7 | BIT_ULL(63);
	G_TRY("mov 0x40000000, %%al", : : : "rax", "memory");
	g_fault_err("nx-without-nxe", 14, 9);
	wrmsr(MSR_EFER, efer);
	G_TRY("mov 0x40000000, %%al", : : : "rax", "memory");
	g_fault("nx-with-nxe", NOFAULT);
}

CASE(efer)
{
	struct vm *vm = vm_new(0);

	run_guest(vcpu_new(vm, 0), efer_guest);
}

/* Bounds are wide: time passes between the instructions. */
#define NEAR(a, b) ((a) - (b) < 0x40000000ull)

static void tsc_guest(void)
{
	u64 adj, tsc;

	wrmsr(MSR_TSC, 0x123456789000);
	tsc = rdtsc();
	g_value("tsc-written", NEAR(tsc, 0x123456789000), 1);
	g_value("tsc-by-rdmsr", NEAR(rdmsr(MSR_TSC), tsc), 1);
	adj = rdmsr(MSR_TSC_ADJUST);
	g_fault("tsc-adjust", NOFAULT);
	tsc = rdtsc();
	wrmsr(MSR_TSC_ADJUST, adj + 0x1000000000);
	g_value("tsc-adjust-moves-tsc", NEAR(rdtsc(), tsc + 0x1000000000), 1);
	g_value("tsc-adjust-reads", rdmsr(MSR_TSC_ADJUST) - adj, 0x1000000000);
	wrmsr(MSR_TSC, 0x2000000000);
	g_value("tsc-moves-adjust", rdmsr(MSR_TSC_ADJUST) != adj + 0x1000000000,
		1);
	wrmsr(MSR_TSC, 0);
	g_value("tsc-zero", NEAR(rdtsc(), 0), 1);
}

CASE(tsc)
{
	struct vm *vm = vm_new(0);

	run_guest(vcpu_new(vm, 0), tsc_guest);
}

static void tsc_aux_guest(void)
{
	u32 aux, r[4];

	round_trip("tsc-aux", MSR_TSC_AUX, 0xabcd1234);
	wrmsr(MSR_TSC_AUX, 0x5a5a);
	asm volatile("rdtscp" : "=c"(aux) : : "rax", "rdx");
	g_value("rdtscp", aux, 0x5a5a);
	refused("tsc-aux-bit-32", MSR_TSC_AUX, BIT_ULL(32));
	cpuid(7, 0, r);
	if (r[2] >> 22 & 1) {
		u64 pid;

		asm volatile("rdpid %0" : "=r"(pid));
		g_value("rdpid", pid, 0x5a5a);
	}
}

CASE(tsc_aux)
{
	struct vm *vm = vm_new(0);
	struct kvm_cpuid_entry2 *e;

	e = cpuid_entry(supported_cpuid(vm->dev), 0x80000001, 0);
	if (!e || !(e->edx >> 27 & 1))
		skip("RDTSCP is not supported");
	run_guest(vcpu_new(vm, 0), tsc_aux_guest);
}

static void apic_base_guest(void)
{
	u64 base = rdmsr(MSR_APIC_BASE);
	u32 r[4];

	g_value("initial", base, 0xfee00900);
	refused("reserved-bit-9", MSR_APIC_BASE, base | BIT(9));
	refused("reserved-bit-0", MSR_APIC_BASE, base | 1);
	refused("beyond-maxphyaddr", MSR_APIC_BASE, base | BIT_ULL(60));
	cpuid(1, 0, r);
	if (!(r[2] >> 21 & 1)) {
		refused("x2apic-unsupported", MSR_APIC_BASE, base | BIT(10));
		return;
	}
	refused("extd-without-en", MSR_APIC_BASE,
		(base & ~BIT(11)) | BIT(10));
	wrmsr(MSR_APIC_BASE, base | BIT(10));
	g_value("x2apic", rdmsr(MSR_APIC_BASE), base | BIT(10));
	refused("x2apic-to-xapic", MSR_APIC_BASE, base);
	g_value("x2apic-id", rdmsr(X2APIC(APIC_ID)), 0);
	wrmsr(MSR_APIC_BASE, base & ~BIT(11));
	g_value("disabled", rdmsr(MSR_APIC_BASE), base & ~BIT(11));
	rdmsr(X2APIC(APIC_ID));
	g_fault_err("x2apic-msr-when-disabled", GP, 0);
	wrmsr(MSR_APIC_BASE, base | BIT(10));
	g_fault_err("disabled-to-x2apic", GP, 0);
	wrmsr(MSR_APIC_BASE, base);
	g_value("xapic", rdmsr(MSR_APIC_BASE), base);
	rdmsr(X2APIC(APIC_ID));
	g_fault_err("x2apic-msr-in-xapic", GP, 0);
}

CASE(apic_base)
{
	struct vm *vm = vm_new(VM_IRQCHIP);

	run_guest(vcpu_new(vm, 0), apic_base_guest);
}

static void mtrr_guest(void)
{
	u64 cap = rdmsr(MSR_MTRRCAP), mask;
	u32 r[4];

	cpuid(0x80000008, 0, r);
	mask = BIT_ULL(r[0] & 0xff) - 1;
	g_value("mtrrcap-has-variable", (cap & 0xff) > 0, 1);
	wrmsr(MSR_MTRRCAP, cap);
	g_fault_err("mtrrcap-write", GP, 0);
	round_trip("def-type", MSR_MTRR_DEF, 0xc06);
	refused("def-type-2", MSR_MTRR_DEF, 0xc02);
	refused("def-type-reserved", MSR_MTRR_DEF, 0x1c06);
	round_trip("base0", MSR_MTRR_BASE0, 0x80000006);
	refused("base0-type-7", MSR_MTRR_BASE0, 0x80000007);
	refused("base0-reserved", MSR_MTRR_BASE0, 0x80000106);
	refused("base0-beyond", MSR_MTRR_BASE0, (mask + 1) | 6);
	round_trip("mask0", MSR_MTRR_MASK0, (mask & ~0x7fffffffull) | 0x800);
	refused("mask0-reserved", MSR_MTRR_MASK0, 0x80000001);
	round_trip("fix64k", MSR_MTRR_FIX64K, 0x0606060606060606);
	refused("fix64k-type", MSR_MTRR_FIX64K, 0x0606060306060606);
}

CASE(mtrr)
{
	struct vm *vm = vm_new(0);
	struct kvm_cpuid_entry2 *e = cpuid_entry(supported_cpuid(vm->dev), 1, 0);

	if (!(e->edx >> 12 & 1))
		skip("MTRRs are not supported");
	run_guest(vcpu_new(vm, 0), mtrr_guest);
}

static void pat_guest(void)
{
	g_value("reset", rdmsr(MSR_PAT), 0x0007040600070406);
	round_trip("valid", MSR_PAT, 0x0001040500070406);
	refused("type-2", MSR_PAT, 0x0007040600070402);
	refused("type-3", MSR_PAT, 0x0307040600070406);
	refused("type-8", MSR_PAT, 0x0007040600080406);
}

CASE(pat)
{
	struct vm *vm = vm_new(0);

	run_guest(vcpu_new(vm, 0), pat_guest);
}

static void misc_guest(void)
{
	u64 v = rdmsr(MSR_MISC_ENABLE);

	g_fault("misc-enable", NOFAULT);
	g_value("fast-strings", v & 1, 1);
	round_trip("misc-enable-write", MSR_MISC_ENABLE, v);
}

CASE(misc_enable)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);

	set_msr(v, MSR_MISC_ENABLE, 1);
	run_guest(v, misc_guest);
}

/* What the guest writes, userspace reads; and the other way round. */
static const struct {
	const char *name;
	u32 msr;
	u64 from_guest, from_host;
} both[] = {
	{ "sysenter-cs", MSR_SYSENTER_CS, 0x10, 0x20 },
	{ "sysenter-esp", MSR_SYSENTER_ESP, 0x1234, 0x4321 },
	{ "sysenter-eip", MSR_SYSENTER_EIP, 0x5678, 0x8765 },
	{ "star", MSR_STAR, 0x1000000000, 0x2000000000 },
	{ "lstar", MSR_LSTAR, 0xffff800000001000, 0xffff800000002000 },
	{ "cstar", MSR_CSTAR, 0xffff800000003000, 0xffff800000004000 },
	{ "fmask", MSR_FMASK, 0x200, 0x300 },
	{ "fs-base", MSR_FS_BASE, 0x111000, 0x222000 },
	{ "gs-base", MSR_GS_BASE, 0x333000, 0x444000 },
	{ "kernel-gs-base", MSR_KERNEL_GS_BASE, 0x555000, 0x666000 },
	{ "pat", MSR_PAT, 0x0007040600070401, 0x0007040600070404 },
};

static void both_guest(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(both); i++)
		wrmsr(both[i].msr, both[i].from_guest);
	guest_sync(0);
	for (i = 0; i < ARRAY_LEN(both); i++)
		g_value(both[i].name, rdmsr(both[i].msr), both[i].from_host);
}

CASE(guest_and_userspace)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	unsigned int i;
	u32 val;
	u64 got;

	mode_long(v, both_guest);
	vcpu_exit(v);
	SAME(is_sync(v, &val), true);
	for (i = 0; i < ARRAY_LEN(both); i++) {
		SAME(get_msr(v, both[i].msr, &got), 1);
		EQ(both[i].name, got, both[i].from_guest);
		SAME(set_msr(v, both[i].msr, both[i].from_host), 1);
	}
	run_done(v);
	check_log(vm);
}
