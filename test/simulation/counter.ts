// SPDX-License-Identifier: Apache-2.0
import { createRandom } from './random.ts';
import { type CounterQuality, US } from './workload.ts';

/** What the perf events of Linux's RAPL driver count in (rapl.c: hw_unit scaled to 2^-32 J), J. */
export const JOULES_PER_COUNT: number = 2 ** -32;
/** What the counter itself counts in: 2^-16 J, as MSR_RAPL_PWR_UNIT says on AMD's Zen. In counts. */
const COUNTS_PER_UNIT = 2 ** 16;

/** When a counter is updated: at `visibleNs[i]` the energy up to `sampledNs[i]` can be read. */
export interface Updates {
  readonly visibleNs: readonly number[];
  readonly sampledNs: readonly number[];
}

/** The updates of a core's counter until a time. */
export function updatesOf(
  quality: CounterQuality,
  options: { readonly core: number; readonly seed: number; readonly endNs: number },
): Updates {
  const { core, seed, endNs } = options;
  const random = createRandom(seed * 977 + core * 13 + 1);
  const periodNs = quality.periodNs * (1 + quality.drift * (2 * random.uniform() - 1));
  const phaseNs = random.uniform() * periodNs;
  const visibleNs: number[] = [];
  const sampledNs: number[] = [];
  for (let n = 0; ; n++) {
    const jitter = Math.max(-3.5, Math.min(3.5, random.normal()));
    const dueNs = phaseNs + n * periodNs + quality.jitterNs * jitter;
    // However much they jitter, updates keep their order.
    const timeNs = Math.max(dueNs, (visibleNs.at(-1) ?? 0) + 1 * US);
    if (timeNs > endNs) break;
    if (dueNs <= 1 || random.uniform() < quality.missed) continue;
    visibleNs.push(timeNs);
    sampledNs.push(Math.max(0, timeNs - quality.lagNs));
  }
  return { visibleNs, sampledNs };
}

/** What the counter reads after so many Joules since it stood at 0: whole units, in counts. */
export function readingOf(energyJ: number): number {
  return Math.floor(energyJ / (JOULES_PER_COUNT * COUNTS_PER_UNIT)) * COUNTS_PER_UNIT;
}
