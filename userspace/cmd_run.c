// SPDX-License-Identifier: GPL-2.0
/*
 * cmd_run.c - "ospite run": the options of a virtual machine.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "machine.h"
#include "say.h"

#define DEFAULT_MEM	(256 * MIB)
#define MIN_MEM		(2 * MIB)
#define MAX_MEM		(1024 * GIB)
#define DEFAULT_APPEND	"console=ttyS0,115200"

enum { OPT_DEV = 256, OPT_NO_REBOOT, OPT_NO_THP, OPT_STATS };

static const struct argp_option options[] = {
	{ "kernel", 'k', "FILE", 0, "Linux kernel: bzImage or ELF vmlinux", 1 },
	{ "initrd", 'i', "FILE", 0, "initial ramdisk", 1 },
	{ "append", 'a', "STRING", 0, "kernel command line (default: " DEFAULT_APPEND ")", 1 },
	{ "mem", 'm', "SIZE", 0, "memory, with K, M, G; plain numbers are MiB (default: 256M)", 2 },
	{ "cpus", 'c', "N", 0, "number of CPUs (default: 1)", 2 },
	{ "name", 'n', "NAME", 0, "name for ps and stop (default: made up)", 2 },
	{ "dev", OPT_DEV, "DEVICE", 0, "hypervisor, also /dev/kvm (default: " DEFAULT_DEVICE ")", 3 },
	{ "no-reboot", OPT_NO_REBOOT, NULL, 0,
	  "end with status 132 when the guest resets itself, instead of booting again", 3 },
	{ "no-hugepages", OPT_NO_THP, NULL, 0, "no transparent huge pages behind guest memory", 3 },
	{ "stats", OPT_STATS, NULL, 0,
	  "print exits to userspace by reason and port at the end", 3 },
	{ 0 }
};

static const char doc[] =
	"Starts a virtual machine on this terminal, which becomes its serial console.\v"
	"Ctrl-A x ends the machine, Ctrl-A Ctrl-A sends Ctrl-A.\n\n"
	"Exit status: 0 the guest powered off, 128 not started, 129 the guest crashed, "
	"130 the hypervisor failed, 131 the command failed, 132 the guest reset "
	"itself (--no-reboot), 133 ended from outside.\n\n"
	"Example: ospite run --kernel /boot/vmlinuz-$(uname -r) --initrd guest.cpio";

struct run_args {
	struct vm_config cfg;
	const char *name;
};

static int parse_mem(const char *arg, u64 *mem)
{
	static const char units[] = "KMGT";
	const char *unit;
	char *end;
	u64 n, scale = MIB;

	errno = 0;
	n = strtoull(arg, &end, 10);
	if (end == arg || arg[0] == '-' || errno)
		goto bad;
	if (*end) {
		unit = strchr(units, *end & ~0x20);
		if (!unit || !*unit || end[1])
			goto bad;
		scale = KIB << (10 * (unit - units));
	}
	if (n > MAX_MEM / scale || n * scale < MIN_MEM || n * scale % MIB)
		return say_fail("--mem %s: not a whole number of MiB from 2M to 1024G (try: --mem 256M)",
				arg);
	*mem = n * scale;
	return 0;
bad:
	return say_fail("--mem %s: not a size (try: --mem 256M)", arg);
}

static int parse_cpus(const char *arg, unsigned int *cpus)
{
	unsigned long n;
	char *end;

	n = strtoul(arg, &end, 10);
	if (end == arg || *end || arg[0] == '-' || !n || n > MAX_VCPUS)
		return say_fail("--cpus %s: not a number from 1 to %u (try: --cpus 1)",
				arg, MAX_VCPUS);
	*cpus = n;
	return 0;
}

static int check_name(const char *arg)
{
	if (name_is_valid(arg))
		return 0;
	return say_fail("--name \"%s\": a name has 1 to %u letters, digits, \".\", \"_\", \"-\", and begins with a letter or digit (try: --name vm1)",
			arg, NAME_LEN);
}

static int check_end(const struct run_args *args)
{
	if (args->cfg.kernel)
		return 0;
	return say_fail("no kernel was given (try: ospite run --kernel /boot/vmlinuz-$(uname -r))");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct run_args *args = state->input;
	int ret = 0;

	switch (key) {
	case 'k':
		args->cfg.kernel = arg;
		break;
	case 'i':
		args->cfg.initrd = arg;
		break;
	case 'a':
		args->cfg.append = arg;
		break;
	case 'm':
		ret = parse_mem(arg, &args->cfg.mem);
		break;
	case 'c':
		ret = parse_cpus(arg, &args->cfg.cpus);
		break;
	case 'n':
		args->name = arg;
		ret = check_name(arg);
		break;
	case OPT_DEV:
		args->cfg.dev = arg;
		break;
	case OPT_NO_REBOOT:
		args->cfg.reboot = false;
		break;
	case OPT_NO_THP:
		args->cfg.thp = false;
		break;
	case OPT_STATS:
		args->cfg.stats = true;
		break;
	case ARGP_KEY_ARG:
		ret = say_fail("\"%s\" is one word too many (see: ospite run --help)",
			       arg);
		break;
	case ARGP_KEY_END:
		ret = check_end(args);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	if (ret)
		exit(STATUS_SETUP);
	return 0;
}

static const struct argp argp = { options, parse, NULL, doc, NULL, NULL, NULL };

/**
 * cmd_run() - ospite run
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: exit status.
 */
int cmd_run(int argc, char **argv)
{
	struct run_args args = {
		.cfg = {
			.dev = DEFAULT_DEVICE,
			.append = DEFAULT_APPEND,
			.mem = DEFAULT_MEM,
			.cpus = 1,
			.reboot = true,
			.thp = true,
		},
	};

	argp_parse(&argp, argc, argv, 0, NULL, &args);
	return machine_run(&args.cfg, args.name);
}
