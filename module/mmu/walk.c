// SPDX-License-Identifier: GPL-2.0
/*
 * walk.c - translate a guest's linear address as its CPU would (SDM 3A
 * chapter 4): the emulator's eyes.
 *
 * All paging modes in one walk: none, 32-bit, PAE, 4-level and 5-level; all
 * rights (U/S, R/W, CR0.WP, XD, SMEP, SMAP, protection keys); reserved bits;
 * accessed and dirty flags; the page fault's error code.  Not here: whether
 * the address is canonical, and segmentation, which come before paging.
 *
 * Owns nothing and takes no lock.  Guest memory may change under the walk,
 * as it may under a CPU's: each entry is read once, and the accessed and dirty
 * flags are set by compare-exchange, so that the translation given was true
 * when its flags were set.  Plain logic; compiles in userspace too.
 */
#include "walk.h"

#define CR0_WP		BIT_ULL(16)
#define CR0_PG		BIT_ULL(31)
#define CR4_PSE		BIT_ULL(4)
#define CR4_PAE		BIT_ULL(5)
#define CR4_LA57	BIT_ULL(12)
#define CR4_SMEP	BIT_ULL(20)
#define CR4_SMAP	BIT_ULL(21)
#define CR4_PKE		BIT_ULL(22)
#define IA32_EFER_LMA	BIT_ULL(10)
#define IA32_EFER_NXE	BIT_ULL(11)
#define RFLAGS_AC	BIT_ULL(18)

/* Paging-structure entries (SDM 3A tables 4-4 to 4-20). */
#define ENTRY_P		BIT_ULL(0)
#define ENTRY_RW	BIT_ULL(1)
#define ENTRY_US	BIT_ULL(2)
#define ENTRY_A		BIT_ULL(5)
#define ENTRY_D		BIT_ULL(6)
#define ENTRY_PS	BIT_ULL(7)
#define ENTRY_ADDR	GENMASK_ULL(51, 12)
#define ENTRY_PK_SHIFT	59
#define ENTRY_XD	BIT_ULL(63)
/* 4-MByte pages: bits 39:32 of the address are in bits 20:13 (PSE-36). */
#define PSE36_ADDR	GENMASK_ULL(31, 22)
#define PSE36_HIGH	GENMASK_ULL(20, 13)
#define PSE36_SHIFT	19
#define PSE36_BITS	40

/* Protection-key rights: two bits a key. */
#define PKRU_AD		BIT(0)
#define PKRU_WD		BIT(1)

#define MAX_LEVELS	5

/* Entries that changed while we looked at them, before we give up. */
#define WALK_TRIES	8
#define WALK_CHANGED	2	/* internal verdict: begin again */

enum paging { PAGING_32, PAGING_PAE, PAGING_LONG };

/**
 * struct walk - a walk under way.
 * @cpu: whose.
 * @linear: what is translated.
 * @access: OSP_WALK_*.
 * @paging: the kind of entries.
 * @reserved: bits that are reserved in entries of every level.
 * @level: of the entry being looked at; 1 is the last possible.
 * @entries: the entries used, in order.
 * @places: their guest-physical addresses.
 * @count: how many.
 * @rights: R/W and U/S that all entries allow, and XD that any sets.
 */
struct walk {
	const struct osp_walk_cpu *cpu;
	u64 linear;
	unsigned int access;
	enum paging paging;
	int level;
	u64 reserved;
	u64 entries[MAX_LEVELS];
	u64 places[MAX_LEVELS];
	unsigned int count;
	u64 rights;
};

static enum paging paging_of(const struct osp_walk_cpu *cpu)
{
	if (!(cpu->cr4 & CR4_PAE))
		return PAGING_32;
	return cpu->efer & IA32_EFER_LMA ? PAGING_LONG : PAGING_PAE;
}

static unsigned int entry_len(const struct walk *w)
{
	return w->paging == PAGING_32 ? 4 : 8;
}

