// SPDX-License-Identifier: GPL-2.0
/*
 * miniguest.c - a kernel of a few hundred lines that tests its machine.
 *
 * An ELF file with a 64-bit entry point, loaded and entered as a vmlinux is.
 * The command line says what it does; it reports on the serial port, "ok" or
 * "not ok" and what, and powers off, unless that is not what it was told.
 *
 * Ports and registers as in ACPI 6.4 4.8.3, NS PC16550D, MC146818A and
 * Documentation/x86/boot.rst.
 */
#include <asm/bootparam.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#define COM1	0x3f8
#define PM1_STS	0x600
#define PM1_EN	0x602
#define PM1_CNT	0x604
#define PM_TMR	0x608

#define PWRBTN	(1 << 8)

asm(".pushsection .text.start, \"ax\"\n"
    ".globl _start\n"
    "_start:\n"
    "	lea stack_top(%rip), %rsp\n"
    "	xor %ebp, %ebp\n"
    "	mov %rsi, %rdi\n"
    "	call run\n"
    "	ud2\n"
    ".popsection\n"
    ".pushsection .bss\n"
    "	.balign 16\n"
    "	.skip 16384\n"
    "stack_top:\n"
    ".popsection\n");

static inline void outb(u16 port, u8 v)
{
	asm volatile("outb %0, %1" : : "a"(v), "Nd"(port));
}

