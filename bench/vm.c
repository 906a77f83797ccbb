// SPDX-License-Identifier: GPL-2.0
/*
 * vm.c - build and run the benchmark's virtual machine.
 *
 * One VM with the in-kernel interrupt controllers, one vCPU, 2 MiB of memory
 * with the guest's tables and programs (guest.h, guest.S), started directly in
 * 64-bit mode.  It owns the file descriptors and mappings of its struct vm.
 * Nothing here is timed but the run loop, whose way from KVM_RUN to KVM_RUN is
 * part of every exit to userspace, and so is kept as short as a VMM can.
 *
 * Functions return 0 or, after an error message, -1.  SDM 3A 2.5, 3.4.5, 4.5.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"
#include "guest.h"
#include "vm.h"

#define MAX_CPUID		256

#define X86_CR0_BITS		0x80050033	/* PG AM WP NE ET MP PE */
#define X86_CR4_BITS		0x620		/* PAE OSFXSR OSXMMEXCPT */
#define X86_EFER_BITS		0xd01		/* NXE LMA LME SCE */

#define PTE_TABLE		0x3		/* present, writable */
#define PTE_LARGE		0x83

static const struct vm closed = { .sys = -1, .fd = -1, .vcpu = -1 };

/* A memory slot; without @size it is deleted. */
int vm_set_slot(struct vm *vm, uint32_t slot, uint64_t gpa, size_t size,
		void *mem)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)mem,
	};

	if (ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &region) < 0)
		return failed("KVM_SET_USER_MEMORY_REGION");
	return 0;
}

static void *map_anonymous(size_t size, int populate)
{
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (mem == MAP_FAILED)
		return NULL;
	/* 4 KiB pages on both sides, whatever the host's policy is. */
	madvise(mem, size, MADV_NOHUGEPAGE);
	if (populate)
		memset(mem, 0, size);
	return mem;
}

static void set_qword(struct vm *vm, uint64_t gpa, uint64_t value)
{
	memcpy(vm->low + gpa, &value, sizeof(value));
}

/* Memory one to one in 2 MiB pages: 4 GiB of it. */
static void build_page_tables(struct vm *vm)
{
	uint64_t i;

	set_qword(vm, GUEST_PML4, GUEST_PDPT | PTE_TABLE);
	for (i = 0; i < 4; i++)
		set_qword(vm, GUEST_PDPT + i * 8,
			  (GUEST_PD + i * 0x1000) | PTE_TABLE);
	for (i = 0; i < 4 * 512; i++)
		set_qword(vm, GUEST_PD + i * 8, (i << 21) | PTE_LARGE);
}

static uint64_t code_address(const uint8_t *symbol)
{
	return GUEST_CODE + (uint64_t)(symbol - guest_begin);
}

static void set_gate(struct vm *vm, int vector, const uint8_t *handler)
{
	uint64_t entry = code_address(handler);
	uint64_t gate = GUEST_IDT + vector * 16;

	set_qword(vm, gate, (entry & 0xffff) | 0x8 << 16 | 0x8eULL << 40 |
		  (entry & 0xffff0000) << 32);
	set_qword(vm, gate + 8, entry >> 32);
}

/* GDT: null, 64-bit code (0x8), data (0x10); IDT: three interrupts' gates. */
static void build_descriptors(struct vm *vm)
{
	set_qword(vm, GUEST_GDT + 0x08, 0x00af9b000000ffff);
	set_qword(vm, GUEST_GDT + 0x10, 0x00cf93000000ffff);
	set_gate(vm, GUEST_TIMER_VECTOR, guest_timer);
	set_gate(vm, GUEST_XAPIC_VECTOR, guest_xapic);
	set_gate(vm, GUEST_CALL_VECTOR, guest_called);
}

static struct kvm_segment segment(uint16_t selector, uint8_t type)
{
	struct kvm_segment seg = {
		.limit = 0xffffffff,
		.selector = selector,
		.type = type,
		.present = 1,
		.s = 1,
		.g = 1,
	};

	return seg;
}

