/* SPDX-License-Identifier: GPL-2.0 */
/*
 * rundir.h - the directory of the running VMs: their names, locks and sockets.
 */
#ifndef OSPITE_RUNDIR_H
#define OSPITE_RUNDIR_H

#include <sys/un.h>

#include "types.h"

#define NAME_LEN	40	/* longest name of a VM */

/**
 * struct slot - a VM's place in the run directory
 * @name: the VM's name
 * @lock_fd: the lock file, locked as long as the launcher lives
 * @lock_path: NAME.lock
 * @socket: NAME.sock
 */
struct slot {
	char name[NAME_LEN + 1];
	int lock_fd;
	char lock_path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct sockaddr_un socket;
};

bool name_is_valid(const char *name);
void name_make_up(char *name);

int slot_claim(struct slot *slot, const char *name);
void slot_release(struct slot *slot);
int slot_find(struct slot *slot, const char *name);
int slot_sweep(void);
void slot_wait(const struct slot *slot);
int slot_each(int (*visit)(const struct slot *slot, void *arg), void *arg);

#endif /* OSPITE_RUNDIR_H */
