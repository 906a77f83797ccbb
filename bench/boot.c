// SPDX-License-Identifier: GPL-2.0
/*
 * boot.c - time a command that boots a guest, from its start to a word of the
 * guest's init, and to its end.
 *
 * The guest's console is the command's output, which is passed on.  Both times
 * are read on the host, the guest's own clock being nobody's yardstick.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

static const struct row init_row = {
	.name = "boot-init",
	.title = "Linux guest: launch to init",
	.unit = "Mticks",
};

static const struct row end_row = {
	.name = "boot-end",
	.title = "Linux guest: launch to the launcher's end",
	.unit = "Mticks",
};

static pid_t start(char **command, int *output)
{
	int pipe_ends[2];
	pid_t pid;

	if (pipe(pipe_ends) < 0)
		return failed("pipe");
	pid = fork();
	if (pid < 0)
		return failed("fork");
	if (!pid) {
		int nothing = open("/dev/null", O_RDONLY);

		dup2(nothing, 0);
		dup2(pipe_ends[1], 1);
		dup2(pipe_ends[1], 2);
		close(pipe_ends[0]);
		close(pipe_ends[1]);
		execvp(command[0], command);
		failed(command[0]);
		_exit(127);
	}
	close(pipe_ends[1]);
	*output = pipe_ends[0];
	return pid;
}

/*
 * Pass on all output.  Returns the time at which @marker was complete, 0 if it
 * never came.
 */
static uint64_t watch(int output, const char *marker)
{
	char buffer[4096];
	size_t kept = 0, overlap = strlen(marker) - 1;
	uint64_t seen = 0, now;
	ssize_t got;

	for (;;) {
		got = read(output, buffer + kept, sizeof(buffer) - kept - 1);
		now = read_tsc();
		if (got < 0 && errno == EINTR && !out_of_time())
			continue;
		if (got <= 0)
			return seen;
		fwrite(buffer + kept, 1, got, stderr);
		kept += got;
		buffer[kept] = '\0';
		if (!seen && memmem(buffer, kept, marker, overlap + 1))
			seen = now;
		/* A marker may come in two pieces. */
		if (kept > overlap) {
			memmove(buffer, buffer + kept - overlap, overlap);
			kept = overlap;
		}
	}
}

static void report(const char *dev, const struct row *row, uint64_t ticks)
{
	struct samples samples = { 0 };

	samples_add(&samples, ticks / 1e6);
	report_json(dev, row, &samples);
}

/*
 * Run @command, whose guest says @marker when its init starts.  Returns 0 if
 * it did and the command ended with 0, else -1.
 */
int boot_command(const char *dev, const char *marker, char **command)
{
	uint64_t begin = read_tsc(), seen;
	int output = -1, status;
	pid_t pid;

	pid = start(command, &output);
	if (pid < 0)
		return -1;
	seen = watch(output, marker);
	if (waitpid(pid, &status, 0) != pid)
		return failed(command[0]);
	if (!WIFEXITED(status) || WEXITSTATUS(status)) {
		complain("%s ended with status %#x", command[0], status);
		return -1;
	}
	if (!seen) {
		complain("the guest never said '%s'", marker);
		return -1;
	}
	report(dev, &init_row, seen - begin);
	report(dev, &end_row, read_tsc() - begin);
	return 0;
}
