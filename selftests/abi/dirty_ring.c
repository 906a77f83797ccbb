// SPDX-License-Identifier: GPL-2.0
/*
 * dirty_ring.c - dirty rings: what a guest has written, as a queue of each vCPU.
 */
#include "lib/abi.h"
#include "lib/dirty.h"
#include "lib/guest.h"

#define RING_BYTES	0x10000
#define RING_ENTRIES	(RING_BYTES / sizeof(struct kvm_dirty_gfn))
#define RING_OFFSET	(KVM_DIRTY_LOG_PAGE_OFFSET * PAGE)

static int enable_ring(struct vm *vm, u32 cap, u64 bytes)
{
	struct kvm_enable_cap enable = { .cap = cap, .args = { bytes } };

	return ioctl(vm->fd, KVM_ENABLE_CAP, &enable);
}

static struct vm *ring_vm(void)
{
	struct vm *vm = vm_new(0);

	MUST(enable_ring(vm, KVM_CAP_DIRTY_LOG_RING, RING_BYTES));
	return vm;
}

static void *map_ring(struct vcpu *v, size_t bytes, int prot, int flags)
{
	return mmap(NULL, bytes, prot, flags, v->fd, RING_OFFSET);
}

/**
 * struct ring - a vCPU's ring, as userspace sees it
 * @entries: the mapping
 * @next: the first entry that has not been taken
 */
struct ring {
	struct kvm_dirty_gfn *entries;
	u32 next;
};

static struct ring open_ring(struct vcpu *v)
{
	struct ring r = {
		.entries = map_ring(v, RING_BYTES, PROT_READ | PROT_WRITE,
				    MAP_SHARED),
	};

	MUST(r.entries == MAP_FAILED ? -1 : 0);
	return r;
}

static struct kvm_dirty_gfn *ring_peek(struct ring *r)
{
	struct kvm_dirty_gfn *e = &r->entries[r->next % RING_ENTRIES];

	return __atomic_load_n(&e->flags, __ATOMIC_ACQUIRE) ==
	       KVM_DIRTY_GFN_F_DIRTY ? e : NULL;
}

/* Take the next entry; false if there is none. */
static bool ring_take(struct ring *r, u64 *offset)
{
	struct kvm_dirty_gfn *e = ring_peek(r);

	if (!e)
		return false;
	SAME(e->slot, 1);
	*offset = e->offset;
	__atomic_store_n(&e->flags, KVM_DIRTY_GFN_F_RESET, __ATOMIC_RELEASE);
	r->next++;
	return true;
}

static void start_log(struct vm *vm, void *p, u64 pages)
{
	MUST(vm_slot(vm, 1, KVM_MEM_LOG_DIRTY_PAGES, DIRTY_GPA, pages * PAGE,
		     p));
}

static int reset_rings(struct vm *vm)
{
	return ioctl(vm->fd, KVM_RESET_DIRTY_RINGS, 0);
}

/* ---- arguments ---- */

CASE(ring_arguments)
{
	struct vm *vm = vm_new(0);
	u32 cap = KVM_CAP_DIRTY_LOG_RING;
	u64 max = dev_cap(cap);

	EQ("largest", max, 65536 * sizeof(struct kvm_dirty_gfn));
	EQ("acq-rel", dev_cap(KVM_CAP_DIRTY_LOG_RING_ACQ_REL), max);
	ERR("reset-without", reset_rings(vm), EINVAL);
	ERR("empty", enable_ring(vm, cap, 0), EINVAL);
	ERR("small", enable_ring(vm, cap, 1024), EINVAL);
	ERR("odd", enable_ring(vm, cap, RING_BYTES * 3), EINVAL);
	ERR("large", enable_ring(vm, cap, max * 2), E2BIG);
	ERR("enable", enable_ring(vm, KVM_CAP_DIRTY_LOG_RING_ACQ_REL,
				  RING_BYTES), 0);
	ERR("again", enable_ring(vm, cap, RING_BYTES), EINVAL);
	EQ("reset-none", reset_rings(vm), 0);
	vm_free(vm);
	vm = vm_new(0);
	vcpu_new(vm, 0);
	ERR("after-vcpu", enable_ring(vm, cap, RING_BYTES), EINVAL);
}

CASE(ring_excludes_log)
{
	struct vm *vm = ring_vm();
	u64 bitmap[1] = { 0 };
	struct kvm_dirty_log log = { .slot = 1, .dirty_bitmap = bitmap };
	struct kvm_clear_dirty_log clear = {
		.slot = 1, .num_pages = 16, .dirty_bitmap = bitmap,
	};

	start_log(vm, dirty_ram(vm, 16, false), 16);
	ERR("get", ioctl(vm->fd, KVM_GET_DIRTY_LOG, &log), ENXIO);
	ERR("clear", ioctl(vm->fd, KVM_CLEAR_DIRTY_LOG, &clear), ENXIO);
}

