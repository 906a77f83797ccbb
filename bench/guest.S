/* SPDX-License-Identifier: GPL-2.0 */
/*
 * guest.S - the programs that the benchmark's guest runs, one an operation.
 *
 * All run in 64-bit mode at CPL 0 with flat segments, interrupts as the
 * program sets them, memory mapped one to one (guest.h).  A program is a
 * prologue, which runs once, and a body between LOOP and ENDLOOP.  LOOP reads
 * the number of iterations from the mailbox, ENDLOOP stores what RDTSC
 * counted there, tells the host by a write to PORT_BATCH, and starts the next
 * batch when the host resumes it.
 *
 * With MAIL_MARK set, a batch is surrounded by `xchg %bx,%bx`, on which the
 * lab's emulator stops: what lies between is the exact path of an operation.
 *
 * The bodies may use all registers but R12 (iterations left), R13 (time at
 * the start of the batch), R14 (interrupts taken) and R15 (the program's own).
 *
 * The code is position independent; the host copies it to GUEST_CODE.
 */
#include "guest.h"

#define MAIL(field)	(GUEST_MAIL + (field))

	.section .rodata.guest, "a"
	.balign 4096
	.globl guest_begin
guest_begin:

/* RAX = the time-stamp counter; clobbers RDX. */
.macro READ_TSC
	rdtsc
	shl	$32, %rdx
	or	%rdx, %rax
.endm

.macro PROGRAM name
	.balign 16
	.globl	guest_\name
guest_\name:
.endm

.macro LOOP
8:	xor	%r9d, %r9d
	mov	MAIL(MAIL_BATCH), %r12
	push	%rax
	push	%rdx
	READ_TSC
	mov	%rax, %r13
	pop	%rdx
	pop	%rax
	cmpq	$0, MAIL(MAIL_MARK)
	je	9f
	xchg	%bx, %bx
9:
.endm

.macro ENDLOOP
	dec	%r12
	jnz	9b
	cmpq	$0, MAIL(MAIL_MARK)
	je	7f
	xchg	%bx, %bx
7:	push	%rax
	push	%rdx
	READ_TSC
	sub	%r13, %rax
	mov	%rax, MAIL(MAIL_TICKS)
	mov	%r9, MAIL(MAIL_LATENCY)
	out	%al, $PORT_BATCH
	pop	%rdx
	pop	%rax
	jmp	8b
.endm

/* The loop alone: what every other figure is reduced by. */
PROGRAM empty
	LOOP
	ENDLOOP

PROGRAM cpuid
	LOOP
	xor	%eax, %eax
	xor	%ecx, %ecx
	cpuid
	ENDLOOP

/* A hypercall that nobody knows: the exit and its answer, no more. */
PROGRAM vmcall
	LOOP
	mov	$0xffff, %eax
	vmcall
	ENDLOOP

/* The MSR's index is the argument. */
PROGRAM rdmsr
	mov	MAIL(MAIL_ARG), %ecx
	LOOP
	rdmsr
	ENDLOOP

/* Writes back what the MSR holds. */
PROGRAM wrmsr
	mov	MAIL(MAIL_ARG), %ecx
	rdmsr
	LOOP
	wrmsr
	ENDLOOP

/* The port's number is the argument. */
PROGRAM in
	mov	MAIL(MAIL_ARG), %edx
	mov	%edx, %ebx
	LOOP
	mov	%ebx, %edx
	in	%dx, %al
	ENDLOOP

/* Writes back what the port gave, so that a PIC keeps its mask. */
PROGRAM out
	mov	MAIL(MAIL_ARG), %edx
	mov	%edx, %ebx
	in	%dx, %al
	mov	%al, %sil
	LOOP
	mov	%ebx, %edx
	mov	%sil, %al
	out	%al, %dx
	ENDLOOP

PROGRAM mmio_read
	mov	$GUEST_MMIO, %ebx
	LOOP
	mov	(%rbx), %eax
	ENDLOOP

PROGRAM mmio_write
	mov	$GUEST_MMIO, %ebx
	LOOP
	mov	%eax, (%rbx)
	ENDLOOP

/* One byte of a page after the other, over all batches. */
PROGRAM touch
	mov	MAIL(MAIL_ARG), %r15
	LOOP
	movb	$1, (%r15)
	add	$4096, %r15
	ENDLOOP

/* The same, 64 KiB apart: each fault is for one page. */
PROGRAM touch_apart
	mov	MAIL(MAIL_ARG), %r15
	LOOP
	movb	$1, (%r15)
	add	$0x10000, %r15
	ENDLOOP

/* The same, in pages of 2 MiB. */
PROGRAM touch_huge
	mov	MAIL(MAIL_ARG), %r15
	LOOP
	movb	$1, (%r15)
	add	$0x200000, %r15
	ENDLOOP

/* One byte of each of a batch's pages, the same in each batch. */
PROGRAM sweep
	mov	MAIL(MAIL_ARG), %r15
	LOOP
	mov	%r12, %rax
	shl	$12, %rax
	movb	$1, -4096(%r15, %rax)
	ENDLOOP

