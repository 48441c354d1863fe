// SPDX-License-Identifier: Apache-2.0
import { attributing } from '../attribution/attribute.ts';
import { createAuxiliary } from '../attribution/auxiliary.ts';
import type { Recorded } from '../counters/intervals.ts';
import type { Snapshot } from '../model/snapshot.ts';
import type { Columns } from '../probe/columns.ts';
import { inSlices } from '../util/cooperative.ts';
import { extended } from '../util/lazy.ts';
import { buildSnapshot } from './build.ts';
import type { Parts } from './parts.ts';

/** One interval: the snapshot for everybody, and what it was made of for those who look for single processes. */
export interface Measurement {
  readonly snapshot: Snapshot;
  readonly charges: Parts['charges'];
  readonly lifecycle: Columns['lifecycle'];
  /** What BPF counted on each CPU, those that sysfs does not list included. */
  readonly cpus: Columns['cpus'];
}

/** Makes a function that makes what was recorded in an interval into a measurement, one interval after the other. */
export function createMeasure(
  parts: Pick<Parts, 'identifier' | 'filter' | 'namer' | 'ownPid'>,
): (recorded: Recorded) => Promise<Measurement> {
  const { identifier, namer } = parts;
  const auxiliary = createAuxiliary();
  /** `lostEvents` counts from the start. */
  let lostBefore = 0;
  return async (interval) => {
    const { columns, source, readings, cores } = interval;
    identifier.beginInterval(columns);
    const attributed = await inSlices(attributing(columns, source, cores, readings));
    const charges = extended(attributed, auxiliary.charge(source, attributed.zones, readings));
    const lostEvents = columns.lostEvents - lostBefore;
    const snapshot = await buildSnapshot({ ...parts, interval, charges, lostEvents });
    lostBefore = columns.lostEvents;
    auxiliary.settle();
    identifier.endInterval();
    namer?.endInterval();
    return { snapshot, charges, lifecycle: columns.lifecycle, cpus: columns.cpus };
  };
}
