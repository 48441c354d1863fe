// SPDX-License-Identifier: Apache-2.0
import type { Stat } from './measure-command.ts';
import type { RunningStat } from './measure-running.ts';
import { figure, printable } from './print.ts';
import { kindText } from './split-text.ts';
import type { Figures } from './tally.ts';

/** The table of a command: what it used, and the machine meanwhile. */
export function report(result: Stat): string[] {
  const others = result.processes - 1;
  const whose = `command${others > 0 ? ` with ${others} descendant${others > 1 ? 's' : ''}` : ''}`;
  return ['', ` Energy of '${printable(result.command.join(' '))}':`, '', ...lines(result, whose)];
}

const UNTIL: Readonly<Record<RunningStat['until'], string>> = {
  end: 'until its end',
  timeout: 'until the time was up',
  signal: 'until interrupted',
};

/** The table of what ran already. `name` says what it is. */
export function runningReport(result: RunningStat, name: string): string[] {
  const whose = `${result.processes} process${result.processes === 1 ? '' : 'es'}`;
  return ['', ` Energy of ${printable(name)} ${UNTIL[result.until]}:`, '', ...lines(result, whose)];
}

function lines(result: Figures, whose: string): string[] {
  const { estimate } = result.source;
  const line = (value: number, unit: string, what: string): string => {
    // Times are measured in any case.
    const text = figure(value, 4, unit === 's' ? undefined : estimate?.digits);
    return `${text.padStart(14)} ${unit.padEnd(2)} ${what}`;
  };
  const error = result.energy_err_j === null ? '' : `± ${result.energy_err_j.toFixed(4)} J `;
  return [
    line(result.energy_j, 'J', `${error}${whose}`),
    line(result.power_w, 'W', 'mean power'),
    line(result.cpu_time_s, 's', 'CPU time'),
    line(result.elapsed_s, 's', 'elapsed'),
    '',
    line(result.machine_j, 'J', `machine in ${figure(result.machine_s, 4)} s`),
    line(result.idle_j, 'J', 'of it idle'),
    line(result.unattributed_j, 'J', 'of it unattributed'),
    ...(result.shared_j > 0 ? [line(result.shared_j, 'J', 'of that shared: drawn whoever runs')] : []),
    '',
    ...kindLines(result.source),
    '',
  ];
}

const CLOCK =
  ' No energy was counted: these are counts of a clock at so many Joules each, and two commands compare by those alone.';

/** What kind of figures these are, and what they cannot tell whoever compares two programs with them. */
export function kindLines(source: Figures['source']): string[] {
  const { estimate } = source;
  return [
    ` ${kindText(source)}${source.name === source.kind ? '' : `: source ${source.name}`}, scope ${source.scope}`,
    ...(estimate ? caveat(estimate) : []),
    ...(source.kind === 'estimated' && !estimate ? [CLOCK] : []),
  ];
}

function caveat({ reference, covers }: NonNullable<Figures['source']['estimate']>): string[] {
  const wall = covers === 'server' ? ': power at the wall of a whole server, per hardware thread' : '';
  return [
    ' Nothing was counted: these are watts times CPU time, so that two commands compare by their CPU time alone.',
    ` Watts: ${reference}${wall}.`,
  ];
}
