// SPDX-License-Identifier: GPL-2.0
/*
 * host_memory.c - all that the host may do with the memory of a running guest.
 *
 * Swap, merge, migrate, take off-line, poison, split and join, discard, copy on
 * write, move, protect, and userfaultfd: the guest checks every word all the
 * time (lib/keeper.c), and each case has evidence that the host really did it.
 * What a kernel or a machine can't do is skipped, with the reason.
 */
#include <sched.h>
#include <sys/klog.h>
#include <sys/swap.h>
#include <sys/syscall.h>

#include "lib/abi.h"
#include "lib/keeper.h"
#include "lib/pages.h"

#define NPAGES	64
#define SIZE	(NPAGES * PAGE_4K)

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT	21
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif
#define MADV_HWPOISON_	100
#define MADV_SOFT_OFFLINE_ 101

static u64 *small_pages(int flags)
{
	u64 *p = map_aligned(SIZE, PAGE_4K);

	madvise(p, SIZE, MADV_NOHUGEPAGE);
	keeper_fill(p, NPAGES, flags);
	keeper_prepare(p, NPAGES, flags);
	return p;
}

static u64 *huge_page(void)
{
	u64 *p = map_aligned(PAGE_2M, PAGE_2M);

	if (madvise(p, PAGE_2M, MADV_HUGEPAGE))
		skip("no transparent huge pages: %s", strerror(errno));
	keeper_fill(p, PAGE_2M / PAGE_4K, 0);
	keeper_prepare(p, PAGE_2M / PAGE_4K, 0);
	return p;
}

static long count_entries(const u64 *p, u64 pages, u64 bit)
{
	long n = 0;
	u64 i;

	for (i = 0; i < pages; i++)
		n += (pagemap_entry(p + i * 512) & bit) != 0;
	return n;
}

/* A line "NAME NUMBER" of a file. */
static long line_of(const char *path, const char *name)
{
	char word[128];
	long n, found = -1;
	FILE *f = fopen(path, "r");

	while (f && fscanf(f, "%127s %ld%*[^\n]", word, &n) == 2)
		if (!strcmp(word, name))
			found = n;
	if (f)
		fclose(f);
	return found;
}

/* ---- swap ---- */

/* A RAM disk will do. The header is that of mkswap. */
static bool swap_on(const char *dev)
{
	static u8 page[PAGE_4K];
	int fd = open(dev, O_RDWR | O_CLOEXEC);
	u32 info[3] = { 1, 0, 0 };
	off_t size;

	if (fd < 0)
		return false;
	size = lseek(fd, 0, SEEK_END);
	info[1] = size / PAGE_4K - 1;
	memcpy(page + 1024, info, sizeof(info));
	memcpy(page + PAGE_4K - 10, "SWAPSPACE2", 10);
	if (pwrite(fd, page, PAGE_4K, 0) != (ssize_t)PAGE_4K)
		size = 0;
	close(fd);
	return size && !swapon(dev, 0);
}

static void need_swap(void)
{
	if (line_of("/proc/meminfo", "SwapTotal:") > 0)
		return;
	if (!swap_on("/dev/ram0"))
		skip("the host has nothing to swap to");
}

/*
 * Pages that the guest has used lately are not the ones that go (Linux 6.12 takes
 * the advice at its word and lets them go, too); those that it left alone are.
 */
CASE_T(swapped, 30)
{
	long used = 0, out = 0, before;
	u64 *p;
	int i;

	need_swap();
	p = small_pages(0);
	keeper_start();
	for (i = 0; i < 6; i++) {
		keeper_wait();
		keeper_pause(true);
		before = out;
		/* The guest has used all of them since it was last asked. */
		MUST(madvise(p, SIZE, MADV_PAGEOUT));
		used += count_entries(p, NPAGES, PAGEMAP_PRESENT);
		MUST(madvise(p, SIZE, MADV_PAGEOUT));
		MUST(madvise(p, SIZE, MADV_PAGEOUT));
		out += count_entries(p, NPAGES, PAGEMAP_SWAPPED);
		CHECK(out > before, "nothing was swapped out in round %d\n", i);
		keeper_pause(false);
	}
	keeper_end();
	note("%ld stayed, %ld pages went out\n", used, out);
	obs("used-pages-stay", "%ld", used);
	CHECK(!used || used == 6 * NPAGES, "%ld used pages stayed\n", used);
	EQ("others-go", out, 6 * NPAGES);
}

/* ---- merging ---- */

#define KSM "/sys/kernel/mm/ksm/"

