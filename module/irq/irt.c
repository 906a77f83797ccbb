// SPDX-License-Identifier: GPL-2.0
/*
 * irt.c - the Interrupt Remapping Table: from a request's number to an
 * interrupt.
 *
 * Owns the table of a VM and the format of its routes.  Requests are looked
 * up under RCU, in any context, without a lock; see irt.h for writers.
 */
#include "irt.h"

#ifdef __KERNEL__
#include "../trace.h"
#define osp_irt_traced()	trace_ospite_irq_enabled()
#else
#define osp_irt_traced()	true
#endif

/*
 * A route in 64 bits, so that one store changes it:
 *   3:0   kind
 *   pins:     8:4, 13:9, 18:14  pin + 1 of PIC master, PIC slave, I/O APIC
 *   message: 11:4 vector, 14:12 mode, 15 logical, 16 level, 17 lowest hint,
 *            18 made of an MSI, 19 whose address_hi had bits 7:0 set,
 *            63:32 destination
 *   eventfd: 63:4 the target's address, which is aligned
 */
#define OSP_ROUTE_KIND		GENMASK_ULL(3, 0)
#define OSP_ROUTE_PIN_SHIFT(c)	(4 + 5 * (c))
#define OSP_ROUTE_PIN_MASK	0x1fULL
#define OSP_ROUTE_VECTOR_SHIFT	4
#define OSP_ROUTE_MODE_SHIFT	12
#define OSP_ROUTE_LOGICAL	BIT_ULL(15)
#define OSP_ROUTE_LEVEL		BIT_ULL(16)
#define OSP_ROUTE_LOWEST	BIT_ULL(17)
#define OSP_ROUTE_MSI		BIT_ULL(18)
#define OSP_ROUTE_MSI_ODD	BIT_ULL(19)
#define OSP_ROUTE_DEST_SHIFT	32

/* ---- routes ---- */

u64 osp_irt_route_pins(const s8 pins[KVM_NR_IRQCHIPS])
{
	u64 route = OSP_IRT_PINS;
	u32 chip;

	for (chip = 0; chip < KVM_NR_IRQCHIPS; chip++)
		route |= (u64)(pins[chip] + 1) << OSP_ROUTE_PIN_SHIFT(chip);
	return route;
}

static int osp_irt_route_pin(u64 route, u32 chip)
{
	return (int)(route >> OSP_ROUTE_PIN_SHIFT(chip) & OSP_ROUTE_PIN_MASK) - 1;
}

u64 osp_irt_route_apic(const struct osp_apic_msg *msg)
{
	return OSP_IRT_APIC |
	       (u64)msg->vector << OSP_ROUTE_VECTOR_SHIFT |
	       (u64)(msg->mode & 7) << OSP_ROUTE_MODE_SHIFT |
	       (msg->logical ? OSP_ROUTE_LOGICAL : 0) |
	       (msg->level ? OSP_ROUTE_LEVEL : 0) |
	       (msg->lowest_hint ? OSP_ROUTE_LOWEST : 0) |
	       (u64)msg->dest << OSP_ROUTE_DEST_SHIFT;
}

/*
 * A message that was an MSI keeps all of its destination: how much of it counts
 * is decided when it is sent, as KVM does.
 */
static u64 osp_irt_route_msi(u32 address_lo, u32 address_hi, u32 data)
{
	struct osp_apic_msg msg;

	osp_apic_msg_from_msi(&msg, address_lo, address_hi, data);
	return osp_irt_route_apic(&msg) | OSP_ROUTE_MSI |
	       (address_hi & 0xff ? OSP_ROUTE_MSI_ODD : 0);
}

/* With 32-bit IDs bits 7:0 of address_hi have to be zero. */
static bool osp_irt_route_invalid(const struct osp_irt *irt, u64 route)
{
	return READ_ONCE(irt->ids32) &&
	       (route & OSP_ROUTE_KIND) == OSP_IRT_APIC &&
	       (route & OSP_ROUTE_MSI_ODD);
}

static void osp_irt_route_msg(const struct osp_irt *irt, u64 route,
			      struct osp_apic_msg *msg)
{
	u32 ids = (route & OSP_ROUTE_MSI) && !READ_ONCE(irt->ids32) ? 0xff : ~0U;

