// SPDX-License-Identifier: GPL-2.0
/*
 * tsc.c - a guest's time-stamp counter: its writes, and how vCPUs stay in step.
 *
 * A guest's TSC is the host's plus an offset.  The guest moves it by writing
 * IA32_TIME_STAMP_COUNTER or IA32_TSC_ADJUST, and each write shows in both
 * (SDM 3B 18.17.3); userspace moves it without touching IA32_TSC_ADJUST.
 *
 * When userspace sets up several vCPUs it writes to each in turn what is meant
 * to be one time.  So a write that is within a second of the VM's clock, or
 * that is 0, gives the vCPU the offset that the VM's others have.
 *
 * Owns the VM's tsc_offset, under tsc_lock.
 */
#include <linux/spinlock.h>
#include <asm/msr.h>

#include "ospite.h"

/* Writes by userspace are so rare that all VMs can share it. */
static DEFINE_SPINLOCK(tsc_lock);

static void set_offset(struct osp_vcpu *vcpu, u64 offset)
{
	bool waits = vcpu->lapic && READ_ONCE(vcpu->lapic->timer.deadline);

	osp_vmx_set_tsc_offset(vcpu, offset);
	if (vcpu->lapic)
		osp_lapic_tsc_changed(vcpu->lapic, osp_tsc_khz());
	/* The deadline may be another time away now, or past. */
	if (waits)
		osp_request(vcpu, OSP_REQ_EVENT);
}

/* tsc_lock is held. */
static bool is_about_now(const struct osp_vm *vm, u64 tsc)
{
	s64 ahead = tsc - (rdtsc() + vm->tsc_offset);
	s64 second = osp_tsc_khz() * 1000LL;

	return ahead < second && ahead > -second;
}

/**
 * osp_set_tsc() - userspace sets a vCPU's TSC
 * @vcpu: the vCPU, loaded
 * @tsc: what it reads now
 */
void osp_set_tsc(struct osp_vcpu *vcpu, u64 tsc)
{
	struct osp_vm *vm = vcpu->vm;
	u64 offset;

	spin_lock(&tsc_lock);
	if (tsc && !is_about_now(vm, tsc))
		vm->tsc_offset = tsc - rdtsc();
	offset = vm->tsc_offset;
	spin_unlock(&tsc_lock);
	set_offset(vcpu, offset);
}

/**
 * osp_tsc_write() - the guest writes IA32_TIME_STAMP_COUNTER
 * @vcpu: the vCPU, loaded
 * @tsc: new value
 */
void osp_tsc_write(struct osp_vcpu *vcpu, u64 tsc)
{
	u64 delta = tsc - rdtsc() - vcpu->tsc_offset;

	vcpu->tsc_adjust += delta;
	set_offset(vcpu, vcpu->tsc_offset + delta);
}

/**
 * osp_tsc_write_adjust() - IA32_TSC_ADJUST is written
 * @vcpu: the vCPU, loaded
 * @adjust: new value
 * @host: by userspace, which leaves the TSC as it is
 */
void osp_tsc_write_adjust(struct osp_vcpu *vcpu, u64 adjust, bool host)
{
	u64 delta = adjust - vcpu->tsc_adjust;

	vcpu->tsc_adjust = adjust;
	if (!host)
		set_offset(vcpu, vcpu->tsc_offset + delta);
}
