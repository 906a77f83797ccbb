// SPDX-License-Identifier: GPL-2.0
/*
 * exits_mmio.c - instructions whose memory operand is a device in userspace.
 *
 * Each instruction is run by the guest on RAM, where the processor itself
 * executes it, and on MMIO, where the hypervisor must emulate it: there several
 * times, for a hypervisor that remembers it.
 * Registers, flags and memory must come out the same.  The bus cycles that
 * userspace saw are an observation of their own.  SDM 2A, 2B.
 */
#include "lib/abi.h"
#include "lib/guest.h"

#define MMIO ((u64)GPA_MMIO)
#define RAM ((u64)GPA_FREE)
#define FLAGS 0x8d5ull		/* CF PF AF ZF SF OF */
#define ROUNDS 3

/**
 * struct op - an instruction under test
 * @name: of the observation
 * @insn: what follows the setting of registers; ends in RET
 * @flags: which flags must match; the SDM leaves the others undefined
 */
struct op {
	const char *name;
	const u8 *insn;
	u64 flags;
};

/* An XMM register and the pair RAX, RCX. */
#define FROM_XMM(n) \
	"movq %xmm" #n ", %rax; psrldq $8, %xmm" #n "; movq %xmm" #n ", %rcx"
#define TO_XMM(n) \
	"push %rcx; push %rax; movups (%rsp), %xmm" #n "; pop %rax; pop %rcx;"

