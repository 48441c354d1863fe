// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import type { TcpAddress } from './address.ts';
import { checkValue } from './check.ts';
import { type Environment, type LOG_LEVELS, VARIABLES } from './variables.ts';

type Env = NodeJS.ProcessEnv;

export interface OtlpSettings {
  readonly protocol: Environment['protocol'];
  readonly url: string;
  /** Time for one request with its retries. An export may take several requests. */
  readonly timeoutMs: number;
  /** Of every request, by their names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly gzip: boolean;
  /** Whether differences are sent. Not for `lowmemory`, which leaves observable counters cumulative: ours are such. */
  readonly delta: boolean;
  /** PEM: whom to trust, and who we are. */
  readonly tls: { readonly ca?: Buffer; readonly cert?: Buffer; readonly key?: Buffer };
}

/** Where metrics go. */
export interface PublishSettings {
  /** Nothing is to be measured, nor to be published. */
  readonly disabled: boolean;
  readonly otlp: OtlpSettings | undefined;
  readonly prometheus: TcpAddress | undefined;
  readonly console: boolean;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly logLevel: (typeof LOG_LEVELS)[number];
  /** What is set and not honoured, a sentence each, for the user. */
  readonly notices: readonly string[];
}

/**
 * Reads the OTEL_* variables of the OpenTelemetry specification ("Environment Variable Specification"
 * and "OTLP Exporter Configuration") that say where to and how often. Defaults are the specification's but
 * for OTEL_METRICS_EXPORTER: without it metrics are served locally, and pushed only where an endpoint is given.
 * A value that cannot be honoured is a usage error: a meter that pushes elsewhere than told is worse than none.
 */
export function publishSettings(env: Env): PublishSettings {
  const disabled = setting(env, 'disabled');
  const exporters = disabled ? [] : chosenExporters(env);
  const intervalMs = setting(env, 'exportIntervalMs');
  const timeoutMs = Math.min(intervalMs, setting(env, 'exportTimeoutMs'));
  // OpenTelemetry's own detector reads these two, and would go on without them if they were wrong.
  read(env, 'serviceName');
  read(env, 'resourceAttributes');
  return {
    disabled,
    otlp: exporters.includes('otlp') ? otlpSettings(env, timeoutMs) : undefined,
    prometheus: exporters.includes('prometheus')
      ? { host: setting(env, 'prometheusHost'), port: setting(env, 'prometheusPort'), isOfVariables: true }
      : undefined,
    console: exporters.includes('console'),
    intervalMs,
    timeoutMs,
    logLevel: setting(env, 'logLevel'),
    notices: notices(env),
  };
}

function chosenExporters(env: Env): Environment['exporters'] {
  const chosen = read(env, 'exporters')?.value;
  if (chosen) return chosen.includes('none') ? [] : chosen;
  return given(env, 'metricsEndpoint') || given(env, 'endpoint') ? ['prometheus', 'otlp'] : ['prometheus'];
}

function otlpSettings(env: Env, exportTimeoutMs: number): OtlpSettings {
  const pem = (name: 'certificate' | 'clientCertificate' | 'clientKey'): Buffer | undefined => {
    const file = read(env, name);
    return file && readFileSync(file.value);
  };
  const [ca, cert, key] = [pem('certificate'), pem('clientCertificate'), pem('clientKey')];
  return {
    protocol: setting(env, 'protocol'),
    url: otlpUrl(env),
    // A little less than a push may take, so that it ends with why a request failed, and not for want of time.
    timeoutMs: Math.max(1, Math.min(setting(env, 'timeoutMs'), Math.floor(exportTimeoutMs * 0.9))),
    headers: { ...headersOf(read(env, 'headers')?.value), ...headersOf(read(env, 'metricsHeaders')?.value) },
    gzip: setting(env, 'compression') === 'gzip',
    delta: setting(env, 'temporality') === 'delta',
    tls: { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) },
  };
}

/** A value may have "=" in it, as Base64 has at its end. */
function headersOf(pairs: readonly string[] = []): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const [name = '', ...values] = pair.split('=').map((part) => decodeURIComponent(part.trim()));
      return [name.toLowerCase(), values.join('=')];
    }),
  );
}

/** The endpoint of all signals is a base that the path is appended to; the one for metrics is taken as it is. */
function otlpUrl(env: Env): string {
  const metrics = read(env, 'metricsEndpoint');
  if (metrics) return new URL(metrics.value).href;
  const url = new URL(setting(env, 'endpoint'));
  url.pathname = url.pathname.replace(/\/?$/, '/v1/metrics');
  return url.href;
}

function notices(env: Env): string[] {
  const file = given(env, 'configFile');
  if (!file) return [];
  return [
    `${file.variable} is not supported, ${file.text} is not read: use the other OTEL_ variables, and --config`,
  ];
}

/** The variable of a setting that is set. Blank counts as unset, as the specification says. */
function given(env: Env, name: keyof Environment): { variable: string; text: string } | undefined {
  for (const variable of VARIABLES[name].variables) {
    const text = env[variable]?.trim();
    if (text) return { variable, text };
  }
  return undefined;
}

/** What the environment says of a setting, if anything. @throws usageError that names the variable. */
function read<K extends keyof Environment>(env: Env, name: K): { value: Environment[K] } | undefined {
  const found = given(env, name);
  if (!found) return undefined;
  const { kind } = VARIABLES[name];
  return { value: checkValue(found.variable, kind, kind.parse(found.text), found.text) };
}

/** As `read`, or the setting's default. */
function setting<K extends Exclude<keyof Environment, 'exporters' | 'metricsEndpoint'>>(
  env: Env,
  name: K,
): Environment[K] {
  return read(env, name)?.value ?? VARIABLES[name].fallback!;
}

/** What the environment says of the meter. @throws usageError that names the variable. */
export function meterSettings(env: Env): Pick<Environment, 'attribution'> {
  return { attribution: setting(env, 'attribution') };
}
