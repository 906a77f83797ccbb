// SPDX-License-Identifier: GPL-2.0
/*
 * test_insn.c - the emulator, by hand-written cases.
 *
 * What the comparison with the processor (test_native.c) can't show: devices,
 * waiting for userspace, ports, real and virtual-8086 mode, supervisor mode,
 * what a callback's refusal does; and, for a reader, one plain line for each
 * instruction.
 */
#include "cases.h"

struct machine m;
u8 code_page[2 * PAGE], ram[2 * PAGE], ro[PAGE], device[2 * PAGE];

/* A machine in the given mode with code at CODE, and memory of each kind. */
void start(enum osp_insn_mode mode, bool cs_d)
{
	machine_init(&m, mode, cs_d);
	memset(code_page, 0xcc, sizeof(code_page));
	memset(ram, 0, sizeof(ram));
	memset(ro, 0x11, sizeof(ro));
	memset(device, 0, sizeof(device));
	machine_map(&m, CODE, sizeof(code_page), 0, code_page);
	machine_map(&m, RAM, sizeof(ram), REGION_WRITE, ram);
	machine_map(&m, READ_ONLY, sizeof(ro), 0, ro);
	machine_map(&m, DEVICE, sizeof(device), REGION_WRITE | REGION_DEVICE,
		    device);
	m.cpu.rip = CODE;
}

void put_code(const void *code, unsigned int len)
{
	memcpy(code_page, code, len);
}

u64 load(const u8 *memory, unsigned int len)
{
	u64 val = 0;

	memcpy(&val, memory, len);
	return val;
}

/* Run what is at CODE to its end and expect RIP behind its @len bytes. */
void run_ok(unsigned int len)
{
	expect_eq(machine_run(&m), OSP_INSN_OK);
	expect_eq(m.cpu.rip, CODE + len);
}

void run_fault(u8 vector, bool has_error, u32 error)
{
	u64 rip = m.cpu.rip;

	expect_eq(machine_run(&m), OSP_INSN_FAULT);
	expect_eq(m.cpu.rip, rip);
	expect_eq(m.cpu.fault.vector, vector);
	expect_eq(m.cpu.fault.has_error, has_error);
	if (has_error)
		expect_eq(m.cpu.fault.error, error);
}

int main(void)
{
	run(test_each_instruction);
	run(test_lengths);
	run(test_fetch);
	run(test_device_mov);
	run(test_simple);
	run(test_device_rmw);
	run(test_device_twice);
	run(test_rep);
	run(test_rep_addresses);
	run(test_rep_compare);
	run(test_rep_fault);
	run(test_write_intent);
	run(test_ins);
	run(test_ins_single);
	run(test_ins_wrap);
	run(test_ins_fault);
	run(test_ins_changed_count);
	run(test_outs);
	run(test_io_permission);
	run(test_real_mode);
	run(test_segments);
	run(test_long_addresses);
	run(test_lock);
	run(test_features);
	run(test_sse);
	run(test_stack);
	run(test_alignment);
	run(test_mov_sreg);
	run(test_host_errors);
	return tap_end();
}
