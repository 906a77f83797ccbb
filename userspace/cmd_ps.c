// SPDX-License-Identifier: GPL-2.0
/*
 * cmd_ps.c - "ospite ps": the running virtual machines.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "control.h"
#include "say.h"

#define ANSWER_MS	2000	/* a VM that takes longer is "not answering" */

static const struct argp_option options[] = {
	{ "json", 'j', NULL, 0, "print a JSON array instead of a table", 0 },
	{ 0 }
};

static const char doc[] = "Lists the running virtual machines.";

struct ps_args {
	bool json;
	struct json_object *list;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct ps_args *args = state->input;

	switch (key) {
	case 'j':
		args->json = true;
		return 0;
	case ARGP_KEY_ARG:
		say("\"%s\" is one word too many (see: ospite ps --help)", arg);
		exit(STATUS_SETUP);
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp argp = { options, parse, NULL, doc, NULL, NULL, NULL };

static struct json_object *ask_status(const struct slot *slot)
{
	struct json_object *request = json_object_new_object();
	struct json_object *status = NULL;
	int fd = client_connect(slot);

	json_object_object_add(request, "request",
			       json_object_new_string("status"));
	if (fd >= 0) {
		status = client_request(fd, request, ANSWER_MS);
		close(fd);
	} else {
		json_object_put(request);
	}
	if (json_object_is_type(status, json_type_object)) {
		json_object_object_del(status, "ok");
		return status;
	}
	json_object_put(status);
	status = json_object_new_object();
	json_object_object_add(status, "name",
			       json_object_new_string(slot->name));
	json_object_object_add(status, "state",
			       json_object_new_string("not answering"));
	return status;
}

static int add_vm(const struct slot *slot, void *arg)
{
	struct ps_args *args = arg;

	json_object_array_add(args->list, ask_status(slot));
	return 0;
}

static const char *text_of(struct json_object *vm, const char *key)
{
	struct json_object *value;

	if (!json_object_object_get_ex(vm, key, &value))
		return "-";
	return json_object_get_string(value);
}

static u64 number_of(struct json_object *vm, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(vm, key, &value) ?
	       json_object_get_int64(value) : 0;
}

/* "42s", "3m05s", "2h07m", "5d03h" */
static void uptime_text(u64 s, char *buf, size_t size)
{
	if (s < 60)
		snprintf(buf, size, "%us", (unsigned int)s);
	else if (s < 3600)
		snprintf(buf, size, "%um%02us", (unsigned int)(s / 60),
			 (unsigned int)(s % 60));
	else if (s < 86400)
		snprintf(buf, size, "%uh%02um", (unsigned int)(s / 3600),
			 (unsigned int)(s / 60 % 60));
	else
		snprintf(buf, size, "%ud%02uh", (unsigned int)(s / 86400),
			 (unsigned int)(s / 3600 % 24));
}

static void print_row(struct json_object *vm)
{
	char uptime[32], mem[32];

	uptime_text(number_of(vm, "uptime_ms") / 1000, uptime, sizeof(uptime));
	snprintf(mem, sizeof(mem), "%lluM",
		 (unsigned long long)(number_of(vm, "mem") / MIB));
	printf("%-20s %8s %4s %8s %8s  %-13s %s\n", text_of(vm, "name"),
	       text_of(vm, "pid"), text_of(vm, "cpus"), mem, uptime,
	       text_of(vm, "state"), text_of(vm, "kernel"));
}

static void print_table(struct json_object *list)
{
	size_t i;

	printf("%-20s %8s %4s %8s %8s  %-13s %s\n", "NAME", "PID", "CPUS",
	       "MEM", "UPTIME", "STATE", "KERNEL");
	for (i = 0; i < json_object_array_length(list); i++)
		print_row(json_object_array_get_idx(list, i));
}

/**
 * cmd_ps() - ospite ps
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: exit status.
 */
int cmd_ps(int argc, char **argv)
{
	struct ps_args args = { .list = json_object_new_array() };
	int ret;

	argp_parse(&argp, argc, argv, 0, NULL, &args);
	ret = slot_each(add_vm, &args);
	if (!ret && args.json)
		puts(json_object_to_json_string_ext(args.list,
					JSON_C_TO_STRING_PRETTY));
	else if (!ret)
		print_table(args.list);
	json_object_put(args.list);
	return ret ? 1 : STATUS_OK;
}
