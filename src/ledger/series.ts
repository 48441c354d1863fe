// SPDX-License-Identifier: Apache-2.0

/** A sum of one owner that only grows, from when counting it began to when it ended. Times are monotonic, ms. */
export interface Series<Owner> {
  readonly owner: Owner;
  /** In the unit of its metric, Joules in most. */
  readonly value: number;
  readonly sinceMs: number;
  /** When its owner ended or its place was taken; undefined while it goes on. */
  readonly endedMs: number | undefined;
}

/** A series as its table keeps it. */
export interface Entry<Owner> extends Series<Owner> {
  value: number;
  endedMs: number | undefined;
  /** Mean power lately, W: it decides who has a place and who must give one up. */
  watts: number;
  /** What it was charged since `watts` was brought up to date, J. */
  unsettled: number;
  chargedMs: number;
}

/** An interval in monotonic time, ms. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Time constant of mean powers, s. */
const FADE_S = 60;

/** A mean power after an interval in which `joules` were used: an exponential mean. */
export function meanPower(watts: number, joules: number, { fromMs, toMs }: Span): number {
  const seconds = (toMs - fromMs) / 1000;
  if (seconds <= 0) return watts;
  return watts + (joules / seconds - watts) * (1 - Math.exp(-seconds / FADE_S));
}

export function newEntry<Owner>(owner: Owner, sinceMs: number, watts = 0): Entry<Owner> {
  return { owner, value: 0, sinceMs, endedMs: undefined, watts, unsettled: 0, chargedMs: sinceMs };
}

/** Adds to a series that goes on. */
export function charge(entry: Entry<unknown>, amount: number, { toMs }: Span): void {
  entry.value += amount;
  entry.unsettled += amount;
  entry.chargedMs = toMs;
}
