// SPDX-License-Identifier: GPL-2.0
/*
 * main.c - osp-bench: what the operations of a virtual machine cost, in ticks
 * of the time-stamp counter, on /dev/ospite or on /dev/kvm.
 *
 * Holds the table of rows, and measures all of them or those asked for.  A new
 * operation is a new row here, and a new program in guest.S if it needs one.
 */
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "guest.h"
#include "vm.h"

#define MSR_APIC_BASE	0x1b
#define MSR_TSC_ADJUST	0x3b
#define PORT_PIC	0x21	/* the first PIC's interrupt mask */
#define PORT_ELCR	0x4d0	/* its edge/level control */

/* Emulated seconds that one row, and a boot, may take. */
#define ROW_SECONDS	20
#define BOOT_SECONDS	120

#define LOOP(_name, _title, _target, _program, _arg) {			\
	.name = _name, .title = _title, .unit = "ticks",		\
	.target = _target, .measure = measure_loop,			\
	.program = _program, .arg = _arg,				\
	.iterations = 100, .batches = 15,				\
}

#define TOUCH(_name, _title, _measure, _program, _iterations) {		\
	.name = _name, .title = _title, .unit = "ticks",		\
	.measure = _measure,						\
	.program = _program, .arg = GUEST_FRESH,			\
	.iterations = _iterations, .batches = 7,			\
}

#define EVENT(_name, _title, _measure, _program, _arg) {		\
	.name = _name, .title = _title, .unit = "ticks",		\
	.measure = _measure, .program = _program, .arg = _arg,		\
	.iterations = 100, .batches = 15,				\
}

#define FORK(_name, _title, _target, _measure, _mib) {			\
	.name = _name, .title = _title, .unit = "ticks",		\
	.target = _target, .measure = _measure,				\
	.arg = (uint64_t)(_mib) << 20, .batches = 9,			\
}

#define SLOT(_count, _title) {						\
	.name = "slot-add-" #_count, .unit = "ticks",			\
	.title = "Memory slot: add, " _title,				\
	.measure = measure_slot_add, .arg = _count, .batches = 15,	\
}, {									\
	.name = "slot-remove-" #_count, .unit = "ticks",		\
	.title = "Memory slot: remove, " _title,			\
	.measure = measure_slot_remove, .arg = _count, .batches = 15,	\
}

