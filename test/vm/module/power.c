// SPDX-License-Identifier: GPL-2.0
/*
 * Who draws what: the energy of each core, exact, and a ledger of who used it.
 *
 *   core    = idle_mw + the power of the task on each of its threads (together/16 of it while both are busy)
 *   package = uncore_mw + its cores
 *
 * A task named `anything@N` draws N mW, one that `powers` names what that says, any other default_mw, the
 * idle task nothing. While threads of a
 * core are busy they bear its idle_mw in equal parts; while none is, it is nobody's.
 *
 * Power changes at context switches only, and there all is integrated: mW x ns = pJ, without rounding. A
 * register moves about once per millisecond with some jitter, as the hardware's does, and out of step with
 * the kernel's ticks.
 */
#include <linux/cgroup.h>
#include <linux/hash.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/timekeeping.h>

#include "model.h"

#define UPDATE_NS 983000

static unsigned int default_mw = 1000;
module_param(default_mw, uint, 0444);
/* What two threads of a core draw at once, of what each draws alone: they slow each other down. */
static unsigned int together = 11;
module_param(together, uint, 0444);
static unsigned int jitter_ns = 100000;
module_param(jitter_ns, uint, 0444);
MODULE_PARM_DESC(jitter_ns, "registers move up to this much after their period's end");
static char *powers = "";
module_param(powers, charp, 0444);
MODULE_PARM_DESC(powers, "NAME:MW,NAME:MW: what tasks draw that choose their names themselves");
/* A fault: each time that a register moves, by so much more or less, as a standard deviation. */
static unsigned int noise_percent;
module_param(noise_percent, uint, 0444);
static bool powered; /* while false, nothing draws anything: tests begin and end at a known moment */

/* What a register moves by when power says `pj`: as often more as less, and independent of the move before.
 */
static u64 with_noise(u64 pj, u64 move)
{
	u64 part = div_u64(pj * noise_percent, 100);

	move = (move ^ (move >> 33)) * 0xff51afd7ed558ccdULL;
	move = (move ^ (move >> 33)) * 0xc4ceb9fe1a85ec53ULL;
	return move >> 63 ? pj + part : pj - part;
}

/* When the registers moved last. */
static u64 last_move(u64 now)
{
	u64 k = div_u64(now, UPDATE_NS);
	u64 t = k * UPDATE_NS + (jitter_ns ? hash_64(k, 32) % jitter_ns : 0);

	return t <= now ? t : (k - 1) * UPDATE_NS + (jitter_ns ? hash_64(k - 1, 32) % jitter_ns : 0);
}

/* Of one thread of a core with so many busy ones, mW. */
static u32 drawn(const struct thread *th, int busy)
{
	return busy > 1 ? th->mw * together / 16 : th->mw;
}

void rig_advance(struct domain *d, u64 now)
{
	u64 dt = now - d->t, move = last_move(now), mw = d->base_mw;
	int cpu, busy = 0;

	if ((s64)dt <= 0)
		return;
	for_each_cpu(cpu, &d->threads)
	{
		struct thread *th = &per_cpu(rig_cpus, cpu);

		busy += th->busy;
	}
	for_each_cpu(cpu, &d->threads) mw += drawn(&per_cpu(rig_cpus, cpu), busy);
	if (!READ_ONCE(powered))
		mw = 0;
	for_each_cpu(cpu, &d->threads)
	{
		struct thread *th = &per_cpu(rig_cpus, cpu);

		if (!th->busy)
			continue;
		th->slice_ns += dt;
		if (mw)
			th->slice_pj += dt * (drawn(th, busy) + d->base_mw / busy);
	}
	/* A move that was not seen yet lies behind d->t, and power was constant since. */
	if (move > d->t) {
		u64 shown = d->pj + mw * (move - d->t);

		d->noisy_pj += with_noise(shown - d->shown_pj, div_u64(move, UPDATE_NS));
		d->shown_t = move;
		d->shown_pj = shown;
	}
	d->pj += mw * dt;
	if (!busy)
		d->idle_pj += mw * dt;
	d->t = now;
}

static struct entry *find_entry(struct thread *th)
{
	u32 at = hash_64(th->now.pid ^ (th->now.cgroup << 22), LEDGER_BITS), i;

	for (i = 0; i < LEDGER_SIZE; i++) {
		struct entry *e = &th->ledger[(at + i) % LEDGER_SIZE];

		if (!e->pid)
			*e = th->now;
		if (e->pid == th->now.pid && e->cgroup == th->now.cgroup)
			return e;
	}
	return NULL;
}

/* Books the slice of the running task; lock held. */
static void book(struct thread *th)
{
	struct entry *e = th->busy ? find_entry(th) : NULL;

	if (e) {
		e->ns += th->slice_ns;
		e->pj += th->slice_pj;
		memcpy(e->comm, th->now.comm, sizeof(e->comm));
	} else {
		th->lost += th->slice_pj;
	}
	th->slice_ns = 0;
	th->slice_pj = 0;
}

static u32 power_of(const char *comm)
{
	const char *at = strchr(comm, '@'), *named = powers;
	size_t length = strlen(comm);

	if (at)
		return simple_strtoul(at + 1, NULL, 10);
	for (; *named; named = strchrnul(named, ','), named += *named == ',')
		if (!strncmp(named, comm, length) && named[length] == ':')
			return simple_strtoul(named + length + 1, NULL, 10);
	return default_mw;
}

/* From now on `task` runs; lock held. */
static void run(struct thread *th, struct task_struct *task)
{
	th->busy = task && task->pid;
	if (!th->busy) {
		th->mw = 0;
		return;
	}
	th->now.pid = task->pid;
	th->now.tgid = task->tgid;
	th->now.cgroup = cgroup_id(task_dfl_cgroup(task));
	memcpy(th->now.comm, task->comm, TASK_COMM_LEN);
	th->now.comm[TASK_COMM_LEN - 1] = 0;
	th->mw = power_of(th->now.comm);
}

void rig_run(struct thread *th, struct task_struct *next)
{
	unsigned long flags;

	if (!th->core)
		return;
	raw_spin_lock_irqsave(&th->core->lock, flags);
	rig_advance(th->core, ktime_get_mono_fast_ns());
	book(th);
	run(th, next);
	raw_spin_unlock_irqrestore(&th->core->lock, flags);
}

static int set_powered(const char *text, const struct kernel_param *parameter)
{
	bool on;
	int i, err = kstrtobool(text, &on);

	if (err || !rig_core_count) {
		powered = !err && on;
		return err;
	}
	/* All that was until now, at the old power; nobody can read in between. */
	local_irq_disable();
	for (i = 0; i < rig_core_count; i++)
		raw_spin_lock(&rig_cores[i].lock);
	raw_spin_lock(&rig_uncore.lock);
	for (i = 0; i < rig_core_count; i++)
		rig_advance(&rig_cores[i], ktime_get_mono_fast_ns());
	rig_advance(&rig_uncore, ktime_get_mono_fast_ns());
	WRITE_ONCE(powered, on);
	raw_spin_unlock(&rig_uncore.lock);
	for (i = rig_core_count; i--;)
		raw_spin_unlock(&rig_cores[i].lock);
	local_irq_enable();
	return 0;
}

static const struct kernel_param_ops powered_ops = {.set = set_powered, .get = param_get_bool};
module_param_cb(powered, &powered_ops, &powered, 0644);
