// SPDX-License-Identifier: GPL-2.0
/*
 * regions.c - OSPITE_SET_MEMORY_REGIONS: its rules, and that a running vCPU
 * sees neither a hole nor a mix while slots are split, merged and exchanged.
 *
 * What a list does at once is also done slot by slot, on both devices, and
 * then the same guest has to see the holes.
 */
#include <linux/ospite.h>
#include <pthread.h>
#include <sys/syscall.h>

#include "lib/abi.h"
#include "lib/exits.h"
#include "lib/guest.h"

#define GPA 0x20000000ull
#define PAGE 0x1000ull
#define HUGE_PAGE 0x200000ull
#define MAX_LIST 4096

/* A list under construction. */
static struct {
	struct ospite_memory_regions head;
	struct kvm_userspace_memory_region r[MAX_LIST];
} list;

static void list_begin(void)
{
	memset(&list.head, 0, sizeof(list.head));
	list.head.failed = 12345;
}

static void list_add(u32 slot, u32 flags, u64 gpa, u64 size, void *hva)
{
	list.r[list.head.nr++] = (struct kvm_userspace_memory_region){
		.slot = slot, .flags = flags, .guest_phys_addr = gpa,
		.memory_size = size, .userspace_addr = (uintptr_t)hva,
	};
}

static int list_apply(struct vm *vm)
{
	return ioctl(vm->fd, OSPITE_SET_MEMORY_REGIONS, &list);
}

