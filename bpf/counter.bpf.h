/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From a counter to what each CPU is owed: reading it, and which thread drew what. */
#ifndef COUNTER_BPF_H
#define COUNTER_BPF_H

#define RUNS (1ULL << 63)
/* Of two threads that run at once each draws 11/16 of what it draws alone: what SMT costs in speed, and
 * the core's static power, shared. */
#define TOGETHER 5 /* sixteenths less */

/* A part of a whole below 2^47; `some` <= `of` < 2^47. */
static __always_inline __u64 part(__u64 whole, __u64 some, __u64 of)
{
	return of ? (whole * ((some << 16) / of)) >> 16 : 0;
}

/* How long a CPU has run tasks, by a clock that its sibling can read at any time in one word. */
static __always_inline __u64 busy_at(__u64 busy, __u64 clock)
{
	return busy & RUNS ? clock - (busy & ~RUNS) : busy;
}

/* How much of `ns` on one thread the other one worked too. */
static __always_inline __u64 together(__u64 now, __u64 before, __u64 ns)
{
	__s64 both = now - before;

	return both < 0 ? 0 : both < ns ? both : ns;
}

/* Run time as it counts for energy. An idle core is idle on both threads: each bears half. */
static __always_inline __u64 weigh(bool idle, __u64 ns, __u64 both)
{
	return idle ? (ns - both) >> 1 : ns - (both * TOGETHER >> 4);
}

/* How much of a stint of `ns` that ends at `clock` lies behind the counter's last change. */
static __always_inline __u64 after_change(struct energy_zone *z, __u64 clock, __u64 ns)
{
	__s64 after = clock - z->changed;

	return after < 0 ? 0 : after < ns ? after : ns;
}

static __always_inline void owe(struct energy_cpu *c, __u64 units, __u64 counted, __u64 predicted)
{
	if (!shared_zones) {
		c->owed += units;
		c->owed_counted += counted;
		c->owed_predicted += predicted;
		return;
	}
	__sync_fetch_and_add(&c->owed_counted, counted);
	__sync_fetch_and_add(&c->owed_predicted, predicted);
	__sync_fetch_and_add(&c->owed, units);
}

/* What the thread beside ours was predicted to draw, up to the counter's last change. All that it
 * publishes is cumulative: what is read too early or too late is made up for in the next window. */
static __always_inline __u64 sibling_predicted(struct energy_zone *z, struct energy_cpu *c,
					       struct energy_cpu *s, __u64 clock)
{
	__u64 ns = clock - s->clock, weight;
	bool idle = !s->running;

	if (s->standing != ENERGY_KEPT || (__s64)ns <= 0)
		return s->predicted;
	weight = weigh(idle, ns, together(busy_at(c->busy, clock), s->sibling_busy, ns));
	return s->predicted + predict(weight - part(weight, after_change(z, clock, ns), ns),
				      idle ? s->power : power_of(s, s->running));
}

/* What it makes of a window if it ends an update too early or too late, as a part of what was predicted for
 * it, 2^-16: nothing where it has run on for long, all where it has only just begun to run. */
static __always_inline __u32 misdating(struct energy_zone *z, struct energy_cpu *c, struct energy_cpu *s,
				       __u64 total)
{
	__u64 period = period_of(z), units = 0;

	if (c->stint_ns)
		units = predict(period, (c->stint_predicted << ENERGY_POWER_FRACTION) / c->stint_ns);
	if (s && s->standing == ENERGY_KEPT)
		units += predict(period, s->power);
	return units < total * 16 ? (units << 16) / total : ONE * 16;
}

/* Splits what the counter advanced over the threads of its core by what was predicted for them; `accounted`
 * is what of it is compared with that. */
