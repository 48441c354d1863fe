// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Charges energy to tasks at context switches.
 *
 * Each CPU gathers run time in a private table of rows, one per (process, cgroup). An energy counter
 * moves about once a millisecond, so it is read once per epoch (>= 1 ms, and only until it has moved);
 * the epoch's price, energy / run time, is then owed on all run time gathered in it. A row is settled,
 * that is energy += pending x price[epoch], when it is next touched or swept: no loop over rows, no
 * helper, no hash map and no clock read at a switch.
 *
 * sched_switch runs with the run queue's lock held and interrupts off, and flush() in an interrupt of
 * the same CPU: so a CPU's own memory needs no lock.
 */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "energy.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL"; /* bpf_perf_event_read_value is GPL only */

#include "maps.bpf.h"
#include "epochs.bpf.h"
#include "rows.bpf.h"
#include "events.bpf.h"

SEC("tp_btf/sched_switch")
int BPF_PROG(sched_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	struct energy_cpu *c = this_cpu();
	__u64 now = run_clock(prev);

	if (!c)
		return 0;
	charge(prev, c, now);
	if (shared_zones)
		c->running = next->pid != 0;
	if (now >= c->deadline) {
		c->clock_offset = bpf_ktime_get_ns() - now;
		close_epoch(c, now, false);
	}
	return 0;
}

/*
 * Run by native on each CPU (BPF_PROG_TEST_RUN) with the bank to change to: charges the running task,
 * ends the epoch and changes over, so that the old bank is complete and at rest.
 */
SEC("raw_tp")
int flush(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct energy_cpu *c = this_cpu();
	__u64 now = run_clock(task);

	if (!c)
		return 0;
	if (c->started) {
		/* A sleeping CPU's run queue clock stands still. A busy one's is at most a tick old. */
		if (!task->pid)
			now = bpf_ktime_get_ns() - c->clock_offset;
		/* The two clocks drift apart by some ns until the next switch compares them. */
		if ((__s64)(now - c->ts) < 0)
			now = c->ts;
		charge(task, c, now);
		c->switches--;
		close_epoch(c, now, true);
	}
	bank_of(c)->switches = c->switches;
	c->switches = 0;
	c->bank = ctx->args[0] & 1;
	return 0;
}

/* Run by native on a CPU after binding: can this CPU read its counter? Returns 0 or -errno. */
SEC("raw_tp")
int try_counter(void *ctx)
{
	struct bpf_perf_event_value value;

	return bpf_perf_event_read_value(&counters, BPF_F_CURRENT_CPU, &value, sizeof(value));
}

/* Run by native in its own context: our pid as everything here names processes, in the first namespace. */
SEC("raw_tp")
int own_pid(void *ctx)
{
	return bpf_get_current_pid_tgid() >> 32;
}
