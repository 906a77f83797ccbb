// SPDX-License-Identifier: GPL-2.0
/*
 * native.c - execute one instruction on the real processor.
 *
 * A jump back is put behind the instruction; native.S loads the registers and
 * jumps to it.  An exception arrives as a signal, on a stack of its own, and
 * the handler returns to native.S instead of to the instruction.
 */
#define _GNU_SOURCE
#include <assert.h>
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>
#include "native.h"

#define USER_CS		0x33
#define USER_DS		0x2b
#define FLAG_AC		BIT(18)

struct native_fault native_fault;

/* Registers of the signal frame by their encoding. */
static const int greg[16] = {
	REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
	REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15,
};

static void clear_ac(void)
{
	asm volatile("lea -128(%%rsp), %%rsp\n\t"
		     "pushfq\n\t"
		     "andl %0, (%%rsp)\n\t"
		     "popfq\n\t"
		     "lea 128(%%rsp), %%rsp"
		     : : "i" ((int)~FLAG_AC) : "cc", "memory");
}

static void on_signal(int signo, siginfo_t *info, void *context)
{
	greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;
	unsigned int i;

	(void)info;
	clear_ac();
	if (native_fault.happened || !native_host_rsp) {
		/* Not the instruction's: a bug in the test itself. */
		signal(signo, SIG_DFL);
		return;
	}
	native_fault = (struct native_fault) {
		.happened = true,
		.vector = regs[REG_TRAPNO],
		.error = regs[REG_ERR],
		.cr2 = regs[REG_CR2],
		.rip = regs[REG_RIP],
	};
	for (i = 0; i < 16; i++)
		native_out.gpr[i] = regs[greg[i]];
	native_out.rflags = regs[REG_EFL];
	regs[REG_RIP] = (u64)native_exit_fault;
	regs[REG_RSP] = native_host_rsp;
	regs[REG_EFL] = 2;
	regs[REG_CSGSFS] = (u64)USER_DS << 48 | USER_CS;
}

/**
 * native_init() - take the signals that exceptions become
 */
void native_init(void)
{
	static u8 stack[65536];
	const stack_t alt = { .ss_sp = stack, .ss_size = sizeof(stack) };
	const struct sigaction action = {
		.sa_sigaction = on_signal,
		.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER,
	};

	assert(!sigaltstack(&alt, NULL));
	assert(!sigaction(SIGSEGV, &action, NULL));
	assert(!sigaction(SIGBUS, &action, NULL));
	assert(!sigaction(SIGILL, &action, NULL));
}

static void enter(void (*function)(void))
{
	native_fault.happened = false;
	function();
	native_host_rsp = 0;
}

/**
 * native_run_long() - execute in 64-bit mode
 * @code: the instruction
 * @end: what follows it; is overwritten
 *
 * With the registers of native_in; leaves those after it in native_out.
 */
void native_run_long(const void *code, void *end)
{
	s32 distance = (u8 *)native_exit - ((u8 *)end + 5);

	*(u8 *)end = 0xe9;
	memcpy(end + 1, &distance, sizeof(distance));
	native_target[0] = (u64)code;
	enter(native_enter_long);
}

/**
 * native_run_legacy() - execute in compatibility mode
 * @segs: selectors
 * @eip: of the instruction
 * @end: what follows it, as this program sees it; is overwritten
 * @cs_d: the code segment is one of 32 bits
 */
void native_run_legacy(const struct native_segments *segs, u32 eip, void *end,
		       bool cs_d)
{
	u32 target = (u32)(u64)native_exit;
	u16 cs = USER_CS;
	u8 *p = end;

	if (!cs_d)
		*p++ = 0x66;
	*p++ = 0xea;
	memcpy(p, &target, sizeof(target));
	memcpy(p + sizeof(target), &cs, sizeof(cs));
	native_target[0] = eip | (u64)segs->cs << 32;
	native_sregs[0] = segs->ss;
	native_sregs[1] = segs->ds;
	native_sregs[2] = segs->es;
	native_sregs[3] = segs->gs;
	enter(native_enter_legacy);
}
