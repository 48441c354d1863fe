// SPDX-License-Identifier: GPL-2.0
/* The model's CPUs, which come and go, and what it hangs on in the kernel. */
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/topology.h>
#include <linux/tracepoint.h>
#include <linux/vmalloc.h>

#include "model.h"

static unsigned int idle_mw = 100; /* even, so that two threads share it without a rest */
module_param(idle_mw, uint, 0444);
static unsigned int uncore_mw = 3000;
module_param(uncore_mw, uint, 0444);

DEFINE_PER_CPU(struct thread, rig_cpus);
struct domain *rig_cores, rig_uncore;
int rig_core_count;
static struct tracepoint *switch_tracepoint;

static void on_switch(void *data, bool preempt, struct task_struct *prev, struct task_struct *next,
		      unsigned int prev_state)
{
	rig_run(this_cpu_ptr(&rig_cpus), next);
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
	struct thread *th = &per_cpu(rig_cpus, cpu);
	struct domain *core = NULL;
	int other;

	for_each_cpu(other, topology_sibling_cpumask(cpu)) if (per_cpu(rig_cpus, other).core) core =
		per_cpu(rig_cpus, other).core;
	th->ledger = vzalloc(array_size(LEDGER_SIZE, sizeof(*th->ledger)));
	if (!th->ledger)
		return -ENOMEM;
	if (!core) {
		core = &rig_cores[rig_core_count];
		init_domain(core, topology_core_id(cpu), idle_mw);
		smp_store_release(&rig_core_count, rig_core_count + 1);
	}
	cpumask_set_cpu(cpu, &core->threads);
	smp_store_release(&th->core, core);
	return 0;
}

int rig_model_cpu_dead(unsigned int cpu)
{
	struct domain *core = per_cpu(rig_cpus, cpu).core;
	unsigned long flags;

	rig_run(&per_cpu(rig_cpus, cpu), NULL);
	if (!core)
		return 0;
	raw_spin_lock_irqsave(&core->lock, flags);
	if (!rig_any_online(core))
		core->blind_t = 0;
	raw_spin_unlock_irqrestore(&core->lock, flags);
	return 0;
}

int rig_model_cpu_online(unsigned int cpu)
{
	int err = per_cpu(rig_cpus, cpu).core ? 0 : add_thread(cpu);
	struct domain *core = per_cpu(rig_cpus, cpu).core;
	unsigned long flags;

	if (err)
		return err;
	raw_spin_lock_irqsave(&core->lock, flags);
	if (rig_metered && !core->newest.watchers && !core->blind_t)
		core->blind_t = ktime_get_mono_fast_ns();
	raw_spin_unlock_irqrestore(&core->lock, flags);
	return 0;
}

struct domain *rig_core_of(unsigned int cpu)
{
	return per_cpu(rig_cpus, cpu).core;
}

const struct cpumask *rig_threads(const struct domain *core)
{
	return &core->threads;
}

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

	rig_registers_start();
	init_domain(&rig_uncore, -1, uncore_mw);
	rig_cores = kcalloc(nr_cpu_ids, sizeof(*rig_cores), GFP_KERNEL);
	if (!rig_cores)
		return -ENOMEM;
	cpus_read_lock();
	err = find_cores();
	cpus_read_unlock();
	if (err)
		goto fail;
	for_each_kernel_tracepoint(find_tracepoint, &switch_tracepoint);
	/* Before BPF's (10), so that a register which that reads at a switch knows of it. */
	err = switch_tracepoint ? tracepoint_probe_register_prio(switch_tracepoint, on_switch, NULL, 1000)
				: -ENOENT;
	if (err) {
		switch_tracepoint = NULL;
		goto fail;
	}
	on_each_cpu(rig_see_current, NULL, 1);
	rig_truth_start();
	rig_sleep_start();
	return 0;
fail:
	rig_model_stop();
	return err;
}

void rig_model_stop(void)
{
	int cpu;

	rig_truth_stop();
	rig_sleep_stop();
	if (switch_tracepoint) {
		tracepoint_probe_unregister(switch_tracepoint, on_switch, NULL);
		tracepoint_synchronize_unregister();
	}
	for_each_possible_cpu(cpu) vfree(per_cpu(rig_cpus, cpu).ledger);
	kfree(rig_cores);
}
