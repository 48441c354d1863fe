/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Settings, maps, and the ways to what is in them. */
#ifndef MAPS_BPF_H
#define MAPS_BPF_H

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
 * energy does not: there idle time weighs 1/32. */
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

#endif
