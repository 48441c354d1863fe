// SPDX-License-Identifier: Apache-2.0
import { Ledger, type LedgerReading } from '../../src/ledger/ledger.ts';
import {
  OTHER,
  type ProcessUsage,
  REMOVED,
  SNAPSHOT_SCHEMA,
  type Snapshot,
} from '../../src/model/snapshot.ts';

const START = Date.parse('2026-01-01T00:00:00Z');

interface Spec {
  readonly second: number;
  readonly processes: (Partial<ProcessUsage> & { pid: number | null; energy_j: number })[];
  readonly idle?: number;
  readonly gap?: number;
}

/** A snapshot that closes, of one zone; each process is in the cgroup it names. */
function snapshotOf({ second, processes, idle = 1, gap = 0 }: Spec): Snapshot {
  const full = processes.map((process): ProcessUsage => {
    const named = process.pid === null ? null : '2026-01-01T00:00:00.000Z';
    return {
      creation_time: named,
      executable: process.pid === null ? OTHER : 'a',
      cgroup: '/',
      container_id: null,
      energy_err_j: null,
      power_w: 0,
      cpu_time_s: 0,
      exited: false,
      ...process,
    };
  });
  const process_j = full.reduce((sum, process) => sum + process.energy_j, 0);
  const paths = [...new Set(full.map((process) => process.cgroup ?? '/'))];
  const counter_j = process_j + idle + gap;
  return {
    schema: SNAPSHOT_SCHEMA,
    time: new Date(START + second * 1000).toISOString(),
    interval_s: 1,
    source: { name: 'power_core', kind: 'measured', scope: 'core', domain: 'cpu' },
    totals: { counter_j, process_j, idle_j: idle, unattributed_j: gap },
    unattributed: { gap_j: gap, lost_j: 0, shared_j: 0 },
    zones: [{ id: 'core:0:0', parent: null, counter_j, idle_j: idle, gap_j: gap, lost_j: 0, shared_j: 0 }],
    domains: [],
    cores: [],
    processes: full,
    cgroups: paths.map((path) => ({
      id: path,
      path,
      container_id: path.startsWith('/docker/') ? path.slice(8) : null,
      container_runtime: 'docker',
      pod_uid: null,
      unit: null,
      energy_j: full
        .filter((one) => (one.cgroup ?? '/') === path)
        .reduce((sum, one) => sum + one.energy_j, 0),
      power_w: 0,
      cpu_time_s: 0,
    })),
    self: {
      energy_j: 0.1,
      cpu_time_s: 0.01,
      switches: 100,
      lost: 0,
      rebinds: 0,
      gaps: 0,
      resets: 0,
      wraps: 0,
      series: 0,
    },
  };
}

const joules = (series: readonly { joules: number }[]): number =>
  series.reduce((sum, one) => sum + one.joules, 0);

function expectClosed(reading: LedgerReading | undefined): asserts reading is LedgerReading {
  if (!reading) throw new Error('no reading');
  expect(joules(reading.processes) + joules(reading.unattributed)).toBeCloseTo(joules(reading.hardware), 9);
  expect(joules(reading.cgroups)).toBeCloseTo(joules(reading.processes), 9);
}

function byExecutable(reading: LedgerReading, executable: string): number {
  return joules(reading.processes.filter((series) => series.executable === executable));
}

