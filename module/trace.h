/* SPDX-License-Identifier: GPL-2.0 */
/*
 * trace.h - all tracepoints: /sys/kernel/tracing/events/ospite/.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM ospite

#if !defined(OSP_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define OSP_TRACE_H

#include <linux/tracepoint.h>
#include "vmx/names.h"

#ifndef OSP_TRACE_EXIT_NAMES
#define OSP_TRACE_EXIT_PAIR(number, name) { number, #name },
#define OSP_TRACE_EXIT_NAMES						\
	OSP_EXIT_REASONS(OSP_TRACE_EXIT_PAIR) { -1, NULL }
#endif

TRACE_EVENT(ospite_entry,
	TP_PROTO(int vcpu, u64 rip),
	TP_ARGS(vcpu, rip),
	TP_STRUCT__entry(
		__field(int, vcpu)
		__field(u64, rip)
	),
	TP_fast_assign(
		__entry->vcpu = vcpu;
		__entry->rip = rip;
	),
	TP_printk("vcpu %d rip 0x%llx", __entry->vcpu, __entry->rip)
);

TRACE_EVENT(ospite_exit,
	TP_PROTO(int vcpu, u32 reason, u64 rip, u64 qualification),
	TP_ARGS(vcpu, reason, rip, qualification),
	TP_STRUCT__entry(
		__field(int, vcpu)
		__field(u32, reason)
		__field(u64, rip)
		__field(u64, qualification)
	),
	TP_fast_assign(
		__entry->vcpu = vcpu;
		__entry->reason = reason;
		__entry->rip = rip;
		__entry->qualification = qualification;
	),
	TP_printk("vcpu %d reason %s%s rip 0x%llx qualification 0x%llx",
		  __entry->vcpu,
		  __print_symbolic(__entry->reason & 0xffff, OSP_TRACE_EXIT_NAMES),
		  __entry->reason & BIT(31) ? " (entry failed)" : "",
		  __entry->rip, __entry->qualification)
);

TRACE_EVENT(ospite_inject,
	TP_PROTO(int vcpu, u8 vector),
	TP_ARGS(vcpu, vector),
	TP_STRUCT__entry(
		__field(int, vcpu)
		__field(u8, vector)
	),
	TP_fast_assign(
		__entry->vcpu = vcpu;
		__entry->vector = vector;
	),
	TP_printk("vcpu %d vector 0x%x", __entry->vcpu, __entry->vector)
);

#ifndef OSP_TRACE_IRT_KINDS
#define OSP_TRACE_IRT_KINDS						\
	{ 1, "pins" }, { 2, "apic" }, { 3, "eventfd" }, { 4, "blocked" }
#endif

/*
 * A request went through the Interrupt Remapping Table.  gsi -1: a message that
 * has no entry (KVM_SIGNAL_MSI).  vcpu is the destination's APIC ID, -1 if it
 * is not one; vector is -1 if it is not known there.  status is that of
 * KVM_IRQ_LINE_STATUS.
 */
TRACE_EVENT(ospite_irq,
	TP_PROTO(int gsi, int kind, int vcpu, int vector, int status,
		 bool coalesced),
	TP_ARGS(gsi, kind, vcpu, vector, status, coalesced),
	TP_STRUCT__entry(
		__field(int, gsi)
		__field(int, kind)
		__field(int, vcpu)
		__field(int, vector)
		__field(int, status)
		__field(bool, coalesced)
	),
	TP_fast_assign(
		__entry->gsi = gsi;
		__entry->kind = kind;
		__entry->vcpu = vcpu;
		__entry->vector = vector;
		__entry->status = status;
		__entry->coalesced = coalesced;
	),
	TP_printk("gsi %d entry %s vcpu %d vector %d status %d coalesced %d",
		  __entry->gsi,
		  __print_symbolic(__entry->kind, OSP_TRACE_IRT_KINDS),
		  __entry->vcpu, __entry->vector, __entry->status,
		  __entry->coalesced)
);

#endif /* OSP_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
