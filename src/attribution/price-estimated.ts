// SPDX-License-Identifier: Apache-2.0
import type { EstimatedSource } from '../model/source.ts';
import { energyOf, toSeconds } from '../model/units.ts';
import type { Columns } from '../probe/columns.ts';
import type { Pricing } from './pricing.ts';
import { IDLE } from './reducer.ts';

/** Prices of a power model: there is no counter, so what is charged is all there is. */
export function estimatedPricing({ rows }: Columns, { watts: { idle, busy } }: EstimatedSource): Pricing {
  return {
    joulesOf: (row) => energyOf(rows.pid[row] === IDLE ? idle : busy, toSeconds(rows.timeNs[row]!)),
    uncertainJoulesOf: null,
    counted: (_zone, charged) =>
      charged === undefined ? undefined : { joules: charged, gapJoules: 0, lostJoules: 0 },
  };
}
