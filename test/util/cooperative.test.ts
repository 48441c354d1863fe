// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check';
import { atOnce, eachInSlices, inSlices, sorting } from '../../src/util/cooperative.ts';

/** Work of 20 ms in 40 steps. */
function* work(): Generator<void, string> {
  for (let step = 0; step < 40; step++) {
    const end = performance.now() + 0.5;
    while (performance.now() < end);
    yield;
  }
  return 'done';
}

test('a list that is sorted in steps is what it is when it is sorted at once, and of equals the first stays first', () => {
  const entry = fc.record({ rank: fc.integer({ min: 0, max: 20 }), name: fc.string({ maxLength: 3 }) });
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 500, size: 'max' }), (list) => {
      const byRank = (a: { rank: number }, b: { rank: number }): number => b.rank - a.rank;
      expect(atOnce(sorting(list, byRank))).toEqual(list.toSorted(byRank));
    }),
    { numRuns: 50 },
  );
});

describe('work in slices', () => {
  it('lets others have their turn, and comes to the same', async () => {
    let turns = 0;
    let over = false;
    const others = (): void => {
      turns++;
      if (!over) setImmediate(others);
    };
    setImmediate(others);
    expect(await inSlices(work())).toBe('done');
    over = true;
    // In slices of 1 ms there are twenty; at once there would be one.
    expect(turns).toBeGreaterThanOrEqual(8);
    expect(atOnce(work())).toBe('done');
  });

  it('takes every item in its order', async () => {
    const items = Array.from({ length: 1000 }, (_, i) => i);
    const seen: number[] = [];
    await eachInSlices(items, (item) => seen.push(item));
    expect(seen).toEqual(items);
  });

  it('fails as the work does', async () => {
    const failing = eachInSlices([1], () => {
      throw new Error('of the work');
    });
    await expect(failing).rejects.toThrow('of the work');
  });
});
