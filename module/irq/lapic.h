/* SPDX-License-Identifier: GPL-2.0 */
/*
 * lapic.h - the local APIC of one vCPU.
 *
 * Owns struct osp_lapic and the 4 KiB page of registers that the caller gives
 * it, in the architectural layout, so that the same page can be the VMCS's
 * virtual-APIC page.
 *
 * Who may write what:
 *  - the register page, but for TMR, and all fields without a note: only the
 *    thread that owns the vCPU (it holds the vCPU's mutex);
 *  - the posted-interrupt descriptor, TMR, @events, @esr_raised: anyone, in
 *    any context, by atomic bit operations.
 * No locks are taken.
 *
 * An interrupt for this vCPU is never put in IRR by its sender.  It is posted:
 * a bit set in the descriptor's PIR, then ON; whoever sets ON first kicks the
 * vCPU.  The owner clears ON, then moves PIR to IRR, before each look at IRR.
 * No interrupt is lost: a sender that finds ON set has set its PIR bit before
 * the owner clears ON, hence before the owner reads PIR.  The descriptor has
 * the layout of SDM 3C 30.6, for a CPU that posts interrupts by itself.
 *
 * With @by_cpu set the CPU works on the page while the vCPU is in the guest: it
 * moves vectors from IRR to ISR, ends them, and raises what the guest sends to
 * itself.  Then nothing of IRR and ISR is cached here, and what the owner
 * changes of them outside the guest is noted in @raised and @rescan, for the
 * guest interrupt status in the VMCS to follow (vmx/apicv.c).
 *
 * SDM 3A chapter 11; 3C chapter 30 for the page and the descriptor.
 */
#ifndef OSP_LAPIC_H
#define OSP_LAPIC_H

#include <linux/kvm.h>
#include "../plain.h"
#include "apic_msg.h"

/* Register offsets in the page: SDM 3A table 11-1. */
#define OSP_APIC_ID		0x020
#define OSP_APIC_VERSION	0x030
#define OSP_APIC_TPR		0x080
#define OSP_APIC_APR		0x090
#define OSP_APIC_PPR		0x0a0
#define OSP_APIC_EOI		0x0b0
#define OSP_APIC_RRD		0x0c0
#define OSP_APIC_LDR		0x0d0
#define OSP_APIC_DFR		0x0e0
#define OSP_APIC_SVR		0x0f0
#define   OSP_SVR_ENABLED	  BIT(8)
#define   OSP_SVR_NO_EOI_BCAST	  BIT(12)
#define OSP_APIC_ISR		0x100
#define OSP_APIC_TMR		0x180
#define OSP_APIC_IRR		0x200
#define OSP_APIC_ESR		0x280
#define   OSP_ESR_SEND_ILLEGAL	  5	/* bit numbers */
#define   OSP_ESR_RECV_ILLEGAL	  6
#define   OSP_ESR_ILLEGAL_REG	  7
#define OSP_APIC_LVT_CMCI	0x2f0
#define OSP_APIC_ICR		0x300
#define   OSP_ICR_BUSY		  BIT(12)
#define   OSP_ICR_ASSERT	  BIT(14)
#define   OSP_ICR_LEVEL		  BIT(15)
#define OSP_APIC_ICR2		0x310
#define OSP_APIC_LVT_TIMER	0x320
#define OSP_APIC_LVT_THERMAL	0x330
#define OSP_APIC_LVT_PMC	0x340
#define OSP_APIC_LVT_LINT0	0x350
#define OSP_APIC_LVT_LINT1	0x360
#define OSP_APIC_LVT_ERROR	0x370
#define   OSP_LVT_MASKED	  BIT(16)
#define   OSP_LVT_LEVEL		  BIT(15)
#define   OSP_LVT_MODE(lvt)	  (((lvt) >> 8) & 7)
#define OSP_APIC_TMICT		0x380	/* timer's initial count */
#define OSP_APIC_TMCCT		0x390	/* timer's current count */
#define OSP_APIC_TDCR		0x3e0
#define OSP_APIC_SELF_IPI	0x3f0

#define OSP_X2APIC_MSR_FIRST	0x800
#define OSP_X2APIC_MSR_LAST	0x8ff

