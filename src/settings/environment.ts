// SPDX-License-Identifier: Apache-2.0
import { DiagLogLevel } from '@opentelemetry/api';
import { usageError } from '../model/errors.ts';

type Env = NodeJS.ProcessEnv;

export interface OtlpSettings {
  readonly protocol: 'http/protobuf' | 'http/json';
  readonly url: string;
  /** Time for one export with its retries. */
  readonly timeoutMs: number;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Where metrics go. */
export interface PublishSettings {
  readonly otlp: OtlpSettings | undefined;
  readonly prometheus: Address | undefined;
  readonly console: boolean;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly logLevel: DiagLogLevel;
}

/**
 * Reads the OTEL_* variables of the OpenTelemetry specification ("Environment Variable Specification"
 * and "OTLP Exporter Configuration") that say where to and how often. Defaults are the specification's but
 * for OTEL_METRICS_EXPORTER: without it metrics are served locally, and pushed only where an endpoint is given.
 * A value that cannot be honoured is a usage error: a meter that pushes elsewhere than told is worse than none.
 */
export function publishSettings(env: Env): PublishSettings {
  const exporters = chosenExporters(env);
  const intervalMs = integer(env, ['OTEL_METRIC_EXPORT_INTERVAL'], {
    min: 1,
    max: MAX_TIMER_MS,
    fallback: 60_000,
  });
  const timeoutMs = Math.min(
    intervalMs,
    integer(env, ['OTEL_METRIC_EXPORT_TIMEOUT'], { min: 1, max: MAX_TIMER_MS, fallback: 30_000 }),
  );
  return {
    otlp: exporters.includes('otlp') ? otlpSettings(env, timeoutMs) : undefined,
    prometheus: exporters.includes('prometheus') ? prometheusAddress(env) : undefined,
    console: exporters.includes('console'),
    intervalMs,
    timeoutMs,
    logLevel: LOG_LEVELS[choice(env, ['OTEL_LOG_LEVEL'], keys(LOG_LEVELS), 'warn')],
  };
}

/** Longest delay of a Node timer; a longer one fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

const EXPORTERS = ['otlp', 'prometheus', 'console', 'none'] as const;
type Exporter = (typeof EXPORTERS)[number];

const LOG_LEVELS = {
  none: DiagLogLevel.NONE,
  error: DiagLogLevel.ERROR,
  warn: DiagLogLevel.WARN,
  info: DiagLogLevel.INFO,
  debug: DiagLogLevel.DEBUG,
  verbose: DiagLogLevel.VERBOSE,
  all: DiagLogLevel.ALL,
};

function chosenExporters(env: Env): readonly Exporter[] {
  if (env['OTEL_SDK_DISABLED']?.trim().toLowerCase() === 'true') return [];
  const chosen = lookup(env, ['OTEL_METRICS_EXPORTER']);
  if (!chosen) return lookup(env, ENDPOINTS) ? ['prometheus', 'otlp'] : ['prometheus'];
  const exporters = chosen.value.split(',').map((word) => oneOf(chosen.name, word.trim(), EXPORTERS));
  return exporters.includes('none') ? [] : exporters;
}

const ENDPOINTS = ['OTEL_EXPORTER_OTLP_METRICS_ENDPOINT', 'OTEL_EXPORTER_OTLP_ENDPOINT'] as const;

function otlpSettings(env: Env, exportTimeoutMs: number): OtlpSettings {
  const names = (what: string): string[] => [
    `OTEL_EXPORTER_OTLP_METRICS_${what}`,
    `OTEL_EXPORTER_OTLP_${what}`,
  ];
  // The exporter reads these two itself, and would go on with its default if they were wrong.
  choice(env, names('COMPRESSION'), ['gzip', 'none'], 'none');
  choice(env, ['OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE'], TEMPORALITIES, 'cumulative');
  const timeoutMs = integer(env, names('TIMEOUT'), { min: 1, max: MAX_TIMER_MS, fallback: 10_000 });
  return {
    protocol: choice(env, names('PROTOCOL'), ['http/protobuf', 'http/json'], 'http/protobuf'),
    url: otlpUrl(env),
    // A little less than the reader waits, so that it hears why an export failed instead of giving up on it.
    timeoutMs: Math.max(1, Math.min(timeoutMs, Math.floor(exportTimeoutMs * 0.9))),
  };
}

const TEMPORALITIES = ['cumulative', 'delta', 'lowmemory'] as const;

/** The endpoint of all signals is a base that the path is appended to; the one for metrics is taken as it is. */
function otlpUrl(env: Env): string {
  const given = lookup(env, ENDPOINTS) ?? { name: ENDPOINTS[1], value: 'http://localhost:4318' };
  if (!/^https?:\/\//i.test(given.value) || !URL.canParse(given.value)) {
    throw usageError(`${given.name} is no http:// or https:// URL: ${given.value}`);
  }
  const url = new URL(given.value);
  if (given.name === ENDPOINTS[1]) url.pathname = url.pathname.replace(/\/?$/, '/v1/metrics');
  return url.href;
}

function prometheusAddress(env: Env): Address {
  return {
    host: lookup(env, ['OTEL_EXPORTER_PROMETHEUS_HOST'])?.value ?? '127.0.0.1',
    port: integer(env, ['OTEL_EXPORTER_PROMETHEUS_PORT'], { min: 0, max: 65_535, fallback: 9464 }),
  };
}

/** The first of `names` that is set. Blank counts as unset, as the specification says. */
function lookup(env: Env, names: readonly string[]): { name: string; value: string } | undefined {
  for (const name of names) {
    const value = env[name]?.trim();
    if (value) return { name, value };
  }
  return undefined;
}

function choice<T extends string>(env: Env, names: readonly string[], allowed: readonly T[], fallback: T): T {
  const given = lookup(env, names);
  return given ? oneOf(given.name, given.value, allowed) : fallback;
}

/** Values of enumerations are case-insensitive in the specification. */
function oneOf<T extends string>(name: string, value: string, allowed: readonly T[]): T {
  const match = allowed.find((word) => word === value.toLowerCase());
  if (match === undefined) throw usageError(`${name} cannot be ${value}: use ${allowed.join(', ')}`);
  return match;
}

function integer(
  env: Env,
  names: readonly string[],
  { min, max, fallback }: { min: number; max: number; fallback: number },
): number {
  const given = lookup(env, names);
  if (!given) return fallback;
  const value = /^\d+$/.test(given.value) ? Number(given.value) : NaN;
  if (!(value >= min && value <= max)) {
    throw usageError(`${given.name} cannot be ${given.value}: use a whole number from ${min} to ${max}`);
  }
  return value;
}

function keys<T extends object>(object: T): (keyof T & string)[] {
  return Object.keys(object) as (keyof T & string)[];
}