static void *anon(u64 size, u64 align)
{
	u8 *p = mmap(NULL, size + align, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		die("mmap: %s\n", strerror(errno));
	return (void *)(((uintptr_t)p + align - 1) & ~(align - 1));
}

static void need_lists(void)
{
	if (dev_cap(OSPITE_CAP_MEMORY_REGIONS) <= 0)
		skip("this device changes slots one by one");
}

/* ---- the rules ---- */

static void expect(struct vm *vm, const char *name, int want, u32 failed)
{
	ERR(name, list_apply(vm), want);
	EQ("failed", list.head.failed, failed);
	list_begin();
}

CASE(head)
{
	struct vm *vm = vm_new(VM_BARE);
	u8 *p = anon(PAGE, PAGE);

	need_lists();
	EQ("most", dev_cap(OSPITE_CAP_MEMORY_REGIONS),
	   dev_cap(KVM_CAP_NR_MEMSLOTS));
	ERR("null", ioctl(vm->fd, OSPITE_SET_MEMORY_REGIONS, NULL), EFAULT);
	list_begin();
	ERR("empty", list_apply(vm), 0);
	list.head.flags = 1;
	expect(vm, "flags", EINVAL, OSPITE_NO_REGION);
	list.head.pad = 1;
	expect(vm, "pad", EINVAL, OSPITE_NO_REGION);
	list.head.reserved[0] = 1;
	expect(vm, "reserved-0", EINVAL, OSPITE_NO_REGION);
	list.head.reserved[1] = 1;
	expect(vm, "reserved-1", EINVAL, OSPITE_NO_REGION);
	list.head.nr = dev_cap(KVM_CAP_NR_MEMSLOTS) + 1;
	expect(vm, "too-many", EINVAL, OSPITE_NO_REGION);
	list.head.nr = ~0u;
	expect(vm, "far-too-many", EINVAL, OSPITE_NO_REGION);
	list_add(0, 0, GPA, PAGE, p);
	list.head.nr = 32000;
	expect(vm, "list-ends-early", EFAULT, OSPITE_NO_REGION);
	ERR("no-slot-was-made", vm_slot(vm, 0, 0, 0, 0, NULL), EINVAL);
}

/* One bad entry, the second of three; nothing may come of the others. */
static void bad(struct vm *vm, const char *name, int want, u32 slot, u32 flags,
		u64 gpa, u64 size, void *hva)
{
	u8 *p = anon(PAGE, PAGE);

	list_begin();
	list_add(3, 0, GPA * 2, PAGE, p);
	list_add(slot, flags, gpa, size, hva);
	list_add(4, 0, GPA * 2 + PAGE, PAGE, p);
	expect(vm, name, want, 1);
	ERR("first-undone", vm_slot(vm, 3, 0, 0, 0, NULL), EINVAL);
	ERR("third-undone", vm_slot(vm, 4, 0, 0, 0, NULL), EINVAL);
}

CASE(entries)
{
	struct vm *vm = vm_new(VM_BARE);
	u8 *p = anon(16 * PAGE, PAGE);
	int max = dev_cap(KVM_CAP_NR_MEMSLOTS);

	need_lists();
	MUST(vm_slot(vm, 9, 0, GPA, 4 * PAGE, p));
	bad(vm, "unknown-flag", EINVAL, 0, 1u << 5, 0, PAGE, p);
	bad(vm, "size-unaligned", EINVAL, 0, 0, 0, PAGE + 1, p);
	bad(vm, "gpa-unaligned", EINVAL, 0, 0, 8, PAGE, p);
	bad(vm, "hva-unaligned", EINVAL, 0, 0, 0, PAGE, p + 8);
	bad(vm, "hva-kernel", EINVAL, 0, 0, 0, PAGE,
	    (void *)0xffffffff81000000);
	bad(vm, "gpa-wraps", EINVAL, 0, 0, -PAGE, 2 * PAGE, p);
	bad(vm, "gpa-beyond-52-bits", EINVAL, 0, 0, 1ull << 52, PAGE, p);
	bad(vm, "size-huge", EINVAL, 0, 0, 0, 1ull << 46, p);
	bad(vm, "slot-beyond", EINVAL, max, 0, 0, PAGE, p);
	bad(vm, "address-space", EINVAL, 1 << 16, 0, 0, PAGE, p);
	bad(vm, "delete-nothing", EINVAL, 0, 0, 0, 0, NULL);
	bad(vm, "same-slot-twice", EINVAL, 3, 0, 0, PAGE, p);
	bad(vm, "overlaps-slot", EEXIST, 0, 0, GPA + PAGE, PAGE, p);
	bad(vm, "overlaps-slot-head", EEXIST, 0, 0, GPA - PAGE, 2 * PAGE, p);
	bad(vm, "overlaps-slot-tail", EEXIST, 0, 0, GPA + 3 * PAGE, 2 * PAGE,
	    p);
	bad(vm, "overlaps-entry", EEXIST, 0, 0, GPA * 2, PAGE, p);
	/* Of two that overlap, the later one is to blame. */
	list_begin();
	list_add(0, 0, GPA * 3, 8 * PAGE, p);
	list_add(1, 0, GPA * 3 + 9 * PAGE, PAGE, p);
	list_add(2, 0, GPA * 3 + 7 * PAGE, 3 * PAGE, p);
	expect(vm, "overlaps-two", EEXIST, 2);
	/* An entry bad in itself comes before those that collide. */
	list_add(0, 0, GPA, PAGE, p);
	list_add(1, 0, GPA * 3 + 1, PAGE, p);
	expect(vm, "bad-before-overlap", EINVAL, 1);
	ERR("still-there", vm_slot(vm, 9, 0, GPA, 4 * PAGE, p), 0);
}

/* Against the slots as they are afterwards, not as they were. */
CASE(afterwards)
{
	struct vm *vm = vm_new(VM_BARE);
	u8 *p = anon(16 * PAGE, PAGE);

	need_lists();
	list_begin();
	list_add(0, 0, GPA, 4 * PAGE, p);
	list_add(1, 0, GPA + 4 * PAGE, 4 * PAGE, p + 8 * PAGE);
	expect(vm, "create", 0, 12345);
	list_add(1, 0, GPA, 4 * PAGE, p + 8 * PAGE);
	list_add(0, 0, GPA + 4 * PAGE, 4 * PAGE, p);
	expect(vm, "exchange-places", 0, 12345);
	list_add(0, 0, 0, 0, NULL);
	list_add(1, 0, GPA, 8 * PAGE, p);
	expect(vm, "grow-over-deleted", 0, 12345);
	ERR("is-deleted", vm_slot(vm, 0, 0, 0, 0, NULL), EINVAL);
	list_add(1, KVM_MEM_READONLY, GPA, 8 * PAGE, p);
	expect(vm, "new-flags", 0, 12345);
	list_add(1, 0, GPA, 8 * PAGE, p + PAGE);
	expect(vm, "new-memory", 0, 12345);
	ERR("as-kvm-sees-it", vm_slot(vm, 1, 0, GPA, 8 * PAGE, p + PAGE), 0);
	list_add(1, 0, GPA, 2 * PAGE, p);
	list_add(2, 0, GPA + 2 * PAGE, 2 * PAGE, p + 2 * PAGE);
	list_add(3, 0, GPA + 4 * PAGE, 4 * PAGE, p + 4 * PAGE);
	expect(vm, "split-in-three", 0, 12345);
	ERR("no-room", vm_slot(vm, 4, 0, GPA + 7 * PAGE, PAGE, p), EEXIST);
	list_add(2, 0, 0, 0, NULL);
	list_add(3, 0, 0, 0, NULL);
	list_add(1, 0, GPA, 8 * PAGE, p);
	expect(vm, "merge", 0, 12345);
	list_add(1, 0, 0, 0, NULL);
	expect(vm, "delete", 0, 12345);
	ERR("room-again", vm_slot(vm, 4, 0, GPA, 8 * PAGE, p), 0);
}

CASE(other_process)
{
	struct vm *vm = vm_new(0);
	int status;
	pid_t pid;

	need_lists();
	list_begin();
	fflush(stdout);
	pid = fork();
	if (!pid)
		_exit(list_apply(vm) < 0 && errno == EIO ? 0 : 1);
	MUST(waitpid(pid, &status, 0));
	EQ("refused", status, 0);
}

/* ---- a guest that uses memory across the seams ---- */

static volatile u64 rounds, errors, stop, npages, data_only;

/*
 * Some words of each page go up by one a round; so does one that crosses the first
 * seam between pages.  An instruction crosses the second.
 */
static void one_round(u64 round)
{
	volatile u64 *across = (u64 *)(GPA + PAGE - 4);
	volatile u64 *p = (u64 *)GPA;
	u64 i, j;

	for (i = 0; i < npages; i++)
		for (j = 61; j < 8 * 61; j += 61) {
			errors += p[512 * i + j] != round;
			p[512 * i + j] = round + 1;
		}
	errors += *across != round;
	*across = round + 1;
	if (!data_only)
		errors += ((u32 (*)(void))(GPA + 2 * PAGE - 3))() != 0x12345678;
}

static void use_guest(void)
{
	sti();
	while (!stop) {
		one_round(rounds);
		rounds++;
	}
}

static void round_guest(void)
{
	for (;;) {
		one_round(rounds);
		rounds++;
		guest_sync(0);
	}
}

/* Memory for such a guest, in slot 1. */
static void use_memory(struct vm *vm, u8 *p, u64 pages)
{
	/* mov $0x12345678, %eax; ret */
	static const u8 code[] = { 0xb8, 0x78, 0x56, 0x34, 0x12, 0xc3 };

	memcpy(p + 2 * PAGE - 3, code, sizeof(code));
	MUST(vm_slot(vm, 1, 0, GPA, pages * PAGE, p));
	*GVAR(vm, npages) = pages;
}

static u8 *guest_memory(struct vm *vm, u64 pages)
{
	u8 *p = anon(pages * PAGE, HUGE_PAGE);

	madvise(p, pages * PAGE, MADV_HUGEPAGE);
	use_memory(vm, p, pages);
	return p;
}

/* Every byte that the guest has written, and not one it has not. */
static void check_memory(struct vm *vm, const u8 *p)
{
	u64 pages = *GVAR(vm, npages), done = *GVAR(vm, rounds), i, j, v;
	u64 wrong = 0, sum = 0;

	for (i = 0; i < pages; i++)
		for (j = 0; j < 512; j++) {
			v = ((const u64 *)p)[512 * i + j];
			if (j && j % 61 == 0 && j < 8 * 61)
				wrong += v != done;
			else
				sum += !!v;
		}
	EQ("wrong", wrong, 0);
	/* The lower half of the word that crosses; two halves of the code. */
	EQ("others", sum, 3);
}

static u64 nr_mmio;

static void *use_thread(void *arg)
{
	struct vcpu *v = arg;

	while (vcpu_exit(v) == KVM_EXIT_MMIO)
		__atomic_add_fetch(&nr_mmio, 1, __ATOMIC_RELAXED);
	CHECK(is_done(v), "vCPU ended with exit %s\n",
	      exit_name(v->run->exit_reason));
	return NULL;
}

static void wait_for(volatile u64 *counter, u64 more)
{
	u64 was = *counter;

	while (*counter < was + more)
		sched_yield();
}

/* Where to divide: both seams that matter, and everywhere else. */
static u64 seam(u64 i, u64 pages)
{
	return i & 1 ? 1 + i / 2 * 37 % (pages - 1) : 1 + (i / 2 & 1);
}

static u32 slot_flags;

/* @low and @high are views of the same memory. */
static int split(struct vm *vm, u8 *low, u8 *high, u64 pages, u64 at)
{
	list_begin();
	list_add(1, slot_flags, GPA, at * PAGE, low);
	list_add(2, slot_flags, GPA + at * PAGE, (pages - at) * PAGE,
		 high + at * PAGE);
	return list_apply(vm);
}

static int merge(struct vm *vm, u8 *p, u64 pages)
{
	list_begin();
	list_add(2, 0, 0, 0, NULL);
	list_add(1, slot_flags, GPA, pages * PAGE, p);
	return list_apply(vm);
}

/*
 * Divide slot 1 of a running guest and put it together again; the lower part of it
 * is that of @low then, the upper one that of @high.
 */
static void split_and_merge(struct vm *vm, u8 *low, u8 *high, u64 times)
{
	u64 pages = *GVAR(vm, npages), i, failed = 0;
	struct vcpu *v = vcpu_new(vm, 0);
	pthread_t t;

	mode_long(v, use_guest);
	pthread_create(&t, NULL, use_thread, v);
	wait_for(GVAR(vm, rounds), 2);
	for (i = 0; i < times; i++) {
		failed += split(vm, low, high, pages, seam(i, pages)) != 0;
		failed += merge(vm, i & 2 ? low : high, pages) != 0;
		if (i % 500 == 0)
			wait_for(GVAR(vm, rounds), 2);
	}
	wait_for(GVAR(vm, rounds), 2);
	*GVAR(vm, stop) = 1;
	pthread_join(t, NULL);
	EQ("failed", failed, 0);
	EQ("mmio", nr_mmio, 0);
	EQ("errors", *GVAR(vm, errors), 0);
	check_memory(vm, low);
}

CASE_T(split_and_merge_10000_times, 40)
{
	struct vm *vm = vm_new(0);
	u8 *p;

	need_lists();
	p = guest_memory(vm, 16);
	split_and_merge(vm, p, p, repeat(10000));
}

CASE_T(split_and_merge_a_huge_page, 20)
{
	struct vm *vm = vm_new(0);
	u8 *p;

	need_lists();
	p = guest_memory(vm, 512);
	split_and_merge(vm, p, p, 500);
}

/* Nothing stays mapped: the guest faults on what is being changed. */
CASE_T(split_and_merge_two_views, 20)
{
	struct vm *vm = vm_new(0);
	u8 *view[2];
	int i, fd;

	need_lists();
	fd = MUST(syscall(SYS_memfd_create, "guest", 0));
	MUST(ftruncate(fd, 16 * PAGE));
	for (i = 0; i < 2; i++)
		view[i] = (u8 *)MUST(mmap(NULL, 16 * PAGE,
					  PROT_READ | PROT_WRITE, MAP_SHARED,
					  fd, 0));
	use_memory(vm, view[0], 16);
	split_and_merge(vm, view[0], view[1], repeat(4000));
}

/* The guest of the cases above does notice when there is a hole. */
CASE_T(holes_without_a_list, 40)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	u64 i, pages = 16;
	pthread_t t;
	u8 *p = guest_memory(vm, pages);

	/* Code in a hole can't be emulated. */
	*GVAR(vm, data_only) = 1;
	mode_long(v, use_guest);
	pthread_create(&t, NULL, use_thread, v);
	wait_for(GVAR(vm, rounds), 2);
	for (i = 0; i < 10000 && !__atomic_load_n(&nr_mmio, __ATOMIC_RELAXED);
	     i++) {
		u64 at = 3 + i % 13;

		MUST(vm_slot(vm, 1, 0, 0, 0, NULL));
		MUST(vm_slot(vm, 1, 0, GPA, at * PAGE, p));
		/* With one CPU the guest has to be let in. */
		usleep(i);
		MUST(vm_slot(vm, 2, 0, GPA + at * PAGE, (pages - at) * PAGE,
			     p + at * PAGE));
		MUST(vm_slot(vm, 1, 0, 0, 0, NULL));
		MUST(vm_slot(vm, 2, 0, 0, 0, NULL));
		MUST(vm_slot(vm, 1, 0, GPA, pages * PAGE, p));
	}
	*GVAR(vm, stop) = 1;
	pthread_join(t, NULL);
	EQ("holes", nr_mmio > 0, 1);
}

