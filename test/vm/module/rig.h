/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A synthetic RAPL: a model knows the energy, pmu.c shows it to perf as arch/x86/events/rapl.c does.
 */
#ifndef RIG_H
#define RIG_H

#include <linux/cpumask.h>
#include <linux/types.h>

/* A core and its hardware threads, or the rest of the package (no threads). */
struct domain;

int rig_model_start(void);
void rig_model_stop(void);
/* Says that a CPU is dead: its last switch, stopper to idle, fires no tracepoint. 0. */
int rig_model_cpu_dead(unsigned int cpu);
/* Says that a CPU is online, maybe for the first time. 0 or -errno. */
int rig_model_cpu_online(unsigned int cpu);
/* Says that a new perf event is about to count a core. */
void rig_opened(struct domain *core, const void *event);
/* Says that the driver has passed an event on to another CPU: only who knows of that can read it. */
void rig_passed_on(struct domain *core, const void *event);
/* What the register of a core, in units of 2^-16 J and 32 bits wide, shows to a perf event that begins to
 * count it, or goes on: also to one that ends, which says so before. */
u32 rig_begin(struct domain *core, const void *event);
u32 rig_read(struct domain *core, const void *event);
void rig_end(struct domain *core, const void *event);

/* The core of a CPU, NULL if it has not been online since the module was loaded. */
struct domain *rig_core_of(unsigned int cpu);
const struct cpumask *rig_threads(const struct domain *core);
/* ... and that of the package. */
u32 rig_package_register(void);

#endif
