// SPDX-License-Identifier: GPL-2.0
/*
 * test_native.c - the emulator against the processor.
 *
 * Random instructions are executed by both, on equal registers and equal
 * memory, and must leave both equal: registers, flags, SSE registers, memory,
 * RIP and exceptions with their error codes.  In 64-bit mode, and where the
 * kernel lets a process have its own segments, in 32-bit and 16-bit protected
 * mode with limits, types and bases of all kinds.
 *
 * The memory is two writable pages and one that is not, between two that are
 * not present.  The emulator goes first, on a copy; an instruction with which it
 * leaves this area is not tried, since it could hit this program.
 *
 * Usage: test_native [cases [seed]]
 */
#define _GNU_SOURCE
#include <asm/ldt.h>
#include <asm/prctl.h>
#include <cpuid.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "generate.h"
#include "machine.h"
#include "native.h"
#include "tap.h"

#define CODE_AREA	0x30000000UL
#define DATA_AREA	0x20000000UL	/* the first page is a hole */
#define DATA		(DATA_AREA + PAGE)
#define DATA_LEN	(3 * PAGE)	/* the last page is read-only */
#define WRITABLE_LEN	(2 * PAGE)

#define USER32_CS	0x23
#define USER_DS		0x2b
#define FLAG_AF		0x10
#define FLAGS_ARITH	0x8d5		/* OF SF ZF AF PF CF */
#define FLAGS_COMPARED	(FLAGS_ARITH | 0x40400)	/* and AC, DF */

static u8 shadow[DATA_LEN];
static u64 cases = 300000, seed = 1;
static bool is_intel, has_movbe;
static u64 fs_base, done, faulted, not_tried;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void map_areas(void)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE |
			  MAP_FIXED_NOREPLACE;
	u64 i;

	if (mmap((void *)CODE_AREA, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
		 flags, -1, 0) == MAP_FAILED)
		die("mapping the code");
	if (mmap((void *)DATA_AREA, DATA_LEN + 2 * PAGE, PROT_READ | PROT_WRITE,
		 flags, -1, 0) == MAP_FAILED)
		die("mapping the data");
	for (i = 0; i < DATA_LEN; i++)
		shadow[i] = random64() >> (i & 16 ? 0 : 60);
	memcpy((void *)DATA, shadow, DATA_LEN);
	if (mprotect((void *)DATA_AREA, PAGE, PROT_NONE) ||
	    mprotect((void *)(DATA + WRITABLE_LEN), PAGE, PROT_READ) ||
	    mprotect((void *)(DATA + DATA_LEN), PAGE, PROT_NONE))
		die("mprotect");
}

static void look_at_cpu(void)
{
	unsigned int a, b, c, d;

	__cpuid(0, a, b, c, d);
	is_intel = b == signature_INTEL_ebx;
	__cpuid(1, a, b, c, d);
	has_movbe = c & bit_MOVBE;
	syscall(SYS_arch_prctl, ARCH_GET_FS, &fs_base);
}

/* The machine in the state that the processor will have. */
static void set_up(struct machine *m, const struct setting *s,
		   const struct generated *g)
{
	unsigned int i;

	machine_init(m, s->is_long ? OSP_INSN_LONG : OSP_INSN_PROTECTED,
		     s->cs_d);
	machine_map(m, DATA_AREA, PAGE, REGION_HOLE, NULL);
	machine_map(m, DATA, WRITABLE_LEN, REGION_WRITE, shadow);
	machine_map(m, DATA + WRITABLE_LEN, PAGE, 0, shadow + WRITABLE_LEN);
	machine_map(m, DATA + DATA_LEN, PAGE, REGION_HOLE, NULL);
	machine_map(m, CODE_AREA, PAGE, 0, (void *)CODE_AREA);
	for (i = 0; i < 6; i++)
		m->sregs[i].base = s->base[i];
	memcpy(m->gpr, g->gpr, sizeof(m->gpr));
	for (i = 0; i < 16; i++) {
		u64 val[2] = { random64(), random64() };

		memcpy(m->xmm[i], val, 16);
	}
	m->cpu.rip = s->rip;
	m->cpu.rflags = g->rflags;
	m->cpu.cpl = 3;
	m->cpu.align_check = true;
	if (!has_movbe)
		m->cpu.features &= ~OSP_INSN_HAS_MOVBE;
	memcpy(native_in.gpr, m->gpr, sizeof(m->gpr));
	memcpy(native_in.xmm, m->xmm, sizeof(m->xmm));
	native_in.rflags = m->cpu.rflags;
}

