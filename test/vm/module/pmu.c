// SPDX-License-Identifier: GPL-2.0
/*
 * PMUs with the sysfs files and the semantics of arch/x86/events/rapl.c.
 *
 * scope=1: as Linux 6.14 and later, perf core chooses the CPUs and lets every thread of a core read.
 * scope=0: as before and in the early patches, the driver moves each event to the CPU of its cpumask,
 * and only that one can read it.
 */
#include <linux/cpuhotplug.h>
#include <linux/module.h>
#include <linux/perf_event.h>
#include <linux/version.h>

#include "rig.h"

#define HAS_SCOPE (LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0))
#define SCALE	  "2.3283064365386962890625e-10" /* perf counts in 2^-32 J, whatever the register's unit */
#define CORE	  1				 /* attr.config of the events */
#define PACKAGE	  2

static bool scope = HAS_SCOPE;
module_param(scope, bool, 0444);
static bool early_names;
module_param(early_names, bool, 0444);
MODULE_PARM_DESC(early_names, "power_per_core/energy-per-core/ instead of power_core/energy-core/");
static bool with_core = true;
module_param_named(core, with_core, bool, 0444);
static bool with_package = true;
module_param_named(package, with_package, bool, 0444);

static char *scale = SCALE;
module_param(scale, charp, 0444);
MODULE_PARM_DESC(scale, "what the events of cores say that a count is, J; a fault unless it is as it is");

/* A fault, without scope: a lead for each core, as if these were dies with registers of their own. */
static bool per_die;
module_param(per_die, bool, 0444);
/* Without scope: the CPU that reads the package's register first; -1: any. */
static int package_lead = -1;
module_param(package_lead, int, 0444);

static struct pmu core_pmu, package_pmu;
static bool core_registered, package_registered;
static struct cpumask core_leads, package_leads;
static int online_state, dead_state;

/* The CPU of `leads` that stands for `cpu`; nr_cpu_ids or more if there is none. */
static unsigned int lead_of(const struct pmu *pmu, unsigned int cpu)
{
	struct domain *core = rig_core_of(cpu);
	unsigned int lead;

	if (pmu == &package_pmu) {
		for_each_cpu(lead, &package_leads) if (!per_die || rig_core_of(lead) == core) return lead;
		return nr_cpu_ids;
	}
	return core ? cpumask_first_and(&core_leads, rig_threads(core)) : nr_cpu_ids;
}

/*
 * As rapl_event_update(). The register has 32 bits: its advance is a signed 32-bit difference. Others may
 * read at the same time, and one that has read it later must not be followed by what was read before.
 */
static void event_read(struct perf_event *event)
{
	u32 new;
	u64 old;

	do {
		old = local64_read(&event->hw.prev_count);
		new = event->pmu == &core_pmu ? rig_read(rig_core_of(event->cpu), event)
					      : rig_package_register();
	} while (local64_cmpxchg(&event->hw.prev_count, old, new) != old);
	local64_add((s64)(s32)(new - (u32)old) << 16, &event->count);
}

static void event_start(struct perf_event *event, int flags)
{
	event->hw.state = 0;
	local64_set(&event->hw.prev_count, event->pmu == &core_pmu ? rig_begin(rig_core_of(event->cpu), event)
								   : rig_package_register());
}

static void event_stop(struct perf_event *event, int flags)
{
	if (event->hw.state & PERF_HES_STOPPED)
		return;
	event->hw.state = PERF_HES_STOPPED | PERF_HES_UPTODATE;
	if (event->pmu == &core_pmu)
		rig_end(rig_core_of(event->cpu), event);
	event_read(event);
}

static int event_add(struct perf_event *event, int flags)
{
	/* An event is added anew whenever it moves to another CPU, and others are opened beside it. */
	u64 before = event->hw.config, now = smp_processor_id() + 1;

	event->hw.state = PERF_HES_STOPPED | PERF_HES_UPTODATE;
	event->hw.config = now;
	if (event->pmu == &core_pmu && !before)
		rig_opened(rig_core_of(event->cpu), event);
	if (flags & PERF_EF_START)
		event_start(event, flags);
	if (event->pmu == &core_pmu && before && before != now && !scope)
		rig_passed_on(rig_core_of(event->cpu), event);
	return 0;
}

static void event_del(struct perf_event *event, int flags)
{
	event_stop(event, flags);
}

static int event_init(struct perf_event *event)
{
	unsigned int lead;

	if (event->attr.type != event->pmu->type)
		return -ENOENT;
	if (event->attr.config != (event->pmu == &core_pmu ? CORE : PACKAGE))
		return -EINVAL;
	if (event->attr.sample_period || event->cpu < 0 || !rig_core_of(event->cpu))
		return -EINVAL;
	if (scope)
		return 0;
	lead = lead_of(event->pmu, event->cpu);
	if (lead >= nr_cpu_ids)
		return -EINVAL;
	event->cpu = lead;
	if (event->pmu == &package_pmu)
		event->event_caps |= PERF_EV_CAP_READ_ACTIVE_PKG;
	return 0;
}

struct text_attribute {
	struct device_attribute attribute;
	const char *text;
};

static ssize_t show_text(struct device *device, struct device_attribute *attribute, char *to)
{
	return sysfs_emit(to, "%s\n", container_of(attribute, struct text_attribute, attribute)->text);
}

static ssize_t cpumask_show(struct device *device, struct device_attribute *attribute, char *to)
{
	const struct cpumask *leads = dev_get_drvdata(device) == &core_pmu ? &core_leads : &package_leads;

	return sysfs_emit(to, "%*pbl\n", cpumask_pr_args(leads));
}
static DEVICE_ATTR_RO(cpumask);

