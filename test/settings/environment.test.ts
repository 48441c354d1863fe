// SPDX-License-Identifier: Apache-2.0
import { EnergyError } from '../../src/model/errors.ts';
import { publishSettings } from '../../src/settings/environment.ts';

describe('where metrics go', () => {
  const endpoint = 'http://collector:4318';
  const url = 'http://collector:4318/v1/metrics';
  const local = { host: '127.0.0.1', port: 9464 };

  it.each([
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }, { otlp: { url }, prometheus: local, console: false }],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: `${endpoint}/base/` }, { otlp: { url: `${endpoint}/base/v1/metrics` } }],
    [
      { OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `${endpoint}/x` },
      { otlp: { url: `${endpoint}/x` }, prometheus: local },
    ],
    [
      { OTEL_METRICS_EXPORTER: 'otlp' },
      { otlp: { url: 'http://localhost:4318/v1/metrics' }, prometheus: undefined },
    ],
    [
      { OTEL_METRICS_EXPORTER: 'Prometheus , console' },
      { otlp: undefined, prometheus: local, console: true },
    ],
    [
      { OTEL_METRICS_EXPORTER: 'none', OTEL_EXPORTER_OTLP_ENDPOINT: endpoint },
      { otlp: undefined, prometheus: undefined, console: false },
    ],
    [
      { OTEL_SDK_DISABLED: 'true', OTEL_EXPORTER_OTLP_ENDPOINT: endpoint },
      { otlp: undefined, prometheus: undefined, console: false },
    ],
    [
      { OTEL_METRICS_EXPORTER: ' ', OTEL_EXPORTER_OTLP_ENDPOINT: '' },
      { otlp: undefined, prometheus: local },
    ],
    [{ OTEL_METRIC_EXPORT_INTERVAL: '5000' }, { intervalMs: 5000, timeoutMs: 5000 }],
    [{ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }, { otlp: undefined }],
  ])('is %j → %j', (env, expected) => {
    expect(publishSettings(env)).toMatchObject(expected);
  });

  it('prefers the variable of metrics to the one of all signals', () => {
    const settings = publishSettings({
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
      OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: 'http/json',
    });
    expect(settings.otlp?.protocol).toBe('http/json');
  });

  it.each([
    [
      { OTEL_METRICS_EXPORTER: 'otlp,zipkin' },
      'OTEL_METRICS_EXPORTER cannot be zipkin: use otlp, prometheus, console, none',
    ],
    [
      { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' },
      'OTEL_EXPORTER_OTLP_PROTOCOL cannot be grpc: use http/protobuf, http/json',
    ],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318' },
      'OTEL_EXPORTER_OTLP_ENDPOINT is no http:// or https:// URL: collector:4318',
    ],
    [
      { OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'http://:1' },
      'OTEL_EXPORTER_OTLP_METRICS_ENDPOINT is no http:// or https:// URL: http://:1',
    ],
    [
      { OTEL_EXPORTER_OTLP_COMPRESSION: 'zip' },
      'OTEL_EXPORTER_OTLP_COMPRESSION cannot be zip: use gzip, none',
    ],
    [
      { OTEL_EXPORTER_OTLP_TIMEOUT: '10s' },
      'OTEL_EXPORTER_OTLP_TIMEOUT cannot be 10s: use a whole number from 1 to 2147483647',
    ],
    [
      { OTEL_METRIC_EXPORT_INTERVAL: '0' },
      'OTEL_METRIC_EXPORT_INTERVAL cannot be 0: use a whole number from 1 to 2147483647',
    ],
    [
      { OTEL_METRIC_EXPORT_INTERVAL: '3000000000' },
      'OTEL_METRIC_EXPORT_INTERVAL cannot be 3000000000: use a whole number from 1 to 2147483647',
    ],
    [
      { OTEL_METRIC_EXPORT_TIMEOUT: '-1' },
      'OTEL_METRIC_EXPORT_TIMEOUT cannot be -1: use a whole number from 1 to 2147483647',
    ],
    [
      { OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: 'diff' },
      'OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE cannot be diff: use cumulative, delta, lowmemory',
    ],
    [
      { OTEL_LOG_LEVEL: 'loud' },
      'OTEL_LOG_LEVEL cannot be loud: use none, error, warn, info, debug, verbose, all',
    ],
    [
      { OTEL_METRICS_EXPORTER: 'prometheus', OTEL_EXPORTER_PROMETHEUS_PORT: '65536' },
      'OTEL_EXPORTER_PROMETHEUS_PORT cannot be 65536: use a whole number from 0 to 65535',
    ],
  ])('refuses %j in one sentence', (env, message) => {
    const settings = (): unknown => publishSettings({ OTEL_METRICS_EXPORTER: 'otlp', ...env });
    expect(settings).toThrow(EnergyError);
    expect(settings).toThrow(expect.objectContaining({ message, exitCode: 2 }));
  });
});
