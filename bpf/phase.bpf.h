/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The phase of a counter: when it moves, as far as reads tell, and so when to read it (docs/adr/0010). All
 * times are the run queue's clock, ns.
 */
#ifndef PHASE_BPF_H
#define PHASE_BPF_H

#include "arithmetic.bpf.h"
#include "energy.h"
#include "kernel.bpf.h"
#include "settings.bpf.h"

#define WINDOW_NS    1000000 /* pause between two reads of a counter that moves all the time */
#define RETRY_NS     50000   /* pause before reading a counter again that was due and had not moved */
#define POLL_NS	     5000    /* pause between two reads of a counter whose phase is lost */
#define CERTAIN_FROM 8	     /* periods without a change after which any read is better than none */
#define DRIFT	     11	     /* the phase gets wrong by 2^-11 of the time that goes by */
#define DRIFT_EXACT  12	     /* the same once the period has been refined */
#define PERIODS_MIN  16	     /* fewer tell nothing of their length, beside jitter */
#define PERIODS_MAX  512     /* of more it is not certain how many they are */

/* Time between two updates, ns; 0: the counter moves all the time. */
static __always_inline __u64 period_of(struct energy_zone *z)
{
	return period_ns && z->period_ns ? z->period_ns : period_ns;
}

/* Whether it is so uncertain when the counter moves that windows would end anywhere. */
static __always_inline bool is_phase_lost(struct energy_zone *z)
{
	return period_ns && (!z->phase_error_ns || z->phase_error_ns > period_ns >> 3);
}

/* How much of a slice of `ns` that ends at `clock` lies behind the counter's last change. */
static __always_inline __u64 after_change(struct energy_zone *z, __u64 clock, __u64 ns)
{
	return within(clock - z->changed_ns, ns);
}

/* The last of the predicted updates before `clock`. */
static __always_inline __u64 last_update(struct energy_zone *z, __u64 clock)
{
	__u64 period = period_of(z);

	return z->changed_ns + (clock - z->changed_ns) / period * period;
}

/* Whether a new value, read at `clock`, could come from this update or, as nobody has read since, from the
 * one before. */
static __always_inline bool is_ambiguous(struct energy_zone *z, __u64 clock)
{
	__u64 period = period_of(z), jitter = jitter_ns, near;
	__s64 off;

	if (!period)
		return false;
	near = last_update(z, clock + period / 2);
	off = clock - near;
	return near != z->changed_ns && off > -(__s64)jitter && off < (__s64)jitter &&
	       (__s64)(z->read_ns - (near - period + jitter)) < 0;
}

/* 0: the counter is to be read now. Else the time at which to ask again. Each read is a call into a driver.
 */
static __always_inline __u64 wait_until(struct energy_zone *z, __u64 clock)
{
	__u64 period = period_of(z), jitter = jitter_ns, due, pause;

	if (!period)
		return clock - z->read_ns >= WINDOW_NS ? 0 : z->read_ns + WINDOW_NS;
	/* Two reads at short distance, as at a tick and the switch it leads to, may catch it moving. */
	if (is_phase_lost(z) && clock - z->changed_ns < CERTAIN_FROM * period)
		return clock - z->read_ns >= POLL_NS ? 0 : z->read_ns + POLL_NS;
	due = z->changed_ns + period - 2 * jitter - (z->phase_error_ns >> 1);
	if ((__s64)(clock - due) < 0)
		return due;
	/* A counter that stands still for long, as that of a core which sleeps, is not read so often. */
	pause = clock - z->changed_ns < CERTAIN_FROM * period ? RETRY_NS : WINDOW_NS;
	if (clock - z->read_ns < pause)
		return z->read_ns + pause;
	if (clock - z->changed_ns < CERTAIN_FROM * period && is_ambiguous(z, clock))
		return last_update(z, clock + period / 2) + jitter; /* a little later one can tell */
	return 0;
}

/* The counter was caught moving at `at`, within `width`: a number of periods after it was caught the last
 * time, which says how long they are. What calibration found is good to 2^-11; over hundreds of periods that
 * would add up to a whole one. */
static __always_inline void refine_period(struct energy_zone *z, __u64 at, __u64 width)
{
	__u64 period = period_of(z), since = at - z->caught_ns, periods = (since + period / 2) / period;
	__u64 both = width + z->caught_within_ns;
	__s64 off, most = period >> 9;

	if (periods < PERIODS_MIN)
		return;
	z->caught_ns = at;
	z->caught_within_ns = width;
	/* Too coarse, or too long ago. */
	if (both > since >> DRIFT || periods > PERIODS_MAX)
		return;
	off = (__s64)(since / periods) - (__s64)period;
	if (off < most && off > -most)
		z->period_ns = period + (off >> 2);
}

/* By how much the phase may be wrong by now: by no more than the time in which nobody had read. */
static __always_inline __u64 phase_error_at(struct energy_zone *z, __u64 clock, __u64 unseen)
{
	__u64 period = period_of(z), error = z->phase_error_ns ? z->phase_error_ns : period;

	error += (clock - z->changed_ns) >> (z->period_ns ? DRIFT_EXACT : DRIFT);
	error = error < unseen ? error : unseen;
	return !error ? 1 : error < period ? error : period;
}

/* A new value was read at `clock`. It is taken to have come at the predicted time, but not before it was
 * known not to have come. `ahead`: the counter advanced; false: it went back, which is no update and tells
 * nothing of the period. */
static __always_inline void note_change(struct energy_zone *z, __u64 clock, bool ahead)
{
	__u64 period = period_of(z), from = clock - period - period / 10, at = clock;
	__u64 unseen = clock - z->unmoved_ns;

	if (period && clock - z->changed_ns >= period) {
		__u64 due = last_update(z, clock);

		if ((__s64)(from - z->unmoved_ns) < 0)
			from = z->unmoved_ns;
		if ((__s64)(due - from) >= 0)
			at = due;
		else if (from - due <= due + period - clock)
			at = from;
	}
	if (period) {
		z->phase_error_ns = phase_error_at(z, clock, unseen);
		if (ahead && unseen < period >> 3)
			refine_period(z, clock - unseen / 2, unseen);
	}
	z->changed_ns = at;
	z->unmoved_ns = clock;
}

#endif
