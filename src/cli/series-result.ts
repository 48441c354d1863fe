// SPDX-License-Identifier: Apache-2.0
import { leastAttribution } from '../attribution/least.ts';
import { sum } from '../util/sum.ts';
import { deviation, mean } from '../verify/statistics.ts';
import { compare, type Comparison, METHOD } from './compare.ts';
import type { Run } from './run-series.ts';
import type { Figures } from './tally.ts';

/** What is told of each run beside its energy. */
export const FIGURES = ['energy_j', 'power_w', 'cpu_time_s', 'elapsed_s'] as const;
export type Figure = (typeof FIGURES)[number];

/** Of one figure of several runs. The deviation is a sample's: of single runs, not of their mean. */
export interface Spread {
  readonly mean: number;
  readonly deviation: number;
  readonly min: number;
  readonly max: number;
}

/** A run as results have it. What others used is what the machine used beside it, idle time and unattributed left out. */
export type RunResult = Omit<Figures, 'source' | 'shared_j'> & { readonly others_j: number };

/** Schema and shape of the result of `joules stat -r N`. */
export type RepeatResult = {
  readonly schema: 'joules.repeat/1';
  readonly command: readonly string[];
  readonly source: Figures['source'];
  readonly runs: readonly RunResult[];
} & Readonly<Record<Figure, Spread>>;

/** Schema and shape of the result of `joules stat --compare`. The ratio is that of energy, B / A. */
export type CompareResult = {
  readonly schema: 'joules.compare/1';
  readonly a: readonly string[];
  readonly b: readonly string[];
  readonly source: Figures['source'];
  readonly method: string;
  /** In their order. */
  readonly runs: readonly (RunResult & { readonly v: 'a' | 'b' })[];
} & Comparison &
  Readonly<Record<Figure, Comparison & { readonly a: Spread; readonly b: Spread }>>;

export function repeatResult(command: readonly string[], runs: readonly Run[]): RepeatResult {
  const figures = runs.map((run) => run.figures);
  return {
    schema: 'joules.repeat/1',
    command,
    source: sourceOf(figures),
    ...byFigure((name) => spread(figures.map((one) => one[name]))),
    runs: figures.map(runResult),
  };
}

export function compareResult(
  [a, b]: readonly [readonly string[], readonly string[]],
  runs: readonly Run[],
): CompareResult {
  const of = (command: number): readonly Figures[] =>
    runs.filter((run) => run.command === command).map(({ figures }) => figures);
  const [figuresOfA, figuresOfB] = [of(0), of(1)];
  const compared = byFigure((name) => {
    const [valuesOfA, valuesOfB] = [figuresOfA.map((one) => one[name]), figuresOfB.map((one) => one[name])];
    return { ...compare(valuesOfA, valuesOfB), a: spread(valuesOfA), b: spread(valuesOfB) };
  });
  const { a: _a, b: _b, ...energy } = compared.energy_j;
  return {
    schema: 'joules.compare/1',
    a,
    b,
    source: sourceOf(runs.map(({ figures }) => figures)),
    method: METHOD,
    ...energy,
    ...compared,
    runs: runs.map(({ command, figures }) => ({ v: command === 0 ? 'a' : 'b', ...runResult(figures) })),
  };
}

function byFigure<Of>(of: (name: Figure) => Of): Record<Figure, Of> {
  return Object.fromEntries(FIGURES.map((name) => [name, of(name)])) as Record<Figure, Of>;
}

function spread(values: readonly number[]): Spread {
  return {
    mean: mean(values),
    deviation: deviation(values),
    min: Math.min(...values),
    max: Math.max(...values),
  };
}

function sourceOf(figures: readonly Figures[]): Figures['source'] {
  const attribution = leastAttribution(figures.map(({ source }) => source.attribution));
  return { ...figures[0]!.source, attribution };
}

function runResult({ source: _source, shared_j: _shared, ...run }: Figures): RunResult {
  return { ...run, others_j: run.machine_j - run.idle_j - run.unattributed_j - run.energy_j };
}

/** Which part of what the machine used meanwhile others did, from 0 to 1. */
export function othersShare(runs: readonly RunResult[]): number {
  const machine = sum(runs.map(({ machine_j }) => machine_j));
  return machine > 0 ? sum(runs.map(({ others_j }) => others_j)) / machine : 0;
}
