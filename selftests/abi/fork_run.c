// SPDX-License-Identifier: GPL-2.0
/*
 * fork_run.c - OSPITE_FORK_VM: a VM and the one made of it both go on, each with
 * its own memory, clocks and interrupts, in whatever order they end.
 *
 * KVM has no such thing, so all cases skip there.  What the ioctl takes, and what
 * it copies, is in fork_vm.c.
 */
#include <dirent.h>
#include <pthread.h>

#include "lib/apic.h"
#include "lib/chips.h"
#include "lib/events.h"
#include "lib/fork.h"
#include "lib/guest.h"

#define PORT_WHO	0x600	/* userspace says which of the two it is */

/* ---- memory ---- */

#define GPA_DATA	0x20000000ull
#define DATA_SIZE	0x600000
#define ROUNDS		3

/* Eight bytes that no other VM, round or place has. */
static u64 mark(u64 who, u64 round, u64 i)
{
	return (who << 40 | round << 32 | i) * 0x9e3779b97f4a7c15;
}

/* Is every byte what this VM, or its common past, has written there? */
static u64 wrong_bytes(u64 who, u64 round)
{
	volatile u64 *p = (u64 *)GPA_DATA;
	u64 i, bad = 0;

	for (i = 0; i < DATA_SIZE / 8; i++)
		bad += p[i] != mark(who, round, i);
	return bad;
}

static void write_bytes(u64 who, u64 round)
{
	volatile u64 *p = (u64 *)GPA_DATA;
	u64 i;

	for (i = 0; i < DATA_SIZE / 8; i++)
		p[i] = mark(who, round, i);
}

static void memory_guest(void)
{
	u64 who, round;

	sti();
	write_bytes(0, 0);
	guest_sync(1);
	who = inb(PORT_WHO);
	g_value("common-past", wrong_bytes(0, 0), 0);
	for (round = 1; round <= ROUNDS; round++) {
		write_bytes(who, round);
		guest_sync(10 + round);
		g_value("own-bytes", wrong_bytes(who, round), 0);
	}
}

static void say_who(struct vcpu *v, u8 who)
{
	expect_exit(v, "who", KVM_EXIT_IO);
	SAME(v->run->io.port, PORT_WHO);
	((u8 *)v->run)[v->run->io.data_offset] = who;
}

/* Meets the other at each round, so that both write in turn. */
static void meet(int in, int out)
{
	char c = 0;

	SAME(write(out, &c, 1), 1);
	SAME(read(in, &c, 1), 1);
}

struct meeting {
	struct vcpu *v;
	int up[2];
	int down[2];
};

static void memory_rounds(struct vcpu *v, u8 who, int in, int out)
{
	u32 round;

	say_who(v, who);
	for (round = 1; round <= ROUNDS; round++) {
		sync_to(v, 10 + round);
		meet(in, out);
	}
	run_done(v);
	check_log(v->vm);
}

static void memory_child(void *arg)
{
	struct meeting *m = arg;
	struct twin t = twin_heir(m->v->vm, &m->v, 1);

	memory_rounds(t.v[0], 2, m->down[0], m->up[1]);
}

CASE_T(own_memory, 30)
{
	struct meeting m;
	struct vm *vm;
	pid_t pid;

	need_fork();
	vm = vm_new(VM_IRQCHIP);
	m.v = vcpu_new(vm, 0);
	MUST(pipe(m.up));
	MUST(pipe(m.down));
	vm_add_ram(vm, 1, GPA_DATA, DATA_SIZE);
	mode_long(m.v, memory_guest);
	sync_to(m.v, 1);
	pid = child_of(memory_child, &m);
	memory_rounds(m.v, 1, m.up[0], m.down[1]);
	child_ends_well(pid);
}

static void huge(void *p)
{
	MUST(madvise(p, DATA_SIZE, MADV_HUGEPAGE));
}

