// SPDX-License-Identifier: GPL-2.0
/*
 * ioctls.c - every ioctl with arguments that are wrong, and the round trips of
 * those which set and get.
 *
 * Documentation/virt/kvm/api.rst says which errno belongs to what.
 */
#include "lib/abi.h"
#include "lib/guest.h"

#define BAD ((void *)8)
/* Of KVM's type 0xAE, but no one's number. */
#define KVM_NO_SUCH _IO(KVMIO, 0xff)
#define OTHER_TYPE _IO('Z', 0x1)

/*
 * An ioctl that does not exist: ENOTTY; KVM says EINVAL on the device and on
 * a vCPU, ENOTTY on a VM.
 */
#define NO_SUCH(name, call) do {					\
	errno = 0;							\
	CHECK((call) == -1 && (errno == ENOTTY || errno == EINVAL),	\
	      "%s gives %s\n", name, errno_name(errno));		\
	obs(name, "%s", errno_name(errno));				\
} while (0)

/* ---- the system's file descriptor ---- */

CASE(system_ioctls)
{
	int dev = dev_open();
	struct kvm_regs r;

	EQ("api-version", ioctl(dev, KVM_GET_API_VERSION, 0), 12);
	ERR("api-version-argument", ioctl(dev, KVM_GET_API_VERSION, 1), EINVAL);
	ERR("mmap-size-argument", ioctl(dev, KVM_GET_VCPU_MMAP_SIZE, 1), EINVAL);
	CHECK(ioctl(dev, KVM_GET_VCPU_MMAP_SIZE, 0) >= 4096 * 3,
	      "the mapping has less than 3 pages\n");
	ERR("create-vm-type", ioctl(dev, KVM_CREATE_VM, 1000), EINVAL);
	NO_SUCH("unknown", ioctl(dev, KVM_NO_SUCH, 0));
	NO_SUCH("other-type", ioctl(dev, OTHER_TYPE, 0));
	NO_SUCH("vcpu-ioctl", ioctl(dev, KVM_GET_REGS, &r));
	NO_SUCH("vm-ioctl", ioctl(dev, KVM_CREATE_VCPU, 0));
	NO_SUCH("run", ioctl(dev, KVM_RUN, 0));
	EQ("unknown-extension", ioctl(dev, KVM_CHECK_EXTENSION, 100000), 0);
	EQ("negative-extension", ioctl(dev, KVM_CHECK_EXTENSION, -1l), 0);
	ERR("mmap", (long)mmap(NULL, 4096, PROT_READ, MAP_SHARED, dev, 0),
	    ENODEV);
	ERR("closed", (close(dev), ioctl(dev, KVM_GET_API_VERSION, 0)), EBADF);
}

/* What all the known clients need, with the values that they compare with. */
CASE(extensions)
{
	static const struct {
		const char *name;
		int cap, min, max;
	} caps[] = {
		{ "IRQCHIP", KVM_CAP_IRQCHIP, 1, 1 },
		{ "HLT", KVM_CAP_HLT, 1, 1 },
		{ "USER_MEMORY", KVM_CAP_USER_MEMORY, 1, 1 },
		{ "SET_TSS_ADDR", KVM_CAP_SET_TSS_ADDR, 1, 1 },
		{ "EXT_CPUID", KVM_CAP_EXT_CPUID, 1, 1 },
		{ "NR_VCPUS", KVM_CAP_NR_VCPUS, 1, 4096 },
		{ "NR_MEMSLOTS", KVM_CAP_NR_MEMSLOTS, 64, 32764 },
		{ "PIT2", KVM_CAP_PIT2, 1, 1 },
		{ "MP_STATE", KVM_CAP_MP_STATE, 1, 1 },
		{ "COALESCED_MMIO", KVM_CAP_COALESCED_MMIO, 0, 2 },
		{ "DESTROY", KVM_CAP_DESTROY_MEMORY_REGION_WORKS, 1, 1 },
		{ "JOIN", KVM_CAP_JOIN_MEMORY_REGIONS_WORKS, 1, 1 },
		{ "MAX_VCPUS", KVM_CAP_MAX_VCPUS, 1, 4096 },
		{ "IMMEDIATE_EXIT", KVM_CAP_IMMEDIATE_EXIT, 1, 1 },
	};
	int dev = dev_open();
	int vm = MUST(ioctl(dev, KVM_CREATE_VM, 0));
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(caps); i++) {
		int sys = ioctl(dev, KVM_CHECK_EXTENSION, caps[i].cap);
		int own = ioctl(vm, KVM_CHECK_EXTENSION, caps[i].cap);

		CHECK(sys >= caps[i].min && sys <= caps[i].max,
		      "%s is %d\n", caps[i].name, sys);
		CHECK(own == sys, "%s is %d on the VM, %d on the device\n",
		      caps[i].name, own, sys);
	}
}

