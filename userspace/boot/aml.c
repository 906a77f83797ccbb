// SPDX-License-Identifier: GPL-2.0
/*
 * aml.c - the DSDT's code: what the machine has, in ACPI machine language.
 *
 * In ASL it reads
 *
 *	Name (\_S5, Package () { 5, 5, 0, 0 })
 *	Scope (\_SB) {
 *		Device (COM1) {
 *			Name (_HID, EisaId ("PNP0501"))
 *			Name (_CRS, ResourceTemplate () {
 *				IO (Decode16, 0x3f8, 0x3f8, 1, 8)
 *				IRQNoFlags () { 4 } })
 *		}
 *		Device (RTC0) { the same for PNP0B00 at 0x70, IRQ 8 }
 *	}
 *
 * Follows ACPI 6.4, chapter 20 (AML encoding) and 6.4.2 (small resources).
 */
#include <string.h>

#include "../dev/acpi_pm.h"
#include "boot.h"

#define AML_NAME	0x08
#define AML_BYTE	0x0a
#define AML_DWORD	0x0c
#define AML_SCOPE	0x10
#define AML_BUFFER	0x11
#define AML_PACKAGE	0x12
#define AML_EXT		0x5b
#define AML_DEVICE	0x82
#define AML_ZERO	0x00

#define RES_IO		0x47	/* small resource 8, 7 bytes */
#define RES_IO_DECODE16	0x01
#define RES_IRQ		0x22	/* small resource 4, 2 bytes: no flags */
#define RES_END		0x79	/* small resource 15, 1 byte */

struct aml {
	u8 *buf;
	size_t size;
	size_t len;
};

static void put(struct aml *a, u8 byte)
{
	if (a->len < a->size)
		a->buf[a->len] = byte;
	a->len++;
}

static void put_bytes(struct aml *a, const void *bytes, size_t n)
{
	const u8 *b = bytes;

	while (n--)
		put(a, *b++);
}

/* Package length, always in its two-byte form; filled in by end_package(). */
static size_t begin_package(struct aml *a)
{
	size_t at = a->len;

	put(a, 0);
	put(a, 0);
	return at;
}

/* PkgLength (20.2.4): counts itself; 4 low bits, then 8 high bits. */
static void end_package(struct aml *a, size_t at)
{
	size_t len = a->len - at;

	if (at + 1 >= a->size)
		return;
	a->buf[at] = 0x40 | (len & 0x0f);
	a->buf[at + 1] = len >> 4;
}

static void put_byte_const(struct aml *a, u8 value)
{
	put(a, AML_BYTE);
	put(a, value);
}

/* "PNP0501" packed into 32 bits: three letters of 5 bits, four hex digits. */
static void put_eisa_id(struct aml *a, const char *id)
{
	u32 letters = (id[0] - '@') << 10 | (id[1] - '@') << 5 | (id[2] - '@');
	u16 digits = 0;
	size_t i;

	for (i = 3; i < 7; i++)
		digits = digits << 4 |
			 (id[i] <= '9' ? id[i] - '0' : id[i] - 'A' + 10);
	put(a, AML_DWORD);
	put(a, letters >> 8);
	put(a, letters);
	put(a, digits >> 8);
	put(a, digits);
}

static void put_resources(struct aml *a, u16 port, u8 ports, unsigned int irq)
{
	const u8 template[] = {
		RES_IO, RES_IO_DECODE16, port & 0xff, port >> 8, port & 0xff,
		port >> 8, 1, ports,
		RES_IRQ, (1U << irq) & 0xff, (1U << irq) >> 8,
		RES_END, 0,	/* no checksum */
	};
	size_t at;

	put(a, AML_BUFFER);
	at = begin_package(a);
	put_byte_const(a, sizeof(template));
	put_bytes(a, template, sizeof(template));
	end_package(a, at);
}

static void put_device(struct aml *a, const char *name, const char *hid,
		       u16 port, u8 ports, unsigned int irq)
{
	size_t at;

	put(a, AML_EXT);
	put(a, AML_DEVICE);
	at = begin_package(a);
	put_bytes(a, name, 4);
	put(a, AML_NAME);
	put_bytes(a, "_HID", 4);
	put_eisa_id(a, hid);
	put(a, AML_NAME);
	put_bytes(a, "_CRS", 4);
	put_resources(a, port, ports, irq);
	end_package(a, at);
}

static void put_s5(struct aml *a)
{
	size_t at;

	put(a, AML_NAME);
	put_bytes(a, "_S5_", 4);
	put(a, AML_PACKAGE);
	at = begin_package(a);
	put(a, 4);
	put_byte_const(a, ACPI_SLP_TYP_S5);
	put_byte_const(a, ACPI_SLP_TYP_S5);
	put(a, AML_ZERO);
	put(a, AML_ZERO);
	end_package(a, at);
}

/**
 * aml_dsdt() - write the DSDT's code
 * @buf: where it goes
 * @size: room
 *
 * Return: its length; if that is more than @size, it did not fit.
 */
size_t aml_dsdt(u8 *buf, size_t size)
{
	struct aml a = { .buf = buf, .size = size };
	size_t at;

	put_s5(&a);
	put(&a, AML_SCOPE);
	at = begin_package(&a);
	put_bytes(&a, "\\_SB_", 5);
	put_device(&a, "COM1", "PNP0501", 0x3f8, 8, 4);
	put_device(&a, "RTC0", "PNP0B00", 0x70, 2, 8);
	end_package(&a, at);
	return a.len;
}
