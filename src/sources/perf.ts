// SPDX-License-Identifier: Apache-2.0
import { usageError } from '../model/errors.ts';
import { isJoulesPerCount, JOULES_PER_COUNT } from './limits.ts';
import { encodeEvent, joulesPerCount, type Pmu, pmuNames, readPmu } from './pmu.ts';
import type {
  Counter,
  PolledSource,
  SourceKind,
  SourceScope,
  SwitchedSource,
  Zone,
} from '../model/source.ts';
import { type HostRoots, zonesOf } from './zones.ts';

/** How a user names a perf event as the energy counter. */
export const PERF_FORM = 'perf:PMU/EVENT/[,scope=cpu|core|package][,joules=JOULES_PER_COUNT][,kind=KIND]';

interface PerfSpec {
  readonly pmu: string;
  readonly event: string;
  readonly scope: SourceScope;
  readonly joules: number | undefined;
  /** What the user says that its figures are. */
  readonly kind: SourceKind | undefined;
}

/**
 * Any perf event as the energy counter. A clock is `estimated`, since so many Joules per tick are a power model; the
 * user may say that something is more than that. Throws a usage error for a spec that this kernel cannot follow.
 */
export function perfSource(spec: string, roots: HostRoots): SwitchedSource | PolledSource {
  const { pmu: pmuName, event, scope, joules: given, kind } = parsePerfSpec(spec);
  const pmu = readPmu(roots.sys, pmuName);
  if (!pmu) {
    const known = pmuNames(roots.sys).join(', ') || 'none';
    throw usageError(`this kernel has no PMU ${JSON.stringify(pmuName)}, its PMUs are: ${known}`);
  }
  const encoded = encodeEvent(pmu, event);
  const joules = given ?? joulesPerCount(pmu, event);
  if (joules === undefined) {
    throw usageError(
      `the kernel does not say how many Joules a count of ${pmuName}/${event}/ is: add ,joules=X`,
    );
  }
  const zones = checkedZones(pmu, scope, roots);
  const estimated = kind === 'estimated' || (kind === undefined && isClock(pmuName, event));
  const common = { name: `perf:${pmuName}/${event}/`, domain: 'cpu', zones, auxiliary: [] } as const;
  // A counter somebody chose may be anything, a clock too: taken to run in idle as in use, without bounds.
  if (scope !== 'package') {
    return {
      ...common,
      scope,
      reader: 'bpf',
      kind: estimated ? 'estimated' : 'measured',
      event: encoded,
      mask: pmu.cpumask,
      joulesPerCount: joules,
      idlePays: true,
      maxWatts: 0,
    };
  }
  const counters = zones.map(({ id, cpus, lead }): Counter => {
    const location = { via: 'perf', event: encoded, cpu: lead } as const;
    return { id, domain: 'cpu', cpus, joulesPerCount: joules, range: 0n, maxWatts: Infinity, location };
  });
  return {
    ...common,
    scope,
    reader: 'user',
    kind: estimated ? 'estimated' : 'apportioned',
    counters,
    idleWeight: 1,
  };
}

/** PMUs of which nothing is energy: the core PMUs are those of x86, since Fujitsu's count that of their cores (`EA_CORE`). */
const WITHOUT_ENERGY = new Set(['msr', 'software', 'cpu', 'cpu_core', 'cpu_atom', 'cpu_lowpower']);

/** Whether an event counts time, cycles or work, which at so many Joules each are a model. */
function isClock(pmu: string, event: string): boolean {
  return WITHOUT_ENERGY.has(pmu) || /cycles|clock/i.test(event);
}

/** A `perf:` spec in parts; throws a usage error. */
export function parsePerfSpec(spec: string): PerfSpec {
  const match = /^perf:([^/]+)\/([^/]+)\/(?:,(.+))?$/.exec(spec);
  if (!match) throw usageError(`${JSON.stringify(spec)} is not a source: write ${PERF_FORM}`);
  const [, pmu = '', event = '', options] = match;
  let scope: SourceScope | undefined;
  let joules: number | undefined;
  let kind: SourceKind | undefined;
  for (const option of options?.split(',') ?? []) {
    const [, name, value = ''] = /^(\w+)=(.*)$/.exec(option) ?? [];
    if (name === 'scope' && scope === undefined) scope = parseScope(value);
    else if (name === 'joules' && joules === undefined) joules = parseJoules(value);
    else if (name === 'kind' && kind === undefined) kind = parseKind(value);
    else
      throw usageError(
        `${JSON.stringify(option)} does not belong in ${JSON.stringify(spec)}: write ${PERF_FORM}`,
      );
  }
  if (kind !== undefined && kind !== 'estimated' && (kind === 'apportioned') !== (scope === 'package')) {
    throw usageError(
      `kind=${kind} does not go with scope=${scope ?? 'cpu'}: a package's counter is apportioned, others are measured`,
    );
  }
  return { pmu, event, scope: scope ?? 'cpu', joules, kind };
}

function parseKind(value: string): SourceKind {
  if (value === 'measured' || value === 'apportioned' || value === 'estimated') return value;
  throw usageError(`kind=${value} is not a kind: write measured, apportioned or estimated`);
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
function checkedZones(pmu: Pmu, scope: SourceScope, roots: HostRoots): Zone[] {
  const zones = zonesOf(scope, roots, pmu);
  const counting = pmu.cpumask ?? pmu.cpus;
  const uncounted = zones.find(({ lead }) => counting && !counting.includes(lead));
  const cpus = counting?.join(',') || 'no CPU';
  if (uncounted && pmu.cpumask) {
    throw usageError(
      `PMU ${pmu.name} has no counter for ${uncounted.id}, it counts on ${cpus}: set a wider scope=`,
    );
  }
  // Each of its counters is one CPU's: no scope is wide enough.
  if (uncounted) {
    throw usageError(
      `PMU ${pmu.name} has no counter for ${uncounted.id}, it is that of the CPUs ${cpus}: choose a PMU that counts on all`,
    );
  }
  return zones;
}
