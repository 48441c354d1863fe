// SPDX-License-Identifier: Apache-2.0
import { sum } from '../../../src/util/sum.ts';
import { GOALS, OTHER, OTHER_PINNED, WITHIN_2, WORSE_THAN_TIME } from './goals.ts';
import { hardwareOf } from './hardware.ts';
import type { Verdict } from './judge.ts';
import { LOADS } from './loads.ts';
import { type Judged, type Result, run } from './run.ts';

/** Packages x threads of each. */
export const SIZES: readonly string[] = Object.keys(GOALS);

export interface TableOptions {
  readonly sizes: readonly string[];
  readonly loads: readonly string[];
  readonly seeds: readonly number[];
  readonly seconds: number;
  readonly world: string;
}

/** A residual is what sums of floating-point numbers leave over. */
const CLOSED = 1e-9;
const HEAD = [
  'load',
  'time: misattributed (share)',
  'share at 1 s',
  '5 s',
  '30 s',
  '60 s',
  'misattributed',
  'p95 / worst task',
  'cgroups',
  'shared + idle: off (true)',
  'within 1 / 2 sigma',
  'missed',
];

/** How wrong packages are metered, in Markdown, %: a table for each size, line by line as it is known. */
export async function* tables(options: TableOptions): AsyncGenerator<string> {
  const { sizes, loads, world } = options;
  const odd =
    sizes.find((size) => !SIZES.includes(size)) ??
    loads.find((load) => !Object.hasOwn(LOADS, load)) ??
    (hardwareOf(world) ? undefined : world);
  if (odd !== undefined) throw new Error(`there is no size, load or world ${odd}`);
  for (const size of sizes) {
    yield `Packages of ${size} threads, seeds ${options.seeds.join(' ')}, ${options.seconds} s, %:\n\n`;
    yield line(HEAD) + line(HEAD.map((_, i) => (i === 0 ? '---' : '--:')));
    const all: Row[] = [];
    for (const load of loads) {
      const row = rowOf(load, await runAll(size, load, options));
      all.push(row);
      yield line(cells(row, size));
    }
    yield `${line(cells(meanOf(all), size))}\n`;
  }
}

async function runAll(
  size: string,
  load: string,
  { seeds, seconds, world }: TableOptions,
): Promise<Result[]> {
  const [packages, width] = size.split('x').map(Number) as [number, number];
  const results: Result[] = [];
  for (const seed of seeds) {
    results.push(await run({ load, threads: packages * width, packages, seed, seconds, world }));
  }
  return results;
}

/** Means over the seeds, %, and what of a load broke a rule that holds always. */
interface Row {
  readonly name: string;
  /** By the interval's end. */
  readonly shares: ReadonlyMap<number, number>;
  readonly last: Readonly<Record<Figure, number>>;
  readonly timeShares: ReadonlyMap<number, number>;
  readonly timeMisattributed: number;
  readonly broken: readonly string[];
}

const FIGURES = [
  'misattributed',
  'p95',
  'worst',
  'cgroups',
  'executables',
  'other',
  'otherTrue',
  'within1',
  'within2',
] as const satisfies readonly (keyof Verdict)[];
type Figure = (typeof FIGURES)[number];

function mean(values: readonly number[]): number {
  return sum(values) / values.length;
}

function rowOf(name: string, results: readonly Result[]): Row {
  const ends = results[0]!.intervals.map(({ at }) => at);
  const last = results.map(({ intervals }) => intervals.at(-1)!);
  const shares = (way: 'learned' | 'time'): Map<number, number> =>
    new Map(ends.map((at, i) => [at, mean(results.map(({ intervals }) => 100 * intervals[i]![way].share))]));
  const covered = ends.flatMap((at, i) => {
    const told = results.flatMap(({ intervals }) => intervals[i]!.learned.within2 ?? []);
    const within = 100 * mean(told);
    return within < WITHIN_2 ? [`two sigma hold ${text(within)} at ${at} s`] : [];
  });
  const broken = results.flatMap(({ seed, intervals }) =>
    intervals.flatMap((judged) => rulesBroken(judged).map((rule) => `${rule} (seed ${seed})`)),
  );
  return {
    name,
    shares: shares('learned'),
    last: figures((figure) => mean(last.map(({ learned }) => 100 * (learned[figure] ?? NaN)))),
    timeShares: shares('time'),
    timeMisattributed: mean(last.map(({ time }) => 100 * time.misattributed)),
    broken: [...broken, ...covered],
  };
}

