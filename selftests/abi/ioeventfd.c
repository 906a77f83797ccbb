// SPDX-License-Identifier: GPL-2.0
/*
 * ioeventfd.c - writes of the guest that signal an eventfd, or go into a ring:
 * KVM_IOEVENTFD, KVM_REGISTER_COALESCED_MMIO.
 *
 * A guest does one thing after the other, with a rendezvous after each.  What
 * came out in between, to userspace, to which eventfd and into the ring, is
 * observed.
 */
#include "lib/abi.h"
#include "lib/events.h"
#include "lib/guest.h"

#define PIO	KVM_IOEVENTFD_FLAG_PIO
#define MATCH	KVM_IOEVENTFD_FLAG_DATAMATCH
#define GONE	KVM_IOEVENTFD_FLAG_DEASSIGN

#define P	0x600			/* ports that no device has */
#define M	((u64)GPA_MMIO)
#define ZONE	(M + 0x4100)
#define PZONE	0x680
#define BIG	0x1122334455667788ull

static inline void write8(u64 a, u8 v)
{
	asm volatile("movb %0, (%1)" : : "q"(v), "r"(a) : "memory");
}

static inline void write16(u64 a, u16 v)
{
	asm volatile("movw %0, (%1)" : : "r"(v), "r"(a) : "memory");
}

static inline void write32(u64 a, u32 v)
{
	asm volatile("movl %0, (%1)" : : "r"(v), "r"(a) : "memory");
}

static inline void write64(u64 a, u64 v)
{
	asm volatile("movq %0, (%1)" : : "r"(v), "r"(a) : "memory");
}

static inline u32 read32(u64 a)
{
	u32 v;

	asm volatile("movl (%1), %0" : "=r"(v) : "r"(a) : "memory");
	return v;
}

/*
 * KVM takes the length of the instruction from a VMCS field that the SDM
 * defines for other exits only, and Bochs leaves there what was the last such
 * exit's.  CPUID and both of these MOVs have two bytes.
 */
static void write_any(u64 a, int wide)
{
	u32 r[4];

	cpuid(0, 0, r);
	if (wide)
		asm volatile(".byte 0x89, 0x07" : : "D"(a), "a"(7) : "memory");
	else
		asm volatile(".byte 0x88, 0x07" : : "D"(a), "a"(7) : "memory");
}

/* ---- what is refused ---- */

