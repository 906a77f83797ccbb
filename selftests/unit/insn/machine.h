/* SPDX-License-Identifier: GPL-2.0 */
/*
 * machine.h - a virtual CPU and its memory, for the emulator to work on.
 *
 * Linear memory is a few regions of pages, mapped as the test likes; what lies
 * outside them gives #PF, as on a processor.  A region can be a device: then
 * a read has to wait for "userspace" (PENDING) and writes are logged.
 */
#ifndef OSP_MACHINE_H
#define OSP_MACHINE_H

#include "../../../module/insn/insn.h"

#define PAGE			4096
#define MACHINE_REGIONS		8
#define MACHINE_EVENTS		64

/* Flags of a region */
#define REGION_WRITE		BIT(0)
#define REGION_DEVICE		BIT(1)	/* reads wait for userspace */
#define REGION_HOLE		BIT(2)	/* not present */

/**
 * struct region - pages of linear memory
 * @start: first address
 * @len: in bytes
 * @flags: REGION_*
 * @host: the content
 */
struct region {
	u64 start, len;
	unsigned int flags;
	u8 *host;
};

enum event_kind { EVENT_READ, EVENT_WRITE, EVENT_IN, EVENT_OUT };

/**
 * struct event - something that a device has seen
 * @kind: what
 * @addr: linear address or port
 * @len: in bytes; for ports of one item
 * @count: items, for ports
 * @val: first bytes of the data
 */
struct event {
	enum event_kind kind;
	u64 addr;
	unsigned int len, count;
	u64 val;
};

/**
 * struct machine - all that a test needs
 * @cpu: what the emulator sees
 * @ops: its callbacks
 * @gpr: its registers
 * @sregs: its segments
 * @xmm: its SSE registers
 * @regions: memory; the first that matches counts
 * @events: what devices have seen, each once
 * @nr_events: how many
 * @answers: what userspace has found out for this instruction
 * @answered: how many of the reads of this instruction are complete
 * @replayed: how many of those were handed out in this execution
 * @waiting: an answer is due
 * @in_data: what ports read as: an increasing count
 * @io_max: most items that a port does at once
 * @pending: how often PENDING was returned
 * @lose_race: let the next so many cmpxchg fail
 * @cmpxchgs: how many of those came
 * @fetches: how many came
 * @simple: how many instructions were simple MOVs
 * @stray: an access went outside all regions
 */
struct machine {
	struct osp_insn_cpu cpu;
	struct osp_insn_ops ops;
	u64 gpr[16];
	struct osp_insn_segment sregs[6];
	u8 xmm[16][16];
	struct region regions[MACHINE_REGIONS];
	struct event events[MACHINE_EVENTS];
	unsigned int nr_events;
	struct {
		u64 addr;
		u8 data[PAGE];
		unsigned int len;
	} answers[2];
	unsigned int answered, replayed;
	bool waiting;
	u8 in_data;
	unsigned int io_max;
	unsigned int pending, lose_race, cmpxchgs, fetches;
	unsigned int simple;
	bool stray;
	u8 io_buf[PAGE];
};

void machine_init(struct machine *m, enum osp_insn_mode mode, bool cs_d);
struct region *machine_map(struct machine *m, u64 start, u64 len,
			   unsigned int flags, void *host);
enum osp_insn_status machine_step(struct machine *m, struct osp_insn *insn);
enum osp_insn_status machine_run(struct machine *m);

#endif /* OSP_MACHINE_H */
