// SPDX-License-Identifier: GPL-2.0
/*
 * host.c - what Ospite takes from the host kernel that versions change.
 *
 * The emergency hook that ends VMX operation on the way to a crash kernel,
 * who else might hold VMX, NMIs and machine checks that arrived in the guest,
 * the guest's extended (FPU) state, and the settings of mitigations.  Owns
 * the registration of the emergency hook, under emergency_lock.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/namei.h>
#include <linux/notifier.h>
#include <linux/percpu.h>
#include <linux/string.h>
#include <asm/cpufeature.h>
#include <asm/fpu/xcr.h>
#include <linux/perf_event.h>
#include <asm/msr.h>
#include <asm/reboot.h>
#include <asm/vmx.h>

#include "host.h"

/*
 * The kernel has room for one emergency hook, and KVM takes it for as long as
 * kvm_intel is loaded.  Its hook ends VMX operation on every CPU that has
 * CR4.VMXE set, ours included; so ours is registered only while VMX is on and
 * kvm_intel is away.
 */
static DEFINE_MUTEX(emergency_lock);
static bool emergency_wanted;
static bool emergency_armed;
static bool kvm_present;

/* emergency_lock is held. */
static void emergency_update(void)
{
	bool want = emergency_wanted && !kvm_present;

	if (want && !emergency_armed)
		cpu_emergency_register_virt_callback(osp_vmx_emergency_off);
	if (!want && emergency_armed)
		cpu_emergency_unregister_virt_callback(osp_vmx_emergency_off);
	emergency_armed = want;
}

static void emergency_want(bool wanted)
{
	mutex_lock(&emergency_lock);
	emergency_wanted = wanted;
	emergency_update();
	mutex_unlock(&emergency_lock);
}

/**
 * osp_host_emergency_arm() - VMX is on: leave it before a crash kernel starts
 *
 * Context: process context, may sleep.
 */
void osp_host_emergency_arm(void)
{
	emergency_want(true);
}

/**
 * osp_host_emergency_disarm() - VMX is off again
 *
 * Context: process context, may sleep.
 */
void osp_host_emergency_disarm(void)
{
	emergency_want(false);
}

static int module_event(struct notifier_block *block, unsigned long event,
			void *data)
{
	struct module *module = data;

	if (strcmp(module->name, "kvm_intel"))
		return NOTIFY_DONE;
	mutex_lock(&emergency_lock);
	kvm_present = event != MODULE_STATE_GOING;
	emergency_update();
	mutex_unlock(&emergency_lock);
	return NOTIFY_OK;
}

static struct notifier_block module_block = {
	.notifier_call = module_event,
};

static bool module_is_loaded(const char *name)
{
	char path[64];
	struct path p;

	snprintf(path, sizeof(path), "/sys/module/%s", name);
	if (kern_path(path, 0, &p))
		return false;
	path_put(&p);
	return true;
}

/**
 * osp_host_vmx_holder() - who is likely to hold VMX?
 *
 * Context: process context, may sleep.
 * Return: words for a message.
 */
const char *osp_host_vmx_holder(void)
{
	static const char * const known[] = { "kvm_intel", "vboxdrv", "vmmon" };
	int i;

	for (i = 0; i < ARRAY_SIZE(known); i++)
		if (module_is_loaded(known[i]))
			return known[i];
	return "no module known to use VMX is loaded";
}

/**
 * osp_host_init() - watch for KVM coming and going
 *
 * Context: module load, may sleep.
 * Return: 0 or a negative errno.
 */
int osp_host_init(void)
{
	int err = register_module_notifier(&module_block);

	if (!err && module_is_loaded("kvm_intel"))
		kvm_present = true;
	return err;
}

/**
 * osp_host_exit() - undo osp_host_init()
 */
void osp_host_exit(void)
{
	unregister_module_notifier(&module_block);
}

/**
 * osp_host_pt_off() - stop Intel PT here, before VMXON
 *
 * On CPUs that can't trace in VMX operation VMXON with PT on would fault.
 * Context: interrupts off.
 */
void osp_host_pt_off(void)
{
	intel_pt_handle_vmx(1);
}

/**
 * osp_host_pt_on() - Intel PT may run again, after VMXOFF
 */
void osp_host_pt_on(void)
{
	intel_pt_handle_vmx(0);
}

/**
 * osp_host_nmi() - hand the host an NMI that ended a stay in the guest
 *
 * The exit left NMIs blocked; the handler's IRET unblocks them.  INT 2 takes
 * the stack switch that the handler relies on (SDM 3C 28.2).
 *
 * Context: interrupts off.
 */
void osp_host_nmi(void)
{
	asm volatile("int $2");
}

/**
 * osp_host_machine_check() - hand the host a machine check
 *
 * Context: interrupts off.
 */
void osp_host_machine_check(void)
{
	asm volatile("int $18");
}

/**
 * osp_host_fpu_alloc() - allocate a guest's extended state
 * @fpu: to be filled
 *
 * Context: process context, may sleep.
 * Return: whether there was memory.
 */
bool osp_host_fpu_alloc(struct fpu_guest *fpu)
{
	return fpu_alloc_guest_fpstate(fpu);
}

/**
 * osp_host_fpu_free() - release a guest's extended state
 * @fpu: as filled by osp_host_fpu_alloc()
 */
void osp_host_fpu_free(struct fpu_guest *fpu)
{
	fpu_free_guest_fpstate(fpu);
}

