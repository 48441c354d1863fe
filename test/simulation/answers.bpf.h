/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What bpf/kernel.bpf.h asks of the kernel is answered here from a trace: its twin, function by function. It
 * takes the guards of that file and of the kernel's types, and so their place in all headers that are
 * included after it.
 */
#ifndef KERNEL_BPF_H
#define KERNEL_BPF_H
#define __VMLINUX_H__

#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>

#include "machine.h"

/* race.c runs two CPUs at once, each with a clock of its own. */
#ifdef __bpf__
#define PER_THREAD
#else
#define PER_THREAD __thread
#endif

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, MACHINE_TASKS);
  __uint(map_flags, BPF_F_MMAPABLE);
  __type(key, __u32);
  __type(value, struct task_struct);
} tasks SEC(".maps");

struct machine machine;
PER_THREAD __u64 clock_ns;
PER_THREAD __u32 cpu_now;

/* Counters of a trace do not fail. */
static __always_inline void ring_alarm(void) {}

static __always_inline __u64 monotonic_clock(void) {
#ifndef __bpf__
  static __u32 reads;

  /* As long as a hypervisor may run others. */
  if (machine.held_up && ++reads % machine.held_up == 0) return clock_ns + 1500000;
#endif
  return clock_ns;
}

static __always_inline void read_clocks(struct task_struct* task, __u64* run_ns, __u64* wall_ns) {
  *run_ns = *wall_ns = clock_ns;
}

static __always_inline __u32 current_cpu(void) { return cpu_now; }

static __always_inline __u32 cgroup_tag(struct task_struct* task) { return task->cgroup; }

static __always_inline __u64 cgroup_id(struct task_struct* task) { return task->cgroup; }

static __always_inline __u64 started_at(struct task_struct* task) { return task->start_ns; }

static __always_inline __u32 task_label(struct task_struct* task) { return task->label; }

static __always_inline struct task_struct* process_of(struct task_struct* task) { return task; }

static __always_inline void copy_comm(char* to, struct task_struct* task) {
  ((__u64*)to)[0] = ((__u64*)task->comm)[0];
  ((__u64*)to)[1] = ((__u64*)task->comm)[1];
}

#ifndef __bpf__
/* As drivers do for perf (rapl_event_update()): it takes a microsecond in which the other thread goes on, and
 * that two CPUs read at once it does not expect (race.c). */
static __always_inline __u64 count_event(__u32 zone) {
  __u64 before = *(volatile __u64*)&machine.last[zone], value = *(volatile __u64*)&machine.counter[zone];

  for (__u32 i = machine.read_spins; i > 0; i--) __asm__ volatile("" ::: "memory");
  *(volatile __u64*)&machine.last[zone] = value;
  return *(volatile __u64*)&machine.event[zone] += value - before;
}
#endif

static __always_inline long read_counter(__u64* count) {
  __u32 zone = machine.zone[cpu_now & (MACHINE_CPUS - 1)] & (MACHINE_CPUS - 1);
  __u64 value = *(volatile __u64*)&machine.counter[zone];

#ifndef __bpf__
  if (machine.read_spins) {
    *count = count_event(zone);
    return 0;
  }
#endif
  if (!machine.based[zone]) {
    machine.based[zone] = 1;
    machine.first[zone] = value;
  } else if (value > machine.last[zone]) {
    machine.advanced[zone] += value - machine.last[zone];
  }
  machine.last[zone] = value;
  *count = value;
  return 0;
}

#endif
