// SPDX-License-Identifier: GPL-2.0
/*
 * pio.c - port I/O: IN and OUT, and the ports that INS and OUTS see.
 *
 * A controller in the kernel answers at once; else userspace is asked, with the
 * data in the page behind struct kvm_run.  IN and OUT are not emulated: their
 * exit tells all about them (SDM 3C table 28-5), and they run with interrupts
 * off, within the section.  INS and OUTS are (mmio.c).  All in the vCPU's thread,
 * under its mutex.
 */
#include <linux/mm.h>
#include <linux/string.h>

#include "ospite.h"
#include "emulation.h"
#include "vmx/exit.h"

/* Where port I/O data is in the mapping of the vCPU's fd. */
#define PIO_OFFSET	PAGE_SIZE

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

static bool chip_in(struct osp_irqchip *chip, u16 port, unsigned int size,
		    u32 *value)
{
	bool done;

	local_irq_disable();
	done = osp_irqchip_in(chip, port, size, value);
	local_irq_enable();
	return done;
}

static bool chip_out(struct osp_irqchip *chip, u16 port, unsigned int size,
		     u32 value)
{
	bool done;

	local_irq_disable();
	done = osp_irqchip_out(chip, port, size, value);
	local_irq_enable();
	return done;
}

/**
 * osp_emulated_in() - the emulator's read of a port, for INS
 * @cpu: the emulator's, of a struct osp_emulation
 * @port: the port
 * @size: 1, 2 or 4 bytes
 * @buf: result
 * @count: how many of that size are wanted; how many there are
 *
 * Context: process context.
 * Return: OSP_INSN_OK, or OSP_INSN_PENDING: userspace has to answer.
 */
enum osp_insn_status osp_emulated_in(struct osp_insn_cpu *cpu, u16 port,
				     unsigned int size, void *buf,
				     unsigned int *count)
{
	struct osp_vcpu *vcpu = osp_emulation_of(cpu)->vcpu;
	struct osp_irqchip *chip = vcpu->vm->chip;
	struct osp_pending_io *io = &vcpu->io;
	u32 data;

	if (io->in_bytes) {
		*count = min(*count, io->in_bytes / size);
		memcpy(buf, pio_data(vcpu), *count * size);
		io->in_bytes = 0;
		return OSP_INSN_OK;
	}
	if (chip && chip_in(chip, port, size, &data)) {
		memcpy(buf, &data, size);
		*count = 1;
		return OSP_INSN_OK;
	}
	set_pio(vcpu, port, size, *count, true);
	io->asked_bytes = *count * size;
	return OSP_INSN_PENDING;
}

/**
 * osp_emulated_out() - the emulator's write to a port, for OUTS
 * @cpu: the emulator's, of a struct osp_emulation
 * @port: the port
 * @size: 1, 2 or 4 bytes
 * @buf: what is written
 * @count: how many of that size there are; how many were taken
 *
 * Context: process context.
 * Return: OSP_INSN_OK; userspace may have to take it still: io.waiting.
 */
enum osp_insn_status osp_emulated_out(struct osp_insn_cpu *cpu, u16 port,
				      unsigned int size, const void *buf,
				      unsigned int *count)
{
	struct osp_vcpu *vcpu = osp_emulation_of(cpu)->vcpu;
	struct osp_irqchip *chip = vcpu->vm->chip;
	u32 data = 0;

	memcpy(&data, buf, size);
	if ((chip && chip_out(chip, port, size, data)) ||
	    osp_iobus_write(&vcpu->vm->iobus, true, port, size, &data)) {
		*count = 1;
		return OSP_INSN_OK;
	}
	memcpy(pio_data(vcpu), buf, *count * size);
	set_pio(vcpu, port, size, *count, false);
	vcpu->io.waiting = true;
	return OSP_INSN_OK;
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

/* Until userspace has answered, RIP stays at the instruction. */
static void wait_at_instruction(struct osp_vcpu *vcpu)
{
	vcpu->io.insn_length = osp_vmx_insn_length();
	vcpu->io.rip = osp_vmx_rip(vcpu);
}

/* To no controller in the kernel. */
static noinline int write_port(struct osp_vcpu *vcpu, u16 port,
			       unsigned int size, u32 value)
{
	if (osp_iobus_write(&vcpu->vm->iobus, true, port, size, &value))
		return OSP_EXIT_SKIP;
	wait_at_instruction(vcpu);
	set_pio(vcpu, port, size, 1, false);
	memcpy(pio_data(vcpu), &value, size);
	vcpu->io.complete = complete_out;
	return 0;
}

/**
 * osp_port_out() - carry out OUT
 * @vcpu: the vCPU, after an exit of an I/O instruction
 * @port: the port
 * @size: 1, 2 or 4 bytes
 *
 * Context: interrupts off, within the section.
 * Return: as for each exit.
 */
int osp_port_out(struct osp_vcpu *vcpu, u16 port, unsigned int size)
{
	struct osp_irqchip *chip = vcpu->vm->chip;
	u32 value = vcpu->gpr[OSP_RAX];

	if (chip && osp_irqchip_out(chip, port, size, value))
		return OSP_EXIT_SKIP;
	return write_port(vcpu, port, size, value);
}

/**
 * osp_port_in() - carry out IN
 * @vcpu: the vCPU, after an exit of an I/O instruction
 * @port: the port
 * @size: 1, 2 or 4 bytes
 *
 * Context: interrupts off, within the section.
 * Return: as for each exit.
 */
int osp_port_in(struct osp_vcpu *vcpu, u16 port, unsigned int size)
{
	struct osp_irqchip *chip = vcpu->vm->chip;
	u32 value;

	if (chip && osp_irqchip_in(chip, port, size, &value)) {
		set_al_ax_eax(vcpu, size, value);
		return OSP_EXIT_SKIP;
	}
	wait_at_instruction(vcpu);
	set_pio(vcpu, port, size, 1, true);
	vcpu->io.in_bytes = size;
	vcpu->io.complete = complete_in;
	return 0;
}
