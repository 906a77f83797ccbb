// SPDX-License-Identifier: GPL-2.0
/*
 * elf.c - loads an ELF vmlinux, the kernel as the linker made it.
 *
 * Its segments go to their physical addresses; e_entry is the 64-bit entry
 * point, which takes the same registers and struct boot_params as a bzImage's.
 *
 * Follows the System V ABI, chapters 4 and 5, and Linux's vmlinux.lds.S.
 */
#include <elf.h>
#include <errno.h>
#include <string.h>

#include "../say.h"
#include "boot.h"

/* What a setup header would say, from Linux's own constants. */
#define INITRD_ADDR_MAX	0x7fffffffULL
#define CMDLINE_SIZE	2047
#define BOOT_FLAG	0xaa55
#define HDR_MAGIC	0x53726448	/* "HdrS" */
#define PROTOCOL	0x20f

#define MAX_SEGMENTS	64

/**
 * elf_probe() - is it an ELF file?
 * @image: the file
 *
 * Return: true if it is one of any kind.
 */
bool elf_probe(const struct image *image)
{
	u8 magic[SELFMAG];

	return !image_read(image, 0, magic, sizeof(magic)) &&
	       !memcmp(magic, ELFMAG, SELFMAG);
}

static int read_header(const struct image *image, Elf64_Ehdr *eh)
{
	if (image_read(image, 0, eh, sizeof(*eh)))
		return say_fail("%s: the file is cut off within its ELF header (build it again)",
				image->path);
	if (eh->e_ident[EI_CLASS] != ELFCLASS64 || eh->e_machine != EM_X86_64)
		return say_fail("%s: an ELF file, but not for x86-64 (use an x86-64 vmlinux)",
				image->path);
	if (eh->e_type != ET_EXEC && eh->e_type != ET_DYN)
		return say_fail("%s: an ELF file that can't be started (use vmlinux, not an object or a core)",
				image->path);
	if (eh->e_phentsize != sizeof(Elf64_Phdr) || !eh->e_phnum ||
	    eh->e_phnum > MAX_SEGMENTS)
		return say_fail("%s: has %u program headers of %u bytes (build it again)",
				image->path, eh->e_phnum, eh->e_phentsize);
	return 0;
}

static int load_segment(const struct image *image, const struct ram *ram,
			const Elf64_Phdr *ph, struct loaded *out)
{
	void *to = ram_at(ram, ph->p_paddr, ph->p_memsz);

	if (ph->p_paddr < BOOT_KERNEL_MIN || ph->p_filesz > ph->p_memsz)
		return say_fail("%s: a segment of %llu bytes for address 0x%llx can't be loaded (use vmlinux)",
				image->path, (unsigned long long)ph->p_memsz,
				(unsigned long long)ph->p_paddr);
	if (ph->p_paddr >= HOLE_START)
		return say_fail("%s: a segment wants to be at address 0x%llx, beyond low memory (use vmlinux)",
				image->path, (unsigned long long)ph->p_paddr);
	if (!to)
		return say_fail("%s: %llu MiB of memory are too little for this kernel (try: --mem %lluM)",
				image->path,
				(unsigned long long)(ram->size / MIB),
				(unsigned long long)((ph->p_paddr / MIB) +
						     (ph->p_memsz / MIB) + 64));
	if (image_read(image, ph->p_offset, to, ph->p_filesz))
		return say_fail("%s: the file is cut off within a segment (build it again)",
				image->path);
	if (ph->p_paddr + ph->p_memsz > out->end)
		out->end = ph->p_paddr + ph->p_memsz;
	return 0;
}

static int check_entry(const struct image *image, const Elf64_Ehdr *eh,
		       const struct loaded *out)
{
	if (!out->end)
		return say_fail("%s: has nothing to load (use vmlinux)",
				image->path);
	if (eh->e_entry < BOOT_KERNEL_MIN || eh->e_entry >= out->end)
		return say_fail("%s: its entry point 0x%llx is not within what was loaded (use vmlinux)",
				image->path, (unsigned long long)eh->e_entry);
	return 0;
}

/**
 * elf_load() - load a vmlinux into guest memory
 * @image: the file, which elf_probe() took
 * @ram: guest memory, all zero
 * @out: filled in
 *
 * Return: 0, or -1 after saying why.
 */
int elf_load(const struct image *image, const struct ram *ram,
	     struct loaded *out)
{
	Elf64_Ehdr eh;
	Elf64_Phdr ph;
	unsigned int i;

	memset(out, 0, sizeof(*out));
	if (read_header(image, &eh))
		return -1;
	for (i = 0; i < eh.e_phnum; i++) {
		if (image_read(image, eh.e_phoff + i * sizeof(ph), &ph,
			       sizeof(ph)))
			return say_fail("%s: the file is cut off within its program headers (build it again)",
					image->path);
		if (ph.p_type == PT_LOAD && ph.p_memsz &&
		    load_segment(image, ram, &ph, out))
			return -1;
	}
	if (check_entry(image, &eh, out))
		return -1;
	out->entry = eh.e_entry;
	out->initrd_max = INITRD_ADDR_MAX;
	out->cmdline_max = CMDLINE_SIZE;
	out->hdr.boot_flag = BOOT_FLAG;
	out->hdr.header = HDR_MAGIC;
	out->hdr.version = PROTOCOL;
	out->hdr.loadflags = LOADED_HIGH;
	return 0;
}
