// SPDX-License-Identifier: GPL-2.0
/*
 * rundir.c - the directory of the running VMs: /run/ospite for root,
 * $XDG_RUNTIME_DIR/ospite for others, mode 0700.
 *
 * A VM called NAME has NAME.lock and NAME.sock there.  Its launcher holds an
 * flock(2) on the lock file as long as it lives; the kernel drops it when the
 * launcher dies, however it dies.  So a lock that can be taken belongs to
 * nobody, and whoever takes it may remove both files.  Files are removed only
 * under the lock, and a lock counts only if the file it is on still has the
 * name: then no two processes can claim a name, nor can a sweep remove what a
 * new launcher has just made.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rundir.h"
#include "say.h"

#define LOCK_SUFFIX	".lock"
#define MADE_UP_TRIES	100

/* The directory; made if it is not there. */
static int run_dir(char *path, size_t size)
{
	const char *base = geteuid() ? getenv("XDG_RUNTIME_DIR") : "/run";
	struct stat st;

	if (!base || base[0] != '/')
		return say_fail("XDG_RUNTIME_DIR is not set, so running VMs have no directory (try: export XDG_RUNTIME_DIR=/run/user/%u)",
				geteuid());
	if (snprintf(path, size, "%s/ospite", base) >= (int)size)
		return say_fail("%s: the name is too long for sockets in it (set XDG_RUNTIME_DIR to a shorter one)",
				base);
	mkdir(base, 0755);	/* a bare system may lack /run */
	if (mkdir(path, 0700) && errno != EEXIST)
		return say_fail("%s: can't be made: %s (set XDG_RUNTIME_DIR to a directory of your own)",
				path, strerror(errno));
	if (lstat(path, &st) || !S_ISDIR(st.st_mode) ||
	    st.st_uid != geteuid() || (st.st_mode & 077))
		return say_fail("%s: not a directory of yours with mode 0700 (remove it)",
				path);
	return 0;
}

static int slot_paths(struct slot *slot, const char *name)
{
	size_t size = sizeof(slot->socket.sun_path);
	char dir[PATH_MAX];

	memset(slot, 0, sizeof(*slot));
	slot->lock_fd = -1;
	if (run_dir(dir, sizeof(dir)))
		return -1;
	snprintf(slot->name, sizeof(slot->name), "%s", name);
	slot->socket.sun_family = AF_UNIX;
	if (snprintf(slot->lock_path, sizeof(slot->lock_path), "%s/%s.lock",
		     dir, name) >= (int)sizeof(slot->lock_path) ||
	    snprintf(slot->socket.sun_path, size, "%s/%s.sock", dir,
		     name) >= (int)size)
		return say_fail("%s/%s: too long for a socket's name (use a shorter --name)",
				dir, name);
	return 0;
}

/*
 * Take the lock if nobody has it.  Returns 1 with slot->lock_fd open, 0 if it
 * is held or the file is gone, -1 with errno on error.
 */
static int try_lock(struct slot *slot, int flags)
{
	struct stat mine, named;
	int fd;

	for (;;) {
		fd = open(slot->lock_path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags,
			  0600);
		if (fd < 0)
			return errno == ENOENT ? 0 : -1;
		if (flock(fd, LOCK_EX | LOCK_NB)) {
			close(fd);
			return errno == EWOULDBLOCK ? 0 : -1;
		}
		/* Was the file removed between open and lock? */
		if (!fstat(fd, &mine) && !stat(slot->lock_path, &named) &&
		    mine.st_ino == named.st_ino && mine.st_dev == named.st_dev)
			break;
		close(fd);
	}
	slot->lock_fd = fd;
	return 1;
}

/**
 * slot_claim() - take a name for a VM that starts
 * @slot: filled in; the name is ours until slot_release() or our death
 * @name: the name, or NULL to have one made up
 *
 * What a killed launcher of the same name left behind is removed.
 *
 * Return: 0, or -1 after saying why.
 */
