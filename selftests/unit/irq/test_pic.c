// SPDX-License-Identifier: GPL-2.0
/*
 * test_pic.c - the 8259A pair, against its data sheet.
 */
#include "machine.h"
#include "tap.h"

static struct osp_pic pic;

static void out(u16 port, u8 val)
{
	osp_pic_write(&pic, port, val);
}

static u8 in(u16 port)
{
	return osp_pic_read(&pic, port);
}

static int irq(u32 pin, bool level)
{
	return osp_pic_set_irq(&pic, pin, 0, level);
}

static void pulse(u32 pin)
{
	irq(pin, true);
	irq(pin, false);
}

static u8 isr(u16 port)
{
	out(port, 0x0b);
	return in(port);
}

static u8 irr(u16 port)
{
	out(port, 0x0a);
	return in(port);
}

/* As a PC's firmware does: vectors 20h and 28h, normal EOI; @icw4 for both. */
static void setup(u8 icw4)
{
	osp_pic_init(&pic);
	out(0x20, 0x11);
	out(0x21, 0x20);
	out(0x21, 0x04);
	out(0x21, icw4);
	out(0xa0, 0x11);
	out(0xa1, 0x28);
	out(0xa1, 0x02);
	out(0xa1, icw4);
}

static void test_reset(void)
{
	struct kvm_pic_state s;

	osp_pic_init(&pic);
	osp_pic_get_state(&pic, 0, &s);
	IS(s.elcr_mask, 0xf8, "master's ELCR bits");
	osp_pic_get_state(&pic, 1, &s);
	IS(s.elcr_mask, 0xde, "slave's ELCR bits");
	OK(!pic.output, "INTR is low");
	IS(in(0x21), 0, "no pin is masked");
}

static void test_basic(void)
{
	setup(1);
	IS(irq(3, true), 1, "a new request");
	OK(pic.output && pic.rose, "INTR rises");
	IS(irr(0x20), 0x08, "IRR");
	IS(osp_pic_intack(&pic), 0x23, "vector");
	OK(!pic.output, "INTR falls");
	IS(irr(0x20), 0, "the edge is consumed");
	IS(isr(0x20), 0x08, "in service");
	irq(3, false);
	IS(irq(3, true), 1, "a second edge while in service");
	OK(!pic.output, "waits");
	IS(irq(3, true), 1, "high already: no edge, nothing is lost");
	out(0x20, 0x20);
	OK(pic.output, "EOI lets it in");
	IS(pic.acked, 0x08, "and is reported");
	irq(3, false);
	irq(3, true);
	IS(irq(3, false), 1, "lowered");
	IS(irq(3, true), 0, "an edge onto one that is pending is coalesced");
	IS(osp_pic_intack(&pic), 0x23, "its vector");
	out(0x20, 0x20);
	out(0x21, 0x08);
	irq(3, false);
	IS(irq(3, true), -1, "masked");
	OK(!pic.output, "does not raise INTR");
	out(0x21, 0x00);
	OK(pic.output, "but is remembered");
	IS(pic.unmasked, 0x08, "unmasking is reported");
}

static void test_priority(void)
{
	setup(1);
	pulse(5);
	pulse(1);
	pulse(6);
	IS(osp_pic_intack(&pic), 0x21, "IR1 before IR5");
	OK(!pic.output, "lower ones wait");
	pulse(0);
	OK(pic.output, "a higher one nests");
	IS(osp_pic_intack(&pic), 0x20, "IR0");
	IS(isr(0x20), 0x03, "both in service");
	out(0x20, 0x20);
	IS(isr(0x20), 0x02, "non-specific EOI ends the highest");
	out(0x20, 0x61);
	IS(isr(0x20), 0x00, "specific EOI");
	IS(osp_pic_intack(&pic), 0x25, "IR5");
	out(0x20, 0x20);
	IS(osp_pic_intack(&pic), 0x26, "IR6");
}

static void test_rotation(void)
{
	setup(1);
	out(0x20, 0xc3);	/* IR3 is lowest, IR4 highest */
	pulse(3);
	pulse(4);
	pulse(1);
	IS(osp_pic_intack(&pic), 0x24, "set priority: IR4 is highest");
	out(0x20, 0x20);
	IS(osp_pic_intack(&pic), 0x21, "then IR1");
	out(0x20, 0xa0);	/* rotate on non-specific EOI: IR1 lowest */
	IS(isr(0x20), 0, "ended");
	pulse(1);
	IS(osp_pic_intack(&pic), 0x23, "rotated: IR3 before IR1");
	out(0x20, 0xe3);	/* rotate on specific EOI: IR3 lowest */
	pulse(3);
	IS(osp_pic_intack(&pic), 0x21, "rotated: IR1 before IR3");
	out(0x20, 0x40);	/* no operation */
	IS(isr(0x20), 0x02, "no operation changes nothing");
}

static void test_auto_eoi(void)
{
	setup(3);
	pulse(2 + 1);
	IS(osp_pic_intack(&pic), 0x23, "AEOI");
	IS(isr(0x20), 0, "nothing in service");
	OK(pic.acked & 0x08, "the end is reported");
	out(0x20, 0x80);	/* rotate in AEOI mode */
	pulse(0);
	IS(osp_pic_intack(&pic), 0x20, "IR0");
	pulse(0);
	pulse(1);
	IS(osp_pic_intack(&pic), 0x21, "rotated: IR1 first");
	out(0x20, 0x00);
	IS(osp_pic_intack(&pic), 0x20, "then IR0");
	pulse(8);
	pulse(9);
	IS(osp_pic_intack(&pic), 0x28, "slave in AEOI mode");
	OK(pic.output, "its second request is not lost");
	IS(osp_pic_intack(&pic), 0x29, "and served");
}

