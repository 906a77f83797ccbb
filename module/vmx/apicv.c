// SPDX-License-Identifier: GPL-2.0
/*
 * vmx/apicv.c - APIC virtualization: what of a local APIC the CPU does itself.
 *
 * Reads of its registers, EOI, TPR, self-IPIs and the delivery of interrupts
 * need no VM exit where the CPU has the controls for them (SDM 3C chapter 30).
 * Which are in force depends on the mode that the guest has its APIC in;
 * osp_apicv_update() follows it.  What the CPU can't do, say an APIC page that
 * the guest has moved, is emulated as on a CPU without all this.
 *
 * Delivery.  An interrupt is posted (irq/lapic.h), and the owner moves it to
 * IRR.  Here the owner tells the CPU, by RVI in the guest interrupt status, the
 * highest vector in IRR; the CPU delivers it once RFLAGS.IF, TPR and what is in
 * service (SVI) allow.  RVI is the highest vector in IRR at each VM exit and VM
 * entry: the CPU keeps it so when it delivers or raises an interrupt, and the
 * owner, who only adds vectors while the CPU delivers, raises it to what it
 * added.  Other changes (reset, KVM_SET_LAPIC, an emulated EOI, another mode)
 * are rare, and have both computed anew from the page.
 *
 * Nothing is lost between a sender and the VM entry.  The sender sets a bit in
 * PIR, then ON; then, if ON was clear, the request, and reads in_guest.  The
 * vCPU sets in_guest, then reads its requests; in between are full barriers.
 * So at least one sees the other (halt.c goes through it step by step, and
 * through the case of a vCPU that sleeps):
 *
 *  - The vCPU sees the request, and clears it.  Then it clears ON, then it
 *    reads PIR, and RVI has the vector when it enters.
 *  - The sender sees in_guest, and sends an IPI to the CPU of the vCPU.  Its
 *    interrupts are off till the VM entry, so that it takes the IPI after
 *    that, in the guest: the guest exits, and before the next entry the
 *    request is seen.  With posted interrupts it does not exit but clears ON
 *    and moves PIR to IRR by itself (SDM 3C 30.6); if the IPI comes when the
 *    guest has just been left, it does nothing, and the request is seen.
 *  - A sender that finds ON set need not do either: its bit in PIR is set
 *    before the one that clears ON, vCPU or CPU, reads PIR.
 *  - A sender on the vCPU's own CPU is an interrupt handler: the guest has been
 *    left, and the request is seen before it is entered again.
 *
 * A vCPU that moves to another CPU leaves the guest for it; a sender that reads
 * its old place then interrupts a CPU for nothing, and the request stays.
 *
 * An interrupt whose delivery a VM exit cut short is in ISR and SVI, no more in
 * IRR; it is injected again as an event (event.c), which touches neither.
 * ExtINT, of which the APIC knows nothing, is injected too.
 *
 * All is called in the vCPU's thread with its VMCS loaded.  The counter
 * vm->apic_elsewhere is atomic; for how it works see update_page().
 */
#include <linux/gfp.h>
#include <asm/vmx.h>

#include "../ospite.h"
#include "cap.h"
#include "exit.h"
#include "ops.h"

/* The controls for the mode that the APIC is in. */
static u32 wanted_controls(const struct osp_vcpu *vcpu)
{
	u32 have = osp_vmx_cap.proc2 & OSP_APICV_CONTROLS;
	const struct osp_lapic *lapic = vcpu->lapic;

	if (!lapic || !osp_lapic_hw_enabled(lapic))
		return 0;
	/* The CPU would take self-IPIs that an APIC disabled by software refuses. */
	if (!osp_lapic_sw_enabled(lapic))
		have &= ~SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY;
	if (osp_lapic_x2apic(lapic)) {
		have &= ~SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES;
		return have & SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE ? have : 0;
	}
	have &= ~SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE;
	if ((lapic->base & PAGE_MASK) != OSP_APIC_BASE_DEFAULT ||
	    !vcpu->vm->apic_page)
		return 0;
	return have & SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES ? have : 0;
}

/* An APIC as hardware has it needs the EPT to lead to the APIC-access page. */
static bool is_elsewhere(const struct osp_vcpu *vcpu)
{
	return vcpu->vm->apic_page &&
	       !(vcpu->apicv & SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES);
}

/*
 * All vCPUs of a VM share its EPT.  One whose APIC is not at the usual place
 * must not find the APIC-access page there, as if it were memory; so the page
 * is mapped only while there is no such vCPU.  It is mapped on a fault, under
 * mmu->lock with the counter being zero; here the counter goes up before the
 * page is taken out under that lock.
 */
