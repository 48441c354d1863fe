// SPDX-License-Identifier: Apache-2.0
import type { Joules } from '../model/units.ts';
import { NO_PROCESS } from '../probe/columns.ts';
import { IDLE, type Mutable, type PricedRows, type Reducer } from './reducer.ts';
import { type ProcessCharge, ProcessTable } from './process-table.ts';
import type { Used } from './used.ts';
import { lazily } from '../util/lazy.ts';

export interface ProcessCharges {
  readonly processes: readonly ProcessCharge[];
  /** The same as columns, of which `processes` is made when it is asked for; a copy of the charges has none. */
  readonly table?: ProcessTable;
  /** What was used by processes of which only the cgroup is known, since the kernel had no room for more. null: none were. */
  readonly unidentified: Used | null;
  /** What all of these used, J. */
  readonly processJoules: Joules;
}

/** Adds rows up by process, that is by pid and start. With 10,000 of them it takes less than a millisecond. */
export function byProcess({ rows, joules, uncertainJoules, seconds }: PricedRows): Reducer<ProcessCharges> {
  const table = new ProcessTable(rows.cpu.length, uncertainJoules !== null);
  let unidentified: Mutable<Used> | null = null;
  let processJoules = 0;

  function addUnidentified(row: number): void {
    unidentified ??= { joules: 0, uncertainJoules: uncertainJoules && 0, seconds: 0 };
    unidentified.joules += joules[row]!;
    unidentified.seconds += seconds[row]!;
    if (uncertainJoules) unidentified.uncertainJoules! += uncertainJoules[row]!;
  }

  function addIdentified(row: number): void {
    const before = table.length;
    const index = table.indexOf(rows.pid[row]!, rows.startNs[row]!);
    if (index === before || rows.timeNs[row]! > rows.timeNs[table.row[index]!]!) {
      table.row[index] = row;
      table.cgroup[index] = rows.cgroup[row]!;
    }
    table.joules[index]! += joules[row]!;
    table.seconds[index]! += seconds[row]!;
    // Rows are not independent of one another: an error of a power is the same in all rows of its process.
    if (uncertainJoules) table.uncertainJoules![index]! += uncertainJoules[row]!;
  }

  return {
    add(begin, end) {
      for (let row = begin; row < end; row++) {
        if (rows.pid[row] === IDLE) continue;
        processJoules += joules[row]!;
        if (rows.pid[row] === NO_PROCESS) addUnidentified(row);
        else addIdentified(row);
      }
    },
    result() {
      if (unidentified) forgetUnknown(unidentified);
      const charges = { unidentified, processJoules };
      Object.defineProperty(charges, 'table', { value: table });
      return lazily(charges as typeof charges & Pick<ProcessCharges, 'table'>, 'processes', () => [...table]);
    },
  };
}

/** Where the error of one row is not known, that of the sum is not. */
function forgetUnknown(used: Mutable<Used>): void {
  if (!Number.isFinite(used.uncertainJoules)) used.uncertainJoules = null;
}
