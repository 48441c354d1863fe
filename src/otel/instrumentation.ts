// SPDX-License-Identifier: Apache-2.0
import { type Attributes, type Counter, diag, type Meter, type MeterProvider } from '@opentelemetry/api';
import { type BackgroundRecorder, recordInBackground } from '../recorder.ts';
import type { RecorderOptions } from '../settings/types.ts';
import { COLLECT_MS } from './energy-producer.ts';
import type { DeliverableProducer } from './deliverable.ts';
import { createMetricProducer } from './producer.ts';
import * as names from './semconv.ts';

/** What `instrumentations: [...]` takes (the interface of @opentelemetry/instrumentation), and `shutdown()`. */
export interface EnergyInstrumentation {
  readonly instrumentationName: string;
  readonly instrumentationVersion: string;
  enable(): void;
  disable(): void;
  setMeterProvider(provider: MeterProvider): void;
  setTracerProvider(): void;
  setConfig(): void;
  getConfig(): { readonly enabled: boolean };
  /** As `disable()`, and resolves when everything is closed. */
  shutdown(): Promise<void>;
}

interface Running {
  readonly recorder: BackgroundRecorder;
  readonly deltas: DeliverableProducer;
  cpuSeconds: number | undefined;
}

/** Executables with series of their own, at most; the rest is in `(other)`. */
const EXECUTABLES = 100;
const DESCRIPTIONS = {
  [names.METRIC_HW_ENERGY]: 'Energy counted, by type of hardware',
  [names.METRIC_HW_HOST_ENERGY]: 'Energy that the machine drew',
  [names.METRIC_PROCESS_ENERGY]: 'Energy used by processes, by executable',
  [names.METRIC_ENERGY_UNATTRIBUTED]: 'Counted energy that no process used',
};

/**
 * Energy by executable for an application's own OpenTelemetry SDK, as an instrumentation: few series, which
 * views, every temporality and several readers work on. Measures from `enable()`, which the SDK calls, until
 * `disable()` or `shutdown()`.
 *
 * Counters are added to while the SDK collects: its observable counters would show what has ended for ever,
 * and under a view or beyond their limit keep one value of many.
 */
export function energyInstrumentation(options: RecorderOptions = {}): EnergyInstrumentation {
  let running: Running | undefined;
  let detach = (): void => {};
  /** Collections of several readers follow one another: what one has added is not the next one's to add. */
  let turn: Promise<void> = Promise.resolve();

  async function addTo(counters: ReadonlyMap<string, Counter>, now: Running): Promise<void> {
    const { recorder, deltas } = now;
    const failure = await recorder.update(COLLECT_MS);
    if (failure !== undefined) diag.error('energy is not measured:', failure);
    const { scopeMetrics } = (await deltas.collect()).resourceMetrics;
    for (const { descriptor, dataPoints } of scopeMetrics.flatMap(({ metrics }) => metrics)) {
      const counter = counters.get(descriptor.name);
      for (const { value, attributes } of dataPoints) {
        if (descriptor.name === names.METRIC_AGENT_CPU_TIME)
          now.cpuSeconds = (now.cpuSeconds ?? 0) + (value as number);
        counter?.add(value as number, reduced(attributes));
      }
    }
    deltas.delivered({ scopeMetrics });
  }

  function attach(meter: Meter): void {
    const counters = new Map(
      Object.entries(DESCRIPTIONS).map(([name, description]) => [
        name,
        meter.createCounter(name, { unit: 'J', description }),
      ]),
    );
    // The way to be called at every collection: observing something.
    const cpuTime = meter.createObservableCounter(names.METRIC_AGENT_CPU_TIME, {
      unit: 's',
      description: 'CPU time used by the process that measures',
    });
    const collect: Parameters<Meter['addBatchObservableCallback']>[0] = async (result) => {
      if (!running) return;
      const now = running;
      await (turn = turn.then(() => addTo(counters, now)));
      if (now.cpuSeconds !== undefined) result.observe(cpuTime, now.cpuSeconds);
    };
    meter.addBatchObservableCallback(collect, [cpuTime]);
    detach = () => meter.removeBatchObservableCallback(collect, [cpuTime]);
  }

  async function shutdown(): Promise<void> {
    const closing = running?.recorder.close();
    running = undefined;
    await closing;
  }

  return {
    instrumentationName: names.SCOPE_NAME,
    instrumentationVersion: names.SCOPE_VERSION,
    enable() {
      if (running) return;
      const limits = { processes: 0, executables: EXECUTABLES, cgroups: 3, containers: 3 };
      const recorder = recordInBackground({ ...options, limits });
      const deltas = createMetricProducer({ reader: recorder.ledger.reader(), mode: 'delta' });
      running = { recorder, deltas, cpuSeconds: undefined };
    },
    disable: () => void shutdown(),
    // Called twice by NodeSDK, before and after it starts.
    setMeterProvider(provider) {
      detach();
      attach(provider.getMeter(names.SCOPE_NAME, names.SCOPE_VERSION, { schemaUrl: names.SCHEMA_URL }));
    },
    setTracerProvider() {},
    setConfig() {},
    getConfig: () => ({ enabled: running !== undefined }),
    shutdown,
  };
}

/** Without what tells single counters apart: all of a type are one. */
function reduced({ [names.ATTR_HW_ID]: id, ...attributes }: Attributes): Attributes {
  const { [names.ATTR_HW_NAME]: _name, [names.ATTR_HW_PARENT]: _parent, ...rest } = attributes;
  return id === undefined ? rest : { [names.ATTR_HW_ID]: rest[names.ATTR_HW_TYPE] ?? 'host', ...rest };
}
