// SPDX-License-Identifier: GPL-2.0
/*
 * debugfs.c - what a VM does, for everyone to read: /sys/kernel/debug/ospite/.
 *
 * The file features: which of the CPU's optional features are used.  Then
 * a directory per VM, named PID-NUMBER; in it the file memory: how the EPT maps
 * it now, and how often translations were flushed; and a directory per vCPU
 * with the file exits: a line "REASON COUNT" for each reason that occurred.
 * Counters of a vCPU are written by its thread only and read without a lock.
 */
#include <linux/debugfs.h>
#include <linux/idr.h>
#include <linux/sched.h>
#include <linux/seq_file.h>

#include "ospite.h"

static struct dentry *root;
static DEFINE_IDA(ids);

static int exits_show(struct seq_file *file, void *unused)
{
	struct osp_vcpu *vcpu = file->private;
	int i;

	for (i = 0; i < OSP_NR_EXIT_REASONS; i++)
		if (READ_ONCE(vcpu->exits[i]))
			seq_printf(file, "%s %llu\n", osp_exit_name(i),
				   READ_ONCE(vcpu->exits[i]));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(exits);

/* vm->vcpus is only added to while the VM lives, under its lock. */
static void show_flushes(struct seq_file *file, struct osp_vm *vm)
{
	u64 visits = 0, invvpid = 0;
	struct osp_vcpu *vcpu;
	unsigned long i;

	mutex_lock(&vm->lock);
	xa_for_each(&vm->vcpus, i, vcpu) {
		visits += READ_ONCE(vcpu->first_visits);
		invvpid += READ_ONCE(vcpu->vpid_flushes);
	}
	mutex_unlock(&vm->lock);
	seq_printf(file, "emptied %llu\n", READ_ONCE(vm->mmu.zapped));
	seq_printf(file, "invept-all %ld\n", atomic_long_read(&vm->mmu.flushes));
	seq_printf(file, "invept-first %llu\n", visits);
	seq_printf(file, "invvpid %llu\n", invvpid);
}

/* Documentation/tlb.md says what the lines mean. */
static int memory_show(struct seq_file *file, void *unused)
{
	static const char * const sizes[OSP_EPT_MAX_LEAF] = {
		"4k", "2m", "1g"
	};
	struct osp_vm *vm = file->private;
	u64 leaves[OSP_EPT_MAX_LEAF];
	int i;

	osp_mmu_leaves(&vm->mmu, leaves);
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		seq_printf(file, "%s %llu\n", sizes[i], leaves[i]);
	seq_printf(file, "tables %ld\n", atomic_long_read(&vm->mmu.nr_tables));
	show_flushes(file, vm);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(memory);

static int features_show(struct seq_file *file, void *unused)
{
	osp_vmx_show_features(file);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(features);

/**
 * osp_debugfs_add_vcpu() - make a vCPU's directory
 * @vcpu: the vCPU; vm->lock is held
 */
void osp_debugfs_add_vcpu(struct osp_vcpu *vcpu)
{
	char name[16];

	if (vcpu->vm->id < 0)
		return;
	snprintf(name, sizeof(name), "vcpu%d", vcpu->index);
	vcpu->debugfs = debugfs_create_dir(name, vcpu->vm->debugfs);
	debugfs_create_file("exits", 0444, vcpu->debugfs, vcpu, &exits_fops);
}

/**
 * osp_debugfs_add_vm() - make a VM's directory, and those of the vCPUs it has
 * @vm: the VM; nobody else knows it yet
 *
 * A failure only means that nothing can be read there.
 */
void osp_debugfs_add_vm(struct osp_vm *vm)
{
	struct osp_vcpu *vcpu;
	unsigned long i;
	char name[32];

	vm->id = ida_alloc(&ids, GFP_KERNEL);
	if (vm->id < 0)
		return;
	snprintf(name, sizeof(name), "%d-%d", task_pid_nr(current), vm->id);
	vm->debugfs = debugfs_create_dir(name, root);
	debugfs_create_file("memory", 0444, vm->debugfs, vm, &memory_fops);
	xa_for_each(&vm->vcpus, i, vcpu)
		osp_debugfs_add_vcpu(vcpu);
}

/**
 * osp_debugfs_remove_vm() - remove a VM's directory and all in it
 * @vm: the VM; nobody reads there when this returns
 */
void osp_debugfs_remove_vm(struct osp_vm *vm)
{
	if (vm->id < 0)
		return;
	debugfs_remove_recursive(vm->debugfs);
	ida_free(&ids, vm->id);
}

/**
 * osp_debugfs_init() - make the directory of all VMs, and what is in it at first
 */
void osp_debugfs_init(void)
{
	root = debugfs_create_dir("ospite", NULL);
	debugfs_create_file("features", 0444, root, NULL, &features_fops);
}

/**
 * osp_debugfs_exit() - remove it
 */
void osp_debugfs_exit(void)
{
	debugfs_remove_recursive(root);
	ida_destroy(&ids);
}
