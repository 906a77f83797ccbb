// SPDX-License-Identifier: GPL-2.0
/*
 * walks.c - the walk of guest page tables (module/mmu/walk.c) against the
 * processor, in thousands of random cases.
 *
 * A case is a path of page-table entries with random rights, flags and reserved
 * bits, and a random CPU state.  A guest makes one access through them: it gets there
 * or takes a page fault, and its entries get their accessed and dirty flags.
 * The module's walk, which is part of this program, has to say the same of the
 * same tables: fault and error code, address, flags.  So has KVM_TRANSLATE.
 *
 * Each case is set up from here by KVM_SET_SREGS; the guest is a few bytes of
 * machine code, which mean the same in 32-bit and in 64-bit mode.
 */
#include "../../module/mmu/walk.h"
#include "lib/abi.h"

/* ---- the guest's memory ---- */

#define RAM		0x1000000ull
#define GDT		0x1000u
#define IDT		0x2000u
#define TSS		0x3000u
#define CODE		0x5000u
#define STACK_TOP	0x7000u
#define TOPS		0x10000u	/* two top tables, used by turns */
#define FIXED		0x14000u	/* tables of the part that always works */
#define RANDOM		0x20000u	/* tables of the random path */
#define DATA		0x400000u	/* what the random path leads to */

/* Supervisor pages at 0 and user pages elsewhere show the same memory. */
#define USER_ALIAS	0x400000u

/* What the guest says by an OUT to one of these ports */
#define PORT_REACHED	0xe0
#define PORT_PF		0xe1
#define PORT_OTHER	0xe2

/* What it does with the address in RDI; 16 bytes of code for each */
enum access { READ, WRITE, UPDATE, FETCH, SEGMENT, NR_ACCESSES };
#define CODE_STEP	16
#define AFTER_WRPKRU	3

static const u8 instruction[NR_ACCESSES][2] = {
	[READ] = { 0x8a, 0x07 },	/* mov (%rdi), %al */
	[WRITE] = { 0x88, 0x07 },	/* mov %al, (%rdi) */
	[UPDATE] = { 0x08, 0x07 },	/* or %al, (%rdi) */
	[FETCH] = { 0xff, 0xe7 },	/* jmp *%rdi */
	[SEGMENT] = { 0x8e, 0xe0 },	/* mov %eax, %fs, of an LDT there */
};

static const unsigned int walk_access[NR_ACCESSES] = {
	[WRITE] = OSP_WALK_WRITE, [UPDATE] = OSP_WALK_WRITE,
	[FETCH] = OSP_WALK_FETCH, [SEGMENT] = OSP_WALK_IMPLICIT,
};

/*
 * Code that says it was reached; and a descriptor of no segment, so that loading it
 * ends in #GP once it has been read.
 */
static const u8 target[8] = {
	0xe6, PORT_REACHED, 0x90, 0x90, 0x90, 0x80, 0x90, 0x90,
};

/* ---- paging modes ---- */

#define CR0_PE	BIT_ULL(0)
#define CR0_ET	BIT_ULL(4)
#define CR0_NE	BIT_ULL(5)
#define CR0_WP	BIT_ULL(16)
#define CR0_PG	BIT_ULL(31)
#define CR4_PSE	BIT_ULL(4)
#define CR4_PAE	BIT_ULL(5)
#define CR4_LA57 BIT_ULL(12)
#define CR4_SMEP BIT_ULL(20)
#define CR4_SMAP BIT_ULL(21)
#define CR4_PKE	BIT_ULL(22)
#define EFER_LME BIT_ULL(8)
#define EFER_LMA BIT_ULL(10)
#define EFER_NX	BIT_ULL(11)
#define RFLAGS_AC BIT_ULL(18)

#define P	BIT_ULL(0)
#define W	BIT_ULL(1)
#define U	BIT_ULL(2)
#define A	BIT_ULL(5)
#define D	BIT_ULL(6)
#define PS	BIT_ULL(7)
#define XD	BIT_ULL(63)

