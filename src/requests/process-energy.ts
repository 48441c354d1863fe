// SPDX-License-Identifier: Apache-2.0
import type { DataPoint, MetricData } from '@opentelemetry/sdk-metrics';
import { METRIC_HW_ENERGY, METRIC_PROCESS_ENERGY } from '../otel/semconv.ts';

interface Seen {
  readonly start: string;
  readonly value: number;
}

/** What `process.energy` grew by between two collections, J. */
export interface Growth {
  /** Of series that were there before. */
  readonly joules: number;
  /** Of series that are new, which may have begun long ago. */
  readonly earlierJoules: number;
}

/** Reads a process's energy from what its producer exports. */
export class ProcessEnergy {
  #seen = new Map<string, Seen>();

  /** Undefined where the metrics do not tell it: nothing is known, or it is that of a whole machine. */
  growth(metrics: readonly MetricData[]): Growth | undefined {
    const own = metrics.find(({ descriptor }) => descriptor.name === METRIC_PROCESS_ENERGY);
    if (!own || isOfMachine(metrics)) return undefined;
    let joules = 0;
    let earlierJoules = 0;
    for (const { attributes, startTime, value } of own.dataPoints as DataPoint<number>[]) {
      const key = JSON.stringify(attributes);
      const start = startTime.join('.');
      const before = this.#seen.get(key);
      this.#seen.set(key, { start, value });
      if (!before) earlierJoules += value;
      // A series that begins anew begins at 0.
      else joules += before.start === start ? Math.max(0, value - before.value) : value;
    }
    return { joules, earlierJoules };
  }
}

export function isOfMachine(metrics: readonly MetricData[]): boolean {
  return metrics.some(({ descriptor }) => descriptor.name === METRIC_HW_ENERGY);
}
