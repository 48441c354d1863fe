// SPDX-License-Identifier: Apache-2.0
import type { ProcessKey } from '../host/procfs.ts';
import type { Joules, Seconds } from '../model/units.ts';
import { byKey } from './by-key.ts';
import type { PricedRows, Reducer } from './reducer.ts';

/** What the tasks directly in one cgroup used in the interval. */
export interface CgroupCharge {
  readonly id: number;
  /** A process that was charged in it: a way to its path. */
  readonly process: ProcessKey;
  readonly joules: Joules;
  readonly seconds: Seconds;
}

export function byCgroup(priced: PricedRows): Reducer<readonly CgroupCharge[]> {
  const { rows } = priced;
  const sums = byKey(priced, rows.cgroup);
  return {
    add: (begin, end) => sums.add(begin, end),
    result: () =>
      sums.result().map(({ key, row, joules, seconds }) => {
        const process = { pid: rows.pid[row]!, startNs: rows.startNs[row]! };
        return { id: key, process, joules, seconds };
      }),
  };
}