/* ---- nothing is mapped anew that stays where it is ---- */

static u64 exits_of_round(struct vcpu *v)
{
	struct exit_count before, after;

	if (!exits_read(v, &before))
		skip("no exit counters in debugfs");
	expect_exit(v, "round", KVM_EXIT_IO);
	exits_read(v, &after);
	return after.all - after.host - before.all + before.host;
}

CASE(split_keeps_mappings)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	u8 *p;

	need_lists();
	p = guest_memory(vm, 64);
	mode_long(v, round_guest);
	expect_exit(v, "first-round", KVM_EXIT_IO);
	EQ("exits", exits_of_round(v), 1);
	MUST(split(vm, p, p, 64, 2));
	EQ("exits-after-split", exits_of_round(v), 1);
	MUST(merge(vm, p, 64));
	EQ("exits-after-merge", exits_of_round(v), 1);
	/* But what has other rights is mapped anew. */
	list_begin();
	list_add(1, 0, GPA, 32 * PAGE, p);
	list_add(2, KVM_MEM_READONLY, GPA + 32 * PAGE, 32 * PAGE,
		 p + 32 * PAGE);
	MUST(list_apply(vm));
	EQ("write-refused", vcpu_exit(v), KVM_EXIT_MMIO);
	EQ("address", v->run->mmio.phys_addr, GPA + 32 * PAGE + 61 * 8);
	MUST(merge(vm, p, 64));
	CHECK(exits_of_round(v) > 1, "the read-only pages stayed mapped\n");
	/* One word was written to nobody. */
	EQ("errors", *GVAR(vm, errors), 0);
}

