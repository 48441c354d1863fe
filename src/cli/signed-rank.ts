// SPDX-License-Identifier: Apache-2.0
// By how much one command differs from another, of pairs of runs: the estimate of Hodges and Lehmann (1963) with the
// interval that Wilcoxon's signed ranks give (Tukey 1949; Hollander, Wolfe, Chicken: Nonparametric Statistical Methods,
// 3rd ed. 2014, sections 3.1 to 3.3).
//
// Where hosts are noisy single runs take far longer than others. In simulation this interval covers what it claims with
// such runs, and is narrower than Student's, Welch's and a bootstrap's; it needs no quantiles but of a distribution that
// is counted exactly below. Packages that have it (@stdlib/stats-wilcoxon) test, and give no interval.

/** How sure an interval is. */
export const CONFIDENCE = 0.95;
/** Fewer signed ranks cannot be so sure: of 5 the whole range covers 93.75 %. */
export const FEWEST_PAIRS = 6;

export interface Interval {
  readonly estimate: number;
  readonly low: number;
  readonly high: number;
}

/**
 * The location of differences that are spread alike to both sides of it, and an interval that covers it at least as often
 * as `CONFIDENCE` says. @throws RangeError for fewer than `FEWEST_PAIRS`.
 */
export function locate(differences: readonly number[]): Interval {
  const outside = criticalRankSum(differences.length);
  if (outside < 0) throw new RangeError(`${differences.length} pairs are too few for an interval`);
  const means = walshAverages(differences);
  const middle = means.length >> 1;
  return {
    estimate: means.length % 2 === 1 ? means[middle]! : (means[middle - 1]! + means[middle]!) / 2,
    low: means[outside]!,
    high: means[means.length - 1 - outside]!,
  };
}

/** The means of all pairs of values, each with itself too, ascending. */
function walshAverages(values: readonly number[]): Float64Array {
  const means = new Float64Array((values.length * (values.length + 1)) / 2);
  let at = 0;
  for (let i = 0; i < values.length; i++)
    for (let j = i; j < values.length; j++) means[at++] = (values[i]! + values[j]!) / 2;
  return means.toSorted();
}

/**
 * The largest sum of positive ranks of `n` differences that chance stays at or below in at most half of what `CONFIDENCE`
 * leaves, by the exact distribution: each of the ranks 1 to n has either sign with the same probability. -1: not even 0.
 */
export function criticalRankSum(n: number): number {
  // probability[s] after rank r: that those of the ranks 1 to r that are positive add up to s.
  const probability = new Float64Array((n * (n + 1)) / 2 + 1);
  probability[0] = 1;
  for (let rank = 1; rank <= n; rank++)
    for (let sum = (rank * (rank + 1)) / 2; sum >= 0; sum--)
      probability[sum] = (probability[sum]! + (sum >= rank ? probability[sum - rank]! : 0)) / 2;
  let below = 0;
  let sum = 0;
  while (below + probability[sum]! <= (1 - CONFIDENCE) / 2) below += probability[sum++]!;
  return sum - 1;
}
