// SPDX-License-Identifier: GPL-2.0
/*
 * vmx/switch.c - the world switch: whose state is in the processor.
 *
 * What a guest and its host share is exchanged at one of four borders, each
 * as far from the hot path as it can be:
 *
 *   every VM entry and exit	what the VMCS switches; GPRs, CR2, SPEC_CTRL
 *   interrupts off, on		XCR0, PKRU, DR0-3 and DR6, CR3 and CR4 of the host
 *   vCPU loaded, put		host's segment selectors and bases, GDT limit,
 *				KERNEL_GS_BASE; per-CPU fields of the VMCS
 *   return to user mode	SYSCALL MSRs, TSC_AUX (user-return notifier)
 *
 * The FPU belongs to the run ioctl (run.c).  Owns the per-CPU record of what
 * the user-mode MSRs hold.  SDM 3C 28.5 (loading host state).
 */
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/thread_info.h>
#include <linux/user-return-notifier.h>
#include <asm/debugreg.h>
#include <asm/desc.h>
#include <asm/fpu/xcr.h>
#include <asm/fsgsbase.h>
#include <asm/mmu_context.h>
#include <asm/msr.h>
#include <asm/nospec-branch.h>
#include <asm/special_insns.h>
#include <asm/tlbflush.h>
#include <asm/vmx.h>

#include "../ospite.h"
#include "exit.h"
#include "ops.h"

static_assert(offsetof(struct osp_vcpu, gpr) == 0);
static_assert(offsetof(struct osp_vcpu, cr2) == 128);
static_assert(offsetof(struct osp_vcpu, host_rsp) == 136);

/* DR7: the enable bits of the four breakpoints */
#define DR_GLOBAL_LOCAL	0xff

int osp_vmx_enter(struct osp_vcpu *vcpu, bool launched);
void osp_spec_ctrl_to_host(struct osp_vcpu *vcpu);

static u64 host_xcr0 __read_mostly;
static u64 host_xss __read_mostly;
static bool flush_l1d __read_mostly;

static const u32 user_msr_index[OSP_NR_USER_MSRS] = {
	[OSP_MSR_STAR] = MSR_STAR,
	[OSP_MSR_LSTAR] = MSR_LSTAR,
	[OSP_MSR_CSTAR] = MSR_CSTAR,
	[OSP_MSR_FMASK] = MSR_SYSCALL_MASK,
	[OSP_MSR_TSC_AUX] = MSR_TSC_AUX,
};

/**
 * struct user_msrs - user-mode MSRs of one CPU
 * @notifier: called on the way to user mode
 * @registered: @notifier is
 * @known: @host has been read
 * @host: values of the host
 * @now: what is in the registers
 */
struct user_msrs {
	struct user_return_notifier notifier;
	bool registered;
	bool known;
	u64 host[OSP_NR_USER_MSRS];
	u64 now[OSP_NR_USER_MSRS];
};

static DEFINE_PER_CPU(struct user_msrs, user_msrs);
static bool have_tsc_aux __read_mostly;

static void user_msr_write(struct user_msrs *msrs, int i, u64 value)
{
	if (msrs->now[i] == value)
		return;
	msrs->now[i] = value;
	wrmsrl(user_msr_index[i], value);
}

/* The next instruction of this task is one in user mode; interrupts off. */
static void user_return(struct user_return_notifier *notifier)
{
	struct user_msrs *msrs = container_of(notifier, struct user_msrs, notifier);
	unsigned long flags;
	int i;

	local_irq_save(flags);
	if (msrs->registered) {
		msrs->registered = false;
		user_return_notifier_unregister(notifier);
	}
	for (i = 0; i < OSP_NR_USER_MSRS; i++)
		user_msr_write(msrs, i, msrs->host[i]);
	local_irq_restore(flags);
}

static void read_host_user_msrs(struct user_msrs *msrs)
{
	int i;

	for (i = 0; i < OSP_NR_USER_MSRS; i++)
		if (i != OSP_MSR_TSC_AUX || have_tsc_aux)
			rdmsrl(user_msr_index[i], msrs->host[i]);
	memcpy(msrs->now, msrs->host, sizeof(msrs->now));
	msrs->known = true;
}

