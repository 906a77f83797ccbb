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
#include <linux/kvm.h>
#include <linux/rcupdate.h>
#include <linux/smp.h>
#include <linux/types.h>
#include <linux/version.h>
#include <asm/fpu/api.h>
#include <asm/fpu/types.h>
#include <asm/vmx.h>

/* 6.8 gave the control the name that the others have. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
#define SECONDARY_EXEC_ENABLE_XSAVES	SECONDARY_EXEC_XSAVES
#endif

int osp_host_init(void);
void osp_host_exit(void);

/* VMX operation */
void osp_vmx_emergency_off(void);
void osp_host_emergency_arm(void);
void osp_host_emergency_disarm(void);
const char *osp_host_vmx_holder(void);
int osp_host_claim_kvm_device(void);
void osp_host_release_kvm_device(void);
void osp_host_pt_off(void);
void osp_host_pt_on(void);

void osp_host_reschedule(int cpu);

/* Posted interrupts: the notification, and what "acknowledge on exit" took. */
bool osp_host_is_bochs(void);
bool osp_host_can_post(void);
u8 osp_host_post_vector(void);
void osp_host_post(int cpu);
void osp_host_interrupt(u8 vector);

/* Interrupts that end a stay in the guest */
void osp_host_nmi(void);
void osp_host_machine_check(void);

/* Extended state: the guest's is in registers between the two calls. */
bool osp_host_fpu_alloc(struct fpu_guest *fpu);
void osp_host_fpu_free(struct fpu_guest *fpu);
void osp_host_fpu_copy(struct fpu_guest *to, const struct fpu_guest *from);
void osp_host_fpu_load(struct fpu_guest *fpu);
void osp_host_fpu_put(struct fpu_guest *fpu);
void osp_host_fpu_get(struct fpu_guest *fpu, void *area, unsigned int size,
		      u64 xcr0, u32 pkru);
int osp_host_fpu_set(struct fpu_guest *fpu, const void *area, u64 xcr0,
		     u32 *pkru);
u64 osp_host_xcr0(void);

/* Mitigations that only the host's settings decide */
bool osp_host_flush_l1d(void);
bool osp_host_huge_code_is_safe(void);
u64 osp_host_arch_capabilities(void);

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
 * osp_host_immediate_exit() - has userspace asked KVM_RUN to return at once?
 * @run: the page shared with userspace, which may change it at any time
 */
static inline bool osp_host_immediate_exit(const struct kvm_run *run)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 10, 0)
	return READ_ONCE(run->immediate_exit);
#else
	return READ_ONCE(run->immediate_exit__unsafe);
#endif
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
 * osp_host_eventfd_signal() - add 1 to an eventfd and wake who waits for it
 * @ctx: the eventfd
 *
 * Context: any, but not from within another eventfd's wake-up
 * (eventfd_signal_allowed()).
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
