// SPDX-License-Identifier: GPL-2.0
/*
 * huge_pages.c - guest memory follows the host's own mapping: 4 KiB, 2 MiB and
 * 1 GiB pages, from wherever the host has them, and devices' memory.
 *
 * Each case has the guest check and change every word (of a page of 1 GiB: some
 * of each 4 KiB), and looks at the sizes of the entries that map it.
 */
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "lib/abi.h"
#include "lib/guest.h"
#include "lib/meminfo.h"
#include "lib/pages.h"

#define GPA 0x20000000ull

#ifndef MAP_HUGE_2MB
#define MAP_HUGE_2MB (21 << 26)
#define MAP_HUGE_1GB (30 << 26)
#endif
#ifndef MFD_HUGETLB
#define MFD_HUGETLB 4
#endif

/* ---- the guest ---- */

static volatile u64 at, words, stride = 1, salt, wrong;

static inline u64 pattern(u64 i, u64 s)
{
	return (i * 0x9e3779b97f4a7c15ull) ^ s;
}

/* Checks what the host left, and leaves something else for it. */
static void pattern_guest(void)
{
	for (;;) {
		volatile u64 *p = (u64 *)at;
		u64 i, n = words, step = stride, s = salt, bad = 0;

		sti();
		for (i = 0; i < n; i += step) {
			bad += p[i] != pattern(i, s);
			p[i] = pattern(i, s + 1);
		}
		cli();
		wrong = bad;
		guest_sync(0);
	}
}

/* ---- the host ---- */

static struct vm *vm;
static struct vcpu *v;

static void start(void)
{
	struct mapped unused;

	/* It takes pages away for a while, to see who comes for them. */
	write_file("/proc/sys/kernel/numa_balancing", "0");
	vm = vm_new(0);
	v = vcpu_new(vm, 0);
	if (!mapped_read(&unused))
		skip("debugfs does not show how memory is mapped");
	mode_long(v, pattern_guest);
	/* The second and the third gigabyte, for what lies there. */
	((u64 *)(vm->ram + GPA_PDPT))[1] = 0x40000083;
	((u64 *)(vm->ram + GPA_PDPT))[2] = 0x80000083;
	/* The guest's own memory is mapped before anything is counted. */
	expect_exit(v, "start", KVM_EXIT_IO);
}

static void run_over(u64 gpa, u64 size, u64 step)
{
	*GVAR(vm, at) = gpa;
	*GVAR(vm, words) = size / 8;
	*GVAR(vm, stride) = step;
}

/* Host and guest change all of it in turn and see each other's words. */
static void both_agree_on(const char *name, u64 *p, u64 gpa, u64 size, u64 step)
{
	u64 i, bad = 0, s = 1000 + size / step;

	run_over(gpa, size, step);
	for (i = 0; i < size / 8; i += step)
		p[i] = pattern(i, s);
	*GVAR(vm, salt) = s;
	expect_exit(v, name, KVM_EXIT_IO);
	SAME(*GVAR(vm, wrong), 0);
	for (i = 0; i < size / 8; i += step)
		bad += p[i] != pattern(i, s + 1);
	EQ(name, bad, 0);
}

/* The same, and the memory must be mapped by so many entries of these sizes. */
static void expect_sizes(const char *name, u64 *p, u64 gpa, u64 size, u64 step,
			 u64 m2, u64 g1)
{
	struct mapped was, is;

	/* What a change of the slots unmapped of the guest's own comes back. */
	run_over(0, 0, 1);
	expect_exit(v, name, KVM_EXIT_IO);
	mapped_read(&was);
	both_agree_on(name, p, gpa, size, step);
	mapped_read(&is);
	note("%s: %lld of 4 KiB, %lld of 2 MiB, %lld of 1 GiB\n", name,
	     (long long)(is.k4 - was.k4), (long long)(is.m2 - was.m2),
	     (long long)(is.g1 - was.g1));
	obs(name, "mapped by %lld of 2 MiB, %lld of 1 GiB",
	    (long long)(is.m2 - was.m2), (long long)(is.g1 - was.g1));
	SAME(is.m2 - was.m2, m2);
	SAME(is.g1 - was.g1, g1);
	if (!m2 && !g1)
		CHECK(is.k4 - was.k4 >= size / PAGE_4K,
		      "%s: only %lld small pages\n", name,
		      (long long)(is.k4 - was.k4));
}