static int set_sregs(struct vm *vm)
{
	struct kvm_segment data = segment(0x10, 3);
	struct kvm_sregs sregs;

	data.db = 1;
	if (ioctl(vm->vcpu, KVM_GET_SREGS, &sregs) < 0)
		return failed("KVM_GET_SREGS");
	sregs.cs = segment(0x8, 11);
	sregs.cs.l = 1;
	sregs.ds = data;
	sregs.es = data;
	sregs.fs = data;
	sregs.gs = data;
	sregs.ss = data;
	sregs.tr = segment(0x18, 11);
	sregs.tr.base = GUEST_TSS;
	sregs.tr.limit = 0x67;
	sregs.tr.s = 0;
	sregs.tr.g = 0;
	sregs.gdt.base = GUEST_GDT;
	sregs.gdt.limit = 0x17;
	sregs.idt.base = GUEST_IDT;
	sregs.idt.limit = 0xfff;
	sregs.cr0 = X86_CR0_BITS;
	sregs.cr3 = GUEST_PML4;
	sregs.cr4 = X86_CR4_BITS;
	sregs.efer = X86_EFER_BITS;
	if (ioctl(vm->vcpu, KVM_SET_SREGS, &sregs) < 0)
		return failed("KVM_SET_SREGS");
	return 0;
}

/* All that the hypervisor offers, and the TSC deadline timer. */
static int set_cpuid(struct vm *vm)
{
	static struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entries[MAX_CPUID];
	} cpuid;
	uint32_t i;

	cpuid.head.nent = MAX_CPUID;
	if (ioctl(vm->sys, KVM_GET_SUPPORTED_CPUID, &cpuid) < 0)
		return failed("KVM_GET_SUPPORTED_CPUID");
	for (i = 0; i < cpuid.head.nent; i++)
		if (cpuid.entries[i].function == 1)
			cpuid.entries[i].ecx |= 1 << 21 | 1 << 24;
	if (ioctl(vm->vcpu, KVM_SET_CPUID2, &cpuid) < 0)
		return failed("KVM_SET_CPUID2");
	return 0;
}

static int create_vcpu(struct vm *vm, unsigned long id)
{
	int size;

	vm->vcpu = ioctl(vm->fd, KVM_CREATE_VCPU, id);
	if (vm->vcpu < 0)
		return failed("KVM_CREATE_VCPU");
	size = ioctl(vm->sys, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (size < 0)
		return failed("KVM_GET_VCPU_MMAP_SIZE");
	vm->run_size = size;
	vm->run = mmap(NULL, vm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED,
		       vm->vcpu, 0);
	if (vm->run == MAP_FAILED) {
		vm->run = NULL;
		return failed("mmap of the vCPU");
	}
	return set_cpuid(vm);
}

static int make_low_memory(struct vm *vm)
{
	vm->low = map_anonymous(GUEST_LOW_SIZE, 1);
	if (!vm->low)
		return failed("mmap of guest memory");
	build_page_tables(vm);
	build_descriptors(vm);
	memcpy(vm->low + GUEST_CODE, guest_begin, guest_end - guest_begin);
	return 0;
}

static int create_vm(struct vm *vm, const char *dev)
{
	vm->sys = open(dev, O_RDWR | O_CLOEXEC);
	if (vm->sys < 0)
		return failed(dev);
	vm->fd = ioctl(vm->sys, KVM_CREATE_VM, 0);
	if (vm->fd < 0)
		return failed("KVM_CREATE_VM");
	if (ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0) < 0)
		return failed("KVM_CREATE_IRQCHIP");
	if (!vm->low && make_low_memory(vm) < 0)
		return -1;
	if (vm_set_slot(vm, 0, 0, GUEST_LOW_SIZE, vm->low) < 0)
		return -1;
	return create_vcpu(vm, 0);
}

/* A VM that isn't there, for vm_close() to leave alone. */
void vm_init(struct vm *vm)
{
	*vm = closed;
}

/*
 * Make a VM on the device @dev, with the memory @low of another VM, or with
 * memory of its own if that is NULL.  vm_close() must follow, on failure too.
 */
int vm_open(struct vm *vm, const char *dev, uint8_t *low)
{
	vm_init(vm);
	vm->low = low;
	vm->low_shared = low != NULL;
	return create_vm(vm, dev);
}

/*
 * One more vCPU of the VM @first, which runs without a SIPI.  It has file
 * descriptors of its own, and vm_close() must follow, on failure too.
 */
int vm_open_second(struct vm *vm, const struct vm *first)
{
	struct kvm_mp_state runnable = { KVM_MP_STATE_RUNNABLE };

	vm_init(vm);
	vm->low = first->low;
	vm->low_shared = 1;
	vm->sys = dup(first->sys);
	vm->fd = dup(first->fd);
	if (vm->sys < 0 || vm->fd < 0)
		return failed("dup");
	if (create_vcpu(vm, 1) < 0)
		return -1;
	if (ioctl(vm->vcpu, KVM_SET_MP_STATE, &runnable) < 0)
		return failed("KVM_SET_MP_STATE");
	return 0;
}

