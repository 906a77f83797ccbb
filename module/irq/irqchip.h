/* SPDX-License-Identifier: GPL-2.0 */
/*
 * irqchip.h - the interrupt controllers of a VM, as the VM and vCPUs see them.
 *
 * Owns struct osp_irqchip (per VM: bus of local APICs, table of routes, and
 * unless split the PIC pair, the I/O APIC and the PIT) and struct osp_vapic
 * (per vCPU: its local APIC and the host timer behind it).
 *
 * Locks: the irqchip's spinlock (irqs off) covers PIC, I/O APIC and PIT.  It
 * is taken in hard irq context; the VM's ops->kick() is called under it.
 * Changes of structure (creation of a vCPU's APIC, of the PIT, of routes) are
 * serialized by the caller: the VM's mutex.
 *
 * Order of destruction: no more vCPU runs and no more ioctl comes; then
 * osp_irqchip_stop(), osp_vapic_exit() of each vCPU, osp_irqchip_destroy().
 */
#ifndef OSP_IRQCHIP_H
#define OSP_IRQCHIP_H

#include <linux/hrtimer.h>
#include <linux/kvm.h>
#include <linux/workqueue.h>
#include "apic_bus.h"
#include "ioapic.h"
#include "irqfd.h"
#include "irt.h"
#include "lapic.h"
#include "pic.h"
#include "pit.h"

/* Sources that may hold up the line of a pin. */
enum osp_irq_source {
	OSP_IRQ_SOURCE_USER,		/* KVM_IRQ_LINE, irqfd */
	OSP_IRQ_SOURCE_RESAMPLE,	/* irqfd with resampling */
	OSP_IRQ_SOURCE_PIT,
};

/**
 * struct osp_irqchip_ops - what the irqchip asks of VM and vCPU
 * @kick:	make the vCPU look at its local APIC and the PIC before it next
 *		runs guest code or sleeps.  Any context, may be hard irq, with
 *		the irqchip's lock held: an IPI or a wake-up, nothing that waits
 * @posted:	the same after an interrupt was posted; a CPU that takes posted
 *		interrupts may stay in the guest
 * @enabled:	software may have enabled or disabled the local APIC; vCPU's thread
 * @guest_tsc:	its TSC now; any context
 * @ioapic_eoi:	split irqchip only, may be NULL else: the guest ended @vector,
 *		userspace wants KVM_EXIT_IOAPIC_EOI; vCPU's thread
 *
 * @vcpu is what osp_vapic_init() was given.
 */
struct osp_irqchip_ops {
	void (*kick)(void *vcpu);
	void (*posted)(void *vcpu);
	void (*enabled)(void *vcpu);
	u64 (*guest_tsc)(void *vcpu);
	void (*ioapic_eoi)(void *vcpu, u8 vector);
};

/**
 * struct osp_listener - pins whose EOI somebody hears of
 * @pic:	a bit for each pin of both PICs
 * @ioapic:	and of the I/O APIC
 */
struct osp_listener {
	u16 pic;
	u32 ioapic;
};

/**
 * struct osp_irqchip - the interrupt controllers of a VM
 * @ops:	the VM's
 * @split:	PIC and I/O APIC are in userspace
 * @has_pit:	KVM_CREATE_PIT2 was done
 * @reserved_pins: split: GSIs that are pins of the userspace I/O APIC
 * @lock:	covers @pic, @ioapic, @pit and the listeners
 * @pic:	unused if split
 * @ioapic:	unused if split
 * @pit:	if @has_pit
 * @pit_listens: the PIT's own pins, if it makes up for lost ticks
 * @fd_listens:	those of irqfds that resample
 * @pit_timer:	armed for @pit.expires_ns
 * @storm:	retries what the I/O APIC holds back
 * @bus:	all local APICs
 * @irt:	the Interrupt Remapping Table
 * @irqfds:	eventfds whose signals are requests
 */
