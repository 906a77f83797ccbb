// SPDX-License-Identifier: GPL-2.0
/*
 * exits_io.c - port I/O by a guest: to userspace, to devices in the kernel, and
 * by strings.
 *
 * How many elements of a string come with one exit is the hypervisor's choice,
 * so tests of strings look at the stream of data.  SDM 1 19 (I/O), 2A and 2B
 * (IN, INS, OUT, OUTS).
 */
#include "lib/abi.h"
#include "lib/guest.h"

#define PORT_A 0x440
#define BUF GPA_FREE

/**
 * struct dev - a device in userspace with one data port
 * @in: what it gives, element by element
 * @out: what it got
 * @nin: bytes given
 * @nout: bytes got
 * @size: bytes of each element, as last seen
 * @bad: accesses that no one asked for
 */
struct dev {
	u8 in[8192];
	u8 out[8192];
	size_t nin, nout;
	u32 size, bad;
};

static void serve(struct dev *d, struct kvm_run *r)
{
	size_t bytes = (size_t)r->io.size * r->io.count;
	u8 *data = (u8 *)r + r->io.data_offset;

	if (r->io.port != PORT_A || !r->io.count ||
	    bytes > 4096 || d->nin + bytes > sizeof(d->in) ||
	    d->nout + bytes > sizeof(d->out)) {
		d->bad++;
		return;
	}
	d->size = r->io.size;
	if (r->io.direction == KVM_EXIT_IO_IN) {
		memcpy(data, d->in + d->nin, bytes);
		d->nin += bytes;
	} else {
		memcpy(d->out + d->nout, data, bytes);
		d->nout += bytes;
	}
}

static struct dev *run_io(struct vcpu *v)
{
	struct dev *d = calloc(1, sizeof(*d));
	unsigned int i;

	for (i = 0; i < sizeof(d->in); i++)
		d->in[i] = i * 7 + (i >> 8);
	for (;;) {
		if (vcpu_exit(v) != KVM_EXIT_IO)
			die("exit %s\n", exit_name(v->run->exit_reason));
		if (is_done(v))
			return d;
		serve(d, v->run);
		if (d->bad)
			die("strange access: port %#x size %u count %u\n",
			    v->run->io.port, v->run->io.size,
			    v->run->io.count);
	}
}

/* ---- single IN and OUT ---- */

static void single_guest(void)
{
	u64 rax;

	outb(PORT_A, 0x11);
	outw(PORT_A, 0x2233);
	outl(PORT_A, 0x44556677);
	asm volatile("outb %%al, $0x80" : : "a"(0x99));
	asm volatile("inb %%dx, %%al" : "=a"(rax)
		     : "a"(0x1122334455667788), "d"(PORT_A));
	g_value("inb", rax, 0x11223344556677a1);
	asm volatile("inw %%dx, %%ax" : "=a"(rax)
		     : "a"(0x1122334455667788), "d"(PORT_A));
	g_value("inw", rax, 0x112233445566a2a1);
	asm volatile("inl %%dx, %%eax" : "=a"(rax)
		     : "a"(0x1122334455667788), "d"(PORT_A));
	g_value("inl", rax, 0xa4a3a2a1);
	asm volatile("inb $0x80, %%al" : "=a"(rax) : "a"(0));
	g_value("inb-imm", rax, 0xa1);
}

static void expect_io(struct vcpu *v, int dir, u32 size, u32 port, u32 val)
{
	struct kvm_run *r = v->run;
	u32 got = 0;

	expect_exit(v, "io", KVM_EXIT_IO);
	EQ("direction", r->io.direction, dir);
	EQ("size", r->io.size, size);
	EQ("port", r->io.port, port);
	EQ("count", r->io.count, 1);
	if (dir == KVM_EXIT_IO_IN) {
		memcpy((u8 *)r + r->io.data_offset, &val, size);
		return;
	}
	memcpy(&got, (u8 *)r + r->io.data_offset, size);
	EQ("data", got, val);
}

