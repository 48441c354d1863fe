// SPDX-License-Identifier: Apache-2.0
import type { Attributes, HrTime } from '@opentelemetry/api';
import type { DataPoint, Histogram } from '@opentelemetry/sdk-metrics';
import { OTHER } from '../model/snapshot.ts';
import * as names from './semconv.ts';

/** Upper bounds, J: from a request of some 10 µs of CPU to one of half a minute. */
const BOUNDARIES: readonly number[] = [
  0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100,
];

/** Methods, routes and status codes with series of their own; the rest is in the route `(other)`. */
const MAX_SERIES = 1000;

interface Series {
  readonly attributes: Attributes;
  readonly startTime: HrTime;
  readonly counts: number[];
  count: number;
  sum: number;
  min: number;
  max: number;
}

interface Recorded {
  readonly series: Series;
  readonly joules: number;
}

/**
 * Histograms of energy, cumulative. A series is shown at 0 first, and what it begins with is held back until then: a
 * back end counts nothing of a first sample.
 */
export class EnergyHistogram {
  readonly #series = new Map<string, Series>();
  #held: Recorded[] = [];

  /** What has been recorded but is not in the points, J. */
  heldJoules(): number {
    return this.#held.reduce((sum, { joules }) => sum + joules, 0);
  }

  /** All that was recorded between two collections, at once. */
  record(
    recorded: readonly { readonly attributes: Attributes; readonly joules: number }[],
    now: HrTime,
  ): void {
    for (const { series, joules } of this.#held) add(series, joules);
    this.#held = [];
    const isNew = new Set<Series>();
    for (const { attributes, joules } of recorded) {
      const series = this.#find(attributes, now, isNew);
      if (isNew.has(series)) this.#held.push({ series, joules });
      else add(series, joules);
    }
  }

  points(endTime: HrTime): DataPoint<Histogram>[] {
    return [...this.#series.values()].map(({ attributes, startTime, counts, count, sum, min, max }) => ({
      attributes,
      startTime,
      endTime,
      value: {
        buckets: { boundaries: [...BOUNDARIES], counts: [...counts] },
        count,
        sum,
        ...(count > 0 && { min, max }),
      },
    }));
  }

  #find(attributes: Attributes, startTime: HrTime, isNew: Set<Series>): Series {
    const key = JSON.stringify(Object.entries(attributes));
    const known = this.#series.get(key);
    if (known) return known;
    const isOther = attributes[names.ATTR_HTTP_ROUTE] === OTHER;
    if (this.#series.size >= MAX_SERIES && !isOther)
      return this.#find({ [names.ATTR_HTTP_ROUTE]: OTHER }, startTime, isNew);
    const counts = Array.from({ length: BOUNDARIES.length + 1 }, () => 0);
    const series = { attributes, startTime, counts, count: 0, sum: 0, min: Infinity, max: -Infinity };
    this.#series.set(key, series);
    isNew.add(series);
    return series;
  }
}

function add(series: Series, joules: number): void {
  const bucket = BOUNDARIES.findIndex((bound) => joules <= bound);
  series.counts[bucket < 0 ? BOUNDARIES.length : bucket]! += 1;
  series.count += 1;
  series.sum += joules;
  series.min = Math.min(series.min, joules);
  series.max = Math.max(series.max, joules);
}
