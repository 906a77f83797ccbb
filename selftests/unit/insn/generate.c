// SPDX-License-Identifier: GPL-2.0
/*
 * generate.c - random instructions, of those that are emulated.
 *
 * Opcode, prefixes and addressing form are chosen first; then the registers
 * that form the address are given values that make it hit the target.  This
 * need not be exact, since the real processor says what the address really
 * was.  The list of opcodes is written down anew here, so that it checks the
 * emulator's own table.
 */
#include "generate.h"

enum {
	MODRM = BIT(0),
	BYTE = BIT(1),		/* 8-bit operand */
	IMM8 = BIT(2),
	IMMZ = BIT(3),
	MOFFS = BIT(4),
	LOCK = BIT(5),		/* LOCK makes sense */
	STRING = BIT(6),
	STACK = BIT(7),
	BITS = BIT(8),		/* the register operand moves the address */
	LONG = BIT(9),		/* 64-bit mode only */
	LEGACY = BIT(10),	/* not in 64-bit mode */
	MEMORY = BIT(11),	/* no register form */
	DWORD = BIT(12),	/* no 16-bit form */
	ACC = BIT(13),		/* compares with the accumulator */
	ACC2 = BIT(14),		/* and with rDX */
	P66 = BIT(15),		/* mandatory prefixes */
	PF3 = BIT(16),
	PF2 = BIT(17),
	PNONE = BIT(18),	/* must not have one */
};

#define ANY_REG	-1

struct form {
	u16 opcode;		/* 0x0f.. and 0x38.. for the other maps */
	s8 reg;			/* ModRM.reg, or ANY_REG */
	unsigned int flags;
};

#define ALU(op) \
	{ (op), ANY_REG, MODRM | BYTE | LOCK }, { (op) + 1, ANY_REG, MODRM | LOCK }, \
	{ (op) + 2, ANY_REG, MODRM | BYTE }, { (op) + 3, ANY_REG, MODRM }
#define ALU_IMM(n) \
	{ 0x80, n, MODRM | BYTE | IMM8 | LOCK }, { 0x81, n, MODRM | IMMZ | LOCK }, \
	{ 0x83, n, MODRM | IMM8 | LOCK }, \
	{ 0x82, n, MODRM | BYTE | IMM8 | LOCK | LEGACY }
#define BOTH(op, n, fl) \
	{ (op), n, (fl) | BYTE }, { (op) + 1, n, (fl) }
#define CC(op, fl) \
	{ (op), ANY_REG, fl }, { (op) + 1, ANY_REG, fl }, { (op) + 2, ANY_REG, fl }, \
	{ (op) + 3, ANY_REG, fl }, { (op) + 4, ANY_REG, fl }, { (op) + 5, ANY_REG, fl }, \
	{ (op) + 6, ANY_REG, fl }, { (op) + 7, ANY_REG, fl }