CASE(single)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);

	mode_long(v, single_guest);
	expect_io(v, KVM_EXIT_IO_OUT, 1, PORT_A, 0x11);
	expect_io(v, KVM_EXIT_IO_OUT, 2, PORT_A, 0x2233);
	expect_io(v, KVM_EXIT_IO_OUT, 4, PORT_A, 0x44556677);
	expect_io(v, KVM_EXIT_IO_OUT, 1, 0x80, 0x99);
	expect_io(v, KVM_EXIT_IO_IN, 1, PORT_A, 0xa4a3a2a1);
	expect_io(v, KVM_EXIT_IO_IN, 2, PORT_A, 0xa4a3a2a1);
	expect_io(v, KVM_EXIT_IO_IN, 4, PORT_A, 0xa4a3a2a1);
	expect_io(v, KVM_EXIT_IO_IN, 1, 0x80, 0xa4a3a2a1);
	run_done(v);
	check_log(vm);
}

/* ---- strings ---- */

#define STRING_OP(insn, port, ptr, count) ({				\
	u64 p_ = (ptr), c_ = (count);					\
	asm volatile("movq $1f, g_fix(%%rip); movq $-1, g_vec(%%rip)\n\t"\
		     insn "\n1:\n\tcld; movq $0, g_fix(%%rip)"		\
		     : "+D"(p_), "+c"(c_) : "d"(port) : "memory");	\
	last_count = c_;						\
	p_; })
#define STRING_OUT(insn, port, ptr, count) ({				\
	u64 p_ = (ptr), c_ = (count);					\
	asm volatile("movq $1f, g_fix(%%rip); movq $-1, g_vec(%%rip)\n\t"\
		     insn "\n1:\n\tcld; movq $0, g_fix(%%rip)"		\
		     : "+S"(p_), "+c"(c_) : "d"(port) : "memory");	\
	last_count = c_;						\
	p_; })

static u64 last_count;

static void ins_guest(void)
{
	g_value("insb-rdi", STRING_OP("insb", PORT_A, BUF, 0), BUF + 1);
	g_value("rep-insb-0", STRING_OP("rep insb", PORT_A, BUF, 0), BUF);
	g_value("rep-insb-rdi", STRING_OP("rep insb", PORT_A, BUF + 1, 99),
		BUF + 100);
	g_value("rep-insb-rcx", last_count, 0);
	g_value("rep-insw-rdi", STRING_OP("rep insw", PORT_A, BUF + 100, 50),
		BUF + 200);
	g_value("rep-insl-rdi", STRING_OP("rep insl", PORT_A, BUF + 200, 25),
		BUF + 300);
	g_value("rep-insb-cross-rdi",
		STRING_OP("rep insb", PORT_A, BUF + 0xf80, 0x100),
		BUF + 0x1080);
	g_value("rep-insw-down-rdi",
		STRING_OP("std; rep insw", PORT_A, BUF + 0x2010, 8),
		BUF + 0x2000);
	g_value("rep-insb-a32-rdi",
		STRING_OP("addr32 rep insb", PORT_A,
			  0x7700000000 + BUF + 0x3000, 0x9900000004),
		BUF + 0x3004);
	g_value("rep-insb-a32-rcx", last_count, 0);
}

CASE(ins)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	struct dev *d;
	u8 *buf = vm->ram + BUF;
	int i;

	mode_long(v, ins_guest);
	d = run_io(v);
	check_log(vm);
	EQ("bytes-given", d->nin, 300 + 0x100 + 16 + 4);
	EQ("in-order", memcmp(buf, d->in, 300), 0);
	EQ("across-pages", memcmp(buf + 0xf80, d->in + 300, 0x100), 0);
	for (i = 0; i < 8; i++)
		SAME(memcmp(buf + 0x2010 - 2 * i, d->in + 556 + 2 * i, 2), 0);
	EQ("by-32-bit-address", memcmp(buf + 0x3000, d->in + 572, 4), 0);
}

