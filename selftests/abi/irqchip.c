// SPDX-License-Identifier: GPL-2.0
/*
 * irqchip.c - the 8259A pair and the 82093AA, as a guest finds them, and as
 * userspace saves and restores them (KVM_GET_IRQCHIP, KVM_SET_IRQCHIP).
 *
 * The guest pulls its own interrupt lines, by rendezvous with the host, and
 * takes interrupts of the PIC one at a time, without ending them, so that it
 * sees how each waits for the others.
 *
 * Data sheets 231468 (8259A) and 290566 (82093AA); ELCR as in the PIIX.
 */
#include "lib/abi.h"
#include "lib/apic.h"
#include "lib/chips.h"
#include "lib/events.h"
#include "lib/guest.h"
#include "lib/lapic.h"

#define MASTER		PIC_MASTER
#define SLAVE		PIC_SLAVE
#define EOI		0x20
#define SPECIFIC_EOI(n)	(0x60 | (n))
#define ROTATE_EOI	0xa0
#define LOWEST_IS(n)	(0xc0 | (n))
#define ROTATE_AUTO	0x80
#define SPECIAL_MASK	0x68
#define NO_SPECIAL_MASK	0x48
#define READ_IRR	0x0a
#define READ_ISR	0x0b
#define POLL		0x0c

/* ICW4: 8086 mode, and */
#define AUTO_EOI	2
#define NESTED		0x10	/* special fully nested mode */

#define LINE_UP		0x100

/* ---- the wires, in the host's hands ---- */

static void up(u32 irq)
{
	guest_sync(LINE_UP | irq);
}

static void down(u32 irq)
{
	guest_sync(irq);
}

static void run_wired(struct vcpu *v, void (*fn)(void))
{
	u32 val;

	mode_long(v, fn);
	while (vcpu_exit(v), is_sync(v, &val))
		irq_line(v->vm, val & 0xff, !!(val & LINE_UP));
	SAME(is_done(v), true);
	check_log(v->vm);
}

/* ---- the guest's side of the PIC ---- */

static volatile u64 taken;

/* One interrupt a time: the interrupted code goes on with IF clear. */
static int take_hook(struct guest_trap *t)
{
	taken = t->vec;
	t->rflags &= ~0x200ull;
	return 1;
}

static u32 take(void)
{
	taken = 0;
	sti_nop();
	cli();
	return taken;
}

static u8 reg(u16 pic, u8 which)
{
	outb(pic, which);
	return inb(pic);
}

static void hooks(void)
{
	u32 i;

	for (i = 0x20; i < 0x30; i++)
		g_hook[i] = take_hook;
}

static void all_down(void)
{
	u32 i;

	for (i = 0; i < 16; i++)
		if (i != 2)
			down(i);
}

/* ---- priorities and their ends ---- */

static void priority_guest(void)
{
	hooks();
	pic_init(0, 0, 0);
	up(5);
	up(3);
	up(1);
	g_value("irr", reg(MASTER, READ_IRR), 0x2a);
	g_value("highest", take(), 0x21);
	g_value("isr", reg(MASTER, READ_ISR), 0x02);
	g_value("irr-after", reg(MASTER, READ_IRR), 0x28);
	g_value("others-wait", take(), 0);
	outb(MASTER, EOI);
	g_value("next", take(), 0x23);
	outb(MASTER, SPECIFIC_EOI(3));
	g_value("last", take(), 0x25);
	down(1);
	up(1);
	g_value("nested", take(), 0x21);
	g_value("isr-nested", reg(MASTER, READ_ISR), 0x22);
	outb(MASTER, EOI);
	g_value("inner-ends-first", reg(MASTER, READ_ISR), 0x20);
	outb(MASTER, SPECIFIC_EOI(5));
	g_value("isr-empty", reg(MASTER, READ_ISR), 0);
	all_down();
	/* An edge is one interrupt, however long the line stays up. */
	up(4);
	g_value("edge", take(), 0x24);
	outb(MASTER, EOI);
	g_value("once", take(), 0);
	/* Masked ones are remembered. */
	outb(MASTER + 1, 0x40);
	g_value("imr", inb(MASTER + 1), 0x40);
	up(6);
	g_value("masked", take(), 0);
	g_value("masked-irr", reg(MASTER, READ_IRR), 0x40);
	outb(MASTER + 1, 0);
	g_value("unmasked", take(), 0x26);
	outb(MASTER, EOI);
	/* A new initialization forgets requests and masks. */
	down(6);
	outb(MASTER + 1, 0x40);
	up(6);
	outb(MASTER, 0x11);
	outb(MASTER + 1, 0x20);
	outb(MASTER + 1, 0x04);
	outb(MASTER + 1, 0x01);
	g_value("new-imr", inb(MASTER + 1), 0);
}

