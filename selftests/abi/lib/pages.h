/* SPDX-License-Identifier: GPL-2.0 */
/*
 * pages.h - how the hypervisor maps a VM's memory, by its own account, and how
 * the host does.
 */
#ifndef ABI_PAGES_H
#define ABI_PAGES_H

#include "abi.h"

#define PAGE_4K		0x1000ull
#define PAGE_2M		0x200000ull
#define PAGE_1G		0x40000000ull

/**
 * struct mapped - entries of the EPT that map memory
 * @k4: of 4 KiB
 * @m2: of 2 MiB
 * @g1: of 1 GiB
 */
struct mapped {
	u64 k4;
	u64 m2;
	u64 g1;
};

bool mapped_read(struct mapped *m);
bool memory_counter(const char *name, u64 *val);

void *map_aligned(u64 size, u64 align);
bool use_huge_pages(u64 size, unsigned int nr);
u64 pagemap_entry(const void *p);
long read_number(const char *path);
bool write_file(const char *path, const char *text);

/* Bits of pagemap_entry(). */
#define PAGEMAP_PRESENT	BIT_ULL(63)
#define PAGEMAP_SWAPPED	BIT_ULL(62)
#define PAGEMAP_PFN(e)	((e) & (BIT_ULL(55) - 1))

#endif
