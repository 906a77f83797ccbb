// SPDX-License-Identifier: GPL-2.0
/*
 * test_check.c - the search for the rule that a refused VMCS breaks
 * (module/vmx/check.c, check_guest.c): a VMCS that is right has none, and each
 * way to break one is named with its section and field. SDM 3C 27.2, 27.3.1.
 */
#include "../../../module/vmx/check.h"
#include "../mmu/tap.h"

/* Encodings are below 8000H; a field of 64 bits has a second one, never used. */
static u64 fields[0x8000];

static u64 read_field(const struct osp_vmcs_view *view, u32 field)
{
	return fields[field];
}

/* What the CPU can do: everything that any of the states below asks for. */
static const struct osp_vmcs_view cpu = {
	.read = read_field,
	.allowed = {
		[OSP_CONTROLS_PIN] = 0x000000ff00000016,
		[OSP_CONTROLS_PROC] = 0xfff9fffe04006172,
		[OSP_CONTROLS_PROC2] = 0x003fffff00000000,
		[OSP_CONTROLS_EXIT] = 0x01ffffff00036dfb,
		[OSP_CONTROLS_ENTRY] = 0x0003ffff000011fb,
	},
	.cr0_fixed0 = 0x80000021, .cr0_fixed1 = 0xffffffff,
	.cr4_fixed0 = 0x2000, .cr4_fixed1 = 0xf767ff,
	.phys_bits = 39, .virt_bits = 48,
};

struct setting {
	u32 field;
	u64 value;
};

#define SET(name, value)	{ VMCS_##name, value }

static void apply(const struct setting *s, size_t n)
{
	for (; n; n--, s++)
		fields[s->field] = s->value;
}

/* A 64-bit guest in an unrestricted VMCS with EPT, on a 64-bit host. */
static void long_mode(void)
{
	static const struct setting good[] = {
		SET(PIN_CONTROLS, 0x7f), SET(PROC_CONTROLS, 0xb4a06dfa),
		SET(PROC2_CONTROLS, 0x000000aa), SET(EXIT_CONTROLS, 0x003f6fff),
		SET(ENTRY_CONTROLS, 0x0000d3ff), SET(VPID, 1),
		SET(EPT_POINTER, 0x10000 | 3 << 3 | 6), SET(MSR_BITMAP, 0x20000),
		SET(VIRTUAL_APIC_ADDR, 0x30000),
		SET(HOST_CR0, 0x80050033), SET(HOST_CR3, 0x40000),
		SET(HOST_CR4, 0x26f0), SET(HOST_EFER, 0xd01),
		SET(HOST_PAT, 0x0407050600070106),
		SET(HOST_CS_SELECTOR, 0x10), SET(HOST_SS_SELECTOR, 0x18),
		SET(HOST_TR_SELECTOR, 0x40), SET(HOST_RIP, 0xffffffffc0000000),
		SET(HOST_GS_BASE, 0xffff888000000000),
		SET(GUEST_CR0, 0x80000031), SET(GUEST_CR3, 0x50000),
		SET(GUEST_CR4, 0x2020), SET(GUEST_EFER, 0x500),
		SET(GUEST_PAT, 0x0007040600070406), SET(GUEST_DR7, 0x400),
		SET(GUEST_CS_ACCESS, 0xa09b), SET(GUEST_CS_LIMIT, 0xffffffff),
		SET(GUEST_CS_SELECTOR, 8),
		SET(GUEST_SS_ACCESS, 0xc093), SET(GUEST_SS_LIMIT, 0xffffffff),
		SET(GUEST_DS_ACCESS, 0xc093), SET(GUEST_DS_LIMIT, 0xffffffff),
		SET(GUEST_ES_ACCESS, 0xc093), SET(GUEST_ES_LIMIT, 0xffffffff),
		SET(GUEST_FS_ACCESS, 0x10000), SET(GUEST_GS_ACCESS, 0x10000),
		SET(GUEST_GS_BASE, 0xffff888000000000),
		SET(GUEST_LDTR_ACCESS, 0x10000), SET(GUEST_TR_ACCESS, 0x8b),
		SET(GUEST_TR_LIMIT, 0x67), SET(GUEST_RFLAGS, 2),
		SET(GUEST_RIP, 0xffffffff80000000),
		SET(VMCS_LINK_POINTER, ~0ULL),
	};

	memset(fields, 0, sizeof(fields));
	apply(good, ARRAY_SIZE(good));
}

