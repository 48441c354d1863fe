/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where the program runs: in this process (host.c) or in the kernel (kernel.c). */
#ifndef ENGINE_H
#define ENGINE_H

#include "energy.h"
#include "machine.h"
#include "trace.h"

#ifdef __cplusplus
extern "C" {
#endif

struct settings {
  __u32 cpus;
  __u32 zones;
  __u32 tasks;
  __u32 shared_zones; /* whether CPUs share a counter */
  __u64 max_power;    /* units per ns, as in bpf/settings.bpf.h; 0: not known */
  __u64 period_ns;
  __u32 logs; /* whether switches are ever logged */
};

/* Memory of the program: the runner lays it out and reads it. */
struct engine {
  struct machine* machine;
  struct task_struct* tasks;
  struct energy_cpu* cpus;
  struct energy_zone* zones;
  /* On the host only: */
  struct energy_log* logs;           /* by CPU */
  struct energy_update_log* updates; /* by zone */
  __u32* logging;                    /* not 0: switches are logged */
  struct energy_power* powers;       /* 2^ENERGY_POWER_BITS of them */
  __u32 verified;                    /* instructions that the verifier went through; 0 on the host */
};

/* One line to standard error, and the end. `error`: an errno, or 0. */
void fail(const char* what, int error) __attribute__((noreturn));

struct engine open_engine(const struct settings* settings);
void run(const struct trace_record* records, __u32 count);
/* Empties a buffer's overflow map. */
void take_spills(__u32 buffer, void (*take)(const struct energy_spill_key*, const struct energy_spill*));

#ifdef __cplusplus
}
#endif

#endif
