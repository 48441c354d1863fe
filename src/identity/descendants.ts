// SPDX-License-Identifier: Apache-2.0
import { type Columns, LIFECYCLE } from '../probe/columns.ts';

/** A command and all that descends from it, double forks and new sessions included. */
export interface Descendants {
  /** Takes in the forks of an interval; call it before asking about that interval's processes. */
  follow(lifecycle: Columns['lifecycle']): void;
  has(pid: number, startNs: number): boolean;
  /** Processes so far, the command included. */
  readonly size: number;
}

/**
 * Follows the first process that process `parent` forks, and its descendants. A process is its pid and its
 * start, so a reused pid is another one. Members are kept for good: an ended process may still be charged.
 */
export function descendantsOf(parent: number): Descendants {
  const members = new Set<string>();
  return {
    follow(lifecycle) {
      for (let i = 0; i < lifecycle.kind.length; i++) {
        if (lifecycle.kind[i] !== LIFECYCLE.fork) continue;
        const pid = lifecycle.pid[i]!;
        const isRoot = members.size === 0 && lifecycle.parentPid[i] === parent;
        if (isRoot || members.has(key(lifecycle.parentPid[i]!, lifecycle.parentStartNs[i]!))) {
          members.add(key(pid, lifecycle.startNs[i]!));
        }
      }
    },
    has: (pid, startNs) => members.has(key(pid, startNs)),
    get size() {
      return members.size;
    },
  };
}

function key(pid: number, startNs: number): string {
  return `${pid}:${startNs}`;
}
