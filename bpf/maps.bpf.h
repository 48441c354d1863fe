/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The maps of what is measured, and the ways to what is in them. Those by which BPF speaks with the kernel
 * and wakes native are in kernel.bpf.h, and the ring of events in lifecycle.bpf.h: the simulator has neither.
 */
#ifndef MAPS_BPF_H
#define MAPS_BPF_H

#include "kernel.bpf.h"
#include "energy.h"

/* All accounts; index = CPU. BPF writes them; native reads and zeroes their buffers through mmap. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct energy_cpu);
} cpus SEC(".maps");

/* The counters' last values; index = zone. Native lays them out through mmap, BPF writes them. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct energy_zone);
} zones SEC(".maps");

/* Rows that found no room, one behind the other: who ended is never found again, and so need not be looked
 * for. Index = (CPU x 2 + buffer) x spill_log_rows + the row's number. Native reads them through mmap and
 * makes room. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct energy_spilled);
} spill_log SEC(".maps");

/* How many rows of one buffer that log has room for. 0: it has none, as in the simulator. */
const volatile __u32 spill_log_rows = 0;

/* Rows for which that log had no room, one map per buffer; native empties them. They are preallocated:
 * nothing is allocated under the run queue's lock. */
struct spill_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 32768); /* as many as the simulator has; native sets max_tasks */
	__type(key, struct energy_spill_key);
	__type(value, struct energy_spill);
} spills0 SEC(".maps"), spills1 SEC(".maps");

/* The last resort: rows by cgroup alone. */
struct cgroup_spill_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct energy_spill_key);
	__type(value, struct energy_spill);
} cgroup_spills0 SEC(".maps"), cgroup_spills1 SEC(".maps");

/* Learned powers; index = low bits of the owner. Direct-mapped arrays, not hash maps, are looked up without a
 * call; whatever collides is learned anew. Native corrects them through mmap. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1 << ENERGY_POWER_BITS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct energy_power);
} powers SEC(".maps");

/* Mean powers of all processes of an executable; index = hash of its name. A new process is expected to draw
 * that. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1 << ENERGY_COMM_BITS);
	__type(key, __u32);
	__type(value, struct energy_mean);
} comm_classes SEC(".maps");

/* Logs of switches; index = CPU. BPF writes them, native reads them through mmap. Native makes room for all
 * CPUs where it listens. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct energy_log);
} logs SEC(".maps");

/* Logs of the counters' updates; index = zone. As the ones above. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct energy_update_log);
} updates SEC(".maps");

static __always_inline struct energy_cpu *this_cpu(void)
{
	__u32 cpu = current_cpu();

	return bpf_map_lookup_elem(&cpus, &cpu);
}

/* Whether native ever gives BPF a counter to read. Where it does not, the verifier leaves out all that is
 * done with one, which is half of its work. */
const volatile bool reads_counters = true;

/* The CPU's counter; null: it has none that BPF can read. */
static __always_inline struct energy_zone *zone_of(struct energy_cpu *c)
{
	__u32 zone = c->zone;

	if (!reads_counters)
		return 0;
	return bpf_map_lookup_elem(&zones, &zone);
}

static __always_inline struct energy_buffer *buffer_of(struct energy_cpu *c)
{
	return &c->buffers[c->buffer & 1];
}

static __always_inline struct energy_hot *hot_at(struct energy_buffer *b, __u32 row)
{
	return &b->hot[row & (ENERGY_ROWS - 1)];
}

static __always_inline struct energy_cold *cold_at(struct energy_buffer *b, __u32 row)
{
	return &b->cold[row & (ENERGY_ROWS - 1)];
}

static __always_inline __u64 *price_of(struct energy_buffer *b, __u32 window)
{
	return &b->price[window & (ENERGY_PRICES - 1)];
}

#endif
