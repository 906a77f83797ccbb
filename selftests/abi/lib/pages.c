// SPDX-License-Identifier: GPL-2.0
/*
 * pages.c - sizes of mappings out of debugfs, and memory of a kind for guests.
 *
 * Ospite: ospite/PID-N/memory, a line "NAME COUNT" each.  KVM: kvm/PID-FD/
 * pages_4k and so on.  Both are for the only VM that this process has.
 */
#include <glob.h>

#include "pages.h"

/**
 * read_number() - a file that holds a number
 * @path: its name
 *
 * Return: the number, or -1.
 */
long read_number(const char *path)
{
	FILE *f = fopen(path, "r");
	long n;

	if (!f)
		return -1;
	if (fscanf(f, "%ld", &n) != 1)
		n = -1;
	fclose(f);
	return n;
}

/**
 * write_file() - write to a control file of the kernel's
 * @path: its name
 * @text: what to write
 *
 * Return: whether the kernel took it.
 */
bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	n = write(fd, text, strlen(text));
	close(fd);
	return n == (ssize_t)strlen(text);
}

/* The first file that matches a pattern, which has one %d for the process. */
static bool find_file(const char *pattern, char *path, size_t size)
{
	char mine[200];
	glob_t found;
	bool ok;

	snprintf(mine, sizeof(mine), pattern, getpid());
	ok = !glob(mine, 0, NULL, &found);
	if (ok)
		snprintf(path, size, "%s", found.gl_pathv[0]);
	globfree(&found);
	return ok;
}

static bool kvm_stat(const char *name, u64 *val)
{
	char pattern[200], path[300];
	long n;

	snprintf(pattern, sizeof(pattern), "/sys/kernel/debug/kvm/%%d-*/%s",
		 name);
	if (!find_file(pattern, path, sizeof(path)))
		return false;
	n = read_number(path);
	*val = n;
	return n >= 0;
}

/**
 * memory_counter() - a line of Ospite's file memory
 * @name: its first word
 * @val: set to the number
 *
 * Return: false if there is none, as on KVM.
 */
bool memory_counter(const char *name, u64 *val)
{
	char path[300], word[64];
	unsigned long long n;
	bool ok = false;
	FILE *f;

	if (!find_file("/sys/kernel/debug/ospite/%d-*/memory", path,
		       sizeof(path)))
		return false;
	f = fopen(path, "r");
	while (f && !ok && fscanf(f, "%63s %llu", word, &n) == 2)
		ok = !strcmp(word, name);
	if (f)
		fclose(f);
	*val = n;
	return ok;
}

/**
 * mapped_read() - how the VM's memory is mapped now
 * @m: filled
 *
 * Return: false if debugfs does not show it.
 */
bool mapped_read(struct mapped *m)
{
	if (abi_on_kvm())
		return kvm_stat("pages_4k", &m->k4) &&
		       kvm_stat("pages_2m", &m->m2) &&
		       kvm_stat("pages_1g", &m->g1);
	return memory_counter("4k", &m->k4) && memory_counter("2m", &m->m2) &&
	       memory_counter("1g", &m->g1);
}

/**
 * map_aligned() - fresh anonymous memory
 * @size: bytes
 * @align: of its address, a power of two
 *
 * Return: the address; what lies around it up to @align is not mapped.
 */
void *map_aligned(u64 size, u64 align)
{
	u8 *p = mmap(NULL, size + align, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	u8 *q = (u8 *)(((uintptr_t)p + align - 1) & -align);

	if (p == MAP_FAILED)
		die("no %llu bytes to map\n", (unsigned long long)size);
	if (q > p)
		munmap(p, q - p);
	munmap(q + size, p + align - q);
	return q;
}

/**
 * use_huge_pages() - have the host keep huge pages for hugetlbfs
 * @size: of each
 * @nr: how many have to be free
 *
 * Return: whether they are.
 */
bool use_huge_pages(u64 size, unsigned int nr)
{
	char nr_free[100], nr_all[100], text[16];
	const char *dir = "/sys/kernel/mm/hugepages/hugepages";
	unsigned int kib = size >> 10;

	snprintf(nr_free, sizeof(nr_free), "%s-%ukB/free_hugepages", dir, kib);
	snprintf(nr_all, sizeof(nr_all), "%s-%ukB/nr_hugepages", dir, kib);
	snprintf(text, sizeof(text), "%u", nr);
	if (read_number(nr_free) < (long)nr && !write_file(nr_all, text))
		return false;
	return read_number(nr_free) >= (long)nr;
}

/**
 * pagemap_entry() - what the host has for a page of this process
 * @p: an address in it
 *
 * Return: its entry in /proc/self/pagemap; the frame number is 0 without
 * CAP_SYS_ADMIN.
 */
u64 pagemap_entry(const void *p)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	u64 entry = 0;

	if (fd < 0 || pread(fd, &entry, sizeof(entry),
			    (uintptr_t)p / PAGE_4K * 8) != sizeof(entry))
		die("no pagemap: %s\n", strerror(errno));
	close(fd);
	return entry;
}
