// SPDX-License-Identifier: GPL-2.0
/*
 * fork.c - OSPITE_FORK_VM: a new VM in the state of another, in the address
 * space of whoever asks for it.
 *
 * Memory is copied by nobody here.  The new VM has the same slots in another
 * address space, and it is fork(2) that has made that one copy-on-write; in the
 * same address space the caller says where the memory lies.  The rest is the
 * state of the vCPUs, of the interrupt controllers and their clocks.
 *
 * All vCPUs of the original are held by their mutexes throughout, so that the
 * state is that of one moment; taken by trylock, for one that runs has none that
 * could be copied.  The new VM is known to nobody until its files are given their
 * descriptors, which is the last act and can't fail.
 *
 * Locks: the original's vm->lock, then the mutexes of its vCPUs, whose usual
 * order is the other way round: hence also the trylock.  None of the new VM's.
 */
#include <linux/bsearch.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/lockdep.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "ospite.h"

/* In a region's flags, which KVM knows up to bit 2: its slot was moved. */
#define MOVED	BIT(31)

/* ---- the vCPUs of the original ---- */

/*
 * lockdep counts the locks that a task holds, and has room for fewer than there
 * may be vCPUs: it is told of none.
 */
static void unlock_vcpus(struct osp_vm *vm, unsigned long end)
{
	struct osp_vcpu *vcpu;
	unsigned long i;

	xa_for_each_range(&vm->vcpus, i, vcpu, 0, end - 1) {
		mutex_acquire(&vcpu->mutex.dep_map, 0, 1, _THIS_IP_);
		mutex_unlock(&vcpu->mutex);
	}
}

static int lock_vcpus(struct osp_vm *vm)
{
	struct osp_vcpu *vcpu;
	unsigned long i;

	xa_for_each(&vm->vcpus, i, vcpu) {
		if (!mutex_trylock(&vcpu->mutex)) {
			if (i)
				unlock_vcpus(vm, i);
			return -EBUSY;
		}
		mutex_release(&vcpu->mutex.dep_map, _THIS_IP_);
	}
	return 0;
}

/* ---- one vCPU ---- */

static void copy_msrs(struct osp_vcpu *to, const struct osp_vcpu *from)
{
	memcpy(to->user_msrs, from->user_msrs, sizeof(to->user_msrs));
	to->kernel_gs_base = from->kernel_gs_base;
	to->spec_ctrl = from->spec_ctrl;
	to->tsc_offset = from->tsc_offset;
	to->tsc_adjust = from->tsc_adjust;
	to->misc_enable = from->misc_enable;
	to->apic_base = from->apic_base;
	to->mtrr_def_type = from->mtrr_def_type;
	memcpy(to->mtrr_fixed, from->mtrr_fixed, sizeof(to->mtrr_fixed));
	memcpy(to->mtrr_var, from->mtrr_var, sizeof(to->mtrr_var));
	to->mcg_status = from->mcg_status;
	to->mcg_ctl = from->mcg_ctl;
	memcpy(to->mce_banks, from->mce_banks, sizeof(to->mce_banks));
	to->feat_ctl = from->feat_ctl;
	to->ucode_rev = from->ucode_rev;
	to->power_ctl = from->power_ctl;
	to->platform_info = from->platform_info;
	to->arch_capabilities = from->arch_capabilities;
}

static int copy_cpuid(struct osp_vcpu *to, const struct osp_vcpu *from)
{
	size_t size = array_size(from->nr_cpuid, sizeof(*to->cpuid));

	if (size) {
		to->cpuid = kvmalloc(size, GFP_KERNEL_ACCOUNT);
		if (!to->cpuid)
			return -ENOMEM;
		memcpy(to->cpuid, from->cpuid, size);
	}
	to->nr_cpuid = from->nr_cpuid;
	memcpy(to->cpuid_index, from->cpuid_index, sizeof(to->cpuid_index));
	to->cr4_allowed = from->cr4_allowed;
	to->xcr0_allowed = from->xcr0_allowed;
	to->phys_bits = from->phys_bits;
	to->features = from->features;
	return 0;
}

