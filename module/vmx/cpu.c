// SPDX-License-Identifier: GPL-2.0
/*
 * vmx/cpu.c - VMX operation of the physical CPUs, and which VMCS is where.
 *
 * VMX is on only while a VM exists: osp_vmx_get() turns it on with the first,
 * osp_vmx_release() off with the last, so that a machine that runs no VM is
 * as it was, and another hypervisor can have its turn.  CPUs that come online
 * or go offline meanwhile follow, as do suspend, reboot and a crash.
 *
 * Owns the VMXON region of each CPU and the list of the VMCSs whose contents
 * that CPU may cache: all of them must be VMCLEARed before VMXOFF.  A list is
 * touched only on its CPU with interrupts off.  vmx_users is under vmx_lock,
 * which nests outside cpus_read_lock().  SDM 3C 24.7, 24.11, 25.
 */
#define pr_fmt(fmt) "ospite: " fmt

#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/printk.h>
#include <linux/reboot.h>
#include <linux/smp.h>
#include <linux/syscore_ops.h>
#include <asm/tlbflush.h>

#include "../host.h"
#include "cap.h"
#include "names.h"
#include "ops.h"
#include "vmx.h"

/**
 * struct vmx_cpu - the VMX side of one physical CPU
 * @vmxon: VMXON region (SDM 3C 24.11.5); allocated with the first VM, kept
 * @on: this module did VMXON here and owns CR4.VMXE
 * @current_vmcs: what VMPTRLD was last done for
 * @loaded: VMCSs that have been loaded here and not VMCLEARed since
 */
struct vmx_cpu {
	void *vmxon;
	bool on;
	struct osp_vmcs *current_vmcs;
	struct list_head loaded;
};

static DEFINE_PER_CPU(struct vmx_cpu, vmx_cpus);
static DEFINE_MUTEX(vmx_lock);
static unsigned int vmx_users;
static enum cpuhp_state hotplug_state;

/* Set for good when the machine goes down: VMX instructions may fault now. */
static bool vmx_down;

/**
 * osp_vmx_down() - has VMX been taken away for reboot or crash?
 *
 * Context: any.
 */
bool osp_vmx_down(void)
{
	return READ_ONCE(vmx_down);
}

/**
 * osp_vmx_failed() - report a failed VMX instruction
 * @instruction: its mnemonic
 * @operand: its operand
 *
 * Context: any.  Silent when the machine goes down.
 */
void osp_vmx_failed(const char *instruction, u64 operand)
{
	if (!osp_vmx_down())
		pr_err_ratelimited("%s of %#llx failed\n", instruction, operand);
}

/**
 * osp_vmread_failed() - report a failed VMREAD
 * @field: encoding of the field
 */
void osp_vmread_failed(u32 field)
{
	if (!osp_vmx_down())
		pr_err_ratelimited("vmread of %s (%#x) failed\n",
				   osp_vmcs_field_name(field), field);
}

/**
 * osp_vmwrite_failed() - report a failed VMWRITE
 * @field: encoding of the field
 * @value: what was to be written
 */
void osp_vmwrite_failed(u32 field, u64 value)
{
	if (!osp_vmx_down())
		pr_err_ratelimited("vmwrite of %#llx to %s (%#x) failed\n",
				   value, osp_vmcs_field_name(field), field);
}

/* Interrupts off, on the CPU whose cache may hold it. */
static void vmcs_clear_here(struct osp_vmcs *vmcs)
{
	struct vmx_cpu *cpu = this_cpu_ptr(&vmx_cpus);

	osp_vmclear(__pa(vmcs->region));
	if (cpu->current_vmcs == vmcs)
		cpu->current_vmcs = NULL;
	list_del(&vmcs->link);
	vmcs->launched = false;
	/* Pairs with the read in osp_vmcs_load(): the list is left first. */
	smp_store_release(&vmcs->cpu, -1);
}

