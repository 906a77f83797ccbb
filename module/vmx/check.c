// SPDX-License-Identifier: GPL-2.0
/*
 * vmx/check.c - the rules for controls and host state of a VMCS.
 *
 * The processor says that a VM entry failed, and not why.  After such a failure the
 * rules of the SDM are gone through here, in its order, and the first one
 * that does not hold is named.  Rules about controls that Ospite never sets are
 * left out.  Costs nothing before a failure; plain logic, takes no lock.
 * SDM 3C 27.2; guest state is in check_guest.c.
 */
#include "check.h"

static const struct {
	u32 field;
	const char *zeros, *ones;
} control_groups[OSP_NR_CONTROLS] = {
	[OSP_CONTROLS_PIN] = { VMCS_PIN_CONTROLS,
		"no pin-based control is set that this CPU lacks",
		"the pin-based controls that must be 1 are" },
	[OSP_CONTROLS_PROC] = { VMCS_PROC_CONTROLS,
		"no primary processor-based control is set that this CPU lacks",
		"the primary processor-based controls that must be 1 are" },
	[OSP_CONTROLS_PROC2] = { VMCS_PROC2_CONTROLS,
		"no secondary processor-based control is set that this CPU lacks",
		"the secondary processor-based controls that must be 1 are" },
	[OSP_CONTROLS_EXIT] = { VMCS_EXIT_CONTROLS,
		"no VM-exit control is set that this CPU lacks",
		"the VM-exit controls that must be 1 are" },
	[OSP_CONTROLS_ENTRY] = { VMCS_ENTRY_CONTROLS,
		"no VM-entry control is set that this CPU lacks",
		"the VM-entry controls that must be 1 are" },
};

static void check_group(struct osp_check *c, enum osp_control_group group)
{
	u32 field = control_groups[group].field;
	u32 value = c->view->read(c->view, field);
	u32 may_be_1 = c->view->allowed[group] >> 32;
	u32 must_be_1 = c->view->allowed[group];

	osp_rule(c, field, !(value & ~may_be_1), control_groups[group].zeros);
	osp_rule(c, field, !(~value & must_be_1), control_groups[group].ones);
}

static void check_nmi_controls(struct osp_check *c)
{
	u32 pin = OSP_FIELD(c, PIN_CONTROLS), proc = OSP_FIELD(c, PROC_CONTROLS);

	osp_rule(c, VMCS_PIN_CONTROLS,
		 (pin & OSP_PIN_NMI) || !(pin & OSP_PIN_VIRTUAL_NMI),
		 "virtual NMIs need NMI exiting");
	osp_rule(c, VMCS_PROC_CONTROLS, (pin & OSP_PIN_VIRTUAL_NMI) ||
		 !(proc & OSP_PROC_NMI_WINDOW),
		 "NMI-window exiting needs virtual NMIs");
}

static void check_apic_controls(struct osp_check *c)
{
	u32 pin = OSP_FIELD(c, PIN_CONTROLS), proc2 = osp_proc2(c);
	bool shadow = OSP_FIELD(c, PROC_CONTROLS) & OSP_PROC_TPR_SHADOW;
	bool delivery = proc2 & OSP_PROC2_VIRTUAL_INTR;

	osp_rule(c, VMCS_VIRTUAL_APIC_ADDR, !shadow ||
		 osp_is_physical(c, OSP_FIELD(c, VIRTUAL_APIC_ADDR), 4096),
		 "the virtual-APIC address is that of a page");
	osp_rule(c, VMCS_TPR_THRESHOLD, !shadow || delivery ||
		 !(OSP_FIELD(c, TPR_THRESHOLD) >> 4),
		 "bits 31:4 of the TPR threshold are 0");
	osp_rule(c, VMCS_PROC2_CONTROLS, shadow ||
		 !(proc2 & (OSP_PROC2_X2APIC | OSP_PROC2_APIC_REGISTERS |
			    OSP_PROC2_VIRTUAL_INTR)),
		 "virtualizing x2APIC mode, APIC registers or interrupt delivery needs the TPR shadow");
	osp_rule(c, VMCS_PROC2_CONTROLS, !(proc2 & OSP_PROC2_X2APIC) ||
		 !(proc2 & OSP_PROC2_APIC_ACCESS),
		 "x2APIC mode and APIC accesses are not both virtualized");
	osp_rule(c, VMCS_APIC_ACCESS_ADDR, !(proc2 & OSP_PROC2_APIC_ACCESS) ||
		 osp_is_physical(c, OSP_FIELD(c, APIC_ACCESS_ADDR), 4096),
		 "the APIC-access address is that of a page");
	osp_rule(c, VMCS_PIN_CONTROLS, !delivery || (pin & OSP_PIN_EXTERNAL),
		 "virtual-interrupt delivery needs external-interrupt exiting");
}

