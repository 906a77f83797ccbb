// SPDX-License-Identifier: GPL-2.0
/*
 * modes.c - guests in every processor mode, and on the way between them.
 *
 * Real mode with its IVT, protected mode, 32-bit and PAE paging, 64-bit mode
 * and compatibility mode: each runs code, takes exceptions and page faults,
 * and says what CR2 and the error code were.  SDM 3A 4.7, 6.12 to 6.15, 9.8,
 * 9.9, 20 (8086 emulation).
 */
#include "lib/abi.h"
#include "lib/guest.h"

extern const u8 real16_start[], real16_end[], real16_walk[];
extern const u32 real16_offsets[5];
extern const u8 guest32_start[], guest32_end[];

static u32 word(struct vm *vm, unsigned int n)
{
	u32 v;

	memcpy(&v, vm->ram + GPA_SHARED + 4 * n, 4);
	return v;
}

/* ---- real mode ---- */

static void answer_in(struct vcpu *v, const char *name, u32 size, u32 val)
{
	expect_exit(v, name, KVM_EXIT_IO);
	SAME(v->run->io.direction, KVM_EXIT_IO_IN);
	SAME(v->run->io.port, 0x123);
	SAME(v->run->io.size, size);
	SAME(v->run->io.count, 1);
	memcpy((u8 *)v->run + v->run->io.data_offset, &val, size);
}

static void check_basics(struct vm *vm)
{
	EQ("int-returns-ax", word(vm, 0), 0x1235);
	EQ("int-saved-ip", word(vm, 2), real16_offsets[0]);
	EQ("int-saved-cs", word(vm, 3), GPA_CODE16 >> 4);
	EQ("int-clears-if", word(vm, 20), 0);
	EQ("iret-restores-if", word(vm, 1), 0x200);
	EQ("de-ip", word(vm, 4), real16_offsets[1]);
	EQ("ud-ip", word(vm, 5), real16_offsets[2]);
	EQ("gp-ip", word(vm, 6), real16_offsets[3]);
	EQ("ss-ip", word(vm, 7), real16_offsets[4]);
	EQ("o32-a32", word(vm, 8), 0x12345678);
	EQ("stosw-di", word(vm, 9), 16);
	EQ("stosw-value", word(vm, 10), 0xa55a);
	EQ("stosw-down-di", word(vm, 11), 10);
	EQ("stosw-down-value", word(vm, 12), 0x77777777);
	EQ("far-call", word(vm, 13), 0xfa4);
	EQ("smsw-pe", word(vm, 14), 0);
	EQ("lidt-int", word(vm, 15), 0x41);
	EQ("in-al", word(vm, 16), 0x112233a5);
	EQ("in-ax", word(vm, 17), 0x1122b6a5);
	EQ("in-eax", word(vm, 18), 0xd8c7b6a5);
}

CASE(real_mode)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);

	load_blob(vm, GPA_CODE16, real16_start, real16_end);
	mode_real(v, GPA_CODE16 >> 4, 0);
	answer_in(v, "inb", 1, 0xa5);
	answer_in(v, "inw", 2, 0xb6a5);
	answer_in(v, "inl", 4, 0xd8c7b6a5);
	run_done(v);
	check_basics(vm);
}

/* The state that KVM_CREATE_VCPU leaves is the one after RESET. */
CASE(reset_state)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	struct kvm_sregs s;
	struct kvm_regs r;

	get_sregs(v, &s);
	get_regs(v, &r);
	EQ("cr0", s.cr0, 0x60000010);
	EQ("cr2", s.cr2, 0);
	EQ("cr3", s.cr3, 0);
	EQ("cr4", s.cr4, 0);
	EQ("cr8", s.cr8, 0);
	EQ("efer", s.efer, 0);
	EQ("cs-selector", s.cs.selector, 0xf000);
	EQ("cs-base", s.cs.base, 0xffff0000);
	EQ("cs-limit", s.cs.limit, 0xffff);
	EQ("cs-type", s.cs.type, 0xb);
	EQ("ds-base", s.ds.base, 0);
	EQ("ds-limit", s.ds.limit, 0xffff);
	EQ("ds-type", s.ds.type, 3);
	EQ("tr-type", s.tr.type, 0xb);
	EQ("tr-limit", s.tr.limit, 0xffff);
	EQ("ldt-type", s.ldt.type, 2);
	EQ("gdt-base", s.gdt.base, 0);
	EQ("gdt-limit", s.gdt.limit, 0xffff);
	EQ("idt-limit", s.idt.limit, 0xffff);
	EQ("apic-base", s.apic_base, 0xfee00900);
	EQ("rip", r.rip, 0xfff0);
	EQ("rflags", r.rflags, 2);
	EQ("rax", r.rax, 0);
	EQ("rsp", r.rsp, 0);
	obs("rdx", "%#llx", (unsigned long long)r.rdx);
	CHECK(r.rdx, "RDX is zero, not the processor's signature\n");
}

