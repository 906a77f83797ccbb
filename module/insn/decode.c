// SPDX-License-Identifier: GPL-2.0
/*
 * decode.c - fetch an instruction and take it apart.
 *
 * Prefixes, opcode, ModRM, SIB, displacement, immediate: SDM 2 chapter 2 and
 * appendix A.  What the bytes mean is in table.c.  Bytes are fetched in one
 * piece as far as the page goes, and the next page is touched only if the
 * instruction really goes on there, as the processor does it.  Owns nothing;
 * no locks.
 */
#include "internal.h"

#define NO_OVERRIDE	0xff

/**
 * struct decoder - a decode in progress
 * @cpu: whose instruction it is
 * @insn: result; its len is the position
 * @status: first failure, after which only zeros are read
 * @avail: how many bytes have been fetched
 * @modrm: the ModRM byte
 * @data16: there is an operand size prefix
 * @addr_prefix: there is an address size prefix
 * @seg: segment override, or NO_OVERRIDE
 */
struct decoder {
	struct osp_insn_cpu *cpu;
	struct osp_insn *insn;
	enum osp_insn_status status;
	u8 avail;
	u8 modrm;
	bool data16;
	bool addr_prefix;
	u8 seg;
};

static bool in_long_mode(const struct decoder *d)
{
	return d->cpu->mode == OSP_INSN_LONG;
}

/*
 * Outside 64-bit mode: linear address of the code at @offset, and how many
 * bytes from there are within the segment, @room at most.
 */
static noinline unsigned int legacy_room(struct osp_insn_cpu *cpu, u32 offset,
					 unsigned int room, u64 *linear)
{
	struct osp_insn_segment cs;

	cpu->ops->segment(cpu, OSP_INSN_CS, &cs);
	*linear = (u32)(cs.base + offset);
	if (offset > cs.limit)
		return 0;
	return min_t(u64, room, (u64)cs.limit - offset + 1);
}

/* Fetch what is on the same page, 15 bytes in all at most. */
static __always_inline void fetch(struct decoder *d)
{
	unsigned int in_page, room = OSP_INSN_MAX_LEN - d->avail;
	struct osp_insn_cpu *cpu = d->cpu;
	u64 linear = cpu->rip + d->avail;

	if (unlikely(cpu->mode != OSP_INSN_LONG))
		room = legacy_room(cpu, linear, room, &linear);
	else if (unlikely(!is_canonical(cpu, linear, 1)))
		room = 0;
	in_page = INSN_PAGE_SIZE - (linear & (INSN_PAGE_SIZE - 1));
	room = min(room, in_page);
	if (unlikely(!room)) {
		d->status = osp_insn_raise(cpu, VECTOR_GP);
		return;
	}
	d->status = cpu->ops->fetch(cpu, linear, d->insn->bytes + d->avail,
				    room);
	if (likely(!d->status))
		d->avail += room;
}

/* The same where it is rare: for an instruction that crosses a page. */
static noinline void fetch_more(struct decoder *d)
{
	fetch(d);
}

static inline u8 next_byte(struct decoder *d)
{
	if (unlikely(d->insn->len == d->avail)) {
		if (!d->status)
			fetch_more(d);
		if (d->status)
			return 0;
	}
	return d->insn->bytes[d->insn->len++];
}

/* A little-endian number of @size bytes, sign-extended. */
static noinline u64 next_number(struct decoder *d, unsigned int size)
{
	u64 val = 0;
	unsigned int i;

	for (i = 0; i < size; i++)
		val |= (u64)next_byte(d) << (8 * i);
	return sign_extend(val, size);
}

/* ES, CS, SS and DS don't count as overrides in 64-bit mode (SDM 1 3.3.4) */
static void override_segment(struct decoder *d, enum osp_insn_sreg seg)
{
	if (seg >= OSP_INSN_FS || !in_long_mode(d))
		d->seg = seg;
}

/* Returns false if it is none after all: a REX prefix in other modes. */
static noinline bool take_prefix(struct decoder *d, u8 byte)
{
	/* A REX prefix counts only right before the opcode. */
	d->insn->rex = 0;
	switch (byte) {
	case 0x26:
	case 0x2e:
	case 0x36:
	case 0x3e:
		override_segment(d, byte >> 3 & 3);
		return true;
	case 0x64:
	case 0x65:
		override_segment(d, OSP_INSN_FS + (byte & 1));
		return true;
	case 0x66:
		d->data16 = true;
		return true;
	case 0x67:
		d->addr_prefix = true;
		return true;
	case 0xf0:
		d->insn->lock = true;
		return true;
	case PREFIX_REPNE:
	case PREFIX_REPE:
		d->insn->rep = byte;
		return true;
	default:
		if (!in_long_mode(d))
			return false;
		d->insn->rex = byte;
		return true;
	}
}

