// SPDX-License-Identifier: Apache-2.0
import type { Dictionary } from './dictionary.ts';
import { addRows, largest, type RowSums, toRows } from './sums.ts';
import { type Bucket, BUCKET_MS, BUCKET_ROWS, FINE_MS, type Frame, HISTORY_MS } from './wire.ts';

/** Frames at most: the clock may be set, and then says nothing about how many are 15 minutes. */
const FRAMES = 1000;
/** Cgroups of a frame that has lost its rows: the chart has eight colours. */
const LEAN_GROUPS = 100;

/**
 * The last 15 minutes, bounded whatever runs: each frame's sums, the rows of the last minute, and the largest rows of what
 * is older in buckets of 10 s. The agent keeps one, and so does every page that looks.
 */
export class History {
  readonly frames: Frame[] = [];
  readonly buckets: Bucket[] = [];
  /** Time that it covers at most. */
  ms: number;
  readonly #dictionary: Dictionary;

  constructor(dictionary: Dictionary, ms: number = HISTORY_MS) {
    this.ms = ms;
    this.#dictionary = dictionary;
  }

  get last(): Frame | undefined {
    return this.frames.at(-1);
  }

  add(frame: Frame): void {
    const { last } = this;
    if (last && bucketOf(frame) !== bucketOf(last)) this.#fill(bucketOf(last));
    this.frames.push(frame);
    this.#drop(frame.time);
  }

  /** Takes a bucket that somebody else has filled, before frames that are later. */
  addBucket(bucket: Bucket): void {
    this.buckets.push(bucket);
  }

  #fill(bucket: number): void {
    const frames = this.frames.filter((frame) => bucketOf(frame) === bucket);
    // One whose rows are gone was longer ago than it says: the clock was set.
    if (frames.some(({ rows }) => !rows) || (this.buckets.at(-1)?.to ?? 0) >= frames.at(-1)!.time) return;
    const sums: RowSums = new Map();
    for (const { rows } of frames) addRows(sums, rows!);
    const restOf = (row: number): number => this.#dictionary.restOf(this.#dictionary.groupOf(row));
    this.buckets.push({
      from: beginOf(frames[0]!),
      to: frames.at(-1)!.time,
      ms: frames.reduce((ms, frame) => ms + frame.ms, 0),
      rows: toRows(largest(sums, BUCKET_ROWS, restOf)),
    });
  }

  #drop(now: number): void {
    const { frames, buckets } = this;
    while (frames.length > FRAMES || (frames.length > 1 && frames[0]!.time <= now - this.ms)) frames.shift();
    while (buckets.length > 0 && buckets[0]!.from < beginOf(frames[0]!) - frames[0]!.ms / 2) buckets.shift();
    for (let i = frames.length - 1; i >= 0; i--) {
      const { rows, names: _told, ...lean } = frames[i]!;
      const isFine = lean.time > now - FINE_MS && frames.length - i <= FRAMES / 10;
      if (isFine) continue;
      // All before it have lost theirs.
      if (!rows) break;
      frames[i] = { ...lean, groups: this.#leanGroups(lean.groups) };
    }
  }

  #leanGroups(groups: readonly number[]): readonly number[] {
    if (groups.length <= 2 * LEAN_GROUPS) return groups;
    const pairs = Array.from({ length: groups.length / 2 }, (_, i) => groups.slice(2 * i, 2 * i + 2));
    // What is left out is what the ledger has beyond these.
    return pairs
      .toSorted((one, other) => other[1]! - one[1]!)
      .slice(0, LEAN_GROUPS)
      .flat();
  }

  /** Numbers of rows and cgroups that are in it. */
  used(): Set<number> {
    const used = new Set<number>();
    for (const { rows, groups } of this.frames) {
      for (const id of rows?.id ?? []) used.add(id);
      for (let i = 0; i < groups.length; i += 2) used.add(groups[i]!);
    }
    for (const { rows } of this.buckets) for (const id of rows.id) used.add(id);
    return used;
  }
}

export function beginOf(frame: Pick<Frame, 'time' | 'ms'>): number {
  return frame.time - frame.ms;
}

function bucketOf({ time }: Frame): number {
  return Math.floor(time / BUCKET_MS);
}
