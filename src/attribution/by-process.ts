// SPDX-License-Identifier: Apache-2.0
import type { ProcessKey } from '../host/procfs.ts';
import type { Joules } from '../model/units.ts';
import { NO_PROCESS } from '../probe/columns.ts';
import { IDLE, type Mutable, type PricedRows, type Reducer } from './reducer.ts';
import type { Used } from './used.ts';

/** What one process used in the interval. */
export interface ProcessCharge extends ProcessKey, Used {
  /** Index of its row with the most run time, which tells its name. */
  readonly row: number;
  /** Cgroup of that row. */
  readonly cgroup: number;
}

export interface ProcessCharges {
  readonly processes: readonly ProcessCharge[];
  /** What was used by processes of which only the cgroup is known, since the kernel had no room for more. null: none were. */
  readonly unidentified: Used | null;
  /** What all of these used, J. */
  readonly processJoules: Joules;
}

/** Adds rows up by process, that is by pid and start. With 10,000 of them it takes about a millisecond. */
export function byProcess({ rows, joules, uncertainJoules, seconds }: PricedRows): Reducer<ProcessCharges> {
  const nothing: Used = { joules: 0, uncertainJoules: uncertainJoules && 0, seconds: 0 };
  const processes: Mutable<ProcessCharge>[] = [];
  let unidentified: Mutable<Used> | null = null;
  let processJoules = 0;
  /** By pid the charge that was opened last; per charge the one of the same pid that was opened before it, or -1. */
  const latest = new Map<number, number>();
  const earlier: number[] = [];

  function chargeOf(row: number): Mutable<ProcessCharge> {
    const pid = rows.pid[row]!;
    const startNs = rows.startNs[row]!;
    const last = latest.get(pid) ?? -1;
    for (let at = last; at >= 0; at = earlier[at]!) {
      if (processes[at]!.startNs === startNs) return processes[at]!;
    }
    const charge = { pid, startNs, row, cgroup: rows.cgroup[row]!, ...nothing };
    latest.set(pid, processes.push(charge) - 1);
    earlier.push(last);
    return charge;
  }

  function addTo(used: Mutable<Used>, row: number): void {
    used.joules += joules[row]!;
    used.seconds += seconds[row]!;
    // Rows are not independent of one another: an error of a power is the same in all rows of its process.
    if (uncertainJoules) used.uncertainJoules! += uncertainJoules[row]!;
  }

  return {
    add(begin, end) {
      for (let row = begin; row < end; row++) {
        const pid = rows.pid[row]!;
        if (pid === IDLE) continue;
        processJoules += joules[row]!;
        if (pid === NO_PROCESS) {
          addTo((unidentified ??= { ...nothing }), row);
          continue;
        }
        const charge = chargeOf(row);
        addTo(charge, row);
        if (rows.timeNs[row]! > rows.timeNs[charge.row]!) {
          charge.row = row;
          charge.cgroup = rows.cgroup[row]!;
        }
      }
    },
    result() {
      if (uncertainJoules) for (const used of processes) forgetUnknown(used);
      if (unidentified) forgetUnknown(unidentified);
      return { processes, unidentified, processJoules };
    },
  };
}

/** Where the error of one row is not known, that of the sum is not. */
function forgetUnknown(used: Mutable<Used>): void {
  if (!Number.isFinite(used.uncertainJoules)) used.uncertainJoules = null;
}