static const struct form forms[] = {
	ALU(0x00), ALU(0x08), ALU(0x10), ALU(0x18),
	ALU(0x20), ALU(0x28), ALU(0x30), ALU(0x38),
	ALU_IMM(0), ALU_IMM(1), ALU_IMM(2), ALU_IMM(3),
	ALU_IMM(4), ALU_IMM(5), ALU_IMM(6), ALU_IMM(7),
	{ 0x63, ANY_REG, MODRM | LONG },
	BOTH(0x84, ANY_REG, MODRM),
	BOTH(0x86, ANY_REG, MODRM | LOCK),
	BOTH(0x88, ANY_REG, MODRM),
	BOTH(0x8a, ANY_REG, MODRM),
	{ 0x8c, ANY_REG, MODRM },
	{ 0x8f, 0, MODRM | STACK },
	BOTH(0xa0, ANY_REG, MOFFS),
	BOTH(0xa2, ANY_REG, MOFFS),
	BOTH(0xa4, ANY_REG, STRING),
	BOTH(0xa6, ANY_REG, STRING),
	BOTH(0xaa, ANY_REG, STRING),
	BOTH(0xac, ANY_REG, STRING),
	BOTH(0xae, ANY_REG, STRING),
	{ 0xc6, 0, MODRM | BYTE | IMM8 },
	{ 0xc7, 0, MODRM | IMMZ },
	{ 0xf6, 0, MODRM | BYTE | IMM8 }, { 0xf7, 0, MODRM | IMMZ },
	{ 0xf6, 1, MODRM | BYTE | IMM8 }, { 0xf7, 1, MODRM | IMMZ },
	BOTH(0xf6, 2, MODRM | LOCK),
	BOTH(0xf6, 3, MODRM | LOCK),
	BOTH(0xfe, 0, MODRM | LOCK),
	BOTH(0xfe, 1, MODRM | LOCK),
	{ 0xff, 6, MODRM | STACK },
	CC(0x0f40, MODRM), CC(0x0f48, MODRM),
	CC(0x0f90, MODRM | BYTE), CC(0x0f98, MODRM | BYTE),
	{ 0x0fa3, ANY_REG, MODRM | BITS },
	{ 0x0fab, ANY_REG, MODRM | BITS | LOCK },
	{ 0x0fb3, ANY_REG, MODRM | BITS | LOCK },
	{ 0x0fbb, ANY_REG, MODRM | BITS | LOCK },
	{ 0x0fba, 4, MODRM | IMM8 }, { 0x0fba, 5, MODRM | IMM8 | LOCK },
	{ 0x0fba, 6, MODRM | IMM8 | LOCK }, { 0x0fba, 7, MODRM | IMM8 | LOCK },
	BOTH(0x0fb0, ANY_REG, MODRM | LOCK | ACC),
	BOTH(0x0fc0, ANY_REG, MODRM | LOCK),
	{ 0x0fb6, ANY_REG, MODRM }, { 0x0fb7, ANY_REG, MODRM },
	{ 0x0fbe, ANY_REG, MODRM }, { 0x0fbf, ANY_REG, MODRM },
	{ 0x0fc3, ANY_REG, MODRM | MEMORY | PNONE },
	{ 0x0fc7, 1, MODRM | MEMORY | LOCK | ACC | ACC2 | DWORD },
	{ 0x38f0, ANY_REG, MODRM | MEMORY },
	{ 0x38f1, ANY_REG, MODRM | MEMORY },
	{ 0x0f10, ANY_REG, MODRM | MEMORY | PNONE },
	{ 0x0f10, ANY_REG, MODRM | MEMORY | P66 },
	{ 0x0f10, ANY_REG, MODRM | MEMORY | PF3 },
	{ 0x0f10, ANY_REG, MODRM | MEMORY | PF2 },
	{ 0x0f11, ANY_REG, MODRM | MEMORY | PNONE },
	{ 0x0f11, ANY_REG, MODRM | MEMORY | P66 },
	{ 0x0f11, ANY_REG, MODRM | MEMORY | PF3 },
	{ 0x0f11, ANY_REG, MODRM | MEMORY | PF2 },
	{ 0x0f28, ANY_REG, MODRM | MEMORY | PNONE },
	{ 0x0f28, ANY_REG, MODRM | MEMORY | P66 },
	{ 0x0f29, ANY_REG, MODRM | MEMORY | PNONE },
	{ 0x0f29, ANY_REG, MODRM | MEMORY | P66 },
	{ 0x0f2b, ANY_REG, MODRM | MEMORY | PNONE },
	{ 0x0f2b, ANY_REG, MODRM | MEMORY | P66 },
	{ 0x0f6e, ANY_REG, MODRM | MEMORY | P66 },
	{ 0x0f7e, ANY_REG, MODRM | MEMORY | P66 },
	{ 0x0f7e, ANY_REG, MODRM | MEMORY | PF3 },
	{ 0x0fd6, ANY_REG, MODRM | MEMORY | P66 },
	{ 0x0f6f, ANY_REG, MODRM | MEMORY | P66 },
	{ 0x0f6f, ANY_REG, MODRM | MEMORY | PF3 },
	{ 0x0f7f, ANY_REG, MODRM | MEMORY | P66 },
	{ 0x0f7f, ANY_REG, MODRM | MEMORY | PF3 },
	{ 0x0fe7, ANY_REG, MODRM | MEMORY | P66 },
	{ 0x382a, ANY_REG, MODRM | MEMORY | P66 },
};

#define MANDATORY	(P66 | PF3 | PF2 | PNONE)
#define NO_REG		0xff
#define SEG_DEFAULT	0xff

