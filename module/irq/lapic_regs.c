// SPDX-License-Identifier: GPL-2.0
/*
 * lapic_regs.c - the local APIC's registers as its guest reads and writes them.
 *
 * Three ways lead here: the xAPIC page (MMIO), the x2APIC MSRs, and registers
 * that the CPU itself wrote into the virtual-APIC page.  All in the thread
 * that owns the vCPU; no locks are taken.
 *
 * What a write stores is what KVM stores, so that the state read back by
 * userspace is the same on both.
 *
 * SDM 3A 11.4.1 (xAPIC page), 11.5, 11.6, 11.12.1 (x2APIC MSRs).
 */
#include "lapic.h"
#include "apic_bus.h"

/* Writable bits of the LVT entries: vector, delivery status and mask; */
#define OSP_LVT_BITS		(0xff | BIT(12) | OSP_LVT_MASKED)
/* a delivery mode in some; */
#define OSP_LVT_MODE_BITS	(OSP_LVT_BITS | 0x700)
/* polarity, remote IRR and trigger mode in LINT0 and LINT1; */
#define OSP_LVT_LINT_BITS	(OSP_LVT_MODE_BITS | BIT(13) | BIT(14) | BIT(15))
/* and the timer's mode. */
#define OSP_LVT_TIMER_PERIODIC	BIT(17)
#define OSP_LVT_TIMER_DEADLINE	BIT(18)

/* In x2APIC mode these raise #GP: 31:20, 17:16, 13. */
#define OSP_X2APIC_ICR_RESERVED	(GENMASK_ULL(31, 20) | GENMASK_ULL(17, 16) | BIT(13))

/* One bit per register, by offset / 16. */
#define OSP_REG(offset)		BIT_ULL((offset) >> 4)
#define OSP_REGS(first, last)	GENMASK_ULL((last) >> 4, (first) >> 4)

#define OSP_READABLE \
	(OSP_REG(OSP_APIC_ID) | OSP_REG(OSP_APIC_VERSION) | \
	 OSP_REG(OSP_APIC_TPR) | OSP_REG(OSP_APIC_PPR) | \
	 OSP_REG(OSP_APIC_LDR) | OSP_REG(OSP_APIC_SVR) | \
	 OSP_REGS(OSP_APIC_ISR, OSP_APIC_ESR) | OSP_REG(OSP_APIC_ICR) | \
	 OSP_REGS(OSP_APIC_LVT_TIMER, OSP_APIC_TMCCT) | OSP_REG(OSP_APIC_TDCR))

#define OSP_READABLE_XAPIC \
	(OSP_REG(OSP_APIC_APR) | OSP_REG(OSP_APIC_DFR) | OSP_REG(OSP_APIC_ICR2))

static bool osp_lapic_readable(const struct osp_lapic *apic, u32 offset)
{
	u64 readable = OSP_READABLE;

	if (!osp_lapic_x2apic(apic))
		readable |= OSP_READABLE_XAPIC;
	if (apic->nr_lvt > 6)
		readable |= OSP_REG(OSP_APIC_LVT_CMCI);
	return offset <= OSP_APIC_SELF_IPI && (readable & OSP_REG(offset));
}

bool osp_lapic_reads_page(const struct osp_lapic *apic, u32 msr)
{
	u32 offset = (msr - OSP_X2APIC_MSR_FIRST) << 4;

	return offset != OSP_APIC_TMCCT && osp_lapic_readable(apic, offset);
}

static u32 osp_lapic_read_reg(struct osp_lapic *apic, u32 offset)
{
	switch (offset) {
	case OSP_APIC_APR:
		return 0;	/* arbitration is not by bus any more */
	case OSP_APIC_PPR:
		return osp_lapic_update_ppr(apic);
	case OSP_APIC_TMCCT:
		return osp_lapic_timer_current(apic);
	case OSP_APIC_IRR ... OSP_APIC_IRR + 0x70:
		osp_lapic_sync(apic);
		fallthrough;
	default:
		return osp_lapic_reg(apic, offset);
	}
}

/* ---- interrupt command register ---- */

static void osp_lapic_send(struct osp_lapic *apic, u32 low, u32 dest)
{
	struct osp_apic_msg msg = {
		.dest = dest,
		.vector = low & 0xff,
		.mode = (low >> 8) & 7,
		.shorthand = (low >> 18) & 3,
		.logical = low & BIT(11),
		.level = low & OSP_ICR_LEVEL,
		.assert = low & OSP_ICR_ASSERT,
	};

	if (msg.vector < 16 && msg.mode <= OSP_APIC_LOWEST)
		osp_lapic_error(apic, OSP_ESR_SEND_ILLEGAL);
	if (msg.shorthand == OSP_APIC_SELF && msg.mode == OSP_APIC_FIXED) {
		if (!msg.level || msg.assert)
			osp_lapic_self(apic, msg.vector, msg.level);
		return;
	}
	/* ExtINT is for devices; in an ICR it is reserved. */
	if (msg.mode != OSP_APIC_EXTINT)
		osp_apic_bus_deliver(apic->bus, apic, &msg, NULL);
}

