/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The logs of switches, and of the updates of counters that BPF reads, from which native learns what each
 * process draws. It listens in bursts: at all other times a switch costs one load and one branch more.
 */
#ifndef LOG_BPF_H
#define LOG_BPF_H

#include "clock.bpf.h"
#include "energy.h"
#include "kernel.bpf.h"
#include "maps.bpf.h"
#include "settings.bpf.h"

/* The run queue's clock strays from the monotonic one by a part in 2,000 where that is being adjusted: by 2
 * us in that time. */
#define OFFSET_FRESH_NS 4000000

/* `at_switch`: the run queue's clock has just been set, and `wall_ns` is what it says. Else a tick has
 * reckoned `wall_ns` from the monotonic clock, as far as that was known to be ahead. */
__noinline int write_log(struct energy_cpu *c, __u64 wall_ns, __u32 prev, __u32 next, bool at_switch)
{
	__u32 cpu = current_cpu();
	struct energy_log *log = bpf_map_lookup_elem(&logs, &cpu);
	struct energy_switch *entry;

	if (!c || !log)
		return 0;
	if (at_switch && wall_ns - c->offset_noted_ns > OFFSET_FRESH_NS)
		note_clock_offset(c, wall_ns);
	entry = &log->switches[log->head & (ENERGY_LOG - 1)];
	entry->clock_ns = wall_ns + c->clock_offset_ns;
	entry->prev = prev;
	entry->next = next;
	barrier(); /* native sees the entry before it sees that there is one more */
	*(volatile __u64 *)&log->head = log->head + 1;
	return 0;
}

static __always_inline bool is_logging(void)
{
	return has_logs && __builtin_expect(*(volatile __u32 *)&logging, 0);
}

static __always_inline void log_switch(struct energy_cpu *c, __u64 wall_ns, __u32 prev, __u32 next)
{
	if (is_logging())
		write_log(c, wall_ns, prev, next, true);
}

/* A task that runs on, without a switch, is told from a CPU that sleeps by its ticks. */
static __always_inline void log_running(struct energy_cpu *c, __u64 wall_ns, __u32 tgid)
{
	if (is_logging())
		write_log(c, wall_ns, tgid, tgid, false);
}

/* Whoever claims what the counter has advanced writes this, so there is one writer. */
__noinline int write_update(struct energy_cpu *c, struct energy_zone *z, bool certain)
{
	struct energy_update_log *log;
	struct energy_update *entry;
	__u32 zone;

	if (!c || !z)
		return 0;
	zone = c->zone;
	log = bpf_map_lookup_elem(&updates, &zone);
	if (!log)
		return 0;
	entry = &log->updates[log->head & (ENERGY_UPDATES - 1)];
	/* A counter that moves all the time says what it does when it is read. */
	entry->clock_ns = period_ns ? z->changed_ns + c->clock_offset_ns : z->claimed_ns;
	entry->width_ns = !period_ns ? 0 : certain ? z->phase_error_ns : 2 * period_ns;
	entry->count = z->last_count;
	barrier(); /* native sees the entry before it sees that there is one more */
	*(volatile __u64 *)&log->head = log->head + 1;
	return 0;
}

static __always_inline void log_update(struct energy_cpu *c, struct energy_zone *z, bool certain)
{
	if (is_logging())
		write_update(c, z, certain);
}

#endif
