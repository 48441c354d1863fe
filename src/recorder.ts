// SPDX-License-Identifier: Apache-2.0
import { Ledger } from './ledger/ledger.ts';
import { DEFAULT_LIMITS, type LedgerLimits } from './ledger/limits.ts';
import { type Meter, type MeterOptions, openMeter } from './meter.ts';
import type { Snapshot } from './model/snapshot.ts';
import { inSlices } from './util/cooperative.ts';
import { within } from './util/deadline.ts';
import { serial } from './util/serial.ts';

export interface RecorderOptions extends MeterOptions {
  readonly limits?: Partial<LedgerLimits>;
}

/** Measures every interval and adds what it finds to a ledger. */
export interface Recorder {
  /** Measures up to now, for `timeoutMs` at most: what comes later is in the next reading. Never rejects. */
  update(timeoutMs: number): Promise<void>;
  /** Ends measuring. The meter stays open. */
  stop(): Promise<void>;
}

export interface RecordingOptions {
  readonly ledger: Ledger;
  readonly intervalMs: number;
  /** Takes each interval once it is in the ledger; the next one waits for it. */
  readonly onSnapshot?: (snapshot: Snapshot) => void | Promise<void>;
  /** Takes what went wrong with a measurement, once until one succeeds. The next one covers its time. */
  readonly onFailure: (error: unknown) => void;
}

/** Looking after 1,000 cgroups takes some ms: done every tenth time. */
const CGROUP_CHECK_ROUNDS = 10;

/** Records what an open meter measures, until it is stopped. */
export function record(meter: Meter, options: RecordingOptions): Recorder {
  const { ledger, intervalMs, onSnapshot, onFailure } = options;
  const inTurn = serial();
  let rounds = 0;
  let failing = false;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;

  async function measure(): Promise<void> {
    try {
      const snapshot = await meter.snapshot();
      await inSlices(ledger.adding(snapshot));
      if (++rounds % CGROUP_CHECK_ROUNDS === 0)
        ledger.endRemoved({ cgroup: (path) => meter.cgroupExists(path) });
      failing = false;
      await onSnapshot?.(snapshot);
    } catch (error) {
      if (!failing) onFailure(error);
      failing = true;
    }
  }

  // From due time to due time: intervals do not drift by what a measurement takes.
  function schedule(dueMs: number): void {
    const nextMs = Math.max(dueMs + intervalMs, performance.now());
    timer = setTimeout(() => {
      void inTurn(measure).then(() => {
        if (!stopped) schedule(nextMs);
      });
    }, nextMs - performance.now()).unref();
  }
  schedule(performance.now());

  return {
    update: async (timeoutMs) => {
      if (!stopped) await within(inTurn(measure), timeoutMs);
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await inTurn(() => {});
    },
  };
}

/** A recorder beside an application, which it neither keeps alive nor fails: its meter is opened in the background. */
export interface BackgroundRecorder {
  readonly ledger: Ledger;
  /** As `Recorder.update`. Resolves with what went wrong since the last time, if anything did. */
  update(timeoutMs: number): Promise<unknown>;
  close(): Promise<void>;
}

export function recordInBackground(options: RecorderOptions): BackgroundRecorder {
  const ledger = new Ledger({ ...DEFAULT_LIMITS, ...options.limits });
  let failure: unknown;
  const onFailure = (error: unknown): void => {
    failure = error;
  };
  const intervalMs = (options.interval ?? 1) * 1000;
  const opening = openMeter(options).then(
    (meter) => ({ meter, recorder: record(meter, { ledger, intervalMs, onFailure }) }),
    (error: unknown) => {
      onFailure(error);
      return undefined;
    },
  );
  let closing: Promise<void> | undefined;

  return {
    ledger,
    async update(timeoutMs) {
      if (!closing)
        await within(
          opening.then((opened) => opened?.recorder.update(timeoutMs)),
          timeoutMs,
        );
      const told = failure;
      failure = undefined;
      return told;
    },
    close() {
      closing ??= opening.then(async (opened) => {
        await opened?.recorder.stop();
        await opened?.meter.close();
      });
      return closing;
    },
  };
}
