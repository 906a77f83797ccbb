// SPDX-License-Identifier: GPL-2.0
/*
 * machine.c - the callbacks of the emulator, over a machine made of arrays.
 *
 * Paging faults are those of a processor: the first byte that can't be
 * accessed is in CR2, and nothing of the access is done.  A device's reads are
 * answered in the way of KVM_EXIT_MMIO: the first execution gives up, the
 * answer comes, the next execution gets it.  That the emulator repeats itself
 * exactly is checked on the way.
 */
#include <assert.h>
#include "machine.h"
#include "../../../module/insn/simple.h"

#define VECTOR_PF	14
#define PF_PRESENT	BIT(0)
#define PF_WRITE	BIT(1)
#define PF_USER		BIT(2)
#define PF_FETCH	BIT(4)

static struct region *find_region(struct machine *m, u64 addr)
{
	struct region *r;

	for (r = m->regions; r < m->regions + MACHINE_REGIONS; r++)
		if (r->len && addr >= r->start && addr - r->start < r->len)
			return r;
	return NULL;
}

static enum osp_insn_status page_fault(struct machine *m, u64 addr, u32 error)
{
	m->cpu.fault = (struct osp_insn_fault) {
		.vector = VECTOR_PF,
		.has_error = true,
		.error = error | (m->cpu.cpl == 3 ? PF_USER : 0),
		.cr2 = addr,
	};
	return OSP_INSN_FAULT;
}

/* Check all pages of an access before any of it is done. */
static enum osp_insn_status check(struct machine *m, u64 addr,
				  unsigned int len, bool write, u32 error)
{
	u64 at = addr;

	do {
		struct region *r = find_region(m, at);

		m->stray |= !r;
		if (!r || r->flags & REGION_HOLE)
			return page_fault(m, at, error);
		if (write && !(r->flags & REGION_WRITE))
			return page_fault(m, at, error | PF_PRESENT);
		at = (at | (PAGE - 1)) + 1;
	} while (at - addr < len);
	return OSP_INSN_OK;
}

static void copy(struct machine *m, u64 addr, void *buf, unsigned int len,
		 bool write)
{
	u8 *p = buf;

	for (; len--; addr++, p++) {
		struct region *r = find_region(m, addr);
		u8 *host = r->host + (addr - r->start);

		if (write)
			*host = *p;
		else
			*p = *host;
	}
}

static bool is_device(struct machine *m, u64 addr)
{
	return find_region(m, addr)->flags & REGION_DEVICE;
}

static void log_event(struct machine *m, enum event_kind kind, u64 addr,
		      unsigned int len, unsigned int count, const void *data)
{
	struct event *e = &m->events[m->nr_events % MACHINE_EVENTS];

	*e = (struct event) { kind, addr, len, count, 0 };
	memcpy(&e->val, data, min(len * count, 8U));
	m->nr_events++;
}

static enum osp_insn_status op_fetch(struct osp_insn_cpu *cpu, u64 linear,
				     void *buf, unsigned int len)
{
	struct machine *m = cpu->ctx;
	enum osp_insn_status status = check(m, linear, len, false, PF_FETCH);

	assert(len >= 1 && len <= OSP_INSN_MAX_LEN);
	assert(linear / PAGE == (linear + len - 1) / PAGE);
	m->fetches++;
	if (!status)
		copy(m, linear, buf, len, false);
	return status;
}

/*
 * A read that userspace answers.  Returns true, with the data in @buf, if it
 * was answered in an earlier execution.
 */
static bool replay(struct machine *m, u64 addr, void *buf, unsigned int len)
{
	assert(!m->waiting);
	if (m->replayed < m->answered) {
		assert(m->answers[m->replayed].addr == addr);
		assert(m->answers[m->replayed].len == len);
		memcpy(buf, m->answers[m->replayed++].data, len);
		return true;
	}
	assert(m->answered < ARRAY_SIZE(m->answers));
	m->answers[m->answered].addr = addr;
	m->answers[m->answered].len = len;
	m->waiting = true;
	m->pending++;
	return false;
}

