// SPDX-License-Identifier: Apache-2.0
import type { EstimatedSource } from '../model/source.ts';
import { energyOf, toSeconds } from '../model/units.ts';
import type { Columns } from '../probe/columns.ts';
import type { Pricing } from './pricing.ts';
import { type GroupOfCpu, IDLE } from './reducer.ts';

/** Prices of a power model: there is no counter, so what is charged, or hidden, is all there is. */
export function estimatedPricing(
  { rows }: Columns,
  { zones, watts: { idle, busy } }: EstimatedSource,
  zoneOf: GroupOfCpu,
): Pricing {
  const joulesOf = (row: number): number =>
    energyOf(rows.pid[row] === IDLE ? idle : busy, toSeconds(rows.timeNs[row]!));
  const hidden = zones.map(() => 0);
  for (let row = 0; row < rows.cpu.length; row++) {
    const zone = zoneOf[rows.cpu[row]!];
    if (zone !== undefined && zones[zone]!.hidden) hidden[zone]! += joulesOf(row);
  }
  return {
    joulesOf: (row, zone) => (zones[zone]!.hidden ? 0 : joulesOf(row)),
    uncertainJoulesOf: null,
    counted(zone, charged) {
      if (charged === undefined) return undefined;
      const gapJoules = hidden[zone]!;
      return { joules: charged + gapJoules, gapJoules, lostJoules: 0 };
    },
  };
}
