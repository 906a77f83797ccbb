// SPDX-License-Identifier: GPL-2.0
/*
 * guest32.c - guests in protected mode: without paging, 32-bit paging, PAE.
 *
 * Freestanding 32-bit code, linked with entry32.S to a flat image.  Each guest
 * notes what its instructions did in the log at GPA_LOG, as 64-bit guests do.
 * SDM 3A 4.3 (32-bit paging), 4.4 (PAE), 4.7 (page-fault error code), 6.15.
 */
#include "types.h"

#define PTE_P	1u
#define PTE_W	2u
#define PTE_U	4u
#define PTE_A	0x20u
#define PTE_D	0x40u
#define PTE_PS	0x80u
#define PTE_NX	(1ull << 63)

#define CR0_WP	(1u << 16)
#define CR0_PG	(1u << 31)
#define CR4_PSE	(1u << 4)
#define CR4_PAE	(1u << 5)

struct trap {
	u32 es, ds, edi, esi, ebp, esp, ebx, edx, ecx, eax;
	u32 vec, err, eip, cs, eflags;
};

extern char stubs32[];
void user32(void (*fn)(u32), u32 arg);

static volatile s32 vec = NOFAULT;
static volatile u32 err, cr2, fix, eip;

#define TRY(insn, ...)							\
	asm volatile("movl $1f, %[fix]\n\t" insn "\n1:\n\t"		\
		     "movl $0, %[fix]"					\
		     : [fix] "=m"(fix) __VA_ARGS__)
#define IN(...) : __VA_ARGS__

static void panic(struct trap *t)
{
	asm volatile("outl %%eax, %%dx" : : "a"(t->vec), "d"(PORT_PANIC),
		     "b"(t->err), "c"(t->eip));
}

void trap32(struct trap *t)
{
	u32 here;

	if (t->vec == 0x80)
		asm volatile("jmp user_back");
	asm volatile("mov %%cr2, %0" : "=r"(here));
	vec = t->vec;
	err = t->err;
	eip = t->eip;
	cr2 = here;
	if (!fix)
		panic(t);
	t->eip = fix;
	fix = 0;
}

static struct guest_rec *rec(const char *name)
{
	struct guest_log *log = (void *)GPA_LOG;
	struct guest_rec *r = &log->rec[log->nr < LOG_MAX ? log->nr : 0];
	u32 i;

	log->nr++;
	for (i = 0; i < sizeof(r->name) - 1 && name[i]; i++)
		r->name[i] = name[i];
	r->name[i] = 0;
	r->vec = vec;
	r->err = err;
	r->want_vec = NOFAULT;
	r->want_err = 0;
	r->val = 0;
	r->want = 0;
	r->flags = 0;
	vec = NOFAULT;
	return r;
}

static void want_fault(const char *name, s32 v, u32 e)
{
	struct guest_rec *r = rec(name);

	r->want_vec = v;
	r->want_err = e;
	r->flags = REC_ERR;
}

static void want_value(const char *name, u64 val, u64 want)
{
	struct guest_rec *r = rec(name);

	r->val = val;
	r->want = want;
	r->flags = REC_VAL;
}

static void gate(u32 n, u32 dpl, u32 present)
{
	u32 *idt = (u32 *)GPA_IDT + 2 * n;
	u32 to = (u32)stubs32 + 16 * n;

	idt[0] = (to & 0xffff) | SEL_CS32 << 16;
	idt[1] = (to & 0xffff0000) | present << 15 | dpl << 13 | 0xe00;
}

static void load_idt(void)
{
	struct {
		u16 limit;
		u32 base;
	} __attribute__((packed)) p = { 0x81 * 8 - 1, GPA_IDT };
	u32 n;

	for (n = 0; n < 0x81; n++)
		gate(n, n == 3 || n == 4 || n == 0x80 ? 3 : 0, n != 0x50);
	asm volatile("lidt %0" : : "m"(p));
	/* Stack of ring 0, in the TSS that is loaded. */
	*(u32 *)(GPA_TSS + 4) = GPA_STACKS + 15 * STACK_SIZE + STACK_SIZE - 16;
	*(u32 *)(GPA_TSS + 8) = SEL_DS;
}

