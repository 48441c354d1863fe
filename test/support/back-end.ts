// SPDX-License-Identifier: Apache-2.0
import type { Attributes, HrTime } from '@opentelemetry/api';
import type { DataPoint, ScopeMetrics } from '@opentelemetry/sdk-metrics';
import type { ReceivedPoint } from './otlp-receiver.ts';

/** One sample of a series as a back end stores it. */
interface Sample {
  readonly ms: number;
  readonly value: number;
}

interface Stored {
  readonly metric: string;
  readonly attributes: Attributes;
  last: Sample;
  increase: number;
}

/**
 * Counts as Prometheus does: what a series grew between two samples, from 0 where it fell, and nothing for its first
 * sample. Of delta points it adds the values. It throws where a real one refuses samples: twice at one time, or out of
 * order; or where a point does not begin before it ends.
 */
export class BackEnd {
  readonly #series = new Map<string, Stored>();
  readonly #keys = new WeakMap<object, string>();

  /** Takes what has arrived. `ms`: when it was scraped; points that are pushed have their own time. */
  take(scopeMetrics: readonly ScopeMetrics[], ms?: number): void {
    const seen = new Map<string, number>();
    for (const { metric, point } of pointsOf(scopeMetrics)) {
      const key = this.#keyOf(metric, point.attributes);
      const at = ms ?? toMs(point.endTime);
      const { value } = point;
      if (seen.get(key) === at) throw new Error(`${key} has two samples of one time`);
      seen.set(key, at);
      const known = this.#series.get(key);
      if (!known) {
        const last = { ms: at, value };
        this.#series.set(key, { metric, attributes: point.attributes, last, increase: 0 });
        continue;
      }
      if (at < known.last.ms) throw new Error(`${key} comes out of order`);
      known.increase += value - (value < known.last.value ? 0 : known.last.value);
      known.last = { ms: at, value };
    }
  }

  /** The same of delta points. */
  add(scopeMetrics: readonly ScopeMetrics[]): void {
    for (const { metric, point } of pointsOf(scopeMetrics)) {
      const key = this.#keyOf(metric, point.attributes);
      const last = { ms: toMs(point.endTime), value: point.value };
      const known = this.#series.get(key) ?? { metric, attributes: point.attributes, last, increase: 0 };
      known.increase += point.value;
      this.#series.set(key, known);
    }
  }

  /** Σ increase of a metric's series whose attributes hold `matching`. */
  increase(metric: string, matching: Attributes = {}): number {
    let total = 0;
    for (const stored of this.#series.values())
      if (stored.metric === metric && holds(stored.attributes, matching)) total += stored.increase;
    return total;
  }

  /** Series of a metric, ever. */
  count(metric: string): number {
    return [...this.#series.values()].filter((stored) => stored.metric === metric).length;
  }

  #keyOf(metric: string, attributes: Attributes): string {
    let key = this.#keys.get(attributes);
    if (key === undefined) {
      const entries = Object.entries(attributes).toSorted(([a], [b]) => (a < b ? -1 : 1));
      this.#keys.set(attributes, (key = JSON.stringify([metric, entries])));
    }
    return key;
  }
}

/** What a receiver got, in the form of what was sent. */
export function asMetrics(points: readonly ReceivedPoint[]): ScopeMetrics[] {
  const names = [...new Set(points.map(({ name }) => name))];
  const time = (ns: bigint): HrTime => [Number(ns / 1_000_000_000n), Number(ns % 1_000_000_000n)];
  return [
    {
      scope: { name: 'received' },
      metrics: names.map((metric) => ({
        descriptor: { name: metric },
        dataPoints: points
          .filter(({ name }) => name === metric)
          .map(({ attributes, value, start, end }) => {
            return { attributes, value, startTime: time(start), endTime: time(end) };
          }),
      })) as unknown as ScopeMetrics['metrics'],
    },
  ];
}

function* pointsOf(
  scopeMetrics: readonly ScopeMetrics[],
): Generator<{ readonly metric: string; readonly point: DataPoint<number> }> {
  for (const { metrics } of scopeMetrics)
    for (const { descriptor, dataPoints } of metrics)
      for (const point of dataPoints as DataPoint<number>[]) {
        if (toMs(point.startTime) >= toMs(point.endTime)) throw new Error('a point ends before it begins');
        yield { metric: descriptor.name, point };
      }
}

function holds(attributes: Attributes, matching: Attributes): boolean {
  return Object.entries(matching).every(([name, value]) => attributes[name] === value);
}

function toMs([seconds, nanoseconds]: HrTime): number {
  return seconds * 1000 + nanoseconds / 1e6;
}
