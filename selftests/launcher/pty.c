// SPDX-License-Identifier: GPL-2.0
/*
 * pty.c - runs a command on a terminal of its own, types when it is told to,
 * and sees whether the terminal is left as it was.
 *
 *	pty [--after TEXT --send KEYS | --after TEXT --signal N]... COMMAND...
 *
 * Copies what the command prints to standard output. KEYS may have \r and
 * \001 for Enter and Ctrl-A. Each --send or --signal waits for its TEXT in the
 * output that came since the one before. Exit status: the command's; 201 if
 * the terminal's mode was not restored, 202 if the command did not end in time.
 */
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <utmp.h>

#define MAX_STEPS	16
#define TIME_LIMIT	120	/* seconds */

struct step {
	const char *after;
	const char *send;
	int signal;
};

static struct step steps[MAX_STEPS];
static int nr_steps, next_step;
static char seen[65536];
static size_t seen_len;

static size_t unescape(const char *s, char *out)
{
	size_t n = 0;

	while (*s) {
		if (s[0] == '\\' && s[1] == 'r') {
			out[n++] = '\r';
			s += 2;
		} else if (!strncmp(s, "\\001", 4)) {
			out[n++] = 1;
			s += 4;
		} else {
			out[n++] = *s++;
		}
	}
	return n;
}

static void do_step(int fd, pid_t child)
{
	struct step *step = &steps[next_step++];
	char keys[256];
	size_t len;

	seen_len = 0;
	if (!step->send) {
		kill(-child, step->signal);	/* its process group */
		return;
	}
	len = unescape(step->send, keys);
	if (write(fd, keys, len) != (ssize_t)len)
		perror("pty: write");
}

static void take_output(int fd, pid_t child, const char *buf, size_t len)
{
	fwrite(buf, 1, len, stdout);
	fflush(stdout);
	if (seen_len + len > sizeof(seen))
		seen_len = 0;
	memcpy(seen + seen_len, buf, len);
	seen_len += len;
	while (next_step < nr_steps && memmem(seen, seen_len,
			steps[next_step].after, strlen(steps[next_step].after)))
		do_step(fd, child);
}

static int parse(int argc, char **argv)
{
	const char *after = "";
	int i = 1;

	for (; i + 1 < argc && argv[i][0] == '-' && nr_steps < MAX_STEPS;
	     i += 2) {
		if (!strcmp(argv[i], "--after")) {
			after = argv[i + 1];
			continue;
		}
		steps[nr_steps].after = after;
		if (!strcmp(argv[i], "--send"))
			steps[nr_steps].send = argv[i + 1];
		else
			steps[nr_steps].signal = atoi(argv[i + 1]);
		nr_steps++;
	}
	return i;
}

/* Until the command has ended (@gone is readable) and its output is read. */
static void copy_until_end(int fd, int gone, pid_t child)
{
	struct pollfd p[2] = { { .fd = fd, .events = POLLIN },
			       { .fd = gone, .events = POLLIN } };
	time_t end = time(NULL) + TIME_LIMIT;
	char buf[4096];
	ssize_t n;

	for (;;) {
		poll(p, 2, TIME_LIMIT * 1000);
		if (time(NULL) >= end) {
			kill(child, SIGKILL);
			printf("\npty: no end after %d s\n", TIME_LIMIT);
			exit(202);
		}
		if (p[0].revents & POLLIN) {
			n = read(fd, buf, sizeof(buf));
			if (n > 0)
				take_output(fd, child, buf, n);
		} else if (p[1].revents) {	/* ended, and all is read */
			return;
		}
	}
}

static int watch_children(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

/*
 * The command, on the terminal. Between it and us is a session leader, which
 * looks at the terminal in the end: when a leader goes, its terminal is reset.
 */
static void lead_session(int slave, char **argv)
{
	struct termios before, after;
	sigset_t none;
	pid_t child;
	int status;

	login_tty(slave);
	memset(&before, 0, sizeof(before));	/* there is padding in it */
	memset(&after, 0, sizeof(after));
	tcgetattr(0, &before);
	child = fork();
	if (!child) {
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		execvp(argv[0], argv);
		_exit(127);
	}
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGSEGV, SIG_IGN);
	waitpid(child, &status, 0);
	tcgetattr(0, &after);
	if (memcmp(&before, &after, sizeof(before)))
		_exit(201);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) :
				  128 + WTERMSIG(status));
}

int main(int argc, char **argv)
{
	int master, slave, status, gone, first = parse(argc, argv);
	pid_t child;

	gone = watch_children();
	if (first >= argc || gone < 0 ||
	    openpty(&master, &slave, NULL, NULL, NULL)) {
		perror("pty");
		return 125;
	}
	child = fork();
	if (!child) {
		close(master);
		lead_session(slave, argv + first);
	}
	close(slave);
	copy_until_end(master, gone, child);
	waitpid(child, &status, 0);
	if (WEXITSTATUS(status) == 201)
		puts("\npty: the terminal's mode was not restored");
	return WEXITSTATUS(status);
}
