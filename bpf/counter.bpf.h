/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From a counter to each CPU's unpriced energy: reading the counter, and splitting its advance over threads.
 */
#ifndef COUNTER_BPF_H
#define COUNTER_BPF_H

#include "arithmetic.bpf.h"
#include "energy.h"
#include "kernel.bpf.h"
#include "log.bpf.h"
#include "maps.bpf.h"
#include "phase.bpf.h"
#include "settings.bpf.h"
#include "smt.bpf.h"

#define ENOENT	       2
#define JUMP_UNIT_BITS 47 /* an advance of more units, 32 kJ, is a jump whatever the hardware can draw */

/* What came of reading a counter. */
enum reading {
	READING_FAILED,	   /* the counter cannot be read */
	READING_ELSEWHERE, /* only the core's lead CPU can read it */
	READING_FIRST,	   /* counting begins here */
	READING_UNMOVED,   /* the counter has not moved */
	READING_TAKEN,	   /* another CPU is reading just now, and claims what the counter advanced */
	READING_BACKWARDS, /* the counter went back: counting begins anew */
	READING_AHEAD,	   /* the counter advanced, and this CPU has claimed the advance */
};

/* What a reading says: an advance of the counter that this CPU has claimed, or why there is none. */
struct advance {
	__u32 error; /* errno of READING_FAILED */
	__u64 units;
	__u64 comparable; /* units up to the run queue's clock, to which prediction reaches; of a counter with
			     a period all of them */
	__u64 since_ns;	  /* time since the counter changed last */
	bool certain;	  /* whether it is certain which update it comes from */
};

static __always_inline void add_unpriced(struct energy_cpu *c, __u64 units, __u64 counted, __u64 predicted)
{
	if (!shared_zones) {
		c->unpriced += units;
		c->unpriced_counted += counted;
		c->unpriced_predicted += predicted;
		return;
	}
	__sync_fetch_and_add(&c->unpriced_counted, counted);
	__sync_fetch_and_add(&c->unpriced_predicted, predicted);
	__sync_fetch_and_add(&c->unpriced, units);
}

/* How wrong a window is if it ends an update too early or too late, as a part of what was predicted for it,
 * 2^-16. That is little where the window is long, and all where the tasks have only just begun to run. */
static __always_inline __u32 misdated_part(struct energy_zone *z, struct energy_cpu *c, struct energy_cpu *s,
					   __u64 total)
{
	__u64 period = period_of(z), units = 0;

	if (c->slice_ns)
		units = predict(period, (c->slice_predicted << ENERGY_POWER_FRACTION) / c->slice_ns);
	if (s && s->state == ENERGY_CPU_OWNED)
		units += predict(period, s->running_power);
	return units < total * 16 ? (units << 16) / total : ONE * 16;
}

/*
 * Splits what the counter advanced over the threads of its core, by what was predicted for each since the
 * last split.
 */
__noinline int split(struct energy_zone *z, struct energy_cpu *c, __u64 units, __u64 comparable, __u64 clock)
{
	__u64 mine, theirs = 0, total, given = 0, after;
	struct energy_cpu *s = 0;
	__u32 sibling;

	if (!z || !c)
		return 0;
	after = part(c->slice_predicted, after_change(z, clock, c->slice_ns), c->slice_ns);
	mine = c->predicted - after;
	total = mine - z->paid_predicted[c->thread & 1];
	if ((__s64)total < 0)
		total = 0;
	z->paid_predicted[c->thread & 1] = mine;
	sibling = c->sibling;
	if (shared_zones)
		s = bpf_map_lookup_elem(&cpus, &sibling);
	if (s) {
		__u64 now = sibling_predicted(z, c, s, clock);
		__s64 since = now - z->paid_predicted[~c->thread & 1];

		z->paid_predicted[~c->thread & 1] = now;
		if (since > 0) {
			theirs = since;
			total += theirs;
			given = part(units, theirs, total);
			add_unpriced(s, given, comparable, total);
		}
	}
	if (units > given)
		add_unpriced(c, units - given, comparable, total);
	if (z->window_uncertain) {
		__u32 wrong = misdated_part(z, c, s, total);

		if (wrong > c->unpriced_error)
			c->unpriced_error = wrong;
		if (s && wrong > s->unpriced_error)
			s->unpriced_error = wrong;
	}
	return 0;
}

/* A counter that moves all the time has moved on since the run queue's clock was set, some us ago. */
static __always_inline __u64 comparable_units(struct energy_zone *z, __u64 units, __u64 since_ns)
{
	__u64 now, real_ns;

	if (period_ns)
		return units;
	now = monotonic_clock();
	real_ns = now - z->claimed_ns;
	if (z->claimed_ns && real_ns)
		units = part(units, since_ns, real_ns);
	z->claimed_ns = now;
	return units;
}

