// SPDX-License-Identifier: Apache-2.0
import { basename } from 'node:path';
import { Ledger } from './ledger/ledger.ts';
import { type Meter, openMeter } from './meter.ts';
import { EnergyError } from './model/errors.ts';
import type { Snapshot } from './model/snapshot.ts';
import { checkRecorderOptions } from './settings/library.ts';
import { DEFAULT_LIMITS } from './settings/table.ts';
import type { RecorderOptions, Scope } from './settings/types.ts';
import { reducingTo } from './snapshot/own.ts';
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

/** Looking after 1,000 cgroups takes some ms: done every tenth time. */
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

/** A recorder beside an application, which it neither keeps alive nor fails: its meter is opened in the background. */
export interface BackgroundRecorder {
  readonly ledger: Ledger;
  /** What is in the ledger. */
  readonly scope: Scope;
  /** As `Recorder.update`. Resolves with what went wrong since the last time, if anything did. */
  update(timeoutMs: number): Promise<unknown>;
  /** Ends measuring, also while the meter is being opened; may be called twice. */
  close(): Promise<void>;
}

/** Options that are wrong are told as what the meter fails with is: an application does not end over them. */
export function recordInBackground(options: RecorderOptions): BackgroundRecorder {
  let failure: unknown;
  const onFailure = (error: unknown): undefined => {
    failure = error;
  };
  const onNeverOpened = (error: unknown): undefined => {
    onFailure(error);
    warnOnce(error);
  };
  let checked: ReturnType<typeof checkRecorderOptions> | undefined;
  try {
    checked = checkRecorderOptions(options);
  } catch (error) {
    onNeverOpened(error);
  }
  const { limits = DEFAULT_LIMITS, scope = 'process' } = checked ?? {};
  // All of a process is in one series: its resource says which process it is.
  const ledger = new Ledger(scope === 'machine' ? limits : { ...DEFAULT_LIMITS, processes: 0 });
  const opening = checked ? open(checked).catch(onNeverOpened) : Promise.resolve(undefined);
  let closing: Promise<void> | undefined;

  async function open({ meter: given }: NonNullable<typeof checked>): Promise<Opened> {
    const meter = await openMeter(scope === 'machine' ? given : { ...given, include: [], exclude: [] });
    const intervalMs = given.interval! * 1000;
    const measured = scope === 'machine' ? meter : ownPart(meter);
    return { meter, recorder: record(measured, { ledger, intervalMs, onFailure }) };
  }

  return {
    ledger,
    scope,
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

interface Opened {
  readonly meter: Meter;
  readonly recorder: Recorder;
}

/** A meter that sees this process alone, and the container that it is in. */
function ownPart(meter: Meter): Pick<Meter, 'snapshot' | 'cgroupExists'> {
  const reduce = reducingTo(meter.ownPid, basename(process.execPath));
  return {
    snapshot: async () => reduce(await meter.snapshot()),
    cgroupExists: (path) => meter.cgroupExists(path),
  };
}

let isWarned = false;

/** Tells whoever runs the application why there will be no energy metrics: once, however many ask for them. */
function warnOnce(error: unknown): void {
  if (isWarned) return;
  isWarned = true;
  const { message, code } =
    error instanceof EnergyError ? error : new EnergyError('EUNKNOWN', `${String(error)}: report it`);
  process.emitWarning(`energy is not measured: ${message}`, {
    type: 'EnergyWarning',
    code,
    detail: 'The application goes on, without energy metrics until it is started again.',
  });
}
