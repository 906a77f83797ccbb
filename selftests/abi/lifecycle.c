// SPDX-License-Identifier: GPL-2.0
/*
 * lifecycle.c - nothing is left behind: not by a killed owner, not by the
 * module; and VMs go on while their threads and processors come and go.
 *
 * Loads and unloads the module under test, so it must have it to itself.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>

#include "lib/abi.h"
#include "lib/guest.h"
#include "lib/meminfo.h"

#define GPA 0x20000000ull

static const char *module_name(void)
{
	return abi_on_kvm() ? "kvm_intel" : "ospite";
}

static const char *module_file(void)
{
	const char *f = getenv("ABI_MODULE");

	if (f)
		return f;
	return abi_on_kvm() ? "/lib/modules/kvm-intel.ko" :
			      "/lib/modules/ospite.ko";
}

static int module_unload(void)
{
	return syscall(SYS_delete_module, module_name(), O_NONBLOCK);
}

static int module_load(void)
{
	int fd = open(module_file(), O_RDONLY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return -1;
	r = syscall(SYS_finit_module, fd, "", 0);
	close(fd);
	return r;
}

static long module_refs(void)
{
	char path[100];
	long n = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/module/%s/refcnt", module_name());
	f = fopen(path, "r");
	if (!f)
		return -1;
	if (fscanf(f, "%ld", &n) != 1)
		n = -1;
	fclose(f);
	return n;
}

/* The last reference may be dropped by a worker: wait, but not for ever. */
static long refs_settle(long want)
{
	struct timespec ms = { .tv_nsec = 10000000 };
	int i;

	for (i = 0; i < 500 && module_refs() != want; i++)
		nanosleep(&ms, NULL);
	return module_refs();
}

static void need_module(void)
{
	if (module_refs() < 0)
		skip("%s is no module here", module_name());
	if (access(module_file(), R_OK))
		skip("no %s to load again", module_file());
}

static void hello_guest(void)
{
	g_value("hello", 1, 1);
}

static void run_once(void)
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v = vcpu_new(vm, 0);

	mode_long(v, hello_guest);
	run_done(v);
	vcpu_free(v);
	vm_free(vm);
}

/* ---- killed at any instant ---- */

static void busy_guest(u64 id)
{
	volatile u64 *p = (u64 *)(GPA + id * 0x100000);
	u64 i = 0;
	u32 r[4];

	sti();
	for (;; i++) {
		p[i % 200 * 512] = i;
		if (i % 16 == 0)
			cpuid(0, 0, r);
		if (i % 64 == 0)
			guest_sync(i);
		if (i % 100 == 0)
			*(volatile u32 *)(u64)GPA_MMIO = i;
	}
}

static void *run_forever(void *arg)
{
	struct vcpu *v = arg;

	for (;;) {
		int e = vcpu_run(v);

		/* The slot comes and goes: EFAULT and MMIO are expected. */
		if (e && e != EINTR && e != EFAULT && e != EAGAIN)
			_exit(3);
	}
	return NULL;
}

/* What is killed: two vCPUs that run, and a thread that changes memory. */
static void victim(void)
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v;
	pthread_t t;
	void *p = vm_add_ram(vm, 1, GPA, 0x400000);
	u32 i;

	for (i = 0; i < 2; i++) {
		struct kvm_mp_state mp = { KVM_MP_STATE_RUNNABLE };

		v = vcpu_new(vm, i);
		ioctl(v->fd, KVM_SET_MP_STATE, &mp);
		mode_long_arg(v, busy_guest, i);
		pthread_create(&t, NULL, run_forever, v);
	}
	for (;;) {
		usleep(2000);
		madvise(p, 0x200000, MADV_DONTNEED);
		vm_slot(vm, 2, 0, 2 * GPA, 0x100000, p);
		vm_slot(vm, 2, 0, 0, 0, NULL);
	}
}

