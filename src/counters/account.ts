// SPDX-License-Identifier: Apache-2.0
import type { Counter } from '../model/source.ts';
import { advance, type Sample } from './advance.ts';
import { openCounter, type OpenCounter } from './location.ts';

/** What a counter counted since it was taken last. */
export interface Reading {
  /** J; undefined: it could not be read, or has not moved yet. */
  readonly joules: number | undefined;
  /** It could not be read the last time: the Joules are also of before. */
  readonly late: boolean;
  /** Some of its energy is missing: it was opened anew, or it jumped. */
  readonly broken: boolean;
}

/** A counter that is read, and what it counted since it was taken last. */
export interface Account {
  readonly counter: Counter;
  /** Why it cannot be read; undefined if it can. */
  failure: string | undefined;
  open: OpenCounter | undefined;
  last: Sample | undefined;
  joules: number;
  /** Since it was taken: it was read; it was found to have advanced, by 0 too; energy is missing in part. */
  read: boolean;
  known: boolean;
  broken: boolean;
  /** It was not read between the two times that it was taken last. */
  late: boolean;
  /** It has ever moved: one that has not may be none. */
  moved: boolean;
}

export function newAccount(counter: Counter, moved = false): Account {
  return {
    counter,
    failure: undefined,
    open: undefined,
    last: undefined,
    joules: 0,
    read: false,
    known: false,
    broken: false,
    late: false,
    moved,
  };
}

/** What happened at a reading that somebody should know. */
export type News = 'wrapped' | 'jumped' | undefined;

/** Reads the counter, opening it if need be. Rejects, and leaves it closed, where that fails. */
export async function readAccount(account: Account): Promise<News> {
  const { counter, last } = account;
  try {
    account.open ??= openCounter(counter.place);
    const now = { count: await account.open.read(), ms: performance.now() };
    account.last = now;
    account.read = true;
    if (last) return add(account, last, now);
    account.broken = true;
    return undefined;
  } catch (error) {
    closeAccount(account);
    throw error;
  }
}

function add(account: Account, last: Sample, now: Sample): News {
  const { joules, wrapped } = advance(account.counter, last, now);
  if (joules === undefined) {
    account.broken = true;
    return 'jumped';
  }
  account.joules += joules;
  account.known = true;
  account.moved ||= joules > 0;
  return wrapped ? 'wrapped' : undefined;
}

/** What was read since the last time; begins anew. */
export function settle(account: Account): Reading {
  const { joules, read, known, late, broken, moved } = account;
  account.joules = 0;
  account.read = account.known = account.broken = false;
  account.late = !read;
  return { joules: known && moved ? joules : undefined, late: late && known && !broken, broken };
}

/** A perf event that is opened anew counts from 0; registers go on counting while nobody reads them. */
export function closeAccount(account: Account): void {
  account.open?.close();
  account.open = undefined;
  if (account.counter.place.via === 'perf') account.last = undefined;
}