/* How far the part of the address that a level decodes is shifted. */
static unsigned int level_shift(const struct walk *w, int level)
{
	return 12 + (level - 1) * (w->paging == PAGING_32 ? 10 : 9);
}

/* Bits @high to @low, of which there may be none. */
static u64 bits(unsigned int high, unsigned int low)
{
	return high < low ? 0 : GENMASK_ULL(high, low);
}

static bool may_map_page(const struct walk *w)
{
	switch (w->level) {
	case 1:
		return true;
	case 2:
		return w->paging != PAGING_32 || w->cpu->cr4 & CR4_PSE;
	case 3:
		return w->paging == PAGING_LONG && w->cpu->gbpages;
	default:
		return false;
	}
}

static bool maps_page(const struct walk *w, u64 entry)
{
	return w->level == 1 || (entry & ENTRY_PS && may_map_page(w));
}

static u64 reserved_32(const struct walk *w, u64 entry)
{
	unsigned int phys_bits = min_t(unsigned int, w->cpu->phys_bits,
				       PSE36_BITS);

	if (w->level == 1 || !maps_page(w, entry))
		return 0;
	return bits(21, phys_bits - PSE36_SHIFT);
}

/* The bits of a present entry that have to be 0. */
static u64 reserved(const struct walk *w, u64 entry)
{
	if (w->paging == PAGING_32)
		return reserved_32(w, entry);
	/* Bit 7 of the last level's entries is the PAT's. */
	if (!(entry & ENTRY_PS) || w->level == 1)
		return w->reserved;
	return w->reserved | (may_map_page(w) ?
			      bits(level_shift(w, w->level) - 1, 13) : ENTRY_PS);
}

static u64 always_reserved(const struct walk *w)
{
	u64 mask = bits(w->paging == PAGING_PAE ? 62 : 51, w->cpu->phys_bits);

	return w->cpu->efer & IA32_EFER_NXE ? mask : mask | ENTRY_XD;
}

static bool user_access(const struct walk *w)
{
	return w->cpu->cpl == 3 && !(w->access & OSP_WALK_IMPLICIT);
}

/* The part of the error code that tells of the access, not of its fate. */
static u32 access_code(const struct walk *w)
{
	const struct osp_walk_cpu *cpu = w->cpu;
	bool tells_fetch = cpu->cr4 & CR4_SMEP ||
			   (cpu->cr4 & CR4_PAE && cpu->efer & IA32_EFER_NXE);
	u32 code = 0;

	if (w->access & OSP_WALK_WRITE)
		code |= OSP_PF_W;
	if (user_access(w))
		code |= OSP_PF_U;
	if (w->access & OSP_WALK_FETCH && tells_fetch)
		code |= OSP_PF_I;
	return code;
}

static int page_fault(const struct walk *w, u32 why,
		      struct osp_walk_result *result)
{
	result->error_code = access_code(w) | why;
	return OSP_WALK_FAULT;
}

/* SDM 3A 4.6.2: data accesses to user-mode addresses only. */
static bool key_allows(const struct walk *w)
{
	const struct osp_walk_cpu *cpu = w->cpu;
	unsigned int key = w->entries[w->count - 1] >> ENTRY_PK_SHIFT & 15;
	u32 rights = cpu->pkru >> 2 * key;

	if (w->paging != PAGING_LONG || !(cpu->cr4 & CR4_PKE) ||
	    w->access & OSP_WALK_FETCH || !(w->rights & ENTRY_US))
		return true;
	if (rights & PKRU_AD)
		return false;
	if (!(w->access & OSP_WALK_WRITE) || !(rights & PKRU_WD))
		return true;
	return !user_access(w) && !(cpu->cr0 & CR0_WP);
}

