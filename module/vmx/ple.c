// SPDX-License-Identifier: GPL-2.0
/*
 * vmx/ple.c - PAUSE-loop exiting: the CPU notices that the guest's kernel spins.
 *
 * A PAUSE at most ple_gap TSC ticks after the one before belongs to the same
 * loop, and a loop longer than a window of ple_window ticks makes a VM exit
 * (SDM 3C 26.1.3, only at CPL 0).  The vCPU then gives way to a sibling
 * (halt.c).  Where that does not help the exits are in vain, so the window
 * grows with each, and falls back when the thread is scheduled in again.
 *
 * Owns the two fields of the VMCS and vcpu->ple_window.
 */
#include <linux/moduleparam.h>
#include <asm/vmx.h>

#include "../ospite.h"
#include "cap.h"
#include "exit.h"
#include "ops.h"

static unsigned int ple_gap = 128;
module_param(ple_gap, uint, 0444);
MODULE_PARM_DESC(ple_gap, "ticks between PAUSEs of one loop; 0: no PAUSE-loop exiting (default 128)");

static unsigned int ple_window = 4096;
module_param(ple_window, uint, 0444);
MODULE_PARM_DESC(ple_window, "ticks that a loop may take (default 4096)");

static unsigned int ple_window_grow = 2;
module_param(ple_window_grow, uint, 0444);
MODULE_PARM_DESC(ple_window_grow, "each exit multiplies the window by this; 0 or 1: it stays (default 2)");

static unsigned int ple_window_max = UINT_MAX;
module_param(ple_window_max, uint, 0444);
MODULE_PARM_DESC(ple_window_max, "the window's limit (default 4294967295)");

/**
 * osp_ple_wanted() - the secondary controls for PAUSE-loop exiting, or 0
 */
u32 osp_ple_wanted(void)
{
	return ple_gap ? SECONDARY_EXEC_PAUSE_LOOP_EXITING : 0;
}

static bool in_use(void)
{
	return osp_vmx_cap.proc2 & SECONDARY_EXEC_PAUSE_LOOP_EXITING;
}

static void set_window(struct osp_vcpu *vcpu, u32 window)
{
	if (window == vcpu->ple_window)
		return;
	vcpu->ple_window = window;
	vmwrite(PLE_WINDOW, window);
}

/**
 * osp_ple_setup() - write the fields for the first time
 * @vcpu: the vCPU, loaded
 */
void osp_ple_setup(struct osp_vcpu *vcpu)
{
	if (!in_use())
		return;
	vmwrite(PLE_GAP, ple_gap);
	vcpu->ple_window = ple_window;
	vmwrite(PLE_WINDOW, ple_window);
}

/**
 * osp_ple_sched_in() - the vCPU's thread got the CPU: begin with a small window
 * @vcpu: the vCPU, loaded
 */
void osp_ple_sched_in(struct osp_vcpu *vcpu)
{
	if (in_use())
		set_window(vcpu, ple_window);
}

/**
 * osp_pause_exit() - a PAUSE ended the stay: the guest spins
 * @vcpu: the vCPU, loaded; interrupts on
 *
 * Return: 1, the guest goes on.
 */
int osp_pause_exit(struct osp_vcpu *vcpu)
{
	u64 window = (u64)vcpu->ple_window * max(ple_window_grow, 1U);

	osp_skip_instruction(vcpu);
	if (in_use())
		set_window(vcpu, min_t(u64, window,
				       max(ple_window_max, ple_window)));
	osp_vcpu_on_spin(vcpu);
	return 1;
}
