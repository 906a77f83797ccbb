/* SPDX-License-Identifier: GPL-2.0 */
/*
 * model.h - a guest's page tables for the tests of module/mmu/walk.c, and an
 * independent model of what the CPU makes of them (model.c).
 */
#ifndef WALK_MODEL_H
#define WALK_MODEL_H

#include "../../../module/mmu/walk.h"

/* The kinds of translation: a paging mode and the size of the page. */
enum kind {
	P32_4K, P32_4M, PAE_4K, PAE_2M, L4_4K, L4_2M, L4_1G,
	L5_4K, L5_2M, L5_1G, NR_KINDS
};

/**
 * struct world - one CPU, and the path of page-table entries for one address.
 * @kind: which the entries make up, if their bits are left as they should be.
 * @cpu: callbacks lead back to this world.
 * @linear: the address that @gpa are the places for.
 * @entry: entries, the top one first.
 * @gpa: where they are.
 * @levels: how many.
 * @reads: read callbacks so far.
 * @updates: successful update callbacks so far.
 * @race: before so many updates, another CPU changes the entry.
 * @readonly: updates are refused with -ENXIO.
 * @broken: reads fail with this error.
 */
struct world {
	enum kind kind;
	struct osp_walk_cpu cpu;
	u64 linear;
	u64 entry[5];
	u64 gpa[5];
	unsigned int levels;
	unsigned int reads;
	unsigned int updates;
	unsigned int race;
	bool readonly;
	int broken;
};

/* What the model says: fault and code, or address, shift and rights. */
struct verdict {
	bool fault;
	u32 code;
	u64 gpa;
	unsigned int shift;
	bool writable;
	bool user;
	bool executable;
};

#define PTE_P	0x001ULL
#define PTE_W	0x002ULL
#define PTE_U	0x004ULL
#define PTE_A	0x020ULL
#define PTE_D	0x040ULL
#define PTE_PS	0x080ULL
#define PTE_XD	(1ULL << 63)
#define PTE_KEY(k)	((u64)(k) << 59)

#define CR0_PG_	(1ULL << 31)
#define CR0_WP_	(1ULL << 16)
#define CR4_PSE_	(1ULL << 4)
#define CR4_PAE_	(1ULL << 5)
#define CR4_LA57_	(1ULL << 12)
#define CR4_SMEP_	(1ULL << 20)
#define CR4_SMAP_	(1ULL << 21)
#define CR4_PKE_	(1ULL << 22)
#define EFER_LMA_	(1ULL << 10)
#define EFER_NXE_	(1ULL << 11)
#define RFLAGS_AC_	(1ULL << 18)

extern const char *const kind_names[NR_KINDS];

bool kind_is_long(enum kind kind);
bool kind_is_pae(enum kind kind);
bool kind_is_32(enum kind kind);
unsigned int kind_shift(enum kind kind);

void world_init(struct world *w, enum kind kind, u64 linear);
struct verdict model(const struct world *w, unsigned int access);
u64 model_reserved(const struct world *w, unsigned int i);

#endif /* WALK_MODEL_H */
