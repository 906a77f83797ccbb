// SPDX-License-Identifier: GPL-2.0
/*
 * apic_modes.c - one local APIC in all its modes, and who looks into it.
 *
 * What a CPU virtualizes of a local APIC depends on the mode that the guest
 * has it in; the guest must not notice.  So interrupts are kept pending or in
 * service across changes of the mode and of the place of the registers, read
 * and written by userspace meanwhile, and sent between vCPUs that run and
 * sleep.  SDM 3A 11.4.3, 11.4.4, 11.12; 3C chapter 30.
 */
#include <pthread.h>

#include "lib/abi.h"
#include "lib/apic.h"
#include "lib/guest.h"

#define BIT_OF(v)	(1u << ((v) & 31))

#define ELSEWHERE	0xd0000000u

static void self_ipi(u32 vec)
{
	apic_write(APIC_ICR, APIC_TO_SELF | vec);
}

static void take_all(void)
{
	sti_nop();
	cli();
}

/* Enable the APIC, EXTD or no mode at all; where its registers are. */
static void set_base(u32 flags, u32 base)
{
	wrmsr(MSR_APIC_BASE, base | (rdmsr(MSR_APIC_BASE) & 0x100) | flags);
	g_x2apic = !!(flags & APIC_BASE_EXTD);
	g_eoi = g_x2apic ? EOI_X2APIC : EOI_XAPIC;
}

static struct vm *apic_vm(u64 mode)
{
	struct vm *vm = vm_new(VM_IRQCHIP);

	need_x2apic(vm->dev);
	*GVAR(vm, g_x2apic) = mode;
	return vm;
}

static void sync_to(struct vcpu *v, u32 want)
{
	u32 val = 0;

	vcpu_exit(v);
	if (!is_sync(v, &val) || val != want)
		die("exit %s (%u), not rendezvous %u\n",
		    exit_name(v->run->exit_reason), val, want);
}

/* ---- changes of the mode at run time ---- */

/* Enters with xAPIC, ends its interrupt with x2APIC. */
static int switch_hook(struct guest_trap *t)
{
	g_irqs[t->vec]++;
	set_base(APIC_BASE_EN | APIC_BASE_EXTD, APIC_BASE_ADDR);
	g_value("in-service-after-switch",
		apic_read(APIC_ISR(0x65)) & BIT_OF(0x65), BIT_OF(0x65));
	self_ipi(0x55);				/* lower: waits for the EOI */
	take_all();
	g_value("held-by-service", g_irqs[0x55], 0);
	apic_write(APIC_EOI, 0);
	return 1;
}

static void modes_guest(void)
{
	apic_on();
	cli();
	self_ipi(0x40);
	take_all();
	g_value("xapic", g_irqs[0x40], 1);
	/* Pending in one mode, delivered in the other. */
	self_ipi(0x41);
	set_base(APIC_BASE_EN | APIC_BASE_EXTD, APIC_BASE_ADDR);
	g_value("irr-after-switch",
		apic_read(APIC_IRR(0x41)) & BIT_OF(0x41), BIT_OF(0x41));
	take_all();
	g_value("x2apic-delivers", g_irqs[0x41], 1);
	wrmsr(0x83f, 0x42);
	take_all();
	g_value("x2apic", g_irqs[0x42], 1);
	/* Off, and on again in the first mode. */
	set_base(0, APIC_BASE_ADDR);
	rdmsr(X2APIC(APIC_ID));
	g_fault("off-no-msr", 13);
	set_base(APIC_BASE_EN, APIC_BASE_ADDR);
	apic_write(APIC_SPIV, 0x1ff);
	self_ipi(0x43);
	take_all();
	g_value("xapic-again", g_irqs[0x43], 1);
	g_hook[0x65] = switch_hook;
	self_ipi(0x65);
	take_all();
	g_value("switched-in-handler", g_irqs[0x65], 1);
	g_value("lower-after-eoi", g_irqs[0x55], 1);
	g_value("isr-empty", apic_read(APIC_ISR(0x65)), 0);
	/* TPR is one register in all modes. */
	WRITE_CR(8, 5);
	g_value("cr8-is-tpr", apic_read(APIC_TPR), 0x50);
	self_ipi(0x44);
	take_all();
	g_value("held-by-tpr", g_irqs[0x44], 0);
	sti();
	apic_write(APIC_TPR, 0);
	asm volatile("nop");
	cli();
	g_value("let-go", g_irqs[0x44], 1);
}

CASE(modes)
{
	run_guest(vcpu_new(apic_vm(0), 0), modes_guest);
}

