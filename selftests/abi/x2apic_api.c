// SPDX-License-Identifier: GPL-2.0
/*
 * x2apic_api.c - KVM_CAP_X2APIC_API: APIC IDs of 32 bits in what userspace says
 * and sees, so that vCPUs above 255 can be reached.
 *
 * Who got a message is read out of the IRRs of vCPUs that never run; one that
 * does run shows that it takes it.
 */
#include "lib/abi.h"
#include "lib/apic.h"
#include "lib/events.h"
#include "lib/guest.h"
#include "lib/lapic.h"

#define IDS32		KVM_X2APIC_API_USE_32BIT_IDS
#define NO_QUIRK	KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK
#define VEC		0x61
#define LOGICAL		4		/* in an MSI's address */
#define HIGH_ID		300

/* vCPUs of most cases: beyond clusters, at FFH, beyond 8 bits. */
static const u32 ids[] = { 0, 1, 17, 255, HIGH_ID };

static int api(struct vm *vm, u64 arg, u32 flags)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_X2APIC_API, .flags = flags, .args = { arg },
	};

	return ioctl(vm->fd, KVM_ENABLE_CAP, &cap);
}

static struct vm *api_vm(u64 flags)
{
	struct vm *vm = vm_new(VM_IRQCHIP);

	need_x2apic(vm->dev);
	if (dev_cap(KVM_CAP_X2APIC_API) <= 0)
		skip("no KVM_CAP_X2APIC_API");
	MUST(api(vm, flags, 0));
	return vm;
}

/*
 * A vCPU whose APIC is enabled, in either mode.  It is set as an xAPIC: what KVM
 * 6.1 makes of 8 bits of a larger x2APIC ID is another one.
 */
static struct vcpu *with_apic(struct vm *vm, u32 id, bool x2)
{
	struct vcpu *v = vcpu_new(vm, id);
	struct kvm_lapic_state s;

	lapic_get(v, &s);
	*lapic_reg(&s, APIC_SPIV) = 0x1ff;
	*lapic_reg(&s, APIC_LDR) = 1u << (24 + id % 8);
	lapic_set(v, &s);
	lapic_mode(v, x2);
	return v;
}

static int msi(struct vm *vm, u32 vec, u32 low, u32 high)
{
	return lapic_msi(vm, low, high, vec);
}

CASE(arguments)
{
	struct vm *vm = vm_new(VM_BARE), *late = vm_new(VM_IRQCHIP);

	EQ("cap", dev_cap(KVM_CAP_X2APIC_API), IDS32 | NO_QUIRK);
	ERR("flags", api(vm, IDS32, 1), EINVAL);
	ERR("unknown", api(vm, 4, 0), EINVAL);
	ERR("unknown-high", api(vm, 1ULL << 32, 0), EINVAL);
	ERR("none", api(vm, 0, 0), 0);
	ERR("no-irqchip-yet", api(vm, IDS32 | NO_QUIRK, 0), 0);
	ERR("again", api(vm, IDS32, 0), 0);
	vcpu_raw(late, 0);
	ERR("after-vcpu", api(late, NO_QUIRK, 0), 0);
}

/* ---- KVM_GET_LAPIC, KVM_SET_LAPIC ---- */

