/* SPDX-License-Identifier: GPL-2.0 */
/*
 * host.h - what Ospite takes from the host kernel that versions change.
 *
 * Every use of an interface that was renamed between the supported kernels
 * (6.1 to 6.12), or that later ones reserve for KVM, stands here and in
 * host.c, so that a port to another kernel is the work of these two files.
 */
#ifndef OSP_HOST_H
#define OSP_HOST_H

#include <linux/context_tracking.h>
#include <linux/eventfd.h>
#include <linux/rcupdate.h>
#include <linux/smp.h>
#include <linux/types.h>
#include <linux/version.h>
#include <asm/fpu/api.h>
#include <asm/fpu/types.h>

int osp_host_init(void);
void osp_host_exit(void);

/* VMX operation */
void osp_vmx_emergency_off(void);
void osp_host_emergency_arm(void);
void osp_host_emergency_disarm(void);
const char *osp_host_vmx_holder(void);
void osp_host_pt_off(void);
void osp_host_pt_on(void);

/* Interrupts that end a stay in the guest */
void osp_host_nmi(void);
void osp_host_machine_check(void);

/* Extended state: the guest's is in registers between the two calls. */
bool osp_host_fpu_alloc(struct fpu_guest *fpu);
void osp_host_fpu_free(struct fpu_guest *fpu);
void osp_host_fpu_load(struct fpu_guest *fpu);
void osp_host_fpu_put(struct fpu_guest *fpu);
u64 osp_host_xcr0(void);

/* Mitigations that only the host's settings decide */
bool osp_host_flush_l1d(void);

/* Pages of the current address space */
int osp_host_page(unsigned long hva, bool write, struct page **page);
int osp_host_pfn(unsigned long hva, bool write, u64 *pfn, bool *writable);

/**
 * osp_host_guest_enter() - from here on the CPU is the guest's
 *
 * With nohz_full= the scheduler tick and RCU treat the guest like userspace:
 * nothing traced or RCU-protected may be used until osp_host_guest_exit().
 * Context: interrupts off.
 */
static __always_inline void osp_host_guest_enter(void)
{
	context_tracking_guest_enter();
}

/**
 * osp_host_guest_exit() - the CPU is the host's again
 */
static __always_inline void osp_host_guest_exit(void)
{
	context_tracking_guest_exit();
}

/**
 * osp_host_note_quiescent() - the CPU has been in the guest: tell RCU
 *
 * A stay in the guest holds no reference to anything that RCU protects.
 * Context: interrupts off.
 */
static inline void osp_host_note_quiescent(void)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 9, 0)
	rcu_virt_note_context_switch(smp_processor_id());
#else
	rcu_virt_note_context_switch();
#endif
}

/**
 * osp_host_eventfd_signal() - add one to an eventfd's counter
 * @ctx: the eventfd
 */
static inline void osp_host_eventfd_signal(struct eventfd_ctx *ctx)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
	eventfd_signal(ctx, 1);
#else
	eventfd_signal(ctx);
#endif
}

#endif /* OSP_HOST_H */
