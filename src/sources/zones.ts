// SPDX-License-Identifier: Apache-2.0
import { isAmd } from '../host/cpuinfo.ts';
import { type OnlineCore, onlineCores, onlineCpus } from '../host/cpus.ts';
import type { SourceScope, Zone } from '../model/source.ts';

/** Where sysfs and procfs are mounted. */
export interface HostRoots {
  readonly sys: string;
  readonly proc: string;
}

/** The PMU that counts, and the CPUs that it wants its events opened on, where it says so. */
interface Mask {
  readonly name: string;
  readonly cpumask: readonly number[] | undefined;
}

/**
 * The counters of a source: one zone for every CPU, physical core or package that has an online CPU. A zone
 * is led by a CPU that the PMU's `cpumask` names, because an event opened elsewhere dies when its CPU goes offline,
 * even if another CPU of its core stays; else by its first CPU.
 *
 * Of Intel, where the mask names one CPU per die of a package, the counters are the dies': Cascade Lake-AP has two
 * dies in a package with RAPL counters of their own. Of AMD and Hygon a package has one counter whatever the kernel
 * says: from 6.9 on, until it was mended in 6.11, it took their CCDs for dies, so that it offers the package's
 * counter once for each of them. Kernel: 63edbaa48a57 "x86/cpu/topology: Add support for the AMD 0x80000026 leaf", and
 * "Fix the energy-pkg event for AMD CPUs" of perf/x86/rapl and of powercap/intel_rapl (26096aed255f).
 */
export function zonesOf(scope: SourceScope | 'die', roots: HostRoots, pmu?: Mask): Zone[] {
  const preferred = new Set(pmu?.cpumask);
  const zones = Array.from(groups(scope, roots, pmu?.name, preferred), ([id, cpus]) => ({
    id,
    cpus: cpus.toSorted((a, b) => a - b),
    lead: cpus.find((cpu) => preferred.has(cpu)) ?? Math.min(...cpus),
  }));
  return zones.toSorted((a, b) => a.lead - b.lead);
}

function groups(
  scope: SourceScope | 'die',
  { sys, proc }: HostRoots,
  pmu: string | undefined,
  cpumask: ReadonlySet<number>,
): Map<string, readonly number[]> {
  if (scope === 'cpu') return new Map(onlineCpus(sys).map((cpu) => [`cpu:${cpu}`, [cpu]]));
  const cores = onlineCores(sys);
  if (scope === 'core') return new Map(cores.map((core) => [`core:${core.id}`, core.cpus]));
  const zones = new Map<string, number[]>();
  const hasDies = !isAmd(proc);
  for (const name of new Set(cores.map((core) => core.package))) {
    const members = cores.filter((core) => core.package === name);
    const byDie = hasDies && (scope === 'die' || countsDies(`${sys} ${pmu} ${name}`, members, cpumask));
    for (const { die, cpus } of members) {
      const id = byDie ? `package:${name}:${die}` : `package:${name}`;
      zones.set(id, [...(zones.get(id) ?? []), ...cpus]);
    }
  }
  return zones;
}

/** By machine, PMU and package: whether it counts dies, which shows only while CPUs of two of them are online. */
const countingDies = new Map<string, boolean>();

function countsDies(key: string, members: readonly OnlineCore[], cpumask: ReadonlySet<number>): boolean {
  const dies = new Set(members.map(({ die }) => die)).size;
  const leads = members.flatMap(({ cpus }) => cpus).filter((cpu) => cpumask.has(cpu)).length;
  if (dies > 1 && !countingDies.has(key)) countingDies.set(key, leads === dies);
  return countingDies.get(key) ?? false;
}
