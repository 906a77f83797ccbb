/* SPDX-License-Identifier: GPL-2.0 */
/*
 * apic.h - the local APIC, as a 64-bit guest function uses it in either mode.
 *
 * Registers by their offset in the xAPIC's page.  Which mode they are accessed
 * in is the guest's variable g_x2apic, which a test sets before the guest runs:
 * *GVAR(vm, g_x2apic) = 1.  SDM 3A 11.4, 11.12.
 */
#ifndef ABI_APIC_H
#define ABI_APIC_H

#include "guest.h"

#define APIC_BASE_ADDR	0xfee00000u
#define APIC(reg)	(*(volatile u32 *)(uintptr_t)(APIC_BASE_ADDR + (reg)))
#define X2APIC(reg)	(0x800u + ((reg) >> 4))

#define APIC_ID		0x20
#define APIC_VERSION	0x30
#define APIC_TPR	0x80
#define APIC_PPR	0xa0
#define APIC_EOI	0xb0
#define APIC_LDR	0xd0
#define APIC_DFR	0xe0
#define APIC_SPIV	0xf0
#define APIC_ISR(v)	(0x100 + (v) / 32 * 16)
#define APIC_TMR(v)	(0x180 + (v) / 32 * 16)
#define APIC_IRR(v)	(0x200 + (v) / 32 * 16)
#define APIC_ESR	0x280
#define APIC_ICR	0x300
#define APIC_ICR2	0x310
#define APIC_LVTT	0x320
#define APIC_LINT0	0x350
#define APIC_LVTERR	0x370
#define APIC_TMICT	0x380
#define APIC_TMCCT	0x390
#define APIC_TDCR	0x3e0
#define APIC_SELF_IPI	0x3f0

/* Bits of LVT entries, and of the ICR. */
#define APIC_MASKED	0x10000
#define APIC_PERIODIC	0x20000
#define APIC_DEADLINE	0x40000
#define APIC_EXTINT	0x700
#define APIC_ASSERT	0x4000
#define APIC_TO_SELF	0x40000

#define MSR_APIC_BASE	0x1b
#define APIC_BASE_BSP	0x100
#define APIC_BASE_EXTD	0x400
#define APIC_BASE_EN	0x800

/* The guest's APIC is, or by apic_on() comes, in x2APIC mode. */
extern volatile u64 g_x2apic;

/* No G_TRY(): a handler may use these while it interrupts one. */
static inline void apic_write64(u32 reg, u64 v)
{
	asm volatile("wrmsr" : : "c"(X2APIC(reg)), "a"((u32)v),
		     "d"((u32)(v >> 32)) : "memory");
}

static inline void apic_write(u32 reg, u32 v)
{
	if (g_x2apic)
		apic_write64(reg, v);
	else
		APIC(reg) = v;
}

static inline u32 apic_read(u32 reg)
{
	u32 lo, hi;

	if (!g_x2apic)
		return APIC(reg);
	asm volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(X2APIC(reg))
		     : "memory");
	return lo;
}

/* Into the wanted mode, and enabled; interrupts will be ended by the handler. */
static inline void apic_on(void)
{
	u32 lo, hi;

	if (g_x2apic) {
		asm volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(MSR_APIC_BASE));
		asm volatile("wrmsr" : : "a"(lo | APIC_BASE_EXTD), "d"(hi),
			     "c"(MSR_APIC_BASE) : "memory");
	}
	g_eoi = g_x2apic ? EOI_X2APIC : EOI_XAPIC;
	apic_write(APIC_SPIV, 0x1ff);
}

#endif
