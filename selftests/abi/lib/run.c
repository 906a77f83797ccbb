// SPDX-License-Identifier: GPL-2.0
/*
 * run.c - running a guest up to something, and reading what it noted.
 *
 * A guest ends with an OUT to PORT_DONE; an exception that it did not expect
 * ends it with an OUT to PORT_PANIC, which fails the case and says where.
 */
#include <sched.h>
#include <sys/time.h>

#include "abi.h"
#include "guest.h"

/**
 * errno_name() - the symbol of an errno
 * @e: the errno
 *
 * Return: its name, "ok" for 0; the number for one the tests do not use.
 */
const char *errno_name(int e)
{
	static char num[16];
	const char *n = e ? strerrorname_np(e) : "ok";

	if (n)
		return n;
	snprintf(num, sizeof(num), "%d", e);
	return num;
}

/**
 * exit_name() - the name of an exit reason
 * @reason: KVM_EXIT_*
 *
 * Return: its name without the prefix, or the number.
 */
const char *exit_name(u32 reason)
{
	static const char * const names[] = {
		[KVM_EXIT_UNKNOWN] = "UNKNOWN",
		[KVM_EXIT_EXCEPTION] = "EXCEPTION",
		[KVM_EXIT_IO] = "IO",
		[KVM_EXIT_HYPERCALL] = "HYPERCALL",
		[KVM_EXIT_DEBUG] = "DEBUG",
		[KVM_EXIT_HLT] = "HLT",
		[KVM_EXIT_MMIO] = "MMIO",
		[KVM_EXIT_IRQ_WINDOW_OPEN] = "IRQ_WINDOW_OPEN",
		[KVM_EXIT_SHUTDOWN] = "SHUTDOWN",
		[KVM_EXIT_FAIL_ENTRY] = "FAIL_ENTRY",
		[KVM_EXIT_INTR] = "INTR",
		[KVM_EXIT_SET_TPR] = "SET_TPR",
		[KVM_EXIT_NMI] = "NMI",
		[KVM_EXIT_INTERNAL_ERROR] = "INTERNAL_ERROR",
		[KVM_EXIT_SYSTEM_EVENT] = "SYSTEM_EVENT",
		[KVM_EXIT_IOAPIC_EOI] = "IOAPIC_EOI",
	};
	static char num[16];

	if (reason < ARRAY_LEN(names) && names[reason])
		return names[reason];
	snprintf(num, sizeof(num), "%u", reason);
	return num;
}

/**
 * vec_name() - the mnemonic of an exception
 * @vec: its vector, or NOFAULT
 *
 * Return: such as "#GP"; "none" for NOFAULT; the number for interrupts.
 */
const char *vec_name(int vec)
{
	static const char * const names[] = {
		"#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD", "#NM", "#DF",
		"9", "#TS", "#NP", "#SS", "#GP", "#PF", "15", "#MF", "#AC",
		"#MC", "#XM",
	};
	static char num[16];

	if (vec == NOFAULT)
		return "none";
	if ((unsigned int)vec < ARRAY_LEN(names))
		return names[vec];
	snprintf(num, sizeof(num), "%d", vec);
	return num;
}

static bool is_out(struct vcpu *v, u16 port)
{
	struct kvm_run *r = v->run;

	return r->exit_reason == KVM_EXIT_IO &&
	       r->io.direction == KVM_EXIT_IO_OUT && r->io.port == port;
}

static u32 io_val(struct vcpu *v)
{
	u32 val = 0;

	memcpy(&val, (u8 *)v->run + v->run->io.data_offset, v->run->io.size);
	return val;
}

/** is_done() - did the guest say that it is through? @v: the vCPU */
bool is_done(struct vcpu *v)
{
	return is_out(v, PORT_DONE);
}

/**
 * is_sync() - did the guest stop at a rendezvous?
 * @v: the vCPU
 * @val: what it wrote
 *
 * Return: whether it did.
 */
bool is_sync(struct vcpu *v, u32 *val)
{
	if (!is_out(v, PORT_SYNC))
		return false;
	*val = io_val(v);
	return true;
}

/**
 * heed_panic() - end the case if the guest took an unexpected exception
 * @v: the vCPU, whose KVM_RUN has returned 0
 */
void heed_panic(struct vcpu *v)
{
	struct kvm_regs r = { 0 };
	u32 vec;

	if (!is_out(v, PORT_PANIC))
		return;
	vec = io_val(v);
	get_regs(v, &r);
	die("guest took %s (error %#llx) at %#llx, CR2 %#llx\n",
	    vec_name(vec), (unsigned long long)r.rbx,
	    (unsigned long long)r.rcx, (unsigned long long)r.rdx);
}

/**
 * vcpu_exit() - run to the next exit that is not an interruption
 * @v: the vCPU
 *
 * A guest's panic and an errno other than EINTR end the case.
 *
 * Return: the exit reason.
 */
