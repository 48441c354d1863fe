// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Charges energy to tasks at context switches: the entry points.
 *
 * Each CPU accumulates run time in a private table of rows, one per process, cgroup and label, weighted by
 * the power that has been learned of the process: the energy it is predicted to have drawn. An energy counter
 * moves about once a millisecond, and is read when it can have moved. What it advanced, divided by what was
 * predicted since its last change, is the price of that window. Settling its rows, energy += pending x price,
 * waits until it is learned from, some windows later: no loop over rows, no helper, no hash map and no clock
 * read at a switch.
 *
 * A Joule's way: counter.bpf.h (counter to unpriced energy), window.bpf.h (to a price), table.bpf.h (to a
 * row). A slice's way: cpu.bpf.h (the occasions), charge.bpf.h (run time to a row), smt.bpf.h (what the
 * sibling makes of it). What is learned: learning.bpf.h and power_model.bpf.h (of processes), phase.bpf.h (of
 * the counter).
 *
 * Functions that are __noinline are global (not static) where they can be: the verifier then checks each
 * once, on its own, instead of anew on every path that leads to it (40 ms instead of 900). In return it
 * believes no caller, so each checks its pointers. Those that take a task are static, since a global
 * function's argument cannot point into the kernel, and so is account_start(), which is called in one place.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "cpu.bpf.h"
#include "hotplug.bpf.h"
#include "kernel.bpf.h"
#include "lifecycle.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL"; /* bpf_perf_event_read is GPL only */

/* Loaded only to follow the descendants of a command. */
SEC("tp_btf/sched_process_fork")
int BPF_PROG(sched_process_fork, struct task_struct *parent, struct task_struct *child)
{
	return on_fork(parent, child);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(sched_process_exec, struct task_struct *task, int old_pid, struct linux_binprm *binprm)
{
	return on_exec(task, binprm);
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(sched_process_exit, struct task_struct *task)
{
	return on_exit(task);
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(cgroup_mkdir, struct cgroup *cgroup, const char *path)
{
	return on_mkdir(cgroup, path);
}

/* Programs are attached in this order: whatever cpuhp_enter begins, cpuhp_exit ends. */
SEC("tp_btf/cpuhp_exit")
int BPF_PROG(cpuhp_exit, unsigned int cpu, int state, int idx)
{
	return on_hotplug_exit(cpu, idx);
}

SEC("tp_btf/cpuhp_enter")
int BPF_PROG(cpuhp_enter, unsigned int cpu, int target, int idx)
{
	return on_hotplug_enter(cpu, target, idx);
}

SEC("tp_btf/sched_switch")
int BPF_PROG(sched_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	return on_switch(prev, next);
}

/* Runs before each timer, of which the tick is one. CPUs that sleep have no tick, and none is made for them.
 * Soft timers run with interrupts on. */
SEC("tp_btf/hrtimer_expire_entry")
int BPF_PROG(hrtimer_expire_entry, struct hrtimer *timer)
{
	return timer->is_soft || !is_tick_due(expiry_of(timer)) ? 0 : on_tick(running_task());
}

/*
 * Native runs this on each CPU (BPF_PROG_TEST_RUN) with the buffer to write from now on: charges the running
 * task and ends the window, so that the old buffer is complete and nobody writes it any more. On a CPU that
 * needs a poll it runs this with ENERGY_POLL, until it returns 1: it need not go on.
 */
SEC("raw_tp")
int visit_cpu(struct bpf_raw_tracepoint_args *ctx)
{
	return on_visit(running_task(), ctx->args[0]);
}

/* Native runs this on a CPU after binding: can this CPU read its counter? Returns 0 or -errno. */
SEC("raw_tp")
int try_counter(void *ctx)
{
	__u64 count;

	return read_counter(&count);
}

/* Native runs this in its own context: its pid as everything here names processes, in the first namespace. */
SEC("raw_tp")
int own_pid(void *ctx)
{
	return bpf_get_current_pid_tgid() >> 32;
}
