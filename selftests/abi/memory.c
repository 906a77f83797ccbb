// SPDX-License-Identifier: GPL-2.0
/*
 * memory.c - the owner's address space changes under its guest.
 *
 * Fault-in, munmap, madvise, mprotect, mremap, truncation, fork and compaction
 * while the guest looks at every word: it must never see a page that is no
 * longer its own.
 */
#include <pthread.h>
#include <sys/syscall.h>

#include "lib/abi.h"
#include "lib/guest.h"

#define GPA 0x20000000ull
#define PAGE 0x1000ull
#define NPAGES 64

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

static u64 *new_ram(struct vm *vm, u64 pages)
{
	return vm_add_ram(vm, 1, GPA, pages * PAGE);
}

static void expect_load(struct vcpu *v, const char *name, u64 gpa, u64 want)
{
	*GVAR(v->vm, at) = gpa;
	expect_exit(v, name, KVM_EXIT_IO);
	EQ(name, *GVAR(v->vm, result), want);
}

/* ---- fault-in ---- */

static void fault_in_guest(void)
{
	volatile u64 *p = (u64 *)GPA;
	u64 i, wrong = 0;

	for (i = 0; i < NPAGES; i++)
		wrong += p[i * 512] != (i & 1 ? i : 0);
	g_value("read", wrong, 0);
	for (i = 0; i < NPAGES; i++)
		p[i * 512 + 1] = i * 3;
}

CASE(fault_in)
{
	struct vm *vm = vm_new(0);
	u64 *p = new_ram(vm, NPAGES), i, wrong = 0;

	for (i = 1; i < NPAGES; i += 2)
		p[i * 512] = i;
	run_guest(vcpu_new(vm, 0), fault_in_guest);
	for (i = 0; i < NPAGES; i++)
		wrong += p[i * 512 + 1] != i * 3;
	EQ("written", wrong, 0);
}

/* A page read by the guest first, then written: no stale zero page. */
CASE(zero_page)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	u64 *p = new_ram(vm, 2);

	mode_long(v, load_guest);
	expect_load(v, "untouched", GPA, 0);
	p[0] = 5;
	expect_load(v, "host-wrote", GPA, 5);
	mode_long(v, store_guest);
	*GVAR(vm, at) = GPA + 8;
	*GVAR(vm, value) = 6;
	vcpu_exit(v);
	EQ("guest-wrote", p[1], 6);
	EQ("kept", p[0], 5);
}

/* ---- unmapping and protection ---- */

CASE(unmap)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	u64 *p = new_ram(vm, 4), *q;

	p[0] = 1;
	p[512] = 2;
	mode_long(v, load_guest);
	expect_load(v, "mapped", GPA + PAGE, 2);
	MUST(munmap(p + 512, PAGE));
	*GVAR(vm, at) = GPA + PAGE;
	EQ("unmapped", vcpu_run(v), EFAULT);
	EQ("still", vcpu_run(v), EFAULT);
	q = mmap(p + 512, PAGE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	q[0] = 3;
	expect_load(v, "mapped-again", GPA + PAGE, 3);
	expect_load(v, "neighbour", GPA, 1);
}

CASE(protect)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	u64 *p = new_ram(vm, 4);

	p[0] = 1;
	mode_long(v, store_guest);
	*GVAR(vm, at) = GPA;
	*GVAR(vm, value) = 7;
	vcpu_exit(v);
	EQ("writable", p[0], 7);
	MUST(mprotect(p, PAGE, PROT_READ));
	*GVAR(vm, value) = 8;
	EQ("write-read-only", vcpu_run(v), EFAULT);
	EQ("kept", p[0], 7);
	mode_long(v, load_guest);
	expect_load(v, "read-read-only", GPA, 7);
	MUST(mprotect(p, PAGE, PROT_NONE));
	EQ("read-none", vcpu_run(v), EFAULT);
	MUST(mprotect(p, PAGE, PROT_READ | PROT_WRITE));
	expect_load(v, "restored", GPA, 7);
}