static u32 read_cr0(void)
{
	u32 v;

	asm volatile("mov %%cr0, %0" : "=r"(v));
	return v;
}

static void write_cr0(u32 v)
{
	asm volatile("mov %0, %%cr0" : : "r"(v) : "memory");
}

static void write_cr3(u32 v)
{
	TRY("mov %[v], %%cr3", IN([v] "r"(v) : "memory"));
}

static void write_cr4(u32 v)
{
	asm volatile("mov %0, %%cr4" : : "r"(v) : "memory");
}

/* One access each, in whatever ring; arg is the address. */
static void load(u32 addr)
{
	TRY("mov (%[a]), %%eax", IN([a] "c"(addr) : "eax", "memory"));
}

static void store(u32 addr)
{
	TRY("movl $0x600d, (%[a])", IN([a] "c"(addr) : "memory"));
}

static void fetch(u32 addr)
{
	/* The callee's page faults after the return address is pushed. */
	asm volatile("movl $1f, %[fix]\n\tmov %%esp, %%esi\n\t"
		     "call *%[a]\n1:\n\tmov %%esi, %%esp\n\t"
		     "movl $0, %[fix]"
		     : [fix] "=m"(fix) : [a] "c"(addr) : "esi", "memory");
}

static void u_hlt(u32 a)
{
	(void)a;
	TRY("hlt", IN(: "memory"));
}

static void u_cli(u32 a)
{
	(void)a;
	TRY("cli", IN(: "memory"));
}

static void u_cr0(u32 a)
{
	(void)a;
	TRY("mov %%cr0, %%eax", IN(: "eax", "memory"));
}

static void u_in(u32 a)
{
	(void)a;
	TRY("inb $0x80, %%al", IN(: "eax", "memory"));
}

static void u_int(u32 a)
{
	(void)a;
	TRY("int $0x21", IN(: "memory"));
}

static void u_cs(u32 a)
{
	asm volatile("mov %%cs, %0" : "=r"(*(volatile u32 *)a));
}

static void exceptions(void)
{
	TRY("ud2", IN(: "memory"));
	want_fault("ud2", 6, 0);
	TRY("div %%ecx", IN("a"(1), "d"(0), "c"(0) : "memory"));
	want_fault("div-by-0", 0, 0);
	TRY("int3", IN(: "memory"));
	want_fault("int3", 3, 0);
	TRY("movb $0x7f, %%al; addb $1, %%al; into",
	    IN(: "eax", "memory"));
	want_fault("into", 4, 0);
	{
		static volatile s32 range[2] = { 5, 9 };

		TRY("bound %%eax, %[m]", IN("a"(10), [m] "m"(range) : "memory"));
		want_fault("bound", 5, 0);
	}
	TRY("int $0x50", IN(: "memory"));
	want_fault("int-gate-not-present", 11, 0x50 * 8 + 2);
	TRY("int $0x90", IN(: "memory"));
	want_fault("int-beyond-idt", 13, 0x90 * 8 + 2);
	TRY("mov %%eax, %%ds", IN("a"(0x1230) : "memory"));
	want_fault("ds-beyond-gdt", 13, 0x1230);
	TRY("mov %%eax, %%ss", IN("a"(0) : "memory"));
	want_fault("ss-null", 13, 0);
	TRY("mov %%eax, %%ss", IN("a"(SEL_UDS) : "memory"));
	want_fault("ss-wrong-dpl", 13, SEL_UDS);
	TRY("mov %%eax, %%es; mov %%es:0x10000, %%eax",
	    IN("a"(SEL_DS16) : "memory"));
	asm volatile("mov %0, %%es" : : "r"(SEL_DS));
	want_fault("es-limit", 13, 0);
}

