// SPDX-License-Identifier: Apache-2.0

/** What a record of a trace says; the values are those of trace.h. */
export const KIND = {
  /** `value` is the task that runs from now on on `cpu`; 0 is idle. */
  switch: 1,
  /** `value` is what the counter of zone `cpu` reads from now on, in counts. */
  counter: 2,
  /** A timer tick on `cpu`, which is busy. */
  tick: 3,
  /** The meter takes an interval from all CPUs. */
  drain: 4,
  /** The meter looks at the counter on `cpu`, which is busy, if it has been asked to. */
  poll: 5,
  /** The counter of package `cpu` was seen to move; `value` is what it reads from now on, in counts. */
  edge: 6,
} as const;

export interface TraceRecord {
  readonly timeNs: number;
  readonly value: number;
  readonly kind: number;
  readonly cpu: number;
}

export interface TraceTask {
  readonly comm: string;
  readonly cgroup: number;
  readonly startNs: number;
}

/** What a meter of the simulated machine gets to see, and what it should find out from it. */
export interface Trace {
  readonly name: string;
  readonly cpus: number;
  /** The CPUs that share a counter, by counter. */
  readonly zones: readonly (readonly number[])[];
  readonly joulesPerCount: number;
  /** Task 0 is idle; the tgid of a task is its index. */
  readonly tasks: readonly TraceTask[];
  /** Sorted by time, in the layout of trace.h. Every counter's first reading, at 0, is 0. */
  readonly records: Uint8Array;
  readonly seconds: number;
  /**
   * Who used what the counters counted. The energy after a counter's last update, and what it has not counted of
   * a unit, are nobody's: what is charged rightly adds up to what was counted.
   */
  readonly truth: Charges;
}

/** Joules by task index (that of idle is 0) and those of idle cores. */
export interface Charges {
  readonly tasksJ: Float64Array;
  readonly idleJ: number;
}

export const RECORD_BYTES = 24;

/** Records in the layout of trace.h. */
export function packRecords(records: Iterable<TraceRecord>): Uint8Array {
  let view = new DataView(new ArrayBuffer(1 << 16));
  let end = 0;
  for (const { timeNs, value, kind, cpu } of records) {
    if (end + RECORD_BYTES > view.byteLength) view = twiceAsLong(view);
    putU64(view, end, timeNs);
    putU64(view, end + 8, value);
    view.setUint32(end + 16, kind, true);
    view.setUint32(end + 20, cpu, true);
    end += RECORD_BYTES;
  }
  return new Uint8Array(view.buffer, 0, end);
}

function twiceAsLong(view: DataView<ArrayBuffer>): DataView<ArrayBuffer> {
  const longer = new Uint8Array(2 * view.byteLength);
  longer.set(new Uint8Array(view.buffer));
  return new DataView(longer.buffer);
}

export function* unpackRecords(records: Uint8Array): Generator<TraceRecord> {
  const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
  for (let at = 0; at < records.byteLength; at += RECORD_BYTES) {
    yield {
      timeNs: getU64(view, at),
      value: getU64(view, at + 8),
      kind: view.getUint32(at + 16, true),
      cpu: view.getUint32(at + 20, true),
    };
  }
}

// By halves: a million BigInts take longer than the simulation. Times and readings are below 2^53.
function putU64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value % 2 ** 32, true);
  view.setUint32(at + 4, value / 2 ** 32, true);
}

function getU64(view: DataView, at: number): number {
  return view.getUint32(at, true) + 2 ** 32 * view.getUint32(at + 4, true);
}
