/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A trace of the simulated machine, as a file: little-endian, without padding.
 *
 *   struct trace_header
 *   struct trace_zone    [zones]    the CPUs that share a counter
 *   struct trace_task    [tasks]    task 0 is idle; a task's tgid is its index
 *   struct trace_record  [records]  by time
 *
 * Written by file.ts. It ends with a TRACE_DRAIN at the end of the simulated time; times begin at 0, where
 * every counter has its first record, with the value 0, and no CPU runs a task until its first TRACE_SWITCH.
 */
#ifndef TRACE_H
#define TRACE_H

#include <stdint.h>

#define TRACE_MAGIC "ENERGYT1"
#define TRACE_ZONE_CPUS 8
#define TRACE_NO_CPU 0xffffffffu
/* Counters count in units of 2^-32 J, as Linux's RAPL events do; they advance in steps of 2^-16 J. */
#define TRACE_JOULES_PER_COUNT (1.0 / 4294967296.0)

/* What the program's clock says when a trace begins: none begins at 0. */
#define TRACE_BEGINS_NS 1000000000ull

struct trace_header {
  char magic[8];
  uint32_t cpus;
  uint32_t zones;
  uint32_t tasks;
  uint32_t records;
};

struct trace_zone {
  uint32_t cpus[TRACE_ZONE_CPUS]; /* the rest is TRACE_NO_CPU */
};

struct trace_task {
  uint64_t start_ns; /* first runs */
  uint64_t cgroup;
  char comm[16]; /* NUL-terminated; the same for all processes of an executable */
};

enum trace_kind {
  TRACE_SWITCH = 1,  /* value: the task that runs from now on on cpu */
  TRACE_COUNTER = 2, /* value: what the counter of zone `cpu` reads from now on */
  TRACE_TICK = 3,    /* a timer tick on cpu, which runs a task */
  TRACE_DRAIN = 4,   /* on all CPUs, every second and at the end */
  TRACE_POLL = 5,    /* the meter polls on cpu, if it needs to */
  TRACE_EDGE = 6,    /* the counter of package `cpu` was seen to move; value: what it reads from now on */
};

struct trace_record {
  uint64_t time_ns;
  uint64_t value;
  uint32_t kind;
  uint32_t cpu;
};

_Static_assert(sizeof(struct trace_header) == 24, "as file.ts writes it");
_Static_assert(sizeof(struct trace_zone) == 32, "as file.ts writes it");
_Static_assert(sizeof(struct trace_task) == 32, "as file.ts writes it");
_Static_assert(sizeof(struct trace_record) == 24, "as trace.ts packs it");

#endif
