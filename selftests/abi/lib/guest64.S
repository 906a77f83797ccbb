/* SPDX-License-Identifier: GPL-2.0 */
/*
 * guest64.S - exception stubs and the ring 3 trampoline of 64-bit guests.
 *
 * Stub N, 16 bytes each from guest_stubs, pushes an error code where the
 * processor does not (SDM 3A 6.13) and the vector, then joins guest_trap.
 */
#include "types.h"

	.text
	.balign	16
	.globl	guest_stubs
guest_stubs:
	.set	vec, 0
	.rept	256
	.balign	16
	.if	!(vec == 8 || (vec >= 10 && vec <= 14) || vec == 17 || vec == 21)
	pushq	$0
	.endif
	.byte	0x68			/* push imm32, never the short form */
	.long	vec
	jmp	guest_trap
	.set	vec, vec + 1
	.endr

guest_trap:
	push	%rax
	push	%rbx
	push	%rcx
	push	%rdx
	push	%rsi
	push	%rdi
	push	%rbp
	push	%r8
	push	%r9
	push	%r10
	push	%r11
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rsp, %rdi
	mov	%rsp, %rbp
	and	$-16, %rsp		/* the ABI's alignment */
	cld
	call	guest_trap_c
	mov	%rbp, %rsp
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%r11
	pop	%r10
	pop	%r9
	pop	%r8
	pop	%rbp
	pop	%rdi
	pop	%rsi
	pop	%rdx
	pop	%rcx
	pop	%rbx
	pop	%rax
	add	$16, %rsp
	iretq

/*
 * guest_user(fn, arg): run fn(arg) in ring 3 on a stack of its own, come back
 * when it returns, through INT 0xff.
 */
	.globl	guest_user
guest_user:
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rsp, user_kstack(%rip)
	mov	%rdi, %rax
	mov	%rsi, %rdi
	movq	$user_back, g_hook + 0xff * 8
	pushq	$SEL_UDS | 3
	mov	$GPA_STACKS + 14 * STACK_SIZE + STACK_SIZE - 16, %rcx
	movq	$user_ret, -8(%rcx)
	lea	-8(%rcx), %rcx
	push	%rcx
	pushq	$0x202
	pushq	$SEL_UCS64 | 3
	push	%rax
	iretq
user_ret:
	int	$0xff

/* The hook of INT 0xff: drop its frame, return from guest_user(). */
user_back:
	mov	user_kstack(%rip), %rsp
	movq	$0, g_hook + 0xff * 8
	mov	$SEL_DS, %eax
	mov	%eax, %ss
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret

	.bss
	.balign	8
user_kstack:
	.quad	0

	.section .note.GNU-stack, "", @progbits
