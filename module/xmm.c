// SPDX-License-Identifier: GPL-2.0
/*
 * xmm.c - a guest's XMM registers, for instructions that the emulator executes.
 *
 * Within KVM_RUN the FPU state of the thread is the guest's (osp_host_fpu_load()).
 * It is in the registers, unless the thread has been scheduled out meanwhile: then
 * it is loaded first.  The moves are legacy SSE, so that the upper parts of wider
 * registers stay.  Takes the lock of the FPU registers, which keeps the thread here.
 * SDM 1 10.2.2 (XMM registers), 14.1.3 (SSE moves and the upper parts).
 */
#include <linux/sched.h>
#include <linux/thread_info.h>
#include <linux/types.h>
#include <asm/fpu/api.h>

#include "ospite.h"

/* From here to fpregs_unlock() the registers hold what is the guest's. */
static void lock_registers(void)
{
	fpregs_lock();
	if (test_thread_flag(TIF_NEED_FPU_LOAD))
		switch_fpu_return();
}

/* Which register an instruction names is part of its code. */
#define EACH_XMM(F) \
	F(0) F(1) F(2) F(3) F(4) F(5) F(6) F(7) \
	F(8) F(9) F(10) F(11) F(12) F(13) F(14) F(15)

/**
 * osp_xmm_get() - read one of the guest's XMM registers
 * @reg: which, 0 to 15; any other reads as zero
 * @buf: 16 bytes, of any alignment
 *
 * Context: the vCPU's thread within KVM_RUN, preemption on.
 */
void osp_xmm_get(unsigned int reg, void *buf)
{
	u8 (*to)[16] = buf;

	memset(to, 0, sizeof(*to));
	lock_registers();
	switch (reg) {
#define GET(n) case n: asm volatile("movups %%xmm" #n ", %0" : "=m"(*to)); break;
	EACH_XMM(GET)
#undef GET
	}
	fpregs_unlock();
}

/**
 * osp_xmm_set() - change one of the guest's XMM registers
 * @reg: which, 0 to 15; any other is ignored
 * @buf: 16 bytes, of any alignment
 *
 * Context: the vCPU's thread within KVM_RUN, preemption on.
 */
void osp_xmm_set(unsigned int reg, const void *buf)
{
	const u8 (*from)[16] = buf;

	lock_registers();
	switch (reg) {
#define SET(n) case n: asm volatile("movups %0, %%xmm" #n : : "m"(*from)); break;
	EACH_XMM(SET)
#undef SET
	}
	fpregs_unlock();
}