/* SDM 3A 4.6.1, for an access in supervisor mode. */
static bool supervisor_allowed(const struct walk *w)
{
	const struct osp_walk_cpu *cpu = w->cpu;
	bool user_page = w->rights & ENTRY_US;

	if (w->access & OSP_WALK_FETCH)
		return !(user_page && cpu->cr4 & CR4_SMEP) &&
		       !(w->rights & ENTRY_XD);
	if (user_page && cpu->cr4 & CR4_SMAP &&
	    (w->access & OSP_WALK_IMPLICIT || !(cpu->rflags & RFLAGS_AC)))
		return false;
	return !(w->access & OSP_WALK_WRITE) || w->rights & ENTRY_RW ||
	       !(cpu->cr0 & CR0_WP);
}

static bool user_allowed(const struct walk *w)
{
	if (!(w->rights & ENTRY_US))
		return false;
	if (w->access & OSP_WALK_FETCH)
		return !(w->rights & ENTRY_XD);
	return !(w->access & OSP_WALK_WRITE) || w->rights & ENTRY_RW;
}

/* What the error code says beside the access; 0 if the access is allowed. */
static u32 refusal(const struct walk *w)
{
	bool allowed = user_access(w) ? user_allowed(w) : supervisor_allowed(w);

	if (!key_allows(w))
		return OSP_PF_P | OSP_PF_PK;
	return allowed ? 0 : OSP_PF_P;
}

/* Where the walk begins: the top table, and w->level that it is of. */
static u64 top_table(struct walk *w)
{
	const struct osp_walk_cpu *cpu = w->cpu;

	switch (w->paging) {
	case PAGING_32:
		w->level = 2;
		return cpu->cr3 & GENMASK_ULL(31, 12);
	case PAGING_PAE:
		w->level = 2;
		return cpu->pdpte[w->linear >> 30 & 3] & ENTRY_ADDR;
	default:
		w->level = cpu->cr4 & CR4_LA57 ? 5 : 4;
		return cpu->cr3 & ENTRY_ADDR & bits(cpu->phys_bits - 1, 12);
	}
}

static int read_entry(struct walk *w, u64 table)
{
	unsigned int len = entry_len(w);
	u64 index = w->linear >> level_shift(w, w->level) & (4096 / len - 1);
	u64 *entry = &w->entries[w->count];

	*entry = 0;
	w->places[w->count] = table + index * len;
	return w->cpu->read(w->cpu->ctx, w->places[w->count++], entry, len);
}

static void take_rights(struct walk *w, u64 entry)
{
	w->rights &= entry | ~(ENTRY_RW | ENTRY_US);
	if (w->paging != PAGING_32)
		w->rights |= entry & ENTRY_XD;
}

/* From the top table to the entry that maps the page. */
static int descend(struct walk *w, struct osp_walk_result *result)
{
	u64 table = top_table(w);
	u64 entry;
	int ret;

	/* Its reserved bits were checked when it was loaded (4.4.1). */
	if (w->paging == PAGING_PAE &&
	    !(w->cpu->pdpte[w->linear >> 30 & 3] & ENTRY_P))
		return page_fault(w, 0, result);

	for (;; w->level--) {
		ret = read_entry(w, table);
		if (ret)
			return ret;
		entry = w->entries[w->count - 1];
		if (!(entry & ENTRY_P))
			return page_fault(w, 0, result);
		if (entry & reserved(w, entry))
			return page_fault(w, OSP_PF_P | OSP_PF_RSVD, result);
		take_rights(w, entry);
		if (maps_page(w, entry))
			return OSP_WALK_OK;
		table = entry & ENTRY_ADDR;
	}
}

/*
 * Set the accessed flag in all entries used, and the dirty flag in the last.
 * A table in memory that can't be written keeps its flags, as it would with
 * ROM on the bus.
 */
static int set_flags(struct walk *w)
{
	const struct osp_walk_cpu *cpu = w->cpu;
	unsigned int i;

	for (i = 0; i < w->count; i++) {
		u64 old = w->entries[i];
		u64 new = old | ENTRY_A;
		int ret;

		if (i == w->count - 1 && w->access & OSP_WALK_WRITE)
			new |= ENTRY_D;
		if (new == old)
			continue;
		ret = cpu->update(cpu->ctx, w->places[i], &old, new,
				   entry_len(w));
		if (ret > 0)
			return WALK_CHANGED;
		if (ret < 0 && ret != -ENXIO)
			return ret;
	}
	return 0;
}

