// SPDX-License-Identifier: GPL-2.0
/*
 * split.c - local APICs in the kernel, PIC and I/O APIC in userspace:
 * KVM_ENABLE_CAP(KVM_CAP_SPLIT_IRQCHIP).
 *
 * Routes are messages.  Those of the first GSIs, which are the pins of the
 * userspace I/O APIC, tell it the ends of level interrupts (KVM_EXIT_IOAPIC_EOI);
 * the userspace PIC's interrupts come by KVM_INTERRUPT, when LINT0 and the guest
 * let them in.
 */
#include "lib/abi.h"
#include "lib/apic.h"
#include "lib/events.h"
#include "lib/guest.h"

#define LEVEL_VEC	0x61
#define EDGE_VEC	0x62
#define OTHER_VEC	0x63
#define PIC_VEC		0x33
#define MSI_LEVEL	0xc000

static const struct kvm_irq_routing_entry routes[] = {
	ROUTE_MSI(4, 0, MSI_LEVEL | LEVEL_VEC),
	ROUTE_MSI(5, 0, EDGE_VEC),
	ROUTE_MSI(30, 0, MSI_LEVEL | OTHER_VEC),
};

static int split(struct vm *vm, u64 pins, u32 flags)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_SPLIT_IRQCHIP, .flags = flags, .args = { pins },
	};

	return ioctl(vm->fd, KVM_ENABLE_CAP, &cap);
}

static struct vm *split_vm(void)
{
	struct vm *vm = vm_new(0);

	if (dev_cap(KVM_CAP_SPLIT_IRQCHIP) <= 0)
		skip("no split irqchip");
	MUST(split(vm, 24, 0));
	MUST(set_routes(vm, routes, ARRAY_LEN(routes)));
	return vm;
}

CASE(arguments)
{
	static const struct kvm_irq_routing_entry pin = ROUTE_PIN(3, 2, 3);
	struct vm *vm = vm_new(VM_BARE), *full = vm_new(VM_BARE | VM_IRQCHIP);
	struct vm *late = vm_new(VM_BARE);
	struct kvm_irqchip chip = { 0 };
	struct kvm_interrupt irq = { .irq = 0x40 };
	int fd = event_new(0);

	EQ("cap", dev_cap(KVM_CAP_SPLIT_IRQCHIP), 1);
	EQ("cap-enable", dev_cap(KVM_CAP_ENABLE_CAP_VM), 1);
	ERR("flags", split(vm, 24, 1), EINVAL);
	ERR("too-many-pins", split(vm, 4097, 0), EINVAL);
	ERR("split", split(vm, 24, 0), 0);
	ERR("again", split(vm, 24, 0), EEXIST);
	ERR("full-after-split", ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0), EEXIST);
	ERR("split-after-full", split(full, 24, 0), EEXIST);
	vcpu_raw(late, 0);
	ERR("after-vcpu", split(late, 24, 0), EEXIST);
	ERR("get-irqchip", ioctl(vm->fd, KVM_GET_IRQCHIP, &chip), ENXIO);
	ERR("set-irqchip", ioctl(vm->fd, KVM_SET_IRQCHIP, &chip), ENXIO);
	ERR("pin-route", set_routes(vm, &pin, 1), EINVAL);
	ERR("message-routes", set_routes(vm, routes, ARRAY_LEN(routes)), 0);
	ERR("irqfd", irqfd(vm, fd, 4, 0, 0), 0);
	ERR("irqfd-deassign", irqfd(vm, fd, 4, KVM_IRQFD_FLAG_DEASSIGN, 0), 0);
	ERR("irqfd-resample", irqfd(vm, fd, 4, KVM_IRQFD_FLAG_RESAMPLE, fd), EINVAL);
	ERR("interrupt-in-full", ioctl(vcpu_raw(full, 0)->fd, KVM_INTERRUPT, &irq), ENXIO);
}

/* ---- the ends of level interrupts ---- */

static void take_irqs(void)
{
	sti_nop();
	cli();
}

static void eoi_guest(void)
{
	apic_on();
	guest_sync(1);
	take_irqs();
	g_value("level", g_irqs[LEVEL_VEC], 1);
	guest_sync(2);
	take_irqs();
	g_value("edge", g_irqs[EDGE_VEC], 1);
	guest_sync(3);
	take_irqs();
	g_value("no-pin", g_irqs[OTHER_VEC], 1);
	guest_sync(4);
	take_irqs();
	g_value("level-again", g_irqs[LEVEL_VEC], 2);
}

static void expect_eoi(struct vcpu *v, const char *name)
{
	expect_exit(v, name, KVM_EXIT_IOAPIC_EOI);
	SAME(v->run->eoi.vector, LEVEL_VEC);
}

static void run_eoi(u64 mode)
{
	struct vm *vm = split_vm();
	struct vcpu *v = vcpu_new(vm, 0);

	*GVAR(vm, g_x2apic) = mode;
	mode_long(v, eoi_guest);
	sync_to(v, 1);
	irq_line(vm, 4, 1);
	irq_line(vm, 4, 0);
	expect_eoi(v, "eoi");
	sync_to(v, 2);
	irq_line(vm, 5, 1);
	irq_line(vm, 5, 0);
	sync_to(v, 3);
	irq_line(vm, 30, 1);
	irq_line(vm, 30, 0);
	sync_to(v, 4);
	irq_line(vm, 4, 1);
	expect_eoi(v, "eoi-again");
	run_done(v);
	check_log(vm);
}

CASE(eoi_xapic)
{
	run_eoi(0);
}

