// SPDX-License-Identifier: GPL-2.0
/*
 * cpuid_host.c - the CPUID that a guest may be given on this machine.
 *
 * The answer to KVM_GET_SUPPORTED_CPUID is made once, at module load, from the
 * CPU's own CPUID and a list of what Ospite virtualises: words[] has a row for
 * each 32 feature bits.  What is not in the list does not exist for guests.
 * Owns the table supported[], constant afterwards.  SDM 2A, CPUID; 1 13.3 on
 * the sizes of extended state.
 */
#include <linux/align.h>
#include <linux/bits.h>
#include <linux/kernel.h>
#include <linux/types.h>
#include <linux/uaccess.h>
#include <asm/cpufeature.h>
#include <asm/kvm_para.h>
#include <asm/processor.h>
#include <asm/vmx.h>

#include "ospite.h"
#include "cpuid.h"
#include "vmx/cap.h"

/* The most that clients with a fixed buffer have room for. */
#define MAX_SUPPORTED	80

static struct kvm_cpuid_entry2 supported[MAX_SUPPORTED] __ro_after_init;
static int nr_supported __ro_after_init;

/* Extended state that the host saves for a guest, and that is offered. */
#define OFFERED_XCR0	(XFEATURE_MASK_FP | XFEATURE_MASK_SSE |		\
			 XFEATURE_MASK_YMM | XFEATURE_MASK_AVX512 |	\
			 XFEATURE_MASK_PKRU)
#define NR_XSTATES	10

static u64 xcr0_supported __ro_after_init;

/* Sizes, offsets in the standard format and flags: CPUID 0DH, subleaves. */
static struct { u32 size, offset, flags; } xstates[NR_XSTATES] __ro_after_init;
#define XSTATE_ALIGNED	BIT(1)		/* to 64 bytes if compacted */

/* Up to the end of the XSAVE header. */
#define XSAVE_MIN_SIZE	576

#define F(name)		BIT(X86_FEATURE_##name & 31)

/*
 * Absent on purpose: MONITOR, VMX, SMX, PDCM and all else of the PMU, DS, TSX,
 * Intel PT, SGX, MPX, CET, WAITPKG, AMX; TSC_DEADLINE_TIMER, which KVM reports
 * by a capability and userspace adds.
 */