static void load_user_msrs(struct osp_vcpu *vcpu)
{
	struct user_msrs *msrs = this_cpu_ptr(&user_msrs);
	int i;

	if (unlikely(!msrs->known))
		read_host_user_msrs(msrs);
	for (i = 0; i < OSP_NR_USER_MSRS; i++)
		if (i != OSP_MSR_TSC_AUX || osp_has(vcpu, OSP_GUEST_RDTSCP))
			user_msr_write(msrs, i, vcpu->user_msrs[i]);
	if (!msrs->registered) {
		msrs->registered = true;
		msrs->notifier.on_user_return = user_return;
		user_return_notifier_register(&msrs->notifier);
	}
}

/**
 * osp_vmx_drop_user_msrs() - give the user-mode MSRs of this CPU back
 * @unused: to be called by on_each_cpu()
 *
 * Context: interrupts off.
 */
void osp_vmx_drop_user_msrs(void *unused)
{
	struct user_msrs *msrs = this_cpu_ptr(&user_msrs);

	if (msrs->registered)
		user_return(&msrs->notifier);
}

/**
 * osp_vmx_switch_init() - read what about the host never changes
 *
 * Context: module load.
 */
void osp_vmx_switch_init(void)
{
	host_xcr0 = osp_host_xcr0();
	if (boot_cpu_has(X86_FEATURE_XSAVES))
		rdmsrl(MSR_IA32_XSS, host_xss);
	flush_l1d = osp_host_flush_l1d();
	have_tsc_aux = boot_cpu_has(X86_FEATURE_RDTSCP);
}

/**
 * osp_vmx_switch_exit() - give the user-mode MSRs of all CPUs back
 *
 * Context: module unload; may sleep.
 */
void osp_vmx_switch_exit(void)
{
	on_each_cpu(osp_vmx_drop_user_msrs, NULL, 1);
}

/* The VMCS comes from another CPU: write what it says about this one. */
static void set_cpu_state(struct osp_vcpu *vcpu)
{
	int cpu = smp_processor_id();
	u64 value;

	vmwrite(HOST_TR_BASE, (u64)&get_cpu_entry_area(cpu)->tss.x86_tss);
	vmwrite(HOST_GDTR_BASE, (u64)get_cpu_gdt_ro(cpu));
	rdmsrl(MSR_GS_BASE, value);
	vmwrite(HOST_GS_BASE, value);
	rdmsrl(MSR_IA32_SYSENTER_ESP, value);
	vmwrite(HOST_SYSENTER_ESP, value);
	/* Translations made on an earlier visit may be stale by now. */
	osp_vmx_flush_vpid(vcpu);
	if (!cpumask_test_and_set_cpu(cpu, vcpu->vm->cpus)) {
		vcpu->first_visits++;
		osp_invept(OSP_INVEPT_SINGLE, osp_mmu_eptp(&vcpu->vm->mmu));
	}
	/* Written again with the next section. */
	vcpu->host_rsp = 0;
	vcpu->host_cr3 = 0;
	vcpu->host_cr4 = 0;
}

/**
 * osp_vmx_load() - make a vCPU current on this CPU
 * @vcpu: the vCPU
 *
 * The processor's own state stays the host's until the first entry.
 *
 * Context: preemption off, interrupts on.
 */
void osp_vmx_load(struct osp_vcpu *vcpu)
{
	if (osp_vmcs_load(&vcpu->vmcs)) {
		set_cpu_state(vcpu);
		if (vcpu->lapic && vcpu->cpu >= 0)
			osp_vapic_migrate(&vcpu->vapic);
		vcpu->cpu = smp_processor_id();
	}
}

/*
 * A VM exit loads null selectors and the bases that the VMCS states, so what
 * this task has in them is kept.  64-bit programs have nothing but a FS base.
 */
static void switch_to_guest(struct osp_vcpu *vcpu)
{
	current_save_fsgs();
	if (vcpu->host_fs_base != current->thread.fsbase) {
		vcpu->host_fs_base = current->thread.fsbase;
		vmwrite(HOST_FS_BASE, vcpu->host_fs_base);
	}
	vcpu->host_fs = current->thread.fsindex;
	vcpu->host_gs = current->thread.gsindex;
	savesegment(ds, vcpu->host_ds);
	savesegment(es, vcpu->host_es);
	vcpu->host_kernel_gs_base = current->thread.gsbase;
	wrmsrl(MSR_KERNEL_GS_BASE, vcpu->kernel_gs_base);
	load_user_msrs(vcpu);
	vcpu->loaded = true;
}

static void restore_selectors(struct osp_vcpu *vcpu)
{
	if (vcpu->host_fs)
		loadsegment(fs, vcpu->host_fs);
	if (vcpu->host_gs)
		load_gs_index(vcpu->host_gs);
	if (vcpu->host_ds)
		loadsegment(ds, vcpu->host_ds);
	if (vcpu->host_es)
		loadsegment(es, vcpu->host_es);
}

