// SPDX-License-Identifier: GPL-2.0
/*
 * irt.c - words for what an entry of the Interrupt Remapping Table says, in the
 * control protocol and on the terminal.
 */
#include <linux/ospite.h>
#include <string.h>

#include "irt.h"

static const char *const kinds[] = {
	[OSPITE_IRT_NONE]	= "none",
	[OSPITE_IRT_PINS]	= "pins",
	[OSPITE_IRT_APIC]	= "apic",
	[OSPITE_IRT_EVENTFD]	= "eventfd",
	[OSPITE_IRT_BLOCKED]	= "blocked",
};

/* Delivery modes: SDM 3A 11.6.1 */
static const char *const modes[] = {
	"fixed", "lowest", "smi", "reserved", "nmi", "init", "sipi", "extint",
};

/* KVM_IRQCHIP_PIC_MASTER, _PIC_SLAVE, _IOAPIC */
static const char *const chips[IRT_CHIPS] = { "pic1", "pic2", "ioapic" };

static const char *name_of(const char *const *names, u32 count, u32 n)
{
	return n < count ? names[n] : "?";
}

/* The number of a name, or @count. */
static u32 number_of(const char *const *names, u32 count, const char *name)
{
	u32 i;

	for (i = 0; i < count && strcmp(names[i], name); i++)
		;
	return i;
}

/**
 * irt_kind_name() - where an entry leads, in a word
 * @kind: OSPITE_IRT_*
 *
 * Return: the word.
 */
const char *irt_kind_name(u32 kind)
{
	return name_of(kinds, ARRAY_SIZE(kinds), kind);
}

/**
 * irt_kind_by_name() - the other way round
 * @name: a word
 *
 * Return: OSPITE_IRT_*, or what the hypervisor refuses.
 */
u32 irt_kind_by_name(const char *name)
{
	return number_of(kinds, ARRAY_SIZE(kinds), name);
}

/**
 * irt_mode_name() - a delivery mode in a word
 * @mode: 0 to 7
 *
 * Return: the word.
 */
const char *irt_mode_name(u8 mode)
{
	return name_of(modes, ARRAY_SIZE(modes), mode);
}

/**
 * irt_mode_by_name() - the other way round
 * @name: a word
 *
 * Return: 0 to 7, or 8, which the hypervisor refuses.
 */
u8 irt_mode_by_name(const char *name)
{
	return number_of(modes, ARRAY_SIZE(modes), name);
}

/**
 * irt_chip_name() - a controller with pins
 * @chip: KVM_IRQCHIP_*
 *
 * Return: its name.
 */
const char *irt_chip_name(int chip)
{
	return chips[chip];
}