CASE(pic_priority)
{
	run_wired(vcpu_new(vm_new(VM_IRQCHIP), 0), priority_guest);
}

static void rotation_guest(void)
{
	hooks();
	pic_init(0, 0, 0);
	up(3);
	g_value("first", take(), 0x23);
	outb(MASTER, ROTATE_EOI);		/* 3 is the lowest now */
	up(1);
	up(4);
	g_value("after-3", take(), 0x24);
	outb(MASTER, EOI);
	g_value("then-1", take(), 0x21);
	outb(MASTER, EOI);
	all_down();
	outb(MASTER, LOWEST_IS(5));
	up(0);
	up(6);
	g_value("6-is-highest", take(), 0x26);
	g_value("0-waits", take(), 0);
	outb(MASTER, EOI);
	g_value("then-0", take(), 0x20);
	outb(MASTER, EOI);
	all_down();
	pic_init(AUTO_EOI, 0, 0);
	up(1);
	g_value("auto", take(), 0x21);
	g_value("auto-isr", reg(MASTER, READ_ISR), 0);
	outb(MASTER, ROTATE_AUTO);
	up(0);
	g_value("auto-0", take(), 0x20);	/* 0 is the lowest now */
	down(0);
	down(1);
	up(0);
	up(1);
	g_value("auto-rotated", take(), 0x21);
	g_value("auto-then-0", take(), 0x20);
}

CASE(pic_rotation)
{
	run_wired(vcpu_new(vm_new(VM_IRQCHIP), 0), rotation_guest);
}

/*
 * KVM has no special mask mode, and a poll says nothing in bit 7 and leaves
 * nothing in service.
 */
static volatile u64 complete;

static void mask_guest(void)
{
	hooks();
	pic_init(0, 0, 0);
	up(3);
	g_value("in-service", take(), 0x23);
	up(5);
	g_value("lower-waits", take(), 0);
	outb(MASTER, SPECIAL_MASK);
	outb(MASTER + 1, 0x08);
	g_value("special-mask", take(), complete ? 0x25 : 0);
	g_value("isr", reg(MASTER, READ_ISR), complete ? 0x28 : 0x08);
	outb(MASTER, SPECIFIC_EOI(5));
	outb(MASTER, NO_SPECIAL_MASK);
	up(6);
	g_value("waits-again", take(), 0);
	outb(MASTER, SPECIFIC_EOI(3));
	g_value("next", take(), complete ? 0x26 : 0x25);
}

CASE(pic_special_mask)
{
	struct vm *vm = vm_new(VM_IRQCHIP);

	*GVAR(vm, complete) = !abi_on_kvm();
	run_wired(vcpu_new(vm, 0), mask_guest);
}

/* For a CPU that does without INTR: the next read is the acknowledgement. */
static void poll_guest(void)
{
	APIC(APIC_LINT0) = APIC_MASKED;
	pic_init(0, 0, 0);
	g_value("nothing", reg(MASTER, POLL) & 0x80, 0);
	up(6);
	up(4);
	g_value("polled", reg(MASTER, POLL), complete ? 0x84 : 4);
	g_value("irr", reg(MASTER, READ_IRR), 0x40);
	g_value("isr", reg(MASTER, READ_ISR), complete ? 0x10 : 0);
	g_value("once", inb(MASTER) & 0x80, 0);
	outb(MASTER, EOI);
	g_value("next", reg(MASTER, POLL), complete ? 0x86 : 6);
	outb(MASTER, EOI);
	up(9);
	g_value("slave", reg(SLAVE, POLL), complete ? 0x81 : 1);
}

CASE(pic_poll)
{
	struct vm *vm = vm_new(VM_IRQCHIP);

	*GVAR(vm, complete) = !abi_on_kvm();
	run_wired(vcpu_new(vm, 0), poll_guest);
}

