/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vm.h - a virtual machine with one vCPU in 64-bit mode, or two, to measure with.
 */
#ifndef BENCH_VM_H
#define BENCH_VM_H

#include <stddef.h>
#include <stdint.h>
#include <linux/kvm.h>

struct vm {
	int sys;		/* the device */
	int fd;			/* the VM */
	int vcpu;
	struct kvm_run *run;
	size_t run_size;
	uint8_t *low;		/* GUEST_LOW_SIZE bytes at guest address 0 */
	int low_shared;		/* they belong to another VM */
	void *fresh;		/* the second slot's memory, or NULL */
	size_t fresh_size;
};

/* The programs of guest.S; addresses in this program's image. */
extern const uint8_t guest_begin[], guest_end[];
extern const uint8_t guest_empty[], guest_cpuid[], guest_vmcall[];
extern const uint8_t guest_rdmsr[], guest_wrmsr[], guest_in[], guest_out[];
extern const uint8_t guest_mmio_read[], guest_mmio_write[], guest_touch[];
extern const uint8_t guest_sweep[], guest_touch_apart[], guest_touch_huge[];
extern const uint8_t guest_cr0_wp[], guest_cr0_am[], guest_wbinvd[];
extern const uint8_t guest_deadline[], guest_halt[], guest_timer[];
extern const uint8_t guest_self_ipi[], guest_self_ipi_hlt[];
extern const uint8_t guest_self_ipi_tpr[];
extern const uint8_t guest_irqfd[];
extern const uint8_t guest_eoi[], guest_tpr[], guest_cr8[], guest_icr[];
extern const uint8_t guest_self_msr[], guest_self_msr_hlt[];
extern const uint8_t guest_self_msr_tpr[];
extern const uint8_t guest_xapic_eoi[], guest_xapic_tpr[], guest_xapic_icr[];
extern const uint8_t guest_xapic_self[], guest_xapic_self_hlt[];
extern const uint8_t guest_xapic_self_tpr[], guest_xapic[];
extern const uint8_t guest_call[], guest_called[];
extern const uint8_t guest_called_running[], guest_called_halted[];
extern const uint8_t guest_spin[], guest_spin_second[];

void vm_init(struct vm *vm);
int vm_open(struct vm *vm, const char *dev, uint8_t *low);
void vm_close(struct vm *vm);
int vm_set_slot(struct vm *vm, uint32_t slot, uint64_t gpa, size_t size,
		void *mem);
int vm_add_fresh(struct vm *vm, size_t size, int populate);
int vm_add_huge(struct vm *vm, size_t size, size_t align);
int vm_start(struct vm *vm, const uint8_t *program, uint64_t arg);
int vm_batch(struct vm *vm, uint64_t iterations, int mark);
int vm_open_second(struct vm *vm, const struct vm *first);
int vm_start_second(struct vm *vm, const uint8_t *program);
int vm_run_second(struct vm *vm, const int *stop);
uint64_t vm_mail(const struct vm *vm, unsigned int field);

#endif /* BENCH_VM_H */
