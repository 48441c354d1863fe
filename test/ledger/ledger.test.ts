// SPDX-License-Identifier: Apache-2.0
import { Ledger } from '../../src/ledger/ledger.ts';
import type { LedgerReading } from '../../src/ledger/reading.ts';
import { DEFAULT_LIMITS } from '../../src/settings/table.ts';
import { machine, paths, processes, total } from '../support/ledgers.ts';
import { type ProcessSpec, type SnapshotSpec, snapshotOf } from '../support/snapshots.ts';

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

  it('has a part that is shared where something is', () => {
    const { ledger, collect } = machine();
    const snapshot = snapshotOf();
    ledger.add({ ...snapshot, zones: snapshot.zones.map((zone) => ({ ...zone, shared_j: 3 })) });
    const values = collect().unattributed.map(({ owner, value }) => [owner.reason, value]);
    expect(values).toContainEqual(['shared', 3]);
  });

  it('takes nothing that a reader receives before it has collected anything', () => {
    const { reader, interval, collect } = machine();
    reader.received();
    interval();
    expect(collect().beforeMs).toBeUndefined();
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

  it('tells the executables of containers apart', () => {
    const { interval, collect } = machine();
    const inContainer = (id: string): ProcessSpec => ({
      pid: id.length,
      executable: 'nginx',
      energy_j: id.length,
      cgroup: `/${id}`,
      container_id: id,
    });
    interval({ processes: [inContainer('c'), inContainer('dd')] });
    expect(processes(collect())).toEqual({ 'nginx c': 1, 'nginx dd': 2 });
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

  it('is none that was charged in the last interval, though its cgroup is gone by now', () => {
    const { ledger, interval, collect } = machine();
    interval(IN_A);
    ledger.endRemoved(gone);
    collect();
    expect(paths(collect())).toMatchObject({ '/a': 2 });
    interval();
    ledger.endRemoved(gone);
    collect();
    expect(paths(collect())).not.toHaveProperty('/a');
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
    const ids = ({ containers }: LedgerReading): unknown[] =>
      containers.map(({ owner }) => owner.containerId);
    const { containers } = collect();
    expect(containers.map(({ owner, value }) => [owner.containerId, value])).toEqual([
      ['(other)', 0],
      ['c', 2],
    ]);
    ledger.endRemoved({ cgroup: () => false });
    expect(processes(collect())).toEqual({ 'a c': 2 });
    expect(ids(collect())).toEqual(['(other)']);
    expect(processes(collect())).toEqual({});
  });

  it('is that of a pod where no container is known, unless a user only calls a cgroup so', () => {
    const { ledger, interval, collect } = machine();
    const charged = ['/kubepods/podu', '/kubepods/podu/shim', '/user.slice/user-1.slice/user@1.service/podu'];
    interval({
      processes: charged.map((cgroup, i) => ({ pid: 7 + i, energy_j: 1, cgroup })),
      containers: { '': { pod_uid: 'u', names: { k8sPod: 'p' } } },
    });
    const podOf = ({ containers }: LedgerReading): unknown[] =>
      containers
        .filter(({ owner }) => owner.podUid !== null)
        .map(({ owner: { containerId, names }, value }) => [containerId, names, value]);
    expect(podOf(collect())).toEqual([[null, { k8sPod: 'p' }, 2]]);
    interval();
    ledger.endRemoved({ cgroup: (path) => path !== '/kubepods/podu' });
    collect();
    expect(podOf(collect())).toHaveLength(1);
    ledger.endRemoved({ cgroup: () => false });
    collect();
    expect(podOf(collect())).toEqual([]);
  });

  it.each([
    ['a container', { executables: 2 }],
    ["a container's executable", { containers: 1 }],
  ])('is that of %s, however often it was there when it was asked for', (_what, limits) => {
    const { ledger, interval, collect } = machine(limits);
    const inContainer = { pid: 1, executable: 'db', energy_j: 1, cgroup: '/c', container_id: 'c' };
    interval({ processes: [inContainer] });
    interval();
    ledger.endRemoved({ cgroup: () => true });
    ledger.endRemoved({ cgroup: () => true });
    ledger.endRemoved({ cgroup: () => false });
    collect();
    const { processes: series, containers } = collect();
    expect([...series, ...containers].filter(({ owner }) => owner.containerId === 'c')).toEqual([]);
  });

  it('is shown to the end where it was charged and ended between a collection and its arrival', () => {
    const { ledger, reader, interval, collect } = machine();
    interval(IN_A);
    reader.collect();
    interval(IN_A);
    interval();
    ledger.endRemoved(gone);
    reader.received();
    expect(paths(collect())).toMatchObject({ '/a': 4 });
    expect(paths(collect())).not.toHaveProperty('/a');
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
    expect(ledger.size).toBe(24);
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
