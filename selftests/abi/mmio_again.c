// SPDX-License-Identifier: GPL-2.0
/*
 * mmio_again.c - an instruction that accesses a device again and again, and what
 * may become of it meanwhile.
 *
 * A hypervisor that remembers what is at an address has to notice when it is
 * something else: the guest writes other code there, maps other memory there, or
 * has other page tables; userspace exchanges the memory; the mode is another.
 * Each case lets an instruction access a device several times before the change,
 * so that there is something to remember.
 */
#include "lib/abi.h"
#include "lib/guest.h"

#define AT		0x10		/* of the device */
#define ROUNDS		4
#define VALUE		0x8877665544332211ull

/* Where the tables map the page that is exchanged: by 4 KiB, at 1 GiB. */
#define WINDOW		0x40000000ull
#define GPA_TABLES	(GPA_FREE + 0x10000)	/* PD, two PTs, another PML4 */
#define GPA_PD1		GPA_TABLES
#define GPA_PT1		(GPA_TABLES + 0x1000)
#define GPA_PT1B	(GPA_TABLES + 0x2000)
#define GPA_PML4B	(GPA_TABLES + 0x3000)
#define GPA_PDPTB	(GPA_TABLES + 0x4000)
#define GPA_PD1B	(GPA_TABLES + 0x5000)
#define GPA_CODE_A	(GPA_TABLES + 0x6000)
#define GPA_CODE_B	(GPA_TABLES + 0x7000)
#define PRESENT_WRITE	3

/* What has come out: one piece of text a bus cycle. */
static char cycles[512];

static void serve(struct kvm_run *r)
{
	size_t used = strlen(cycles);
	u64 data = 0;

	if (r->mmio.is_write)
		memcpy(&data, r->mmio.data, r->mmio.len);
	else
		memcpy(r->mmio.data, &(u64){ 0xf1e2d3c4b5a69788 }, 8);
	snprintf(cycles + used, sizeof(cycles) - used, " %c%u@%llx",
		 r->mmio.is_write ? 'w' : 'r', r->mmio.len,
		 (unsigned long long)(r->mmio.phys_addr - GPA_MMIO));
	used = strlen(cycles);
	if (r->mmio.is_write)
		snprintf(cycles + used, sizeof(cycles) - used, "=%llx",
			 (unsigned long long)data);
}

/* From @rip to a HLT. Returns RAX afterwards. */
static u64 run_at(struct vcpu *v, u64 rip)
{
	struct kvm_regs r;
	u32 reason;

	get_regs(v, &r);
	r.rip = rip;
	r.rax = VALUE;
	r.rcx = 1;
	r.rdi = GPA_MMIO + AT;
	r.rbx = GPA_MMIO + AT - 4;
	r.r15 = ~VALUE;
	set_regs(v, &r);
	while ((reason = vcpu_exit(v)) == KVM_EXIT_MMIO)
		serve(v->run);
	SAME(reason, KVM_EXIT_HLT);
	get_regs(v, &r);
	return r.rax;
}

/* The same several times; what comes out the first time has to come again. */
static void run_rounds(struct vcpu *v, u64 rip, const char *name)
{
	char first[sizeof(cycles)];
	u64 rax = 0, now;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		cycles[0] = 0;
		now = run_at(v, rip);
		if (!i) {
			rax = now;
			memcpy(first, cycles, sizeof(first));
			obs(name, "%s, rax %#llx", cycles,
			    (unsigned long long)rax);
		}
		CHECK(!strcmp(first, cycles), "%s: round %d: %s\n", name, i,
		      cycles);
		SAME(now, rax);
	}
}

/* ---- other code at the same place ---- */