static void update_page(struct osp_vcpu *vcpu)
{
	bool elsewhere = is_elsewhere(vcpu);

	if (elsewhere == vcpu->apic_elsewhere)
		return;
	vcpu->apic_elsewhere = elsewhere;
	if (!elsewhere) {
		atomic_dec(&vcpu->vm->apic_elsewhere);
		return;
	}
	atomic_inc(&vcpu->vm->apic_elsewhere);
	osp_mmu_unmap_page(&vcpu->vm->mmu, OSP_APIC_BASE_DEFAULT);
}

/**
 * osp_apicv_has_page() - is this where the APIC-access page may be mapped?
 * @vm: the VM
 * @gpa: a guest-physical address
 */
bool osp_apicv_has_page(const struct osp_vm *vm, u64 gpa)
{
	return (gpa & PAGE_MASK) == OSP_APIC_BASE_DEFAULT && vm->apic_page;
}

/**
 * osp_apicv_fault() - was an EPT violation only for want of the APIC's page?
 * @vcpu: the vCPU
 * @gpa: a guest-physical address where there is no RAM
 *
 * Context: process context, may sleep.
 * Return: 1: the access will succeed now; 0: it has to be emulated; or a
 * negative errno.
 */
int osp_apicv_fault(struct osp_vcpu *vcpu, u64 gpa)
{
	struct osp_vm *vm = vcpu->vm;

	if ((gpa & PAGE_MASK) != OSP_APIC_BASE_DEFAULT ||
	    !(vcpu->apicv & SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES))
		return 0;
	return osp_mmu_map_page(&vm->mmu, OSP_APIC_BASE_DEFAULT,
				__pa(vm->apic_page),
				&vm->apic_elsewhere);
}

/**
 * osp_apicv_pass_msrs() - open the x2APIC MSRs that the CPU handles by itself
 * @vcpu: the vCPU
 *
 * SDM 3C 30.5.  PPR is in the page only if the CPU computes it.
 */
void osp_apicv_pass_msrs(struct osp_vcpu *vcpu)
{
	bool x2apic = vcpu->apicv & SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE;
	bool registers = vcpu->apicv & SECONDARY_EXEC_APIC_REGISTER_VIRT;
	bool delivery = vcpu->apicv & SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY;
	u32 msr, offset;
	bool read, write;

	for (msr = OSP_X2APIC_MSR_FIRST; msr <= OSP_X2APIC_MSR_LAST; msr++) {
		offset = (msr - OSP_X2APIC_MSR_FIRST) << 4;
		read = x2apic && registers &&
		       osp_lapic_reads_page(vcpu->lapic, msr) &&
		       (delivery || offset != OSP_APIC_PPR);
		read |= x2apic && offset == OSP_APIC_TPR;
		write = x2apic && (offset == OSP_APIC_TPR ||
				   (delivery && (offset == OSP_APIC_EOI ||
						 offset == OSP_APIC_SELF_IPI)));
		osp_vmx_pass_msr(vcpu, msr, read, write);
	}
}

/**
 * osp_apicv_enabled() - software may have enabled or disabled the local APIC
 * @vcpu: the vCPU, loaded
 *
 * The local APIC says so itself, but for a reset, which osp_apicv_update() follows.
 *
 * Context: any that has the VMCS.
 */
void osp_apicv_enabled(struct osp_vcpu *vcpu)
{
	u32 now = wanted_controls(vcpu);

	if (now == vcpu->apicv)
		return;
	vcpu->apicv = now;
	vcpu->virtual_delivery = now & SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY;
	osp_lapic_deliver_by_cpu(vcpu->lapic, vcpu->virtual_delivery);
	osp_apicv_pass_msrs(vcpu);
	osp_vmx_set_modes(vcpu);
	osp_request(vcpu, OSP_REQ_EVENT);
	/* Translations do not say whether the page is virtualized. */
	osp_request(vcpu, OSP_REQ_TLB);
}

/**
 * osp_apicv_update() - the local APIC may be in another mode: follow it
 * @vcpu: the vCPU, loaded
 *
 * Context: process context, may sleep.
 */
void osp_apicv_update(struct osp_vcpu *vcpu)
{
	osp_apicv_enabled(vcpu);
	update_page(vcpu);
}

