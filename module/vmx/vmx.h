/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vmx/vmx.h - what the VMX folder offers to the rest of the module.
 *
 * Only this folder touches a VMCS or executes a VMX instruction.  A vCPU's
 * VMCS is entered and left in pairs: osp_vmx_load() makes it the current VMCS
 * of this CPU, with preemption off; osp_vmx_put() gives the CPU back to the
 * host.  All accessors below that read or write guest state need it loaded.
 */
#ifndef OSP_VMX_VMX_H
#define OSP_VMX_VMX_H

#include <linux/list.h>
#include <linux/types.h>

struct osp_vm;
struct osp_vcpu;
struct osp_mmu;
struct kvm_segment;
struct kvm_dtable;
struct seq_file;

/**
 * struct osp_vmcs - a VMCS and where it is
 * @region: the page (SDM 3C 25.2), owned
 * @cpu: the CPU whose processor may hold it in its caches, or -1
 * @launched: VMLAUNCH has been done since the last VMCLEAR on @cpu
 * @link: on the list of @cpu; only touched there, interrupts off
 */
struct osp_vmcs {
	void *region;
	int cpu;
	bool launched;
	struct list_head link;
};

/* cpu.c: VMX operation of the physical CPUs. */
int osp_vmx_init(void);
void osp_vmx_exit(void);
int osp_vmx_get(void);
void osp_vmx_release(void);
bool osp_vmx_down(void);
int osp_vmcs_alloc(struct osp_vmcs *vmcs);
void osp_vmcs_free(struct osp_vmcs *vmcs);
bool osp_vmcs_load(struct osp_vmcs *vmcs);
void osp_vmcs_clear(struct osp_vmcs *vmcs);
void osp_vmx_flush_ept(const struct cpumask *cpus, u64 eptp);

/* features.c: what of the CPU is used. */
void osp_vmx_show_features(struct seq_file *file);

/* setup.c: a vCPU's VMCS, from its allocation to its release. */
int osp_vmx_vcpu_init(struct osp_vcpu *vcpu);
void osp_vmx_vcpu_free(struct osp_vcpu *vcpu);
void osp_vmx_vcpu_setup(struct osp_vcpu *vcpu);
void osp_vmx_reset_events(struct osp_vcpu *vcpu);
void osp_vmx_set_controls(struct osp_vcpu *vcpu);
void osp_vmx_set_modes(struct osp_vcpu *vcpu);
void osp_vmx_setup_exit(void);
void osp_vmx_set_intercepts(struct osp_vcpu *vcpu);
void osp_vmx_pass_msr(struct osp_vcpu *vcpu, u32 msr, bool read, bool write);

/* copy.c: the guest's part of a VMCS as a whole. */
#define OSP_VMX_STATE_FIELDS	62

/**
 * struct osp_vmx_state - what a VMCS holds of its guest
 * @value: in an order known to copy.c
 */
struct osp_vmx_state {
	u64 value[OSP_VMX_STATE_FIELDS];
};

void osp_vmx_read_state(struct osp_vcpu *vcpu, struct osp_vmx_state *state);
void osp_vmx_write_state(struct osp_vcpu *vcpu, const struct osp_vmx_state *state,
			 const struct osp_vcpu *from);

/* apicv.c: what of a local APIC the CPU does itself; the preemption timer. */
int osp_apicv_vm_init(struct osp_vm *vm);
void osp_apicv_vm_exit(struct osp_vm *vm);
void osp_apicv_setup(struct osp_vcpu *vcpu);
void osp_apicv_update(struct osp_vcpu *vcpu);
void osp_apicv_enabled(struct osp_vcpu *vcpu);
void osp_apicv_pass_msrs(struct osp_vcpu *vcpu);
void osp_apicv_prepare(struct osp_vcpu *vcpu);
void osp_apicv_post(struct osp_vcpu *vcpu);
int osp_apicv_fault(struct osp_vcpu *vcpu, u64 gpa);
bool osp_apicv_has_page(const struct osp_vm *vm, u64 gpa);
bool osp_vmx_bound_stay(struct osp_vcpu *vcpu);

/* switch.c: the world switch around the VM entry. */
void osp_vmx_load(struct osp_vcpu *vcpu);
void osp_vmx_put(struct osp_vcpu *vcpu);
int osp_vmx_enter_guest(struct osp_vcpu *vcpu);
void osp_vmx_user_msr_changed(struct osp_vcpu *vcpu);
u64 osp_vmx_kernel_gs_base(struct osp_vcpu *vcpu);
void osp_vmx_set_kernel_gs_base(struct osp_vcpu *vcpu, u64 base);
void osp_vmx_switch_init(void);
void osp_vmx_switch_exit(void);
void osp_vmx_drop_user_msrs(void *unused);