/* A vCPU fresh from the API fetches its first instruction at 0xfffffff0. */
CASE(reset_vector)
{
	struct vm *vm = vm_new(VM_BARE);
	struct vcpu *v = vcpu_new(vm, 0);
	u8 *rom = vm_add_ram(vm, 1, 0xfffff000, 0x1000);
	static const u8 code[] = {
		0xb8, 0x34, 0x12,	/* mov $0x1234, %ax */
		0xba, 0xe0, 0x05,	/* mov $PORT_DONE, %dx */
		0xef,			/* out %ax, %dx */
		0xf4,
	};
	struct kvm_regs r;

	memcpy(rom + 0xff0, code, sizeof(code));
	run_done(v);
	get_regs(v, &r);
	EQ("ax", r.rax & 0xffff, 0x1234);
	EQ("out-size", v->run->io.size, 2);
}

CASE(walk_through_all_modes)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	struct kvm_sregs s;

	load_blob(vm, GPA_CODE16, real16_start, real16_end);
	mode_real(v, GPA_CODE16 >> 4, real16_walk - real16_start);
	run_done(v);
	EQ("real", word(vm, 0), 1);
	EQ("protected", word(vm, 1), 2);
	EQ("protected-cs", word(vm, 2), SEL_CS32);
	EQ("efer-before-paging", word(vm, 3), 0x100);
	EQ("efer-with-paging", word(vm, 4), 0x500);
	EQ("long-cs", word(vm, 5), SEL_CS64);
	EQ("long-bswap-low", word(vm, 6), 0x78563412);
	EQ("long-bswap-high", word(vm, 7), 0xf0debc9a);
	EQ("long-r15", word(vm, 9), 0xeeeeeeee);
	EQ("efer-paging-off", word(vm, 10), 0x100);
	EQ("real-again-cs", word(vm, 11), GPA_CODE16 >> 4);
	EQ("real-again-int", word(vm, 12), 0x41);
	EQ("real-again-cr0", word(vm, 13), 0x10);
	get_sregs(v, &s);
	EQ("at-end-efer", s.efer, 0);
	EQ("at-end-cr4", s.cr4, 0);
	EQ("at-end-cs-base", s.cs.base, GPA_CODE16);
}

/* ---- protected mode, 32-bit and PAE paging: guest32.c ---- */

static void run32(u32 which)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	struct kvm_regs r;

	load_blob(vm, GPA_CODE32, guest32_start, guest32_end);
	mode_prot32(v, GPA_CODE32);
	get_regs(v, &r);
	r.rax = which;
	set_regs(v, &r);
	run_done(v);
	check_log(vm);
}

CASE(protected_mode)
{
	run32(0);
}

CASE(paging_32bit)
{
	run32(1);
}

CASE(paging_pae)
{
	run32(2);
}

/* ---- 64-bit mode ---- */

#define PDPT	((volatile u64 *)GPA_PDPT)
#define PD	((volatile u64 *)GPA_PT32)
#define PT	((volatile u64 *)(GPA_PT32 + 0x1000))
#define VIRT	0x40000000ull
#define V(n)	(VIRT + (n) * 0x1000)
#define PAGE(n)	(GPA_FREE + (n) * 0x1000)
#define NX	BIT_ULL(63)

static void load64(u64 addr)
{
	G_TRY("mov (%0), %%rax", : : "c"(addr) : "rax", "memory");
}

static void store64(u64 addr)
{
	G_TRY("movq $0x600d, (%0)", : : "c"(addr) : "memory");
}

static void fetch64(u64 addr)
{
	asm volatile("movq $1f, g_fix\n\tmovq $-1, g_vec\n\t"
		     "mov %%rsp, %%rbx\n\tcall *%0\n"
		     "1:\n\tmov %%rbx, %%rsp\n\tmovq $0, g_fix"
		     : : "c"(addr) : "rbx", "memory");
}

