// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What ours is measured against: a program that does nothing, and one written without a thought for cost. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

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
  __uint(type, 6 /* BPF_MAP_TYPE_PERCPU_ARRAY */);
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