static void switch_to_host(struct osp_vcpu *vcpu)
{
	unsigned long flags;

	local_irq_save(flags);
	rdmsrl(MSR_KERNEL_GS_BASE, vcpu->kernel_gs_base);
	if (unlikely(vcpu->host_fs | vcpu->host_gs | vcpu->host_ds | vcpu->host_es))
		restore_selectors(vcpu);
	wrmsrl(MSR_KERNEL_GS_BASE, vcpu->host_kernel_gs_base);
	/* The exit set the limits to FFFFH (GDT) and 67H (TSS) (SDM 3C 28.5.2). */
	load_fixmap_gdt(smp_processor_id());
	invalidate_tss_limit();
	local_irq_restore(flags);
	vcpu->loaded = false;
}

/**
 * osp_vmx_put() - give this CPU back to the host
 * @vcpu: the vCPU, loaded here; its VMCS stays current
 *
 * Context: preemption off.
 */
void osp_vmx_put(struct osp_vcpu *vcpu)
{
	if (vcpu->loaded)
		switch_to_host(vcpu);
	if (unlikely(vcpu->db_live) && !(osp_vmx_dr7(vcpu) & DR_GLOBAL_LOCAL)) {
		vcpu->db_live = false;
		osp_vmx_set_controls(vcpu);
	}
}

/**
 * osp_vmx_user_msr_changed() - one of @vcpu->user_msrs was written
 * @vcpu: the vCPU
 *
 * Context: any.
 */
void osp_vmx_user_msr_changed(struct osp_vcpu *vcpu)
{
	preempt_disable();
	if (vcpu->loaded)
		load_user_msrs(vcpu);
	preempt_enable();
}

/**
 * osp_vmx_kernel_gs_base() - the guest's IA32_KERNEL_GS_BASE
 * @vcpu: the vCPU
 *
 * It is in the register from the first VM entry until the vCPU is put away.
 *
 * Context: any.
 */
u64 osp_vmx_kernel_gs_base(struct osp_vcpu *vcpu)
{
	preempt_disable();
	if (vcpu->loaded)
		rdmsrl(MSR_KERNEL_GS_BASE, vcpu->kernel_gs_base);
	preempt_enable();
	return vcpu->kernel_gs_base;
}

/**
 * osp_vmx_set_kernel_gs_base() - change the guest's IA32_KERNEL_GS_BASE
 * @vcpu: the vCPU
 * @base: new value, canonical
 *
 * Context: any.
 */
void osp_vmx_set_kernel_gs_base(struct osp_vcpu *vcpu, u64 base)
{
	preempt_disable();
	vcpu->kernel_gs_base = base;
	if (vcpu->loaded)
		wrmsrl(MSR_KERNEL_GS_BASE, base);
	preempt_enable();
}

static void load_debug_registers(struct osp_vcpu *vcpu)
{
	set_debugreg(0, 7);
	set_debugreg(vcpu->db[0], 0);
	set_debugreg(vcpu->db[1], 1);
	set_debugreg(vcpu->db[2], 2);
	set_debugreg(vcpu->db[3], 3);
	set_debugreg(vcpu->dr6, 6);
}

/**
 * osp_vmx_take_debug_registers() - from now on DR0-3 and DR6 are the guest's
 * @vcpu: the vCPU, within a section
 */
void osp_vmx_take_debug_registers(struct osp_vcpu *vcpu)
{
	vcpu->db_live = true;
	osp_vmx_set_controls(vcpu);
	load_debug_registers(vcpu);
}

static void save_debug_registers(struct osp_vcpu *vcpu)
{
	get_debugreg(vcpu->db[0], 0);
	get_debugreg(vcpu->db[1], 1);
	get_debugreg(vcpu->db[2], 2);
	get_debugreg(vcpu->db[3], 3);
	get_debugreg(vcpu->dr6, 6);
	set_debugreg(DR6_RESERVED, 6);
}

/**
 * osp_vmx_enter_section() - interrupts are off: the CPU becomes the guest's
 * @vcpu: the vCPU, loaded
 *
 * Between this and osp_vmx_leave_section() the guest is entered as often as
 * its exits are handled without the host's help.
 */
