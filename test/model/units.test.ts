// SPDX-License-Identifier: Apache-2.0
import {
  type Counts,
  countedJoules,
  energyOf,
  type Joules,
  type JoulesPerCount,
  powerOf,
  type Seconds,
  toSeconds,
  type Watts,
} from '../../src/model/units.ts';

const energy: Joules = 12;
const time: Seconds = 4;
const power: Watts = 3;
const counts: Counts = 2 ** 20;

describe('units', () => {
  it('are right', () => {
    const scale: JoulesPerCount = 2 ** -16;
    expect(countedJoules(counts, scale)).toBe(16);
    expect([powerOf(energy, time), energyOf(power, time), toSeconds(4e9)]).toEqual([3, 12, 4]);
  });

  it('cannot be exchanged, which the compiler checks', () => {
    // @ts-expect-error a power is no energy
    const wrong: Joules = power;
    // @ts-expect-error a time is no energy, nor an energy a time
    expect(powerOf(time, energy)).not.toBe(power);
    // @ts-expect-error counts are no Joules until they have a scale
    expect(powerOf(counts, time)).not.toBe(wrong);
  });
});
