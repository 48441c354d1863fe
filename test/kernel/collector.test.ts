// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Collector, type Interval, openCollector } from '../../src/probe/collector.ts';
import { commAt, LIFECYCLE, NO_PROCESS } from '../../src/probe/columns.ts';
import { selectSource } from '../../src/sources/select.ts';
import type { EnergySource } from '../../src/model/source.ts';
import { bpftool, heldMap } from '../support/held.ts';
import { cpuSeconds, describeOnKernel, Load, scheduledSeconds, TSC, waitFor } from '../support/kernel.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { METER } from '../../src/settings/table.ts';
import { sum } from '../../src/util/sum.ts';

const DEFAULT_TASKS = METER.maxTasks.fallback!;

async function open(spec: string, maxTasks = DEFAULT_TASKS): Promise<Collector> {
  const source = selectSource({ spec, sys: '/sys', proc: '/proc' }).source;
  return openCollector({
    source,
    rediscover: () => source,
    sys: '/sys',
    hierarchy: { controller: null, id: 0 },
    followForks: true,
    maxTasks,
  });
}

/** What the hypervisor took from all CPUs since this was asked last, s: nobody's run time. */
let stolenBefore = cpuSeconds().stolen;
function newlyStolen(): number {
  const { stolen } = cpuSeconds();
  const since = stolen - stolenBefore;
  stolenBefore = stolen;
  return since;
}

/** All that was counted is in a row, bit for bit, and all run time too. */
function expectConserved({ columns, seconds }: Interval): void {
  const { rows, cpus } = columns;
  expect([...cpus.residualCounts]).toEqual(cpus.cpu.length ? Array(cpus.cpu.length).fill(0) : []);
  expect(sum(cpus.lostCounts)).toBe(0);
  expect(sum(cpus.gapCounts)).toBe(0);
  expect(sum(cpus.backwards)).toBe(0);
  expect(sum(rows.label)).toBe(0);
  expect(sum(rows.counts) / sum(cpus.counts)).toBeCloseTo(1, 9);
  // A busy CPU's clock is at most a tick old when the interval ends.
  const ran = sum(rows.timeNs) / 1e9 / cpus.cpu.length;
  expect(ran - seconds).toBeLessThan(0.02);
  expect(seconds - ran).toBeLessThan(0.02 + newlyStolen() / cpus.cpu.length);
}

/** Each row is of a process and a cgroup that are listed once, and whatever is summed up by them is all of it. */
function expectListed({ columns: { rows, processes, cgroups } }: Interval): void {
  const tasks = [...rows.pid.keys()].filter((row) => rows.pid[row] !== 0 && rows.pid[row] !== NO_PROCESS);
  expect(tasks.filter((row) => processes.pid[rows.process[row]!] !== rows.pid[row])).toEqual([]);
  expect(tasks.filter((row) => cgroups.id[rows.cgroup[row]!] === undefined)).toEqual([]);
  expect(new Set(tasks.map((row) => rows.process[row])).size).toBe(processes.pid.length);
  const keys = [...processes.pid].map((pid, i) => `${pid} ${processes.startNs[i]}`);
  for (const once of [keys, processes.number, cgroups.id])
    expect(new Set<unknown>(once).size).toBe(once.length);
}

