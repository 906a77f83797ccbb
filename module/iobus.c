// SPDX-License-Identifier: GPL-2.0
/*
 * iobus.c - writes of the guest that become signals or are put aside: ioeventfd
 * (KVM_IOEVENTFD) and coalesced I/O (KVM_REGISTER_COALESCED_MMIO).
 *
 * A write to an address with an ioeventfd signals it, and the guest goes on; a
 * write into a zone goes into a ring that userspace empties when it next has
 * something to do.  Where both are registered, the one that came first takes
 * it, but an ioeventfd at a zone's very start goes before the zone: so KVM
 * sorts them.
 *
 * Owns struct osp_iobus, its entries, and the ring's page, which userspace may
 * scribble on at any time.  Lookups are under RCU, changes under vm->lock.
 */
#include <linux/eventfd.h>
#include <linux/hash.h>
#include <linux/mm.h>
#include <linux/rculist.h>
#include <linux/slab.h>

#include "ospite.h"

/* Bounds for what a lookup, with interrupts off, may have to go through. */
#define MAX_EVENTFDS	16384
#define MAX_ZONES	999	/* as many as KVM has */

/**
 * struct ioeventfd - an address whose writes signal an eventfd
 * @node:	in its bucket
 * @number:	of the registration
 * @addr:	the only address
 * @datamatch:	the only value, if @match
 * @length:	the only length in bytes; 0: any
 * @port:	an I/O port
 * @match:	see there
 * @ctx:	what is signalled
 */
struct ioeventfd {
	struct hlist_node node;
	u64 number;
	u64 addr;
	u64 datamatch;
	u32 length;
	bool port;
	bool match;
	struct eventfd_ctx *ctx;
};

/**
 * struct io_zone - addresses whose writes go into the ring
 * @link:	in osp_iobus.zones
 * @number:	of the registration
 * @addr:	where it begins
 * @size:	in bytes
 * @port:	of I/O ports
 * @gone:	once removed: the next of those removed with it
 */
struct io_zone {
	struct list_head link;
	u64 number;
	u64 addr;
	u32 size;
	bool port;
	struct io_zone *gone;
};

static struct hlist_head *bucket(struct osp_iobus *bus, u64 addr)
{
	return &bus->eventfds[hash_64(addr, ilog2(OSP_IOEVENTFD_BUCKETS))];
}

/* ---- a write ---- */

static bool matches(const struct ioeventfd *e, bool port, u64 addr, u32 len,
		    u64 value)
{
	if (e->addr != addr || e->port != port)
		return false;
	if (!e->length)
		return true;
	return e->length == len && (!e->match || e->datamatch == value);
}

static struct ioeventfd *find_eventfd(struct osp_iobus *bus, bool port,
				      u64 addr, u32 len, const void *data)
{
	struct ioeventfd *e;
	u64 value = 0;

	memcpy(&value, data, min_t(u32, len, sizeof(value)));
	hlist_for_each_entry_rcu(e, bucket(bus, addr), node)
		if (matches(e, port, addr, len, value))
			return e;
	return NULL;
}

/* Is all of the access in the zone? */
static bool contains(const struct io_zone *z, u64 addr, u32 len)
{
	return addr >= z->addr && addr - z->addr <= z->size &&
	       len <= z->size - (addr - z->addr);
}

static struct io_zone *find_zone(struct osp_iobus *bus, bool port, u64 addr,
			      u32 len)
{
	struct io_zone *z;

	list_for_each_entry_rcu(z, &bus->zones, link)
		if (z->port == port && contains(z, addr, len))
			return z;
	return NULL;
}

/*
 * The kernel's contract: last is the next free slot, first the oldest one that
 * is used, equal when empty; one slot always stays free.
 */
static bool put_into_ring(struct osp_iobus *bus, bool port, u64 addr, u32 len,
			  const void *data)
{
	struct kvm_coalesced_mmio_ring *ring = bus->ring;
	struct kvm_coalesced_mmio *slot;
	u32 last, next;
	bool room;

	spin_lock(&bus->ring_lock);
	last = READ_ONCE(ring->last);
	next = (last + 1) % KVM_COALESCED_MMIO_MAX;
	room = last < KVM_COALESCED_MMIO_MAX && next != READ_ONCE(ring->first);
	if (room) {
		last = array_index_nospec(last, KVM_COALESCED_MMIO_MAX);
		slot = &ring->coalesced_mmio[last];
		slot->phys_addr = addr;
		slot->len = len;
		slot->pio = port;
		memcpy(slot->data, data, min_t(u32, len, sizeof(slot->data)));
		/* The slot before its number. */
		smp_store_release(&ring->last, next);
	}
	spin_unlock(&bus->ring_lock);
	return room;
}