__noinline int split(struct energy_zone *z, struct energy_cpu *c, __u64 units, __u64 accounted, __u64 clock)
{
	__u64 mine, theirs = 0, total, given = 0, after;
	struct energy_cpu *s = 0;
	__u32 sibling;

	if (!z || !c)
		return 0;
	after = part(c->stint_predicted, after_change(z, clock, c->stint_ns), c->stint_ns);
	mine = c->predicted - after;
	total = mine - z->seen[c->thread & 1];
	if ((__s64)total < 0)
		total = 0;
	z->seen[c->thread & 1] = mine;
	sibling = c->sibling;
	if (shared_zones)
		s = bpf_map_lookup_elem(&cpus, &sibling);
	if (s) {
		__u64 now = sibling_predicted(z, c, s, clock);
		__s64 since = now - z->seen[~c->thread & 1];

		z->seen[~c->thread & 1] = now;
		if (since > 0) {
			theirs = since;
			total += theirs;
			given = part(units, theirs, total);
			owe(s, given, accounted, total);
		}
	}
	if (units > given)
		owe(c, units - given, accounted, total);
	if (z->unsure) {
		__u32 wrong = misdating(z, c, s, total);

		if (wrong > c->owed_unsure)
			c->owed_unsure = wrong;
		if (s && wrong > s->owed_unsure)
			s->owed_unsure = wrong;
	}
	return 0;
}

/*
 * Reads this CPU's counter, if it can have moved or by `force`, and gives what it advanced to those who owe
 * it. Sets when to look again.
 */
__noinline int look(struct energy_cpu *c, __u64 clock, bool force)
{
	__u64 old, count, units, accounted, since, until;
	struct energy_bank *b;
	struct energy_zone *z;
	__u32 zone;
	bool sure;
	long err;

	/* On a CPU that goes the event has died or moved along. What it counted up to then tells native. */
	if (!c || c->leaving)
		return 0;
	b = bank_of(c);
	zone = c->zone;
	z = bpf_map_lookup_elem(&zones, &zone);
	if (!z) { /* no counter that BPF can read, run time only */
		c->deadline = clock + EPOCH_NS;
		return 0;
	}
	until = wait_until(z, clock);
	if (until && !force) {
		c->deadline = until;
		return 0;
	}
	c->deadline = clock + (is_astray(z) ? GLANCE_NS : RETRY_NS);
	sure = !ambiguous(z, clock);
	/* Before the counter: if a sibling claims in between, our claim fails. Taken after it, we could set
	 * `raw` back to our older reading, and what lies between would be charged twice. */
	old = *(volatile __u64 *)&z->raw;
	err = read_counter(&count);
	if (err) {
		/* Kernels that let only the lead CPU read leave its sibling's slot empty. */
		if (err == -ENOENT && c->sibling >= 0) {
			c->deadline = clock + EPOCH_NS;
			return 0;
		}
		b->read_errors++;
		b->last_error = err;
		c->deadline = clock + EPOCH_NS;
		if (!z->gap)
			ring_alarm();
		z->gap = 1;
		return 0;
	}
	b->reads++;
	since = (__s64)(clock - z->changed) > 0 ? clock - z->changed : 0;
	z->read = clock;
	if (!z->based) {
		if (__sync_val_compare_and_swap(&z->raw, old, count) != old)
			return 0;
		z->gap = 0;
		z->changed = z->unmoved = clock;
		z->stamp = monotonic_clock();
		z->based = 1;
		return 0;
	}
	if (count == old) {
		z->unmoved = clock;
		return 0;
	}
	/* Of the threads that see the same advance one claims it. */
	if (__sync_val_compare_and_swap(&z->raw, old, count) != old)
		return 0;
	note_change(z, clock, (__s64)(count - old) > 0);
	if ((__s64)(count - old) < 0) {
		b->backwards++;
		return 0;
	}
	units = accounted = (count - old) << count_shift;
	/* A counter that moves all the time has moved on since the run queue's clock was set, some us. */
	if (!period_ns) {
		__u64 now = monotonic_clock(), real = now - z->stamp;

		if (z->stamp && real)
			accounted = part(units, since, real);
		z->stamp = now;
	}
	if (units >> 47 || (max_power && units / max_power > since + EPOCH_NS)) {
		b->jumps++;
		b->gap += units;
	} else if (z->gap) {
		z->gap = 0;
		b->gap += units;
	} else {
		/* Both ends of a window must be right for it to teach anything. */
		if (!sure)
			z->unsure = 1;
		split(z, c, units, accounted, clock);
		z->unsure = !sure;
	}
	return 0;
}

#endif