CASE(supported_cpuid_sizes)
{
	static struct {
		struct kvm_cpuid2 c;
		struct kvm_cpuid_entry2 e[256];
	} b;
	int dev = dev_open(), n;

	ERR("null", ioctl(dev, KVM_GET_SUPPORTED_CPUID, NULL), EFAULT);
	b.c.nent = 0;
	ERR("room-for-0", ioctl(dev, KVM_GET_SUPPORTED_CPUID, &b), E2BIG);
	b.c.nent = 1;
	ERR("room-for-1", ioctl(dev, KVM_GET_SUPPORTED_CPUID, &b), E2BIG);
	b.c.nent = 256;
	ERR("room-for-256", ioctl(dev, KVM_GET_SUPPORTED_CPUID, &b), 0);
	n = b.c.nent;
	CHECK(n > 8 && n <= 80, "%d entries\n", n);
	b.c.nent = n;
	ERR("room-enough", ioctl(dev, KVM_GET_SUPPORTED_CPUID, &b), 0);
	SAME(b.c.nent, n);
	b.c.nent = n - 1;
	ERR("room-less-one", ioctl(dev, KVM_GET_SUPPORTED_CPUID, &b), E2BIG);
	b.c.nent = ~0u;
	ERR("room-huge", ioctl(dev, KVM_GET_SUPPORTED_CPUID, &b), 0);
}

CASE(msr_lists)
{
	static struct {
		struct kvm_msr_list l;
		u32 index[512];
	} b;
	struct vm *vm = vm_new(VM_BARE);
	struct vcpu *v = vcpu_new(vm, 0);
	u32 n, i, refused = 0;
	u64 val;

	ERR("null", ioctl(vm->dev, KVM_GET_MSR_INDEX_LIST, NULL), EFAULT);
	ERR("bad", ioctl(vm->dev, KVM_GET_MSR_INDEX_LIST, BAD), EFAULT);
	b.l.nmsrs = 0;
	ERR("room-for-0", ioctl(vm->dev, KVM_GET_MSR_INDEX_LIST, &b), E2BIG);
	n = b.l.nmsrs;
	CHECK(n > 8 && n <= 256, "%u MSRs\n", n);
	b.l.nmsrs = n;
	ERR("room-enough", ioctl(vm->dev, KVM_GET_MSR_INDEX_LIST, &b), 0);
	for (i = 0; i < n; i++) {
		if (get_msr(v, b.index[i], &val) == 1)
			continue;
		/* KVM lists some that need a feature which is not there. */
		note("listed, but not readable: %#x\n", b.index[i]);
		refused++;
	}
	CHECK(refused < 16 && (abi_on_kvm() || !refused),
	      "%u listed MSRs are not readable\n", refused);
}

/* ---- a VM's file descriptor ---- */

