/* SPDX-License-Identifier: GPL-2.0 */
/*
 * exits.h - how many VM exits the hypervisor counted for a vCPU, and which of the
 * CPU's features it uses to have fewer.
 */
#ifndef ABI_EXITS_H
#define ABI_EXITS_H

#include "abi.h"

/**
 * struct exit_count - what a VM's counters say
 * @all: exits of any reason
 * @host: those that the host caused: external interrupts, timers of its own
 * @spin: those of loops that PAUSE; 0 on KVM, which does not count them apart
 */
struct exit_count {
	u64 all;
	u64 host;
	u64 spin;
};

bool exits_read(struct vcpu *v, struct exit_count *c);
bool feature_used(const char *parameter);

#endif