static void segments(void)
{
	u64 *gdt = (u64 *)GPA_GDT;

	gdt[0x60 / 8] = 0x00cf130000000000ull | 0xffff;	/* not present */
	TRY("mov %%eax, %%es", IN("a"(0x60) : "memory"));
	want_fault("es-not-present", 11, 0x60);
	TRY("mov %%eax, %%ss", IN("a"(0x60) : "memory"));
	want_fault("ss-not-present", 12, 0x60);
	/* Expand-down: valid from limit+1 = 0x70000000 upwards. */
	gdt[0x68 / 8] = 0x00c7970000000000ull | 0xffff;
	TRY("mov %%eax, %%es; movl %%es:0x1000, %%eax",
	    IN("a"(0x68) : "memory"));
	want_fault("expand-down-limit", 13, 0);
	asm volatile("mov %0, %%es" : : "r"(SEL_DS));
}

static void ring3(void)
{
	static volatile u32 cs;

	user32(u_cs, (u32)&cs);
	want_value("ring3-cs", cs, SEL_UCS32 | 3);
	user32(u_hlt, 0);
	want_fault("ring3-hlt", 13, 0);
	user32(u_cli, 0);
	want_fault("ring3-cli", 13, 0);
	user32(u_cr0, 0);
	want_fault("ring3-mov-cr0", 13, 0);
	user32(u_in, 0);
	want_fault("ring3-in", 13, 0);
	user32(u_int, 0);
	want_fault("ring3-int-dpl0", 13, 0x21 * 8 + 2);
}

static void prot_guest(void)
{
	exceptions();
	segments();
	ring3();
	TRY("mov %%eax, %%cr3", IN("a"(0x5000) : "memory"));
	want_fault("cr3-no-paging", NOFAULT, 0);
}

/* ---- 32-bit paging: the first 8 MiB by 4 MiB pages, then one table ---- */

#define PD	((volatile u32 *)GPA_PT32)
#define PT	((volatile u32 *)(GPA_PT32 + 0x1000))
#define V(n)	(0x800000 + (n) * 0x1000)
#define PAGE(n)	(GPA_FREE + (n) * 0x1000)

static void want_pf(const char *name, u32 addr, u32 e)
{
	u32 at = cr2;

	want_fault(name, 14, e);
	want_value("  cr2", at, addr);
}

static void common_faults(void)
{
	load(V(9));
	want_pf("read-not-present", V(9), 0);
	store(V(9) + 0xffc);
	want_pf("write-not-present", V(9) + 0xffc, 2);
	store(V(1));
	want_pf("write-read-only-wp", V(1), 3);
	write_cr0(read_cr0() & ~CR0_WP);
	store(V(1));
	want_fault("write-read-only-no-wp", NOFAULT, 0);
	want_value("stored", *(volatile u32 *)PAGE(1), 0x600d);
	write_cr0(read_cr0() | CR0_WP);
	user32(load, V(2));
	want_pf("user-read-supervisor", V(2), 5);
	user32(store, V(1));
	want_pf("user-write-read-only", V(1), 7);
	user32(load, V(9));
	want_pf("user-read-not-present", V(9), 4);
	user32(store, V(3));
	want_fault("user-write", NOFAULT, 0);
	/* Not through TRY: two pages, the second absent. */
	*(volatile u32 *)(V(3) + 0xff0) = 1;
	load(V(8) + 0xffe);
	want_pf("read-crosses-into-absent", V(9), 0);
}

