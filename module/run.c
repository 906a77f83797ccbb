// SPDX-License-Identifier: GPL-2.0
/*
 * run.c - KVM_RUN: the one loop around the VM entry.
 *
 * Three rings.  The outermost (osp_vcpu_run) finishes what userspace answered
 * and exchanges the FPU.  The middle one (run_loop) sleeps in HLT, takes
 * signals, lets others run, and handles exits that need the host's help.  The
 * innermost (run_section) has interrupts off and enters the guest as long as
 * its exits can be handled at once.
 *
 * Nobody is forgotten between a request and the VM entry, nor on the way to
 * sleep: the proof is in halt.c.  Called under the vCPU's mutex.
 */
#include <linux/entry-kvm.h>
#include <linux/sched/signal.h>
#include <linux/vtime.h>
#include <asm/processor-flags.h>

#include "ospite.h"
#include "trace.h"
#include "vmx/exit.h"

/* Only the owner clears bits; what is cleared here is read after that. */
static void take_request(struct osp_vcpu *vcpu, enum osp_request request)
{
	clear_bit(request, &vcpu->requests);
	/* The bit before what it stands for; pairs with osp_request()'s callers. */
	smp_mb__after_atomic();
}

/* It stays requested until userspace has emptied the ring. */
static int ring_full(struct osp_vcpu *vcpu)
{
	if (!osp_ring_is_soft_full(&vcpu->ring)) {
		take_request(vcpu, OSP_REQ_RING_FULL);
		return 1;
	}
	vcpu->run->exit_reason = KVM_EXIT_DIRTY_RING_FULL;
	return 0;
}

/* Returns like an exit handler. */
static int handle_requests(struct osp_vcpu *vcpu)
{
	unsigned long requests = READ_ONCE(vcpu->requests);

	if (unlikely(requests & BIT(OSP_REQ_RING_FULL)) && !ring_full(vcpu))
		return 0;
	if (unlikely(requests & BIT(OSP_REQ_IOAPIC_EOI))) {
		take_request(vcpu, OSP_REQ_IOAPIC_EOI);
		vcpu->run->exit_reason = KVM_EXIT_IOAPIC_EOI;
		vcpu->run->eoi.vector = vcpu->ioapic_eoi;
		return 0;
	}
	if (requests & BIT(OSP_REQ_TLB)) {
		take_request(vcpu, OSP_REQ_TLB);
		osp_vmx_flush_vpid(vcpu);
	}
	if (requests & BIT(OSP_REQ_EVENT)) {
		take_request(vcpu, OSP_REQ_EVENT);
		osp_event_prepare(vcpu);
		if (unlikely(vcpu->triple_fault))
			return osp_triple_fault(vcpu);
	}
	/* Last: the event may have been that there is a deadline now. */
	if (READ_ONCE(vcpu->requests) & BIT(OSP_REQ_DEADLINE) &&
	    osp_vmx_bound_stay(vcpu)) {
		take_request(vcpu, OSP_REQ_EVENT);
		osp_event_prepare(vcpu);
	}
	return 1;
}

/* What was found in the exit-reason field, and nothing that has a row. */
static int unexpected_exit(struct osp_vcpu *vcpu)
{
	u32 reason = vcpu->exit_reason;

	if (!osp_entry_failed(vcpu))
		return 0;
	return osp_internal_error(vcpu, KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON,
				  2, (u64)reason, (u64)smp_processor_id());
}

/* The exit is not one for within the section, if it is one at all. */
static int leave_for_exit(struct osp_vcpu *vcpu, const struct osp_exit_row *row)
{
	if (unlikely(!row->slow))
		return unexpected_exit(vcpu);
	if (row->delivers)
		osp_event_requeue(vcpu);
	return OSP_EXIT_SLOW;
}

static __always_inline void trace_exit(struct osp_vcpu *vcpu)
{
	if (trace_ospite_exit_enabled())
		trace_ospite_exit(vcpu->index, vcpu->exit_reason,
				  osp_vmx_rip(vcpu), osp_vmx_qualification());
}

/*
 * How many exits a section may handle.  A pending host interrupt ends it at the
 * next entry; the bound is for what keeps the CPU from seeing one, as an emulated
 * CPU may while the guest has interrupts off.
 */
#define SECTION_EXITS	256

/*
 * Enter the guest until something needs more than this.  Returns like an exit
 * handler, or OSP_EXIT_SLOW with the exit's second function still to be called.
 *
 * Whatever has to be looked at before an entry is a bit of vcpu->requests, also
 * what only the vCPU itself knows: there is one word to be tested.
 */
