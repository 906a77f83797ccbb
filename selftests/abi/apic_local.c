// SPDX-License-Identifier: GPL-2.0
/*
 * apic_local.c - what a local APIC has beside the interrupts of others: which
 * registers there are and which of their bits, the error register, NMIs by
 * LINT0, the spurious-interrupt vector.
 *
 * KVM keeps no errors: its error register is always 0, and it takes illegal
 * vectors.  SDM 3A 11.4.1, 11.5.1, 11.5.3, 11.9, 11.12.1.
 */
#include "lib/abi.h"
#include "lib/apic.h"
#include "lib/guest.h"
#include "lib/lapic.h"

#define GP		13
#define ERROR_VEC	0x33
#define SPURIOUS_VEC	0xef

#define APIC_LVT_THERMAL	0x330
#define APIC_LVT_PMC		0x340
#define APIC_LINT1		0x360
#define APIC_NMI		0x400

/* Bits of the error register. */
#define ESR_SENT	0x20
#define ESR_RECEIVED	0x40
#define ESR_REGISTER	0x80

static struct vm *local_vm(u64 mode)
{
	struct vm *vm = vm_new(VM_IRQCHIP | VM_PIT);

	need_x2apic(vm->dev);
	*GVAR(vm, g_x2apic) = mode;
	return vm;
}

static void take_all(void)
{
	sti_nop();
	cli();
}

/* ---- registers ---- */

/* "NAME-3f0" */
static void reg_name(char *name, const char *prefix, u32 reg)
{
	static const char digits[] = "0123456789abcdef";
	u32 n = 0;

	while (*prefix)
		name[n++] = *prefix++;
	name[n++] = '-';
	name[n++] = digits[reg >> 8 & 0xf];
	name[n++] = digits[reg >> 4 & 0xf];
	name[n++] = digits[reg & 0xf];
	name[n] = 0;
}

/* Those of SDM 3A table 11-1 that can be read; KVM lets others be anything. */
static bool readable(u32 reg)
{
	return reg == APIC_ID || reg == APIC_VERSION ||
	       (reg >= APIC_TPR && reg <= APIC_PPR) ||
	       (reg >= APIC_LDR && reg <= APIC_ESR) ||
	       (reg >= APIC_ICR && reg <= APIC_TMCCT) || reg == APIC_TDCR;
}

static void xapic_regs_guest(void)
{
	static const u16 writable[] = {
		APIC_TPR, APIC_LDR, APIC_DFR, APIC_SPIV, APIC_LVT_THERMAL,
		APIC_LVT_PMC, APIC_LINT0, APIC_LINT1, APIC_LVTERR, APIC_TDCR,
	};
	char name[16];
	u32 reg, i;

	for (reg = 0; reg < 0x400; reg += 0x10) {
		if (!readable(reg))
			continue;
		reg_name(name, "reset", reg);
		g_show(name, APIC(reg));
	}
	APIC(APIC_SPIV) = 0x1ff;
	for (i = 0; i < ARRAY_LEN(writable); i++) {
		reg = writable[i];
		APIC(reg) = 0xffffffff;
		reg_name(name, "ones", reg);
		g_show(name, APIC(reg));
		APIC(reg) = reg == APIC_SPIV ? 0x1ff : 0;
		reg_name(name, "zeroes", reg);
		g_show(name, APIC(reg));
	}
	g_value("version", APIC(APIC_VERSION) & 0xff, 0x14);
}

CASE(xapic_registers)
{
	run_guest(vcpu_new(local_vm(0), 0), xapic_regs_guest);
}

