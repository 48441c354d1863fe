// SPDX-License-Identifier: Apache-2.0
import type { Reading, Readings } from '../model/reading.ts';
import type { PolledSource } from '../model/source.ts';
import type { Columns } from '../probe/columns.ts';
import { sum } from '../util/sum.ts';
import type { Counted, Pricing } from './pricing.ts';
import { type GroupOfCpu, IDLE } from './reducer.ts';

/**
 * Prices of counters that user space reads: what one counted is split over the run time of its CPUs, in which idle time
 * has a weight of its own. `readings` are by the counters' id; a zone without one has no figures. CPUs that are hidden
 * run in some package: each package bears the same part of them, as a gap.
 */
export function polledPricing(
  { rows }: Columns,
  { zones, idleWeight, scope }: PolledSource,
  readings: Readings,
  zoneOf: GroupOfCpu,
): Pricing {
  const weightOf = (row: number): number => rows.timeNs[row]! * (rows.pid[row] === IDLE ? idleWeight : 1);
  const weights = zones.map(() => 0);
  for (let row = 0; row < rows.cpu.length; row++) {
    const zone = zoneOf[rows.cpu[row]!];
    if (zone !== undefined) weights[zone]! += weightOf(row);
  }
  const hidden = sum(weights.filter((_, zone) => zones[zone]!.hidden));
  const packages = scope === 'package' ? zones.filter((zone) => !zone.hidden).length : Infinity;
  const counted = zones.map(({ id }, zone) => countedBy(readings.get(id), weights[zone]!, hidden / packages));
  /** J per ns of weight 1. */
  const prices = counted.map((its, zone) =>
    its && weights[zone]! > 0 ? (its.joules - its.gapJoules) / weights[zone]! : 0,
  );
  return {
    joulesOf: (row, zone) => weightOf(row) * prices[zone]!,
    uncertainJoulesOf: null,
    counted: (zone) => counted[zone],
    attributionOf: (zone) => (prices[zone]! > 0 ? 'time' : null),
  };
}

/** `hidden`: weight of what nobody knows to run in the zone. */
function countedBy(reading: Reading | undefined, weight: number, hidden: number): Counted | undefined {
  if (reading === undefined || reading.kind === 'unknown') return undefined;
  const { kind, joules } = reading;
  // A gap is of the time before as well; where nobody ran, it is of nobody that we know.
  const unknown = kind === 'gap' || weight === 0 ? 1 : hidden / (weight + hidden);
  return { joules, gapJoules: joules * unknown, lostJoules: 0 };
}