/* Registers that are not in the VMCS, or not only there. */
static void copy_registers(struct osp_vcpu *to, const struct osp_vcpu *from)
{
	memcpy(to->gpr, from->gpr, sizeof(to->gpr));
	to->cr2 = from->cr2;
	to->cr4_guest_owned = from->cr4_guest_owned;
	to->cr8 = from->cr8;
	to->efer = from->efer;
	to->xcr0 = from->xcr0;
	to->ia32_xss = from->ia32_xss;
	to->pkru = from->pkru;
	memcpy(to->db, from->db, sizeof(to->db));
	to->dr6 = from->dr6;
	to->db_live = from->db_live;
	to->apicv = from->apicv;
	to->virtual_delivery = from->virtual_delivery;
	osp_host_fpu_copy(&to->fpu, &from->fpu);
}

/* What is to be delivered, what userspace has to answer, and how it waits. */
static void copy_events(struct osp_vcpu *to, const struct osp_vcpu *from)
{
	to->event = from->event;
	to->exception = from->exception;
	to->triple_fault = from->triple_fault;
	to->nmi_pending = from->nmi_pending;
	to->user_irq = from->user_irq;
	to->ioapic_eoi = from->ioapic_eoi;
	to->halted = from->halted;
	to->mp_state = from->mp_state;
	to->io = from->io;
	if (from->io.complete)
		memcpy(to->io_buf, from->io_buf, sizeof(to->io_buf));
	to->sigmask = from->sigmask;
	to->sigmask_set = from->sigmask_set;
	if (test_bit(OSP_REQ_IOAPIC_EOI, &from->requests))
		osp_request(to, OSP_REQ_IOAPIC_EOI);
	osp_request(to, OSP_REQ_EVENT);
	osp_request(to, OSP_REQ_TLB);
}

/* @from is held by its mutex, and loaded for as long as its VMCS is read. */
static int copy_state(struct osp_vcpu *to, struct osp_vcpu *from)
{
	struct osp_vmx_state state;
	int err = copy_cpuid(to, from);

	if (err)
		return err;
	osp_vcpu_load(from);
	osp_vmx_read_state(from, &state);
	if (from->lapic)
		osp_vapic_copy(&to->vapic, &from->vapic);
	osp_vcpu_put(from);

	copy_registers(to, from);
	copy_msrs(to, from);
	copy_events(to, from);
	osp_vcpu_copy_run(to, from);

	osp_vcpu_load(to);
	osp_vmx_vcpu_setup(to);
	osp_vmx_write_state(to, &state, from);
	if (to->lapic)
		osp_apicv_update(to);
	osp_vcpu_put(to);
	return 0;
}

static int copy_vcpu(struct osp_vm *vm, struct osp_vcpu *from)
{
	struct osp_vcpu *vcpu = osp_vcpu_alloc(vm, from->id);
	int err;

	if (IS_ERR(vcpu))
		return PTR_ERR(vcpu);
	vcpu->index = from->index;
	err = copy_state(vcpu, from);
	if (!err)
		err = xa_err(xa_store(&vm->vcpus, vcpu->index, vcpu,
				      GFP_KERNEL_ACCOUNT));
	if (err) {
		osp_vcpu_destroy(vcpu);
		return err;
	}
	vm->nr_vcpus++;
	return vcpu->lapic ?
	       osp_irqchip_register_lapic(vm->chip, &vcpu->vapic) : 0;
}

/* ---- memory slots ---- */

static int compare_slot(const void *key, const void *element)
{
	u32 slot = *(const u32 *)key;
	const struct kvm_userspace_memory_region *region = element;

	return slot < region->slot ? -1 : slot > region->slot;
}

static int move_slots(struct kvm_userspace_memory_region *regions, u32 nr,
		      const struct ospite_fork_slot *slots, u32 nr_slots)
{
	struct kvm_userspace_memory_region *region;
	u32 i;

	for (i = 0; i < nr_slots; i++) {
		if (slots[i].flags)
			return -EINVAL;
		region = bsearch(&slots[i].slot, regions, nr, sizeof(*regions),
				 compare_slot);
		if (!region || region->flags & MOVED)
			return -EINVAL;
		region->flags |= MOVED;
		region->userspace_addr = slots[i].userspace_addr;
	}
	return 0;
}

/*
 * In the original's own address space nothing but the caller's list keeps the
 * two apart; what the guest can't write they may share.
 */
