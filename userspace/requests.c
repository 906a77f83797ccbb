// SPDX-License-Identifier: GPL-2.0
/*
 * requests.c - what a running VM can be asked over its control socket: status,
 * stop, help.
 */
#include <unistd.h>

#include "control.h"
#include "dev/dev.h"
#include "machine.h"

/* From the linker: the bounds of section ospite_requests. */
extern const struct control_request *const __start_ospite_requests[];
extern const struct control_request *const __stop_ospite_requests[];

static void add_string(struct json_object *to, const char *key, const char *s)
{
	json_object_object_add(to, key, json_object_new_string(s ? s : ""));
}

static void add_number(struct json_object *to, const char *key, u64 n)
{
	json_object_object_add(to, key, json_object_new_int64(n));
}

static const char *handle_status(struct machine *m, struct json_object *request,
				 struct json_object *reply)
{
	(void)request;
	add_string(reply, "name", m->slot.name);
	add_number(reply, "pid", getpid());
	add_number(reply, "cpus", m->cfg.cpus);
	add_number(reply, "mem", m->cfg.mem);
	add_number(reply, "uptime_ms", (now_ns() - m->started) / 1000000);
	add_number(reply, "resets", m->resets);
	add_string(reply, "state", m->stopping ? "stopping" : "running");
	add_string(reply, "dev", m->cfg.dev);
	add_string(reply, "kernel", m->cfg.kernel);
	add_string(reply, "append", m->cfg.append);
	return NULL;
}

static const struct control_request status_request = {
	.name	= "status",
	.help	= "what the VM is and how it is",
	.handle	= handle_status,
};

REGISTER_REQUEST(status_request);

static const char *handle_stop(struct machine *m, struct json_object *request,
			       struct json_object *reply)
{
	struct json_object *force = NULL;

	(void)reply;
	json_object_object_get_ex(request, "force", &force);
	if (json_object_get_boolean(force)) {
		vm_end(&m->vm, END_QUIT, "ended by ospite stop --force");
		return NULL;
	}
	if (!bus_power_button(&m->vm))
		return "this VM has no power button (try: --force)";
	m->stopping = true;
	return NULL;
}

static const struct control_request stop_request = {
	.name	= "stop",
	.help	= "press the power button; with \"force\": true, end at once",
	.handle	= handle_stop,
};

REGISTER_REQUEST(stop_request);

static const char *handle_help(struct machine *m, struct json_object *request,
			       struct json_object *reply)
{
	struct json_object *list = json_object_new_object();
	const struct control_request *const *r;

	(void)m;
	(void)request;
	for (r = __start_ospite_requests; r < __stop_ospite_requests; r++)
		add_string(list, (*r)->name, (*r)->help);
	json_object_object_add(reply, "requests", list);
	return NULL;
}

static const struct control_request help_request = {
	.name	= "help",
	.help	= "list the requests",
	.handle	= handle_help,
};

REGISTER_REQUEST(help_request);
