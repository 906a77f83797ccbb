// SPDX-License-Identifier: GPL-2.0
/*
 * isolation.c - guest and host never see each other's registers.
 *
 * Several vCPUs, each in a thread of its own, fill their FPU, vector, debug and
 * model-specific registers with patterns of their own and check them at each
 * turn; so do the threads that run them, around each KVM_RUN.  With more vCPUs
 * than processors, whoever restores too little is seen by another.
 */
#include <asm/prctl.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <sys/syscall.h>

#include "lib/abi.h"
#include "lib/guest.h"

#define VCPUS 4
#define TURNS 60

struct vec {
	u64 q[4];
} __attribute__((aligned(32)));

static volatile u64 wrong[VCPUS], turns[VCPUS], first_seen[VCPUS];
/* A name for each kind of register, as a bit of wrong[]. */
enum { W_VEC = 1, W_X87 = 2, W_MXCSR = 4, W_DR = 8, W_MSR = 16, W_XCR0 = 32,
       W_PKRU = 64, W_FIRST = 128 };

static volatile u64 has_avx, has_pku;

/* ---- vector registers, both sides ---- */

#define EACH16(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) \
	X(11) X(12) X(13) X(14) X(15)

static void vec_load(const struct vec *v, u64 avx)
{
#define LD_Y(n) "vmovdqa " #n "*32(%0), %%ymm" #n "\n\t"
#define LD_X(n) "movdqa " #n "*32(%0), %%xmm" #n "\n\t"
	if (avx)
		asm volatile(EACH16(LD_Y) : : "r"(v) : "memory");
	else
		asm volatile(EACH16(LD_X) : : "r"(v) : "memory");
}

static void vec_store(struct vec *v, u64 avx)
{
#define ST_Y(n) "vmovdqa %%ymm" #n ", " #n "*32(%0)\n\t"
#define ST_X(n) "movdqa %%xmm" #n ", " #n "*32(%0)\n\t"
	if (avx)
		asm volatile(EACH16(ST_Y) : : "r"(v) : "memory");
	else
		asm volatile(EACH16(ST_X) : : "r"(v) : "memory");
}

static u64 pattern(u64 id, u64 reg, u64 part)
{
	return (id + 1) * 0x0101010101010101 ^ reg << 56 ^ part << 48;
}

static void vec_fill(struct vec *v, u64 id)
{
	u64 i, j;

	for (i = 0; i < 16; i++)
		for (j = 0; j < 4; j++)
			v[i].q[j] = pattern(id, i, j);
}

static u64 vec_wrong(const struct vec *v, u64 id, u64 avx)
{
	u64 i, j, bad = 0;

	for (i = 0; i < 16; i++)
		for (j = 0; j < (avx ? 4 : 2); j++)
			bad += v[i].q[j] != pattern(id, i, j);
	return bad;
}

static u64 vec_nonzero(const struct vec *v, u64 avx)
{
	u64 i, j, bad = 0;

	for (i = 0; i < 16; i++)
		for (j = 0; j < (avx ? 4 : 2); j++)
			bad += v[i].q[j] != 0;
	return bad;
}

static u64 xgetbv0(void)
{
	u32 lo, hi;

	asm volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
	return (u64)hi << 32 | lo;
}

static u32 rdpkru(void)
{
	u32 v;

	asm volatile(".byte 0x0f, 0x01, 0xee" : "=a"(v) : "c"(0) : "rdx");
	return v;
}

static void wrpkru(u32 v)
{
	asm volatile(".byte 0x0f, 0x01, 0xef" : : "a"(v), "c"(0), "d"(0));
}

/* ---- the guest ---- */

static const u32 msrs[] = {
	0x174, 0x175, 0x176, 0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084,
	0xc0000100, 0xc0000101, 0xc0000102, 0xc0000103, 0x277,
};

static u64 msr_val(u64 id, u32 i)
{
	if (msrs[i] == 0xc0000103 || msrs[i] == 0xc0000084)
		return 0x1000 + id * 16 + i;
	if (msrs[i] == 0x277)
		return 0x0007040600070406 ^ (id & 1) << 8;
	return 0x10000 + id * 0x1000 + i * 8;
}

static u64 get_msr_raw(u32 msr)
{
	u32 lo, hi;

	asm volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
	return (u64)hi << 32 | lo;
}

