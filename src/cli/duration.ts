// SPDX-License-Identifier: Apache-2.0
import type { Nanoseconds } from '../model/units.ts';

/** Three digits and a unit. */
export function duration(ns: Nanoseconds): string {
  const rounded = Number(ns.toPrecision(3));
  if (rounded < 1e6) return `${rounded / 1e3} µs`;
  return rounded < 1e9 ? `${rounded / 1e6} ms` : `${rounded / 1e9} s`;
}