static int run_section(struct osp_vcpu *vcpu)
{
	const struct osp_exit_row *row;
	int r, left = SECTION_EXITS;
	u32 reason;

	do {
		if (unlikely(__xfer_to_guest_mode_work_pending()))
			return 1;
		if (READ_ONCE(vcpu->requests) && !handle_requests(vcpu))
			return 0;
		if (trace_ospite_entry_enabled())
			trace_ospite_entry(vcpu->index, osp_vmx_rip(vcpu));
		if (unlikely(osp_vmx_enter_guest(vcpu)))
			return osp_entry_refused(vcpu);
		trace_exit(vcpu);
		reason = vcpu->exit_reason;
		if (unlikely(reason >= OSP_NR_EXIT_REASONS))
			return unexpected_exit(vcpu);
		vcpu->exits[reason]++;
		row = &osp_exit_table[reason];
		if (!row->fast)
			return leave_for_exit(vcpu, row);
		r = row->fast(vcpu);
		if (likely(r == OSP_EXIT_SKIP)) {
			osp_vmx_skip_instruction(vcpu);
			r = 1;
		}
	} while (r == 1 && --left);
	return r;
}

/* One section, with what surrounds it, and the rest of its last exit. */
static int run_once(struct osp_vcpu *vcpu)
{
	int r;

	local_irq_disable();
	/* Set, then a full barrier: V1 and V2 of the proof in halt.c. */
	smp_store_mb(vcpu->in_guest, true);
	vtime_account_guest_enter();
	osp_vmx_enter_section(vcpu);
	r = run_section(vcpu);
	osp_vmx_leave_section(vcpu);
	if (vcpu->exit_reason == OSP_EXIT_EXTERNAL_INTERRUPT) {
		/* It is taken here, and counts as the guest's time. */
		osp_take_acknowledged();
		osp_host_note_quiescent();
		local_irq_enable();
		WRITE_ONCE(vcpu->in_guest, false);
		local_irq_disable();
	}
	WRITE_ONCE(vcpu->in_guest, false);
	vtime_account_guest_exit();
	local_irq_enable();
	if (r != OSP_EXIT_SLOW)
		return r;
	r = osp_exit_table[vcpu->exit_reason].slow(vcpu);
	if (r != OSP_EXIT_SKIP)
		return r;
	osp_skip_instruction(vcpu);
	return 1;
}

/**
 * osp_vcpu_runnable() - is there a reason not to sleep?
 * @vcpu: the vCPU
 *
 * Context: the vCPU's thread, VMCS loaded.
 */
int osp_vcpu_runnable(struct osp_vcpu *vcpu)
{
	if (vcpu->mp_state == KVM_MP_STATE_UNINITIALIZED ||
	    vcpu->mp_state == KVM_MP_STATE_INIT_RECEIVED)
		return READ_ONCE(vcpu->lapic->events) &
			(BIT(OSP_LAPIC_EV_INIT) | BIT(OSP_LAPIC_EV_SIPI));
	if (!vcpu->halted)
		return true;
	if (vcpu->nmi_pending || vcpu->exception.info || vcpu->event.info)
		return true;
	if (!vcpu->lapic)
		return vcpu->user_irq >= 0 && osp_interrupt_open(vcpu);
	if (READ_ONCE(vcpu->lapic->events) & ~BIT(OSP_LAPIC_EV_EXTINT))
		return true;
	return osp_interrupt_waiting(vcpu) && osp_interrupt_open(vcpu);
}

static int sleep_in_hlt(struct osp_vcpu *vcpu)
{
	if (vcpu->lapic) {
		osp_vcpu_block(vcpu);
		return 1;
	}
	if (osp_vcpu_runnable(vcpu)) {
		vcpu->halted = false;
		return 1;
	}
	vcpu->halted = false;
	vcpu->run->exit_reason = KVM_EXIT_HLT;
	return 0;
}

static noinline void take_init_sipi(struct osp_vcpu *vcpu)
{
	struct kvm_segment cs;

	if (osp_lapic_take_event(vcpu->lapic, OSP_LAPIC_EV_INIT)) {
		osp_vcpu_reset(vcpu, true);
		vcpu->mp_state = vcpu->lapic->bsp ? KVM_MP_STATE_RUNNABLE :
						    KVM_MP_STATE_INIT_RECEIVED;
		vcpu->halted = false;
	}
	if (osp_lapic_take_event(vcpu->lapic, OSP_LAPIC_EV_SIPI) &&
	    vcpu->mp_state == KVM_MP_STATE_INIT_RECEIVED) {
		osp_vmx_segment(vcpu, OSP_INSN_CS, &cs);
		cs.selector = vcpu->lapic->sipi_vector << 8;
		cs.base = vcpu->lapic->sipi_vector << 12;
		osp_vmx_set_segment(vcpu, OSP_INSN_CS, &cs);
		osp_vmx_set_rip(vcpu, 0);
		vcpu->mp_state = KVM_MP_STATE_RUNNABLE;
	}
	osp_request(vcpu, OSP_REQ_EVENT);
}

/**
 * osp_take_init_sipi() - act on an INIT or SIPI that has come (SDM 3A 9.4.3)
 * @vcpu: the vCPU, loaded
 */
void osp_take_init_sipi(struct osp_vcpu *vcpu)
{
	if (vcpu->lapic && unlikely(READ_ONCE(vcpu->lapic->events)))
		take_init_sipi(vcpu);
}