/* guest.c: architectural state in the VMCS. */
u64 osp_vmx_cr0(struct osp_vcpu *vcpu);
u64 osp_vmx_cr4(struct osp_vcpu *vcpu);
void osp_vmx_set_cr0(struct osp_vcpu *vcpu, u64 cr0);
void osp_vmx_set_cr3(struct osp_vcpu *vcpu, u64 cr3);
void osp_vmx_set_cr4(struct osp_vcpu *vcpu, u64 cr4);
void osp_vmx_set_efer(struct osp_vcpu *vcpu, u64 efer);
u64 osp_vmx_dr7(struct osp_vcpu *vcpu);
void osp_vmx_set_dr7(struct osp_vcpu *vcpu, u64 dr7);
u64 osp_vmx_pdpte(struct osp_vcpu *vcpu, unsigned int index);
void osp_vmx_set_pdpte(struct osp_vcpu *vcpu, unsigned int index, u64 pdpte);
void osp_vmx_segment(struct osp_vcpu *vcpu, int sreg, struct kvm_segment *seg);
void osp_vmx_set_segment(struct osp_vcpu *vcpu, int sreg,
			 const struct kvm_segment *seg);
void osp_vmx_segment_raw(struct osp_vcpu *vcpu, int sreg, u64 *base,
			 u32 *limit, u32 *access, u16 *selector);
void osp_vmx_dtable(struct osp_vcpu *vcpu, bool idt, struct kvm_dtable *table);
void osp_vmx_set_dtable(struct osp_vcpu *vcpu, bool idt,
			const struct kvm_dtable *table);
int osp_vmx_cpl(struct osp_vcpu *vcpu);
bool osp_vmx_msr(struct osp_vcpu *vcpu, u32 msr, u64 *value);
bool osp_vmx_set_msr(struct osp_vcpu *vcpu, u32 msr, u64 value);
u32 osp_vmx_interruptibility(struct osp_vcpu *vcpu);
void osp_vmx_set_interruptibility(struct osp_vcpu *vcpu, u32 state);
void osp_vmx_set_tsc_offset(struct osp_vcpu *vcpu, u64 offset);
void osp_vmx_flush_vpid(struct osp_vcpu *vcpu);
u64 osp_vmx_qualification(void);
u64 osp_vmx_linear_address(void);
u32 osp_vmx_insn_length(void);
u32 osp_vmx_instruction_error(void);

/* pml.c: page-modification logging. */
int osp_pml_alloc(struct osp_vcpu *vcpu);
void osp_pml_free(struct osp_vcpu *vcpu);
void osp_pml_setup(struct osp_vcpu *vcpu);
void osp_pml_drain_all(const struct cpumask *cpus);

/* ple.c: PAUSE-loop exiting. */
void osp_ple_setup(struct osp_vcpu *vcpu);
void osp_ple_sched_in(struct osp_vcpu *vcpu);

/* Segment registers in VMCS order; ES to GS are enum osp_insn_sreg. */
enum { OSP_SREG_LDTR = 6, OSP_SREG_TR = 7, OSP_NR_SREGS = 8 };

/* failure.c: why a VM entry failed. */
int osp_entry_refused(struct osp_vcpu *vcpu);
int osp_entry_failed(struct osp_vcpu *vcpu);

/* event.c: delivering exceptions and interrupts. */
void osp_event_prepare(struct osp_vcpu *vcpu);
void osp_event_requeue(struct osp_vcpu *vcpu);
void osp_event_reblock_nmi(struct osp_vcpu *vcpu);
void osp_queue_exception(struct osp_vcpu *vcpu, u8 vector);
void osp_queue_exception_error(struct osp_vcpu *vcpu, u8 vector, u32 error);
bool osp_interrupt_open(struct osp_vcpu *vcpu);
bool osp_interrupt_waiting(struct osp_vcpu *vcpu);
void osp_skip_instruction(struct osp_vcpu *vcpu);
void osp_advance(struct osp_vcpu *vcpu, u64 rip);
void osp_advance_uncommon(struct osp_vcpu *vcpu, u64 before);

#endif /* OSP_VMX_VMX_H */
