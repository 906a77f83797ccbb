/* SPDX-License-Identifier: GPL-2.0 */
/*
 * apic_msg.h - an interrupt message on its way to local APICs.
 *
 * What an I/O APIC pin, an MSI, or a write to an ICR asks of the local APICs,
 * in one small structure: who is meant (dest, logical, shorthand), what is to
 * be done (mode, vector) and how (level or edge, asserted or not).
 *
 * SDM 3A 11.6.1 (ICR), 11.11 (MSI); 82093AA 3.2.4 (redirection table).
 */
#ifndef OSP_APIC_MSG_H
#define OSP_APIC_MSG_H

#include "../plain.h"

/* Delivery modes, as they stand in bits 10:8 of ICR, LVT, RTE and MSI data. */
enum osp_apic_mode {
	OSP_APIC_FIXED		= 0,
	OSP_APIC_LOWEST		= 1,
	OSP_APIC_SMI		= 2,
	OSP_APIC_REMOTE_READ	= 3,	/* reserved on all current CPUs */
	OSP_APIC_NMI		= 4,
	OSP_APIC_INIT		= 5,
	OSP_APIC_STARTUP	= 6,
	OSP_APIC_EXTINT		= 7,
};

/* Destination shorthands, as they stand in bits 19:18 of the ICR. */
enum osp_apic_shorthand {
	OSP_APIC_NO_SHORTHAND	= 0,
	OSP_APIC_SELF		= 1,
	OSP_APIC_ALL		= 2,
	OSP_APIC_ALL_BUT_SELF	= 3,
};

#define OSP_XAPIC_BROADCAST	0xffU
#define OSP_X2APIC_BROADCAST	0xffffffffU

/**
 * struct osp_apic_msg - one interrupt message
 * @dest:	APIC ID or logical destination
 * @vector:	0 to 255
 * @mode:	enum osp_apic_mode
 * @shorthand:	enum osp_apic_shorthand; only of use with a source APIC
 * @logical:	destination mode: logical, else physical
 * @level:	level triggered, else edge
 * @assert:	the line is asserted; false only for level de-assert messages
 * @lowest_hint: MSI redirection hint: any one of the destinations will do
 */
struct osp_apic_msg {
	u32 dest;
	u8 vector;
	u8 mode;
	u8 shorthand;
	bool logical;
	bool level;
	bool assert;
	bool lowest_hint;
};

/**
 * osp_apic_msg_from_msi() - decode an MSI address and data pair
 * @msg:	filled whole
 * @address_lo:	SDM 3A 11.11.1
 * @address_hi:	bits 31:8 of the destination, as KVM_X2APIC_API_USE_32BIT_IDS
 *		has them; the SDM knows destinations of 8 bits only
 * @data:	SDM 3A 11.11.2
 */
static inline void osp_apic_msg_from_msi(struct osp_apic_msg *msg,
					 u32 address_lo, u32 address_hi,
					 u32 data)
{
	msg->dest = ((address_lo >> 12) & 0xff) | (address_hi & ~0xffU);
	msg->logical = address_lo & BIT(2);
	msg->lowest_hint = address_lo & BIT(3);
	msg->vector = data & 0xff;
	msg->mode = (data >> 8) & 7;
	msg->level = data & BIT(15);
	msg->assert = true;
	msg->shorthand = OSP_APIC_NO_SHORTHAND;
}

#endif /* OSP_APIC_MSG_H */
