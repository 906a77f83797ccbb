// SPDX-License-Identifier: GPL-2.0
/*
 * state.c - KVM's ioctls that read and write a vCPU's registers.
 *
 * Each is a row of one table: its number and a small function, which works on
 * a copy of the ioctl's structure in the kernel; what to copy, and in which
 * direction, is in the number itself.  Registers and modes are here; the FPU
 * is in xstate.c, events in vcpu_events.c, the state after RESET in reset.c.
 *
 * All is called under vcpu->mutex with the vCPU loaded, preemption on.
 */
#include <linux/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/processor-flags.h>
#include <asm/vmx.h>

#include "ospite.h"
#include "state.h"

/* KVM_GET_MSRS and KVM_SET_MSRS take fewer than this; KVM's own limit. */
#define MAX_IO_MSRS	256

static int get_regs(struct osp_vcpu *vcpu, void *data)
{
	struct kvm_regs *regs = data;
	const u64 *gpr = vcpu->gpr;

	*regs = (struct kvm_regs){
		.rax = gpr[OSP_RAX], .rbx = gpr[OSP_RBX],
		.rcx = gpr[OSP_RCX], .rdx = gpr[OSP_RDX],
		.rsi = gpr[OSP_RSI], .rdi = gpr[OSP_RDI],
		.rsp = osp_vmx_rsp(vcpu), .rbp = gpr[OSP_RBP],
		.r8 = gpr[OSP_R8], .r9 = gpr[OSP_R9],
		.r10 = gpr[OSP_R10], .r11 = gpr[OSP_R11],
		.r12 = gpr[OSP_R12], .r13 = gpr[OSP_R13],
		.r14 = gpr[OSP_R14], .r15 = gpr[OSP_R15],
		.rip = osp_vmx_rip(vcpu), .rflags = osp_vmx_rflags(vcpu),
	};
	return 0;
}

static int set_regs(struct osp_vcpu *vcpu, void *data)
{
	const struct kvm_regs *regs = data;
	u64 *gpr = vcpu->gpr;

	gpr[OSP_RAX] = regs->rax;
	gpr[OSP_RBX] = regs->rbx;
	gpr[OSP_RCX] = regs->rcx;
	gpr[OSP_RDX] = regs->rdx;
	gpr[OSP_RSI] = regs->rsi;
	gpr[OSP_RDI] = regs->rdi;
	gpr[OSP_RBP] = regs->rbp;
	gpr[OSP_R8] = regs->r8;
	gpr[OSP_R9] = regs->r9;
	gpr[OSP_R10] = regs->r10;
	gpr[OSP_R11] = regs->r11;
	gpr[OSP_R12] = regs->r12;
	gpr[OSP_R13] = regs->r13;
	gpr[OSP_R14] = regs->r14;
	gpr[OSP_R15] = regs->r15;
	osp_vmx_set_rsp(vcpu, regs->rsp);
	osp_vmx_set_rip(vcpu, regs->rip);
	osp_vmx_set_rflags(vcpu, regs->rflags);
	/* An exception of the instruction that is no longer there. */
	vcpu->exception.info = 0;
	osp_request(vcpu, OSP_REQ_EVENT);
	return 0;
}

/**
 * osp_cr8() - the guest's task priority
 * @vcpu: the vCPU
 *
 * Return: 0 to 15.
 */
u64 osp_cr8(struct osp_vcpu *vcpu)
{
	return vcpu->lapic ? osp_lapic_get_cr8(vcpu->lapic) : vcpu->cr8;
}

/**
 * osp_set_cr8() - change the guest's task priority
 * @vcpu: the vCPU
 * @cr8: new value
 *
 * Return: 0; 1 if #GP is due.
 */
int osp_set_cr8(struct osp_vcpu *vcpu, u64 cr8)
{
	if (cr8 > 15)
		return 1;
	if (vcpu->lapic)
		osp_lapic_set_cr8(vcpu->lapic, cr8);
	else
		vcpu->cr8 = cr8;
	osp_request(vcpu, OSP_REQ_EVENT);
	return 0;
}

/**
 * osp_apic_base() - the guest's IA32_APIC_BASE
 * @vcpu: the vCPU
 */
