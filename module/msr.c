// SPDX-License-Identifier: GPL-2.0
/*
 * msr.c - the model-specific registers of a guest.
 *
 * One table, sorted by number, has a row for each register or range: where its
 * value is, and how it is read and written by the guest (RDMSR and WRMSR that
 * exit) and by userspace (KVM_GET_MSRS, KVM_SET_MSRS).  What has no row raises
 * #GP, or is refused.  Userspace may more than the guest: it can set what the
 * guest only reads, and what the guest's CPUID hides.
 *
 * All runs with the vCPU loaded and its mutex held, for the guest also with
 * interrupts off.  SDM 4 chapter 2; the values of registers that only tell
 * which model this is are KVM's.
 */
#include <linux/nospec.h>
#include <linux/uaccess.h>
#include <asm/cpufeature.h>
#include <asm/kvm_para.h>
#include <asm/mce.h>
#include <asm/msr.h>

#include "ospite.h"
#include "cpuid.h"

/* IA32_MTRRCAP: WC, fixed ranges, number of variable ranges (SDM 3A 12.11.1). */
#define MTRR_CAP		(BIT(10) | BIT(8) | OSP_NR_VAR_MTRRS)
#define MTRR_BASE_RESERVED	0xf00ULL
#define MTRR_MASK_RESERVED	0x7ffULL
#define MTRR_DEF_TYPE_BITS	0xcffULL

#define MISC_ENABLE_READ_ONLY	(MSR_IA32_MISC_ENABLE_BTS_UNAVAIL | \
				 MSR_IA32_MISC_ENABLE_PEBS_UNAVAIL)
#define MISC_ENABLE_IGNORED	((u64)MSR_IA32_MISC_ENABLE_EMON)

/**
 * struct row - a register, or a range of them
 * @first: number
 * @last: of the last of a range, or 0
 * @field: offset in struct osp_vcpu of its u64, or array of them; or 0
 * @value: what is read, without @field
 * @needs: OSP_GUEST_* that the guest must have, or it gets #GP; or 0
 * @saved: KVM_GET_MSR_INDEX_LIST has it
 * @read: called with what was read so far in *value; or NULL.  Returns 0 or,
 *	for #GP, 1
 * @write: called with where to store; NULL if it is read-only
 */
struct row {
	u32 first, last;
	u32 field;
	u32 needs;
	u64 value;
	bool saved;
	int (*read)(struct osp_vcpu *vcpu, u32 msr, u64 *value);
	int (*write)(struct osp_vcpu *vcpu, u32 msr, u64 value, bool host,
		     u64 *slot);
};

/* All that a row's write function is given, and the read function. */
#define MSR_WRITE(name)							\
	static int name(struct osp_vcpu *vcpu, u32 msr, u64 value,	\
			bool host, u64 *slot)
#define MSR_READ(name) \
	static int name(struct osp_vcpu *vcpu, u32 msr, u64 *value)

static bool canonical(struct osp_vcpu *vcpu, u64 address)
{
	int shift = osp_vmx_cr4(vcpu) & X86_CR4_LA57 ? 64 - 57 : 64 - 48;

	return (u64)((s64)(address << shift) >> shift) == address;
}

MSR_WRITE(write_any)
{
	*slot = value;
	return 0;
}

MSR_WRITE(write_ignored)
{
	return 0;
}

MSR_WRITE(write_zero)
{
	return value != 0;
}

MSR_WRITE(write_zero_host)
{
	return !host || value;
}

MSR_WRITE(write_host)
{
	if (!host)
		return 1;
	*slot = value;
	return 0;
}

MSR_WRITE(write_host_else_ignored)
{
	if (host)
		*slot = value;
	return 0;
}

/* What the VMCS holds. */

MSR_READ(read_vmcs)
{
	return !osp_vmx_msr(vcpu, msr, value);
}

MSR_WRITE(write_vmcs)
{
	return !osp_vmx_set_msr(vcpu, msr, value);
}

MSR_WRITE(write_vmcs_address)
{
	return !canonical(vcpu, value) || !osp_vmx_set_msr(vcpu, msr, value);
}

MSR_WRITE(write_pat)
{
	u8 type;
	int i;

	for (i = 0; i < 64; i += 8) {
		type = value >> i;
		if (type > 7 || type == 2 || type == 3)
			return 1;
	}
	return !osp_vmx_set_msr(vcpu, msr, value);
}