	*msg = (struct osp_apic_msg) {
		.dest = (route >> OSP_ROUTE_DEST_SHIFT) & ids,
		.vector = route >> OSP_ROUTE_VECTOR_SHIFT,
		.mode = route >> OSP_ROUTE_MODE_SHIFT & 7,
		.logical = route & OSP_ROUTE_LOGICAL,
		.level = route & OSP_ROUTE_LEVEL,
		.lowest_hint = route & OSP_ROUTE_LOWEST,
		.assert = true,
	};
}

void osp_irt_route_decode(const struct osp_irt *irt, u64 route,
			  enum osp_irt_kind *kind, s8 pins[KVM_NR_IRQCHIPS],
			  struct osp_apic_msg *msg)
{
	u32 chip;

	*kind = route & OSP_ROUTE_KIND;
	for (chip = 0; chip < KVM_NR_IRQCHIPS; chip++)
		pins[chip] = *kind == OSP_IRT_PINS ?
			     osp_irt_route_pin(route, chip) : -1;
	osp_irt_route_msg(irt, *kind == OSP_IRT_APIC ? route : 0, msg);
}

/* ---- requests ---- */

struct osp_irt_entry *osp_irt_entry(const struct osp_irt_table *table,
				    u32 gsi)
{
	struct osp_irt_chunk *chunk;

	if (!table || gsi >= OSP_IRT_MAX)
		return NULL;
	gsi = array_index_nospec(gsi, OSP_IRT_MAX);
	chunk = READ_ONCE(table->chunk[gsi / OSP_IRT_CHUNK]);
	return chunk ? &chunk->entry[gsi % OSP_IRT_CHUNK] : NULL;
}

/* 0 from pins means coalesced; from APICs that none would take it. */
static void osp_irt_count(struct osp_irt_entry *e, u64 route, int r,
			  bool *coalesced)
{
	if (r == 0 && (route & OSP_ROUTE_KIND) == OSP_IRT_PINS)
		*coalesced = true;
	if (*coalesced)
		atomic64_inc(&e->coalesced);
	else if (r > 0)
		atomic64_inc(&e->delivered);
	else
		atomic64_inc(&e->dropped);
}

/* The sum of what the chips say, among those that are not masked. */
static int osp_irt_to_pins(struct osp_irt *irt, u64 route, u32 source,
			   bool level, bool line_status)
{
	int sum = -1, pin, r;
	u32 chip;

	for (chip = 0; chip < KVM_NR_IRQCHIPS; chip++) {
		pin = osp_irt_route_pin(route, chip);
		if (pin < 0)
			continue;
		r = irt->ops->pin(irt->ctx, chip, pin, source, level,
				  line_status);
		if (r >= 0)
			sum = r + max(sum, 0);
	}
	return sum;
}

static int osp_irt_send(struct osp_irt *irt, u64 route, u32 source,
			bool level, bool line_status, bool *coalesced)
{
	struct osp_apic_msg msg;

	switch (route & OSP_ROUTE_KIND) {
	case OSP_IRT_PINS:
		return osp_irt_to_pins(irt, route, source, level, line_status);
	case OSP_IRT_APIC:
		/* A message is an edge: only its rise counts. */
		if (!level || osp_irt_route_invalid(irt, route))
			return -1;
		osp_irt_route_msg(irt, route, &msg);
		return irt->ops->apic(irt->ctx, &msg, coalesced);
	case OSP_IRT_EVENTFD:
		if (!level)
			return -1;
		irt->ops->eventfd(irt->ctx, osp_irt_route_target(route));
		return 1;
	default:
		return -1;
	}
}

/* The route is read once: with all of one request, the fall of a pulse too. */
static int osp_irt_request(struct osp_irt *irt, u32 gsi, u32 source,
			   bool level, bool line_status, bool pulse)
{
	struct osp_irt_entry *e;
	bool coalesced = false;
	int r = -1;
	u64 route;

	rcu_read_lock();
	e = osp_irt_entry(rcu_dereference(irt->table), gsi);
	if (!e)
		goto out;
	route = READ_ONCE(e->route);
	if (!route)
		goto out;
	r = osp_irt_send(irt, route, source, level, line_status, &coalesced);
	if (level)
		osp_irt_count(e, route, r, &coalesced);
	if (pulse && (route & OSP_ROUTE_KIND) == OSP_IRT_PINS)
		osp_irt_to_pins(irt, route, source, false, false);
	if (level && unlikely(osp_irt_traced()))
		irt->ops->trace(irt->ctx, gsi, route, r, coalesced);
out:
	rcu_read_unlock();
	return r;
}

