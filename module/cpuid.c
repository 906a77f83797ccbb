// SPDX-License-Identifier: GPL-2.0
/*
 * cpuid.c - the CPUID that userspace gave to a vCPU, and what follows from it.
 *
 * KVM_SET_CPUID2 stores a table.  From it the vCPU's features, its control
 * register bits and its physical-address width are derived at once, so that no
 * other code searches in CPUID; and an index, by which the exit of CPUID finds
 * its leaf without a search.  Some bits of the answer mirror other registers
 * (CR4, IA32_APIC_BASE, XCR0); they are filled in when somebody asks.
 *
 * Owns vcpu->cpuid and what is derived of it, under the vCPU's mutex.
 * SDM 2A, CPUID.
 */
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/uaccess.h>
#include <asm/cpufeature.h>
#include <asm/processor-flags.h>

#include "ospite.h"
#include "cpuid.h"

#define CPUID_1_EDX_APIC	BIT(X86_FEATURE_APIC & 31)
#define CPUID_1_ECX_OSXSAVE	BIT(X86_FEATURE_OSXSAVE & 31)
#define CPUID_7_ECX_OSPKE	BIT(X86_FEATURE_OSPKE & 31)
#define CPUID_D_1_COMPACTED	(BIT(X86_FEATURE_XSAVEC & 31) | \
				 BIT(X86_FEATURE_XSAVES & 31))

/* What a VM without KVM_SET_CPUID2 has, as on KVM. */
#define DEFAULT_PHYS_BITS	36

static const struct {
	u32 flag;
	unsigned int feature;
	bool needs_host;	/* the flag opens something of the CPU's */
} features[] = {
	{ OSP_GUEST_X2APIC, X86_FEATURE_X2APIC, false },
	{ OSP_GUEST_TSC_DEADLINE, X86_FEATURE_TSC_DEADLINE_TIMER, false },
	{ OSP_GUEST_RDTSCP, X86_FEATURE_RDTSCP, true },
	{ OSP_GUEST_RDTSCP, X86_FEATURE_RDPID, true },
	{ OSP_GUEST_PKU, X86_FEATURE_PKU, true },
	{ OSP_GUEST_XSAVES, X86_FEATURE_XSAVES, true },
	{ OSP_GUEST_LM, X86_FEATURE_LM, false },
	{ OSP_GUEST_NX, X86_FEATURE_NX, false },
	{ OSP_GUEST_MOVBE, X86_FEATURE_MOVBE, false },
	{ OSP_GUEST_CX16, X86_FEATURE_CX16, false },
	{ OSP_GUEST_GBPAGES, X86_FEATURE_GBPAGES, false },
	{ OSP_GUEST_SPEC_CTRL, X86_FEATURE_SPEC_CTRL, true },
	{ OSP_GUEST_INVPCID, X86_FEATURE_INVPCID, true },
	{ OSP_GUEST_ARCH_CAP, X86_FEATURE_ARCH_CAPABILITIES, false },
	{ OSP_GUEST_TSC_ADJUST, X86_FEATURE_TSC_ADJUST, false },
};

/* CR4 bits that every guest may set, and those that depend on a feature. */
#define CR4_ALWAYS							\
	(X86_CR4_VME | X86_CR4_PVI | X86_CR4_TSD | X86_CR4_DE |		\
	 X86_CR4_PSE | X86_CR4_PAE | X86_CR4_MCE | X86_CR4_PGE |	\
	 X86_CR4_PCE | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT)

static const struct {
	u64 bit;
	unsigned int feature;
} cr4_features[] = {
	{ X86_CR4_UMIP, X86_FEATURE_UMIP },
	{ X86_CR4_FSGSBASE, X86_FEATURE_FSGSBASE },
	{ X86_CR4_PCIDE, X86_FEATURE_PCID },
	{ X86_CR4_OSXSAVE, X86_FEATURE_XSAVE },
	{ X86_CR4_SMEP, X86_FEATURE_SMEP },
	{ X86_CR4_SMAP, X86_FEATURE_SMAP },
	{ X86_CR4_PKE, X86_FEATURE_PKU },
};

/*
 * Of a leaf in the index: the number of its first entry, plus 1; and whether its
 * answer is more than what the entry says.
 */
#define INDEX_NUMBER	0x7fff
#define INDEX_UNCOMMON	0x8000

static u16 *index_slot(struct osp_vcpu *vcpu, u32 function)
{
	u32 leaf = function & ~BIT(31);

	if (leaf >= OSP_CPUID_INDEXED)
		return NULL;
	leaf = array_index_nospec(leaf, OSP_CPUID_INDEXED);
	return &vcpu->cpuid_index[function >> 31][leaf];
}

