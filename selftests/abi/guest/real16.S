/* SPDX-License-Identifier: GPL-2.0 */
/*
 * real16.S - the real-mode guests, and the one that walks through all modes.
 *
 * Copied to GPA_CODE16 and entered with CS = GPA_CODE16 >> 4, so that an
 * offset in the segment is a label's distance from real16_start.  They note
 * what they saw in 32-bit words from GPA_SHARED upwards; modes.c knows which
 * word is which.
 */
#include "types.h"

#define OFF(label)	((label) - real16_start)
#define LIN(label)	(OFF(label) + GPA_CODE16)
#define OUT(n)		(GPA_SHARED + 4 * (n))
#define IVT(n)		(4 * (n))

	.section .rodata
	.code16
	.globl	real16_start, real16_end, real16_walk
real16_start:
	jmp	basics
	.org	16
real16_walk:
	jmp	walk

	/* Point vector \n at \handler in this segment. */
	.macro	ivt	n, handler
	movw	$OFF(\handler), IVT(\n)
	movw	$(GPA_CODE16 >> 4), IVT(\n) + 2
	.endm

basics:
	ivt	0x40, int40
	ivt	0, int_de
	ivt	6, int_ud
	ivt	12, int_ss
	ivt	13, int_gp
	/* 0: INT pushes FLAGS, CS, IP and clears IF; IRET restores it. */
	sti
	mov	$0x1234, %ax
	int	$0x40
after_int:
	mov	%eax, OUT(0)
	pushf
	pop	%bx
	and	$0x200, %bx
	movzwl	%bx, %ebx
	mov	%ebx, OUT(1)
	cli
	/* 4: #DE, #UD: the saved IP is the faulting instruction's. */
	xor	%dx, %dx
	xor	%bx, %bx
	mov	$1, %ax
de_here:
	div	%bx
ud_here:
	ud2
	/* 6: a word at offset 0xffff crosses the limit: #GP, by SS #SS. */
gp_here:
	mov	%ax, 0xffff
	mov	$0xffff, %bp
ss_here:
	mov	%ax, 0(%bp)
	/* 8: 32-bit operands and addresses in 16-bit code. */
	mov	$0x12345678, %eax
	mov	$OUT(8), %ecx
	mov	%eax, (%ecx)
	/* 9: string moves through other segments, both directions. */
	mov	$0x1000, %bx
	mov	%bx, %es
	mov	$0xa55a, %ax
	xor	%di, %di
	mov	$8, %cx
	cld
	rep stosw
	movzwl	%di, %edi
	mov	%edi, OUT(9)
	mov	%es:14, %eax
	mov	%eax, OUT(10)
	std
	mov	$14, %di
	mov	$2, %cx
	mov	$0x7777, %ax
	rep stosw
	cld
	movzwl	%di, %edi
	mov	%edi, OUT(11)
	mov	%es:12, %eax
	mov	%eax, OUT(12)
	/* 13: far call and return; 14: the segment wraps 20 bits or not. */
	lcall	$(GPA_CODE16 >> 4), $OFF(far_fn)
	mov	%eax, OUT(13)
	smsw	%ax
	movzwl	%ax, %eax
	and	$1, %eax
	mov	%eax, OUT(14)
	/* 15: an IVT elsewhere, by LIDT. */
	lidtw	OFF(ivt2_ptr) + GPA_CODE16
	movw	$OFF(int41), 0xe000 + IVT(0x41)
	movw	$(GPA_CODE16 >> 4), 0xe000 + IVT(0x41) + 2
	int	$0x41
	mov	%eax, OUT(15)
	lidtw	OFF(ivt_ptr) + GPA_CODE16
	/* 16: IN completes into AL, AX and EAX only. */
	mov	$0x11223344, %eax
	mov	$0x123, %dx
	in	%dx, %al
	mov	%eax, OUT(16)
	mov	$0x11223344, %eax
	in	%dx, %ax
	mov	%eax, OUT(17)
	in	%dx, %eax
	mov	%eax, OUT(18)
	mov	$PORT_DONE, %dx
	out	%al, %dx
	hlt

far_fn:
	mov	$0xfa4, %eax
	lret

	/* Note AX, the pushed IP and CS, and IF inside the handler. */
int40:
	push	%bp
	mov	%sp, %bp
	movzwl	2(%bp), %ebx
	mov	%ebx, OUT(2)
	movzwl	4(%bp), %ebx
	mov	%ebx, OUT(3)
	pushf
	pop	%bx
	and	$0x200, %bx
	movzwl	%bx, %ebx
	mov	%ebx, OUT(20)
	pop	%bp
	movzwl	%ax, %eax
	inc	%eax
	iret
