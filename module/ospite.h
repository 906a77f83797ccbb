/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ospite.h - the two objects behind the file descriptors: VM and vCPU.
 *
 * Locks, outermost first:
 *
 *   vcpu->mutex	all state of a vCPU; held through each of its ioctls
 *   vm->lock		creation of vCPUs and devices, the list of VMs in debugfs
 *   mmu's locks	see mmu/mmu.h
 *
 * Lifetimes: the VM's fd and every vCPU's fd hold a reference on the VM; the
 * last one to go destroys it, vCPUs included.  The VM holds the struct, not
 * the users, of its owner's mm (mmgrab).
 */
#ifndef OSP_OSPITE_H
#define OSP_OSPITE_H

#include <linux/cpumask.h>
#include <linux/hrtimer.h>
#include <linux/kvm.h>
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/rcuwait.h>
#include <linux/refcount.h>
#include <linux/signal_types.h>
#include <linux/types.h>
#include <linux/xarray.h>
#include <linux/ospite.h>

#include "host.h"
#include "insn/insn.h"
#include "iobus.h"
#include "irq/irqchip.h"
#include "irq/lapic.h"
#include "known.h"
#include "mmu/mmu.h"
#include "mmu/ring.h"
#include "vmx/names.h"
#include "vmx/vmx.h"

/*
 * KVM_CAP_MAX_VCPUS and KVM_CAP_MAX_VCPU_ID.  Above 254 a guest has to have its
 * local APICs in x2APIC mode to reach them all.
 */
#define OSP_MAX_VCPUS		1024
#define OSP_MAX_VCPU_IDS	OSP_APIC_MAX_IDS

/* vCPU registers in the order of their encoding, as in the emulator. */
enum {
	OSP_RAX, OSP_RCX, OSP_RDX, OSP_RBX, OSP_RSP, OSP_RBP, OSP_RSI, OSP_RDI,
	OSP_R8, OSP_R9, OSP_R10, OSP_R11, OSP_R12, OSP_R13, OSP_R14, OSP_R15,
	OSP_NR_GPRS
};

/**
 * struct osp_vm - a virtual machine
 * @refs: the VM's fd and its vCPUs' fds
 * @mmu: its memory
 * @lock: see above
 * @vcpus: by index, all that were created
 * @nr_vcpus: how many
 * @bsp_id: KVM_SET_BOOT_CPU_ID: id of the bootstrap processor
 * @chip: the interrupt controllers in the kernel, or NULL; set once
 * @cpus: CPUs that may have cached translations of @mmu's EPT
 * @apic_page: the APIC-access page (SDM 3C 30.4), or NULL
 * @apic_elsewhere: vCPUs whose APIC is not at the usual place in memory
 * @tsc_offset: added to the host's TSC for a new vCPU, so that all agree
 * @iobus: writes of the guest that signal eventfds or are put aside
 * @last_yielded: index of the vCPU that a spinning sibling gave way to last
 * @x2apic_api: KVM_X2APIC_API_*; written under @lock
 * @halt_poll_set: KVM_CAP_HALT_POLL was enabled: @halt_poll_ns counts
 * @halt_poll_ns: longest time to poll in HLT
 * @debugfs: its directory
 * @id: number in the name of that directory
 */
struct osp_vm {
	refcount_t refs;
	struct osp_mmu mmu;
	struct mutex lock;
	struct xarray vcpus;
	unsigned int nr_vcpus;
	u32 bsp_id;
	struct osp_irqchip *chip;
	cpumask_var_t cpus;
	void *apic_page;
	atomic_t apic_elsewhere;
	u64 tsc_offset;
	struct osp_iobus iobus;
	unsigned int last_yielded;
	u32 x2apic_api;
	bool halt_poll_set;
	u32 halt_poll_ns;
	struct dentry *debugfs;
	int id;
};

/* Reasons to look twice before the next VM entry: bits of vcpu->requests. */
enum osp_request {
	OSP_REQ_EVENT,		/* something to inject, or a window to open */
	OSP_REQ_TLB,		/* INVVPID before the next entry */
	OSP_REQ_IOAPIC_EOI,	/* tell userspace's I/O APIC of an EOI */
	OSP_REQ_DEADLINE,	/* stays: a TSC deadline bounds each stay in the guest */
	OSP_REQ_RING_FULL,	/* the dirty ring may have reached its soft limit */
};