CASE(vm_ioctls)
{
	struct vm *vm = vm_new(VM_BARE);
	struct kvm_regs r;
	int max = ioctl(vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPU_ID);
	int fd;

	if (max <= 0)
		max = ioctl(vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPUS);
	ERR("unknown", ioctl(vm->fd, KVM_NO_SUCH, 0), ENOTTY);
	ERR("other-type", ioctl(vm->fd, OTHER_TYPE, 0), ENOTTY);
	ERR("vcpu-ioctl", ioctl(vm->fd, KVM_GET_REGS, &r), ENOTTY);
	ERR("system-ioctl", ioctl(vm->fd, KVM_GET_API_VERSION, 0), ENOTTY);
	ERR("vcpu-id-max", ioctl(vm->fd, KVM_CREATE_VCPU, max), EINVAL);
	ERR("vcpu-id-huge", ioctl(vm->fd, KVM_CREATE_VCPU, 0x7fffffff), EINVAL);
	ERR("vcpu-id-negative", ioctl(vm->fd, KVM_CREATE_VCPU, -1l), EINVAL);
	fd = ioctl(vm->fd, KVM_CREATE_VCPU, 3);
	CHECK(fd >= 0, "vCPU 3: %s\n", strerror(errno));
	ERR("vcpu-id-twice", ioctl(vm->fd, KVM_CREATE_VCPU, 3), EEXIST);
	close(fd);
	ERR("vcpu-id-after-close", ioctl(vm->fd, KVM_CREATE_VCPU, 3), EEXIST);
	ERR("irqchip-after-vcpu", ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0), EINVAL);
	ERR("mmap", (long)mmap(NULL, 4096, PROT_READ, MAP_SHARED, vm->fd, 0),
	    ENODEV);
}

CASE(vm_irqchip)
{
	struct vm *vm = vm_new(VM_BARE);
	struct kvm_pit_config pit = { 0 };
	struct kvm_irq_level irq = { .irq = 1, .level = 1 };
	struct kvm_irqchip chip = { .chip_id = 9 };

	ERR("irq-line-without", ioctl(vm->fd, KVM_IRQ_LINE, &irq), ENXIO);
	ERR("get-without", ioctl(vm->fd, KVM_GET_IRQCHIP, &chip), ENXIO);
	ERR("create", ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0), 0);
	ERR("create-twice", ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0), EEXIST);
	ERR("get-chip-9", ioctl(vm->fd, KVM_GET_IRQCHIP, &chip), EINVAL);
	ERR("get-null", ioctl(vm->fd, KVM_GET_IRQCHIP, BAD), EFAULT);
	ERR("irq-line-bad", ioctl(vm->fd, KVM_IRQ_LINE, BAD), EFAULT);
	ERR("irq-line", ioctl(vm->fd, KVM_IRQ_LINE, &irq), 0);
	ERR("pit-null", ioctl(vm->fd, KVM_CREATE_PIT2, BAD), EFAULT);
	ERR("pit", ioctl(vm->fd, KVM_CREATE_PIT2, &pit), 0);
	ERR("pit-twice", ioctl(vm->fd, KVM_CREATE_PIT2, &pit), EEXIST);
	ERR("routing-null", ioctl(vm->fd, KVM_SET_GSI_ROUTING, NULL), EFAULT);
}

CASE(vm_addresses)
{
	struct vm *vm = vm_new(VM_BARE);
	u64 at = 0xfffbc000;

	ERR("tss", ioctl(vm->fd, KVM_SET_TSS_ADDR, 0xfffbd000), 0);
	ERR("tss-beyond", ioctl(vm->fd, KVM_SET_TSS_ADDR, 0xfffff000), EINVAL);
	ERR("identity-null", ioctl(vm->fd, KVM_SET_IDENTITY_MAP_ADDR, NULL),
	    EFAULT);
	ERR("identity", ioctl(vm->fd, KVM_SET_IDENTITY_MAP_ADDR, &at), 0);
	vcpu_new(vm, 0);
	ERR("identity-after-vcpu",
	    ioctl(vm->fd, KVM_SET_IDENTITY_MAP_ADDR, &at), EINVAL);
}

CASE(enable_cap)
{
	struct vm *vm = vm_new(VM_BARE);
	struct kvm_enable_cap cap = { .cap = 99999 };

	ERR("null", ioctl(vm->fd, KVM_ENABLE_CAP, NULL), EFAULT);
	ERR("unknown", ioctl(vm->fd, KVM_ENABLE_CAP, &cap), EINVAL);
	cap.flags = 1;
	ERR("flags", ioctl(vm->fd, KVM_ENABLE_CAP, &cap), EINVAL);
}