/* The host maps 2 MiB at a time, and breaks that up at the first write. */
CASE_T(own_huge_memory, 30)
{
	struct meeting m;
	struct vm *vm;
	pid_t pid;
	u8 *p;

	need_fork();
	vm = vm_new(VM_IRQCHIP);
	m.v = vcpu_new(vm, 0);
	MUST(pipe(m.up));
	MUST(pipe(m.down));
	p = mmap(NULL, DATA_SIZE + 0x200000, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	p = (u8 *)(((uintptr_t)p + 0x1fffff) & -0x200000ul);
	huge(p);
	MUST(vm_slot(vm, 1, 0, GPA_DATA, DATA_SIZE, p));
	mode_long(m.v, memory_guest);
	sync_to(m.v, 1);
	pid = child_of(memory_child, &m);
	memory_rounds(m.v, 1, m.up[0], m.down[1]);
	child_ends_well(pid);
}

/* One process: the memory before the fork is a file's, and each maps it private. */
CASE_T(one_process, 30)
{
	int fd = MUST(memfd_create("guest", MFD_CLOEXEC));
	struct ospite_fork_slot slots[2] = { { .slot = 0 }, { .slot = 1 } };
	u8 *image, *data, *mine;
	struct vcpu *v;
	struct vm *vm;
	struct twin t;
	u32 round;

	need_fork();
	MUST(ftruncate(fd, RAM_SIZE + DATA_SIZE));
	image = mmap(NULL, RAM_SIZE + DATA_SIZE, PROT_READ | PROT_WRITE,
		     MAP_SHARED, fd, 0);
	vm = vm_new(VM_IRQCHIP);
	memcpy(image, vm->ram, RAM_SIZE);
	v = vcpu_new(vm, 0);
	vm->ram = image;
	data = image + RAM_SIZE;
	MUST(vm_slot(vm, 0, 0, 0, 0, NULL));
	MUST(vm_slot(vm, 0, 0, 0, RAM_SIZE, image));
	MUST(vm_slot(vm, 1, 0, GPA_DATA, DATA_SIZE, data));
	mode_long(v, memory_guest);
	sync_to(v, 1);
	mine = mmap(NULL, RAM_SIZE + DATA_SIZE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE, fd, 0);
	slots[0].userspace_addr = (uintptr_t)mine;
	slots[1].userspace_addr = (uintptr_t)mine + RAM_SIZE;
	t = twin_of(vm, slots, 2);
	t.vm->ram = mine;
	/* The original's pages go on as they are: it is to write no more. */
	say_who(t.v[0], 2);
	for (round = 1; round <= ROUNDS; round++)
		sync_to(t.v[0], 10 + round);
	run_done(t.v[0]);
	check_log(t.vm);
	twin_free(&t);
	say_who(v, 1);
	for (round = 1; round <= ROUNDS; round++)
		sync_to(v, 10 + round);
	run_done(v);
	check_log(vm);
}

/* ---- clocks ---- */

static void ticks(u32 vec, u64 n)
{
	u64 from = g_irqs[vec];

	while (g_irqs[vec] < from + n)
		sti_hlt();
	cli();
}

static void clock_guest(void)
{
	g_eoi = EOI_XAPIC;
	APIC(APIC_SPIV) = 0x1ff;
	APIC(APIC_LINT0) = APIC_MASKED;
	APIC(APIC_TDCR) = 0xb;
	APIC(APIC_LVTT) = 0x20041;
	APIC(APIC_TMICT) = 1000000;
	ticks(0x41, 3);
	guest_sync(1);
	ticks(0x41, 5);
	guest_sync(2);
	APIC(APIC_LVTT) = 0x41;
	APIC(APIC_TMICT) = 3000000;
	guest_sync(3);
	ticks(0x41, 1);
	guest_sync(4);
}

static void clock_child(void *arg)
{
	struct vcpu *v = arg;
	struct twin t = twin_heir(v->vm, &v, 1);

	sync_to(t.v[0], 2);
}

static void shot_child(void *arg)
{
	struct vcpu *v = arg;
	struct twin t = twin_heir(v->vm, &v, 1);

	sync_to(t.v[0], 4);
}

CASE(apic_timer)
{
	struct vcpu *v = fork_guest(clock_guest);
	pid_t pid;

	sync_to(v, 1);
	pid = child_of(clock_child, v);
	sync_to(v, 2);
	child_ends_well(pid);
	sync_to(v, 3);
	pid = child_of(shot_child, v);
	sync_to(v, 4);
	child_ends_well(pid);
}

static void deadline_guest(void)
{
	g_eoi = EOI_XAPIC;
	APIC(APIC_SPIV) = 0x1ff;
	APIC(APIC_LINT0) = APIC_MASKED;
	APIC(APIC_LVTT) = 0x40041;
	wrmsr(0x6e0, rdtsc() + 2000000);
	guest_sync(3);
	ticks(0x41, 1);
	guest_sync(4);
}

CASE(tsc_deadline)
{
	struct kvm_cpuid2 *c;
	struct vcpu *v;
	struct vm *vm;
	pid_t pid;

	need_fork();
	vm = vm_new(VM_IRQCHIP);
	v = vcpu_raw(vm, 0);
	c = supported_cpuid(vm->dev);
	cpuid_entry(c, 1, 0)->ecx |= BIT(24);
	MUST(ioctl(v->fd, KVM_SET_CPUID2, c));
	mode_long(v, deadline_guest);
	sync_to(v, 3);
	pid = child_of(shot_child, v);
	sync_to(v, 4);
	child_ends_well(pid);
}

/* By the PIC, where the PIT makes up for no tick before the last was ended. */
static void pit_guest(void)
{
	g_eoi = EOI_PIC;
	pic_init(0, 0xfe, 0xff);
	outb(0x43, 0x34);
	outb(0x40, 0x4e);	/* 5966: 5 ms, slow enough for a slow host */
	outb(0x40, 0x17);
	ticks(0x20, 3);
	guest_sync(1);
	ticks(0x20, 20);
	guest_sync(2);
}

CASE(pit)
{
	struct vcpu *v;
	struct vm *vm;
	pid_t pid[4];
	u32 i;

	need_fork();
	vm = vm_new(VM_IRQCHIP | VM_PIT);
	v = vcpu_new(vm, 0);
	mode_long(v, pit_guest);
	sync_to(v, 1);
	/* At different times between two ticks. */
	for (i = 0; i < 4; i++) {
		pid[i] = child_of(clock_child, v);
		usleep(1300);
	}
	sync_to(v, 2);
	for (i = 0; i < 4; i++)
		child_ends_well(pid[i]);
}

/* ---- who is halted ---- */

static void halted_guest(void)
{
	g_eoi = EOI_XAPIC;
	APIC(APIC_SPIV) = 0x1ff;
	APIC(APIC_LINT0) = APIC_MASKED;
	guest_sync(1);
	while (!g_irqs[0x45])
		sti_hlt();
	cli();
	guest_sync(2);
}

static void halt(struct vcpu *v)
{
	struct kvm_mp_state mp;

	kick_after(10000);
	do {
		SAME(vcpu_run(v), EINTR);
		MUST(ioctl(v->fd, KVM_GET_MP_STATE, &mp));
	} while (mp.mp_state != KVM_MP_STATE_HALTED);
	no_kick();
}

static void wake(struct vm *vm)
{
	struct kvm_msi msi = { .address_lo = 0xfee00000, .data = 0x45 };

	SAME(ioctl(vm->fd, KVM_SIGNAL_MSI, &msi), 1);
}

static void halted_child(void *arg)
{
	struct vcpu *v = arg;
	struct twin t = twin_heir(v->vm, &v, 1);
	struct kvm_mp_state mp;

	MUST(ioctl(t.v[0]->fd, KVM_GET_MP_STATE, &mp));
	EQ("child-is-halted", mp.mp_state, KVM_MP_STATE_HALTED);
	wake(t.vm);
	sync_to(t.v[0], 2);
}

CASE(halted)
{
	struct kvm_mp_state mp;
	struct vcpu *v = fork_guest(halted_guest);
	struct vm *vm = v->vm;

	sync_to(v, 1);
	halt(v);
	child_ends_well(child_of(halted_child, v));
	/* What woke the child did not wake the parent. */
	MUST(ioctl(v->fd, KVM_GET_MP_STATE, &mp));
	EQ("parent-is-halted", mp.mp_state, KVM_MP_STATE_HALTED);
	halt(v);
	wake(vm);
	sync_to(v, 2);
}

/* An interrupt that waits at the fork comes to both. */
static void pending_guest(void)
{
	g_eoi = EOI_XAPIC;
	APIC(APIC_SPIV) = 0x1ff;
	APIC(APIC_LINT0) = APIC_MASKED;
	guest_sync(1);
	sti_nop();
	cli();
	g_value("taken", g_irqs[0x45], 1);
}

static void pending_child(void *arg)
{
	struct vcpu *v = arg;
	struct twin t = twin_heir(v->vm, &v, 1);

	run_done(t.v[0]);
	check_log(t.vm);
}

CASE(pending_interrupt)
{
	struct vcpu *v = fork_guest(pending_guest);
	struct vm *vm = v->vm;

	sync_to(v, 1);
	wake(vm);
	child_ends_well(child_of(pending_child, v));
	run_done(v);
	check_log(vm);
}

/* ---- several vCPUs ---- */

#define RING	3
#define VECTOR	0x60

static volatile u64 turns;

static void x2_write(u32 reg, u64 val)
{
	asm volatile("wrmsr" : : "c"(X2APIC(reg)), "a"((u32)val),
		     "d"((u32)(val >> 32)) : "memory");
}

/* A token goes round by IPIs, for ever; each waits for it halted. */
static void ring_guest(u64 index)
{
	u64 next = (index + 1) % RING, n;

	wrmsr(MSR_APIC_BASE, 0xfee00c00 | (index ? 0 : BIT(8)));
	x2_write(APIC_SPIV, 0x1ff);
	g_eoi = EOI_X2APIC;
	__atomic_fetch_add(&turns, 1, __ATOMIC_SEQ_CST);
	while (!index && turns < RING)
		asm volatile("sti; pause; cli" : : : "memory");
	for (n = 1;; n++) {
		while (index && g_irqs[VECTOR + index] < n)
			sti_hlt();
		cli();
		x2_write(APIC_ICR, next << 32 | 0x4000 | (VECTOR + next));
		while (!index && g_irqs[VECTOR] < n)
			sti_hlt();
		cli();
		if (!index)
			turns++;
	}
}

struct runner {
	struct vcpu *v;
	pthread_t thread;
	volatile bool stop;
};

static _Thread_local struct kvm_run *running;

static void out_of_guest(int sig)
{
	(void)sig;
	if (running)
		running->immediate_exit = 1;
}

static void *run_thread(void *arg)
{
	struct runner *r = arg;

	running = r->v->run;
	while (!r->stop) {
		if (!ioctl(r->v->fd, KVM_RUN, 0))
			die("exit %s\n", exit_name(r->v->run->exit_reason));
		if (errno != EINTR && errno != EAGAIN)
			die("KVM_RUN: %s\n", strerror(errno));
	}
	r->v->run->immediate_exit = 0;
	return NULL;
}

static void start_ring(struct runner *r, struct vcpu **v)
{
	u32 i;

	for (i = 0; i < RING; i++) {
		r[i] = (struct runner){ .v = v[i] };
		v[i]->run->immediate_exit = 0;
		MUST(pthread_create(&r[i].thread, NULL, run_thread, &r[i]));
	}
}

static void stop_ring(struct runner *r)
{
	u32 i;

	for (i = 0; i < RING; i++) {
		r[i].stop = true;
		r[i].v->run->immediate_exit = 1;
		pthread_kill(r[i].thread, SIGUSR1);
	}
	for (i = 0; i < RING; i++)
		pthread_join(r[i].thread, NULL);
}

static void wait_turns(struct vm *vm, u64 n)
{
	u64 from = *GVAR(vm, turns);

	while (*GVAR(vm, turns) < from + n)
		usleep(1000);
}

static void ring_child(void *arg)
{
	struct runner *r = arg, mine[RING];
	struct vcpu *v[RING] = { r[0].v, r[1].v, r[2].v };
	struct twin t = twin_heir(v[0]->vm, v, RING);

	SAME(t.nr, RING);
	start_ring(mine, t.v);
	wait_turns(t.vm, 200);
	stop_ring(mine);
}

CASE_T(three_vcpus, 30)
{
	struct kvm_mp_state runnable = { KVM_MP_STATE_RUNNABLE };
	struct sigaction sa = { .sa_handler = out_of_guest };
	struct runner r[RING];
	struct vcpu *v[RING];
	struct vm *vm;
	pid_t pid[3];
	u32 i;

	need_fork();
	sigaction(SIGUSR1, &sa, NULL);
	vm = vm_new(VM_IRQCHIP);
	need_x2apic(vm->dev);
	for (i = 0; i < RING; i++) {
		v[i] = vcpu_new(vm, i);
		MUST(ioctl(v[i]->fd, KVM_SET_MP_STATE, &runnable));
		mode_long_arg(v[i], ring_guest, i);
	}
	start_ring(r, v);
	for (i = 0; i < 3; i++) {
		wait_turns(vm, 50 + i * 13);
		stop_ring(r);
		pid[i] = child_of(ring_child, r);
		start_ring(r, v);
	}
	wait_turns(vm, 200);
	stop_ring(r);
	for (i = 0; i < 3; i++)
		child_ends_well(pid[i]);
}

/* ---- chains ---- */

#define LINKS	20

static void chain_guest(void)
{
	volatile u64 *depth = (u64 *)GPA_FREE;
	u64 i;

	for (i = 1;; i++) {
		depth[i] = i;
		depth[0]++;
		guest_sync(i);
	}
}

struct link {
	struct vcpu *v;
	u32 depth;
	int out;
};

/* Each makes the next and ends before it: a child outlives its parents. */
static void chain_link(void *arg)
{
	struct link *l = arg;
	struct twin t = twin_heir(l->v->vm, &l->v, 1);
	struct link next = { .depth = l->depth + 1, .out = l->out };
	u64 *depth = (u64 *)(t.vm->ram + GPA_FREE), i;

	sync_to(t.v[0], l->depth);
	SAME(depth[0], l->depth);
	for (i = 1; i <= l->depth; i++)
		SAME(depth[i], i);
	if (l->depth < LINKS) {
		next.v = t.v[0];
		child_of(chain_link, &next);
	} else {
		SAME(write(l->out, "x", 1), 1);
	}
}

CASE_T(chain_of_20, 30)
{
	struct link l = { .depth = 2 };
	int end[2];
	char c;

	need_fork();
	MUST(pipe(end));
	l.out = end[1];
	l.v = vcpu_new(vm_new(VM_IRQCHIP | VM_PIT), 0);
	mode_long(l.v, chain_guest);
	sync_to(l.v, 1);
	child_ends_well(child_of(chain_link, &l));
	close(end[1]);
	SAME(read(end[0], &c, 1), 1);
	/* The first goes on where it was. */
	sync_to(l.v, 2);
	SAME(*(u64 *)(l.v->vm->ram + GPA_FREE), 2);
}

static void many_child(void *arg)
{
	struct vcpu *v = arg;
	struct twin t = twin_heir(v->vm, &v, 1);
	u32 i;

	for (i = 2; i < 12; i++)
		sync_to(t.v[0], i);
}

/* All of one, and while the first ones go on. */
CASE_T(family_of_10, 30)
{
	struct vcpu *v;
	pid_t pid[10];
	u32 i;

	need_fork();
	v = vcpu_new(vm_new(VM_IRQCHIP), 0);
	mode_long(v, chain_guest);
	sync_to(v, 1);
	for (i = 0; i < 10; i++)
		pid[i] = child_of(many_child, v);
	for (i = 2; i < 12; i++)
		sync_to(v, i);
	for (i = 0; i < 10; i++)
		child_ends_well(pid[i]);
}

/* ---- killed at any instant ---- */

static u32 seed = 20110404;

static u32 random_us(u32 below)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % below;
}

