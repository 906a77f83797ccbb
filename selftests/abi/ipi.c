// SPDX-License-Identifier: GPL-2.0
/*
 * ipi.c - whom an interrupt message reaches: every form of destination, in both
 * modes of the APIC and all models of logical addressing, sent by a guest's ICR
 * and, where a device can say the same, as an MSI.
 *
 * The guest sends a list of messages, each with a vector of its own.  It takes
 * none itself, and the others never run, so that all can be read out of the IRRs
 * at the end.  SDM 3A 11.6.2, 11.12.10.
 */
#include "lib/abi.h"
#include "lib/apic.h"
#include "lib/guest.h"
#include "lib/lapic.h"

#define VEC		0x41		/* of the first message */

/* Bits of the ICR; those below 0x1000 stand in an MSI's data and address too. */
#define LOWEST		0x100
#define NMI		0x400
#define LOGICAL		0x800
#define LEVEL		0x8000
#define SELF		0x40000
#define ALL		0x80000
#define OTHERS		0xc0000

#define MSI_LOGICAL	4

/**
 * struct message - an interrupt message, and whom it has to reach
 * @name: of the observation
 * @icr: low half of the ICR, but for the vector
 * @dest: destination, as in the ICR's high half in x2APIC mode
 * @want: a bit for each vCPU, in the order of their creation
 */
struct message {
	const char *name;
	u32 icr;
	u32 dest;
	u32 want;
};

#define MAX_MESSAGES	24

static volatile struct { u32 icr, dest; } list[MAX_MESSAGES];
static volatile u64 nlist;

static void sender_guest(void)
{
	u64 i;

	apic_on();
	for (i = 0; i < nlist; i++) {
		if (g_x2apic) {
			apic_write64(APIC_ICR, (u64)list[i].dest << 32 | list[i].icr);
		} else {
			APIC(APIC_ICR2) = list[i].dest << 24;
			APIC(APIC_ICR) = list[i].icr;
		}
	}
	g_value("sent", i, nlist);
}

static u32 vector_of(u32 i)
{
	return VEC + i;
}

/* Sends them all from vCPU 0, and looks who has which. */
static void send(struct vm *vm, struct vcpu **v, u32 nr,
		 const struct message *m, u32 nm)
{
	u32 i;

	for (i = 0; i < nm; i++) {
		GVAR(vm, list)[0][i].icr = m[i].icr | vector_of(i) |
			(m[i].icr & LEVEL ? 0 : APIC_ASSERT);
		GVAR(vm, list)[0][i].dest = m[i].dest;
	}
	*GVAR(vm, nlist) = nm;
	run_guest(v[0], sender_guest);
	for (i = 0; i < nm; i++)
		EQ(m[i].name, lapics_reached(v, nr, vector_of(i)), m[i].want);
}

/* The same from a device, but for what it can't say. */
static void send_msis(struct vm *vm, struct vcpu **v, u32 nr,
		      const struct message *m, u32 nm)
{
	char name[64];
	u32 i;

	for (i = 0; i < nm; i++) {
		if (m[i].icr & (OTHERS | LEVEL))
			continue;
		lapic_msi(vm, m[i].dest << 12 |
			  (m[i].icr & LOGICAL ? MSI_LOGICAL : 0), 0,
			  (m[i].icr & 0x700) | (vector_of(i) + MAX_MESSAGES));
		snprintf(name, sizeof(name), "msi-%s", m[i].name);
		EQ(name, lapics_reached(v, nr, vector_of(i) + MAX_MESSAGES),
		   m[i].want);
	}
}

/* ---- xAPIC mode: four vCPUs, and a fifth that is software-disabled ---- */

#define NR		5
#define DFR_CLUSTER	0x0fffffff

static void set_logical(struct vcpu *v, u32 dfr, u32 ldr, bool enabled)
{
	struct kvm_lapic_state s;

	lapic_get(v, &s);
	*lapic_reg(&s, APIC_SPIV) = enabled ? 0x1ff : 0xff;
	*lapic_reg(&s, APIC_DFR) = dfr;
	*lapic_reg(&s, APIC_LDR) = ldr << 24;
	lapic_set(v, &s);
}

static struct vm *xapic_vm(struct vcpu **v, u32 dfr, const u8 *ldr)
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	u32 i;

	for (i = 0; i < NR; i++) {
		v[i] = vcpu_new(vm, i);
		set_logical(v[i], dfr, ldr[i], i < NR - 1);
	}
	return vm;
}