/* Anonymous memory that the host has in pages of 2 MiB. */
static u64 *thp(u64 size)
{
	u64 *p = map_aligned(size, PAGE_2M);
	u64 i;

	if (madvise(p, size, MADV_HUGEPAGE))
		skip("no transparent huge pages: %s", strerror(errno));
	for (i = 0; i < size; i += PAGE_2M)
		p[i / 8] = 1;
	return p;
}

/* ---- transparent huge pages ---- */

CASE(transparent)
{
	u64 *p;

	start();
	p = thp(2 * PAGE_2M);
	MUST(vm_slot(vm, 1, 0, GPA, 2 * PAGE_2M, p));
	expect_sizes("aligned", p, GPA, 2 * PAGE_2M, 1, 2, 0);
}

/* Guest and host addresses that differ in their place within 2 MiB. */
CASE(not_aligned)
{
	u64 *p;

	start();
	p = thp(2 * PAGE_2M);
	MUST(vm_slot(vm, 1, 0, GPA + PAGE_4K, 2 * PAGE_2M, p));
	expect_sizes("shifted", p, GPA + PAGE_4K, 2 * PAGE_2M, 1, 0, 0);
	MUST(vm_slot(vm, 1, 0, 0, 0, NULL));
	MUST(vm_slot(vm, 1, 0, GPA + PAGE_2M, 2 * PAGE_2M, p));
	expect_sizes("moved", p, GPA + PAGE_2M, 2 * PAGE_2M, 1, 2, 0);
}

/* A slot that ends within a huge page: nothing beyond it may be mapped. */
CASE(part_of_a_page)
{
	u64 *p;

	start();
	p = thp(2 * PAGE_2M);
	p[(PAGE_2M + PAGE_2M / 2) / 8] = 4711;
	MUST(vm_slot(vm, 1, 0, GPA, PAGE_2M + PAGE_2M / 2, p));
	expect_sizes("inside", p, GPA, PAGE_2M + PAGE_2M / 2, 1, 1, 0);
	run_over(GPA + PAGE_2M + PAGE_2M / 2, 8, 1);
	expect_exit(v, "beyond", KVM_EXIT_MMIO);
	EQ("not-touched", p[(PAGE_2M + PAGE_2M / 2) / 8], 4711);
}

/* One page of 4 KiB goes out of a huge one. */
CASE(broken_up)
{
	struct mapped m, was;
	u64 *p, i, bad = 0;

	start();
	p = thp(PAGE_2M);
	MUST(vm_slot(vm, 1, 0, GPA, PAGE_2M, p));
	expect_sizes("whole", p, GPA, PAGE_2M, 1, 1, 0);
	mapped_read(&was);
	MUST(madvise((u8 *)p + 7 * PAGE_4K, PAGE_4K, MADV_DONTNEED));
	for (i = 0; i < PAGE_4K / 8; i++)
		bad += p[7 * PAGE_4K / 8 + i] != 0;
	EQ("gone", bad, 0);
	both_agree_on("after", p, GPA, PAGE_2M, 1);
	mapped_read(&m);
	EQ("huge-entries", m.m2 - was.m2 + 1, 0);
	MUST(mprotect((u8 *)p + 9 * PAGE_4K, PAGE_4K, PROT_READ));
	run_over(GPA + 9 * PAGE_4K, 8, 1);
	EQ("write-protected", vcpu_run(v), EFAULT);
	MUST(mprotect((u8 *)p + 9 * PAGE_4K, PAGE_4K, PROT_READ | PROT_WRITE));
	expect_exit(v, "writable", KVM_EXIT_IO);
	both_agree_on("again", p, GPA, PAGE_2M, 1);
}

/* ---- hugetlbfs ---- */

static u64 *hugetlb(u64 size, u64 page, int flags)
{
	u64 *p;

	if (!use_huge_pages(page, size / page))
		skip("the host has no %llu free pages of %llu KiB",
		     (unsigned long long)(size / page),
		     (unsigned long long)(page >> 10));
	p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | flags, -1, 0);
	if (p == MAP_FAILED)
		skip("no memory of hugetlbfs: %s", strerror(errno));
	return p;
}

static void map_hugetlb_at(u64 *at)
{
	if (mmap(at, PAGE_2M, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_HUGE_2MB |
		 MAP_FIXED_NOREPLACE, -1, 0) != at)
		die("no memory of hugetlbfs: %s\n", strerror(errno));
}