/* RVI and SVI (SDM 3C 25.4.2). */
static void update_status(struct osp_vcpu *vcpu)
{
	struct osp_lapic *lapic = vcpu->lapic;
	u16 old = vmread(GUEST_INTR_STATUS), new;

	if (lapic->rescan)
		new = max(osp_lapic_top(lapic, OSP_APIC_IRR), 0) |
		      max(osp_lapic_top(lapic, OSP_APIC_ISR), 0) << 8;
	else
		new = max_t(u8, old, lapic->raised) | (old & 0xff00);
	lapic->raised = 0;
	lapic->rescan = false;
	if (new != old)
		vmwrite(GUEST_INTR_STATUS, new);
}

static void update_eoi_exits(struct osp_vcpu *vcpu)
{
	const struct osp_apic_bus *bus = vcpu->lapic->bus;

	vcpu->eoi_watch_gen = READ_ONCE(bus->eoi_watch_gen);
	smp_rmb();	/* pairs with osp_apic_bus_watch_eois() */
	/* An EOI with nothing in service counts as one of vector 0. */
	vmwrite(EOI_EXIT_BITMAP0, READ_ONCE(bus->eoi_watch[0]) & ~0xffffUL);
	vmwrite(EOI_EXIT_BITMAP1, READ_ONCE(bus->eoi_watch[1]));
	vmwrite(EOI_EXIT_BITMAP2, READ_ONCE(bus->eoi_watch[2]));
	vmwrite(EOI_EXIT_BITMAP3, READ_ONCE(bus->eoi_watch[3]));
}

/**
 * osp_apicv_prepare() - tell the CPU what to deliver in the guest
 * @vcpu: the vCPU; interrupts are delivered by the CPU
 *
 * Context: interrupts off, right before the entry.
 */
void osp_apicv_prepare(struct osp_vcpu *vcpu)
{
	struct osp_lapic *lapic = vcpu->lapic;

	if (READ_ONCE(lapic->pi.control) & BIT(OSP_PI_ON))
		osp_lapic_sync(lapic);
	if (lapic->raised || lapic->rescan) {
		update_status(vcpu);
		/* The shadow of an STI that is over must not hold it back. */
		if (vcpu->shadow_stale)
			osp_vmx_interruptibility(vcpu);
	}
	if (unlikely(vcpu->eoi_watch_gen !=
		     READ_ONCE(lapic->bus->eoi_watch_gen)))
		update_eoi_exits(vcpu);
}

/**
 * osp_apicv_setup() - write the fields that never change
 * @vcpu: the vCPU, loaded for the first time
 *
 * A field exists only if the CPU has the control that it belongs to.
 */
void osp_apicv_setup(struct osp_vcpu *vcpu)
{
	u32 have = osp_vmx_cap.proc2;

	if (!vcpu->lapic)
		return;
	if (vcpu->vm->apic_page)
		vmwrite(APIC_ACCESS_ADDR, __pa(vcpu->vm->apic_page));
	if (have & SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY) {
		vmwrite(GUEST_INTR_STATUS, 0);
		update_eoi_exits(vcpu);
	}
	if (osp_vmx_cap.pin & PIN_BASED_POSTED_INTR) {
		vmwrite(POSTED_INTR_NV, osp_host_post_vector());
		vmwrite(POSTED_INTR_DESC_ADDR, __pa(&vcpu->lapic->pi));
	}
	vcpu->lapic->timer.at_entry = osp_vmx_cap.deadline_timer;
}

/**
 * osp_apicv_vm_init() - give a VM its APIC-access page, if the CPU can use one
 * @vm: the VM, which has local APICs; vm->lock is held
 *
 * Nothing is ever read from or written to it: its address is what counts.
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int osp_apicv_vm_init(struct osp_vm *vm)
{
	if (!(osp_vmx_cap.proc2 & SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES) ||
	    vm->apic_page)
		return 0;
	vm->apic_page = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	return vm->apic_page ? 0 : -ENOMEM;
}

/**
 * osp_apicv_vm_exit() - release the APIC-access page
 * @vm: the VM; its EPT is gone
 */
void osp_apicv_vm_exit(struct osp_vm *vm)
{
	free_page((unsigned long)vm->apic_page);
}

/**
 * osp_apicv_post() - a vCPU's interrupt was posted: see that it is delivered
 * @vcpu: the vCPU
 *
 * The comment at the top of this file says why none is lost.
 *
 * Context: any, also hard interrupts.
 */
