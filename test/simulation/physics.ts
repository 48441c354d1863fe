// SPDX-License-Identifier: Apache-2.0
import { hashNormal, hashUniform } from './random.ts';
import { type Governor, type TaskModel, US } from './workload.ts';

/** What a core draws, about as one of AMD's Zen 2 does. */
export interface Hardware {
  /** Power of a core that runs at the nominal frequency, whatever it runs, W; half of it follows the frequency. */
  readonly staticW: number;
  /** Dynamic power is in proportion to this power of the frequency. */
  readonly frequencyExponent: number;
  /** Power of an idle core, W: first in the shallow state, from `sleepAfterNs` on in the deep one. */
  readonly shallowW: number;
  readonly deepW: number;
  readonly sleepAfterNs: number;
  /** What leaving the deep state costs, J. */
  readonly wakeJ: number;
  /** Standard deviation of a task's power from one millisecond to the next, as a part of it. */
  readonly noise: number;
}

export const HARDWARE: Hardware = {
  staticW: 0.5,
  frequencyExponent: 2.4,
  shallowW: 0.22,
  deepW: 0.02,
  sleepAfterNs: 150 * US,
  wakeJ: 30e-6,
  noise: 0.03,
};

/** Dynamic power of a task alone on its core at the nominal frequency, in the given millisecond, W. */
export function dynamicW(
  task: TaskModel,
  at: { readonly id: number; readonly seed: number; readonly ms: number; readonly noise: number },
): number {
  const phase = 2 * hashUniform(at.id * 131 + at.seed, Math.floor(at.ms / task.phaseMs)) - 1;
  const noise = at.noise * hashNormal(at.id + 7919 * at.seed, at.ms);
  return task.powerW * Math.max(0.05, 1 + task.swing * phase + noise);
}

/**
 * How fast either of two tasks runs, and draws, while both threads of their core are busy, as a part of what it does
 * alone. Two that keep the core busy get 1.3 times as much done as one of them, two that wait for memory 1.8 times.
 */
export function paceTogether(
  one: Pick<TaskModel, 'contention'>,
  other: Pick<TaskModel, 'contention'>,
): number {
  return 1 - (one.contention * other.contention) / 2;
}

/** A core's frequency in a governor's period, as a part of the nominal one; `busy` is its load in the one before. */
export const GOVERNORS: Readonly<
  Record<Governor, (at: { seed: number; core: number; period: number; busy: number }) => number>
> = {
  fixed: () => 1,
  random: ({ seed, core, period }) => 0.6 + 0.7 * hashUniform(seed * 53 + core, period),
  utilisation: ({ busy }) => 0.7 + 0.6 * Math.min(1, busy),
};
