// SPDX-License-Identifier: GPL-2.0
/*
 * walk_fuzz.c - libFuzzer target: any entries, any CPU state, any access; the
 * walk and the model (model.c) have to agree, and the walk has to end.
 */
#include "model.h"

/* What the fuzzer's bytes mean; missing ones are 0. */
struct input {
	u8 kind;
	u8 phys_bits;
	u8 cpl;
	u8 access;
	u32 pkru;
	u32 flags;
	u64 linear;
	u64 entry[5];
};

#define FLAG(input, n, mask)	((input)->flags & 1U << (n) ? (mask) : 0)

static void build(struct world *w, const struct input *input)
{
	enum kind kind = input->kind % NR_KINDS;
	/* A table's address is the world's affair; so is which entries map. */
	const u64 fixed = 0x000ffffffffff000ULL | PTE_PS;
	unsigned int i;

	world_init(w, kind, kind_is_long(kind) ? input->linear :
						 (u32)input->linear);
	w->cpu.phys_bits = 32 + input->phys_bits % 21;
	w->cpu.cpl = input->cpl & 3;
	w->cpu.pkru = input->pkru;
	w->cpu.cr0 |= FLAG(input, 0, CR0_WP_);
	w->cpu.efer |= FLAG(input, 1, EFER_NXE_);
	w->cpu.cr4 |= FLAG(input, 2, CR4_SMEP_);
	w->cpu.cr4 |= FLAG(input, 3, CR4_SMAP_);
	w->cpu.cr4 |= FLAG(input, 4, CR4_PKE_);
	w->cpu.rflags |= FLAG(input, 5, RFLAGS_AC_);
	w->cpu.gbpages = input->flags & 1 << 6;
	w->race = input->flags >> 7 & 3;
	for (i = 0; i < w->levels; i++) {
		u64 keep = i + 1 < w->levels ? fixed : PTE_PS;
		u64 entry = input->entry[i];

		if (kind_is_32(kind))
			entry = (u32)entry;
		w->entry[i] = (w->entry[i] & keep) | (entry & ~keep);
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct osp_walk_result got;
	struct input input = { 0 };
	struct verdict want;
	struct world w;
	unsigned int access;
	int ret;

	memcpy(&input, data, size < sizeof(input) ? size : sizeof(input));
	build(&w, &input);
	access = input.access & (OSP_WALK_WRITE | OSP_WALK_FETCH |
				 OSP_WALK_IMPLICIT | OSP_WALK_PEEK);
	if (access & OSP_WALK_FETCH)
		access &= ~OSP_WALK_WRITE;
	want = model(&w, access);
	ret = osp_walk(&w.cpu, w.linear, access, &got);
	if (ret != (want.fault ? OSP_WALK_FAULT : OSP_WALK_OK))
		abort();
	if (want.fault ? got.error_code != want.code :
	    got.gpa != want.gpa || got.page_shift != want.shift)
		abort();
	return 0;
}
