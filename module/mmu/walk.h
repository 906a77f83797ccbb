/* SPDX-License-Identifier: GPL-2.0 */
/*
 * walk.h - translate a guest's linear address as its CPU would (walk.c).
 *
 * Plain logic: the caller gives the control registers that matter and two
 * functions that read and compare-exchange guest-physical memory.
 */
#ifndef OSP_WALK_H
#define OSP_WALK_H

#include "../plain.h"

/* What the access is. Neither WRITE nor FETCH: a data read. */
#define OSP_WALK_WRITE		BIT(0)	/* also any read-modify-write */
#define OSP_WALK_FETCH		BIT(1)	/* of an instruction */
#define OSP_WALK_IMPLICIT	BIT(2)	/* to GDT, LDT, IDT or TSS: supervisor
					 * mode at any CPL (SDM 3A 4.6)
					 */
#define OSP_WALK_PEEK		BIT(3)	/* leave accessed and dirty flags */

/* Page-fault error code (SDM 3A 4.7, figure 4-12). */
#define OSP_PF_P		BIT(0)
#define OSP_PF_W		BIT(1)
#define OSP_PF_U		BIT(2)
#define OSP_PF_RSVD		BIT(3)
#define OSP_PF_I		BIT(4)
#define OSP_PF_PK		BIT(5)

/* What osp_walk() returns, if not a negative errno. */
#define OSP_WALK_OK		0
#define OSP_WALK_FAULT		1

/**
 * struct osp_walk_cpu - the state of a CPU that its translations depend on.
 * @cr0: control register 0: PG, WP.
 * @cr3: physical address of the top table (unused in PAE mode).
 * @cr4: PSE, PAE, LA57, SMEP, SMAP, PKE.
 * @efer: IA32_EFER: LMA, NXE.
 * @rflags: only AC.
 * @pdpte: the four PDPTE registers, used in PAE mode only.
 * @pkru: protection-key rights, used if CR4.PKE.
 * @cpl: current privilege level; 3 is user mode.
 * @phys_bits: the guest's MAXPHYADDR, 32 to 52.
 * @gbpages: the guest has 1-GByte pages (CPUID 80000001H:EDX[26]).
 * @read: put the @len (4 or 8) bytes at @gpa, aligned, into *@entry, with one
 *	access.  0 or a negative errno, which ends the walk.
 * @update: if the @len bytes at @gpa equal *@old store @new, else put what
 *	is there into *@old; atomic.  0 if stored, 1 if it differed, -ENXIO if
 *	it can't be written (the flags stay as they are), or another negative
 *	errno, which ends the walk.
 * @ctx: handed to @read and @update.
 */
struct osp_walk_cpu {
	u64 cr0;
	u64 cr3;
	u64 cr4;
	u64 efer;
	u64 rflags;
	u64 pdpte[4];
	u32 pkru;
	u8 cpl;
	u8 phys_bits;
	bool gbpages;
	int (*read)(void *ctx, u64 gpa, u64 *entry, unsigned int len);
	int (*update)(void *ctx, u64 gpa, u64 *old, u64 new, unsigned int len);
	void *ctx;
};

/**
 * struct osp_walk_result - where a linear address leads.
 * @gpa: the guest-physical address (OSP_WALK_OK only).
 * @error_code: for the page fault (OSP_WALK_FAULT only).
 * @page_shift: size of the page found: 12, 21, 22 or 30 (without paging 12).
 * @writable: every entry on the way allows writes (R/W).
 * @user: it is a user-mode address (every U/S is 1).
 * @executable: no entry on the way has XD.
 */
struct osp_walk_result {
	u64 gpa;
	u32 error_code;
	u8 page_shift;
	bool writable;
	bool user;
	bool executable;
};

int osp_walk(const struct osp_walk_cpu *cpu, u64 linear, unsigned int access,
	     struct osp_walk_result *result);
bool osp_walk_pdpte_ok(const struct osp_walk_cpu *cpu, u64 pdpte);

#endif /* OSP_WALK_H */
