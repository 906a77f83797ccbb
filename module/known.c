// SPDX-License-Identifier: GPL-2.0
/*
 * known.c - an access to a device by an instruction that made one before.
 *
 * To emulate a MOV takes thousands of instructions, of which all but a few find
 * out what it is: the guest's page tables are walked for RIP, and what is there
 * is read and decoded.  A driver has one MOV for its doorbell.  So the second
 * time that it exits it is put down here: what it does, and all that this was
 * concluded from.  The next time it is done within the section, interrupts off,
 * if the conclusion still holds.
 *
 * Nothing is trusted that the guest could have changed without a VM exit.  RIP,
 * CR3 and the mode are compared, and then the very memory is read again: the
 * paging-structure entries that translate RIP, and the bytes of the
 * instruction.  If all that is what it was, so are the translation and the
 * instruction.  (Rights need no look: the processor has fetched it.)  What can
 * change without the guest, the memory slots, is numbered by mmu->slots_gen, and
 * held.  Whatever does not fit goes the long way, through the emulator.
 *
 * The instruction's length is not taken from the VMCS: it is not defined for
 * EPT violations and misconfigurations (SDM 3C 28.2.5).
 *
 * Owns vcpu->known; in the vCPU's thread, under its mutex.
 */
#include <linux/mm.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <asm/processor-flags.h>

#include "ospite.h"
#include "emulation.h"
#include "vmx/exit.h"

/*
 * Accessed and dirty flags, of which the second is of no concern to a fetch, and
 * the first was set by the processor if it had to.
 */
#define ENTRY_FLAGS	(BIT_ULL(5) | BIT_ULL(6))

#define WINDOW		sizeof_field(struct osp_known, bytes)

/* CS.L (SDM 3C table 25-2) */
#define CS_LONG		BIT(13)

/* ---- to use it ---- */

/*
 * Another process of the guest's has a top table of its own, with the same
 * entry for the kernel.  Whether it is the same is seen when it is read.
 */
static bool other_cr3(struct osp_vcpu *vcpu, struct osp_known *k, u64 cr3)
{
	u64 table = cr3 & GENMASK_ULL(51, PAGE_SHIFT);

	if (osp_gpa_hva(&vcpu->vm->mmu, table + k->top, sizeof(u64),
			&k->places[0]))
		return false;
	k->cr3 = cr3;
	return true;
}

/* Is memory as it was?  A page that the host has taken away is no page now. */
static bool same_memory(const struct osp_known *k)
{
	const u64 __user *code = (const u64 __user *)k->code;
	bool same = false;
	unsigned int i;
	u64 now;

	if (!k->count || !user_access_begin(code, WINDOW))
		return false;
	for (i = 0; i < k->count; i++) {
		unsafe_get_user(now, (const u64 __user *)k->places[i], out);
		if ((now ^ k->entries[i]) & ~ENTRY_FLAGS)
			goto out;
	}
	unsafe_get_user(now, code, out);
	if (now != k->bytes[0])
		goto out;
	unsafe_get_user(now, code + 1, out);
	same = now == k->bytes[1];
out:
	user_access_end();
	return same;
}

/* The slots are held. */
static bool still_holds(struct osp_vcpu *vcpu, struct osp_known *k)
{
	u64 cr3 = osp_vmx_cr3(vcpu);
	bool same;

	if (k->slots_gen != vcpu->vm->mmu.slots_gen ||
	    !(vcpu->efer & EFER_LMA) || !(osp_vmx_cs_access(vcpu) & CS_LONG))
		return false;
	if (unlikely(k->cr3 != cr3) && !other_cr3(vcpu, k, cr3))
		return false;
	pagefault_disable();
	same = same_memory(k);
	pagefault_enable();
	return same;
}

/* Until the slots change there is no memory where there was none. */
static bool is_device(struct osp_vcpu *vcpu, struct osp_known *k, u64 gpa)
{
	if (k->device_gfn == gpa >> PAGE_SHIFT)
		return true;
	if (osp_gpa_is_ram(&vcpu->vm->mmu, gpa, k->insn.store) ||
	    osp_apicv_has_page(vcpu->vm, gpa))
		return false;
	k->device_gfn = gpa >> PAGE_SHIFT;
	return true;
}

