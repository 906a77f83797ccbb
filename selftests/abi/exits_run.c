// SPDX-License-Identifier: GPL-2.0
/*
 * exits_run.c - KVM_RUN itself: what ends it and what goes in between.
 *
 * HLT, interrupt windows and KVM_INTERRUPT without an APIC in the kernel,
 * KVM_NMI, signals and immediate_exit, triple faults, task switches, and what
 * the shared page says after each return.  SDM 3A 6.14, 7.3; 3C 25.2.
 */
#include <pthread.h>
#include <sys/syscall.h>

#include "lib/abi.h"
#include "lib/guest.h"

extern const u8 guest32_start[], guest32_end[];

/* ---- HLT ---- */

static void hlt_guest(void)
{
	asm volatile("hlt");
	guest_sync(1);
	sti();
	asm volatile("hlt");
}

CASE(hlt_without_irqchip)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	struct kvm_regs r;
	u8 *code = (u8 *)hlt_guest;
	u32 val;

	mode_long(v, hlt_guest);
	expect_exit(v, "hlt", KVM_EXIT_HLT);
	get_regs(v, &r);
	EQ("rip-after-hlt", ((u8 *)r.rip)[-1], 0xf4);
	CHECK(r.rip > (uintptr_t)code, "rip before the guest's start\n");
	EQ("if-flag", v->run->if_flag, 0);
	EQ("ready", v->run->ready_for_interrupt_injection, 0);
	vcpu_exit(v);
	SAME(is_sync(v, &val), true);
	expect_exit(v, "hlt-with-if", KVM_EXIT_HLT);
	EQ("if-flag-set", v->run->if_flag, 1);
	EQ("ready-set", v->run->ready_for_interrupt_injection, 1);
}

/* With an APIC the halted vCPU sleeps in the kernel until a signal. */
CASE(hlt_with_irqchip)
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v = vcpu_new(vm, 0);
	struct kvm_mp_state mp;
	u32 val;

	mode_long(v, hlt_guest);
	kick_after(50000);
	EQ("run", vcpu_run(v), EINTR);
	EQ("reason", v->run->exit_reason, KVM_EXIT_INTR);
	MUST(ioctl(v->fd, KVM_GET_MP_STATE, &mp));
	EQ("mp-state", mp.mp_state, KVM_MP_STATE_HALTED);
	no_kick();
	mp.mp_state = KVM_MP_STATE_RUNNABLE;
	MUST(ioctl(v->fd, KVM_SET_MP_STATE, &mp));
	vcpu_exit(v);
	SAME(is_sync(v, &val), true);
}

/* ---- interrupts from userspace, no APIC in the kernel ---- */

static void irq_guest(void)
{
	guest_sync(1);
	sti_nop();
	guest_sync(2);
	cli();
	guest_sync(3);
	sti_nop();
	g_value("count-0x40", g_irqs[0x40], 1);
	g_value("count-0x41", g_irqs[0x41], 1);
	guest_sync(4);
	sti_hlt();
	g_value("woken-0x43", g_irqs[0x43], 1);
}

static int inject(struct vcpu *v, u32 vec)
{
	struct kvm_interrupt i = { .irq = vec };

	return ioctl(v->fd, KVM_INTERRUPT, &i);
}

static void expect_sync(struct vcpu *v, u32 want)
{
	u32 val = ~0u;

	vcpu_exit(v);
	if (!is_sync(v, &val) || val != want)
		die("exit %s (%u), not the rendezvous %u\n",
		    exit_name(v->run->exit_reason), val, want);
}

CASE(interrupt_injection)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);

	mode_long(v, irq_guest);
	expect_sync(v, 1);
	EQ("if-at-1", v->run->if_flag, 0);
	EQ("ready-at-1", v->run->ready_for_interrupt_injection, 0);
	/* Ask to be told when the guest will take one. */
	v->run->request_interrupt_window = 1;
	expect_exit(v, "window", KVM_EXIT_IRQ_WINDOW_OPEN);
	EQ("if-in-window", v->run->if_flag, 1);
	EQ("ready-in-window", v->run->ready_for_interrupt_injection, 1);
	v->run->request_interrupt_window = 0;
	ERR("inject", inject(v, 0x40), 0);
	expect_sync(v, 2);
	EQ("delivered", *GVAR(vm, g_irqs[0x40]), 1);
	EQ("ready-at-2", v->run->ready_for_interrupt_injection, 1);
	/* A window that is open already. */
	v->run->request_interrupt_window = 1;
	expect_exit(v, "window-at-once", KVM_EXIT_IRQ_WINDOW_OPEN);
	v->run->request_interrupt_window = 0;
	ERR("inject-0x41", inject(v, 0x41), 0);
	expect_sync(v, 3);
	EQ("delivered-0x41", *GVAR(vm, g_irqs[0x41]), 1);
	expect_sync(v, 4);
	expect_exit(v, "hlt", KVM_EXIT_HLT);
	ERR("inject-into-hlt", inject(v, 0x43), 0);
	run_done(v);
	check_log(vm);
}

