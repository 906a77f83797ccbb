// SPDX-License-Identifier: GPL-2.0
/*
 * linux.c - loads a Linux guest: kernel, initrd, command line, boot parameters,
 * ACPI tables, and the boot CPU's registers.
 *
 * Follows Documentation/x86/boot.rst and Documentation/x86/zero-page.rst.
 */
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "../say.h"
#include "boot.h"

#define LOADER_OTHER	0xff	/* type_of_loader without a number of its own */
#define VIDEO_NORMAL	0xffff
#define SEED_BYTES	32

struct seed {
	struct setup_data head;
	u8 bytes[SEED_BYTES];
};

/**
 * boot_open() - open the files that a guest is loaded from
 * @files: filled in
 * @cfg: what the user asked for
 *
 * Return: 0, or -1 after saying why; then nothing is open.
 */
int boot_open(struct boot_files *files, const struct vm_config *cfg)
{
	files->initrd.fd = -1;
	if (image_open(&files->kernel, cfg->kernel, "kernel"))
		return -1;
	if (cfg->initrd && image_open(&files->initrd, cfg->initrd, "initrd")) {
		image_close(&files->kernel);
		return -1;
	}
	return 0;
}

/**
 * boot_close() - close them
 * @files: from boot_open()
 */
void boot_close(struct boot_files *files)
{
	image_close(&files->kernel);
	image_close(&files->initrd);
}

static int load_kernel(const struct image *image, const struct ram *ram,
		       struct loaded *out)
{
	if (bzimage_probe(image))
		return bzimage_load(image, ram, out);
	if (elf_probe(image))
		return elf_load(image, ram, out);
	return say_fail("%s: not a Linux kernel, neither bzImage nor ELF (give --kernel a file like /boot/vmlinuz-*)",
			image->path);
}

/* As high as the kernel allows, so that it does not lie in its way. */
static int load_initrd(const struct image *image, const struct ram *ram,
		       struct loaded *k)
{
	u64 top = k->initrd_max + 1 < ram->low ? k->initrd_max + 1 : ram->low;
	u64 addr;

	if (image->fd < 0)
		return 0;
	if (top < k->end || image->size > top - k->end)
		goto too_big;
	addr = ALIGN_DOWN(top - image->size, 4096);
	if (addr < k->end)
		goto too_big;
	if (image_read(image, 0, ram_at(ram, addr, image->size), image->size))
		return say_fail("%s: can't be read: %s (give --initrd another)",
				image->path,
				errno ? strerror(errno) : "it became shorter");
	k->hdr.ramdisk_image = addr;
	k->hdr.ramdisk_size = image->size;
	return 0;
too_big:
	return say_fail("%s: kernel and initrd do not fit into %llu MiB of memory (try: --mem %lluM)",
			image->path, (unsigned long long)(ram->size / MIB),
			(unsigned long long)((k->end + image->size) / MIB + 32));
}

static int load_cmdline(const char *cmdline, const struct ram *ram,
			struct loaded *k)
{
	u64 len = strlen(cmdline);
	u64 max = k->cmdline_max < BOOT_CMDLINE_MAX ? k->cmdline_max :
						      BOOT_CMDLINE_MAX;

	if (len > max)
		return say_fail("the command line has %llu characters, but this kernel takes %llu (shorten --append)",
				(unsigned long long)len,
				(unsigned long long)max);
	memcpy(ram_at(ram, BOOT_CMDLINE, len + 1), cmdline, len + 1);
	k->hdr.cmd_line_ptr = BOOT_CMDLINE;
	return 0;
}

/* Entropy: a guest that begins without any waits for it at boot. */
static u64 load_seed(const struct ram *ram)
{
	struct seed *seed = ram_at(ram, BOOT_SEED, sizeof(*seed));

	seed->head.next = 0;
	seed->head.type = SETUP_RNG_SEED;
	seed->head.len = SEED_BYTES;
	if (getrandom(seed->bytes, SEED_BYTES, GRND_NONBLOCK) != SEED_BYTES)
		return 0;
	return BOOT_SEED;
}

/**
 * boot_load() - load a guest, ready to run
 * @vm: the VM, just created
 * @files: what to load
 *
 * Return: 0, or -1 after saying why.
 */
int boot_load(struct vm *vm, const struct boot_files *files)
{
	const struct ram *ram = &vm->ram;
	struct boot_params *params;
	struct loaded k;

	if (load_kernel(&files->kernel, ram, &k) ||
	    load_initrd(&files->initrd, ram, &k) ||
	    load_cmdline(vm->cfg->append, ram, &k))
		return -1;

	params = ram_at(ram, BOOT_PARAMS, sizeof(*params));
	memset(params, 0, sizeof(*params));
	params->hdr = k.hdr;
	params->hdr.type_of_loader = LOADER_OTHER;
	params->hdr.vid_mode = VIDEO_NORMAL;
	params->hdr.setup_data = load_seed(ram);
	params->acpi_rsdp_addr = acpi_build(vm);
	e820_fill(params, ram);
	return longmode_enter(vm, k.entry);
}
