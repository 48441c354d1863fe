// SPDX-License-Identifier: Apache-2.0
import { alike, badctr, big, freq, homog, light, many, mixed, phase } from './crowds.ts';
import { shorts, storm } from './forks.ts';
import { pingpong, ppsmt, slices, smt, tick, turns, twins } from './pairs.ts';
import { idle, irq, server } from './services.ts';
import type { Workload } from './workload.ts';

/** What the simulated machine can do: each makes a workload of a seed. */
export const SCENARIOS: Readonly<Record<string, (seed: number) => Workload>> = {
  slices,
  pingpong,
  ppsmt,
  smt,
  storm,
  shorts,
  server,
  tick,
  turns,
  twins,
  mixed,
  freq,
  phase,
  badctr,
  light,
  idle,
  many,
  irq,
  big,
  homog,
  alike,
};

/**
 * Those in which energy can be told apart. In the others two tasks take turns within microseconds, always in equal
 * parts, or always run at once, or interrupts use what can only be charged to whom they interrupt.
 */
export const ORDINARY: readonly string[] = Object.keys(SCENARIOS).filter(
  (name) => !['pingpong', 'ppsmt', 'twins', 'irq'].includes(name),
);
