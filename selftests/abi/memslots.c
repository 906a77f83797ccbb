// SPDX-License-Identifier: GPL-2.0
/*
 * memslots.c - the rules of KVM_SET_USER_MEMORY_REGION, and what a guest sees
 * when slots come, go and move.
 */
#include <pthread.h>

#include "lib/abi.h"
#include "lib/guest.h"

#define GPA 0x20000000ull
#define PAGE 0x1000ull

static void *anon(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		die("mmap: %s\n", strerror(errno));
	return p;
}

CASE(arguments)
{
	struct vm *vm = vm_new(VM_BARE);
	u8 *p = anon(16 * PAGE);
	int max = ioctl(vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_NR_MEMSLOTS);

	CHECK(max >= 64, "only %d slots\n", max);
	ERR("null", ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, NULL), EFAULT);
	ERR("bad-pointer", ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, -8l),
	    EFAULT);
	ERR("unknown-flag", vm_slot(vm, 0, 4, GPA, PAGE, p), EINVAL);
	ERR("high-flag", vm_slot(vm, 0, 1u << 31, GPA, PAGE, p), EINVAL);
	ERR("size-unaligned", vm_slot(vm, 0, 0, GPA, PAGE + 1, p), EINVAL);
	ERR("gpa-unaligned", vm_slot(vm, 0, 0, GPA + 8, PAGE, p), EINVAL);
	ERR("hva-unaligned", vm_slot(vm, 0, 0, GPA, PAGE, p + 8), EINVAL);
	ERR("hva-kernel", vm_slot(vm, 0, 0, GPA, PAGE,
				  (void *)0xffffffff81000000), EINVAL);
	ERR("hva-non-canonical", vm_slot(vm, 0, 0, GPA, PAGE,
					 (void *)0x8000000000000000), EINVAL);
	ERR("hva-end-in-kernel", vm_slot(vm, 0, 0, GPA, 2 * PAGE,
					 (void *)0x7ffffffff000), EINVAL);
	ERR("gpa-wraps", vm_slot(vm, 0, 0, -PAGE, 2 * PAGE, p), EINVAL);
	ERR("gpa-wraps-to-0", vm_slot(vm, 0, 0, -PAGE, PAGE, p), EINVAL);
	ERR("gpa-beyond-52-bits", vm_slot(vm, 0, 0, 1ull << 52, PAGE, p),
	    EINVAL);
	ERR("size-huge", vm_slot(vm, 0, 0, 0, 1ull << 46, p), EINVAL);
	ERR("slot-beyond", vm_slot(vm, max, 0, GPA, PAGE, p), EINVAL);
	ERR("slot-65535", vm_slot(vm, 0xffff, 0, GPA, PAGE, p), EINVAL);
	ERR("address-space-beyond", vm_slot(vm, 7 << 16, 0, GPA, PAGE, p),
	    EINVAL);
	ERR("delete-nothing", vm_slot(vm, 0, 0, GPA, 0, p), EINVAL);
	ERR("slot-highest", vm_slot(vm, max - 1, 0, GPA, PAGE, p), 0);
	/* The memory need not be mapped yet. */
	ERR("hva-unmapped", vm_slot(vm, 5, 0, 2 * GPA, PAGE,
				    (void *)0x10000), 0);
}

