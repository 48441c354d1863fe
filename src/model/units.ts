// SPDX-License-Identifier: Apache-2.0

declare const unit: unique symbol;

/**
 * A number with a unit that the compiler knows. A plain number may be given for any of them, and what is computed from
 * them is a plain number again; but none may be given for another one. They stand where two quantities meet, so that
 * they cannot be exchanged: in the arguments of the functions below, and in what is passed to those.
 */
type Quantity<Unit extends string> = number & { readonly [unit]?: Unit };

export type Joules = Quantity<'J'>;
export type Watts = Quantity<'W'>;
export type Seconds = Quantity<'s'>;
export type Nanoseconds = Quantity<'ns'>;
/** Counts of an energy counter. */
export type Counts = Quantity<'1'>;
export type JoulesPerCount = Quantity<'J/1'>;

export function countedJoules(counts: Counts, scale: JoulesPerCount): Joules {
  return counts * scale;
}

export function toSeconds(time: Nanoseconds): Seconds {
  return time / 1e9;
}

/** Energy of a power that was drawn for some time. */
export function energyOf(power: Watts, time: Seconds): Joules {
  return time * power;
}

/** Mean power. */
export function powerOf(energy: Joules, time: Seconds): Watts {
  return energy / time;
}
