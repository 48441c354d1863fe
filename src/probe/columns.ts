// SPDX-License-Identifier: Apache-2.0

/** pid of rows whose process detail was lost; their cgroup is known. */
export const NO_PROCESS = 0xffff_ffff;
/** Values of `lifecycle.kind`. Like NO_PROCESS compared with the native part's own when that is loaded. */
export const LIFECYCLE = { fork: 1, exec: 2, exit: 3 } as const;

/**
 * What the kernel recorded since the last drain: one typed array per field. `counts` are counts of the
 * energy counter, times are nanoseconds, `comm` holds 16 bytes per entry, ids are exact below 2^53.
 */
export interface Columns {
  /** Run time and energy per CPU, process, cgroup and label. */
  readonly rows: {
    readonly cpu: Uint32Array;
    /** 0: idle time. */
    readonly pid: Uint32Array;
    /** Its index in `processes`; 2^32 - 1 of idle time and of what is known by its cgroup alone. */
    readonly process: Uint32Array;
    /** Its index in `cgroups`; 2^32 - 1 of idle time. */
    readonly cgroup: Uint32Array;
    /** What the process worked on, as an opaque number; 0: none. */
    readonly label: Uint32Array;
    readonly timeNs: Float64Array;
    readonly counts: Float64Array;
    /** Standard deviation of `counts`, as far as it comes from powers that were learned. */
    readonly uncertainCounts: Float64Array;
    /**
     * What the process, or idle time, is predicted to have used, of a counter that is learned from: who used how much
     * more than another, to be scaled to what was counted. NaN: nothing is known.
     */
    readonly predictedJoules: Float64Array;
    /** Standard deviation of that; NaN of idle time. */
    readonly predictedErrorJoules: Float64Array;
  };
  /** The processes of the rows, once each; pid and start tell one from another. */
  readonly processes: {
    /**
     * A small number, the same for as long as the process is charged again and again, or few others are: then another one
     * may get it. No two of one drain have the same.
     */
    readonly number: Uint32Array;
    readonly pid: Uint32Array;
    readonly startNs: Float64Array;
    /** Of the row with the most run time; an index in `cgroups`. */
    readonly cgroup: Uint32Array;
    readonly comm: Buffer;
  };
  /** The cgroups of the rows, once each, with a process that was charged there. */
  readonly cgroups: {
    readonly id: Float64Array;
    readonly pid: Uint32Array;
    readonly startNs: Float64Array;
  };
  /**
   * One entry per package whose counter is learned from, or two where `joinColumns` put two intervals together; `zone`
   * is the index of its zone in the source.
   */
  readonly packages: {
    readonly zone: Uint32Array;
    /** 1: its tasks' powers are told apart. 0: of those nothing is known, though of the next two there may be. */
    readonly learned: Uint32Array;
    /** What the package is predicted to have drawn whoever ran, which is nobody's; NaN: nothing is known. */
    readonly sharedJoules: Float64Array;
    /** What its idle cores are predicted to have drawn; it is in the rows of idle time. */
    readonly idleJoules: Float64Array;
  };
  /**
   * One entry per CPU that was online in the interval, or two where `joinColumns` put two intervals together.
   * `counts` = Σ rows + `lostCounts`; `residualCounts` is the difference, always 0.
   */
  readonly cpus: {
    readonly cpu: Uint32Array;
    readonly switches: Uint32Array;
    readonly lostRows: Uint32Array;
    readonly backwards: Uint32Array;
    /** How often a counter advanced by more than its hardware can draw; part of `gapCounts`. */
    readonly jumps: Uint32Array;
    readonly counts: Float64Array;
    readonly gapCounts: Float64Array;
    readonly lostCounts: Float64Array;
    readonly residualCounts: Float64Array;
  };
  /** Forks (if followed), execs and exits of whole processes, in their order. */
  readonly lifecycle: {
    readonly kind: Uint32Array;
    readonly pid: Uint32Array;
    readonly startNs: Float64Array;
    readonly parentPid: Uint32Array;
    readonly parentStartNs: Float64Array;
    readonly comm: Buffer;
    /** Of an exec the file name of the program, of a script its interpreter; '' if it is too long. */
    readonly program: readonly string[];
  };
  /** New cgroups of the hierarchy that is charged: id and path from its root. */
  readonly mkdirs: { readonly cgroup: Float64Array; readonly path: readonly string[] };
  /** Lifecycle events and new cgroups that found no room, since the start. */
  readonly lostEvents: number;
  /** CLOCK_MONOTONIC when the CPUs' intervals ended, the mean over them. */
  readonly timeNs: number;
}

/** The 16-byte name at `index` of a `comm` column. */
export function commAt(comm: Buffer, index: number): string {
  const start = index * 16;
  let end = start;
  while (end < start + 16 && comm[end] !== 0) end++;
  return comm.toString('utf8', start, end);
}
