// SPDX-License-Identifier: Apache-2.0
// An OTLP/HTTP endpoint for metrics that answers as receivers, proxies and strangers on its port do.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { decodeRequest, type ReceivedPoint } from './otlp-receiver.ts';

/** Bytes of a text that is far longer than anything that is worth a log line. */
const LONG_TEXT = 100_000;
const DRIP_MS = 5;
const SLOW_MS = 400;
/** Seconds of Retry-After. */
const RETRY_AFTER = 1;
/** Bytes of a body that `413` takes. */
const SIZE_LIMIT = 20_000;
/** Points that `partial` rejects, whatever it was sent. */
const REJECTED = 2;

/** How a request is answered, and whether its points are accepted. */
const ANSWERS: Readonly<Record<string, { readonly accepts: boolean; readonly answer: Answer }>> = {
  well: { accepts: true, answer: (response) => ok(response).end() },
  '400': { accepts: false, answer: (response) => refuse(response, 400) },
  '413': { accepts: false, answer: (response) => refuse(response, 413) },
  '429': { accepts: false, answer: (response) => refuse(response, 429, { 'retry-after': `${RETRY_AFTER}` }) },
  '500': { accepts: false, answer: (response) => refuse(response, 500) },
  '503': {
    accepts: false,
    // HTTP knows the time to come back at as well; it has whole seconds.
    answer(response) {
      const back = new Date(Date.now() + RETRY_AFTER * 1000 + 999);
      refuse(response, 503, { 'retry-after': back.toUTCString() });
    },
  },
  slow: { accepts: true, answer: (response) => void setTimeout(() => ok(response).end(), SLOW_MS) },
  /** An answer that begins, and goes on for ever byte by byte. Its status has said all. */
  drip: { accepts: true, answer: drip },
  hang: { accepts: false, answer: () => {} },
  /** An answer whose body is no protobuf. */
  garbage: { accepts: true, answer: (response) => ok(response).end('\xff\xfe garbage \x00'.repeat(20)) },
  /** Bytes that are no HTTP. */
  raw: { accepts: false, answer: (response) => response.socket!.end('SSH-2.0-OpenSSH_9.2p1\r\n') },
  reset: { accepts: false, answer: (response) => response.socket!.resetAndDestroy() },
  redirect307: { accepts: false, answer: (response, elsewhere) => redirect(307, response, elsewhere) },
  redirect308: { accepts: false, answer: (response, elsewhere) => redirect(308, response, elsewhere) },
  /** A body that never ends, as fast as it is read. */
  endless: { accepts: true, answer: flood },
  /** ExportMetricsPartialSuccess of opentelemetry-proto: rejected_data_points (1), error_message (2). */
  partial: {
    accepts: true,
    answer: (response) => {
      const text = Buffer.from('over quota');
      const partial = Buffer.from([0x08, REJECTED, 0x12, text.length, ...text]);
      ok(response).end(Buffer.from([0x0a, partial.length, ...partial]));
    },
  },
};

type Answer = (response: ServerResponse, elsewhere: string) => void;

/** Names of what a receiver can do wrong. */
export const MISBEHAVIOURS: readonly string[] = Object.keys(ANSWERS).filter((name) => name !== 'well');

export interface MisbehavingRequest {
  readonly how: string;
  /** Bytes of its body as it came. */
  readonly bytes: number;
  /** Points that were accepted: all or none. */
  readonly points: readonly ReceivedPoint[];
}

export interface MisbehavingReceiver {
  /** Value for OTEL_EXPORTER_OTLP_ENDPOINT. */
  readonly endpoint: string;
  /** All requests, in the order they came. */
  readonly requests: readonly MisbehavingRequest[];
  /** Requests that went to where the redirects point. */
  readonly redirected: () => number;
  /** Bytes that `endless` got rid of in the answer that took most. */
  readonly flooded: () => number;
  /** Points that were accepted. */
  readonly points: () => readonly ReceivedPoint[];
  /** How requests are answered from now on: one of MISBEHAVIOURS, or `well`. */
  readonly behave: (how: string) => void;
  /** Resolves when `count` requests were answered `how`; rejects if they do not come. */
  readonly came: (count: number, how: string) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** What is waited for and does not come within this time never does, ms. */
const IN_VAIN_MS = 20_000;

export async function startMisbehavingReceiver(): Promise<MisbehavingReceiver> {
  const requests: MisbehavingRequest[] = [];
  let how = 'well';
  let redirected = 0;
  let flooded = 0;

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request);
    if (request.url === ELSEWHERE) redirected++;
    const now = how === '413' && body.length <= SIZE_LIMIT ? 'well' : how;
    const { accepts, answer } = ANSWERS[now]!;
    const points = accepts ? decodeRequest(request.headers, body) : [];
    requests.push({ how: now, bytes: body.length, points });
    response.on('close', () => {
      // What is still in the kernel's buffers was not taken by anybody, but is no more than some 100 kB.
      if (now === 'endless') flooded = Math.max(flooded, request.socket.bytesWritten);
    });
    answer(response, `${endpoint}${ELSEWHERE}`);
  }
  const server = createServer((request, response) => void handle(request, response).catch(() => {}));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  return {
    endpoint,
    requests,
    redirected: () => redirected,
    flooded: () => flooded,
    points: () => requests.flatMap(({ points }) => points),
    behave(next) {
      how = next;
    },
    async came(count, wanted) {
      const end = performance.now() + IN_VAIN_MS;
      const seen = (): number => requests.filter((one) => one.how === wanted).length;
      while (seen() < count) {
        if (performance.now() > end) throw new Error(`${seen()} of ${count} requests came (${wanted})`);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

const ELSEWHERE = '/elsewhere';

function ok(response: ServerResponse): ServerResponse {
  return response.writeHead(200, { 'content-type': 'application/x-protobuf' });
}

function refuse(
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { 'content-type': 'text/plain', ...headers });
  response.end(`refused on purpose\n${'because '.repeat(LONG_TEXT / 8)}`);
}

function redirect(status: number, response: ServerResponse, elsewhere: string): void {
  response.writeHead(status, { location: elsewhere }).end();
}

function drip(response: ServerResponse): void {
  ok(response);
  const timer = setInterval(() => response.write('.'), DRIP_MS);
  response.on('close', () => clearInterval(timer));
}

function flood(response: ServerResponse): void {
  ok(response);
  const chunk = Buffer.alloc(1 << 16);
  const pour = (): void => {
    while (!response.destroyed && response.write(chunk));
  };
  response.on('drain', pour);
  pour();
}
