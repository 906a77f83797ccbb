// SPDX-License-Identifier: GPL-2.0
/*
 * access.c - what an emulated instruction sees of the machine.
 *
 * The emulator's (insn/) callbacks for memory, segments and XMM registers: they
 * translate through the guest's page tables (mmu/walk.c), then go to RAM, to a
 * controller in the kernel, or put down what userspace will be asked (mmio.c).
 * Those for ports are in pio.c.
 *
 * All in the vCPU's thread, under its mutex, with interrupts on, within
 * osp_mmu_hold().
 */
#include <linux/mm.h>
#include <linux/string.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>
#include <asm/vmx.h>

#include "ospite.h"
#include "emulation.h"

static int read_entry(void *ctx, u64 gpa, u64 *entry, unsigned int len)
{
	*entry = 0;
	return osp_gpa_read(ctx, gpa, entry, len);
}

static int update_entry(void *ctx, u64 gpa, u64 *old, u64 new, unsigned int len)
{
	return osp_gpa_cmpxchg(ctx, gpa, old, new, len);
}

/**
 * osp_prepare_walk() - all that a translation of the guest's depends on
 * @vcpu: the vCPU, loaded
 * @walk: result; the caller adds cpl and rflags
 */
void osp_prepare_walk(struct osp_vcpu *vcpu, struct osp_walk_cpu *walk)
{
	int i;

	walk->cr0 = osp_vmx_cr0(vcpu);
	walk->cr3 = osp_vmx_cr3(vcpu);
	walk->cr4 = osp_vmx_cr4(vcpu);
	walk->efer = vcpu->efer;
	walk->pkru = vcpu->pkru;
	walk->phys_bits = vcpu->phys_bits;
	walk->gbpages = osp_has(vcpu, OSP_GUEST_GBPAGES);
	walk->read = read_entry;
	walk->update = update_entry;
	walk->ctx = &vcpu->vm->mmu;
	if ((walk->cr4 & X86_CR4_PAE) && !(walk->efer & EFER_LMA))
		for (i = 0; i < 4; i++)
			walk->pdpte[i] = osp_vmx_pdpte(vcpu, i);
}

/* Once an emulation. */
static void prepare_walk(struct osp_emulation *e)
{
	osp_prepare_walk(e->vcpu, &e->walk);
	e->walk.rflags = e->cpu.rflags;
	e->walk.cpl = e->cpu.cpl;
	e->walk_ready = true;
}

static bool recall(const struct osp_pending_io *io, u64 linear,
		   unsigned int access, u64 *gpa)
{
	const struct osp_translation *t;

	for (t = io->seen; t < io->seen + io->nr_seen; t++) {
		if (t->page != (linear & PAGE_MASK) ||
		    (access & OSP_WALK_WRITE && !t->write))
			continue;
		*gpa = t->frame | offset_in_page(linear);
		return true;
	}
	return false;
}

/* A REP instruction sees many pages: the oldest are of no more use. */
static void remember(struct osp_pending_io *io, u64 linear, bool write, u64 gpa)
{
	if (io->nr_seen == OSP_MAX_TRANSLATIONS)
		io->nr_seen = 0;
	io->seen[io->nr_seen++] = (struct osp_translation){
		.page = linear & PAGE_MASK,
		.frame = gpa & PAGE_MASK,
		.write = write,
	};
}

/*
 * SDM 3C table 28-7: the processor has translated the linear address of the
 * access itself, so the guest's page tables allow it.
 */
#define EPT_VIOLATION_WRITE	BIT(1)
#define EPT_VIOLATION_FETCH	BIT(2)
#define EPT_VIOLATION_ACCESS	(BIT(7) | BIT(8))

/**
 * osp_remember_violation() - the exit has told one translation already
 * @vcpu: the vCPU, after an EPT violation or an APIC access
 * @gpa: the guest-physical address
 *
 * Context: process context, before the emulation.
 */
void osp_remember_violation(struct osp_vcpu *vcpu, u64 gpa)
{
	u64 q = vcpu->qualification;

	/* Of an APIC access the qualification tells something else. */
	if ((u16)vcpu->exit_reason == EXIT_REASON_EPT_VIOLATION &&
	    (q & EPT_VIOLATION_ACCESS) == EPT_VIOLATION_ACCESS &&
	    !(q & EPT_VIOLATION_FETCH))
		remember(&vcpu->io, osp_vmx_linear_address(),
			 q & EPT_VIOLATION_WRITE, gpa);
}

static enum osp_insn_status translate(struct osp_emulation *e, u64 linear,
				      unsigned int access, u64 *gpa)
{
	struct osp_pending_io *io = &e->vcpu->io;
	struct osp_walk_result result;
	int r;

	if (!(access & OSP_WALK_FETCH) && recall(io, linear, access, gpa))
		return OSP_INSN_OK;
	if (!e->walk_ready)
		prepare_walk(e);
	r = osp_walk(&e->walk, linear, access, &result);
	if (r == OSP_WALK_OK) {
		*gpa = result.gpa;
		if (!(access & OSP_WALK_FETCH))
			remember(io, linear, access & OSP_WALK_WRITE, *gpa);
		return OSP_INSN_OK;
	}
	/* Page tables in a device: what is there can't be known here. */
	if (r == -ENXIO)
		return OSP_INSN_UNHANDLED;
	if (r < 0) {
		e->error = r;
		return OSP_INSN_ERROR;
	}
	e->cpu.fault = (struct osp_insn_fault){
		.vector = X86_TRAP_PF,
		.has_error = true,
		.error = result.error_code,
		.cr2 = linear,
	};
	return OSP_INSN_FAULT;
}