CASE(interrupt_errors)
{
	struct vm *vm = vm_new(0);
	struct vm *chip = vm_new(VM_IRQCHIP);
	struct vcpu *v = vcpu_new(vm, 0);
	struct vcpu *c = vcpu_new(chip, 0);

	ERR("vector-256", inject(v, 256), EINVAL);
	ERR("vector-huge", inject(v, ~0u), EINVAL);
	ERR("with-irqchip", inject(c, 0x40), ENXIO);
	ERR("bad-pointer", ioctl(v->fd, KVM_INTERRUPT, 8), EFAULT);
}

/* ---- NMI ---- */

static volatile u64 nmis, nmi_stage;

static int nmi_hook(struct guest_trap *t)
{
	nmis++;
	if (!nmi_stage) {
		nmi_stage = 1;
		guest_sync(0x100);
		nmi_stage = 2 + nmis;
	}
	return 1;
}

static void nmi_guest(void)
{
	g_hook[2] = nmi_hook;
	guest_sync(1);
	asm volatile("nop");
	g_value("both", nmis, 2);
	g_value("second-waits-for-iret", nmi_stage, 3);
	asm volatile("hlt");
	g_value("wakes-hlt", nmis, 3);
}

CASE(nmi)
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v = vcpu_new(vm, 0);

	if (dev_cap(KVM_CAP_USER_NMI) <= 0)
		skip("KVM_CAP_USER_NMI is not offered");
	mode_long(v, nmi_guest);
	expect_sync(v, 1);
	ERR("nmi", ioctl(v->fd, KVM_NMI, 0), 0);
	expect_sync(v, 0x100);
	/* Inside the handler: NMIs are blocked until its IRET. */
	ERR("nmi-in-handler", ioctl(v->fd, KVM_NMI, 0), 0);
	kick_after(100000);
	EQ("halted", vcpu_run(v), EINTR);
	no_kick();
	ERR("nmi-into-hlt", ioctl(v->fd, KVM_NMI, 0), 0);
	run_done(v);
	check_log(vm);
}

/* ---- signals and immediate_exit ---- */

static void spin_guest(void)
{
	sti();
	for (;;)
		asm volatile("pause");
}

CASE(signal_ends_run)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	struct kvm_regs r;
	int i;

	mode_long(v, spin_guest);
	kick_after(20000);
	for (i = 0; i < 5; i++) {
		EQ("run", vcpu_run(v), EINTR);
		EQ("reason", v->run->exit_reason, KVM_EXIT_INTR);
	}
	get_regs(v, &r);
	CHECK(r.rip - (uintptr_t)spin_guest < 64, "rip %#llx is elsewhere\n",
	      (unsigned long long)r.rip);
}

CASE(immediate_exit)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	struct kvm_regs before, after;

	mode_long(v, hlt_guest);
	get_regs(v, &before);
	v->run->immediate_exit = 1;
	EQ("run", vcpu_run(v), EINTR);
	get_regs(v, &after);
	EQ("nothing-ran", after.rip, before.rip);
	v->run->immediate_exit = 0;
	expect_exit(v, "hlt", KVM_EXIT_HLT);
}

/* A signal that KVM_SET_SIGNAL_MASK blocks does not end KVM_RUN. */
CASE(signal_mask)
{
	union {
		struct kvm_signal_mask m;
		u8 room[sizeof(struct kvm_signal_mask) + 8];
	} mask = { .m.len = 8 };
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v = vcpu_new(vm, 0);
	sigset_t alrm, pending;

	sigemptyset(&alrm);
	sigaddset(&alrm, SIGALRM);
	sigprocmask(SIG_BLOCK, &alrm, NULL);
	ERR("set", ioctl(v->fd, KVM_SET_SIGNAL_MASK, &mask), 0);
	mode_long(v, spin_guest);
	kick_after(50000);
	EQ("run", vcpu_run(v), EINTR);
	sigpending(&pending);
	EQ("signal-still-pending", sigismember(&pending, SIGALRM), 1);
	mask.m.len = 7;
	ERR("length-7", ioctl(v->fd, KVM_SET_SIGNAL_MASK, &mask), EINVAL);
	ERR("remove", ioctl(v->fd, KVM_SET_SIGNAL_MASK, 0), 0);
}

static void *kicker(void *arg)
{
	pthread_t *t = arg;

	usleep(50000);
	pthread_kill(*t, SIGUSR1);
	return NULL;
}

static void on_usr1(int sig)
{
	(void)sig;
}

