/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A synthetic RAPL: model.c knows the energy, pmu.c shows it to perf as arch/x86/events/rapl.c does.
 */
#ifndef RIG_H
#define RIG_H

#include <linux/cpumask.h>
#include <linux/types.h>

/* A core and its hardware threads, or the rest of the package (no threads). */
struct domain;

int rig_model_start(void);
void rig_model_stop(void);
/* Says that a CPU is dead: its last switch, stopper to idle, fires no tracepoint. */
void rig_model_cpu_dead(unsigned int cpu);
/* Says that a CPU is online, maybe for the first time. 0 or -errno. */
int rig_model_cpu_online(unsigned int cpu);
/* Says that a new perf event counts a core. */
void rig_opened(struct domain *core);
/* Says that a perf event begins (1) or ends (-1) to count a core. */
void rig_watch(struct domain *core, int change);

/* The core of a CPU, NULL if it has not been online since the module was loaded. */
struct domain *rig_core_of(unsigned int cpu);
const struct cpumask *rig_threads(const struct domain *core);
/* What the hardware's register would show now: units of 2^-16 J, 32 bits wide. */
u32 rig_core_register(struct domain *core);
u32 rig_package_register(void);

#endif