/* Under RCU, or with interrupts off, which is as good. */
static __always_inline bool
take_write(struct osp_iobus *bus, bool port, u64 addr, u32 len,
	   const void *data, struct osp_iobus_hint *hint)
{
	/*
	 * Before the look-up: what changes after this makes the hint stale.
	 * Pairs with changed().
	 */
	u64 gen = smp_load_acquire(&bus->gen);
	struct ioeventfd *e = find_eventfd(bus, port, addr, len, data);
	struct io_zone *z = READ_ONCE(bus->nr_zones) ?
			    find_zone(bus, port, addr, len) : NULL;

	if (e && z && z->number < e->number &&
	    (!e->length || z->addr != e->addr) &&
	    put_into_ring(bus, port, addr, len, data))
		return true;
	if (!e)
		return z && put_into_ring(bus, port, addr, len, data);
	if (hint && !z)
		*hint = (struct osp_iobus_hint){ .gen = gen, .event = e };
	osp_host_eventfd_signal(e->ctx);
	return true;
}

/**
 * osp_iobus_find() - the part of osp_iobus_write() that looks
 * @bus: the VM's
 * @port: to an I/O port, else to memory
 * @addr: the port, or the guest-physical address
 * @len: 1 to 8 bytes
 * @data: what is written
 *
 * Context: the vCPU's thread; interrupts may be off.
 * Return: true if that was all; false if userspace has to see the write.
 */
bool osp_iobus_find(struct osp_iobus *bus, bool port, u64 addr, u32 len,
		    const void *data)
{
	bool done;

	rcu_read_lock();
	done = take_write(bus, port, addr, len, data, NULL);
	rcu_read_unlock();
	return done;
}

/**
 * osp_iobus_write_again() - a write to memory by who has written before
 * @bus: the VM's
 * @addr: the guest-physical address
 * @len: 1 to 8 bytes
 * @value: what is written, zero-extended
 * @hint: his own; of zeroes at first
 *
 * Context: the vCPU's thread; interrupts off, which keeps what is removed from
 * being freed (deassign()).
 * Return: as osp_iobus_write().
 */
bool osp_iobus_write_again(struct osp_iobus *bus, u64 addr, u32 len, u64 value,
			   struct osp_iobus_hint *hint)
{
	const struct ioeventfd *e = hint->event;

	if (likely(hint->gen == READ_ONCE(bus->gen) && e &&
		   matches(e, false, addr, len, value))) {
		osp_host_eventfd_signal(e->ctx);
		return true;
	}
	return READ_ONCE(bus->used[false]) &&
	       take_write(bus, false, addr, len, &value, hint);
}

/* ---- KVM_IOEVENTFD ---- */

static bool collides(const struct ioeventfd *a, const struct ioeventfd *b)
{
	if (a->port != b->port || a->addr != b->addr)
		return false;
	if (!a->length || !b->length)
		return true;
	return a->length == b->length &&
	       (!a->match || !b->match || a->datamatch == b->datamatch);
}

/* vm->lock is held.  After a removal, and before who may use it is waited for. */
static void changed(struct osp_iobus *bus)
{
	/* The change before its number; pairs with take_write(). */
	smp_store_release(&bus->gen, bus->gen + 1);
}

static void count(struct osp_iobus *bus, const struct ioeventfd *e, int n)
{
	bus->nr_eventfds += n;
	WRITE_ONCE(bus->used[e->port], bus->used[e->port] + n);
	changed(bus);
}

/* vm->lock is held. */
static int add_eventfd(struct osp_iobus *bus, struct ioeventfd *new)
{
	struct ioeventfd *e;

	if (bus->nr_eventfds >= MAX_EVENTFDS)
		return -ENOSPC;
	hlist_for_each_entry(e, bucket(bus, new->addr), node)
		if (collides(e, new))
			return -EEXIST;
	new->number = bus->next++;
	hlist_add_head_rcu(&new->node, bucket(bus, new->addr));
	count(bus, new, 1);
	return 0;
}

static int assign(struct osp_vm *vm, const struct kvm_ioeventfd *args,
		  struct eventfd_ctx *ctx)
{
	struct ioeventfd *e = kzalloc(sizeof(*e), GFP_KERNEL_ACCOUNT);
	int ret;