/* Registers at entry: RDI = RSI = the operand, RAX, RCX, RBX = RAM buffer. */
#define OPS(X)								\
	X(mov_load_b, "movb (%rdi), %al", FLAGS)			\
	X(mov_load_w, "movw (%rdi), %ax", FLAGS)			\
	X(mov_load_l, "movl (%rdi), %eax", FLAGS)			\
	X(mov_load_q, "movq (%rdi), %rax", FLAGS)			\
	X(mov_load_ah, "movb (%rdi), %ah", FLAGS)			\
	X(mov_load_sil, "movb (%rdi), %sil; movzbl %sil, %eax; mov %rdi, %rsi", FLAGS) \
	X(mov_load_r15, "push %r15; movq 8(%rdi), %r15; mov %r15, %rax; pop %r15", FLAGS) \
	X(mov_store_b, "movb %al, (%rdi)", FLAGS)			\
	X(mov_store_w, "movw %ax, (%rdi)", FLAGS)			\
	X(mov_store_l, "movl %eax, (%rdi)", FLAGS)			\
	X(mov_store_q, "movq %rax, (%rdi)", FLAGS)			\
	X(mov_store_ah, "movb %ah, (%rdi)", FLAGS)			\
	X(mov_imm_b, "movb $0x5a, (%rdi)", FLAGS)			\
	X(mov_imm_w, "movw $0x5aa5, (%rdi)", FLAGS)			\
	X(mov_imm_l, "movl $0x12345678, (%rdi)", FLAGS)			\
	X(mov_imm_q, "movq $-2, (%rdi)", FLAGS)				\
	X(mov_sib, "movl 4(%rdi,%rcx,4), %eax", FLAGS)			\
	X(mov_disp32, "movl 0x100(%rdi), %eax", FLAGS)			\
	X(mov_a32, "addr32 movl (%edi), %eax", FLAGS)			\
	X(mov_rip_dest, "movl %ecx, %edx; movw %dx, 2(%rdi)", FLAGS)	\
	X(mov_unaligned, "movl 3(%rdi), %eax", FLAGS)			\
	X(movzx_bw, "movzbw (%rdi), %ax", FLAGS)			\
	X(movzx_bl, "movzbl (%rdi), %eax", FLAGS)			\
	X(movzx_bq, "movzbq (%rdi), %rax", FLAGS)			\
	X(movzx_wl, "movzwl (%rdi), %eax", FLAGS)			\
	X(movzx_wq, "movzwq (%rdi), %rax", FLAGS)			\
	X(movsx_bw, "movsbw (%rdi), %ax", FLAGS)			\
	X(movsx_bl, "movsbl (%rdi), %eax", FLAGS)			\
	X(movsx_bq, "movsbq (%rdi), %rax", FLAGS)			\
	X(movsx_wl, "movswl (%rdi), %eax", FLAGS)			\
	X(movsx_wq, "movswq (%rdi), %rax", FLAGS)			\
	X(movsxd, "movslq 4(%rdi), %rax", FLAGS)			\
	X(stosb, "stosb", FLAGS)					\
	X(stosw, "stosw", FLAGS)					\
	X(stosl, "stosl", FLAGS)					\
	X(stosq, "stosq", FLAGS)					\
	X(rep_stosb, "rep stosb", FLAGS)				\
	X(rep_stosl, "rep stosl", FLAGS)				\
	X(rep_stosq_down, "std; rep stosq; cld", FLAGS)			\
	X(movsb_in, "mov %rbx, %rdi; movsb", FLAGS)			\
	X(movsl_in, "mov %rbx, %rdi; movsl", FLAGS)			\
	X(movsq_in, "mov %rbx, %rdi; movsq", FLAGS)			\
	X(movsw_out, "mov %rbx, %rsi; movsw", FLAGS)			\
	X(movsq_out, "mov %rbx, %rsi; movsq", FLAGS)			\
	X(rep_movsb_in, "mov %rbx, %rdi; rep movsb", FLAGS)		\
	X(rep_movsl_in, "mov %rbx, %rdi; rep movsl", FLAGS)		\
	X(rep_movsl_out, "mov %rbx, %rsi; rep movsl", FLAGS)		\
	X(rep_movsb_down, "mov %rbx, %rdi; std; rep movsb; cld", FLAGS)	\
	X(movs_both, "lea 0x40(%rdi), %rsi; movsl", FLAGS)		\
	X(and_load, "andl (%rdi), %eax", FLAGS & ~0x10ull)		\
	X(and_store_b, "andb %al, (%rdi)", FLAGS & ~0x10ull)		\
	X(and_store_q, "andq %rax, (%rdi)", FLAGS & ~0x10ull)		\
	X(and_imm8, "andl $-16, (%rdi)", FLAGS & ~0x10ull)		\
	X(and_imm32, "andl $0xff00ff, (%rdi)", FLAGS & ~0x10ull)	\
	X(or_load, "orw (%rdi), %ax", FLAGS & ~0x10ull)			\
	X(or_store, "orl %eax, (%rdi)", FLAGS & ~0x10ull)		\
	X(or_imm, "orb $0x80, (%rdi)", FLAGS & ~0x10ull)		\
	X(lock_or, "lock orl %eax, (%rdi)", FLAGS & ~0x10ull)		\
	X(xor_load, "xorq (%rdi), %rax", FLAGS & ~0x10ull)		\
	X(xor_store, "xorw %ax, (%rdi)", FLAGS & ~0x10ull)		\
	X(xor_imm, "xorl $0x55555555, (%rdi)", FLAGS & ~0x10ull)	\
	X(xchg_b, "xchgb %al, (%rdi)", FLAGS)				\
	X(xchg_l, "xchgl %eax, (%rdi)", FLAGS)				\
	X(xchg_q, "xchgq %rax, (%rdi)", FLAGS)				\
	X(test_b, "testb %al, (%rdi)", FLAGS & ~0x10ull)		\
	X(test_q, "testq %rax, (%rdi)", FLAGS & ~0x10ull)		\
	X(test_imm_b, "testb $0x81, (%rdi)", FLAGS & ~0x10ull)		\
	X(test_imm_l, "testl $0x80000001, (%rdi)", FLAGS & ~0x10ull)	\
	X(cmp_load, "cmpl (%rdi), %eax", FLAGS)				\
	X(cmp_store, "cmpb %al, (%rdi)", FLAGS)				\
	X(cmp_imm, "cmpw $0x7fff, (%rdi)", FLAGS)			\
	X(cmp_q, "cmpq $-1, (%rdi)", FLAGS)				\
	X(add_load, "addl (%rdi), %eax", FLAGS)				\
	X(add_store_b, "addb %al, (%rdi)", FLAGS)			\
	X(add_store_q, "addq %rax, (%rdi)", FLAGS)			\
	X(add_imm, "addw $0x7fff, (%rdi)", FLAGS)			\
	X(sub_load, "subb (%rdi), %al", FLAGS)				\
	X(sub_store, "subl %eax, (%rdi)", FLAGS)			\
	X(sub_imm, "subq $0x7f, (%rdi)", FLAGS)				\
	X(page_crossing_load, "movq 0xffc(%rdi), %rax", FLAGS)		\
	X(page_crossing_store, "movq %rax, 0xffd(%rdi)", FLAGS)		\
	X(page_crossing_or, "orl %eax, 0xffe(%rdi)", FLAGS & ~0x10ull)	\
	X(page_crossing_xchg, "xchgl %eax, 0xffe(%rdi)", FLAGS)		\
	X(movups_load, "movups 8(%rdi), %xmm3;" FROM_XMM(3), FLAGS)	\
	X(movups_unaligned, "movups 3(%rdi), %xmm0;" FROM_XMM(0), FLAGS) \
	X(movupd_load, "movupd (%rdi), %xmm7;" FROM_XMM(7), FLAGS)	\
	X(movaps_load, "movaps 16(%rdi), %xmm8;" FROM_XMM(8), FLAGS)	\
	X(movapd_load, "movapd (%rdi), %xmm15;" FROM_XMM(15), FLAGS)	\
	X(movdqa_load, "movdqa (%rdi), %xmm1;" FROM_XMM(1), FLAGS)	\
	X(movdqu_load, "movdqu 5(%rdi), %xmm11;" FROM_XMM(11), FLAGS)	\
	X(movups_store, TO_XMM(2) "movups %xmm2, 7(%rdi)", FLAGS)	\
	X(movupd_store, TO_XMM(9) "movupd %xmm9, (%rdi)", FLAGS)	\
	X(movaps_store, TO_XMM(4) "movaps %xmm4, 16(%rdi)", FLAGS)	\
	X(movapd_store, TO_XMM(12) "movapd %xmm12, (%rdi)", FLAGS)	\
	X(movdqa_store, TO_XMM(5) "movdqa %xmm5, (%rdi)", FLAGS)	\
	X(movdqu_store, TO_XMM(13) "movdqu %xmm13, 1(%rdi)", FLAGS)	\
	X(movntps, TO_XMM(6) "movntps %xmm6, (%rdi)", FLAGS)		\
	X(movntpd, TO_XMM(14) "movntpd %xmm14, (%rdi)", FLAGS)		\
	X(movntdq, TO_XMM(10) "movntdq %xmm10, 16(%rdi)", FLAGS)	\
	X(movdqu_crossing, "movdqu 0xfb4(%rdi), %xmm3;" FROM_XMM(3), FLAGS) \
	X(movups_crossing, TO_XMM(3) "movups %xmm3, 0xfb5(%rdi)", FLAGS)

