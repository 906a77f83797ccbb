// SPDX-License-Identifier: GPL-2.0
/*
 * mmio.c - an instruction that touches a device: emulated, and completed with
 * what userspace answers.
 *
 * The emulator (insn/) executes it; its callbacks are in access.c and pio.c.  A
 * read that userspace must answer ends the emulation, which has changed
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

#include "ospite.h"
#include "emulation.h"

/* How many iterations of a REP instruction between looks at other work. */
#define MAX_BATCH	1024

static enum osp_insn_mode insn_mode(struct osp_vcpu *vcpu, u64 rflags, u32 cs)
{
	if (!(osp_vmx_cr0(vcpu) & X86_CR0_PE))
		return OSP_INSN_REAL;
	if (rflags & X86_EFLAGS_VM)
		return OSP_INSN_VM86;
	return (vcpu->efer & EFER_LMA) && (cs & BIT(13)) ? OSP_INSN_LONG :
							   OSP_INSN_PROTECTED;
}

static void begin(struct osp_emulation *e, struct osp_vcpu *vcpu, bool io_checked)
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
	cpu->ops = &osp_emulation_ops;
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
static void commit(struct osp_emulation *e, bool completed)
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

static void raise(struct osp_emulation *e)
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

/* Each iteration may add to the dirty ring, and each may be the last it takes. */
static bool ring_is_full(const struct osp_vcpu *vcpu)
{
	return READ_ONCE(vcpu->requests) & BIT(OSP_REQ_RING_FULL);
}

/* Executes; of a REP instruction as many iterations as may go at once. */
static enum osp_insn_status execute(struct osp_emulation *e)
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
		    need_resched() || signal_pending(current) ||
		    ring_is_full(vcpu))
			break;
	}
	return status;
}

static int finish(struct osp_emulation *e, enum osp_insn_status status, bool string_io)
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
	struct osp_emulation e = { };
	enum osp_insn_status status = OSP_INSN_OK;

	begin(&e, vcpu, io_checked);
	osp_mmu_hold(&vcpu->vm->mmu);
	if (decode)
		status = osp_insn_decode(&e.cpu, &vcpu->io.insn);
	if (decode && !io_checked && status == OSP_INSN_OK)
		osp_known_learn(&e);
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
	osp_remember_violation(vcpu, gpa);
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
