// SPDX-License-Identifier: Apache-2.0
import { Ledger, type LedgerReader } from '../../src/ledger/ledger.ts';
import { DEFAULT_LIMITS } from '../../src/settings/table.ts';
import type { LedgerLimits } from '../../src/settings/types.ts';
import type { LedgerReading, SeriesReading } from '../../src/ledger/reading.ts';
import { sum } from '../../src/util/sum.ts';
import { type ProcessSpec, type SnapshotSpec, snapshotOf } from '../support/snapshots.ts';

/** A ledger whose intervals last a second, and a reader that receives what it collects. */
function machine(limits: Partial<LedgerLimits> = {}): {
  readonly ledger: Ledger;
  readonly reader: LedgerReader;
  readonly interval: (spec?: SnapshotSpec) => void;
  /** So many intervals, each of which a reader collects. */
  readonly live: (count: number, spec: SnapshotSpec, by?: LedgerReader) => void;
  readonly collect: (by?: LedgerReader) => LedgerReading;
} {
  let nowMs = 0;
  const ledger = new Ledger({ ...DEFAULT_LIMITS, ...limits }, () => nowMs);
  const reader = ledger.reader();
  return {
    ledger,
    reader,
    interval(spec = {}) {
      nowMs += 1000;
      ledger.add(snapshotOf(spec));
    },
    live(count, spec, by = reader) {
      for (let i = 0; i < count; i++) {
        nowMs += 1000;
        ledger.add(snapshotOf(spec));
        by.collect();
        by.received();
      }
    },
    collect(by = reader) {
      const reading = by.collect();
      by.received();
      return reading!;
    },
  };
}

/** Values by pid or executable, and container. */
function processes({ processes: series }: LedgerReading): Record<string, number> {
  const name = ({ owner: { pid, executable, containerId } }: LedgerReading['processes'][0]): string =>
    [pid ?? executable, ...(containerId === null ? [] : [containerId])].join(' ');
  return Object.fromEntries(series.filter(({ value }) => value > 0).map((one) => [name(one), one.value]));
}

function paths({ cgroups }: LedgerReading): Record<string, number> {
  return Object.fromEntries(cgroups.map(({ owner, value }) => [owner.path, value]));
}

const total = (series: readonly SeriesReading<unknown>[]): number => sum(series.map(({ value }) => value));

const many = (count: number, spec: (i: number) => ProcessSpec): ProcessSpec[] =>
  Array.from({ length: count }, (_, i) => spec(i));