u64 osp_apic_base(struct osp_vcpu *vcpu)
{
	return vcpu->lapic ? vcpu->lapic->base : vcpu->apic_base;
}

/**
 * osp_set_apic_base() - change the guest's IA32_APIC_BASE
 * @vcpu: the vCPU
 * @base: new value
 * @host: by userspace, for which any change of mode is fine
 *
 * Context: process context, may sleep; but any if @base is what it was.
 * Return: 0; 1 if #GP is due.
 */
int osp_set_apic_base(struct osp_vcpu *vcpu, u64 base, bool host)
{
	/* Bits 7:0 and 9; x2APIC mode without a local APIC in the kernel. */
	const u64 reserved = 0x2ff | OSP_APIC_BASE_EXTD;
	u64 before = osp_apic_base(vcpu);

	if (vcpu->lapic) {
		if (osp_lapic_set_base(vcpu->lapic, base, host))
			return 1;
		if (base != before)
			osp_apicv_update(vcpu);
		osp_request(vcpu, OSP_REQ_EVENT);
		return 0;
	}
	if ((base & reserved) || base >> vcpu->phys_bits)
		return 1;
	vcpu->apic_base = base;
	return 0;
}

static void get_segments(struct osp_vcpu *vcpu, struct kvm_sregs *sregs)
{
	osp_vmx_segment(vcpu, OSP_INSN_CS, &sregs->cs);
	osp_vmx_segment(vcpu, OSP_INSN_DS, &sregs->ds);
	osp_vmx_segment(vcpu, OSP_INSN_ES, &sregs->es);
	osp_vmx_segment(vcpu, OSP_INSN_FS, &sregs->fs);
	osp_vmx_segment(vcpu, OSP_INSN_GS, &sregs->gs);
	osp_vmx_segment(vcpu, OSP_INSN_SS, &sregs->ss);
	osp_vmx_segment(vcpu, OSP_SREG_TR, &sregs->tr);
	osp_vmx_segment(vcpu, OSP_SREG_LDTR, &sregs->ldt);
	osp_vmx_dtable(vcpu, false, &sregs->gdt);
	osp_vmx_dtable(vcpu, true, &sregs->idt);
}

static void set_segments(struct osp_vcpu *vcpu, const struct kvm_sregs *sregs)
{
	osp_vmx_set_segment(vcpu, OSP_INSN_CS, &sregs->cs);
	osp_vmx_set_segment(vcpu, OSP_INSN_DS, &sregs->ds);
	osp_vmx_set_segment(vcpu, OSP_INSN_ES, &sregs->es);
	osp_vmx_set_segment(vcpu, OSP_INSN_FS, &sregs->fs);
	osp_vmx_set_segment(vcpu, OSP_INSN_GS, &sregs->gs);
	osp_vmx_set_segment(vcpu, OSP_INSN_SS, &sregs->ss);
	osp_vmx_set_segment(vcpu, OSP_SREG_TR, &sregs->tr);
	osp_vmx_set_segment(vcpu, OSP_SREG_LDTR, &sregs->ldt);
	osp_vmx_set_dtable(vcpu, false, &sregs->gdt);
	osp_vmx_set_dtable(vcpu, true, &sregs->idt);
}

static int get_sregs(struct osp_vcpu *vcpu, void *data)
{
	struct kvm_sregs *sregs = data;
	int vector = osp_accepted_interrupt(vcpu);

	get_segments(vcpu, sregs);
	sregs->cr0 = osp_vmx_cr0(vcpu);
	sregs->cr2 = vcpu->cr2;
	sregs->cr3 = osp_vmx_cr3(vcpu);
	sregs->cr4 = osp_vmx_cr4(vcpu);
	sregs->cr8 = osp_cr8(vcpu);
	sregs->efer = vcpu->efer;
	sregs->apic_base = osp_apic_base(vcpu);
	if (vector >= 0)
		sregs->interrupt_bitmap[vector / 64] |= BIT_ULL(vector % 64);
	return 0;
}

