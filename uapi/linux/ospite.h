/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * linux/ospite.h - the userspace interface of /dev/ospite.
 *
 * It is the KVM API, version 12, as the system's <linux/kvm.h> declares it.
 * What Ospite adds to that has its own range of ioctl numbers (type 0xB7) and
 * its own capability numbers, and stands here.
 */
#ifndef _UAPI_LINUX_OSPITE_H
#define _UAPI_LINUX_OSPITE_H

#include <linux/kvm.h>

#define OSPITE_DEVICE		"/dev/ospite"

/* The type of Ospite's own ioctls; KVM's is KVMIO, 0xAE. */
#define OSPITEIO		0xB7

/* Capability numbers of Ospite's own start here; KVM's are far below. */
#define OSPITE_CAP_BASE		0x05970000

/*
 * KVM_CHECK_EXTENSION: how many entries the Interrupt Remapping Table has, if
 * OSPITE_GET_IRT and OSPITE_SET_IRT_ENTRY are there.
 */
#define OSPITE_CAP_IRT		(OSPITE_CAP_BASE + 1)

/* ospite_irt_entry.kind: where a request goes. */
#define OSPITE_IRT_NONE		0	/* nowhere: there is no entry */
#define OSPITE_IRT_PINS		1	/* pins of PIC and I/O APIC */
#define OSPITE_IRT_APIC		2	/* a row of the IDT of one or more vCPUs */
#define OSPITE_IRT_EVENTFD	3	/* an eventfd of the owner */
#define OSPITE_IRT_BLOCKED	4	/* nowhere, but counted as dropped */

/* ospite_irt_entry.flags, of OSPITE_IRT_APIC */
#define OSPITE_IRT_LOGICAL	(1 << 0)	/* dest is a logical destination */
#define OSPITE_IRT_LEVEL	(1 << 1)	/* level triggered */
#define OSPITE_IRT_LOWEST	(1 << 2)	/* any one of the destinations */

/**
 * struct ospite_irt_entry - an entry of the Interrupt Remapping Table
 * @gsi: number of the request, 0 to 4095
 * @kind: OSPITE_IRT_*
 * @dest: APIC: the destination, an APIC ID or a logical one
 * @vector: APIC: 16 to 255; of no use in modes NMI, INIT and ExtINT
 * @mode: APIC: delivery mode as in SDM 3A 11.6.1: 0 fixed, 1 lowest priority,
 *	4 NMI, 5 INIT, 6 SIPI, 7 ExtINT
 * @flags: APIC: see above
 * @pin: PINS: of KVM_IRQCHIP_PIC_MASTER, _PIC_SLAVE and _IOAPIC, or -1
 * @pad: 0
 * @eventfd: EVENTFD: the descriptor; when read, -1
 * @delivered: requests that became a new interrupt
 * @coalesced: requests that met the same one still pending
 * @dropped: requests that were masked, refused or blocked
 * @reserved: 0
 *
 * To be set, fields of another kind, and the counts, have to be 0.
 */
struct ospite_irt_entry {
	__u32 gsi;
	__u32 kind;
	__u32 dest;
	__u8 vector;
	__u8 mode;
	__u16 flags;
	__s8 pin[3];
	__u8 pad;
	__s32 eventfd;
	__u64 delivered;
	__u64 coalesced;
	__u64 dropped;
	__u64 reserved[2];
};

/**
 * struct ospite_irt - the Interrupt Remapping Table, or a part of it
 * @first: in: the GSI to begin with; out: to go on with, 4096 at the end
 * @nr: in: room in @entries; out: how many were filled
 * @flags: 0
 * @reserved: 0
 * @entries: those that lead somewhere, or once did and have counted
 */
struct ospite_irt {
	__u32 first;
	__u32 nr;
	__u32 flags;
	__u32 reserved;
	struct ospite_irt_entry entries[];
};

