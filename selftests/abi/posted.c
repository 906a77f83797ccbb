// SPDX-License-Identifier: GPL-2.0
/*
 * posted.c - what an interrupt from another CPU costs a vCPU that runs: with
 * posted interrupts not one VM exit, without them one each.
 *
 * The vCPU spins on a CPU of its own with interrupts on; each interrupt is
 * waited for before the next is sent, so that none finds the one before it
 * still pending.  Sent are signals of an irqfd, and IPIs of another vCPU.  What
 * else takes the vCPU out of the guest (the host's clock, the bound of a stay)
 * is far less.  SDM 3C 30.6.
 *
 * KVM counts the exits of all vCPUs together, so all cases skip there.
 */
#include <pthread.h>
#include <time.h>

#include "lib/abi.h"
#include "lib/apic.h"
#include "lib/events.h"
#include "lib/exits.h"
#include "lib/guest.h"

#define VEC	0x41
#define GSI	30
#define TIMES	1000
#define FEW	(TIMES / 10)

static volatile u64 ready, stop;

static void need_two_cpus(void)
{
	if (abi_on_kvm())
		skip("KVM counts exits by VM");
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		skip("needs two CPUs");
	if (!feature_used("x2apic_mode"))
		skip("the local APIC is emulated");
}

/* Waits with interrupts on and nothing that exits. */
static void target_guest(void)
{
	apic_on();
	sti();
	ready = 1;
	while (!stop)
		;
	cli();
	g_value("taken", g_irqs[VEC], TIMES);
}

/* Another vCPU: waits for each of its IPIs to be taken. */
static void sender_guest(void)
{
	u64 i;

	apic_on();
	for (i = 1; i <= TIMES; i++) {
		apic_write64(APIC_ICR, 1ull << 32 | APIC_ASSERT | VEC);
		while (g_irqs[VEC] < i)
			;
	}
}

static void *run_target(void *arg)
{
	MUST(pin_thread(0, 1));
	run_done(arg);
	return NULL;
}

static void wait_for(volatile u64 *val, u64 want)
{
	time_t end = time(NULL) + 20;

	while (*val < want)
		if (time(NULL) > end)
			die("%llu of %llu came\n", (unsigned long long)*val,
			    (unsigned long long)want);
}

static u64 exits_of(struct vcpu *v)
{
	struct exit_count c;

	if (!exits_read(v, &c))
		die("no exit counters in debugfs\n");
	return c.all;
}

static struct vcpu *target(struct vm *vm, pthread_t *thread)
{
	struct kvm_mp_state runnable = { .mp_state = KVM_MP_STATE_RUNNABLE };
	struct vcpu *v = vcpu_new(vm, 1);

	*GVAR(vm, g_x2apic) = 1;
	MUST(ioctl(v->fd, KVM_SET_MP_STATE, &runnable));
	mode_long(v, target_guest);
	pthread_create(thread, NULL, run_target, v);
	wait_for(GVAR(vm, ready), 1);
	return v;
}

static void judge(struct vm *vm, struct vcpu *v, u64 exits, pthread_t thread)
{
	*GVAR(vm, stop) = 1;
	pthread_join(thread, NULL);
	check_log(vm);
	note("%llu exits, interrupts %s posted\n", (unsigned long long)exits,
	     feature_used("posted_interrupts") ? "are" : "are not");
	if (feature_used("posted_interrupts"))
		CHECK(exits < FEW, "%llu exits for %d interrupts\n",
		      (unsigned long long)exits, TIMES);
	else
		CHECK(exits >= TIMES, "%llu exits for %d interrupts\n",
		      (unsigned long long)exits, TIMES);
}

CASE_T(irqfd_signals, 60)
{
	static const struct kvm_irq_routing_entry route = ROUTE_MSI(GSI, 1, VEC);
	struct vm *vm;
	struct vcpu *v;
	pthread_t thread;
	u64 before, i;
	int fd = event_new(0);

	need_two_cpus();
	MUST(pin_thread(0, 0));
	vm = vm_new(VM_IRQCHIP);
	MUST(set_routes(vm, &route, 1));
	MUST(irqfd(vm, fd, GSI, 0, 0));
	vcpu_new(vm, 0);	/* counters are by the order of creation */
	v = target(vm, &thread);
	before = exits_of(v);
	for (i = 1; i <= TIMES; i++) {
		event_add(fd, 1);
		wait_for(GVAR(vm, g_irqs[VEC]), i);
	}
	judge(vm, v, exits_of(v) - before, thread);
}

CASE_T(ipis, 60)
{
	struct vcpu *v, *from;
	pthread_t thread;
	struct vm *vm;
	u64 before;

	need_two_cpus();
	MUST(pin_thread(0, 0));
	vm = vm_new(VM_IRQCHIP);
	from = vcpu_new(vm, 0);
	v = target(vm, &thread);
	before = exits_of(v);
	mode_long(from, sender_guest);
	run_done(from);
	judge(vm, v, exits_of(v) - before, thread);
}
