// SPDX-License-Identifier: GPL-2.0
/*
 * irt.c - the Interrupt Remapping Table: from a request's number to an
 * interrupt.
 *
 * Owns the table of a VM and the format of its routes.  Requests are looked
 * up under RCU, in any context, without a lock; see irt.h for writers.
 */
#include "irt.h"

/*
 * A route in 64 bits, so that one store changes it:
 *   3:0   kind
 *   pins:     8:4, 13:9, 18:14  pin + 1 of PIC master, PIC slave, I/O APIC
 *   message: 11:4 vector, 14:12 mode, 15 logical, 16 level, 17 lowest hint,
 *            63:32 destination
 */
#define OSP_ROUTE_KIND		GENMASK_ULL(3, 0)
#define OSP_ROUTE_PIN_SHIFT(c)	(4 + 5 * (c))
#define OSP_ROUTE_PIN_MASK	0x1fULL
#define OSP_ROUTE_VECTOR_SHIFT	4
#define OSP_ROUTE_MODE_SHIFT	12
#define OSP_ROUTE_LOGICAL	BIT_ULL(15)
#define OSP_ROUTE_LEVEL		BIT_ULL(16)
#define OSP_ROUTE_LOWEST	BIT_ULL(17)
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

static void osp_irt_route_msg(u64 route, struct osp_apic_msg *msg)
{
	*msg = (struct osp_apic_msg) {
		.dest = route >> OSP_ROUTE_DEST_SHIFT,
		.vector = route >> OSP_ROUTE_VECTOR_SHIFT,
		.mode = route >> OSP_ROUTE_MODE_SHIFT & 7,
		.logical = route & OSP_ROUTE_LOGICAL,
		.level = route & OSP_ROUTE_LEVEL,
		.lowest_hint = route & OSP_ROUTE_LOWEST,
		.assert = true,
	};
}

void osp_irt_route_decode(u64 route, enum osp_irt_kind *kind,
			  s8 pins[KVM_NR_IRQCHIPS], struct osp_apic_msg *msg)
{
	u32 chip;

	*kind = route & OSP_ROUTE_KIND;
	for (chip = 0; chip < KVM_NR_IRQCHIPS; chip++)
		pins[chip] = *kind == OSP_IRT_PINS ?
			     osp_irt_route_pin(route, chip) : -1;
	osp_irt_route_msg(*kind == OSP_IRT_APIC ? route : 0, msg);
}

/* ---- requests ---- */