static int set_regions(struct osp_vm *vm, struct osp_vm *from,
		       struct kvm_userspace_memory_region *regions, u32 nr)
{
	bool same_mm = vm->mmu.mm == from->mmu.mm;
	u32 i;
	int err;

	for (i = 0; i < nr; i++) {
		if (same_mm && !(regions[i].flags & (MOVED | KVM_MEM_READONLY)))
			return -EINVAL;
		regions[i].flags &= KVM_MEM_READONLY;
		err = osp_mmu_set_region(&vm->mmu, &regions[i]);
		if (err)
			return err;
		cond_resched();
	}
	return 0;
}

static int copy_slots(struct osp_vm *vm, struct osp_vm *from,
		      const struct ospite_fork_slot *slots, u32 nr_slots)
{
	struct kvm_userspace_memory_region *regions;
	u32 nr;
	int err;

	err = osp_mmu_regions(&from->mmu, &regions, &nr);
	if (err)
		return err;
	err = move_slots(regions, nr, slots, nr_slots);
	if (!err)
		err = set_regions(vm, from, regions, nr);
	kvfree(regions);
	return err;
}

/* ---- the VM ---- */

static int copy_chip(struct osp_vm *vm, struct osp_vm *from)
{
	struct osp_irqchip *chip;

	if (!from->chip)
		return 0;
	chip = osp_irqchip_copy(from->chip);
	if (IS_ERR(chip))
		return PTR_ERR(chip);
	vm->chip = chip;
	return 0;
}

static void start_clocks(struct osp_vm *vm)
{
	struct osp_vcpu *vcpu;
	unsigned long i;

	if (!vm->chip)
		return;
	osp_irqchip_start(vm->chip);
	xa_for_each(&vm->vcpus, i, vcpu)
		osp_vapic_start(&vcpu->vapic);
}

/* @from: its lock and all its vCPUs are held. */
static int copy_vm(struct osp_vm *vm, struct osp_vm *from)
{
	struct osp_vcpu *vcpu;
	unsigned long i;
	int err;

	vm->bsp_id = from->bsp_id;
	vm->tsc_offset = from->tsc_offset;
	vm->x2apic_api = from->x2apic_api;
	vm->halt_poll_ns = from->halt_poll_ns;
	vm->halt_poll_set = from->halt_poll_set;
	err = osp_iobus_copy(&vm->iobus, &from->iobus);
	if (!err)
		err = copy_chip(vm, from);
	if (err)
		return err;
	xa_for_each(&from->vcpus, i, vcpu) {
		err = copy_vcpu(vm, vcpu);
		if (err)
			return err;
	}
	start_clocks(vm);
	return 0;
}

static struct osp_vm *make_copy(struct osp_vm *from,
				const struct ospite_fork_slot *slots,
				u32 nr_slots)
{
	struct osp_vm *vm;
	int err;

	err = lock_vcpus(from);
	if (err)
		return ERR_PTR(err);
	vm = osp_vm_alloc();
	err = PTR_ERR_OR_ZERO(vm);
	if (err)
		goto unlock;
	osp_mmu_inherit(&vm->mmu, &from->mmu);
	err = copy_slots(vm, from, slots, nr_slots);
	if (!err)
		err = copy_vm(vm, from);
	if (err)
		osp_vm_put(vm);
unlock:
	if (from->nr_vcpus)
		unlock_vcpus(from, from->nr_vcpus);
	return err ? ERR_PTR(err) : vm;
}

/* ---- descriptors ---- */

/**
 * struct handle - a file that has no descriptor yet
 * @file: the file
 * @fd: the descriptor, reserved
 */
struct handle {
	struct file *file;
	int fd;
};

/* The file goes to @handle, or is dropped. */
static int take_handle(struct handle *handle, struct file *file)
{
	if (IS_ERR(file))
		return PTR_ERR(file);
	handle->fd = get_unused_fd_flags(O_CLOEXEC);
	if (handle->fd < 0) {
		fput(file);
		return handle->fd;
	}
	handle->file = file;
	return 0;
}

static void drop_handles(struct handle *handles, u32 nr)
{
	for (; nr; nr--, handles++) {
		put_unused_fd(handles->fd);
		fput(handles->file);
	}
}

