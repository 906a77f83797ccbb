// SPDX-License-Identifier: GPL-2.0
/*
 * bzimage.c - loads a bzImage, the kernel as distributions ship it.
 *
 * The file is a real-mode part, with the setup header at 0x1f1, and a
 * protected-mode part.  Only the second is loaded; it is entered at its 64-bit
 * entry point and unpacks itself.  The header says where it wants to be, how
 * much room it needs to unpack, and what it takes.
 *
 * Follows Documentation/x86/boot.rst, protocol 2.12 and later.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "../say.h"
#include "boot.h"

#define HDR_OFFSET	0x1f1
#define HDR_MAGIC	0x53726448	/* "HdrS" */
#define BOOT_FLAG	0xaa55
#define SECTOR		512
#define MIN_PROTOCOL	0x20c		/* the first with xloadflags */
#define ENTRY_64	0x200		/* from the start of the kernel */

/**
 * bzimage_probe() - is it a bzImage?
 * @image: the file
 *
 * Return: true if it has a setup header.
 */
bool bzimage_probe(const struct image *image)
{
	struct setup_header hdr;

	return !image_read(image, HDR_OFFSET, &hdr, sizeof(hdr)) &&
	       hdr.boot_flag == BOOT_FLAG && hdr.header == HDR_MAGIC;
}

static int check_header(const struct image *image,
			const struct setup_header *hdr)
{
	if (hdr->version < MIN_PROTOCOL)
		return say_fail("%s: boot protocol %u.%02u is too old, 2.12 is needed (use Linux 3.8 or later)",
				image->path, hdr->version >> 8,
				hdr->version & 0xff);
	if (!(hdr->loadflags & LOADED_HIGH))
		return say_fail("%s: a zImage, not a bzImage (use a kernel built with make bzImage)",
				image->path);
	if (!(hdr->xloadflags & XLF_KERNEL_64))
		return say_fail("%s: has no 64-bit entry point (use a 64-bit kernel)",
				image->path);
	if (!hdr->kernel_alignment ||
	    (hdr->kernel_alignment & (hdr->kernel_alignment - 1)))
		return say_fail("%s: its alignment 0x%x is not a power of two (the file is damaged: install it again)",
				image->path, hdr->kernel_alignment);
	return 0;
}

/* Where it would like to be, or where it can be if it need not be there. */
static int place(const struct image *image, const struct setup_header *hdr,
		 const struct ram *ram, u64 *addr)
{
	u64 lowest = hdr->pref_address;

	*addr = hdr->pref_address;
	if (*addr >= BOOT_KERNEL_MIN && *addr <= ram->low &&
	    hdr->init_size <= ram->low - *addr)
		return 0;
	if (hdr->relocatable_kernel)
		lowest = ALIGN_UP(BOOT_KERNEL_MIN, hdr->kernel_alignment);
	*addr = lowest;
	if (lowest < BOOT_KERNEL_MIN || lowest >= HOLE_START)
		return say_fail("%s: wants to be loaded at 0x%llx (the file is damaged: install it again)",
				image->path, (unsigned long long)lowest);
	if (lowest + hdr->init_size > ram->low)
		return say_fail("%s: %llu MiB of memory are too little for this kernel (try: --mem %lluM)",
				image->path,
				(unsigned long long)(ram->size / MIB),
				(unsigned long long)((lowest + hdr->init_size) /
						     MIB + 32));
	return 0;
}

/* The header ends where its jump instruction, at 0x200, jumps to. */
static void copy_header(struct setup_header *to, const struct setup_header *hdr)
{
	size_t len = 0x202 - HDR_OFFSET + (hdr->jump >> 8);

	memset(to, 0, sizeof(*to));
	memcpy(to, hdr, len < sizeof(*to) ? len : sizeof(*to));
}

/**
 * bzimage_load() - load a bzImage into guest memory
 * @image: the file, which bzimage_probe() took
 * @ram: guest memory
 * @out: filled in
 *
 * Return: 0, or -1 after saying why.
 */
int bzimage_load(const struct image *image, const struct ram *ram,
		 struct loaded *out)
{
	struct setup_header hdr;
	u64 addr, offset, len;
	void *to;

	if (image_read(image, HDR_OFFSET, &hdr, sizeof(hdr)) ||
	    check_header(image, &hdr) || place(image, &hdr, ram, &addr))
		return -1;
	/* Zero means four, for compatibility with the oldest kernels. */
	offset = ((hdr.setup_sects ? hdr.setup_sects : 4) + 1) * SECTOR;
	len = hdr.syssize * 16ULL;
	to = ram_at(ram, addr, len);
	if (!len || len > hdr.init_size || !to)
		return say_fail("%s: its size of %llu bytes does not fit its own header (the file is damaged: install it again)",
				image->path, (unsigned long long)len);
	if (image_read(image, offset, to, len)) {
		if (errno)
			return say_fail("%s: can't be read: %s (install it again)",
					image->path, strerror(errno));
		return say_fail("%s: the file is cut off, %llu of %llu bytes are there (install it again)",
				image->path, (unsigned long long)image->size,
				(unsigned long long)(offset + len));
	}
	out->entry = addr + ENTRY_64;
	out->end = addr + hdr.init_size;
	out->initrd_max = hdr.initrd_addr_max;
	out->cmdline_max = hdr.cmdline_size;
	copy_header(&out->hdr, &hdr);
	return 0;
}
