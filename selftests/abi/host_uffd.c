// SPDX-License-Identifier: GPL-2.0
/*
 * host_uffd.c - userfaultfd behind a running guest: pages that come when they
 * are asked for, a snapshot of a guest that goes on, pages of a file that only
 * wait to be mapped.
 *
 * The guest checks every word all the time (lib/keeper.c).
 */
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sys/syscall.h>

#include "lib/abi.h"
#include "lib/keeper.h"
#include "lib/pages.h"

#define NPAGES	64
#define SIZE	(NPAGES * PAGE_4K)

/* What a case does about a fault, in the handler's thread. */
static void (*handle)(u64 page, u64 flags);

static int uffd;
static u64 *mem;
static long handled;
static int quit[2];

static void *serve(void *arg)
{
	struct pollfd fds[2] = {
		{ .fd = uffd, .events = POLLIN },
		{ .fd = quit[0], .events = POLLIN },
	};
	struct uffd_msg msg;

	for (;;) {
		poll(fds, 2, -1);
		if (fds[1].revents)
			return NULL;
		if (read(uffd, &msg, sizeof(msg)) != sizeof(msg))
			continue;
		SAME(msg.event, UFFD_EVENT_PAGEFAULT);
		handled++;
		handle((msg.arg.pagefault.address - (u64)mem) / PAGE_4K,
		       msg.arg.pagefault.flags);
	}
}

static pthread_t start_service(u64 *p, u64 mode, u64 features,
			       void (*fn)(u64, u64))
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	struct uffdio_register reg = {
		.range = { (u64)p, SIZE }, .mode = mode,
	};
	pthread_t t;

	uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (uffd < 0)
		skip("no userfaultfd: %s", strerror(errno));
	if (ioctl(uffd, UFFDIO_API, &api))
		skip("userfaultfd lacks features %#llx: %s",
		     (unsigned long long)features, strerror(errno));
	if (ioctl(uffd, UFFDIO_REGISTER, &reg))
		skip("no such userfaultfd: %s", strerror(errno));
	mem = p;
	handle = fn;
	MUST(pipe(quit));
	pthread_create(&t, NULL, serve, NULL);
	return t;
}

static void end_service(pthread_t t)
{
	MUST(write(quit[1], "x", 1));
	pthread_join(t, NULL);
	close(uffd);
}

/* ---- missing ---- */

static u64 source[NPAGES * 512];

static void copy_page(u64 page, u64 flags)
{
	struct uffdio_copy copy = {
		.dst = (u64)mem + page * PAGE_4K,
		.src = (u64)source + page * PAGE_4K, .len = PAGE_4K,
	};

	if (ioctl(uffd, UFFDIO_COPY, &copy))
		SAME(errno, EEXIST);
}

static void zero_page(u64 page, u64 flags)
{
	struct uffdio_zeropage zero = {
		.range = { (u64)mem + page * PAGE_4K, PAGE_4K },
	};

	if (ioctl(uffd, UFFDIO_ZEROPAGE, &zero))
		SAME(errno, EEXIST);
}

static u64 *fresh(void)
{
	u64 *p = map_aligned(SIZE, PAGE_4K);

	madvise(p, SIZE, MADV_NOHUGEPAGE);
	return p;
}

/* Live migration's second half: each page comes when the guest wants it. */
CASE_T(missing, 30)
{
	u64 *p = fresh();
	pthread_t t = start_service(p, UFFDIO_REGISTER_MODE_MISSING, 0,
				    copy_page);

	keeper_fill(source, NPAGES, 0);
	keeper_prepare(p, NPAGES, 0);
	keeper_start();
	keeper_wait();
	EQ("pages-asked-for", handled, NPAGES);
	keeper_end();
	end_service(t);
}

