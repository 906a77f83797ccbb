// SPDX-License-Identifier: GPL-2.0
/*
 * fork_vm.c - OSPITE_FORK_VM: what it takes, what it refuses, and that the new VM
 * is in the state of the old one, in all that can be read of it.
 *
 * KVM has no such thing, so all cases skip there.  How both go on from there is in
 * fork_run.c.
 */
#include <pthread.h>
#include <sys/resource.h>

#include "lib/apic.h"
#include "lib/events.h"
#include "lib/fork.h"
#include "lib/apic.h"
#include "lib/guest.h"

#define MSR_TSC		0x10
#define PORT_ASK	0x600

/* ---- what is refused ---- */

static void loop_guest(void)
{
	sti();
	for (;;)
		asm volatile("pause");
}

static void refused(struct vm *vm, const char *what, int want,
		    struct ospite_fork_vm args)
{
	struct ospite_fork_vcpu vcpus[MAX_FORK_VCPUS];

	ERR(what, fork_vm(vm, &args, vcpus), want);
}

#define REFUSED(what, want, ...) \
	refused(vm, what, want, (struct ospite_fork_vm){ __VA_ARGS__ })
#define SLOTS(...)							\
	.nr_slots = sizeof((struct ospite_fork_slot[]){ __VA_ARGS__ }) /	\
		    sizeof(struct ospite_fork_slot),			\
	.slots = (uintptr_t)(struct ospite_fork_slot[]){ __VA_ARGS__ }

CASE(arguments)
{
	struct ospite_fork_vcpu one[1];
	struct ospite_fork_vm args = { .nr_vcpus = 1, .vcpus = (uintptr_t)one };
	struct vm *vm;
	u64 ram;
	int next;

	need_fork();
	vm = vm_new(VM_IRQCHIP);
	ram = (uintptr_t)vm->ram;
	vcpu_new(vm, 0);
	vcpu_new(vm, 3);
	next = dup(vm->fd);
	close(next);
	ERR("fault", ioctl(vm->fd, OSPITE_FORK_VM, 8), EFAULT);
	REFUSED("flags", EINVAL, .flags = 1);
	REFUSED("pad", EINVAL, .pad = 1);
	REFUSED("reserved", EINVAL, .reserved[3] = 1);
	REFUSED("slots-fault", EFAULT, .nr_slots = 1, .slots = 8);
	REFUSED("too-many-slots", EINVAL, .nr_slots = 40000, .slots = 8);
	/* In this address space the guest's memory would be shared. */
	REFUSED("same-memory", EINVAL);
	REFUSED("no-such-slot", EINVAL, SLOTS({ 0, 0, ram }, { 7, 0, ram }));
	REFUSED("slot-twice", EINVAL, SLOTS({ 0, 0, ram }, { 0, 0, ram }));
	REFUSED("slot-flags", EINVAL, SLOTS({ 0, 1, ram }));
	REFUSED("slot-unaligned", EINVAL, SLOTS({ 0, 0, ram + 1 }));
	REFUSED("slot-in-the-kernel", EINVAL, SLOTS({ 0, 0, -4096ul }));
	ERR("room", ioctl(vm->fd, OSPITE_FORK_VM, &args), E2BIG);
	EQ("vcpus-there-are", args.nr_vcpus, 2);
	args.nr_vcpus = 2;
	args.vcpus = 8;
	args.nr_slots = 1;
	args.slots = (uintptr_t)&(struct ospite_fork_slot){ 0, 0, ram };
	ERR("vcpus-fault", ioctl(vm->fd, OSPITE_FORK_VM, &args), EFAULT);
	EQ("no-descriptor-is-lost", dup(vm->fd), next);
}