CASE(layout)
{
	struct vm *vm = api_vm(0);
	struct vcpu *v = with_apic(vm, 5, true), *x = with_apic(vm, 6, false);
	struct vcpu *high = with_apic(vm, HIGH_ID, true);
	struct kvm_lapic_state s;

	lapic_get(v, &s);
	EQ("id-in-8-bits", *lapic_reg(&s, APIC_ID), 5 << 24);
	lapic_get(high, &s);
	EQ("high-id-cut", *lapic_reg(&s, APIC_ID), (HIGH_ID & 0xff) << 24);
	MUST(api(vm, IDS32, 0));
	lapic_get(high, &s);
	EQ("high-id", *lapic_reg(&s, APIC_ID), HIGH_ID);
	EQ("high-ldr", *lapic_reg(&s, APIC_LDR), HIGH_ID / 16 << 16 | 1 << HIGH_ID % 16);
	lapic_get(v, &s);
	EQ("id", *lapic_reg(&s, APIC_ID), 5);
	ERR("set", ioctl(v->fd, KVM_SET_LAPIC, &s), 0);
	*lapic_reg(&s, APIC_ID) = 5 << 24;
	*lapic_reg(&s, APIC_TPR) = 0x30;
	ERR("set-8-bits", ioctl(v->fd, KVM_SET_LAPIC, &s), EINVAL);
	*lapic_reg(&s, APIC_ID) = 4;
	ERR("set-another", ioctl(v->fd, KVM_SET_LAPIC, &s), EINVAL);
	lapic_get(v, &s);
	EQ("refused-changes-nothing", *lapic_reg(&s, APIC_TPR), 0);
	EQ("id-stays", *lapic_reg(&s, APIC_ID), 5);
	lapic_get(x, &s);
	EQ("xapic-id", *lapic_reg(&s, APIC_ID), 6 << 24);
	*lapic_reg(&s, APIC_ID) = 7 << 24;
	ERR("xapic-set", ioctl(x->fd, KVM_SET_LAPIC, &s), 0);
}

/* ---- messages ---- */

struct target {
	const char *name;
	u32 low, high;
};

/* The destination's low byte, and bits 31:8. */
#define TO(name_, dest, flags) \
	{ name_, ((dest) & 0xff) << 12 | (flags), (dest) & ~0xffU }

static const struct target targets[] = {
	TO("id-0", 0, 0),
	TO("id-17", 17, 0),
	TO("id-300", HIGH_ID, 0),
	TO("id-none", 0x312, 0),
	TO("id-255", 0xff, 0),
	TO("all", 0xffffffff, 0),
	TO("logical-0", 0x1, LOGICAL),
	TO("logical-cluster-0", 0xff, LOGICAL),
	TO("logical-cluster-1", 0x10002, LOGICAL),
	TO("logical-300", HIGH_ID / 16 << 16 | 1 << HIGH_ID % 16, LOGICAL),
	TO("logical-all", 0xffffffff, LOGICAL),
	TO("lowest-of-255", 0xff, 8),
	{ "odd", 0, 0x101 },
};

static void send_all(u64 flags, u32 nr_x2apics)
{
	struct vm *vm = api_vm(flags);
	struct vcpu *v[ARRAY_LEN(ids)];
	u32 i, vec = VEC;
	char name[64];

	for (i = 0; i < ARRAY_LEN(ids); i++)
		v[i] = with_apic(vm, ids[i], i >= ARRAY_LEN(ids) - nr_x2apics);
	for (i = 0; i < ARRAY_LEN(targets); i++) {
		const struct target *t = &targets[i];
		int r = msi(vm, ++vec, t->low, t->high);

		snprintf(name, sizeof(name), "%s-result", t->name);
		obs(name, "%d %s", r, r < 0 ? errno_name(errno) : "");
		obs(t->name, "%#x", lapics_reached(v, ARRAY_LEN(ids), vec));
	}
	/* What is seen is the other device's to confirm; this much is certain. */
	msi(vm, ++vec, (HIGH_ID & 0xff) << 12, HIGH_ID & ~0xff);
	EQ("high-reached", lapics_reached(v, ARRAY_LEN(ids), vec) == BIT(4),
	   !!(flags & IDS32));
	msi(vm, ++vec, 0xff000, 0);
	EQ("255-alone", lapics_reached(v, ARRAY_LEN(ids), vec) == BIT(3),
	   (flags & NO_QUIRK) && nr_x2apics == ARRAY_LEN(ids));
}

CASE(messages_8bit)
{
	send_all(0, ARRAY_LEN(ids));
}

CASE(messages_32bit)
{
	send_all(IDS32, ARRAY_LEN(ids));
}

CASE(messages_no_quirk)
{
	send_all(NO_QUIRK, ARRAY_LEN(ids));
}

CASE(messages_both)
{
	send_all(IDS32 | NO_QUIRK, ARRAY_LEN(ids));
}

/* The two highest are x2APICs, the others not. */
CASE(messages_mixed)
{
	send_all(IDS32 | NO_QUIRK, 2);
}

