// SPDX-License-Identifier: Apache-2.0
import { type IncomingHttpHeaders, STATUS_CODES } from 'node:http';
import type { IExportMetricsServiceResponse, ISerializer } from '@opentelemetry/otlp-transformer';
import type { ResourceMetrics } from '@opentelemetry/sdk-metrics';
import { replaceUnprintable } from '../util/printable.ts';
import { withoutSecrets } from '../util/url.ts';
import type { Answer } from './otlp-client.ts';

export type Serializer = ISerializer<ResourceMetrics, IExportMetricsServiceResponse>;

/** What an answer means (OTLP specification, "OTLP/HTTP Response"). */
export type Verdict =
  /** Taken, but for `rejected` points where it says so; they are not sent again. */
  | { readonly kind: 'accepted'; readonly rejected: number; readonly message: string }
  | { readonly kind: 'too large'; readonly reason: string }
  /** Worth another try, after `retryAfterMs` where the receiver named a time. */
  | { readonly kind: 'busy'; readonly reason: string; readonly retryAfterMs: number | undefined }
  | { readonly kind: 'refused'; readonly reason: string };

const BUSY = new Set([429, 502, 503, 504]);

export function judge(answer: Answer, serializer: Serializer): Verdict {
  const { status, headers } = answer;
  if (status >= 200 && status < 300) return accepted(answer, serializer);
  const reason = refusal(answer);
  if (status === 413) return { kind: 'too large', reason };
  if (BUSY.has(status)) return { kind: 'busy', reason, retryAfterMs: retryAfter(headers) };
  return { kind: 'refused', reason };
}

function accepted({ headers, body }: Answer, serializer: Serializer): Verdict {
  let partial: { readonly rejectedDataPoints?: unknown; readonly errorMessage?: unknown } = {};
  try {
    // Many receivers answer with a text of their own, which is no reason to send all again, nor worth a line.
    const type = headers['content-type'] ?? '';
    if (type.includes('json')) partial = (JSON.parse(body.toString()) as PartialAnswer).partialSuccess ?? {};
    else if (type.includes('protobuf')) partial = serializer.deserializeResponse(body).partialSuccess ?? {};
  } catch {
    // As above.
  }
  const { rejectedDataPoints, errorMessage } = partial;
  return {
    kind: 'accepted',
    // OTLP's JSON has 64 bit numbers as strings.
    rejected: Number(rejectedDataPoints ?? 0) || 0,
    message: typeof errorMessage === 'string' ? readable(errorMessage) : '',
  };
}

interface PartialAnswer {
  readonly partialSuccess?: { readonly rejectedDataPoints?: unknown; readonly errorMessage?: unknown };
}

function refusal({ status, headers, body }: Answer): string {
  const named = `HTTP ${status} ${STATUS_CODES[status] ?? ''}`.trim();
  if (status >= 300 && status < 400) {
    const target = location(headers.location);
    return `${named}${target ? ` to ${target}` : ''}, which is not followed: set the endpoint to it`;
  }
  const said = readable(message(headers['content-type'] ?? '', body));
  return said ? `${named}: ${said}` : named;
}

function location(target: string | undefined): string | undefined {
  if (target === undefined) return undefined;
  return readable(URL.canParse(target) ? withoutSecrets(target) : (target.split('?', 1)[0] ?? ''));
}

/** `google.rpc.Status` in the form of the request, or whatever text there is. */
function message(contentType: string, body: Buffer): string {
  if (contentType.includes('protobuf')) return statusMessage(body);
  const text = body.toString();
  if (!contentType.includes('json')) return text;
  try {
    const parsed = JSON.parse(text) as { readonly message?: unknown } | null;
    if (typeof parsed?.message === 'string') return parsed.message;
    return text.trim() === '{}' ? '' : text;
  } catch {
    return text;
  }
}

/** Field 2 of a protobuf message of varints (wire type 0) and length-delimited fields (2). */
function statusMessage(body: Buffer): string {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; at < body.length; scale *= 128) {
      const byte = body[at++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
    }
    return value;
  };
  while (at < body.length) {
    const tag = varint();
    const length = varint();
    if (tag === 0x12) return body.toString('utf8', at, at + length);
    if ((tag & 7) === 2) at += length;
    else if ((tag & 7) !== 0) return '';
  }
  return '';
}

/** Characters of what a receiver says that go to the log. */
const MESSAGE_LIMIT = 1024;

/** One line, without what terminals obey: it comes from the network. */
export function readable(text: string): string {
  const line = replaceUnprintable(text.slice(0, 4 * MESSAGE_LIMIT), () => ' ')
    .replaceAll(/\s+/g, ' ')
    .trim();
  return line.length > MESSAGE_LIMIT ? `${line.slice(0, MESSAGE_LIMIT)}…` : line;
}

/** Seconds or a date, which is taken relative to the receiver's own clock where it tells that. */
function retryAfter(headers: Pick<IncomingHttpHeaders, 'retry-after' | 'date'>): number | undefined {
  const given = headers['retry-after']?.trim();
  if (!given) return undefined;
  if (/^\d+$/.test(given)) return Number(given) * 1000;
  const then = Date.parse(given);
  if (Number.isNaN(then)) return undefined;
  const now = Date.parse(headers.date ?? '');
  return Math.max(0, then - (Number.isNaN(now) ? Date.now() : now));
}