/**
 * osp_host_fpu_load() - from now on this task's FPU state is the guest's
 * @fpu: the guest's
 *
 * Context: process context, preemption on.
 */
void osp_host_fpu_load(struct fpu_guest *fpu)
{
	fpu_swap_kvm_fpstate(fpu, true);
}

/**
 * osp_host_fpu_put() - this task's FPU state is its own again
 * @fpu: the guest's
 *
 * Context: process context, preemption on.
 */
void osp_host_fpu_put(struct fpu_guest *fpu)
{
	fpu_swap_kvm_fpstate(fpu, false);
}

/**
 * osp_host_xcr0() - the host's XCR0, or 0 without XSAVE
 */
u64 osp_host_xcr0(void)
{
	return boot_cpu_has(X86_FEATURE_OSXSAVE) ? xgetbv(0) : 0;
}

/**
 * osp_host_flush_l1d() - does the host ask for an L1D flush before VM entry?
 *
 * The l1tf= and mitigations= arguments decide, and whether the CPU is affected
 * (Documentation/admin-guide/hw-vuln/l1tf.rst).
 */
bool osp_host_flush_l1d(void)
{
	return boot_cpu_has_bug(X86_BUG_L1TF) &&
	       l1tf_mitigation != L1TF_MITIGATION_OFF;
}

/*
 * Pages of the current address space.  FOLL_INTERRUPTIBLE, by which a signal
 * ends the wait for userfaultfd, came with 6.2; before, a deadly one does.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
#define PAGE_FLAGS	FOLL_HWPOISON
#else
#define PAGE_FLAGS	(FOLL_HWPOISON | FOLL_INTERRUPTIBLE)
#endif

/**
 * osp_host_page() - bring a page of the current address space in
 * @hva: any address in it
 * @write: for writing: breaks copy-on-write
 * @page: where it is, with a reference for the caller to put
 *
 * Context: process context, may sleep.
 * Return: 0; -EFAULT if nothing suitable is mapped, or if it is no ordinary
 * page (see osp_host_pfn()); -EHWPOISON; -EINTR; -ENOMEM.
 */
int osp_host_page(unsigned long hva, bool write, struct page **page)
{
	unsigned int flags = PAGE_FLAGS | (write ? FOLL_WRITE : 0);
	long n = get_user_pages_unlocked(hva, 1, page, flags);

	if (n == 1)
		return 0;
	return n < 0 ? n : -EFAULT;
}

/* The mmap lock is held for read. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
static int look_up_pfn(struct vm_area_struct *vma, unsigned long hva,
		       u64 *pfn, bool *writable)
{
	spinlock_t *lock;
	pte_t *pte;
	int ret;

	ret = follow_pte(vma->vm_mm, hva, &pte, &lock);
	if (ret)
		return ret;
	*pfn = pte_pfn(*pte);
	*writable = pte_write(*pte);
	pte_unmap_unlock(pte, lock);
	return 0;
}
#else
static int look_up_pfn(struct vm_area_struct *vma, unsigned long hva,
		       u64 *pfn, bool *writable)
{
	struct follow_pfnmap_args args = { .vma = vma, .address = hva };
	int ret;

	ret = follow_pfnmap_start(&args);
	if (ret)
		return ret;
	*pfn = args.pfn;
	*writable = args.writable;
	follow_pfnmap_end(&args);
	return 0;
}
#endif

/* The mmap lock is held for read; -EAGAIN if it was let go meanwhile. */
static int fault_pfn_in(unsigned long hva, bool write)
{
	bool unlocked = false;
	int ret;

	ret = fixup_user_fault(current->mm, hva, write ? FAULT_FLAG_WRITE : 0,
			       &unlocked);
	return !ret && unlocked ? -EAGAIN : ret;
}

static int look_up_or_fault(unsigned long hva, bool write, u64 *pfn,
			    bool *writable)
{
	struct vm_area_struct *vma = vma_lookup(current->mm, hva);
	int ret;

	if (!vma || !(vma->vm_flags & (VM_IO | VM_PFNMAP)))
		return -EFAULT;
	if (write && !(vma->vm_flags & VM_WRITE))
		return -EFAULT;
	if (!look_up_pfn(vma, hva, pfn, writable) && (*writable || !write))
		return 0;
	ret = fault_pfn_in(hva, write);
	if (ret)
		return ret;
	ret = look_up_pfn(vma, hva, pfn, writable);
	if (ret)
		return ret;
	return write && !*writable ? -EFAULT : 0;
}

/**
 * osp_host_pfn() - the frame behind an address that has no ordinary page
 * @hva: an address in a mapping that a driver made (VM_IO or VM_PFNMAP)
 * @write: for writing
 * @pfn: where it is; valid only until the MMU notifier says otherwise
 * @writable: whether it may be written
 *
 * Context: process context, may sleep.
 * Return: 0; -EFAULT if no such mapping is there, or not for this access;
 * -EHWPOISON; -ENOMEM.
 */
int osp_host_pfn(unsigned long hva, bool write, u64 *pfn, bool *writable)
{
	int ret;

	do {
		mmap_read_lock(current->mm);
		ret = look_up_or_fault(hva, write, pfn, writable);
		mmap_read_unlock(current->mm);
	} while (ret == -EAGAIN && !fatal_signal_pending(current));
	return ret == -EAGAIN ? -EINTR : ret;
}
