// SPDX-License-Identifier: GPL-2.0
/*
 * dos.c - guests that try to take the processor for themselves.
 *
 * Whatever the guest does, a signal to its owner arrives and the host goes on:
 * endless delivery of #AC and #DB (CVE-2015-5307, CVE-2015-8104), interrupts
 * off for ever, timers without end, faults without end.  The bound of each
 * case is that of its signal: it must come although the guest never rests.
 */
#include <time.h>

#include "lib/abi.h"
#include "lib/apic.h"
#include "lib/guest.h"


static u64 now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ull + t.tv_nsec / 1000000;
}

/*
 * The guest runs on; five signals, 20 ms apart, must each end KVM_RUN, and
 * between them this process must get its turn.  Where a hypervisor may refuse
 * such a guest altogether, an internal error is as good.
 */
static void stays_responsive(struct vcpu *v, bool may_stop)
{
	u64 start = now_ms(), took;
	int i, e = 0, n = 0;

	kick_after(20000);
	for (i = 0; i < 5; i++) {
		e = vcpu_run(v);
		n += e == EINTR;
		if (e != EINTR)
			break;
	}
	no_kick();
	took = now_ms() - start;
	note("five signals took %llu ms\n", (unsigned long long)took);
	if (!e)
		heed_panic(v);
	if (may_stop && !e && v->run->exit_reason == KVM_EXIT_INTERNAL_ERROR)
		n = 5;
	CHECK(n == 5, "KVM_RUN gave %s, exit %s\n", errno_name(e),
	      exit_name(v->run->exit_reason));
	CHECK(took < 2000, "five signals took %llu ms\n",
	      (unsigned long long)took);
}

/*
 * #AC in ring 3 whose delivery raises #AC again: the handler's stack is
 * misaligned and its gate leads to ring 3 itself.  32-bit code, so that the
 * processor does not align the stack.  SDM 3C 25.2: only an exit on #AC ends it.
 */
static void build_ac_loop(struct vm *vm)
{
	u32 *idt = (u32 *)(vm->ram + GPA_IDT);
	u8 *code = vm->ram + GPA_CODE32;
	/* iret to ring 3 with AC set, ESP odd; there: push, misaligned */
	static const u8 enter[] = { 0xcf };
	static const u8 user[] = { 0x50, 0xeb, 0xfd };

	memcpy(code, enter, sizeof(enter));
	memcpy(code + 0x100, user, sizeof(user));
	idt[2 * 17] = ((GPA_CODE32 + 0x100) & 0xffff) | (SEL_UCS32 | 3) << 16;
	idt[2 * 17 + 1] = (GPA_CODE32 & 0xffff0000) | 0xee00;
}

CASE(alignment_check_loop)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	struct kvm_sregs s;
	struct kvm_regs r;
	u32 *stack;

	build_ac_loop(vm);
	mode_prot32(v, GPA_CODE32);
	get_sregs(v, &s);
	s.cr0 |= BIT(18);			/* AM */
	set_sregs(v, &s);
	get_regs(v, &r);
	r.rsp = GPA_STACKS + 0x1000;
	stack = (u32 *)(vm->ram + r.rsp);
	stack[0] = GPA_CODE32 + 0x100;
	stack[1] = SEL_UCS32 | 3;
	stack[2] = 0x40202;			/* AC, IF */
	stack[3] = GPA_STACKS + 0x9001;
	stack[4] = SEL_UDS | 3;
	set_regs(v, &r);
	stays_responsive(v, true);
}

/*
 * #DB by a data breakpoint on the stack slot that #DB's own delivery writes:
 * each delivery is the next one's cause.
 */
static void db_loop_guest(void)
{
	u64 *idt = (u64 *)GPA_IDT;

	/* The handler's stack by IST: always the same slots. */
	*(u64 *)(GPA_TSS + 0x24) = GPA_STACKS + 0x9000;
	idt[2 * 1] |= 1ull << 32;
	WRITE_DR(0, GPA_STACKS + 0x9000 - 8);
	WRITE_DR(7, 0x400 | 2 | 0xdull << 16);
	sti();
	for (;;)
		*(volatile u64 *)(GPA_STACKS + 0x9000 - 8) = 1;
}

static int db_return(struct guest_trap *t)
{
	return 1;
}

static void db_guest(void)
{
	g_hook[1] = db_return;
	db_loop_guest();
}

CASE(debug_exception_loop)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);

	mode_long(v, db_guest);
	stays_responsive(v, false);
}

static void trap_flag_guest(void)
{
	g_hook[1] = db_return;
	asm volatile("pushfq; orq $0x300, (%%rsp); popfq; 1: jmp 1b" : : : "memory");
}

CASE(single_step_loop)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);

	mode_long(v, trap_flag_guest);
	stays_responsive(v, false);
}

/* MOV SS with a pending breakpoint, then INT n, ICEBP or a #UD. */
static volatile u64 shape_db, shape_int;

static int shape_hook(struct guest_trap *t)
{
	if (t->vec == 1)
		shape_db++;
	else
		shape_int++;
	if (t->vec == 6)
		t->rip += 2;
	return 1;
}

