// SPDX-License-Identifier: GPL-2.0
/*
 * cmd_check.c - "ospite check": can this machine run virtual machines, and if
 * not, exactly why, and what to do?
 *
 * One line per check: ok, a problem with its cure, or what could not be found
 * out.  The last check is the real thing, a VM is created; if that works, no
 * other finding counts as a problem.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cmd.h"
#include "host.h"
#include "say.h"

#define MSR_FEATURE_CONTROL		0x3a	/* SDM 4, 2.1 */
#define   FEATURE_CONTROL_LOCKED	BIT(0)
#define   FEATURE_CONTROL_VMX		BIT(2)	/* outside SMX */

static const struct argp_option options[] = {
	{ "dev", 'd', "DEVICE", 0, "hypervisor to check for (default: " DEFAULT_DEVICE ")", 0 },
	{ 0 }
};

static const char doc[] =
	"Says whether this machine can run virtual machines, and if not, why not and what to do.\v"
	"Exit status: 0 it can, 1 it can't, 128 bad usage.";

enum finding { OK, PROBLEM, UNKNOWN };

/**
 * struct check - what was found
 * @dev: the device that is checked for
 * @kvm: it is KVM's
 * @works: a VM could be created
 * @problems: how many problems there are
 */
struct check {
	const char *dev;
	bool kvm;
	bool works;
	unsigned int problems;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct check *c = state->input;