#define CODES(X)							\
	X(store_l, "movl %eax, (%rdi)")					\
	X(store_b, "movb %al, (%rdi)")					\
	X(store_w, "movw %ax, (%rdi)")					\
	X(store_q, "movq %rax, (%rdi)")					\
	X(store_ah, "movb %ah, (%rdi)")					\
	X(store_r15, "movl %r15d, (%rdi)")				\
	X(store_number, "movl $0x12345678, (%rdi)")			\
	X(store_minus, "movq $-2, (%rdi)")				\
	X(store_index, "movl %eax, (%rbx,%rcx,4)")			\
	X(store_disp, "movw %ax, 0x120(%rdi)")				\
	X(store_crossing, "movq %rax, 0xfec(%rdi)")			\
	X(load_l, "movl (%rdi), %eax")					\
	X(load_q, "movq (%rdi), %rax")					\
	X(load_b, "movb (%rdi), %al")					\
	X(load_w, "movw (%rdi), %ax")					\
	X(load_ah, "movb (%rdi), %ah")					\
	X(load_zx, "movzbl (%rdi), %eax")				\
	X(load_zx_q, "movzwq (%rdi), %rax")				\
	X(load_sx, "movsbw (%rdi), %ax")				\
	X(load_sx_q, "movslq (%rdi), %rax")				\
	X(load_misaligned, "movl 3(%rdi), %eax")			\
	X(add, "addl %eax, (%rdi)")					\
	X(xchg, "xchgl %eax, (%rdi)")

#define DECLARE(n, insn)						\
	extern const u8 code_##n[], code_end_##n[];			\
	asm("code_" #n ": " insn "\n\thlt\ncode_end_" #n ":\n");
CODES(DECLARE)

static const struct code {
	const char *name;
	const u8 *code, *end;
} codes[] = {
#define CODE_ROW(n, insn) { #n, code_##n, code_end_##n },
	CODES(CODE_ROW)
};

#define CODE_OF(n) code_##n, code_end_##n - code_##n

static struct vcpu *start(struct vm *vm)
{
	struct vcpu *v = vcpu_new(vm, 0);

	mode_long(v, (void (*)(void))(uintptr_t)GPA_SHARED);
	return v;
}

CASE(other_code)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = start(vm);
	const struct code *c;

	for (c = codes; c < codes + ARRAY_LEN(codes); c++) {
		memcpy(vm->ram + GPA_SHARED, c->code, c->end - c->code);
		run_rounds(v, GPA_SHARED, c->name);
	}
}

/* At the very end of a page, and over it. */
CASE(end_of_page)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = start(vm);

	memcpy(vm->ram + GPA_FREE + 0x1000 - 3, CODE_OF(store_l));
	run_rounds(v, GPA_FREE + 0x1000 - 3, "last");
	memcpy(vm->ram + GPA_FREE + 0x2000 - 3, CODE_OF(store_disp));
	run_rounds(v, GPA_FREE + 0x2000 - 3, "crosses");
	vm->ram[GPA_FREE + 0x2001] = 0x02;
	run_rounds(v, GPA_FREE + 0x2000 - 3, "second-half-changed");
}

/* The guest itself changes its code, a byte, between two accesses. */
extern const u8 patch_code[], patch_insn[], patch_end[];
asm("patch_code: mov $8, %ecx\n"
    "lea patch_insn(%rip), %rdx\n"
    "1: nop\n"
    "patch_insn: movl %eax, (%rdi)\n"
    "xorb $1, (%rdx)\n"		/* between 88 and 89 */
    "mfence\n"
    "dec %ecx\n"
    "jnz 1b\n"
    "hlt\n"
    "patch_end:\n");

CASE(self_modifying)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = start(vm);

	memcpy(vm->ram + GPA_SHARED, patch_code, patch_end - patch_code);
	run_at(v, GPA_SHARED);
	obs("cycles", "%s", cycles);
}

/* ---- other memory at the same place ---- */

