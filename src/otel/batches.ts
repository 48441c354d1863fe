// SPDX-License-Identifier: Apache-2.0
import type { DataPoint, MetricData, ResourceMetrics } from '@opentelemetry/sdk-metrics';

/** From the first series to before the last. */
export type Range = readonly [from: number, to: number];

/**
 * A collection as a list of series, parts of which are collections again, of the same point objects. A series has one
 * point, or two where it is new, which stay together.
 */
export class Batches {
  readonly #metrics: ResourceMetrics;
  /** Of each series how many points there are before its first, and at last how many there are. */
  readonly #begins: readonly number[];

  constructor(metrics: ResourceMetrics) {
    this.#metrics = metrics;
    this.#begins = beginsOf(metrics);
  }

  /** Ranges of at most `size` series each, the last first. */
  ranges(size: number): Range[] {
    const count = this.#begins.length - 1;
    return Array.from({ length: Math.ceil(count / size) }, (_, i): Range => {
      return [i * size, Math.min(count, (i + 1) * size)];
    }).toReversed();
  }

  part([from, to]: Range): ResourceMetrics {
    const first = this.#begins[from]!;
    const last = this.#begins[to]!;
    let before = 0;
    const within = (metric: MetricData): MetricData[] => {
      const points = metric.dataPoints as DataPoint<number>[];
      const dataPoints = points.slice(Math.max(0, first - before), Math.max(0, last - before));
      before += points.length;
      return dataPoints.length > 0 ? [{ ...metric, dataPoints } as MetricData] : [];
    };
    const scopeMetrics = this.#metrics.scopeMetrics.map((scope) => {
      return { ...scope, metrics: scope.metrics.flatMap(within) };
    });
    return {
      resource: this.#metrics.resource,
      scopeMetrics: scopeMetrics.filter(({ metrics }) => metrics.length > 0),
    };
  }
}

/** Points that follow one another and share their attributes are of one series. */
function beginsOf({ scopeMetrics }: ResourceMetrics): number[] {
  const begins: number[] = [];
  let before = 0;
  for (const { dataPoints } of scopeMetrics.flatMap(({ metrics }) => metrics)) {
    let attributes: object | undefined;
    for (const point of dataPoints) {
      if (point.attributes !== attributes) begins.push(before);
      ({ attributes } = point);
      before++;
    }
  }
  begins.push(before);
  return begins;
}

/** The second half of a range first, as `ranges` has them. */
export function halves([from, to]: Range): [Range, Range] {
  const middle = Math.ceil((from + to) / 2);
  return [
    [middle, to],
    [from, middle],
  ];
}