static void slave_guest(void)
{
	hooks();
	pic_init(0, 0, 0);
	up(12);
	g_value("slave", take(), 0x2c);
	g_value("master-isr", reg(MASTER, READ_ISR), 0x04);
	g_value("slave-isr", reg(SLAVE, READ_ISR), 0x10);
	up(9);
	g_value("higher-of-slave-waits", take(), 0);
	up(1);
	g_value("higher-of-master", take(), 0x21);
	outb(MASTER, EOI);
	outb(SLAVE, EOI);
	outb(MASTER, EOI);
	g_value("then-9", take(), 0x29);
	outb(SLAVE, EOI);
	outb(MASTER, EOI);
	all_down();
	pic_init(NESTED, 0, 0);
	up(12);
	g_value("nested-slave", take(), 0x2c);
	up(9);
	g_value("nested-higher", take(), 0x29);
	outb(SLAVE, EOI);
	g_value("nested-slave-isr", reg(SLAVE, READ_ISR), 0x10);
	/* KVM forgets nothing that is in service when it is initialized. */
	outb(SLAVE, EOI);
	outb(MASTER, EOI);
	all_down();
	/* Behind a masked cascade nothing comes. */
	pic_init(0, 0x04, 0);
	up(10);
	g_value("cascade-masked", take(), 0);
	outb(MASTER + 1, 0);
	g_value("cascade", take(), 0x2a);
}

CASE(pic_slave)
{
	run_wired(vcpu_new(vm_new(VM_IRQCHIP), 0), slave_guest);
}

static void level_guest(void)
{
	hooks();
	outb(0x4d0, 0xff);
	g_value("elcr-master", inb(0x4d0), 0xf8);
	outb(0x4d1, 0xff);
	g_value("elcr-slave", inb(0x4d1), 0xde);
	outb(0x4d0, 0x20);
	outb(0x4d1, 0x02);
	pic_init(0, 0, 0);
	up(5);
	g_value("level", take(), 0x25);
	g_value("irr-while-up", reg(MASTER, READ_IRR), 0x20);
	outb(MASTER, EOI);
	g_value("again", take(), 0x25);
	down(5);
	g_value("irr-follows", reg(MASTER, READ_IRR), 0);
	outb(MASTER, EOI);
	g_value("over", take(), 0);
	/* Gone before anybody has looked. */
	up(5);
	down(5);
	g_value("withdrawn", take(), 0);
	up(9);
	g_value("slave-level", take(), 0x29);
	outb(SLAVE, EOI);
	outb(MASTER, EOI);
	g_value("slave-again", take(), 0x29);
	down(9);
	outb(SLAVE, EOI);
	outb(MASTER, EOI);
	g_value("slave-over", take(), 0);
}

CASE(pic_level)
{
	run_wired(vcpu_new(vm_new(VM_IRQCHIP), 0), level_guest);
}

/* ---- I/O APIC ---- */

#define IOAPIC8(off)	(*(volatile u8 *)(0xfec00000ul + (off)))
#define LEVEL		IOAPIC_LEVEL
#define REMOTE_IRR	0x4000

static void io_registers_guest(void)
{
	g_value("version", ioapic_read(1), 0x170011);
	g_value("id", ioapic_read(0), 0);
	ioapic_write(0, 0xffffffff);
	g_value("id-bits", ioapic_read(0), 0x0f000000);
	g_value("arbitration", ioapic_read(2), 0x0f000000);
	ioapic_write(2, 0);
	g_value("arbitration-read-only", ioapic_read(2), 0x0f000000);
	ioapic_write(1, 0);
	g_value("version-read-only", ioapic_read(1), 0x170011);
	ioapic_write(0, 0);
	g_show("rte-reset", ioapic_read(IOAPIC_RTE(3)));
	g_show("rte-reset-high", ioapic_read(IOAPIC_RTE(3) + 1));
	/* Masked, so that nothing comes of it. */
	ioapic_write(IOAPIC_RTE(3) + 1, 0xffffffff);
	ioapic_write(IOAPIC_RTE(3), 0xffffffff);
	g_show("rte-ones", ioapic_read(IOAPIC_RTE(3)));
	g_show("rte-ones-high", ioapic_read(IOAPIC_RTE(3) + 1));
	ioapic_write(IOAPIC_RTE(3), APIC_MASKED);
	ioapic_write(IOAPIC_RTE(3) + 1, 0);
	g_value("status-read-only", ioapic_read(IOAPIC_RTE(3)), APIC_MASKED);
	g_show("beyond", ioapic_read(IOAPIC_RTE(24)));
	ioapic_write(IOAPIC_RTE(24), 0);
	g_show("far-beyond", ioapic_read(0xff));
	IOAPIC(0) = 0x1ff;
	g_value("index-bits", IOAPIC(0), 0xff);
	IOAPIC8(0) = 1;
	g_value("index-by-byte", IOAPIC(0x10), 0x170011);
	g_show("no-register", IOAPIC(0x20));
	g_show("eoi-register", IOAPIC(0x40));
}