/**
 * osp_controller() - an access to an interrupt controller in the kernel
 * @vcpu: the vCPU
 * @gpa: for which osp_is_controller() is true
 * @len: 1 to 8 bytes
 * @write: which way @data goes
 * @data: @len bytes
 *
 * Context: the vCPU's thread; interrupts may be off.
 * Return: true, or false if there is none there after all.
 */
bool osp_controller(struct osp_vcpu *vcpu, u64 gpa, unsigned int len,
		    bool write, void *data)
{
	u64 value = 0;

	if (osp_lapic_hw_enabled(vcpu->lapic) &&
	    (gpa & PAGE_MASK) == (vcpu->lapic->base & GENMASK_ULL(51, 12))) {
		if (write) {
			memcpy(&value, data, len);
			osp_lapic_write(vcpu->lapic, gpa & ~PAGE_MASK, len, value);
		} else {
			value = osp_lapic_read(vcpu->lapic, gpa & ~PAGE_MASK, len);
			memcpy(data, &value, len);
		}
		osp_request(vcpu, OSP_REQ_EVENT);
		return true;
	}
	return osp_irqchip_mmio(vcpu->vm->chip, gpa, len, write, data);
}

/* At most 8 bytes, not RAM. */
static enum osp_insn_status device_read(struct osp_vcpu *vcpu, u64 gpa,
					void *buf, unsigned int len)
{
	struct osp_pending_io *io = &vcpu->io;
	struct osp_fragment *f;

	if (io->replayed < io->nr_reads) {
		f = &io->reads[io->replayed++];
		memcpy(buf, f->data, min_t(unsigned int, len, f->len));
		return OSP_INSN_OK;
	}
	if (osp_is_controller(vcpu, gpa) &&
	    osp_controller(vcpu, gpa, len, false, buf)) {
		/* Remembered: reading twice could have an effect twice. */
		if (io->nr_reads < OSP_MAX_FRAGMENTS) {
			f = &io->reads[io->nr_reads++];
			f->len = len;
			memcpy(f->data, buf, len);
			io->replayed = io->nr_reads;
		}
		return OSP_INSN_OK;
	}
	if (io->nr_reads == OSP_MAX_FRAGMENTS)
		return OSP_INSN_UNHANDLED;
	f = &io->reads[io->nr_reads];
	f->gpa = gpa;
	f->len = len;
	return OSP_INSN_PENDING;
}

static enum osp_insn_status device_write(struct osp_vcpu *vcpu, u64 gpa,
					 const void *buf, unsigned int len)
{
	struct osp_pending_io *io = &vcpu->io;
	struct osp_fragment *f;
	u8 data[8];

	memcpy(data, buf, len);
	if ((osp_is_controller(vcpu, gpa) &&
	     osp_controller(vcpu, gpa, len, true, data)) ||
	    osp_iobus_write(&vcpu->vm->iobus, false, gpa, len, data))
		return OSP_INSN_OK;
	if (io->nr_writes == OSP_MAX_FRAGMENTS)
		return OSP_INSN_UNHANDLED;
	f = &io->writes[io->nr_writes++];
	f->gpa = gpa;
	f->len = len;
	memcpy(f->data, data, len);
	return OSP_INSN_OK;
}

/* One access within a page: RAM at once, a device in pieces of 8 bytes. */
static enum osp_insn_status access_page(struct osp_emulation *e, u64 gpa, u8 *buf,
					unsigned int len, bool write)
{
	struct osp_mmu *mmu = &e->vcpu->vm->mmu;
	enum osp_insn_status status;
	unsigned int n;
	int err;

	err = write ? osp_gpa_write(mmu, gpa, buf, len) :
		      osp_gpa_read(mmu, gpa, buf, len);
	if (err != -ENXIO) {
		e->error = err;
		return err ? OSP_INSN_ERROR : OSP_INSN_OK;
	}
	for (; len; gpa += n, buf += n, len -= n) {
		n = min(len, 8U);
		status = write ? device_write(e->vcpu, gpa, buf, n) :
				 device_read(e->vcpu, gpa, buf, n);
		if (status != OSP_INSN_OK)
			return status;
	}
	return OSP_INSN_OK;
}

