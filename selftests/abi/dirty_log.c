// SPDX-License-Identifier: GPL-2.0
/*
 * dirty_log.c - which pages a guest has written, page by page: arguments, what
 * marks a page and what does not, small and large host pages, and a migration
 * that must lose nothing.  dirty_ring.c has the rings.
 */
#include "lib/abi.h"
#include "lib/dirty.h"
#include "lib/guest.h"

#define ALL_BITS	(~0ull)

static void start_log(struct vm *vm, void *p, u64 pages)
{
	MUST(vm_slot(vm, 1, KVM_MEM_LOG_DIRTY_PAGES, DIRTY_GPA, pages * PAGE,
		     p));
}

static void stop_log(struct vm *vm, void *p, u64 pages)
{
	MUST(vm_slot(vm, 1, 0, DIRTY_GPA, pages * PAGE, p));
}

static int enable_manual(struct vm *vm, u64 flags)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2,
		.args = { flags },
	};

	return ioctl(vm->fd, KVM_ENABLE_CAP, &cap);
}

static int get_log(struct vm *vm, u32 slot, void *bitmap)
{
	struct kvm_dirty_log log = { .slot = slot, .dirty_bitmap = bitmap };

	return ioctl(vm->fd, KVM_GET_DIRTY_LOG, &log);
}

static int clear_log_range(struct vm *vm, u32 slot, u64 first, u32 pages,
			   void *bitmap)
{
	struct kvm_clear_dirty_log log = {
		.slot = slot, .first_page = first, .num_pages = pages,
		.dirty_bitmap = bitmap,
	};

	return ioctl(vm->fd, KVM_CLEAR_DIRTY_LOG, &log);
}

/* ---- arguments ---- */

CASE(get_arguments)
{
	struct vm *vm = vm_new(0);
	u64 bitmap[3] = { ALL_BITS, ALL_BITS, ALL_BITS };
	void *p = dirty_ram(vm, 70, false);

	ERR("not-logged", get_log(vm, 1, bitmap), ENOENT);
	ERR("no-slot", get_log(vm, 5, bitmap), ENOENT);
	ERR("slot-range", get_log(vm, 32764, bitmap), EINVAL);
	ERR("slot-max", get_log(vm, 0xffff, bitmap), EINVAL);
	ERR("no-log", ioctl(vm->fd, KVM_GET_DIRTY_LOG, NULL), EFAULT);
	start_log(vm, p, 70);
	ERR("no-bitmap", get_log(vm, 1, NULL), EFAULT);
	ERR("get", get_log(vm, 1, bitmap), 0);
	EQ("word0", bitmap[0], 0);
	EQ("word1", bitmap[1], 0);
	EQ("beyond", bitmap[2], ALL_BITS);
	stop_log(vm, p, 70);
	ERR("stopped", get_log(vm, 1, bitmap), ENOENT);
}

CASE(clear_arguments)
{
	struct vm *vm = vm_new(0);
	u64 bitmap[4] = { 0 };
	void *p = dirty_ram(vm, 200, false);

	ERR("not-logged", clear_log_range(vm, 1, 0, 64, bitmap), ENOENT);
	start_log(vm, p, 200);
	ERR("whole", clear_log_range(vm, 1, 0, 200, bitmap), 0);
	ERR("word", clear_log_range(vm, 1, 64, 64, bitmap), 0);
	ERR("nothing", clear_log_range(vm, 1, 64, 0, bitmap), 0);
	ERR("tail", clear_log_range(vm, 1, 192, 8, bitmap), 0);
	ERR("tail-part", clear_log_range(vm, 1, 192, 7, bitmap), EINVAL);
	ERR("first-odd", clear_log_range(vm, 1, 32, 64, bitmap), EINVAL);
	ERR("first-odd-no-slot", clear_log_range(vm, 5, 1, 64, bitmap), EINVAL);
	ERR("pages-odd", clear_log_range(vm, 1, 0, 65, bitmap), EINVAL);
	ERR("too-many", clear_log_range(vm, 1, 0, 256, bitmap), EINVAL);
	ERR("first-beyond", clear_log_range(vm, 1, 256, 0, bitmap), EINVAL);
	ERR("first-far", clear_log_range(vm, 1, 1ull << 62, 64, bitmap),
	    EINVAL);
	ERR("no-bitmap", clear_log_range(vm, 1, 0, 200, NULL), EFAULT);
	ERR("no-slot", clear_log_range(vm, 5, 0, 64, bitmap), ENOENT);
	ERR("slot-range", clear_log_range(vm, 32764, 0, 64, bitmap), EINVAL);
}

