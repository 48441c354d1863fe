// SPDX-License-Identifier: Apache-2.0

// Taken out once: in jest's VM looking up a global costs more than most functions do.
const { cos, exp, floor, imul, log, PI, sin, sqrt } = Math;

/** Random numbers that are the same on every machine: a seed is a scenario's whole past and future. */
export interface Random {
  /** In (0, 1). */
  uniform(): number;
  /** Mean 0, variance 1. */
  normal(): number;
  exponential(mean: number): number;
  logUniform(low: number, high: number): number;
  logNormal(median: number, sigma: number): number;
  /** An integer, 0 to n - 1. */
  below(n: number): number;
  pick<T>(items: readonly T[]): T;
  shuffle(items: unknown[]): void;
}

/** sfc32 of PractRand (Doty-Humphrey); splitmix32 fills its state, and twelve rounds let go of the seed. */
function sfc32(seed: number): () => number {
  let mixed = (seed ^ 0x9e3779b9) >>> 0;
  const splitmix = (): number => {
    mixed = (mixed + 0x9e3779b9) >>> 0;
    let t = mixed ^ (mixed >>> 16);
    t = imul(t, 0x21f0aaad);
    t ^= t >>> 15;
    t = imul(t, 0x735a2d97);
    return (t ^ (t >>> 15)) >>> 0;
  };
  let [a, b, c, counter] = [splitmix(), splitmix(), splitmix(), 1];
  const next = (): number => {
    const t = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + t) | 0;
    return t >>> 0;
  };
  for (let i = 0; i < 12; i++) next();
  return next;
}

export function createRandom(seed: number): Random {
  const next = sfc32(seed);
  // Never 0, whose logarithm would be infinite.
  const uniform = (): number => (next() + 0.5) / 2 ** 32;
  let spare: number | undefined;
  // Box and Muller's transform makes two at a time.
  const normal = (): number => {
    if (spare !== undefined) {
      const kept = spare;
      spare = undefined;
      return kept;
    }
    const radius = sqrt(-2 * log(uniform()));
    const angle = 2 * PI * uniform();
    spare = radius * sin(angle);
    return radius * cos(angle);
  };
  const below = (n: number): number => floor(uniform() * n);
  return {
    uniform,
    normal,
    exponential: (mean) => -mean * log(uniform()),
    logUniform: (low, high) => low * exp(uniform() * log(high / low)),
    logNormal: (median, sigma) => median * exp(sigma * normal()),
    below,
    pick: (items) => items[below(items.length)]!,
    shuffle(items) {
      for (let i = items.length - 1; i > 0; i--) {
        const j = below(i + 1);
        [items[i], items[j]] = [items[j], items[i]];
      }
    },
  };
}

/** Of 32 bits, a function of the two integers: noise of a task at a time needs no memory of what came before. */
export function hash(a: number, b: number): number {
  let h = imul(a | 0, 0x9e3779b1) ^ imul(b | 0, 0x85ebca77);
  h ^= h >>> 15;
  h = imul(h, 0x2c1b3c6d);
  h ^= h >>> 12;
  h = imul(h, 0x297a2d39);
  h ^= h >>> 15;
  return h >>> 0;
}

/** In [0, 1). */
export function hashUniform(a: number, b: number): number {
  return hash(a, b) / 2 ** 32;
}

/** Nearly normal, mean 0, variance 1: the sum of four uniform numbers. */
export function hashNormal(a: number, b: number): number {
  const [h, g] = [hash(a, b), hash(b ^ 0x5bd1e995, a)];
  const sum = (h & 0xffff) + (h >>> 16) + (g & 0xffff) + (g >>> 16);
  return (sum / 2 ** 16 - 2) * sqrt(3);
}

/** A number for a name (FNV-1a), to make seeds of. */
export function hashName(name: string): number {
  let h = 2166136261;
  for (const char of name) h = imul(h ^ char.charCodeAt(0), 16777619);
  return h >>> 0;
}