CASE(changes)
{
	struct vm *vm = vm_new(VM_BARE);
	u8 *p = anon(64 * PAGE);

	ERR("create", vm_slot(vm, 0, 0, GPA, 4 * PAGE, p), 0);
	ERR("again-the-same", vm_slot(vm, 0, 0, GPA, 4 * PAGE, p), 0);
	ERR("new-size", vm_slot(vm, 0, 0, GPA, 8 * PAGE, p), EINVAL);
	ERR("new-hva", vm_slot(vm, 0, 0, GPA, 4 * PAGE, p + PAGE), EINVAL);
	ERR("new-read-only", vm_slot(vm, 0, KVM_MEM_READONLY, GPA, 4 * PAGE, p),
	    EINVAL);
	ERR("overlap-head", vm_slot(vm, 1, 0, GPA - PAGE, 2 * PAGE, p),
	    EEXIST);
	ERR("overlap-tail", vm_slot(vm, 1, 0, GPA + 3 * PAGE, 2 * PAGE, p),
	    EEXIST);
	ERR("overlap-inside", vm_slot(vm, 1, 0, GPA + PAGE, PAGE, p), EEXIST);
	ERR("overlap-around", vm_slot(vm, 1, 0, GPA - PAGE, 9 * PAGE, p),
	    EEXIST);
	ERR("before", vm_slot(vm, 1, 0, GPA - PAGE, PAGE, p + 8 * PAGE), 0);
	ERR("after", vm_slot(vm, 2, 0, GPA + 4 * PAGE, PAGE, p + 9 * PAGE), 0);
	ERR("move-onto-other", vm_slot(vm, 0, 0, GPA + PAGE, 4 * PAGE, p),
	    EEXIST);
	ERR("move", vm_slot(vm, 0, 0, 2 * GPA, 4 * PAGE, p), 0);
	ERR("reuse-place", vm_slot(vm, 3, 0, GPA, 4 * PAGE, p), 0);
	ERR("move-onto-itself", vm_slot(vm, 0, 0, 2 * GPA + PAGE, 4 * PAGE, p),
	    0);
	ERR("delete", vm_slot(vm, 0, 0, 0, 0, NULL), 0);
	ERR("delete-twice", vm_slot(vm, 0, 0, 0, 0, NULL), EINVAL);
	ERR("recreate-otherwise", vm_slot(vm, 0, 0, 2 * GPA, PAGE, p + PAGE),
	    0);
}

/* ---- what a guest sees ---- */

static volatile u64 at, value, result;

static void load_guest(void)
{
	for (;;) {
		result = *(volatile u64 *)at;
		guest_sync(0);
	}
}

static void store_guest(void)
{
	for (;;) {
		*(volatile u64 *)at = value;
		guest_sync(0);
	}
}

#define MMIO_ANSWER 0x0dead0dead0dead0ull

/* Let the guest load; true if from RAM, the value in *val. */
static bool load_from(struct vcpu *v, u64 gpa, u64 *val)
{
	bool ram = true;
	u64 answer = MMIO_ANSWER;

	*GVAR(v->vm, at) = gpa;
	while (vcpu_exit(v) == KVM_EXIT_MMIO) {
		SAME(v->run->mmio.phys_addr, gpa);
		SAME(v->run->mmio.is_write, 0);
		memcpy(v->run->mmio.data, &answer, 8);
		ram = false;
	}
	*val = *GVAR(v->vm, result);
	return ram;
}

static void expect_load(struct vcpu *v, const char *name, u64 gpa, u64 want)
{
	u64 got;

	CHECK(load_from(v, gpa, &got), "%s: went to MMIO\n", name);
	EQ(name, got, want);
}

static void expect_hole(struct vcpu *v, const char *name, u64 gpa)
{
	u64 got;

	CHECK(!load_from(v, gpa, &got), "%s: there is RAM\n", name);
	EQ(name, got, MMIO_ANSWER);
}

CASE(create_move_delete)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	u64 *p = anon(2 * PAGE);

	p[0] = 111;
	p[512] = 222;
	mode_long(v, load_guest);
	expect_hole(v, "before", GPA);
	MUST(vm_slot(vm, 1, 0, GPA, 2 * PAGE, p));
	expect_load(v, "page-0", GPA, 111);
	expect_load(v, "page-1", GPA + PAGE, 222);
	expect_hole(v, "beyond", GPA + 2 * PAGE);
	MUST(vm_slot(vm, 1, 0, GPA + PAGE, 2 * PAGE, p));
	expect_hole(v, "moved-from", GPA);
	expect_load(v, "moved-to", GPA + PAGE, 111);
	expect_load(v, "moved-to-1", GPA + 2 * PAGE, 222);
	MUST(vm_slot(vm, 1, 0, 0, 0, NULL));
	expect_hole(v, "deleted", GPA + PAGE);
	p[0] = 333;
	MUST(vm_slot(vm, 1, 0, GPA + PAGE, PAGE, p));
	expect_load(v, "recreated", GPA + PAGE, 333);
	expect_hole(v, "smaller", GPA + 2 * PAGE);
}

CASE(two_views)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	u64 *p = anon(PAGE);

	MUST(vm_slot(vm, 1, 0, GPA, PAGE, p));
	MUST(vm_slot(vm, 2, 0, 2 * GPA - PAGE, PAGE, p));
	mode_long(v, store_guest);
	*GVAR(vm, at) = GPA + 64;
	*GVAR(vm, value) = 0x5ca1ab1e;
	vcpu_exit(v);
	EQ("host-view", p[8], 0x5ca1ab1e);
	mode_long(v, load_guest);
	expect_load(v, "other-view", 2 * GPA - PAGE + 64, 0x5ca1ab1e);
	p[8] = 0xfeed;
	expect_load(v, "host-wrote", GPA + 64, 0xfeed);
}