/* The vCPUs' in their order, then the VM's. */
static int make_handles(struct osp_vm *vm, struct handle *handles, u32 *nr)
{
	struct osp_vcpu *vcpu;
	unsigned long i;
	int err;

	*nr = 0;
	xa_for_each(&vm->vcpus, i, vcpu) {
		err = take_handle(&handles[*nr], osp_vcpu_file(vcpu));
		if (err)
			return err;
		++*nr;
	}
	err = take_handle(&handles[*nr], osp_vm_file(vm));
	if (!err)
		++*nr;
	return err;
}

static int tell(struct osp_vm *vm, struct ospite_fork_vm __user *user,
		const struct ospite_fork_vm *args, const struct handle *handles)
{
	struct ospite_fork_vcpu __user *entries = u64_to_user_ptr(args->vcpus);
	struct osp_vcpu *vcpu;
	unsigned long i;

	xa_for_each(&vm->vcpus, i, vcpu) {
		struct ospite_fork_vcpu entry = {
			.id = vcpu->id, .fd = handles[i].fd,
		};

		if (copy_to_user(&entries[i], &entry, sizeof(entry)))
			return -EFAULT;
	}
	return put_user(vm->nr_vcpus, &user->nr_vcpus);
}

/* The new VM's files hold it from here on: the caller's reference goes. */
static long publish(struct osp_vm *vm, struct ospite_fork_vm __user *user,
		    const struct ospite_fork_vm *args)
{
	u32 nr = 0, i;
	struct handle *handles = kvcalloc(vm->nr_vcpus + 1, sizeof(*handles),
					  GFP_KERNEL_ACCOUNT);
	long r = -ENOMEM;

	if (handles)
		r = make_handles(vm, handles, &nr);
	if (!r)
		r = tell(vm, user, args, handles);
	if (r) {
		drop_handles(handles, nr);
	} else {
		osp_debugfs_add_vm(vm);
		r = handles[vm->nr_vcpus].fd;
		for (i = 0; i < nr; i++)
			fd_install(handles[i].fd, handles[i].file);
	}
	osp_vm_put(vm);
	kvfree(handles);
	return r;
}

static int get_args(struct ospite_fork_vm *args, const void __user *arg)
{
	if (copy_from_user(args, arg, sizeof(*args)))
		return -EFAULT;
	if (args->flags || args->pad || args->nr_slots > OSP_NR_MEMSLOTS ||
	    memchr_inv(args->reserved, 0, sizeof(args->reserved)))
		return -EINVAL;
	return 0;
}

/**
 * osp_vm_fork() - the body of OSPITE_FORK_VM
 * @from: the VM; its owner may be another process than the caller, or gone
 * @arg: struct ospite_fork_vm of userspace
 *
 * Context: process context, may sleep.
 * Return: the descriptor of the new VM; -EBUSY if a vCPU of @from is in an ioctl;
 * -E2BIG if there is no room for all its vCPUs, with their number stored;
 * -EINVAL for flags or reserved fields, for a slot that is not there, is named
 * twice or can't lie where it is moved, and in the address space of @from for one
 * that the guest can write and that is not named; -EMFILE, -ENFILE, -ENOMEM,
 * -ENOSPC, -EFAULT; -EINTR if a signal is pending.
 */
long osp_vm_fork(struct osp_vm *from, void __user *arg)
{
	struct ospite_fork_slot *slots = NULL;
	struct ospite_fork_vm __user *user = arg;
	struct ospite_fork_vm args;
	struct osp_vm *vm;
	u32 nr;
	long r = get_args(&args, arg);

	if (r)
		return r;
	if (args.nr_slots) {
		slots = vmemdup_user(u64_to_user_ptr(args.slots),
				     array_size(args.nr_slots, sizeof(*slots)));
		if (IS_ERR(slots))
			return PTR_ERR(slots);
	}
	mutex_lock(&from->lock);
	nr = from->nr_vcpus;
	vm = args.nr_vcpus < nr ? ERR_PTR(-E2BIG) :
				  make_copy(from, slots, args.nr_slots);
	mutex_unlock(&from->lock);
	kvfree(slots);
	if (args.nr_vcpus < nr && put_user(nr, &user->nr_vcpus))
		return -EFAULT;
	return IS_ERR(vm) ? PTR_ERR(vm) : publish(vm, user, &args);
}
