// SPDX-License-Identifier: GPL-2.0
/*
 * tlb.c - translations are flushed when they have to be, once, and not else.
 *
 * What Documentation/tlb.md promises, by the counters that it names.  They are
 * Ospite's own, so on KVM every case is skipped.
 */
#include <sys/syscall.h>

#include "lib/abi.h"
#include "lib/guest.h"
#include "lib/pages.h"

#define GPA 0x20000000ull
#define NPAGES 64
#define TIMES 100

static volatile u64 writes;

static struct vm *vm;
static struct vcpu *v;
static u8 *ram;

static u64 counter(const char *name)
{
	u64 val = 0;

	if (!memory_counter(name, &val))
		skip("the device does not count flushes");
	return val;
}

/* One load, or one store, of each page. */
static void touch_guest(void)
{
	u64 i;

	for (;;) {
		for (i = 0; i < NPAGES; i++)
			if (writes)
				*(volatile u64 *)(GPA + i * PAGE_4K) = i;
			else
				(void)*(volatile u64 *)(GPA + i * PAGE_4K);
		guest_sync(0);
	}
}

static void touch(bool write)
{
	*GVAR(vm, writes) = write;
	expect_exit(v, "touched", KVM_EXIT_IO);
}

/* No huge pages: nothing may put these together meanwhile. */
static void start(void (*guest)(void))
{
	vm = vm_new(0);
	v = vcpu_new(vm, 0);
	counter("emptied");
	ram = vm_add_ram(vm, 1, GPA, NPAGES * PAGE_4K);
	madvise(ram, NPAGES * PAGE_4K, MADV_NOHUGEPAGE);
	madvise(vm->ram, RAM_SIZE, MADV_NOHUGEPAGE);
	mode_long(v, guest);
}

/* How many flushes of the EPT there were since the last question. */
static u64 last_all;

static void expect_all(const char *name, u64 want)
{
	u64 now = counter("invept-all");

	EQ(name, now - last_all, want);
	last_all = now;
}

static void begin_all(void)
{
	last_all = counter("invept-all");
}

CASE(faults_flush_nothing)
{
	start(touch_guest);
	memset(ram, 1, NPAGES * PAGE_4K);
	begin_all();
	touch(false);
	expect_all("loads", 0);
	touch(true);
	expect_all("stores", 0);
}

/* The host's entries of a shared file are clean at first: read-only for us. */
CASE(a_right_is_added)
{
	int fd = MUST(syscall(SYS_memfd_create, "guest", 0));
	u64 emptied;
	u8 *p;

	start(touch_guest);
	MUST(ftruncate(fd, NPAGES * PAGE_4K));
	p = mmap(NULL, NPAGES * PAGE_4K, PROT_READ | PROT_WRITE, MAP_SHARED,
		 fd, 0);
	MUST(vm_slot(vm, 1, 0, 0, 0, NULL));
	MUST(vm_slot(vm, 1, 0, GPA, NPAGES * PAGE_4K, p));
	touch(false);
	begin_all();
	emptied = counter("emptied");
	touch(true);
	expect_all("clean-pages-written", 0);
	EQ("emptied", counter("emptied") - emptied, 0);
}

/* But the zero page that a load finds is another page than a store makes. */
CASE(zero_page_goes)
{
	start(touch_guest);
	touch(false);
	begin_all();
	touch(true);
	expect_all("stores", NPAGES);
}