enum mode { MODE_32, MODE_PAE, MODE_4, MODE_5 };

static const unsigned int levels_of[] = { 2, 2, 4, 5 };

/**
 * struct world - the guest and the case that it is in
 * @vm: its VM
 * @v: its vCPU
 * @mode: paging mode
 * @sregs: what all cases have in common, and then this one
 * @features: bits of CR4 that this vCPU may set, of those that matter
 * @walk: the CPU's state as the walk takes it
 * @linear: the address
 * @access: what is done with it
 * @leaf: level of the entry that is to map the page; 1 is the last
 * @place: where the entries are, the top one first
 * @entry: what they are
 * @after: what the processor made of them
 * @count: how many
 * @turn: which top table
 */
struct world {
	struct vm *vm;
	struct vcpu *v;
	enum mode mode;
	struct kvm_sregs sregs;
	u64 features;
	struct osp_walk_cpu walk;
	u64 linear;
	enum access access;
	unsigned int leaf;
	u64 place[5];
	u64 entry[5];
	u64 after[5];
	unsigned int count;
	unsigned int turn;
};

/* What came of it: from the processor or from the walk. */
struct outcome {
	bool fault;
	u32 code;
};

static u64 random_state;

/* xorshift64: the same numbers on each run. */
static u64 rnd(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state * 0x2545f4914f6cdd1dull >> 11;
}

static bool one_in(unsigned int n)
{
	return rnd() % n == 0;
}

static unsigned int entry_len(const struct world *w)
{
	return w->mode == MODE_32 ? 4 : 8;
}

static unsigned int shift_of(const struct world *w, unsigned int level)
{
	return 12 + (level - 1) * (w->mode == MODE_32 ? 10 : 9);
}

static u64 get_entry(const struct world *w, u64 gpa)
{
	u64 entry = 0;

	memcpy(&entry, w->vm->ram + gpa, entry_len(w));
	return entry;
}

static void put_entry(struct world *w, u64 gpa, u64 entry)
{
	memcpy(w->vm->ram + gpa, &entry, entry_len(w));
}

/* ---- the part of the guest that always works ---- */

static void build_code(u8 *ram)
{
	static const u8 head[] = { 0x0f, 0x01, 0xef,	/* wrpkru */
				   0x89, 0xd8 };	/* mov %ebx, %eax */
	static const u8 tail[] = { 0xe6, PORT_REACHED };
	/* mov %cr2, %rax; push %rax; out */
	static const u8 page_fault[] = { 0x0f, 0x20, 0xd0, 0x50, 0xe6, PORT_PF };
	static const u8 other[] = { 0xe6, PORT_OTHER };
	u8 *code = ram + CODE;
	unsigned int i;

	for (i = 0; i < NR_ACCESSES; i++, code += CODE_STEP) {
		memcpy(code, head, sizeof(head));
		memcpy(code + sizeof(head), instruction[i], 2);
		memcpy(code + sizeof(head) + 2, tail, sizeof(tail));
	}
	memcpy(code, page_fault, sizeof(page_fault));
	memcpy(code + CODE_STEP, other, sizeof(other));
}

static void build_idt(struct world *w)
{
	unsigned int len = w->mode >= MODE_4 ? 16 : 8, vector;
	u64 pf = CODE + NR_ACCESSES * CODE_STEP;

	for (vector = 0; vector < 32; vector++) {
		u64 to = vector == 14 ? pf : pf + CODE_STEP;
		u64 gate = (to & 0xffff) | 8 << 16 | 0x8eull << 40;

		memcpy(w->vm->ram + IDT + len * vector, &gate, 8);
	}
}

