// SPDX-License-Identifier: Apache-2.0
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { producersOf } from '../../src/otel/producer.ts';
import type { Publisher } from '../../src/otel/publish.ts';
import {
  MISBEHAVIOURS,
  type MisbehavingReceiver,
  startMisbehavingReceiver,
} from '../support/misbehaving-receiver.ts';
import type { ReceivedPoint } from '../support/otlp-receiver.ts';
import { GrowingLedger, NEVER_MS, setUpPublishing } from '../support/publishing.ts';

const at = setUpPublishing();
let receiver: MisbehavingReceiver;
let ledger: GrowingLedger;

beforeEach(async () => {
  receiver = await startMisbehavingReceiver();
});
afterEach(() => receiver.close());

/** An export that may take as long as it needs, and one that only the clock ends: no answer comes, or it is tried again. */
const PATIENT_MS = '20000';
const SHORT_MS = '100';
const endsByItself = (how: string): boolean => !['drip', 'hang', 'raw', 'reset'].includes(how);
/** What one export may take where many are made, ms: it is over long before, if it ends at all. */
const FLUSH_MS = 2000;
/** More than are ever under way at once: what never comes to an end must not use that up. */
const MANY = 40;

/** Publishes a ledger of so many executables to the receiver, as differences. */
function publish(executables: number, how: string): Promise<Publisher> {
  ledger = new GrowingLedger(executables);
  return at.publish(
    {
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
      OTEL_METRICS_EXPORTER: 'otlp',
      OTEL_METRIC_EXPORT_INTERVAL: NEVER_MS,
      OTEL_METRIC_EXPORT_TIMEOUT: PATIENT_MS,
      OTEL_EXPORTER_OTLP_TIMEOUT: endsByItself(how) ? PATIENT_MS : SHORT_MS,
      OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: 'delta',
    },
    { producer: producersOf(ledger) },
  );
}

/** Exports until the receiver has misbehaved `count` times: every export has to come. */
async function exportTo(publisher: Publisher, how: string, count: number): Promise<void> {
  while (receiver.requests.length < count) {
    const before = receiver.requests.length;
    await publisher.flush(FLUSH_MS);
    await receiver.came(before + 1, how);
  }
}

const total = (series: readonly { readonly value: number }[]): number =>
  series.reduce((sum, { value }) => sum + value, 0);

function arrived(points: readonly ReceivedPoint[], name: string): number {
  return points.reduce((sum, point) => (point.name === name ? sum + point.value : sum), 0);
}

/** All that was measured has been accepted by the receiver, each Joule once. */
function expectAll(points: readonly ReceivedPoint[]): void {
  const { hardware, processes, cgroups, unattributed } = ledger.now();
  expect(arrived(points, 'hw.energy')).toBeCloseTo(total(hardware), 6);
  expect(arrived(points, 'process.energy')).toBeCloseTo(total(processes), 6);
  expect(arrived(points, 'cgroup.energy')).toBeCloseTo(total(cgroups), 6);
  expect(arrived(points, 'energy.unattributed')).toBeCloseTo(total(unattributed), 6);
}

describe('a receiver that misbehaves', () => {
  it.each(MISBEHAVIOURS)('(%s) delays energy, and loses none: all arrives in the end', async (how) => {
    // 413 takes what is small: there is more than that.
    const publisher = await publish(how === '413' ? 300 : 1, how);
    await publisher.flush(10_000);
    receiver.behave(how);
    for (let i = 1; i <= 2; i++) {
      await publisher.flush(FLUSH_MS);
      await receiver.came(i, how);
    }
    receiver.behave('well');
    // The one that is under way may have been sent while the receiver misbehaved.
    await publisher.flush(10_000);
    await publisher.flush(10_000);
    await publisher.close(10_000);
    expectAll(receiver.points());
    expect(receiver.redirected()).toBe(0);
  });

  it.each(['400', '500', 'drip', 'hang', 'raw', 'reset', 'endless'])(
    '(%s) does not stop the export, however often',
    async (how) => {
      receiver.behave(how);
      const publisher = await publish(1, how);
      await exportTo(publisher, how, MANY);
      receiver.behave('well');
      await publisher.flush(10_000);
      await publisher.close(10_000);
      expectAll(receiver.points());
    },
  );

  it('(endless) cannot fill the memory with its answer', async () => {
    receiver.behave('endless');
    const publisher = await publish(1, 'endless');
    await exportTo(publisher, 'endless', 3);
    receiver.behave('well');
    await publisher.close(10_000);
    // The limit that OTLP exporters have for answers, and what is in the buffers of two sockets.
    expect(receiver.flooded()).toBeLessThan(4 * 2 ** 20 + 8 * 2 ** 20);
  });

  it.each(['400', 'hang', 'raw', 'reset'])('(%s) leaves nothing in memory', async (how) => {
    receiver.behave(how);
    const publisher = await publish(2500, how);
    await exportTo(publisher, how, 10);
    const before = memory();
    await exportTo(publisher, how, MANY);
    const grown = memory() - before;
    receiver.behave('well');
    await publisher.close(10_000);
    // A collection has some MB, and there may be one more under way than there was: 30 that are kept are 50 MB.
    expect(grown / 2 ** 20).toBeLessThan(16);
  });
});

/** Bytes in use once all garbage is collected; the receiver's own record of requests is small. */
function memory(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
