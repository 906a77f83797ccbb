// SPDX-License-Identifier: GPL-2.0
/*
 * ops_smp.c - what it takes one vCPU to call another, or to wait for it.
 *
 * Two vCPUs, each in a thread.  For calls they have a CPU each; the first times
 * itself, as in ops_exit.c, from before its write to the ICR to the first
 * instruction of the other's handler, by TSCs that agree.  To see how well they
 * share one, both spin on the first CPU.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include "bench.h"
#include "guest.h"
#include "vm.h"

struct second {
	struct vm vm;
	int cpu;
	pthread_t thread;
	int stop;
	int over;		/* its thread is about to end */
	int ret;
};

static void on_signal(int sig)
{
	(void)sig;
}

static void *run_second(void *arg)
{
	struct second *second = arg;
	cpu_set_t cpu;

	CPU_ZERO(&cpu);
	CPU_SET(second->cpu, &cpu);
	if (sched_setaffinity(0, sizeof(cpu), &cpu) < 0)
		second->ret = failed("sched_setaffinity");
	else
		second->ret = vm_run_second(&second->vm, &second->stop);
	__atomic_store_n(&second->over, 1, __ATOMIC_RELEASE);
	return NULL;
}

static int start_second(struct second *second, const struct row *row)
{
	struct sigaction sa = { .sa_handler = on_signal };

	if (vm_start_second(&second->vm, row->other) < 0)
		return -1;
	sigaction(SIGUSR1, &sa, NULL);
	if (pthread_create(&second->thread, NULL, run_second, second))
		return failed("pthread_create");
	return 0;
}

/* A signal that comes just before KVM_RUN is lost on it: send until it is out. */
static int stop_second(struct second *second)
{
	__atomic_store_n(&second->stop, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&second->over, __ATOMIC_ACQUIRE)) {
		pthread_kill(second->thread, SIGUSR1);
		usleep(1000);
	}
	pthread_join(second->thread, NULL);
	return second->ret;
}

static int run(struct vm *vm, const struct row *row, unsigned int field,
	       struct samples *samples)
{
	unsigned int i;

	if (vm_start(vm, row->program, row->arg) < 0 ||
	    vm_batch(vm, row->iterations, 0) < 0)
		return -1;
	for (i = 0; i < row->batches; i++) {
		if (vm_batch(vm, row->iterations, 0) < 0)
			return -1;
		samples_add(samples, (double)vm_mail(vm, field) /
				     row->iterations);
	}
	return 0;
}

static int measure(const struct bench *bench, const struct row *row,
		   unsigned int field, struct samples *samples)
{
	struct second second = { .cpu = row->cpus > 1 };
	struct vm vm;
	int ret;

	if (bench->mark) {
		complain("row '%s' takes two vCPUs, which are not traced", row->name);
		return -1;
	}
	vm_init(&second.vm);
	ret = vm_open(&vm, bench->dev, NULL);
	if (!ret)
		ret = vm_open_second(&second.vm, &vm);
	if (!ret)
		ret = start_second(&second, row);
	if (!ret) {
		ret = run(&vm, row, field, samples);
		if (stop_second(&second) < 0)
			ret = -1;
	}
	vm_close(&second.vm);
	vm_close(&vm);
	return ret;
}

/* From the ICR to the other vCPU's handler. */
int measure_call(const struct bench *bench, const struct row *row,
		 struct samples *samples)
{
	return measure(bench, row, MAIL_LATENCY, samples);
}

/* There and back. */
int measure_spin(const struct bench *bench, const struct row *row,
		 struct samples *samples)
{
	return measure(bench, row, MAIL_TICKS, samples);
}
