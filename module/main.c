// SPDX-License-Identifier: GPL-2.0
/*
 * main.c - loading, unloading, and /dev/ospite.
 *
 * The device exists only if this machine can run virtual machines; if not, the
 * kernel log says what is missing.  With kvm=1 the same is /dev/kvm too, for
 * programs that know no other path.  Owns the misc devices; the objects that
 * their ioctls create hold references on the module.
 */
#define pr_fmt(fmt) "ospite: " fmt

#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/uaccess.h>

#include "ospite.h"
#include "vmx/cap.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

/* struct kvm_run, port I/O data, coalesced-MMIO ring: one page each. */
#define VCPU_MMAP_SIZE	(3 * PAGE_SIZE)

static long get_api_version(unsigned long arg)
{
	return arg ? -EINVAL : KVM_API_VERSION;
}

static long create_vm(unsigned long arg)
{
	return osp_vm_create(arg);
}

static long check_extension(unsigned long arg)
{
	return osp_check_extension(NULL, arg);
}

static long get_vcpu_mmap_size(unsigned long arg)
{
	return arg ? -EINVAL : VCPU_MMAP_SIZE;
}

static long get_supported_cpuid(unsigned long arg)
{
	return osp_supported_cpuid((struct kvm_cpuid2 __user *)arg);
}

static long get_msr_index_list(unsigned long arg)
{
	return osp_msr_list((struct kvm_msr_list __user *)arg);
}

static const struct {
	unsigned int cmd;
	long (*call)(unsigned long arg);
} dev_ioctls[] = {
	{ KVM_GET_API_VERSION, get_api_version },
	{ KVM_CREATE_VM, create_vm },
	{ KVM_CHECK_EXTENSION, check_extension },
	{ KVM_GET_VCPU_MMAP_SIZE, get_vcpu_mmap_size },
	{ KVM_GET_SUPPORTED_CPUID, get_supported_cpuid },
	{ KVM_GET_MSR_INDEX_LIST, get_msr_index_list },
};

static long dev_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(dev_ioctls); i++)
		if (dev_ioctls[i].cmd == cmd)
			return dev_ioctls[i].call(arg);
	return -ENOTTY;
}

static const struct file_operations dev_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = dev_ioctl,
	.llseek = noop_llseek,
};

static struct miscdevice dev = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "ospite",
	.fops = &dev_fops,
	.mode = 0660,
};

static bool kvm_too;
module_param_named(kvm, kvm_too, bool, 0444);
MODULE_PARM_DESC(kvm, "also be /dev/kvm, while kvm.ko is not there (default 0)");

static struct miscdevice kvm_dev = {
	.minor = KVM_MINOR,
	.name = "kvm",
	.fops = &dev_fops,
	.mode = 0660,
};

static int __init register_kvm_device(void)
{
	int err = osp_host_claim_kvm_device();

	if (!err) {
		err = misc_register(&kvm_dev);
		if (err)
			osp_host_release_kvm_device();
	}
	if (err == -EBUSY)
		pr_err("kvm=1: /dev/kvm is there already, KVM is loaded (try: rmmod kvm_intel, or load without kvm=1)\n");
	else if (err)
		pr_err("kvm=1: /dev/kvm can't be made: error %d\n", err);
	return err;
}

static int __init register_devices(void)
{
	int err = misc_register(&dev);

	if (err || !kvm_too)
		return err;
	err = register_kvm_device();
	if (err)
		misc_deregister(&dev);
	return err;
}

static void deregister_devices(void)
{
	if (kvm_too) {
		misc_deregister(&kvm_dev);
		osp_host_release_kvm_device();
	}
	misc_deregister(&dev);
}

static int __init ospite_init(void)
{
	int err = osp_vmx_probe();

	if (err)
		return err;
	osp_cpuid_init();
	osp_vmx_switch_init();
	osp_vm_init();
	err = osp_host_init();
	if (err)
		return err;
	err = osp_vmx_init();
	if (err)
		goto host_exit;
	osp_debugfs_init();
	err = register_devices();
	if (err)
		goto vmx_exit;
	return 0;
vmx_exit:
	osp_debugfs_exit();
	osp_vmx_exit();
host_exit:
	osp_host_exit();
	return err;
}

static void __exit ospite_exit(void)
{
	deregister_devices();
	osp_debugfs_exit();
	osp_vmx_switch_exit();
	osp_vmx_exit();
	osp_vmx_setup_exit();
	osp_mmu_exit();
	osp_host_exit();
}

module_init(ospite_init);
module_exit(ospite_exit);

MODULE_DESCRIPTION("Ospite, a small hypervisor that speaks the KVM API");
MODULE_LICENSE("GPL");