/* ---- what is dirty stays so ---- */

/* Copy the pages that a slot's log has, as a migration does. */
static void copy_dirty(struct vm *vm, u32 slot, u8 *to, const u8 *from,
		       u64 pages)
{
	u64 bitmap[1] = { 0 }, i;
	struct kvm_dirty_log log = { .slot = slot, .dirty_bitmap = bitmap };

	MUST(ioctl(vm->fd, KVM_GET_DIRTY_LOG, &log));
	for (i = 0; i < pages; i++)
		if (bitmap[0] >> i & 1)
			memcpy(to + i * PAGE, from + i * PAGE, PAGE);
}

CASE_T(split_carries_the_log, 40)
{
	u64 pages = 48, i, at;
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	u8 *copy = anon(pages * PAGE, PAGE), *p;
	pthread_t t;

	need_lists();
	p = guest_memory(vm, pages);
	mode_long(v, use_guest);
	pthread_create(&t, NULL, use_thread, v);
	wait_for(GVAR(vm, rounds), 2);
	slot_flags = KVM_MEM_LOG_DIRTY_PAGES;
	MUST(vm_slot(vm, 1, slot_flags, GPA, pages * PAGE, p));
	memcpy(copy, p, pages * PAGE);
	for (i = 0; i < 400; i++) {
		at = seam(i, pages);
		MUST(split(vm, p, p, pages, at));
		if (i % 3 == 0)
			copy_dirty(vm, 1, copy, p, at);
		if (i % 5 == 0)
			copy_dirty(vm, 2, copy + at * PAGE, p + at * PAGE,
				   pages - at);
		MUST(merge(vm, p, pages));
		if (i % 7 == 0)
			copy_dirty(vm, 1, copy, p, pages);
		if (i % 40 == 0)
			wait_for(GVAR(vm, rounds), 2);
	}
	*GVAR(vm, stop) = 1;
	pthread_join(t, NULL);
	copy_dirty(vm, 1, copy, p, pages);
	EQ("mmio", nr_mmio, 0);
	EQ("errors", *GVAR(vm, errors), 0);
	check_memory(vm, p);
	EQ("copy-differs", !!memcmp(copy, p, pages * PAGE), 0);
}