CASE(arguments)
{
	struct vm *vm = vm_new(VM_BARE);
	int fd = event_new(0), other = event_new(0), dev = dev_open();

	EQ("cap", dev_cap(KVM_CAP_IOEVENTFD), 1);
	EQ("cap-no-length", dev_cap(KVM_CAP_IOEVENTFD_NO_LENGTH), 1);
	EQ("cap-any-length", dev_cap(KVM_CAP_IOEVENTFD_ANY_LENGTH), 1);
	ERR("length-3", ioevent(vm, fd, M, 3, 0, 0), EINVAL);
	ERR("length-16", ioevent(vm, fd, M, 16, 0, 0), EINVAL);
	ERR("wraps", ioevent(vm, fd, ~0ull - 1, 4, 0, 0), EINVAL);
	ERR("flags", ioevent(vm, fd, M, 4, 0x40, 0), EINVAL);
	ERR("match-without-length", ioevent(vm, fd, M, 0, MATCH, 0), EINVAL);
	ERR("no-fd", ioevent(vm, -1, M, 4, 0, 0), EBADF);
	ERR("no-eventfd", ioevent(vm, dev, M, 4, 0, 0), EINVAL);
	ERR("deassign-nothing", ioevent(vm, fd, M, 4, GONE, 0), ENOENT);
	ERR("deassign-no-fd", ioevent(vm, -1, M, 4, GONE, 0), EBADF);
	ERR("assign", ioevent(vm, fd, M, 4, 0, 0), 0);
	ERR("again", ioevent(vm, fd, M, 4, 0, 0), EEXIST);
	ERR("other-fd", ioevent(vm, other, M, 4, 0, 0), EEXIST);
	ERR("beside-a-value", ioevent(vm, other, M, 4, MATCH, 1), EEXIST);
	ERR("beside-any", ioevent(vm, other, M, 0, 0, 0), EEXIST);
	ERR("other-length", ioevent(vm, other, M, 2, 0, 0), 0);
	ERR("port-of-that-number", ioevent(vm, other, M, 4, PIO, 0), 0);
	ERR("value", ioevent(vm, fd, M + 8, 4, MATCH, 1), 0);
	ERR("same-value", ioevent(vm, other, M + 8, 4, MATCH, 1), EEXIST);
	ERR("other-value", ioevent(vm, other, M + 8, 4, MATCH, 2), 0);
	ERR("beside-values", ioevent(vm, other, M + 8, 4, 0, 0), EEXIST);
	ERR("deassign-other-fd", ioevent(vm, other, M, 4, GONE, 0), ENOENT);
	ERR("deassign-other-length", ioevent(vm, fd, M, 8, GONE, 0), ENOENT);
	ERR("deassign-match", ioevent(vm, fd, M, 4, GONE | MATCH, 0), ENOENT);
	ERR("deassign-value", ioevent(vm, fd, M + 8, 4, GONE | MATCH, 2), ENOENT);
	ERR("deassign", ioevent(vm, fd, M, 4, GONE, 0), 0);
	ERR("deassign-again", ioevent(vm, fd, M, 4, GONE, 0), ENOENT);
	ERR("free-again", ioevent(vm, other, M, 4, 0, 0), 0);
	ERR("any", ioevent(vm, other, M + 16, 0, 0, 0), 0);
	ERR("any-again", ioevent(vm, fd, M + 16, 0, 0, 0), EEXIST);
	ERR("beside-any-value", ioevent(vm, fd, M + 16, 4, MATCH, 0), EEXIST);
	ERR("any-deassigned", ioevent(vm, other, M + 16, 0, GONE, 0), 0);
	ERR("last-port", ioevent(vm, fd, 0xffff, 1, PIO, 0), 0);
}

/* ---- a guest's steps ---- */

static int events[16];
static unsigned int nevents;
static char said[256];

static void add_event(struct vm *vm, u64 addr, u32 len, u32 flags, u64 match)
{
	events[nevents] = event_new(0);
	MUST(ioevent(vm, events[nevents++], addr, len, flags, match));
}

/* Run to the next rendezvous and say what came out before it. */
static void step(struct vcpu *v, u32 want, const char *name)
{
	struct kvm_run *run = v->run;
	size_t at = 0;
	unsigned int i;
	u32 val = 0;
	u64 n;

	said[0] = 0;
	for (;;) {
		u32 reason = vcpu_exit(v);

		if (is_sync(v, &val))
			break;
		if (reason == KVM_EXIT_IO)
			at += snprintf(said + at, sizeof(said) - at,
				       "port %#x %s %u; ", run->io.port,
				       run->io.direction ? "out" : "in",
				       run->io.size * run->io.count);
		else if (reason == KVM_EXIT_MMIO)
			at += snprintf(said + at, sizeof(said) - at,
				       "address %#llx %s %u; ",
				       run->mmio.phys_addr,
				       run->mmio.is_write ? "write" : "read",
				       run->mmio.len);
		else
			die("%s: exit %s\n", name, exit_name(reason));
		if (at > sizeof(said) - 64)
			die("%s: too many exits\n", name);
	}
	SAME(val, want);
	for (i = 0; i < nevents; i++) {
		n = event_take(events[i]);
		if (n)
			at += snprintf(said + at, sizeof(said) - at,
				       "event %u by %llu; ", i,
				       (unsigned long long)n);
	}
	obs(name, "%s", at ? said : "nothing");
}

static void wants(const char *what)
{
	CHECK(!strcmp(said, what), "got \"%s\", not \"%s\"\n", said, what);
}

static void outsw(u16 port, const u16 *from, u64 n)
{
	asm volatile("rep outsw" : "+S"(from), "+c"(n) : "d"(port) : "memory");
}