static enum osp_insn_status op_read(struct osp_insn_cpu *cpu, u64 linear,
				    void *buf, unsigned int len, bool rmw)
{
	struct machine *m = cpu->ctx;
	enum osp_insn_status status;

	status = check(m, linear, len, rmw, rmw ? PF_WRITE : 0);
	if (status)
		return status;
	if (!is_device(m, linear)) {
		copy(m, linear, buf, len, false);
		return OSP_INSN_OK;
	}
	if (replay(m, linear, buf, len))
		return OSP_INSN_OK;
	copy(m, linear, m->answers[m->answered].data, len, false);
	log_event(m, EVENT_READ, linear, len, 1,
		  m->answers[m->answered].data);
	return OSP_INSN_PENDING;
}

static enum osp_insn_status op_write(struct osp_insn_cpu *cpu, u64 linear,
				     const void *buf, unsigned int len)
{
	struct machine *m = cpu->ctx;
	enum osp_insn_status status = check(m, linear, len, true, PF_WRITE);

	if (status)
		return status;
	if (is_device(m, linear))
		log_event(m, EVENT_WRITE, linear, len, 1, buf);
	copy(m, linear, (void *)buf, len, true);
	return OSP_INSN_OK;
}

static enum osp_insn_status op_cmpxchg(struct osp_insn_cpu *cpu, u64 linear,
				       const void *old, const void *new,
				       unsigned int len)
{
	struct machine *m = cpu->ctx;
	u8 now[OSP_INSN_MAX_OPERAND];

	m->cmpxchgs++;
	if (m->lose_race) {
		m->lose_race--;
		return OSP_INSN_AGAIN;
	}
	if (!is_device(m, linear)) {
		copy(m, linear, now, len, false);
		assert(!memcmp(now, old, len));
	}
	return op_write(cpu, linear, new, len);
}

static enum osp_insn_status op_probe_write(struct osp_insn_cpu *cpu, u64 linear,
					   unsigned int len)
{
	return check(cpu->ctx, linear, len, true, PF_WRITE);
}

static enum osp_insn_status op_in(struct osp_insn_cpu *cpu, u16 port,
				  unsigned int size, void *buf,
				  unsigned int *count)
{
	struct machine *m = cpu->ctx;
	u8 *data = m->answers[m->answered].data;
	unsigned int i;

	assert(*count >= 1 && *count * size <= cpu->io_len);
	*count = min(*count, m->io_max);
	if (replay(m, port, buf, *count * size))
		return OSP_INSN_OK;
	for (i = 0; i < *count * size; i++)
		data[i] = m->in_data++;
	log_event(m, EVENT_IN, port, size, *count, data);
	return OSP_INSN_PENDING;
}

static enum osp_insn_status op_out(struct osp_insn_cpu *cpu, u16 port,
				   unsigned int size, const void *buf,
				   unsigned int *count)
{
	struct machine *m = cpu->ctx;

	assert(*count >= 1 && *count * size <= cpu->io_len);
	*count = min(*count, m->io_max);
	log_event(m, EVENT_OUT, port, size, *count, buf);
	return OSP_INSN_OK;
}

static void op_segment(struct osp_insn_cpu *cpu, enum osp_insn_sreg sreg,
		       struct osp_insn_segment *seg)
{
	struct machine *m = cpu->ctx;

	*seg = m->sregs[sreg];
}

static enum osp_insn_status op_xmm(struct osp_insn_cpu *cpu, unsigned int reg,
				   void *buf, bool set)
{
	struct machine *m = cpu->ctx;

	assert(reg < 16);
	if (set)
		memcpy(m->xmm[reg], buf, 16);
	else
		memcpy(buf, m->xmm[reg], 16);
	return OSP_INSN_OK;
}

static const struct osp_insn_ops machine_ops = {
	.fetch = op_fetch,
	.read = op_read,
	.write = op_write,
	.cmpxchg = op_cmpxchg,
	.probe_write = op_probe_write,
	.in = op_in,
	.out = op_out,
	.segment = op_segment,
	.xmm = op_xmm,
};

/**
 * machine_init() - a CPU with no memory and flat segments
 * @m: the machine
 * @mode: of the CPU
 * @cs_d: its default operand size is 32
 *
 * In real and virtual-8086 mode the segments have a limit of 64 KiB.
 */