static void guest_fill(u64 id, const struct vec *v)
{
	u32 i, mx = 0x1f80 | (u32)(id & 3) << 13;

	vec_load(v, has_avx);
	asm volatile("fninit; fldpi" : : : "memory");
	asm volatile("ldmxcsr %0" : : "m"(mx));
	for (i = 0; i < ARRAY_LEN(msrs); i++)
		asm volatile("wrmsr" : : "c"(msrs[i]), "a"((u32)msr_val(id, i)),
			     "d"((u32)(msr_val(id, i) >> 32)));
	asm volatile("mov %0, %%db0" : : "r"(0x1000 + id));
	asm volatile("mov %0, %%db3" : : "r"(0x3000 + id));
	asm volatile("mov %0, %%db7" : : "r"(0x400ull | (id & 1) << 6 |
					     0xdull << 28));
	if (has_pku)
		wrpkru(0x10 << id);
}

static u64 guest_check(u64 id, struct vec *v)
{
	u64 w = 0, dr0, dr3, dr7;
	u32 i, mx;
	u16 fsw;

	vec_store(v, has_avx);
	if (vec_wrong(v, id, has_avx))
		w |= W_VEC;
	asm volatile("fnstsw %0" : "=m"(fsw));
	if ((fsw >> 11 & 7) != 7)
		w |= W_X87;
	asm volatile("stmxcsr %0" : "=m"(mx));
	if ((mx & 0xffc0) != (0x1f80 | (u32)(id & 3) << 13))
		w |= W_MXCSR;
	asm volatile("mov %%db0, %0; mov %%db3, %1; mov %%db7, %2"
		     : "=r"(dr0), "=r"(dr3), "=r"(dr7));
	if (dr0 != 0x1000 + id || dr3 != 0x3000 + id ||
	    dr7 != (0x400ull | (id & 1) << 6 | 0xdull << 28))
		w |= W_DR;
	for (i = 0; i < ARRAY_LEN(msrs); i++)
		if (get_msr_raw(msrs[i]) != msr_val(id, i))
			w |= W_MSR;
	if (xgetbv0() != (has_avx ? 7 : 3) && !has_pku)
		w |= W_XCR0;
	if (has_pku && rdpkru() != (u32)0x10 << id)
		w |= W_PKRU;
	return w;
}

static void guest_enable(void)
{
	u64 xcr0 = (has_avx ? 7 : 3) | (has_pku ? 0x200 : 0);
	u64 cr4;

	asm volatile("mov %%cr4, %0" : "=r"(cr4));
	cr4 |= BIT(18) | (has_pku ? BIT(22) : 0);
	asm volatile("mov %0, %%cr4" : : "r"(cr4));
	asm volatile("xsetbv" : : "c"(0), "a"((u32)xcr0), "d"(0));
}

static void iso_guest(u64 id)
{
	struct vec v[16], mine[16];
	u64 i, j;

	guest_enable();
	vec_store(v, has_avx);
	if (vec_nonzero(v, has_avx))
		wrong[id] |= W_FIRST;
	first_seen[id] = v[0].q[0];
	vec_fill(mine, id);
	guest_fill(id, mine);
	sti();
	for (i = 0; i < TURNS; i++) {
		outl(PORT_SYNC, i);
		wrong[id] |= guest_check(id, v);
		/* Long enough to be preempted now and then. */
		for (j = 0; j < (i % 8 ? 10 : 20000); j++)
			asm volatile("pause");
		wrong[id] |= guest_check(id, v);
		turns[id]++;
	}
	guest_done();
}

/* ---- the host ---- */

#define HOST_ID 0x60

struct runner {
	struct vcpu *v;
	u64 wrong;
	u32 exits;
	bool avx, pku;
};

/* KVM_RUN with this thread's registers filled before and read after. */
static long run_filled(struct vcpu *v, const struct vec *in, struct vec *out,
		       bool avx)
{
	long ret;

	vec_load(in, avx);
	asm volatile("syscall" : "=a"(ret)
		     : "a"(SYS_ioctl), "D"(v->fd), "S"(KVM_RUN), "d"(0)
		     : "rcx", "r11", "memory");
	vec_store(out, avx);
	return ret;
}