CASE(signal_from_another_thread)
{
	struct sigaction sa = { .sa_handler = on_usr1 };
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v = vcpu_new(vm, 0);
	pthread_t self = pthread_self(), t;

	sigaction(SIGUSR1, &sa, NULL);
	mode_long(v, hlt_guest);
	MUST(pthread_create(&t, NULL, kicker, &self));
	EQ("run-halted", vcpu_run(v), EINTR);
	pthread_join(t, NULL);
}

/* ---- shutdown ---- */

static void triple_guest(void)
{
	struct {
		u16 limit;
		u64 base;
	} __attribute__((packed)) none = { 0, 0 };

	asm volatile("lidt %0; ud2" : : "m"(none));
}

CASE(triple_fault)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);

	mode_long(v, triple_guest);
	expect_exit(v, "triple-fault", KVM_EXIT_SHUTDOWN);
}

static volatile u64 df_err = ~0ull, df_seen;

static int df_hook(struct guest_trap *t)
{
	df_seen++;
	df_err = t->err;
	guest_done();
}

static void double_guest(void)
{
	u64 *idt = (u64 *)GPA_IDT;

	g_hook[8] = df_hook;
	idt[2 * 14] = 0;		/* #PF during #PF's delivery... */
	idt[2 * 11] = 0;		/* ...whose #NP has no gate either */
	*(volatile u8 *)0x40000000 = 1;
}

CASE(double_fault)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);

	mode_long(v, double_guest);
	run_done(v);
	EQ("df", *GVAR(vm, df_seen), 1);
	EQ("df-error-code", *GVAR(vm, df_err), 0);
}

/* ---- events that a fault interrupts (IDT vectoring) ---- */

/*
 * The interrupt's delivery pushes on a stack page that is not there yet in
 * EPT: the exit must re-inject it, once.
 */
static void vectoring_guest(void)
{
	u64 i;

	guest_sync(1);
	for (i = 0; i < 16; i++) {
		/* A fresh page for each stack. */
		*(u64 *)(GPA_TSS + 0x24) = GPA_MMIO - 0x100000 + i * 0x1000 + 0x800;
		asm volatile("int $0x91");
	}
	g_value("int-n-on-fresh-pages", g_irqs[0x91], 16);
}

CASE(delivery_through_ept_fault)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	u64 *idt = (u64 *)(vm->ram + GPA_IDT);

	vm_add_ram(vm, 1, GPA_MMIO - 0x100000, 0x100000);
	idt[2 * 0x91] |= 1ull << 32;	/* IST 1 */
	mode_long(v, vectoring_guest);
	expect_sync(v, 1);
	run_done(v);
	check_log(vm);
}

/* ---- the shared page ---- */

CASE(run_page)
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v = vcpu_new(vm, 0);

	mode_long(v, hlt_guest);
	v->run->immediate_exit = 1;
	EQ("run", vcpu_run(v), EINTR);
	EQ("apic-base", v->run->apic_base, 0xfee00900);
	EQ("cr8", v->run->cr8, 0);
	EQ("if-flag", v->run->if_flag, 0);
	EQ("flags", v->run->flags, 0);
}

/* ---- no memory under the guest ---- */

CASE(fetch_from_nowhere)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);

	expect_exit(v, "reset-vector", KVM_EXIT_INTERNAL_ERROR);
	EQ("suberror", v->run->internal.suberror, KVM_INTERNAL_ERROR_EMULATION);
}

/* IRET to a task, JMP to a TSS: done or refused, but the host goes on. */
CASE(task_switch)
{
	/* ljmp $0x60, $0; mov $PORT_DONE, %dx; out %al, %dx */
	static const u8 code[] = {
		0xea, 0, 0, 0, 0, 0x60, 0,
	};
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	u64 *gdt = (u64 *)(vm->ram + GPA_GDT);
	u32 *tss = (u32 *)(vm->ram + GPA_SHARED + 0x100);
	u32 reason;

	memcpy(vm->ram + GPA_CODE32, code, sizeof(code));
	memcpy(vm->ram + GPA_CODE32 + 0x100, "\xf4", 1);
	gdt[0x60 / 8] = 0x0000890000000067 | (u64)(GPA_SHARED + 0x100) << 16;
	tss[8] = GPA_CODE32 + 0x100;			/* EIP */
	tss[9] = 2;					/* EFLAGS */
	tss[14] = GPA_STACKS + STACK_SIZE;		/* ESP */
	tss[18] = SEL_DS;				/* ES */
	tss[19] = SEL_CS32;
	tss[20] = SEL_DS;
	tss[21] = SEL_DS;
	tss[22] = SEL_DS;
	tss[23] = SEL_DS;
	mode_prot32(v, GPA_CODE32);
	reason = vcpu_exit(v);
	obs("exit", "%s", exit_name(reason));
	if (reason == KVM_EXIT_INTERNAL_ERROR)
		EQ("suberror", v->run->internal.suberror,
		   KVM_INTERNAL_ERROR_EMULATION);
	else
		SAME(reason, KVM_EXIT_HLT);
}
