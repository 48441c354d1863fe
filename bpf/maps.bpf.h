/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Settings, maps, and the ways to what is in them. */
#ifndef MAPS_BPF_H
#define MAPS_BPF_H

#define ENOENT		2
#define MAX_STINT_NS	(1ULL << 31) /* longer stints take the slow path, which knows wide products */
#define HASH_MULTIPLIER 0x9E3779B1   /* 2^32 / golden ratio: Knuth, TAOCP 3, 6.4 */

/* Some counter is shared by the threads of a core: costs some ns per switch. */
const volatile bool shared_zones = false;
/* The counter runs in idle as in use (a clock), so idle time is expected to cost as much as any. */
const volatile bool idle_pays = false;
/* Units per count = 2^this. A unit is about 2^-32 J: powers then fit 2^-12 units per ns. */
const volatile __u32 count_shift = 0;
/* What the counter cannot exceed, units per ns; 0: not known. More than that is a jump, and nobody's. */
const volatile __u64 max_power = 0;
/* Time between two updates of the counter, ns; 0: it moves all the time. Set by native when known. */
__u64 period_ns = 0;
/* ... and by how much an update may be early or late. */
__u64 jitter_ns = 60000;
/* What a CPU draws that runs something, 2^-12 units per ns: expected of all of which nothing is known. One
 * watt, until native knows better from polling the counter. */
__u32 first_power = 17592;

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

/* Learned powers, by hash of the owner, and by hash of the name. Direct-mapped arrays, not hashes: looked up
 * without a call; what collides is learned anew. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1 << ENERGY_POWER_BITS);
	__type(key, __u32);
	__type(value, struct energy_power);
} powers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1 << ENERGY_CLASS_BITS);
	__type(key, __u32);
	__type(value, struct energy_class);
} classes SEC(".maps");

/* struct energy_life and energy_mkdir, read by native at each drain. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20);
} events SEC(".maps");

/* Events that found no room in the ring. */
__u64 lost_events;

static __always_inline struct energy_cpu *this_cpu(void)
{
	__u32 cpu = current_cpu();

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
