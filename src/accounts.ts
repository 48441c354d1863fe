// SPDX-License-Identifier: Apache-2.0

/** A cumulative sum in Joules and when counting it began (ms since the epoch). */
export interface Series {
  readonly joules: number;
  readonly since: number;
}

/** A series of a ledger, and what it is the sum of. */
export interface Account<Owner> extends Series {
  readonly owner: Owner;
}

/** An account that was taken out, and whether its owner had ended. */
export interface Taken<Owner> extends Account<Owner> {
  readonly key: string;
  readonly ended: boolean;
}

interface Entry<Owner> extends Account<Owner> {
  joules: number;
  /** When it was last charged, ms. */
  active: number;
  /** When its owner ended, ms; 0 while it lives. */
  ended: number;
  /** Readers that have seen it since. */
  readonly seen: Set<object>;
}

/** An ended account is kept for a reader that comes rarely (a scrape), but not for ever: 5 minutes. */
const KEEP_ENDED_MS = 300_000;
/** When room is short, what has not been charged for 10 minutes gives up its place. */
const KEEP_INACTIVE_MS = 600_000;

/**
 * At most `limit` sums. One whose owner has ended is shown to each reader once more and then taken out, for
 * its Joules to be added elsewhere: nothing is ever lost here.
 */
export class Accounts<Owner> {
  readonly #limit: number;
  readonly #entries = new Map<string, Entry<Owner>>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Adds to an account, opening it if need be. Returns false, and adds nothing, where there is no room. */
  add(key: string, owner: Owner, joules: number, times: { since: number; now: number }): boolean {
    if (!this.#entries.has(key) && this.#entries.size >= this.#limit) return false;
    this.addAlways(key, owner, joules, times);
    return true;
  }

  /** As `add`, beyond the limit if need be: for `(other)` and `(removed)`. */
  addAlways(key: string, owner: Owner, joules: number, times: { since: number; now: number }): void {
    let entry = this.#entries.get(key);
    if (!entry) {
      entry = { owner, joules: 0, since: times.since, active: 0, ended: 0, seen: new Set() };
      this.#entries.set(key, entry);
    }
    entry.joules += joules;
    entry.active = times.now;
    entry.ended = 0;
    entry.seen.clear();
  }

  /** The owner has ended. */
  end(key: string, now: number): void {
    const entry = this.#entries.get(key);
    if (entry) entry.ended ||= now;
  }

  /** All accounts, as `reader` sees them. */
  read(reader: object): Account<Owner>[] {
    return Array.from(this.#entries.values(), (entry) => {
      if (entry.ended) entry.seen.add(reader);
      return { owner: entry.owner, joules: entry.joules, since: entry.since };
    });
  }

  /** Takes out the accounts that are over; their Joules are the caller's to place. */
  takeOver(readers: ReadonlySet<object>, now: number): Taken<Owner>[] {
    const full = this.#entries.size >= this.#limit;
    const over = [...this.#entries].filter(([, { ended, seen, active }]) => {
      if (!ended) return full && now - active > KEEP_INACTIVE_MS;
      return full || now - ended > KEEP_ENDED_MS || [...readers].every((reader) => seen.has(reader));
    });
    for (const [key] of over) this.#entries.delete(key);
    return over.map(([key, { owner, joules, since, ended }]) => ({
      key,
      owner,
      joules,
      since,
      ended: ended > 0,
    }));
  }

  /** Accounts whose owner lives, and which were not charged at `now`. */
  idle(now: number): Owner[] {
    return [...this.#entries.values()]
      .filter((entry) => !entry.ended && entry.active < now)
      .map(({ owner }) => owner);
  }
}
