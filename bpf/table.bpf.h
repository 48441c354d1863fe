/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The table of a CPU's rows: where a row is kept, and what becomes of it when there is no room. */
#ifndef TABLE_BPF_H
#define TABLE_BPF_H

#include "arithmetic.bpf.h"
#include "energy.h"
#include "kernel.bpf.h"
#include "learning.bpf.h"
#include "maps.bpf.h"
#include "power_model.bpf.h"

#define CHECK_SHIFT	28	   /* whose a row is is looked into every 2^28 ns */
#define TIME_MULTIPLIER 0xC2B2AE3D /* XXH_PRIME32_3 */

/* Whose a row is. `tag` is enough while a row is hot, the rest is the truth. */
struct row_key {
	__u32 owner;
	__u32 tag;
	__u64 start_ns;
	__u64 cgroup;
	__u32 label;
};

/* While a process stays in one cgroup its labels have different tags. All tags change every 268 ms: whose a
 * row is must be looked into now and then, since pids and addresses of css_sets are reused and processes take
 * new names. */
static __always_inline __u32 row_tag(struct task_struct *task, __u64 clock)
{
	return cgroup_tag(task) + task_label(task) * HASH_MULTIPLIER +
	       (__u32)(clock >> CHECK_SHIFT) * TIME_MULTIPLIER;
}

static __always_inline struct row_key key_of(struct task_struct *task, struct task_struct *process, __u32 tag)
{
	return (struct row_key){
		.owner = task->tgid + 1,
		.tag = tag,
		.start_ns = started_at(process),
		.cgroup = cgroup_id(task),
		.label = task_label(task),
	};
}

/* Gives a row the energy of its window, whose price is known. */
static __always_inline void settle(struct energy_buffer *b, __u32 row)
{
	struct energy_hot *hot = hot_at(b, row);
	struct energy_cold *cold = cold_at(b, row);

	cold->energy += hot->pending * *price_of(b, hot->window);
	cold->time_ns += hot->pending_ns;
	hot->pending = hot->pending_ns = 0;
}

/* Lets a settled row enter the window that is open, with the power that was learned here last. */
static __always_inline void reenter_window(struct energy_cpu *c, struct energy_buffer *b, __u32 row)
{
	struct energy_hot *hot = hot_at(b, row);

	hot->window = c->window;
	if (hot->owner == 1)
		hot->power = idle_power(c);
	/* Where there are more than can be learned from, the last ones stay. */
	c->window_rows[c->touched++ & (ENERGY_LEARNED - 1)] = row;
}

/* Settles a row and lets it enter, with the power that its process has now, wherever that was learned. It is
 * a global function so that the verifier checks it once, and not for each way in which its row may have been
 * found. */
__noinline int enter_window(struct energy_cpu *c, __u32 row)
{
	struct energy_buffer *b;
	struct energy_hot *hot;
	struct energy_cold *cold;

	if (!c)
		return 0;
	b = buffer_of(c);
	hot = hot_at(b, row);
	cold = cold_at(b, row);
	settle(b, row);
	reenter_window(c, b, row);
	if (hot->owner == 1) {
		cold->variance = VARIANCE_IDLE;
	} else {
		struct energy_power *known = lookup_power(c, hot->owner, cold);

		if (known) {
			hot->power = expected_power(c, known->power);
			cold->variance = known->variance;
			/* Of whom little is known the next window tells much: others need that soon. */
			if (known->variance > VARIANCE_COMM)
				c->together = 1;
		}
	}
	return 0;
}

static __always_inline bool is_row_of(struct energy_buffer *b, __u32 row, const struct row_key *key)
{
	struct energy_hot *hot = hot_at(b, row);
	struct energy_cold *cold = cold_at(b, row);

	return hot->owner == key->owner && cold->start_ns == key->start_ns && cold->cgroup == key->cgroup &&
	       cold->label == key->label;
}

/* How many windows ago a row was touched, plus 1; all ones: it is free; 0: it must not be taken. */
static __always_inline __u32 age_of(struct energy_cpu *c, __u32 row, __u32 owner)
{
	__u32 occupant = hot_at(buffer_of(c), row)->owner;

	if (row == ENERGY_IDLE_ROW)
		return owner == 1 && !occupant ? ~0U : 0;
	if (owner == 1)
		return 0;
	return occupant ? c->window - hot_at(buffer_of(c), row)->window + 1 : ~0U;
}

/* Finds a row that has the tag, and so need not be looked into. */
static __always_inline bool find_tagged(struct energy_buffer *b, __u32 first, __u32 owner, __u32 tag,
					__u32 *row)
{
	__u32 way;

	for (way = 0; way < ENERGY_WAYS; way++) {
		struct energy_hot *hot = hot_at(b, first + way);

		*row = first + way;
		if (hot->owner == owner && hot->tag == tag)
			return true;
	}
	return false;
}

#define ROW_FOUND ENERGY_ROWS

/* Finds a key's row, and returns it with ROW_FOUND, or else the row of its set that has not been touched for
 * the longest time. A global function as enter_window() is. */