/* IA32_APIC_BASE: SDM 3A 11.4.4, 11.12.1. */
#define OSP_APIC_BASE_DEFAULT	0xfee00000ULL
#define OSP_APIC_BASE_BSP	BIT_ULL(8)
#define OSP_APIC_BASE_EXTD	BIT_ULL(10)	/* x2APIC mode */
#define OSP_APIC_BASE_EN	BIT_ULL(11)

/* Bits of osp_lapic.events: what is pending beside interrupts. */
enum osp_lapic_event {
	OSP_LAPIC_EV_NMI,
	OSP_LAPIC_EV_INIT,
	OSP_LAPIC_EV_SIPI,	/* osp_lapic.sipi_vector says where to */
	OSP_LAPIC_EV_EXTINT,	/* the PIC is to be asked for a vector */
};

struct osp_apic_bus;

/**
 * struct osp_lapic_ops - what a local APIC asks of its surroundings
 * @kick:	an event was set, or something changed: make the vCPU look
 *		before it next runs guest code or sleeps, out of the guest if it
 *		is there.  Any context, may be hard irq, with locks held.
 * @posted:	an interrupt was posted, and ON was clear before: the same, but
 *		a CPU that takes posted interrupts may stay in the guest.
 * @eoi:	the guest ended an interrupt whose vector is in the bus's
 *		eoi_watch; owner's thread.
 * @enabled:	the spurious-interrupt vector register was written, so software may
 *		have enabled or disabled the APIC; owner's thread.  Not for a
 *		reset.
 * @now_ns:	a monotonic clock, in ns.
 * @guest_tsc:	the vCPU's TSC now, as the guest would read it.
 * @timer_arm:	call osp_lapic_timer_fired() at @expires_ns of the clock of
 *		@now_ns; replaces an earlier one.
 * @timer_cancel: forget it; when this returns the callback does not run.
 *
 * @ctx is what osp_lapic_init() was given.
 */
struct osp_lapic_ops {
	void (*kick)(void *ctx);
	void (*posted)(void *ctx);
	void (*eoi)(void *ctx, u8 vector);
	void (*enabled)(void *ctx);
	u64 (*now_ns)(void *ctx);
	u64 (*guest_tsc)(void *ctx);
	void (*timer_arm)(void *ctx, u64 expires_ns);
	void (*timer_cancel)(void *ctx);
};

/**
 * struct osp_pi_desc - posted-interrupt descriptor, SDM 3C 30.6
 * @pir:	posted-interrupt requests, a bit per vector
 * @control:	ON (bit 0), SN (1), NV (23:16), NDST (63:32)
 * @reserved:	for software
 */
struct osp_pi_desc {
	unsigned long pir[4];
	unsigned long control;
	unsigned long reserved[3];
} __aligned(64);

#define OSP_PI_ON		0	/* bit numbers in control */
#define OSP_PI_SN		1

/**
 * struct osp_lapic_timer - the APIC timer, SDM 3A 11.5.4
 * @mode:	OSP_TIMER_ONESHOT, _PERIODIC or _TSC_DEADLINE
 * @armed:	timer_arm was called and has neither fired nor been cancelled;
 *		cleared by the callback
 * @at_entry:	deadlines are looked at before each VM entry, and the CPU ends
 *		the stay in the guest in time, or its thread sleeps no longer:
 *		no clock is armed for them
 * @divide:	bus cycles a count: 1 to 128.  One bus cycle is 1 ns, as on KVM
 * @period_ns:	initial count in ns, 0: stopped
 * @expires_ns:	when the count reaches 0
 * @deadline:	IA32_TSC_DEADLINE; cleared by the callback
 * @tsc_khz:	frequency of the guest's TSC
 */
struct osp_lapic_timer {
	u8 mode;
	bool armed;
	bool at_entry;
	u8 divide;
	u32 tsc_khz;
	u64 period_ns;
	u64 expires_ns;
	u64 deadline;
};

enum { OSP_TIMER_ONESHOT, OSP_TIMER_PERIODIC, OSP_TIMER_TSC_DEADLINE };

