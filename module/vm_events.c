// SPDX-License-Identifier: GPL-2.0
/*
 * vm_events.c - the VM's ioctls about eventfds, coalesced I/O and the Interrupt
 * Remapping Table.
 *
 * Each copies its argument in, takes vm->lock where irq/irqchip.h asks for it,
 * and leaves the rest to irq/irqfd.c, irq/irt_ioctl.c and iobus.c.  Owns nothing.
 */
#include <linux/uaccess.h>

#include "ospite.h"

/**
 * osp_vm_irqfd() - KVM_IRQFD
 * @vm: the VM
 * @arg: struct kvm_irqfd of userspace
 *
 * Context: may sleep.
 * Return: as osp_irqfd(); -EFAULT; -EINVAL also for an assignment without
 * interrupt controllers in the kernel.
 */
long osp_vm_irqfd(struct osp_vm *vm, void __user *arg)
{
	struct kvm_irqfd irqfd;

	if (copy_from_user(&irqfd, arg, sizeof(irqfd)))
		return -EFAULT;
	return osp_irqfd(vm->chip, &irqfd);
}

/**
 * osp_vm_ioeventfd() - KVM_IOEVENTFD
 * @vm: the VM
 * @arg: struct kvm_ioeventfd of userspace
 *
 * Context: may sleep.
 * Return: as osp_ioeventfd(); -EFAULT.
 */
long osp_vm_ioeventfd(struct osp_vm *vm, void __user *arg)
{
	struct kvm_ioeventfd ioeventfd;

	if (copy_from_user(&ioeventfd, arg, sizeof(ioeventfd)))
		return -EFAULT;
	return osp_ioeventfd(vm, &ioeventfd);
}

/**
 * osp_vm_coalesce() - KVM_REGISTER_COALESCED_MMIO
 * @vm: the VM
 * @arg: struct kvm_coalesced_mmio_zone of userspace
 *
 * Context: may sleep.
 * Return: as osp_coalesce(); -EFAULT.
 */
long osp_vm_coalesce(struct osp_vm *vm, void __user *arg)
{
	struct kvm_coalesced_mmio_zone zone;

	if (copy_from_user(&zone, arg, sizeof(zone)))
		return -EFAULT;
	return osp_coalesce(vm, &zone);
}

/**
 * osp_vm_uncoalesce() - KVM_UNREGISTER_COALESCED_MMIO
 * @vm: the VM
 * @arg: struct kvm_coalesced_mmio_zone of userspace
 *
 * Context: may sleep.
 * Return: as osp_uncoalesce(); -EFAULT.
 */
long osp_vm_uncoalesce(struct osp_vm *vm, void __user *arg)
{
	struct kvm_coalesced_mmio_zone zone;

	if (copy_from_user(&zone, arg, sizeof(zone)))
		return -EFAULT;
	return osp_uncoalesce(vm, &zone);
}

/**
 * osp_vm_get_irt() - OSPITE_GET_IRT
 * @vm: the VM
 * @arg: struct ospite_irt of userspace
 *
 * Context: may sleep.
 * Return: as osp_irt_ioctl_get(); -ENXIO without interrupt controllers in the
 * kernel.
 */
long osp_vm_get_irt(struct osp_vm *vm, void __user *arg)
{
	long r = -ENXIO;

	mutex_lock(&vm->lock);
	if (vm->chip)
		r = osp_irt_ioctl_get(vm->chip, arg);
	mutex_unlock(&vm->lock);
	return r;
}

/**
 * osp_vm_set_irt_entry() - OSPITE_SET_IRT_ENTRY
 * @vm: the VM
 * @arg: struct ospite_irt_entry of userspace
 *
 * Context: waits for RCU.
 * Return: as osp_irt_ioctl_set(); -ENXIO without interrupt controllers in the
 * kernel.
 */
long osp_vm_set_irt_entry(struct osp_vm *vm, void __user *arg)
{
	long r = -ENXIO;

	mutex_lock(&vm->lock);
	if (vm->chip)
		r = osp_irt_ioctl_set(vm->chip, arg);
	mutex_unlock(&vm->lock);
	return r;
}
