// SPDX-License-Identifier: Apache-2.0
// The environment variables that are honoured; `table.ts` has the other settings.
import { choice, flag, httpUrl, integer, type Kind, list, pair, readableFile, text } from './kinds.ts';
import type { Attribution } from '../model/source.ts';
import { MAX_TIMER_MS, METER } from './table.ts';

const EXPORTERS = ['otlp', 'prometheus', 'console', 'none'] as const;
const PROTOCOLS = ['http/protobuf', 'http/json'] as const;
export const LOG_LEVELS = ['none', 'error', 'warn', 'info', 'debug', 'verbose', 'all'] as const;
const TEMPORALITIES = ['cumulative', 'delta', 'lowmemory'] as const;

/** What the environment says, by our names. */
export interface Environment {
  readonly disabled: boolean;
  readonly exporters: readonly (typeof EXPORTERS)[number][];
  readonly metricsEndpoint: string;
  readonly endpoint: string;
  readonly protocol: (typeof PROTOCOLS)[number];
  readonly metricsHeaders: readonly string[];
  readonly headers: readonly string[];
  readonly timeoutMs: number;
  readonly compression: 'gzip' | 'none';
  readonly temporality: (typeof TEMPORALITIES)[number];
  readonly certificate: string;
  readonly clientCertificate: string;
  readonly clientKey: string;
  readonly exportIntervalMs: number;
  readonly exportTimeoutMs: number;
  readonly prometheusHost: string;
  readonly prometheusPort: number;
  readonly serviceName: string;
  readonly resourceAttributes: readonly string[];
  readonly logLevel: (typeof LOG_LEVELS)[number];
  readonly configFile: string;
  readonly nodeName: string;
  readonly attribution: Attribution;
  readonly libbpfLog: string;
}

/** One setting of the environment. */
export interface Variable<T> {
  readonly kind: Kind<T>;
  /** The first that is set counts. */
  readonly variables: readonly string[];
  readonly fallback?: T;
  /** What holds where none is set, if that is no single value. */
  readonly otherwise?: string;
  readonly description: string;
}

const MILLISECONDS = integer({ min: 1, max: MAX_TIMER_MS });

const FILE = readableFile();

/** RFC 9110, 5.6.2: what the name of a header is made of. */
const HEADER_NAME = /^[\w!#$%&'*+.^`|~-]+$/;
/** 5.5: and its value, which OpenTelemetry leaves out if it is empty. */
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]+$/;

const HEADERS = list(
  pair({
    takes: 'NAME=VALUE',
    accepts: (name, ...values) => HEADER_NAME.test(name) && HEADER_VALUE.test(values.join('=')),
    // Values are secrets.
    show: (given) => /^\s*([\w-]+)\s*=/.exec(String(given))?.[1]?.concat('=…') ?? 'a part without "="',
  }),
  'a list of NAME=VALUE, what HTTP does not take in them percent-encoded',
);

/** As OpenTelemetry's resource detector takes them, which would drop all of them silently for a single bad one. */
const ATTRIBUTES = list(
  pair({
    takes: 'key=value',
    accepts: (key, value = '', ...more) =>
      key !== '' && key.length <= 255 && value.length <= 255 && more.length === 0,
  }),
  'a list of key=value, with "%", "," and "=" in them as %25, %2C and %3D',
);

const otlp = (what: string): readonly string[] => [
  `OTEL_EXPORTER_OTLP_METRICS_${what}`,
  `OTEL_EXPORTER_OTLP_${what}`,
];

