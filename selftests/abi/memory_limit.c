// SPDX-License-Identifier: GPL-2.0
/*
 * memory_limit.c - what a VM makes the kernel allocate is charged to its owner,
 * and a VM that exceeds the limit of its control group dies alone.
 */
#include <sys/mount.h>
#include <sys/stat.h>

#include "lib/abi.h"
#include "lib/guest.h"
#include "lib/pages.h"

#define ROOT "/tmp/memory_limit"
#define NPAGES 8192		/* 32 MiB of guest memory */
#define GPA 0x20000000ull

static void need_memcg(void)
{
	mkdir(ROOT, 0700);
	if (mount("none", ROOT, "cgroup2", 0, NULL) && errno != EBUSY)
		skip("no control groups: %s", strerror(errno));
	if (!write_file(ROOT "/cgroup.subtree_control", "+memory"))
		skip("no memory control group");
}

static void make_group(const char *name, const char *max)
{
	char path[128];

	snprintf(path, sizeof(path), ROOT "/%s", name);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), ROOT "/%s/memory.swap.max", name);
	write_file(path, "0");
	snprintf(path, sizeof(path), ROOT "/%s/memory.max", name);
	CHECK(write_file(path, max), "memory.max: %s\n", strerror(errno));
}

static void join_group(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), ROOT "/%s/cgroup.procs", name);
	if (!write_file(path, "0"))
		die("%s: %s\n", path, strerror(errno));
}

/* It may take a moment until the last page's charge is gone. */
static void end_group(const char *name)
{
	char path[128];
	int i;

	snprintf(path, sizeof(path), ROOT "/%s", name);
	for (i = 0; i < 100 && rmdir(path) && errno == EBUSY; i++)
		usleep(10000);
}

/* A line "NAME NUMBER" of a file of a group's. */
static long line_of(const char *group, const char *file, const char *name)
{
	char path[128], word[64];
	long n, found = -1;
	FILE *f;

	snprintf(path, sizeof(path), ROOT "/%s/%s", group, file);
	f = fopen(path, "r");
	while (f && fscanf(f, "%63s %ld", word, &n) == 2)
		if (!strcmp(word, name))
			found = n;
	if (f)
		fclose(f);
	return found;
}

static long event_of(const char *group, const char *event)
{
	return line_of(group, "memory.events", event);
}

/* ---- two VMs, one of which wants too much ---- */

static volatile u64 pages, turns, wrong;

static void greedy_guest(void)
{
	u64 i, round;

	sti();
	for (round = 0; round < turns; round++)
		for (i = 0; i < pages; i++) {
			volatile u64 *p = (u64 *)(GPA + i * PAGE_4K);

			wrong += *p != (round ? i + round : 0);
			*p = i + round + 1;
		}
}

static int run_greedy(const char *group, u64 n, u64 rounds)
{
	struct vm *vm;
	struct vcpu *v;
	void *p;

	join_group(group);
	vm = vm_new(0);
	v = vcpu_new(vm, 0);
	p = vm_add_ram(vm, 1, GPA, NPAGES * PAGE_4K);
	madvise(p, NPAGES * PAGE_4K, MADV_NOHUGEPAGE);
	*GVAR(vm, pages) = n;
	*GVAR(vm, turns) = rounds;
	mode_long(v, greedy_guest);
	run_done(v);
	return *GVAR(vm, wrong) != 0;
}

static pid_t start_greedy(const char *group, u64 n, u64 rounds)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid)
		_exit(run_greedy(group, n, rounds));
	return pid;
}

CASE_T(dies_alone, 60)
{
	pid_t modest, greedy;
	int status;

	need_memcg();
	make_group("modest", "max");
	make_group("greedy", "20M");
	modest = start_greedy("modest", 512, 400);
	greedy = start_greedy("greedy", NPAGES, 1);
	MUST(waitpid(greedy, &status, 0));
	EQ("greedy-killed", WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
	   1);
	EQ("killed-for-memory", event_of("greedy", "oom_kill"), 1);
	MUST(waitpid(modest, &status, 0));
	EQ("modest-goes-on", status, 0);
	EQ("nothing-happened-to-it", event_of("modest", "oom_kill"), 0);
	end_group("greedy");
	end_group("modest");
}

/* ---- what is charged ---- */

static long charged(const char *kind)
{
	return line_of("owner", "memory.stat", kind);
}

static void alias_guest(void)
{
	u64 i;

	for (i = 0; i < pages; i++)
		wrong += *(volatile u64 *)(PAGE_1G + i * PAGE_2M) != 42;
}

/*
 * Many slots with the same page of the host's behind them, in as many tables of
 * the EPT: nothing of the host's own grows.
 */
static void alias(u64 n)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	u64 *p = map_aligned(PAGE_4K, PAGE_4K), i;
	long before, slots, tables;

	*p = 42;
	((u64 *)(vm->ram + GPA_PDPT))[1] = 0x40000083;
	((u64 *)(vm->ram + GPA_PDPT))[2] = 0x80000083;
	before = charged("slab");
	for (i = 0; i < n; i++)
		MUST(vm_slot(vm, i + 1, 0, PAGE_1G + i * PAGE_2M, PAGE_4K, p));
	slots = charged("slab") - before;
	*GVAR(vm, pages) = n;
	mode_long(v, alias_guest);
	before = charged("sec_pagetables");
	run_done(v);
	tables = charged("sec_pagetables") - before;
	note("%ld bytes for %lld slots, %ld for their tables\n", slots,
	     (long long)n, tables);
	SAME(*GVAR(vm, wrong), 0);
	/* A page of small objects may still be on its way into the figure. */
	CHECK(slots + (long)PAGE_4K >= (long)n * 64, "slots are not charged\n");
	CHECK(tables >= (long)(n * PAGE_4K), "tables are not charged\n");
}

static void many_vcpus(u64 n)
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	long before = charged("kernel"), after;
	u64 i;

	for (i = 0; i < n; i++)
		vcpu_new(vm, i);
	after = charged("kernel");
	note("%ld bytes for %lld vCPUs\n", after - before, (long long)n);
	/* Each has a VMCS, a run page, a virtual-APIC page, FPU state... */
	CHECK(after - before >= (long)(n * 4 * PAGE_4K),
	      "vCPUs are not charged\n");
}

static int in_group(void (*fn)(u64), u64 n, const char *max)
{
	int status;
	pid_t pid;

	need_memcg();
	make_group("owner", max);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		join_group("owner");
		fn(n);
		fflush(stdout);
		_exit(0);
	}
	MUST(waitpid(pid, &status, 0));
	return status;
}

CASE_T(slots_and_tables, 30)
{
	EQ("status", in_group(alias, 1000, "max"), 0);
	end_group("owner");
}

CASE_T(vcpus, 30)
{
	EQ("status", in_group(many_vcpus, 64, "max"), 0);
	end_group("owner");
}

/* The tables alone exceed the limit: the owner dies, the host is well. */
CASE_T(tables_exceed_it, 30)
{
	int status = in_group(alias, 1000, "3M");

	EQ("killed", WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, 1);
	EQ("killed-for-memory", event_of("owner", "oom_kill"), 1);
	end_group("owner");
}
