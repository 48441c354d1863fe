// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { validateHeaderName, validateHeaderValue } from 'node:http';
import { usageError } from '../model/errors.ts';

/** How the requests to an OTLP receiver are made, beside where to. */
export interface OtlpRequests {
  readonly headers: Readonly<Record<string, string>>;
  readonly gzip: boolean;
  readonly delta: boolean;
  /** PEM: whom to trust, and who we are. */
  readonly tls: { readonly ca?: Buffer; readonly cert?: Buffer; readonly key?: Buffer };
}

/**
 * Reads the variables of OpenTelemetry's "OTLP Exporter Configuration" for one signal's requests. Those for
 * metrics win over those for all signals; of headers, each one by itself.
 * @throws EnergyError, exit status 2, for headers that are none and files that cannot be read.
 */
export function otlpRequests(env: NodeJS.ProcessEnv): OtlpRequests {
  const pem = (what: string): Buffer | undefined => {
    const found = lookup(env, what);
    return found && readPem(found.name, found.value);
  };
  const [ca, cert, key] = [pem('CERTIFICATE'), pem('CLIENT_CERTIFICATE'), pem('CLIENT_KEY')];
  // The ledger's sums are what observable counters would be: `lowmemory` leaves these cumulative.
  const preference = env['OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE']?.trim().toLowerCase();
  return {
    headers: {
      ...parseHeaders(env, 'OTEL_EXPORTER_OTLP_HEADERS'),
      ...parseHeaders(env, 'OTEL_EXPORTER_OTLP_METRICS_HEADERS'),
    },
    gzip: lookup(env, 'COMPRESSION')?.value.toLowerCase() === 'gzip',
    delta: preference === 'delta',
    tls: { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) },
  };
}

function lookup(env: NodeJS.ProcessEnv, what: string): { name: string; value: string } | undefined {
  for (const name of [`OTEL_EXPORTER_OTLP_METRICS_${what}`, `OTEL_EXPORTER_OTLP_${what}`]) {
    const value = env[name]?.trim();
    if (value) return { name, value };
  }
  return undefined;
}

function readPem(variable: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw usageError(`${variable} names a file that cannot be read (${code}): ${path}`);
  }
}

/** `name=value,name=value`, values percent-encoded. What is wrong is told without the value: it may be secret. */
function parseHeaders(env: NodeJS.ProcessEnv, variable: string): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const pair of (env[variable] ?? '').split(',')) {
    if (pair.trim() === '') continue;
    const at = pair.indexOf('=');
    const name = pair.slice(0, Math.max(0, at)).trim().toLowerCase();
    try {
      const value = decodeURIComponent(pair.slice(at + 1).trim());
      validateHeaderName(name);
      validateHeaderValue(name, value);
      headers[name] = value;
    } catch {
      throw usageError(
        `${variable} has a header that is none, ${name ? `the value of ${name}` : 'without a name'}: use name=value, with %XX for special characters, separated by commas`,
      );
    }
  }
  return headers;
}