static u32 seed = 20110404;

static u32 random_us(u32 below)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % below;
}

static int kill_one(u32 us)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		victim();
		_exit(0);
	}
	usleep(us);
	MUST(kill(pid, SIGKILL));
	MUST(waitpid(pid, &status, 0));
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

CASE_T(killed_200_times, 200)
{
	long refs = module_refs(), slab, free_kb, lost;
	int i, killed = 0;

	/* The first ones fill the caches of the kernel. */
	for (i = 0; i < 20; i++)
		killed += kill_one(random_us(30000));
	refs_settle(refs);
	shrink_slabs();
	slab = meminfo("SUnreclaim");
	free_kb = idle_memory();
	for (i = 0; i < 180; i++)
		killed += kill_one(random_us(i % 4 ? 30000 : 4000));
	EQ("killed", killed, 200);
	EQ("references", refs_settle(refs), refs);
	EQ("vms-left", debugfs_vms(), 0);
	shrink_slabs();
	lost = meminfo("SUnreclaim") - slab;
	note("unreclaimable slab grew by %ld KiB\n", lost);
	CHECK(lost < 3000, "%ld KiB of slab are lost\n", lost);
	lost = free_kb - idle_memory();
	note("available memory shrank by %ld KiB\n", lost);
	CHECK(lost < 6000, "%ld KiB of memory are lost\n", lost);
	run_once();
}

/* A child that inherited the fds keeps the VM, not its memory's owner. */
CASE(owner_dies_first)
{
	long refs = module_refs();
	int up[2], go[2], status;
	pid_t owner, heir = 0;
	char c;

	MUST(pipe(up));
	MUST(pipe(go));
	fflush(stdout);
	owner = fork();
	if (!owner) {
		struct vm *vm = vm_new(0);
		struct vcpu *v = vcpu_new(vm, 0);
		struct kvm_regs r;

		mode_long(v, hello_guest);
		run_done(v);
		if (!fork()) {
			heir = getpid();
			MUST(write(up[1], &heir, sizeof(heir)));
			MUST(read(go[0], &c, 1));
			ERR("heir-get-regs", ioctl(v->fd, KVM_GET_REGS, &r),
			    EIO);
			fflush(stdout);
			MUST(write(up[1], "x", 1));
			MUST(read(go[0], &c, 1));
			_exit(0);
		}
		pause();
	}
	SAME(read(up[0], &heir, sizeof(heir)), sizeof(heir));
	MUST(kill(owner, SIGKILL));
	MUST(waitpid(owner, &status, 0));
	MUST(write(go[1], "x", 1));
	SAME(read(up[0], &c, 1), 1);
	if (refs >= 0)
		CHECK(module_refs() > refs, "the heir holds no reference\n");
	MUST(write(go[1], "x", 1));
	EQ("references-at-end", refs_settle(refs) == refs, 1);
}

/* ---- the module ---- */

CASE(no_unload_with_a_vm)
{
	struct vm *vm;

	need_module();
	vm = vm_new(0);
	SAME(module_unload(), -1);
	CHECK(errno == EAGAIN || errno == EBUSY, "unload: %s\n",
	      strerror(errno));
	obs("unload", "refused");
	vm_free(vm);
	run_once();
}

CASE_T(reload_20_times, 240)
{
	int i, n = 0;

	need_module();
	for (i = 0; i < 20; i++) {
		refs_settle(0);
		if (module_unload())
			die("unload %d: %s\n", i, strerror(errno));
		CHECK(access(abi_dev(), F_OK), "%s is still there\n", abi_dev());
		if (module_load())
			die("load %d: %s\n", i, strerror(errno));
		run_once();
		n++;
	}
	EQ("reloads", n, 20);
}

/* ---- KVM and Ospite on one machine ---- */

static const char *other_dev(void)
{
	const char *other = abi_on_kvm() ? "/dev/ospite" : "/dev/kvm";

	if (access(other, R_OK | W_OK))
		skip("no %s beside this one", other);
	return other;
}

