/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Two threads of a core that share its counter: how much each of them ran beside the other, and what each
 * lets the other see. Each is read by the other without a lock, in single words: whatever is seen too early
 * or too late is made up for in the next window, since everything is cumulative.
 */
#ifndef SMT_BPF_H
#define SMT_BPF_H

#include "arithmetic.bpf.h"
#include "energy.h"
#include "kernel.bpf.h"
#include "maps.bpf.h"
#include "phase.bpf.h"
#include "power_model.bpf.h"
#include "settings.bpf.h"
#include "table.bpf.h"

#define BUSY (1ULL << 63)
/* Of two threads that run at once each draws 11/16 of what it draws alone. That is what SMT costs in speed,
 * and the core's static power, shared. */
#define TOGETHER_DISCOUNT 5 /* sixteenths */

/* How long a CPU had been busy at `clock`, ns, from its `busy_clock`. */
static __always_inline __u64 busy_ns_at(__u64 busy_clock, __u64 clock)
{
	return busy_clock & BUSY ? clock - (busy_clock & ~BUSY) : busy_clock;
}

/* Run time as it counts for energy. `sibling_ns`: for how much of it the other thread was busy, in which a
 * task draws less, and idle nothing. An idle core is idle on both threads, and each bears half. */
static __always_inline __u64 weigh_run_time(bool idle, __u64 ns, __u64 sibling_ns)
{
	return idle ? (ns - sibling_ns) >> 1 : ns - (sibling_ns * TOGETHER_DISCOUNT >> 4);
}

/* Weighs a slice that ends now. */
static __always_inline __u64 weigh_slice(struct energy_cpu *c, bool idle, __u64 ns, __u64 clock)
{
	struct energy_cpu *s;
	__u64 now, sibling_ns;
	__u32 sibling = c->sibling;

	s = bpf_map_lookup_elem(&cpus, &sibling);
	if (!s)
		return ns;
	now = busy_ns_at(s->busy_clock, clock);
	sibling_ns = within(now - c->sibling_busy_ns, ns);
	c->sibling_busy_ns = now;
	return weigh_run_time(idle, ns, sibling_ns);
}

/* Units that the sibling `s` of `c` was predicted to draw, up to the counter's last change. */
static __always_inline __u64 sibling_predicted(struct energy_zone *z, struct energy_cpu *c,
					       struct energy_cpu *s, __u64 clock)
{
	__u64 ns = clock - s->wall_ns, own_ns, weight;
	bool idle = !s->running_tgid;

	if (s->state != ENERGY_CPU_OWNED || (__s64)ns <= 0)
		return s->predicted;
	own_ns = within(busy_ns_at(c->busy_clock, clock) - s->sibling_busy_ns, ns);
	weight = weigh_run_time(idle, ns, own_ns);
	return s->predicted + predict(weight - part(weight, after_change(z, clock, ns), ns),
				      idle ? s->running_power : running_power(s));
}

/* The power that a task is expected to draw which has no row in this window. */
static __noinline __u32 predict_next(struct energy_cpu *c, struct task_struct *next)
{
	struct task_struct *process;
	struct energy_cold row = {};
	struct energy_power *known;

	if (!next->tgid)
		return idle_power(c);
	process = process_of(next);
	row.start_ns = started_at(process);
	copy_comm(row.comm, process);
	known = lookup_power(c, next->tgid + 1, &row);
	return known ? expected_power(c, known->power) : first_power;
}

/* Lets the sibling see the task that runs from now on. */
static __always_inline void publish(struct energy_cpu *c, struct task_struct *next, __u64 clock)
{
	__u64 busy_ns = busy_ns_at(c->busy_clock, clock);
	struct energy_hot *hot = hot_at(buffer_of(c), energy_first_row(next->tgid, task_label(next)));
	bool known = hot->owner == next->tgid + 1 && hot->window == c->window;

	/* The very last switch of a CPU that goes offline is not seen: it is idle to its sibling from now on.
	 */
	if (c->leaving) {
		c->running_tgid = 0;
		c->running_power = idle_power(c);
		c->busy_clock = busy_ns;
		return;
	}
	c->running_tgid = next->tgid;
	c->running_power = known ? hot->power : predict_next(c, next);
	c->busy_clock = next->pid ? BUSY | (clock - busy_ns) : busy_ns;
}

#endif
