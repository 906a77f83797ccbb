// SPDX-License-Identifier: GPL-2.0
/*
 * harness.c - main() of every ABI test: runs the cases and speaks TAP.
 *
 * Each case runs in a child process group of its own under a time limit; the
 * parent owns standard output's test lines, the child prints only comments.
 * Whatever a case started is killed with its group.
 */
#include <getopt.h>
#include <stdarg.h>
#include <time.h>

#include "kselftest.h"
#include "abi.h"

#define DEFAULT_DEV "/dev/kvm"

/* A slow kernel has this many times a case's limit, and repeats less often. */
#define SLOW_FACTOR 4
#define SLOW_DIVISOR 10

static struct abi_case *cases, **cases_end = &cases;
static const char *device = DEFAULT_DEV;
static const char *current = "?";

/* Shared between a case's child and the parent. */
static struct {
	unsigned int failures;
	char skip[200];
} *verdict;

/**
 * abi_register() - add a case, in the order of its source
 * @c: the case; static
 */
void abi_register(struct abi_case *c)
{
	*cases_end = c;
	cases_end = &c->next;
}

/**
 * abi_dev() - the device under test
 *
 * Return: its path.
 */
const char *abi_dev(void)
{
	return device;
}

/**
 * abi_on_kvm() - is the oracle itself under test?
 *
 * For what only one of the two has, such as a debugfs file; never to expect
 * different answers from the shared ABI.
 *
 * Return: true on /dev/kvm.
 */
bool abi_on_kvm(void)
{
	return strstr(device, "kvm") != NULL;
}

/**
 * slow_kernel() - is this a kernel that checks itself all the time?
 *
 * Lockdep, kmemleak and KASAN come together in the debug kernel of the lab, where
 * what the kernel does takes some ten times as long. The first two can be seen.
 *
 * Return: true if so.
 */
bool slow_kernel(void)
{
	return !access("/proc/lockdep", F_OK) ||
	       !access("/sys/kernel/debug/kmemleak", F_OK);
}

/**
 * repeat() - how often to do here what is done for the sake of chance
 * @times: elsewhere; above 0
 *
 * Return: the same, or a tenth of it, but at least 1, in a slow_kernel().
 */
unsigned int repeat(unsigned int times)
{
	return slow_kernel() ? (times + SLOW_DIVISOR - 1) / SLOW_DIVISOR : times;
}

/* How long a case may take here. */
static unsigned int limit_of(const struct abi_case *c)
{
	return slow_kernel() ? c->secs * SLOW_FACTOR : c->secs;
}

/**
 * obs() - print an observation, to be compared with the other device's
 * @name: what was observed
 * @fmt: its value, as printf() takes it
 */
void obs(const char *name, const char *fmt, ...)
{
	va_list ap;
	char line[512];

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	printf("# obs %s: %s = %s\n", current, name, line);
}

static void say(const char *head, const char *fmt, va_list ap)
{
	char line[512];

	vsnprintf(line, sizeof(line), fmt, ap);
	printf("# %s%s: %s", head, current, line);
}

/**
 * note() - print a comment that is not compared
 * @fmt: with its newline
 */
void note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("", fmt, ap);
	va_end(ap);
}

/**
 * fail() - mark the running case as failed and go on
 * @fmt: why, with its newline
 */
void fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("FAIL ", fmt, ap);
	va_end(ap);
	__atomic_fetch_add(&verdict->failures, 1, __ATOMIC_SEQ_CST);
}

/**
 * die() - mark the running case as failed and end it
 * @fmt: why, with its newline
 */
void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("FAIL ", fmt, ap);
	va_end(ap);
	__atomic_fetch_add(&verdict->failures, 1, __ATOMIC_SEQ_CST);
	fflush(stdout);
	_exit(1);
}

/**
 * skip() - end the running case: this machine cannot show its subject
 * @fmt: the reason, without newline
 */
void skip(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(verdict->skip, sizeof(verdict->skip), fmt, ap);
	va_end(ap);
	fflush(stdout);
	_exit(0);
}

/**
 * eq_at() - observe a value and assert it; see EQ()
 * @line: of the source
 * @name: of the value
 * @got: the value
 * @want: what it must be
 */
void eq_at(int line, const char *name, u64 got, u64 want)
{
	obs(name, "%#llx", (unsigned long long)got);
	if (got != want)
		fail("line %d: %s is %#llx, not %#llx\n", line, name,
		     (unsigned long long)got, (unsigned long long)want);
}

/**
 * err_at() - observe the errno of a call and assert it; see ERR()
 * @line: of the source
 * @name: of the call
 * @ret: what it returned; -1 means failure
 * @want: errno, or 0 for success
 */