export const VARIABLES: { readonly [K in keyof Environment]: Variable<Environment[K]> } = {
  disabled: {
    kind: flag(),
    variables: ['OTEL_SDK_DISABLED'],
    fallback: false,
    description: 'true: nothing is measured and nothing is published, the agent waits to be stopped',
  },
  exporters: {
    kind: list(choice(EXPORTERS), `a list of ${EXPORTERS.join(', ')}`),
    variables: ['OTEL_METRICS_EXPORTER'],
    otherwise: 'prometheus, and otlp where an endpoint is given',
    description: 'where metrics go',
  },
  metricsEndpoint: {
    kind: httpUrl(),
    variables: ['OTEL_EXPORTER_OTLP_METRICS_ENDPOINT'],
    otherwise: 'made of the next one',
    description: 'URL that OTLP requests go to, as it is',
  },
  endpoint: {
    kind: httpUrl(),
    variables: ['OTEL_EXPORTER_OTLP_ENDPOINT'],
    fallback: 'http://localhost:4318',
    description: 'URL to which /v1/metrics is added',
  },
  protocol: {
    kind: choice(PROTOCOLS),
    variables: otlp('PROTOCOL'),
    fallback: 'http/protobuf',
    description: 'how OTLP requests are encoded',
  },
  metricsHeaders: {
    kind: HEADERS,
    variables: ['OTEL_EXPORTER_OTLP_METRICS_HEADERS'],
    otherwise: 'none',
    description: 'headers of OTLP requests, before those of the next one',
  },
  headers: {
    kind: HEADERS,
    variables: ['OTEL_EXPORTER_OTLP_HEADERS'],
    otherwise: 'none',
    description: 'headers of OTLP requests',
  },
  timeoutMs: {
    kind: MILLISECONDS,
    variables: otlp('TIMEOUT'),
    fallback: 10_000,
    description: 'time for an OTLP request with its retries, ms; at most nine tenths of the time for a push',
  },
  compression: {
    kind: choice(['gzip', 'none']),
    variables: otlp('COMPRESSION'),
    fallback: 'none',
    description: 'of OTLP requests',
  },
  temporality: {
    kind: choice(TEMPORALITIES),
    variables: ['OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE'],
    fallback: 'cumulative',
    description: 'sums since a series began, or since what arrived last; lowmemory is cumulative here',
  },
  certificate: {
    kind: FILE,
    variables: otlp('CERTIFICATE'),
    otherwise: 'those that Node trusts',
    description: "certificates that sign the receiver's, PEM",
  },
  clientCertificate: {
    kind: FILE,
    variables: otlp('CLIENT_CERTIFICATE'),
    otherwise: 'none',
    description: 'certificate that the agent shows, PEM',
  },
  clientKey: {
    kind: FILE,
    variables: otlp('CLIENT_KEY'),
    otherwise: 'none',
    description: 'its key, PEM',
  },
  exportIntervalMs: {
    kind: MILLISECONDS,
    variables: ['OTEL_METRIC_EXPORT_INTERVAL'],
    fallback: 60_000,
    description: 'time between two pushes, ms',
  },
  exportTimeoutMs: {
    kind: MILLISECONDS,
    variables: ['OTEL_METRIC_EXPORT_TIMEOUT'],
    fallback: 30_000,
    description: 'time for a push, ms; no more than the interval',
  },
  prometheusHost: {
    kind: text('a host name or an address'),
    variables: ['OTEL_EXPORTER_PROMETHEUS_HOST'],
    fallback: '127.0.0.1',
    description: 'address that the Prometheus page is served at',
  },
  prometheusPort: {
    kind: integer({ min: 0, max: 65_535 }),
    variables: ['OTEL_EXPORTER_PROMETHEUS_PORT'],
    fallback: 9464,
    description: 'its port; 0: any that is free',
  },
  serviceName: {
    kind: text('a name'),
    variables: ['OTEL_SERVICE_NAME'],
    fallback: 'otel-ebpf-energy',
    description: 'service.name of all metrics',
  },
  resourceAttributes: {
    kind: ATTRIBUTES,
    variables: ['OTEL_RESOURCE_ATTRIBUTES'],
    otherwise: 'none',
    description: 'attributes of the resource, before those that are found',
  },
  logLevel: {
    kind: choice(LOG_LEVELS),
    variables: ['OTEL_LOG_LEVEL'],
    fallback: 'warn',
    description: "what is said of OpenTelemetry's own work",
  },
  configFile: {
    kind: text('the path of a file'),
    variables: ['OTEL_CONFIG_FILE'],
    otherwise: 'none',
    description: 'not supported: the agent says so in a line and goes on without it',
  },
  nodeName: {
    kind: text('a name'),
    // Where Kubernetes' downward API puts `spec.nodeName`, by the habits of the OpenTelemetry Collector's and
    // Operator's manifests.
    variables: ['K8S_NODE_NAME', 'KUBE_NODE_NAME', 'OTEL_RESOURCE_ATTRIBUTES_NODE_NAME'],
    otherwise: 'NODE_NAME, where KUBERNETES_SERVICE_HOST is set',
    description: 'k8s.node.name of all metrics, which OTEL_RESOURCE_ATTRIBUTES overrides',
  },
  attribution: {
    kind: METER.attribution.kind,
    variables: ['JOULES_ATTRIBUTION'],
    fallback: METER.attribution.fallback!,
    description: 'the setting `attribution`, with every verb and in the library, where nothing else gives it',
  },
  // Read by src/probe/addon.ts, which is below the settings.
  libbpfLog: {
    kind: text('anything'),
    variables: ['JOULES_LIBBPF_LOG'],
    otherwise: 'nothing is said',
    description: "if it is set: what libbpf and the kernel's verifier say is on stderr, with every verb",
  },
};
