// SPDX-License-Identifier: GPL-2.0
/*
 * vm.c - the VM's file descriptor: its life, its capabilities, and the ioctls
 * that are neither about memory (vm_memory.c) nor interrupts (vm_irq.c).
 *
 * VM ioctls that change what vCPUs and devices there are run under vm->lock;
 * memory has its own locks (mmu/), the interrupt controllers too (irq/).
 */
#include <linux/anon_inodes.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/msr.h>
#include <asm/tsc.h>

#include "ospite.h"
#include "vm_ioctls.h"
#include "vmx/cap.h"

/**
 * osp_tsc_khz() - frequency of the TSC, host's and guests' alike
 */
u32 osp_tsc_khz(void)
{
	return tsc_khz;
}

static void mmu_flush(struct osp_mmu *mmu)
{
	struct osp_vm *vm = container_of(mmu, struct osp_vm, mmu);

	osp_vmx_flush_ept(vm->cpus, osp_mmu_eptp(mmu));
}

static void mmu_drain(struct osp_mmu *mmu)
{
	struct osp_vm *vm = container_of(mmu, struct osp_vm, mmu);

	osp_pml_drain_all(vm->cpus);
}

static struct osp_ring *mmu_ring(struct osp_mmu *mmu)
{
	struct osp_vcpu *vcpu = osp_vcpu_loaded();

	return vcpu && &vcpu->vm->mmu == mmu ? &vcpu->ring : NULL;
}

/* The last reference is gone and so is the memory: nothing is left. */
static void mmu_freed(struct osp_mmu *mmu)
{
	struct osp_vm *vm = container_of(mmu, struct osp_vm, mmu);

	free_cpumask_var(vm->cpus);
	kfree(vm);
}

static struct osp_mmu_ops mmu_ops = {
	.flush = mmu_flush,
	.freed = mmu_freed,
	.drain = mmu_drain,
	.ring = mmu_ring,
};

/**
 * osp_vm_get() - one more file refers to a VM
 * @vm: the VM
 */
void osp_vm_get(struct osp_vm *vm)
{
	refcount_inc(&vm->refs);
}

static void destroy(struct osp_vm *vm)
{
	struct osp_vcpu *vcpu;
	unsigned long i;

	osp_debugfs_remove_vm(vm);
	if (vm->chip)
		osp_irqchip_stop(vm->chip);
	xa_for_each(&vm->vcpus, i, vcpu)
		osp_vcpu_destroy(vcpu);
	xa_destroy(&vm->vcpus);
	osp_apicv_vm_exit(vm);
	if (vm->chip)
		osp_irqchip_destroy(vm->chip);
	osp_iobus_destroy(&vm->iobus);
	preempt_notifier_dec();
	osp_mmu_destroy(&vm->mmu);
	osp_vmx_release();
}

/**
 * osp_vm_put() - a file that referred to a VM is closed
 * @vm: the VM; gone after the last one
 *
 * Context: process context, may sleep.
 */
void osp_vm_put(struct osp_vm *vm)
{
	if (refcount_dec_and_test(&vm->refs))
		destroy(vm);
}

static long set_boot_cpu_id(struct osp_vm *vm, void __user *arg)
{
	long r = 0;

	mutex_lock(&vm->lock);
	if (vm->nr_vcpus)
		r = -EBUSY;
	else
		vm->bsp_id = (unsigned long)arg;
	mutex_unlock(&vm->lock);
	return r;
}

static long create_vcpu(struct osp_vm *vm, void __user *arg)
{
	unsigned long id = (unsigned long)arg;

	return id > U32_MAX ? -EINVAL : osp_vcpu_create(vm, id);
}

static long check_extension(struct osp_vm *vm, void __user *arg)
{
	return osp_check_extension(vm, (unsigned long)arg);
}

/* KVM_CAP_HALT_POLL: this VM's longest time to poll in HLT, in ns */
static long set_halt_poll(struct osp_vm *vm, const struct kvm_enable_cap *cap)
{
	if (cap->args[0] != (u32)cap->args[0])
		return -EINVAL;
	WRITE_ONCE(vm->halt_poll_ns, cap->args[0]);
	/* The value before the word that it counts; pairs with halt.c. */
	smp_store_release(&vm->halt_poll_set, true);
	return 0;
}

static long enable_dirty_ring(struct osp_vm *vm, u64 bytes)
{
	long r = -EINVAL;

	mutex_lock(&vm->lock);
	if (!vm->nr_vcpus)
		r = osp_mmu_set_ring_size(&vm->mmu, bytes);
	mutex_unlock(&vm->lock);
	return r;
}

