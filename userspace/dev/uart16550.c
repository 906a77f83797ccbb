// SPDX-License-Identifier: GPL-2.0
/*
 * uart16550.c - the serial port COM1: a 16550A at 0x3f8, GSI 4.
 *
 * The guest's console.  What it sends goes to the terminal at once, so the
 * transmitter is empty at each look.  Only the interrupt for that is held back
 * until the guest looks at the UART again, or to the next tick: a driver fills
 * the 16 bytes of the FIFO in one go and reads IIR after it, and so never pays
 * for an interrupt line that goes up and down within its own handler.
 *
 * Input is taken from the terminal only as fast as the guest reads it, and not
 * before it shows that it wants any: a driver empties the FIFO when it opens
 * the port, and what was typed (or piped) before would be lost.
 *
 * Follows the data sheet of the NS PC16550D; OUT2 gates the interrupt, as on
 * the PC's serial card.
 */
#include <string.h>

#include "../term.h"
#include "dev.h"

#define COM1_BASE	0x3f8
#define COM1_GSI	4
#define FIFO_SIZE	16

/* Registers by offset; RBR, THR, IER share theirs with the divisor latch */
#define REG_DATA	0
#define REG_IER		1
#define   IER_RDI		BIT(0)	/* received data available */
#define   IER_THRI		BIT(1)	/* transmitter holding reg. empty */
#define   IER_RLSI		BIT(2)	/* receiver line status */
#define   IER_MSI		BIT(3)	/* modem status */
#define REG_IIR		2	/* read */
#define   IIR_NONE		0x01
#define   IIR_MSI		0x00
#define   IIR_THRI		0x02
#define   IIR_RDI		0x04
#define   IIR_RLSI		0x06
#define   IIR_TIMEOUT		0x0c
#define   IIR_FIFO_ON		0xc0
#define REG_FCR		2	/* write */
#define   FCR_ENABLE		BIT(0)
#define   FCR_CLEAR_RX		BIT(1)
#define   FCR_TRIGGER_SHIFT	6
#define REG_LCR		3
#define   LCR_DLAB		BIT(7)
#define REG_MCR		4
#define   MCR_DTR		BIT(0)
#define   MCR_RTS		BIT(1)
#define   MCR_OUT1		BIT(2)
#define   MCR_OUT2		BIT(3)
#define   MCR_LOOP		BIT(4)
#define   MCR_MASK		0x1f
#define REG_LSR		5
#define   LSR_DR		BIT(0)	/* data ready */
#define   LSR_OE		BIT(1)	/* overrun */
#define   LSR_THRE		BIT(5)
#define   LSR_TEMT		BIT(6)
#define REG_MSR		6
#define   MSR_CTS		BIT(4)
#define   MSR_DSR		BIT(5)
#define   MSR_RI		BIT(6)
#define   MSR_DCD		BIT(7)
#define REG_SCR		7

/* So many looks at LSR with nothing else between: the guest polls for input */
#define POLLS_FOR_INPUT	16

struct uart {
	struct device dev;
	u8 ier, fcr, lcr, mcr, scr;
	u8 dll, dlm;
	u8 msr_delta;		/* low half of MSR: changes since last read */
	u8 msr_lines;		/* high half, as last looked at */
	bool overrun;
	bool thre;		/* THRE interrupt pending */
	bool sent;		/* ... will be, when the guest looks again */
	bool line;		/* level of our interrupt line */
	bool listening;		/* the guest wants input */
	bool starved;		/* we told the event loop there is no room */
	unsigned int polls;
	u8 rx[FIFO_SIZE];
	unsigned int rx_len;
};

static const u8 rx_trigger[4] = { 1, 4, 8, 14 };

/* Modem lines: from our own outputs in loopback mode, else all there. */
static u8 modem_lines(const struct uart *u)
{
	u8 msr = 0;

	if (!(u->mcr & MCR_LOOP))
		return MSR_CTS | MSR_DSR | MSR_DCD;
	if (u->mcr & MCR_RTS)
		msr |= MSR_CTS;
	if (u->mcr & MCR_DTR)
		msr |= MSR_DSR;
	if (u->mcr & MCR_OUT1)
		msr |= MSR_RI;
	if (u->mcr & MCR_OUT2)
		msr |= MSR_DCD;
	return msr;
}

