/* SPDX-License-Identifier: GPL-2.0 */
/*
 * cmd.h - the subcommands, one cmd_*.c each.
 */
#ifndef OSPITE_CMD_H
#define OSPITE_CMD_H

#include <argp.h>

#define OSPITE_VERSION	"0.1"
#define DEFAULT_DEVICE	"/dev/ospite"

/**
 * struct command - one subcommand
 * @name: the word after ``ospite``
 * @summary: one line for ``ospite --help``
 * @run: does it; argv[0] is "ospite NAME"; returns the exit status
 */
struct command {
	const char *name;
	const char *summary;
	int (*run)(int argc, char **argv);
};

int cmd_run(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_ps(int argc, char **argv);
int cmd_stop(int argc, char **argv);
int cmd_irt(int argc, char **argv);
int cmd_fork(int argc, char **argv);

#endif /* OSPITE_CMD_H */
