/* SPDX-License-Identifier: GPL-2.0 */
/*
 * meminfo.h - what the host's memory is used for, to find what was left behind.
 */
#ifndef ABI_MEMINFO_H
#define ABI_MEMINFO_H

long meminfo(const char *what);
long idle_memory(void);
void shrink_slabs(void);
int debugfs_vms(void);

#endif
