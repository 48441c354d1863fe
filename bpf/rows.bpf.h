/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From run time to rows: whose stint it was, and where it is kept. */
#ifndef ROWS_BPF_H
#define ROWS_BPF_H

static __always_inline bool add_spill(void *map, struct energy_spill_key *key, struct energy_cold *row)
{
	struct energy_spill *found = bpf_map_lookup_elem(map, key);
	struct energy_spill fresh = {};

	if (found) {
		found->time_ns += row->time_ns;
		found->energy += row->energy;
		found->certain += row->certain;
		return true;
	}
	fresh.time_ns = row->time_ns;
	fresh.energy = row->energy;
	fresh.certain = row->certain;
	__builtin_memcpy(fresh.comm, row->comm, ENERGY_COMM);
	return bpf_map_update_elem(map, key, &fresh, BPF_NOEXIST) == 0;
}

/* Moves a settled row to the overflow maps. The key holds the CPU: one writer, no lock, no atomics. */
__noinline int spill(struct energy_cpu *c, __u32 i)
{
	struct energy_spill_key key = {};
	struct energy_bank *b;
	struct energy_cold *row;

	if (!c)
		return 0;
	b = bank_of(c);
	row = cold_at(b, i);
	key.cpu = current_cpu();
	key.tgid = hot_at(b, i)->owner - 1;
	key.start_ns = row->start_ns;
	key.cgroup = row->cgroup;
	b->spills++;
	if (c->bank & 1 ? add_spill(&spills1, &key, row) : add_spill(&spills0, &key, row))
		return 0;
	b->lost_rows++;
	key.tgid = ENERGY_NO_PROCESS;
	key.start_ns = 0;
	if (c->bank & 1 ? add_spill(&cgroup_spills1, &key, row) : add_spill(&cgroup_spills0, &key, row))
		return 0;
	b->lost_energy += row->energy;
	b->lost_time_ns += row->time_ns;
	return 0;
}

static __always_inline __u32 first_row(__u32 tgid)
{
	return ((tgid * HASH_MULTIPLIER) >> (32 - ENERGY_SET_BITS)) * ENERGY_WAYS;
}

/* A CPU's first switch, or its first since it is back: nothing is known of what ran before, only what runs
 * now. */
static __noinline bool begin(struct energy_cpu *c, __u64 now, __u64 clock)
{
	/* Not on its way (perf has no events for it yet), nor while native takes what it left: its next
	 * switch does. */
	if (c->leaving ||
	    __sync_val_compare_and_swap(&c->standing, ENERGY_AT_REST, ENERGY_KEPT) != ENERGY_AT_REST)
		return false;
	c->ts = now;
	c->clock = clock;
	/* Of an epoch that nobody ended, because the CPU went without a word, there is no price. */
	bank_of(c)->price[c->epoch++ & (ENERGY_PRICES - 1)] = 0;
	c->touched = 0;
	c->epoch_predicted = c->predicted;
	c->stint_ns = c->stint_predicted = 0;
	c->busy = c->sibling_busy = 0;
	if (!c->idle.time_ns) {
		c->idle.time_ns = PRIOR_NS;
		c->idle.energy = predict(PRIOR_NS, first_power / 16);
	}
	c->clock_offset = monotonic_clock() - clock;
	look(c, clock, true);
	return true;
}

/* One stint, to a row of this epoch. */
static __always_inline void gather(struct energy_cpu *c, __u32 row, __u64 ns, __u64 predicted)
{
	struct energy_hot *hot = hot_at(bank_of(c), row);

	hot->pending_ns += ns;
	hot->pending += predicted;
	c->predicted += predicted;
	c->stint_row = row;
	c->stint_ns = ns;
	c->stint_predicted = predicted;
}

/*
 * A flush or tick ran ahead of the run queue's clock by what the hypervisor had stolen, which is known only
 * now. It was charged to the task that still runs, as time, and is taken from it again. If its row has been
 * drained since, it runs for so long without being charged. What that time was predicted to draw stays: it
 * has been paid for.
 */
static __always_inline int take_back(struct energy_cpu *c, struct energy_hot *hot, struct energy_cold *cold,
				     __u64 ns)
{
	if (ns >= MAX_STINT_NS) /* no such thing: the clock was set */
		return 0;
	if (cold && cold->time_ns >= ns)
		cold->time_ns -= ns;
	else if (hot && hot->pending_ns > ns)
		hot->pending_ns -= ns;
	else
		c->ts += ns;
	return 0;
}