/* ---- a vCPU's file descriptor ---- */

CASE(vcpu_pointers)
{
	static const struct {
		const char *name;
		unsigned long req;
	} all[] = {
		{ "GET_REGS", KVM_GET_REGS },
		{ "SET_REGS", KVM_SET_REGS },
		{ "GET_SREGS", KVM_GET_SREGS },
		{ "SET_SREGS", KVM_SET_SREGS },
		{ "GET_FPU", KVM_GET_FPU },
		{ "SET_FPU", KVM_SET_FPU },
		{ "GET_MSRS", KVM_GET_MSRS },
		{ "SET_MSRS", KVM_SET_MSRS },
		{ "SET_CPUID2", KVM_SET_CPUID2 },
		{ "GET_CPUID2", KVM_GET_CPUID2 },
		{ "GET_MP_STATE", KVM_GET_MP_STATE },
		{ "SET_MP_STATE", KVM_SET_MP_STATE },
		{ "GET_LAPIC", KVM_GET_LAPIC },
		{ "SET_LAPIC", KVM_SET_LAPIC },
		{ "SET_SIGNAL_MASK", KVM_SET_SIGNAL_MASK },
		{ "INTERRUPT", KVM_INTERRUPT },
	};
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v = vcpu_new(vm, 0);
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(all); i++) {
		ERR(all[i].name, ioctl(v->fd, all[i].req, BAD), EFAULT);
		ERR(all[i].name, ioctl(v->fd, all[i].req, (void *)-8l), EFAULT);
	}
}

CASE(vcpu_ioctls)
{
	struct vm *vm = vm_new(VM_BARE);
	struct vcpu *v = vcpu_new(vm, 0);
	struct kvm_mp_state mp = { 0 };
	struct kvm_lapic_state lapic;
	void *p;

	NO_SUCH("unknown", ioctl(v->fd, KVM_NO_SUCH, 0));
	NO_SUCH("other-type", ioctl(v->fd, OTHER_TYPE, 0));
	NO_SUCH("vm-ioctl", ioctl(v->fd, KVM_CREATE_VCPU, 0));
	ERR("run-argument", ioctl(v->fd, KVM_RUN, 1), EINVAL);
	ERR("get-lapic-without", ioctl(v->fd, KVM_GET_LAPIC, &lapic), EINVAL);
	ERR("set-lapic-without", ioctl(v->fd, KVM_SET_LAPIC, &lapic), EINVAL);
	mp.mp_state = KVM_MP_STATE_INIT_RECEIVED;
	ERR("mp-state-init-without-apic", ioctl(v->fd, KVM_SET_MP_STATE, &mp),
	    EINVAL);
	p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, v->fd, 0x1000);
	CHECK(p != MAP_FAILED, "page 1: %s\n", strerror(errno));
	p = mmap(NULL, vm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd,
		 0);
	CHECK(p != MAP_FAILED, "all pages: %s\n", strerror(errno));
	EQ("same-page-in-both-maps",
	   (v->run->immediate_exit = 1, ((struct kvm_run *)p)->immediate_exit),
	   1);
}

/* A page beyond the mapping's end is no memory. */
CASE(mmap_beyond)
{
	struct vm *vm = vm_new(VM_BARE);
	struct vcpu *v = vcpu_new(vm, 0);
	volatile u8 *p;
	int status;
	pid_t pid;

	p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, v->fd, 0x40000000);
	if (p == MAP_FAILED) {
		obs("page-beyond", "no mapping");
		return;
	}
	fflush(stdout);
	pid = fork();
	if (!pid) {
		signal(SIGBUS, SIG_DFL);
		(void)*p;
		_exit(0);
	}
	MUST(waitpid(pid, &status, 0));
	EQ("page-beyond-signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0,
	   SIGBUS);
}

/* ---- CPUID2 ---- */

