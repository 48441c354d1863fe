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

/** When an interval began and ended, ms. */
export interface Times {
  readonly since: number;
  readonly now: number;
}

/** An account that was taken out, and whether its owner had ended. */
export interface Taken<Owner> extends Account<Owner> {
  readonly key: string;
  readonly ended: boolean;
}

interface Entry<Owner> extends Account<Owner> {
  /** As it was when last charged. */
  owner: Owner;
  joules: number;
  /** When it was opened and when it was last charged, ms. */
  readonly opened: number;
  active: number;
  /** What it was charged in this interval, and lately: a moving average per interval. */
  interval: number;
  recent: number;
  /** When its owner ended, ms; 0 while it lives. */
  ended: number;
  /** Never over, never to give way. */
  forGood: boolean;
  /** Readers that have seen it since. */
  readonly seen: Set<object>;
}

/** An ended account is kept for a reader that comes rarely (a scrape), but not for ever: 5 minutes. */
const KEEP_ENDED_MS = 300_000;
/** When room is short, what has not been charged for 10 minutes gives up its place. */
const KEEP_INACTIVE_MS = 600_000;

/** Weight of the last interval in `recent`: what is five intervals old counts for a third. */
const RECENT_WEIGHT = 0.2;
/** A newcomer takes a place only from one that lately used less than half as much and has had it for a minute. */
const TAKEOVER_RATIO = 2;
const TENURE_MS = 60_000;

/**
 * At most `limit` sums. One whose owner has ended is shown to each reader once more and then taken out, for
 * its Joules to be added elsewhere: nothing is ever lost here.
 */
export class Accounts<Owner> {
  readonly #limit: number;
  readonly #entries = new Map<string, Entry<Owner>>();
  /** Entries that are for good: they are beyond the limit. */
  #forGood = 0;
  /** Who could give up their place in this interval, the weakest last. */
  #candidates: [string, Entry<Owner>][] | undefined;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Adds to an account, opening it if need be. Returns false, and adds nothing, where there is no room. */
  add(key: string, owner: Owner, joules: number, times: Times): boolean {
    if (this.full && !this.has(key)) return false;
    this.#charge(key, owner, joules, times);
    return true;
  }

  /** Adds to an account that is beyond the limit and never over: `(other)`, `(removed)`. */
  addForGood(key: string, owner: Owner, joules: number, times: Times): void {
    const entry = this.#charge(key, owner, joules, times);
    if (!entry.forGood) this.#forGood++;
    entry.forGood = true;
  }

  #charge(key: string, owner: Owner, joules: number, { since, now }: Times): Entry<Owner> {
    let entry = this.#entries.get(key);
    if (!entry) {
      const seen = new Set<object>();
      entry = {
        owner,
        joules: 0,
        since,
        opened: now,
        active: 0,
        interval: 0,
        recent: joules,
        ended: 0,
        forGood: false,
        seen,
      };
      this.#entries.set(key, entry);
    }
    entry.owner = owner;
    entry.joules += joules;
    entry.interval += joules;
    entry.active = now;
    entry.ended = 0;
    entry.seen.clear();
    return entry;
  }

  /** Call before the first `add` of an interval. */
  beginInterval(): void {
    this.#candidates = undefined;
    for (const entry of this.#entries.values()) {
      entry.recent += (entry.interval - entry.recent) * RECENT_WEIGHT;
      entry.interval = 0;
    }
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  get full(): boolean {
    return this.#entries.size - this.#forGood >= this.#limit;
  }

  /** What a newcomer must have used more than in this interval to get a place, J; below 0 while there is room. */
  bar(now: number): number {
    if (!this.full) return -1;
    const weakest = this.#weakest(now);
    return weakest ? weakest[1].recent * TAKEOVER_RATIO : Infinity;
  }

  /**
   * Makes room for a newcomer that used `joules` in this interval, if somebody uses much less: takes that
   * account out, for the caller to place its Joules. Places are not passed to and fro: see TAKEOVER_RATIO.
   */
  giveWay(joules: number, now: number): (Account<Owner> & { readonly key: string }) | undefined {
    const weakest = this.#weakest(now);
    if (!weakest || weakest[1].recent * TAKEOVER_RATIO >= joules) return undefined;
    const [key, { owner, joules: former, since }] = weakest;
    this.#candidates?.pop();
    this.#entries.delete(key);
    return { key, owner, joules: former, since };
  }

  #weakest(now: number): [string, Entry<Owner>] | undefined {
    this.#candidates ??= [...this.#entries]
      .filter(([, entry]) => !entry.forGood && now - entry.opened >= TENURE_MS)
      .toSorted(([, a], [, b]) => b.recent - a.recent);
    return this.#candidates.at(-1);
  }

  /** The owner has ended. */
  end(key: string, now: number): void {
    const entry = this.#entries.get(key);
    if (entry) entry.ended ||= now;
  }

  /** All accounts as series, as `reader` sees them. */
  read<Attributes>(reader: object, attributes: (owner: Owner) => Attributes): (Attributes & Series)[] {
    return Array.from(this.#entries.values(), (entry) => {
      if (entry.ended) entry.seen.add(reader);
      return { ...attributes(entry.owner), joules: entry.joules, since: entry.since };
    });
  }

  /** Takes out the accounts that are over; their Joules are the caller's to place. */
  takeOver(readers: ReadonlySet<object>, now: number): Taken<Owner>[] {
    const { full } = this;
    const over = [...this.#entries].filter(([, { ended, seen, active, forGood }]) => {
      if (forGood) return false;
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
      .filter((entry) => !entry.ended && !entry.forGood && entry.active < now)
      .map(({ owner }) => owner);
  }
}

/**
 * The `most` largest in falling order, then the others in any: to sort 10,000 for the sake of 1,000 takes as
 * long as all else that is done with them.
 */
export function largestFirst<Usage extends { readonly energy_j: number }>(
  usages: readonly Usage[],
  most: number = Infinity,
): Usage[] {
  const falling = (a: Usage, b: Usage): number => b.energy_j - a.energy_j;
  if (usages.length <= most) return usages.toSorted(falling);
  const least = Float64Array.from(usages, ({ energy_j }) => energy_j)
    .toSorted()
    .at(-most)!;
  const first = usages.filter(({ energy_j }) => energy_j >= least).toSorted(falling);
  return [...first, ...usages.filter(({ energy_j }) => energy_j < least)];
}