/* Both pages of an access are translated before either is touched. */
static enum osp_insn_status access(struct osp_emulation *e, u64 linear, u8 *buf,
				   unsigned int len, bool write, bool check_write)
{
	unsigned int first = min_t(unsigned int, len,
				   PAGE_SIZE - offset_in_page(linear));
	unsigned int kind = check_write ? OSP_WALK_WRITE : 0;
	enum osp_insn_status status;
	u64 gpa[2];

	status = translate(e, linear, kind, &gpa[0]);
	if (status == OSP_INSN_OK && first < len)
		status = translate(e, linear + first, kind, &gpa[1]);
	if (status != OSP_INSN_OK || !buf)
		return status;
	status = access_page(e, gpa[0], buf, first, write);
	if (status == OSP_INSN_OK && first < len)
		status = access_page(e, gpa[1], buf + first, len - first, write);
	return status;
}

static enum osp_insn_status do_read(struct osp_insn_cpu *cpu, u64 linear,
				    void *buf, unsigned int len, bool rmw)
{
	return access(osp_emulation_of(cpu), linear, buf, len, false, rmw);
}

static enum osp_insn_status do_write(struct osp_insn_cpu *cpu, u64 linear,
				     const void *buf, unsigned int len)
{
	return access(osp_emulation_of(cpu), linear, (void *)buf, len, true, true);
}

static enum osp_insn_status do_probe_write(struct osp_insn_cpu *cpu,
					   u64 linear, unsigned int len)
{
	return access(osp_emulation_of(cpu), linear, NULL, len, true, true);
}

/*
 * CMPXCHG16B, and what crosses a page.  If all of it is RAM, which it was not at
 * the exit, the processor can do it and does it atomically.  On a device, or half
 * on one, there is no such thing: it is a write.
 */
static enum osp_insn_status wide_cmpxchg(struct osp_emulation *e, u64 linear,
					 const void *new, unsigned int len)
{
	struct osp_mmu *mmu = &e->vcpu->vm->mmu;
	enum osp_insn_status status;
	u64 first, last;

	status = translate(e, linear, OSP_WALK_WRITE, &first);
	if (status == OSP_INSN_OK)
		status = translate(e, linear + len - 1, OSP_WALK_WRITE, &last);
	if (status != OSP_INSN_OK)
		return status;
	if (!osp_gpa_is_ram(mmu, first, true) || !osp_gpa_is_ram(mmu, last, true))
		return access(e, linear, (void *)new, len, true, true);
	e->error = -EAGAIN;
	return OSP_INSN_ERROR;
}

static enum osp_insn_status do_cmpxchg(struct osp_insn_cpu *cpu, u64 linear,
				       const void *old, const void *new,
				       unsigned int len)
{
	struct osp_emulation *e = osp_emulation_of(cpu);
	struct osp_mmu *mmu = &e->vcpu->vm->mmu;
	u64 gpa, expected = 0, value = 0;
	enum osp_insn_status status;
	int r;

	if (len > 8 || offset_in_page(linear) + len > PAGE_SIZE)
		return wide_cmpxchg(e, linear, new, len);
	status = translate(e, linear, OSP_WALK_WRITE, &gpa);
	if (status != OSP_INSN_OK)
		return status;
	memcpy(&expected, old, len);
	memcpy(&value, new, len);
	r = osp_gpa_cmpxchg(mmu, gpa, &expected, value, len);
	if (r == -ENXIO)
		return access_page(e, gpa, (u8 *)new, len, true);
	if (r < 0) {
		e->error = r;
		return OSP_INSN_ERROR;
	}
	return r ? OSP_INSN_AGAIN : OSP_INSN_OK;
}

static enum osp_insn_status do_fetch(struct osp_insn_cpu *cpu, u64 linear,
				     void *buf, unsigned int len)
{
	struct osp_emulation *e = osp_emulation_of(cpu);
	enum osp_insn_status status;
	u64 gpa;

	status = translate(e, linear, OSP_WALK_FETCH, &gpa);
	if (status != OSP_INSN_OK)
		return status;
	e->error = osp_gpa_read(&e->vcpu->vm->mmu, gpa, buf, len);
	/* Code outside RAM: nothing can be read there to be decoded. */
	if (e->error == -ENXIO)
		return OSP_INSN_UNHANDLED;
	return e->error ? OSP_INSN_ERROR : OSP_INSN_OK;
}

static void do_segment(struct osp_insn_cpu *cpu, enum osp_insn_sreg sreg,
		       struct osp_insn_segment *seg)
{
	osp_vmx_segment_raw(osp_emulation_of(cpu)->vcpu, sreg, &seg->base,
			    &seg->limit, &seg->ar, &seg->selector);
}
static enum osp_insn_status do_xmm(struct osp_insn_cpu *cpu, unsigned int reg,
				   void *buf, bool set)
{
	if (set)
		osp_xmm_set(reg, buf);
	else
		osp_xmm_get(reg, buf);
	return OSP_INSN_OK;
}

/* The emulator's callbacks; each has a struct osp_emulation around its CPU. */
const struct osp_insn_ops osp_emulation_ops = {
	.fetch = do_fetch,
	.read = do_read,
	.write = do_write,
	.cmpxchg = do_cmpxchg,
	.probe_write = do_probe_write,
	.in = osp_emulated_in,
	.out = osp_emulated_out,
	.segment = do_segment,
	.xmm = do_xmm,
};