struct osp_irqchip {
	const struct osp_irqchip_ops *ops;
	bool split;
	bool has_pit;
	u32 reserved_pins;
	raw_spinlock_t lock;
	struct osp_pic pic;
	struct osp_ioapic ioapic;
	struct osp_pit pit;
	struct osp_listener pit_listens;
	struct osp_listener fd_listens;
	struct hrtimer pit_timer;
	struct delayed_work storm;
	struct osp_apic_bus bus;
	struct osp_irt irt;
	struct osp_irqfds irqfds;
};

/**
 * struct osp_vapic - a vCPU's local APIC and its host timer
 * @lapic:	its registers and their logic
 * @timer:	what lapic's timer is armed with; fires in hard irq context
 * @chip:	the VM's
 * @vcpu:	handed to the chip's ops
 *
 * Embedded in the vCPU; 64-byte aligned because of the descriptor in it.
 */
struct osp_vapic {
	struct osp_lapic lapic;
	struct hrtimer timer;
	struct osp_irqchip *chip;
	void *vcpu;
};

/* ---- life ---- */

/**
 * osp_irqchip_create() - KVM_CREATE_IRQCHIP or KVM_CAP_SPLIT_IRQCHIP
 * @ops:	the VM's; must outlive the chip
 * @split:	local APICs only
 * @reserved_pins: pins of userspace's I/O APIC, if @split; else 0
 *
 * Context: may sleep.
 * Return: the chip or ERR_PTR(-ENOMEM).
 */
struct osp_irqchip *osp_irqchip_create(const struct osp_irqchip_ops *ops,
				       bool split, u32 reserved_pins);

/**
 * osp_irqchip_copy() - interrupt controllers in the state of others
 * @from:	those of a VM whose mutex is held, and whose vCPUs don't run
 *
 * Without local APICs, and with their clocks standing still until
 * osp_irqchip_start().  irqfds are not copied, nor lines that one with
 * resampling holds up.  Interrupts may come to @from meanwhile; those that the
 * copy does not have in flight it may have once more from osp_vapic_copy(), but
 * never the other way round.
 *
 * Context: may sleep.
 * Return: the chip or ERR_PTR(-ENOMEM).
 */
struct osp_irqchip *osp_irqchip_copy(struct osp_irqchip *from);

/**
 * osp_irqchip_start() - the clocks of a copy go on
 * @chip:	all its local APICs are registered
 */
void osp_irqchip_start(struct osp_irqchip *chip);

/**
 * osp_vapic_copy() - give a vCPU the local APIC of another
 * @v:		initialized, not registered
 * @from:	has the same ID; owner's thread
 */
void osp_vapic_copy(struct osp_vapic *v, struct osp_vapic *from);

/**
 * osp_vapic_start() - the clock of a copy goes on
 * @v:		registered
 */
void osp_vapic_start(struct osp_vapic *v);

/**
 * osp_irqchip_set_x2apic_api() - KVM_CAP_X2APIC_API
 * @chip:	the chip
 * @ids32:	MSIs have 32-bit destinations from now on
 * @no_quirk:	and FFH in a device's message is an x2APIC ID as any other
 *
 * What was set once stays.  Any context.
 */
void osp_irqchip_set_x2apic_api(struct osp_irqchip *chip, bool ids32,
				bool no_quirk);

/**
 * osp_irqchip_stop() - no timer of the VM's own fires after this
 * @chip:	the chip
 *
 * Context: may sleep.
 */
void osp_irqchip_stop(struct osp_irqchip *chip);

/**
 * osp_irqchip_destroy() - free a chip
 * @chip:	stopped, and all its local APICs exited
 */
void osp_irqchip_destroy(struct osp_irqchip *chip);

/**
 * osp_vapic_init() - give a vCPU its local APIC, in the state of RESET
 * @v:		zeroed
 * @chip:	the VM's
 * @regs:	a zeroed page, the caller's
 * @id:		KVM_CREATE_VCPU's argument
 * @bsp:	the bootstrap processor
 * @tsc_khz:	frequency of the guest's TSC
 * @vcpu:	handed to the chip's ops
 *
 * The APIC receives nothing before osp_irqchip_register_lapic().
 */
void osp_vapic_init(struct osp_vapic *v, struct osp_irqchip *chip, void *regs,
		    u32 id, bool bsp, u32 tsc_khz, void *vcpu);

