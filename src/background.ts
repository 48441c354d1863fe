// SPDX-License-Identifier: Apache-2.0
import { basename } from 'node:path';
import { type AgentsReadings, askAgent } from './attach/ask-agent.ts';
import { RestartingLedger } from './ledger/restarting.ts';
import type { Ledger } from './ledger/ledger.ts';
import { type Meter, openMeter } from './meter.ts';
import { EnergyError, EXIT_UNABLE } from './model/errors.ts';
import { record } from './recorder.ts';
import { checkRecorderOptions } from './settings/library.ts';
import { DEFAULT_LIMITS } from './settings/table.ts';
import type { RecorderOptions, Scope } from './settings/types.ts';
import { reducingTo } from './snapshot/own.ts';
import { within } from './util/deadline.ts';

/**
 * A recorder beside an application, which it neither keeps alive nor fails: its meter is opened in the background. Where
 * there is no privilege for one, it asks the agent.
 */
export interface BackgroundRecorder {
  readonly ledger: Pick<Ledger, 'reader'>;
  /** What is in the ledger. */
  readonly scope: Scope;
  /** As `Recorder.update`. Resolves with what went wrong since the last time, if anything did. */
  update(timeoutMs: number): Promise<unknown>;
  /** Ends measuring, also while the meter is being opened; may be called twice. */
  close(): Promise<void>;
}

/** What is measured by: a meter of our own, or the agent. */
interface Opened {
  update(timeoutMs: number): Promise<unknown>;
  close(): Promise<void>;
}

type Checked = ReturnType<typeof checkRecorderOptions>;

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
  let checked: Checked | undefined;
  try {
    checked = checkRecorderOptions(options);
  } catch (error) {
    onNeverOpened(error);
  }
  const { limits = DEFAULT_LIMITS, scope = 'process' } = checked ?? {};
  // All of a process is in one series: its resource says which process it is.
  const ledger = new RestartingLedger(scope === 'machine' ? limits : { ...DEFAULT_LIMITS, processes: 0 });
  const opening = checked ? open(checked).catch(onNeverOpened) : Promise.resolve(undefined);
  let asked: AgentsReadings | undefined;
  let closing: Promise<void> | undefined;

  async function open(given: Checked): Promise<Opened> {
    try {
      return await openOwn(given, ledger.current, onFailure);
    } catch (error) {
      if (closing || !mayAsk(error, given)) throw error;
      asked = askAgent({ directory: given.socketDirectory, take, onProblem: onFailure });
      const why = await asked.first;
      if (why)
        onNeverOpened(new EnergyError(error.code, `${error.message}; nor by the agent: ${why.message}`));
      return asked;
    }
  }

  function take({ snapshot, restarted }: Parameters<Parameters<typeof askAgent>[0]['take']>[0]): void {
    if (restarted) ledger.restart();
    ledger.current.add(snapshot);
  }

  return {
    ledger,
    scope,
    async update(timeoutMs) {
      if (!closing)
        await within(
          opening.then((opened) => opened?.update(timeoutMs)),
          timeoutMs,
        );
      const told = failure;
      failure = undefined;
      return told;
    },
    close() {
      // Whether it answers or not: nobody waits for it any more.
      closing ??= Promise.resolve(asked?.close()).then(async () => (await opening)?.close());
      return closing;
    },
  };
}

async function openOwn(
  { meter: given, scope }: Checked,
  ledger: Ledger,
  onFailure: (error: unknown) => void,
): Promise<Opened> {
  const meter = await openMeter(scope === 'machine' ? given : { ...given, include: [], exclude: [] });
  const measured = scope === 'machine' ? meter : ownPart(meter);
  const recorder = record(measured, { ledger, intervalMs: given.interval! * 1000, onFailure });
  return {
    update: (timeoutMs) => recorder.update(timeoutMs),
    async close() {
      await recorder.stop();
      await meter.close();
    },
  };
}

/** The agent tells a process of itself alone, and measures as it was told to. */
function mayAsk(error: unknown, { scope, socketDirectory }: Checked): error is EnergyError {
  const isUnable = error instanceof EnergyError && error.exitCode === EXIT_UNABLE;
  return isUnable && scope === 'process' && socketDirectory !== 'none';
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

/** Tells whoever runs the application why there are no energy metrics: once, however many ask for them. */
function warnOnce(error: unknown): void {
  if (isWarned) return;
  isWarned = true;
  const { message, code } =
    error instanceof EnergyError ? error : new EnergyError('EUNKNOWN', `${String(error)}: report it`);
  process.emitWarning(`energy is not measured: ${message}`, {
    type: 'EnergyWarning',
    code,
    detail:
      'The application goes on, without energy metrics until it is started again, or an agent tells them.',
  });
}