CASE(vmx_has_one_owner)
{
	int fd = MUST(open(other_dev(), O_RDWR));
	int mine = dev_open(), vm, e;

	/* From 6.12 KVM may hold VMX from its loading on. */
	vm = ioctl(fd, KVM_CREATE_VM, 0);
	if (vm < 0)
		die("the other one makes no VM: %s\n", strerror(errno));
	e = ioctl(mine, KVM_CREATE_VM, 0) < 0 ? errno : 0;
	EQ("while-the-other-has-a-vm", e, EBUSY);
	close(vm);
	close(fd);
	run_once();
}

CASE(other_one_after_us)
{
	int fd = MUST(open(other_dev(), O_RDWR)), vm;
	struct vm *m = vm_new(0);

	vm = ioctl(fd, KVM_CREATE_VM, 0);
	EQ("while-we-have-a-vm", vm < 0 ? errno : 0, EBUSY);
	vm_free(m);
	refs_settle(0);
	vm = ioctl(fd, KVM_CREATE_VM, 0);
	CHECK(vm >= 0, "after our last VM: %s\n", strerror(errno));
	close(vm);
	close(fd);
	run_once();
}

CASE(kvm_works_after_our_unload)
{
	char me[200];
	int status;
	ssize_t n;
	pid_t pid;

	if (abi_on_kvm())
		skip("KVM itself is under test");
	need_module();
	other_dev();
	run_once();
	refs_settle(0);
	MUST(module_unload());
	n = readlink("/proc/self/exe", me, sizeof(me) - 1);
	me[n > 0 ? n : 0] = 0;
	fflush(stdout);
	pid = fork();
	if (!pid) {
		if (!freopen("/dev/null", "w", stdout))
			_exit(9);
		execl(me, me, "--dev", "/dev/kvm", "owner_dies_first", NULL);
		_exit(8);
	}
	MUST(waitpid(pid, &status, 0));
	EQ("status-on-kvm", status, 0);
	MUST(module_load());
	run_once();
}

/* ---- CPUs come and go ---- */

static volatile u64 laps[2], bad[2];

/* Keeps values in every general register and in memory, and checks them. */
static void lap_guest(u64 id)
{
	volatile u64 *p = (u64 *)(GPA + id * 0x10000);
	u64 i, sum, want;

	sti();
	for (;;) {
		sum = 0;
		for (i = 0; i < 400; i++) {
			p[i * 8] = laps[id] + i;
			sum += p[i * 8] ^ id;
		}
		want = 0;
		for (i = 0; i < 400; i++)
			want += (laps[id] + i) ^ id;
		bad[id] += sum != want;
		asm volatile("mov %1, %%r8; mov %1, %%r9; mov %1, %%r10\n\t"
			     "mov %1, %%r11; mov %1, %%r12; mov %1, %%r13\n\t"
			     "movq %1, %%xmm5; mov $2000, %%ecx\n"
			     "1: pause; dec %%ecx; jnz 1b\n\t"
			     "movq %%xmm5, %%rcx\n\t"
			     "cmp %%rcx, %%r8; jne 2f; cmp %%rcx, %%r9; jne 2f\n\t"
			     "cmp %%rcx, %%r10; jne 2f; cmp %%rcx, %%r11; jne 2f\n\t"
			     "cmp %%rcx, %%r12; jne 2f; cmp %%rcx, %%r13; je 3f\n"
			     "2: incq %0\n3:"
			     : "+m"(bad[id]) : "r"(sum)
			     : "rcx", "r8", "r9", "r10", "r11", "r12", "r13",
			       "memory", "cc");
		laps[id]++;
		if (laps[id] % 8 == 0)
			guest_sync(id);
	}
}

struct lapper {
	struct vcpu *v;
	volatile bool stop;
	pid_t tid;
};