CASE(many_slots)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	u64 *p = anon(64 * PAGE);
	u64 i, got, bad = 0;

	for (i = 0; i < 64; i++) {
		p[i * 512] = i + 1000;
		MUST(vm_slot(vm, 70 - i, 0, GPA + 2 * i * PAGE, PAGE,
			     p + i * 512));
	}
	mode_long(v, load_guest);
	for (i = 0; i < 64; i++) {
		bad += !load_from(v, GPA + 2 * i * PAGE, &got) ||
		       got != i + 1000;
		bad += load_from(v, GPA + (2 * i + 1) * PAGE, &got);
	}
	EQ("wrong", bad, 0);
}

/* Memory in every other page, as far as I says; its word is what I made it. */
static u64 wrong_in_all(struct vcpu *v, u64 most, u64 step, bool odd_are_gone)
{
	u64 i, got, bad = 0;

	for (i = 1; i < most; i += step) {
		bool there = !(odd_are_gone && i % 2);

		bad += load_from(v, GPA + 2 * i * PAGE, &got) != there ||
		       (there && got != i % 64 + 1000);
		bad += load_from(v, GPA + (2 * i + 1) * PAGE, &got);
	}
	return bad;
}

/* As many as there can be; fewer on KVM, which takes ten times as long. */
CASE_T(all_slots, 60)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	u64 max = ioctl(vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_NR_MEMSLOTS);
	u64 *p = anon(64 * PAGE);
	u64 i, most = abi_on_kvm() ? 1000 : repeat(max), step = (most / 97) | 1;

	for (i = 0; i < 64; i++)
		p[i * 512] = i + 1000;
	for (i = 1; i < most; i++)
		MUST(vm_slot(vm, i, 0, GPA + 2 * i * PAGE, PAGE,
			     p + i % 64 * 512));
	ERR("one-more", vm_slot(vm, max, 0, GPA, PAGE, p), EINVAL);
	mode_long(v, load_guest);
	EQ("wrong", wrong_in_all(v, most, step, false), 0);
	for (i = 1; i < most; i += 2)
		MUST(vm_slot(vm, i, 0, 0, 0, NULL));
	EQ("wrong-later", wrong_in_all(v, most, step, true), 0);
}

/* ---- read-only slots ---- */

static void ro_guest(void)
{
	volatile u64 *p = (u64 *)GPA;

	g_value("read", p[0], 77);
	p[0] = 88;
	g_value("after-write", p[0], 77);
	p[1] += 5;
	g_value("after-add", p[1], 10);
	g_value("code", ((u64 (*)(void))(GPA + 0x100))(), 0x1234);
}

CASE(read_only)
{
	/* mov $0x1234, %eax; ret */
	static const u8 code[] = { 0xb8, 0x34, 0x12, 0, 0, 0xc3 };
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	u64 *p = anon(PAGE), got;

	if (dev_cap(KVM_CAP_READONLY_MEM) != 1)
		skip("KVM_CAP_READONLY_MEM is not offered");
	p[0] = 77;
	p[1] = 10;
	memcpy((u8 *)p + 0x100, code, sizeof(code));
	MUST(vm_slot(vm, 1, KVM_MEM_READONLY, GPA, PAGE, p));
	mode_long(v, ro_guest);
	expect_exit(v, "write", KVM_EXIT_MMIO);
	EQ("is-write", v->run->mmio.is_write, 1);
	EQ("address", v->run->mmio.phys_addr, GPA);
	EQ("len", v->run->mmio.len, 8);
	memcpy(&got, v->run->mmio.data, 8);
	EQ("data", got, 88);
	expect_exit(v, "add", KVM_EXIT_MMIO);
	EQ("add-is-write", v->run->mmio.is_write, 1);
	memcpy(&got, v->run->mmio.data, 8);
	EQ("add-data", got, 15);
	run_done(v);
	check_log(vm);
	EQ("memory", p[0], 77);
	mprotect(p, PAGE, PROT_READ);
	mode_long(v, load_guest);
	expect_load(v, "of-read-only-memory", GPA, 77);
}

