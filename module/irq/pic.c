// SPDX-License-Identifier: GPL-2.0
/*
 * pic.c - the pair of 8259A interrupt controllers, the slave on the master's
 * IR2, as in the PIIX3.
 *
 * Owns the state of both.  Takes no locks: see pic.h.
 *
 * Intel 8259A data sheet (231468).  As in the PIIX3, ICW1's LTIM and SNGL are
 * without effect (edge or level is the ELCR's to say, and there are always
 * two), and the vectors are those of the 8086 mode.
 */
#include "pic.h"

#define OSP_PIC_MASTER		0
#define OSP_PIC_SLAVE		1
#define OSP_PIC_CASCADE		2	/* the master's pin of the slave */

/* Command port. */
#define OSP_ICW1		BIT(4)
#define   OSP_ICW1_IC4		  BIT(0)
#define OSP_OCW3		BIT(3)
#define   OSP_OCW3_RIS		  BIT(0)
#define   OSP_OCW3_RR		  BIT(1)
#define   OSP_OCW3_POLL		  BIT(2)
#define   OSP_OCW3_SMM		  BIT(5)
#define   OSP_OCW3_ESMM		  BIT(6)
/* Data port. */
#define OSP_ICW4_AEOI		BIT(1)
#define OSP_ICW4_SFNM		BIT(4)

/* OCW2 bits 7:5. */
enum {
	OSP_OCW2_ROTATE_AEOI_OFF	= 0,
	OSP_OCW2_EOI			= 1,
	OSP_OCW2_NOP			= 2,
	OSP_OCW2_EOI_SPECIFIC		= 3,
	OSP_OCW2_ROTATE_AEOI_ON		= 4,
	OSP_OCW2_ROTATE_EOI		= 5,
	OSP_OCW2_SET_PRIORITY		= 6,
	OSP_OCW2_ROTATE_EOI_SPECIFIC	= 7,
};

/* kvm_pic_state.init_state: which word the data port awaits. */
enum { OSP_PIC_READY, OSP_PIC_ICW2, OSP_PIC_ICW3, OSP_PIC_ICW4 };

static u32 osp_pic_which(const struct osp_pic *pic,
			 const struct kvm_pic_state *s)
{
	return s == &pic->chip[OSP_PIC_SLAVE];
}

/* ---- priorities ---- */

/* Distance of the highest request in @mask from the top: 8 if there is none. */
static u32 osp_pic_priority(const struct kvm_pic_state *s, u8 mask)
{
	u32 top = s->priority_add & 7;
	/* Rotated so that the pin of highest priority is bit 0. */
	u32 rotated = ((mask | mask << 8) >> top) & 0xff;

	return rotated ? __ffs(rotated) : 8;
}

/* The pin to be served now, or -1: beaten by what is in service, or none. */
static int osp_pic_request(const struct osp_pic *pic,
			   const struct kvm_pic_state *s)
{
	u32 wanted = osp_pic_priority(s, s->irr & ~s->imr);
	u8 serving = s->isr;

	if (wanted == 8)
		return -1;
	/* Special mask mode: masked levels in service don't hold others back. */
	if (s->special_mask)
		serving &= ~s->imr;
	/* Special fully nested mode: the slave may interrupt itself. */
	if (s->special_fully_nested_mode &&
	    osp_pic_which(pic, s) == OSP_PIC_MASTER)
		serving &= ~BIT(OSP_PIC_CASCADE);
	if (wanted >= osp_pic_priority(s, serving))
		return -1;
	return (wanted + s->priority_add) & 7;
}

/* ---- lines in, INTR out ---- */

static int osp_pic_set_line(struct kvm_pic_state *s, u32 pin, bool level)
{
	u8 bit = BIT(pin);
	int ret = 1;

	if (level && ((s->elcr & bit) || !(s->last_irr & bit))) {
		ret = !(s->irr & bit);
		s->irr |= bit;
	} else if (!level && (s->elcr & bit)) {
		s->irr &= ~bit;
	}
	if (level)
		s->last_irr |= bit;
	else
		s->last_irr &= ~bit;
	return s->imr & bit ? -1 : ret;
}

