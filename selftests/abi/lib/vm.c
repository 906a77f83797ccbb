// SPDX-License-Identifier: GPL-2.0
/*
 * vm.c - VMs and vCPUs of the ABI tests: making them and running them.
 *
 * Guest memory is slot 0 at guest-physical 0.  The program's own image is
 * copied into it at the address where it is linked, so that a C function of
 * the test can be run by the guest under the same address; each VM has its own
 * copy of the variables, which the host reads through GVAR().
 */
#include <sys/time.h>

#include "abi.h"
#include "guest.h"

extern const char __executable_start[], _end[];

#define CPUID_MAX 128

/**
 * dev_open() - open the device under test; a failure ends the case
 *
 * Return: its file descriptor.
 */
int dev_open(void)
{
	int fd = open(abi_dev(), O_RDWR | O_CLOEXEC);

	if (fd < 0)
		die("open %s: %s\n", abi_dev(), strerror(errno));
	return fd;
}

/**
 * dev_cap() - ask for a capability on the system file descriptor
 * @cap: KVM_CAP_*
 *
 * Return: KVM_CHECK_EXTENSION's answer.
 */
int dev_cap(int cap)
{
	int dev = dev_open();
	int r = ioctl(dev, KVM_CHECK_EXTENSION, cap);

	close(dev);
	return r;
}

/**
 * supported_cpuid() - KVM_GET_SUPPORTED_CPUID, without VMX
 * @dev: the device's file descriptor
 *
 * A guest that runs guests of its own is no subject of these tests.
 *
 * Return: the table, in static memory.
 */
struct kvm_cpuid2 *supported_cpuid(int dev)
{
	static struct {
		struct kvm_cpuid2 c;
		struct kvm_cpuid_entry2 e[CPUID_MAX];
	} buf;
	struct kvm_cpuid_entry2 *e;

	memset(&buf, 0, sizeof(buf));
	buf.c.nent = CPUID_MAX;
	MUST(ioctl(dev, KVM_GET_SUPPORTED_CPUID, &buf));
	e = cpuid_entry(&buf.c, 1, 0);
	if (e)
		e->ecx &= ~BIT(5);
	return &buf.c;
}

/**
 * cpuid_entry() - find a leaf in a table
 * @c: the table
 * @leaf: EAX
 * @sub: ECX
 *
 * Return: the entry, or NULL.
 */
struct kvm_cpuid_entry2 *cpuid_entry(struct kvm_cpuid2 *c, u32 leaf, u32 sub)
{
	u32 i;

	for (i = 0; i < c->nent; i++)
		if (c->entries[i].function == leaf &&
		    c->entries[i].index == sub)
			return &c->entries[i];
	return NULL;
}

/**
 * need_x2apic() - skip the case where a vCPU can't have an x2APIC
 * @dev: the device
 */
void need_x2apic(int dev)
{
	if (!(cpuid_entry(supported_cpuid(dev), 1, 0)->ecx >> 21 & 1))
		skip("x2APIC is not supported");
}

/**
 * host_cpu_has() - a feature bit of the processor that runs the tests
 * @leaf: EAX
 * @sub: ECX
 * @reg: 0 to 3 for EAX, EBX, ECX, EDX
 * @bit: its number
 *
 * Return: whether it is set.
 */
bool host_cpu_has(u32 leaf, u32 sub, int reg, int bit)
{
	u32 r[4];

	asm volatile("cpuid" : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3])
		     : "a"(leaf), "c"(sub));
	return r[reg] >> bit & 1;
}

/**
 * vm_slot() - KVM_SET_USER_MEMORY_REGION
 * @vm: the VM
 * @slot: its number
 * @flags: KVM_MEM_*
 * @gpa: guest-physical address
 * @size: bytes; 0 deletes
 * @hva: user address
 *
 * Return: as the ioctl does.
 */
int vm_slot(struct vm *vm, u32 slot, u32 flags, u64 gpa, u64 size, void *hva)
{
	struct kvm_userspace_memory_region r = {
		.slot = slot, .flags = flags, .guest_phys_addr = gpa,
		.memory_size = size, .userspace_addr = (uintptr_t)hva,
	};

	return ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &r);
}

/**
 * vm_add_ram() - give the VM fresh anonymous memory
 * @vm: the VM
 * @slot: a free slot
 * @gpa: where
 * @size: bytes
 *
 * Return: the user address.
 */
