// SPDX-License-Identifier: Apache-2.0
import type { Joules } from '../model/units.ts';
import { type Columns, NO_PROCESS } from '../probe/columns.ts';
import { IDLE, type Mutable, type PricedRows, type Reducer } from './reducer.ts';
import { type ProcessCharge, ProcessTable } from './process-table.ts';
import type { Used } from './used.ts';
import { lazily } from '../util/lazy.ts';

export interface ProcessCharges {
  readonly processes: readonly ProcessCharge[];
  /** The same as columns, of which `processes` is made when it is asked for. */
  readonly table: ProcessTable;
  /** What was used by processes of which only the cgroup is known, since the kernel had no room for more. null: none were. */
  readonly unidentified: Used | null;
  /** What all of these used, J. */
  readonly processJoules: Joules;
}

/** Adds rows up by process, that is by pid and start. */
export function byProcess(
  { rows, joules, uncertainJoules, seconds }: PricedRows,
  columns: Pick<Columns, 'processes' | 'cgroups'>,
): Reducer<ProcessCharges> {
  const table = new ProcessTable(columns, uncertainJoules !== null);
  let unidentified: Mutable<Used> | null = null;
  let processJoules = 0;

  function addUnidentified(row: number): void {
    unidentified ??= { joules: 0, uncertainJoules: uncertainJoules && 0, seconds: 0 };
    unidentified.joules += joules[row]!;
    unidentified.seconds += seconds[row]!;
    if (uncertainJoules) unidentified.uncertainJoules! += uncertainJoules[row]!;
  }

  return {
    add(begin, end) {
      for (let row = begin; row < end; row++) {
        if (rows.pid[row] === IDLE) continue;
        processJoules += joules[row]!;
        if (rows.pid[row] === NO_PROCESS) {
          addUnidentified(row);
          continue;
        }
        const index = rows.process[row]!;
        table.joules[index]! += joules[row]!;
        table.seconds[index]! += seconds[row]!;
        // Rows are not independent of one another: an error of a power is the same in all rows of its process.
        if (uncertainJoules) table.uncertainJoules![index]! += uncertainJoules[row]!;
      }
    },
    result() {
      if (unidentified) forgetUnknown(unidentified);
      return lazily({ table, unidentified, processJoules }, 'processes', () => [...table]);
    },
  };
}

/** Where the error of one row is not known, that of the sum is not. */
function forgetUnknown(used: Mutable<Used>): void {
  if (!Number.isFinite(used.uncertainJoules)) used.uncertainJoules = null;
}
