// SPDX-License-Identifier: GPL-2.0
/*
 * ioapic.c - the 82093AA I/O APIC: 24 pins, each with its own destination.
 *
 * Owns struct osp_ioapic.  Takes no locks: see ioapic.h.
 *
 * Intel 82093AA data sheet (290566), version 11h, so without an EOI register.
 */
#include "ioapic.h"
#include "apic_bus.h"
#include "lapic.h"

#define OSP_IOREGSEL		0x00
#define OSP_IOWIN		0x10

#define OSP_IOAPIC_REG_ID	0x00
#define OSP_IOAPIC_REG_VERSION	0x01
#define OSP_IOAPIC_REG_ARB	0x02
#define OSP_IOAPIC_REG_RTE	0x10	/* two words a pin */
#define OSP_IOAPIC_VERSION	(0x11 | (OSP_IOAPIC_PINS - 1) << 16)

#define OSP_RTE_READ_ONLY	(OSP_RTE_REMOTE_IRR | OSP_RTE_STATUS)

/* EOIs in a row with the line still up that make a storm. */
#define OSP_IOAPIC_STORM	10000

/* ---- sending ---- */

static void osp_ioapic_message(u64 rte, struct osp_apic_msg *msg)
{
	*msg = (struct osp_apic_msg) {
		.dest = OSP_RTE_DEST(rte),
		.vector = OSP_RTE_VECTOR(rte),
		.mode = OSP_RTE_MODE(rte),
		.logical = rte & OSP_RTE_LOGICAL,
		.level = rte & OSP_RTE_LEVEL,
		.assert = true,
	};
}

static int osp_ioapic_service(struct osp_ioapic *io, u32 pin, bool line_status)
{
	u64 rte = io->rte[pin];
	struct osp_apic_msg msg;
	int r;

	if (rte & OSP_RTE_MASKED)
		return -1;
	if ((rte & OSP_RTE_LEVEL) && (rte & OSP_RTE_REMOTE_IRR))
		return -1;
	if (!(rte & OSP_RTE_LEVEL))
		io->irr_delivered |= BIT(pin);
	osp_ioapic_message(rte, &msg);
	r = osp_apic_bus_deliver(io->bus, NULL, &msg, NULL);
	if (r > 0 && (rte & OSP_RTE_LEVEL))
		io->rte[pin] |= OSP_RTE_REMOTE_IRR;
	if (pin == OSP_IOAPIC_RTC_PIN && line_status) {
		io->rtc_vector = msg.vector;
		io->rtc_pending = r < 0 ? 0 : r;
	}
	return r;
}

static int osp_ioapic_set_line(struct osp_ioapic *io, u32 pin, bool level,
			       bool line_status)
{
	u32 bit = BIT(pin), old = io->irr;

	if (!level) {
		io->irr &= ~bit;
		return 1;
	}
	/*
	 * Userspace that counts the RTC's ticks must learn which were lost,
	 * though they are edges: until the EOI of the last all are coalesced.
	 */
	if (pin == OSP_IOAPIC_RTC_PIN && line_status && io->rtc_pending)
		return 0;
	io->irr |= bit;
	if (!(io->rte[pin] & OSP_RTE_LEVEL)) {
		io->irr_delivered &= ~bit;
		if (old & bit)
			return 0;
	}
	return osp_ioapic_service(io, pin, line_status);
}

int osp_ioapic_set_irq(struct osp_ioapic *io, u32 pin, u32 source, bool level,
		       bool line_status)
{
	if (level)
		io->sources[pin] |= BIT(source);
	else
		io->sources[pin] &= ~BIT(source);
	return osp_ioapic_set_line(io, pin, io->sources[pin], line_status);
}

/* ---- end of interrupt ---- */

void osp_ioapic_update_watch(struct osp_ioapic *io)
{
	DECLARE_BITMAP(watch, 256) = { 0 };
	u32 pin;

	for (pin = 0; pin < OSP_IOAPIC_PINS; pin++) {
		u8 vector = OSP_RTE_VECTOR(io->rte[pin]);

		if ((io->rte[pin] & OSP_RTE_LEVEL) ||
		    (io->notify & BIT(pin)) || pin == OSP_IOAPIC_RTC_PIN)
			watch[vector / BITS_PER_LONG] |= BIT(vector % BITS_PER_LONG);
	}
	osp_apic_bus_watch_eois(io->bus, watch);
}

u32 osp_ioapic_eoi_pins(struct osp_ioapic *io, u8 vector)
{
	u32 pin, pins = 0;

	if (io->rtc_pending && vector == io->rtc_vector)
		io->rtc_pending--;
	for (pin = 0; pin < OSP_IOAPIC_PINS; pin++)
		if (OSP_RTE_VECTOR(io->rte[pin]) == vector)
			pins |= BIT(pin);
	return pins;
}

static void osp_ioapic_eoi_pin(struct osp_ioapic *io, u32 pin)
{
	io->rte[pin] &= ~OSP_RTE_REMOTE_IRR;
	if ((io->rte[pin] & OSP_RTE_MASKED) || !(io->irr & BIT(pin)) ||
	    !(io->rte[pin] & OSP_RTE_LEVEL)) {
		io->eoi_count[pin] = 0;
		return;
	}
	/*
	 * Hardware takes its time between EOI and the next message, which lets
	 * a guest that does not silence its device still make some progress.
	 */
	if (++io->eoi_count[pin] >= OSP_IOAPIC_STORM) {
		io->eoi_count[pin] = 0;
		io->delayed |= BIT(pin);
		return;
	}
	osp_ioapic_service(io, pin, false);
}

