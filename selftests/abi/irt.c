// SPDX-License-Identifier: GPL-2.0
/*
 * irt.c - the Interrupt Remapping Table of /dev/ospite: read whole, and changed
 * entry by entry while the guest runs (OSPITE_GET_IRT, OSPITE_SET_IRT_ENTRY).
 *
 * KVM has no such thing, so all cases skip there.
 */
#include <pthread.h>

#include "lib/abi.h"
#include "lib/apic.h"
#include "lib/chips.h"
#include "lib/events.h"
#include "lib/guest.h"
#include "lib/lapic.h"

#define VEC		0x41
#define GSI		30

static void counts(struct vm *vm, u32 gsi, u64 delivered, u64 coalesced,
		   u64 dropped)
{
	struct ospite_irt_entry e = irt_find(vm, gsi);

	SAME(e.delivered, delivered);
	SAME(e.coalesced, coalesced);
	SAME(e.dropped, dropped);
}

CASE(arguments)
{
	struct vm *vm = irt_vm(), *bare = vm_new(VM_BARE);
	struct ospite_irt_entry e = irt_message(GSI, 0, VEC), bad;
	struct ospite_irt head = { .flags = 1 };
	int dev = dev_open();

	EQ("entries", dev_cap(OSPITE_CAP_IRT), 4096);
	ERR("no-controllers", irt_set(bare, &e), ENXIO);
	ERR("get-no-controllers", ioctl(bare->fd, OSPITE_GET_IRT, &head), ENXIO);
	ERR("get-flags", ioctl(vm->fd, OSPITE_GET_IRT, &head), EINVAL);
	ERR("get-fault", ioctl(vm->fd, OSPITE_GET_IRT, 8), EFAULT);
	ERR("set-fault", ioctl(vm->fd, OSPITE_SET_IRT_ENTRY, 8), EFAULT);
	ERR("set", irt_set(vm, &e), 0);
#define REFUSED(what, change, want) do { \
	bad = e; change; ERR(what, irt_set(vm, &bad), want); } while (0)
	REFUSED("gsi", bad.gsi = 4096, EINVAL);
	REFUSED("kind", bad.kind = 5, EINVAL);
	REFUSED("low-vector", bad.vector = 15, EINVAL);
	REFUSED("mode-smi", bad.mode = 2, EINVAL);
	REFUSED("mode", bad.mode = 8, EINVAL);
	REFUSED("flag", bad.flags = 8, EINVAL);
	REFUSED("counts", bad.delivered = 1, EINVAL);
	REFUSED("reserved", bad.reserved[1] = 1, EINVAL);
	REFUSED("pad", bad.pad = 1, EINVAL);
	REFUSED("fd-of-another-kind", bad.eventfd = 1, EINVAL);
	e = (struct ospite_irt_entry) { .gsi = GSI, .kind = OSPITE_IRT_PINS,
					.pin = { 5, -1, 5 } };
	ERR("pins", irt_set(vm, &e), 0);
	REFUSED("pin-24", bad.pin[2] = 24, EINVAL);
	REFUSED("pic-pin-8", bad.pin[0] = 8, EINVAL);
	REFUSED("pin-below", bad.pin[1] = -2, EINVAL);
	REFUSED("no-pin", bad.pin[0] = bad.pin[2] = -1, EINVAL);
	REFUSED("vector-of-a-pin", bad.vector = 1, EINVAL);
	e = (struct ospite_irt_entry) { .gsi = GSI, .kind = OSPITE_IRT_EVENTFD,
					.eventfd = event_new(0) };
	ERR("eventfd", irt_set(vm, &e), 0);
	REFUSED("no-fd", bad.eventfd = -1, EBADF);
	REFUSED("no-eventfd", bad.eventfd = dev, EINVAL);
	EQ("what-was-refused-changed-nothing", irt_find(vm, GSI).kind, OSPITE_IRT_EVENTFD);
}

