// SPDX-License-Identifier: Apache-2.0
import { EnergyError, usageError } from '../model/errors.ts';
import { estimatedSource, givenWatts } from './estimated.ts';
import { PERF_FORM, perfSource } from './perf.ts';
import { msrSource } from './msr.ts';
import { coreSource, packageSource, perfDomains, perfPackages } from './power.ts';
import { powercapDomains, powercapPackages, powercapSource } from './powercap.ts';
import { sensorCounters } from './sensors.ts';
import type {
  Attribution,
  Counter,
  PolledSource,
  Rejection,
  Selection,
  SwitchedSource,
} from '../model/source.ts';
import { meant } from '../util/closest.ts';
import { publishedWatts } from './watts.ts';

export interface SourceRequest {
  /** As `--source`. */
  readonly spec: string;
  /** Where sysfs and procfs are mounted. */
  readonly sys: string;
  readonly proc: string;
  /** Where the device files are; default `/dev`. */
  readonly dev?: string;
  /** Power of a CPU (hardware thread) for source `estimated`, W; both or none. */
  readonly wattsIdle?: number;
  readonly wattsBusy?: number;
  /** How packages' counters are to be split; default `learned`. */
  readonly attribution?: Attribution;
}

type Roots = Required<Pick<SourceRequest, 'sys' | 'proc' | 'dev'>>;
type Found = Omit<SwitchedSource, 'auxiliary'> | Omit<PolledSource, 'auxiliary'>;

/** The counters that there may be, best first. */
const COUNTERS = {
  power_core: (roots: Roots) => coreSource('power_core', roots),
  power_per_core: (roots: Roots) => coreSource('power_per_core', roots),
  msr: (roots: Roots) => msrSource(roots),
  power: (roots: Roots) => packageSource(roots),
  powercap: (roots: Roots) => powercapSource(roots),
} satisfies Record<string, (roots: Roots) => Found | Rejection>;

type CounterName = keyof typeof COUNTERS;

/** What a name stands for: the counters to try in their order, and whether an estimate will do after them. */
interface Plan {
  readonly counters: readonly CounterName[];
  readonly estimate: boolean;
}

const PLANS: ReadonlyMap<string, Plan> = new Map([
  ['auto', { counters: Object.keys(COUNTERS) as CounterName[], estimate: true }],
  ['power_core', { counters: ['power_core', 'power_per_core'], estimate: false }],
  ['power_per_core', { counters: ['power_per_core'], estimate: false }],
  ['msr', { counters: ['msr'], estimate: false }],
  ['power', { counters: ['power'], estimate: false }],
  ['powercap', { counters: ['powercap'], estimate: false }],
  ['estimated', { counters: [], estimate: true }],
]);

/**
 * Finds the energy source a user asked for, and says how it is to be split. Opens no perf event: whether the user may read it shows later.
 * Throws ENOSOURCE (exit status 3) where a named source is not there, a usage error (2) for bad input.
 */
export function selectSource({ attribution = 'learned', ...request }: SourceRequest): Selection {
  const { source, rejected } = findSource(request);
  // A counter of one core that user space reads is split by time: what is learned of packages has a part that no core
  // draws. Those that BPF reads are split at switches; `time` only says that no more is to be learned of them.
  return (source.reader === 'user' && source.scope === 'package') ||
    (source.reader === 'bpf' && attribution === 'time')
    ? { source: { ...source, attribution }, rejected }
    : { source, rejected };
}

function findSource(request: SourceRequest): Selection {
  const { spec, sys, proc, dev = '/dev' } = request;
  const roots = { sys, proc, dev };
  const plan = PLANS.get(spec);
  if (!plan && !spec.startsWith('perf:')) {
    const names = [...PLANS.keys()].join(', ');
    const otherwise = `: use ${names} or ${PERF_FORM}`;
    throw usageError(`unknown source ${JSON.stringify(spec)}${meant(spec, PLANS.keys(), otherwise)}`);
  }
  const watts = givenWatts(request.wattsIdle, request.wattsBusy);
  if (watts && !plan?.estimate) {
    throw usageError(`${watts.reference} are for source estimated or auto, not for ${JSON.stringify(spec)}`);
  }
  if (!plan) return { source: perfSource(spec, roots), rejected: [] };
  const rejected: Rejection[] = [];
  for (const name of plan.counters) {
    const found = COUNTERS[name](roots);
    if (!('reason' in found)) return { source: { ...found, auxiliary: auxiliaryOf(found, roots) }, rejected };
    rejected.push(found);
  }
  if (plan.estimate) {
    const source = estimatedSource(roots, watts ?? publishedWatts(proc));
    return { source: { ...source, auxiliary: sensorCounters(sys) }, rejected };
  }
  throw new EnergyError(
    'ENOSOURCE',
    `${rejected[0]?.reason}; in a virtual machine there is usually none: use --source estimated`,
  );
}

/** What else there is to read: the packages that cores sit in, and what is not of the CPUs. */
function auxiliaryOf(source: Found, roots: Roots): Counter[] {
  const perf = perfDomains(roots);
  // Each from perf where it has it: hypervisors show a `power` PMU with one domain that counts nothing.
  const others = powercapDomains(roots).filter(({ domain }) => !perf.some((one) => one.domain === domain));
  const counted = [...packagesAround(source, roots), ...perf, ...others];
  // The machine has one figure: what counts is better than what is integrated.
  const isKnown = counted.some(({ domain }) => domain === 'host');
  return [...counted, ...sensorCounters(roots.sys).filter(({ domain }) => !(isKnown && domain === 'host'))];
}

/** The packages that hold more than what the source's zones count. */
function packagesAround({ name, zones }: Found, roots: Roots): Counter[] {
  const found = [perfPackages(roots), powercapPackages(roots)];
  if (name === 'powercap') found.reverse();
  const packages = found.find((counters) => counters.length > 0) ?? [];
  return packages.filter(({ id }) => !zones.some((zone) => zone.id === id));
}