static void test_slave(void)
{
	setup(1);
	pulse(12);
	IS(irr(0xa0), 0x10, "slave's IRR");
	IS(osp_pic_intack(&pic), 0x2c, "slave's vector");
	IS(isr(0xa0), 0x10, "in service in the slave");
	IS(isr(0x20), 0x04, "and in the master");
	pulse(9);
	OK(!pic.output, "master: a higher one of the slave does not nest");
	out(0xa0, 0x20);
	out(0x20, 0x20);
	IS(osp_pic_intack(&pic), 0x29, "it comes after both EOIs");
	IS(pic.acked & 0x1000, 0x1000, "the slave's EOI is reported");
}

static void test_special_fully_nested(void)
{
	setup(1);
	out(0x20, 0x11);
	out(0x21, 0x20);
	out(0x21, 0x04);
	out(0x21, 0x11);
	pulse(12);
	osp_pic_intack(&pic);
	pulse(9);
	OK(pic.output, "the slave may interrupt itself");
	IS(osp_pic_intack(&pic), 0x29, "nested");
}

static void test_special_mask(void)
{
	setup(1);
	pulse(1);
	osp_pic_intack(&pic);
	pulse(4);
	OK(!pic.output, "IR4 waits for IR1");
	out(0x20, 0x68);	/* set special mask mode */
	OK(!pic.output, "special mask mode alone changes nothing");
	out(0x21, 0x02);
	OK(pic.output, "with IR1 masked, IR4 comes");
	IS(osp_pic_intack(&pic), 0x24, "IR4");
	out(0x20, 0x20);
	IS(isr(0x20), 0x02, "non-specific EOI leaves the masked level");
	out(0x20, 0x61);
	IS(isr(0x20), 0x00, "a specific one ends it");
	out(0x20, 0x48);
	IS(pic.chip[0].special_mask, 0, "reset special mask mode");
}

static void test_level(void)
{
	setup(1);
	out(0x4d0, 0xff);
	out(0x4d1, 0xff);
	IS(in(0x4d0), 0xf8, "ELCR: timer, keyboard, cascade are edges");
	IS(in(0x4d1), 0xde, "RTC and FPU too");
	irq(5, true);
	IS(irq(5, true), 0, "a level that is up: coalesced");
	IS(osp_pic_intack(&pic), 0x25, "level");
	IS(irr(0x20), 0x20, "stays requested");
	out(0x20, 0x20);
	OK(pic.output, "and comes again");
	irq(5, false);
	OK(!pic.output, "until lowered");
	osp_pic_set_irq(&pic, 5, 0, true);
	osp_pic_set_irq(&pic, 5, 1, true);
	osp_pic_set_irq(&pic, 5, 0, false);
	OK(pic.output, "two sources are ORed");
	osp_pic_set_irq(&pic, 5, 1, false);
	OK(!pic.output, "gone with the last");
}

static void test_spurious(void)
{
	setup(1);
	IS(osp_pic_intack(&pic), 0x27, "nothing requested: IR7");
	IS(isr(0x20), 0, "without a bit in ISR");
	out(0x4d1, 0x04);
	irq(10, true);
	irq(10, false);
	IS(osp_pic_intack(&pic), 0x2f, "slave's request gone: IR7 of the slave");
	IS(isr(0x20), 0x04, "the master has IR2 in service");
	IS(isr(0xa0), 0, "the slave nothing");
}

static void test_poll(void)
{
	setup(1);
	pulse(6);
	out(0x20, 0x0c);
	IS(in(0x20), 0x86, "poll: bit 7 and the level");
	IS(isr(0x20), 0x40, "acts as INTA");
	OK(!pic.output, "INTR falls");
	IS(in(0x21), 0, "for one read only");
	out(0x20, 0x0c);
	IS(in(0x20), 0, "nothing to poll: bit 7 clear");
}

static void test_init_again(void)
{
	setup(1);
	out(0x21, 0xff);
	pulse(3);
	out(0x20, 0x11);
	IS(in(0x21), 0, "ICW1 clears the mask");
	IS(irr(0x20), 0, "and edges that were pending");
	OK(!pic.output, "INTR is low");
	OK(pic.acked & 0x08, "who waits for their end is told");
	out(0x21, 0x43);
	out(0x21, 0x04);
	out(0x21, 0x01);
	pulse(1);
	IS(osp_pic_intack(&pic), 0x41, "ICW2: bits 7:3 of the vector");
	out(0x20, 0x10);	/* without ICW4 */
	out(0x21, 0x50);
	out(0x21, 0x04);
	out(0x21, 0x5a);
	IS(in(0x21), 0x5a, "without ICW4 the next byte is the mask");
	IS(pic.chip[0].auto_eoi, 0, "and AEOI is off");
}

static void test_state(void)
{
	struct kvm_pic_state s, t;

	setup(1);
	out(0x20, 0xc1);
	pulse(4);
	osp_pic_get_state(&pic, 0, &s);
	IS(s.irr, 0x10, "irr");
	IS(s.irq_base, 0x20, "irq_base");
	IS(s.priority_add, 2, "priority_add");
	osp_pic_init(&pic);
	osp_pic_set_state(&pic, 0, &s);
	OK(pic.output, "INTR follows the state");
	osp_pic_get_state(&pic, 0, &t);
	OK(!memcmp(&s, &t, sizeof(s)), "comes back as it was set");
	IS(osp_pic_intack(&pic), 0x24, "and works");
}

int main(void)
{
	test_reset();
	test_basic();
	test_priority();
	test_rotation();
	test_auto_eoi();
	test_slave();
	test_special_fully_nested();
	test_special_mask();
	test_level();
	test_spurious();
	test_poll();
	test_init_again();
	test_state();
	return END();
}
