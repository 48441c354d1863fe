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
		return true;
	}
	fresh.time_ns = row->time_ns;
	fresh.energy = row->energy;
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
	key.cpu = bpf_get_smp_processor_id();
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

/* Everything that is rare: a CPU's first switch, a row's first touch in an epoch or at all, another
 * way than the first, a full set, clocks that went back, stints of seconds. */
static __noinline int charge_slowly(struct task_struct *prev, struct energy_cpu *c, __u64 dt)
{
	struct energy_bank *b = bank_of(c);
	struct task_struct *process = prev->group_leader;
	__u32 owner = prev->tgid + 1, tag = cgroup_tag(prev), first = first_row(prev->tgid);
	__u32 epoch = c->epoch, coldest = 0, victim = first, row, way;
	__u64 start_ns = process->start_boottime, cgroup = cgroup_id(prev);
	struct energy_hot *hot;
	struct energy_cold *cold;

	if (!c->started) {
		/* What ran before the CPU went offline, in an epoch that nobody ended, has no price. */
		b->price[c->epoch++ & (ENERGY_PRICES - 1)] = 0;
		c->started = 1;
		c->epoch_start = c->ts;
		c->deadline = c->ts + epoch_ns;
		c->clock_offset = bpf_ktime_get_ns() - c->ts;
		read_counter(c);
		return 0;
	}
	if ((__s64)dt < 0) { /* flush() ran ahead on a sleeping CPU: what it charged stays charged */
		c->epoch_start += dt;
		c->deadline += dt;
		return 0;
	}

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
			age = owner == 1 ? 0 : hot->owner ? epoch - hot->epoch + 1 : ~0U;
		if (age > coldest) {
			coldest = age;
			victim = row;
		}
	}
	row = victim;
	hot = hot_at(b, row);
	cold = cold_at(b, row);
	if (hot->owner) {
		/* A set whose rows are all of this epoch: its price is needed now. dt is part of it. */
		if (hot->epoch == epoch)
			close_epoch(c, c->ts, true);
		settle(b, row);
		spill(c, row);
	}
	hot->owner = owner;
	hot->tag = tag;
	hot->epoch = epoch;
	hot->pending_ns = 0;
	cold->time_ns = 0;
	cold->energy = 0;
	cold->cgroup = cgroup;
	cold->start_ns = start_ns;
found:
	copy_comm(cold->comm, process);
	if (hot->epoch != epoch) {
		settle(b, row);
		hot->epoch = epoch;
	}
	if (dt < MAX_STINT_NS) {
		hot->pending_ns += dt;
		return 0;
	}
	/* Too long for pending_ns: price the epoch over it here and now, in 64 bits. */
	if (c->epoch == epoch)
		close_epoch(c, c->ts, true);
	cold->time_ns += dt;
	cold->energy += dt * b->price[epoch & (ENERGY_PRICES - 1)];
	return 0;
}

/* Charges the time since the last switch on this CPU to `prev`, which ran. */
static __always_inline void charge(struct task_struct *prev, struct energy_cpu *c, __u64 now)
{
	__u64 dt = now - c->ts;
	__u32 tgid = prev->tgid;
	struct energy_hot *hot = hot_at(bank_of(c), first_row(tgid));

	c->ts = now;
	c->switches++;
	if (shared_zones && prev->pid && c->started && dt < 1ULL << 63)
		c->busy_ns += dt;
	if (hot->owner == tgid + 1 && hot->tag == cgroup_tag(prev) && hot->epoch == c->epoch &&
	    dt < MAX_STINT_NS)
		hot->pending_ns += dt;
	else
		charge_slowly(prev, c, dt);
}

#endif
