// SPDX-License-Identifier: GPL-2.0
/*
 * vmx/pml.c - page-modification logging (SDM 3C 29.3.6): the CPU tells which
 * pages the guest writes.
 *
 * When the CPU sets the dirty flag of an EPT entry it stores the page's address
 * into a page of the vCPU's, from the last of its 512 places downwards; when all
 * are taken it exits.  Here that log is told to the dirty log (mmu/dirty.c): at
 * that exit, and whenever a section ends, so that outside of sections there is
 * nothing in it.  Interrupts are off in a section, so whoever has sent an
 * interrupt to the vCPU's CPU and had an answer knows that what the guest wrote
 * before has been told (osp_pml_drain_all()).
 *
 * Pages of slots that do not log have the flag set from the beginning, so that
 * they are not logged by the CPU either.
 */
#include <linux/gfp.h>
#include <linux/moduleparam.h>
#include <linux/smp.h>
#include <asm/vmx.h>

#include "../ospite.h"
#include "cap.h"
#include "exit.h"
#include "ops.h"

#define PML_EMPTY	(OSP_PML_ENTRIES - 1)	/* of the index: nothing is logged */

static bool pml = true;
module_param(pml, bool, 0444);
MODULE_PARM_DESC(pml, "page-modification logging for the dirty log (default: on)");

/**
 * osp_pml_wanted() - the secondary control to negotiate
 * @ept_vpid: IA32_VMX_EPT_VPID_CAP
 *
 * The log is of dirty flags, so that EPT needs to have them (bit 21).
 */
u32 osp_pml_wanted(u64 ept_vpid)
{
	return pml && (ept_vpid & BIT_ULL(21)) ? SECONDARY_EXEC_ENABLE_PML : 0;
}

/**
 * osp_pml_alloc() - allocate a vCPU's log
 * @vcpu: the vCPU
 *
 * Context: process context, may sleep.
 * Return: 0 or -ENOMEM.
 */
int osp_pml_alloc(struct osp_vcpu *vcpu)
{
	if (!(osp_vmx_cap.proc2 & SECONDARY_EXEC_ENABLE_PML))
		return 0;
	vcpu->pml = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	return vcpu->pml ? 0 : -ENOMEM;
}

/**
 * osp_pml_free() - undo osp_pml_alloc()
 * @vcpu: the vCPU; it will not run again
 */
void osp_pml_free(struct osp_vcpu *vcpu)
{
	free_page((unsigned long)vcpu->pml);
}

/**
 * osp_pml_setup() - tell the CPU where the log is
 * @vcpu: the vCPU, loaded
 */
void osp_pml_setup(struct osp_vcpu *vcpu)
{
	if (!vcpu->pml)
		return;
	vmwrite(PML_ADDRESS, __pa(vcpu->pml));
	vmwrite(PML_INDEX, PML_EMPTY);
}

/**
 * osp_pml_drain() - tell the dirty log what the CPU has logged
 * @vcpu: the vCPU, within a section; it has a log
 *
 * Context: interrupts off.
 */
void osp_pml_drain(struct osp_vcpu *vcpu)
{
	u16 index = vmread(PML_INDEX);
	struct osp_mmu *mmu = &vcpu->vm->mmu;
	int i;

	if (likely(index == PML_EMPTY))
		return;
	/* The oldest is the last of the page; the index is FFFFH if it is full. */
	if (osp_mmu_is_logging(mmu))
		for (i = PML_EMPTY; i > (s16)index && i >= 0; i--)
			osp_log_written(mmu, vcpu->pml[i] >> PAGE_SHIFT);
	vmwrite(PML_INDEX, PML_EMPTY);
}

/**
 * osp_pml_full() - exit: there is no room in the log
 * @vcpu: the vCPU
 *
 * Return: 1, for the guest to go on.
 */
int osp_pml_full(struct osp_vcpu *vcpu)
{
	osp_event_requeue(vcpu);
	/* SDM 3C 28.2.1: bit 12, NMI unblocking due to IRET */
	if (unlikely(vmread(EXIT_QUALIFICATION) & BIT(12)))
		osp_event_reblock_nmi(vcpu);
	osp_pml_drain(vcpu);
	return 1;
}

/* It was not in a section any more, or came in between two. */
static void nothing(void *unused)
{
}

/**
 * osp_pml_drain_all() - have the logs of all vCPUs of a VM told
 * @cpus: those that have run the VM
 *
 * Context: interrupts on; does not sleep.  Done when it returns.
 */
void osp_pml_drain_all(const struct cpumask *cpus)
{
	on_each_cpu_mask(cpus, nothing, NULL, true);
}