/* Everything that is rare: a row's first touch in an epoch or at all, another way than the first, a full
 * set, clocks that went back, stints of seconds. */
static __noinline int charge_slowly(struct task_struct *prev, struct energy_cpu *c, __u64 ns, __u64 weight)
{
	struct energy_bank *b = bank_of(c);
	__u32 owner = prev->tgid + 1, tag = cgroup_tag(prev), first = first_row(prev->tgid);
	__u32 coldest = 0, victim = first, row, way;
	__u64 start_ns = started_at(prev), cgroup = cgroup_id(prev);
	struct energy_hot *hot;
	struct energy_cold *cold;

	c->stint_ns = c->stint_predicted = 0;
	for (way = 0; way < ENERGY_WAYS; way++) {
		__u32 age;

		row = first + way;
		hot = hot_at(b, row);
		cold = cold_at(b, row);
		if (hot->owner == owner && hot->tag == tag && cold->start_ns == start_ns &&
		    cold->cgroup == cgroup)
			goto found;
		if (row == ENERGY_IDLE_ROW)
			age = owner == 1 && !hot->owner ? ~0U : 0; /* idle's own place */
		else
			age = owner == 1 ? 0 : hot->owner ? c->epoch - hot->epoch + 1 : ~0U;
		if (age > coldest) {
			coldest = age;
			victim = row;
		}
	}
	if ((__s64)ns < 0)
		return take_back(c, 0, 0, -ns);
	row = victim;
	hot = hot_at(b, row);
	cold = cold_at(b, row);
	if (hot->owner) {
		/* A set whose rows are all of this epoch: its price is needed now. */
		if (hot->epoch == c->epoch && hot->pending_ns)
			close_epoch(c, c->clock, true);
		settle(b, row);
		spill(c, row);
	}
	hot->owner = owner;
	hot->tag = tag;
	hot->epoch = c->epoch - 1;
	hot->pending = hot->pending_ns = 0;
	cold->time_ns = cold->energy = cold->certain = 0;
	cold->cgroup = cgroup;
	cold->start_ns = start_ns;
found:
	if ((__s64)ns < 0)
		return take_back(c, hot, cold, -ns);
	copy_comm(cold->comm, prev);
	if (hot->epoch != c->epoch) {
		settle(b, row);
		enter(c, b, row);
	}
	gather(c, row, ns, predict(weight, hot->power));
	return 0;
}

/* Run time of a stint as it counts for energy, where threads share a counter. */
static __always_inline __u64 weigh_thread(struct energy_cpu *c, bool idle, __u64 ns, __u64 clock)
{
	struct energy_cpu *s;
	__u64 now, both;
	__u32 sibling = c->sibling;

	s = bpf_map_lookup_elem(&cpus, &sibling);
	if (!s)
		return ns;
	now = busy_at(s->busy, clock);
	both = together(now, c->sibling_busy, ns);
	c->sibling_busy = now;
	return weigh(idle, ns, both);
}

/* What is expected of a task that has no row of this epoch. */
static __noinline __u32 announce(struct energy_cpu *c, struct task_struct *next)
{
	struct energy_cold row = {};
	struct energy_power *known;

	if (!next->tgid)
		return idle_power(c);
	row.start_ns = started_at(next);
	copy_comm(row.comm, next);
	known = expect(c, next->tgid + 1, &row);
	return known ? known->power : first_power;
}

/* What this CPU's sibling may see of it, of the task that runs from now on. */
static __always_inline void publish(struct energy_cpu *c, struct task_struct *next, __u64 clock)
{
	__u64 busy = busy_at(c->busy, clock);
	struct energy_hot *hot = hot_at(bank_of(c), first_row(next->tgid));
	bool known = hot->owner == next->tgid + 1 && hot->epoch == c->epoch;

	/* Of the last switches of a CPU that goes the very last is not seen: from then on it is idle to its
	 * sibling. */
	if (c->leaving) {
		c->running = 0;
		c->power = idle_power(c);
		c->busy = busy;
		return;
	}
	c->running = next->tgid;
	c->power = known ? hot->power : announce(c, next);
	c->busy = next->pid ? RUNS | (clock - busy) : busy;
}

