// SPDX-License-Identifier: Apache-2.0
import type { ProcessKey } from '../host/procfs.ts';
import { type Columns, commAt, LIFECYCLE } from '../probe/columns.ts';

/** The last slices of a process come after the news of its end, mostly at once, under load some intervals later. */
const EXITING_INTERVALS = 10;

/** What the kernel reported of processes that ended or became other programs. */
export interface Lifecycle {
  /** Takes in the events of an interval, to be called once for each interval. */
  follow(events: Columns['lifecycle']): void;
  /** Whether the rest may have something to say of a process of this pid: of all others it need not be asked. */
  hasNewsOf(pid: number): boolean;
  /** Whether it ended in this interval, or in one of the last ones. */
  hasExited(process: ProcessKey): boolean;
  /** The last name that it took by execve(2) in this interval: a short program may never be charged under it. */
  newNameOf(process: ProcessKey): string | undefined;
  /**
   * File name of the program that it became last by execve(2), in this interval or the one before: what follows an exec
   * at an interval's end is charged in the next one.
   */
  programOf(process: ProcessKey): string | undefined;
}

interface Exec {
  readonly pid: number;
  readonly comm: string;
  readonly program: string;
}

/** Pids that differ by a multiple of it are told apart by whoever is asked next. */
const PIDS = 2 ** 16;

/** Starts that are the same to the ns are rare enough to be the key, and the pid tells whether it is that process. */
export function createLifecycle(): Lifecycle {
  const exited = new Map<number, { readonly pid: number; intervals: number }>();
  let execs = new Map<number, Exec>();
  let before = execs;
  /** By pid: 1 where there is news. */
  const news = new Uint8Array(PIDS);
  return {
    follow({ kind, pid, startNs, comm, program }) {
      for (const [start, process] of exited) {
        if (++process.intervals > EXITING_INTERVALS) exited.delete(start);
      }
      before = execs;
      execs = new Map();
      for (let i = 0; i < kind.length; i++) {
        if (kind[i] === LIFECYCLE.exit) exited.set(startNs[i]!, { pid: pid[i]!, intervals: 0 });
        else if (kind[i] === LIFECYCLE.exec)
          execs.set(startNs[i]!, { pid: pid[i]!, comm: commAt(comm, i), program: program[i]! });
      }
      news.fill(0);
      for (const events of [exited, execs, before])
        for (const one of events.values()) news[one.pid % PIDS] = 1;
    },
    hasNewsOf: (pid) => news[pid % PIDS] === 1,
    hasExited: ({ pid, startNs }) => exited.get(startNs)?.pid === pid,
    newNameOf({ pid, startNs }) {
      const exec = execs.get(startNs);
      return exec?.pid === pid ? exec.comm : undefined;
    },
    programOf({ pid, startNs }) {
      const exec = execs.get(startNs) ?? before.get(startNs);
      return exec?.pid === pid && isFileName(exec.program) ? exec.program : undefined;
    },
  };
}

/** What memfd_create(2) was given is none: runc runs itself so. */
function isFileName(program: string): boolean {
  return program !== '' && !program.startsWith('memfd:');
}
