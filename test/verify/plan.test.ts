// SPDX-License-Identifier: Apache-2.0
import { choosePlaces, planOf } from '../../src/verify/plan.ts';

/** Zones of so many CPUs each. */
function zonesOf(...sizes: readonly number[]): { id: string; cpus: number[] }[] {
  let next = 0;
  return sizes.map((size, i) => ({ id: `zone:${i}`, cpus: Array.from({ length: size }, () => next++) }));
}

const cpus = (count: number): number[] => Array.from({ length: count }, (_, cpu) => cpu);

describe('where the loads run', () => {
  it.each([
    ['far apart, and not on the first CPU', cpus(8), zonesOf(1, 1, 1, 1, 1, 1, 1, 1), 1, 7],
    ['under different counters', cpus(8), zonesOf(4, 4), 1, 7],
    ['on different cores of one counter', cpus(4), zonesOf(4), 1, 3],
    ['on both cores where there are two', cpus(2), zonesOf(1, 1), 0, 1],
    ['on the only core', [0], zonesOf(1), 0, 0],
    ['on cores that may be used', [5, 6], zonesOf(4, 4), 5, 6],
  ])('is %s', (_, usable, zones, integer, memory) => {
    expect(choosePlaces(usable, zones)).toMatchObject({ integer, memory });
  });
});

describe('the plan', () => {
  const plan = (seconds: number, count: number): ReturnType<typeof planOf> =>
    planOf(seconds, choosePlaces(cpus(count), zonesOf(...Array<number>(count).fill(1))), cpus(count));

  it.each([5, 20, 120, 3600])('takes the time that it is given (%d s)', (seconds) => {
    const total = plan(seconds, 4).reduce((sum, segment) => sum + segment.seconds, 0);
    expect(total).toBeCloseTo(seconds, 6);
  });

  it('rests before and after, and goes to and fro between', () => {
    const segments = plan(120, 4);
    expect([segments[0]!.arrangement, segments.at(-1)!.arrangement]).toEqual(['rest', 'rest']);
    const rounds = [1, 2, 3, 4].map((round) =>
      segments.filter((one) => one.round === round).map(({ arrangement }) => arrangement),
    );
    expect(rounds[0]).toEqual(['integer', 'memory', 'turns', 'apart', 'free']);
    expect(rounds[1]).toEqual(rounds[0]!.toReversed());
    expect(rounds[3]).toEqual(rounds[1]);
  });

  it('visits each core once, and of hundreds some, evenly', () => {
    const visits = (count: number): (number | undefined)[] =>
      plan(120, count)
        .filter(({ arrangement }) => arrangement === 'tour')
        .map((segment) => segment.cpus.integer?.[0]);
    expect(visits(4)).toEqual([0, 1, 2, 3]);
    const many = visits(256) as number[];
    expect(many).toHaveLength(64);
    expect(new Set(many.slice(1).map((cpu, i) => cpu - many[i]!))).toEqual(new Set([4]));
  });

  it('has neither different cores nor freedom where there is one core', () => {
    const arrangements = new Set(plan(60, 1).map(({ arrangement }) => arrangement));
    expect(arrangements).toEqual(new Set(['rest', 'integer', 'memory', 'tour', 'turns']));
  });

  it('watches a counter once, while the integer load runs', () => {
    const watched = plan(60, 4).filter((segment) => segment.watched);
    expect(watched.map(({ arrangement }) => arrangement)).toEqual(['integer']);
  });
});