static const struct osp_cpuid_word words[] = {
	{ 1, 0, OSP_CPUID_ECX, CPUID_1_ECX,
	  F(XMM3) | F(PCLMULQDQ) | F(SSSE3) | F(FMA) | F(CX16) | F(PCID) |
	  F(XMM4_1) | F(XMM4_2) | F(MOVBE) | F(POPCNT) | F(AES) | F(XSAVE) |
	  F(AVX) | F(F16C) | F(RDRAND),
	  F(X2APIC) | F(HYPERVISOR) },
	{ 1, 0, OSP_CPUID_EDX, CPUID_1_EDX,
	  F(FPU) | F(VME) | F(DE) | F(PSE) | F(TSC) | F(MSR) | F(PAE) |
	  F(MCE) | F(CX8) | F(APIC) | F(SEP) | F(MTRR) | F(PGE) | F(MCA) |
	  F(CMOV) | F(PAT) | F(PSE36) | F(CLFLUSH) | F(MMX) | F(FXSR) |
	  F(XMM) | F(XMM2) | F(SELFSNOOP), 0 },
	{ 7, 0, OSP_CPUID_EBX, CPUID_7_0_EBX,
	  F(FSGSBASE) | F(BMI1) | F(AVX2) | F(FDP_EXCPTN_ONLY) | F(SMEP) |
	  F(BMI2) | F(ERMS) | F(INVPCID) | F(ZERO_FCS_FDS) | F(AVX512F) |
	  F(AVX512DQ) | F(RDSEED) | F(ADX) | F(SMAP) | F(AVX512IFMA) |
	  F(CLFLUSHOPT) | F(CLWB) | F(AVX512PF) | F(AVX512ER) | F(AVX512CD) |
	  F(SHA_NI) | F(AVX512BW) | F(AVX512VL), F(TSC_ADJUST) },
	{ 7, 0, OSP_CPUID_ECX, CPUID_7_ECX,
	  F(AVX512VBMI) | F(PKU) | F(RDPID) | F(AVX512_VPOPCNTDQ) | F(UMIP) |
	  F(AVX512_VBMI2) | F(GFNI) | F(VAES) | F(VPCLMULQDQ) |
	  F(AVX512_VNNI) | F(AVX512_BITALG) | F(CLDEMOTE) | F(MOVDIRI) |
	  F(MOVDIR64B), 0 },
	{ 7, 0, OSP_CPUID_EDX, CPUID_7_EDX,
	  F(AVX512_4VNNIW) | F(AVX512_4FMAPS) | F(SPEC_CTRL) |
	  F(SPEC_CTRL_SSBD) | F(INTEL_STIBP) | F(MD_CLEAR) |
	  F(AVX512_VP2INTERSECT) | F(FSRM) | F(SERIALIZE) | F(AVX512_FP16),
	  F(ARCH_CAPABILITIES) },
	{ 7, 1, OSP_CPUID_EAX, CPUID_7_1_EAX,
	  F(AVX_VNNI) | F(AVX512_BF16), 0 },
	/* PSFD, IPRED_CTRL, RRSBA_CTRL, DDPD_U, BHI_CTRL, MCDT_NO */
	{ 7, 2, OSP_CPUID_EDX, -1, GENMASK(5, 0), 0 },
	{ 0xd, 1, OSP_CPUID_EAX, CPUID_D_1_EAX,
	  F(XSAVEOPT) | F(XSAVEC) | F(XGETBV1) | F(XSAVES), 0 },
	{ 0x80000001, 0, OSP_CPUID_ECX, CPUID_8000_0001_ECX,
	  F(LAHF_LM) | F(ABM) | F(3DNOWPREFETCH), 0 },
	{ 0x80000001, 0, OSP_CPUID_EDX, CPUID_8000_0001_EDX,
	  F(SYSCALL) | F(NX) | F(GBPAGES) | F(RDTSCP) | F(LM), 0 },
	{ 0x80000008, 0, OSP_CPUID_EBX, CPUID_8000_0008_EBX, F(WBNOINVD), 0 },
};

/* Features that depend on a VMX control, without which they raise #UD. */
static const struct {
	unsigned int feature;
	u32 control;
} need_control[] = {
	{ X86_FEATURE_RDTSCP, SECONDARY_EXEC_ENABLE_RDTSCP },
	{ X86_FEATURE_RDPID, SECONDARY_EXEC_ENABLE_RDTSCP },
	{ X86_FEATURE_INVPCID, SECONDARY_EXEC_ENABLE_INVPCID },
	{ X86_FEATURE_XSAVES, SECONDARY_EXEC_ENABLE_XSAVES },
};

/**
 * osp_cpuid_word() - where in CPUID a feature stands
 * @feature: X86_FEATURE_*
 *
 * Return: a row, or NULL for a word of which no guest has anything.
 */
const struct osp_cpuid_word *osp_cpuid_word(unsigned int feature)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (words[i].word == feature / 32)
			return &words[i];
	return NULL;
}

/**
 * osp_cpuid_find() - look an answer of CPUID up
 * @entry: where to start
 * @end: where to end
 * @function: leaf
 * @index: subleaf; entries whose index is not significant fit any
 *
 * Return: the entry or NULL.
 */
const struct kvm_cpuid_entry2 *osp_cpuid_find(const struct kvm_cpuid_entry2 *entry,
					      const struct kvm_cpuid_entry2 *end,
					      u32 function, u32 index)
{
	for (; entry < end; entry++)
		if (entry->function == function &&
		    (!(entry->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) ||
		     entry->index == index))
			return entry;
	return NULL;
}

static struct kvm_cpuid_entry2 *find_supported(u32 function, u32 index)
{
	return (struct kvm_cpuid_entry2 *)
		osp_cpuid_find(supported, supported + nr_supported, function,
			       index);
}

