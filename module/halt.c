// SPDX-License-Identifier: GPL-2.0
/*
 * halt.c - a vCPU that waits, one that is called, and one that gives way.
 *
 * A halted vCPU first polls for what could wake it, as long as nobody else
 * wants the CPU: waking a sleeper costs more than most guests sleep for.  How
 * long is adapted for each vCPU to how long its last waits took, between 0
 * and halt_poll_ns.  A TSC deadline is looked at while polling, so that a
 * short sleep needs no timer of the host's.  Then it sleeps, and any signal
 * wakes it.  If it sleeps for a deadline it is woken as much earlier as its
 * thread has taken to get the CPU before, and polls for the rest.
 *
 * Why no call is lost.  Someone who has something to tell a vCPU
 *
 *	S1  writes it down (IRR, events, a bit of vcpu->requests)
 *	S2  full barrier
 *	S3  reads vcpu->in_guest
 *	S4  if it was set, interrupts the CPU of vcpu->cpu
 *	S5  else wakes the sleeper in vcpu->wait: full barrier, reads who it is
 *
 * and the vCPU, in its loop,
 *
 *	V1  turns interrupts off, sets in_guest
 *	V2  full barrier
 *	V3  reads requests, acts on them, enters the guest
 *	V4  after the exit, clears in_guest
 *	W1  or, halted, registers itself in wait; full barrier
 *	W2  reads all of S1 that can end a halt, and sleeps if there is nothing
 *
 * S3 saw in_guest set.  If by the V1 of this stay: from V1 to the exit
 * interrupts are off, so the thread can't leave the CPU, whose number was
 * written before V1; the interrupt of S4 goes there, is pending at the VM entry
 * at the latest, and makes the guest exit.  If by a V1 before this stay: then S1
 * is before S3, S3 before the V4 that cleared it, and that before V2 of this
 * stay or W1 of this sleep, so V3 or W2 finds what S1 wrote.
 *
 * S3 saw it clear.  If V1 comes after: S1, S2, S3 on one side and V1, V2, V3 on
 * the other can't both miss the other's write, so V3 sees S1.  If the vCPU goes
 * to sleep instead, the same holds of S1, S5 and W1, W2: either W2 sees S1, or
 * S5 sees the sleeper and wakes it, and W2 is done again.
 *
 * A sender on the vCPU's own CPU that saw in_guest has interrupted the thread
 * outside of V1 to V4, where in_guest is cleared next and V1 comes again: it
 * need not interrupt anyone.
 *
 * Owns vcpu->wait, the polling window, and which thread a vCPU has (for
 * yield_to).  Takes no locks; RCU covers vcpu->pid.
 */
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/moduleparam.h>
#include <linux/pid.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/stat.h>
#include <linux/sched/task.h>

#include "ospite.h"

static unsigned int halt_poll_ns = 200000;
module_param(halt_poll_ns, uint, 0644);
MODULE_PARM_DESC(halt_poll_ns, "longest time to poll in HLT, in ns; 0: never (default 200000)");

static unsigned int halt_poll_ns_grow = 2;
module_param(halt_poll_ns_grow, uint, 0644);
MODULE_PARM_DESC(halt_poll_ns_grow, "the window is multiplied by this when it was too short; 0: it never grows (default 2)");

static unsigned int halt_poll_ns_grow_start = 10000;
module_param(halt_poll_ns_grow_start, uint, 0644);
MODULE_PARM_DESC(halt_poll_ns_grow_start, "smallest window other than none, in ns (default 10000)");

static unsigned int halt_poll_ns_shrink;
module_param(halt_poll_ns_shrink, uint, 0644);
MODULE_PARM_DESC(halt_poll_ns_shrink, "the window is divided by this when polling was in vain; 0: it becomes none (default 0)");

/* TSC ticks of one sleep, so that ns fit in 63 bits; then it sleeps again. */
#define LONGEST_SLEEP	BIT_ULL(42)

/* Nobody is woken earlier than this many ns before the deadline. */
#define LONGEST_WAKE_UP	100000

/* The longest window of a VM: its own (KVM_CAP_HALT_POLL), or the module's. */
static u32 longest_poll(const struct osp_vm *vm)
{
	/* The word before the value that it makes count; pairs with vm.c. */
	if (smp_load_acquire(&vm->halt_poll_set))
		return READ_ONCE(vm->halt_poll_ns);
	return READ_ONCE(halt_poll_ns);
}

