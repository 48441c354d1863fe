/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * CPUs that go and come, for whatever reason: sysfs, SMT control, a suspend.
 *
 * Through most states of hotplug CPU N is taken by its own thread cpuhp/N, through some by another CPU while
 * it is dead; there is a tracepoint before and after each. On its own CPU a program may be interrupted by
 * switches and ticks: all it writes there is single words.
 */
#ifndef HOTPLUG_BPF_H
#define HOTPLUG_BPF_H

#define IS_STATE(idx, name) ((idx) == (int)bpf_core_enum_value(enum cpuhp_state, name))

/* A dead CPU runs nothing, and its account is complete. */
static __always_inline void lay_down(struct energy_cpu *c)
{
	if (c->standing != ENERGY_KEPT)
		return;
	/* Of what a tick has gathered since its last switch nothing is known. */
	bank_of(c)->price[c->epoch & (ENERGY_PRICES - 1)] = 0;
	c->busy = busy_at(c->busy, c->clock);
	c->running = 0;
	bank_of(c)->switches += c->switches;
	c->switches = 0;
	__sync_lock_test_and_set(&c->standing, ENERGY_AT_REST); /* and all of the above before */
}

/* A CPU has come, or does not go after all; or it has just begun to go, to which this does nothing. Attached
 * before the other, so that whatever that begins this ends. */
SEC("tp_btf/cpuhp_exit")
int BPF_PROG(cpuhp_exit, unsigned int cpu, int state, int idx)
{
	struct energy_cpu *c = bpf_map_lookup_elem(&cpus, &cpu);

	if (!c || !IS_STATE(idx, CPUHP_AP_ACTIVE))
		return 0;
	*(volatile __u32 *)&c->leaving = 0;
	ring_alarm();
	return 0;
}

SEC("tp_btf/cpuhp_enter")
int BPF_PROG(cpuhp_enter, unsigned int cpu, int target, int idx)
{
	struct energy_cpu *c = bpf_map_lookup_elem(&cpus, &cpu);
	bool down = target < idx;

	if (!c)
		return 0;
	/* Another CPU is about to start this one, or has just seen it die: then user space finds a new lead
	 * for its core. */
	if (IS_STATE(idx, CPUHP_BRINGUP_CPU)) {
		lay_down(c);
		if (down)
			ring_alarm();
	}
	/* The last moment at which its events live. Some switches are still to come. */
	if (down && IS_STATE(idx, CPUHP_AP_PERF_ONLINE)) {
		*(volatile __u32 *)&c->leaving = 1;
		*(volatile __u64 *)&c->deadline = 0;
	}
	return 0;
}

#endif