#define DECLARE(n, insn, f) \
	extern const u8 op_##n[]; \
	asm(".globl op_" #n "\nop_" #n ":\n\t" insn "\n\tret\n");
#define ROW(n, insn, f) { #n, op_##n, f },

OPS(DECLARE)
static const struct op ops[] = { OPS(ROW) };

struct regs {
	u64 rax, rcx, rdi, rsi, flags;
};

static void run_op(const struct op *op, u64 at, struct regs *r)
{
	r->rax = 0x8f7e6d5c4b3a2918;
	r->rcx = 3;
	r->rdi = at;
	r->rsi = at;
	asm volatile("call *%[insn]; pushfq; pop %[flags]"
		     : "+a"(r->rax), "+c"(r->rcx), "+D"(r->rdi), "+S"(r->rsi),
		       [flags] "=&r"(r->flags)
		     : [insn] "m"(op->insn), "b"(RAM + 0x8000)
		     : "rdx", "memory", "cc");
	r->flags &= op->flags;
	r->rdi -= r->rdi - at + 0x1000 < 0x5000 ? at : 0;
	r->rsi -= r->rsi - at + 0x1000 < 0x5000 ? at : 0;
}

/* The same pattern as userspace puts into its device. */
static void fill(volatile u8 *p, u64 len)
{
	u64 i;

	for (i = 0; i < len; i++)
		p[i] = i * 37 + 0x80;
}

static void ops_guest(void)
{
	static struct regs ram, mmio;
	volatile u64 *buf = (u64 *)(RAM + 0x8000);
	u64 i, round, sum;

	for (i = 0; i < ARRAY_LEN(ops); i++) {
		fill((u8 *)RAM, 0x180);
		fill((u8 *)RAM + 0xf80, 0x100);
		fill((u8 *)buf - 64, 128);
		run_op(&ops[i], RAM + 0x40, &ram);
		sum = buf[0] ^ buf[-1] * 3 ^ buf[1] * 5;
		for (round = 0; round < ROUNDS; round++) {
			fill((u8 *)buf - 64, 128);
			guest_sync(i);
			run_op(&ops[i], MMIO + 0x40, &mmio);
			guest_sync(i | 0x8000);
		}
		g_value("rax", mmio.rax, ram.rax);
		g_value("rcx", mmio.rcx, ram.rcx);
		g_value("rdi", mmio.rdi, ram.rdi);
		g_value("rsi", mmio.rsi, ram.rsi);
		g_value("flags", mmio.flags, ram.flags);
		g_value("buffer", buf[0] ^ buf[-1] * 3 ^ buf[1] * 5, sum);
	}
}

/* Userspace's device: 16 KiB of bytes, and a protocol of the bus cycles. */
static u8 device_mem[0x4000];
static char cycles[512];

static void serve(struct kvm_run *r)
{
	u64 at = r->mmio.phys_addr - GPA_MMIO;
	size_t used = strlen(cycles);

	if (r->mmio.phys_addr < GPA_MMIO ||
	    at + r->mmio.len > sizeof(device_mem) || r->mmio.len > 8)
		die("strange MMIO: %#llx, %u bytes\n",
		    (unsigned long long)r->mmio.phys_addr, r->mmio.len);
	snprintf(cycles + used, sizeof(cycles) - used, " %c%u@%llx",
		 r->mmio.is_write ? 'w' : 'r', r->mmio.len,
		 (unsigned long long)at);
	if (r->mmio.is_write)
		memcpy(device_mem + at, r->mmio.data, r->mmio.len);
	else
		memcpy(r->mmio.data, device_mem + at, r->mmio.len);
}

static void fill_device(void)
{
	fill(device_mem, 0x180);
	fill(device_mem + 0xf80, 0x100);
	cycles[0] = 0;
}

static void end_op(struct vm *vm, const struct op *op, u32 round)
{
	static char first[sizeof(cycles)];

	if (!round) {
		obs(op->name, "%s", cycles + 1);
		memcpy(first, cycles, sizeof(first));
	}
	CHECK(!strcmp(first, cycles), "%s: round %u: %s\n", op->name, round,
	      cycles);
	if (memcmp(vm->ram + GPA_FREE, device_mem, 0x180) ||
	    memcmp(vm->ram + GPA_FREE + 0xf80, device_mem + 0xf80, 0x100))
		fail("%s: memory differs from RAM's\n", op->name);
	if (!cycles[0])
		fail("%s: no bus cycle\n", op->name);
}

CASE_T(instructions, 30)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	struct guest_log *log = (void *)(vm->ram + GPA_LOG);
	u32 i, val, round = 0;

	mode_long(v, ops_guest);
	for (;;) {
		u32 reason = vcpu_exit(v);

		if (is_done(v))
			break;
		if (reason == KVM_EXIT_MMIO) {
			serve(v->run);
		} else if (is_sync(v, &val) && val < 0x8000) {
			fill_device();
		} else if (is_sync(v, &val)) {
			end_op(vm, &ops[val & 0x7fff], round);
			round = (round + 1) % ROUNDS;
		} else {
			struct kvm_regs r;

			get_regs(v, &r);
			for (i = 0; i < ARRAY_LEN(ops); i++)
				if (r.rip == (uintptr_t)ops[i].insn)
					note("at %s\n", ops[i].name);
			die("exit %s after %u records\n", exit_name(reason),
			    log->nr);
		}
	}
	SAME(log->nr, 6 * ARRAY_LEN(ops));
	for (i = 0; i < log->nr && i < LOG_MAX; i++)
		if (log->rec[i].val != log->rec[i].want)
			fail("%s: %s is %#llx, on RAM %#llx\n",
			     ops[i / 6].name, log->rec[i].name,
			     (unsigned long long)log->rec[i].val,
			     (unsigned long long)log->rec[i].want);
}

