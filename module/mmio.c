// SPDX-License-Identifier: GPL-2.0
/*
 * mmio.c - accesses that leave RAM: emulated instructions and port I/O.
 *
 * An instruction that touches a device is executed by the emulator (insn/),
 * whose callbacks are here: they translate through the guest's page tables
 * (mmu/walk.c), then go to RAM, to a controller in the kernel, or to userspace.
 *
 * A read that userspace must answer ends the emulation, which has changed
 * nothing; with the next KVM_RUN the same decoded instruction is executed
 * again from its start, and the answers so far are replayed in order.  Writes
 * are collected and handed to userspace after the instruction has completed.
 * All in the vCPU's thread, under its mutex, with interrupts on.
 */
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/string.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>
#include <asm/vmx.h>

#include "ospite.h"
#include "mmu/walk.h"

/* How many iterations of a REP instruction between looks at other work. */
#define MAX_BATCH	1024

/* Where port I/O data is in the mapping of the vCPU's fd. */
#define PIO_OFFSET	PAGE_SIZE

/* One emulation: the emulator's CPU first, so that a callback finds the rest. */
struct emulation {
	struct osp_insn_cpu cpu;
	struct osp_vcpu *vcpu;
	struct osp_walk_cpu walk;
	bool walk_ready;
	int error;
};

static struct emulation *emulation_of(struct osp_insn_cpu *cpu)
{
	return container_of(cpu, struct emulation, cpu);
}

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
static void prepare_walk(struct emulation *e)
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

static void remember_violation(struct osp_vcpu *vcpu, u64 gpa)
{
	u64 q = vcpu->qualification;

	/* Of an APIC access the qualification tells something else. */
	if ((u16)vcpu->exit_reason == EXIT_REASON_EPT_VIOLATION &&
	    (q & EPT_VIOLATION_ACCESS) == EPT_VIOLATION_ACCESS &&
	    !(q & EPT_VIOLATION_FETCH))
		remember(&vcpu->io, osp_vmx_linear_address(),
			 q & EPT_VIOLATION_WRITE, gpa);
}