static void grow(struct osp_vcpu *vcpu, u32 longest)
{
	u32 factor = READ_ONCE(halt_poll_ns_grow);
	u64 window = (u64)vcpu->poll_ns * factor;

	if (!factor)
		return;
	window = max_t(u64, window, READ_ONCE(halt_poll_ns_grow_start));
	vcpu->poll_ns = min_t(u64, window, longest);
}

static void shrink(struct osp_vcpu *vcpu)
{
	u32 divisor = READ_ONCE(halt_poll_ns_shrink);

	vcpu->poll_ns = divisor ? vcpu->poll_ns / divisor : 0;
	if (vcpu->poll_ns < READ_ONCE(halt_poll_ns_grow_start))
		vcpu->poll_ns = 0;
}

/* After a wait of @waited ns: would a longer window have covered it? */
static void adapt(struct osp_vcpu *vcpu, u64 waited)
{
	u32 longest = longest_poll(vcpu->vm);

	if (vcpu->poll_ns > longest)
		vcpu->poll_ns = longest;
	if (waited <= vcpu->poll_ns)
		return;
	if (waited < longest)
		grow(vcpu, longest);
	else if (vcpu->poll_ns)
		shrink(vcpu);
}

/* Is there a reason to go on?  While nobody sleeps, deadlines are looked at here. */
static bool poll_once(struct osp_vcpu *vcpu)
{
	if (vcpu->lapic && osp_lapic_deadline_waits(vcpu->lapic))
		osp_lapic_deadline_left(vcpu->lapic);
	return osp_vcpu_runnable(vcpu);
}

/* Returns whether there is a reason to go on, at the time @end at the latest. */
static bool poll(struct osp_vcpu *vcpu, u64 end)
{
	do {
		if (poll_once(vcpu))
			return true;
		cpu_relax();
	} while (!need_resched() && !signal_pending(current) &&
		 single_task_running() && ktime_get_ns() < end);
	return false;
}

/*
 * Sleep until there is a reason to go on, or a signal.  Returns true if neither
 * has come before the time @until; NULL is never.
 */
static bool sleep_until(struct osp_vcpu *vcpu, ktime_t *until)
{
	bool over = false;

	prepare_to_rcuwait(&vcpu->wait);
	while (!over) {
		set_current_state(TASK_INTERRUPTIBLE);	/* W1 */
		if (osp_vcpu_runnable(vcpu) || signal_pending(current))
			break;
		over = !schedule_hrtimeout(until, HRTIMER_MODE_ABS);
	}
	finish_rcuwait(&vcpu->wait);
	return over;
}

/* In ns, how long until a deadline that nobody else waits for; 0: there is none. */
static u64 deadline_left(struct osp_vcpu *vcpu)
{
	u64 left;

	if (!vcpu->lapic || !osp_lapic_deadline_waits(vcpu->lapic))
		return 0;
	left = min_t(u64, osp_lapic_deadline_left(vcpu->lapic), LONGEST_SLEEP);
	return left ? mul_u64_u32_div(left, 1000000, osp_tsc_khz()) + 1 : 0;
}

/* The thread has got the CPU @late ns after it was to be woken. */
static void learn_wake_up(struct osp_vcpu *vcpu, u64 late)
{
	if (late > vcpu->wake_ns)
		vcpu->wake_ns = min_t(u64, late, LONGEST_WAKE_UP);
	else
		vcpu->wake_ns -= (vcpu->wake_ns - (u32)late) / 8;
}

static void sleep(struct osp_vcpu *vcpu)
{
	u64 early = min(vcpu->wake_ns, longest_poll(vcpu->vm));
	u64 left = deadline_left(vcpu), now;
	ktime_t until;

	if (!left) {
		sleep_until(vcpu, NULL);
		return;
	}
	if (early >= left)
		early = 0;
	until = ns_to_ktime(ktime_get_ns() + left - early);
	if (!sleep_until(vcpu, &until))
		return;
	now = ktime_get_ns();
	learn_wake_up(vcpu, now - ktime_to_ns(until));
	/* Whoever wants the CPU ends this; the caller then comes again. */
	if (early)
		poll(vcpu, now + early);
}

/**
 * osp_vcpu_block() - wait until there is a reason to run, or a signal
 * @vcpu: the vCPU, loaded; halted, or waiting for INIT or SIPI
 *
 * If there is a reason the vCPU is halted no more.
 *
 * Context: the vCPU's thread; sleeps, and any signal ends that.
 */
