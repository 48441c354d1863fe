// SPDX-License-Identifier: Apache-2.0
import type {
  CollectionResult,
  MetricCollectOptions,
  MetricProducer,
  ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import { type BackgroundRecorder, recordInBackground } from '../recorder.ts';
import type { RecorderOptions } from '../settings/types.ts';
import type { DeliverableProducer } from './deliverable.ts';
import { answer, createMetricProducer } from './producer.ts';

/** The longest that a collection waits for the meter: a reader whose producer hangs exports nothing at all. */
export const COLLECT_MS = 2000;

/**
 * Energy by process, cgroup and container for an application's own OpenTelemetry SDK: for the
 * `metricProducers` of one reader. Sums are cumulative whatever temporality the reader prefers.
 *
 * Measuring begins with construction, in the background, and ends with `shutdown()`.
 */
export class EnergyMetricProducer implements MetricProducer {
  readonly #recorder: BackgroundRecorder;
  #last: ResourceMetrics | undefined;
  readonly #producer: DeliverableProducer;

  constructor(options: RecorderOptions = {}) {
    this.#recorder = recordInBackground(options);
    this.#producer = createMetricProducer({
      reader: this.#recorder.ledger.reader({ delayed: true }),
      mode: 'scrape',
    });
  }

  /**
   * All energy up to now. Always resolves: what went wrong, an EnergyError where this machine cannot be
   * measured, is in `errors`, once.
   */
  async collect(options: MetricCollectOptions = {}): Promise<CollectionResult> {
    const failure = await this.#recorder.update(Math.min(options.timeoutMillis ?? COLLECT_MS, COLLECT_MS));
    // Readers do not say what became of a collection: the next one tells that it has arrived.
    if (this.#last) this.#producer.delivered(this.#last);
    const { resourceMetrics } = await this.#producer.collect();
    this.#last = resourceMetrics;
    return answer(resourceMetrics.scopeMetrics[0], failure === undefined ? [] : [failure]);
  }

  /** Stops measuring and frees everything; may be called twice. Sums stay as they were. */
  shutdown(): Promise<void> {
    return this.#recorder.close();
  }
}
