// SPDX-License-Identifier: GPL-2.0
/*
 * four_modes.c - root/system, root/user, non-root/system, non-root/user: what
 * each can do and what it cannot.
 *
 * A processor with VMX has two kinds of operation, root and non-root, and each
 * has its rings (SDM 3C 23.3, 25).  The same instructions are tried in each of
 * the four; how they end tells the modes apart:
 *
 *		      root/user   root/system  non-root/user  non-root/system
 *   CPL		  3		0	    3		  0
 *   HLT		#GP, SIGSEGV   works	   #GP in guest	 exit to us
 *   MOV from CR0	#GP, SIGSEGV   works	   #GP in guest	 works, no exit
 *   RDMSR EFER	#GP, SIGSEGV   works	   #GP in guest	 the guest's own
 *   CPUID		no exit	       no exit	    exit	  exit
 *   VMXOFF		#UD or #GP     works	   #UD in guest	 #UD in guest
 */
#include <setjmp.h>

#include "lib/abi.h"
#include "lib/exits.h"
#include "lib/guest.h"

#define UD 6
#define GP 13
#define MSR_EFER 0xc0000080

/* ---- root/user: this process ---- */

static sigjmp_buf back;
static volatile int last_signal;

static void on_fault(int sig)
{
	last_signal = sig;
	siglongjmp(back, 1);
}

/* Run one instruction; the signal that it brings, or 0. */
#define SIGNAL_OF(insn) ({						\
	last_signal = 0;						\
	if (!sigsetjmp(back, 1))					\
		asm volatile(insn : : : "rax", "rcx", "rdx", "memory");	\
	last_signal; })

CASE(root_user)
{
	struct sigaction sa = { .sa_handler = on_fault, .sa_flags = SA_NODEFER };
	u16 cs;

	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGILL, &sa, NULL);
	asm volatile("mov %%cs, %0" : "=r"(cs));
	EQ("cpl", cs & 3, 3);
	EQ("hlt", SIGNAL_OF("hlt"), SIGSEGV);
	EQ("cli", SIGNAL_OF("cli"), SIGSEGV);
	EQ("mov-cr0", SIGNAL_OF("mov %%cr0, %%rax"), SIGSEGV);
	EQ("mov-cr3", SIGNAL_OF("mov %%cr3, %%rax"), SIGSEGV);
	EQ("rdmsr", SIGNAL_OF("mov $0xc0000080, %%ecx; rdmsr"), SIGSEGV);
	EQ("wbinvd", SIGNAL_OF("wbinvd"), SIGSEGV);
	EQ("cpuid", SIGNAL_OF("push %%rbx; cpuid; pop %%rbx"), 0);
	obs("vmxoff", "%s", SIGNAL_OF("vmxoff") ? "refused" : "allowed");
	CHECK(last_signal, "VMXOFF in ring 3 did nothing\n");
	/* No hypervisor under this one asked for the instruction: no exit. */
	EQ("vmcall", SIGNAL_OF("vmcall"), SIGILL);
}

/* ---- root/system: the kernel, by what only it can do for us ---- */

CASE(root_system)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	u64 efer = 0, guest = 0, i;
	int fd;

	/* VMLAUNCH and VMRESUME exist in root/system only. */
	mode_long(v, guest_done);
	for (i = 0; i < 3; i++)
		run_done(v);
	get_msr(v, MSR_EFER, &guest);
	EQ("guest-efer", guest, 0xd01);
	fd = open("/dev/cpu/0/msr", O_RDONLY);
	if (fd < 0) {
		note("no /dev/cpu/0/msr: the kernel's RDMSR is not shown\n");
		return;
	}
	SAME(pread(fd, &efer, 8, MSR_EFER), 8);
	CHECK((efer & 0x500) == 0x500, "the host is not in long mode\n");
}

/* ---- non-root/system: ring 0 of the guest ---- */