/* The highest of the pending and enabled interrupts, as IIR shows it. */
static u8 interrupt_id(const struct uart *u)
{
	bool fifo = u->fcr & FCR_ENABLE;
	unsigned int trigger;

	if ((u->ier & IER_RLSI) && u->overrun)
		return IIR_RLSI;
	if ((u->ier & IER_RDI) && u->rx_len) {
		trigger = fifo ? rx_trigger[u->fcr >> FCR_TRIGGER_SHIFT] : 1;
		/* Nothing more is on the wire: the timeout is at once. */
		return u->rx_len >= trigger ? IIR_RDI : IIR_TIMEOUT;
	}
	if ((u->ier & IER_THRI) && u->thre)
		return IIR_THRI;
	if ((u->ier & IER_MSI) && u->msr_delta)
		return IIR_MSI;
	return IIR_NONE;
}

static void update_line(struct uart *u)
{
	bool level = interrupt_id(u) != IIR_NONE && (u->mcr & MCR_OUT2) &&
		     !(u->mcr & MCR_LOOP);

	if (level == u->line)
		return;
	u->line = level;
	vm_irq_line(u->dev.vm, COM1_GSI, level);
}

static void update_modem(struct uart *u)
{
	u8 lines = modem_lines(u);
	u8 changed = lines ^ u->msr_lines;

	/* The ring indicator's bit tells only of its trailing edge. */
	if (lines & MSR_RI)
		changed &= ~MSR_RI;
	u->msr_delta |= changed >> 4;
	u->msr_lines = lines;
}

static void receive(struct uart *u, u8 byte)
{
	unsigned int room = u->fcr & FCR_ENABLE ? FIFO_SIZE : 1;

	if (u->rx_len < room) {
		u->rx[u->rx_len++] = byte;
		return;
	}
	u->overrun = true;
	if (!(u->fcr & FCR_ENABLE))
		u->rx[0] = byte;	/* without FIFO the new one stays */
}

static u8 read_data(struct uart *u)
{
	u8 byte = u->rx_len ? u->rx[0] : 0;

	if (u->rx_len)
		memmove(u->rx, u->rx + 1, --u->rx_len);
	if (!u->rx_len && u->starved) {
		u->starved = false;
		vm_wake(u->dev.vm);
	}
	return byte;
}

static void write_data(struct uart *u, u8 byte)
{
	u->thre = false;
	u->sent = true;
	if (u->mcr & MCR_LOOP) {
		receive(u, byte);
		return;
	}
	if (term_put(byte, &u->dev.vm->leave))
		vm_want_tick(u->dev.vm);
	if (u->ier & IER_THRI)
		device_wants_tick(&u->dev, 0);
}

/* The guest looks again: by now the bytes it wrote have been sent. */
static void finish_sending(struct uart *u)
{
	if (u->sent) {
		u->sent = false;
		u->thre = true;
	}
}

static void start_listening(struct uart *u)
{
	if (u->listening)
		return;
	u->listening = true;
	vm_wake(u->dev.vm);
}

static u8 read_iir(struct uart *u)
{
	u8 iir = interrupt_id(u);

	if (iir == IIR_THRI)
		u->thre = false;
	return iir | (u->fcr & FCR_ENABLE ? IIR_FIFO_ON : 0);
}

static u8 read_lsr(struct uart *u)
{
	u8 lsr = LSR_THRE | LSR_TEMT;

	if (u->rx_len)
		lsr |= LSR_DR;
	if (u->overrun)
		lsr |= LSR_OE;
	u->overrun = false;
	if (++u->polls == POLLS_FOR_INPUT)
		start_listening(u);
	return lsr;
}

static u8 read_msr(struct uart *u)
{
	u8 msr = u->msr_lines | u->msr_delta;

	u->msr_delta = 0;
	return msr;
}

