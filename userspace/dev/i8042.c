// SPDX-License-Identifier: GPL-2.0
/*
 * i8042.c - as much of the PC's keyboard controller as resets the machine.
 *
 * There is no keyboard, and the FADT says there is no 8042; but a guest that
 * wants to reset pulses the CPU's reset line through port 0x64 in the end.  The
 * status reads as "ready for a command, nothing to read", or the guest would
 * wait a long time before each try.
 */
#include "dev.h"

#define PORT_STATUS	0x64
#define CMD_PULSE_RESET	0xfe

struct i8042 {
	struct device dev;
};

static u32 i8042_in(struct device *dev, u16 port, unsigned int size)
{
	(void)dev;
	(void)port;
	(void)size;
	return ~0xffU;
}

static void i8042_out(struct device *dev, u16 port, unsigned int size,
		      u32 value)
{
	(void)port;
	(void)size;
	if ((value & 0xff) == CMD_PULSE_RESET)
		vm_end(dev->vm, END_RESET, "%s", "");
}

static const struct device_ops i8042_ops = {
	.name	= "i8042",
	.size	= sizeof(struct i8042),
	.ports	= { { PORT_STATUS, 1 } },
	.in	= i8042_in,
	.out	= i8042_out,
};

REGISTER_DEVICE(i8042_ops);
