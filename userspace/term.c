// SPDX-License-Identifier: GPL-2.0
/*
 * term.c - the user's terminal as the guest's serial console.
 *
 * Input: raw mode, so that each key reaches the guest, with Ctrl-A as the one
 * key kept for us.  The old mode comes back on every way out: return from
 * main, exit(), a fatal signal, an abort, a stop (SIGTSTP).
 *
 * Output: the guest's bytes are gathered in a buffer; a system call per byte
 * would cost more than the VM exit that brought it.  The event loop writes
 * the buffer out some milliseconds after the first byte; a vCPU that finds
 * it full writes it out itself, so a reader that is slow slows the guest.
 *
 * Owns: the terminal's mode, and the output buffer with its lock (a leaf:
 * nothing else is taken under it).
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "say.h"
#include "term.h"

#define KEY_ESCAPE	0x01	/* Ctrl-A */

/* A pipe that polls writable takes PIPE_BUF bytes without blocking. */
#define CHUNK		4096

static struct termios saved_mode;
static struct termios raw_mode;
static volatile sig_atomic_t mode_is_raw;
static bool stdin_is_tty;
static bool escaped;		/* the last key was Ctrl-A */

static struct {
	pthread_mutex_t lock;
	u8 buf[4 * CHUNK];
	size_t len;
	bool lost;		/* nobody reads any more: drop it all */
} out = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void restore_and_die(int sig)
{
	term_restore();
	signal(sig, SIG_DFL);
	raise(sig);
}

static void catch_fatal_signals(void)
{
	static const int fatal[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT,
				     SIGSYS, SIGTRAP };
	struct sigaction sa = { .sa_handler = restore_and_die,
				.sa_flags = SA_NODEFER };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(fatal); i++)
		sigaction(fatal[i], &sa, NULL);
}

/**
 * term_raw() - take the terminal: every key goes to the guest
 *
 * Does nothing when standard input is not a terminal.
 *
 * Return: 0, or -1 after saying why.
 */
int term_raw(void)
{
	stdin_is_tty = isatty(STDIN_FILENO);
	if (!stdin_is_tty)
		return 0;
	if (tcgetattr(STDIN_FILENO, &saved_mode))
		return say_fail("the terminal's mode can't be read: %s (try: </dev/null)",
				strerror(errno));
	raw_mode = saved_mode;
	cfmakeraw(&raw_mode);
	atexit(term_restore);
	catch_fatal_signals();
	mode_is_raw = 1;
	if (tcsetattr(STDIN_FILENO, TCSANOW, &raw_mode)) {
		mode_is_raw = 0;
		return say_fail("the terminal's mode can't be set: %s (try: </dev/null)",
				strerror(errno));
	}
	return 0;
}

/**
 * term_restore() - give the terminal back as it was
 *
 * May be called any number of times, and from a signal handler.
 */
void term_restore(void)
{
	if (!mode_is_raw)
		return;
	tcsetattr(STDIN_FILENO, TCSANOW, &saved_mode);
	mode_is_raw = 0;
}

/**
 * term_suspend() - stop this process as Ctrl-Z would, the terminal restored
 */
void term_suspend(void)
{
	term_flush();
	term_restore();
	raise(SIGSTOP);
}

/**
 * term_resume() - take the terminal again after a stop
 */
void term_resume(void)
{
	if (stdin_is_tty && !tcsetattr(STDIN_FILENO, TCSANOW, &raw_mode))
		mode_is_raw = 1;
}

/**
 * term_adopt() - another terminal is ours from now on, and the old one is not
 * @fds: standard input, output and error of this process from now on
 *
 * For a process that has just been forked off the one that owns the old terminal.
 * Output that waited is the old one's to write.
 *
 * Return: 0, or -1 after saying why.
 */
int term_adopt(const int fds[3])
{
	int i;

	mode_is_raw = 0;
	escaped = false;
	out.len = 0;
	out.lost = false;
	for (i = 0; i < 3; i++)
		if (dup2(fds[i], i) < 0)
			return say_fail("no terminal: %s", strerror(errno));
	return term_raw();
}

/**
 * term_is_raw() - is the terminal in raw mode now?
 *
 * Return: true if a line must end with carriage return and line feed.
 */
bool term_is_raw(void)
{
	return mode_is_raw;
}

/**
 * term_is_tty() - is standard input a terminal?
 *
 * Return: true if it was when term_raw() looked.
 */
