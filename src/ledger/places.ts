// SPDX-License-Identifier: Apache-2.0
import { Budget } from './budget.ts';
import { each, sorting } from '../util/cooperative.ts';
import { type Entry, meanPower, newEntry, type Span, STEP_SERIES } from './series.ts';

/** Who has no place, and whether it deserves one. */
export interface Candidate<Owner> {
  readonly key: string;
  readonly owner: Owner;
  watts: number;
  /** What it was charged elsewhere since `watts` was brought up to date, J. */
  unsettled: number;
  /** Monotonic time from which on it has been a candidate, ms. */
  readonly sinceMs: number;
  chargedMs: number;
}

/** A newcomer takes a place only from one that draws less than half as much, and has had it for ten minutes. */
const TAKEOVER_RATIO = 2;
const TENURE_MS = 600_000;
/** Candidates that may get a place in one step. */
const STEP_ADMISSIONS = 16;
/** Candidates that are remembered, in places. */
const CANDIDATES_PER_PLACE = 2;

/**
 * At most `limit` series that go on, and as many that have ended and are still to be shown. The largest have the
 * places, with hysteresis; `permits` bounds how often candidates get one. What is charged stays where it is.
 */
export class Places<Owner> {
  readonly limit: number;
  readonly #permits: Budget;
  readonly #entries = new Map<string, Entry<Owner>>();
  readonly #candidates = new Map<string, Candidate<Owner>>();
  #live = 0;

  constructor(limit: number, permits: Budget) {
    this.limit = limit;
    this.#permits = permits;
  }

  /** Series that go on, and those that are still to be shown. */
  get size(): number {
    return this.#entries.size;
  }

  get hasRoom(): boolean {
    return this.#live < this.limit && this.#entries.size < 2 * this.limit;
  }

  entries(): IterableIterator<[string, Entry<Owner>]> {
    return this.#entries.entries();
  }

  /** The series that goes on under this key. */
  live(key: string): Entry<Owner> | undefined {
    const entry = this.#entries.get(key);
    return entry?.endedMs === undefined ? entry : undefined;
  }

  /** Opens a series, or takes up again one that is not gone yet. There must be room. */
  open(key: string, owner: Owner, sinceMs: number, span: Span, watts = 0): Entry<Owner> {
    const entry = this.#entries.get(key) ?? newEntry(owner, sinceMs, span, watts);
    this.#entries.set(key, entry);
    entry.endedMs = undefined;
    entry.watts = watts;
    entry.chargedMs = sinceMs;
    this.#candidates.delete(key);
    this.#live++;
    return entry;
  }

  /** Remembers who was charged elsewhere for want of a place. */
  consider(key: string, owner: Owner, joules: number, { fromMs, toMs }: Span): void {
    let candidate = this.#candidates.get(key);
    if (!candidate) {
      candidate = { key, owner, watts: 0, unsettled: 0, sinceMs: fromMs, chargedMs: toMs };
      this.#candidates.set(key, candidate);
    }
    candidate.unsettled += joules;
    candidate.chargedMs = toMs;
  }

  end(entry: Entry<Owner>, nowMs: number): void {
    if (entry.endedMs !== undefined) return;
    entry.endedMs = nowMs;
    this.#live--;
  }

  /**
   * Ends an interval: brings mean powers up to date and gives places to candidates that `deserves` lets through. Those
   * that were not charged in the interval have to wait: a process may have ended, a cgroup may have been removed. In steps;
   * says whether there is another series in a place.
   */
  *settle(
    span: Span,
    deserves: (candidate: Candidate<Owner>) => boolean = () => true,
  ): Generator<void, boolean> {
    const fade = (one: Entry<Owner> | Candidate<Owner>): void => {
      one.watts = meanPower(one.watts, one.unsettled, span);
      one.unsettled = 0;
    };
    yield* each(this.#entries.values(), fade, STEP_SERIES);
    yield* each(this.#candidates.values(), fade, STEP_SERIES);
    const falling = yield* sorting(this.#candidates.values(), (a, b) => b.watts - a.watts);
    for (const { key } of falling.slice(CANDIDATES_PER_PLACE * this.limit)) this.#candidates.delete(key);
    return yield* this.#admitting(falling, (one) => one.chargedMs === span.toMs && deserves(one), span);
  }

  /** Takes out, in steps, the series that have ended and that nobody needs to see again. */
  *forget(isDone: (entry: Entry<Owner>) => boolean): Generator<void, void> {
    if (this.#entries.size === this.#live) return;
    const forgetOne = ([key, entry]: [string, Entry<Owner>]): void => {
      if (entry.endedMs !== undefined && isDone(entry)) this.#entries.delete(key);
    };
    yield* each(this.#entries, forgetOne, STEP_SERIES);
  }

  /** Gives places to those candidates that are eligible, the first ones first. Their series begin at 0. */
  *#admitting(
    candidates: readonly Candidate<Owner>[],
    isEligible: (candidate: Candidate<Owner>) => boolean,
    span: Span,
  ): Generator<void, boolean> {
    const nowMs = span.toMs;
    let weakest: Entry<Owner>[] | undefined;
    let admitted = false;
    for (const [i, candidate] of candidates.entries()) {
      if (i % STEP_ADMISSIONS === 0) yield;
      if (!isEligible(candidate)) continue;
      const { key, owner, watts } = candidate;
      if (this.#entries.size >= 2 * this.limit) break;
      let victim: Entry<Owner> | undefined;
      if (this.#live >= this.limit) {
        weakest ??= yield* this.#byPower(nowMs);
        victim = weakest.at(-1);
        if (!victim || victim.watts * TAKEOVER_RATIO >= watts) break;
      }
      if (!this.#permits.take(nowMs)) break;
      if (victim) {
        weakest!.pop();
        this.end(victim, nowMs);
      }
      this.open(key, owner, nowMs, span, watts);
      admitted = true;
    }
    return admitted;
  }

  /** Those that may have to give way, the weakest last. */
  #byPower(nowMs: number): Generator<void, Entry<Owner>[]> {
    const settled = [...this.#entries.values()].filter(
      ({ endedMs, sinceMs }) => endedMs === undefined && nowMs - sinceMs >= TENURE_MS,
    );
    return sorting(settled, (a, b) => b.watts - a.watts);
  }
}
