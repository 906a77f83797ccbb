/* SPDX-License-Identifier: GPL-2.0 */
/*
 * insn.h - what the instruction emulator offers to the rest of the module.
 *
 * Some instructions can't be finished by the processor: those whose operand
 * is an emulated device's memory (an EPT violation outside all slots, or a
 * write to a read-only one), and INS and OUTS.  They are fetched, decoded and
 * carried out here, in two steps:
 *
 *	st = osp_insn_decode(cpu, &insn);	once
 *	st = osp_insn_execute(cpu, &insn);	until it is no longer AGAIN
 *
 * The emulator is plain logic.  It owns no memory, takes no lock and never
 * sleeps; all it knows of the virtual machine it gets from struct osp_insn_cpu
 * and asks of the callbacks in struct osp_insn_ops, which may do all of that.
 *
 * The one promise that everything rests on: a call that does not return OK or
 * AGAIN has changed nothing in the virtual CPU.  It can be repeated, and so an
 * instruction that has to wait for userspace is not suspended but given up,
 * and executed anew when the data is there.
 *
 * Sources: SDM volume 2 (instructions), 3A 5.3 (limits), 3A 6.5 (exceptions).
 */
#ifndef OSP_INSN_H
#define OSP_INSN_H

#include "../plain.h"

struct osp_insn_cpu;
struct osp_insn_row;

/** OSP_INSN_MAX_LEN - longest instruction there is, in bytes */
#define OSP_INSN_MAX_LEN	15

/** OSP_INSN_MAX_OPERAND - largest memory operand handled, in bytes */
#define OSP_INSN_MAX_OPERAND	16

/**
 * enum osp_insn_status - outcome of a callback, of a decode, of an execution
 * @OSP_INSN_OK: done.  An execution has completed the instruction: registers
 *	are updated and RIP points to the next one.
 * @OSP_INSN_AGAIN: execution only: progress was made (an iteration of a REP
 *	instruction is committed: rCX, rSI, rDI and flags updated), but RIP
 *	still points to the instruction.  Execute it again, or enter the guest,
 *	which will do the rest itself or exit again; an interrupt may be taken
 *	here. A cmpxchg() callback returns it when the memory no longer holds
 *	the old value; then nothing has changed and the same holds.
 * @OSP_INSN_PENDING: the data comes from userspace and is not there yet.
 *	Nothing has changed.  Execute the same &struct osp_insn again once it
 *	is: the callbacks will be called in the same order and with the same
 *	arguments, and must hand out what was completed before; whatever of that
 *	is left when another status comes back is to be dropped.
 * @OSP_INSN_FAULT: the guest gets the exception in &osp_insn_cpu.fault; a
 *	callback that returns this has filled it in.  Nothing has changed.
 * @OSP_INSN_UNHANDLED: not an instruction that is emulated; its bytes are in
 *	&osp_insn.bytes.  For KVM_EXIT_INTERNAL_ERROR.  Nothing has changed.
 * @OSP_INSN_ERROR: a callback failed for the host's own reasons (an errno that
 *	it keeps).  Nothing has changed.
 */
enum osp_insn_status {
	OSP_INSN_OK,
	OSP_INSN_AGAIN,
	OSP_INSN_PENDING,
	OSP_INSN_FAULT,
	OSP_INSN_UNHANDLED,
	OSP_INSN_ERROR,
};

/**
 * enum osp_insn_mode - how addresses are formed and what is encoded how
 * @OSP_INSN_REAL: CR0.PE is 0
 * @OSP_INSN_VM86: RFLAGS.VM is 1
 * @OSP_INSN_PROTECTED: protected mode, and compatibility mode of IA-32e mode
 * @OSP_INSN_LONG: 64-bit mode, that is EFER.LMA and CS.L
 */
enum osp_insn_mode {
	OSP_INSN_REAL,
	OSP_INSN_VM86,
	OSP_INSN_PROTECTED,
	OSP_INSN_LONG,
};

/** enum osp_insn_sreg - segment registers, as encoded and as in the VMCS */
enum osp_insn_sreg {
	OSP_INSN_ES,
	OSP_INSN_CS,
	OSP_INSN_SS,
	OSP_INSN_DS,
	OSP_INSN_FS,
	OSP_INSN_GS,
};

/* struct osp_insn_segment.ar: access rights in the format of the VMCS. */
#define OSP_INSN_AR_ACCESSED	BIT(0)
#define OSP_INSN_AR_WRITE	BIT(1)	/* data: writable; code: readable */
#define OSP_INSN_AR_EXPDOWN	BIT(2)	/* data: expand down */
#define OSP_INSN_AR_CODE	BIT(3)
#define OSP_INSN_AR_DB		BIT(14)
#define OSP_INSN_AR_UNUSABLE	BIT(16)

/**
 * struct osp_insn_segment - a segment register
 * @base: linear address of its start
 * @limit: last offset in it (in bytes, whatever the granularity bit says)
 * @ar: access rights as in the VMCS (SDM 3C 25.4.1)
 * @selector: visible part
 */