/* Variable-range MTRRs, and machine-check banks: as many as KVM gives. */
#define OSP_NR_VAR_MTRRS	8
#define OSP_NR_MCE_BANKS	32
#define OSP_MSR_VAR_MTRR	0x200

/* MSRs that the kernel needs only on return to user mode (switch.c). */
enum osp_user_msr {
	OSP_MSR_STAR, OSP_MSR_LSTAR, OSP_MSR_CSTAR, OSP_MSR_FMASK,
	OSP_MSR_TSC_AUX, OSP_NR_USER_MSRS
};

#define OSP_MAX_FRAGMENTS	4

/**
 * struct osp_fragment - one access to a device
 * @gpa: guest-physical address
 * @len: 1 to 8 bytes
 * @data: read or to be written
 */
struct osp_fragment {
	u64 gpa;
	u8 len;
	u8 data[8];
};

/**
 * struct osp_translation - a translation that the instruction has made already
 * @page: linear address of the page
 * @frame: its guest-physical address
 * @write: for writing also
 */
struct osp_translation {
	u64 page;
	u64 frame;
	bool write;
};

#define OSP_MAX_TRANSLATIONS	4

/**
 * struct osp_pending_io - data on its way between guest and userspace
 * @complete: what finishes the exit at the next KVM_RUN, or NULL; 1 to go on,
 *	0 for another exit, or a negative errno
 * @insn: the decoded instruction that waits for the data
 * @seen: its data pages, kept so that it translates each once, as a CPU does
 * @nr_seen: how many of them there are
 * @nr_reads: how many of them there are
 * @replayed: how many this execution has consumed
 * @reads: where each read came from and how long it is
 * @writes: accesses to hand to userspace after the instruction
 * @nr_writes: how many of them there are
 * @done_writes: how many userspace has seen
 * @in_bytes: port data that userspace has put into the mapping
 * @asked_bytes: port data that userspace was asked for
 * @insn_length: length of the IN or OUT
 * @rip: where it is, or what @load is
 * @load: a load that waits for its data, if it is a known one (known.c)
 * @waiting: OUTS has put data into the mapping that userspace has to take
 */
struct osp_pending_io {
	int (*complete)(struct osp_vcpu *vcpu);
	struct osp_insn insn;
	struct osp_translation seen[OSP_MAX_TRANSLATIONS];
	u8 nr_seen;
	struct osp_fragment reads[OSP_MAX_FRAGMENTS];
	struct osp_fragment writes[OSP_MAX_FRAGMENTS];
	u8 nr_reads;
	u8 replayed;
	u8 nr_writes;
	u8 done_writes;
	u32 in_bytes;
	u32 asked_bytes;
	u32 insn_length;
	u64 rip;
	struct osp_insn_simple load;
	bool waiting;
};

/**
 * struct osp_event - an event for the guest, in the format of the VMCS
 * @info: VM-entry interruption information (SDM 3C 25.8.3); 0 is none
 * @error: error code, if @info says there is one
 * @length: instruction length, for software interrupts and exceptions
 */
struct osp_event {
	u32 info;
	u32 error;
	u32 length;
};

