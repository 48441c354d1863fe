/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * All that is asked of the kernel, and its types. The simulator (test/simulation) has a twin of this file
 * that answers from a trace; everything that includes it runs there too.
 */
#ifndef KERNEL_BPF_H
#define KERNEL_BPF_H

#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

/* Index of the cgroup v1 controller whose cgroups are charged (css_set.subsys[]); -1: cgroup v2. */
const volatile int cgroup_subsys = -1;
/* Id of that hierarchy as in /proc/cgroups; 0: cgroup v2. Ids of cgroups are unique only within one. */
const volatile int cgroup_hierarchy = 0;

#define MAX_ERRNO 4095ULL

/* Energy counters; index = CPU. Native writes them, BPF reads them. Without PRESERVE_ELEMS the slots vanish
 * when the descriptor that wrote them is closed. */
struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(map_flags, BPF_F_PRESERVE_ELEMS);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} counters SEC(".maps");

/*
 * The clocks of the run queue, ns: that of tasks, which the scheduler has just read for its own accounting,
 * so that it costs nothing, and which leaves out what the hypervisor stole, as sum_exec_runtime does; and
 * behind it that with interrupts, by which two CPUs of a core can be compared. A task's cfs_rq is this CPU's
 * while it runs, idle included.
 *
 * Each pointer is loaded from a task once for all that needs it, here and below: at each such load Linux from
 * 6.13 on searches its whole BTF as it verifies a program, which takes most of a millisecond.
 */
static __always_inline void read_clocks(struct task_struct *task, __u64 *run_ns, __u64 *wall_ns)
{
	if (bpf_core_field_exists(task->se.cfs_rq)) { /* CONFIG_FAIR_GROUP_SCHED */
		struct rq *rq = task->se.cfs_rq->rq;

		*run_ns = rq->clock_task;
		*wall_ns = rq->clock;
	} else {
		*run_ns = *wall_ns = bpf_ktime_get_ns();
	}
}

/* The running task of this CPU, which must not change it just now. What is loaded from a pointer that comes
 * from a run queue is not searched for as above, and is checked at each load instead: that does at ticks, but
 * is too much at switches. */
static __always_inline struct task_struct *running_task(void)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (bpf_core_field_exists(task->se.cfs_rq))
		return task->se.cfs_rq->rq->curr;
	return task;
}

/* Low half of the css_set's address, as a number: the verifier allows no arithmetic on the pointer. */
static __always_inline __u32 cgroup_tag(struct task_struct *task)
{
	__u64 address = (__u64)task->cgroups;
	__u32 low;

	asm volatile("%0 = %1" : "=w"(low) : "w"((__u32)address));
	return low;
}

/* Id of the cgroup of the running task. */
static __always_inline __u64 cgroup_id(struct task_struct *task)
{
	struct cgroup_subsys_state *css = 0;

	if (cgroup_subsys < 0)
		return bpf_get_current_cgroup_id();
	/* The index is known only at load time and BTF pointers take constant offsets only. */
	bpf_probe_read_kernel(&css, sizeof(css),
			      (void *)task->cgroups + bpf_core_field_offset(struct css_set, subsys) +
				      cgroup_subsys * sizeof(css));
	return css ? BPF_CORE_READ(css, cgroup, kn, id) : 0;
}

/* What a task works on, as an opaque number: its time goes to rows of that label. 0: no label, as always for
 * idle. Nothing sets labels yet. Whatever will (a request, a stack) answers here; the label at the end of a
 * slice counts for the whole slice. It is asked several times at a switch, and once more for the next task:
 * each time it must answer the same. A label is a row of its own: ENERGY_LEARNED and max_tasks count rows, so
 * a process with many labels fills them alone. */
static __always_inline __u32 task_label(struct task_struct *task)
{
	return 0;
}

/* The time for which a timer was set, CLOCK_MONOTONIC, ns: with the other clocks it is later than now. It is
 * never much before the time at which the timer expires. 0: not known. */
static __always_inline __u64 expiry_of(struct hrtimer *timer)
{
	return bpf_core_field_exists(timer->_softexpires) ? timer->_softexpires : 0;
}

/* A task's process: the first of its threads. Whoever needs it asks before paths part, and the barrier keeps
 * the compiler from asking later. */
static __always_inline struct task_struct *process_of(struct task_struct *task)
{
	struct task_struct *process = task->group_leader;

	barrier_var(process);
	return process;
}

static __always_inline void copy_comm(char *to, struct task_struct *process)
{
	((__u64 *)to)[0] = ((__u64 *)process->comm)[0];
	((__u64 *)to)[1] = ((__u64 *)process->comm)[1];
}

/* start_boottime of a process, ns. */
static __always_inline __u64 started_at(struct task_struct *process)
{
	return process->start_boottime;
}

static __always_inline __u32 current_cpu(void)
{
	return bpf_get_smp_processor_id();
}

/* The count of this CPU's counter. Returns 0 or -errno, which no count looks like: they begin at 0. This
 * helper takes half the time of the one that also tells for how long the event was enabled. */
static __always_inline long read_counter(__u64 *count)
{
	__u64 value = bpf_perf_event_read(&counters, BPF_F_CURRENT_CPU);

	*count = value;
	return value >= -MAX_ERRNO ? (long)value : 0;
}

/* Whatever is written to this ring wakes user space, which then looks after its counters. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} alarms SEC(".maps");

/* A full ring has rung already. */
static __always_inline void ring_alarm(void)
{
	__u64 nothing = 0;

	bpf_ringbuf_output(&alarms, &nothing, sizeof(nothing), BPF_RB_FORCE_WAKEUP);
}

/* CLOCK_MONOTONIC, ns. Reading it takes 30 to 70 ns. */
static __always_inline __u64 monotonic_clock(void)
{
	return bpf_ktime_get_ns();
}

#endif