void vm_close(struct vm *vm)
{
	if (vm->run)
		munmap(vm->run, vm->run_size);
	if (vm->vcpu >= 0)
		close(vm->vcpu);
	if (vm->fd >= 0)
		close(vm->fd);
	if (vm->sys >= 0)
		close(vm->sys);
	if (vm->low && !vm->low_shared)
		munmap(vm->low, GUEST_LOW_SIZE);
	if (vm->fresh)
		munmap(vm->fresh, vm->fresh_size);
	*vm = closed;
}

/* @size bytes of memory at GUEST_FRESH, in which the host has touched all
 * pages (@populate) or none.
 */
int vm_add_fresh(struct vm *vm, size_t size, int populate)
{
	vm->fresh = map_anonymous(size, populate);
	if (!vm->fresh)
		return failed("mmap of guest memory");
	vm->fresh_size = size;
	return vm_set_slot(vm, 1, GUEST_FRESH, size, vm->fresh);
}

/*
 * The same in memory that the host may map by pages of @align bytes, none of
 * them touched.
 */
int vm_add_huge(struct vm *vm, size_t size, size_t align)
{
	uintptr_t first;

	vm->fresh_size = size + align;
	vm->fresh = mmap(NULL, vm->fresh_size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (vm->fresh == MAP_FAILED) {
		vm->fresh = NULL;
		return failed("mmap of guest memory");
	}
	first = ((uintptr_t)vm->fresh + align - 1) & ~(align - 1);
	madvise((void *)first, size, MADV_HUGEPAGE);
	return vm_set_slot(vm, 1, GUEST_FRESH, size, (void *)first);
}

static int start_at(struct vm *vm, const uint8_t *program, uint64_t stack)
{
	struct kvm_regs regs = {
		.rip = code_address(program),
		.rsp = stack,
		.rflags = 0x202,
	};

	if (set_sregs(vm) < 0)
		return -1;
	if (ioctl(vm->vcpu, KVM_SET_REGS, &regs) < 0)
		return failed("KVM_SET_REGS");
	return 0;
}

/* Point the vCPU at a program of guest.S, with its argument. */
int vm_start(struct vm *vm, const uint8_t *program, uint64_t arg)
{
	set_qword(vm, GUEST_MAIL + MAIL_ARG, arg);
	return start_at(vm, program, GUEST_STACK);
}

/* Point the second vCPU at a program, which never ends. */
int vm_start_second(struct vm *vm, const uint8_t *program)
{
	return start_at(vm, program, GUEST_STACK_2);
}

static int unexpected_exit(struct vm *vm)
{
	struct kvm_regs regs = { 0 };

	ioctl(vm->vcpu, KVM_GET_REGS, &regs);
	complain("the guest stopped with exit reason %u at rip %#llx",
		 vm->run->exit_reason, regs.rip);
	if (vm->run->exit_reason == KVM_EXIT_INTERNAL_ERROR)
		complain("internal error: suberror %u",
			 vm->run->internal.suberror);
	return -1;
}

/* Run the second vCPU until *@stop; a signal has to call it out. */
int vm_run_second(struct vm *vm, const int *stop)
{
	while (!__atomic_load_n(stop, __ATOMIC_ACQUIRE)) {
		if (ioctl(vm->vcpu, KVM_RUN, 0) == 0)
			return unexpected_exit(vm);
		if (errno != EINTR && errno != EAGAIN)
			return failed("KVM_RUN of the second vCPU");
	}
	return 0;
}

/*
 * Run one batch of the started program: @iterations of it, between markers if
 * @mark.  Its results are then in the mailbox.
 */
int vm_batch(struct vm *vm, uint64_t iterations, int mark)
{
	struct kvm_run *run = vm->run;

	set_qword(vm, GUEST_MAIL + MAIL_BATCH, iterations);
	set_qword(vm, GUEST_MAIL + MAIL_MARK, mark);
	for (;;) {
		if (ioctl(vm->vcpu, KVM_RUN, 0) < 0) {
			if (errno == EINTR && !out_of_time())
				continue;
			return failed("KVM_RUN");
		}
		if (run->exit_reason == KVM_EXIT_IO) {
			if (run->io.port == PORT_BATCH)
				return 0;
			((uint8_t *)run)[run->io.data_offset] = 0;
		} else if (run->exit_reason == KVM_EXIT_MMIO) {
			run->mmio.data[0] = 0;
		} else {
			return unexpected_exit(vm);
		}
	}
}

/* A field of the mailbox (MAIL_TICKS, MAIL_LATENCY). */
uint64_t vm_mail(const struct vm *vm, unsigned int field)
{
	uint64_t value;

	memcpy(&value, vm->low + GUEST_MAIL + field, sizeof(value));
	return value;
}