#define MANY_PAGES	5000
#define MANY_WORDS	((MANY_PAGES + 63) / 64)

static void many_pages_guest(void)
{
	u64 i;

	for (i = 0; i < MANY_PAGES; i += 64)
		*(volatile u64 *)(DIRTY_GPA + i * PAGE) = i;
}

/* Room for a bitmap of which all but the first half kilobyte is not there. */
static u64 *half_a_bitmap(void)
{
	u8 *p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	MUST(mprotect(p + PAGE, PAGE, PROT_NONE));
	return (u64 *)(p + PAGE - 512);
}

static u64 marks(const u64 *bitmap)
{
	u64 i, n = 0;

	for (i = 0; i < MANY_WORDS; i++)
		n += __builtin_popcountll(bitmap[i]);
	return n;
}

/* Nothing is cleared if not all can be. */
CASE(bitmap_not_there)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	u64 bitmap[MANY_WORDS] = { 0 }, *half = half_a_bitmap();
	void *p = dirty_ram(vm, MANY_PAGES, false);

	start_log(vm, p, MANY_PAGES);
	mode_long(v, many_pages_guest);
	run_done(v);
	MUST(enable_manual(vm, 1));
	ERR("get-half", get_log(vm, 1, half), EFAULT);
	ERR("get", get_log(vm, 1, bitmap), 0);
	EQ("marks", marks(bitmap), MANY_WORDS);
	memset(half, 0xff, 512);
	ERR("clear-half", clear_log_range(vm, 1, 0, MANY_PAGES, half), EFAULT);
	ERR("get-after", get_log(vm, 1, bitmap), 0);
	EQ("marks-after", marks(bitmap), MANY_WORDS);
	ERR("clear-what-is-there", clear_log_range(vm, 1, 0, 4096, half), 0);
	ERR("get-last", get_log(vm, 1, bitmap), 0);
	EQ("marks-last", marks(bitmap), MANY_WORDS - 64);
	/* What could not be told is not lost. */
	MUST(enable_manual(vm, 0));
	ERR("take-half", get_log(vm, 1, half), EFAULT);
	ERR("take", get_log(vm, 1, bitmap), 0);
	obs("marks-taken", "%d", (int)marks(bitmap));
	SAME(marks(bitmap), abi_on_kvm() ? 0 : MANY_WORDS - 64);
}

CASE(manual_arguments)
{
	struct vm *vm = vm_new(0);

	EQ("cap", dev_cap(KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2),
	   KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE | KVM_DIRTY_LOG_INITIALLY_SET);
	ERR("set-alone", enable_manual(vm, KVM_DIRTY_LOG_INITIALLY_SET), EINVAL);
	ERR("unknown", enable_manual(vm, 4), EINVAL);
	ERR("unknown-too", enable_manual(vm, 5), EINVAL);
	ERR("enable", enable_manual(vm, 1), 0);
	ERR("both", enable_manual(vm, 3), 0);
	ERR("none", enable_manual(vm, 0), 0);
}