/* CR0.WP cleared and set again. */
PROGRAM cr0_wp
	mov	%cr0, %rbx
	mov	%rbx, %rsi
	btr	$16, %rsi
	LOOP
	mov	%rsi, %cr0
	mov	%rbx, %cr0
	ENDLOOP

/* The same for CR0.AM. */
PROGRAM cr0_am
	mov	%cr0, %rbx
	mov	%rbx, %rsi
	btr	$18, %rsi
	LOOP
	mov	%rsi, %cr0
	mov	%rbx, %cr0
	ENDLOOP

PROGRAM wbinvd
	LOOP
	wbinvd
	ENDLOOP

/* The local APIC in x2APIC mode, its timer in TSC-deadline mode. */
.macro APIC_INIT
	mov	$0x1b, %ecx		/* IA32_APIC_BASE: EN, EXTD */
	rdmsr
	or	$0xc00, %eax
	wrmsr
	mov	$0x80f, %ecx		/* SVR: enabled, vector 0xff */
	mov	$0x1ff, %eax
	xor	%edx, %edx
	wrmsr
	mov	$0x832, %ecx		/* LVT timer: TSC deadline */
	mov	$(0x40000 | GUEST_TIMER_VECTOR), %eax
	wrmsr
	xor	%r14d, %r14d
.endm

/* IA32_TSC_DEADLINE = now + R15; the deadline stays in RBX. */
.macro ARM_DEADLINE
	READ_TSC
	lea	(%rax, %r15), %rbx
	mov	%rbx, %rax
	mov	%rbx, %rdx
	shr	$32, %rdx
	mov	$0x6e0, %ecx
	wrmsr
.endm

/*
 * A deadline (the argument) ticks away, which the guest spins for with
 * interrupts enabled.  0 asks for the interrupt at once.
 */
PROGRAM deadline
	APIC_INIT
	mov	MAIL(MAIL_ARG), %r15
	sti
	LOOP
	mov	%r14, %rsi
	ARM_DEADLINE
1:	cmp	%r14, %rsi
	je	1b
	ENDLOOP

/*
 * The same, waited for in HLT.  R8 is the time of the handler's first
 * instruction, R9 the sum of how late that was.
 */
PROGRAM halt
	APIC_INIT
	mov	MAIL(MAIL_ARG), %r15
	cli
	LOOP
	ARM_DEADLINE
	sti
	hlt
	cli
	sub	%rbx, %r8
	add	%r8, %r9
	ENDLOOP

/* A kick whose eventfd interrupts the guest: till the handler has run. */
PROGRAM irqfd
	APIC_INIT
	sti
	LOOP
	mov	%r14, %rsi
	out	%al, $PORT_KICK
1:	cmp	%r14, %rsi
	je	1b
	ENDLOOP

/* An interrupt to oneself, by the x2APIC's ICR; clobbers what WRMSR takes. */
.macro SELF_IPI
	mov	$0x830, %ecx
	mov	$(0x44000 | GUEST_TIMER_VECTOR), %eax
	xor	%edx, %edx
	wrmsr
.endm

/* Sent with interrupts off, taken when they are on again. */
PROGRAM self_ipi
	APIC_INIT
	cli
	LOOP
	SELF_IPI
	sti
	nop
	cli
	ENDLOOP

/* The same, but it ends a HLT. */
PROGRAM self_ipi_hlt
	APIC_INIT
	cli
	LOOP
	SELF_IPI
	sti
	hlt
	cli
	ENDLOOP

/* Held back by the TPR, which is then lowered. */
PROGRAM self_ipi_tpr
	APIC_INIT
	sti
	mov	$15, %esi
	xor	%ebx, %ebx
	LOOP
	mov	%rsi, %cr8
	SELF_IPI
	mov	%rbx, %cr8
	ENDLOOP

/* What has no effect but that of the exit, if there is one. */
PROGRAM eoi
	APIC_INIT
	LOOP
	mov	$0x80b, %ecx
	xor	%eax, %eax
	xor	%edx, %edx
	wrmsr
	ENDLOOP

PROGRAM tpr
	APIC_INIT
	LOOP
	mov	$0x808, %ecx
	mov	$0x20, %eax
	xor	%edx, %edx
	wrmsr
	ENDLOOP

PROGRAM cr8
	APIC_INIT
	mov	$2, %ebx
	LOOP
	mov	%rbx, %cr8
	ENDLOOP

/* An interrupt to oneself by number, which stays pending. */
PROGRAM icr
	APIC_INIT
	cli
	LOOP
	mov	$0x830, %ecx
	mov	$(0x4000 | GUEST_TIMER_VECTOR), %eax
	xor	%edx, %edx
	wrmsr
	ENDLOOP

/* The three self-IPIs again, by the register that is made for them. */
.macro SELF_IPI_MSR
	mov	$0x83f, %ecx
	mov	$GUEST_TIMER_VECTOR, %eax
	xor	%edx, %edx
	wrmsr
.endm

PROGRAM self_msr
	APIC_INIT
	cli
	LOOP
	SELF_IPI_MSR
	sti
	nop
	cli
	ENDLOOP

