// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Charges energy to tasks at context switches.
 *
 * Each CPU gathers run time in a private table of rows, one per (process, cgroup). An energy counter
 * moves about once a millisecond, so it is read once per epoch (>= 1 ms, and only until it has moved);
 * the epoch's price, energy / run time, is then owed on all run time gathered in it. A row is settled,
 * that is energy += pending x price[epoch], when it is next touched or swept: no loop over rows, no
 * helper, no hash map and no clock read at a switch.
 *
 * sched_switch runs with the run queue's lock held and interrupts off, and flush() in an interrupt of
 * the same CPU: so a CPU's own memory needs no lock.
 */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "energy.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL"; /* bpf_perf_event_read_value is GPL only */

#define ENOENT		2
#define MAX_STINT_NS	(1ULL << 31) /* longer stints do not fit pending_ns and take the slow path */
#define MAX_EPOCH_NS	(1ULL << 30) /* an epoch ends then, even if its counter stands still */
#define HASH_MULTIPLIER 0x9E3779B1   /* 2^32 / golden ratio: Knuth, TAOCP 3, 6.4 */

/* Length of an epoch. Shorter: finer shares, more counter reads. Energy counters move once per ms. */
const volatile __u64 epoch_ns = 1000000;
/* Pause between two reads of a counter that has not moved yet at an epoch's end. */
const volatile __u64 retry_ns = 200000;
/* Some counter is shared by several CPUs (SMT threads of a core): costs 2 ns per switch. */
const volatile bool shared_zones = false;
/* The counter runs in idle as in use (a clock), so idle time bears its share of every epoch. A core's
 * energy does not: there idle time is charged only in epochs without any task. */
const volatile bool idle_pays = false;
/* Index of the cgroup v1 controller whose cgroups are charged (css_set.subsys[]); -1: cgroup v2. */
const volatile int cgroup_subsys = -1;
/* Id of that hierarchy as in /proc/cgroups; 0: cgroup v2. Ids of cgroups are unique only within one. */
const volatile int cgroup_hierarchy = 0;

/* Energy counters; slot = CPU. Written by native, read here. Without PRESERVE_ELEMS the slots vanish
 * when the descriptor that wrote them is closed. */
struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(map_flags, BPF_F_PRESERVE_ELEMS);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} counters SEC(".maps");

/* All accounts; index = CPU. Written here, read and zeroed by native through mmap. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct energy_cpu);
} cpus SEC(".maps");

/* The counters' last values; index = zone. Written here, laid out by native through mmap. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct energy_zone);
} zones SEC(".maps");

/* Rows that found no room, one map per bank; emptied by native. Preallocated: nothing is allocated
 * under the run queue's lock. */
struct spill_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 32768);
	__type(key, struct energy_spill_key);
	__type(value, struct energy_spill);
} spills0 SEC(".maps"), spills1 SEC(".maps");

/* The last resort, by cgroup alone. */
struct cgroup_spill_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct energy_spill_key);
	__type(value, struct energy_spill);
} cgroup_spills0 SEC(".maps"), cgroup_spills1 SEC(".maps");

/* struct energy_life and energy_mkdir, read by native at each drain. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20);
} events SEC(".maps");

/* Events that found no room in the ring. */
__u64 lost_events;

/* The clock that the scheduler has just read for its own accounting: it costs nothing and leaves out
 * what was stolen by the hypervisor, as sum_exec_runtime does. A task's cfs_rq is this CPU's while it
 * runs, idle included. */
static __always_inline __u64 run_clock(struct task_struct *task)
{
	if (bpf_core_field_exists(task->se.cfs_rq)) /* CONFIG_FAIR_GROUP_SCHED */
		return task->se.cfs_rq->rq->clock_task;
	return bpf_ktime_get_ns();
}

/* Low half of the css_set's address, as a number: the verifier allows no arithmetic on the pointer. */
static __always_inline __u32 cgroup_tag(struct task_struct *task)
{
	__u64 address = (__u64)task->cgroups;
	__u32 low;

	asm volatile("%0 = %1" : "=w"(low) : "w"((__u32)address));
	return low;
}

static __always_inline __u64 cgroup_id(struct task_struct *task)
{
	struct cgroup_subsys_state *css = 0;

	if (cgroup_subsys < 0)
		return task->cgroups->dfl_cgrp->kn->id;
	/* The index is known only at load time and BTF pointers take constant offsets only. */
	bpf_probe_read_kernel(&css, sizeof(css),
			      (void *)task->cgroups + bpf_core_field_offset(struct css_set, subsys) +
				      cgroup_subsys * sizeof(css));
	return css ? BPF_CORE_READ(css, cgroup, kn, id) : 0;
}