/* Branch records and branch-stepping: asked for, but never on; as on KVM. */
MSR_WRITE(write_debugctl)
{
	if (value & ~(u64)(DEBUGCTLMSR_LBR | DEBUGCTLMSR_BTF))
		return 1;
	return !osp_vmx_set_msr(vcpu, msr, 0);
}

/* What is switched on the way to user mode. */

MSR_WRITE(write_user)
{
	*slot = value;
	osp_vmx_user_msr_changed(vcpu);
	return 0;
}

MSR_WRITE(write_user_address)
{
	return canonical(vcpu, value) ?
	       write_user(vcpu, msr, value, host, slot) : 1;
}

/* The high half is reserved, in the host's register too. */
MSR_WRITE(write_user_32)
{
	return value >> 32 ? 1 : write_user(vcpu, msr, value, host, slot);
}

MSR_WRITE(write_tsc_aux)
{
	if (!osp_cpuid_supported(X86_FEATURE_RDTSCP))
		return 1;
	return write_user_32(vcpu, msr, value, host, slot);
}

MSR_READ(read_kernel_gs_base)
{
	*value = osp_vmx_kernel_gs_base(vcpu);
	return 0;
}

MSR_WRITE(write_kernel_gs_base)
{
	if (!canonical(vcpu, value))
		return 1;
	osp_vmx_set_kernel_gs_base(vcpu, value);
	return 0;
}

MSR_WRITE(write_efer)
{
	return osp_set_efer(vcpu, value, host);
}

/* Time */

MSR_READ(read_tsc)
{
	*value = rdtsc() + vcpu->tsc_offset;
	return 0;
}

MSR_WRITE(write_tsc)
{
	if (host)
		osp_set_tsc(vcpu, value);
	else
		osp_tsc_write(vcpu, value);
	return 0;
}

/* KVM: without the feature it is there, and stays what it is. */
MSR_WRITE(write_tsc_adjust)
{
	if (osp_has(vcpu, OSP_GUEST_TSC_ADJUST))
		osp_tsc_write_adjust(vcpu, value, host);
	return 0;
}

MSR_READ(read_tsc_deadline)
{
	*value = vcpu->lapic ? osp_lapic_get_tsc_deadline(vcpu->lapic) : 0;
	return 0;
}

MSR_WRITE(write_tsc_deadline)
{
	if (!vcpu->lapic)
		return 0;
	/* One that is past is an interrupt at once. */
	osp_lapic_set_tsc_deadline(vcpu->lapic, value);
	osp_request(vcpu, OSP_REQ_EVENT);
	return 0;
}

/* The local APIC */

MSR_READ(read_apic_base)
{
	*value = osp_apic_base(vcpu);
	return 0;
}

MSR_WRITE(write_apic_base)
{
	return osp_set_apic_base(vcpu, value, host);
}

MSR_READ(read_x2apic)
{
	return !vcpu->lapic || osp_lapic_rdmsr(vcpu->lapic, msr, value);
}

MSR_WRITE(write_x2apic)
{
	if (!vcpu->lapic || osp_lapic_wrmsr(vcpu->lapic, msr, value))
		return 1;
	osp_request(vcpu, OSP_REQ_EVENT);
	return 0;
}

/* Speculation: these values go into the host's registers as they are. */

MSR_WRITE(write_spec_ctrl)
{
	if (value & ~osp_cpuid_spec_ctrl_bits())
		return 1;
	*slot = value;
	return 0;
}

MSR_READ(read_never)
{
	return 1;
}

MSR_WRITE(write_pred_cmd)
{
	if (value & ~(u64)PRED_CMD_IBPB)
		return 1;
	if (value && osp_cpuid_supported(X86_FEATURE_SPEC_CTRL))
		wrmsrl(MSR_IA32_PRED_CMD, value);
	return 0;
}

/* Memory types: kept for the guest to read; EPT alone decides. */

static bool mtrr_type_ok(u8 type)
{
	return type == 0 || type == 1 || (type >= 4 && type <= 6);
}

MSR_WRITE(write_mtrr_def_type)
{
	if (value & ~MTRR_DEF_TYPE_BITS || !mtrr_type_ok(value))
		return 1;
	*slot = value;
	return 0;
}

MSR_WRITE(write_fixed_mtrr)
{
	int i;

	for (i = 0; i < 64; i += 8)
		if (!mtrr_type_ok(value >> i))
			return 1;
	*slot = value;
	return 0;
}

