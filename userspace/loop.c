// SPDX-License-Identifier: GPL-2.0
/*
 * loop.c - the event loop: terminal, signals, control socket, devices' timers.
 *
 * It sleeps until something happens.  While the guest prints it also ticks
 * every few milliseconds, to write out what has gathered; a vCPU wakes it for
 * that only when it was asleep (vm_want_tick()).
 *
 * Runs in the main thread, which is the only one that touches struct machine.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "dev/dev.h"
#include "machine.h"
#include "say.h"
#include "term.h"

#define TICK_NS		10000000ULL	/* while the guest prints */
#define QUIET_TICKS	5		/* ... and so much longer */

enum { POLL_WAKE, POLL_SIGNAL, POLL_STDIN, POLL_STDOUT, POLL_CONTROL };
#define NR_POLL	(POLL_CONTROL + CONTROL_FDS)

static const int our_signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP,
				   SIGCONT };

/**
 * loop_init() - take over the signals to the process
 * @m: the machine
 *
 * Before any thread is made: they inherit the signal mask.
 *
 * Return: 0, or -1 after saying why.
 */
int loop_init(struct machine *m)
{
	sigset_t set;
	size_t i;

	sigemptyset(&set);
	for (i = 0; i < ARRAY_SIZE(our_signals); i++)
		sigaddset(&set, our_signals[i]);
	m->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (m->signal_fd < 0)
		return say_fail("no signalfd: %s", strerror(errno));
	sigaddset(&set, SIGRTMIN);	/* kicks are for the vCPU threads */
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return vcpu_catch_kicks();
}

static void serve_signal(struct machine *m)
{
	struct signalfd_siginfo info;

	if (read(m->signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	switch (info.ssi_signo) {
	case SIGTSTP:
		term_suspend();
		break;
	case SIGCONT:
		term_resume();
		break;
	default:
		vm_end(&m->vm, END_QUIT, "ended by signal SIG%s",
		       sigabbrev_np(info.ssi_signo));
	}
}

/* Give the guest as much of what was typed as it takes. */
static void feed_console(struct machine *m)
{
	int room = m->typed_len ? bus_console_room(&m->vm) : 0;
	size_t len;

	m->feed_again = room < 0;
	if (room <= 0)
		return;
	len = (size_t)room < m->typed_len ? (size_t)room : m->typed_len;
	bus_console_input(&m->vm, m->typed, len);
	m->typed_len -= len;
	memmove(m->typed, m->typed + len, m->typed_len);
}

static void serve_input(struct machine *m)
{
	size_t len = sizeof(m->typed) - m->typed_len;
	u8 dropped[16], *to = m->typed + m->typed_len;
	enum term_event event;

	if (!len) {	/* a terminal: look for Ctrl-A x all the same */
		to = dropped;
		len = sizeof(dropped);
	}
	event = term_read(to, &len);
	if (to != dropped)
		m->typed_len += len;
	if (event == TERM_QUIT)
		vm_end(&m->vm, END_QUIT, "ended by Ctrl-A x");
	else if (event == TERM_EOF)
		m->input_ended = true;
}

/*
 * A terminal is listened to even when the guest takes nothing, or Ctrl-A x
 * could not be seen; a pipe or file only as far as it is read.
 */
static bool wants_input(const struct machine *m)
{
	return !m->input_ended &&
	       (term_is_tty() || m->typed_len < sizeof(m->typed));
}

/*
 * Whether the loop must go on ticking.  A vCPU looks at vm->busy after it has
 * put its byte; we clear it first and look for bytes after that, so one of us
 * sees the other.
 */
static void settle(struct machine *m)
{
	if (m->feed_again)
		__atomic_store_n(&m->vm.busy, true, __ATOMIC_SEQ_CST);
	if (term_pending() || m->feed_again) {
		m->quiet = 0;
		return;
	}
	if (++m->quiet < QUIET_TICKS)
		return;
	m->quiet = 0;
	__atomic_store_n(&m->vm.busy, false, __ATOMIC_SEQ_CST);
	if (term_pending() || !bus_deadline(&m->vm))
		__atomic_store_n(&m->vm.busy, true, __ATOMIC_SEQ_CST);
}

/* How long to sleep: until the next tick, or timer, or for ever. */
static const struct timespec *timeout(const struct machine *m,
				      struct timespec *ts)
{
	u64 ns = NEVER, now = now_ns(), deadline = bus_deadline(&m->vm);

	if (m->vm.busy && !m->output_stuck)
		ns = TICK_NS;
	/* A deadline of 0 means the next tick, not a busy loop. */
	if (deadline && deadline <= now)
		ns = 0;
	else if (deadline && deadline != NEVER && deadline - now < ns)
		ns = deadline - now;
	if (ns == NEVER)
		return NULL;
	ts->tv_sec = ns / NSEC_PER_SEC;
	ts->tv_nsec = ns % NSEC_PER_SEC;
	return ts;
}

static void fill_poll(const struct machine *m, struct pollfd *fds)
{
	int in = wants_input(m) ? STDIN_FILENO : -1;
	int out = m->output_stuck ? STDOUT_FILENO : -1;

	fds[POLL_WAKE] = (struct pollfd) { m->vm.wake_fd, POLLIN, 0 };
	fds[POLL_SIGNAL] = (struct pollfd) { m->signal_fd, POLLIN, 0 };
	fds[POLL_STDIN] = (struct pollfd) { in, POLLIN, 0 };
	fds[POLL_STDOUT] = (struct pollfd) { out, POLLOUT, 0 };
	control_poll(&m->control, fds + POLL_CONTROL);
}

static void loop_once(struct machine *m)
{
	struct pollfd fds[NR_POLL];
	struct timespec ts;
	eventfd_t ignored;

	fill_poll(m, fds);
	if (ppoll(fds, NR_POLL, timeout(m, &ts), NULL) < 0)
		return;		/* EINTR */
	if (fds[POLL_WAKE].revents)
		eventfd_read(m->vm.wake_fd, &ignored);
	if (fds[POLL_SIGNAL].revents)
		serve_signal(m);
	if (fds[POLL_STDIN].revents)
		serve_input(m);
	feed_console(m);
	control_serve(&m->control, fds + POLL_CONTROL, m);
	m->output_stuck = !term_flush();
	bus_tick(&m->vm, now_ns());
	settle(m);
}

/**
 * loop_run() - run until the VM ends
 * @m: the machine, its vCPU threads started
 */
void loop_run(struct machine *m)
{
	while (!__atomic_load_n(&m->vm.ending, __ATOMIC_ACQUIRE))
		loop_once(m);
}
