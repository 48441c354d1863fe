// SPDX-License-Identifier: Apache-2.0
import type { ServerResponse } from 'node:http';
import type { Answerer } from '../support/otlp-receiver.ts';
import { all, down, NEVER, reply, setUpPushing, up } from '../support/pushing.ts';

const at = setUpPushing();
const { push, inTurn } = at;

describe('pushing to a receiver that misbehaves', () => {
  const raw =
    (bytes: string): Answerer =>
    (response) => {
      response.socket!.end(bytes);
      return 0;
    };
  const drip = (response: ServerResponse): void => {
    const timer = setInterval(() => response.write('.'), 20);
    response.once('close', () => clearInterval(timer));
  };
  /** Those that fail; after them the receiver behaves. */
  const FAILURES: Readonly<Record<string, readonly [Answerer, string | RegExp]>> = {
    '400 and says why in JSON': [
      reply(
        400,
        { 'content-type': 'application/json' },
        '{"code":3,"message":"no\\nsuch \\u001b[31mtenant"}',
      ),
      String.raw`HTTP 400 Bad Request: no such \[31mtenant`,
    ],
    '400 and says why in protobuf': [
      reply(400, { 'content-type': 'application/x-protobuf' }, '\x08\x03\x12\x09no tenant'),
      'HTTP 400 Bad Request: no tenant',
    ],
    '401 and goes on about it': [
      reply(401, { 'content-type': 'text/html' }, 'a b '.repeat(10_000)),
      /HTTP 401 Unauthorized: (?:a b ){256}…/,
    ],
    '500': [reply(500), 'HTTP 500 Internal Server Error'],
    '503': [reply(503), 'HTTP 503 Service Unavailable'],
    '429': [reply(429, {}, 'slow down'), 'HTTP 429 Too Many Requests: slow down'],
    'a redirect': [
      reply(307, { location: 'https://me:secret@other.example/v1/metrics?key=secret' }),
      'HTTP 307 Temporary Redirect to https://other.example/v1/metrics, which is not followed: set the endpoint to it',
    ],
    'a permanent redirect': [
      reply(308, { location: '/elsewhere?key=secret' }),
      'HTTP 308 Permanent Redirect to /elsewhere, which is not followed: set the endpoint to it',
    ],
    'no answer': [() => 0, 'no answer within [34]\\d\\d ms'],
    'an answer whose head drips': [
      (response) => {
        response.socket!.write('HTTP/1.1 200 OK\r\n');
        const timer = setInterval(() => response.socket?.write('x'), 20);
        response.once('close', () => clearInterval(timer));
        return 0;
      },
      'no answer within [34]\\d\\d ms',
    ],
    'no HTTP': [
      raw('220 mail.example ESMTP\r\n'),
      'the answer is no HTTP/1\\.1, HPE_INVALID_CONSTANT: is it the port of gRPC\\?[^)]+',
    ],
    'half an answer': [raw('HTTP/1.1 20'), 'ECONNRESET'],
    'a reset': [
      (response) => {
        response.socket!.resetAndDestroy();
        return 0;
      },
      'ECONNRESET',
    ],
  };

  it.each(Object.entries(FAILURES))('goes on after %s, and says so once', async (_name, [answer, why]) => {
    const one = push({ timeoutMs: 400 });
    inTurn(answer, answer);
    await one.flush(NEVER);
    await one.flush(NEVER);
    expect(at.producer.arrived).toEqual([]);
    await one.flush(NEVER);
    expect(at.producer.arrived).toEqual(all(3));
    expect(at.lines).toEqual([down(why), up]);
  });

  it.each(['a drip', 'garbage', 'an endless body'])('takes a 200 with %s for a success', async (kind) => {
    let sent = 0;
    at.receiver.answerWith((response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      if (kind === 'a drip') drip(response);
      else if (kind === 'garbage') response.end('{"partialSuccess":7,,');
      else {
        const more = (): void => {
          while (!response.destroyed && response.write('x'.repeat(10_000))) sent += 10_000;
        };
        response.on('drain', more);
        more();
      }
      return 200;
    });
    const one = push();
    for (let i = 1; i <= 2; i++) {
      await one.flush(NEVER);
      expect(at.producer.arrived).toHaveLength(3 * i);
    }
    expect(at.lines).toEqual([]);
    // What was under way when the connection was cut, in the buffers of both ends.
    expect(sent).toBeLessThan(50_000_000);
  });
});
