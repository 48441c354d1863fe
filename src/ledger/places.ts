// SPDX-License-Identifier: Apache-2.0
import { Budget } from './budget.ts';
import { type Entry, meanPower, newEntry, type Span } from './series.ts';

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
  open(key: string, owner: Owner, sinceMs: number, watts = 0): Entry<Owner> {
    const entry = this.#entries.get(key) ?? newEntry(owner, sinceMs, watts);
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
   * that were not charged in the interval have to wait: a process may have ended, a cgroup may have been removed.
   */
  settle(span: Span, deserves: (candidate: Candidate<Owner>) => boolean = () => true): void {
    for (const entry of this.#entries.values()) {
      entry.watts = meanPower(entry.watts, entry.unsettled, span);
      entry.unsettled = 0;
    }
    for (const candidate of this.#candidates.values()) {
      candidate.watts = meanPower(candidate.watts, candidate.unsettled, span);
      candidate.unsettled = 0;
    }
    const falling = [...this.#candidates.values()].toSorted((a, b) => b.watts - a.watts);
    for (const { key } of falling.slice(CANDIDATES_PER_PLACE * this.limit)) this.#candidates.delete(key);
    const eligible = falling.filter((one) => one.chargedMs === span.toMs && deserves(one));
    this.#admit(eligible, span.toMs);
  }

  /** Takes out the series that have ended and that nobody needs to see again. */
  forget(isDone: (entry: Entry<Owner>) => boolean): void {
    for (const [key, entry] of this.#entries)
      if (entry.endedMs !== undefined && isDone(entry)) this.#entries.delete(key);
  }

  /** Gives places to candidates, the largest first. Their series begin at 0. */
  #admit(candidates: readonly Candidate<Owner>[], nowMs: number): void {
    let weakest: Entry<Owner>[] | undefined;
    for (const { key, owner, watts } of candidates) {
      if (this.#entries.size >= 2 * this.limit) return;
      let victim: Entry<Owner> | undefined;
      if (this.#live >= this.limit) {
        weakest ??= this.#byPower(nowMs);
        victim = weakest.at(-1);
        if (!victim || victim.watts * TAKEOVER_RATIO >= watts) return;
      }
      if (!this.#permits.take(nowMs)) return;
      if (victim) {
        weakest!.pop();
        this.end(victim, nowMs);
      }
      this.open(key, owner, nowMs, watts);
    }
  }

  /** Those that may have to give way, the weakest last. */
  #byPower(nowMs: number): Entry<Owner>[] {
    return [...this.#entries.values()]
      .filter(({ endedMs, sinceMs }) => endedMs === undefined && nowMs - sinceMs >= TENURE_MS)
      .toSorted((a, b) => b.watts - a.watts);
  }
}