int slot_claim(struct slot *slot, const char *name)
{
	char made_up[NAME_LEN + 1];
	int tries, ret = 0;

	for (tries = 0; !ret && tries < (name ? 1 : MADE_UP_TRIES); tries++) {
		if (!name)
			name_make_up(made_up);
		if (slot_paths(slot, name ? name : made_up))
			return -1;
		ret = try_lock(slot, O_CREAT);
	}
	if (ret < 0)
		return say_fail("%s: can't be locked: %s (remove it)",
				slot->lock_path, strerror(errno));
	if (!ret)
		return say_fail("a virtual machine named %s is running already (use another --name, or: ospite stop %s)",
				slot->name, slot->name);
	unlink(slot->socket.sun_path);
	return 0;
}

/**
 * slot_release() - give a VM's name back
 * @slot: from slot_claim()
 */
void slot_release(struct slot *slot)
{
	if (slot->lock_fd < 0)
		return;
	unlink(slot->socket.sun_path);
	unlink(slot->lock_path);
	close(slot->lock_fd);
	slot->lock_fd = -1;
}

/*
 * Is a VM of this name running?  If not, what it left is removed.  @create
 * makes a missing lock file, so that a socket without one can be swept too.
 */
static int slot_alive(struct slot *slot, bool create)
{
	int ret = try_lock(slot, create ? O_CREAT : 0);

	if (ret > 0) {
		slot_release(slot);
		return 0;
	}
	return !ret && !access(slot->lock_path, F_OK);
}

/**
 * slot_find() - find a running VM
 * @slot: filled in
 * @name: its name
 *
 * Return: 0, or -1 after saying why.
 */
int slot_find(struct slot *slot, const char *name)
{
	if (!name_is_valid(name))
		return say_fail("\"%s\" is not a virtual machine's name (ospite ps lists them)",
				name);
	if (slot_paths(slot, name))
		return -1;
	if (!slot_alive(slot, false))
		return say_fail("no virtual machine named %s is running (ospite ps lists them)",
				name);
	return 0;
}

/**
 * slot_wait() - wait until a VM's launcher has ended
 * @slot: from slot_find()
 */
void slot_wait(const struct slot *slot)
{
	int fd = open(slot->lock_path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return;
	while (flock(fd, LOCK_SH) && errno == EINTR)
		;
	close(fd);
}

/* "calm-heron.lock" and "calm-heron.sock" are about calm-heron. */
static bool name_of_entry(const char *entry, char *name, bool *is_lock)
{
	const char *dot = strrchr(entry, '.');
	size_t len = dot ? (size_t)(dot - entry) : 0;

	if (!len || len > NAME_LEN)
		return false;
	*is_lock = !strcmp(dot, LOCK_SUFFIX);
	if (!*is_lock && strcmp(dot, ".sock"))
		return false;
	memcpy(name, entry, len);
	name[len] = '\0';
	return name_is_valid(name);
}

static int visit_entry(const char *entry,
		       int (*visit)(const struct slot *slot, void *arg),
		       void *arg)
{
	char name[NAME_LEN + 1];
	struct slot slot;
	bool is_lock;

	if (!name_of_entry(entry, name, &is_lock))
		return 0;
	if (slot_paths(&slot, name))
		return -1;
	/* A socket is only looked at to sweep it away with its lock. */
	if (!slot_alive(&slot, !is_lock) || !is_lock)
		return 0;
	return visit(&slot, arg);
}

/**
 * slot_each() - visit every running VM, in the order of their names
 * @visit: called for each; a value other than 0 ends the walk
 * @arg: for @visit
 *
 * What dead launchers left is removed on the way.
 *
 * Return: the last value of @visit, or -1 after saying why.
 */
int slot_each(int (*visit)(const struct slot *slot, void *arg), void *arg)
{
	struct dirent **entries;
	char dir[PATH_MAX];
	int i, n, ret = 0;

	if (run_dir(dir, sizeof(dir)))
		return -1;
	n = scandir(dir, &entries, NULL, alphasort);
	if (n < 0)
		return say_fail("%s: can't be read: %s (remove it)", dir,
				strerror(errno));
	for (i = 0; i < n; i++) {
		if (!ret)
			ret = visit_entry(entries[i]->d_name, visit, arg);
		free(entries[i]);
	}
	free(entries);
	return ret;
}

static int visit_nothing(const struct slot *slot, void *arg)
{
	(void)slot;
	(void)arg;
	return 0;
}

/**
 * slot_sweep() - remove what dead launchers left
 *
 * Return: 0, or -1 after saying why.
 */
int slot_sweep(void)
{
	return slot_each(visit_nothing, NULL);
}
