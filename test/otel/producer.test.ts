// SPDX-License-Identifier: Apache-2.0
import {
  AggregationTemporality,
  type DataPoint,
  type ResourceMetrics,
  type SumMetricData,
} from '@opentelemetry/sdk-metrics';
import type { LedgerReading, ProcessSeries } from '../../src/ledger/ledger.ts';
import { createDeltaProducer, type DeltaProducer } from '../../src/otel/delta.ts';
import { createMetricProducer, toScopeMetrics } from '../../src/otel/producer.ts';

const START = Date.UTC(2026, 0, 1);

function series(pid: number | null, executable: string, joules: number, since = START): ProcessSeries {
  const creationTime = pid === null ? null : '2026-01-01T00:00:00.000Z';
  return { pid, creationTime, executable, containerId: null, joules, since };
}

function reading(change: Partial<LedgerReading> = {}): LedgerReading {
  return {
    kind: 'measured',
    domain: 'cpu',
    time: START + 1000,
    hardware: [{ id: 'core:0:3', parent: null, joules: 12.5, since: START }],
    domains: [],
    processes: [series(42, 'node', 9), series(null, 'sh', 0.5)],
    cgroups: [{ path: '/system.slice', joules: 9.5, since: START }],
    containers: [],
    unattributed: [{ hardwareId: 'core:0:3', reason: 'idle', joules: 3, since: START }],
    self: {
      since: START,
      switches: 7,
      lost: 0,
      incidents: { rebinds: 1, gaps: 2, resets: 3, wraps: 4 },
      cpuTimeSeconds: 0.25,
      joules: 0.125,
    },
    ...change,
  };
}

function metric(of: LedgerReading, name: string): SumMetricData | undefined {
  return toScopeMetrics(of).metrics.find((one) => one.descriptor.name === name);
}

function attributes(of: LedgerReading, name: string): object[] {
  return (metric(of, name)?.dataPoints ?? []).map((point) => point.attributes);
}

/** Points of `process.energy` as `pid executable` → Joules. */
function processesOf({ scopeMetrics }: ResourceMetrics): Record<string, number> {
  const found = scopeMetrics[0]?.metrics.find((one) => one.descriptor.name === 'process.energy');
  const points = (found?.dataPoints ?? []) as DataPoint<number>[];
  return Object.fromEntries(
    points.map(({ attributes: a, value }) => [
      `${String(a['process.pid'] ?? '-')} ${String(a['process.executable.name'])}`,
      value,
    ]),
  );
}

