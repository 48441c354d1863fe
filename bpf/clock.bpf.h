/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A CPU's clocks, ns. The run queue's are those of its last switch, tick or wake-up: they cost nothing, and
 * stand still in between. The task clock leaves out what the hypervisor stole.
 */
#ifndef CLOCK_BPF_H
#define CLOCK_BPF_H

#include "energy.h"
#include "kernel.bpf.h"

#define MAX_SLICE_NS (1ULL << 31) /* charge_slowly() takes longer slices: it knows wide products */
/* The monotonic clock is adjusted by 500 ppm for its frequency, and by as much for adjtime(): a part in
 * 1,000. The run queue's is not. */
#define CLOCKS_PART  9
#define CLOCK_SET_NS 100000000

struct clocks {
	__u64 run_ns;  /* task clock, for run time */
	__u64 wall_ns; /* clock that the CPUs of a core can compare */
};

/* At a switch the run queue's clocks are up to date. */
static __always_inline struct clocks switch_clocks(struct task_struct *task)
{
	struct clocks now;

	read_clocks(task, &now.run_ns, &now.wall_ns);
	return now;
}

/* Notes how far the monotonic clock is ahead of the run queue's, which has just been set, for the first time.
 */
static __always_inline void begin_clock_offset(struct energy_cpu *c, __u64 wall_ns)
{
	c->clock_offset_ns = monotonic_clock() - wall_ns;
	c->offset_noted_ns = wall_ns;
}

/*
 * The same from then on. A CPU that was held up since the run queue's clock was set, by an interrupt, or for
 * milliseconds by a hypervisor, makes the other look further ahead than it is, and whatever is dated by it
 * until the next note would be too late: so it grows no faster than clocks part. What is smaller is nearer to
 * the truth, and what is much larger is a clock that was set.
 */
static __always_inline void note_clock_offset(struct energy_cpu *c, __u64 wall_ns)
{
	__u64 most = c->clock_offset_ns + ((wall_ns - c->offset_noted_ns) >> CLOCKS_PART);
	__s64 beyond;

	begin_clock_offset(c, wall_ns);
	beyond = c->clock_offset_ns - most;
	if (beyond > 0 && beyond < CLOCK_SET_NS)
		c->clock_offset_ns = most;
}

/* At any other time they are reckoned from the monotonic clock. Nobody knows what was stolen since the run
 * queue's were set. These are read in this order, so that one that another CPU sets just now makes the time
 * shorter. */
static __always_inline struct clocks clocks_now(struct task_struct *task, struct energy_cpu *c)
{
	__u64 run, wall, now;

	read_clocks(task, &run, &wall);
	now = monotonic_clock() - c->clock_offset_ns;
	return (struct clocks){now - (wall - run), now};
}

/*
 * Corrects what a swap of buffers or a tick charged too much: it ran ahead of the run queue's clock by what
 * the hypervisor had stolen, which is known only now. That was charged to the task that still runs, as time,
 * and is taken from its row again. If the row has been drained since (null), the task runs for so long
 * without being charged. What that time was predicted to draw stays: it has been paid for.
 */
static __always_inline void undo_steal(struct energy_cpu *c, struct energy_hot *hot, struct energy_cold *cold,
				       __u64 ns)
{
	if (ns >= MAX_SLICE_NS) /* no such thing: the clock was set */
		return;
	if (cold && cold->time_ns >= ns)
		cold->time_ns -= ns;
	else if (hot && hot->pending_ns > ns)
		hot->pending_ns -= ns;
	else
		c->run_ns += ns;
}

#endif
