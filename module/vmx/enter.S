/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vmx/enter.S - VM entry and VM exit (SDM 3C 27, 28).
 *
 * osp_vmx_enter() loads the guest's registers, enters the guest and returns
 * to its caller when the guest exits.  The processor itself switches RIP, RSP,
 * RFLAGS, control registers and segments through the VMCS; what it doesn't
 * switch are the 15 other general-purpose registers and CR2, here, and the
 * state in switch.c.
 */
#include <linux/linkage.h>
#include <asm/alternative.h>
#include <asm/asm.h>
#include <asm/cpufeatures.h>
#include <asm/msr-index.h>
#include <asm/nospec-branch.h>
#include <asm/percpu.h>
#include <asm/unwind_hints.h>
#include <linux/objtool.h>

/* struct osp_vcpu; checked against it in switch.c */
#define VCPU_RAX	0
#define VCPU_RCX	8
#define VCPU_RDX	16
#define VCPU_RBX	24
#define VCPU_RBP	40
#define VCPU_RSI	48
#define VCPU_RDI	56
#define VCPU_R8		64
#define VCPU_R9		72
#define VCPU_R10	80
#define VCPU_R11	88
#define VCPU_R12	96
#define VCPU_R13	104
#define VCPU_R14	112
#define VCPU_R15	120
#define VCPU_CR2	128
#define VCPU_HOST_RSP	136

#define VMCS_HOST_RSP	0x6c14

	.section .noinstr.text, "ax"

/*
 * int osp_vmx_enter(struct osp_vcpu *vcpu, bool launched)
 *
 * Interrupts off, the VMCS current.  Returns 0 after a VM exit, which includes
 * entries that failed late (reasons 33, 34, 41); 1 if the instruction itself
 * failed or faulted, with the guest's state untouched.
 */
SYM_FUNC_START(osp_vmx_enter)
	push	%rbp
	mov	%rsp, %rbp
	push	%r15
	push	%r14
	push	%r13
	push	%r12
	push	%rbx
	push	%rdi

	/* The exit comes back to this stack; it is mostly the same one. */
	cmp	%rsp, VCPU_HOST_RSP(%rdi)
	je	.Lrsp_set
	mov	%rsp, VCPU_HOST_RSP(%rdi)
	mov	$VMCS_HOST_RSP, %eax
.Lwrite_rsp:
	vmwrite	%rsp, %rax
.Lrsp_set:
	/* Into CF, which no load below changes: VMRESUME or VMLAUNCH? */
	bt	$0, %esi

	mov	VCPU_RCX(%rdi), %rcx
	mov	VCPU_RDX(%rdi), %rdx
	mov	VCPU_RBX(%rdi), %rbx
	mov	VCPU_RBP(%rdi), %rbp
	mov	VCPU_RSI(%rdi), %rsi
	mov	VCPU_R8(%rdi), %r8
	mov	VCPU_R9(%rdi), %r9
	mov	VCPU_R10(%rdi), %r10
	mov	VCPU_R11(%rdi), %r11
	mov	VCPU_R12(%rdi), %r12
	mov	VCPU_R13(%rdi), %r13
	mov	VCPU_R14(%rdi), %r14
	mov	VCPU_R15(%rdi), %r15
	mov	VCPU_RAX(%rdi), %rax
	mov	VCPU_RDI(%rdi), %rdi

	/* Nothing of the host's may be left in the CPU's buffers (MDS). */
	CLEAR_CPU_BUFFERS

	jnc	.Llaunch

	/* A VM exit appears at osp_vmx_exit_entry with the stack as it is here. */
	UNWIND_HINT_SAVE
.Lresume:
	vmresume
	jmp	.Lfailed
.Llaunch:
	vmlaunch
	jmp	.Lfailed

	_ASM_EXTABLE(.Lwrite_rsp, .Lfailed)
	_ASM_EXTABLE(.Lresume, .Lfailed)
	_ASM_EXTABLE(.Llaunch, .Lfailed)

SYM_INNER_LABEL(osp_vmx_exit_entry, SYM_L_GLOBAL)
	UNWIND_HINT_RESTORE
	ENDBR
	push	%rdi
	mov	8(%rsp), %rdi
	mov	%rax, VCPU_RAX(%rdi)
	pop	VCPU_RDI(%rdi)
	mov	%rcx, VCPU_RCX(%rdi)
	mov	%rdx, VCPU_RDX(%rdi)
	mov	%rbx, VCPU_RBX(%rdi)
	mov	%rbp, VCPU_RBP(%rdi)
	mov	%rsi, VCPU_RSI(%rdi)
	mov	%r8, VCPU_R8(%rdi)
	mov	%r9, VCPU_R9(%rdi)
	mov	%r10, VCPU_R10(%rdi)
	mov	%r11, VCPU_R11(%rdi)
	mov	%r12, VCPU_R12(%rdi)
	mov	%r13, VCPU_R13(%rdi)
	mov	%r14, VCPU_R14(%rdi)
	mov	%r15, VCPU_R15(%rdi)
	/* The result, where no function called below changes it. */
	xor	%ebx, %ebx
.Lclear:
	/*
	 * No value of the guest's may steer speculation from here on, not even
	 * in registers that are about to be reloaded from the stack.
	 */
	xor	%eax, %eax
	xor	%ecx, %ecx
	xor	%edx, %edx
	xor	%ebp, %ebp
	xor	%esi, %esi
	xor	%r8d, %r8d
	xor	%r9d, %r9d
	xor	%r10d, %r10d
	xor	%r11d, %r11d
	xor	%r12d, %r12d
	xor	%r13d, %r13d
	xor	%r14d, %r14d
	xor	%r15d, %r15d

	/* Before the first RET: the return stack buffer is the guest's. */
	FILL_RETURN_BUFFER %rcx, RSB_CLEAR_LOOPS, X86_FEATURE_RSB_VMEXIT, \
			   X86_FEATURE_RSB_VMEXIT_LITE
	pop	%rdi
	ALTERNATIVE "jmp .Lspec_ctrl_done", "", X86_FEATURE_MSR_SPEC_CTRL
	call	osp_spec_ctrl_to_host
.Lspec_ctrl_done:
	CLEAR_BRANCH_HISTORY_VMEXIT

	mov	%ebx, %eax
	pop	%rbx
	pop	%r12
	pop	%r13
	pop	%r14
	pop	%r15
	pop	%rbp
	RET

.Lfailed:
	/* The guest's registers are loaded; the vCPU still has them. */
	mov	(%rsp), %rdi
	mov	$1, %ebx
	jmp	.Lclear
SYM_FUNC_END(osp_vmx_enter)
