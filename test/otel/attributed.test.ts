// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check';
import { Ledger } from '../../src/ledger/ledger.ts';
import type { Attribution } from '../../src/model/source.ts';
import type { Mode } from '../../src/otel/points.ts';
import { producersOf } from '../../src/otel/producer.ts';
import { DEFAULT_LIMITS } from '../../src/settings/table.ts';
import { BackEnd } from '../support/back-end.ts';
import { snapshotOf } from '../support/snapshots.ts';

/** An interval of a second in which two programs and idle time used 4 J, but for a gap. */
interface Interval {
  readonly attribution: Attribution | null;
  readonly gap: number;
  readonly collects: boolean;
}

type Split = Record<Attribution, number>;

interface Seen {
  readonly backEnd: BackEnd;
  /** What had been split so when the first collection began. */
  readonly before: Split;
}

/** What a back end has of these intervals, and what there is to have. */
async function live(mode: Mode, intervals: readonly Interval[]): Promise<Seen & { readonly truth: Split }> {
  let nowMs = 1e6;
  const ledger = new Ledger(DEFAULT_LIMITS, () => nowMs);
  const producer = producersOf(ledger)(mode);
  const backEnd = new BackEnd();
  const truth: Split = { learned: 0, time: 0 };
  let before: Split | undefined;

  async function collect(): Promise<void> {
    // Of what is pushed a back end gets the 0 that it begins with, too.
    before ??= mode === 'scrape' ? { ...truth } : { learned: 0, time: 0 };
    const { resourceMetrics } = await producer.collect();
    if (mode === 'delta') backEnd.add(resourceMetrics.scopeMetrics);
    else backEnd.take(resourceMetrics.scopeMetrics, mode === 'scrape' ? nowMs : undefined);
    producer.delivered(resourceMetrics);
  }

  for (const { attribution, gap, collects } of intervals) {
    nowMs += 1000;
    const processes = [
      { pid: 7, executable: 'a', energy_j: 2 },
      { pid: 8, executable: 'b', energy_j: 1 },
    ];
    ledger.add(snapshotOf({ processes, gap, attribution }));
    if (attribution !== null) truth[attribution] += 4;
    if (collects) await collect();
  }
  // A page is one collection late.
  for (let i = 0; i < 2; i++) {
    nowMs += 1000;
    await collect();
  }
  return { backEnd, before: before!, truth };
}

const attributed = (backEnd: BackEnd, attribution: Attribution): number =>
  backEnd.increase('energy.attributed', { 'energy.attribution': attribution });

const anyInterval = fc.record({
  attribution: fc.constantFrom('learned' as const, 'time' as const, null),
  gap: fc.constantFrom(0, 0, 5),
  collects: fc.boolean(),
});

describe.each(['scrape', 'push', 'delta'] as const)(
  'how energy was split, to a back end with mode %s,',
  (mode) => {
    it('is counted once, whatever comes in whichever order', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(anyInterval, { minLength: 1, maxLength: 30 }), async (intervals) => {
          const { backEnd, before, truth } = await live(mode, intervals);
          for (const way of ['learned', 'time'] as const)
            expect(attributed(backEnd, way)).toBeCloseTo(truth[way] - before[way], 9);
        }),
        { numRuns: 500 },
      );
    });

    it('adds up with gaps to what the counter counted', async () => {
      const ways = fc.array(
        anyInterval.filter(({ attribution }) => attribution !== null),
        {
          minLength: 1,
          maxLength: 30,
        },
      );
      await fc.assert(
        fc.asyncProperty(ways, async (intervals) => {
          const { backEnd } = await live(mode, intervals);
          const gaps = backEnd.increase('energy.unattributed', { 'energy.reason': 'gap' });
          const whole = backEnd.increase('energy.attributed') + gaps;
          expect(whole).toBeCloseTo(backEnd.increase('hw.energy'), 9);
        }),
        { numRuns: 500 },
      );
    });

    it('begins no new series of anybody, and moves no Joule, when it changes', async () => {
      const steady = Array.from({ length: 12 }, (): Interval => {
        return { attribution: 'learned', gap: 0, collects: true };
      });
      const changing = steady.map((interval, i): Interval => {
        return { ...interval, attribution: i % 3 === 1 ? 'time' : 'learned' };
      });
      const [one, other] = [await live(mode, steady), await live(mode, changing)];
      for (const metric of ['hw.energy', 'process.energy', 'cgroup.energy', 'energy.unattributed']) {
        expect(other.backEnd.count(metric)).toBe(one.backEnd.count(metric));
        expect(other.backEnd.increase(metric)).toBeCloseTo(one.backEnd.increase(metric), 9);
      }
      expect([one, other].map(({ backEnd }) => backEnd.count('energy.attributed'))).toEqual([1, 2]);
      expect(other.backEnd.increase('energy.attributed')).toBeCloseTo(
        one.backEnd.increase('energy.attributed'),
        9,
      );
    });
  },
);

describe('of a counter that is not split afterwards', () => {
  it('there is no such metric', async () => {
    const { backEnd } = await live('push', [{ attribution: null, gap: 0, collects: true }]);
    expect(backEnd.count('energy.attributed')).toBe(0);
    expect(backEnd.count('hw.energy')).toBe(1);
  });
});
