// SPDX-License-Identifier: GPL-2.0
/*
 * vm_irq.c - the VM's ioctls about interrupts: controllers, routes, eventfds,
 * coalesced I/O and the Interrupt Remapping Table; and what the controllers ask
 * of a vCPU.
 *
 * Each copies its argument in, takes vm->lock where irq/irqchip.h asks for it,
 * and leaves the rest to irq/ and iobus.c.  Owns nothing.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/msr.h>

#include "ospite.h"
#include "vm_ioctls.h"

/* ---- what the controllers ask of a vCPU ---- */

static void kick(void *arg)
{
	struct osp_vcpu *vcpu = arg;

	osp_request(vcpu, OSP_REQ_EVENT);
	osp_kick(vcpu);
}

static void posted(void *arg)
{
	osp_apicv_post(arg);
}

static void enabled(void *arg)
{
	osp_apicv_enabled(arg);
}

static u64 guest_tsc(void *arg)
{
	struct osp_vcpu *vcpu = arg;

	return rdtsc() + READ_ONCE(vcpu->tsc_offset);
}

/* In the vCPU's own thread, which looks at its requests before it goes on. */
static void ioapic_eoi(void *arg, u8 vector)
{
	struct osp_vcpu *vcpu = arg;

	vcpu->ioapic_eoi = vector;
	osp_request(vcpu, OSP_REQ_IOAPIC_EOI);
}

static const struct osp_irqchip_ops irqchip_ops = {
	.kick = kick,
	.posted = posted,
	.enabled = enabled,
	.guest_tsc = guest_tsc,
	.ioapic_eoi = ioapic_eoi,
};

/* ---- controllers ---- */

static void tell_x2apic_api(struct osp_vm *vm)
{
	if (vm->chip)
		osp_irqchip_set_x2apic_api(vm->chip,
			vm->x2apic_api & KVM_X2APIC_API_USE_32BIT_IDS,
			vm->x2apic_api & KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK);
}

/**
 * osp_vm_make_irqchip() - give a VM interrupt controllers in the kernel
 * @vm: the VM
 * @split: only local APICs
 * @reserved_pins: with @split: how many routes are for userspace's I/O APIC
 * @has_vcpus: the error if there are vCPUs already
 *
 * Context: may sleep.
 * Return: 0; -EEXIST if it has some; -ENOMEM; @has_vcpus.
 */
long osp_vm_make_irqchip(struct osp_vm *vm, bool split, u32 reserved_pins,
			 long has_vcpus)
{
	struct osp_irqchip *chip;
	long r = -EEXIST;

	mutex_lock(&vm->lock);
	if (vm->chip)
		goto out;
	r = has_vcpus;
	if (vm->nr_vcpus)
		goto out;
	chip = osp_irqchip_create(&irqchip_ops, split, reserved_pins);
	r = PTR_ERR_OR_ZERO(chip);
	if (r)
		goto out;
	vm->chip = chip;
	tell_x2apic_api(vm);
out:
	mutex_unlock(&vm->lock);
	return r;
}

static long create_irqchip(struct osp_vm *vm, void __user *arg)
{
	return osp_vm_make_irqchip(vm, false, 0, -EINVAL);
}

static long create_pit2(struct osp_vm *vm, void __user *arg)
{
	struct kvm_pit_config config;
	long r = -ENOENT;

	if (copy_from_user(&config, arg, sizeof(config)))
		return -EFAULT;
	mutex_lock(&vm->lock);
	if (vm->chip && !vm->chip->split)
		r = osp_irqchip_create_pit(vm->chip, &config);
	mutex_unlock(&vm->lock);
	return r;
}

/**
 * osp_vm_set_x2apic_api() - KVM_CAP_X2APIC_API
 * @vm: the VM
 * @flags: KVM_X2APIC_API_*, in addition to what is set
 *
 * Context: may sleep.
 * Return: 0; -EINVAL for unknown flags.
 */
long osp_vm_set_x2apic_api(struct osp_vm *vm, u64 flags)
{
	if (flags & ~OSP_X2APIC_API_FLAGS)
		return -EINVAL;
	mutex_lock(&vm->lock);
	WRITE_ONCE(vm->x2apic_api, vm->x2apic_api | flags);
	tell_x2apic_api(vm);
	mutex_unlock(&vm->lock);
	return 0;
}

static long irq_line(struct osp_vm *vm, void __user *arg, bool status)
{
	struct kvm_irq_level level;
	long r;

	if (copy_from_user(&level, arg, sizeof(level)))
		return -EFAULT;
	if (!vm->chip)
		return -ENXIO;
	r = osp_irqchip_irq_line(vm->chip, &level, status);
	if (!r && status && copy_to_user(arg, &level, sizeof(level)))
		r = -EFAULT;
	return r;
}

static long irq_line_plain(struct osp_vm *vm, void __user *arg)
{
	return irq_line(vm, arg, false);
}

static long irq_line_status(struct osp_vm *vm, void __user *arg)
{
	return irq_line(vm, arg, true);
}

static long irqchip_state(struct osp_vm *vm, void __user *arg, bool set)
{
	struct kvm_irqchip *state;
	long r;

	if (!vm->chip)
		return -ENXIO;
	state = memdup_user(arg, sizeof(*state));
	if (IS_ERR(state))
		return PTR_ERR(state);
	r = osp_irqchip_state(vm->chip, state, set);
	if (!r && !set && copy_to_user(arg, state, sizeof(*state)))
		r = -EFAULT;
	kfree(state);
	return r;
}