static void *lap_thread(void *arg)
{
	struct lapper *l = arg;

	l->tid = syscall(SYS_gettid);
	while (!l->stop) {
		u32 reason = vcpu_exit(l->v);

		if (reason != KVM_EXIT_IO)
			die("exit %s\n", exit_name(reason));
	}
	return NULL;
}

static void start_laps(struct vm *vm, struct lapper *l, pthread_t *t)
{
	u32 i;

	vm_add_ram(vm, 1, GPA, 0x20000);
	for (i = 0; i < 2; i++) {
		l[i] = (struct lapper){ .v = vcpu_new(vm, i) };
		mode_long_arg(l[i].v, lap_guest, i);
		MUST(pthread_create(&t[i], NULL, lap_thread, &l[i]));
		while (!*(volatile pid_t *)&l[i].tid)
			sched_yield();
	}
}

static void wait_laps(struct vm *vm, u64 n)
{
	u64 a = *GVAR(vm, laps[0]), b = *GVAR(vm, laps[1]);

	while (*GVAR(vm, laps[0]) < a + n || *GVAR(vm, laps[1]) < b + n)
		usleep(1000);
}

static void stop_laps(struct vm *vm, struct lapper *l, pthread_t *t)
{
	u32 i;

	for (i = 0; i < 2; i++) {
		l[i].stop = true;
		pthread_join(t[i], NULL);
	}
	EQ("bad-0", *GVAR(vm, bad[0]), 0);
	EQ("bad-1", *GVAR(vm, bad[1]), 0);
}

CASE_T(migration, 60)
{
	struct vm *vm;
	struct lapper l[2];
	pthread_t t[2];
	int i;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		skip("one processor only");
	vm = vm_new(0);
	start_laps(vm, l, t);
	for (i = 0; i < 100; i++) {
		MUST(pin_thread(l[0].tid, i & 1));
		MUST(pin_thread(l[1].tid, ~i & 1));
		wait_laps(vm, 2);
	}
	stop_laps(vm, l, t);
}

static int cpu1_online(const char *to)
{
	int fd = open("/sys/devices/system/cpu/cpu1/online", O_WRONLY);
	int r;

	if (fd < 0)
		return -1;
	r = write(fd, to, 1) == 1 ? 0 : -1;
	close(fd);
	return r;
}

CASE_T(cpu_hotplug, 90)
{
	struct vm *vm, *other;
	struct lapper l[2];
	struct vcpu *v;
	pthread_t t[2];
	int i;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		skip("one processor only");
	if (access("/sys/devices/system/cpu/cpu1/online", W_OK))
		skip("CPU 1 cannot be taken off-line");
	vm = vm_new(0);
	start_laps(vm, l, t);
	for (i = 0; i < 3; i++) {
		wait_laps(vm, 5);
		MUST(cpu1_online("0"));
		wait_laps(vm, 5);
		/* A VM made meanwhile runs on CPU 1 when it is back. */
		other = vm_new(0);
		v = vcpu_new(other, 0);
		MUST(cpu1_online("1"));
		MUST(pin_thread(0, 1));
		run_guest(v, hello_guest);
		MUST(pin_thread(0, 0));
		vcpu_free(v);
		vm_free(other);
		MUST(pin_thread(l[0].tid, 1));
		wait_laps(vm, 5);
	}
	stop_laps(vm, l, t);
}

/* VMX is off on a processor that comes up while there is no VM. */
CASE_T(hotplug_without_vm, 30)
{
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		skip("one processor only");
	if (access("/sys/devices/system/cpu/cpu1/online", W_OK))
		skip("CPU 1 cannot be taken off-line");
	MUST(cpu1_online("0"));
	run_once();
	MUST(cpu1_online("1"));
	MUST(pin_thread(0, 1));
	run_once();
	MUST(pin_thread(0, 0));
	run_once();
}