/**
 * osp_cpuid_supported() - may a guest on this machine have a feature?
 * @feature: X86_FEATURE_*
 */
bool osp_cpuid_supported(unsigned int feature)
{
	const struct osp_cpuid_word *word = osp_cpuid_word(feature);
	struct kvm_cpuid_entry2 *entry;

	if (!word)
		return false;
	entry = find_supported(word->function, word->index);
	return entry && *osp_cpuid_reg(entry, word->reg) & BIT(feature & 31);
}

/**
 * osp_cpuid_xcr0() - the most that a guest may set in XCR0; 0 without XSAVE
 */
u64 osp_cpuid_xcr0(void)
{
	return xcr0_supported;
}

/**
 * osp_cpuid_xsave_size() - size of an XSAVE area
 * @xcr0: the state components that it has room for
 * @compacted: in the compacted format (SDM 1 13.4.3)
 */
u32 osp_cpuid_xsave_size(u64 xcr0, bool compacted)
{
	u32 offset, size = XSAVE_MIN_SIZE;
	int i;

	for (i = 2; i < NR_XSTATES; i++) {
		if (!(xcr0 & BIT_ULL(i)))
			continue;
		if (!compacted)
			offset = xstates[i].offset;
		else if (xstates[i].flags & XSTATE_ALIGNED)
			offset = ALIGN(size, 64);
		else
			offset = size;
		size = max(size, offset + xstates[i].size);
	}
	return size;
}

/**
 * osp_cpuid_spec_ctrl_bits() - bits of IA32_SPEC_CTRL that this machine has
 */
u64 osp_cpuid_spec_ctrl_bits(void)
{
	/* By bit of CPUID.(EAX=7,ECX=2):EDX (SDM 4, table 2-2). */
	static const u64 by_7_2[] = {
		BIT(7), GENMASK(4, 3), GENMASK(6, 5), BIT(8), BIT(10),
	};
	struct kvm_cpuid_entry2 *entry = find_supported(7, 2);
	u64 bits = 0;
	int i;

	if (osp_cpuid_supported(X86_FEATURE_SPEC_CTRL))
		bits |= SPEC_CTRL_IBRS;
	if (osp_cpuid_supported(X86_FEATURE_INTEL_STIBP))
		bits |= SPEC_CTRL_STIBP;
	if (osp_cpuid_supported(X86_FEATURE_SPEC_CTRL_SSBD))
		bits |= SPEC_CTRL_SSBD;
	for (i = 0; entry && i < ARRAY_SIZE(by_7_2); i++)
		if (entry->edx & BIT(i))
			bits |= by_7_2[i];
	return bits;
}

static bool __init is_indexed(u32 function)
{
	return function == 4 || function == 7 || function == 0xb ||
	       function == 0xd || function == 0xf || function == 0x10 ||
	       function == 0x12 || function == 0x14 || function == 0x17 ||
	       function == 0x18 || function == 0x1d || function == 0x1e ||
	       function == 0x1f;
}

/* The host's answer as a new entry; the last one is reused if there are too many. */
static struct kvm_cpuid_entry2 * __init add(u32 function, u32 index)
{
	struct kvm_cpuid_entry2 *entry;

	if (nr_supported == MAX_SUPPORTED)
		nr_supported--;
	entry = &supported[nr_supported++];
	*entry = (struct kvm_cpuid_entry2){
		.function = function,
		.index = index,
		.flags = is_indexed(function) ?
			 KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0,
	};
	cpuid_count(function, index, &entry->eax, &entry->ebx, &entry->ecx,
		    &entry->edx);
	return entry;
}

static void __init clear(struct kvm_cpuid_entry2 *entry)
{
	entry->eax = 0;
	entry->ebx = 0;
	entry->ecx = 0;
	entry->edx = 0;
}

