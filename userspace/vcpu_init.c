// SPDX-License-Identifier: GPL-2.0
/*
 * vcpu_init.c - a vCPU as firmware would hand it over: CPUID, the MSRs and the
 * local APIC pins that firmware sets.  Registers are the boot loader's part
 * (boot/longmode.c); the other CPUs wait for their SIPI in the kernel.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "say.h"
#include "vm.h"

/* MSRs, SDM 4 chapter 2 */
#define MSR_MISC_ENABLE			0x1a0
#define   MISC_ENABLE_FAST_STRING	BIT(0)
#define MSR_MTRR_DEF_TYPE		0x2ff
#define   MTRR_TYPE_WB			6
#define   MTRR_ENABLE			BIT(11)
#define MSR_SYSENTER_CS			0x174
#define MSR_SYSENTER_ESP		0x175
#define MSR_SYSENTER_EIP		0x176
#define MSR_STAR			0xc0000081
#define MSR_LSTAR			0xc0000082
#define MSR_CSTAR			0xc0000083
#define MSR_SYSCALL_MASK		0xc0000084
#define MSR_KERNEL_GS_BASE		0xc0000102

/* Local APIC registers, SDM 3A 11.4.1 */
#define APIC_LVT_LINT0			0x350
#define APIC_LVT_LINT1			0x360
#define   LVT_MODE_NMI			(4U << 8)
#define   LVT_MODE_EXTINT		(7U << 8)

static const struct kvm_msr_entry firmware_msrs[] = {
	{ .index = MSR_SYSENTER_CS },
	{ .index = MSR_SYSENTER_ESP },
	{ .index = MSR_SYSENTER_EIP },
	{ .index = MSR_STAR },
	{ .index = MSR_LSTAR },
	{ .index = MSR_CSTAR },
	{ .index = MSR_SYSCALL_MASK },
	{ .index = MSR_KERNEL_GS_BASE },
	{ .index = MSR_MISC_ENABLE, .data = MISC_ENABLE_FAST_STRING },
	/* All memory write-back: without MTRRs a guest does not trust PAT */
	{ .index = MSR_MTRR_DEF_TYPE, .data = MTRR_ENABLE | MTRR_TYPE_WB },
};

static int set_msrs(struct vcpu *vcpu)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entries[ARRAY_SIZE(firmware_msrs)];
	} msrs = { .head.nmsrs = ARRAY_SIZE(firmware_msrs) };
	int n;

	memcpy(msrs.entries, firmware_msrs, sizeof(firmware_msrs));
	n = ioctl(vcpu->fd, KVM_SET_MSRS, &msrs);
	if (n < 0)
		return say_fail("%s: KVM_SET_MSRS failed: %s (load a module that belongs to this command)",
				vcpu->vm->cfg->dev, strerror(errno));
	if (n < (int)ARRAY_SIZE(firmware_msrs))
		return say_fail("%s: MSR 0x%x refused (load a module that belongs to this command)",
				vcpu->vm->cfg->dev, firmware_msrs[n].index);
	return 0;
}

static void write_lapic(struct kvm_lapic_state *lapic, unsigned int reg,
			u32 value)
{
	memcpy(&lapic->regs[reg], &value, sizeof(value));
}

/* The virtual wire mode that firmware leaves: MP 1.4, 3.6.2.2. */
static int wire_lapic(struct vcpu *vcpu)
{
	struct kvm_lapic_state lapic;

	if (ioctl(vcpu->fd, KVM_GET_LAPIC, &lapic))
		goto fail;
	if (vcpu->id == 0)
		write_lapic(&lapic, APIC_LVT_LINT0, LVT_MODE_EXTINT);
	write_lapic(&lapic, APIC_LVT_LINT1, LVT_MODE_NMI);
	if (ioctl(vcpu->fd, KVM_SET_LAPIC, &lapic))
		goto fail;
	return 0;
fail:
	return say_fail("%s: the local APIC can't be set up: %s (load a module that belongs to this command)",
			vcpu->vm->cfg->dev, strerror(errno));
}

/**
 * vcpu_init() - set a vCPU up as firmware would
 * @vcpu: the vCPU, just created
 * @cpuid: from cpuid_supported(); changed
 *
 * Return: 0, or -1 after saying why.
 */
int vcpu_init(struct vcpu *vcpu, struct kvm_cpuid2 *cpuid)
{
	int tsc_khz = ioctl(vcpu->fd, KVM_GET_TSC_KHZ);

	cpuid_for_vcpu(cpuid, vcpu->vm, vcpu->id, tsc_khz > 0 ? tsc_khz : 0);
	if (ioctl(vcpu->fd, KVM_SET_CPUID2, cpuid))
		return say_fail("%s: KVM_SET_CPUID2 failed: %s (load a module that belongs to this command)",
				vcpu->vm->cfg->dev, strerror(errno));
	if (set_msrs(vcpu))
		return -1;
	return wire_lapic(vcpu);
}
