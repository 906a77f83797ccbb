// SPDX-License-Identifier: GPL-2.0
/*
 * loader_test.c - the kernel loaders and the ACPI tables, without a VM.
 *
 *	loader_test VMLINUZ VMLINUX [ROUNDS [SEED]]
 *
 * Loads both files, good and damaged, into memory that is a mapping of exactly
 * the guest's size: built with AddressSanitizer, so that a step beyond any
 * bound is seen. What a loader accepts must lie within the memory.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "boot/boot.h"

static unsigned int tests, failures;
static unsigned long long rng = 88172645463325252ULL;

static void check(bool good, const char *what)
{
	tests++;
	failures += !good;
	printf("%sok %u %s\n", good ? "" : "not ", tests, what);
}

static u32 rnd(u32 below)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return rng % below;
}

/* A copy of @data in a file without a name. */
static struct image make_image(const void *data, size_t size)
{
	struct image image = { .path = "test", .size = size };

	image.fd = memfd_create("image", MFD_CLOEXEC);
	if (image.fd < 0 || (size && pwrite(image.fd, data, size, 0) != (ssize_t)size)) {
		perror("memfd");
		exit(1);
	}
	return image;
}

/* 0: refused, 1: loaded, -1: loaded out of bounds */
static int try_load(const void *data, size_t size, u64 mem)
{
	struct image image = make_image(data, size);
	struct loaded out;
	struct ram ram;
	int ret = -1;

	memset(&out, 0, sizeof(out));
	if (ram_create(&ram, mem, false))
		exit(1);
	if (bzimage_probe(&image))
		ret = bzimage_load(&image, &ram, &out);
	else if (elf_probe(&image))
		ret = elf_load(&image, &ram, &out);
	ram_destroy(&ram);
	image_close(&image);
	if (ret)
		return 0;
	return out.entry >= BOOT_KERNEL_MIN && out.entry < out.end &&
	       out.end <= mem ? 1 : -1;
}

static u8 *read_file(const char *path, size_t *size)
{
	FILE *f = fopen(path, "rb");
	u8 *data;

	if (!f) {
		perror(path);
		exit(1);
	}
	fseek(f, 0, SEEK_END);
	*size = ftell(f);
	rewind(f);
	data = malloc(*size);
	if (!data || fread(data, 1, *size, f) != *size)
		exit(1);
	fclose(f);
	return data;
}

/* Random damage to the first @span bytes, where the headers are. */
static void damage(const u8 *good, size_t size, size_t span, int rounds,
		   const char *what)
{
	static const u8 nasty[] = { 0, 1, 0x7f, 0x80, 0xff, 0xfe };
	int i, n, ret, bad = 0, loaded = 0;
	size_t cut;
	u8 *copy = malloc(size);

	for (i = 0; copy && i < rounds; i++) {
		memcpy(copy, good, size);
		for (n = 1 + rnd(8); n; n--)
			copy[rnd(span)] = rnd(2) ? nasty[rnd(sizeof(nasty))] :
						   rnd(256);
		cut = rnd(4) ? size : rnd(size);
		ret = try_load(copy, cut, (u64)(2 + rnd(64)) * MIB);
		bad += ret < 0;
		loaded += ret > 0;
	}
	printf("# %s: %d of %d damaged files were still taken\n", what, loaded,
	       rounds);
	check(copy && !bad && loaded < rounds, what);
	free(copy);
}

static void test_cuts(const u8 *good, size_t size, const char *what)
{
	size_t cut;
	int bad = 0;

	for (cut = 0; cut < 1024 && cut < size; cut += 7)
		bad += try_load(good, cut, 64 * MIB);
	bad += try_load(good, size / 2, 128 * MIB);
	check(!bad, what);
}

static bool sums_to_zero(const u8 *p, size_t len)
{
	u8 sum = 0;

	while (len--)
		sum += *p++;
	return !sum;
}

static void test_acpi(unsigned int cpus)
{
	struct vm_config cfg = { .cpus = cpus };
	struct vm vm = { .cfg = &cfg, .pit_gsi = 2 };
	const u8 *rsdp, *xsdt, *table;
	bool good;
	u64 gpa;
	u32 len, i;

	if (ram_create(&vm.ram, 2 * MIB, false))
		exit(1);
	rsdp = ram_at(&vm.ram, acpi_build(&vm), 36);
	good = rsdp && sums_to_zero(rsdp, 20) && sums_to_zero(rsdp, 36);
	memcpy(&gpa, rsdp + 24, 8);
	xsdt = ram_at(&vm.ram, gpa, 36);
	memcpy(&len, xsdt + 4, 4);
	good = good && sums_to_zero(xsdt, len);
	for (i = 36; i < len; i += 8) {
		memcpy(&gpa, xsdt + i, 8);
		table = ram_at(&vm.ram, gpa, 36);
		memcpy(&len, table + 4, 4);
		good = good && ram_at(&vm.ram, gpa, len) &&
		       sums_to_zero(table, len);
		if (!memcmp(table, "APIC", 4))
			good = good && len == 44 + 8 * cpus + 12 + 10 + 10 + 6;
		memcpy(&len, xsdt + 4, 4);
	}
	check(good, cpus == 1 ? "ACPI tables for 1 CPU" :
				"ACPI tables for 255 CPUs");
	ram_destroy(&vm.ram);
}

int main(int argc, char **argv)
{
	size_t bz_size, elf_size;
	u8 *bz, *elf;
	int rounds;

	if (argc < 3) {
		fputs("usage: loader_test VMLINUZ VMLINUX [ROUNDS [SEED]]\n",
		      stderr);
		return 1;
	}
	rounds = argc > 3 ? atoi(argv[3]) : 200;
	if (argc > 4)
		rng ^= strtoull(argv[4], NULL, 0) * 0x9e3779b97f4a7c15ULL;
	bz = read_file(argv[1], &bz_size);
	elf = read_file(argv[2], &elf_size);
	/* What the loaders say about each file is not of interest here. */
	if (!freopen("/dev/null", "w", stderr))
		return 1;

	puts("TAP version 13\n1..10");
	check(try_load(bz, bz_size, 256 * MIB) == 1, "a good bzImage");
	check(try_load(elf, elf_size, 256 * MIB) == 1, "a good ELF kernel");
	check(!try_load(bz, bz_size, 4 * MIB), "a bzImage in too little memory");
	check(!try_load("", 0, 4 * MIB), "an empty file");
	test_cuts(bz, bz_size, "a bzImage cut off");
	test_cuts(elf, elf_size, "an ELF kernel cut off");
	damage(bz, bz_size, 0x270, rounds, "a bzImage damaged");
	damage(elf, elf_size, 0x200, rounds, "an ELF kernel damaged");
	test_acpi(1);
	test_acpi(255);
	free(bz);
	free(elf);
	return failures ? 1 : 0;
}
