// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from 'node:timers/promises';
import type { Counter } from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  type MeterProvider,
  MeterProvider as SdkMeterProvider,
  PeriodicExportingMetricReader,
  type ScopeMetrics,
} from '@opentelemetry/sdk-metrics';
import { Ledger } from '../../src/ledger/ledger.ts';
import { viewOf } from '../../src/otel/application.ts';
import { Increments } from '../../src/otel/increments.ts';
import type { Scope } from '../../src/settings/types.ts';
import { DEFAULT_LIMITS } from '../../src/settings/table.ts';
import { reducingTo } from '../../src/snapshot/own.ts';
import { BackEnd } from '../support/back-end.ts';
import { type SnapshotSpec, snapshotOf } from '../support/snapshots.ts';

const APP = 7;
const app = { pid: APP, executable: 'node', cgroup: '/pod/app', container_id: 'app' };

/** What a recorder of this scope keeps, by intervals of a second. */
function recorded(scope: Scope): {
  interval: (spec: SnapshotSpec) => void;
  recorder: { ledger: Ledger; scope: Scope };
} {
  let nowMs = 0;
  const ledger = new Ledger({ ...DEFAULT_LIMITS, processes: 0 }, () => nowMs);
  const reduce = scope === 'machine' ? (one: ReturnType<typeof snapshotOf>) => one : reducingTo(APP, 'node');
  return {
    interval(spec) {
      nowMs += 1000;
      ledger.add(reduce(snapshotOf(spec)));
    },
    recorder: { ledger, scope },
  };
}

interface Shown {
  readonly name: string;
  readonly value: number;
  readonly attributes: Readonly<Record<string, unknown>>;
}

function shown(scopeMetrics: readonly ScopeMetrics[]): Shown[] {
  return scopeMetrics
    .flatMap(({ metrics }) => metrics)
    .flatMap(({ descriptor: { name }, dataPoints }) =>
      dataPoints.map(({ value, attributes }) => ({ name, value: value as number, attributes })),
    );
}

describe("an application's own energy", () => {
  it('is one series of its process and one of its container, at 0 first, and then up to date', async () => {
    const { interval, recorder } = recorded('process');
    const view = viewOf(recorder);
    const collect = async (): Promise<Shown[]> => {
      const { resourceMetrics } = await view.collect();
      view.delivered(resourceMetrics);
      return shown(resourceMetrics.scopeMetrics);
    };
    const others = [
      { pid: 8, executable: 'sh', cgroup: '/pod/app', container_id: 'app', energy_j: 3 },
      { pid: 9, executable: 'db', cgroup: '/pod/db', container_id: 'db', energy_j: 5 },
    ];
    expect(await collect()).toEqual([]);
    interval({ processes: [{ ...app, energy_j: 1 }, ...others] });
    const typed = { 'hw.type': 'cpu', 'energy.source.kind': 'measured' };
    const process = { 'process.executable.name': 'node', 'container.id': 'app', ...typed };
    const series = (own: number, container: number): unknown => [
      { name: 'process.energy', value: own, attributes: process },
      { name: 'container.energy', value: container, attributes: { 'container.id': 'app', ...typed } },
    ];
    expect(await collect()).toEqual(series(0, 0));
    expect(await collect()).toEqual(series(1, 4));
    interval({ processes: [{ ...app, energy_j: 2 }] });
    expect(await collect()).toEqual(series(3, 6));
    // Another reader begins at 0, too.
    const { resourceMetrics } = await viewOf(recorder).collect();
    expect(shown(resourceMetrics.scopeMetrics)).toEqual(series(0, 0));
  });

  it('is not there, rather than 0, as long as the process was not seen', async () => {
    const { interval, recorder } = recorded('process');
    interval({ processes: [{ pid: 9, executable: 'db', energy_j: 5 }] });
    const { resourceMetrics } = await viewOf(recorder).collect();
    expect(resourceMetrics.scopeMetrics).toEqual([]);
  });
});

/** An application's SDK, whose counters are added to before each export, and what its back end counts. */
function application(recorder: { ledger: Ledger; scope: Scope }): {
  move: () => void;
  export: () => Promise<void>;
  backEnd: BackEnd;
} {
  const increments = new Increments(viewOf(recorder));
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const backEnd = new BackEnd();
  let provider: MeterProvider;
  let counters: Map<string, Counter>;
  const move = (): void => {
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
    provider = new SdkMeterProvider({ readers: [reader] });
    counters = new Map();
    increments.restart();
  };
  move();
  let scrapes = 0;
  return {
    move,
    async export() {
      await increments.collect((name, joules, attributes) => {
        let counter = counters.get(name);
        if (!counter) counters.set(name, (counter = provider.getMeter('test').createCounter(name)));
        counter.add(joules, attributes);
      });
      // The SDK's points begin and end in the same millisecond otherwise, which the back end refuses.
      await sleep(2);
      await provider.forceFlush();
      backEnd.take(exporter.getMetrics().at(-1)?.scopeMetrics ?? [], ++scrapes);
      exporter.reset();
    },
    backEnd,
  };
}

describe('counters that a view is added to', () => {
  it('lose nothing in a back end that counts nothing of a first sample', async () => {
    const { interval, recorder } = recorded('process');
    const sdk = application(recorder);
    for (const energy_j of [1, 2, 4]) {
      interval({ processes: [{ ...app, energy_j }] });
      await sdk.export();
    }
    expect(sdk.backEnd.increase('process.energy')).toBeCloseTo(7, 9);
    expect(sdk.backEnd.increase('container.energy')).toBeCloseTo(7, 9);
    expect(sdk.backEnd.count('process.energy')).toBe(1);
  });

  it('close at every export, for all of a machine, whatever comes and goes', async () => {
    const { interval, recorder } = recorded('machine');
    const sdk = application(recorder);
    const used: number[] = [];
    for (let second = 0; second < 20; second++) {
      const late = second % 3 === 0 ? [{ pid: 100 + second, executable: `job-${second}`, energy_j: 3 }] : [];
      interval({ processes: [{ pid: 9, executable: 'db', energy_j: 2 }, ...late], idle: 1 });
      used.push(3 + 3 * late.length);
      await sdk.export();
      const counted = sdk.backEnd.increase('hw.energy');
      const sums = sdk.backEnd.increase('process.energy') + sdk.backEnd.increase('energy.unattributed');
      expect(sums).toBeCloseTo(counted, 9);
      // All that was used until the export before.
      expect(counted).toBeCloseTo(
        used.slice(0, -1).reduce((sum, joules) => sum + joules, 0),
        9,
      );
    }
  });

  it('of another provider begin at 0 as well, and nothing is in both', async () => {
    const { interval, recorder } = recorded('process');
    const sdk = application(recorder);
    for (const energy_j of [1, 2]) {
      interval({ processes: [{ ...app, energy_j }] });
      await sdk.export();
    }
    sdk.move();
    for (const energy_j of [4, 8]) {
      interval({ processes: [{ ...app, energy_j }] });
      await sdk.export();
    }
    // The new provider's sums fall to 0, from where the back end counts.
    expect(sdk.backEnd.increase('process.energy')).toBeCloseTo(15, 9);
  });
});