/* ---- under a running vCPU ---- */

static volatile u64 seen_ram, seen_mmio, seen_else, stop;

/* Loads for ever; counts what came from RAM, MMIO, or neither. */
static void watch_guest(void)
{
	sti();
	while (!stop) {
		u64 v = *(volatile u64 *)GPA;

		if (v == 4711)
			seen_ram++;
		else if (v == MMIO_ANSWER)
			seen_mmio++;
		else
			seen_else++;
	}
}

static void *watch_thread(void *arg)
{
	struct vcpu *v = arg;
	u64 answer = MMIO_ANSWER;

	while (vcpu_exit(v) == KVM_EXIT_MMIO)
		memcpy(v->run->mmio.data, &answer, 8);
	CHECK(is_done(v), "vCPU ended with exit %s\n",
	      exit_name(v->run->exit_reason));
	return NULL;
}

/* Wait until a counter of the guest moves. */
static void wait_for(volatile u64 *counter)
{
	u64 was = *counter;

	while (*counter < was + 3)
		sched_yield();
}

CASE_T(delete_under_running_vcpu, 20)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	u64 *p = anon(PAGE), i;
	pthread_t t;

	p[0] = 4711;
	mode_long(v, watch_guest);
	pthread_create(&t, NULL, watch_thread, v);
	for (i = 0; i < 25; i++) {
		MUST(vm_slot(vm, 1, 0, GPA, PAGE, p));
		wait_for(GVAR(vm, seen_ram));
		MUST(vm_slot(vm, 1, 0, 0, 0, NULL));
		wait_for(GVAR(vm, seen_mmio));
	}
	*GVAR(vm, stop) = 1;
	pthread_join(t, NULL);
	EQ("neither", *GVAR(vm, seen_else), 0);
}

CASE_T(move_under_running_vcpu, 20)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	u64 *p = anon(2 * PAGE), i;
	pthread_t t;

	p[0] = 4711;
	p[512] = 4711;
	MUST(vm_slot(vm, 1, 0, GPA, 2 * PAGE, p));
	mode_long(v, watch_guest);
	pthread_create(&t, NULL, watch_thread, v);
	for (i = 0; i < 25; i++) {
		wait_for(GVAR(vm, seen_ram));
		MUST(vm_slot(vm, 1, 0, GPA - PAGE, 2 * PAGE, p));
		wait_for(GVAR(vm, seen_ram));
		MUST(vm_slot(vm, 1, 0, GPA, 2 * PAGE, p));
	}
	*GVAR(vm, stop) = 1;
	pthread_join(t, NULL);
	EQ("neither", *GVAR(vm, seen_else), 0);
}

/* ---- the dirty log ---- */

CASE(dirty_log)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	u64 *p = anon(4 * PAGE), bitmap[1] = { 0 };
	struct kvm_dirty_log log = { .slot = 1, .dirty_bitmap = bitmap };

	if (vm_slot(vm, 1, KVM_MEM_LOG_DIRTY_PAGES, GPA, 4 * PAGE, p))
		skip("dirty logging is not offered: %s", strerror(errno));
	mode_long(v, store_guest);
	*GVAR(vm, at) = GPA + 2 * PAGE;
	vcpu_exit(v);
	ERR("get", ioctl(vm->fd, KVM_GET_DIRTY_LOG, &log), 0);
	EQ("page-2", bitmap[0], 4);
	ERR("get-again", ioctl(vm->fd, KVM_GET_DIRTY_LOG, &log), 0);
	EQ("clean", bitmap[0], 0);
	*GVAR(vm, at) = GPA;
	vcpu_exit(v);
	*GVAR(vm, at) = GPA + 2 * PAGE;
	vcpu_exit(v);
	ERR("get-third", ioctl(vm->fd, KVM_GET_DIRTY_LOG, &log), 0);
	EQ("pages-0-2", bitmap[0], 5);
	ERR("flag-off", vm_slot(vm, 1, 0, GPA, 4 * PAGE, p), 0);
	ERR("get-without-flag", ioctl(vm->fd, KVM_GET_DIRTY_LOG, &log), ENOENT);
	log.slot = 9;
	ERR("get-no-slot", ioctl(vm->fd, KVM_GET_DIRTY_LOG, &log), ENOENT);
	log.slot = 0xffff;
	ERR("get-slot-65535", ioctl(vm->fd, KVM_GET_DIRTY_LOG, &log), EINVAL);
}