static void ask_userspace(struct osp_vcpu *vcpu, u64 gpa, u8 len, bool write)
{
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_MMIO;
	run->mmio.phys_addr = gpa;
	run->mmio.len = len;
	run->mmio.is_write = write;
}

static noinline bool write_controller(struct osp_vcpu *vcpu, u64 gpa, u8 size,
				      u64 value)
{
	return osp_controller(vcpu, gpa, size, true, &value);
}

static noinline bool load_from_controller(struct osp_vcpu *vcpu,
					  const struct osp_known *k, u64 gpa)
{
	u64 value = 0;

	if (!osp_controller(vcpu, gpa, k->insn.size, false, &value))
		return false;
	osp_insn_simple_load(&k->insn, vcpu->gpr, value);
	return true;
}

/* Returns as an exit handler. */
static int store(struct osp_vcpu *vcpu, struct osp_known *k, u64 gpa)
{
	u64 value = osp_insn_simple_value(&k->insn, vcpu->gpr);
	u8 size = k->insn.size;

	if (unlikely(osp_is_controller(vcpu, gpa)) &&
	    write_controller(vcpu, gpa, size, value))
		return 1;
	if (osp_iobus_write_again(&vcpu->vm->iobus, gpa, size, value, &k->hint))
		return 1;
	ask_userspace(vcpu, gpa, size, true);
	memcpy(vcpu->run->mmio.data, &value, sizeof(value));
	return 0;
}

/* Userspace may have sent the guest elsewhere, as a reset does. */
static int complete_load(struct osp_vcpu *vcpu)
{
	const struct osp_insn_simple *insn = &vcpu->io.load;
	u64 value;

	if (osp_vmx_rip(vcpu) != vcpu->io.rip)
		return 1;
	memcpy(&value, vcpu->run->mmio.data, sizeof(value));
	osp_insn_simple_load(insn, vcpu->gpr, value);
	osp_advance(vcpu, vcpu->io.rip + insn->len);
	return 1;
}

/* The same. */
static int load(struct osp_vcpu *vcpu, const struct osp_known *k, u64 gpa)
{
	u8 size = k->insn.size;

	if (unlikely(osp_is_controller(vcpu, gpa)) &&
	    load_from_controller(vcpu, k, gpa))
		return 1;
	ask_userspace(vcpu, gpa, size, false);
	vcpu->io.rip = k->rip;
	vcpu->io.load = k->insn;
	vcpu->io.complete = complete_load;
	return 0;
}

/*
 * What the processor accessed when it exited has to be the operand: not a table
 * of the guest's in a device, nor the other half of one that crosses a page.
 */
static int access(struct osp_vcpu *vcpu, struct osp_known *k, u64 gpa)
{
	u64 linear = osp_insn_simple_linear(&k->insn, vcpu->gpr, k->rip);
	int r;

	if ((linear ^ gpa) & ~PAGE_MASK || linear & (k->insn.size - 1))
		return OSP_EXIT_SLOW;
	if (!still_holds(vcpu, k) || !is_device(vcpu, k, gpa))
		return OSP_EXIT_SLOW;
	r = k->insn.store ? store(vcpu, k, gpa) : load(vcpu, k, gpa);
	/* A load that waits is not over. */
	if (r || k->insn.store)
		osp_vmx_advance(vcpu, k->rip, k->rip + k->insn.len);
	return r;
}

/**
 * osp_known_access() - an access outside of memory, by a known instruction
 * @vcpu: the vCPU, after an EPT violation or misconfiguration that was no
 *	fetch, with no event being delivered
 * @k: the instruction at RIP, or what was there
 * @gpa: the guest-physical address
 *
 * Context: within the section.
 * Return: as for each exit; OSP_EXIT_SLOW, and nothing has happened, if the
 * emulator has to do it.
 */
int osp_known_access(struct osp_vcpu *vcpu, struct osp_known *k, u64 gpa)
{
	int r;

	if (!osp_mmu_try_hold(&vcpu->vm->mmu))
		return OSP_EXIT_SLOW;
	r = access(vcpu, k, gpa);
	osp_mmu_release(&vcpu->vm->mmu);
	return r;
}

