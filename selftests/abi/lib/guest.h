/* SPDX-License-Identifier: GPL-2.0 */
/*
 * guest.h - what a 64-bit guest function of the tests may use.
 *
 * Such a function is part of the test program, but runs in the VM, out of the
 * copy of the program's image in guest memory: it must not call the C library
 * nor touch the FPU.  G_TRY() runs one instruction that may fault and leaves
 * the vector in g_vec, the error code in g_err, CR2 in g_cr2.
 */
#ifndef ABI_GUEST_H
#define ABI_GUEST_H

#include "types.h"

extern const char guest_stubs[];

/**
 * struct guest_trap - what the stubs push
 * @r15: and the other registers
 * @vec: vector
 * @err: error code, or 0
 * @rip: and the rest of the processor's frame
 */
struct guest_trap {
	u64 r15, r14, r13, r12, r11, r10, r9, r8;
	u64 rbp, rdi, rsi, rdx, rcx, rbx, rax;
	u64 vec, err;
	u64 rip, cs, rflags, rsp, ss;
};

/* The last exception: vector or NOFAULT, error code, CR2, frame. */
extern volatile s64 g_vec;
extern volatile u64 g_err, g_cr2, g_rip, g_rflags, g_cs, g_traps;
/* Where G_TRY goes on after a fault. */
extern volatile u64 g_fix;
/* Interrupts counted by vector; with g_eoi set, the handler ends them. */
extern volatile u64 g_irqs[256];
extern volatile u64 g_eoi;
#define EOI_XAPIC	1
#define EOI_X2APIC	2
#define EOI_PIC		4
/* A test's own handler of a vector; returns true if it dealt with it. */
extern int (*volatile g_hook[256])(struct guest_trap *t);

#define G_TRY(insn, ...)						\
	asm volatile("movq $1f, g_fix(%%rip)\n\t"			\
		     "movq $-1, g_vec(%%rip)\n\t"			\
		     insn "\n1:\n\t"					\
		     "movq $0, g_fix(%%rip)" __VA_ARGS__)

#define G_INSN(insn) G_TRY(insn, : : : "memory")

void g_fault(const char *name, int vec);
void g_fault_err(const char *name, int vec, u32 err);
void g_value(const char *name, u64 val, u64 want);
void g_show(const char *name, u64 val);
void g_any(const char *name);
__attribute__((noreturn)) void guest_done(void);
void guest_user(void (*fn)(u64), u64 arg);

static inline void outb(u16 port, u8 v)
{
	asm volatile("outb %0, %1" : : "a"(v), "Nd"(port) : "memory");
}

static inline void outw(u16 port, u16 v)
{
	asm volatile("outw %0, %1" : : "a"(v), "Nd"(port) : "memory");
}

static inline void outl(u16 port, u32 v)
{
	asm volatile("outl %0, %1" : : "a"(v), "Nd"(port) : "memory");
}

static inline u8 inb(u16 port)
{
	u8 v;

	asm volatile("inb %1, %0" : "=a"(v) : "Nd"(port) : "memory");
	return v;
}

static inline u16 inw(u16 port)
{
	u16 v;

	asm volatile("inw %1, %0" : "=a"(v) : "Nd"(port) : "memory");
	return v;
}

static inline u32 inl(u16 port)
{
	u32 v;

	asm volatile("inl %1, %0" : "=a"(v) : "Nd"(port) : "memory");
	return v;
}

static inline void guest_sync(u32 v)
{
	outl(PORT_SYNC, v);
}

static inline u64 rdmsr(u32 msr)
{
	u32 lo = 0, hi = 0;

	G_TRY("rdmsr", : "+a"(lo), "+d"(hi) : "c"(msr) : "memory");
	return (u64)hi << 32 | lo;
}

static inline void wrmsr(u32 msr, u64 v)
{
	G_TRY("wrmsr", : : "a"((u32)v), "d"((u32)(v >> 32)), "c"(msr)
	      : "memory");
}

static inline void cpuid(u32 leaf, u32 sub, u32 *r)
{
	asm volatile("cpuid" : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3])
		     : "a"(leaf), "c"(sub));
}

static inline u64 rdtsc(void)
{
	u32 lo, hi;

	asm volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return (u64)hi << 32 | lo;
}

#define READ_CR(n) ({ u64 v_; \
	asm volatile("mov %%cr" #n ", %0" : "=r"(v_) : : "memory"); v_; })
/* Faulting writes are noted by g_fault() afterwards. */
#define WRITE_CR(n, v) \
	G_TRY("mov %0, %%cr" #n, : : "r"((u64)(v)) : "memory")
#define READ_DR(n) ({ u64 v_ = 0; \
	G_TRY("mov %%db" #n ", %0", : "+r"(v_) : : "memory"); v_; })
#define WRITE_DR(n, v) \
	G_TRY("mov %0, %%db" #n, : : "r"((u64)(v)) : "memory")

/*
 * A guest that runs for long does so with interrupts on: with IF = 0, Bochs
 * lets no external interrupt end its stay, and the host would stand still.
 */
#define sti()		asm volatile("sti" ::: "memory")
#define cli()		asm volatile("cli" ::: "memory")
#define sti_nop()	asm volatile("sti; nop" ::: "memory")
#define sti_hlt()	asm volatile("sti; hlt" ::: "memory")

#endif