CASE(eoi_x2apic)
{
	need_x2apic(dev_open());
	run_eoi(1);
}

/*
 * A guest that suppresses EOI broadcasts tells the I/O APIC itself, by its EOI
 * register; KVM tells userspace all the same.
 */
#define NO_BROADCAST	0x1000

static void directed_guest(void)
{
	apic_on();
	g_value("offered", apic_read(APIC_VERSION) >> 24 & 1, 1);
	apic_write(APIC_SPIV, NO_BROADCAST | 0x1ff);
	g_value("suppressed", apic_read(APIC_SPIV), NO_BROADCAST | 0x1ff);
	guest_sync(1);
	take_irqs();
	g_value("level", g_irqs[LEVEL_VEC], 1);
	guest_sync(2);
	apic_write(APIC_SPIV, 0x1ff);
	guest_sync(3);
	take_irqs();
	g_value("level-again", g_irqs[LEVEL_VEC], 2);
}

static void run_directed(u64 mode)
{
	struct vm *vm = split_vm();
	struct vcpu *v = vcpu_new(vm, 0);

	need_x2apic(vm->dev);
	*GVAR(vm, g_x2apic) = mode;
	mode_long(v, directed_guest);
	sync_to(v, 1);
	irq_line(vm, 4, 1);
	irq_line(vm, 4, 0);
	if (abi_on_kvm())
		expect_eoi(v, "eoi-suppressed");
	sync_to(v, 2);
	sync_to(v, 3);
	irq_line(vm, 4, 1);
	irq_line(vm, 4, 0);
	expect_eoi(v, "eoi-broadcast");
	run_done(v);
	check_log(vm);
}

CASE(directed_eoi_xapic)
{
	run_directed(0);
}

CASE(directed_eoi_x2apic)
{
	run_directed(1);
}

/* Its route goes while it is on its way: the end is told all the same. */
static void reroute_guest(void)
{
	apic_on();
	guest_sync(1);
	take_irqs();
	g_value("level", g_irqs[LEVEL_VEC], 1);
}

CASE(eoi_after_reroute)
{
	static const struct kvm_irq_routing_entry moved = ROUTE_MSI(4, 0, MSI_LEVEL | 0x64);
	struct vm *vm = split_vm();
	struct vcpu *v = vcpu_new(vm, 0);

	if (abi_on_kvm())
		skip("KVM forgets the end of an interrupt whose route is gone");
	mode_long(v, reroute_guest);
	sync_to(v, 1);
	irq_line(vm, 4, 1);
	MUST(set_routes(vm, &moved, 1));
	expect_eoi(v, "eoi-after-reroute");
	run_done(v);
	check_log(vm);
}

/* ---- the userspace PIC ---- */

static void extint_guest(void)
{
	APIC(APIC_SPIV) = 0x1ff;
	APIC(APIC_LINT0) = APIC_EXTINT;
	APIC(APIC_TPR) = 0xff;		/* of no concern to ExtINT */
	guest_sync(1);
	take_irqs();
	g_value("delivered", g_irqs[PIC_VEC], 1);
	guest_sync(2);
	g_value("not-with-if-clear", g_irqs[PIC_VEC], 1);
	take_irqs();
	g_value("window", g_irqs[PIC_VEC], 2);
	APIC(APIC_LINT0) = APIC_MASKED | APIC_EXTINT;
	guest_sync(3);
	sti();
	guest_sync(4);
	APIC(APIC_LINT0) = APIC_EXTINT;
	guest_sync(5);
	asm volatile("hlt");
	g_value("woken", g_irqs[PIC_VEC], 3);
}

static long interrupt(struct vcpu *v, u32 vector)
{
	struct kvm_interrupt irq = { .irq = vector };

	return ioctl(v->fd, KVM_INTERRUPT, &irq);
}

CASE(extint)
{
	struct vm *vm = split_vm();
	struct vcpu *v = vcpu_new(vm, 0);

	mode_long(v, extint_guest);
	sync_to(v, 1);
	EQ("if-clear", v->run->if_flag, 0);
	EQ("not-ready", v->run->ready_for_interrupt_injection, 0);
	ERR("no-vector", interrupt(v, 256), EINVAL);
	ERR("interrupt", interrupt(v, PIC_VEC), 0);
	ERR("one-at-a-time", interrupt(v, PIC_VEC), EEXIST);
	sync_to(v, 2);
	v->run->request_interrupt_window = 1;
	expect_exit(v, "window", KVM_EXIT_IRQ_WINDOW_OPEN);
	v->run->request_interrupt_window = 0;
	EQ("ready", v->run->ready_for_interrupt_injection, 1);
	EQ("if-set", v->run->if_flag, 1);
	ERR("interrupt-in-window", interrupt(v, PIC_VEC), 0);
	sync_to(v, 3);
	/* LINT0 lets nothing in: no window opens. */
	v->run->request_interrupt_window = 1;
	sync_to(v, 4);
	EQ("if-set-masked", v->run->if_flag, 1);
	EQ("not-ready-masked", v->run->ready_for_interrupt_injection, 0);
	v->run->request_interrupt_window = 0;
	sync_to(v, 5);
	EQ("ready-unmasked", v->run->ready_for_interrupt_injection, 1);
	/* Asleep in the kernel: a signal gets it out, the interrupt wakes it. */
	kick_after(100000);
	SAME(vcpu_run(v), EINTR);
	no_kick();
	ERR("interrupt-for-hlt", interrupt(v, PIC_VEC), 0);
	run_done(v);
	check_log(vm);
}