static void vmcs_clear_ipi(void *arg)
{
	struct osp_vmcs *vmcs = arg;

	if (vmcs->cpu == smp_processor_id())
		vmcs_clear_here(vmcs);
}

/**
 * osp_vmcs_clear() - write a VMCS back from whatever CPU holds it
 * @vmcs: the VMCS; nobody may be loading it
 *
 * Context: process context, interrupts on.
 */
void osp_vmcs_clear(struct osp_vmcs *vmcs)
{
	int cpu = READ_ONCE(vmcs->cpu);

	/* A CPU that has gone offline has cleared it on the way out. */
	if (cpu >= 0)
		smp_call_function_single(cpu, vmcs_clear_ipi, vmcs, 1);
}

/**
 * osp_vmcs_load() - make a VMCS current on this CPU
 * @vmcs: the VMCS
 *
 * If another CPU had it, that one writes it back first (SDM 3C 25.11.1).
 *
 * Context: preemption off, interrupts on; the vCPU's mutex is held.
 * Return: whether the VMCS comes from elsewhere, so that all that is stored
 * in it about this CPU has to be written.
 */
bool osp_vmcs_load(struct osp_vmcs *vmcs)
{
	int this = smp_processor_id();
	struct vmx_cpu *cpu = this_cpu_ptr(&vmx_cpus);
	unsigned long flags;
	bool moved;

	/* Pairs with the release in vmcs_clear_here(): it left that list. */
	moved = smp_load_acquire(&vmcs->cpu) != this;
	if (!moved && cpu->current_vmcs == vmcs)
		return false;
	if (moved)
		osp_vmcs_clear(vmcs);
	local_irq_save(flags);
	if (moved) {
		list_add(&vmcs->link, &cpu->loaded);
		vmcs->cpu = this;
	}
	cpu->current_vmcs = vmcs;
	osp_vmptrld(__pa(vmcs->region));
	local_irq_restore(flags);
	return moved;
}

/**
 * osp_vmcs_alloc() - allocate and clear a VMCS
 * @vmcs: to be filled
 *
 * Context: process context, may sleep; VMX is on.
 * Return: 0 or -ENOMEM.
 */
int osp_vmcs_alloc(struct osp_vmcs *vmcs)
{
	unsigned long flags;

	vmcs->region = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!vmcs->region)
		return -ENOMEM;
	*(u32 *)vmcs->region = osp_vmx_cap.revision;
	vmcs->cpu = -1;
	vmcs->launched = false;
	local_irq_save(flags);
	osp_vmclear(__pa(vmcs->region));
	local_irq_restore(flags);
	return 0;
}

/**
 * osp_vmcs_free() - release a VMCS
 * @vmcs: may be one whose allocation failed
 *
 * Context: process context, may sleep.
 */
void osp_vmcs_free(struct osp_vmcs *vmcs)
{
	if (!vmcs->region)
		return;
	osp_vmcs_clear(vmcs);
	free_page((unsigned long)vmcs->region);
	vmcs->region = NULL;
}

struct flush {
	u64 eptp;
};

static void flush_ept_here(void *arg)
{
	if (this_cpu_read(vmx_cpus.on))
		osp_invept(OSP_INVEPT_SINGLE, ((struct flush *)arg)->eptp);
}

/**
 * osp_vmx_flush_ept() - drop what CPUs have cached of an EPT
 * @cpus: which CPUs
 * @eptp: the EPT pointer
 *
 * A CPU in the guest leaves it to take the interrupt.
 *
 * Context: interrupts on; does not sleep.  Done on all when it returns.
 */
void osp_vmx_flush_ept(const struct cpumask *cpus, u64 eptp)
{
	struct flush flush = { eptp };

	on_each_cpu_mask(cpus, flush_ept_here, &flush, true);
}

/*
 * VMXON here.  CR4.VMXE already set means that another hypervisor runs on
 * this CPU; there is no way to share (SDM 3C 24.7).
 */
