// SPDX-License-Identifier: Apache-2.0

/** A cache that keeps what was used in the last two intervals and whose size does not grow with time. */
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
      if (young.size <= keep) return;
      old = young;
      young = new Map();
    },
  };
}
