/* SPDX-License-Identifier: GPL-2.0 */
/*
 * entry32.S - start, exception stubs and ring 3 trampoline of 32-bit guests.
 *
 * Linked at GPA_CODE32 before guest32.c into one flat image.  EAX at the entry
 * is the number of the guest function.
 */
#include "types.h"

	.code32
	.text
	.globl	_start
_start:
	push	%eax
	call	guest32
	mov	$PORT_DONE, %edx
	out	%eax, %dx
	hlt

	.globl	stubs32
	.balign	16
stubs32:
	.set	vec, 0
	.rept	256
	.balign	16
	.if	!(vec == 8 || (vec >= 10 && vec <= 14) || vec == 17)
	push	$0
	.endif
	.byte	0x68
	.long	vec
	jmp	trap
	.set	vec, vec + 1
	.endr

trap:
	pushal
	push	%ds
	push	%es
	mov	$SEL_DS, %eax
	mov	%eax, %ds
	mov	%eax, %es
	push	%esp
	cld
	call	trap32
	add	$4, %esp
	pop	%es
	pop	%ds
	popal
	add	$8, %esp
	iret

/* user32(fn, arg): run fn(arg) in ring 3, return when it does INT 0x80. */
	.globl	user32
user32:
	push	%ebx
	push	%ebp
	push	%esi
	push	%edi
	mov	20(%esp), %eax
	mov	24(%esp), %edx
	mov	%esp, kstack
	mov	$GPA_STACKS + 14 * STACK_SIZE + STACK_SIZE - 16, %ecx
	mov	%edx, (%ecx)
	movl	$user_ret, -4(%ecx)
	sub	$4, %ecx
	mov	$SEL_UDS | 3, %ebx
	mov	%ebx, %ds
	mov	%ebx, %es
	push	%ebx
	push	%ecx
	push	$0x2
	push	$SEL_UCS32 | 3
	push	%eax
	iret
user_ret:
	int	$0x80

	.globl	user_back
user_back:
	mov	kstack, %esp
	mov	$SEL_DS, %eax
	mov	%eax, %ds
	mov	%eax, %es
	pop	%edi
	pop	%esi
	pop	%ebp
	pop	%ebx
	ret

	.data
kstack:	.long	0

	.section .note.GNU-stack, "", @progbits
