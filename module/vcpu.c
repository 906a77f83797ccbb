// SPDX-License-Identifier: GPL-2.0
/*
 * vcpu.c - the vCPU's file descriptor: its life, its mapping, its ioctls.
 *
 * A vCPU is created and destroyed with its VM.  Each ioctl takes vcpu->mutex
 * and loads the VMCS; while it runs, preempt notifiers put the vCPU away when
 * its thread is scheduled out and load it where it is scheduled in, so that
 * all code in between may use the VMCS with preemption on.
 */
#include <linux/anon_inodes.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/stdarg.h>
#include <linux/uaccess.h>

#include "ospite.h"

/* vCPU fd: page 0 is struct kvm_run, 1 the data of port I/O, 2 the ring. */
#define PIO_PAGE	1
#define RING_PAGE	KVM_COALESCED_MMIO_PAGE_OFFSET
#define RUN_PAGES	2

/* Of the current thread, from load() to put(); follows it to other CPUs. */
static DEFINE_PER_CPU(struct osp_vcpu *, loaded_vcpu);

/**
 * osp_vcpu_loaded() - the vCPU that the current thread is in an ioctl of
 *
 * Context: any of the thread.
 * Return: the vCPU or NULL.
 */
struct osp_vcpu *osp_vcpu_loaded(void)
{
	struct osp_vcpu *vcpu;

	preempt_disable();
	vcpu = __this_cpu_read(loaded_vcpu);
	preempt_enable();
	return vcpu;
}

static void sched_in(struct preempt_notifier *notifier, int cpu)
{
	struct osp_vcpu *vcpu = container_of(notifier, struct osp_vcpu, preempt);

	WRITE_ONCE(vcpu->ready, false);
	__this_cpu_write(loaded_vcpu, vcpu);
	osp_vmx_load(vcpu);
	osp_ple_sched_in(vcpu);
}

static void sched_out(struct preempt_notifier *notifier,
		      struct task_struct *next)
{
	struct osp_vcpu *vcpu = container_of(notifier, struct osp_vcpu, preempt);

	/* Preempted, not asleep: a sibling that spins may give way to it. */
	if (task_is_running(current))
		WRITE_ONCE(vcpu->ready, true);
	osp_vmx_put(vcpu);
	__this_cpu_write(loaded_vcpu, NULL);
}

static struct preempt_ops preempt_ops = {
	.sched_in = sched_in,
	.sched_out = sched_out,
};

/**
 * osp_vcpu_load() - this thread uses the vCPU's VMCS from now on
 * @vcpu: the vCPU; its mutex is held, or nobody else knows it
 *
 * Until osp_vcpu_put() it is current wherever the thread runs.  Not nested: a
 * thread has one at a time.
 *
 * Context: process context, preemption on.
 */
void osp_vcpu_load(struct osp_vcpu *vcpu)
{
	preempt_disable();
	preempt_notifier_register(&vcpu->preempt);
	__this_cpu_write(loaded_vcpu, vcpu);
	osp_vmx_load(vcpu);
	preempt_enable();
}

/**
 * osp_vcpu_put() - undo osp_vcpu_load()
 * @vcpu: the vCPU
 *
 * Context: process context, preemption on.
 */
void osp_vcpu_put(struct osp_vcpu *vcpu)
{
	preempt_disable();
	osp_vmx_put(vcpu);
	__this_cpu_write(loaded_vcpu, NULL);
	preempt_notifier_unregister(&vcpu->preempt);
	preempt_enable();
}

/**
 * osp_internal_error() - end the guest: it needs what is not there
 * @vcpu: the vCPU
 * @suberror: KVM_INTERNAL_ERROR_*
 * @ndata: how many u64 follow, at most 16
 *
 * Return: 0, for an exit handler to return.
 */
