// SPDX-License-Identifier: Apache-2.0
import { EnergyError, usageError } from '../errors.ts';
import { estimatedSource, givenWatts } from './estimated.ts';
import { PERF_FORM, perfSource } from './perf.ts';
import { type PowerName, powerSource, type Rejection } from './power.ts';
import type { Selection } from './source.ts';
import { publishedWatts } from './watts.ts';

export interface SourceRequest {
  /** As `--source`. */
  readonly spec: string;
  /** Where sysfs and procfs are mounted. */
  readonly sys: string;
  readonly proc: string;
  /** Power of a CPU (hardware thread) for source `estimated`, W; both or none. */
  readonly wattsIdle?: number;
  readonly wattsBusy?: number;
}

/** What a name stands for: the counters to try, best first, and whether an estimate will do after them. */
interface Plan {
  readonly counters: readonly PowerName[];
  readonly estimate: boolean;
}

const PLANS: ReadonlyMap<string, Plan> = new Map([
  ['auto', { counters: ['power_core', 'power_per_core', 'power'], estimate: true }],
  ['power_core', { counters: ['power_core', 'power_per_core'], estimate: false }],
  ['power_per_core', { counters: ['power_per_core'], estimate: false }],
  ['power', { counters: ['power'], estimate: false }],
  ['estimated', { counters: [], estimate: true }],
]);

/**
 * Finds the energy source a user asked for. Opens nothing: whether the user may read it shows later.
 * Throws ENOSOURCE (exit status 3) where a named source is not there, a usage error (2) for bad input.
 */
export function selectSource(request: SourceRequest): Selection {
  const { spec, sys, proc } = request;
  const plan = PLANS.get(spec);
  if (!plan && !spec.startsWith('perf:')) {
    const names = [...PLANS.keys()].join(', ');
    throw usageError(`unknown source ${JSON.stringify(spec)}: use ${names} or ${PERF_FORM}`);
  }
  const watts = givenWatts(request.wattsIdle, request.wattsBusy);
  if (watts && !plan?.estimate) {
    throw usageError(`${watts.reference} are for --source estimated or auto, not for ${spec}`);
  }
  if (!plan) return { source: perfSource(spec, sys), rejected: [] };
  const rejected: Rejection[] = [];
  for (const name of plan.counters) {
    const found = powerSource(name, sys);
    if (!('reason' in found)) return { source: found, rejected };
    rejected.push(found);
  }
  if (plan.estimate) return { source: estimatedSource(sys, watts ?? publishedWatts(proc)), rejected };
  throw new EnergyError(
    'ENOSOURCE',
    `${rejected[0]?.reason}; in a virtual machine there is usually none: use --source estimated`,
  );
}
