// SPDX-License-Identifier: GPL-2.0
/*
 * reset.c - the reset control register of the PC's chipset, port 0xcf9.
 *
 * The FADT names it as the reset register.  The machine is reset when RST_CPU
 * goes from 0 to 1 (Intel ICH9 data sheet, 13.7.5).
 */
#include "acpi_pm.h"
#include "dev.h"

#define RST_CPU		BIT(2)
#define WRITABLE	0x0e

struct reset {
	struct device dev;
	u8 value;
};

static u32 reset_in(struct device *dev, u16 port, unsigned int size)
{
	(void)port;
	(void)size;
	return ~0xffU | ((struct reset *)dev)->value;
}

/*
 * Only byte writes: the port lies within the 32-bit PCI configuration address
 * at 0xcf8, whose probe must not be taken for a reset.
 */
static void reset_out(struct device *dev, u16 port, unsigned int size,
		      u32 value)
{
	struct reset *r = (struct reset *)dev;

	(void)port;
	if (size != 1)
		return;
	if ((value & RST_CPU) && !(r->value & RST_CPU))
		vm_end(dev->vm, END_RESET, "%s", "");
	r->value = value & WRITABLE;
}

static const struct device_ops reset_ops = {
	.name	= "reset",
	.size	= sizeof(struct reset),
	.ports	= { { RESET_PORT, 1 } },
	.in	= reset_in,
	.out	= reset_out,
};

REGISTER_DEVICE(reset_ops);
