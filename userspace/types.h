/* SPDX-License-Identifier: GPL-2.0 */
/*
 * types.h - the integer names that every file of the command uses.
 *
 * Registers, tables and wire formats are written with the kernel's own short
 * names, so that a structure here reads like the one in the manual or in the
 * kernel's headers.
 */
#ifndef OSPITE_TYPES_H
#define OSPITE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t s64;

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define BIT(n)		(1UL << (n))
#define BIT_ULL(n)	(1ULL << (n))

#define KIB		1024ULL
#define MIB		(1024 * KIB)
#define GIB		(1024 * MIB)

/* Both want a power of two for @a. */
#define ALIGN_DOWN(x, a)	((x) & ~((u64)(a) - 1))
#define ALIGN_UP(x, a)		ALIGN_DOWN((x) + (u64)(a) - 1, a)

#define NSEC_PER_SEC	1000000000ULL

#endif /* OSPITE_TYPES_H */
