// SPDX-License-Identifier: Apache-2.0
import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { sumUsed, type Used } from '../attribution/used.ts';
import { type Descendants, descendantsOf } from '../identity/descendants.ts';
import { usageError } from '../model/errors.ts';
import { type Measurement, type Meter, openMeter } from '../meter.ts';
import { startCommand } from '../probe/addon.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { meterOptions, parseOptions, text } from '../settings/options.ts';
import { complain, jsonLine, printable } from './print.ts';

/** Schema and shape of `joules stat --output`. Joules, seconds, watts. */
export interface Stat {
  readonly schema: 'joules.stat/1';
  readonly command: readonly string[];
  readonly exit_code: number;
  readonly elapsed_s: number;
  readonly source: Snapshot['source'];
  readonly energy_j: number;
  /** Estimated standard deviation of `energy_j`; null where the source gives none. */
  readonly energy_err_j: number | null;
  readonly cpu_time_s: number;
  readonly power_w: number;
  readonly processes: number;
  readonly machine_j: number;
  readonly idle_j: number;
  readonly unattributed_j: number;
}

/** Often enough that the ring of forks and exits never fills: it holds 100,000. */
const DRAIN_MS = 1000;

/** `joules stat -- COMMAND…`: runs a command and tells what it and its descendants used. */
export async function stat(args: string[]): Promise<number> {
  const split = args.indexOf('--');
  const command = split < 0 ? [] : args.slice(split + 1);
  const values = parseOptions('stat', split < 0 ? args : args.slice(0, split), {
    output: { type: 'string' },
  });
  if (!command[0]) throw usageError('stat needs a command: joules stat -- COMMAND…');
  const output = openOutput(text(values, 'output'));
  const meter = await openMeter({ ...meterOptions(values), followForks: true });
  try {
    const result = await measureCommand(meter, command);
    if (output !== undefined) writeOutput(output, result);
    process.stderr.write(values.json ? jsonLine(result) : `${report(result).join('\n')}\n`);
    return result.exit_code;
  } finally {
    await meter.close();
    if (output !== undefined) closeSync(output);
  }
}

/** Opened before the command runs, so that a result is not lost for want of a place; emptied only for a new one. */
function openOutput(path: string | undefined): number | undefined {
  if (path === undefined) return undefined;
  try {
    return openSync(path, 'a');
  } catch (error) {
    throw usageError(
      `cannot write --output ${path} (${(error as NodeJS.ErrnoException).code}): choose another file`,
    );
  }
}

function writeOutput(output: number, result: Stat): void {
  try {
    ftruncateSync(output);
  } catch {
    // A pipe or a device: there is nothing to empty.
  }
  try {
    writeSync(output, jsonLine(result));
  } catch (error) {
    complain(`cannot write the result to --output (${(error as NodeJS.ErrnoException).code}): it follows`);
    process.stderr.write(jsonLine(result));
  }
}

async function measureCommand(meter: Meter, command: readonly string[]): Promise<Stat> {
  let own: Used = { joules: 0, uncertainJoules: 0, seconds: 0 };
  const machine = { counter: 0, idle: 0, unattributed: 0 };
  // From here on: what was used before the command began is not its.
  const { snapshot } = await meter.measure();
  const startedMs = performance.now();
  const exited = runCommand(command);
  const family = descendantsOf(meter.ownPid);
  const add = async (): Promise<void> => {
    const measurement = await meter.measure();
    own = sumUsed([own, usedBy(family, measurement)]);
    machine.counter += measurement.snapshot.totals.counter_j;
    machine.idle += measurement.snapshot.totals.idle_j;
    machine.unattributed += measurement.snapshot.totals.unattributed_j;
  };
  let drained = Promise.resolve();
  const timer = setInterval(() => {
    drained = drained.then(add);
  }, DRAIN_MS);
  const exitCode = await exited;
  const elapsed = (performance.now() - startedMs) / 1000;
  clearInterval(timer);
  await drained;
  await add();
  return {
    schema: 'joules.stat/1',
    command,
    exit_code: exitCode,
    elapsed_s: elapsed,
    source: snapshot.source,
    energy_j: own.joules,
    energy_err_j: own.uncertainJoules,
    cpu_time_s: own.seconds,
    power_w: own.joules / elapsed,
    processes: family.size,
    machine_j: machine.counter,
    idle_j: machine.idle,
    unattributed_j: machine.unattributed,
  };
}

function usedBy(family: Descendants, { charges, lives }: Measurement): Used {
  family.follow(lives);
  return sumUsed(charges.processes.filter(({ pid, startNs }) => family.has(pid, startNs)));
}

/** Runs the command with our stdin, stdout and stderr; resolves with what a shell has as `$?`. */
async function runCommand(command: readonly string[]): Promise<number> {
  const { pid, exited } = startCommand(command);
  const passed = ['SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const;
  const pass = (signal: NodeJS.Signals): void => {
    // A terminal sends these two to the command as well.
    if ((signal === 'SIGINT' || signal === 'SIGQUIT') && isForeground()) return;
    try {
      process.kill(pid, signal);
    } catch {
      // It has just ended.
    }
  };
  for (const signal of passed) process.on(signal, pass);
  const { status, signal } = await exited;
  for (const one of passed) process.off(one, pass);
  return signal > 0 ? 128 + signal : status;
}

/** Whether our process group is that of the terminal: fields 5 and 8 of /proc/self/stat, proc(5). */
function isForeground(): boolean {
  const line = readFileSync('/proc/self/stat', 'latin1');
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  return fields[5 - 3] === fields[8 - 3];
}

/** The table: what the command used, and the machine meanwhile. */
function report(result: Stat): string[] {
  const line = (figure: number, unit: string, what: string): string =>
    `${figure.toFixed(4).padStart(14)} ${unit.padEnd(2)} ${what}`;
  const others = result.processes - 1;
  return [
    '',
    ` Energy of '${printable(result.command.join(' '))}':`,
    '',
    line(
      result.energy_j,
      'J',
      `${result.energy_err_j === null ? '' : `± ${result.energy_err_j.toFixed(4)} J `}command${others > 0 ? ` with ${others} descendant${others > 1 ? 's' : ''}` : ''}`,
    ),
    line(result.power_w, 'W', 'mean power'),
    line(result.cpu_time_s, 's', 'CPU time'),
    line(result.elapsed_s, 's', 'elapsed'),
    '',
    line(result.machine_j, 'J', 'machine in that time'),
    line(result.idle_j, 'J', 'of it idle'),
    line(result.unattributed_j, 'J', 'of it unattributed'),
    '',
    ` ${result.source.kind}: source ${result.source.name}, scope ${result.source.scope}`,
    '',
  ];
}
