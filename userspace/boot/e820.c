// SPDX-License-Identifier: GPL-2.0
/*
 * e820.c - the memory map, as a PC's BIOS call INT 15h AX=E820h gives it.
 */
#include "boot.h"

#define E820_RAM	1
#define E820_RESERVED	2

/* vm.c keeps four pages here for the hypervisor, up to 4 GiB minus 256 KiB. */
#define HYPERVISOR_PAGES	0xfffbc000ULL
#define HYPERVISOR_PAGES_LEN	0x4000ULL

static void add(struct boot_params *params, u64 addr, u64 size, u32 type)
{
	struct boot_e820_entry *e = &params->e820_table[params->e820_entries++];

	e->addr = addr;
	e->size = size;
	e->type = type;
}

/**
 * e820_fill() - write the memory map into the boot parameters
 * @params: the boot parameters
 * @ram: guest memory
 */
void e820_fill(struct boot_params *params, const struct ram *ram)
{
	add(params, 0, BOOT_LOW_END, E820_RAM);
	add(params, BOOT_LOW_END, 0xa0000 - BOOT_LOW_END, E820_RESERVED);
	add(params, BOOT_ACPI, BOOT_ACPI_END - BOOT_ACPI, E820_RESERVED);
	add(params, BOOT_KERNEL_MIN, ram->low - BOOT_KERNEL_MIN, E820_RAM);
	add(params, HYPERVISOR_PAGES, HYPERVISOR_PAGES_LEN, E820_RESERVED);
	if (ram->size > ram->low)
		add(params, HOLE_END, ram->size - ram->low, E820_RAM);
}
