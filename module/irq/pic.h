/* SPDX-License-Identifier: GPL-2.0 */
/*
 * pic.h - the pair of 8259A interrupt controllers of a PC.
 *
 * Owns struct osp_pic.  Takes no locks: the caller (irqchip.c) holds the
 * irqchip's spinlock around every call, but for reading @output.
 *
 * Intel 8259A data sheet (231468); edge/level registers of the PIIX3.
 */
#ifndef OSP_PIC_H
#define OSP_PIC_H

#include <linux/kvm.h>
#include "../plain.h"

#define OSP_PIC_PINS		16

/**
 * struct osp_pic - both controllers
 * @chip:	master and slave, in the layout of KVM_GET_IRQCHIP
 * @sources:	per pin, who holds the line up: a bit per source
 * @output:	INTR, the master's output; may be read without the lock
 * @rose:	INTR went up since the caller last cleared this
 * @acked:	pins that saw an EOI since the caller last cleared this
 * @unmasked:	pins a write unmasked since the caller last cleared this
 */
struct osp_pic {
	struct kvm_pic_state chip[2];
	u8 sources[OSP_PIC_PINS];
	bool output;
	bool rose;
	u16 acked;
	u16 unmasked;
};

/**
 * osp_pic_init() - power on
 * @pic:	cleared here
 */
void osp_pic_init(struct osp_pic *pic);

/**
 * osp_pic_set_irq() - a source moves a pin's line
 * @pic:	the pair
 * @pin:	0 to 15
 * @source:	0 to 7; the line is high while any source holds it
 * @level:	up or down
 *
 * Return: 1 a new request, 0 coalesced with one still pending, -1 masked.
 */
int osp_pic_set_irq(struct osp_pic *pic, u32 pin, u32 source, bool level);

/**
 * osp_pic_polled() - is the next read of this port a poll?
 * @pic:	the pair; the lock is not needed
 * @port:	as for osp_pic_read()
 */
static inline bool osp_pic_polled(const struct osp_pic *pic, u16 port)
{
	return READ_ONCE(pic->chip[port >> 7 & 1].poll) && port < 0x4d0;
}

/**
 * osp_pic_read() - the guest reads a port
 * @pic:	the pair; if it is no poll, the lock is not needed
 * @port:	20h, 21h, A0h, A1h, 4D0h or 4D1h, nothing else
 */
u8 osp_pic_read(struct osp_pic *pic, u16 port);

/**
 * osp_pic_write() - the guest writes a port
 * @pic:	the pair
 * @port:	as for osp_pic_read()
 * @val:	the byte
 */
void osp_pic_write(struct osp_pic *pic, u16 port, u8 val);

/**
 * osp_pic_intack() - the CPU's INTA cycle
 * @pic:	the pair
 *
 * Return: the vector; IR7's, the spurious one, if nothing is requested.
 */
u8 osp_pic_intack(struct osp_pic *pic);

/**
 * osp_pic_get_state() - KVM_GET_IRQCHIP
 * @pic:	the pair
 * @which:	0 master, 1 slave
 * @s:		filled whole
 */
void osp_pic_get_state(const struct osp_pic *pic, u32 which,
		       struct kvm_pic_state *s);

/**
 * osp_pic_set_state() - KVM_SET_IRQCHIP
 * @pic:	the pair; INTR follows
 * @which:	0 master, 1 slave
 * @s:		any content is safe
 */
void osp_pic_set_state(struct osp_pic *pic, u32 which,
		       const struct kvm_pic_state *s);

#endif /* OSP_PIC_H */
