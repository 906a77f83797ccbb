// SPDX-License-Identifier: GPL-2.0
/*
 * apic_bus.c - how an interrupt message finds its local APICs.
 *
 * Owns the table of local APICs of a VM.  Delivery runs under RCU, in any
 * context, and takes no lock; it reads other vCPUs' registers as they are at
 * that moment, as a message on a real bus would find them.
 *
 * SDM 3A 11.6.2; KVM's rules where the SDM leaves them open: messages of
 * devices carry 8-bit destinations, where FFH is everyone in x2APIC mode too,
 * unless KVM_CAP_X2APIC_API made them as wide as x2APIC IDs.
 */
#include "apic_bus.h"
#include "lapic.h"

/* ---- the table ---- */

static struct osp_apic_table *osp_apic_table_grow(struct osp_apic_table *old,
						  u32 nr)
{
	struct osp_apic_table *new;

	nr = (nr + 7) & ~7U;
	new = osp_zalloc(sizeof(*new) + nr * sizeof(new->apic[0]));
	if (!new)
		return NULL;
	new->nr = nr;
	if (old)
		memcpy(new->apic, old->apic, old->nr * sizeof(old->apic[0]));
	return new;
}

int osp_apic_bus_add(struct osp_apic_bus *bus, struct osp_lapic *apic)
{
	struct osp_apic_table *old = rcu_dereference_protected(bus->table, 1);
	struct osp_apic_table *table = old;

	if (apic->id >= OSP_APIC_MAX_IDS)
		return -EINVAL;
	if (!table || apic->id >= table->nr) {
		table = osp_apic_table_grow(old, apic->id + 1);
		if (!table)
			return -ENOMEM;
	}
	if (table->apic[apic->id])
		return -EEXIST;
	smp_wmb();	/* the APIC's state before its appearance */
	WRITE_ONCE(table->apic[apic->id], apic);
	if (table == old)
		return 0;
	rcu_assign_pointer(bus->table, table);
	if (old)
		osp_free_rcu(old, rcu);
	return 0;
}

void osp_apic_bus_remove(struct osp_apic_bus *bus, struct osp_lapic *apic)
{
	struct osp_apic_table *table = rcu_dereference_protected(bus->table, 1);

	if (table && apic->id < table->nr && table->apic[apic->id] == apic)
		WRITE_ONCE(table->apic[apic->id], NULL);
}

void osp_apic_bus_destroy(struct osp_apic_bus *bus)
{
	osp_free(rcu_dereference_protected(bus->table, 1));
	RCU_INIT_POINTER(bus->table, NULL);
}

void osp_apic_bus_watch_eois(struct osp_apic_bus *bus,
			     const unsigned long *watch)
{
	const struct osp_apic_table *table;
	struct osp_lapic *apic;
	bool changed = false;
	u32 i;

	for (i = 0; i < BITS_TO_LONGS(256); i++) {
		changed |= bus->eoi_watch[i] != watch[i];
		WRITE_ONCE(bus->eoi_watch[i], watch[i]);
	}
	if (!changed)
		return;
	smp_wmb();	/* the bits before the count of changes */
	WRITE_ONCE(bus->eoi_watch_gen, bus->eoi_watch_gen + 1);
	rcu_read_lock();
	table = rcu_dereference(bus->table);
	for (i = 0; table && i < table->nr; i++) {
		apic = READ_ONCE(table->apic[i]);
		if (apic)
			apic->ops->kick(apic->ctx);
	}
	rcu_read_unlock();
}

/* ---- who is meant ---- */

static bool osp_apic_match_logical(const struct osp_lapic *apic, u32 dest)
{
	u32 ldr = osp_lapic_reg(apic, OSP_APIC_LDR);

	if (osp_lapic_x2apic(apic))
		return ldr >> 16 == dest >> 16 && (ldr & dest & 0xffff);
	ldr >>= 24;
	switch (osp_lapic_reg(apic, OSP_APIC_DFR) >> 28) {
	case 0xf:	/* flat: a bit per APIC */
		return ldr & dest;
	case 0x0:	/* cluster: number and a bit within */
		return ldr >> 4 == dest >> 4 && (ldr & dest & 0xf);
	default:
		return false;
	}
}

/* Destinations above FFH name x2APIC IDs, in whatever mode the APIC is. */
static bool osp_apic_match_physical(const struct osp_lapic *apic, u32 dest)
{
	if (osp_lapic_x2apic(apic) || dest > 0xff)
		return dest == apic->id;
	return dest == osp_lapic_reg(apic, OSP_APIC_ID) >> 24;
}