static void map_window(struct vm *vm)
{
	u64 *pdpt = (void *)(vm->ram + GPA_PDPT);

	memset(vm->ram + GPA_TABLES, 0, 0x8000);
	memcpy(vm->ram + GPA_PML4B, vm->ram + GPA_PML4, 0x1000);
	pdpt[1] = GPA_PD1 | PRESENT_WRITE;
	memcpy(vm->ram + GPA_PDPTB, pdpt, 0x1000);
	*(u64 *)(vm->ram + GPA_PML4B) = GPA_PDPTB | PRESENT_WRITE;
	*(u64 *)(vm->ram + GPA_PDPTB + 8) = GPA_PD1B | PRESENT_WRITE;
	*(u64 *)(vm->ram + GPA_PD1) = GPA_PT1 | PRESENT_WRITE;
	*(u64 *)(vm->ram + GPA_PD1B) = GPA_PT1B | PRESENT_WRITE;
	*(u64 *)(vm->ram + GPA_PT1) = GPA_CODE_A | PRESENT_WRITE;
	*(u64 *)(vm->ram + GPA_PT1B) = GPA_CODE_B | PRESENT_WRITE;
	memcpy(vm->ram + GPA_CODE_A, CODE_OF(store_l));
	memcpy(vm->ram + GPA_CODE_B, CODE_OF(store_b));
	vm->ram[GPA_CODE_A + code_end_store_l - code_store_l - 1] = 0xc3;
	vm->ram[GPA_CODE_B + code_end_store_b - code_store_b - 1] = 0xc3;
}

static void store_rounds(u32 sync)
{
	int i;

	for (i = 0; i < ROUNDS; i++)
		asm volatile("call *%0" : : "r"(WINDOW), "D"(GPA_MMIO + AT),
			     "a"(VALUE) : "memory");
	guest_sync(sync);
}

static void set_entry(u64 gpa, u64 entry)
{
	*(volatile u64 *)gpa = entry;
	asm volatile("invlpg (%0)" : : "r"(WINDOW) : "memory");
}

static void tables_guest(void)
{
	store_rounds(0);
	set_entry(GPA_PT1, GPA_CODE_B | PRESENT_WRITE);
	store_rounds(1);
	set_entry(GPA_PT1, GPA_CODE_A | PRESENT_WRITE);
	store_rounds(2);
	set_entry(GPA_PD1, GPA_PT1B | PRESENT_WRITE);
	store_rounds(3);
	set_entry(GPA_PD1, GPA_PT1 | PRESENT_WRITE);
	store_rounds(4);
	WRITE_CR(3, GPA_PML4B);
	store_rounds(5);
	WRITE_CR(3, GPA_PML4);
	store_rounds(6);
	/* Another top table with all the same below: the same code. */
	*(volatile u64 *)GPA_PML4B = *(volatile u64 *)GPA_PML4;
	WRITE_CR(3, GPA_PML4B);
	store_rounds(7);
}

static const char * const tables_steps[] = {
	"first", "other-page", "page-back", "other-table", "table-back",
	"other-cr3", "cr3-back", "copied-root",
};

CASE(other_tables)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	u32 reason, val;

	map_window(vm);
	mode_long(v, tables_guest);
	for (;;) {
		reason = vcpu_exit(v);
		if (is_done(v))
			break;
		if (reason == KVM_EXIT_MMIO) {
			serve(v->run);
		} else if (is_sync(v, &val) && val < ARRAY_LEN(tables_steps)) {
			obs(tables_steps[val], "%s", cycles);
			cycles[0] = 0;
		} else {
			die("exit %s\n", exit_name(reason));
		}
	}
}

#define GPA_SLOT	0x20000000ull