static const u8 flat_ldr[NR] = { 1, 2, 4, 8, 16 };

static const struct message flat[] = {
	{ "id-2", 0, 2, BIT(2) },
	{ "own-id", 0, 0, BIT(0) },
	{ "no-such-id", 0, 9, 0 },
	{ "disabled", 0, 4, 0 },
	{ "broadcast", 0, 0xff, 0xf },
	{ "logical-1", LOGICAL, 0x2, BIT(1) },
	{ "logical-0-2", LOGICAL, 0x5, BIT(0) | BIT(2) },
	{ "logical-2-disabled", LOGICAL, 0x14, BIT(2) },
	{ "logical-none", LOGICAL, 0xe0, 0 },
	{ "logical-0", LOGICAL, 0, 0 },
	{ "logical-all", LOGICAL, 0xff, 0xf },
	{ "self", SELF, 2, BIT(0) },
	{ "all", ALL, 2, 0xf },
	{ "others", OTHERS, 2, 0xe },
	{ "lowest-id", LOWEST, 3, BIT(3) },
	{ "lowest-broadcast", LOWEST, 0xff, 0xf },
	{ "lowest-of-one", LOWEST | LOGICAL, 0x8, BIT(3) },
	{ "level", LEVEL | APIC_ASSERT, 1, BIT(1) },
	{ "level-de-assert", LEVEL, 1, 0 },
	{ "level-self-de-assert", SELF | LEVEL, 0, 0 },
};

CASE(flat_model)
{
	struct vcpu *v[NR];
	struct vm *vm = xapic_vm(v, ~0u, flat_ldr);

	send(vm, v, NR, flat, ARRAY_LEN(flat));
	send_msis(vm, v, NR, flat, ARRAY_LEN(flat));
}

/* vCPUs 0 and 1 are cluster 0, the others cluster 2. */
static const u8 cluster_ldr[NR] = { 0x01, 0x02, 0x21, 0x24, 0x28 };

static const struct message cluster[] = {
	{ "id-3", 0, 3, BIT(3) },
	{ "0-of-cluster-0", LOGICAL, 0x01, BIT(0) },
	{ "both-of-cluster-0", LOGICAL, 0x03, 0x3 },
	{ "all-of-cluster-0", LOGICAL, 0x0f, 0x3 },
	{ "cluster-2", LOGICAL, 0x2f, 0xc },
	{ "3-of-cluster-2", LOGICAL, 0x26, BIT(3) },
	{ "no-such-cluster", LOGICAL, 0x1f, 0 },
	{ "none-of-cluster-2", LOGICAL, 0x22, 0 },
	{ "every-cluster", LOGICAL, 0xff, 0xf },
	{ "lowest-of-cluster-2", LOGICAL | LOWEST, 0x24, BIT(3) },
	{ "others", OTHERS, 0, 0xe },
};

CASE(cluster_model)
{
	struct vcpu *v[NR];
	struct vm *vm = xapic_vm(v, DFR_CLUSTER, cluster_ldr);

	send(vm, v, NR, cluster, ARRAY_LEN(cluster));
	send_msis(vm, v, NR, cluster, ARRAY_LEN(cluster));
}

/* An ID is what its guest, or userspace, has made of it. */
CASE(changed_id)
{
	static const struct message m[] = {
		{ "new-id", 0, 0x30, BIT(2) },
		{ "old-id", 0, 2, 0 },
		{ "other", 0, 1, BIT(1) },
	};
	struct kvm_lapic_state s;
	struct vcpu *v[NR];
	struct vm *vm = xapic_vm(v, ~0u, flat_ldr);

	lapic_get(v[2], &s);
	*lapic_reg(&s, APIC_ID) = 0x30 << 24;
	lapic_set(v[2], &s);
	send(vm, v, NR, m, ARRAY_LEN(m));
	send_msis(vm, v, NR, m, ARRAY_LEN(m));
}

/* ---- lowest priority ---- */

static void set_tpr(struct vcpu *v, u32 tpr)
{
	struct kvm_lapic_state s;

	lapic_get(v, &s);
	*lapic_reg(&s, APIC_TPR) = tpr;
	lapic_set(v, &s);
}