/**
 * struct osp_vcpu - a virtual CPU
 * @gpr: the guest's registers, but for RIP; that of RSP is cached
 * @cr2: the guest's, when it is not in the guest
 * @host_rsp: what the VMCS has for the exit
 * @rip: cached, as @rflags, @cr0, @cr4, @cs_access and @ss_access are
 * @rflags: RFLAGS
 * @cr0: as the guest reads it
 * @cr4: as the guest reads it
 * @cs_access: access rights of CS, as in the VMCS
 * @ss_access: access rights of SS, as in the VMCS
 * @cached: OSP_CACHED_*: our copy is as good as the VMCS's
 * @dirty: OSP_CACHED_*: ours is newer
 * @in_guest: interrupts off, on the way in, in or out
 * @loaded: switched to the guest: MSRs, segments
 * @shadow_stale: an instruction was skipped since the exit, which has ended the
 *	shadow of an STI or MOV SS; the VMCS may not say so yet
 * @irq_window: interrupt-window exiting, as in the VMCS
 * @nmi_window: NMI-window exiting, as in the VMCS
 * @virtual_delivery: the CPU delivers interrupts by itself (apicv.c)
 * @stay: what the VMCS has in PREEMPTION_TIMER
 * @tpr_threshold: as in the VMCS
 * @requests: bits 1 << enum osp_request; set by anyone
 * @exit_reason: of the last exit
 * @qualification: of the last exit, if its handler read it
 * @exits: how many there were, by basic reason
 * @vpid_flushes: INVVPIDs
 * @first_visits: INVEPTs because this vCPU brought the VM to a CPU that it was
 *	new to
 * @run: what is shared with userspace: to be read once
 * @vm: of which the vCPU holds a reference
 * @lapic: &vapic.lapic, or NULL: userspace has it, or there is none
 * @vmcs: and where it is loaded
 * @event: its delivery was cut short by an exit; do it again
 * @exception: raised by an emulated instruction
 * @triple_fault: the next entry would be the shutdown's; with OSP_REQ_EVENT
 * @nmi_pending: an NMI waits
 * @halted: in HLT
 * @user_irq: vector of KVM_INTERRUPT, or -1
 * @ioapic_eoi: vector of OSP_REQ_IOAPIC_EOI
 * @cr4_guest_owned: bits of CR4 that the guest changes without an exit
 * @cr8: without a local APIC in the kernel
 * @efer: EFER
 * @xcr0: XCR0
 * @ia32_xss: IA32_XSS
 * @pkru: PKRU, when it is not in the guest
 * @db: DR0 to DR3
 * @dr6: DR6
 * @db_live: @db and @dr6 are in the registers while in the guest
 * @user_msrs: by enum osp_user_msr
 * @kernel_gs_base: IA32_KERNEL_GS_BASE, when not @loaded
 * @spec_ctrl: IA32_SPEC_CTRL
 * @tsc_offset: the guest's TSC less the host's
 * @tsc_adjust: IA32_TSC_ADJUST
 * @misc_enable: IA32_MISC_ENABLE
 * @apic_base: IA32_APIC_BASE, without a local APIC in the kernel
 * @mtrr_def_type: IA32_MTRR_DEF_TYPE
 * @mtrr_fixed: in the order of their numbers
 * @mtrr_var: base and mask, in turn
 * @mcg_status: IA32_MCG_STATUS
 * @mcg_ctl: IA32_MCG_CTL
 * @mce_banks: four registers each
 * @feat_ctl: IA32_FEATURE_CONTROL
 * @ucode_rev: IA32_BIOS_SIGN_ID
 * @power_ctl: MSR_POWER_CTL
 * @platform_info: MSR_PLATFORM_INFO
 * @arch_capabilities: IA32_ARCH_CAPABILITIES
 * @cpuid: the table of KVM_SET_CPUID2
 * @nr_cpuid: its length
 * @cpuid_index: first entry of a leaf, plus 1, and whether CPUID has more to do
 *	than to copy it; basic and extended leaves
 * @cr4_allowed: by CPUID
 * @xcr0_allowed: by CPUID
 * @phys_bits: MAXPHYADDR
 * @features: OSP_GUEST_*, by CPUID
 * @io: an access that userspace has to complete
 * @io_buf: data of INS and OUTS on its way
 * @known: instructions that have touched devices (known.c)
 * @cpu: where it was loaded last, or -1
 * @host_fs_base: what the VMCS has for the exit
 * @host_kernel_gs_base: the current task's, while @loaded
 * @host_ds: selector of the current task, as the next three
 * @host_es: ES
 * @host_fs: FS
 * @host_gs: GS
 * @host_cr3: what the VMCS has for the exit
 * @host_cr4: what the VMCS has for the exit
 * @vpid: virtual-processor identifier
 * @apic_page: virtual-APIC page (SDM 3C 30.1)
 * @pml: page-modification log (pml.c), or NULL
 * @apicv: secondary controls that virtualize the APIC
 * @eoi_watch_gen: of the EOI-exit bitmap in the VMCS
 * @apic_elsewhere: counted in vm->apic_elsewhere
 * @vapic: the local APIC, if it is in the kernel; begins with the posted-interrupt
 *	descriptor, which the SDM wants aligned to 64 bytes, and Bochs 3.0 to a page
 * @msr_bitmap: the VMCS's
 * @fpu: the guest's FPU state
 * @mutex: held by every ioctl of the vCPU; what is not said to be set by
 *	others belongs to its holder
 * @preempt: tells when the thread leaves or gets a CPU
 * @wait: the thread in HLT
 * @poll_ns: how long to poll in HLT now (halt.c)
 * @wake_ns: how long after its timer the thread got the CPU (halt.c)
 * @ple_window: what the VMCS has in PLE_WINDOW
 * @pid: whose thread ran it last; changed under @mutex, read under RCU
 * @ready: that thread waits for a CPU; read by siblings, as @spinning
 * @spinning: it gives way to one of them
 * @slot_cache: of its EPT violations
 * @ring: its dirty ring, if the VM has them
 * @sigmask: KVM_SET_SIGNAL_MASK: in force in KVM_RUN
 * @sigmask_set: @sigmask is
 * @index: among the VM's vCPUs
 * @id: the one of KVM_CREATE_VCPU, initial APIC id
 * @mp_state: KVM_MP_STATE_*, but HALTED is @halted
 * @debugfs: its folder there
 *
 * What the exit path touches comes first and together; enter.S knows the
 * offsets of the first three.
 */
