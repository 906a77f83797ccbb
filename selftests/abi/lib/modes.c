// SPDX-License-Identifier: GPL-2.0
/*
 * modes.c - put a vCPU into real, protected or long mode by KVM_SET_SREGS.
 *
 * SDM 3A 9.1 (state after reset), 3.4.5 (descriptors), 9.8.5 (long mode).
 */
#include "abi.h"
#include "guest.h"

#define CR0_PE		BIT(0)
#define CR0_ET		BIT(4)
#define CR0_NE		BIT(5)
#define CR0_WP		BIT(16)
#define CR0_PG		BIT(31)
#define CR4_PAE		BIT(5)
#define CR4_OSFXSR	BIT(9)
#define CR4_OSXMMEXCPT	BIT(10)
#define EFER_SCE	BIT(0)
#define EFER_LME	BIT(8)
#define EFER_LMA	BIT(10)
#define EFER_NX		BIT(11)

static struct kvm_segment flat(u16 sel, u8 type, u8 l, u8 db)
{
	return (struct kvm_segment) {
		.selector = sel, .limit = 0xffffffff, .type = type,
		.present = 1, .s = 1, .l = l, .db = db, .g = 1,
	};
}

static struct kvm_segment real_seg(u16 sel, u8 type)
{
	return (struct kvm_segment) {
		.selector = sel, .base = (u32)sel << 4, .limit = 0xffff,
		.type = type, .present = 1, .s = 1,
	};
}

static void start_at(struct vcpu *v, u64 rip, u64 rsp, u64 rdi)
{
	struct kvm_regs r = {
		.rip = rip, .rsp = rsp, .rdi = rdi, .rflags = 2,
	};

	set_regs(v, &r);
}

/* There are 16 of them. */
static u64 stack_top(struct vcpu *v)
{
	return GPA_STACKS + v->id % 16 * STACK_SIZE + STACK_SIZE - 64;
}

static void data_segs(struct kvm_sregs *s, struct kvm_segment d)
{
	s->ds = d;
	s->es = d;
	s->fs = d;
	s->gs = d;
	s->ss = d;
}

/**
 * mode_real() - real mode at CS:IP, other segments 0, IVT at 0
 * @v: the vCPU
 * @cs: code segment
 * @ip: offset
 */
void mode_real(struct vcpu *v, u16 cs, u16 ip)
{
	struct kvm_sregs s;

	get_sregs(v, &s);
	s.cr0 = CR0_ET;
	s.cr3 = 0;
	s.cr4 = 0;
	s.efer = 0;
	s.cs = real_seg(cs, 0xb);
	data_segs(&s, real_seg(0, 3));
	s.idt.base = 0;
	s.idt.limit = 0x3ff;
	set_sregs(v, &s);
	start_at(v, ip, 0x7ff0, 0);
}

static void tables(struct kvm_sregs *s)
{
	s->gdt.base = GPA_GDT;
	s->gdt.limit = 0xff;
	s->idt.base = GPA_IDT;
	s->idt.limit = 0xfff;
	s->tr = (struct kvm_segment) {
		.selector = SEL_TSS, .base = GPA_TSS, .limit = 0x67,
		.type = 0xb, .present = 1,
	};
	s->ldt = (struct kvm_segment) { .unusable = 1 };
}

/**
 * mode_prot32() - 32-bit protected mode without paging
 * @v: the vCPU
 * @eip: where
 */
void mode_prot32(struct vcpu *v, u32 eip)
{
	struct kvm_sregs s;

	get_sregs(v, &s);
	tables(&s);
	s.cr0 = CR0_PE | CR0_ET | CR0_NE;
	s.cr3 = 0;
	s.cr4 = 0;
	s.efer = 0;
	s.cs = flat(SEL_CS32, 0xb, 0, 1);
	data_segs(&s, flat(SEL_DS, 3, 0, 1));
	set_sregs(v, &s);
	start_at(v, eip, stack_top(v), 0);
}

static void long_sregs(struct vcpu *v)
{
	struct kvm_sregs s;

	get_sregs(v, &s);
	tables(&s);
	s.cr0 = CR0_PE | CR0_ET | CR0_NE | CR0_WP | CR0_PG;
	s.cr3 = GPA_PML4;
	s.cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT;
	s.efer = EFER_SCE | EFER_LME | EFER_LMA | EFER_NX;
	s.cs = flat(SEL_CS64, 0xb, 1, 0);
	data_segs(&s, flat(SEL_DS, 3, 0, 1));
	set_sregs(v, &s);
}

/**
 * mode_long_arg() - 64-bit mode, identity mapped, in a C function
 * @v: the vCPU
 * @fn: the function; when it returns the guest is done
 * @arg: its argument
 */
void mode_long_arg(struct vcpu *v, void (*fn)(u64), u64 arg)
{
	u64 rsp = stack_top(v) - 8;
	u64 ret = (uintptr_t)guest_done;

	long_sregs(v);
	memcpy(v->vm->ram + rsp, &ret, 8);
	start_at(v, (uintptr_t)fn, rsp, arg);
}

/**
 * mode_long() - 64-bit mode, identity mapped, in a C function
 * @v: the vCPU
 * @fn: the function; when it returns the guest is done
 */
void mode_long(struct vcpu *v, void (*fn)(void))
{
	mode_long_arg(v, (void (*)(u64))(void *)fn, 0);
}