/* The same VMCS with a guest in real mode, as after a reset. */
static void real_mode(void)
{
	static const struct setting real[] = {
		SET(ENTRY_CONTROLS, 0x0000d1ff), SET(GUEST_CR0, 0x30),
		SET(GUEST_CR4, 0x2000), SET(GUEST_EFER, 0),
		SET(GUEST_CS_ACCESS, 0x9b), SET(GUEST_CS_LIMIT, 0xffff),
		SET(GUEST_CS_BASE, 0xffff0000), SET(GUEST_CS_SELECTOR, 0xf000),
		SET(GUEST_SS_ACCESS, 0x93), SET(GUEST_SS_LIMIT, 0xffff),
		SET(GUEST_DS_ACCESS, 0x93), SET(GUEST_DS_LIMIT, 0xffff),
		SET(GUEST_ES_ACCESS, 0x93), SET(GUEST_ES_LIMIT, 0xffff),
		SET(GUEST_RIP, 0xfff0),
	};

	long_mode();
	apply(real, ARRAY_SIZE(real));
}

/* PAE paging in protected mode, where the PDPTEs are registers. */
static void pae_mode(void)
{
	static const struct setting pae[] = {
		SET(GUEST_CR0, 0x80000031), SET(GUEST_CR4, 0x2020),
		SET(GUEST_PDPTE0, 0x60001), SET(GUEST_PDPTE1, ~1ULL),
	};

	real_mode();
	apply(pae, ARRAY_SIZE(pae));
}

static void vm86_mode(void)
{
	u32 sreg;

	pae_mode();
	fields[VMCS_GUEST_RFLAGS] = 0x23002;
	for (sreg = 0; sreg < 6; sreg++) {
		fields[VMCS_GUEST_ES_SELECTOR + 2 * sreg] = 0x1234;
		fields[VMCS_GUEST_ES_BASE + 2 * sreg] = 0x12340;
		fields[VMCS_GUEST_ES_LIMIT + 2 * sreg] = 0xffff;
		fields[VMCS_GUEST_ES_ACCESS + 2 * sreg] = 0xf3;
	}
}

static void expect_none(void)
{
	struct osp_broken_rule broken;
	int rules;

	for (rules = OSP_RULES_CONTROLS; rules <= OSP_RULES_GUEST; rules++)
		if (osp_find_broken_rule(&cpu, rules, &broken))
			fail("%s (%s is %#llx)", broken.rule,
			     osp_vmcs_field_name(broken.field),
			     (unsigned long long)broken.value);
}

static void right_states(void)
{
	long_mode();
	expect_none();
	fields[VMCS_GUEST_ACTIVITY] = 1;
	expect_none();
	fields[VMCS_GUEST_ACTIVITY] = 0;
	fields[VMCS_GUEST_RFLAGS] = 0x302;
	fields[VMCS_GUEST_INTERRUPTIBILITY] = 1;
	fields[VMCS_GUEST_PENDING_DEBUG] = 1 << 14;
	expect_none();
	long_mode();
	fields[VMCS_ENTRY_INTR_INFO] = 0x80000b0e;
	fields[VMCS_ENTRY_EXCEPTION_ERROR] = 7;
	expect_none();
	real_mode();
	expect_none();
	fields[VMCS_ENTRY_INTR_INFO] = 0x8000030d;	/* #GP without a code */
	expect_none();
	pae_mode();
	expect_none();
	vm86_mode();
	expect_none();
}

