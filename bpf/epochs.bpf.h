/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From what a CPU is owed to prices: what each predicted unit of an epoch has really cost. */
#ifndef EPOCHS_BPF_H
#define EPOCHS_BPF_H

static __always_inline void settle(struct energy_bank *b, __u32 i)
{
	struct energy_hot *hot = hot_at(b, i);
	struct energy_cold *cold = cold_at(b, i);

	cold->energy += hot->pending * b->price[hot->epoch & (ENERGY_PRICES - 1)];
	cold->time_ns += hot->pending_ns;
	hot->pending = hot->pending_ns = 0;
}

/* A row's first stint of an epoch, settled before: from now on it gathers for that one. */
static __always_inline void enter(struct energy_cpu *c, struct energy_bank *b, __u32 row)
{
	struct energy_hot *hot = hot_at(b, row);
	struct energy_cold *cold = cold_at(b, row);

	hot->epoch = c->epoch;
	if (hot->owner == 1) {
		hot->power = idle_power(c);
		cold->variance = VARIANCE_IDLE;
	} else {
		struct energy_power *known = expect(c, hot->owner, cold);

		if (known) {
			hot->power = known->power;
			cold->variance = known->variance;
		}
	}
	/* Of more of them than can be learned from, the last ones. */
	c->learned[c->touched++ & (ENERGY_LEARNED - 1)] = row;
}

/*
 * Looks at the counter and, if energy has come, ends the epoch: sets its price, and lets what of the last
 * stint lies behind the counter's change begin the next one. `force`: whatever has come, here and now.
 *
 * Global (not static), as are the functions it calls: the verifier then checks each once, on its own,
 * instead of anew on every path that leads to it (40 ms instead of 900). In return it believes no caller,
 * so each checks its pointers.
 */
__noinline int close_epoch(struct energy_cpu *c, __u64 clock, bool force)
{
	__u64 owed, counted, predicted, weight, energy, price, after_ns = 0, after = 0;
	struct energy_zone *z;
	struct energy_bank *b;
	struct energy_hot *last;
	__u32 epoch, zone, i;

	if (!c)
		return 0;
	look(c, clock, force);
	b = bank_of(c);
	if (!c->owed && !force)
		return 0;
	zone = c->zone;
	z = bpf_map_lookup_elem(&zones, &zone);
	last = hot_at(b, c->stint_row);
	epoch = c->epoch;
	weight = c->predicted - c->epoch_predicted;
	if (z && !force && last->epoch == epoch) {
		after_ns = after_change(z, clock, c->stint_ns);
		after = part(c->stint_predicted, after_ns, c->stint_ns);
		if (after >= weight) /* nothing but that: it may have begun before */
			after = after_ns = 0;
		weight -= after;
	}
	if (!weight) /* nobody ran: what is owed falls due in the next epoch */
		return 0;
	owed = shared_zones ? __sync_lock_test_and_set(&c->owed, 0) : c->owed;
	counted = shared_zones ? __sync_lock_test_and_set(&c->owed_counted, 0) : c->owed_counted;
	predicted = shared_zones ? __sync_lock_test_and_set(&c->owed_predicted, 0) : c->owed_predicted;
	if (!shared_zones)
		c->owed = c->owed_counted = c->owed_predicted = 0;

	energy = (owed << ENERGY_FRACTION) + c->remainder;
	price = energy / weight;
	c->remainder = energy - price * weight;
	b->counted += price * weight;
	b->price[epoch & (ENERGY_PRICES - 1)] = price;
	if (after_ns) {
		last->pending -= after;
		last->pending_ns -= after_ns;
	}
	if (owed)
		learn(c, counted, predicted);
	/* Where this CPU sleeps now and then it finds out by itself; so does the lead, to which native goes.
	 */
	if (z && is_astray(z) && c->touched > 1 && hot_at(b, ENERGY_IDLE_ROW)->epoch != epoch)
		z->blind = 1;
	c->owed_unsure = 0;
	c->touched = 0;
	c->epoch = ++epoch;
	c->epoch_predicted = c->predicted - after;
	if (after_ns) {
		settle(b, c->stint_row & (ENERGY_ROWS - 1));
		enter(c, b, c->stint_row & (ENERGY_ROWS - 1));
		last->pending = after;
		last->pending_ns = after_ns;
	}
	c->stint_ns = c->stint_predicted = 0;
	for (i = 0; i < ENERGY_SWEEP; i++) {
		__u32 row = epoch * ENERGY_SWEEP + i;
		struct energy_hot *hot = hot_at(b, row);

		if (hot->pending_ns && hot->epoch != epoch)
			settle(b, row);
	}
	return 0;
}

#endif
