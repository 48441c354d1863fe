/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * CPUs that go and come, for whatever reason: sysfs, SMT control, a suspend.
 *
 * Its own thread cpuhp/N takes CPU N through most states of hotplug, and another CPU through some while N is
 * dead; there is a tracepoint before and after each state. On its own CPU a program may be interrupted by
 * switches and ticks: all it writes there is single words.
 */
#ifndef HOTPLUG_BPF_H
#define HOTPLUG_BPF_H

#include "cpu.bpf.h"
#include "energy.h"
#include "kernel.bpf.h"
#include "maps.bpf.h"

#define IS_STATE(idx, name) ((idx) == (int)bpf_core_enum_value(enum cpuhp_state, name))

/* After a state: a CPU has come, or does not go after all. (If it has just begun to go, this only rings.)
 */
static __always_inline int on_hotplug_exit(unsigned int cpu, int idx)
{
	struct energy_cpu *c = bpf_map_lookup_elem(&cpus, &cpu);

	if (!c || !IS_STATE(idx, CPUHP_AP_ACTIVE))
		return 0;
	*(volatile __u32 *)&c->leaving = 0;
	ring_alarm();
	return 0;
}

/* Before a state. */
static __always_inline int on_hotplug_enter(unsigned int cpu, int target, int idx)
{
	struct energy_cpu *c = bpf_map_lookup_elem(&cpus, &cpu);
	bool down = target < idx;

	if (!c)
		return 0;
	/* Another CPU is about to start this one, or has just seen it die: then user space finds a new lead
	 * for its core. */
	if (IS_STATE(idx, CPUHP_BRINGUP_CPU)) {
		account_retire(c);
		if (down)
			ring_alarm();
	}
	/* The last moment at which its events live. Some switches are still to come. */
	if (down && IS_STATE(idx, CPUHP_AP_PERF_ONLINE)) {
		*(volatile __u32 *)&c->leaving = 1;
		*(volatile __u64 *)&c->deadline_ns = 0;
	}
	return 0;
}

#endif
