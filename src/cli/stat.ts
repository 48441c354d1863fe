// SPDX-License-Identifier: Apache-2.0
import { closeSync, constants, ftruncateSync, openSync, writeFileSync } from 'node:fs';
import { type Meter, openMeter } from '../meter.ts';
import { usageError } from '../model/errors.ts';
import { parseOptions } from '../settings/options.ts';
import { keepOnlyNeeded } from './least-privilege.ts';
import { measureCommand, type Stat } from './measure-command.ts';
import { complain, complainOfDoubts, figure, jsonLine, printable } from './print.ts';
import { kindText } from './split-text.ts';

/** `joules stat COMMAND…`: runs a command and tells what it and its descendants used. */
export async function stat(args: readonly string[]): Promise<number> {
  const { meter: options, own, operands: command } = parseOptions('stat', args);
  if (!command[0]) throw usageError('stat needs a command: joules stat COMMAND…');
  const output = openOutput(own.output);
  const meter = await openMeter({ ...options, followForks: true, log: complainOfDoubts });
  try {
    const measured = await measureCommand(meter, command, () => dropPrivileges(meter));
    if (measured.result) {
      if (output !== undefined) writeOutput(output, measured.result);
      process.stderr.write(own.json ? jsonLine(measured.result) : `${report(measured.result).join('\n')}\n`);
    } else complain(`no result, since the command's last interval was not measured: ${measured.why}`);
    return measured.exitCode;
  } finally {
    await meter.close();
    if (output !== undefined) closeSync(output);
  }
}

/** The command has begun with all that we had, and may use sudo: what we give up is no longer passed on to it. */
function dropPrivileges({ selection: { source } }: Meter): void {
  try {
    keepOnlyNeeded({ source, namesPrograms: false, readsFiles: false, signals: true });
  } catch (error) {
    // It runs: that nothing can be done about it now is no reason not to measure it.
    complain((error as Error).message);
  }
}

/** A FIFO that nobody reads is an error, and not waited for. */
const { O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK, O_NOCTTY } = constants;
const TO_APPEND = O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY;

/** Opened before the command runs, so that a result is not lost for want of a place; emptied only for a new one. */
function openOutput(path: string | undefined): number | undefined {
  if (path === undefined) return undefined;
  try {
    return openSync(path, TO_APPEND, 0o666);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const remedy = code === 'ENXIO' ? 'nobody reads it, start its reader first' : 'choose another file';
    throw usageError(`cannot write --output ${path} (${code}): ${remedy}`);
  }
}

function writeOutput(output: number, result: Stat): void {
  try {
    ftruncateSync(output);
  } catch {
    // A pipe or a device: there is nothing to empty.
  }
  try {
    writeFileSync(output, jsonLine(result));
  } catch (error) {
    complain(`cannot write the result to --output (${(error as NodeJS.ErrnoException).code}): it follows`);
    process.stderr.write(jsonLine(result));
  }
}

/** The table: what the command used, and the machine meanwhile. */
export function report(result: Stat): string[] {
  const { estimate } = result.source;
  const line = (value: number, unit: string, what: string): string => {
    // Times are measured in any case.
    const text = figure(value, 4, unit === 's' ? undefined : estimate?.digits);
    return `${text.padStart(14)} ${unit.padEnd(2)} ${what}`;
  };
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
    ...(result.shared_j > 0 ? [line(result.shared_j, 'J', 'of that shared: drawn whoever runs')] : []),
    '',
    ` ${kindText(result.source)}: source ${result.source.name}, scope ${result.source.scope}`,
    ...(estimate ? caveat(estimate) : []),
    ...(result.source.kind === 'estimated' && !estimate ? [CLOCK] : []),
    '',
  ];
}

const CLOCK =
  ' No energy was counted: these are counts of a clock at so many Joules each, and two commands compare by those alone.';

/** What an estimate cannot tell, for whoever compares two programs with it. */
function caveat({ reference, covers }: NonNullable<Stat['source']['estimate']>): string[] {
  const wall = covers === 'server' ? ': power at the wall of a whole server, per hardware thread' : '';
  return [
    ' Nothing was counted: these are watts times CPU time, so that two commands compare by their CPU time alone.',
    ` Watts: ${reference}${wall}.`,
  ];
}