CASE(slot_flags)
{
	struct vm *vm = vm_new(0);
	u64 bitmap[1] = { 0 }, size = 16 * PAGE;
	void *p = dirty_ram(vm, 16, false);
	u32 log = KVM_MEM_LOG_DIRTY_PAGES, ro = KVM_MEM_READONLY;

	ERR("both", vm_slot(vm, 2, log | ro, DIRTY_GPA + size, size, p), 0);
	ERR("readonly-stops", vm_slot(vm, 2, ro, DIRTY_GPA + size, size, p), 0);
	ERR("readonly-off", vm_slot(vm, 2, 0, DIRTY_GPA + size, size, p),
	    EINVAL);
	ERR("to-readonly", vm_slot(vm, 1, log | ro, DIRTY_GPA, size, p), EINVAL);
	ERR("unknown", vm_slot(vm, 1, log | 4, DIRTY_GPA, size, p), EINVAL);
	ERR("start", vm_slot(vm, 1, log, DIRTY_GPA, size, p), 0);
	ERR("again", vm_slot(vm, 1, log, DIRTY_GPA, size, p), 0);
	ERR("size", vm_slot(vm, 1, log, DIRTY_GPA, size / 2, p), EINVAL);
	ERR("delete", vm_slot(vm, 1, log, DIRTY_GPA, 0, p), 0);
	ERR("deleted", get_log(vm, 1, bitmap), ENOENT);
	ERR("from-the-start", vm_slot(vm, 1, log, DIRTY_GPA, size, p), 0);
	ERR("get", get_log(vm, 1, bitmap), 0);
	EQ("bitmap", bitmap[0], 0);
}

/* ---- what is dirty ---- */

#define PAGES	1100

static u64 bitmap[(PAGES + 63) / 64], other[(PAGES + 63) / 64];

static unsigned int count_bits(const u64 *bits)
{
	unsigned int i, n = 0;

	for (i = 0; i < PAGES; i++)
		n += bits[i / 64] >> (i % 64) & 1;
	return n;
}

/* The log has each page of the series, and no other. */
static void expect_log(struct vm *vm, const char *name, u64 first, u64 step,
		       u64 count)
{
	u64 want[(PAGES + 63) / 64] = { 0 }, i, wrong = 0;

	for (i = 0; i < count; i++)
		want[(first + i * step) / 64] |= 1ull << (first + i * step) % 64;
	memset(bitmap, 0x55, sizeof(bitmap));
	MUST(get_log(vm, 1, bitmap));
	for (i = 0; i < (PAGES + 63) / 64; i++)
		wrong += __builtin_popcountll(bitmap[i] ^ want[i]);
	EQ(name, wrong, 0);
	if (wrong)
		note("%u pages in the log, %u in the series\n",
		     count_bits(bitmap), count_bits(want));
}

static void each_size(void (*fn)(bool huge))
{
	fn(false);
	fn(true);
}

static void write_exact(bool huge)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	void *p = dirty_ram(vm, PAGES, huge);

	note("%s pages\n", huge ? "large" : "small");
	start_log(vm, p, PAGES);
	expect_log(vm, "untouched", 0, 0, 0);
	dirty_write(v, 0, 1, PAGES);
	expect_log(vm, "all", 0, 1, PAGES);
	expect_log(vm, "none-since", 0, 0, 0);
	dirty_write(v, 5, 7, 100);
	expect_log(vm, "every-7th", 5, 7, 100);
	dirty_read(v, 0, 1, PAGES);
	expect_log(vm, "read", 0, 0, 0);
	dirty_write(v, PAGES - 1, 0, 1);
	expect_log(vm, "last", PAGES - 1, 0, 1);
	dirty_write(v, 511, 1, 2);
	dirty_write(v, 511, 1, 2);
	expect_log(vm, "twice", 511, 1, 2);
	vm_free(vm);
}

CASE_T(exact, 30)
{
	each_size(write_exact);
}

/* The pages are mapped for the guest when logging begins. */
static void start_later(bool huge)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	void *p = dirty_ram(vm, PAGES, huge);

	note("%s pages\n", huge ? "large" : "small");
	dirty_write(v, 0, 1, PAGES);
	start_log(vm, p, PAGES);
	expect_log(vm, "before", 0, 0, 0);
	dirty_read(v, 0, 1, PAGES);
	expect_log(vm, "read", 0, 0, 0);
	dirty_write(v, 3, 111, 9);
	expect_log(vm, "some", 3, 111, 9);
	stop_log(vm, p, PAGES);
	dirty_write(v, 4, 111, 9);
	dirty_write(v, 0, 1, 600);
	start_log(vm, p, PAGES);
	expect_log(vm, "started-again", 0, 0, 0);
	dirty_write(v, 4, 111, 9);
	expect_log(vm, "some-again", 4, 111, 9);
	EQ("memory", dirty_wrong(v, p, PAGES), 0);
	vm_free(vm);
}