static u64 host_msrs_wrong(void *gs)
{
	unsigned int cpu, aux, node;
	unsigned long got = 0;
	u64 w = 0;
	int i;

	syscall(SYS_arch_prctl, ARCH_GET_GS, &got);
	if (got != (unsigned long)gs)
		w |= W_MSR;
	for (i = 0; i < 3; i++) {
		/* Migration between the two may excuse one mismatch. */
		syscall(SYS_getcpu, &cpu, &node, NULL);
		asm volatile("rdtscp" : "=c"(aux) : : "rax", "rdx");
		if ((aux & 0xfff) == cpu)
			break;
	}
	if (i == 3 && host_cpu_has(0x80000001, 0, 3, 27))
		w |= W_MSR;
	return w;
}

static void host_turn(struct runner *r, const struct vec *in, void *gs)
{
	u32 mx = 0x1f80 | 3 << 13, got_mx;
	struct vec out[16];
	u64 xcr0 = xgetbv0();
	u16 fcw = 0x27f, got_fcw;
	long ret;

	asm volatile("fninit; fldcw %0; ldmxcsr %1" : : "m"(fcw), "m"(mx));
	if (r->pku)
		wrpkru(0x55555550);
	ret = run_filled(r->v, in, out, r->avx);
	asm volatile("fnstcw %0; stmxcsr %1" : "=m"(got_fcw), "=m"(got_mx));
	if (r->pku && rdpkru() != 0x55555550)
		r->wrong |= W_PKRU;
	mx = 0x1f80;
	asm volatile("ldmxcsr %0" : : "m"(mx));
	if (ret && ret != -EINTR)
		die("KVM_RUN: %s\n", strerror(-ret));
	if (vec_wrong(out, HOST_ID + r->v->id, r->avx))
		r->wrong |= W_VEC;
	if (got_fcw != fcw)
		r->wrong |= W_X87;
	if ((got_mx & 0xffc0) != (0x1f80 | 3 << 13))
		r->wrong |= W_MXCSR;
	if (xgetbv0() != xcr0)
		r->wrong |= W_XCR0;
	r->wrong |= host_msrs_wrong(gs);
	r->exits++;
}

static void *run_thread(void *arg)
{
	struct runner *r = arg;
	struct vec in[16];
	static char gs_area[VCPUS][64];
	void *gs = gs_area[r->v->id];

	syscall(SYS_arch_prctl, ARCH_SET_GS, gs);
	vec_fill(in, HOST_ID + r->v->id);
	do {
		host_turn(r, in, gs);
	} while (r->exits < 10000 && !is_done(r->v) &&
		 (r->v->run->exit_reason == KVM_EXIT_IO ||
		  r->v->run->exit_reason == KVM_EXIT_INTR));
	return NULL;
}

static void set_features(struct vm *vm, struct runner *r)
{
	struct kvm_cpuid2 *c = supported_cpuid(vm->dev);
	struct kvm_cpuid_entry2 *e1 = cpuid_entry(c, 1, 0);
	struct kvm_cpuid_entry2 *e7 = cpuid_entry(c, 7, 0);

	if (!(e1->ecx >> 26 & 1) || !host_cpu_has(1, 0, 2, 27))
		skip("XSAVE is not supported");
	*GVAR(vm, has_avx) = e1->ecx >> 28 & 1;
	*GVAR(vm, has_pku) = e7 && e7->ecx >> 3 & 1;
	r->avx = (xgetbv0() & 7) == 7;
	r->pku = host_cpu_has(7, 0, 2, 4);
	obs("avx", "%d", r->avx);
	obs("pku", "%d", r->pku);
}

CASE_T(registers, 60)
{
	struct vm *vm = vm_new(0);
	struct runner r[VCPUS] = { 0 };
	pthread_t t[VCPUS];
	char name[32];
	u32 i;

	set_features(vm, &r[0]);
	for (i = 0; i < VCPUS; i++) {
		r[i].avx = r[0].avx;
		r[i].pku = r[0].pku;
		r[i].v = vcpu_new(vm, i);
		mode_long_arg(r[i].v, iso_guest, i);
	}
	for (i = 0; i < VCPUS; i++)
		MUST(pthread_create(&t[i], NULL, run_thread, &r[i]));
	for (i = 0; i < VCPUS; i++)
		pthread_join(t[i], NULL);
	for (i = 0; i < VCPUS; i++) {
		snprintf(name, sizeof(name), "vcpu%u-guest-wrong", i);
		EQ(name, *GVAR(vm, wrong[i]), 0);
		snprintf(name, sizeof(name), "vcpu%u-host-wrong", i);
		EQ(name, r[i].wrong, 0);
		SAME(*GVAR(vm, turns[i]), TURNS);
	}
}