static const struct kvm_cpuid_entry2 *find(struct osp_vcpu *vcpu, u32 function,
					   u32 index)
{
	const struct kvm_cpuid_entry2 *first = vcpu->cpuid;
	u16 *slot = index_slot(vcpu, function);

	if (likely(slot)) {
		if (!*slot)
			return NULL;
		first += (*slot & INDEX_NUMBER) - 1;
	}
	return osp_cpuid_find(first, vcpu->cpuid + vcpu->nr_cpuid, function,
			      index);
}

static bool guest_has(struct osp_vcpu *vcpu, unsigned int feature)
{
	const struct osp_cpuid_word *word = osp_cpuid_word(feature);
	const struct kvm_cpuid_entry2 *entry;

	if (!word)
		return false;
	entry = find(vcpu, word->function, word->index);
	if (!entry)
		return false;
	return *osp_cpuid_reg((struct kvm_cpuid_entry2 *)entry, word->reg) &
	       BIT(feature & 31);
}

/*
 * Intel: a leaf beyond the last one of its range gives the answer of the last
 * basic leaf, for the subleaf that was asked for.  AMD: zeros.
 */
static const struct kvm_cpuid_entry2 *
find_out_of_range(struct osp_vcpu *vcpu, u32 *function, u32 index)
{
	const struct kvm_cpuid_entry2 *basic = find(vcpu, 0, 0), *range;
	u32 base = *function & BIT(31);

	if (!basic)
		return NULL;
	/* "Auth"enticAMD, "Hygo"nGenuine */
	if (basic->ebx == 0x68747541 || basic->ebx == 0x6f677948)
		return NULL;
	if (*function >= 0x40000000 && *function <= 0x4fffffff)
		base = *function & 0xffffff00;
	else if (*function >= 0xc0000000)
		base = 0xc0000000;
	range = find(vcpu, base, 0);
	if (range && *function <= range->eax)
		return NULL;
	*function = basic->eax;
	return find(vcpu, basic->eax, index);
}

static void put_bit(u32 *reg, u32 bit, bool value)
{
	*reg = value ? *reg | bit : *reg & ~bit;
}

/* Bits that mirror other registers. */
static void fill_in(struct osp_vcpu *vcpu, u32 function, u32 index, u32 *eax,
		    u32 *ebx, u32 *ecx, u32 *edx)
{
	if (function == 1) {
		put_bit(edx, CPUID_1_EDX_APIC,
			osp_apic_base(vcpu) & OSP_APIC_BASE_EN);
		if (osp_cpuid_xcr0())
			put_bit(ecx, CPUID_1_ECX_OSXSAVE,
				osp_vmx_cr4(vcpu) & X86_CR4_OSXSAVE);
	} else if (function == 7 && index == 0) {
		put_bit(ecx, CPUID_7_ECX_OSPKE,
			osp_vmx_cr4(vcpu) & X86_CR4_PKE);
	} else if (function == 0xd && index == 0) {
		*ebx = osp_cpuid_xsave_size(vcpu->xcr0, false);
	} else if (function == 0xd && index == 1 &&
		   (*eax & CPUID_D_1_COMPACTED)) {
		*ebx = osp_cpuid_xsave_size(vcpu->xcr0 | vcpu->ia32_xss, true);
	}
}

static bool mirrors(u32 function)
{
	return BIT(function & 31) & (BIT(1) | BIT(7) | BIT(0xd)) &&
	       function < 0x20;
}

static void fill_in_entry(struct osp_vcpu *vcpu, struct kvm_cpuid_entry2 *entry)
{
	u32 index = entry->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX ?
		    entry->index : 0;

	if (mirrors(entry->function))
		fill_in(vcpu, entry->function, index, &entry->eax, &entry->ebx,
			&entry->ecx, &entry->edx);
}

/* CL and the APIC ID come back for any subleaf if the leaf exists at all. */
static void missing_leaf(struct osp_vcpu *vcpu, u32 function, u32 index,
			 u32 *ecx, u32 *edx)
{
	const struct kvm_cpuid_entry2 *entry;

	if (function != 0xb && function != 0x1f)
		return;
	entry = find(vcpu, function, 1);
	if (!entry)
		return;
	*ecx = index & 0xff;
	*edx = entry->edx;
}