CASE_T(start_and_stop, 30)
{
	each_size(start_later);
}

/* The host writes by itself: that is its own business. */
CASE(host_writes)
{
	struct vm *vm = vm_new(0);
	u64 *p = dirty_ram(vm, PAGES, false);

	start_log(vm, p, PAGES);
	p[0] = 1;
	p[512] = 2;
	expect_log(vm, "host", 0, 0, 0);
}

static void manual_protect(bool huge)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	void *p = dirty_ram(vm, PAGES, huge);

	MUST(enable_manual(vm, 1));
	dirty_write(v, 0, 1, PAGES);
	start_log(vm, p, PAGES);
	expect_log(vm, "begin", 0, 0, 0);
	dirty_write(v, 10, 10, 80);
	expect_log(vm, "get", 10, 10, 80);
	expect_log(vm, "get-again", 10, 10, 80);
	/* Only what is asked for, and only in the range. */
	memset(other, 0, sizeof(other));
	other[0] = 1ull << 10 | 1ull << 11;
	other[1] = ALL_BITS;
	MUST(clear_log_range(vm, 1, 0, 64, other));
	MUST(get_log(vm, 1, bitmap));
	EQ("bit-10", bitmap[0] >> 10 & 1, 0);
	EQ("bit-20", bitmap[0] >> 20 & 1, 1);
	EQ("left", count_bits(bitmap), 79);
	dirty_write(v, 10, 0, 1);
	expect_log(vm, "written-again", 10, 10, 80);
	memset(other, 0xff, sizeof(other));
	MUST(clear_log_range(vm, 1, 64, 128, other));
	MUST(get_log(vm, 1, bitmap));
	EQ("middle-left", count_bits(bitmap), 67);
	MUST(clear_log_range(vm, 1, 0, PAGES, other));
	expect_log(vm, "all-cleared", 0, 0, 0);
	dirty_write(v, 0, 3, 300);
	expect_log(vm, "written-at-last", 0, 3, 300);
	vm_free(vm);
}

CASE_T(manual, 30)
{
	each_size(manual_protect);
}

static void initially_set(bool huge)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	void *p = dirty_ram(vm, PAGES, huge);

	MUST(enable_manual(vm, 3));
	dirty_write(v, 0, 1, PAGES / 2);
	start_log(vm, p, PAGES);
	expect_log(vm, "begin", 0, 1, PAGES);
	dirty_write(v, 0, 1, PAGES);
	memset(other, 0xff, sizeof(other));
	MUST(clear_log_range(vm, 1, 512, 192, other));
	MUST(get_log(vm, 1, bitmap));
	EQ("left", count_bits(bitmap), PAGES - 192);
	dirty_write(v, 510, 1, 4);
	MUST(get_log(vm, 1, bitmap));
	EQ("two-again", count_bits(bitmap), PAGES - 190);
	MUST(clear_log_range(vm, 1, 0, PAGES, other));
	expect_log(vm, "cleared", 0, 0, 0);
	dirty_write(v, 0, 5, 200);
	expect_log(vm, "written", 0, 5, 200);
	vm_free(vm);
}

CASE_T(initially, 30)
{
	each_size(initially_set);
}

/* A slot takes its log along. */
CASE(move)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	void *p = dirty_ram(vm, PAGES, false);

	start_log(vm, p, PAGES);
	dirty_write(v, 8, 2, 30);
	MUST(vm_slot(vm, 1, KVM_MEM_LOG_DIRTY_PAGES, DIRTY_GPA + 0x1000000,
		     PAGES * PAGE, p));
	expect_log(vm, "moved", 8, 2, 30);
	MUST(vm_slot(vm, 1, KVM_MEM_LOG_DIRTY_PAGES, DIRTY_GPA, PAGES * PAGE,
		     p));
	dirty_write(v, 9, 2, 30);
	expect_log(vm, "back", 9, 2, 30);
	MUST(vm_slot(vm, 1, 0, DIRTY_GPA + 0x1000000, PAGES * PAGE, p));
	ERR("moved-without", get_log(vm, 1, bitmap), ENOENT);
	MUST(vm_slot(vm, 1, KVM_MEM_LOG_DIRTY_PAGES, DIRTY_GPA, PAGES * PAGE,
		     p));
	dirty_write(v, 10, 2, 30);
	expect_log(vm, "moved-with", 10, 2, 30);
}

