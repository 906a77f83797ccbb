// SPDX-License-Identifier: GPL-2.0
/*
 * faults.c - several vCPUs fault at once: none waits for another's page, all
 * see the same memory, and no table of the EPT is lost in a race.
 */
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sys/syscall.h>

#include "lib/abi.h"
#include "lib/guest.h"
#include "lib/pages.h"

#define GPA	0x20000000ull
#define NPAGES	512ull
#define SIZE	(NPAGES * PAGE_4K)
#define VCPUS	4

static volatile u64 turn, done[VCPUS], errors[VCPUS];

static void *run_thread(void *arg)
{
	struct vcpu *v = arg;
	int e;

	do {
		e = vcpu_run(v);
	} while (e == EINTR || e == EAGAIN);
	CHECK(!e && is_done(v), "vCPU %u: %s\n", v->id, strerror(e));
	return NULL;
}

static u8 *small_pages(struct vm *vm)
{
	u8 *p = map_aligned(SIZE, PAGE_2M);

	madvise(p, SIZE, MADV_NOHUGEPAGE);
	MUST(vm_slot(vm, 1, 0, GPA, SIZE, p));
	return p;
}

/* ---- one waits, the other goes on ---- */

static void one_page_guest(u64 id)
{
	errors[id] += *(volatile u64 *)GPA != 4711;
	done[id] = 1;
}

static void other_pages_guest(u64 id)
{
	u64 i;

	sti();
	for (i = 1; i < NPAGES; i++)
		*(volatile u64 *)(GPA + i * PAGE_4K) = i;
	done[id] = 1;
}

static int catch_faults(void *p)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = {
		.range = { (u64)p, PAGE_4K },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd < 0)
		skip("no userfaultfd: %s", strerror(errno));
	MUST(ioctl(fd, UFFDIO_API, &api));
	MUST(ioctl(fd, UFFDIO_REGISTER, &reg));
	return fd;
}

/* While one vCPU waits for a page, another gets all of its own. */
CASE(others_go_on)
{
	static u64 page[512] = { 4711 };
	struct vm *vm = vm_new(0);
	struct vcpu *v[2] = { vcpu_new(vm, 0), vcpu_new(vm, 1) };
	u8 *p = small_pages(vm);
	struct uffdio_copy copy = {
		.dst = (u64)p, .src = (u64)page, .len = PAGE_4K,
	};
	struct uffd_msg msg;
	int fd = catch_faults(p);
	pthread_t t[2];

	mode_long_arg(v[0], one_page_guest, 0);
	pthread_create(&t[0], NULL, run_thread, v[0]);
	SAME(read(fd, &msg, sizeof(msg)), sizeof(msg));
	EQ("asked-for", msg.event, UFFD_EVENT_PAGEFAULT);
	mode_long_arg(v[1], other_pages_guest, 1);
	pthread_create(&t[1], NULL, run_thread, v[1]);
	pthread_join(t[1], NULL);
	EQ("other-is-done", (*GVAR(vm, done))[1], 1);
	EQ("first-is-not", (*GVAR(vm, done))[0], 0);
	MUST(ioctl(fd, UFFDIO_COPY, &copy));
	pthread_join(t[0], NULL);
	EQ("first-is-done", (*GVAR(vm, done))[0], 1);
	EQ("wrong", (*GVAR(vm, errors))[0], 0);
}

/* ---- all at once ---- */

/*
 * Each adds to a word of its own in every page, in an order of its own; a turn
 * begins when the host has taken all pages away.
 */
static void race_guest(u64 id)
{
	u64 t, i, step = 2 * id + 1;

	sti();
	for (t = 1; t <= 10; t++) {
		while (turn < t)
			asm volatile("pause");
		for (i = 0; i < NPAGES; i++) {
			volatile u64 *word = (u64 *)(GPA +
				(i * step + id * 100) % NPAGES * PAGE_4K) + id;

			errors[id] += *word != t - 1;
			*word = t;
		}
		done[id] = t;
	}
}

static u64 wrong_words(const u8 *p, u64 want)
{
	u64 i, id, wrong = 0;

	for (i = 0; i < NPAGES; i++)
		for (id = 0; id < VCPUS; id++)
			wrong += ((const u64 *)(p + i * PAGE_4K))[id] != want;
	return wrong;
}

