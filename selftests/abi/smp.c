// SPDX-License-Identifier: GPL-2.0
/*
 * smp.c - several vCPUs that call each other: no wake-up may be lost.
 *
 * The vCPUs of a ring pass a token by IPIs, tens of thousands of times.  Who
 * waits for it spins for a moment and then halts, or halts at once, so that
 * the IPI finds its target running, on its way to sleep, asleep, and on its
 * way back.  A call that is lost stops the ring for ever, and so fails the
 * case by its time limit; one that comes twice makes a count wrong.
 *
 * While the ring turns, the vCPUs' threads are moved between CPUs, interrupted
 * by signals, and told to leave at once.  After each of that the ring must turn
 * on by itself: only then comes the next, so that a signal can't make up for
 * what one before it has lost.  SDM 3A 11.6, 11.12.9.
 */
#include <pthread.h>
#include <sys/syscall.h>

#include "lib/abi.h"
#include "lib/apic.h"
#include "lib/exits.h"
#include "lib/guest.h"

#define VECTOR		0x60	/* and one more for each vCPU */
#define MAX_RING	4

/* The ring, as the guest sees it. */
static volatile u64 ring, rounds;
static volatile u64 apic_ids[MAX_RING];
static volatile u64 turns;

/* Until the token has come N times; how differs from time to time. */
static void wait_token(u32 vec, u64 n)
{
	u64 spins = n * 7 % 5 ? n * 13 % 97 : 0;

	sti();
	while (g_irqs[vec] < n && spins--)
		asm volatile("pause");
	cli();
	while (g_irqs[vec] < n) {
		sti_hlt();
		cli();
	}
}

static void pass_token(u64 to)
{
	apic_write64(APIC_ICR, apic_ids[to] << 32 | 0x4000 | (VECTOR + to));
}

static void ring_guest(u64 index)
{
	u64 next = (index + 1) % ring, n;

	apic_on();
	/* The others are there before the token starts. */
	__atomic_fetch_add(&turns, 1, __ATOMIC_SEQ_CST);
	while (!index && turns < ring)
		asm volatile("sti; pause; cli" : : : "memory");
	for (n = 1; n <= rounds; n++) {
		if (index)
			wait_token(VECTOR + index, n);
		else
			turns++;
		pass_token(next);
		if (!index)
			wait_token(VECTOR, n);
	}
}

struct runner {
	struct vcpu *v;
	pthread_t thread;
	volatile pid_t tid;
	volatile bool done;
};

static _Thread_local struct kvm_run *mine;

static void on_signal(int sig)
{
	(void)sig;
	if (mine)
		mine->immediate_exit = 1;
}

static void *run_thread(void *arg)
{
	struct runner *r = arg;

	mine = r->v->run;
	r->tid = syscall(SYS_gettid);
	for (;;) {
		if (!ioctl(r->v->fd, KVM_RUN, 0))
			break;
		if (errno != EINTR && errno != EAGAIN)
			die("KVM_RUN: %s\n", strerror(errno));
		r->v->run->immediate_exit = 0;
	}
	if (!is_done(r->v))
		fail("exit %s\n", exit_name(r->v->run->exit_reason));
	r->done = true;
	return NULL;
}

static void start_ring(struct vm *vm, struct runner *r, const u32 *ids, u32 n,
		       u64 times)
{
	struct kvm_mp_state runnable = { KVM_MP_STATE_RUNNABLE };
	struct sigaction sa = { .sa_handler = on_signal };
	u32 i;

	sigaction(SIGUSR1, &sa, NULL);
	*GVAR(vm, g_x2apic) = 1;
	*GVAR(vm, ring) = n;
	*GVAR(vm, rounds) = times;
	for (i = 0; i < n; i++) {
		*GVAR(vm, apic_ids[i]) = ids[i];
		r[i] = (struct runner){ .v = vcpu_new(vm, ids[i]) };
		r[i].v->id = i;		/* which names its stack */
		MUST(ioctl(r[i].v->fd, KVM_SET_MP_STATE, &runnable));
		mode_long_arg(r[i].v, ring_guest, i);
	}
	for (i = 0; i < n; i++)
		MUST(pthread_create(&r[i].thread, NULL, run_thread, &r[i]));
}

static void end_ring(struct vm *vm, struct runner *r, u32 n, u64 times)
{
	char name[16];
	u32 i;

	for (i = 0; i < n; i++)
		pthread_join(r[i].thread, NULL);
	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "tokens-%u", i);
		EQ(name, *GVAR(vm, g_irqs[VECTOR + i]), times);
	}
}

static void turn(const u32 *ids, u32 n, u64 times)
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct runner r[MAX_RING];

	start_ring(vm, r, ids, n, times);
	end_ring(vm, r, n, times);
}

static const u32 low_ids[MAX_RING] = { 0, 1, 2, 3 };

CASE_T(two, 60)
{
	turn(low_ids, 2, 20000);
}

CASE_T(four, 60)
{
	turn(low_ids, 4, 10000);
}

