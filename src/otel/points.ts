// SPDX-License-Identifier: Apache-2.0
import type { Attributes, HrTime } from '@opentelemetry/api';
import type { DataPoint, ResourceMetrics } from '@opentelemetry/sdk-metrics';
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

/** Adds the points of one series to those of its metric. */
export type AddPoints = (
  series: SeriesReading<unknown>,
  attributes: Attributes,
  points: DataPoint<number>[],
) => void;

/** A point that knows of which series it is the last one, if it is, so that it can be told that it has arrived. */
class SeriesPoint implements DataPoint<number> {
  readonly value: number;
  readonly startTime: HrTime;
  readonly endTime: HrTime;
  readonly attributes: Attributes;
  #series: SeriesReading<unknown> | undefined;
  readonly #reading: LedgerReading;

  constructor(
    value: number,
    startTime: HrTime,
    endTime: HrTime,
    attributes: Attributes,
    series: SeriesReading<unknown> | undefined,
    reading: LedgerReading,
  ) {
    this.value = value;
    this.startTime = startTime;
    this.endTime = endTime;
    this.attributes = attributes;
    this.#series = series;
    this.#reading = reading;
  }

  static take(point: object, reading: LedgerReading): SeriesReading<unknown> | undefined {
    if (!(#series in point) || point.#reading !== reading) return undefined;
    const series = point.#series;
    point.#series = undefined;
    return series;
  }
}

/** The series of this reading that points are of, each once, however often it is asked for. */
export function* takeSeries(
  { scopeMetrics }: Pick<ResourceMetrics, 'scopeMetrics'>,
  reading: LedgerReading,
): Generator<SeriesReading<unknown>> {
  for (const { metrics } of scopeMetrics)
    for (const { dataPoints } of metrics)
      for (const point of dataPoints) {
        const series = SeriesPoint.take(point, reading);
        if (series) yield series;
      }
}

/** Points of a reading; their times are turned from monotonic into wall time. */
export function pointsOf(mode: Mode, reading: LedgerReading, clock: WallClock): AddPoints {
  const { nowMs, beforeMs } = reading;
  const at = timesOf(clock);
  /** OTLP: a point's start lies before its time. */
  const point = (
    value: number,
    sinceMs: number,
    ms: number,
    attributes: Attributes,
    series?: SeriesReading<unknown>,
  ): DataPoint<number> =>
    new SeriesPoint(value, at(sinceMs), at(Math.max(ms, sinceMs + 1)), attributes, series, reading);

  if (mode === 'delta')
    return (series, attributes, points) => {
      const { value, sinceMs, before } = series;
      if (before && before.atMs >= nowMs) return;
      const sum = value - (before?.value ?? 0);
      points.push(point(sum, before?.atMs ?? sinceMs, nowMs, attributes, series));
    };
  if (mode === 'scrape')
    return (series, attributes, points) => {
      const { value, sinceMs, before } = series;
      const shown = beforeMs === undefined ? value : (before?.value ?? 0);
      points.push(point(shown, sinceMs, beforeMs ?? nowMs, attributes, series));
    };
  return (series, attributes, points) => {
    const { value, sinceMs, before } = series;
    const isNew = !before && value !== 0;
    const isFirstAlone = isNew && mode === 'single';
    if (isNew) points.push(point(0, sinceMs, sinceMs, attributes, isFirstAlone ? series : undefined));
    if (!isFirstAlone) points.push(point(value, sinceMs, nowMs, attributes, series));
  };
}

/** Thousands of points share some hundred times. The clock may be set before the last of them is asked for. */
function timesOf(clock: WallClock): (ms: number) => HrTime {
  clock.refresh();
  const offsetMs = clock.at(0);
  const known = new Map<number, HrTime>();
  return (ms) => {
    let time = known.get(ms);
    if (time === undefined) {
      time = hrTime(ms + offsetMs);
      known.set(ms, time);
    }
    return time;
  };
}

function hrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.floor((ms - seconds * 1000) * 1e6)];
}
