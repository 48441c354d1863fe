// SPDX-License-Identifier: Apache-2.0
import { compare, type Comparison, isMoreBy, type Verdict } from '../../src/cli/compare.ts';
import { noise, pairsOf } from '../support/noisy-runs.ts';

/** Of six pairs the whole range is the interval. */
function compareRatios(...ratios: number[]): Comparison {
  return compare(
    ratios.map(() => 2),
    ratios.map((ratio) => 2 * ratio),
  );
}

describe('two commands', () => {
  it.each<[Verdict, number[]]>([
    ['MORE', [1.03, 1.04, 1.05, 1.06, 1.07, 1.08]],
    ['LESS', [0.97, 0.96, 0.95, 0.94, 0.93, 0.92]],
    // All of it is more, and none of it matters.
    ['same', [1.005, 1.006, 1.007, 1.008, 1.009, 1.01]],
    ['same', [0.96, 0.98, 1, 1.01, 1.03, 1.04]],
    // It may be more, and may be as good as the same.
    ['cannot tell', [1.01, 1.02, 1.04, 1.05, 1.06, 1.08]],
    ['cannot tell', [0.9, 0.95, 1, 1, 1.05, 1.1]],
  ])('are said to be %s where B / A is %j', (verdict, ratios) => {
    const found = compareRatios(...ratios);
    expect(found.verdict).toBe(verdict);
    expect(found.low).toBeCloseTo(Math.min(...ratios), 10);
    expect(found.high).toBeCloseTo(Math.max(...ratios), 10);
    expect(found.more_pairs! > 0).toBe(verdict === 'cannot tell');
  });

  it('cannot be told where a run used nothing: not a false zero', () => {
    expect(compareRatios(1, 1, 1, 0, 1, 1)).toEqual({
      ratio: null,
      low: null,
      high: null,
      verdict: 'cannot tell',
      more_pairs: null,
    });
  });

  it('differ by more than a limit only where all of the interval does', () => {
    const found = compareRatios(1.06, 1.07, 1.08, 1.09, 1.1, 1.11);
    expect(isMoreBy(found, 5)).toBe(true);
    expect(isMoreBy(found, 7)).toBe(false);
    expect(isMoreBy(compareRatios(1, 1, 1, 0, 1, 1), 0)).toBe(false);
  });

  it('need about as many more pairs as it says', () => {
    const random = noise(11);
    const verdicts = (pairs: number): Verdict[] =>
      Array.from({ length: 300 }, () => {
        const { a, b } = pairsOf(random, pairs, 1.12);
        return compare(a, b).verdict;
      });
    const first = Array.from({ length: 300 }, () => {
      const { a, b } = pairsOf(random, 10, 1.12);
      return compare(a, b);
    });
    const wanted = first.flatMap(({ more_pairs: more }) => (more ? [more] : [])).toSorted((a, b) => a - b);
    const enough = 10 + wanted[Math.floor(wanted.length / 2)]!;
    const told = (all: readonly Verdict[]): number => all.filter((one) => one === 'MORE').length / all.length;
    expect(told(first.map(({ verdict }) => verdict))).toBeLessThan(0.6);
    expect(told(verdicts(enough))).toBeGreaterThan(0.7);
    expect(enough).toBeLessThan(60);
  });

  it('that are one and the same are not told apart, and 10 % is seen, on a noisy host', () => {
    const random = noise(3);
    const verdicts = (ratio: number): Verdict[] =>
      Array.from({ length: 1000 }, () => {
        const { a, b } = pairsOf(random, 20, ratio);
        return compare(a, b).verdict;
      });
    const count = (all: readonly Verdict[], verdict: Verdict): number =>
      all.filter((one) => one === verdict).length;
    const same = verdicts(1);
    expect(count(same, 'MORE') + count(same, 'LESS')).toBeLessThan(25);
    const more = verdicts(1.1);
    expect(count(more, 'MORE')).toBeGreaterThan(600);
    expect(count(more, 'LESS')).toBe(0);
  });
});
