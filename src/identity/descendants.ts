// SPDX-License-Identifier: Apache-2.0
import { type Columns, LIFE } from '../probe/columns.ts';

/** A command and all that descends from it, double forks and new sessions included. */
export interface Descendants {
  /** Takes in the forks of an interval; call it before asking about that interval's processes. */
  follow(lives: Columns['lives']): void;
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
    follow(lives) {
      for (let i = 0; i < lives.kind.length; i++) {
        if (lives.kind[i] !== LIFE.fork) continue;
        const pid = lives.pid[i]!;
        const isRoot = members.size === 0 && lives.parentPid[i] === parent;
        if (isRoot || members.has(key(lives.parentPid[i]!, lives.parentStartNs[i]!))) {
          members.add(key(pid, lives.startNs[i]!));
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