static void answer(struct osp_vcpu *vcpu, u32 eax, u32 ebx, u32 ecx, u32 edx)
{
	vcpu->gpr[OSP_RAX] = eax;
	vcpu->gpr[OSP_RBX] = ebx;
	vcpu->gpr[OSP_RCX] = ecx;
	vcpu->gpr[OSP_RDX] = edx;
}

/* A leaf that is missing, far out, or whose answer depends on other state. */
static noinline void answer_uncommon(struct osp_vcpu *vcpu)
{
	u32 function = vcpu->gpr[OSP_RAX], index = vcpu->gpr[OSP_RCX];
	u32 eax = 0, ebx = 0, ecx = 0, edx = 0;
	const struct kvm_cpuid_entry2 *entry = find(vcpu, function, index);

	if (unlikely(!entry))
		entry = find_out_of_range(vcpu, &function, index);
	if (entry) {
		eax = entry->eax;
		ebx = entry->ebx;
		ecx = entry->ecx;
		edx = entry->edx;
		if (mirrors(function))
			fill_in(vcpu, function, index, &eax, &ebx, &ecx, &edx);
	} else {
		missing_leaf(vcpu, function, index, &ecx, &edx);
	}
	answer(vcpu, eax, ebx, ecx, edx);
}

/**
 * osp_cpuid() - execute the guest's CPUID in its registers
 * @vcpu: the vCPU, loaded
 *
 * Context: any.
 */
void osp_cpuid(struct osp_vcpu *vcpu)
{
	u32 function = vcpu->gpr[OSP_RAX], index = vcpu->gpr[OSP_RCX];
	const u16 *slot = index_slot(vcpu, function);
	const struct kvm_cpuid_entry2 *entry;

	/* Neither 0 nor with INDEX_UNCOMMON */
	if (unlikely(!slot || (s16)*slot <= 0))
		return answer_uncommon(vcpu);
	entry = &vcpu->cpuid[*slot - 1];
	if (unlikely(entry->index != index) &&
	    (entry->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX))
		return answer_uncommon(vcpu);
	answer(vcpu, entry->eax, entry->ebx, entry->ecx, entry->edx);
}

static u8 phys_bits(struct osp_vcpu *vcpu)
{
	const struct kvm_cpuid_entry2 *entry = find(vcpu, 0x80000000, 0);

	if (!entry || entry->eax < 0x80000008)
		return DEFAULT_PHYS_BITS;
	entry = find(vcpu, 0x80000008, 0);
	/* Outside these bounds no address could be checked. */
	return entry ? clamp(entry->eax & 0xff, 32U, 52U) : DEFAULT_PHYS_BITS;
}

static u64 allowed_xcr0(struct osp_vcpu *vcpu)
{
	const struct kvm_cpuid_entry2 *entry = find(vcpu, 0xd, 0);

	if (!entry)
		return 0;
	return (entry->eax | (u64)entry->edx << 32) & osp_cpuid_xcr0();
}

/* Before KVM_SET_CPUID2 all that the machine can do is allowed, as on KVM. */
static u64 allowed_cr4(struct osp_vcpu *vcpu)
{
	u64 cr4 = CR4_ALWAYS;
	unsigned int feature;
	int i;

	for (i = 0; i < ARRAY_SIZE(cr4_features); i++) {
		feature = cr4_features[i].feature;
		if (osp_cpuid_supported(feature) &&
		    (!vcpu->nr_cpuid || guest_has(vcpu, feature)))
			cr4 |= cr4_features[i].bit;
	}
	return cr4;
}

static void build_index(struct osp_vcpu *vcpu)
{
	u16 *slot;
	int i;

	memset(vcpu->cpuid_index, 0, sizeof(vcpu->cpuid_index));
	for (i = vcpu->nr_cpuid - 1; i >= 0; i--) {
		slot = index_slot(vcpu, vcpu->cpuid[i].function);
		if (slot)
			*slot = (i + 1) | (mirrors(vcpu->cpuid[i].function) ?
					   INDEX_UNCOMMON : 0);
	}
}

/**
 * osp_cpuid_apply() - derive all that depends on the guest's CPUID
 * @vcpu: the vCPU, loaded; also before any CPUID was set
 */
void osp_cpuid_apply(struct osp_vcpu *vcpu)
{
	u32 flags = 0;
	int i;

	build_index(vcpu);
	for (i = 0; i < ARRAY_SIZE(features); i++)
		if (guest_has(vcpu, features[i].feature) &&
		    (!features[i].needs_host ||
		     osp_cpuid_supported(features[i].feature)))
			flags |= features[i].flag;
	vcpu->features = flags;
	vcpu->phys_bits = phys_bits(vcpu);
	vcpu->xcr0_allowed = allowed_xcr0(vcpu);
	vcpu->cr4_allowed = allowed_cr4(vcpu);
	osp_vmx_set_intercepts(vcpu);
	if (vcpu->lapic)
		osp_lapic_set_cpuid(vcpu->lapic, flags & OSP_GUEST_X2APIC,
				    flags & OSP_GUEST_TSC_DEADLINE,
				    vcpu->phys_bits);
}

