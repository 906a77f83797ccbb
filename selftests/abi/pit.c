// SPDX-License-Identifier: GPL-2.0
/*
 * pit.c - the 8254 in the kernel beyond its ticks: the second channel behind the
 * speaker's port, latched counts and status, its state in userspace's hands,
 * and ticks that come while the guest takes no interrupts.
 *
 * Intel 8254 data sheet; port 61H as in the PC AT.
 */
#include "lib/abi.h"
#include "lib/apic.h"
#include "lib/chips.h"
#include "lib/events.h"
#include "lib/guest.h"

#define PIT_IRQ		0x20	/* vector, by the PIC */
#define PIT_HZ		1193182
#define PERIOD		1193	/* about a millisecond */
#define MISSED		30	/* periods without interrupts */

static volatile u64 tsc_khz, made_up_for;

static struct vm *pit_vm(u32 flags)
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct kvm_pit_config config = { .flags = flags };

	MUST(ioctl(vm->fd, KVM_CREATE_PIT2, &config));
	return vm;
}

static void program(u32 channel, u32 mode, u16 count)
{
	outb(0x43, channel << 6 | 0x30 | mode << 1);
	outb(0x40 + channel, count & 0xff);
	outb(0x40 + channel, count >> 8);
}

static u32 latched(u32 channel)
{
	u32 low;

	outb(0x43, channel << 6);
	low = inb(0x40 + channel);
	return low | inb(0x40 + channel) << 8;
}

/* ---- the speaker's port ---- */

static void speaker_guest(void)
{
	outb(0x61, 0);
	g_value("off", inb(0x61) & 3, 0);
	outb(0x61, 3);
	g_value("on", inb(0x61) & 3, 3);
	/* Mode 0: OUT goes up when the count is over. */
	outb(0x61, 0);
	program(2, 0, 0xffff);
	g_value("out-low", inb(0x61) >> 5 & 1, 0);
	outb(0x61, 1);
	program(2, 0, 100);
	while (!(inb(0x61) & 0x20))
		;
	g_value("out-high", inb(0x61) >> 5 & 1, 1);
	/* Bit 4 toggles with the refresh of memory: both are to be seen. */
	while (!(inb(0x61) & 0x10))
		;
	while (inb(0x61) & 0x10)
		;
	g_value("refresh", inb(0x61) >> 6, 0);
}

CASE(speaker)
{
	run_guest(vcpu_new(pit_vm(KVM_PIT_SPEAKER_DUMMY), 0), speaker_guest);
}

static void no_speaker_guest(void)
{
	g_value("userspace-answers", inb(0x61), 0x5a);
}

CASE(no_speaker)
{
	struct vm *vm = pit_vm(0);
	struct vcpu *v = vcpu_new(vm, 0);

	mode_long(v, no_speaker_guest);
	expect_exit(v, "port", KVM_EXIT_IO);
	EQ("number", v->run->io.port, 0x61);
	((u8 *)v->run)[v->run->io.data_offset] = 0x5a;
	run_done(v);
	check_log(vm);
}

/* ---- counts, latches, status ---- */

static void counts_guest(void)
{
	u32 a, b;

	program(0, 2, 60000);
	a = latched(0);
	do
		b = latched(0);
	while (b == a);
	g_value("counts", a <= 60000 && b <= 60000, 1);
	/* Read-back: status and count of channels 0 and 2. */
	program(2, 3, 0x1234);
	outb(0x43, 0xca);		/* status only: 0, 2 */
	inb(0x40);
	a = inb(0x42);
	g_value("status-mode", a & 0x3f, 0x36);
	outb(0x43, 0xc2);		/* status, then the count, of channel 0 */
	a = inb(0x40);
	g_value("status-0", a & 0x3f, 0x34);
	b = inb(0x40);
	b |= inb(0x40) << 8;
	g_value("count-after-status", b <= 60000, 1);
}

