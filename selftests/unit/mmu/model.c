// SPDX-License-Identifier: GPL-2.0
/*
 * model.c - what the SDM says about one translation, written down table by
 * table and sentence by sentence, without regard to speed or elegance.
 *
 * The model looks at a path of entries whose depth and kind it was told; it
 * shares no code with walk.c and goes about it in another way: walk.c decides
 * at each entry, the model has the sentences of SDM 3A 4.6.1 in their order.
 */
#include "model.h"

const char *const kind_names[NR_KINDS] = {
	"32-bit 4K", "32-bit 4M", "PAE 4K", "PAE 2M", "4-level 4K",
	"4-level 2M", "4-level 1G", "5-level 4K", "5-level 2M", "5-level 1G",
};

bool kind_is_32(enum kind kind)
{
	return kind <= P32_4M;
}

bool kind_is_pae(enum kind kind)
{
	return kind == PAE_4K || kind == PAE_2M;
}

bool kind_is_long(enum kind kind)
{
	return kind >= L4_4K;
}

unsigned int kind_shift(enum kind kind)
{
	static const unsigned int shift[NR_KINDS] = {
		12, 22, 12, 21, 12, 21, 30, 12, 21, 30,
	};

	return shift[kind];
}

static unsigned int kind_levels(enum kind kind)
{
	static const unsigned int levels[NR_KINDS] = {
		2, 1, 2, 1, 4, 3, 2, 5, 4, 3,
	};

	return levels[kind];
}

static int world_read(void *ctx, u64 gpa, u64 *entry, unsigned int len)
{
	struct world *w = ctx;
	unsigned int i;

	w->reads++;
	if (w->broken)
		return w->broken;
	for (i = 0; i < w->levels; i++) {
		if (w->gpa[i] == gpa) {
			*entry = w->entry[i];
			return len == (kind_is_32(w->kind) ? 4 : 8) ?
			       0 : -EDOM;
		}
	}
	return -EDOM;
}

static int world_update(void *ctx, u64 gpa, u64 *old, u64 new,
			unsigned int len)
{
	struct world *w = ctx;
	unsigned int i;

	if (w->readonly)
		return -ENXIO;
	for (i = 0; i < w->levels && w->gpa[i] != gpa; i++)
		;
	if (i == w->levels || len != (kind_is_32(w->kind) ? 4 : 8))
		return -EDOM;
	if (w->race) {
		w->race--;
		w->entry[i] ^= 1ULL << 9;	/* ignored by the CPU */
	}
	if (w->entry[i] != *old) {
		*old = w->entry[i];
		return 1;
	}
	w->entry[i] = new;
	w->updates++;
	return 0;
}

/* The index that a linear address has in the table of level @level. */
static u64 table_index(enum kind kind, u64 linear, unsigned int level)
{
	if (kind_is_32(kind))
		return level == 2 ? linear >> 22 & 0x3ff : linear >> 12 & 0x3ff;
	switch (level) {
	case 5:
		return linear >> 48 & 0x1ff;
	case 4:
		return linear >> 39 & 0x1ff;
	case 3:
		return linear >> 30 & 0x1ff;
	case 2:
		return linear >> 21 & 0x1ff;
	default:
		return linear >> 12 & 0x1ff;
	}
}

static unsigned int top_level(enum kind kind)
{
	if (kind_is_32(kind) || kind_is_pae(kind))
		return 2;
	return kind >= L5_4K ? 5 : 4;
}

/* Tables at 1 MiB, 2 MiB and so on; the page at a place of its own. */
void world_init(struct world *w, enum kind kind, u64 linear)
{
	unsigned int i, width = kind_is_32(kind) ? 4 : 8;
	u64 table = 0x100000;

	memset(w, 0, sizeof(*w));
	w->kind = kind;
	w->linear = linear;
	w->levels = kind_levels(kind);
	w->cpu.cr0 = CR0_PG_;
	w->cpu.phys_bits = 40;
	w->cpu.gbpages = true;
	w->cpu.cr3 = table;
	w->cpu.ctx = w;
	w->cpu.read = world_read;
	w->cpu.update = world_update;
	if (!kind_is_32(kind))
		w->cpu.cr4 |= CR4_PAE_;
	else
		w->cpu.cr4 |= CR4_PSE_;
	if (kind_is_long(kind))
		w->cpu.efer |= EFER_LMA_;
	if (kind >= L5_4K)
		w->cpu.cr4 |= CR4_LA57_;
	if (kind_is_pae(kind)) {
		w->cpu.pdpte[linear >> 30 & 3] = table | PTE_P;
		w->cpu.cr3 = 0xdead0000;	/* not to be used */
	}

	for (i = 0; i < w->levels; i++) {
		w->gpa[i] = table + width *
			    table_index(kind, linear, top_level(kind) - i);
		table += 0x100000;
		w->entry[i] = table | PTE_P | PTE_W | PTE_U;
	}
	w->entry[i - 1] = 0xc0000000ULL | PTE_P | PTE_W | PTE_U;
	if (kind_shift(kind) > 12)
		w->entry[i - 1] |= PTE_PS;
}

/* Bits hi to lo of an entry, as the SDM writes them. */
static u64 field(int hi, int lo)
{
	u64 mask = 0;

	for (; lo <= hi; lo++)
		mask |= 1ULL << lo;
	return mask;
}

