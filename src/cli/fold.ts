// SPDX-License-Identifier: Apache-2.0
import { OTHER, type ProcessUsage, type Snapshot } from '../model/snapshot.ts';
import { sumAsOther } from '../snapshot/process-rows.ts';

/** A row that people read. */
export interface FoldedRow {
  /** Null of what stands for several, or for one that ended and whose pid may be another's by now. */
  readonly pid: number | null;
  readonly executable: string;
  readonly cgroup: string | null;
  readonly energy_j: number;
  readonly power_w: number;
  readonly cpu_time_s: number;
  /** How many ended; 0 of a process that is there, and of `(other)`. */
  readonly ended: number;
}

/**
 * At most `limit` rows, the largest first, and one for all others at the end. Processes that ended are one row by executable
 * and cgroup: a build has tens of thousands of them.
 */
export function foldedRows({ processes, interval_s }: Snapshot, limit: number): FoldedRow[] {
  const others: ProcessUsage[] = [];
  const rows: FoldedRow[] = [];
  const ended = new Map<string, FoldedRow>();
  for (const process of processes) {
    if (process.pid === null) others.push(process);
    else if (!process.exited) rows.push({ ...process, ended: 0 });
    else {
      const { executable, cgroup } = process;
      const key = `${cgroup}\n${executable}`;
      ended.set(key, sumOf(ended.get(key), { ...process, pid: null, ended: 1 }));
    }
  }
  const sorted = [...rows, ...ended.values()].toSorted((one, other) => other.energy_j - one.energy_j);
  const rest = [...sorted.slice(limit), ...others];
  if (rest.length === 0) return sorted;
  const { energy_j, power_w, cpu_time_s } = sumAsOther(
    rest.map((row) => ({ energy_err_j: null, ...row })),
    interval_s,
  );
  const other = { pid: null, executable: OTHER, cgroup: null, ended: 0, energy_j, power_w, cpu_time_s };
  return [...sorted.slice(0, limit), other];
}

function sumOf(one: FoldedRow | undefined, more: FoldedRow): FoldedRow {
  if (!one) return more;
  return {
    ...one,
    energy_j: one.energy_j + more.energy_j,
    power_w: one.power_w + more.power_w,
    cpu_time_s: one.cpu_time_s + more.cpu_time_s,
    ended: one.ended + more.ended,
  };
}