/* x2APIC IDs that no xAPIC could have. */
CASE_T(high_ids, 60)
{
	static const u32 ids[] = { 0, 300, 1023 };

	if (dev_cap(KVM_CAP_MAX_VCPU_ID) < 1024)
		skip("no vCPU IDs up to 1023");
	turn(ids, 3, 1000);
}

/* ---- while it turns ---- */

static bool all_done(struct runner *r, u32 n)
{
	u32 i;

	for (i = 0; i < n; i++)
		if (!r[i].done)
			return false;
	return true;
}

/* The ring goes on by itself, a few times round. */
static void see_it_turn(struct vm *vm, struct runner *r, u32 n)
{
	u64 before = *GVAR(vm, turns);

	while (*GVAR(vm, turns) < before + 3 && !all_done(r, n))
		usleep(50);
}

static void move(struct runner *r, u32 i)
{
	pin_thread(r->tid, i & 1);
}

static void interrupt(struct runner *r, u32 i)
{
	if (i & 1)
		r->v->run->immediate_exit = 1;
	if (!r->done)
		pthread_kill(r->thread, SIGUSR1);
}

static void turn_under(void (*act)(struct runner *r, u32 i), u32 n, u64 times)
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct runner r[MAX_RING];
	u32 i, acts = 0;

	start_ring(vm, r, low_ids, n, times);
	for (i = 0; i < n; i++)
		while (!r[i].tid)
			usleep(50);
	for (i = 0; !all_done(r, n); i = i * 1664525 + 1013904223, acts++) {
		act(&r[(i >> 20) % n], i >> 24);
		see_it_turn(vm, r, n);
	}
	end_ring(vm, r, n, times);
	note("%u times\n", acts);
	CHECK(acts > 100, "only %u times\n", acts);
}

CASE_T(two_interrupted, 60)
{
	turn_under(interrupt, 2, 10000);
}

CASE_T(three_moved, 60)
{
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		skip("one processor only");
	turn_under(move, 3, 10000);
}

/* ---- two that spin for each other, where only one can run ---- */

#define TURNS	40

static volatile u64 whose;

static void spin_guest(u64 me)
{
	u64 i;

	sti();
	for (i = 0; i < TURNS; i++) {
		while (whose != me)
			asm volatile("pause");
		whose = !me;
	}
	cli();
}

static void *spin_thread(void *arg)
{
	run_done(arg);
	return NULL;
}

static u64 spins_of(struct vcpu *v)
{
	struct exit_count c;

	if (!exits_read(v, &c))
		die("no exit counters in debugfs\n");
	return c.spin;
}

/* The CPU notices that one spins, and the other gets on with it. */
CASE_T(spin, 60)
{
	struct kvm_mp_state runnable = { KVM_MP_STATE_RUNNABLE };
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v[2];
	pthread_t t;
	u64 spins;
	u32 i;

	MUST(pin_thread(0, 0));
	for (i = 0; i < 2; i++) {
		v[i] = vcpu_new(vm, i);
		MUST(ioctl(v[i]->fd, KVM_SET_MP_STATE, &runnable));
		mode_long_arg(v[i], spin_guest, i);
	}
	MUST(pthread_create(&t, NULL, spin_thread, v[1]));
	run_done(v[0]);
	pthread_join(t, NULL);
	EQ("turns-over", *GVAR(vm, whose), 0);
	if (abi_on_kvm())
		return;
	spins = spins_of(v[0]) + spins_of(v[1]);
	note("%llu exits for %u turns\n", (unsigned long long)spins, 2 * TURNS);
	if (feature_used("ple_gap"))
		CHECK(spins >= TURNS, "%llu exits of %u loops\n",
		      (unsigned long long)spins, 2 * TURNS);
	else
		SAME(spins, 0);
}

/* ---- as many vCPUs as an 8-bit APIC ID can name ---- */

#define MANY	255
#define AP_PAGE	9	/* of the SIPI */
#define ARRIVED	0xf010	/* where they count themselves */

/* An application processor needs no stack: it counts itself, and stops. */
static const u8 many_code[] = {
	0x31, 0xc0,				/* xor %ax, %ax */
	0x8e, 0xd8,				/* mov %ax, %ds */
	0xf0, 0x66, 0xff, 0x06, 0x10, 0xf0,	/* lock incl ARRIVED */
	0xba, PORT_DONE & 0xff, PORT_DONE >> 8,	/* mov $PORT_DONE, %dx */
	0xee, 0xf4,				/* out %al, %dx; hlt */
};

/* Everyone but the sender: INIT, and SIPI. */
static void many_guest(void)
{
	volatile u32 *arrived = (u32 *)ARRIVED;

	apic_on();
	apic_write(APIC_ICR, 0xc4500);
	apic_write(APIC_ICR, 0xc4600 | AP_PAGE);
	while (*arrived < MANY - 1)
		asm volatile("sti; pause; cli" : : : "memory");
	g_value("arrived", *arrived, MANY - 1);
}

