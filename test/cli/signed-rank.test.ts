// SPDX-License-Identifier: Apache-2.0
import { compare } from '../../src/cli/compare.ts';
import { criticalRankSum, FEWEST_PAIRS, locate } from '../../src/cli/signed-rank.ts';
import { noise, pairsOf } from '../support/noisy-runs.ts';

describe('the interval of signed ranks', () => {
  it.each([
    // Two-sided 5 % of Wilcoxon's table, as textbooks print it (McCornack 1965).
    [5, -1],
    [6, 0],
    [7, 2],
    [8, 3],
    [9, 5],
    [10, 8],
    [12, 13],
    [15, 25],
    [20, 52],
    [25, 89],
    [30, 137],
    [50, 434],
  ])('leaves out what the printed table says of %d pairs: %d', (pairs, table) => {
    expect(criticalRankSum(pairs)).toBe(table);
  });

  it('is that of a worked example: the differences of Hollander and Wolfe, table 3.1', () => {
    // R: wilcox.test(y, x, paired = TRUE, conf.int = TRUE, conf.level = 0.95) of the depression scores: pseudomedian
    // -0.46, interval -0.786 to -0.01.
    const x = [1.83, 0.5, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.3];
    const y = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29];
    const { estimate, low, high } = locate(y.map((value, i) => value - x[i]!));
    expect(estimate).toBeCloseTo(-0.46, 10);
    expect(low).toBeCloseTo(-0.786, 10);
    expect(high).toBeCloseTo(-0.01, 10);
  });

  it('is refused where it cannot be as sure as it has to', () => {
    expect(() => locate([1, 2, 3, 4, 5])).toThrow(RangeError);
    expect(locate([1, 2, 3, 4, 5, 6])).toEqual({ estimate: 3.5, low: 1, high: 6 });
    expect(FEWEST_PAIRS).toBe(6);
  });

  it('takes a thousand pairs', () => {
    const random = noise(1);
    const { low, high } = locate(Array.from({ length: 1000 }, () => random.normal()));
    expect(low).toBeLessThan(0);
    expect(high).toBeGreaterThan(0);
    expect(high - low).toBeLessThan(0.15);
  });

  // By chance 4,000 trials are off by 0.35 points (one standard deviation). Of 6 pairs the whole range covers 96.9 %, which
  // is the nearest that there is.
  it.each([
    [7, 1],
    [8, 1.1],
    [10, 1],
    [10, 0.95],
    [20, 1.1],
    [40, 1],
  ])('covers a ratio in 93 to 97 %% of noisy trials, with %d pairs of ratio %d', (pairs, ratio) => {
    const random = noise(pairs * 1000 + ratio);
    const trials = 4000;
    let covered = 0;
    for (let trial = 0; trial < trials; trial++) {
      const { a, b } = pairsOf(random, pairs, ratio);
      const { low, high } = compare(a, b);
      if (low! <= ratio && ratio <= high!) covered++;
    }
    expect((covered / trials) * 100).toBeGreaterThanOrEqual(93);
    expect((covered / trials) * 100).toBeLessThanOrEqual(97);
  });

  it('would cover far less if all of A were run before all of B', () => {
    const random = noise(7);
    let covered = 0;
    for (let trial = 0; trial < 1000; trial++) {
      const { a, b } = pairsOf(random, 20, 1, 'AABB');
      const { low, high } = compare(a, b);
      if (low! <= 1 && 1 <= high!) covered++;
    }
    expect(covered).toBeLessThan(800);
  });
});