static long enable_cap(struct osp_vm *vm, void __user *arg)
{
	struct kvm_enable_cap cap;

	if (copy_from_user(&cap, arg, sizeof(cap)))
		return -EFAULT;
	if (cap.flags)
		return -EINVAL;
	switch (cap.cap) {
	case KVM_CAP_SPLIT_IRQCHIP:
		if (cap.args[0] > OSP_MAX_ROUTES)
			return -EINVAL;
		return osp_vm_make_irqchip(vm, true, cap.args[0], -EEXIST);
	case KVM_CAP_HALT_POLL:
		return set_halt_poll(vm, &cap);
	case KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2:
		return osp_mmu_manual_protect(&vm->mmu, cap.args[0]);
	case KVM_CAP_DIRTY_LOG_RING:
	case KVM_CAP_DIRTY_LOG_RING_ACQ_REL:
		return enable_dirty_ring(vm, cap.args[0]);
	case KVM_CAP_X2APIC_API:
		return osp_vm_set_x2apic_api(vm, cap.args[0]);
	default:
		return -EINVAL;
	}
}

static const struct osp_vm_ioctl own_ioctls[] = {
	{ KVM_CHECK_EXTENSION, check_extension },
	{ KVM_ENABLE_CAP, enable_cap },
	{ KVM_CREATE_VCPU, create_vcpu },
	{ KVM_SET_BOOT_CPU_ID, set_boot_cpu_id },
	{ OSPITE_FORK_VM, osp_vm_fork },
	{ }
};

static const struct osp_vm_ioctl * const vm_ioctls[] = {
	own_ioctls, osp_vm_memory_ioctls, osp_vm_irq_ioctls,
};

static long vm_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct osp_vm *vm = file->private_data;
	const struct osp_vm_ioctl *row;
	int i;

	/* A process that has forked is to make a VM of its own of it. */
	if (current->mm != vm->mmu.mm && cmd != OSPITE_FORK_VM)
		return -EIO;
	for (i = 0; i < ARRAY_SIZE(vm_ioctls); i++)
		for (row = vm_ioctls[i]; row->call; row++)
			if (row->cmd == cmd)
				return row->call(vm, (void __user *)arg);
	return -ENOTTY;
}

/* As on KVM, eventfds end with the VM's own descriptor. */
static int vm_release(struct inode *inode, struct file *file)
{
	struct osp_vm *vm = file->private_data;

	if (vm->chip)
		osp_irqfds_stop(&vm->chip->irqfds);
	osp_vm_put(vm);
	return 0;
}

static const struct file_operations vm_fops = {
	.owner = THIS_MODULE,
	.release = vm_release,
	.unlocked_ioctl = vm_ioctl,
	.llseek = noop_llseek,
};

/**
 * osp_vm_file() - a file for a VM
 * @vm: the VM
 *
 * The file holds a reference to it, which the last fput() drops.
 *
 * Context: process context, may sleep.
 * Return: the file, or an ERR_PTR().
 */
struct file *osp_vm_file(struct osp_vm *vm)
{
	struct file *file;

	osp_vm_get(vm);
	file = anon_inode_getfile("ospite-vm", &vm_fops, vm, O_RDWR);
	if (IS_ERR(file))
		osp_vm_put(vm);
	return file;
}

/**
 * osp_vm_alloc() - make a VM without vCPUs in the current address space
 *
 * Context: process context, may sleep.
 * Return: the VM, with one reference for osp_vm_put(); ERR_PTR(-ENOMEM),
 * ERR_PTR(-EBUSY) if another hypervisor holds VMX, ERR_PTR(-EINTR).
 */
struct osp_vm *osp_vm_alloc(void)
{
	struct osp_vm *vm = kzalloc(sizeof(*vm), GFP_KERNEL_ACCOUNT);
	int err = -ENOMEM;

	if (!vm)
		return ERR_PTR(-ENOMEM);
	if (!zalloc_cpumask_var(&vm->cpus, GFP_KERNEL_ACCOUNT))
		goto free_vm;
	refcount_set(&vm->refs, 1);
	vm->id = -1;
	mutex_init(&vm->lock);
	xa_init(&vm->vcpus);
	osp_iobus_init(&vm->iobus);
	/* The guest's TSC starts with the VM. */
	vm->tsc_offset = -rdtsc();
	err = osp_vmx_get();
	if (err)
		goto free_cpus;
	err = osp_mmu_init(&vm->mmu, &mmu_ops);
	if (!err) {
		preempt_notifier_inc();
		return vm;
	}
	osp_vmx_release();
free_cpus:
	free_cpumask_var(vm->cpus);
free_vm:
	kfree(vm);
	return ERR_PTR(err);
}

/**
 * osp_vm_create() - the body of KVM_CREATE_VM
 * @type: must be 0
 *
 * Context: process context, may sleep.
 * Return: a file descriptor; -EINVAL, -ENOMEM, -EMFILE; -EBUSY if another
 * hypervisor holds VMX.
 */
