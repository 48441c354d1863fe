/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A CPU's account, from its start to its end, and what happens to it at each occasion.
 *
 * sched_switch runs with the run queue's lock held and interrupts off, ticks and mostly also the programs
 * that native runs in an interrupt of the same CPU: so a CPU's own memory needs no lock.
 */
#ifndef CPU_BPF_H
#define CPU_BPF_H

#include "charge.bpf.h"
#include "clock.bpf.h"
#include "counter.bpf.h"
#include "energy.h"
#include "kernel.bpf.h"
#include "log.bpf.h"
#include "maps.bpf.h"
#include "phase.bpf.h"
#include "power_model.bpf.h"
#include "settings.bpf.h"
#include "smt.bpf.h"
#include "window.bpf.h"

/* Starts the account at a CPU's first switch, or its first since it is back: nothing is known of what ran
 * before, only what runs now. Returns false if it cannot start yet. */
static __noinline bool account_start(struct energy_cpu *c, __u64 run_ns, __u64 wall_ns)
{
	/* On its way online perf has no events for it yet, and native may still read what it left: its next
	 * switch does it. */
	if (c->leaving ||
	    __sync_val_compare_and_swap(&c->state, ENERGY_UNOWNED, ENERGY_CPU_OWNED) != ENERGY_UNOWNED)
		return false;
	c->run_ns = run_ns;
	c->wall_ns = wall_ns;
	/* A window that nobody ended, because the CPU went without a word, has no price. */
	*price_of(buffer_of(c), c->window++) = 0;
	c->touched = 0;
	c->predicted_before = c->predicted;
	c->slice_ns = c->slice_predicted = 0;
	c->busy_clock = c->sibling_busy_ns = 0;
	if (!c->idle.time_ns) {
		c->idle.time_ns = PRIOR_NS;
		c->idle.energy = predict(PRIOR_NS, first_power / 16);
	}
	begin_clock_offset(c, wall_ns);
	read_counter_and_split(c, wall_ns, true);
	return true;
}

/* Retires the account of a CPU that is dead: it runs nothing, and its account is complete. */
static __always_inline void account_retire(struct energy_cpu *c)
{
	if (c->state != ENERGY_CPU_OWNED)
		return;
	/* Nothing is known of what a tick has charged since the CPU's last switch. */
	*price_of(buffer_of(c), c->window) = 0;
	c->busy_clock = busy_ns_at(c->busy_clock, c->wall_ns);
	c->running_tgid = 0;
	buffer_of(c)->switches += c->switches;
	c->switches = 0;
	__sync_lock_test_and_set(&c->state, ENERGY_UNOWNED); /* after all of the above, as native sees it */
}

/* Charges the running task up to now. */
static __always_inline void charge_running(struct task_struct *task, struct energy_cpu *c, struct clocks now)
{
	charge(task, c, now);
	if (shared_zones)
		publish(c, task, now.wall_ns);
}

/* Keeps ticks of this CPU away from its account while a program works on it with interrupts on. The barriers
 * keep the compiler from moving other accesses out: volatile orders volatile accesses alone. The CPU needs
 * none, since a tick interrupts the same CPU. */
static __always_inline void begin_exclusive(struct energy_cpu *c)
{
	*(volatile __u32 *)&c->exclusive = 1;
	barrier();
}

static __always_inline void end_exclusive(struct energy_cpu *c)
{
	barrier();
	*(volatile __u32 *)&c->exclusive = 0;
}

static __always_inline int on_switch(struct task_struct *prev, struct task_struct *next)
{
	struct energy_cpu *c = this_cpu();
	struct clocks now = switch_clocks(prev);

	if (!c)
		return 0;
	if (c->state == ENERGY_CPU_OWNED)
		charge(prev, c, now);
	else if (!account_start(c, now.run_ns, now.wall_ns))
		return 0;
	c->switches++;
	log_switch(c, now.wall_ns, prev->tgid, next->tgid);
	if (shared_zones)
		publish(c, next, now.wall_ns);
	if (now.wall_ns >= c->deadline_ns || (shared_zones && c->unpriced)) {
		if (now.wall_ns - c->offset_noted_ns > OFFSET_FRESH_NS)
			note_clock_offset(c, now.wall_ns);
		close_window(c, now.wall_ns, c->leaving);
	}
	return 0;
}

/* Whether a timer that was set for `expiry_ns` (CLOCK_MONOTONIC; 0: not known) may find the counter due.
 * Timers of tasks expire more often than ticks, and this takes no clock. */
static __always_inline bool is_tick_due(__u64 expiry_ns)
{
	struct energy_cpu *c = this_cpu();

	return c && (!expiry_ns || expiry_ns - c->clock_offset_ns >= c->deadline_ns);
}

/* A task that runs on is charged at ticks too, so that windows end near where the counter moves. An idle CPU
 * is left alone: the switch that follows does the same. */
static __always_inline int on_tick(struct task_struct *task)
{
	struct energy_cpu *c = this_cpu();
	struct clocks now;

	if (!task->pid || !c || c->state != ENERGY_CPU_OWNED || *(volatile __u32 *)&c->exclusive)
		return 0;
	now = clocks_now(task, c);
	if (now.wall_ns < c->deadline_ns)
		return 0;
	charge_running(task, c, now);
	log_running(c, now.wall_ns, task->tgid);
	close_window(c, now.wall_ns, c->leaving);
	return 0;
}

/* Leaves the buffer to the reader. */
static __always_inline void leave_buffer(struct energy_cpu *c, __u64 wall_ns, __u32 buffer)
{
	c->touched = 0;
	c->slice_ns = c->slice_predicted = 0;
	/* Added, since native also asks for it to leave the buffer as it is. */
	buffer_of(c)->switches += c->switches;
	c->switches = 0;
	buffer_of(c)->left_ns = wall_ns + c->clock_offset_ns;
	c->buffer = buffer & 1;
}

/*
 * Native calls this on a CPU. With a buffer it charges the running task, ends the window, and leaves the
 * buffer to the reader, or does nothing where the account has not started. With ENERGY_POLL it charges and
 * reads the counter, if that is due: native calls that again and again, in a task of its own, until it
 * returns 1, when the phase is known. Both are one, and no path parts before they charge, so that the
 * verifier goes through all that once.
 */
static __always_inline int on_visit(struct task_struct *task, __u32 command)
{
	struct energy_cpu *c = this_cpu();
	__u64 polls = command / ENERGY_POLL; /* 1 or 0 */
	struct energy_zone *z;
	struct clocks now;

	if (!c || c->state != ENERGY_CPU_OWNED)
		return 1;
	begin_exclusive(c); /* interrupts are on here on the CPU that asks for it */
	now = clocks_now(task, c);
	if (now.wall_ns >= (c->deadline_ns & -polls)) {
		charge_running(task, c, now);
		log_running(c, now.wall_ns, task->tgid);
		close_window(c, now.wall_ns, c->leaving | !polls);
	}
	if (!polls)
		leave_buffer(c, now.wall_ns, command);
	end_exclusive(c);
	z = zone_of(c);
	return !z || !is_phase_lost(z);
}

#endif