enum { ES, CS, SS, DS, FS, GS };
enum { AX, CX, DX, BX, SP, BP, SI, DI };

/* What has been chosen for the instruction. */
struct choice {
	const struct setting *s;
	struct generated *g;
	const struct form *form;
	bool data16, addr_prefix;
	u8 rep, rex, seg;
	unsigned int op_size, addr_size;
	u8 base, index, scale, default_seg;
	bool rip_relative;
	unsigned int disp_at, disp_len;
};

static u64 random_state;

/**
 * seed_random() - start the sequence
 * @seed: not 0
 */
void seed_random(u64 seed)
{
	random_state = seed;
}

/**
 * random64() - next of the sequence (xorshift64*)
 *
 * Return: any number.
 */
u64 random64(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return random_state * 0x2545f4914f6cdd1dULL;
}

/**
 * below() - a small random number
 * @n: not 0
 *
 * Return: a number from 0 to @n - 1.
 */
unsigned int below(unsigned int n)
{
	return (random64() >> 32) % n;
}

static bool one_in(unsigned int n)
{
	return !below(n);
}

/* Numbers that carry, overflow and are zero more often than chance has it. */
static u64 random_value(void)
{
	static const u64 edges[] = {
		0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff,
		0x80000000, 0xffffffff, ~0ULL, 1ULL << 63, ~0ULL >> 1,
	};

	switch (below(4)) {
	case 0:
		return edges[below(ARRAY_SIZE(edges))];
	case 1:
		return (s64)random64() >> below(64);
	default:
		return random64();
	}
}

static void put(struct choice *c, u64 val, unsigned int len)
{
	memcpy(c->g->code + c->g->len, &val, len);
	c->g->len += len;
}

static u64 mask(unsigned int size)
{
	return ~0ULL >> (64 - 8 * size);
}

/* A linear address to aim at: now and then one that won't do. */
static u64 target(const struct setting *s)
{
	unsigned int border = below(4) * 4096;

	if (one_in(8))
		return s->targets + border - below(16);
	return s->targets + 1024 + below(s->targets_len - 2048);
}

static void choose_prefixes(struct choice *c)
{
	unsigned int flags = c->form->flags;

	c->data16 = flags & P66 || (!(flags & MANDATORY) && one_in(4));
	c->addr_prefix = one_in(6);
	if (flags & PF3)
		c->rep = 0xf3;
	else if (flags & PF2)
		c->rep = 0xf2;
	else if (flags & STRING ? one_in(2) : !(flags & MANDATORY) && one_in(16))
		c->rep = 0xf2 + below(2);
	if (c->form->opcode >> 8 == 0x38 || c->form->opcode == 0x0fc7)
		c->rep = 0;
	if (c->s->is_long && one_in(2))
		c->rex = 0x40 | below(16);
}

static u8 segment_prefix(u8 seg)
{
	return seg < FS ? 0x26 | seg << 3 : 0x64 | (seg & 1);
}

static void put_prefixes(struct choice *c)
{
	u8 prefixes[8], n = 0, i;

	if (c->data16)
		prefixes[n++] = 0x66;
	if (c->addr_prefix)
		prefixes[n++] = 0x67;
	if (c->rep)
		prefixes[n++] = c->rep;
	if (one_in(c->form->flags & LOCK ? 6 : 64))
		prefixes[n++] = 0xf0;
	if (one_in(6)) {
		c->seg = below(6);
		prefixes[n++] = segment_prefix(c->seg);
		if (c->s->is_long && c->seg < FS)
			c->seg = SEG_DEFAULT;
	}
	if (c->s->is_long && one_in(32))
		prefixes[n++] = 0x40 | below(16);	/* without effect */
	for (i = n; i > 1; i--) {
		u8 other = below(i), tmp = prefixes[i - 1];

		prefixes[i - 1] = prefixes[other];
		prefixes[other] = tmp;
	}
	for (i = 0; i < n; i++)
		put(c, prefixes[i], 1);
	/* The one without effect must not be last. */
	if (n && c->s->is_long && (prefixes[n - 1] & 0xf0) == 0x40 && !c->rex)
		put(c, c->rex = 0x40 | below(16), 1);
	else if (c->rex)
		put(c, c->rex, 1);
}

