/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What native sets: constants before the programs are loaded, variables after calibration. Those that only
 * say which part of the kernel is meant are in kernel.bpf.h, since the simulator has no such part.
 */
#ifndef SETTINGS_BPF_H
#define SETTINGS_BPF_H

#include "energy.h"
#include "kernel.bpf.h"

/* Whether the threads of a core share a counter. It costs some ns per switch. */
const volatile bool shared_zones = false;
/* Whether the counter runs in idle as in use (a clock): idle time is then expected to cost as much as any. */
const volatile bool idle_pays = false;
/* Units per count, as a power of two. A unit is about 2^-32 J: powers then fit 2^-12 units per ns. */
const volatile __u32 count_shift = 0;
/* What the counter cannot exceed, units per ns; 0: not known. An advance above that is a jump, and nobody's.
 */
const volatile __u64 max_power = 0;
/* Whether native ever listens to switches. Where it does not, they are not even asked. */
const volatile bool has_logs = false;
/* Not 0: native listens, and each switch is written to the log of its CPU. */
__u32 logging = 0;
/* Time between two updates of the counter; 0: it moves all the time. */
__u64 period_ns = 0;
/* How much an update may be early or late. */
__u64 jitter_ns = 60000;
/* Power of a CPU that runs something, 2^-12 units per ns: what is expected where nothing has been learned,
 * until native has polled the counter. */
__u32 first_power = ENERGY_WATT;

#endif
