/* SPDX-License-Identifier: GPL-2.0 */
/*
 * guest.h - the memory map and the mailbox of the benchmark's guest.
 *
 * Shared by guest.S, which is the guest, and vm.c, which builds it: guest
 * physical addresses, which the guest maps one to one, and the fields through
 * which host and guest talk without a VM exit.
 */
#ifndef BENCH_GUEST_H
#define BENCH_GUEST_H

/* Low memory, one slot of 2 MiB. */
#define GUEST_LOW_SIZE		0x200000
#define GUEST_PML4		0x1000
#define GUEST_PDPT		0x2000
#define GUEST_PD		0x3000	/* four pages: 4 GiB in 2 MiB pages */
#define GUEST_GDT		0x7000
#define GUEST_IDT		0x8000
#define GUEST_TSS		0x9000
#define GUEST_MAIL		0xa000
#define GUEST_STACK		0x20000	/* its top */
#define GUEST_STACK_2		0x1c000	/* the second vCPU's */
#define GUEST_CODE		0x100000

/* The mailbox's fields, as offsets from GUEST_MAIL. */
#define MAIL_BATCH		0x00	/* in: iterations of a batch */
#define MAIL_MARK		0x08	/* in: surround the batch by markers */
#define MAIL_ARG		0x10	/* in: the program's argument */
#define MAIL_TICKS		0x18	/* out: ticks of the batch */
#define MAIL_LATENCY		0x20	/* out: sum of latencies of the batch */

#define MAIL_CALLS		0x28	/* IPIs that the other vCPU has taken */
#define MAIL_TAKEN		0x30	/* when it took the last one */

/* A second slot, for the programs that touch fresh pages. */
#define GUEST_FRESH		0x4000000

/* An address behind which there is nothing: an MMIO exit to userspace. */
#define GUEST_MMIO		0x20000000

/* Ports: the end of a batch, and one that no kernel device answers. */
#define PORT_BATCH		0xf4
#define PORT_USER		0xe0
#define PORT_KICK		0xe4	/* has an ioeventfd, in the rows of those */

#define GUEST_TIMER_VECTOR	0x40
#define GUEST_XAPIC_VECTOR	0x41	/* its handler's EOI is a write to the page */
#define GUEST_CALL_VECTOR	0x42	/* an IPI between two vCPUs */

/* The local APIC's registers in xAPIC mode. */
#define GUEST_APIC		0xfee00000

#endif /* BENCH_GUEST_H */