static void ports_guest(void)
{
	static const u16 words[3] = { 1, 2, 3 };
	u32 i = 1;

	outw(P, 1);
	guest_sync(i++);
	outb(P, 1);
	guest_sync(i++);
	outl(P, 1);
	guest_sync(i++);
	inw(P);
	guest_sync(i++);
	outw(P + 1, 1);
	guest_sync(i++);
	outl(P + 16, 7);
	guest_sync(i++);
	outl(P + 16, 8);
	guest_sync(i++);
	outl(P + 16, 9);
	guest_sync(i++);
	outb(P + 32, 1);
	outw(P + 32, 1);
	outl(P + 32, 1);
	guest_sync(i++);
	outsw(P, words, 3);
	guest_sync(i++);
	outw(P, 1);
	guest_sync(i++);
}

CASE(ports)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	u32 i = 1;

	add_event(vm, P, 2, PIO, 0);
	add_event(vm, P + 16, 4, PIO | MATCH, 7);
	add_event(vm, P + 16, 4, PIO | MATCH, 8);
	add_event(vm, P + 32, 0, PIO, 0);
	mode_long(v, ports_guest);
	step(v, i++, "hit");
	wants("event 0 by 1; ");
	step(v, i++, "shorter");
	wants("port 0x600 out 1; ");
	step(v, i++, "longer");
	wants("port 0x600 out 4; ");
	step(v, i++, "read");
	wants("port 0x600 in 2; ");
	step(v, i++, "next-port");
	wants("port 0x601 out 2; ");
	step(v, i++, "value");
	wants("event 1 by 1; ");
	step(v, i++, "other-value");
	wants("event 2 by 1; ");
	step(v, i++, "no-such-value");
	wants("port 0x610 out 4; ");
	step(v, i++, "any-length");
	wants("event 3 by 3; ");
	step(v, i++, "string");
	wants("event 0 by 3; ");
	MUST(ioevent(vm, events[0], P, 2, PIO | GONE, 0));
	step(v, i++, "deassigned");
	wants("port 0x600 out 2; ");
	run_done(v);
}

static void memory_guest(void)
{
	u32 i = 1;

	write16(M, 1);
	guest_sync(i++);
	write8(M, 1);
	guest_sync(i++);
	write64(M, 1);
	guest_sync(i++);
	read32(M);
	guest_sync(i++);
	write64(M + 8, BIG);
	guest_sync(i++);
	write64(M + 8, BIG + 1);
	guest_sync(i++);
	write8(M + 16, 0xff);
	guest_sync(i++);
	write_any(M + 0x1000, 0);
	write_any(M + 0x1000, 1);
	guest_sync(i++);
	write_any(M + 0x1004, 1);
	guest_sync(i++);
	write32(M + 0x2ffe, 1);
	guest_sync(i++);
	write16(M, 1);
	guest_sync(i++);
}

CASE(memory)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	u32 i = 1;

	add_event(vm, M, 2, 0, 0);
	add_event(vm, M + 8, 8, MATCH, BIG);
	add_event(vm, M + 16, 1, MATCH, 0xff);
	add_event(vm, M + 0x1000, 0, 0, 0);
	mode_long(v, memory_guest);
	step(v, i++, "hit");
	wants("event 0 by 1; ");
	step(v, i++, "shorter");
	wants("address 0x10000000 write 1; ");
	step(v, i++, "longer");
	wants("address 0x10000000 write 8; ");
	step(v, i++, "read");
	wants("address 0x10000000 read 4; ");
	step(v, i++, "value");
	wants("event 1 by 1; ");
	step(v, i++, "other-value");
	wants("address 0x10000008 write 8; ");
	step(v, i++, "byte");
	wants("event 2 by 1; ");
	step(v, i++, "any-length");
	wants("event 3 by 2; ");
	step(v, i++, "not-there");
	wants("address 0x10001004 write 4; ");
	step(v, i++, "across-pages");
	wants("address 0x10002ffe write 2; address 0x10003000 write 2; ");
	MUST(ioevent(vm, events[0], M, 2, GONE, 0));
	step(v, i++, "deassigned");
	wants("address 0x10000000 write 2; ");
	run_done(v);
}