static void choose_sizes(struct choice *c)
{
	unsigned int flags = c->form->flags;
	bool is_long = c->s->is_long;

	if (flags & BYTE)
		c->op_size = 1;
	else if (c->rex & 8)
		c->op_size = 8;
	else if (flags & DWORD)
		c->op_size = 4;
	else if (c->data16 == (is_long || c->s->cs_d))
		c->op_size = 2;
	else
		c->op_size = is_long && flags & STACK ? 8 : 4;
	if (is_long)
		c->addr_size = c->addr_prefix ? 4 : 8;
	else
		c->addr_size = c->addr_prefix == c->s->cs_d ? 2 : 4;
}

static void put_opcode(struct choice *c)
{
	u16 opcode = c->form->opcode;

	if (opcode >> 8 == 0x38)
		put(c, 0x380f, 2);
	else if (opcode >> 8)
		put(c, 0x0f, 1);
	put(c, opcode & 0xff, 1);
}

static void put_displacement(struct choice *c, unsigned int len)
{
	c->disp_at = c->g->len;
	c->disp_len = len;
	put(c, random64() & (len ? mask(len) : 0), len);
}

static void put_memory_16(struct choice *c, u8 mod, u8 rm)
{
	static const u8 bases[] = { BX, BX, BP, BP, SI, DI, BP, BX };
	static const u8 indexes[] = { SI, DI, SI, DI };

	c->base = bases[rm];
	if (rm < 4)
		c->index = indexes[rm];
	if (mod == 0 && rm == 6)
		c->base = NO_REG;
	put_displacement(c, mod == 0 && rm == 6 ? 2 : mod);
}

static void put_memory_32(struct choice *c, u8 mod, u8 rm)
{
	u8 base = rm;

	if (rm == SP) {
		u8 sib = random64();

		put(c, sib, 1);
		c->scale = sib >> 6;
		c->index = (sib >> 3 & 7) | (c->rex & 2) << 2;
		if (c->index == SP)
			c->index = NO_REG;
		base = sib & 7;
	}
	c->base = base | (c->rex & 1) << 3;
	if (mod == 0 && base == BP) {
		c->base = NO_REG;
		c->rip_relative = rm == BP && c->s->is_long;
		put_displacement(c, 4);
	} else {
		put_displacement(c, mod == 2 ? 4 : mod);
	}
}

static void put_modrm(struct choice *c)
{
	bool memory = c->form->flags & MEMORY || below(8);
	u8 mod = memory ? below(3) : 3, rm = below(8);
	u8 reg = c->form->reg == ANY_REG ? below(8) : (u8)c->form->reg;

	/* Segment registers 6 and 7 don't exist; once in a while is enough. */
	if (c->form->opcode == 0x8c && below(8))
		reg = below(6);
	put(c, mod << 6 | reg << 3 | rm, 1);
	if (mod == 3)
		return;
	if (c->addr_size == 2)
		put_memory_16(c, mod, rm);
	else
		put_memory_32(c, mod, rm);
	if (c->base == SP || c->base == BP)
		c->default_seg = SS;
	if (c->form->flags & BITS && c->base != NO_REG) {
		u8 bit = reg | (c->rex & 4) << 1;

		c->g->gpr[bit] = (s64)random64() >> 50;
	}
}

static void put_immediate(struct choice *c)
{
	if (c->form->flags & IMM8)
		put(c, random_value(), 1);
	if (c->form->flags & IMMZ)
		put(c, random_value(), min(c->op_size, 4U));
}

static u64 displacement(const struct choice *c)
{
	s32 disp = 0;

	if (c->disp_len == 8)
		return 0;
	memcpy(&disp, c->g->code + c->disp_at, c->disp_len);
	if (c->disp_len == 1)
		disp = (s8)disp;
	if (c->disp_len == 2)
		disp = (s16)disp;
	return (s64)disp;
}

