// SPDX-License-Identifier: Apache-2.0
import type { KubeletOptions } from '../identity/kubelet.ts';
import type { Attribution } from '../model/source.ts';
import type { Patterns } from '../snapshot/filter.ts';

/** Options of `openMeter`. What each is, its range, default and names elsewhere are in `table.ts` and docs/settings.md. */
export interface MeterOptions extends Patterns {
  readonly names?: boolean;
  readonly scripts?: boolean;
  readonly containerRoots?: readonly string[];
  readonly kubelet?: KubeletOptions;
  readonly source?: string;
  readonly attribution?: Attribution;
  readonly root?: string;
  /** W, as is the next one. */
  readonly wattsIdle?: number;
  readonly wattsBusy?: number;
  readonly maxTasks?: number;
  readonly followForks?: boolean;
  readonly log?: (line: string) => void;
  /** Seconds. */
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
  /** Where the agent's sockets are that a process without privileges asks for what it used itself, or `none`. */
  readonly socketDirectory?: string;
  readonly limits?: Partial<LedgerLimits>;
}

/** What `joules top` can list. */
export const VIEWS = ['process', 'cgroup', 'container', 'core'] as const;
export type View = (typeof VIEWS)[number];

/** Options that the command line alone has. */
export interface CommandOptions {
  readonly json?: boolean;
  readonly config?: string;
  readonly listen?: string;
  readonly tokenFile?: string;
  readonly webConfigFile?: string;
  /** Whether an agent measures, and is asked. */
  readonly attach?: boolean;
  /** Where the agent's sockets are, or `none`. */
  readonly socketDirectory?: string;
  readonly by?: View;
  readonly limit?: number;
  readonly count?: number;
  readonly output?: string;
  /** How `joules stat` runs a command: so many times, after so many that do not count, or two in turns. */
  readonly repeat?: number;
  readonly warmUp?: number;
  readonly compare?: boolean;
  /** Percent. */
  readonly failIfMore?: number;
  /** What `joules stat` measures that runs already, and for how many seconds at most. */
  readonly pids?: readonly number[];
  readonly cgroup?: string;
  readonly container?: string;
  readonly timeout?: number;
  readonly plain?: boolean;
  readonly replay?: string;
  /** MB of a file of a recording, and how many files there are. */
  readonly maxSize?: number;
  readonly files?: number;
  readonly from?: string;
  readonly to?: string;
  /** How long `joules verify` measures. */
  readonly seconds?: number;
}