static void build_system(struct world *w)
{
	u64 *gdt = (u64 *)(w->vm->ram + GDT);
	u64 stack = STACK_TOP;
	u32 ss = 0x10;

	gdt[1] = w->mode >= MODE_4 ? 0x00af9b000000ffff : 0x00cf9b000000ffff;
	gdt[2] = 0x00cf93000000ffff;
	memcpy(w->vm->ram + TSS + 4, &stack, 8);
	if (w->mode < MODE_4)
		memcpy(w->vm->ram + TSS + 8, &ss, 4);
	build_code(w->vm->ram);
	build_idt(w);
}

/* Tables of small pages, as large ones depend on CR4.PSE. */
static void fixed_32(struct world *w, u64 top)
{
	unsigned int i;

	put_entry(w, top, FIXED | P | W | U | A);
	put_entry(w, top + 4, (FIXED + 0x1000) | P | W | U | A);
	for (i = 0; i < 1024; i++) {
		put_entry(w, FIXED + 4 * i, i << 12 | P | W | A | D);
		put_entry(w, FIXED + 0x1000 + 4 * i, i << 12 | P | W | U | A | D);
	}
}

/* A page directory with two pages, and above it what the mode has. */
static void fixed_large(struct world *w, u64 top)
{
	u64 table = FIXED;
	unsigned int n = levels_of[w->mode] - (w->mode == MODE_PAE ? 1 : 2);

	put_entry(w, top, table | (w->mode == MODE_PAE ? P : P | W | U | A));
	for (; n > 1; n--, table += 0x1000)
		put_entry(w, table, (table + 0x1000) | P | W | U | A);
	put_entry(w, table, P | W | A | D | PS);
	put_entry(w, table + 8 * (USER_ALIAS >> 21), P | W | U | A | D | PS);
}

static struct kvm_segment segment(u16 sel, u8 type)
{
	return (struct kvm_segment) {
		.selector = sel, .limit = 0xffffffff, .type = type,
		.present = 1, .s = 1, .g = 1,
	};
}

static void build_sregs(struct world *w)
{
	struct kvm_sregs *s = &w->sregs;

	get_sregs(w->v, s);
	s->ds = segment(0x13, 3);
	s->ds.dpl = 3;
	s->ds.db = 1;
	s->es = s->ds;
	s->fs = s->ds;
	s->gs = s->ds;
	s->gdt.base = GDT;
	s->gdt.limit = 0x17;
	s->idt.base = IDT;
	s->idt.limit = 0x1ff;
	s->tr = (struct kvm_segment) {
		.selector = 0x18, .base = TSS, .limit = 0x67, .type = 0xb,
		.present = 1,
	};
}

static u64 feature(struct kvm_cpuid2 *c, u32 leaf, int reg, int bit, u64 cr4)
{
	struct kvm_cpuid_entry2 *e = cpuid_entry(c, leaf, 0);
	u32 r[3];

	if (!e)
		return 0;
	r[0] = e->ebx;
	r[1] = e->ecx;
	r[2] = e->edx;
	return r[reg] >> bit & 1 ? cr4 : 0;
}

/* What the vCPU can do, for this program and for the walk. */
static void read_features(struct world *w)
{
	struct kvm_cpuid2 *c = supported_cpuid(w->vm->dev);

	w->features = feature(c, 7, 0, 7, CR4_SMEP) |
		      feature(c, 7, 0, 20, CR4_SMAP) |
		      feature(c, 7, 1, 3, CR4_PKE) |
		      feature(c, 7, 1, 16, CR4_LA57);
	w->walk.gbpages = feature(c, 0x80000001, 2, 26, 1);
	w->walk.phys_bits = cpuid_entry(c, 0x80000008, 0)->eax & 0xff;
	note("MAXPHYADDR %u, 1-GByte pages %d, SMEP %d, SMAP %d, PKU %d, LA57 %d\n",
	     w->walk.phys_bits, w->walk.gbpages, !!(w->features & CR4_SMEP),
	     !!(w->features & CR4_SMAP), !!(w->features & CR4_PKE),
	     !!(w->features & CR4_LA57));
}

