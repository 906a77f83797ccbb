// SPDX-License-Identifier: GPL-2.0
/*
 * entry_failure.c - guest states that the processor refuses to enter.
 *
 * Each breaks one rule, by what KVM_SET_REGS, KVM_SET_SREGS and KVM_SET_VCPU_EVENTS
 * let through. Both devices must answer with KVM_EXIT_FAIL_ENTRY; Ospite must also
 * say which rule it was, and by which field. The vCPU is as good as before when
 * the state is mended. SDM 3C 27.3.1.
 */
#include <linux/ospite.h>

#include "lib/abi.h"
#include "lib/guest.h"

#define BAD_ADDRESS	0x800000000000ull	/* not canonical */
#define RFLAGS_1	2ull
#define RFLAGS_VM	0x20000ull

/* KVM_EXIT_FAIL_ENTRY: exit reason 33, and the bit of a failed entry */
#define INVALID_STATE	0x80000021ull

/* The vCPU's state, for a row to break. */
struct state {
	struct kvm_regs r;
	struct kvm_sregs s;
	struct kvm_vcpu_events e;
};

enum mode { LONG, PROTECTED, REAL };

/**
 * struct row - one broken state
 * @name: of the observation
 * @mode: what is right about it
 * @section: of the SDM
 * @field: the VMCS field that offends
 * @spoil: breaks the rule
 */
struct row {
	const char *name;
	enum mode mode;
	const char *section, *field;
	void (*spoil)(struct state *st);
};

#define STATES(X)								\
	X(cs_type, LONG, "27.3.1.2", "GUEST_CS_ACCESS", st->s.cs.type = 7)	\
	X(cs_system, LONG, "27.3.1.2", "GUEST_CS_ACCESS", st->s.cs.s = 0)	\
	X(cs_dpl, LONG, "27.3.1.2", "GUEST_CS_ACCESS", st->s.cs.dpl = 3)	\
	X(cs_data_dpl, LONG, "27.3.1.2", "GUEST_CS_ACCESS",			\
	  st->s.cs.type = 3; st->s.cs.dpl = 3)					\
	X(cs_l_and_d, LONG, "27.3.1.2", "GUEST_CS_ACCESS", st->s.cs.db = 1)	\
	X(cs_base, LONG, "27.3.1.2", "GUEST_CS_BASE", st->s.cs.base = 1ull << 32) \
	X(cs_granularity, LONG, "27.3.1.2", "GUEST_CS_ACCESS",			\
	  st->s.cs.limit = 0xfffff000)						\
	X(ss_type, LONG, "27.3.1.2", "GUEST_SS_ACCESS", st->s.ss.type = 0xb)	\
	X(ss_dpl, REAL, "27.3.1.2", "GUEST_SS_ACCESS",				\
	  st->s.ss.dpl = 3; st->s.cs.dpl = 3)					\
	X(ss_base, LONG, "27.3.1.2", "GUEST_SS_BASE", st->s.ss.base = 1ull << 32) \
	X(ds_type, LONG, "27.3.1.2", "GUEST_DS_ACCESS", st->s.ds.type = 9)	\
	X(ds_system, LONG, "27.3.1.2", "GUEST_DS_ACCESS", st->s.ds.s = 0)	\
	X(es_granularity, LONG, "27.3.1.2", "GUEST_ES_ACCESS",			\
	  st->s.es.g = 0)							\
	X(fs_base, LONG, "27.3.1.2", "GUEST_FS_BASE", st->s.fs.base = BAD_ADDRESS) \
	X(gs_base, LONG, "27.3.1.2", "GUEST_GS_BASE", st->s.gs.base = BAD_ADDRESS) \
	X(tr_type, LONG, "27.3.1.2", "GUEST_TR_ACCESS", st->s.tr.type = 3)	\
	X(tr_code, LONG, "27.3.1.2", "GUEST_TR_ACCESS", st->s.tr.s = 1)		\
	X(tr_unusable, LONG, "27.3.1.2", "GUEST_TR_ACCESS", st->s.tr.unusable = 1) \
	X(tr_in_ldt, LONG, "27.3.1.2", "GUEST_TR_SELECTOR", st->s.tr.selector |= 4) \
	X(tr_base, LONG, "27.3.1.2", "GUEST_TR_BASE", st->s.tr.base = BAD_ADDRESS) \
	X(ldt_type, LONG, "27.3.1.2", "GUEST_LDTR_ACCESS",			\
	  st->s.ldt = ((struct kvm_segment){ .present = 1, .type = 9, .limit = 7 })) \
	X(ldt_base, LONG, "27.3.1.2", "GUEST_LDTR_BASE",			\
	  st->s.ldt = ((struct kvm_segment){ .present = 1, .type = 2, .limit = 7, \
					     .base = BAD_ADDRESS }))		\
	X(vm86_segments, PROTECTED, "27.3.1.2", "GUEST_ES_BASE",		\
	  st->r.rflags |= RFLAGS_VM)						\
	X(gdt_base, LONG, "27.3.1.3", "GUEST_GDTR_BASE", st->s.gdt.base = BAD_ADDRESS) \
	X(idt_base, LONG, "27.3.1.3", "GUEST_IDTR_BASE", st->s.idt.base = BAD_ADDRESS) \
	X(rip_32, PROTECTED, "27.3.1.4", "GUEST_RIP", st->r.rip |= 1ull << 32)	\
	X(rflags_reserved, LONG, "27.3.1.4", "GUEST_RFLAGS", st->r.rflags |= 1 << 15) \
	X(sti_without_if, LONG, "27.3.1.5", "GUEST_INTERRUPTIBILITY",		\
	  st->e.interrupt.shadow = KVM_X86_SHADOW_INT_STI)

