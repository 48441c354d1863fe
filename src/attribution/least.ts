// SPDX-License-Identifier: Apache-2.0
import type { Attribution } from '../model/source.ts';

/**
 * What can be said of figures that were split in several ways: `learned` if all were, `time` if any was split by time,
 * null if none was split afterwards.
 */
export function leastAttribution(all: Iterable<Attribution | null>): Attribution | null {
  const found = new Set(all);
  return found.has('time') ? 'time' : found.has('learned') ? 'learned' : null;
}