CASE_T(merged, 30)
{
	long shared = 0;
	u64 *p;
	int i, j;

	if (!write_file(KSM "sleep_millisecs", "0") ||
	    !write_file(KSM "pages_to_scan", "500"))
		skip("the host's kernel has no KSM");
	p = small_pages(KEEP_ALIKE);
	if (madvise(p, SIZE, MADV_MERGEABLE))
		skip("no merging: %s", strerror(errno));
	MUST(write_file(KSM "run", "1") ? 0 : -1);
	keeper_start();
	for (i = 0; i < 4; i++) {
		long now = 0;

		keeper_quiet(true);
		for (j = 0; j < 300 && now < NPAGES / 2; j++) {
			usleep(5000);
			now = read_number(KSM "pages_sharing");
		}
		shared += now;
		keeper_quiet(false);
	}
	keeper_end();
	note("%ld pages were merged in all\n", shared);
	EQ("merged", shared >= NPAGES, 1);
	write_file(KSM "run", "2");
	write_file(KSM "run", "0");
}

/* ---- other frames ---- */

static void read_frames(const u64 *p, u64 *frames)
{
	u64 i;

	for (i = 0; i < NPAGES; i++)
		frames[i] = PAGEMAP_PFN(pagemap_entry(p + i * 512));
}

static long frames_that_differ(const u64 *a, const u64 *b)
{
	long n = 0;
	int i;

	for (i = 0; i < NPAGES; i++)
		n += a[i] && b[i] && a[i] != b[i];
	return n;
}

static void show_block(char *path, size_t size, u64 block, const char *file)
{
	snprintf(path, size, "/sys/devices/system/memory/memory%lld/%s",
		 (long long)block, file);
}

/* The block of memory that most of the guest's pages are in goes off-line. */
/* Whoever holds a page of the block for a moment is in the way: it is tried again. */
static bool take_off_line(const char *path)
{
	int tries;

	for (tries = 0; tries < 5; tries++) {
		if (write_file(path, "offline"))
			return true;
		if (errno != EBUSY)
			return false;
		keeper_wait();
	}
	return false;
}

CASE_T(memory_off_line, 60)
{
	u64 was[NPAGES], is[NPAGES], *p, block, bytes = 0;
	char path[100];
	long moved;
	FILE *f = fopen("/sys/devices/system/memory/block_size_bytes", "r");

	if (!f || fscanf(f, "%lx", &bytes) != 1 || !bytes)
		skip("the host's kernel can't take memory off-line");
	fclose(f);
	p = small_pages(0);
	keeper_start();
	keeper_wait();
	read_frames(p, was);
	block = was[0] * PAGE_4K / bytes;
	show_block(path, sizeof(path), block, "state");
	if (!take_off_line(path)) {
		keeper_end();
		skip("block %lld stays on-line: %s", (long long)block,
		     strerror(errno));
	}
	keeper_wait();
	read_frames(p, is);
	moved = frames_that_differ(was, is);
	note("%ld pages have moved out of block %lld\n", moved,
	     (long long)block);
	EQ("moved", moved > 0, 1);
	EQ("first-is-elsewhere", is[0] * PAGE_4K / bytes != block, 1);
	/* Not with a broken page in it, say of the case "poisoned". */
	if (line_of("/proc/meminfo", "HardwareCorrupted:") <= 0)
		CHECK(write_file(path, "online"), "it does not come back\n");
	else if (!write_file(path, "online"))
		note("with its broken page it does not come back\n");
	keeper_wait();
	keeper_end();
}

/* Pages go from one NUMA node to the other and back. */
static long move_all(u64 *p, int node)
{
	void *pages[NPAGES];
	int nodes[NPAGES], status[NPAGES], i;
	long n = 0;

	for (i = 0; i < NPAGES; i++) {
		pages[i] = p + i * 512;
		nodes[i] = node;
	}
	MUST(syscall(SYS_move_pages, 0, (long)NPAGES, pages, nodes, status, 2));
	for (i = 0; i < NPAGES; i++)
		n += status[i] == node;
	return n;
}

static void need_nodes(void)
{
	if (access("/sys/devices/system/node/node1", F_OK))
		skip("the host has one NUMA node");
}

CASE_T(moved_between_nodes, 30)
{
	long moved = 0;
	u64 *p;
	int i;

	need_nodes();
	p = small_pages(0);
	keeper_start();
	for (i = 0; i < 8; i++) {
		moved += move_all(p, i & 1);
		keeper_wait();
	}
	keeper_end();
	note("%ld pages moved\n", moved);
	EQ("moved", moved >= 4 * NPAGES, 1);
}

