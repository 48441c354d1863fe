// SPDX-License-Identifier: Apache-2.0
import { onlineCores, onlineCpus } from '../cpus.ts';
import type { SourceScope, Zone } from './source.ts';

/**
 * The counters of a source: one zone for every CPU, physical core or package that has an online CPU. A zone
 * is led by a CPU that `cpumask` names, because an event opened elsewhere dies when its CPU goes offline,
 * even if another CPU of its core stays; else by its first CPU.
 */
export function zonesOf(scope: SourceScope, sys: string, cpumask: readonly number[] = []): Zone[] {
  const preferred = new Set(cpumask);
  const zones = Array.from(groups(scope, sys), ([id, cpus]) => ({
    id: `${scope}:${id}`,
    cpus: cpus.toSorted((a, b) => a - b),
    lead: cpus.find((cpu) => preferred.has(cpu)) ?? Math.min(...cpus),
  }));
  return zones.toSorted((a, b) => a.lead - b.lead);
}

function groups(scope: SourceScope, sys: string): Map<string, readonly number[]> {
  if (scope === 'cpu') return new Map(onlineCpus(sys).map((cpu) => [`${cpu}`, [cpu]]));
  const result = new Map<string, readonly number[]>();
  for (const core of onlineCores(sys)) {
    if (scope === 'core') result.set(core.id, core.cpus);
    else result.set(core.package, [...(result.get(core.package) ?? []), ...core.cpus]);
  }
  return result;
}
