/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From a counter to prices: what it advanced, whose that is, and what a nanosecond of it cost. */
#ifndef EPOCHS_BPF_H
#define EPOCHS_BPF_H

static __always_inline void settle(struct energy_bank *b, __u32 i)
{
	struct energy_hot *hot = hot_at(b, i);
	struct energy_cold *cold = cold_at(b, i);
	__u64 pending = hot->pending_ns;

	cold->energy += pending * b->price[hot->epoch & (ENERGY_PRICES - 1)];
	cold->time_ns += pending;
	hot->pending_ns = 0;
}

/* Busy time of a CPU that shares our counter. Its clock is its own: its running stint is measured on
 * ours by way of the monotonic clock. Errors only shift a split, and the next split makes up for them. */
static __always_inline __u64 busy_of(struct energy_cpu *c, __u64 monotonic)
{
	__s64 stint = monotonic - c->clock_offset - c->ts;

	return c->busy_ns + (c->running && stint > 0 ? stint : 0);
}

/*
 * The functions below are global (not static): the verifier then checks each once, on its own, instead
 * of anew on every path that leads to it (40 ms instead of 900). In return it believes no caller, so
 * each checks its pointers.
 */

/* Splits counts over the CPUs of a zone by the busy time since the last split; all to `c` if none. */
__noinline int share_out(struct energy_zone *z, struct energy_cpu *c, __u64 counts)
{
	__u64 monotonic = bpf_ktime_get_ns(), rest = counts;
	__u64 *busy;
	__u32 i;

	if (!z || !c)
		return 0;
	/* In a map, not on the stack: of what it knows the value of (0), the verifier of Linux 6.1 and before
	 * tries every combination (500,000 instructions instead of 9,000). */
	busy = c->shares;
	c->share_total = 0;
	for (i = 0; i < ENERGY_SIBLINGS; i++) {
		struct energy_cpu *s = 0;
		__u32 cpu = z->cpus[i];

		busy[i] = 0;
		if (i < z->cpu_count)
			s = bpf_map_lookup_elem(&cpus, &cpu);
		if (!s || !s->started)
			continue;
		__u64 now = busy_of(s, monotonic);
		__s64 since = now - z->seen_busy_ns[i];
		if (since <= 0)
			continue;
		z->seen_busy_ns[i] = now;
		/* 2^40 ns is 18 minutes; counts x busy must not overflow. */
		busy[i] = since >> 10;
		c->share_total += busy[i];
	}
	for (i = 0; i < ENERGY_SIBLINGS; i++) {
		struct energy_cpu *s;
		__u32 cpu = z->cpus[i];
		__u64 part;

		if (!busy[i] || !c->share_total)
			continue;
		s = bpf_map_lookup_elem(&cpus, &cpu);
		if (!s)
			continue;
		part = counts / c->share_total * busy[i] + counts % c->share_total * busy[i] / c->share_total;
		if (part > rest)
			part = rest;
		rest -= part;
		__sync_fetch_and_add(&s->owed, part);
	}
	/* What the divisions left over, or all of it if nobody was busy. */
	__sync_fetch_and_add(&c->owed, rest);
	return 0;
}

/* Reads this CPU's counter, if it has one, and gives what it advanced to those who owe it. Returns
 * -ENOENT where only a sibling can read it. */
__noinline int read_counter(struct energy_cpu *c)
{
	struct bpf_perf_event_value value;
	struct energy_bank *b;
	struct energy_zone *z;
	__u32 zone;
	__u64 old;
	long err;

	if (!c)
		return 0;
	b = bank_of(c);
	zone = c->zone;
	z = bpf_map_lookup_elem(&zones, &zone);
	if (!z) /* ENERGY_NO_ZONE: no counter that BPF can read, run time only */
		return 0;
	/* Before the counter: if a sibling claims in between, our claim fails. Taken after it, we could set
	 * `raw` back to our older reading, and what lies between would be charged twice. */
	old = *(volatile __u64 *)&z->raw;
	err = bpf_perf_event_read_value(&counters, BPF_F_CURRENT_CPU, &value, sizeof(value));
	if (err) {
		/* Kernels that let only the lead CPU read leave its siblings' slots empty. */
		if (err == -ENOENT && z->cpu_count > 1)
			return -ENOENT;
		b->read_errors++;
		b->last_error = err;
		z->gap = 1;
		return 0;
	}
	if (!z->based) {
		z->raw = value.counter;
		z->gap = 0;
		z->based = 1;
		return 0;
	}
	if (value.counter == old)
		return 0;
	/* Of the threads that see the same advance one claims it. */
	if (__sync_val_compare_and_swap(&z->raw, old, value.counter) != old)
		return 0;
	if ((__s64)(value.counter - old) < 0) {
		b->backwards++;
	} else if (z->gap) {
		z->gap = 0;
		b->gap += value.counter - old;
	} else if (z->cpu_count > 1) {
		share_out(z, c, value.counter - old);
	} else {
		c->owed += value.counter - old;
	}
	return 0;
}

/* Ends the epoch at `now` == c->ts and sets its price; leaves it open while its counter has not moved,
 * unless `force`. */
__noinline int close_epoch(struct energy_cpu *c, __u64 now, bool force)
{
	__u64 elapsed, weight, energy, price, counts;
	struct energy_bank *b;
	struct energy_hot *idle;
	__u32 epoch, i;
	bool waits;

	if (!c)
		return 0;
	b = bank_of(c);
	idle = hot_at(b, ENERGY_IDLE_ROW);
	epoch = c->epoch;
	elapsed = weight = now - c->epoch_start;
	/* What a sibling has read for us ends somewhere within our epoch: it is all there only after flush(),
	 * which comes to the lead first. */
	waits = read_counter(c) == -ENOENT || !c->owed;
	if (waits && !force && elapsed < MAX_EPOCH_NS) {
		c->deadline = now + retry_ns;
		return 0;
	}
	c->deadline = now + epoch_ns;
	if (!elapsed) /* nobody ran: what is owed falls due in the next epoch */
		return 0;

	if (!idle_pays && idle->epoch == epoch) {
		__u32 spared = idle->pending_ns - (idle->pending_ns >> ENERGY_IDLE_SHIFT);

		if (spared < weight) {
			weight -= spared;
			cold_at(b, ENERGY_IDLE_ROW)->time_ns += spared;
			idle->pending_ns -= spared;
		}
	}
	counts = shared_zones ? __sync_lock_test_and_set(&c->owed, 0) : c->owed;
	if (!shared_zones)
		c->owed = 0;
	energy = (counts << ENERGY_FRACTION) + c->remainder;
	price = energy / weight;
	c->remainder = energy - price * weight;
	b->counted += price * weight;
	b->price[epoch & (ENERGY_PRICES - 1)] = price;
	c->epoch = ++epoch;
	c->epoch_start = now;
	for (i = 0; i < ENERGY_SWEEP; i++) {
		__u32 row = epoch * ENERGY_SWEEP + i;
		if (hot_at(b, row)->pending_ns)
			settle(b, row);
	}
	return 0;
}

#endif
