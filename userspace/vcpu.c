// SPDX-License-Identifier: GPL-2.0
/*
 * vcpu.c - the thread that runs a vCPU: enter the guest, see why it came out,
 * serve that, go back in.
 *
 * One table has a row per exit reason.  A handler serves the exit, or ends the
 * VM with vm_end(); the loop looks at nothing but "is the VM ending?".
 *
 * A thread is called out of the guest by a signal whose handler sets
 * immediate_exit in the vCPU's own run page: wherever the signal falls, before,
 * in or after KVM_RUN, the next KVM_RUN returns at once (api.rst,
 * KVM_CAP_IMMEDIATE_EXIT).
 *
 * Owns: the vCPU descriptor and its run page.  Locks: a device's, in the bus.
 */
#include <errno.h>
#include <linux/ospite.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dev/dev.h"
#include "exit_names.h"
#include "say.h"
#include "stats.h"
#include "vm.h"

#define KICK_SIGNAL	SIGRTMIN

static _Thread_local struct kvm_run *running;

static void on_kick(int sig)
{
	(void)sig;
	if (running)
		running->immediate_exit = 1;
}

/**
 * vcpu_catch_kicks() - set up the signal that calls vCPUs out of the guest
 *
 * Return: 0, or -1 after saying why.
 */
int vcpu_catch_kicks(void)
{
	/* No SA_RESTART: a thread blocked in write(2) is to come out too. */
	struct sigaction sa = { .sa_handler = on_kick };

	if (sigaction(KICK_SIGNAL, &sa, NULL))
		return say_fail("signal %d can't be used: %s", KICK_SIGNAL,
				strerror(errno));
	return 0;
}

static void exit_io(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	u8 *data = (u8 *)run + run->io.data_offset;
	struct stats *stats = vcpu->vm->stats;
	u32 i;

	if (stats)
		stats_count(run->io.direction == KVM_EXIT_IO_IN ?
			    &stats->in[run->io.port] :
			    &stats->out[run->io.port], run->io.count);
	for (i = 0; i < run->io.count; i++, data += run->io.size) {
		if (run->io.direction == KVM_EXIT_IO_IN)
			bus_in(vcpu->vm, run->io.port, run->io.size, data);
		else
			bus_out(vcpu->vm, run->io.port, run->io.size, data);
	}
}

/* No device has memory-mapped registers: reads are all ones. */
static void exit_mmio(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	if (!run->mmio.is_write)
		memset(run->mmio.data, 0xff, sizeof(run->mmio.data));
}

static void exit_nothing(struct vcpu *vcpu)
{
	(void)vcpu;
}

static void end_with_registers(struct vcpu *vcpu, enum vm_end end,
			       const char *what)
{
	char regs[3072];

	explain_vcpu(vcpu, regs, sizeof(regs));
	vm_end(vcpu->vm, end, "%s\n%s", what, regs);
}

static void exit_shutdown(struct vcpu *vcpu)
{
	char what[128];

	snprintf(what, sizeof(what),
		 "the guest crashed: triple fault on CPU %u (an exception while its double fault handler was called)",
		 vcpu->id);
	end_with_registers(vcpu, END_CRASH, what);
}

/* Ospite has put the broken rule into the run page; KVM knows none. */
static void exit_fail_entry(struct vcpu *vcpu)
{
	const struct ospite_fail_entry *fail = (void *)&vcpu->run->fail_entry;
	char what[400];

	if (ioctl(vcpu->vm->dev_fd, KVM_CHECK_EXTENSION,
		  OSPITE_CAP_FAIL_ENTRY_RULE) > 0)
		snprintf(what, sizeof(what), "CPU %u: VM entry failed: %.*s",
			 vcpu->id, (int)sizeof(fail->rule), fail->rule);
	else
		snprintf(what, sizeof(what),
			 "CPU %u: VM entry failed, hardware reason 0x%llx",
			 vcpu->id, (unsigned long long)
			 fail->hardware_entry_failure_reason);
	end_with_registers(vcpu, END_VMERROR, what);
}

static const char *suberror_name(u32 suberror)
{
	switch (suberror) {
	case KVM_INTERNAL_ERROR_EMULATION:
		return "an instruction it can't emulate";
	case KVM_INTERNAL_ERROR_SIMUL_EX:
		return "simultaneous exceptions it can't deliver";
	case KVM_INTERNAL_ERROR_DELIVERY_EV:
		return "an exit while it delivered an event";
	case KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON:
		return "a VM exit it does not know";
	}
	return "an unknown internal error";
}

