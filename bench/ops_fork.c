// SPDX-License-Identifier: GPL-2.0
/*
 * ops_fork.c - what it costs to fork a VM: the ioctl alone, and with fork(2).
 *
 * The VM has 256 MiB, as huge pages as far as the host has them to give, of which
 * its guest has touched some.  It is forked in a child of this process, which
 * tells by a shared page when it was through.  The parent's guest does not run
 * meanwhile, nor does the child's: what copying a page costs is not in here.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/ospite.h>

#include "bench.h"
#include "guest.h"
#include "vm.h"

#define FORK_MEMORY	(256UL << 20)
#define HUGE_PAGE	(2UL << 20)

/* What the child tells: times, or a failure's errno. */
struct news {
	uint64_t before;
	uint64_t after;
	int error;
};

static int can_fork(const struct vm *vm)
{
	return ioctl(vm->fd, KVM_CHECK_EXTENSION, OSPITE_CAP_FORK_VM) > 0;
}

/* All of the guest's memory beside the first slot; @touched bytes are in use. */
static int add_memory(struct vm *vm, size_t touched)
{
	if (vm_add_huge(vm, FORK_MEMORY, HUGE_PAGE) < 0 ||
	    vm_start(vm, guest_touch, GUEST_FRESH) < 0)
		return -1;
	return touched ? vm_batch(vm, touched / 4096, 0) : 0;
}

static void fork_in_child(const struct bench *bench, const struct vm *vm,
			  struct news *news)
{
	struct ospite_fork_vcpu vcpu;
	struct ospite_fork_vm args = {
		.nr_vcpus = 1, .vcpus = (uintptr_t)&vcpu,
	};

	if (bench->mark)
		marker();
	news->before = read_tsc();
	if (ioctl(vm->fd, OSPITE_FORK_VM, &args) < 0)
		news->error = errno;
	news->after = read_tsc();
	if (bench->mark)
		marker();
	_exit(0);
}

/* Returns the ticks of the ioctl, or with fork(2) as @whole; -1 on failure. */
static double fork_once(const struct bench *bench, const struct vm *vm,
			struct news *news, int whole)
{
	uint64_t start;
	pid_t pid;

	memset(news, 0, sizeof(*news));
	start = read_tsc();
	pid = fork();
	if (!pid)
		fork_in_child(bench, vm, news);
	if (pid < 0)
		return failed("fork");
	if (waitpid(pid, NULL, 0) < 0)
		return failed("waitpid");
	if (news->error || !news->after) {
		errno = news->error;
		return failed("OSPITE_FORK_VM");
	}
	return news->after - (whole ? start : news->before);
}

static int fork_often(const struct bench *bench, const struct vm *vm,
		      const struct row *row, struct samples *samples, int whole)
{
	unsigned int batches = bench->mark ? MARK_WINDOWS : row->batches;
	struct news *news = mmap(NULL, sizeof(*news), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	double ticks = 0;
	unsigned int i;

	if (news == MAP_FAILED)
		return failed("mmap");
	for (i = 0; i < batches && ticks >= 0; i++) {
		ticks = fork_once(bench, vm, news, whole);
		if (ticks >= 0)
			samples_add(samples, ticks);
	}
	munmap(news, sizeof(*news));
	return ticks < 0 ? -1 : 0;
}

static int measure(const struct bench *bench, const struct row *row,
		   struct samples *samples, int whole)
{
	struct vm vm;
	int ret = vm_open(&vm, bench->dev, NULL);

	if (!ret && !can_fork(&vm))
		ret = NOT_THERE;
	if (!ret)
		ret = add_memory(&vm, row->arg);
	if (!ret)
		ret = fork_often(bench, &vm, row, samples, whole);
	vm_close(&vm);
	return ret;
}

/* OSPITE_FORK_VM, in the child. */
int measure_fork_ioctl(const struct bench *bench, const struct row *row,
		       struct samples *samples)
{
	return measure(bench, row, samples, 0);
}

/* From before fork(2) in the parent until after OSPITE_FORK_VM in the child. */
int measure_fork(const struct bench *bench, const struct row *row,
		 struct samples *samples)
{
	return measure(bench, row, samples, 1);
}