	if (!e)
		return -ENOMEM;
	e->addr = args->addr;
	e->length = args->len;
	e->port = args->flags & KVM_IOEVENTFD_FLAG_PIO;
	e->match = args->flags & KVM_IOEVENTFD_FLAG_DATAMATCH;
	e->datamatch = args->datamatch;
	e->ctx = ctx;
	mutex_lock(&vm->lock);
	ret = add_eventfd(&vm->iobus, e);
	mutex_unlock(&vm->lock);
	if (ret)
		kfree(e);
	return ret;
}

static bool is_meant(const struct ioeventfd *e, const struct kvm_ioeventfd *args,
		     const struct eventfd_ctx *ctx)
{
	return e->ctx == ctx && e->addr == args->addr &&
	       e->length == args->len &&
	       e->port == !!(args->flags & KVM_IOEVENTFD_FLAG_PIO) &&
	       e->match == !!(args->flags & KVM_IOEVENTFD_FLAG_DATAMATCH) &&
	       (!e->match || e->datamatch == args->datamatch);
}

static int deassign(struct osp_vm *vm, const struct kvm_ioeventfd *args,
		    const struct eventfd_ctx *ctx)
{
	struct ioeventfd *e, *found = NULL;

	mutex_lock(&vm->lock);
	hlist_for_each_entry(e, bucket(&vm->iobus, args->addr), node)
		if (is_meant(e, args, ctx))
			found = e;
	if (found) {
		hlist_del_rcu(&found->node);
		count(&vm->iobus, found, -1);
	}
	mutex_unlock(&vm->lock);
	if (!found)
		return -ENOENT;
	/* From here on no write signals it any more. */
	synchronize_rcu_expedited();
	eventfd_ctx_put(found->ctx);
	kfree(found);
	return 0;
}

static int check_eventfd(const struct kvm_ioeventfd *args)
{
	const u32 known = KVM_IOEVENTFD_FLAG_DATAMATCH |
			  KVM_IOEVENTFD_FLAG_PIO | KVM_IOEVENTFD_FLAG_DEASSIGN;

	if (args->len > 8 || (args->len & (args->len - 1)))
		return -EINVAL;
	if (args->addr + args->len < args->addr)
		return -EINVAL;
	if ((args->flags & ~known) ||
	    memchr_inv(args->pad, 0, sizeof(args->pad)))
		return -EINVAL;
	if (!args->len && (args->flags & KVM_IOEVENTFD_FLAG_DATAMATCH))
		return -EINVAL;
	return 0;
}

/**
 * osp_ioeventfd() - the body of KVM_IOEVENTFD
 * @vm: the VM
 * @args: a kernel copy
 *
 * When a deassignment returns, no write signals that eventfd any more.
 *
 * Context: process context, may sleep.
 * Return: 0; -EINVAL for a length other than 0, 1, 2, 4, 8, a range that wraps,
 * unknown flags, reserved fields, datamatch without a length, or a descriptor
 * that is no eventfd; -EBADF; -EEXIST where one write would match two; -ENOENT
 * for what is not assigned; -ENOSPC, -ENOMEM.
 */
int osp_ioeventfd(struct osp_vm *vm, const struct kvm_ioeventfd *args)
{
	bool remove = args->flags & KVM_IOEVENTFD_FLAG_DEASSIGN;
	struct eventfd_ctx *ctx;
	int ret = remove ? 0 : check_eventfd(args);

	if (ret)
		return ret;
	ctx = eventfd_ctx_fdget(args->fd);
	if (IS_ERR(ctx))
		return PTR_ERR(ctx);
	ret = remove ? deassign(vm, args, ctx) : assign(vm, args, ctx);
	if (remove || ret)
		eventfd_ctx_put(ctx);
	return ret;
}

/* ---- coalesced I/O ---- */

/**
 * osp_iobus_ring_page() - the ring, which is made when it is first asked for
 * @bus: the VM's
 *
 * Context: process context, may sleep.
 * Return: its page, or NULL if there is no memory.
 */
struct page *osp_iobus_ring_page(struct osp_iobus *bus)
{
	if (!READ_ONCE(bus->ring)) {
		void *ring = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);

		if (ring && cmpxchg(&bus->ring, NULL, ring))
			free_page((unsigned long)ring);
	}
	return bus->ring ? virt_to_page(bus->ring) : NULL;
}

/**
 * osp_coalesce() - the body of KVM_REGISTER_COALESCED_MMIO
 * @vm: the VM
 * @zone: a kernel copy; pio is 0 or 1
 *
 * Context: process context, may sleep.
 * Return: 0, -EINVAL, -ENOSPC for too many, -ENOMEM.
 */
