// SPDX-License-Identifier: GPL-2.0
/*
 * irqfd.c - eventfds whose signals are interrupts: KVM_IRQFD.
 *
 * Edges through a pin and as messages, levels that are sampled again at their
 * end (I/O APIC and PIC), assignment and its end in all ways, and many signals
 * of another thread to a guest that sleeps.
 */
#include <pthread.h>

#include "lib/abi.h"
#include "lib/apic.h"
#include "lib/chips.h"
#include "lib/events.h"
#include "lib/guest.h"

#define PIN_VEC		0x70
#define MSI_VEC		0x71
#define LEVEL_VEC	0x72
#define PORT_ROUND	0x620

static void apics_on(void)
{
	g_eoi = EOI_XAPIC;
	APIC(APIC_SPIV) = 0x1ff;
	APIC(APIC_LINT0) = APIC_MASKED;
	pic_init(0, 0xff, 0xff);
	ioapic_route(10, PIN_VEC);
	ioapic_route(11, IOAPIC_LEVEL | LEVEL_VEC);
}

static const struct kvm_irq_routing_entry routes[] = {
	ROUTE_PIN(10, KVM_IRQCHIP_IOAPIC, 10),
	ROUTE_PIN(11, KVM_IRQCHIP_IOAPIC, 11),
	ROUTE_PIN(5, KVM_IRQCHIP_PIC_MASTER, 5),
	ROUTE_MSI(30, 0, MSI_VEC),
};

static struct vm *irqfd_vm(void)
{
	struct vm *vm = vm_new(VM_IRQCHIP);

	if (dev_cap(KVM_CAP_IRQFD) <= 0)
		skip("no irqfd");
	MUST(set_routes(vm, routes, ARRAY_LEN(routes)));
	return vm;
}

/* ---- what is refused ---- */

CASE(arguments)
{
	struct vm *bare = vm_new(VM_BARE), *vm = irqfd_vm();
	int fd = event_new(0), other = event_new(0), dev = dev_open();

	EQ("cap-irqfd", dev_cap(KVM_CAP_IRQFD), 1);
	EQ("cap-resample", dev_cap(KVM_CAP_IRQFD_RESAMPLE), 1);
	ERR("no-controllers", irqfd(bare, fd, 0, 0, 0), EINVAL);
	ERR("deassign-no-controllers", irqfd(bare, fd, 0, KVM_IRQFD_FLAG_DEASSIGN, 0), 0);
	ERR("flags", irqfd(vm, fd, 10, 4, 0), EINVAL);
	ERR("flags-deassign", irqfd(vm, fd, 10, 8 | KVM_IRQFD_FLAG_DEASSIGN, 0), EINVAL);
	ERR("no-fd", irqfd(vm, -1, 10, 0, 0), EBADF);
	ERR("no-eventfd", irqfd(vm, dev, 10, 0, 0), EINVAL);
	ERR("resample-no-fd", irqfd(vm, fd, 10, KVM_IRQFD_FLAG_RESAMPLE, -1), EBADF);
	ERR("resample-no-eventfd", irqfd(vm, fd, 10, KVM_IRQFD_FLAG_RESAMPLE, dev), EINVAL);
	ERR("assign", irqfd(vm, fd, 10, 0, 0), 0);
	ERR("again", irqfd(vm, fd, 10, 0, 0), EBUSY);
	ERR("other-gsi", irqfd(vm, fd, 11, 0, 0), EBUSY);
	ERR("resample-busy", irqfd(vm, fd, 11, KVM_IRQFD_FLAG_RESAMPLE, other), EBUSY);
	ERR("other-fd", irqfd(vm, other, 10, 0, 0), 0);
	ERR("deassign-other-gsi", irqfd(vm, fd, 11, KVM_IRQFD_FLAG_DEASSIGN, 0), 0);
	ERR("still-there", irqfd(vm, fd, 10, 0, 0), EBUSY);
	ERR("deassign", irqfd(vm, fd, 10, KVM_IRQFD_FLAG_DEASSIGN, 0), 0);
	ERR("deassign-again", irqfd(vm, fd, 10, KVM_IRQFD_FLAG_DEASSIGN, 0), 0);
	ERR("deassign-no-fd", irqfd(vm, -1, 10, KVM_IRQFD_FLAG_DEASSIGN, 0), EBADF);
	ERR("deassign-no-eventfd", irqfd(vm, dev, 10, KVM_IRQFD_FLAG_DEASSIGN, 0), EINVAL);
	ERR("reassign", irqfd(vm, fd, 10, 0, 0), 0);
	ERR("gsi-without-route", irqfd(vm, event_new(0), 4000, 0, 0), 0);
}

/* ---- edges ---- */

/* What is there by now. */
static void take_irqs(void)
{
	sti_nop();
	cli();
}

