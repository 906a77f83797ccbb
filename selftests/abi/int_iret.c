// SPDX-License-Identifier: GPL-2.0
/*
 * int_iret.c - software interrupts stay inside the guest.
 *
 * A thousand times INT n from ring 3 into ring 0 and IRET back, and the
 * hypervisor's own counters say that no exit was made for it.  That the
 * counters can see an exit is shown by a thousand CPUIDs.  SDM 3C 25.1.
 */
#include "lib/abi.h"
#include "lib/exits.h"
#include "lib/guest.h"

#define TIMES 1000

static volatile u64 from_ring3;

static int count_hook(struct guest_trap *t)
{
	from_ring3 += (t->cs & 3) == 3;
	return 1;
}

static void u_ints(u64 n)
{
	while (n--)
		asm volatile("int $0x80" : : : "memory");
}

static void int_guest(void)
{
	g_hook[0x80] = count_hook;
	guest_user(u_ints, TIMES);	/* all pages are there after this */
	from_ring3 = 0;
	sti();
	guest_sync(1);
	guest_user(u_ints, TIMES);
	guest_sync(2);
}

static void cpuid_guest(void)
{
	u32 r[4], i;

	sti();
	guest_sync(1);
	for (i = 0; i < TIMES; i++)
		cpuid(0, 0, r);
	guest_sync(2);
}

static void sync_to(struct vcpu *v, u32 want)
{
	u32 val = 0;

	vcpu_exit(v);
	if (!is_sync(v, &val) || val != want)
		die("exit %s, not rendezvous %u\n",
		    exit_name(v->run->exit_reason), want);
}

/* Exits between two rendezvous, but for the host's own interrupts. */
static u64 exits_between(struct vcpu *v)
{
	struct exit_count a, b;

	sync_to(v, 1);
	if (!exits_read(v, &a))
		skip("no exit counters in debugfs");
	sync_to(v, 2);
	if (!exits_read(v, &b))
		die("the exit counters are gone\n");
	note("%llu exits, %llu of them for the host\n",
	     (unsigned long long)(b.all - a.all),
	     (unsigned long long)(b.host - a.host));
	return (b.all - a.all) - (b.host - a.host);
}

CASE(int_iret_without_exit)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);

	mode_long(v, int_guest);
	/* One: the OUT of the second rendezvous. */
	EQ("exits", exits_between(v), 1);
	EQ("interrupts", *GVAR(vm, from_ring3), TIMES);
}

CASE(counters_see_exits)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);

	mode_long(v, cpuid_guest);
	EQ("exits", exits_between(v), TIMES + 1);
}