/* Charges the time since the last switch on this CPU to `prev`, which ran. */
static __always_inline void charge(struct task_struct *prev, struct energy_cpu *c, __u64 now, __u64 clock)
{
	__u64 ns = now - c->ts, weight = ns;
	__u32 tgid = prev->tgid, row = first_row(tgid);
	struct energy_hot *hot = hot_at(bank_of(c), row);

	c->ts = now;
	c->clock = clock;
	if (shared_zones)
		weight = weigh_thread(c, !tgid, ns, clock);
	if (hot->owner == tgid + 1 && hot->tag == cgroup_tag(prev) && hot->epoch == c->epoch &&
	    ns < MAX_STINT_NS)
		gather(c, row, ns, weight * hot->power >> ENERGY_POWER_FRACTION);
	else
		charge_slowly(prev, c, ns, weight);
}

/* Whether energy can have come. */
static __always_inline bool is_due(struct energy_cpu *c, __u64 clock)
{
	return clock >= c->deadline || (shared_zones && c->owed);
}

static __always_inline int on_switch(struct task_struct *prev, struct task_struct *next)
{
	struct energy_cpu *c = this_cpu();
	__u64 now = run_clock(prev), clock = wall_clock(prev);

	if (!c)
		return 0;
	if (c->standing == ENERGY_KEPT)
		charge(prev, c, now, clock);
	else if (!begin(c, now, clock))
		return 0;
	c->switches++;
	if (shared_zones)
		publish(c, next, clock);
	if (is_due(c, clock)) {
		c->clock_offset = monotonic_clock() - clock;
		close_epoch(c, clock, c->leaving);
	}
	return 0;
}

/* Both clocks, now: the run queue's are those of its last switch, tick or wake-up. Between two of these
 * nobody knows what was stolen. They are read in this order, so that one that another CPU sets just now makes
 * the time shorter. */
static __always_inline void read_clocks(struct task_struct *task, struct energy_cpu *c, __u64 *now,
					__u64 *clock)
{
	__u64 run = run_clock(task), wall = wall_clock(task);

	*clock = monotonic_clock() - c->clock_offset;
	*now = *clock - (wall - run);
}

/* Charges the running task up to now, and looks at the counter if that is due. */
static __always_inline void on_time(struct task_struct *task, struct energy_cpu *c)
{
	__u64 now, clock;

	read_clocks(task, c, &now, &clock);
	if (clock < c->deadline)
		return;
	charge(task, c, now, clock);
	if (shared_zones)
		publish(c, task, clock);
	close_epoch(c, clock, c->leaving);
}

/* A task that runs on is seen here too, so that windows end near where the counter changes. */
static __always_inline int on_tick(struct task_struct *task)
{
	struct energy_cpu *c = this_cpu();

	if (c && c->standing == ENERGY_KEPT && !*(volatile __u32 *)&c->flushing)
		on_time(task, c);
	return 0;
}

/* Called again and again, by native in a task of its own, until it is known when the counter moves: returns
 * true. */
static __always_inline int on_glance(struct task_struct *task)
{
	struct energy_cpu *c = this_cpu();
	struct energy_zone *z;
	__u32 zone;

	if (!c || c->standing != ENERGY_KEPT)
		return true;
	zone = c->zone;
	z = bpf_map_lookup_elem(&zones, &zone);
	if (!z || !is_astray(z))
		return true;
	*(volatile __u32 *)&c->flushing = 1; /* runs with interrupts on */
	on_time(task, c);
	*(volatile __u32 *)&c->flushing = 0;
	return !is_astray(z);
}

/* Charges the running task, ends the epoch, and leaves the bank to the reader; nothing where nothing began.
 */
static __always_inline int change_over(struct task_struct *task, __u32 bank)
{
	struct energy_cpu *c = this_cpu();
	__u64 now, clock;

	if (!c || c->standing != ENERGY_KEPT)
		return 0;
	/* On the CPU that asks for it, this runs with interrupts on. */
	*(volatile __u32 *)&c->flushing = 1;
	read_clocks(task, c, &now, &clock);
	charge(task, c, now, clock);
	if (shared_zones)
		publish(c, task, clock);
	close_epoch(c, clock, true);
	c->touched = 0;
	c->stint_ns = c->stint_predicted = 0;
	/* Added, since native also calls this to leave the bank as it is. */
	bank_of(c)->switches += c->switches;
	c->switches = 0;
	c->bank = bank & 1;
	*(volatile __u32 *)&c->flushing = 0;
	return 0;
}

#endif
