/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ioapic.h - the 82093AA I/O APIC.
 *
 * Owns struct osp_ioapic.  Takes no locks: the caller (irqchip.c) holds the
 * irqchip's spinlock around every call.  Messages go to the bus of local
 * APICs, which needs no lock.
 *
 * Intel 82093AA data sheet (290566).
 */
#ifndef OSP_IOAPIC_H
#define OSP_IOAPIC_H

#include <linux/kvm.h>
#include "../plain.h"

#define OSP_IOAPIC_PINS		KVM_IOAPIC_NUM_PINS
#define OSP_IOAPIC_BASE		0xfec00000ULL
#define OSP_IOAPIC_SIZE		0x100
#define OSP_IOAPIC_RTC_PIN	8

/* Fields of a redirection table entry: 82093AA 3.2.4. */
#define OSP_RTE_VECTOR(e)	((e) & 0xff)
#define OSP_RTE_MODE(e)		(((e) >> 8) & 7)
#define OSP_RTE_LOGICAL		BIT_ULL(11)
#define OSP_RTE_STATUS		BIT_ULL(12)
#define OSP_RTE_REMOTE_IRR	BIT_ULL(14)
#define OSP_RTE_LEVEL		BIT_ULL(15)
#define OSP_RTE_MASKED		BIT_ULL(16)
#define OSP_RTE_DEST(e)		((e) >> 56)

struct osp_apic_bus;

/**
 * struct osp_ioapic - an I/O APIC
 * @bus:	where its messages go
 * @base_address: kept for KVM_GET_IRQCHIP; it is always OSP_IOAPIC_BASE
 * @rte:	redirection table
 * @id:		bits 27:24 of its ID register
 * @irr:	requests not yet lowered, a bit per pin
 * @irr_delivered: edges of @irr that were sent
 * @sources:	per pin, who holds the line up: a bit per source
 * @eoi_count:	level interrupts in a row that came back at once, per pin
 * @delayed:	pins held back as a storm until osp_ioapic_retry()
 * @notify:	edge pins whose EOI the caller wants to hear of all the same
 * @unmasked:	pins a write unmasked since the caller last cleared this
 * @rtc_pending: how many APICs still owe an EOI for the RTC's interrupt
 * @rtc_vector:	and for which vector
 * @regsel:	the selector
 */
struct osp_ioapic {
	struct osp_apic_bus *bus;
	u64 base_address;
	u64 rte[OSP_IOAPIC_PINS];
	u32 id;
	u32 irr;
	u32 irr_delivered;
	u32 delayed;
	u32 notify;
	u32 unmasked;
	u16 eoi_count[OSP_IOAPIC_PINS];
	u16 rtc_pending;
	u8 rtc_vector;
	u8 regsel;
	u8 sources[OSP_IOAPIC_PINS];
};

/**
 * osp_ioapic_init() - reset: all pins masked
 * @io:		cleared here
 * @bus:	where its messages go
 */
void osp_ioapic_init(struct osp_ioapic *io, struct osp_apic_bus *bus);

/**
 * osp_ioapic_set_irq() - a source moves a pin's line
 * @io:		the I/O APIC
 * @pin:	0 to 23
 * @source:	0 to 7; the line is high while any source holds it
 * @level:	up or down
 * @line_status: the caller wants to know (KVM_IRQ_LINE_STATUS): the RTC's
 *		interrupts are then coalesced until their EOI
 *
 * Return: as KVM: number of APICs reached, 0 coalesced, -1 masked.
 */
int osp_ioapic_set_irq(struct osp_ioapic *io, u32 pin, u32 source, bool level,
		       bool line_status);

/**
 * osp_ioapic_read() - the guest reads a register
 * @io:		the I/O APIC
 * @offset:	0: the selector, 10h: what is selected; others read as 0
 */
u32 osp_ioapic_read(struct osp_ioapic *io, u32 offset);

/**
 * osp_ioapic_write() - the guest writes a register
 * @io:		the I/O APIC; a pin whose line is up may be sent
 * @offset:	as for osp_ioapic_read()
 * @val:	all 32 bits
 */
void osp_ioapic_write(struct osp_ioapic *io, u32 offset, u32 val);

/**
 * osp_ioapic_eoi_pins() - which pins the end of an interrupt concerns
 * @io:		the I/O APIC
 * @vector:	what ended
 *
 * Between this and osp_ioapic_eoi() the caller may tell those who listen for
 * the end of an interrupt, so that they lower the line in time.
 */
u32 osp_ioapic_eoi_pins(struct osp_ioapic *io, u8 vector);

/**
 * osp_ioapic_eoi() - a local APIC broadcast an EOI for these level pins
 * @io:		the I/O APIC
 * @pins:	from osp_ioapic_eoi_pins()
 *
 * An interrupt that is still asserted is sent again, at most 10,000 times in
 * a row: then the pin joins @delayed.
 */
void osp_ioapic_eoi(struct osp_ioapic *io, u32 pins);

/**
 * osp_ioapic_retry() - send what was held back as a storm
 * @io:		the I/O APIC, some milliseconds after a pin joined @delayed
 */
void osp_ioapic_retry(struct osp_ioapic *io);

/**
 * osp_ioapic_update_watch() - let the bus watch the right EOIs
 * @io:		the I/O APIC; its @notify changed
 */
void osp_ioapic_update_watch(struct osp_ioapic *io);

/**
 * osp_ioapic_get_state() - KVM_GET_IRQCHIP
 * @io:		the I/O APIC
 * @s:		filled whole
 */
void osp_ioapic_get_state(const struct osp_ioapic *io,
			  struct kvm_ioapic_state *s);

/**
 * osp_ioapic_set_state() - KVM_SET_IRQCHIP
 * @io:		the I/O APIC; what @s has in irr is sent
 * @s:		any content is safe
 */
void osp_ioapic_set_state(struct osp_ioapic *io,
			  const struct kvm_ioapic_state *s);

#endif /* OSP_IOAPIC_H */
