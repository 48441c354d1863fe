// SPDX-License-Identifier: Apache-2.0
import { Budget } from './budget.ts';
import { Places } from './places.ts';
import { each, sorting } from '../util/cooperative.ts';
import { charge, type Entry, newEntry, type Span, STEP_SERIES } from './series.ts';

interface Charge<Owner> {
  readonly owner: Owner;
  amount: number;
}

/** When all places are taken, ten owners may take one from another at once, and then one more every 30 s. */
const TAKEOVERS = 10;
const TAKEOVER_MS = 30_000;

/**
 * All Joules of one metric, each in exactly one series, where it stays: a series of its owner while there is room,
 * the largest first, else that of a fixed owner such as `(other)`. Owners that are fixed have a series from the start
 * and for good.
 */
export class Partition<Owner> {
  readonly #places: Places<Owner>;
  readonly #fixed = new Map<string, Entry<Owner>>();
  readonly #fixedOwners: ReadonlyMap<string, Owner>;
  readonly #rest: string | undefined;
  #charges = new Map<string, Charge<Owner>>();

  /**
   * `limit` counts the fixed owners in. `rest` is the key of the one that gets what finds no place; without it the
   * limit must be Infinity.
   */
  constructor(limit: number, fixed: ReadonlyMap<string, Owner> = new Map(), rest?: string) {
    this.#places = new Places(limit - fixed.size, new Budget(TAKEOVERS, TAKEOVER_MS));
    this.#fixedOwners = fixed;
    this.#rest = rest;
  }

  get size(): number {
    return this.#fixed.size + this.#places.size;
  }

  *entries(): Generator<Entry<Owner>> {
    yield* this.#fixed.values();
    for (const [, entry] of this.#places.entries()) yield entry;
  }

  /** Charges an owner in the interval that `settle` ends. */
  add(key: string, owner: Owner, amount: number): void {
    const known = this.#charges.get(key);
    if (known) known.amount += amount;
    else this.#charges.set(key, { owner, amount });
  }

  /** Ends an interval, in steps: all that was charged in it goes to series. */
  *settle(span: Span): Generator<void, void> {
    for (const [key, owner] of this.#fixedOwners)
      if (!this.#fixed.has(key)) this.#fixed.set(key, newEntry(owner, span.fromMs, span));
    const charges = this.#charges;
    this.#charges = new Map();
    const newcomers: [string, Charge<Owner>][] = [];
    const chargeOne = (one: [string, Charge<Owner>]): void => {
      const [key, { amount }] = one;
      const entry = this.#fixed.get(key) ?? this.#places.live(key);
      if (entry) charge(entry, amount, span);
      else newcomers.push(one);
    };
    yield* each(charges, chargeOne, STEP_SERIES);
    const falling = yield* sorting(newcomers, ([, a], [, b]) => b.amount - a.amount);
    yield* each(falling, ([key, { owner, amount }]) => {
      if (this.#places.hasRoom) charge(this.#places.open(key, owner, span.fromMs, span), amount, span);
      else {
        charge(this.#fixed.get(this.#rest!)!, amount, span);
        this.#places.consider(key, owner, amount, span);
      }
    });
    yield* this.#places.settle(span);
  }

  /** Ends, in steps, the series of those that `isOver` says so of, of those that were not charged at `nowMs`. */
  *endIdle(nowMs: number, isOver: (owner: Owner) => boolean): Generator<void, void> {
    yield* each(this.#places.entries(), ([, entry]) => {
      if (entry.endedMs === undefined && entry.chargedMs < nowMs && isOver(entry.owner))
        this.#places.end(entry, nowMs);
    });
  }

  forget(isDone: (entry: Entry<Owner>) => boolean): Generator<void, void> {
    return this.#places.forget(isDone);
  }
}
