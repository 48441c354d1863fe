// SPDX-License-Identifier: GPL-2.0
/*
 * The energy model and the ledger that is the tests' truth.
 *
 *   core    = idle_mw + the power of the task on each of its threads (together/16 of it while both are busy)
 *   package = uncore_mw + its cores
 *
 * A task named `anything@N` draws N mW, any other default_mw, the idle task nothing. While threads of a
 * core are busy they bear its idle_mw in equal parts; while none is, it is nobody's.
 *
 * Power changes at context switches only, and there all is integrated: mW x ns = pJ, without rounding.
 * Our probe runs before those of BPF (by its priority), so that a register which BPF reads at a switch
 * knows of it. A register moves about once per millisecond with some jitter, as the hardware's does, and out
 * of step with the kernel's ticks.
 */
#include <linux/cgroup.h>
#include <linux/debugfs.h>
#include <linux/hash.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/topology.h>
#include <linux/tracepoint.h>
#include <linux/vmalloc.h>

#include "rig.h"

#define UPDATE_NS	983000
#define LEDGER_BITS	11
#define LEDGER_SIZE	(1 << LEDGER_BITS)
#define PJ_PER_16_UNITS 244140625ULL /* 16 x 2^-16 J */

static unsigned int idle_mw = 100; /* even, so that two threads share it without a rest */
module_param(idle_mw, uint, 0444);
static unsigned int default_mw = 1000;
module_param(default_mw, uint, 0444);
/* What two threads of a core draw at once, of what each draws alone: they slow each other down. */
static unsigned int together = 11;
module_param(together, uint, 0444);
static unsigned int uncore_mw = 3000;
module_param(uncore_mw, uint, 0444);
static unsigned int jitter_ns = 100000;
module_param(jitter_ns, uint, 0444);
MODULE_PARM_DESC(jitter_ns, "registers move up to this much after their period's end");
static unsigned int first_register = 0xffff0000; /* wraps after 1 J */
module_param(first_register, uint, 0444);

struct entry {
	pid_t pid, tgid;
	u64 cgroup, ns, pj;
	char comm[TASK_COMM_LEN];
};

/* One hardware thread; guarded by its core's lock. */
struct thread {
	struct domain *core;
	bool busy;
	u32 mw;
	u64 slice_ns, slice_pj, lost;
	struct entry now; /* who runs; ns and pj unused */
	struct entry *ledger;
};

struct domain {
	raw_spinlock_t lock;
	int id;
	u32 base_mw;
	struct cpumask threads;
	u64 t, pj;	       /* exact, up to the last change of power */
	u64 shown_t, shown_pj; /* as of the register's last move */
	u64 idle_pj;	       /* of pj, what no task is charged with */
	int watchers;	       /* perf events that count it now */
	u64 watch_pj;	       /* shown_pj when the first of them began */
	u64 watched_pj;	       /* what the register moved while any of them counted: all a meter can know */
	u64 blind_t;	       /* since when a thread is online and nobody watches any more; 0: not so */
	u64 blind_ns;	       /* the longest such time */
	u64 opened;	       /* perf events that ever counted it */
};

static DEFINE_PER_CPU(struct thread, threads);
static struct domain *cores, uncore;
static int core_count;
static bool metered; /* some perf event has counted some core */
static bool powered; /* while false, nothing draws anything: tests begin and end at a known moment */
static u32 register_offset;
static struct tracepoint *switch_tracepoint;
static struct dentry *directory;

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