static int read_callback(void *ctx, u64 gpa, u64 *entry, unsigned int len)
{
	if (gpa > RAM - len)
		return -ENXIO;
	memcpy(entry, (u8 *)ctx + gpa, len);
	return 0;
}

static int update_callback(void *ctx, u64 gpa, u64 *old, u64 new,
			   unsigned int len)
{
	if (gpa > RAM - len)
		return -ENXIO;
	memcpy((u8 *)ctx + gpa, &new, len);
	return 0;
}

static void world_init(struct world *w, enum mode mode)
{
	u64 top;

	memset(w, 0, sizeof(*w));
	w->mode = mode;
	w->vm = vm_new(VM_BARE);
	w->vm->ram = vm_add_ram(w->vm, 0, 0, RAM);
	read_features(w);
	if (mode == MODE_5 && !(w->features & CR4_LA57))
		skip("LA57 is not supported");
	w->v = vcpu_new(w->vm, 0);
	w->walk.read = read_callback;
	w->walk.update = update_callback;
	w->walk.ctx = w->vm->ram;
	build_system(w);
	build_sregs(w);
	for (top = TOPS; top < TOPS + 0x2000; top += 0x1000) {
		if (mode == MODE_32)
			fixed_32(w, top);
		else
			fixed_large(w, top);
	}
}

/* ---- a case ---- */

static u64 random_bits(u64 mask, unsigned int one_of)
{
	return one_in(one_of) ? (rnd() << 32 ^ rnd()) & mask : 0;
}

/* Bits of an entry that mean nothing, or only something else than here. */
static u64 ignored_bits(const struct world *w, bool maps)
{
	/* PWT, PCD, and those that are software's. */
	u64 mask = 0xe18;

	if (maps)
		mask |= BIT_ULL(8) | D;
	if (maps && w->leaf == 1)
		mask |= PS;		/* PAT */
	if (maps && w->leaf > 1)
		mask |= BIT_ULL(12);	/* PAT */
	if (w->mode >= MODE_4)
		mask |= 0x7full << 52 | (maps ? 0xfull << 59 : 0);
	return random_bits(mask, 1);
}

/* Rarely, a bit that has to be 0. */
static u64 reserved_bits(const struct world *w, unsigned int level, bool maps)
{
	u64 mask;

	if (!one_in(40))
		return 0;
	if (w->mode == MODE_32)
		return maps && level > 1 ? BIT_ULL(21) : 0;
	mask = GENMASK_ULL(51, w->walk.phys_bits);
	if (w->mode == MODE_PAE)
		mask = GENMASK_ULL(62, w->walk.phys_bits);
	if (maps && level > 1 && one_in(2))
		mask = GENMASK_ULL(shift_of(w, level) - 1, 13);
	if (!maps && level >= 4)
		mask |= PS;
	return random_bits(mask, 1);
}

static u64 random_entry(const struct world *w, unsigned int level, u64 to)
{
	bool maps = level == w->leaf;
	u64 entry = to | ignored_bits(w, maps) | reserved_bits(w, level, maps);

	entry |= one_in(24) ? 0 : P;
	entry |= one_in(6) ? 0 : W;
	entry |= one_in(5) ? 0 : U;
	entry |= one_in(2) ? A : 0;
	entry |= maps && level > 1 ? PS : 0;
	entry |= w->mode != MODE_32 && one_in(10) ? XD : 0;
	return entry;
}

/* Somewhere beside what always works. */
static void random_address(struct world *w)
{
	unsigned int top = shift_of(w, levels_of[w->mode]);
	u64 offset = DATA + (rnd() & 0x1fffff & ~0xfull);
	u64 linear = rnd() << 12;

	if (w->mode == MODE_5)
		linear = (u64)((s64)(linear << 7) >> 7);
	else if (w->mode == MODE_4)
		linear = (u64)((s64)(linear << 16) >> 16);
	else
		linear = (u32)linear;
	if (w->mode == MODE_PAE)
		top = 30;
	if (!(linear >> top & (w->mode == MODE_PAE ? 3 : 511)) ||
	    (w->mode == MODE_32 && linear >> 22 < 4))
		linear |= 3ull << (w->mode == MODE_32 ? 24 : top);
	linear &= ~(BIT_ULL(shift_of(w, w->leaf)) - 1);
	w->linear = linear | (offset & (BIT_ULL(shift_of(w, w->leaf)) - 1));
}