void *vm_add_ram(struct vm *vm, u32 slot, u64 gpa, u64 size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		die("mmap of %#llx bytes: %s\n", (unsigned long long)size,
		    strerror(errno));
	MUST(vm_slot(vm, slot, 0, gpa, size, p));
	return p;
}

static void copy_image(struct vm *vm)
{
	memcpy(vm->ram + (uintptr_t)__executable_start, __executable_start,
	       _end - __executable_start);
}

static void build_gdt(struct vm *vm)
{
	u64 *gdt = (u64 *)(vm->ram + GPA_GDT);
	const u64 tss = GPA_TSS;

	gdt[SEL_CS64 / 8] = 0x00af9b000000ffff;
	gdt[SEL_DS / 8] = 0x00cf93000000ffff;
	gdt[SEL_UCS32 / 8] = 0x00cffb000000ffff;
	gdt[SEL_UDS / 8] = 0x00cff3000000ffff;
	gdt[SEL_UCS64 / 8] = 0x00affb000000ffff;
	gdt[SEL_TSS / 8] = 0x00008b0000000067 | tss << 16;
	gdt[SEL_TSS / 8 + 1] = 0;
	gdt[SEL_CS32 / 8] = 0x00cf9b000000ffff;
	gdt[SEL_CS16 / 8] = 0x00009b000000ffff;
	gdt[SEL_DS16 / 8] = 0x000093000000ffff;
}

/* 64-bit gates to the stubs; INT3, INTO and 0x80 upwards open to ring 3. */
static void build_idt(struct vm *vm)
{
	u64 *idt = (u64 *)(vm->ram + GPA_IDT);
	u64 type, to;
	unsigned int i;

	for (i = 0; i < 256; i++) {
		to = (uintptr_t)guest_stubs + 16 * i;
		type = i == 3 || i == 4 || i >= 0x80 ? 0xee : 0x8e;
		idt[2 * i] = (to & 0xffff) | SEL_CS64 << 16 | type << 40 |
			     (to >> 16 & 0xffff) << 48;
		idt[2 * i + 1] = to >> 32;
	}
}

static void build_paging(struct vm *vm)
{
	u64 *pml4 = (u64 *)(vm->ram + GPA_PML4);
	u64 *pdpt = (u64 *)(vm->ram + GPA_PDPT);
	u64 *pd = (u64 *)(vm->ram + GPA_PD);
	u64 *pd3 = (u64 *)(vm->ram + GPA_PD3);
	u64 i;

	pml4[0] = GPA_PDPT | 7;
	pdpt[0] = GPA_PD | 7;
	pdpt[3] = GPA_PD3 | 7;
	for (i = 0; i < 512; i++) {
		pd[i] = i << 21 | 0x87;
		pd3[i] = ((i << 21) + 0xc0000000) | 0x87;
	}
}

static void build_tss(struct vm *vm)
{
	u64 rsp0 = GPA_STACKS + 15 * STACK_SIZE + STACK_SIZE - 16;

	memcpy(vm->ram + GPA_TSS + 4, &rsp0, 8);
	/* No I/O bitmap: its base is beyond the limit. */
	vm->ram[GPA_TSS + 0x66] = 0x68;
}

/**
 * vm_new() - a VM with the tests' memory, tables and image
 * @flags: VM_*
 *
 * Return: the VM; a failure ends the case.
 */
struct vm *vm_new(unsigned int flags)
{
	struct vm *vm = calloc(1, sizeof(*vm));
	struct kvm_pit_config pit = { 0 };

	vm->dev = dev_open();
	vm->fd = MUST(ioctl(vm->dev, KVM_CREATE_VM, 0));
	vm->run_size = MUST(ioctl(vm->dev, KVM_GET_VCPU_MMAP_SIZE, 0));
	if (flags & VM_IRQCHIP)
		MUST(ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0));
	if (flags & VM_PIT)
		MUST(ioctl(vm->fd, KVM_CREATE_PIT2, &pit));
	if (flags & VM_BARE)
		return vm;
	vm->ram = vm_add_ram(vm, 0, 0, RAM_SIZE);
	copy_image(vm);
	build_gdt(vm);
	build_idt(vm);
	build_paging(vm);
	build_tss(vm);
	return vm;
}