CASE(reading)
{
	static const struct kvm_irq_routing_entry routes[] = {
		ROUTE_PIN(5, KVM_IRQCHIP_PIC_MASTER, 5),
		ROUTE_PIN(5, KVM_IRQCHIP_IOAPIC, 7),
		ROUTE_MSI(100, 3, 0x8442),
		ROUTE_MSI(4095, 1, 0x43),
	};
	struct vm *vm = irt_vm();
	struct ospite_irt_entry *e;
	struct {
		struct ospite_irt head;
		struct ospite_irt_entry e[2];
	} part = { .head = { .first = 6, .nr = 2 } };

	EQ("default", irt_get(vm, &e), 24);
	EQ("pic-pin", e[13].pin[1], 5);
	EQ("ioapic-pin", e[13].pin[2], 13);
	EQ("no-pic-pin", (u8)e[20].pin[0], 0xff);
	MUST(set_routes(vm, routes, ARRAY_LEN(routes)));
	EQ("of-ours", irt_get(vm, &e), 3);
	EQ("pins-gsi", e[0].gsi, 5);
	EQ("pins-kind", e[0].kind, OSPITE_IRT_PINS);
	EQ("pins-ioapic", e[0].pin[2], 7);
	EQ("message-gsi", e[1].gsi, 100);
	EQ("message-dest", e[1].dest, 3);
	EQ("message-mode", e[1].mode, 4);
	EQ("message-level", e[1].flags, OSPITE_IRT_LEVEL);
	EQ("last", e[2].gsi, 4095);
	MUST(ioctl(vm->fd, OSPITE_GET_IRT, &part));
	EQ("part", part.head.nr, 2);
	EQ("part-first", part.e[0].gsi, 100);
	EQ("part-end", part.head.first, 4096);
	part.head.first = 0;
	part.head.nr = 1;
	MUST(ioctl(vm->fd, OSPITE_GET_IRT, &part));
	EQ("piece", part.head.nr, 1);
	EQ("piece-next", part.head.first, 100);
}

/* ---- where a request may go ---- */

static void targets_guest(void)
{
	g_eoi = EOI_XAPIC;
	APIC(APIC_SPIV) = 0x1ff;
	APIC(APIC_LINT0) = APIC_MASKED;
	guest_sync(1);
	sti_nop();
	cli();
	g_value("row", g_irqs[VEC], 1);
	guest_sync(2);
	sti_nop();
	cli();
	g_value("blocked", g_irqs[VEC], 1);
	guest_sync(3);
	sti_nop();
	cli();
	g_value("eventfd", g_irqs[VEC], 1);
	guest_sync(4);
	g_value("nmi", g_irqs[2], 1);
}

static int nmi_hook(struct guest_trap *t)
{
	g_irqs[2]++;
	return 1;
}

CASE(targets)
{
	struct vm *vm = irt_vm();
	struct vcpu *v = vcpu_new(vm, 0);
	int fd = event_new(0), irq = event_new(0);
	struct ospite_irt_entry e = irt_message(GSI, 0, VEC);

	GVAR(vm, g_hook)[0][2] = nmi_hook;
	mode_long(v, targets_guest);
	MUST(irqfd(vm, irq, GSI, 0, 0));
	sync_to(v, 1);
	event_add(irq, 1);
	counts(vm, GSI, 0, 0, 0);
	MUST(irt_set(vm, &e));
	event_add(irq, 1);
	event_add(irq, 1);
	counts(vm, GSI, 1, 1, 0);
	sync_to(v, 2);
	e = (struct ospite_irt_entry) { .gsi = GSI, .kind = OSPITE_IRT_BLOCKED };
	MUST(irt_set(vm, &e));
	irq_line(vm, GSI, 1);
	event_add(irq, 1);
	counts(vm, GSI, 1, 1, 2);
	sync_to(v, 3);
	e = (struct ospite_irt_entry) { .gsi = GSI, .kind = OSPITE_IRT_EVENTFD,
					.eventfd = fd };
	MUST(irt_set(vm, &e));
	irq_line(vm, GSI, 1);
	irq_line(vm, GSI, 0);
	EQ("eventfd-signalled", event_take(fd), 1);
	counts(vm, GSI, 2, 1, 2);
	/* From an eventfd to an eventfd goes by a thread of the kernel's. */
	MUST(fcntl(fd, F_SETFL, 0));
	event_add(irq, 1);
	EQ("eventfd-by-eventfd", event_take(fd), 1);
	counts(vm, GSI, 3, 1, 2);
	sync_to(v, 4);
	e = irt_message(GSI, 0, 0);
	e.mode = 4;
	MUST(irt_set(vm, &e));
	irq_line(vm, GSI, 1);
	run_done(v);
	check_log(vm);
	/* Two eventfds that lead to each other: nobody hangs, nobody warns. */
	e = (struct ospite_irt_entry) { .gsi = GSI, .kind = OSPITE_IRT_EVENTFD,
					.eventfd = irq };
	MUST(irt_set(vm, &e));
	event_add(irq, 1);
	usleep(50000);
	MUST(irqfd(vm, irq, GSI, KVM_IRQFD_FLAG_DEASSIGN, 0));
}

/* ---- to several, to one of several, to one that has yet to start ---- */

