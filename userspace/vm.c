// SPDX-License-Identifier: GPL-2.0
/*
 * vm.c - a VM's file descriptors: opening the hypervisor, making the VM with
 * its interrupt controllers, memory, devices and vCPUs, and taking it down.
 *
 * A VM lives from power-on to power-off or reset; a reset is a new VM, so no
 * state of the old one can stay behind.  Follows Documentation/virt/kvm/api.rst.
 *
 * Owns: struct vm.  Its one lock, end_lock, is a leaf.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "dev/dev.h"
#include "say.h"
#include "stats.h"
#include "vm.h"

/*
 * Four pages below 4 GiB that hypervisors on CPUs without unrestricted guest
 * need for real mode: out of the way, between I/O APIC and firmware.
 */
#define IDENTITY_MAP_ADDR	0xfffbc000UL
#define TSS_ADDR		0xfffbd000UL

#define IOAPIC_PINS	24

static const struct {
	int cap;
	const char *name;
} required_caps[] = {
	{ KVM_CAP_USER_MEMORY,		"KVM_CAP_USER_MEMORY" },
	{ KVM_CAP_EXT_CPUID,		"KVM_CAP_EXT_CPUID" },
	{ KVM_CAP_SET_TSS_ADDR,		"KVM_CAP_SET_TSS_ADDR" },
	{ KVM_CAP_IRQCHIP,		"KVM_CAP_IRQCHIP" },
	{ KVM_CAP_PIT2,			"KVM_CAP_PIT2" },
	{ KVM_CAP_IMMEDIATE_EXIT,	"KVM_CAP_IMMEDIATE_EXIT" },
};

/**
 * now_ns() - monotonic time
 *
 * Return: nanoseconds.
 */
u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

static int open_failed(const char *path, int err)
{
	bool kvm = !strcmp(path, "/dev/kvm");

	switch (err) {
	case ENOENT:
	case ENODEV:
	case ENXIO:
		return say_fail("%s: no such device (is the module loaded? try: sudo %s)",
				path, kvm ? "modprobe kvm_intel" :
					    "insmod ospite.ko");
	case EACCES:
	case EPERM:
		return say_fail("%s: permission denied (are you in group kvm? try: sudo adduser $USER kvm, and log in again)",
				path);
	}
	return say_fail("%s: %s (try: ospite check --dev %s)", path,
			strerror(err), path);
}

/**
 * vm_open_device() - open the hypervisor and see that it is one
 * @path: the device node
 *
 * Return: a file descriptor, or -1 after saying why.
 */
int vm_open_device(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	int version;

	if (fd < 0)
		return open_failed(path, errno);
	version = ioctl(fd, KVM_GET_API_VERSION, 0);
	if (version == KVM_API_VERSION)
		return fd;
	close(fd);
	if (version < 0)
		return say_fail("%s: not a hypervisor's device (try: --dev /dev/ospite or --dev /dev/kvm)",
				path);
	return say_fail("%s: speaks version %d of the KVM API, not %d (load a module that belongs to this command)",
			path, version, KVM_API_VERSION);
}

/**
 * vm_check_extension() - ask for a capability of the hypervisor
 * @vm: the VM
 * @cap: KVM_CAP_*
 *
 * Return: its value, 0 if the hypervisor lacks it.
 */
int vm_check_extension(const struct vm *vm, int cap)
{
	int ret = ioctl(vm->dev_fd, KVM_CHECK_EXTENSION, (long)cap);

	return ret < 0 ? 0 : ret;
}

static int check_capabilities(struct vm *vm)
{
	unsigned int max;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(required_caps); i++)
		if (!vm_check_extension(vm, required_caps[i].cap))
			return say_fail("%s: lacks %s, which a VM needs (load a module that belongs to this command)",
					vm->cfg->dev, required_caps[i].name);

	max = vm_check_extension(vm, KVM_CAP_MAX_VCPUS);
	if (!max)
		max = vm_check_extension(vm, KVM_CAP_NR_VCPUS);
	if (!max)
		max = 4;	/* api.rst: what no answer means */
	if (max > MAX_VCPUS)
		max = MAX_VCPUS;
	if (vm->cfg->cpus > max)
		return say_fail("%s: a VM has at most %u CPUs here, not %u (try: --cpus %u)",
				vm->cfg->dev, max, vm->cfg->cpus, max);
	vm->tsc_deadline = vm_check_extension(vm, KVM_CAP_TSC_DEADLINE_TIMER);
	return 0;
}

static int create_failed(const char *dev, int err)
{
	switch (err) {
	case EBUSY:
		return say_fail("%s: the CPU's VMX is held by another hypervisor (ospite check says by which)",
				dev);
	case EOPNOTSUPP:
		return say_fail("%s: this CPU can't run VMs (ospite check says why)",
				dev);
	}
	return say_fail("%s: no VM could be created: %s (try: ospite check --dev %s)",
			dev, strerror(err), dev);
}

