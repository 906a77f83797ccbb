// SPDX-License-Identifier: GPL-2.0
/*
 * host.c - what Ospite takes from the host kernel that versions change.
 *
 * The emergency hook that ends VMX operation on the way to a crash kernel,
 * who else might hold VMX, NMIs and machine checks that arrived in the guest,
 * the guest's extended (FPU) state, and the settings of mitigations.  Owns
 * the registration of the emergency hook and the claim on /dev/kvm, under
 * emergency_lock.
 */
#include <linux/acpi.h>
#include <linux/cpu.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/namei.h>
#include <linux/notifier.h>
#include <linux/percpu.h>
#include <linux/perf_event.h>
#include <linux/string.h>
#include <linux/version.h>
#include <asm/apic.h>
#include <asm/cpufeature.h>
#include <asm/fpu/xcr.h>
#include <asm/irq_vectors.h>
#include <asm/msr.h>
#include <asm/reboot.h>
#include <asm/vmx.h>
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
#include <trace/events/ipi.h>
#endif

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

/*
 * /dev/kvm is ours.  KVM must not even try to make it: kvm_init() of 6.1, if it
 * can't, leaves hooks behind in a module that is then gone.
 */
static bool kvm_device_claimed;

static int module_event(struct notifier_block *block, unsigned long event,
			void *data)
{
	struct module *module = data;
	bool refuse;

	if (strcmp(module->name, "kvm_intel"))
		return NOTIFY_DONE;
	mutex_lock(&emergency_lock);
	refuse = event == MODULE_STATE_COMING && kvm_device_claimed;
	kvm_present = event != MODULE_STATE_GOING && !refuse;
	emergency_update();
	mutex_unlock(&emergency_lock);
	if (!refuse)
		return NOTIFY_OK;
	pr_warn_ratelimited("ospite: KVM is not loaded: /dev/kvm is Ospite's, by its parameter kvm=1 (try: rmmod ospite)\n");
	return notifier_from_errno(-EBUSY);
}

/**
 * osp_host_claim_kvm_device() - nobody but us makes /dev/kvm from here on
 *
 * Until osp_host_release_kvm_device() kvm_intel is refused when it is loaded.
 *
 * Context: process context, may sleep.
 * Return: 0; -EBUSY if KVM is there, or on its way.
 */
int osp_host_claim_kvm_device(void)
{
	int err = -EBUSY;

	mutex_lock(&emergency_lock);
	if (!kvm_present) {
		kvm_device_claimed = true;
		err = 0;
	}
	mutex_unlock(&emergency_lock);
	return err;
}

/**
 * osp_host_release_kvm_device() - KVM may make /dev/kvm again
 *
 * Context: process context, may sleep.
 */
void osp_host_release_kvm_device(void)
{
	mutex_lock(&emergency_lock);
	kvm_device_claimed = false;
	mutex_unlock(&emergency_lock);
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
 * osp_host_reschedule() - interrupt a CPU, so that it leaves the guest
 * @cpu: the CPU, not this one
 *
 * Context: any.
 */
void osp_host_reschedule(int cpu)
{
	smp_send_reschedule(cpu);
}

/**
 * osp_host_is_bochs() - is this machine emulated by Bochs?
 *
 * Its firmware has a name; others who use that name say in CPUID that there is
 * a hypervisor.
 */
bool osp_host_is_bochs(void)
{
#ifdef CONFIG_ACPI
	return !boot_cpu_has(X86_FEATURE_HYPERVISOR) &&
	       !memcmp(acpi_gbl_FADT.header.oem_id, "BOCHS ", 6);
#else
	return false;
#endif
}

/*
 * The vector of KVM's notifications.  Its handler does nothing but acknowledge
 * the interrupt, so that all hypervisors can share it: a CPU that is in a guest
 * by VMX looks into the descriptor of that guest, whoever sent it.  A kernel
 * without KVM has no handler there.
 */
#if IS_ENABLED(CONFIG_KVM) || (defined(CONFIG_HAVE_KVM) && \
			       LINUX_VERSION_CODE < KERNEL_VERSION(6, 9, 0))
#define POST_VECTOR	POSTED_INTR_VECTOR
#else
#define POST_VECTOR	0
#endif

/**
 * osp_host_can_post() - can posted-interrupt notifications be sent?
 *
 * With FRED the host's interrupts do not go by the IDT, as
 * osp_host_interrupt() needs them to.
 */
bool osp_host_can_post(void)
{
#ifdef X86_FEATURE_FRED
	if (boot_cpu_has(X86_FEATURE_FRED))
		return false;
#endif
	return POST_VECTOR && boot_cpu_has(X86_FEATURE_APIC);
}

/**
 * osp_host_post_vector() - the host's vector for posted-interrupt notifications
 */
u8 osp_host_post_vector(void)
{
	return POST_VECTOR;
}

/**
 * osp_host_post() - notify a CPU that something was posted for its guest
 * @cpu: the CPU, not this one
 *
 * Context: any.
 */
void osp_host_post(int cpu)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
	apic->send_IPI_mask(cpumask_of(cpu), POST_VECTOR);
#else
	__apic_send_IPI_mask(cpumask_of(cpu), POST_VECTOR);
#endif
}

/* INT n goes by the same gate, and leaves the same frame, as interrupt n. */
#define INT_1(n)	case (n): asm volatile("int %0" : : "i" (n)); break;
#define INT_4(n)	INT_1(n) INT_1((n) + 1) INT_1((n) + 2) INT_1((n) + 3)
#define INT_16(n)	INT_4(n) INT_4((n) + 4) INT_4((n) + 8) INT_4((n) + 12)
#define INT_32(n)	INT_16(n) INT_16((n) + 16)

