// SPDX-License-Identifier: Apache-2.0
import type { Joules, Seconds } from '../model/units.ts';
import { sum } from '../util/sum.ts';

/** What somebody used in an interval. */
export interface Used {
  readonly joules: Joules;
  /** Standard deviation of `joules` as far as it comes from learned powers; null where none were learned. */
  readonly uncertainJoules: Joules | null;
  readonly seconds: Seconds;
}

/**
 * What they used together. Standard deviations are added up as they are, which is the most that theirs can be: what one
 * is charged too much another one may be charged too little. null where one is not known.
 */
export function sumUsed(used: readonly Used[]): Used {
  return {
    joules: sum(used.map(({ joules }) => joules)),
    uncertainJoules: used.reduce<number | null>(
      (total, { uncertainJoules }) =>
        total === null || uncertainJoules === null ? null : total + uncertainJoules,
      0,
    ),
    seconds: sum(used.map(({ seconds }) => seconds)),
  };
}
