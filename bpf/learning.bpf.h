/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Windows that are closed, until they are learned from.
 *
 * A window that has got its price is noted with the rows that were in it, one behind the other in memory.
 * Some windows later all that are noted are settled and learned from at once: where switches are rare nothing
 * that this takes is in a cache, neither code nor powers nor cold rows, and so it is fetched once for all of
 * them. Until then rows enter windows with powers that are a little old, which the filter takes into account:
 * it compares what was counted with what the powers of now would have predicted.
 */
#ifndef LEARNING_BPF_H
#define LEARNING_BPF_H

#include "arithmetic.bpf.h"
#include "energy.h"
#include "gate.bpf.h"
#include "kernel.bpf.h"
#include "maps.bpf.h"
#include "power_model.bpf.h"

static __always_inline struct energy_noted *noted_at(struct energy_cpu *c, __u32 i)
{
	return &c->noted[i & (ENERGY_NOTED - 1)];
}

static __always_inline struct energy_closed *closed_at(struct energy_cpu *c, __u32 i)
{
	return &c->closed[i & (ENERGY_CLOSED - 1)];
}

/* Run time of a noted row as it counts for energy. */
static __always_inline __u64 weighed_ns(struct energy_noted *noted)
{
	return (noted->pending << ENERGY_POWER_FRACTION) / (noted->power ? noted->power : 1);
}

/* Settles one row of a window that has its price, and learns from it. It is a global function so that the
 * verifier checks it once. */
__noinline int learn_row(struct energy_cpu *c, __u32 i, __u32 window, __s64 surplus, __u64 spread)
{
	struct energy_closed *closed;
	struct energy_noted *noted;
	struct energy_power *known;
	struct energy_mean *mean;
	struct energy_cold *cold;
	struct energy_hot *hot;
	__u64 energy, ns;
	__u32 class, share;

	if (!c)
		return 0;
	closed = closed_at(c, window);
	noted = noted_at(c, i);
	hot = hot_at(buffer_of(c), noted->row);
	cold = cold_at(buffer_of(c), noted->row);
	share = noted->share;
	cold->energy += noted->pending * closed->price;
	cold->time_ns += noted->pending_ns;
	energy = noted->pending * closed->price >> 16;
	cold->certain += energy * share;
	ns = weighed_ns(noted);
	if (noted->owner == 1) {
		add_to_mean(&c->idle, energy, ns, IDLE_FADE_NS);
		return 0;
	}
	known = lookup_power(c, noted->owner, cold);
	if (!known)
		return 0;
	if (surplus && share)
		correct_power(known, share, surplus, spread);
	cold->variance = known->variance;
	/* A row in the open window keeps the power by which its units there were predicted. */
	if (!hot->pending)
		hot->power = expected_power(c, known->power);
	/* The means take the row's share of what was counted between two updates, of which this window may be
	 * but the end: a swap of buffers ends windows at any time. */
	energy = closed->counted * share >> 16;
	class = known->comm_class;
	mean = bpf_map_lookup_elem(&comm_classes, &class);
	if (mean)
		add_to_mean(mean, energy, ns, FADE_NS);
	add_to_mean(&c->all, energy, ns, FADE_NS);
	return 0;
}

/* Notes one row's share of a window by learned powers, and what the variance of its power adds to the
 * window's.
 */
__noinline int note_share(struct energy_cpu *c, __u32 i, __u64 predicted)
{
	struct energy_noted *noted;
	struct energy_power *known;
	__u64 share, learned, ns;
	__u32 variance = VARIANCE_IDLE;

	if (!c)
		return 0;
	noted = noted_at(c, i);
	learned = noted->pending;
	if (noted->owner != 1) {
		ns = weighed_ns(noted);
		known = power_slot(noted->owner);
		variance = cold_at(buffer_of(c), noted->row)->variance;
		if (known && known->owner == noted->owner) {
			learned = predict(ns, known->power);
			variance = known->variance;
		}
		c->busy_ns += ns;
		if (ns > c->most_busy_ns)
			c->most_busy_ns = ns;
		c->busy_used += noted->pending;
		c->busy_learned += learned;
	}
	share = predicted ? (learned << 16) / predicted : ONE;
	if (share > ONE)
		share = ONE;
	noted->share = share;
	c->share_sum += share;
	c->share_variance += variance * (share * share >> 16) >> 16;
	return 0;
}

