// SPDX-License-Identifier: GPL-2.0
/*
 * irq.c - interrupts of the devices in the kernel: local APIC and its timer,
 * I/O APIC, PIC pair and PIT.
 *
 * Guests wait for interrupts in HLT, so time passes at its own pace and no
 * test depends on how long something takes.  SDM 3A 10 (APIC); the data sheets
 * of the 8259A, 8254 and 82093AA.
 */
#include <pthread.h>

#include "lib/abi.h"
#include "lib/apic.h"
#include "lib/chips.h"
#include "lib/events.h"
#include "lib/guest.h"

#define GP 13
#define MSR_DEADLINE	0x6e0

/* Sleep until the vector's count reaches n. */
static void wait_irq(u32 vec, u64 n)
{
	cli();
	while (g_irqs[vec] < n) {
		sti_hlt();
		cli();
	}
}

/* ---- the local APIC's timer, in both modes of the APIC ---- */

static void timer_guest(void)
{
	u64 tsc;

	apic_on();
	apic_write(APIC_TDCR, 0xb);
	apic_write(APIC_LVTT, 0x50);
	apic_write(APIC_TMICT, 100000);
	wait_irq(0x50, 1);
	g_value("one-shot", g_irqs[0x50], 1);
	g_value("one-shot-count", apic_read(APIC_TMCCT), 0);
	apic_write(APIC_LVTT, APIC_PERIODIC | 0x51);
	/* Long enough that a kernel with all its debugging on keeps up. */
	apic_write(APIC_TMICT, 2000000);
	wait_irq(0x51, 5);
	apic_write(APIC_TMICT, 0);
	g_value("periodic", g_irqs[0x51] >= 5, 1);
	g_value("stopped-count", apic_read(APIC_TMCCT), 0);
	apic_write(APIC_LVTT, APIC_MASKED | 0x52);
	apic_write(APIC_TMICT, 1000000);
	g_value("masked-counts", apic_read(APIC_TMCCT) > 0, 1);
	while (apic_read(APIC_TMCCT))
		asm volatile("pause");
	sti_nop();
	cli();
	g_value("masked-silent", g_irqs[0x52], 0);
	tsc = rdtsc();
	apic_write(APIC_LVTT, 0x53);
	apic_write(APIC_TMICT, 1);
	wait_irq(0x53, 1);
	g_value("soon", rdtsc() > tsc, 1);
}

static void run_timer(u64 mode)
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v = vcpu_new(vm, 0);

	if (mode)
		need_x2apic(vm->dev);
	*GVAR(vm, g_x2apic) = mode;
	run_guest(v, timer_guest);
}

CASE(timer_xapic)
{
	run_timer(0);
}

CASE(timer_x2apic)
{
	run_timer(1);
}

static void deadline_guest(void)
{
	u64 tsc = rdtsc();

	apic_on();
	apic_write(APIC_LVTT, APIC_DEADLINE | 0x60);
	asm volatile("mfence");
	wrmsr(MSR_DEADLINE, tsc + 400000);
	g_value("armed", rdmsr(MSR_DEADLINE) == tsc + 400000 || g_irqs[0x60], 1);
	wait_irq(0x60, 1);
	g_value("not-early", rdtsc() >= tsc + 400000, 1);
	g_value("disarmed", rdmsr(MSR_DEADLINE), 0);
	wrmsr(MSR_DEADLINE, 1);			/* long past */
	wait_irq(0x60, 2);
	g_value("past", g_irqs[0x60], 2);
	wrmsr(MSR_DEADLINE, rdtsc() + 0x100000000);
	wrmsr(MSR_DEADLINE, 0);
	g_value("cancelled", rdmsr(MSR_DEADLINE), 0);
	apic_write(APIC_TMICT, 1000);
	g_value("initial-count-ignored", apic_read(APIC_TMCCT), 0);
	apic_write(APIC_LVTT, 0x60);
	wrmsr(MSR_DEADLINE, rdtsc() + 1000);
	g_value("ignored-in-one-shot", rdmsr(MSR_DEADLINE), 0);
}

