// SPDX-License-Identifier: GPL-2.0
/*
 * host_idle.c - the host asks which pages a guest has used since it last asked.
 *
 * Through /sys/kernel/mm/page_idle/bitmap, which asks the MMU notifier
 * (clear_young) about each page: the guest uses some of its pages, in 4 KiB and in
 * 2 MiB, by reads, by writes, and for the first time, and these and no others must
 * have become young.  Debian's kernels have no such file, those of the lab do.
 */
#include "lib/abi.h"
#include "lib/guest.h"
#include "lib/pages.h"

#define GPA	0x20000000ull
#define NPAGES	256
/* More than any TLB holds. */
#define OTHERS_GPA	0x30000000ull
#define NOTHERS	2048

static volatile u64 from, to, step, writing, sum;

/*
 * What a CPU keeps of a page's translation it need not look up again, and no flush
 * comes with the host's question.  So the guest first uses many others.
 */
static void idle_guest(void)
{
	u64 i;

	for (;;) {
		for (i = 0; i < NOTHERS; i++)
			sum += *(volatile u64 *)(OTHERS_GPA + i * PAGE_4K);
		for (i = from; i < to; i += step) {
			volatile u64 *p = (u64 *)(GPA + i * PAGE_4K);

			if (writing)
				*p = i;
			else
				sum += *p;
		}
		guest_sync(0);
	}
}

static struct vm *vm;
static struct vcpu *v;
static int idle_fd;

/* Memory of the guest's, and frames behind it that the host can ask about. */
static u8 *mem;
static u64 frames[NPAGES];
static bool asked[NPAGES];

static void start(u8 *p)
{
	idle_fd = open("/sys/kernel/mm/page_idle/bitmap", O_RDWR | O_CLOEXEC);
	if (idle_fd < 0)
		skip("the host's kernel does not track idle pages");
	mem = p;
	vm = vm_new(0);
	v = vcpu_new(vm, 0);
	vm_add_ram(vm, 2, OTHERS_GPA, NOTHERS * PAGE_4K);
	MUST(vm_slot(vm, 1, 0, GPA, NPAGES * PAGE_4K, p));
	mode_long(v, idle_guest);
	*GVAR(vm, step) = 1;
}

/* The guest uses pages from @first up to @end, each @every-th. */
static void use(const char *name, u64 first, u64 end, u64 every, bool writes)
{
	*GVAR(vm, from) = first;
	*GVAR(vm, to) = end;
	*GVAR(vm, step) = every;
	*GVAR(vm, writing) = writes;
	expect_exit(v, name, KVM_EXIT_IO);
}

static bool is_idle(u64 frame)
{
	u64 bits = 0;

	if (pread(idle_fd, &bits, 8, frame / 64 * 8) != 8)
		die("the bitmap can't be read: %s\n", strerror(errno));
	return bits >> frame % 64 & 1;
}

static void mark_idle(u64 frame)
{
	u64 bits = BIT_ULL(frame % 64);

	if (pwrite(idle_fd, &bits, 8, frame / 64 * 8) != 8)
		die("the bitmap can't be written: %s\n", strerror(errno));
}

/*
 * Of the pages up to @end, mark each @every-th.  The host takes no note of those
 * few that still wait to be put into its lists; they are not asked about.
 */
static void mark_all(u64 end, u64 every)
{
	u64 i, n = 0;

	for (i = 0; i < end; i += every) {
		frames[i] = PAGEMAP_PFN(pagemap_entry(mem + i * PAGE_4K));
		if (!frames[i])
			die("page %llu has no frame\n", (unsigned long long)i);
		mark_idle(frames[i]);
	}
	for (i = 0; i < end; i += every) {
		asked[i] = is_idle(frames[i]);
		n += asked[i];
	}
	CHECK(n >= end / every * 9 / 10, "only %llu pages were idle\n",
	      (unsigned long long)n);
}

/* Those from @first up to @end, each @every-th, were used, and no others. */
static void expect_used(const char *name, u64 first, u64 end, u64 every)
{
	u64 i, missed = 0, false_ones = 0;

	for (i = 0; i < NPAGES; i++) {
		bool used = i >= first && i < end && !((i - first) % every);

		if (!asked[i])
			continue;
		missed += used && is_idle(frames[i]);
		false_ones += !used && !is_idle(frames[i]);
	}
	obs(name, "%llu used pages seem idle, %llu others do not",
	    (unsigned long long)missed, (unsigned long long)false_ones);
	SAME(missed, 0);
	SAME(false_ones, 0);
}

static u8 *small_pages(void)
{
	u8 *p = map_aligned(NPAGES * PAGE_4K, PAGE_4K);
	u64 i;

	madvise(p, NPAGES * PAGE_4K, MADV_NOHUGEPAGE);
	for (i = 0; i < NPAGES; i++)
		p[i * PAGE_4K] = 1;
	return p;
}

CASE_T(small_pages_used, 30)
{
	start(small_pages());
	use("all", 0, NPAGES, 1, true);
	mark_all(NPAGES, 1);
	expect_used("none", 0, 0, 1);
	use("read", 64, 128, 1, false);
	expect_used("by-reads", 64, 128, 1);
	mark_all(NPAGES, 1);
	use("write", 100, 200, 3, true);
	expect_used("by-writes", 100, 200, 3);
	mark_all(NPAGES, 1);
	expect_used("none-again", 0, 0, 1);
	use("all-again", 0, NPAGES, 1, false);
	expect_used("all", 0, NPAGES, 1);
}

/* What is mapped along with a page that is used for the first time is not used. */
CASE_T(used_for_the_first_time, 30)
{
	start(small_pages());
	use("nothing", 0, 0, 1, false);
	mark_all(NPAGES, 1);
	use("one-in-eight", 0, NPAGES, 8, false);
	expect_used("one-in-eight", 0, NPAGES, 8);
}

CASE_T(huge_page_used, 30)
{
	u8 *p = map_aligned(PAGE_2M, PAGE_2M);
	struct mapped was, is;

	if (madvise(p, PAGE_2M, MADV_HUGEPAGE))
		skip("no transparent huge pages: %s", strerror(errno));
	p[0] = 1;
	start(p);
	/* A slot of all of it, to be mapped as it is. */
	MUST(vm_slot(vm, 1, 0, 0, 0, NULL));
	MUST(vm_slot(vm, 1, 0, GPA, PAGE_2M, p));
	use("others", 0, 0, 1, false);
	mapped_read(&was);
	use("some", 7, 9, 1, true);
	if (mapped_read(&is))
		SAME(is.m2, was.m2 + 1);
	/* The host knows of the first of its small pages only. */
	mark_all(1, 1);
	SAME(asked[0], true);
	use("others-again", 0, 0, 1, false);
	expect_used("none", 0, 0, 1);
	use("another", 77, 78, 1, false);
	expect_used("by-a-read", 0, 1, 1);
	mark_all(1, 1);
	use("yet-another", 255, 256, 1, true);
	expect_used("by-a-write", 0, 1, 1);
}
