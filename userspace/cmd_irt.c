// SPDX-License-Identifier: GPL-2.0
/*
 * cmd_irt.c - "ospite irt": the Interrupt Remapping Table of a running virtual
 * machine, to be seen and changed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "control.h"
#include "irt.h"
#include "say.h"

#define ANSWER_MS	5000
#define MAX_ENTRIES	4096
#define WATCH_SECONDS	1

static const struct argp_option options[] = {
	{ "watch", 'w', NULL, 0, "show it again each second", 0 },
	{ "json", 'j', NULL, 0, "print a JSON array instead of a table", 0 },
	{ 0 }
};

static const char args_doc[] = "NAME\nNAME set GSI WORD...";

static const char doc[] =
	"Shows where the interrupts of a running virtual machine go, and how many have gone there; with \"set\", sends one elsewhere while the guest runs.\v"
	"A row of a guest's IDT:  vcpu=N vector=N [level] [lowest]\n"
	"A non-maskable one:      vcpu=N nmi   (also: init)\n"
	"What the PIC has:        vcpu=N extint\n"
	"Pins of controllers:     [pic=0..15] [ioapic=0..23]\n"
	"Nowhere:                 block   (counted)   none   (not even that)\n"
	"\n"
	"vcpu=N is an APIC ID; logical=N is a logical destination.\n"
	"Exit status: 0 done, 1 not, 128 bad usage.";

struct irt_args {
	const char *name;
	bool watch;
	bool json;
	struct json_object *set;	/* the request, or NULL */
};

/* ---- the command line ---- */

static __attribute__((noreturn)) void bad_word(const char *arg)
{
	say("\"%s\" is not where an interrupt can go (try: vcpu=1 vector=0x41; see: ospite irt --help)",
	    arg);
	exit(STATUS_SETUP);
}

/* The number after "KEY=", or -1 if @arg is something else. */
static s64 number_after(const char *arg, const char *key)
{
	size_t len = strlen(key);
	char *end;
	long n;

	if (strncmp(arg, key, len) || arg[len] != '=')
		return -1;
	n = strtol(arg + len + 1, &end, 0);
	if (end == arg + len + 1 || *end || n < 0)
		bad_word(arg);
	return n;
}

static void put_string(struct json_object *obj, const char *key, const char *s)
{
	json_object_object_add(obj, key, json_object_new_string(s));
}

static void put_number(struct json_object *obj, const char *key, s64 n)
{
	json_object_object_add(obj, key, json_object_new_int64(n));
}

static void put_dest(struct json_object *set, s64 n, bool logical)
{
	put_string(set, "kind", "apic");
	put_number(set, "dest", n);
	if (logical)
		json_object_object_add(set, "logical",
				       json_object_new_boolean(true));
}

static void put_pin(struct json_object *set, int chip, s64 pin)
{
	put_string(set, "kind", "pins");
	put_number(set, irt_chip_name(chip), pin);
}

/* "vcpu=1", "pic=4", ...; returns whether it was one of these. */
static bool parse_number(struct json_object *set, const char *arg)
{
	s64 vcpu = number_after(arg, "vcpu");
	s64 logical = number_after(arg, "logical");
	s64 vector = number_after(arg, "vector");
	s64 pic = number_after(arg, "pic");
	s64 ioapic = number_after(arg, "ioapic");

	if (vcpu >= 0)
		put_dest(set, vcpu, false);
	else if (logical >= 0)
		put_dest(set, logical, true);
	else if (vector >= 0)
		put_number(set, "vector", vector);
	else if (pic >= 0)
		put_pin(set, pic >= 8, pic >= 8 ? pic - 8 : pic);
	else if (ioapic >= 0)
		put_pin(set, 2, ioapic);
	else
		return false;
	return true;
}

