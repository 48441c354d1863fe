// SPDX-License-Identifier: Apache-2.0
import type { DataPoint, MetricData, ResourceMetrics, ScopeMetrics } from '@opentelemetry/sdk-metrics';

/** One point of a collection, and where it belongs. */
interface Entry {
  readonly scope: ScopeMetrics;
  readonly metric: MetricData;
  readonly point: MetricData['dataPoints'][number];
}

/** From the first point to before the last. */
export type Range = readonly [from: number, to: number];

/** A collection as a list of points, parts of which are collections again, of the same point objects. */
export class Batches {
  readonly #metrics: ResourceMetrics;
  readonly #entries: readonly Entry[];

  constructor(metrics: ResourceMetrics) {
    this.#metrics = metrics;
    this.#entries = metrics.scopeMetrics.flatMap((scope) =>
      scope.metrics.flatMap((metric) => metric.dataPoints.map((point) => ({ scope, metric, point }))),
    );
  }

  /** Ranges of at most `size` points each, the last first. */
  ranges(size: number): Range[] {
    const count = this.#entries.length;
    return Array.from({ length: Math.ceil(count / size) }, (_, i): Range => {
      return [i * size, Math.min(count, (i + 1) * size)];
    }).toReversed();
  }

  part([from, to]: Range): ResourceMetrics {
    const scopes: { scope: ScopeMetrics; metrics: { metric: MetricData; points: Entry['point'][] }[] }[] = [];
    for (const { scope, metric, point } of this.#entries.slice(from, to)) {
      if (scopes.at(-1)?.scope !== scope) scopes.push({ scope, metrics: [] });
      const { metrics } = scopes.at(-1)!;
      if (metrics.at(-1)?.metric !== metric) metrics.push({ metric, points: [] });
      metrics.at(-1)!.points.push(point);
    }
    return {
      resource: this.#metrics.resource,
      scopeMetrics: scopes.map(({ scope, metrics }) => ({
        ...scope,
        metrics: metrics.map(({ metric, points }) => {
          return { ...metric, dataPoints: points as DataPoint<number>[] } as MetricData;
        }),
      })),
    };
  }
}

/** The second half of a range first, as `ranges` has them. */
export function halves([from, to]: Range): [Range, Range] {
  const middle = Math.ceil((from + to) / 2);
  return [
    [middle, to],
    [from, middle],
  ];
}
