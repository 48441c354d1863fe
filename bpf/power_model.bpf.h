/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The power that each process is expected to draw while it runs, learned from what the counter says of the
 * mixtures it ran in (docs/adr/0009).
 *
 * A power is a guess that only decides shares: the energy itself is the counter's. Each window corrects the
 * powers of the rows in it by the surplus of counted over predicted energy. A power is corrected the more the
 * larger its row's share of the window is and the less is known of it: a Kalman filter with a diagonal
 * covariance.
 */
#ifndef POWER_MODEL_BPF_H
#define POWER_MODEL_BPF_H

#include "arithmetic.bpf.h"
#include "energy.h"
#include "gate.bpf.h"
#include "kernel.bpf.h"
#include "maps.bpf.h"
#include "settings.bpf.h"

/* Variances are relative, 2^-16, as is ENERGY_VARIANCE_NEW of a process of which nothing is known. */
#define VARIANCE_COMM	     2621  /* of a process whose executable is known: +-20 % */
#define VARIANCE_MIN	     80	   /* of what is known best: +-3.5 %, since powers change */
#define VARIANCE_STEP	     20	   /* added with each window: knowledge fades */
#define VARIANCE_IDLE	     32768 /* of idle: cores draw more at first, and for waking up */
#define VARIANCE_REST	     3277  /* of the sibling's rows, and of those that found no room in the list */
#define VARIANCE_LEAST_NOISE 200   /* of a window by itself: +-5.5 % */

#define PRIOR_NS     2000000	  /* run time for which the mean of all counts beside the mean by name */
#define KNOWN_NS     20000000	  /* run time after which a name is known */
#define FADE_NS	     (1ULL << 31) /* run time that a mean remembers at most */
#define IDLE_FADE_NS (1ULL << 27) /* the same for idle: C-states change with the load */

static __always_inline void add_to_mean(struct energy_mean *mean, __u64 energy, __u64 ns, __u64 fade_ns)
{
	__u64 times;

	mean->energy += energy;
	mean->time_ns += ns;
	if (mean->time_ns <= fade_ns)
		return;
	times = mean->time_ns / fade_ns + 1;
	mean->energy /= times;
	mean->time_ns /= times;
}

/* Never 0: what is predicted to draw nothing is charged nothing, and nothing is learned of it again. */
static __always_inline __u64 mean_power(struct energy_mean *mean)
{
	__u64 power = mean->time_ns ? (mean->energy << ENERGY_POWER_FRACTION) / mean->time_ns : first_power;

	return !power ? 1 : power > POWER_MAX ? POWER_MAX : power;
}

static __always_inline __u64 idle_power(struct energy_cpu *c)
{
	return mean_power(idle_pays ? &c->all : &c->idle);
}

/* Processes that were started together are neighbors: whoever runs next may find what it needs in the cache.
 */
static __always_inline struct energy_power *power_slot(__u32 owner)
{
	__u32 slot = owner & ((1 << ENERGY_POWER_BITS) - 1);

	return bpf_map_lookup_elem(&powers, &slot);
}

/* The power that is expected of a process, of what has been learned of it. */
static __always_inline __u32 expected_power(struct energy_cpu *c, __u32 learned)
{
	return c->equal_power ? c->equal_power : learned;
}

/* The power of the process that runs on a CPU, as another CPU sees it. */
static __always_inline __u32 running_power(struct energy_cpu *c)
{
	__u32 owner = c->running_tgid + 1;
	struct energy_power *known = power_slot(owner);

	return known && known->owner == owner ? expected_power(c, known->power) : c->running_power;
}

static __always_inline __u16 comm_class_of(const char *comm)
{
	__u64 low = ((const __u64 *)comm)[0], high = ((const __u64 *)comm)[1];
	__u64 mixed = (low ^ (high * 3)) * 0x9E3779B97F4A7C15; /* 2^64 / golden ratio */

	return mixed >> (64 - ENERGY_COMM_BITS);
}

/* What is known of the power of a row's process. A process or name that is not known yet begins with the mean
 * of its name, as far as there is one. */
static __always_inline struct energy_power *lookup_power(struct energy_cpu *c, __u32 owner,
							 struct energy_cold *row)
{
	struct energy_power *known;
	struct energy_mean *mean;
	__u16 comm_class = comm_class_of(row->comm);
	__u32 index = comm_class;

	known = power_slot(owner);
	mean = bpf_map_lookup_elem(&comm_classes, &index);
	if (!known || !mean) /* the verifier does not know that these cannot fail */
		return 0;
	if (known->owner == owner && known->start == (__u32)row->start_ns && known->comm_class == comm_class)
		return known;
	__sync_lock_test_and_set(&known->owner, owner); /* before the rest, as native sees it */
	known->start = row->start_ns;
	known->comm_class = comm_class;
	known->variance = mean->time_ns > KNOWN_NS ? VARIANCE_COMM : ENERGY_VARIANCE_NEW;
	known->power =
		clamp_power(((mean->energy << ENERGY_POWER_FRACTION) + mean_power(&c->all) * PRIOR_NS) /
			    (mean->time_ns + PRIOR_NS));
	return known;
}