/* KVM moves pins in a thread of its own: sleep till the vector's count is n. */
static void wait_irq(u32 vec, u64 n)
{
	while (g_irqs[vec] < n) {
		sti_hlt();
		cli();
	}
	take_irqs();
}

static void edge_guest(void)
{
	apics_on();
	guest_sync(1);
	wait_irq(PIN_VEC, 1);
	g_value("pin", g_irqs[PIN_VEC], 1);
	g_value("message", g_irqs[MSI_VEC], 1);
	guest_sync(2);
	wait_irq(PIN_VEC, 2);
	g_value("pin-again", g_irqs[PIN_VEC], 2);
	g_value("two-are-one", g_irqs[MSI_VEC], 2);
	guest_sync(3);
	wait_irq(MSI_VEC, 3);
	g_value("deassigned", g_irqs[PIN_VEC], 2);
	g_value("there-before", g_irqs[MSI_VEC], 3);
	guest_sync(4);
	wait_irq(PIN_VEC, 3);
	g_value("other-route", g_irqs[PIN_VEC], 3);
	g_value("not-the-old", g_irqs[MSI_VEC], 3);
	guest_sync(5);
	take_irqs();
	g_value("eventfd-closed", g_irqs[PIN_VEC], 3);
}

CASE(edge)
{
	static const struct kvm_irq_routing_entry moved[] = {
		ROUTE_PIN(30, KVM_IRQCHIP_IOAPIC, 10),
	};
	int pin = event_new(0), msi = event_new(0), before = event_new(1);
	struct vm *vm = irqfd_vm();
	struct vcpu *v = vcpu_new(vm, 0);

	MUST(irqfd(vm, pin, 10, 0, 0));
	MUST(irqfd(vm, msi, 30, 0, 0));
	mode_long(v, edge_guest);
	sync_to(v, 1);
	event_add(pin, 1);
	event_add(msi, 1);
	EQ("consumed", event_take(pin) + event_take(msi), 0);
	sync_to(v, 2);
	event_add(pin, 7);
	event_add(msi, 1);
	event_add(msi, 1);
	EQ("consumed-whole", event_take(pin) + event_take(msi), 0);
	sync_to(v, 3);
	MUST(irqfd(vm, pin, 10, KVM_IRQFD_FLAG_DEASSIGN, 0));
	event_add(pin, 1);
	EQ("kept", event_take(pin), 1);
	/* What an eventfd holds when it is assigned counts. */
	MUST(irqfd(vm, before, 30, 0, 0));
	sync_to(v, 4);
	MUST(set_routes(vm, moved, 1));
	event_add(msi, 1);
	sync_to(v, 5);
	close(msi);
	MUST(irqfd(vm, before, 30, KVM_IRQFD_FLAG_DEASSIGN, 0));
	run_done(v);
	check_log(vm);
}

/* Assigned and closed, or left to the end of the VM: the next one works. */
CASE_T(closing, 20)
{
	struct vm *vm = irqfd_vm();
	int fd, resample, i;

	for (i = 0; i < 100; i++) {
		fd = event_new(0);
		resample = event_new(0);
		SAME(irqfd(vm, fd, 11, i & 1 ? KVM_IRQFD_FLAG_RESAMPLE : 0,
			   resample), 0);
		event_add(fd, 1);
		close(i & 2 ? fd : resample);
		close(i & 2 ? resample : fd);
	}
	for (i = 0; i < 20; i++) {
		fd = event_new(0);
		SAME(irqfd(vm, fd, 10, 0, 0), 0);
	}
	vm_free(vm);
	event_add(fd, 1);
	EQ("free-again", event_take(fd), 1);
}

/* ---- levels ---- */

static int level_hook(struct guest_trap *t)
{
	g_irqs[t->vec]++;
	APIC(APIC_EOI) = 0;
	return 1;
}

static void resample_guest(void)
{
	apics_on();
	g_hook[LEVEL_VEC] = level_hook;
	guest_sync(1);
	wait_irq(LEVEL_VEC, 1);
	g_value("once", g_irqs[LEVEL_VEC], 1);
	guest_sync(2);
	wait_irq(LEVEL_VEC, 2);
	g_value("twice", g_irqs[LEVEL_VEC], 2);
	guest_sync(3);
	wait_irq(LEVEL_VEC, 3);
	g_value("shared", g_irqs[LEVEL_VEC], 3);
	ioapic_route(11, APIC_MASKED | IOAPIC_LEVEL | LEVEL_VEC);
	guest_sync(4);
	ioapic_route(11, IOAPIC_LEVEL | LEVEL_VEC);
	take_irqs();
	g_value("lowered-by-deassign", g_irqs[LEVEL_VEC], 3);
	ioapic_route(11, APIC_MASKED | IOAPIC_LEVEL | LEVEL_VEC);
	guest_sync(5);
	take_irqs();
	g_value("masked", g_irqs[LEVEL_VEC], 3);
	ioapic_route(11, IOAPIC_LEVEL | LEVEL_VEC);
	wait_irq(LEVEL_VEC, 4);
	g_value("kept-while-masked", g_irqs[LEVEL_VEC], 4);
}

