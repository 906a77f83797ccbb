/* SPDX-License-Identifier: GPL-2.0 */
/*
 * irt.h - words for what an entry of the Interrupt Remapping Table says.
 */
#ifndef OSPITE_IRT_H
#define OSPITE_IRT_H

#include "types.h"

#define IRT_CHIPS	3	/* those whose pins an entry may lead to */

const char *irt_kind_name(u32 kind);
u32 irt_kind_by_name(const char *name);
const char *irt_mode_name(u8 mode);
u8 irt_mode_by_name(const char *name);
const char *irt_chip_name(int chip);

#endif /* OSPITE_IRT_H */
