// SPDX-License-Identifier: Apache-2.0

/** Random numbers that a seed decides. */
export interface Noise {
  /** From 0 to 1, neither of the two. */
  uniform(): number;
  /** Mean 0, standard deviation 1. */
  normal(): number;
}

/** Mulberry32 (Tommy Ettinger, public domain), and Box and Muller (1958). */
export function noise(seed: number): Noise {
  let state = Math.round(seed * 7919) >>> 0;
  const uniform = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    return (((mixed ^ (mixed >>> 14)) >>> 0) + 0.5) / 2 ** 32;
  };
  const normal = (): number => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  return { uniform, normal };
}

/**
 * What pairs of runs of A and of B, which uses `ratio` times as much, use on a machine that others use too: 6 % of noise,
 * one run in ten up by 30 %, and a drift that runs near to one another share.
 */
export function pairsOf(
  random: Noise,
  pairs: number,
  ratio: number,
  order: 'ABBA' | 'AABB' = 'ABBA',
): { a: number[]; b: number[] } {
  const used: { a: number[]; b: number[] } = { a: [], b: [] };
  let drift = 0;
  const run = (which: 'a' | 'b'): void => {
    drift = 0.97 * drift + 0.03 * random.normal();
    const outlier = random.uniform() < 0.1 ? 0.26 : 0;
    used[which].push(
      Math.exp(Math.log(which === 'a' ? 1 : ratio) + 0.06 * random.normal() + outlier + drift),
    );
  };
  for (let i = 0; i < 2 * pairs; i++) {
    if (order === 'AABB') run(i < pairs ? 'a' : 'b');
    else run(i % 4 === 0 || i % 4 === 3 ? 'a' : 'b');
  }
  return used;
}
