/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The gate of a counter: whether the powers that were learned of tasks say more than one power for all would
 * (docs/adr/0017).
 *
 * Learned powers foretell by how much each mixture of tasks draws more or less than equal powers predict. If
 * they are right, that is found: the regression of what is found on what they said has the slope 1, whatever
 * noise is in both. If they are noise it is 0. The gate shuts where the slope is less than a half by more
 * than chance. What is learned goes on to be learned behind it, so that it opens when that has become worth
 * it.
 *
 * Both threads of a core write its gate, without a lock: of two windows that end at once one may be left out
 * of a sum, which is less than the noise that the gate is there to bear.
 */
#ifndef GATE_BPF_H
#define GATE_BPF_H

#include "arithmetic.bpf.h"
#include "energy.h"
#include "kernel.bpf.h"
#include "maps.bpf.h"

#define POWER_MIN (ENERGY_WATT / 20)
#define POWER_MAX (1 << 24)
#define UNITS_MIN (1ULL << 20) /* 0.24 mJ: a window of less is too coarse to learn from */

#define LEVEL_SHIFT 4  /* the level of all powers is that of the last 2^4 windows: frequencies change it */
#define FIRST_SHIFT 6  /* the gate is judged from 2^6 mixed windows on */
#define GATE_SHIFT  10 /* and by the last 2^10 of them */
#define MIXED_SHIFT 4  /* a window is mixed if a task has less than 1 - 2^-4 of it */
#define CHANCE	    4  /* square of the standard deviations by which the slope must be less */

static __always_inline __u32 clamp_power(__u64 power)
{
	return power < POWER_MIN ? POWER_MIN : power > POWER_MAX ? POWER_MAX : power;
}

/* How much more was counted than predicted, as a part of what was predicted, 2^-16: from -0.7 to 2. It is 0
 * where nothing can be learned. */
static __always_inline __s64 surplus_of(__u64 counted, __u64 predicted)
{
	__u64 ratio;

	if (counted < UNITS_MIN || !predicted)
		return 0;
	ratio = (counted << 16) / predicted;
	if (ratio > 3 * ONE)
		ratio = 3 * ONE;
	if (ratio < ONE * 3 / 10)
		ratio = ONE * 3 / 10;
	return (__s64)ratio - ONE;
}

/* Units predicted for a core if the busy rows of a CPU draw `busy`, and all else, idle time and the sibling's
 * rows, what it was expected to. */
static __always_inline __u64 predicted_with(struct energy_cpu *c, __u64 predicted, __u64 busy)
{
	return (predicted > c->busy_used ? predicted - c->busy_used : 0) + busy;
}

static __always_inline __u32 clamp_scale(__u64 scale)
{
	return scale < ONE / 4 ? ONE / 4 : scale > ONE * 4 ? ONE * 4 : scale;
}

/* How many mixed windows means are taken over: about as many as there were. A power of two. */
static __always_inline __u32 memory_shift(struct energy_gate *gate)
{
	__u32 shift;

	for (shift = FIRST_SHIFT; shift < GATE_SHIFT; shift++)
		if (!(gate->windows >> (shift + 1)))
			break;
	return shift;
}

static __always_inline __s64 add_to_late(__s64 mean, __s64 value, __u32 shift)
{
	return mean + ((value - mean) >> shift);
}

/* Whether powers differ by no more than chance. The product of what is said and found strays by (said_square
 * x found_square / windows)^1/2. */
static __always_inline bool is_shut(struct energy_gate *gate)
{
	__s64 less = ((gate->said_square >> 1) - gate->said_and_found) >> 8;
	__u64 squares = (__u64)(gate->said_square >> 8) * (__u64)(gate->found_square >> 8);

	return gate->windows >> FIRST_SHIFT && less > 0 &&
	       (__u64)(less * less) > CHANCE * squares >> memory_shift(gate);
}

/* Judges learned powers by one window, of which learn_window() has noted the sums. It is a global function so
 * that the verifier checks it once. */
__noinline int review_gate(struct energy_cpu *c, __u64 counted, __u64 predicted)
{
	struct energy_zone *z;
	struct energy_gate *gate;
	__u64 equal, learned;
	__s64 said, found;

	if (!c)
		return 0;
	z = zone_of(c);
	if (!z || !c->busy_ns)
		return 0;
	gate = &z->gate;
	if (!gate->equal_power || !gate->scale) {
		gate->equal_power = clamp_power((c->busy_learned << ENERGY_POWER_FRACTION) / c->busy_ns);
		gate->scale = ONE;
	}
	equal = predicted_with(c, predicted, predict(c->busy_ns, gate->equal_power));
	learned = predicted_with(c, predicted, c->busy_learned) * gate->scale >> 16;
	said = surplus_of(learned, equal);
	found = surplus_of(counted, equal);
	gate->equal_power =
		clamp_power(gate->equal_power + (gate->equal_power * found >> (16 + LEVEL_SHIFT)));
	gate->scale =
		clamp_scale(gate->scale + (gate->scale * surplus_of(counted, learned) >> (16 + LEVEL_SHIFT)));
	if (c->most_busy_ns < c->busy_ns - (c->busy_ns >> MIXED_SHIFT)) {
		__u32 shift = memory_shift(gate);

		gate->windows++;
		gate->said_square = add_to_late(gate->said_square, said * said, shift);
		gate->found_square = add_to_late(gate->found_square, found * found, shift);
		gate->said_and_found = add_to_late(gate->said_and_found, said * found, shift);
	}
	c->equal_power = is_shut(gate) ? gate->equal_power : 0;
	return 0;
}

#endif