CASE(cpuid2)
{
	static struct {
		struct kvm_cpuid2 c;
		struct kvm_cpuid_entry2 e[512];
	} b;
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_raw(vm, 0);
	struct kvm_cpuid2 *s;
	u32 n, i;

	b.c.nent = 257;
	ERR("257-entries", ioctl(v->fd, KVM_SET_CPUID2, &b), E2BIG);
	b.c.nent = ~0u;
	ERR("huge", ioctl(v->fd, KVM_SET_CPUID2, &b), E2BIG);
	s = supported_cpuid(vm->dev);
	n = s->nent;
	ERR("set", ioctl(v->fd, KVM_SET_CPUID2, s), 0);
	ERR("set-again", ioctl(v->fd, KVM_SET_CPUID2, s), 0);
	b.c.nent = n - 1;
	ERR("get-room-less-one", ioctl(v->fd, KVM_GET_CPUID2, &b), E2BIG);
	b.c.nent = n;
	ERR("get", ioctl(v->fd, KVM_GET_CPUID2, &b), 0);
	SAME(b.c.nent, n);
	/* Bits that follow the vCPU's state may differ: no whole comparison. */
	for (i = 0; i < n; i++)
		SAME(memcmp(&b.e[i], &s->entries[i], 12), 0);
	EQ("leaf-0", memcmp(cpuid_entry(&b.c, 0, 0), cpuid_entry(s, 0, 0),
			    sizeof(b.e[0])), 0);
}

/* ---- registers ---- */

CASE(regs_round_trip)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	struct kvm_regs a, b;
	u64 *p = (u64 *)&a;
	unsigned int i;

	memset(&b, 0, sizeof(b));
	for (i = 0; i < sizeof(a) / 8; i++)
		p[i] = 0x0102030405060708 * (i + 1);
	a.rflags = 0x202;
	set_regs(v, &a);
	get_regs(v, &b);
	EQ("equal", memcmp(&a, &b, sizeof(a)), 0);
	a.rflags = 0;
	set_regs(v, &a);
	get_regs(v, &b);
	EQ("rflags-bit-1", b.rflags, 2);
}

static void check_seg(const char *name, struct kvm_segment *a,
		      struct kvm_segment *b)
{
	EQ(name, memcmp(a, b, sizeof(*a)), 0);
}

CASE(sregs_round_trip)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	struct kvm_sregs a, b;

	mode_long(v, guest_done);
	get_sregs(v, &a);
	a.fs.base = 0x12345678000;
	a.gs.base = 0xffff800000000000;
	a.cr2 = 0xabcdef;
	a.cr8 = 5;
	a.gdt.base = 0x1234;
	a.gdt.limit = 0x55;
	a.idt.base = 0x5678;
	a.idt.limit = 0x77;
	set_sregs(v, &a);
	get_sregs(v, &b);
	check_seg("cs", &a.cs, &b.cs);
	check_seg("ds", &a.ds, &b.ds);
	check_seg("fs", &a.fs, &b.fs);
	check_seg("gs", &a.gs, &b.gs);
	check_seg("ss", &a.ss, &b.ss);
	check_seg("tr", &a.tr, &b.tr);
	EQ("ldt-unusable", b.ldt.unusable, 1);
	EQ("gdt-base", b.gdt.base, 0x1234);
	EQ("gdt-limit", b.gdt.limit, 0x55);
	EQ("idt-base", b.idt.base, 0x5678);
	EQ("idt-limit", b.idt.limit, 0x77);
	EQ("cr0", b.cr0, a.cr0);
	EQ("cr2", b.cr2, 0xabcdef);
	EQ("cr3", b.cr3, a.cr3);
	EQ("cr4", b.cr4, a.cr4);
	EQ("cr8", b.cr8, 5);
	EQ("efer", b.efer, a.efer);
}

static void refuse_sregs(struct vcpu *v, const char *name,
			 const struct kvm_sregs *bad)
{
	struct kvm_sregs before, after;

	get_sregs(v, &before);
	ERR(name, ioctl(v->fd, KVM_SET_SREGS, bad), EINVAL);
	get_sregs(v, &after);
	CHECK(!memcmp(&before, &after, sizeof(before)),
	      "%s: refused, but something was set\n", name);
}

