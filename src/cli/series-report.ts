// SPDX-License-Identifier: Apache-2.0
import { type Comparison, isMoreBy, SAME_PERCENT } from './compare.ts';
import { figure, printable } from './print.ts';
import type { Run } from './run-series.ts';
import { type CompareResult, type Figure, FIGURES, othersShare, type RepeatResult } from './series-result.ts';
import { CONFIDENCE } from './signed-rank.ts';
import { kindLines } from './stat-report.ts';

const WORDS: Readonly<Record<Figure, readonly [unit: string, what: string]>> = {
  energy_j: ['J', 'energy'],
  power_w: ['W', 'mean power'],
  cpu_time_s: ['s', 'CPU time'],
  elapsed_s: ['s', 'elapsed'],
};

/** One line for each run that has ended. */
export function runLine({ command, number, of, counts, figures }: Run, commands: number): string {
  const which = commands > 1 ? `, ${'AB'[command]}` : '';
  const joules = figure(figures.energy_j, 4, figures.source.estimate?.digits);
  return `run ${number} of ${of}${which}: ${joules} J, ${figures.elapsed_s.toFixed(2)} s${counts ? '' : ' (warm-up)'}`;
}

/** The table of a command that was run several times. */
export function repeatReport(result: RepeatResult, warmUp: number): string[] {
  const { runs, source } = result;
  const value = valueOf(result);
  return [
    '',
    ` Energy of '${printable(result.command.join(' '))}', ${runs.length} runs${warmUp > 0 ? ` after ${warmUp} to warm up` : ''}:`,
    '',
    `${'mean'.padStart(14)}    ${'± deviation'.padEnd(20)}${'least … most'.padEnd(22)}`,
    ...FIGURES.map((name) => {
      const { mean, deviation, min, max } = result[name];
      const [unit, what] = WORDS[name];
      const part = mean > 0 ? ` (${((deviation / mean) * 100).toFixed(1)} %)` : '';
      const spread = `± ${value(name, deviation)}${part}`;
      const range = `${value(name, min)} … ${value(name, max)}`;
      return `${value(name, mean).padStart(14)} ${unit}  ${spread.padEnd(20)}${range.padEnd(22)}${what}`;
    }),
    '',
    `    ${sparkline(runs.map(({ energy_j }) => energy_j))}  energy of the runs in their order`,
    ...noiseLines(othersShare(runs)),
    '',
    ...kindLines(source),
    '',
  ];
}

/** The table of two commands that were run in turns. */
export function compareReport(result: CompareResult, failIfMore: number | undefined): string[] {
  const { runs, source } = result;
  const value = valueOf(result);
  const cells = FIGURES.map((name) => {
    const [unit, what] = WORDS[name];
    const { a, b, ...compared } = result[name];
    const [meanOfA, meanOfB] = [a, b].map(({ mean }) => `${value(name, mean)} ${unit}`);
    return [what, meanOfA!, meanOfB!, percent(compared.ratio), interval(compared), verdictOf(compared)];
  });
  const rows = [['', 'A', 'B', 'B is', `${CONFIDENCE * 100} % sure`, ''], ...cells];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return [
    '',
    ` A  ${printable(result.a.join(' '))}`,
    ` B  ${printable(result.b.join(' '))}`,
    '',
    ...rows.map((row) =>
      `   ${row.map((cell, i) => (i === 0 || i === 5 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('   ')}`.trimEnd(),
    ),
    '',
    ` ${conclusion(result)}`,
    ...(failIfMore === undefined ? [] : [` ${limitText(result, failIfMore)}`]),
    ` ${runs.length / 2} pairs of runs, A B B A.`,
    ...noiseLines(othersShare(runs)),
    '',
    ...kindLines(source),
    '',
  ];
}

function valueOf({ source }: Pick<RepeatResult, 'source'>): (name: Figure, value: number) => string {
  // Times are measured in any case.
  return (name, value) => figure(value, 4, WORDS[name][0] === 's' ? undefined : source.estimate?.digits);
}

function percent(ratio: number | null): string {
  if (ratio === null) return '?';
  const text = ((ratio - 1) * 100).toFixed(1);
  return Number(text) === 0 ? '0.0 %' : `${ratio > 1 ? '+' : ''}${text} %`;
}

function interval({ low, high }: Comparison): string {
  return low === null ? '' : `${percent(low)} … ${percent(high)}`;
}

function verdictOf({ verdict }: Comparison): string {
  return verdict === 'same' ? `same within ${SAME_PERCENT} %` : verdict;
}

/** What came out, in a sentence. */
function conclusion({ verdict, low, high, more_pairs }: Comparison): string {
  if (low === null || high === null)
    return 'Whether B uses more energy cannot be told: in a run nothing was counted for it. Let them run longer.';
  const [least, most] = [low, high].map((ratio) => Math.abs((ratio - 1) * 100).toFixed(1));
  if (verdict === 'MORE') return `B uses ${least} to ${most} % more energy than A.`;
  if (verdict === 'LESS') return `B uses ${most} to ${least} % less energy than A.`;
  if (verdict === 'same') return `A and B use the same energy within ${SAME_PERCENT} %.`;
  const range = `${least} % ${low < 1 ? 'less' : 'more'} to ${most} % ${high < 1 ? 'less' : 'more'}`;
  return `Whether B uses more energy cannot be told: ${range}. About ${more_pairs} more pairs would do.`;
}

function limitText(result: Comparison, limit: number): string {
  return isMoreBy(result, limit)
    ? `That is surely more than ${limit} %: it fails.`
    : `That it is more than ${limit} % is not sure: it does not fail.`;
}

/** From here on others make single runs differ. */
const NOISY = 0.25;

function noiseLines(others: number): string[] {
  if (others < NOISY) return [];
  return [
    ` Others used ${Math.round(others * 100)} % of the machine's energy meanwhile: single runs are noisy.`,
  ];
}

const BARS = '▁▂▃▄▅▆▇█';
const MOST_BARS = 60;

/** The last ones, if there are many. */
function sparkline(values: readonly number[]): string {
  const shown = values.slice(-MOST_BARS);
  const [min, max] = [Math.min(...shown), Math.max(...shown)];
  const level = (value: number): number =>
    max > min ? Math.round(((value - min) / (max - min)) * (BARS.length - 1)) : 0;
  return shown.map((value) => BARS[level(value)]).join('');
}
