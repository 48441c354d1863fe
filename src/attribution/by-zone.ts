// SPDX-License-Identifier: Apache-2.0
import type { Attribution, Zone } from '../model/source.ts';
import type { Joules } from '../model/units.ts';
import { byCpus } from './by-cpus.ts';
import type { Pricing } from './pricing.ts';
import type { GroupOfCpu, PricedRows, Reducer } from './reducer.ts';

/** What one energy counter counted, and the parts of it that no process used. */
export interface ZoneCharge {
  /** `hw.id` of the counter. */
  readonly id: string;
  /** What it counted: Σ of what processes used on its CPUs, and all that follows. */
  readonly joules: Joules;
  readonly idleJoules: Joules;
  readonly gapJoules: Joules;
  readonly lostJoules: Joules;
  /** Nobody's: of a package what it draws whoever runs, as far as that is known. */
  readonly sharedJoules: Joules;
  /** How the rest was split over who ran; null where nothing was split afterwards. */
  readonly attribution: Attribution | null;
}

/** Sets what was charged on the CPUs of a counter against what it counted. A counter that is unknown is left out. */
export function byZone(
  priced: PricedRows,
  zones: readonly Zone[],
  zoneOf: GroupOfCpu,
  pricing: Pricing,
): Reducer<readonly ZoneCharge[]> {
  const sums = byCpus(priced, zones.length, zoneOf);
  return {
    add: (begin, end) => sums.add(begin, end),
    result() {
      const { joules, idleJoules, seen } = sums.result();
      return zones.flatMap(({ id }, i) => {
        const counted = pricing.counted(i, seen[i] ? joules[i]! : undefined);
        const attribution = pricing.attributionOf?.(i) ?? null;
        return counted ? [{ id, sharedJoules: 0, ...counted, idleJoules: idleJoules[i]!, attribution }] : [];
      });
    },
  };
}
