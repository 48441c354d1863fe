/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The end of a window: unpriced energy becomes its price, what each predicted unit of it has really cost. */
#ifndef WINDOW_BPF_H
#define WINDOW_BPF_H

#include "arithmetic.bpf.h"
#include "counter.bpf.h"
#include "energy.h"
#include "kernel.bpf.h"
#include "learning.bpf.h"
#include "maps.bpf.h"
#include "phase.bpf.h"
#include "power_model.bpf.h"
#include "settings.bpf.h"
#include "table.bpf.h"

/* The part of the last slice that lies behind the counter's change, and so in the next window. */
struct rest {
	__u64 ns;
	__u64 predicted; /* units */
};

/* Energy counted for a CPU, and what was counted and predicted for its core in the same time, units. */
struct unpriced {
	__u64 units;
	__u64 counted;
	__u64 predicted;
};

/* `predicted`: units, for the window with the rest in it. */
static __always_inline struct rest find_rest(struct energy_cpu *c, struct energy_zone *z, __u64 clock,
					     __u64 predicted)
{
	struct rest rest = {};

	if (hot_at(buffer_of(c), c->slice_row)->window != c->window)
		return rest;
	rest.ns = after_change(z, clock, c->slice_ns);
	rest.predicted = part(c->slice_predicted, rest.ns, c->slice_ns);
	if (rest.predicted >=
	    predicted) /* the window holds nothing else: the slice may have begun before it */
		rest.ns = rest.predicted = 0;
	return rest;
}

static __always_inline struct unpriced take_unpriced(struct energy_cpu *c)
{
	struct unpriced taken;

	if (shared_zones) {
		taken.units = __sync_lock_test_and_set(&c->unpriced, 0);
		taken.counted = __sync_lock_test_and_set(&c->unpriced_counted, 0);
		taken.predicted = __sync_lock_test_and_set(&c->unpriced_predicted, 0);
	} else {
		taken = (struct unpriced){c->unpriced, c->unpriced_counted, c->unpriced_predicted};
		c->unpriced = c->unpriced_counted = c->unpriced_predicted = 0;
	}
	return taken;
}

/* Sets the price of the window that is open. What the division leaves over is carried to the next price. */
static __always_inline void set_price(struct energy_cpu *c, __u64 units, __u64 predicted)
{
	struct energy_buffer *b = buffer_of(c);
	__u64 energy = (units << ENERGY_FRACTION) + c->remainder, price = energy / predicted;

	c->remainder = energy - price * predicted;
	b->energy += price * predicted;
	*price_of(b, c->window) = price;
}

/* Whether native must poll the counter here. A CPU that sleeps now and then finds the phase by itself. */
static __always_inline bool needs_poll(struct energy_cpu *c, struct energy_zone *z)
{
	return is_phase_lost(z) && c->touched > 1 &&
	       hot_at(buffer_of(c), ENERGY_IDLE_ROW)->window != c->window;
}

/* Settles some rows that nobody has touched, so that all are before their window's price is overwritten. */
static __always_inline void sweep(struct energy_cpu *c)
{
	struct energy_buffer *b = buffer_of(c);
	__u32 i;

	for (i = 0; i < ENERGY_SWEEP; i++) {
		__u32 row = c->window * ENERGY_SWEEP + i;
		struct energy_hot *hot = hot_at(b, row);

		if (hot->pending_ns && hot->window != c->window)
			settle(b, row);
	}
}

/* Opens the next window, with the rest of the last slice in it. */
static __always_inline void open_window(struct energy_cpu *c, struct rest rest)
{
	struct energy_buffer *b = buffer_of(c);
	__u32 row = c->slice_row & (ENERGY_ROWS - 1);

	c->unpriced_error = 0;
	c->touched = 0;
	c->window++;
	c->predicted_before = c->predicted - rest.predicted;
	c->sibling_busy_before = c->sibling_busy_ns;
	if (rest.ns) {
		settle(b, row);
		reenter_window(c, b, row);
		hot_at(b, row)->pending = rest.predicted;
		hot_at(b, row)->pending_ns = rest.ns;
	}
	c->slice_ns = c->slice_predicted = 0;
	sweep(c);
}

/*
 * Reads the counter and, if energy has come, ends the window: sets its price, learns from it, and opens the
 * next one. `force`: ends it here and now, whatever has come, and leaves no window noted: the buffer or the
 * CPU may be gone next.
 */
__noinline int close_window(struct energy_cpu *c, __u64 clock, bool force)
{
	struct unpriced unpriced;
	struct rest rest = {};
	struct energy_zone *z;
	struct energy_hot *last;
	__u64 predicted;
	bool due = force; /* whether to learn */

	if (!c)
		return 0;
	read_counter_and_split(c, clock, force);
	if (!c->unpriced && !force)
		return 0;
	z = zone_of(c);
	predicted = c->predicted - c->predicted_before;
	if (z && !force)
		rest = find_rest(c, z, clock, predicted);
	predicted -= rest.predicted;
	if (!predicted) { /* nobody ran: the next window pays for what is unpriced */
		if (force)
			learn_closed(c);
		return 0;
	}
	unpriced = take_unpriced(c);
	set_price(c, unpriced.units, predicted);
	if (rest.ns) {
		last = hot_at(buffer_of(c), c->slice_row);
		last->pending -= rest.predicted;
		last->pending_ns -= rest.ns;
	}
	/* Of a surplus that the sibling has a part in each is to know what the other has learned: both would
	 * correct all of it. */
	if (c->sibling_busy_ns != c->sibling_busy_before)
		due = true;
	if (unpriced.units && note_window(c, unpriced.counted, unpriced.predicted))
		due = true;
	if (due)
		learn_closed(c);
	if (z && needs_poll(c, z))
		z->needs_poll = 1;
	open_window(c, rest);
	return 0;
}

#endif