static __always_inline void copy_comm(char *to, struct task_struct *process)
{
	((__u64 *)to)[0] = ((__u64 *)process->comm)[0];
	((__u64 *)to)[1] = ((__u64 *)process->comm)[1];
}

static __always_inline struct energy_cpu *this_cpu(void)
{
	__u32 cpu = bpf_get_smp_processor_id();

	return bpf_map_lookup_elem(&cpus, &cpu);
}

static __always_inline struct energy_bank *bank_of(struct energy_cpu *c)
{
	return &c->banks[c->bank & 1];
}

static __always_inline struct energy_hot *hot_at(struct energy_bank *b, __u32 i)
{
	return &b->hot[i & (ENERGY_ROWS - 1)];
}

static __always_inline struct energy_cold *cold_at(struct energy_bank *b, __u32 i)
{
	return &b->cold[i & (ENERGY_ROWS - 1)];
}

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
	__u64 monotonic = bpf_ktime_get_ns(), total = 0, rest = counts;
	__u64 busy[ENERGY_SIBLINGS];
	__u32 i;

	if (!z || !c)
		return 0;
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
		total += busy[i];
	}
	for (i = 0; i < ENERGY_SIBLINGS; i++) {
		struct energy_cpu *s;
		__u32 cpu = z->cpus[i];
		__u64 part;

		if (!busy[i] || !total)
			continue;
		s = bpf_map_lookup_elem(&cpus, &cpu);
		if (!s)
			continue;
		part = counts * busy[i] / total;
		if (part > rest)
			part = rest;
		rest -= part;
		__sync_fetch_and_add(&s->owed, part);
	}
	/* What the divisions left over, or all of it if nobody was busy. */
	__sync_fetch_and_add(&c->owed, rest);
	return 0;
}

/* Reads this CPU's counter, if it has one, and gives what it advanced to those who owe it. */
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
	err = bpf_perf_event_read_value(&counters, BPF_F_CURRENT_CPU, &value, sizeof(value));
	if (err) {
		/* Kernels that let only the lead CPU read leave its siblings' slots empty. */
		if (err == -ENOENT && z->cpu_count > 1)
			return 0;
		b->read_errors++;
		b->last_error = err;
		z->gap = 1;
		return 0;
	}
	old = z->raw;
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

	if (!c)
		return 0;
	b = bank_of(c);
	idle = hot_at(b, ENERGY_IDLE_ROW);
	epoch = c->epoch;
	elapsed = weight = now - c->epoch_start;
	read_counter(c);
	if (!c->owed && !force && elapsed < MAX_EPOCH_NS) {
		c->deadline = now + retry_ns;
		return 0;
	}
	c->deadline = now + epoch_ns;
	if (!elapsed) /* nobody ran: what is owed falls due in the next epoch */
		return 0;

	if (!idle_pays && idle->epoch == epoch && idle->pending_ns < weight) {
		weight -= idle->pending_ns;
		cold_at(b, ENERGY_IDLE_ROW)->time_ns += idle->pending_ns;
		idle->pending_ns = 0;
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
		c->started = 1;
		c->epoch_start = c->ts;
		c->deadline = c->ts + epoch_ns;
		c->clock_offset = bpf_ktime_get_ns() - c->ts;
		read_counter(c);
		return 0;
	}
	if ((__s64)dt < 0) { /* flush() ran ahead on a sleeping CPU: what it charged stays charged */
		c->epoch_start += dt;
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
	if (hot->owner == tgid + 1 && hot->tag == cgroup_tag(prev) && hot->epoch == c->epoch &&
	    dt < MAX_STINT_NS)
		hot->pending_ns += dt;
	else
		charge_slowly(prev, c, dt);
	if (shared_zones && prev->pid && dt < 1ULL << 63)
		c->busy_ns += dt;
}

