// SPDX-License-Identifier: Apache-2.0
import { Ledger } from './ledger/ledger.ts';
import { type Meter, openMeter } from './meter.ts';
import type { Snapshot } from './model/snapshot.ts';
import { checkRecorderOptions } from './settings/library.ts';
import { DEFAULT_LIMITS } from './settings/table.ts';
import type { MeterOptions, RecorderOptions } from './settings/types.ts';
import { inSlices } from './util/cooperative.ts';
import { within } from './util/deadline.ts';
import { serial } from './util/serial.ts';

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

/** Options that are wrong are told as what the meter fails with is: an application does not end over them. */
export function recordInBackground(options: RecorderOptions): BackgroundRecorder {
  let failure: unknown;
  const onFailure = (error: unknown): undefined => {
    failure = error;
  };
  let checked: ReturnType<typeof checkRecorderOptions> | undefined;
  try {
    checked = checkRecorderOptions(options);
  } catch (error) {
    onFailure(error);
  }
  const ledger = new Ledger(checked?.limits ?? DEFAULT_LIMITS);
  const opening = checked ? open(checked.meter).catch(onFailure) : Promise.resolve(undefined);
  let closing: Promise<void> | undefined;

  async function open(meterOptions: MeterOptions): Promise<{ meter: Meter; recorder: Recorder }> {
    const meter = await openMeter(meterOptions);
    const intervalMs = (meterOptions.interval ?? 1) * 1000;
    return { meter, recorder: record(meter, { ledger, intervalMs, onFailure }) };
  }

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
