// SPDX-License-Identifier: Apache-2.0
import type { DataPoint, MetricData, ResourceMetrics, ScopeMetrics } from '@opentelemetry/sdk-metrics';

type Point = MetricData['dataPoints'][number];

/** The points of one series, mostly one, and where they belong. A new series has two, which stay together. */
interface Entry {
  readonly scope: ScopeMetrics;
  readonly metric: MetricData;
  readonly points: readonly Point[];
}

/** From the first series to before the last. */
export type Range = readonly [from: number, to: number];

/** A collection as a list of series, parts of which are collections again, of the same point objects. */
export class Batches {
  readonly #metrics: ResourceMetrics;
  readonly #entries: readonly Entry[];

  constructor(metrics: ResourceMetrics) {
    this.#metrics = metrics;
    this.#entries = metrics.scopeMetrics.flatMap((scope) =>
      scope.metrics.flatMap((metric) => seriesOf(metric).map((points) => ({ scope, metric, points }))),
    );
  }

  /** Ranges of at most `size` series each, the last first. */
  ranges(size: number): Range[] {
    const count = this.#entries.length;
    return Array.from({ length: Math.ceil(count / size) }, (_, i): Range => {
      return [i * size, Math.min(count, (i + 1) * size)];
    }).toReversed();
  }

  part([from, to]: Range): ResourceMetrics {
    const scopes: { scope: ScopeMetrics; metrics: { metric: MetricData; points: Point[] }[] }[] = [];
    for (const { scope, metric, points } of this.#entries.slice(from, to)) {
      if (scopes.at(-1)?.scope !== scope) scopes.push({ scope, metrics: [] });
      const { metrics } = scopes.at(-1)!;
      if (metrics.at(-1)?.metric !== metric) metrics.push({ metric, points: [] });
      metrics.at(-1)!.points.push(...points);
    }
    return {
      resource: this.#metrics.resource,
      scopeMetrics: scopes.map(({ scope, metrics }) => ({
        ...scope,
        metrics: metrics.map(({ metric, points: dataPoints }) => {
          return { ...metric, dataPoints: dataPoints as DataPoint<number>[] } as MetricData;
        }),
      })),
    };
  }
}

/** Points that follow one another and share their attributes are of one series. */
function seriesOf({ dataPoints }: MetricData): Point[][] {
  const series: Point[][] = [];
  for (const point of dataPoints) {
    const last = series.at(-1);
    if (last?.[0]?.attributes === point.attributes) last.push(point);
    else series.push([point]);
  }
  return series;
}

/** The second half of a range first, as `ranges` has them. */
export function halves([from, to]: Range): [Range, Range] {
  const middle = Math.ceil((from + to) / 2);
  return [
    [middle, to],
    [from, middle],
  ];
}
