// SPDX-License-Identifier: GPL-2.0
/*
 * fuzz_insn.c - any bytes as code, in any state: a libFuzzer target.
 *
 * The input is a few bytes of state and then code.  Whatever it is, the
 * emulator must stay within its memory (ASan), compute nothing undefined
 * (UBSan), give up without a trace, repeat itself when it has to wait, and
 * either move RIP by the length of the instruction or not at all.
 */
#include <assert.h>
#include "machine.h"

#define MEMORY		0x10000
#define MEMORY_LEN	(4 * PAGE)
#define CODE_AT		(MEMORY + 2 * PAGE)
#define DEVICE		(MEMORY + MEMORY_LEN)
#define MAX_STEPS	64

/* The first bytes of the input. */
struct header {
	u8 mode;
	u8 flags[3];
	u8 segments;
	u8 io;
	u8 gpr[16];
};

static u8 memory[MEMORY_LEN], device[PAGE];

static void set_segments(struct machine *m, u8 choice)
{
	static const u32 ars[] = { 0x93, 0x91, 0x97, 0x9b, 0x99, 0x93,
				   OSP_INSN_AR_UNUSABLE, 0x4093 };
	unsigned int i;

	for (i = 0; i < 6; i++) {
		if (i == OSP_INSN_CS || m->cpu.mode == OSP_INSN_LONG)
			continue;
		m->sregs[i].base = choice & 1 ? 0 : MEMORY;
		m->sregs[i].ar = ars[(choice + i) % ARRAY_SIZE(ars)];
		if (choice & 2)
			m->sregs[i].limit = 0x3fff;
	}
	m->sregs[OSP_INSN_FS].base = MEMORY;
	m->sregs[OSP_INSN_GS].base = choice & 4 ? ~0ULL << 20 : DEVICE;
	m->sregs[OSP_INSN_CS].base = m->cpu.mode == OSP_INSN_LONG ? 0 : MEMORY;
	if (choice & 8)
		m->sregs[OSP_INSN_CS].limit = CODE_AT - MEMORY + 0x10;
}

/* Registers point to memory, to its end, to the device, or nowhere. */
static u64 gpr_value(u8 byte)
{
	static const u64 bases[] = {
		MEMORY, DEVICE - 8, DEVICE, DEVICE + PAGE - 8, 0, ~0ULL,
		0x7ffffffffff0, U32_MAX - 8ULL,
	};

	return bases[byte & 7] + (byte >> 3);
}

static void set_up(struct machine *m, const struct header *h)
{
	enum osp_insn_mode mode = h->mode & 3;
	unsigned int i;

	machine_init(m, mode, h->mode & 4);
	machine_map(m, MEMORY, MEMORY_LEN - PAGE, REGION_WRITE, memory);
	machine_map(m, MEMORY + MEMORY_LEN - PAGE, PAGE, 0,
		    memory + MEMORY_LEN - PAGE);
	machine_map(m, DEVICE, PAGE, REGION_WRITE | REGION_DEVICE, device);
	for (i = 0; i < 16; i++)
		m->gpr[i] = gpr_value(h->gpr[i]);
	if (mode != OSP_INSN_VM86 && mode != OSP_INSN_REAL)
		m->cpu.cpl = h->mode & 8 ? 3 : 0;
	m->cpu.align_check = h->mode & 16;
	m->cpu.io_checked = h->mode & 32;
	m->cpu.va_bits = h->mode & 64 ? 57 : 48;
	m->cpu.rflags = 2 | (h->flags[0] | h->flags[1] << 8 | h->flags[2] << 16);
	m->cpu.io_len = 4 + h->io;
	m->io_max = h->io ? h->io : 1;
	m->lose_race = h->io & 1;
	m->sregs[OSP_INSN_SS].ar |= h->io & 2 ? OSP_INSN_AR_DB : 0;
	set_segments(m, h->segments);
	m->cpu.rip = CODE_AT - m->sregs[OSP_INSN_CS].base;
}

static void check_fault(const struct machine *m)
{
	switch (m->cpu.fault.vector) {
	case 6:
		assert(!m->cpu.fault.has_error);
		break;
	case 14:
		break;
	case 12:
	case 13:
	case 17:
		assert(m->cpu.fault.has_error ==
		       (m->cpu.mode != OSP_INSN_REAL));
		assert(!m->cpu.fault.error);
		break;
	default:
		assert(!"an exception that is not ours");
	}
}

static void execute(struct machine *m, struct osp_insn *insn)
{
	enum osp_insn_status status = OSP_INSN_AGAIN;
	u64 rip = m->cpu.rip;
	unsigned int steps;

	for (steps = 0; status == OSP_INSN_AGAIN && steps < MAX_STEPS; steps++) {
		assert(m->cpu.rip == rip);
		status = machine_step(m, insn);
	}
	if (status == OSP_INSN_OK)
		assert(m->cpu.rip == rip + insn->len);
	if (status == OSP_INSN_FAULT)
		check_fault(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct machine m;
	enum osp_insn_status status;
	struct osp_insn insn;
	struct header h;
	size_t len;

	if (size < sizeof(h))
		return 0;
	memcpy(&h, data, sizeof(h));
	len = min(size - sizeof(h), (size_t)64);
	memset(memory, 0x5a, sizeof(memory));
	memset(device, 0xa5, sizeof(device));
	memcpy(memory + (CODE_AT - MEMORY), data + sizeof(h), len);
	set_up(&m, &h);
	status = osp_insn_decode(&m.cpu, &insn);
	assert(insn.len <= OSP_INSN_MAX_LEN);
	if (status == OSP_INSN_FAULT)
		check_fault(&m);
	else if (status == OSP_INSN_OK)
		execute(&m, &insn);
	else
		assert(status == OSP_INSN_UNHANDLED);
	return 0;
}