/* ---- to learn it ---- */

/* A walk through the guest's tables, put down. */
struct recorder {
	struct osp_mmu *mmu;
	struct osp_known *k;
	u64 gpas[OSP_KNOWN_ENTRIES];
};

static int record_entry(void *ctx, u64 gpa, u64 *entry, unsigned int len)
{
	struct recorder *r = ctx;
	struct osp_known *k = r->k;
	int ret;

	/* A walk that was begun anew, as the guest changes its tables. */
	if (k->count == OSP_KNOWN_ENTRIES)
		return -EAGAIN;
	ret = osp_gpa_read(r->mmu, gpa, entry, len);
	if (ret)
		return ret;
	r->gpas[k->count] = gpa;
	k->entries[k->count++] = *entry;
	return osp_gpa_hva(r->mmu, gpa, len, &k->places[k->count - 1]);
}

static int record_update(void *ctx, u64 gpa, u64 *old, u64 new, unsigned int len)
{
	struct recorder *r = ctx;
	int i, ret = osp_gpa_cmpxchg(r->mmu, gpa, old, new, len);

	for (i = 0; !ret && i < r->k->count; i++)
		if (r->gpas[i] == gpa)
			r->k->entries[i] = new;
	return ret;
}

static bool record_walk(struct osp_emulation *e, struct osp_known *k, u64 *gpa)
{
	struct recorder r = { .mmu = &e->vcpu->vm->mmu, .k = k };
	struct osp_walk_cpu walk = e->walk;
	struct osp_walk_result result;

	walk.read = record_entry;
	walk.update = record_update;
	walk.ctx = &r;
	if (osp_walk(&walk, e->cpu.rip, OSP_WALK_FETCH, &result) != OSP_WALK_OK)
		return false;
	*gpa = result.gpa;
	k->top = r.gpas[0] & ~PAGE_MASK;
	return k->count;
}

/* The bytes, with as many around them as make 16 in the page. */
static bool record_code(struct osp_emulation *e, struct osp_known *k, u64 gpa)
{
	struct osp_mmu *mmu = &e->vcpu->vm->mmu;
	const struct osp_insn *insn = &e->vcpu->io.insn;
	unsigned int offset = gpa & ~PAGE_MASK;
	unsigned int start = min_t(unsigned int, offset, PAGE_SIZE - WINDOW);

	if (offset + insn->len > PAGE_SIZE)
		return false;
	gpa = (gpa & PAGE_MASK) + start;
	if (osp_gpa_hva(mmu, gpa, WINDOW, &k->code) ||
	    osp_gpa_read(mmu, gpa, &k->bytes[0], 8) ||
	    osp_gpa_read(mmu, gpa + 8, &k->bytes[1], 8))
		return false;
	return !memcmp((u8 *)k->bytes + offset - start, insn->bytes, insn->len);
}

/**
 * osp_known_learn() - know an instruction the next time, if it is a simple one
 * @e: has decoded it, and not executed it yet; the slots are held
 *
 * Not before it comes for the second time in a row, since learning costs a
 * quarter of the emulation.
 *
 * Context: process context, may sleep.
 */
void osp_known_learn(struct osp_emulation *e)
{
	struct osp_vcpu *vcpu = e->vcpu;
	struct osp_known *k = osp_known_place(vcpu, e->cpu.rip);
	struct osp_insn_simple simple;
	u64 gpa;

	if (vcpu->known.missed != e->cpu.rip) {
		vcpu->known.missed = e->cpu.rip;
		return;
	}
	if (!osp_insn_simplify(&e->cpu, &vcpu->io.insn, &simple) ||
	    !e->walk_ready)
		return;
	*k = (struct osp_known){
		.rip = e->cpu.rip,
		.cr3 = e->walk.cr3,
		.slots_gen = vcpu->vm->mmu.slots_gen,
		.device_gfn = U64_MAX,
		.insn = simple,
	};
	if (!record_walk(e, k, &gpa) || !record_code(e, k, gpa))
		k->count = 0;
}