/**
 * osp_irqchip_register_lapic() - let a vCPU's local APIC receive
 * @chip:	the VM's; its mutex is held
 * @v:		the vCPU's, initialized
 *
 * Context: may sleep.
 * Return: 0, -EEXIST (that ID is there), -EINVAL (ID too large), -ENOMEM.
 */
int osp_irqchip_register_lapic(struct osp_irqchip *chip, struct osp_vapic *v);

/**
 * osp_irqchip_unregister_lapic() - undo that, for a vCPU that came to nothing
 * @chip:	the VM's; its mutex is held
 * @v:		the vCPU's
 *
 * Context: waits for RCU.
 */
void osp_irqchip_unregister_lapic(struct osp_irqchip *chip,
				  struct osp_vapic *v);

/**
 * osp_vapic_exit() - a vCPU's timer does not fire any more
 * @v:		the vCPU's; if only zeroed nothing happens
 *
 * Context: may sleep.
 */
void osp_vapic_exit(struct osp_vapic *v);

/**
 * osp_vapic_migrate() - the vCPU's thread moved to another CPU: so does its timer
 * @v:		the vCPU's; owner's thread, on its new CPU
 */
void osp_vapic_migrate(struct osp_vapic *v);

/* ---- the guest's accesses; vCPU's thread ---- */

/**
 * osp_irqchip_out() - a write to an I/O port
 * @chip:	the VM's
 * @port:	any
 * @size:	1, 2 or 4 bytes
 * @value:	in its low bytes
 *
 * Context: interrupts off.
 * Return: true if the port is one of the chip's.
 */
bool osp_irqchip_out(struct osp_irqchip *chip, u16 port, u32 size, u32 value);

/**
 * osp_irqchip_in() - a read from an I/O port
 * @chip:	the VM's
 * @port:	any
 * @size:	1, 2 or 4 bytes
 * @value:	result, of which the bytes above @size are 0
 *
 * Context: interrupts off.
 * Return: true if the port is one of the chip's.
 */
bool osp_irqchip_in(struct osp_irqchip *chip, u16 port, u32 size, u32 *value);

/**
 * osp_irqchip_mmio() - an access to the I/O APIC's registers
 * @chip:	the VM's
 * @gpa:	any guest-physical address
 * @len:	1 to 8 bytes
 * @write:	write, else read
 * @data:	in or out, @len bytes
 *
 * Return: true if the address is the I/O APIC's.
 */
bool osp_irqchip_mmio(struct osp_irqchip *chip, u64 gpa, u32 len, bool write,
		      void *data);

/* ---- interrupts of the PIC; the vCPU asks osp_lapic_accepts_extint() first ---- */

/**
 * osp_irqchip_extint_pending() - does the PIC request an interrupt?
 * @chip:	the VM's; any context
 */
static __always_inline bool
osp_irqchip_extint_pending(const struct osp_irqchip *chip)
{
	return READ_ONCE(chip->pic.output);
}

/**
 * osp_irqchip_extint_ack() - the CPU's INTA cycle
 * @chip:	the VM's; vCPU's thread
 *
 * Return: the vector; a spurious one (IR7) if the request is gone meanwhile.
 */
u8 osp_irqchip_extint_ack(struct osp_irqchip *chip);

/* ---- bodies of ioctls: arguments are kernel copies, returns 0 or -errno ---- */

/**
 * osp_irqchip_state() - KVM_GET_IRQCHIP and KVM_SET_IRQCHIP
 * @chip:	the VM's
 * @c:		chip_id is in; the state is in or out
 * @set:	into the controllers, else out of them
 *
 * Return: 0; -EINVAL for an unknown chip_id, -ENXIO if split.
 */
int osp_irqchip_state(struct osp_irqchip *chip, struct kvm_irqchip *c, bool set);

/**
 * osp_irqchip_create_pit() - KVM_CREATE_PIT2
 * @chip:	the VM's; its mutex is held
 * @config:	flags: KVM_PIT_SPEAKER_DUMMY
 *
 * Return: 0; -EINVAL for other flags, -EEXIST.
 */