/**
 * vm_free() - close a VM and unmap its memory
 * @vm: whose vCPUs are already closed
 */
void vm_free(struct vm *vm)
{
	close(vm->fd);
	close(vm->dev);
	if (vm->ram)
		munmap(vm->ram, RAM_SIZE);
	free(vm);
}

/**
 * vcpu_raw() - a vCPU as the API gives it, without CPUID
 * @vm: its VM
 * @id: its number
 *
 * Return: the vCPU; a failure ends the case.
 */
struct vcpu *vcpu_raw(struct vm *vm, u32 id)
{
	struct vcpu *v = calloc(1, sizeof(*v));

	v->vm = vm;
	v->id = id;
	v->fd = MUST(ioctl(vm->fd, KVM_CREATE_VCPU, id));
	v->run = mmap(NULL, vm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED,
		      v->fd, 0);
	if (v->run == MAP_FAILED)
		die("mmap of vCPU: %s\n", strerror(errno));
	return v;
}

/**
 * vcpu_new() - a vCPU with all the CPUID that the device supports
 * @vm: its VM
 * @id: its number
 *
 * Return: the vCPU; a failure ends the case.
 */
struct vcpu *vcpu_new(struct vm *vm, u32 id)
{
	struct vcpu *v = vcpu_raw(vm, id);

	MUST(ioctl(v->fd, KVM_SET_CPUID2, supported_cpuid(vm->dev)));
	return v;
}

/**
 * vcpu_free() - close a vCPU
 * @v: the vCPU
 */
void vcpu_free(struct vcpu *v)
{
	munmap(v->run, v->vm->run_size);
	close(v->fd);
	free(v);
}

/** get_regs() - KVM_GET_REGS; @v: the vCPU; @r: filled */
void get_regs(struct vcpu *v, struct kvm_regs *r)
{
	MUST(ioctl(v->fd, KVM_GET_REGS, r));
}

/** set_regs() - KVM_SET_REGS; @v: the vCPU; @r: the registers */
void set_regs(struct vcpu *v, const struct kvm_regs *r)
{
	MUST(ioctl(v->fd, KVM_SET_REGS, r));
}

/** get_sregs() - KVM_GET_SREGS; @v: the vCPU; @s: filled */
void get_sregs(struct vcpu *v, struct kvm_sregs *s)
{
	MUST(ioctl(v->fd, KVM_GET_SREGS, s));
}

/** set_sregs() - KVM_SET_SREGS; @v: the vCPU; @s: the registers */
void set_sregs(struct vcpu *v, const struct kvm_sregs *s)
{
	MUST(ioctl(v->fd, KVM_SET_SREGS, s));
}

/**
 * set_msr() - KVM_SET_MSRS of one
 * @v: the vCPU
 * @index: of the MSR
 * @val: to write
 *
 * Return: 1, or 0 if it was refused.
 */
int set_msr(struct vcpu *v, u32 index, u64 val)
{
	struct {
		struct kvm_msrs m;
		struct kvm_msr_entry e;
	} b = { .m.nmsrs = 1, .e = { .index = index, .data = val } };

	return MUST(ioctl(v->fd, KVM_SET_MSRS, &b));
}

/**
 * get_msr() - KVM_GET_MSRS of one
 * @v: the vCPU
 * @index: of the MSR
 * @val: filled
 *
 * Return: 1, or 0 if it was refused.
 */
int get_msr(struct vcpu *v, u32 index, u64 *val)
{
	struct {
		struct kvm_msrs m;
		struct kvm_msr_entry e;
	} b = { .m.nmsrs = 1, .e = { .index = index } };
	int r = MUST(ioctl(v->fd, KVM_GET_MSRS, &b));

	*val = b.e.data;
	return r;
}

/**
 * load_blob() - copy assembled code into guest memory
 * @vm: the VM
 * @gpa: where
 * @start: of the code
 * @end: of the code
 */
void load_blob(struct vm *vm, u32 gpa, const u8 *start, const u8 *end)
{
	memcpy(vm->ram + gpa, start, end - start);
}

/**
 * vcpu_run() - KVM_RUN once
 * @v: the vCPU
 *
 * Return: 0, or the errno.
 */
int vcpu_run(struct vcpu *v)
{
	return ioctl(v->fd, KVM_RUN, 0) ? errno : 0;
}