CASE(descriptors)
{
	struct ospite_fork_vcpu vcpus[MAX_FORK_VCPUS];
	struct rlimit limit, few;
	struct ospite_fork_slot slot = { .slot = 0 };
	struct ospite_fork_vm args = {
		.nr_slots = 1, .slots = (uintptr_t)&slot,
	};
	struct vm *vm;
	int fd, next;

	need_fork();
	vm = vm_new(0);
	slot.userspace_addr = (uintptr_t)vm->ram;
	vcpu_new(vm, 0);
	vcpu_new(vm, 5);
	next = dup(vm->fd);
	close(next);
	MUST(getrlimit(RLIMIT_NOFILE, &limit));
	few = limit;
	few.rlim_cur = next + 2;
	MUST(setrlimit(RLIMIT_NOFILE, &few));
	ERR("too-few", fork_vm(vm, &args, vcpus), EMFILE);
	MUST(setrlimit(RLIMIT_NOFILE, &limit));
	EQ("none-is-lost", dup(vm->fd), next);
	close(next);
	fd = MUST(fork_vm(vm, &args, vcpus));
	EQ("vcpus", args.nr_vcpus, 2);
	EQ("first", vcpus[0].id, 0);
	EQ("second", vcpus[1].id, 5);
	EQ("vm-cloexec", fcntl(fd, F_GETFD), FD_CLOEXEC);
	EQ("vcpu-cloexec", fcntl(vcpus[1].fd, F_GETFD), FD_CLOEXEC);
	ERR("id-is-taken", ioctl(fd, KVM_CREATE_VCPU, 5), EEXIST);
	ERR("another-vcpu", ioctl(fd, KVM_CREATE_VCPU, 1) < 0 ? -1 : 0, 0);
}

static void in_heir(void *arg)
{
	struct vcpu *v = arg;
	struct twin t = twin_of(v->vm, NULL, 0);
	struct kvm_regs r;

	/* What was inherited is still the parent's. */
	ERR("inherited-vcpu", ioctl(v->fd, KVM_GET_REGS, &r), EIO);
	ERR("inherited-vm", ioctl(v->vm->fd, KVM_CREATE_VCPU, 9), EIO);
	ERR("own-vcpu", ioctl(t.v[0]->fd, KVM_GET_REGS, &r), 0);
	ERR("own-vm", ioctl(t.vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_HLT) < 0 ?
	    -1 : 0, 0);
	twin_free(&t);
}

CASE(whose)
{
	struct vm *vm;

	need_fork();
	vm = vm_new(VM_IRQCHIP);
	child_ends_well(child_of(in_heir, vcpu_new(vm, 0)));
}

static void hello_guest(void)
{
	g_value("hello", 1, 1);
}