static u8 read_reg(struct uart *u, unsigned int reg)
{
	bool dlab = u->lcr & LCR_DLAB;

	switch (reg) {
	case REG_DATA:
		return dlab ? u->dll : read_data(u);
	case REG_IER:
		return dlab ? u->dlm : u->ier;
	case REG_IIR:
		return read_iir(u);
	case REG_LCR:
		return u->lcr;
	case REG_MCR:
		return u->mcr;
	case REG_LSR:
		return read_lsr(u);
	case REG_MSR:
		return read_msr(u);
	default:
		return u->scr;
	}
}

static void write_ier(struct uart *u, u8 value)
{
	u8 set = value & ~u->ier & 0x0f;

	u->ier = value & 0x0f;
	if (set & IER_THRI)
		u->thre = true;		/* it is empty: says so at once */
	if (set & IER_RDI)
		start_listening(u);
}

static void write_fcr(struct uart *u, u8 value)
{
	/* Turning the FIFO on or off empties it too. */
	if ((value ^ u->fcr) & FCR_ENABLE || value & FCR_CLEAR_RX)
		u->rx_len = 0;
	/* Without the enable bit the others are not taken. */
	u->fcr = value & FCR_ENABLE ? value & 0xc9 : 0;
}

static void write_reg(struct uart *u, unsigned int reg, u8 value)
{
	bool dlab = u->lcr & LCR_DLAB;

	switch (reg) {
	case REG_DATA:
		if (dlab)
			u->dll = value;
		else
			write_data(u, value);
		break;
	case REG_IER:
		if (dlab)
			u->dlm = value;
		else
			write_ier(u, value);
		break;
	case REG_FCR:
		write_fcr(u, value);
		break;
	case REG_LCR:
		u->lcr = value;
		break;
	case REG_MCR:
		u->mcr = value & MCR_MASK;
		update_modem(u);
		break;
	case REG_SCR:
		u->scr = value;
		break;
	}
}

static u32 uart_in(struct device *dev, u16 port, unsigned int size)
{
	struct uart *u = (struct uart *)dev;
	u32 value = 0;
	unsigned int i;

	finish_sending(u);
	/* A wide access is one to each of the byte registers from there on. */
	for (i = 0; i < size && port - COM1_BASE + i < 8; i++)
		value |= (u32)read_reg(u, port - COM1_BASE + i) << (8 * i);
	if (port != COM1_BASE + REG_LSR)
		u->polls = 0;
	update_line(u);
	return value;
}

static void uart_out(struct device *dev, u16 port, unsigned int size, u32 value)
{
	struct uart *u = (struct uart *)dev;
	unsigned int i;

	u->polls = 0;
	if (port != COM1_BASE + REG_DATA)
		finish_sending(u);
	for (i = 0; i < size && port - COM1_BASE + i < 8; i++)
		write_reg(u, port - COM1_BASE + i, value >> (8 * i));
	update_line(u);
}

static void uart_tick(struct device *dev, u64 now)
{
	struct uart *u = (struct uart *)dev;

	(void)now;
	finish_sending(u);
	update_line(u);
}

static size_t uart_room(struct device *dev)
{
	struct uart *u = (struct uart *)dev;
	size_t room = u->fcr & FCR_ENABLE ? FIFO_SIZE : 1;

	if (!u->listening || (u->mcr & MCR_LOOP))
		return 0;
	if (u->rx_len < room)
		return room - u->rx_len;
	u->starved = true;
	return 0;
}

static void uart_input(struct device *dev, const u8 *bytes, size_t len)
{
	struct uart *u = (struct uart *)dev;

	while (len--)
		receive(u, *bytes++);
	update_line(u);
}

static void uart_init(struct device *dev)
{
	struct uart *u = (struct uart *)dev;

	u->msr_lines = modem_lines(u);
	u->dll = 1;		/* 115200 baud */
	u->lcr = 3;		/* 8N1 */
}

static const struct device_ops uart_ops = {
	.name	= "16550",
	.size	= sizeof(struct uart),
	.ports	= { { COM1_BASE, 8 } },
	.gsi	= COM1_GSI,
	.init	= uart_init,
	.in	= uart_in,
	.out	= uart_out,
	.tick	= uart_tick,
	.room	= uart_room,
	.input	= uart_input,
};

REGISTER_DEVICE(uart_ops);