CASE(dontneed)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	u64 *p = new_ram(vm, 4);

	p[0] = 0x1234;
	mode_long(v, load_guest);
	expect_load(v, "before", GPA, 0x1234);
	MUST(madvise(p, PAGE, MADV_DONTNEED));
	expect_load(v, "after", GPA, 0);
	p[0] = 0x4321;
	expect_load(v, "new-page", GPA, 0x4321);
}

CASE(remap)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	u64 *p = new_ram(vm, 4), *q, *r;

	p[0] = 0xaaaa;
	mode_long(v, load_guest);
	expect_load(v, "before", GPA, 0xaaaa);
	q = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	r = mremap(p, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, q);
	SAME(r, q);
	EQ("moved-away", vcpu_run(v), EFAULT);
	r[0] = 0xbbbb;
	p = mmap(p, PAGE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	p[0] = 0xcccc;
	expect_load(v, "new-in-its-place", GPA, 0xcccc);
	EQ("the-moved-one", r[0], 0xbbbb);
}

CASE(file_truncated)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	int fd = MUST(syscall(SYS_memfd_create, "guest", 0));
	u64 *p, *other;

	MUST(ftruncate(fd, 2 * PAGE));
	p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	other = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	MUST(vm_slot(vm, 1, 0, GPA, 2 * PAGE, p));
	other[512] = 42;
	mode_long(v, load_guest);
	expect_load(v, "shared-file", GPA + PAGE, 42);
	MUST(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, PAGE,
		       PAGE));
	expect_load(v, "hole", GPA + PAGE, 0);
	MUST(ftruncate(fd, PAGE));
	EQ("beyond-end", vcpu_run(v), EFAULT);
	MUST(ftruncate(fd, 2 * PAGE));
	expect_load(v, "grown-again", GPA + PAGE, 0);
}

/* ---- fork ---- */

CASE(fork_copy_on_write)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	u64 *p = new_ram(vm, 4);
	int go[2], status;
	char c;
	pid_t pid;

	MUST(pipe(go));
	mode_long(v, store_guest);
	*GVAR(vm, at) = GPA;
	*GVAR(vm, value) = 1;
	vcpu_exit(v);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		/* The guest has written since: this copy must not show it. */
		if (read(go[0], &c, 1) != 1)
			_exit(2);
		_exit(p[0] == 1 ? 0 : 1);
	}
	*GVAR(vm, value) = 2;
	vcpu_exit(v);
	EQ("parent-sees", p[0], 2);
	MUST(write(go[1], "x", 1));
	MUST(waitpid(pid, &status, 0));
	EQ("child-status", status, 0);
	mode_long(v, load_guest);
	p[0] = 3;
	expect_load(v, "parent-still-shares", GPA, 3);
}

/* Fds that a child inherited belong to another address space. */
CASE(other_mm)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	struct kvm_regs r;
	struct kvm_sregs s;
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		ERR("vcpu-get-regs", ioctl(v->fd, KVM_GET_REGS, &r), EIO);
		ERR("vcpu-set-sregs", ioctl(v->fd, KVM_SET_SREGS, &s), EIO);
		ERR("vcpu-run", ioctl(v->fd, KVM_RUN, 0), EIO);
		ERR("vm-slot", vm_slot(vm, 3, 0, GPA, PAGE, vm->ram), EIO);
		ERR("vm-create-vcpu", ioctl(vm->fd, KVM_CREATE_VCPU, 1), EIO);
		ERR("vm-check-extension",
		    ioctl(vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_NR_VCPUS), EIO);
		/* The device itself belongs to no one. */
		ERR("dev", ioctl(vm->dev, KVM_GET_API_VERSION, 0) - 13, 0);
		fflush(stdout);
		_exit(0);
	}
	MUST(waitpid(pid, &status, 0));
	EQ("child", status, 0);
	ERR("owner", ioctl(v->fd, KVM_GET_REGS, &r), 0);
}

/*
 * Every word of the guest's memory goes up by one a round; a word that is not
 * what the last round left is an error.
 */
static volatile u64 rounds, errors, stop;

static void count_guest(void)
{
	volatile u64 *p = (u64 *)GPA;
	u64 i, round = 0;

	sti();
	while (!stop) {
		for (i = 0; i < NPAGES * 512; i += 61) {
			errors += p[i] != round;
			p[i] = round + 1;
		}
		rounds = ++round;
	}
}