struct osp_vcpu {
	u64 gpr[OSP_NR_GPRS];
	u64 cr2;
	u64 host_rsp;

	/* Guest state of which the VMCS may hold an older or a newer copy. */
	u64 rip;
	u64 rflags;
	u64 cr0, cr4;
	u32 cs_access, ss_access;
	u8 cached;
	u8 dirty;

	bool in_guest;
	bool loaded;
	bool shadow_stale;
	bool irq_window;
	bool nmi_window;
	bool virtual_delivery;
	u32 stay;
	u32 tpr_threshold;
	unsigned long requests;

	u32 exit_reason;
	u64 qualification;
	u64 exits[OSP_NR_EXIT_REASONS];
	u64 vpid_flushes;
	u64 first_visits;

	struct kvm_run *run;
	struct osp_vm *vm;
	struct osp_lapic *lapic;
	struct osp_vmcs vmcs;

	struct osp_event event;
	struct osp_event exception;
	bool triple_fault;
	bool nmi_pending;
	bool halted;
	int user_irq;
	u8 ioapic_eoi;

	/* Control registers that aren't simply in the VMCS */
	u64 cr4_guest_owned;
	u64 cr8;
	u64 efer;
	u64 xcr0;
	u64 ia32_xss;
	u32 pkru;
	u64 db[4];
	u64 dr6;
	bool db_live;

	/* MSRs */
	u64 user_msrs[OSP_NR_USER_MSRS];
	u64 kernel_gs_base;
	u64 spec_ctrl;
	u64 tsc_offset;
	u64 tsc_adjust;
	u64 misc_enable;
	u64 apic_base;
	u64 mtrr_def_type;
	u64 mtrr_fixed[11];
	u64 mtrr_var[2 * OSP_NR_VAR_MTRRS];
	u64 mcg_status, mcg_ctl;
	u64 mce_banks[4 * OSP_NR_MCE_BANKS];
	u64 feat_ctl, ucode_rev, power_ctl, platform_info;
	u64 arch_capabilities;

	/* CPUID policy */
	struct kvm_cpuid_entry2 *cpuid;
	int nr_cpuid;
	u16 cpuid_index[2][0x20];
	u64 cr4_allowed;
	u64 xcr0_allowed;
	u8 phys_bits;
	u32 features;

	struct osp_known_insns known;

	int cpu;
	unsigned long host_fs_base;
	unsigned long host_kernel_gs_base;
	u16 host_ds, host_es, host_fs, host_gs;
	u64 host_cr3, host_cr4;
	u16 vpid;
	void *apic_page;
	u64 *pml;
	u32 apicv;
	u32 eoi_watch_gen;
	bool apic_elsewhere;
	struct osp_vapic vapic __aligned(PAGE_SIZE);
	unsigned long *msr_bitmap;
	struct fpu_guest fpu;
	struct osp_pending_io io;
	u8 io_buf[1024];

	struct mutex mutex;
	struct preempt_notifier preempt;
	struct rcuwait wait;
	u32 poll_ns;
	u32 wake_ns;
	u32 ple_window;
	struct pid __rcu *pid;
	bool ready;
	bool spinning;
	struct osp_slot_cache slot_cache;
	struct osp_ring ring;
	sigset_t sigmask;
	bool sigmask_set;
	int index;
	u32 id;
	u32 mp_state;
	struct dentry *debugfs;
};

/* kmalloc() aligns what has the size of a power of two to that size. */
static_assert(sizeof(struct osp_vcpu) == 2 * PAGE_SIZE);

#define OSP_CACHED_RIP		BIT(0)
#define OSP_CACHED_RSP		BIT(1)
#define OSP_CACHED_RFLAGS	BIT(2)
#define OSP_CACHED_CR0		BIT(3)
#define OSP_CACHED_CR4		BIT(4)
#define OSP_CACHED_CS		BIT(5)
#define OSP_CACHED_SS		BIT(6)

