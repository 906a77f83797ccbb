/* SPDX-License-Identifier: GPL-2.0 */
/*
 * native.S - into the instruction under test and back, with all registers.
 *
 * Everything that is loaded between the flags and the jump, and stored after
 * it, is loaded and stored by MOV, which leaves the flags alone.  The program
 * is linked below 2 GiB and not relocated, so that the way back from 32-bit
 * and 16-bit code is a far jump to a known address.
 */
#define GPR(n)		(8 * (n))
#define RFLAGS		128
#define XMM(n)		(144 + 16 * (n))

#define USER_CS		0x33
#define USER_DS		0x2b

	.bss
	.balign	16
	.globl	native_in, native_out, native_host_rsp, native_target
native_in:		.skip	144 + 256
native_out:		.skip	144 + 256
native_host_rsp:	.skip	8
native_target:		.skip	16	/* offset, then the selector of CS */
	.globl	native_sregs
native_sregs:		.skip	8	/* SS, DS, ES, GS */

	.text
	.macro	load_xmm n:vararg
	.irp	i, \n
	movups	native_in+XMM(\i), %xmm\i
	.endr
	.endm

	.macro	store_xmm n:vararg
	.irp	i, \n
	movups	%xmm\i, native_out+XMM(\i)
	.endr
	.endm

	.macro	load_state
	load_xmm 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	pushq	native_in+RFLAGS
	popfq
	movq	native_in+GPR(0), %rax
	movq	native_in+GPR(1), %rcx
	movq	native_in+GPR(2), %rdx
	movq	native_in+GPR(3), %rbx
	movq	native_in+GPR(5), %rbp
	movq	native_in+GPR(6), %rsi
	movq	native_in+GPR(7), %rdi
	movq	native_in+GPR(8), %r8
	movq	native_in+GPR(9), %r9
	movq	native_in+GPR(10), %r10
	movq	native_in+GPR(11), %r11
	movq	native_in+GPR(12), %r12
	movq	native_in+GPR(13), %r13
	movq	native_in+GPR(14), %r14
	movq	native_in+GPR(15), %r15
	movq	native_in+GPR(4), %rsp
	.endm

	.macro	save_host
	pushq	%rbx
	pushq	%rbp
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	movq	%rsp, native_host_rsp
	.endm

/* void native_enter_long(void): go to native_target in 64-bit mode */
	.globl	native_enter_long
	.type	native_enter_long, @function
native_enter_long:
	save_host
	load_state
	jmp	*native_target

/* void native_enter_legacy(void): go to native_target with native_sregs */
	.globl	native_enter_legacy
	.type	native_enter_legacy, @function
native_enter_legacy:
	save_host
	movw	native_sregs+2, %ds
	movw	native_sregs+4, %es
	movw	native_sregs+6, %gs
	movw	native_sregs+0, %ss
	load_state
	ljmp	*native_target

/* The instruction is over; it jumps here, in 64-bit mode. */
	.globl	native_exit
native_exit:
	movq	%rax, native_out+GPR(0)
	movl	$USER_DS, %eax
	movl	%eax, %ss
	movq	%rcx, native_out+GPR(1)
	movq	%rdx, native_out+GPR(2)
	movq	%rbx, native_out+GPR(3)
	movq	%rsp, native_out+GPR(4)
	movq	%rbp, native_out+GPR(5)
	movq	%rsi, native_out+GPR(6)
	movq	%rdi, native_out+GPR(7)
	movq	%r8, native_out+GPR(8)
	movq	%r9, native_out+GPR(9)
	movq	%r10, native_out+GPR(10)
	movq	%r11, native_out+GPR(11)
	movq	%r12, native_out+GPR(12)
	movq	%r13, native_out+GPR(13)
	movq	%r14, native_out+GPR(14)
	movq	%r15, native_out+GPR(15)
	movq	native_host_rsp, %rsp
	pushfq
	popq	native_out+RFLAGS

/* It faulted; the signal handler has done the part above. */
	.globl	native_exit_fault
native_exit_fault:
	pushq	$2
	popfq
	store_xmm 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	xorl	%eax, %eax
	movl	%eax, %ds
	movl	%eax, %es
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbp
	popq	%rbx
	ret

	.section .note.GNU-stack, "", @progbits