CASE(sregs_refused)
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v = vcpu_new(vm, 0);
	struct kvm_sregs good, s;

	mode_long(v, guest_done);
	get_sregs(v, &good);
	s = good;
	s.cr4 |= BIT(15);
	refuse_sregs(v, "cr4-reserved", &s);
	s = good;
	s.cr4 |= BIT(13);
	refuse_sregs(v, "cr4-vmxe", &s);
	s = good;
	s.cr4 &= ~BIT(5);
	refuse_sregs(v, "long-without-pae", &s);
	s = good;
	s.efer &= ~BIT(10);
	refuse_sregs(v, "long-without-lma", &s);
	s = good;
	s.efer &= ~BIT(8);
	refuse_sregs(v, "lma-without-lme", &s);
	s = good;
	s.cr0 &= ~BIT(31);
	refuse_sregs(v, "lma-without-paging", &s);
	s = good;
	s.apic_base |= 0x10;
	refuse_sregs(v, "apic-base-reserved", &s);
	s = good;
	s.apic_base |= BIT_ULL(60);
	refuse_sregs(v, "apic-base-beyond", &s);
	s = good;
	s.cr3 |= BIT_ULL(60);
	refuse_sregs(v, "cr3-beyond", &s);
}

/* ---- FPU and XSAVE ---- */

CASE(fpu_round_trip)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	struct kvm_fpu a, b;
	unsigned int i;

	memset(&b, 0, sizeof(b));
	ERR("get", ioctl(v->fd, KVM_GET_FPU, &a), 0);
	EQ("reset-fcw", a.fcw, 0x37f);
	for (i = 0; i < 8; i++)
		memset(a.fpr[i], i + 1, 10);
	for (i = 0; i < 16; i++)
		memset(a.xmm[i], i + 0x30, 16);
	a.fcw = 0x27f;
	a.fsw = 0x3800;
	a.ftwx = 0xff;
	a.mxcsr = 0x1fa0;
	ERR("set", ioctl(v->fd, KVM_SET_FPU, &a), 0);
	ERR("get-again", ioctl(v->fd, KVM_GET_FPU, &b), 0);
	EQ("fpr", memcmp(a.fpr, b.fpr, sizeof(a.fpr)), 0);
	EQ("xmm", memcmp(a.xmm, b.xmm, sizeof(a.xmm)), 0);
	EQ("fcw", b.fcw, 0x27f);
	EQ("fsw", b.fsw, 0x3800);
	EQ("ftwx", b.ftwx, 0xff);
	/* KVM neither sets nor gets MXCSR here. */
	CHECK(b.mxcsr == (abi_on_kvm() ? 0 : 0x1fa0), "MXCSR is %#x\n",
	      b.mxcsr);
}

static void fpu_guest(void)
{
	static u64 x[2], y[2];

	/* Until SSE was used once, KVM takes what it is given for unused. */
	asm volatile("pcmpeqd %%xmm3, %%xmm3" : : : "memory");
	guest_sync(0);
	asm volatile("movups %%xmm7, %0" : "=m"(x) : : "memory");
	g_value("xmm7-low", x[0], 0x3737373737373737);
	y[0] = 0x1111;
	y[1] = 0x2222;
	asm volatile("movups %0, %%xmm9" : : "m"(y) : "memory");
}

CASE(fpu_reaches_guest)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	struct kvm_fpu f;
	u64 x[2];

	mode_long(v, fpu_guest);
	vcpu_exit(v);
	MUST(ioctl(v->fd, KVM_GET_FPU, &f));
	memcpy(x, f.xmm[3], 16);
	EQ("xmm3-low", x[0], ~0ull);
	memset(f.xmm[7], 0x37, 16);
	MUST(ioctl(v->fd, KVM_SET_FPU, &f));
	run_done(v);
	check_log(vm);
	MUST(ioctl(v->fd, KVM_GET_FPU, &f));
	memcpy(x, f.xmm[9], 16);
	EQ("xmm9-low", x[0], 0x1111);
	EQ("xmm9-high", x[1], 0x2222);
	memcpy(x, f.xmm[7], 8);
	EQ("xmm7-kept", x[0], 0x3737373737373737);
}