/* Combinations that no CPU can be in (SDM 3A 4.1, 2.2.1). */
static bool valid_mode(struct osp_vcpu *vcpu, const struct kvm_sregs *sregs)
{
	if ((sregs->efer & EFER_LME) && (sregs->cr0 & X86_CR0_PG))
		return (sregs->cr4 & X86_CR4_PAE) && (sregs->efer & EFER_LMA) &&
		       !(sregs->cr3 >> vcpu->phys_bits);
	return !(sregs->efer & EFER_LMA) && !sregs->cs.l;
}

static bool valid_sregs(struct osp_vcpu *vcpu, const struct kvm_sregs *sregs)
{
	return valid_mode(vcpu, sregs) && osp_cr4_valid(vcpu, sregs->cr4) &&
	       osp_cr0_valid(sregs->cr0) && osp_efer_valid(sregs->efer);
}

/* A VMM that resets its VM does not take its first CPU out of HLT. */
static bool at_reset_vector(struct osp_vcpu *vcpu,
			    const struct kvm_sregs *sregs)
{
	return osp_vmx_rip(vcpu) == 0xfff0 && sregs->cs.selector == 0xf000 &&
	       sregs->cs.base == 0xffff0000 && !(sregs->cr0 & X86_CR0_PE) &&
	       vcpu->id == vcpu->vm->bsp_id;
}

static void set_control_registers(struct osp_vcpu *vcpu,
				  const struct kvm_sregs *sregs)
{
	vcpu->cr2 = sregs->cr2;
	osp_vmx_set_cr3(vcpu, sregs->cr3);
	osp_set_cr8(vcpu, sregs->cr8);
	osp_vmx_set_efer(vcpu, sregs->efer);
	osp_vmx_set_cr0(vcpu, sregs->cr0);
	osp_vmx_set_cr4(vcpu, sregs->cr4);
	if ((sregs->cr0 & X86_CR0_PG) && (sregs->cr4 & X86_CR4_PAE) &&
	    !(sregs->efer & EFER_LMA))
		osp_load_pdptes(vcpu, sregs->cr3);
}

static int set_sregs(struct osp_vcpu *vcpu, void *data)
{
	struct kvm_sregs *sregs = data;
	unsigned long vector;

	if (!valid_sregs(vcpu, sregs) ||
	    osp_set_apic_base(vcpu, sregs->apic_base, true))
		return -EINVAL;
	/* Nothing fails from here on. */
	set_control_registers(vcpu, sregs);
	set_segments(vcpu, sregs);
	if (at_reset_vector(vcpu, sregs)) {
		vcpu->mp_state = KVM_MP_STATE_RUNNABLE;
		vcpu->halted = false;
	}
	vector = find_first_bit((unsigned long *)sregs->interrupt_bitmap,
				KVM_NR_INTERRUPTS);
	if (vector < KVM_NR_INTERRUPTS)
		osp_accept_interrupt(vcpu, vector);
	osp_request(vcpu, OSP_REQ_EVENT);
	return 0;
}

static int get_mp_state(struct osp_vcpu *vcpu, void *data)
{
	struct kvm_mp_state *state = data;

	osp_take_init_sipi(vcpu);
	state->mp_state = vcpu->halted ? KVM_MP_STATE_HALTED : vcpu->mp_state;
	return 0;
}

static int set_mp_state(struct osp_vcpu *vcpu, void *data)
{
	u32 state = ((struct kvm_mp_state *)data)->mp_state;

	switch (state) {
	case KVM_MP_STATE_RUNNABLE:
		break;
	case KVM_MP_STATE_UNINITIALIZED:
	case KVM_MP_STATE_INIT_RECEIVED:
	case KVM_MP_STATE_SIPI_RECEIVED:
	case KVM_MP_STATE_HALTED:
		if (vcpu->lapic)
			break;
		fallthrough;
	default:
		return -EINVAL;
	}
	vcpu->halted = state == KVM_MP_STATE_HALTED;
	if (vcpu->halted)
		state = KVM_MP_STATE_RUNNABLE;
	if (state == KVM_MP_STATE_SIPI_RECEIVED) {
		state = KVM_MP_STATE_INIT_RECEIVED;
		set_bit(OSP_LAPIC_EV_SIPI, &vcpu->lapic->events);
	}
	vcpu->mp_state = state;
	osp_request(vcpu, OSP_REQ_EVENT);
	return 0;
}