int osp_internal_error(struct osp_vcpu *vcpu, u32 suberror, u32 ndata, ...)
{
	struct kvm_run *run = vcpu->run;
	va_list list;
	u32 i;

	run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	run->internal.suberror = suberror;
	run->internal.ndata = ndata;
	va_start(list, ndata);
	for (i = 0; i < ndata; i++)
		run->internal.data[i] = va_arg(list, u64);
	va_end(list);
	return 0;
}

/**
 * osp_triple_fault() - the guest has faulted while delivering a double fault
 * @vcpu: the vCPU
 *
 * The state stays as it was, for userspace to look at.
 * Return: 0, for an exit handler to return.
 */
int osp_triple_fault(struct osp_vcpu *vcpu)
{
	vcpu->triple_fault = false;
	vcpu->run->exit_reason = KVM_EXIT_SHUTDOWN;
	return 0;
}

static long run_ioctl(struct osp_vcpu *vcpu, unsigned long arg)
{
	return arg ? -EINVAL : osp_vcpu_run(vcpu);
}

static long vcpu_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct osp_vcpu *vcpu = file->private_data;
	long r;

	if (current->mm != vcpu->vm->mmu.mm)
		return -EIO;
	if (_IOC_TYPE(cmd) != KVMIO)
		return -EINVAL;
	if (mutex_lock_killable(&vcpu->mutex))
		return -EINTR;
	if (cmd == KVM_RUN)
		osp_vcpu_set_thread(vcpu);
	osp_vcpu_load(vcpu);
	if (cmd == KVM_RUN)
		r = run_ioctl(vcpu, arg);
	else
		r = osp_state_ioctl(vcpu, cmd, (void __user *)arg);
	osp_vcpu_put(vcpu);
	mutex_unlock(&vcpu->mutex);
	return r;
}

static vm_fault_t vcpu_fault(struct vm_fault *fault)
{
	struct osp_vcpu *vcpu = fault->vma->vm_file->private_data;
	struct page *page;

	switch (fault->pgoff) {
	case 0:
	case PIO_PAGE:
		page = virt_to_page((void *)vcpu->run + fault->pgoff * PAGE_SIZE);
		break;
	case RING_PAGE:
		page = osp_iobus_ring_page(&vcpu->vm->iobus);
		if (!page)
			return VM_FAULT_OOM;
		break;
	default:
		if (!osp_mmu_ring_has_page(&vcpu->vm->mmu, fault->pgoff))
			return VM_FAULT_SIGBUS;
		page = osp_ring_page(&vcpu->ring, fault->pgoff -
						  KVM_DIRTY_LOG_PAGE_OFFSET);
		break;
	}
	get_page(page);
	fault->page = page;
	return 0;
}

static const struct vm_operations_struct vcpu_vm_ops = {
	.fault = vcpu_fault,
};

/* The kernel writes to the ring, so a private copy of it would be of no use. */
static int vcpu_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct osp_vcpu *vcpu = file->private_data;
	struct osp_mmu *mmu = &vcpu->vm->mmu;

	if ((osp_mmu_ring_has_page(mmu, vma->vm_pgoff) ||
	     osp_mmu_ring_has_page(mmu, vma->vm_pgoff + vma_pages(vma) - 1)) &&
	    (vma->vm_flags & VM_EXEC || !(vma->vm_flags & VM_SHARED)))
		return -EINVAL;
	vma->vm_ops = &vcpu_vm_ops;
	return 0;
}

static int vcpu_release(struct inode *inode, struct file *file)
{
	struct osp_vcpu *vcpu = file->private_data;

	osp_vm_put(vcpu->vm);
	return 0;
}

static const struct file_operations vcpu_fops = {
	.owner = THIS_MODULE,
	.release = vcpu_release,
	.unlocked_ioctl = vcpu_ioctl,
	.mmap = vcpu_mmap,
	.llseek = noop_llseek,
};

/**
 * osp_vcpu_file() - a file for a vCPU
 * @vcpu: the vCPU
 *
 * The file holds a reference to the VM, which the last fput() drops.
 *
 * Context: process context, may sleep.
 * Return: the file, or an ERR_PTR().
 */
