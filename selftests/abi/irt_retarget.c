// SPDX-License-Identifier: GPL-2.0
/*
 * irt_retarget.c - an interrupt is sent from one vCPU to another and back by the
 * Interrupt Remapping Table, 10,000 times, while a thread raises it as fast as
 * it can: none is lost.
 *
 * Each request is one write to an irqfd, so the table's counts can be held
 * against the writes, and what it delivered against what the vCPUs took.  A
 * program of its own, as it takes long where grace periods of RCU do.
 */
#include <pthread.h>
#include <sched.h>

#include "lib/abi.h"
#include "lib/apic.h"
#include "lib/events.h"
#include "lib/guest.h"

#define VEC		0x41	/* of vCPU 0; vCPU 1 gets the next */
#define STOP_VEC	0x61
#define GSI		30

static volatile u64 stop, ready[2];

static int count_hook(struct guest_trap *t)
{
	g_irqs[t->vec]++;
	asm volatile("wrmsr" : : "a"(0), "d"(0), "c"(X2APIC(APIC_EOI)));
	return 1;
}

/* Both vCPUs run this; each vector is only one's. */
static void retarget_guest(u64 id)
{
	wrmsr(0x1b, rdmsr(0x1b) | BIT(10));
	wrmsr(X2APIC(APIC_SPIV), 0x1ff);
	ready[id] = 1;
	while (!stop) {
		sti_hlt();
		cli();
	}
	/* What is still pending. */
	sti_nop();
	cli();
	guest_done();
}

struct load {
	int irq;
	volatile bool stop;
	u64 requests;
};

static void *load(void *arg)
{
	struct load *l = arg;

	while (!l->stop) {
		event_add(l->irq, 1);
		l->requests++;
		if (l->requests % 8 == 0)
			sched_yield();
	}
	return NULL;
}

static void *run_vcpu(void *arg)
{
	run_done(arg);
	return NULL;
}

static void stop_vcpus(struct vm *vm)
{
	struct kvm_msi msi = { .address_lo = 0xfee00000, .data = STOP_VEC };

	*GVAR(vm, stop) = 1;
	MUST(ioctl(vm->fd, KVM_SIGNAL_MSI, &msi));
	msi.address_lo |= 1 << 12;
	MUST(ioctl(vm->fd, KVM_SIGNAL_MSI, &msi));
}

CASE_T(retarget, 150)
{
	struct vm *vm = irt_vm();
	struct vcpu *v[2] = { vcpu_new(vm, 0), vcpu_new(vm, 1) };
	struct kvm_mp_state runnable = { .mp_state = KVM_MP_STATE_RUNNABLE };
	struct load l = { .irq = event_new(0) };
	struct ospite_irt_entry e;
	pthread_t t[3];
	unsigned int retargets = repeat(10000);
	u64 handled[2];
	unsigned int i;

	for (i = 0; i < 2; i++) {
		GVAR(vm, g_hook)[0][VEC + i] = count_hook;
		GVAR(vm, g_hook)[0][STOP_VEC] = count_hook;
		MUST(ioctl(v[i]->fd, KVM_SET_MP_STATE, &runnable));
		mode_long_arg(v[i], retarget_guest, i);
	}
	e = irt_message(GSI, 0, VEC);
	MUST(irt_set(vm, &e));
	MUST(irqfd(vm, l.irq, GSI, 0, 0));
	for (i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, run_vcpu, v[i]);
	while (!GVAR(vm, ready)[0][0] || !GVAR(vm, ready)[0][1])
		sched_yield();
	pthread_create(&t[2], NULL, load, &l);
	for (i = 0; i < retargets; i++) {
		e = irt_message(GSI, i & 1, VEC + (i & 1));
		MUST(irt_set(vm, &e));
		if (i % 4 == 0)
			sched_yield();
	}
	l.stop = true;
	pthread_join(t[2], NULL);
	stop_vcpus(vm);
	pthread_join(t[0], NULL);
	pthread_join(t[1], NULL);
	e = irt_find(vm, GSI);
	handled[0] = GVAR(vm, g_irqs)[0][VEC];
	handled[1] = GVAR(vm, g_irqs)[0][VEC + 1];
	note("%llu requests: %llu and %llu handled, %llu coalesced\n",
	     (unsigned long long)l.requests, (unsigned long long)handled[0],
	     (unsigned long long)handled[1], (unsigned long long)e.coalesced);
	CHECK(l.requests >= retargets / 10, "too few requests to tell\n");
	CHECK(handled[0] && handled[1], "one vCPU got none\n");
	SAME(e.dropped, 0);
	SAME(e.delivered + e.coalesced, l.requests);
	SAME(handled[0] + handled[1], e.delivered);
}