static int create_fd(struct vm *vm)
{
	do {	/* KVM may be interrupted by a signal here; not an error */
		vm->fd = ioctl(vm->dev_fd, KVM_CREATE_VM, 0);
	} while (vm->fd < 0 && errno == EINTR);
	return vm->fd < 0 ? create_failed(vm->cfg->dev, errno) : 0;
}

/*
 * GSIs as the MADT describes them: an ISA interrupt goes to the PIC pin and
 * the I/O APIC pin of its number, but the PIT's goes to I/O APIC pin 2, where
 * PCs have it, as PIC pin 2 is the cascade.
 */
static int route_gsis(struct vm *vm)
{
	struct kvm_irq_routing *table;
	struct kvm_irq_routing_entry *e;
	u32 gsi;
	int ret;

	if (!vm_check_extension(vm, KVM_CAP_IRQ_ROUTING)) {
		vm->pit_gsi = 0;	/* the default: pin n is GSI n */
		return 0;
	}
	vm->pit_gsi = 2;
	table = calloc(1, sizeof(*table) + 2 * IOAPIC_PINS * sizeof(*e));
	if (!table)
		return say_fail("out of memory");
	e = table->entries;
	for (gsi = 0; gsi < IOAPIC_PINS; gsi++) {
		if (gsi == 2)
			continue;
		if (gsi < 16) {
			e->gsi = gsi;
			e->type = KVM_IRQ_ROUTING_IRQCHIP;
			e->u.irqchip.irqchip = gsi < 8 ?
				KVM_IRQCHIP_PIC_MASTER : KVM_IRQCHIP_PIC_SLAVE;
			e->u.irqchip.pin = gsi % 8;
			e++;
		}
		e->gsi = gsi;
		e->type = KVM_IRQ_ROUTING_IRQCHIP;
		e->u.irqchip.irqchip = KVM_IRQCHIP_IOAPIC;
		e->u.irqchip.pin = gsi ? gsi : 2;
		e++;
	}
	table->nr = e - table->entries;
	ret = ioctl(vm->fd, KVM_SET_GSI_ROUTING, table);
	free(table);
	if (ret)
		return say_fail("%s: interrupt routing refused: %s (load a module that belongs to this command)",
				vm->cfg->dev, strerror(errno));
	return 0;
}

static int create_irqchips(struct vm *vm)
{
	struct kvm_pit_config pit = { .flags = KVM_PIT_SPEAKER_DUMMY };
	u64 identity = IDENTITY_MAP_ADDR;
	const char *what;

	what = "KVM_SET_IDENTITY_MAP_ADDR";
	if (vm_check_extension(vm, KVM_CAP_SET_IDENTITY_MAP_ADDR) &&
	    ioctl(vm->fd, KVM_SET_IDENTITY_MAP_ADDR, &identity))
		goto fail;
	what = "KVM_SET_TSS_ADDR";
	if (ioctl(vm->fd, KVM_SET_TSS_ADDR, TSS_ADDR))
		goto fail;
	what = "KVM_CREATE_IRQCHIP";
	if (ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0))
		goto fail;
	what = "KVM_CREATE_PIT2";
	if (ioctl(vm->fd, KVM_CREATE_PIT2, &pit))
		goto fail;
	return route_gsis(vm);
fail:
	return say_fail("%s: %s failed: %s (load a module that belongs to this command)",
			vm->cfg->dev, what, strerror(errno));
}

