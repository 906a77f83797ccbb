// SPDX-License-Identifier: GPL-2.0
/*
 * main.c - the ospite command: finds the subcommand and runs it.
 *
 * Each subcommand parses its own arguments with argp and owns what it does;
 * this file knows only their names.
 */
#include <argp.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "say.h"
#include "types.h"

static const struct command commands[] = {
	{ "run",   "start a virtual machine on this terminal", cmd_run },
	{ "ps",    "list the running virtual machines", cmd_ps },
	{ "stop",  "end a running virtual machine", cmd_stop },
	{ "fork",  "make a second machine of a running one, on this terminal",
	  cmd_fork },
	{ "irt",   "show where a machine's interrupts go, or send one elsewhere",
	  cmd_irt },
	{ "check", "say whether this machine can run VMs, and why not",
	  cmd_check },
};

static void print_version(FILE *stream, struct argp_state *state)
{
	(void)state;
	fprintf(stream, "ospite %s\n", OSPITE_VERSION);
}

static void print_usage(FILE *to)
{
	size_t i;

	fputs("Usage: ospite COMMAND [OPTION...]\n"
	      "A hypervisor in one kernel module, and the command that runs virtual machines.\n\n"
	      "Commands:\n", to);
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(to, "  %-7s %s\n", commands[i].name,
			commands[i].summary);
	fputs("\n\"ospite COMMAND --help\" says more about one; see also ospite(1).\n",
	      to);
}

static const struct command *find_command(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

/* A file that we open must not become our standard input by accident. */
static void keep_standard_fds(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	const struct command *cmd;
	static char name[32];

	keep_standard_fds();
	argp_program_version_hook = print_version;
	argp_err_exit_status = STATUS_SETUP;

	if (argc < 2) {
		print_usage(stderr);
		return STATUS_SETUP;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-?") ||
	    !strcmp(argv[1], "help")) {
		print_usage(stdout);
		return STATUS_OK;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		print_version(stdout, NULL);
		return STATUS_OK;
	}
	cmd = find_command(argv[1]);
	if (!cmd) {
		say("\"%s\" is not a command (try: ospite --help)", argv[1]);
		return STATUS_SETUP;
	}
	/* argp takes the program's name in its messages from argv[0]. */
	snprintf(name, sizeof(name), "ospite %s", cmd->name);
	argv[1] = name;
	return cmd->run(argc - 1, argv + 1);
}
