// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { emptyResource } from '@opentelemetry/resources';
import { startPush } from '../../src/otel/push.ts';
import { countingProducer } from '../support/producers.ts';
import { all, down, NEVER, reply, setUpPushing } from '../support/pushing.ts';

const at = setUpPushing();
const { push, inTurn } = at;

describe('a push', () => {
  it('halves what is refused for its size, down to a point, and says so once', async () => {
    const one = push({ points: 100, batch: 100, size: 200 });
    at.receiver.answerWith((response, { bytes }) =>
      reply(bytes > 10_000 ? 413 : 200)(response, undefined as never),
    );
    await one.flush(NEVER);
    expect(at.producer.arrived.toSorted((a, b) => a - b)).toEqual(all(100));
    expect(at.lines).toEqual([
      expect.stringMatching(
        /^http:\S+ refuses a request of \d{5} bytes for its size \(HTTP 413 Payload Too Large\): smaller ones are tried$/,
      ),
    ]);
    // What went through is remembered.
    const before = at.receiver.requests.length;
    await one.flush(NEVER);
    expect(at.producer.arrived).toHaveLength(200);
    expect(at.receiver.requests.slice(before).map(({ status }) => status)).not.toContain(413);
  });

  it('leaves out a point that is refused for its size, and sends the others', async () => {
    const one = push({ points: 50 });
    at.receiver.answerWith((response, { points }) => {
      return reply(points.some(({ attributes }) => attributes['id'] === 17) ? 413 : 200)(
        response,
        undefined as never,
      );
    });
    await one.flush(NEVER);
    expect(at.producer.arrived.toSorted((a, b) => a - b)).toEqual(all(50).filter((id) => id !== 17));
    expect(at.lines).toEqual([
      expect.stringContaining('smaller ones are tried'),
      expect.stringMatching(/refuses a single series of \d+ bytes for its size .*: it is left out$/),
    ]);
  });

  it('gives up on a receiver that refuses everything for its size, until the next export', async () => {
    const one = push({ points: 1000 });
    at.receiver.answerWith(413);
    await one.flush(NEVER);
    expect(at.receiver.requests.length).toBeLessThan(100);
    expect(at.lines.at(-1)).toEqual(down('HTTP 413 Payload Too Large'));
    at.receiver.answerWith(200);
    await one.flush(NEVER);
    expect(at.producer.arrived).toEqual(all(1000));
  });

  it('sends no request of more than a megabyte', async () => {
    const one = push({ points: 3000, size: 1000 });
    await one.flush(NEVER);
    expect(at.producer.arrived).toEqual(all(3000));
    expect(Math.max(...at.receiver.requests.map(({ bytes }) => bytes))).toBeLessThan(1_000_000);
    expect(at.lines).toEqual([]);
  });

  it('does not send again what a partial success rejected, and says so once', async () => {
    const one = push();
    const partial = {
      partialSuccess: { rejectedDataPoints: '2', errorMessage: `out of\norder ${'x'.repeat(2000)}` },
    };
    at.receiver.answerWith(reply(200, { 'content-type': 'application/json' }, JSON.stringify(partial)));
    await one.flush(NEVER);
    await one.flush(NEVER);
    expect(at.producer.arrived).toEqual([...all(3), ...all(3)]);
    expect(at.lines).toEqual([
      expect.stringMatching(/^http:\S+ rejected 2 data points, which are lost: out of order x{1011}…$/),
    ]);
    at.receiver.answerWith(
      reply(200, { 'content-type': 'application/x-protobuf' }, '\x0a\x07\x08\x01\x12\x03old'),
    );
    const other = push({ protocol: 'http/protobuf' });
    await other.flush(NEVER);
    expect(at.lines[1]).toMatch(/rejected 1 data points, which are lost: old$/);
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
    at.receiver.answerWith((response) => {
      times.push(performance.now());
      return reply(times.length === 1 ? 429 : 200, headers)(response, undefined as never);
    });
    await one.flush(NEVER);
    expect(at.producer.arrived).toEqual(all(3));
    expect(times[1]! - times[0]!).toBeGreaterThan(990);
    expect(at.lines).toEqual([]);
  });

  it('is left alone for as long as it asked to, but for the last export', async () => {
    const one = push();
    inTurn(reply(503, { 'retry-after': '100' }));
    await one.flush(NEVER);
    await one.flush(NEVER);
    expect(at.receiver.requests).toHaveLength(1);
    expect(at.lines).toEqual([down('HTTP 503 Service Unavailable')]);
    expect(await one.close(NEVER)).toBe(true);
    expect(at.producer.arrived).toEqual(all(3));
  });

  it('tries again at once where a connection that was kept had been closed', async () => {
    const one = push();
    inTurn(reply(200), (response) => {
      response.socket!.resetAndDestroy();
      return 0;
    });
    await one.flush(NEVER);
    await one.flush(NEVER);
    expect(at.producer.arrived).toHaveLength(6);
    expect(at.lines).toEqual([]);
  });

  it('keeps what comes after a receiver went away for the next export', async () => {
    const one = push({ points: 10, batch: 2, timeoutMs: 400 });
    inTurn(reply(200), reply(503));
    await one.flush(NEVER);
    expect(at.producer.arrived).toEqual([0, 1]);
    expect(at.receiver.requests).toHaveLength(2);
    await one.flush(NEVER);
    expect(at.producer.arrived).toEqual([0, 1, ...all(10)]);
  });

  it('sends the two points of a new series together', async () => {
    const one = push({ points: 5, pairs: true, batch: 3 });
    at.receiver.answerWith((response, { points }) =>
      reply(points.length > 2 ? 413 : 200)(response, undefined as never),
    );
    await one.flush(NEVER);
    const taken = at.receiver.requests.filter(({ status }) => status === 200);
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
    at.receiver.answerWith((response) => {
      most = Math.max(most, ++open);
      setTimeout(() => {
        open--;
        response.writeHead(200).end();
      }, 50);
      return 200;
    });
    await at.receiver.answered(2);
    await Promise.all([one.flush(NEVER), one.flush(NEVER)]);
    await one.close(NEVER);
    expect(most).toBe(1);
    const { length } = at.receiver.requests;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(at.receiver.requests).toHaveLength(length);
    expect(at.producer.closed).toBe(true);
  });

  it('goes on with the next interval after an export that took too long', async () => {
    push({ intervalMs: 50, exportMs: 100 });
    let first = true;
    at.receiver.answerWith((response) => {
      if (first) first = false;
      else response.writeHead(200).end();
      return 200;
    });
    await at.receiver.answered(2);
    while (at.producer.arrived.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(at.lines[0]).toEqual(down('not finished within 100 ms'));
  });

  it('ends in time, whatever hangs: the connection, or the producer', async () => {
    const one = push();
    let cut: Promise<unknown> | undefined;
    at.receiver.answerWith((response) => {
      cut ??= once(response, 'close');
      return 0;
    });
    void one.flush(NEVER);
    await at.receiver.answered(1, 0);
    // Half of the time for what hangs, half for a last try.
    expect(await one.close(100)).toBe(false);
    await cut;
    expect(at.receiver.requests).toHaveLength(2);
    expect(at.lines).toEqual([]);

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
