// SPDX-License-Identifier: Apache-2.0
import { usageError } from '../model/errors.ts';
import type { EstimatedSource, CpuPower } from '../model/source.ts';
import { type HostRoots, zonesOf } from './zones.ts';

/** A power model instead of a counter: a CPU draws `watts.busy` while a task runs on it, else `watts.idle`. */
export function estimatedSource(roots: HostRoots, watts: CpuPower): Omit<EstimatedSource, 'auxiliary'> {
  return {
    name: 'estimated',
    kind: 'estimated',
    reader: 'none',
    scope: 'cpu',
    domain: 'cpu',
    zones: zonesOf('cpu', roots),
    watts,
  };
}

/** We do not know how well the user knows. */
const GIVEN_DIGITS = 4;

/** CpuPower per hardware thread as the user gave them, undefined if not at all; throws a usage error. */
export function givenWatts(idle: number | undefined, busy: number | undefined): CpuPower | undefined {
  if (idle === undefined && busy === undefined) return undefined;
  if (idle === undefined || busy === undefined) {
    throw usageError('--watts-idle and --watts-busy (wattsIdle and wattsBusy) belong together: give both');
  }
  if (!(Number.isFinite(busy) && busy >= idle && idle >= 0)) {
    throw usageError(`--watts-idle ${idle} and --watts-busy ${busy} cannot be: 0 <= idle <= busy is needed`);
  }
  return { idle, busy, reference: '--watts-idle and --watts-busy', covers: 'cpu', digits: GIVEN_DIGITS };
}

/** In words: `Cloud Carbon Footprint, Cascade Lake (a whole server at the wall), 0.69-4.1 W per CPU`. */
export function describeWatts({ idle, busy, reference, covers, digits }: CpuPower): string {
  const watts = [idle, busy].map((one) => Number(one.toPrecision(digits))).join('-');
  const wall = covers === 'server' ? ' (a whole server at the wall)' : '';
  return `${reference}${wall}, ${watts} W per CPU`;
}