/* ---- the page of registers ---- */

#define REG(base, reg)	(*(volatile u32 *)(uintptr_t)((base) + (reg)))

static void page_guest(void)
{
	u32 version;

	apic_on();
	version = APIC(APIC_VERSION);
	APIC(APIC_TPR) = 0x20;
	/* Away: the registers are there, and the old place is empty. */
	set_base(APIC_BASE_EN, ELSEWHERE);
	g_value("moved-version", REG(ELSEWHERE, APIC_VERSION), version);
	g_value("moved-tpr", REG(ELSEWHERE, APIC_TPR), 0x20);
	REG(ELSEWHERE, APIC_TPR) = 0;
	g_value("moved-cr8", READ_CR(8), 0);
	g_value("old-place", APIC(APIC_VERSION), 0x12345678);
	cli();
	REG(ELSEWHERE, APIC_ICR) = APIC_TO_SELF | 0x40;
	g_eoi = 0;
	take_all();
	REG(ELSEWHERE, APIC_EOI) = 0;
	g_value("moved-self-ipi", REG(ELSEWHERE, APIC_ISR(0x40)), 0);
	/* And back. */
	set_base(APIC_BASE_EN, APIC_BASE_ADDR);
	g_value("back-version", APIC(APIC_VERSION), version);
	APIC(APIC_ICR) = APIC_TO_SELF | 0x41;
	take_all();
	g_value("back-self-ipi", g_irqs[0x41], 1);
	/* In x2APIC mode there is no page. */
	set_base(APIC_BASE_EN | APIC_BASE_EXTD, APIC_BASE_ADDR);
	g_value("x2apic-no-page", APIC(APIC_VERSION), 0xffffffff);
}

CASE(page)
{
	struct vm *vm = apic_vm(0);
	struct vcpu *v = vcpu_new(vm, 0);
	struct kvm_run *run = v->run;
	u32 data = 0x12345678;

	mode_long(v, page_guest);
	expect_exit(v, "old-place", KVM_EXIT_MMIO);
	EQ("old-place-gpa", run->mmio.phys_addr, APIC_BASE_ADDR + APIC_VERSION);
	EQ("old-place-read", run->mmio.is_write, 0);
	memcpy(run->mmio.data, &data, sizeof(data));
	run_done(v);
	check_log(vm);
}

/* ---- userspace looks into it, and changes it ---- */

static u32 reg_of(const struct kvm_lapic_state *s, u32 reg)
{
	u32 val;

	memcpy(&val, s->regs + reg, sizeof(val));
	return val;
}

static int state_hook(struct guest_trap *t)
{
	g_irqs[t->vec]++;
	guest_sync(2);
	apic_write(APIC_EOI, 0);
	return 1;
}

static void state_guest(void)
{
	apic_on();
	cli();
	g_hook[0x51] = state_hook;
	self_ipi(0x51);
	guest_sync(1);
	take_all();
	g_value("once", g_irqs[0x51], 1);
	g_value("added", g_irqs[0x61], 1);
	g_value("in-service-ended", g_irqs[0x31], 0);
	g_value("isr-0x51", apic_read(APIC_ISR(0x51)), 0);
	g_value("isr-0x61", apic_read(APIC_ISR(0x61)), 0);
	apic_write(APIC_EOI, 0);		/* what userspace put in service */
	g_value("isr-0x31", apic_read(APIC_ISR(0x31)), 0);
	self_ipi(0x22);
	take_all();
	g_value("then-lower", g_irqs[0x22], 1);
}

static void run_state(u64 mode)
{
	struct vm *vm = apic_vm(mode);
	struct vcpu *v = vcpu_new(vm, 0);
	struct kvm_lapic_state s;
	u32 val;

	mode_long(v, state_guest);
	sync_to(v, 1);
	MUST(ioctl(v->fd, KVM_GET_LAPIC, &s));
	EQ("pending-irr", reg_of(&s, APIC_IRR(0x51)), BIT_OF(0x51));
	EQ("pending-isr", reg_of(&s, APIC_ISR(0x51)), 0);
	sync_to(v, 2);
	MUST(ioctl(v->fd, KVM_GET_LAPIC, &s));
	EQ("service-irr", reg_of(&s, APIC_IRR(0x51)), 0);
	EQ("service-isr", reg_of(&s, APIC_ISR(0x51)), BIT_OF(0x51));
	EQ("service-ppr", reg_of(&s, APIC_PPR), 0x50);
	/* One more pending, of a higher class, and one in service, of a lower. */
	val = BIT_OF(0x61);
	memcpy(s.regs + APIC_IRR(0x61), &val, sizeof(val));
	val = BIT_OF(0x31);
	memcpy(s.regs + APIC_ISR(0x31), &val, sizeof(val));
	MUST(ioctl(v->fd, KVM_SET_LAPIC, &s));
	run_done(v);
	check_log(vm);
}

