// SPDX-License-Identifier: Apache-2.0
import type { Kind } from './kinds.ts';
import type { Verb } from './verbs.ts';

/** Longest delay of a Node timer, ms; a longer one fires at once. */
export const MAX_TIMER_MS: number = 2 ** 31 - 1;

/** One setting. */
export interface Setting<T> {
  readonly kind: Kind<T>;
  /** The value where none is given. */
  readonly fallback?: T;
  /** What holds where none is given, if that is no single value. */
  readonly otherwise?: string;
  /** Its group cannot do without it. */
  readonly required?: true;
  /** Name on the command line, without dashes, and what stands for its value there. */
  readonly option?: string;
  readonly placeholder?: string;
  /** Its letter there; one means the same with every verb. */
  readonly short?: string;
  /** What completion offers for its value, where that is neither a file nor one of a few words. */
  readonly offers?: readonly string[];
  /** May be given several times on the command line, one item each. */
  readonly repeatable?: true;
  /** Verbs that have the option; without it all that measure. */
  readonly verbs?: readonly Verb[];
  /** Another option without which it means nothing to some of its verbs. */
  readonly needs?: { readonly option: string; readonly verbs: readonly Verb[] };
  /** Options that mean nothing beside it, and why: stands after its name. */
  readonly excludes?: { readonly options: readonly string[]; readonly because: string };
  /** Name in the agent's configuration file, with a dot in groups. */
  readonly key?: string;
  readonly description: string;
  /** The same in a few words, for the short help. */
  readonly brief?: string;
  /** Left to the long help and the manual. */
  readonly rare?: true;
}

/** Settings by their names in the library, with a dot in groups; a name or a type that is not an option's is an error. */
export type Table<O> = { readonly [K in keyof O]-?: Setting<NonNullable<O[K]>> };

export type InGroup<G extends string, O> = { [K in keyof O as `${G}.${K & string}`]: O[K] };

/** Rows of a table, for those who go through all of them. */
export function rowsOf(table: object): readonly (readonly [name: string, setting: Setting<unknown>])[] {
  return Object.entries(table) as never;
}