/* ---- writes that the hypervisor makes for the guest ---- */

CASE(string_input)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	void *p = dirty_ram(vm, PAGES, false);
	u8 *q = (u8 *)p + 3 * PAGE - 20;

	start_log(vm, p, PAGES);
	dirty_input(v);
	EQ("first-byte", q[0], 0x77);
	EQ("last-byte", q[39], 0x77);
	expect_log(vm, "log", 2, 1, 2);
}

static void device_to_memory_guest(void)
{
	const u8 *from = (u8 *)GPA_MMIO;
	u8 *to = (u8 *)(DIRTY_GPA + 700 * PAGE);

	asm volatile("movsb" : "+D"(to), "+S"(from) : : "memory");
}

static void fill_port_stack_guest(void)
{
	u64 top = DIRTY_GPA + 900 * PAGE;

	/* Pushes what a device says. */
	asm volatile("xchg %0, %%rsp\n\tpushq (%1)\n\txchg %0, %%rsp"
		     : "+r"(top) : "r"((u64)GPA_MMIO) : "memory");
}

static void answer_device(struct vcpu *v)
{
	while (vcpu_exit(v) == KVM_EXIT_MMIO)
		memset(v->run->mmio.data, 0x33, 8);
	CHECK(is_done(v), "exit %s\n", exit_name(v->run->exit_reason));
}

CASE(emulated_stores)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	u8 *p = dirty_ram(vm, PAGES, false);

	start_log(vm, p, PAGES);
	mode_long(v, device_to_memory_guest);
	answer_device(v);
	EQ("movs", p[700 * PAGE], 0x33);
	expect_log(vm, "movs-log", 700, 0, 1);
	mode_long(v, fill_port_stack_guest);
	answer_device(v);
	EQ("push", p[900 * PAGE - 1], 0x33);
	expect_log(vm, "push-log", 899, 0, 1);
	/* The log holds after them: the guest's own writes are seen too. */
	dirty_write(v, 700, 0, 1);
	expect_log(vm, "guest-log", 700, 0, 1);
}

/* A gigabyte of linear addresses whose page tables are in the logged slot. */
#define TABLES_AT	0x40000000ull
#define PRESENT_WRITE	3ull

static void store_through_tables_guest(void)
{
	const u8 *from = (u8 *)GPA_MMIO;
	u8 *to = (u8 *)TABLES_AT;

	asm volatile("movsb" : "+D"(to), "+S"(from) : : "memory");
}

/* The emulator sets accessed and dirty flags as the CPU would. */
CASE(flags_in_page_tables)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	u64 *p = dirty_ram(vm, PAGES, false);
	u64 *directory = p + 20 * 512, *table = p + 21 * 512;

	mode_long(v, store_through_tables_guest);
	((u64 *)(vm->ram + GPA_PDPT))[1] =
		(DIRTY_GPA + 20 * PAGE) | PRESENT_WRITE;
	directory[0] = (DIRTY_GPA + 21 * PAGE) | PRESENT_WRITE;
	table[0] = (DIRTY_GPA + 22 * PAGE) | PRESENT_WRITE;
	start_log(vm, p, PAGES);
	answer_device(v);
	EQ("directory", directory[0] & 0xfff, PRESENT_WRITE | 1 << 5);
	EQ("table", table[0] & 0xfff, PRESENT_WRITE | 1 << 5 | 1 << 6);
	EQ("page", *(u8 *)(p + 22 * 512), 0x33);
	expect_log(vm, "log", 20, 1, 3);
}

/* ---- memory that the host takes away meanwhile ---- */

