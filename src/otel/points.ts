// SPDX-License-Identifier: Apache-2.0
import type { Attributes, HrTime } from '@opentelemetry/api';
import type { DataPoint } from '@opentelemetry/sdk-metrics';
import type { LedgerReading, SeriesReading } from '../ledger/reading.ts';
import type { WallClock } from '../util/wall-clock.ts';

/**
 * How a reader gets its sums:
 * `scrape`: cumulative, and as they were at its collection before, what is new at 0: the back end keeps one sample a
 * scrape, and `increase()` does not count the first one;
 * `push`: cumulative, up to now; what is new has two points, 0 when it began and its sum now;
 * `single`: as `push`, but one point a series: of what is new the 0 alone, its sum comes with the next collection. Sums
 * of new and of old series do not close then;
 * `delta`: what was added since the last collection that arrived.
 */
export type Mode = 'scrape' | 'push' | 'single' | 'delta';

/** Makes the points of one series. */
export type ToPoints = (series: SeriesReading<unknown>, attributes: Attributes) => DataPoint<number>[];

/** Points of a reading; their times are turned from monotonic into wall time. */
export function pointsOf(mode: Mode, { nowMs, beforeMs }: LedgerReading, clock: WallClock): ToPoints {
  clock.refresh();
  // Thousands of points share some hundred times.
  const known = new Map<number, HrTime>();
  const at = (ms: number): HrTime => {
    const time = known.get(ms) ?? hrTime(clock.at(ms));
    known.set(ms, time);
    return time;
  };
  /** OTLP: a point's start lies before its time. */
  const point = (value: number, sinceMs: number, ms: number, attributes: Attributes): DataPoint<number> => ({
    value,
    startTime: at(sinceMs),
    endTime: at(Math.max(ms, sinceMs + 1)),
    attributes,
  });

  if (mode === 'delta')
    return ({ value, sinceMs, before }, attributes) =>
      before && before.atMs >= nowMs
        ? []
        : [point(value - (before?.value ?? 0), before?.atMs ?? sinceMs, nowMs, attributes)];
  if (mode === 'scrape')
    return ({ value, sinceMs, before }, attributes) => [
      beforeMs === undefined
        ? point(value, sinceMs, nowMs, attributes)
        : point(before?.value ?? 0, sinceMs, beforeMs, attributes),
    ];
  return ({ value, sinceMs, before }, attributes) => {
    const now = point(value, sinceMs, nowMs, attributes);
    if (before || value === 0) return [now];
    const begin = point(0, sinceMs, sinceMs, attributes);
    return mode === 'single' ? [begin] : [begin, now];
  };
}

function hrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.floor((ms - seconds * 1000) * 1e6)];
}