/* VM ioctls, with OSPITE_CAP_IRT and local APICs in the kernel (else ENXIO) */
#define OSPITE_GET_IRT		_IOWR(OSPITEIO, 0x01, struct ospite_irt)
#define OSPITE_SET_IRT_ENTRY	_IOW(OSPITEIO, 0x02, struct ospite_irt_entry)

/* KVM_EXIT_FAIL_ENTRY says which rule was broken, in struct ospite_fail_entry. */
#define OSPITE_CAP_FAIL_ENTRY_RULE	(OSPITE_CAP_BASE + 2)

/**
 * struct ospite_fail_entry - what stands at &kvm_run.fail_entry
 * @hardware_entry_failure_reason: as in KVM: the exit reason, with bit 31, or the
 *	VM-instruction error
 * @cpu: as in KVM: on which CPU
 * @pad: zero
 * @rule: a line of text that ends with a zero byte: the rule of the Intel SDM that
 *	is broken, its section, and the field that breaks it with its value
 */
struct ospite_fail_entry {
	__u64 hardware_entry_failure_reason;
	__u32 cpu;
	__u32 pad;
	char rule[240];
};

/*
 * KVM_CHECK_EXTENSION: how many memory slots OSPITE_SET_MEMORY_REGIONS changes
 * at once, at most.
 */
#define OSPITE_CAP_MEMORY_REGIONS	(OSPITE_CAP_BASE + 3)

/* ospite_memory_regions.failed: no entry of the list is to blame. */
#define OSPITE_NO_REGION	(~0U)

/**
 * struct ospite_memory_regions - memory slots that change at once
 * @nr: how many
 * @flags: 0
 * @failed: out, after an error: the index of the entry to blame, or
 *	OSPITE_NO_REGION
 * @pad: 0
 * @reserved: 0
 * @regions: what each of these slots is to be from now on; with memory_size 0,
 *	not to be. No slot twice.
 */
struct ospite_memory_regions {
	__u32 nr;
	__u32 flags;
	__u32 failed;
	__u32 pad;
	__u64 reserved[2];
	struct kvm_userspace_memory_region regions[];
};

/* A VM ioctl, with OSPITE_CAP_MEMORY_REGIONS */
#define OSPITE_SET_MEMORY_REGIONS \
	_IOWR(OSPITEIO, 0x03, struct ospite_memory_regions)

/* OSPITE_FORK_VM is there. */
#define OSPITE_CAP_FORK_VM	(OSPITE_CAP_BASE + 8)

/**
 * struct ospite_fork_slot - a memory slot whose memory lies elsewhere in the new VM
 * @slot: id of a slot of the VM that is forked
 * @flags: 0
 * @userspace_addr: where its memory lies in the caller's address space
 */
struct ospite_fork_slot {
	__u32 slot;
	__u32 flags;
	__u64 userspace_addr;
};

/**
 * struct ospite_fork_vcpu - a vCPU of the new VM
 * @id: as in the VM that was forked
 * @fd: its new descriptor
 */
struct ospite_fork_vcpu {
	__u32 id;
	__s32 fd;
};

/**
 * struct ospite_fork_vm - a new VM in the state of another
 * @flags: 0
 * @nr_slots: how many there are in @slots
 * @nr_vcpus: in: room in @vcpus; out: how many vCPUs there are
 * @pad: 0
 * @slots: address of struct ospite_fork_slot[]: slots to be moved, each at most
 *	once
 * @vcpus: address of struct ospite_fork_vcpu[]: filled in the order of creation
 * @reserved: 0
 */
struct ospite_fork_vm {
	__u32 flags;
	__u32 nr_slots;
	__u32 nr_vcpus;
	__u32 pad;
	__u64 slots;
	__u64 vcpus;
	__u64 reserved[4];
};

/*
 * VM ioctl with OSPITE_CAP_FORK_VM, the only one that other processes than the
 * VM's owner may call; returns the descriptor of the new VM.
 */
#define OSPITE_FORK_VM		_IOWR(OSPITEIO, 0x08, struct ospite_fork_vm)

#endif /* _UAPI_LINUX_OSPITE_H */