/**
 * struct osp_lapic - a local APIC
 * @pi:		posted interrupts; any context
 * @regs:	the register page, 4 KiB aligned
 * @base:	IA32_APIC_BASE
 * @irr_words:	bit n: word n of IRR may be non-zero
 * @isr_words:	bit n: word n of ISR is non-zero
 * @by_cpu:	the CPU delivers from the page; @irr_words, @isr_words are void
 * @raised:	with @by_cpu: highest vector that the owner put in IRR, or 0
 * @rescan:	with @by_cpu: the owner changed IRR or ISR in other ways
 * @bsp:	it is the bootstrap processor's
 * @x2apic_cpuid: CPUID offers x2APIC mode
 * @tsc_deadline_cpuid: CPUID offers the TSC-deadline mode
 * @directed_eoi: EOI broadcasts can be suppressed
 * @nr_lvt:	6, or 7 with CMCI
 * @events:	BIT(enum osp_lapic_event); any context
 * @sipi_vector: of the last SIPI; written before the event is set
 * @esr_raised:	errors since ESR was last written; any context
 * @id:		x2APIC ID, the vCPU's ID
 * @base_reserved: bits of IA32_APIC_BASE that may not be set
 * @bus:	where its IPIs go
 * @ops:	its surroundings
 * @ctx:	handed to @ops
 * @timer:	the APIC timer
 */
struct osp_lapic {
	struct osp_pi_desc pi;
	u8 *regs;
	u64 base;
	u8 irr_words;
	u8 isr_words;
	bool by_cpu;
	u8 raised;
	bool rescan;
	bool bsp;
	bool x2apic_cpuid;
	bool tsc_deadline_cpuid;
	bool directed_eoi;
	u8 nr_lvt;
	unsigned long events;
	unsigned long esr_raised;
	u8 sipi_vector;
	u32 id;
	u64 base_reserved;
	struct osp_apic_bus *bus;
	const struct osp_lapic_ops *ops;
	void *ctx;
	struct osp_lapic_timer timer;
};

static inline u32 osp_lapic_reg(const struct osp_lapic *apic, u32 offset)
{
	return READ_ONCE(*(u32 *)(apic->regs + offset));
}

static inline void osp_lapic_set_reg(struct osp_lapic *apic, u32 offset,
				     u32 val)
{
	WRITE_ONCE(*(u32 *)(apic->regs + offset), val);
}

static inline bool osp_lapic_hw_enabled(const struct osp_lapic *apic)
{
	return READ_ONCE(apic->base) & OSP_APIC_BASE_EN;
}

static inline bool osp_lapic_sw_enabled(const struct osp_lapic *apic)
{
	return osp_lapic_reg(apic, OSP_APIC_SVR) & OSP_SVR_ENABLED;
}

static inline bool osp_lapic_x2apic(const struct osp_lapic *apic)
{
	return READ_ONCE(apic->base) & OSP_APIC_BASE_EXTD;
}

/**
 * osp_lapic_accepts_extint() - does the PIC's output reach this vCPU?
 * @apic:	the local APIC; any context
 *
 * By LINT0 in ExtINT mode, or because the APIC is disabled and INTR goes
 * straight to the CPU (SDM 3A 11.4.3).
 */
static inline bool osp_lapic_accepts_extint(const struct osp_lapic *apic)
{
	u32 lvt = osp_lapic_reg(apic, OSP_APIC_LVT_LINT0);

	return !osp_lapic_hw_enabled(apic) ||
	       (!(lvt & OSP_LVT_MASKED) && OSP_LVT_MODE(lvt) == OSP_APIC_EXTINT);
}

/**
 * osp_lapic_extint_sent() - has a message asked for an INTA cycle?
 * @apic:	the local APIC; any context
 *
 * One of a device, in ExtINT mode: the CPU is to ask the PIC for a vector,
 * whatever LINT0 is (SDM 3A 11.5.1, 11.11.2).
 */
static inline bool osp_lapic_extint_sent(const struct osp_lapic *apic)
{
	return READ_ONCE(apic->events) & BIT(OSP_LAPIC_EV_EXTINT);
}

/* ---- life: lapic.c ---- */

/**
 * osp_lapic_init() - prepare a local APIC and reset it
 * @apic:	cleared here
 * @regs:	a zeroed, page-aligned page; stays the caller's
 * @id:		x2APIC ID of the vCPU (its KVM_CREATE_VCPU argument)
 * @bsp:	it is the bootstrap processor
 * @bus:	for its IPIs; being found there is osp_apic_bus_add()'s affair
 * @ops:	see there; all must be set
 * @ctx:	handed to @ops
 *
 * CPUID features start as absent: osp_lapic_set_cpuid().  timer.tsc_khz is
 * to be set by the caller afterwards.
 */