static void check_posted_interrupts(struct osp_check *c)
{
	if (!(OSP_FIELD(c, PIN_CONTROLS) & OSP_PIN_POSTED))
		return;
	osp_rule(c, VMCS_PROC2_CONTROLS, osp_proc2(c) & OSP_PROC2_VIRTUAL_INTR,
		 "posted interrupts need virtual-interrupt delivery");
	osp_rule(c, VMCS_EXIT_CONTROLS, OSP_FIELD(c, EXIT_CONTROLS) & OSP_EXIT_ACK,
		 "posted interrupts need interrupts acknowledged on exit");
	osp_rule(c, VMCS_POSTED_INTR_NV, OSP_FIELD(c, POSTED_INTR_NV) < 256,
		 "the posted-interrupt notification vector is below 256");
	osp_rule(c, VMCS_POSTED_INTR_DESC_ADDR,
		 osp_is_physical(c, OSP_FIELD(c, POSTED_INTR_DESC_ADDR), 64),
		 "the posted-interrupt descriptor is aligned to 64 bytes");
}

/* Bits of the EPT pointer (SDM 3C table 25-9). */
#define EPTP_TYPE	GENMASK_ULL(2, 0)
#define EPTP_WALK	GENMASK_ULL(5, 3)
#define EPTP_WALK_4	(3ULL << 3)
#define EPTP_RESERVED	GENMASK_ULL(11, 7)

static void check_ept_controls(struct osp_check *c)
{
	u64 eptp = OSP_FIELD(c, EPT_POINTER);
	u32 proc2 = osp_proc2(c);
	bool ept = proc2 & OSP_PROC2_EPT;

	osp_rule(c, VMCS_VPID, !(proc2 & OSP_PROC2_VPID) || OSP_FIELD(c, VPID),
		 "the VPID is not 0");
	osp_rule(c, VMCS_EPT_POINTER, !ept || (eptp & EPTP_TYPE) == 0 ||
		 (eptp & EPTP_TYPE) == 6,
		 "the EPT paging-structure memory type is UC or WB");
	osp_rule(c, VMCS_EPT_POINTER, !ept || (eptp & EPTP_WALK) == EPTP_WALK_4,
		 "the EPT page-walk length is 4");
	osp_rule(c, VMCS_EPT_POINTER, !ept || (!(eptp & EPTP_RESERVED) &&
		 osp_is_physical(c, eptp & ~0xfffULL, 4096)),
		 "reserved bits of the EPT pointer are 0");
	osp_rule(c, VMCS_PROC2_CONTROLS, ept ||
		 !(proc2 & (OSP_PROC2_UNRESTRICTED | OSP_PROC2_PML)),
		 "an unrestricted guest and page-modification logging need EPT");
	osp_rule(c, VMCS_PML_ADDRESS, !(proc2 & OSP_PROC2_PML) ||
		 osp_is_physical(c, OSP_FIELD(c, PML_ADDRESS), 4096),
		 "the page-modification log's address is that of a page");
}