/* ---- two slots exchange their memory: never the same in both ---- */

static volatile u64 mixes, swaps_seen;

static void swap_guest(void)
{
	volatile u64 *a = (u64 *)GPA, *b = (u64 *)(GPA + 4 * PAGE);
	u64 first, second, third, last = 0;

	sti();
	while (!stop) {
		first = *a;
		second = *b;
		third = *a;
		/* At most one exchange falls into a round. */
		errors += first - 1 > 1 || second - 1 > 1 || third - 1 > 1;
		mixes += first == third && second == first;
		swaps_seen += third != last;
		last = third;
		rounds++;
	}
}

CASE_T(exchange_is_one_step, 40)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	u8 *p = anon(8 * PAGE, PAGE);
	pthread_t t;
	u64 i;

	need_lists();
	*(u64 *)p = 1;
	*(u64 *)(p + 4 * PAGE) = 2;
	MUST(vm_slot(vm, 1, 0, GPA, 4 * PAGE, p));
	MUST(vm_slot(vm, 2, 0, GPA + 4 * PAGE, 4 * PAGE, p + 4 * PAGE));
	mode_long(v, swap_guest);
	pthread_create(&t, NULL, use_thread, v);
	for (i = 0; i < 500; i++) {
		wait_for(GVAR(vm, rounds), 3);
		list_begin();
		list_add(1, 0, GPA + (i & 1 ? 0 : 4 * PAGE), 4 * PAGE, p);
		list_add(2, 0, GPA + (i & 1 ? 4 * PAGE : 0), 4 * PAGE,
			 p + 4 * PAGE);
		MUST(list_apply(vm));
	}
	wait_for(GVAR(vm, rounds), 3);
	*GVAR(vm, stop) = 1;
	pthread_join(t, NULL);
	EQ("mmio", nr_mmio, 0);
	EQ("errors", *GVAR(vm, errors), 0);
	EQ("mixes", *GVAR(vm, mixes), 0);
	EQ("exchanges-seen", *GVAR(vm, swaps_seen), 501);
}

