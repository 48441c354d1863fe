// SPDX-License-Identifier: Apache-2.0
import type { MetricProducer, ResourceMetrics } from '@opentelemetry/sdk-metrics';
import type { Mode } from './points.ts';

export type { Mode } from './points.ts';

/** Points of a collection that have arrived, told by the point objects themselves. */
export type Delivered = Pick<ResourceMetrics, 'scopeMetrics'>;

/**
 * A producer for one reader, which says what of its collections has arrived. A new series that is pushed has two points,
 * of the same attributes object, one after the other: they are to be sent together.
 */
export interface DeliverableProducer extends MetricProducer {
  /** Tells one collection from the next: as long as it is the same there is nothing new to collect. */
  latestMs(): number | undefined;
  /** These metrics, a part of the last collection or all of it, have arrived. What has not is in the next one again. */
  delivered(metrics: Delivered): void;
  /** The reader comes no more. */
  close(): void;
}

/** Makes the producer of one more reader. */
export type CreateProducer = (mode: Mode) => DeliverableProducer;