/* Where the page is that the path leads to. */
static u64 page_of(const struct world *w)
{
	return DATA & ~(BIT_ULL(shift_of(w, w->leaf)) - 1);
}

static u64 top_table(const struct world *w)
{
	return TOPS + 0x1000 * w->turn;
}

static void random_path(struct world *w)
{
	u64 table = top_table(w), next = RANDOM;
	unsigned int level = levels_of[w->mode];

	w->count = 0;
	if (w->mode == MODE_PAE) {
		/* What is wrong with these is found when they are loaded. */
		u64 pdpte = next | (one_in(24) ? 0 : P);

		memset(w->vm->ram + table + 8, 0, 24);
		put_entry(w, table + 8 * (w->linear >> 30), pdpte);
		memcpy(w->walk.pdpte, w->vm->ram + table, 32);
		table = next;
		next += 0x1000;
	}
	for (; level >= w->leaf; level--, table = next, next += 0x1000) {
		u64 index = w->linear >> shift_of(w, level) &
			    (4096 / entry_len(w) - 1);
		u64 to = level == w->leaf ? page_of(w) : next;

		w->place[w->count] = table + index * entry_len(w);
		w->entry[w->count++] = random_entry(w, level, to);
	}
}

/*
 * SDM 3A 4.6.2: keys are for user-mode addresses, whoever accesses them.  In
 * Bochs they are for supervisor-mode addresses, too, and access-disable is for
 * user mode alone; the two agree on what a program does with its own pages.  And
 * without key 0 the host would lose its stack at the next VM exit.
 */
static u32 random_keys(const struct world *w)
{
	u64 rights = U;
	unsigned int i;

	for (i = 0; i < w->count; i++)
		rights &= w->entry[i];
	if (w->walk.cpl < 3 || w->access == SEGMENT || !rights)
		return 0;
	return rnd() & ~3u;
}

static void random_cpu(struct world *w)
{
	struct kvm_sregs *s = &w->sregs;
	u8 cpl = one_in(2) ? 3 : 0;

	s->cr0 = CR0_PE | CR0_ET | CR0_NE | CR0_PG | random_bits(CR0_WP, 1);
	s->cr3 = top_table(w);
	s->cr4 = random_bits(w->features & ~CR4_LA57, 1) |
		 random_bits(CR4_PSE, 1);
	s->efer = random_bits(EFER_NX, 1);
	/* A large page of 32-bit paging needs PSE, but not always. */
	if (w->leaf == 2 && !one_in(16))
		s->cr4 |= CR4_PSE;
	if (w->mode != MODE_32)
		s->cr4 |= CR4_PAE;
	if (w->mode >= MODE_4)
		s->efer |= EFER_LME | EFER_LMA;
	if (w->mode == MODE_5)
		s->cr4 |= CR4_LA57;
	if (w->mode < MODE_4)
		s->cr4 &= ~CR4_PKE;
	s->cs = segment(cpl ? 0x23 : 0x08, 0xb);
	s->cs.dpl = cpl;
	s->cs.l = w->mode >= MODE_4;
	s->cs.db = !s->cs.l;
	s->ss = segment(cpl ? 0x2b : 0x10, 3);
	s->ss.dpl = cpl;
	s->ss.db = 1;
	s->ldt = (struct kvm_segment) {
		.selector = 0x30, .base = w->linear, .limit = 7, .type = 2,
		.present = 1,
	};
	w->walk.cr0 = s->cr0;
	w->walk.cr3 = s->cr3;
	w->walk.cr4 = s->cr4;
	w->walk.efer = s->efer;
	w->walk.rflags = random_bits(RFLAGS_AC, 1);
	/* SDM 3A 4.6.1: AC allows explicit accesses only.  In Bochs, all. */
	if (w->access == SEGMENT && s->cr4 & CR4_SMAP)
		w->walk.rflags = 0;
	w->walk.cpl = cpl;
	w->walk.pkru = s->cr4 & CR4_PKE ? random_keys(w) : 0;
}

