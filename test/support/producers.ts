// SPDX-License-Identifier: Apache-2.0
import { ValueType, type Attributes } from '@opentelemetry/api';
import { emptyResource } from '@opentelemetry/resources';
import { AggregationTemporality, DataPointType, type DataPoint } from '@opentelemetry/sdk-metrics';
import type { DeliverableProducer } from '../../src/otel/deliverable.ts';

/** A producer of one sum with some points, which remembers what was asked of it. */
export interface CountingProducer extends DeliverableProducer {
  readonly collections: number;
  /** `id` attributes of the points that were delivered, in the order in which they were. */
  readonly arrived: readonly number[];
  readonly closed: boolean;
}

export interface CountingOptions {
  readonly points: number;
  /** What every point has beside its `id`. */
  readonly attributes?: (id: number) => Attributes;
  /** Whether every series has a point of 0 before its own, as a new one has. */
  readonly pairs?: boolean;
  /** Which reading a collection would be of; default always the same. */
  readonly latest?: { readonly ms: number };
  /** Waited for by every collection. */
  readonly until?: Promise<void>;
}

/** Values are the number of the collection. */
export function countingProducer(options: CountingOptions): CountingProducer {
  const { points, attributes = () => ({}), pairs = false, until, latest } = options;
  let collections = 0;
  let closed = false;
  const arrived: number[] = [];
  const fixed = Array.from({ length: points }, (_, id): Attributes => ({ id, ...attributes(id) }));
  return {
    async collect() {
      collections++;
      await until;
      const point = (value: number, one: Attributes): DataPoint<number> => {
        return { value, attributes: one, startTime: [1, 0], endTime: [1 + value, 0] };
      };
      const dataPoints = fixed.flatMap((one) => [...(pairs ? [point(0, one)] : []), point(collections, one)]);
      const descriptor = { name: 'a.sum', unit: 'J', description: 'A sum', valueType: ValueType.DOUBLE };
      const metric = {
        descriptor,
        dataPointType: DataPointType.SUM as const,
        aggregationTemporality: AggregationTemporality.CUMULATIVE,
        isMonotonic: true,
        dataPoints,
      };
      const scopeMetrics = [{ scope: { name: 'test' }, metrics: [metric] }];
      return { resourceMetrics: { resource: emptyResource(), scopeMetrics }, errors: [] };
    },
    delivered({ scopeMetrics }) {
      for (const { metrics } of scopeMetrics) {
        for (const { dataPoints } of metrics) {
          for (const point of dataPoints) arrived.push(point.attributes['id'] as number);
        }
      }
    },
    latestMs: () => latest?.ms,
    close() {
      closed = true;
    },
    get collections() {
      return collections;
    },
    arrived,
    get closed() {
      return closed;
    },
  };
}