static void show(const struct machine *m, const struct generated *g)
{
	unsigned int i;

	printf("# instruction:");
	for (i = 0; i < g->len; i++)
		printf(" %02x", g->code[i]);
	printf(", in %#llx bytes mode %d cs_d %d\n",
	       (unsigned long long)g->len, m->cpu.mode, m->cpu.cs_d);
	for (i = 0; i < 16; i++)
		printf("# gpr %2u: before %016llx emulated %016llx native %016llx%s\n",
		       i, (unsigned long long)g->gpr[i],
		       (unsigned long long)m->gpr[i],
		       (unsigned long long)native_out.gpr[i],
		       m->gpr[i] == native_out.gpr[i] ? "" : " <--");
	printf("# flags: before %llx emulated %llx native %llx\n",
	       (unsigned long long)g->rflags, (unsigned long long)m->cpu.rflags,
	       (unsigned long long)native_out.rflags);
	for (i = 0; i < WRITABLE_LEN; i++)
		if (shadow[i] != ((u8 *)DATA)[i])
			printf("# memory at %lx: emulated %02x native %02x\n",
			       DATA + i, shadow[i], ((u8 *)DATA)[i]);
}

/*
 * Which flags to compare.  Those that the SDM leaves undefined are what Intel's
 * processors make them; others may make AF different.  And if a string
 * instruction faults, those of before its first iteration are restored.
 */
static u64 compared_flags(const struct generated *g,
			  enum osp_insn_status status)
{
	u8 opcode = g->code[g->len - 1] & 0xf6;

	if (status == OSP_INSN_FAULT && opcode == 0xa6)
		return FLAGS_COMPARED & ~FLAGS_ARITH;
	return is_intel ? FLAGS_COMPARED : FLAGS_COMPARED & ~FLAG_AF;
}

static void compare_fault(const struct machine *m, enum osp_insn_status status)
{
	const struct osp_insn_fault *fault = &m->cpu.fault;

	expect_eq(status == OSP_INSN_FAULT, native_fault.happened);
	if (status != OSP_INSN_FAULT || !native_fault.happened)
		return;
	faulted++;
	expect_eq(fault->vector, native_fault.vector);
	if (fault->has_error)
		expect_eq(fault->error, native_fault.error);
	if (fault->vector == 14)
		expect_eq(fault->cr2, native_fault.cr2);
	expect_eq(m->cpu.rip & U32_MAX, native_fault.rip & U32_MAX);
}

static void compare(const struct machine *m, const struct setting *s,
		    const struct generated *g, enum osp_insn_status status)
{
	u64 mask = s->is_long ? ~0ULL : U32_MAX;
	unsigned int i, failures = tap.failures;

	compare_fault(m, status);
	if (status != OSP_INSN_FAULT)
		expect_eq(m->cpu.rip, s->rip + g->len);
	for (i = 0; i < 16; i++)
		if ((m->gpr[i] ^ native_out.gpr[i]) & mask)
			fail("register %u differs", i);
	if ((m->cpu.rflags ^ native_out.rflags) & compared_flags(g, status))
		fail("flags differ");
	if (memcmp(m->xmm, native_out.xmm, sizeof(m->xmm)))
		fail("SSE registers differ");
	if (memcmp(shadow, (void *)DATA, WRITABLE_LEN))
		fail("memory differs");
	if (tap.failures > failures && tap.failures < 20)
		show(m, g);
	memcpy(shadow, (void *)DATA, WRITABLE_LEN);
}

/* Emulate what has been generated; false if it is not for the processor. */
static bool emulate(struct machine *m, const struct generated *g,
		    enum osp_insn_status *status)
{
	struct osp_insn insn;