int osp_irt_raise(struct osp_irt *irt, u32 gsi, u32 source, bool level,
		  bool line_status)
{
	return osp_irt_request(irt, gsi, source, level, line_status, false);
}

int osp_irt_pulse(struct osp_irt *irt, u32 gsi, u32 source)
{
	return osp_irt_request(irt, gsi, source, true, false, true);
}

int osp_irt_msi(struct osp_irt *irt, u32 address_lo, u32 address_hi, u32 data)
{
	u64 route = osp_irt_route_msi(address_lo, address_hi, data);
	struct osp_apic_msg msg;
	bool coalesced = false;
	int r;

	if (osp_irt_route_invalid(irt, route))
		return -EINVAL;
	osp_irt_route_msg(irt, route, &msg);
	r = irt->ops->apic(irt->ctx, &msg, &coalesced);
	if (unlikely(osp_irt_traced()))
		irt->ops->trace(irt->ctx, -1, route, r, coalesced);
	return r;
}

int osp_irt_pin_gsi(struct osp_irt *irt, u32 chip, u32 pin)
{
	struct osp_irt_table *table;
	int gsi = -1;

	rcu_read_lock();
	table = rcu_dereference(irt->table);
	if (table && chip < KVM_NR_IRQCHIPS && pin < KVM_IOAPIC_NUM_PINS)
		gsi = READ_ONCE(table->pin_gsi[chip][pin]);
	rcu_read_unlock();
	return gsi;
}

int osp_irt_gsi_pin(struct osp_irt *irt, u32 gsi, u32 chip)
{
	struct osp_irt_entry *e;
	u64 route = 0;

	rcu_read_lock();
	e = osp_irt_entry(rcu_dereference(irt->table), gsi);
	if (e)
		route = READ_ONCE(e->route);
	rcu_read_unlock();
	if ((route & OSP_ROUTE_KIND) != OSP_IRT_PINS)
		return -1;
	return osp_irt_route_pin(route, chip);
}

/* ---- making a table ---- */

/* The entry, in a chunk that is allocated if it isn't there; NULL: no memory. */
static struct osp_irt_entry *osp_irt_make(struct osp_irt_table *table, u32 gsi)
{
	struct osp_irt_chunk *chunk = table->chunk[gsi / OSP_IRT_CHUNK];

	if (!chunk) {
		chunk = osp_zalloc(sizeof(*chunk));
		if (!chunk)
			return NULL;
		smp_wmb();	/* its zeroes before its appearance */
		WRITE_ONCE(table->chunk[gsi / OSP_IRT_CHUNK], chunk);
	}
	return &chunk->entry[gsi % OSP_IRT_CHUNK];
}

/* The first entry that is allocated, from @gsi on, which is set to its number. */
static struct osp_irt_entry *osp_irt_next(const struct osp_irt_table *table,
					  u32 *gsi)
{
	struct osp_irt_entry *e = NULL;

	while (*gsi < OSP_IRT_MAX) {
		e = osp_irt_entry(table, *gsi);
		if (e)
			break;
		*gsi = (*gsi | (OSP_IRT_CHUNK - 1)) + 1;
	}
	return e;
}

/* Another request whose entry names a pin, or -1. */
static int osp_irt_find_pin(const struct osp_irt_table *table, u32 chip,
			    u32 pin)
{
	struct osp_irt_entry *e;
	u32 gsi;

	for (gsi = 0; (e = osp_irt_next(table, &gsi)); gsi++)
		if ((e->route & OSP_ROUTE_KIND) == OSP_IRT_PINS &&
		    osp_irt_route_pin(e->route, chip) == (int)pin)
			return gsi;
	return -1;
}

/* The entry @gsi had the route @old: its pins are somebody else's now. */
static void osp_irt_forget_pins(struct osp_irt_table *table, u32 gsi, u64 old)
{
	u32 chip;
	int pin;

	if ((old & OSP_ROUTE_KIND) != OSP_IRT_PINS)
		return;
	for (chip = 0; chip < KVM_NR_IRQCHIPS; chip++) {
		pin = osp_irt_route_pin(old, chip);
		if (pin >= 0 && table->pin_gsi[chip][pin] == (s16)gsi)
			WRITE_ONCE(table->pin_gsi[chip][pin],
				   osp_irt_find_pin(table, chip, pin));
	}
}