static const struct row rows[] = {
	LOOP("cpuid", "CPUID", 350, guest_cpuid, 0),
	LOOP("vmcall", "VMCALL", 0, guest_vmcall, 0),
	LOOP("rdmsr", "RDMSR TSC_ADJUST", 450, guest_rdmsr, MSR_TSC_ADJUST),
	LOOP("wrmsr", "WRMSR TSC_ADJUST", 450, guest_wrmsr, MSR_TSC_ADJUST),
	LOOP("rdmsr-apicbase", "RDMSR APIC_BASE", 450, guest_rdmsr,
	     MSR_APIC_BASE),
	LOOP("wrmsr-apicbase", "WRMSR APIC_BASE", 450, guest_wrmsr,
	     MSR_APIC_BASE),
	LOOP("in-kernel", "IN handled in the kernel (PIC)", 450, guest_in,
	     PORT_PIC),
	LOOP("out-kernel", "OUT handled in the kernel (PIC)", 450, guest_out,
	     PORT_PIC),
	LOOP("in-elcr", "IN handled in the kernel (ELCR)", 450, guest_in,
	     PORT_ELCR),
	LOOP("out-elcr", "OUT handled in the kernel (ELCR)", 450, guest_out,
	     PORT_ELCR),
	LOOP("in-user", "IN to userspace", 2000, guest_in, PORT_USER),
	LOOP("out-user", "OUT to userspace", 2000, guest_out, PORT_USER),
	LOOP("mmio-read", "MMIO read to userspace", 0, guest_mmio_read, 0),
	LOOP("mmio-write", "MMIO write to userspace", 0, guest_mmio_write, 0),
	TOUCH("fault", "EPT fault, page in host memory",
	      measure_touch_populated, guest_touch, 512),
	TOUCH("fault-apart", "EPT fault, page in host memory, alone",
	      measure_touch_apart, guest_touch_apart, 256),
	TOUCH("fault-2m", "EPT fault, 2 MiB page in host memory",
	      measure_touch_huge, guest_touch_huge, 16),
	TOUCH("fault-new", "EPT fault, page new to the host", measure_touch,
	      guest_touch, 512),
	{
		.name = "dirty-write", .unit = "ticks",
		.title = "Dirty log: write to a clean page",
		.measure = measure_dirty_write,
		.program = guest_sweep, .arg = GUEST_FRESH,
		.iterations = 2048, .batches = 7,
	},
	{
		.name = "dirty-round", .unit = "ticks",
		.title = "Dirty log: write 64 MiB, take the log",
		.measure = measure_dirty_round,
		.program = guest_sweep, .arg = GUEST_FRESH,
		.iterations = 16384, .batches = 3,
	},
	LOOP("cr0-wp", "CR0.WP cleared and set", 0, guest_cr0_wp, 0),
	LOOP("cr0-am", "CR0.AM cleared and set", 0, guest_cr0_am, 0),
	LOOP("wbinvd", "WBINVD", 0, guest_wbinvd, 0),
	LOOP("deadline", "TSC deadline, immediate", 1500, guest_deadline, 0),
	LOOP("deadline-wait", "TSC deadline, 3000 ticks away", 0,
	     guest_deadline, 3000),
	LOOP("cr8", "MOV to CR8", 20, guest_cr8, 0),
	LOOP("eoi", "EOI, x2APIC", 20, guest_eoi, 0),
	LOOP("tpr", "TPR write, x2APIC", 20, guest_tpr, 0),
	LOOP("icr", "ICR write, x2APIC", 700, guest_icr, 0),
	LOOP("self-msr", "Self-IPI by MSR 83FH, STI and NOP", 100,
	     guest_self_msr, 0),
	LOOP("self-msr-hlt", "Self-IPI by MSR 83FH, STI and HLT", 1500,
	     guest_self_msr_hlt, 0),
	LOOP("self-msr-tpr", "Self-IPI by MSR 83FH, held by the TPR", 100,
	     guest_self_msr_tpr, 0),
	LOOP("self-ipi", "Self-IPI by x2APIC ICR, STI and NOP", 1000,
	     guest_self_ipi, 0),
	LOOP("self-ipi-hlt", "Self-IPI by x2APIC ICR, STI and HLT", 2000,
	     guest_self_ipi_hlt, 0),
	LOOP("self-ipi-tpr", "Self-IPI by x2APIC ICR, held by the TPR", 1000,
	     guest_self_ipi_tpr, 0),
	LOOP("xapic-eoi", "EOI, xAPIC", 20, guest_xapic_eoi, 0),
	LOOP("xapic-tpr", "TPR write, xAPIC", 20, guest_xapic_tpr, 0),
	LOOP("xapic-icr", "ICR write, xAPIC", 700, guest_xapic_icr, 0),
	LOOP("xapic-self", "Self-IPI, xAPIC, STI and NOP", 100,
	     guest_xapic_self, 0),
	LOOP("xapic-self-hlt", "Self-IPI, xAPIC, STI and HLT", 1500,
	     guest_xapic_self_hlt, 0),
	LOOP("xapic-self-tpr", "Self-IPI, xAPIC, held by the TPR", 100,
	     guest_xapic_self_tpr, 0),
	EVENT("kick-port", "ioeventfd kick: OUT", measure_kick_port, guest_out,
	      PORT_KICK),
	EVENT("kick-memory", "ioeventfd kick: MMIO write", measure_kick_memory,
	      guest_mmio_write, 0),
	EVENT("kick-any", "ioeventfd kick: MMIO write of any length",
	      measure_kick_any, guest_mmio_write, 0),
	EVENT("irqfd", "OUT to irqfd to the guest's handler", measure_irqfd,
	      guest_irqfd, 0),
	{
		.name = "halt", .unit = "ticks",
		.title = "HLT 5 ms: from deadline to handler",
		.measure = measure_latency,
		.program = guest_halt, .arg = 1000000,
		.iterations = 16, .batches = 15,
	},
	{
		.name = "halt-short", .unit = "ticks",
		.title = "HLT 0.1 ms: from deadline to handler",
		.measure = measure_latency,
		.program = guest_halt, .arg = 20000,
		.iterations = 40, .batches = 15,
	},
	{
		.name = "spin", .unit = "ticks",
		.title = "Two vCPUs on one CPU, each spins for the other: a round",
		.measure = measure_spin,
		.program = guest_spin, .other = guest_spin_second,
		.iterations = 20, .batches = 9,
	},
	{
		.name = "ipi", .unit = "ticks", .target = 2000,
		.title = "IPI to a running vCPU, until it has been handled",
		.measure = measure_call, .cpus = 2,
		.program = guest_call, .other = guest_called_running,
		.iterations = 100, .batches = 15,
	},
	{
		.name = "ipi-halted", .unit = "ticks", .target = 2800,
		.title = "IPI to a halted vCPU, called again 2000 ticks later",
		.measure = measure_call, .cpus = 2,
		.program = guest_call, .other = guest_called_halted,
		.arg = 2000, .iterations = 100, .batches = 15,
	},
	{
		.name = "wake-up", .unit = "ticks",
		.title = "HLT wake-up: IPI after 1 ms, to its handler",
		.measure = measure_call, .cpus = 2,
		.program = guest_call, .other = guest_called_halted,
		.arg = 200000, .iterations = 20, .batches = 9,
	},
	{
		.name = "vm", .unit = "ticks",
		.title = "VM with one vCPU: create and destroy",
		.measure = measure_lifecycle, .batches = 9,
	},
	FORK("fork-ioctl-0", "VM fork: the ioctl, nothing touched", 100000,
	     measure_fork_ioctl, 0),
	FORK("fork-ioctl", "VM fork: the ioctl, 64 of 256 MiB touched", 100000,
	     measure_fork_ioctl, 64),
	FORK("fork-ioctl-256", "VM fork: the ioctl, 256 MiB touched", 100000,
	     measure_fork_ioctl, 256),
	FORK("fork-0", "VM fork with fork(2), nothing touched", 0,
	     measure_fork, 0),
	FORK("fork", "VM fork with fork(2), 64 of 256 MiB touched", 400000,
	     measure_fork, 64),
	FORK("fork-256", "VM fork with fork(2), 256 MiB touched", 0,
	     measure_fork, 256),
	SLOT(1, "1 there"),
	SLOT(100, "100 there"),
	SLOT(10000, "10,000 there"),
	{
		.name = "memory", .unit = "KiB", .target = 128,
		.title = "Kernel memory of a VM, beside EPT",
		.measure = measure_memory,
	},
};