static void exit_internal_error(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	u32 i, n = run->internal.ndata;
	char what[640];
	int len;

	len = snprintf(what, sizeof(what),
		       "CPU %u: the hypervisor met %s (internal error %u; data:",
		       vcpu->id, suberror_name(run->internal.suberror),
		       run->internal.suberror);
	if (n > ARRAY_SIZE(run->internal.data))
		n = ARRAY_SIZE(run->internal.data);
	for (i = 0; i < n; i++)
		len += snprintf(what + len, sizeof(what) - len, " 0x%llx",
				(unsigned long long)run->internal.data[i]);
	snprintf(what + len, sizeof(what) - len, "%s)", n ? "" : " none");
	end_with_registers(vcpu, END_VMERROR, what);
}

/* A guest may ask for a reset in this way under some hypervisors. */
static void exit_system_event(struct vcpu *vcpu)
{
	switch (vcpu->run->system_event.type) {
	case KVM_SYSTEM_EVENT_SHUTDOWN:
		vm_end(vcpu->vm, END_POWEROFF, "%s", "");
		break;
	case KVM_SYSTEM_EVENT_RESET:
		vm_end(vcpu->vm, END_RESET, "%s", "");
		break;
	default:
		end_with_registers(vcpu, END_CRASH, "the guest crashed");
	}
}

static void exit_unknown(struct vcpu *vcpu)
{
	char what[128];

	snprintf(what, sizeof(what),
		 "CPU %u: exit %s (%u), which this command does not serve",
		 vcpu->id, exit_name(vcpu->run->exit_reason),
		 vcpu->run->exit_reason);
	end_with_registers(vcpu, END_VMERROR, what);
}

static const struct {
	const char *name;
	void (*handle)(struct vcpu *vcpu);
} exits[] = {
	[KVM_EXIT_UNKNOWN]	  = { "unknown",	NULL },
	[KVM_EXIT_EXCEPTION]	  = { "exception",	NULL },
	[KVM_EXIT_IO]		  = { "io",		exit_io },
	[KVM_EXIT_HYPERCALL]	  = { "hypercall",	NULL },
	[KVM_EXIT_DEBUG]	  = { "debug",		NULL },
	[KVM_EXIT_HLT]		  = { "hlt",		NULL },
	[KVM_EXIT_MMIO]		  = { "mmio",		exit_mmio },
	[KVM_EXIT_IRQ_WINDOW_OPEN] = { "irq_window_open", exit_nothing },
	[KVM_EXIT_SHUTDOWN]	  = { "shutdown",	exit_shutdown },
	[KVM_EXIT_FAIL_ENTRY]	  = { "fail_entry",	exit_fail_entry },
	[KVM_EXIT_INTR]		  = { "intr",		exit_nothing },
	[KVM_EXIT_SET_TPR]	  = { "set_tpr",	NULL },
	[KVM_EXIT_TPR_ACCESS]	  = { "tpr_access",	NULL },
	[KVM_EXIT_NMI]		  = { "nmi",		NULL },
	[KVM_EXIT_INTERNAL_ERROR] = { "internal_error",	exit_internal_error },
	[KVM_EXIT_WATCHDOG]	  = { "watchdog",	NULL },
	[KVM_EXIT_SYSTEM_EVENT]	  = { "system_event",	exit_system_event },
	[KVM_EXIT_IOAPIC_EOI]	  = { "ioapic_eoi",	NULL },
	[KVM_EXIT_X86_RDMSR]	  = { "x86_rdmsr",	NULL },
	[KVM_EXIT_X86_WRMSR]	  = { "x86_wrmsr",	NULL },
};

/**
 * exit_name() - an exit reason in words
 * @reason: KVM_EXIT_*
 *
 * Return: its name in lower case, "other" if there is none.
 */
const char *exit_name(unsigned int reason)
{
	if (reason < ARRAY_SIZE(exits) && exits[reason].name)
		return exits[reason].name;
	return "other";
}