static void *count_thread(void *arg)
{
	struct vcpu *v = arg;

	vcpu_exit(v);
	CHECK(is_done(v), "vCPU ended with exit %s\n",
	      exit_name(v->run->exit_reason));
	return NULL;
}

static void wait_round(struct vm *vm)
{
	u64 was = *GVAR(vm, rounds);

	while (*GVAR(vm, rounds) < was + 2)
		sched_yield();
}

/* In a child: a snapshot must stay as it is while the guest goes on. */
static int steady(const u64 *p)
{
	u64 sum[2] = { 0, 0 };
	int i, j;

	for (j = 0; j < 2; j++) {
		for (i = 0; i < NPAGES * 512; i += 61)
			sum[j] += p[i] * (i | 1);
		usleep(2000);
	}
	return sum[0] != sum[1];
}

static void end_count(struct vm *vm, pthread_t t)
{
	*GVAR(vm, stop) = 1;
	pthread_join(t, NULL);
	EQ("errors", *GVAR(vm, errors), 0);
}

CASE_T(fork_under_running_guest, 30)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	u64 *p = new_ram(vm, NPAGES);
	int i, status, bad = 0;
	pthread_t t;
	pid_t pid;

	mode_long(v, count_guest);
	pthread_create(&t, NULL, count_thread, v);
	for (i = 0; i < 12; i++) {
		wait_round(vm);
		fflush(stdout);
		pid = fork();
		if (!pid)
			_exit(steady(p));
		wait_round(vm);
		MUST(waitpid(pid, &status, 0));
		bad += status != 0;
	}
	end_count(vm, t);
	EQ("snapshots-that-moved", bad, 0);
}

/* Pages are moved and write-protected under the guest; nothing is lost. */
CASE_T(protect_under_running_guest, 20)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	u64 *p = new_ram(vm, NPAGES);
	pthread_t t;
	int i, fd;

	fd = open("/proc/sys/vm/compact_memory", O_WRONLY);
	mode_long(v, count_guest);
	pthread_create(&t, NULL, count_thread, v);
	for (i = 0; i < 20; i++) {
		/* Splits and joins the mapping: no access is taken away. */
		MUST(mprotect(p + 512 * (i % NPAGES), PAGE,
			      PROT_READ | PROT_WRITE | PROT_EXEC));
		MUST(madvise(p, NPAGES * PAGE, MADV_COLD));
		if (fd >= 0 && i % 10 == 0)
			MUST(write(fd, "1", 1));
		wait_round(vm);
	}
	end_count(vm, t);
}

/* The guest reads pages that are thrown away: old content or zero, no other. */
static void dontneed_guest(void)
{
	volatile u64 *p = (u64 *)GPA;
	u64 i, got;

	sti();
	while (!stop) {
		for (i = 0; i < NPAGES; i++) {
			got = p[i * 512];
			errors += got != 0 && got != 0xabc0 + i;
		}
		rounds++;
	}
}

CASE_T(dontneed_under_running_guest, 20)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	u64 *p = new_ram(vm, NPAGES), i, j;
	pthread_t t;

	mode_long(v, dontneed_guest);
	pthread_create(&t, NULL, count_thread, v);
	for (j = 0; j < 20; j++) {
		for (i = 0; i < NPAGES; i++)
			p[i * 512] = 0xabc0 + i;
		wait_round(vm);
		MUST(madvise(p, NPAGES * PAGE, MADV_DONTNEED));
		wait_round(vm);
	}
	end_count(vm, t);
}

/* Memory is unmapped under the running guest: KVM_RUN ends with EFAULT. */
static void *efault_thread(void *arg)
{
	struct vcpu *v = arg;
	int e;

	do {
		e = vcpu_run(v);
	} while (e == EINTR || e == EAGAIN);
	return (void *)(long)e;
}

CASE(unmap_under_running_guest)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	u64 *p = new_ram(vm, NPAGES);
	pthread_t t;
	void *e;

	mode_long(v, count_guest);
	pthread_create(&t, NULL, efault_thread, v);
	wait_round(vm);
	MUST(munmap(p, NPAGES * PAGE));
	pthread_join(t, &e);
	EQ("run", (long)e, EFAULT);
}
