// SPDX-License-Identifier: GPL-2.0
/*
 * longmode.c - the boot CPU in 64-bit mode, as the 64-bit boot protocol wants
 * it: paging on with the first 4 GiB mapped one to one, flat segments from a
 * GDT with __BOOT_CS and __BOOT_DS, interrupts off, boot parameters in RSI.
 *
 * Follows Documentation/x86/boot.rst, "64-bit BOOT PROTOCOL", and SDM 3A 3.4.5
 * (segment descriptors) and 4.5 (4-level paging).
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "../say.h"
#include "boot.h"

#define CR0_PE		BIT(0)
#define CR0_MP		BIT(1)
#define CR0_ET		BIT(4)
#define CR0_NE		BIT(5)
#define CR0_WP		BIT(16)
#define CR0_PG		BIT(31)
#define CR4_PAE		BIT(5)
#define EFER_LME	BIT(8)
#define EFER_LMA	BIT(10)
#define RFLAGS_FIXED	BIT(1)

#define PTE_PRESENT	BIT(0)
#define PTE_WRITE	BIT(1)
#define PTE_LARGE	BIT(7)
#define PAGE		4096

#define BOOT_CS		0x10
#define BOOT_DS		0x18
#define BOOT_TR		0x20

#define TYPE_CODE	0x0b	/* execute, read, accessed */
#define TYPE_DATA	0x03	/* read, write, accessed */
#define TYPE_TSS	0x0b	/* busy 64-bit TSS */

static const struct kvm_segment code_segment = {
	.selector = BOOT_CS, .limit = 0xffffffff, .type = TYPE_CODE,
	.present = 1, .s = 1, .l = 1, .g = 1,
};

static const struct kvm_segment data_segment = {
	.selector = BOOT_DS, .limit = 0xffffffff, .type = TYPE_DATA,
	.present = 1, .s = 1, .db = 1, .g = 1,
};

static const struct kvm_segment task_segment = {
	.selector = BOOT_TR, .limit = 0x67, .type = TYPE_TSS, .present = 1,
};

/* The 8 bytes that describe @seg in a descriptor table. */
static u64 descriptor(const struct kvm_segment *seg)
{
	u64 limit = seg->g ? seg->limit >> 12 : seg->limit;
	u64 d;

	d = (limit & 0xffff) | (limit >> 16 & 0xf) << 48;
	d |= (seg->base & 0xffffff) << 16 | (seg->base >> 24 & 0xff) << 56;
	d |= (u64)seg->type << 40 | (u64)seg->s << 44 | (u64)seg->dpl << 45 |
	     (u64)seg->present << 47;
	d |= (u64)seg->l << 53 | (u64)seg->db << 54 | (u64)seg->g << 55;
	return d;
}

static void write_gdt(const struct ram *ram)
{
	u64 *gdt = ram_at(ram, BOOT_GDT, 6 * sizeof(u64));

	memset(gdt, 0, 6 * sizeof(u64));
	gdt[BOOT_CS / 8] = descriptor(&code_segment);
	gdt[BOOT_DS / 8] = descriptor(&data_segment);
	gdt[BOOT_TR / 8] = descriptor(&task_segment);	/* takes two entries */
}

/* One table of each upper level, four of 2 MiB pages for the first 4 GiB. */
static void write_page_tables(const struct ram *ram)
{
	u64 *pml4 = ram_at(ram, BOOT_TABLES, 6 * PAGE);
	u64 *pdpt = pml4 + 512, *pd = pdpt + 512;
	u64 i;

	memset(pml4, 0, 2 * PAGE);
	pml4[0] = (BOOT_TABLES + PAGE) | PTE_PRESENT | PTE_WRITE;
	for (i = 0; i < 4; i++)
		pdpt[i] = (BOOT_TABLES + (2 + i) * PAGE) | PTE_PRESENT |
			  PTE_WRITE;
	for (i = 0; i < 4 * 512; i++)
		pd[i] = i * 2 * MIB | PTE_PRESENT | PTE_WRITE | PTE_LARGE;
}

static void set_long_mode(struct kvm_sregs *s)
{
	s->cs = code_segment;
	s->ds = data_segment;
	s->es = data_segment;
	s->fs = data_segment;
	s->gs = data_segment;
	s->ss = data_segment;
	s->tr = task_segment;
	s->gdt.base = BOOT_GDT;
	s->gdt.limit = 6 * sizeof(u64) - 1;
	s->idt.base = 0;
	s->idt.limit = 0;
	s->cr3 = BOOT_TABLES;
	s->cr4 = CR4_PAE;
	s->cr0 = CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_PG;
	s->efer = EFER_LME | EFER_LMA;
}

/**
 * longmode_enter() - set the boot CPU's registers for its first instruction
 * @vm: the VM, with the kernel loaded
 * @entry: address of the 64-bit entry point
 *
 * Return: 0, or -1 after saying why.
 */
int longmode_enter(struct vm *vm, u64 entry)
{
	struct kvm_regs regs = { .rip = entry, .rsi = BOOT_PARAMS,
				 .rflags = RFLAGS_FIXED };
	int fd = vm->vcpus[0].fd;
	struct kvm_sregs sregs;

	write_gdt(&vm->ram);
	write_page_tables(&vm->ram);
	if (ioctl(fd, KVM_GET_SREGS, &sregs))
		goto fail;
	set_long_mode(&sregs);
	if (ioctl(fd, KVM_SET_SREGS, &sregs) || ioctl(fd, KVM_SET_REGS, &regs))
		goto fail;
	return 0;
fail:
	return say_fail("%s: CPU 0's registers can't be set: %s (load a module that belongs to this command)",
			vm->cfg->dev, strerror(errno));
}
