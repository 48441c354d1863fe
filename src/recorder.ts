// SPDX-License-Identifier: Apache-2.0
import { Ledger, type LedgerLimits } from './ledger/ledger.ts';
import { type Meter, type MeterOptions, openMeter } from './meter.ts';

export interface RecorderOptions extends MeterOptions {
  readonly limits?: Partial<LedgerLimits>;
}

/** A meter that fills a ledger beside an application, which it neither keeps alive nor fails. */
export interface Recorder {
  readonly ledger: Ledger;
  /**
   * Measures up to now, for `timeoutMs` at most; never rejects. Resolves with what went wrong since the last
   * time, if anything did: the meter could not be opened, or not be read.
   */
  update(timeoutMs: number): Promise<unknown>;
  close(): Promise<void>;
}

/** Looking after 1,000 cgroups takes some ms: done every tenth time. */
const CGROUP_CHECK_ROUNDS = 10;

/** Opens a meter in the background and measures every interval from then on. */
export function startRecorder(options: RecorderOptions): Recorder {
  const ledger = new Ledger(options.limits);
  let failure: unknown;
  let rounds = 0;
  let waiting = 0;
  let closing: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;

  async function measure(meter: Meter): Promise<void> {
    waiting++;
    try {
      ledger.add(await meter.snapshot());
      if (++rounds % CGROUP_CHECK_ROUNDS === 0) ledger.endRemovedCgroups((path) => meter.cgroupExists(path));
    } catch (error) {
      failure = error;
    }
    waiting--;
  }

  async function open(): Promise<Meter | undefined> {
    try {
      const meter = await openMeter(options);
      timer = setInterval(() => void (waiting || measure(meter)), (options.interval ?? 1) * 1000);
      timer.unref();
      return meter;
    } catch (error) {
      failure = error;
      return undefined;
    }
  }
  const opening = open();

  return {
    ledger,
    async update(timeoutMs) {
      if (!closing)
        await within(
          timeoutMs,
          opening.then((meter) => meter && measure(meter)),
        );
      const told = failure;
      failure = undefined;
      return told;
    },
    close() {
      closing ??= opening.then((meter) => {
        clearInterval(timer);
        return meter?.close();
      });
      return closing;
    },
  };
}

/** Waits for work that never rejects, but not longer than this; it goes on meanwhile. */
async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, late]);
  clearTimeout(timer);
}
