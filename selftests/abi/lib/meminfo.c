// SPDX-License-Identifier: GPL-2.0
/*
 * meminfo.c - what the host's memory is used for, to find what was left behind.
 */
#include <dirent.h>
#include <fcntl.h>
#include <glob.h>

#include "abi.h"
#include "meminfo.h"

/**
 * meminfo() - a line of /proc/meminfo
 * @what: its name, without the colon
 *
 * Return: the number, in KiB; -1 if there is no such line.
 */
long meminfo(const char *what)
{
	char line[200];
	long val = -1;
	size_t n = strlen(what);
	FILE *f = fopen("/proc/meminfo", "r");

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, what, n) && line[n] == ':')
			val = atol(line + n + 1);
	if (f)
		fclose(f);
	return val;
}

/**
 * idle_memory() - memory that is free or could be at once, in KiB
 *
 * What the allocator keeps in
 * its per-CPU lists (up to several huge pages each) is not in MemAvailable.
 */
long idle_memory(void)
{
	long pages = 0, count;
	char line[256];
	FILE *f = fopen("/proc/zoneinfo", "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, " count: %ld", &count) == 1)
			pages += count;
	if (f)
		fclose(f);
	return meminfo("MemAvailable") + pages * 4;
}

/**
 * shrink_slabs() - have the slab caches give back what they don't use
 *
 * What they keep of what was freed is not lost: empty slabs, and
 * under KASAN a quarantine of up to a 32nd of all memory.
 */
void shrink_slabs(void)
{
	glob_t caches = { 0 };
	size_t i;
	int fd;

	glob("/sys/kernel/slab/*/shrink", 0, NULL, &caches);
	for (i = 0; i < caches.gl_pathc; i++) {
		fd = open(caches.gl_pathv[i], O_WRONLY);
		if (fd < 0)
			continue;
		if (write(fd, "1", 1) != 1)
			note("%s can't be written\n", caches.gl_pathv[i]);
		close(fd);
	}
	globfree(&caches);
}

/**
 * debugfs_vms() - how many VMs the device has, of anyone
 */
int debugfs_vms(void)
{
	DIR *d = opendir(abi_on_kvm() ? "/sys/kernel/debug/kvm" :
					"/sys/kernel/debug/ospite");
	struct dirent *e;
	int n = 0;

	while (d && (e = readdir(d)))
		n += e->d_name[0] >= '1' && e->d_name[0] <= '9' &&
		     strchr(e->d_name, '-');
	if (d)
		closedir(d);
	return n;
}
