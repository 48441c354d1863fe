// SPDX-License-Identifier: Apache-2.0
import type { Meter } from '../meter.ts';
import { EnergyError, EXIT_UNABLE } from '../model/errors.ts';
import { isMoreBy } from './compare.ts';
import { keepOnlyNeeded } from './least-privilege.ts';
import { measureCommand } from './measure-command.ts';
import { measureRunning } from './measure-running.ts';
import { complain } from './print.ts';
import { type Run, runSeries } from './run-series.ts';
import { compareReport, repeatReport, runLine } from './series-report.ts';
import { compareResult, repeatResult } from './series-result.ts';
import { ignoreDebugger, onStop } from './signals.ts';
import { report, runningReport } from './stat-report.ts';
import type { StatRequest } from './stat-request.ts';
import type { Target } from './targets.ts';

/** Exit status of `--fail-if-more` where B surely uses more. */
const EXIT_MORE = 4;

/** What is to be told to programs and to people, or why there is nothing, and the exit status. */
export type Outcome =
  | { readonly exitCode: number; readonly result: object; readonly lines: readonly string[] }
  | { readonly exitCode: number; readonly result: undefined; readonly why: string };

type Asked<Does extends StatRequest['does']> = Extract<StatRequest, { readonly does: Does }>;

export async function once(meter: Meter, { command }: Asked<'run'>): Promise<Outcome> {
  const measured = await measureCommand(meter, command, () => dropPrivileges(meter));
  const { exitCode, result } = measured;
  if (result) return { exitCode, result, lines: report(result) };
  return { exitCode, result, why: measured.why };
}

export async function repeat(meter: Meter, { command, times, warmUp }: Asked<'repeat'>): Promise<Outcome> {
  const series = await runSeries(meter, { commands: [command], times, warmUp }, steps(meter, 1));
  if (!series.runs) return { ...series, result: undefined };
  const result = repeatResult(command, series.runs);
  return { exitCode: 0, result, lines: repeatReport(result, warmUp) };
}

export async function compareTwo(
  meter: Meter,
  { commands, times, warmUp, failIfMore }: Asked<'compare'>,
): Promise<Outcome> {
  const series = await runSeries(meter, { commands, times, warmUp }, steps(meter, 2));
  if (!series.runs) return { ...series, result: undefined };
  const result = compareResult(commands, series.runs);
  const fails = failIfMore !== undefined && isMoreBy(result, failIfMore);
  return { exitCode: fails ? EXIT_MORE : 0, result, lines: compareReport(result, failIfMore) };
}

export async function attach(meter: Meter, target: Target, asked: Asked<'attach'>): Promise<Outcome> {
  if ('pids' in target.running && meter.blindTo !== undefined)
    throw new EnergyError('EBLIND', `--pid means processes of the host: ${meter.blindTo}`, EXIT_UNABLE);
  const begun = (): void => dropPrivileges(meter, { namesPrograms: true, signals: false });
  return await follow(meter, target, asked, begun);
}

/** Measures what runs already, by whoever measures; calls `begun` once a signal ends it with a result. */
export async function follow(
  meter: Pick<Meter, 'measure'>,
  target: Target,
  { timeout = Infinity }: Asked<'attach'>,
  begun: () => void = () => {},
): Promise<Outcome> {
  const stopped = new AbortController();
  ignoreDebugger();
  const release = onStop(() => stopped.abort());
  try {
    begun();
    const measured = await measureRunning(meter, target, {
      timeoutMs: timeout * 1000,
      stopped: stopped.signal,
      each: (seconds, joules) => showNow(`${seconds.toFixed(0)} s, ${joules.toFixed(2)} J; Ctrl-C ends it`),
    });
    showNow('');
    const { result } = measured;
    if (result) return { exitCode: 0, result, lines: runningReport(result, target.name) };
    return { exitCode: EXIT_UNABLE, result, why: measured.why };
  } finally {
    release();
  }
}

/** The last command has begun with all that we had, and may use sudo: what we give up is no longer passed on to it. */
function dropPrivileges(
  { selection: { source } }: Meter,
  duties = { namesPrograms: false, signals: true },
): void {
  try {
    keepOnlyNeeded({ source, namesContainers: false, readsToken: false, ...duties });
  } catch (error) {
    // It runs: that nothing can be done about it now is no reason not to measure it.
    complain((error as Error).message);
  }
}

/**
 * Progress is for a terminal alone, which commands write to as well: whole lines, and only while none runs, so that none is
 * ever within what a command prints.
 */
function steps(meter: Meter, commands: number): Parameters<typeof runSeries>[2] {
  return {
    lastBegun: () => dropPrivileges(meter),
    ended: (run: Run) => {
      if (process.stderr.isTTY) process.stderr.write(`joules: ${runLine(run, commands)}\n`);
    },
  };
}

/** A line that is written over, where nothing else is written. */
function showNow(line: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${line}`);
}
