// SPDX-License-Identifier: GPL-2.0
/*
 * slow_pages.c - pages that userspace takes its time to bring (userfaultfd):
 * who waits for one keeps nobody else from anything, and least of all whoever
 * is to bring it from changing the slots first.
 *
 * A vCPU, or an ioctl, comes to a page that is missing.  It stays so until the
 * slots have been changed, that of the page among them, and another vCPU has
 * been through fresh pages of the same slot.  Where KVM waits for the page
 * before it changes a slot, the observation says so (see "differences").
 */
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sys/syscall.h>

#include "lib/abi.h"
#include "lib/guest.h"
#include "lib/pages.h"

#define GPA	0x20000000ull
#define OTHER	0x21000000ull
#define NPAGES	64ull
#define SIZE	(NPAGES * PAGE_4K)
#define WORD	0x600df00dcafe4711ull

static volatile u64 seen, done[2];

/* ---- guests ---- */

/* On KVM only a guest that could take an interrupt does not hold up the change. */
static void reader(u64 id)
{
	sti_nop();
	seen = *(volatile u64 *)GPA;
	done[id] = 1;
}

/* From a device to the page, in one instruction, which has to be emulated. */
static void copier(u64 id)
{
	u64 from = GPA_MMIO, to = GPA;

	sti();
	asm volatile("movsq" : "+S"(from), "+D"(to) : : "memory");
	done[id] = 1;
}

static void other_pages(u64 id)
{
	u64 i;

	sti();
	for (i = 1; i < NPAGES; i++)
		*(volatile u64 *)(GPA + i * PAGE_4K) = i;
	done[id] = 1;
}

/* ---- threads that end in time, or don't ---- */

struct job {
	void (*fn)(void *arg);
	void *arg;
	pthread_t thread;
	int end[2];
};

static void *job_thread(void *p)
{
	struct job *j = p;

	j->fn(j->arg);
	MUST(write(j->end[1], "x", 1));
	return NULL;
}

static void job_start(struct job *j, void (*fn)(void *arg), void *arg)
{
	j->fn = fn;
	j->arg = arg;
	MUST(pipe(j->end));
	pthread_create(&j->thread, NULL, job_thread, j);
}

static bool job_ends(struct job *j, int ms)
{
	struct pollfd fd = { .fd = j->end[0], .events = POLLIN };

	return poll(&fd, 1, ms) == 1;
}

/* Nothing bounds it but the case's own limit. */
static void job_join(struct job *j)
{
	pthread_join(j->thread, NULL);
}

/* ---- a slot, and a page that is not there ---- */

struct slow {
	struct vm *vm;
	struct vcpu *v[2];
	u8 *p;
	int uffd;
	u8 *page;
	struct job other;
	struct job change;
};

/* A thread that comes to the page waits until bring() or wake(). */
static void make_missing(struct slow *s, u8 *page)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = {
		.range = { (u64)page, PAGE_4K },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	s->page = page;
	s->uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (s->uffd < 0)
		skip("no userfaultfd: %s", strerror(errno));
	MUST(ioctl(s->uffd, UFFDIO_API, &api));
	MUST(ioctl(s->uffd, UFFDIO_REGISTER, &reg));
}

static void await_fault(struct slow *s)
{
	struct uffd_msg msg;

	SAME(read(s->uffd, &msg, sizeof(msg)), sizeof(msg));
	EQ("asked-for", msg.event, UFFD_EVENT_PAGEFAULT);
	SAME(msg.arg.pagefault.address & -PAGE_4K, (u64)s->page);
}

static void bring(struct slow *s)
{
	static u64 page[512] = { WORD };
	struct uffdio_copy copy = {
		.dst = (u64)s->page, .src = (u64)page, .len = PAGE_4K,
	};

	MUST(ioctl(s->uffd, UFFDIO_COPY, &copy));
}

static void wake(struct slow *s)
{
	struct uffdio_range range = { (u64)s->page, PAGE_4K };

	MUST(ioctl(s->uffd, UFFDIO_WAKE, &range));
}