CASE(xsave_round_trip)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	struct kvm_xsave a, b;
	struct kvm_xcrs x = { 0 };

	if (dev_cap(KVM_CAP_XSAVE) <= 0)
		skip("KVM_CAP_XSAVE is not offered");
	ERR("get", ioctl(v->fd, KVM_GET_XSAVE, &a), 0);
	memset((u8 *)a.region + 160, 0x5a, 256);	/* XMM0 to 15 */
	a.region[512 / 4] |= 3;				/* XSTATE_BV */
	ERR("set", ioctl(v->fd, KVM_SET_XSAVE, &a), 0);
	ERR("get-again", ioctl(v->fd, KVM_GET_XSAVE, &b), 0);
	EQ("xmm", memcmp((u8 *)a.region + 160, (u8 *)b.region + 160, 256), 0);
	a.region[512 / 4 + 2] = 1;			/* XCOMP_BV */
	ERR("xcomp-bv", ioctl(v->fd, KVM_SET_XSAVE, &a), EINVAL);
	a.region[512 / 4 + 2] = 0;
	a.region[512 / 4 + 1] |= 1u << 30;
	ERR("unknown-component", ioctl(v->fd, KVM_SET_XSAVE, &a), EINVAL);
	if (dev_cap(KVM_CAP_XCRS) <= 0)
		return;
	ERR("get-xcrs", ioctl(v->fd, KVM_GET_XCRS, &x), 0);
	EQ("xcr0", x.xcrs[0].value, 1);
	x.xcrs[0].value = 2;
	ERR("xcr0-without-x87", ioctl(v->fd, KVM_SET_XCRS, &x), EINVAL);
	x.xcrs[0].value = 3;
	ERR("xcr0-sse", ioctl(v->fd, KVM_SET_XCRS, &x), 0);
}

/* ---- MSRs ---- */

CASE(msrs)
{
	struct {
		struct kvm_msrs m;
		struct kvm_msr_entry e[4];
	} b = { .m.nmsrs = 3 };
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);

	b.e[0].index = 0xc0000102;
	b.e[0].data = 0x1234000;
	b.e[1].index = 0xdeadbeef;
	b.e[2].index = 0x174;
	b.e[2].data = 0x10;
	EQ("set-stops-at-unknown", ioctl(v->fd, KVM_SET_MSRS, &b), 1);
	b.e[0].data = 0;
	EQ("get-stops-at-unknown", ioctl(v->fd, KVM_GET_MSRS, &b), 1);
	EQ("kernel-gs-base", b.e[0].data, 0x1234000);
	b.m.nmsrs = 0;
	EQ("set-none", ioctl(v->fd, KVM_SET_MSRS, &b), 0);
	EQ("get-none", ioctl(v->fd, KVM_GET_MSRS, &b), 0);
	b.m.nmsrs = 257;
	ERR("set-257", ioctl(v->fd, KVM_SET_MSRS, &b), E2BIG);
	ERR("get-257", ioctl(v->fd, KVM_GET_MSRS, &b), E2BIG);
	b.m.nmsrs = ~0u;
	ERR("get-huge", ioctl(v->fd, KVM_GET_MSRS, &b), E2BIG);
	EQ("set-non-canonical", set_msr(v, 0xc0000102, 0x800000000000), 0);
	EQ("set-pat-invalid", set_msr(v, 0x277, 2), 0);
	EQ("set-efer-reserved", set_msr(v, 0xc0000080, 1ull << 63), 0);
}

/* ---- multiprocessing state, local APIC ---- */