void osp_apicv_post(struct osp_vcpu *vcpu)
{
	int cpu;

	osp_request(vcpu, OSP_REQ_EVENT);
	if (!(osp_vmx_cap.pin & PIN_BASED_POSTED_INTR) ||
	    !READ_ONCE(vcpu->virtual_delivery)) {
		osp_kick(vcpu);
		return;
	}
	/* The request before in_guest: S1 to S3 of the proof in halt.c. */
	smp_mb__after_atomic();
	/* S3, before cpu is read; pairs with V1 there. */
	if (!smp_load_acquire(&vcpu->in_guest)) {
		osp_kick(vcpu);
		return;
	}
	cpu = READ_ONCE(vcpu->cpu);
	if (cpu >= 0 && cpu != raw_smp_processor_id())
		osp_host_post(cpu);
}

/* ---- exits ---- */

/**
 * osp_apic_access() - the CPU does not virtualize this access to the APIC's page
 * @vcpu: the vCPU
 *
 * Fault-like; the exit qualification has the offset (SDM 3C table 28-6).  The
 * instruction is emulated.
 *
 * Context: may sleep.
 * Return: as for each exit.
 */
int osp_apic_access(struct osp_vcpu *vcpu)
{
	u64 q = vmread(EXIT_QUALIFICATION);

	vcpu->qualification = q;
	return osp_mmio_exit(vcpu, OSP_APIC_BASE_DEFAULT + (q & ~PAGE_MASK));
}

/**
 * osp_apic_write() - a register was written in the page, and has an effect
 * @vcpu: the vCPU
 *
 * Trap-like: the instruction is complete (SDM 3C 30.4.3.3).
 *
 * Context: within the section.
 * Return: as for each exit.
 */
int osp_apic_write(struct osp_vcpu *vcpu)
{
	osp_lapic_written(vcpu->lapic, vmread(EXIT_QUALIFICATION) & 0xff0);
	osp_request(vcpu, OSP_REQ_EVENT);
	return 1;
}

/**
 * osp_virtualized_eoi() - the CPU has ended an interrupt that is watched
 * @vcpu: the vCPU
 *
 * Trap-like (SDM 3C 30.1.4).
 *
 * Context: within the section.
 * Return: as for each exit.
 */
int osp_virtualized_eoi(struct osp_vcpu *vcpu)
{
	osp_lapic_eoi_done(vcpu->lapic, vmread(EXIT_QUALIFICATION));
	osp_request(vcpu, OSP_REQ_EVENT);
	return 1;
}

/* ---- the VMX-preemption timer ---- */

/*
 * The longest stay in the guest, in TSC ticks: a bound for a guest that keeps
 * the CPU from seeing interrupts, and nothing when it doesn't.
 */
#define LONGEST_STAY	(4 * 1000 * 1000ULL)

static void set_stay(struct osp_vcpu *vcpu, u64 ticks)
{
	u32 units = ticks >> osp_vmx_cap.timer_shift;

	if (units == vcpu->stay)
		return;
	vcpu->stay = units;
	vmwrite(PREEMPTION_TIMER, units);
}

/**
 * osp_vmx_bound_stay() - bound the next stay in the guest
 * @vcpu: the vCPU, loaded
 *
 * By the TSC deadline, if one waits, and is near; if it has come its interrupt
 * is raised instead.  The timer counts when a bit of the TSC changes, which may
 * be at once, hence one unit more (SDM 3C 26.5.1).
 *
 * Return: whether there is something new to be delivered.
 */
bool osp_vmx_bound_stay(struct osp_vcpu *vcpu)
{
	bool waits = vcpu->lapic && osp_lapic_deadline_waits(vcpu->lapic);
	u64 left = waits ? osp_lapic_deadline_left(vcpu->lapic) : 0;
	bool over = waits && !left;

	if (!left)
		clear_bit(OSP_REQ_DEADLINE, &vcpu->requests);
	if (over)
		osp_request(vcpu, OSP_REQ_EVENT);
	set_stay(vcpu, left && left < LONGEST_STAY ?
		       left + BIT_ULL(osp_vmx_cap.timer_shift) : LONGEST_STAY);
	return over;
}

/**
 * osp_stay_over() - the VMX-preemption timer ended the stay in the guest
 * @vcpu: the vCPU
 *
 * Context: within the section.
 * Return: as for each exit: a deadline is seen to before the next entry; else
 * let the host have its interrupts.
 */
int osp_stay_over(struct osp_vcpu *vcpu)
{
	return vcpu->stay < LONGEST_STAY >> osp_vmx_cap.timer_shift ?
	       1 : OSP_EXIT_SLOW;
}
