/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Learning from counters of cores (native/core_model.h), as the meter's thread does it, at the times of a
 * trace instead of a clock's. Times are those of the program's clock.
 */
#ifndef CORE_REPLAY_H
#define CORE_REPLAY_H

#include "engine.h"

#ifdef __cplusplus
extern "C" {
#endif

/* `engine`: with logs and powers; it outlives this. `zones`: the CPUs of each counter. */
void open_learning(const struct engine* engine, const struct trace_zone* zones, __u32 count, double period_ns,
                   double max_watts);
/* It is `now_ns`: before what happens then, and after it. */
void learn_before(__u64 now_ns);
void learn_after(__u64 now_ns);

#ifdef __cplusplus
}
#endif

#endif