static u64 mmap_errno(struct vcpu *v, size_t bytes, int prot, int flags)
{
	void *p = map_ring(v, bytes, prot, flags);

	return p == MAP_FAILED ? errno : 0;
}

CASE(ring_mapping)
{
	struct vcpu *v = vcpu_new(ring_vm(), 0);
	int rw = PROT_READ | PROT_WRITE;
	void *p;

	EQ("private", mmap_errno(v, RING_BYTES, rw, MAP_PRIVATE), EINVAL);
	EQ("executable", mmap_errno(v, RING_BYTES, rw | PROT_EXEC, MAP_SHARED),
	   EINVAL);
	EQ("shared", mmap_errno(v, RING_BYTES, rw, MAP_SHARED), 0);
	EQ("read-only", mmap_errno(v, PAGE, PROT_READ, MAP_SHARED), 0);
	p = mmap(NULL, RING_BYTES + RING_OFFSET, rw, MAP_PRIVATE, v->fd, 0);
	EQ("ends-there", p == MAP_FAILED ? errno : 0, EINVAL);
}

/* ---- entries ---- */

/* Each page of a series once, in whatever order: a CPU's log is read in any. */
static void expect_series(struct ring *r, const char *name, u64 first, u64 step,
			  u64 count)
{
	u8 seen[1024] = { 0 };
	u64 i, offset, wrong = 0;

	for (i = 0; i < count; i++) {
		if (!ring_take(r, &offset) || offset >= ARRAY_LEN(seen) ||
		    seen[offset]++)
			wrong++;
	}
	for (i = 0; i < count; i++)
		wrong += !seen[first + i * step];
	EQ(name, wrong, 0);
	SAME(ring_peek(r) != NULL, false);
}

static void ring_entries(bool huge)
{
	struct vm *vm = ring_vm();
	struct vcpu *v = vcpu_new(vm, 0);
	void *p = dirty_ram(vm, 1024, huge);
	struct ring r = open_ring(v);

	note("%s pages\n", huge ? "large" : "small");
	dirty_write(v, 0, 1, 1024);
	SAME(ring_peek(&r) != NULL, false);
	start_log(vm, p, 1024);
	dirty_read(v, 0, 1, 1024);
	dirty_write(v, 3, 100, 10);
	expect_series(&r, "written", 3, 100, 10);
	/* Not clean before the reset. */
	dirty_write(v, 3, 100, 10);
	SAME(ring_peek(&r) != NULL, false);
	EQ("reset", reset_rings(vm), 10);
	EQ("flags", r.entries[0].flags, 0);
	dirty_write(v, 3, 100, 10);
	expect_series(&r, "again", 3, 100, 10);
	EQ("reset-again", reset_rings(vm), 10);
	EQ("reset-nothing", reset_rings(vm), 0);
	/* In what order they come back does not matter. */
	dirty_write(v, 1000, -100, 10);
	expect_series(&r, "backwards", 1000, -100, 10);
	EQ("reset-backwards", reset_rings(vm), 10);
	dirty_write(v, 200, 1, 300);
	expect_series(&r, "row", 200, 1, 300);
	EQ("reset-row", reset_rings(vm), 300);
	dirty_write(v, 200, 1, 300);
	expect_series(&r, "row-again", 200, 1, 300);
	vm_free(vm);
}

CASE_T(entries, 30)
{
	ring_entries(false);
	ring_entries(true);
}

CASE(emulated)
{
	struct vm *vm = ring_vm();
	struct vcpu *v = vcpu_new(vm, 0);
	struct ring r = open_ring(v);
	u64 seen = 0, offset;

	start_log(vm, dirty_ram(vm, 16, false), 16);
	dirty_input(v);
	while (ring_take(&r, &offset))
		seen |= 1ull << offset;
	EQ("pages", seen, 1 << 2 | 1 << 3);
}

/* ---- no room ---- */

#define MANY	4500

/* Returns how many pages were not known yet. */
static u64 take_new(struct ring *r, u8 *seen)
{
	u64 offset, n = 0;

	while (ring_take(r, &offset)) {
		if (offset >= MANY)
			die("page %llu\n", (unsigned long long)offset);
		n += !seen[offset]++;
	}
	return n;
}

/*
 * The vCPU stops when it has been given the page that fills the ring but has not
 * written it yet: if that is made clean it comes twice.
 */
