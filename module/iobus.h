/* SPDX-License-Identifier: GPL-2.0 */
/*
 * iobus.h - writes of the guest that become signals or are put aside: ioeventfd
 * and coalesced I/O.
 *
 * Owns struct osp_iobus, a part of the VM.  What is registered is looked up
 * under RCU by the vCPUs, and changed under the VM's mutex.
 */
#ifndef OSP_IOBUS_H
#define OSP_IOBUS_H

#include <linux/kvm.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>

struct ioeventfd;
struct osp_vm;
struct page;

#define OSP_IOEVENTFD_BUCKETS	64

/**
 * struct osp_iobus - what is registered
 * @eventfds:	ioeventfds by address
 * @zones:	where writes are coalesced
 * @nr_eventfds: how many
 * @nr_zones:	how many
 * @used:	how many of both there are for memory (0) and for ports (1)
 * @next:	number of the next registration
 * @gen:	counts changes, from 1
 * @ring_lock:	serializes the writers of the ring: vCPUs' threads, any context
 *		of theirs
 * @ring:	the ring that vCPU fds map, or NULL; set once
 */
struct osp_iobus {
	struct hlist_head eventfds[OSP_IOEVENTFD_BUCKETS];
	struct list_head zones;
	unsigned int nr_eventfds;
	unsigned int nr_zones;
	unsigned int used[2];
	u64 next;
	u64 gen;
	spinlock_t ring_lock;
	struct kvm_coalesced_mmio_ring *ring;
};

/**
 * struct osp_iobus_hint - what a writer has found the last time
 * @gen:	osp_iobus.gen then; 0: nothing
 * @event:	the ioeventfd that took the write
 */
struct osp_iobus_hint {
	u64 gen;
	const struct ioeventfd *event;
};

void osp_iobus_init(struct osp_iobus *bus);
int osp_iobus_copy(struct osp_iobus *to, struct osp_iobus *from);
void osp_iobus_destroy(struct osp_iobus *bus);
int osp_ioeventfd(struct osp_vm *vm, const struct kvm_ioeventfd *args);
int osp_coalesce(struct osp_vm *vm, const struct kvm_coalesced_mmio_zone *zone);
int osp_uncoalesce(struct osp_vm *vm,
		   const struct kvm_coalesced_mmio_zone *zone);
struct page *osp_iobus_ring_page(struct osp_iobus *bus);

bool osp_iobus_write_again(struct osp_iobus *bus, u64 addr, u32 len, u64 value,
			   struct osp_iobus_hint *hint);
bool osp_iobus_find(struct osp_iobus *bus, bool port, u64 addr, u32 len,
		    const void *data);

/**
 * osp_iobus_write() - a write that no controller in the kernel has taken
 * @bus: the VM's
 * @port: to an I/O port, else to memory
 * @addr: the port, or the guest-physical address
 * @len: 1 to 8 bytes
 * @data: what is written
 *
 * Context: the vCPU's thread; interrupts may be off.
 * Return: true if that was all; false if userspace has to see the write.
 */
static __always_inline bool osp_iobus_write(struct osp_iobus *bus, bool port,
					    u64 addr, u32 len,
					    const void *data)
{
	return READ_ONCE(bus->used[port]) &&
	       osp_iobus_find(bus, port, addr, len, data);
}

#endif /* OSP_IOBUS_H */
