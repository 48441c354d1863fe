// SPDX-License-Identifier: Apache-2.0
import { usageError } from '../model/errors.ts';
import type { Span } from './read.ts';

/** What `--from` and `--to` take. */
export const MOMENT = 'HH:MM[:SS], YYYY-MM-DDTHH:MM, or 90s, 10m, 2h, 1d before its end';

const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

const AGO = /^(\d{1,6})([smhd])$/;
const CLOCK = /^([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?$/;
const DATE = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?$/;

/** Whether it is one of these, whatever the recording. */
export function isMoment(text: string): boolean {
  return AGO.test(text) || CLOCK.test(text) || (DATE.test(text) && !Number.isNaN(dateOf(text)));
}

/** The part of a recording, which goes from `whole.from` to `whole.to`, that these say. @throws usageError if it is none. */
export function spanOf(given: { readonly from?: string; readonly to?: string }, whole: Span): Span {
  const from = given.from === undefined ? whole.from : momentOf(given.from, whole);
  const to = given.to === undefined ? whole.to : momentOf(given.to, whole);
  if (given.from !== undefined && given.to !== undefined && from > to)
    throw usageError(`--from ${given.from} is later than --to ${given.to}: exchange them`);
  if (from > to || from > whole.to || to < whole.from)
    throw usageError(
      `nothing was recorded from ${textOf(from)} to ${textOf(to)}: the recording is of ${textOf(whole.from)} to ${textOf(whole.to)}`,
    );
  return { from, to };
}

/** A time of day is of the day on which the recording begins, or, where that is before its begin, of the next one. */
function momentOf(text: string, whole: Span): number {
  const [, length, unit] = AGO.exec(text) ?? [];
  if (unit !== undefined) return whole.to - Number(length) * UNITS[unit]!;
  const [, hours, minutes, seconds = '0'] = CLOCK.exec(text) ?? [];
  if (hours === undefined) return dateOf(text);
  const day = new Date(whole.from);
  day.setHours(Number(hours), Number(minutes), Number(seconds), 0);
  // A second of grace: the first snapshot ends within the second that is asked for.
  if (day.getTime() < whole.from - 1000) day.setDate(day.getDate() + 1);
  return day.getTime();
}

/** In local time, unless it says another. */
function dateOf(text: string): number {
  return Date.parse(text.length === 10 ? `${text}T00:00` : text.replace(' ', 'T'));
}

/** `2026-01-31 14:30:05`, in local time. */
export function textOf(time: number): string {
  const date = new Date(time);
  const two = (value: number): string => String(value).padStart(2, '0');
  return (
    `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ` +
    `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
  );
}