static void osp_irt_name_pins(struct osp_irt_table *table, u32 gsi, u64 route)
{
	u32 chip;
	int pin;

	if ((route & OSP_ROUTE_KIND) != OSP_IRT_PINS)
		return;
	for (chip = 0; chip < KVM_NR_IRQCHIPS; chip++) {
		pin = osp_irt_route_pin(route, chip);
		if (pin >= 0)
			WRITE_ONCE(table->pin_gsi[chip][pin], gsi);
	}
}

static int osp_irt_add_pin(struct osp_irt *irt, struct osp_irt_table *table,
			   struct osp_irt_entry *row,
			   const struct kvm_irq_routing_entry *e)
{
	u32 chip = e->u.irqchip.irqchip, pin = e->u.irqchip.pin;
	s8 pins[KVM_NR_IRQCHIPS] = { -1, -1, -1 };
	struct osp_apic_msg msg;
	enum osp_irt_kind kind;

	if (!irt->pins || chip >= KVM_NR_IRQCHIPS)
		return -EINVAL;
	if (pin >= (chip == KVM_IRQCHIP_IOAPIC ? KVM_IOAPIC_NUM_PINS : 8))
		return -EINVAL;
	osp_irt_route_decode(irt, row->route, &kind, pins, &msg);
	if (kind != OSP_IRT_NONE && kind != OSP_IRT_PINS)
		return -EINVAL;
	if (pins[chip] >= 0)
		return -EINVAL;
	pins[chip] = pin;
	row->route = osp_irt_route_pins(pins);
	table->pin_gsi[chip][pin] = e->gsi;
	return 0;
}

static int osp_irt_add_msi(const struct osp_irt *irt, struct osp_irt_entry *row,
			   const struct kvm_irq_routing_entry *e)
{
	if (row->route)
		return -EINVAL;
	row->route = osp_irt_route_msi(e->u.msi.address_lo, e->u.msi.address_hi,
				       e->u.msi.data);
	return osp_irt_route_invalid(irt, row->route) ? -EINVAL : 0;
}

static int osp_irt_add(struct osp_irt *irt, struct osp_irt_table *table,
		       const struct kvm_irq_routing_entry *e)
{
	struct osp_irt_entry *row;

	if (e->gsi >= OSP_IRT_MAX)
		return -EINVAL;
	row = osp_irt_make(table, e->gsi);
	if (!row)
		return -ENOMEM;
	switch (e->type) {
	case KVM_IRQ_ROUTING_IRQCHIP:
		return e->flags ? -EINVAL :
				  osp_irt_add_pin(irt, table, row, e);
	case KVM_IRQ_ROUTING_MSI:
		if (e->flags & ~KVM_MSI_VALID_DEVID)
			return -EINVAL;
		return osp_irt_add_msi(irt, row, e);
	default:
		return -EINVAL;
	}
}

static struct osp_irt_table *osp_irt_alloc(void)
{
	struct osp_irt_table *table = osp_zalloc(sizeof(*table));
	u32 chip, pin;

	if (!table)
		return NULL;
	for (chip = 0; chip < KVM_NR_IRQCHIPS; chip++)
		for (pin = 0; pin < KVM_IOAPIC_NUM_PINS; pin++)
			table->pin_gsi[chip][pin] = -1;
	return table;
}

static void osp_irt_free(struct osp_irt *irt, struct osp_irt_table *table)
{
	struct osp_irt_entry *e;
	void *target;
	u32 gsi, i;

	for (gsi = 0; (e = osp_irt_next(table, &gsi)); gsi++) {
		target = osp_irt_route_target(e->route);
		if (target)
			irt->ops->release(irt->ctx, target);
	}
	for (i = 0; i < ARRAY_SIZE(table->chunk); i++)
		osp_free(table->chunk[i]);
	osp_free(table);
}

int osp_irt_set(struct osp_irt *irt, const struct kvm_irq_routing_entry *e,
		u32 nr, struct osp_irt_table **old)
{
	struct osp_irt_table *table = osp_irt_alloc();
	int ret;
	u32 i;

	if (!table)
		return -ENOMEM;
	for (i = 0; i < nr; i++) {
		ret = osp_irt_add(irt, table, &e[i]);
		if (ret) {
			osp_irt_free(irt, table);
			return ret;
		}
	}
	*old = rcu_dereference_protected(irt->table, 1);
	rcu_assign_pointer(irt->table, table);
	return 0;
}