/* Corrects the power of a row that had this share of a window. `spread` is the variance of the whole window.
 */
static __always_inline void correct_power(struct energy_power *known, __u32 share, __s64 surplus,
					  __u64 spread)
{
	__u64 gain = (__u64)known->variance * share / spread, power = known->power, shrink, variance;
	__u64 by = surplus < 0 ? -surplus : surplus;

	/* Downwards a power is divided by what it is multiplied with upwards: else noise alone would drive
	 * powers down. */
	by = ONE + (gain * by >> 16);
	power = surplus < 0 ? (power << 16) / by : power * by >> 16;
	known->power = clamp_power(power);
	shrink = (gain * share >> 16) * share >> 16;
	if (shrink > ONE)
		shrink = ONE;
	variance = known->variance - (known->variance * shrink >> 16);
	if (variance < VARIANCE_MIN)
		variance = VARIANCE_MIN;
	variance += VARIANCE_STEP * share >> 16;
	known->variance = variance < ONE ? variance : ONE - 1;
}

/* Learns from one row of a window that has its price. It is a global function so that the verifier checks it
 * once. */
__noinline int learn_row(struct energy_cpu *c, __u32 i, __u64 counted, __s64 surplus, __u64 spread)
{
	struct energy_power *known;
	struct energy_mean *mean;
	struct energy_cold *cold;
	struct energy_hot *hot;
	struct energy_buffer *b;
	__u64 energy, ns;
	__u32 class, share;

	if (!c)
		return 0;
	i &= ENERGY_LEARNED - 1;
	b = buffer_of(c);
	hot = hot_at(b, c->window_rows[i]);
	cold = cold_at(b, c->window_rows[i]);
	share = c->share[i];
	if (!hot->pending)
		return 0;
	energy = hot->pending * *price_of(b, hot->window) >> 16;
	cold->certain += energy * share;
	ns = (hot->pending << ENERGY_POWER_FRACTION) / (hot->power ? hot->power : 1);
	if (hot->owner == 1) {
		add_to_mean(&c->idle, energy, ns, IDLE_FADE_NS);
		return 0;
	}
	known = lookup_power(c, hot->owner, cold);
	if (!known)
		return 0;
	if (surplus && share)
		correct_power(known, share, surplus, spread);
	cold->variance = known->variance;
	hot->power = expected_power(c, known->power);
	/* The means take the row's share of what was counted between two updates, of which this window may be
	 * but the end: swap_buffers ends windows at any time. */
	energy = counted * share >> 16;
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
	struct energy_power *known;
	struct energy_buffer *b;
	struct energy_hot *hot;
	__u64 share, learned, ns;

	if (!c)
		return 0;
	i &= ENERGY_LEARNED - 1;
	b = buffer_of(c);
	hot = hot_at(b, c->window_rows[i]);
	learned = hot->pending;
	if (hot->owner != 1) {
		ns = (hot->pending << ENERGY_POWER_FRACTION) / (hot->power ? hot->power : 1);
		known = power_slot(hot->owner);
		if (known && known->owner == hot->owner)
			learned = predict(ns, known->power);
		c->busy_ns += ns;
		if (ns > c->most_busy_ns)
			c->most_busy_ns = ns;
		c->busy_used += hot->pending;
		c->busy_learned += learned;
	}
	share = predicted ? (learned << 16) / predicted : ONE;
	if (share > ONE)
		share = ONE;
	c->share[i] = share;
	c->share_sum += share;
	c->share_variance += cold_at(b, c->window_rows[i])->variance * (share * share >> 16) >> 16;
	return 0;
}

/*
 * Learns from a window that has got its price. `counted` and `predicted` are those of the whole core, in
 * units.
 */
__noinline int learn_window(struct energy_cpu *c, __u64 counted, __u64 predicted)
{
	__u64 spread, rest, square, unexplained, size;
	__s64 surplus;
	__u32 i;

	if (!c)
		return 0;
	/* The sums of the loop are in the map: the verifier of Linux 6.1 follows every value of a growing
	 * scalar. */
	c->share_sum = c->share_variance = 0;
	c->busy_ns = c->most_busy_ns = c->busy_used = c->busy_learned = 0;
	for (i = 0; i < ENERGY_LEARNED; i++) {
		if (i >= c->touched)
			break;
		note_share(c, i, predicted);
	}
	surplus = surplus_of(counted, predicted_with(c, predicted, c->busy_learned));
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
	if (square > 2 * spread && size < 2 * (__u64)c->unpriced_error)
		surplus = 0;
	if (surplus)
		review_gate(c, counted, predicted);
	for (i = 0; i < ENERGY_LEARNED; i++) {
		if (i >= c->touched)
			break;
		learn_row(c, i, counted, surplus, spread);
	}
	return 0;
}

#endif
