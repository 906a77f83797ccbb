/* SPDX-License-Identifier: GPL-2.0 */
/*
 * fork.h - VMs that are forked, for the tests of OSPITE_FORK_VM.
 */
#ifndef ABI_FORK_H
#define ABI_FORK_H

#include <linux/ospite.h>

#include "abi.h"

#define MAX_FORK_VCPUS	8

/**
 * struct twin - a VM made of another, and its vCPUs
 * @vm: the VM; its memory is at the addresses of the other's
 * @v: the vCPUs, in the order of their creation
 * @nr: how many
 */
struct twin {
	struct vm *vm;
	struct vcpu *v[MAX_FORK_VCPUS];
	u32 nr;
};

void need_fork(void);
struct vcpu *fork_guest(void (*guest)(void));
int fork_vm(struct vm *vm, struct ospite_fork_vm *args,
	    struct ospite_fork_vcpu *vcpus);
struct twin twin_of(struct vm *vm, const struct ospite_fork_slot *slots,
		    u32 nr_slots);
struct twin twin_heir(struct vm *vm, struct vcpu **v, u32 nr);
void twin_free(struct twin *t);
pid_t child_of(void (*fn)(void *arg), void *arg);
void child_ends_well(pid_t pid);

#endif