static void system_guest(void)
{
	u32 r[4];
	u16 cs;

	asm volatile("mov %%cs, %0" : "=r"(cs));
	g_value("cpl", cs & 3, 0);
	guest_sync(1);
	G_TRY("mov %%cr0, %%rax", : : : "rax", "memory");
	g_fault("mov-cr0", NOFAULT);
	G_TRY("mov %%cr3, %%rax; mov %%rax, %%cr3", : : : "rax", "memory");
	g_fault("mov-cr3", NOFAULT);
	g_value("rdmsr", rdmsr(MSR_EFER), 0xd01);
	G_INSN("cli; sti; cli");
	g_fault("cli", NOFAULT);
	guest_sync(2);
	cpuid(0, 0, r);
	guest_sync(3);
	G_INSN("vmxoff");
	g_fault("vmxoff", UD);
	asm volatile("hlt");
}

/* ---- non-root/user: ring 3 of the guest ---- */

static void u_modes(u64 arg)
{
	u32 r[4];
	u16 cs;

	asm volatile("mov %%cs, %0" : "=r"(cs));
	g_value("cpl", cs & 3, 3);
	G_INSN("hlt");
	g_fault_err("hlt", GP, 0);
	G_INSN("cli");
	g_fault_err("cli", GP, 0);
	G_TRY("mov %%cr0, %%rax", : : : "rax", "memory");
	g_fault_err("mov-cr0", GP, 0);
	G_TRY("mov %%cr3, %%rax", : : : "rax", "memory");
	g_fault_err("mov-cr3", GP, 0);
	rdmsr(MSR_EFER);
	g_fault_err("rdmsr", GP, 0);
	G_INSN("wbinvd");
	g_fault_err("wbinvd", GP, 0);
	G_INSN("vmxoff");
	g_fault("vmxoff", UD);
	G_TRY("outb %%al, $0x80", : : "a"(0) : "memory");
	g_fault_err("out", GP, 0);
	cpuid(0, 0, r);
}

static void user_guest(void)
{
	guest_user(u_modes, 0);
	guest_sync(1);
	guest_user(u_modes, 0);
	guest_sync(2);
}

static void sync_to(struct vcpu *v, u32 want)
{
	u32 val = 0;

	vcpu_exit(v);
	if (!is_sync(v, &val) || val != want)
		die("exit %s, not rendezvous %u\n",
		    exit_name(v->run->exit_reason), want);
}

static u64 guest_exits(struct vcpu *v)
{
	struct exit_count c;

	if (!exits_read(v, &c))
		skip("no exit counters in debugfs");
	return c.all - c.host;
}

CASE(non_root_system)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	u64 a, b, c;

	mode_long(v, system_guest);
	sync_to(v, 1);
	a = guest_exits(v);
	sync_to(v, 2);
	b = guest_exits(v);
	sync_to(v, 3);
	c = guest_exits(v);
	/* Each of these has one exit for its rendezvous. */
	note("%llu exits by privileged instructions\n",
	     (unsigned long long)(b - a - 1));
	EQ("exits-by-cpuid", c - b - 1, 1);
	expect_exit(v, "hlt", KVM_EXIT_HLT);
	check_log(vm);
}

CASE(non_root_user)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	u64 a, b;

	mode_long(v, user_guest);
	sync_to(v, 1);
	a = guest_exits(v);
	sync_to(v, 2);
	b = guest_exits(v);
	/*
	 * CPUID and the rendezvous; the guest's kernel got every #GP and #UD.
	 * How many of those the hypervisor looked at first is its own affair.
	 */
	note("%llu exits in ring 3's round\n", (unsigned long long)(b - a));
	CHECK(b - a >= 2, "CPUID made no exit\n");
	CHECK(b - a <= 2 + 9, "%llu exits for nine instructions\n",
	      (unsigned long long)(b - a));
	run_done(v);
	check_log(vm);
}