int osp_irqchip_create_pit(struct osp_irqchip *chip,
			   const struct kvm_pit_config *config);
/**
 * osp_irqchip_get_pit2() - KVM_GET_PIT2
 * @chip:	the VM's
 * @s:		filled whole
 *
 * Return: 0; -ENXIO without a PIT.
 */
int osp_irqchip_get_pit2(struct osp_irqchip *chip, struct kvm_pit_state2 *s);

/**
 * osp_irqchip_set_pit2() - KVM_SET_PIT2
 * @chip:	the VM's
 * @s:		flags: KVM_PIT_FLAGS_*; any other content is safe
 *
 * Return: 0; -ENXIO without a PIT, -EINVAL for other flags or reserved fields.
 */
int osp_irqchip_set_pit2(struct osp_irqchip *chip,
			 const struct kvm_pit_state2 *s);

/**
 * osp_irqchip_reinject() - KVM_REINJECT_CONTROL
 * @chip:	the VM's; its mutex is held
 * @c:		pit_reinject: 0 or 1
 *
 * Return: 0; -ENXIO without a PIT, -EINVAL for reserved fields.
 */
int osp_irqchip_reinject(struct osp_irqchip *chip,
			 const struct kvm_reinject_control *c);

/**
 * osp_irqchip_set_routing() - KVM_SET_GSI_ROUTING
 * @chip:	the VM's; its mutex is held
 * @e:		the entries
 * @nr:		how many
 * @flags:	0
 *
 * When this returns no request goes by the old table any more.
 * Context: waits for RCU.
 * Return: as osp_irt_set(); -EINVAL also for flags.
 */
int osp_irqchip_set_routing(struct osp_irqchip *chip,
			    const struct kvm_irq_routing_entry *e, u32 nr,
			    u32 flags);

/**
 * osp_irqchip_set_entry() - send one request elsewhere while the guest runs
 * @chip:	the VM's; its mutex is held
 * @gsi:	0 to OSP_IRT_MAX - 1
 * @route:	where to; its pins exist
 *
 * When this returns no request goes by the old route any more, and the pins of
 * the old route are low, so that they don't stay up for ever.
 * Context: waits for RCU.
 * Return: as osp_irt_set_entry().
 */
int osp_irqchip_set_entry(struct osp_irqchip *chip, u32 gsi, u64 route);

/**
 * osp_irt_ioctl_get() - OSPITE_GET_IRT
 * @chip:	the VM's; its mutex is held
 * @arg:	struct ospite_irt of userspace
 *
 * Context: may sleep.
 * Return: 0, -EFAULT, -EINVAL for flags.
 */
int osp_irt_ioctl_get(struct osp_irqchip *chip, void __user *arg);

/**
 * osp_irt_ioctl_set() - OSPITE_SET_IRT_ENTRY
 * @chip:	the VM's; its mutex is held
 * @arg:	struct ospite_irt_entry of userspace
 *
 * Context: waits for RCU.
 * Return: 0, -EFAULT, -ENOMEM; -EBADF for a bad descriptor; -EINVAL for what
 * is not an entry.
 */
int osp_irt_ioctl_set(struct osp_irqchip *chip, const void __user *arg);

/**
 * osp_irqchip_irq_line() - KVM_IRQ_LINE, KVM_IRQ_LINE_STATUS
 * @chip:	the VM's
 * @l:		irq and level are in, status out
 * @line_status: it is the second of them
 *
 * Return: 0.
 */
int osp_irqchip_irq_line(struct osp_irqchip *chip, struct kvm_irq_level *l,
			 bool line_status);

/**
 * osp_irqchip_signal_msi() - KVM_SIGNAL_MSI
 * @chip:	the VM's
 * @msi:	flags: KVM_MSI_VALID_DEVID
 *
 * Return: the number of vCPUs reached; -EINVAL for other flags, -1 (as KVM)
 * for a broadcast in a VM without an enabled APIC.
 */
int osp_irqchip_signal_msi(struct osp_irqchip *chip,
			   const struct kvm_msi *msi);

#endif /* OSP_IRQCHIP_H */
