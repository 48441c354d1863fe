// SPDX-License-Identifier: Apache-2.0

/** The value in the middle, the larger one of two; NaN of none. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}
