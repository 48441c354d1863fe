// SPDX-License-Identifier: Apache-2.0
import { Ledger } from '../src/ledger/ledger.ts';
import type { Meter } from '../src/meter.ts';
import type { Snapshot } from '../src/model/snapshot.ts';
import { recordInBackground } from '../src/background.ts';
import { record, type Recorder, type RecordingOptions } from '../src/recorder.ts';
import { DEFAULT_LIMITS } from '../src/settings/table.ts';
import { total } from './support/ledgers.ts';
import { snapshotOf } from './support/snapshots.ts';

const AN_HOUR_MS = 3_600_000;

/** A recorder of a meter whose every interval has 1 J, unless `snapshot` says otherwise. */
function recording(
  options: Partial<RecordingOptions> & { readonly snapshot?: () => Promise<Snapshot> } = {},
): { recorder: Recorder; counted: () => number; failures: unknown[]; asked: () => number } {
  const { snapshot = async (): Promise<Snapshot> => snapshotOf(), ...more } = options;
  const failures: unknown[] = [];
  let asked = 0;
  const meter = {
    snapshot: () => {
      asked++;
      return snapshot();
    },
    cgroupExists: () => true,
  } as Partial<Meter> as Meter;
  const ledger = new Ledger(DEFAULT_LIMITS);
  const reader = ledger.reader();
  const onFailure = (error: unknown): void => void failures.push(error);
  return {
    recorder: record(meter, { ledger, intervalMs: AN_HOUR_MS, leastAgeMs: 0, onFailure, ...more }),
    counted: () => total(reader.collect()?.hardware ?? []),
    failures,
    asked: () => asked,
  };
}

