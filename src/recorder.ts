// SPDX-License-Identifier: Apache-2.0
import type { Ledger } from './ledger/ledger.ts';
import type { Meter } from './meter.ts';
import type { Snapshot } from './model/snapshot.ts';
import { inSlices } from './util/cooperative.ts';
import { within } from './util/deadline.ts';
import { serial } from './util/serial.ts';

/** Measures every interval and adds what it finds to a ledger. */
export interface Recorder {
  /**
   * Measures up to now, for `timeoutMs` at most: what comes later is in the next reading. Never rejects. Whoever asks
   * again within the least age of readings gets what has been measured by then.
   */
  update(timeoutMs: number): Promise<void>;
  /** Ends measuring. The meter stays open. */
  stop(): Promise<void>;
}

export interface RecordingOptions {
  readonly ledger: Ledger;
  readonly intervalMs: number;
  /** Readers of the ledger get nothing new sooner, however short intervals are; default 1 s. */
  readonly leastAgeMs?: number;
  /** Takes each interval once it is in the ledger; the next one waits for it. */
  readonly onSnapshot?: (snapshot: Snapshot) => void | Promise<void>;
  /** Takes what went wrong with a measurement, once until one succeeds. The next one covers its time. */
  readonly onFailure: (error: unknown) => void;
}

/**
 * What a process draws from one ms to the next tells what it works on (see SECURITY.md): so readings that others may
 * get are a second apart.
 */
const LEAST_AGE_MS = 1000;
/** A second that is a little shorter, since timers are not exact, counts. */
const TOLERANCE = 0.1;

/** Looking after 1,000 cgroups takes some ms, in slices: done every tenth time. */
const CGROUP_CHECK_ROUNDS = 10;

/** Records what an open meter measures, until it is stopped. */
export function record(meter: Pick<Meter, 'snapshot' | 'cgroupExists'>, options: RecordingOptions): Recorder {
  const { ledger, intervalMs, leastAgeMs = LEAST_AGE_MS, onSnapshot, onFailure } = options;
  const inTurn = serial();
  let rounds = 0;
  let failing = false;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let shownMs = -Infinity;
  let askedMs = -Infinity;

  /** What was asked for is shown: intervals go on beside it, so there are two readings in a second at most. */
  async function measure(asked: boolean): Promise<void> {
    try {
      const snapshot = await meter.snapshot();
      const nowMs = performance.now();
      const isShown = asked || nowMs - shownMs >= leastAgeMs * (1 - TOLERANCE);
      if (!isShown) ledger.hold();
      await inSlices(ledger.adding(snapshot));
      if (isShown) {
        ledger.show();
        shownMs = nowMs;
      }
      if (++rounds % CGROUP_CHECK_ROUNDS === 0)
        await inSlices(ledger.endingRemoved({ cgroup: (path) => meter.cgroupExists(path) }));
      failing = false;
      await onSnapshot?.(snapshot);
    } catch (error) {
      if (!failing) onFailure(error);
      failing = true;
    }
  }

  // From due time to due time: intervals do not drift by what a measurement takes.
  function schedule(dueMs: number): void {
    const nowMs = performance.now();
    const nextMs = Math.max(dueMs + intervalMs, nowMs);
    timer = setTimeout(() => {
      void inTurn(() => measure(false)).then(() => {
        if (!stopped) schedule(nextMs);
      });
    }, nextMs - nowMs).unref();
  }
  schedule(performance.now());

  return {
    update: async (timeoutMs) => {
      const nowMs = performance.now();
      if (stopped || nowMs - askedMs < leastAgeMs) return;
      askedMs = nowMs;
      await within(
        inTurn(() => measure(true)),
        timeoutMs,
      );
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await inTurn(() => {});
    },
  };
}