/* What a guest's CPUID allows, looked up once when CPUID is set. */
#define OSP_GUEST_X2APIC	BIT(0)
#define OSP_GUEST_TSC_DEADLINE	BIT(1)
#define OSP_GUEST_RDTSCP	BIT(2)
#define OSP_GUEST_PKU		BIT(3)
#define OSP_GUEST_XSAVES	BIT(4)
#define OSP_GUEST_LM		BIT(5)
#define OSP_GUEST_NX		BIT(6)
#define OSP_GUEST_MOVBE		BIT(7)
#define OSP_GUEST_CX16		BIT(8)
#define OSP_GUEST_GBPAGES	BIT(9)
#define OSP_GUEST_SPEC_CTRL	BIT(10)
#define OSP_GUEST_INVPCID	BIT(12)
#define OSP_GUEST_ARCH_CAP	BIT(15)
#define OSP_GUEST_TSC_ADJUST	BIT(17)
#define OSP_GUEST_NEVER		BIT(31)	/* no guest has it */

static inline bool osp_has(const struct osp_vcpu *vcpu, u32 feature)
{
	return vcpu->features & feature;
}

/**
 * osp_vm_has_ids32() - was KVM_X2APIC_API_USE_32BIT_IDS set?
 * @vm: the VM
 */
static inline bool osp_vm_has_ids32(const struct osp_vm *vm)
{
	return READ_ONCE(vm->x2apic_api) & KVM_X2APIC_API_USE_32BIT_IDS;
}

/**
 * osp_user_pic() - does userspace have the PIC?
 * @vcpu: the vCPU
 *
 * Its interrupts then come by KVM_INTERRUPT, and it may ask for a window.
 */
static inline bool osp_user_pic(const struct osp_vcpu *vcpu)
{
	return !vcpu->lapic || vcpu->vm->chip->split;
}

/**
 * osp_takes_user_irq() - is there room for an interrupt of userspace's PIC?
 * @vcpu: the vCPU
 *
 * Whether the guest could take it now is another question.
 */
static inline bool osp_takes_user_irq(const struct osp_vcpu *vcpu)
{
	return osp_user_pic(vcpu) && vcpu->user_irq < 0 &&
	       (!vcpu->lapic || osp_lapic_accepts_extint(vcpu->lapic));
}

/**
 * osp_wants_window() - has userspace asked to be told when that is so?
 * @vcpu: the vCPU
 */
static inline bool osp_wants_window(const struct osp_vcpu *vcpu)
{
	return unlikely(READ_ONCE(vcpu->run->request_interrupt_window)) &&
	       osp_takes_user_irq(vcpu);
}

/**
 * osp_known_place() - where a known instruction is put down
 * @vcpu: the vCPU
 * @rip: where it is
 */
static inline struct osp_known *osp_known_place(struct osp_vcpu *vcpu, u64 rip)
{
	return &vcpu->known.insns[(rip ^ rip >> 4) % OSP_KNOWN_INSNS];
}

/**
 * osp_request() - ask a vCPU to look twice before its next VM entry
 * @vcpu: the vCPU
 * @request: why
 *
 * Context: any.  From another thread or an interrupt, osp_kick() has to follow.
 */
static inline void osp_request(struct osp_vcpu *vcpu, enum osp_request request)
{
	set_bit(request, &vcpu->requests);
}

/* vm.c */
int osp_vm_create(unsigned long type);
void osp_vm_put(struct osp_vm *vm);
void osp_vm_get(struct osp_vm *vm);
int osp_check_extension(struct osp_vm *vm, long extension);
void osp_vm_init(void);
u32 osp_tsc_khz(void);
struct osp_vm *osp_vm_alloc(void);
struct file *osp_vm_file(struct osp_vm *vm);

/* fork.c */
long osp_vm_fork(struct osp_vm *vm, void __user *arg);

/* vcpu.c */
int osp_vcpu_create(struct osp_vm *vm, u32 id);
struct osp_vcpu *osp_vcpu_alloc(struct osp_vm *vm, u32 id);
struct file *osp_vcpu_file(struct osp_vcpu *vcpu);
void osp_vcpu_load(struct osp_vcpu *vcpu);
void osp_vcpu_put(struct osp_vcpu *vcpu);
void osp_vcpu_copy_run(struct osp_vcpu *to, struct osp_vcpu *from);
void osp_vcpu_destroy(struct osp_vcpu *vcpu);
struct osp_vcpu *osp_vcpu_loaded(void);
int osp_internal_error(struct osp_vcpu *vcpu, u32 suberror, u32 ndata, ...);
int osp_triple_fault(struct osp_vcpu *vcpu);

