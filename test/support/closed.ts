// SPDX-License-Identifier: Apache-2.0
import type { Replayed } from '../simulation/program.ts';

export const energyOf = ({ tasks }: Replayed): bigint => tasks.reduce((sum, { energy }) => sum + energy, 0n);

/** Everybody's energy is what was counted, and that is what the counters advanced, to the last 2^-16 unit. */
export function expectClosed(replayed: Replayed): void {
  const { counted, unpriced, gap, zones } = replayed;
  const advanced = zones.reduce((sum, zone) => sum + zone.advanced, 0n);
  expect(energyOf(replayed)).toBe(counted);
  expect(counted + unpriced + gap).toBe(advanced << 16n);
}
