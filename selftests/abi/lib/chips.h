/* SPDX-License-Identifier: GPL-2.0 */
/*
 * chips.h - the PIC pair and the I/O APIC, as guests program them.
 */
#ifndef ABI_CHIPS_H
#define ABI_CHIPS_H

#include "guest.h"

#define PIC_MASTER	0x20	/* ports; the masks are at the next one */
#define PIC_SLAVE	0xa0
#define PIC_VECTOR	0x20	/* of IRQ 0 */

/* Initialize both, in 8086 mode and what else @icw4 says, with these masks. */
static inline void pic_init(u8 icw4, u8 master_mask, u8 slave_mask)
{
	outb(PIC_MASTER, 0x11);
	outb(PIC_MASTER + 1, PIC_VECTOR);
	outb(PIC_MASTER + 1, 0x04);
	outb(PIC_MASTER + 1, 0x01 | icw4);
	outb(PIC_SLAVE, 0x11);
	outb(PIC_SLAVE + 1, PIC_VECTOR + 8);
	outb(PIC_SLAVE + 1, 0x02);
	outb(PIC_SLAVE + 1, 0x01 | (icw4 & 0x02));
	outb(PIC_MASTER + 1, master_mask);
	outb(PIC_SLAVE + 1, slave_mask);
}

#define IOAPIC(off)	(*(volatile u32 *)(0xfec00000ul + (off)))
#define IOAPIC_RTE(pin)	(0x10 + 2 * (pin))
#define IOAPIC_LEVEL	0x8000

static inline u32 ioapic_read(u32 index)
{
	IOAPIC(0) = index;
	return IOAPIC(0x10);
}

static inline void ioapic_write(u32 index, u32 val)
{
	IOAPIC(0) = index;
	IOAPIC(0x10) = val;
}

/* To vCPU 0: @entry is the low half. */
static inline void ioapic_route(u32 pin, u32 entry)
{
	ioapic_write(IOAPIC_RTE(pin) + 1, 0);
	ioapic_write(IOAPIC_RTE(pin), entry);
}

#endif
