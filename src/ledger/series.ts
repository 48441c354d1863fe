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
  /** `value` as it was after the interval `heldFor`, which readers are shown as long as that is the last shown; undefined: none. */
  heldValue: number | undefined;
  heldFor: number;
}

/** Series that are charged, or the like, in one step, some tens of µs. */
export const STEP_SERIES = 128;

/** An interval in monotonic time, ms. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
  /** The number of the last interval that readers are shown, while this one is taken in. */
  readonly shown: number;
}

/** Time constant of mean powers, s. */
const FADE_S = 60;

/** A mean power after an interval in which `joules` were used: an exponential mean. */
export function meanPower(
  watts: number,
  joules: number,
  { fromMs, toMs }: Pick<Span, 'fromMs' | 'toMs'>,
): number {
  const seconds = (toMs - fromMs) / 1000;
  if (seconds <= 0) return watts;
  return watts + (joules / seconds - watts) * (1 - Math.exp(-seconds / FADE_S));
}

export function newEntry<Owner>(owner: Owner, sinceMs: number, { shown }: Span, watts = 0): Entry<Owner> {
  return {
    owner,
    value: 0,
    sinceMs,
    endedMs: undefined,
    watts,
    unsettled: 0,
    chargedMs: sinceMs,
    heldValue: undefined,
    heldFor: shown,
  };
}

/** Adds to a series that goes on. */
export function charge(entry: Entry<unknown>, amount: number, { toMs, shown }: Span): void {
  if (entry.heldFor !== shown) {
    entry.heldValue = entry.value;
    entry.heldFor = shown;
  }
  entry.value += amount;
  entry.unsettled += amount;
  entry.chargedMs = toMs;
}

/** The sum after the interval `shown`; undefined: there was no such series then. */
export function shownValue({ value, heldValue, heldFor }: Entry<unknown>, shown: number): number | undefined {
  return heldFor === shown ? heldValue : value;
}