/* run.c */
int osp_vcpu_run(struct osp_vcpu *vcpu);
int osp_vcpu_runnable(struct osp_vcpu *vcpu);
void osp_take_init_sipi(struct osp_vcpu *vcpu);

/* halt.c */
void osp_vcpu_block(struct osp_vcpu *vcpu);
void osp_kick(struct osp_vcpu *vcpu);
void osp_vcpu_set_thread(struct osp_vcpu *vcpu);
void osp_vcpu_forget_thread(struct osp_vcpu *vcpu);
void osp_vcpu_on_spin(struct osp_vcpu *vcpu);

/* state.c */
long osp_state_ioctl(struct osp_vcpu *vcpu, unsigned int cmd, void __user *arg);
void osp_vcpu_reset(struct osp_vcpu *vcpu, bool init);
u64 osp_cr8(struct osp_vcpu *vcpu);
int osp_set_cr8(struct osp_vcpu *vcpu, u64 cr8);
u64 osp_apic_base(struct osp_vcpu *vcpu);
int osp_set_apic_base(struct osp_vcpu *vcpu, u64 base, bool host);

/* cpuid.c */
int osp_supported_cpuid(struct kvm_cpuid2 __user *arg);
int osp_set_cpuid(struct osp_vcpu *vcpu, const struct kvm_cpuid2 *head,
		  const struct kvm_cpuid_entry2 __user *entries);
int osp_get_cpuid(struct osp_vcpu *vcpu, struct kvm_cpuid2 __user *arg);
void osp_cpuid(struct osp_vcpu *vcpu);
void osp_cpuid_init(void);
void osp_cpuid_apply(struct osp_vcpu *vcpu);

/* msr.c */
int osp_rdmsr(struct osp_vcpu *vcpu, u32 msr, u64 *value, bool host);
int osp_wrmsr(struct osp_vcpu *vcpu, u32 msr, u64 value, bool host);
int osp_msr_list(struct kvm_msr_list __user *arg);

/* tsc.c */
void osp_set_tsc(struct osp_vcpu *vcpu, u64 tsc);
void osp_tsc_write(struct osp_vcpu *vcpu, u64 tsc);
void osp_tsc_write_adjust(struct osp_vcpu *vcpu, u64 adjust, bool host);

/* cr.c: control and debug registers, with the rules of the SDM */
int osp_set_cr0(struct osp_vcpu *vcpu, u64 cr0);
int osp_set_cr3(struct osp_vcpu *vcpu, u64 cr3);
int osp_set_cr4(struct osp_vcpu *vcpu, u64 cr4);
int osp_set_efer(struct osp_vcpu *vcpu, u64 efer, bool host);
int osp_set_xcr0(struct osp_vcpu *vcpu, u64 xcr0);
bool osp_cr0_valid(u64 cr0);
bool osp_cr4_valid(struct osp_vcpu *vcpu, u64 cr4);
bool osp_efer_valid(u64 efer);
int osp_load_pdptes(struct osp_vcpu *vcpu, u64 cr3);

/* access.c: what an emulated instruction sees */
struct osp_walk_cpu;
void osp_prepare_walk(struct osp_vcpu *vcpu, struct osp_walk_cpu *walk);

/* mmio.c: accesses that leave RAM */
int osp_mmio_exit(struct osp_vcpu *vcpu, u64 gpa);
int osp_string_io(struct osp_vcpu *vcpu);

/* pio.c: port I/O */
int osp_port_in(struct osp_vcpu *vcpu, u16 port, unsigned int size);
int osp_port_out(struct osp_vcpu *vcpu, u16 port, unsigned int size);

/* xmm.c */
void osp_xmm_get(unsigned int reg, void *buf);
void osp_xmm_set(unsigned int reg, const void *buf);

/* debugfs.c */
void osp_debugfs_init(void);
void osp_debugfs_exit(void);
void osp_debugfs_add_vm(struct osp_vm *vm);
void osp_debugfs_add_vcpu(struct osp_vcpu *vcpu);
void osp_debugfs_remove_vm(struct osp_vm *vm);

/* Needs the vCPU's members. */
#include "vmx/regs.h"

#endif /* OSP_OSPITE_H */
