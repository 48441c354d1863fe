// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { type Core, onlineCores, onlineCpus } from '../host/cpus.ts';
import { readText } from '../util/files.ts';
import type { SourceScope, Zone } from '../model/source.ts';

/**
 * The counters of a source: one zone for every CPU, physical core or package that has an online CPU. A zone
 * is led by a CPU that `cpumask` names, because an event opened elsewhere dies when its CPU goes offline,
 * even if another CPU of its core stays; else by its first CPU.
 *
 * Where the mask names one CPU per die of a package, the counters are the dies': Cascade Lake-AP has two dies
 * in a package with RAPL counters of their own (kernel: rapl_pmu_is_pkg_scope in arch/x86/events/rapl.c).
 */
export function zonesOf(scope: SourceScope | 'die', sys: string, cpumask: readonly number[] = []): Zone[] {
  const preferred = new Set(cpumask);
  const zones = Array.from(groups(scope, sys, preferred), ([id, cpus]) => ({
    id,
    cpus: cpus.toSorted((a, b) => a - b),
    lead: cpus.find((cpu) => preferred.has(cpu)) ?? Math.min(...cpus),
  }));
  return zones.toSorted((a, b) => a.lead - b.lead);
}

function groups(
  scope: SourceScope | 'die',
  sys: string,
  cpumask: ReadonlySet<number>,
): Map<string, readonly number[]> {
  if (scope === 'cpu') return new Map(onlineCpus(sys).map((cpu) => [`cpu:${cpu}`, [cpu]]));
  const cores = onlineCores(sys);
  if (scope === 'core') return new Map(cores.map((core) => [`core:${core.id}`, core.cpus]));
  const packages = new Map<string, Core[]>();
  for (const core of cores) packages.set(core.package, [...(packages.get(core.package) ?? []), core]);
  return new Map([...packages].flatMap(([name, members]) => packageGroups(name, members)));

  function packageGroups(name: string, members: readonly Core[]): [string, number[]][] {
    const dies = new Set(members.map((core) => dieOf(core, sys)));
    const leads = members.flatMap(({ cpus }) => cpus).filter((cpu) => cpumask.has(cpu));
    const perDie = scope === 'die' || (dies.size > 1 && leads.length === dies.size);
    if (!perDie) return [[`package:${name}`, members.flatMap(({ cpus }) => cpus)]];
    return Array.from(dies, (die) => [
      `package:${name}:${die}`,
      members.filter((core) => dieOf(core, sys) === die).flatMap(({ cpus }) => cpus),
    ]);
  }
}

/** Documentation/ABI/stable/sysfs-devices-system-cpu: `die_id`; kernels without it know no dies. */
function dieOf({ cpus }: Core, sys: string): string {
  return readText(join(sys, `devices/system/cpu/cpu${cpus[0]}/topology/die_id`)) ?? '0';
}