static int vmx_on(struct vmx_cpu *cpu)
{
	if (cr4_read_shadow() & X86_CR4_VMXE)
		return -EBUSY;
	if (osp_vmx_check_cpu())
		return -EOPNOTSUPP;
	osp_host_pt_off();
	cr4_set_bits(X86_CR4_VMXE);
	if (osp_vmxon(__pa(cpu->vmxon))) {
		cr4_clear_bits(X86_CR4_VMXE);
		osp_host_pt_on();
		return -EIO;
	}
	INIT_LIST_HEAD(&cpu->loaded);
	cpu->current_vmcs = NULL;
	cpu->on = true;
	/* Mappings of an earlier use of VMX may linger (SDM 3C 29.4.3.4). */
	osp_invept(OSP_INVEPT_ALL, 0);
	osp_invvpid(OSP_INVVPID_ALL, 0);
	return 0;
}

static void vmx_off(struct vmx_cpu *cpu)
{
	struct osp_vmcs *vmcs, *next;

	if (!cpu->on)
		return;
	/* The CPU could come back from a reset with other values. */
	osp_vmx_drop_user_msrs(NULL);
	list_for_each_entry_safe(vmcs, next, &cpu->loaded, link)
		vmcs_clear_here(vmcs);
	cpu->on = false;
	osp_vmxoff();
	cr4_clear_bits(X86_CR4_VMXE);
	osp_host_pt_on();
}

static void vmx_on_ipi(void *arg)
{
	int err = vmx_on(this_cpu_ptr(&vmx_cpus));

	if (err)
		atomic_cmpxchg((atomic_t *)arg, 0, err);
}

static void vmx_off_ipi(void *arg)
{
	vmx_off(this_cpu_ptr(&vmx_cpus));
}

static int alloc_region(int cpu)
{
	struct vmx_cpu *c = &per_cpu(vmx_cpus, cpu);
	struct page *page;

	if (c->vmxon)
		return 0;
	page = alloc_pages_node(cpu_to_node(cpu), GFP_KERNEL | __GFP_ZERO, 0);
	if (!page)
		return -ENOMEM;
	c->vmxon = page_address(page);
	*(u32 *)c->vmxon = osp_vmx_cap.revision;
	return 0;
}

static void free_regions(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		free_page((unsigned long)per_cpu(vmx_cpus.vmxon, cpu));
		per_cpu(vmx_cpus.vmxon, cpu) = NULL;
	}
}

static void explain(int err)
{
	if (err == -EBUSY)
		pr_err("VMX is held by another hypervisor (%s); unload it and try again\n",
		       osp_host_vmx_holder());
	else
		pr_err("VMXON failed (%d)\n", err);
}

/* vmx_lock and cpus_read_lock() are held. */
static int vmx_on_everywhere(void)
{
	atomic_t err = ATOMIC_INIT(0);
	int cpu;

	for_each_online_cpu(cpu)
		if (alloc_region(cpu))
			return -ENOMEM;
	on_each_cpu(vmx_on_ipi, &err, 1);
	if (atomic_read(&err)) {
		on_each_cpu(vmx_off_ipi, NULL, 1);
		explain(atomic_read(&err));
	}
	return atomic_read(&err);
}

/**
 * osp_vmx_get() - one more VM needs VMX operation
 *
 * Context: process context, may sleep.
 * Return: 0, -EBUSY if another hypervisor holds VMX (the log says which),
 * -ENOMEM, -EIO or -EOPNOTSUPP; on failure nothing is left on.
 */
int osp_vmx_get(void)
{
	int err = 0;

	mutex_lock(&vmx_lock);
	cpus_read_lock();
	if (osp_vmx_down())
		err = -EIO;
	else if (!vmx_users)
		err = vmx_on_everywhere();
	if (!err && !vmx_users++)
		osp_host_emergency_arm();
	cpus_read_unlock();
	mutex_unlock(&vmx_lock);
	return err;
}