void osp_lapic_init(struct osp_lapic *apic, void *regs, u32 id, bool bsp,
		    struct osp_apic_bus *bus, const struct osp_lapic_ops *ops,
		    void *ctx);

/**
 * osp_lapic_copy() - give a local APIC the state of another
 * @apic:	initialized; not on a bus yet
 * @from:	has the same ID; owner's thread; its clock stands still
 *
 * All but the clock: if @from has one armed, timer.armed says so, and it is for
 * the caller to arm that of @apic.
 */
void osp_lapic_copy(struct osp_lapic *apic, struct osp_lapic *from);

/**
 * osp_lapic_reset() - the state after RESET or INIT, SDM 3A 11.4.7
 * @apic:	the local APIC
 * @init:	INIT: IA32_APIC_BASE and the APIC ID stay
 *
 * As KVM: LINT0 of the BSP is in ExtINT mode, unmasked.  Owner's thread.
 */
void osp_lapic_reset(struct osp_lapic *apic, bool init);

/**
 * osp_lapic_set_cpuid() - follow KVM_SET_CPUID2
 * @apic:	the local APIC; owner's thread
 * @x2apic:	CPUID.1:ECX.21
 * @tsc_deadline: CPUID.1:ECX.24
 * @maxphyaddr:	width of guest-physical addresses in bits
 */
void osp_lapic_set_cpuid(struct osp_lapic *apic, bool x2apic,
			 bool tsc_deadline, u8 maxphyaddr);

/**
 * osp_lapic_set_directed_eoi() - offer the suppression of EOI broadcasts
 * @apic:	the local APIC; owner's thread
 * @on:		the I/O APIC has an EOI register: one in userspace (split)
 *
 * Shown in the version register if CPUID has x2APIC, as on KVM.
 */
void osp_lapic_set_directed_eoi(struct osp_lapic *apic, bool on);

/**
 * osp_lapic_set_cmci() - give it the CMCI entry, a seventh of its LVT
 * @apic:	the local APIC; owner's thread
 * @on:		MCG_CAP.CMCI_P is set
 */
void osp_lapic_set_cmci(struct osp_lapic *apic, bool on);

/**
 * osp_lapic_set_base() - write IA32_APIC_BASE
 * @apic:	the local APIC
 * @base:	the MSR's new value
 * @host:	userspace writes: transitions that raise #GP in a guest are fine
 *
 * SDM 3A 11.12.5.1.  Owner's thread.
 * Return: 0, or -EINVAL (#GP) for reserved bits, for x2APIC without xAPIC and
 * for x2APIC to xAPIC or disabled to x2APIC by the guest.
 */
int osp_lapic_set_base(struct osp_lapic *apic, u64 base, bool host);

/**
 * osp_lapic_get_state() - KVM_GET_LAPIC
 * @apic:	the local APIC; owner's thread
 * @s:		filled whole; in x2APIC mode the ICR is in two registers
 * @ids32:	KVM_X2APIC_API_USE_32BIT_IDS: the x2APIC ID as it is, else its low
 *		8 bits in bits 31:24 of the register
 */
void osp_lapic_get_state(struct osp_lapic *apic, struct kvm_lapic_state *s,
			 bool ids32);

/**
 * osp_lapic_set_state() - KVM_SET_LAPIC
 * @apic:	the local APIC; owner's thread; its vCPU is to look at it anew
 * @s:		any content is safe; version and x2APIC ID are not taken from it
 * @ids32:	as for osp_lapic_get_state()
 *
 * What was posted and not yet in IRR is lost, the timer starts from the
 * current count in @s.
 * Return: 0; -EINVAL, and nothing is changed, if with @ids32 the x2APIC ID in
 * @s is another.
 */
int osp_lapic_set_state(struct osp_lapic *apic,
			const struct kvm_lapic_state *s, bool ids32);

/* ---- registers: lapic_regs.c ---- */

/**
 * osp_lapic_read() - a read from the xAPIC page
 * @apic:	the local APIC
 * @offset:	0 to 0xfff
 * @len:	1 to 8 bytes; more than the four of one register read as 0
 *
 * All ones while the page is not there (x2APIC mode, disabled): KVM's
 * KVM_X86_QUIRK_LAPIC_MMIO_HOLE.  Owner's thread.
 */
u64 osp_lapic_read(struct osp_lapic *apic, u32 offset, u32 len);

