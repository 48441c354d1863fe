// SPDX-License-Identifier: Apache-2.0
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createProbe, type LearnedPackage, type PackageLearning, type Probe } from '../../src/probe/addon.ts';
import { openCollector } from '../../src/probe/collector.ts';
import type { Columns } from '../../src/probe/columns.ts';
import { selectSource } from '../../src/sources/select.ts';
import { describeOnKernel, waitFor } from '../support/kernel.ts';
import { startPackageCounter } from '../support/package-counter.ts';
import { OPTIONS, PACKAGE } from '../support/probe.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const LEARNS = { ...OPTIONS, switched: false, learns: true, spillEntries: 4096 };
const LOADS = ['small:2:0:2000:3000', 'big:8:1:3000:4000'];

/** A counter that CPU 0 reads in a file, of both CPUs. */
const inFile = (path: string): LearnedPackage => ({
  ...PACKAGE,
  cpus: [0, 1],
  cores: [0, 1],
  location: { via: 'powercap', path },
});

async function openProbe(...packages: LearnedPackage[]): Promise<Probe> {
  const probe = createProbe();
  await probe.open(LEARNS);
  await probe.start();
  await probe.learn(packages);
  await probe.drain();
  return probe;
}

async function status(probe: Probe): Promise<PackageLearning> {
  return (await probe.askLearning()).packages[0]!;
}

/** What becomes of learning from a counter when it is known. */
async function settled(probe: Probe): Promise<PackageLearning> {
  let found = await status(probe);
  while (found.state === 'calibrating') {
    await sleep(50);
    found = await status(probe);
  }
  return found;
}

/** Predicted W of a process while it runs; NaN: it did not run, or nothing is predicted. */
function wattsOf({ rows }: Columns, pid: number): number {
  let joules = 0;
  let ns = 0;
  rows.pid.forEach((one, row) => {
    if (one !== pid) return;
    joules += rows.predictedJoules[row]!;
    ns += rows.timeNs[row]!;
  });
  return joules / (ns / 1e9);
}