struct file *osp_vcpu_file(struct osp_vcpu *vcpu)
{
	struct file *file;

	osp_vm_get(vcpu->vm);
	file = anon_inode_getfile("ospite-vcpu", &vcpu_fops, vcpu, O_RDWR);
	if (IS_ERR(file))
		osp_vm_put(vcpu->vm);
	return file;
}

/**
 * osp_vcpu_copy_run() - hand what userspace is to see and answer to another vCPU
 * @to: a vCPU that has not run
 * @from: it is not in KVM_RUN
 *
 * Userspace may write to the pages of @from meanwhile, as at any other time.
 */
void osp_vcpu_copy_run(struct osp_vcpu *to, struct osp_vcpu *from)
{
	memcpy(to->run, from->run, offsetof(struct kvm_run, kvm_valid_regs));
	if (from->io.complete || to->run->exit_reason == KVM_EXIT_IO)
		memcpy((void *)to->run + PIO_PAGE * PAGE_SIZE,
		       (void *)from->run + PIO_PAGE * PAGE_SIZE, PAGE_SIZE);
}

/* The pages that userspace maps go one by one, so they are not compound. */
static int alloc_run_pages(struct osp_vcpu *vcpu)
{
	struct page *pages = alloc_pages(GFP_KERNEL_ACCOUNT | __GFP_ZERO,
					 get_order(RUN_PAGES * PAGE_SIZE));

	if (!pages)
		return -ENOMEM;
	split_page(pages, get_order(RUN_PAGES * PAGE_SIZE));
	vcpu->run = page_address(pages);
	return 0;
}

static void free_run_pages(struct osp_vcpu *vcpu)
{
	int i;

	for (i = 0; vcpu->run && i < RUN_PAGES; i++)
		free_page((unsigned long)vcpu->run + i * PAGE_SIZE);
}

/**
 * osp_vcpu_destroy() - release a vCPU
 * @vcpu: the vCPU, maybe only partly made; no fd refers to it
 *
 * Context: process context, may sleep.
 */
void osp_vcpu_destroy(struct osp_vcpu *vcpu)
{
	osp_vapic_exit(&vcpu->vapic);
	osp_vmx_vcpu_free(vcpu);
	if (vcpu->fpu.fpstate)
		osp_host_fpu_free(&vcpu->fpu);
	osp_ring_free(&vcpu->ring);
	free_run_pages(vcpu);
	osp_vcpu_forget_thread(vcpu);
	kvfree(vcpu->cpuid);
	kfree(vcpu);
}

static int give_lapic(struct osp_vcpu *vcpu)
{
	struct osp_vm *vm = vcpu->vm;

	if (!vm->chip)
		return 0;
	if (osp_apicv_vm_init(vm))
		return -ENOMEM;
	osp_vapic_init(&vcpu->vapic, vm->chip, vcpu->apic_page, vcpu->id,
		       vcpu->id == vm->bsp_id, osp_tsc_khz(), vcpu);
	vcpu->lapic = &vcpu->vapic.lapic;
	return 0;
}

/**
 * osp_vcpu_alloc() - make a vCPU of which nobody knows yet
 * @vm: the VM
 * @id: its number, free
 *
 * Its VMCS is empty (osp_vmx_vcpu_setup()), its local APIC as after RESET and not
 * on the bus.
 *
 * Context: process context, may sleep; the VM's lock is held, or nobody else
 * knows the VM.
 * Return: the vCPU, for osp_vcpu_destroy(); ERR_PTR(-ENOMEM), ERR_PTR(-ENOSPC).
 */
struct osp_vcpu *osp_vcpu_alloc(struct osp_vm *vm, u32 id)
{
	struct osp_vcpu *vcpu = kzalloc(sizeof(*vcpu), GFP_KERNEL_ACCOUNT);
	int err = -ENOMEM;