/* Replace the feature bits of an entry by what may be offered of them. */
static void __init mask(struct kvm_cpuid_entry2 *entry)
{
	const struct osp_cpuid_word *word;
	u32 host, *reg;
	int i;

	for (i = 0; i < ARRAY_SIZE(words); i++) {
		word = &words[i];
		if (word->function != entry->function ||
		    word->index != entry->index)
			continue;
		reg = osp_cpuid_reg(entry, word->reg);
		host = *reg;
		/* What the kernel has turned off is not for guests either. */
		if (word->word >= 0)
			host &= boot_cpu_data.x86_capability[word->word];
		*reg = (host & word->offered) | word->emulated;
	}
}

static void __init add_caches(void)
{
	struct kvm_cpuid_entry2 *entry;
	u32 index = 0;

	/* The list ends with a cache of type 0. */
	do
		entry = add(4, index++);
	while ((entry->eax & 0x1f) && index < 8);
}

static void __init add_features(void)
{
	struct kvm_cpuid_entry2 *entry = add(7, 0);
	u32 i, last = min(entry->eax, 2U);

	entry->eax = last;
	mask(entry);
	for (i = 1; i <= last; i++) {
		entry = add(7, i);
		entry->eax = i == 1 ? entry->eax : 0;
		entry->ebx = 0;
		entry->ecx = 0;
		entry->edx = i == 2 ? entry->edx : 0;
		mask(entry);
	}
}

/* Sizes are for all that a guest may enable; a guest sees those it has. */
static void __init add_xstates(void)
{
	struct kvm_cpuid_entry2 *entry = add(0xd, 0);
	int i;

	entry->eax = xcr0_supported;
	entry->ebx = osp_cpuid_xsave_size(xcr0_supported, false);
	entry->ecx = entry->ebx;
	entry->edx = xcr0_supported >> 32;
	if (!xcr0_supported)
		return;
	entry = add(0xd, 1);
	mask(entry);
	entry->ebx = 0;
	if (entry->eax & (F(XSAVES) | F(XSAVEC)))
		entry->ebx = osp_cpuid_xsave_size(xcr0_supported, true);
	/* No supervisor state: IA32_XSS is 0. */
	entry->ecx = 0;
	entry->edx = 0;
	for (i = 2; i < NR_XSTATES; i++) {
		if (!(xcr0_supported & BIT_ULL(i)))
			continue;
		entry = add(0xd, i);
		entry->ecx &= XSTATE_ALIGNED;
		entry->edx = 0;
	}
}

static void __init add_basic(u32 function)
{
	struct kvm_cpuid_entry2 *entry;

	switch (function) {
	case 4:
		add_caches();
		return;
	case 7:
		add_features();
		return;
	case 0xd:
		add_xstates();
		return;
	}
	entry = add(function, 0);
	switch (function) {
	case 0:
		entry->eax = min(entry->eax, 0x1fU);
		break;
	case 1:
		/* Each CPU has its own APIC ID, which userspace fills in. */
		entry->ebx &= 0xffffff;
		mask(entry);
		break;
	case 2:
		break;
	case 6:
		/* The APIC timer runs in all C-states. */
		clear(entry);
		entry->eax = BIT(2);
		break;
	default:
		/*
		 * 0BH, 1FH: topology is userspace's affair.  0AH: no PMU.  15H,
		 * 16H: a guest would take the crystal's frequency for the APIC
		 * timer's, which is 1 GHz here.
		 */
		clear(entry);
		break;
	}
}

static void __init add_extended(u32 function)
{
	struct kvm_cpuid_entry2 *entry = add(function, 0);

	switch (function) {
	case 0x80000000:
		entry->eax = min(entry->eax, 0x80000008U);
		break;
	case 0x80000001:
	case 0x80000006:
		mask(entry);
		break;
	case 0x80000007:
		/* Invariant TSC */
		entry->edx &= BIT(8) & boot_cpu_data.x86_power;
		entry->eax = 0;
		entry->ebx = 0;
		entry->ecx = 0;
		break;
	case 0x80000008:
		/* Four levels of EPT translate 48 bits. */
		entry->eax = min(entry->eax & 0xff, 48U) |
			     (max((entry->eax >> 8) & 0xff, 48U) << 8);
		entry->ecx = 0;
		entry->edx = 0;
		mask(entry);
		break;
	}
}