int osp_vm_create(unsigned long type)
{
	struct osp_vm *vm;
	int fd;

	if (type)
		return -EINVAL;
	vm = osp_vm_alloc();
	if (IS_ERR(vm))
		return PTR_ERR(vm);
	osp_debugfs_add_vm(vm);
	fd = anon_inode_getfd("ospite-vm", &vm_fops, vm, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		osp_vm_put(vm);
	return fd;
}

/* A CPU that may fail on huge pages of code gets none (host.c). */
static u8 max_ept_leaf(void)
{
	if (!osp_host_huge_code_is_safe() ||
	    !(osp_vmx_cap.ept_vpid & VMX_EPT_2MB_PAGE_BIT))
		return 1;
	return osp_vmx_cap.ept_vpid & VMX_EPT_1GB_PAGE_BIT ? 3 : 2;
}

/**
 * osp_vm_init() - fill in what the CPU says about EPT
 */
void osp_vm_init(void)
{
	mmu_ops.ept_ad = osp_vmx_cap.ept_vpid & BIT_ULL(21);
	mmu_ops.max_leaf = max_ept_leaf();
	mmu_ops.pml = osp_vmx_cap.proc2 & SECONDARY_EXEC_ENABLE_PML;
	mmu_ops.phys_bits = boot_cpu_data.x86_phys_bits;
}

/**
 * osp_check_extension() - the body of KVM_CHECK_EXTENSION
 * @vm: the VM, or NULL for the device
 * @extension: a capability's number
 *
 * Return: 0 for what is not there.
 */
int osp_check_extension(struct osp_vm *vm, long extension)
{
	switch (extension) {
	case KVM_CAP_IRQCHIP:
	case KVM_CAP_HLT:
	case KVM_CAP_USER_MEMORY:
	case KVM_CAP_SET_TSS_ADDR:
	case KVM_CAP_SET_IDENTITY_MAP_ADDR:
	case KVM_CAP_EXT_CPUID:
	case KVM_CAP_NOP_IO_DELAY:
	case KVM_CAP_MP_STATE:
	case KVM_CAP_PIT2:
	case KVM_CAP_PIT_STATE2:
	case KVM_CAP_IRQ_INJECT_STATUS:
	case KVM_CAP_DESTROY_MEMORY_REGION_WORKS:
	case KVM_CAP_JOIN_MEMORY_REGIONS_WORKS:
	case KVM_CAP_USER_NMI:
	case KVM_CAP_REINJECT_CONTROL:
	case KVM_CAP_SIGNAL_MSI:
	case KVM_CAP_SET_BOOT_CPU_ID:
	case KVM_CAP_READONLY_MEM:
	case KVM_CAP_TSC_DEADLINE_TIMER:
	case KVM_CAP_IMMEDIATE_EXIT:
	case KVM_CAP_INTERNAL_ERROR_DATA:
	case KVM_CAP_VCPU_EVENTS:
	case KVM_CAP_DEBUGREGS:
	case KVM_CAP_GET_TSC_KHZ:
	case KVM_CAP_CHECK_EXTENSION_VM:
	case KVM_CAP_SYNC_MMU:
	case KVM_CAP_IRQFD:
	case KVM_CAP_IRQFD_RESAMPLE:
	case KVM_CAP_IOEVENTFD:
	case KVM_CAP_IOEVENTFD_NO_LENGTH:
	case KVM_CAP_IOEVENTFD_ANY_LENGTH:
	case KVM_CAP_COALESCED_PIO:
	case KVM_CAP_SPLIT_IRQCHIP:
	case KVM_CAP_ENABLE_CAP_VM:
	case KVM_CAP_HALT_POLL:
	case OSPITE_CAP_FAIL_ENTRY_RULE:
	case OSPITE_CAP_FORK_VM:
		return 1;
	case KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2:
		return KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE |
		       KVM_DIRTY_LOG_INITIALLY_SET;
	case KVM_CAP_DIRTY_LOG_RING:
	case KVM_CAP_DIRTY_LOG_RING_ACQ_REL:
		return OSP_RING_MAX_BYTES;
	case KVM_CAP_X2APIC_API:
		return OSP_X2APIC_API_FLAGS;
	case KVM_CAP_COALESCED_MMIO:
		return KVM_COALESCED_MMIO_PAGE_OFFSET;
	case OSPITE_CAP_IRT:
		return OSP_IRT_MAX;
	case KVM_CAP_XSAVE:
	case KVM_CAP_XCRS:
		return boot_cpu_has(X86_FEATURE_XSAVE);
	case KVM_CAP_IRQ_ROUTING:
		return OSP_MAX_ROUTES;
	case KVM_CAP_NR_VCPUS:
		return min_t(int, num_online_cpus(), OSP_MAX_VCPUS);
	case KVM_CAP_MAX_VCPUS:
		return OSP_MAX_VCPUS;
	case KVM_CAP_MAX_VCPU_ID:
		return OSP_MAX_VCPU_IDS;
	case KVM_CAP_NR_MEMSLOTS:
	case OSPITE_CAP_MEMORY_REGIONS:
		return OSP_NR_MEMSLOTS;
	default:
		return 0;
	}
}
