// SPDX-License-Identifier: Apache-2.0
import type { KubeletOptions } from '../identity/kubelet.ts';
import type { Patterns } from '../snapshot/filter.ts';

/** Options of `openMeter`. `table.ts` has their ranges, defaults and names elsewhere. */
export interface MeterOptions extends Patterns {
  /** Look for the names of containers in what their runtimes keep on the node; default false. */
  readonly names?: boolean;
  /** Look for them in the list of pods of this node's kubelet as well. */
  readonly kubelet?: KubeletOptions;
  /** As `--source`; default `auto`. */
  readonly source?: string;
  /** Directory below which the host's /proc and /sys are; default `/`. */
  readonly root?: string;
  /** Power of a CPU for source `estimated`, W; both or none. */
  readonly wattsIdle?: number;
  readonly wattsBusy?: number;
  /** Processes that may be live within an interval before their detail is lost; default 32,768. */
  readonly maxTasks?: number;
  /** Report forks too, so that the descendants of a command can be followed; default false. */
  readonly followForks?: boolean;
  /** Takes a line for every counter that is bound anew, because CPUs came or went, or cannot be. */
  readonly log?: (line: string) => void;
  /** Seconds between the snapshots of an iteration; default 1. */
  readonly interval?: number;
}

/** The most series of each kind; what does not fit is in one series named `(other)`. */
export interface LedgerLimits {
  /** Processes with a series of their own; 0 switches these off. */
  readonly processes: number;
  readonly executables: number;
  readonly cgroups: number;
  readonly containers: number;
}

/** Whose energy an application exports: what it used itself, or what all of this machine did. */
export const SCOPES = ['process', 'machine'] as const;
export type Scope = (typeof SCOPES)[number];

/** Options of what measures into a ledger in an application: the producer and the instrumentation. */
export interface RecorderOptions extends MeterOptions {
  /**
   * Default `process`: all that an application exports stands under its own resource, so what others used would be taken
   * for its own. `include`, `exclude` and `limits` are for `machine` alone.
   */
  readonly scope?: Scope;
  readonly limits?: Partial<LedgerLimits>;
}

export const VERBS = ['agent', 'top', 'stat', 'doctor'] as const;
export type Verb = (typeof VERBS)[number];

/** What `joules top` can list. */
export const VIEWS = ['process', 'cgroup', 'container', 'core'] as const;
export type View = (typeof VIEWS)[number];

/** Options that the command line alone has. */
export interface CommandOptions {
  readonly json?: boolean;
  readonly config?: string;
  readonly by?: View;
  readonly limit?: number;
  readonly count?: number;
  readonly output?: string;
}