CASE(timer_deadline)
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct kvm_cpuid2 *c = supported_cpuid(vm->dev);
	struct kvm_cpuid_entry2 *e = cpuid_entry(c, 1, 0);
	struct vcpu *v = vcpu_raw(vm, 0);

	if (dev_cap(KVM_CAP_TSC_DEADLINE_TIMER) <= 0)
		skip("no TSC deadline");
	e->ecx |= BIT(24);
	MUST(ioctl(v->fd, KVM_SET_CPUID2, c));
	run_guest(v, deadline_guest);
}

/* ---- self-IPIs, priorities, TPR ---- */

static volatile u64 order[8], norder;

static int order_hook(struct guest_trap *t)
{
	order[norder++ & 7] = t->vec;
	apic_write(APIC_EOI, 0);
	return 1;
}

static void self_ipi(u32 vec)
{
	apic_write(APIC_ICR, 0x40000 | vec);
}

static void ipi_guest(void)
{
	g_hook[0x40] = order_hook;
	g_hook[0x81] = order_hook;
	g_hook[0xf1] = order_hook;
	apic_on();
	cli();
	self_ipi(0x40);
	self_ipi(0xf1);
	self_ipi(0x81);
	self_ipi(0x81);
	g_value("irr-0x40", apic_read(APIC_IRR(0x40)) & 1, 1);
	g_value("irr-0x81", apic_read(APIC_IRR(0x80)) & 2, 2);
	sti_nop();
	cli();
	g_value("delivered", norder, 3);
	g_value("highest-first", order[0], 0xf1);
	g_value("then", order[1], 0x81);
	g_value("lowest-last", order[2], 0x40);
	g_value("isr-clear", apic_read(APIC_ISR(0x40)), 0);
	/* The task priority holds back what is not above it. */
	WRITE_CR(8, 8);
	self_ipi(0x81);
	self_ipi(0x40);
	sti_nop();
	cli();
	g_value("held-by-tpr", norder, 3);
	g_value("ppr", apic_read(APIC_PPR), 0x80);
	self_ipi(0xf1);
	sti_nop();
	cli();
	g_value("above-tpr", norder, 4);
	sti();
	WRITE_CR(8, 4);
	asm volatile("nop");
	cli();
	g_value("lowered-to-4", norder, 5);
	g_value("0x81", order[4], 0x81);
	apic_write(APIC_TPR, 0);
	sti_nop();
	cli();
	g_value("lowered-to-0", norder, 6);
	g_value("0x40", order[5], 0x40);
}

/*
 * An interrupt that comes while RFLAGS.IF is clear waits for it, whatever the
 * host's own interrupts do meanwhile: some of its timer's come within the loop.
 */
#define MASKED_VEC	0xb1
#define MASKED_ROUNDS	2000

static volatile u64 too_early;

static int masked_hook(struct guest_trap *t)
{
	too_early += !(t->rflags & BIT(9));
	apic_write(APIC_EOI, 0);
	norder++;
	return 1;
}

static void masked_guest(void)
{
	u64 i, j;

	g_hook[MASKED_VEC] = masked_hook;
	apic_on();
	for (i = 0; i < MASKED_ROUNDS; i++) {
		sti_nop();
		cli();
		if (g_x2apic)
			apic_write64(APIC_SELF_IPI, MASKED_VEC);
		else
			self_ipi(MASKED_VEC);
		for (j = 0; j < 2000; j++)
			asm volatile("");
	}
	sti_nop();
	cli();
	g_value("taken", norder, MASKED_ROUNDS);
	g_value("with-if-clear", too_early, 0);
}

static int nest_hook(struct guest_trap *t)
{
	order[norder++ & 7] = t->vec;
	if (t->vec == 0x71) {
		g_value("isr-in-service", apic_read(APIC_ISR(0x60)) >> 17 & 1,
			1);
		self_ipi(0x61);		/* lower: must wait for EOI */
		self_ipi(0x91);		/* higher: comes at once */
		sti_nop();
		cli();
		order[norder++ & 7] = 1;
	}
	apic_write(APIC_EOI, 0);
	return 1;
}