/* Reads the counter and claims what it advanced. Nobody else reads meanwhile. */
static __always_inline enum reading claim_alone(struct energy_cpu *c, struct energy_zone *z, __u64 clock,
						struct advance *advance)
{
	__u64 old = z->last_count, count;
	long err;

	advance->certain = !is_ambiguous(z, clock);
	err = read_counter(&count);
	if (err) {
		/* Kernels that let only the lead CPU read leave its sibling's slot empty. */
		if (err == -ENOENT && c->sibling >= 0)
			return READING_ELSEWHERE;
		advance->error = -err;
		return READING_FAILED;
	}
	buffer_of(c)->reads++;
	advance->since_ns = (__s64)(clock - z->changed_ns) > 0 ? clock - z->changed_ns : 0;
	z->read_ns = clock;
	if (z->valid && count == old)
		return READING_UNMOVED;
	z->last_count = count;
	if (!z->valid)
		return READING_FIRST;
	note_change(z, clock, (__s64)(count - old) > 0);
	if ((__s64)(count - old) < 0)
		return READING_BACKWARDS;
	advance->units = (count - old) << count_shift;
	advance->comparable = comparable_units(z, advance->units, advance->since_ns);
	log_update(c, z, advance->certain);
	return READING_AHEAD;
}

/*
 * The threads of a core share an event, and perf does not make two CPUs' reads of one event wait for each
 * other: perf_event_read_local() takes no lock, and drivers keep counts with local64_t, which is atomic on
 * one CPU alone (rapl_event_update()). Of two reads at once each may count the same advance. So one thread
 * reads, and the other leaves the advance to it.
 */
static __always_inline enum reading claim_advance(struct energy_cpu *c, struct energy_zone *z, __u64 clock,
						  struct advance *advance)
{
	enum reading reading;

	if (!shared_zones)
		return claim_alone(c, z, clock, advance);
	if (__sync_lock_test_and_set(&z->reading, 1))
		return READING_TAKEN;
	reading = claim_alone(c, z, clock, advance);
	__sync_lock_test_and_set(&z->reading, 0); /* after all of the above, as others see it */
	return reading;
}

/* Gives an advance to those who drew it, or to nobody if it cannot be known who did. */
static __always_inline void distribute(struct energy_cpu *c, struct energy_zone *z, __u64 clock,
				       const struct advance *advance)
{
	struct energy_buffer *b = buffer_of(c);
	__u64 units = advance->units;

	if (units >> JUMP_UNIT_BITS || (max_power && units / max_power > advance->since_ns + WINDOW_NS)) {
		b->jumps++;
		b->gap += units;
	} else if (z->failed) {
		z->failed = 0;
		b->gap += units;
	} else {
		/* Both ends of a window must be right for it to teach anything. */
		if (!advance->certain)
			z->window_uncertain = 1;
		split(z, c, units, advance->comparable, clock);
		z->window_uncertain = !advance->certain;
	}
}

/* Begins to count from what has just been read. */
static __always_inline void start_counting(struct energy_zone *z, __u64 clock)
{
	z->failed = 0;
	z->changed_ns = z->unmoved_ns = clock;
	z->claimed_ns = monotonic_clock();
	__sync_lock_test_and_set(&z->valid, 1); /* after all of the above, as the sibling sees it */
}

/*
 * Reads this CPU's counter, if it can have moved or by `force`, and distributes what it advanced. Sets when
 * to read it next.
 */
__noinline int read_counter_and_split(struct energy_cpu *c, __u64 clock, bool force)
{
	struct advance advance = {};
	struct energy_zone *z;
	__u64 until;

	/* On a CPU that goes offline the event has died or moved along. What it counted up to then tells
	 * native. */
	if (!c || c->leaving)
		return 0;
	z = zone_of(c);
	if (!z) { /* run time only */
		c->deadline_ns = clock + WINDOW_NS;
		return 0;
	}
	until = wait_until(z, clock);
	if (until && !force) {
		c->deadline_ns = until;
		return 0;
	}
	c->deadline_ns = clock + (is_phase_lost(z) ? POLL_NS : RETRY_NS);
	switch (claim_advance(c, z, clock, &advance)) {
	case READING_FAILED:
		c->deadline_ns = clock + WINDOW_NS;
		if (!z->failed)
			ring_alarm();
		z->failed = advance.error;
		break;
	case READING_ELSEWHERE:
		c->deadline_ns = clock + WINDOW_NS;
		break;
	case READING_FIRST:
		start_counting(z, clock);
		break;
	case READING_UNMOVED:
		z->unmoved_ns = clock;
		break;
	case READING_BACKWARDS:
		buffer_of(c)->backwards++;
		break;
	case READING_AHEAD:
		distribute(c, z, clock, &advance);
		break;
	case READING_TAKEN:
		break;
	}
	return 0;
}

#endif
