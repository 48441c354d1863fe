// SPDX-License-Identifier: Apache-2.0
import type { CollectionResult, MetricProducer, ResourceMetrics } from '@opentelemetry/sdk-metrics';
import { createDeltaProducer } from './delta.ts';
import { createMetricProducer, type ReadLedger } from './producer.ts';

/** Points of a collection that have arrived, told by the point objects themselves. */
export type Delivered = Pick<ResourceMetrics, 'scopeMetrics'>;

/** A view of the ledger for one reader. What has not been delivered is in the next collection again. */
export interface DeliverableProducer extends MetricProducer {
  collect(): Promise<CollectionResult>;
  delivered(metrics: Delivered): void;
  close(): void;
}

/** How a reader reads: scraped at its own pace, pushed to as growing sums, or pushed to as differences. */
export type Mode = 'scrape' | 'push' | 'delta';

/** Makes the producer of one more reader. */
export type CreateProducer = (mode: Mode) => DeliverableProducer;

/** The producers of a ledger. */
export function producersOf(ledger: { readonly reader: () => ReadLedger }): CreateProducer {
  return (mode) => {
    const read = ledger.reader();
    const nothing = { delivered() {}, close() {} };
    return mode === 'delta'
      ? { ...nothing, ...createDeltaProducer({ read }) }
      : { ...createMetricProducer({ read }), ...nothing };
  };
}