static void random_case(struct world *w)
{
	unsigned int leaves = w->mode < MODE_4 ? 2 : 3;

	w->turn ^= 1;
	w->access = rnd() % NR_ACCESSES;
	w->leaf = 1 + rnd() % leaves;
	random_address(w);
	random_path(w);
	random_cpu(w);
}

static void put_path(struct world *w)
{
	unsigned int i;

	for (i = 0; i < w->count; i++)
		put_entry(w, w->place[i], w->entry[i]);
}

static void take_path(struct world *w, u64 *entries)
{
	unsigned int i;

	for (i = 0; i < w->count; i++)
		entries[i] = get_entry(w, w->place[i]);
}

/* ---- what the processor says ---- */

/* Bytes from the top of the stack to the error code. */
static unsigned int error_depth(const struct world *w)
{
	if (w->mode >= MODE_4)
		return 48;
	return w->walk.cpl == 3 ? 24 : 16;
}

static void check_cr2(struct world *w)
{
	unsigned int len = w->mode >= MODE_4 ? 8 : 4;
	u64 cr2 = 0;

	memcpy(&cr2, w->vm->ram + STACK_TOP - error_depth(w) - len, len);
	CHECK(cr2 == w->linear, "CR2 is %#llx, not %#llx\n",
	      (unsigned long long)cr2, (unsigned long long)w->linear);
}

static struct outcome by_cpu(struct world *w)
{
	bool pke = w->sregs.cr4 & CR4_PKE;
	struct kvm_regs r = {
		.rip = CODE + w->access * CODE_STEP + (pke ? 0 : AFTER_WRPKRU) +
		       (w->walk.cpl ? USER_ALIAS : 0),
		.rsp = STACK_TOP, .rdi = w->linear, .rax = w->walk.pkru,
		/* The selector, of the LDT's first segment. */
		.rbx = w->access == SEGMENT ? 4 | w->walk.cpl : 0,
		.rflags = 0x3002 | w->walk.rflags,
	};
	struct outcome outcome = { 0 };
	u32 reason;
	u16 port;

	set_sregs(w->v, &w->sregs);
	set_regs(w->v, &r);
	reason = vcpu_exit(w->v);
	port = w->v->run->io.port;
	if (reason != KVM_EXIT_IO || port < PORT_REACHED || port > PORT_OTHER)
		die("the guest ended with exit %s\n", exit_name(reason));
	outcome.fault = port == PORT_PF;
	if (outcome.fault) {
		memcpy(&outcome.code,
		       w->vm->ram + STACK_TOP - error_depth(w), 4);
		check_cr2(w);
	} else if ((port == PORT_OTHER) != (w->access == SEGMENT)) {
		fail("the access ended at port %#x\n", port);
	}
	return outcome;
}

/* ---- and what the walk says ---- */

static struct outcome by_walk(struct world *w, struct osp_walk_result *result)
{
	struct outcome outcome = { 0 };
	int ret = osp_walk(&w->walk, w->linear, walk_access[w->access], result);

	if (ret < 0)
		fail("the walk ends with error %d\n", ret);
	outcome.fault = ret == OSP_WALK_FAULT;
	if (outcome.fault)
		outcome.code = result->error_code;
	return outcome;
}

static void show(const struct world *w, struct outcome cpu,
		 struct outcome walk)
{
	unsigned int i;