/* To be called whenever what is requested, masked or in service changed. */
static void osp_pic_update(struct osp_pic *pic)
{
	struct kvm_pic_state *master = &pic->chip[OSP_PIC_MASTER];
	struct kvm_pic_state *slave = &pic->chip[OSP_PIC_SLAVE];
	bool output;

	if (likely(!((master->irr & ~master->imr) | (slave->irr & ~slave->imr)))) {
		WRITE_ONCE(pic->output, false);
		return;
	}
	if (osp_pic_request(pic, slave) >= 0) {
		/*
		 * A pulse, not a level: in AEOI mode the slave's INT may not
		 * be seen to drop between two of its requests.
		 */
		osp_pic_set_line(master, OSP_PIC_CASCADE, true);
		osp_pic_set_line(master, OSP_PIC_CASCADE, false);
	}
	output = osp_pic_request(pic, master) >= 0;
	if (output && !pic->output)
		pic->rose = true;
	WRITE_ONCE(pic->output, output);
}

int osp_pic_set_irq(struct osp_pic *pic, u32 pin, u32 source, bool level)
{
	int ret;

	if (level)
		pic->sources[pin] |= BIT(source);
	else
		pic->sources[pin] &= ~BIT(source);
	ret = osp_pic_set_line(&pic->chip[pin >> 3], pin & 7,
			       pic->sources[pin]);
	osp_pic_update(pic);
	return ret;
}

/* ---- acknowledge and end ---- */

static void osp_pic_end(struct osp_pic *pic, struct kvm_pic_state *s, u32 pin)
{
	s->isr &= ~BIT(pin);
	pic->acked |= BIT(pin + 8 * osp_pic_which(pic, s));
}

static void osp_pic_ack_pin(struct osp_pic *pic, struct kvm_pic_state *s,
			    u32 pin)
{
	s->isr |= BIT(pin);
	if (!(s->elcr & BIT(pin)))
		s->irr &= ~BIT(pin);
	if (!s->auto_eoi)
		return;
	if (s->rotate_on_auto_eoi)
		s->priority_add = (pin + 1) & 7;
	osp_pic_end(pic, s, pin);
}

/* Acknowledge what a controller asks for; the spurious IR7 if that is gone. */
static u32 osp_pic_ack_chip(struct osp_pic *pic, u32 which)
{
	struct kvm_pic_state *s = &pic->chip[which];
	int pin = osp_pic_request(pic, s);

	if (pin < 0)
		return 7;
	osp_pic_ack_pin(pic, s, pin);
	return pin;
}

u8 osp_pic_intack(struct osp_pic *pic)
{
	u32 which = OSP_PIC_MASTER;
	bool cascade = osp_pic_request(pic, &pic->chip[OSP_PIC_MASTER]) ==
		       OSP_PIC_CASCADE;
	u32 pin = osp_pic_ack_chip(pic, OSP_PIC_MASTER);

	if (cascade) {
		which = OSP_PIC_SLAVE;
		pin = osp_pic_ack_chip(pic, OSP_PIC_SLAVE);
	}
	osp_pic_update(pic);
	return pic->chip[which].irq_base + pin;
}

/* ---- the guest's writes ---- */

static void osp_pic_icw1(struct osp_pic *pic, struct kvm_pic_state *s, u8 val)
{
	/* Whoever waits for the end of a forgotten interrupt is told. */
	u16 forgotten = s->isr | (s->irr & ~s->elcr);

	pic->acked |= forgotten << 8 * osp_pic_which(pic, s);
	s->init4 = val & OSP_ICW1_IC4;
	s->last_irr = 0;
	s->irr &= s->elcr;
	s->imr = 0;
	s->isr = 0;
	s->priority_add = 0;
	s->special_mask = 0;
	s->read_reg_select = 0;
	s->poll = 0;
	if (!s->init4) {
		s->special_fully_nested_mode = 0;
		s->auto_eoi = 0;
	}
	s->init_state = OSP_PIC_ICW2;
}

/* The pin that a non-specific EOI ends, or -1. */
static int osp_pic_nonspecific(const struct kvm_pic_state *s)
{
	u32 prio = osp_pic_priority(s, s->special_mask ? s->isr & ~s->imr :
							 s->isr);

	return prio == 8 ? -1 : (int)((prio + s->priority_add) & 7);
}

