// SPDX-License-Identifier: Apache-2.0
import { OTLPMetricExporter as JsonExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPMetricExporter as ProtobufExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import {
  AggregationTemporality,
  InstrumentType,
  PeriodicExportingMetricReader,
  type MetricReader,
  type PushMetricExporter,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import type { LedgerReader } from '../ledger/ledger.ts';
import { createMetricProducer } from './producer.ts';
import type { OtlpSettings } from '../settings/environment.ts';

export interface OtlpReaderOptions {
  readonly reader: LedgerReader;
  readonly otlp: OtlpSettings;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly log: (line: string) => void;
  /** Points in a request, at most. */
  readonly batchSize?: number;
}

/** Collectors refuse bodies over 20 MiB for good; a point is about half a KiB of JSON. */
const BATCH_SIZE = 10_000;

/**
 * Pushes the ledger by OTLP over HTTP every interval. The exporter itself reads headers, compression,
 * certificates and the temporality preference from the environment.
 */
export function createOtlpReader({
  reader,
  otlp,
  intervalMs,
  timeoutMs,
  log,
  batchSize = BATCH_SIZE,
}: OtlpReaderOptions): MetricReader {
  const Exporter = otlp.protocol === 'http/json' ? JsonExporter : ProtobufExporter;
  const exporter: PushMetricExporter = new Exporter({ url: otlp.url, timeoutMillis: otlp.timeoutMs });
  // The ledger's sums are what observable counters would be: `lowmemory` leaves these cumulative.
  const wanted = exporter.selectAggregationTemporality?.(InstrumentType.OBSERVABLE_COUNTER);
  const mode = wanted === AggregationTemporality.DELTA ? 'delta' : 'push';
  const producer = createMetricProducer({ reader, mode });
  return new PeriodicExportingMetricReader({
    exporter: watched(exporter, {
      url: displayed(otlp.url),
      log,
      delivered: (metrics) => producer.delivered(metrics),
    }),
    exportIntervalMillis: intervalMs,
    exportTimeoutMillis: timeoutMs,
    metricProducers: [producer],
    maxExportBatchSize: batchSize,
  });
}

interface Watch {
  readonly url: string;
  readonly log: (line: string) => void;
  readonly delivered: (metrics: ResourceMetrics) => void;
}

/** The exporter, telling of an outage once when it begins and once when it ends. */
function watched(exporter: PushMetricExporter, { url, log, delivered }: Watch): PushMetricExporter {
  let down = false;
  return {
    export(metrics, done) {
      exporter.export(metrics, (result) => {
        const failed = result.code !== SUCCESS;
        if (failed && !down) {
          const why = reason(result.error);
          log(
            `cannot send metrics to ${url} (${why}): while the agent runs, energy is kept and sent when it answers`,
          );
        } else if (!failed && down) {
          log(`sending metrics to ${url} again`);
        }
        down = failed;
        if (!failed) delivered(metrics);
        // The failure has been told; the reader would only log it anew, with its stack, at every export.
        done({ code: SUCCESS });
      });
    },
    forceFlush: () => exporter.forceFlush(),
    shutdown: () => exporter.shutdown(),
  };
}

type ExportResult = Parameters<Parameters<PushMetricExporter['export']>[1]>[0];

// ExportResultCode.SUCCESS of @opentelemetry/core, which sdk-metrics does not export.
// oxlint-disable-next-line typescript/no-unsafe-enum-assignment
const SUCCESS = 0 as ExportResult['code'];

/** `ECONNREFUSED`, `HTTP 400 Bad Request`, or what the exporter says where there is no code. */
function reason(error: (Error & { readonly code?: unknown }) | undefined): string {
  if (typeof error?.code === 'string') return error.code;
  if (typeof error?.code === 'number') return `HTTP ${error.code} ${error.message}`;
  return error?.message ?? 'no reason given';
}

/** The URL without what may be secret: user, password and query. */
export function displayed(url: string): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}