static void check_bitmaps(struct osp_check *c)
{
	u32 proc = OSP_FIELD(c, PROC_CONTROLS);

	osp_rule(c, VMCS_IO_BITMAP_A, !(proc & OSP_PROC_IO_BITMAPS) ||
		 osp_is_physical(c, OSP_FIELD(c, IO_BITMAP_A), 4096),
		 "I/O bitmap A's address is that of a page");
	osp_rule(c, VMCS_IO_BITMAP_B, !(proc & OSP_PROC_IO_BITMAPS) ||
		 osp_is_physical(c, OSP_FIELD(c, IO_BITMAP_B), 4096),
		 "I/O bitmap B's address is that of a page");
	osp_rule(c, VMCS_MSR_BITMAP, !(proc & OSP_PROC_MSR_BITMAPS) ||
		 osp_is_physical(c, OSP_FIELD(c, MSR_BITMAP), 4096),
		 "the MSR bitmap's address is that of a page");
}

static void check_execution_controls(struct osp_check *c)
{
	check_group(c, OSP_CONTROLS_PIN);
	check_group(c, OSP_CONTROLS_PROC);
	if (OSP_FIELD(c, PROC_CONTROLS) & OSP_PROC_SECONDARY)
		check_group(c, OSP_CONTROLS_PROC2);
	osp_rule(c, VMCS_CR3_TARGET_COUNT, OSP_FIELD(c, CR3_TARGET_COUNT) <= 4,
		 "there are at most 4 CR3-target values");
	check_bitmaps(c);
	check_apic_controls(c);
	check_nmi_controls(c);
	check_posted_interrupts(c);
	check_ept_controls(c);
}

static void check_exit_controls(struct osp_check *c)
{
	check_group(c, OSP_CONTROLS_EXIT);
	osp_rule(c, VMCS_EXIT_CONTROLS,
		 (OSP_FIELD(c, PIN_CONTROLS) & OSP_PIN_TIMER) ||
		 !(OSP_FIELD(c, EXIT_CONTROLS) & OSP_EXIT_SAVE_TIMER),
		 "the VMX-preemption timer is saved only if it is active");
	osp_rule(c, VMCS_EXIT_MSR_STORE_ADDR,
		 !OSP_FIELD(c, EXIT_MSR_STORE_COUNT) ||
		 osp_is_physical(c, OSP_FIELD(c, EXIT_MSR_STORE_ADDR), 16),
		 "the VM-exit MSR-store area is aligned to 16 bytes");
	osp_rule(c, VMCS_EXIT_MSR_LOAD_ADDR, !OSP_FIELD(c, EXIT_MSR_LOAD_COUNT) ||
		 osp_is_physical(c, OSP_FIELD(c, EXIT_MSR_LOAD_ADDR), 16),
		 "the VM-exit MSR-load area is aligned to 16 bytes");
}

/* The exceptions that push an error code (SDM 3A table 6-1), but #CP. */
static bool pushes_error(u32 info)
{
	const u32 vectors = BIT(8) | GENMASK(14, 10) | BIT(17);
	u32 vector = info & OSP_EVENT_VECTOR;

	return OSP_EVENT_TYPE(info) == OSP_EVENT_EXCEPTION && vector < 32 &&
	       (vectors & BIT(vector));
}