/* Integrates up to `now`. Lock held. */
static void advance(struct domain *d, u64 now)
{
	u64 dt = now - d->t, move = last_move(now), mw = d->base_mw;
	int cpu, busy = 0;

	if ((s64)dt <= 0)
		return;
	for_each_cpu(cpu, &d->threads)
	{
		struct thread *th = &per_cpu(threads, cpu);

		busy += th->busy;
	}
	for_each_cpu(cpu, &d->threads) mw += drawn(&per_cpu(threads, cpu), busy);
	if (!READ_ONCE(powered))
		mw = 0;
	for_each_cpu(cpu, &d->threads)
	{
		struct thread *th = &per_cpu(threads, cpu);

		if (!th->busy)
			continue;
		th->slice_ns += dt;
		if (mw)
			th->slice_pj += dt * (drawn(th, busy) + d->base_mw / busy);
	}
	/* A move that was not seen yet lies behind d->t, and power was constant since. */
	if (move > d->t) {
		d->shown_t = move;
		d->shown_pj = d->pj + mw * (move - d->t);
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
	const char *at = strchr(comm, '@');

	return at ? simple_strtoul(at + 1, NULL, 10) : default_mw;
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

static void change(struct thread *th, struct task_struct *next)
{
	unsigned long flags;

	if (!th->core)
		return;
	raw_spin_lock_irqsave(&th->core->lock, flags);
	advance(th->core, ktime_get_mono_fast_ns());
	book(th);
	run(th, next);
	raw_spin_unlock_irqrestore(&th->core->lock, flags);
}

static void on_switch(void *data, bool preempt, struct task_struct *prev, struct task_struct *next,
		      unsigned int prev_state)
{
	change(this_cpu_ptr(&threads), next);
}

static void on_each(void *data)
{
	change(this_cpu_ptr(&threads), current);
}

/* Lock held. */
static bool any_online(const struct domain *d)
{
	return cpumask_intersects(&d->threads, cpu_online_mask);
}

static void init_domain(struct domain *d, int id, u32 base_mw)
{
	raw_spin_lock_init(&d->lock);
	d->id = id;
	d->base_mw = base_mw;
	d->t = d->shown_t = ktime_get_mono_fast_ns();
}

/* Of a CPU that is online: before, it has no topology. */
static int add_thread(int cpu)
{
	struct thread *th = &per_cpu(threads, cpu);
	struct domain *core = NULL;
	int other;

	for_each_cpu(other, topology_sibling_cpumask(cpu)) if (per_cpu(threads, other).core) core =
		per_cpu(threads, other).core;
	th->ledger = vzalloc(array_size(LEDGER_SIZE, sizeof(*th->ledger)));
	if (!th->ledger)
		return -ENOMEM;
	if (!core) {
		core = &cores[core_count];
		init_domain(core, topology_core_id(cpu), idle_mw);
		smp_store_release(&core_count, core_count + 1);
	}
	cpumask_set_cpu(cpu, &core->threads);
	smp_store_release(&th->core, core);
	return 0;
}

void rig_model_cpu_dead(unsigned int cpu)
{
	struct domain *core = per_cpu(threads, cpu).core;
	unsigned long flags;

	change(&per_cpu(threads, cpu), NULL);
	if (!core)
		return;
	raw_spin_lock_irqsave(&core->lock, flags);
	if (!any_online(core))
		core->blind_t = 0;
	raw_spin_unlock_irqrestore(&core->lock, flags);
}

int rig_model_cpu_online(unsigned int cpu)
{
	int err = per_cpu(threads, cpu).core ? 0 : add_thread(cpu);
	struct domain *core = per_cpu(threads, cpu).core;
	unsigned long flags;

	if (err)
		return err;
	raw_spin_lock_irqsave(&core->lock, flags);
	if (metered && !core->watchers && !core->blind_t)
		core->blind_t = ktime_get_mono_fast_ns();
	raw_spin_unlock_irqrestore(&core->lock, flags);
	return 0;
}

void rig_opened(struct domain *core)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&core->lock, flags);
	core->opened++;
	metered = true;
	raw_spin_unlock_irqrestore(&core->lock, flags);
}

void rig_watch(struct domain *core, int change)
{
	unsigned long flags;
	u64 now;

	raw_spin_lock_irqsave(&core->lock, flags);
	now = ktime_get_mono_fast_ns();
	advance(core, now);
	if (core->watchers == 0) {
		core->watch_pj = core->shown_pj;
		if (core->blind_t)
			core->blind_ns = max(core->blind_ns, now - core->blind_t);
		core->blind_t = 0;
	}
	core->watchers += change;
	if (core->watchers == 0) {
		core->watched_pj += core->shown_pj - core->watch_pj;
		core->blind_t = any_online(core) ? now : 0;
	}
	raw_spin_unlock_irqrestore(&core->lock, flags);
}

struct domain *rig_core_of(unsigned int cpu)
{
	return per_cpu(threads, cpu).core;
}

const struct cpumask *rig_threads(const struct domain *core)
{
	return &core->threads;
}

static u64 shown(struct domain *d)
{
	unsigned long flags;
	u64 pj;

	raw_spin_lock_irqsave(&d->lock, flags);
	advance(d, ktime_get_mono_fast_ns());
	pj = d->shown_pj;
	raw_spin_unlock_irqrestore(&d->lock, flags);
	return pj;
}

static u32 to_register(u64 pj)
{
	return READ_ONCE(register_offset) + (u32)div64_u64(pj * 16, PJ_PER_16_UNITS);
}

u32 rig_core_register(struct domain *core)
{
	return to_register(shown(core));
}