CASE(nobody)
{
	struct vm *vm = api_vm(IDS32 | NO_QUIRK);

	ERR("ff", msi(vm, VEC, 0xff000, 0), EPERM);
	ERR("all", msi(vm, VEC, 0xff000, ~0xffU), EPERM);
	with_apic(vm, 0, true);
	ERR("ff-is-an-id", msi(vm, VEC, 0xff000, 0), 0);
}

/* ---- routes ---- */

static struct kvm_irq_routing_entry route(u32 gsi, u32 dest, u32 odd, u32 vec)
{
	return (struct kvm_irq_routing_entry) {
		.gsi = gsi, .type = KVM_IRQ_ROUTING_MSI,
		.u.msi = { .address_lo = APIC_BASE_ADDR | (dest & 0xff) << 12,
			   .address_hi = (dest & ~0xffU) | odd, .data = vec },
	};
}

static int line(struct vm *vm, u32 gsi)
{
	struct kvm_irq_level l = { .irq = gsi, .level = 1 };

	MUST(ioctl(vm->fd, KVM_IRQ_LINE_STATUS, &l));
	return l.status;
}

/* How much of a route's destination counts is known when it is used. */
CASE(routes)
{
	struct vm *vm = api_vm(0);
	struct kvm_irq_routing_entry e[] = {
		route(4, HIGH_ID, 0, VEC), route(5, HIGH_ID, 1, VEC + 1),
		route(6, HIGH_ID, 0, VEC + 2), route(7, HIGH_ID, 1, VEC + 3),
		route(8, HIGH_ID, 0, VEC + 4),
	};
	struct vcpu *v[2] = {
		with_apic(vm, HIGH_ID & 0xff, true), with_apic(vm, HIGH_ID, true),
	};
	int fd = event_new(0);

	ERR("8-bit-take-any", set_routes(vm, e, ARRAY_LEN(e)), 0);
	EQ("8-bit", line(vm, 4), 1);
	EQ("8-bit-reached", lapics_reached(v, 2, VEC), 1);
	EQ("8-bit-odd", line(vm, 5), 1);
	EQ("8-bit-odd-reached", lapics_reached(v, 2, VEC + 1), 1);
	MUST(api(vm, IDS32, 0));
	EQ("32-bit", line(vm, 6), 1);
	EQ("32-bit-reached", lapics_reached(v, 2, VEC + 2), 2);
	EQ("32-bit-odd", line(vm, 7), -1);
	EQ("32-bit-odd-reached", lapics_reached(v, 2, VEC + 3), 0);
	MUST(irqfd(vm, fd, 8, 0, 0));
	event_add(fd, 1);
	EQ("irqfd-reached", lapics_reached(v, 2, VEC + 4), 2);
	ERR("32-bit-refuse-odd", set_routes(vm, e, ARRAY_LEN(e)), EINVAL);
	e[0].u.msi.data = VEC + 5;
	ERR("32-bit-take-even", set_routes(vm, e, 1), 0);
	EQ("new", line(vm, 4), 1);
	EQ("new-reached", lapics_reached(v, 2, VEC + 5), 2);
}

/* ---- and the guest takes it ---- */

static void high_guest(void)
{
	apic_on();
	g_value("id", apic_read(APIC_ID), HIGH_ID);
	guest_sync(1);
	cli();
	while (!g_irqs[VEC]) {
		sti_hlt();
		cli();
	}
	g_value("taken", g_irqs[VEC], 1);
}

CASE(taken)
{
	struct vm *vm = api_vm(IDS32);
	struct vcpu *v = vcpu_new(vm, HIGH_ID);
	struct kvm_mp_state run = { .mp_state = KVM_MP_STATE_RUNNABLE };

	*GVAR(vm, g_x2apic) = 1;
	MUST(ioctl(v->fd, KVM_SET_MP_STATE, &run));
	mode_long(v, high_guest);
	sync_to(v, 1);
	EQ("sent", msi(vm, VEC, (HIGH_ID & 0xff) << 12, HIGH_ID & ~0xff), 1);
	run_done(v);
	check_log(vm);
}
