/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What becomes of processes and cgroups: names for those that are gone when they are looked up. */
#ifndef LIFECYCLE_BPF_H
#define LIFECYCLE_BPF_H

#include "energy.h"
#include "energy_events.h"
#include "kernel.bpf.h"
#include "log.bpf.h"
#include "table.bpf.h"

enum { EVENTS_BYTES = 8 << 20 };

/* struct energy_lifecycle and energy_mkdir, which native reads at each drain, and before that when half of
 * the ring is full. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, EVENTS_BYTES);
} events SEC(".maps");

/* Events that found no room in the ring. */
__u64 lost_events;

/* Hands a record over. Nobody is woken while a drain will be early enough. */
static __always_inline void submit(void *event)
{
	_Bool crowded = bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) >= EVENTS_BYTES / 2;

	bpf_ringbuf_submit(event, crowded ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
}

static __always_inline void describe_process(struct energy_lifecycle *event, __u32 kind,
					     struct task_struct *process)
{
	event->kind = kind;
	event->tgid = process->tgid;
	event->start_ns = process->start_boottime;
	event->parent_start_ns = 0;
	event->parent_tgid = 0;
	event->program_bytes = 0;
	copy_comm(event->comm, process);
}

static __always_inline struct energy_lifecycle *reserve_lifecycle(__u32 kind, struct task_struct *process)
{
	struct energy_lifecycle *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event) {
		__sync_fetch_and_add(&lost_events, 1);
		return 0;
	}
	describe_process(event, kind, process);
	return event;
}

/* The name of the file, not of what was asked for: /proc/PID/exe says the same for as long as it lives. */
static __always_inline struct energy_exec *reserve_exec(struct task_struct *process,
							struct linux_binprm *binprm)
{
	struct energy_exec *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	long bytes;

	if (!event) {
		__sync_fetch_and_add(&lost_events, 1);
		return 0;
	}
	describe_process(&event->process, ENERGY_EXEC, process);
	bytes = bpf_probe_read_kernel_str(event->program, sizeof(event->program),
					  binprm->file->f_path.dentry->d_name.name);
	event->process.program_bytes = bytes > 0 ? bytes : 0;
	return event;
}

static __always_inline int on_fork(struct task_struct *parent, struct task_struct *child)
{
	struct energy_lifecycle *event;

	if (child->pid != child->tgid) /* a thread */
		return 0;
	event = reserve_lifecycle(ENERGY_FORK, child);
	if (!event)
		return 0;
	event->parent_tgid = parent->tgid;
	event->parent_start_ns = parent->group_leader->start_boottime;
	submit(event);
	return 0;
}

/* A process that lives a millisecond may never be switched out between its exec and its end. */
static __always_inline int on_exec(struct task_struct *task, struct linux_binprm *binprm)
{
	struct energy_exec *event;

	/* Before anything is reserved: across all this the verifier of Linux 6.1 forgets whether it was. */
	rename_rows(task, is_logging());
	event = reserve_exec(task, binprm);
	if (event)
		submit(event);
	return 0;
}

static __always_inline int on_exit(struct task_struct *task)
{
	struct energy_lifecycle *event;

	if (task->signal->live.counter) /* other threads go on */
		return 0;
	event = reserve_lifecycle(ENERGY_EXIT, task->group_leader);
	if (event)
		submit(event);
	return 0;
}

/* A cgroup that is removed before anybody looks it up would have no name: a short job's container. */
static __always_inline int on_mkdir(struct cgroup *cgroup, const char *path)
{
	struct energy_mkdir *event;
	long bytes;

	if (cgroup->root->hierarchy_id != cgroup_hierarchy)
		return 0;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		__sync_fetch_and_add(&lost_events, 1);
		return 0;
	}
	event->kind = ENERGY_MKDIR;
	event->cgroup = cgroup->kn->id;
	bytes = bpf_probe_read_kernel_str(event->path, sizeof(event->path), path);
	event->path_bytes = bytes > 0 ? bytes : 0;
	submit(event);
	return 0;
}

#endif