static bool sleeps(const struct osp_vcpu *vcpu)
{
	return vcpu->halted || vcpu->mp_state != KVM_MP_STATE_RUNNABLE;
}

/*
 * What waits on the way to user mode is done there.  Without a signal userspace
 * does not notice: its system call is restarted, as after any other signal that
 * turns out to be none.
 */
static int take_work(struct osp_vcpu *vcpu)
{
	unsigned long work = read_thread_flags();

	if (work & (_TIF_SIGPENDING | _TIF_NOTIFY_SIGNAL)) {
		vcpu->run->exit_reason = KVM_EXIT_INTR;
		return -EINTR;
	}
	if (work & _TIF_NOTIFY_RESUME) {
		set_thread_flag(TIF_NOTIFY_SIGNAL);
		return -ERESTARTNOINTR;
	}
	if (work & _TIF_NEED_RESCHED)
		schedule();
	return 0;
}

/* Userspace has the interrupt controller and asked to be told of a window. */
static bool window_is_open(struct osp_vcpu *vcpu)
{
	return osp_wants_window(vcpu) && !vcpu->event.info &&
	       !vcpu->exception.info && osp_interrupt_open(vcpu);
}

static int run_loop(struct osp_vcpu *vcpu)
{
	int r;

	for (;;) {
		osp_take_init_sipi(vcpu);
		if (unlikely(sleeps(vcpu)))
			r = sleep_in_hlt(vcpu);
		else
			r = run_once(vcpu);
		if (r <= 0)
			return r;
		if (unlikely(window_is_open(vcpu))) {
			vcpu->run->exit_reason = KVM_EXIT_IRQ_WINDOW_OPEN;
			return 0;
		}
		if (unlikely(__xfer_to_guest_mode_work_pending())) {
			r = take_work(vcpu);
			if (r)
				return r;
		}
	}
}

/* What userspace may look at after each return, whatever the reason. */
static void fill_run(struct osp_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	run->if_flag = !!(osp_vmx_rflags(vcpu) & X86_EFLAGS_IF);
	run->cr8 = osp_cr8(vcpu);
	run->apic_base = osp_apic_base(vcpu);
	run->flags = 0;
	run->ready_for_interrupt_injection =
		!osp_user_pic(vcpu) ||
		(osp_takes_user_irq(vcpu) && !vcpu->event.info &&
		 !vcpu->exception.info && osp_interrupt_open(vcpu));
}

static int finish_pending_io(struct osp_vcpu *vcpu)
{
	int (*complete)(struct osp_vcpu *vcpu) = vcpu->io.complete;

	if (!complete)
		return 1;
	vcpu->io.complete = NULL;
	return complete(vcpu);
}

/* An application processor waits here for its SIPI; userspace sees EAGAIN. */
static int wait_for_sipi(struct osp_vcpu *vcpu)
{
	if (osp_host_immediate_exit(vcpu->run))
		return -EINTR;
	osp_vcpu_block(vcpu);
	osp_take_init_sipi(vcpu);
	if (!signal_pending(current))
		return -EAGAIN;
	vcpu->run->exit_reason = KVM_EXIT_INTR;
	return -EINTR;
}

/**
 * osp_vcpu_run() - the body of KVM_RUN
 * @vcpu: the vCPU, loaded
 *
 * Context: process context of the VM's owner, may sleep.
 * Return: 0 with @vcpu->run->exit_reason set; -EINTR for a signal or
 * immediate_exit; -EAGAIN for an application processor after it was woken;
 * -EFAULT if guest memory has no host page behind it; -EINVAL for a bad cr8
 * in @vcpu->run.
 */
int osp_vcpu_run(struct osp_vcpu *vcpu)
{
	int r;

	if (vcpu->sigmask_set)
		sigprocmask(SIG_SETMASK, &vcpu->sigmask, &current->real_blocked);
	osp_host_fpu_load(&vcpu->fpu);
	if (vcpu->mp_state == KVM_MP_STATE_UNINITIALIZED) {
		r = wait_for_sipi(vcpu);
		goto out;
	}
	if (!vcpu->lapic) {
		r = -EINVAL;
		if (osp_set_cr8(vcpu, vcpu->run->cr8))
			goto out;
	}
	if (osp_wants_window(vcpu))
		osp_request(vcpu, OSP_REQ_EVENT);
	r = finish_pending_io(vcpu);
	if (r > 0 && osp_host_immediate_exit(vcpu->run))
		r = -EINTR;
	/* Till then userspace finds the reason of the exit before. */
	if (r > 0) {
		vcpu->run->exit_reason = KVM_EXIT_UNKNOWN;
		r = run_loop(vcpu);
	}
out:
	osp_host_fpu_put(&vcpu->fpu);
	if (vcpu->sigmask_set) {
		sigprocmask(SIG_SETMASK, &current->real_blocked, NULL);
		sigemptyset(&current->real_blocked);
	}
	fill_run(vcpu);
	return r;
}
