// SPDX-License-Identifier: Apache-2.0
import { AggregationTemporality, type DataPoint, type ScopeMetrics } from '@opentelemetry/sdk-metrics';
import { Ledger } from '../../src/ledger/ledger.ts';
import { DEFAULT_LIMITS } from '../../src/settings/table.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import type { Mode } from '../../src/otel/points.ts';
import type { DeliverableProducer } from '../../src/otel/deliverable.ts';
import { createMetricProducer } from '../../src/otel/producer.ts';
import { WallClock } from '../../src/util/wall-clock.ts';
import { type SnapshotSpec, snapshotOf } from '../support/snapshots.ts';

const START = Date.UTC(2026, 0, 1);

interface Machine {
  readonly interval: (spec?: SnapshotSpec, change?: Partial<Snapshot>) => void;
  readonly producer: (mode: Mode) => DeliverableProducer;
  setClock: (ms: number) => void;
}

/** A ledger whose intervals last a second. */
function machine(): Machine {
  let nowMs = 0;
  let offsetMs = START;
  const ledger = new Ledger(DEFAULT_LIMITS, () => nowMs);
  const clock = new WallClock(
    () => nowMs + offsetMs,
    () => nowMs,
  );
  return {
    interval(spec = {}, change = {}) {
      nowMs += 1000;
      ledger.add({ ...snapshotOf(spec), ...change });
    },
    producer: (mode) =>
      createMetricProducer({ reader: ledger.reader({ delayed: mode === 'scrape' }), mode, clock }),
    setClock: (ms) => (offsetMs += ms),
  };
}

async function collect(producer: DeliverableProducer, arrives: boolean = true): Promise<ScopeMetrics[]> {
  const { scopeMetrics } = (await producer.collect()).resourceMetrics;
  if (arrives) producer.delivered({ scopeMetrics });
  return scopeMetrics;
}

function pointsOf(scopeMetrics: readonly ScopeMetrics[], metric: string): DataPoint<number>[] {
  const all = scopeMetrics.flatMap(({ metrics }) => metrics);
  return (all.find(({ descriptor }) => descriptor.name === metric)?.dataPoints ?? []) as DataPoint<number>[];
}

/** Points of `process.energy` that are not 0, as executable → Joules. */
function processesOf(scopeMetrics: readonly ScopeMetrics[]): Record<string, number> {
  const points = pointsOf(scopeMetrics, 'process.energy').filter(({ value }) => value > 0);
  return Object.fromEntries(
    points.map(({ attributes, value }) => [attributes['process.executable.name'], value]),
  );
}

const time = (second: number): [number, number] => [START / 1000 + second, 0];
const using = (executable: string, energy_j: number): SnapshotSpec => ({
  processes: [{ pid: 1, executable, energy_j }],
});