describe('the ledger', () => {
  it('has nothing to show before the first interval', () => {
    expect(new Ledger(DEFAULT_LIMITS).reader().collect()).toBeUndefined();
  });

  it('adds intervals up, each series from when its counting began', () => {
    const { interval, collect } = machine();
    interval({ processes: [{ pid: 1, executable: 'sh', energy_j: 2 }] });
    interval({
      processes: [
        { pid: 1, executable: 'sh', energy_j: 3 },
        { pid: 2, executable: 'cc', energy_j: 1 },
      ],
    });
    const reading = collect();
    expect(processes(reading)).toEqual({ sh: 5, cc: 1 });
    expect(reading).toMatchObject({ nowMs: 2000, beforeMs: undefined, kind: 'measured', domain: 'cpu' });
    expect(reading.processes.find(({ owner }) => owner.executable === 'cc')?.sinceMs).toBe(1000);
    expect(total(reading.hardware)).toBe(total(reading.processes) + total(reading.unattributed));
    expect(total(reading.cgroups)).toBe(total(reading.processes));
  });

  it('has from the first interval what can only be 0 until something goes wrong', () => {
    const { interval, collect } = machine();
    interval();
    const { unattributed, processes: series, cgroups, self } = collect();
    expect(unattributed.map(({ owner }) => owner.reason)).toEqual(['idle', 'gap', 'lost']);
    expect(series.map(({ owner }) => owner.executable)).toEqual(['(other)', '(kernel)']);
    expect(cgroups.map(({ owner }) => owner.path)).toEqual(['(other)', '(unknown)']);
    expect(self.map(({ owner }) => owner)).toContain('lost');
  });

  it('keeps other domains beside what closes, and their sums while they cannot be read', () => {
    const { interval, collect } = machine();
    interval({ domains: [{ id: 'memory:0', type: 'memory', kind: 'measured', parent: null, counter_j: 4 }] });
    interval();
    const reading = collect();
    expect(reading.domains.map(({ owner, value }) => [owner.id, value])).toEqual([['memory:0', 4]]);
    expect(total(reading.hardware)).toBe(2);
  });

  it('leaves what a process used with its executable when it ends', () => {
    const { interval, collect } = machine();
    interval({ processes: [{ pid: 1, executable: 'make', energy_j: 2 }] });
    collect();
    interval({ processes: [{ pid: 1, executable: 'make', energy_j: 1, exited: true }] });
    interval({ processes: [{ pid: 2, executable: 'make', energy_j: 4 }] });
    expect(processes(collect())).toEqual({ make: 7 });
  });

  it('tells the executables of a container apart from the same elsewhere', () => {
    const { interval, collect } = machine();
    interval({
      processes: [
        { pid: 1, executable: 'nginx', energy_j: 2 },
        { pid: 2, executable: 'nginx', energy_j: 3, cgroup: '/docker/c', container_id: 'c' },
      ],
    });
    const reading = collect();
    expect(processes(reading)).toEqual({ nginx: 2, 'nginx c': 3 });
    expect(reading.containers.map(({ owner, value }) => [owner.containerId, value])).toContainEqual(['c', 3]);
  });

  it('takes kernel threads for one executable, whatever work they are named for', () => {
    const { interval, collect } = machine({ executables: 3 });
    const threads = many(112, (i) => ({
      pid: i + 1,
      executable: `kworker/${i}:1`,
      energy_j: 0.1,
      kernel: true,
    }));
    interval({ processes: [...threads, { pid: 500, executable: 'postgres', energy_j: 0.01 }] });
    const found = processes(collect());
    expect(found).toMatchObject({ postgres: 0.01 });
    expect(found['(kernel)']).toBeCloseTo(11.2);
  });

  it('counts what has lost its process into (other)', () => {
    const { interval, collect } = machine();
    interval({ processes: [{ energy_j: 3 }] });
    expect(processes(collect())).toEqual({ '(other)': 3 });
  });
});

describe('a process', () => {
  const at = (energy_j: number): SnapshotSpec => ({ processes: [{ pid: 1, executable: 'db', energy_j }] });

  it('has a series of its own from when it has lived for two exports on', () => {
    const { interval, collect } = machine();
    interval(at(1));
    collect();
    interval(at(1));
    collect();
    interval(at(1));
    // What it used before stays where it is.
    expect(processes(collect())).toEqual({ db: 3 });
    interval(at(4));
    expect(processes(collect())).toEqual({ db: 3, 1: 4 });
  });

  it('has none while nobody has collected twice, and none at all where the limit is 0', () => {
    for (const limits of [{}, { processes: 0 }]) {
      const { interval, live, collect } = machine(limits);
      for (let i = 0; i < 9; i++) interval(at(1));
      if ('processes' in limits) live(9, at(1));
      interval(at(1));
      expect(Object.keys(processes(collect()))).toEqual(['db']);
    }
  });

  it('waits for the reader that comes most rarely', () => {
    const { ledger, interval, live, collect } = machine();
    const rare = ledger.reader();
    interval(at(1));
    collect(rare);
    live(5, at(1));
    expect(Object.keys(processes(collect()))).toEqual(['db']);
    live(2, at(1), rare);
    interval(at(1));
    interval(at(1));
    expect(Object.keys(processes(collect()))).toEqual(['1', 'db']);
  });

  it('begins another series with another program, and leaves it when the pid is used again', () => {
    const { interval, live, collect } = machine();
    const as = (spec: Partial<ProcessSpec>): SnapshotSpec => ({
      processes: [{ pid: 1, energy_j: 1, ...spec }],
    });
    live(4, as({ executable: 'sh' }));
    expect(processes(collect())).toEqual({ sh: 3, 1: 1 });
    interval(as({ executable: 'cc' }));
    expect(processes(collect())).toEqual({ sh: 3, cc: 1, 1: 1 });
    // Its own series has been shown to the end.
    interval(as({ executable: 'ld', creation_time: '2026-01-01T00:00:09.000Z' }));
    expect(processes(collect())).toEqual({ sh: 3, cc: 1, ld: 1 });
  });

  it('is not ended by what an earlier one of its pid used last', () => {
    const { interval, live, collect } = machine();
    const running = { pid: 1, executable: 'new', energy_j: 1 };
    live(4, { processes: [running] });
    interval({
      processes: [
        { pid: 1, executable: 'old', creation_time: '2025-12-31T00:00:00.000Z', exited: true, energy_j: 1 },
      ],
    });
    interval({ processes: [running] });
    expect(processes(collect())).toEqual({ new: 3, old: 1, 1: 2 });
  });
});

