/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Charging a slice: from run time to a row. This is what a context switch costs. */
#ifndef CHARGE_BPF_H
#define CHARGE_BPF_H

#include "arithmetic.bpf.h"
#include "clock.bpf.h"
#include "energy.h"
#include "kernel.bpf.h"
#include "maps.bpf.h"
#include "settings.bpf.h"
#include "smt.bpf.h"
#include "table.bpf.h"
#include "window.bpf.h"

/* Adds a slice to a row that has entered the window. */
static __always_inline void accumulate(struct energy_cpu *c, __u32 row, __u64 ns, __u64 predicted)
{
	struct energy_hot *hot = hot_at(buffer_of(c), row);

	hot->pending_ns += ns;
	hot->pending += predicted;
	c->predicted += predicted;
	c->slice_row = row;
	c->slice_ns = ns;
	c->slice_predicted = predicted;
}

/* Charges whatever is rare: a row's first slice at all, or since its tag has changed, a full set, clocks that
 * went back, slices of seconds. */
static __noinline int charge_slowly(struct task_struct *prev, struct energy_cpu *c, __u64 ns, __u64 weight,
				    __u32 tag)
{
	struct energy_buffer *b = buffer_of(c);
	struct task_struct *process = process_of(prev);
	struct row_key key = key_of(prev, process, tag);
	struct energy_hot *hot;
	struct energy_cold *cold;
	__u32 row;
	bool found;

	c->slice_ns = c->slice_predicted = 0;
	row = find_row(c, &key);
	found = row & ROW_FOUND;
	hot = hot_at(b, row);
	cold = cold_at(b, row);
	if ((__s64)ns < 0) {
		undo_steal(c, found ? hot : 0, found ? cold : 0, -ns);
		return 0;
	}
	if (!found) {
		/* In a set whose rows have all entered the window, that must get its price first. */
		if (hot->owner && hot->window == c->window && hot->pending_ns)
			close_window(c, c->wall_ns, true);
		replace_row(c, row, &key);
	}
	hot->tag = tag;
	copy_comm(cold->comm, process);
	if (hot->window != c->window)
		enter_window(c, row);
	accumulate(c, row, ns, predict(weight, hot->power));
	return 0;
}

/* Charges a row's first slice in a window, or that of a row that is not the first of its set. Where switches
 * are rare most are such, and what is touched here is in no cache. */
static __noinline int charge_first(struct task_struct *prev, struct energy_cpu *c, __u64 ns, __u64 weight,
				   __u32 tag)
{
	struct energy_buffer *b = buffer_of(c);
	__u32 tgid = prev->tgid, row;
	struct energy_hot *hot;

	if (ns >= MAX_SLICE_NS ||
	    !find_tagged(b, energy_first_row(tgid, task_label(prev)), tgid + 1, tag, &row))
		return charge_slowly(prev, c, ns, weight, tag);
	hot = hot_at(b, row);
	if (hot->window != c->window) {
		if (hot->pending | hot->pending_ns)
			settle(b, row);
		reenter_window(c, b, row);
	}
	accumulate(c, row, ns, predict(weight, hot->power));
	return 0;
}

/* Charges the time since the last switch on this CPU to `prev`, which ran. */
static __always_inline void charge(struct task_struct *prev, struct energy_cpu *c, struct clocks now)
{
	__u64 ns = now.run_ns - c->run_ns, weight = ns;
	__u32 tgid = prev->tgid, row = energy_first_row(tgid, task_label(prev));
	__u32 tag = row_tag(prev, now.wall_ns);
	struct energy_hot *hot = hot_at(buffer_of(c), row);

	c->run_ns = now.run_ns;
	c->wall_ns = now.wall_ns;
	if (shared_zones)
		weight = weigh_slice(c, !tgid, ns, now.wall_ns);
	/* Of so short a slice this is what predict() gives, without its branch. */
	if (hot->owner == tgid + 1 && hot->tag == tag && hot->window == c->window && ns < MAX_SLICE_NS)
		accumulate(c, row, ns, weight * hot->power >> ENERGY_POWER_FRACTION);
	else
		charge_first(prev, c, ns, weight, tag);
}

#endif
