// SPDX-License-Identifier: Apache-2.0
import type { CollectionResult, MetricCollectOptions, MetricProducer } from '@opentelemetry/sdk-metrics';
import { type Recorder, type RecorderOptions, startRecorder } from '../recorder.ts';
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
  readonly #recorder: Recorder;
  readonly #producer: MetricProducer;

  constructor(options: RecorderOptions = {}) {
    this.#recorder = startRecorder(options);
    this.#producer = createMetricProducer({ read: this.#recorder.ledger.reader() });
  }

  /**
   * All energy up to now. Always resolves: what went wrong, an EnergyError where this machine cannot be
   * measured, is in `errors`, once.
   */
  async collect(options: MetricCollectOptions = {}): Promise<CollectionResult> {
    const failure = await this.#recorder.update(Math.min(options.timeoutMillis ?? COLLECT_MS, COLLECT_MS));
    const { resourceMetrics } = await this.#producer.collect();
    return answer(resourceMetrics.scopeMetrics[0], failure === undefined ? [] : [failure]);
  }

  /** Stops measuring and frees everything; may be called twice. Sums stay as they were. */
  shutdown(): Promise<void> {
    return this.#recorder.close();
  }
}
