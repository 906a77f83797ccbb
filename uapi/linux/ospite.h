/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * linux/ospite.h - the userspace interface of /dev/ospite.
 *
 * It is the KVM API, version 12, as the system's <linux/kvm.h> declares it.
 * What Ospite adds to that has its own range of ioctl numbers (type 0xB7) and
 * its own capability numbers, and stands here.
 */
#ifndef _UAPI_LINUX_OSPITE_H
#define _UAPI_LINUX_OSPITE_H

#include <linux/kvm.h>

#define OSPITE_DEVICE		"/dev/ospite"

/* The type of Ospite's own ioctls; KVM's is KVMIO, 0xAE. */
#define OSPITEIO		0xB7

/* Capability numbers of Ospite's own start here; KVM's are far below. */
#define OSPITE_CAP_BASE		0x05970000

#endif /* _UAPI_LINUX_OSPITE_H */