/* ---- thousands of slots under a running vCPU ---- */

#define MANY 4000

static volatile u64 seen_else;

/* The first and the last hundred slots stay where they are. */
static void many_guest(void)
{
	u64 i, v;

	sti();
	while (!stop) {
		for (i = 0; i < 200; i++) {
			v = *(volatile u64 *)(GPA + 2 * PAGE *
					      (i < 100 ? i : MANY - 200 + i));
			seen_else += v != 1000 + i;
		}
		rounds++;
	}
}

static u8 *page_of(u8 *p, u64 i)
{
	if (i < 100)
		return p + i * PAGE;
	return p + (i < MANY - 100 ? 200 : i - MANY + 200) * PAGE;
}

static void add_slot(struct vm *vm, u8 *p, u64 i)
{
	MUST(vm_slot(vm, 1 + i, 0, GPA + 2 * i * PAGE, PAGE, page_of(p, i)));
}

CASE_T(thousands_of_slots, 60)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	u64 i, most = abi_on_kvm() ? 400 : MANY;
	u8 *p = anon(201 * PAGE, PAGE);
	pthread_t t;

	for (i = 0; i < 200; i++)
		*(u64 *)(p + i * PAGE) = 1000 + i;
	for (i = 0; i < 100; i++) {
		add_slot(vm, p, i);
		add_slot(vm, p, MANY - 100 + i);
	}
	mode_long(v, many_guest);
	pthread_create(&t, NULL, use_thread, v);
	wait_for(GVAR(vm, rounds), 2);
	for (i = 100; i < most - 100; i++)
		add_slot(vm, p, i);
	wait_for(GVAR(vm, rounds), 2);
	for (i = 100; i < most - 100; i++)
		MUST(vm_slot(vm, 1 + (i * 7 % (most - 200) + 100), 0, 0, 0,
			     NULL));
	wait_for(GVAR(vm, rounds), 2);
	*GVAR(vm, stop) = 1;
	pthread_join(t, NULL);
	EQ("mmio", nr_mmio, 0);
	EQ("wrong", *GVAR(vm, seen_else), 0);
}

/* The same, all in one list, there and back. */
CASE_T(thousands_in_a_list, 40)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	u8 *p = anon(201 * PAGE, PAGE);
	pthread_t t;
	u64 i, j;

	need_lists();
	for (i = 0; i < 200; i++)
		*(u64 *)(p + i * PAGE) = 1000 + i;
	list_begin();
	for (i = 0; i < MANY; i++)
		list_add(1 + i, 0, GPA + 2 * i * PAGE, PAGE, page_of(p, i));
	MUST(list_apply(vm));
	mode_long(v, many_guest);
	pthread_create(&t, NULL, use_thread, v);
	wait_for(GVAR(vm, rounds), 2);
	for (j = 1; j <= repeat(10); j++) {
		/* Other ids, the same memory at the same place. */
		for (i = 0; i < MANY; i++)
			list.r[i].slot = 1 + (i + j * 1001) % MANY;
		MUST(list_apply(vm));
		wait_for(GVAR(vm, rounds), 2);
	}
	*GVAR(vm, stop) = 1;
	pthread_join(t, NULL);
	EQ("mmio", nr_mmio, 0);
	EQ("wrong", *GVAR(vm, seen_else), 0);
}