static void *many_thread(void *arg)
{
	struct vcpu *v = arg;

	vcpu_exit(v);
	if (!is_done(v))
		die("vCPU %u: exit %s\n", v->id, exit_name(v->run->exit_reason));
	return NULL;
}

CASE_T(all_255, 60)
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v[MANY];
	pthread_t t[MANY];
	u32 i;

	memcpy(vm->ram + AP_PAGE * 0x1000, many_code, sizeof(many_code));
	for (i = 0; i < MANY; i++)
		v[i] = vcpu_raw(vm, i);
	MUST(ioctl(v[0]->fd, KVM_SET_CPUID2, supported_cpuid(vm->dev)));
	for (i = 1; i < MANY; i++)
		if (pthread_create(&t[i], NULL, many_thread, v[i]))
			die("no thread %u\n", i);
	run_guest(v[0], many_guest);
	for (i = 1; i < MANY; i++)
		pthread_join(t[i], NULL);
}

/* ---- who is the bootstrap processor, and what the others wait for ---- */

static u32 mp_state(struct vcpu *v)
{
	struct kvm_mp_state s;

	MUST(ioctl(v->fd, KVM_GET_MP_STATE, &s));
	return s.mp_state;
}

static bool is_bsp(struct vcpu *v)
{
	struct kvm_sregs s;

	get_sregs(v, &s);
	return s.apic_base & APIC_BASE_BSP;
}

CASE(boot_cpu)
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v[2];
	int i;

	if (dev_cap(KVM_CAP_SET_BOOT_CPU_ID) < 1)
		skip("no KVM_CAP_SET_BOOT_CPU_ID");
	ERR("set", ioctl(vm->fd, KVM_SET_BOOT_CPU_ID, 1), 0);
	for (i = 0; i < 2; i++)
		v[i] = vcpu_new(vm, i);
	ERR("set-late", ioctl(vm->fd, KVM_SET_BOOT_CPU_ID, 0), EBUSY);
	EQ("bsp-0", is_bsp(v[0]), 0);
	EQ("bsp-1", is_bsp(v[1]), 1);
	EQ("mp-0", mp_state(v[0]), KVM_MP_STATE_UNINITIALIZED);
	EQ("mp-1", mp_state(v[1]), KVM_MP_STATE_RUNNABLE);
}

static int set_mp(struct vcpu *v, u32 state)
{
	struct kvm_mp_state s = { state };

	return ioctl(v->fd, KVM_SET_MP_STATE, &s);
}

CASE(mp_states)
{
	struct vcpu *v = vcpu_new(vm_new(VM_IRQCHIP), 0);

	ERR("halted", set_mp(v, KVM_MP_STATE_HALTED), 0);
	EQ("is-halted", mp_state(v), KVM_MP_STATE_HALTED);
	ERR("init", set_mp(v, KVM_MP_STATE_INIT_RECEIVED), 0);
	EQ("is-init", mp_state(v), KVM_MP_STATE_INIT_RECEIVED);
	ERR("uninitialized", set_mp(v, KVM_MP_STATE_UNINITIALIZED), 0);
	EQ("is-uninitialized", mp_state(v), KVM_MP_STATE_UNINITIALIZED);
	ERR("runnable", set_mp(v, KVM_MP_STATE_RUNNABLE), 0);
	EQ("is-runnable", mp_state(v), KVM_MP_STATE_RUNNABLE);
	ERR("unknown", set_mp(v, 77), EINVAL);
}

/* An application processor without its SIPI waits in KVM_RUN, and can be called. */
CASE(wait_for_sipi)
{
	struct vcpu *v = vcpu_new(vm_new(VM_IRQCHIP), 1);

	MUST(set_mp(v, KVM_MP_STATE_UNINITIALIZED));
	kick_after(20000);
	ERR("signal", ioctl(v->fd, KVM_RUN, 0), EINTR);
	no_kick();
	v->run->immediate_exit = 1;
	ERR("immediate", ioctl(v->fd, KVM_RUN, 0), EINTR);
	EQ("still", mp_state(v), KVM_MP_STATE_UNINITIALIZED);
}

/* ---- halt polling, set for one VM ---- */

CASE(halt_poll)
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct kvm_enable_cap cap = { .cap = KVM_CAP_HALT_POLL };

	if (ioctl(vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_HALT_POLL) < 1)
		skip("no KVM_CAP_HALT_POLL");
	cap.args[0] = 50000;
	ERR("some", ioctl(vm->fd, KVM_ENABLE_CAP, &cap), 0);
	cap.args[0] = 0;
	ERR("none", ioctl(vm->fd, KVM_ENABLE_CAP, &cap), 0);
	cap.args[0] = BIT(32);
	ERR("too-much", ioctl(vm->fd, KVM_ENABLE_CAP, &cap), EINVAL);
	cap.args[0] = 0;
	cap.flags = 1;
	ERR("flags", ioctl(vm->fd, KVM_ENABLE_CAP, &cap), EINVAL);
}
