// SPDX-License-Identifier: GPL-2.0
/*
 * What is seen of the energy: the registers, and what of them perf events were there to count.
 */
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/timekeeping.h>

#include "model.h"

#define PJ_PER_16_UNITS 244140625ULL /* 16 x 2^-16 J */

static unsigned int first_register = 0xffff0000; /* wraps after 1 J */
module_param(first_register, uint, 0444);
/* A reset: all registers read anything but what they did. */
static u32 register_offset;
module_param(register_offset, uint, 0644);

/* Faults, for what judges counters. */
static bool frozen;
module_param(frozen, bool, 0644);
MODULE_PARM_DESC(frozen, "registers stand still");
static bool whole;
module_param(whole, bool, 0444);
MODULE_PARM_DESC(whole, "the register of every core is the package's");
static unsigned int package_ms;
module_param(package_ms, uint, 0644);
MODULE_PARM_DESC(package_ms,
		 "the package's register moves but once in so many ms; 0: whenever the others do");

static DEFINE_RAW_SPINLOCK(package_lock);
static u64 package_turn, package_pj; /* in which of these times it moved last, and what it shows since */

bool rig_metered;

void rig_registers_start(void)
{
	register_offset = first_register;
}

void rig_registers_lose(u32 units)
{
	WRITE_ONCE(register_offset, register_offset - units);
}

bool rig_any_online(const struct domain *d)
{
	return cpumask_intersects(&d->threads, cpu_online_mask);
}

static void begin_watch(struct watch *w, const struct domain *core)
{
	if (!w->watchers++)
		w->from_pj = core->shown_pj;
}

static void end_watch(struct watch *w, const struct domain *core)
{
	if (--w->watchers)
		return;
	w->pj += core->shown_pj - w->from_pj;
	w->from_pj = core->shown_pj;
}

/* Whoever had begun to read an event when it ended adds to it what the register has moved since. */
static void watch_late_read(struct watch *w, const struct domain *core)
{
	if (w->watchers)
		return;
	w->pj += core->shown_pj - w->from_pj;
	w->from_pj = core->shown_pj;
}

u64 rig_watched(const struct watch *w, const struct domain *core)
{
	return w->pj + (w->watchers ? core->shown_pj - w->from_pj : 0);
}

u64 rig_faulty(struct domain *d)
{
	if (!READ_ONCE(frozen))
		d->last_pj = d->noisy_pj;
	return d->last_pj;
}

static u32 to_register(u64 pj, u32 offset)
{
	return offset + (u32)div64_u64(pj * 16, PJ_PER_16_UNITS);
}

/* The register as the newest event, or another one, reads it; lock held, and advanced. */
static u32 read_as(struct domain *core, const void *event)
{
	u32 offset = READ_ONCE(register_offset);

	if (event == core->newest_event) {
		/* It sees that the register began anew, but not what it had moved by then, nor from where. */
		if (core->newest.watchers && offset != core->read_offset)
			core->reset_pj += core->shown_pj - core->read_pj;
		core->read_pj = core->shown_pj;
		core->read_offset = offset;
	}
	return to_register(rig_faulty(core), offset);
}

static void end_apart(struct domain *core)
{
	if (core->apart.watchers)
		end_watch(&core->apart, core);
}

void rig_passed_on(struct domain *core, const void *event)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&core->lock, flags);
	rig_advance(core, ktime_get_mono_fast_ns());
	if (event == core->newest_event && !core->apart.watchers) {
		begin_watch(&core->apart, core);
		core->apart.pj += core->unread_pj;
		core->passed_on++;
		core->blind_t = core->t;
	}
	raw_spin_unlock_irqrestore(&core->lock, flags);
}

void rig_opened(struct domain *core, const void *event)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&core->lock, flags);
	rig_advance(core, ktime_get_mono_fast_ns());
	end_apart(core);
	if (core->newest.watchers)
		end_watch(&core->newest, core);
	core->newest_event = event;
	core->opened++;
	rig_metered = true;
	raw_spin_unlock_irqrestore(&core->lock, flags);
}

u32 rig_begin(struct domain *core, const void *event)
{
	unsigned long flags;
	u32 now;

	raw_spin_lock_irqsave(&core->lock, flags);
	rig_advance(core, ktime_get_mono_fast_ns());
	now = read_as(core, event);
	begin_watch(&core->any, core);
	if (event == core->newest_event) {
		begin_watch(&core->newest, core);
		if (core->blind_t)
			core->blind_ns = max(core->blind_ns, core->t - core->blind_t);
		core->blind_t = 0;
	}
	raw_spin_unlock_irqrestore(&core->lock, flags);
	return whole ? rig_package_register() : now;
}

void rig_end(struct domain *core, const void *event)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&core->lock, flags);
	rig_advance(core, ktime_get_mono_fast_ns());
	if (event == core->newest_event)
		core->unread_pj = core->shown_pj - core->read_pj;
	read_as(core, event);
	end_watch(&core->any, core);
	if (event == core->newest_event) {
		end_watch(&core->newest, core);
		end_apart(core);
		core->blind_t = rig_any_online(core) ? core->blind_t ?: core->t : 0;
	}
	raw_spin_unlock_irqrestore(&core->lock, flags);
}

u32 rig_read(struct domain *core, const void *event)
{
	unsigned long flags;
	u32 now;

	if (whole)
		return rig_package_register();

	raw_spin_lock_irqsave(&core->lock, flags);
	rig_advance(core, ktime_get_mono_fast_ns());
	watch_late_read(&core->any, core);
	now = read_as(core, event);
	raw_spin_unlock_irqrestore(&core->lock, flags);
	return now;
}

/* As of the last move, of all at once: read one after the other some would have moved and others not, and a
 * register that moves once would be seen to move twice. */
static u64 shown_in_package(void)
{
	int i, count = smp_load_acquire(&rig_core_count);
	u64 now, pj;

	for (i = 0; i < count; i++)
		raw_spin_lock(&rig_cores[i].lock);
	raw_spin_lock(&rig_uncore.lock);
	now = ktime_get_mono_fast_ns();
	rig_advance(&rig_uncore, now);
	pj = rig_faulty(&rig_uncore);
	for (i = 0; i < count; i++) {
		rig_advance(&rig_cores[i], now);
		pj += rig_faulty(&rig_cores[i]);
	}
	raw_spin_unlock(&rig_uncore.lock);
	for (i = count; i--;)
		raw_spin_unlock(&rig_cores[i].lock);
	return pj;
}

u32 rig_package_register(void)
{
	u64 period_ns = READ_ONCE(package_ms) * 1000000ULL, turn, pj;
	unsigned long flags;

	raw_spin_lock_irqsave(&package_lock, flags);
	turn = period_ns ? div64_u64(ktime_get_mono_fast_ns(), period_ns) : 0;
	if (!period_ns || turn != package_turn)
		package_pj = shown_in_package();
	package_turn = turn;
	pj = package_pj;
	raw_spin_unlock_irqrestore(&package_lock, flags);
	return to_register(pj, READ_ONCE(register_offset));
}
