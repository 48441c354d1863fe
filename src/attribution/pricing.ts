// SPDX-License-Identifier: Apache-2.0
import type { Attribution } from '../model/source.ts';
import type { Joules } from '../model/units.ts';
import { toSeconds } from '../model/units.ts';
import type { Columns } from '../probe/columns.ts';
import type { GroupOfCpu, Mutable, PricedRows } from './reducer.ts';

/** What a zone's counter counted in the interval. */
export interface Counted {
  /** All of it, the gap included. */
  readonly joules: Joules;
  /** Part of it that nobody can be charged with, since it was counted while nobody could read it. */
  readonly gapJoules: Joules;
  /** Part of it whose user found no room in the kernel. */
  readonly lostJoules: Joules;
  /** Part of it that is drawn whoever runs, and so is nobody's; without it nothing of that kind is known. */
  readonly sharedJoules?: Joules;
}

/** How the rows of an interval become Joules: there is one for each kind of source. */
export interface Pricing {
  /** Energy of a row whose CPU is in the zone of index `zone`. */
  joulesOf(row: number, zone: number): Joules;
  /** Standard deviation of that as far as it comes from learned powers, NaN where it is not known; null where none are learned. */
  readonly uncertainJoulesOf: ((row: number, zone: number) => Joules) | null;
  /** `charged`: what its rows were charged, undefined if there were none. Returns undefined if nothing is known. */
  counted(zone: number, charged: Joules | undefined): Counted | undefined;
  /** How what a zone's counter counted was split; null if nothing was. Without it nothing is split afterwards. */
  attributionOf?(zone: number): Attribution | null;
}

/** Room for the prices of all rows, which `priceRows` fills in. */
export function unpricedRows({ rows }: Columns, { uncertainJoulesOf }: Pricing): PricedRows {
  const { length } = rows.cpu;
  return {
    rows,
    joules: new Float64Array(length),
    uncertainJoules: uncertainJoulesOf && new Float64Array(length),
    seconds: new Float64Array(length),
  };
}

/** Prices the rows from `begin` up to `end`. A CPU that has just come is in no zone yet: its energy is unknown. */
export function priceRows(
  { rows, joules, uncertainJoules, seconds }: Mutable<PricedRows>,
  pricing: Pricing,
  zoneOf: GroupOfCpu,
  begin: number,
  end: number,
): void {
  for (let row = begin; row < end; row++) {
    const zone = zoneOf[rows.cpu[row]!];
    joules[row] = zone === undefined ? 0 : pricing.joulesOf(row, zone);
    if (uncertainJoules)
      uncertainJoules[row] = zone === undefined ? 0 : pricing.uncertainJoulesOf!(row, zone);
    seconds[row] = toSeconds(rows.timeNs[row]!);
  }
}