/* The SELF IPI register is the ICR with fewer bits: SDM 3A 11.12.11. */
static void osp_lapic_self_ipi(struct osp_lapic *apic, u8 vector)
{
	if (vector < 16)
		osp_lapic_error(apic, OSP_ESR_SEND_ILLEGAL);
	osp_lapic_self(apic, vector, false);
}

static int osp_lapic_write_icr64(struct osp_lapic *apic, u64 val)
{
	if (val & OSP_X2APIC_ICR_RESERVED)
		return -EINVAL;
	/* Delivery is at once: never busy. */
	val &= ~(u64)OSP_ICR_BUSY;
	*(u64 *)(apic->regs + OSP_APIC_ICR) = val;
	osp_lapic_send(apic, val, val >> 32);
	return 0;
}

static void osp_lapic_write_icr(struct osp_lapic *apic, u32 val)
{
	val &= ~OSP_ICR_BUSY;
	osp_lapic_set_reg(apic, OSP_APIC_ICR, val);
	osp_lapic_send(apic, val, osp_lapic_reg(apic, OSP_APIC_ICR2) >> 24);
}

/* ---- registers with an effect ---- */

/* SDM 3A 11.4.7.2: software-disabled, all LVT entries are masked. */
static void osp_lapic_disable(struct osp_lapic *apic)
{
	u32 reg;

	for (reg = OSP_APIC_LVT_TIMER; reg <= OSP_APIC_LVT_ERROR; reg += 0x10)
		osp_lapic_set_reg(apic, reg,
				  osp_lapic_reg(apic, reg) | OSP_LVT_MASKED);
	if (apic->nr_lvt > 6)
		osp_lapic_set_reg(apic, OSP_APIC_LVT_CMCI,
				  osp_lapic_reg(apic, OSP_APIC_LVT_CMCI) |
				  OSP_LVT_MASKED);
}

static void osp_lapic_write_svr(struct osp_lapic *apic, u32 val)
{
	u32 bits = 0x3ff;

	if (apic->directed_eoi && apic->x2apic_cpuid)
		bits |= OSP_SVR_NO_EOI_BCAST;
	osp_lapic_set_reg(apic, OSP_APIC_SVR, val & bits);
	if (!(val & OSP_SVR_ENABLED))
		osp_lapic_disable(apic);
	apic->ops->enabled(apic->ctx);
}

static u32 osp_lapic_lvt_bits(const struct osp_lapic *apic, u32 offset)
{
	switch (offset) {
	case OSP_APIC_LVT_TIMER:
		return OSP_LVT_BITS | OSP_LVT_TIMER_PERIODIC |
		       (apic->tsc_deadline_cpuid ? OSP_LVT_TIMER_DEADLINE : 0);
	case OSP_APIC_LVT_ERROR:
		return OSP_LVT_BITS;
	case OSP_APIC_LVT_LINT0:
	case OSP_APIC_LVT_LINT1:
		return OSP_LVT_LINT_BITS;
	default:
		return OSP_LVT_MODE_BITS;
	}
}

static int osp_lapic_write_lvt(struct osp_lapic *apic, u32 offset, u32 val)
{
	if (offset == OSP_APIC_LVT_CMCI && apic->nr_lvt <= 6)
		return -EINVAL;
	if (!osp_lapic_sw_enabled(apic))
		val |= OSP_LVT_MASKED;
	osp_lapic_set_reg(apic, offset, val & osp_lapic_lvt_bits(apic, offset));
	if (offset == OSP_APIC_LVT_TIMER)
		osp_lapic_timer_lvt_changed(apic);
	return 0;
}

/* SDM 3A 11.5.3: a write moves the errors since the last one into the register. */
static void osp_lapic_write_esr(struct osp_lapic *apic)
{
	osp_lapic_set_reg(apic, OSP_APIC_ESR, xchg(&apic->esr_raised, 0));
}

/* Registers that exist, or are writable, in xAPIC mode only. */
static int osp_lapic_write_xapic(struct osp_lapic *apic, u32 offset, u32 val)
{
	if (osp_lapic_x2apic(apic))
		return -EINVAL;
	switch (offset) {
	case OSP_APIC_ID:
		osp_lapic_set_xapic_id(apic, val >> 24);
		return 0;
	case OSP_APIC_LDR:
		osp_lapic_set_reg(apic, offset, val & 0xff000000);
		return 0;
	case OSP_APIC_DFR:
		osp_lapic_set_reg(apic, offset, val | 0x0fffffff);
		return 0;
	case OSP_APIC_ICR:
		osp_lapic_write_icr(apic, val);
		return 0;
	case OSP_APIC_ICR2:
		osp_lapic_set_reg(apic, offset, val & 0xff000000);
		return 0;
	default:
		return -EINVAL;
	}
}