/* The row that the opcode alone tells. */
static const struct osp_insn_row *opcode_row(struct decoder *d)
{
	const struct osp_insn_row *row;
	unsigned int byte;

	do {
		byte = next_byte(d);
		row = &osp_insn_rows[byte];
	} while (row->flags & ROW_PREFIX && take_prefix(d, byte));
	if (byte == 0x0f) {
		byte = next_byte(d);
		row = &osp_insn_rows_0f[byte];
		if (byte == 0x38) {
			byte = next_byte(d);
			row = osp_insn_row_0f38(byte, d->insn->rep);
		}
	}
	d->insn->opcode = byte;
	return row;
}

static unsigned int prefix_index(const struct decoder *d)
{
	if (d->insn->rep)
		return d->insn->rep == PREFIX_REPE ? SUB_F3 : SUB_F2;
	return d->data16 ? SUB_66 : SUB_NONE;
}

/* Find the row; takes the ModRM byte, which may choose among several. */
static const struct osp_insn_row *find_row(struct decoder *d)
{
	const struct osp_insn_row *row = opcode_row(d);

	if (likely(row->flags & ROW_MODRM))
		d->modrm = next_byte(d);
	if (row->flags & ROW_SUB)
		row = &row->sub[row->flags & ROW_BY_REG ?
				d->modrm >> 3 & 7 : prefix_index(d)];
	return row;
}

/* Operand size in bytes by mode and prefix. */
static u8 usual_size(const struct decoder *d)
{
	return d->data16 == (in_long_mode(d) || d->cpu->cs_d) ? 2 : 4;
}

/* Operand size of the instructions that have rules of their own. */
static noinline u8 special_size(const struct decoder *d, u32 flags)
{
	if (flags & ROW_BYTE)
		return 1;
	if (d->insn->rex & REX_W && !(flags & ROW_PORT))
		return 8;
	if (flags & ROW_DWORD)
		return 4;
	if (flags & ROW_STACK && in_long_mode(d) && !d->data16)
		return 8;
	return usual_size(d);
}

static u8 operand_size(const struct decoder *d, u32 flags)
{
	if (d->insn->rex & REX_W || flags & ROW_SIZES)
		return special_size(d, flags);
	return usual_size(d);
}

static u8 address_size(const struct decoder *d)
{
	if (in_long_mode(d))
		return d->addr_prefix ? 4 : 8;
	return d->addr_prefix == d->cpu->cs_d ? 2 : 4;
}

/* Registers of the 16-bit addressing forms, by ModRM.rm (SDM 2, table 2-1) */
static const u8 base_16[8] = {
	REG_BX, REG_BX, REG_BP, REG_BP, REG_SI, REG_DI, REG_BP, REG_BX,
};

static const u8 index_16[8] = {
	REG_SI, REG_DI, REG_SI, REG_DI,
	OSP_INSN_NO_REG, OSP_INSN_NO_REG, OSP_INSN_NO_REG, OSP_INSN_NO_REG,
};

static noinline void decode_memory_16(struct decoder *d, unsigned int rm)
{
	struct osp_insn *insn = d->insn;

	if (insn->mod == 0 && rm == 6) {
		insn->disp = next_number(d, 2);
		return;
	}
	insn->base = base_16[rm];
	insn->index = index_16[rm];
	if (insn->mod)
		insn->disp = next_number(d, insn->mod);
}

/* The SIB byte: base, index and scale (SDM 2, table 2-3) */
static noinline unsigned int decode_sib(struct decoder *d)
{
	struct osp_insn *insn = d->insn;
	u8 sib = next_byte(d);
	u8 index = (sib >> 3 & 7) | (insn->rex & REX_X ? 8 : 0);

	insn->scale = sib >> 6;
	if (index != REG_SP)
		insn->index = index;
	return (sib & 7) | (insn->rex & REX_B ? 8 : 0);
}