void err_at(int line, const char *name, long ret, int want)
{
	int got = ret == -1 ? errno : 0;

	obs(name, "%s", errno_name(got));
	if (got != want)
		fail("line %d: %s gives %s, not %s\n", line, name,
		     errno_name(got), errno_name(want));
}

/**
 * failures_of() - run a function that is to fail, in a child, unheard
 * @fn: the function
 *
 * For the tests of the tests: its failures do not count.
 *
 * Return: how many failures it had; one more if it died of a signal.
 */
unsigned int failures_of(void (*fn)(void))
{
	unsigned int before = verdict->failures, n;
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		if (!freopen("/dev/null", "w", stdout))
			_exit(9);
		fn();
		_exit(0);
	}
	MUST(waitpid(pid, &status, 0));
	n = verdict->failures - before + WIFSIGNALED(status);
	verdict->failures = before;
	return n;
}

static void run_child(struct abi_case *c)
{
	setpgid(0, 0);
	c->fn();
	fflush(stdout);
	_exit(0);
}

/* Wait for the child's end, at most so long; -1 if it has not come. */
static int wait_end(pid_t pid, unsigned int secs)
{
	struct timespec limit = { .tv_sec = secs };
	sigset_t set;
	int status;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	for (;;) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return status;
		if (sigtimedwait(&set, NULL, &limit) < 0 && errno == EAGAIN)
			return -1;
	}
}

/* A child that hangs in the kernel cannot even be killed: leave it behind. */
static int wait_bounded(pid_t pid, unsigned int secs)
{
	int status = wait_end(pid, secs);

	if (status != -1)
		return status;
	kill(-pid, SIGKILL);
	if (wait_end(pid, 5) == -1)
		printf("# FAIL %s: cannot be killed\n", current);
	return -1;
}

static void report(struct abi_case *c, int status)
{
	if (status == -1) {
		printf("# FAIL %s: not through after %u s\n", c->name,
		       limit_of(c));
		ksft_test_result_fail("%s\n", c->name);
	} else if (WIFSIGNALED(status)) {
		printf("# FAIL %s: died of signal %d\n", c->name,
		       WTERMSIG(status));
		ksft_test_result_fail("%s\n", c->name);
	} else if (verdict->skip[0] && !verdict->failures) {
		/* The name first, as in every other verdict. */
		ksft_inc_xskip_cnt();
		printf("ok %u %s # SKIP %s\n", ksft_test_num(), c->name,
		       verdict->skip);
	} else {
		ksft_test_result(!verdict->failures && !WEXITSTATUS(status),
				 "%s\n", c->name);
	}
}

static void run_case(struct abi_case *c)
{
	int status;
	pid_t pid;

	memset(verdict, 0, sizeof(*verdict));
	current = c->name;
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		ksft_exit_fail_msg("fork: %s\n", strerror(errno));
	if (!pid)
		run_child(c);
	setpgid(pid, pid);
	status = wait_bounded(pid, limit_of(c));
	kill(-pid, SIGKILL);
	report(c, status);
	fflush(stdout);
}

static bool wanted(const char *name, char **names)
{
	if (!*names)
		return true;
	for (; *names; names++)
		if (!strcmp(name, *names))
			return true;
	return false;
}

static void usage(const char *prog)
{
	printf("usage: %s [--dev PATH] [--list] [CASE...]\n"
	       "The device may also come from the environment: OSPITE_DEV.\n",
	       prog);
}

static void options(int argc, char **argv)
{
	static const struct option opts[] = {
		{ "dev", required_argument, NULL, 'd' },
		{ "list", no_argument, NULL, 'l' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	struct abi_case *c;
	int o;

	if (getenv("OSPITE_DEV"))
		device = getenv("OSPITE_DEV");
	while ((o = getopt_long(argc, argv, "d:lh", opts, NULL)) != -1) {
		if (o == 'd') {
			device = optarg;
			continue;
		}
		if (o == 'l')
			for (c = cases; c; c = c->next)
				puts(c->name);
		else
			usage(argv[0]);
		exit(o == '?' ? 2 : 0);
	}
}

int main(int argc, char **argv)
{
	unsigned int n = 0;
	struct abi_case *c;
	sigset_t set;

	options(argc, argv);
	ksft_print_header();
	if (access(device, R_OK | W_OK))
		ksft_exit_skip("no access to %s: %s\n", device,
			       strerror(errno));
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	verdict = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (verdict == MAP_FAILED)
		ksft_exit_fail_msg("mmap: %s\n", strerror(errno));
	for (c = cases; c; c = c->next)
		n += wanted(c->name, argv + optind);
	ksft_set_plan(n);
	for (c = cases; c; c = c->next)
		if (wanted(c->name, argv + optind))
			run_case(c);
	ksft_finished();
}
