// SPDX-License-Identifier: GPL-2.0
/*
 * lpt.c - copy standard input to the first parallel port.
 *
 * The lab's serial ports keep their speed, so a table of all kernel symbols
 * takes minutes through them.  Bochs' parallel port writes a file and is as
 * fast as its three port writes a byte.  Runs in the lab's inner machine, as
 * root; the handshake is the Centronics one, without waiting: the printer is
 * a file.
 */
#include <stdio.h>
#include <sys/io.h>
#include <unistd.h>

#define LPT_DATA	0x378
#define LPT_CONTROL	0x37a

#define CONTROL_READY	0x0c	/* nInit and select */
#define CONTROL_STROBE	0x0d

static void send_byte(unsigned char byte)
{
	outb(byte, LPT_DATA);
	outb(CONTROL_STROBE, LPT_CONTROL);
	outb(CONTROL_READY, LPT_CONTROL);
}

int main(void)
{
	unsigned char buffer[65536];
	ssize_t got, i;

	if (ioperm(LPT_DATA, 3, 1) < 0) {
		perror("lpt: ioperm");
		return 1;
	}
	outb(CONTROL_READY, LPT_CONTROL);
	while ((got = read(0, buffer, sizeof(buffer))) > 0)
		for (i = 0; i < got; i++)
			send_byte(buffer[i]);
	if (got < 0)
		perror("lpt: read");
	return got < 0;
}
