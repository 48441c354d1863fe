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

#endif