static bool has_run(const struct osp_vcpu *vcpu)
{
	int i;

	for (i = 0; i < OSP_NR_EXIT_REASONS; i++)
		if (vcpu->exits[i])
			return true;
	return false;
}

static bool same_entry(struct osp_vcpu *vcpu, const struct kvm_cpuid_entry2 *old,
		       const struct kvm_cpuid_entry2 *new)
{
	struct kvm_cpuid_entry2 a = *old, b = *new;

	fill_in_entry(vcpu, &a);
	fill_in_entry(vcpu, &b);
	return a.function == b.function && a.index == b.index &&
	       a.flags == b.flags && a.eax == b.eax && a.ebx == b.ebx &&
	       a.ecx == b.ecx && a.edx == b.edx;
}

static bool same_table(struct osp_vcpu *vcpu,
		       const struct kvm_cpuid_entry2 *entries, int n)
{
	int i;

	if (n != vcpu->nr_cpuid)
		return false;
	for (i = 0; i < n; i++)
		if (!same_entry(vcpu, &vcpu->cpuid[i], &entries[i]))
			return false;
	return true;
}

/* Addresses are checked to be canonical for 48 bits, or 57 as CR4.LA57 says. */
static bool valid_table(const struct kvm_cpuid_entry2 *entries, int n)
{
	const struct kvm_cpuid_entry2 *entry;
	u32 bits;

	entry = osp_cpuid_find(entries, entries + n, 0x80000008, 0);
	bits = entry ? (entry->eax >> 8) & 0xff : 0;
	return bits == 0 || bits == 48 || bits == 57;
}

/**
 * osp_set_cpuid() - the body of KVM_SET_CPUID2
 * @vcpu: the vCPU, loaded
 * @head: number of entries
 * @entries: the entries
 *
 * Context: process context, may sleep.
 * Return: 0; -E2BIG for more than 256 entries; -EINVAL if the vCPU has run and
 * the table is another than before, or for an impossible width of linear
 * addresses; -EFAULT, -ENOMEM.
 */
int osp_set_cpuid(struct osp_vcpu *vcpu, const struct kvm_cpuid2 *head,
		  const struct kvm_cpuid_entry2 __user *entries)
{
	struct kvm_cpuid_entry2 *table = NULL;
	int n = head->nent;

	if (head->nent > OSP_MAX_CPUID_ENTRIES)
		return -E2BIG;
	if (n) {
		table = vmemdup_user(entries, array_size(sizeof(*table), n));
		if (IS_ERR(table))
			return PTR_ERR(table);
	}
	if (has_run(vcpu)) {
		n = same_table(vcpu, table, n) ? 0 : -EINVAL;
		kvfree(table);
		return n;
	}
	if (!valid_table(table, n)) {
		kvfree(table);
		return -EINVAL;
	}
	kvfree(vcpu->cpuid);
	vcpu->cpuid = table;
	vcpu->nr_cpuid = n;
	osp_cpuid_apply(vcpu);
	return 0;
}

/**
 * osp_get_cpuid() - the body of KVM_GET_CPUID2
 * @vcpu: the vCPU, loaded
 * @arg: userspace's struct kvm_cpuid2
 *
 * Context: process context, may sleep.
 * Return: 0 with the number of entries stored; -E2BIG if there is not enough
 * room; -EFAULT.
 */
int osp_get_cpuid(struct osp_vcpu *vcpu, struct kvm_cpuid2 __user *arg)
{
	struct kvm_cpuid_entry2 entry;
	struct kvm_cpuid2 head;
	int i;

	if (copy_from_user(&head, arg, sizeof(head)))
		return -EFAULT;
	if (head.nent < vcpu->nr_cpuid)
		return -E2BIG;
	for (i = 0; i < vcpu->nr_cpuid; i++) {
		entry = vcpu->cpuid[i];
		fill_in_entry(vcpu, &entry);
		if (copy_to_user(&arg->entries[i], &entry, sizeof(entry)))
			return -EFAULT;
	}
	head.nent = vcpu->nr_cpuid;
	return copy_to_user(arg, &head, sizeof(head)) ? -EFAULT : 0;
}