/* Returns -EINVAL if there is no such writable register. */
static int osp_lapic_write_reg(struct osp_lapic *apic, u32 offset, u32 val)
{
	switch (offset) {
	case OSP_APIC_TPR:
		osp_lapic_set_tpr(apic, val);
		return 0;
	case OSP_APIC_EOI:
		osp_lapic_eoi(apic);
		return 0;
	case OSP_APIC_SVR:
		osp_lapic_write_svr(apic, val);
		return 0;
	case OSP_APIC_ESR:
		osp_lapic_write_esr(apic);
		return 0;
	case OSP_APIC_LVT_CMCI:
	case OSP_APIC_LVT_TIMER ... OSP_APIC_LVT_ERROR:
		return osp_lapic_write_lvt(apic, offset, val);
	case OSP_APIC_TMICT:
		osp_lapic_set_tmict(apic, val);
		return 0;
	case OSP_APIC_TDCR:
		osp_lapic_set_reg(apic, offset, val & 0xb);
		osp_lapic_timer_set_divide(apic);
		return 0;
	default:
		return osp_lapic_write_xapic(apic, offset, val);
	}
}

/* ---- the xAPIC page ---- */

static bool osp_lapic_has_page(const struct osp_lapic *apic)
{
	return (apic->base & (OSP_APIC_BASE_EN | OSP_APIC_BASE_EXTD)) ==
	       OSP_APIC_BASE_EN;
}

u64 osp_lapic_read(struct osp_lapic *apic, u32 offset, u32 len)
{
	u32 within = offset & 0xf;

	if (!osp_lapic_has_page(apic))
		return ~0ULL;
	if (within + len > 4)
		return 0;
	if (!osp_lapic_readable(apic, offset - within)) {
		osp_lapic_error(apic, OSP_ESR_ILLEGAL_REG);
		return 0;
	}
	return osp_lapic_read_reg(apic, offset - within) >> (8 * within);
}

void osp_lapic_write(struct osp_lapic *apic, u32 offset, u32 len, u64 val)
{
	if (!osp_lapic_has_page(apic) || len != 4 || (offset & 0xf))
		return;
	if (osp_lapic_write_reg(apic, offset, val))
		osp_lapic_error(apic, OSP_ESR_ILLEGAL_REG);
}

void osp_lapic_written(struct osp_lapic *apic, u32 offset)
{
	offset &= 0xff0;
	if (offset == OSP_APIC_ICR && osp_lapic_x2apic(apic))
		osp_lapic_write_icr64(apic,
				      *(u64 *)(apic->regs + OSP_APIC_ICR) &
				      ~OSP_X2APIC_ICR_RESERVED);
	else if (offset == OSP_APIC_SELF_IPI)
		osp_lapic_self_ipi(apic, osp_lapic_reg(apic, offset));
	else
		osp_lapic_write_reg(apic, offset, osp_lapic_reg(apic, offset));
}

/* ---- the x2APIC MSRs ---- */

int osp_lapic_rdmsr(struct osp_lapic *apic, u32 msr, u64 *val)
{
	u32 offset = (msr - OSP_X2APIC_MSR_FIRST) << 4;

	if (!osp_lapic_x2apic(apic) || !osp_lapic_readable(apic, offset))
		return -EINVAL;
	if (offset == OSP_APIC_ICR)
		*val = *(u64 *)(apic->regs + OSP_APIC_ICR);
	else
		*val = osp_lapic_read_reg(apic, offset);
	return 0;
}

int osp_lapic_wrmsr(struct osp_lapic *apic, u32 msr, u64 val)
{
	u32 offset = (msr - OSP_X2APIC_MSR_FIRST) << 4;

	if (!osp_lapic_x2apic(apic))
		return -EINVAL;
	switch (offset) {
	case OSP_APIC_EOI:
		if (val)
			return -EINVAL;
		osp_lapic_eoi(apic);
		return 0;
	case OSP_APIC_ICR:
		return osp_lapic_write_icr64(apic, val);
	case OSP_APIC_SELF_IPI:
		if (val >> 8)
			return -EINVAL;
		osp_lapic_self_ipi(apic, val);
		return 0;
	case OSP_APIC_TPR:
		if (val >> 8)
			return -EINVAL;
		osp_lapic_set_tpr(apic, val);
		return 0;
	case OSP_APIC_ESR:
		if (val)
			return -EINVAL;
		break;
	default:
		break;
	}
	if (val >> 32)
		return -EINVAL;
	return osp_lapic_write_reg(apic, offset, val);
}