/** The sysfs of this machine with a list of online CPUs that can be written; real hotplug is for `test:vm`. */
class Sysfs {
  readonly path = temporaryDirectory();
  readonly #cpu = join(this.path, 'devices/system/cpu');
  constructor(cpus: readonly number[]) {
    mkdirSync(this.#cpu, { recursive: true });
    for (const name of ['bus', 'kernel']) symlinkSync(join('/sys', name), join(this.path, name));
    for (const cpu of cpus) symlinkSync(`/sys/devices/system/cpu/cpu${cpu}`, join(this.#cpu, `cpu${cpu}`));
    this.setOnline(cpus);
  }
  setOnline(cpus: readonly number[]): void {
    writeFileSync(join(this.#cpu, 'online'), `${cpus.join()}\n`);
  }
}

const GAP = 'event=gap counter=cpu:1 why="CPU 1 is offline"';
const REBIND = 'event=rebind counter=cpu:1 cpu=1 cpus=1';

describeOnKernel('a collector whose CPUs come and go', () => {
  it('binds counters anew without being drained, and charges nobody with what was between', async () => {
    const sysfs = new Sysfs([0, 1]);
    await using load = new Load();
    load.stress();
    const select = (): EnergySource => selectSource({ spec: TSC, sys: sysfs.path, proc: '/proc' }).source;
    const said: string[] = [];
    const collector = await openCollector({
      source: select(),
      rediscover: select,
      sys: sysfs.path,
      hierarchy: { controller: null, id: 0 },
      followForks: false,
      maxTasks: DEFAULT_TASKS,
      log: (line) => said.push(line),
    });
    await sleep(300);
    sysfs.setOnline([0]);
    await waitFor('the gap', () => said.find((line) => line === GAP));
    // Drains wait for their turn: from here on CPU 1 has no counter.
    const before = await collector.drain();
    const from = performance.now();
    await sleep(2000);
    const withoutSeconds = (performance.now() - from) / 1000;
    sysfs.setOnline([0, 1]);
    await waitFor('the counter', () => said.find((line) => line === REBIND));
    await sleep(300);
    const after = await collector.drain();
    await collector.close();

    expect(said[0]).toBe('event=offline cpu=1');
    expect(before).toMatchObject({ rebinds: 0, gaps: 1, resets: 0 });
    expect(after).toMatchObject({ rebinds: 1, gaps: 0, resets: 0 });
    expect(after.source.zones.map(({ id, cpus }) => [id, cpus])).toEqual([
      ['cpu:0', [0]],
      ['cpu:1', [1]],
    ]);
    const { cpus } = after.columns;
    expect([...cpus.cpu]).toEqual([0, 1]);
    expect([...cpus.residualCounts, ...cpus.backwards]).toEqual([0, 0, 0, 0]);
    // Both have the same clock; what the one without a counter lacks is not in its gap either.
    const perSecond = cpus.counts[0]! / after.seconds;
    const counted = cpus.counts[1]! + cpus.gapCounts[1]!;
    expect(counted).toBeGreaterThan(0);
    expect(cpus.counts[0]! - counted).toBeGreaterThan(0.99 * withoutSeconds * perSecond);
  });

  it('gives its counter back to a CPU that goes while the others are sought, and comes back', async () => {
    const sysfs = new Sysfs([0, 1]);
    const select = (): EnergySource => selectSource({ spec: TSC, sys: sysfs.path, proc: '/proc' }).source;
    let hasty = false;
    const said: string[] = [];
    const collector = await openCollector({
      source: select(),
      rediscover: () => {
        if (hasty) sysfs.setOnline([0]);
        const found = select();
        if (hasty) sysfs.setOnline([0, 1]);
        hasty = false;
        return found;
      },
      sys: sysfs.path,
      hierarchy: { controller: null, id: 0 },
      followForks: false,
      maxTasks: DEFAULT_TASKS,
      log: (line) => said.push(line),
    });
    sysfs.setOnline([0]);
    await waitFor('the gap', () => said.find((line) => line === GAP));
    hasty = true;
    sysfs.setOnline([0, 1]);
    await waitFor('the counter', () => said.find((line) => line === REBIND));
    await collector.close();
    expect(hasty).toBe(false);
  });

  it('binds a counter anew when BPF tells that it cannot be read, without looking', async () => {
    const said: string[] = [];
    const select = (): EnergySource => selectSource({ spec: TSC, sys: '/sys', proc: '/proc' }).source;
    const collector = await openCollector({
      source: select(),
      rediscover: select,
      sys: '/sys',
      hierarchy: { controller: null, id: 0 },
      followForks: false,
      maxTasks: DEFAULT_TASKS,
      lookMs: 2 ** 30,
      log: (line) => said.push(line),
    });
    await sleep(300);
    // As if the event of CPU 1 had died.
    bpftool('map', 'delete', 'id', `${heldMap('counters')}`, 'key', '1', '0', '0', '0');
    await waitFor('the counter', () => said.find((line) => line === REBIND));
    const { rebinds, gaps } = await collector.drain();
    await sleep(300);
    const { columns } = await collector.drain();
    await collector.close();
    expect(said).toEqual(['event=gap counter=cpu:1 why="it cannot be read"', REBIND]);
    expect({ rebinds, gaps }).toEqual({ rebinds: 1, gaps: 1 });
    expect(columns.cpus.counts[1]).toBeGreaterThan(0);
  });

  it('starts although a CPU goes while it binds its counters', async () => {
    const sysfs = new Sysfs([0, 1]);
    const select = (): EnergySource => selectSource({ spec: TSC, sys: sysfs.path, proc: '/proc' }).source;
    const source = select();
    if (source.reader === 'none') throw new Error('the TSC is a counter');
    // No such CPU: what perf answers for one that has gone meanwhile.
    const gone = { id: 'cpu:1', cpus: [1], lead: 4000 };
    const collector = await openCollector({
      source: { ...source, zones: [source.zones[0]!, gone] },
      rediscover: select,
      sys: sysfs.path,
      hierarchy: { controller: null, id: 0 },
      followForks: false,
      maxTasks: DEFAULT_TASKS,
    });
    await sleep(100);
    const { columns, rebinds, gaps } = await collector.drain();
    await collector.close();
    expect({ rebinds, gaps }).toEqual({ rebinds: 0, gaps: 0 });
    expect([...columns.cpus.counts].every((counts) => counts > 0)).toBe(true);
  });
});

describeOnKernel('the BPF program', () => {
  it('charges every count to somebody, under switches, forks and sleep', async () => {
    await using load = new Load();
    load.stress('--fork', '1');
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
    const before = cpuSeconds().idle;
    await collector.drain();
    await sleep(1500);
    const interval = await collector.drain();
    const slept = cpuSeconds().idle - before;
    expectConserved(interval);
    expectListed(interval);
    const { rows } = interval.columns;
    const idle = sum([...rows.pid.keys()].filter((i) => rows.pid[i] === 0).map((i) => rows.timeNs[i]! / 1e9));
    expect(Math.abs(idle - slept)).toBeLessThan(0.05 + slept * 0.05);
    await collector.close();
  });

  it.each([
    ['reads a counter', TSC],
    // Then nothing runs at ticks.
    ['reads none', 'estimated'],
  ])('gives each process the run time that the scheduler accounts, where it %s', async (_, spec) => {
    await using load = new Load();
    const pids = [load.spin(), load.spin(), load.spin()];
    await sleep(200);
    const collector = await open(spec);
    newlyStolen();
    await collector.drain();
    const before = pids.map(scheduledSeconds);
    await sleep(2000);
    const { rows } = (await collector.drain()).columns;
    const after = pids.map(scheduledSeconds);
    const stolen = newlyStolen();
    for (const [i, pid] of pids.entries()) {
      const ours = sum(
        [...rows.pid.keys()].filter((row) => rows.pid[row] === pid).map((row) => rows.timeNs[row]! / 1e9),
      );
      const kernels = after[i]! - before[i]!;
      // Both ends of ours and of the kernel's figure lag by up to a tick: 4 ms, and what is stolen before it comes.
      expect(Math.abs(ours - kernels)).toBeLessThan(0.012 + kernels * 1e-3 + stolen);
    }
    await collector.close();
  });

  it('splits a counter that several CPUs share without losing a count', async () => {
    await using load = new Load();
    load.stress();
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
      maxTasks: DEFAULT_TASKS,
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

  it('charges every count while it is learned in bursts what processes draw, if that is wanted', async () => {
    await using load = new Load();
    for (let i = 0; i < 2; i++)
      load.start('sh', '-c', 'while :; do echo x; done | while read -r x; do :; done');
    const { source } = selectSource({ spec: TSC, sys: '/sys', proc: '/proc' });
    if (source.reader !== 'bpf') throw new Error('the TSC is read by BPF');
    const openWith = (more: Partial<typeof source>): Promise<Collector> => {
      const its = { ...source, ...more };
      return openCollector({
        source: its,
        rediscover: () => its,
        sys: '/sys',
        hierarchy: { controller: null, id: 0 },
        followForks: false,
        maxTasks: DEFAULT_TASKS,
      });
    };
    const collector = await openWith({ idlePays: false });
    newlyStolen();
    const learned = await waitFor('windows that were learned from', async () => {
      await sleep(500);
      expectConserved(await collector.drain());
      const { cores } = await collector.learning();
      return cores && cores.windows.used > 200 ? cores : undefined;
    });
    await collector.close();
    expect(learned).toMatchObject({ periodNs: 0, restarts: 0 });
    expect(learned.cpuNs).toBeGreaterThan(0);
    // Where all draw alike, as of a clock, or where the user says so, there is no such thread.
    for (const more of [{}, { idlePays: false, attribution: 'time' } as const]) {
      const other = await openWith(more);
      expect((await other.learning()).cores).toBeNull();
      await other.close();
    }
  });

  it('keeps the sums exact when its tables overflow, and counts what lost its name', async () => {
    // With more room, or one after the other, the thread that relieves the kernel would be in time where others
    // use the CPUs.
    const collector = await open(TSC, 4);
    // 1,500 processes of a moment each: three times what a CPU's table holds.
    const some = '(for i in $(seq 125); do /bin/true; done) &';
    execFileSync('sh', ['-c', `${some.repeat(12)} wait`]);
    const interval = await collector.drain();
    await collector.close();
    expectConserved(interval);
    expectListed(interval);
    const { rows, cpus, lifecycle } = interval.columns;
    expect(lifecycle.kind.length).toBeGreaterThan(4000);
    expect(sum(cpus.lostRows)).toBeGreaterThan(0);
    expect([...rows.pid].filter((pid) => pid === NO_PROCESS).length).toBeGreaterThan(0);
  });

  it('loses no process of a storm with tables of the default size', async () => {
    const collector = await open(TSC);
    execFileSync('sh', ['-c', 'for i in $(seq 3000); do /bin/true; done']);
    const interval = await collector.drain();
    await collector.close();
    expectConserved(interval);
    expectListed(interval);
    expect(sum(interval.columns.cpus.lostRows)).toBe(0);
    expect(new Set(interval.columns.rows.pid).size).toBeGreaterThan(3000);
  });

  it('tells the whole file names of programs, of scripts those of their interpreters', async () => {
    const directory = temporaryDirectory();
    const name = 'a-program-of-more-than-15-characters';
    copyFileSync(realpathSync('/bin/true'), join(directory, name));
    const tooLong = `${name}-${'x'.repeat(64)}`;
    copyFileSync(realpathSync('/bin/true'), join(directory, tooLong));
    const script = 'a-script-of-more-than-15-characters';
    writeFileSync(join(directory, script), '#!/bin/sh\nexit 0\n', { mode: 0o755 });
    const collector = await open(TSC);
    // Through a link it is the file that it leads to.
    symlinkSync(name, join(directory, 'link'));
    for (const program of [name, 'link', script, tooLong]) execFileSync(join(directory, program));
    const { lifecycle } = (await collector.drain()).columns;
    await collector.close();
    const programs = [...lifecycle.kind].flatMap((kind, i) =>
      kind === LIFECYCLE.exec ? [[commAt(lifecycle.comm, i), lifecycle.program[i]]] : [],
    );
    const shell = basename(realpathSync('/bin/sh'));
    expect(programs).toEqual(
      expect.arrayContaining([
        [name.slice(0, 15), name],
        ['link', name],
        [script.slice(0, 15), shell],
        [tooLong.slice(0, 15), ''],
      ]),
    );
    expect(
      [...lifecycle.kind].some((kind, i) => kind !== LIFECYCLE.exec && lifecycle.program[i] !== ''),
    ).toBe(false);
  });

  it('closes twice and refuses to drain then', async () => {
    const collector = await open(TSC);
    await collector.close();
    await collector.close();
    await expect(collector.drain()).rejects.toMatchObject({ name: 'EnergyError', code: 'EBADF' });
  });
});