bool term_is_tty(void)
{
	return stdin_is_tty;
}

/* What Ctrl-A @key means; adds to @buf what the guest gets of it. */
static enum term_event escape_key(u8 key, u8 *buf, size_t *len)
{
	switch (key) {
	case 'x':
	case 'X':
		return TERM_QUIT;
	case KEY_ESCAPE:
		buf[(*len)++] = KEY_ESCAPE;
		break;
	case 'h':
	case '?':
		say("Ctrl-A x ends the virtual machine, Ctrl-A Ctrl-A sends Ctrl-A");
		break;
	}
	return TERM_INPUT;
}

/**
 * term_read() - read what the user typed
 * @buf: where the bytes for the guest go
 * @len: in: room in @buf, at least 1; out: number of bytes for the guest
 *
 * Call it when standard input polls readable.  Ctrl-A is kept back, if
 * standard input is a terminal.
 *
 * Return: TERM_INPUT, TERM_QUIT or TERM_EOF.
 */
enum term_event term_read(u8 *buf, size_t *len)
{
	enum term_event event = TERM_INPUT;
	u8 keys[64];
	size_t room = *len < sizeof(keys) ? *len : sizeof(keys);
	ssize_t i, n;

	*len = 0;
	n = read(STDIN_FILENO, keys, room);
	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? TERM_INPUT : TERM_EOF;
	if (!n)
		return TERM_EOF;
	for (i = 0; i < n && event == TERM_INPUT; i++) {
		if (escaped) {
			escaped = false;
			event = escape_key(keys[i], buf, len);
		} else if (stdin_is_tty && keys[i] == KEY_ESCAPE) {
			escaped = true;
		} else {
			buf[(*len)++] = keys[i];
		}
	}
	return event;
}

/*
 * Write once, if standard output takes it without blocking within @timeout
 * milliseconds.  Called under out.lock.  Returns false if nothing
 * was written.
 */
static bool write_some(int timeout)
{
	struct pollfd p = { .fd = STDOUT_FILENO, .events = POLLOUT };
	size_t len = out.len < CHUNK ? out.len : CHUNK;
	ssize_t n;

	if (poll(&p, 1, timeout) <= 0)
		return false;
	n = write(STDOUT_FILENO, out.buf, len);
	if (n < 0) {
		if (errno == EINTR || errno == EAGAIN)
			return false;
		out.lost = true;
		out.len = 0;
		return true;
	}
	out.len -= n;
	memmove(out.buf, out.buf + n, out.len);
	return true;
}

/**
 * term_put() - add one byte of the guest's output
 * @byte: the byte
 * @leave: set when the vCPUs are to come out, with a signal to this thread;
 *	the wait for a slow reader then stops, and the byte is lost
 *
 * Called by vCPU threads.  May block until the reader takes something.
 *
 * Return: true if the buffer was empty, so someone must see to its flushing.
 */
bool term_put(u8 byte, const bool *leave)
{
	bool first;

	pthread_mutex_lock(&out.lock);
	/* The signal may fall before poll(2): do not wait there for ever. */
	while (out.len == sizeof(out.buf) &&
	       !__atomic_load_n(leave, __ATOMIC_RELAXED))
		write_some(200);
	first = out.len == 0;
	if (!out.lost && out.len < sizeof(out.buf))
		out.buf[out.len++] = byte;
	pthread_mutex_unlock(&out.lock);
	return first;
}

/**
 * term_pending() - is there output that has not been written yet?
 *
 * Return: true if so.
 */
bool term_pending(void)
{
	return __atomic_load_n(&out.len, __ATOMIC_RELAXED) != 0;
}

/**
 * term_flush() - write out what can be written without blocking
 *
 * Return: false if something is left that nobody takes now.
 */
bool term_flush(void)
{
	bool done;

	if (pthread_mutex_trylock(&out.lock))
		return true;	/* a vCPU is writing it out right now */
	while (out.len && write_some(0))
		;
	done = !out.len;
	pthread_mutex_unlock(&out.lock);
	return done;
}

/**
 * term_drain() - write out everything, for a reader that still reads
 *
 * Gives up on one that takes nothing for a second.
 */
void term_drain(void)
{
	pthread_mutex_lock(&out.lock);
	while (out.len && write_some(1000))
		;
	pthread_mutex_unlock(&out.lock);
}
