// SPDX-License-Identifier: Apache-2.0
import { diag } from '@opentelemetry/api';
import type {
  CollectionResult,
  MetricCollectOptions,
  MetricProducer,
  ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import { type BackgroundRecorder, recordInBackground } from '../background.ts';
import type { RecorderOptions } from '../settings/types.ts';
import { COLLECT_MS, viewOf } from './application.ts';
import type { DeliverableProducer } from './deliverable.ts';
import { claim } from './exclusive.ts';
import { answer } from './producer.ts';

/**
 * The energy of an application, or of the whole machine, for its own OpenTelemetry SDK: for the `metricProducers` of one
 * reader. Sums are cumulative whatever temporality the reader prefers.
 *
 * Measuring begins with construction, in the background, and ends with `shutdown()`.
 */
export class EnergyMetricProducer implements MetricProducer {
  readonly #recorder: BackgroundRecorder | undefined;
  readonly #view: DeliverableProducer | undefined;
  readonly #release: (() => void) | undefined;
  #refusal: string | undefined;
  #last: ResourceMetrics | undefined;

  constructor(options: RecorderOptions = {}) {
    const claimed = claim('EnergyMetricProducer');
    if ('refusal' in claimed) {
      this.#refusal = claimed.refusal;
      return;
    }
    this.#release = claimed.release;
    this.#recorder = recordInBackground(options);
    this.#view = viewOf(this.#recorder);
  }

  /**
   * All energy up to now. Always resolves: what went wrong, an EnergyError where this machine cannot be
   * measured, is in `errors`, once.
   */
  async collect(options: MetricCollectOptions = {}): Promise<CollectionResult> {
    try {
      return await this.#collect(options.timeoutMillis ?? COLLECT_MS);
    } catch (error) {
      return answer(undefined, [error]);
    }
  }

  /** Stops measuring and frees everything; may be called twice. Sums stay as they were. */
  async shutdown(): Promise<void> {
    this.#release?.();
    await this.#recorder?.close();
  }

  async #collect(timeoutMs: number): Promise<CollectionResult> {
    // Not in the constructor: applications make producers before the SDK, and its log, is there.
    if (this.#refusal !== undefined) diag.warn(this.#refusal);
    this.#refusal = undefined;
    if (!this.#recorder || !this.#view) return answer(undefined);
    const failure = await this.#recorder.update(Math.min(timeoutMs, COLLECT_MS));
    // Readers do not say what became of a collection: the next one tells that it has arrived.
    if (this.#last) this.#view.delivered(this.#last);
    const { resourceMetrics } = await this.#view.collect();
    this.#last = resourceMetrics;
    return answer(resourceMetrics.scopeMetrics[0], failure === undefined ? [] : [failure]);
  }
}