#define MODE_LOWEST	1
#define MODE_INIT	5
#define MODE_STARTUP	6
#define AP_PAGE		9

static void send_by(struct vm *vm, const struct ospite_irt_entry *e)
{
	MUST(irt_set(vm, e));
	irq_line(vm, e->gsi, 1);
}

CASE(destinations)
{
	struct ospite_irt_entry e = irt_message(GSI, 0x7, VEC);
	struct vm *vm = irt_vm();
	struct kvm_lapic_state s;
	struct vcpu *v[3];
	u32 i, map;

	for (i = 0; i < 3; i++) {
		v[i] = vcpu_new(vm, i);
		lapic_get(v[i], &s);
		*lapic_reg(&s, APIC_SPIV) = 0x1ff;
		*lapic_reg(&s, APIC_LDR) = 1u << (24 + i);
		lapic_set(v[i], &s);
	}
	e.flags = OSPITE_IRT_LOGICAL | OSPITE_IRT_LEVEL;
	send_by(vm, &e);
	EQ("logical", lapics_reached(v, 3, VEC), 7);
	lapic_get(v[2], &s);
	EQ("level", *lapic_reg(&s, APIC_TMR(VEC)), BIT(VEC % 32));
	e = irt_message(GSI + 1, 2, VEC + 1);
	send_by(vm, &e);
	EQ("one", lapics_reached(v, 3, VEC + 1), 4);
	e = irt_message(GSI + 2, 0x6, VEC + 2);
	e.flags = OSPITE_IRT_LOGICAL | OSPITE_IRT_LOWEST;
	send_by(vm, &e);
	map = lapics_reached(v, 3, VEC + 2);
	CHECK(map == 2 || map == 4, "any one: %#x\n", map);
	e = irt_message(GSI + 3, 0x6, VEC + 3);
	e.flags = OSPITE_IRT_LOGICAL;
	e.mode = MODE_LOWEST;
	send_by(vm, &e);
	map = lapics_reached(v, 3, VEC + 3);
	CHECK(map == 2 || map == 4, "lowest priority: %#x\n", map);
	for (i = 0; i < 4; i++)
		counts(vm, GSI + i, 1, 0, 0);
	e = irt_message(GSI + 4, 9, VEC + 4);
	send_by(vm, &e);
	EQ("nobody", lapics_reached(v, 3, VEC + 4), 0);
	counts(vm, GSI + 4, 0, 0, 1);
}

/* A device starts a CPU, by INIT and SIPI. */
static const u8 started_code[] = {
	0xba, PORT_DONE & 0xff, PORT_DONE >> 8,	/* mov $PORT_DONE, %dx */
	0xee, 0xf4,				/* out %al, %dx; hlt */
};

CASE(init_and_sipi)
{
	struct ospite_irt_entry e = irt_message(GSI, 1, 0);
	struct vm *vm = irt_vm();
	struct kvm_sregs sregs;
	struct vcpu *ap;

	vcpu_new(vm, 0);
	ap = vcpu_new(vm, 1);
	memcpy(vm->ram + AP_PAGE * 0x1000, started_code, sizeof(started_code));
	e.mode = MODE_INIT;
	send_by(vm, &e);
	e = irt_message(GSI + 1, 1, AP_PAGE);
	e.mode = MODE_STARTUP;
	ERR("sipi", irt_set(vm, &e), 0);
	irq_line(vm, GSI + 1, 1);
	vcpu_exit(ap);
	EQ("done", is_done(ap), 1);
	get_sregs(ap, &sregs);
	EQ("cs", sregs.cs.selector, AP_PAGE << 8);
	counts(vm, GSI, 1, 0, 0);
	counts(vm, GSI + 1, 1, 0, 0);
}

/* ---- a message that lets the PIC in ---- */

static void extint_guest(void)
{
	g_eoi = EOI_PIC;
	APIC(APIC_SPIV) = 0x1ff;
	APIC(APIC_LINT0) = APIC_MASKED;
	pic_init(0, 0xfd, 0xff);	/* IRQ 1 */
	guest_sync(1);			/* IRQ 1 */
	sti_nop();
	cli();
	g_value("lint0-masked", g_irqs[0x21], 0);
	guest_sync(2);			/* ExtINT */
	g_value("if-clear", g_irqs[0x21], 0);
	sti_nop();
	cli();
	g_value("by-message", g_irqs[0x21], 1);
	guest_sync(3);			/* ExtINT, and nothing behind it */
	sti_nop();
	cli();
	g_value("spurious", g_irqs[0x27], 1);
	guest_sync(4);			/* in a moment: IRQ 1, ExtINT */
	sti_hlt();
	cli();
	g_value("woken", g_irqs[0x21], 2);
}

