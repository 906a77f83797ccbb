// SPDX-License-Identifier: GPL-2.0
/*
 * host.c - facts about the machine, for "ospite check": CPU, firmware, modules.
 *
 * Reads CPUID (SDM 2A), /proc/cpuinfo, /proc/modules, /sys/module and
 * /dev/cpu/0/msr; changes nothing.
 */
#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host.h"

#define CPUID_1_ECX_VMX		BIT(5)
#define CPUID_1_ECX_HYPERVISOR	BIT(31)
#define CPUID_80000001_ECX_SVM	BIT(2)

static void read_cpuid(struct host_cpu *cpu)
{
	u32 a, b, c, d;

	__cpuid(0, a, b, c, d);
	memcpy(cpu->vendor, &b, 4);
	memcpy(cpu->vendor + 4, &d, 4);
	memcpy(cpu->vendor + 8, &c, 4);
	__cpuid(1, a, b, c, d);
	cpu->vmx = c & CPUID_1_ECX_VMX;
	cpu->is_vm = c & CPUID_1_ECX_HYPERVISOR;
	if (cpu->is_vm) {
		__cpuid(0x40000000, a, b, c, d);
		memcpy(cpu->hypervisor, &b, 4);
		memcpy(cpu->hypervisor + 4, &c, 4);
		memcpy(cpu->hypervisor + 8, &d, 4);
	}
	__cpuid(0x80000000, a, b, c, d);
	if (a >= 0x80000001) {
		__cpuid(0x80000001, a, b, c, d);
		cpu->svm = c & CPUID_80000001_ECX_SVM;
	}
}

/* Is @word one of the words of @line? */
static bool has_word(const char *line, const char *word)
{
	size_t len = strlen(word);
	const char *p = line;

	while ((p = strstr(p, word))) {
		if (p > line && p[-1] == ' ' &&
		    (p[len] == ' ' || p[len] == '\n' || !p[len]))
			return true;
		p += len;
	}
	return false;
}

/* The first CPU's "flags" and "vmx flags" lines. */
static void read_cpuinfo(struct host_cpu *cpu)
{
	FILE *f = fopen("/proc/cpuinfo", "re");
	char *line = NULL;
	size_t size = 0;

	while (f && getline(&line, &size, f) > 1) {
		if (!strncmp(line, "flags", 5)) {
			cpu->kernel_vmx = has_word(line, "vmx");
		} else if (!strncmp(line, "vmx flags", 9)) {
			cpu->lists_features = true;
			cpu->ept = has_word(line, "ept");
			cpu->vpid = has_word(line, "vpid");
			cpu->unrestricted = has_word(line, "unrestricted_guest");
		}
	}
	free(line);
	if (f)
		fclose(f);
}

/**
 * host_cpu() - look at the CPU
 * @cpu: filled in
 */
void host_cpu(struct host_cpu *cpu)
{
	memset(cpu, 0, sizeof(*cpu));
	read_cpuid(cpu);
	read_cpuinfo(cpu);
}

/**
 * host_module() - look for a kernel module
 * @name: its name, with underscores
 *
 * Return: whether it is there, and how many users it has.
 */
struct host_module host_module(const char *name)
{
	struct host_module module = { MODULE_ABSENT, -1 };
	FILE *f = fopen("/proc/modules", "re");
	char line[4096], word[64], path[128];
	int users;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%63s %*u %d", word, &users) == 2 &&
		    !strcmp(word, name)) {
			module.state = MODULE_LOADED;
			module.users = users;
		}
	}
	if (f)
		fclose(f);
	snprintf(path, sizeof(path), "/sys/module/%s", name);
	if (module.state == MODULE_ABSENT && !access(path, F_OK))
		module.state = MODULE_BUILT_IN;
	return module;
}

/**
 * host_kvm_holds_vmx() - does KVM keep VMX from the moment it is loaded?
 *
 * Return: true if it is of a kernel that does so (Linux 6.12 and later, unless
 * kvm.enable_virt_at_load=0).
 */
bool host_kvm_holds_vmx(void)
{
	FILE *f = fopen("/sys/module/kvm/parameters/enable_virt_at_load", "re");
	int c;

	if (!f)
		return false;
	c = fgetc(f);
	fclose(f);
	return c == 'Y' || c == '1';
}

/**
 * host_read_msr() - read an MSR of CPU 0
 * @msr: its number
 * @value: filled in
 *
 * Return: 0, or -1 with errno set: ENOENT if the msr module is not loaded,
 * EACCES without the right to, EIO if the CPU has no such MSR.
 */
int host_read_msr(u32 msr, u64 *value)
{
	int fd = open("/dev/cpu/0/msr", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = pread(fd, value, sizeof(*value), msr);
	close(fd);
	return n == sizeof(*value) ? 0 : -1;
}
