// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from 'node:timers/promises';
import type { Meter } from '../meter.ts';
import type { Running } from './stat-request.ts';
import { DRAIN_MS, type Figures, Tally } from './tally.ts';
import type { Target } from './targets.ts';

/** Schema and shape of `joules stat --output` for what ran already. */
export interface RunningStat extends Figures {
  readonly schema: 'joules.stat/1';
  readonly target: Running;
  /** Why it was not measured any longer: it ended, the time was up, or a signal came. */
  readonly until: 'end' | 'timeout' | 'signal';
}

/** What it used, or why that is not known. */
export type MeasuredRunning =
  { readonly result: RunningStat } | { readonly result: undefined; readonly why: string };

/** How late an end may be seen, ms. It costs a few system calls. */
const LOOK_MS = 100;

/** Adds up what a target uses until it has ended, `timeoutMs` are over or `stopped`; calls `each` every second. */
export async function measureRunning(
  meter: Pick<Meter, 'measure'>,
  target: Target,
  {
    timeoutMs,
    stopped,
    each,
  }: {
    readonly timeoutMs: number;
    readonly stopped: AbortSignal;
    readonly each: (seconds: number, joules: number) => void;
  },
): Promise<MeasuredRunning> {
  const before = await meter.measure();
  const beganMs = performance.now();
  const tally = new Tally(meter, target.follow(), before);
  let nextMs = beganMs + DRAIN_MS;
  const until = async (): Promise<RunningStat['until']> => {
    for (;;) {
      const left = beganMs + timeoutMs - performance.now();
      if (stopped.aborted) return 'signal';
      if (left <= 0) return 'timeout';
      if (!target.isThere()) return 'end';
      await sleep(Math.min(left, LOOK_MS), undefined, { signal: stopped }).catch(() => {});
      if (performance.now() < nextMs) continue;
      nextMs += DRAIN_MS;
      // A measurement that fails costs nothing: the next one covers its time.
      await tally.add().catch(() => {});
      each((performance.now() - beganMs) / 1000, tally.joules);
    }
  };
  const ended = await until();
  const why = await tally.finish();
  if (why !== undefined) return { result: undefined, why };
  return {
    result: { schema: 'joules.stat/1', target: target.running, until: ended, ...tally.figures() },
  };
}
