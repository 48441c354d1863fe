// SPDX-License-Identifier: Apache-2.0
import type { Rows } from './wire.ts';

/** What a row had in some time, in the units of `Rows`. */
export interface RowSum {
  energy: number;
  /** NaN where one of the intervals had no error. */
  error: number;
  cpu: number;
  /** Of a row that stands for several: how many, one for each time that one was there. */
  count: number;
  /** Intervals that it was in. */
  seen: number;
}

export type RowSums = Map<number, RowSum>;

/** Adds rows to sums, or takes them away (`sign` -1). What has been taken away as often as it was added is gone. */
export function addRows(sums: RowSums, rows: Rows, sign: 1 | -1 = 1): void {
  const { id, energy, error, cpu, count } = rows;
  for (let i = 0; i < id.length; i++) {
    let sum = sums.get(id[i]!);
    if (!sum) sums.set(id[i]!, (sum = { energy: 0, error: 0, cpu: 0, count: 0, seen: 0 }));
    sum.energy += sign * energy[i]!;
    sum.error += error ? sign * error[i]! : Number.NaN;
    sum.cpu += sign * cpu[i]!;
    sum.count += sign * count[i]!;
    sum.seen += sign;
    if (sum.seen === 0) sums.delete(id[i]!);
  }
}

/** Sums as rows. */
export function toRows(sums: RowSums): Rows {
  const entries = [...sums];
  const error = entries.map(([, sum]) => sum.error);
  return {
    id: entries.map(([id]) => id),
    energy: entries.map(([, sum]) => sum.energy),
    error: error.some(Number.isNaN) ? null : error,
    cpu: entries.map(([, sum]) => sum.cpu),
    count: entries.map(([, sum]) => sum.count),
  };
}

/** The `limit` largest as they are, and the others in the row that `restOf` names. */
export function largest(sums: RowSums, limit: number, restOf: (row: number) => number): RowSums {
  if (sums.size <= limit) return sums;
  const sorted = [...sums].toSorted(([, one], [, other]) => other.energy - one.energy);
  const kept: RowSums = new Map(sorted.slice(0, limit));
  for (const [id, sum] of sorted.slice(limit)) {
    const rest = restOf(id);
    const total = kept.get(rest);
    if (total) addSum(total, sum);
    else kept.set(rest, { ...sum });
  }
  return kept;
}

export function addSum(total: RowSum, sum: Readonly<RowSum>): void {
  total.energy += sum.energy;
  total.error += sum.error;
  total.cpu += sum.cpu;
  total.count += sum.count;
  total.seen += sum.seen;
}

/** The rows of the last so many milliseconds of frames, kept up to date from frame to frame. */
export class Rolling {
  readonly sums: RowSums = new Map();
  readonly #limitMs: number;
  readonly #frames: { readonly ms: number; readonly rows: Rows }[] = [];
  #ms = 0;

  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  /** Time that it covers, ms. */
  get ms(): number {
    return this.#ms;
  }

  /** Frames that it covers, the last ones. */
  get length(): number {
    return this.#frames.length;
  }

  add(frame: { readonly ms: number; readonly rows: Rows }): void {
    this.#frames.push({ ms: frame.ms, rows: frame.rows });
    this.#ms += frame.ms;
    addRows(this.sums, frame.rows);
    // Intervals of a second are some ms longer or shorter: five are 5 s.
    while (this.#frames.length > 1 && this.#ms - this.#frames[0]!.ms / 2 > this.#limitMs) {
      const oldest = this.#frames.shift()!;
      this.#ms -= oldest.ms;
      addRows(this.sums, oldest.rows, -1);
    }
  }
}