static void prepare(struct slow *s, u32 slot_flags)
{
	struct kvm_mp_state runnable = { KVM_MP_STATE_RUNNABLE };
	u32 i;

	s->vm = vm_new(VM_IRQCHIP);
	for (i = 0; i < 2; i++) {
		s->v[i] = vcpu_new(s->vm, i);
		MUST(ioctl(s->v[i]->fd, KVM_SET_MP_STATE, &runnable));
	}
	s->p = map_aligned(SIZE, PAGE_2M);
	madvise(s->p, SIZE, MADV_NOHUGEPAGE);
	MUST(vm_slot(s->vm, 1, slot_flags, GPA, SIZE, s->p));
}

/* Until it ends, or asks for a device other than the copier's. */
static void run_vcpu(void *arg)
{
	struct vcpu *v = arg;
	u64 word = WORD;
	int e;

	for (;;) {
		e = vcpu_run(v);
		if (e == EINTR || e == EAGAIN)
			continue;
		if (e || v->run->exit_reason != KVM_EXIT_MMIO ||
		    v->run->mmio.is_write ||
		    v->run->mmio.phys_addr != GPA_MMIO)
			break;
		memcpy(v->run->mmio.data, &word, sizeof(word));
	}
	CHECK(!e, "vCPU %u: %s\n", v->id, strerror(e));
}

/* All that a slot can go through, the page's own slot too. */
static void change_slots(void *arg)
{
	struct slow *s = arg;
	u8 *p = map_aligned(SIZE, PAGE_2M);

	MUST(vm_slot(s->vm, 2, 0, OTHER, SIZE, p));
	MUST(vm_slot(s->vm, 2, 0, OTHER + SIZE, SIZE, p));
	MUST(vm_slot(s->vm, 1, KVM_MEM_LOG_DIRTY_PAGES, GPA, SIZE, s->p));
	MUST(vm_slot(s->vm, 1, 0, GPA, SIZE, s->p));
	MUST(vm_slot(s->vm, 2, 0, OTHER + SIZE, 0, p));
}

static void delete_slot(void *arg)
{
	struct slow *s = arg;

	MUST(vm_slot(s->vm, 1, 0, GPA, 0, s->p));
}

/*
 * While somebody waits for the page.  How long a change may take at most is no
 * matter of the hypervisor's speed: either it waits for the page or it doesn't.
 */
static void others_go_on(struct slow *s, bool kvm_waits,
			 void (*change)(void *))
{
	bool in_time;

	job_start(&s->change, change, s);
	in_time = job_ends(&s->change, 500);
	obs("slots-change-meanwhile", "%d", in_time);
	SAME(in_time, !(kvm_waits && abi_on_kvm()));
	job_start(&s->other, run_vcpu, s->v[1]);
	EQ("others-go-on", job_ends(&s->other, 2000), 1);
}

/* The first vCPU's job has begun, and is to end with the page. */
static void bring_in_the_end(struct slow *s, struct job *j)
{
	EQ("still-waits", !job_ends(j, 0), 1);
	bring(s);
	job_join(j);
	job_join(&s->change);
	job_join(&s->other);
	EQ("other-is-done", (*GVAR(s->vm, done))[1], 1);
}

/* ---- cases ---- */

CASE_T(fault, 20)
{
	struct slow s;
	struct job first;

	prepare(&s, 0);
	make_missing(&s, s.p);
	mode_long_arg(s.v[0], reader, 0);
	mode_long_arg(s.v[1], other_pages, 1);
	job_start(&first, run_vcpu, s.v[0]);
	await_fault(&s);
	others_go_on(&s, false, change_slots);
	bring_in_the_end(&s, &first);
	EQ("first-is-done", (*GVAR(s.vm, done))[0], 1);
	EQ("seen", *GVAR(s.vm, seen), WORD);
}

/* The write of an instruction that has read a device already. */
CASE_T(emulated, 20)
{
	struct slow s;
	struct job first;

	prepare(&s, 0);
	make_missing(&s, s.p);
	mode_long_arg(s.v[0], copier, 0);
	mode_long_arg(s.v[1], other_pages, 1);
	job_start(&first, run_vcpu, s.v[0]);
	await_fault(&s);
	others_go_on(&s, true, change_slots);
	bring_in_the_end(&s, &first);
	EQ("first-is-done", (*GVAR(s.vm, done))[0], 1);
	EQ("copied", *(u64 *)s.p, WORD);
}

