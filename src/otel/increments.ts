// SPDX-License-Identifier: Apache-2.0
import type { Attributes } from '@opentelemetry/api';
import type { DataPoint } from '@opentelemetry/sdk-metrics';
import type { DeliverableProducer } from './deliverable.ts';

/** Takes what a series grew by. The attributes of a series are one object. */
export type Add = (metric: string, amount: number, attributes: Attributes) => void;

/**
 * Turns a view's cumulative sums into what is added to counters at each collection. To a counter that has no such series
 * yet 0 is added, and what was used with the next collection: a back end counts nothing of a first sample.
 */
export class Increments {
  readonly #view: DeliverableProducer;
  readonly #shown = new WeakMap<Attributes, number>();
  #begun = new WeakSet<Attributes>();
  #held: (() => void)[] = [];

  constructor(view: DeliverableProducer) {
    this.#view = view;
  }

  /** From now on it is added to other counters, which have no series yet. */
  restart(): void {
    this.#begun = new WeakSet();
  }

  async collect(add: Add): Promise<void> {
    const { resourceMetrics } = await this.#view.collect();
    const held = this.#held;
    this.#held = [];
    for (const addHeld of held) addHeld();
    for (const { descriptor, dataPoints } of resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics)) {
      for (const { value, attributes } of dataPoints as DataPoint<number>[]) {
        const amount = value - (this.#shown.get(attributes) ?? 0);
        this.#shown.set(attributes, value);
        const isNew = !this.#begun.has(attributes);
        this.#begun.add(attributes);
        add(descriptor.name, isNew ? 0 : amount, attributes);
        if (isNew && amount > 0) this.#held.push(() => add(descriptor.name, amount, attributes));
      }
    }
    this.#view.delivered(resourceMetrics);
  }
}
