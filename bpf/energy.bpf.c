// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Charges energy to tasks at context switches.
 *
 * Each CPU gathers run time in a private table of rows, one per (process, cgroup), weighted by the power
 * that has been learned of the process: the energy it is predicted to have drawn. An energy counter moves
 * about once a millisecond, and is read when it can have moved: what it advanced, divided by what was
 * predicted since its last change, is the epoch's price, and owed on all that was gathered in it. A row is
 * settled, that is energy += pending x price[epoch], when it is next touched or swept: no loop over rows,
 * no helper, no hash map and no clock read at a switch.
 *
 * From counter to row: updates.bpf.h, counter.bpf.h, epochs.bpf.h, rows.bpf.h; what is learned from it:
 * powers.bpf.h.
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

#include "kernel.bpf.h"
#include "maps.bpf.h"
#include "powers.bpf.h"
#include "updates.bpf.h"
#include "counter.bpf.h"
#include "epochs.bpf.h"
#include "rows.bpf.h"
#include "events.bpf.h"
#include "hotplug.bpf.h"

SEC("tp_btf/sched_switch")
int BPF_PROG(sched_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	return on_switch(prev, next);
}

/* Before each timer, of which the tick is one: what runs on for milliseconds is then seen at every tick. CPUs
 * that sleep have no tick, and none is made for them. Soft timers run with interrupts on. */
SEC("tp_btf/hrtimer_expire_entry")
int BPF_PROG(hrtimer_expire_entry, struct hrtimer *timer)
{
	return timer->is_soft ? 0 : on_tick(bpf_get_current_task_btf());
}

/*
 * Run by native on each CPU (BPF_PROG_TEST_RUN) with the bank to change to: charges the running task,
 * ends the epoch and changes over, so that the old bank is complete and at rest.
 */
SEC("raw_tp")
int flush(struct bpf_raw_tracepoint_args *ctx)
{
	return change_over(bpf_get_current_task_btf(), ctx->args[0]);
}

/* Run by native on a CPU where tasks take turns and none of our events comes near the counter's. 1: it need
 * not go on. */
SEC("raw_tp")
int glance(void *ctx)
{
	return on_glance(bpf_get_current_task_btf());
}

/* Run by native on a CPU after binding: can this CPU read its counter? Returns 0 or -errno. */
SEC("raw_tp")
int try_counter(void *ctx)
{
	__u64 count;

	return read_counter(&count);
}

/* Run by native in its own context: our pid as everything here names processes, in the first namespace. */
SEC("raw_tp")
int own_pid(void *ctx)
{
	return bpf_get_current_pid_tgid() >> 32;
}
