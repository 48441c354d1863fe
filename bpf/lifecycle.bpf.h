/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What becomes of processes and cgroups: names for those that are gone when they are looked up. */
#ifndef LIFECYCLE_BPF_H
#define LIFECYCLE_BPF_H

#include "energy.h"
#include "energy_events.h"
#include "kernel.bpf.h"
#include "log.bpf.h"
#include "table.bpf.h"

enum {
	EVENTS_BYTES = 2 << 20,
	SPARE_SLOTS = 16, /* for those who are interrupted between their look at what is free and taking it */
};

/* Logs of what becomes of processes, which native reads through mmap. Index = CPU x lifecycle_slots +
 * position modulo lifecycle_slots. A ring for all CPUs takes a lock, and a locked exchange that waits for
 * cold memory. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct energy_lifecycle);
} lifecycle_log SEC(".maps");

/* Slots of each CPU's log, a power of two. */
const volatile __u32 lifecycle_slots = 1;

/* struct energy_mkdir, and what wakes native when half of a log is full: an empty record. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, EVENTS_BYTES);
} events SEC(".maps");

/* Events that found no room. */
__u64 lost_events;

/* Hands a record over. Nobody is woken while a drain will be early enough. */
static __always_inline void submit(void *event)
{
	_Bool crowded = bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) >= EVENTS_BYTES / 2;

	bpf_ringbuf_submit(event, crowded ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
}

/* A place in this CPU's log. */
struct place {
	__u32 position;
	bool wakes; /* whether somebody must be woken */
	/* When this CPU switched last, or was charged at a tick, CLOCK_MONOTONIC: not before the running task
	 * began to run here, nor before anything that had happened when it did. That orders what a process
	 * does on several CPUs, and costs nothing. */
	__u64 clock_ns;
};

static __always_inline void *slot_at(__u32 position)
{
	__u32 index = current_cpu() * lifecycle_slots + (position & (lifecycle_slots - 1));

	return bpf_map_lookup_elem(&lifecycle_log, &index);
}

/* Takes slots of this CPU's log, by an atomic addition: where the kernel lets others run meanwhile, from 7.1
 * on, they may take the next ones. Returns false if there is no room. */
static __always_inline bool take_slots(struct place *place, __u32 slots)
{
	struct energy_cpu *c = this_cpu();
	__u32 taken, waiting;

	if (!c)
		return false;
	taken = *(volatile __u32 *)&c->events_taken;
	if (c->events_written - taken + slots + SPARE_SLOTS > lifecycle_slots) {
		__sync_fetch_and_add(&lost_events, 1);
		return false;
	}
	place->clock_ns = c->wall_ns + c->clock_offset_ns;
	place->position = __sync_fetch_and_add(&c->events_written, slots);
	waiting = place->position - taken;
	/* From the half on, eight times until it is full. */
	place->wakes = waiting + slots >= lifecycle_slots / 2 &&
		       (place->position ^ (place->position + slots)) & (lifecycle_slots / 16);
	return true;
}

static __always_inline void describe_process(struct energy_lifecycle *event, __u32 kind,
					     struct task_struct *process, __u64 clock_ns)
{
	event->kind = kind;
	event->tgid = process->tgid;
	event->start_ns = process->start_boottime;
	event->clock_ns = clock_ns;
	copy_comm(event->comm, process);
}

/* Lets native see an event. */
static __always_inline void publish_event(struct energy_lifecycle *event, const struct place *place)
{
	__u32 nothing = 0;

	barrier();
	*(volatile __u32 *)&event->sequence = place->position + 1;
	if (place->wakes)
		bpf_ringbuf_output(&events, &nothing, sizeof(nothing), BPF_RB_FORCE_WAKEUP);
}

static __always_inline int on_fork(struct task_struct *parent, struct task_struct *child)
{
	struct energy_lifecycle *event;
	struct place place;

	if (child->pid != child->tgid || !take_slots(&place, 1)) /* a thread */
		return 0;
	event = slot_at(place.position);
	if (!event)
		return 0;
	/* Whose parent is whose must not be mixed up. */
	describe_process(event, ENERGY_FORK, child, monotonic_clock());
	event->parent_tgid = parent->tgid;
	event->parent_start_ns = BPF_CORE_READ(parent, group_leader, start_boottime);
	publish_event(event, &place);
	return 0;
}

/* A process that lives a millisecond may never be switched out between its exec and its end. Whichever thread
 * called exec is the first of the process's by now, and the only one. The name of the file, not of what was
 * asked for: /proc/PID/exe says the same for as long as it lives. */
static __always_inline int on_exec(struct task_struct *task, struct linux_binprm *binprm)
{
	struct energy_lifecycle *event;
	struct energy_program *program;
	struct place place;
	long bytes;

	rename_rows(task, is_logging());
	if (!take_slots(&place, 2))
		return 0;
	event = slot_at(place.position);
	program = slot_at(place.position + 1);
	if (!event || !program)
		return 0;
	describe_process(event, ENERGY_EXEC, task, place.clock_ns);
	bytes = bpf_probe_read_kernel_str(program->name, sizeof(program->name),
					  binprm->file->f_path.dentry->d_name.name);
	event->program_bytes = bytes > 0 ? bytes : 0;
	program->sequence = 0;
	publish_event(event, &place);
	return 0;
}

static __always_inline int on_exit(struct task_struct *task)
{
	struct energy_lifecycle *event;
	struct place place;

	if (task->signal->live.counter || !take_slots(&place, 1)) /* other threads go on */
		return 0;
	event = slot_at(place.position);
	if (!event)
		return 0;
	describe_process(event, ENERGY_EXIT, task->group_leader, place.clock_ns);
	publish_event(event, &place);
	return 0;
}

/* A cgroup that is removed before anybody looks it up would have no name: a short job's container. */
static __always_inline int on_mkdir(struct cgroup *cgroup, const char *path)
{
	struct energy_mkdir *event;
	long bytes;

	if (BPF_CORE_READ(cgroup, root, hierarchy_id) != cgroup_hierarchy)
		return 0;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		__sync_fetch_and_add(&lost_events, 1);
		return 0;
	}
	event->kind = ENERGY_MKDIR;
	event->cgroup = BPF_CORE_READ(cgroup, kn, id);
	bytes = bpf_probe_read_kernel_str(event->path, sizeof(event->path), path);
	event->path_bytes = bytes > 0 ? bytes : 0;
	submit(event);
	return 0;
}

#endif