describe('a series that has ended', () => {
  const IN_A: SnapshotSpec = { processes: [{ pid: 1, energy_j: 2, cgroup: '/a' }] };
  const gone = { cgroup: (path: string): boolean => path !== '/a' };

  it('is shown to each reader once more, and then gone', () => {
    const { ledger, interval, collect } = machine();
    const other = ledger.reader();
    interval(IN_A);
    interval();
    ledger.endRemoved(gone);
    expect(paths(collect())).toMatchObject({ '/a': 2 });
    expect(paths(collect())).not.toHaveProperty('/a');
    const { size } = ledger;
    expect(paths(collect(other))).toMatchObject({ '/a': 2 });
    interval();
    expect(ledger.size).toBe(size - 1);
  });

  it('is shown again where its last value did not arrive', () => {
    const { ledger, reader, interval, collect } = machine();
    interval(IN_A);
    interval();
    ledger.endRemoved(gone);
    reader.collect();
    expect(paths(collect())).toMatchObject({ '/a': 2 });
  });

  it('is kept for five minutes for a reader that does not come, and no longer', () => {
    const { ledger, interval, collect } = machine();
    interval(IN_A);
    collect();
    interval();
    ledger.endRemoved(gone);
    for (let second = 0; second < 300; second++) interval();
    expect(paths(collect())).toMatchObject({ '/a': 2 });
    const late = ledger.reader();
    interval(IN_A);
    interval();
    ledger.endRemoved(gone);
    for (let second = 0; second < 302; second++) interval();
    expect(paths(collect(late))).not.toHaveProperty('/a');
  });

  it('begins anew at 0 when its key comes back after that', () => {
    const { ledger, interval, collect } = machine();
    interval(IN_A);
    interval();
    ledger.endRemoved(gone);
    collect();
    interval(IN_A);
    const again = collect().cgroups.find(({ owner }) => owner.path === '/a');
    expect(again).toMatchObject({ value: 2, sinceMs: 2000, before: undefined });
  });

  it('goes on when its key comes back before that', () => {
    const { ledger, interval, collect } = machine();
    interval(IN_A);
    interval();
    ledger.endRemoved(gone);
    interval(IN_A);
    expect(collect().cgroups.find(({ owner }) => owner.path === '/a')).toMatchObject({
      value: 4,
      sinceMs: 0,
    });
  });

  it('is that of a container when the last of its cgroups is gone, and so its executables', () => {
    const { ledger, interval, collect } = machine();
    const inContainer = (path: string): ProcessSpec => ({
      pid: path.length,
      energy_j: 1,
      cgroup: path,
      container_id: 'c',
    });
    interval({ processes: [inContainer('/c/init'), inContainer('/c/a.service')] });
    interval();
    ledger.endRemoved({ cgroup: (path) => path !== '/c/init' });
    interval();
    collect();
    const ids = ({ containers }: LedgerReading): string[] => containers.map(({ owner }) => owner.containerId);
    expect(ids(collect())).toEqual(['(other)', 'c']);
    ledger.endRemoved({ cgroup: () => false });
    expect(processes(collect())).toEqual({ 'a c': 2 });
    expect(ids(collect())).toEqual(['(other)']);
    expect(processes(collect())).toEqual({});
  });

  it('is that of a container of other names, once these become known', () => {
    const { interval, collect } = machine();
    const spec = { processes: [{ pid: 1, energy_j: 1, cgroup: '/c', container_id: 'c' }] };
    interval(spec);
    interval({ ...spec, containers: { c: { container_runtime: 'docker' } } });
    const series = collect().containers.filter(({ owner }) => owner.containerId === 'c');
    expect(series.map(({ owner, value }) => [owner.runtime, value])).toEqual([
      [null, 1],
      ['docker', 1],
    ]);
  });
});

