/* SPDX-License-Identifier: GPL-2.0 */
/* blob32.S - the 32-bit guest's flat image, inside the test program. */
	.section .rodata
	.globl	guest32_start, guest32_end
guest32_start:
	.incbin	"guest32.bin"
guest32_end:
	.section .note.GNU-stack, "", @progbits