/* Bases are at even numbers, masks at odd ones. */
MSR_WRITE(write_var_mtrr)
{
	if (value >> vcpu->phys_bits)
		return 1;
	if (msr & 1) {
		if (value & MTRR_MASK_RESERVED)
			return 1;
	} else if ((value & MTRR_BASE_RESERVED) || !mtrr_type_ok(value)) {
		return 1;
	}
	*slot = value;
	return 0;
}

/* Machine checks: there are banks, in which nothing ever happens. */
MSR_WRITE(write_mce_bank)
{
	u32 reg = (msr - MSR_IA32_MC0_CTL) & 3;

	/* CTL: all or nothing, but Linux and Unixware leave a bit out. */
	if (reg == 0 && value && (value | BIT(10) | BIT(0)) != ~0ULL)
		return 1;
	/* STATUS: the guest can only clear it. */
	if (reg == 1 && value && !host)
		return 1;
	*slot = value;
	return 0;
}

/* MCG_CAP says that it is not there; userspace sets it nevertheless. */
MSR_WRITE(write_mcg_ctl)
{
	if (value && ~value)
		return 1;
	*slot = value;
	return 0;
}

MSR_WRITE(write_misc_enable)
{
	if (!host) {
		if ((value ^ *slot) & MISC_ENABLE_READ_ONLY)
			return 1;
		value = (value & ~MISC_ENABLE_IGNORED) |
			(*slot & MISC_ENABLE_IGNORED);
	}
	*slot = value;
	return 0;
}

/* There is nothing to enable: it can only be locked. */
MSR_WRITE(write_feat_ctl)
{
	if (value & ~(u64)FEAT_CTL_LOCKED)
		return 1;
	if (!host && (*slot & FEAT_CTL_LOCKED))
		return 1;
	*slot = value;
	return 0;
}

/* CPUID faulting is not there. */
MSR_WRITE(write_platform_info)
{
	if (!host || (value & MSR_PLATFORM_INFO_CPUID_FAULT))
		return 1;
	*slot = value;
	return 0;
}

#define AT(member)	.field = offsetof(struct osp_vcpu, member)