/* The leaves by which a guest knows KVM's paravirtual interface. */
static void __init add_hypervisor(void)
{
	struct kvm_cpuid_entry2 *entry = add(KVM_CPUID_SIGNATURE, 0);

	entry->eax = KVM_CPUID_FEATURES;
	memcpy(&entry->ebx, "KVMK", 4);
	memcpy(&entry->ecx, "VMKV", 4);
	memcpy(&entry->edx, "M\0\0\0", 4);
	entry = add(KVM_CPUID_FEATURES, 0);
	clear(entry);
	entry->eax = BIT(KVM_FEATURE_NOP_IO_DELAY);
}

static void __init read_xstates(void)
{
	u32 unused;
	int i;

	if (!boot_cpu_has(X86_FEATURE_XSAVE))
		return;
	xcr0_supported = osp_host_xcr0() & OFFERED_XCR0;
	if (!boot_cpu_has(X86_FEATURE_OSPKE))
		xcr0_supported &= ~XFEATURE_MASK_PKRU;
	for (i = 2; i < NR_XSTATES; i++)
		if (xcr0_supported & BIT_ULL(i))
			cpuid_count(0xd, i, &xstates[i].size,
				    &xstates[i].offset, &xstates[i].flags,
				    &unused);
}

static void __init remove_feature(unsigned int feature)
{
	const struct osp_cpuid_word *word = osp_cpuid_word(feature);
	struct kvm_cpuid_entry2 *entry;

	entry = find_supported(word->function, word->index);
	if (entry)
		*osp_cpuid_reg(entry, word->reg) &= ~BIT(feature & 31);
}

/* What another feature, a VMX control or the host's CR4 has to allow. */
static void __init remove_impossible(void)
{
	struct kvm_cpuid_entry2 *entry;
	int i;

	for (i = 0; i < ARRAY_SIZE(need_control); i++)
		if (!(osp_vmx_cap.proc2 & need_control[i].control))
			remove_feature(need_control[i].feature);
	if (!boot_cpu_has(X86_FEATURE_OSPKE))
		remove_feature(X86_FEATURE_PKU);
	if (!boot_cpu_has(X86_FEATURE_MSR_SPEC_CTRL)) {
		remove_feature(X86_FEATURE_SPEC_CTRL);
		remove_feature(X86_FEATURE_INTEL_STIBP);
		remove_feature(X86_FEATURE_SPEC_CTRL_SSBD);
		entry = find_supported(7, 2);
		if (entry)
			clear(entry);
	}
}

/**
 * osp_cpuid_init() - find out what guests on this machine may have
 *
 * Context: module load, after osp_vmx_probe().
 */
void __init osp_cpuid_init(void)
{
	u32 function, last;

	/* All from one CPU. */
	preempt_disable();
	read_xstates();
	last = min(cpuid_eax(0), 0x1fU);
	for (function = 0; function <= last; function++)
		add_basic(function);
	last = min(cpuid_eax(0x80000000), 0x80000008U);
	for (function = 0x80000000; function <= last; function++)
		add_extended(function);
	add_hypervisor();
	preempt_enable();
	remove_impossible();
}

/**
 * osp_supported_cpuid() - the body of KVM_GET_SUPPORTED_CPUID
 * @arg: userspace's struct kvm_cpuid2
 *
 * Context: process context, may sleep.
 * Return: 0; -E2BIG if there is not enough room, with nothing written;
 * -EFAULT.
 */
int osp_supported_cpuid(struct kvm_cpuid2 __user *arg)
{
	struct kvm_cpuid2 head;

	if (copy_from_user(&head, arg, sizeof(head)))
		return -EFAULT;
	if (head.nent < nr_supported)
		return -E2BIG;
	head.nent = nr_supported;
	if (copy_to_user(arg->entries, supported,
			 nr_supported * sizeof(supported[0])) ||
	    copy_to_user(arg, &head, sizeof(head)))
		return -EFAULT;
	return 0;
}