u32 rig_package_register(void)
{
	u64 pj = shown(&uncore);
	int i;

	for (i = 0; i < core_count; i++)
		pj += shown(&cores[i]);
	return to_register(pj);
}

static int set_powered(const char *text, const struct kernel_param *parameter)
{
	bool on;
	int i, err = kstrtobool(text, &on);

	if (err || !core_count) {
		powered = !err && on;
		return err;
	}
	/* All that was until now, at the old power; nobody can read in between. */
	local_irq_disable();
	for (i = 0; i < core_count; i++)
		raw_spin_lock(&cores[i].lock);
	raw_spin_lock(&uncore.lock);
	for (i = 0; i < core_count; i++)
		advance(&cores[i], ktime_get_mono_fast_ns());
	advance(&uncore, ktime_get_mono_fast_ns());
	WRITE_ONCE(powered, on);
	raw_spin_unlock(&uncore.lock);
	for (i = core_count; i--;)
		raw_spin_unlock(&cores[i].lock);
	local_irq_enable();
	return 0;
}

static const struct kernel_param_ops powered_ops = {.set = set_powered, .get = param_get_bool};
module_param_cb(powered, &powered_ops, &powered, 0644);

/* A reset, as firmware may do in a suspend: all registers read anything but what they did. */
module_param_named(register_offset, register_offset, uint, 0644);

static void show_thread(struct seq_file *m, struct thread *th, int cpu)
{
	int i;

	seq_printf(m, "cpu cpu=%d core=%d lost_pj=%llu\n", cpu, th->core->id, th->lost);
	for (i = 0; i < LEDGER_SIZE; i++) {
		const struct entry *e = &th->ledger[i];

		if (e->pid)
			seq_printf(m, "task cpu=%d pid=%d tgid=%d cgroup=%llu ns=%llu pj=%llu comm=%s\n", cpu,
				   e->pid, e->tgid, e->cgroup, e->ns, e->pj, e->comm);
	}
}

/* Consistent only while the power is off: the cores are read one after the other. */
static int truth_show(struct seq_file *m, void *data)
{
	int i, cpu;

	for_each_online_cpu(cpu) smp_call_function_single(cpu, on_each, NULL, 1);
	for (i = 0; i < core_count; i++) {
		struct domain *d = &cores[i];

		seq_printf(m, "core id=%d pj=%llu idle_pj=%llu register=%u", d->id, d->pj, d->idle_pj,
			   rig_core_register(d));
		seq_printf(m, " watched_pj=%llu blind_ns=%llu opened=%llu\n",
			   d->watched_pj + (d->watchers ? d->shown_pj - d->watch_pj : 0), d->blind_ns,
			   d->opened);
		for_each_cpu(cpu, &d->threads) show_thread(m, &per_cpu(threads, cpu), cpu);
	}
	seq_printf(m, "uncore pj=%llu register=%u\n", uncore.pj, rig_package_register());
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(truth);

static int find_cores(void)
{
	int cpu, err = 0;

	for_each_online_cpu(cpu) err = err ?: add_thread(cpu);
	return err;
}

static void find_tracepoint(struct tracepoint *tp, void *found)
{
	if (!strcmp(tp->name, "sched_switch"))
		*(struct tracepoint **)found = tp;
}

int rig_model_start(void)
{
	int err;

	register_offset = first_register;
	init_domain(&uncore, -1, uncore_mw);
	cores = kcalloc(nr_cpu_ids, sizeof(*cores), GFP_KERNEL);
	if (!cores)
		return -ENOMEM;
	cpus_read_lock();
	err = find_cores();
	cpus_read_unlock();
	if (err)
		goto fail;
	for_each_kernel_tracepoint(find_tracepoint, &switch_tracepoint);
	err = switch_tracepoint ? tracepoint_probe_register_prio(switch_tracepoint, on_switch, NULL, 1000)
				: -ENOENT;
	if (err) {
		switch_tracepoint = NULL;
		goto fail;
	}
	on_each_cpu(on_each, NULL, 1);
	directory = debugfs_create_dir("rapl_rig", NULL);
	debugfs_create_file("truth", 0444, directory, NULL, &truth_fops);
	return 0;
fail:
	rig_model_stop();
	return err;
}

void rig_model_stop(void)
{
	int cpu;

	debugfs_remove_recursive(directory);
	if (switch_tracepoint) {
		tracepoint_probe_unregister(switch_tracepoint, on_switch, NULL);
		tracepoint_synchronize_unregister();
	}
	for_each_possible_cpu(cpu) vfree(per_cpu(threads, cpu).ledger);
	kfree(cores);
}
