/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The source of bpf/energy.bpf.c, put to the simulated machine instead of the kernel. */
#ifndef PROGRAM_BPF_H
#define PROGRAM_BPF_H

#include "energy.h"
#include "trace.h"
#include "answers.bpf.h"
#include "maps.bpf.h"
#include "powers.bpf.h"
#include "updates.bpf.h"
#include "counter.bpf.h"
#include "epochs.bpf.h"
#include "rows.bpf.h"

/* One record of a trace; of TRACE_DRAIN there is one for each CPU. */
static __always_inline void step(const struct trace_record* record) {
  __u32 cpu = record->cpu & (MACHINE_CPUS - 1), from, to = record->value;
  struct task_struct *prev, *next;

  if (record->kind == TRACE_COUNTER) {
    machine.counter[cpu] = record->value;
    return;
  }
  clock_ns = record->time_ns + 1000000000; /* no clock begins at 0 */
  cpu_now = cpu;
  from = machine.running[cpu];
  prev = bpf_map_lookup_elem(&tasks, &from);
  if (!prev) return;
  if (record->kind == TRACE_SWITCH) {
    next = bpf_map_lookup_elem(&tasks, &to);
    if (!next) return;
    on_switch(prev, next);
    machine.running[cpu] = to;
  } else if (record->kind == TRACE_TICK) {
    on_tick(prev);
  } else if (record->kind == TRACE_GLANCE) {
    struct energy_zone* z;

    from = machine.zone[cpu];
    z = bpf_map_lookup_elem(&zones, &from);
    if (z && z->blind && on_glance(prev)) z->blind = 0;
  } else if (record->kind == TRACE_DRAIN) {
    struct energy_cpu* c = this_cpu();

    if (c) change_over(prev, c->bank ^ 1);
  }
}

#endif
