/* SPDX-License-Identifier: GPL-2.0 */
/*
 * exit_names.h - names of the KVM_EXIT_* reasons.
 */
#ifndef OSPITE_EXIT_NAMES_H
#define OSPITE_EXIT_NAMES_H

const char *exit_name(unsigned int reason);

#endif /* OSPITE_EXIT_NAMES_H */
