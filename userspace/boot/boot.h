/* SPDX-License-Identifier: GPL-2.0 */
/*
 * boot.h - from files to a guest that is ready for its first instruction.
 */
#ifndef OSPITE_BOOT_H
#define OSPITE_BOOT_H

#include <asm/bootparam.h>

#include "../types.h"
#include "../vm.h"

/*
 * Where things are in the guest's first megabyte.  All below is given up by
 * the kernel once it has read it, but for the ACPI tables.
 */
#define BOOT_GDT	0x500ULL
#define BOOT_PARAMS	0x7000ULL	/* struct boot_params, a page */
#define BOOT_TABLES	0x9000ULL	/* page tables, 6 pages */
#define BOOT_CMDLINE	0x10000ULL	/* up to 64 KiB */
#define BOOT_CMDLINE_MAX 0xffffULL
#define BOOT_SEED	0x20000ULL	/* setup_data: entropy */
#define BOOT_LOW_END	0x9fc00ULL	/* end of usable low memory */
#define BOOT_ACPI	0xe0000ULL	/* ACPI tables, where the RSDP is sought */
#define BOOT_ACPI_END	0x100000ULL
#define BOOT_KERNEL_MIN	0x100000ULL	/* kernels go above */

/**
 * struct image - a file to load from
 * @path: its name, for messages
 * @fd: open for reading, -1 if there is no such file
 * @size: bytes
 */
struct image {
	const char *path;
	int fd;
	u64 size;
};

/**
 * struct boot_files - what is loaded; stays open, for the next boot
 * @kernel: bzImage or ELF vmlinux
 * @initrd: optional
 */
struct boot_files {
	struct image kernel;
	struct image initrd;
};

/**
 * struct loaded - what a kernel loader found out
 * @entry: address of the 64-bit entry point
 * @end: the kernel needs memory up to here before it can look around
 * @initrd_max: highest address the initrd may occupy
 * @cmdline_max: bytes of command line it takes, without the NUL
 * @hdr: the setup header to give to the kernel
 */
struct loaded {
	u64 entry;
	u64 end;
	u64 initrd_max;
	u64 cmdline_max;
	struct setup_header hdr;
};

/* image.c */
int image_open(struct image *image, const char *path, const char *what);
void image_close(struct image *image);
int image_read(const struct image *image, u64 offset, void *buf, u64 len);

/* bzimage.c, elf.c */
bool bzimage_probe(const struct image *image);
int bzimage_load(const struct image *image, const struct ram *ram,
		 struct loaded *out);
bool elf_probe(const struct image *image);
int elf_load(const struct image *image, const struct ram *ram,
	     struct loaded *out);

/* e820.c */
void e820_fill(struct boot_params *params, const struct ram *ram);

/* acpi.c, aml.c */
u64 acpi_build(struct vm *vm);
size_t aml_dsdt(u8 *buf, size_t size);

/* longmode.c */
int longmode_enter(struct vm *vm, u64 entry);

/* linux.c */
int boot_open(struct boot_files *files, const struct vm_config *cfg);
void boot_close(struct boot_files *files);
int boot_load(struct vm *vm, const struct boot_files *files);

#endif /* OSPITE_BOOT_H */
