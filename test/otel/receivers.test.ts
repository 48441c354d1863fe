// SPDX-License-Identifier: Apache-2.0
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { LedgerReading } from '../../src/ledger/ledger.ts';
import {
  MISBEHAVIOURS,
  type MisbehavingReceiver,
  REJECTED,
  RETRY_AFTER,
  SIZE_LIMIT,
  startMisbehavingReceiver,
} from '../support/misbehaving-receiver.ts';
import type { ReceivedPoint } from '../support/otlp-receiver.ts';
import { growingLedger, setUpPublishing } from '../support/publishing.ts';

const at = setUpPublishing();
let receiver: MisbehavingReceiver;
/** What the exporter was last given: all of it is to arrive. */
let last: LedgerReading | undefined;

beforeEach(async () => {
  receiver = await startMisbehavingReceiver();
  last = undefined;
});
afterEach(() => receiver.close());

/** Exports so often, ms, and gives each exchange so long: far more than is needed where it is answered at all. */
const INTERVAL_MS = '100';
const TIMEOUT_MS = '1000';
/** More than exporters have under way at once: what never comes to an end must not use that up. */
const MANY = 40;
/** A log line is for people. */
const LONGEST_LINE = 1200;

/** Publishes a ledger of so many executables to the receiver. */
async function publish(
  executables: number,
  variables: Readonly<Record<string, string>> = {},
): ReturnType<typeof at.publish> {
  const reader = (): (() => LedgerReading) => {
    const read = growingLedger();
    return () => (last = withExecutables(read(), executables));
  };
  return at.publish(
    {
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
      OTEL_METRICS_EXPORTER: 'otlp',
      OTEL_METRIC_EXPORT_INTERVAL: INTERVAL_MS,
      OTEL_METRIC_EXPORT_TIMEOUT: TIMEOUT_MS,
      OTEL_EXPORTER_OTLP_TIMEOUT: TIMEOUT_MS,
      OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: 'delta',
      ...variables,
    },
    { reader },
  );
}

/** The first process of a reading, as many executables: each as it is. */
function withExecutables(reading: LedgerReading, count: number): LedgerReading {
  const [first, ...rest] = reading.processes;
  const many = Array.from({ length: count }, (_, i) => ({ ...first!, executable: `program-${i}` }));
  return { ...reading, processes: [...many, ...rest] };
}

const total = (series: readonly { readonly joules: number }[]): number =>
  series.reduce((sum, { joules }) => sum + joules, 0);

function arrived(points: readonly ReceivedPoint[], name: string): number {
  return points.reduce((sum, point) => (point.name === name ? sum + point.value : sum), 0);
}

/** All that was measured has been accepted by the receiver, each Joule once. */
function expectAll(points: readonly ReceivedPoint[]): void {
  const { hardware, processes, unattributed, self } = last!;
  expect(arrived(points, 'hw.energy')).toBeCloseTo(total(hardware), 6);
  expect(arrived(points, 'process.energy')).toBeCloseTo(total(processes), 6);
  expect(arrived(points, 'energy.unattributed')).toBeCloseTo(total(unattributed), 6);
  expect(arrived(points, 'energy.agent.switches')).toBe(self.switches);
}