static void osp_pic_ocw2(struct osp_pic *pic, struct kvm_pic_state *s, u8 val)
{
	u32 cmd = val >> 5;
	int pin = val & 7;

	switch (cmd) {
	case OSP_OCW2_ROTATE_AEOI_OFF:
	case OSP_OCW2_ROTATE_AEOI_ON:
		s->rotate_on_auto_eoi = cmd == OSP_OCW2_ROTATE_AEOI_ON;
		return;
	case OSP_OCW2_NOP:
		return;
	case OSP_OCW2_SET_PRIORITY:
		s->priority_add = (pin + 1) & 7;
		return;
	case OSP_OCW2_EOI:
	case OSP_OCW2_ROTATE_EOI:
		pin = osp_pic_nonspecific(s);
		if (pin < 0)
			return;
		break;
	default:
		break;
	}
	if (cmd == OSP_OCW2_ROTATE_EOI || cmd == OSP_OCW2_ROTATE_EOI_SPECIFIC)
		s->priority_add = (pin + 1) & 7;
	osp_pic_end(pic, s, pin);
}

static void osp_pic_ocw3(struct kvm_pic_state *s, u8 val)
{
	if (val & OSP_OCW3_POLL)
		s->poll = 1;
	if (val & OSP_OCW3_RR)
		s->read_reg_select = val & OSP_OCW3_RIS;
	if (val & OSP_OCW3_ESMM)
		s->special_mask = !!(val & OSP_OCW3_SMM);
}

static void osp_pic_write_data(struct osp_pic *pic, struct kvm_pic_state *s,
			       u8 val)
{
	switch (s->init_state) {
	case OSP_PIC_ICW2:
		s->irq_base = val & 0xf8;
		s->init_state = OSP_PIC_ICW3;
		break;
	case OSP_PIC_ICW3:
		s->init_state = s->init4 ? OSP_PIC_ICW4 : OSP_PIC_READY;
		break;
	case OSP_PIC_ICW4:
		s->special_fully_nested_mode = !!(val & OSP_ICW4_SFNM);
		s->auto_eoi = !!(val & OSP_ICW4_AEOI);
		s->init_state = OSP_PIC_READY;
		break;
	default:	/* OCW1 */
		pic->unmasked |= (s->imr & ~val) << 8 * osp_pic_which(pic, s);
		s->imr = val;
		break;
	}
}

static struct kvm_pic_state *osp_pic_chip(struct osp_pic *pic, u16 port)
{
	return &pic->chip[port >> 7 & 1];	/* 20h, A0h */
}

void osp_pic_write(struct osp_pic *pic, u16 port, u8 val)
{
	struct kvm_pic_state *s = osp_pic_chip(pic, port);

	if (port >= 0x4d0) {
		s = &pic->chip[port & 1];
		s->elcr = val & s->elcr_mask;
		return;
	}
	if (port & 1)
		osp_pic_write_data(pic, s, val);
	else if (val & OSP_ICW1)
		osp_pic_icw1(pic, s, val);
	else if (val & OSP_OCW3)
		osp_pic_ocw3(s, val);
	else
		osp_pic_ocw2(pic, s, val);
	osp_pic_update(pic);
}

/* ---- and reads ---- */

/* The poll command makes the next read an INTA cycle: bit 7, and the level. */
static u8 osp_pic_poll(struct osp_pic *pic, struct kvm_pic_state *s)
{
	int pin = osp_pic_request(pic, s);

	s->poll = 0;
	if (pin < 0)
		return 0;
	osp_pic_ack_pin(pic, s, pin);
	osp_pic_update(pic);
	return 0x80 | pin;
}

u8 osp_pic_read(struct osp_pic *pic, u16 port)
{
	struct kvm_pic_state *s = osp_pic_chip(pic, port);

	if (port >= 0x4d0)
		return READ_ONCE(pic->chip[port & 1].elcr);
	if (unlikely(osp_pic_polled(pic, port)))
		return osp_pic_poll(pic, s);
	if (port & 1)
		return READ_ONCE(s->imr);
	return s->read_reg_select ? READ_ONCE(s->isr) : READ_ONCE(s->irr);
}

/* ---- life and state ---- */

void osp_pic_init(struct osp_pic *pic)
{
	memset(pic, 0, sizeof(*pic));
	/* Timer, keyboard, cascade; RTC and FPU: always edge triggered. */
	pic->chip[OSP_PIC_MASTER].elcr_mask = 0xf8;
	pic->chip[OSP_PIC_SLAVE].elcr_mask = 0xde;
}

void osp_pic_get_state(const struct osp_pic *pic, u32 which,
		       struct kvm_pic_state *s)
{
	*s = pic->chip[which & 1];
}

void osp_pic_set_state(struct osp_pic *pic, u32 which,
		       const struct kvm_pic_state *s)
{
	pic->chip[which & 1] = *s;
	osp_pic_update(pic);
}