	fail("access %d at %#llx, leaf %u, CPL %u, CR0 %#llx, CR4 %#llx, EFER %#llx, AC %d, PKRU %#x: processor %s %#x, walk %s %#x\n",
	     w->access, (unsigned long long)w->linear, w->leaf, w->walk.cpl,
	     (unsigned long long)w->sregs.cr0, (unsigned long long)w->sregs.cr4,
	     (unsigned long long)w->sregs.efer, !!w->walk.rflags, w->walk.pkru,
	     cpu.fault ? "fault" : "ok", cpu.code, walk.fault ? "fault" : "ok",
	     walk.code);
	for (i = 0; i < w->count; i++)
		note("entry %#llx, then %#llx by the processor, %#llx by the walk\n",
		     (unsigned long long)w->entry[i],
		     (unsigned long long)w->after[i],
		     (unsigned long long)get_entry(w, w->place[i]));
}

/*
 * After a fault the processor may have set accessed flags on its way (SDM 3A
 * 4.8 leaves that open), but nothing else.
 */
static bool flags_agree(struct world *w, bool fault)
{
	unsigned int i;

	for (i = 0; i < w->count; i++) {
		u64 by_walk = get_entry(w, w->place[i]);

		if (fault && w->entry[i] & P ?
		    (w->after[i] | A) != (by_walk | A) :
		    w->after[i] != by_walk)
			return false;
	}
	return true;
}

/* ---- KVM_TRANSLATE ---- */

static bool translate_agrees(struct world *w)
{
	struct kvm_translation t = { .linear_address = w->linear };
	struct osp_walk_cpu cpu = w->walk;
	struct osp_walk_result result;
	bool valid;

	put_path(w);
	/* KVM may set accessed flags; they are overwritten. */
	MUST(ioctl(w->v->fd, KVM_TRANSLATE, &t));
	put_path(w);
	/* It is not told what ends with the guest's program. */
	cpu.cpl = 0;
	valid = osp_walk(&cpu, w->linear, OSP_WALK_PEEK, &result) == OSP_WALK_OK;
	return t.valid == valid && (!valid || t.physical_address == result.gpa);
}

/* ---- */

#define CASES 4000
#define SEED 0x05711e5eedull

static void run_cases(enum mode mode)
{
	unsigned int i, faults = 0, wrong = 0, translated = 0;
	struct osp_walk_result result;
	struct outcome cpu, walk;
	struct world w;

	random_state = SEED + mode;
	note("seed %#llx\n", (unsigned long long)random_state);
	world_init(&w, mode);
	for (i = 0; i < CASES && wrong < 5; i++) {
		random_case(&w);
		put_path(&w);
		memcpy(w.vm->ram + page_of(&w) +
		       (w.linear & (BIT_ULL(shift_of(&w, w.leaf)) - 1)),
		       target, sizeof(target));
		cpu = by_cpu(&w);
		take_path(&w, w.after);
		put_path(&w);
		walk = by_walk(&w, &result);
		faults += cpu.fault;
		if (cpu.fault != walk.fault || cpu.code != walk.code ||
		    !flags_agree(&w, cpu.fault)) {
			show(&w, cpu, walk);
			wrong++;
		}
		translated += translate_agrees(&w);
		put_entry(&w, w.place[0], 0);
	}
	EQ("cases", i, CASES);
	obs("faults", "%u", faults);
	EQ("wrong", wrong, 0);
	EQ("translated-alike", translated, i);
	CHECK(faults > CASES / 8 && faults < CASES * 7 / 8,
	      "%u faults prove little\n", faults);
}

CASE_T(walks_32_bit, 30)
{
	run_cases(MODE_32);
}

CASE_T(walks_pae, 30)
{
	run_cases(MODE_PAE);
}

CASE_T(walks_4_level, 30)
{
	run_cases(MODE_4);
}

CASE_T(walks_5_level, 30)
{
	run_cases(MODE_5);
}
