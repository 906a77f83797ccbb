/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vm_ioctls.h - what the files behind the VM's ioctls share: vm.c, vm_memory.c
 * and vm_irq.c.
 */
#ifndef OSP_VM_IOCTLS_H
#define OSP_VM_IOCTLS_H

#include "ospite.h"

/**
 * struct osp_vm_ioctl - a row of a table that ends with an empty one
 * @cmd: the ioctl's number
 * @call: its body; @arg is what userspace gave.  Context: the owner's thread,
 *	no lock held, may sleep.  Returns what the ioctl returns.
 */
struct osp_vm_ioctl {
	unsigned int cmd;
	long (*call)(struct osp_vm *vm, void __user *arg);
};

/* KVM_CAP_IRQ_ROUTING: how many GSIs a table may have */
#define OSP_MAX_ROUTES	4096

#define OSP_X2APIC_API_FLAGS	(KVM_X2APIC_API_USE_32BIT_IDS | \
				 KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK)

/* vm_memory.c */
extern const struct osp_vm_ioctl osp_vm_memory_ioctls[];

/* vm_irq.c */
extern const struct osp_vm_ioctl osp_vm_irq_ioctls[];
long osp_vm_make_irqchip(struct osp_vm *vm, bool split, u32 reserved_pins,
			 long has_vcpus);
long osp_vm_set_x2apic_api(struct osp_vm *vm, u64 flags);

#endif /* OSP_VM_IOCTLS_H */
