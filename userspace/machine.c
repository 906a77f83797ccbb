// SPDX-License-Identifier: GPL-2.0
/*
 * machine.c - one run of a machine: power-on, resets, the end, and what is
 * told about it.
 *
 * A reset is a new VM with the same files: interrupt controllers, devices and
 * memory all begin anew, as on hardware whose reset line is pulsed.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "machine.h"
#include "say.h"
#include "stats.h"
#include "term.h"

static const struct {
	enum status status;
	const char *how;	/* for clients of the control socket */
	const char *text;	/* when the VM itself gave no reason */
} endings[] = {
	[END_NONE]	= { STATUS_INTERNAL, "internal", "did not start" },
	[END_POWEROFF]	= { STATUS_OK,	     "poweroff", "powered off" },
	[END_RESET]	= { STATUS_RESET,    "reset",
			    "the guest asked for a reset, and --no-reboot was given" },
	[END_CRASH]	= { STATUS_CRASH,    "crash",	 "the guest crashed" },
	[END_VMERROR]	= { STATUS_VMERROR,  "error",
			    "the hypervisor could not go on" },
	[END_INTERNAL]	= { STATUS_INTERNAL, "internal",
			    "the command could not go on" },
	[END_QUIT]	= { STATUS_ENDED,    "ended",	 "ended" },
};

/* From power-on until the VM ends; leaves it there to be asked why. */
static void power_on(struct machine *m)
{
	m->vm.busy = true;	/* the loop looks around once, then settles */
	if (!vm_start(&m->vm))
		loop_run(m);
	vm_pause(&m->vm);
	term_drain();
}

static int make_vm(struct machine *m)
{
	if (vm_create(&m->vm, &m->cfg))
		return -1;
	if (!boot_load(&m->vm, &m->files))
		return 0;
	vm_destroy(&m->vm);
	return -1;
}

/* Says how it ended to everyone who wants to know; returns the exit status. */
static int tell_end(struct machine *m)
{
	const struct vm *vm = &m->vm;
	const char *text = vm->why[0] ? vm->why : endings[vm->end].text;
	struct json_object *event = json_object_new_object();

	json_object_object_add(event, "event", json_object_new_string("ended"));
	json_object_object_add(event, "how",
			json_object_new_string(endings[vm->end].how));
	json_object_object_add(event, "text", json_object_new_string(text));
	control_broadcast(&m->control, event);
	json_object_put(event);

	term_restore();
	if (vm->end != END_POWEROFF)
		say("%s: %s", m->slot.name, text);
	else if (term_is_tty())
		say("%s has powered off", m->slot.name);
	stats_print(vm);
	return endings[vm->end].status;
}

/* Runs the VM and, after each reset, the next one. */
static int run_until_end(struct machine *m)
{
	int status;

	for (;;) {
		power_on(m);
		if (m->vm.end != END_RESET || !m->cfg.reboot)
			break;
		vm_destroy(&m->vm);
		m->resets++;
		if (make_vm(m)) {
			term_restore();
			return STATUS_INTERNAL;
		}
	}
	status = tell_end(m);
	vm_destroy(&m->vm);
	return status;
}

static int with_name(struct machine *m, const char *name)
{
	int status = STATUS_SETUP;

	if (slot_sweep() || slot_claim(&m->slot, name))
		return status;
	if (control_open(&m->control, &m->slot))
		goto release;
	if (make_vm(m))
		goto close;
	if (term_raw()) {
		vm_destroy(&m->vm);
		goto close;
	}
	if (term_is_tty())
		say("running %s (Ctrl-A x ends it)", m->slot.name);
	m->started = now_ns();
	status = run_until_end(m);
close:
	control_close(&m->control);
release:
	slot_release(&m->slot);
	return status;
}

/**
 * machine_run() - run a virtual machine until it ends
 * @cfg: what the user asked for
 * @name: its name, or NULL to have one made up
 *
 * Return: the exit status.
 */
int machine_run(const struct vm_config *cfg, const char *name)
{
	static struct machine m;	/* too large for the stack */
	int status;

	m.cfg = *cfg;
	if (boot_open(&m.files, &m.cfg))
		return STATUS_SETUP;
	status = loop_init(&m) ? STATUS_SETUP : with_name(&m, name);
	boot_close(&m.files);
	return status;
}
