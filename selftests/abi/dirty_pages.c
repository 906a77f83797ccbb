// SPDX-License-Identifier: GPL-2.0
/*
 * dirty_pages.c - what the dirty log does to the mapping: large pages stay for
 * reads, are split where the guest writes, and come back; flushes are few; and a
 * list of slot changes (OSPITE_SET_MEMORY_REGIONS) keeps the log.
 *
 * By counters and an ioctl of Ospite's own, so on KVM every case is skipped.
 */
#include <linux/ospite.h>
#include <sched.h>

#include "lib/abi.h"
#include "lib/dirty.h"
#include "lib/exits.h"
#include "lib/guest.h"
#include "lib/pages.h"

#define HUGE_PAGES	512ull		/* in a large page */
#define PAGES		(8 * HUGE_PAGES)

static struct vm *vm;
static struct vcpu *v;
static u8 *ram;
static struct mapped start;

static struct mapped mapped_now(void)
{
	struct mapped now;

	if (abi_on_kvm())
		skip("KVM maps and flushes in a way of its own");
	if (!mapped_read(&now))
		skip("debugfs does not show how memory is mapped");
	return now;
}

static u64 count(const char *name)
{
	u64 n = 0;

	if (!memory_counter(name, &n))
		skip("%s is not counted", name);
	return n;
}

static void begin(void)
{
	vm = vm_new(0);
	v = vcpu_new(vm, 0);
	start = mapped_now();
	ram = dirty_ram(vm, PAGES, true);
	dirty_write(v, 0, 1, PAGES);
	start = mapped_now();
	if (start.m2 < PAGES / HUGE_PAGES)
		skip("the host has no large pages");
}

static void log_pages(bool on)
{
	MUST(vm_slot(vm, 1, on ? KVM_MEM_LOG_DIRTY_PAGES : 0, DIRTY_GPA,
		     PAGES * PAGE, ram));
}

static u64 bitmap[PAGES / 64];

static unsigned int get_log(u32 slot, void *bits)
{
	struct kvm_dirty_log log = { .slot = slot, .dirty_bitmap = bits };
	unsigned int i, n = 0;

	MUST(ioctl(vm->fd, KVM_GET_DIRTY_LOG, &log));
	for (i = 0; i < PAGES / 64; i++)
		n += __builtin_popcountll(((u64 *)bits)[i]);
	return n;
}

/* How many large pages fewer there are than at the beginning. */
static u64 split_pages(void)
{
	return start.m2 - mapped_now().m2;
}

CASE(large_pages_stay_for_reads)
{
	begin();
	log_pages(true);
	EQ("logging", split_pages(), 0);
	dirty_read(v, 0, 1, PAGES);
	EQ("read", split_pages(), 0);
	dirty_write(v, 3 * HUGE_PAGES + 7, 0, 1);
	EQ("one-write", split_pages(), 1);
	dirty_write(v, 3 * HUGE_PAGES, 1, HUGE_PAGES);
	EQ("all-of-it", split_pages(), 1);
	dirty_write(v, 0, HUGE_PAGES, 8);
	EQ("each", split_pages(), 8);
	EQ("small-pages", mapped_now().k4 - start.k4, PAGES);
	EQ("dirty", get_log(1, bitmap), HUGE_PAGES + 7);
	EQ("memory", dirty_wrong(v, ram, PAGES), 0);
}

/* In the background, so it is waited for; a case has a time limit. */
static void await_large(void)
{
	while (split_pages())
		usleep(1000);
}

CASE(large_pages_come_back)
{
	u64 tables;
	int i;

	begin();
	tables = count("tables");
	for (i = 0; i < 3; i++) {
		log_pages(true);
		dirty_write(v, 0, 1, PAGES / 2);
		EQ("split", split_pages(), PAGES / HUGE_PAGES / 2);
		log_pages(false);
		await_large();
		EQ("no-small-pages", mapped_now().k4 - start.k4, 0);
		/* They are freed after the flush. */
		while (count("tables") != tables)
			usleep(1000);
		EQ("memory", dirty_wrong(v, ram, PAGES), 0);
	}
	/* And they are writable at once. */
	dirty_write(v, 0, 1, PAGES);
	EQ("memory-at-last", dirty_wrong(v, ram, PAGES), 0);
}

/* The work item has the VM's memory in its hands when the VM ends. */
CASE(end_while_they_come_back)
{
	int i;

	for (i = 0; i < 10; i++) {
		begin();
		log_pages(true);
		dirty_write(v, 0, 1, PAGES);
		log_pages(false);
		vcpu_free(v);
		vm_free(vm);
	}
	EQ("ended", i, 10);
}

CASE(flushes_are_few)
{
	u64 before;

	begin();
	before = count("invept-all");
	log_pages(true);
	EQ("start", count("invept-all") - before, 1);
	dirty_write(v, 0, 1, PAGES);
	EQ("writes", count("invept-all") - before, 1);
	SAME(get_log(1, bitmap), PAGES);
	EQ("get", count("invept-all") - before, 2);
	SAME(get_log(1, bitmap), 0);
	EQ("get-nothing", count("invept-all") - before, 2);
}