void osp_ioapic_eoi(struct osp_ioapic *io, u32 pins)
{
	for (; pins; pins &= pins - 1)
		osp_ioapic_eoi_pin(io, __ffs(pins));
}

void osp_ioapic_retry(struct osp_ioapic *io)
{
	u32 pins = io->delayed & io->irr;

	io->delayed = 0;
	for (; pins; pins &= pins - 1)
		if (io->rte[__ffs(pins)] & OSP_RTE_LEVEL)
			osp_ioapic_service(io, __ffs(pins), false);
}

/* ---- registers ---- */

static u32 osp_ioapic_read_window(const struct osp_ioapic *io)
{
	u32 pin;

	switch (io->regsel) {
	case OSP_IOAPIC_REG_VERSION:
		return OSP_IOAPIC_VERSION;
	case OSP_IOAPIC_REG_ID:
	case OSP_IOAPIC_REG_ARB:
		return (io->id & 0xf) << 24;
	default:
		break;
	}
	pin = (u32)(io->regsel - OSP_IOAPIC_REG_RTE) >> 1;
	if (pin >= OSP_IOAPIC_PINS)
		return ~0U;
	pin = array_index_nospec(pin, OSP_IOAPIC_PINS);
	return io->regsel & 1 ? io->rte[pin] >> 32 : io->rte[pin];
}

static void osp_ioapic_write_rte(struct osp_ioapic *io, u32 pin, bool high,
				 u32 val)
{
	u64 old = io->rte[pin], rte;

	if (high)
		rte = (old & 0xffffffffULL) | (u64)val << 32;
	else
		rte = (old & ~0xffffffffULL) | val;
	rte = (rte & ~OSP_RTE_READ_ONLY) | (old & OSP_RTE_READ_ONLY);
	/* Systems without EOI register switch to edge and back to clear it. */
	if (!(rte & OSP_RTE_LEVEL))
		rte &= ~OSP_RTE_REMOTE_IRR;
	io->rte[pin] = rte;
	if ((old & OSP_RTE_MASKED) && !(rte & OSP_RTE_MASKED))
		io->unmasked |= BIT(pin);
	if (pin == OSP_IOAPIC_RTC_PIN)
		io->rtc_pending = 0;
	osp_ioapic_update_watch(io);
	if ((rte & OSP_RTE_LEVEL) && (io->irr & BIT(pin)))
		osp_ioapic_service(io, pin, false);
}

static void osp_ioapic_write_window(struct osp_ioapic *io, u32 val)
{
	u32 pin = (u32)(io->regsel - OSP_IOAPIC_REG_RTE) >> 1;

	if (io->regsel == OSP_IOAPIC_REG_ID) {
		io->id = (val >> 24) & 0xf;
	} else if (io->regsel >= OSP_IOAPIC_REG_RTE && pin < OSP_IOAPIC_PINS) {
		pin = array_index_nospec(pin, OSP_IOAPIC_PINS);
		osp_ioapic_write_rte(io, pin, io->regsel & 1, val);
	}
}

u32 osp_ioapic_read(struct osp_ioapic *io, u32 offset)
{
	switch (offset & 0xff) {
	case OSP_IOREGSEL:
		return io->regsel;
	case OSP_IOWIN:
		return osp_ioapic_read_window(io);
	default:
		return 0;
	}
}

void osp_ioapic_write(struct osp_ioapic *io, u32 offset, u32 val)
{
	switch (offset & 0xff) {
	case OSP_IOREGSEL:
		io->regsel = val;
		break;
	case OSP_IOWIN:
		osp_ioapic_write_window(io, val);
		break;
	default:
		break;
	}
}

/* ---- life and state ---- */

void osp_ioapic_init(struct osp_ioapic *io, struct osp_apic_bus *bus)
{
	u32 pin;

	memset(io, 0, sizeof(*io));
	io->bus = bus;
	io->base_address = OSP_IOAPIC_BASE;
	for (pin = 0; pin < OSP_IOAPIC_PINS; pin++)
		io->rte[pin] = OSP_RTE_MASKED;
	osp_ioapic_update_watch(io);
}

/* Edges that were sent are not pending any more, though their lines be up. */
void osp_ioapic_get_state(const struct osp_ioapic *io,
			  struct kvm_ioapic_state *s)
{
	u32 pin;

	s->base_address = io->base_address;
	s->ioregsel = io->regsel;
	s->id = io->id;
	s->irr = io->irr & ~io->irr_delivered;
	s->pad = 0;
	for (pin = 0; pin < OSP_IOAPIC_PINS; pin++)
		s->redirtbl[pin].bits = io->rte[pin];
}

void osp_ioapic_set_state(struct osp_ioapic *io,
			  const struct kvm_ioapic_state *s)
{
	u32 pin;

	io->base_address = s->base_address;
	io->regsel = s->ioregsel;
	io->id = s->id;
	io->irr = 0;
	io->irr_delivered = 0;
	io->rtc_pending = 0;
	io->delayed = 0;
	for (pin = 0; pin < OSP_IOAPIC_PINS; pin++)
		io->rte[pin] = s->redirtbl[pin].bits;
	osp_ioapic_update_watch(io);
	for (pin = 0; pin < OSP_IOAPIC_PINS; pin++)
		if (s->irr & BIT(pin))
			osp_ioapic_set_line(io, pin, true, true);
}