PROGRAM self_msr_hlt
	APIC_INIT
	cli
	LOOP
	SELF_IPI_MSR
	sti
	hlt
	cli
	ENDLOOP

PROGRAM self_msr_tpr
	APIC_INIT
	sti
	mov	$15, %esi
	xor	%ebx, %ebx
	LOOP
	mov	%rsi, %cr8
	SELF_IPI_MSR
	mov	%rbx, %cr8
	ENDLOOP

/* The same in xAPIC mode, the page of registers at RDI. */
.macro XAPIC_INIT
	mov	$GUEST_APIC, %edi
	movl	$0x1ff, 0xf0(%rdi)	/* SVR: enabled, vector 0xff */
	movl	$0, 0x310(%rdi)		/* ICR's destination: APIC 0 */
.endm

PROGRAM xapic_eoi
	XAPIC_INIT
	LOOP
	movl	$0, 0xb0(%rdi)
	ENDLOOP

PROGRAM xapic_tpr
	XAPIC_INIT
	LOOP
	movl	$0x20, 0x80(%rdi)
	ENDLOOP

PROGRAM xapic_icr
	XAPIC_INIT
	cli
	LOOP
	movl	$(0x4000 | GUEST_XAPIC_VECTOR), 0x300(%rdi)
	ENDLOOP

.macro XAPIC_SELF
	movl	$(0x44000 | GUEST_XAPIC_VECTOR), 0x300(%rdi)
.endm

PROGRAM xapic_self
	XAPIC_INIT
	cli
	LOOP
	XAPIC_SELF
	sti
	nop
	cli
	ENDLOOP

PROGRAM xapic_self_hlt
	XAPIC_INIT
	cli
	LOOP
	XAPIC_SELF
	sti
	hlt
	cli
	ENDLOOP

PROGRAM xapic_self_tpr
	XAPIC_INIT
	sti
	LOOP
	movl	$0xf0, 0x80(%rdi)
	XAPIC_SELF
	movl	$0, 0x80(%rdi)
	ENDLOOP

/*
 * The second vCPU, to be called by IPIs: it runs, or it is halted whenever it is
 * not called.
 */
PROGRAM called_running
	APIC_INIT
	incq	MAIL(MAIL_CALLS)	/* can be called from now on */
	sti
1:	jmp	1b

PROGRAM called_halted
	APIC_INIT
	incq	MAIL(MAIL_CALLS)
	sti
1:	hlt
	jmp	1b

/*
 * Call the second vCPU, and wait until it has run its handler; then give it
 * time (the argument, in ticks) to go back to what it did.  R9 is the sum of
 * how long it took to the handler's first instruction.
 */
PROGRAM call
	APIC_INIT
	mov	MAIL(MAIL_ARG), %r15
	sti
1:	cmpq	$0, MAIL(MAIL_CALLS)
	je	1b
	LOOP
	mov	MAIL(MAIL_CALLS), %rsi
	READ_TSC
	mov	%rax, %rbx
	mov	$0x830, %ecx
	mov	$(0x4000 | GUEST_CALL_VECTOR), %eax
	mov	$1, %edx
	wrmsr
1:	cmp	MAIL(MAIL_CALLS), %rsi
	je	1b
	mov	MAIL(MAIL_TAKEN), %rax
	sub	%rbx, %rax
	add	%rax, %r9
	test	%r15, %r15
	jz	3f
	READ_TSC
	lea	(%rax, %r15), %rbx
2:	READ_TSC
	cmp	%rbx, %rax
	jb	2b
3:
	ENDLOOP

/*
 * Two vCPUs that spin until the other has added one: the first makes the sum odd, the
 * second makes it even again.
 */
PROGRAM spin
	sti
	LOOP
	incq	MAIL(MAIL_CALLS)
1:	pause
	testb	$1, MAIL(MAIL_CALLS)
	jnz	1b
	ENDLOOP

PROGRAM spin_second
	sti
1:	pause
	testb	$1, MAIL(MAIL_CALLS)
	jz	1b
	incq	MAIL(MAIL_CALLS)
	jmp	1b

/* What a handler of an interrupt begins with, the time in RAX, and ends with. */
.macro HANDLER
	push	%rax
	push	%rcx
	push	%rdx
	READ_TSC
.endm

.macro END_HANDLER
	mov	$0x80b, %ecx		/* EOI */
	xor	%eax, %eax
	xor	%edx, %edx
	wrmsr
	pop	%rdx
	pop	%rcx
	pop	%rax
	iretq
.endm

	.balign 16
	.globl	guest_called
guest_called:
	HANDLER
	mov	%rax, MAIL(MAIL_TAKEN)
	incq	MAIL(MAIL_CALLS)
	END_HANDLER

	.balign 16
	.globl	guest_xapic
guest_xapic:
	movl	$0, 0xb0(%rdi)		/* EOI */
	iretq

	.balign 16
	.globl	guest_timer
guest_timer:
	HANDLER
	mov	%rax, %r8
	inc	%r14
	END_HANDLER

	.globl guest_end
guest_end:

	.section .note.GNU-stack, "", @progbits