static void want_pf(const char *name, u64 addr, u32 err)
{
	u64 cr2 = g_cr2;

	g_fault_err(name, 14, err);
	g_value("  cr2", cr2, addr);
}

static void long_tables(void)
{
	int i;

	PDPT[1] = GPA_PT32 | 7;
	PDPT[2] = 0x80000000ull | BIT(51) | 0x87;	/* beyond MAXPHYADDR */
	PD[0] = (GPA_PT32 + 0x1000) | 7;
	for (i = 0; i < 9; i++)
		PT[i] = PAGE(i) | 7;
	PT[1] &= ~2ull;
	PT[2] &= ~4ull;
	PT[5] |= NX;
	PT[6] |= BIT_ULL(51);
	*(volatile u8 *)PAGE(4) = 0xc3;
	*(volatile u8 *)PAGE(5) = 0xc3;
}

static void long_faults(void)
{
	long_tables();
	load64(V(9));
	want_pf("read-not-present", V(9), 0);
	store64(V(9) + 8);
	want_pf("write-not-present", V(9) + 8, 2);
	store64(V(1));
	want_pf("write-read-only-wp", V(1), 3);
	WRITE_CR(0, READ_CR(0) & ~BIT(16));
	store64(V(1));
	g_fault("write-read-only-no-wp", NOFAULT);
	WRITE_CR(0, READ_CR(0) | BIT(16));
	store64(V(1));
	want_pf("write-read-only-wp-again", V(1), 3);
	guest_user(load64, V(2));
	want_pf("user-read-supervisor", V(2), 5);
	guest_user(store64, V(1));
	want_pf("user-write-read-only", V(1), 7);
	guest_user(load64, V(9));
	want_pf("user-read-not-present", V(9), 4);
	guest_user(store64, V(3));
	g_fault("user-write", NOFAULT);
	g_value("dirty", PT[3] & 0x60, 0x60);
	load64(V(7));
	g_value("accessed", PT[7] & 0x60, 0x20);
	load64(V(8) + 0xffc);
	want_pf("read-crosses-into-absent", V(9), 0);
	fetch64(V(4));
	g_fault("fetch", NOFAULT);
	fetch64(V(5));
	want_pf("fetch-nx", V(5), 0x11);
	guest_user(fetch64, V(5));
	want_pf("user-fetch-nx", V(5), 0x15);
	load64(V(6));
	want_pf("pte-reserved", V(6), 9);
	load64(0x80000000);
	want_pf("pdpte-1g-reserved", 0x80000000, 9);
	load64(0x8000000000);
	want_pf("pml4e-not-present", 0x8000000000, 0);
	load64(0xffff800000000000);
	want_pf("upper-half", 0xffff800000000000, 0);
	load64(0x800000000000);
	g_fault_err("non-canonical", 13, 0);
}

CASE(long_mode_page_faults)
{
	struct vm *vm = vm_new(0);

	run_guest(vcpu_new(vm, 0), long_faults);
}

static void stack_fault(void)
{
	/* The fault comes on a broken stack: its gate takes one of its own. */
	u64 *idt = (u64 *)GPA_IDT;

	*(u64 *)(GPA_TSS + 0x24) = GPA_STACKS + 13 * STACK_SIZE;
	idt[2 * 12] |= 1ull << 32;
	asm volatile("movq $1f, g_fix\n\tmov %%rsp, %%rbx\n\t"
		     "mov %0, %%rsp\n\tpop %%rax\n"
		     "1:\n\tmov %%rbx, %%rsp\n\tmovq $0, g_fix"
		     : : "c"(0x800000000000) : "rax", "rbx", "memory");
	g_fault_err("ss-non-canonical", 12, 0);
}

CASE(long_mode_ist)
{
	struct vm *vm = vm_new(0);

	run_guest(vcpu_new(vm, 0), stack_fault);
}