/**
 * struct broken - one field of a state that is else right
 * @start: makes the state
 * @rules: which set of rules finds it
 * @section: of the SDM
 * @field: where it offends; set to @value
 * @value: what the processor refuses
 * @also: one more field to be set before, or 0
 * @with: its value
 */
struct broken {
	void (*start)(void);
	enum osp_rules rules;
	const char *section;
	u32 field;
	u64 value;
	u32 also;
	u64 with;
};

#define CONTROL(sub, name, ...) \
	{ long_mode, OSP_RULES_CONTROLS, "27.2.1." #sub, VMCS_##name, __VA_ARGS__ }
#define HOST(sub, name, ...) \
	{ long_mode, OSP_RULES_HOST, "27.2." #sub, VMCS_##name, __VA_ARGS__ }
#define GUEST(start, sub, name, ...) \
	{ start, OSP_RULES_GUEST, "27.3.1." #sub, VMCS_##name, __VA_ARGS__ }

static const struct broken broken_states[] = {
	CONTROL(1, PIN_CONTROLS, 0x17f),
	CONTROL(1, PIN_CONTROLS, 0x69),
	CONTROL(1, PROC_CONTROLS, 0xb4a06dfb),
	CONTROL(1, PROC2_CONTROLS, 0x800000aa),
	CONTROL(1, CR3_TARGET_COUNT, 5),
	CONTROL(1, IO_BITMAP_A, 0x1001, VMCS_PROC_CONTROLS, 0xb6a06dfa),
	CONTROL(1, IO_BITMAP_B, 1ULL << 40, VMCS_PROC_CONTROLS, 0xb6a06dfa),
	CONTROL(1, MSR_BITMAP, 0x20800),
	CONTROL(1, VIRTUAL_APIC_ADDR, 0x30004),
	CONTROL(1, TPR_THRESHOLD, 0x10),
	CONTROL(1, PROC2_CONTROLS, 0x2aa, VMCS_PROC_CONTROLS, 0xb4806dfa),
	CONTROL(1, PROC2_CONTROLS, 0xbb),
	CONTROL(1, APIC_ACCESS_ADDR, 0x1234, VMCS_PROC2_CONTROLS, 0xab),
	CONTROL(1, PIN_CONTROLS, 0x7e, VMCS_PROC2_CONTROLS, 0x2aa),
	CONTROL(1, PIN_CONTROLS, 0x77),
	CONTROL(1, PROC_CONTROLS, 0xb4e06dfa, VMCS_PIN_CONTROLS, 0x5f),
	CONTROL(1, PROC2_CONTROLS, 0xaa, VMCS_PIN_CONTROLS, 0xff),
	CONTROL(1, VPID, 0),
	CONTROL(1, EPT_POINTER, 0x1001c),
	CONTROL(1, EPT_POINTER, 0x10016),
	CONTROL(1, EPT_POINTER, 0x1001e | 1 << 8),
	CONTROL(1, EPT_POINTER, 0x1001eULL | 1ULL << 39),
	CONTROL(1, PROC2_CONTROLS, 0xa8),
	CONTROL(1, PML_ADDRESS, 8, VMCS_PROC2_CONTROLS, 0x200aa),
	CONTROL(2, EXIT_CONTROLS, 0x003f6ffe),
	CONTROL(2, EXIT_CONTROLS, 0x007f6fff, VMCS_PIN_CONTROLS, 0x3f),
	CONTROL(2, EXIT_MSR_LOAD_ADDR, 8, VMCS_EXIT_MSR_LOAD_COUNT, 1),
	CONTROL(2, EXIT_MSR_STORE_ADDR, 8, VMCS_EXIT_MSR_STORE_COUNT, 1),
	CONTROL(3, ENTRY_CONTROLS, 0x8000d3ff),
	CONTROL(3, ENTRY_CONTROLS, 0x0000d7ff),
	CONTROL(3, ENTRY_MSR_LOAD_ADDR, 1, VMCS_ENTRY_MSR_LOAD_COUNT, 1),
	CONTROL(3, ENTRY_INTR_INFO, 0x80000130),
	CONTROL(3, ENTRY_INTR_INFO, 0x80000203),
	CONTROL(3, ENTRY_INTR_INFO, 0x80000320),
	CONTROL(3, ENTRY_INTR_INFO, 0x80000701),
	CONTROL(3, ENTRY_INTR_INFO, 0x8000030e),
	CONTROL(3, ENTRY_INTR_INFO, 0x80000b06),
	CONTROL(3, ENTRY_INTR_INFO, 0x80001030),
	CONTROL(3, ENTRY_EXCEPTION_ERROR, 0x10000, VMCS_ENTRY_INTR_INFO, 0x80000b0e),
	CONTROL(3, ENTRY_INSTR_LENGTH, 16, VMCS_ENTRY_INTR_INFO, 0x80000480),
	{ real_mode, OSP_RULES_CONTROLS, "27.2.1.3", VMCS_ENTRY_INTR_INFO,
	  0x80000b0d },

	HOST(2, HOST_CR0, 0x80050013),
	HOST(2, HOST_CR4, 0x6f0),
	HOST(2, HOST_CR3, 1ULL << 39),
	HOST(2, HOST_SYSENTER_ESP, 1ULL << 47),
	HOST(2, HOST_SYSENTER_EIP, 1ULL << 63),
	HOST(2, HOST_PAT, 0x0407050600070102),
	HOST(2, HOST_EFER, 0x101),
	HOST(2, HOST_EFER, 0xd03),
	HOST(3, HOST_CS_SELECTOR, 0x13),
	HOST(3, HOST_CS_SELECTOR, 0),
	HOST(3, HOST_TR_SELECTOR, 0),
	HOST(3, HOST_FS_SELECTOR, 4),
	HOST(3, HOST_TR_BASE, 1ULL << 48),
	HOST(4, HOST_RIP, 1ULL << 62),
	HOST(4, EXIT_CONTROLS, 0x003f6dff, VMCS_HOST_EFER, 1),
	HOST(4, HOST_CR4, 0x26d0),

	GUEST(long_mode, 1, GUEST_CR0, 0x80000011),
	GUEST(real_mode, 1, GUEST_CR0, 0x80000030),
	GUEST(long_mode, 1, GUEST_CR4, 0x20),
	GUEST(long_mode, 1, GUEST_CR4, 0x2020 | 1ULL << 32),
	GUEST(long_mode, 1, GUEST_CR4, 0x802020),
	GUEST(long_mode, 1, GUEST_CR0, 0x31),
	GUEST(long_mode, 1, GUEST_CR4, 0x2000),
	GUEST(pae_mode, 1, GUEST_CR4, 0x22020),
	GUEST(long_mode, 1, GUEST_CR3, 1ULL << 39),
	GUEST(long_mode, 1, GUEST_DEBUGCTL, 1 << 4),
	GUEST(long_mode, 1, GUEST_DR7, 1ULL << 32),
	GUEST(long_mode, 1, GUEST_SYSENTER_ESP, 1ULL << 47),
	GUEST(long_mode, 1, GUEST_SYSENTER_EIP, 1ULL << 47),
	GUEST(long_mode, 1, GUEST_PAT, 0x0300000000000000),
	GUEST(long_mode, 1, GUEST_PAT, 0x0000000000000008),
	GUEST(long_mode, 1, GUEST_EFER, 0x502),
	GUEST(long_mode, 1, GUEST_EFER, 0x100),
	GUEST(long_mode, 1, GUEST_EFER, 0x400),

	GUEST(long_mode, 2, GUEST_TR_SELECTOR, 4),
	GUEST(long_mode, 2, GUEST_LDTR_SELECTOR, 4, VMCS_GUEST_LDTR_ACCESS, 0x82),
	GUEST(long_mode, 2, GUEST_SS_SELECTOR, 3, VMCS_PROC2_CONTROLS, 0x2a),
	GUEST(vm86_mode, 2, GUEST_DS_BASE, 0),
	GUEST(vm86_mode, 2, GUEST_FS_LIMIT, 0xfffff),
	GUEST(vm86_mode, 2, GUEST_GS_ACCESS, 0x93),
	GUEST(long_mode, 2, GUEST_CS_BASE, 1ULL << 32),
	GUEST(long_mode, 2, GUEST_SS_BASE, 1ULL << 32),
	GUEST(long_mode, 2, GUEST_GS_BASE, 1ULL << 47),
	GUEST(long_mode, 2, GUEST_TR_BASE, 1ULL << 47),
	GUEST(long_mode, 2, GUEST_LDTR_BASE, 1ULL << 47, VMCS_GUEST_LDTR_ACCESS, 0x82),
	GUEST(long_mode, 2, GUEST_CS_ACCESS, 0xa098),
	GUEST(long_mode, 2, GUEST_CS_ACCESS, 0xa097),
	GUEST(long_mode, 2, GUEST_CS_ACCESS, 0xa08b),
	GUEST(long_mode, 2, GUEST_CS_ACCESS, 0xa0b3),
	GUEST(long_mode, 2, GUEST_CS_ACCESS, 0xa0fb),
	GUEST(long_mode, 2, GUEST_CS_ACCESS, 0xa0bf),
	GUEST(long_mode, 2, GUEST_CS_ACCESS, 0xe09b),
	GUEST(long_mode, 2, GUEST_CS_ACCESS, 0xa01b),
	GUEST(long_mode, 2, GUEST_CS_ACCESS, 0xa19b),
	GUEST(long_mode, 2, GUEST_CS_ACCESS, 0xa09b, VMCS_GUEST_CS_LIMIT, 0xffffeeee),
	GUEST(real_mode, 2, GUEST_CS_ACCESS, 0x809b, VMCS_GUEST_CS_LIMIT, 0xfeff),
	GUEST(real_mode, 2, GUEST_SS_ACCESS, 0xf3, VMCS_GUEST_CS_ACCESS, 0xfb),
	GUEST(long_mode, 2, GUEST_SS_ACCESS, 0xc091),
	GUEST(long_mode, 2, GUEST_DS_ACCESS, 0xc092),
	GUEST(long_mode, 2, GUEST_ES_ACCESS, 0xc099),
	GUEST(long_mode, 2, GUEST_FS_ACCESS, 0x83),
	GUEST(long_mode, 2, GUEST_GS_ACCESS, 0x13),
	GUEST(long_mode, 2, GUEST_DS_ACCESS, 0x4093),
	GUEST(long_mode, 2, GUEST_TR_ACCESS, 0x83),
	GUEST(long_mode, 2, GUEST_TR_ACCESS, 0x9b),
	GUEST(long_mode, 2, GUEST_TR_ACCESS, 0x1008b),
	GUEST(long_mode, 2, GUEST_TR_ACCESS, 0x0b),
	GUEST(long_mode, 2, GUEST_LDTR_ACCESS, 0x83),
	GUEST(long_mode, 2, GUEST_LDTR_ACCESS, 0x92),

	GUEST(long_mode, 3, GUEST_GDTR_BASE, 1ULL << 47),
	GUEST(long_mode, 3, GUEST_IDTR_BASE, 1ULL << 47),
	GUEST(long_mode, 3, GUEST_GDTR_LIMIT, 0x10000),
	GUEST(long_mode, 3, GUEST_IDTR_LIMIT, 0x10000),

	GUEST(real_mode, 4, GUEST_RIP, 1ULL << 32),
	GUEST(long_mode, 4, GUEST_RIP, 1ULL << 48),
	GUEST(long_mode, 4, GUEST_RFLAGS, 0),
	GUEST(long_mode, 4, GUEST_RFLAGS, 0xa),
	GUEST(long_mode, 4, GUEST_RFLAGS, 2 | 1ULL << 22),
	GUEST(long_mode, 4, GUEST_RFLAGS, 2, VMCS_ENTRY_INTR_INFO, 0x80000030),

	GUEST(long_mode, 5, GUEST_ACTIVITY, 4),
	GUEST(long_mode, 5, GUEST_ACTIVITY, 2, VMCS_ENTRY_INTR_INFO, 0x80000202),
	GUEST(long_mode, 5, GUEST_ACTIVITY, 1, VMCS_GUEST_INTERRUPTIBILITY, 2),
	GUEST(long_mode, 5, GUEST_INTERRUPTIBILITY, 0x20),
	GUEST(long_mode, 5, GUEST_INTERRUPTIBILITY, 3, VMCS_GUEST_RFLAGS, 0x202),
	GUEST(long_mode, 5, GUEST_INTERRUPTIBILITY, 1),
	GUEST(long_mode, 5, GUEST_INTERRUPTIBILITY, 4),
	GUEST(long_mode, 5, GUEST_INTERRUPTIBILITY, 8, VMCS_ENTRY_INTR_INFO, 0x80000202),
	GUEST(long_mode, 5, GUEST_INTERRUPTIBILITY, 2, VMCS_ENTRY_INTR_INFO, 0x80000202),
	GUEST(long_mode, 5, GUEST_PENDING_DEBUG, 0x10),
	GUEST(long_mode, 5, GUEST_PENDING_DEBUG, 0x4000, VMCS_GUEST_INTERRUPTIBILITY, 2),
	GUEST(long_mode, 5, GUEST_PENDING_DEBUG, 0, VMCS_GUEST_ACTIVITY, 1),
	GUEST(long_mode, 5, VMCS_LINK_POINTER, 0x1234),

	GUEST(pae_mode, 6, GUEST_PDPTE3, 3),
	GUEST(pae_mode, 6, GUEST_PDPTE2, 1 | 1ULL << 39),
};

static void each_broken_state(void)
{
	struct osp_broken_rule broken;
	const struct broken *b;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(broken_states); i++) {
		b = &broken_states[i];
		b->start();
		if (b->also)
			fields[b->also] = b->with;
		fields[b->field] = b->value;
		/* A step is asked for, so that none pending is the mistake. */
		if (b->field == VMCS_GUEST_PENDING_DEBUG && !b->value)
			fields[VMCS_GUEST_RFLAGS] = 0x102;
		if (!osp_find_broken_rule(&cpu, b->rules, &broken)) {
			fail("%s = %#llx breaks no rule",
			     osp_vmcs_field_name(b->field),
			     (unsigned long long)b->value);
			continue;
		}
		if (strcmp(broken.section, b->section) ||
		    broken.field != b->field || broken.value != b->value)
			fail("%s = %#llx: found %s, %s = %#llx: %s",
			     osp_vmcs_field_name(b->field),
			     (unsigned long long)b->value, broken.section,
			     osp_vmcs_field_name(broken.field),
			     (unsigned long long)broken.value, broken.rule);
	}
}

/* Rules are found broken by the set that they belong to, and by no other. */
static void sets_are_apart(void)
{
	struct osp_broken_rule broken;

	long_mode();
	fields[VMCS_GUEST_RFLAGS] = 0;
	expect(!osp_find_broken_rule(&cpu, OSP_RULES_CONTROLS, &broken));
	expect(!osp_find_broken_rule(&cpu, OSP_RULES_HOST, &broken));
	expect(!broken.section);
	expect(osp_find_broken_rule(&cpu, OSP_RULES_GUEST, &broken));
	fields[VMCS_GUEST_GDTR_LIMIT] = 0x10000;
	expect(osp_find_broken_rule(&cpu, OSP_RULES_GUEST, &broken));
	expect_eq(broken.field, VMCS_GUEST_GDTR_LIMIT);
}

int main(void)
{
	run(right_states);
	run(each_broken_state);
	run(sets_are_apart);
	return tap_end();
}
