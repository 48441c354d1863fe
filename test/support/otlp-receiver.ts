// SPDX-License-Identifier: Apache-2.0
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import { EventEmitter, once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';

export interface ReceivedPoint {
  readonly name: string;
  readonly unit: string;
  readonly monotonic: boolean;
  readonly temporality: 'delta' | 'cumulative';
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly value: number;
  /** Nanoseconds since the epoch. */
  readonly start: bigint;
  readonly end: bigint;
  readonly resource: Readonly<Record<string, unknown>>;
}

export interface ReceivedRequest {
  readonly headers: IncomingHttpHeaders;
  /** Before compression. */
  readonly bytes: number;
  readonly points: readonly ReceivedPoint[];
  readonly status: number;
}

/** Answers a request in a way of its own, and says with what status, if any. */
export type Answerer = (
  response: ServerResponse,
  request: Pick<ReceivedRequest, 'headers' | 'bytes' | 'points'>,
) => number;

export interface OtlpReceiver {
  /** Value for OTEL_EXPORTER_OTLP_ENDPOINT. */
  readonly endpoint: string;
  /** Answered requests. */
  readonly requests: readonly ReceivedRequest[];
  /** The answer from now on; null leaves requests unanswered until there is one. */
  readonly answerWith: (status: number | null | Answerer) => void;
  /** Resolves once at least `count` requests were answered with `status`. */
  readonly answered: (count: number, status?: number) => Promise<readonly ReceivedRequest[]>;
  /** Requests that wait for an answer. */
  readonly waiting: () => number;
  readonly close: () => Promise<void>;
}

/** An OTLP/HTTP endpoint for metrics as JSON or protobuf, gzipped or not, on a free port. */
export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const requests: ReceivedRequest[] = [];
  const events = new EventEmitter();
  let status: number | null | Answerer = 200;
  let held: ((status: number | Answerer) => void)[] = [];

  const server = createServer((request, response) => {
    void buffer(request).then((body) => {
      const json = request.headers['content-type'] === 'application/json';
      const plain = plainOf(request.headers, body);
      const points = decodeRequest(request.headers, body);
      const received = { headers: request.headers, bytes: plain.length, points };
      const answer = (wanted: number | Answerer): void => {
        const known = request.method === 'POST' && request.url === '/v1/metrics';
        const code = typeof wanted === 'function' ? wanted(response, received) : known ? wanted : 404;
        requests.push({ ...received, status: code });
        if (typeof wanted === 'number') reply(response, code, json);
        events.emit('answered');
      };
      if (status === null) held.push(answer);
      else answer(status);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  const answerWith = (next: number | null | Answerer): void => {
    status = next;
    if (next === null) return;
    for (const answer of held) answer(next);
    held = [];
  };
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    answerWith,
    async answered(count, wanted = 200) {
      const matching = (): ReceivedRequest[] => requests.filter((request) => request.status === wanted);
      while (matching().length < count) await once(events, 'answered');
      return matching();
    },
    waiting: () => held.length,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** The points of an OTLP request, JSON or protobuf, gzipped or not. */
export function decodeRequest(headers: IncomingHttpHeaders, body: Buffer): ReceivedPoint[] {
  const plain = plainOf(headers, body);
  const json = headers['content-type'] === 'application/json';
  return flatten((json ? JSON.parse(plain.toString()) : decode(plain, REQUEST)) as ExportRequest);
}

function plainOf(headers: IncomingHttpHeaders, body: Buffer): Buffer {
  return headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
}

function reply(response: ServerResponse, status: number, json: boolean): void {
  response.writeHead(status, { 'content-type': json ? 'application/json' : 'application/x-protobuf' });
  response.end(json ? '{}' : undefined);
}

// ExportMetricsServiceRequest as OTLP's JSON mapping names it, as far as it is looked at.
interface ExportRequest {
  readonly resourceMetrics?: readonly {
    readonly resource: { readonly attributes?: readonly KeyValue[] };
    readonly scopeMetrics?: readonly { readonly metrics?: readonly Metric[] }[];
  }[];
}
interface Metric {
  readonly name: string;
  readonly unit: string;
  readonly sum: {
    readonly isMonotonic: boolean;
    readonly aggregationTemporality: number | bigint;
    readonly dataPoints: readonly NumberPoint[];
  };
}
interface NumberPoint {
  readonly attributes?: readonly KeyValue[];
  readonly asDouble?: number;
  readonly asInt?: number | string | bigint;
  readonly startTimeUnixNano: string | bigint;
  readonly timeUnixNano: string | bigint;
}
interface KeyValue {
  readonly key: string;
  readonly value: { readonly intValue?: number | string | bigint; readonly [kind: string]: unknown };
}

function flatten({ resourceMetrics = [] }: ExportRequest): ReceivedPoint[] {
  return resourceMetrics.flatMap(({ resource, scopeMetrics = [] }) =>
    scopeMetrics.flatMap(({ metrics = [] }) =>
      metrics.flatMap(({ name, unit, sum }) =>
        sum.dataPoints.map((point) => ({
          name,
          unit,
          monotonic: sum.isMonotonic,
          temporality: Number(sum.aggregationTemporality) === 1 ? 'delta' : 'cumulative',
          attributes: record(point.attributes),
          value: Number(point.asDouble ?? point.asInt),
          start: BigInt(point.startTimeUnixNano),
          end: BigInt(point.timeUnixNano),
          resource: record(resource.attributes),
        })),
      ),
    ),
  );
}

function record(pairs: readonly KeyValue[] = []): Record<string, unknown> {
  const plain = (value: KeyValue['value']): unknown =>
    value.intValue === undefined ? Object.values(value)[0] : Number(value.intValue);
  return Object.fromEntries(pairs.map(({ key, value }) => [key, plain(value)]));
}

const SCALARS = {
  string: (bytes: Buffer) => bytes.toString(),
  double: (bytes: Buffer) => bytes.readDoubleLE(),
  fixed: (bytes: Buffer) => bytes.readBigUInt64LE(),
  varint: (_: Buffer, number: bigint) => number,
  bool: (_: Buffer, number: bigint) => number !== 0n,
};

// Field numbers from opentelemetry-proto (metrics/v1, common/v1, resource/v1); `[]` marks repeated fields.
type Schema = { readonly [field: number]: readonly [name: string, type: Schema | keyof typeof SCALARS] };
const VALUE: Schema = {
  1: ['stringValue', 'string'],
  2: ['boolValue', 'bool'],
  3: ['intValue', 'varint'],
  4: ['doubleValue', 'double'],
};
const ATTRIBUTE: Schema = { 1: ['key', 'string'], 2: ['value', VALUE] };
const POINT: Schema = {
  2: ['startTimeUnixNano', 'fixed'],
  3: ['timeUnixNano', 'fixed'],
  4: ['asDouble', 'double'],
  6: ['asInt', 'fixed'],
  7: ['attributes[]', ATTRIBUTE],
};
const SUM: Schema = {
  1: ['dataPoints[]', POINT],
  2: ['aggregationTemporality', 'varint'],
  3: ['isMonotonic', 'bool'],
};
const METRIC: Schema = { 1: ['name', 'string'], 3: ['unit', 'string'], 7: ['sum', SUM] };
const RESOURCE: Schema = { 1: ['attributes[]', ATTRIBUTE] };
const SCOPE_METRICS: Schema = { 2: ['metrics[]', METRIC] };
const RESOURCE_METRICS: Schema = { 1: ['resource', RESOURCE], 2: ['scopeMetrics[]', SCOPE_METRICS] };
const REQUEST: Schema = { 1: ['resourceMetrics[]', RESOURCE_METRICS] };

/** Protobuf's wire format: varint (0), 64 bit (1) and length-delimited (2) are all that OTLP metrics use. */
function decode(message: Buffer, schema: Schema): Record<string, unknown> {
  const tree: Record<string, unknown> = {};
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[at++]!;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const tag = Number(varint());
    const wire = tag & 7;
    const number = wire === 0 ? varint() : 0n;
    const length = wire === 2 ? Number(varint()) : wire === 1 ? 8 : 0;
    const bytes = message.subarray(at, (at += length));
    const field = schema[tag >> 3];
    if (!field) continue;
    const [name, type] = field;
    const value = typeof type === 'object' ? decode(bytes, type) : SCALARS[type](bytes, number);
    if (name.endsWith('[]')) ((tree[name.slice(0, -2)] ??= []) as unknown[]).push(value);
    else tree[name] = value;
  }
  return tree;
}
