// SPDX-License-Identifier: Apache-2.0

/**
 * A cache that keeps what was used in the last two intervals, and whose size does not grow with time: it is at most what is
 * to be kept, or twice what was used in one interval and what came in another.
 */
export interface GenerationalCache<Key, Value> {
  get(key: Key): Value | undefined;
  set(key: Key, value: Value): void;
  /** Forgets, when there is too much, what was not used since this last happened. */
  endInterval(): void;
}

/** `keep`: how many entries may stay however long ago they were used. */
export function createGenerationalCache<Key, Value extends {}>(keep: number): GenerationalCache<Key, Value> {
  let young = new Map<Key, Value>();
  let old = new Map<Key, Value>();
  let limit = keep;
  return {
    get(key) {
      const value = young.get(key);
      if (value !== undefined) return value;
      const kept = old.get(key);
      if (kept !== undefined) young.set(key, kept);
      return kept;
    },
    set(key, value) {
      young.set(key, value);
    },
    // Only between intervals: a machine with more processes than `keep` must not lose some in mid-pass.
    endInterval() {
      if (old.size > 0) {
        old = new Map();
        // To move all to a new map is dear where there is much: not in every interval, if all of it is in use.
        limit = Math.max(keep, 2 * young.size);
      } else if (young.size > limit) {
        old = young;
        young = new Map();
      }
    },
  };
}