void machine_init(struct machine *m, enum osp_insn_mode mode, bool cs_d)
{
	bool real = mode == OSP_INSN_REAL || mode == OSP_INSN_VM86;
	unsigned int i;

	memset(m, 0, sizeof(*m));
	m->ops = machine_ops;
	m->io_max = PAGE;
	for (i = 0; i < ARRAY_SIZE(m->sregs); i++) {
		m->sregs[i].limit = real ? U16_MAX : U32_MAX;
		m->sregs[i].ar = 0x93 | (cs_d ? OSP_INSN_AR_DB : 0);
	}
	if (!real)
		m->sregs[OSP_INSN_CS].ar |= OSP_INSN_AR_CODE;
	m->cpu = (struct osp_insn_cpu) {
		.gpr = m->gpr,
		.rflags = 2,
		.mode = mode,
		.cs_d = cs_d,
		.cpl = mode == OSP_INSN_VM86 ? 3 : 0,
		.va_bits = 48,
		.features = OSP_INSN_HAS_MOVBE | OSP_INSN_HAS_CX16,
		.io_buf = m->io_buf,
		.io_len = sizeof(m->io_buf),
		.ops = &m->ops,
		.ctx = m,
	};
}

/**
 * machine_map() - give the machine memory
 * @m: the machine
 * @start: linear address
 * @len: in bytes
 * @flags: REGION_*
 * @host: the content
 *
 * Return: the region.
 */
struct region *machine_map(struct machine *m, u64 start, u64 len,
			   unsigned int flags, void *host)
{
	struct region *r = m->regions;

	while (r->len)
		r++;
	assert(r < m->regions + MACHINE_REGIONS);
	*r = (struct region) { start, len, flags, host };
	return r;
}

/*
 * What osp_insn_simplify() has made of an instruction has to say the same as
 * the emulator has done: which memory, which register, which value.  @gpr and
 * @rip are those before.
 */
static void check_simple(struct machine *m, const struct osp_insn_simple *s,
			 u64 *gpr, u64 rip)
{
	u64 linear = osp_insn_simple_linear(s, gpr, rip);
	u64 mask = ~0ULL >> (64 - 8 * s->size), in_memory = 0;

	assert(m->cpu.rip == rip + s->len);
	copy(m, linear, &in_memory, s->size, false);
	if (s->store)
		assert(in_memory == osp_insn_simple_value(s, gpr));
	else
		osp_insn_simple_load(s, gpr, in_memory | ~mask);
	assert(!memcmp(gpr, m->gpr, sizeof(m->gpr)));
	m->simple++;
}

/**
 * machine_step() - execute a decoded instruction, with userspace's help
 * @m: the machine
 * @insn: decoded
 *
 * Checks that what gives up changes nothing, and that a simple MOV is one.
 *
 * Return: what osp_insn_execute() did, but never PENDING.
 */
enum osp_insn_status machine_step(struct machine *m, struct osp_insn *insn)
{
	struct osp_insn_simple s;
	bool simple = osp_insn_simplify(&m->cpu, insn, &s);
	enum osp_insn_status status;
	u64 gpr[16], rip, rflags;

	m->answered = 0;
	m->replayed = 0;
	for (;;) {
		memcpy(gpr, m->gpr, sizeof(gpr));
		rip = m->cpu.rip;
		rflags = m->cpu.rflags;
		status = osp_insn_execute(&m->cpu, insn);
		if (status == OSP_INSN_OK || status == OSP_INSN_AGAIN)
			break;
		assert(!memcmp(gpr, m->gpr, sizeof(gpr)));
		assert(rip == m->cpu.rip && rflags == m->cpu.rflags);
		if (status != OSP_INSN_PENDING)
			break;
		assert(m->waiting);
		m->waiting = false;
		m->answered++;
		m->replayed = 0;
	}
	assert(!m->waiting);
	assert(m->replayed == m->answered || status == OSP_INSN_FAULT);
	if (simple && status == OSP_INSN_OK)
		check_simple(m, &s, gpr, rip);
	return status;
}

/**
 * machine_run() - decode and execute the instruction at RIP, to its end
 * @m: the machine
 *
 * Return: OK, FAULT, UNHANDLED.
 */
enum osp_insn_status machine_run(struct machine *m)
{
	enum osp_insn_status status;
	struct osp_insn insn;

	status = osp_insn_decode(&m->cpu, &insn);
	if (status)
		return status;
	do {
		status = machine_step(m, &insn);
	} while (status == OSP_INSN_AGAIN);
	return status;
}