static void nest_guest(void)
{
	g_hook[0x61] = nest_hook;
	g_hook[0x71] = nest_hook;
	g_hook[0x91] = nest_hook;
	apic_on();
	self_ipi(0x71);
	sti_nop();
	cli();
	g_value("events", norder, 4);
	g_value("first", order[0], 0x71);
	g_value("nested", order[1], 0x91);
	g_value("rest-of-first", order[2], 1);
	g_value("after-eoi", order[3], 0x61);
}

static void run_apic(void (*fn)(void), u64 mode)
{
	struct vm *vm = vm_new(VM_IRQCHIP);

	if (mode)
		need_x2apic(vm->dev);
	*GVAR(vm, g_x2apic) = mode;
	run_guest(vcpu_new(vm, 0), fn);
}

CASE(self_ipi_xapic)
{
	run_apic(ipi_guest, 0);
}

CASE(self_ipi_x2apic)
{
	run_apic(ipi_guest, 1);
}

CASE(nesting_xapic)
{
	run_apic(nest_guest, 0);
}

CASE(nesting_x2apic)
{
	run_apic(nest_guest, 1);
}

CASE(masked_xapic)
{
	run_apic(masked_guest, 0);
}

CASE(masked_x2apic)
{
	run_apic(masked_guest, 1);
}

static void x2_guest(void)
{
	apic_on();
	g_value("id", rdmsr(X2APIC(APIC_ID)), 0);
	wrmsr(X2APIC(APIC_ID), 1);
	g_fault_err("id-read-only", GP, 0);
	rdmsr(X2APIC(APIC_EOI));
	g_fault_err("eoi-write-only", GP, 0);
	wrmsr(X2APIC(APIC_EOI), 1);
	g_any("eoi-not-0");		/* #GP by the SDM, ignored by KVM */
	rdmsr(X2APIC(APIC_ICR2));
	g_fault_err("icr2-absent", GP, 0);
	rdmsr(0x80e);
	g_fault_err("dfr-absent", GP, 0);
	wrmsr(X2APIC(APIC_TPR), BIT_ULL(32));
	g_fault_err("tpr-high-bits", GP, 0);
	wrmsr(0x83f, 0x40);			/* self IPI */
	g_fault("self-ipi", NOFAULT);
	sti_nop();
	cli();
	g_value("self-ipi-came", g_irqs[0x40], 1);
	wrmsr(X2APIC(APIC_ICR), 0x40041);
	sti_nop();
	cli();
	g_value("icr-one-write", g_irqs[0x41], 1);
}

CASE(x2apic_registers)
{
	run_apic(x2_guest, 1);
}

static void xapic_guest(void)
{
	apic_on();
	g_value("id", APIC(APIC_ID), 0);
	g_show("version", APIC(0x30) & 0xff00ff);
	g_value("lint0-reset", APIC(APIC_LINT0) & 0x10700, 0x700);
	APIC(APIC_LVTERR) = 0xfe;
	g_value("lvterr", APIC(APIC_LVTERR), 0xfe);
	APIC(APIC_LVTT) = 0xffffffff;
	g_show("lvtt-writable-bits", APIC(APIC_LVTT) & ~APIC_DEADLINE & ~0x1000);
	APIC(APIC_LVTT) = APIC_MASKED;
	APIC(0xd0) = 0xff000000;
	g_value("ldr", APIC(0xd0), 0xff000000);
	APIC(0xe0) = 0x0fffffff;
	g_value("dfr-cluster", APIC(0xe0), 0x0fffffff);
	/* Software-disabled: all LVTs are masked. */
	APIC(APIC_SPIV) = 0xff;
	g_value("disabled-masks-lvt", APIC(APIC_LVTERR) & APIC_MASKED, APIC_MASKED);
	APIC(APIC_LVTERR) = 0xfe;
	g_value("stays-masked", APIC(APIC_LVTERR) & APIC_MASKED, APIC_MASKED);
}

CASE(xapic_registers)
{
	run_apic(xapic_guest, 0);
}

/* ---- I/O APIC ---- */

/* The same lines reach the PIC: nothing may come through it. */
static void pic_off(void)
{
	pic_init(0, 0xff, 0xff);
	apic_write(APIC_LINT0, APIC_MASKED);
}