/* The slot is gone when the page comes: what was memory is a device. */
CASE_T(emulated_slot_goes, 20)
{
	struct slow s;
	struct job first;
	struct kvm_run *run;

	if (abi_on_kvm())
		skip("the slot goes only after the page has come");
	prepare(&s, 0);
	make_missing(&s, s.p);
	mode_long_arg(s.v[0], copier, 0);
	job_start(&first, run_vcpu, s.v[0]);
	await_fault(&s);
	delete_slot(&s);
	bring(&s);
	job_join(&first);
	run = s.v[0]->run;
	EQ("exit", run->exit_reason, KVM_EXIT_MMIO);
	EQ("write", run->mmio.is_write, 1);
	EQ("gpa", run->mmio.phys_addr, GPA);
	EQ("data", *(u64 *)run->mmio.data, WORD);
	EQ("run", vcpu_run(s.v[0]), 0);
	EQ("done", is_done(s.v[0]), 1);
}

/* The same for a fault; and what then lies at the same address stays untouched. */
CASE_T(fault_slot_goes, 20)
{
	struct slow s;
	struct job first;
	struct kvm_run *run;
	bool touched;

	prepare(&s, 0);
	make_missing(&s, s.p);
	mode_long_arg(s.v[0], reader, 0);
	job_start(&first, run_vcpu, s.v[0]);
	await_fault(&s);
	job_start(&s.change, delete_slot, &s);
	EQ("slot-goes-meanwhile", job_ends(&s.change, 500), 1);
	MUST(mmap(s.p, SIZE, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	wake(&s);
	job_join(&first);
	run = s.v[0]->run;
	EQ("exit", run->exit_reason, KVM_EXIT_MMIO);
	EQ("write", run->mmio.is_write, 0);
	EQ("gpa", run->mmio.phys_addr, GPA);
	touched = pagemap_entry(s.p) & PAGEMAP_PRESENT;
	obs("new-memory-touched", "%d", touched);
	SAME(touched, abi_on_kvm());
}

static void get_log(void *arg)
{
	struct slow *s = arg;
	struct kvm_dirty_log log = { .slot = 1, .dirty_bitmap = s->page };

	MUST(ioctl(s->vm->fd, KVM_GET_DIRTY_LOG, &log));
}

static void clear_log_by_page(void *arg)
{
	struct slow *s = arg;
	struct kvm_clear_dirty_log log = {
		.slot = 1, .num_pages = NPAGES, .dirty_bitmap = s->page,
	};

	MUST(ioctl(s->vm->fd, KVM_CLEAR_DIRTY_LOG, &log));
}

static void other_slot(void *arg)
{
	struct slow *s = arg;

	MUST(vm_slot(s->vm, 2, 0, OTHER, SIZE, s->p));
	MUST(vm_slot(s->vm, 2, 0, OTHER, 0, s->p));
}

static u64 log_now(struct slow *s)
{
	u64 bitmap = 0;
	struct kvm_dirty_log log = { .slot = 1, .dirty_bitmap = &bitmap };

	MUST(ioctl(s->vm->fd, KVM_GET_DIRTY_LOG, &log));
	return bitmap;
}

/* The bitmap itself is in such a page. */
CASE_T(bitmap, 20)
{
	struct slow s;
	struct job first;

	prepare(&s, KVM_MEM_LOG_DIRTY_PAGES);
	mode_long_arg(s.v[0], other_pages, 0);
	run_done(s.v[0]);
	make_missing(&s, map_aligned(PAGE_4K, PAGE_4K));
	mode_long_arg(s.v[1], other_pages, 1);
	job_start(&first, get_log, &s);
	await_fault(&s);
	others_go_on(&s, true, other_slot);
	bring_in_the_end(&s, &first);
	EQ("dirty", *(u64 *)s.page, ~1ull);
}

CASE_T(bitmap_to_clear, 20)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, .args = { 1 },
	};
	struct slow s;
	struct job first;

	prepare(&s, KVM_MEM_LOG_DIRTY_PAGES);
	MUST(ioctl(s.vm->fd, KVM_ENABLE_CAP, &cap));
	mode_long_arg(s.v[0], other_pages, 0);
	run_done(s.v[0]);
	make_missing(&s, map_aligned(PAGE_4K, PAGE_4K));
	mode_long_arg(s.v[1], other_pages, 1);
	job_start(&first, clear_log_by_page, &s);
	await_fault(&s);
	others_go_on(&s, true, other_slot);
	bring_in_the_end(&s, &first);
	EQ("dirty", log_now(&s), ~1ull & ~WORD);
}
