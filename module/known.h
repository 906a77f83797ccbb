/* SPDX-License-Identifier: GPL-2.0 */
/*
 * known.h - instructions that have touched a device before (known.c).
 *
 * Owns struct osp_known, a part of the vCPU.
 */
#ifndef OSP_KNOWN_H
#define OSP_KNOWN_H

#include "insn/simple.h"
#include "iobus.h"

struct osp_vcpu;
struct osp_emulation;

/* How many a vCPU keeps, by the low bits of RIP; a power of 2. */
#define OSP_KNOWN_INSNS		4

/* Entries on the way to a page: five levels of tables at most. */
#define OSP_KNOWN_ENTRIES	5

/**
 * struct osp_known - an instruction, and what proves that it is still there
 * @rip: where it is; with @count 0 there is none
 * @cr3: the guest's CR3
 * @slots_gen: of the memory slots when the addresses below were looked up
 * @places: host virtual addresses of the paging-structure entries that translate
 *	@rip, from the top
 * @entries: what they hold
 * @count: how many there are
 * @code: host virtual address of the 16 bytes of memory that it is in
 * @bytes: what they hold
 * @top: offset of the first entry in its table
 * @device_gfn: guest frame without memory that it accessed last
 * @hint: the eventfd that its last write has signalled
 * @insn: what it does
 */
struct osp_known {
	u64 rip;
	u64 cr3;
	u64 slots_gen;
	unsigned long places[OSP_KNOWN_ENTRIES];
	u64 entries[OSP_KNOWN_ENTRIES];
	unsigned int count;
	unsigned int top;
	unsigned long code;
	u64 bytes[2];
	u64 device_gfn;
	struct osp_iobus_hint hint;
	struct osp_insn_simple insn;
};

/**
 * struct osp_known_insns - what a vCPU knows
 * @insns: the instructions
 * @missed: RIP of the last that was not known; learned if it comes again
 */
struct osp_known_insns {
	struct osp_known insns[OSP_KNOWN_INSNS];
	u64 missed;
};

int osp_known_access(struct osp_vcpu *vcpu, struct osp_known *k, u64 gpa);
void osp_known_learn(struct osp_emulation *e);

#endif /* OSP_KNOWN_H */