/* Who has the descriptors, but not the memory, gets a VM over its own nothing. */
static void in_stranger(void *arg)
{
	struct vcpu *v = arg;
	struct twin t;

	mmap(v->vm->ram, RAM_SIZE, PROT_NONE,
	     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	t = twin_heir(v->vm, &v, 1);
	ERR("run-without-memory", ioctl(t.v[0]->fd, KVM_RUN, 0), EFAULT);
	MUST(mprotect(t.vm->ram, RAM_SIZE, PROT_READ | PROT_WRITE));
	ERR("run-in-zeroes", ioctl(t.v[0]->fd, KVM_RUN, 0), 0);
	EQ("exit", t.v[0]->run->exit_reason, KVM_EXIT_SHUTDOWN);
}

CASE(stranger)
{
	struct vcpu *v = fork_guest(hello_guest);
	struct vm *vm = v->vm;

	child_ends_well(child_of(in_stranger, v));
	run_done(v);
	check_log(vm);
}

static void no_action(int sig)
{
	(void)sig;
}

static void *run_until_kicked(void *arg)
{
	SAME(vcpu_run(arg), EINTR);
	return NULL;
}

static void must_fork(void *arg)
{
	struct twin t = twin_of(arg, NULL, 0);

	twin_free(&t);
}

CASE(busy)
{
	struct sigaction sa = { .sa_handler = no_action };
	struct ospite_fork_vcpu vcpus[MAX_FORK_VCPUS];
	struct ospite_fork_slot slot = { .slot = 0 };
	struct ospite_fork_vm args = {
		.nr_slots = 1, .slots = (uintptr_t)&slot,
	};
	struct vcpu *v[3];
	struct vm *vm;
	pthread_t t;
	int fd, i;

	need_fork();
	sigaction(SIGUSR1, &sa, NULL);
	vm = vm_new(VM_IRQCHIP);
	slot.userspace_addr = (uintptr_t)vm->ram;
	for (i = 0; i < 3; i++)
		v[i] = vcpu_new(vm, i);
	mode_long(v[0], loop_guest);
	MUST(ioctl(v[2]->fd, KVM_SET_MP_STATE,
		   &(struct kvm_mp_state){ KVM_MP_STATE_RUNNABLE }));
	mode_long(v[2], loop_guest);
	MUST(pthread_create(&t, NULL, run_until_kicked, v[2]));
	/* Until it is in there, forks succeed. */
	while ((fd = fork_vm(vm, &args, vcpus)) >= 0) {
		for (i = 0; i < 3; i++)
			close(vcpus[i].fd);
		close(fd);
		usleep(1000);
	}
	ERR("while-one-runs", fork_vm(vm, &args, vcpus), EBUSY);
	pthread_kill(t, SIGUSR1);
	pthread_join(t, NULL);
	ERR("when-none-runs", fork_vm(vm, &args, vcpus) < 0 ? -1 : 0, 0);
	child_ends_well(child_of(must_fork, vm));
}

/* ---- all that can be read ---- */

static void same_bytes(const char *what, const void *a, const void *b, size_t n)
{
	const u8 *x = a, *y = b;
	size_t i;

	for (i = 0; i < n && x[i] == y[i]; i++)
		;
	obs(what, "%s", i == n ? "the same" : "another");
	CHECK(i == n, "%s: byte %zu is %#x, not %#x\n", what, i, y[i], x[i]);
}

static void same_ioctl(const char *what, struct vcpu *a, struct vcpu *b,
		       unsigned long cmd)
{
	static u8 x[8192], y[8192];

	memset(x, 0, sizeof(x));
	memset(y, 0, sizeof(y));
	MUST(ioctl(a->fd, cmd, x));
	MUST(ioctl(b->fd, cmd, y));
	same_bytes(what, x, y, _IOC_SIZE(cmd));
}

static void same_cpuid(struct vcpu *a, struct vcpu *b)
{
	static struct {
		struct kvm_cpuid2 c;
		struct kvm_cpuid_entry2 e[128];
	} x, y;

	x.c.nent = 128;
	y.c.nent = 128;
	MUST(ioctl(a->fd, KVM_GET_CPUID2, &x));
	MUST(ioctl(b->fd, KVM_GET_CPUID2, &y));
	same_bytes("cpuid", &x, &y, sizeof(x));
}

/* The TSC goes on meanwhile: the copy's is later, but not by much. */
static void same_msrs(struct vcpu *a, struct vcpu *b)
{
	struct {
		struct kvm_msr_list l;
		u32 index[256];
	} list = { .l.nmsrs = 256 };
	u64 x, y;
	u32 i, bad = 0;

	MUST(ioctl(a->vm->dev, KVM_GET_MSR_INDEX_LIST, &list));
	CHECK(list.l.nmsrs > 20, "there are %u MSRs only\n", list.l.nmsrs);
	for (i = 0; i < list.l.nmsrs; i++) {
		SAME(get_msr(a, list.index[i], &x), get_msr(b, list.index[i], &y));
		if (list.index[i] == MSR_TSC)
			bad += y < x || y - x > 100000000;
		else
			bad += x != y;
		if (bad)
			die("MSR %#x is %#llx, not %#llx\n", list.index[i],
			    (unsigned long long)y, (unsigned long long)x);
	}
	obs("msrs", "the same");
}

/* Beside the timer's count, which runs. */
static void same_lapic(struct vcpu *a, struct vcpu *b)
{
	struct kvm_lapic_state x, y;
	u32 was, is;

	MUST(ioctl(a->fd, KVM_GET_LAPIC, &x));
	MUST(ioctl(b->fd, KVM_GET_LAPIC, &y));
	memcpy(&was, x.regs + APIC_TMCCT, 4);
	memcpy(&is, y.regs + APIC_TMCCT, 4);
	memset(x.regs + APIC_TMCCT, 0, 4);
	memset(y.regs + APIC_TMCCT, 0, 4);
	same_bytes("lapic", &x, &y, sizeof(x));
	CHECK(is <= was, "the timer's count went up from %u to %u\n", was, is);
	CHECK(!was == !is, "the timer's count is %u, was %u\n", is, was);
}

static void same_vcpu(struct vcpu *a, struct vcpu *b, bool lapic)
{
	same_ioctl("regs", a, b, KVM_GET_REGS);
	same_ioctl("sregs", a, b, KVM_GET_SREGS);
	same_ioctl("fpu", a, b, KVM_GET_FPU);
	same_ioctl("xsave", a, b, KVM_GET_XSAVE);
	same_ioctl("xcrs", a, b, KVM_GET_XCRS);
	same_ioctl("debugregs", a, b, KVM_GET_DEBUGREGS);
	same_ioctl("events", a, b, KVM_GET_VCPU_EVENTS);
	same_ioctl("mp-state", a, b, KVM_GET_MP_STATE);
	same_cpuid(a, b);
	same_msrs(a, b);
	if (lapic)
		same_lapic(a, b);
}

static void same_chips(struct vm *a, struct vm *b)
{
	struct kvm_irqchip x = { 0 }, y = { 0 };
	struct kvm_pit_state2 p = { 0 }, q = { 0 };
	u32 i;

	for (i = 0; i < 3; i++) {
		x.chip_id = i;
		y.chip_id = i;
		MUST(ioctl(a->fd, KVM_GET_IRQCHIP, &x));
		MUST(ioctl(b->fd, KVM_GET_IRQCHIP, &y));
		same_bytes("irqchip", &x, &y, sizeof(x));
	}
	MUST(ioctl(a->fd, KVM_GET_PIT2, &p));
	MUST(ioctl(b->fd, KVM_GET_PIT2, &q));
	/* A counter that stands still is shown as begun so long ago. */
	for (i = 0; i < 3; i++)
		if (p.channels[i].mode == 0xff)
			q.channels[i].count_load_time =
				p.channels[i].count_load_time;
	same_bytes("pit", &p, &q, sizeof(p));
}

/* The guest fills what userspace would find tedious to. */
static void state_guest(void)
{
	static u8 bytes[64] __attribute__((aligned(64)));
	u32 i;

	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = i * 7 + 1;
	asm volatile("fninit; fldpi; fld1\n\t"
		     "movdqa (%0), %%xmm0; movdqa 16(%0), %%xmm7\n\t"
		     "movdqa 32(%0), %%xmm15" : : "r"(bytes) : "memory");
	WRITE_DR(0, (uintptr_t)hello_guest);
	WRITE_DR(1, 0x1234);
	WRITE_DR(7, 0x401);
	wrmsr(0xc0000081, 0x0023001000000000);	/* STAR */
	wrmsr(0xc0000082, 0xffffffff81234560);	/* LSTAR */
	wrmsr(0xc0000084, 0x47700);		/* FMASK */
	wrmsr(0xc0000102, 0xffff888012345678);	/* KERNEL_GS_BASE */
	wrmsr(0xc0000100, 0x7f0000001000);	/* FS_BASE */
	wrmsr(0x174, 0x10);			/* SYSENTER_CS */
	wrmsr(0x175, 0x5678);
	wrmsr(0x176, 0x9abc);
	wrmsr(0x277, 0x0007010600070106);	/* PAT */
	wrmsr(0x2ff, 0xc06);			/* MTRR_DEF_TYPE */
	wrmsr(0x200, 0x6);
	wrmsr(0x3b, 0x1000);			/* TSC_ADJUST */
	guest_sync(1);
	for (;;)
		sti_hlt();
}

static void apic_guest(void)
{
	APIC(APIC_SPIV) = 0x1ff;
	APIC(0x80) = 0x20;
	APIC(APIC_TDCR) = 0xb;
	APIC(APIC_LVTT) = 0x20041;	/* periodic */
	APIC(APIC_TMICT) = 0x70000000;
	outb(0x21, 0xff);
	outb(0x43, 0x34);		/* the PIT's channel 0, mode 2 */
	outb(0x40, 0);
	outb(0x40, 0x40);
	state_guest();
}

struct kit {
	struct vm *vm;
	struct vcpu *v[3];
	u32 nr;
	bool chips;
	bool lapic;
};

static void compare_kit(struct kit *k, struct twin *t)
{
	u32 i;

	SAME(t->nr, k->nr);
	for (i = 0; i < k->nr; i++) {
		SAME(t->v[i]->id, k->v[i]->id);
		same_vcpu(k->v[i], t->v[i], k->lapic);
		same_bytes("run", k->v[i]->run, t->v[i]->run, 256);
	}
	if (k->chips)
		same_chips(k->vm, t->vm);
}

/* In one process, which may read both; the memory is shared on purpose. */
static void compare(struct kit *k)
{
	struct ospite_fork_slot slot = {
		.slot = 0, .userspace_addr = (uintptr_t)k->vm->ram,
	};
	struct twin t = twin_of(k->vm, &slot, 1);

	compare_kit(k, &t);
	twin_free(&t);
}

CASE(state_with_controllers)
{
	struct kvm_vcpu_events e;
	struct kit k = { .nr = 2, .chips = true, .lapic = true };

	need_fork();
	k.vm = vm_new(VM_IRQCHIP | VM_PIT);
	k.v[0] = vcpu_new(k.vm, 0);
	k.v[1] = vcpu_new(k.vm, 1);
	compare(&k);
	mode_long(k.v[0], apic_guest);
	irq_line(k.vm, 20, 1);
	sync_to(k.v[0], 1);
	compare(&k);
	/* Halted, and with all that can wait: an exception, an NMI, a shadow. */
	kick_after(20000);
	SAME(vcpu_run(k.v[0]), EINTR);
	no_kick();
	compare(&k);
	MUST(ioctl(k.v[0]->fd, KVM_GET_VCPU_EVENTS, &e));
	e.exception.injected = 1;
	e.exception.nr = 14;
	e.exception.has_error_code = 1;
	e.exception.error_code = 6;
	e.nmi.pending = 1;
	e.nmi.masked = 1;
	e.interrupt.shadow = KVM_X86_SHADOW_INT_STI;
	MUST(ioctl(k.v[0]->fd, KVM_SET_VCPU_EVENTS, &e));
	compare(&k);
}

CASE(state_without_controllers)
{
	struct kit k = { .nr = 1 };

	need_fork();
	k.vm = vm_new(0);
	k.v[0] = vcpu_new(k.vm, 7);
	mode_long(k.v[0], state_guest);
	sync_to(k.v[0], 1);
	compare(&k);
	MUST(ioctl(k.v[0]->fd, KVM_INTERRUPT, &(struct kvm_interrupt){ 0x51 }));
	compare(&k);
}

CASE(state_split)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_SPLIT_IRQCHIP, .args[0] = 24,
	};
	struct kit k = { .nr = 1, .lapic = true };

	need_fork();
	k.vm = vm_new(0);
	MUST(ioctl(k.vm->fd, KVM_ENABLE_CAP, &cap));
	k.v[0] = vcpu_new(k.vm, 0);
	mode_long(k.v[0], state_guest);
	sync_to(k.v[0], 1);
	compare(&k);
}