/* Counts of entries that are no more are kept while their chunk is there. */
void osp_irt_retire(struct osp_irt *irt, struct osp_irt_table *old)
{
	struct osp_irt_table *table = rcu_dereference_protected(irt->table, 1);
	struct osp_irt_entry *from, *to;
	u32 gsi;

	for (gsi = 0; (from = osp_irt_next(old, &gsi)); gsi++) {
		to = osp_irt_entry(table, gsi);
		if (!to)
			continue;
		atomic64_add(atomic64_read(&from->delivered), &to->delivered);
		atomic64_add(atomic64_read(&from->coalesced), &to->coalesced);
		atomic64_add(atomic64_read(&from->dropped), &to->dropped);
	}
	if (old)
		osp_irt_free(irt, old);
}

int osp_irt_set_entry(struct osp_irt *irt, u32 gsi, u64 route, u64 *old)
{
	struct osp_irt_table *table = rcu_dereference_protected(irt->table, 1);
	struct osp_irt_entry *e;

	if (gsi >= OSP_IRT_MAX)
		return -EINVAL;
	if (!table) {
		table = osp_irt_alloc();
		if (!table)
			return -ENOMEM;
		rcu_assign_pointer(irt->table, table);
	}
	e = osp_irt_make(table, array_index_nospec(gsi, OSP_IRT_MAX));
	if (!e)
		return -ENOMEM;
	*old = e->route;
	WRITE_ONCE(e->route, route);
	osp_irt_forget_pins(table, gsi, *old);
	osp_irt_name_pins(table, gsi, route);
	return 0;
}

/*
 * As KVM sets it: pin n for GSI n on both chips.  A machine whose firmware
 * tables send the timer to pin 2 sets its own table.
 */
int osp_irt_set_default(struct osp_irt *irt)
{
	u64 old;
	u32 gsi;

	for (gsi = 0; gsi < KVM_IOAPIC_NUM_PINS; gsi++) {
		s8 pins[KVM_NR_IRQCHIPS] = { -1, -1, gsi };

		if (gsi < 16)
			pins[gsi / 8] = gsi % 8;
		if (osp_irt_set_entry(irt, gsi, osp_irt_route_pins(pins), &old)) {
			osp_irt_destroy(irt);
			return -ENOMEM;
		}
	}
	return 0;
}

/* ---- copying a table ---- */

static struct osp_irt_chunk *
osp_irt_copy_chunk(const struct osp_irt_chunk *from)
{
	struct osp_irt_chunk *chunk = osp_zalloc(sizeof(*chunk));
	u64 route;
	u32 i;

	for (i = 0; chunk && i < OSP_IRT_CHUNK; i++) {
		route = from->entry[i].route;
		if ((route & OSP_ROUTE_KIND) == OSP_IRT_EVENTFD)
			route = OSP_IRT_BLOCKED;
		chunk->entry[i].route = route;
	}
	return chunk;
}

int osp_irt_copy(struct osp_irt *irt, const struct osp_irt *from)
{
	struct osp_irt_table *old = rcu_dereference_protected(from->table, 1);
	struct osp_irt_table *table;
	u32 i;

	if (!old)
		return 0;
	table = osp_zalloc(sizeof(*table));
	if (!table)
		return -ENOMEM;
	RCU_INIT_POINTER(irt->table, table);
	memcpy(table->pin_gsi, old->pin_gsi, sizeof(table->pin_gsi));
	for (i = 0; i < ARRAY_SIZE(table->chunk); i++) {
		if (!old->chunk[i])
			continue;
		table->chunk[i] = osp_irt_copy_chunk(old->chunk[i]);
		if (!table->chunk[i])
			return -ENOMEM;
	}
	return 0;
}

/* ---- life ---- */

void osp_irt_init(struct osp_irt *irt, const struct osp_irt_ops *ops,
		  void *ctx, bool pins)
{
	memset(irt, 0, sizeof(*irt));
	irt->ops = ops;
	irt->ctx = ctx;
	irt->pins = pins;
}

void osp_irt_destroy(struct osp_irt *irt)
{
	struct osp_irt_table *table = rcu_dereference_protected(irt->table, 1);

	if (table)
		osp_irt_free(irt, table);
	RCU_INIT_POINTER(irt->table, NULL);
}