static enum osp_insn_status translate(struct emulation *e, u64 linear,
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

/* A device in the kernel; @write says which way @data goes. */
static bool kernel_device(struct osp_vcpu *vcpu, u64 gpa, unsigned int len,
			  bool write, void *data)
{
	u64 value = 0;

	if (!vcpu->lapic)
		return false;
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
	if (kernel_device(vcpu, gpa, len, false, buf)) {
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
	if (kernel_device(vcpu, gpa, len, true, data) ||
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
static enum osp_insn_status access_page(struct emulation *e, u64 gpa, u8 *buf,
					unsigned int len, bool write)
{
	struct osp_mmu *mmu = &e->vcpu->vm->mmu;
	enum osp_insn_status status;
	unsigned int n;
	int err;

	if (osp_gpa_is_ram(mmu, gpa, write)) {
		err = write ? osp_gpa_write(mmu, gpa, buf, len) :
			      osp_gpa_read(mmu, gpa, buf, len);
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
static enum osp_insn_status access(struct emulation *e, u64 linear, u8 *buf,
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
	return access(emulation_of(cpu), linear, buf, len, false, rmw);
}

static enum osp_insn_status do_write(struct osp_insn_cpu *cpu, u64 linear,
				     const void *buf, unsigned int len)
{
	return access(emulation_of(cpu), linear, (void *)buf, len, true, true);
}

static enum osp_insn_status do_probe_write(struct osp_insn_cpu *cpu,
					   u64 linear, unsigned int len)
{
	return access(emulation_of(cpu), linear, NULL, len, true, true);
}

/*
 * CMPXCHG16B, and what crosses a page.  If all of it is RAM, which it was not at
 * the exit, the processor can do it and does it atomically.  On a device, or half
 * on one, there is no such thing: it is a write.
 */
static enum osp_insn_status wide_cmpxchg(struct emulation *e, u64 linear,
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
	struct emulation *e = emulation_of(cpu);
	struct osp_mmu *mmu = &e->vcpu->vm->mmu;
	u64 gpa, expected = 0, value = 0;
	enum osp_insn_status status;
	int r;

	if (len > 8 || offset_in_page(linear) + len > PAGE_SIZE)
		return wide_cmpxchg(e, linear, new, len);
	status = translate(e, linear, OSP_WALK_WRITE, &gpa);
	if (status != OSP_INSN_OK)
		return status;
	if (!osp_gpa_is_ram(mmu, gpa, true))
		return access_page(e, gpa, (u8 *)new, len, true);
	memcpy(&expected, old, len);
	memcpy(&value, new, len);
	r = osp_gpa_cmpxchg(mmu, gpa, &expected, value, len);
	if (r < 0) {
		e->error = r;
		return OSP_INSN_ERROR;
	}
	return r ? OSP_INSN_AGAIN : OSP_INSN_OK;
}

static enum osp_insn_status do_fetch(struct osp_insn_cpu *cpu, u64 linear,
				     void *buf, unsigned int len)
{
	struct emulation *e = emulation_of(cpu);
	enum osp_insn_status status;
	u64 gpa;

	status = translate(e, linear, OSP_WALK_FETCH, &gpa);
	if (status != OSP_INSN_OK)
		return status;
	/* Code outside RAM: nothing can be read there to be decoded. */
	if (!osp_gpa_is_ram(&e->vcpu->vm->mmu, gpa, false))
		return OSP_INSN_UNHANDLED;
	e->error = osp_gpa_read(&e->vcpu->vm->mmu, gpa, buf, len);
	return e->error ? OSP_INSN_ERROR : OSP_INSN_OK;
}

static void do_segment(struct osp_insn_cpu *cpu, enum osp_insn_sreg sreg,
		       struct osp_insn_segment *seg)
{
	osp_vmx_segment_raw(emulation_of(cpu)->vcpu, sreg, &seg->base,
			    &seg->limit, &seg->ar, &seg->selector);
}

static void set_pio(struct osp_vcpu *vcpu, u16 port, unsigned int size,
		    unsigned int count, bool in)
{
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_IO;
	run->io.direction = in ? KVM_EXIT_IO_IN : KVM_EXIT_IO_OUT;
	run->io.size = size;
	run->io.port = port;
	run->io.count = count;
	run->io.data_offset = PIO_OFFSET;
}

static void *pio_data(struct osp_vcpu *vcpu)
{
	return (void *)vcpu->run + PIO_OFFSET;
}

static enum osp_insn_status do_in(struct osp_insn_cpu *cpu, u16 port,
				  unsigned int size, void *buf,
				  unsigned int *count)
{
	struct osp_vcpu *vcpu = emulation_of(cpu)->vcpu;
	struct osp_pending_io *io = &vcpu->io;

	if (io->in_bytes) {
		*count = min(*count, io->in_bytes / size);
		memcpy(buf, pio_data(vcpu), *count * size);
		io->in_bytes = 0;
		return OSP_INSN_OK;
	}
	if (vcpu->vm->chip &&
	    osp_irqchip_pio(vcpu->vm->chip, port, size, false, buf)) {
		*count = 1;
		return OSP_INSN_OK;
	}
	set_pio(vcpu, port, size, *count, true);
	io->asked_bytes = *count * size;
	return OSP_INSN_PENDING;
}

static enum osp_insn_status do_out(struct osp_insn_cpu *cpu, u16 port,
				   unsigned int size, const void *buf,
				   unsigned int *count)
{
	struct osp_vcpu *vcpu = emulation_of(cpu)->vcpu;
	struct osp_irqchip *chip = vcpu->vm->chip;
	u32 data;

	memcpy(&data, buf, size);
	if ((chip && osp_irqchip_pio(chip, port, size, true, &data)) ||
	    osp_iobus_write(&vcpu->vm->iobus, true, port, size, &data)) {
		*count = 1;
		return OSP_INSN_OK;
	}
	memcpy(pio_data(vcpu), buf, *count * size);
	set_pio(vcpu, port, size, *count, false);
	vcpu->io.waiting = true;
	return OSP_INSN_OK;
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

static const struct osp_insn_ops insn_ops = {
	.fetch = do_fetch,
	.read = do_read,
	.write = do_write,
	.cmpxchg = do_cmpxchg,
	.probe_write = do_probe_write,
	.in = do_in,
	.out = do_out,
	.segment = do_segment,
	.xmm = do_xmm,
};

static enum osp_insn_mode insn_mode(struct osp_vcpu *vcpu, u64 rflags, u32 cs)
{
	if (!(osp_vmx_cr0(vcpu) & X86_CR0_PE))
		return OSP_INSN_REAL;
	if (rflags & X86_EFLAGS_VM)
		return OSP_INSN_VM86;
	return (vcpu->efer & EFER_LMA) && (cs & BIT(13)) ? OSP_INSN_LONG :
							   OSP_INSN_PROTECTED;
}

static void begin(struct emulation *e, struct osp_vcpu *vcpu, bool io_checked)
{
	struct osp_insn_cpu *cpu = &e->cpu;
	u32 cs = osp_vmx_cs_access(vcpu);

	e->vcpu = vcpu;
	osp_vmx_rsp(vcpu);
	cpu->gpr = vcpu->gpr;
	cpu->rip = osp_vmx_rip(vcpu);
	cpu->rflags = osp_vmx_rflags(vcpu);
	cpu->mode = insn_mode(vcpu, cpu->rflags, cs);
	cpu->cs_d = cs & OSP_INSN_AR_DB;
	cpu->align_check = osp_vmx_cr0(vcpu) & X86_CR0_AM;
	cpu->cpl = osp_vmx_cpl(vcpu);
	cpu->va_bits = osp_vmx_cr4(vcpu) & X86_CR4_LA57 ? 57 : 48;
	cpu->io_checked = io_checked;
	cpu->features = (osp_has(vcpu, OSP_GUEST_MOVBE) ? OSP_INSN_HAS_MOVBE : 0) |
			(osp_has(vcpu, OSP_GUEST_CX16) ? OSP_INSN_HAS_CX16 : 0);
	cpu->io_buf = vcpu->io_buf;
	cpu->io_len = sizeof(vcpu->io_buf);
	cpu->ops = &insn_ops;
}

static int emulation_failed(struct osp_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	const struct osp_insn *insn = &vcpu->io.insn;

	/* A kernel that tells flags and bytes apart from plain data: as KVM. */
	memset(&run->emulation_failure, 0, sizeof(run->emulation_failure));
	run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	run->emulation_failure.suberror = KVM_INTERNAL_ERROR_EMULATION;
	run->emulation_failure.ndata = 4;
	run->emulation_failure.flags =
		KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES;
	run->emulation_failure.insn_size = insn->len;
	memset(run->emulation_failure.insn_bytes, 0x90,
	       sizeof(run->emulation_failure.insn_bytes));
	memcpy(run->emulation_failure.insn_bytes, insn->bytes, insn->len);
	return 0;
}

static int emulate(struct osp_vcpu *vcpu, bool decode, bool io_checked);

static int complete_mmio_read(struct osp_vcpu *vcpu)
{
	struct osp_pending_io *io = &vcpu->io;
	struct osp_fragment *f = &io->reads[io->nr_reads++];

	memcpy(f->data, vcpu->run->mmio.data, f->len);
	return emulate(vcpu, false, false);
}

static int ask_mmio_read(struct osp_vcpu *vcpu)
{
	const struct osp_fragment *f = &vcpu->io.reads[vcpu->io.nr_reads];
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_MMIO;
	run->mmio.phys_addr = f->gpa;
	run->mmio.len = f->len;
	run->mmio.is_write = 0;
	vcpu->io.complete = complete_mmio_read;
	return 0;
}

/* Hands over one write after the other; then the guest goes on. */
static int send_mmio_write(struct osp_vcpu *vcpu)
{
	struct osp_pending_io *io = &vcpu->io;
	const struct osp_fragment *f = &io->writes[io->done_writes];
	struct kvm_run *run = vcpu->run;

	if (io->done_writes == io->nr_writes)
		return 1;
	io->done_writes++;
	run->exit_reason = KVM_EXIT_MMIO;
	run->mmio.phys_addr = f->gpa;
	run->mmio.len = f->len;
	run->mmio.is_write = 1;
	memcpy(run->mmio.data, f->data, f->len);
	io->complete = send_mmio_write;
	return 0;
}

static int complete_ins(struct osp_vcpu *vcpu)
{
	/* Not what the shared page says by now. */
	vcpu->io.in_bytes = vcpu->io.asked_bytes;
	return emulate(vcpu, false, true);
}

static int complete_outs(struct osp_vcpu *vcpu)
{
	return 1;
}

/* Registers and flags are the emulator's now; what follows is the VMCS's. */
static void commit(struct emulation *e, bool completed)
{
	struct osp_vcpu *vcpu = e->vcpu;
	u64 before = osp_vmx_rflags(vcpu);

	osp_vmx_set_rsp(vcpu, vcpu->gpr[OSP_RSP]);
	osp_vmx_set_rflags(vcpu, e->cpu.rflags);
	if (completed)
		osp_advance(vcpu, e->cpu.rip);
	else if (before & X86_EFLAGS_TF)
		osp_advance(vcpu, osp_vmx_rip(vcpu));
}

static void raise(struct emulation *e)
{
	const struct osp_insn_fault *fault = &e->cpu.fault;

	if (fault->vector == X86_TRAP_PF)
		e->vcpu->cr2 = fault->cr2;
	if (fault->has_error)
		osp_queue_exception_error(e->vcpu, fault->vector, fault->error);
	else
		osp_queue_exception(e->vcpu, fault->vector);
}

static bool leaves_for_userspace(const struct osp_vcpu *vcpu)
{
	return vcpu->io.nr_writes || vcpu->io.waiting;
}

/* Executes; of a REP instruction as many iterations as may go at once. */
static enum osp_insn_status execute(struct emulation *e)
{
	struct osp_vcpu *vcpu = e->vcpu;
	struct osp_pending_io *io = &vcpu->io;
	enum osp_insn_status status;
	int i;

	for (i = 0; i < MAX_BATCH; i++) {
		io->replayed = 0;
		status = osp_insn_execute(&e->cpu, &io->insn);
		if (status != OSP_INSN_OK && status != OSP_INSN_AGAIN)
			break;
		commit(e, status == OSP_INSN_OK);
		io->nr_reads = 0;
		if (status == OSP_INSN_OK || leaves_for_userspace(vcpu) ||
		    need_resched() || signal_pending(current))
			break;
	}
	return status;
}

static int finish(struct emulation *e, enum osp_insn_status status, bool string_io)
{
	struct osp_vcpu *vcpu = e->vcpu;

	switch (status) {
	case OSP_INSN_OK:
	case OSP_INSN_AGAIN:
		if (vcpu->io.waiting) {
			vcpu->io.waiting = false;
			vcpu->io.complete = complete_outs;
			return 0;
		}
		return send_mmio_write(vcpu);
	case OSP_INSN_PENDING:
		if (!string_io || vcpu->run->exit_reason != KVM_EXIT_IO)
			return ask_mmio_read(vcpu);
		vcpu->io.complete = complete_ins;
		return 0;
	case OSP_INSN_FAULT:
		raise(e);
		return 1;
	case OSP_INSN_UNHANDLED:
		return emulation_failed(vcpu);
	default:
		/* Nothing is done, and nothing is left to be emulated. */
		if (e->error == -EAGAIN)
			return 1;
		return e->error ?: -EFAULT;
	}
}

/* The emulation of one instruction, from the decoder or from where it stopped. */
static int emulate(struct osp_vcpu *vcpu, bool decode, bool io_checked)
{
	struct emulation e = { };
	enum osp_insn_status status = OSP_INSN_OK;

	begin(&e, vcpu, io_checked);
	osp_mmu_hold(&vcpu->vm->mmu);
	if (decode)
		status = osp_insn_decode(&e.cpu, &vcpu->io.insn);
	if (status == OSP_INSN_OK)
		status = execute(&e);
	osp_mmu_release(&vcpu->vm->mmu);
	return finish(&e, status, io_checked);
}

static void reset_io(struct osp_pending_io *io)
{
	io->complete = NULL;
	io->nr_seen = 0;
	io->nr_reads = 0;
	io->nr_writes = 0;
	io->done_writes = 0;
	io->in_bytes = 0;
	io->waiting = false;
}

/**
 * osp_mmio_exit() - emulate an instruction whose access is not to RAM
 * @vcpu: the vCPU, after an EPT violation or an APIC access
 * @gpa: the guest-physical address
 *
 * Context: may sleep.
 * Return: as for each exit.
 */
int osp_mmio_exit(struct osp_vcpu *vcpu, u64 gpa)
{
	/* An IDT, a stack or a TSS in a device: there is no instruction. */
	if (vcpu->event.info)
		return osp_internal_error(vcpu, KVM_INTERNAL_ERROR_DELIVERY_EV,
					  4, (u64)vcpu->event.info,
					  (u64)vcpu->exit_reason,
					  vcpu->qualification, gpa);
	reset_io(&vcpu->io);
	remember_violation(vcpu, gpa);
	return emulate(vcpu, true, false);
}

/**
 * osp_string_io() - emulate INS or OUTS
 * @vcpu: the vCPU, after an exit of an I/O instruction
 *
 * Context: may sleep.
 * Return: as for each exit.
 */
int osp_string_io(struct osp_vcpu *vcpu)
{
	reset_io(&vcpu->io);
	return emulate(vcpu, true, true);
}

static void set_al_ax_eax(struct osp_vcpu *vcpu, unsigned int size, u32 value)
{
	u64 *rax = &vcpu->gpr[OSP_RAX];

	if (size == 4)
		*rax = value;
	else if (size == 2)
		*rax = (*rax & ~0xffffULL) | (u16)value;
	else
		*rax = (*rax & ~0xffULL) | (u8)value;
}

static int complete_in(struct osp_vcpu *vcpu)
{
	u32 value = 0;

	memcpy(&value, pio_data(vcpu), vcpu->io.in_bytes);
	set_al_ax_eax(vcpu, vcpu->io.in_bytes, value);
	vcpu->io.in_bytes = 0;
	osp_advance(vcpu, osp_vmx_rip(vcpu) + vcpu->io.insn_length);
	return 1;
}

/* Userspace may have sent the guest elsewhere, as a reset does. */
static int complete_out(struct osp_vcpu *vcpu)
{
	if (osp_vmx_rip(vcpu) == vcpu->io.rip)
		osp_advance(vcpu, vcpu->io.rip + vcpu->io.insn_length);
	return 1;
}

/**
 * osp_port_io() - carry out IN or OUT
 * @vcpu: the vCPU, after an exit of an I/O instruction
 * @port: the port
 * @size: 1, 2 or 4 bytes
 * @in: IN, else OUT
 *
 * Until userspace has answered, RIP stays at the instruction.
 *
 * Context: interrupts off, within the section.
 * Return: as for each exit.
 */
int osp_port_io(struct osp_vcpu *vcpu, u16 port, unsigned int size, bool in)
{
	struct osp_irqchip *chip = vcpu->vm->chip;
	u32 value = in ? 0 : vcpu->gpr[OSP_RAX];

	if ((chip && osp_irqchip_pio(chip, port, size, !in, &value)) ||
	    (!in && osp_iobus_write(&vcpu->vm->iobus, true, port, size,
				    &value))) {
		if (in)
			set_al_ax_eax(vcpu, size, value);
		osp_skip_instruction(vcpu);
		return 1;
	}
	vcpu->io.insn_length = osp_vmx_insn_length();
	vcpu->io.rip = osp_vmx_rip(vcpu);
	set_pio(vcpu, port, size, 1, in);
	if (in) {
		vcpu->io.in_bytes = size;
		vcpu->io.complete = complete_in;
	} else {
		memcpy(pio_data(vcpu), &value, size);
		vcpu->io.complete = complete_out;
	}
	return 0;
}