/* Which MSRs can be read and written at all; 0 is fine for each that can. */
static void x2apic_regs_guest(void)
{
	char name[16];
	u32 reg;

	apic_on();
	for (reg = 0; reg < 0x500; reg += 0x10) {
		rdmsr(X2APIC(reg));
		reg_name(name, "read", reg);
		g_any(name);
		if (reg == APIC_SPIV || reg == APIC_ICR)
			continue;
		wrmsr(X2APIC(reg), 0);
		reg_name(name, "write", reg);
		g_any(name);
	}
	rdmsr(X2APIC(APIC_VERSION));
	g_fault("version", NOFAULT);
	wrmsr(X2APIC(APIC_VERSION), 0);
	g_fault_err("version-read-only", GP, 0);
	wrmsr(X2APIC(APIC_ESR), 1);
	g_fault_err("esr-not-0", GP, 0);
	wrmsr(X2APIC(APIC_LINT1), BIT_ULL(32));
	g_fault_err("lint1-high-half", GP, 0);
	wrmsr(X2APIC(APIC_SELF_IPI), 0x141);
	g_fault_err("self-ipi-high-bits", GP, 0);
}

CASE(x2apic_registers)
{
	run_guest(vcpu_new(local_vm(1), 0), x2apic_regs_guest);
}

/* ---- errors ---- */

static volatile u64 keeps_errors;

/* A write moves the errors since the last one into the register. */
static void expect_esr(const char *name, u32 want)
{
	apic_write(APIC_ESR, 0);
	g_value(name, apic_read(APIC_ESR), keeps_errors ? want : 0);
}

static void expect_error_irqs(const char *name, u64 want)
{
	take_all();
	g_value(name, g_irqs[ERROR_VEC], keeps_errors ? want : 0);
}

static void errors_guest(void)
{
	apic_on();
	apic_write(APIC_LVTERR, ERROR_VEC);
	expect_esr("none", 0);
	if (!g_x2apic) {
		g_value("reserved-register", APIC(0x40), 0);
		g_value("until-written", APIC(APIC_ESR), 0);
		expect_error_irqs("register-irq", 1);
		expect_esr("register", ESR_REGISTER);
		APIC(0x40) = 1;
		expect_esr("register-written", ESR_REGISTER);
		expect_error_irqs("register-written-irq", 2);
		g_irqs[ERROR_VEC] = 0;
	}
	expect_esr("cleared", 0);
	apic_write(APIC_ICR, APIC_TO_SELF | 0xf);
	expect_error_irqs("self-irq", 1);
	expect_esr("self", ESR_SENT | ESR_RECEIVED);
	apic_write(APIC_ICR, 0xc0005);		/* to all others: nobody */
	expect_error_irqs("sent-irq", 2);
	expect_esr("sent", ESR_SENT);
	if (g_x2apic) {
		apic_write(APIC_SELF_IPI, 0x7);
		expect_error_irqs("self-ipi-irq", 3);
		expect_esr("self-ipi", ESR_SENT | ESR_RECEIVED);
	}
	guest_sync(1);				/* an MSI with vector 5 */
	g_irqs[ERROR_VEC] = 0;
	expect_error_irqs("received-irq", 1);
	expect_esr("received", ESR_RECEIVED);
	apic_write(APIC_LVTERR, APIC_MASKED | ERROR_VEC);
	g_irqs[ERROR_VEC] = 0;
	apic_write(APIC_ICR, APIC_TO_SELF | 0xe);
	expect_esr("while-masked", ESR_SENT | ESR_RECEIVED);
	expect_error_irqs("while-masked-irq", 0);
	/* The rest of the APIC is none the worse. */
	apic_write(APIC_ICR, APIC_TO_SELF | 0x41);
	take_all();
	g_value("legal", g_irqs[0x41], 1);
}

static void run_errors(u64 mode)
{
	struct vm *vm = local_vm(mode);
	struct vcpu *v = vcpu_new(vm, 0);
	u32 val = 0;

	*GVAR(vm, keeps_errors) = !abi_on_kvm();
	mode_long(v, errors_guest);
	vcpu_exit(v);
	SAME(is_sync(v, &val) && val == 1, true);
	EQ("illegal-msi", lapic_msi(vm, 0, 0, 5), abi_on_kvm());
	run_done(v);
	check_log(vm);
}

CASE(errors_xapic)
{
	run_errors(0);
}