/* The destination that is everyone, as seen by @apic. */
static u32 osp_apic_broadcast(const struct osp_apic_bus *bus,
			      const struct osp_lapic *apic,
			      const struct osp_lapic *src)
{
	if (!osp_lapic_x2apic(apic))
		return OSP_XAPIC_BROADCAST;
	return src || READ_ONCE(bus->no_quirk) ? OSP_X2APIC_BROADCAST :
						 OSP_XAPIC_BROADCAST;
}

static bool osp_apic_match(const struct osp_apic_bus *bus,
			   const struct osp_lapic *apic,
			   const struct osp_lapic *src,
			   const struct osp_apic_msg *msg)
{
	u32 dest = msg->dest;

	if (dest == osp_apic_broadcast(bus, apic, src))
		return true;
	return msg->logical ? osp_apic_match_logical(apic, dest) :
			      osp_apic_match_physical(apic, dest);
}

static bool osp_apic_meant(const struct osp_apic_bus *bus,
			   const struct osp_lapic *apic,
			   const struct osp_lapic *src,
			   const struct osp_apic_msg *msg)
{
	if (!apic || !osp_lapic_hw_enabled(apic))
		return false;
	switch (msg->shorthand) {
	case OSP_APIC_ALL:
		return true;
	case OSP_APIC_ALL_BUT_SELF:
		return apic != src;
	default:
		return osp_apic_match(bus, apic, src, msg);
	}
}

/* ---- delivery ---- */

/* What happened so far: the return value, and whether nothing was new. */
struct osp_apic_outcome {
	int reached;
	bool fresh;
};

/* An interrupt to itself needs no post: the sender is the owner. */
static bool osp_apic_is_own(const struct osp_lapic *apic,
			    const struct osp_lapic *src,
			    const struct osp_apic_msg *msg, u8 mode)
{
	return apic == src && mode <= OSP_APIC_LOWEST && !msg->level &&
	       msg->vector >= 16 && osp_lapic_sw_enabled(apic);
}

static void osp_apic_hand(struct osp_lapic *apic, const struct osp_lapic *src,
			  const struct osp_apic_msg *msg, u8 mode,
			  struct osp_apic_outcome *out)
{
	int r = 1;

	if (osp_apic_is_own(apic, src, msg, mode))
		osp_lapic_self(apic, msg->vector, false);
	else
		r = osp_lapic_deliver(apic, mode, msg->vector, msg->assert,
				      msg->level);
	if (out->reached < 0)
		out->reached = 0;
	out->reached += !!r;
	out->fresh |= r == 1;
}

static struct osp_lapic *osp_apic_at(const struct osp_apic_table *table,
				     u32 id)
{
	if (id >= table->nr)
		return NULL;
	return READ_ONCE(table->apic[array_index_nospec(id, table->nr)]);
}

/*
 * The one APIC of a physical destination, found by its number.  While no xAPIC
 * ID was changed no other APIC can have it.
 */
static bool osp_apic_to_one(const struct osp_apic_bus *bus,
			    const struct osp_apic_table *table,
			    const struct osp_lapic *src,
			    const struct osp_apic_msg *msg,
			    struct osp_apic_outcome *out)
{
	struct osp_lapic *apic;

	if (msg->logical || msg->shorthand || READ_ONCE(bus->ids_moved) ||
	    msg->dest == OSP_XAPIC_BROADCAST)
		return false;
	apic = osp_apic_at(table, msg->dest);
	if (!apic || !osp_lapic_hw_enabled(apic))
		return false;
	osp_apic_hand(apic, src, msg, msg->mode, out);
	return true;
}

/* An IPI to a logical cluster of x2APICs: at most 16, whose IDs follow. */
static bool osp_apic_to_cluster(const struct osp_apic_bus *bus,
				const struct osp_apic_table *table,
				const struct osp_lapic *src,
				const struct osp_apic_msg *msg,
				struct osp_apic_outcome *out)
{
	u32 base = (msg->dest >> 16) * 16, bits = msg->dest & 0xffff;
	struct osp_lapic *apic;

	if (!msg->logical || msg->shorthand || !src ||
	    !osp_lapic_x2apic(src) || msg->dest == OSP_X2APIC_BROADCAST)
		return false;
	for (; bits; bits &= bits - 1) {
		apic = osp_apic_at(table, base + __ffs(bits));
		if (osp_apic_meant(bus, apic, src, msg) &&
		    osp_lapic_x2apic(apic))
			osp_apic_hand(apic, src, msg, msg->mode, out);
	}
	return true;
}

