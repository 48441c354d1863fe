// SPDX-License-Identifier: Apache-2.0
import type { Joules, Seconds } from '../model/units.ts';
import { IDLE, type Mutable, type PricedRows, type Reducer } from './reducer.ts';

export interface KeyCharge {
  readonly key: number;
  /** Index of the first row that has this key. */
  readonly row: number;
  readonly joules: Joules;
  readonly seconds: Seconds;
}

/**
 * Adds what tasks used up by a number that each row has, in the order in which the numbers come up: `keys` is a column
 * beside those of the rows. A cgroup's id is such a number, and so would be a label that BPF sets.
 */
export function byKey(
  { rows, joules, seconds }: PricedRows,
  keys: ArrayLike<number>,
): Reducer<readonly KeyCharge[]> {
  const charges = new Map<number, Mutable<KeyCharge>>();
  return {
    add(begin, end) {
      for (let row = begin; row < end; row++) {
        if (rows.pid[row] === IDLE) continue;
        const key = keys[row]!;
        let charge = charges.get(key);
        if (!charge) {
          charge = { key, row, joules: 0, seconds: 0 };
          charges.set(key, charge);
        }
        charge.joules += joules[row]!;
        charge.seconds += seconds[row]!;
      }
    },
    result: () => [...charges.values()],
  };
}
