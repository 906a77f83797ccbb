// SPDX-License-Identifier: GPL-2.0
/*
 * cmd_fork.c - "ospite fork": make a second machine of a running one, whose
 * console is this terminal, and wait for its end.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "control.h"
#include "say.h"

#define ANSWER_MS	60000

static const struct argp_option options[] = {
	{ "name", 'n', "NAME", 0, "name of the new machine (default: made up)", 0 },
	{ 0 }
};

static const char doc[] =
	"Makes a second virtual machine of a running one, which goes on as if nothing had happened. "
	"The new one goes on from the same instant, with a copy of its memory and devices, and this terminal as its console.\v"
	"Ctrl-A x ends the new machine.\n\n"
	"Exit status: 0 the guest powered off, 1 it ended in another way, 128 not forked.";

struct fork_args {
	const char *name;
	const char *new_name;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct fork_args *args = state->input;

	switch (key) {
	case 'n':
		args->new_name = arg;
		if (name_is_valid(arg))
			return 0;
		say("--name \"%s\": not a name for a virtual machine (try: --name vm2)",
		    arg);
		break;
	case ARGP_KEY_ARG:
		args->name = arg;
		if (!state->arg_num)
			return 0;
		say("\"%s\" is one word too many (see: ospite fork --help)",
		    arg);
		break;
	case ARGP_KEY_END:
		if (args->name)
			return 0;
		say("which virtual machine? (ospite ps lists them; try: ospite fork NAME)");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	exit(STATUS_SETUP);
}

static const struct argp argp = { options, parse, "NAME", doc, NULL, NULL,
				  NULL };

static const char *text_of(struct json_object *obj, const char *key)
{
	struct json_object *value;

	if (!json_object_is_type(obj, json_type_object) ||
	    !json_object_object_get_ex(obj, key, &value))
		return "";
	return json_object_get_string(value);
}

/* Returns a connection to the new machine @new, or -1 after saying why not. */
static int ask(int fd, const struct fork_args *args, struct slot *new)
{
	static const int terminal[CONTROL_PASSED] = {
		STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO
	};
	struct json_object *request = json_object_new_object(), *reply;
	const char *error, *name;
	int new_fd = -1;

	json_object_object_add(request, "request",
			       json_object_new_string("fork"));
	if (args->new_name)
		json_object_object_add(request, "name",
				json_object_new_string(args->new_name));
	reply = client_request_passing(fd, request, terminal, ANSWER_MS);
	error = text_of(reply, "error");
	name = text_of(reply, "name");
	if (!reply)
		say("%s does not answer (is its launcher stopped? try: ospite ps)",
		    args->name);
	else if (*error)
		say("%s: %s", args->name, error);
	else if (!slot_find(new, name))
		new_fd = client_connect(new);
	json_object_put(reply);
	return new_fd;
}

/* Its terminal is ours: whatever there is to say, it says itself. */
static int wait_for_end(int fd)
{
	struct json_object *event;
	int status = 1;

	do {
		event = client_receive(fd, INT_MAX);
	} while (!event && errno == ETIMEDOUT);
	if (event && !strcmp(text_of(event, "how"), "poweroff"))
		status = STATUS_OK;
	json_object_put(event);
	return status;
}

/**
 * cmd_fork() - ospite fork
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: exit status.
 */
int cmd_fork(int argc, char **argv)
{
	struct fork_args args = { 0 };
	struct slot slot, new;
	int fd, new_fd, status;

	argp_parse(&argp, argc, argv, 0, NULL, &args);
	if (slot_sweep() || slot_find(&slot, args.name))
		return STATUS_SETUP;
	fd = client_connect(&slot);
	if (fd < 0) {
		say("%s: no connection: %s (it may be starting or ending; try again)",
		    args.name, strerror(errno));
		return STATUS_SETUP;
	}
	new_fd = ask(fd, &args, &new);
	close(fd);
	if (new_fd < 0)
		return STATUS_SETUP;
	status = wait_for_end(new_fd);
	close(new_fd);
	slot_wait(&new);
	return status;
}