#define TEXT(variable, file, content)                                                                        \
	static struct text_attribute variable = {{.attr = {.name = file, .mode = 0444}, .show = show_text},  \
						 content}
#define ENERGY(variable, file, config)                                                                       \
	TEXT(variable, file, "event=" config);                                                               \
	TEXT(variable##_unit, file ".unit", "Joules");                                                       \
	TEXT(variable##_scale, file ".scale", SCALE);                                                        \
	static struct attribute *variable##_attributes[] = {&variable.attribute.attr,                        \
							    &variable##_unit.attribute.attr,                 \
							    &variable##_scale.attribute.attr, NULL};         \
	static const struct attribute_group variable##_group = {.name = "events",                            \
								.attrs = variable##_attributes}

TEXT(format, "event", "config:0-7");
static struct attribute *format_attributes[] = {&format.attribute.attr, NULL};
static const struct attribute_group format_group = {.name = "format", .attrs = format_attributes};
static struct attribute *cpumask_attributes[] = {&dev_attr_cpumask.attr, NULL};
static const struct attribute_group cpumask_group = {.attrs = cpumask_attributes};
ENERGY(energy_core, "energy-core", "0x01");
ENERGY(energy_per_core, "energy-per-core", "0x01");
ENERGY(energy_pkg, "energy-pkg", "0x02");
static const struct attribute_group *core_groups[4] = {&format_group, &energy_core_group};
static const struct attribute_group *package_groups[4] = {&format_group, &energy_pkg_group};

#define ENERGY_PMU                                                                                           \
	{                                                                                                    \
		.module = THIS_MODULE, .task_ctx_nr = perf_invalid_context,                                  \
		.capabilities = PERF_PMU_CAP_NO_EXCLUDE, .event_init = event_init, .add = event_add,         \
		.del = event_del, .start = event_start, .stop = event_stop, .read = event_read               \
	}
static struct pmu core_pmu = ENERGY_PMU, package_pmu = ENERGY_PMU;

/* Without scope the driver keeps one lead per domain and moves its events along. */
static int goes_online(unsigned int cpu)
{
	int err = rig_model_cpu_online(cpu);

	if (err)
		return err;
	if (rig_core_of(cpu) && lead_of(&core_pmu, cpu) >= nr_cpu_ids)
		cpumask_set_cpu(cpu, &core_leads);
	if (lead_of(&package_pmu, cpu) >= nr_cpu_ids &&
	    (cpu == package_lead || package_lead < 0 || !cpu_online(package_lead)))
		cpumask_set_cpu(cpu, &package_leads);
	return 0;
}

static void pass_lead(struct pmu *pmu, bool registered, struct cpumask *leads, unsigned int from,
		      const struct cpumask *others)
{
	unsigned int to;

	if (!cpumask_test_and_clear_cpu(from, leads))
		return;
	for_each_cpu_and(to, others, cpu_online_mask) if (to != from) break;
	if (to >= nr_cpu_ids)
		return;
	cpumask_set_cpu(to, leads);
	if (registered && !scope)
		perf_pmu_migrate_context(pmu, from, to);
}

static int goes_offline(unsigned int cpu)
{
	struct domain *core = rig_core_of(cpu);

	if (core)
		pass_lead(&core_pmu, core_registered, &core_leads, cpu, rig_threads(core));
	pass_lead(&package_pmu, package_registered, &package_leads, cpu, cpu_online_mask);
	return 0;
}

static int register_pmus(void)
{
	int err;

	energy_core_scale.text = scale;
	if (early_names)
		core_groups[1] = &energy_per_core_group;
#if HAS_SCOPE
	if (scope) {
		core_pmu.scope = PERF_PMU_SCOPE_CORE;
		package_pmu.scope = PERF_PMU_SCOPE_PKG;
	}
#endif
	if (!scope)
		core_groups[2] = package_groups[2] = &cpumask_group;
	core_pmu.attr_groups = core_groups;
	package_pmu.attr_groups = package_groups;
	if (with_core) {
		err = perf_pmu_register(&core_pmu, early_names ? "power_per_core" : "power_core", -1);
		if (err)
			return err;
		core_registered = true;
	}
	if (with_package) {
		err = perf_pmu_register(&package_pmu, "power", -1);
		if (err)
			return err;
		package_registered = true;
	}
	return 0;
}

static void rig_exit(void)
{
	if (core_registered)
		perf_pmu_unregister(&core_pmu);
	if (package_registered)
		perf_pmu_unregister(&package_pmu);
	if (online_state > 0)
		cpuhp_remove_state_nocalls(online_state);
	if (dead_state > 0)
		cpuhp_remove_state_nocalls(dead_state);
	rig_model_stop();
}

static int __init rig_init(void)
{
	int err;

	if (scope && !HAS_SCOPE)
		return -EOPNOTSUPP;
	err = rig_model_start();
	if (err)
		return err;
	dead_state = cpuhp_setup_state_nocalls(CPUHP_BP_PREPARE_DYN, "perf/rapl_rig:dead", NULL,
					       rig_model_cpu_dead);
	online_state =
		cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "perf/rapl_rig:online", goes_online, goes_offline);
	err = dead_state < 0 ? dead_state : online_state < 0 ? online_state : register_pmus();
	if (err)
		rig_exit();
	return err;
}

module_init(rig_init);
module_exit(rig_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("RAPL energy counters over a known power model, for tests in virtual machines");