/* What the guest wrote stays in the file; only the mapping goes. */
CASE_T(race, 60)
{
	struct vm *vm = vm_new(0);
	int fd = MUST(syscall(SYS_memfd_create, "guest", 0));
	pthread_t t[VCPUS];
	u64 turn_nr, id, tables;
	struct mapped m;
	u8 *p;

	MUST(ftruncate(fd, SIZE));
	p = mmap(map_aligned(SIZE, PAGE_2M), SIZE, PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_FIXED, fd, 0);
	MUST(vm_slot(vm, 1, 0, GPA, SIZE, p));
	for (id = 0; id < VCPUS; id++) {
		struct vcpu *v = vcpu_new(vm, id);

		mode_long_arg(v, race_guest, id);
		pthread_create(&t[id], NULL, run_thread, v);
	}
	for (turn_nr = 1; turn_nr <= 10; turn_nr++) {
		MUST(madvise(p, SIZE, MADV_DONTNEED));
		*GVAR(vm, turn) = turn_nr;
		for (id = 0; id < VCPUS; id++)
			while ((*GVAR(vm, done))[id] < turn_nr)
				usleep(100);
		SAME(wrong_words(p, turn_nr), 0);
	}
	for (id = 0; id < VCPUS; id++) {
		pthread_join(t[id], NULL);
		SAME((*GVAR(vm, errors))[id], 0);
	}
	EQ("wrong-words", wrong_words(p, 10), 0);
	/* One table for these 2 MiB; the rest are the guest's own. */
	if (mapped_read(&m) && memory_counter("tables", &tables))
		CHECK(tables <= 4 + RAM_SIZE / PAGE_2M + 2,
		      "%lld tables\n", (long long)tables);
}

/* ---- slots come and go meanwhile ---- */

#define EVERY	16ull	/* pages: a fault for each, as no other maps it */
#define NWORDS	(NPAGES / EVERY)

static volatile u64 laps, stop;

static void count_guest(void)
{
	u64 i;

	sti();
	for (; !stop; laps++)
		for (i = 0; i < NWORDS; i++)
			++*(volatile u64 *)(GPA + i * EVERY * PAGE_4K);
}

static void *count_thread(void *arg)
{
	struct vcpu *v = arg;

	while (vcpu_exit(v) == KVM_EXIT_MMIO)
		;
	CHECK(is_done(v), "vCPU ended with exit %s\n",
	      exit_name(v->run->exit_reason));
	return NULL;
}

static void read_words(const volatile u64 *p, u64 words[NWORDS])
{
	u64 i;

	for (i = 0; i < NWORDS; i++)
		words[i] = p[i * EVERY * 512];
}

static void wait_for_laps(struct vm *vm, u64 n)
{
	u64 was = *GVAR(vm, laps);

	while (*GVAR(vm, laps) < was + n)
		sched_yield();
}

struct counting {
	struct vm *vm;
	u8 *p;
	pthread_t thread;
};

static void count_start(struct counting *c)
{
	struct vcpu *v;

	c->vm = vm_new(0);
	c->p = map_aligned(SIZE, PAGE_2M);
	madvise(c->p, SIZE, MADV_NOHUGEPAGE);
	memset(c->p, 0, SIZE);
	v = vcpu_new(c->vm, 0);
	mode_long(v, count_guest);
	pthread_create(&c->thread, NULL, count_thread, v);
}

/* The slot comes; return when the guest has come to the @n-th of its faults. */
static void add_slot(struct counting *c, u64 n)
{
	volatile u64 *word = (u64 *)c->p + n % NWORDS * EVERY * 512;
	u64 was = *word;

	MUST(vm_slot(c->vm, 1, 0, GPA, SIZE, c->p));
	while (*word == was)
		sched_yield();
}

static void remove_slot(struct counting *c)
{
	MUST(vm_slot(c->vm, 1, 0, 0, 0, NULL));
}

static void count_end(struct counting *c)
{
	*GVAR(c->vm, stop) = 1;
	pthread_join(c->thread, NULL);
}

/* From the moment on when it is gone the guest does not reach its memory. */
CASE_T(slot_goes, 60)
{
	u64 was[NWORDS], is[NWORDS], round, wrong = 0;
	struct counting c;

	count_start(&c);
	for (round = 0; round < repeat(200); round++) {
		add_slot(&c, round);
		remove_slot(&c);
		read_words((u64 *)c.p, was);
		wait_for_laps(c.vm, 2);
		read_words((u64 *)c.p, is);
		wrong += !!memcmp(was, is, sizeof(is));
	}
	count_end(&c);
	EQ("written-afterwards", wrong, 0);
}

/* What is written once the log has begun is in it. */
CASE_T(log_begins, 60)
{
	u64 bits[NPAGES / 64], round, i, missing = 0;
	struct kvm_dirty_log log = { .slot = 1, .dirty_bitmap = bits };
	struct counting c;

	count_start(&c);
	for (round = 0; round < repeat(200); round++) {
		add_slot(&c, round);
		MUST(vm_slot(c.vm, 1, KVM_MEM_LOG_DIRTY_PAGES, GPA, SIZE, c.p));
		wait_for_laps(c.vm, 2);
		MUST(ioctl(c.vm->fd, KVM_GET_DIRTY_LOG, &log));
		for (i = 0; i < NPAGES; i += EVERY)
			missing += !(bits[i / 64] >> i % 64 & 1);
		remove_slot(&c);
	}
	count_end(&c);
	EQ("missing", missing, 0);
}
