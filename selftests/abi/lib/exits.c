// SPDX-License-Identifier: GPL-2.0
/*
 * exits.c - reading exit counters out of debugfs.
 *
 * Ospite: ospite/PID-N/vcpuN/exits, a line "REASON COUNT" each.  KVM:
 * kvm/PID-FD/exits, irq_exits, for all vCPUs of a VM together.
 */
#include <dirent.h>

#include "exits.h"

static bool read_u64(const char *path, u64 *val)
{
	unsigned long long v;
	FILE *f = fopen(path, "r");
	bool ok;

	if (!f)
		return false;
	ok = fscanf(f, "%llu", &v) == 1;
	fclose(f);
	*val = v;
	return ok;
}

static bool read_kvm(const char *dir, struct exit_count *c)
{
	char path[512];

	c->spin = 0;
	snprintf(path, sizeof(path), "%s/exits", dir);
	if (!read_u64(path, &c->all))
		return false;
	snprintf(path, sizeof(path), "%s/irq_exits", dir);
	return read_u64(path, &c->host);
}

static bool read_ospite(const char *dir, u32 id, struct exit_count *c)
{
	char path[512], reason[64];
	unsigned long long n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/vcpu%u/exits", dir, id);
	f = fopen(path, "r");
	if (!f)
		return false;
	c->all = 0;
	c->host = 0;
	c->spin = 0;
	while (fscanf(f, "%63s %llu", reason, &n) == 2) {
		c->all += n;
		if (!strcmp(reason, "EXTERNAL_INTERRUPT") ||
		    !strcmp(reason, "PREEMPTION_TIMER"))
			c->host += n;
		else if (!strcmp(reason, "PAUSE"))
			c->spin += n;
	}
	fclose(f);
	return true;
}

/**
 * exits_read() - read the counters of a vCPU
 * @v: of the only VM that this process has
 * @c: filled
 *
 * Return: false if debugfs does not show them.
 */
bool exits_read(struct vcpu *v, struct exit_count *c)
{
	const char *root = abi_on_kvm() ? "/sys/kernel/debug/kvm" :
					  "/sys/kernel/debug/ospite";
	char dir[400], mine[16];
	struct dirent *e;
	bool ok = false;
	DIR *d = opendir(root);

	if (!d)
		return false;
	snprintf(mine, sizeof(mine), "%d-", getpid());
	while (!ok && (e = readdir(d))) {
		if (strncmp(e->d_name, mine, strlen(mine)))
			continue;
		snprintf(dir, sizeof(dir), "%s/%.255s", root, e->d_name);
		ok = abi_on_kvm() ? read_kvm(dir, c) :
				    read_ospite(dir, v->id, c);
	}
	closedir(d);
	return ok;
}

/**
 * feature_used() - does Ospite use this feature of the CPU?
 * @parameter: of the module, which turns it off
 */
bool feature_used(const char *parameter)
{
	FILE *f = fopen("/sys/kernel/debug/ospite/features", "r");
	char name[32], state[16];
	bool used = false;

	while (f && fscanf(f, "%31s %15s", name, state) == 2)
		used |= !strcmp(name, parameter) && !strcmp(state, "used");
	if (f)
		fclose(f);
	return used;
}