/* Give registers or displacement the values that make the address @offset. */
static void aim(struct choice *c, u64 offset)
{
	u64 *gpr = c->g->gpr, rest = offset;

	if (c->rip_relative)
		rest -= c->s->rip + c->g->len;
	if (c->index != NO_REG && c->base == NO_REG)
		gpr[c->index] = (s64)random64() >> 48;
	if (c->index != NO_REG)
		rest -= gpr[c->index] << c->scale;
	if (c->base == NO_REG) {
		memcpy(c->g->code + c->disp_at, &rest, c->disp_len);
		return;
	}
	rest -= displacement(c);
	if (c->base == c->index)
		rest = (offset - displacement(c)) / (1 + (1 << c->scale));
	/* What is beyond the address size has no influence. */
	gpr[c->base] = (rest & mask(c->addr_size)) |
		       (random64() & ~mask(c->addr_size));
	if (c->s->is_long && one_in(64))
		gpr[c->base] ^= 1ULL << (47 + below(17));
}

static void aim_string(struct choice *c, u8 seg)
{
	u64 *gpr = c->g->gpr, high = random64() & ~mask(c->addr_size);
	u8 kind = c->form->opcode & 0xfe;

	gpr[SI] = ((target(c->s) - c->s->base[seg]) & mask(c->addr_size)) | high;
	gpr[DI] = ((target(c->s) - c->s->base[ES]) & mask(c->addr_size)) | high;
	if (c->rep)
		gpr[CX] = below(20) | high;
	/* Equal items, for CMPS to go on. */
	if (one_in(4))
		gpr[DI] = gpr[SI] + c->s->base[seg] - c->s->base[ES];
	/*
	 * With an address size of 32 bits in 64-bit mode, Intel's processors
	 * clear the upper half of RCX, and with MOVS and STOS those of RSI and
	 * RDI, even if nothing is done, for ECX is 0 or the first item faults.
	 * No document says so.
	 */
	if (c->rep && c->addr_size == 4)
		gpr[CX] &= U32_MAX;
	if (c->rep && c->addr_size == 4 && (kind == 0xa4 || kind == 0xaa)) {
		gpr[SI] &= U32_MAX;
		gpr[DI] &= U32_MAX;
	}
}

static u64 random_flags(void)
{
	/* CF PF AF ZF SF DF OF */
	return 2 | (random64() & 0xcd5) | (one_in(8) ? BIT(18) : 0);
}

/* The comparing ones shall find what they look for, half of the time. */
static void match(struct choice *c, u64 linear)
{
	u64 *gpr = c->g->gpr, at = linear - c->s->targets;
	const u8 *memory = (const u8 *)linear;

	if (one_in(2) || at > c->s->targets_len - 16)
		return;
	if (c->form->flags & ACC && c->base != AX && c->index != AX)
		memcpy(&gpr[AX], memory, c->op_size);
	if (c->form->flags & ACC2 && c->base != DX && c->index != DX)
		memcpy(&gpr[DX], memory + c->op_size, c->op_size);
}

/**
 * generate() - make up an instruction
 * @s: the mode, and what can be accessed in it
 * @g: output
 */
void generate(const struct setting *s, struct generated *g)
{
	struct choice c = {
		.s = s, .g = g, .seg = SEG_DEFAULT, .default_seg = DS,
		.base = NO_REG, .index = NO_REG,
	};
	u64 linear = target(s);
	unsigned int i;

	do {
		c.form = &forms[below(ARRAY_SIZE(forms))];
	} while (c.form->flags & (s->is_long ? LEGACY : LONG));
	for (i = 0; i < 16; i++)
		g->gpr[i] = random_value();
	g->gpr[SP] = target(s) - s->base[SS];
	g->rflags = random_flags();
	g->len = 0;

	choose_prefixes(&c);
	put_prefixes(&c);
	choose_sizes(&c);
	put_opcode(&c);
	if (c.form->flags & MODRM)
		put_modrm(&c);
	if (c.form->flags & MOFFS)
		put_displacement(&c, c.addr_size);
	put_immediate(&c);
	if (c.seg == SEG_DEFAULT)
		c.seg = c.default_seg;
	if (c.form->flags & STRING)
		aim_string(&c, c.seg);
	else if (c.disp_len || c.base != NO_REG)
		aim(&c, linear - s->base[c.seg]);
	match(&c, linear);
	for (i = 0; i < 16 && !s->is_long; i++)
		g->gpr[i] &= U32_MAX;
}