CASE(errors_x2apic)
{
	run_errors(1);
}

/* ---- LINT0 and LINT1 ---- */

static int nmi_hook(struct guest_trap *t)
{
	g_irqs[2]++;
	return 1;
}

static void pit_on(void)
{
	outb(0x43, 0x34);
	outb(0x40, 5000 & 0xff);
	outb(0x40, 5000 >> 8);
}

static void pit_off(void)
{
	outb(0x43, 0x30);
}

/* The NMI watchdog of old: the timer's interrupt comes in as an NMI. */
static void lint0_guest(void)
{
	u64 n;

	g_hook[2] = nmi_hook;
	apic_on();
	outb(0x21, 0xff);
	apic_write(APIC_LINT0, APIC_NMI);
	g_value("lint0", apic_read(APIC_LINT0), APIC_NMI);
	pit_on();
	cli();
	while (g_irqs[2] < 5)
		asm volatile("hlt");
	apic_write(APIC_LINT0, APIC_MASKED | APIC_NMI);
	n = g_irqs[2];
	g_value("nmis", n >= 5, 1);
	/* Masked: the timer goes on, the NMIs don't. */
	apic_write(APIC_TDCR, 0xb);
	apic_write(APIC_LVTT, 0x50);
	apic_write(APIC_TMICT, 30000000);
	while (!g_irqs[0x50]) {
		sti_hlt();
		cli();
	}
	g_value("masked", g_irqs[2] - n <= 1, 1);
	pit_off();
	/* LINT1 is a wire that nothing pulls: what is written stays. */
	apic_write(APIC_LINT1, APIC_NMI);
	g_value("lint1", apic_read(APIC_LINT1), APIC_NMI);
}

static void run_lint0(u64 mode)
{
	struct kvm_reinject_control each = { .pit_reinject = 0 };
	struct vm *vm = local_vm(mode);

	/* Every tick comes, though nobody acknowledges the one before. */
	MUST(ioctl(vm->fd, KVM_REINJECT_CONTROL, &each));
	run_guest(vcpu_new(vm, 0), lint0_guest);
}

CASE(lint0_nmi_xapic)
{
	run_lint0(0);
}

CASE(lint0_nmi_x2apic)
{
	run_lint0(1);
}

/* ---- the spurious-interrupt vector ---- */

/*
 * It is for an interrupt that is gone when the CPU asks for its vector.  Here
 * the CPU asks for none that the APIC could not give.
 */
static void spurious_guest(void)
{
	u32 i;

	apic_on();
	apic_write(APIC_SPIV, 0x100 | SPURIOUS_VEC);
	for (i = 0; i < 10; i++) {
		apic_write(APIC_TPR, 0);
		apic_write(APIC_ICR, APIC_TO_SELF | 0x41);
		apic_write(APIC_TPR, 0x50);
		take_all();
	}
	g_value("held", g_irqs[0x41], 0);
	apic_write(APIC_TPR, 0);
	take_all();
	g_value("let-go", g_irqs[0x41], 1);
	/* And as an ordinary one, which it is too. */
	apic_write(APIC_ICR, APIC_TO_SELF | SPURIOUS_VEC);
	g_value("none-before", g_irqs[SPURIOUS_VEC], 0);
	take_all();
	g_value("sent", g_irqs[SPURIOUS_VEC], 1);
	/* Disabled by software, it takes nothing. */
	apic_write(APIC_SPIV, SPURIOUS_VEC);
	apic_write(APIC_ICR, APIC_TO_SELF | 0x42);
	take_all();
	apic_write(APIC_SPIV, 0x100 | SPURIOUS_VEC);
	take_all();
	g_value("disabled", g_irqs[0x42], 0);
	g_value("enabled-again", g_irqs[SPURIOUS_VEC], 1);
}

CASE(spurious_xapic)
{
	run_guest(vcpu_new(local_vm(0), 0), spurious_guest);
}

CASE(spurious_x2apic)
{
	run_guest(vcpu_new(local_vm(1), 0), spurious_guest);
}