/* 0 from pins means coalesced; from APICs that none would take it. */
static void osp_irt_count(struct osp_irt_entry *e, u64 route, int r,
			  bool coalesced)
{
	if (r == 0 && (route & OSP_ROUTE_KIND) == OSP_IRT_PINS)
		coalesced = true;
	if (coalesced)
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

static int osp_irt_entry_raise(struct osp_irt *irt, struct osp_irt_entry *e,
			       u32 source, bool level, bool line_status)
{
	u64 route = READ_ONCE(e->route);
	struct osp_apic_msg msg;
	bool coalesced = false;
	int r = -1;

	switch (route & OSP_ROUTE_KIND) {
	case OSP_IRT_PINS:
		r = osp_irt_to_pins(irt, route, source, level, line_status);
		break;
	case OSP_IRT_APIC:
		/* A message is an edge: only its rise counts. */
		if (!level)
			break;
		osp_irt_route_msg(route, &msg);
		r = irt->ops->apic(irt->ctx, &msg, &coalesced);
		break;
	case OSP_IRT_EVENTFD:
		if (level) {
			irt->ops->eventfd(irt->ctx, READ_ONCE(e->target));
			r = 1;
		}
		break;
	case OSP_IRT_BLOCKED:
		break;
	default:
		return -1;
	}
	if (level)
		osp_irt_count(e, route, r, coalesced);
	return r;
}

int osp_irt_raise(struct osp_irt *irt, u32 gsi, u32 source, bool level,
		  bool line_status)
{
	struct osp_irt_table *table;
	int r = -1;

	rcu_read_lock();
	table = rcu_dereference(irt->table);
	if (table && gsi < table->nr) {
		gsi = array_index_nospec(gsi, table->nr);
		r = osp_irt_entry_raise(irt, &table->entry[gsi], source, level,
					line_status);
	}
	rcu_read_unlock();
	return r;
}

int osp_irt_msi(struct osp_irt *irt, u32 address_lo, u32 address_hi, u32 data)
{
	struct osp_apic_msg msg;

	/* Without KVM_CAP_X2APIC_API the high half carries nothing. */
	(void)address_hi;
	osp_apic_msg_from_msi(&msg, address_lo, data);
	return irt->ops->apic(irt->ctx, &msg, NULL);
}

int osp_irt_pin_gsi(struct osp_irt *irt, u32 chip, u32 pin)
{
	struct osp_irt_table *table;
	int gsi = -1;

	rcu_read_lock();
	table = rcu_dereference(irt->table);
	if (table && chip < KVM_NR_IRQCHIPS && pin < KVM_IOAPIC_NUM_PINS)
		gsi = table->pin_gsi[chip][pin];
	rcu_read_unlock();
	return gsi;
}

int osp_irt_gsi_pin(struct osp_irt *irt, u32 gsi, u32 chip)
{
	struct osp_irt_table *table;
	u64 route = 0;

	rcu_read_lock();
	table = rcu_dereference(irt->table);
	if (table && gsi < table->nr)
		route = READ_ONCE(table->entry[gsi].route);
	rcu_read_unlock();
	if ((route & OSP_ROUTE_KIND) != OSP_IRT_PINS)
		return -1;
	return osp_irt_route_pin(route, chip);
}

/* ---- making a table ---- */

static int osp_irt_add_pin(struct osp_irt *irt, struct osp_irt_table *table,
			   const struct kvm_irq_routing_entry *e)
{
	u32 chip = e->u.irqchip.irqchip, pin = e->u.irqchip.pin;
	struct osp_irt_entry *row = &table->entry[e->gsi];
	s8 pins[KVM_NR_IRQCHIPS] = { -1, -1, -1 };
	struct osp_apic_msg msg;
	enum osp_irt_kind kind;

	if (!irt->pins || chip >= KVM_NR_IRQCHIPS)
		return -EINVAL;
	if (pin >= (chip == KVM_IRQCHIP_IOAPIC ? KVM_IOAPIC_NUM_PINS : 8))
		return -EINVAL;
	osp_irt_route_decode(row->route, &kind, pins, &msg);
	if (kind != OSP_IRT_NONE && kind != OSP_IRT_PINS)
		return -EINVAL;
	if (pins[chip] >= 0)
		return -EINVAL;
	pins[chip] = pin;
	row->route = osp_irt_route_pins(pins);
	table->pin_gsi[chip][pin] = e->gsi;
	return 0;
}

static int osp_irt_add_msi(struct osp_irt_table *table,
			   const struct kvm_irq_routing_entry *e)
{
	struct osp_irt_entry *row = &table->entry[e->gsi];
	struct osp_apic_msg msg;

	if (row->route)
		return -EINVAL;
	osp_apic_msg_from_msi(&msg, e->u.msi.address_lo, e->u.msi.data);
	row->route = osp_irt_route_apic(&msg);
	return 0;
}

static int osp_irt_add(struct osp_irt *irt, struct osp_irt_table *table,
		       const struct kvm_irq_routing_entry *e)
{
	switch (e->type) {
	case KVM_IRQ_ROUTING_IRQCHIP:
		return e->flags ? -EINVAL : osp_irt_add_pin(irt, table, e);
	case KVM_IRQ_ROUTING_MSI:
		if (e->flags & ~KVM_MSI_VALID_DEVID)
			return -EINVAL;
		return osp_irt_add_msi(table, e);
	default:
		return -EINVAL;
	}
}

static struct osp_irt_table *osp_irt_alloc(u32 nr)
{
	struct osp_irt_table *table;
	u32 chip, pin;

	table = osp_zalloc(sizeof(*table) + nr * sizeof(table->entry[0]));
	if (!table)
		return NULL;
	table->nr = nr;
	for (chip = 0; chip < KVM_NR_IRQCHIPS; chip++)
		for (pin = 0; pin < KVM_IOAPIC_NUM_PINS; pin++)
			table->pin_gsi[chip][pin] = -1;
	return table;
}

int osp_irt_set(struct osp_irt *irt, const struct kvm_irq_routing_entry *e,
		u32 nr, struct osp_irt_table **old)
{
	struct osp_irt_table *table;
	u32 i, size = 0;
	int ret;

	for (i = 0; i < nr; i++) {
		if (e[i].gsi >= OSP_IRT_MAX)
			return -EINVAL;
		size = max(size, e[i].gsi + 1);
	}
	table = osp_irt_alloc(size);
	if (!table)
		return -ENOMEM;
	for (i = 0; i < nr; i++) {
		ret = osp_irt_add(irt, table, &e[i]);
		if (ret) {
			osp_free(table);
			return ret;
		}
	}
	*old = rcu_dereference_protected(irt->table, 1);
	rcu_assign_pointer(irt->table, table);
	return 0;
}

/*
 * As KVM sets it: pin n for GSI n on both chips.  A machine whose firmware
 * tables send the timer to pin 2 sets its own table.
 */
int osp_irt_set_default(struct osp_irt *irt)
{
	struct osp_irt_table *table = osp_irt_alloc(KVM_IOAPIC_NUM_PINS);
	u32 gsi;

	if (!table)
		return -ENOMEM;
	for (gsi = 0; gsi < KVM_IOAPIC_NUM_PINS; gsi++) {
		s8 pins[KVM_NR_IRQCHIPS] = { -1, -1, gsi };

		table->pin_gsi[KVM_IRQCHIP_IOAPIC][gsi] = gsi;
		if (gsi < 16) {
			pins[gsi / 8] = gsi % 8;
			table->pin_gsi[gsi / 8][gsi % 8] = gsi;
		}
		table->entry[gsi].route = osp_irt_route_pins(pins);
	}
	rcu_assign_pointer(irt->table, table);
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
	osp_free(rcu_dereference_protected(irt->table, 1));
	RCU_INIT_POINTER(irt->table, NULL);
}