/*
 * The guest's breakpoints do not fire in the host nor the host's in the guest:
 * a perf breakpoint of this process counts only its own stores, though the
 * guest stores to the same linear address.
 */
static volatile u64 watched;

static void store_guest(void)
{
	u64 i;

	asm volatile("mov %0, %%db1" : : "r"((uintptr_t)&g_irqs[5]));
	asm volatile("mov %0, %%db7" : : "r"(0x400ull | 8 | 0xdull << 20));
	for (i = 0; i < 50; i++) {
		watched = i;
		if (i % 10 == 0)
			guest_sync(i);
	}
	g_value("stored", watched, 49);
	g_value("no-debug-exception", g_traps, 0);
	/* The guest's own breakpoint still works. */
	g_fix = 0;
	G_TRY("movq $1, %0; nop", : "=m"(g_irqs[5]) : : "memory");
	g_fault("own-breakpoint", 1);
}

static int open_breakpoint(volatile void *addr)
{
	struct perf_event_attr a = {
		.type = PERF_TYPE_BREAKPOINT, .size = sizeof(a),
		.bp_type = HW_BREAKPOINT_W, .bp_addr = (uintptr_t)addr,
		.bp_len = HW_BREAKPOINT_LEN_8, .exclude_hv = 1,
		.exclude_kernel = 1,
	};

	return syscall(SYS_perf_event_open, &a, 0, -1, -1, 0);
}

CASE(breakpoints)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	int fd = open_breakpoint(&watched);
	u64 count = 0, mine = 0;
	u32 val;

	if (fd < 0)
		skip("no hardware breakpoints for this process: %s",
		     strerror(errno));
	mode_long(v, store_guest);
	while (vcpu_exit(v) == KVM_EXIT_IO && is_sync(v, &val)) {
		watched = val;
		*(volatile u64 *)&g_irqs[5] = val;
		mine++;
	}
	CHECK(is_done(v), "exit %s\n", exit_name(v->run->exit_reason));
	SAME(read(fd, &count, 8), 8);
	EQ("host-stores", mine, 5);
	EQ("host-breakpoint-hits", count, 5);
	check_log(vm);
}

/* System calls go on through the host's own entry while the guest's differ. */
static void syscall_guest(void)
{
	u64 i;

	for (i = 0; i < 20; i++) {
		wrmsr(0xc0000081, 0x0badull << 32);
		wrmsr(0xc0000082, 0x1000 + i);
		wrmsr(0xc0000084, ~0u);
		wrmsr(0x176, 0x1000 + i);
		wrmsr(0xc0000080, rdmsr(0xc0000080) ^ 1);
		guest_sync(i);
	}
	g_value("lstar", rdmsr(0xc0000082), 0x1013);
	g_value("efer-sce", rdmsr(0xc0000080) & 1, 1);
}

/* The 32-bit entry by INT 0x80, where the kernel has one: getpid is 20 there. */
static int getpid_by_int80(void)
{
	u64 ret;

	asm volatile("int $0x80" : "=a"(ret) : "a"(20)
		     : "r8", "r9", "r10", "r11", "memory");
	return ret;
}

static void no_int80(int sig)
{
	_exit(1);
}

/* A kernel without CONFIG_IA32_EMULATION answers by a signal. */
static bool int80_works(void)
{
	pid_t child = MUST(fork());
	int status;

	if (!child) {
		signal(SIGSEGV, no_int80);
		_exit(getpid_by_int80() == getpid() ? 0 : 1);
	}
	MUST(waitpid(child, &status, 0));
	return WIFEXITED(status) && !WEXITSTATUS(status);
}

CASE(system_calls)
{
	bool int80 = int80_works();
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	pid_t self = getpid();
	u64 calls = 0;
	u32 val;

	mode_long(v, syscall_guest);
	while (vcpu_exit(v) == KVM_EXIT_IO && is_sync(v, &val)) {
		SAME(syscall(SYS_getpid), self);
		if (int80)
			SAME(getpid_by_int80(), self);
		calls++;
	}
	EQ("turns", calls, 20);
	CHECK(is_done(v), "exit %s\n", exit_name(v->run->exit_reason));
	check_log(vm);
}
