/* SPDX-License-Identifier: GPL-2.0 */
/*
 * cpuid.h - where in CPUID a feature stands, and what of it Ospite offers.
 */
#ifndef OSP_CPUID_H
#define OSP_CPUID_H

#include <linux/kvm.h>
#include <linux/types.h>
#include <asm/cpufeatures.h>

/* KVM_SET_CPUID2 takes no more entries than this; KVM's own limit. */
#define OSP_MAX_CPUID_ENTRIES	256

/* Leaves of each of the two main ranges that are found without a search. */
#define OSP_CPUID_INDEXED	0x20

enum osp_cpuid_reg { OSP_CPUID_EAX, OSP_CPUID_EBX, OSP_CPUID_ECX, OSP_CPUID_EDX };

/**
 * struct osp_cpuid_word - 32 feature bits of CPUID
 * @function: leaf
 * @index: subleaf
 * @reg: register of the answer
 * @word: the kernel's number for it, X86_FEATURE_* divided by 32, or -1
 * @offered: bits that a guest may have if the host has them
 * @emulated: bits that a guest may have in any case
 */
struct osp_cpuid_word {
	u32 function;
	u32 index;
	enum osp_cpuid_reg reg;
	int word;
	u32 offered;
	u32 emulated;
};

const struct osp_cpuid_word *osp_cpuid_word(unsigned int feature);
bool osp_cpuid_supported(unsigned int feature);
const struct kvm_cpuid_entry2 *osp_cpuid_find(const struct kvm_cpuid_entry2 *entry,
					      const struct kvm_cpuid_entry2 *end,
					      u32 function, u32 index);
u64 osp_cpuid_xcr0(void);
u32 osp_cpuid_xsave_size(u64 xcr0, bool compacted);
u64 osp_cpuid_spec_ctrl_bits(void);

static inline u32 *osp_cpuid_reg(struct kvm_cpuid_entry2 *entry,
				 enum osp_cpuid_reg reg)
{
	switch (reg) {
	case OSP_CPUID_EAX:
		return &entry->eax;
	case OSP_CPUID_EBX:
		return &entry->ebx;
	case OSP_CPUID_ECX:
		return &entry->ecx;
	default:
		return &entry->edx;
	}
}

#endif /* OSP_CPUID_H */