/* Another mode, and other paging: 32 bits, PAE's PDPTEs are state too. */
CASE(state_before_any_run)
{
	struct kit k = { .nr = 1, .chips = false };

	need_fork();
	k.vm = vm_new(0);
	k.v[0] = vcpu_raw(k.vm, 0);
	compare(&k);
	mode_real(k.v[0], 0x800, 0);
	compare(&k);
	mode_prot32(k.v[0], GPA_CODE32);
	compare(&k);
}

/* ---- the Interrupt Remapping Table ---- */

CASE(routes)
{
	static const struct kvm_irq_routing_entry pins[] = {
		ROUTE_PIN(5, KVM_IRQCHIP_IOAPIC, 7),
		ROUTE_MSI(100, 3, 0x42),
		ROUTE_MSI(4095, 1, 0x43),
	};
	struct ospite_irt_entry e = { .gsi = 30, .kind = OSPITE_IRT_EVENTFD };
	struct ospite_fork_slot slot = { .slot = 0 };
	int fd = event_new(0), kick = event_new(0);
	struct vm *vm;
	struct twin t;

	need_fork();
	vm = vm_new(VM_IRQCHIP);
	slot.userspace_addr = (uintptr_t)vm->ram;
	vcpu_new(vm, 0);
	MUST(set_routes(vm, pins, ARRAY_LEN(pins)));
	e.eventfd = fd;
	MUST(irt_set(vm, &e));
	MUST(irqfd(vm, kick, 5, 0, 0));
	irq_line(vm, 30, 1);
	EQ("parent-signals", event_take(fd), 1);
	t = twin_of(vm, &slot, 1);
	EQ("pin", irt_find(t.vm, 5).pin[2], 7);
	EQ("message", irt_find(t.vm, 100).vector, 0x42);
	EQ("last", irt_find(t.vm, 4095).dest, 1);
	EQ("counts-begin-anew", irt_find(t.vm, 30).delivered, 0);
	/* An eventfd is the parent's: nothing of the child reaches it. */
	EQ("eventfd", irt_find(t.vm, 30).kind, OSPITE_IRT_BLOCKED);
	irq_line(t.vm, 30, 1);
	EQ("child-signals-nobody", event_take(fd), 0);
	/* Nor does it hear of an irqfd's. */
	event_add(kick, 1);
	EQ("irqfd-parent", irt_find(vm, 5).dropped + irt_find(vm, 5).delivered, 1);
	EQ("irqfd-child", irt_find(t.vm, 5).dropped + irt_find(t.vm, 5).delivered, 0);
	twin_free(&t);
}