CASE(ioapic_registers)
{
	run_wired(vcpu_new(vm_new(VM_IRQCHIP), 0), io_registers_guest);
}

#define IO_VEC	0x61

static int io_hook(struct guest_trap *t)
{
	g_irqs[t->vec]++;
	t->rflags &= ~0x200ull;
	return 1;
}

static void no_pic(void)
{
	apic_on();
	APIC(APIC_LINT0) = APIC_MASKED;
	g_hook[IO_VEC] = io_hook;
}

static u64 io_take(void)
{
	g_irqs[IO_VEC] = 0;
	sti_nop();
	cli();
	return g_irqs[IO_VEC];
}

static void io_level_guest(void)
{
	no_pic();
	ioapic_write(IOAPIC_RTE(11) + 1, 0);
	ioapic_write(IOAPIC_RTE(11), LEVEL | IO_VEC);
	up(11);
	g_value("remote-irr", ioapic_read(IOAPIC_RTE(11)), REMOTE_IRR | LEVEL | IO_VEC);
	g_value("level", io_take(), 1);
	g_value("still-remote-irr", ioapic_read(IOAPIC_RTE(11)), REMOTE_IRR | LEVEL | IO_VEC);
	ioapic_write(IOAPIC_RTE(11), LEVEL | IO_VEC);
	g_value("not-to-be-written", ioapic_read(IOAPIC_RTE(11)), REMOTE_IRR | LEVEL | IO_VEC);
	g_value("not-again", io_take(), 0);
	APIC(APIC_EOI) = 0;
	g_value("again-after-eoi", io_take(), 1);
	/* Masked meanwhile: it waits. */
	ioapic_write(IOAPIC_RTE(11), APIC_MASKED | LEVEL | IO_VEC);
	APIC(APIC_EOI) = 0;
	g_value("masked", io_take(), 0);
	g_value("masked-remote-irr", ioapic_read(IOAPIC_RTE(11)), APIC_MASKED | LEVEL | IO_VEC);
	ioapic_write(IOAPIC_RTE(11), LEVEL | IO_VEC);
	g_value("unmasked", io_take(), 1);
	/* Without an EOI register: to edge and back. */
	ioapic_write(IOAPIC_RTE(11), APIC_MASKED | IO_VEC);
	g_value("edge-clears", ioapic_read(IOAPIC_RTE(11)), APIC_MASKED | IO_VEC);
	down(11);
	APIC(APIC_EOI) = 0;
	ioapic_write(IOAPIC_RTE(11), LEVEL | IO_VEC);
	g_value("over", io_take(), 0);
	/* An edge that came while the pin was masked is lost. */
	ioapic_write(IOAPIC_RTE(12) + 1, 0);
	ioapic_write(IOAPIC_RTE(12), APIC_MASKED | IO_VEC);
	up(12);
	ioapic_write(IOAPIC_RTE(12), IO_VEC);
	g_value("masked-edge", io_take(), 0);
	down(12);
	up(12);
	g_value("edge", io_take(), 1);
	APIC(APIC_EOI) = 0;
	g_value("once", io_take(), 0);
}

CASE(ioapic_level)
{
	run_wired(vcpu_new(vm_new(VM_IRQCHIP), 0), io_level_guest);
}

/* ---- saved and restored ---- */

static void get_chip(struct vm *vm, u32 id, struct kvm_irqchip *chip)
{
	memset(chip, 0, sizeof(*chip));
	chip->chip_id = id;
	MUST(ioctl(vm->fd, KVM_GET_IRQCHIP, chip));
}

static void show_pic(const char *name, const struct kvm_pic_state *s)
{
	obs(name, "irr %#x last %#x imr %#x isr %#x lowest %u base %#x reg %u poll %u special %u init %u aeoi %u rotate %u sfnm %u init4 %u elcr %#x mask %#x",
	    s->irr, s->last_irr, s->imr, s->isr, s->priority_add, s->irq_base,
	    s->read_reg_select, s->poll, s->special_mask, s->init_state,
	    s->auto_eoi, s->rotate_on_auto_eoi, s->special_fully_nested_mode,
	    s->init4, s->elcr, s->elcr_mask);
}