static void u_insns(u64 arg)
{
	G_INSN("hlt");
	g_fault_err("ring3-hlt", 13, 0);
	G_INSN("cli");
	g_fault_err("ring3-cli", 13, 0);
	G_TRY("mov %%cr0, %%rax", : : : "rax", "memory");
	g_fault_err("ring3-mov-cr0", 13, 0);
	G_TRY("inb $0x80, %%al", : : : "rax", "memory");
	g_fault_err("ring3-in", 13, 0);
	rdmsr(0x10);
	g_fault_err("ring3-rdmsr", 13, 0);
	G_TRY("lgdt (%0)", : : "r"(GPA_SHARED) : "memory");
	g_fault_err("ring3-lgdt", 13, 0);
	G_INSN("invd");
	g_fault_err("ring3-invd", 13, 0);
	G_INSN("int $0x20");
	g_fault_err("ring3-int-dpl0", 13, 0x102);
	G_INSN("int3");
	g_fault("ring3-int3", 3);
}

static void long_exceptions(void)
{
	G_INSN("ud2");
	g_fault("ud2", 6);
	G_TRY("div %%ecx", : : "a"(1), "d"(0), "c"(0) : "memory");
	g_fault("div-by-0", 0);
	G_INSN("int3");
	g_fault("int3", 3);
	G_TRY("mov %0, %%ds", : : "r"(0x1230) : "memory");
	g_fault_err("ds-beyond-gdt", 13, 0x1230);
	G_TRY("mov %0, %%ss", : : "r"(SEL_UDS) : "memory");
	g_fault_err("ss-wrong-dpl", 13, SEL_UDS);
	G_TRY("fldz", : : : "memory");
	g_fault("fpu", NOFAULT);
	WRITE_CR(0, READ_CR(0) | BIT(3));
	G_TRY("fldz", : : : "memory");
	g_fault("fpu-ts", 7);
	asm volatile("clts");
	G_TRY("fldz", : : : "memory");
	g_fault("fpu-clts", NOFAULT);
	WRITE_CR(0, READ_CR(0) | BIT(2));
	G_TRY("fldz", : : : "memory");
	g_fault("fpu-em", 7);
	G_TRY("movups %%xmm0, %%xmm1", : : : "memory");
	g_fault("sse-em", 6);
	WRITE_CR(0, READ_CR(0) & ~BIT(2));
	asm volatile("pushfq; orl $0x100, (%%rsp); movq $2f, g_fix(%%rip);"
		     "popfq; nop; 2: movq $0, g_fix(%%rip)" : : : "memory");
	g_fault("single-step", 1);
	g_value("  dr6-bs", READ_DR(6) & BIT(14), BIT(14));
	guest_user(u_insns, 0);
}

CASE(long_mode_exceptions)
{
	struct vm *vm = vm_new(0);

	run_guest(vcpu_new(vm, 0), long_exceptions);
}

/* Ring 3 in compatibility mode: 32-bit code under IA-32e paging. */
static void compat(void)
{
	static volatile u64 got;
	/* mov $0x89abcdef,%eax; inc %eax (REX prefix in 64-bit mode);
	 * int $0x80
	 */
	static const u8 code[] = {
		0xb8, 0xef, 0xcd, 0xab, 0x89, 0x40, 0xcd, 0x80,
	};
	volatile u8 *at = (u8 *)GPA_SHARED;
	unsigned int i;

	for (i = 0; i < sizeof(code); i++)
		at[i] = code[i];
	asm volatile("movq $1f, g_hook + 0x80 * 8\n\t"
		     "mov %%rsp, %%rbx\n\t"
		     "pushq %[ss]\n\tpushq %[sp]\n\tpushq $2\n\t"
		     "pushq %[cs]\n\tpushq %[ip]\n\tiretq\n"
		     /* Here as the hook of INT 0x80, RDI the frame. */
		     "1:\n\tmov 104(%%rdi), %%rsp\n\tmov 112(%%rdi), %%rax\n\t"
		     "mov 64(%%rdi), %%rbp\n\tmov %[ds], %%ecx\n\t"
		     "mov %%ecx, %%ss\n\t"
		     "movq $0, g_hook + 0x80 * 8"
		     : "=a"(got)
		     : [ss] "i"(SEL_UDS | 3), [cs] "i"(SEL_UCS32 | 3),
		       [ds] "i"(SEL_DS),
		       [sp] "i"(GPA_SHARED + 0x800), [ip] "i"(GPA_SHARED)
		     : "rbx", "rcx", "rdx", "rdi", "rsi", "r8", "r9", "r10",
		       "r11", "r12", "r13", "r14", "r15", "memory", "cc");
	g_value("compat-inc-eax", got, 0x89abcdf0);
}

CASE(compatibility_mode)
{
	struct vm *vm = vm_new(0);

	run_guest(vcpu_new(vm, 0), compat);
}
