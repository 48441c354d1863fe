// SPDX-License-Identifier: Apache-2.0
import {
  type Attributes,
  type Counter,
  diag,
  type Meter,
  type MeterProvider,
  metrics as globalMetrics,
} from '@opentelemetry/api';
import { type BackgroundRecorder, recordInBackground } from '../background.ts';
import type { RecorderOptions, Scope } from '../settings/types.ts';
import { serial } from '../util/serial.ts';
import { viewOf } from './application.ts';
import { claim } from './exclusive.ts';
import { Increments } from './increments.ts';
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
  readonly increments: Increments;
  readonly release: () => void;
  cpuSeconds: number | undefined;
}

interface Attached {
  readonly counters: ReadonlyMap<string, Counter>;
  readonly detach: () => void;
}

/**
 * The longest that a collection waits for the meter, ms: an SDK that exports every second gives up after a second, and
 * what is added too late for one collection is in the next, with the 0 before it. What is not measured by then is, too.
 */
const UPDATE_MS = 500;
/** Executables with series of their own, at most; the rest is in `(other)`. */
const LIMITS = { processes: 0, executables: 100, cgroups: 3, containers: 3 };
const DESCRIPTIONS = {
  [names.METRIC_HW_ENERGY]: 'Energy counted, by type of hardware',
  [names.METRIC_HW_HOST_ENERGY]: 'Energy that the machine drew',
  [names.METRIC_PROCESS_ENERGY]: 'Energy used by processes, by executable',
  [names.METRIC_CONTAINER_ENERGY]: 'Energy used by a container',
  [names.METRIC_ENERGY_UNATTRIBUTED]: 'Counted energy that no process used',
};
const EXPORTED: Readonly<Record<Scope, ReadonlySet<string>>> = {
  process: new Set([names.METRIC_PROCESS_ENERGY, names.METRIC_CONTAINER_ENERGY]),
  machine: new Set(Object.keys(DESCRIPTIONS).filter((name) => name !== names.METRIC_CONTAINER_ENERGY)),
};

/**
 * The energy of an application, or of the whole machine by executable, for its own OpenTelemetry SDK, as an
 * instrumentation: few series, which views, every temporality and several readers work on. Measures from `enable()`,
 * which the SDK calls, until `disable()` or `shutdown()`.
 *
 * Counters are added to while the SDK collects: its observable counters would show what has ended for ever,
 * and under a view or beyond their limit keep one value of many.
 */
export function energyInstrumentation(options: RecorderOptions = {}): EnergyInstrumentation {
  let running: Running | undefined;
  let attached: Attached | undefined;
  let isRefused = false;
  /** Collections of several readers follow one another: what one has added is not the next one's to add. */
  const inTurn = serial();

  async function collect(now: Running): Promise<void> {
    const { recorder, increments } = now;
    const failure = await recorder.update(UPDATE_MS);
    if (failure !== undefined) diag.error(`otel-ebpf-energy: ${messageOf(failure)}`);
    await increments.collect((name, joules, attributes) => {
      if (name === names.METRIC_AGENT_CPU_TIME) now.cpuSeconds = (now.cpuSeconds ?? 0) + joules;
      // To those of now: what was detached meanwhile may never be collected again.
      if (EXPORTED[recorder.scope].has(name))
        attached?.counters.get(name)?.add(joules, reduced(attributes, recorder.scope));
    });
  }

  function attach(provider: MeterProvider): Attached {
    attached?.detach();
    running?.increments.restart();
    const meter = provider.getMeter(names.SCOPE_NAME, names.SCOPE_VERSION, { schemaUrl: names.SCHEMA_URL });
    attached = attachTo(meter, async (observe) => {
      if (!running) return;
      const now = running;
      await inTurn(() => collect(now));
      if (now.cpuSeconds !== undefined) observe(now.cpuSeconds);
    });
    return attached;
  }

  async function shutdown(): Promise<void> {
    const stopping = running;
    running = undefined;
    stopping?.release();
    await stopping?.recorder.close();
  }

  return {
    instrumentationName: names.SCOPE_NAME,
    instrumentationVersion: names.SCOPE_VERSION,
    // SDKs call it as long as `getConfig()` says that it is not enabled.
    enable() {
      if (running) return;
      const claimed = claim('energyInstrumentation()');
      if ('refusal' in claimed) {
        if (!isRefused) diag.warn(claimed.refusal);
        isRefused = true;
        return;
      }
      const recorder = recordInBackground({ ...options, limits: LIMITS });
      const increments = new Increments(viewOf(recorder));
      running = { recorder, increments, release: claimed.release, cpuSeconds: undefined };
    },
    disable() {
      shutdown().catch((error: unknown) => diag.error(`otel-ebpf-energy: ${messageOf(error)}`));
    },
    // NodeSDK calls it twice, before and after it starts. An SDK 3 that OTEL_CONFIG_FILE sets up calls it once, with a
    // provider that does nothing, and makes its own the global one just after.
    setMeterProvider(provider) {
      const first = attach(provider);
      if (!doesNothing(first)) return;
      process.nextTick(() => {
        if (attached === first) attach(globalMetrics.getMeterProvider());
      });
    },
    setTracerProvider() {},
    setConfig() {},
    getConfig: () => ({ enabled: running !== undefined }),
    shutdown,
  };
}

/** Makes the instruments, and calls back at every collection of any reader. */
function attachTo(
  meter: Meter,
  onCollection: (observe: (seconds: number) => void) => Promise<void>,
): Attached {
  const counters = new Map(
    Object.entries(DESCRIPTIONS).map(([name, description]) => [
      name,
      meter.createCounter(name, { unit: 'J', description }),
    ]),
  );
  // The way to be called at every collection: an observable instrument, which need not be observed.
  const cpuTime = meter.createObservableCounter(names.METRIC_AGENT_CPU_TIME, {
    unit: 's',
    description: 'CPU time used by the process that measures',
  });
  const callback: Parameters<Meter['addBatchObservableCallback']>[0] = (result) =>
    onCollection((seconds) => result.observe(cpuTime, seconds));
  meter.addBatchObservableCallback(callback, [cpuTime]);
  return { counters, detach: () => meter.removeBatchObservableCallback(callback, [cpuTime]) };
}

/** The API's meter that does nothing has one counter for all names, in every copy and version of the API. */
function doesNothing({ counters }: Attached): boolean {
  return new Set(counters.values()).size === 1;
}

/** Without what makes many series: all counters of a type are one, and an executable is one in all containers. */
function reduced(attributes: Attributes, scope: Scope): Attributes {
  const {
    [names.ATTR_HW_ID]: id,
    [names.ATTR_HW_NAME]: _name,
    [names.ATTR_HW_PARENT]: _parent,
    ...rest
  } = attributes;
  if (id !== undefined) return { [names.ATTR_HW_ID]: rest[names.ATTR_HW_TYPE] ?? 'host', ...rest };
  if (scope === 'process') return rest;
  const { [names.ATTR_CONTAINER_ID]: _container, ...anywhere } = rest;
  return anywhere;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