/* ---- the dirty log ---- */

static void write_guest(void)
{
	*(volatile u64 *)(GPA_FREE + 0x3000) = 1;
	guest_sync(1);
	*(volatile u64 *)(GPA_FREE + 0x5000) = 1;
	guest_sync(2);
}

/* Which of the guest's two pages were written since this was asked last. */
static u64 dirty_pages(struct vm *vm)
{
	u64 bits[RAM_SIZE / 4096 / 64] = { 0 };
	struct kvm_dirty_log log = { .slot = 0, .dirty_bitmap = bits };

	MUST(ioctl(vm->fd, KVM_GET_DIRTY_LOG, &log));
	return (bits[GPA_FREE >> 18] >> 3 & 1) | (bits[GPA_FREE >> 18] >> 4 & 2);
}

static void logging_child(void *arg)
{
	struct kvm_dirty_log log = { .slot = 0 };
	struct vcpu *v = arg;
	struct twin t = twin_heir(v->vm, &v, 1);
	u64 bits[RAM_SIZE / 4096 / 64];

	log.dirty_bitmap = bits;
	ERR("off-in-the-child", ioctl(t.vm->fd, KVM_GET_DIRTY_LOG, &log), ENOENT);
	MUST(vm_slot(t.vm, 0, KVM_MEM_LOG_DIRTY_PAGES, 0, RAM_SIZE, t.vm->ram));
	sync_to(t.v[0], 2);
	EQ("child", dirty_pages(t.vm), 2);
}