describe('the ledger', () => {
  it('has nothing to show before the first interval', () => {
    expect(new Ledger().reader()()).toBeUndefined();
  });

  it('adds intervals up and starts each series when its counting began', () => {
    const ledger = new Ledger();
    const read = ledger.reader();
    ledger.add(snapshotOf({ second: 1, processes: [{ pid: 1, energy_j: 2 }] }));
    ledger.add(
      snapshotOf({
        second: 2,
        processes: [
          { pid: 1, energy_j: 3 },
          { pid: 2, energy_j: 4 },
        ],
        gap: 1,
      }),
    );
    const reading = read();
    expectClosed(reading);
    expect(reading.processes.map(({ pid, joules: j, since }) => [pid, j, since - START])).toEqual([
      [1, 5, 0],
      [2, 4, 1000],
    ]);
    expect(reading.unattributed.map(({ reason, joules: j }) => [reason, j])).toEqual([
      ['idle', 2],
      ['gap', 1],
    ]);
    expect(reading.self).toMatchObject({ switches: 200, joules: 0.2 });
  });

  it('keeps other domains beside what closes, and their sums while they cannot be read', () => {
    const ledger = new Ledger();
    const read = ledger.reader();
    const memory = { id: 'memory:0', type: 'memory', parent: null } as const;
    const plain = (second: number): Snapshot => snapshotOf({ second, processes: [{ pid: 1, energy_j: 2 }] });
    ledger.add(plain(1));
    ledger.add({ ...plain(2), domains: [{ ...memory, counter_j: 5 }] });
    ledger.add(plain(3));
    const reading = read();
    expectClosed(reading);
    expect(joules(reading.hardware)).toBe(9);
    expect(reading.domains).toEqual([{ ...memory, joules: 5, since: START + 1000 }]);
  });

  it('shows an ended process once to each reader, then moves its Joules to its executable', () => {
    const ledger = new Ledger();
    const first = ledger.reader();
    const second = ledger.reader();
    ledger.add(snapshotOf({ second: 1, processes: [{ pid: 1, energy_j: 2, exited: true }] }));
    expect(first()?.processes).toMatchObject([{ pid: 1, joules: 2 }]);
    ledger.add(snapshotOf({ second: 2, processes: [] }));
    expect(second()?.processes).toMatchObject([{ pid: 1, joules: 2 }]);
    ledger.add(snapshotOf({ second: 3, processes: [] }));
    const reading = first();
    expectClosed(reading);
    expect(reading.processes).toMatchObject([{ pid: null, executable: 'a', joules: 2 }]);
  });

  it('never lets the sum of an executable fall, through ends, execs and reused pids', () => {
    const ledger = new Ledger({ processes: 20, executables: 10 });
    const read = ledger.reader();
    const sums = new Map<string, number>();
    let seed = 7;
    const random = (below: number): number => (seed = (seed * 1103515245 + 12345) % 2 ** 31) % below;
    for (let second = 1; second < 300; second++) {
      const processes = Array.from({ length: random(30) }, (_, i) => ({
        pid: 100 + i,
        creation_time: new Date(START + random(5) * 1000).toISOString(),
        executable: `exe${random(6)}`,
        energy_j: random(100) / 10,
        exited: random(3) === 0,
      }));
      ledger.add(snapshotOf({ second, processes }));
      const reading = read();
      expectClosed(reading);
      for (const executable of [...Array(6).keys()].map((i) => `exe${i}`)) {
        const sum = byExecutable(reading, executable);
        expect(sum).toBeGreaterThanOrEqual((sums.get(executable) ?? 0) - 1e-9);
        sums.set(executable, sum);
      }
      expect(reading.processes.filter(({ pid }) => pid !== null).length).toBeLessThanOrEqual(20);
      expect(reading.processes.filter(({ pid }) => pid === null).length).toBeLessThanOrEqual(10);
    }
  });

  it('puts what has no room into (other) and stays exact', () => {
    const ledger = new Ledger({ processes: 3, executables: 4, cgroups: 4 });
    const read = ledger.reader();
    const processes = Array.from({ length: 10 }, (_, i) => ({
      pid: i + 1,
      executable: `exe${i}`,
      cgroup: `/g${i}`,
      energy_j: 1,
    }));
    ledger.add(snapshotOf({ second: 1, processes }));
    ledger.add(snapshotOf({ second: 2, processes: processes.map((one) => ({ ...one, exited: true })) }));
    ledger.add(snapshotOf({ second: 3, processes }));
    const reading = read();
    expectClosed(reading);
    expect(reading.cgroups.find(({ path }) => path === OTHER)?.joules).toBe(24);
    expect(reading.processes.some(({ executable }) => executable === OTHER)).toBe(true);
  });

  it('gives the places to those that use most, and not to and fro', () => {
    const ledger = new Ledger({ processes: 10 });
    const read = ledger.reader();
    const pids = (): (number | null)[] =>
      read()!
        .processes.map(({ pid }) => pid)
        .filter((pid) => pid !== null);
    const load = (pid: number, energy_j: number): { pid: number; energy_j: number } => ({ pid, energy_j });
    const small = Array.from({ length: 10 }, (_, i) => load(i + 1, 1));
    for (let second = 1; second <= 70; second++) ledger.add(snapshotOf({ second, processes: small }));
    expect(pids()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    // One that uses a little more does not take a place, one that uses much more does, at once.
    ledger.add(snapshotOf({ second: 71, processes: [...small, load(50, 1.5)] }));
    expect(pids()).not.toContain(50);
    ledger.add(snapshotOf({ second: 72, processes: [...small, load(51, 3)] }));
    expect(pids()).toContain(51);
    // And who lost it does not come back by using the same as before.
    const before = pids();
    for (let second = 73; second <= 100; second++) {
      ledger.add(snapshotOf({ second, processes: [...small, load(51, 3)] }));
    }
    expect(pids()).toEqual(before);
    expectClosed(read());
  });

  it('counts 100,000 processes in 100 series exactly, and no executable ever falls', () => {
    const ledger = new Ledger({ processes: 100 });
    const read = ledger.reader();
    const sums = new Map<string, number>();
    let pid = 0;
    let total = 0;
    for (let second = 1; second <= 600; second++) {
      const processes = Array.from({ length: 167 }, () => ({
        pid: ++pid,
        executable: `exe${pid % 40}`,
        energy_j: (pid % 7) + 1,
        exited: pid % 5 !== 0,
      }));
      total += joules(processes.map(({ energy_j }) => ({ joules: energy_j })));
      ledger.add(snapshotOf({ second, processes }));
      if (second % 10 !== 0) continue;
      const reading = read();
      expectClosed(reading);
      expect(joules(reading.processes)).toBeCloseTo(total, 6);
      expect(reading.processes.filter((series) => series.pid !== null).length).toBeLessThanOrEqual(100);
      const now = new Map<string, number>();
      for (const series of reading.processes) {
        now.set(series.executable, (now.get(series.executable) ?? 0) + series.joules);
      }
      for (const [executable, sum] of sums) expect(now.get(executable)).toBeGreaterThanOrEqual(sum - 1e-6);
      for (const [executable, sum] of now) sums.set(executable, sum);
    }
    expect(pid).toBeGreaterThan(100_000);
    expect(sums.size).toBe(40);
  });

  it('shows a removed cgroup and its container once to each reader, then moves their Joules to (removed)', () => {
    const ledger = new Ledger();
    const read = ledger.reader();
    ledger.add(snapshotOf({ second: 1, processes: [{ pid: 1, energy_j: 2, cgroup: '/docker/abc' }] }));
    ledger.endRemovedCgroups(() => false);
    ledger.add(snapshotOf({ second: 2, processes: [{ pid: 2, energy_j: 1 }] }));
    expect(read()?.containers).toMatchObject([{ containerId: 'abc', joules: 2 }]);
    ledger.endRemovedCgroups((path) => path !== '/docker/abc');
    expect(read()?.cgroups).toMatchObject([{ path: '/docker/abc', joules: 2 }, { path: '/' }]);
    ledger.add(snapshotOf({ second: 3, processes: [] }));
    const reading = read();
    expectClosed(reading);
    expect(reading.cgroups).toMatchObject([
      { path: '/', joules: 1 },
      { path: REMOVED, joules: 2 },
    ]);
    expect(reading.containers).toMatchObject([{ containerId: REMOVED, joules: 2 }]);
  });

  it('takes the names of a container when they become known', () => {
    const ledger = new Ledger();
    const read = ledger.reader();
    const first = snapshotOf({ second: 1, processes: [{ pid: 1, energy_j: 2, cgroup: '/docker/abc' }] });
    ledger.add(first);
    expect(read()?.containers).toMatchObject([{ containerId: 'abc', names: {}, joules: 2 }]);
    const second = snapshotOf({ second: 2, processes: [{ pid: 1, energy_j: 1, cgroup: '/docker/abc' }] });
    const names = { 'container.name': 'web' };
    ledger.add({ ...second, cgroups: second.cgroups.map((cgroup) => ({ ...cgroup, names })) });
    expect(read()?.containers).toMatchObject([{ containerId: 'abc', names, joules: 3, since: START }]);
  });

  it('holds its limits exactly, (other) and (removed) included', () => {
    const limits = { processes: 10, executables: 8, cgroups: 6, containers: 5 };
    const ledger = new Ledger(limits);
    const read = ledger.reader();
    for (let second = 1; second <= 5; second++) {
      const processes = Array.from({ length: 40 }, (_, i) => ({
        pid: second * 100 + i,
        executable: `exe${i}`,
        cgroup: `/docker/${second}-${i}`,
        energy_j: 1,
        exited: i % 3 === 0,
      }));
      ledger.add(snapshotOf({ second, processes }));
      ledger.endRemovedCgroups((path) => path.endsWith('0'));
    }
    const reading = read();
    expectClosed(reading);
    expect(reading.processes.filter(({ pid }) => pid !== null)).toHaveLength(limits.processes);
    expect(reading.processes.filter(({ pid }) => pid === null)).toHaveLength(limits.executables);
    for (const kind of ['cgroups', 'containers'] as const) expect(reading[kind]).toHaveLength(limits[kind]);
    expect(reading.cgroups.map(({ path }) => path)).toEqual(expect.arrayContaining([OTHER, REMOVED]));
  });

  it('counts a row without a pid into (other)', () => {
    const ledger = new Ledger();
    const read = ledger.reader();
    ledger.add(snapshotOf({ second: 1, processes: [{ pid: null, energy_j: 2 }] }));
    const reading = read();
    expectClosed(reading);
    expect(reading.processes).toMatchObject([{ pid: null, executable: OTHER, joules: 2 }]);
  });
});