CASE(state_xapic)
{
	run_state(0);
}

CASE(state_x2apic)
{
	run_state(1);
}

/* ---- an instruction that exits ends the shadow of an STI ---- */

static void shadow_guest(void)
{
	u32 r[4];

	apic_on();
	cli();
	self_ipi(0x52);
	asm volatile("sti; cpuid; cli"
		     : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3])
		     : "a"(0), "c"(0) : "memory");
	g_value("cpuid", g_irqs[0x52], 1);
	self_ipi(0x53);
	asm volatile("sti; hlt; cli" ::: "memory");
	g_value("hlt", g_irqs[0x53], 1);
	for (r[0] = 0; r[0] < 4; r[0]++) {
		self_ipi(0x55);
		asm volatile("sti; movl %%eax, (%0); cli"
			     : : "D"((u64)GPA_MMIO) : "memory");
		g_value("store", g_irqs[0x55], r[0] + 1);
	}
	self_ipi(0x54);
	asm volatile("sti; cli" ::: "memory");
	g_value("none", g_irqs[0x54], 0);
	take_all();
	g_value("later", g_irqs[0x54], 1);
}

static void run_shadow(int x2apic)
{
	struct vm *vm = apic_vm(x2apic);
	struct vcpu *v = vcpu_new(vm, 0);

	mode_long(v, shadow_guest);
	while (vcpu_exit(v) == KVM_EXIT_MMIO)
		SAME(v->run->mmio.phys_addr, GPA_MMIO);
	SAME(is_done(v), true);
	check_log(vm);
}

CASE(shadow_xapic)
{
	run_shadow(0);
}

CASE(shadow_x2apic)
{
	run_shadow(1);
}

/* ---- between vCPUs, which run or sleep when it comes ---- */

#define ROUNDS	300
#define TO_BSP	0x81
#define TO_AP	0x82

/* Spin for some rounds, sleep in others. */
static void await(u32 vec, u64 n)
{
	u32 i;

	sti();
	for (i = 0; n % 3 && i < 400 && g_irqs[vec] < n; i++)
		asm volatile("pause");
	cli();
	while (g_irqs[vec] < n) {
		sti_hlt();
		cli();
	}
}

static void send_to(u32 id, u32 vec)
{
	if (g_x2apic) {
		asm volatile("wrmsr" : : "c"(X2APIC(APIC_ICR)), "a"(vec | APIC_ASSERT),
			     "d"(id) : "memory");
		return;
	}
	APIC(APIC_ICR2) = id << 24;
	APIC(APIC_ICR) = vec | APIC_ASSERT;
}

static volatile u64 ready;

static void ping_guest(void)
{
	u64 n;

	apic_on();
	while (!ready) {
		sti();
		asm volatile("pause");
		cli();
	}
	for (n = 1; n <= ROUNDS; n++) {
		send_to(1, TO_AP);
		await(TO_BSP, n);
	}
	g_value("to-bsp", g_irqs[TO_BSP], ROUNDS);
	g_value("to-ap", g_irqs[TO_AP], ROUNDS);
}

static void pong_guest(void)
{
	u64 n;

	apic_on();
	ready = 1;
	for (n = 1; n <= ROUNDS; n++) {
		await(TO_AP, n);
		send_to(0, TO_BSP);
	}
}

static void *pong_thread(void *arg)
{
	run_done(arg);
	return NULL;
}

static void run_ping(u64 mode)
{
	struct kvm_mp_state runnable = { .mp_state = KVM_MP_STATE_RUNNABLE };
	struct vm *vm = apic_vm(mode);
	struct vcpu *v = vcpu_new(vm, 0), *ap = vcpu_new(vm, 1);
	pthread_t t;

	MUST(ioctl(ap->fd, KVM_SET_MP_STATE, &runnable));
	mode_long(v, ping_guest);
	mode_long(ap, pong_guest);
	pthread_create(&t, NULL, pong_thread, ap);
	run_done(v);
	pthread_join(t, NULL);
	check_log(vm);
}

CASE_T(ping_xapic, 20)
{
	run_ping(0);
}

CASE_T(ping_x2apic, 20)
{
	run_ping(1);
}
