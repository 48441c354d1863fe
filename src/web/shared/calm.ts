// SPDX-License-Identifier: Apache-2.0

/** What one must have more than the one above it to take its place. */
const MARGIN = 1.25;
/** Weight of the newest figure in what is compared. */
const WEIGHT = 0.6;

/**
 * An order by size that people can read: a row moves up only past one that it beats by a quarter, in means that forget
 * slowly. Few rows move from one second to the next, and hardly any of the watts are missing at the top.
 */
export class CalmOrder {
  #order: string[] = [];
  #means = new Map<string, number>();

  /** The keys of `sizes` in an order that is as much like the last one as may be. */
  next(sizes: ReadonlyMap<string, number>): readonly string[] {
    const means = new Map<string, number>();
    for (const [key, size] of sizes) {
      const former = this.#means.get(key);
      // What has nothing now is below what has something.
      means.set(key, size <= 0 ? 0 : former === undefined ? size : former + WEIGHT * (size - former));
    }
    this.#means = means;
    const rank = (key: string): number => means.get(key)!;
    const kept = this.#order.filter((key) => sizes.has(key));
    const had = new Set(kept);
    const added = [...sizes.keys()].filter((key) => !had.has(key)).toSorted((a, b) => rank(b) - rank(a));
    this.#order = settle(merge(kept, added, rank), rank);
    return this.#order;
  }

  /** Begins anew, with what is largest first. */
  reset(): void {
    this.#order = [];
    this.#means.clear();
  }
}

/** New ones come in where they belong, before the first that is smaller. */
function merge(kept: readonly string[], added: readonly string[], rank: (key: string) => number): string[] {
  const order: string[] = [];
  let next = 0;
  for (const key of kept) {
    while (next < added.length && rank(added[next]!) > rank(key)) order.push(added[next++]!);
    order.push(key);
  }
  return [...order, ...added.slice(next)];
}

function settle(order: string[], rank: (key: string) => number): string[] {
  for (let i = 1; i < order.length; i++)
    for (let j = i; j > 0 && rank(order[j]!) > MARGIN * rank(order[j - 1]!); j--)
      [order[j], order[j - 1]] = [order[j - 1]!, order[j]!];
  return order;
}