int41:
	mov	$0x41, %eax
	iret

	/* Faults: note the saved IP's distance, step over the instruction. */
	.macro	fault	n, len
	push	%bp
	mov	%sp, %bp
	movzwl	2(%bp), %ebx
	mov	%ebx, OUT(\n)
	addw	$\len, 2(%bp)
	pop	%bp
	xor	%bx, %bx
	iret
	.endm
int_de:	fault	4, (ud_here - de_here)
int_ud:	fault	5, (gp_here - ud_here)
int_gp:	fault	6, (3)
int_ss:	fault	7, (3)

ivt_ptr:
	.word	0x3ff
	.long	0
ivt2_ptr:
	.word	0x3ff
	.long	0xe000

/*
 * The walk: real, protected 16-bit, protected 32-bit, long mode, and all the
 * way back, as SDM 3A 9.8.5 and 9.9.2 tell.  Paging uses the tests' tables.
 */
	.globl	real16_offsets
walk:
	cli
	movl	$1, OUT(0)
	lgdtl	OFF(gdt_ptr) + GPA_CODE16
	mov	%cr0, %eax
	or	$1, %eax
	mov	%eax, %cr0
	ljmpl	$SEL_CS32, $LIN(walk32)
	.code32
walk32:
	mov	$SEL_DS, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	$0x7f00, %esp
	movl	$2, OUT(1)
	mov	%cs, %eax
	mov	%eax, OUT(2)
	mov	%cr4, %eax
	or	$0x20, %eax
	mov	%eax, %cr4
	mov	$GPA_PML4, %eax
	mov	%eax, %cr3
	mov	$0xc0000080, %ecx
	rdmsr
	or	$0x100, %eax
	wrmsr
	rdmsr
	mov	%eax, OUT(3)		/* LME without LMA */
	mov	%cr0, %eax
	or	$0x80000000, %eax
	mov	%eax, %cr0
	mov	$0xc0000080, %ecx
	rdmsr
	mov	%eax, OUT(4)		/* LMA came with PG */
	ljmpl	$SEL_CS64, $LIN(walk64)
	.code64
walk64:
	mov	$0x123456789abcdef0, %rax
	bswap	%rax
	mov	%rax, OUT(6)
	mov	$0x7777777777777777, %r15
	lea	(%r15, %r15), %rax
	mov	%rax, OUT(8)
	mov	%cs, %eax
	mov	%eax, OUT(5)
	ljmp	*LIN(back_ptr)
	.code32
walk_back32:
	mov	%cr0, %eax
	and	$0x7fffffff, %eax
	mov	%eax, %cr0
	mov	$0xc0000080, %ecx
	rdmsr
	mov	%eax, OUT(10)		/* LMA went with PG */
	and	$~0x100, %eax
	wrmsr
	xor	%eax, %eax
	mov	%eax, %cr3
	mov	%cr4, %eax
	and	$~0x20, %eax
	mov	%eax, %cr4
	mov	$SEL_DS16, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	ljmpl	$SEL_CS16, $LIN(walk16)
	.code16
walk16:
	mov	%cr0, %eax
	and	$~1, %eax
	mov	%eax, %cr0
	ljmp	$(GPA_CODE16 >> 4), $OFF(walk_real)
walk_real:
	xor	%ax, %ax
	mov	%ax, %ds
	mov	%ax, %es
	mov	%ax, %ss
	mov	$0x7f00, %sp
	mov	%cs, %ax
	movzwl	%ax, %eax
	mov	%eax, OUT(11)
	lidtw	OFF(ivt_ptr) + GPA_CODE16
	ivt	0x41, int41
	int	$0x41
	mov	%eax, OUT(12)
	mov	%cr0, %eax
	mov	%eax, OUT(13)
	mov	$PORT_DONE, %dx
	out	%al, %dx
	hlt

	.balign	8
gdt_ptr:
	.word	0xff
	.long	GPA_GDT
back_ptr:
	.long	LIN(walk_back32)
	.word	SEL_CS32
real16_end:

/* For the test: offsets of the instructions whose addresses it expects. */
	.balign	4
real16_offsets:
	.long	OFF(after_int), OFF(de_here), OFF(ud_here), OFF(gp_here), OFF(ss_here)

	.section .note.GNU-stack, "", @progbits