	*status = osp_insn_decode(&m->cpu, &insn);
	if (!*status && insn.len != g->len) {
		fail("decoded %u bytes, expected %u", insn.len, g->len);
		show(m, g);
	}
	while (!*status) {
		*status = machine_step(m, &insn);
		if (*status == OSP_INSN_OK)
			break;
		if (*status == OSP_INSN_AGAIN)
			*status = OSP_INSN_OK;
	}
	if (*status == OSP_INSN_UNHANDLED) {
		fail("unhandled");
		show(m, g);
	}
	/* The code is writable for the processor only. */
	if (*status == OSP_INSN_FAULT && m->cpu.fault.cr2 / PAGE == CODE_AREA / PAGE)
		m->stray = true;
	if (m->stray)
		not_tried++;
	done++;
	return !m->stray && *status != OSP_INSN_UNHANDLED;
}

static void case_long(void)
{
	struct setting s = {
		.is_long = true,
		.rip = CODE_AREA + below(2048),
		.base = { 0, 0, 0, 0, fs_base, DATA_AREA / 2 },
		.targets = DATA,
		.targets_len = DATA_LEN,
	};
	enum osp_insn_status status;
	struct generated g;
	static struct machine m;

	generate(&s, &g);
	memcpy((void *)s.rip, g.code, sizeof(g.code));
	set_up(&m, &s, &g);
	/* MOV from a segment register shows the selectors. */
	m.sregs[OSP_INSN_CS].selector = 0x33;
	m.sregs[OSP_INSN_SS].selector = USER_DS;
	if (!emulate(&m, &g, &status)) {
		memcpy(shadow, (void *)DATA, WRITABLE_LEN);
		return;
	}
	native_run_long((void *)s.rip, (void *)s.rip + g.len);
	compare(&m, &s, &g, status);
}

static void test_long_mode(void)
{
	u64 i;

	syscall(SYS_arch_prctl, ARCH_SET_GS, DATA_AREA / 2);
	for (i = 0; i < cases && tap.failures < 20; i++)
		case_long();
}

/* Segments that the process has in its LDT. */
enum {
	CODE16, CODE32, SMALL, READ_ONLY, DOWN32, DOWN16, STACK16, NR_SEGMENTS
};

static const struct user_desc ldt[NR_SEGMENTS] = {
	[CODE16] = { .base_addr = CODE_AREA, .limit = 0xffff, .contents = 2 },
	[CODE32] = { .base_addr = CODE_AREA, .limit = 0xffff, .contents = 2,
		     .seg_32bit = 1 },
	[SMALL] = { .base_addr = DATA_AREA, .limit = 0x2fff, .seg_32bit = 1 },
	[READ_ONLY] = { .base_addr = DATA - 0x200, .limit = 4, .seg_32bit = 1,
			.limit_in_pages = 1, .read_exec_only = 1 },
	[DOWN32] = { .base_addr = DATA - 0x2000, .limit = 0x27ff,
		     .contents = 1, .seg_32bit = 1 },
	[DOWN16] = { .base_addr = DATA + WRITABLE_LEN - 0x10000,
		     .limit = 0xe7ff, .contents = 1 },
	[STACK16] = { .base_addr = DATA_AREA, .limit = 0x3fff },
};

static bool install_ldt(void)
{
	unsigned int i;

	for (i = 0; i < NR_SEGMENTS; i++) {
		struct user_desc desc = ldt[i];

		desc.entry_number = i;
		if (syscall(SYS_modify_ldt, 0x11, &desc, sizeof(desc)))
			return false;
	}
	return true;
}

/* The same segment, as the virtual CPU has it. */
static struct osp_insn_segment ldt_segment(unsigned int entry)
{
	const struct user_desc *desc = &ldt[entry];
	struct osp_insn_segment seg = {
		.base = desc->base_addr,
		.limit = desc->limit_in_pages ? desc->limit << 12 | 0xfff :
						desc->limit,
		.ar = 0xf1 | desc->contents << 2,
		.selector = entry << 3 | 7,
	};