__noinline int find_row(struct energy_cpu *c, struct row_key *key)
{
	__u32 first, row, oldest = 0, way;

	if (!c || !key)
		return 0;
	row = first = energy_first_row(key->owner - 1, key->label);
	for (way = 0; way < ENERGY_WAYS; way++) {
		__u32 age;

		if (is_row_of(buffer_of(c), first + way, key))
			return ((first + way) & (ENERGY_ROWS - 1)) | ROW_FOUND;
		age = age_of(c, first + way, key->owner);
		if (age > oldest) {
			oldest = age;
			row = first + way;
		}
	}
	return row & (ENERGY_ROWS - 1);
}

/* CPUs beyond that: a process that has run there is misnamed until its rows there are looked at again. */
#define RENAMED_CPUS 1024

/* Gives the rows that a process has on a CPU its new name. Returns 0 if there is no such CPU. A global
 * function as enter_window() is. Another CPU may give one of its rows to another process meanwhile: then that
 * is misnamed until it is looked at again. */
__noinline int rename_on(__u32 cpu, __u32 first, __u32 owner, __u64 low, __u64 high)
{
	struct energy_cpu *c = bpf_map_lookup_elem(&cpus, &cpu);
	__u32 way;

	if (!c)
		return 0;
	for (way = 0; way < ENERGY_WAYS; way++) {
		__u64 *comm = (__u64 *)cold_at(buffer_of(c), first + way)->comm;

		if (hot_at(buffer_of(c), first + way)->owner != owner)
			continue;
		comm[0] = low;
		comm[1] = high;
	}
	return 1;
}

/*
 * Gives the rows of a process its new name, when it has executed a program: a row's name is set when it
 * enters a window, and without a counter that BPF reads there is but one window between two drains. Where
 * somebody learns from the log what each executable draws (`everywhere`), also on the CPUs where it ran
 * before: exec moves a process, it soon comes back, and for up to 268 ms it would be a shell that draws
 * what it does.
 */
static __always_inline void rename_rows(struct task_struct *process, bool everywhere)
{
	__u32 first = energy_first_row(process->tgid, task_label(process)), owner = process->tgid + 1, cpu;
	__u64 comm[2];

	copy_comm((char *)comm, process);
	if (!everywhere) {
		rename_on(current_cpu(), first, owner, comm[0], comm[1]);
		return;
	}
	for (cpu = 0; cpu < RENAMED_CPUS; cpu++)
		if (!rename_on(cpu, first, owner, comm[0], comm[1]))
			return;
}

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

/* Appends a row to the log of its CPU and buffer. Returns false where that is full. */
static __always_inline bool log_spill(struct energy_cpu *c, __u32 i)
{
	struct energy_buffer *b = buffer_of(c);
	struct energy_cold *row = cold_at(b, i);
	struct energy_spilled *spilled;
	__u32 index;

	if (b->spills >= spill_log_rows)
		return false;
	index = (current_cpu() * 2 + (c->buffer & 1)) * spill_log_rows + b->spills;
	spilled = bpf_map_lookup_elem(&spill_log, &index);
	if (!spilled)
		return false;
	spilled->time_ns = row->time_ns;
	spilled->energy = row->energy;
	spilled->certain = row->certain;
	spilled->cgroup = row->cgroup;
	spilled->start_ns = row->start_ns;
	__builtin_memcpy(spilled->comm, row->comm, ENERGY_COMM);
	spilled->tgid = hot_at(b, i)->owner - 1;
	spilled->label = row->label;
	b->spills++;
	return true;
}

/* Moves a settled row to the log of them, and when that is full to the overflow maps. The key holds the CPU,
 * so each entry has one writer, without lock or atomics. The map by cgroup, the last resort, knows neither
 * process nor label. */
__noinline int spill(struct energy_cpu *c, __u32 i)
{
	struct energy_spill_key key = {};
	struct energy_buffer *b;
	struct energy_cold *row;

	if (!c || log_spill(c, i))
		return 0;
	b = buffer_of(c);
	row = cold_at(b, i);
	key.cpu = current_cpu();
	key.tgid = hot_at(b, i)->owner - 1;
	key.start_ns = row->start_ns;
	key.cgroup = row->cgroup;
	key.label = row->label;
	b->spills++;
	if (c->buffer & 1 ? add_spill(&spills1, &key, row) : add_spill(&spills0, &key, row))
		return 0;
	b->lost_rows++;
	key.tgid = ENERGY_NO_PROCESS;
	key.start_ns = 0;
	key.label = 0;
	if (c->buffer & 1 ? add_spill(&cgroup_spills1, &key, row) : add_spill(&cgroup_spills0, &key, row))
		return 0;
	b->lost_energy += row->energy;
	return 0;
}

/* Gives a row to a new owner. The window of what was in it must have its price. */
static __always_inline void replace_row(struct energy_cpu *c, __u32 row, const struct row_key *key)
{
	struct energy_buffer *b = buffer_of(c);
	struct energy_hot *hot = hot_at(b, row);
	struct energy_cold *cold = cold_at(b, row);

	if (hot->owner) {
		if (c->closed_windows && (__s32)(hot->window - c->closed_from) >= 0)
			learn_closed(c);
		settle(b, row);
		spill(c, row);
	}
	hot->owner = key->owner;
	hot->tag = key->tag;
	hot->window = c->window - 1;
	hot->pending = hot->pending_ns = 0;
	cold->time_ns = cold->energy = cold->certain = 0;
	cold->cgroup = key->cgroup;
	cold->start_ns = key->start_ns;
	cold->label = key->label;
}

#endif
