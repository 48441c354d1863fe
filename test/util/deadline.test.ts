// SPDX-License-Identifier: Apache-2.0
import { within } from '../../src/util/deadline.ts';

const FOREVER = 2 ** 30;

describe('work with a deadline', () => {
  it('gives its result, or rejects as it does, where it is in time', async () => {
    expect(await within(Promise.resolve(7), FOREVER)).toBe(7);
    await expect(within(Promise.reject(new Error('broken')), FOREVER)).rejects.toThrow('broken');
  });

  it('is left to itself when it is late, also if it fails then', async () => {
    let fail = (_: Error): void => {};
    const work = new Promise<number>((_, reject) => (fail = reject));
    expect(await within(work, 1)).toBeUndefined();
    fail(new Error('nobody listens'));
    // An unhandled rejection would end the test run here.
    await new Promise(setImmediate);
  });
});
