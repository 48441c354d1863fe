// SPDX-License-Identifier: GPL-2.0
/* What is known of the energy, for tests to read: /sys/kernel/debug/rapl_rig/truth. */
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/seq_file.h>

#include "model.h"

static struct dentry *directory;

void rig_see_current(void *data)
{
	rig_run(this_cpu_ptr(&rig_cpus), current);
}

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

	for_each_online_cpu(cpu) smp_call_function_single(cpu, rig_see_current, NULL, 1);
	for (i = 0; i < rig_core_count; i++) {
		struct domain *d = &rig_cores[i];

		seq_printf(m, "core id=%d pj=%llu idle_pj=%llu", d->id, d->pj, d->idle_pj);
		seq_printf(m, " watched_pj=%llu most_pj=%llu reset_pj=%llu blind_ns=%llu opened=%llu",
			   rig_watched(&d->newest, d), rig_watched(&d->any, d), d->reset_pj, d->blind_ns,
			   d->opened);
		seq_printf(m, " apart_pj=%llu passed_on=%llu\n", rig_watched(&d->apart, d), d->passed_on);
		for_each_cpu(cpu, &d->threads) show_thread(m, &per_cpu(rig_cpus, cpu), cpu);
	}
	seq_printf(m, "uncore pj=%llu\n", rig_uncore.pj);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(truth);

void rig_truth_start(void)
{
	directory = debugfs_create_dir("rapl_rig", NULL);
	debugfs_create_file("truth", 0444, directory, NULL, &truth_fops);
}

void rig_truth_stop(void)
{
	debugfs_remove_recursive(directory);
}
