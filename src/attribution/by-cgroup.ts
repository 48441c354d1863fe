// SPDX-License-Identifier: Apache-2.0
import type { ProcessKey } from '../host/procfs.ts';
import type { Joules, Seconds } from '../model/units.ts';
import type { Columns } from '../probe/columns.ts';
import { IDLE, type PricedRows, type Reducer } from './reducer.ts';

/** What the tasks directly in one cgroup used in the interval. */
export interface CgroupCharge {
  readonly id: number;
  /** A process that was charged in it: a way to its path. */
  readonly process: ProcessKey;
  readonly joules: Joules;
  readonly seconds: Seconds;
}

/** Adds what tasks used up by cgroup: one charge for each, in the order of the interval's `cgroups`. */
export function byCgroup(
  { rows, joules, seconds }: PricedRows,
  { id, pid, startNs }: Columns['cgroups'],
): Reducer<readonly CgroupCharge[]> {
  const sums = { joules: new Float64Array(id.length), seconds: new Float64Array(id.length) };
  return {
    add(begin, end) {
      for (let row = begin; row < end; row++) {
        if (rows.pid[row] === IDLE) continue;
        const cgroup = rows.cgroup[row]!;
        sums.joules[cgroup]! += joules[row]!;
        sums.seconds[cgroup]! += seconds[row]!;
      }
    },
    result: () =>
      Array.from(id, (one, i) => ({
        id: one,
        process: { pid: pid[i]!, startNs: startNs[i]! },
        joules: sums.joules[i]!,
        seconds: sums.seconds[i]!,
      })),
  };
}