static void outs_guest(void)
{
	u64 i;

	for (i = 0; i < 0x2000; i++)
		((volatile u8 *)BUF)[i] = i ^ i >> 8;
	g_value("outsb-rsi", STRING_OUT("outsb", PORT_A, BUF, 0), BUF + 1);
	g_value("rep-outsb-0", STRING_OUT("rep outsb", PORT_A, BUF, 0), BUF);
	g_value("rep-outsb-rsi", STRING_OUT("rep outsb", PORT_A, BUF + 1, 99),
		BUF + 100);
	g_value("rep-outsw-rsi", STRING_OUT("rep outsw", PORT_A, BUF + 100, 50),
		BUF + 200);
	g_value("rep-outsl-rsi", STRING_OUT("rep outsl", PORT_A, BUF + 200, 25),
		BUF + 300);
	g_value("rep-outsl-cross-rsi",
		STRING_OUT("rep outsl", PORT_A, BUF + 0xffe, 4), BUF + 0x100e);
	g_value("rep-outsb-down-rsi",
		STRING_OUT("std; rep outsb", PORT_A, BUF + 10, 5), BUF + 5);
	wrmsr(0xc0000100, 0x100);
	g_value("rep-outsb-fs-rsi",
		STRING_OUT("rep outsb %%fs:(%%rsi), %%dx", PORT_A, BUF, 4),
		BUF + 4);
}

CASE(outs)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	struct dev *d;
	u8 *buf = vm->ram + BUF;
	int i;

	mode_long(v, outs_guest);
	d = run_io(v);
	check_log(vm);
	EQ("bytes-got", d->nout, 300 + 16 + 5 + 4);
	EQ("in-order", memcmp(buf, d->out, 300), 0);
	EQ("across-pages", memcmp(buf + 0xffe, d->out + 300, 16), 0);
	for (i = 0; i < 5; i++)
		SAME(d->out[316 + i], buf[10 - i]);
	EQ("segment-override", memcmp(buf + 0x100, d->out + 321, 4), 0);
}

/* BUF at 0x40000000, and nothing after it. */
static void map_one_page(void)
{
	((volatile u64 *)GPA_PDPT)[1] = GPA_PT32 | 7;
	((volatile u64 *)GPA_PT32)[0] = (GPA_PT32 + 0x1000) | 7;
	((volatile u64 *)(GPA_PT32 + 0x1000))[0] = BUF | 7;
}

/* The string stops where its memory does: registers say how far it came. */
static void string_fault_guest(void)
{
	map_one_page();
	g_value("ins-rdi-or-fault",
		STRING_OP("rep insb", PORT_A, 0x40000ff0, 32), 0);
}

/* What both have in common; the string register's name is @reg. */
static struct dev *string_fault(struct vm *vm, void (*guest)(void),
				const char *reg, u32 error, u64 left)
{
	struct guest_log *log = (void *)(vm->ram + GPA_LOG);
	struct vcpu *v = vcpu_new(vm, 0);
	struct dev *d;

	mode_long(v, guest);
	d = run_io(v);
	EQ("fault", log->rec[0].vec, 14);
	EQ("error-code", log->rec[0].err, error);
	EQ(reg, log->rec[0].val, 0x40001000);
	EQ("cr2", *GVAR(vm, g_cr2), 0x40001000);
	EQ("rcx", *GVAR(vm, last_count), left);
	return d;
}

CASE(ins_page_fault)
{
	struct vm *vm = vm_new(0);
	struct dev *d = string_fault(vm, string_fault_guest, "rdi", 2, 16);

	EQ("data", memcmp(vm->ram + BUF + 0xff0, d->in, 16), 0);
}

static void outs_fault_guest(void)
{
	map_one_page();
	g_value("outs-rsi-or-fault",
		STRING_OUT("rep outsw", PORT_A, 0x40000ff8, 32), 0);
}

CASE(outs_page_fault)
{
	struct dev *d = string_fault(vm_new(0), outs_fault_guest, "rsi", 0, 28);

	EQ("bytes-got", d->nout, 8);
}

/* ---- 16-bit strings ---- */

CASE(real_mode_strings)
{
	static const u8 code[] = {
		0xba, PORT_A & 0xff, PORT_A >> 8,	/* mov $PORT_A, %dx */
		0xbf, 0xfe, 0xff,	/* mov $0xfffe, %di */
		0xb9, 0x04, 0x00,	/* mov $4, %cx */
		0xfc,			/* cld */
		0xf3, 0x6c,		/* rep insb: DI wraps at 64 KiB */
		0xbe, 0x00, 0x90,	/* mov $0x9000, %si */
		0xb9, 0x03, 0x00,	/* mov $3, %cx */
		0xf3, 0x6f,		/* rep outsw */
		0xba, PORT_DONE & 0xff, PORT_DONE >> 8,
		0xee, 0xf4,		/* out %al, %dx; hlt */
	};
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	struct kvm_regs r;
	struct dev *d;

	load_blob(vm, GPA_CODE16, code, code + sizeof(code));
	memcpy(vm->ram + 0x9000, "abcdef", 6);
	mode_real(v, GPA_CODE16 >> 4, 0);
	d = run_io(v);
	get_regs(v, &r);
	EQ("di", r.rdi & 0xffff, 2);
	EQ("si", r.rsi & 0xffff, 0x9006);
	EQ("cx", r.rcx & 0xffff, 0);
	EQ("in-high", memcmp(vm->ram + 0xfffe, d->in, 2), 0);
	EQ("in-wrapped", memcmp(vm->ram, d->in + 2, 2), 0);
	EQ("out", memcmp(d->out, "abcdef", 6), 0);
}

