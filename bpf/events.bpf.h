/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What becomes of processes and cgroups: names for those that are gone when they are looked up. */
#ifndef EVENTS_BPF_H
#define EVENTS_BPF_H

static __always_inline struct energy_life *reserve_life(__u32 kind, struct task_struct *process)
{
	struct energy_life *life = bpf_ringbuf_reserve(&events, sizeof(*life), 0);

	if (!life) {
		__sync_fetch_and_add(&lost_events, 1);
		return 0;
	}
	life->kind = kind;
	life->tgid = process->tgid;
	life->start_ns = process->start_boottime;
	life->parent_start_ns = 0;
	life->parent_tgid = 0;
	life->pad = 0;
	copy_comm(life->comm, process);
	return life;
}

/* Loaded only to follow the descendants of a command. */
SEC("tp_btf/sched_process_fork")
int BPF_PROG(sched_process_fork, struct task_struct *parent, struct task_struct *child)
{
	struct energy_life *life;

	if (child->pid != child->tgid) /* a thread */
		return 0;
	life = reserve_life(ENERGY_FORK, child);
	if (!life)
		return 0;
	life->parent_tgid = parent->tgid;
	life->parent_start_ns = parent->group_leader->start_boottime;
	bpf_ringbuf_submit(life, BPF_RB_NO_WAKEUP);
	return 0;
}

/* A process that lives a millisecond may never be switched out between its exec and its end. */
SEC("tp_btf/sched_process_exec")
int BPF_PROG(sched_process_exec, struct task_struct *task)
{
	struct energy_life *life = reserve_life(ENERGY_EXEC, task);

	if (life)
		bpf_ringbuf_submit(life, BPF_RB_NO_WAKEUP);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(sched_process_exit, struct task_struct *task)
{
	struct energy_life *life;

	if (task->signal->live.counter) /* other threads go on */
		return 0;
	life = reserve_life(ENERGY_EXIT, task->group_leader);
	if (life)
		bpf_ringbuf_submit(life, BPF_RB_NO_WAKEUP);
	return 0;
}

/* A cgroup that is removed before anybody looks it up would have no name: a short job's container. */
SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(cgroup_mkdir, struct cgroup *cgroup, const char *path)
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
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
	return 0;
}

#endif
