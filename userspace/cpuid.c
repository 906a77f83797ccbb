// SPDX-License-Identifier: GPL-2.0
/*
 * cpuid.c - what the guest's CPUs say of themselves.
 *
 * KVM_GET_SUPPORTED_CPUID describes one CPU of the host as far as the
 * hypervisor can lend it; number, topology and APIC ids are the VM's own and
 * are put in here.  The guest has one package of single-threaded cores.
 * Leaves as in SDM 2A, CPUID.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "vm.h"

#define CPUID_1_ECX_TSC_DEADLINE	BIT(24)
#define CPUID_1_ECX_HYPERVISOR		BIT(31)
#define CPUID_1_EDX_HTT			BIT(28)

#define CPUID_B_LEVEL_SMT		BIT(8)
#define CPUID_B_LEVEL_CORE		(2U << 8)

/* Room that cpuid_supported() leaves for the topology and frequency leaves. */
#define SPARE_ENTRIES			6

/*
 * The clock that the local APIC's timer counts, in kHz: 1 GHz on any
 * hypervisor that speaks the KVM API.  SDM 3A 11.5.4: where leaf 15H tells a
 * core crystal clock, it is that one.
 */
#define CRYSTAL_KHZ			1000000U

/**
 * cpuid_supported() - read what the hypervisor can lend
 * @dev_fd: the hypervisor
 *
 * Return: the table, with room for cpuid_for_vcpu() to add to it, which the
 * caller frees; or NULL with errno set.
 */
struct kvm_cpuid2 *cpuid_supported(int dev_fd)
{
	struct kvm_cpuid2 *cpuid;
	u32 n;

	for (n = 64; n <= 4096; n *= 2) {
		cpuid = calloc(1, sizeof(*cpuid) + (n + SPARE_ENTRIES) *
				  sizeof(cpuid->entries[0]));
		if (!cpuid)
			return NULL;
		cpuid->nent = n;
		if (!ioctl(dev_fd, KVM_GET_SUPPORTED_CPUID, cpuid))
			return cpuid;
		free(cpuid);
		if (errno != E2BIG)
			return NULL;
	}
	return NULL;
}

/* Number of APIC id bits that @cpus cores take. */
static unsigned int id_bits(unsigned int cpus)
{
	unsigned int bits = 0;

	while ((1U << bits) < cpus)
		bits++;
	return bits;
}

static void fix_leaf_1(struct kvm_cpuid_entry2 *e, const struct vm *vm,
		       unsigned int id)
{
	unsigned int cpus = vm->cfg->cpus;
	u32 ids = 1U << id_bits(cpus);

	/* EBX: CLFLUSH size and brand stay; APIC id, number of ids are ours */
	e->ebx = (e->ebx & 0xffff) | id << 24 | (ids > 255 ? 255 : ids) << 16;
	e->ecx |= CPUID_1_ECX_HYPERVISOR;
	if (vm->tsc_deadline)
		e->ecx |= CPUID_1_ECX_TSC_DEADLINE;
	if (cpus > 1)
		e->edx |= CPUID_1_EDX_HTT;
	else
		e->edx &= ~CPUID_1_EDX_HTT;
}

/* Cache parameters: caches up to level 2 are a core's own, others shared. */
static void fix_leaf_4(struct kvm_cpuid_entry2 *e, unsigned int cpus)
{
	u32 ids = 1U << id_bits(cpus);
	u32 level = (e->eax >> 5) & 7;
	u32 sharing = level > 2 ? ids - 1 : 0;
	u32 cores = ids - 1 > 63 ? 63 : ids - 1;

	if (!(e->eax & 0x1f))
		return;		/* no more caches */
	e->eax = (e->eax & 0x3fff) | sharing << 14 | cores << 26;
}