static long get_irqchip(struct osp_vm *vm, void __user *arg)
{
	return irqchip_state(vm, arg, false);
}

static long set_irqchip(struct osp_vm *vm, void __user *arg)
{
	return irqchip_state(vm, arg, true);
}

static long get_pit2(struct osp_vm *vm, void __user *arg)
{
	struct kvm_pit_state2 state = { };
	long r = vm->chip ? osp_irqchip_get_pit2(vm->chip, &state) : -ENXIO;

	if (!r && copy_to_user(arg, &state, sizeof(state)))
		r = -EFAULT;
	return r;
}

static long set_pit2(struct osp_vm *vm, void __user *arg)
{
	struct kvm_pit_state2 state;

	if (copy_from_user(&state, arg, sizeof(state)))
		return -EFAULT;
	return vm->chip ? osp_irqchip_set_pit2(vm->chip, &state) : -ENXIO;
}

static long set_gsi_routing(struct osp_vm *vm, void __user *arg)
{
	struct kvm_irq_routing __user *user = arg;
	struct kvm_irq_routing_entry *entries = NULL;
	struct kvm_irq_routing head;
	long r;

	if (copy_from_user(&head, arg, sizeof(head)))
		return -EFAULT;
	if (!vm->chip || head.nr > OSP_MAX_ROUTES || head.flags)
		return -EINVAL;
	if (head.nr) {
		entries = vmemdup_user(user->entries,
				       array_size(sizeof(*entries), head.nr));
		if (IS_ERR(entries))
			return PTR_ERR(entries);
	}
	mutex_lock(&vm->lock);
	r = osp_irqchip_set_routing(vm->chip, entries, head.nr, head.flags);
	mutex_unlock(&vm->lock);
	kvfree(entries);
	return r;
}

static long signal_msi(struct osp_vm *vm, void __user *arg)
{
	struct kvm_msi msi;

	if (copy_from_user(&msi, arg, sizeof(msi)))
		return -EFAULT;
	return vm->chip ? osp_irqchip_signal_msi(vm->chip, &msi) : -EINVAL;
}

static long reinject_control(struct osp_vm *vm, void __user *arg)
{
	struct kvm_reinject_control control;

	if (copy_from_user(&control, arg, sizeof(control)))
		return -EFAULT;
	return vm->chip ? osp_irqchip_reinject(vm->chip, &control) : -ENXIO;
}

/* ---- eventfds, coalesced I/O, the Interrupt Remapping Table ---- */

static long irqfd(struct osp_vm *vm, void __user *arg)
{
	struct kvm_irqfd irqfd;

	if (copy_from_user(&irqfd, arg, sizeof(irqfd)))
		return -EFAULT;
	return osp_irqfd(vm->chip, &irqfd);
}

static long ioeventfd(struct osp_vm *vm, void __user *arg)
{
	struct kvm_ioeventfd ioeventfd;

	if (copy_from_user(&ioeventfd, arg, sizeof(ioeventfd)))
		return -EFAULT;
	return osp_ioeventfd(vm, &ioeventfd);
}

static long coalesce(struct osp_vm *vm, void __user *arg)
{
	struct kvm_coalesced_mmio_zone zone;

	if (copy_from_user(&zone, arg, sizeof(zone)))
		return -EFAULT;
	return osp_coalesce(vm, &zone);
}

static long uncoalesce(struct osp_vm *vm, void __user *arg)
{
	struct kvm_coalesced_mmio_zone zone;

	if (copy_from_user(&zone, arg, sizeof(zone)))
		return -EFAULT;
	return osp_uncoalesce(vm, &zone);
}

static long get_irt(struct osp_vm *vm, void __user *arg)
{
	long r = -ENXIO;

	mutex_lock(&vm->lock);
	if (vm->chip)
		r = osp_irt_ioctl_get(vm->chip, arg);
	mutex_unlock(&vm->lock);
	return r;
}

static long set_irt_entry(struct osp_vm *vm, void __user *arg)
{
	long r = -ENXIO;

	mutex_lock(&vm->lock);
	if (vm->chip)
		r = osp_irt_ioctl_set(vm->chip, arg);
	mutex_unlock(&vm->lock);
	return r;
}

const struct osp_vm_ioctl osp_vm_irq_ioctls[] = {
	{ KVM_CREATE_IRQCHIP, create_irqchip },
	{ KVM_GET_IRQCHIP, get_irqchip },
	{ KVM_SET_IRQCHIP, set_irqchip },
	{ KVM_CREATE_PIT2, create_pit2 },
	{ KVM_GET_PIT2, get_pit2 },
	{ KVM_SET_PIT2, set_pit2 },
	{ KVM_REINJECT_CONTROL, reinject_control },
	{ KVM_SET_GSI_ROUTING, set_gsi_routing },
	{ KVM_SIGNAL_MSI, signal_msi },
	{ KVM_IRQ_LINE, irq_line_plain },
	{ KVM_IRQ_LINE_STATUS, irq_line_status },
	{ KVM_IRQFD, irqfd },
	{ KVM_IOEVENTFD, ioeventfd },
	{ KVM_REGISTER_COALESCED_MMIO, coalesce },
	{ KVM_UNREGISTER_COALESCED_MMIO, uncoalesce },
	{ OSPITE_GET_IRT, get_irt },
	{ OSPITE_SET_IRT_ENTRY, set_irt_entry },
	{ }
};