static __always_inline int on_switch(struct task_struct *prev, struct task_struct *next)
{
	struct energy_cpu *c = this_cpu();
	__u64 now = run_clock(prev);

	if (!c)
		return 0;
	charge(prev, c, now);
	if (shared_zones)
		c->running = next ? next->pid != 0 : 1;
	if (now >= c->deadline) {
		c->clock_offset = bpf_ktime_get_ns() - now;
		close_epoch(c, now, false);
	}
	return 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(sched_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	return on_switch(prev, next);
}

/* The twin for kernels that load no tp_btf program. At sched_switch the current task still is prev;
 * next is unknown to the verifier, so it counts as busy until its own switch. */
SEC("raw_tp/sched_switch")
int sched_switch_raw(void *ctx)
{
	return on_switch(bpf_get_current_task_btf(), 0);
}

/*
 * Run by native on each CPU (BPF_PROG_TEST_RUN) with the bank to change to: charges the running task,
 * ends the epoch and changes over, so that the old bank is complete and at rest.
 */
SEC("raw_tp")
int flush(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct energy_cpu *c = this_cpu();
	__u64 now = run_clock(task);

	if (!c)
		return 0;
	if (c->started) {
		/* A sleeping CPU's run queue clock stands still. A busy one's is at most a tick old. */
		if (!task->pid)
			now = bpf_ktime_get_ns() - c->clock_offset;
		/* The two clocks drift apart by some ns until the next switch compares them. */
		if ((__s64)(now - c->ts) < 0)
			now = c->ts;
		charge(task, c, now);
		c->switches--;
		close_epoch(c, now, true);
	}
	bank_of(c)->switches = c->switches;
	c->switches = 0;
	c->bank = ctx->args[0] & 1;
	return 0;
}

/* Run by native on a CPU after binding: can this CPU read its counter? Returns 0 or -errno. */
SEC("raw_tp")
int try_counter(void *ctx)
{
	struct bpf_perf_event_value value;

	return bpf_perf_event_read_value(&counters, BPF_F_CURRENT_CPU, &value, sizeof(value));
}

/* Run by native in its own context: our pid as everything here names processes, in the first namespace. */
SEC("raw_tp")
int own_pid(void *ctx)
{
	return bpf_get_current_pid_tgid() >> 32;
}

static __always_inline struct energy_life *reserve_life(__u32 kind, struct task_struct *process)
{
	struct energy_life *life = bpf_ringbuf_reserve(&events, sizeof(*life), 0);

	if (!life) {
		__sync_fetch_and_add(&lost_events, 1);
		return 0;
	}
	life->kind = kind;
	life->tgid = process->tgid;
	life->start_ns = process->start_boottime;
	life->parent_start_ns = 0;
	life->parent_tgid = 0;
	life->pad = 0;
	copy_comm(life->comm, process);
	return life;
}

/* Loaded only to follow the descendants of a command. */
SEC("tp_btf/sched_process_fork")
int BPF_PROG(sched_process_fork, struct task_struct *parent, struct task_struct *child)
{
	struct energy_life *life;

	if (child->pid != child->tgid) /* a thread */
		return 0;
	life = reserve_life(ENERGY_FORK, child);
	if (!life)
		return 0;
	life->parent_tgid = parent->tgid;
	life->parent_start_ns = parent->group_leader->start_boottime;
	bpf_ringbuf_submit(life, BPF_RB_NO_WAKEUP);
	return 0;
}

/* A process that lives a millisecond may never be switched out between its exec and its end. */
SEC("tp_btf/sched_process_exec")
int BPF_PROG(sched_process_exec, struct task_struct *task)
{
	struct energy_life *life = reserve_life(ENERGY_EXEC, task);

	if (life)
		bpf_ringbuf_submit(life, BPF_RB_NO_WAKEUP);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(sched_process_exit, struct task_struct *task)
{
	struct energy_life *life;

	if (task->signal->live.counter) /* other threads go on */
		return 0;
	life = reserve_life(ENERGY_EXIT, task->group_leader);
	if (life)
		bpf_ringbuf_submit(life, BPF_RB_NO_WAKEUP);
	return 0;
}

/* A cgroup that is removed before anybody looks it up would have no name: a short job's container. */
SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(cgroup_mkdir, struct cgroup *cgroup, const char *path)
{
	struct energy_mkdir *event;
	long bytes;

	if (cgroup->root->hierarchy_id != cgroup_hierarchy)
		return 0;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		__sync_fetch_and_add(&lost_events, 1);
		return 0;
	}
	event->kind = ENERGY_MKDIR;
	event->cgroup = cgroup->kn->id;
	bytes = bpf_probe_read_kernel_str(event->path, sizeof(event->path), path);
	event->path_bytes = bytes > 0 ? bytes : 0;
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
	return 0;
}