static int create_vcpus(struct vm *vm)
{
	struct kvm_cpuid2 *cpuid;
	unsigned int i;
	int ret;

	ret = ioctl(vm->dev_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (ret < (int)sizeof(struct kvm_run))
		return say_fail("%s: KVM_GET_VCPU_MMAP_SIZE says %d (load a module that belongs to this command)",
				vm->cfg->dev, ret);
	vm->run_size = ret;
	vm->vcpus = calloc(vm->cfg->cpus, sizeof(*vm->vcpus));
	cpuid = cpuid_supported(vm->dev_fd);
	if (!vm->vcpus || !cpuid) {
		free(cpuid);
		return say_fail("%s: its CPUID can't be read: %s (try: ospite check --dev %s)",
				vm->cfg->dev, strerror(errno), vm->cfg->dev);
	}
	for (i = 0; i < vm->cfg->cpus; i++)
		vm->vcpus[i].fd = -1;
	for (i = 0, ret = 0; i < vm->cfg->cpus && !ret; i++) {
		ret = vcpu_create(&vm->vcpus[i], vm, i);
		if (!ret)
			ret = vcpu_init(&vm->vcpus[i], cpuid);
	}
	free(cpuid);
	return ret;
}

/**
 * vm_create() - make a VM: memory, interrupt controllers, devices, vCPUs
 * @vm: filled in; on failure nothing is left behind
 * @cfg: what the user asked for, to stay valid as long as the VM
 *
 * The guest is not loaded and no vCPU runs yet.
 *
 * Return: 0, or -1 after saying why.
 */
int vm_create(struct vm *vm, const struct vm_config *cfg)
{
	memset(vm, 0, sizeof(*vm));
	vm->cfg = cfg;
	vm->fd = -1;
	pthread_mutex_init(&vm->end_lock, NULL);
	vm->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	vm->dev_fd = vm_open_device(cfg->dev);
	if (vm->dev_fd < 0)
		goto fail;
	if (vm->wake_fd < 0) {
		say("no eventfd: %s", strerror(errno));
		goto fail;
	}
	if (cfg->stats && stats_create(vm))
		goto fail;
	if (check_capabilities(vm) || create_fd(vm) ||
	    ram_create(&vm->ram, cfg->mem, cfg->thp) || ram_register(vm) ||
	    create_irqchips(vm) || bus_create(vm) || create_vcpus(vm))
		goto fail;
	return 0;
fail:
	vm_destroy(vm);
	return -1;
}

/**
 * vm_destroy() - take a VM down; its vCPU threads have ended
 * @vm: from vm_create(), also half made
 */
void vm_destroy(struct vm *vm)
{
	unsigned int i;

	for (i = 0; vm->vcpus && i < vm->cfg->cpus; i++)
		vcpu_destroy(&vm->vcpus[i]);
	free(vm->vcpus);
	bus_destroy(vm);
	if (vm->fd >= 0)
		close(vm->fd);
	ram_destroy(&vm->ram);
	if (vm->dev_fd >= 0)
		close(vm->dev_fd);
	if (vm->wake_fd >= 0)
		close(vm->wake_fd);
	stats_destroy(vm);
	pthread_mutex_destroy(&vm->end_lock);
}

/**
 * vm_start() - let the vCPUs run
 * @vm: the VM, whose vCPUs have no threads
 *
 * Return: 0, or -1 after vm_end().
 */
int vm_start(struct vm *vm)
{
	unsigned int i;

	__atomic_store_n(&vm->leave, __atomic_load_n(&vm->ending, __ATOMIC_ACQUIRE),
			 __ATOMIC_RELEASE);
	for (i = 0; i < vm->cfg->cpus; i++) {
		if (!vcpu_start(&vm->vcpus[i]))
			continue;
		vm_end(vm, END_INTERNAL, "a CPU's thread could not be started");
		return -1;
	}
	return 0;
}

/**
 * vm_pause() - call all vCPUs out of the guest, and end their threads
 * @vm: the VM, for vm_start() to go on with unless it has ended
 *
 * What the guest has asked a device for has been answered then.
 */
void vm_pause(struct vm *vm)
{
	unsigned int i;

	__atomic_store_n(&vm->leave, true, __ATOMIC_RELEASE);
	for (i = 0; i < vm->cfg->cpus; i++)
		vcpu_stop(&vm->vcpus[i]);
}

/**
 * vm_irq_line() - drive an interrupt line
 * @vm: the VM
 * @gsi: which line
 * @level: true for active
 *
 * Called by devices under their lock, when the level changes.
 */
void vm_irq_line(struct vm *vm, unsigned int gsi, bool level)
{
	struct kvm_irq_level irq = { .irq = gsi, .level = level };

	stats_irq(vm, gsi);
	if (ioctl(vm->fd, KVM_IRQ_LINE, &irq))
		vm_end(vm, END_VMERROR, "interrupt line %u: KVM_IRQ_LINE failed: %s",
		       gsi, strerror(errno));
}

/**
 * vm_wake() - make the event loop look around
 * @vm: the VM
 */
void vm_wake(struct vm *vm)
{
	eventfd_write(vm->wake_fd, 1);
}

/**
 * vm_want_tick() - make the event loop run for a while
 * @vm: the VM
 *
 * For what is due soon but not at once, such as buffered output: costs a
 * system call only when the loop was asleep.
 */
void vm_want_tick(struct vm *vm)
{
	if (!__atomic_load_n(&vm->busy, __ATOMIC_SEQ_CST) &&
	    !__atomic_exchange_n(&vm->busy, true, __ATOMIC_SEQ_CST))
		vm_wake(vm);
}

/**
 * vm_end() - the one way a VM ends
 * @vm: the VM
 * @end: what happened
 * @fmt: more about it in words
 *
 * The first cause wins, later ones are its consequences.  Any thread may call
 * it, under any device's lock; the event loop then stops the vCPUs.
 */
void vm_end(struct vm *vm, enum vm_end end, const char *fmt, ...)
{
	va_list ap;

	pthread_mutex_lock(&vm->end_lock);
	if (!vm->ending) {
		va_start(ap, fmt);
		vsnprintf(vm->why, sizeof(vm->why), fmt, ap);
		va_end(ap);
		vm->end = end;
		__atomic_store_n(&vm->ending, true, __ATOMIC_RELEASE);
		__atomic_store_n(&vm->leave, true, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&vm->end_lock);
	vm_wake(vm);
}
