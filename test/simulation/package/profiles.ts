// SPDX-License-Identifier: Apache-2.0

/** What a program does to a core. */
export interface Profile {
  /** Cycles per instruction, but for cache misses. */
  readonly cyclesPerInstruction: number;
  /** Misses of the last cache per instruction. */
  readonly missesPerInstruction: number;
  /** Energy of an instruction at a voltage of 1, nJ. */
  readonly instructionNj: number;
  /** How much of the core it keeps busy, 0 to 1: two tasks on one core slow each other down by half the product. */
  readonly contention: number;
  /** How far phases swing, up or down, as a part. */
  readonly swing: number;
  readonly phaseMs: number;
}

/** [cyclesPerInstruction, missesPerInstruction, instructionNj, contention, swing, phaseMs] */
const FIGURES = {
  spin: [0.9, 0, 0.09, 0.9, 0.03, 100],
  scalar: [0.45, 1e-4, 0.12, 0.85, 0.08, 50],
  jit: [0.7, 1e-3, 0.17, 0.75, 0.3, 20],
  kernel: [1.1, 3e-3, 0.2, 0.7, 0.25, 10],
  memory: [0.6, 0.03, 0.22, 0.5, 0.15, 30],
  crypto: [0.36, 2e-4, 0.25, 0.9, 0.1, 40],
  avx: [0.6, 2e-3, 0.75, 0.9, 0.2, 60],
  database: [0.8, 0.01, 0.18, 0.5, 0.35, 15],
} as const;

export type ProfileName = keyof typeof FIGURES;

export const PROFILES: Readonly<Record<ProfileName, Profile>> = Object.fromEntries(
  Object.entries(FIGURES).map(([name, figures]): [string, Profile] => {
    const [cyclesPerInstruction, missesPerInstruction, instructionNj, contention, swing, phaseMs] = figures;
    return [name, { cyclesPerInstruction, missesPerInstruction, instructionNj, contention, swing, phaseMs }];
  }),
) as Record<ProfileName, Profile>;

/** What machines with many programs run. */
export const MIX: readonly ProfileName[] = [
  'scalar',
  'avx',
  'memory',
  'jit',
  'crypto',
  'database',
  'kernel',
  'spin',
];