	switch (key) {
	case 'd':
		c->dev = arg;
		return 0;
	case ARGP_KEY_ARG:
		say("\"%s\" is one word too many (see: ospite check --help)",
		    arg);
		exit(STATUS_SETUP);
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp argp = { options, parse, NULL, doc, NULL, NULL, NULL };

static void found(struct check *c, enum finding finding, const char *what,
		  const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static void found(struct check *c, enum finding finding, const char *what,
		  const char *fmt, ...)
{
	static const char *const words[] = { "ok", "PROBLEM", "unknown" };
	va_list ap;

	/* With a VM at hand nothing else can be in the way. */
	if (finding == PROBLEM && !c->works)
		c->problems++;
	printf("%-8s %-9s ", finding == PROBLEM && c->works ? "note" :
	       words[finding], what);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

static void check_cpu(struct check *c, const struct host_cpu *cpu)
{
	if (cpu->vmx)
		found(c, OK, "CPU", "%s, has VT-x", cpu->vendor);
	else if (c->kvm && cpu->svm)
		found(c, OK, "CPU", "%s, has SVM", cpu->vendor);
	else if (cpu->svm)
		found(c, PROBLEM, "CPU", "%s, has AMD's SVM, but Ospite needs Intel's VT-x (use a machine with an Intel CPU, or the lab: make run)",
		      cpu->vendor);
	else if (cpu->is_vm)
		found(c, PROBLEM, "CPU", "%s, has no VT-x: this is a virtual machine, and its hypervisor (%s) does not lend it (enable nested virtualization there, or use the lab: make run)",
		      cpu->vendor, cpu->hypervisor[0] ? cpu->hypervisor :
							"no name");
	else
		found(c, PROBLEM, "CPU", "%s, has no VT-x (use a machine that has, or the lab: make run)",
		      cpu->vendor);
}

static void check_firmware(struct check *c, const struct host_cpu *cpu)
{
	static const char cure[] =
		"enable \"Virtualization Technology\" or \"VT-x\" in the firmware's setup, and switch the machine off once";
	u64 control;

	if (!cpu->vmx)
		return;		/* it has nothing to lock */
	if (host_read_msr(MSR_FEATURE_CONTROL, &control)) {
		if (cpu->kernel_vmx)
			found(c, OK, "firmware", "the kernel says it lets VT-x be used");
		else
			found(c, PROBLEM, "firmware", "the kernel says it has VT-x locked off (%s)",
			      cure);
		return;
	}
	if (!(control & FEATURE_CONTROL_LOCKED))
		found(c, OK, "firmware", "leaves VT-x to the kernel (IA32_FEATURE_CONTROL 0x%llx)",
		      (unsigned long long)control);
	else if (control & FEATURE_CONTROL_VMX)
		found(c, OK, "firmware", "VT-x is enabled (IA32_FEATURE_CONTROL 0x%llx)",
		      (unsigned long long)control);
	else
		found(c, PROBLEM, "firmware", "VT-x is locked off (IA32_FEATURE_CONTROL 0x%llx; %s)",
		      (unsigned long long)control, cure);
}

static void check_features(struct check *c, const struct host_cpu *cpu)
{
	const char *lacks = !cpu->ept ? "extended page tables (EPT)" :
			    !cpu->unrestricted ? "unrestricted guest" :
			    !cpu->vpid ? "virtual processor ids (VPID)" : NULL;

	if (!cpu->vmx || c->kvm)
		return;
	if (!cpu->lists_features)
		found(c, UNKNOWN, "features", "this kernel does not tell VT-x features apart (the module will)");
	else if (lacks)
		found(c, PROBLEM, "features", "VT-x here lacks %s (use a CPU of 2010 or later; in a VM: a richer CPU model)",
		      lacks);
	else
		found(c, OK, "features", "EPT, unrestricted guest, VPID");
}

/* Modules of other hypervisors, which may hold VMX. */
static void check_other(struct check *c, const char *module, const char *whose)
{
	struct host_module m = host_module(module);

	if (m.state == MODULE_ABSENT)
		return;
	if (m.state == MODULE_BUILT_IN || m.users < 0)
		found(c, UNKNOWN, "holder", "%s (%s) is there; whether it runs VMs can't be seen (end them first)",
		      module, whose);
	else if (m.users)
		found(c, PROBLEM, "holder", "VMX may be held by %s: module %s is in use %d times (end its VMs, or: sudo modprobe -r %s)",
		      whose, module, m.users, module);
	else
		found(c, OK, "holder", "%s (%s) is loaded, but nobody uses it",
		      module, whose);
}

static void check_holders(struct check *c)
{
	struct host_module kvm = host_module("kvm_intel");

	check_other(c, "vboxdrv", "VirtualBox");
	check_other(c, "vmmon", "VMware");
	if (c->kvm)
		return;
	if (kvm.state != MODULE_ABSENT && host_kvm_holds_vmx())
		found(c, PROBLEM, "holder", "VMX is held by KVM as long as kvm_intel is loaded: kvm.enable_virt_at_load=1 (try: sudo modprobe -r kvm_intel, or load kvm with enable_virt_at_load=0)");
	else
		check_other(c, "kvm_intel", "KVM");
}

static void check_module(struct check *c)
{
	const char *name = c->kvm ? "kvm" : "ospite";
	struct host_module m = host_module(name);

	switch (m.state) {
	case MODULE_LOADED:
		found(c, OK, "module", "%s is loaded", name);
		break;
	case MODULE_BUILT_IN:
		found(c, OK, "module", "%s is part of the kernel", name);
		break;
	case MODULE_ABSENT:
		found(c, PROBLEM, "module", "%s is not loaded (try: sudo %s)",
		      name, c->kvm ? "modprobe kvm_intel" :
				     "insmod ospite.ko");
		break;
	}
}

/* A line "PARAMETER STATE" for each optional feature of the CPU. */
#define FEATURES	"/sys/kernel/debug/ospite/features"

/* Add a word to the list of its kind; what does not fit is left out. */
static void add_word(char *list, size_t size, const char *word)
{
	size_t used = strlen(list);

	if (used + strlen(word) + 2 <= size)
		snprintf(list + used, size - used, " %s", word);
}

/* What the module makes of the CPU; each has a parameter of the same name. */
static void check_use(struct check *c)
{
	char used[256] = "", off[256] = "", absent[256] = "";
	char name[32], state[16];
	FILE *f;

	if (c->kvm || host_module("ospite").state == MODULE_ABSENT)
		return;
	f = fopen(FEATURES, "r");
	if (!f) {
		found(c, UNKNOWN, "in use", "which optional features of the CPU are (root sees it: " FEATURES ")");
		return;
	}
	while (fscanf(f, "%31s %15s", name, state) == 2)
		if (!strcmp(state, "used"))
			add_word(used, sizeof(used), name);
		else if (!strcmp(state, "off"))
			add_word(off, sizeof(off), name);
		else
			add_word(absent, sizeof(absent), name);
	fclose(f);
	found(c, OK, "in use", "%s%s%s%s%s", *used ? used + 1 : "nothing",
	      *off ? "; turned off:" : "", off,
	      *absent ? "; the CPU lacks:" : "", absent);
}

static void explain_open(struct check *c, int err)
{
	switch (err) {
	case ENOENT:
	case ENXIO:
	case ENODEV:
		found(c, PROBLEM, "device", "%s: no such device (load the module)",
		      c->dev);
		break;
	case EACCES:
	case EPERM:
		found(c, PROBLEM, "device", "%s: permission denied (try: sudo adduser $USER kvm, and log in again)",
		      c->dev);
		break;
	default:
		found(c, PROBLEM, "device", "%s: %s (see the kernel log: sudo dmesg)",
		      c->dev, strerror(err));
	}
}

static void explain_create(struct check *c, int err)
{
	switch (err) {
	case EBUSY:
		found(c, PROBLEM, "VM", "none can be created: another hypervisor holds VMX (the kernel log says which: sudo dmesg)");
		break;
	case EOPNOTSUPP:
		found(c, PROBLEM, "VM", "none can be created: the CPU lacks what it takes (the kernel log says what: sudo dmesg)");
		break;
	default:
		found(c, PROBLEM, "VM", "none can be created: %s (see the kernel log: sudo dmesg)",
		      strerror(err));
	}
}

/* The result of trying, before anything is printed. */
struct trial {
	int fd;
	int open_err;
	int version;
	int create_err;
};

static void try_device(struct check *c, struct trial *t)
{
	int vm;

	t->fd = open(c->dev, O_RDWR | O_CLOEXEC);
	t->open_err = errno;
	if (t->fd < 0)
		return;
	t->version = ioctl(t->fd, KVM_GET_API_VERSION, 0);
	if (t->version != KVM_API_VERSION)
		return;
	do {
		vm = ioctl(t->fd, KVM_CREATE_VM, 0);
	} while (vm < 0 && errno == EINTR);
	t->create_err = errno;
	c->works = vm >= 0;
	if (vm >= 0)
		close(vm);
}

static void report_device(struct check *c, const struct trial *t)
{
	if (t->fd < 0) {
		explain_open(c, t->open_err);
		return;
	}
	if (t->version < 0) {
		found(c, PROBLEM, "device", "%s is not a hypervisor's (try: --dev /dev/ospite or --dev /dev/kvm)",
		      c->dev);
		return;
	}
	if (t->version != KVM_API_VERSION) {
		found(c, PROBLEM, "device", "%s speaks version %d of the KVM API, not %d (load a module that belongs to this command)",
		      c->dev, t->version, KVM_API_VERSION);
		return;
	}
	found(c, OK, "device", "%s speaks version %d of the KVM API", c->dev,
	      t->version);
	if (c->works)
		found(c, OK, "VM", "one was created and removed again");
	else
		explain_create(c, t->create_err);
}

/**
 * cmd_check() - ospite check
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: exit status.
 */
int cmd_check(int argc, char **argv)
{
	struct check c = { .dev = DEFAULT_DEVICE };
	struct trial trial = { .fd = -1 };
	struct host_cpu cpu;

	argp_parse(&argp, argc, argv, 0, NULL, &c);
	c.kvm = !strcmp(c.dev, "/dev/kvm");
	host_cpu(&cpu);
	try_device(&c, &trial);

	check_cpu(&c, &cpu);
	check_firmware(&c, &cpu);
	check_features(&c, &cpu);
	check_holders(&c);
	check_module(&c);
	check_use(&c);
	report_device(&c, &trial);
	if (trial.fd >= 0)
		close(trial.fd);

	if (c.works)
		printf("This machine can run virtual machines with %s.\n",
		       c.dev);
	else
		printf("This machine can't run virtual machines with %s yet: %u problem%s, see above.\n",
		       c.dev, c.problems, c.problems == 1 ? "" : "s");
	return c.works ? 0 : 1;
}