/* ---- any length: nothing is to be skipped but a store ---- */

#define RAM_END 0x20001000ull		/* a page of memory ends there */

static void any_guest(void)
{
	u32 v = 1;

	write64(M + 0x1000, BIG);
	guest_sync(1);
	write64(RAM_END - 4, BIG);
	guest_sync(2);
	g_value("first-half", read32(RAM_END - 4), (u32)BIG);
	asm volatile("lock xaddl %0, (%1)" : "+r"(v) : "r"(M + 0x1000) : "memory");
	guest_sync(3);
	g_value("read", v, 0);
	asm volatile("mov %0, %%rdi; mov $3, %%ecx; rep stosl"
		     : : "r"(M + 0x1000), "a"(0) : "rcx", "rdi", "memory");
	guest_sync(4);
}

CASE(any_length)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);

	if (abi_on_kvm())
		skip("KVM skips what wrote by a length that Bochs does not give");
	vm_add_ram(vm, 1, RAM_END - 0x1000, 0x1000);
	add_event(vm, M + 0x1000, 0, 0, 0);
	add_event(vm, RAM_END, 0, 0, 0);
	mode_long(v, any_guest);
	step(v, 1, "store");
	wants("event 0 by 1; ");
	step(v, 2, "store-across");
	wants("event 1 by 1; ");
	memset(v->run->mmio.data, 0, 8);
	step(v, 3, "exchange");
	wants("address 0x10001000 read 4; event 0 by 1; ");
	step(v, 4, "string");
	wants("address 0x10001004 write 4; address 0x10001008 write 4; event 0 by 1; ");
	run_done(v);
	check_log(vm);
}

/* ---- the ring ---- */

static struct kvm_coalesced_mmio_ring *ring_of(struct vcpu *v)
{
	return (void *)((u8 *)v->run +
			dev_cap(KVM_CAP_COALESCED_MMIO) * getpagesize());
}

#define RING_MAX ((4096 - sizeof(struct kvm_coalesced_mmio_ring)) / \
		  sizeof(struct kvm_coalesced_mmio))

/* Show what is in the ring, and empty it. */
static void drain(struct vcpu *v, const char *name, u32 want)
{
	struct kvm_coalesced_mmio_ring *r = ring_of(v);
	u32 n = 0;

	for (; r->first != r->last && n < RING_MAX; n++) {
		struct kvm_coalesced_mmio *e = &r->coalesced_mmio[r->first];
		u64 data = 0;

		memcpy(&data, e->data, e->len < 8 ? e->len : 8);
		if (want < 16)
			obs(name, "%#llx %u %#llx %s", e->phys_addr, e->len,
			    (unsigned long long)data, e->pio ? "port" : "memory");
		r->first = (r->first + 1) % RING_MAX;
	}
	EQ(name, n, want);
}

static int zone(struct vm *vm, unsigned long cmd, u64 addr, u32 size, u32 pio)
{
	struct kvm_coalesced_mmio_zone z = { .addr = addr, .size = size,
					     .pio = pio };

	return ioctl(vm->fd, cmd, &z);
}

#define ADD	KVM_REGISTER_COALESCED_MMIO
#define REMOVE	KVM_UNREGISTER_COALESCED_MMIO

static void ring_guest(void)
{
	static const u16 words[2] = { 8, 9 };
	u32 i = 1;

	write8(ZONE, 1);
	write32(ZONE + 4, 0x12345678);
	write64(ZONE + 0xf8, BIG);
	guest_sync(i++);
	write64(ZONE + 0xfc, BIG);
	guest_sync(i++);
	write32(ZONE - 2, 7);
	guest_sync(i++);
	read32(ZONE);
	guest_sync(i++);
	outb(PZONE, 5);
	outl(PZONE, 6);
	guest_sync(i++);
	outl(PZONE + 2, 7);
	guest_sync(i++);
	outsw(PZONE, words, 2);
	guest_sync(i++);
	write8(ZONE, 1);
	guest_sync(i++);		/* full */
	write8(ZONE, 2);
	write8(ZONE, 3);
	guest_sync(i++);	/* wraps */
	write8(ZONE, 4);
	guest_sync(i++);		/* nonsense */
	write8(ZONE + 0x10, 1);
	write8(ZONE, 1);
	guest_sync(i++);
	write8(ZONE, 1);
	guest_sync(i++);
	outb(PZONE, 5);
	guest_sync(i++);
}