	if (!vcpu)
		return ERR_PTR(-ENOMEM);
	vcpu->vm = vm;
	vcpu->id = id;
	vcpu->cpu = -1;
	vcpu->user_irq = -1;
	vcpu->tsc_offset = vm->tsc_offset;
	mutex_init(&vcpu->mutex);
	rcuwait_init(&vcpu->wait);
	preempt_notifier_init(&vcpu->preempt, &preempt_ops);
	if (!osp_host_fpu_alloc(&vcpu->fpu) || alloc_run_pages(vcpu) ||
	    osp_ring_alloc(&vcpu->ring, &vm->mmu, &vcpu->requests,
			   OSP_REQ_RING_FULL))
		goto fail;
	err = osp_vmx_vcpu_init(vcpu);
	if (!err)
		err = give_lapic(vcpu);
	if (err)
		goto fail;
	return vcpu;
fail:
	osp_vcpu_destroy(vcpu);
	return ERR_PTR(err);
}

static void setup(struct osp_vcpu *vcpu)
{
	osp_vcpu_load(vcpu);
	osp_vmx_vcpu_setup(vcpu);
	osp_vcpu_reset(vcpu, false);
	osp_vcpu_put(vcpu);
	vcpu->mp_state = !vcpu->lapic || vcpu->id == vcpu->vm->bsp_id ?
			 KVM_MP_STATE_RUNNABLE : KVM_MP_STATE_UNINITIALIZED;
}

/* vm->lock is held.  The fd comes last: from then on userspace has the vCPU. */
static int publish(struct osp_vm *vm, struct osp_vcpu *vcpu)
{
	int fd, err;

	err = xa_err(xa_store(&vm->vcpus, vm->nr_vcpus, vcpu, GFP_KERNEL_ACCOUNT));
	if (!err && vcpu->lapic)
		err = osp_irqchip_register_lapic(vm->chip, &vcpu->vapic);
	if (err)
		goto erase;
	osp_vm_get(vm);
	fd = anon_inode_getfd("ospite-vcpu", &vcpu_fops, vcpu, O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		osp_vm_put(vm);
		if (vcpu->lapic)
			osp_irqchip_unregister_lapic(vm->chip, &vcpu->vapic);
		err = fd;
		goto erase;
	}
	vm->nr_vcpus++;
	osp_debugfs_add_vcpu(vcpu);
	return fd;
erase:
	xa_erase(&vm->vcpus, vm->nr_vcpus);
	return err;
}

static bool id_taken(struct osp_vm *vm, u32 id)
{
	struct osp_vcpu *vcpu;
	unsigned long i;

	xa_for_each(&vm->vcpus, i, vcpu)
		if (vcpu->id == id)
			return true;
	return false;
}

/**
 * osp_vcpu_create() - the body of KVM_CREATE_VCPU
 * @vm: the VM
 * @id: its number, which is also its APIC ID
 *
 * Context: process context, may sleep.
 * Return: a file descriptor; -EINVAL for an id or a number of vCPUs beyond
 * the limit, -EEXIST, -ENOMEM, -EMFILE.
 */
int osp_vcpu_create(struct osp_vm *vm, u32 id)
{
	struct osp_vcpu *vcpu;
	int r;

	if (id >= OSP_MAX_VCPU_IDS)
		return -EINVAL;
	mutex_lock(&vm->lock);
	r = -EINVAL;
	if (vm->nr_vcpus >= OSP_MAX_VCPUS)
		goto out;
	r = -EEXIST;
	if (id_taken(vm, id))
		goto out;
	vcpu = osp_vcpu_alloc(vm, id);
	r = PTR_ERR_OR_ZERO(vcpu);
	if (r)
		goto out;
	vcpu->index = vm->nr_vcpus;
	setup(vcpu);
	r = publish(vm, vcpu);
	if (r < 0)
		osp_vcpu_destroy(vcpu);
out:
	mutex_unlock(&vm->lock);
	return r;
}