static void handle_exit(struct vcpu *vcpu)
{
	u32 reason = vcpu->run->exit_reason;

	if (reason < ARRAY_SIZE(vcpu->exits))
		vcpu->exits[reason]++;
	if (reason < ARRAY_SIZE(exits) && exits[reason].handle)
		exits[reason].handle(vcpu);
	else
		exit_unknown(vcpu);
}

static void *vcpu_thread(void *arg)
{
	struct vcpu *vcpu = arg;
	struct vm *vm = vcpu->vm;
	sigset_t kick;

	running = vcpu->run;
	running->immediate_exit = 0;	/* of a thread before this one */
	sigemptyset(&kick);
	sigaddset(&kick, KICK_SIGNAL);
	pthread_sigmask(SIG_UNBLOCK, &kick, NULL);

	while (!__atomic_load_n(&vm->leave, __ATOMIC_ACQUIRE)) {
		if (!ioctl(vcpu->fd, KVM_RUN, 0))
			handle_exit(vcpu);
		else if (errno != EINTR && errno != EAGAIN)
			vm_end(vm, END_VMERROR, "CPU %u: KVM_RUN failed: %s (the kernel log may say more: dmesg)",
			       vcpu->id, strerror(errno));
	}
	return NULL;
}

static int map_run(struct vcpu *vcpu)
{
	vcpu->run = mmap(NULL, vcpu->vm->run_size, PROT_READ | PROT_WRITE,
			 MAP_SHARED, vcpu->fd, 0);
	if (vcpu->run != MAP_FAILED)
		return 0;
	vcpu->run = NULL;
	return say_fail("%s: CPU %u's run page can't be mapped: %s (try fewer --cpus)",
			vcpu->vm->cfg->dev, vcpu->id, strerror(errno));
}

/**
 * vcpu_create() - make a vCPU
 * @vcpu: filled in
 * @vm: its VM, with the interrupt controllers made
 * @id: its number, from 0
 *
 * Return: 0, or -1 after saying why.
 */
int vcpu_create(struct vcpu *vcpu, struct vm *vm, unsigned int id)
{
	vcpu->vm = vm;
	vcpu->id = id;
	vcpu->fd = ioctl(vm->fd, KVM_CREATE_VCPU, (unsigned long)id);
	if (vcpu->fd < 0)
		return say_fail("%s: CPU %u could not be created: %s (try fewer --cpus)",
				vm->cfg->dev, id, strerror(errno));
	return map_run(vcpu);
}

/**
 * vcpu_adopt() - go on with another vCPU in the place of this one
 * @vcpu: the vCPU, without a thread
 * @fd: the other's descriptor, which is ours from now on
 *
 * Return: 0, or -1 after saying why.
 */
int vcpu_adopt(struct vcpu *vcpu, int fd)
{
	vcpu_destroy(vcpu);
	vcpu->fd = fd;
	return map_run(vcpu);
}

/**
 * vcpu_destroy() - free a vCPU; its thread has ended
 * @vcpu: from vcpu_create(), or with fd -1
 */
void vcpu_destroy(struct vcpu *vcpu)
{
	if (vcpu->run)
		munmap(vcpu->run, vcpu->vm->run_size);
	if (vcpu->fd >= 0)
		close(vcpu->fd);
	vcpu->run = NULL;
	vcpu->fd = -1;
}

/**
 * vcpu_start() - start the vCPU's thread
 * @vcpu: the vCPU, with its registers set
 *
 * Return: 0, or -1 after saying why.
 */
int vcpu_start(struct vcpu *vcpu)
{
	char name[16];
	int ret;

	ret = pthread_create(&vcpu->thread, NULL, vcpu_thread, vcpu);
	if (ret)
		return say_fail("no thread for CPU %u: %s (try fewer --cpus)",
				vcpu->id, strerror(ret));
	vcpu->started = true;
	snprintf(name, sizeof(name), "vcpu%u", vcpu->id);
	pthread_setname_np(vcpu->thread, name);
	return 0;
}

/**
 * vcpu_stop() - call the thread out of the guest and wait for its end
 * @vcpu: the vCPU; vm->leave is set, so that the thread's loop ends
 */
void vcpu_stop(struct vcpu *vcpu)
{
	if (!vcpu->started)
		return;
	pthread_kill(vcpu->thread, KICK_SIGNAL);
	pthread_join(vcpu->thread, NULL);
	vcpu->started = false;
}