	if (!desc->read_exec_only)
		seg.ar |= OSP_INSN_AR_WRITE;
	if (desc->seg_32bit)
		seg.ar |= OSP_INSN_AR_DB;
	return seg;
}

static const struct osp_insn_segment null_segment = {
	.ar = OSP_INSN_AR_UNUSABLE,
};

static const struct osp_insn_segment flat_data = {
	.limit = U32_MAX, .ar = 0xf3 | OSP_INSN_AR_DB, .selector = USER_DS,
};

static const struct osp_insn_segment flat_code = {
	.limit = U32_MAX, .ar = 0xfb | OSP_INSN_AR_DB, .selector = USER32_CS,
};

/* A data segment, of any kind; half of the time the simple one. */
static struct osp_insn_segment some_data(bool is_stack)
{
	unsigned int kind = below(2 * NR_SEGMENTS);

	if (kind >= NR_SEGMENTS)
		return flat_data;
	/* The stack can't be null, nor code, nor read-only. */
	if (is_stack && (kind < SMALL || kind == READ_ONLY))
		return ldt_segment(STACK16);
	return kind == CODE16 ? null_segment : ldt_segment(kind);
}

static void choose_segments(struct osp_insn_segment *sregs)
{
	static const unsigned int code[] = { CODE16, CODE16, CODE32 };
	unsigned int kind = below(4);

	sregs[OSP_INSN_CS] = kind < 3 ? ldt_segment(code[kind]) : flat_code;
	sregs[OSP_INSN_SS] = some_data(true);
	sregs[OSP_INSN_DS] = some_data(false);
	sregs[OSP_INSN_ES] = below(2) ? sregs[OSP_INSN_DS] : some_data(false);
	sregs[OSP_INSN_GS] = some_data(false);
	/* FS is left alone: the thread's own data hang on it. */
	sregs[OSP_INSN_FS] = null_segment;
}

static void case_legacy(void)
{
	struct setting s = { .targets = DATA, .targets_len = DATA_LEN };
	struct osp_insn_segment sregs[6];
	u64 linear = CODE_AREA + below(2048);
	enum osp_insn_status status;
	struct generated g;
	static struct machine m;
	unsigned int i;

	choose_segments(sregs);
	s.cs_d = sregs[OSP_INSN_CS].ar & OSP_INSN_AR_DB;
	for (i = 0; i < 6; i++)
		s.base[i] = sregs[i].base;
	s.rip = linear - s.base[OSP_INSN_CS];
	generate(&s, &g);
	memcpy((void *)linear, g.code, sizeof(g.code));
	set_up(&m, &s, &g);
	memcpy(m.sregs, sregs, sizeof(sregs));
	if (!emulate(&m, &g, &status)) {
		memcpy(shadow, (void *)DATA, WRITABLE_LEN);
		return;
	}
	native_run_legacy(&(struct native_segments) {
		.cs = sregs[OSP_INSN_CS].selector,
		.ss = sregs[OSP_INSN_SS].selector,
		.ds = sregs[OSP_INSN_DS].selector,
		.es = sregs[OSP_INSN_ES].selector,
		.gs = sregs[OSP_INSN_GS].selector,
	}, s.rip, (void *)linear + g.len, s.cs_d);
	compare(&m, &s, &g, status);
}

static void test_protected_mode(void)
{
	u64 i;

	if (!install_ldt()) {
		tap.skip = "this kernel has no modify_ldt() with 16-bit segments";
		return;
	}
	for (i = 0; i < cases && tap.failures < 20; i++)
		case_legacy();
}

int main(int argc, char **argv)
{
	if (argc > 1)
		cases = strtoull(argv[1], NULL, 0);
	if (argc > 2)
		seed = strtoull(argv[2], NULL, 0);
	seed_random(seed);
	map_areas();
	look_at_cpu();
	native_init();
	run(test_long_mode);
	run(test_protected_mode);
	printf("# %llu instructions, %llu faults, %llu not tried\n",
	       (unsigned long long)done, (unsigned long long)faulted,
	       (unsigned long long)not_tried);
	return tap_end();
}