/* Forks without end; each child runs for a moment. */
static void fork_and_run(void *arg)
{
	struct vcpu *v = arg;
	struct twin t = twin_heir(v->vm, &v, 1);
	u32 i;

	for (i = 0; i < 50; i++)
		vcpu_exit(t.v[0]);
}

static void victim(void)
{
	struct vcpu *v = vcpu_new(vm_new(VM_IRQCHIP | VM_PIT), 0);

	setpgid(0, 0);
	mode_long(v, chain_guest);
	for (;;) {
		vcpu_exit(v);
		child_of(fork_and_run, v);
	}
}

/* All of the family at once, whatever each of them is doing. */
static int kill_family(u32 us)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = MUST(fork());
	if (!pid) {
		/* What a child says when its parent is gone is of no interest. */
		if (!freopen("/dev/null", "w", stdout))
			_exit(9);
		victim();
	}
	setpgid(pid, pid);
	usleep(us);
	MUST(kill(-pid, SIGKILL));
	MUST(waitpid(pid, &status, 0));
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static int vms_left(void)
{
	DIR *d = opendir("/sys/kernel/debug/ospite");
	struct dirent *e;
	int n = 0;

	if (!d)
		skip("no debugfs");
	while ((e = readdir(d)))
		n += strchr(e->d_name, '-') != NULL;
	closedir(d);
	return n;
}

/* Its last user may still be on its way out. */
static int vms_settle(void)
{
	int i;

	for (i = 0; i < 500 && vms_left(); i++)
		usleep(10000);
	return vms_left();
}

CASE_T(killed_40_times, 60)
{
	int i, killed = 0;

	need_fork();
	for (i = 0; i < 40; i++)
		killed += kill_family(random_us(i % 4 ? 30000 : 4000));
	EQ("killed", killed, 40);
	EQ("vms-left", vms_settle(), 0);
}