static const struct row rows[] = {
	/* The Pentium's machine-check registers */
	{ MSR_IA32_P5_MC_ADDR, MSR_IA32_P5_MC_TYPE },
	{ MSR_IA32_TSC, .saved = true,
	  .read = read_tsc, .write = write_tsc },
	/* KVM's clock is not offered; userspace may say that it is off. */
	{ MSR_KVM_WALL_CLOCK, MSR_KVM_SYSTEM_TIME, .write = write_zero },
	{ MSR_IA32_PLATFORM_ID },
	{ MSR_IA32_APICBASE, .read = read_apic_base,
	  .write = write_apic_base },
	{ MSR_IA32_EBL_CR_POWERON },
	{ MSR_EBC_FREQUENCY_ID, .value = 1 << 24 },
	{ MSR_SMI_COUNT },
	{ MSR_IA32_FEAT_CTL, AT(feat_ctl), .saved = true,
	  .write = write_feat_ctl },
	{ MSR_IA32_TSC_ADJUST, AT(tsc_adjust), .saved = true,
	  .write = write_tsc_adjust },
	{ MSR_IA32_SPEC_CTRL, AT(spec_ctrl), .saved = true,
	  .needs = OSP_GUEST_SPEC_CTRL, .write = write_spec_ctrl },
	{ MSR_IA32_PRED_CMD, .needs = OSP_GUEST_SPEC_CTRL,
	  .read = read_never, .write = write_pred_cmd },
	{ MSR_IA32_UCODE_WRITE, .read = read_never,
	  .write = write_ignored },
	{ MSR_IA32_UCODE_REV, AT(ucode_rev), .saved = true,
	  .write = write_host_else_ignored },
	/* No performance counters */
	{ MSR_P6_PERFCTR0, MSR_P6_PERFCTR1, .write = write_ignored },
	{ MSR_FSB_FREQ, .value = 3 },
	{ MSR_PLATFORM_INFO, AT(platform_info), .saved = true,
	  .write = write_platform_info },
	{ MSR_MTRRcap, .value = MTRR_CAP },
	{ MSR_IA32_ARCH_CAPABILITIES, AT(arch_capabilities),
	  .saved = true, .needs = OSP_GUEST_ARCH_CAP, .write = write_host },
	{ MSR_IA32_BBL_CR_CTL3, .value = 0xbe702111,
	  .write = write_ignored },
	{ MSR_MISC_FEATURES_ENABLES, .saved = true, .write = write_zero },
	{ MSR_IA32_SYSENTER_CS, .saved = true,
	  .read = read_vmcs, .write = write_vmcs },
	{ MSR_IA32_SYSENTER_ESP, MSR_IA32_SYSENTER_EIP, .saved = true,
	  .read = read_vmcs, .write = write_vmcs_address },
	{ MSR_IA32_MCG_CAP, .value = OSP_NR_MCE_BANKS },
	{ MSR_IA32_MCG_STATUS, AT(mcg_status), .saved = true,
	  .write = write_any },
	{ MSR_IA32_MCG_CTL, AT(mcg_ctl), .saved = true,
	  .needs = OSP_GUEST_NEVER, .write = write_mcg_ctl },
	{ MSR_P6_EVNTSEL0, MSR_P6_EVNTSEL1, .write = write_ignored },
	{ MSR_IA32_PERF_STATUS, .value = 1000 | 4ULL << 40 },
	{ MSR_IA32_PERF_CTL },
	{ MSR_IA32_MISC_ENABLE, AT(misc_enable), .saved = true,
	  .write = write_misc_enable },
	{ MSR_IA32_DEBUGCTLMSR, .read = read_vmcs,
	  .write = write_debugctl },
	{ MSR_IA32_LASTBRANCHFROMIP, MSR_IA32_LASTINTTOIP },
	{ MSR_IA32_POWER_CTL, AT(power_ctl), .saved = true,
	  .write = write_any },
	{ OSP_MSR_VAR_MTRR, OSP_MSR_VAR_MTRR + 2 * OSP_NR_VAR_MTRRS - 1,
	  AT(mtrr_var), .write = write_var_mtrr },
	{ MSR_MTRRfix64K_00000, AT(mtrr_fixed[0]),
	  .write = write_fixed_mtrr },
	{ MSR_MTRRfix16K_80000, MSR_MTRRfix16K_A0000, AT(mtrr_fixed[1]),
	  .write = write_fixed_mtrr },
	{ MSR_MTRRfix4K_C0000, MSR_MTRRfix4K_F8000, AT(mtrr_fixed[3]),
	  .write = write_fixed_mtrr },
	{ MSR_IA32_CR_PAT, .saved = true, .read = read_vmcs,
	  .write = write_pat },
	{ MSR_IA32_MC0_CTL2, MSR_IA32_MC0_CTL2 + OSP_NR_MCE_BANKS - 1,
	  .needs = OSP_GUEST_NEVER, .write = write_zero_host },
	{ MSR_MTRRdefType, AT(mtrr_def_type),
	  .write = write_mtrr_def_type },
	{ MSR_IA32_PERF_CAPABILITIES, .saved = true,
	  .needs = OSP_GUEST_NEVER, .write = write_zero_host },
	{ MSR_IA32_MC0_CTL, MSR_IA32_MC0_CTL + 4 * OSP_NR_MCE_BANKS - 1,
	  AT(mce_banks), .write = write_mce_bank },
	/* Power: the host's is not the guest's to see. */
	{ MSR_RAPL_POWER_UNIT },
	{ MSR_PKG_ENERGY_STATUS },
	{ MSR_DRAM_ENERGY_STATUS },
	{ MSR_PP0_ENERGY_STATUS },
	{ MSR_PP1_ENERGY_STATUS },
	{ MSR_IA32_TSC_DEADLINE, .saved = true,
	  .read = read_tsc_deadline, .write = write_tsc_deadline },
	{ OSP_X2APIC_MSR_FIRST, OSP_X2APIC_MSR_LAST,
	  .read = read_x2apic, .write = write_x2apic },
	{ MSR_IA32_XSS, AT(ia32_xss), .needs = OSP_GUEST_XSAVES,
	  .write = write_zero },
	{ MSR_KVM_WALL_CLOCK_NEW, MSR_KVM_SYSTEM_TIME_NEW,
	  .write = write_zero },
	{ MSR_EFER, AT(efer), .write = write_efer },
	{ MSR_STAR, AT(user_msrs[OSP_MSR_STAR]), .saved = true,
	  .write = write_user },
	{ MSR_LSTAR, MSR_CSTAR, AT(user_msrs[OSP_MSR_LSTAR]), .saved = true,
	  .write = write_user_address },
	{ MSR_SYSCALL_MASK, AT(user_msrs[OSP_MSR_FMASK]), .saved = true,
	  .write = write_user_32 },
	{ MSR_FS_BASE, MSR_GS_BASE, .read = read_vmcs,
	  .write = write_vmcs_address },
	{ MSR_KERNEL_GS_BASE, .saved = true, .read = read_kernel_gs_base,
	  .write = write_kernel_gs_base },
	{ MSR_TSC_AUX, AT(user_msrs[OSP_MSR_TSC_AUX]), .saved = true,
	  .needs = OSP_GUEST_RDTSCP, .write = write_tsc_aux },
};