CASE(hugetlb_2m)
{
	u64 *p;

	start();
	p = hugetlb(2 * PAGE_2M, PAGE_2M, MAP_HUGE_2MB);
	/*
	 * As two mappings: to take away a part of one makes Linux 6.1.192 warn of
	 * its own locks, if it has lockdep.
	 */
	MUST(munmap(p, 2 * PAGE_2M));
	map_hugetlb_at(p);
	map_hugetlb_at(p + PAGE_2M / 8);
	MUST(vm_slot(vm, 1, 0, GPA, 2 * PAGE_2M, p));
	expect_sizes("aligned", p, GPA, 2 * PAGE_2M, 1, 2, 0);
	MUST(munmap(p, PAGE_2M));
	*GVAR(vm, at) = GPA;
	EQ("unmapped", vcpu_run(v), EFAULT);
	mode_long(v, pattern_guest);
	both_agree_on("neighbour", p + PAGE_2M / 8, GPA + PAGE_2M, PAGE_2M, 1);
}

/* A hole in the file behind shared memory. */
CASE(memfd_2m)
{
	u64 *p, i, bad = 0;
	int fd;

	start();
	if (!use_huge_pages(PAGE_2M, 2))
		skip("the host has no free huge pages");
	fd = syscall(SYS_memfd_create, "guest", MFD_HUGETLB | MAP_HUGE_2MB);
	if (fd < 0 || ftruncate(fd, 2 * PAGE_2M))
		skip("no memfd of huge pages: %s", strerror(errno));
	p = mmap(NULL, 2 * PAGE_2M, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	SAME(p == MAP_FAILED, 0);
	MUST(vm_slot(vm, 1, 0, GPA, 2 * PAGE_2M, p));
	expect_sizes("aligned", p, GPA, 2 * PAGE_2M, 1, 2, 0);
	MUST(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
		       PAGE_2M));
	run_over(GPA, 2 * PAGE_2M, 1);
	*GVAR(vm, salt) = 0;
	expect_exit(v, "hole", KVM_EXIT_IO);
	for (i = 0; i < 2 * PAGE_2M / 8; i++)
		bad += p[i] != pattern(i, 1);
	EQ("both-see-the-new-page", bad, 0);
	/* Not one word was as the guest expected it but word 0: all zero. */
	EQ("zero-or-old", *GVAR(vm, wrong), 2 * PAGE_2M / 8 - 1);
}

/* Dirty pages are logged by 4 KiB, so what is written of it is broken up. */
static void write_logged(u64 *p, u64 gpa)
{
	static const u64 offsets[] = { 0, 0x1000, 0x12345000, 0x3ffff000 };
	static u8 bitmap[PAGE_1G / PAGE_4K / 8];
	struct kvm_dirty_log log = { .slot = 1, .dirty_bitmap = bitmap };
	u64 i, bits = 0, found = 0;

	MUST(vm_slot(vm, 1, KVM_MEM_LOG_DIRTY_PAGES, gpa, PAGE_1G, p));
	MUST(ioctl(vm->fd, KVM_GET_DIRTY_LOG, &log));
	for (i = 0; i < ARRAY_LEN(offsets); i++)
		both_agree_on("logged", p + offsets[i] / 8, gpa + offsets[i],
			      PAGE_4K, 8);
	MUST(ioctl(vm->fd, KVM_GET_DIRTY_LOG, &log));
	for (i = 0; i < sizeof(bitmap); i++)
		bits += __builtin_popcount(bitmap[i]);
	for (i = 0; i < ARRAY_LEN(offsets); i++)
		found += bitmap[offsets[i] / PAGE_4K / 8] >>
			 offsets[i] / PAGE_4K % 8 & 1;
	EQ("dirty-pages", bits, ARRAY_LEN(offsets));
	EQ("the-right-ones", found, ARRAY_LEN(offsets));
	MUST(vm_slot(vm, 1, 0, gpa, PAGE_1G, p));
}

