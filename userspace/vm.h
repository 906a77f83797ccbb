/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vm.h - a virtual machine as the launcher sees it: its file descriptors, its
 * memory, its vCPUs and how it ends.
 *
 * The hypervisor is used through the KVM API of <linux/kvm.h> and nothing else,
 * so /dev/ospite and /dev/kvm are the same to everything here.
 */
#ifndef OSPITE_VM_H
#define OSPITE_VM_H

#include <linux/kvm.h>
#include <pthread.h>

#include "types.h"

#define MAX_VCPUS	255	/* 8-bit APIC ids, 255 is the broadcast */

/* Guest-physical memory: RAM ends here and goes on above 4 GiB. */
#define HOLE_START	(3 * GIB)
#define HOLE_END	(4 * GIB)

struct device;
struct stats;

/**
 * struct vm_config - what the user asked for; strings are the caller's
 * @dev: the hypervisor's device node
 * @kernel: path of the kernel image
 * @initrd: path of the initial ramdisk, or NULL
 * @append: the kernel command line
 * @mem: bytes of guest memory, a multiple of 1 MiB
 * @cpus: number of vCPUs, 1 to MAX_VCPUS
 * @reboot: boot again when the guest asks for a reset
 * @thp: ask the host for huge pages behind guest memory
 * @stats: count exits, and print them at the end
 */
struct vm_config {
	const char *dev;
	const char *kernel;
	const char *initrd;
	const char *append;
	u64 mem;
	unsigned int cpus;
	bool reboot;
	bool thp;
	bool stats;
};

/**
 * struct ram - guest memory, one mapping in our address space
 * @host: its first byte
 * @size: bytes
 * @low: bytes of it below HOLE_START; the rest begins at HOLE_END
 */
struct ram {
	u8 *host;
	u64 size;
	u64 low;
};

enum vm_end {
	END_NONE,	/* still running */
	END_POWEROFF,	/* the guest powered itself off */
	END_RESET,	/* the guest asked for a reset */
	END_CRASH,	/* triple fault */
	END_VMERROR,	/* the hypervisor gave up */
	END_INTERNAL,	/* the launcher gave up */
	END_QUIT,	/* the user ended it */
};

/**
 * struct vcpu - one virtual CPU and the thread that runs it
 * @vm: the VM it belongs to
 * @id: index, and APIC id
 * @fd: the vCPU file descriptor
 * @run: the page shared with the hypervisor
 * @thread: valid when @started
 * @exits: userspace exits by KVM_EXIT_* number, written by @thread only
 */
struct vcpu {
	struct vm *vm;
	unsigned int id;
	int fd;
	struct kvm_run *run;
	pthread_t thread;
	bool started;
	u64 exits[64];
};

/**
 * struct vm - one virtual machine, from power-on to power-off or reset
 * @cfg: what the user asked for
 * @dev_fd: the hypervisor
 * @fd: the VM file descriptor
 * @run_size: size of the vCPU mapping
 * @ram: guest memory
 * @vcpus: @cfg->cpus of them
 * @devices: all devices, in the order of registration
 * @nr_devices: how many
 * @pit_gsi: the GSI on which the guest finds the PIT's interrupt
 * @tsc_deadline: the local APIC timer has TSC-deadline mode
 * @wake_fd: eventfd that wakes the event loop
 * @busy: the event loop is ticking already and needs no wake-up for output
 * @leave: vCPU threads are to end, as the VM does or pauses
 * @end_lock: guards @end and @why until @ending is set
 * @ending: set once, when @end is known
 * @end: how it ended; the first cause wins
 * @why: more in words, for the user; "" if there is nothing to add
 * @stats: counters, NULL unless asked for
 */
struct vm {
	const struct vm_config *cfg;
	int dev_fd;
	int fd;
	size_t run_size;
	struct ram ram;
	struct vcpu *vcpus;
	struct device **devices;
	unsigned int nr_devices;
	unsigned int pit_gsi;
	bool tsc_deadline;
	int wake_fd;
	bool busy;
	bool leave;
	pthread_mutex_t end_lock;
	bool ending;
	enum vm_end end;
	char why[4096];
	struct stats *stats;
};

/* vm.c */
int vm_open_device(const char *path);
int vm_create(struct vm *vm, const struct vm_config *cfg);
void vm_destroy(struct vm *vm);
int vm_check_extension(const struct vm *vm, int cap);
void vm_irq_line(struct vm *vm, unsigned int gsi, bool level);
void vm_wake(struct vm *vm);
void vm_want_tick(struct vm *vm);
void vm_end(struct vm *vm, enum vm_end end, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* mem.c */
int ram_create(struct ram *ram, u64 size, bool thp);
void ram_destroy(struct ram *ram);
void *ram_at(const struct ram *ram, u64 gpa, u64 len);
int ram_register(struct vm *vm);

/* cpuid.c */
struct kvm_cpuid2 *cpuid_supported(int dev_fd);
void cpuid_for_vcpu(struct kvm_cpuid2 *cpuid, const struct vm *vm,
		    unsigned int id, u32 tsc_khz);

/* vcpu.c */
int vcpu_create(struct vcpu *vcpu, struct vm *vm, unsigned int id);
void vcpu_destroy(struct vcpu *vcpu);
int vcpu_start(struct vcpu *vcpu);
void vcpu_stop(struct vcpu *vcpu);
int vcpu_adopt(struct vcpu *vcpu, int fd);
int vm_start(struct vm *vm);
void vm_pause(struct vm *vm);
int vcpu_catch_kicks(void);

/* vcpu_init.c */
int vcpu_init(struct vcpu *vcpu, struct kvm_cpuid2 *cpuid);

/* explain.c */
void explain_vcpu(const struct vcpu *vcpu, char *buf, size_t size);

u64 now_ns(void);

#endif /* OSPITE_VM_H */