u32 vcpu_exit(struct vcpu *v)
{
	int e;

	do {
		e = vcpu_run(v);
	} while (e == EINTR || e == EAGAIN);
	if (e)
		die("KVM_RUN: %s\n", strerror(e));
	heed_panic(v);
	return v->run->exit_reason;
}

static void say_exit(struct vcpu *v)
{
	struct kvm_regs r = { 0 };

	get_regs(v, &r);
	note("exit %s at rip %#llx\n", exit_name(v->run->exit_reason),
	     (unsigned long long)r.rip);
	if (v->run->exit_reason == KVM_EXIT_INTERNAL_ERROR)
		note("suberror %u\n", v->run->internal.suberror);
	if (v->run->exit_reason == KVM_EXIT_FAIL_ENTRY)
		note("hardware reason %#llx\n", (unsigned long long)
		     v->run->fail_entry.hardware_entry_failure_reason);
	if (v->run->exit_reason == KVM_EXIT_MMIO)
		note("address %#llx\n",
		     (unsigned long long)v->run->mmio.phys_addr);
	if (v->run->exit_reason == KVM_EXIT_IO)
		note("port %#x\n", v->run->io.port);
}

/**
 * expect_exit() - run to the next exit; it must have this reason
 * @v: the vCPU
 * @name: of the observation
 * @reason: KVM_EXIT_*
 */
void expect_exit(struct vcpu *v, const char *name, u32 reason)
{
	u32 got = vcpu_exit(v);

	obs(name, "exit %s", exit_name(got));
	if (got == reason)
		return;
	say_exit(v);
	die("%s: exit %s, not %s\n", name, exit_name(got), exit_name(reason));
}

/**
 * run_done() - run the guest until it is through
 * @v: the vCPU
 *
 * Any other exit fails the case.
 */
void run_done(struct vcpu *v)
{
	u32 reason = vcpu_exit(v);

	if (is_done(v))
		return;
	say_exit(v);
	die("guest stopped with exit %s\n", exit_name(reason));
}

/**
 * run_guest() - run a C function in long mode, then check what it noted
 * @v: the vCPU
 * @fn: the function; it need not end with guest_done()
 */
void run_guest(struct vcpu *v, void (*fn)(void))
{
	mode_long(v, fn);
	run_done(v);
	check_log(v->vm);
}

/** clear_log() - forget what guests noted; @vm: the VM */
void clear_log(struct vm *vm)
{
	((struct guest_log *)(vm->ram + GPA_LOG))->nr = 0;
}

static void check_rec(const struct guest_rec *r)
{
	if (r->vec != NOFAULT && r->flags & REC_ERR)
		obs(r->name, "%s(%#x)", vec_name(r->vec), r->err);
	else if (r->vec != NOFAULT || !(r->flags & (REC_VAL | REC_SHOW)))
		obs(r->name, "%s", vec_name(r->vec));
	else
		obs(r->name, "%#llx", (unsigned long long)r->val);
	if (r->vec != r->want_vec) {
		fail("%s: got %s", r->name, vec_name(r->vec));
		printf(", not %s\n", vec_name(r->want_vec));
	} else if (r->vec != NOFAULT && r->flags & REC_ERR &&
		   r->err != r->want_err) {
		fail("%s: error code %#x, not %#x\n", r->name, r->err,
		     r->want_err);
	} else if (r->flags & REC_VAL && r->val != r->want) {
		fail("%s: value %#llx, not %#llx\n", r->name,
		     (unsigned long long)r->val, (unsigned long long)r->want);
	}
}

/**
 * check_log() - print and assert all that the guest noted, then forget it
 * @vm: the VM
 *
 * A guest that noted nothing fails the case: it did not run.
 */
void check_log(struct vm *vm)
{
	struct guest_log *log = (void *)(vm->ram + GPA_LOG);
	u32 i;

	if (!log->nr)
		fail("the guest noted nothing\n");
	if (log->nr > LOG_MAX)
		die("the guest's log is overrun: %u\n", log->nr);
	for (i = 0; i < log->nr; i++)
		check_rec(&log->rec[i]);
	log->nr = 0;
}

static void on_alarm(int sig)
{
	(void)sig;
}

/**
 * kick_after() - interrupt KVM_RUN by a signal, again and again
 * @usecs: microseconds until the first, and between them
 */
void kick_after(unsigned int usecs)
{
	struct sigaction sa = { .sa_handler = on_alarm };
	struct itimerval it = {
		.it_value = { usecs / 1000000, usecs % 1000000 },
		.it_interval = { usecs / 1000000, usecs % 1000000 },
	};

	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &it, NULL);
}

/** no_kick() - end what kick_after() began */
void no_kick(void)
{
	struct itimerval it = { 0 };

	setitimer(ITIMER_REAL, &it, NULL);
}

/**
 * pin_thread() - let a thread run on one CPU only
 * @tid: the thread; 0: this one
 * @cpu: the CPU's number
 *
 * Return: 0, or -1 with errno set.
 */
int pin_thread(pid_t tid, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(tid, sizeof(set), &set);
}