CASE(counts)
{
	run_guest(vcpu_new(pit_vm(KVM_PIT_SPEAKER_DUMMY), 0), counts_guest);
}

/* ---- its state ---- */

CASE(state)
{
	struct vm *vm = pit_vm(0), *bare = vm_new(VM_IRQCHIP);
	struct kvm_pit_state2 s, t;
	u32 i;

	ERR("get-none", ioctl(bare->fd, KVM_GET_PIT2, &s), ENXIO);
	ERR("set-none", ioctl(bare->fd, KVM_SET_PIT2, &s), ENXIO);
	ERR("get-fault", ioctl(vm->fd, KVM_GET_PIT2, 8), EFAULT);
	MUST(ioctl(vm->fd, KVM_GET_PIT2, &s));
	for (i = 0; i < 3; i++)
		obs("reset", "%u: count %#x mode %u gate %u", i,
		    s.channels[i].count, s.channels[i].mode, s.channels[i].gate);
	for (i = 0; i < 3; i++) {
		s.channels[i].count = 0x8000 + i;
		s.channels[i].mode = 2;
		s.channels[i].rw_mode = 3;
		s.channels[i].read_state = 3;
		s.channels[i].write_state = 3;
		s.channels[i].gate = 1;
	}
	ERR("set", ioctl(vm->fd, KVM_SET_PIT2, &s), 0);
	MUST(ioctl(vm->fd, KVM_GET_PIT2, &t));
	for (i = 0; i < 3; i++) {
		SAME(t.channels[i].count, 0x8000 + i);
		SAME(t.channels[i].mode, 2);
		SAME(t.channels[i].rw_mode, 3);
		SAME(t.channels[i].gate, 1);
		t.channels[i].count_load_time = s.channels[i].count_load_time;
	}
	EQ("all-of-it", !memcmp(&s, &t, sizeof(s)), 1);
}

/* ---- ticks that are missed ---- */

static int tick_hook(struct guest_trap *t)
{
	g_irqs[t->vec]++;
	outb(0x20, 0x20);
	return 1;
}

/* After MISSED ticks were missed: do as many come at once, or one by one? */
static void missed_guest(void)
{
	u64 start, period = tsc_khz * 1000 / (PIT_HZ / PERIOD);

	pic_init(0, 0xfe, 0xff);
	g_hook[PIT_IRQ] = tick_hook;
	program(0, 2, PERIOD);
	start = rdtsc();
	/* Out of the guest now and then, so that the host's clock goes on. */
	while (rdtsc() - start < (MISSED + 5) * period)
		guest_sync(1);
	start = rdtsc();
	while (g_irqs[PIT_IRQ] < MISSED) {
		sti_hlt();
		cli();
	}
	g_value("at-once", rdtsc() - start < MISSED / 2 * period, made_up_for);
}

static void missed(u32 reinject)
{
	struct vm *vm = pit_vm(0);
	struct vcpu *v = vcpu_new(vm, 0);
	struct kvm_reinject_control c = { .pit_reinject = reinject };
	u32 val;

	MUST(ioctl(vm->fd, KVM_REINJECT_CONTROL, &c));
	*GVAR(vm, tsc_khz) = MUST(ioctl(v->fd, KVM_GET_TSC_KHZ, 0));
	*GVAR(vm, made_up_for) = reinject;
	mode_long(v, missed_guest);
	do
		vcpu_exit(v);
	while (is_sync(v, &val));
	EQ("done", is_done(v), 1);
	check_log(vm);
}

CASE(reinjected)
{
	missed(1);
}

CASE(discarded)
{
	missed(0);
}

CASE(reinject_arguments)
{
	struct kvm_reinject_control c = { .pit_reinject = 1 };

	ERR("none", ioctl(vm_new(VM_IRQCHIP)->fd, KVM_REINJECT_CONTROL, &c), ENXIO);
	ERR("fault", ioctl(pit_vm(0)->fd, KVM_REINJECT_CONTROL, 8), EFAULT);
}
