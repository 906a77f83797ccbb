// SPDX-License-Identifier: GPL-2.0
/*
 * requests_fork.c - a running VM becomes two: this process forks, and its child
 * goes on with a VM of its own.
 *
 * The vCPUs' threads end before the fork and begin again after it, so that the
 * main thread is the only one and no lock is held; the guest notices nothing.
 * Devices are copied with all other memory.  The child takes another name, the
 * terminal of whoever asked, and OSPITE_FORK_VM's VM (<linux/ospite.h>) in the
 * place of the parent's; then it returns into the event loop it was forked in.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/ospite.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control.h"
#include "machine.h"
#include "say.h"
#include "term.h"

/* Descriptors of the parent's that the child has inherited. */
static void forget_parent(struct machine *m)
{
	size_t i;

	for (i = 0; i < CONTROL_CLIENTS; i++) {
		struct control_client *client = &m->control.clients[i];

		while (client->nr_passed)
			close(client->passed[--client->nr_passed]);
		if (client->fd >= 0)
			close(client->fd);
		client->fd = -1;
	}
	close(m->control.listen_fd);
	close(m->slot.lock_fd);
	close(m->vm.wake_fd);
}

static int adopt_vm(struct vm *vm)
{
	struct ospite_fork_vcpu vcpus[MAX_VCPUS];
	struct ospite_fork_vm args = {
		.nr_vcpus = vm->cfg->cpus, .vcpus = (uintptr_t)vcpus,
	};
	int fd = ioctl(vm->fd, OSPITE_FORK_VM, &args);
	unsigned int i;

	if (fd < 0)
		return say_fail("%s: OSPITE_FORK_VM failed: %s", vm->cfg->dev,
				strerror(errno));
	close(vm->fd);
	vm->fd = fd;
	for (i = 0; i < vm->cfg->cpus; i++)
		if (vcpu_adopt(&vm->vcpus[i], vcpus[i].fd))
			return -1;
	vm->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (vm->wake_fd < 0)
		return say_fail("no eventfd: %s", strerror(errno));
	return 0;
}

/* All that is the child's own; from then on it is a machine like any other. */
static int become(struct machine *m, const struct slot *slot, const int fds[3])
{
	setsid();
	forget_parent(m);
	m->slot = *slot;
	m->started = now_ns();
	m->typed_len = 0;
	m->feed_again = false;
	m->input_ended = false;
	m->output_stuck = false;
	if (term_adopt(fds) || adopt_vm(&m->vm) ||
	    control_open(&m->control, &m->slot))
		return -1;
	m->vm.busy = true;
	return 0;
}

static void child(struct machine *m, const struct slot *slot, const int fds[3],
		  int ready)
{
	int i, own[3];

	/* Copies, as the client that passed them is dropped. */
	for (i = 0; i < 3; i++)
		own[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 0);
	if (become(m, slot, own))
		_exit(STATUS_SETUP);	/* the parent gives the name back */
	for (i = 0; i < 3; i++)
		close(own[i]);
	if (write(ready, "", 1) != 1)
		say("the machine that was forked does not wait");
	close(ready);
	vm_start(&m->vm);
}

/* Returns whether the child has said that it goes on by itself. */
static bool await_child(pid_t pid, int ready)
{
	ssize_t n;
	char c;

	do {
		n = read(ready, &c, 1);
	} while (n < 0 && errno == EINTR);
	if (n == 1)
		return true;
	waitpid(pid, NULL, 0);
	return false;
}

static const char *fork_machine(struct machine *m, struct slot *slot,
				const int fds[3], pid_t *pid)
{
	bool forked = false;
	int ready[2];

	if (pipe2(ready, O_CLOEXEC))
		return "no pipe could be made";
	vm_pause(&m->vm);
	*pid = fork();
	if (!*pid) {
		close(ready[0]);
		child(m, slot, fds, ready[1]);
		return NULL;
	}
	close(ready[1]);
	if (*pid > 0)
		forked = await_child(*pid, ready[0]);
	close(ready[0]);
	/* The child has the lock of its name, or nobody needs it. */
	if (forked)
		close(slot->lock_fd);
	else
		slot_release(slot);
	vm_start(&m->vm);
	return forked ? NULL : "it could not be forked (its own terminal says why)";
}

static const char *handle_fork(struct machine *m, struct json_object *request,
			       struct json_object *reply)
{
	const struct control_client *client = m->control.serving;
	struct json_object *value = NULL;
	const char *name = NULL, *error;
	struct slot slot;
	pid_t pid;

	if (client->nr_passed != CONTROL_PASSED)
		return "a terminal for the new machine has to be passed with the request (try: ospite fork)";
	if (vm_check_extension(&m->vm, OSPITE_CAP_FORK_VM) <= 0)
		return "its hypervisor forks no virtual machines (run it with --dev /dev/ospite)";
	if (json_object_object_get_ex(request, "name", &value))
		name = json_object_get_string(value);
	if (name && !name_is_valid(name))
		return "not a name (1 to 40 letters, digits, \".\", \"_\", \"-\")";
	if (slot_claim(&slot, name))
		return "that name can't be had (ospite ps lists those in use)";
	/* The kernel reaps it: its end is no concern of ours. */
	signal(SIGCHLD, SIG_IGN);
	error = fork_machine(m, &slot, client->passed, &pid);
	if (error || !pid)
		return error;
	json_object_object_add(reply, "name", json_object_new_string(slot.name));
	json_object_object_add(reply, "pid", json_object_new_int(pid));
	return NULL;
}

static const struct control_request fork_request = {
	.name	= "fork",
	.help	= "go on as two: \"name\" is that of the second, whose terminal comes with the request",
	.handle	= handle_fork,
};

REGISTER_REQUEST(fork_request);