/* NUMA balancing takes pages away to see who comes for them. */
CASE_T(balanced, 60)
{
	const char *stat = "numa_hint_faults";
	long was;
	int i;

	need_nodes();
	if (!write_file("/proc/sys/kernel/numa_balancing", "1"))
		skip("the host's kernel does not balance NUMA nodes");
	write_file("/sys/kernel/debug/sched/numa_balancing/scan_delay_ms", "20");
	write_file("/sys/kernel/debug/sched/numa_balancing/scan_period_min_ms",
		   "20");
	write_file("/sys/kernel/debug/sched/numa_balancing/scan_period_max_ms",
		   "100");
	was = line_of("/proc/vmstat", stat);
	if (was < 0)
		skip("the host's kernel does not count such faults");
	small_pages(0);
	keeper_start();
	for (i = 0; i < 1000 && line_of("/proc/vmstat", stat) < was + NPAGES; i++)
		usleep(5000);
	keeper_end();
	note("%ld faults\n", line_of("/proc/vmstat", stat) - was);
	EQ("faults-to-find-out", line_of("/proc/vmstat", stat) > was, 1);
}

CASE_T(compacted, 30)
{
	int i;

	if (access("/proc/sys/vm/compact_memory", W_OK))
		skip("the host's kernel does not compact memory");
	small_pages(0);
	keeper_start();
	for (i = 0; i < 3; i++) {
		keeper_wait();
		write_file("/proc/sys/vm/compact_memory", "1");
	}
	keeper_end();
}

/* ---- broken memory ---- */

CASE_T(soft_off_line, 30)
{
	u64 was[NPAGES], is[NPAGES], *p = small_pages(0);

	keeper_start();
	keeper_wait();
	read_frames(p, was);
	if (madvise(p, 4 * PAGE_4K, MADV_SOFT_OFFLINE_)) {
		keeper_end();
		skip("no soft off-lining: %s", strerror(errno));
	}
	keeper_wait();
	read_frames(p, is);
	EQ("moved", frames_that_differ(was, is) >= 4, 1);
	keeper_end();
}

static volatile long bus_code, bus_addr;

static void on_bus_error(int sig, siginfo_t *info, void *context)
{
	bus_code = info->si_code;
	bus_addr = (long)info->si_addr;
}

static volatile u64 poison_at;

static void poison_guest(void)
{
	for (;;) {
		(void)*(volatile u64 *)poison_at;
		asm volatile("outl %0, %1" : : "a"(0), "Nd"((u16)PORT_SYNC));
	}
}

/* The kernel reports each such death, in the middle of our lines. */
#define KLOG_CONSOLE_OFF	6
#define KLOG_CONSOLE_ON		7

static int poison(void *page)
{
	int ret;

	klogctl(KLOG_CONSOLE_OFF, NULL, 0);
	ret = madvise(page, PAGE_4K, MADV_HWPOISON_);
	if (ret)
		klogctl(KLOG_CONSOLE_ON, NULL, 0);
	return ret;
}