static void show_chips(struct vm *vm, const char *when)
{
	struct kvm_irqchip c;
	char name[64];
	u32 i;

	for (i = 0; i < 2; i++) {
		get_chip(vm, i, &c);
		snprintf(name, sizeof(name), "%s-pic-%u", when, i);
		show_pic(name, &c.chip.pic);
	}
	get_chip(vm, KVM_IRQCHIP_IOAPIC, &c);
	snprintf(name, sizeof(name), "%s-ioapic", when);
	obs(name, "base %#llx sel %#x id %u irr %#x",
	    (unsigned long long)c.chip.ioapic.base_address,
	    c.chip.ioapic.ioregsel, c.chip.ioapic.id, c.chip.ioapic.irr);
	for (i = 0; i < KVM_IOAPIC_NUM_PINS; i++) {
		snprintf(name, sizeof(name), "%s-pin-%u", when, i);
		obs(name, "%#llx", (unsigned long long)
		    c.chip.ioapic.redirtbl[i].bits);
	}
}

CASE(state_arguments)
{
	struct vm *vm = vm_new(VM_IRQCHIP), *bare = vm_new(VM_BARE);
	struct kvm_irqchip c = { .chip_id = 3 };

	ERR("get-none", ioctl(bare->fd, KVM_GET_IRQCHIP, &c), ENXIO);
	ERR("set-none", ioctl(bare->fd, KVM_SET_IRQCHIP, &c), ENXIO);
	ERR("get-unknown", ioctl(vm->fd, KVM_GET_IRQCHIP, &c), EINVAL);
	ERR("set-unknown", ioctl(vm->fd, KVM_SET_IRQCHIP, &c), EINVAL);
	ERR("get-fault", ioctl(vm->fd, KVM_GET_IRQCHIP, 8), EFAULT);
	ERR("set-fault", ioctl(vm->fd, KVM_SET_IRQCHIP, 8), EFAULT);
	show_chips(vm, "reset");
}

/* Interrupts in every state: in service, requested, masked; by both chips. */
static void before_guest(void)
{
	hooks();
	outb(0x4d0, 0x20);
	pic_init(0, 0x40, 0);
	up(3);
	taken = take();
	up(5);
	up(6);
	up(12);
	no_pic();
	ioapic_write(IOAPIC_RTE(20) + 1, 0);
	ioapic_write(IOAPIC_RTE(20), APIC_MASKED | LEVEL | IO_VEC);
	up(20);
	g_value("in-service", taken, 0x23);
}

/* In another VM, from where the first was left. */
static void after_guest(void)
{
	hooks();
	apic_on();
	g_hook[IO_VEC] = io_hook;
	g_value("isr", reg(MASTER, READ_ISR), 0x08);
	g_value("irr", reg(MASTER, READ_IRR), 0x64);
	g_value("imr", inb(MASTER + 1), 0x40);
	/* The slave's lines come between 1 and 3. */
	g_value("12", take(), 0x2c);
	outb(SLAVE, EOI);
	outb(MASTER, SPECIFIC_EOI(2));
	g_value("5-waits-for-3", take(), 0);
	outb(MASTER, SPECIFIC_EOI(3));
	g_value("5", take(), 0x25);
	down(5);
	outb(MASTER, EOI);
	g_value("6-is-masked", take(), 0);
	outb(MASTER + 1, 0);
	g_value("6", take(), 0x26);
	outb(MASTER, EOI);
	ioapic_write(IOAPIC_RTE(20), LEVEL | IO_VEC);
	g_value("by-ioapic", io_take(), 1);
}

CASE(state_moved)
{
	struct vm *from = vm_new(VM_IRQCHIP), *to = vm_new(VM_IRQCHIP);
	struct vcpu *v = vcpu_new(from, 0), *w = vcpu_new(to, 0);
	struct kvm_irqchip c[3], d;
	u32 i;

	run_wired(v, before_guest);
	show_chips(from, "saved");
	for (i = 0; i < 3; i++) {
		get_chip(from, i, &c[i]);
		MUST(ioctl(to->fd, KVM_SET_IRQCHIP, &c[i]));
	}
	for (i = 0; i < 3; i++) {
		get_chip(to, i, &d);
		SAME(memcmp(&d, &c[i], sizeof(d)), 0);
	}
	run_wired(w, after_guest);
}