/**
 * osp_lapic_write() - a write to the xAPIC page
 * @apic:	the local APIC; owner's thread
 * @offset:	0 to 0xfff
 * @len:	1 to 8 bytes; what is not 4, on a register's start, is ignored
 * @val:	what is written
 */
void osp_lapic_write(struct osp_lapic *apic, u32 offset, u32 len, u64 val);

/**
 * osp_lapic_rdmsr() - read an x2APIC MSR
 * @apic:	the local APIC; owner's thread
 * @msr:	0x800 to 0x8ff
 * @val:	set on success
 *
 * Return: 0, or -EINVAL: the guest gets #GP(0).
 */
int osp_lapic_rdmsr(struct osp_lapic *apic, u32 msr, u64 *val);

/**
 * osp_lapic_wrmsr() - write an x2APIC MSR
 * @apic:	the local APIC; owner's thread
 * @msr:	0x800 to 0x8ff
 * @val:	the value; SDM 3A table 11-6 says what is reserved
 *
 * Return: 0, or -EINVAL: the guest gets #GP(0).
 */
int osp_lapic_wrmsr(struct osp_lapic *apic, u32 msr, u64 val);

/**
 * osp_lapic_written() - act on a register that the CPU wrote into the page
 * @apic:	the local APIC; owner's thread
 * @offset:	the exit qualification of a trap-like APIC-write VM exit
 *
 * SDM 3C 30.4.3.2.
 */
void osp_lapic_written(struct osp_lapic *apic, u32 offset);

/**
 * osp_lapic_reads_page() - is reading an x2APIC MSR no more than reading the page?
 * @apic:	the local APIC; owner's thread
 * @msr:	0x800 to 0x8ff
 *
 * So that the CPU may do it (SDM 3C 30.5); what raises #GP, or is computed when
 * it is read, must exit.
 */
bool osp_lapic_reads_page(const struct osp_lapic *apic, u32 msr);

/**
 * osp_lapic_eoi() - end the highest interrupt in service
 * @apic:	the local APIC; owner's thread
 *
 */
void osp_lapic_eoi(struct osp_lapic *apic);

/**
 * osp_lapic_eoi_done() - the CPU ended an interrupt that somebody waits for
 * @apic:	the local APIC; owner's thread
 * @vector:	from the exit qualification of an EOI-induced VM exit
 *
 * SDM 3C 30.1.4.
 */
void osp_lapic_eoi_done(struct osp_lapic *apic, u8 vector);

/**
 * osp_lapic_broadcasts_eoi() - is an EOI broadcast to I/O APICs?
 * @apic:	the local APIC; owner's thread
 * @vector:	the interrupt that ends
 *
 * Level triggered, and not suppressed: SDM 3A 11.8.5.
 */
bool osp_lapic_broadcasts_eoi(const struct osp_lapic *apic, u8 vector);

/* ---- delivery: lapic.c ---- */

/**
 * osp_lapic_deliver() - hand an interrupt to this local APIC
 * @apic:	the local APIC; any context
 * @mode:	enum osp_apic_mode
 * @vector:	0 to 255
 * @assert:	false: a level de-assert, which is ignored
 * @level:	level triggered
 *
 * Return: 1 accepted, 0 refused (disabled, de-asserted, illegal vector), and
 * 2 for accepted, but the same vector was still pending.
 */
int osp_lapic_deliver(struct osp_lapic *apic, u8 mode, u8 vector, bool assert,
		      bool level);

/**
 * osp_lapic_local() - raise a local source
 * @apic:	the local APIC; any context, but OSP_APIC_LVT_PMC: owner's thread
 * @lvt_offset:	its LVT entry
 *
 * Return: as osp_lapic_deliver(); 0 also for a masked entry.
 */
int osp_lapic_local(struct osp_lapic *apic, u32 lvt_offset);

/**
 * osp_lapic_sync() - move posted interrupts to IRR
 * @apic:	the local APIC; owner's thread
 */
void osp_lapic_sync(struct osp_lapic *apic);

/**
 * osp_lapic_highest() - osp_lapic_pending() without its short cuts
 * @apic:	the local APIC; owner's thread
 */
int osp_lapic_highest(struct osp_lapic *apic);

/**
 * osp_lapic_resync() - recompute what is cached of IRR and ISR
 * @apic:	the local APIC; owner's thread; the CPU changed its page
 */
void osp_lapic_resync(struct osp_lapic *apic);