#define DEFINE_SPOIL(name, mode, section, field, ...) \
	static void spoil_##name(struct state *st) { __VA_ARGS__; }
#define ROW(name, mode, section, field, ...) \
	{ #name, mode, section, field, spoil_##name },

STATES(DEFINE_SPOIL)
static const struct row rows[] = { STATES(ROW) };

static void guest(void)
{
	g_value("alive", 1, 1);
}

/* A right state, of the mode that the row asks for. */
static struct vcpu *prepare(struct vm *vm, enum mode mode)
{
	struct vcpu *v = vcpu_new(vm, 0);

	memset(vm->ram + GPA_CODE16, 0xf4, 16);	/* hlt */
	if (mode == LONG)
		mode_long(v, guest);
	else if (mode == PROTECTED)
		mode_prot32(v, GPA_CODE16);
	else
		mode_real(v, GPA_CODE16 >> 4, 0);
	return v;
}

static void get_state(struct vcpu *v, struct state *st)
{
	get_regs(v, &st->r);
	get_sregs(v, &st->s);
	MUST(ioctl(v->fd, KVM_GET_VCPU_EVENTS, &st->e));
	st->e.flags |= KVM_VCPUEVENT_VALID_SHADOW;
}

static void set_state(struct vcpu *v, const struct state *st)
{
	set_sregs(v, &st->s);
	set_regs(v, &st->r);
	MUST(ioctl(v->fd, KVM_SET_VCPU_EVENTS, &st->e));
}

/* "FIELD is VALUE, which breaks SDM 3C SECTION: RULE" */
static void check_rule(struct vcpu *v, const struct row *row)
{
	const struct ospite_fail_entry *entry = (void *)&v->run->fail_entry;
	char want[80];

	note("%s: %.*s\n", row->name, (int)sizeof(entry->rule), entry->rule);
	CHECK(!strncmp(entry->rule, row->field, strlen(row->field)) &&
	      entry->rule[strlen(row->field)] == ' ',
	      "%s: it is %s that offends\n", row->name, row->field);
	snprintf(want, sizeof(want), ", which breaks SDM 3C %s: ", row->section);
	CHECK(memmem(entry->rule, sizeof(entry->rule), want, strlen(want)),
	      "%s: it breaks %s\n", row->name, row->section);
}

static void break_one(const struct row *row)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = prepare(vm, row->mode);
	struct state good, bad;

	get_state(v, &good);
	bad = good;
	row->spoil(&bad);
	set_state(v, &bad);
	SAME(vcpu_exit(v), KVM_EXIT_FAIL_ENTRY);
	obs(row->name, "%s %#llx", exit_name(v->run->exit_reason),
	    (unsigned long long)v->run->fail_entry.hardware_entry_failure_reason);
	SAME(v->run->fail_entry.hardware_entry_failure_reason, INVALID_STATE);
	if (!abi_on_kvm())
		check_rule(v, row);
	set_state(v, &good);
	if (row->mode == LONG)
		run_done(v);
	else
		SAME(vcpu_exit(v), KVM_EXIT_HLT);
	vcpu_free(v);
	vm_free(vm);
}

CASE_T(broken_states, 30)
{
	u32 i;

	SAME(dev_cap(OSPITE_CAP_FAIL_ENTRY_RULE), !abi_on_kvm());
	for (i = 0; i < ARRAY_LEN(rows); i++)
		break_one(&rows[i]);
}
