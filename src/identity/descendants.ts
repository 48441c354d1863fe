// SPDX-License-Identifier: Apache-2.0
import { type Columns, LIFECYCLE } from '../probe/columns.ts';

/** A command, or what runs already, and all that descends from it, double forks and new sessions included. */
export interface Descendants {
  /** Takes in the forks of an interval; call it before asking about that interval's processes. */
  follow(lifecycle: Columns['lifecycle']): void;
  has(pid: number, startNs: number): boolean;
  /** Processes so far, the first ones included. */
  readonly size: number;
}

/** What runs when a family begins to be followed. */
export interface Ancestors {
  has(pid: number, startNs: number): boolean;
  readonly size: number;
}

/**
 * Follows the first process that process `parent` forks, and its descendants. A process is its pid and its
 * start, so a reused pid is another one. Members are kept for good: an ended process may still be charged.
 */
export function descendantsOf(parent: number): Descendants {
  return family({ has: () => false, size: 0 }, parent);
}

/** Follows what these fork from now on, and its descendants; they are of the family themselves. */
export function familyOf(ancestors: Ancestors): Descendants {
  return family(ancestors);
}

function family(ancestors: Ancestors, parent?: number): Descendants {
  const members = new Set<string>();
  const has = (pid: number, startNs: number): boolean =>
    members.has(key(pid, startNs)) || ancestors.has(pid, startNs);
  return {
    follow(lifecycle) {
      for (let i = 0; i < lifecycle.kind.length; i++) {
        if (lifecycle.kind[i] !== LIFECYCLE.fork) continue;
        const pid = lifecycle.pid[i]!;
        const startNs = lifecycle.startNs[i]!;
        const isRoot = members.size === 0 && lifecycle.parentPid[i] === parent;
        const isChild = has(lifecycle.parentPid[i]!, lifecycle.parentStartNs[i]!);
        // What was forked just before the ancestors were looked for may be one of them.
        if ((isRoot || isChild) && !has(pid, startNs)) members.add(key(pid, startNs));
      }
    },
    has,
    get size() {
      return members.size + ancestors.size;
    },
  };
}

function key(pid: number, startNs: number): string {
  return `${pid}:${startNs}`;
}
