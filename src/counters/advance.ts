// SPDX-License-Identifier: Apache-2.0
import type { Counter } from '../model/source.ts';

/** A reading of a counter. */
export interface Sample {
  readonly count: bigint;
  /** Monotonic time, ms. */
  readonly ms: number;
}

export type Advance =
  | { readonly joules: number; readonly wrapped: boolean }
  /** It went back, or further than its power allows: it was reset, or lied, or was not read for too long. */
  | { readonly joules: undefined; readonly wrapped: false };

/** Counters are updated in steps, of 1 ms and more: what is seen may be of this much longer a time. */
const STEP_MS = 100;

/** What a counter counted between two readings. Pure. */
export function advance(counter: Counter, last: Sample, now: Sample): Advance {
  const { range, joulesPerCount, maxWatts } = counter;
  const wrapped = now.count < last.count && range > 0n;
  const counts = now.count - last.count + (wrapped ? range : 0n);
  const joules = Number(counts) * joulesPerCount;
  const possible = (maxWatts * (now.ms - last.ms + STEP_MS)) / 1000;
  // After a pause that long it may have wrapped more than once.
  const ambiguous = range > 0n && possible >= Number(range) * joulesPerCount;
  return counts < 0n || joules > possible || ambiguous
    ? { joules: undefined, wrapped: false }
    : { joules, wrapped };
}