describe('a recorder', () => {
  it('adds what it measures to the ledger, and then tells of it', async () => {
    const seen: number[] = [];
    const { recorder, counted } = recording({ onSnapshot: () => void seen.push(counted()) });
    await recorder.update(AN_HOUR_MS);
    await recorder.update(AN_HOUR_MS);
    expect(seen).toEqual([1, 2]);
    await recorder.stop();
  });

  it('measures every interval until it is stopped, and never two at a time', async () => {
    let running = 0;
    let most = 0;
    let left = 5;
    const { promise: done, resolve } = withResolvers();
    const { recorder, asked } = recording({
      intervalMs: 1,
      snapshot: async () => {
        most = Math.max(most, ++running);
        await new Promise(setImmediate);
        running--;
        if (--left === 0) resolve();
        return snapshotOf();
      },
    });
    // The timer alone does not keep the process, but the test.
    const keep = setInterval(() => {}, AN_HOUR_MS);
    await done;
    await Promise.all([recorder.update(AN_HOUR_MS), recorder.update(AN_HOUR_MS)]);
    await recorder.stop();
    clearInterval(keep);
    expect(most).toBe(1);
    const before = asked();
    await recorder.update(AN_HOUR_MS);
    await new Promise((resolveLater) => setTimeout(resolveLater, 20));
    expect(asked()).toBe(before);
  });

  it('tells once of measurements that fail, until one succeeds, and goes on', async () => {
    let fails = true;
    const { recorder, counted, failures } = recording({
      snapshot: async () => {
        if (fails) throw new Error('no');
        return snapshotOf();
      },
    });
    await recorder.update(AN_HOUR_MS);
    await recorder.update(AN_HOUR_MS);
    expect(failures).toEqual([new Error('no')]);
    fails = false;
    await recorder.update(AN_HOUR_MS);
    expect(counted()).toBe(1);
    fails = true;
    await recorder.update(AN_HOUR_MS);
    expect(failures).toHaveLength(2);
    await recorder.stop();
  });

  it('waits for a measurement no longer than it is allowed to, and for the last one when it is stopped', async () => {
    const { promise: gate, resolve } = withResolvers();
    const { recorder, counted } = recording({ snapshot: () => gate.then(() => snapshotOf()) });
    await recorder.update(0);
    expect(counted()).toBe(0);
    const stopped = recorder.stop();
    resolve();
    await stopped;
    expect(counted()).toBe(1);
  });

  it('begins no other measurement after one during which it was stopped', async () => {
    const { promise: gate, resolve: open } = withResolvers();
    const { promise: begun, resolve: begin } = withResolvers();
    const { recorder, asked } = recording({
      intervalMs: 1,
      snapshot: () => {
        begin();
        return gate.then(() => snapshotOf());
      },
    });
    const keep = setInterval(() => {}, AN_HOUR_MS);
    await begun;
    const stopped = recorder.stop();
    open();
    await stopped;
    await new Promise((resolve) => setTimeout(resolve, 20));
    clearInterval(keep);
    expect(asked()).toBe(1);
  });

  it('measures no more than once in the least age of readings, however often it is asked', async () => {
    const { recorder, asked, counted } = recording({ leastAgeMs: AN_HOUR_MS });
    for (let i = 0; i < 10; i++) await recorder.update(AN_HOUR_MS);
    expect([asked(), counted()]).toEqual([1, 1]);
    await recorder.stop();
  });

  it('shows readers nothing new within the least age of readings, however short its intervals are', async () => {
    const { promise: done, resolve } = withResolvers();
    const shown = new Set<number>();
    let intervals = 0;
    const { recorder, counted } = recording({
      intervalMs: 1,
      leastAgeMs: AN_HOUR_MS,
      onSnapshot() {
        shown.add(counted());
        if (++intervals === 20) resolve();
      },
    });
    const keep = setInterval(() => {}, AN_HOUR_MS);
    await done;
    expect([...shown]).toEqual([1]);
    // Asked for once, all is shown.
    await recorder.update(AN_HOUR_MS);
    expect(counted()).toBe(intervals);
    clearInterval(keep);
    await recorder.stop();
  });

  it('ends the series of cgroups that are gone at every tenth measurement', async () => {
    const asked: string[] = [];
    const ledger = new Ledger(DEFAULT_LIMITS);
    let round = 0;
    const meter = {
      snapshot: async () =>
        snapshotOf(round++ === 0 ? { processes: [{ pid: 1, energy_j: 1, cgroup: '/a' }] } : {}),
      cgroupExists: (path: string) => {
        asked.push(path);
        return path !== '/a';
      },
    } as Partial<Meter> as Meter;
    const onFailure = (error: unknown): never => {
      throw error;
    };
    const recorder = record(meter, { ledger, intervalMs: AN_HOUR_MS, leastAgeMs: 0, onFailure });
    for (let i = 0; i < 9; i++) await recorder.update(AN_HOUR_MS);
    expect(asked).toEqual([]);
    await recorder.update(AN_HOUR_MS);
    expect(asked).toEqual(['/a']);
    await recorder.stop();
  });
});

describe('a recorder beside an application', () => {
  it('tells what was wrong with its options once, and is closed as any other', async () => {
    const recorder = recordInBackground({ interval: -1 });
    expect(await recorder.update(AN_HOUR_MS)).toMatchObject({ name: 'EnergyError', code: 'EUSAGE' });
    expect(await recorder.update(AN_HOUR_MS)).toBeUndefined();
    expect(recorder.ledger.reader().collect()).toBeUndefined();
    await recorder.close();
  });

  it('tells what its meter could not be opened for, once', async () => {
    const recorder = recordInBackground({ root: '/nowhere', socketDirectory: '/nonexistent' });
    expect(await recorder.update(AN_HOUR_MS)).toMatchObject({ name: 'EnergyError' });
    expect(await recorder.update(AN_HOUR_MS)).toBeUndefined();
    await Promise.all([recorder.close(), recorder.close()]);
  });
});

function withResolvers(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve!: () => void;
  const promise = new Promise<void>((given) => (resolve = given));
  return { promise, resolve };
}