static void paging32(void)
{
	u32 i;

	PD[0] = 0 | PTE_PS | PTE_U | PTE_W | PTE_P;
	PD[1] = 0x400000 | PTE_PS | PTE_U | PTE_W | PTE_P;
	PD[2] = (u32)PT | PTE_U | PTE_W | PTE_P;
	PD[3] = 0x200000 | 1u << 21 | PTE_PS | PTE_P;	/* bit 21: reserved */
	for (i = 0; i < 9; i++)
		PT[i] = PAGE(i) | PTE_U | PTE_W | PTE_P;
	PT[1] &= ~PTE_W;
	PT[2] &= ~PTE_U;
	write_cr4(CR4_PSE);
	write_cr3((u32)PD);
	write_cr0(read_cr0() | CR0_PG | CR0_WP);
	common_faults();
	want_value("accessed", PT[3] & (PTE_A | PTE_D), PTE_A | PTE_D);
	load(V(4));
	want_value("read-sets-a-only", PT[4] & (PTE_A | PTE_D), PTE_A);
	load(0xc00000);
	want_pf("reserved-bit", 0xc00000, 9);
	/* Another page at the same address, after INVLPG. */
	*(volatile u32 *)PAGE(5) = 5;
	*(volatile u32 *)PAGE(6) = 6;
	want_value("before-invlpg", *(volatile u32 *)V(5), 5);
	PT[5] = PAGE(6) | PTE_U | PTE_W | PTE_P;
	asm volatile("invlpg %0" : : "m"(*(char *)V(5)) : "memory");
	want_value("after-invlpg", *(volatile u32 *)V(5), 6);
	/* Another directory by CR3. */
	PD[2] = 0;
	write_cr3((u32)PD);
	load(V(5));
	want_pf("after-cr3", V(5), 0);
	write_cr0(read_cr0() & ~CR0_PG);
	want_value("paging-off", *(volatile u32 *)PAGE(6), 6);
}

/* ---- PAE ---- */

#define PDPT	((volatile u64 *)GPA_PT32)
#define PD64	((volatile u64 *)(GPA_PT32 + 0x2000))
#define PT64	((volatile u64 *)(GPA_PT32 + 0x3000))

static void wrmsr(u32 msr, u32 lo)
{
	asm volatile("wrmsr" : : "c"(msr), "a"(lo), "d"(0) : "memory");
}

static void pae_tables(void)
{
	u32 i;

	for (i = 0; i < 4; i++)
		PDPT[i] = 0;
	PDPT[0] = (u32)PD64 | PTE_P;
	for (i = 0; i < 4; i++)
		PD64[i] = i << 21 | PTE_PS | PTE_U | PTE_W | PTE_P;
	PD64[4] = (u32)PT64 | PTE_U | PTE_W | PTE_P;
	for (i = 0; i < 9; i++)
		PT64[i] = PAGE(i) | PTE_U | PTE_W | PTE_P;
	PT64[1] &= ~(u64)PTE_W;
	PT64[2] &= ~(u64)PTE_U;
	PT64[5] |= PTE_NX;
	PT64[6] |= 1ull << 51;		/* beyond MAXPHYADDR */
	*(volatile u8 *)PAGE(4) = 0xc3;
	*(volatile u8 *)PAGE(5) = 0xc3;
}

static void pae(void)
{
	pae_tables();
	write_cr4(CR4_PAE);
	wrmsr(0xc0000080, 1u << 11);
	write_cr3((u32)PDPT);
	write_cr0(read_cr0() | CR0_PG | CR0_WP);
	common_faults();
	fetch(V(4));
	want_fault("fetch", NOFAULT, 0);
	fetch(V(5));
	want_pf("fetch-nx", V(5), 0x11);
	user32(load, V(5));
	want_fault("read-nx", NOFAULT, 0);
	load(V(6));
	want_pf("reserved-bit", V(6), 9);
	load(0x40000000);
	want_pf("pdpte-not-present", 0x40000000, 0);
	/* PDPTEs are read by MOV to CR3, not by the walk. */
	PDPT[1] = PDPT[0];
	load(0x40000000);
	want_pf("pdpte-stale", 0x40000000, 0);
	write_cr3((u32)PDPT);
	want_fault("cr3-loads-pdptes", NOFAULT, 0);
	load(0x40000000 + V(4));
	want_fault("pdpte-fresh", NOFAULT, 0);
	PDPT[2] = PTE_P | PTE_W;	/* reserved in a PDPTE */
	write_cr3((u32)PDPT);
	want_fault("pdpte-reserved", 13, 0);
	PDPT[2] = 0;
	write_cr0(read_cr0() & ~CR0_PG);
}

void guest32(u32 which)
{
	static void (* const guests[])(void) = { prot_guest, paging32, pae };

	load_idt();
	guests[which]();
}
