// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from 'node:timers/promises';
import type { Counter } from '../model/source.ts';
import { type Calibration, VIRTUAL_PERIOD_NS } from '../probe/addon.ts';
import { median } from '../util/median.ts';
import { openCounter } from './location.ts';

/** Whether a hypervisor makes it up, which shares energy out by CPU time. */
export function isVirtual({ periodNs }: Calibration): boolean {
  return periodNs !== undefined && periodNs >= VIRTUAL_PERIOD_NS;
}

/** Two updates of a virtual counter are seen in this time, whenever it begins. */
const LONGEST_MS = 3500;
/** What is fast has shown itself by then; what is not is polled in steps that are fine enough to know. */
const FAST_MS = 100;
const [FAST_STEP_MS, SLOW_STEP_MS] = [1, 10];
const ENOUGH_CHANGES = { fast: 20, slow: 3 } as const;

/** How a counter that user space reads behaves, by polling it for up to 3.5 s. Rejects where it cannot be read. */
export async function watchUpdates({ location }: Counter): Promise<Calibration> {
  const reader = openCounter(location);
  try {
    const beganMs = performance.now();
    const readMs: number[] = [];
    const changedMs: number[] = [];
    let last = await reader.read();
    for (;;) {
      const ms = performance.now();
      const isFast = ms - beganMs < FAST_MS;
      if (ms - beganMs > LONGEST_MS) break;
      if (changedMs.length >= (isFast ? ENOUGH_CHANGES.fast : ENOUGH_CHANGES.slow)) break;
      await sleep(isFast ? FAST_STEP_MS : SLOW_STEP_MS);
      const before = performance.now();
      const count = await reader.read();
      readMs.push(performance.now() - before);
      if (count !== last) changedMs.push(before);
      last = count;
    }
    return calibration(readMs, changedMs);
  } finally {
    reader.close();
  }
}

function calibration(readMs: readonly number[], changedMs: readonly number[]): Calibration {
  const counted = {
    steady: false,
    readNs: median(readMs) * 1e6,
    changes: changedMs.length,
    reads: readMs.length,
  };
  if (changedMs.length < 2) return counted;
  if (changedMs.length >= 0.9 * readMs.length) return { ...counted, periodNs: 0 };
  const gaps = changedMs.slice(1).map((ms, i) => ms - changedMs[i]!);
  const periodMs = gaps.reduce((total, gap) => total + gap, 0) / gaps.length;
  const jitterMs = median(gaps.map((gap) => Math.abs(gap - periodMs)));
  return { ...counted, periodNs: periodMs * 1e6, jitterNs: jitterMs * 1e6 };
}
