// SPDX-License-Identifier: GPL-2.0
/*
 * count_insn.c - emulate the MOV that drivers use, for counting what it costs.
 *
 * The callbacks do next to nothing, so that what is counted is the emulator.
 * It is run twice, with different counts of repetitions, and the difference
 * taken; see the script "count".
 *
 * Usage: count_insn REPETITIONS
 */
#include "../../../module/insn/insn.h"

static const u8 code[] = { 0x89, 0x07 };	/* mov %eax,(%rdi) */

static enum osp_insn_status op_fetch(struct osp_insn_cpu *cpu, u64 linear,
				     void *buf, unsigned int len)
{
	memcpy(buf, code, sizeof(code));
	return OSP_INSN_OK;
}

static enum osp_insn_status op_write(struct osp_insn_cpu *cpu, u64 linear,
				     const void *buf, unsigned int len)
{
	return OSP_INSN_OK;
}

static const struct osp_insn_ops ops = {
	.fetch = op_fetch,
	.write = op_write,
};

int main(int argc, char **argv)
{
	unsigned long n = argc > 1 ? strtoul(argv[1], NULL, 0) : 1;
	u64 gpr[16] = { 0 };
	struct osp_insn_cpu cpu = {
		.gpr = gpr, .mode = OSP_INSN_LONG, .va_bits = 48, .ops = &ops,
	};
	struct osp_insn insn;

	while (n--) {
		if (osp_insn_decode(&cpu, &insn) ||
		    osp_insn_execute(&cpu, &insn))
			return 1;
	}
	return 0;
}