int osp_coalesce(struct osp_vm *vm, const struct kvm_coalesced_mmio_zone *zone)
{
	struct osp_iobus *bus = &vm->iobus;
	struct io_zone *z;

	if (zone->pio > 1)
		return -EINVAL;
	z = kzalloc(sizeof(*z), GFP_KERNEL_ACCOUNT);
	if (!z || !osp_iobus_ring_page(bus)) {
		kfree(z);
		return -ENOMEM;
	}
	z->addr = zone->addr;
	z->size = zone->size;
	z->port = zone->pio;
	mutex_lock(&vm->lock);
	if (bus->nr_zones >= MAX_ZONES) {
		mutex_unlock(&vm->lock);
		kfree(z);
		return -ENOSPC;
	}
	z->number = bus->next++;
	list_add_tail_rcu(&z->link, &bus->zones);
	WRITE_ONCE(bus->nr_zones, bus->nr_zones + 1);
	WRITE_ONCE(bus->used[z->port], bus->used[z->port] + 1);
	changed(bus);
	mutex_unlock(&vm->lock);
	return 0;
}

/**
 * osp_uncoalesce() - the body of KVM_UNREGISTER_COALESCED_MMIO
 * @vm: the VM
 * @zone: a kernel copy; all zones that contain it are removed
 *
 * When this returns nothing goes into the ring because of them.
 *
 * Context: process context, may sleep.
 * Return: 0, also if there was none; -EINVAL.
 */
int osp_uncoalesce(struct osp_vm *vm,
		   const struct kvm_coalesced_mmio_zone *zone)
{
	struct osp_iobus *bus = &vm->iobus;
	struct io_zone *z, *next, *gone = NULL;

	if (zone->pio > 1)
		return -EINVAL;
	mutex_lock(&vm->lock);
	list_for_each_entry_safe(z, next, &bus->zones, link) {
		if (z->port != zone->pio || !contains(z, zone->addr, zone->size))
			continue;
		list_del_rcu(&z->link);
		WRITE_ONCE(bus->nr_zones, bus->nr_zones - 1);
		WRITE_ONCE(bus->used[z->port], bus->used[z->port] - 1);
		z->gone = gone;
		gone = z;
	}
	changed(bus);
	mutex_unlock(&vm->lock);
	/* Readers may be on their way through: they follow the links till then. */
	if (gone)
		synchronize_rcu_expedited();
	for (z = gone; z; z = next) {
		next = z->gone;
		kfree(z);
	}
	return 0;
}

/* ---- life ---- */

/**
 * osp_iobus_init() - prepare
 * @bus: of zeroes
 */
void osp_iobus_init(struct osp_iobus *bus)
{
	INIT_LIST_HEAD(&bus->zones);
	bus->gen = 1;
	spin_lock_init(&bus->ring_lock);
}

/**
 * osp_iobus_copy() - give a VM the zones of another, and what waits in its ring
 * @to: new and empty
 * @from: its VM's lock is held, its vCPUs don't run
 *
 * ioeventfds stay behind: the eventfds are somebody else's.
 *
 * Context: process context, may sleep.
 * Return: 0, or -ENOMEM with some of them copied.
 */
int osp_iobus_copy(struct osp_iobus *to, struct osp_iobus *from)
{
	struct io_zone *z, *copy;

	/* Zones that are no more may have left something in the ring. */
	if (READ_ONCE(from->ring)) {
		if (!osp_iobus_ring_page(to))
			return -ENOMEM;
		copy_page(to->ring, from->ring);
	}
	to->next = from->next;
	list_for_each_entry(z, &from->zones, link) {
		copy = kmemdup(z, sizeof(*z), GFP_KERNEL_ACCOUNT);
		if (!copy)
			return -ENOMEM;
		list_add_tail_rcu(&copy->link, &to->zones);
		to->nr_zones++;
		to->used[z->port]++;
	}
	return 0;
}

/**
 * osp_iobus_destroy() - free all that is registered, and the ring
 * @bus: of a VM that no vCPU runs of any more
 */
void osp_iobus_destroy(struct osp_iobus *bus)
{
	struct hlist_node *after;
	struct io_zone *z, *next;
	struct ioeventfd *e;
	int i;

	for (i = 0; i < OSP_IOEVENTFD_BUCKETS; i++) {
		hlist_for_each_entry_safe(e, after, &bus->eventfds[i], node) {
			eventfd_ctx_put(e->ctx);
			kfree(e);
		}
	}
	list_for_each_entry_safe(z, next, &bus->zones, link)
		kfree(z);
	free_page((unsigned long)bus->ring);
}
