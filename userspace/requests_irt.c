// SPDX-License-Identifier: GPL-2.0
/*
 * requests_irt.c - what a running VM can be asked about its Interrupt Remapping
 * Table: to show it, to send an interrupt elsewhere.
 *
 * Both are ioctls of /dev/ospite (<linux/ospite.h>); KVM has none.  The table is
 * shown in pieces, so that no reply is long.
 */
#include <errno.h>
#include <linux/ospite.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "control.h"
#include "dev/dev.h"
#include "irt.h"
#include "machine.h"

#define PIECE	64		/* entries in a reply */
#define PIT_GSI	0		/* the hypervisor's own */

static const char no_table[] =
	"its hypervisor shows no Interrupt Remapping Table (run it with --dev /dev/ospite)";

static const char bad_entry[] =
	"no such entry, or nothing that an interrupt can lead to (see: ospite irt --help)";

/* Who raises a request, as far as this launcher knows. */
static const char *source_of(const struct vm *vm, u32 gsi)
{
	unsigned int i;

	if (gsi == PIT_GSI)
		return "PIT";
	for (i = 0; i < vm->nr_devices; i++)
		if (vm->devices[i]->ops->gsi == gsi)
			return vm->devices[i]->ops->name;
	return "";
}

static void add_number(struct json_object *to, const char *key, s64 n)
{
	json_object_object_add(to, key, json_object_new_int64(n));
}

static void add_string(struct json_object *to, const char *key, const char *s)
{
	json_object_object_add(to, key, json_object_new_string(s));
}

static void add_message(struct json_object *obj,
			const struct ospite_irt_entry *e)
{
	add_number(obj, "dest", e->dest);
	add_number(obj, "vector", e->vector);
	add_string(obj, "mode", irt_mode_name(e->mode));
	if (e->flags & OSPITE_IRT_LOGICAL)
		json_object_object_add(obj, "logical",
				       json_object_new_boolean(true));
	if (e->flags & OSPITE_IRT_LEVEL)
		json_object_object_add(obj, "level",
				       json_object_new_boolean(true));
	if (e->flags & OSPITE_IRT_LOWEST)
		json_object_object_add(obj, "lowest",
				       json_object_new_boolean(true));
}

static struct json_object *entry_object(const struct vm *vm,
					const struct ospite_irt_entry *e)
{
	struct json_object *obj = json_object_new_object();
	int i;

	add_number(obj, "gsi", e->gsi);
	add_string(obj, "source", source_of(vm, e->gsi));
	add_string(obj, "kind", irt_kind_name(e->kind));
	if (e->kind == OSPITE_IRT_APIC)
		add_message(obj, e);
	for (i = 0; e->kind == OSPITE_IRT_PINS && i < IRT_CHIPS; i++)
		if (e->pin[i] >= 0)
			add_number(obj, irt_chip_name(i), e->pin[i]);
	add_number(obj, "delivered", e->delivered);
	add_number(obj, "coalesced", e->coalesced);
	add_number(obj, "dropped", e->dropped);
	return obj;
}

static const char *handle_irt(struct machine *m, struct json_object *request,
			      struct json_object *reply)
{
	struct {
		struct ospite_irt head;
		struct ospite_irt_entry entries[PIECE];
	} table = { .head.nr = PIECE };
	struct json_object *list, *first;
	u32 i;

	if (json_object_object_get_ex(request, "first", &first))
		table.head.first = json_object_get_int64(first);
	if (ioctl(m->vm.fd, OSPITE_GET_IRT, &table))
		return no_table;
	list = json_object_new_array();
	for (i = 0; i < table.head.nr; i++)
		json_object_array_add(list,
				      entry_object(&m->vm, &table.entries[i]));
	json_object_object_add(reply, "entries", list);
	add_number(reply, "next", table.head.first);
	return NULL;
}

static const struct control_request irt_request = {
	.name	= "irt",
	.help	= "the Interrupt Remapping Table, from entry \"first\" on",
	.handle	= handle_irt,
};

REGISTER_REQUEST(irt_request);

static s64 number(struct json_object *obj, const char *key, s64 otherwise)
{
	struct json_object *value;

	return json_object_object_get_ex(obj, key, &value) ?
	       json_object_get_int64(value) : otherwise;
}

static const char *word(struct json_object *obj, const char *key,
			const char *otherwise)
{
	struct json_object *value;

	return json_object_object_get_ex(obj, key, &value) ?
	       json_object_get_string(value) : otherwise;
}

static bool flag(struct json_object *obj, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(obj, key, &value) &&
	       json_object_get_boolean(value);
}

/* Returns whether all numbers fit where they belong. */
static bool read_entry(struct json_object *request, struct ospite_irt_entry *e)
{
	s64 gsi = number(request, "gsi", -1), vector, dest, pin;
	int i;

	e->gsi = gsi;
	e->kind = irt_kind_by_name(word(request, "kind", ""));
	if (gsi < 0 || gsi > UINT32_MAX)
		return false;
	if (e->kind == OSPITE_IRT_APIC) {
		vector = number(request, "vector", 0);
		dest = number(request, "dest", -1);
		e->vector = vector;
		e->dest = dest;
		e->mode = irt_mode_by_name(word(request, "mode", "fixed"));
		e->flags = (flag(request, "logical") ? OSPITE_IRT_LOGICAL : 0) |
			   (flag(request, "level") ? OSPITE_IRT_LEVEL : 0) |
			   (flag(request, "lowest") ? OSPITE_IRT_LOWEST : 0);
		return vector >= 0 && vector <= UINT8_MAX && dest >= 0 &&
		       dest <= UINT32_MAX;
	}
	for (i = 0; e->kind == OSPITE_IRT_PINS && i < IRT_CHIPS; i++) {
		pin = number(request, irt_chip_name(i), -1);
		e->pin[i] = pin;
		if (pin < -1 || pin > INT8_MAX)
			return false;
	}
	return e->kind != OSPITE_IRT_EVENTFD;
}

static const char *handle_set(struct machine *m, struct json_object *request,
			      struct json_object *reply)
{
	struct ospite_irt_entry e = { 0 };

	(void)reply;
	if (!read_entry(request, &e))
		return bad_entry;
	if (!ioctl(m->vm.fd, OSPITE_SET_IRT_ENTRY, &e))
		return NULL;
	return errno == EINVAL ? bad_entry :
	       errno == ENOMEM ? "out of memory" : no_table;
}

static const struct control_request set_request = {
	.name	= "irt-set",
	.help	= "send the interrupt \"gsi\" elsewhere: \"kind\" and, for apic, \"dest\", \"vector\", \"mode\"",
	.handle	= handle_set,
};

REGISTER_REQUEST(set_request);