CASE(resample)
{
	int fd[2] = { event_new(0), event_new(0) };
	int end[2] = { event_new(0), event_new(0) };
	struct vm *vm = irqfd_vm();
	struct vcpu *v = vcpu_new(vm, 0);

	MUST(irqfd(vm, fd[0], 11, KVM_IRQFD_FLAG_RESAMPLE, end[0]));
	mode_long(v, resample_guest);
	sync_to(v, 1);
	event_add(fd[0], 1);
	EQ("not-ended", event_take(end[0]), 0);
	sync_to(v, 2);
	EQ("ended", event_take(end[0]), 1);
	event_add(fd[0], 1);
	sync_to(v, 3);
	EQ("ended-again", event_take(end[0]), 1);
	MUST(irqfd(vm, fd[1], 11, KVM_IRQFD_FLAG_RESAMPLE, end[1]));
	event_add(fd[1], 1);
	sync_to(v, 4);
	EQ("all-are-told", event_take(end[0]), 1);
	EQ("of-a-shared-line", event_take(end[1]), 1);
	event_add(fd[0], 1);
	MUST(irqfd(vm, fd[0], 11, KVM_IRQFD_FLAG_DEASSIGN, 0));
	MUST(irqfd(vm, fd[1], 11, KVM_IRQFD_FLAG_DEASSIGN, 0));
	sync_to(v, 5);
	EQ("no-more-told", event_take(end[0]) + event_take(end[1]), 0);
	MUST(irqfd(vm, fd[1], 11, KVM_IRQFD_FLAG_RESAMPLE, end[1]));
	event_add(fd[1], 1);
	run_done(v);
	EQ("told-after-unmasking", event_take(end[1]), 1);
	check_log(vm);
}

static void pic_guest(void)
{
	pic_init(0, 0xdf, 0xff);
	outb(0x4d0, 0x20);		/* IRQ 5 is a level */
	g_eoi = EOI_PIC;
	guest_sync(1);
	wait_irq(0x25, 1);
	g_value("once", g_irqs[0x25], 1);
	guest_sync(2);
	wait_irq(0x25, 2);
	g_value("twice", g_irqs[0x25], 2);
}

CASE(resample_pic)
{
	int fd = event_new(0), end = event_new(0);
	struct vm *vm = irqfd_vm();
	struct vcpu *v = vcpu_new(vm, 0);

	MUST(irqfd(vm, fd, 5, KVM_IRQFD_FLAG_RESAMPLE, end));
	mode_long(v, pic_guest);
	sync_to(v, 1);
	event_add(fd, 1);
	sync_to(v, 2);
	EQ("ended", event_take(end), 1);
	event_add(fd, 1);
	run_done(v);
	EQ("ended-again", event_take(end), 1);
	check_log(vm);
}

/* ---- another thread, a guest asleep: interrupt, kick, interrupt, ... ---- */

#define ROUNDS	2000

static void rounds_guest(void)
{
	u64 i;

	apics_on();
	for (i = 1; i <= ROUNDS; i++) {
		outw(PORT_ROUND, i);
		while (g_irqs[MSI_VEC] < i) {
			sti_hlt();
			cli();
		}
	}
	g_value("interrupts", g_irqs[MSI_VEC], ROUNDS);
}

struct rounds {
	int kick;
	int irq;
	u64 kicks;
};

static void *answer(void *arg)
{
	struct rounds *r = arg;
	u64 n;

	while (r->kicks < ROUNDS && read(r->kick, &n, sizeof(n)) == sizeof(n)) {
		r->kicks += n;
		event_add(r->irq, 1);
	}
	return NULL;
}

CASE_T(rounds, 60)
{
	struct rounds r = { .kick = event_new(0), .irq = event_new(0) };
	struct vm *vm = irqfd_vm();
	struct vcpu *v = vcpu_new(vm, 0);
	pthread_t t;

	MUST(fcntl(r.kick, F_SETFL, 0));
	MUST(ioevent(vm, r.kick, PORT_ROUND, 2, KVM_IOEVENTFD_FLAG_PIO, 0));
	MUST(irqfd(vm, r.irq, 30, 0, 0));
	pthread_create(&t, NULL, answer, &r);
	run_guest(v, rounds_guest);
	pthread_join(t, NULL);
	EQ("kicks", r.kicks, ROUNDS);
}