static inline u8 inb(u16 port)
{
	u8 v;

	asm volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline void outw(u16 port, u16 v)
{
	asm volatile("outw %0, %1" : : "a"(v), "Nd"(port));
}

static inline u16 inw(u16 port)
{
	u16 v;

	asm volatile("inw %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline u32 inl(u16 port)
{
	u32 v;

	asm volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static void put_char(char c)
{
	while (!(inb(COM1 + 5) & 0x20))
		;
	outb(COM1, c);
}

static void put(const char *s)
{
	for (; *s; s++) {
		if (*s == '\n')
			put_char('\r');
		put_char(*s);
	}
}

static void put_hex(u64 v)
{
	int shift;

	put("0x");
	for (shift = 60; shift > 0 && !(v >> shift); shift -= 4)
		;
	for (; shift >= 0; shift -= 4)
		put_char("0123456789abcdef"[v >> shift & 15]);
}

static void put_dec(u64 v)
{
	char buf[20];
	int n = 0;

	do {
		buf[n++] = '0' + v % 10;
		v /= 10;
	} while (v);
	while (n)
		put_char(buf[--n]);
}

static void check(bool good, const char *what)
{
	put(good ? "ok " : "not ok ");
	put(what);
	put("\n");
}

static void __attribute__((noreturn)) power_off(void)
{
	outw(PM1_CNT, 5 << 10 | 1 << 13);
	for (;;)
		asm volatile("hlt");
}

static bool sums_to_zero(const void *p, u32 len)
{
	const u8 *b = p;
	u8 sum = 0;

	while (len--)
		sum += *b++;
	return !sum;
}

static bool same(const char *a, const char *b, size_t len)
{
	while (len--)
		if (*a++ != *b++)
			return false;
	return true;
}

/* What boot.rst promises at the 64-bit entry point. */
static void test_entry(const struct boot_params *bp)
{
	u16 cs, ds, es, ss;
	u64 flags, cr0, cr4;

	asm volatile("mov %%cs, %0" : "=r"(cs));
	asm volatile("mov %%ds, %0" : "=r"(ds));
	asm volatile("mov %%es, %0" : "=r"(es));
	asm volatile("mov %%ss, %0" : "=r"(ss));
	asm volatile("pushf; pop %0" : "=r"(flags));
	asm volatile("mov %%cr0, %0" : "=r"(cr0));
	asm volatile("mov %%cr4, %0" : "=r"(cr4));
	check(cs == 0x10, "CS is __BOOT_CS");
	check(ds == 0x18 && es == 0x18 && ss == 0x18, "DS, ES, SS are __BOOT_DS");
	check(!(flags & 0x200), "interrupts are off");
	check(cr0 >> 31 & 1 && cr0 & 1 && cr4 >> 5 & 1, "paging is on");
	check(bp->hdr.type_of_loader == 0xff, "type_of_loader");
	check(bp->hdr.header == 0x53726448, "HdrS");
}

static void test_e820(const struct boot_params *bp)
{
	u64 ram = 0, last = 0;
	bool sorted = true;
	int i;

	for (i = 0; i < bp->e820_entries; i++) {
		const struct boot_e820_entry *e = &bp->e820_table[i];

		sorted = sorted && e->addr >= last;
		last = e->addr + e->size;
		if (e->type == 1)
			ram += e->size;
	}
	check(sorted, "E820 entries do not overlap");
	put("# RAM ");
	put_hex(ram);
	put("\n");
}

static void test_initrd(const struct boot_params *bp)
{
	const u8 *p = (const u8 *)(u64)bp->hdr.ramdisk_image;
	u32 i, sum = 0;

	for (i = 0; i < bp->hdr.ramdisk_size; i++)
		sum = sum * 31 + p[i];
	put("# initrd ");
	put_dec(bp->hdr.ramdisk_size);
	put(" ");
	put_hex(sum);
	put("\n");
	check(!(bp->hdr.ramdisk_image & 0xfff), "the initrd begins on a page");
}

static void test_table(const char *table)
{
	u32 len = *(const u32 *)(table + 4);
	char name[5] = { table[0], table[1], table[2], table[3], 0 };

	check(sums_to_zero(table, len), name);
}

static void test_acpi(const struct boot_params *bp)
{
	const char *rsdp = (const char *)bp->acpi_rsdp_addr;
	const char *xsdt, *fadt = NULL;
	u32 i, n;

	check(rsdp && same(rsdp, "RSD PTR ", 8), "acpi_rsdp_addr");
	check(sums_to_zero(rsdp, 20) && sums_to_zero(rsdp, 36), "RSDP");
	xsdt = (const char *)*(const u64 *)(rsdp + 24);
	test_table(xsdt);
	n = (*(const u32 *)(xsdt + 4) - 36) / 8;
	for (i = 0; i < n; i++) {
		const char *table;
		u64 addr;

		/* Entries are not aligned. */
		__builtin_memcpy(&addr, xsdt + 36 + 8 * i, 8);
		table = (const char *)addr;
		test_table(table);
		if (same(table, "FACP", 4))
			fadt = table;
	}
	check(fadt, "there is a FADT");
	if (fadt)
		test_table((const char *)(u64)*(const u32 *)(fadt + 40));
}

/*
 * Nothing is printed while the port is in a state that would eat it: each part
 * puts it back first, and reports then.
 */
static void test_uart_registers(void)
{
	bool scratch, latch, fifo;

	outb(COM1 + 7, 0x5a);
	scratch = inb(COM1 + 7) == 0x5a;
	outb(COM1 + 3, 0x83);
	outb(COM1, 0x01);
	outb(COM1 + 1, 0x02);
	latch = inb(COM1) == 0x01 && inb(COM1 + 1) == 0x02;
	outb(COM1, 1);
	outb(COM1 + 1, 0);
	outb(COM1 + 3, 0x03);
	outb(COM1 + 2, 0x01);
	fifo = (inb(COM1 + 2) & 0xc0) == 0xc0;
	check(scratch, "scratch register");
	check(latch && inb(COM1 + 1) == 0, "divisor latch");
	check(fifo, "FIFO");
}

static void test_uart_loopback(void)
{
	bool lines, ready, data, empty, overrun, cleared, flushed;
	u8 i;

	outb(COM1 + 2, 0x07);
	outb(COM1 + 4, 0x1b);		/* loop, OUT2, RTS, DTR */
	lines = (inb(COM1 + 6) & 0xf0) == 0xb0;
	outb(COM1, 'L');
	ready = inb(COM1 + 5) & 1;
	data = inb(COM1) == 'L';
	empty = !(inb(COM1 + 5) & 1);
	for (i = 0; i < 17; i++)
		outb(COM1, i);
	overrun = inb(COM1 + 5) & 2;
	cleared = !(inb(COM1 + 5) & 2);
	outb(COM1 + 2, 0x03);
	flushed = !(inb(COM1 + 5) & 1);
	outb(COM1 + 4, 0x0b);
	check(lines, "loopback: modem lines");
	check(ready, "loopback: data ready");
	check(data, "loopback: data");
	check(empty, "loopback: empty again");
	check(overrun, "loopback: overrun after 16 bytes");
	check(cleared, "overrun is cleared by its read");
	check(flushed, "FCR clears the receiver");
}

static void test_uart_interrupts(void)
{
	bool none, thre, once, written;

	while (!(inb(COM1 + 5) & 0x40))
		;
	none = inb(COM1 + 2) & 1;
	outb(COM1 + 1, 0x02);
	thre = (inb(COM1 + 2) & 0x0f) == 0x02;
	once = inb(COM1 + 2) & 1;
	outb(COM1, '\n');
	while (!(inb(COM1 + 5) & 0x20))
		;
	written = (inb(COM1 + 2) & 0x0f) == 0x02;
	outb(COM1 + 1, 0);
	check(none, "IIR: nothing pending");
	check(thre, "IIR: transmitter empty, once it is enabled");
	check(once, "... which reading IIR clears");
	check(written, "... and comes again after a byte");
}

static void test_uart(void)
{
	test_uart_registers();
	test_uart_loopback();
	test_uart_interrupts();
}

static void test_ports(void)
{
	check(inb(0x1234) == 0xff, "nobody at port 0x1234");
	check(inw(0x1234) == 0xffff && inl(0x1234) == ~0U, "... nor wider");
	outb(0x1234, 0);
	check(*(volatile u64 *)0xd0000000 == ~0ULL, "nobody at 0xd0000000");
	*(volatile u32 *)0xd0000000 = 0;
	check(*(volatile u32 *)0xd0000000 == ~0U, "writes there are ignored");
}

static u8 cmos(u8 reg)
{
	outb(0x70, reg);
	return inb(0x71);
}

static void put_bcd(u8 v)
{
	put_char('0' + (v >> 4));
	put_char('0' + (v & 15));
}

static void test_rtc(void)
{
	u8 before;

	check(cmos(0x0d) & 0x80, "RTC has power");
	check((cmos(0x0b) & 0x06) == 0x02, "RTC: BCD, 24 hours");
	put("# time ");
	put_bcd(cmos(0x32));
	put_bcd(cmos(9));
	put("-");
	put_bcd(cmos(8));
	put("-");
	put_bcd(cmos(7));
	put(" ");
	put_bcd(cmos(4));
	put(":");
	put_bcd(cmos(2));
	put("\n");
	outb(0x70, 0x40);
	outb(0x71, 0xa5);
	check(cmos(0x40) == 0xa5, "RTC: plain bytes keep");
	before = cmos(0);
	cmos(0x0c);
	while (cmos(0) == before)
		;
	check(cmos(0x0c) & 0x10, "RTC: update ended flag");
}

static void test_pm_timer(void)
{
	u32 a = inl(PM_TMR), b;

	do
		b = inl(PM_TMR);
	while (b - a < 3579);		/* a millisecond */
	check(b - a < 3579545, "PM timer runs, and not too fast");
	check(inw(PM1_CNT) & 1, "SCI_EN");
}

static void wait_for_button(void)
{
	outw(PM1_EN, PWRBTN);
	put("waiting for the power button\n");
	while (!(inw(PM1_STS) & PWRBTN))
		asm volatile("pause");
	outw(PM1_STS, PWRBTN);
	check(!(inw(PM1_STS) & PWRBTN), "PWRBTN_STS is cleared by a one");
	put("power button\n");
}

static void echo(void)
{
	u8 c;

	put("echo\n");
	do {
		while (!(inb(COM1 + 5) & 1))
			asm volatile("pause");
		c = inb(COM1);
		put("<");
		put_hex(c);
		put(">");
	} while (c != 'q');
	put("\n");
}

static void crash(void)
{
	const struct { u16 limit; u64 base; } __attribute__((packed)) idt = { 0, 0 };

	put("crashing\n");
	asm volatile("lidt %0; ud2" : : "m"(idt));
}

static void spin(void)
{
	put("spinning\n");
	/* No interrupt is unmasked: none comes. */
	asm volatile("sti");
	for (;;)
		asm volatile("pause");
}

static void flood(void)
{
	int i;

	for (i = 0; i < 3000; i++) {
		put_dec(i);
		put("\n");
	}
}

static void test_all(const struct boot_params *bp)
{
	const char *cmdline = (const char *)(u64)bp->hdr.cmd_line_ptr;

	put("# cmdline [");
	put(cmdline);
	put("]\n");
	test_entry(bp);
	test_e820(bp);
	test_initrd(bp);
	test_acpi(bp);
	test_ports();
	test_uart();
	test_rtc();
	test_pm_timer();
}

/* The entry point in C; @bp is what RSI pointed to. */
void run(const struct boot_params *bp);
void run(const struct boot_params *bp)
{
	const char *cmd = (const char *)(u64)bp->hdr.cmd_line_ptr;

	if (same(cmd, "test", 4))
		test_all(bp);
	else if (same(cmd, "button", 6))
		wait_for_button();
	else if (same(cmd, "echo", 4))
		echo();
	else if (same(cmd, "flood", 5))
		flood();
	else if (same(cmd, "crash", 5))
		crash();
	else if (same(cmd, "spin", 4))
		spin();
	else if (same(cmd, "cf9", 3))
		outb(0xcf9, 0x06);
	else if (same(cmd, "kbd", 3))
		outb(0x64, 0xfe);
	else if (same(cmd, "lost", 4))
		((void (*)(void))0xd0000000)();
	put("off\n");
	power_off();
}
