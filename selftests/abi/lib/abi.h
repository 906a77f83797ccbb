/* SPDX-License-Identifier: GPL-2.0 */
/*
 * abi.h - the host side of the ABI tests: cases, observations, VMs and vCPUs.
 *
 * A program is a set of CASEs.  Each runs in a child of its own with a time
 * limit, so that one which hangs or dies costs only itself.  A case both
 * asserts what it saw (EQ, CHECK) and prints it as `# obs CASE: NAME = VALUE`;
 * the same program run on /dev/kvm and on /dev/ospite must print the same
 * observations.
 */
#ifndef ABI_H
#define ABI_H

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "types.h"

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* ---- cases ---- */

/**
 * struct abi_case - one test point
 * @name: as reported
 * @fn: returns when it is through; SKIP() ends it early
 * @secs: time limit in (emulated) seconds; a slow_kernel() has some times that
 * @next: set by abi_register()
 */
struct abi_case {
	const char *name;
	void (*fn)(void);
	unsigned int secs;
	struct abi_case *next;
};

#define CASE_T(f, limit)						\
	static void f(void);						\
	static struct abi_case case_##f = {				\
		.name = #f, .fn = f, .secs = (limit) };			\
	__attribute__((constructor)) static void reg_##f(void)		\
	{ abi_register(&case_##f); }					\
	static void f(void)

#define CASE(f) CASE_T(f, 10)

void abi_register(struct abi_case *c);
const char *abi_dev(void);
bool abi_on_kvm(void);
bool slow_kernel(void);
unsigned int repeat(unsigned int times);

/* ---- what a case says ---- */

__attribute__((format(printf, 2, 3)))
void obs(const char *name, const char *fmt, ...);
__attribute__((format(printf, 1, 2)))
void note(const char *fmt, ...);
__attribute__((format(printf, 1, 2)))
void fail(const char *fmt, ...);
unsigned int failures_of(void (*fn)(void));
__attribute__((format(printf, 1, 2), noreturn))
void die(const char *fmt, ...);
__attribute__((format(printf, 1, 2), noreturn))
void skip(const char *fmt, ...);

#define CHECK(cond, ...) do { if (!(cond)) fail(__VA_ARGS__); } while (0)

void eq_at(int line, const char *name, u64 got, u64 want);
/* EQ: asserts and observes; SAME: asserts without an observation */
#define EQ(name, got, want) eq_at(__LINE__, name, (u64)(got), (u64)(want))
#define SAME(got, want) do {						\
	u64 g_ = (u64)(got), w_ = (u64)(want);				\
	if (g_ != w_)							\
		fail("line %d: %s is %#llx, not %#llx\n", __LINE__, #got,	\
		     (unsigned long long)g_, (unsigned long long)w_);	\
} while (0)

void err_at(int line, const char *name, long ret, int want);
/* ERR: the call must fail with errno WANT, or succeed if WANT is 0 */
#define ERR(name, call, want) do {					\
	long r_;							\
	errno = 0;							\
	r_ = (call);							\
	err_at(__LINE__, name, r_, want);				\
} while (0)

/* MUST: set-up that a case cannot go on without */
#define MUST(call) ({							\
	long r_ = (long)(call);						\
	if (r_ == -1)							\
		die("line %d: %s: %s\n", __LINE__, #call, strerror(errno)); \
	r_; })

const char *errno_name(int e);
const char *exit_name(u32 reason);
const char *vec_name(int vec);

/* ---- VMs ---- */

/**
 * struct vm - a VM under test
 * @dev: the device's file descriptor
 * @fd: the VM's
 * @ram: slot 0, mapped at guest-physical 0
 * @run_size: of the mapping of a vCPU
 */
struct vm {
	int dev;
	int fd;
	u8 *ram;
	size_t run_size;
};

/**
 * struct vcpu - a vCPU under test
 * @vm: its VM
 * @fd: its file descriptor
 * @id: its number
 * @run: the shared page
 */
struct vcpu {
	struct vm *vm;
	int fd;
	u32 id;
	struct kvm_run *run;
};

#define VM_IRQCHIP	1	/* in-kernel APICs and PICs */
#define VM_PIT		2	/* and the PIT */
#define VM_BARE		4	/* no memory */

int dev_open(void);
int dev_cap(int cap);
bool host_cpu_has(u32 leaf, u32 sub, int reg, int bit);
struct kvm_cpuid2 *supported_cpuid(int dev);
struct kvm_cpuid_entry2 *cpuid_entry(struct kvm_cpuid2 *c, u32 leaf, u32 sub);
void need_x2apic(int dev);

struct vm *vm_new(unsigned int flags);
void vm_free(struct vm *vm);
int vm_slot(struct vm *vm, u32 slot, u32 flags, u64 gpa, u64 size, void *hva);
void *vm_add_ram(struct vm *vm, u32 slot, u64 gpa, u64 size);
#define GVAR(vm, v) ((__typeof__(&(v)))((vm)->ram + (uintptr_t)&(v)))

struct vcpu *vcpu_new(struct vm *vm, u32 id);
struct vcpu *vcpu_raw(struct vm *vm, u32 id);
void vcpu_free(struct vcpu *v);
void get_regs(struct vcpu *v, struct kvm_regs *r);
void set_regs(struct vcpu *v, const struct kvm_regs *r);
void get_sregs(struct vcpu *v, struct kvm_sregs *s);
void set_sregs(struct vcpu *v, const struct kvm_sregs *s);
int set_msr(struct vcpu *v, u32 index, u64 val);
int get_msr(struct vcpu *v, u32 index, u64 *val);

/* ---- modes: put a vCPU into one, at RIP ---- */

void mode_real(struct vcpu *v, u16 cs, u16 ip);
void mode_prot32(struct vcpu *v, u32 eip);
void mode_long(struct vcpu *v, void (*fn)(void));
void mode_long_arg(struct vcpu *v, void (*fn)(u64), u64 arg);
void load_blob(struct vm *vm, u32 gpa, const u8 *start, const u8 *end);

/* ---- running ---- */

int vcpu_run(struct vcpu *v);
void heed_panic(struct vcpu *v);
u32 vcpu_exit(struct vcpu *v);
bool is_done(struct vcpu *v);
bool is_sync(struct vcpu *v, u32 *val);
void expect_exit(struct vcpu *v, const char *name, u32 reason);
void run_done(struct vcpu *v);
void run_guest(struct vcpu *v, void (*fn)(void));
void check_log(struct vm *vm);
void clear_log(struct vm *vm);
void kick_after(unsigned int usecs);
void no_kick(void);
int pin_thread(pid_t tid, int cpu);

#endif