/*
 * Moves of less than 16 bytes, one by one, as KVM knows none of them and ends in an
 * emulation failure: what the instruction left in XMM3, or the exit.
 */
#define SSE_PARTS(X)							\
	X(movss_load, "movss 4(%rdi), %xmm3")				\
	X(movsd_load, "movsd 8(%rdi), %xmm3")				\
	X(movd_load, "movd (%rdi), %xmm3")				\
	X(movq_load, "movq 8(%rdi), %xmm3")				\
	X(movq_gpr_load, "movq (%rdi), %xmm3")				\
	X(movntdqa, "movntdqa (%rdi), %xmm3")				\
	X(movss_store, "movss %xmm3, 4(%rdi)")				\
	X(movsd_store, "movsd %xmm3, 8(%rdi)")				\
	X(movd_store, "movd %xmm3, (%rdi)")				\
	X(movq_store, "movq %xmm3, 8(%rdi)")

#define DECLARE_PART(n, insn)						\
	extern const u8 part_##n[], part_end_##n[];			\
	asm("part_" #n ": " insn "\n\tmovups %xmm3, (%rsi)\n\thlt\n"	\
	    "part_end_" #n ":\n");
SSE_PARTS(DECLARE_PART)

static const struct part {
	const char *name;
	const u8 *code, *end;
} parts[] = {
#define PART_ROW(n, insn) { #n, part_##n, part_end_##n },
	SSE_PARTS(PART_ROW)
};

/* What the instruction leaves in XMM3; returns the exit that ended it. */
static u32 run_part(struct vm *vm, const struct part *part, u64 at, u8 *xmm3)
{
	static const u8 load[] = { 0x0f, 0x10, 0x1e };	/* movups (%rsi), %xmm3 */
	struct vcpu *v = vcpu_new(vm, 0);
	u8 *out = vm->ram + GPA_FREE + 0x1000;
	struct kvm_regs r;
	u32 reason;

	memcpy(vm->ram + GPA_SHARED, load, sizeof(load));
	memcpy(vm->ram + GPA_SHARED + sizeof(load), part->code,
	       part->end - part->code);
	mode_long(v, (void (*)(void))(uintptr_t)GPA_SHARED);
	memset(out, 0x77, 16);
	get_regs(v, &r);
	r.rdi = at;
	r.rsi = GPA_FREE + 0x1000;
	set_regs(v, &r);
	while ((reason = vcpu_exit(v)) == KVM_EXIT_MMIO)
		serve(v->run);
	if (reason == KVM_EXIT_INTERNAL_ERROR)
		SAME(v->run->internal.suberror, KVM_INTERNAL_ERROR_EMULATION);
	memcpy(xmm3, out, 16);
	return reason;
}

static void check_part(const struct part *part)
{
	u8 want[16], got[16], ram[32];
	struct vm *vm = vm_new(0);
	u32 reason;

	fill_device();
	fill(vm->ram + GPA_FREE, 0x20);
	SAME(run_part(vm, part, GPA_FREE, want), KVM_EXIT_HLT);
	memcpy(ram, vm->ram + GPA_FREE, sizeof(ram));
	vm = vm_new(0);
	reason = run_part(vm, part, GPA_MMIO, got);
	obs(part->name, "%s%s", exit_name(reason), cycles);
	if (reason == KVM_EXIT_INTERNAL_ERROR && abi_on_kvm())
		return;
	SAME(reason, KVM_EXIT_HLT);
	CHECK(!memcmp(want, got, 16), "%s: XMM3 differs from RAM's\n",
	      part->name);
	CHECK(!memcmp(ram, device_mem, 32), "%s: memory differs from RAM's\n",
	      part->name);
}

CASE(sse_parts)
{
	u32 i;

	for (i = 0; i < ARRAY_LEN(parts); i++)
		check_part(&parts[i]);
}

/* ---- one at a time ---- */

static void expect_mmio(struct vcpu *v, bool write, u64 at, u32 len)
{
	struct kvm_run *r = v->run;

	expect_exit(v, "mmio", KVM_EXIT_MMIO);
	EQ("address", r->mmio.phys_addr, at);
	EQ("len", r->mmio.len, len);
	EQ("is-write", r->mmio.is_write, write);
}

static void raw_guest(struct vm *vm, struct vcpu *v, const u8 *code, size_t len)
{
	memcpy(vm->ram + GPA_SHARED, code, len);
	mode_long(v, (void (*)(void))(uintptr_t)GPA_SHARED);
}

CASE(read_completes_with_immediate_exit)
{
	/* mov (%rdi), %eax; hlt */
	static const u8 code[] = { 0x8b, 0x07, 0xf4 };
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	struct kvm_regs r, after;
	u32 data = 0xcafebabe;

	raw_guest(vm, v, code, sizeof(code));
	get_regs(v, &r);
	r.rdi = GPA_MMIO + 8;
	r.rax = ~0ull;
	set_regs(v, &r);
	expect_mmio(v, false, GPA_MMIO + 8, 4);
	get_regs(v, &after);
	EQ("rax-before", after.rax, ~0ull);
	memcpy(v->run->mmio.data, &data, 4);
	v->run->immediate_exit = 1;
	EQ("run", vcpu_run(v), EINTR);
	get_regs(v, &after);
	EQ("rax", after.rax, 0xcafebabe);
	EQ("rip-advanced", after.rip - r.rip, 2);
	EQ("run-again", vcpu_run(v), EINTR);
	v->run->immediate_exit = 0;
	expect_exit(v, "hlt", KVM_EXIT_HLT);
}

CASE(write_completes_with_immediate_exit)
{
	/* addl $1, (%rdi); hlt */
	static const u8 code[] = { 0x83, 0x07, 0x01, 0xf4 };
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	struct kvm_regs r, after;
	u32 data = 41;

	raw_guest(vm, v, code, sizeof(code));
	get_regs(v, &r);
	r.rdi = GPA_MMIO;
	set_regs(v, &r);
	expect_mmio(v, false, GPA_MMIO, 4);
	memcpy(v->run->mmio.data, &data, 4);
	v->run->immediate_exit = 1;
	/* The second half of the instruction comes first. */
	EQ("run", vcpu_run(v), 0);
	EQ("exit", v->run->exit_reason, KVM_EXIT_MMIO);
	EQ("is-write", v->run->mmio.is_write, 1);
	memcpy(&data, v->run->mmio.data, 4);
	EQ("written", data, 42);
	EQ("run-again", vcpu_run(v), EINTR);
	get_regs(v, &after);
	EQ("rip-advanced", after.rip - r.rip, 3);
	v->run->immediate_exit = 0;
	expect_exit(v, "hlt", KVM_EXIT_HLT);
}

/* From the last bytes of RAM into MMIO, one instruction. */
CASE(crossing_from_ram)
{
	static const u8 code[] = {
		0x48, 0x89, 0x07,	/* mov %rax, (%rdi) */
		0x48, 0x8b, 0x0f,	/* mov (%rdi), %rcx */
		0xf4,
	};
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	u32 data = 0x5d6c7b8a;
	struct kvm_regs r;
	u8 *edge = vm_add_ram(vm, 1, GPA_MMIO - 0x1000, 0x1000);
	u32 got;

	raw_guest(vm, v, code, sizeof(code));
	get_regs(v, &r);
	r.rdi = GPA_MMIO - 4;
	r.rax = 0x1122334455667788;
	set_regs(v, &r);
	expect_mmio(v, true, GPA_MMIO, 4);
	memcpy(&got, v->run->mmio.data, 4);
	EQ("mmio-half", got, 0x11223344);
	expect_mmio(v, false, GPA_MMIO, 4);
	memcpy(&got, edge + 0xffc, 4);
	EQ("ram-half", got, 0x55667788);
	memcpy(v->run->mmio.data, &data, 4);
	expect_exit(v, "hlt", KVM_EXIT_HLT);
	get_regs(v, &r);
	EQ("rcx", r.rcx, 0x5d6c7b8a55667788);
}

/* In real mode: 16-bit addresses, segment bases, a REP. */
CASE(real_mode)
{
	static const u8 code[] = {
		0xb8, 0x00, 0xb8,	/* mov $0xb800, %ax */
		0x8e, 0xc0,		/* mov %ax, %es */
		0x26, 0xa1, 0x10, 0x00,	/* mov %es:0x10, %ax */
		0x31, 0xff,		/* xor %di, %di */
		0xb9, 0x02, 0x00,	/* mov $2, %cx */
		0xf3, 0xab,		/* rep stosw */
		0x26, 0xc6, 0x45, 0x02, 0x77,	/* movb $0x77, %es:2(%di) */
		0xf4,
	};
	struct vm *vm = vm_new(VM_BARE);
	struct vcpu *v = vcpu_new(vm, 0);
	struct kvm_regs r;
	u16 data = 0x0741, got;

	vm->ram = vm_add_ram(vm, 0, 0, 0xa0000);
	load_blob(vm, GPA_CODE16, code, code + sizeof(code));
	mode_real(v, GPA_CODE16 >> 4, 0);
	expect_mmio(v, false, 0xb8010, 2);
	memcpy(v->run->mmio.data, &data, 2);
	expect_mmio(v, true, 0xb8000, 2);
	memcpy(&got, v->run->mmio.data, 2);
	EQ("stosw-data", got, 0x0741);
	expect_mmio(v, true, 0xb8002, 2);
	expect_mmio(v, true, 0xb8006, 1);
	EQ("data", v->run->mmio.data[0], 0x77);
	expect_exit(v, "hlt", KVM_EXIT_HLT);
	get_regs(v, &r);
	EQ("di", r.rdi & 0xffff, 4);
	EQ("cx", r.rcx & 0xffff, 0);
}

/* A page fault on the other operand beats the MMIO access. */
static void fault_guest(void)
{
	G_TRY("movsq", : : "S"(MMIO), "D"(0x40000000) : "memory");
	g_fault_err("movs-into-absent", 14, 2);
	g_value("cr2", g_cr2, 0x40000000);
	G_TRY("mov %%fs:(%0), %%eax", : : "r"(0x7fffffffffff) : "rax", "memory");
	g_fault("non-canonical-end", 13);
}

CASE(fault_on_the_other_operand)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);

	mode_long(v, fault_guest);
	while (vcpu_exit(v) == KVM_EXIT_MMIO)
		SAME(v->run->mmio.is_write, 0);
	CHECK(is_done(v), "not through\n");
	check_log(vm);
}