static u32 last_of(const struct row *row)
{
	return row->last ?: row->first;
}

static const struct row *find(u32 msr)
{
	int low = 0, high = ARRAY_SIZE(rows) - 1, middle;

	while (low <= high) {
		middle = (low + high) / 2;
		if (msr < rows[middle].first)
			high = middle - 1;
		else if (msr > last_of(&rows[middle]))
			low = middle + 1;
		else
			return &rows[middle];
	}
	return NULL;
}

static u64 *slot(struct osp_vcpu *vcpu, const struct row *row, u32 msr)
{
	u32 index = array_index_nospec(msr - row->first,
				       last_of(row) - row->first + 1);

	return (u64 *)((void *)vcpu + row->field) + index;
}

static bool hidden(struct osp_vcpu *vcpu, const struct row *row, bool host)
{
	return !row || (row->needs && !host && !osp_has(vcpu, row->needs));
}

/**
 * osp_rdmsr() - read an MSR of the guest
 * @vcpu: the vCPU, loaded
 * @msr: its number
 * @value: result
 * @host: for userspace, not for the guest
 *
 * Context: any.
 * Return: 0; 1 if the guest gets #GP and userspace a short count.
 */
int osp_rdmsr(struct osp_vcpu *vcpu, u32 msr, u64 *value, bool host)
{
	const struct row *row = find(msr);

	if (hidden(vcpu, row, host))
		return 1;
	*value = row->field ? *slot(vcpu, row, msr) : row->value;
	return row->read ? row->read(vcpu, msr, value) : 0;
}

/**
 * osp_wrmsr() - write an MSR of the guest
 * @vcpu: the vCPU, loaded
 * @msr: its number
 * @value: new value
 * @host: for userspace, not for the guest
 *
 * Context: any.
 * Return: 0; 1 if the guest gets #GP and userspace a short count.
 */
int osp_wrmsr(struct osp_vcpu *vcpu, u32 msr, u64 value, bool host)
{
	const struct row *row = find(msr);

	if (hidden(vcpu, row, host) || !row->write)
		return 1;
	return row->write(vcpu, msr, value, host, slot(vcpu, row, msr));
}

/* What the machine lacks is not there to be saved. */
static bool is_saved(const struct row *row)
{
	if (row->needs == OSP_GUEST_SPEC_CTRL)
		return osp_cpuid_supported(X86_FEATURE_SPEC_CTRL);
	if (row->needs == OSP_GUEST_RDTSCP)
		return osp_cpuid_supported(X86_FEATURE_RDTSCP);
	return row->saved;
}

/* Writes at most @room of them to @arg. Returns how many there are, or -EFAULT. */
static int put_list(u32 __user *arg, u32 room)
{
	const struct row *row;
	u32 msr, n = 0;

	for (row = rows; row < rows + ARRAY_SIZE(rows); row++) {
		if (!row->saved || !is_saved(row))
			continue;
		for (msr = row->first; msr <= last_of(row); msr++, n++)
			if (n < room && put_user(msr, arg + n))
				return -EFAULT;
	}
	return n;
}

/**
 * osp_msr_list() - the body of KVM_GET_MSR_INDEX_LIST
 * @arg: userspace's struct kvm_msr_list
 *
 * Context: process context, may sleep.
 * Return: 0 with the number and the list stored; -E2BIG with only the number
 * stored; -EFAULT.
 */
int osp_msr_list(struct kvm_msr_list __user *arg)
{
	u32 room, n = put_list(NULL, 0);

	if (get_user(room, &arg->nmsrs) || put_user(n, &arg->nmsrs))
		return -EFAULT;
	if (room < n)
		return -E2BIG;
	return put_list(arg->indices, room) < 0 ? -EFAULT : 0;
}