void osp_vcpu_block(struct osp_vcpu *vcpu)
{
	u64 start, window = min(vcpu->poll_ns, longest_poll(vcpu->vm));

	if (!poll_once(vcpu)) {
		start = ktime_get_ns();
		if (!window || !poll(vcpu, start + window))
			sleep(vcpu);
		adapt(vcpu, ktime_get_ns() - start);
		if (!poll_once(vcpu))
			return;
	}
	vcpu->halted = false;
	osp_request(vcpu, OSP_REQ_EVENT);
}

/**
 * osp_kick() - make a vCPU look at its requests
 * @vcpu: the vCPU; the request is set already
 *
 * Wakes it from HLT, or gets it out of the guest; see above for why none is
 * lost.
 *
 * Context: any, also hard interrupts.
 */
void osp_kick(struct osp_vcpu *vcpu)
{
	int cpu;

	smp_mb__after_atomic();	/* S2, pairs with V2 */
	/* S3, before cpu is read; pairs with V1. */
	if (smp_load_acquire(&vcpu->in_guest)) {
		cpu = READ_ONCE(vcpu->cpu);
		if (cpu >= 0 && cpu != raw_smp_processor_id())
			osp_host_reschedule(cpu);
		return;
	}
	if (rcuwait_wake_up(&vcpu->wait))
		WRITE_ONCE(vcpu->ready, true);
}

/* ---- giving way ---- */

/**
 * osp_vcpu_set_thread() - this thread runs the vCPU from now on
 * @vcpu: the vCPU, mutex held, not loaded
 *
 * Context: process context; waits for RCU if it was another one.
 */
void osp_vcpu_set_thread(struct osp_vcpu *vcpu)
{
	struct pid *old = rcu_dereference_protected(vcpu->pid,
					lockdep_is_held(&vcpu->mutex));

	if (likely(old == task_pid(current)))
		return;
	rcu_assign_pointer(vcpu->pid, get_pid(task_pid(current)));
	if (!old)
		return;
	synchronize_rcu();
	put_pid(old);
}

/**
 * osp_vcpu_forget_thread() - the vCPU is being destroyed
 * @vcpu: the vCPU; nobody yields to it any more
 */
void osp_vcpu_forget_thread(struct osp_vcpu *vcpu)
{
	put_pid(rcu_access_pointer(vcpu->pid));
}

/* Returns as yield_to(): above 0 if that vCPU's thread has been given the CPU. */
static int yield_to_vcpu(struct osp_vcpu *vcpu)
{
	struct task_struct *task;
	int r;

	rcu_read_lock();
	task = get_pid_task(rcu_dereference(vcpu->pid), PIDTYPE_PID);
	rcu_read_unlock();
	if (!task)
		return 0;
	r = yield_to(task, true);
	put_task_struct(task);
	return r;
}

/*
 * How often yield_to() may say that no run queue has more than one thread: then
 * who holds the lock runs, most likely.
 */
#define YIELD_TRIES	3

/*
 * One round over the siblings, from the one after who got it last.  Returns
 * whether one got the CPU.
 */
static bool yield_round(struct osp_vcpu *vcpu, bool to_spinning, int *tries)
{
	struct osp_vm *vm = vcpu->vm;
	unsigned int nr = READ_ONCE(vm->nr_vcpus), i, index;
	unsigned int last = READ_ONCE(vm->last_yielded);
	struct osp_vcpu *other;
	int r;

	for (i = 1; i <= nr && *tries; i++) {
		index = (last + i) % nr;
		other = xa_load(&vm->vcpus, index);
		if (!other || other == vcpu || !READ_ONCE(other->ready) ||
		    READ_ONCE(other->spinning) != to_spinning)
			continue;
		r = yield_to_vcpu(other);
		if (r > 0) {
			WRITE_ONCE(vm->last_yielded, index);
			return true;
		}
		*tries += r < 0 ? -1 : 0;
	}
	return false;
}

/**
 * osp_vcpu_on_spin() - the guest spins: let a sibling that could run do so
 * @vcpu: the vCPU
 *
 * Siblings whose threads were preempted, or have just been woken, may hold what
 * the guest waits for; those that were preempted while they gave way
 * themselves come last.
 *
 * Context: the vCPU's thread, interrupts on; may schedule.
 */
void osp_vcpu_on_spin(struct osp_vcpu *vcpu)
{
	int tries = YIELD_TRIES;

	WRITE_ONCE(vcpu->spinning, true);
	if (!yield_round(vcpu, false, &tries))
		yield_round(vcpu, true, &tries);
	WRITE_ONCE(vcpu->spinning, false);
}
