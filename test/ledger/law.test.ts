// SPDX-License-Identifier: Apache-2.0
import type { ScopeMetrics } from '@opentelemetry/sdk-metrics';
import * as fc from 'fast-check';
import { Ledger } from '../../src/ledger/ledger.ts';
import type { DeliverableProducer } from '../../src/otel/deliverable.ts';
import { createMetricProducer } from '../../src/otel/producer.ts';
import type { LedgerLimits } from '../../src/settings/types.ts';
import type { Mode } from '../../src/otel/points.ts';
import { WallClock } from '../../src/util/wall-clock.ts';
import { BackEnd } from '../support/back-end.ts';
import { type ProcessSpec, snapshotOf } from '../support/snapshots.ts';

/** What a machine and those who read its meter do next. */
type Step =
  | {
      readonly does: 'run';
      readonly seconds: number;
      readonly processes: readonly ProcessSpec[];
      readonly gap: number;
      /** Who collects, and what of it arrives, after each step in which the interval is taken in. */
      readonly meanwhile: readonly (Collection | null)[];
    }
  | { readonly does: 'go on for long'; readonly processes: readonly ProcessSpec[] }
  | { readonly does: 'remove'; readonly cgroup: string }
  | { readonly does: 'set clock'; readonly hours: number }
  | ({ readonly does: 'collect' } & Collection);

type Arrival = 'all' | 'nothing' | 'a part';

interface Collection {
  readonly reader: number;
  readonly arrives: Arrival;
}

const CGROUPS = ['/', '/a', '/b/1', '/b/2', '/c'];
const CONTAINERS: Readonly<Record<string, string | null>> = {
  '/': null,
  '/a': null,
  '/b/1': 'b',
  '/b/2': 'b',
  '/c': 'c',
};

const process: fc.Arbitrary<ProcessSpec> = fc
  .record({
    pid: fc.option(fc.integer({ min: 1, max: 12 }), { freq: 8 }),
    executable: fc.constantFrom('x', 'y', 'z', 'kworker/0:1'),
    cgroup: fc.constantFrom(...CGROUPS),
    energy_j: fc.oneof(fc.constant(0), fc.double({ min: 1e-6, max: 50, noNaN: true })),
    exited: fc.boolean(),
    creation_time: fc.constantFrom('2026-01-01T00:00:00.000Z', '2026-01-01T00:00:01.000Z'),
  })
  .map((spec) => ({
    ...spec,
    kernel: spec.executable.startsWith('kworker'),
    container_id: CONTAINERS[spec.cgroup]!,
    ...(spec.pid === null && { creation_time: null, executable: '(other)' }),
  }));

/** A pid is one process at a time, as a snapshot has them. */
const processes = fc.uniqueArray(process, { selector: ({ pid }) => pid ?? {}, maxLength: 10 });

const collection: fc.Arbitrary<Collection> = fc.record({
  reader: fc.nat(3),
  arrives: fc.constantFrom('all' as const, 'all' as const, 'nothing' as const, 'a part' as const),
});

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      does: fc.constant('run' as const),
      seconds: fc.double({ min: 0.5, max: 7, noNaN: true }),
      processes,
      gap: fc.constantFrom(0, 0, 3),
      meanwhile: fc.oneof(
        { weight: 12, arbitrary: fc.constant([]) },
        { weight: 1, arbitrary: fc.array(fc.option(collection), { maxLength: 12 }) },
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('go on for long' as const), processes }) },
  {
    weight: 2,
    arbitrary: fc.record({ does: fc.constant('remove' as const), cgroup: fc.constantFrom(...CGROUPS) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      does: fc.constant('set clock' as const),
      hours: fc.integer({ min: -48, max: 48 }),
    }),
  },
  {
    weight: 8,
    arbitrary: collection.map((one) => ({ does: 'collect' as const, ...one })),
  },
);

const limits: fc.Arbitrary<LedgerLimits> = fc.record({
  processes: fc.constantFrom(0, 1, 2, 100),
  executables: fc.constantFrom(3, 4, 1000),
  cgroups: fc.constantFrom(3, 4, 1000),
  containers: fc.constantFrom(3, 1000),
});

const MODES: readonly Mode[] = ['scrape', 'push', 'delta', 'scrape'];

/** One reader and the back end that it feeds. */
class Reading {
  readonly backEnd = new BackEnd();
  readonly mode: Mode;
  readonly #producer: DeliverableProducer;
  /** What the counters had counted when this reader's first collection began, J. */
  baseline: number | undefined;

  constructor(mode: Mode, ledger: Ledger, clock: WallClock) {
    this.mode = mode;
    this.#producer = createMetricProducer({
      reader: ledger.reader({ delayed: mode === 'scrape' }),
      mode,
      clock,
    });
  }

  async collect(arrives: Arrival, nowMs: number, counted: number): Promise<ScopeMetrics[]> {
    const { scopeMetrics } = (await this.#producer.collect()).resourceMetrics;
    if (arrives === 'nothing' || scopeMetrics.length === 0) return scopeMetrics;
    // A page arrives whole, and what is pushed in batches.
    const arrived = arrives === 'a part' && this.mode !== 'scrape' ? halfOf(scopeMetrics) : scopeMetrics;
    if (this.mode === 'delta') this.backEnd.add(arrived);
    else this.backEnd.take(arrived, this.mode === 'scrape' ? nowMs : undefined);
    this.#producer.delivered({ scopeMetrics: arrived });
    this.baseline ??= this.mode === 'scrape' ? counted : 0;
    return scopeMetrics;
  }
}