/* ---- completion ---- */

/* With immediate_exit the pending IN is completed, then EINTR returned. */
CASE(in_completes_with_immediate_exit)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	struct kvm_regs before, after;
	u32 data = 0xcafebabe;

	static const u8 code[] = { 0xed, 0xf4 };	/* in %dx, %eax; hlt */

	memcpy(vm->ram + GPA_SHARED, code, sizeof(code));
	mode_long(v, (void (*)(void))(uintptr_t)GPA_SHARED);
	get_regs(v, &before);
	before.rdx = PORT_A;
	before.rax = ~0ull;
	set_regs(v, &before);
	expect_exit(v, "in", KVM_EXIT_IO);
	get_regs(v, &after);
	EQ("rax-before", after.rax, ~0ull);
	memcpy((u8 *)v->run + v->run->io.data_offset, &data, 4);
	v->run->immediate_exit = 1;
	EQ("run", vcpu_run(v), EINTR);
	get_regs(v, &after);
	EQ("rax", after.rax, 0xcafebabe);
	EQ("rip-advanced", after.rip - before.rip, 1);
	EQ("again", vcpu_run(v), EINTR);
	v->run->immediate_exit = 0;
	expect_exit(v, "hlt", KVM_EXIT_HLT);
}

/* ---- devices in the kernel ---- */

static void pic_guest(void)
{
	outb(0x21, 0xa5);
	g_value("pic-mask", inb(0x21), 0xa5);
	outb(0xa1, 0x5a);
	g_value("pic2-mask", inb(0xa1), 0x5a);
	outb(0x4d0, 0xf8);
	g_value("elcr", inb(0x4d0), 0xf8);
	outb(0x4d1, 0xde);
	g_value("elcr2", inb(0x4d1), 0xde);
	outb(0x20, 0x0b);
	g_value("isr", inb(0x20), 0);
	STRING_OP("rep insb", 0x21, BUF, 4);
	g_value("string", *(volatile u32 *)BUF, 0xa5a5a5a5);
	*(volatile u8 *)BUF = 0x3c;
	STRING_OUT("rep outsb", 0x21, BUF, 1);
	g_value("string-out", inb(0x21), 0x3c);
}

CASE(pic_in_kernel)
{
	struct vm *vm = vm_new(VM_IRQCHIP);

	run_guest(vcpu_new(vm, 0), pic_guest);
}

static void pit_guest(void)
{
	outb(0x43, 0xb4);
	outb(0x42, 0x34);
	outb(0x42, 0x12);
	outb(0x43, 0xe8);
	g_value("status", inb(0x42) & 0x3f, 0x34);
	outb(0x43, 0x14);	/* channel 0, low byte only */
	outb(0x43, 0xe2);
	g_value("status-channel-0", inb(0x40) & 0x3f, 0x14);
}

CASE(pit_in_kernel)
{
	struct vm *vm = vm_new(VM_IRQCHIP | VM_PIT);

	run_guest(vcpu_new(vm, 0), pit_guest);
}

/* Without them, the same ports are userspace's. */
static void bare_guest(void)
{
	outb(0x21, 1);
	outb(0x43, 2);
	outb(0x4d0, 3);
}

CASE(no_devices_in_kernel)
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);

	mode_long(v, bare_guest);
	expect_io(v, KVM_EXIT_IO_OUT, 1, 0x21, 1);
	expect_io(v, KVM_EXIT_IO_OUT, 1, 0x43, 2);
	expect_io(v, KVM_EXIT_IO_OUT, 1, 0x4d0, 3);
	run_done(v);
}
