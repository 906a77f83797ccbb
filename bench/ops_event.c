// SPDX-License-Identifier: GPL-2.0
/*
 * ops_event.c - eventfds: what a guest's kick costs, and an interrupt by irqfd.
 *
 * A kick is a write of the guest to an address with an ioeventfd.  Nobody waits
 * for the eventfd, so a figure is that of the exit and the signal alone.  For an
 * interrupt the same eventfd is an irqfd: the guest's write signals it, and the
 * signal interrupts the guest.  Host's and guest's part are thus on one CPU and
 * timed by the guest, as everything else.
 */
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "bench.h"
#include "guest.h"
#include "vm.h"

#define GSI	24

static int add_ioeventfd(struct vm *vm, int fd, uint64_t addr, uint32_t len,
			 uint32_t flags)
{
	struct kvm_ioeventfd kick = {
		.fd = fd, .addr = addr, .len = len, .flags = flags,
	};

	if (ioctl(vm->fd, KVM_IOEVENTFD, &kick) < 0)
		return failed("KVM_IOEVENTFD");
	return 0;
}

/* From now on @fd is the timer's vector. */
static int add_irqfd(struct vm *vm, int fd)
{
	struct kvm_irqfd irqfd = { .fd = fd, .gsi = GSI };
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry entry;
	} table = {
		.head.nr = 1,
		.entry = {
			.gsi = GSI, .type = KVM_IRQ_ROUTING_MSI,
			.u.msi = { .address_lo = 0xfee00000,
				   .data = GUEST_TIMER_VECTOR },
		},
	};

	if (ioctl(vm->fd, KVM_SET_GSI_ROUTING, &table) < 0)
		return failed("KVM_SET_GSI_ROUTING");
	if (ioctl(vm->fd, KVM_IRQFD, &irqfd) < 0)
		return failed("KVM_IRQFD");
	return 0;
}

/* @row's program with an ioeventfd, which is an irqfd too if @irq. */
static int measure(const struct bench *bench, const struct row *row,
		   struct samples *samples, uint64_t addr, uint32_t len,
		   uint32_t flags, int irq)
{
	int fd = eventfd(0, EFD_CLOEXEC);
	struct vm vm;
	int ret;

	if (fd < 0)
		return failed("eventfd");
	ret = vm_open(&vm, bench->dev, NULL);
	if (!ret)
		ret = add_ioeventfd(&vm, fd, addr, len, flags);
	if (!ret && irq)
		ret = add_irqfd(&vm, fd);
	if (!ret)
		ret = measure_in(bench, &vm, row, samples);
	vm_close(&vm);
	close(fd);
	return ret;
}

/* OUT of a byte. */
int measure_kick_port(const struct bench *bench, const struct row *row,
		      struct samples *samples)
{
	return measure(bench, row, samples, PORT_KICK, 1,
		       KVM_IOEVENTFD_FLAG_PIO, 0);
}

/* A write of four bytes to memory, no other length. */
int measure_kick_memory(const struct bench *bench, const struct row *row,
			struct samples *samples)
{
	return measure(bench, row, samples, GUEST_MMIO, 4, 0, 0);
}

/* A write to memory, whatever its length. */
int measure_kick_any(const struct bench *bench, const struct row *row,
		     struct samples *samples)
{
	return measure(bench, row, samples, GUEST_MMIO, 0, 0, 0);
}

/* A kick by OUT that comes back as an interrupt. */
int measure_irqfd(const struct bench *bench, const struct row *row,
		  struct samples *samples)
{
	return measure(bench, row, samples, PORT_KICK, 1,
		       KVM_IOEVENTFD_FLAG_PIO, 1);
}
