// SPDX-License-Identifier: Apache-2.0
import { sum } from '../util/sum.ts';

/** NaN of none. */
export function mean(values: readonly number[]): number {
  return sum(values) / values.length;
}

/** The middle one, or the mean of the two in the middle; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Sum of the squared distances from the mean. */
export function squares(values: readonly number[]): number {
  const middle = mean(values);
  return sum(values.map((value) => (value - middle) ** 2));
}

/** Sample standard deviation; NaN of fewer than two. */
export function deviation(values: readonly number[]): number {
  return values.length < 2 ? NaN : Math.sqrt(squares(values) / (values.length - 1));
}

/** Of a normal distribution, its standard deviation for each median of the absolute values. */
const SIGMA_PER_MEDIAN = 1 / 0.6745;

/**
 * Standard deviation of a normal distribution around 0, from the median of what it gave: that a few values are of
 * something else changes it little. NaN of none.
 */
export function robustDeviation(values: readonly number[]): number {
  return median(values.map(Math.abs)) * SIGMA_PER_MEDIAN;
}

/**
 * How many standard errors a mean may be off by chance, once in 1,000 times (Student's t, both sides), where the
 * standard deviation comes of so many degrees of freedom. Within 8 % of the tables from 6 on, and too small below, where
 * nothing is judged by it.
 */
export function quantile(degrees: number): number {
  return 3.29 * (1 + 4 / degrees);
}