static void *extint_thread(void *arg)
{
	struct vm *vm = arg;

	usleep(20000);
	irq_line(vm, 1, 1);
	irq_line(vm, GSI, 1);
	return NULL;
}

CASE(extint)
{
	struct vm *vm = irt_vm(), *split = vm_new(VM_BARE);
	struct kvm_enable_cap cap = { .cap = KVM_CAP_SPLIT_IRQCHIP,
				      .args = { 24 } };
	struct ospite_irt_entry e = irt_message(GSI, 0, 0);
	struct vcpu *v = vcpu_new(vm, 0);
	pthread_t t;

	e.mode = 7;
	MUST(ioctl(split->fd, KVM_ENABLE_CAP, &cap));
	ERR("no-pic", irt_set(split, &e), EINVAL);
	mode_long(v, extint_guest);
	sync_to(v, 1);
	MUST(irt_set(vm, &e));
	irq_line(vm, 1, 1);
	irq_line(vm, 1, 0);
	sync_to(v, 2);
	irq_line(vm, GSI, 1);
	irq_line(vm, GSI, 1);
	counts(vm, GSI, 1, 1, 0);
	sync_to(v, 3);
	irq_line(vm, GSI, 1);
	sync_to(v, 4);
	MUST(pthread_create(&t, NULL, extint_thread, vm));
	run_done(v);
	pthread_join(t, NULL);
	check_log(vm);
	counts(vm, GSI, 3, 1, 0);
}

/* ---- the tracepoint ---- */

#define EVENT	"/sys/kernel/tracing/events/ospite/ospite_irq/enable"

static void put_file(const char *path, const char *text)
{
	int fd = MUST(open(path, O_WRONLY | O_TRUNC));

	MUST(write(fd, text, strlen(text)));
	close(fd);
}

static bool traced(const char *text)
{
	FILE *f = fopen("/sys/kernel/tracing/trace", "r");
	char line[512];
	bool found = false;

	while (f && fgets(line, sizeof(line), f))
		found |= strstr(line, text) != NULL;
	if (f)
		fclose(f);
	return found;
}

CASE(tracepoint)
{
	struct vm *vm = irt_vm();
	struct ospite_irt_entry e = irt_message(GSI, 0, VEC);
	struct kvm_msi msi = { .address_lo = 0xfee00000, .data = VEC };
	struct vcpu *v = vcpu_new(vm, 0);

	if (access(EVENT, W_OK))
		skip("the kernel has no tracepoints");
	mode_long(v, targets_guest);
	sync_to(v, 1);
	MUST(irt_set(vm, &e));
	put_file(EVENT, "1");
	irq_line(vm, GSI, 1);
	irq_line(vm, GSI, 1);
	MUST(ioctl(vm->fd, KVM_SIGNAL_MSI, &msi));
	irq_line(vm, 20, 1);
	put_file(EVENT, "0");
	CHECK(traced("gsi 30 entry apic vcpu 0 vector 65 status 1 coalesced 0"),
	      "no trace of a delivered interrupt\n");
	CHECK(traced("gsi 30 entry apic vcpu 0 vector 65 status 1 coalesced 1"),
	      "no trace of a coalesced one\n");
	CHECK(traced("gsi -1 entry apic vcpu 0 vector 65 status 1 coalesced 1"),
	      "no trace of a message\n");
	CHECK(traced("gsi 20 entry pins vcpu -1 vector -1 status -1 coalesced 0"),
	      "no trace of a masked pin\n");
}

/* A line that an entry held up does not stay up when the entry leads elsewhere. */
static void lines_guest(void)
{
	g_eoi = EOI_XAPIC;
	APIC(APIC_SPIV) = 0x1ff;
	APIC(APIC_LINT0) = APIC_MASKED;
	guest_sync(1);
}

CASE(lines)
{
	struct ospite_irt_entry e = irt_message(20, 0, VEC);
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };
	struct vm *vm = irt_vm();
	struct vcpu *v = vcpu_new(vm, 0);

	mode_long(v, lines_guest);
	sync_to(v, 1);
	irq_line(vm, 20, 1);
	MUST(ioctl(vm->fd, KVM_GET_IRQCHIP, &chip));
	EQ("up", chip.chip.ioapic.irr >> 20 & 1, 1);
	MUST(irt_set(vm, &e));
	MUST(ioctl(vm->fd, KVM_GET_IRQCHIP, &chip));
	EQ("down", chip.chip.ioapic.irr >> 20 & 1, 0);
}