static u64 page_base(const struct walk *w, u64 entry)
{
	if (w->paging == PAGING_32 && w->level == 2)
		return (entry & PSE36_ADDR) |
		       (entry & PSE36_HIGH) << PSE36_SHIFT;
	return entry & ENTRY_ADDR & ~bits(level_shift(w, w->level) - 1, 12);
}

static void fill_result(const struct walk *w, struct osp_walk_result *result)
{
	unsigned int shift = level_shift(w, w->level);

	result->gpa = page_base(w, w->entries[w->count - 1]) |
		      (w->linear & bits(shift - 1, 0));
	result->page_shift = shift;
	result->writable = w->rights & ENTRY_RW;
	result->user = w->rights & ENTRY_US;
	result->executable = !(w->rights & ENTRY_XD);
}

static int walk_once(struct walk *w, struct osp_walk_result *result)
{
	u32 why;
	int ret;

	w->count = 0;
	w->rights = ENTRY_RW | ENTRY_US;
	ret = descend(w, result);
	if (ret)
		return ret;
	why = refusal(w);
	if (why)
		return page_fault(w, why, result);
	if (!(w->access & OSP_WALK_PEEK)) {
		ret = set_flags(w);
		if (ret)
			return ret;
	}
	fill_result(w, result);
	return OSP_WALK_OK;
}

/**
 * osp_walk() - translate a linear address, as the CPU does for an access.
 * @cpu: the CPU's state, and how to get at guest memory.
 * @linear: canonical address; without long mode its upper half is ignored.
 * @access: OSP_WALK_*: what the access is.
 * @result: filled in.
 *
 * Sets the accessed and dirty flags unless told to peek, only if the access is
 * allowed.
 *
 * Context: that of @cpu->read and @cpu->update.
 * Return: OSP_WALK_OK; OSP_WALK_FAULT: the guest gets a page fault with
 * @result->error_code (and CR2 of @linear); -EAGAIN if the tables changed again
 * and again: let the guest execute the instruction once more; or an error of
 * the callbacks.
 */
int osp_walk(const struct osp_walk_cpu *cpu, u64 linear, unsigned int access,
	     struct osp_walk_result *result)
{
	struct walk w = {
		.cpu = cpu,
		.linear = cpu->efer & IA32_EFER_LMA ? linear : (u32)linear,
		.access = access,
		.paging = paging_of(cpu),
	};
	int tries, ret;

	w.reserved = always_reserved(&w);
	*result = (struct osp_walk_result){ 0 };
	if (!(cpu->cr0 & CR0_PG)) {
		*result = (struct osp_walk_result){
			.gpa = w.linear, .page_shift = 12, .writable = true,
			.user = true, .executable = true,
		};
		return OSP_WALK_OK;
	}
	for (tries = 0; tries < WALK_TRIES; tries++) {
		ret = walk_once(&w, result);
		if (ret != WALK_CHANGED)
			return ret;
	}
	return -EAGAIN;
}

/**
 * osp_walk_pdpte_ok() - may this be loaded into a PDPTE register?
 * @cpu: for MAXPHYADDR.
 * @pdpte: one of the four entries at CR3 in PAE mode.
 *
 * When a load of CR3, or of CR0 or CR4 that enters PAE paging, meets an entry
 * that may not, it ends in #GP(0) (SDM 3A 4.4.1).
 */
bool osp_walk_pdpte_ok(const struct osp_walk_cpu *cpu, u64 pdpte)
{
	u64 mask = bits(2, 1) | bits(8, 5) | bits(63, cpu->phys_bits);

	return !(pdpte & ENTRY_P) || !(pdpte & mask);
}