describe('a receiver that misbehaves', () => {
  it.each(MISBEHAVIOURS)('(%s) delays energy, and loses none: all arrives in the end', async (how) => {
    // 413 takes what is small; there is more than that.
    const publisher = await publish(how === '413' ? 300 : 1, {
      // To be told to come back later, and to do so, takes longer than a second.
      ...(['429', '503'].includes(how) && { OTEL_EXPORTER_OTLP_TIMEOUT: '5000' }),
      ...(['429', '503'].includes(how) && { OTEL_METRIC_EXPORT_INTERVAL: '5000' }),
      ...(['429', '503'].includes(how) && { OTEL_METRIC_EXPORT_TIMEOUT: '5000' }),
    });
    await receiver.came(1, 'well');
    receiver.behave(how);
    await receiver.came(2, how);
    receiver.behave('well');
    // The one that is under way may have been sent while the receiver misbehaved.
    await publisher.flush(10_000);
    await publisher.flush(10_000);
    await publisher.close(10_000);
    expectAll(receiver.points());
  });

  it('(413) gets the same energy in requests of half the size, and the user is told of the size', async () => {
    receiver.behave('413');
    const publisher = await publish(300, { OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' });
    await publisher.flush(10_000);
    await publisher.close(10_000);
    expectAll(receiver.points());
    const sizes = receiver.requests.map(({ bytes }) => bytes);
    expect(Math.max(...sizes)).toBeGreaterThan(SIZE_LIMIT);
    // Once it is known what is too much it is not tried again and again.
    expect(sizes.filter((bytes) => bytes > SIZE_LIMIT).length).toBeLessThan(10);
    expect(at.lines).toEqual([expect.stringMatching(/413|size|large/i)]);
  });

  it.each(['429', '503'])('(%s) is left alone for as long as its Retry-After says', async (how) => {
    receiver.behave(how);
    const publisher = await publish(1, {
      OTEL_METRIC_EXPORT_INTERVAL: '10000',
      OTEL_METRIC_EXPORT_TIMEOUT: '10000',
      OTEL_EXPORTER_OTLP_TIMEOUT: '10000',
    });
    const flushed = publisher.flush(10_000);
    await receiver.came(2, how);
    receiver.behave('well');
    await flushed;
    const [first, second] = receiver.requests;
    expect(second!.at - first!.at).toBeGreaterThanOrEqual(RETRY_AFTER * 1000 - 5);
  });

  it.each(['redirect307', 'redirect308'])(
    '(%s) does not lead the metrics elsewhere, and that is said',
    async (how) => {
      receiver.behave(how);
      const publisher = await publish(1);
      await receiver.came(3, how);
      expect(receiver.redirected()).toBe(0);
      expect(at.lines).toEqual([expect.stringMatching(new RegExp(`redirect|${how.slice(-3)}`, 'i'))]);
      receiver.behave('well');
      await publisher.close(10_000);
    },
  );

  it('(partial) is heard: what it rejected is told once', async () => {
    receiver.behave('partial');
    await publish(1);
    await receiver.came(5, 'partial');
    expect(at.lines).toEqual([expect.stringMatching(new RegExp(`${REJECTED}.*over quota`))]);
  });

  it.each(['400', '500', 'drip', 'hang', 'raw', 'reset', 'endless'])(
    '(%s) does not stop the export, however often, and is told of in one line',
    async (how) => {
      receiver.behave(how);
      const publisher = await publish(1, { OTEL_EXPORTER_OTLP_TIMEOUT: '100' });
      await receiver.came(MANY, how);
      receiver.behave('well');
      await receiver.came(1, 'well');
      await publisher.close(10_000);
      expectAll(receiver.points());
      const failures = at.lines.filter((line) => /cannot|refuse|reject/.test(line));
      expect(failures).toHaveLength(1);
      for (const line of at.lines) expect(line.length).toBeLessThan(LONGEST_LINE);
    },
  );

  it('(endless) cannot fill the memory with its answer', async () => {
    receiver.behave('endless');
    const publisher = await publish(1);
    await receiver.came(3, 'endless');
    receiver.behave('well');
    await publisher.close(10_000);
    // The limit that OTLP exporters have for answers, and what is in the buffers of two sockets.
    expect(receiver.flooded()).toBeLessThan(4 * 2 ** 20 + 8 * 2 ** 20);
  });

  it.each(['drip', 'hang', 'endless', '413'])('(%s) leaves nothing in memory', async (how) => {
    receiver.behave(how);
    const publisher = await publish(2000, { OTEL_EXPORTER_OTLP_TIMEOUT: '100' });
    await receiver.came(10, how);
    const before = memory();
    await receiver.came(MANY, how);
    const grown = memory() - before;
    receiver.behave('well');
    await publisher.close(10_000);
    // A request of this ledger has 0.5 MB; as JavaScript objects it has several times that.
    expect(grown / 2 ** 20).toBeLessThan(8);
  });
});

describe('a request', () => {
  it('has less than 1 MB as JSON, whatever there is to send', async () => {
    const publisher = await publish(5000, { OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' });
    await publisher.flush(10_000);
    await publisher.close(10_000);
    expectAll(receiver.points());
    expect(Math.max(...receiver.requests.map(({ bytes }) => bytes))).toBeLessThan(1e6);
  });
});

/** Bytes in use once all garbage is collected; the receiver's own record of requests is small. */
function memory(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