/**
 * osp_host_interrupt() - hand the host an interrupt that a VM exit acknowledged
 * @vector: its vector; below 32 there are none
 *
 * Context: interrupts off.
 */
void osp_host_interrupt(u8 vector)
{
	switch (vector) {
	INT_32(0x20)
	INT_32(0x40)
	INT_32(0x60)
	INT_32(0x80)
	INT_32(0xa0)
	INT_32(0xc0)
	INT_32(0xe0)
	}
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
 * osp_host_fpu_copy() - give a guest the extended state of another
 * @to: not in registers
 * @from: not in registers; as big, as nothing here makes one bigger than it was
 */
void osp_host_fpu_copy(struct fpu_guest *to, const struct fpu_guest *from)
{
	memcpy(&to->fpstate->regs, &from->fpstate->regs, to->fpstate->size);
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
 * osp_host_fpu_get() - a guest's extended state as an XSAVE area
 * @fpu: the guest's, not in registers
 * @area: result, in the standard format
 * @size: of @area in bytes
 * @xcr0: the state components wanted
 * @pkru: the guest's PKRU, which is not in @fpu
 */
void osp_host_fpu_get(struct fpu_guest *fpu, void *area, unsigned int size,
		      u64 xcr0, u32 pkru)
{
	fpu_copy_guest_fpstate_to_uabi(fpu, area, size, xcr0, pkru);
}

/**
 * osp_host_fpu_set() - change a guest's extended state
 * @fpu: the guest's, not in registers
 * @area: an XSAVE area in the standard format, 4096 bytes
 * @xcr0: the state components that it may have
 * @pkru: where to put PKRU, if @area has it
 *
 * Return: 0; -EINVAL for other components, or a reserved bit in MXCSR.
 */
int osp_host_fpu_set(struct fpu_guest *fpu, const void *area, u64 xcr0,
		     u32 *pkru)
{
	return fpu_copy_uabi_to_guest_fpstate(fpu, area, xcr0, pkru);
}

/**
 * osp_host_xcr0() - the host's XCR0, or 0 without XSAVE
 */
u64 osp_host_xcr0(void)
{
	return boot_cpu_has(X86_FEATURE_OSXSAVE) ? xgetbv(0) : 0;
}

/**
 * osp_host_huge_code_is_safe() - may a guest execute from large pages?
 *
 * On some CPUs a guest that changes the size of a page it executes from can
 * stop the machine (CVE-2018-12207, hw-vuln/multihit.rst).  Small pages are
 * safe; mitigations=off says that nobody minds.
 */
bool osp_host_huge_code_is_safe(void)
{
	return !boot_cpu_has_bug(X86_BUG_ITLB_MULTIHIT) ||
	       cpu_mitigations_off();
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
 * Bits of IA32_ARCH_CAPABILITIES that say what the CPU is not vulnerable to,
 * or what its microcode does by itself; none promises the guest an MSR.
 */
#define ARCH_CAPABILITIES_FACTS \
	(ARCH_CAP_RDCL_NO | ARCH_CAP_IBRS_ALL | ARCH_CAP_SKIP_VMENTRY_L1DFLUSH | \
	 ARCH_CAP_SSB_NO | ARCH_CAP_MDS_NO | ARCH_CAP_PSCHANGE_MC_NO | \
	 ARCH_CAP_TAA_NO | ARCH_CAP_SBDR_SSDP_NO | ARCH_CAP_FBSDP_NO | \
	 ARCH_CAP_PSDP_NO | ARCH_CAP_FB_CLEAR | ARCH_CAP_BHI_NO | \
	 ARCH_CAP_PBRSB_NO | ARCH_CAP_GDS_NO | ARCH_CAP_RFDS_NO | \
	 ARCH_CAP_RFDS_CLEAR | ARCH_CAP_ITS_NO)

/* What the kernel knows of CPUs that are too old to say it themselves. */
static const struct {
	unsigned int bug;
	u64 immune;
} immunities[] = {
	{ X86_BUG_CPU_MELTDOWN, ARCH_CAP_RDCL_NO },
	{ X86_BUG_SPEC_STORE_BYPASS, ARCH_CAP_SSB_NO },
	{ X86_BUG_MDS, ARCH_CAP_MDS_NO },
	{ X86_BUG_GDS, ARCH_CAP_GDS_NO },
	{ X86_BUG_RFDS, ARCH_CAP_RFDS_NO },
	{ X86_BUG_ITS, ARCH_CAP_ITS_NO },
};

/**
 * osp_host_arch_capabilities() - IA32_ARCH_CAPABILITIES for a guest
 *
 * An outer L1D flush is ours to do, so that a guest need not do its own; and
 * large pages are not mapped on CPUs that would stop when their size changes.
 */
u64 osp_host_arch_capabilities(void)
{
	u64 value = 0;
	int i;

	if (boot_cpu_has(X86_FEATURE_ARCH_CAPABILITIES))
		rdmsrl(MSR_IA32_ARCH_CAPABILITIES, value);
	value &= ARCH_CAPABILITIES_FACTS;
	for (i = 0; i < ARRAY_SIZE(immunities); i++)
		if (!boot_cpu_has_bug(immunities[i].bug))
			value |= immunities[i].immune;
	return value | ARCH_CAP_SKIP_VMENTRY_L1DFLUSH | ARCH_CAP_PSCHANGE_MC_NO;
}
