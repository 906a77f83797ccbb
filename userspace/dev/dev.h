/* SPDX-License-Identifier: GPL-2.0 */
/*
 * dev.h - what a device is: one file, one struct device_ops, one line that
 * registers it.
 *
 * A device's operations are called with its lock held, by the bus: a device
 * needs no locks of its own and may not call another device.  It may call
 * vm_irq_line(), vm_end(), vm_wake() and vm_want_tick() at any time.
 */
#ifndef OSPITE_DEV_H
#define OSPITE_DEV_H

#include <pthread.h>

#include "../types.h"
#include "../vm.h"

/**
 * struct port_range - I/O ports that a device claims
 * @base: first port
 * @len: number of ports; 0 ends a list
 */
struct port_range {
	u16 base;
	u16 len;
};

/**
 * struct device_ops - a kind of device
 * @name: for messages
 * @size: of its own structure, whose first member is a struct device
 * @ports: the ports it claims
 * @gsi: the interrupt line it drives, or 0
 * @init: bring it to its state at power-on; memory is zero (optional)
 * @in: a read of @size bytes (1, 2 or 4) at a claimed port
 * @out: a write of the same
 * @tick: called in the event loop once device.deadline has passed (optional)
 * @room: how many bytes of console input it takes now (optional)
 * @input: console input, no more bytes than @room said (optional)
 * @power_button: the power button was pressed (optional)
 */
struct device_ops {
	const char *name;
	size_t size;
	struct port_range ports[4];
	unsigned int gsi;
	void (*init)(struct device *dev);
	u32 (*in)(struct device *dev, u16 port, unsigned int size);
	void (*out)(struct device *dev, u16 port, unsigned int size, u32 value);
	void (*tick)(struct device *dev, u64 now);
	size_t (*room)(struct device *dev);
	void (*input)(struct device *dev, const u8 *bytes, size_t len);
	void (*power_button)(struct device *dev);
};

#define NEVER	UINT64_MAX

/**
 * struct device - what every device has
 * @ops: its kind
 * @vm: its VM
 * @lock: held around each operation
 * @deadline: now_ns() time at which it wants a tick, or NEVER; changed under
 *	@lock with device_wants_tick(), read without
 */
struct device {
	const struct device_ops *ops;
	struct vm *vm;
	pthread_mutex_t lock;
	u64 deadline;
};

/* Put a kind of device into every VM. */
#define REGISTER_DEVICE(ops)						\
	static const struct device_ops *const registered_##ops		\
	__attribute__((used, section("ospite_devices"))) = &(ops)

int bus_create(struct vm *vm);
void bus_destroy(struct vm *vm);
void bus_in(struct vm *vm, u16 port, unsigned int size, u8 *data);
void bus_out(struct vm *vm, u16 port, unsigned int size, const u8 *data);

u64 bus_deadline(const struct vm *vm);
void bus_tick(struct vm *vm, u64 now);
int bus_console_room(struct vm *vm);
void bus_console_input(struct vm *vm, const u8 *bytes, size_t len);
bool bus_power_button(struct vm *vm);

void device_wants_tick(struct device *dev, u64 deadline);

#endif /* OSPITE_DEV_H */
