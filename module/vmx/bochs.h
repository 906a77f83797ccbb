/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vmx/bochs.h - what Bochs needs otherwise than a CPU (bochs.c).
 */
#ifndef OSP_VMX_BOCHS_H
#define OSP_VMX_BOCHS_H

#include <linux/types.h>

struct osp_vcpu;

u32 osp_bochs_forgotten(struct osp_vcpu *vcpu, u32 info);
void osp_bochs_take_back(struct osp_vcpu *vcpu);

#endif /* OSP_VMX_BOCHS_H */
