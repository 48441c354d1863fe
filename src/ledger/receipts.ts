// SPDX-License-Identifier: Apache-2.0
import type { SeriesReading } from './reading.ts';
import { type Entry, shownValue } from './series.ts';

/** Brought up to date in place: thousands of new ones an interval would be thousands to be collected as garbage. */
interface Received {
  value: number;
  atMs: number;
  /** `endedMs` of the series, if the reader has seen it end. */
  endedMs: number | undefined;
}

/** How a reader shows what it collects. */
export interface ReaderOptions {
  /**
   * It shows each series as it was at the collection before, and 0 if there was none: so the first sample that a back
   * end gets of a new series is 0, and its last one takes one collection more. For readers that are scraped.
   */
  readonly delayed?: boolean;
}

/** What one reader has received of each series. */
export class Receipts {
  readonly #delayed: boolean;
  readonly #received = new Map<Entry<unknown>, Received>();
  /** Monotonic times of the last two collections that arrived, ms. */
  beforeMs: number | undefined;
  beforeLastMs: number | undefined;

  constructor({ delayed = false }: ReaderOptions = {}) {
    this.#delayed = delayed;
  }

  /** The series that this reader still has to show, as they were after the interval `shown`. */
  read<Owner>(entries: Iterable<Entry<Owner>>, shown: number): SeriesReading<Owner>[] {
    const readings: SeriesReading<Owner>[] = [];
    for (const entry of entries) {
      const value = shownValue(entry, shown);
      if (value === undefined || this.hasSeenEnd(entry)) continue;
      const { owner, sinceMs } = entry;
      readings.push({ owner, value, sinceMs, before: this.#received.get(entry), entry });
    }
    return readings;
  }

  hasSeenEnd(entry: Entry<unknown>): boolean {
    return entry.endedMs !== undefined && this.#received.get(entry)?.endedMs === entry.endedMs;
  }

  /** These have arrived, all of a collection at `nowMs` or a part of it. */
  receive(readings: Iterable<SeriesReading<unknown>>, nowMs: number): void {
    for (const { entry, value, before } of readings) {
      // A delayed reader has shown what was before.
      const final = !this.#delayed || this.beforeMs === undefined || before?.value === value;
      const endedMs = final && entry.value === value ? entry.endedMs : undefined;
      const known = this.#received.get(entry);
      if (!known) this.#received.set(entry, { value, atMs: nowMs, endedMs });
      else {
        known.value = value;
        known.atMs = nowMs;
        known.endedMs = endedMs;
      }
    }
    if (nowMs === this.beforeMs) return;
    this.beforeLastMs = this.beforeMs;
    this.beforeMs = nowMs;
  }

  forget(entry: Entry<unknown>): void {
    this.#received.delete(entry);
  }
}
