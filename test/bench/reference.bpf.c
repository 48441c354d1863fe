// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What ours is measured against: a program that does nothing, one written without a thought for cost, and two
 * that do at each switch what well-known tools do: the same helpers and types of map in the same order, as
 * far as that is what they cost.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define PERCPU_ARRAY 6 /* as the kernel numbers types of maps */
#define LRU_HASH 9

struct usage {
  __u64 time_ns;
  __u64 counts;
};

struct {
  __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
  __uint(key_size, sizeof(__u32));
  __uint(value_size, sizeof(__u32));
  __uint(max_entries, 1024);
} counters SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 10240);
  __type(key, __u64);
  __type(value, struct usage);
} processes SEC(".maps"), cgroups SEC(".maps");

struct {
  __uint(type, PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct usage);
} last SEC(".maps");

SEC("tp_btf/sched_switch")
int BPF_PROG(empty, bool preempt, struct task_struct* prev, struct task_struct* next) { return 0; }

static __always_inline void add(void* map, __u64 key, struct usage* delta) {
  struct usage* found = bpf_map_lookup_elem(map, &key);

  if (found) {
    __sync_fetch_and_add(&found->time_ns, delta->time_ns);
    __sync_fetch_and_add(&found->counts, delta->counts);
  } else {
    bpf_map_update_elem(map, &key, delta, BPF_NOEXIST);
  }
}

/* Counter read, clock read and two hash updates at every switch; the whole delta to who was switched out. */
SEC("tp_btf/sched_switch")
int BPF_PROG(naive, bool preempt, struct task_struct* prev, struct task_struct* next) {
  struct bpf_perf_event_value value;
  __u64 now = bpf_ktime_get_ns();
  struct usage delta, *before;
  __u32 zero = 0;

  before = bpf_map_lookup_elem(&last, &zero);
  if (!before || bpf_perf_event_read_value(&counters, BPF_F_CURRENT_CPU, &value, sizeof(value))) return 0;
  delta.time_ns = now - before->time_ns;
  delta.counts = value.counter - before->counts;
  before->time_ns = now;
  before->counts = value.counter;
  add(&processes, prev->tgid, &delta);
  add(&cgroups, prev->cgroups->dfl_cgrp->kn->id, &delta);
  return 0;
}

#define SLOTS 36

struct histogram {
  __u32 slots[SLOTS];
  char comm[16];
};

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 10240);
  __type(key, __u32);
  __type(value, __u64);
} cpudist_starts SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 10240);
  __type(key, __u32);
  __type(value, struct histogram);
} cpudist_histograms SEC(".maps");

static __always_inline __u32 log2_of(__u64 value) {
  __u32 log = 0, bits;

#pragma unroll
  for (bits = 32; bits; bits >>= 1) {
    if (value >> bits) {
      value >>= bits;
      log += bits;
    }
  }
  return log;
}

/* As cpudist of bcc's libbpf-tools: when each thread began to run, in a hash map, and one histogram of for
 * how long they ran. */
SEC("tp_btf/sched_switch")
int BPF_PROG(cpudist_like, bool preempt, struct task_struct* prev, struct task_struct* next) {
  struct histogram none = {};
  __u64 now = bpf_ktime_get_ns(), *since;
  __u32 pid = prev->pid, next_pid = next->pid, all = -1, slot;
  struct histogram* found;

  since = bpf_map_lookup_elem(&cpudist_starts, &pid);
  if (since && now >= *since) {
    found = bpf_map_lookup_elem(&cpudist_histograms, &all);
    if (!found) {
      bpf_map_update_elem(&cpudist_histograms, &all, &none, BPF_ANY);
      found = bpf_map_lookup_elem(&cpudist_histograms, &all);
    }
    slot = log2_of((now - *since) / 1000);
    if (found && slot < SLOTS) __sync_fetch_and_add(&found->slots[slot], 1);
  }
  bpf_map_update_elem(&cpudist_starts, &next_pid, &now, BPF_ANY);
  return 0;
}

/* What was known of a process: 96 bytes. */
struct metrics {
  __u64 cgroup;
  __u64 pid;
  __u64 time_us;
  __u64 counts[3]; /* cycles, instructions, cache misses */
  __u64 page_hits;
  __u16 softirqs[10];
  char comm[16];
};

struct events {
  __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
  __uint(key_size, sizeof(__u32));
  __uint(value_size, sizeof(__u32));
  __uint(max_entries, 1024);
} kepler_cycles SEC(".maps"), kepler_instructions SEC(".maps"), kepler_misses SEC(".maps");

struct lasts {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1024);
  __type(key, __u32);
  __type(value, __u64);
} kepler_last_cycles SEC(".maps"), kepler_last_instructions SEC(".maps"), kepler_last_misses SEC(".maps");

struct {
  __uint(type, LRU_HASH);
  __uint(max_entries, 32768);
  __type(key, __u32);
  __type(value, __u64);
} kepler_starts SEC(".maps");

struct {
  __uint(type, LRU_HASH);
  __uint(max_entries, 32768);
  __type(key, __u32);
  __type(value, struct metrics);
} kepler_processes SEC(".maps");

static __always_inline __u64 advance_of(void* events, void* lasts, __u32 cpu) {
  struct bpf_perf_event_value value;
  __u64 *last, advance = 0;

  if (bpf_perf_event_read_value(events, cpu, &value, sizeof(value))) return 0;
  last = bpf_map_lookup_elem(lasts, &cpu);
  if (last && value.counter > *last) advance = value.counter - *last;
  bpf_map_update_elem(lasts, &cpu, &value.counter, BPF_ANY);
  return advance;
}

/* As the program that Kepler had on this tracepoint up to 0.9: three counters read, when a thread began to
 * run deleted and written anew, and two look-ups of processes. */
SEC("tp_btf/sched_switch")
int BPF_PROG(kepler_like, bool preempt, struct task_struct* prev, struct task_struct* next) {
  __u32 cpu = bpf_get_smp_processor_id(), pid = prev->pid, next_pid = next->pid;
  __u32 tgid = prev->tgid, next_tgid = next->tgid;
  __u64 now = bpf_ktime_get_ns(), cycles, instructions, misses, time_us = 0, *since;
  struct metrics* found;

  cycles = advance_of(&kepler_cycles, &kepler_last_cycles, cpu);
  instructions = advance_of(&kepler_instructions, &kepler_last_instructions, cpu);
  misses = advance_of(&kepler_misses, &kepler_last_misses, cpu);
  since = bpf_map_lookup_elem(&kepler_starts, &pid);
  if (since) {
    if (now > *since) time_us = (now - *since) / 1000;
    bpf_map_delete_elem(&kepler_starts, &pid);
  }
  found = time_us ? bpf_map_lookup_elem(&kepler_processes, &tgid) : 0;
  if (found) {
    found->time_us += time_us;
    found->counts[0] += cycles;
    found->counts[1] += instructions;
    found->counts[2] += misses;
  }
  bpf_map_update_elem(&kepler_starts, &next_pid, &now, BPF_ANY);
  if (!bpf_map_lookup_elem(&kepler_processes, &next_tgid)) {
    struct metrics fresh = {.pid = next_tgid, .cgroup = bpf_get_current_cgroup_id()};

    bpf_get_current_comm(fresh.comm, sizeof(fresh.comm));
    bpf_map_update_elem(&kepler_processes, &next_tgid, &fresh, BPF_NOEXIST);
  }
  return 0;
}
