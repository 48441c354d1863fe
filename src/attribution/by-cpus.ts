// SPDX-License-Identifier: Apache-2.0
import { type GroupOfCpu, IDLE, type PricedRows, type Reducer } from './reducer.ts';

/** What was charged on the CPUs of groups, by the groups' index. */
export interface CpuGroupSums {
  /** All of it, J. */
  readonly joules: Float64Array;
  /** The idle part of it, J. */
  readonly idleJoules: Float64Array;
  /** 1 where there was a row at all, 0 where no CPU was online. */
  readonly seen: Uint8Array;
}

/** Adds rows up by groups of CPUs, such as cores; `groupOf` has the index of the group that a CPU is in. */
export function byCpus(
  { rows, joules }: PricedRows,
  groups: number,
  groupOf: GroupOfCpu,
): Reducer<CpuGroupSums> {
  const sums = {
    joules: new Float64Array(groups),
    idleJoules: new Float64Array(groups),
    seen: new Uint8Array(groups),
  };
  return {
    add(begin, end) {
      for (let row = begin; row < end; row++) {
        const group = groupOf[rows.cpu[row]!];
        if (group === undefined) continue;
        sums.seen[group] = 1;
        sums.joules[group]! += joules[row]!;
        if (rows.pid[row] === IDLE) sums.idleJoules[group]! += joules[row]!;
      }
    },
    result: () => sums,
  };
}
