// SPDX-License-Identifier: Apache-2.0
import { atOnce, eachInSlices, inSlices } from '../../src/util/cooperative.ts';

/** Work of 20 ms in 40 steps. */
function* work(): Generator<void, string> {
  for (let step = 0; step < 40; step++) {
    const end = performance.now() + 0.5;
    while (performance.now() < end);
    yield;
  }
  return 'done';
}

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
    // In slices of 2 ms there are ten; at once there would be one.
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