/* One flush for the range, however many pages of it are mapped. */
CASE(host_takes_pages)
{
	u64 emptied;

	start(touch_guest);
	touch(true);
	begin_all();
	emptied = counter("emptied");
	MUST(madvise(ram, NPAGES * PAGE_4K, MADV_DONTNEED));
	expect_all("all-pages", 1);
	CHECK(counter("emptied") - emptied >= 1, "nothing was emptied\n");
	MUST(madvise(ram, NPAGES * PAGE_4K, MADV_DONTNEED));
	expect_all("none-there", 0);
	memset(ram, 1, NPAGES * PAGE_4K);
	MUST(madvise(ram, NPAGES * PAGE_4K, MADV_DONTNEED));
	expect_all("none-mapped", 0);
	touch(true);
	begin_all();
	MUST(mprotect(ram, NPAGES * PAGE_4K, PROT_READ));
	expect_all("write-protected", 1);
	touch(false);
	expect_all("read-again", 0);
	MUST(mprotect(ram, NPAGES * PAGE_4K, PROT_READ | PROT_WRITE));
	begin_all();
	touch(true);
	MUST(madvise(ram + 3 * PAGE_4K, PAGE_4K, MADV_DONTNEED));
	expect_all("one-page", 1);
}

CASE(slots_change)
{
	start(touch_guest);
	begin_all();
	MUST(vm_slot(vm, 2, 0, 2 * GPA, NPAGES * PAGE_4K, ram));
	expect_all("made", 0);
	MUST(vm_slot(vm, 2, 0, 0, 0, NULL));
	expect_all("deleted-unmapped", 0);
	touch(true);
	begin_all();
	MUST(vm_slot(vm, 1, 0, 0, 0, NULL));
	expect_all("deleted-mapped", 1);
	MUST(vm_slot(vm, 1, 0, GPA, NPAGES * PAGE_4K, ram));
	expect_all("made-again", 0);
}

/* ---- the guest's own translations ---- */

static void own_guest(void)
{
	u64 cr4 = READ_CR(4), cr3 = READ_CR(3), i;

	guest_sync(0);
	for (i = 0; i < TIMES; i++)
		asm volatile("mov %0, %%cr3" : : "r"(cr3) : "memory");
	guest_sync(1);
	for (i = 0; i < TIMES; i++)
		asm volatile("invlpg (%0)" : : "r"(GPA) : "memory");
	guest_sync(2);
	for (i = 0; i < TIMES; i++) {
		asm volatile("mov %0, %%cr4" : : "r"(cr4 ^ BIT(7)) : "memory");
		asm volatile("mov %0, %%cr4" : : "r"(cr4) : "memory");
	}
	guest_sync(3);
	for (i = 0; i < TIMES; i++)
		asm volatile("cpuid" : : "a"(0), "c"(0) : "rbx", "rdx");
	for (;;)
		guest_sync(4);
}

CASE(guest_flushes_by_itself)
{
	u64 was;
	u32 i;

	MUST(pin_thread(0, 0));
	start(own_guest);
	expect_exit(v, "start", KVM_EXIT_IO);
	was = counter("invvpid");
	for (i = 1; i <= 4; i++)
		expect_exit(v, "done", KVM_EXIT_IO);
	EQ("invvpid", counter("invvpid") - was, 0);
	EQ("first-visits", counter("invept-first"), 1);
}

CASE(userspace_sets_state)
{
	struct kvm_sregs s;
	u64 was;

	start(own_guest);
	expect_exit(v, "start", KVM_EXIT_IO);
	was = counter("invvpid");
	get_sregs(v, &s);
	set_sregs(v, &s);
	set_sregs(v, &s);
	expect_exit(v, "after", KVM_EXIT_IO);
	EQ("twice-set-once-flushed", counter("invvpid") - was, 1);
}

/* ---- other CPUs ---- */

static void go_to(int cpu)
{
	if (pin_thread(0, cpu))
		skip("there is one CPU only");
}

CASE(cpus_are_visited)
{
	u64 invvpid, i;

	go_to(1);
	start(touch_guest);
	touch(true);
	EQ("one-cpu", counter("invept-first"), 1);
	invvpid = counter("invvpid");
	for (i = 0; i < 6; i++) {
		go_to(i & 1);
		touch(true);
	}
	EQ("two-cpus", counter("invept-first"), 2);
	EQ("moves", counter("invvpid") - invvpid, 6);
	begin_all();
	MUST(madvise(ram, NPAGES * PAGE_4K, MADV_DONTNEED));
	expect_all("both-at-once", 1);
	touch(false);
}
