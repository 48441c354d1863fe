// SPDX-License-Identifier: Apache-2.0
import { type Columns, commAt, LIFE } from '../probe/columns.ts';

/** The last stints of a process come after the news of its end, mostly at once, under load somewhat later. */
const DYING_ROUNDS = 10;

/** What became of processes in the interval, by their start: unlike pids, starts in ns are not used twice. */
export interface Lives {
  readonly exited: ReadonlyMap<number, { readonly pid: number }>;
  /** Last names of those that called execve(2): a short one may never be charged under it. */
  readonly names: ReadonlyMap<number, { readonly pid: number; readonly comm: string }>;
}

/** `exited` is who ended in the last intervals, kept by the caller from call to call. */
export function readLives(
  { kind, pid, startNs, comm }: Columns['lives'],
  exited: Map<number, { pid: number; rounds: number }>,
): Lives {
  for (const [start, process] of exited) if (++process.rounds > DYING_ROUNDS) exited.delete(start);
  const names = new Map<number, { pid: number; comm: string }>();
  for (let i = 0; i < kind.length; i++) {
    if (kind[i] === LIFE.exit) exited.set(startNs[i]!, { pid: pid[i]!, rounds: 0 });
    else if (kind[i] === LIFE.exec) names.set(startNs[i]!, { pid: pid[i]!, comm: commAt(comm, i) });
  }
  return { exited, names };
}
