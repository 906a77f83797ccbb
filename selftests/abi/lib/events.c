// SPDX-License-Identifier: GPL-2.0
/*
 * events.c - eventfds, interrupt routes and lines, and the Interrupt Remapping
 * Table, for the tests that use them.
 */
#include <sys/eventfd.h>

#include "events.h"

/**
 * event_new() - a non-blocking eventfd; a failure ends the case
 * @count: what it begins with
 *
 * Return: its file descriptor.
 */
int event_new(u64 count)
{
	return MUST(eventfd(count, EFD_CLOEXEC | EFD_NONBLOCK));
}

/**
 * event_take() - read an eventfd
 * @fd: the eventfd, non-blocking
 *
 * Return: what it counted, 0 if nothing.
 */
u64 event_take(int fd)
{
	u64 n = 0;

	if (read(fd, &n, sizeof(n)) != sizeof(n) && errno != EAGAIN)
		die("read of an eventfd: %s\n", strerror(errno));
	return n;
}

/**
 * event_add() - signal an eventfd
 * @fd: the eventfd
 * @n: what to add
 */
void event_add(int fd, u64 n)
{
	if (write(fd, &n, sizeof(n)) != sizeof(n))
		die("write of an eventfd: %s\n", strerror(errno));
}

/**
 * irqfd() - KVM_IRQFD
 * @vm: the VM
 * @fd: the eventfd
 * @gsi: the request
 * @flags: KVM_IRQFD_FLAG_*
 * @resamplefd: of use with KVM_IRQFD_FLAG_RESAMPLE
 *
 * Return: as the ioctl does.
 */
int irqfd(struct vm *vm, int fd, u32 gsi, u32 flags, int resamplefd)
{
	struct kvm_irqfd a = {
		.fd = fd, .gsi = gsi, .flags = flags, .resamplefd = resamplefd,
	};

	return ioctl(vm->fd, KVM_IRQFD, &a);
}

/**
 * ioevent() - KVM_IOEVENTFD
 * @vm: the VM
 * @fd: the eventfd
 * @addr: port or guest-physical address
 * @len: 0, 1, 2, 4, 8 bytes
 * @flags: KVM_IOEVENTFD_FLAG_*
 * @match: of use with KVM_IOEVENTFD_FLAG_DATAMATCH
 *
 * Return: as the ioctl does.
 */
int ioevent(struct vm *vm, int fd, u64 addr, u32 len, u32 flags, u64 match)
{
	struct kvm_ioeventfd a = {
		.fd = fd, .addr = addr, .len = len, .flags = flags,
		.datamatch = match,
	};

	return ioctl(vm->fd, KVM_IOEVENTFD, &a);
}

/**
 * set_routes() - KVM_SET_GSI_ROUTING
 * @vm: the VM
 * @e: the entries
 * @nr: how many, at most 64
 *
 * Return: as the ioctl does.
 */
int set_routes(struct vm *vm, const struct kvm_irq_routing_entry *e, u32 nr)
{
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry e[64];
	} t = { .head.nr = nr };

	memcpy(t.e, e, nr * sizeof(*e));
	return ioctl(vm->fd, KVM_SET_GSI_ROUTING, &t);
}

/**
 * irq_line() - KVM_IRQ_LINE
 * @vm: the VM
 * @gsi: the request
 * @level: 0 or 1
 */
void irq_line(struct vm *vm, u32 gsi, u32 level)
{
	struct kvm_irq_level l = { .irq = gsi, .level = level };

	MUST(ioctl(vm->fd, KVM_IRQ_LINE, &l));
}

/**
 * sync_to() - run up to a rendezvous; anything else ends the case
 * @v: the vCPU
 * @want: its number
 */
void sync_to(struct vcpu *v, u32 want)
{
	u32 val = 0;

	vcpu_exit(v);
	if (!is_sync(v, &val) || val != want)
		die("exit %s (%u), not rendezvous %u\n",
		    exit_name(v->run->exit_reason), val, want);
}

/**
 * irt_vm() - a VM with a table to show; the case is skipped where there is none
 *
 * Return: the VM, with interrupt controllers.
 */
struct vm *irt_vm(void)
{
	if (dev_cap(OSPITE_CAP_IRT) <= 0)
		skip("this device has no Interrupt Remapping Table to show");
	return vm_new(VM_IRQCHIP);
}

/**
 * irt_message() - an entry that leads to a row of an IDT
 * @gsi: the request
 * @dest: APIC ID
 * @vector: the row
 *
 * Return: the entry.
 */
struct ospite_irt_entry irt_message(u32 gsi, u32 dest, u8 vector)
{
	struct ospite_irt_entry e = {
		.gsi = gsi, .kind = OSPITE_IRT_APIC, .dest = dest,
		.vector = vector,
	};

	return e;
}

/**
 * irt_set() - OSPITE_SET_IRT_ENTRY
 * @vm: the VM
 * @e: the entry
 *
 * Return: as the ioctl does.
 */
int irt_set(struct vm *vm, const struct ospite_irt_entry *e)
{
	return ioctl(vm->fd, OSPITE_SET_IRT_ENTRY, e);
}

/**
 * irt_get() - OSPITE_GET_IRT of the whole table in one piece
 * @vm: the VM
 * @entries: set to the entries, in static memory
 *
 * Return: how many.
 */
u32 irt_get(struct vm *vm, struct ospite_irt_entry **entries)
{
	static struct {
		struct ospite_irt head;
		struct ospite_irt_entry e[4096];
	} t;

	memset(&t.head, 0, sizeof(t.head));
	t.head.nr = ARRAY_LEN(t.e);
	MUST(ioctl(vm->fd, OSPITE_GET_IRT, &t));
	SAME(t.head.first, 4096);
	*entries = t.e;
	return t.head.nr;
}

/**
 * irt_find() - one entry of the table
 * @vm: the VM
 * @gsi: the request
 *
 * Return: the entry, of zeroes if it is not there.
 */
struct ospite_irt_entry irt_find(struct vm *vm, u32 gsi)
{
	struct ospite_irt_entry *e, none = { .gsi = gsi };
	u32 n = irt_get(vm, &e);

	for (; n; n--, e++)
		if (e->gsi == gsi)
			return *e;
	return none;
}
