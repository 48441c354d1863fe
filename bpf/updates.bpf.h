/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* When a counter moves, as far as reads tell, and so when to read it: docs/adr/0010. */
#ifndef UPDATES_BPF_H
#define UPDATES_BPF_H

#define EPOCH_NS     1000000 /* pause between two reads of a counter that moves all the time */
#define RETRY_NS     50000   /* ... of one that has not moved yet although it was due */
#define GLANCE_NS    5000    /* ... of one of which it is not known when it moves */
#define CERTAIN_FROM 8	     /* periods without a read after which any read is better than none */
#define DRIFT	     11	     /* that knowledge fades, by 2^-11 of the time that goes by, ... */
#define DRIFT_EXACT  12	     /* ... and by 2^-12 when it is known how long a period is */
#define PERIODS_MIN  16	     /* fewer tell nothing of their length, beside jitter */
#define PERIODS_MAX  512     /* more may be one more, or less */

/* Between two updates; 0: it moves all the time. */
static __always_inline __u64 period_of(struct energy_zone *z)
{
	return period_ns && z->period ? z->period : period_ns;
}

/* Whether it is too uncertain when the counter moves: windows would end anywhere. */
static __always_inline bool is_astray(struct energy_zone *z)
{
	return period_ns && (!z->doubt || z->doubt > period_ns >> 3);
}

/* The last of the predicted updates before `clock`. */
static __always_inline __u64 last_update(struct energy_zone *z, __u64 clock)
{
	__u64 period = period_of(z);

	return z->changed + (clock - z->changed) / period * period;
}

/* So near to an update that a new value could be this one's or, as nobody has looked since, the last one's.
 */
static __always_inline bool ambiguous(struct energy_zone *z, __u64 clock)
{
	__u64 period = period_of(z), jitter = jitter_ns, near;
	__s64 off;

	if (!period)
		return false;
	near = last_update(z, clock + period / 2);
	off = clock - near;
	return near != z->changed && off > -(__s64)jitter && off < (__s64)jitter &&
	       (__s64)(z->read - (near - period + jitter)) < 0;
}

/* 0 if it is time to read the counter, or when to think again. Each read is a call into a driver. */
static __always_inline __u64 wait_until(struct energy_zone *z, __u64 clock)
{
	__u64 period = period_of(z), jitter = jitter_ns, due, pause;

	if (!period)
		return clock - z->read >= EPOCH_NS ? 0 : z->read + EPOCH_NS;
	/* Two reads at short distance, as at a tick and the switch it leads to, may catch it moving. */
	if (is_astray(z) && clock - z->changed < CERTAIN_FROM * period)
		return clock - z->read >= GLANCE_NS ? 0 : z->read + GLANCE_NS;
	due = z->changed + period - 2 * jitter - (z->doubt >> 1);
	if ((__s64)(clock - due) < 0)
		return due;
	/* A counter that stands still for long, as that of a core which sleeps, is not read so often. */
	pause = clock - z->changed < CERTAIN_FROM * period ? RETRY_NS : EPOCH_NS;
	if (clock - z->read < pause)
		return z->read + pause;
	if (clock - z->changed < CERTAIN_FROM * period && ambiguous(z, clock))
		return last_update(z, clock + period / 2) + jitter; /* a little later one can tell */
	return 0;
}

/* The counter was caught moving, within `width`: some periods after it was caught the last time, which says
 * how long they are. What calibration found is good to 2^-11; over hundreds of periods that would add up to a
 * whole one. */
static __always_inline void refine_period(struct energy_zone *z, __u64 at, __u64 width)
{
	__u64 period = period_of(z), since = at - z->caught, periods = (since + period / 2) / period;
	__u64 both = width + z->caught_within;
	__s64 off, most = period >> 9;

	if (periods < PERIODS_MIN)
		return;
	z->caught = at;
	z->caught_within = width;
	/* Too coarse, or too long ago. */
	if (both > since >> DRIFT || periods > PERIODS_MAX)
		return;
	off = (__s64)(since / periods) - (__s64)period;
	if (off < most && off > -most)
		z->period = period + (off >> 2);
}

/* How uncertain that is by now: no more than the time in which nobody had looked. */
static __always_inline __u64 new_doubt(struct energy_zone *z, __u64 clock, __u64 unseen)
{
	__u64 period = period_of(z), doubt = z->doubt ? z->doubt : period;

	doubt += (clock - z->changed) >> (z->period ? DRIFT_EXACT : DRIFT);
	doubt = doubt < unseen ? doubt : unseen;
	return !doubt ? 1 : doubt < period ? doubt : period;
}

/* A new value was read: when did it come? The predicted time, but not before it was known not to have. */
static __always_inline void note_change(struct energy_zone *z, __u64 clock, bool ahead)
{
	__u64 period = period_of(z), from = clock - period - period / 10, at = clock;
	__u64 unseen = clock - z->unmoved;

	if (period && clock - z->changed >= period) {
		__u64 due = last_update(z, clock);

		if ((__s64)(from - z->unmoved) < 0)
			from = z->unmoved;
		if ((__s64)(due - from) >= 0)
			at = due;
		else if (from - due <= due + period - clock)
			at = from;
	}
	if (period) {
		z->doubt = new_doubt(z, clock, unseen);
		if (ahead && unseen < period >> 3)
			refine_period(z, clock - unseen / 2, unseen);
	}
	z->changed = at;
	z->unmoved = clock;
}

#endif