/* Userspace exchanges the memory that the code is in, or what is the device. */
CASE(other_slots)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = start(vm);
	u8 *mem = vm_add_ram(vm, 1, GPA_SLOT, 0x1000), *device;

	memcpy(mem, CODE_OF(store_l));
	run_rounds(v, GPA_SLOT, "first");
	MUST(vm_slot(vm, 1, 0, GPA_SLOT, 0, mem));
	mem = vm_add_ram(vm, 1, GPA_SLOT, 0x1000);
	memcpy(mem, CODE_OF(store_b));
	run_rounds(v, GPA_SLOT, "other-memory");

	device = vm_add_ram(vm, 2, GPA_MMIO, 0x1000);
	cycles[0] = 0;
	run_at(v, GPA_SLOT);
	run_at(v, GPA_SLOT);
	obs("device-is-memory", "%s", cycles);
	EQ("stored", device[AT], 0x11);
	MUST(vm_slot(vm, 2, 0, GPA_MMIO, 0, device));
	run_rounds(v, GPA_SLOT, "device-again");

	device[AT] = 0x77;
	MUST(vm_slot(vm, 2, KVM_MEM_READONLY, GPA_MMIO, 0x1000, device));
	run_rounds(v, GPA_SLOT, "read-only");
	EQ("not-stored", device[AT], 0x77);
	memcpy(mem, CODE_OF(load_b));
	cycles[0] = 0;
	EQ("loaded", run_at(v, GPA_SLOT) & 0xff, 0x77);
	EQ("loaded-again", run_at(v, GPA_SLOT) & 0xff, 0x77);
	EQ("loaded-at-last", run_at(v, GPA_SLOT) & 0xff, 0x77);
	obs("loads", "%s", cycles);
}

/* ---- another mode ---- */

/* With the REX prefix it stores RAX; in compatibility mode 48 is DEC EAX. */
CASE(compatibility_mode)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = start(vm);
	struct kvm_sregs s;

	memcpy(vm->ram + GPA_SHARED, CODE_OF(store_q));
	run_rounds(v, GPA_SHARED, "64-bit");
	get_sregs(v, &s);
	s.cs.selector = SEL_CS32;
	s.cs.l = 0;
	s.cs.db = 1;
	set_sregs(v, &s);
	run_rounds(v, GPA_SHARED, "compatibility");
}

/* ---- what else is due after an instruction ---- */

static volatile u64 steps, stepped_to;

static int step_hook(struct guest_trap *t)
{
	steps++;
	stepped_to = t->rip;
	t->rflags &= ~0x100ull;
	return 1;
}

static void step_guest(void)
{
	u64 after = 0;
	int i;

	g_hook[1] = step_hook;
	for (i = 0; i < ROUNDS; i++)
		asm volatile("lea 1f(%%rip), %0\n\t"
			     "pushfq\n\t"
			     "orl $0x100, (%%rsp)\n\t"
			     "popfq\n\t"
			     "movl %%eax, (%%rdi)\n\t"
			     "1: nop"
			     : "=&r"(after) : "D"(GPA_MMIO + AT), "a"(1)
			     : "memory", "cc");
	g_value("steps", steps, ROUNDS);
	g_show("after-the-store", stepped_to - after);
}

CASE(single_step)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);

	mode_long(v, step_guest);
	while (vcpu_exit(v) == KVM_EXIT_MMIO)
		serve(v->run);
	SAME(is_done(v), true);
	obs("cycles", "%s", cycles);
	check_log(vm);
	/* KVM's trap comes an instruction late. */
	if (!abi_on_kvm())
		SAME(((struct guest_log *)(vm->ram + GPA_LOG))->rec[1].val, 0);
}

/* Userspace has sent the vCPU elsewhere while it waited for a read. */
CASE(sent_elsewhere)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = start(vm);
	struct kvm_regs r;
	int i;

	memcpy(vm->ram + GPA_SHARED, CODE_OF(load_q));
	vm->ram[GPA_SHARED + 0x80] = 0xf4;
	for (i = 0; i < ROUNDS; i++)
		run_at(v, GPA_SHARED);
	get_regs(v, &r);
	r.rip = GPA_SHARED;
	r.rax = 0;
	set_regs(v, &r);
	expect_exit(v, "read", KVM_EXIT_MMIO);
	serve(v->run);
	v->run->immediate_exit = 1;
	SAME(vcpu_run(v), EINTR);
	v->run->immediate_exit = 0;
	get_regs(v, &r);
	EQ("rip-advanced", r.rip - GPA_SHARED, 3);
	EQ("rax", r.rax, 0xf1e2d3c4b5a69788);
	r.rip = GPA_SHARED + 0x80;
	set_regs(v, &r);
	expect_exit(v, "hlt", KVM_EXIT_HLT);
}
