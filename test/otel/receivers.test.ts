// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { emptyResource } from '@opentelemetry/resources';
import { type OtlpSettings, publishSettings } from '../../src/settings/environment.ts';
import { OtlpDestination } from '../../src/otel/otlp.ts';
import { type Push, startPush } from '../../src/otel/push.ts';
import { type Answerer, startOtlpReceiver, type OtlpReceiver } from '../support/otlp-receiver.ts';
import { type CountingProducer, countingProducer } from '../support/producers.ts';
import { NEVER_MS } from '../support/publishing.ts';

/** Longer than any test. */
const NEVER = Number(NEVER_MS);

describe('pushing to a receiver that misbehaves', () => {
  let receiver: OtlpReceiver;
  let producer: CountingProducer;
  let pushes: Push[];
  let lines: string[];

  beforeEach(async () => {
    receiver = await startOtlpReceiver();
    pushes = [];
    lines = [];
  });
  afterEach(async () => {
    receiver.answerWith(200);
    await Promise.all(pushes.map((each) => each.close(1000)));
    await receiver.close();
  });

  interface Given extends Partial<OtlpSettings> {
    readonly points?: number;
    readonly batch?: number;
    readonly intervalMs?: number;
    readonly exportMs?: number;
    readonly size?: number;
    readonly pairs?: boolean;
  }
  function push(given: Given = {}): Push {
    const {
      points = 3,
      batch = 1000,
      intervalMs = NEVER,
      exportMs = 10_000,
      size = 0,
      pairs = false,
      ...otlp
    } = given;
    producer = countingProducer({
      points,
      pairs,
      attributes: () => (size > 0 ? { text: 'x'.repeat(size) } : {}),
    });
    const { otlp: settings } = publishSettings({
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    });
    const destination = new OtlpDestination({
      otlp: { ...settings!, ...otlp },
      log: (line) => lines.push(line),
      series: batch,
    });
    const one = startPush({
      producer,
      destination,
      resource: emptyResource(),
      intervalMs,
      timeoutMs: exportMs,
    });
    pushes.push(one);
    return one;
  }
  const all = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
  const down = (why: string | RegExp): unknown =>
    expect.stringMatching(
      new RegExp(
        String.raw`^cannot send metrics to http://127\.0\.0\.1:\d+/v1/metrics \(${typeof why === 'string' ? why : why.source}\): while`,
      ),
    );
  const up = expect.stringMatching(/^sending metrics to http:\S+ again$/);
  const reply =
    (status: number, headers: Record<string, string> = {}, body = ''): Answerer =>
    (response) => {
      response.writeHead(status, headers).end(body);
      return status;
    };
  /** Answers the first requests in ways of their own, and then as usual. */
  const inTurn = (...answers: readonly Answerer[]): void => {
    let at = 0;
    receiver.answerWith((response, request) => (answers[at++] ?? reply(200))(response, request));
  };

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
    'no HTTP': [raw('220 mail.example ESMTP\r\n'), 'HPE_INVALID_CONSTANT'],
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
    expect(producer.arrived).toEqual([]);
    await one.flush(NEVER);
    expect(producer.arrived).toEqual(all(3));
    expect(lines).toEqual([down(why), up]);
  });

  it.each(['a drip', 'garbage', 'an endless body'])('takes a 200 with %s for a success', async (kind) => {
    let sent = 0;
    receiver.answerWith((response) => {
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
      expect(producer.arrived).toHaveLength(3 * i);
    }
    expect(lines).toEqual([]);
    // What was under way when the connection was cut, in the buffers of both ends.
    expect(sent).toBeLessThan(50_000_000);
  });

  it('halves what is refused for its size, down to a point, and says so once', async () => {
    const one = push({ points: 100, batch: 100, size: 200 });
    receiver.answerWith((response, { bytes }) =>
      reply(bytes > 10_000 ? 413 : 200)(response, undefined as never),
    );
    await one.flush(NEVER);
    expect(producer.arrived.toSorted((a, b) => a - b)).toEqual(all(100));
    expect(lines).toEqual([
      expect.stringMatching(
        /^http:\S+ refuses a request of \d{5} bytes for its size \(HTTP 413 Payload Too Large\): smaller ones are tried$/,
      ),
    ]);
    // What went through is remembered.
    const before = receiver.requests.length;
    await one.flush(NEVER);
    expect(producer.arrived).toHaveLength(200);
    expect(receiver.requests.slice(before).map(({ status }) => status)).not.toContain(413);
  });

  it('leaves out a point that is refused for its size, and sends the others', async () => {
    const one = push({ points: 50 });
    receiver.answerWith((response, { points }) => {
      return reply(points.some(({ attributes }) => attributes['id'] === 17) ? 413 : 200)(
        response,
        undefined as never,
      );
    });
    await one.flush(NEVER);
    expect(producer.arrived.toSorted((a, b) => a - b)).toEqual(all(50).filter((id) => id !== 17));
    expect(lines).toEqual([
      expect.stringContaining('smaller ones are tried'),
      expect.stringMatching(/refuses a single series of \d+ bytes for its size .*: it is left out$/),
    ]);
  });

  it('gives up on a receiver that refuses everything for its size, until the next export', async () => {
    const one = push({ points: 1000 });
    receiver.answerWith(413);
    await one.flush(NEVER);
    expect(receiver.requests.length).toBeLessThan(100);
    expect(lines.at(-1)).toEqual(down('HTTP 413 Payload Too Large'));
    receiver.answerWith(200);
    await one.flush(NEVER);
    expect(producer.arrived).toEqual(all(1000));
  });

  it('sends no request of more than a megabyte', async () => {
    const one = push({ points: 3000, size: 1000 });
    await one.flush(NEVER);
    expect(producer.arrived).toEqual(all(3000));
    expect(Math.max(...receiver.requests.map(({ bytes }) => bytes))).toBeLessThan(1_000_000);
    expect(lines).toEqual([]);
  });

  it('does not send again what a partial success rejected, and says so once', async () => {
    const one = push();
    const partial = {
      partialSuccess: { rejectedDataPoints: '2', errorMessage: `out of\norder ${'x'.repeat(2000)}` },
    };
    receiver.answerWith(reply(200, { 'content-type': 'application/json' }, JSON.stringify(partial)));
    await one.flush(NEVER);
    await one.flush(NEVER);
    expect(producer.arrived).toEqual([...all(3), ...all(3)]);
    expect(lines).toEqual([
      expect.stringMatching(/^http:\S+ rejected 2 data points, which are lost: out of order x{1011}…$/),
    ]);
    receiver.answerWith(
      reply(200, { 'content-type': 'application/x-protobuf' }, '\x0a\x07\x08\x01\x12\x03old'),
    );
    const other = push({ protocol: 'http/protobuf' });
    await other.flush(NEVER);
    expect(lines[1]).toMatch(/rejected 1 data points, which are lost: old$/);
  });

  it.each([
    ['in seconds', { 'retry-after': '1' }],
    [
      'as a date by its own clock',
      { date: 'Thu, 01 Jan 2026 00:00:00 GMT', 'retry-after': 'Thu, 01 Jan 2026 00:00:01 GMT' },
    ],
  ])('waits as long as it is asked to %s', async (_name, headers) => {
    const one = push();
    const times: number[] = [];
    receiver.answerWith((response) => {
      times.push(performance.now());
      return reply(times.length === 1 ? 429 : 200, headers)(response, undefined as never);
    });
    await one.flush(NEVER);
    expect(producer.arrived).toEqual(all(3));
    expect(times[1]! - times[0]!).toBeGreaterThan(990);
    expect(lines).toEqual([]);
  });

  it('is left alone for as long as it asked to, but for the last export', async () => {
    const one = push();
    inTurn(reply(503, { 'retry-after': '100' }));
    await one.flush(NEVER);
    await one.flush(NEVER);
    expect(receiver.requests).toHaveLength(1);
    expect(lines).toEqual([down('HTTP 503 Service Unavailable')]);
    expect(await one.close(NEVER)).toBe(true);
    expect(producer.arrived).toEqual(all(3));
  });

  it('tries again at once where a connection that was kept had been closed', async () => {
    const one = push();
    inTurn(reply(200), (response) => {
      response.socket!.resetAndDestroy();
      return 0;
    });
    await one.flush(NEVER);
    await one.flush(NEVER);
    expect(producer.arrived).toHaveLength(6);
    expect(lines).toEqual([]);
  });

  it('keeps what comes after a receiver went away for the next export', async () => {
    const one = push({ points: 10, batch: 2, timeoutMs: 400 });
    inTurn(reply(200), reply(503));
    await one.flush(NEVER);
    expect(producer.arrived).toEqual([0, 1]);
    expect(receiver.requests).toHaveLength(2);
    await one.flush(NEVER);
    expect(producer.arrived).toEqual([0, 1, ...all(10)]);
  });

  it('sends the two points of a new series together', async () => {
    const one = push({ points: 5, pairs: true, batch: 3 });
    receiver.answerWith((response, { points }) =>
      reply(points.length > 2 ? 413 : 200)(response, undefined as never),
    );
    await one.flush(NEVER);
    const taken = receiver.requests.filter(({ status }) => status === 200);
    expect(
      taken.map(({ points }) => points.map(({ attributes, value }) => [attributes['id'], value])),
    ).toEqual(
      all(5).map((id) => [
        [id, 0],
        [id, 1],
      ]),
    );
  });

  it('never exports twice at a time', async () => {
    const one = push({ intervalMs: 10 });
    let open = 0;
    let most = 0;
    receiver.answerWith((response) => {
      most = Math.max(most, ++open);
      setTimeout(() => {
        open--;
        response.writeHead(200).end();
      }, 50);
      return 200;
    });
    await receiver.answered(2);
    await Promise.all([one.flush(NEVER), one.flush(NEVER)]);
    await one.close(NEVER);
    expect(most).toBe(1);
    const { length } = receiver.requests;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(receiver.requests).toHaveLength(length);
    expect(producer.closed).toBe(true);
  });

  it('goes on with the next interval after an export that took too long', async () => {
    push({ intervalMs: 50, exportMs: 100 });
    let first = true;
    receiver.answerWith((response) => {
      if (first) first = false;
      else response.writeHead(200).end();
      return 200;
    });
    await receiver.answered(2);
    while (producer.arrived.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(lines[0]).toEqual(down('not finished within 100 ms'));
  });

  it('ends in time, whatever hangs: the connection, or the producer', async () => {
    const one = push();
    let cut: Promise<unknown> | undefined;
    receiver.answerWith((response) => {
      cut ??= once(response, 'close');
      return 0;
    });
    void one.flush(NEVER);
    await receiver.answered(1, 0);
    // Half of the time for what hangs, half for a last try.
    expect(await one.close(100)).toBe(false);
    await cut;
    expect(receiver.requests).toHaveLength(2);
    expect(lines).toEqual([]);

    const stuck = countingProducer({ points: 1, until: new Promise(() => {}) });
    const destination = { send: () => Promise.resolve(true), close: () => {} };
    const other = startPush({
      producer: stuck,
      destination,
      resource: emptyResource(),
      intervalMs: NEVER,
      timeoutMs: NEVER,
    });
    expect(await other.close(50)).toBe(false);
    expect(stuck.closed).toBe(true);
  });
});
