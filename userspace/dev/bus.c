// SPDX-License-Identifier: GPL-2.0
/*
 * bus.c - finds the device for a port, and calls devices one at a time.
 *
 * Devices register themselves in a linker section, so nothing here names one.
 * A port that no device claims reads as all ones and ignores writes, as on a
 * PC whose bus nobody answers.
 *
 * Locks: each device's own, taken here around each of its operations.  vCPU
 * threads wait for it; the event loop only tries, as a vCPU may hold the
 * console's while it waits for a slow terminal.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../say.h"
#include "dev.h"

/* From the linker: the bounds of section ospite_devices. */
extern const struct device_ops *const __start_ospite_devices[];
extern const struct device_ops *const __stop_ospite_devices[];

static struct device *device_create(struct vm *vm, const struct device_ops *ops)
{
	struct device *dev = calloc(1, ops->size);

	if (!dev)
		return NULL;
	dev->ops = ops;
	dev->vm = vm;
	dev->deadline = NEVER;
	pthread_mutex_init(&dev->lock, NULL);
	if (ops->init)
		ops->init(dev);
	return dev;
}

/**
 * bus_create() - put one device of each kind into a VM
 * @vm: the VM
 *
 * Return: 0, or -1 after saying why; then bus_destroy() cleans up.
 */
int bus_create(struct vm *vm)
{
	size_t n = __stop_ospite_devices - __start_ospite_devices;
	size_t i;

	vm->devices = calloc(n, sizeof(struct device *));
	for (i = 0; vm->devices && i < n; i++) {
		vm->devices[i] = device_create(vm, __start_ospite_devices[i]);
		if (!vm->devices[i])
			break;
		vm->nr_devices++;
	}
	return vm->nr_devices == n ? 0 : say_fail("out of memory for devices");
}

/**
 * bus_destroy() - free a VM's devices
 * @vm: the VM, no thread of which runs any more
 */
void bus_destroy(struct vm *vm)
{
	unsigned int i;

	for (i = 0; i < vm->nr_devices; i++) {
		pthread_mutex_destroy(&vm->devices[i]->lock);
		free(vm->devices[i]);
	}
	free(vm->devices);
	vm->devices = NULL;
	vm->nr_devices = 0;
}

static struct device *find_device(struct vm *vm, u16 port)
{
	const struct port_range *r;
	unsigned int i;

	for (i = 0; i < vm->nr_devices; i++)
		for (r = vm->devices[i]->ops->ports; r->len; r++)
			if ((u16)(port - r->base) < r->len)
				return vm->devices[i];
	return NULL;
}

/**
 * bus_in() - a guest's read of a port
 * @vm: the VM
 * @port: the port
 * @size: 1, 2 or 4
 * @data: where the bytes go
 */
void bus_in(struct vm *vm, u16 port, unsigned int size, u8 *data)
{
	struct device *dev = find_device(vm, port);
	u32 value = ~0U;

	if (dev) {
		pthread_mutex_lock(&dev->lock);
		value = dev->ops->in(dev, port, size);
		pthread_mutex_unlock(&dev->lock);
	}
	memcpy(data, &value, size);
}

/**
 * bus_out() - a guest's write to a port
 * @vm: the VM
 * @port: the port
 * @size: 1, 2 or 4
 * @data: the bytes
 */
void bus_out(struct vm *vm, u16 port, unsigned int size, const u8 *data)
{
	struct device *dev = find_device(vm, port);
	u32 value = 0;

	if (!dev)
		return;
	memcpy(&value, data, size);
	pthread_mutex_lock(&dev->lock);
	dev->ops->out(dev, port, size, value);
	pthread_mutex_unlock(&dev->lock);
}

/**
 * device_wants_tick() - say when a device's tick() is due
 * @dev: the device, locked
 * @deadline: now_ns() time, or NEVER
 */
void device_wants_tick(struct device *dev, u64 deadline)
{
	u64 old = dev->deadline;

	__atomic_store_n(&dev->deadline, deadline, __ATOMIC_RELAXED);
	if (deadline < old && deadline)
		vm_wake(dev->vm);
}

/**
 * bus_deadline() - when the next tick is due
 * @vm: the VM
 *
 * Return: now_ns() time, or NEVER.
 */
u64 bus_deadline(const struct vm *vm)
{
	u64 deadline, first = NEVER;
	unsigned int i;

	for (i = 0; i < vm->nr_devices; i++) {
		deadline = __atomic_load_n(&vm->devices[i]->deadline,
					   __ATOMIC_RELAXED);
		if (deadline < first)
			first = deadline;
	}
	return first;
}

/**
 * bus_tick() - tick the devices that are due
 * @vm: the VM
 * @now: now_ns()
 *
 * A device that a vCPU is busy with is left for the next round.
 */
void bus_tick(struct vm *vm, u64 now)
{
	struct device *dev;
	unsigned int i;

	for (i = 0; i < vm->nr_devices; i++) {
		dev = vm->devices[i];
		if (__atomic_load_n(&dev->deadline, __ATOMIC_RELAXED) > now ||
		    pthread_mutex_trylock(&dev->lock))
			continue;
		__atomic_store_n(&dev->deadline, NEVER, __ATOMIC_RELAXED);
		if (dev->ops->tick)
			dev->ops->tick(dev, now);
		pthread_mutex_unlock(&dev->lock);
	}
}

static struct device *console(struct vm *vm)
{
	unsigned int i;

	for (i = 0; i < vm->nr_devices; i++)
		if (vm->devices[i]->ops->input)
			return vm->devices[i];
	return NULL;
}

/**
 * bus_console_room() - how much console input the guest takes now
 * @vm: the VM
 *
 * If it takes none, it wakes the event loop when it does.
 *
 * Return: bytes, or -EBUSY while a vCPU is busy with the console: try again.
 */
int bus_console_room(struct vm *vm)
{
	struct device *dev = console(vm);
	int room;

	if (!dev)
		return 0;
	if (pthread_mutex_trylock(&dev->lock))
		return -EBUSY;
	room = dev->ops->room(dev);
	pthread_mutex_unlock(&dev->lock);
	return room;
}

/**
 * bus_console_input() - give the guest console input
 * @vm: the VM
 * @bytes: what was typed
 * @len: number of bytes, no more than bus_console_room() said
 */
void bus_console_input(struct vm *vm, const u8 *bytes, size_t len)
{
	struct device *dev = console(vm);

	if (!dev || !len)
		return;
	pthread_mutex_lock(&dev->lock);
	dev->ops->input(dev, bytes, len);
	pthread_mutex_unlock(&dev->lock);
}

/**
 * bus_power_button() - press the guest's power button
 * @vm: the VM
 *
 * Return: false if the VM has none.
 */
bool bus_power_button(struct vm *vm)
{
	struct device *dev;
	unsigned int i;

	for (i = 0; i < vm->nr_devices; i++) {
		dev = vm->devices[i];
		if (!dev->ops->power_button)
			continue;
		pthread_mutex_lock(&dev->lock);
		dev->ops->power_button(dev);
		pthread_mutex_unlock(&dev->lock);
		return true;
	}
	return false;
}