static void ioapic_guest(void)
{
	apic_on();
	pic_off();
	g_value("version", ioapic_read(1) & 0xff00ff, 0x170011);
	g_value("reset-masked", ioapic_read(IOAPIC_RTE(20)) & APIC_MASKED, APIC_MASKED);
	ioapic_route(10, 0x70);
	ioapic_route(11, IOAPIC_LEVEL | 0x71);
	ioapic_route(12, APIC_MASKED | 0x72);
	guest_sync(1);			/* pin 10: up and down, twice */
	sti_nop();
	cli();
	g_value("edge", g_irqs[0x70], 1);
	guest_sync(2);			/* pin 10: up again */
	sti_nop();
	cli();
	g_value("edge-again", g_irqs[0x70], 2);
	guest_sync(3);			/* pin 12 up: masked */
	sti_nop();
	cli();
	g_value("masked", g_irqs[0x72], 0);
}

CASE(ioapic_edge)
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v = vcpu_new(vm, 0);

	mode_long(v, ioapic_guest);
	sync_to(v, 1);
	irq_line(vm, 10, 1);
	irq_line(vm, 10, 0);
	irq_line(vm, 10, 1);
	sync_to(v, 2);
	irq_line(vm, 10, 0);
	irq_line(vm, 10, 1);
	sync_to(v, 3);
	irq_line(vm, 12, 1);
	run_done(v);
	check_log(vm);
}

/* A level interrupt comes back after each EOI for as long as the line is up. */
static int level_hook(struct guest_trap *t)
{
	g_irqs[t->vec]++;
	if (g_irqs[t->vec] == 3)
		guest_sync(2);		/* the line goes down */
	apic_write(APIC_EOI, 0);
	return 1;
}

static void level_guest(void)
{
	apic_on();
	pic_off();
	g_hook[0x71] = level_hook;
	ioapic_route(11, IOAPIC_LEVEL | 0x71);
	guest_sync(1);
	wait_irq(0x71, 3);
	sti_nop();
	cli();
	g_value("level", g_irqs[0x71], 3);
	g_value("remote-irr-clear", ioapic_read(IOAPIC_RTE(11)) >> 14 & 1, 0);
	g_value("isr-clear", apic_read(APIC_ISR(0x71)), 0);
}

static void run_level(u64 mode)
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v = vcpu_new(vm, 0);

	*GVAR(vm, g_x2apic) = mode;
	mode_long(v, level_guest);
	sync_to(v, 1);
	irq_line(vm, 11, 1);
	sync_to(v, 2);
	irq_line(vm, 11, 0);
	run_done(v);
	check_log(vm);
}

CASE(ioapic_level)
{
	run_level(0);
}

CASE(ioapic_level_x2apic)
{
	need_x2apic(dev_open());
	run_level(1);
}

/* ---- PIC ---- */

static void pic_guest(void)
{
	pic_init(0, 0xf9, 0xfd);	/* IRQs 1, 2 and 9 */
	g_eoi = EOI_PIC;
	guest_sync(1);			/* IRQ 1 */
	sti_nop();
	cli();
	g_value("irq-1", g_irqs[0x21], 1);
	guest_sync(2);			/* IRQ 9 */
	sti_nop();
	cli();
	g_value("irq-9", g_irqs[0x29], 1);
	guest_sync(3);			/* IRQ 3, masked */
	sti_nop();
	cli();
	g_value("irq-3-masked", g_irqs[0x23], 0);
	outb(0x20, 0x0a);
	g_value("irr-3", inb(0x20) & 8, 8);
	outb(0x21, 0xf1);
	sti_nop();
	cli();
	g_value("irq-3-unmasked", g_irqs[0x23], 1);
	guest_sync(4);			/* IRQ 1 up and down: spurious */
	sti_nop();
	cli();
	g_show("irq-1-withdrawn", g_irqs[0x21]);
	g_show("spurious-7", g_irqs[0x27]);
	/* Asleep: the line wakes. */
	guest_sync(5);
	wait_irq(0x21, g_irqs[0x21] + 1);
	g_fault("woken", NOFAULT);
}