describe('the places', () => {
  const used = (names: readonly string[], joules: (i: number) => number): SnapshotSpec => ({
    processes: names.map((executable, i) => ({
      pid: i + 1,
      executable,
      energy_j: joules(i),
      cgroup: `/${executable}`,
    })),
  });
  const names = Array.from({ length: 9 }, (_, i) => `n${i}`);

  it('go to the largest, and the rest is in (other)', () => {
    const { ledger, interval, collect } = machine({ executables: 5, cgroups: 5 });
    interval(used(names, (i) => i + 1));
    const reading = collect();
    expect(processes(reading)).toEqual({ n8: 9, n7: 8, n6: 7, '(other)': 21 });
    expect(paths(reading)).toEqual({ '/n8': 9, '/n7': 8, '/n6': 7, '(other)': 21, '(unknown)': 0 });
    expect(ledger.size).toBe(23);
  });

  it('are kept for ten minutes, then taken by what uses more than twice as much', () => {
    const { interval, collect } = machine({ executables: 5 });
    interval(used(names.slice(0, 3), () => 10));
    const grown = { n3: 50, n4: 15 };
    const spec = used([...names.slice(0, 3), 'n3', 'n4'], (i) => [10, 10, 8, grown.n3, grown.n4][i]!);
    for (let second = 0; second < 595; second++) interval(spec);
    expect(Object.keys(processes(collect()))).toEqual(['(other)', 'n0', 'n1', 'n2']);
    for (let second = 0; second < 10; second++) interval(spec);
    collect();
    interval(spec);
    const after = processes(collect());
    // What it used before stays in (other).
    expect(after['n3']).toBeLessThanOrEqual(600);
    expect(Object.keys(after)).toEqual(['(other)', 'n0', 'n1', 'n3']);
  });

  it('change hands ten times at once and then every 30 s at most', () => {
    const { interval, collect } = machine({ executables: 102, processes: 0 });
    const group = (prefix: string): SnapshotSpec => ({
      processes: many(100, (i) => ({
        pid: i + 1,
        executable: `${prefix}${i}`,
        energy_j: prefix === 'a' ? 1 : 10,
      })),
    });
    interval(group('a'));
    for (let second = 0; second < 630; second++) interval(group('b'));
    const taken = collect().processes.filter(({ owner }) => owner.executable.startsWith('b'));
    expect(taken.length).toBeGreaterThanOrEqual(10);
    expect(taken.length).toBeLessThanOrEqual(12);
  });

  it('hold 100,000 short processes of 1,500 programs in 1,000 series, and every Joule', () => {
    const { ledger, interval, collect } = machine();
    for (let second = 0; second < 100; second++) {
      interval({
        processes: many(1000, (i) => ({
          pid: second * 1000 + i + 1,
          executable: `p${(second * 1000 + i) % 1500}`,
          energy_j: 0.25,
          exited: true,
        })),
      });
    }
    const reading = collect();
    expect(total(reading.processes)).toBe(25_000);
    expect(reading.processes.length).toBeLessThanOrEqual(1000);
    expect(ledger.size).toBeLessThan(1020);
  });
});

describe('a reader that shows what was before', () => {
  it('shows a new series as 0 first, and what it was when its end came twice', () => {
    const { ledger, interval, collect } = machine();
    const scraper = ledger.reader({ delayed: true });
    const before = (reading: LedgerReading): (number | undefined)[] =>
      reading.cgroups.filter(({ owner }) => owner.path === '/a').map((one) => one.before?.value);
    interval();
    collect(scraper);
    interval({ processes: [{ pid: 1, energy_j: 2, cgroup: '/a' }] });
    interval();
    ledger.endRemoved({ cgroup: () => false });
    expect(before(collect(scraper))).toEqual([undefined]);
    expect(before(collect(scraper))).toEqual([2]);
    expect(before(collect(scraper))).toEqual([]);
  });

  it('is waited for no more once it is closed', () => {
    const { ledger, interval, collect } = machine();
    const scraper = ledger.reader({ delayed: true });
    interval({ processes: [{ pid: 1, energy_j: 2, cgroup: '/a' }] });
    interval();
    ledger.endRemoved({ cgroup: () => false });
    collect();
    const size = ledger.size;
    interval();
    expect(ledger.size).toBe(size);
    scraper.close();
    interval();
    expect(ledger.size).toBe(size - 1);
  });
});
