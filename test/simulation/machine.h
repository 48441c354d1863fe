/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the simulated machine is made of, as the program that is replayed and its engine share it. */
#ifndef MACHINE_H
#define MACHINE_H

#include <linux/types.h>

enum {
  MACHINE_CPUS = 256,
  MACHINE_TASKS = 32768,
  MACHINE_RECORDS = 65536, /* replayed in one run in the kernel */
};

/* As much of a task as the program asks for. */
struct task_struct {
  int pid;
  int tgid;
  __u64 start_ns;
  __u64 cgroup;
  char comm[16];
  __u32 label; /* another one each time that it begins to run */
};

struct machine {
  __u32 zone[MACHINE_CPUS]; /* by CPU, set before the first record */
  __u32 running[MACHINE_CPUS];
  __u64 counter[MACHINE_CPUS]; /* by zone, as are the others */
  __u32 read_spins;            /* how long a reading takes; not 0: it is read as perf reads */
  __u32 held_up; /* not 0: each time that it has read a clock so often, a CPU is held up before */
  __u32 labels;  /* how many of them a task goes through, from 1 on; 0: it has none */
  /* What was read of them. */
  __u32 based[MACHINE_CPUS];
  __u64 first[MACHINE_CPUS];
  __u64 last[MACHINE_CPUS];
  __u64 advanced[MACHINE_CPUS]; /* sum of what a reading was more than the one before */
  __u64 event[MACHINE_CPUS];    /* what perf's event has counted */
};

#endif
