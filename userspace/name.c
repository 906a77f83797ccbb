// SPDX-License-Identifier: GPL-2.0
/*
 * name.c - names of virtual machines: which are valid, and made-up ones.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "rundir.h"

static const char *const adjectives[] = {
	"amber", "brave", "brisk", "calm", "clear", "deft", "eager", "fair",
	"fleet", "gentle", "glad", "keen", "kind", "lively", "lucid", "merry",
	"mild", "neat", "nimble", "noble", "plain", "proud", "quiet", "ready",
	"silent", "sleek", "steady", "sunny", "swift", "tidy", "warm", "wise",
};

static const char *const animals[] = {
	"badger", "bear", "crane", "deer", "dove", "eagle", "falcon", "finch",
	"fox", "gecko", "hare", "heron", "ibex", "kestrel", "lark", "lynx",
	"marten", "mole", "newt", "otter", "owl", "raven", "robin", "seal",
	"shrew", "stork", "swan", "tern", "thrush", "trout", "wolf", "wren",
};

/**
 * name_is_valid() - may a VM have this name?
 * @name: the name
 *
 * Return: true for 1 to NAME_LEN letters, digits, dots, dashes and
 * underscores, of which the first is a letter or digit.
 */
bool name_is_valid(const char *name)
{
	size_t len = strlen(name);

	if (!len || len > NAME_LEN || !isalnum((unsigned char)name[0]))
		return false;
	return strspn(name, "abcdefghijklmnopqrstuvwxyz"
			    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == len;
}

/**
 * name_make_up() - make up a friendly name, such as "calm-heron"
 * @name: NAME_LEN + 1 bytes
 */
void name_make_up(char *name)
{
	struct timespec ts;
	u16 r;

	/* Early after boot there may be no randomness; any number will do. */
	if (getrandom(&r, sizeof(r), GRND_NONBLOCK) != sizeof(r)) {
		clock_gettime(CLOCK_MONOTONIC, &ts);
		r = ts.tv_nsec >> 4;
	}
	snprintf(name, NAME_LEN + 1, "%s-%s",
		 adjectives[r % ARRAY_SIZE(adjectives)],
		 animals[(r >> 8) % ARRAY_SIZE(animals)]);
}
