// SPDX-License-Identifier: Apache-2.0
import { badctr, big, freq, homog, light, many, mixed, phase } from './crowds.ts';
import { shorts, storm } from './forks.ts';
import { pingpong, ppsmt, slices, smt, tick } from './pairs.ts';
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
};