describe('the metrics', () => {
  it('are growing cumulative sums with a unit and a description', async () => {
    const { interval, producer } = machine();
    interval();
    const [{ scope, metrics } = { metrics: [] }] = await collect(producer('push'));
    expect(scope).toEqual({
      name: 'otel-ebpf-energy',
      version: require('../../package.json').version,
      schemaUrl: expect.stringMatching(/^https:\/\/opentelemetry\.io\/schemas\//),
    });
    expect(metrics.map(({ descriptor }) => [descriptor.name, descriptor.unit])).toEqual([
      ['hw.energy', 'J'],
      ['process.energy', 'J'],
      ['container.energy', 'J'],
      ['cgroup.energy', 'J'],
      ['energy.unattributed', 'J'],
      ['energy.agent.switches', '{switch}'],
      ['energy.agent.lost', '{event}'],
      ['energy.agent.skipped', '{interval}'],
      ['energy.agent.rebinds', '{rebind}'],
      ['energy.agent.gaps', '{gap}'],
      ['energy.agent.resets', '{reset}'],
      ['energy.agent.wraps', '{wrap}'],
      ['energy.agent.cpu.time', 's'],
      ['energy.agent.energy', 'J'],
    ]);
    for (const one of metrics) {
      expect(one).toMatchObject({
        isMonotonic: true,
        aggregationTemporality: AggregationTemporality.CUMULATIVE,
      });
      expect(one.descriptor.description).not.toBe('');
    }
  });

  it('say on every energy point how far it can be trusted', async () => {
    for (const kind of ['measured', 'apportioned', 'estimated'] as const) {
      const { interval, producer } = machine();
      const { source } = snapshotOf();
      interval(using('a', 1), { source: { ...source, kind } });
      const energy = (await collect(producer('push')))[0]!.metrics.filter(
        ({ descriptor }) => descriptor.unit === 'J',
      );
      const kinds = energy.flatMap((one) =>
        one.dataPoints.map((point) => point.attributes['energy.source.kind']),
      );
      expect(new Set(kinds)).toEqual(new Set([kind]));
    }
  });

  it('name executables, the few large processes, cgroups, containers and reasons', async () => {
    const { interval, producer } = machine();
    const common = { 'hw.type': 'cpu', 'energy.source.kind': 'measured' };
    const spec: SnapshotSpec = {
      processes: [
        { pid: 7, executable: 'java', cgroup: '/docker/c0ffee', container_id: 'c0ffee', energy_j: 3 },
      ],
      containers: { c0ffee: { container_runtime: 'docker', pod_uid: 'b33f' } },
    };
    const pushed = producer('push');
    for (let i = 0; i < 3; i++) {
      interval(spec);
      await collect(pushed);
    }
    interval(spec);
    const now = await collect(pushed);
    const attributes = (metric: string): unknown[] => pointsOf(now, metric).map((point) => point.attributes);
    const java = { 'process.executable.name': 'java', 'container.id': 'c0ffee', ...common };
    expect(attributes('process.energy')).toEqual([
      { 'process.pid': 7, 'process.creation.time': '2026-01-01T00:00:00.000Z', ...java },
      { 'process.executable.name': '(other)', ...common },
      { 'process.executable.name': '(kernel)', ...common },
      java,
    ]);
    expect(attributes('hw.energy')).toEqual([{ 'hw.id': 'core:0:0', 'hw.name': 'core 0:0', ...common }]);
    expect(attributes('container.energy')).toContainEqual({
      'container.id': 'c0ffee',
      'container.runtime.name': 'docker',
      'k8s.pod.uid': 'b33f',
      ...common,
    });
    expect(attributes('cgroup.energy')).toContainEqual({ 'cgroup.path': '/docker/c0ffee', ...common });
    expect(attributes('energy.unattributed')).toContainEqual({
      'hw.id': 'core:0:0',
      'energy.reason': 'gap',
      ...common,
    });
  });

  it('say where an estimate is of a whole server', async () => {
    const { source } = snapshotOf();
    for (const [covers, expected] of [
      ['server', 'server'],
      ['cpu', undefined],
    ] as const) {
      const { interval, producer } = machine();
      const estimate = { reference: 'a table', covers, digits: 2 };
      interval(using('a', 1), { source: { ...source, kind: 'estimated', estimate } });
      const points = pointsOf(await collect(producer('scrape')), 'process.energy');
      const said = new Set(points.map(({ attributes }) => attributes['energy.source.covers']));
      expect([...said]).toEqual([expected]);
    }
  });

  it('keep what is no part of the CPUs under its own type, and the whole machine apart', async () => {
    const { interval, producer } = machine();
    interval({
      domains: [
        { id: 'memory:0', type: 'memory', kind: 'measured', parent: null, counter_j: 2 },
        { id: 'gpu:0', type: 'gpu', kind: 'measured', parent: 'package:0', counter_j: 1 },
        { id: 'host:0', type: 'host', kind: 'measured', parent: null, counter_j: 50 },
      ],
    });
    const now = await collect(producer('scrape'));
    const named = (id: string, name: string): object => ({
      'hw.id': id,
      'hw.name': name,
      'energy.source.kind': 'measured',
    });
    expect(
      pointsOf(now, 'hw.energy')
        .slice(1)
        .map(({ attributes }) => attributes),
    ).toEqual([
      { ...named('memory:0', 'memory 0'), 'hw.type': 'memory' },
      { ...named('gpu:0', 'gpu 0'), 'hw.parent': 'package:0', 'hw.type': 'gpu' },
    ]);
    expect(pointsOf(now, 'hw.host.energy')).toEqual([
      expect.objectContaining({ attributes: named('host:0', 'host 0'), value: 50 }),
    ]);
  });

  it('are none before the first interval', async () => {
    expect(await machine().producer('push').collect()).toMatchObject({
      resourceMetrics: { scopeMetrics: [] },
      errors: [],
    });
  });
});

describe('what is scraped', () => {
  it('is as it was at the scrape before, and a new series is 0', async () => {
    const { interval, producer } = machine();
    const page = producer('scrape');
    interval(using('a', 5));
    expect(processesOf(await collect(page))).toEqual({ a: 5 });
    interval({ processes: [...using('a', 2).processes!, { pid: 2, executable: 'b', energy_j: 3 }] });
    const second = await collect(page);
    expect(processesOf(second)).toEqual({ a: 5 });
    const b = pointsOf(second, 'process.energy').find(
      (point) => point.attributes['process.executable.name'] === 'b',
    );
    expect(b).toMatchObject({ value: 0 });
    interval();
    expect(processesOf(await collect(page))).toEqual({ a: 7, b: 3 });
  });
});

describe('what is pushed', () => {
  it('is up to now, and a new series begins with a point of 0', async () => {
    const { interval, producer } = machine();
    const pushed = producer('push');
    interval(using('a', 5));
    await collect(pushed);
    interval(using('b', 3));
    const points = pointsOf(await collect(pushed), 'process.energy').filter(
      ({ attributes }) => attributes['process.executable.name'] === 'b',
    );
    expect(points).toMatchObject([
      { value: 0, startTime: time(1), endTime: [START / 1000 + 1, 1_000_000] },
      { value: 3, startTime: time(1), endTime: time(2) },
    ]);
    interval();
    expect(processesOf(await collect(pushed))).toEqual({ a: 5, b: 3 });
  });

  it('begins with 0 again as long as it has not arrived', async () => {
    const { interval, producer } = machine();
    const pushed = producer('push');
    const values = async (arrives: boolean): Promise<number[]> =>
      pointsOf(await collect(pushed, arrives), 'process.energy')
        .filter(({ attributes }) => attributes['process.executable.name'] === 'a')
        .map(({ value }) => value);
    interval(using('a', 5));
    expect(await values(false)).toEqual([0, 5]);
    interval(using('a', 5));
    expect(await values(true)).toEqual([0, 10]);
    expect(await values(true)).toEqual([10]);
  });
});

describe('differences', () => {
  it('are what every sum grew by since the collection before', async () => {
    const { interval, producer } = machine();
    const deltas = producer('delta');
    interval(using('a', 5));
    expect(processesOf(await collect(deltas))).toEqual({ a: 5 });
    interval(using('a', 2));
    const [{ metrics } = { metrics: [] }] = await collect(deltas);
    for (const one of metrics) {
      expect(one.aggregationTemporality).toBe(AggregationTemporality.DELTA);
      for (const { startTime, endTime } of one.dataPoints)
        expect([startTime, endTime]).toEqual([time(1), time(2)]);
    }
    const growth = metrics.map((one) => [
      one.descriptor.name,
      (one.dataPoints.at(-1) as DataPoint<number>).value,
    ]);
    expect(Object.fromEntries(growth)).toMatchObject({ 'process.energy': 2, 'energy.agent.switches': 100 });
  });

  it('hold again what has not arrived, and that alone', async () => {
    const { interval, producer } = machine();
    const deltas = producer('delta');
    const both = (a: number, b: number): SnapshotSpec => ({
      processes: [
        { pid: 1, executable: 'a', energy_j: a },
        { pid: 2, executable: 'b', energy_j: b },
      ],
    });
    interval(both(5, 1));
    const first = await collect(deltas, false);
    const ofA = (point: DataPoint<number>): boolean => point.attributes['process.executable.name'] === 'a';
    deltas.delivered({
      scopeMetrics: first.map(({ scope, metrics }) => ({
        scope,
        metrics: metrics.map((one) => ({
          ...one,
          dataPoints: (one.dataPoints as DataPoint<number>[]).filter(ofA),
        })),
      })) as ScopeMetrics[],
    });
    interval(both(2, 3));
    expect(processesOf(await collect(deltas))).toEqual({ a: 2, b: 4 });
  });

  it('are none while the ledger stands still', async () => {
    const { interval, producer } = machine();
    const deltas = producer('delta');
    interval(using('a', 5));
    await collect(deltas);
    expect(await collect(deltas)).toEqual([]);
  });

  it('go on through a clock that is set back by a day, and begin before they end', async () => {
    const { interval, producer, setClock } = machine();
    const deltas = producer('delta');
    interval(using('a', 5));
    await collect(deltas);
    setClock(-86_400_000);
    interval(using('a', 2));
    const point = pointsOf(await collect(deltas), 'process.energy').find(({ value }) => value > 0);
    expect(point).toMatchObject({ value: 2, startTime: time(1 - 86_400), endTime: time(2 - 86_400) });
  });
});