function figures(of: (figure: Figure) => number): Record<Figure, number> {
  return Object.fromEntries(FIGURES.map((figure) => [figure, of(figure)])) as Record<Figure, number>;
}

/** What must hold of every load, seed and interval. */
function rulesBroken({ at, learned, time }: Judged): readonly string[] {
  const rules: readonly (readonly [isKept: boolean, name: string])[] = [
    [100 * (learned.share - time.share) <= WORSE_THAN_TIME, 'worse than time'],
    [Math.abs(learned.residual) < CLOSED && Math.abs(time.residual) < CLOSED, 'ledger'],
    [Number.isFinite(learned.share), 'NaN'],
  ];
  return rules.filter(([isKept]) => !isKept).map(([, name]) => `${name} at ${at} s`);
}

function meanOf(rows: readonly Row[]): Row {
  const of = (value: (row: Row) => number): number => mean(rows.map(value));
  const meanShares = (shares: (row: Row) => ReadonlyMap<number, number>): Map<number, number> =>
    new Map([...shares(rows[0]!).keys()].map((at) => [at, of((row) => shares(row).get(at)!)]));
  return {
    // Of some of the loads there is no goal.
    name: rows.length === Object.keys(LOADS).length ? 'mean' : 'mean of these',
    shares: meanShares(({ shares }) => shares),
    last: figures((figure) => of(({ last }) => last[figure])),
    timeShares: meanShares(({ timeShares }) => timeShares),
    timeMisattributed: of(({ timeMisattributed }) => timeMisattributed),
    broken: [],
  };
}

function cells(row: Row, size: string): readonly string[] {
  const { last, shares, timeShares } = row;
  const goal = GOALS[size]?.[row.name];
  const missed = [...row.broken];
  const judged = (value: number, most: number | undefined, what: string): string => {
    if (most === undefined || !(value > most)) return text(value);
    missed.push(`${what} above ${text(most)}`);
    return `**${text(value)}**`;
  };
  const share = (at: number, most?: number): string => {
    const floor = row.name === 'homog' ? timeShares.get(at)! : 0;
    return judged(shares.get(at) ?? NaN, most === undefined ? most : most + floor, `${at} s`);
  };
  const shown = [
    row.name,
    `${text(row.timeMisattributed)} (${text([...timeShares.values()].at(-1)!)})`,
    share(1),
    share(5, goal?.share5),
    share(30),
    share(60, goal?.share60),
    shares.has(60)
      ? judged(last.misattributed, goal?.misattributed60, 'misattributed')
      : text(last.misattributed),
    `${text(last.p95)} / ${text(last.worst)}`,
    text(last.cgroups),
    `${text(last.other)} (${text(last.otherTrue)})`,
    `${text(last.within1)} / ${text(last.within2)}`,
  ];
  judged(last.executables, goal?.executables60, 'executables');
  judged(Math.abs(last.other), row.name === 'pinned' ? OTHER_PINNED : OTHER, 'shared + idle');
  return [...shown, missed.join(', ')];
}

function text(percents: number): string {
  if (Number.isNaN(percents)) return '-';
  return percents.toFixed(Math.abs(percents) < 9.95 ? 1 : 0);
}

function line(texts: readonly string[]): string {
  return `| ${texts.join(' | ')} |\n`;
}