/* Learns from one closed window, whose first noted row is `first`. */
__noinline int learn_window(struct energy_cpu *c, __u32 window, __u32 first)
{
	__u64 spread, rest, square, unexplained, size;
	struct energy_closed *closed;
	__s64 surplus;
	__u32 i;

	if (!c)
		return 0;
	closed = closed_at(c, window);
	/* The sums of the loop are in the map: the verifier of Linux 6.1 follows every value of a growing
	 * scalar. */
	c->share_sum = c->share_variance = 0;
	c->busy_ns = c->most_busy_ns = c->busy_used = c->busy_learned = 0;
	for (i = 0; i < ENERGY_LEARNED; i++) {
		if (i >= closed->rows)
			break;
		note_share(c, first + i, closed->predicted);
	}
	surplus = surplus_of(closed->counted, predicted_with(c, closed->predicted, c->busy_learned));
	rest = c->share_sum < ONE ? ONE - c->share_sum : 0;
	spread = c->share_variance + (VARIANCE_REST * (rest * rest >> 16) >> 16);
	square = (__u64)(surplus * surplus) >> 16;
	/* Surprises that the variances of powers do not explain are noise, which differs from machine to
	 * machine. */
	unexplained = square > spread ? square - spread : 0;
	spread += c->noise > VARIANCE_LEAST_NOISE ? c->noise : VARIANCE_LEAST_NOISE;
	c->noise += ((__s64)unexplained - (__s64)c->noise) >> 8;
	/* Where it is not certain that a window ends where we think, a great surprise says that it does not.
	 * A surprise greater than that can explain says something nevertheless. */
	size = surplus < 0 ? -surplus : surplus;
	if (square > 2 * spread)
		c->surprised = 1;
	if (square > 2 * spread && size < 2 * (__u64)closed->error)
		surplus = 0;
	if (surplus)
		review_gate(c, closed->counted, closed->predicted);
	for (i = 0; i < ENERGY_LEARNED; i++) {
		if (i >= closed->rows)
			break;
		learn_row(c, first + i, window, surplus, spread);
	}
	return 0;
}

/* Settles and learns from all windows that are noted. Where powers surprise they are needed soon: the next
 * window is learned from at once, then two together, then three. */
__noinline int learn_closed(struct energy_cpu *c)
{
	__u32 i;

	if (!c || !reads_counters)
		return 0;
	c->noted_rows = c->surprised = 0;
	for (i = 0; i < ENERGY_CLOSED; i++) {
		if (i >= c->closed_windows)
			break;
		learn_window(c, i, c->noted_rows);
		c->noted_rows += closed_at(c, i)->rows;
	}
	c->closed_windows = c->noted_rows = 0;
	if (c->surprised)
		c->together = 1;
	else if (c->together < ENERGY_CLOSED)
		c->together++;
	return 0;
}

/* Notes a row of the window that is being closed, the i-th that has entered it, whose energy is the note's
 * from now on. It is a global function so that the verifier checks it once, and not for each row. */
__noinline int note_row(struct energy_cpu *c, __u32 i)
{
	struct energy_noted *noted;
	struct energy_hot *hot;
	__u32 row;

	if (!c)
		return 0;
	row = c->window_rows[i & (ENERGY_LEARNED - 1)];
	hot = hot_at(buffer_of(c), row);
	noted = noted_at(c, c->noted_rows);
	if (!hot->pending || hot->window != c->window)
		return 0;
	noted->owner = hot->owner;
	noted->row = row;
	noted->power = hot->power;
	noted->pending_ns = hot->pending_ns;
	noted->pending = hot->pending;
	hot->pending = hot->pending_ns = 0;
	c->noted_rows++;
	return 0;
}

/* Notes the window that is being closed. `counted` and `predicted` are those of the whole core, in units.
 * Returns whether it is time to learn. */
__noinline int note_window(struct energy_cpu *c, __u64 counted, __u64 predicted)
{
	struct energy_closed *closed;
	__u32 i, before;

	if (!c || !reads_counters)
		return 0;
	if (!c->closed_windows)
		c->closed_from = c->window;
	closed = closed_at(c, c->closed_windows);
	before = c->noted_rows;
	for (i = 0; i < ENERGY_LEARNED; i++) {
		if (i >= c->touched)
			break;
		note_row(c, i);
	}
	closed->counted = counted;
	closed->predicted = predicted;
	closed->price = *price_of(buffer_of(c), c->window);
	closed->error = c->unpriced_error;
	closed->rows = c->noted_rows - before;
	c->closed_windows++;
	return c->closed_windows >= c->together || c->noted_rows > ENERGY_NOTED - ENERGY_LEARNED;
}

#endif