describe('the metrics of a reading', () => {
  it('are growing cumulative sums with a unit and a description', () => {
    const { scope, metrics } = toScopeMetrics(reading());
    expect(scope).toEqual({
      name: 'otel-ebpf-energy',
      version: require('../../package.json').version,
      schemaUrl: expect.stringMatching(/^https:\/\/opentelemetry\.io\/schemas\//),
    });
    expect(metrics.map(({ descriptor }) => [descriptor.name, descriptor.unit])).toEqual([
      ['hw.energy', 'J'],
      ['process.energy', 'J'],
      ['cgroup.energy', 'J'],
      ['energy.unattributed', 'J'],
      ['energy.agent.switches', '{switch}'],
      ['energy.agent.lost', '{event}'],
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

  it('say on every energy point how far it can be trusted', () => {
    for (const kind of ['measured', 'apportioned', 'estimated'] as const) {
      const energy = toScopeMetrics(reading({ kind })).metrics.filter((one) => one.descriptor.unit === 'J');
      const kinds = energy.flatMap((one) =>
        one.dataPoints.map((point) => point.attributes['energy.source.kind']),
      );
      expect(kinds).toEqual([kind, kind, kind, kind, kind, kind]);
    }
  });

  it('name a process by pid and creation time, and ended ones by executable alone', () => {
    const common = { 'hw.type': 'cpu', 'energy.source.kind': 'measured' };
    const contained = { ...series(7, 'java', 1), containerId: 'c0ffee' };
    expect(attributes(reading({ processes: [contained, series(null, 'sh', 1)] }), 'process.energy')).toEqual([
      {
        'process.pid': 7,
        'process.creation.time': '2026-01-01T00:00:00.000Z',
        'process.executable.name': 'java',
        'container.id': 'c0ffee',
        ...common,
      },
      { 'process.executable.name': 'sh', ...common },
    ]);
  });

  it('name counters, cgroups, containers and reasons', () => {
    const common = { 'hw.type': 'cpu', 'energy.source.kind': 'measured' };
    const names = { 'container.name': 'web', 'container.image.tags': ['1.25'] };
    const known = { containerId: 'c0ffee', runtime: 'docker', podUid: 'b33f', joules: 1, since: START };
    const unknown = { ...known, containerId: 'decaf', runtime: null, podUid: null };
    const full = reading({
      containers: [
        { ...known, names },
        { ...unknown, names: {} },
      ],
    });
    expect(attributes(full, 'hw.energy')).toEqual([
      { 'hw.id': 'core:0:3', 'hw.name': 'core 0:3', ...common },
    ]);
    expect(attributes(full, 'container.energy')).toEqual([
      {
        'container.id': 'c0ffee',
        'container.runtime.name': 'docker',
        'k8s.pod.uid': 'b33f',
        ...names,
        ...common,
      },
      { 'container.id': 'decaf', ...common },
    ]);
    expect(attributes(full, 'cgroup.energy')).toEqual([{ 'cgroup.path': '/system.slice', ...common }]);
    expect(attributes(full, 'energy.unattributed')).toEqual([
      { 'hw.id': 'core:0:3', 'energy.reason': 'idle', ...common },
    ]);
  });

  it('keep what is no part of the CPUs under its own type, and the whole machine apart', () => {
    const full = reading({
      hardware: [{ id: 'shared:0', parent: 'package:0', joules: 4, since: START }],
      domains: [
        { id: 'memory:0', type: 'memory', parent: null, joules: 2, since: START },
        { id: 'gpu:0', type: 'gpu', parent: 'package:0', joules: 1, since: START },
        { id: 'host:0', type: 'host', parent: null, joules: 50, since: START },
      ],
      kind: 'apportioned',
    });
    const named = (id: string, name: string): object => ({ 'hw.id': id, 'hw.name': name });
    expect(attributes(full, 'hw.energy')).toEqual([
      {
        ...named('shared:0', 'shared 0'),
        'hw.parent': 'package:0',
        'hw.type': 'cpu',
        'energy.source.kind': 'apportioned',
      },
      { ...named('memory:0', 'memory 0'), 'hw.type': 'memory', 'energy.source.kind': 'measured' },
      {
        ...named('gpu:0', 'gpu 0'),
        'hw.parent': 'package:0',
        'hw.type': 'gpu',
        'energy.source.kind': 'measured',
      },
    ]);
    expect(attributes(full, 'hw.host.energy')).toEqual([
      { ...named('host:0', 'host 0'), 'energy.source.kind': 'measured' },
    ]);
  });

  it('begin when counting the series began and end with the interval', () => {
    const late = reading({ time: START + 2500, processes: [series(42, 'node', 1, START + 1001)] });
    expect(metric(late, 'process.energy')?.dataPoints[0]).toMatchObject({
      startTime: [(START + 1000) / 1000, 1_000_000],
      endTime: [(START + 2000) / 1000, 500_000_000],
    });
  });

  it('begin before they end even where the clock was set back', () => {
    const back = reading({ time: START - 5000 });
    for (const { startTime, endTime } of metric(back, 'process.energy')!.dataPoints) {
      expect(startTime).toEqual([START / 1000, 0]);
      expect(endTime).toEqual([START / 1000, 1_000_000]);
    }
    expect(metric(back, 'process.energy')!.dataPoints).toHaveLength(2);
  });
});

describe('the producer', () => {
  it('has no metrics before the first interval', async () => {
    const { resourceMetrics, errors } = await createMetricProducer({ read: () => undefined }).collect();
    expect({ scopes: resourceMetrics.scopeMetrics, errors }).toEqual({ scopes: [], errors: [] });
  });

  it('repeats the last good sums when the ledger cannot be read', async () => {
    let broken = false;
    const producer = createMetricProducer({
      read: () => {
        if (broken) throw new Error('the meter is closed');
        return reading();
      },
    });
    const before = await producer.collect();
    broken = true;
    const after = await producer.collect();
    expect(before.resourceMetrics.scopeMetrics).toHaveLength(1);
    expect(after).toEqual(before);
  });
});

describe('the delta producer', () => {
  /** Reads the given process series, one reading a second. */
  function over(...steps: ProcessSeries[][]): () => LedgerReading {
    let step = 0;
    return () => {
      const processes = steps[step] ?? [];
      step++;
      return reading({ time: START + step * 1000, processes });
    };
  }
  /** Collects and delivers the points that `arrives` says. */
  async function send(
    producer: DeltaProducer,
    arrives: (executable: unknown) => boolean = () => true,
  ): Promise<Record<string, number>> {
    const { resourceMetrics } = await producer.collect();
    const { scopeMetrics } = resourceMetrics;
    producer.delivered({
      scopeMetrics: scopeMetrics.map(({ scope, metrics }) => ({
        scope,
        metrics: metrics.map((one) => ({
          ...one,
          dataPoints: (one as SumMetricData).dataPoints.filter((point) =>
            arrives(point.attributes['process.executable.name']),
          ),
        })) as SumMetricData[],
      })),
    });
    return processesOf(resourceMetrics);
  }
  const nothing = (): boolean => false;

  it('sends what every sum grew by since the collection before', async () => {
    const producer = createDeltaProducer({ read: over([series(1, 'a', 5)], [series(1, 'a', 7)]) });
    expect(await send(producer)).toEqual({ '1 a': 5 });
    const { resourceMetrics } = await producer.collect();
    for (const one of resourceMetrics.scopeMetrics[0]!.metrics) {
      expect(one.aggregationTemporality).toBe(AggregationTemporality.DELTA);
      for (const { startTime, endTime } of one.dataPoints) {
        expect([startTime, endTime]).toEqual([
          [START / 1000 + 1, 0],
          [START / 1000 + 2, 0],
        ]);
      }
    }
    const growth = resourceMetrics.scopeMetrics[0]!.metrics.map((one) => [
      one.descriptor.name,
      one.dataPoints[0]!.value,
    ]);
    expect(Object.fromEntries(growth)).toMatchObject({
      'process.energy': 2,
      'hw.energy': 0,
      'energy.agent.switches': 0,
    });
  });

  it('counts nothing twice when an ended process moves to its executable', async () => {
    const producer = createDeltaProducer({
      read: over(
        [series(1, 'a', 5), series(null, 'a', 2), series(null, '(other)', 1)],
        [series(null, 'a', 10), series(null, '(other)', 1)],
        [series(null, '(other)', 14)],
      ),
    });
    await send(producer);
    // 10 = 2 of before + 5 already sent as process 1's + 3 of its last interval.
    expect(await send(producer)).toEqual({ '- a': 3, '- (other)': 0 });
    expect(await send(producer)).toEqual({ '- (other)': 3 });
  });

  it('starts anew where a name was given to another sum', async () => {
    const producer = createDeltaProducer({
      read: over([series(1, 'a', 5)], [series(1, 'a', 6, START + 1500)]),
    });
    await send(producer);
    expect(await send(producer)).toEqual({ '1 a': 6 });
  });

  it('keeps what was not delivered for the next collection', async () => {
    const producer = createDeltaProducer({
      read: over([series(1, 'a', 5)], [series(1, 'a', 7)], [series(1, 'a', 8)]),
    });
    expect(await send(producer, nothing)).toEqual({ '1 a': 5 });
    expect(await send(producer)).toEqual({ '1 a': 7 });
    expect(await send(producer)).toEqual({ '1 a': 1 });
  });

  it('keeps of a collection what was not delivered, and that alone', async () => {
    const producer = createDeltaProducer({
      read: over(
        [series(1, 'a', 5), series(2, 'b', 1)],
        [series(1, 'a', 7), series(2, 'b', 4)],
        // Both end: 7 of a's 8 J and none of b's 4 J have been sent.
        [series(null, 'a', 8), series(null, 'b', 4)],
      ),
    });
    await send(producer, (executable) => executable === 'a');
    expect(await send(producer, (executable) => executable === 'a')).toEqual({ '1 a': 2, '2 b': 4 });
    expect(await send(producer)).toEqual({ '- a': 1, '- b': 4 });
  });

  it('sends nothing while the ledger stands still, but what was not delivered', async () => {
    const producer = createDeltaProducer({
      read: () => reading({ processes: [series(1, 'a', 5), series(2, 'b', 1)] }),
    });
    await send(producer, (executable) => executable !== 'b');
    expect(await send(producer)).toEqual({ '2 b': 1 });
    expect((await producer.collect()).resourceMetrics.scopeMetrics).toEqual([]);
  });

  it('goes on where a container gets more attributes', async () => {
    const container = {
      containerId: 'c0ffee',
      runtime: null,
      podUid: null,
      names: {},
      joules: 3,
      since: START,
    };
    const readings = [
      reading({ containers: [container] }),
      reading({ time: START + 2000, containers: [{ ...container, runtime: 'docker', joules: 4 }] }),
    ];
    const producer = createDeltaProducer({ read: () => readings.shift() });
    await send(producer);
    const { scopeMetrics } = (await producer.collect()).resourceMetrics;
    const found = scopeMetrics[0]!.metrics.find((one) => one.descriptor.name === 'container.energy');
    expect(found!.dataPoints.map(({ value }) => value)).toEqual([1]);
  });
});
