// SPDX-License-Identifier: GPL-2.0
/*
 * cmd_stop.c - "ospite stop": end a running virtual machine, and say what
 * became of it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "control.h"
#include "say.h"
#include "vm.h"

#define DEFAULT_TIMEOUT	30	/* seconds */
#define MAX_TIMEOUT	86400
#define ANSWER_MS	5000

static const struct argp_option options[] = {
	{ "force", 'f', NULL, 0, "end it at once, as if its plug were pulled", 0 },
	{ "timeout", 't', "SECONDS", 0, "how long to wait for the guest (default: 30)", 0 },
	{ 0 }
};

static const char doc[] =
	"Presses the power button of a running virtual machine and waits for the guest to power off.\v"
	"Exit status: 0 it has ended, 1 it has not, 128 bad usage.";

struct stop_args {
	const char *name;
	bool force;
	int timeout;
};

static int parse_timeout(const char *arg)
{
	char *end;
	long n = strtol(arg, &end, 10);

	if (end != arg && !*end && n > 0 && n <= MAX_TIMEOUT)
		return n;
	say("--timeout %s: not a number of seconds from 1 to %d (try: --timeout %d)",
	    arg, MAX_TIMEOUT, DEFAULT_TIMEOUT);
	exit(STATUS_SETUP);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct stop_args *args = state->input;

	switch (key) {
	case 'f':
		args->force = true;
		return 0;
	case 't':
		args->timeout = parse_timeout(arg);
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num) {
			say("\"%s\" is one word too many (see: ospite stop --help)",
			    arg);
			exit(STATUS_SETUP);
		}
		args->name = arg;
		return 0;
	case ARGP_KEY_END:
		if (!args->name) {
			say("which virtual machine? (ospite ps lists them; try: ospite stop NAME)");
			exit(STATUS_SETUP);
		}
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
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

/* Asks for the end; with --force its news may come before the reply. */
static int ask(int fd, const struct stop_args *args)
{
	struct json_object *request = json_object_new_object();
	struct json_object *reply, *ok = NULL;
	int ret = 0;

	json_object_object_add(request, "request",
			       json_object_new_string("stop"));
	json_object_object_add(request, "force",
			       json_object_new_boolean(args->force));
	reply = client_request(fd, request, ANSWER_MS);
	if (!reply)
		ret = say_fail("%s does not answer (is its launcher stopped? try: ospite ps)",
			       args->name);
	else if (json_object_object_get_ex(reply, "ok", &ok) &&
		 !json_object_get_boolean(ok))
		ret = say_fail("%s: %s", args->name, text_of(reply, "error"));
	json_object_put(reply);
	return ret;
}

/* Waits for the news of its end, or for the socket to close without any. */
static int wait_for_end(int fd, const struct stop_args *args)
{
	struct json_object *event = client_receive(fd, args->timeout * 1000);
	int err = errno;
	bool off;

	if (!event && err == ETIMEDOUT)
		return say_fail("%s has not powered off within %d s (does the guest listen to its power button? try: ospite stop --force %s)",
				args->name, args->timeout, args->name);
	if (!event)
		return say_fail("%s has ended without a word (was its launcher killed?)",
				args->name) + 1;
	off = !strcmp(text_of(event, "how"), "poweroff");
	printf("%s %s%s\n", args->name, off ? "" : "has ended: ",
	       off ? "has powered off" : text_of(event, "text"));
	json_object_put(event);
	return 0;
}

/**
 * cmd_stop() - ospite stop
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: exit status.
 */
int cmd_stop(int argc, char **argv)
{
	struct stop_args args = { .timeout = DEFAULT_TIMEOUT };
	struct slot slot;
	int fd, ret;

	argp_parse(&argp, argc, argv, 0, NULL, &args);
	if (slot_sweep() || slot_find(&slot, args.name))
		return 1;
	fd = client_connect(&slot);
	if (fd < 0) {
		say("%s: no connection: %s (it may be starting or ending; try again)",
		    args.name, strerror(errno));
		return 1;
	}
	ret = ask(fd, &args);
	if (!ret)
		ret = wait_for_end(fd, &args);
	close(fd);
	return ret ? 1 : STATUS_OK;
}
