// SPDX-License-Identifier: Apache-2.0
import { type Context, diag, type HrTime } from '@opentelemetry/api';
import type { CollectionResult, MetricCollectOptions, MetricProducer } from '@opentelemetry/sdk-metrics';
import { isMainThread } from 'node:worker_threads';
import { answer } from '../otel/producer.ts';
import { SCOPE_NAME } from '../otel/semconv.ts';
import { EnergyHistogram } from './histogram.ts';
import { metricsOf } from './metrics.ts';
import { isOfMachine, ProcessEnergy } from './process-energy.ts';
import { ATTR_ENERGY_JOULES } from './semconv.ts';
import type { SdkSpan } from './spans.ts';
import { Split } from './split.ts';
import { claimThread, createTracker, type Tracker } from './tracker.ts';
import { listenToWorkers, startTelling } from './workers.ts';

export interface RequestEnergyOptions {
  /** What measures this process: an `EnergyMetricProducer` of scope `process`. Needed in the main thread alone. */
  readonly producer?: MetricProducer;
  /** Write `energy.joules` to the spans of requests whose energy is known before they end: long ones, if any. */
  readonly spanAttribute?: boolean;
}

/** For `spanProcessors` of a tracer provider, and in the main thread for `metricProducers` of one reader. */
export interface RequestEnergy extends MetricProducer {
  onStart(span: unknown, parentContext: Context): void;
  onEnding(span: unknown): void;
  onEnd(span: unknown): void;
  forceFlush(): Promise<void>;
  /** Follows spans no longer. The producer's `shutdown()` is its owner's to call. */
  shutdown(): Promise<void>;
}

/**
 * Splits what this process uses over its HTTP requests, by CPU time: `http.server.request.energy`, and what no request
 * used. Collects its producer's metrics with its own, so that they close at each collection.
 *
 * Never throws: what cannot be done is told once through the SDK's diagnostics, and the application goes on.
 */
export function requestEnergy({ producer, spanAttribute = false }: RequestEnergyOptions = {}): RequestEnergy {
  const collect: Collect = producer
    ? (options) => producer.collect(options)
    : () => Promise.resolve(answer(undefined));
  const release = claimThread();
  if (!release)
    return inert(collect, 'requestEnergy() is in use in this thread already: this one follows no spans');
  try {
    if (isMainThread) return inMainThread(producer, spanAttribute, release);
    const telling = startTelling();
    const stop = (): void => {
      telling.stop();
      release();
    };
    return facing({ ...telling.tracker, stop }, collect, spanAttribute);
  } catch (error) {
    release();
    return inert(collect, error instanceof Error ? error.message : String(error));
  }
}

function warn(message: string): void {
  diag.warn(`${SCOPE_NAME}: no energy of requests: ${message}`);
}

type Collect = MetricProducer['collect'];

/** Passes its producer's metrics on and says at its first use, when the SDK's log is there, why it does no more. */
function inert(collect: Collect, why: string): RequestEnergy {
  let isTold = false;
  const tell = (): void => {
    if (!isTold) warn(why);
    isTold = true;
  };
  const done = (): Promise<void> => Promise.resolve();
  return {
    collect: (options) => (tell(), collect(options)),
    onStart: tell,
    onEnding() {},
    onEnd() {},
    forceFlush: done,
    shutdown: done,
  };
}

function facing(tracker: Tracker, collect: Collect, spanAttribute: boolean): RequestEnergy {
  const { spans } = tracker;
  let isOn = true;
  return {
    collect,
    onStart(span, parentContext) {
      if (!isOn) return;
      tracker.follow();
      spans.start(span as SdkSpan, parentContext);
    },
    onEnding(span) {
      const joules = spanAttribute && isOn ? spans.knownJoules(span as SdkSpan) : undefined;
      if (joules !== undefined) (span as SdkSpan).setAttribute(ATTR_ENERGY_JOULES, joules);
    },
    onEnd(span) {
      if (isOn) spans.end(span as SdkSpan);
    },
    forceFlush: () => Promise.resolve(),
    shutdown() {
      if (isOn) tracker.stop();
      isOn = false;
      return Promise.resolve();
    },
  };
}

function inMainThread(
  producer: MetricProducer | undefined,
  spanAttribute: boolean,
  release: () => void,
): RequestEnergy {
  if (!producer) throw new Error('give requestEnergy() the producer that measures this process');
  const split = new Split();
  const tracker = createTracker(split);
  const workers = listenToWorkers(split);
  const read = reader({ split, take: () => [...tracker.take(), ...workers.take()] });
  const stop = (): void => {
    tracker.stop();
    workers.stop();
    release();
  };
  const collect: Collect = async (options?: MetricCollectOptions) => read(await producer.collect(options));
  return facing({ ...tracker, stop }, collect, spanAttribute);
}

interface Reading {
  readonly split: Split;
  readonly take: () => ReturnType<Tracker['take']>;
}

/** Adds to each collection of the process's energy what it was used for. */
function reader({ split, take }: Reading): (collected: CollectionResult) => CollectionResult {
  const energy = new ProcessEnergy();
  const histogram = new EnergyHistogram();
  const startTime = hrTime(Date.now());
  let usedNs = processCpuNs();
  let labels: ReturnType<typeof take> = [];
  let isWarned = false;
  return (collected) => {
    const { resourceMetrics, errors } = collected;
    const scope = resourceMetrics.scopeMetrics.find((one) => one.scope.name === SCOPE_NAME);
    const growth = scope && energy.growth(scope.metrics);
    if (!scope || !growth) {
      if (scope && !isWarned && isOfMachine(scope.metrics))
        warn("requestEnergy() needs a producer of scope 'process', this one is of the machine");
      isWarned ||= scope !== undefined && isOfMachine(scope.metrics);
      return collected;
    }
    const endTime = hrTime(Math.max(Date.now(), startTime[0] * 1000 + 1));
    split.addOutside(growth.earlierJoules);
    // Without new Joules its CPU time is left for the next reading, which then has those of both.
    if (growth.joules > 0) {
      const nowNs = processCpuNs();
      labels = take();
      const used = { joules: growth.joules, processNs: nowNs - usedNs, labels, nowMs: performance.now() };
      usedNs = nowNs;
      const over = split.add(used).map(({ attributes, joules }) => ({ attributes: attributes!, joules }));
      histogram.record(over, endTime);
    }
    const metrics = [...scope.metrics, ...metricsOf({ split, histogram, startTime, endTime })];
    const scopeMetrics = resourceMetrics.scopeMetrics.map((one) =>
      one === scope ? { ...one, metrics } : one,
    );
    return { resourceMetrics: { ...resourceMetrics, scopeMetrics }, errors };
  };
}

/** CPU time of all threads, ns. */
function processCpuNs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1000;
}

function hrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.floor((ms - seconds * 1000) * 1e6)];
}
