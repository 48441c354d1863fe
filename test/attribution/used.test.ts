// SPDX-License-Identifier: Apache-2.0
import { sumUsed } from '../../src/attribution/used.ts';

const used = (joules: number, uncertainJoules: number | null): Parameters<typeof sumUsed>[0][0] => ({
  joules,
  uncertainJoules,
  seconds: joules / 4,
});

describe('what several used together', () => {
  it('is the sum, and as uncertain as it can be at most', () => {
    expect(sumUsed([used(1, 0.5), used(2, 0.25)])).toEqual({
      joules: 3,
      uncertainJoules: 0.75,
      seconds: 0.75,
    });
    expect(sumUsed([])).toEqual({ joules: 0, uncertainJoules: 0, seconds: 0 });
  });

  it.each([
    [null, 1],
    [1, null],
  ])('is of unknown uncertainty where that of one is: %j and %j', (one, other) => {
    expect(sumUsed([used(1, one), used(2, other)]).uncertainJoules).toBeNull();
  });
});