static void check_entry_event(struct osp_check *c)
{
	u32 info = OSP_FIELD(c, ENTRY_INTR_INFO);
	u32 type = OSP_EVENT_TYPE(info), vector = info & OSP_EVENT_VECTOR;
	u32 length = OSP_FIELD(c, ENTRY_INSTR_LENGTH);
	bool error = info & OSP_EVENT_ERROR;
	bool protected = OSP_FIELD(c, GUEST_CR0) & BIT(0);

	if (!(info & OSP_EVENT_VALID))
		return;
	osp_rule(c, VMCS_ENTRY_INTR_INFO, type != OSP_EVENT_RESERVED &&
		 (type != OSP_EVENT_OTHER ||
		  (c->view->allowed[OSP_CONTROLS_PROC] >> 32 & OSP_PROC_TRAP_FLAG)),
		 "the injected event's type is not reserved");
	osp_rule(c, VMCS_ENTRY_INTR_INFO, type != OSP_EVENT_NMI || vector == 2,
		 "an injected NMI has vector 2");
	osp_rule(c, VMCS_ENTRY_INTR_INFO, type != OSP_EVENT_EXCEPTION || vector < 32,
		 "an injected hardware exception has a vector below 32");
	osp_rule(c, VMCS_ENTRY_INTR_INFO, type != OSP_EVENT_OTHER || !vector,
		 "an injected monitor trap has vector 0");
	osp_rule(c, VMCS_ENTRY_INTR_INFO,
		 error == (protected && pushes_error(info)) || (error && protected &&
		 type == OSP_EVENT_EXCEPTION && vector == 21),
		 "an error code is pushed by just the exceptions that have one, in protected mode");
	osp_rule(c, VMCS_ENTRY_INTR_INFO, !(info & GENMASK(30, 12)),
		 "bits 30:12 of the interruption information are 0");
	osp_rule(c, VMCS_ENTRY_EXCEPTION_ERROR, !error ||
		 !(OSP_FIELD(c, ENTRY_EXCEPTION_ERROR) & GENMASK(31, 16)),
		 "bits 31:16 of the injected error code are 0");
	osp_rule(c, VMCS_ENTRY_INSTR_LENGTH, type < OSP_EVENT_SOFT_INTERRUPT ||
		 type == OSP_EVENT_OTHER || length < 16,
		 "the instruction of a software event has at most 15 bytes");
}

static void check_entry_controls(struct osp_check *c)
{
	check_group(c, OSP_CONTROLS_ENTRY);
	check_entry_event(c);
	osp_rule(c, VMCS_ENTRY_MSR_LOAD_ADDR,
		 !OSP_FIELD(c, ENTRY_MSR_LOAD_COUNT) ||
		 osp_is_physical(c, OSP_FIELD(c, ENTRY_MSR_LOAD_ADDR), 16),
		 "the VM-entry MSR-load area is aligned to 16 bytes");
	osp_rule(c, VMCS_ENTRY_CONTROLS,
		 !(OSP_FIELD(c, ENTRY_CONTROLS) & OSP_ENTRY_SMM),
		 "entry to SMM is only from SMM");
}

static void check_host_registers(struct osp_check *c)
{
	const struct osp_vmcs_view *v = c->view;
	u64 cr0 = OSP_FIELD(c, HOST_CR0), cr4 = OSP_FIELD(c, HOST_CR4);
	u32 exit = OSP_FIELD(c, EXIT_CONTROLS);
	u64 efer = OSP_FIELD(c, HOST_EFER);
	u64 modes = exit & OSP_EXIT_HOST_64 ? OSP_EFER_LME | OSP_EFER_LMA : 0;

	osp_rule(c, VMCS_HOST_CR0, !(cr0 & ~v->cr0_fixed1) && !(~cr0 & v->cr0_fixed0),
		 "the host's CR0 has what VMX operation demands");
	osp_rule(c, VMCS_HOST_CR4, !(cr4 & ~v->cr4_fixed1) && !(~cr4 & v->cr4_fixed0),
		 "the host's CR4 has what VMX operation demands");
	osp_rule(c, VMCS_HOST_CR3, !(OSP_FIELD(c, HOST_CR3) >> v->phys_bits),
		 "the host's CR3 has no bit beyond the width of physical addresses");
	osp_rule(c, VMCS_HOST_SYSENTER_ESP,
		 osp_is_canonical(c, OSP_FIELD(c, HOST_SYSENTER_ESP)),
		 "the host's SYSENTER_ESP is canonical");
	osp_rule(c, VMCS_HOST_SYSENTER_EIP,
		 osp_is_canonical(c, OSP_FIELD(c, HOST_SYSENTER_EIP)),
		 "the host's SYSENTER_EIP is canonical");
	osp_rule(c, VMCS_HOST_PAT, !(exit & OSP_EXIT_LOAD_PAT) ||
		 osp_is_pat(OSP_FIELD(c, HOST_PAT)),
		 "the host's PAT has only memory types");
	osp_rule(c, VMCS_HOST_EFER, !(exit & OSP_EXIT_LOAD_EFER) ||
		 (!(efer & ~OSP_EFER_BITS) &&
		  (efer & (OSP_EFER_LME | OSP_EFER_LMA)) == modes),
		 "the host's EFER has LME and LMA as the address-space size, and no reserved bit");
}

