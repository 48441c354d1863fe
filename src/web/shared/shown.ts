// SPDX-License-Identifier: Apache-2.0
import { beginOf, type History } from './history.ts';
import { addRows, type Rolling, type RowSum, type RowSums } from './sums.ts';
import type { Frame, LedgerParts, Rows } from './wire.ts';

/** A time that somebody has marked, ms since 1970. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** The time that all figures are of, and what was used in it. */
export interface Shown extends Span {
  /** What was measured of it, ms. */
  readonly ms: number;
  readonly ledger: LedgerParts;
  /** All that was counted, µJ. */
  readonly total: number;
  readonly rows: Readonly<ReadonlyMap<number, RowSum>>;
  /** Joules are told of a longer time than watts where that is now: of a minute. */
  readonly longer: { readonly ms: number; readonly rows: ReadonlyMap<number, RowSum> };
  /** Columns of sparklines: what rows had in each, one after the other. */
  readonly steps: readonly Step[];
}

/** A frame or a bucket. */
export interface Step extends Span {
  readonly ms: number;
  readonly rows: Rows;
}

export function shownNow(
  { frames }: Pick<History, 'frames'>,
  now: Rolling,
  minute: Rolling,
): Shown | undefined {
  const covered = now.length === 0 ? [] : frames.slice(-now.length);
  if (covered.length === 0) return undefined;
  return {
    ...sumFrames(covered),
    rows: copy(now.sums),
    longer: { ms: minute.ms, rows: copy(minute.sums) },
    steps: frames.filter(({ rows }) => rows).map(stepOf),
  };
}

/**
 * What is known of a span with rows: its ends are moved to where one row's time ends and another's begins, which is every
 * second in the last minute and every 10 s before it.
 */
export function shownSpan(history: History, span: Span): Shown | undefined {
  const steps = stepsOf(history).filter(({ from, to }) => {
    const middle = (from + to) / 2;
    return middle >= span.from && middle <= span.to;
  });
  const [first] = steps;
  if (!first) return undefined;
  const frames = framesIn(history, { from: first.from, to: steps.at(-1)!.to });
  const rows: RowSums = new Map();
  for (const step of steps) addRows(rows, step.rows);
  const sums = sumFrames(frames);
  return { ...sums, rows, longer: { ms: sums.ms, rows }, steps };
}

/** Frames of a span. Clocks are some ms apart, so what counts is the middle of each. */
export function framesIn({ frames }: History, { from, to }: Span): readonly Frame[] {
  return frames.filter(({ time, ms }) => time - ms / 2 > from && time - ms / 2 < to);
}

/** Buckets where the frames have lost their rows, and after the last of those the frames. */
export function stepsOf({ frames, buckets }: History): Step[] {
  const fine = frames.filter(({ rows }) => rows);
  const [first] = fine;
  const begin = first ? beginOf(first) - first.ms / 2 : Infinity;
  // From the first bucket on all of whose frames are there.
  const coarse = buckets.filter(({ from }) => from < begin);
  const end = coarse.at(-1)?.to ?? 0;
  return [...coarse, ...fine.filter(({ time }) => time > end).map(stepOf)];
}

function stepOf(frame: Frame): Step {
  return { from: beginOf(frame), to: frame.time, ms: frame.ms, rows: frame.rows! };
}

function sumFrames(frames: readonly Frame[]): Span & Pick<Shown, 'ms' | 'ledger' | 'total'> {
  const ledger = { process: 0, idle: 0, shared: 0, gap: 0, lost: 0 };
  let ms = 0;
  for (const frame of frames) {
    ms += frame.ms;
    for (const part of Object.keys(ledger) as (keyof LedgerParts)[]) ledger[part] += frame.ledger[part];
  }
  const total = Object.values(ledger).reduce((sum, part) => sum + part, 0);
  return { from: beginOf(frames[0]!), to: frames.at(-1)!.time, ms, ledger, total };
}

/** What is shown stays as it is while it is looked at, whatever comes. */
function copy(sums: RowSums): RowSums {
  return new Map(Array.from(sums, ([id, sum]) => [id, { ...sum }]));
}