/* Ring 3 may touch MMIO that its page tables allow, and no other. */
static void u_read(u64 at)
{
	G_TRY("mov (%0), %%eax", : : "c"(at) : "rax", "memory");
}

static void user_guest(void)
{
	guest_user(u_read, MMIO + 0x10);
	g_fault("user-page", NOFAULT);
	((volatile u64 *)GPA_PD)[MMIO >> 21] &= ~4ull;
	asm volatile("invlpg (%0)" : : "r"(MMIO) : "memory");
	guest_user(u_read, MMIO + 0x10);
	g_fault_err("supervisor-page", 14, 5);
	((volatile u64 *)GPA_PD)[MMIO >> 21] &= ~2ull;
	asm volatile("invlpg (%0)" : : "r"(MMIO) : "memory");
	G_TRY("movl $1, (%0)", : : "c"(MMIO) : "memory");
	g_fault_err("read-only-page", 14, 3);
}

CASE(protection)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);

	mode_long(v, user_guest);
	expect_mmio(v, false, GPA_MMIO + 0x10, 4);
	run_done(v);
	check_log(vm);
}

/* Code cannot be fetched from a device: the VM stops, and says why. */
CASE(execution)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);

	mode_long(v, (void (*)(void))(uintptr_t)GPA_MMIO);
	expect_exit(v, "fetch", KVM_EXIT_INTERNAL_ERROR);
	EQ("suberror", v->run->internal.suberror, KVM_INTERNAL_ERROR_EMULATION);
}