/* Forms of 32 and 64 bits (SDM 2, table 2-2, and 2.2.1.6) */
static void decode_memory_32(struct decoder *d, unsigned int mod,
			     unsigned int rm)
{
	bool has_sib = (rm & 7) == REG_SP;
	struct osp_insn *insn = d->insn;
	unsigned int base = has_sib ? decode_sib(d) : rm;

	if (mod == 0 && (base & 7) == REG_BP) {
		insn->rip_relative = !has_sib && in_long_mode(d);
		insn->disp = next_number(d, 4);
		return;
	}
	insn->base = base;
	if (mod)
		insn->disp = next_number(d, mod == 1 ? 1 : 4);
}

static void decode_modrm(struct decoder *d)
{
	unsigned int mod = d->modrm >> 6;
	unsigned int reg = d->modrm >> 3 & 7;
	unsigned int rm = d->modrm & 7;
	struct osp_insn *insn = d->insn;

	if (insn->rex) {
		reg |= insn->rex & REX_R ? 8 : 0;
		rm |= insn->rex & REX_B ? 8 : 0;
	}
	insn->mod = mod;
	insn->reg = reg;
	insn->rm = rm;
	if (mod == MOD_REGISTER)
		return;
	if (unlikely(insn->addr_size == 2))
		decode_memory_16(d, rm);
	else
		decode_memory_32(d, mod, rm);
	/* Addresses formed with rSP or rBP are in the stack (SDM 1 3.7.4) */
	if (insn->base == REG_SP || insn->base == REG_BP)
		insn->seg = OSP_INSN_SS;
}

static noinline void decode_numbers(struct decoder *d, u32 flags)
{
	struct osp_insn *insn = d->insn;

	if (flags & ROW_MOFFS)
		insn->disp = next_number(d, insn->addr_size);
	if (flags & ROW_IMM8)
		insn->imm = next_number(d, 1);
	if (flags & ROW_IMMZ)
		insn->imm = next_number(d, min_t(u8, insn->op_size, 4));
}

/* What follows the opcode. */
static void decode_operands(struct decoder *d, u32 flags)
{
	struct osp_insn *insn = d->insn;

	insn->op_size = operand_size(d, flags);
	insn->addr_size = address_size(d);
	if (flags & ROW_MODRM)
		decode_modrm(d);
	if (flags & ROW_NUMBERS)
		decode_numbers(d, flags);
	if (d->seg != NO_OVERRIDE)
		insn->seg = d->seg;
}

/* Is it emulated in this mode, and are its prefixes and operands allowed? */
static noinline enum osp_insn_status check(const struct decoder *d, u32 flags)
{
	u32 elsewhere = in_long_mode(d) ? ROW_LEGACY : ROW_LONG;
	bool in_register = d->insn->mod == MOD_REGISTER;

	if (flags & elsewhere)
		return OSP_INSN_UNHANDLED;
	if (d->insn->lock && (!(flags & ROW_LOCK) || in_register))
		return osp_insn_raise(d->cpu, VECTOR_UD);
	if (flags & ROW_MEM && in_register)
		return osp_insn_raise(d->cpu, VECTOR_UD);
	if (flags & ROW_ATOMIC)
		d->insn->lock = true;
	return OSP_INSN_OK;
}

static void clear(struct osp_insn *insn)
{
	insn->imm = 0;
	insn->disp = 0;
	insn->len = 0;
	insn->rex = 0;
	insn->rep = 0;
	insn->lock = false;
	insn->seg = OSP_INSN_DS;
	insn->mod = 0;
	insn->reg = 0;
	insn->rm = 0;
	insn->base = OSP_INSN_NO_REG;
	insn->index = OSP_INSN_NO_REG;
	insn->scale = 0;
	insn->rip_relative = false;
}

enum osp_insn_status osp_insn_decode(struct osp_insn_cpu *cpu,
				     struct osp_insn *insn)
{
	struct decoder d = { .cpu = cpu, .insn = insn, .seg = NO_OVERRIDE };
	const struct osp_insn_row *row;

	clear(insn);
	fetch(&d);
	row = find_row(&d);
	insn->row = row;
	if (likely(row->exec))
		decode_operands(&d, row->flags);
	else if (!d.status)
		d.status = OSP_INSN_UNHANDLED;
	if (!d.status && (row->flags & ROW_CHECKS || insn->lock))
		d.status = check(&d, row->flags);
	if (unlikely(d.status))
		insn->len = d.avail;
	return d.status;
}