CASE(pic)
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v = vcpu_new(vm, 0);

	mode_long(v, pic_guest);
	sync_to(v, 1);
	irq_line(vm, 1, 1);
	irq_line(vm, 1, 0);
	sync_to(v, 2);
	irq_line(vm, 9, 1);
	irq_line(vm, 9, 0);
	sync_to(v, 3);
	irq_line(vm, 3, 1);
	sync_to(v, 4);
	irq_line(vm, 3, 0);
	irq_line(vm, 1, 1);
	irq_line(vm, 1, 0);
	sync_to(v, 5);
	irq_line(vm, 1, 1);
	run_done(v);
	check_log(vm);
}

/* ---- PIT ---- */

static void pit_periodic(u16 count)
{
	outb(0x43, 0x34);
	outb(0x40, count & 0xff);
	outb(0x40, count >> 8);
}

static void pit_pic_guest(void)
{
	pic_init(0, 0xfe, 0xff);
	g_eoi = EOI_PIC;
	pit_periodic(5000);
	wait_irq(0x20, 5);
	g_value("by-pic", g_irqs[0x20] >= 5, 1);
	/* Mode 0: one interrupt and no more. */
	outb(0x43, 0x30);
	outb(0x40, 0);
	outb(0x40, 10);
	g_irqs[0x20] = 0;
	wait_irq(0x20, 1);
	g_value("one-shot", g_irqs[0x20], 1);
}

CASE(pit_by_pic)
{
	struct vm *vm = vm_new(VM_IRQCHIP | VM_PIT);

	run_guest(vcpu_new(vm, 0), pit_pic_guest);
}

static void pit_ioapic_guest(void)
{
	apic_on();
	pic_off();
	ioapic_route(2, 0x75);		/* GSI 0 is pin 2 on a PC; KVM: pin 0 */
	ioapic_route(0, 0x75);
	pit_periodic(5000);
	wait_irq(0x75, 5);
	g_value("by-ioapic", g_irqs[0x75] >= 5, 1);
	g_value("not-by-pic", g_irqs[0x20], 0);
}

CASE(pit_by_ioapic)
{
	struct vm *vm = vm_new(VM_IRQCHIP | VM_PIT);

	run_guest(vcpu_new(vm, 0), pit_ioapic_guest);
}

/* ---- two vCPUs: INIT, SIPI, IPIs ---- */

static void *ap_thread(void *arg)
{
	struct vcpu *v = arg;

	vcpu_exit(v);
	EQ("ap-exit-port", v->run->io.port, PORT_DONE);
	return NULL;
}

/* The AP, in real mode at the SIPI's page: say so, and stop. */
static const u8 ap_code[] = {
	0x31, 0xc0,			/* xor %ax, %ax */
	0x8e, 0xd8,			/* mov %ax, %ds */
	0xc7, 0x06, 0x00, 0xf0, 0x34, 0x12,	/* movw $0x1234, 0xf000 */
	0x8c, 0x0e, 0x02, 0xf0,		/* mov %cs, 0xf002 */
	0xba, PORT_DONE & 0xff, PORT_DONE >> 8,
	0xee, 0xf4,
};

static void bsp_guest(void)
{
	volatile u32 *word = (u32 *)GPA_SHARED;

	apic_on();
	APIC(APIC_ICR2) = 1u << 24;
	APIC(APIC_ICR) = 0x4500;	/* INIT */
	APIC(APIC_ICR2) = 1u << 24;
	APIC(APIC_ICR) = 0x4609;	/* SIPI at 0x9000 */
	sti();
	while ((*word & 0xffff) != 0x1234)
		asm volatile("pause");
	while (!(*word >> 16))
		asm volatile("pause");
	g_value("ap-cs", *word >> 16, 0x900);
}

CASE_T(start_ap, 20)
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v = vcpu_new(vm, 0), *ap = vcpu_new(vm, 1);
	pthread_t t;

	memcpy(vm->ram + 0x9000, ap_code, sizeof(ap_code));
	pthread_create(&t, NULL, ap_thread, ap);
	run_guest(v, bsp_guest);
	pthread_join(t, NULL);
}