static void movss_guest(void)
{
	static volatile u16 ss = SEL_DS;
	int i;

	g_hook[1] = shape_hook;
	g_hook[3] = shape_hook;
	g_hook[6] = shape_hook;
	g_hook[0x80] = shape_hook;
	WRITE_DR(0, (uintptr_t)&ss);
	WRITE_DR(7, 0x400 | 2 | 0x7ull << 16);	/* 2 bytes, reads */
	for (i = 0; i < 20; i++) {
		asm volatile("mov %0, %%ss; int $0x80" : : "m"(ss));
		asm volatile("mov %0, %%ss; int3" : : "m"(ss));
		asm volatile("mov %0, %%ss; .byte 0xf1" : : "m"(ss));
		asm volatile("mov %0, %%ss; ud2" : : "m"(ss));
	}
	WRITE_DR(7, 0x400);
	g_value("int-and-ud", shape_int, 60);
	g_value("some-debug-exceptions", shape_db >= 20, 1);
}

CASE(mov_ss_shapes)
{
	struct vm *vm = vm_new(0);

	run_guest(vcpu_new(vm, 0), movss_guest);
}

/* Interrupts off and no exit of its own accord. */
static void cli_guest(void)
{
	cli();
	for (;;)
		asm volatile("" ::: "memory");
}

CASE(interrupts_off)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);

	/*
	 * Here the emulator is at fault: with IF = 0 an external interrupt is
	 * no exit in Bochs, so only a hypervisor with a bound of its own on
	 * each stay in the guest passes.
	 */
	if (abi_on_kvm())
		skip("Bochs lets KVM's guest keep the processor with IF = 0");
	mode_long(v, cli_guest);
	stays_responsive(v, false);
}

static void storm_guest(void)
{
	APIC(APIC_SPIV) = 0x1ff;
	APIC(APIC_TDCR) = 0xb;
	APIC(APIC_LVTT) = APIC_PERIODIC | 0x50;
	APIC(APIC_TMICT) = 1;	/* a period of one tick of the bus */
	g_eoi = EOI_XAPIC;
	sti();
	for (;;)
		asm volatile("pause");
}

CASE_T(timer_storm, 20)
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v = vcpu_new(vm, 0);

	mode_long(v, storm_guest);
	stays_responsive(v, false);
	note("%llu timer interrupts\n",
	     (unsigned long long)*GVAR(vm, g_irqs[0x50]));
	CHECK(*GVAR(vm, g_irqs[0x50]), "no timer interrupt at all\n");
}

/* A guest that exits without end still lets signals in. */
static void cpuid_guest(void)
{
	u32 r[4];

	sti();
	for (;;)
		cpuid(0, 0, r);
}

CASE(exit_storm)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);

	mode_long(v, cpuid_guest);
	stays_responsive(v, false);
}

/* REP into a port of the kernel, as long as a string can be. */
static void rep_guest(void)
{
	sti();
	for (;;)
		asm volatile("cld; rep outsb" : : "d"(0x21), "S"(GPA_FREE),
			     "c"(0x100000) : "memory");
}

CASE(string_io_storm)
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v = vcpu_new(vm, 0);

	mode_long(v, rep_guest);
	stays_responsive(v, false);
}

/* Memory whose owner has no mapping: an errno, not a loop. */
static void touch_guest(void)
{
	*(volatile u64 *)0x20000000 = 1;
}

CASE(unmapped_owner)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	void *p = vm_add_ram(vm, 1, 0x20000000, 0x1000);

	MUST(munmap(p, 0x1000));
	mode_long(v, touch_guest);
	EQ("run", vcpu_run(v), EFAULT);
	EQ("run-again", vcpu_run(v), EFAULT);
}

/* Page tables that point at themselves, at nothing and at MMIO. */
static void mmio_tables_guest(void)
{
	((volatile u64 *)GPA_PML4)[1] = GPA_MMIO | 7;
	*(volatile u64 *)0x8000000000 = 1;
}

CASE(page_tables_in_mmio)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	int e;

	mode_long(v, mmio_tables_guest);
	kick_after(100000);
	e = vcpu_run(v);
	no_kick();
	/* Any of these, but neither a hang nor another errno. */
	CHECK(!e || e == EINTR, "KVM_RUN: %s\n", errno_name(e));
	note("ended with %s, exit %s\n", errno_name(e),
	     exit_name(v->run->exit_reason));
}

/* Killed in the midst of it, at once. */
CASE(kill_spinning_guest)
{
	int status;
	u64 start;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		struct vm *vm = vm_new(0);
		struct vcpu *v = vcpu_new(vm, 0);

		mode_long(v, cpuid_guest);
		vcpu_run(v);
		_exit(1);
	}
	usleep(100000);
	start = now_ms();
	MUST(kill(pid, SIGKILL));
	MUST(waitpid(pid, &status, 0));
	EQ("killed", WIFSIGNALED(status) ? WTERMSIG(status) : 0, SIGKILL);
	CHECK(now_ms() - start < 2000, "it took %llu ms\n",
	      (unsigned long long)(now_ms() - start));
}
