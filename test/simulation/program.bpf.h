/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The source of bpf/energy.bpf.c, put to the simulated machine instead of the kernel. */
#ifndef PROGRAM_BPF_H
#define PROGRAM_BPF_H

#include "answers.bpf.h" /* before all that asks the kernel */
#include "cpu.bpf.h"
#include "energy.h"
#include "maps.bpf.h"
#include "trace.h"

/* One record of a trace; of TRACE_DRAIN there is one for each CPU. */
static __always_inline void step(const struct trace_record* record) {
  __u32 cpu = record->cpu & (MACHINE_CPUS - 1), from, to = record->value;
  struct task_struct *prev, *next;

  if (record->kind == TRACE_COUNTER) {
    machine.counter[cpu] = record->value;
    return;
  }
  clock_ns = record->time_ns + TRACE_BEGINS_NS;
  cpu_now = cpu;
  from = machine.running[cpu];
  prev = bpf_map_lookup_elem(&tasks, &from);
  if (!prev) return;
  if (record->kind == TRACE_SWITCH) {
    next = bpf_map_lookup_elem(&tasks, &to);
    if (!next) return;
    if (machine.labels && next->tgid) next->label = 1 + next->label % machine.labels;
    on_switch(prev, next);
    machine.running[cpu] = to;
  } else if (record->kind == TRACE_TICK) {
    on_tick(prev);
  } else if (record->kind == TRACE_POLL) {
    struct energy_zone* z;

    from = machine.zone[cpu];
    z = bpf_map_lookup_elem(&zones, &from);
    if (z && z->needs_poll && on_visit(prev, ENERGY_POLL)) z->needs_poll = 0;
  } else if (record->kind == TRACE_DRAIN) {
    struct energy_cpu* c = this_cpu();

    if (c) on_visit(prev, c->buffer ^ 1);
  }
}

#endif