#define ROWS	(sizeof(rows) / sizeof(rows[0]))

static const char help[] =
"usage: osp-bench [--dev PATH] [--json] [ROW]...\n"
"       osp-bench [--dev PATH] --mark [ROW]...\n"
"       osp-bench [--dev PATH] --boot WORD -- COMMAND [ARGUMENT]...\n"
"       osp-bench --list\n"
"\n"
"Measures what operations of a virtual machine cost, in ticks of the\n"
"time-stamp counter.\n"
"\n"
"  --dev PATH   the hypervisor's device (default: /dev/ospite)\n"
"  --json       a JSON object a line\n"
"  --mark       do not measure, but surround a few operations by\n"
"               `xchg %bx,%bx`, for an instruction trace (without names:\n"
"               those of guest programs)\n"
"  --boot WORD  time COMMAND until its output holds WORD, and to its end\n"
"  --list       the names of the rows\n";

static const struct option options[] = {
	{ "dev", required_argument, NULL, 'd' },
	{ "json", no_argument, NULL, 'j' },
	{ "mark", no_argument, NULL, 'm' },
	{ "boot", required_argument, NULL, 'b' },
	{ "list", no_argument, NULL, 'l' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

/* Tell the reader of the trace which windows were these. */
static void report_marked(const struct bench *bench, const struct row *row,
			  int windows)
{
	printf("{\"dev\":\"%s\",\"marked\":\"%s\",\"windows\":%d}\n",
	       bench->dev, row->name, windows);
	fflush(stdout);
}

static int run_row(const struct bench *bench, const struct row *row, int json)
{
	struct samples samples = { 0 };
	int ret;

	set_time_limit(ROW_SECONDS);
	ret = row->measure(bench, row, &samples);
	set_time_limit(0);
	if (bench->mark)
		report_marked(bench, row, samples.count);
	if (ret == NOT_THERE)
		return 0;
	if (ret < 0)
		complain("row '%s' could not be measured on %s", row->name,
			 bench->dev);
	else if (json && !bench->mark)
		report_json(bench->dev, row, &samples);
	else if (!bench->mark)
		report_line(row, &samples);
	return ret;
}

static const struct row *find_row(const char *name)
{
	size_t i;

	for (i = 0; i < ROWS; i++)
		if (!strcmp(rows[i].name, name))
			return &rows[i];
	complain("no row is called '%s'; --list names them all", name);
	return NULL;
}

static int enough_cpus(const struct row *row)
{
	return sysconf(_SC_NPROCESSORS_ONLN) >= (long)row->cpus;
}

/* Those of @names, or all that this machine has CPUs for.  Returns how many could not be measured. */
static int run_rows(const struct bench *bench, char **names, int json)
{
	const struct row *row;
	int missing = 0;
	size_t i;

	/* A trace of two vCPUs would be one of two things at once. */
	if (!*names)
		for (i = 0; i < ROWS; i++)
			if (bench->mark ? rows[i].program && !rows[i].other :
					  enough_cpus(&rows[i]))
				missing += run_row(bench, &rows[i], json) < 0;
	for (; *names; names++) {
		row = find_row(*names);
		missing += !row || run_row(bench, row, json) < 0;
	}
	return missing;
}

static int list_rows(void)
{
	size_t i;

	for (i = 0; i < ROWS; i++)
		printf("%-16s %s\n", rows[i].name, rows[i].title);
	return 0;
}

/* On one CPU, whose time-stamp counter is then the one that counts. */
static void settle(void)
{
	cpu_set_t first;

	CPU_ZERO(&first);
	CPU_SET(0, &first);
	if (sched_setaffinity(0, sizeof(first), &first) < 0)
		failed("sched_setaffinity");
}

/* What the command line asks for, beside rows or a command. */
struct wish {
	struct bench bench;
	int json;
	int list;
	int help;
	const char *boot;
};

/* Returns 0, or -1 if there is no such option. */
static int read_options(int argc, char **argv, struct wish *wish)
{
	int option;

	while ((option = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		switch (option) {
		case 'd':
			wish->bench.dev = optarg;
			break;
		case 'j':
			wish->json = 1;
			break;
		case 'm':
			wish->bench.mark = 1;
			break;
		case 'b':
			wish->boot = optarg;
			break;
		case 'l':
			wish->list = 1;
			break;
		case 'h':
			wish->help = 1;
			break;
		default:
			return -1;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct wish wish = { .bench.dev = "/dev/ospite" };

	if (read_options(argc, argv, &wish) < 0 ||
	    (wish.boot && (optind == argc || !*wish.boot))) {
		fputs(help, stderr);
		return 2;
	}
	if (wish.help) {
		fputs(help, stdout);
		return 0;
	}
	if (wish.list)
		return list_rows();
	settle();
	if (!wish.boot)
		return run_rows(&wish.bench, argv + optind, wish.json) ? 1 : 0;
	set_time_limit(BOOT_SECONDS);
	return boot_command(wish.bench.dev, wish.boot, argv + optind) < 0;
}