/**
 * osp_vmx_release() - a VM is gone
 *
 * Context: process context, may sleep.
 */
void osp_vmx_release(void)
{
	mutex_lock(&vmx_lock);
	cpus_read_lock();
	if (!--vmx_users) {
		osp_host_emergency_disarm();
		on_each_cpu(vmx_off_ipi, NULL, 1);
	}
	cpus_read_unlock();
	mutex_unlock(&vmx_lock);
}

/*
 * Hotplug callbacks run on the CPU itself, before user threads may run there
 * and after they have been pushed away.  vmx_users is stable: changing it
 * needs cpus_read_lock(), and hotplug holds that for writing.
 */
static int vmx_cpu_online(unsigned int n)
{
	unsigned long flags;
	int err;

	if (!vmx_users)
		return 0;
	err = alloc_region(n);
	if (err)
		return err;
	local_irq_save(flags);
	err = vmx_on(this_cpu_ptr(&vmx_cpus));
	local_irq_restore(flags);
	if (err)
		explain(err);
	return err;
}

static int vmx_cpu_offline(unsigned int n)
{
	unsigned long flags;

	local_irq_save(flags);
	vmx_off(this_cpu_ptr(&vmx_cpus));
	local_irq_restore(flags);
	return 0;
}

/* Suspend takes the other CPUs offline; this is the last one, IRQs off. */
static int vmx_suspend(void)
{
	vmx_off(this_cpu_ptr(&vmx_cpus));
	return 0;
}

static void vmx_resume(void)
{
	int err;

	if (!vmx_users)
		return;
	err = vmx_on(this_cpu_ptr(&vmx_cpus));
	if (err)
		explain(err);
}

static struct syscore_ops vmx_syscore_ops = {
	.suspend = vmx_suspend,
	.resume = vmx_resume,
};

/* VMX root operation blocks INIT, which a reboot needs (SDM 3C 24.8). */
static int vmx_reboot(struct notifier_block *block, unsigned long event, void *p)
{
	WRITE_ONCE(vmx_down, true);
	on_each_cpu(vmx_off_ipi, NULL, 1);
	return NOTIFY_OK;
}

static struct notifier_block vmx_reboot_block = {
	.notifier_call = vmx_reboot,
};

/**
 * osp_vmx_emergency_off() - leave VMX on this CPU, at once and for good
 *
 * Called on each CPU on the way into a crash kernel or an emergency restart.
 * VMCLEAR keeps a dump from missing what the processor still caches.
 *
 * Context: NMI; takes no lock.
 */
void osp_vmx_emergency_off(void)
{
	struct vmx_cpu *cpu = this_cpu_ptr(&vmx_cpus);
	struct osp_vmcs *vmcs;

	WRITE_ONCE(vmx_down, true);
	if (!cpu->on)
		return;
	list_for_each_entry(vmcs, &cpu->loaded, link)
		osp_vmclear(__pa(vmcs->region));
	osp_vmxoff();
	cr4_clear_bits(X86_CR4_VMXE);
}

/**
 * osp_vmx_init() - register for CPU hotplug, suspend and reboot
 *
 * Context: module load, may sleep.
 * Return: 0 or a negative errno; on failure nothing stays registered.
 */
int osp_vmx_init(void)
{
	int err;

	err = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "virt/ospite:online",
				vmx_cpu_online, vmx_cpu_offline);
	if (err < 0)
		return err;
	hotplug_state = err;
	register_syscore_ops(&vmx_syscore_ops);
	register_reboot_notifier(&vmx_reboot_block);
	return 0;
}

/**
 * osp_vmx_exit() - undo osp_vmx_init(); no VM exists any more
 *
 * Context: module unload, may sleep.
 */
void osp_vmx_exit(void)
{
	unregister_reboot_notifier(&vmx_reboot_block);
	unregister_syscore_ops(&vmx_syscore_ops);
	cpuhp_remove_state(hotplug_state);
	free_regions();
}