static void check_host_segments(struct osp_check *c)
{
	static const u32 bases[] = {
		VMCS_HOST_FS_BASE, VMCS_HOST_GS_BASE, VMCS_HOST_GDTR_BASE,
		VMCS_HOST_IDTR_BASE, VMCS_HOST_TR_BASE,
	};
	u32 field;
	size_t i;

	for (field = VMCS_HOST_ES_SELECTOR; field <= VMCS_HOST_TR_SELECTOR; field += 2)
		osp_rule(c, field, !(c->view->read(c->view, field) & 7),
			 "the RPL and TI of a host selector are 0");
	osp_rule(c, VMCS_HOST_CS_SELECTOR, OSP_FIELD(c, HOST_CS_SELECTOR),
		 "the host's CS is not null");
	osp_rule(c, VMCS_HOST_TR_SELECTOR, OSP_FIELD(c, HOST_TR_SELECTOR),
		 "the host's TR is not null");
	for (i = 0; i < ARRAY_SIZE(bases); i++)
		osp_rule(c, bases[i],
			 osp_is_canonical(c, c->view->read(c->view, bases[i])),
			 "the bases of the host's FS, GS, GDTR, IDTR and TR are canonical");
}

static void check_address_space(struct osp_check *c)
{
	osp_rule(c, VMCS_EXIT_CONTROLS,
		 OSP_FIELD(c, EXIT_CONTROLS) & OSP_EXIT_HOST_64,
		 "a 64-bit host is returned to in 64-bit mode");
	osp_rule(c, VMCS_HOST_CR4, OSP_FIELD(c, HOST_CR4) & BIT(5),
		 "a 64-bit host has CR4.PAE");
	osp_rule(c, VMCS_HOST_RIP, osp_is_canonical(c, OSP_FIELD(c, HOST_RIP)),
		 "the host's RIP is canonical");
}

static const struct osp_check_section control_rules[] = {
	{ "27.2.1.1", check_execution_controls },
	{ "27.2.1.2", check_exit_controls },
	{ "27.2.1.3", check_entry_controls },
	{ }
};

static const struct osp_check_section host_rules[] = {
	{ "27.2.2", check_host_registers },
	{ "27.2.3", check_host_segments },
	{ "27.2.4", check_address_space },
	{ }
};

/**
 * osp_find_broken_rule() - the first rule that a refused VMCS breaks
 * @view: the VMCS and the CPU
 * @rules: which rules to go through, as the failure says
 * @broken: result
 *
 * Context: that of @view->read.
 * Return: whether one was found; there may be none, as the CPU knows more rules.
 */
bool osp_find_broken_rule(const struct osp_vmcs_view *view,
			  enum osp_rules rules, struct osp_broken_rule *broken)
{
	struct osp_check c = { .view = view, .broken = broken };
	const struct osp_check_section *s;

	switch (rules) {
	case OSP_RULES_CONTROLS:
		s = control_rules;
		break;
	case OSP_RULES_HOST:
		s = host_rules;
		break;
	default:
		s = osp_guest_rules;
		break;
	}
	*broken = (struct osp_broken_rule){ };
	for (; s->check && !broken->section; s++) {
		c.section = s->section;
		s->check(&c);
	}
	return broken->section;
}
