// SPDX-License-Identifier: Apache-2.0
import { CONFIDENCE, type Interval, locate } from './signed-rank.ts';

/** A difference that is surely larger than this is one, percent. */
const MATTERS_PERCENT = 2;
/** One that is surely smaller than this is none, percent. */
export const SAME_PERCENT = 5;

export type Verdict = 'MORE' | 'LESS' | 'same' | 'cannot tell';

/** How a figure of B compares with that of A. Ratios B / A; null where a run of either used nothing. */
export interface Comparison {
  readonly ratio: number | null;
  /** Between these two it is, as sure as `CONFIDENCE` says. */
  readonly low: number | null;
  readonly high: number | null;
  readonly verdict: Verdict;
  /** How many more pairs would do, if they are spread like these; 0 where it can be told, null where nobody knows. */
  readonly more_pairs: number | null;
}

/** How all figures are compared, in words for those who read the JSON. */
export const METHOD: string = `Hodges-Lehmann of the pairs' log ratios, Wilcoxon's signed ranks, ${CONFIDENCE * 100} %, order ABBA`;

/**
 * Compares what pairs of runs used: A's and B's of the same pair have the same index, so that what changes slowly on the
 * machine changes both. At least `FEWEST_PAIRS`.
 */
export function compare(a: readonly number[], b: readonly number[]): Comparison {
  // 0 has no logarithm: a counter that did not move while a run lasted tells nothing of a ratio.
  if (![...a, ...b].every((value) => value > 0))
    return { ratio: null, low: null, high: null, verdict: 'cannot tell', more_pairs: null };
  const logs = locate(a.map((value, pair) => Math.log(b[pair]! / value)));
  const verdict = judge(logs);
  return {
    ratio: Math.exp(logs.estimate),
    low: Math.exp(logs.low),
    high: Math.exp(logs.high),
    verdict,
    more_pairs: verdict === 'cannot tell' ? morePairs(logs, a.length) : 0,
  };
}

function judge({ low, high }: Interval): Verdict {
  if (percent(low) > MATTERS_PERCENT) return 'MORE';
  if (percent(high) < -MATTERS_PERCENT) return 'LESS';
  return percent(low) >= -SAME_PERCENT && percent(high) <= SAME_PERCENT ? 'same' : 'cannot tell';
}

/** The width of an interval shrinks with the root of the number of pairs. */
function morePairs({ estimate, low, high }: Interval, pairs: number): number {
  const off = Math.abs(percent(estimate));
  const enough = Math.max(SAME_PERCENT - off, off - MATTERS_PERCENT);
  const half = (percent(high) - percent(low)) / 2;
  return Math.max(1, Math.ceil(pairs * (half / enough) ** 2) - pairs);
}

/** Of the logarithm of a ratio. */
function percent(log: number): number {
  return Math.expm1(log) * 100;
}

/** Whether B surely uses more than A by so many percent. */
export function isMoreBy({ low }: Comparison, percentMore: number): boolean {
  return low !== null && (low - 1) * 100 > percentMore;
}