/* The guest meets a page that is broken: the thread gets SIGBUS, for it. */
CASE(poisoned)
{
	struct sigaction act = {
		.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO,
	};
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	u8 *p = map_aligned(2 * PAGE_4K, PAGE_4K);

	madvise(p, 2 * PAGE_4K, MADV_NOHUGEPAGE);
	memset(p, 1, 2 * PAGE_4K);
	MUST(vm_slot(vm, 1, 0, KEEPER_GPA, 2 * PAGE_4K, p));
	mode_long(v, poison_guest);
	*GVAR(vm, poison_at) = KEEPER_GPA + PAGE_4K;
	expect_exit(v, "healthy", KVM_EXIT_IO);
	sigaction(SIGBUS, &act, NULL);
	if (poison(p + PAGE_4K))
		skip("no poison: %s", strerror(errno));
	EQ("run", vcpu_run(v), EINTR);
	klogctl(KLOG_CONSOLE_ON, NULL, 0);
	EQ("code", bus_code, BUS_MCEERR_AR);
	EQ("address", bus_addr - (long)p, PAGE_4K);
	/* A new page in its place, and the guest goes on. */
	mmap(p + PAGE_4K, PAGE_4K, PROT_READ | PROT_WRITE,
	     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	expect_exit(v, "mended", KVM_EXIT_IO);
}

/* ---- huge pages come and go ---- */

static long huge_kib(const u64 *p)
{
	char line[256], start[32];
	long kib = -1;
	bool mine = false;
	FILE *f = fopen("/proc/self/smaps", "r");

	snprintf(start, sizeof(start), "%lx-", (long)p);
	while (f && fgets(line, sizeof(line), f)) {
		if (strchr(line, '-') && !strncmp(line, start, strlen(start)))
			mine = true;
		if (mine && sscanf(line, "AnonHugePages: %ld", &kib) == 1)
			break;
	}
	if (f)
		fclose(f);
	return kib;
}

CASE_T(split_and_collapsed, 60)
{
	u64 *p = huge_page();
	long joined = 0, split = 0;
	char text[100];
	int i;

	snprintf(text, sizeof(text), "%d,0x%lx,0x%lx", getpid(), (long)p,
		 (long)p + (long)PAGE_2M);
	keeper_start();
	for (i = 0; i < 3; i++) {
		keeper_wait();
		if (!write_file("/sys/kernel/debug/split_huge_pages", text)) {
			keeper_end();
			skip("huge pages can't be split at will");
		}
		split += huge_kib(p) == 0;
		keeper_wait();
		if (madvise(p, PAGE_2M, MADV_COLLAPSE) && errno != EAGAIN) {
			keeper_end();
			skip("nor collapsed: %s", strerror(errno));
		}
		joined += huge_kib(p) == 2048;
	}
	keeper_end();
	note("%ld times split, %ld joined\n", split, joined);
	EQ("split", split > 0, 1);
	EQ("joined", joined > 0, 1);
}

/* ---- taken away and given back ---- */

CASE_T(discarded, 30)
{
	u64 *p = small_pages(KEEP_LOSSY);
	int i;

	keeper_start();
	for (i = 0; i < 12; i++) {
		keeper_wait();
		MUST(madvise(p + i * 512, SIZE / 2, MADV_DONTNEED));
	}
	keeper_end();
}

/* While this lasts the guest does not get this CPU. */
static void keep_cpu(bool keep)
{
	struct sched_param param = { .sched_priority = keep };

	MUST(sched_setscheduler(0, keep ? SCHED_FIFO : SCHED_OTHER, &param));
}

/* Pages that the host may take when it needs them, and then does. */
CASE_T(freed_lazily, 30)
{
	u64 *p = small_pages(KEEP_LOSSY);
	long gone = 0;
	int i;

	keeper_start();
	for (i = 0; i < 8; i++) {
		keeper_wait();
		keep_cpu(true);
		MUST(madvise(p, SIZE, MADV_FREE));
		if (!(i & 1)) {
			MUST(madvise(p, SIZE, MADV_PAGEOUT));
			gone += NPAGES - count_entries(p, NPAGES, PAGEMAP_PRESENT);
		}
		keep_cpu(false);
	}
	keeper_end();
	note("%ld pages were gone\n", gone);
	EQ("gone", gone > 0, 1);
}

CASE_T(moved_away_and_back, 30)
{
	u64 *p = small_pages(KEEP_RETRY);
	u8 *other = map_aligned(SIZE, PAGE_4K);
	int i;

	keeper_start();
	for (i = 0; i < 10; i++) {
		keeper_wait();
		SAME(mremap(p, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
			    other), other);
		usleep(500);
		SAME(mremap(other, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
			    p), p);
	}
	keeper_end();
}

CASE_T(protected, 30)
{
	u64 *p = small_pages(KEEP_RETRY);
	int i;

	keeper_start();
	for (i = 0; i < 12; i++) {
		keeper_wait();
		MUST(mprotect(p, SIZE, i & 1 ? PROT_READ : PROT_NONE));
		usleep(500);
		MUST(mprotect(p, SIZE, PROT_READ | PROT_WRITE));
	}
	keeper_end();
}

/* ---- copies ---- */

static void fork_under(u64 *p, u64 words)
{
	int i, status, bad = 0;

	keeper_start();
	for (i = 0; i < 4; i++) {
		pid_t pid;

		keeper_wait();
		fflush(stdout);
		pid = fork();
		if (!pid) {
			bool odd = !keeper_one_moment(p, words);

			/* The parent's guest must not see these. */
			memset(p, 0xee, words * 8);
			_exit(odd);
		}
		keeper_wait();
		MUST(waitpid(pid, &status, 0));
		bad += status != 0;
	}
	keeper_end();
	EQ("children-that-saw-a-mix", bad, 0);
}

CASE_T(forked, 60)
{
	fork_under(small_pages(0), SIZE / 8);
}

CASE_T(forked_huge, 60)
{
	fork_under(huge_page(), PAGE_2M / 8);
}

/* A private mapping of a file: the guest's words never get into the file. */
CASE_T(private_file, 30)
{
	int fd = open("/tmp/host_memory", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC,
		      0600);
	u64 *p, *file, i, wrong = 0;

	MUST(fd);
	unlink("/tmp/host_memory");
	MUST(ftruncate(fd, SIZE));
	file = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	keeper_fill(file, NPAGES, 0);
	p = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	keeper_prepare(p, NPAGES, 0);
	keeper_start();
	keeper_quiet(true);
	keeper_quiet(false);
	keeper_end();
	for (i = 0; i < SIZE / 8; i++)
		wrong += file[i] != keeper_word(i, 0);
	EQ("words-in-the-file", wrong, 0);
}