describeOnKernel('learning from the counter of a package', () => {
  it('tells apart who draws how much of it, on whatever CPU', async () => {
    await using counter = await startPackageCounter(LOADS);
    const probe = await openProbe(inFile(counter.path));
    let columns = await probe.drain();
    // A busy machine takes longer to find the period, and to see enough updates.
    while ((await status(probe)).windows.used < 600) await sleep(200);
    await probe.drain();
    await sleep(1000);
    columns = await probe.drain();
    const { state, periodNs, windows } = await status(probe);
    await probe.close();

    expect(state).toBe('learning');
    expect(periodNs! / 1e6).toBeCloseTo(1, 1);
    expect(windows.lost).toBe(0);
    const { packages } = columns;
    expect([...packages.zone]).toEqual([0]);
    expect([...packages.learned]).toEqual([1]);
    expect(packages.sharedJoules[0]).toBeGreaterThan(0);
    const [small, big] = ['small', 'big'].map((name) => wattsOf(columns, counter.pids.get(name)!));
    // Where CPUs are never idle, what the package draws by itself is not told from what all of them draw.
    expect(big! - small!).toBeGreaterThan(2);
    expect(big! - small!).toBeLessThan(12);
    const errors = columns.rows.predictedErrorJoules.filter((_, row) => columns.rows.pid[row] !== 0);
    expect(errors.every((joules) => joules >= 0)).toBe(true);
  });

  it('goes on when it is learned from anew, as when a CPU came or went', async () => {
    await using counter = await startPackageCounter(LOADS);
    const probe = await openProbe(inFile(counter.path));
    while ((await status(probe)).windows.used < 200) await sleep(100);
    const { joulesPerCount } = PACKAGE;
    await probe.learn([{ ...inFile(counter.path), cpus: [0], cores: [0], joulesPerCount }]);
    await probe.learn([inFile(counter.path)]);
    while ((await status(probe)).state !== 'learning') await sleep(50);
    const { used } = (await status(probe)).windows;
    while ((await status(probe)).windows.used < used + 100) await sleep(50);
    const { packages } = await probe.drain();
    const { restarts } = await probe.askLearning();
    await probe.close();
    expect({ learned: [...packages.learned], restarts }).toEqual({ learned: [1], restarts: 0 });
  });

  it('tells what is nobody’s, but nobody apart, while no more can be learned', async () => {
    await using counter = await startPackageCounter(LOADS);
    const probe = await openProbe(inFile(counter.path));
    while ((await status(probe)).windows.used < 200) await sleep(100);
    counter.stop();
    while ((await status(probe)).state !== 'unmoved') await sleep(100);
    const { rows, packages } = await probe.drain();
    await probe.close();
    expect([...packages.learned]).toEqual([0]);
    expect(packages.sharedJoules[0]).toBeGreaterThan(0);
    expect(packages.idleJoules[0]).toBeGreaterThanOrEqual(0);
    expect(rows.predictedJoules.every((joules) => joules >= 0)).toBe(true);
  });

  it.each([
    ['moves once a second, as a hypervisor has it, takes it for virtual', 1_000_000, 'virtual'],
    ['moves too rarely to tell who ran, leaves it at that', 20_000, 'period'],
  ] as const)('that %s', async (_, periodUs, state) => {
    await using counter = await startPackageCounter(LOADS, { periodUs });
    const probe = await openProbe(inFile(counter.path));
    const found = await settled(probe);
    const { rows, packages } = await probe.drain();
    await probe.close();
    expect({ state: found.state, periodUs: Math.round(found.periodNs! / periodUs / 100) / 10 }).toEqual({
      state,
      periodUs: 1,
    });
    expect([...packages.learned]).toEqual([0]);
    expect(packages.sharedJoules[0]).toBeNaN();
    expect(rows.predictedJoules.every(Number.isNaN)).toBe(true);
  });

  it('that stands still, or cannot be read, says so', async () => {
    const path = join(temporaryDirectory(), 'energy_uj');
    writeFileSync(path, '12345\n');
    const still = await openProbe(inFile(path));
    const absent = await openProbe(PACKAGE);
    expect(await settled(still)).toMatchObject({ state: 'unmoved', error: 0 });
    expect(await settled(absent)).toMatchObject({ state: 'unreadable', error: -2 });
    await still.close();
    await absent.close();
  });

  it('ends at once when the probe is closed, whatever it is at', async () => {
    const path = join(temporaryDirectory(), 'energy_uj');
    writeFileSync(path, '12345\n');
    // For 4 s it would wait for the counter to move.
    for (const wait of [0, 30, 300]) {
      const probe = await openProbe(inFile(path));
      await sleep(wait);
      expect((await status(probe)).state).toBe('calibrating');
      await probe.close();
      await expect(probe.askLearning()).rejects.toMatchObject({ code: 'EBADF' });
    }
  });
});

describeOnKernel('a collector', () => {
  const open = async (attribution: 'learned' | 'time', log: string[]) => {
    const spec = 'perf:msr/tsc/,scope=package,joules=1e-9';
    const { source } = selectSource({ spec, sys: '/sys', proc: '/proc', attribution });
    return openCollector({
      source,
      rediscover: () => source,
      sys: '/sys',
      hierarchy: { controller: null, id: 0 },
      followForks: false,
      maxTasks: 4096,
      lookMs: 50,
      log: (line) => log.push(line),
    });
  };

  it('says once why a counter cannot be learned from, and predicts nothing of it', async () => {
    const log: string[] = [];
    const collector = await open('learned', log);
    await waitFor('the line', () => (log.length > 0 ? true : undefined));
    await sleep(300);
    const { columns } = await collector.drain();
    const { packages } = await collector.learning();
    await collector.close();
    // A clock moves all the time.
    expect(log).toEqual([
      expect.stringMatching(/^event=no_learning counter=package:0 why=period period_us=0\.0$/),
    ]);
    expect(packages).toMatchObject([{ zone: 0, state: 'period', periodNs: 0 }]);
    expect([...columns.packages.learned]).toEqual([0]);
    expect(columns.rows.predictedJoules.every(Number.isNaN)).toBe(true);
  });

  it('learns nothing where that is not wanted', async () => {
    const log: string[] = [];
    const collector = await open('time', log);
    await sleep(200);
    const { columns } = await collector.drain();
    expect(await collector.learning()).toMatchObject({ packages: [], restarts: 0 });
    await collector.close();
    expect(columns.packages.zone).toHaveLength(0);
    expect(log).toEqual([]);
  });
});