void osp_vmx_enter_section(struct osp_vcpu *vcpu)
{
	u64 cr3, cr4;

	if (!vcpu->loaded)
		switch_to_guest(vcpu);
	cr3 = __get_current_cr3_fast();
	if (unlikely(cr3 != vcpu->host_cr3)) {
		vcpu->host_cr3 = cr3;
		vmwrite(HOST_CR3, cr3);
	}
	cr4 = cr4_read_shadow();
	if (unlikely(cr4 != vcpu->host_cr4)) {
		vcpu->host_cr4 = cr4;
		vmwrite(HOST_CR4, cr4);
	}
	if (test_thread_flag(TIF_NEED_FPU_LOAD))
		switch_fpu_return();
	if (host_xcr0 && vcpu->xcr0 != host_xcr0)
		xsetbv(XCR_XFEATURE_ENABLED_MASK, vcpu->xcr0);
	if (vcpu->ia32_xss != host_xss)
		wrmsrl(MSR_IA32_XSS, vcpu->ia32_xss);
	if (osp_has(vcpu, OSP_GUEST_PKU))
		wrpkru(vcpu->pkru);
	if (vcpu->db_live)
		load_debug_registers(vcpu);
	if (unlikely(flush_l1d))
		wrmsrl(MSR_IA32_FLUSH_CMD, L1D_FLUSH);
}

/**
 * osp_vmx_leave_section() - the CPU becomes the host's again
 * @vcpu: the vCPU
 *
 * Context: interrupts still off.
 */
void osp_vmx_leave_section(struct osp_vcpu *vcpu)
{
	if (vcpu->pml)
		osp_pml_drain(vcpu);
	if (vcpu->db_live)
		save_debug_registers(vcpu);
	if (hw_breakpoint_active())
		hw_breakpoint_restore();
	if (osp_has(vcpu, OSP_GUEST_PKU)) {
		vcpu->pkru = rdpkru();
		write_pkru(current->thread.pkru);
	}
	if (vcpu->ia32_xss != host_xss)
		wrmsrl(MSR_IA32_XSS, host_xss);
	if (host_xcr0 && vcpu->xcr0 != host_xcr0)
		xsetbv(XCR_XFEATURE_ENABLED_MASK, host_xcr0);
}

/**
 * osp_spec_ctrl_to_host() - after an exit: speculation is as the host wants it
 * @vcpu: the vCPU
 *
 * Called by enter.S before the first RET, if the CPU has the register.  The guest's value is kept if it can
 * have written the register; the host's goes back in if it differs.
 */
noinstr void osp_spec_ctrl_to_host(struct osp_vcpu *vcpu)
{
	u64 host;

	host = this_cpu_read(x86_spec_ctrl_current);
	if (osp_has(vcpu, OSP_GUEST_SPEC_CTRL))
		vcpu->spec_ctrl = __rdmsr(MSR_IA32_SPEC_CTRL);
	if (cpu_feature_enabled(X86_FEATURE_KERNEL_IBRS) ||
	    vcpu->spec_ctrl != host)
		native_wrmsrl(MSR_IA32_SPEC_CTRL, host);
	barrier_nospec();
}

/**
 * osp_vmx_enter_guest() - enter the guest once
 * @vcpu: the vCPU, within a section
 *
 * Context: interrupts off.
 * Return: 0 after a VM exit, with @vcpu->exit_reason read; -EIO if the VM entry
 * failed as an instruction: the VM-instruction error field says why.
 */
noinstr int osp_vmx_enter_guest(struct osp_vcpu *vcpu)
{
	int failed;

	instrumentation_begin();
	osp_vmx_write_regs(vcpu);
	instrumentation_end();
	if (native_read_cr2() != vcpu->cr2)
		native_write_cr2(vcpu->cr2);
	if (cpu_feature_enabled(X86_FEATURE_MSR_SPEC_CTRL) &&
	    vcpu->spec_ctrl != this_cpu_read(x86_spec_ctrl_current))
		native_wrmsrl(MSR_IA32_SPEC_CTRL, vcpu->spec_ctrl);
	osp_host_guest_enter();
	failed = osp_vmx_enter(vcpu, vcpu->vmcs.launched);
	osp_host_guest_exit();
	if (unlikely(failed))
		return -EIO;
	instrumentation_begin();
	vcpu->cr2 = native_read_cr2();
	vcpu->cached = 0;
	vcpu->shadow_stale = false;
	vcpu->exit_reason = vmread(EXIT_REASON);
	/* An entry that failed by the guest's state launched nothing (27.8). */
	if (unlikely(!vcpu->vmcs.launched))
		vcpu->vmcs.launched =
			!(vcpu->exit_reason & VMX_EXIT_REASONS_FAILED_VMENTRY);
	instrumentation_end();
	return 0;
}