/**
 * osp_lapic_deliver_by_cpu() - who delivers interrupts from IRR?
 * @apic:	the local APIC; owner's thread, not in the guest
 * @on:		the CPU, by virtual-interrupt delivery (SDM 3C 30.2); else the
 *		owner, who injects osp_lapic_pending() and calls osp_lapic_ack()
 */
void osp_lapic_deliver_by_cpu(struct osp_lapic *apic, bool on);

/**
 * osp_lapic_top() - the highest vector in one of the 256-bit registers
 * @apic:	the local APIC; owner's thread
 * @reg:	OSP_APIC_IRR or OSP_APIC_ISR
 *
 * Return: the vector, or -1.
 */
int osp_lapic_top(const struct osp_lapic *apic, u32 reg);

/**
 * osp_lapic_requested() - is anything in IRR, whatever TPR and ISR say?
 * @apic:	the local APIC; owner's thread
 */
static __always_inline bool osp_lapic_requested(const struct osp_lapic *apic)
{
	const u32 *irr = (const u32 *)(apic->regs + OSP_APIC_IRR);

	return irr[0] | irr[4] | irr[8] | irr[12] |
	       irr[16] | irr[20] | irr[24] | irr[28];
}

/**
 * osp_lapic_pending() - the interrupt to inject now
 * @apic:	the local APIC; owner's thread, before each entry
 *
 * Return: the highest vector in IRR if its class is above PPR's, or -1.
 */
static __always_inline int osp_lapic_pending(struct osp_lapic *apic)
{
	if (unlikely(READ_ONCE(apic->pi.control) & BIT(OSP_PI_ON)))
		osp_lapic_sync(apic);
	if (likely(!apic->irr_words) && !apic->by_cpu)
		return -1;
	return osp_lapic_highest(apic);
}

/**
 * osp_lapic_attention() - is there anything at all to look at?
 * @apic:	the local APIC; any context
 */
static __always_inline bool osp_lapic_attention(const struct osp_lapic *apic)
{
	return (READ_ONCE(apic->pi.control) & BIT(OSP_PI_ON)) ||
	       READ_ONCE(apic->events);
}

/**
 * osp_lapic_ack() - the CPU takes an interrupt: from IRR to ISR
 * @apic:	the local APIC; owner's thread
 * @vector:	what osp_lapic_pending() returned, so not -1
 */
void osp_lapic_ack(struct osp_lapic *apic, u8 vector);

/**
 * osp_lapic_unack() - the CPU has not taken it after all: from ISR to IRR
 * @apic:	the local APIC; owner's thread
 * @vector:	what is in service with the highest priority
 */
void osp_lapic_unack(struct osp_lapic *apic, u8 vector);

/**
 * osp_lapic_in_service() - the highest vector in service
 * @apic:	the local APIC; owner's thread
 *
 * Return: the vector, or -1.
 */
static inline int osp_lapic_in_service(const struct osp_lapic *apic)
{
	u32 word;

	if (unlikely(apic->by_cpu))
		return osp_lapic_top(apic, OSP_APIC_ISR);
	if (!apic->isr_words)
		return -1;
	word = __fls(apic->isr_words);
	return word * 32 + __fls(osp_lapic_reg(apic, OSP_APIC_ISR + word * 16));
}

/**
 * osp_lapic_get_cr8() - TPR as CR8 shows it
 * @apic:	the local APIC; owner's thread
 *
 * Return: TPR's bits 7:4.
 */
static inline u64 osp_lapic_get_cr8(const struct osp_lapic *apic)
{
	return (osp_lapic_reg(apic, OSP_APIC_TPR) >> 4) & 0xf;
}

/**
 * osp_lapic_update_ppr() - recompute PPR from TPR and ISR
 * @apic:	the local APIC; owner's thread
 *
 * SDM 3A 11.8.3.1.
 * Return: PPR.
 */
static inline u8 osp_lapic_update_ppr(struct osp_lapic *apic)
{
	u8 tpr = osp_lapic_reg(apic, OSP_APIC_TPR);
	int vector = osp_lapic_in_service(apic);
	u8 isr = vector < 0 ? 0 : vector & 0xf0;
	u8 ppr = (tpr & 0xf0) >= isr ? tpr : isr;

	osp_lapic_set_reg(apic, OSP_APIC_PPR, ppr);
	return ppr;
}

