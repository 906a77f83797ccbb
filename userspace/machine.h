/* SPDX-License-Identifier: GPL-2.0 */
/*
 * machine.h - a machine that "ospite run" runs: its VM now, and what stays
 * when the guest resets it.
 */
#ifndef OSPITE_MACHINE_H
#define OSPITE_MACHINE_H

#include "boot/boot.h"
#include "control.h"
#include "rundir.h"
#include "vm.h"

/**
 * struct machine - all that one "ospite run" has
 * @cfg: what the user asked for
 * @files: kernel and initrd
 * @slot: name, lock and socket
 * @control: the control socket
 * @vm: the VM between a power-on and the next power-off or reset
 * @started: now_ns() at the first power-on
 * @resets: how often the guest was reset
 * @stopping: the power button was pressed
 * @signal_fd: signals to the process
 * @typed: input that the guest has not taken yet
 * @typed_len: how much
 * @feed_again: a vCPU was busy with the console, try again soon
 * @input_ended: standard input has nothing more
 * @output_stuck: nobody takes our output now
 * @quiet: ticks since the last output
 */
struct machine {
	struct vm_config cfg;
	struct boot_files files;
	struct slot slot;
	struct control control;
	struct vm vm;
	u64 started;
	unsigned int resets;
	bool stopping;
	int signal_fd;
	u8 typed[1024];
	size_t typed_len;
	bool feed_again;
	bool input_ended;
	bool output_stuck;
	unsigned int quiet;
};

int machine_run(const struct vm_config *cfg, const char *name);

/* loop.c */
int loop_init(struct machine *m);
void loop_run(struct machine *m);

#endif /* OSPITE_MACHINE_H */