/** What a sender makes batches of: the points of a series stay together. */
function halfOf(scopeMetrics: readonly ScopeMetrics[]): ScopeMetrics[] {
  const arrived = new Map<object, boolean>();
  const arrives = ({ attributes }: { readonly attributes: object }): boolean => {
    if (!arrived.has(attributes)) arrived.set(attributes, arrived.size % 3 > 0);
    return arrived.get(attributes)!;
  };
  return scopeMetrics.map(({ scope, metrics }) => ({
    scope,
    metrics: metrics.map((metric) => ({ ...metric, dataPoints: metric.dataPoints.filter(arrives) })),
  })) as ScopeMetrics[];
}

/** A machine, its ledger, those who read it, and what really happened. */
class World {
  nowMs = 1000;
  counted = 0;
  readonly readers: readonly Reading[];
  readonly #limits: LedgerLimits;
  readonly #ledger: Ledger;
  #offsetMs = Date.UTC(2026, 0, 1);
  readonly #removed = new Set<string>();

  constructor(limit: LedgerLimits) {
    const now = (): number => this.nowMs;
    this.#limits = limit;
    this.#ledger = new Ledger(limit, now);
    const set = new WallClock(() => this.nowMs + this.#offsetMs, now);
    // A back end refuses pushed points from before what it has: for them the clock is not set.
    const steady = new WallClock(now, now);
    this.readers = MODES.map((mode) => new Reading(mode, this.#ledger, mode === 'push' ? steady : set));
  }

  async take(step: Step): Promise<void> {
    if (step.does === 'run') await this.run(step);
    else if (step.does === 'go on for long') await this.#goOnForLong(step.processes);
    else if (step.does === 'remove') {
      this.#removed.add(step.cgroup);
      this.#ledger.endRemoved({ cgroup: (path) => !this.#removed.has(path) });
    } else if (step.does === 'set clock') this.#offsetMs += step.hours * 3_600_000;
    else await this.#collect(step);
  }

  async run({
    seconds,
    processes: charged,
    gap,
    meanwhile = [],
  }: {
    seconds: number;
    processes: readonly ProcessSpec[];
    gap: number;
    meanwhile?: readonly (Collection | null)[];
  }): Promise<void> {
    this.nowMs += seconds * 1000;
    for (const { cgroup } of charged) this.#removed.delete(cgroup ?? '/');
    const snapshot = snapshotOf({ processes: charged, gap, idle: seconds });
    const steps = this.#ledger.adding(snapshot);
    const collections = meanwhile.values();
    while (!steps.next().done) {
      const { value: collected } = collections.next();
      if (collected) await this.#collect(collected);
    }
    this.counted += snapshot.totals.counter_j;
  }

  /** Long enough for places to be taken from those that have had them for ten minutes. */
  async #goOnForLong(charged: readonly ProcessSpec[]): Promise<void> {
    for (let i = 0; i < 8; i++) {
      await this.run({ seconds: 100, processes: charged, gap: 0 });
      await this.everybodyCollects();
    }
  }

  async everybodyCollects(): Promise<void> {
    for (const reader of this.readers.keys()) await this.#collect({ reader, arrives: 'all' });
  }

  async #collect({ reader: index, arrives }: Collection): Promise<void> {
    const reader = this.readers[index]!;
    const scopeMetrics = await reader.collect(arrives, this.nowMs, this.counted);
    expectBounds(scopeMetrics, this.#limits);
    if (reader.mode === 'scrape') expectClosed(reader.backEnd);
  }
}

async function live(steps: readonly Step[], limit: LedgerLimits): Promise<World> {
  const world = new World(limit);
  for (const step of steps) await world.take(step);
  // Until all has been shown.
  for (let round = 0; round < 3; round++) {
    await world.run({ seconds: 1e-3, processes: [], gap: 0 });
    await world.everybodyCollects();
  }
  return world;
}

/** As many have ended and are still to be shown as go on, at most. */
function expectBounds(scopeMetrics: readonly ScopeMetrics[], limit: LedgerLimits): void {
  const most = {
    'cgroup.energy': limit.cgroups,
    'container.energy': limit.containers,
    'process.energy': limit.processes + limit.executables,
  };
  for (const { metrics } of scopeMetrics)
    for (const { descriptor, dataPoints } of metrics) {
      const limited = most[descriptor.name as keyof typeof most];
      if (limited === undefined) continue;
      const series = new Set<object>(dataPoints.map(({ attributes }) => attributes));
      expect(series.size).toBeLessThanOrEqual(2 * limited);
    }
}

function expectClosed(backEnd: BackEnd): void {
  const hardware = backEnd.increase('hw.energy');
  const tolerance = 1e-9 * (1 + hardware);
  const whole = backEnd.increase('process.energy') + backEnd.increase('energy.unattributed');
  expect(Math.abs(hardware - whole)).toBeLessThan(tolerance);
  expect(Math.abs(backEnd.increase('cgroup.energy') - backEnd.increase('process.energy'))).toBeLessThan(
    tolerance,
  );
}

describe('a Joule is in one series of each metric, whatever lives, limits and readers do:', () => {
  it('what back ends count of each metric is what the counters counted', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyStep, { maxLength: 40 }), limits, async (steps, limit) => {
        const { readers, counted } = await live(steps, limit);
        for (const { backEnd, baseline, mode } of readers) {
          expectClosed(backEnd);
          // What a page shows is one collection old: of the last millisecond nothing has arrived.
          const truth = counted - (baseline ?? counted) - (mode === 'scrape' ? 1e-3 : 0);
          expect(Math.abs(backEnd.increase('hw.energy') - truth)).toBeLessThan(1e-9 * (1 + counted));
        }
      }),
      { numRuns: 4000 },
    );
  }, 900_000);
});