struct osp_insn_segment {
	u64 base;
	u32 limit;
	u32 ar;
	u16 selector;
};

/**
 * struct osp_insn_fault - an exception for the guest
 * @vector: which
 * @has_error: an error code is to be pushed (never set in real mode)
 * @error: the error code
 * @cr2: for #PF, the linear address to be loaded into CR2
 *
 * All are faults: RIP in the frame is the instruction's own, and the caller
 * sets RFLAGS.RF for the frame (SDM 3B 18.3.1.1).
 */
struct osp_insn_fault {
	u8 vector;
	bool has_error;
	u32 error;
	u64 cr2;
};

/**
 * struct osp_insn_ops - what the emulator asks of its caller
 *
 * Linear addresses have the segment base in them and are checked for limits,
 * canonical form and alignment; the callbacks translate them, with
 * &osp_insn_cpu.cpl deciding between user and supervisor access.  An access may
 * cross a page boundary, and then all of it must be checked before any of it is
 * done.  Outside 64-bit mode addresses are below 4 GiB.  All return OK, FAULT,
 * UNHANDLED or ERROR; which else, stands with each.  None may be NULL but those
 * said to.
 */
struct osp_insn_ops {
	/**
	 * @fetch: read @len (1 to 15) instruction bytes; never crosses a page.
	 */
	enum osp_insn_status (*fetch)(struct osp_insn_cpu *cpu, u64 linear,
				      void *buf, unsigned int len);

	/**
	 * @read: read @len bytes of data: 1, 2, 4, 8 or 16, or for OUTS up to
	 * &osp_insn_cpu.io_len but within a page.  With @rmw the same
	 * instruction is going to write them, so that a page that can't be
	 * written must fault now, as a write.  Also PENDING.
	 */
	enum osp_insn_status (*read)(struct osp_insn_cpu *cpu, u64 linear,
				     void *buf, unsigned int len, bool rmw);

	/**
	 * @write: write @len bytes of data: 1, 2, 4, 8 or 16, or for INS up to
	 * &osp_insn_cpu.io_len but within a page.  A write to a device counts
	 * as done at once: keep it, and leave for userspace after the
	 * instruction.
	 */
	enum osp_insn_status (*write)(struct osp_insn_cpu *cpu, u64 linear,
				      const void *buf, unsigned int len);

	/**
	 * @cmpxchg: write @new if memory still holds @old, atomically; @len is
	 * 1, 2, 4, 8 or 16.  Else AGAIN.  For XCHG and all that has a LOCK
	 * prefix, after a read() with rmw set.  A device is written as by
	 * write().  May be NULL: then write() is used.
	 */
	enum osp_insn_status (*cmpxchg)(struct osp_insn_cpu *cpu, u64 linear,
					const void *old, const void *new,
					unsigned int len);

	/**
	 * @probe_write: check that @len bytes could be written, and fault as
	 * write() would, without writing.  For INS, before the port is read.
	 */
	enum osp_insn_status (*probe_write)(struct osp_insn_cpu *cpu,
					    u64 linear, unsigned int len);

	/**
	 * @in: read *@count items of @size (1, 2 or 4) bytes from @port into
	 * @buf. May do fewer, but at least one, and then says so in *@count.
	 * Also PENDING: on the repeated call *@count can differ, if userspace
	 * has changed rCX meanwhile.
	 */
	enum osp_insn_status (*in)(struct osp_insn_cpu *cpu, u16 port,
				   unsigned int size, void *buf,
				   unsigned int *count);

	/**
	 * @out: write *@count items of @size bytes from @buf to @port.  May do
	 * fewer, but at least one, and then says so in *@count.  Like @write it
	 * counts as done at once.
	 */
	enum osp_insn_status (*out)(struct osp_insn_cpu *cpu, u16 port,
				    unsigned int size, const void *buf,
				    unsigned int *count);

	/**
	 * @segment: fill in @seg.  In 64-bit mode only FS and GS are asked for
	 * as a part of an address, and only their base is used; any may be
	 * asked for its selector.  Can't fail.
	 */
	void (*segment)(struct osp_insn_cpu *cpu, enum osp_insn_sreg sreg,
			struct osp_insn_segment *seg);

	/**
	 * @xmm: copy XMM register @reg (0 to 15) to (@set: from) @buf, 16
	 * bytes. The upper parts of the wider registers stay.  May be NULL:
	 * then SSE moves are UNHANDLED.
	 */
	enum osp_insn_status (*xmm)(struct osp_insn_cpu *cpu, unsigned int reg,
				    void *buf, bool set);
};

/* struct osp_insn_cpu.features: what the guest's CPUID and CR4 allow. */
#define OSP_INSN_HAS_MOVBE	BIT(0)	/* CPUID.1:ECX.MOVBE */
#define OSP_INSN_HAS_CX16	BIT(1)	/* CPUID.1:ECX.CMPXCHG16B */