CASE(host_takes_pages)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	u8 *p = dirty_ram(vm, PAGES, false);

	dirty_write(v, 0, 1, PAGES);
	start_log(vm, p, PAGES);
	MUST(madvise(p, 100 * PAGE, MADV_DONTNEED));
	dirty_read(v, 0, 1, 100);
	expect_log(vm, "read", 0, 0, 0);
	dirty_write(v, 0, 2, 50);
	expect_log(vm, "written", 0, 2, 50);
	MUST(mprotect(p, 100 * PAGE, PROT_READ));
	MUST(mprotect(p, 100 * PAGE, PROT_READ | PROT_WRITE));
	dirty_read(v, 0, 1, 100);
	/* KVM takes a page for written that it may as well map writable. */
	MUST(get_log(vm, 1, bitmap));
	CHECK(abi_on_kvm() || !count_bits(bitmap), "%u pages read are dirty\n",
	      count_bits(bitmap));
	dirty_write(v, 1, 2, 50);
	expect_log(vm, "written-again", 1, 2, 50);
}

/* ---- migration ---- */

#define MOVED_PAGES	1024
#define ROUNDS		25

static u8 *shadow;
static u64 moved_log[MOVED_PAGES / 64];

static void copy_pages(const u8 *ram, const u64 *bits)
{
	u64 i;

	for (i = 0; i < MOVED_PAGES; i++)
		if (bits[i / 64] >> (i % 64) & 1)
			memcpy(shadow + i * PAGE, ram + i * PAGE, PAGE);
}

static unsigned int move_round(struct vm *vm, const u8 *ram, bool manual)
{
	unsigned int i, n = 0;

	MUST(get_log(vm, 1, moved_log));
	if (manual)
		for (i = 0; i < MOVED_PAGES; i += 256)
			MUST(clear_log_range(vm, 1, i, 256,
					     moved_log + i / 64));
	copy_pages(ram, moved_log);
	for (i = 0; i < MOVED_PAGES / 64; i++)
		n += __builtin_popcountll(moved_log[i]);
	return n;
}

/* Copy the memory of running vCPUs till they stop: the copy has every byte. */
static void migrate(unsigned int flags, bool huge, unsigned int nr_vcpus)
{
	struct vm *vm = vm_new(0);
	u8 *p = dirty_ram(vm, MOVED_PAGES, huge);
	struct dirty_runner runners[2];
	unsigned int i, total = 0;
	u64 round, at;

	MUST(enable_manual(vm, flags));
	shadow = mmap(NULL, MOVED_PAGES * PAGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	for (i = 0; i < nr_vcpus; i++)
		dirty_run(&runners[i], vcpu_new(vm, i), i, MOVED_PAGES);
	for (i = 0; i < nr_vcpus; i++)
		dirty_wait(&runners[i], 200);
	start_log(vm, p, MOVED_PAGES);
	memcpy(shadow, p, MOVED_PAGES * PAGE);
	for (round = 0; round < ROUNDS; round++) {
		dirty_wait(&runners[round % nr_vcpus], 300);
		total += move_round(vm, p, flags & 1);
		/* Logging may pause, if all is copied anew afterwards. */
		if (round == ROUNDS / 2) {
			stop_log(vm, p, MOVED_PAGES);
			dirty_wait(&runners[0], 300);
			start_log(vm, p, MOVED_PAGES);
			memcpy(shadow, p, MOVED_PAGES * PAGE);
		}
	}
	for (i = 0; i < nr_vcpus; i++)
		dirty_stop(&runners[i]);
	total += move_round(vm, p, flags & 1);
	note("%u pages copied\n", total);
	for (at = 0; at < MOVED_PAGES; at++)
		if (memcmp(shadow + at * PAGE, p + at * PAGE, PAGE))
			break;
	EQ("first-page-that-differs", at, MOVED_PAGES);
	CHECK(total > ROUNDS, "the guest wrote %u pages only\n", total);
	munmap(shadow, MOVED_PAGES * PAGE);
	vm_free(vm);
}

CASE_T(migrate_small, 40)
{
	migrate(0, false, 1);
}

CASE_T(migrate_large, 40)
{
	migrate(0, true, 2);
}

CASE_T(migrate_manual, 40)
{
	migrate(1, true, 2);
}

CASE_T(migrate_initially_set, 40)
{
	migrate(3, true, 2);
}