/**
 * osp_lapic_set_tpr() - write TPR
 * @apic:	the local APIC; owner's thread
 * @tpr:	all eight bits
 */
static inline void osp_lapic_set_tpr(struct osp_lapic *apic, u8 tpr)
{
	osp_lapic_set_reg(apic, OSP_APIC_TPR, tpr);
	osp_lapic_update_ppr(apic);
}

/**
 * osp_lapic_set_cr8() - MOV to CR8
 * @apic:	the local APIC; owner's thread
 * @cr8:	0 to 15; who checks for #GP is the caller
 */
static inline void osp_lapic_set_cr8(struct osp_lapic *apic, u64 cr8)
{
	osp_lapic_set_tpr(apic, (cr8 & 0xf) << 4);
}

/**
 * osp_lapic_take_event() - consume one pending event
 * @apic:	the local APIC; owner's thread
 * @ev:		which
 *
 * Return: it was pending.
 */
static inline bool osp_lapic_take_event(struct osp_lapic *apic,
					enum osp_lapic_event ev)
{
	return test_and_clear_bit(ev, &apic->events);
}

/* ---- timer: lapic_timer.c ---- */

/**
 * osp_lapic_timer_fired() - the armed time has come
 * @apic:	the local APIC
 *
 * Called by what stands behind ops->timer_arm; hard irq context.
 * Return: when to call again (ns), or 0: not at all.
 */
u64 osp_lapic_timer_fired(struct osp_lapic *apic);

/**
 * osp_lapic_get_tsc_deadline() - read IA32_TSC_DEADLINE (MSR 6E0H)
 * @apic:	the local APIC; owner's thread
 *
 * Return: when it will fire, by the guest's TSC; 0 if not armed, or not in
 * TSC-deadline mode.
 */
u64 osp_lapic_get_tsc_deadline(const struct osp_lapic *apic);

/**
 * osp_lapic_set_tsc_deadline() - write IA32_TSC_DEADLINE
 * @apic:	the local APIC; owner's thread
 * @deadline:	by the guest's TSC; 0 disarms; in the past: fires at once
 *
 * Ignored outside TSC-deadline mode.
 */
void osp_lapic_set_tsc_deadline(struct osp_lapic *apic, u64 deadline);

/**
 * osp_lapic_deadline_waits() - does a deadline wait for the next VM entry?
 * @apic:	the local APIC; owner's thread
 */
static __always_inline bool osp_lapic_deadline_waits(const struct osp_lapic *apic)
{
	return apic->timer.at_entry && READ_ONCE(apic->timer.deadline) &&
	       !READ_ONCE(apic->timer.armed);
}

/**
 * osp_lapic_deadline_left() - look at a deadline that waits for the VM entry
 * @apic:	the local APIC; owner's thread; osp_lapic_deadline_waits() is true
 *
 * Return: ticks of the TSC till then; 0: it has come, and its interrupt is in
 * IRR.
 */
u64 osp_lapic_deadline_left(struct osp_lapic *apic);

/**
 * osp_lapic_tsc_changed() - the guest's TSC jumped or changed its rate
 * @apic:	the local APIC; owner's thread
 * @tsc_khz:	the rate from now on
 */
void osp_lapic_tsc_changed(struct osp_lapic *apic, u32 tsc_khz);

/* ---- between the APIC's own files; owner's thread ---- */

void osp_lapic_timer_stop(struct osp_lapic *apic);
/* The initial count is written. */
void osp_lapic_set_tmict(struct osp_lapic *apic, u32 count);
/* State was restored: go on from the current count @tmcct. */
void osp_lapic_timer_restore(struct osp_lapic *apic, u32 tmcct);
/* LVT timer entry or divide configuration were written. */
void osp_lapic_timer_lvt_changed(struct osp_lapic *apic);
void osp_lapic_timer_set_divide(struct osp_lapic *apic);
u32 osp_lapic_timer_current(struct osp_lapic *apic);

/* Note an error for ESR and raise LVT error; any context. */
void osp_lapic_error(struct osp_lapic *apic, unsigned int bit);
/* Put an interrupt into one's own IRR, without a post and a kick. */
void osp_lapic_self(struct osp_lapic *apic, u8 vector, bool level);
void osp_lapic_set_x2apic_id(struct osp_lapic *apic);
void osp_lapic_set_xapic_id(struct osp_lapic *apic, u8 id);

#endif /* OSP_LAPIC_H */