/**
 * struct osp_insn_cpu - the virtual CPU, as far as the emulator needs it
 * @gpr: the 16 registers in the order of their encoding: RAX RCX RDX RBX RSP
 *	RBP RSI RDI R8 .. R15; changed
 * @rip: changed
 * @rflags: changed; the flags of arithmetic, and RF, which a completed
 *	instruction clears
 * @mode: see there
 * @cs_d: CS.D, operands and addresses have 32 bits by default; unused in 64-bit
 *	mode
 * @align_check: CR0.AM
 * @cpl: current privilege level (0 in real mode, 3 in virtual-8086 mode)
 * @va_bits: width of linear addresses, 48, or 57 with CR4.LA57
 * @io_checked: this is an I/O instruction's own VM exit, so that the processor
 *	has checked IOPL and the I/O permission bitmap.  Else, INS and OUTS with
 *	a CPL above IOPL get #GP.
 * @features: OSP_INSN_HAS_*
 * @io_buf: where the data of INS and OUTS passes through
 * @io_len: its size in bytes, at least 4; bounds the iterations of one call
 * @ops: the callbacks
 * @ctx: the caller's own
 * @fault: output, valid when the status is FAULT
 *
 * What an exit has in common with each completed instruction is the caller's:
 * to clear the STI and MOV SS shadows on OK, and, if RFLAGS.TF was set before,
 * to have a single-step #DB (DR6.BS) pending after OK and after AGAIN.
 */
struct osp_insn_cpu {
	u64 *gpr;
	u64 rip;
	u64 rflags;
	enum osp_insn_mode mode;
	bool cs_d;
	bool align_check;
	u8 cpl;
	u8 va_bits;
	bool io_checked;
	u32 features;
	void *io_buf;
	u32 io_len;
	const struct osp_insn_ops *ops;
	void *ctx;
	struct osp_insn_fault fault;
};

/**
 * struct osp_insn - a decoded instruction
 * @row: what it does: its row in the opcode table
 * @imm: immediate, sign-extended
 * @disp: displacement, sign-extended; or the offset of MOV's A0 to A3
 * @bytes: the instruction
 * @len: how long it is; after a failed decode: how many bytes are valid
 * @op_size: operand size in bytes: 1, 2, 4, 8 or 16
 * @addr_size: address size in bytes: 2, 4, 8
 * @opcode: last opcode byte
 * @rex: REX prefix, or 0
 * @rep: 0xf2, 0xf3 or 0
 * @lock: LOCK prefix
 * @seg: segment of the memory operand (enum osp_insn_sreg)
 * @mod: ModRM.mod
 * @reg: ModRM.reg with REX.R; or the register in the opcode with REX.B
 * @rm: ModRM.rm with REX.B, if a register
 * @base: base register of the memory operand, or OSP_INSN_NO_REG
 * @index: index register of the memory operand, or OSP_INSN_NO_REG
 * @scale: shift of the index
 * @rip_relative: the memory operand is at the next instruction's RIP + @disp
 *
 * Callers keep it between the calls and use only @bytes and @len.
 */
struct osp_insn {
	const struct osp_insn_row *row;
	u64 imm;
	u64 disp;
	u8 bytes[OSP_INSN_MAX_LEN];
	u8 len;
	u8 op_size;
	u8 addr_size;
	u8 opcode;
	u8 rex;
	u8 rep;
	bool lock;
	u8 seg;
	u8 mod;
	u8 reg;
	u8 rm;
	u8 base;
	u8 index;
	u8 scale;
	bool rip_relative;
};

/** OSP_INSN_NO_REG - no register takes part in the address */
#define OSP_INSN_NO_REG		0xff

/**
 * osp_insn_decode() - fetch and decode the instruction at RIP
 * @cpu: the virtual CPU; only @cpu->fault is changed
 * @insn: filled in; @insn->bytes and @insn->len in any case
 *
 * Calls fetch() once or, if the instruction crosses a page, twice, and
 * segment() for CS outside 64-bit mode.
 *
 * Context: that of the callbacks.
 * Return: OK, FAULT (#UD, #GP, or what fetch() filled in), UNHANDLED, ERROR.
 */
enum osp_insn_status osp_insn_decode(struct osp_insn_cpu *cpu,
				     struct osp_insn *insn);

/**
 * osp_insn_execute() - carry out a decoded instruction
 * @cpu: the virtual CPU, with RIP at the instruction
 * @insn: as decoded; unchanged
 *
 * Does the whole instruction; of one with a REP prefix one iteration, or for
 * INS and OUTS as many as fit the I/O buffer and the page.
 *
 * Context: that of the callbacks.
 * Return: any of &enum osp_insn_status.
 */
enum osp_insn_status osp_insn_execute(struct osp_insn_cpu *cpu,
				      const struct osp_insn *insn);

#endif /* OSP_INSN_H */
