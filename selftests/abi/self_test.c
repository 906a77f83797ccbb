// SPDX-License-Identifier: GPL-2.0
/*
 * self_test.c - the tests can fail.
 *
 * Each case breaks something on purpose, runs what another test runs, and
 * passes only if that noticed.
 */
#include "lib/abi.h"
#include "lib/guest.h"

static void wrong_errno(void)
{
	ERR("unknown", ioctl(dev_open(), KVM_CREATE_VM, 1000), 0);
}

static void wrong_equal(void)
{
	EQ("api", ioctl(dev_open(), KVM_GET_API_VERSION, 0), 11);
}

CASE(host_assertions)
{
	CHECK(failures_of(wrong_errno) == 1, "a wrong errno passed\n");
	CHECK(failures_of(wrong_equal) == 1, "a wrong value passed\n");
}

static void ud_guest(void)
{
	G_INSN("ud2");
	g_fault("ud2", NOFAULT);
	G_INSN("nop");
	g_fault("nop", 6);
	rdmsr(0xdeadbeef);
	g_fault_err("error-code", 13, 8);
	g_value("value", READ_CR(0), 0);
}

static void wrong_vectors(void)
{
	struct vm *vm = vm_new(0);

	run_guest(vcpu_new(vm, 0), ud_guest);
}

static void nothing_guest(void)
{
}

static void silent(void)
{
	struct vm *vm = vm_new(0);

	run_guest(vcpu_new(vm, 0), nothing_guest);
}

static void panic_guest(void)
{
	*(volatile u8 *)0x4000000000 = 1;
}

static void panics(void)
{
	struct vm *vm = vm_new(0);

	run_guest(vcpu_new(vm, 0), panic_guest);
}

CASE(guest_assertions)
{
	EQ("wrong-vectors", failures_of(wrong_vectors), 4);
	CHECK(failures_of(silent), "a guest that noted nothing passed\n");
	CHECK(failures_of(panics), "an unexpected exception passed\n");
}

/* With bits of CPUID that are not there a guest sees other rules. */
static void xsave_guest(void)
{
	WRITE_CR(4, READ_CR(4) | BIT(18));
	g_fault("osxsave", NOFAULT);
}

static void without_xsave(void)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_raw(vm, 0);
	struct kvm_cpuid2 *c = supported_cpuid(vm->dev);

	cpuid_entry(c, 1, 0)->ecx &= ~BIT(26);
	MUST(ioctl(v->fd, KVM_SET_CPUID2, c));
	run_guest(v, xsave_guest);
}

CASE(cpuid_matters)
{
	EQ("cr4-osxsave-without-xsave", failures_of(without_xsave), 1);
}

/* A page that is not the guest's own any more, as a stale EPT entry shows it. */
static void look_guest(void)
{
	guest_sync(0);
	g_value("still-mine", *(volatile u64 *)0x20000000, 1);
}

static void stale_page(void)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	u64 *p = vm_add_ram(vm, 1, 0x20000000, 0x1000);

	p[0] = 1;
	mode_long(v, look_guest);
	vcpu_exit(v);
	p[0] = 2;
	run_done(v);
	check_log(vm);
}

CASE(memory_is_looked_at)
{
	EQ("changed-behind-the-guest", failures_of(stale_page), 1);
}

static void hlt_guest(void)
{
	asm volatile("hlt");
}

static void wrong_exit(void)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);

	mode_long(v, hlt_guest);
	expect_exit(v, "hlt", KVM_EXIT_SHUTDOWN);
}

CASE(exit_reasons)
{
	EQ("wrong-exit", failures_of(wrong_exit), 1);
}
