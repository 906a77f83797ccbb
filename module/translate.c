// SPDX-License-Identifier: GPL-2.0
/*
 * translate.c - KVM_TRANSLATE: where a linear address of the guest leads.
 *
 * For debuggers: as the guest's supervisor would see it, and without a trace in
 * its page tables.  Called under vcpu->mutex with the vCPU loaded.
 */
#include "ospite.h"
#include "state.h"
#include "mmu/walk.h"

/**
 * osp_translate() - KVM_TRANSLATE
 * @vcpu: the vCPU
 * @data: struct kvm_translation
 *
 * Context: may sleep.
 * Return: 0, also for an address that leads nowhere; a negative errno if the
 * guest's page tables can't be read.
 */
int osp_translate(struct osp_vcpu *vcpu, void *data)
{
	struct kvm_translation *translation = data;
	struct osp_walk_result result = { };
	struct osp_walk_cpu walk = { };
	int r;

	/* A read at CPL 0; with SMAP, RFLAGS.AC counts. */
	osp_prepare_walk(vcpu, &walk);
	walk.rflags = osp_vmx_rflags(vcpu);
	osp_mmu_hold(&vcpu->vm->mmu);
	r = osp_walk(&walk, translation->linear_address, OSP_WALK_PEEK,
		     &result);
	osp_mmu_release(&vcpu->vm->mmu);
	/* A table where the guest has no memory */
	if (r == -ENXIO)
		r = OSP_WALK_FAULT;
	if (r < 0)
		return r;
	translation->valid = r == OSP_WALK_OK;
	translation->physical_address = r == OSP_WALK_OK ? result.gpa : ~0ULL;
	translation->writeable = result.writable;
	translation->usermode = result.user;
	return 0;
}
