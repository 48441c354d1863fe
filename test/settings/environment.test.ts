// SPDX-License-Identifier: Apache-2.0
import { envDetector } from '@opentelemetry/resources';
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
    [{ OTEL_METRICS_EXPORTER: 'otlp,none' }, { otlp: undefined, prometheus: undefined }],
    [
      { OTEL_METRICS_EXPORTER: 'otlp', OTEL_METRIC_EXPORT_INTERVAL: '1000' },
      { otlp: { timeoutMs: 900 }, timeoutMs: 1000 },
    ],
  ])('is %j → %j', (env, expected) => {
    expect(publishSettings(env)).toMatchObject(expected);
  });

  it.each([
    ['team=power', { team: 'power' }],
    [' a = b ,, k8s.node.name=n%2C1%3D%25 ,empty=', { a: 'b', 'k8s.node.name': 'n,1=%', empty: '' }],
  ])('takes the attributes %j as the SDK does', (given, attributes) => {
    process.env['OTEL_RESOURCE_ATTRIBUTES'] = given;
    expect(publishSettings(process.env).disabled).toBe(false);
    expect(envDetector.detect().attributes).toEqual(attributes);
    delete process.env['OTEL_RESOURCE_ATTRIBUTES'];
  });

  it('takes headers as the SDK does', () => {
    const env = {
      OTEL_METRICS_EXPORTER: 'otlp',
      OTEL_EXPORTER_OTLP_HEADERS: 'Authorization=Basic%20YQ==, x-a = 1,',
    };
    expect(publishSettings(env).otlp).toBeDefined();
  });

  it('is nowhere where the SDK is disabled, and nothing is to be measured', () => {
    const settings = publishSettings({ OTEL_SDK_DISABLED: ' TRUE ', OTEL_METRICS_EXPORTER: 'otlp,console' });
    expect(settings).toMatchObject({
      disabled: true,
      otlp: undefined,
      prometheus: undefined,
      console: false,
    });
    expect(publishSettings({ OTEL_SDK_DISABLED: 'false' })).toMatchObject({
      disabled: false,
      prometheus: local,
    });
  });

  it('is not what a declarative configuration says, which is told', () => {
    expect(publishSettings({ OTEL_CONFIG_FILE: '/etc/otel.yaml' }).notices).toEqual([
      'OTEL_CONFIG_FILE is not supported, /etc/otel.yaml is not read: use the other OTEL_ variables, and --config',
    ]);
    expect(publishSettings({}).notices).toEqual([]);
  });

  it('prefers the variable of metrics to the one of all signals', () => {
    const settings = publishSettings({
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
      OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: 'http/json',
    });
    expect(settings.otlp?.protocol).toBe('http/json');
  });

  it.each<readonly [Record<string, string>, string]>([
    [
      { OTEL_METRICS_EXPORTER: 'otlp,zipkin' },
      'OTEL_METRICS_EXPORTER must be a list of otlp, prometheus, console, none, and "zipkin" is none of that',
    ],
    [
      { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' },
      'OTEL_EXPORTER_OTLP_PROTOCOL must be one of http/protobuf, http/json, not "grpc"',
    ],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318' },
      'OTEL_EXPORTER_OTLP_ENDPOINT must be an http:// or https:// URL, not "collector:4318"',
    ],
    [
      { OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'http://:1' },
      'OTEL_EXPORTER_OTLP_METRICS_ENDPOINT must be an http:// or https:// URL, not "http://:1"',
    ],
    [
      { OTEL_EXPORTER_OTLP_COMPRESSION: 'zip' },
      'OTEL_EXPORTER_OTLP_COMPRESSION must be one of gzip, none, not "zip": did you mean gzip?',
    ],
    [
      { OTEL_EXPORTER_OTLP_TIMEOUT: '10s' },
      'OTEL_EXPORTER_OTLP_TIMEOUT must be an integer from 1 to 2147483647, not "10s"',
    ],
    [
      { OTEL_METRIC_EXPORT_INTERVAL: '0' },
      'OTEL_METRIC_EXPORT_INTERVAL must be an integer from 1 to 2147483647, not "0"',
    ],
    [
      { OTEL_METRIC_EXPORT_INTERVAL: '3000000000' },
      'OTEL_METRIC_EXPORT_INTERVAL must be an integer from 1 to 2147483647, not "3000000000"',
    ],
    [
      { OTEL_METRIC_EXPORT_TIMEOUT: '-1' },
      'OTEL_METRIC_EXPORT_TIMEOUT must be an integer from 1 to 2147483647, not "-1"',
    ],
    [
      { OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: 'diff' },
      'OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE must be one of cumulative, delta, lowmemory, not "diff"',
    ],
    [
      { OTEL_LOG_LEVEL: 'loud' },
      'OTEL_LOG_LEVEL must be one of none, error, warn, info, debug, verbose, all, not "loud"',
    ],
    [
      { OTEL_METRICS_EXPORTER: 'prometheus', OTEL_EXPORTER_PROMETHEUS_PORT: '65536' },
      'OTEL_EXPORTER_PROMETHEUS_PORT must be an integer from 0 to 65535, not "65536"',
    ],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'http//me:secret@host:4318/x@y?key=secret' },
      'OTEL_EXPORTER_OTLP_ENDPOINT must be an http:// or https:// URL, not "http//…@y?…"',
    ],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'me:secret@host//x' },
      'OTEL_EXPORTER_OTLP_ENDPOINT must be an http:// or https:// URL, not "…@host//x"',
    ],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'https://me:secret@host:99999' },
      'OTEL_EXPORTER_OTLP_ENDPOINT must be an http:// or https:// URL, not "https://…@host:99999"',
    ],
    [
      { OTEL_EXPORTER_OTLP_HEADERS: 'a=b,secret' },
      'OTEL_EXPORTER_OTLP_HEADERS must be a list of NAME=VALUE, what HTTP does not take in them percent-encoded, ' +
        'and a part without "=" is none of that',
    ],
    [
      { OTEL_EXPORTER_OTLP_METRICS_HEADERS: 'authorization=secret%', OTEL_EXPORTER_OTLP_HEADERS: 'a=b' },
      'OTEL_EXPORTER_OTLP_METRICS_HEADERS must be a list of NAME=VALUE, what HTTP does not take in them ' +
        'percent-encoded, and authorization=… is none of that',
    ],
    [
      { OTEL_EXPORTER_OTLP_CERTIFICATE: '/nowhere/ca.pem' },
      'OTEL_EXPORTER_OTLP_CERTIFICATE must be a file that can be read, not "/nowhere/ca.pem"',
    ],
    [{ OTEL_SDK_DISABLED: 'yes' }, 'OTEL_SDK_DISABLED must be true or false, not "yes"'],
    ...['a=b=c', 'lonely', '=x', 'k=%zz', 'k=100%', `k=${'x'.repeat(256)}`].map(
      (pair) =>
        [
          { OTEL_RESOURCE_ATTRIBUTES: `team=power,${pair}` },
          'OTEL_RESOURCE_ATTRIBUTES must be a list of key=value, with "%", "," and "=" in them as %25, %2C and %3D, ' +
            `and "${pair.length > 80 ? `${pair.slice(0, 79)}…` : `${pair}"`} is none of that`,
        ] as const,
    ),
  ])('refuses %j in one sentence', (env, message) => {
    const settings = (): unknown => publishSettings({ OTEL_METRICS_EXPORTER: 'otlp', ...env });
    expect(settings).toThrow(EnergyError);
    expect(settings).toThrow(expect.objectContaining({ message, exitCode: 2 }));
  });
});
