/* SPDX-License-Identifier: GPL-2.0 */
/*
 * plain.h - the ground that plain logic stands on.
 *
 * The instruction emulator, the interrupt controllers, the page-table walker
 * and the tables of the VMX part do not depend on a kernel: they compile in
 * userspace too, where they are unit-tested and fuzzed under ASan and UBSan.
 * Such files include this header instead of the kernel's own, and use no more
 * than it offers.  In the kernel it is the kernel's headers; in userspace it
 * defines the same names over the C library.
 */
#ifndef OSP_PLAIN_H
#define OSP_PLAIN_H

#ifdef __KERNEL__

#include <linux/atomic.h>
#include <linux/types.h>
#include <linux/bitops.h>
#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/nospec.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>

/* Memory that counts as its VM's owner's; may sleep; NULL when there is none. */
#define osp_zalloc(size)	kvzalloc(size, GFP_KERNEL_ACCOUNT)
#define osp_free(p)		kvfree(p)
#define osp_free_rcu(p, field)	kvfree_rcu(p, field)

#else /* userspace */

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;

#define U16_MAX			UINT16_MAX
#define U32_MAX			UINT32_MAX
#define BIT(n)			(1UL << (n))
#define BIT_ULL(n)		(1ULL << (n))
#define GENMASK(h, l)		((~0UL << (l)) & (~0UL >> (63 - (h))))
#define GENMASK_ULL(h, l)	((~0ULL << (l)) & (~0ULL >> (63 - (h))))
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define min(a, b)		((a) < (b) ? (a) : (b))
#define max(a, b)		((a) > (b) ? (a) : (b))
#define min_t(t, a, b)		min((t)(a), (t)(b))
#define max_t(t, a, b)		max((t)(a), (t)(b))
#define BUILD_BUG_ON(cond)	_Static_assert(!(cond), #cond)
#define static_assert		_Static_assert
#define READ_ONCE(x)		(*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v)	(*(volatile __typeof__(x) *)&(x) = (v))
#define likely(x)		__builtin_expect(!!(x), 1)
#define unlikely(x)		__builtin_expect(!!(x), 0)
#define fallthrough		__attribute__((__fallthrough__))
#ifndef __always_inline
#define __always_inline		inline __attribute__((__always_inline__))
#endif
#define noinline		__attribute__((__noinline__))
#define __must_check		__attribute__((__warn_unused_result__))
#define __packed		__attribute__((__packed__))
#define __aligned(n)		__attribute__((__aligned__(n)))
#define array_index_nospec(i, n)	((i) < (n) ? (i) : 0)
#define container_of(p, type, member) \
	((type *)((char *)(p) - offsetof(type, member)))

/* Bits in arrays of longs: the atomic ones order as the kernel's do. */
#define BITS_PER_LONG		64
#define BITS_TO_LONGS(n)	(((n) + 63) / 64)
#define DECLARE_BITMAP(name, n)	unsigned long name[BITS_TO_LONGS(n)]
#define OSP_BIT_WORD(nr, p)	(&(p)[(nr) / 64])
#define OSP_BIT_MASK(nr)	(1UL << ((nr) % 64))
#define test_bit(nr, p)		(!!(READ_ONCE(*OSP_BIT_WORD(nr, p)) & OSP_BIT_MASK(nr)))
#define set_bit(nr, p) \
	((void)__atomic_fetch_or(OSP_BIT_WORD(nr, p), OSP_BIT_MASK(nr), __ATOMIC_SEQ_CST))
#define clear_bit(nr, p) \
	((void)__atomic_fetch_and(OSP_BIT_WORD(nr, p), ~OSP_BIT_MASK(nr), __ATOMIC_SEQ_CST))
#define test_and_set_bit(nr, p) \
	(!!(__atomic_fetch_or(OSP_BIT_WORD(nr, p), OSP_BIT_MASK(nr), __ATOMIC_SEQ_CST) & OSP_BIT_MASK(nr)))
#define test_and_clear_bit(nr, p) \
	(!!(__atomic_fetch_and(OSP_BIT_WORD(nr, p), ~OSP_BIT_MASK(nr), __ATOMIC_SEQ_CST) & OSP_BIT_MASK(nr)))
#define xchg(p, v)		__atomic_exchange_n(p, v, __ATOMIC_SEQ_CST)
#define smp_mb()		__atomic_thread_fence(__ATOMIC_SEQ_CST)
#define smp_wmb()		__atomic_thread_fence(__ATOMIC_RELEASE)
#define smp_rmb()		__atomic_thread_fence(__ATOMIC_ACQUIRE)
#define __fls(x)		(63 - __builtin_clzl(x))
#define __ffs(x)		__builtin_ctzl(x)

typedef struct {
	s64 counter;
} atomic64_t;

#define atomic64_read(v)	__atomic_load_n(&(v)->counter, __ATOMIC_RELAXED)
#define atomic64_inc(v)		((void)__atomic_fetch_add(&(v)->counter, 1, __ATOMIC_RELAXED))
#define atomic64_add(i, v)	((void)__atomic_fetch_add(&(v)->counter, i, __ATOMIC_RELAXED))
#define atomic64_set(v, i)	__atomic_store_n(&(v)->counter, i, __ATOMIC_RELAXED)

/* RCU: userspace tests have no concurrent writer. */
#define __rcu
#define __user
struct rcu_head {
	void *next;
};
#define rcu_read_lock()		((void)0)
#define rcu_read_unlock()	((void)0)
#define rcu_dereference(p)	__atomic_load_n(&(p), __ATOMIC_CONSUME)
#define rcu_access_pointer(p)	__atomic_load_n(&(p), __ATOMIC_RELAXED)
#define rcu_dereference_protected(p, c)	(p)
#define rcu_assign_pointer(p, v) __atomic_store_n(&(p), v, __ATOMIC_RELEASE)
#define RCU_INIT_POINTER(p, v)	((p) = (v))
#define osp_zalloc(size)	calloc(1, size)
#define osp_free(p)		free(p)
#define osp_free_rcu(p, field)	free(p)

static inline u64 mul_u64_u32_div(u64 a, u32 mul, u32 div)
{
	return (u64)((unsigned __int128)a * mul / div);
}

#define div64_u64(a, b)		((u64)(a) / (u64)(b))

#endif /* __KERNEL__ */

#endif /* OSP_PLAIN_H */
