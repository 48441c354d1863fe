// SPDX-License-Identifier: Apache-2.0
import type { Nanoseconds } from '../model/units.ts';

/** Three digits and a unit. */
export function duration(ns: Nanoseconds): string {
  const [value, unit] = ns < 1e6 ? [ns / 1e3, 'µs'] : ns < 1e9 ? [ns / 1e6, 'ms'] : [ns / 1e9, 's'];
  return `${Number(value.toPrecision(3))} ${unit}`;
}