/* Idle ones share the vectors; each message reaches one. */
CASE(lowest_shared)
{
	struct vcpu *v[NR];
	struct vm *vm = xapic_vm(v, ~0u, flat_ldr);
	u32 i, map, all = 0;

	for (i = 0; i < 6; i++) {
		lapic_msi(vm, 0xe << 12 | MSI_LOGICAL, 0, LOWEST | vector_of(i));
		map = lapics_reached(v, NR, vector_of(i));
		obs("reached", "%u: %#x", i, map);
		CHECK(map && !(map & (map - 1)), "message %u reached %#x\n", i, map);
		all |= map;
	}
	EQ("shared", all, 0xe);
}

/* SDM 3A 11.6.2.4: by priority.  KVM goes by the vector alone. */
CASE(lowest_by_priority)
{
	struct vcpu *v[NR];
	struct vm *vm = xapic_vm(v, ~0u, flat_ldr);
	u32 i, n = 0;

	for (i = 0; i < NR; i++)
		set_tpr(v[i], i == 2 ? 0x10 : 0x20);
	for (i = 0; i < 6; i++) {
		lapic_msi(vm, 0xe << 12 | MSI_LOGICAL, 0, LOWEST | vector_of(i));
		n += lapics_reached(v, NR, vector_of(i)) == BIT(2);
	}
	EQ("to-the-lowest", n, abi_on_kvm() ? 2 : 6);
}

/* ---- x2APIC mode, with IDs that no xAPIC could have ---- */

static const u32 x2_ids[] = { 0, 1, 17, 255, 300 };

#define CLUSTER(n, bits) ((u32)(n) << 16 | (bits))

static const struct message x2[] = {
	{ "id-17", 0, 17, BIT(2) },
	{ "own-id", 0, 0, BIT(0) },
	{ "id-255", 0, 255, BIT(3) },
	{ "id-300", 0, 300, BIT(4) },
	{ "no-such-id", 0, 0x500, 0 },
	{ "far-id", 0, 0xfffffffe, 0 },
	{ "broadcast", 0, ~0u, 0x1f },
	{ "cluster-0", LOGICAL, CLUSTER(0, 0xffff), 0x3 },
	{ "1-of-cluster-0", LOGICAL, CLUSTER(0, 0x2), BIT(1) },
	{ "cluster-1", LOGICAL, CLUSTER(1, 0x2), BIT(2) },
	{ "cluster-15", LOGICAL, CLUSTER(15, 0x8000), BIT(3) },
	{ "cluster-18", LOGICAL, CLUSTER(18, 0x1000), BIT(4) },
	{ "no-such-cluster", LOGICAL, CLUSTER(5, 0xffff), 0 },
	{ "logical-all", LOGICAL, ~0u, 0x1f },
	{ "self", SELF, 17, BIT(0) },
	{ "all", ALL, 17, 0x1f },
	{ "others", OTHERS, 17, 0x1e },
	{ "lowest-of-one", LOGICAL | LOWEST, CLUSTER(18, 0x1000), BIT(4) },
	{ "level-de-assert", LEVEL, 17, 0 },
};

CASE(x2apic)
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v[ARRAY_LEN(x2_ids)];
	u32 i;

	need_x2apic(vm->dev);
	*GVAR(vm, g_x2apic) = 1;
	for (i = 0; i < ARRAY_LEN(x2_ids); i++) {
		v[i] = vcpu_new(vm, x2_ids[i]);
		set_logical(v[i], ~0u, 0, true);
		lapic_mode(v[i], true);
	}
	send(vm, v, ARRAY_LEN(v), x2, ARRAY_LEN(x2));
}

/* ---- NMIs ---- */

static bool nmi_waits(struct vcpu *v)
{
	struct kvm_vcpu_events e;

	MUST(ioctl(v->fd, KVM_GET_VCPU_EVENTS, &e));
	return e.nmi.pending;
}

/* They have no vector, and reach who is software-disabled too. */
CASE(nmis)
{
	static const struct message m[] = {
		{ "no-vector", NMI | LOGICAL, 0x6, 0 },
		{ "no-vector-either", NMI, 4, 0 },
	};
	struct vcpu *v[NR];
	struct vm *vm = xapic_vm(v, ~0u, flat_ldr);
	u32 i, map = 0;

	send(vm, v, NR, m, ARRAY_LEN(m));
	for (i = 0; i < NR; i++)
		map |= nmi_waits(v[i]) << i;
	EQ("nmi", map, 0x16);
}