/* One page of 1 GiB, mapped as a whole, in parts of 2 MiB, and of 4 KiB. */
CASE_T(hugetlb_1g, 60)
{
	u64 gpa = PAGE_1G, *p;

	start();
	p = hugetlb(PAGE_1G, PAGE_1G, MAP_HUGE_1GB);
	MUST(vm_slot(vm, 1, 0, gpa, PAGE_1G, p));
	expect_sizes("whole", p, gpa, PAGE_1G, 4096, 0, 1);
	both_agree_on("small-steps", p, gpa, 8 * PAGE_2M, 16);
	MUST(vm_slot(vm, 1, 0, 0, 0, NULL));
	MUST(vm_slot(vm, 1, 0, gpa + PAGE_2M, 16 * PAGE_2M, p));
	expect_sizes("by-2m", p, gpa + PAGE_2M, 16 * PAGE_2M, 512, 16, 0);
	MUST(vm_slot(vm, 1, 0, 0, 0, NULL));
	MUST(vm_slot(vm, 1, 0, gpa + PAGE_4K, 2 * PAGE_2M, p));
	expect_sizes("by-4k", p, gpa + PAGE_4K, 2 * PAGE_2M, 16, 0, 0);
	MUST(vm_slot(vm, 1, 0, 0, 0, NULL));
	/* Two slots that share it, one of them read-only. */
	MUST(vm_slot(vm, 1, 0, gpa, PAGE_1G, p));
	MUST(vm_slot(vm, 2, KVM_MEM_READONLY, 2 * PAGE_1G, PAGE_1G, p));
	both_agree_on("shared", p, gpa, PAGE_1G, 4096);
	*GVAR(vm, at) = 2 * PAGE_1G;
	expect_exit(v, "read-only", KVM_EXIT_MMIO);
	mode_long(v, pattern_guest);
	MUST(vm_slot(vm, 2, 0, 0, 0, NULL));
	write_logged(p, gpa);
	both_agree_on("after-logging", p, gpa, PAGE_1G, 4096);
	MUST(munmap(p, PAGE_1G));
	*GVAR(vm, at) = gpa + 0x12345678;
	EQ("unmapped", vcpu_run(v), EFAULT);
}

/* ---- files, and memory that is none ---- */

CASE(file_of_huge_pages)
{
	const char *dir = "/tmp/huge_pages";
	char name[64];
	u64 *p, *other, i, bad = 0;
	long before;
	int fd;

	start();
	mkdir(dir, 0700);
	if (mount("none", dir, "tmpfs", 0, "huge=always"))
		skip("no tmpfs of huge pages: %s", strerror(errno));
	snprintf(name, sizeof(name), "%s/file", dir);
	fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	umount2(dir, MNT_DETACH);
	MUST(fd);
	MUST(ftruncate(fd, PAGE_2M));
	p = mmap(map_aligned(PAGE_2M, PAGE_2M), PAGE_2M, PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_FIXED, fd, 0);
	MUST(vm_slot(vm, 1, 0, GPA, PAGE_2M, p));
	before = meminfo("ShmemPmdMapped");
	p[0] = 1;
	if (meminfo("ShmemPmdMapped") < before + 2048)
		skip("the host has no huge page for the file");
	expect_sizes("huge", p, GPA, PAGE_2M, 1, 1, 0);
	other = mmap(NULL, PAGE_2M, PROT_READ, MAP_SHARED, fd, 0);
	for (i = 0; i < PAGE_2M / 8; i++)
		bad += p[i] != other[i];
	EQ("other-mapping", bad, 0);
	MUST(ftruncate(fd, PAGE_4K));
	EQ("beyond-end", vcpu_run(v), EFAULT);
}

/*
 * A device's memory has no struct page, like a BAR that VFIO maps: here the
 * part of the VGA's memory that no screen shows.
 */
CASE(device_memory)
{
	int fd = open("/dev/mem", O_RDWR | O_SYNC | O_CLOEXEC);
	u64 size = 4 * PAGE_4K, *p, *other, i, bad = 0;

	if (fd < 0)
		skip("no /dev/mem: %s", strerror(errno));
	start();
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0xbc000);
	if (p == MAP_FAILED)
		skip("/dev/mem: %s", strerror(errno));
	p[0] = 0x1234;
	p[1] = 0x5678;
	if (p[0] != 0x1234 || p[1] != 0x5678)
		skip("no memory of a VGA's");
	MUST(vm_slot(vm, 1, 0, GPA, size, p));
	both_agree_on("words", p, GPA, size, 1);
	other = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0xbc000);
	for (i = 0; i < size / 8; i++)
		bad += p[i] != other[i];
	EQ("other-mapping", bad, 0);
	MUST(munmap(p, PAGE_4K));
	EQ("unmapped", vcpu_run(v), EFAULT);
}
