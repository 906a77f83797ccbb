// SPDX-License-Identifier: GPL-2.0
/*
 * fork.c - VMs that are forked, for the tests of OSPITE_FORK_VM.
 */
#include "fork.h"

/* In a child of child_of(): says that the VM is forked, so the parent may go on. */
static int forked = -1;

/** need_fork() - skip the case on a device that forks no VMs */
void need_fork(void)
{
	if (dev_cap(OSPITE_CAP_FORK_VM) <= 0)
		skip("this device forks no VMs");
}

/**
 * fork_guest() - a guest to be forked; skips the case where that can't be
 * @guest: in long mode, on one vCPU, with controllers in the kernel
 */
struct vcpu *fork_guest(void (*guest)(void))
{
	struct vcpu *v;

	need_fork();
	v = vcpu_new(vm_new(VM_IRQCHIP), 0);
	mode_long(v, guest);
	return v;
}

/**
 * fork_vm() - OSPITE_FORK_VM
 * @vm: the VM
 * @args: to be filled but for nr_vcpus and vcpus
 * @vcpus: MAX_FORK_VCPUS of them
 *
 * Return: as the ioctl does.
 */
int fork_vm(struct vm *vm, struct ospite_fork_vm *args,
	    struct ospite_fork_vcpu *vcpus)
{
	args->nr_vcpus = MAX_FORK_VCPUS;
	args->vcpus = (uintptr_t)vcpus;
	return ioctl(vm->fd, OSPITE_FORK_VM, args);
}

static struct vcpu *open_vcpu(struct vm *vm, const struct ospite_fork_vcpu *new)
{
	struct vcpu *v = calloc(1, sizeof(*v));

	v->vm = vm;
	v->id = new->id;
	v->fd = new->fd;
	v->run = mmap(NULL, vm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED,
		      v->fd, 0);
	if (v->run == MAP_FAILED)
		die("mmap of a vCPU: %s\n", strerror(errno));
	return v;
}

/**
 * twin_of() - fork a VM; a failure ends the case
 * @vm: the VM
 * @slots: those that lie elsewhere
 * @nr_slots: how many
 *
 * Return: the new VM.
 */
struct twin twin_of(struct vm *vm, const struct ospite_fork_slot *slots,
		    u32 nr_slots)
{
	struct ospite_fork_vm args = {
		.slots = (uintptr_t)slots, .nr_slots = nr_slots,
	};
	struct ospite_fork_vcpu vcpus[MAX_FORK_VCPUS];
	struct twin t = { .vm = calloc(1, sizeof(*t.vm)) };
	u32 i;

	t.vm->fd = MUST(fork_vm(vm, &args, vcpus));
	t.vm->dev = dev_open();
	t.vm->ram = vm->ram;
	t.vm->run_size = vm->run_size;
	t.nr = args.nr_vcpus;
	for (i = 0; i < t.nr; i++)
		t.v[i] = open_vcpu(t.vm, &vcpus[i]);
	return t;
}

/**
 * twin_heir() - fork a VM in a child process, and forget the parent's
 * @vm: the parent's VM, whose descriptors are closed
 * @v: its vCPUs
 * @nr: how many
 *
 * Return: the new VM.
 */
struct twin twin_heir(struct vm *vm, struct vcpu **v, u32 nr)
{
	struct twin t = twin_of(vm, NULL, 0);
	u32 i;

	SAME(write(forked, "x", 1), 1);
	for (i = 0; i < nr; i++)
		vcpu_free(v[i]);
	close(vm->fd);
	close(vm->dev);
	return t;
}

/** twin_free() - close a VM that was forked; its memory stays; @t: the VM */
void twin_free(struct twin *t)
{
	u32 i;

	for (i = 0; i < t->nr; i++)
		vcpu_free(t->v[i]);
	close(t->vm->fd);
	close(t->vm->dev);
	free(t->vm);
}

/**
 * child_of() - run a function in a child process
 * @fn: returns when it is through
 * @arg: its argument
 *
 * Returns after the child's twin_heir(), or its end: till then no vCPU of the
 * parent's may run.
 *
 * Return: the child.
 */
pid_t child_of(void (*fn)(void *arg), void *arg)
{
	int ends[2];
	pid_t pid;
	char c;

	MUST(pipe(ends));
	fflush(stdout);
	pid = MUST(fork());
	if (!pid) {
		close(ends[0]);
		forked = ends[1];
		fn(arg);
		fflush(stdout);
		_exit(0);
	}
	close(ends[1]);
	if (read(ends[0], &c, 1) < 0)
		die("a child can't be heard: %s\n", strerror(errno));
	close(ends[0]);
	return pid;
}

/** child_ends_well() - wait for a child, whose failure is the case's; @pid: it */
void child_ends_well(pid_t pid)
{
	int status = 0;

	MUST(waitpid(pid, &status, 0));
	if (status)
		fail("a child ended with status %#x\n", status);
}
