// SPDX-License-Identifier: GPL-2.0
/*
 * walk_test.c - the walk of guest page tables (module/mmu/walk.c) against a
 * model written from the SDM (model.c): all rights in all modes, reserved
 * bits, accessed and dirty flags, races with other CPUs.
 */
#include "model.h"
#include "tap.h"

static const u64 linear_of[NR_KINDS] = {
	0xc1234567, 0xc1234567, 0x81234567, 0x41234567,
	0xffff812345678abcULL, 0x00007fedcba98765ULL, 0xffffffffffffffffULL,
	0xff01812345678abcULL, 0x00fedcba98765432ULL, 0x0000000000000001ULL,
};

static u64 random_state = 88172645463325252ULL;

/* xorshift64: the same numbers on each run. */
static u64 random_u64(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

/* Compare one walk with the model. Returns whether they agree. */
static bool agrees(struct world *w, unsigned int access)
{
	struct verdict want = model(w, access);
	struct osp_walk_result got;
	int ret = osp_walk(&w->cpu, w->linear, access, &got);
	bool same;

	if (want.fault)
		same = ret == OSP_WALK_FAULT && got.error_code == want.code;
	else
		same = ret == OSP_WALK_OK && got.gpa == want.gpa &&
		       got.page_shift == want.shift &&
		       got.writable == want.writable &&
		       got.user == want.user &&
		       got.executable == want.executable;
	if (!same)
		fail("%s: linear %#llx access %#x cr0 %#llx cr4 %#llx efer %#llx pkru %#x cpl %d ac %d, last entry %#llx: got %d code %#x gpa %#llx, want fault %d code %#x gpa %#llx",
		     kind_names[w->kind], (unsigned long long)w->linear,
		     access, (unsigned long long)w->cpu.cr0,
		     (unsigned long long)w->cpu.cr4,
		     (unsigned long long)w->cpu.efer, w->cpu.pkru, w->cpu.cpl,
		     !!w->cpu.rflags,
		     (unsigned long long)w->entry[w->levels - 1], ret,
		     got.error_code, (unsigned long long)got.gpa, want.fault,
		     want.code, (unsigned long long)want.gpa);
	return same;
}

/* Bit @n of @number chooses whether @mask is set in *@word. */
static void choose(u64 *word, u64 mask, unsigned int number, unsigned int n)
{
	*word = number >> n & 1 ? *word | mask : *word & ~mask;
}

/* The CPU's part of the matrix: 4096 combinations. */
#define CPU_STATES	4096

static unsigned int set_cpu(struct world *w, unsigned int n)
{
	static const unsigned int accesses[] = {
		0, OSP_WALK_WRITE, OSP_WALK_FETCH, OSP_WALK_WRITE,
	};

	choose(&w->cpu.cr0, CR0_WP_, n, 0);
	choose(&w->cpu.efer, EFER_NXE_, n, 1);
	choose(&w->cpu.cr4, CR4_SMEP_, n, 2);
	choose(&w->cpu.cr4, CR4_SMAP_, n, 3);
	choose(&w->cpu.cr4, CR4_PKE_, n, 4);
	choose(&w->cpu.rflags, RFLAGS_AC_, n, 5);
	/* Key 5 for the page; key 0 gets the opposite, to tell them apart. */
	w->cpu.pkru = (n >> 6 & 3) << 10 | (~n >> 6 & 3);
	w->cpu.cpl = n & 1 << 8 ? 3 : 0;
	return accesses[n >> 9 & 3] |
	       (n & 1 << 11 ? OSP_WALK_IMPLICIT : 0) | OSP_WALK_PEEK;
}

/* Set P, R/W, U/S and XD of an entry by the bits of @n. */
static void set_rights(struct world *w, unsigned int i, unsigned int n)
{
	choose(&w->entry[i], PTE_P, n, 0);
	choose(&w->entry[i], PTE_W, n, 1);
	choose(&w->entry[i], PTE_U, n, 2);
	if (!kind_is_32(w->kind))
		choose(&w->entry[i], PTE_XD, n, 3);
}

/* All rights of the last entry with all rights of one other, in all states. */
static void check_rights(enum kind kind, unsigned int other)
{
	struct world w;
	unsigned int n, state, access;

	world_init(&w, kind, linear_of[kind]);
	if (kind_is_long(kind))
		w.entry[w.levels - 1] |= PTE_KEY(5);
	for (n = 0; n < 256; n++) {
		set_rights(&w, other, n >> 4);
		set_rights(&w, w.levels - 1, n);
		for (state = 0; state < CPU_STATES; state++) {
			access = set_cpu(&w, state);
			if (!agrees(&w, access))
				return;
		}
	}
}

static void rights_in_all_modes(void)
{
	enum kind kind;
	unsigned int i;
	struct world w;

	for (kind = 0; kind < NR_KINDS; kind++) {
		world_init(&w, kind, linear_of[kind]);
		check_rights(kind, 0);
		for (i = 1; i + 1 < w.levels; i++)
			check_rights(kind, i);
	}
}

/* One bit more in one entry of an otherwise plain path. */
static void check_bit(enum kind kind, u8 phys_bits, bool nxe, unsigned int bit)
{
	struct world w;
	unsigned int i;

	world_init(&w, kind, linear_of[kind]);
	for (i = 0; i < w.levels; i++) {
		world_init(&w, kind, linear_of[kind]);
		w.cpu.phys_bits = phys_bits;
		w.cpu.efer |= nxe ? EFER_NXE_ : 0;
		w.entry[i] |= 1ULL << bit;
		/* Not where it would be part of a table's address. */
		if (i + 1 == w.levels || bit < 12 || bit >= phys_bits)
			agrees(&w, OSP_WALK_PEEK);
	}
}

/* Each bit of each entry alone, with several MAXPHYADDR. */
static void reserved_bits_in_all_modes(void)
{
	static const u8 phys_bits[] = { 32, 36, 39, 40, 46, 48, 51, 52 };
	enum kind kind;
	unsigned int m, bit;

	for (kind = 0; kind < NR_KINDS; kind++)
		for (m = 0; m < ARRAY_SIZE(phys_bits); m++)
			for (bit = 8; bit < (kind_is_32(kind) ? 32 : 64); bit++) {
				check_bit(kind, phys_bits[m], false, bit);
				check_bit(kind, phys_bits[m], true, bit);
			}
}

/* The PS bit where it maps nothing: ignored in 32-bit mode, else reserved. */
static void page_size_bit(void)
{
	struct osp_walk_result result;
	struct world w;

	world_init(&w, L4_4K, linear_of[L4_4K]);
	w.entry[0] |= PTE_PS;
	agrees(&w, OSP_WALK_PEEK);
	world_init(&w, L5_4K, linear_of[L5_4K]);
	w.entry[1] |= PTE_PS;
	agrees(&w, OSP_WALK_PEEK);
	world_init(&w, L5_4K, linear_of[L5_4K]);
	w.entry[0] |= PTE_PS;
	agrees(&w, OSP_WALK_PEEK);

	/* Without 1-GByte pages the bit is reserved. */
	world_init(&w, L4_1G, linear_of[L4_1G]);
	w.cpu.gbpages = false;
	expect_eq(model(&w, OSP_WALK_PEEK).code, OSP_PF_P | OSP_PF_RSVD);
	agrees(&w, OSP_WALK_PEEK);

	/* Without CR4.PSE it is ignored; in the last level it is PAT. */
	world_init(&w, P32_4K, linear_of[P32_4K]);
	w.cpu.cr4 = 0;
	w.entry[0] |= PTE_PS;
	w.entry[1] |= PTE_PS;
	agrees(&w, OSP_WALK_PEEK);
	world_init(&w, PAE_4K, linear_of[PAE_4K]);
	w.entry[1] |= PTE_PS;
	agrees(&w, OSP_WALK_PEEK);
	expect_eq(osp_walk(&w.cpu, w.linear, OSP_WALK_PEEK, &result), 0);
	expect_eq(result.page_shift, 12);
}

static void addresses(void)
{
	enum kind kind;
	struct world w;
	unsigned int n;
	u64 linear, page;

	for (kind = 0; kind < NR_KINDS; kind++)
		for (n = 0; n < 20000; n++) {
			linear = random_u64();
			if (!kind_is_long(kind))
				linear &= 0xffffffff;
			world_init(&w, kind, linear);
			w.cpu.phys_bits = 32 + random_u64() % 21;
			page = random_u64() & -(1ULL << kind_shift(kind));
			page &= kind_is_32(kind) ? 0xffffffff :
				(1ULL << w.cpu.phys_bits) - 1;
			w.entry[w.levels - 1] &= 0xfff;
			w.entry[w.levels - 1] |= page;
			agrees(&w, OSP_WALK_PEEK);
		}
}

static void no_paging(void)
{
	struct osp_walk_result result;
	struct world w;

	world_init(&w, P32_4K, 0);
	w.cpu.cr0 = 0;
	w.cpu.cpl = 3;
	expect_eq(osp_walk(&w.cpu, 0x1fedcba98ULL, OSP_WALK_WRITE, &result), 0);
	expect_eq(result.gpa, 0xfedcba98);
	expect(result.writable && result.user && result.executable);
	expect_eq(w.reads, 0);
}

static void upper_half_is_ignored_without_long_mode(void)
{
	struct osp_walk_result result;
	struct world w;

	world_init(&w, PAE_4K, 0x41234567);
	expect_eq(osp_walk(&w.cpu, 0xffffffff41234567ULL, 0, &result), 0);
	expect_eq(result.gpa, 0xc0000567);
}

/* Flags in all entries used and, if written, in the last; else nowhere. */
static void check_flags(struct world *w, unsigned int access)
{
	struct verdict want = model(w, access);
	bool sets = !want.fault && !(access & OSP_WALK_PEEK);
	struct world before = *w;
	unsigned int i;

	agrees(w, access);
	for (i = 0; i < w->levels; i++) {
		u64 entry = before.entry[i];

		if (sets)
			entry |= PTE_A;
		if (sets && access & OSP_WALK_WRITE && i + 1 == w->levels)
			entry |= PTE_D;
		expect_eq(w->entry[i], entry);
	}
}

static void accessed_and_dirty(void)
{
	enum kind kind;
	struct world w;
	unsigned int n, i, access;

	for (kind = 0; kind < NR_KINDS; kind++)
		for (n = 0; n < 20000; n++) {
			world_init(&w, kind, linear_of[kind]);
			access = set_cpu(&w, random_u64() % CPU_STATES);
			for (i = 0; i < w.levels; i++) {
				/* Mostly present, or few walks succeed. */
				set_rights(&w, i, random_u64() | 1);
				w.entry[i] |= random_u64() & PTE_A;
			}
			w.entry[i - 1] |= random_u64() & PTE_D;
			if (random_u64() % 4)
				access &= ~OSP_WALK_PEEK;
			check_flags(&w, access);
		}
}

static void flags_are_set_once(void)
{
	struct osp_walk_result result;
	struct world w;

	world_init(&w, L4_4K, linear_of[L4_4K]);
	expect_eq(osp_walk(&w.cpu, w.linear, 0, &result), 0);
	expect_eq(w.updates, 4);
	expect_eq(osp_walk(&w.cpu, w.linear, OSP_WALK_WRITE, &result), 0);
	expect_eq(w.updates, 5);
	expect_eq(osp_walk(&w.cpu, w.linear, OSP_WALK_WRITE, &result), 0);
	expect_eq(w.updates, 5);
}

static void races_begin_again(void)
{
	struct osp_walk_result result;
	struct world w;

	world_init(&w, L4_4K, linear_of[L4_4K]);
	w.race = 3;
	expect_eq(osp_walk(&w.cpu, w.linear, OSP_WALK_WRITE, &result), 0);
	expect_eq(w.race, 0);
	expect_eq(w.reads, 16);
	expect_eq(w.entry[3] & (PTE_A | PTE_D), PTE_A | PTE_D);

	/* Forever: it gives up, and the guest tries again. */
	world_init(&w, L4_4K, linear_of[L4_4K]);
	w.race = 1000000;
	expect_eq(osp_walk(&w.cpu, w.linear, OSP_WALK_WRITE, &result), -EAGAIN);
	expect(w.reads < 1000);
}

static void tables_in_rom(void)
{
	struct osp_walk_result result;
	struct world w;

	world_init(&w, L4_4K, linear_of[L4_4K]);
	w.readonly = true;
	expect_eq(osp_walk(&w.cpu, w.linear, OSP_WALK_WRITE, &result), 0);
	expect_eq(result.gpa, 0xc0000abc);
}

static void errors_come_through(void)
{
	struct osp_walk_result result;
	struct world w;

	world_init(&w, L4_4K, linear_of[L4_4K]);
	w.broken = -EFAULT;
	expect_eq(osp_walk(&w.cpu, w.linear, 0, &result), -EFAULT);
	expect_eq(w.reads, 1);
}

static void pdpte_registers(void)
{
	struct osp_walk_result result;
	struct world w;
	unsigned int bit;

	world_init(&w, PAE_4K, 0x81234567);
	w.cpu.pdpte[2] &= ~PTE_P;
	w.cpu.cpl = 3;
	expect_eq(osp_walk(&w.cpu, w.linear, OSP_WALK_WRITE, &result),
		  OSP_WALK_FAULT);
	expect_eq(result.error_code, OSP_PF_W | OSP_PF_U);
	expect_eq(w.reads, 0);

	/* SDM 3A table 4-8: 2:1, 8:5 and 63:MAXPHYADDR are reserved. */
	for (bit = 1; bit < 64; bit++) {
		bool reserved = (bit >= 1 && bit <= 2) ||
				(bit >= 5 && bit <= 8) || bit >= 40;

		expect_eq(osp_walk_pdpte_ok(&w.cpu, 1ULL << bit | 1), !reserved);
		expect(osp_walk_pdpte_ok(&w.cpu, 1ULL << bit));
	}
}

int main(void)
{
	run(rights_in_all_modes);
	run(reserved_bits_in_all_modes);
	run(page_size_bit);
	run(addresses);
	run(no_paging);
	run(upper_half_is_ignored_without_long_mode);
	run(accessed_and_dirty);
	run(flags_are_set_once);
	run(races_begin_again);
	run(tables_in_rom);
	run(errors_come_through);
	run(pdpte_registers);
	return tap_end();
}
