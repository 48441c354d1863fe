// SPDX-License-Identifier: Apache-2.0
import { usageError } from '../model/errors.ts';
import { isJoulesPerCount, JOULES_PER_COUNT } from './limits.ts';
import { encodeEvent, joulesPerCount, type Pmu, pmuNames, readPmu } from './pmu.ts';
import type { Counter, PolledSource, SourceScope, SwitchedSource, Zone } from '../model/source.ts';
import { zonesOf } from './zones.ts';

/** How a user names a perf event as the energy counter. */
export const PERF_FORM = 'perf:PMU/EVENT/[,scope=cpu|core|package][,joules=JOULES_PER_COUNT]';

interface PerfSpec {
  readonly pmu: string;
  readonly event: string;
  readonly scope: SourceScope;
  readonly joules: number | undefined;
}

/** Any perf event as the energy counter. Throws a usage error for a spec that this kernel cannot follow. */
export function perfSource(spec: string, sys: string): SwitchedSource | PolledSource {
  const { pmu: pmuName, event, scope, joules: given } = parsePerfSpec(spec);
  const pmu = readPmu(sys, pmuName);
  if (!pmu) {
    const known = pmuNames(sys).join(', ') || 'none';
    throw usageError(`this kernel has no PMU ${JSON.stringify(pmuName)}, its PMUs are: ${known}`);
  }
  const encoded = encodeEvent(pmu, event);
  const joules = given ?? joulesPerCount(pmu, event);
  if (joules === undefined) {
    throw usageError(
      `the kernel does not say how many Joules a count of ${pmuName}/${event}/ is: add ,joules=X`,
    );
  }
  const zones = checkedZones(pmu, scope, sys);
  const common = { name: `perf:${pmuName}/${event}/`, domain: 'cpu', zones, auxiliary: [] } as const;
  // A counter somebody chose may be anything, a clock too: taken to run in idle as in use, without bounds.
  if (scope !== 'package') {
    return {
      ...common,
      scope,
      reader: 'bpf',
      kind: 'measured',
      event: encoded,
      joulesPerCount: joules,
      idlePays: true,
      maxWatts: 0,
    };
  }
  const counters = zones.map(({ id, cpus, lead }): Counter => {
    const location = { via: 'perf', event: encoded, cpu: lead } as const;
    return { id, domain: 'cpu', cpus, joulesPerCount: joules, range: 0n, maxWatts: Infinity, location };
  });
  return { ...common, scope, reader: 'user', kind: 'apportioned', counters, idleWeight: 1 };
}

/** `perf:PMU/EVENT/[,scope=cpu|core|package][,joules=X]` in parts; throws a usage error. */
export function parsePerfSpec(spec: string): PerfSpec {
  const match = /^perf:([^/]+)\/([^/]+)\/(?:,(.+))?$/.exec(spec);
  if (!match) throw usageError(`${JSON.stringify(spec)} is not a source: write ${PERF_FORM}`);
  const [, pmu = '', event = '', options] = match;
  let scope: SourceScope | undefined;
  let joules: number | undefined;
  for (const option of options?.split(',') ?? []) {
    const [, name, value = ''] = /^(\w+)=(.*)$/.exec(option) ?? [];
    if (name === 'scope' && scope === undefined) scope = parseScope(value);
    else if (name === 'joules' && joules === undefined) joules = parseJoules(value);
    else
      throw usageError(
        `${JSON.stringify(option)} does not belong in ${JSON.stringify(spec)}: write ${PERF_FORM}`,
      );
  }
  return { pmu, event, scope: scope ?? 'cpu', joules };
}

function parseScope(value: string): SourceScope {
  if (value === 'cpu' || value === 'core' || value === 'package') return value;
  throw usageError(`scope=${value} is not a scope: write cpu, core or package`);
}

function parseJoules(value: string): number {
  const joules = value.trim() === '' ? NaN : Number(value);
  if (isJoulesPerCount(joules)) return joules;
  const { min, max } = JOULES_PER_COUNT;
  throw usageError(
    `joules=${value} is not a number from ${min} to ${max}: write Joules per count, such as joules=1e-9`,
  );
}

/** A PMU with a cpumask has one counter for many CPUs: opened on each, it would count the same Joules again. */
function checkedZones(pmu: Pmu, scope: SourceScope, sys: string): Zone[] {
  const zones = zonesOf(scope, sys, pmu);
  const uncounted = zones.find(({ lead }) => pmu.cpumask && !pmu.cpumask.includes(lead));
  if (!uncounted) return zones;
  const cpus = pmu.cpumask?.join(',') || 'no CPU';
  throw usageError(
    `PMU ${pmu.name} has no counter for ${uncounted.id}, it counts on ${cpus}: set a wider scope=`,
  );
}
