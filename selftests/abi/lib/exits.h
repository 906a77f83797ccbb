/* SPDX-License-Identifier: GPL-2.0 */
/*
 * exits.h - how many VM exits the hypervisor counted for a vCPU.
 */
#ifndef ABI_EXITS_H
#define ABI_EXITS_H

#include "abi.h"

/**
 * struct exit_count - what a VM's counters say
 * @all: exits of any reason
 * @host: those that the host caused: external interrupts, timers of its own
 */
struct exit_count {
	u64 all;
	u64 host;
};

bool exits_read(struct vcpu *v, struct exit_count *c);

#endif
