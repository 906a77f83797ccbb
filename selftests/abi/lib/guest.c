// SPDX-License-Identifier: GPL-2.0
/*
 * guest.c - the runtime of 64-bit guests: exceptions, interrupts, notes.
 *
 * Runs in the VM only.  One guest CPU at a time may use G_TRY and the notes;
 * tests with several vCPUs give the others code that needs neither.
 */
#include "apic.h"
#include "guest.h"

volatile s64 g_vec = NOFAULT;
volatile u64 g_err, g_cr2, g_rip, g_rflags, g_cs, g_traps, g_fix;
volatile u64 g_irqs[256];
volatile u64 g_eoi;
volatile u64 g_x2apic;
int (*volatile g_hook[256])(struct guest_trap *t);

static void eoi(u64 vec)
{
	if (g_eoi & EOI_XAPIC)
		APIC(0xb0) = 0;
	if (g_eoi & EOI_X2APIC)
		asm volatile("wrmsr" : : "a"(0), "d"(0), "c"(X2APIC(0xb0)));
	if (g_eoi & EOI_PIC) {
		if (vec >= 0x28)
			outb(0xa0, 0x20);
		outb(0x20, 0x20);
	}
}

/**
 * guest_trap_c() - every exception and interrupt of a 64-bit guest
 * @t: the frame; may be changed
 */
void guest_trap_c(struct guest_trap *t)
{
	u64 cr2;

	if (g_hook[t->vec] && g_hook[t->vec](t))
		return;
	if (t->vec >= 32) {
		g_irqs[t->vec]++;
		eoi(t->vec);
		return;
	}
	asm volatile("mov %%cr2, %0" : "=r"(cr2));
	g_traps++;
	g_vec = t->vec;
	g_err = t->err;
	g_cr2 = cr2;
	g_rip = t->rip;
	g_rflags = t->rflags;
	g_cs = t->cs;
	if (g_fix) {
		t->rip = g_fix;
		t->rflags &= ~0x100ull;
		return;
	}
	asm volatile("outl %%eax, %%dx" : : "a"((u32)t->vec), "d"(PORT_PANIC),
		     "b"(t->err), "c"(t->rip));
}

static struct guest_rec *new_rec(const char *name)
{
	struct guest_log *log = (void *)(uintptr_t)GPA_LOG;
	struct guest_rec *r = &log->rec[log->nr < LOG_MAX ? log->nr : 0];
	unsigned int i;

	log->nr++;
	for (i = 0; i < sizeof(r->name) - 1 && name[i]; i++)
		r->name[i] = name[i];
	r->name[i] = 0;
	r->vec = g_vec;
	r->err = g_err;
	r->val = 0;
	r->want = 0;
	r->want_vec = NOFAULT;
	r->want_err = 0;
	r->flags = 0;
	g_vec = NOFAULT;
	return r;
}

/**
 * g_fault() - note which exception the last G_TRY raised
 * @name: of the case
 * @vec: what it must be, or NOFAULT
 */
void g_fault(const char *name, int vec)
{
	struct guest_rec *r = new_rec(name);

	r->want_vec = vec;
}

/**
 * g_fault_err() - note the last G_TRY's exception and its error code
 * @name: of the case
 * @vec: what it must be
 * @err: what the error code must be
 */
void g_fault_err(const char *name, int vec, u32 err)
{
	struct guest_rec *r = new_rec(name);

	r->want_vec = vec;
	r->want_err = err;
	r->flags = REC_ERR;
}

/**
 * g_value() - note a value; the last G_TRY must not have faulted
 * @name: of the case
 * @val: it
 * @want: what it must be
 */
void g_value(const char *name, u64 val, u64 want)
{
	struct guest_rec *r = new_rec(name);

	r->val = val;
	r->want = want;
	r->flags = REC_VAL;
}

/**
 * g_show() - note a value that is compared with the oracle's only
 * @name: of the case
 * @val: it
 */
void g_show(const char *name, u64 val)
{
	struct guest_rec *r = new_rec(name);

	r->val = val;
	r->want_vec = r->vec;
	r->flags = REC_SHOW;
}

/**
 * g_any() - note what the last G_TRY did, to be compared with the oracle's only
 * @name: of the case
 */
void g_any(const char *name)
{
	struct guest_rec *r = new_rec(name);

	r->want_vec = r->vec;
}

/** guest_done() - tell the host that this guest is through */
void guest_done(void)
{
	for (;;)
		outl(PORT_DONE, 0);
}