static void add_topology(struct kvm_cpuid2 *cpuid, u32 leaf, unsigned int cpus,
			 unsigned int id)
{
	struct kvm_cpuid_entry2 *e = &cpuid->entries[cpuid->nent];

	e[0] = (struct kvm_cpuid_entry2) {
		.function = leaf, .index = 0,
		.flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
		.eax = 0, .ebx = 1, .ecx = 0 | CPUID_B_LEVEL_SMT, .edx = id,
	};
	e[1] = (struct kvm_cpuid_entry2) {
		.function = leaf, .index = 1,
		.flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
		.eax = id_bits(cpus), .ebx = cpus,
		.ecx = 1 | CPUID_B_LEVEL_CORE, .edx = id,
	};
	cpuid->nent += 2;
}

/* Take all entries of a leaf out. */
static void drop_leaf(struct kvm_cpuid2 *cpuid, u32 leaf)
{
	u32 i, kept = 0;

	for (i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function != leaf)
			cpuid->entries[kept++] = cpuid->entries[i];
	cpuid->nent = kept;
}

/*
 * The TSC's frequency as a multiple of the crystal's.  Linux multiplies the
 * crystal's kHz by the numerator in 32 bits, which bounds it; the best fraction
 * left is some parts in a million off at worst, as a crystal is.
 */
static void tsc_ratio(u32 tsc_khz, u32 *numerator, u32 *denominator)
{
	const u64 limit = UINT32_MAX / CRYSTAL_KHZ;
	double best = 1;
	u32 d;

	for (d = 1; (u64)tsc_khz * d / CRYSTAL_KHZ < limit; d++) {
		u64 n = ((u64)tsc_khz * d + CRYSTAL_KHZ / 2) / CRYSTAL_KHZ;
		double error = (double)n * CRYSTAL_KHZ / d / tsc_khz - 1;

		if (error < 0)
			error = -error;
		if (error < best) {
			best = error;
			*numerator = n;
			*denominator = d;
		}
	}
}

/* Without these a guest measures its TSC against the PIT, for 100 ms or so. */
static void add_frequencies(struct kvm_cpuid2 *cpuid, u32 tsc_khz)
{
	struct kvm_cpuid_entry2 *e = &cpuid->entries[cpuid->nent];
	u32 mhz = (tsc_khz + 500) / 1000;

	e[0] = (struct kvm_cpuid_entry2) {
		.function = 0x15, .ecx = CRYSTAL_KHZ * 1000,
	};
	tsc_ratio(tsc_khz, &e[0].ebx, &e[0].eax);
	e[1] = (struct kvm_cpuid_entry2) {
		.function = 0x16,
		.eax = mhz, .ebx = mhz, .ecx = CRYSTAL_KHZ / 1000,
	};
	cpuid->nent += 2;
}

/**
 * cpuid_for_vcpu() - make the table that of one CPU of the VM
 * @cpuid: from cpuid_supported(); may have been another CPU's before
 * @vm: the VM
 * @id: the CPU's number, which is its APIC id
 * @tsc_khz: the frequency of its TSC; 0 if that is not known
 */
void cpuid_for_vcpu(struct kvm_cpuid2 *cpuid, const struct vm *vm,
		    unsigned int id, u32 tsc_khz)
{
	u32 i, max_leaf = 0;

	for (i = 0; i < cpuid->nent; i++) {
		struct kvm_cpuid_entry2 *e = &cpuid->entries[i];

		switch (e->function) {
		case 0:
			if (tsc_khz && e->eax < 0x16)
				e->eax = 0x16;
			max_leaf = e->eax;
			break;
		case 1:
			fix_leaf_1(e, vm, id);
			break;
		case 4:
			fix_leaf_4(e, vm->cfg->cpus);
			break;
		}
	}
	drop_leaf(cpuid, 0xb);
	drop_leaf(cpuid, 0x1f);
	if (max_leaf >= 0xb)
		add_topology(cpuid, 0xb, vm->cfg->cpus, id);
	if (max_leaf >= 0x1f)
		add_topology(cpuid, 0x1f, vm->cfg->cpus, id);
	if (tsc_khz) {
		drop_leaf(cpuid, 0x15);
		drop_leaf(cpuid, 0x16);
		add_frequencies(cpuid, tsc_khz);
	}
}