CASE_T(full, 40)
{
	static u8 seen[MANY];
	struct vm *vm = ring_vm();
	struct vcpu *v = vcpu_new(vm, 0);
	struct ring r = open_ring(v);
	u64 pages = 0, exits = 0, twice = 0, i;

	start_log(vm, dirty_ram(vm, MANY, true), MANY);
	dirty_prepare(v, 0, 1, MANY, true);
	while (vcpu_exit(v) == KVM_EXIT_DIRTY_RING_FULL) {
		exits++;
		EQ("still-full", vcpu_exit(v), KVM_EXIT_DIRTY_RING_FULL);
		pages += take_new(&r, seen);
		/* What has been taken is not free yet. */
		EQ("taken", vcpu_exit(v), KVM_EXIT_DIRTY_RING_FULL);
		CHECK(reset_rings(vm) > 0, "nothing came back\n");
	}
	CHECK(is_done(v), "exit %s\n", exit_name(v->run->exit_reason));
	pages += take_new(&r, seen);
	for (i = 0; i < MANY; i++)
		twice += seen[i] - 1;
	EQ("exits", exits, 1);
	EQ("pages", pages, MANY);
	CHECK(twice <= exits, "%llu pages came twice\n",
	      (unsigned long long)twice);
}

/* The owner writes nonsense into the ring: it gets nonsense, and no more. */
CASE_T(scribbled, 20)
{
	struct vm *vm = ring_vm();
	struct vcpu *v = vcpu_new(vm, 0);
	struct ring r = open_ring(v);
	void *p = dirty_ram(vm, 1024, true);
	u64 offset, seen = 0;
	u32 i;

	if (abi_on_kvm())
		skip("KVM 6.1 takes entries back that it has never filled");
	start_log(vm, p, 1024);
	dirty_write(v, 0, 1, 100);
	for (i = 0; i < RING_ENTRIES; i++)
		r.entries[i] = (struct kvm_dirty_gfn){
			.flags = i & 1 ? ~0u : KVM_DIRTY_GFN_F_RESET,
			.slot = i % 5 ? i * 0x10001 : 1,
			.offset = i % 3 ? ~0ull - i : i * 31,
		};
	EQ("reset", reset_rings(vm), 100);
	EQ("reset-nothing", reset_rings(vm), 0);
	memset(r.entries, 0xff, RING_BYTES);
	EQ("reset-nothing-more", reset_rings(vm), 0);
	memset(r.entries, 0, RING_BYTES);
	/* The vCPU goes on where it was. */
	r.next = 100;
	dirty_write(v, 500, 1, 50);
	while (ring_take(&r, &offset))
		seen += offset >= 500 && offset < 550;
	EQ("seen", seen, 50);
	EQ("reset-those", reset_rings(vm), 50);
}

/* ---- migration ---- */

#define MOVED_PAGES	1024
#define ROUNDS		20

static void note_taken(struct ring *r, u64 *pages, u32 *n)
{
	u64 offset;

	while (ring_take(r, &offset)) {
		if (offset >= MOVED_PAGES)
			die("page %llu\n", (unsigned long long)offset);
		pages[(*n)++ % (2 * RING_ENTRIES)] = offset;
	}
}

/* Take, make clean, copy; each page as it is after it was made clean. */
static u32 move_round(struct vm *vm, struct ring *rings, u32 nr, u8 *shadow,
		      const u8 *ram)
{
	static u64 pages[2 * RING_ENTRIES];
	u32 i, n = 0;

	for (i = 0; i < nr; i++)
		note_taken(&rings[i], pages, &n);
	SAME(reset_rings(vm), n);
	for (i = 0; i < n; i++)
		memcpy(shadow + pages[i] * PAGE, ram + pages[i] * PAGE, PAGE);
	return n;
}

CASE_T(migrate, 40)
{
	struct vm *vm = ring_vm();
	u8 *p = dirty_ram(vm, MOVED_PAGES, true), *shadow;
	struct dirty_runner runners[2];
	struct ring rings[2];
	u32 i, total = 0;
	u64 at;

	shadow = mmap(NULL, MOVED_PAGES * PAGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	for (i = 0; i < 2; i++) {
		struct vcpu *v = vcpu_new(vm, i);

		rings[i] = open_ring(v);
		dirty_run(&runners[i], v, i, MOVED_PAGES);
	}
	dirty_wait(&runners[0], 200);
	dirty_wait(&runners[1], 200);
	start_log(vm, p, MOVED_PAGES);
	memcpy(shadow, p, MOVED_PAGES * PAGE);
	for (i = 0; i < ROUNDS; i++) {
		dirty_wait(&runners[i % 2], 300);
		total += move_round(vm, rings, 2, shadow, p);
	}
	for (i = 0; i < 2; i++)
		dirty_stop(&runners[i]);
	total += move_round(vm, rings, 2, shadow, p);
	note("%u pages copied\n", total);
	for (at = 0; at < MOVED_PAGES; at++)
		if (memcmp(shadow + at * PAGE, p + at * PAGE, PAGE))
			break;
	EQ("first-page-that-differs", at, MOVED_PAGES);
	CHECK(total > ROUNDS, "the guest wrote %u pages only\n", total);
}