/* Reserved bits of entry @i, which is present: SDM 3A tables 4-4 to 4-20. */
u64 model_reserved(const struct world *w, unsigned int i)
{
	unsigned int level = top_level(w->kind) - i;
	int m = w->cpu.phys_bits;
	bool ps = w->entry[i] & PTE_PS;
	u64 mask = 0;

	if (kind_is_32(w->kind)) {
		/* Table 4-4: bits 21:(M-19), M is min(40, MAXPHYADDR). */
		if (level == 2 && ps && w->cpu.cr4 & CR4_PSE_)
			mask = field(21, (m < 40 ? m : 40) - 19);
		return mask;
	}
	if (!(w->cpu.efer & EFER_NXE_))
		mask |= field(63, 63);
	/* Tables 4-9 to 4-11 have 62:M, tables 4-15 to 4-20 have 51:M. */
	mask |= kind_is_pae(w->kind) ? field(62, m) : field(51, m);
	switch (level) {
	case 5:
	case 4:
		mask |= field(7, 7);
		break;
	case 3:
		if (!w->cpu.gbpages)
			mask |= field(7, 7);
		else if (ps)
			mask |= field(29, 13);
		break;
	case 2:
		if (ps)
			mask |= field(20, 13);
		break;
	}
	return mask;
}

enum mode { SUPERVISOR, USER };

/* SDM 3A 4.6.1, sentence by sentence; keys are looked at elsewhere. */
static bool rights_allow(const struct world *w, unsigned int access,
			 enum mode mode, bool user_address, bool writable,
			 bool xd)
{
	bool wp = w->cpu.cr0 & CR0_WP_;
	bool smap = w->cpu.cr4 & CR4_SMAP_;
	bool smep = w->cpu.cr4 & CR4_SMEP_;
	bool nxe = w->cpu.efer & EFER_NXE_ && !kind_is_32(w->kind);
	bool ac = w->cpu.rflags & RFLAGS_AC_;
	bool explicit = !(access & OSP_WALK_IMPLICIT);

	if (mode == SUPERVISOR && access & OSP_WALK_FETCH) {
		if (!user_address)
			return !nxe || !xd;
		if (smep)
			return false;
		return !nxe || !xd;
	}
	if (mode == SUPERVISOR && access & OSP_WALK_WRITE) {
		if (!user_address)
			return !wp || writable;
		if (!wp) {
			if (!smap)
				return true;
			return ac && explicit;
		}
		if (!smap)
			return writable;
		if (ac && explicit)
			return writable;
		return false;
	}
	if (mode == SUPERVISOR) {
		if (!user_address)
			return true;
		if (!smap)
			return true;
		return ac && explicit;
	}
	if (access & OSP_WALK_FETCH)
		return user_address && (!nxe || !xd);
	if (access & OSP_WALK_WRITE)
		return user_address && writable;
	return user_address;
}

/* SDM 3A 4.6.2. */
static bool key_refuses(const struct world *w, unsigned int access,
			enum mode mode, bool user_address)
{
	unsigned int key = w->entry[w->levels - 1] >> 59 & 15;
	bool ad = w->cpu.pkru & 1U << (2 * key);
	bool wd = w->cpu.pkru & 1U << (2 * key + 1);

	if (!kind_is_long(w->kind) || !(w->cpu.cr4 & CR4_PKE_))
		return false;
	if (access & OSP_WALK_FETCH || !user_address)
		return false;
	if (ad)
		return true;
	if (!wd || !(access & OSP_WALK_WRITE))
		return false;
	if (mode == USER)
		return true;
	return w->cpu.cr0 & CR0_WP_;
}

static u64 model_address(const struct world *w)
{
	unsigned int shift = kind_shift(w->kind);
	u64 leaf = w->entry[w->levels - 1];
	u64 page;

	if (w->kind == P32_4M)
		page = (leaf >> 22 & 0x3ff) << 22 | (leaf >> 13 & 0xff) << 32;
	else
		page = leaf & 0x000fffffffffffffULL & -(1ULL << shift);
	return page + w->linear % (1ULL << shift);
}

struct verdict model(const struct world *w, unsigned int access)
{
	enum mode mode = w->cpu.cpl == 3 && !(access & OSP_WALK_IMPLICIT) ?
			 USER : SUPERVISOR;
	struct verdict v = { .shift = kind_shift(w->kind), .writable = true,
			     .user = true, .executable = true };
	u32 code = 0;
	unsigned int i;

	/* SDM 3A 4.7 */
	if (access & OSP_WALK_WRITE)
		code |= 1 << 1;
	if (mode == USER)
		code |= 1 << 2;
	if (access & OSP_WALK_FETCH &&
	    (w->cpu.cr4 & CR4_SMEP_ ||
	     (w->cpu.cr4 & CR4_PAE_ && w->cpu.efer & EFER_NXE_)))
		code |= 1 << 4;

	for (i = 0; i < w->levels; i++) {
		v.code = code;
		v.fault = true;
		if (!(w->entry[i] & PTE_P))
			return v;
		v.code |= 1 << 0;
		if (w->entry[i] & model_reserved(w, i)) {
			v.code |= 1 << 3;
			return v;
		}
		v.writable &= !!(w->entry[i] & PTE_W);
		v.user &= !!(w->entry[i] & PTE_U);
		v.executable &= !(w->entry[i] & PTE_XD);
	}
	v.fault = !rights_allow(w, access, mode, v.user, v.writable,
				!v.executable);
	if (key_refuses(w, access, mode, v.user)) {
		v.fault = true;
		v.code |= 1 << 5;
	}
	v.gpa = model_address(w);
	return v;
}
