// SPDX-License-Identifier: GPL-2.0
/*
 * ops_vm.c - what a virtual machine costs as a whole: its time and memory.
 *
 * Memory is what the system has less of after making many VMs, divided by
 * their number: the pages in the buddy allocator and on the per-CPU lists
 * before and after.  All these VMs share one piece of guest memory, so that it
 * costs nothing each, and have run once, so that what a hypervisor allocates
 * at the first entry or fault counts.  Their few pages touched need one EPT
 * page a level, which is subtracted: the row says what a VM takes beside EPT.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "bench.h"
#include "vm.h"

#define EPT_KIB		16	/* 4 levels, a page each */

/* VMs made before counting starts, and VMs counted. */
#define FIRST_VMS	16
#define COUNTED_VMS	96

static int create_and_destroy(const char *dev)
{
	int sys, vm, vcpu;

	sys = open(dev, O_RDWR | O_CLOEXEC);
	if (sys < 0)
		return failed(dev);
	vm = ioctl(sys, KVM_CREATE_VM, 0);
	if (vm < 0)
		return failed("KVM_CREATE_VM");
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	if (vcpu < 0)
		return failed("KVM_CREATE_VCPU");
	close(vcpu);
	close(vm);
	close(sys);
	return 0;
}

/* A VM with one vCPU made and destroyed, no other VM being there. */
int measure_lifecycle(const struct bench *bench, const struct row *row,
		      struct samples *samples)
{
	unsigned int batches = bench->mark ? MARK_WINDOWS : row->batches;
	unsigned int i;
	uint64_t start;

	if (create_and_destroy(bench->dev) < 0)
		return -1;
	for (i = 0; i < batches; i++) {
		start = read_tsc();
		if (bench->mark)
			marker();
		if (create_and_destroy(bench->dev) < 0)
			return -1;
		if (bench->mark)
			marker();
		samples_add(samples, read_tsc() - start);
	}
	return 0;
}

/* Memory of the system in KiB. */
struct memory {
	long free;		/* buddy allocator and per-CPU lists */
	long slab;
	long vmalloc;
};

static int read_meminfo(struct memory *memory)
{
	char line[128];
	FILE *file = fopen("/proc/meminfo", "r");

	if (!file)
		return failed("/proc/meminfo");
	while (fgets(line, sizeof(line), file)) {
		sscanf(line, "MemFree: %ld", &memory->free);
		sscanf(line, "Slab: %ld", &memory->slab);
		sscanf(line, "VmallocUsed: %ld", &memory->vmalloc);
	}
	fclose(file);
	return 0;
}

/* Free pages on the per-CPU lists, which MemFree leaves out. */
static int add_per_cpu_pages(struct memory *memory)
{
	char line[128];
	FILE *file = fopen("/proc/zoneinfo", "r");
	long pages;

	if (!file)
		return failed("/proc/zoneinfo");
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, " count: %ld", &pages) == 1)
			memory->free += pages * 4;
	fclose(file);
	return 0;
}

static int read_memory(struct memory *memory)
{
	memset(memory, 0, sizeof(*memory));
	if (read_meminfo(memory) < 0)
		return -1;
	return add_per_cpu_pages(memory);
}

/* Make @vms[@from .. @to), each on the memory of the first, and run each. */
static int make_vms(const struct bench *bench, struct vm *vms,
		    unsigned int from, unsigned int to)
{
	unsigned int i;

	for (i = from; i < to; i++)
		if (vm_open(&vms[i], bench->dev, i ? vms[0].low : NULL) < 0 ||
		    vm_start(&vms[i], guest_empty, 0) < 0 ||
		    vm_batch(&vms[i], 1, 0) < 0)
			return -1;
	return 0;
}

static int count_memory(const struct bench *bench, struct vm *vms,
			struct samples *samples)
{
	struct memory before, after;

	if (make_vms(bench, vms, 0, FIRST_VMS) < 0 ||
	    read_memory(&before) < 0 ||
	    make_vms(bench, vms, FIRST_VMS, FIRST_VMS + COUNTED_VMS) < 0 ||
	    read_memory(&after) < 0)
		return -1;
	samples_add(samples, (double)(before.free - after.free) /
			     COUNTED_VMS - EPT_KIB);
	snprintf(samples->detail, sizeof(samples->detail),
		 "of it slab %.1f, vmalloc %.1f",
		 (double)(after.slab - before.slab) / COUNTED_VMS,
		 (double)(after.vmalloc - before.vmalloc) / COUNTED_VMS);
	return 0;
}

/* Kernel memory of a VM with one vCPU and interrupt controllers. */
int measure_memory(const struct bench *bench, const struct row *row,
		   struct samples *samples)
{
	struct vm vms[FIRST_VMS + COUNTED_VMS];
	unsigned int i;
	int ret;

	(void)row;
	for (i = 0; i < FIRST_VMS + COUNTED_VMS; i++)
		vm_init(&vms[i]);
	ret = count_memory(bench, vms, samples);
	for (i = FIRST_VMS + COUNTED_VMS; i-- > 0;)
		vm_close(&vms[i]);
	return ret;
}
