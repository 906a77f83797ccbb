// SPDX-License-Identifier: GPL-2.0
/*
 * keeper.c - a guest that knows what each word of its memory has to be.
 *
 * One per process.  Word I holds keeper_word(I, VERSION); each round over the
 * memory makes the next version of it, or only looks while it has to be quiet.
 */
#include <pthread.h>
#include <sched.h>

#include "guest.h"
#include "keeper.h"

#define PAGE_WORDS	512

/* The guest's, of which each VM has its own. */
static volatile u64 words, mask, lossy, quiet, stop;
static volatile u64 rounds, version, errors, bad_word, bad_value;

static struct {
	struct vm *vm;
	struct vcpu *v;
	u64 *p;
	u64 words;
	u64 mask;
	int flags;
	pthread_t thread;
	volatile bool pause;
	volatile bool paused;
} keeper;

static inline u64 word_of(u64 i, u64 v)
{
	return (i + 1) * 0x9e3779b97f4a7c15ull + v * 0x2545f4914f6cdd1dull;
}

/**
 * keeper_word() - what a word has to be
 * @i: its index; of its page only, if all pages are alike
 * @version: how often it was written
 */
u64 keeper_word(u64 i, u64 version)
{
	return word_of(i, version);
}

/**
 * keeper_one_moment() - are these words as they were at one moment?
 * @p: a copy of the memory
 * @words: how many
 *
 * Then they are, up to some word, of one version, and from there on of the last.
 */
bool keeper_one_moment(const u64 *p, u64 words)
{
	u64 i = 0, v = 0, next;

	while (v < 1000000 && p[words - 1] != keeper_word(words - 1, v))
		v++;
	next = p[0] == keeper_word(0, v) ? v : v + 1;
	while (i < words && p[i] == keeper_word(i, next))
		i++;
	while (i < words && p[i] == keeper_word(i, v))
		i++;
	return i == words;
}

static void keeper_guest(void)
{
	volatile u64 *p = (u64 *)KEEPER_GPA;
	u64 i, is, v = 0, n = words, index = mask;

	sti();
	while (!stop) {
		u64 still = quiet;

		for (i = 0; i < n; i++) {
			is = p[i];
			if (is != word_of(i & index, v) && !(lossy && !is)) {
				bad_word = i;
				bad_value = is;
				errors++;
			}
			if (!still)
				p[i] = word_of(i & index, v + 1);
		}
		if (!still)
			version = ++v;
		rounds++;
	}
}

static void *keeper_thread(void *arg)
{
	struct vcpu *v = keeper.v;
	int e;

	do {
		while (keeper.pause) {
			keeper.paused = true;
			usleep(200);
		}
		keeper.paused = false;
		e = vcpu_run(v);
	} while (e == EINTR || e == EAGAIN ||
		 (e == EFAULT && keeper.flags & KEEP_RETRY));
	CHECK(!e, "KVM_RUN: %s\n", strerror(e));
	if (!e)
		CHECK(is_done(v), "the guest ended with exit %s\n",
		      exit_name(v->run->exit_reason));
	return NULL;
}

/**
 * keeper_fill() - put version 0 into memory
 * @p: where
 * @pages: how much
 * @flags: KEEP_*
 */
void keeper_fill(u64 *p, u64 pages, int flags)
{
	u64 index = flags & KEEP_ALIKE ? PAGE_WORDS - 1 : -1ull;
	u64 i;

	for (i = 0; i < pages * PAGE_WORDS; i++)
		p[i] = word_of(i & index, 0);
}

/**
 * keeper_prepare() - make the VM
 * @p: its memory at KEEPER_GPA, which has version 0 when the guest comes to it
 * @pages: how much
 * @flags: KEEP_*
 */
void keeper_prepare(u64 *p, u64 pages, int flags)
{
	keeper.vm = vm_new(0);
	keeper.v = vcpu_new(keeper.vm, 0);
	keeper.p = p;
	keeper.words = pages * PAGE_WORDS;
	keeper.mask = flags & KEEP_ALIKE ? PAGE_WORDS - 1 : -1ull;
	keeper.flags = flags;
	MUST(vm_slot(keeper.vm, 1, 0, KEEPER_GPA, pages * 4096, p));
	mode_long(keeper.v, keeper_guest);
	*GVAR(keeper.vm, words) = keeper.words;
	*GVAR(keeper.vm, mask) = keeper.mask;
	*GVAR(keeper.vm, lossy) = !!(flags & KEEP_LOSSY);
}

/** keeper_start() - let the guest run, in a thread of its own */
void keeper_start(void)
{
	pthread_create(&keeper.thread, NULL, keeper_thread, NULL);
}

/**
 * keeper_wait() - until the guest has been over all its memory
 *
 * It began that round after the call.
 */
void keeper_wait(void)
{
	u64 was = *GVAR(keeper.vm, rounds);

	while (*GVAR(keeper.vm, rounds) < was + 2)
		usleep(100);
}

static void nothing(int sig)
{
}

/**
 * keeper_pause() - take the guest off its CPU, or let it go on
 * @on: no instruction of it is executed until this is called with false
 */
void keeper_pause(bool on)
{
	struct sigaction act = { .sa_handler = nothing };

	sigaction(SIGUSR1, &act, NULL);
	keeper.pause = on;
	__atomic_store_n(&keeper.v->run->immediate_exit, on, __ATOMIC_SEQ_CST);
	if (on)
		pthread_kill(keeper.thread, SIGUSR1);
	while (on && !keeper.paused)
		usleep(100);
}

/**
 * keeper_quiet() - have the guest look only, or write again
 * @on: look only
 */
void keeper_quiet(bool on)
{
	*GVAR(keeper.vm, quiet) = on;
	keeper_wait();
}

/** keeper_version() - the version that the guest made last */
u64 keeper_version(void)
{
	return *GVAR(keeper.vm, version);
}

/** keeper_end() - end the guest; host and guest must agree on every byte */
void keeper_end(void)
{
	u64 i, v, wrong = 0, errs;

	keeper_wait();
	*GVAR(keeper.vm, stop) = 1;
	pthread_join(keeper.thread, NULL);
	v = keeper_version();
	for (i = 0; i < keeper.words; i++)
		wrong += keeper.p[i] != word_of(i & keeper.mask, v);
	errs = *GVAR(keeper.vm, errors);
	if (errs)
		note("word %lld was %#llx in version %lld\n",
		     (long long)*GVAR(keeper.vm, bad_word),
		     (long long)*GVAR(keeper.vm, bad_value), (long long)v);
	EQ("guest-saw-wrong-words", errs, 0);
	EQ("host-saw-wrong-words", wrong, 0);
	CHECK(*GVAR(keeper.vm, rounds) > 3, "the guest hardly ran\n");
}
