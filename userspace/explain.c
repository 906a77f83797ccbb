// SPDX-License-Identifier: GPL-2.0
/*
 * explain.c - the state of a vCPU in words, for a VM that has died.
 *
 * Prints the registers, the mode they mean, and the bytes of the instruction,
 * which are found through the guest's own page tables (SDM 3A 4.5).
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "vm.h"

#define CR0_PE		BIT(0)
#define CR0_PG		BIT(31)
#define CR4_LA57	BIT(12)
#define EFER_LMA	BIT(10)
#define RFLAGS_VM	BIT(17)

#define PTE_PRESENT	BIT(0)
#define PTE_LARGE	BIT(7)
#define PTE_ADDR	0x000ffffffffff000ULL

struct text {
	char *buf;
	size_t size;
	size_t len;
};

static void put(struct text *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void put(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->buf + t->len, t->size - t->len, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	t->len += n;
	if (t->len >= t->size)
		t->len = t->size - 1;
}

static const char *mode_name(const struct kvm_sregs *s, u64 rflags)
{
	if (!(s->cr0 & CR0_PE))
		return "real mode";
	if (rflags & RFLAGS_VM)
		return "virtual-8086 mode";
	if (s->efer & EFER_LMA)
		return s->cs.l ? "64-bit mode" : "compatibility mode";
	return s->cs.db ? "32-bit protected mode" : "16-bit protected mode";
}

/* 4- or 5-level walk; ~0 if the address is not mapped. */
static u64 walk_long(const struct ram *ram, const struct kvm_sregs *s, u64 va)
{
	unsigned int shift = s->cr4 & CR4_LA57 ? 48 : 39;
	u64 entry = s->cr3, mask, *slot;

	for (;; shift -= 9) {
		slot = ram_at(ram, (entry & PTE_ADDR) +
			      ((va >> shift) & 0x1ff) * 8, 8);
		if (!slot)
			return ~0ULL;
		entry = *slot;
		if (!(entry & PTE_PRESENT))
			return ~0ULL;
		if (shift == 12 || (shift <= 30 && (entry & PTE_LARGE)))
			break;
	}
	mask = (1ULL << shift) - 1;
	return (entry & PTE_ADDR & ~mask) | (va & mask);
}

static u64 code_address(const struct ram *ram, const struct kvm_sregs *s,
			u64 rip)
{
	if (s->efer & EFER_LMA)
		return walk_long(ram, s, s->cs.l ? rip : s->cs.base + rip);
	if (s->cr0 & CR0_PG)
		return ~0ULL;	/* 32-bit paging: not worth a second walk */
	return s->cs.base + rip;
}

static void put_code(struct text *t, const struct ram *ram,
		     const struct kvm_sregs *s, u64 rip)
{
	u64 gpa = code_address(ram, s, rip);
	unsigned int i;
	const u8 *byte;

	put(t, "  code at RIP:");
	for (i = 0; i < 16; i++) {
		byte = gpa == ~0ULL ? NULL : ram_at(ram, gpa + i, 1);
		if (!byte)
			break;
		put(t, " %02x", *byte);
	}
	put(t, "%s\n", i ? "" : " not in RAM or not mapped");
}

static void put_segment(struct text *t, const char *name,
			const struct kvm_segment *seg)
{
	put(t, "  %-3s %04x base %016llx limit %08x type %x s %u dpl %u p %u l %u db %u g %u%s\n",
	    name, seg->selector, (unsigned long long)seg->base, seg->limit,
	    seg->type, seg->s, seg->dpl, seg->present, seg->l, seg->db, seg->g,
	    seg->unusable ? " unusable" : "");
}

static void put_general(struct text *t, const struct kvm_regs *r)
{
	const struct { const char *name; u64 value; } regs[] = {
		{ "RAX", r->rax }, { "RBX", r->rbx }, { "RCX", r->rcx },
		{ "RDX", r->rdx }, { "RSI", r->rsi }, { "RDI", r->rdi },
		{ "RBP", r->rbp }, { "RSP", r->rsp }, { "R8 ", r->r8 },
		{ "R9 ", r->r9 }, { "R10", r->r10 }, { "R11", r->r11 },
		{ "R12", r->r12 }, { "R13", r->r13 }, { "R14", r->r14 },
		{ "R15", r->r15 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(regs); i++)
		put(t, "  %s %016llx%s", regs[i].name,
		    (unsigned long long)regs[i].value, i % 4 == 3 ? "\n" : "");
}

/**
 * explain_vcpu() - write the state of a vCPU down
 * @vcpu: the vCPU; called in its own thread, outside the guest
 * @buf: where the text goes, lines without a newline after the last
 * @size: bytes in @buf
 */
void explain_vcpu(const struct vcpu *vcpu, char *buf, size_t size)
{
	struct text t = { .buf = buf, .size = size };
	struct kvm_sregs s;
	struct kvm_regs r;

	buf[0] = '\0';
	if (ioctl(vcpu->fd, KVM_GET_REGS, &r) ||
	    ioctl(vcpu->fd, KVM_GET_SREGS, &s)) {
		put(&t, "  its registers can't be read");
		return;
	}
	put(&t, "  CPU %u in %s at %04x:%016llx, RFLAGS %08llx\n", vcpu->id,
	    mode_name(&s, r.rflags), s.cs.selector,
	    (unsigned long long)r.rip, (unsigned long long)r.rflags);
	put_general(&t, &r);
	put_segment(&t, "CS", &s.cs);
	put_segment(&t, "DS", &s.ds);
	put_segment(&t, "ES", &s.es);
	put_segment(&t, "FS", &s.fs);
	put_segment(&t, "GS", &s.gs);
	put_segment(&t, "SS", &s.ss);
	put_segment(&t, "TR", &s.tr);
	put_segment(&t, "LDT", &s.ldt);
	put(&t, "  CR0 %016llx  CR2 %016llx  CR3 %016llx  CR4 %016llx\n",
	    (unsigned long long)s.cr0, (unsigned long long)s.cr2,
	    (unsigned long long)s.cr3, (unsigned long long)s.cr4);
	put(&t, "  EFER %08llx  GDT %016llx limit %04x  IDT %016llx limit %04x\n",
	    (unsigned long long)s.efer, (unsigned long long)s.gdt.base,
	    s.gdt.limit, (unsigned long long)s.idt.base, s.idt.limit);
	put_code(&t, &vcpu->vm->ram, &s, r.rip);
}
