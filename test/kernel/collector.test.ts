// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Collector, type Interval, openCollector } from '../../src/collector.ts';
import { NO_PROCESS } from '../../src/columns.ts';
import { selectSource } from '../../src/sources/select.ts';
import { describeOnKernel, Load, scheduledSeconds, TSC } from '../support/kernel.ts';

const sum = (values: Iterable<number>): number => [...values].reduce((total, value) => total + value, 0);

async function open(spec: string, maxTasks?: number): Promise<Collector> {
  const source = selectSource({ spec, sys: '/sys', proc: '/proc' }).source;
  return openCollector({
    source,
    rediscover: () => source,
    sys: '/sys',
    hierarchy: { controller: null, id: 0 },
    followForks: true,
    ...(maxTasks === undefined ? {} : { maxTasks }),
  });
}

/** Idle time of all CPUs since boot, s, as the kernel accounts it: `idle` and `iowait` of /proc/stat. */
function idleSeconds(): number {
  const fields = /^cpu +(.*)$/m.exec(readFileSync('/proc/stat', 'latin1'))![1]!.split(' ').map(Number);
  return (fields[3]! + fields[4]!) / 100;
}

/** All that was counted is in a row, bit for bit, and all run time too. */
function expectConserved({ columns, seconds }: Interval): void {
  const { rows, cpus } = columns;
  expect([...cpus.residualCounts]).toEqual(cpus.cpu.length ? Array(cpus.cpu.length).fill(0) : []);
  expect(sum(cpus.lostCounts)).toBe(0);
  expect(sum(cpus.gapCounts)).toBe(0);
  expect(sum(cpus.readErrors) + sum(cpus.backwards)).toBe(0);
  expect(sum(rows.counts) / sum(cpus.counts)).toBeCloseTo(1, 9);
  // A busy CPU's clock is at most a tick old when the interval ends.
  expect(Math.abs(sum(rows.timeNs) / 1e9 / cpus.cpu.length - seconds)).toBeLessThan(0.02);
}

describeOnKernel('the BPF program', () => {
  it('charges every count to somebody, under switches, forks and sleep', async () => {
    await using load = new Load();
    load.start('stress-ng', '--switch', '2', '--cpu', '1', '--fork', '1', '-q', '-t', '30');
    const collector = await open(TSC);
    for (let i = 0; i < 4; i++) {
      await sleep(500);
      const interval = await collector.drain();
      expect(sum(interval.columns.cpus.switches)).toBeGreaterThan(1000);
      expectConserved(interval);
    }
    await collector.close();
  });

  it('charges every count however often it is drained, in sleep as in switches', async () => {
    await using load = new Load();
    load.start('sh', '-c', 'while :; do sleep 0.001; done');
    const collector = await open(TSC);
    let residuals = 0;
    for (let i = 0; i < 3000; i++) {
      const { cpus } = (await collector.drain()).columns;
      residuals += [...cpus.residualCounts].filter((counts) => counts !== 0).length;
      if (i % 3 === 0) await sleep(i % 7);
    }
    await collector.close();
    expect(residuals).toBe(0);
  });

  it('charges idle CPUs what they slept', async () => {
    const collector = await open(TSC);
    const before = idleSeconds();
    await collector.drain();
    await sleep(1500);
    const interval = await collector.drain();
    const slept = idleSeconds() - before;
    expectConserved(interval);
    const { rows } = interval.columns;
    const idle = sum([...rows.pid.keys()].filter((i) => rows.pid[i] === 0).map((i) => rows.timeNs[i]! / 1e9));
    expect(Math.abs(idle - slept)).toBeLessThan(0.05 + slept * 0.05);
    await collector.close();
  });

  it('gives each process the run time that the scheduler accounts', async () => {
    await using load = new Load();
    const pids = [load.spin(), load.spin(), load.spin()];
    await sleep(200);
    const collector = await open(TSC);
    await collector.drain();
    const before = pids.map(scheduledSeconds);
    await sleep(2000);
    const { rows } = (await collector.drain()).columns;
    const after = pids.map(scheduledSeconds);
    for (const [i, pid] of pids.entries()) {
      const ours = sum(
        [...rows.pid.keys()].filter((row) => rows.pid[row] === pid).map((row) => rows.timeNs[row]! / 1e9),
      );
      const kernels = after[i]! - before[i]!;
      // Both ends of ours and of the kernel's figure lag by up to a tick of 4 ms.
      expect(Math.abs(ours - kernels)).toBeLessThan(0.012 + kernels * 1e-3);
    }
    await collector.close();
  });

  it('splits a counter that several CPUs share without losing a count', async () => {
    await using load = new Load();
    load.start('stress-ng', '--switch', '1', '--cpu', '1', '-q', '-t', '30');
    const source = selectSource({ spec: TSC, sys: '/sys', proc: '/proc' }).source;
    if (source.reader !== 'bpf') throw new Error('the TSC is read by BPF');
    const cpus = source.zones.flatMap((zone) => zone.cpus);
    expect(cpus.length).toBeGreaterThan(1);
    // As an SMT core: one counter, which only the CPU of the event can read (msr events have no scope).
    const shared = { ...source, idlePays: false, zones: [{ id: 'core:0:0', cpus, lead: cpus[0]! }] };
    const collector = await openCollector({
      source: shared,
      rediscover: () => shared,
      sys: '/sys',
      hierarchy: { controller: null, id: 0 },
      followForks: false,
    });
    let counted = 0;
    for (let i = 0; i < 3; i++) {
      await sleep(500);
      const interval = await collector.drain();
      expectConserved(interval);
      counted = sum(interval.columns.cpus.counts) / interval.seconds;
    }
    await collector.close();
    // Not once per CPU: the shared counter advances at the rate of one.
    const single = await open(TSC);
    await sleep(500);
    const { columns, seconds } = await single.drain();
    await single.close();
    expect(counted / (sum(columns.cpus.counts) / seconds / cpus.length)).toBeCloseTo(1, 1);
  });

  it('keeps the sums exact when its tables overflow, and counts what lost its name', async () => {
    const collector = await open(TSC, 8);
    // 1,500 processes of a moment each: three times what a CPU's table holds.
    execFileSync('sh', ['-c', 'for i in $(seq 1500); do /bin/true; done']);
    const interval = await collector.drain();
    await collector.close();
    expectConserved(interval);
    const { rows, cpus, lives } = interval.columns;
    expect(lives.kind.length).toBeGreaterThan(4000);
    expect(sum(cpus.lostRows)).toBeGreaterThan(0);
    expect([...rows.pid].filter((pid) => pid === NO_PROCESS).length).toBeGreaterThan(0);
  });

  it('loses no process of a storm with tables of the default size', async () => {
    const collector = await open(TSC);
    execFileSync('sh', ['-c', 'for i in $(seq 3000); do /bin/true; done']);
    const interval = await collector.drain();
    await collector.close();
    expectConserved(interval);
    expect(sum(interval.columns.cpus.lostRows)).toBe(0);
    expect(new Set(interval.columns.rows.pid).size).toBeGreaterThan(3000);
  });

  it('closes twice and refuses to drain then', async () => {
    const collector = await open(TSC);
    await collector.close();
    await collector.close();
    await expect(collector.drain()).rejects.toMatchObject({ name: 'EnergyError', code: 'EBADF' });
  });
});
