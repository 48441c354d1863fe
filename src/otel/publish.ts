// SPDX-License-Identifier: Apache-2.0
import type { RequestListener } from 'node:http';
import { inspect } from 'node:util';
import { diag, type Attributes, type DiagLogFunction } from '@opentelemetry/api';
import {
  defaultResource,
  detectResources,
  envDetector,
  hostDetector,
  osDetector,
  resourceFromAttributes,
  type Resource,
} from '@opentelemetry/resources';
import {
  ConsoleMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
  type MetricReader,
} from '@opentelemetry/sdk-metrics';
import { createOtlpReader, displayed } from './otlp.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { createMetricProducer } from './producer.ts';
import { PROMETHEUS_CONTENT_TYPE, prometheusPage } from './prometheus.ts';
import { SCOPE_NAME, SCOPE_VERSION } from './semconv.ts';
import { pointToMetrics, serveMetrics, type MetricsServer } from '../http/server.ts';
import { publishSettings, type Address, type PublishSettings } from '../settings/environment.ts';

export interface PublishOptions {
  readonly ledger: Ledger;
  /** `process.env`: the exporters read their headers and certificates, the resource its attributes, there. */
  readonly env: NodeJS.ProcessEnv;
  readonly resourceAttributes?: Attributes;
  /** Answers what is not `/metrics` on the Prometheus endpoint: a dashboard. */
  readonly otherwise?: RequestListener;
  /** Takes one line at a time: outages, and what OTEL_LOG_LEVEL (default `warn`) lets through. */
  readonly log: (line: string) => void;
}

export interface Publisher {
  /** Where metrics are served and pushed to, to be shown to the user. */
  readonly endpoints: readonly string[];
  /** Pushes now. Resolves after at most `timeoutMs`, whether that succeeded or not. */
  readonly flush: (timeoutMs: number) => Promise<void>;
  /**
   * Pushes a last time and stops. Resolves after at most `timeoutMs`. The exporter cannot be told to give
   * up: its retries hold the process for up to two OTEL_EXPORTER_OTLP_TIMEOUT more, unless it exits itself.
   */
  readonly close: (timeoutMs: number) => Promise<void>;
}

/**
 * Publishes the ledger where the environment says. The caller keeps the process alive: the readers'
 * timers do not.
 * @throws EnergyError, exit status 2, for a bad variable or an address that cannot be listened on.
 */
export async function startPublishing(options: PublishOptions): Promise<Publisher> {
  const settings = publishSettings(options.env);
  diag.setLogger(lineLogger(options.log), { logLevel: settings.logLevel, suppressOverrideMessage: true });
  const resource = await describeAgent(options.resourceAttributes);
  const server = settings.prometheus && (await serve(settings.prometheus, resource, options));
  const provider = new MeterProvider({ resource, readers: pushReaders(settings, options) });
  const urls = [server?.url, settings.otlp && displayed(settings.otlp.url)];

  let closed: Promise<unknown> | undefined;
  return {
    endpoints: urls.filter((url) => url !== undefined),
    async flush(timeoutMs) {
      await settledWithin(provider.forceFlush(), timeoutMs);
    },
    async close(timeoutMs) {
      closed ??= Promise.all([provider.shutdown(), server?.close()]);
      if (await settledWithin(closed, timeoutMs)) return;
      options.log(`no answer within ${timeoutMs} ms: the energy since the last export was not sent`);
    },
  };
}

function serve(address: Address, resource: Resource, options: PublishOptions): Promise<MetricsServer> {
  const producer = createMetricProducer({ reader: options.ledger.reader({ delayed: true }), mode: 'scrape' });
  return serveMetrics({
    address,
    scrape: () => prometheusPage(producer, resource),
    contentType: PROMETHEUS_CONTENT_TYPE,
    otherwise: options.otherwise ?? pointToMetrics,
  });
}

function pushReaders(settings: PublishSettings, { ledger, log }: PublishOptions): MetricReader[] {
  const { otlp, intervalMs, timeoutMs } = settings;
  const readers: MetricReader[] = [];
  if (otlp) readers.push(createOtlpReader({ reader: ledger.reader(), otlp, intervalMs, timeoutMs, log }));
  if (settings.console) {
    readers.push(
      new PeriodicExportingMetricReader({
        exporter: new ConsoleMetricExporter(),
        exportIntervalMillis: intervalMs,
        exportTimeoutMillis: timeoutMs,
        metricProducers: [createMetricProducer({ reader: ledger.reader(), mode: 'push' })],
      }),
    );
  }
  return readers;
}

/** The resource of all metrics: this agent on this host. What the user says goes last, hence wins. */
async function describeAgent(attributes: Attributes = {}): Promise<Resource> {
  const resource = defaultResource()
    .merge(resourceFromAttributes({ 'service.name': SCOPE_NAME, 'service.version': SCOPE_VERSION }))
    .merge(detectResources({ detectors: [hostDetector, osDetector] }))
    .merge(resourceFromAttributes(attributes))
    .merge(detectResources({ detectors: [envDetector] }));
  // host.id is read from a file; the Prometheus page cannot wait for it.
  await resource.waitForAsyncAttributes?.();
  return resource;
}

function lineLogger(
  log: (line: string) => void,
): Record<'error' | 'warn' | 'info' | 'debug' | 'verbose', DiagLogFunction> {
  const text = (part: unknown): string =>
    typeof part === 'string' ? part : inspect(part, { breakLength: Infinity, depth: 5 });
  const line: DiagLogFunction = (...parts) =>
    log(`opentelemetry: ${parts.map(text).join(' ')}`.replaceAll(/\s*\n\s*/g, ' '));
  return { error: line, warn: line, info: line, debug: line, verbose: line };
}

/** Whether `work` was over before `ms` had passed; its failure goes to the log. */
async function settledWithin(work: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  const done = work.then(
    () => true,
    (error: unknown) => {
      diag.error('publishing failed:', error);
      return true;
    },
  );
  const settled = await Promise.race([done, late]);
  clearTimeout(timer);
  return settled;
}