static int get_lapic(struct osp_vcpu *vcpu, void *data)
{
	if (!vcpu->lapic)
		return -EINVAL;
	osp_lapic_get_state(vcpu->lapic, data, osp_vm_has_ids32(vcpu->vm));
	return 0;
}

static int set_lapic(struct osp_vcpu *vcpu, void *data)
{
	int r;

	if (!vcpu->lapic)
		return -EINVAL;
	r = osp_lapic_set_state(vcpu->lapic, data, osp_vm_has_ids32(vcpu->vm));
	if (r)
		return r;
	osp_request(vcpu, OSP_REQ_EVENT);
	return 0;
}

/*
 * The page in which a 32-bit guest that QEMU has patched finds its TPR; with
 * the TPR shadow of VMX it is not needed.  QEMU turns it off at each reset.
 */
static int set_vapic_addr(struct osp_vcpu *vcpu, void *data)
{
	const struct kvm_vapic_addr *addr = data;

	return !vcpu->lapic || addr->vapic_addr ? -EINVAL : 0;
}

static int get_xcrs(struct osp_vcpu *vcpu, void *data)
{
	struct kvm_xcrs *xcrs = data;

	if (!osp_host_xcr0())
		return 0;
	xcrs->nr_xcrs = 1;
	xcrs->xcrs[0].xcr = 0;
	xcrs->xcrs[0].value = vcpu->xcr0;
	return 0;
}

static int set_xcrs(struct osp_vcpu *vcpu, void *data)
{
	const struct kvm_xcrs *xcrs = data;
	u32 i;

	if (!osp_host_xcr0() || xcrs->nr_xcrs > KVM_MAX_XCRS || xcrs->flags)
		return -EINVAL;
	for (i = 0; i < xcrs->nr_xcrs; i++)
		if (xcrs->xcrs[i].xcr == 0)
			return osp_set_xcr0(vcpu, xcrs->xcrs[i].value) ?
			       -EINVAL : 0;
	return 0;
}

static int get_tsc_khz(struct osp_vcpu *vcpu, void *data)
{
	return osp_tsc_khz();
}

/* Returns how many were done before one was refused. */
static int do_msrs(struct osp_vcpu *vcpu, struct kvm_msr_entry *entries,
		   u32 n, bool set)
{
	u32 i;
	int err;

	for (i = 0; i < n; i++) {
		if (set)
			err = osp_wrmsr(vcpu, entries[i].index,
					entries[i].data, true);
		else
			err = osp_rdmsr(vcpu, entries[i].index,
					&entries[i].data, true);
		if (err)
			break;
	}
	return i;
}

static long msrs_ioctl(struct osp_vcpu *vcpu, struct kvm_msrs __user *arg,
		       bool set)
{
	struct kvm_msr_entry *entries;
	struct kvm_msrs head;
	size_t size;
	long r;

	if (copy_from_user(&head, arg, sizeof(head)))
		return -EFAULT;
	if (head.nmsrs >= MAX_IO_MSRS)
		return -E2BIG;
	size = head.nmsrs * sizeof(*entries);
	entries = memdup_user(arg->entries, size);
	if (IS_ERR(entries))
		return PTR_ERR(entries);
	r = do_msrs(vcpu, entries, head.nmsrs, set);
	if (!set && copy_to_user(arg->entries, entries, size))
		r = -EFAULT;
	kfree(entries);
	return r;
}

static long set_cpuid2(struct osp_vcpu *vcpu, struct kvm_cpuid2 __user *arg)
{
	struct kvm_cpuid2 head;

	if (copy_from_user(&head, arg, sizeof(head)))
		return -EFAULT;
	return osp_set_cpuid(vcpu, &head, arg->entries);
}

/* The signals that are blocked in KVM_RUN, in place of the thread's own. */
static long set_signal_mask(struct osp_vcpu *vcpu,
			    struct kvm_signal_mask __user *arg)
{
	sigset_t mask;
	u32 len;

