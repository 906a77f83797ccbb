/* SPDX-License-Identifier: GPL-2.0 */
/*
 * host.h - what "ospite check" wants to know of the machine it runs on.
 */
#ifndef OSPITE_HOST_H
#define OSPITE_HOST_H

#include "types.h"

/**
 * struct host_cpu - the CPU, from its own CPUID and from /proc/cpuinfo
 * @vendor: "GenuineIntel" and the like
 * @hypervisor: of the machine if it is a VM: its signature, else ""
 * @is_vm: CPUID says that a hypervisor is beneath
 * @vmx: CPUID has VT-x
 * @svm: CPUID has AMD's SVM
 * @kernel_vmx: the kernel's flags have it too, so firmware lets it be used
 * @lists_features: the kernel tells VT-x features apart (Linux 5.11 and later)
 * @ept: extended page tables
 * @vpid: virtual processor ids
 * @unrestricted: unrestricted guest
 */
struct host_cpu {
	char vendor[13];
	char hypervisor[13];
	bool is_vm;
	bool vmx;
	bool svm;
	bool kernel_vmx;
	bool lists_features;
	bool ept;
	bool vpid;
	bool unrestricted;
};

enum module_state {
	MODULE_ABSENT,
	MODULE_LOADED,		/* a loadable module, loaded */
	MODULE_BUILT_IN,	/* part of the kernel */
};

/**
 * struct host_module - a kernel module
 * @state: is it there?
 * @users: its use count; -1 if that is not known
 */
struct host_module {
	enum module_state state;
	int users;
};

void host_cpu(struct host_cpu *cpu);
struct host_module host_module(const char *name);
bool host_kvm_holds_vmx(void);
int host_read_msr(u32 msr, u64 *value);

#endif /* OSPITE_HOST_H */