static void parse_word(struct json_object *set, const char *arg)
{
	if (parse_number(set, arg))
		return;
	if (!strcmp(arg, "nmi") || !strcmp(arg, "init") ||
	    !strcmp(arg, "extint"))
		put_string(set, "mode", arg);
	else if (!strcmp(arg, "level"))
		json_object_object_add(set, "level",
				       json_object_new_boolean(true));
	else if (!strcmp(arg, "lowest"))
		put_string(set, "mode", "lowest");
	else if (!strcmp(arg, "block"))
		put_string(set, "kind", "blocked");
	else if (!strcmp(arg, "none"))
		put_string(set, "kind", "none");
	else
		bad_word(arg);
}

static void parse_gsi(struct json_object *set, const char *arg)
{
	char *end;
	long n = strtol(arg, &end, 0);

	if (end == arg || *end || n < 0 || n >= MAX_ENTRIES) {
		say("\"%s\" is not the number of an interrupt, 0 to %d (ospite irt NAME lists them)",
		    arg, MAX_ENTRIES - 1);
		exit(STATUS_SETUP);
	}
	put_number(set, "gsi", n);
}

static void parse_argument(struct irt_args *args, unsigned int n, char *arg)
{
	if (n == 0) {
		args->name = arg;
	} else if (n == 1 && !strcmp(arg, "set")) {
		args->set = json_object_new_object();
		put_string(args->set, "request", "irt-set");
	} else if (n == 1) {
		say("\"%s\" is one word too many (try: ospite irt %s set GSI vcpu=1 vector=0x41)",
		    arg, args->name);
		exit(STATUS_SETUP);
	} else if (n == 2) {
		parse_gsi(args->set, arg);
	} else {
		parse_word(args->set, arg);
	}
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct irt_args *args = state->input;

	switch (key) {
	case 'w':
		args->watch = true;
		return 0;
	case 'j':
		args->json = true;
		return 0;
	case ARGP_KEY_ARG:
		parse_argument(args, state->arg_num, arg);
		return 0;
	case ARGP_KEY_END:
		if (!args->name) {
			say("which virtual machine? (ospite ps lists them; try: ospite irt NAME)");
			exit(STATUS_SETUP);
		}
		if (args->set &&
		    !json_object_object_get_ex(args->set, "kind", NULL)) {
			say("where shall it go? (try: ospite irt %s set GSI vcpu=1 vector=0x41)",
			    args->name);
			exit(STATUS_SETUP);
		}
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp argp = { options, parse, args_doc, doc, NULL, NULL,
				  NULL };

/* ---- asking ---- */

static const char *text_of(struct json_object *obj, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(obj, key, &value) ?
	       json_object_get_string(value) : "";
}

static s64 number_of(struct json_object *obj, const char *key, s64 otherwise)
{
	struct json_object *value;

	return json_object_object_get_ex(obj, key, &value) ?
	       json_object_get_int64(value) : otherwise;
}

/* The reply, if it is a good one; else NULL, after saying why. */
static struct json_object *ask(int fd, const char *name,
			       struct json_object *request)
{
	struct json_object *reply = client_request(fd, request, ANSWER_MS);
	struct json_object *ok = NULL;

	if (!reply) {
		say(errno == ECONNRESET ? "%s has ended" :
		    "%s does not answer (is its launcher stopped? try: ospite ps)",
		    name);
		return NULL;
	}
	if (json_object_object_get_ex(reply, "ok", &ok) &&
	    json_object_get_boolean(ok))
		return reply;
	say("%s: %s", name, text_of(reply, "error"));
	json_object_put(reply);
	return NULL;
}

/* The whole table, from as many pieces as it comes in. */
static struct json_object *fetch(int fd, const char *name)
{
	struct json_object *all = json_object_new_array();
	struct json_object *request, *reply, *piece;
	s64 first = 0, next;
	size_t i;

	while (first < MAX_ENTRIES) {
		request = json_object_new_object();
		put_string(request, "request", "irt");
		put_number(request, "first", first);
		reply = ask(fd, name, request);
		if (!reply) {
			json_object_put(all);
			return NULL;
		}
		if (json_object_object_get_ex(reply, "entries", &piece))
			for (i = 0; i < json_object_array_length(piece); i++)
				json_object_array_add(all, json_object_get(
					json_object_array_get_idx(piece, i)));
		next = number_of(reply, "next", MAX_ENTRIES);
		json_object_put(reply);
		first = next > first ? next : MAX_ENTRIES;
	}
	return all;
}

/* ---- showing ---- */

static void target_text(struct json_object *e, char *buf, size_t size)
{
	const char *kind = text_of(e, "kind");
	s64 pic = number_of(e, "pic1", -1), ioapic = number_of(e, "ioapic", -1);
	bool logical = json_object_object_get_ex(e, "logical", NULL);

	if (pic < 0 && number_of(e, "pic2", -1) >= 0)
		pic = 8 + number_of(e, "pic2", -1);
	if (!strcmp(kind, "apic"))
		snprintf(buf, size, "%s %lld vector 0x%02llx",
			 logical ? "logical" : "vcpu",
			 (long long)number_of(e, "dest", 0),
			 (long long)number_of(e, "vector", 0));
	else if (pic >= 0 && ioapic >= 0)
		snprintf(buf, size, "pic %lld, ioapic %lld", (long long)pic,
			 (long long)ioapic);
	else if (pic >= 0)
		snprintf(buf, size, "pic %lld", (long long)pic);
	else if (ioapic >= 0)
		snprintf(buf, size, "ioapic %lld", (long long)ioapic);
	else
		snprintf(buf, size, "%s", kind);
}

static void print_entry(struct json_object *e)
{
	const char *source = text_of(e, "source");
	const char *mode = text_of(e, "mode");
	char target[64];

	target_text(e, target, sizeof(target));
	printf("%4lld  %-12s %-24s %-8s %11lld %11lld %11lld\n",
	       (long long)number_of(e, "gsi", 0), *source ? source : "-",
	       target, *mode ? mode : "-",
	       (long long)number_of(e, "delivered", 0),
	       (long long)number_of(e, "coalesced", 0),
	       (long long)number_of(e, "dropped", 0));
}

static void print_table(struct json_object *list)
{
	size_t i;

	printf("%4s  %-12s %-24s %-8s %11s %11s %11s\n", "GSI", "SOURCE",
	       "TARGET", "MODE", "DELIVERED", "COALESCED", "DROPPED");
	for (i = 0; i < json_object_array_length(list); i++)
		print_entry(json_object_array_get_idx(list, i));
}

static int show(int fd, const struct irt_args *args)
{
	struct json_object *list = fetch(fd, args->name);

	if (!list)
		return 1;
	if (args->watch && isatty(STDOUT_FILENO))
		fputs("\033[H\033[J", stdout);
	if (args->json)
		puts(json_object_to_json_string_ext(list,
					JSON_C_TO_STRING_PRETTY));
	else
		print_table(list);
	json_object_put(list);
	/* Nobody reads it any more: that is the end of watching, and no error. */
	return fflush(stdout) ? 2 : 0;
}

static int watch(int fd, const struct irt_args *args)
{
	int ret;

	do {
		ret = show(fd, args);
	} while (!ret && args->watch && !sleep(WATCH_SECONDS));
	return ret == 2 ? 0 : ret;
}

static int change(int fd, struct irt_args *args)
{
	struct json_object *reply = ask(fd, args->name, args->set);

	args->set = NULL;
	json_object_put(reply);
	return !reply;
}

static int talk(struct irt_args *args)
{
	struct slot slot;
	int fd, ret;

	if (slot_sweep() || slot_find(&slot, args->name))
		return 1;
	fd = client_connect(&slot);
	if (fd < 0) {
		say("%s: no connection: %s (it may be starting or ending; try again)",
		    args->name, strerror(errno));
		return 1;
	}
	ret = args->set ? change(fd, args) : watch(fd, args);
	close(fd);
	return ret;
}

/**
 * cmd_irt() - ospite irt
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: exit status.
 */
int cmd_irt(int argc, char **argv)
{
	struct irt_args args = { 0 };
	int ret;

	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &args);
	ret = talk(&args);
	json_object_put(args.set);
	return ret ? 1 : STATUS_OK;
}