CASE(dirty_log)
{
	struct vcpu *v;
	struct vm *vm;

	need_fork();
	vm = vm_new(VM_IRQCHIP);
	v = vcpu_new(vm, 0);
	MUST(vm_slot(vm, 0, KVM_MEM_LOG_DIRTY_PAGES, 0, RAM_SIZE, vm->ram));
	mode_long(v, write_guest);
	sync_to(v, 1);
	child_ends_well(child_of(logging_child, v));
	EQ("parent", dirty_pages(vm), 1);
	sync_to(v, 2);
	EQ("parent-later", dirty_pages(vm), 2);
}

/* ---- an access that userspace has yet to answer ---- */

static void ask_guest(void)
{
	u32 port = inb(PORT_ASK), mem;

	guest_sync(port);
	mem = *(volatile u32 *)(u64)GPA_MMIO;
	guest_sync(mem);
}

static void answer(struct vcpu *v, u32 with)
{
	SAME(v->run->exit_reason, KVM_EXIT_IO);
	((u8 *)v->run)[v->run->io.data_offset] = with;
	sync_to(v, with);
}

static void answer_mmio(struct vcpu *v, u32 with)
{
	SAME(v->run->exit_reason, KVM_EXIT_MMIO);
	memcpy(v->run->mmio.data, &with, sizeof(with));
	sync_to(v, with);
}

static void heir_answers(void *arg)
{
	struct vcpu *v = arg;
	struct twin t = twin_heir(v->vm, &v, 1);

	answer(t.v[0], 22);
}

static void heir_answers_mmio(void *arg)
{
	struct vcpu *v = arg;
	struct twin t = twin_heir(v->vm, &v, 1);

	answer_mmio(t.v[0], 2222);
}

CASE(unanswered_access)
{
	struct vcpu *v = fork_guest(ask_guest);

	expect_exit(v, "port", KVM_EXIT_IO);
	child_ends_well(child_of(heir_answers, v));
	answer(v, 11);
	expect_exit(v, "memory", KVM_EXIT_MMIO);
	child_ends_well(child_of(heir_answers_mmio, v));
	answer_mmio(v, 1111);
}