	if (!arg) {
		vcpu->sigmask_set = false;
		return 0;
	}
	if (get_user(len, &arg->len))
		return -EFAULT;
	if (len != sizeof(mask))
		return -EINVAL;
	if (copy_from_user(&mask, arg->sigset, sizeof(mask)))
		return -EFAULT;
	sigdelsetmask(&mask, sigmask(SIGKILL) | sigmask(SIGSTOP));
	vcpu->sigmask = mask;
	vcpu->sigmask_set = true;
	return 0;
}

/* @data has room for the ioctl's structure; KVM_GET_*: it is zero. */
static const struct {
	unsigned int cmd;
	int (*call)(struct osp_vcpu *vcpu, void *data);
} state_ioctls[] = {
	{ KVM_GET_REGS, get_regs },
	{ KVM_SET_REGS, set_regs },
	{ KVM_GET_SREGS, get_sregs },
	{ KVM_SET_SREGS, set_sregs },
	{ KVM_GET_FPU, osp_get_fpu },
	{ KVM_SET_FPU, osp_set_fpu },
	{ KVM_GET_XSAVE, osp_get_xsave },
	{ KVM_SET_XSAVE, osp_set_xsave },
	{ KVM_GET_XCRS, get_xcrs },
	{ KVM_SET_XCRS, set_xcrs },
	{ KVM_GET_MP_STATE, get_mp_state },
	{ KVM_SET_MP_STATE, set_mp_state },
	{ KVM_GET_LAPIC, get_lapic },
	{ KVM_SET_LAPIC, set_lapic },
	{ KVM_SET_VAPIC_ADDR, set_vapic_addr },
	{ KVM_GET_VCPU_EVENTS, osp_get_vcpu_events },
	{ KVM_SET_VCPU_EVENTS, osp_set_vcpu_events },
	{ KVM_GET_DEBUGREGS, osp_get_debugregs },
	{ KVM_SET_DEBUGREGS, osp_set_debugregs },
	{ KVM_INTERRUPT, osp_ioctl_interrupt },
	{ KVM_NMI, osp_ioctl_nmi },
	{ KVM_GET_TSC_KHZ, get_tsc_khz },
	{ KVM_TRANSLATE, osp_translate },
};

static long call_row(struct osp_vcpu *vcpu, unsigned int cmd,
		     int (*call)(struct osp_vcpu *vcpu, void *data),
		     void __user *arg)
{
	size_t size = _IOC_SIZE(cmd);
	void *data = NULL;
	long r;

	if (size) {
		data = kzalloc(size, GFP_KERNEL_ACCOUNT);
		if (!data)
			return -ENOMEM;
	}
	r = -EFAULT;
	if ((_IOC_DIR(cmd) & _IOC_WRITE) && copy_from_user(data, arg, size))
		goto out;
	r = call(vcpu, data);
	if (r >= 0 && (_IOC_DIR(cmd) & _IOC_READ) &&
	    copy_to_user(arg, data, size))
		r = -EFAULT;
out:
	kfree(data);
	return r;
}

/**
 * osp_state_ioctl() - all ioctls of a vCPU but KVM_RUN
 * @vcpu: the vCPU, loaded
 * @cmd: which
 * @arg: its argument
 *
 * Context: process context, vcpu->mutex held, may sleep.
 * Return: what the ioctl returns; -ENOTTY for one that is not there.
 */
long osp_state_ioctl(struct osp_vcpu *vcpu, unsigned int cmd, void __user *arg)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(state_ioctls); i++)
		if (state_ioctls[i].cmd == cmd)
			return call_row(vcpu, cmd, state_ioctls[i].call, arg);
	/* Structures of variable size */
	switch (cmd) {
	case KVM_GET_MSRS:
		return msrs_ioctl(vcpu, arg, false);
	case KVM_SET_MSRS:
		return msrs_ioctl(vcpu, arg, true);
	case KVM_GET_CPUID2:
		return osp_get_cpuid(vcpu, arg);
	case KVM_SET_CPUID2:
		return set_cpuid2(vcpu, arg);
	case KVM_SET_SIGNAL_MASK:
		return set_signal_mask(vcpu, arg);
	default:
		return -ENOTTY;
	}
}