CASE(ring)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	struct kvm_coalesced_mmio_ring *r = ring_of(v);
	u32 i = 1;

	EQ("cap", dev_cap(KVM_CAP_COALESCED_MMIO), 2);
	EQ("cap-pio", dev_cap(KVM_CAP_COALESCED_PIO), 1);
	ERR("bad-kind", zone(vm, ADD, ZONE, 0x100, 2), EINVAL);
	ERR("add", zone(vm, ADD, ZONE, 0x100, 0), 0);
	ERR("add-ports", zone(vm, ADD, PZONE, 4, 1), 0);
	mode_long(v, ring_guest);
	step(v, i++, "inside");
	wants("");
	drain(v, "inside-ring", 3);
	step(v, i++, "over-the-end");
	drain(v, "over-the-end-ring", 0);
	step(v, i++, "over-the-start");
	drain(v, "over-the-start-ring", 0);
	step(v, i++, "read");
	wants("address 0x10004100 read 4; ");
	step(v, i++, "ports");
	wants("");
	drain(v, "ports-ring", 2);
	step(v, i++, "over-the-ports");
	wants("port 0x682 out 4; ");
	step(v, i++, "string");
	drain(v, "string-ring", 2);
	r->last = 7;
	r->first = 8;
	step(v, i++, "full");
	wants("address 0x10004100 write 1; ");
	SAME(r->last, 7);
	r->last = RING_MAX - 1;
	r->first = RING_MAX - 1;
	step(v, i++, "wraps");
	wants("");
	SAME(r->last, 1);
	drain(v, "wraps-ring", 2);
	r->last = 0xfffffff0;
	r->first = 3;
	step(v, i++, "nonsense");
	wants("address 0x10004100 write 1; ");
	SAME(r->last, 0xfffffff0);
	r->first = r->last = 0;
	/* Inside a zone, what came first; at its start, the eventfd. */
	add_event(vm, ZONE + 0x10, 1, 0, 0);
	add_event(vm, ZONE, 1, 0, 0);
	step(v, i++, "beside-eventfds");
	wants("event 1 by 1; ");
	drain(v, "beside-eventfds-ring", 1);
	MUST(ioevent(vm, events[1], ZONE, 1, GONE, 0));
	ERR("remove-bad-kind", zone(vm, REMOVE, ZONE, 1, 2), EINVAL);
	ERR("remove-what-is-not", zone(vm, REMOVE, ZONE, 0x200, 0), 0);
	ERR("remove-by-a-part", zone(vm, REMOVE, ZONE + 8, 4, 0), 0);
	step(v, i++, "removed");
	wants("address 0x10004100 write 1; ");
	step(v, i++, "ports-remain");
	wants("");
	drain(v, "ports-remain-ring", 1);
	run_done(v);
}

/* Nobody empties it: what finds no room comes out, and nothing is lost. */
static void flood_guest(void)
{
	u32 i;

	for (i = 0; i < 1000; i++)
		write32(ZONE, i);
}

CASE(ring_overflow)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	struct kvm_coalesced_mmio_ring *r = ring_of(v);
	u32 next = 0, data;

	MUST(zone(vm, ADD, ZONE, 4, 0));
	mode_long(v, flood_guest);
	for (;;) {
		u32 reason = vcpu_exit(v);

		for (; r->first != r->last; r->first = (r->first + 1) % RING_MAX) {
			memcpy(&data, r->coalesced_mmio[r->first].data, 4);
			SAME(data, next++);
		}
		if (is_done(v))
			break;
		SAME(reason, KVM_EXIT_MMIO);
		memcpy(&data, v->run->mmio.data, 4);
		SAME(data, next++);
	}
	EQ("all-in-order", next, 1000);
}