static void osp_apic_to_all(const struct osp_apic_bus *bus,
			    const struct osp_apic_table *table,
			    const struct osp_lapic *src,
			    const struct osp_apic_msg *msg,
			    struct osp_apic_outcome *out)
{
	/* A lowest-priority message to everyone by ID goes to everyone: KVM. */
	u8 mode = msg->mode == OSP_APIC_LOWEST ? OSP_APIC_FIXED : msg->mode;
	struct osp_lapic *apic;
	u32 id;

	for (id = 0; id < table->nr; id++) {
		apic = READ_ONCE(table->apic[id]);
		if (osp_apic_meant(bus, apic, src, msg))
			osp_apic_hand(apic, src, msg, mode, out);
		else if (apic && osp_lapic_x2apic(apic) && bus->no_quirk &&
			 msg->dest == OSP_XAPIC_BROADCAST)
			out->reached = max(out->reached, 0);	/* an ID */
	}
}

/* Processor priority class as it stands in the registers: SDM 3A 11.8.3.1. */
static u32 osp_apic_priority(const struct osp_lapic *apic)
{
	return max(osp_lapic_reg(apic, OSP_APIC_TPR),
		   osp_lapic_reg(apic, OSP_APIC_PPR)) & 0xf0;
}

/*
 * Arbitration: among those of lowest priority, the vector chooses, so that an
 * interrupt tends to stay on its CPU while different ones spread.
 */
static void osp_apic_to_lowest(const struct osp_apic_bus *bus,
			       const struct osp_apic_table *table,
			       const struct osp_lapic *src,
			       const struct osp_apic_msg *msg,
			       struct osp_apic_outcome *out)
{
	u32 best = ~0U, equal = 0, id, prio, skip;
	struct osp_lapic *apic, *chosen = NULL;

	for (id = 0; id < table->nr; id++) {
		apic = READ_ONCE(table->apic[id]);
		if (!osp_apic_meant(bus, apic, src, msg) ||
		    !osp_lapic_sw_enabled(apic))
			continue;
		prio = osp_apic_priority(apic);
		equal = prio < best ? 1 : equal + (prio == best);
		best = min(best, prio);
	}
	skip = equal ? msg->vector % equal : 0;
	for (id = 0; id < table->nr && equal; id++) {
		apic = READ_ONCE(table->apic[id]);
		if (!osp_apic_meant(bus, apic, src, msg) ||
		    !osp_lapic_sw_enabled(apic))
			continue;
		/* Priorities move meanwhile; anyone eligible beats no one. */
		chosen = apic;
		if (osp_apic_priority(apic) <= best && !skip--)
			break;
	}
	if (chosen)
		osp_apic_hand(chosen, src, msg, msg->mode, out);
}

/* The hint of an MSI means one of all, the mode doesn't: see osp_apic_to_all(). */
static bool osp_apic_wants_lowest(const struct osp_apic_msg *msg)
{
	if (msg->mode != OSP_APIC_LOWEST || msg->lowest_hint)
		return msg->lowest_hint;
	return msg->logical || msg->dest != OSP_XAPIC_BROADCAST;
}

/* What KVM returns if nobody is there: broadcasts look for someone in vain. */
static int osp_apic_nobody(const struct osp_apic_bus *bus,
			   const struct osp_apic_msg *msg)
{
	return msg->dest == OSP_XAPIC_BROADCAST ||
	       (READ_ONCE(bus->no_quirk) &&
		msg->dest == OSP_X2APIC_BROADCAST) ? -1 : 0;
}

int osp_apic_bus_deliver(struct osp_apic_bus *bus, struct osp_lapic *src,
			 const struct osp_apic_msg *msg, bool *coalesced)
{
	struct osp_apic_outcome out = { .reached = osp_apic_nobody(bus, msg) };
	const struct osp_apic_table *table;

	if (msg->shorthand == OSP_APIC_SELF) {
		if (src)
			osp_apic_hand(src, src, msg, msg->mode, &out);
		goto out;
	}
	rcu_read_lock();
	table = rcu_dereference(bus->table);
	if (!table || osp_apic_to_one(bus, table, src, msg, &out))
		goto unlock;
	if (osp_apic_wants_lowest(msg))
		osp_apic_to_lowest(bus, table, src, msg, &out);
	else if (!osp_apic_to_cluster(bus, table, src, msg, &out))
		osp_apic_to_all(bus, table, src, msg, &out);
unlock:
	rcu_read_unlock();
out:
	if (coalesced)
		*coalesced = out.reached > 0 && !out.fresh;
	return out.reached;
}