/* A line of a file that begins with a word, or NULL. */
static const char *find_line(const char *path, const char *word)
{
	static char line[4096];
	FILE *f = fopen(path, "r");
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f))
		found = !strncmp(line, word, strlen(word));
	if (f)
		fclose(f);
	return found ? line : NULL;
}

/* Does the CPU log pages, and is it asked to? */
static bool cpu_logs(void)
{
	const char *flags = find_line("/proc/cpuinfo", "vmx flags");

	return flags && strstr(flags, " pml") &&
	       find_line("/sys/module/ospite/parameters/pml", "Y");
}

/* A VM exit for each page written, or for 512 of them. */
CASE(exits_for_writes)
{
	struct exit_count before, after;
	u64 exits;

	begin();
	log_pages(true);
	dirty_write(v, 0, 1, PAGES);
	SAME(get_log(1, bitmap), PAGES);
	if (!exits_read(v, &before))
		skip("the device does not count exits");
	dirty_write(v, 0, 1, PAGES);
	exits_read(v, &after);
	exits = after.all - before.all;
	SAME(get_log(1, bitmap), PAGES);
	note("%llu exits, %s\n", (unsigned long long)exits,
	     cpu_logs() ? "logged by the CPU" : "write-protected");
	if (cpu_logs())
		CHECK(exits < PAGES / 100, "%llu exits\n",
		      (unsigned long long)exits);
	else
		CHECK(exits >= PAGES, "%llu exits\n",
		      (unsigned long long)exits);
}

/* ---- lists of slot changes ---- */

static struct {
	struct ospite_memory_regions head;
	struct kvm_userspace_memory_region r[3];
} list;

static void add_slot(u32 slot, u64 first, u64 pages)
{
	list.r[list.head.nr++] = (struct kvm_userspace_memory_region){
		.slot = slot, .flags = KVM_MEM_LOG_DIRTY_PAGES,
		.guest_phys_addr = DIRTY_GPA + first * PAGE,
		.memory_size = pages * PAGE,
		.userspace_addr = (uintptr_t)ram + first * PAGE,
	};
}

/* One slot becomes two, or two become one, or others. */
static void divide(u64 first_part)
{
	static bool divided;

	memset(&list, 0, sizeof(list));
	add_slot(1, 0, first_part);
	if (first_part < PAGES)
		add_slot(2, first_part, PAGES - first_part);
	else if (divided)
		list.r[list.head.nr++].slot = 2;
	divided = first_part < PAGES;
	MUST(ioctl(vm->fd, OSPITE_SET_MEMORY_REGIONS, &list));
}

CASE(divided_slots_keep_their_log)
{
	static u64 second[PAGES / 64];

	if (dev_cap(OSPITE_CAP_MEMORY_REGIONS) <= 0)
		skip("this device changes slots one by one");
	begin();
	log_pages(true);
	dirty_write(v, 1, 3, 1000);
	/* The second begins in the middle of a word of the first one's bits. */
	divide(1500);
	EQ("first", get_log(1, bitmap), 500);
	EQ("second", get_log(2, second), 500);
	EQ("second-bit-1", second[0], 0x2492492492492492ull);
	SAME(get_log(1, bitmap) + get_log(2, second), 0);
	dirty_write(v, 1499, 1, 2);
	divide(PAGES);
	memset(bitmap, 0, sizeof(bitmap));
	EQ("merged", get_log(1, bitmap), 2);
	EQ("bits", bitmap[1499 / 64] >> 1499 % 64 & 3, 3);
	dirty_write(v, 0, 4, 1000);
	EQ("goes-on", get_log(1, bitmap), 1000);
	EQ("memory", dirty_wrong(v, ram, PAGES), 0);
}

/* Divided and merged all the while; nothing that is written is missed. */
CASE_T(migrate_divided_slots, 40)
{
	static u64 second[PAGES / 64];
	struct dirty_runner runner;
	u8 *shadow;
	u64 i, at;

	if (dev_cap(OSPITE_CAP_MEMORY_REGIONS) <= 0)
		skip("this device changes slots one by one");
	begin();
	shadow = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	log_pages(true);
	memcpy(shadow, ram, PAGES * PAGE);
	dirty_run(&runner, v, 0, PAGES);
	for (i = 0; i < 30; i++) {
		u64 part = i % 3 ? 1000 + 64 * i : PAGES;

		dirty_wait(&runner, 200);
		divide(part);
		dirty_wait(&runner, 100);
		if (i == 29)
			dirty_stop(&runner);
		memset(second, 0, sizeof(second));
		memset(bitmap, 0, sizeof(bitmap));
		get_log(1, bitmap);
		if (part < PAGES)
			get_log(2, second);
		for (at = 0; at < PAGES; at++) {
			const u64 *bits = at < part ? bitmap : second;
			u64 n = at < part ? at : at - part;

			if (bits[n / 64] >> n % 64 & 1)
				memcpy(shadow + at * PAGE, ram + at * PAGE,
				       PAGE);
		}
	}
	for (at = 0; at < PAGES; at++)
		if (memcmp(shadow + at * PAGE, ram + at * PAGE, PAGE))
			break;
	EQ("first-page-that-differs", at, PAGES);
}