/* Pages are discarded, and zero when they come again. */
CASE_T(missing_again, 30)
{
	u64 *p = fresh();
	pthread_t t;
	int i;

	keeper_fill(p, NPAGES, 0);
	t = start_service(p, UFFDIO_REGISTER_MODE_MISSING, 0, zero_page);
	keeper_prepare(p, NPAGES, KEEP_LOSSY);
	keeper_start();
	for (i = 0; i < 8; i++) {
		keeper_wait();
		MUST(madvise(p, SIZE, MADV_DONTNEED));
	}
	keeper_end();
	end_service(t);
	EQ("asked-for-again", handled >= 8 * NPAGES / 2, 1);
}

/* ---- write-protected ---- */

static u64 copies[NPAGES * 512];
static bool copied[NPAGES];

static void let_write(u64 page)
{
	struct uffdio_writeprotect wp = {
		.range = { (u64)mem + page * PAGE_4K, PAGE_4K },
	};

	MUST(ioctl(uffd, UFFDIO_WRITEPROTECT, &wp));
}

static void save_page(u64 page, u64 flags)
{
	SAME(flags & UFFD_PAGEFAULT_FLAG_WP, UFFD_PAGEFAULT_FLAG_WP);
	if (!copied[page])
		memcpy(copies + page * 512, mem + page * 512, PAGE_4K);
	copied[page] = true;
	let_write(page);
}

/* A snapshot while the guest goes on: each page is saved before its first write. */
CASE_T(snapshot, 60)
{
	u64 *p = fresh();
	struct uffdio_writeprotect wp = {
		.range = { (u64)p, SIZE },
		.mode = UFFDIO_WRITEPROTECT_MODE_WP,
	};
	long good = 0, done;
	pthread_t t;
	int i, j;

	keeper_fill(p, NPAGES, 0);
	t = start_service(p, UFFDIO_REGISTER_MODE_WP,
			  UFFD_FEATURE_PAGEFAULT_FLAG_WP, save_page);
	keeper_prepare(p, NPAGES, 0);
	keeper_start();
	for (i = 0; i < 5; i++) {
		keeper_wait();
		memset(copied, 0, sizeof(copied));
		MUST(ioctl(uffd, UFFDIO_WRITEPROTECT, &wp));
		do {
			usleep(200);
			for (j = 0, done = 0; j < NPAGES; j++)
				done += ((volatile bool *)copied)[j];
		} while (done < NPAGES);
		good += keeper_one_moment(copies, NPAGES * 512);
	}
	keeper_end();
	end_service(t);
	EQ("snapshots-of-one-moment", good, 5);
}

/* ---- minor ---- */

static void map_page(u64 page, u64 flags)
{
	struct uffdio_continue more = {
		.range = { (u64)mem + page * PAGE_4K, PAGE_4K },
	};

	SAME(flags & UFFD_PAGEFAULT_FLAG_MINOR, UFFD_PAGEFAULT_FLAG_MINOR);
	if (ioctl(uffd, UFFDIO_CONTINUE, &more))
		SAME(errno, EEXIST);
}

/* The file has the pages, filled through another mapping. */
CASE_T(minor, 30)
{
	int fd = MUST(syscall(SYS_memfd_create, "guest", 0));
	u64 *p, *other;
	pthread_t t;
	int i;

	MUST(ftruncate(fd, SIZE));
	p = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	other = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	t = start_service(p, UFFDIO_REGISTER_MODE_MINOR,
			  UFFD_FEATURE_MINOR_SHMEM, map_page);
	keeper_fill(other, NPAGES, 0);
	keeper_prepare(p, NPAGES, 0);
	keeper_start();
	keeper_wait();
	EQ("pages-asked-for", handled, NPAGES);
	for (i = 0; i < 4; i++) {
		keeper_wait();
		MUST(madvise(p, SIZE, MADV_DONTNEED));
	}
	keeper_wait();
	EQ("asked-for-again", handled >= 4 * NPAGES, 1);
	keeper_end();
	end_service(t);
}
