// SPDX-License-Identifier: Apache-2.0
// What the agent tells the page. Energies are whole microjoules and CPU times whole microseconds: sums of them are exact
// on both sides, whatever order they are added in.
import type { SourceKind } from '../../model/source.ts';

/** Version of what is below: a page that was loaded from another one loads itself anew. */
export const WIRE_VERSION = 2;

/** Time that the history covers, and that in which it has every row. */
export const HISTORY_MS: number = 15 * 60_000;
export const FINE_MS = 60_000;
/** What is older than `FINE_MS` is kept in buckets of this length, the largest rows by name. */
export const BUCKET_MS = 10_000;
export const BUCKET_ROWS = 200;
/** Time that every figure of now is a mean of. */
export const MEAN_MS = 5_000;

/** Where the energy went, µJ: to processes, to idle CPUs, and to nobody for one of three reasons. */
export interface LedgerParts {
  readonly process: number;
  readonly idle: number;
  readonly shared: number;
  readonly gap: number;
  readonly lost: number;
}

/** Rows by columns, those of one index belong together. */
export interface Rows {
  /** Of the dictionary. */
  readonly id: readonly number[];
  /** Energy, µJ. */
  readonly energy: readonly number[];
  /** Its standard deviation, µJ, as `energy_err_j`; null where the source has none. */
  readonly error: readonly number[] | null;
  /** CPU time, µs. */
  readonly cpu: readonly number[];
  /** Processes in the row: more than one in those that stand for several. */
  readonly count: readonly number[];
}

/** What one interval of about a second (or what the agent's interval is, if that is longer) has. */
export interface Frame {
  /** Its end, ms since 1970. */
  readonly time: number;
  /** Its length, ms. */
  readonly ms: number;
  readonly ledger: LedgerParts;
  /** Flat: core, µJ, µJ of them idle. */
  readonly cores: readonly number[];
  /** Flat: cgroup, µJ. */
  readonly groups: readonly number[];
  /** Gone once it is older than `FINE_MS`. */
  readonly rows?: Rows;
  /** The meter itself: µJ, context switches accounted, charges lost. */
  readonly self: readonly [number, number, number];
  /** What the dictionary had not told before. */
  readonly names?: Names;
}

/** Frames from one time to another, as one: the largest rows, and what the others of a cgroup had in one row of it. */
export interface Bucket {
  /** Begin of its first frame and end of its last, ms since 1970. */
  readonly from: number;
  readonly to: number;
  /** Sum of the lengths of its frames. */
  readonly ms: number;
  readonly rows: Rows;
}

/** What a row stands for: a process, those that ended, those that have no row of their own. */
export type RowKind = 'process' | 'ended' | 'rest';

export interface RowName {
  readonly kind: RowKind;
  readonly pid: number | null;
  /** Start of the process, ISO 8601. */
  readonly created: string | null;
  readonly program: string;
  readonly group: number;
  readonly kernel: boolean;
}

/** A step on the way to a cgroup: a key, unique on the machine, and what people read. */
export interface Level {
  readonly key: string;
  readonly label: string;
}

export interface GroupName {
  readonly path: string;
  /** From the outermost in; never empty. */
  readonly levels: readonly Level[];
  /** Which of them is the container, or where there is none the service or session. */
  readonly owner: number;
  /** What people call that one where nothing around it is said: of containers of pods with the pod. */
  readonly title: string;
  readonly container: string | null;
}

/** Names by number. */
export interface Names {
  readonly rows: readonly (readonly [number, RowName])[];
  readonly groups: readonly (readonly [number, GroupName])[];
  readonly cores: readonly (readonly [number, string])[];
  /** Numbers of rows and cgroups that nothing in the history has any more. */
  readonly gone: readonly number[];
}

export interface SourceInfo {
  readonly name: string;
  readonly kind: SourceKind;
  readonly scope: string;
  /** Where an estimate's watts come from. */
  readonly reference: string | null;
}

/** What a stream begins with. Buckets and frames of the history follow, then `live`. */
export interface Hello {
  readonly version: number;
  /** Another one after each start of the agent. */
  readonly instance: string;
  readonly host: string;
  readonly agent: string;
  /** Between two frames, ms. */
  readonly interval: number;
  readonly source: SourceInfo;
  /** Time that the history covers at most, ms. */
  readonly history: number;
  /** Whether all of it was recorded, and nothing comes after it. */
  readonly isRecording: boolean;
  readonly names: Names;
}

/** Names of the events of a stream. */
export const EVENTS = { hello: 'hello', frame: 'frame', bucket: 'bucket', live: 'live' } as const;
