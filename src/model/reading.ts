// SPDX-License-Identifier: Apache-2.0

/** What a counter that user space reads counted since it was taken last. */
export type Reading = {
  /** Some of its energy is missing: it was opened anew, or it jumped. Of that nothing is known. */
  readonly broken: boolean;
} & (
  | {
      /** Counted within the interval. */
      readonly kind: 'known';
      readonly joules: number;
    }
  | {
      /** Counted, but in part before the interval, in which alone it would be known whose it was. */
      readonly kind: 'gap';
      readonly joules: number;
    }
  /** It could not be read, or it has never moved, and may be none. */
  | { readonly kind: 'unknown' }
);

/** Readings of an interval, by the counters' id (`hw.id`). */
export type Readings = ReadonlyMap<string, Reading>;

/** What was counted in two intervals that follow one another, as the reading of both together. */
export function joinReadings(earlier: Readings, later: Readings): Readings {
  const joined = new Map(earlier);
  for (const [id, reading] of later) {
    const before = joined.get(id);
    joined.set(id, before ? join(before, reading) : reading);
  }
  return joined;
}

function join(earlier: Reading, later: Reading): Reading {
  const broken = earlier.broken || later.broken;
  if (earlier.kind === 'unknown') return { ...later, broken };
  if (later.kind === 'unknown') return { ...earlier, broken };
  const kind = earlier.kind === 'gap' || later.kind === 'gap' ? 'gap' : 'known';
  return { kind, joules: earlier.joules + later.joules, broken };
}
