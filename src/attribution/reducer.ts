// SPDX-License-Identifier: Apache-2.0
import type { Columns } from '../probe/columns.ts';

/** `pid` of the rows that are idle time. */
export const IDLE = 0;

/** The kernel's rows with their prices, as columns: the figures of a row stand at its index. */
export interface PricedRows {
  readonly rows: Columns['rows'];
  /** J */
  readonly joules: Float64Array;
  /** Standard deviation of `joules` as far as it comes from learned powers, J, NaN where it is not known; null where none are learned. */
  readonly uncertainJoules: Float64Array | null;
  /** s */
  readonly seconds: Float64Array;
}

/** Adds priced rows up by something that they have in common. */
export interface Reducer<Result> {
  /** Takes in the rows from `begin` up to `end`, which have been priced. Every row is taken in once, in their order. */
  add(begin: number, end: number): void;
  /** To be called once, after all rows. */
  result(): Result;
}

export type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** For each CPU the index of the group that it is in; undefined for a CPU that is in none. */
export type GroupOfCpu = readonly (number | undefined)[];

export function groupOfCpu(groups: readonly { readonly cpus: readonly number[] }[]): GroupOfCpu {
  const last = groups.reduce((most, { cpus }) => Math.max(most, ...cpus), -1);
  const index = Array.from<number | undefined>({ length: last + 1 });
  groups.forEach(({ cpus }, i) => cpus.forEach((cpu) => (index[cpu] = i)));
  return index;
}