CASE(mp_state)
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v = vcpu_new(vm, 0), *w = vcpu_new(vm, 1);
	struct kvm_mp_state mp;
	u32 i;

	MUST(ioctl(v->fd, KVM_GET_MP_STATE, &mp));
	EQ("bsp", mp.mp_state, KVM_MP_STATE_RUNNABLE);
	MUST(ioctl(w->fd, KVM_GET_MP_STATE, &mp));
	EQ("ap", mp.mp_state, KVM_MP_STATE_UNINITIALIZED);
	for (i = 0; i < 4; i++) {
		mp.mp_state = i;
		if (i == KVM_MP_STATE_INIT_RECEIVED)
			continue;
		ERR("set", ioctl(w->fd, KVM_SET_MP_STATE, &mp), 0);
		MUST(ioctl(w->fd, KVM_GET_MP_STATE, &mp));
		EQ("get", mp.mp_state, i);
	}
	mp.mp_state = 99;
	ERR("set-99", ioctl(w->fd, KVM_SET_MP_STATE, &mp), EINVAL);
}

/* An AP that nobody started waits in KVM_RUN. */
CASE(ap_waits)
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v = vcpu_new(vm, 0), *w = vcpu_new(vm, 1);

	(void)v;
	kick_after(50000);
	EQ("run", vcpu_run(w), EINTR);
	no_kick();
}

static u32 apic_reg(struct kvm_lapic_state *l, u32 reg)
{
	u32 v;

	memcpy(&v, l->regs + reg, 4);
	return v;
}

CASE(lapic_round_trip)
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v = vcpu_new(vm, 0), *w = vcpu_new(vm, 1);
	struct kvm_lapic_state l, m;
	u32 val;

	ERR("get", ioctl(v->fd, KVM_GET_LAPIC, &l), 0);
	EQ("id-0", apic_reg(&l, 0x20), 0);
	obs("version", "%#x", apic_reg(&l, 0x30) & 0xff00ff);
	EQ("spurious", apic_reg(&l, 0xf0), 0xff);
	EQ("lvt-lint0", apic_reg(&l, 0x350), 0x700);
	EQ("lvt-timer", apic_reg(&l, 0x320), 0x10000);
	EQ("dfr", apic_reg(&l, 0xe0), 0xffffffff);
	val = 0x1f0;
	memcpy(l.regs + 0xf0, &val, 4);
	val = 0x30;
	memcpy(l.regs + 0x80, &val, 4);
	ERR("set", ioctl(v->fd, KVM_SET_LAPIC, &l), 0);
	ERR("get-again", ioctl(v->fd, KVM_GET_LAPIC, &m), 0);
	EQ("spurious-set", apic_reg(&m, 0xf0), 0x1f0);
	EQ("tpr-set", apic_reg(&m, 0x80), 0x30);
	MUST(ioctl(w->fd, KVM_GET_LAPIC, &m));
	EQ("id-1", apic_reg(&m, 0x20), 1u << 24);
}

/* ---- lifetimes ---- */

/* A vCPU keeps its VM, a VM its device: fds may be closed in any order. */
CASE(close_order)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	struct kvm_regs r;

	mode_long(v, guest_done);
	close(vm->dev);
	close(vm->fd);
	run_done(v);
	ERR("regs", ioctl(v->fd, KVM_GET_REGS, &r), 0);
	close(v->fd);
	EQ("run-page-still-mapped", v->run->exit_reason, KVM_EXIT_IO);
}

CASE(many_vms)
{
	int dev = dev_open(), fd[64], i, n = 0;

	for (i = 0; i < 64; i++) {
		fd[i] = ioctl(dev, KVM_CREATE_VM, 0);
		n += fd[i] >= 0;
	}
	EQ("created", n, 64);
	for (i = 0; i < 64; i++)
		close(fd[i]);
	n = ioctl(dev, KVM_CREATE_VM, 0);
	CHECK(n >= 0, "no VM after 64 were closed: %s\n", strerror(errno));
}

CASE(device_modes)
{
	int fd = open(abi_dev(), O_RDONLY);

	CHECK(fd >= 0, "open read-only: %s\n", strerror(errno));
	EQ("api-version", ioctl(fd, KVM_GET_API_VERSION, 0), 12);
	ERR("read", read(fd, &fd, 4), EINVAL);
	ERR("write", write(fd, "x", 1), EBADF);
}
