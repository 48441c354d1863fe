// SPDX-License-Identifier: Apache-2.0
import { readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Meter, openMeter } from '../../src/meter.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import type { MeterOptions } from '../../src/settings/types.ts';
import { withFewDescriptors } from '../support/few-descriptors.ts';
import { openDescriptors } from '../support/held.ts';
import { describeOnKernel, Load, TSC } from '../support/kernel.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** What is open now and was not before. */
function opened(before: Readonly<Record<string, number>>): Record<string, number> {
  const more = Object.entries(openDescriptors()).map(
    ([kind, count]) => [kind, count - (before[kind] ?? 0)] as const,
  );
  return Object.fromEntries(more.filter(([, count]) => count > 0));
}

/** The root of this machine, without the file of /proc or /sys that is named. */
function rootWithout(missing: 'proc/stat' | 'sys/kernel'): string {
  const root = temporaryDirectory();
  const [top, file] = missing.split('/') as [string, string];
  for (const name of ['proc', 'sys', 'dev']) if (name !== top) symlinkSync(`/${name}`, join(root, name));
  const within = temporaryDirectory();
  for (const name of readdirSync(`/${top}`))
    if (name !== file) symlinkSync(`/${top}/${name}`, join(within, name));
  symlinkSync(within, join(root, top));
  return root;
}

describeOnKernel('a meter that cannot be opened', () => {
  it.each<[string, MeterOptions, string, RegExp]>([
    ['an interval that is none', { interval: 0 }, 'EUSAGE', /^option interval must be/],
    ['a pattern that is none', { include: [7 as never] }, 'EUSAGE', /^option include/],
    ['no such source', { source: 'none' }, 'EUSAGE', /^unknown source/],
    [
      'no such event',
      { source: 'perf:msr/config=0xffff/,scope=cpu,joules=1' },
      'EINVAL',
      /^cannot open the perf/,
    ],
    [
      'no such counter',
      { source: 'perf:msr/config=0xffff/,scope=package,joules=1' },
      'ECOUNTER',
      /^package:0 cannot be read/,
    ],
    ['a procfs of processes alone', { root: rootWithout('proc/stat') }, 'EPROC', /without subset=pid/],
    ['a kernel without BTF', { root: rootWithout('sys/kernel') }, 'ENOBTF', /CONFIG_DEBUG_INFO_BTF/],
  ])('because of %s leaves nothing behind', async (_, options, code, message) => {
    const before = openDescriptors();
    await expect(openMeter({ source: TSC, ...options })).rejects.toMatchObject({
      name: 'EnergyError',
      code,
      message: expect.stringMatching(message),
    });
    expect(opened(before)).toEqual({});
  });

  it('for want of one more descriptor, whichever that is, says so and leaves nothing behind', async () => {
    // The first meter opens files of libraries that stay open.
    await (await openMeter({ source: TSC })).close();
    const before = openDescriptors();
    const openWith = (free: number): Promise<Meter | Error> =>
      withFewDescriptors(free, () => openMeter({ source: TSC }).catch((error: Error) => error));
    let free = 0;
    let result = await openWith(free);
    for (; result instanceof Error; result = await openWith(++free)) {
      expect([free, result]).toEqual([
        free,
        expect.objectContaining({ name: 'EnergyError', code: 'EMFILE' }),
      ]);
      expect(result.message).toMatch(/ulimit -n/);
      expect([free, opened(before)]).toEqual([free, {}]);
    }
    await result.close();
    // A map or program at a time.
    expect(free).toBeGreaterThan(20);
  });
});

describeOnKernel('a meter', () => {
  let meter: Meter;
  const log: string[] = [];
  beforeEach(async () => {
    log.length = 0;
    meter = await openMeter({ source: TSC, interval: 0.1, log: (line) => log.push(line) });
  });
  afterEach(() => meter.close());

  const power = ({ totals, interval_s }: Snapshot): number => totals.counter_j / interval_s;

  it('loses nothing by a measurement that fails, and is in order afterwards', async () => {
    await using load = new Load();
    load.spin();
    await meter.snapshot();
    await sleep(200);
    const usual = await meter.snapshot();
    for (let i = 0; i < 3; i++) {
      await sleep(200);
      await withFewDescriptors(0, () =>
        expect(meter.measure()).rejects.toMatchObject({
          name: 'EnergyError',
          code: 'EMFILE',
          message: expect.stringMatching(/ulimit -n/),
        }),
      );
    }
    await sleep(200);
    const { snapshot: after } = await meter.measure();
    expect(after.self.skipped).toBe(3);
    expect(after.interval_s).toBeGreaterThan(0.8);
    // The clocks of all CPUs run on all the time.
    expect(power(after) / power(usual)).toBeCloseTo(1, 1);
    const { counter_j, process_j, idle_j, unattributed_j } = after.totals;
    expect((process_j + idle_j + unattributed_j) / counter_j).toBeCloseTo(1, 6);
    expect(after.cores.reduce((sum, core) => sum + core.counter_j, 0) / counter_j).toBeCloseTo(1, 6);
    const pids = after.processes.map(({ pid }) => pid);
    expect(new Set(pids).size).toBe(pids.length);
  });

  it('skips intervals that cannot be measured while it is iterated, and says so once', async () => {
    const iterator = meter[Symbol.asyncIterator]();
    const first = iterator.next();
    await first;
    const skipped = await withFewDescriptors(0, async () => {
      const next = iterator.next();
      await sleep(500);
      return { next };
    });
    const { value } = (await skipped.next) as { value: Snapshot };
    expect(value.interval_s).toBeGreaterThan(0.4);
    expect(log.filter((line) => line.includes('the next snapshot will cover this time'))).toEqual([
      expect.stringMatching(/^cannot read \/sys\/devices\/system\/cpu\/online \(EMFILE\): raise the limit/),
    ]);
    await iterator.return?.();
  });

  it('ends every iteration at once when it is stopped', async () => {
    await meter.close();
    meter = await openMeter({ source: TSC, interval: 3600 });
    const iterators = Array.from({ length: 3 }, () => meter[Symbol.asyncIterator]());
    const all = iterators.map((iterator) => iterator.next());
    meter.stop();
    expect(await Promise.all(all)).toEqual(all.map(() => ({ done: true, value: undefined })));
    expect((await meter.snapshot()).interval_s).toBeGreaterThan(0);
  });

  it('can be closed more than once, and while it measures', async () => {
    const measured = meter.measure();
    await Promise.all([meter.close(), meter.close()]);
    expect((await measured).snapshot.interval_s).toBeGreaterThan(0);
    await expect(meter.measure()).rejects.toMatchObject({ name: 'EnergyError', code: 'EBADF' });
  });
});
